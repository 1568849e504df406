//! What a mail is made of: who, what, and in which words the shop says it.

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::mail::MailKind;

/// All there is to know of one mail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matter {
    pub kind: Option<MailKind>,
    /// Without its brackets.
    pub message_id: String,
    /// When it was asked for, in microseconds: its date, however often it is tried.
    pub requested_at: i64,
    pub has_form: bool,
    /// The note it carries; 0 for none.
    pub note_id: i32,
    pub files: Vec<v1::Attachment>,
    /// As it was after the command that asked for the mail, with who it is to.
    pub order: v1::Order,
    pub shop_name: String,
    pub settings: v1::ShopSettings,
    /// What customers call the order's status, by language.
    pub status_names: BTreeMap<String, String>,
}

/// What is said when nobody knows better.
const LAST_RESORT: &str = "en";

impl Matter {
    /// The languages to look for words in, the best first.
    pub(super) fn languages(&self) -> Vec<String> {
        languages(&[&self.order.language_code, &self.settings.language_code])
    }

    /// The language in which the customer was spoken to.
    pub(super) fn customer_language(&self) -> &str {
        let stated = [&self.order.language_code, &self.settings.language_code];
        stated.into_iter().find(|tag| !tag.is_empty()).map_or(LAST_RESORT, String::as_str)
    }

    /// The text of the note it carries. Only what was written for the customer is ever mailed.
    pub(super) fn note(&self) -> &str {
        let notes = self.order.notes.iter();
        let mut mailable = notes.rev().filter(|note| note.audience() == v1::NoteAudience::Customer);
        let note = mailable.find(|note| note.id == self.note_id && note.id > 0);
        note.map_or("", |note| note.text.as_str())
    }

    /// The name of the status for this customer.
    pub(super) fn status_name(&self) -> String {
        let languages = self.languages();
        let known = languages.iter().find_map(|language| self.status_names.get(language));
        known.or_else(|| self.status_names.values().next()).cloned().unwrap_or_default()
    }
}

/// Each tag, then the same without region, then the last resort. Norwegian of any kind is bokmål
/// where nothing else is there.
fn languages(tags: &[&str]) -> Vec<String> {
    let mut languages: Vec<String> = Vec::new();
    let mut add = |language: &str| {
        if !language.is_empty() && !languages.iter().any(|known| known == language) {
            languages.push(language.to_owned());
        }
    };
    for tag in tags {
        add(tag);
        let primary = tag.split('-').next().unwrap_or_default();
        add(primary);
        if matches!(primary, "no" | "nn") {
            add("nb");
        }
    }
    add(LAST_RESORT);
    languages
}
