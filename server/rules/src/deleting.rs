//! §8 Deleting: an order goes where no money can be lost by it; its number and history stay.

#[cfg(test)]
mod tests;

use crate::accounting::open_transfer;
use crate::attention::unfinished_refund;
use crate::changing::{ChangingFacts, check_nothing_pending, close_those_over, finish, label};
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::Draft;
use crate::labels::Label;
use crate::mail::MailState;
use crate::order::{Micros, OrderKind};
use crate::payments::{Authorization, OperationKind, OperationState, order_sums};
use crate::refusals::{Code, Refusal};
use crate::stock::MovementReason;

/// Deletes an order. A payment that others hold is not touched: so the twin of an order goes (7.5).
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `ORDER_DELETED`, `STATUS_CHANGE_PENDING`, `EFFECT_PENDING`,
/// `MONEY_NOT_CREDITED`, `PROBLEM_OPEN`, `RESERVATION_HELD`, `RESTOCK_REQUIRED`.
pub fn delete(
    facts: &ChangingFacts<'_>,
    restock: Option<bool>,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let case = facts.case;
    let mut draft = Draft::new(case.clone(), ids, now);
    close_those_over(facts, &mut draft);
    check_deletable(&draft.case)?;
    if restock.is_none() && case.order.lines.iter().any(|line| label::units_out(line) > 0) {
        return Err(Refusal::new(Code::RestockRequired));
    }
    draft.case.order.deleted_at = Some(now);
    draft.changes.push(Change::Deleted);
    label::set_live(&mut draft, false);
    if restock == Some(true) {
        label::put_back(facts, &mut draft, MovementReason::Deleted);
    }
    Ok(finish(facts, draft))
}

/// 8.1: nothing may hang on the order that somebody would look for in vain.
fn check_deletable(case: &Case) -> Result<(), Refusal> {
    let order = &case.order;
    if order.kind == OrderKind::Credit {
        return Err(Refusal::new(Code::CreditOrderFinal));
    }
    if order.deleted_at.is_some() {
        return Err(Refusal::new(Code::OrderDeleted).with("order", order.number.0));
    }
    check_nothing_pending(order)?;
    let mut own = case.payments.iter().flat_map(|payment| &payment.operations);
    let is_own = |operation: &&crate::payments::Operation| {
        operation.order == order.number && operation.state.is_claimed()
    };
    if let Some(operation) = own.find(is_own) {
        return Err(Refusal::new(Code::EffectPending).with("operation", operation.id));
    }
    if let Some(mail) = order.mails.iter().find(|mail| mail.state == MailState::Pending) {
        return Err(Refusal::new(Code::EffectPending).with("mail", mail.id));
    }
    if let Some(transfer) = open_transfer(order) {
        return Err(Refusal::new(Code::EffectPending).with("transfer", transfer.id));
    }
    let is_under_way = |label: &&Label| !label.awaited().is_empty();
    if let Some(label) = order.labels.iter().find(is_under_way) {
        return Err(Refusal::new(Code::EffectPending).with("label", label.id));
    }
    let uncredited_minor = uncredited(case);
    if uncredited_minor > 0 {
        return Err(Refusal::new(Code::MoneyNotCredited).with("left_minor", uncredited_minor));
    }
    let mut open = order.problems.iter().filter(|problem| problem.closed_at.is_none());
    if let Some(problem) = open.next() {
        return Err(Refusal::new(Code::ProblemOpen).with("problem", problem.code.name()));
    }
    if let Some(refund) = unfinished_refund(order, &case.payments) {
        return Err(Refusal::new(Code::EffectPending).with("operation", refund.id));
    }
    let is_held_alone = |payment: &&crate::payments::Payment| {
        payment.is_held_by(order.number)
            && !payment.is_held_beside(order.number)
            && (payment.authorization == Authorization::Pending || payment.available() > 0)
    };
    match case.payments.iter().find(is_held_alone) {
        Some(payment) => Err(Refusal::new(Code::ReservationHeld)
            .with("payment", payment.id.0)
            .with("held_minor", payment.available())),
        None => Ok(()),
    }
}

/// What was captured, stayed, and is neither credited nor paid back by a cancellation.
fn uncredited(case: &Case) -> i64 {
    let order = &case.order;
    let paid_back = case
        .payments
        .iter()
        .flat_map(|payment| &payment.operations)
        .filter(|operation| {
            operation.order == order.number
                && operation.kind == OperationKind::Refund
                && operation.state == OperationState::Succeeded
                && operation.credit.is_none()
        })
        .map(|operation| operation.amount_minor);
    let credited = order.lines.iter().map(|line| line.credited_gross_minor);
    paid_back
        .chain(credited)
        .fold(order_sums(order.number, &case.payments).kept(), i64::saturating_sub)
}
