//! 9.1 The bounds of a placement: everything wrong is told at once, per field.

use super::{NewLine, NewPayment, Placement, totals};
use crate::money::VatRate;
use crate::payments::MANUAL;
use crate::refusals::Violation;

pub const LINES_MAX: usize = 500;
pub const PAYMENTS_MAX: usize = 20;
/// Payments that may be attached to an order in all, those declined among them.
pub(crate) const PAYMENTS_EVER_MAX: usize = 40;
/// Orders that may be on one payment: what happens to it is told to each of them at once.
pub(crate) const HOLDERS_MAX: usize = 20;
pub const QUANTITY_MAX: i64 = 1_000_000;
pub const UNIT_PRICE_MINOR_MAX: i64 = 1_000_000_000_000;

/// Every field of the placement that breaks a bound; paths are those of the request.
#[must_use]
pub fn check_bounds(placement: &Placement) -> Vec<Violation> {
    let mut violations = Vec::new();
    if placement.lines.is_empty() {
        violations.push(violation("order.lines", "needs at least one line"));
    }
    if placement.lines.len() > LINES_MAX {
        violations.push(violation("order.lines", "has more than 500 lines"));
    }
    for (index, line) in placement.lines.iter().enumerate() {
        violations.extend(check_line(&format!("order.lines[{index}]"), line));
    }
    let sum = match placement.order_discount_minor {
        ..0 => Some(Err(violation("order.discount_minor", "must be at least 0"))),
        // Of lines that are wrong by themselves it says nothing.
        _ => violations.is_empty().then(|| sum(placement)),
    };
    let total = sum.as_ref().and_then(|sum| sum.as_ref().ok()).copied();
    violations.extend(check_payments(&placement.payments, total));
    violations.extend(sum.and_then(Result::err));
    violations
}

/// What is wrong with one payment; `path` is where it stands in the request.
#[must_use]
pub fn check_payment(path: &str, payment: &NewPayment) -> Vec<Violation> {
    let mut violations = Vec::new();
    if payment.amount_minor < 0 {
        violations.push(violation(&format!("{path}.amount_minor"), "must be at least 0"));
    }
    let is_manual = payment.provider.0 == MANUAL;
    let reference = format!("{path}.reference");
    match payment.reference.is_empty() {
        false if is_manual => {
            violations.push(violation(&reference, "must be empty for the manual provider"));
        }
        true if !is_manual => {
            violations.push(violation(&reference, "must name the payment at the provider"));
        }
        _ => {}
    }
    violations
}

/// A payment of nothing is only right for an order that costs nothing.
#[must_use]
pub fn check_is_due(path: &str, payment: &NewPayment, total_minor: i64) -> Option<Violation> {
    (payment.amount_minor == 0 && total_minor > 0)
        .then(|| violation(&format!("{path}.amount_minor"), "must be at least 1"))
}

/// A total that no amount of money has.
pub(super) fn too_large() -> Violation {
    violation("order.lines", "the amounts are too large")
}

/// What is wrong with one line; `path` is where it stands in the request.
pub(crate) fn check_line(path: &str, line: &NewLine) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut check = |is_right: bool, field: &str, description: &str| {
        if !is_right {
            violations.push(violation(&format!("{path}.{field}"), description));
        }
    };
    let has_quantity = (1..=QUANTITY_MAX).contains(&line.quantity);
    let has_price = (0..=UNIT_PRICE_MINOR_MAX).contains(&line.unit_price_minor);
    check(has_quantity, "quantity", "must be from 1 to 1000000");
    check(has_price, "unit_price_minor", "must be from 0 to 1000000000000");
    let has_rate = VatRate::new(line.vat_rate_bp).is_some();
    check(has_rate, "vat_rate_bp", "must be from 0 to 10000");
    check(line.discount_minor >= 0, "discount_minor", "must be at least 0");
    if has_quantity && has_price && line.discount_minor >= 0 {
        let full = line.unit_price_minor.checked_mul(line.quantity);
        let fits = full.is_none_or(|full| line.discount_minor <= full);
        check(full.is_some(), "unit_price_minor", "the line's amount is too large");
        check(fits, "discount_minor", "must not exceed the line's amount");
    }
    violations
}

/// The total is `None` where it cannot be known.
fn check_payments(payments: &[NewPayment], total: Option<i64>) -> Vec<Violation> {
    let mut violations = Vec::new();
    if payments.len() > PAYMENTS_MAX {
        violations.push(violation("order.payments", "has more than 20 payments"));
    }
    for (index, payment) in payments.iter().enumerate() {
        let path = format!("order.payments[{index}]");
        violations.extend(check_payment(&path, payment));
        violations.extend(total.and_then(|total| check_is_due(&path, payment, total)));
        let is_repeated = payments.iter().take(index).any(|earlier| {
            earlier.provider == payment.provider && earlier.reference == payment.reference
        });
        if is_repeated {
            violations.push(violation(&format!("{path}.reference"), "is stated twice"));
        }
    }
    let mut amounts = payments.iter().map(|payment| payment.amount_minor.max(0));
    if amounts.try_fold(0_i64, i64::checked_add).is_none() {
        violations.push(violation("order.payments", "the amounts are too large"));
    }
    violations
}

/// The total, of lines that are right by themselves; what is wrong with them taken together.
fn sum(placement: &Placement) -> Result<i64, Violation> {
    let amounts: Result<Vec<i64>, _> =
        placement.lines.iter().map(totals::amount_before_spread).collect();
    let mut amounts = amounts.map_err(|_| too_large())?.into_iter();
    let sum = amounts.try_fold(0_i64, i64::checked_add).ok_or_else(too_large)?;
    if placement.order_discount_minor > sum {
        return Err(violation("order.discount_minor", "must not exceed the sum of the lines"));
    }
    let sums = totals::build_lines(placement).and_then(|lines| totals::sum_lines(&lines));
    sums.map(|sums| sums.gross).map_err(|_| too_large())
}

fn violation(field: &str, description: &str) -> Violation {
    Violation { field: field.to_owned(), description: description.to_owned() }
}
