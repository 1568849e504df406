//! Notices that a provider sends by itself: on their way in order, again until they are taken, and
//! late, twice or the wrong way round when a test wants it.

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A notice to be sent.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Registration it belongs to: its notices go out one after the other.
    pub queue: String,
    /// What it tells, in the words of the book.
    pub name: String,
    pub about: String,
    pub url: String,
    pub body: Bytes,
}

/// One attempt to tell somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub name: String,
    pub about: String,
    /// From 1.
    pub attempt: u32,
    /// HTTP status of the answer; 0: there was none.
    pub status: u16,
}

/// How notices travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Travel {
    /// How long each waits at first.
    pub delay_millis: u64,
    /// How often each is delivered.
    pub copies: u32,
    /// None goes out.
    pub is_held: bool,
    /// The newest goes out first.
    pub is_reversed: bool,
    /// Pause between attempts; without it the provider's own.
    pub retry_millis: Option<u64>,
}

/// Notices on their way.
#[derive(Debug, Default)]
pub(crate) struct Post {
    travel: Travel,
    waiting: Vec<Waiting>,
    count: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    id: u64,
    notice: Notice,
    due: Instant,
    attempts: u32,
    copies: u32,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Next {
    Send(u64, Notice),
    Wait(Instant),
    Rest,
}

impl Default for Travel {
    fn default() -> Self {
        Self { delay_millis: 0, copies: 1, is_held: false, is_reversed: false, retry_millis: None }
    }
}

impl Post {
    pub(crate) fn set(&mut self, travel: Travel) {
        self.travel = travel;
    }

    pub(crate) fn add(&mut self, notice: Notice) {
        self.count += 1;
        self.waiting.push(Waiting {
            id: self.count,
            notice,
            due: Instant::now() + Duration::from_millis(self.travel.delay_millis),
            attempts: 0,
            copies: self.travel.copies,
        });
    }

    /// How many have not arrived.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn next(&self, now: Instant) -> Next {
        if self.travel.is_held {
            return Next::Rest;
        }
        let heads = self.heads();
        match heads.iter().find(|waiting| waiting.due <= now) {
            Some(waiting) => Next::Send(waiting.id, waiting.notice.clone()),
            None => heads.iter().map(|waiting| waiting.due).min().map_or(Next::Rest, Next::Wait),
        }
    }

    /// The first of each queue.
    fn heads(&self) -> Vec<&Waiting> {
        let mut queues = BTreeSet::new();
        let mut ordered: Vec<&Waiting> = self.waiting.iter().collect();
        if self.travel.is_reversed {
            ordered.reverse();
        }
        ordered.retain(|waiting| queues.insert(&waiting.notice.queue));
        ordered
    }

    /// What became of an attempt; the number of attempts so far.
    pub(crate) fn attempted(
        &mut self,
        id: u64,
        is_taken: bool,
        pause: impl FnOnce(u32) -> Option<Duration>,
    ) -> u32 {
        let Some(place) = self.waiting.iter().position(|waiting| waiting.id == id) else {
            return 0;
        };
        let Some(waiting) = self.waiting.get_mut(place) else { return 0 };
        waiting.attempts += 1;
        let attempts = waiting.attempts;
        if is_taken {
            waiting.copies = waiting.copies.saturating_sub(1);
            if waiting.copies == 0 {
                self.waiting.remove(place);
            }
            return attempts;
        }
        let own = self.travel.retry_millis.map(Duration::from_millis);
        match own.or_else(|| pause(attempts)) {
            Some(pause) => waiting.due = Instant::now() + pause,
            None => drop(self.waiting.remove(place)),
        }
        attempts
    }
}
