//! Crediting a sale, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::OrderName;
use crate::proto::{self, credit_line::Amount};
use crate::tokens::Etag;

/// A credit of a sale order. Begun by [`OrderClient::credit`].
#[derive(Clone, Debug)]
#[must_use = "nothing is credited until it is sent"]
pub struct Credit {
    client: OrderClient,
    request: proto::CreditOrderRequest,
}

impl Credit {
    pub(crate) fn new(client: OrderClient, order: &OrderName) -> Self {
        let request = proto::CreditOrderRequest {
            name: order.into(),
            ..proto::CreditOrderRequest::default()
        };
        Self { client, request }
    }

    /// Units of a line; they do not go back on stock.
    pub fn units(self, line_id: i32, quantity: i64) -> Self {
        self.line(line_id, Amount::Quantity(quantity), proto::Restock::No)
    }

    /// Units of a line that go back on stock.
    pub fn restocked_units(self, line_id: i32, quantity: i64) -> Self {
        self.line(line_id, Amount::Quantity(quantity), proto::Restock::Yes)
    }

    /// Everything that is captured of the order and not credited yet, as the order stands here.
    pub fn all_of(self, order: &proto::Order, is_restocked: bool) -> Self {
        order.lines.iter().fold(self, |credit, line| {
            match line.captured_quantity - line.credited_quantity {
                left if left <= 0 => credit,
                left if is_restocked => credit.restocked_units(line.id, left),
                left => credit.units(line.id, left),
            }
        })
    }

    /// A price reduction of a line: an amount with VAT, minor units.
    pub fn amount(self, line_id: i32, gross_minor: i64) -> Self {
        self.line(line_id, Amount::GrossMinor(gross_minor), proto::Restock::Unspecified)
    }

    /// What the shop keeps of it: an amount with VAT, minor units, and its rate in basis points.
    pub fn fee(mut self, title: impl Into<String>, gross_minor: i64, vat_rate_bp: i32) -> Self {
        self.request.fees.push(proto::CreditFee { title: title.into(), gross_minor, vat_rate_bp });
        self
    }

    /// Whether the money goes back through the provider. Required.
    pub fn refund(mut self, is_refunded: bool) -> Self {
        let choice = if is_refunded { proto::Refund::Yes } else { proto::Refund::No };
        self.request.set_refund(choice);
        self
    }

    /// Lets a payment bear so much of it, minor units; all shares come to exactly the credit. Without
    /// any the payment that was captured last bears it first.
    pub fn share(mut self, payment_id: i64, amount_minor: i64) -> Self {
        self.request.shares.push(proto::RefundShare { payment_id, amount_minor });
        self
    }

    /// Why; becomes a note for the staff on the credit order.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.request.reason = reason.into();
        self
    }

    /// UUID of this command; one is made when it is sent without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Be refused with `ETAG_MISMATCH` when the sale order has changed since.
    pub fn etag(mut self, etag: Etag) -> Self {
        self.request.etag = etag.into();
        self
    }

    /// Wait at most this long, up to 60 s, for the refunds.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: the answer holds both orders as they would be and the plan.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::CreditOrderRequest {
        self.request
    }

    /// Credits: answers the sale and its new credit order.
    pub async fn send(self) -> Result<proto::CreditOrderResponse, Error> {
        self.client.credit_order(self.request).await
    }

    fn line(mut self, line_id: i32, amount: Amount, restock: proto::Restock) -> Self {
        let restock = restock.into();
        self.request.lines.push(proto::CreditLine { line_id, amount: Some(amount), restock });
        self
    }
}
