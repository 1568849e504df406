//! Which payments a total is captured on, and the whole plan of a change before it is made.

use std::cmp::Reverse;

use super::{ChangeStatus, ChangingFacts, Outcome, change_status, record};
use crate::decision::{Case, Change, Decision, Ids};
use crate::duplicates::bound_elsewhere;
use crate::order::{OrderNumber, StatusId};
use crate::payments::{
    Authorization, OperationKind, OperationState, Payment, PaymentId, left_to_capture,
};
use crate::refusals::{Code, Refusal};

/// Ids of a rehearsal, far from those that are handed out.
const REHEARSAL_IDS: Ids = Ids(i64::MAX / 2);

/// What is left of the total, payment by payment: the most likely to decline first, manual last
/// (2.2). An authorization the provider has still to confirm counts with what was stated.
///
/// # Errors
/// Why the total is not held, with `left_minor` and `held_minor`.
pub(super) fn plan_captures(case: &Case) -> Result<Vec<(PaymentId, i64)>, Refusal> {
    let order = case.order.number;
    let left = left_to_capture(&case.order, &case.payments);
    let mut usable: Vec<&Payment> =
        case.payments.iter().filter(|payment| is_usable(payment, order)).collect();
    usable.sort_by_key(|payment| {
        (payment.capabilities.is_manual, Reverse(payment.capabilities.decline_rank))
    });
    // A payment attached after a decline is the way out: where the others cover it all, they do.
    let others = usable.iter().filter(|payment| !has_declined_capture(payment, order));
    let covered = others.fold(0_i64, |sum, one| sum.saturating_add(capturable(one, order)));
    if covered >= left {
        usable.sort_by_key(|payment| has_declined_capture(payment, order));
    }
    let mut rest = left;
    let mut plan = Vec::new();
    for payment in usable {
        let amount = capturable(payment, order).min(rest);
        if amount > 0 {
            plan.push((payment.id, amount));
            rest -= amount;
        }
    }
    if rest > 0 { Err(shortage(case, left, left - rest)) } else { Ok(plan) }
}

/// Whether what is left of the total is held by confirmed reservations.
pub(super) fn is_covered(case: &Case) -> bool {
    let usable = case.payments.iter().filter(|payment| is_usable(payment, case.order.number));
    let held = usable.map(Payment::available).fold(0, i64::saturating_add);
    held >= left_to_capture(&case.order, &case.payments)
}

/// Whether a reservation the order may use has still to be confirmed.
pub(super) fn awaits_authorization(case: &Case) -> bool {
    let order = case.order.number;
    case.payments.iter().any(|payment| is_usable(payment, order) && payment.awaits_authorization())
}

/// Every operation that changing to this status would ask for, in order, if all of them succeed;
/// for `validate_only`. Empty when the change is refused.
#[must_use]
pub fn expected_effects(
    facts: &ChangingFacts<'_>,
    to: StatusId,
) -> Vec<(PaymentId, OperationKind, i64)> {
    let mut ids = REHEARSAL_IDS;
    let now = facts.case.order.placed_at;
    let case = with_authorizations(facts, &mut ids);
    let command = ChangeStatus { to, restock: Some(false), has_note: false, send_email: false };
    let facts = ChangingFacts { case: &case, ..*facts };
    let Ok(mut decision) = change_status(&facts, &command, &mut ids, now) else {
        return Vec::new();
    };
    let mut plan = requested(&decision);
    let mut open = std::mem::take(&mut decision.effects);
    while let Some(effect) = open.pop() {
        let rehearsed = ChangingFacts { case: &decision.case, ..facts };
        let outcome = success(effect.operation.amount_minor);
        let next = record(&rehearsed, effect.operation.id, &outcome, &mut ids, now);
        plan.extend(requested(&next));
        open.extend(next.effects.iter().cloned());
        decision = next;
    }
    plan
}

/// The case as it is once every reservation that is being asked about is confirmed as stated.
fn with_authorizations(facts: &ChangingFacts<'_>, ids: &mut Ids) -> Case {
    let mut case = facts.case.clone();
    let awaited: Vec<(i64, i64)> = case
        .payments
        .iter()
        .filter(|payment| payment.awaits_authorization())
        .flat_map(|payment| &payment.operations)
        .filter(|operation| {
            operation.kind == OperationKind::Authorize && operation.state.is_claimed()
        })
        .map(|operation| (operation.id, operation.amount_minor))
        .collect();
    for (operation, amount_minor) in awaited {
        let rehearsed = ChangingFacts { case: &case, ..*facts };
        let outcome = success(amount_minor);
        case = record(&rehearsed, operation, &outcome, ids, facts.case.order.placed_at).case;
    }
    case
}

fn success(amount_minor: i64) -> Outcome {
    Outcome::Succeeded { amount_minor, provider_reference: None, expires_at: None }
}

fn requested(decision: &Decision) -> Vec<(PaymentId, OperationKind, i64)> {
    decision
        .changes
        .iter()
        .filter_map(|change| match *change {
            Change::OperationRequested { payment, kind, amount_minor, .. } => {
                Some((payment, kind, amount_minor))
            }
            _ => None,
        })
        .collect()
}

fn is_usable(payment: &Payment, order: OrderNumber) -> bool {
    payment.is_held_by(order) && bound_elsewhere(payment, order).is_none()
}

fn capturable(payment: &Payment, order: OrderNumber) -> i64 {
    if !payment.awaits_authorization() {
        return payment.available();
    }
    let stated = payment.holders.iter().find(|holder| holder.order == order);
    stated.map_or(0, |holder| holder.amount_minor)
}

fn shortage(case: &Case, left_minor: i64, held_minor: i64) -> Refusal {
    let order = case.order.number;
    let other = case.payments.iter().find_map(|payment| bound_elsewhere(payment, order));
    let has =
        |authorization| case.payments.iter().any(|payment| payment.authorization == authorization);
    let is_gone = has(Authorization::Declined)
        || has(Authorization::Voided)
        || case.payments.iter().any(Payment::has_void);
    let refusal = match other {
        Some(other) => Refusal::new(Code::DuplicateAlreadyCaptured).with("other", other.0),
        None if has(Authorization::Pending) => Refusal::new(Code::PaymentPending),
        None if has(Authorization::Expired) => Refusal::new(Code::ReservationExpired),
        None if is_gone => Refusal::new(Code::ReservationGone),
        None => Refusal::new(Code::PaymentInsufficient),
    };
    refusal.with("left_minor", left_minor).with("held_minor", held_minor)
}

/// True when the last capture of this order on the payment was declined.
fn has_declined_capture(payment: &Payment, order: OrderNumber) -> bool {
    payment
        .operations
        .iter()
        .rfind(|operation| operation.order == order && operation.kind == OperationKind::Capture)
        .is_some_and(|operation| operation.state == OperationState::Declined)
}
