//! What nobody asks for: payments on which money may move are read at their providers from time to
//! time, the longest unread first, and reservations that expire soon are announced.
//!
//! Whoever reads a payment moves its next read first, so that replicas share the work. A provider that
//! is silent is left alone for a while; while it hangs only its own payments wait.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use order_proto::v1::ReconciliationState;
use order_rules::order::Micros;
use order_rules::payments::Payment;
use order_rules::reconciling::{READ_EVERY_MICROS, mark, next_read};
use order_rules::refusals::Code;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::{PaymentOf, READ_TIMEOUT, Reconciling, Unread};
use crate::clock;
use crate::commands::{
    Answer, Assignment, Caller, Command, Failure, ReconcilePayment, WarnOfExpiry,
};
use crate::store::readings::{Expiring, Lane, Unreads};
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::Turns;

/// Goes round.
pub(crate) struct Rounds {
    pub store: Store,
    pub turns: Turns,
    pub reconciling: Reconciling,
    /// Payments read in a second, at most; 0: none.
    pub reads_per_second: u32,
}

/// The lanes that are read, and those whose provider is silent.
#[derive(Default)]
struct Lanes {
    running: JoinSet<Result<LaneEnd, StoreFailure>>,
    /// By the task that reads it.
    busy: HashMap<Id, Lane>,
    /// Until when each is left alone.
    silent: BTreeMap<Lane, Instant>,
}

/// How the reading of a lane ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaneEnd {
    Read,
    Silent,
}

/// What became of a read.
enum Outcome {
    /// The turn that took the account in has set the next read.
    Taken,
    /// Nothing to tell; to be read again then, or never.
    Quiet(Option<Micros>),
    Later(Duration),
    /// The provider does not answer.
    Silent,
}

const ROUND_EVERY: Duration = Duration::from_secs(1);
const EXPIRIES_EVERY: Duration = Duration::from_secs(5);
const EXPIRIES_AT_ONCE: i64 = 200;
/// A shop whose queue is full must not hold up the reads of all.
const EXPIRIES_TIME: Duration = Duration::from_secs(2);
/// What a process that died had taken is taken up after this.
const CLAIM: Duration = Duration::from_secs(5 * 60);
/// Something of ours is under way, or the provider is silent.
const AGAIN: Duration = Duration::from_secs(5 * 60);
/// How long nothing is asked of a provider that was silent.
const SILENT_FOR: Duration = Duration::from_secs(30);
/// Lanes that are read beside each other.
const LANES_AT_ONCE: usize = 64;
/// Lanes at rest that a search names: each is a condition of one statement.
const NAMED_MAX: usize = 128;
/// Somebody has to do something about the integration first.
const AFTER_REFUSAL: Duration = Duration::from_secs(60 * 60);
const ACTOR: &str = "system";
/// Ids of warnings are of this name space.
const WARNINGS: Uuid = Uuid::from_u128(0x9f21_4ab8_03de_4f6c_8e57_d1b0_66c3_a94e);

impl Rounds {
    /// Goes round until the task is aborted: what it leaves is taken up by the next.
    pub(crate) fn start(self) -> JoinHandle<()> {
        tokio::spawn(self.work())
    }

    async fn work(self) {
        let mut rounds = interval(ROUND_EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut expiries_at = Instant::now();
        let mut lanes = Lanes::default();
        loop {
            rounds.tick().await;
            if expiries_at <= Instant::now() {
                expiries_at = Instant::now() + EXPIRIES_EVERY;
                match timeout(EXPIRIES_TIME, self.announce_expiries()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => {
                        tracing::warn!(%failure, "reservations that expire soon are announced later");
                    }
                    Err(_) => tracing::warn!("not all that expires soon is announced yet"),
                }
            }
            if self.reads_per_second > 0
                && let Err(failure) = self.read_some(&mut lanes).await
            {
                tracing::warn!(%failure, "payments are read later");
            }
        }
    }

    /// Begins to read the next payments, each provider's one after the other.
    async fn read_some(&self, lanes: &mut Lanes) -> Result<(), StoreFailure> {
        lanes.settle();
        if lanes.busy.len() >= LANES_AT_ONCE {
            return Ok(());
        }
        let (now, limit) = (clock::now().0, i64::from(self.reads_per_second));
        let until = now.saturating_add(micros(CLAIM));
        let (store, rest) = (&self.store, lanes.at_rest());
        // Mostly there is none, and whoever writes is not disturbed.
        let due = on_either!(store, database => database.payments_to_read(now, limit, rest).await)?;
        if due.is_empty() {
            return Ok(());
        }
        let taken: Vec<Unreads> =
            on_either!(store, database => database.payments_take(due, now, until).await)?;
        let mut by_lane: BTreeMap<Lane, Vec<Unreads>> = BTreeMap::new();
        for one in taken {
            by_lane.entry(one.lane.clone()).or_default().push(one);
        }
        for (lane, payments) in by_lane {
            let reading = LaneReading {
                store: self.store.clone(),
                reconciling: self.reconciling.clone(),
                taken_until: until,
            };
            if lanes.has_room(&lane) {
                let task = lanes.running.spawn(async move { reading.read(payments).await });
                lanes.busy.insert(task.id(), lane);
            } else {
                reading.put_off(payments).await?;
            }
        }
        Ok(())
    }

    /// Announces each reservation once, whichever process comes first.
    async fn announce_expiries(&self) -> Result<(), StoreFailure> {
        let (now, store) = (clock::now().0, &self.store);
        let due: Vec<Expiring> =
            on_either!(store, database => database.expiring(now, EXPIRIES_AT_ONCE).await)?;
        for Expiring { shop, number, expires_at } in due {
            let name = format!("{shop}/{number}/{expires_at}");
            let request_id = Uuid::new_v5(&WARNINGS, name.as_bytes());
            let command = Command::WarnOfExpiry(WarnOfExpiry { number });
            let assignment = assignment(&shop, request_id, command);
            if let Err(failure) = self.turns.submit_bulk(assignment, None).await {
                tracing::warn!(?failure, "a reservation that expires is announced later");
            }
        }
        Ok(())
    }
}

impl Lanes {
    /// Takes note of the lanes that have ended.
    fn settle(&mut self) {
        let now = Instant::now();
        self.silent.retain(|_, until| now < *until);
        while let Some(ended) = self.running.try_join_next_with_id() {
            let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
            let lane = self.busy.remove(&task);
            match (ended, lane) {
                (Ok((_, Ok(LaneEnd::Silent))), Some(lane)) => {
                    self.silent.insert(lane, now + SILENT_FOR);
                }
                (Ok((_, Ok(_))), _) => {}
                (Ok((_, Err(failure))), _) => {
                    tracing::warn!(%failure, "a payment is read again too soon");
                }
                (Err(failure), _) => tracing::error!(%failure, "a read ended in disorder"),
            }
        }
    }

    /// Of which nothing is read now; not all, if they are very many.
    fn at_rest(&self) -> Vec<Lane> {
        self.busy.values().chain(self.silent.keys()).take(NAMED_MAX).cloned().collect()
    }

    fn has_room(&self, lane: &Lane) -> bool {
        self.busy.len() < LANES_AT_ONCE
            && !self.busy.values().any(|busy| busy == lane)
            && !self.silent.contains_key(lane)
    }
}

/// The reading of one lane's payments, which were taken until then.
struct LaneReading {
    store: Store,
    reconciling: Reconciling,
    taken_until: i64,
}

impl LaneReading {
    /// Reads one after the other. What is left when the provider falls silent is put off; what is
    /// left when the time is over is due again by itself.
    async fn read(&self, payments: Vec<Unreads>) -> Result<LaneEnd, StoreFailure> {
        let mut left = payments.into_iter();
        while let Some(one) = left.next() {
            if clock::now().0.saturating_add(micros(READ_TIMEOUT)) >= self.taken_until {
                break;
            }
            let next = match self.reconciling.look(&one).await {
                Outcome::Taken => continue,
                Outcome::Quiet(next) => next.map(|next| next.0),
                Outcome::Later(pause) => later(pause),
                Outcome::Silent => {
                    let unread = std::iter::once(one).chain(left).collect();
                    self.put_off(unread).await?;
                    return Ok(LaneEnd::Silent);
                }
            };
            self.set_next(&one, next).await?;
        }
        Ok(LaneEnd::Read)
    }

    async fn put_off(&self, payments: Vec<Unreads>) -> Result<(), StoreFailure> {
        for one in payments {
            self.set_next(&one, later(AGAIN)).await?;
        }
        Ok(())
    }

    async fn set_next(&self, one: &Unreads, next: Option<i64>) -> Result<(), StoreFailure> {
        let (key, taken_until) = (one.payment_key, self.taken_until);
        let store = &self.store;
        on_either!(store, database => database.payment_read(key, taken_until, next).await)
    }
}

fn later(pause: Duration) -> Option<i64> {
    Some(clock::now().0.saturating_add(micros(pause)))
}

impl Reconciling {
    /// Reads one payment, and has its account taken in where that says something new.
    async fn look(&self, one: &Unreads) -> Outcome {
        let of = PaymentOf { shop: one.shop.clone(), order: one.order, payment: one.payment };
        let payment = match self.payment(&of).await {
            Ok(payment) => payment,
            Err(failure) => return after_failure(&failure),
        };
        if payment.operations.iter().any(|operation| operation.state.is_claimed()) {
            return Outcome::Later(AGAIN);
        }
        let account = match self.account(&of.shop, &payment).await {
            Ok(account) => account,
            Err(Unread::Silent { .. }) => return Outcome::Silent,
            Err(Unread::Refused(_)) => return after_refusal(&payment),
            Err(Unread::Failed(failure)) => return after_failure(&failure),
        };
        let command = Command::ReconcilePayment(ReconcilePayment {
            number: of.order,
            etag: None,
            payment: of.payment,
            reading: Some((account, mark(&payment))),
            is_extension: false,
        });
        let assignment = assignment(&of.shop, Uuid::now_v7(), command);
        match self.turns.preview(assignment.clone()).await {
            Ok(Answer { reconciliation, is_news, .. }) => {
                match reconciliation.unwrap_or_default().state() {
                    ReconciliationState::Open | ReconciliationState::Unspecified => {
                        Outcome::Later(AGAIN)
                    }
                    // It agrees, or differs as it did before.
                    _ if !is_news => Outcome::Quiet(next_read(&payment, clock::now())),
                    _ => match self.turns.submit_bulk(assignment, None).await {
                        Ok(_) => Outcome::Taken,
                        Err(failure) => after_failure(&failure),
                    },
                }
            }
            Err(failure) => after_failure(&failure),
        }
    }
}

/// What is read seldom is not asked for more often because the answer is no.
fn after_refusal(payment: &Payment) -> Outcome {
    let now = clock::now();
    match next_read(payment, now) {
        Some(next) if next.0 <= now.0.saturating_add(READ_EVERY_MICROS) => {
            Outcome::Later(AFTER_REFUSAL)
        }
        next => Outcome::Quiet(next),
    }
}

fn after_failure(failure: &Failure) -> Outcome {
    match failure {
        // By hand, deleted, or of an integration that is gone.
        Failure::Refused(refusal) if refusal.code == Code::PaymentNotReadable => {
            Outcome::Quiet(None)
        }
        _ => Outcome::Later(AFTER_REFUSAL),
    }
}

fn assignment(shop: &str, request_id: Uuid, command: Command) -> Assignment {
    Assignment {
        shop: shop.to_owned(),
        caller: Caller {
            actor: ACTOR.to_owned(),
            request_id,
            content: *blake3::hash(request_id.as_bytes()).as_bytes(),
        },
        command,
        bytes: 0,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(shop_id: i64) -> Lane {
        Lane { shop_id, provider: "klarna".to_owned() }
    }

    #[tokio::test]
    async fn a_lane_that_hangs_or_is_silent_rests_and_others_have_room() {
        let mut lanes = Lanes::default();
        let hanging = lanes.running.spawn(std::future::pending());
        lanes.busy.insert(hanging.id(), lane(1));
        let silent = lanes.running.spawn(async { Ok(LaneEnd::Silent) });
        lanes.busy.insert(silent.id(), lane(2));
        let read = lanes.running.spawn(async { Ok(LaneEnd::Read) });
        lanes.busy.insert(read.id(), lane(3));
        let broken = lanes.running.spawn(async { panic!("of a test") });
        lanes.busy.insert(broken.id(), lane(4));
        while lanes.running.len() > 1 {
            tokio::task::yield_now().await;
            lanes.settle();
        }
        assert_eq!(lanes.at_rest(), [lane(1), lane(2)]);
        let room = [1, 2, 3, 4, 5].map(|shop| lanes.has_room(&lane(shop)));
        assert_eq!(room, [false, false, true, true, true]);
    }

    #[tokio::test]
    async fn lanes_are_bounded_however_many_hang() {
        let mut lanes = Lanes::default();
        for shop in 0..1_000 {
            let lane = lane(shop);
            if lanes.has_room(&lane) {
                let task = lanes.running.spawn(std::future::pending());
                lanes.busy.insert(task.id(), lane);
            }
            let until = Instant::now() + SILENT_FOR;
            lanes.silent.insert(Lane { shop_id: shop, provider: "vipps".to_owned() }, until);
        }
        assert_eq!(lanes.busy.len(), LANES_AT_ONCE);
        assert_eq!(lanes.at_rest().len(), NAMED_MAX);
    }
}
