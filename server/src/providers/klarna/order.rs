//! Klarna's own account of an order: what it holds, and the traces of what we asked for.

use std::time::Duration;

use order_rules::money::Currency;
use order_rules::order::Micros;
use order_rules::payments::OperationKind;
use order_rules::reconciling::{Standing, Statement};
use order_rules::refusals::Code;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::providers::{CAPTURED_BEFORE, Call, Confirmation, Decline, Report, key_in_our_form};

/// An order as Klarna tells it, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    status: Status,
    /// Absent: it was not examined.
    fraud_status: Option<Fraud>,
    #[serde(default)]
    order_amount: i64,
    #[serde(default)]
    captured_amount: i64,
    #[serde(default)]
    refunded_amount: i64,
    #[serde(default)]
    remaining_authorized_amount: i64,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    purchase_currency: String,
    #[serde(default)]
    purchase_country: String,
    #[serde(default)]
    captures: Vec<Capture>,
    #[serde(default)]
    refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
struct Capture {
    #[serde(default)]
    capture_id: String,
    #[serde(default)]
    captured_amount: i64,
    #[serde(default)]
    reference: String,
}

#[derive(Debug, Deserialize)]
struct Refund {
    #[serde(default)]
    refund_id: String,
    #[serde(default)]
    refunded_amount: i64,
    #[serde(default)]
    reference: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Authorized,
    PartCaptured,
    Captured,
    Cancelled,
    Expired,
    Closed,
    /// Newer than this version.
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Fraud {
    Accepted,
    Pending,
    Rejected,
    /// Newer than this version.
    #[serde(other)]
    Other,
}

/// How soon a purchase under examination is asked about again.
const EXAMINED_AGAIN_IN: Duration = Duration::from_secs(60);
/// Where a fee may be told as one.
const RETURN_FEE_MARKETS: [&str; 8] = ["AT", "DE", "DK", "FI", "FR", "NL", "NO", "SE"];

impl Order {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut order: Value = serde_json::from_slice(body).ok()?;
        drop_nulls(&mut order);
        serde_json::from_value(order).ok()
    }

    /// What the order says about a payment that somebody names.
    pub(super) fn authorization(&self, call: &Call) -> Report {
        let no = |code, reason: &str| Report::Declined(Decline { code, reason: reason.to_owned() });
        match (self.status, self.fraud_status) {
            (Status::Expired, _) => {
                return no(Code::ReservationExpired, "the authorization has expired");
            }
            (Status::Cancelled, _) => return no(Code::ReservationGone, "the order is cancelled"),
            (Status::Closed, _) => return no(Code::ReservationGone, "the order is closed"),
            (_, Some(Fraud::Rejected)) => {
                return no(Code::FraudRejected, "the purchase is rejected");
            }
            (_, Some(Fraud::Pending | Fraud::Other)) => {
                return Report::Accepted { ask_again_in: EXAMINED_AGAIN_IN };
            }
            _ => {}
        }
        if self.purchase_currency != call.currency.code() {
            let reason = format!("the order is in {}", short(&self.purchase_currency));
            return no(Code::PaymentMismatch, &reason);
        }
        if self.remaining_authorized_amount <= 0 {
            return no(Code::ReservationGone, "nothing of the order is left to capture");
        }
        if self.captured_amount > 0 {
            return no(Code::ReservationGone, CAPTURED_BEFORE);
        }
        Report::Done(Confirmation {
            provider_reference: call.reference.clone(),
            amount_minor: self.remaining_authorized_amount,
            expires_at: self.expires_at(),
        })
    }

    /// Klarna's account of it; `None` for a state of a newer version.
    pub(super) fn statement(&self) -> Option<Statement> {
        let standing = match (self.status, self.fraud_status) {
            (Status::Expired, _) => Standing::Expired,
            (Status::Cancelled | Status::Closed, _) => Standing::Gone,
            (Status::Other, _) => return None,
            (_, Some(Fraud::Rejected)) => Standing::Rejected,
            (_, Some(Fraud::Pending | Fraud::Other)) => Standing::Pending,
            (Status::Authorized | Status::PartCaptured | Status::Captured, _) => Standing::Held,
        };
        let remaining = match standing {
            Standing::Expired | Standing::Gone => 0,
            _ => self.remaining_authorized_amount,
        };
        let unused = self.order_amount.saturating_sub(self.captured_amount);
        Some(Statement {
            currency: Currency::from_code(&self.purchase_currency),
            standing,
            authorized_minor: self.order_amount,
            captured_minor: self.captured_amount,
            refunded_minor: self.refunded_amount,
            released_minor: unused.saturating_sub(remaining).max(0),
            expires_at: self.expires_at(),
            is_shared: false,
        })
    }

    /// Under which something was captured, as far as they are such as ours.
    pub(super) fn capture_keys(&self) -> Vec<Uuid> {
        self.captures.iter().filter_map(|one| key_in_our_form(&one.reference)).collect()
    }

    /// The trace that an operation has left, if it was done.
    pub(super) fn trace_of(&self, call: &Call) -> Option<Confirmation> {
        let key = call.key.to_string();
        let found = |reference: &str, amount_minor| Confirmation {
            provider_reference: reference.to_owned(),
            amount_minor,
            expires_at: self.expires_at(),
        };
        match call.kind {
            OperationKind::Capture => self
                .captures
                .iter()
                .find(|one| one.reference == key)
                .map(|one| found(&one.capture_id, one.captured_amount)),
            OperationKind::Refund => self
                .refunds
                .iter()
                .find(|one| one.reference == key)
                .map(|one| found(&one.refund_id, one.refunded_amount)),
            OperationKind::Void => (self.status == Status::Cancelled)
                .then(|| found(&call.reference, call.amount_minor)),
            OperationKind::Release => (self.captured_amount > 0
                && self.remaining_authorized_amount == 0)
                .then(|| found(&call.reference, call.amount_minor)),
            OperationKind::UpdateAmount => {
                let is_open = matches!(self.status, Status::Authorized | Status::PartCaptured);
                (is_open && self.order_amount == call.amount_minor)
                    .then(|| found(&call.reference, call.amount_minor))
            }
            OperationKind::Authorize | OperationKind::CaptureReversal => None,
        }
    }

    /// A no with what the order knows: what has ended is told as that.
    pub(super) fn explain(&self, call: &Call, no: &Decline) -> Decline {
        let code = match self.status {
            Status::Expired => Code::ReservationExpired,
            Status::Cancelled => Code::ReservationGone,
            Status::Authorized
            | Status::PartCaptured
            | Status::Captured
            | Status::Closed
            | Status::Other => no.code,
        };
        let sums = match call.kind {
            OperationKind::Refund => {
                let (captured, refunded) = (self.captured_amount, self.refunded_amount);
                format!("{captured} were captured and {refunded} refunded")
            }
            _ => format!("{} are left to capture", self.remaining_authorized_amount),
        };
        Decline { code, reason: format!("{}; in minor units, {sums}", no.reason) }
    }

    /// The whole order was captured at once, in a market that has return fees.
    pub(super) fn takes_return_fees(&self) -> bool {
        self.captures.len() == 1
            && self.captured_amount == self.order_amount
            && RETURN_FEE_MARKETS.contains(&self.purchase_country.as_str())
    }

    fn expires_at(&self) -> Option<Micros> {
        let time: jiff::Timestamp = self.expires_at.as_deref()?.parse().ok()?;
        Some(Micros(time.as_microsecond()))
    }
}

/// What is null is as good as absent.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A currency code, or the beginning of what stands in its place.
fn short(text: &str) -> String {
    text.chars().take(3).collect()
}
