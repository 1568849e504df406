//! What a stand-in must know of its provider.

use std::time::Duration;

use jiff::Timestamp;

use super::book::Book;
use super::call::{Answer, Call};
use super::manual::Manual;
use super::notices::Notice;
use super::trouble::Refusal;

/// What a stand-in knows of its provider. Nothing in it waits.
pub trait Provider: Send + 'static {
    /// What it can be told.
    const MANUAL: &'static Manual;

    /// What a call asks.
    fn asked(&self, call: &Call) -> Asked;
    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer;
    /// An error in its own words.
    fn refuse(&self, refusal: &Refusal) -> Answer;
    /// Its own part of `/control/`; the path comes without that.
    fn control(&mut self, path: &[&str], call: &Call, desk: &mut Desk<'_>) -> Option<Answer>;
    /// What happens by itself as time goes by.
    fn pass_time(&mut self, _desk: &mut Desk<'_>) {}
    /// Headers that prove a notice to be its own.
    fn sign(&self, _notice: &Notice, _now: Timestamp) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Whether a notice was taken.
    fn is_taken(&self, status: u16) -> bool {
        (200..300).contains(&status)
    }
    /// Pause before a notice is sent once more after so many attempts; `None` when it is given up.
    fn retry_after(&self, _attempts: u32) -> Option<Duration> {
        None
    }
}

/// What nobody has a word for.
pub(crate) const OTHER: &str = "other";

/// What a call asks, in the words of the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub operation: &'static str,
    pub about: String,
    pub key: String,
    /// It does not only read.
    pub is_change: bool,
}

/// What a stand-in answers with.
#[derive(Debug)]
pub struct Desk<'a> {
    pub now: Timestamp,
    pub book: &'a mut Book,
    /// Another call holds what this one is about.
    pub is_busy: bool,
    /// And it has the same key.
    pub is_repeated: bool,
    /// What to answer instead of doing it.
    pub refusal: Option<Refusal>,
    /// Set when an earlier answer is given again.
    pub is_replay: bool,
    /// What is to be told.
    pub notices: Vec<Notice>,
}
