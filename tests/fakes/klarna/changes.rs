//! What can be done to an order at Klarna, and what its state does not allow.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::lines::{self, LineKind, OrderLine, ShippingInfo};
use super::orders::{Capture, FraudStatus, LIFE_DAYS, Order, Refund, Status, days};
use super::refusals::Refused;

#[derive(Debug, Deserialize)]
pub(super) struct CaptureRequest {
    pub(super) captured_amount: i64,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    order_lines: Vec<OrderLine>,
    #[serde(default)]
    shipping_info: Vec<ShippingInfo>,
    #[serde(default)]
    shipping_delay: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct RefundRequest {
    pub(super) refunded_amount: i64,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    order_lines: Vec<OrderLine>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Update {
    order_amount: i64,
    #[serde(default)]
    description: Option<String>,
    /// Replaces all there were.
    #[serde(default)]
    order_lines: Vec<OrderLine>,
}

#[derive(Debug, Deserialize)]
pub(super) struct References {
    merchant_reference1: Option<String>,
    merchant_reference2: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Addresses {
    shipping_address: Option<Value>,
    billing_address: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shipping {
    shipping_info: Vec<ShippingInfo>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Fraud {
    pub(super) status: FraudStatus,
}

/// However often it is extended.
const LIFE_DAYS_MAX: i64 = 180;
/// Markets with a return fee.
const FEE_MARKETS: [&str; 8] = ["AT", "DE", "DK", "FI", "FR", "NL", "NO", "SE"];
/// What can be raised at all; each raise is a new credit check.
const RAISABLE: [&str; 6] =
    ["INVOICE", "B2B_INVOICE", "INVOICE_BUSINESS", "BASE_ACCOUNT", "DIRECT_DEBIT", "FIXED_AMOUNT"];

impl Order {
    pub(super) fn captured(&mut self, id: &str) -> Result<&mut Capture, Refused> {
        let capture = self.captures.iter_mut().find(|capture| capture.capture_id == id);
        capture.ok_or_else(|| Refused::no_capture(id))
    }

    pub(super) fn acknowledge(&self) -> Result<(), Refused> {
        if self.status == Status::Cancelled {
            return Err(Refused::not_allowed("Order is cancelled."));
        }
        Ok(())
    }

    pub(super) fn capture(
        &mut self,
        request: CaptureRequest,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let amount = request.captured_amount;
        let mut wrong = lines::check("captured_amount", amount, &request.order_lines);
        check_words(request.description.as_ref(), request.reference.as_ref(), &mut wrong);
        lines::check_shipping(&request.shipping_info, &mut wrong);
        if amount == 0 {
            wrong.push("Bad value: captured_amount must be more than 0".to_owned());
        }
        if request.shipping_delay < 0 {
            wrong.push("Bad value: shipping_delay is negative".to_owned());
        }
        if !wrong.is_empty() {
            return Err(Refused::bad_value(wrong));
        }
        self.may_capture(amount)?;
        self.captured_amount += amount;
        self.remaining_authorized_amount -= amount;
        self.settle();
        let capture_id = Uuid::new_v4().to_string();
        self.captures.push(Capture {
            capture_id: capture_id.clone(),
            klarna_reference: format!("{}-{}", self.klarna_reference, self.captures.len() + 1),
            captured_amount: amount,
            refunded_amount: 0,
            captured_at: now,
            description: request.description.unwrap_or_default(),
            reference: request.reference.unwrap_or_default(),
            order_lines: request.order_lines,
            shipping_info: request.shipping_info,
        });
        Ok(capture_id)
    }

    fn may_capture(&self, amount: i64) -> Result<(), Refused> {
        let (id, left) = (&self.order_id, self.remaining_authorized_amount);
        let because = match self.status {
            Status::Expired => format!("Order {id} is expired. Capture not possible"),
            Status::Cancelled => format!("Order {id} is cancelled. Capture not possible"),
            _ if self.fraud_status != FraudStatus::Accepted => {
                format!("Order {id} is not accepted by the fraud check. Capture not possible")
            }
            _ if amount > left => format!(
                "Captured amount {amount} is higher than the remaining authorized amount {left}. \
                 Capture not possible"
            ),
            _ => return Ok(()),
        };
        Err(Refused::capture(&because))
    }

    pub(super) fn refund(
        &mut self,
        request: RefundRequest,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let amount = request.refunded_amount;
        let mut wrong = lines::check("refunded_amount", amount, &request.order_lines);
        check_words(request.description.as_ref(), request.reference.as_ref(), &mut wrong);
        if amount == 0 {
            wrong.push("Bad value: refunded_amount must be more than 0".to_owned());
        }
        if !wrong.is_empty() {
            return Err(Refused::bad_value(wrong));
        }
        self.may_refund(amount, &request.order_lines)?;
        self.refunded_amount += amount;
        let mut left = amount;
        for capture in &mut self.captures {
            let part = left.min(capture.captured_amount - capture.refunded_amount);
            capture.refunded_amount += part;
            left -= part;
        }
        let refund_id = Uuid::new_v4().to_string();
        self.refunds.push(Refund {
            refund_id: refund_id.clone(),
            refunded_amount: amount,
            refunded_at: now,
            description: request.description.unwrap_or_default(),
            reference: request.reference.unwrap_or_default(),
            order_lines: request.order_lines,
            credit_invoice: false,
        });
        Ok(refund_id)
    }

    fn may_refund(&self, amount: i64, lines: &[OrderLine]) -> Result<(), Refused> {
        if self.captures.is_empty() {
            return Err(Refused::refund("Order has no captures. Refund not possible"));
        }
        let left = self.captured_amount - self.refunded_amount;
        if amount > left {
            let because = format!(
                "Refunded amount {amount} is higher than the captured amount that is left {left}. \
                 Refund not possible"
            );
            return Err(Refused::refund(&because));
        }
        let has_fee = lines.iter().any(|line| line.kind == LineKind::ReturnFee);
        let is_captured_at_once =
            self.captures.len() == 1 && self.captured_amount == self.order_amount;
        if has_fee && !is_captured_at_once {
            return Err(Refused::refund("Return fee needs one capture of the full order amount"));
        }
        if has_fee && !FEE_MARKETS.contains(&self.purchase_country.as_str()) {
            return Err(Refused::refund("Return fee is not supported in this market"));
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self) -> Result<i64, Refused> {
        if !self.captures.is_empty() {
            return Err(Refused::cancel("Order has previous captures. Cancel not possible"));
        }
        if !self.is_open() {
            return Err(Refused::cancel("Order is closed. Cancel not possible"));
        }
        self.status = Status::Cancelled;
        Ok(std::mem::take(&mut self.remaining_authorized_amount))
    }

    pub(super) fn release(&mut self) -> Result<i64, Refused> {
        if self.status == Status::Cancelled {
            return Err(Refused::not_allowed("Order is cancelled. Release not possible"));
        }
        if self.captures.is_empty() {
            return Err(Refused::not_allowed("Order has no captures. Release not possible"));
        }
        let released = std::mem::take(&mut self.remaining_authorized_amount);
        self.settle();
        Ok(released)
    }

    /// The new amount.
    pub(super) fn update(&mut self, update: Update) -> Result<i64, Refused> {
        let amount = update.order_amount;
        let mut wrong = lines::check("order_amount", amount, &update.order_lines);
        check_words(update.description.as_ref(), None, &mut wrong);
        if !wrong.is_empty() {
            return Err(Refused::bad_value(wrong));
        }
        if !self.is_open() {
            return Err(Refused::not_allowed("Order is not open. Update not possible"));
        }
        if amount < self.captured_amount {
            let because = format!(
                "Resulting authorization amount {amount} cannot be less than the captured amount {}",
                self.captured_amount
            );
            return Err(Refused::not_allowed(&because));
        }
        let method = self.initial_payment_method.kind.as_str();
        if amount > self.order_amount && !RAISABLE.contains(&method) {
            return Err(Refused::not_allowed("The amount of this order cannot be raised"));
        }
        self.order_amount = amount;
        self.remaining_authorized_amount = amount - self.captured_amount;
        self.order_lines = update.order_lines;
        self.settle();
        Ok(amount)
    }

    pub(super) fn extend(&mut self, now: Timestamp) -> Result<(), Refused> {
        if !self.is_open() {
            return Err(Refused::not_allowed("Extension of authorization time not allowed."));
        }
        let latest = self.created_at + days(LIFE_DAYS_MAX);
        let extended = (now + days(LIFE_DAYS.into())).min(latest);
        if extended <= self.expires_at {
            return Err(Refused::not_allowed("Authorization time is extended already."));
        }
        self.expires_at = extended;
        Ok(())
    }

    pub(super) fn change_references(&mut self, change: References) -> Result<(), Refused> {
        let mut wrong = Vec::new();
        for (field, text) in [
            ("merchant_reference1", &change.merchant_reference1),
            ("merchant_reference2", &change.merchant_reference2),
        ] {
            lines::check_text(field, text.as_ref(), lines::TEXT_MAX, &mut wrong);
        }
        if !wrong.is_empty() {
            return Err(Refused::bad_value(wrong));
        }
        if self.status == Status::Cancelled {
            return Err(Refused::not_allowed("Can not update a cancelled order."));
        }
        if let Some(reference) = change.merchant_reference1 {
            self.merchant_reference1 = reference;
        }
        if let Some(reference) = change.merchant_reference2 {
            self.merchant_reference2 = reference;
        }
        Ok(())
    }

    pub(super) fn change_address(&mut self, change: Addresses) -> Result<(), Refused> {
        if change.billing_address.is_some() || self.status == Status::Cancelled {
            return Err(Refused::not_allowed("Update customer details not allowed."));
        }
        self.shipping_address = change.shipping_address.or_else(|| self.shipping_address.take());
        Ok(())
    }

    pub(super) fn add_shipping(&mut self, added: Shipping) -> Result<(), Refused> {
        self.shipping_info.extend(added.checked()?);
        Ok(())
    }

    /// The state that the amounts mean.
    fn settle(&mut self) {
        if self.captured_amount > 0 && self.is_open() {
            let is_over = self.remaining_authorized_amount == 0;
            self.status = if is_over { Status::Captured } else { Status::PartCaptured };
        }
    }
}

impl Capture {
    pub(super) fn add_shipping(&mut self, added: Shipping) -> Result<(), Refused> {
        self.shipping_info.extend(added.checked()?);
        Ok(())
    }
}

impl Shipping {
    fn checked(self) -> Result<Vec<ShippingInfo>, Refused> {
        let mut wrong = Vec::new();
        lines::check_shipping(&self.shipping_info, &mut wrong);
        if self.shipping_info.is_empty() {
            wrong.push("Missing value: shipping_info".to_owned());
        }
        if wrong.is_empty() { Ok(self.shipping_info) } else { Err(Refused::bad_value(wrong)) }
    }
}

fn check_words(description: Option<&String>, reference: Option<&String>, wrong: &mut Vec<String>) {
    lines::check_text("description", description, lines::TEXT_MAX, wrong);
    lines::check_text("reference", reference, lines::TEXT_MAX, wrong);
}
