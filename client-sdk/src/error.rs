//! What a call can end with other than its answer.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};

use crate::names::InvalidName;
use crate::refusal::Refusal;

/// What tonic says, on both sides, where the deadline has passed.
const TIMEOUT_EXPIRED: &str = "Timeout expired";

/// Why a call has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A rule said no: code, cause and remedy inside.
    Refused(Box<Refusal>),
    /// The server cannot be reached or does not serve now.
    Unavailable(String),
    /// The connection broke in the middle of a call.
    Transport(String),
    /// The call's time is up. The command may or may not have been carried out: send it again with
    /// the same request id.
    DeadlineExceeded,
    /// All attempts failed.
    Exhausted {
        /// How often the call was made.
        attempts: u32,
        /// What the last attempt ended with.
        last: Box<Error>,
    },
    /// The stream cannot go on from the cursor (`CURSOR_EXPIRED`, `CURSOR_AHEAD`): take a snapshot.
    ResyncRequired(Box<Refusal>),
    /// The server answered something the contract does not know, or broke a promise of the stream.
    Protocol {
        /// gRPC code; `Internal` where the answer itself breaks the contract.
        code: Code,
        /// What it said, or what is wrong with it.
        message: String,
    },
    /// What the caller gave to the SDK is wrong; nothing was sent.
    Invalid(String),
    /// The store of checkpoints failed.
    Checkpoint(std::io::Error),
}

impl Error {
    pub(crate) fn from_status(status: &Status) -> Self {
        let code = status.code();
        if let Some(refusal) = Refusal::from_status(status) {
            return match refusal.code.as_str() {
                "DEADLINE_EXCEEDED" => Self::DeadlineExceeded,
                "CURSOR_EXPIRED" | "CURSOR_AHEAD" => Self::ResyncRequired(Box::new(refusal)),
                _ => Self::Refused(Box::new(refusal)),
            };
        }
        let message = status.message();
        // A status with a source was made on this side, out of a broken connection.
        let is_local = status.source().is_some();
        match code {
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Cancelled if message == TIMEOUT_EXPIRED => Self::DeadlineExceeded,
            Code::Unavailable => Self::Unavailable(with_sources(status)),
            _ if is_local => Self::Transport(with_sources(status)),
            _ => Self::Protocol { code, message: message.to_owned() },
        }
    }

    pub(crate) fn broken_promise(message: impl Into<String>) -> Self {
        Self::Protocol { code: Code::Internal, message: message.into() }
    }

    /// The refusal, also the one that all attempts ended with.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::ResyncRequired(refusal) => Some(refusal),
            Self::Exhausted { last, .. } => last.refusal(),
            _ => None,
        }
    }

    /// Code of the catalogue, if a rule said no.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str())
    }

    /// True when the same call may succeed if simply made again later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Transport(_) => true,
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::Exhausted { last, .. } => last.is_retryable(),
            _ => false,
        }
    }

    /// True when what was named does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.grpc_code == Code::NotFound)
    }

    /// True when it has changed since, or exists already: read it again, then decide again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.refusal()
            .is_some_and(|refusal| matches!(refusal.grpc_code, Code::Aborted | Code::AlreadyExists))
    }

    /// True when nobody answered in time: not reachable, not serving, or too late.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Transport(_) | Self::DeadlineExceeded => true,
            Self::Refused(refusal) => refusal.grpc_code == Code::Unavailable,
            Self::Exhausted { last, .. } => last.is_unavailable(),
            _ => false,
        }
    }

    /// Do not try again before this long, if the server said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(formatter, "{refusal}"),
            Self::Unavailable(message) => {
                write!(formatter, "the server is not available: {message}")
            }
            Self::Transport(message) => write!(formatter, "the connection broke: {message}"),
            Self::DeadlineExceeded => formatter.write_str("the call took longer than its deadline"),
            // The last error is the source.
            Self::Exhausted { attempts, .. } => {
                write!(formatter, "gave up after {attempts} attempts")
            }
            Self::ResyncRequired(refusal) => {
                write!(formatter, "the stream cannot go on from the cursor: {refusal}")
            }
            Self::Protocol { code, message } => {
                write!(formatter, "unexpected answer ({code:?}): {message}")
            }
            Self::Invalid(message) => formatter.write_str(message),
            Self::Checkpoint(_) => {
                formatter.write_str("the checkpoint could not be read or stored")
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Exhausted { last, .. } => Some(last.as_ref()),
            Self::Checkpoint(error) => Some(error),
            _ => None,
        }
    }
}

impl From<InvalidName> for Error {
    fn from(error: InvalidName) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// The status's message and what caused it: "transport error" alone helps nobody.
fn with_sources(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
