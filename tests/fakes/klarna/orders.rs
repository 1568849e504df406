//! Orders at Klarna: how they are made, read, and expire.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::lines::{OrderLine, ShippingInfo};
use crate::fakes::notices::Notice;

#[derive(Debug, Default)]
pub(super) struct Orders {
    orders: BTreeMap<String, Order>,
}

/// What a checkout leaves behind. Minor units.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewOrder {
    /// Made up where it is left out.
    pub order_id: String,
    pub order_amount: i64,
    pub order_lines: Vec<OrderLine>,
    pub purchase_country: String,
    pub purchase_currency: String,
    /// As `initial_payment_method.type` tells it.
    pub payment_method: String,
    pub merchant_reference1: String,
    pub fraud_status: FraudStatus,
    /// How long it can be captured.
    pub days: u16,
    /// Where the outcome of its fraud check is pushed.
    pub notification_url: String,
}

/// As it is read.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    pub order_id: String,
    pub klarna_reference: String,
    pub status: Status,
    pub fraud_status: FraudStatus,
    pub order_amount: i64,
    pub original_order_amount: i64,
    pub captured_amount: i64,
    pub refunded_amount: i64,
    pub remaining_authorized_amount: i64,
    pub purchase_country: String,
    pub purchase_currency: String,
    pub locale: String,
    pub merchant_reference1: String,
    pub merchant_reference2: String,
    pub created_at: Timestamp,
    /// The last moment to capture.
    pub expires_at: Timestamp,
    pub initial_payment_method: PaymentMethod,
    pub order_lines: Vec<OrderLine>,
    pub shipping_info: Vec<ShippingInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Value>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<Refund>,
    #[serde(skip)]
    notification_url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Authorized,
    PartCaptured,
    Captured,
    Cancelled,
    Expired,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FraudStatus {
    #[default]
    Accepted,
    Pending,
    Rejected,
}

#[derive(Clone, Debug, Serialize)]
pub struct PaymentMethod {
    #[serde(rename = "type")]
    pub kind: String,
    pub description: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Capture {
    pub capture_id: String,
    pub klarna_reference: String,
    pub captured_amount: i64,
    pub refunded_amount: i64,
    pub captured_at: Timestamp,
    pub description: String,
    pub reference: String,
    pub order_lines: Vec<OrderLine>,
    pub shipping_info: Vec<ShippingInfo>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Refund {
    pub refund_id: String,
    pub refunded_amount: i64,
    pub refunded_at: Timestamp,
    pub description: String,
    pub reference: String,
    pub order_lines: Vec<OrderLine>,
    pub credit_invoice: bool,
}

/// How long an authorization lives unless agreed otherwise.
pub(super) const LIFE_DAYS: u16 = 28;

impl Default for NewOrder {
    fn default() -> Self {
        Self {
            order_id: String::new(),
            order_amount: 0,
            order_lines: Vec::new(),
            purchase_country: "NO".to_owned(),
            purchase_currency: "NOK".to_owned(),
            payment_method: "INVOICE".to_owned(),
            merchant_reference1: String::new(),
            fraud_status: FraudStatus::Accepted,
            days: LIFE_DAYS,
            notification_url: String::new(),
        }
    }
}

impl NewOrder {
    /// Of this amount, and as usual otherwise.
    #[must_use]
    pub fn of(order_amount: i64) -> Self {
        Self { order_amount, ..Self::default() }
    }
}

impl Orders {
    pub(super) fn place(&mut self, new: NewOrder, now: Timestamp) -> String {
        let id = if new.order_id.is_empty() { Uuid::new_v4().to_string() } else { new.order_id };
        let short: String = id.chars().filter(char::is_ascii_alphanumeric).take(7).collect();
        let order = Order {
            order_id: id.clone(),
            klarna_reference: short.to_uppercase(),
            status: Status::Authorized,
            fraud_status: new.fraud_status,
            order_amount: new.order_amount,
            original_order_amount: new.order_amount,
            captured_amount: 0,
            refunded_amount: 0,
            remaining_authorized_amount: new.order_amount,
            purchase_country: new.purchase_country,
            purchase_currency: new.purchase_currency,
            locale: "nb-NO".to_owned(),
            merchant_reference1: new.merchant_reference1,
            merchant_reference2: String::new(),
            created_at: now,
            expires_at: now + days(new.days.into()),
            initial_payment_method: PaymentMethod {
                description: new.payment_method.to_lowercase(),
                kind: new.payment_method,
            },
            order_lines: new.order_lines,
            shipping_info: Vec::new(),
            shipping_address: None,
            captures: Vec::new(),
            refunds: Vec::new(),
            notification_url: new.notification_url,
        };
        self.orders.insert(id.clone(), order);
        id
    }

    pub(super) fn get(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Order> {
        self.orders.get_mut(id)
    }

    /// Lets go of what was not captured in time.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for order in self.orders.values_mut() {
            if order.is_open() && order.expires_at <= now {
                order.status = Status::Expired;
                order.remaining_authorized_amount = 0;
            }
        }
    }
}

pub(super) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

impl Order {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, Status::Authorized | Status::PartCaptured)
    }

    /// The outcome of its fraud check, for whoever wants to know.
    pub(super) fn push(&self) -> Option<Notice> {
        let event = match self.fraud_status {
            FraudStatus::Accepted => "FRAUD_RISK_ACCEPTED",
            FraudStatus::Rejected => "FRAUD_RISK_REJECTED",
            FraudStatus::Pending => return None,
        };
        let body = json!({ "order_id": self.order_id, "event_type": event });
        (!self.notification_url.is_empty()).then(|| Notice {
            queue: self.order_id.clone(),
            name: event.to_owned(),
            about: self.order_id.clone(),
            url: self.notification_url.clone(),
            body: body.to_string().into(),
        })
    }
}
