//! Keeps a stream going: connects, checks, and goes on after the last item when it breaks.

use std::time::Duration;

use order_proto::v1::order_service_client::OrderServiceClient;
use order_proto::v1::watch_orders_response::Message;
use tokio::time::{sleep, timeout};
use tonic::{Request, Streaming};

use super::continuity::{Batch, Continuity};
use super::{OnUnreachable, Place, Start, WatchBuilder, WatchItem};
use crate::calls::ANSWER_BYTES_MAX;
use crate::client::OrderClient;
use crate::error::Error;
use crate::proto;
use crate::tokens::Cursor;

/// A stream and all that is needed to begin it again where it broke.
#[derive(Debug)]
pub(crate) struct Follower {
    client: OrderClient,
    /// What is asked for, except where to begin.
    request: proto::WatchOrdersRequest,
    /// Where to begin the next time.
    start: Start,
    connection: Option<Streaming<proto::WatchOrdersResponse>>,
    /// Whether the connection's stream stands.
    has_begun: bool,
    on_unreachable: OnUnreachable,
    /// Longest silence, as the server said.
    heartbeat: Duration,
    continuity: Continuity,
    /// Failures since there was progress.
    failures: u32,
    was_connected: bool,
    has_ended: bool,
}

impl Follower {
    pub(super) fn new(builder: WatchBuilder) -> Self {
        Self {
            client: builder.client,
            continuity: Continuity::new(&builder.filter),
            request: proto::WatchOrdersRequest {
                parent: builder.shop.into(),
                filter: Some(builder.filter),
                heartbeat: prost_types::Duration::try_from(builder.heartbeat).ok(),
                ..proto::WatchOrdersRequest::default()
            },
            start: builder.start,
            connection: None,
            has_begun: false,
            on_unreachable: builder.on_unreachable,
            heartbeat: builder.heartbeat,
            failures: 0,
            was_connected: false,
            has_ended: false,
        }
    }

    /// The next item; none after the stream has ended with an error.
    pub(super) async fn next(&mut self) -> Option<Result<WatchItem, Error>> {
        while !self.has_ended {
            match self.step().await {
                Ok(Some(item)) => return Some(Ok(item)),
                Ok(None) => {}
                Err(error) if is_mendable(&error) => {
                    self.connection = None;
                    let was_reached = std::mem::take(&mut self.has_begun);
                    self.failures = self.failures.saturating_add(1);
                    let attempts = self.client.settings().retry.max_attempts();
                    if !self.was_connected && self.failures >= attempts {
                        self.has_ended = true;
                        return Some(Err(Error::Exhausted { attempts, last: Box::new(error) }));
                    }
                    if !was_reached {
                        self.on_unreachable.tell(&error);
                    }
                    tracing::debug!(failures = self.failures, %error, "watch broke, connecting anew");
                    self.pause(error.retry_after()).await;
                }
                Err(error) => {
                    self.connection = None;
                    self.has_ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// Takes one message; none when it is nothing to tell the application.
    async fn step(&mut self) -> Result<Option<WatchItem>, Error> {
        let silence_max = self.heartbeat.saturating_mul(2);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let connection = self.connect().await?;
                self.connection.insert(connection)
            }
        };
        match timeout(silence_max, connection.message()).await {
            Ok(Ok(Some(message))) => self.take(message).await,
            Ok(Ok(None)) => Err(Error::Transport("the server ended the stream".to_owned())),
            Ok(Err(status)) => Err(Error::from_status(&status)),
            Err(_elapsed) => Err(Error::Transport(format!("silence for {silence_max:?}"))),
        }
    }

    async fn connect(&self) -> Result<Streaming<proto::WatchOrdersResponse>, Error> {
        let (start, cursor) = match &self.start {
            Start::Now => (proto::WatchStart::Now, ""),
            Start::Oldest => (proto::WatchStart::Oldest, ""),
            Start::Snapshot => (proto::WatchStart::Snapshot, ""),
            Start::Cursor(cursor) if cursor.is_in_snapshot() => {
                (proto::WatchStart::Snapshot, cursor.token())
            }
            Start::Cursor(cursor) => (proto::WatchStart::Cursor, cursor.token()),
        };
        let settings = self.client.settings();
        let mut request = Request::new(proto::WatchOrdersRequest {
            start: start.into(),
            cursor: cursor.to_owned(),
            ..self.request.clone()
        });
        settings.write_metadata(request.metadata_mut());
        let mut service = OrderServiceClient::new(self.client.connections().watch())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        // A deadline in the request would be the stream's own; this one is for its first answer.
        match timeout(settings.timeout, service.watch_orders(request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Error::from_status(&status)),
            Err(_elapsed) => Err(Error::DeadlineExceeded),
        }
    }

    async fn take(
        &mut self,
        response: proto::WatchOrdersResponse,
    ) -> Result<Option<WatchItem>, Error> {
        let proto::WatchOrdersResponse { revision, cursor, message } = response;
        let message =
            message.ok_or_else(|| Error::broken_promise("a message that says nothing"))?;
        if let Message::Created(created) = message {
            return self.created(&created, revision, cursor).map(Some);
        }
        if !self.was_connected {
            return Err(Error::broken_promise("the stream did not begin with `created`"));
        }
        if let Message::Reconnect(reconnect) = message {
            self.start = Start::Cursor(self.cursor(cursor));
            self.reconnect(reconnect).await;
            return Ok(None);
        }
        if let Message::Batch(batch) = message {
            let verdict = self.continuity.batch(&batch.events, revision)?;
            return Ok((verdict == Batch::New).then(|| WatchItem::Batch {
                place: self.place(revision, cursor),
                events: batch.events,
                orders: batch.orders,
            }));
        }
        self.continuity.reached(revision)?;
        let place = match &message {
            // Its cursor goes on among the orders of the snapshot.
            Message::SnapshotOrder(_) => {
                self.advance(Place { revision, cursor: Cursor::in_snapshot(cursor) })
            }
            Message::SnapshotComplete(_) => {
                self.advance(Place { revision, cursor: Cursor::in_log(cursor) })
            }
            _ => self.place(revision, cursor),
        };
        item(message, place).map(Some)
    }

    fn created(
        &mut self,
        created: &proto::WatchCreated,
        revision: i64,
        cursor: String,
    ) -> Result<WatchItem, Error> {
        if let Some(heartbeat) =
            created.heartbeat.and_then(|heartbeat| Duration::try_from(heartbeat).ok())
            && !heartbeat.is_zero()
        {
            self.heartbeat = heartbeat;
        }
        self.continuity.connected(revision);
        let is_resumed = self.was_connected;
        self.was_connected = true;
        self.has_begun = true;
        let cursor = self.cursor(cursor);
        let place = Place { revision, cursor };
        self.start = Start::Cursor(place.cursor.clone());
        Ok(WatchItem::Created {
            place,
            oldest_revision: created.oldest_revision,
            head_revision: created.head_revision,
            is_resumed,
        })
    }

    /// The server asked to come again. Doing so without having got anywhere counts as a failure, so
    /// that a server that sends everybody away is not stormed.
    async fn reconnect(&mut self, reconnect: proto::WatchReconnect) {
        self.connection = None;
        self.has_begun = false;
        self.failures = self.failures.saturating_add(1);
        let delay = reconnect.retry_delay.and_then(|delay| Duration::try_from(delay).ok());
        tracing::debug!(reason = reconnect.reason, ?delay, "server asked to connect anew");
        self.pause(delay).await;
    }

    async fn pause(&self, at_least: Option<Duration>) {
        sleep(self.client.settings().retry.pause(self.failures.max(1), at_least)).await;
    }

    /// The place after a message that brought the stream on.
    fn place(&mut self, revision: i64, cursor: String) -> Place {
        let cursor = self.cursor(cursor);
        self.advance(Place { revision, cursor })
    }

    fn advance(&mut self, place: Place) -> Place {
        self.failures = 0;
        self.start = Start::Cursor(place.cursor.clone());
        place
    }

    /// A message's cursor. While a snapshot is under way only that of an order can be resumed from;
    /// a message without a cursor leaves the place as it was.
    fn cursor(&self, text: String) -> Cursor {
        match &self.start {
            Start::Snapshot => Cursor::in_snapshot(String::new()),
            Start::Cursor(cursor) if cursor.is_in_snapshot() || text.is_empty() => cursor.clone(),
            _ => Cursor::in_log(text),
        }
    }
}

/// What mends itself, or may: also a connection that takes too long to stand.
fn is_mendable(error: &Error) -> bool {
    error.is_retryable() || matches!(error, Error::DeadlineExceeded)
}

fn item(message: Message, place: Place) -> Result<WatchItem, Error> {
    Ok(match message {
        Message::SnapshotOrder(snapshot) => {
            let order = snapshot
                .order
                .ok_or_else(|| Error::broken_promise("a snapshot order without an order"))?;
            WatchItem::SnapshotOrder { place, order: Box::new(order) }
        }
        Message::SnapshotComplete(_) => WatchItem::SnapshotComplete { place },
        Message::Checkpoint(checkpoint) => {
            WatchItem::Checkpoint { place, head_revision: checkpoint.head_revision }
        }
        Message::CaughtUp(_) => WatchItem::CaughtUp { place },
        Message::FellBehind(behind) => {
            WatchItem::FellBehind { place, head_revision: behind.head_revision }
        }
        Message::Created(_) | Message::Batch(_) | Message::Reconnect(_) => {
            return Err(Error::broken_promise("a message out of its place"));
        }
    })
}
