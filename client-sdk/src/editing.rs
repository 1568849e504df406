//! Editing an order's lines, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::OrderName;
use crate::proto;
use crate::tokens::Etag;

/// An edit of an order's lines; what is not named stays as it is. Begun by [`OrderClient::edit`].
#[derive(Clone, Debug)]
#[must_use = "nothing is changed until it is sent"]
pub struct OrderEdit {
    client: OrderClient,
    request: proto::EditOrderRequest,
}

impl OrderEdit {
    pub(crate) fn new(client: OrderClient, order: &OrderName) -> Self {
        let request =
            proto::EditOrderRequest { name: order.into(), ..proto::EditOrderRequest::default() };
        Self { client, request }
    }

    /// Units of a line; 0 removes it.
    pub fn quantity(self, line_id: i32, quantity: i64) -> Self {
        self.line(line_id, |line| line.quantity = Some(quantity))
    }

    /// Price of one unit of a line in the order's price basis, minor units.
    pub fn unit_price(self, line_id: i32, unit_price_minor: i64) -> Self {
        self.line(line_id, |line| line.unit_price_minor = Some(unit_price_minor))
    }

    /// Removes a line.
    pub fn remove(self, line_id: i32) -> Self {
        self.quantity(line_id, 0)
    }

    /// Adds a line.
    pub fn add_line(mut self, line: proto::NewLine) -> Self {
        self.request.added_lines.push(line);
        self
    }

    /// Whether units that leave the order go back on stock. Required when units of a tracked sku do.
    pub fn restock(mut self, is_restocked: bool) -> Self {
        let choice = if is_restocked { proto::Restock::Yes } else { proto::Restock::No };
        self.request.set_restock(choice);
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

    /// Wait at most this long, up to 60 s, for the provider to take the new amount.
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
    pub fn into_request(self) -> proto::EditOrderRequest {
        self.request
    }

    /// Edits the order.
    pub async fn send(self) -> Result<proto::EditOrderResponse, Error> {
        self.client.edit_order(self.request).await
    }

    /// Says more of a line: each is told once.
    fn line(mut self, line_id: i32, say: impl FnOnce(&mut proto::LineEdit)) -> Self {
        let lines = &mut self.request.lines;
        match lines.iter_mut().find(|line| line.line_id == line_id) {
            Some(line) => say(line),
            None => {
                let mut line = proto::LineEdit { line_id, ..proto::LineEdit::default() };
                say(&mut line);
                lines.push(line);
            }
        }
        self
    }
}
