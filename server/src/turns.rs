//! The serial log of each shop: commands queue up, and a turn carries out all that wait, at once.

mod audit;
mod booking;
mod bounds;
mod connected;
mod document;
mod evidence;
pub(crate) mod labelling;
mod looking;
pub(crate) mod mailing;
mod pairs;
mod personal;
mod planning;
mod queue;
pub(crate) mod rebuild;
mod record;
mod settling;
mod staleness;
mod stocking;
mod story;
mod turn;

#[cfg(test)]
mod tests;

pub(crate) use audit::{Audited, Followed};

pub(crate) mod desk;

pub(crate) use rebuild::FilesRecord;
pub(crate) use story::reconciliation;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use order_rules::changing::Bearing;
use order_rules::payments::Payment;
use order_rules::refusals::{Code, Refusal};
use tokio::sync::{Notify, broadcast, oneshot};
use tokio::time::Instant;

use self::queue::{Job, Lane, Queue, Taken};
use self::settling::Settling;
use self::turn::Work;
use crate::clock;
use crate::commands::{Answer, Assignment, Awaits, CreateShop, Failure, HearOfPayment};
use crate::shops::Shops;
use crate::store::audits::PageAsked;
use crate::store::facts::{Facts, Needs};
use crate::store::rows::key;
use crate::store::{Store, StoreFailure, on_either};

mod founding;

/// How long a turn goes on trying to reach the database.
const RETRIES_MAX: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// What a caller is told to wait when the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Commits a listener may be behind before it must look at the heads itself.
const COMMITS_KEPT: usize = 1_024;

/// A shop's log has grown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub shop_id: i64,
    pub revision: i64,
}

/// Takes commands in and carries them out in turns.
#[derive(Clone)]
pub(crate) struct Turns {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    shops: Shops,
    queue: Queue,
    settling: Settling,
    commits: broadcast::Sender<Commit>,
    effects: Notify,
}

impl Turns {
    /// Starts `workers` that take turns: one for SQLite, whose writer is alone.
    pub(crate) fn start(store: Store, shops: Shops, workers: usize) -> Self {
        let workers = if store.is_embedded() { 1 } else { workers.max(1) };
        let inner = Arc::new(Inner {
            store,
            shops,
            queue: Queue::default(),
            settling: Settling::default(),
            commits: broadcast::channel(COMMITS_KEPT).0,
            effects: Notify::new(),
        });
        for _ in 0..workers {
            tokio::spawn(work(Arc::clone(&inner)));
        }
        Self { inner }
    }

    /// Queues a command and waits for its turn. A command whose caller is gone, or whose deadline
    /// has passed, before it is decided is dropped; once decided it is finished.
    ///
    /// # Errors
    /// A refusal, a full queue, a store that is away.
    pub(crate) async fn submit(
        &self,
        assignment: Assignment,
        deadline: Option<Instant>,
    ) -> Result<Answer, Failure> {
        self.submit_in(Lane::Ordinary, Arc::new(assignment), deadline).await
    }

    /// Queues a command as one of many: they get at most half of a turn while others wait, and are
    /// not refused for a full queue but wait.
    ///
    /// # Errors
    /// As [`Turns::submit`].
    pub(crate) async fn submit_bulk(
        &self,
        assignment: Assignment,
        deadline: Option<Instant>,
    ) -> Result<Answer, Failure> {
        let assignment = Arc::new(assignment);
        loop {
            match self.submit_in(Lane::Bulk, Arc::clone(&assignment), deadline).await {
                Err(Failure::QueueFull { retry_after }) => tokio::time::sleep(retry_after).await,
                outcome => return outcome,
            }
        }
    }

    async fn submit_in(
        &self,
        lane: Lane,
        assignment: Arc<Assignment>,
        deadline: Option<Instant>,
    ) -> Result<Answer, Failure> {
        let shop_id = self.shop_id(&assignment.shop).await?;
        let (reply, answer) = oneshot::channel();
        let job = Job { assignment: Arc::clone(&assignment), reply, deadline };
        self.inner.queue.add(shop_id, lane, job)?;
        let lost = || match deadline {
            // It was dropped before it was decided.
            Some(deadline) if deadline <= Instant::now() => {
                Refusal::new(Code::DeadlineExceeded).into()
            }
            // The worker only goes away with the process, or when it panics: then nothing is known.
            _ => Failure::Unavailable { retry_after: RETRY_AFTER },
        };
        match answer.await.unwrap_or_else(|_| Err(lost())) {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                let store = &self.inner.store;
                Err(staleness::explained(store, shop_id, &assignment, failure).await)
            }
        }
    }

    /// Decides a command on a snapshot and stores nothing: no lock, no number.
    ///
    /// # Errors
    /// As [`Turns::submit`].
    pub(crate) async fn preview(&self, assignment: Assignment) -> Result<Answer, Failure> {
        let shop_id = self.shop_id(&assignment.shop).await?;
        let assignment = Arc::new(assignment);
        let work = Work::from([(shop_id, vec![Arc::clone(&assignment)])]);
        let now = clock::now();
        let needs = turn::needs(&self.inner.shops, &work, now);
        let (shops, asked) = (self.inner.shops.clone(), Arc::clone(&assignment));
        let store = &self.inner.store;
        let answer = on_either!(store, database => database
            .preview(needs, move |facts| turn::rehearse(&shops, shop_id, &asked, &facts, now))
            .await)?;
        match answer {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(staleness::explained(store, shop_id, &assignment, failure).await),
        }
    }

    /// Creates a shop with the starting statuses. The same id and content again is harmless.
    ///
    /// # Errors
    /// `SHOP_EXISTS`, a store that is away.
    pub(crate) async fn create_shop(
        &self,
        command: CreateShop,
        validate_only: bool,
    ) -> Result<Answer, Failure> {
        founding::create(&self.inner.store, &self.inner.shops, command, validate_only).await
    }

    /// Waits until nothing that gates the answer about the order is under way, or `wait` has passed.
    /// Answers the order as it is then, and whether it is settled.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn settled(
        &self,
        shop: &str,
        number: i64,
        (wait, awaits): (Duration, &Awaits),
    ) -> Result<(Vec<Bytes>, bool), Failure> {
        let shop_id = self.shop_id(shop).await?;
        let until = Instant::now() + wait;
        loop {
            let change = self.inner.settling.next(key(shop_id, number));
            let (parts, is_waiting) = self.order_now(shop_id, number, awaits).await?;
            if !is_waiting || Instant::now() >= until {
                return Ok((parts, !is_waiting));
            }
            change.wait(until).await;
        }
    }

    /// Checks the next orders of a shop: what is wrong with each, and the key to go on after (`None`:
    /// these were the last).
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn audit(
        &self,
        shop_id: i64,
        (after, limit): (i64, i64),
        followed: Followed,
    ) -> Result<Audited, Failure> {
        let asked = PageAsked {
            shop_id,
            after,
            limit,
            settings_revision: self
                .inner
                .shops
                .shop(shop_id)
                .map_or(-1, |shop| shop.settings_revision),
        };
        let shops = self.inner.shops.clone();
        on_either!(&self.inner.store, database => database
            .audit_page(asked, move |page| audit::check(&shops, shop_id, &page, followed))
            .await)?
    }

    /// What news are to a payment as it is; nothing is stored.
    ///
    /// # Errors
    /// When the store is away.
    pub(crate) async fn bearing(
        &self,
        shop: &str,
        hearing: HearOfPayment,
    ) -> Result<Bearing, Failure> {
        let shop_id = self.shop_id(shop).await?;
        let mut needs = Needs::default();
        let known = self.inner.shops.shop(shop_id).map_or(-1, |shop| shop.settings_revision);
        needs.shops.insert(shop_id, known);
        hearing.needs(&mut needs);
        let shops = self.inner.shops.clone();
        let now = clock::now();
        on_either!(&self.inner.store, database => database
            .preview(needs, move |facts| looking::bearing(&shops, shop_id, &hearing, &facts, now))
            .await)?
    }

    /// Has the runner look for effects that are due.
    pub(crate) fn wake_effects(&self) {
        self.inner.effects.notify_one();
    }

    /// A payment of an order, with its ledger.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, `PAYMENT_NOT_FOUND`, `PAYMENT_NOT_READABLE`; a store that is away.
    pub(crate) async fn payment(
        &self,
        shop: &str,
        number: i64,
        payment: i64,
    ) -> Result<Payment, Failure> {
        let shop_id = self.shop_id(shop).await?;
        let needs = self.needs_of(shop_id, number);
        let (shops, now) = (self.inner.shops.clone(), clock::now());
        let wanted = (number, payment);
        on_either!(&self.inner.store, database => database
            .preview(needs, move |facts| looking::payment_now(&shops, shop_id, wanted, &facts, now))
            .await)?
    }

    /// What must be read to know an order as it is.
    fn needs_of(&self, shop_id: i64, number: i64) -> Needs {
        let mut needs = Needs::default();
        let known = self.inner.shops.shop(shop_id).map_or(-1, |shop| shop.settings_revision);
        needs.shops.insert(shop_id, known);
        needs.orders.insert(key(shop_id, number));
        needs
    }

    async fn order_now(
        &self,
        shop_id: i64,
        number: i64,
        awaits: &Awaits,
    ) -> Result<(Vec<Bytes>, bool), Failure> {
        let needs = self.needs_of(shop_id, number);
        let (shops, awaits) = (self.inner.shops.clone(), awaits.clone());
        let now = clock::now();
        on_either!(&self.inner.store, database => database
            .preview(needs, move |facts| {
                looking::order_now(&shops, shop_id, number, &facts, (now, &awaits))
            })
            .await)?
    }

    /// Announces the commits of this process, after they are durable.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Commit> {
        self.inner.commits.subscribe()
    }

    /// Resolves when effects were planned since it was last asked.
    pub(crate) async fn effects_planned(&self) {
        self.inner.effects.notified().await;
    }

    /// Takes no more commands, and resolves when those taken are carried out.
    pub(crate) async fn drain(&self) {
        self.inner.queue.close().await;
    }

    /// The id of a shop.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, a store that is away.
    pub(crate) async fn shop_id(&self, slug: &str) -> Result<i64, Failure> {
        if let Some(id) = self.inner.shops.id(slug) {
            return Ok(id);
        }
        let shop = founding::find(&self.inner.store, slug).await?.ok_or_else(|| {
            Refusal::new(Code::ShopNotFound).with("shop", format!("shops/{slug}"))
        })?;
        let shop_id = shop.row.shop_id;
        self.inner.shops.remember(Arc::new(shop));
        Ok(shop_id)
    }
}

/// A worker: takes the shops that have waited longest and carries out their commands in one turn.
async fn work(inner: Arc<Inner>) {
    // More shops in a turn share a commit; fewer wait for a replica that holds one of them.
    let shops_max = if inner.store.is_embedded() { 256 } else { 16 };
    while let Some(taken) = inner.queue.take(shops_max).await {
        let shops = taken.shops();
        let turn = tokio::spawn(take_turn(Arc::clone(&inner), taken));
        if let Err(panic) = turn.await {
            tracing::error!(error = %panic, "a turn panicked");
        }
        inner.queue.done(&shops);
    }
}

async fn take_turn(inner: Arc<Inner>, taken: Taken) {
    let (work, replies) = taken.into_work();
    if work.is_empty() {
        return;
    }
    let is_single = replies.values().map(Vec::len).sum::<usize>() == 1;
    match attempt(&inner, &work).await {
        Ok(mut answers) => {
            for (shop_id, replies) in replies {
                let answers = answers.remove(&shop_id).unwrap_or_default();
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // A caller who is gone asks again with the same id.
                    let _gone = reply.send(answer);
                }
            }
        }
        Err(failure) if is_single => {
            for reply in replies.into_values().flatten() {
                let _gone = reply.send(Err(tell(&failure)));
            }
        }
        // A bad command fails alone: each gets a turn of its own.
        Err(failure) => {
            tracing::warn!(%failure, "a turn failed; its commands are carried out one by one");
            for (shop_id, replies) in replies {
                let assignments = work.get(&shop_id).cloned().unwrap_or_default();
                for (reply, assignment) in replies.into_iter().zip(assignments) {
                    let alone = Work::from([(shop_id, vec![assignment])]);
                    let answer = match attempt(&inner, &alone).await {
                        Ok(answers) => answers.into_values().flatten().next(),
                        Err(failure) => Some(Err(tell(&failure))),
                    };
                    let lost = Failure::Internal { log: "a command without an answer".to_owned() };
                    let _gone = reply.send(answer.unwrap_or(Err(lost)));
                }
            }
        }
    }
}

type Answers = std::collections::BTreeMap<i64, Vec<Result<Answer, Failure>>>;

/// Runs a turn until it is stored. A commit that was lost on the way is found again by its
/// request ids, so running it once more is harmless.
async fn attempt(inner: &Arc<Inner>, work: &Work) -> Result<Answers, StoreFailure> {
    let mut tries = 0_u32;
    loop {
        let now = clock::now();
        let needs = turn::needs(&inner.shops, work, now);
        let (shops, assignments) = (inner.shops.clone(), work.clone());
        let decide = move |facts: Facts| turn::decide(&shops, &assignments, &facts, now);
        let stored = on_either!(&inner.store, database => database.turn(needs, decide).await);
        match stored {
            Ok(outcome) => {
                announce(inner, &outcome);
                return Ok(outcome.answers);
            }
            Err(StoreFailure::Away(text) | StoreFailure::Conflict(text)) if tries < RETRIES_MAX => {
                tries = tries.saturating_add(1);
                tracing::warn!(tries, error = %text, "a turn is run again");
                tokio::time::sleep(RETRY_PAUSE * tries).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// After the commit: whoever waits is told.
fn announce(inner: &Arc<Inner>, outcome: &turn::Outcome) {
    for shop in &outcome.shops {
        inner.shops.remember(Arc::clone(shop));
    }
    for head in &outcome.heads {
        let commit = Commit { shop_id: head.shop_id, revision: head.revision };
        // Nobody listens: nobody is told.
        let _unheard = inner.commits.send(commit);
    }
    inner.settling.settled(&outcome.settled);
    if outcome.has_effects {
        inner.effects.notify_one();
    }
}

fn tell(failure: &StoreFailure) -> Failure {
    match failure {
        StoreFailure::Away(_) | StoreFailure::Conflict(_) => {
            Failure::Unavailable { retry_after: RETRY_AFTER }
        }
        StoreFailure::Constraint(text) | StoreFailure::Defect(text) => {
            Failure::Internal { log: text.clone() }
        }
    }
}

impl From<StoreFailure> for Failure {
    fn from(failure: StoreFailure) -> Self {
        tell(&failure)
    }
}
