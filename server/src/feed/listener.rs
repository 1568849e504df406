//! One listener's stream: it holds a place in the log, and takes what comes next when it is asked.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use order_proto::v1;
use order_proto::v1::watch_orders_response::Message;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use super::Seat;
use super::batch::Batch;
use super::cursor::{Place, Scope};
use super::filter::Filter;
use super::pages::{Held, PAGE_REVISIONS};
use super::ring::Found;
use super::snapshot::Snapshot;
use super::tailer::{Pulse, Tailer};
use crate::commands::Failure;
use crate::wire::Frame;

/// Listeners that are told to reconnect come back within this, not all at once.
const RECONNECT_WITHIN_MS: u64 = 2_000;
const RECONNECT_AFTER_MS: u64 = 100;

pub(super) struct Listener {
    tailer: Arc<Tailer>,
    pulse: watch::Receiver<Pulse>,
    filter: Filter,
    scope: Scope,
    place: Place,
    /// The head when the stream began: what is after it is new.
    head_at_start: i64,
    stage: Stage,
    /// It has been told that it has reached the head.
    is_caught_up: bool,
    /// The page it is being served from.
    page: Option<(i64, Held)>,
    /// Erasures it knows of.
    erasures: u64,
    heartbeat: Duration,
    silent_since: Instant,
    alarm: Pin<Box<Sleep>>,
    seat: Seat,
}

/// Where a stream begins, and what is known of the log there.
pub(super) struct Beginning {
    pub place: Place,
    pub oldest: i64,
    pub head: i64,
}

enum Stage {
    Created { oldest: i64 },
    Snapshot(Box<Snapshot>),
    Events,
    Ended,
}

/// What became of waiting.
enum Woken {
    /// There may be something new.
    Pulse,
    /// It has been silent for too long.
    Silence,
}

impl Listener {
    pub(super) fn new(
        tailer: Arc<Tailer>,
        scope: Scope,
        filter: Filter,
        beginning: &Beginning,
        heartbeat: Duration,
        seat: Seat,
    ) -> Self {
        let pulse = tailer.pulse();
        let erasures = pulse.borrow().erasures;
        Self {
            pulse,
            erasures,
            tailer,
            filter,
            scope,
            place: beginning.place,
            head_at_start: beginning.head,
            stage: Stage::Created { oldest: beginning.oldest },
            is_caught_up: false,
            page: None,
            heartbeat,
            silent_since: Instant::now(),
            alarm: Box::pin(sleep(heartbeat)),
            seat,
        }
    }

    /// The next message; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Result<Frame, Failure>> {
        let frame = self.message().await.transpose()?;
        self.silent_since = Instant::now();
        if frame.is_err() {
            self.stage = Stage::Ended;
        }
        Some(frame)
    }

    async fn message(&mut self) -> Result<Option<Frame>, Failure> {
        if let Stage::Created { oldest } = self.stage {
            self.stage = match self.place.is_snapshot {
                true => Stage::Snapshot(Box::new(Snapshot::new(self.place))),
                false => Stage::Events,
            };
            return Ok(Some(self.created(oldest)));
        }
        loop {
            let Pulse { is_draining, erasures, .. } = *self.pulse.borrow_and_update();
            self.heed(erasures);
            let frame = match &self.stage {
                Stage::Ended => return Ok(None),
                _ if is_draining => Some(self.reconnect()),
                Stage::Snapshot(_) => self.walk().await?,
                Stage::Created { .. } | Stage::Events => self.follow().await?,
            };
            if frame.is_some() {
                return Ok(frame);
            }
            if self.silent_since.elapsed() >= self.heartbeat {
                return Ok(Some(self.checkpoint()));
            }
            // A filter that lets little through must not keep a thread for itself.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Lets go of what it has read before personal data were erased.
    fn heed(&mut self, erasures: u64) {
        if self.erasures == erasures {
            return;
        }
        self.erasures = erasures;
        self.page = None;
        if let Stage::Snapshot(snapshot) = &mut self.stage {
            **snapshot = Snapshot::new(self.place);
        }
    }

    /// The next message of the snapshot, if there is one already.
    async fn walk(&mut self) -> Result<Option<Frame>, Failure> {
        let Stage::Snapshot(snapshot) = &mut self.stage else { return Ok(None) };
        if let Some((place, frame)) = snapshot.next() {
            self.place = place;
            return Ok(Some(frame));
        }
        self.place = snapshot.through();
        if snapshot.is_complete() {
            self.stage = Stage::Events;
            let complete = v1::WatchSnapshotComplete {};
            return Ok(Some(self.said(Message::SnapshotComplete(complete))));
        }
        snapshot.read(self.tailer.core(), &self.scope, &self.filter).await?;
        Ok(None)
    }

    /// The next message of the log; waits for news when there is none.
    async fn follow(&mut self) -> Result<Option<Frame>, Failure> {
        match self.tailer.after(self.place.revision) {
            Found::Next(batch) => {
                self.page = None;
                Ok(self.pass(&batch))
            }
            Found::Gone => {
                if self.is_caught_up {
                    self.is_caught_up = false;
                    let head_revision = self.tailer.head();
                    return Ok(Some(
                        self.said(Message::FellBehind(v1::WatchFellBehind { head_revision })),
                    ));
                }
                let batch = self.old_batch().await?;
                Ok(batch.and_then(|batch| self.pass(&batch)))
            }
            Found::Nothing => {
                let is_at_head = self.place.revision >= self.head_at_start;
                if is_at_head && !self.is_caught_up {
                    self.is_caught_up = true;
                    self.page = None;
                    return Ok(Some(self.said(Message::CaughtUp(v1::WatchCaughtUp {}))));
                }
                match self.wait().await {
                    Woken::Pulse => Ok(None),
                    Woken::Silence => Ok(Some(self.checkpoint())),
                }
            }
        }
    }

    /// Moves past a batch; the message is what the filter lets through of it.
    fn pass(&mut self, batch: &Batch) -> Option<Frame> {
        self.place = batch.place;
        batch.frame(&self.scope, &self.filter)
    }

    /// The next batch from the table.
    async fn old_batch(&mut self) -> Result<Option<Arc<Batch>>, Failure> {
        let mut index = self.place.revision.div_euclid(PAGE_REVISIONS);
        loop {
            let page = match self.page.take() {
                Some((at, page)) if at == index => page,
                _ => self.tailer.page(index).await?,
            };
            let (batch, is_full) = page
                .get()
                .map_or((None, false), |page| (page.after(self.place.revision), page.is_full));
            self.page = is_full.then_some((index, page));
            if batch.is_some() || !is_full {
                return Ok(batch);
            }
            index = index.saturating_add(1);
        }
    }

    async fn wait(&mut self) -> Woken {
        loop {
            tokio::select! {
                biased;
                _changed = self.pulse.changed() => return Woken::Pulse,
                () = self.alarm.as_mut() => {
                    let due = self.silent_since + self.heartbeat;
                    if due <= Instant::now() {
                        self.alarm.as_mut().reset(Instant::now() + self.heartbeat);
                        return Woken::Silence;
                    }
                    self.alarm.as_mut().reset(due);
                }
            }
        }
    }

    fn created(&self, oldest: i64) -> Frame {
        self.said(Message::Created(v1::WatchCreated {
            oldest_revision: oldest,
            head_revision: self.head_at_start,
            heartbeat: prost_types::Duration::try_from(self.heartbeat).ok(),
        }))
    }

    fn checkpoint(&self) -> Frame {
        let head_revision = self.tailer.head().max(self.place.revision);
        self.said(Message::Checkpoint(v1::WatchCheckpoint { head_revision }))
    }

    fn reconnect(&mut self) -> Frame {
        self.stage = Stage::Ended;
        let spread = self.seat.number().wrapping_mul(787) % RECONNECT_WITHIN_MS;
        let delay = Duration::from_millis(RECONNECT_AFTER_MS.saturating_add(spread));
        self.said(Message::Reconnect(v1::WatchReconnect {
            reason: v1::ReconnectReason::Drain.into(),
            retry_delay: prost_types::Duration::try_from(delay).ok(),
        }))
    }

    /// A message at the listener's place.
    fn said(&self, message: Message) -> Frame {
        Frame::default().with_fields(&v1::WatchOrdersResponse {
            revision: self.place.revision,
            cursor: self.scope.cursor(self.place),
            message: Some(message),
        })
    }
}
