//! What needs a person (2.5, 4.6, 11.2): a problem is dismissed, an operation is tried again, or
//! somebody who looked says what became of it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::accounting;
use crate::changing::{
    ChangingFacts, Outcome, asked_of, check_nothing_pending, finish, free_again, is_about_cover,
    is_hold, record,
};
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::Draft;
use crate::labels;
use crate::order::{Micros, Order, OrderNumber, Problem};
use crate::payments::{
    Operation, OperationKind, OperationState, Payment, PaymentId, is_fully_captured,
};
use crate::refusals::{Code, Refusal, Violation};

/// What stands where a provider's own words would, when a person said it.
pub const BY_HAND: &str = "by hand";

/// What a person saw at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Happened {
        /// What was really moved, in minor units; `None`: what was asked for.
        amount_minor: Option<i64>,
    },
    /// It did not, and will not.
    DidNotHappen,
}

/// What trying again comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub decision: Decision,
    /// The operation whose effect is due now, with the key it has. `None`: it was asked for anew.
    pub hastened: Option<i64>,
}

/// Closes a problem that no event of the shop will close. What waits to go to accounting or to a
/// carrier, or of which nobody knows whether it did, is given up with its problem.
///
/// # Errors
/// `PROBLEM_NOT_FOUND` when it is not open, `PROBLEM_NOT_DISMISSIBLE` while money is in doubt or the
/// total is not held.
pub fn dismiss(
    facts: &ChangingFacts<'_>,
    problem_id: i64,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    let open = draft
        .case
        .order
        .problems
        .iter_mut()
        .find(|problem| problem.id == problem_id && problem.closed_at.is_none());
    let Some(problem) = open else {
        return Err(Refusal::new(Code::ProblemNotFound).with("problem", problem_id));
    };
    let is_held = is_hold(problem.code) && problem.payment.is_some();
    if problem.code == Code::OutcomeUnknown || is_about_cover(problem.code) || is_held {
        return Err(Refusal::new(Code::ProblemNotDismissible).with("code", problem.code.name()));
    }
    problem.closed_at = Some(now);
    let about = problem.payment.filter(|_| is_told_by_provider(problem.code));
    let dismissed = problem.clone();
    draft.changes.push(Change::ProblemDismissed { problem: problem_id });
    if let Some(payment) = about {
        look_away(&mut draft, payment);
    }
    accounting::give_up(&mut draft, &dismissed);
    labels::give_up(&mut draft, &dismissed);
    Ok(draft.finish())
}

/// Opened because of what a provider said by itself.
const fn is_told_by_provider(code: Code) -> bool {
    matches!(code, Code::RefundReversed | Code::ChangedAtProvider)
}

/// Whether something is open about a payment that a person has to look at, apart from what is known
/// of this operation by now.
pub(crate) fn is_watched(order: &Order, payment: &Payment, known: Option<i64>) -> bool {
    let is_open = |problem: &Problem| {
        problem.closed_at.is_none()
            && problem.payment == Some(payment.id)
            && (is_told_by_provider(problem.code) || problem.code == Code::LedgerDiffers)
    };
    order.problems.iter().any(is_open)
        || payment
            .operations
            .iter()
            .any(|one| one.state == OperationState::Unknown && Some(one.id) != known)
}

/// The payment needs nobody any more, unless something else about it does.
pub(crate) fn look_away(draft: &mut Draft<'_>, payment: PaymentId) {
    let order = &draft.case.order;
    let is_over = draft.payment(payment).is_some_and(|known| !is_watched(order, known, None));
    if is_over {
        draft.set_attention(payment, false);
    }
}

/// Tries an operation again (4.6): one that waits is due now with its key, one that is unknown is
/// looked up now; a refund or a release that was declined, and what a refund came short of, is a new
/// operation.
///
/// # Errors
/// `OPERATION_NOT_FOUND`, `OPERATION_FINAL`, `EFFECT_NOT_RETRYABLE` for a declined operation that a
/// command of its own asks for again, `STATUS_CHANGE_PENDING` for one to be asked for anew.
pub fn retry(
    facts: &ChangingFacts<'_>,
    operation_id: i64,
    ids: &mut Ids,
    now: Micros,
) -> Result<Retry, Refusal> {
    if let Some(decided) = accounting::retry(facts.case, operation_id, ids, now) {
        let decision = decided?;
        let is_anew = !decision.transfers.is_empty();
        return Ok(Retry { decision, hastened: (!is_anew).then_some(operation_id) });
    }
    let (payment, operation) = own_operation(facts.case, operation_id)?;
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    draft.changes.push(settled(payment.id, operation, false));
    if operation.state.is_claimed() {
        return Ok(Retry { decision: draft.finish(), hastened: Some(operation_id) });
    }
    if operation.state != OperationState::Declined && short_minor(&facts.case.order, operation) == 0
    {
        return Err(is_final(operation));
    }
    let not_retryable = || Refusal::new(Code::EffectNotRetryable).with("operation", operation_id);
    let is_asked = match operation.kind {
        OperationKind::Refund => {
            check_nothing_pending(&facts.case.order)?;
            let amount_minor = still_owed(facts.case, payment, operation);
            if amount_minor > 0 {
                request_refund(&mut draft, payment.id, operation, amount_minor);
            }
            amount_minor > 0
        }
        OperationKind::Release | OperationKind::Void => {
            check_nothing_pending(&facts.case.order)?;
            free_again(facts, &mut draft, payment.id)
        }
        OperationKind::Authorize
        | OperationKind::UpdateAmount
        | OperationKind::Capture
        | OperationKind::CaptureReversal => false,
    };
    if !is_asked {
        return Err(not_retryable());
    }
    Ok(Retry { decision: finish(facts, draft), hastened: None })
}

/// Writes what a person saw into the ledger, as if the provider had said it: what waits for it goes
/// on. A declined refund that was paid by hand becomes a new operation that succeeded, and one that
/// could not be asked for yet is asked for no more.
///
/// # Errors
/// `OPERATION_NOT_FOUND`, `OPERATION_NOT_SENT` while the provider has not been asked, but for a refund
/// that a problem says is held up, `EFFECT_PENDING` for money that is said not to have moved while its
/// answer is awaited, `OPERATION_FINAL`, `INVALID_REQUEST` for an amount above what was asked, and
/// `STATUS_CHANGE_PENDING` for a declined refund.
pub fn settle(
    facts: &ChangingFacts<'_>,
    operation_id: i64,
    verdict: Verdict,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let (payment, operation) = own_operation(facts.case, operation_id)?;
    match (operation.state, verdict) {
        (OperationState::Pending, _) if !is_refund_held_up(facts.case, operation) => {
            Err(Refusal::new(Code::OperationNotSent).with("operation", operation_id))
        }
        (_, Verdict::DidNotHappen) if is_awaited(facts.case, operation) => {
            Err(Refusal::new(Code::EffectPending).with("operation", operation_id))
        }
        (state, _) if state.is_claimed() => {
            settle_open(facts, payment, operation, verdict, (ids, now))
        }
        (
            OperationState::Declined | OperationState::Succeeded,
            Verdict::Happened { amount_minor },
        ) if operation.kind == OperationKind::Refund => {
            let owed_minor = still_owed(facts.case, payment, operation);
            if owed_minor == 0 {
                return Err(is_final(operation));
            }
            check_nothing_pending(&facts.case.order)?;
            let amount_minor = checked_amount(amount_minor, owed_minor)?;
            let mut draft = Draft::new(facts.case.clone(), ids, now);
            draft.changes.push(settled(payment.id, operation, true));
            pay_by_hand(&mut draft, payment.id, operation, amount_minor);
            Ok(finish(facts, draft))
        }
        _ => Err(is_final(operation)),
    }
}

/// A credit's refund belongs to no status change that could be taken back, so a person may pay what
/// its provider does not take.
fn is_refund_held_up(case: &Case, operation: &Operation) -> bool {
    operation.kind == OperationKind::Refund
        && case.order.problems.iter().any(|problem| {
            problem.closed_at.is_none()
                && is_hold(problem.code)
                && problem.operation == Some(operation.id)
        })
}

/// Money may be moving at this moment, and no problem says that it has taken too long: what nobody can
/// know yet, nobody can have seen. It would be moved twice.
fn is_awaited(case: &Case, operation: &Operation) -> bool {
    let is_told =
        |problem: &Problem| problem.closed_at.is_none() && problem.operation == Some(operation.id);
    matches!(operation.kind, OperationKind::Capture | OperationKind::Refund)
        && matches!(operation.state, OperationState::Sent | OperationState::Accepted)
        && !case.order.problems.iter().any(is_told)
}

/// Refunds asked for after this one was declined, for the same order and credit on the same
/// payment, in the states that count; in minor units.
pub(crate) fn refunded_since(
    payment: &Payment,
    declined: &Operation,
    is_counted: impl Fn(OperationState) -> bool,
) -> i64 {
    payment
        .operations
        .iter()
        .filter(|later| later.kind == OperationKind::Refund && later.id > declined.id)
        .filter(|later| later.order == declined.order && later.credit == declined.credit)
        .filter(|later| is_counted(later.state))
        .fold(0, |sum, later| sum.saturating_add(later.amount_minor))
}

/// What of a refund that was declined or came short was not asked for again, within what can be
/// refunded. Nothing of one that went with a cancellation which was given up since: the order is
/// paid for (2.3).
pub(crate) fn still_owed(case: &Case, payment: &Payment, declined: &Operation) -> i64 {
    match is_of_no_more(case, declined) {
        true => 0,
        false => missed_minor(&case.order, payment, declined),
    }
}

/// What refunds of this order on the payment have missed, and may be asked for again there.
pub(crate) fn owed_minor(case: &Case, payment: &Payment) -> i64 {
    let refunds = || {
        payment.operations.iter().filter(|operation| {
            operation.kind == OperationKind::Refund
                && operation.order == case.order.number
                && matches!(operation.state, OperationState::Declined | OperationState::Succeeded)
        })
    };
    // What was declined again is still owed once.
    let credits: BTreeSet<Option<OrderNumber>> = refunds().map(|refund| refund.credit).collect();
    let owed = credits.into_iter().map(|credit| {
        let of_credit = refunds().filter(|refund| refund.credit == credit);
        of_credit.map(|refund| still_owed(case, payment, refund)).max().unwrap_or_default()
    });
    owed.fold(0, i64::saturating_add)
}

/// The first refund of a credit that the customer has not got (4.6): it is under way, or what it
/// missed was not asked for again. Whether its problem was dismissed does not matter.
pub(crate) fn unfinished_refund<'a>(
    order: &Order,
    payments: &'a [Payment],
) -> Option<&'a Operation> {
    let is_unfinished = |payment: &Payment, refund: &Operation| match refund.state {
        OperationState::Declined | OperationState::Succeeded => {
            missed_minor(order, payment, refund) > 0
        }
        state => state.is_claimed(),
    };
    payments.iter().find_map(|payment| {
        payment.operations.iter().find(|operation| {
            operation.kind == OperationKind::Refund
                && operation.order == order.number
                && operation.credit.is_some()
                && is_unfinished(payment, operation)
        })
    })
}

/// What of a refund that was declined or came short was not asked for again, within what can be
/// refunded.
fn missed_minor(order: &Order, payment: &Payment, refund: &Operation) -> i64 {
    let again = refunded_since(payment, refund, OperationState::may_happen);
    let refundable = payment.sums_for(refund.order).refundable();
    let missed = match refund.state {
        OperationState::Succeeded => short_minor(order, refund),
        _ => refund.amount_minor,
    };
    missed.saturating_sub(again).min(refundable).max(0)
}

/// What a refund that succeeded fell short of what was asked, also where its problem was dismissed.
fn short_minor(order: &Order, refund: &Operation) -> i64 {
    let problem = order.problems.iter().rfind(|problem| {
        problem.code == Code::RefundDeclined && problem.operation == Some(refund.id)
    });
    let is_short =
        refund.kind == OperationKind::Refund && refund.state == OperationState::Succeeded;
    problem
        .filter(|_| is_short)
        .map_or(0, |problem| asked_of(problem, refund).saturating_sub(refund.amount_minor).max(0))
}

/// Whether the refund went with a cancellation that was given up, and the order was captured whole
/// all the same.
pub(crate) fn is_of_no_more(case: &Case, refund: &Operation) -> bool {
    refund.credit.is_none()
        && case.order.is_live()
        && is_fully_captured(&case.order, &case.payments)
}

fn settle_open(
    facts: &ChangingFacts<'_>,
    payment: &Payment,
    operation: &Operation,
    verdict: Verdict,
    (ids, now): (&mut Ids, Micros),
) -> Result<Decision, Refusal> {
    let outcome = match verdict {
        Verdict::Happened { amount_minor } => Outcome::Succeeded {
            amount_minor: checked_amount(amount_minor, operation.amount_minor)?,
            provider_reference: Some(BY_HAND.to_owned()),
            expires_at: None,
        },
        Verdict::DidNotHappen => {
            Outcome::Declined { code: Code::OutcomeUnknown, provider_reason: BY_HAND.to_owned() }
        }
    };
    let mut decision = record(facts, operation.id, &outcome, ids, now);
    decision.changes.insert(0, settled(payment.id, operation, true));
    // Somebody has looked, so nothing is in doubt; but it was not the provider who spoke (11.5).
    let mut is_over = false;
    if let Some(known) = decision.case.payments.iter_mut().find(|known| known.id == payment.id) {
        known.confirmed_at = payment.confirmed_at;
        known.confirmed_by = payment.confirmed_by;
        known.needs_attention = is_watched(&decision.case.order, known, None);
        is_over = payment.needs_attention && !known.needs_attention;
    }
    let updated = Change::PaymentUpdated { payment: payment.id };
    if is_over && !decision.changes.contains(&updated) {
        decision.changes.push(updated);
    }
    Ok(decision)
}

/// The same credit is paid out, under a new key.
pub(crate) fn request_refund(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    unpaid: &Operation,
    amount_minor: i64,
) {
    match unpaid.credit {
        Some(credit) => draft.request_refund(payment, amount_minor, credit),
        None => draft.request(payment, OperationKind::Refund, amount_minor),
    }
}

fn pay_by_hand(draft: &mut Draft<'_>, payment: PaymentId, declined: &Operation, amount_minor: i64) {
    let (now, id) = (draft.now, draft.ids.take());
    let Some(target) = draft.payment_mut(payment) else { return };
    target.operations.push(Operation {
        id,
        order: declined.order,
        kind: OperationKind::Refund,
        amount_minor,
        state: OperationState::Sent,
        requested_at: now,
        resolved_at: None,
        provider_reason: None,
        provider_reference: Some(BY_HAND.to_owned()),
        credit: declined.credit,
    });
    draft.resolve(payment, id, OperationState::Succeeded);
}

/// An operation for this order, with its payment.
fn own_operation(case: &Case, id: i64) -> Result<(&Payment, &Operation), Refusal> {
    case.payments
        .iter()
        .find_map(|payment| payment.operation(id).map(|operation| (payment, operation)))
        .filter(|(_, operation)| operation.order == case.order.number)
        .ok_or_else(|| Refusal::new(Code::OperationNotFound).with("operation", id))
}

/// The amount stated, or all of it.
fn checked_amount(stated_minor: Option<i64>, asked_minor: i64) -> Result<i64, Refusal> {
    match stated_minor {
        None => Ok(asked_minor),
        Some(stated_minor) if (1..=asked_minor).contains(&stated_minor) => Ok(stated_minor),
        Some(_) => Err(Refusal::fields(vec![Violation {
            field: "amount_minor".to_owned(),
            description: format!("must be from 1 to {asked_minor}, what was asked for"),
        }])),
    }
}

fn settled(payment: PaymentId, operation: &Operation, has_reason: bool) -> Change {
    Change::OperationSettled {
        payment,
        operation: operation.id,
        kind: operation.kind,
        amount_minor: operation.amount_minor,
        state: operation.state,
        has_reason,
    }
}

fn is_final(operation: &Operation) -> Refusal {
    Refusal::new(Code::OperationFinal).with("operation", operation.id)
}
