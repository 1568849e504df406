//! Reads that lag behind what was done: they go on showing how it was before.

use std::collections::BTreeMap;

/// What is shown of those whose reads lag.
#[derive(Debug)]
pub(crate) struct Lags<Shown>(BTreeMap<String, Lag<Shown>>);

#[derive(Debug)]
struct Lag<Shown> {
    /// Changes that are still shown.
    spared: u32,
    shown: Option<Shown>,
}

impl<Shown> Default for Lags<Shown> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Shown: Clone> Lags<Shown> {
    /// Shows so many more changes of this, and then none.
    pub(crate) fn begin(&mut self, about: &str, spared: u32) {
        self.0.insert(about.to_owned(), Lag { spared, shown: None });
    }

    pub(crate) fn end(&mut self, about: &str) {
        self.0.remove(about);
    }

    /// It is changed after this.
    pub(crate) fn before_change(&mut self, about: &str, now: &Shown) {
        match self.0.get_mut(about) {
            Some(lag @ Lag { spared: 0, shown: None }) => lag.shown = Some(now.clone()),
            Some(Lag { spared, .. }) => *spared = spared.saturating_sub(1),
            None => {}
        }
    }

    /// What reads show instead of how it is now.
    pub(crate) fn shown(&self, about: &str) -> Option<&Shown> {
        self.0.get(about)?.shown.as_ref()
    }
}
