//! The turns as the runner reaches them in tests: what is handed in is heard, and may fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use order_rules::changing::Outcome;
use uuid::Uuid;

use super::stage::SHOP;
use crate::commands::{Assignment, Command, Failure};
use crate::effects::Recorder;
use crate::store::rows::key;
use crate::turns::Turns;

/// The turns, with an ear at the door.
#[derive(Clone)]
pub(super) struct Log {
    turns: Turns,
    heard: Arc<Mutex<Vec<Heard>>>,
    failures: Arc<Mutex<VecDeque<Failure>>>,
}

#[derive(Clone)]
struct Heard {
    operation: i64,
    word: &'static str,
    request_id: Uuid,
}

impl Log {
    pub(super) fn of(turns: Turns) -> Self {
        Self { turns, heard: Arc::default(), failures: Arc::default() }
    }

    /// The next outcomes meet these failures.
    pub(super) fn fail_with(&self, failures: impl IntoIterator<Item = Failure>) {
        self.failures.lock().unwrap().extend(failures);
    }

    pub(super) fn request_ids(&self, effect_key: i64) -> Vec<Uuid> {
        self.about(effect_key).into_iter().map(|heard| heard.request_id).collect()
    }

    /// The effects whose success was handed in, in that order.
    pub(super) fn finished(&self) -> Vec<i64> {
        let heard = self.heard.lock().unwrap();
        let done = heard.iter().filter(|heard| heard.word == "succeeded");
        done.map(|heard| heard.operation).collect()
    }

    /// What was handed in for an effect, in order.
    pub(super) fn words(&self, effect_key: i64) -> Vec<&'static str> {
        self.about(effect_key).into_iter().map(|heard| heard.word).collect()
    }

    fn about(&self, effect_key: i64) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|heard| heard.operation == effect_key).cloned().collect()
    }
}

impl Recorder for Log {
    async fn record(&self, assignment: Assignment) -> Result<(), Failure> {
        let shop_id = self.turns.shop_id(SHOP).await?;
        if let Command::RecordOutcome(record) = &assignment.command {
            self.heard.lock().unwrap().push(Heard {
                operation: key(shop_id, record.operation),
                word: word(&record.outcome),
                request_id: assignment.caller.request_id,
            });
        }
        let failure = self.failures.lock().unwrap().pop_front();
        match failure {
            Some(failure) => Err(failure),
            None => self.turns.submit(assignment, None).await.map(drop),
        }
    }

    async fn effects_planned(&self) {
        self.turns.effects_planned().await;
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded",
        Outcome::FoundDone { .. } => "found done",
        Outcome::Accepted => "accepted",
        Outcome::Declined { .. } => "declined",
        Outcome::Held { .. } => "held",
        Outcome::Unknown { .. } => "unknown",
        Outcome::Reversed { .. } => "reversed",
    }
}
