//! All that a stand-in knows, and how it answers from it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::book::{Arrival, Book};
use super::call::{Answer, Call};
use super::notices::{Next, Notice, Post, Sent};
use super::provider::{Asked, Desk, Provider};
use super::trouble::{self, Refusal, Trouble};

#[derive(Debug)]
pub(crate) struct State<P> {
    pub(crate) provider: P,
    /// Whoever looks at it keeps it as it was.
    pub(crate) book: Arc<Book>,
    pub(crate) troubles: Vec<Trouble>,
    pub(crate) post: Post,
    /// What calls are at work on, and under which key.
    held: Vec<(String, String)>,
    /// How far its clock is ahead.
    ahead: SignedDuration,
}

#[derive(Deserialize)]
struct Forward {
    seconds: u32,
}

impl<P: Provider> State<P> {
    pub(crate) fn new(provider: P) -> Self {
        Self {
            provider,
            book: Arc::default(),
            troubles: Vec::new(),
            post: Post::default(),
            held: Vec::new(),
            ahead: SignedDuration::ZERO,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// Puts the clock forward.
    pub(crate) fn advance(&mut self, time: SignedDuration) {
        self.ahead += time;
        self.at_desk(|_, _| ());
    }

    /// Does something as of now, and posts what is to be told of it.
    pub(crate) fn at_desk<T>(&mut self, act: impl FnOnce(&mut P, &mut Desk<'_>) -> T) -> T {
        let now = self.now();
        let mut desk = Desk {
            now,
            book: Arc::make_mut(&mut self.book),
            is_busy: false,
            is_repeated: false,
            refusal: None,
            is_replay: false,
            notices: Vec::new(),
        };
        self.provider.pass_time(&mut desk);
        let outcome = act(&mut self.provider, &mut desk);
        for notice in desk.notices {
            self.post.add(notice);
        }
        outcome
    }

    /// What is asked, and which trouble it meets.
    pub(crate) fn befall(&mut self, call: &Call) -> (Asked, Option<Trouble>) {
        let asked = self.provider.asked(call);
        debug_assert!(P::MANUAL.operations.contains(&asked.operation), "{asked:?} is in no list");
        let trouble = trouble::take(&mut self.troubles, asked.operation, &asked.about);
        (asked, trouble)
    }

    pub(crate) fn answer(
        &mut self,
        call: &Call,
        asked: &Asked,
        refusal: Option<Refusal>,
    ) -> Answer {
        let is_held = self.is_held(&asked.about);
        let is_repeated = self.held.contains(&(asked.about.clone(), asked.key.clone()));
        let (answer, is_replay) = self.at_desk(|provider, desk| {
            desk.is_busy = is_held && asked.is_change;
            desk.is_repeated = is_repeated && !asked.key.is_empty();
            desk.refusal = refusal;
            (provider.answer(call, desk), desk.is_replay)
        });
        self.note(asked, answer.status, is_replay);
        answer
    }

    /// Something is done for a while to what this is about.
    pub(crate) fn hold(&mut self, asked: &Asked) {
        self.held.push((asked.about.clone(), asked.key.clone()));
    }

    pub(crate) fn is_held(&self, about: &str) -> bool {
        self.held.iter().any(|(held, _)| held == about)
    }

    pub(crate) fn let_go(&mut self, asked: &Asked) {
        let place =
            self.held.iter().position(|(about, key)| (about, key) == (&asked.about, &asked.key));
        if let Some(place) = place {
            self.held.remove(place);
        }
    }

    /// The notice to send now, signed.
    pub(crate) fn next_notice(&mut self) -> (Next, Vec<(&'static str, String)>) {
        let next = self.post.next(Instant::now());
        let headers = match &next {
            Next::Send(_, notice) => self.provider.sign(notice, self.now()),
            Next::Wait(_) | Next::Rest => Vec::new(),
        };
        (next, headers)
    }

    pub(crate) fn sent(&mut self, id: u64, notice: Notice, status: u16) {
        let is_taken = self.provider.is_taken(status);
        let pause = |attempts| -> Option<Duration> { self.provider.retry_after(attempts) };
        let attempt = self.post.attempted(id, is_taken, pause);
        Arc::make_mut(&mut self.book).sent.push(Sent {
            name: notice.name,
            about: notice.about,
            attempt,
            status,
        });
    }

    pub(crate) fn answer_nobody(&mut self, call: &Call, asked: &Asked, is_done: bool) {
        if is_done {
            let _untold = self.answer(call, asked, None);
        } else {
            self.note(asked, 0, false);
        }
    }

    fn note(&mut self, asked: &Asked, status: u16, is_replay: bool) {
        Arc::make_mut(&mut self.book).arrived(Arrival {
            operation: asked.operation.to_owned(),
            about: asked.about.clone(),
            key: asked.key.clone(),
            status,
            is_replay,
        });
    }

    pub(crate) fn control(&mut self, call: &Call) -> Answer {
        let segments = call.segments();
        let path = segments.get(1..).unwrap_or_default();
        match (call.method.as_str(), path) {
            ("GET", ["book"]) => Answer::json(200, &*self.book),
            ("POST", ["troubles"]) => understood(call, |trouble: Trouble| {
                if !trouble.is_of(P::MANUAL.operations) {
                    return Answer::json(400, &trouble.misspelt(P::MANUAL.operations));
                }
                self.troubles.push(trouble);
                Answer::empty(204)
            }),
            ("DELETE", ["troubles"]) => {
                self.troubles.clear();
                Answer::empty(204)
            }
            ("POST", ["clock"]) => understood(call, |Forward { seconds }| {
                self.advance(SignedDuration::from_secs(seconds.into()));
                Answer::empty(204)
            }),
            ("PUT", ["notices"]) => understood(call, |travel| {
                self.post.set(travel);
                Answer::empty(204)
            }),
            _ => {
                let answer = self.at_desk(|provider, desk| provider.control(path, call, desk));
                answer.unwrap_or_else(|| Answer::empty(404))
            }
        }
    }
}

/// Does what a control call says, if it makes sense.
pub(crate) fn understood<Said: DeserializeOwned>(
    call: &Call,
    act: impl FnOnce(Said) -> Answer,
) -> Answer {
    // Nothing said is as much as `{}`.
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    match serde_json::from_slice(body) {
        Ok(said) => act(said),
        Err(error) => Answer::json(400, &serde_json::json!({ "error": error.to_string() })),
    }
}
