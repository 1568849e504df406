//! Many orders at once: a stream that repeats itself until every order's outcome is known.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use order_proto::v1::order_service_client::OrderServiceClient;
use tokio::time::{sleep, timeout};
use tonic::{Request, Streaming};

use crate::calls::{ANSWER_BYTES_MAX, new_request_id, waiting_time};
use crate::client::OrderClient;
use crate::error::Error;
use crate::names::{OrderName, ShopName, StatusName};
use crate::proto::{self, BatchState};

/// A change of many orders' status. Begun by [`OrderClient::change_statuses`].
#[derive(Clone, Debug)]
#[must_use = "nothing is changed until it is opened"]
pub struct StatusBatch {
    client: OrderClient,
    request: proto::BatchChangeOrderStatusRequest,
}

/// What becomes of a batch, order by order.
///
/// It connects when it is first polled, and ends after the message that has no outcome. When the
/// connection breaks or the server stops it asks again with the same id for the orders whose outcome it
/// does not know, and goes on: an order is never told twice with the same state. It ends with an error
/// when the whole is refused, or when no attempt of the client's retry policy has got further.
/// Dropping it leaves undone what the server has not begun.
pub struct StatusBatchOutcomes {
    outcomes: BoxStream<'static, Result<proto::BatchChangeOrderStatusResponse, Error>>,
}

impl OrderClient {
    /// Begins a change of many orders' status.
    pub fn change_statuses(&self, shop: &ShopName, status: &StatusName) -> StatusBatch {
        let request = proto::BatchChangeOrderStatusRequest {
            parent: shop.into(),
            status: status.into(),
            ..proto::BatchChangeOrderStatusRequest::default()
        };
        StatusBatch { client: self.clone(), request }
    }

    /// Sets the status of many orders. See also [`OrderClient::change_statuses`].
    #[must_use]
    pub fn batch_change_order_status(
        &self,
        mut request: proto::BatchChangeOrderStatusRequest,
    ) -> StatusBatchOutcomes {
        if request.request_id.is_empty() {
            request.request_id = new_request_id();
        }
        let asker = Asker {
            client: self.clone(),
            told: Told::new(&request.names),
            request,
            connection: None,
            failures: 0,
            has_ended: false,
        };
        let outcomes = stream::unfold(asker, |mut asker| async move {
            let message = asker.next().await?;
            Some((message, asker))
        });
        StatusBatchOutcomes { outcomes: outcomes.boxed() }
    }
}

impl StatusBatch {
    /// These orders, too; 1 to 10,000 in all.
    pub fn orders(mut self, orders: impl IntoIterator<Item = OrderName>) -> Self {
        self.request.names.extend(orders.into_iter().map(|order| String::from(&order)));
        self
    }

    /// Whether the goods go back on stock. Required for a status tagged CANCELLED, refused otherwise.
    pub fn restock(mut self, is_restocked: bool) -> Self {
        let choice = if is_restocked { proto::Restock::Yes } else { proto::Restock::No };
        self.request.set_restock(choice);
        self
    }

    /// A note to add to each order when its label moves.
    pub fn note(mut self, audience: proto::NoteAudience, text: impl Into<String>) -> Self {
        self.request.note = Some(proto::Note {
            audience: audience.into(),
            text: text.into(),
            ..proto::Note::default()
        });
        self
    }

    /// Mail each customer the new status when the label of the order moves.
    pub fn send_email(mut self) -> Self {
        self.request.send_email = true;
        self
    }

    /// UUID of the batch; one is made when it is opened without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Wait at most this long, up to 60 s, for the money of each order to move.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: tells what would become of each order, and with which effects (`plan`).
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::BatchChangeOrderStatusRequest {
        self.request
    }

    /// What becomes of the orders. It connects when it is first polled.
    #[must_use]
    pub fn open(self) -> StatusBatchOutcomes {
        self.client.batch_change_order_status(self.request)
    }
}

impl Stream for StatusBatchOutcomes {
    type Item = Result<proto::BatchChangeOrderStatusResponse, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.outcomes.poll_next_unpin(context)
    }
}

impl fmt::Debug for StatusBatchOutcomes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StatusBatchOutcomes")
    }
}

/// A batch and all that is needed to ask again for what is left of it.
struct Asker {
    client: OrderClient,
    /// All orders, with the id of the batch.
    request: proto::BatchChangeOrderStatusRequest,
    connection: Option<Streaming<proto::BatchChangeOrderStatusResponse>>,
    told: Told,
    /// Failures since there was progress.
    failures: u32,
    has_ended: bool,
}

impl Asker {
    async fn next(&mut self) -> Option<Result<proto::BatchChangeOrderStatusResponse, Error>> {
        while !self.has_ended {
            match self.step().await {
                Ok(Some(message)) => {
                    self.failures = 0;
                    self.has_ended = message.outcome.is_none();
                    return Some(Ok(message));
                }
                Ok(None) => {}
                Err(error) => {
                    self.connection = None;
                    self.failures = self.failures.saturating_add(1);
                    let retry = &self.client.settings().retry;
                    if !error.is_retryable() || self.failures >= retry.max_attempts() {
                        self.has_ended = true;
                        return Some(Err(self.given_up(error)));
                    }
                    tracing::debug!(failures = self.failures, %error, "batch broke, asking again");
                    sleep(retry.pause(self.failures, error.retry_after())).await;
                }
            }
        }
        None
    }

    fn given_up(&self, error: Error) -> Error {
        match self.failures {
            ..=1 => error,
            attempts => Error::Exhausted { attempts, last: Box::new(error) },
        }
    }

    /// Takes one message; none when it says nothing new.
    async fn step(&mut self) -> Result<Option<proto::BatchChangeOrderStatusResponse>, Error> {
        let silence_max = self.silence_max();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            // Only the last message was lost.
            None if self.told.is_complete() => return Ok(Some(self.last())),
            None => {
                let connection = self.connect().await?;
                self.connection.insert(connection)
            }
        };
        let message = match timeout(silence_max, connection.message()).await {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) => {
                return Err(Error::Transport("the server ended the stream".to_owned()));
            }
            Ok(Err(status)) => return Err(Error::from_status(&status)),
            Err(_elapsed) => return Err(Error::Transport(format!("silence for {silence_max:?}"))),
        };
        let is_new = match &message.outcome {
            Some(outcome) => self.told.take(outcome)?,
            None if self.told.has_unknown() => {
                return Err(Error::broken_promise("the batch ended before every order was told"));
            }
            None => true,
        };
        let counts = Some(self.told.counts);
        Ok(is_new.then_some(proto::BatchChangeOrderStatusResponse { counts, ..message }))
    }

    fn last(&self) -> proto::BatchChangeOrderStatusResponse {
        proto::BatchChangeOrderStatusResponse {
            outcome: None,
            counts: Some(self.told.counts),
            request_id: self.request.request_id.clone(),
        }
    }

    fn silence_max(&self) -> Duration {
        let wait = self.request.wait.map_or(Duration::ZERO, waiting_time);
        self.client.settings().timeout.saturating_add(wait)
    }

    async fn connect(&self) -> Result<Streaming<proto::BatchChangeOrderStatusResponse>, Error> {
        let settings = self.client.settings();
        let names =
            self.request.names.iter().filter(|name| self.told.is_open(name)).cloned().collect();
        let mut request =
            Request::new(proto::BatchChangeOrderStatusRequest { names, ..self.request.clone() });
        settings.write_metadata(request.metadata_mut());
        let mut service = OrderServiceClient::new(self.client.connections().unary())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        // A deadline in the request would be the batch's own; this one is for its first answer.
        match timeout(settings.timeout, service.batch_change_order_status(request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Error::from_status(&status)),
            Err(_elapsed) => Err(Error::Transport("no answer".to_owned())),
        }
    }
}

/// What has been told of each order.
#[derive(Debug)]
struct Told {
    states: HashMap<String, BatchState>,
    counts: proto::BatchCounts,
}

impl Told {
    fn new(names: &[String]) -> Self {
        let unknown = |name: &String| (name.clone(), BatchState::Unspecified);
        let states: HashMap<_, _> = names.iter().map(unknown).collect();
        let total = i32::try_from(states.len()).unwrap_or(i32::MAX);
        Self { states, counts: proto::BatchCounts { total, ..proto::BatchCounts::default() } }
    }

    /// Whether this is to be told: the same state of an order never is twice.
    fn take(&mut self, outcome: &proto::BatchOutcome) -> Result<bool, Error> {
        let state = self
            .states
            .get_mut(&outcome.name)
            .ok_or_else(|| Error::broken_promise("an outcome of an order that was not named"))?;
        let (before, now) = (std::mem::replace(state, outcome.state()), outcome.state());
        if let Some(count) = counter(&mut self.counts, before) {
            *count -= 1;
        }
        if let Some(count) = counter(&mut self.counts, now) {
            *count += 1;
        }
        Ok(before != now)
    }

    /// Whether more may become known of an order.
    fn is_open(&self, name: &str) -> bool {
        let state = self.states.get(name).copied().unwrap_or_default();
        !matches!(state, BatchState::Done | BatchState::Refused)
    }

    /// Of no order more can become known.
    fn is_complete(&self) -> bool {
        self.counts.total > 0 && self.counts.done + self.counts.refused == self.counts.total
    }

    fn has_unknown(&self) -> bool {
        let proto::BatchCounts { total, done, pending, refused, failed } = self.counts;
        done + pending + refused + failed < total
    }
}

fn counter(counts: &mut proto::BatchCounts, state: BatchState) -> Option<&mut i32> {
    match state {
        BatchState::Unspecified => None,
        BatchState::Done => Some(&mut counts.done),
        BatchState::Pending => Some(&mut counts.pending),
        BatchState::Refused => Some(&mut counts.refused),
        BatchState::Failed => Some(&mut counts.failed),
    }
}
