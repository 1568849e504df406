//! Placing an order, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::money::{Amount, Currency};
use crate::names::ShopName;
use crate::proto;

/// An order to place. Begun by [`OrderClient::new_order`], placed by [`OrderDraft::send`].
#[derive(Clone, Debug)]
#[must_use = "nothing is placed until it is sent"]
pub struct OrderDraft {
    client: OrderClient,
    request: proto::CreateOrderRequest,
    order: proto::NewOrder,
    /// Of an amount that cannot be part of the order.
    foreign: Option<Currency>,
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
        Self { client, request, order, foreign: None }
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

    /// Goods: units, price of one in minor units or as [`Money`](crate::Money), VAT rate in basis points.
    pub fn goods(
        mut self,
        sku: impl Into<String>,
        title: impl Into<String>,
        quantity: i64,
        unit_price: impl Into<Amount>,
        vat_rate_bp: i32,
    ) -> Self {
        let unit_price_minor = self.minor(unit_price);
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

    /// Shipping: price in minor units or as [`Money`](crate::Money), VAT rate in basis points.
    pub fn shipping(
        mut self,
        title: impl Into<String>,
        price: impl Into<Amount>,
        vat_rate_bp: i32,
    ) -> Self {
        let unit_price_minor = self.minor(price);
        self.line(proto::NewLine {
            kind: proto::LineKind::Shipping.into(),
            title: title.into(),
            quantity: 1,
            unit_price_minor,
            vat_rate_bp,
            ..proto::NewLine::default()
        })
    }

    /// Any line.
    pub fn line(mut self, line: proto::NewLine) -> Self {
        self.order.lines.push(line);
        self
    }

    /// Discount on the whole order, in minor units or as [`Money`](crate::Money).
    pub fn discount(mut self, discount: impl Into<Amount>) -> Self {
        self.order.discount_minor = self.minor(discount);
        self
    }

    /// A payment: the shop's name of the provider, the provider's reference, and what is reserved, in
    /// minor units or as [`Money`](crate::Money).
    pub fn payment(
        mut self,
        provider: impl Into<String>,
        reference: impl Into<String>,
        amount: impl Into<Amount>,
    ) -> Self {
        let amount_minor = self.minor(amount);
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

    /// The minor units of an amount, which must be of the order's currency.
    fn minor(&mut self, amount: impl Into<Amount>) -> i64 {
        let Amount { minor, currency } = amount.into();
        let is_foreign = |currency: &Currency| currency.code() != self.order.currency_code;
        self.foreign = self.foreign.or(currency.filter(is_foreign));
        minor
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::CreateOrderRequest {
        proto::CreateOrderRequest { order: Some(self.order), ..self.request }
    }

    /// Places the order. One with an amount of another currency is not sent.
    pub async fn send(self) -> Result<proto::CreateOrderResponse, Error> {
        if let Some(foreign) = self.foreign {
            let own = &self.order.currency_code;
            return Err(Error::Invalid(format!(
                "an order in {own} has an amount in {}",
                foreign.code()
            )));
        }
        let client = self.client.clone();
        client.create_order(self.into_request()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Money;

    #[tokio::test]
    async fn an_amount_of_another_currency_is_not_sent() {
        let client = OrderClient::builder().endpoint("http://127.0.0.1:1").connect_lazy().unwrap();
        let shop = ShopName::new("default").unwrap();
        let money = |text: &str| text.parse::<Money>().unwrap();
        let draft = || client.new_order(&shop, "NOK").goods("", "Kopp", 1, money("1.50 NOK"), 0);
        let request = draft().shipping("Frakt", 7, 0).discount(5_i64).into_request();
        let order = request.order.unwrap();
        let prices: Vec<i64> = order.lines.iter().map(|line| line.unit_price_minor).collect();
        assert_eq!((prices, order.discount_minor), (vec![150, 7], 5));
        for foreign in [
            draft().payment("klarna", "k1", money("1.50 SEK")),
            draft().discount(money("1.50 SEK")),
            draft().shipping("Frakt", money("1.50 SEK"), 0).payment("klarna", "k1", money("1 NOK")),
        ] {
            let refused = foreign.send().await.unwrap_err();
            assert!(
                matches!(&refused, Error::Invalid(text) if text.contains("SEK")),
                "{refused:?}"
            );
        }
    }
}
