//! How a command fails: what is told to the person, and the exit code for scripts.

use std::fmt;
use std::io;
use std::path::Path;

use order_sdk::{Code, Error, InvalidName, Refusal, proto};

use crate::orders::troubles::made_out;
use crate::session::Session;

pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const NOT_FOUND: u8 = 4;
const UNAVAILABLE: u8 = 5;
const PARTLY: u8 = 6;
const BROKEN: u8 = 7;
const PENDING: u8 = 8;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// A call has no answer; of a change, with the id by which it can be repeated.
    Call { error: Box<Error>, request_id: Option<String> },
    /// The command was taken, and what it set going was declined.
    Declined(String),
    /// The command was taken, and what it set going is under way.
    Pending(String),
    /// A part of a batch failed; each was told.
    Partly { failed: usize, of: usize },
    /// The audit found what must not be; each was told.
    Broken { breaches: i64 },
    /// A signal has come, and what it broke off is told.
    Interrupted { signal: i32, message: String },
    /// Reading or writing failed.
    Io(io::Error),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// The failure of a change.
    pub(crate) fn of_change(error: Error, request_id: &str) -> Self {
        Self::Call { error: Box::new(error), request_id: Some(request_id.to_owned()) }
    }

    /// A file that cannot be written.
    pub(crate) fn of_file(path: &Path, error: &io::Error) -> Self {
        Self::Other(format!("cannot write {}: {error}", path.display()))
    }

    /// The same, with where on the command line or in a file it is.
    pub(crate) fn at(self, place: &str) -> Self {
        match self {
            Self::Usage(message) => Self::Usage(format!("{place}: {message}")),
            other => other,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Call { error, .. } => match error.as_ref() {
                Error::Invalid(_) => USAGE,
                error if error.is_not_found() => NOT_FOUND,
                error if error.is_unavailable() || error.is_retryable() => UNAVAILABLE,
                error => match error.refusal().map(|refusal| refusal.grpc_code) {
                    // A defect of the service is no decision of it.
                    None | Some(Code::Internal | Code::Unknown | Code::DataLoss) => FAILED,
                    Some(_) => REFUSED,
                },
            },
            Self::Declined(_) => REFUSED,
            Self::Pending(_) => PENDING,
            Self::Partly { .. } => PARTLY,
            Self::Broken { .. } => BROKEN,
            // Where the process is not ended by the signal itself.
            Self::Interrupted { .. } | Self::Io(_) | Self::Other(_) => FAILED,
        }
    }

    /// The signal by which the process is to end, as if it had not been heard: whoever started it can
    /// tell that it was broken off.
    pub(crate) fn signal(&self) -> Option<i32> {
        match self {
            Self::Interrupted { signal, .. } => Some(*signal),
            _ => None,
        }
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Fills in cause and remedy from the catalogue when the refusal came without.
    pub(crate) async fn look_up_remedies(&mut self, session: &Session) {
        let Self::Call { error, .. } = self else { return };
        let Error::Refused(refusal) = error.as_mut() else { return };
        if refusal.remedy.is_some() {
            return;
        }
        let request = proto::GetRefusalRequest { name: format!("refusals/{}", refusal.code) };
        // The refusal is what matters; that it cannot be explained is not.
        let Ok(answer) = session.client.get_refusal(request).await else { return };
        if let Some(text) = answer.refusal.as_ref().and_then(|page| session.text_of(page)) {
            refusal.cause = Some(text.cause.clone());
            refusal.remedy = Some(text.remedy.clone());
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Other(message) => write!(formatter, "error: {message}"),
            Self::Call { error, request_id } => {
                write!(formatter, "error: {}", told(error))?;
                match request_id {
                    // It may have been carried out all the same.
                    Some(id) if error.is_unavailable() => {
                        write!(formatter, "\n{}", repeated_with(id))
                    }
                    _ => Ok(()),
                }
            }
            Self::Declined(message)
            | Self::Pending(message)
            | Self::Interrupted { message, .. } => formatter.write_str(message),
            Self::Partly { failed, of } => write!(formatter, "error: {failed} of {of} failed"),
            Self::Broken { breaches } => write!(formatter, "error: {breaches} breaches"),
            Self::Io(error) => write!(formatter, "error: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Checkpoint(error) => Self::Io(error),
            error => Self::Call { error: Box::new(error), request_id: None },
        }
    }
}

impl From<InvalidName> for Failure {
    fn from(error: InvalidName) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How a change is repeated that may have been carried out.
pub(crate) fn repeated_with(request_id: &str) -> String {
    format!("repeat it safely with: --request-id {request_id}")
}

/// What an error says, with the refusal's cause, remedy and fields on lines of their own.
pub(crate) fn told(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => told_refusal(refusal),
        Error::ResyncRequired(refusal) => {
            format!("{}\ngo on with: --from snapshot", told_refusal(refusal))
        }
        Error::Exhausted { attempts, last } => format!("{} ({attempts} attempts)", told(last)),
        error => error.to_string(),
    }
}

fn told_refusal(refusal: &Refusal) -> String {
    let title = refusal.title.as_ref().unwrap_or(&refusal.message);
    let mut text = format!("{}: {}", refusal.code, title.trim());
    let order = order_of(refusal);
    for (title, said) in [("cause", &refusal.cause), ("remedy", &refusal.remedy)] {
        if let Some(said) = said {
            let said = said.trim();
            let said = order
                .map_or(said.to_owned(), |order| made_out(said, order, &proto::Problem::default()));
            text.push_str(&format!("\n{title}: {said}"));
        }
    }
    for violation in &refusal.violations {
        text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
    }
    for (key, value) in &refusal.metadata {
        text.push_str(&format!("\n  {key} = {value}"));
    }
    text
}
/// The number of the order that a refusal is about, where it names one.
fn order_of(refusal: &Refusal) -> Option<&str> {
    let name = refusal.resource.as_deref().or(refusal.metadata.get("order").map(String::as_str))?;
    let (_, number) = name.split_once("/orders/")?;
    number.bytes().all(|digit| digit.is_ascii_digit()).then_some(number)
}
