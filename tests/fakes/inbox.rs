//! Somebody who is told: keeps what arrives, and takes it unless a trouble says otherwise.

use super::call::{Answer, Call};
use super::manual::Manual;
use super::provider::{Asked, Desk, Provider};
use super::trouble::Refusal;

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) taken: Vec<Call>,
}

impl Provider for Inbox {
    const MANUAL: &'static Manual = &Manual { operations: &["notice"], controls: &[] };

    fn asked(&self, _call: &Call) -> Asked {
        Asked { operation: "notice", is_change: true, ..Asked::default() }
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        if let Some(refusal) = desk.refusal.take() {
            return self.refuse(&refusal);
        }
        self.taken.push(call.clone());
        Answer::empty(200)
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        Answer::empty(refusal.status)
    }

    fn control(&mut self, _path: &[&str], _call: &Call, _desk: &mut Desk<'_>) -> Option<Answer> {
        None
    }
}
