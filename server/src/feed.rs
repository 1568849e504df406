//! Tells listeners what happens to the orders of a shop: every event once, in order, without gaps.
//!
//! For each shop that somebody watches a tailer reads what is new, once, and keeps it in a bounded
//! ring. Listeners hold a place in the log and nothing else: those that keep up are served from the
//! ring, those that do not from the table, and nobody waits for anybody.

mod batch;
mod cursor;
mod doorbell;
mod filter;
mod listener;
mod pages;
mod ring;
mod snapshot;
mod tailer;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::{Stream, stream};
use order_proto::v1;
use order_rules::refusals::{Code, Refusal};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use self::cursor::{Place, Scope};
use self::filter::Filter;
use self::listener::{Beginning, Listener};
use self::tailer::Tailer;
use crate::commands::Failure;
use crate::shops::{Shop, Shops};
use crate::store::log::Opening;
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::Turns;
use crate::wire::Frame;

/// Listeners of this process.
const LISTENERS_MAX: usize = 20_000;
/// What a listener that finds no seat is told to wait.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);
const STOPPING_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Reads of old events at once: those who catch up leave the readers to the others.
const OLD_READS_MAX: usize = 2;
/// The contract's default, which the edge has filled in.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Serves listeners.
#[derive(Clone)]
pub(crate) struct Feed {
    core: Arc<Core>,
}

/// What the tailers and listeners of this process share.
struct Core {
    store: Store,
    shops: Shops,
    /// Which log cursors belong to.
    epoch: OnceCell<Vec<u8>>,
    tailers: Mutex<HashMap<i64, Weak<Tailer>>>,
    seats: Arc<Semaphore>,
    seats_given: AtomicU64,
    old_reads: Semaphore,
    is_draining: AtomicBool,
}

/// A listener's right to be here.
struct Seat {
    number: u64,
    _permit: OwnedSemaphorePermit,
}

impl Feed {
    /// Starts to follow the commits; tailers start when somebody watches.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "started like the other parts of the service"
    )]
    pub(crate) fn start(store: Store, shops: Shops, turns: Turns) -> Self {
        let core = Arc::new(Core {
            store,
            shops,
            epoch: OnceCell::new(),
            tailers: Mutex::default(),
            seats: Arc::new(Semaphore::new(LISTENERS_MAX)),
            seats_given: AtomicU64::new(0),
            old_reads: Semaphore::new(OLD_READS_MAX),
            is_draining: AtomicBool::new(false),
        });
        doorbell::start(&core, turns.commits());
        Self { core }
    }

    /// The stream of a checked request. It ends by itself only with `reconnect` or a failure.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `STATUS_NOT_FOUND`, `CURSOR_INVALID`, `CURSOR_EXPIRED`, `CURSOR_AHEAD`, too
    /// many listeners, a store that is away.
    pub(crate) async fn watch(
        &self,
        request: v1::WatchOrdersRequest,
    ) -> Result<impl Stream<Item = Result<Frame, Failure>> + Send + use<>, Failure> {
        let listener = Box::new(self.listener(request).await?);
        Ok(stream::unfold(listener, async |mut listener| {
            let message = listener.next().await?;
            Some((message, listener))
        }))
    }

    /// Tells every listener to connect elsewhere, and takes no new ones.
    pub(crate) fn drain(&self) {
        self.core.is_draining.store(true, Ordering::SeqCst);
        for tailer in self.core.watched() {
            tailer.drain();
        }
    }

    async fn listener(&self, request: v1::WatchOrdersRequest) -> Result<Listener, Failure> {
        let core = &self.core;
        let seat = core.seat()?;
        let slug = request.parent.strip_prefix("shops/").unwrap_or_default();
        let shop = core
            .read_shop(slug)
            .await?
            .ok_or_else(|| Refusal::new(Code::ShopNotFound).with("shop", request.parent.clone()))?;
        let shop_id = shop.row.shop_id;
        let wanted = request.filter.clone().unwrap_or_default();
        look_up_statuses(&shop, &wanted)?;
        let filter = Filter::new(&wanted);
        let scope = Scope { epoch: core.epoch().await?, shop_id, filter: filter.id };
        let cursor = match request.cursor.as_str() {
            "" => None,
            cursor => Some(scope.place(cursor)?),
        };
        let asked = cursor.map_or(0, |place| place.revision);
        let opening = on_either!(&core.store, database => {
            database.log_opening(shop_id, asked).await
        })?;
        let opening =
            opening.ok_or_else(|| StoreFailure::Defect("a shop without events".to_owned()))?;
        let place = beginning(request.start(), cursor, &opening)?;
        let head = Place::after(&opening.head);
        let beginning = Beginning { place, oldest: opening.oldest, head: head.revision };
        let heartbeat = request.heartbeat.and_then(|time| Duration::try_from(time).ok());
        let heartbeat = heartbeat.unwrap_or(HEARTBEAT);
        let tailer = core.tailer(shop_id, head);
        Ok(Listener::new(tailer, scope, filter, &beginning, heartbeat, seat))
    }
}

/// A status that the shop never had is a mistake. One that is deleted is not: its old events still come,
/// and who was cut off asks with the filter that he had.
///
/// # Errors
/// `STATUS_NOT_FOUND`.
fn look_up_statuses(shop: &Shop, wanted: &v1::WatchFilter) -> Result<(), Refusal> {
    let is_known = |name: &str| {
        let slug = name.rsplit('/').next().unwrap_or_default();
        shop.status_rows.iter().any(|row| row.slug == slug)
    };
    match wanted.statuses.iter().find(|name| !is_known(name)) {
        Some(name) => Err(Refusal::new(Code::StatusNotFound).with("status", name)),
        None => Ok(()),
    }
}

/// Where the stream begins.
///
/// # Errors
/// `CURSOR_EXPIRED`, `CURSOR_AHEAD`.
fn beginning(
    start: v1::WatchStart,
    cursor: Option<Place>,
    opening: &Opening,
) -> Result<Place, Refusal> {
    let head = Place::after(&opening.head);
    if let Some(place) = cursor {
        return checked(place, opening);
    }
    let nothing_seen = Place::default();
    Ok(match start {
        v1::WatchStart::Snapshot => nothing_seen.in_snapshot(),
        v1::WatchStart::Oldest => {
            Place { revision: opening.oldest.saturating_sub(1), ..nothing_seen }
        }
        v1::WatchStart::Unspecified | v1::WatchStart::Now | v1::WatchStart::Cursor => head,
    })
}

/// A cursor's place, if the log still goes on from there.
fn checked(place: Place, opening: &Opening) -> Result<Place, Refusal> {
    let head = opening.head.revision;
    let ahead = || Refusal::new(Code::CursorAhead).with("head_revision", head);
    if place.revision > head {
        return Err(ahead());
    }
    match &opening.asked {
        Some(mark) if place.digest != 0 && Place::after(mark).digest != place.digest => {
            Err(ahead())
        }
        Some(_) => Ok(place),
        // Before the oldest there is no event to compare with: nothing of the log has been seen, or
        // all up to there.
        None if place.is_snapshot && place.revision == 0 => Ok(place),
        None if place.revision.saturating_add(1) == opening.oldest => Ok(place),
        None => Err(Refusal::new(Code::CursorExpired).with("oldest_revision", opening.oldest)),
    }
}

impl Core {
    fn seat(&self) -> Result<Seat, Failure> {
        if self.is_draining.load(Ordering::SeqCst) {
            return Err(Failure::Unavailable { retry_after: STOPPING_RETRY_AFTER });
        }
        let permit = Arc::clone(&self.seats)
            .try_acquire_owned()
            .map_err(|_| Failure::QueueFull { retry_after: FULL_RETRY_AFTER })?;
        Ok(Seat { number: self.seats_given.fetch_add(1, Ordering::Relaxed), _permit: permit })
    }

    async fn epoch(&self) -> Result<Vec<u8>, StoreFailure> {
        let made = async || {
            let new = Uuid::new_v4().into_bytes().to_vec();
            on_either!(&self.store, database => database.epoch(new).await)
        };
        self.epoch.get_or_try_init(made).await.cloned()
    }

    /// The tailer of a shop; one that begins at the head when there is none.
    fn tailer(self: &Arc<Self>, shop_id: i64, head: Place) -> Arc<Tailer> {
        let mut tailers = self.tailers();
        let tailer = tailers.get(&shop_id).and_then(Weak::upgrade).unwrap_or_else(|| {
            let tailer = Tailer::start(Arc::clone(self), shop_id, head);
            tailers.insert(shop_id, Arc::downgrade(&tailer));
            tailer
        });
        drop(tailers);
        // The drain may have gone through the tailers just before this one.
        if self.is_draining.load(Ordering::SeqCst) {
            tailer.drain();
        }
        tailer
    }

    /// A shop as it is known.
    fn shop(&self, shop_id: i64) -> Result<Arc<Shop>, StoreFailure> {
        self.shops
            .shop(shop_id)
            .ok_or_else(|| StoreFailure::Defect("a watched shop is not known".to_owned()))
    }

    /// A shop as it is stored now.
    async fn read_shop(&self, slug: &str) -> Result<Option<Arc<Shop>>, StoreFailure> {
        let slug = slug.to_owned();
        let found = on_either!(&self.store, database => database.shop_find(slug).await)?;
        let Some(rows) = found else { return Ok(None) };
        let shop = Arc::new(Shop::from_rows(rows)?);
        self.shops.remember(Arc::clone(&shop));
        Ok(Some(shop))
    }

    fn wake(&self, shop_id: i64, revision: i64) {
        let tailer = self.tailers().get(&shop_id).and_then(Weak::upgrade);
        if let Some(tailer) = tailer {
            tailer.wake(revision);
        }
    }

    fn wake_all(&self) {
        for tailer in self.watched() {
            tailer.wake(i64::MAX);
        }
    }

    async fn look_at_heads(&self) -> Result<(), StoreFailure> {
        let shop_ids: Vec<i64> = self.tailers().keys().copied().collect();
        if shop_ids.is_empty() {
            return Ok(());
        }
        let heads = on_either!(&self.store, database => database.log_heads(shop_ids).await)?;
        for (shop_id, head) in heads {
            self.wake(shop_id, head);
        }
        Ok(())
    }

    fn forget_unwatched(&self) {
        self.tailers().retain(|_, tailer| tailer.strong_count() > 0);
    }

    fn watched(&self) -> Vec<Arc<Tailer>> {
        self.tailers().values().filter_map(Weak::upgrade).collect()
    }

    fn tailers(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Weak<Tailer>>> {
        self.tailers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The how-manieth listener of this process it is.
    fn number(&self) -> u64 {
        self.number
    }
}
