//! Commands that wait: a queue per shop, and the shops in the order they have waited.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::turn::Work;
use crate::commands::{Answer, Assignment, Failure};

/// Commands of one shop that may wait; one more is refused.
const QUEUE_MAX: usize = 1_000;
/// Commands of one turn.
const TURN_COMMANDS_MAX: usize = 256;
/// Places of a turn that each lane can count on when both have commands waiting.
const LANE_COMMANDS: usize = TURN_COMMANDS_MAX / 2;
/// Order lines of one turn.
const TURN_LINES_MAX: usize = 2_000;
/// What the callers of one turn have sent. One command alone may be larger: a note with files.
const TURN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What a caller is told to wait when the queue is full.
const FULL_RETRY_AFTER: Duration = Duration::from_millis(250);

pub(super) type Reply = oneshot::Sender<Result<Answer, Failure>>;

pub(super) struct Job {
    pub assignment: Arc<Assignment>,
    pub reply: Reply,
    pub deadline: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrival: Notify,
    idle: Notify,
}

#[derive(Default)]
struct Waiting {
    shops: HashMap<i64, ShopQueue>,
    /// Shops that have commands and are in nobody's turn; the longest wait first.
    ready: VecDeque<i64>,
    is_closed: bool,
}

#[derive(Default)]
struct ShopQueue {
    jobs: VecDeque<Job>,
    bulk: VecDeque<Job>,
    is_in_turn: bool,
}

/// Where a command waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Ordinary,
    /// One of many: they get at most half of a turn while ordinary commands wait.
    Bulk,
}

/// The commands of one turn.
pub(super) struct Taken {
    jobs: BTreeMap<i64, Vec<Job>>,
}

impl Queue {
    /// Adds a command.
    ///
    /// # Errors
    /// When the shop's queue is full or the service is stopping.
    pub(super) fn add(&self, shop_id: i64, lane: Lane, job: Job) -> Result<(), Failure> {
        let mut waiting = self.waiting();
        let is_outcome = job.assignment.command.is_outcome();
        if waiting.is_closed && !is_outcome {
            return Err(Failure::Unavailable { retry_after: super::RETRY_AFTER });
        }
        let shop = waiting.shops.entry(shop_id).or_default();
        let is_new = shop.is_empty() && !shop.is_in_turn;
        let jobs = match lane {
            Lane::Ordinary => &mut shop.jobs,
            Lane::Bulk => &mut shop.bulk,
        };
        if jobs.len() >= QUEUE_MAX && !is_outcome {
            return Err(Failure::QueueFull { retry_after: FULL_RETRY_AFTER });
        }
        jobs.push_back(job);
        if is_new {
            waiting.ready.push_back(shop_id);
        }
        drop(waiting);
        self.arrival.notify_one();
        Ok(())
    }

    /// Waits for commands and takes those of the shops that have waited longest, within the bounds
    /// of a turn. `None` when the queue is closed and empty.
    pub(super) async fn take(&self, shops_max: usize) -> Option<Taken> {
        loop {
            let arrival = self.arrival.notified();
            {
                let mut waiting = self.waiting();
                let taken = waiting.take(shops_max);
                if !taken.jobs.is_empty() {
                    // Others may find work too.
                    if !waiting.ready.is_empty() {
                        self.arrival.notify_one();
                    }
                    return Some(taken);
                }
            }
            arrival.await;
        }
    }

    /// The shops of a turn that is over may be taken again.
    pub(super) fn done(&self, shops: &[i64]) {
        let mut waiting = self.waiting();
        for shop_id in shops {
            let Some(shop) = waiting.shops.get_mut(shop_id) else { continue };
            shop.is_in_turn = false;
            if shop.is_empty() {
                waiting.shops.remove(shop_id);
            } else {
                waiting.ready.push_back(*shop_id);
            }
        }
        let (is_ready, is_idle) = (!waiting.ready.is_empty(), waiting.shops.is_empty());
        drop(waiting);
        if is_ready {
            self.arrival.notify_one();
        }
        if is_idle {
            self.idle.notify_waiters();
        }
    }

    /// Takes no more commands from callers; resolves when those taken are done.
    pub(super) async fn close(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            {
                let mut waiting = self.waiting();
                waiting.is_closed = true;
                if waiting.shops.is_empty() {
                    return;
                }
            }
            idle.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self, shops_max: usize) -> Taken {
        let mut taken = Taken { jobs: BTreeMap::new() };
        let mut room = Room::new(self.is_anybody_waiting(shops_max));
        // Shops whose next command is too large for what is left: they keep their place.
        let mut passed = Vec::new();
        while taken.jobs.len().saturating_add(passed.len()) < shops_max && room.is_left() {
            let Some(shop_id) = self.ready.pop_front() else { break };
            let Some(shop) = self.shops.get_mut(&shop_id) else { continue };
            let jobs = shop.take(&mut room);
            if jobs.is_empty() {
                passed.push(shop_id);
            } else {
                shop.is_in_turn = true;
                taken.jobs.insert(shop_id, jobs);
            }
        }
        passed.into_iter().rev().for_each(|shop_id| self.ready.push_front(shop_id));
        taken
    }

    /// Whether a shop that may come into the turn has ordinary commands.
    fn is_anybody_waiting(&self, shops_max: usize) -> bool {
        let mut shops = self.ready.iter().take(shops_max).filter_map(|id| self.shops.get(id));
        shops.any(|shop| !shop.jobs.is_empty())
    }
}

impl ShopQueue {
    /// The commands that come first, as far as there is room.
    fn take(&mut self, room: &mut Room) -> Vec<Job> {
        let mut jobs = Vec::new();
        // The rest is for those of the bulk lane that wait.
        let kept = self.bulk.len().min(room.bulk);
        while room.commands > kept {
            let Some(job) = self.jobs.pop_front_if(|job| room.holds(job)) else { break };
            room.give(&job);
            jobs.push(job);
        }
        while room.bulk > 0 && room.commands > 0 {
            let Some(job) = self.bulk.pop_front_if(|job| room.holds(job)) else { break };
            room.give(&job);
            room.bulk = room.bulk.saturating_sub(1);
            jobs.push(job);
        }
        jobs
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.bulk.is_empty()
    }
}

/// What a turn can still hold.
struct Room {
    commands: usize,
    lines: usize,
    bytes: usize,
    /// Of the commands, those of the bulk lane.
    bulk: usize,
}

impl Room {
    fn new(is_shared: bool) -> Self {
        let bulk = if is_shared { LANE_COMMANDS } else { TURN_COMMANDS_MAX };
        Self { commands: TURN_COMMANDS_MAX, lines: TURN_LINES_MAX, bytes: TURN_BYTES_MAX, bulk }
    }

    fn is_left(&self) -> bool {
        self.commands > 0 && self.lines > 0 && self.bytes > 0
    }

    /// Whether a command fits; one that no turn could hold has a turn to itself.
    fn holds(&self, job: &Job) -> bool {
        let is_first = self.commands == TURN_COMMANDS_MAX;
        let Assignment { command, bytes, .. } = job.assignment.as_ref();
        is_first || (command.lines() <= self.lines && *bytes <= self.bytes)
    }

    fn give(&mut self, job: &Job) {
        self.commands = self.commands.saturating_sub(1);
        self.lines = self.lines.saturating_sub(job.assignment.command.lines());
        self.bytes = self.bytes.saturating_sub(job.assignment.bytes);
    }
}

impl Taken {
    pub(super) fn shops(&self) -> Vec<i64> {
        self.jobs.keys().copied().collect()
    }

    /// The commands that somebody still waits for, and where their answers go.
    pub(super) fn into_work(self) -> (Work, BTreeMap<i64, Vec<Reply>>) {
        let now = Instant::now();
        let mut work = Work::new();
        let mut replies = BTreeMap::<i64, Vec<Reply>>::new();
        for (shop_id, jobs) in self.jobs {
            for job in jobs {
                let is_late = job.deadline.is_some_and(|deadline| deadline <= now);
                if is_late || job.reply.is_closed() {
                    continue;
                }
                work.entry(shop_id).or_default().push(job.assignment);
                replies.entry(shop_id).or_default().push(job.reply);
            }
        }
        (work, replies)
    }
}
