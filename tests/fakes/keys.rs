//! Answers that are given again to whoever repeats a key.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::call::Answer;

/// What was answered under which key.
#[derive(Debug)]
pub(crate) struct Keys {
    life: SignedDuration,
    kept: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    at: Timestamp,
    pub(crate) answer: Answer,
}

impl Keys {
    pub(crate) fn kept_for(life: SignedDuration) -> Self {
        Self { life, kept: BTreeMap::new() }
    }

    pub(crate) fn find(&self, key: &str, now: Timestamp) -> Option<&Kept> {
        self.kept.get(key).filter(|kept| now.duration_since(kept.at) < self.life)
    }

    /// Keeps an answer that will not change: what was done, or a refusal for good.
    pub(crate) fn keep(&mut self, key: &str, now: Timestamp, answer: &Answer) {
        let is_passing = matches!(answer.status, 401 | 409 | 423 | 429 | 500..);
        if !is_passing {
            self.kept.insert(key.to_owned(), Kept { at: now, answer: answer.clone() });
        }
    }
}
