//! Recording a delivery, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::OrderName;
use crate::proto;
use crate::tokens::Etag;

/// Goods that are sent together. Begun by [`OrderClient::deliver`].
#[derive(Clone, Debug)]
#[must_use = "nothing is recorded until it is sent"]
pub struct DeliveryDraft {
    client: OrderClient,
    request: proto::DeliverOrderRequest,
}

impl DeliveryDraft {
    pub(crate) fn new(client: OrderClient, order: &OrderName) -> Self {
        let request = proto::DeliverOrderRequest {
            name: order.into(),
            ..proto::DeliverOrderRequest::default()
        };
        Self { client, request }
    }

    /// So many units of a line, and other lines named so. Without any, everything that is undelivered.
    pub fn line(mut self, line_id: i32, quantity: i64) -> Self {
        self.request.lines.push(proto::DeliveryLine { line_id, quantity });
        self
    }

    /// Who carries it.
    pub fn carrier(mut self, carrier: impl Into<String>) -> Self {
        self.request.carrier = carrier.into();
        self
    }

    /// The carrier's number for it.
    pub fn tracking_number(mut self, number: impl Into<String>) -> Self {
        self.request.tracking_number = number.into();
        self
    }

    /// Where it can be followed: an https address.
    pub fn tracking_url(mut self, url: impl Into<String>) -> Self {
        self.request.tracking_url = url.into();
        self
    }

    /// When it left; now unless told.
    pub fn ship_time(mut self, time: prost_types::Timestamp) -> Self {
        self.request.ship_time = Some(time);
        self
    }

    /// UUID of this command; one is made when it is sent without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Be refused with `ETAG_MISMATCH` when the order has changed since.
    pub fn etag(mut self, etag: Etag) -> Self {
        self.request.etag = etag.into();
        self
    }

    /// Wait at most this long, up to 60 s, for the capture of its share.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: the answer holds the order as it would be and the plan.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::DeliverOrderRequest {
        self.request
    }

    /// Records the delivery.
    pub async fn send(self) -> Result<proto::DeliverOrderResponse, Error> {
        self.client.deliver_order(self.request).await
    }
}
