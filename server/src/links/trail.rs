//! What an attempt at a system leaves behind, also where nobody has waited for its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Of one attempt; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail(Arc<Mutex<Steps>>);

#[derive(Debug, Default)]
struct Steps {
    asked_at: Option<Instant>,
    words: Option<String>,
}

impl Trail {
    /// The system is asked for a change now.
    pub(crate) fn ask(&self) {
        self.steps().asked_at = Some(Instant::now());
    }

    /// When it was last asked for one.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        self.steps().asked_at
    }

    /// Why it is open what became of the attempt, in the system's words or ours; what is told last
    /// counts. Nothing personal, once the attempt waits for anything else.
    pub(crate) fn tell(&self, words: &str) {
        self.steps().words = Some(words.to_owned());
    }

    /// Puts what was told last into other words.
    pub(crate) fn retell(&self, reworded: impl FnOnce(&str) -> String) {
        let mut steps = self.steps();
        steps.words = steps.words.as_deref().map(reworded);
    }

    /// What was told last.
    pub(crate) fn words(&self) -> Option<String> {
        self.steps().words.clone()
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
