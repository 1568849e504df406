//! One call: the metadata, deadline and request id that every request carries.

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::client::OrderClient;
use crate::error::Error;
use crate::proto;
use crate::retry::{RetryPolicy, with_retries};

/// An answer may be large: a page has up to 1,000 orders.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What every call of a client shares.
#[derive(Clone, Debug)]
pub(crate) struct CallSettings {
    pub(crate) timeout: Duration,
    pub(crate) actor: Option<MetadataValue<Ascii>>,
    pub(crate) language: Option<MetadataValue<Ascii>>,
    pub(crate) retry: RetryPolicy,
}

/// A request as it goes out.
pub(crate) trait Outgoing: Clone {
    /// Gives a mutation an id, unless it has one.
    fn fill_request_id(&mut self) {}

    /// How long the server may wait before it answers.
    fn wait(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a request's `wait` adds to a call's time; the service refuses more than a minute.
pub(crate) fn waiting_time(wait: prost_types::Duration) -> Duration {
    const LONGEST: Duration = Duration::from_secs(60);
    let seconds = u64::try_from(wait.seconds).unwrap_or_default();
    let nanos = u32::try_from(wait.nanos).unwrap_or_default().min(999_999_999);
    Duration::from_secs(seconds.min(LONGEST.as_secs()))
        .saturating_add(Duration::from_nanos(nanos.into()))
        .min(LONGEST)
}

impl CallSettings {
    pub(crate) fn write_metadata(&self, metadata: &mut MetadataMap) {
        if let Some(actor) = &self.actor {
            metadata.insert("actor", actor.clone());
        }
        if let Some(language) = &self.language {
            metadata.insert("accept-language", language.clone());
        }
    }
}

impl OrderClient {
    /// Makes a unary call, again if need be, within the deadline.
    pub(crate) async fn call<Q, A, F, Fut>(&self, mut message: Q, send: F) -> Result<A, Error>
    where
        Q: Outgoing,
        F: Fn(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        message.fill_request_id();
        let settings = self.settings();
        let deadline = Instant::now() + settings.timeout + message.wait();
        with_retries(&settings.retry, self.budget(), deadline, |remaining| {
            let mut request = Request::new(message.clone());
            settings.write_metadata(request.metadata_mut());
            request.set_timeout(remaining);
            let answer = send(self.connections().unary(), request);
            async move {
                match answer.await {
                    Ok(response) => Ok(response.into_inner()),
                    Err(status) => Err(Error::from_status(&status)),
                }
            }
        })
        .await
    }
}

/// A new id for a command.
pub(crate) fn new_request_id() -> String {
    Uuid::now_v7().to_string()
}

macro_rules! queries {
    ($($request:ident),+ $(,)?) => {
        $(impl Outgoing for proto::$request {})+
    };
}

macro_rules! commands {
    ($($request:ident),+ $(,)?) => {
        $(
            impl Outgoing for proto::$request {
                fn fill_request_id(&mut self) {
                    fill(&mut self.request_id);
                }
            }
        )+
    };
}

macro_rules! waiting_commands {
    ($($request:ident),+ $(,)?) => {
        $(
            impl Outgoing for proto::$request {
                fn fill_request_id(&mut self) {
                    fill(&mut self.request_id);
                }

                fn wait(&self) -> Duration {
                    self.wait.map_or(Duration::ZERO, waiting_time)
                }
            }
        )+
    };
}

queries!(
    GetOrderRequest,
    BatchGetOrdersRequest,
    ListOrdersRequest,
    ListOrderEventsRequest,
    ListProblemsRequest,
    ExportCustomerRequest,
    ListOrderStatusesRequest,
    GetOrderStatusRequest,
    ListIntegrationsRequest,
    GetIntegrationRequest,
    TestIntegrationRequest,
    ListLabelOptionsRequest,
    GetOrderLabelRequest,
    ListShopsRequest,
    GetShopRequest,
    ListStockItemsRequest,
    GetStockItemRequest,
    ListStockMovementsRequest,
    ListRefusalsRequest,
    GetRefusalRequest,
);

commands!(
    UpdateOrderRequest,
    WithdrawStatusChangeRequest,
    DismissProblemRequest,
    EraseCustomerRequest,
    SettlePaymentOperationRequest,
    ExtendReservationRequest,
    CancelDeliveryRequest,
    ConfirmArrivalRequest,
    RecordWithdrawalRequest,
    DismissDuplicateRequest,
    DeleteOrderRequest,
    AddOrderNoteRequest,
    ResendMailRequest,
    CreateOrderStatusRequest,
    UpdateOrderStatusRequest,
    DeleteOrderStatusRequest,
    CreateIntegrationRequest,
    UpdateIntegrationRequest,
    CreateShopRequest,
    UpdateShopRequest,
    CreateStockItemRequest,
    AdjustStockRequest,
);

waiting_commands!(
    CreateOrderRequest,
    ChangeOrderStatusRequest,
    PrintOrderLabelRequest,
    AttachPaymentRequest,
    RetryEffectRequest,
    ReconcilePaymentRequest,
    DeliverOrderRequest,
    CreditOrderRequest,
    ResolveDuplicateRequest,
    EditOrderRequest,
    TransferOrderToAccountingRequest,
);

fn fill(request_id: &mut String) {
    if request_id.is_empty() {
        *request_id = new_request_id();
    }
}
