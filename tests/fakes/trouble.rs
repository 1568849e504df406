//! What goes wrong with calls, because a test wants it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Befalls some calls; as JSON:
/// `{"operation": "capture", "about": "…", "times": 2, "effect": {"answer": {"status": 503}}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// As the book names it; empty: any.
    #[serde(default)]
    pub operation: String,
    /// Order, payment or reference, as the book names it; empty: any.
    #[serde(default)]
    pub about: String,
    /// Calls that are spared first.
    #[serde(default)]
    pub after: u32,
    /// Calls it befalls; 0: all, until it is ended.
    #[serde(default = "once")]
    pub times: u32,
    /// What is asked is done, and then it goes wrong.
    #[serde(default)]
    pub is_done: bool,
    pub effect: Effect,
}

/// What goes wrong, as JSON, and in words.
pub(crate) const EFFECTS: [(&str, &str); 7] = [
    (r#"{"slow": {"millis": 500}}"#, "it takes so long"),
    (r#""silence""#, "there is never an answer"),
    (r#"{"late": {"millis": 500}}"#, "there is never an answer, and it is done after so long"),
    (r#""stuck""#, "there is never an answer, and it is done when the troubles are ended"),
    (r#""waiting""#, "it is done and answered when the troubles are ended"),
    (r#""hang_up""#, "the connection is closed without an answer"),
    (
        r#"{"answer": {"status": 422, "code": "…", "text": "…"}}"#,
        "it is refused in the provider's words; a success that does nothing, with 200",
    ),
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// It takes this long, and nothing else can be done meanwhile to what it is about.
    Slow { millis: u64 },
    /// There is never an answer.
    Silence,
    /// There is never an answer, and it is done this long after it was asked.
    Late { millis: u64 },
    /// There is never an answer, and it is done when the troubles are ended.
    Stuck,
    /// It is done and answered when the troubles are ended, and nothing else can be done meanwhile to
    /// what it is about.
    Waiting,
    /// The connection is closed without an answer.
    HangUp,
    /// It is refused in the provider's own words.
    Answer(Refusal),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The provider's own; where it has none, it does not matter.
    pub code: String,
    pub text: String,
}

fn once() -> u32 {
    1
}

impl Trouble {
    /// Befalls the next call of this operation, whatever it is about.
    #[must_use]
    pub fn of(operation: &str, effect: Effect) -> Self {
        Self {
            operation: operation.to_owned(),
            about: String::new(),
            after: 0,
            times: once(),
            is_done: false,
            effect,
        }
    }

    #[must_use]
    pub fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    #[must_use]
    pub fn times(mut self, calls: u32) -> Self {
        self.times = calls;
        self
    }

    #[must_use]
    pub fn always(self) -> Self {
        self.times(0)
    }

    #[must_use]
    pub fn once_done(mut self) -> Self {
        self.is_done = true;
        self
    }

    /// Whether its operation is one of these, or any.
    pub(crate) fn is_of(&self, operations: &[&str]) -> bool {
        self.operation.is_empty() || operations.contains(&self.operation.as_str())
    }

    /// What to say to somebody who names another.
    pub(crate) fn misspelt(&self, operations: &[&str]) -> Value {
        let known = operations.join(", ");
        json!({ "error": format!("unknown operation `{}`, expected one of {known}", self.operation) })
    }

    fn befalls(&self, operation: &str, about: &str) -> bool {
        (self.operation.is_empty() || self.operation == operation)
            && (self.about.is_empty() || self.about == about)
    }
}

impl Effect {
    #[must_use]
    pub fn answer(status: u16, code: &str, text: &str) -> Self {
        Self::Answer(Refusal { status, code: code.to_owned(), text: text.to_owned() })
    }
}

/// The trouble that befalls a call, if any; the oldest that fits.
pub(crate) fn take(troubles: &mut Vec<Trouble>, operation: &str, about: &str) -> Option<Trouble> {
    let place = troubles.iter().position(|trouble| trouble.befalls(operation, about))?;
    let trouble = troubles.get_mut(place)?;
    if trouble.after > 0 {
        trouble.after -= 1;
        return None;
    }
    let taken = trouble.clone();
    if trouble.times == 1 {
        troubles.remove(place);
    } else if trouble.times > 1 {
        trouble.times -= 1;
    }
    Some(taken)
}
