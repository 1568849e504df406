//! Following a shop: a stream without holes that goes on by itself after whatever breaks it.

mod continuity;
mod follower;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use crate::checkpoints::CheckpointStore;
use crate::client::OrderClient;
use crate::error::Error;
use crate::names::{OrderName, ShopName, StatusName};
use crate::proto;
use crate::tokens::Cursor;

use follower::Follower;

/// Where a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first event after it was opened.
    Now,
    /// With the oldest event that is still kept.
    Oldest,
    /// After a cursor of the same shop and filter.
    Cursor(Cursor),
    /// With every order as it is, then every event after that.
    Snapshot,
}

/// What a stream will follow. Begun by [`OrderClient::watch`].
#[derive(Clone, Debug)]
#[must_use = "nothing is followed until it is opened"]
pub struct WatchBuilder {
    client: OrderClient,
    start: Start,
    shop: ShopName,
    filter: proto::WatchFilter,
    heartbeat: Duration,
    on_unreachable: OnUnreachable,
}

/// Told of what came instead of a connection.
type Listener = dyn Fn(&Error) + Send + Sync;

/// What is called when the server is not reached.
#[derive(Clone, Default)]
pub(crate) struct OnUnreachable(Option<Arc<Listener>>);

/// A place in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Revision of the shop up to which all that the filter lets through has been seen.
    pub revision: i64,
    /// Store it with your own work; give it to [`Start::Cursor`] to go on after this item.
    pub cursor: Cursor,
}

/// What a stream says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchItem {
    /// The stream stands; said again after each new connection.
    Created {
        /// Where the stream is.
        place: Place,
        /// The oldest revision that can still be read.
        oldest_revision: i64,
        /// The head of the log.
        head_revision: i64,
        /// False the first time, true when the stream goes on over a new connection.
        is_resumed: bool,
    },
    /// An order as it is, while the snapshot is under way. May come again, newer.
    SnapshotOrder {
        /// Where the stream is.
        place: Place,
        /// The order.
        order: Box<proto::Order>,
    },
    /// The snapshot is complete; what follows are the events after it.
    SnapshotComplete {
        /// Where the stream is.
        place: Place,
    },
    /// All events of one command that the filter lets through.
    Batch {
        /// Where the stream is.
        place: Place,
        /// By ascending revision.
        events: Vec<proto::Event>,
        /// Each order they are about, as it was after the command.
        orders: Vec<proto::Order>,
    },
    /// Nothing to tell up to here.
    Checkpoint {
        /// Where the stream is.
        place: Place,
        /// The head of the log.
        head_revision: i64,
    },
    /// The head of the log is reached.
    CaughtUp {
        /// Where the stream is.
        place: Place,
    },
    /// The listener is slower than the shop, and is being served from the log.
    FellBehind {
        /// Where the stream is.
        place: Place,
        /// The head of the log.
        head_revision: i64,
    },
}

/// A stream of what happens in a shop.
///
/// It connects when it is first polled. What passes (a broken connection, silence, a server that
/// stops) it mends itself, going on after the last item; it ends with an error that it cannot mend:
/// [`Error::ResyncRequired`], another refusal, a broken promise of the server, or a server that was
/// not once reached in all attempts of the client's retry policy. It holds one message at a time.
/// Dropping it ends it at the server, too.
pub struct Watch {
    items: BoxStream<'static, Result<WatchItem, Error>>,
}

const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(15);

impl WatchBuilder {
    pub(crate) fn new(client: OrderClient, shop: &ShopName) -> Self {
        Self {
            client,
            start: Start::Now,
            shop: shop.clone(),
            filter: proto::WatchFilter::default(),
            heartbeat: DEFAULT_HEARTBEAT,
            on_unreachable: OnUnreachable::default(),
        }
    }

    /// Where to begin; now unless told.
    pub fn from(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Begin where the store's cursor is; where told otherwise when it has none yet.
    pub async fn resume_from(mut self, store: &impl CheckpointStore) -> Result<Self, Error> {
        if let Some(cursor) = store.load().await? {
            self.start = Start::Cursor(cursor);
        }
        Ok(self)
    }

    /// Only what this lets through. A cursor belongs to its filter.
    pub fn filter(mut self, filter: proto::WatchFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Only events of these kinds.
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = proto::EventKind>) -> Self {
        self.filter.kinds.extend(kinds.into_iter().map(i32::from));
        self
    }

    /// Only events after which the order has this status, or another one named so.
    pub fn status(mut self, status: &StatusName) -> Self {
        self.filter.statuses.push(status.into());
        self
    }

    /// Only events about this order, or another one named so.
    pub fn order(mut self, order: &OrderName) -> Self {
        self.filter.orders.push(order.into());
        self
    }

    /// Longest silence, 1 to 60 s; 15 s unless told. After twice as long the stream connects anew.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Call this each time the server was not reached and will be tried again, with why: so that somebody
    /// can be told that nothing is heard. [`WatchItem::Created`] says that the stream stands.
    pub fn on_unreachable(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.on_unreachable = OnUnreachable(Some(Arc::new(tell)));
        self
    }

    /// The stream. It connects when it is first polled.
    #[must_use]
    pub fn open(self) -> Watch {
        let follower = Follower::new(self);
        let items = stream::unfold(follower, |mut follower| async move {
            let item = follower.next().await?;
            Some((item, follower))
        });
        Watch { items: items.boxed() }
    }
}

impl OnUnreachable {
    fn tell(&self, why: &Error) {
        if let Some(tell) = &self.0 {
            tell(why);
        }
    }
}

impl fmt::Debug for OnUnreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnUnreachable")
    }
}

impl WatchItem {
    /// Where the stream is after this item.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Created { place, .. }
            | Self::SnapshotOrder { place, .. }
            | Self::SnapshotComplete { place }
            | Self::Batch { place, .. }
            | Self::Checkpoint { place, .. }
            | Self::CaughtUp { place }
            | Self::FellBehind { place, .. } => place,
        }
    }

    /// Store it with your own work; give it to [`Start::Cursor`] to go on after this item.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.place().cursor
    }

    /// Revision of the shop up to which all that the filter lets through has been seen.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.place().revision
    }
}

impl Stream for Watch {
    type Item = Result<WatchItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.poll_next_unpin(context)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watch")
    }
}
