//! Asking for a label, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::OrderName;
use crate::proto;
use crate::tokens::Etag;

/// Goods to hand over to a carrier. Begun by [`OrderClient::label`].
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for until it is sent"]
pub struct LabelDraft {
    client: OrderClient,
    request: proto::PrintOrderLabelRequest,
}

impl LabelDraft {
    pub(crate) fn new(client: OrderClient, order: &OrderName) -> Self {
        let request = proto::PrintOrderLabelRequest {
            name: order.into(),
            ..proto::PrintOrderLabelRequest::default()
        };
        Self { client, request }
    }

    /// The delivery whose goods it is for; the only one unless told.
    pub fn delivery(mut self, delivery_id: i32) -> Self {
        self.request.delivery_id = delivery_id;
        self
    }

    /// Print it on this printer, as its integration calls it.
    pub fn printer(mut self, printer: impl Into<String>) -> Self {
        self.request.printer = printer.into();
        self
    }

    /// With this product of this transport agreement, and not as the shop's settings say.
    pub fn product(
        mut self,
        transport_agreement: impl Into<String>,
        product: impl Into<String>,
    ) -> Self {
        self.request.transport_agreement = transport_agreement.into();
        self.request.product = product.into();
        self
    }

    /// Weight of the parcel, grams.
    pub fn weight_grams(mut self, grams: i32) -> Self {
        self.request.parcel_weight_grams = grams;
        self
    }

    /// Make another consignment although there is one.
    pub fn new_consignment(mut self) -> Self {
        self.request.new_consignment = true;
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

    /// Wait at most this long, up to 60 s, for the label and its prints.
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
    pub fn into_request(self) -> proto::PrintOrderLabelRequest {
        self.request
    }

    /// Asks for the label.
    pub async fn send(self) -> Result<proto::PrintOrderLabelResponse, Error> {
        self.client.print_order_label(self.request).await
    }
}
