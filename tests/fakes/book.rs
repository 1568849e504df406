//! The book of a stand-in: who called, and what was really done.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::notices::Sent;

/// The witness.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Oldest first; the oldest go when there are too many.
    pub arrivals: VecDeque<Arrival>,
    /// Oldest first, and all there ever was.
    pub done: Vec<Done>,
    /// Attempts to tell somebody, oldest first.
    pub sent: Vec<Sent>,
}

/// A call that came in, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub operation: String,
    /// Order, payment or reference it was about.
    pub about: String,
    /// Under which key; empty without one.
    pub key: String,
    /// HTTP status the stand-in arrived at, whether or not it was told; 0: it did not get so far.
    pub status: u16,
    /// An earlier answer was given again, and nothing was done.
    pub is_replay: bool,
}

/// Something that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub operation: String,
    pub about: String,
    /// Under which key; empty without one, `portal` when a person did it there.
    pub key: String,
    /// What the provider calls it.
    pub id: String,
    /// Minor units; 0 where no money moves.
    pub amount_minor: i64,
}

const ARRIVALS_MAX: usize = 100_000;

impl Book {
    pub(crate) fn arrived(&mut self, arrival: Arrival) {
        if self.arrivals.len() == ARRIVALS_MAX {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(arrival);
    }

    /// The amounts of what was done, oldest first.
    #[must_use]
    pub fn amounts(&self, operation: &str, about: &str) -> Vec<i64> {
        self.done_to(operation, about).map(|done| done.amount_minor).collect()
    }

    /// Everything of this kind that was done, oldest first.
    pub fn done_to(&self, operation: &str, about: &str) -> impl Iterator<Item = &Done> {
        self.done.iter().filter(move |done| done.operation == operation && done.about == about)
    }

    /// How often this was asked.
    #[must_use]
    pub fn calls(&self, operation: &str, about: &str) -> usize {
        self.arrivals_of(operation, about).count()
    }

    /// Under how many keys this was asked.
    #[must_use]
    pub fn keys(&self, operation: &str, about: &str) -> usize {
        let keys = self.arrivals_of(operation, about).map(|arrival| arrival.key.as_str());
        keys.collect::<BTreeSet<_>>().len()
    }

    fn arrivals_of(&self, operation: &str, about: &str) -> impl Iterator<Item = &Arrival> {
        let arrivals = self.arrivals.iter();
        arrivals.filter(move |arrival| arrival.operation == operation && arrival.about == about)
    }
}
