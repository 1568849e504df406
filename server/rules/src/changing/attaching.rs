//! 9.6 Attaching a payment: the remedy for a reservation that expired, was declined or is too small.

use super::{ChangingFacts, check_nothing_pending, finish};
use crate::decision::{Decision, Ids};
use crate::draft::Draft;
use crate::order::{Micros, OrderKind};
use crate::payments::{Capabilities, Payment, is_fully_captured};
use crate::placing::{NewPayment, PAYMENTS_EVER_MAX, add_payment, check_is_due, check_payment};
use crate::refusals::{Code, Refusal, Violation};
use crate::statuses::Tag;

/// A payment to hang on an order that exists.
#[derive(Clone, Copy, Debug)]
pub struct AttachPayment<'a> {
    pub payment: &'a NewPayment,
    /// Of the payment's provider.
    pub capabilities: Capabilities,
    /// The payment of this (provider, reference) if the shop knows it; never a manual one.
    pub known: Option<&'a Payment>,
}

/// Attaches a payment; what it holds is asked of the provider, not believed. The same payment again
/// changes nothing.
///
/// # Errors
/// `STATUS_CHANGE_PENDING`, `CREDIT_ORDER_FINAL`, `INVALID_REQUEST` (paths under `payment`),
/// `ALREADY_CAPTURED`, `ORDER_CANCELLED`, `PAYMENT_MISMATCH` when the payment
/// is another order's, or this order's with another amount.
pub fn attach(
    facts: &ChangingFacts<'_>,
    command: &AttachPayment<'_>,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    let mut violations = check_payment("payment", command.payment);
    violations.extend(check_is_due("payment", command.payment, order.gross_minor));
    if !violations.is_empty() {
        return Err(Refusal::fields(violations));
    }
    check_nothing_pending(order)?;
    if order.kind == OrderKind::Credit {
        return Err(Refusal::new(Code::CreditOrderFinal));
    }
    if let Some(known) = command.known {
        return attach_known(facts, command.payment, known);
    }
    if order.payments.len() >= PAYMENTS_EVER_MAX {
        return Err(Refusal::fields(vec![Violation {
            field: "payment".to_owned(),
            description: format!("the order has {PAYMENTS_EVER_MAX} payments already"),
        }]));
    }
    if is_fully_captured(order, &facts.case.payments) {
        return Err(Refusal::new(Code::AlreadyCaptured).with("captured_minor", order.gross_minor));
    }
    if facts.statuses.tag(order.status) == Some(Tag::Cancelled) {
        return Err(Refusal::new(Code::OrderCancelled).with_status("status", order.status));
    }
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    add_payment(&mut draft, command.payment, command.capabilities);
    Ok(finish(facts, draft))
}

fn attach_known(
    facts: &ChangingFacts<'_>,
    stated: &NewPayment,
    known: &Payment,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    let own = known.holders.iter().find(|holder| holder.order == order.number);
    match own {
        Some(own) if own.amount_minor == stated.amount_minor => {
            Ok(Decision::unchanged(facts.case.clone()))
        }
        Some(own) => Err(Refusal::new(Code::PaymentMismatch)
            .with("stored_minor", own.amount_minor)
            .with("stated_minor", stated.amount_minor)),
        None => {
            let other = known.holders.first().map_or(0, |holder| holder.order.0);
            Err(Refusal::new(Code::PaymentMismatch).with("other", other))
        }
    }
}
