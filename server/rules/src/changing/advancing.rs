//! The next step of a pending change, from the ledger's facts alone: so it can be taken up again at
//! any time, by whoever records what the last step came to.

use std::cmp::Reverse;

use super::{ChangingFacts, is_gating, label, planning, problems};
use crate::decision::Case;
use crate::delivering::left_of_deliveries;
use crate::draft::Draft;
use crate::editing::adjusting;
use crate::order::{DeliveryState, OrderKind};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId, is_fully_captured,
    left_to_capture,
};
use crate::refusals::{Code, Refusal};
use crate::shop::CaptureMode;
use crate::statuses::Tag;

/// What to do about a reservation whose return was declined before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Declined {
    /// A person asked again.
    IsTriedAgain,
    StaysDeclined,
}

enum Progress {
    /// The money has moved: the label may.
    Done,
    /// An answer is awaited.
    Waits,
    /// The total is not held any more.
    Stuck(Refusal),
}

/// A reservation to give back.
enum LettingGo {
    /// With a void, or a release where something was captured.
    Request(PaymentId, OperationKind, i64),
    /// Not before the provider has said what it holds.
    Wait,
}

/// Takes the pending change as far as it goes in this turn; without one, the captures of deliveries.
pub(crate) fn advance(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>) {
    let Some(pending) = draft.case.order.pending.clone() else {
        return capture_deliveries(facts, draft);
    };
    let is_sale = draft.case.order.kind == OrderKind::Sale;
    let progress = match facts.statuses.tag(pending.to) {
        Some(Tag::Completed) if is_sale => complete(draft),
        Some(Tag::Cancelled) if is_sale => {
            adjusting::take_back_unsent(draft);
            cancel(draft)
        }
        _ => Progress::Done,
    };
    match progress {
        Progress::Waits => {}
        Progress::Done => label::move_label(facts, draft, &pending),
        Progress::Stuck(refusal) => {
            problems::open_shortage(draft, refusal);
            label::drop_pending(facts, draft);
            capture_deliveries(facts, draft);
        }
    }
}

/// Gives back what is reserved and nobody needs: no live order holds it, or only this one, which
/// has all its money (2.2, 6.2, 7.3). Nothing waits for this.
pub(super) fn free_unneeded(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>, declined: Declined) {
    let is_asked =
        |payment: &Payment| declined == Declined::IsTriedAgain || !was_return_declined(payment);
    for (payment, kind, amount_minor) in unneeded(facts, &draft.case, is_asked) {
        draft.request(payment, kind, amount_minor);
    }
}

/// Asks once more for the return of a reservation that nobody needs. False where there is nothing
/// to ask for.
pub(crate) fn free_again(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    payment: PaymentId,
) -> bool {
    let found = unneeded(facts, &draft.case, |known| known.id == payment);
    for &(payment, kind, amount_minor) in &found {
        draft.request(payment, kind, amount_minor);
    }
    !found.is_empty()
}

/// How to give back each reservation that is asked about and nobody needs.
fn unneeded(
    facts: &ChangingFacts<'_>,
    case: &Case,
    is_asked: impl Fn(&Payment) -> bool,
) -> Vec<(PaymentId, OperationKind, i64)> {
    let order = &case.order;
    let is_settled = is_settled(facts, case);
    case.payments
        .iter()
        .filter(|payment| !payment.is_held_beside(order.number))
        .filter(|payment| is_settled || !payment.is_held_by(order.number))
        .filter(|payment| is_asked(payment))
        .filter_map(|payment| match let_go(payment) {
            Some(LettingGo::Request(payment, kind, amount)) => Some((payment, kind, amount)),
            Some(LettingGo::Wait) | None => None,
        })
        .collect()
}

/// Completed, or captured per delivery with nothing left to deliver; and every capture has succeeded.
fn is_settled(facts: &ChangingFacts<'_>, case: &Case) -> bool {
    let order = &case.order;
    let is_delivered = facts.rulebook.capture_mode == CaptureMode::PerDelivery
        && order.delivery_state() == DeliveryState::Delivered;
    order.kind == OrderKind::Sale
        && order.pending.is_none()
        && (order.completed_at.is_some() || is_delivered)
        && left_to_capture(order, &case.payments) == 0
        && !has_claimed(case, |operation| operation.kind == OperationKind::Capture)
}

/// 2.2: the whole total.
fn complete(draft: &mut Draft<'_>) -> Progress {
    capture(draft, |case| left_to_capture(&case.order, &case.payments))
}

/// 6.2: what deliveries are owed, where the shop captures so. After a decline the next delivery tries
/// again, or COMPLETED does.
fn capture_deliveries(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>) {
    let order = &draft.case.order;
    let is_per_delivery =
        facts.rulebook.capture_mode == CaptureMode::PerDelivery && order.kind == OrderKind::Sale;
    if !is_per_delivery || was_declined_since_delivery(&draft.case) {
        return;
    }
    match capture(draft, left_of_deliveries) {
        Progress::Stuck(refusal) => problems::open_shortage(draft, refusal),
        Progress::Waits | Progress::Done => {}
    }
}

/// Whether the last capture was asked for after the last delivery was recorded, and was declined or
/// came short.
fn was_declined_since_delivery(case: &Case) -> bool {
    let order = &case.order;
    let standing = order.deliveries.iter().filter(|delivery| delivery.cancelled_at.is_none());
    let last_delivery = standing.map(|delivery| delivery.recorded_at).max();
    let captures = case.payments.iter().flat_map(|payment| &payment.operations).filter(|one| {
        one.order == order.number
            && one.kind == OperationKind::Capture
            && one.state != OperationState::Withdrawn
    });
    captures.max_by_key(|capture| capture.id).is_some_and(|last| {
        // Closed or not: that a person has seen it asks for nothing.
        let came_short = order.problems.iter().any(|problem| {
            problem.code == Code::CaptureDeclined && problem.operation == Some(last.id)
        });
        last_delivery.is_none_or(|recorded_at| last.requested_at >= recorded_at)
            && (last.state == OperationState::Declined || came_short)
    })
}

/// One capture at a time, the next only when the last has succeeded.
fn capture(draft: &mut Draft<'_>, left: impl Fn(&Case) -> i64) -> Progress {
    loop {
        if has_claimed(&draft.case, |operation| operation.kind == OperationKind::Capture) {
            return Progress::Waits;
        }
        let left = left(&draft.case);
        if left == 0 {
            return Progress::Done;
        }
        if planning::awaits_authorization(&draft.case) {
            return Progress::Waits;
        }
        match planning::plan_captures(&draft.case, left) {
            Err(refusal) => return Progress::Stuck(refusal),
            Ok(plan) => {
                let Some(&(payment, amount)) = plan.first() else { return Progress::Done };
                draft.request(payment, OperationKind::Capture, amount);
            }
        }
    }
}

/// 2.3: refunds first, then one reservation after the other is given back.
fn cancel(draft: &mut Draft<'_>) -> Progress {
    if is_fully_captured(&draft.case.order, &draft.case.payments) {
        return Progress::Done;
    }
    loop {
        if has_claimed(&draft.case, is_gating) {
            return Progress::Waits;
        }
        if let Some((payment, amount)) = next_refund(&draft.case) {
            draft.request(payment, OperationKind::Refund, amount);
            continue;
        }
        match next_to_let_go(&draft.case) {
            Some(LettingGo::Request(payment, kind, amount)) => draft.request(payment, kind, amount),
            Some(LettingGo::Wait) => return Progress::Waits,
            None => return Progress::Done,
        }
    }
}

fn has_claimed(case: &Case, is_counted: impl Fn(&Operation) -> bool) -> bool {
    case.payments.iter().flat_map(|payment| &payment.operations).any(|operation| {
        operation.order == case.order.number
            && is_counted(operation)
            && operation.state.is_claimed()
    })
}

/// The newest capture is undone first.
fn next_refund(case: &Case) -> Option<(PaymentId, i64)> {
    let order = case.order.number;
    case.payments
        .iter()
        .map(|payment| (payment, payment.sums_for(order).refundable()))
        .filter(|&(_, refundable)| refundable > 0)
        .max_by_key(|(payment, _)| {
            let captures = payment.operations.iter().filter(|operation| {
                operation.order == order && operation.kind == OperationKind::Capture
            });
            captures.map(|operation| operation.id).max()
        })
        .map(|(payment, refundable)| (payment.id, refundable))
}

/// Manual last, so that nothing is settled by hand before the providers have agreed.
fn next_to_let_go(case: &Case) -> Option<LettingGo> {
    let order = case.order.number;
    let mut own: Vec<&Payment> = case
        .payments
        .iter()
        .filter(|payment| payment.is_held_by(order) && !payment.is_held_beside(order))
        .collect();
    own.sort_by_key(|payment| {
        (payment.capabilities.is_manual, Reverse(payment.capabilities.decline_rank))
    });
    own.into_iter().find_map(let_go)
}

/// How to give this reservation back, or `None` when it holds nothing.
fn let_go(payment: &Payment) -> Option<LettingGo> {
    if payment.awaits_authorization() || payment.claimed_updates().next().is_some() {
        return Some(LettingGo::Wait);
    }
    let amount = payment.available();
    if payment.authorization != Authorization::Held || amount == 0 {
        return None;
    }
    let sums = payment.sums();
    if sums.captured == 0 && sums.claimed_capture == 0 {
        return Some(LettingGo::Request(payment.id, OperationKind::Void, amount));
    }
    payment.capabilities.can_release.then_some(LettingGo::Request(
        payment.id,
        OperationKind::Release,
        amount,
    ))
}

fn was_return_declined(payment: &Payment) -> bool {
    payment.operations.iter().any(|operation| {
        matches!(operation.kind, OperationKind::Release | OperationKind::Void)
            && operation.state == OperationState::Declined
    })
}
