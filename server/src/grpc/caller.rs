//! Who calls, in which language, and until when an answer is of use.

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::about::{About, Subject};
use super::errors;
use super::fields::Fields;
use crate::commands::Failure;

/// Metadata key of the one on whose behalf a call is made. Unverified until callers are authenticated.
const ACTOR: &str = "actor";
const ACTOR_CHARACTERS_MAX: usize = 100;
const ANONYMOUS: &str = "anonymous";
/// What an answer needs to get back to its caller.
const WAY_BACK: Duration = Duration::from_millis(100);
const LANGUAGE: &str = "accept-language";

/// When the caller stops waiting, as [`super::guard`] found it in the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// What a call says about itself beside its message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    actor: Option<String>,
    accept_language: String,
    deadline: Option<Instant>,
    about: About,
}

impl Caller {
    /// The caller and the message of a request.
    pub(crate) fn split<Message: Subject>(request: Request<Message>) -> (Self, Message) {
        let (metadata, extensions, message) = request.into_parts();
        let actor = match metadata.get(ACTOR) {
            None => Some(ANONYMOUS.to_owned()),
            Some(value) => value.to_str().ok().map(str::to_owned),
        };
        let caller = Self {
            actor,
            accept_language: accept_language(&metadata).to_owned(),
            deadline: extensions.get::<Deadline>().map(|deadline| deadline.0),
            about: message.about(),
        };
        (caller, message)
    }

    /// Who states to act; a wrong one is among the wrong `fields`.
    pub(crate) fn actor(&self, fields: &mut Fields) -> String {
        match &self.actor {
            Some(actor) if is_actor(actor) => actor.clone(),
            _ => {
                fields.refuse(ACTOR, "metadata must have 1 to 100 printable ASCII characters");
                String::new()
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The language the caller prefers, as an `accept-language` header says it.
    pub(crate) fn language(&self) -> &str {
        &self.accept_language
    }

    /// How much of `wait` there is, so that the answer still reaches the caller in time.
    pub(crate) fn patience(&self, wait: Duration) -> Duration {
        let Some(deadline) = self.deadline else { return wait };
        wait.min(deadline.duration_since(Instant::now()).saturating_sub(WAY_BACK))
    }

    /// The answer, or the failure in the caller's language.
    pub(crate) fn reply<Message>(
        &self,
        outcome: Result<Message, Failure>,
    ) -> Result<Response<Message>, Status> {
        outcome.map(Response::new).map_err(|failure| self.status(failure))
    }

    /// The failure in the caller's language.
    pub(crate) fn status(&self, failure: Failure) -> Status {
        errors::status(failure, &self.accept_language, &self.about)
    }
}

fn is_actor(text: &str) -> bool {
    (1..=ACTOR_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.trim().is_empty()
}

fn accept_language(metadata: &MetadataMap) -> &str {
    metadata.get(LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
