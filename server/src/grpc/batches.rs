//! Carries a batch out, a window of its orders at a time, and tells what became of each as it is known.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt, unfold};
use order_proto::v1::{self, BatchOutcome, BatchState};
use order_rules::refusals::Code;
use prost::Message;
use tokio::time::Instant;
use tonic::Status;

use super::caller::Caller;
use super::fields::batches::StatusBatch;
use super::fields::names::{self, OrderName};
use super::{Edge, about::About, errors};
use crate::commands::{Answer, Awaits, Failure};
use crate::reading::changes::Fate;

/// Orders of a batch that are in the queue or in a turn: one turn of them is decided while the next
/// gathers. What a slow reader makes the service hold is bounded by it.
const WINDOW: usize = 512;
/// Orders that are only asked about at the same time: each reads.
const WINDOW_ASKING: usize = 4;
/// Pending orders that are waited for at the same time: each looks now and then.
const WINDOW_SETTLING: usize = 64;

/// What became of one order.
struct Known {
    number: i64,
    outcome: BatchOutcome,
    /// Revision of the command; what it is waited for by when it is pending.
    revision: i64,
    was_pending: bool,
}

/// A batch under way.
struct Run {
    work: Work,
    unsent: VecDeque<i64>,
    in_turns: FuturesUnordered<BoxFuture<'static, Result<Known, Failure>>>,
    /// Pending orders, their commands' revisions, and how long each is waited for.
    pending: VecDeque<(i64, i64, Instant)>,
    settling: FuturesUnordered<BoxFuture<'static, Result<Known, Failure>>>,
    counts: v1::BatchCounts,
    has_ended: bool,
}

/// What every order of a batch needs.
#[derive(Clone)]
struct Work {
    edge: Edge,
    batch: Arc<StatusBatch>,
    caller: Arc<Caller>,
}

/// The outcomes of a batch. What has not been handed to a turn when the stream is dropped is not done.
pub(super) fn outcomes(
    edge: Edge,
    batch: StatusBatch,
    caller: Arc<Caller>,
) -> impl Stream<Item = Result<v1::BatchChangeOrderStatusResponse, Status>> + Send + 'static {
    let stopping = edge.stopping.clone();
    let unsent = VecDeque::from(batch.numbers.clone());
    let total = i32::try_from(unsent.len()).unwrap_or(i32::MAX);
    let run = Run {
        work: Work { edge, batch: Arc::new(batch), caller: Arc::clone(&caller) },
        unsent,
        in_turns: FuturesUnordered::new(),
        pending: VecDeque::new(),
        settling: FuturesUnordered::new(),
        counts: v1::BatchCounts { total, ..v1::BatchCounts::default() },
        has_ended: false,
    };
    unfold(Some(run), move |run| {
        let (stopping, caller) = (stopping.clone(), Arc::clone(&caller));
        async move {
            let mut run = run?;
            let next = match stopping.run_until_cancelled(run.next()).await {
                Some(next) => next.transpose()?,
                None => Err(Failure::Unavailable { retry_after: Duration::from_secs(1) }),
            };
            match next {
                Ok(message) => Some((Ok(message), Some(run))),
                Err(failure) => Some((Err(caller.status(failure)), None)),
            }
        }
    })
}

impl Run {
    /// The next message; `None` after the last.
    async fn next(&mut self) -> Result<Option<v1::BatchChangeOrderStatusResponse>, Failure> {
        if self.has_ended {
            return Ok(None);
        }
        self.fill();
        let known = tokio::select! {
            biased;
            Some(known) = self.in_turns.next(), if !self.in_turns.is_empty() => known?,
            Some(known) = self.settling.next(), if !self.settling.is_empty() => known?,
            else => {
                self.has_ended = true;
                return Ok(Some(self.message(None)));
            }
        };
        if known.was_pending {
            self.counts.pending = self.counts.pending.saturating_sub(1);
        }
        let counter = match known.outcome.state() {
            BatchState::Pending => &mut self.counts.pending,
            BatchState::Refused => &mut self.counts.refused,
            BatchState::Failed => &mut self.counts.failed,
            BatchState::Done | BatchState::Unspecified => &mut self.counts.done,
        };
        *counter = counter.saturating_add(1);
        let batch = &self.work.batch;
        let may_wait = !batch.wait.is_zero() && !batch.validate_only && !known.was_pending;
        if known.outcome.state() == BatchState::Pending && may_wait {
            let until = Instant::now() + self.work.caller.patience(batch.wait);
            self.pending.push_back((known.number, known.revision, until));
        }
        Ok(Some(self.message(Some(known.outcome))))
    }

    /// Hands on as many orders as there is room for.
    fn fill(&mut self) {
        let window = if self.work.batch.validate_only { WINDOW_ASKING } else { WINDOW };
        while self.in_turns.len() < window
            && let Some(number) = self.unsent.pop_front()
        {
            self.in_turns.push(Box::pin(self.work.clone().change(number)));
        }
        while self.settling.len() < WINDOW_SETTLING
            && let Some((number, revision, until)) = self.pending.pop_front()
        {
            self.settling.push(Box::pin(self.work.clone().settle(number, revision, until)));
        }
    }

    fn message(&self, outcome: Option<BatchOutcome>) -> v1::BatchChangeOrderStatusResponse {
        v1::BatchChangeOrderStatusResponse {
            outcome,
            counts: Some(self.counts),
            request_id: self.work.batch.request_id.to_string(),
        }
    }
}

impl Work {
    /// Has the change of one order carried out, or only asked.
    async fn change(self, number: i64) -> Result<Known, Failure> {
        let asking = self.batch.asking(number, &self.caller)?;
        let turns = &self.edge.turns;
        let answer = if asking.validate_only {
            turns.preview(asking.assignment).await
        } else {
            turns.submit_bulk(asking.assignment, self.caller.deadline()).await
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.failed(number, failure),
        };
        let Answer { revision, replayed, is_waiting, order, plan, .. } = answer;
        let fate = match (replayed, is_waiting) {
            (false, false) => Fate::Done,
            // What is waited for may be the reservation of an order whose label has moved.
            (false, true) if document(&order).pending_status_change.is_some() => Fate::Waiting,
            (false, true) => Fate::Done,
            (true, _) => self.fate(number, revision, &order).await?,
        };
        let mut known = self.known(number, revision, fate, &order, replayed);
        // Of what was done the ledger tells, and a repeat does nothing.
        if self.batch.validate_only && !replayed {
            known.outcome.plan = plan;
            known.outcome.currency_code = document(&order).currency_code;
        }
        Ok(known)
    }

    /// What becomes of a pending order until its time is over.
    async fn settle(self, number: i64, revision: i64, until: Instant) -> Result<Known, Failure> {
        let wait = until.saturating_duration_since(Instant::now());
        let (order, _) =
            self.edge.turns.settled(&self.batch.shop, number, (wait, &Awaits::Money)).await?;
        let fate = self.fate(number, revision, &order).await?;
        let known = self.known(number, revision, fate, &order, false);
        Ok(Known { was_pending: true, ..known })
    }

    async fn fate(&self, number: i64, revision: i64, order: &[Bytes]) -> Result<Fate, Failure> {
        let order = document(order);
        let is_pending = order.pending_status_change.is_some();
        if !is_pending && order.status == self.batch.status() {
            return Ok(Fate::Done);
        }
        let of = OrderName { shop: self.batch.shop.clone(), number };
        self.edge.reading.fate(of, revision).await
    }

    fn known(
        &self,
        number: i64,
        revision: i64,
        fate: Fate,
        order: &[Bytes],
        replayed: bool,
    ) -> Known {
        let mut outcome = self.outcome(number, BatchState::Done);
        outcome.replayed = replayed;
        match fate {
            Fate::Done => {}
            Fate::Waiting => outcome.set_state(BatchState::Pending),
            Fate::Dropped(refusal) => {
                outcome.set_state(BatchState::Refused);
                let code = refusal.code.name();
                let problems = document(order).problems;
                self.tell(&mut outcome, Failure::Refused(refusal));
                let problem = problems.into_iter().rfind(|problem| problem.code == code);
                outcome.details.extend(problem.map(|problem| problem.details).unwrap_or_default());
            }
        }
        Known { number, outcome, revision, was_pending: false }
    }

    /// A rule said no to one order, or a defect did. Anything else ends the batch: it is to be repeated.
    fn failed(&self, number: i64, failure: Failure) -> Result<Known, Failure> {
        let state = match &failure {
            Failure::Refused(refusal) if refusal.code == Code::DeadlineExceeded => {
                return Err(failure);
            }
            Failure::Refused(_) => BatchState::Refused,
            Failure::Internal { .. } => BatchState::Failed,
            Failure::QueueFull { .. } | Failure::Unavailable { .. } => return Err(failure),
        };
        let mut outcome = self.outcome(number, state);
        self.tell(&mut outcome, failure);
        Ok(Known { number, outcome, revision: 0, was_pending: false })
    }

    fn outcome(&self, number: i64, state: BatchState) -> BatchOutcome {
        BatchOutcome {
            name: names::order_name(&self.batch.shop, number),
            state: state.into(),
            ..BatchOutcome::default()
        }
    }

    fn tell(&self, outcome: &mut BatchOutcome, failure: Failure) {
        let about = About::of(&outcome.name);
        let told = errors::told(failure, self.caller.language(), &about);
        outcome.code = told.code.name().to_owned();
        outcome.message = told.message;
        outcome.details = told.details.into_iter().collect();
    }
}

/// What is not personal of an order.
fn document(order: &[Bytes]) -> v1::Order {
    let document = order.first().cloned().unwrap_or_default();
    v1::Order::decode(document).unwrap_or_default()
}
