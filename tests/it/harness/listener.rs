//! A listener that writes down everything a stream tells it.

use futures_util::StreamExt;
use order_sdk::{Cursor, Error, Start, Watch, WatchBuilder, WatchItem, proto};

use super::{PATIENCE, World};

/// A stream with what it has told so far.
#[derive(Debug)]
pub(crate) struct Listener {
    watch: Watch,
    pub(crate) heard: Heard,
}

#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Every event, in the order it came.
    pub(crate) events: Vec<proto::Event>,
    /// Events and orders as they came together.
    pub(crate) batches: Vec<(Vec<proto::Event>, Vec<proto::Order>)>,
    pub(crate) snapshot: Vec<proto::Order>,
    pub(crate) is_snapshot_complete: bool,
    pub(crate) has_caught_up: bool,
    pub(crate) checkpoints: usize,
    /// How often the stream stood anew.
    pub(crate) connections: usize,
    /// Everything was heard up to here.
    pub(crate) revision: i64,
    pub(crate) cursor: Option<Cursor>,
}

impl Heard {
    pub(crate) fn revisions(&self) -> Vec<i64> {
        self.events.iter().map(|event| event.revision).collect()
    }

    pub(crate) fn kinds(&self) -> Vec<proto::EventKind> {
        self.events.iter().map(proto::Event::kind).collect()
    }
}

impl Listener {
    /// Opens a stream of the shop; it stands when this returns.
    pub(crate) async fn open(world: &World, start: Start) -> Self {
        Self::of(world.client.watch(&world.shop).from(start)).await.unwrap()
    }

    /// Opens this stream; it stands when this returns.
    pub(crate) async fn of(builder: WatchBuilder) -> Result<Self, Error> {
        let mut listener = Self { watch: builder.open(), heard: Heard::default() };
        listener.next().await?;
        assert_eq!(listener.heard.connections, 1, "a stream begins with `created`");
        Ok(listener)
    }

    /// Takes the next item, whatever it is.
    pub(crate) async fn next(&mut self) -> Result<(), Error> {
        let item = match tokio::time::timeout(PATIENCE, self.watch.next()).await {
            Ok(item) => item.expect("a stream ends with an error")?,
            Err(_elapsed) => panic!("silence on the stream at {}", self.heard.revision),
        };
        self.heard.revision = item.revision();
        self.heard.cursor = Some(item.cursor().clone());
        match item {
            WatchItem::Created { .. } => self.heard.connections += 1,
            WatchItem::SnapshotOrder { order, .. } => self.heard.snapshot.push(*order),
            WatchItem::SnapshotComplete { .. } => self.heard.is_snapshot_complete = true,
            WatchItem::Batch { events, orders, .. } => {
                self.heard.events.extend(events.clone());
                self.heard.batches.push((events, orders));
            }
            WatchItem::Checkpoint { .. } => self.heard.checkpoints += 1,
            WatchItem::CaughtUp { .. } => self.heard.has_caught_up = true,
            _ => {}
        }
        Ok(())
    }

    /// Listens until all up to this revision was heard.
    pub(crate) async fn until(&mut self, revision: i64) -> &Heard {
        self.until_that(|heard| heard.revision >= revision).await
    }

    /// Listens until this is so.
    pub(crate) async fn until_that(&mut self, is_so: impl Fn(&Heard) -> bool) -> &Heard {
        while !is_so(&self.heard) {
            self.next().await.unwrap();
        }
        &self.heard
    }
}
