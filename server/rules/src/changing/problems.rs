//! Problems: opened with the provider's reason, closed when their cause is gone (2.5).

use super::{ChangingFacts, label, planning};
use crate::accounting;
use crate::attention::{is_of_no_more, look_away, refunded_since};
use crate::decision::Case;
use crate::delivering::owed_for_deliveries;
use crate::draft::{About, Draft};
use crate::editing::adjusting;
use crate::expiring;
use crate::labels;
use crate::mail;
use crate::order::{Micros, Problem};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId, captured,
    is_fully_captured, left_to_capture, order_sums,
};
use crate::refusals::{Code, Refusal};
use crate::shop::CaptureMode;
use crate::statuses::Tag;

/// Opened because the order's total is not held.
pub(crate) const fn is_about_cover(code: Code) -> bool {
    matches!(
        code,
        Code::AuthorizationDeclined
            | Code::ReservationExpired
            | Code::ReservationGone
            | Code::PaymentInsufficient
            | Code::PaymentPending
            | Code::DuplicateAlreadyCaptured
    )
}

/// Opened because nothing can be sent to the integration.
pub(crate) const fn is_hold(code: Code) -> bool {
    matches!(
        code,
        Code::IntegrationDisabled
            | Code::IntegrationUnauthorized
            | Code::IntegrationUnusable
            | Code::OperationDelayed
    )
}

/// The problem that an operation waits for its integration, told once; another cause takes its place.
/// One that may have been done already is told as that.
pub(super) fn open_held(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    (code, reason): (Code, &str),
) {
    if !is_unsent(operation) {
        return;
    }
    let id = Some(operation.id);
    draft
        .close_problems(|known| is_hold(known.code) && known.operation == id && known.code != code);
    let mut open = draft.case.order.problems.iter().filter(|known| known.closed_at.is_none());
    if open.any(|known| known.code == code && known.operation == id) {
        return;
    }
    let provider = draft.payment(payment).map(|known| known.provider.0.clone()).unwrap_or_default();
    let details = vec![("provider", provider), ("provider_reason", reason.to_owned())];
    draft.open_another_problem(code, About { payment: Some(payment), operation: id }, details);
}

/// The details with the system's words, where there are any.
pub(crate) fn with_reason(
    mut details: Vec<(&'static str, String)>,
    reason: &str,
) -> Vec<(&'static str, String)> {
    if !reason.is_empty() {
        details.push(("provider_reason", reason.to_owned()));
    }
    details
}

/// The problem behind a change that could not go on, unless one already says it.
pub(super) fn open_shortage(draft: &mut Draft<'_>, refusal: Refusal) {
    let is_known = |problem: &Problem| problem.closed_at.is_none() && is_about_cover(problem.code);
    if !draft.case.order.problems.iter().any(is_known) {
        draft.open_problem(refusal.code, About::default(), refusal.details);
    }
}

/// The problem of a reservation that turned out smaller than the total, once all have answered.
pub(crate) fn open_if_insufficient(draft: &mut Draft<'_>) {
    if planning::awaits_authorization(&draft.case) {
        return;
    }
    let left = left_to_capture(&draft.case.order, &draft.case.payments);
    if let Err(refusal) = planning::plan_captures(&draft.case, left)
        && refusal.code == Code::PaymentInsufficient
    {
        open_shortage(draft, refusal);
    }
}

/// Reservations that ended under another order's name: this order hears of each once.
pub(super) fn open_for_lost_reservations(draft: &mut Draft<'_>) {
    if planning::is_covered(&draft.case) {
        return;
    }
    let order = &draft.case.order;
    let is_told = |payment: PaymentId| {
        order
            .problems
            .iter()
            .any(|problem| problem.payment == Some(payment) && is_about_cover(problem.code))
    };
    let lost: Vec<(PaymentId, Code)> = draft
        .case
        .payments
        .iter()
        .filter(|payment| payment.is_held_by(order.number) && !is_told(payment.id))
        .filter_map(|payment| lost_code(payment.authorization).map(|code| (payment.id, code)))
        .collect();
    for (payment, code) in lost {
        draft.open_problem(code, About { payment: Some(payment), operation: None }, Vec::new());
    }
}

/// The problem of a reservation that has ended, where the order needs it.
pub(crate) fn open_if_lost(draft: &mut Draft<'_>, payment: PaymentId) {
    let order = draft.case.order.number;
    let lost = draft.payment(payment).filter(|known| known.is_held_by(order));
    let Some(code) = lost.and_then(|known| lost_code(known.authorization)) else { return };
    let mut open = draft.case.order.problems.iter().filter(|known| known.closed_at.is_none());
    let is_told = open.any(|known| known.payment == Some(payment) && is_about_cover(known.code));
    if !is_told && !planning::is_covered(&draft.case) {
        let about = About { payment: Some(payment), operation: None };
        draft.open_problem(code, about, Vec::new());
    }
}

/// A cancelled order needs neither money nor goods.
pub(super) fn close_those_of_a_cancelled(draft: &mut Draft<'_>) {
    draft.close_problems(|problem| {
        is_about_cover(problem.code)
            || matches!(problem.code, Code::CaptureDeclined | Code::Oversold)
    });
}

/// An order that is back needs both again (2.7): what its cancellation closed is open again where the
/// cause is as it was, and what ended meanwhile is told.
pub(super) fn open_again(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    cancelled_at: Option<Micros>,
) {
    let problems = draft.case.order.problems.iter();
    let closed_then =
        problems.filter(|one| one.closed_at.is_some() && one.closed_at == cancelled_at);
    let closed: Vec<Problem> = closed_then.cloned().collect();
    let known = |draft: &Draft<'_>, problem: &Problem| {
        let mut open = draft.case.order.problems.iter().filter(|one| one.closed_at.is_none());
        open.any(|one| one.code == problem.code && one.payment == problem.payment)
    };
    for problem in &closed {
        if !known(draft, problem) && is_as_it_was(facts, draft, problem) {
            draft.open_problem_again(problem);
        }
    }
    let payments: Vec<PaymentId> = draft.case.payments.iter().map(|payment| payment.id).collect();
    for payment in payments {
        open_if_lost(draft, payment);
    }
    open_if_insufficient(draft);
}

fn is_as_it_was(facts: &ChangingFacts<'_>, draft: &Draft<'_>, problem: &Problem) -> bool {
    let case = &draft.case;
    let left = left_to_capture(&case.order, &case.payments);
    match (problem.code, problem.payment) {
        (Code::Oversold, _) => is_still_oversold(facts, draft, problem),
        (code, _) if !is_about_cover(code) => false,
        (code, Some(id)) => {
            let payment = case.payments.iter().find(|known| known.id == id);
            let lost = payment.and_then(|known| lost_code(known.authorization));
            lost == Some(code) && !planning::is_covered(case)
        }
        (code, None) => {
            let refusal = planning::plan_captures(case, left).err();
            refusal.is_some_and(|refusal| refusal.code == code)
        }
    }
}

/// Closes every problem whose cause is gone.
pub(crate) fn close_those_over(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>) {
    let over: Vec<i64> = draft
        .case
        .order
        .problems
        .iter()
        .filter(|problem| match problem.code {
            Code::Oversold => !is_still_oversold(facts, draft, problem),
            _ => is_over(facts, &draft.case, problem),
        })
        .map(|problem| problem.id)
        .collect();
    let known = unknown_no_more(draft, &over);
    draft.close_problems(|problem| over.contains(&problem.id));
    for payment in known {
        look_away(draft, payment);
    }
}

/// The payments of operations that were unknown and are under way again. What has ended has said itself
/// whether anybody is needed.
fn unknown_no_more(draft: &Draft<'_>, over: &[i64]) -> Vec<PaymentId> {
    let is_open = |problem: &Problem| {
        let payment = problem.payment.and_then(|id| draft.payment(id));
        let operation = problem.operation.and_then(|id| payment?.operation(id));
        operation.is_some_and(|operation| operation.state.is_claimed())
    };
    let problems = draft.case.order.problems.iter().filter(|problem| over.contains(&problem.id));
    let unknown = problems.filter(|problem| problem.code == Code::OutcomeUnknown);
    unknown.filter(|problem| is_open(problem)).filter_map(|problem| problem.payment).collect()
}

/// The problem that a reservation in this state is to an order that needs it.
pub(super) const fn lost_code(authorization: Authorization) -> Option<Code> {
    match authorization {
        Authorization::Declined => Some(Code::AuthorizationDeclined),
        Authorization::Expired => Some(Code::ReservationExpired),
        Authorization::Voided => Some(Code::ReservationGone),
        Authorization::Pending | Authorization::Held => None,
    }
}

fn is_over(facts: &ChangingFacts<'_>, case: &Case, problem: &Problem) -> bool {
    let order = &case.order;
    let payment = problem.payment.and_then(|id| case.payments.iter().find(|known| known.id == id));
    let is_cancelled = facts.statuses.tag(order.status) == Some(Tag::Cancelled);
    match problem.code {
        Code::CaptureDeclined => {
            order.gross_minor == 0
                || is_fully_captured(order, &case.payments)
                || is_made_good(facts, case, problem)
        }
        Code::VoidDeclined | Code::ReleaseDeclined => {
            payment.is_none_or(|payment| is_let_go(payment, case))
        }
        Code::RefundDeclined => {
            let sums = order_sums(order.number, &case.payments);
            (sums.claimed_refund == 0 && sums.refundable() == 0)
                || is_repaid(problem, payment)
                || is_of_a_cancellation_no_more(case, problem, payment)
        }
        Code::RefundReversed => {
            is_repaid(problem, payment) || is_of_a_cancellation_no_more(case, problem, payment)
        }
        Code::AmountUpdateDeclined => {
            is_fully_captured(order, &case.payments)
                || order.completed_at.is_some()
                || payment.is_none_or(|payment| adjusting::is_as_needed(case, payment))
        }
        Code::OutcomeUnknown => !is_still_unknown(problem, payment),
        Code::ReservationExpiring => expiring::is_over(order, &case.payments, problem),
        code if is_hold(code) => {
            !still_waits(problem, payment)
                && !accounting::is_awaited(order, problem)
                && !labels::still_waits(order, problem)
                && !mail::still_waits(order, problem)
        }
        code if is_about_cover(code) => {
            left_to_capture(order, &case.payments) == 0
                || (!is_cancelled && planning::is_covered(case))
        }
        _ => false,
    }
}

/// Captured per delivery: whether what was declined, and all that is delivered, is captured since (6.2).
fn is_made_good(facts: &ChangingFacts<'_>, case: &Case, problem: &Problem) -> bool {
    let order = &case.order;
    let owed = owed_for_deliveries(order);
    if facts.rulebook.capture_mode != CaptureMode::PerDelivery || owed == 0 {
        return false;
    }
    let captures = || {
        case.payments.iter().flat_map(|payment| &payment.operations).filter(|operation| {
            operation.order == order.number && operation.kind == OperationKind::Capture
        })
    };
    let Some(asked) = captures().find(|operation| Some(operation.id) == problem.operation) else {
        return false;
    };
    let before = captures()
        .filter(|one| one.id < asked.id && one.state == OperationState::Succeeded)
        .fold(0_i64, |sum, one| sum.saturating_add(one.amount_minor));
    let wanted = before.saturating_add(asked_of(problem, asked));
    order_sums(order.number, &case.payments).captured >= wanted
        && captured(order, &case.payments) >= owed
}

/// What was asked for: of one that came short the ledger holds what it did, the problem what was asked.
pub(crate) fn asked_of(problem: &Problem, operation: &Operation) -> i64 {
    let asked_minor = problem.details.iter().find(|(key, _)| key == "asked_minor");
    asked_minor.and_then(|(_, value)| value.parse().ok()).unwrap_or(operation.amount_minor)
}

/// Whether nothing is reserved that this order should give back.
fn is_let_go(payment: &Payment, case: &Case) -> bool {
    if payment.is_held_beside(case.order.number) {
        return true;
    }
    let sums = payment.sums();
    let is_rest_automatic = sums.captured > 0 && !payment.capabilities.can_release;
    sums.claimed_release == 0
        && sums.claimed_capture == 0
        && payment.authorization != Authorization::Pending
        && (payment.available() == 0 || is_rest_automatic)
}

/// Whether what was declined has been paid back since (4.6).
fn is_repaid(problem: &Problem, payment: Option<&Payment>) -> bool {
    let declined = payment.and_then(|payment| payment.operation(problem.operation?));
    payment.zip(declined).is_some_and(|(payment, declined)| {
        let since = refunded_since(payment, declined, |state| state == OperationState::Succeeded);
        let is_short = declined.state == OperationState::Succeeded;
        let own = if is_short { declined.amount_minor } else { 0 };
        own.saturating_add(since) >= asked_of(problem, declined)
    })
}

/// Whether the refund was of a cancellation that was given up.
fn is_of_a_cancellation_no_more(case: &Case, problem: &Problem, payment: Option<&Payment>) -> bool {
    let refund = payment.and_then(|payment| payment.operation(problem.operation?));
    refund.is_some_and(|refund| is_of_no_more(case, refund))
}

/// Whether the operation of a problem has not got to its system.
fn still_waits(problem: &Problem, payment: Option<&Payment>) -> bool {
    let operation = problem.operation.and_then(|id| payment?.operation(id));
    operation.is_some_and(is_unsent)
}

/// As far as the ledger knows.
fn is_unsent(operation: &Operation) -> bool {
    matches!(operation.state, OperationState::Pending | OperationState::Sent)
}

/// Whether goods have still to leave that the shelf, after this decision, does not have (9.4).
fn is_still_oversold(facts: &ChangingFacts<'_>, draft: &Draft<'_>, problem: &Problem) -> bool {
    let skus = problem.details.iter().find(|(key, _)| key == "skus");
    // A sku may have a comma of its own.
    let named = skus.map(|(_, skus)| format!(",{skus},")).unwrap_or_default();
    draft.case.order.lines.iter().any(|line| {
        let item = facts.items.get(&line.sku);
        let moved = draft.movements.iter().filter(|movement| movement.sku == line.sku);
        let on_hand = item.map(|item| {
            moved.fold(item.on_hand, |sum, movement| sum.saturating_add(movement.quantity))
        });
        label::units_out(line) > 0
            && on_hand.is_some_and(|on_hand| on_hand < 0)
            && named.contains(&format!(",{},", line.sku))
    })
}

fn is_still_unknown(problem: &Problem, payment: Option<&Payment>) -> bool {
    problem
        .operation
        .and_then(|id| payment.and_then(|payment| payment.operation(id)))
        .is_some_and(|operation| operation.state == OperationState::Unknown)
}
