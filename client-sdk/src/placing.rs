//! Placing an order, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::ShopName;
use crate::proto;

/// An order to place. Begun by [`OrderClient::new_order`], placed by [`OrderDraft::send`].
#[derive(Clone, Debug)]
#[must_use = "nothing is placed until it is sent"]
pub struct OrderDraft {
    client: OrderClient,
    request: proto::CreateOrderRequest,
    order: proto::NewOrder,
}

impl OrderDraft {
    pub(crate) fn new(client: OrderClient, shop: &ShopName, currency_code: &str) -> Self {
        let order = proto::NewOrder {
            currency_code: currency_code.to_owned(),
            ..proto::NewOrder::default()
        };
        let request = proto::CreateOrderRequest {
            parent: shop.into(),
            ..proto::CreateOrderRequest::default()
        };
        Self { client, request, order }
    }

    /// Prices and discounts are without VAT; with VAT unless told.
    pub fn net_prices(mut self) -> Self {
        self.order.set_price_basis(proto::PriceBasis::Net);
        self
    }

    /// Who bought: full name and e-mail address.
    pub fn customer(mut self, full_name: impl Into<String>, email: impl Into<String>) -> Self {
        let customer = self.order.customer.get_or_insert_default();
        customer.full_name = full_name.into();
        customer.email = email.into();
        self
    }

    /// The customer's language, e.g. `nb`; the shop's unless told.
    pub fn language(mut self, code: impl Into<String>) -> Self {
        self.order.language_code = code.into();
        self
    }

    /// Goods: units, price of one in minor units, VAT rate in basis points.
    pub fn goods(
        self,
        sku: impl Into<String>,
        title: impl Into<String>,
        quantity: i64,
        unit_price_minor: i64,
        vat_rate_bp: i32,
    ) -> Self {
        self.line(proto::NewLine {
            kind: proto::LineKind::Goods.into(),
            sku: sku.into(),
            title: title.into(),
            quantity,
            unit_price_minor,
            discount_minor: 0,
            vat_rate_bp,
        })
    }

    /// Shipping: price in minor units, VAT rate in basis points.
    pub fn shipping(self, title: impl Into<String>, price_minor: i64, vat_rate_bp: i32) -> Self {
        self.line(proto::NewLine {
            kind: proto::LineKind::Shipping.into(),
            title: title.into(),
            quantity: 1,
            unit_price_minor: price_minor,
            vat_rate_bp,
            ..proto::NewLine::default()
        })
    }

    /// Any line.
    pub fn line(mut self, line: proto::NewLine) -> Self {
        self.order.lines.push(line);
        self
    }

    /// Discount on the whole order, minor units.
    pub fn discount(mut self, minor: i64) -> Self {
        self.order.discount_minor = minor;
        self
    }

    /// A payment: the shop's name of the provider, the provider's reference, minor units reserved.
    pub fn payment(
        mut self,
        provider: impl Into<String>,
        reference: impl Into<String>,
        amount_minor: i64,
    ) -> Self {
        self.order.payments.push(proto::NewPayment {
            provider: provider.into(),
            reference: reference.into(),
            amount_minor,
        });
        self
    }

    /// The caller's own reference, unique within the shop.
    pub fn external_reference(mut self, reference: impl Into<String>) -> Self {
        self.order.external_reference = reference.into();
        self
    }

    /// One of the caller's own keys and values.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.order.metadata.insert(key.into(), value.into());
        self
    }

    /// Anything else of the order.
    pub fn with(mut self, change: impl FnOnce(&mut proto::NewOrder)) -> Self {
        change(&mut self.order);
        self
    }

    /// UUID of this command; one is made when it is sent without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Wait at most this long, up to 60 s, for the reservation to be confirmed.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: the answer holds the order as it would be.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::CreateOrderRequest {
        proto::CreateOrderRequest { order: Some(self.order), ..self.request }
    }

    /// Places the order.
    pub async fn send(self) -> Result<proto::CreateOrderResponse, Error> {
        let client = self.client.clone();
        client.create_order(self.into_request()).await
    }
}
