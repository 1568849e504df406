//! Handing an order over to accounting, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::{IntegrationName, OrderName};
use crate::proto;
use crate::tokens::Etag;

/// A transfer of an order. Begun by [`OrderClient::transfer`].
#[derive(Clone, Debug)]
#[must_use = "nothing is handed over until it is sent"]
pub struct Transfer {
    client: OrderClient,
    request: proto::TransferOrderToAccountingRequest,
}

impl Transfer {
    pub(crate) fn new(client: OrderClient, order: &OrderName, form: proto::TransferForm) -> Self {
        let request = proto::TransferOrderToAccountingRequest {
            name: order.into(),
            form: form.into(),
            ..proto::TransferOrderToAccountingRequest::default()
        };
        Self { client, request }
    }

    /// Another accounting integration than the shop's own.
    pub fn integration(mut self, integration: &IntegrationName) -> Self {
        self.request.integration = integration.into();
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

    /// Wait at most this long, up to 60 s, for the accounting system.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: the answer holds the order as it would be and the plan.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// Hands the order over.
    pub async fn send(self) -> Result<proto::TransferOrderToAccountingResponse, Error> {
        self.client.transfer_order_to_accounting(self.request).await
    }
}
