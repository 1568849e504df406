//! What every system outside answers, whatever it does: what a call came to, what a look-up saw.
//!
//! Systems know neither the store nor the orders. A call holds all there is to know, so that a
//! repeat is the same call.

mod words;

use std::time::Duration;

use order_rules::effects;
use order_rules::refusals::Code;
use reqwest::StatusCode;
use uuid::Uuid;

pub(crate) use self::words::Words;

const WORDS_CHARACTERS_MAX: usize = 500;

/// What a call came to. `Yes` is the system's word that it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report<Yes> {
    Done(Yes),
    /// The system has it and answers later.
    Accepted {
        ask_again_in: Duration,
    },
    /// Final.
    Declined(Decline),
    /// It certainly did not happen.
    TryLater {
        /// How long the system wants to be left alone; zero: until we think fit. `None`: it has said
        /// nothing.
        after: Option<Duration>,
    },
    /// It certainly did not happen, and will not before something is done about the integration.
    Held(Hold),
    /// It may have happened: the system says nothing.
    Unknown,
    /// It may have happened: the system answers, and leaves that open.
    Doubt,
}

/// What a look-up saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sighting<Yes> {
    Happened(Yes),
    Declined(Decline),
    /// The system does not know the key, at least not yet.
    Absent,
    InProgress,
    /// The look-up itself failed.
    NoAnswer,
    /// The system is there, and has no time for the look-up.
    Busy,
    /// The system answers, and leaves open what became of it.
    Doubt,
    /// The system keeps no account that could be asked for.
    Untold,
}

/// What a system told by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Of the operation it is about, if that is one of ours.
    pub key: Option<Uuid>,
    /// In the system's words.
    pub event: String,
    pub is_success: bool,
    pub reason: String,
    pub amount_minor: i64,
    pub currency: String,
    /// The system's reference of what it tells of.
    pub provider_reference: String,
}

/// The system's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    /// The problem it makes of the order.
    pub code: Code,
    /// The system's own word; never shown to customers.
    pub reason: String,
}

/// Why nothing is sent to a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// The problem it is to the order.
    pub code: Code,
    /// The system's own word, or ours.
    pub reason: String,
    /// Last part of the integration's name.
    pub integration: String,
    /// Of the integration: told once at each.
    pub revision: i64,
}

impl<Yes> Report<Yes> {
    /// What may have happened, by the status of the answer that leaves it open. A server that fails, or
    /// stands before one that does not answer, is as good as silent.
    pub(crate) fn doubtful(status: StatusCode) -> Self {
        if status.is_server_error() { Self::Unknown } else { Self::Doubt }
    }

    /// The same with another word for yes.
    pub(crate) fn map<Other>(self, yes: impl FnOnce(Yes) -> Other) -> Report<Other> {
        match self {
            Self::Done(word) => Report::Done(yes(word)),
            Self::Accepted { ask_again_in } => Report::Accepted { ask_again_in },
            Self::Declined(decline) => Report::Declined(decline),
            Self::TryLater { after } => Report::TryLater { after },
            Self::Held(hold) => Report::Held(hold),
            Self::Unknown => Report::Unknown,
            Self::Doubt => Report::Doubt,
        }
    }

    /// The same for the rules, which need no more.
    pub(crate) fn in_short(&self) -> effects::Report {
        match self {
            Self::Done(_) => effects::Report::Done,
            Self::Accepted { ask_again_in } => {
                effects::Report::Accepted { ask_again_in: micros(*ask_again_in) }
            }
            Self::Declined(_) => effects::Report::Declined,
            Self::TryLater { after } => effects::Report::TryLater { after: after.map(micros) },
            Self::Held(_) => effects::Report::Held,
            Self::Unknown | Self::Doubt => effects::Report::Unknown { asked_ago: None },
        }
    }
}

impl<Yes> Sighting<Yes> {
    /// The same with another word for yes.
    pub(crate) fn map<Other>(self, yes: impl FnOnce(Yes) -> Other) -> Sighting<Other> {
        match self {
            Self::Happened(word) => Sighting::Happened(yes(word)),
            Self::Declined(decline) => Sighting::Declined(decline),
            Self::Absent => Sighting::Absent,
            Self::InProgress => Sighting::InProgress,
            Self::NoAnswer => Sighting::NoAnswer,
            Self::Busy => Sighting::Busy,
            Self::Doubt => Sighting::Doubt,
            Self::Untold => Sighting::Untold,
        }
    }

    /// The same for the rules, which need no more.
    pub(crate) fn in_short(&self) -> effects::Sighting {
        match self {
            Self::Happened(_) => effects::Sighting::Happened,
            Self::Declined(_) => effects::Sighting::Declined,
            Self::Absent => effects::Sighting::Absent,
            Self::InProgress => effects::Sighting::InProgress,
            Self::NoAnswer | Self::Busy | Self::Doubt => effects::Sighting::NoAnswer,
            Self::Untold => effects::Sighting::Untold,
        }
    }
}

/// What a call came to that was only made to look.
impl<Yes> From<Report<Yes>> for Sighting<Yes> {
    fn from(report: Report<Yes>) -> Self {
        match report {
            Report::Done(yes) => Self::Happened(yes),
            Report::Declined(decline) => Self::Declined(decline),
            Report::Accepted { .. } => Self::InProgress,
            Report::TryLater { after: Some(_) } => Self::Busy,
            Report::Doubt => Self::Doubt,
            Report::TryLater { after: None } | Report::Held(_) | Report::Unknown => Self::NoAnswer,
        }
    }
}

/// A system's words in one line, not too long.
pub(crate) fn in_one_line(text: &str) -> String {
    let visible = |one: char| if one.is_control() { ' ' } else { one };
    text.chars().map(visible).take(WORDS_CHARACTERS_MAX).collect()
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
