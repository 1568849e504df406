//! Answers that are given again to whoever repeats a key.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

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
    /// Which operation, on what.
    pub(crate) path: String,
    pub(crate) body: Value,
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
    pub(crate) fn keep(
        &mut self,
        key: &str,
        now: Timestamp,
        asked: (&str, &Value),
        answer: &Answer,
    ) {
        let is_passing = matches!(answer.status, 401 | 408 | 409 | 423 | 429 | 500..);
        if !is_passing {
            let (path, body) = (asked.0.to_owned(), asked.1.clone());
            self.kept.insert(key.to_owned(), Kept { at: now, path, body, answer: answer.clone() });
        }
    }
}
