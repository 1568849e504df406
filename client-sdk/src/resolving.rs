//! Resolving duplicates, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::{OrderName, StatusName};
use crate::proto;
use crate::tokens::Etag;

/// A decision on which of the orders on one payment stands. Begun by [`OrderClient::keep`].
#[derive(Clone, Debug)]
#[must_use = "nothing is resolved until it is sent"]
pub struct Resolution {
    client: OrderClient,
    request: proto::ResolveDuplicateRequest,
}

impl Resolution {
    pub(crate) fn new(client: OrderClient, keep: &OrderName) -> Self {
        let request = proto::ResolveDuplicateRequest {
            keep: keep.into(),
            ..proto::ResolveDuplicateRequest::default()
        };
        Self { client, request }
    }

    /// An order that does not stand, or another one named so.
    pub fn drop(mut self, order: &OrderName) -> Self {
        self.request.drop.push(order.into());
        self
    }

    /// Whether the goods of the dropped orders go back on stock. Required.
    pub fn restock(mut self, is_restocked: bool) -> Self {
        let choice = if is_restocked { proto::Restock::Yes } else { proto::Restock::No };
        self.request.set_restock(choice);
        self
    }

    /// Give the kept order this status, tagged COMPLETED, and drop the others only when its money is
    /// captured. Without it they are dropped at once.
    pub fn complete_as(mut self, status: &StatusName) -> Self {
        self.request.complete_keep_as = status.into();
        self
    }

    /// UUID of this command; one is made when it is sent without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Be refused with `ETAG_MISMATCH` when the kept order has changed since.
    pub fn etag(mut self, etag: Etag) -> Self {
        self.request.etag = etag.into();
        self
    }

    /// Wait at most this long, up to 60 s, for the money to move.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: the answer holds the kept order as it would be and the plan.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::ResolveDuplicateRequest {
        self.request
    }

    /// Resolves the duplicates.
    pub async fn send(self) -> Result<proto::ResolveDuplicateResponse, Error> {
        self.client.resolve_duplicate(self.request).await
    }
}
