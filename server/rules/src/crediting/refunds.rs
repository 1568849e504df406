//! 4.3: which payments bear a refund, each capped by what this order has on it.

use std::cmp::Reverse;

use super::wrong;
use crate::attention::owed_minor;
use crate::decision::Case;
use crate::order::OrderNumber;
use crate::payments::{OperationKind, Payment, PaymentId};
use crate::refusals::{Code, Refusal};

/// The refund of each payment: as the caller shares it out, or the last captured first.
///
/// # Errors
/// `INVALID_REQUEST` when the shares do not come to the credit, `REFUND_BY_HAND`,
/// `CREDIT_EXCEEDS_CAPTURED`.
pub(super) fn allocate(
    case: &Case,
    shares: &[(PaymentId, i64)],
    credited_minor: i64,
) -> Result<Vec<(PaymentId, i64)>, Refusal> {
    if shares.is_empty() {
        return last_captured_first(case, credited_minor);
    }
    let order = case.order.number;
    for &(id, amount_minor) in shares {
        let Some(payment) = case.payments.iter().find(|payment| payment.id == id) else { continue };
        let left_minor = payment.sums_for(order).refundable();
        if payment.capabilities.is_manual {
            return Err(by_hand(left_minor).with("payment", id.0));
        }
        if amount_minor > left_minor {
            return Err(exceeds(left_minor).with("payment", id.0));
        }
    }
    let sum = shares.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount));
    if sum != credited_minor {
        let description = format!("must come to exactly {credited_minor}");
        return Err(wrong("shares", &description));
    }
    Ok(shares.to_vec())
}

/// What declined refunds owe on a payment is left to them as long as others have enough: they can be asked
/// for again on that payment alone (4.6).
fn last_captured_first(case: &Case, credited_minor: i64) -> Result<Vec<(PaymentId, i64)>, Refusal> {
    let order = case.order.number;
    let (by_hand_minor, mut usable) = refundable(case);
    usable.sort_by_key(|(payment, _)| Reverse(last_capture(payment, order)));
    let held = usable.iter().fold(0_i64, |sum, (_, left)| sum.saturating_add(*left));
    let owed: Vec<i64> = usable.iter().map(|(payment, _)| owed_minor(case, payment)).collect();
    let mut rest = credited_minor;
    let mut take = |most: i64| {
        let amount = most.min(rest).max(0);
        rest = rest.saturating_sub(amount);
        amount
    };
    let free: Vec<i64> = usable
        .iter()
        .zip(&owed)
        .map(|((_, left), owed)| take(left.saturating_sub(*owed)))
        .collect();
    let mut refunds = Vec::new();
    for ((payment, left_minor), free) in usable.into_iter().zip(free) {
        let amount = free.saturating_add(take(left_minor.saturating_sub(free)));
        if amount > 0 {
            refunds.push((payment.id, amount));
        }
    }
    match rest {
        0 => Ok(refunds),
        _ if by_hand_minor > 0 => Err(by_hand(held)),
        _ => Err(exceeds(held)),
    }
}

/// What was paid by hand, and what each provider can pay back.
fn refundable(case: &Case) -> (i64, Vec<(&Payment, i64)>) {
    let own = case.payments.iter().map(|one| (one, one.sums_for(case.order.number).refundable()));
    let (manual, usable): (Vec<_>, Vec<_>) =
        own.partition(|(payment, _)| payment.capabilities.is_manual);
    (manual.iter().fold(0_i64, |sum, (_, left)| sum.saturating_add(*left)), usable)
}

fn last_capture(payment: &Payment, order: OrderNumber) -> Option<i64> {
    let captures = payment
        .operations
        .iter()
        .filter(|operation| operation.order == order && operation.kind == OperationKind::Capture);
    captures.map(|operation| operation.id).max()
}

fn by_hand(refundable_minor: i64) -> Refusal {
    Refusal::new(Code::RefundByHand).with("refundable_minor", refundable_minor)
}

fn exceeds(left_minor: i64) -> Refusal {
    Refusal::new(Code::CreditExceedsCaptured).with("left_minor", left_minor)
}
