//! Follows one shop's log for all its listeners on this replica: reads what is new, once.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use order_proto::v1::EventKind;
use tokio::sync::{Notify, watch};

use super::Core;
use super::batch::{Batch, batches};
use super::cursor::Place;
use super::pages::{Held, PAGE_REVISIONS, Page, Pages};
use super::ring::{Found, Ring};
use crate::shops::Shop;
use crate::store::log::LogRow;
use crate::store::{StoreFailure, on_either};

/// Events read at once; the rest of the last command comes on top.
const READ_EVENTS: i64 = 256;
/// After a read that failed.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Tailer {
    shop_id: i64,
    core: Arc<Core>,
    ring: Mutex<Ring>,
    pages: Pages,
    pulse: watch::Sender<Pulse>,
    wake: Arc<Notify>,
}

/// What every listener of a shop must hear of at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pulse {
    /// Revision of the last event in the ring.
    pub head: i64,
    pub is_draining: bool,
    /// Grows when personal data are erased: what is held of before must not go out any more.
    pub erasures: u64,
}

impl Tailer {
    /// Follows the log from a place on, as long as somebody holds the tailer.
    pub(super) fn start(core: Arc<Core>, shop_id: i64, head: Place) -> Arc<Self> {
        let wake = Arc::new(Notify::new());
        let tailer = Arc::new(Self {
            shop_id,
            core: Arc::clone(&core),
            ring: Mutex::new(Ring::new(head)),
            pages: Pages::default(),
            pulse: watch::Sender::new(Pulse { head: head.revision, ..Pulse::default() }),
            wake: Arc::clone(&wake),
        });
        // What was committed between the reading of the head and this moment woke nobody.
        tailer.wake.notify_one();
        tokio::spawn(follow(Arc::downgrade(&tailer), core, wake));
        tailer
    }

    /// There may be more than `revision` in the log.
    pub(super) fn wake(&self, revision: i64) {
        if revision > self.head() {
            self.wake.notify_one();
        }
    }

    /// Revision of the last event that was read.
    pub(super) fn head(&self) -> i64 {
        self.pulse.borrow().head
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    pub(super) fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Tells the listeners to go elsewhere.
    pub(super) fn drain(&self) {
        self.pulse.send_modify(|pulse| pulse.is_draining = true);
    }

    /// What the ring has after a revision.
    pub(super) fn after(&self, revision: i64) -> Found {
        self.ring().after(revision)
    }

    /// A page of the table, shared with whoever reads it too.
    ///
    /// # Errors
    /// When the store is away.
    pub(super) async fn page(&self, index: i64) -> Result<Held, StoreFailure> {
        self.pages.page(index, self.read_page(index)).await
    }

    async fn read_page(&self, index: i64) -> Result<Page, StoreFailure> {
        let before = index.saturating_mul(PAGE_REVISIONS);
        let is_full = self.head() >= before.saturating_add(PAGE_REVISIONS);
        let _turn = self.core.old_reads.acquire().await;
        let rows = self.rows_after(before, PAGE_REVISIONS).await?;
        let shop = self.core.shop(self.shop_id)?;
        let batches = batches(&shop, before, rows).into_iter().map(Arc::new).collect();
        Ok(Page { batches, is_full })
    }

    /// Reads until there is nothing new.
    async fn read(&self) -> Result<(), StoreFailure> {
        loop {
            let head = self.head();
            let rows = self.rows_after(head, READ_EVENTS).await?;
            let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < READ_EVENTS);
            if rows.is_empty() {
                return Ok(());
            }
            let shop = self.shop_for(&rows).await?;
            let erased = i32::from(EventKind::CustomerErased);
            if rows.iter().any(|row| i32::from(row.mark.kind) == erased) {
                self.forget();
            }
            self.push(batches(&shop, head, rows));
            if is_last {
                return Ok(());
            }
        }
    }

    /// Lets go of everything that was read before an erasure: the table has it without.
    fn forget(&self) {
        self.ring().clear();
        self.pages.clear();
        self.pulse.send_modify(|pulse| pulse.erasures = pulse.erasures.wrapping_add(1));
    }

    fn push(&self, batches: Vec<Batch>) {
        let head = {
            let mut ring = self.ring();
            for batch in batches {
                if batch.first != ring.head().revision.saturating_add(1) {
                    let (shop_id, revision) = (self.shop_id, batch.first);
                    tracing::error!(shop_id, revision, "the log of a shop has a hole before this");
                }
                ring.push(batch);
            }
            ring.head().revision
        };
        self.pulse.send_modify(|pulse| pulse.head = head);
    }

    async fn rows_after(&self, after: i64, limit: i64) -> Result<Vec<LogRow>, StoreFailure> {
        let shop_id = self.shop_id;
        on_either!(&self.core.store, database => database.log_after(shop_id, after, limit).await)
    }

    /// The shop as these events leave it: other replicas change settings too.
    async fn shop_for(&self, rows: &[LogRow]) -> Result<Arc<Shop>, StoreFailure> {
        let changes =
            [EventKind::StatusesChanged, EventKind::ShopChanged, EventKind::IntegrationsChanged]
                .map(i32::from);
        let shop = self.core.shop(self.shop_id)?;
        if !rows.iter().any(|row| changes.contains(&row.mark.kind.into())) {
            return Ok(shop);
        }
        let fresh = self.core.read_shop(&shop.row.slug).await?;
        Ok(fresh.unwrap_or(shop))
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tailer {
    fn drop(&mut self) {
        // The task that follows finds out that nobody watches any more.
        self.wake.notify_one();
    }
}

async fn follow(tailer: Weak<Tailer>, core: Arc<Core>, wake: Arc<Notify>) {
    loop {
        wake.notified().await;
        let Some(tailer) = tailer.upgrade() else { break };
        if let Err(failure) = tailer.read().await {
            let shop_id = tailer.shop_id;
            tracing::warn!(shop_id, %failure, "the log of a shop could not be read");
            drop(tailer);
            tokio::time::sleep(RETRY_PAUSE).await;
            wake.notify_one();
        }
    }
    core.forget_unwatched();
}
