//! Finding orders by words: keeps the index of each shop up to date with its log.

mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use order_proto::v1::EventKind;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{sleep, timeout};

pub(crate) use self::words::{of as words_of, sought};
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::{Commit, Turns};

/// Events of one transaction, which the turns wait for on the embedded database.
const EVENTS_MAX: i64 = 256;
/// What is committed within this time is gathered.
const GATHERED_FOR: Duration = Duration::from_millis(50);
/// How often all shops are looked at: another replica may have gone before it was done.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a search waits for the words of what was committed before it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Events that change none of an order's words. A kind that is not named here is looked at.
const WORDLESS: [EventKind; 12] = [
    EventKind::StatusChangeRequested,
    EventKind::StatusChanged,
    EventKind::StatusChangeDropped,
    EventKind::OperationRequested,
    EventKind::OperationResolved,
    EventKind::PaymentUpdated,
    EventKind::StockTaken,
    EventKind::StockPutBack,
    EventKind::Delivered,
    EventKind::ProblemOpened,
    EventKind::ProblemClosed,
    EventKind::Noop,
];

/// The index of words.
#[derive(Clone)]
pub(crate) struct Search {
    store: Store,
}

impl Search {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Follows the logs of all shops for as long as the process lives.
    pub(crate) fn follow(&self, turns: &Turns) -> tokio::task::JoinHandle<()> {
        tokio::spawn(follow(self.clone(), turns.commits()))
    }

    /// Waits a moment until the words of the shop are those of its log. They may still lag behind when
    /// there is much to do.
    pub(crate) async fn catch_up(&self, shop_id: i64) {
        let search = self.clone();
        // On its own: a transaction is not to be dropped half-way.
        let work = tokio::spawn(async move { search.advance(shop_id).await });
        match timeout(PATIENCE, work).await {
            Ok(Ok(Err(failure))) => {
                tracing::warn!(%failure, "words could not be brought up to date");
            }
            Ok(Err(panic)) => tracing::warn!(%panic, "the bringing up to date of words ended"),
            Ok(Ok(Ok(()))) | Err(_) => {}
        }
    }

    /// Brings the words of a shop up to the head of its log.
    async fn advance(&self, shop_id: i64) -> Result<(), StoreFailure> {
        let wordless: Vec<i16> = WORDLESS.into_iter().filter_map(stored).collect();
        loop {
            let wordless = wordless.clone();
            let has_more = on_either!(&self.store, database => database
                .search_advance(shop_id, EVENTS_MAX, wordless, words::of)
                .await)?;
            if !has_more {
                return Ok(());
            }
            // The turns go first.
            tokio::task::yield_now().await;
        }
    }

    async fn behind(&self) -> Result<BTreeSet<i64>, StoreFailure> {
        let shops = on_either!(&self.store, database => database.search_behind().await)?;
        Ok(shops.into_iter().collect())
    }
}

async fn follow(search: Search, mut commits: tokio::sync::broadcast::Receiver<Commit>) {
    // What an earlier process left.
    let mut shops = search.behind().await.unwrap_or_default();
    loop {
        for shop_id in std::mem::take(&mut shops) {
            if let Err(failure) = search.advance(shop_id).await {
                tracing::warn!(%failure, "words could not be brought up to date");
                sleep(LOOK_EVERY).await;
            }
        }
        match timeout(LOOK_EVERY, commits.recv()).await {
            Ok(Ok(commit)) => {
                shops.insert(commit.shop_id);
                sleep(GATHERED_FOR).await;
                if !gather(&mut commits, &mut shops) {
                    shops = search.behind().await.unwrap_or_default();
                }
            }
            Ok(Err(RecvError::Closed)) => return,
            Ok(Err(RecvError::Lagged(_))) | Err(_) => {
                shops = search.behind().await.unwrap_or_default();
            }
        }
    }
}

fn stored(kind: EventKind) -> Option<i16> {
    i16::try_from(i32::from(kind)).ok()
}

/// Takes what was committed meanwhile; false when some of it was missed.
fn gather(
    commits: &mut tokio::sync::broadcast::Receiver<Commit>,
    shops: &mut BTreeSet<i64>,
) -> bool {
    loop {
        match commits.try_recv() {
            Ok(commit) => {
                shops.insert(commit.shop_id);
            }
            Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
            Err(TryRecvError::Lagged(_)) => return false,
        }
    }
}
