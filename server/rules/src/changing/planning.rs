//! Which payments a total is captured on, and the whole plan of a change before it is made.

use std::cmp::Reverse;

use super::{ChangeStatus, ChangingFacts, Outcome, change_status, record};
use crate::decision::{Case, Change, Decision, Ids};
use crate::duplicates::bound_elsewhere;
use crate::order::{OrderNumber, StatusId};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId, left_to_capture,
};
use crate::refusals::{Code, Refusal};
use crate::shop::{CaptureMode, Rulebook};
use crate::statuses::Tag;

/// Ids of a rehearsal, far from those that are handed out.
const REHEARSAL_IDS: Ids = Ids(i64::MAX / 2);

/// What is left to capture, payment by payment: the most likely to decline first, manual last
/// (2.2). An authorization the provider has still to confirm counts with what was stated. Where more
/// of the order is to be captured later, nothing is taken of a reservation that a part would end: it
/// counts as held, and is captured with the last (6.2).
///
/// # Errors
/// Why so much is not held, with `left_minor` and `held_minor`.
pub(crate) fn plan_captures(case: &Case, left: i64) -> Result<Vec<(PaymentId, i64)>, Refusal> {
    let order = case.order.number;
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
    let is_part = left < left_to_capture(&case.order, &case.payments);
    let (mut rest, mut spared) = (left, 0_i64);
    let mut plan = Vec::new();
    for payment in usable {
        let held = capturable(payment, order);
        let amount = held.min(rest);
        if is_part && amount < held && !payment.capabilities.keeps_remainder {
            spared = spared.saturating_add(held);
        } else if amount > 0 {
            plan.push((payment.id, amount));
            rest -= amount;
        }
    }
    let missing = rest.saturating_sub(spared);
    if missing > 0 { Err(shortage(case, left, left - missing)) } else { Ok(plan) }
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
    let command = ChangeStatus { to, restock: Some(false), has_note: false, send_email: false };
    let now = facts.case.order.placed_at;
    let is_cancelling = facts.statuses.tag(to) == Some(Tag::Cancelled);
    let mut case = facts.case.clone();
    if !is_cancelling {
        // One that comes back needs what it held before anything else is answered (2.7).
        hold_again(&mut case);
    }
    let facts = ChangingFacts { case: &case, ..*facts };
    rehearse(&facts, is_cancelling, |facts, ids| change_status(facts, &command, ids, now))
}

/// Every operation that a rule would ask for, in order, if all of them succeed. Empty when it refuses.
/// A new amount that was not sent yet will not be asked for when the reservation goes back
/// (`is_cancelling`).
pub(crate) fn rehearse(
    facts: &ChangingFacts<'_>,
    is_cancelling: bool,
    rule: impl Fn(&ChangingFacts<'_>, &mut Ids) -> Result<Decision, Refusal>,
) -> Vec<(PaymentId, OperationKind, i64)> {
    let mut ids = REHEARSAL_IDS;
    let at_once = rule(facts, &mut ids).map_or_else(|_refused| Vec::new(), |one| requested(&one));
    let now = facts.case.order.placed_at;
    // Captures that only wait for an answer are asked for by whichever command comes first.
    let quiet = Rulebook { capture_mode: CaptureMode::OnCompleted, ..facts.rulebook.clone() };
    let unasked = ChangingFacts { rulebook: &quiet, ..*facts };
    let (case, given_back) = once_answered(&unasked, is_cancelling, &mut ids);
    let facts = ChangingFacts { case: &case, ..*facts };
    let Ok(mut decision) = rule(&facts, &mut ids) else {
        return Vec::new();
    };
    let mut plan = if is_cancelling { given_back } else { Vec::new() };
    plan.extend(requested(&decision));
    let mut open = std::mem::take(&mut decision.effects);
    while let Some(effect) = open.pop() {
        let rehearsed = ChangingFacts { case: &decision.case, ..facts };
        let outcome = success(effect.operation.amount_minor);
        let next = record(&rehearsed, effect.operation.id, &outcome, &mut ids, now);
        plan.extend(requested(&next));
        open.extend(next.effects.iter().cloned());
        decision = next;
    }
    put_in_amounts(&mut plan, &at_once);
    plan
}

/// A new amount that nobody was asked for yet counts as agreed to in a rehearsal. Where the rule asks for
/// another one instead, that is told; and what is to hold nothing has nothing to give back.
fn put_in_amounts(
    plan: &mut Vec<(PaymentId, OperationKind, i64)>,
    at_once: &[(PaymentId, OperationKind, i64)],
) {
    for (place, step) in at_once.iter().enumerate() {
        let (payment, kind, amount_minor) = *step;
        if kind != OperationKind::UpdateAmount || plan.contains(step) {
            continue;
        }
        let gives_back = |kind| matches!(kind, OperationKind::Void | OperationKind::Release);
        plan.retain(|later| amount_minor > 0 || later.0 != payment || !gives_back(later.1));
        plan.insert(place.min(plan.len()), *step);
    }
}

/// The case as it is once every reservation that is being asked about is confirmed as stated, every
/// new amount that will be asked for is agreed to, and every capture of the order that is under way
/// has succeeded; and what is asked for on the way there.
fn once_answered(
    facts: &ChangingFacts<'_>,
    is_cancelling: bool,
    ids: &mut Ids,
) -> (Case, Vec<(PaymentId, OperationKind, i64)>) {
    let mut case = facts.case.clone();
    let mut asked = Vec::new();
    while let Some((operation, amount_minor)) = awaited(&case, is_cancelling) {
        let rehearsed = ChangingFacts { case: &case, ..*facts };
        let outcome = success(amount_minor);
        let next = record(&rehearsed, operation, &outcome, ids, facts.case.order.placed_at);
        asked.extend(requested(&next));
        case = next.case;
    }
    (case, asked)
}

fn awaited(case: &Case, is_cancelling: bool) -> Option<(i64, i64)> {
    let is_awaited = |payment: &Payment, operation: &Operation| match operation.kind {
        OperationKind::Authorize => {
            // What was let go of unconfirmed is nobody's business here.
            payment.awaits_authorization() && payment.is_held_by(case.order.number)
        }
        OperationKind::Capture => operation.order == case.order.number,
        OperationKind::UpdateAmount => !is_cancelling || operation.state.is_in_flight(),
        // A completed order gives back what turns out to be held, as the cancelling would.
        _ => is_cancelling && operation.id >= REHEARSAL_IDS.0,
    };
    case.payments.iter().find_map(|payment| {
        let mut claimed = payment.operations.iter().filter(|one| one.state.is_claimed());
        let found = claimed.find(|operation| is_awaited(payment, operation))?;
        Some((found.id, found.amount_minor))
    })
}

fn hold_again(case: &mut Case) {
    let order = case.order.number;
    for payment in &mut case.payments {
        for holder in payment.holders.iter_mut().filter(|holder| holder.order == order) {
            holder.is_live = true;
        }
    }
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

pub(crate) fn is_usable(payment: &Payment, order: OrderNumber) -> bool {
    payment.is_held_by(order) && bound_elsewhere(payment, order).is_none()
}

fn capturable(payment: &Payment, order: OrderNumber) -> i64 {
    if !payment.awaits_authorization() {
        return payment.available();
    }
    let amounts = payment.claimed_updates().map(|operation| operation.amount_minor);
    amounts.fold(stated(payment, order), i64::min)
}

/// What was stated for the order when the payment was attached.
pub(crate) fn stated(payment: &Payment, order: OrderNumber) -> i64 {
    let holder = payment.holders.iter().find(|holder| holder.order == order);
    holder.map_or(0, |holder| holder.amount_minor)
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
pub(crate) fn has_declined_capture(payment: &Payment, order: OrderNumber) -> bool {
    payment
        .operations
        .iter()
        .rfind(|operation| operation.order == order && operation.kind == OperationKind::Capture)
        .is_some_and(|operation| operation.state == OperationState::Declined)
}
