//! What an operation came to: the ledger first, then the change that waited for it.

use super::{ChangingFacts, advancing, finish, hearing, is_gating, label, problems};
use crate::attention::{is_watched, look_away, request_refund};
use crate::decision::{Decision, Ids};
use crate::draft::{About, Draft};
use crate::editing::adjusting;
use crate::order::{Micros, Problem};
use crate::payments::{
    Authorization, Confirmation, Operation, OperationKind, OperationState, PaymentId,
    left_to_capture,
};
use crate::refusals::Code;

/// What the provider, or a person who looked, says of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded {
        /// What was really moved or is really held, in minor units; of no meaning for a void or a
        /// release.
        amount_minor: i64,
        provider_reference: Option<String>,
        /// When the reservation ends; only of an authorization.
        expires_at: Option<Micros>,
    },
    /// Nothing was asked for: somebody else had done it at the provider, or a part of it. The rest is
    /// still to be done.
    FoundDone { amount_minor: i64, provider_reference: String },
    /// The provider has it and answers later.
    Accepted,
    /// Final. `RESERVATION_EXPIRED` and `RESERVATION_GONE` say what became of the reservation; any
    /// other code is told with the problem.
    Declined { code: Code, provider_reason: String },
    /// It is not known whether it happened; `reason` is what the provider said last, and empty where it
    /// said nothing.
    Unknown { reason: String },
    /// It waits until something is done about the integration, or for long already; `code` is the
    /// problem.
    Held { code: Code, reason: String },
    /// A capture that succeeded was undone by the provider (2.5).
    Reversed { amount_minor: i64 },
}

/// Writes an outcome into the ledger and takes the pending change further. `facts` are those of the
/// order that the operation is for. An outcome that was recorded before changes nothing; one that
/// contradicts it is left to a person.
///
/// Afterwards [`resume`] must be run for every other order that holds the payment.
#[must_use]
pub fn record(
    facts: &ChangingFacts<'_>,
    operation_id: i64,
    outcome: &Outcome,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let found = facts.case.payments.iter().find_map(|payment| {
        payment.operation(operation_id).map(|operation| (payment.id, operation))
    });
    let Some((payment, operation)) = found else {
        return Decision::unchanged(facts.case.clone());
    };
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    if operation.state.is_claimed() {
        apply(facts, &mut draft, payment, operation, outcome);
    } else {
        apply_late(&mut draft, payment, operation, outcome);
    }
    go_on(facts, draft)
}

/// What a change of a shared payment means for another order that hangs on it: its own pending
/// change goes on, a lost reservation becomes its problem, and a remainder that only it still held
/// is released. To be run for every other order of a payment that a turn changed or let go of.
#[must_use]
pub fn resume(facts: &ChangingFacts<'_>, ids: &mut Ids, now: Micros) -> Decision {
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    problems::open_for_lost_reservations(&mut draft);
    go_on(facts, draft)
}

/// What is known now comes first: a lower amount that nobody was asked for yet must not stand in the
/// way of a capture that needs it no longer.
pub(crate) fn go_on(facts: &ChangingFacts<'_>, mut draft: Draft<'_>) -> Decision {
    adjusting::review(&mut draft);
    advancing::advance(facts, &mut draft);
    finish(facts, draft)
}

fn apply(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    outcome: &Outcome,
) {
    match outcome {
        Outcome::Succeeded { amount_minor, provider_reference, expires_at } => {
            confirm(draft, payment, operation);
            edit(draft, payment, operation.id, |operation| {
                operation.provider_reference.clone_from(provider_reference);
            });
            if operation.kind == OperationKind::Authorize {
                authorize(draft, payment, operation.id, (*amount_minor, *expires_at));
            } else {
                succeed(facts, draft, payment, operation, *amount_minor);
            }
        }
        Outcome::FoundDone { amount_minor, provider_reference } => {
            confirm(draft, payment, operation);
            find_done(draft, payment, operation, (*amount_minor, provider_reference));
        }
        Outcome::Declined { code, provider_reason } => {
            confirm(draft, payment, operation);
            decline(facts, draft, payment, operation, (*code, provider_reason));
        }
        Outcome::Reversed { .. } => {
            confirm(draft, payment, operation);
            decline(facts, draft, payment, operation, (Code::CaptureReversed, ""));
        }
        Outcome::Accepted => wait_on(draft, payment, operation, OperationState::Accepted),
        Outcome::Held { code, reason } => {
            problems::open_held(draft, payment, operation, (*code, reason));
        }
        Outcome::Unknown { reason } => {
            wait_on(draft, payment, operation, OperationState::Unknown);
            // Past its time: the machine goes on looking, and a person is told once (11.2).
            if !is_told_unknown(draft, operation) {
                let about = About { payment: Some(payment), operation: Some(operation.id) };
                let details = problems::with_reason(Vec::new(), reason);
                draft.open_problem(Code::OutcomeUnknown, about, details);
                draft.set_needs_attention(payment);
            }
        }
    }
}

/// The operation was final already.
fn apply_late(draft: &mut Draft<'_>, payment: PaymentId, operation: &Operation, outcome: &Outcome) {
    let has_succeeded = operation.state == OperationState::Succeeded;
    match outcome {
        Outcome::Reversed { amount_minor }
            if has_succeeded && operation.kind == OperationKind::Capture =>
        {
            reverse(draft, payment, operation, (*amount_minor, ""));
        }
        Outcome::Succeeded { .. } | Outcome::FoundDone { .. } if !has_succeeded => {
            draft.set_needs_attention(payment);
        }
        Outcome::Succeeded { amount_minor, .. } | Outcome::FoundDone { amount_minor, .. }
            if is_other_amount(operation, *amount_minor) =>
        {
            draft.set_needs_attention(payment);
        }
        Outcome::Declined { code, .. } if has_succeeded && !was_gone(operation.kind, *code) => {
            draft.set_needs_attention(payment);
        }
        Outcome::Reversed { .. } if has_succeeded => draft.set_needs_attention(payment),
        Outcome::Succeeded { .. }
        | Outcome::FoundDone { .. }
        | Outcome::Declined { .. }
        | Outcome::Reversed { .. }
        | Outcome::Accepted
        | Outcome::Held { .. }
        | Outcome::Unknown { .. } => {}
    }
}

/// A person said another amount than the provider says now.
fn is_other_amount(operation: &Operation, amount_minor: i64) -> bool {
    matches!(operation.kind, OperationKind::Capture | OperationKind::Refund)
        && operation.amount_minor != amount_minor
}

/// The provider has spoken (11.5).
pub(super) fn confirm(draft: &mut Draft<'_>, payment: PaymentId, operation: &Operation) {
    let now = draft.now;
    let order = &draft.case.order;
    // What was sent again meanwhile is unknown no more, and was told as that all the same.
    let was_unknown =
        operation.state == OperationState::Unknown || is_told_unknown(draft, operation);
    let is_over = was_unknown
        && draft
            .payment(payment)
            .is_some_and(|known| !is_watched(order, known, Some(operation.id)));
    if let Some(payment) = draft.payment_mut(payment) {
        payment.confirmed_at = Some(now);
        payment.confirmed_by = Some(Confirmation::Operation);
        payment.needs_attention &= !is_over;
    }
}

/// A person was told that nobody knows what became of it.
fn is_told_unknown(draft: &Draft<'_>, operation: &Operation) -> bool {
    draft.case.order.problems.iter().any(|problem| {
        problem.code == Code::OutcomeUnknown
            && problem.operation == Some(operation.id)
            && problem.closed_at.is_none()
    })
}

fn wait_on(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    state: OperationState,
) {
    if operation.state != state {
        edit(draft, payment, operation.id, |operation| operation.state = state);
        draft.payment_updated(payment);
    }
}

fn authorize(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: i64,
    (amount_minor, expires_at): (i64, Option<Micros>),
) {
    draft.resolve(payment, operation, OperationState::Succeeded);
    let order = draft.case.order.number;
    let Some(target) = draft.payment_mut(payment) else { return };
    if target.authorization != Authorization::Pending {
        return;
    }
    target.authorization = Authorization::Held;
    target.authorized_minor = amount_minor.max(0);
    target.expires_at = expires_at;
    let is_held = target.is_held_by(order);
    draft.payment_updated(payment);
    if is_held {
        problems::open_if_insufficient(draft);
    }
}

fn succeed(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    amount_minor: i64,
) {
    let asked_minor = operation.amount_minor;
    let done_minor = match operation.kind {
        OperationKind::Capture | OperationKind::Refund => amount_minor.max(0),
        OperationKind::UpdateAmount => amount_minor.max(used_of(draft, payment)),
        _ => asked_minor,
    };
    edit(draft, payment, operation.id, |operation| operation.amount_minor = done_minor);
    draft.resolve(payment, operation.id, OperationState::Succeeded);
    if done_minor != asked_minor {
        draft.set_needs_attention(payment);
    }
    if done_minor < asked_minor && operation.kind != OperationKind::UpdateAmount {
        // Asking for the rest could go on for ever with a provider that always gives less.
        let about = About { payment: Some(payment), operation: Some(operation.id) };
        let details =
            vec![("asked_minor", asked_minor.to_string()), ("done_minor", done_minor.to_string())];
        let details = with_credit(operation, details);
        draft.open_problem(declined_code(operation.kind), about, details);
        if is_gating(operation) {
            label::drop_pending(facts, draft);
        }
    }
}

/// Somebody else has done it. A person hears of what is more than was to be done, and of all that was
/// paid back: nobody here knows what it was for.
fn find_done(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    (amount_minor, provider_reference): (i64, &str),
) {
    edit(draft, payment, operation.id, |operation| {
        operation.provider_reference = Some(provider_reference.to_owned());
        operation.amount_minor = amount_minor;
    });
    draft.resolve(payment, operation.id, OperationState::Succeeded);
    let is_told = |problem: &Problem| {
        problem.closed_at.is_none() && hearing::is_about(problem, payment, provider_reference)
    };
    if draft.case.order.problems.iter().any(is_told) {
        draft.close_problems(is_told);
        look_away(draft, payment);
    }
    if operation.kind == OperationKind::Refund {
        return find_refunded(draft, payment, operation, amount_minor);
    }
    if amount_minor > operation.amount_minor {
        draft.set_needs_attention(payment);
        let about = About { payment: Some(payment), operation: Some(operation.id) };
        let details = vec![
            ("event", "captured".to_owned()),
            ("amount_minor", amount_minor.to_string()),
            ("asked_minor", operation.amount_minor.to_string()),
            (hearing::PROVIDER_REFERENCE, provider_reference.to_owned()),
        ];
        draft.open_another_problem(Code::ChangedAtProvider, about, details);
    }
}

/// What was paid back elsewhere pays out what was asked for; the rest of that is still owed.
fn find_refunded(draft: &mut Draft<'_>, payment: PaymentId, refund: &Operation, amount_minor: i64) {
    let rest = refund.amount_minor.saturating_sub(amount_minor);
    if rest > 0 {
        request_refund(draft, payment, refund, rest);
    }
    let provider = draft.payment(payment).map(|known| known.provider.0.clone()).unwrap_or_default();
    let details = vec![("provider", provider), ("amount_minor", amount_minor.to_string())];
    let about = About { payment: Some(payment), operation: Some(refund.id) };
    draft.open_another_problem(Code::RefundedAtProvider, about, with_credit(refund, details));
}

/// What of the reservation is used: it cannot be less than that.
fn used_of(draft: &Draft<'_>, payment: PaymentId) -> i64 {
    let sums = draft.payment(payment).map(crate::payments::Payment::sums).unwrap_or_default();
    [sums.captured, sums.claimed_capture, sums.released, sums.claimed_release]
        .into_iter()
        .fold(0, i64::saturating_add)
}

fn decline(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    (code, provider_reason): (Code, &str),
) {
    let reason = (!provider_reason.is_empty()).then(|| provider_reason.to_owned());
    edit(draft, payment, operation.id, |operation| operation.provider_reason = reason);
    let ended = ended_by(code);
    if let (true, Some(ended)) = (was_gone(operation.kind, code), ended) {
        draft.resolve(payment, operation.id, OperationState::Succeeded);
        draft.set_authorization(payment, ended);
        return;
    }
    draft.resolve(payment, operation.id, OperationState::Declined);
    match (operation.kind, ended) {
        (OperationKind::Authorize, ended) => {
            draft.set_authorization(payment, ended.unwrap_or(Authorization::Declined));
        }
        (OperationKind::Capture | OperationKind::UpdateAmount, Some(ended)) => {
            draft.set_authorization(payment, ended);
        }
        _ => {}
    }
    open_declined(draft, payment, operation, (code, provider_reason));
    if is_gating(operation) && operation.order == draft.case.order.number {
        label::drop_pending(facts, draft);
    }
}

fn open_declined(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: &Operation,
    (code, provider_reason): (Code, &str),
) {
    let order = &draft.case.order;
    let needs_it = draft.payment(payment).is_some_and(|known| known.is_held_by(order.number))
        && left_to_capture(order, &draft.case.payments) > 0;
    if operation.kind == OperationKind::Authorize && !needs_it {
        return;
    }
    let problem = match code {
        Code::ReservationExpired | Code::ReservationGone
            if operation.kind != OperationKind::Refund =>
        {
            code
        }
        _ => declined_code(operation.kind),
    };
    let details =
        vec![("provider_reason", provider_reason.to_owned()), ("reason", code.name().to_owned())];
    let details = with_credit(operation, details);
    let about = About { payment: Some(payment), operation: Some(operation.id) };
    draft.open_problem(problem, about, details);
}

/// The details with the credit order that has not been paid out.
pub(super) fn with_credit(
    operation: &Operation,
    mut details: Vec<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    details.extend(operation.credit.map(|credit| ("credit_order", credit.0.to_string())));
    details
}

/// A reversal is an operation of its own; never more is reversed than was captured.
pub(super) fn reverse(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    capture: &Operation,
    (amount_minor, provider_reason): (i64, &str),
) {
    let (now, id) = (draft.now, draft.ids.take());
    let Some(target) = draft.payment_mut(payment) else { return };
    let amount_minor = amount_minor.min(target.sums_for(capture.order).kept());
    if amount_minor <= 0 {
        return;
    }
    target.confirmed_at = Some(now);
    target.confirmed_by = Some(Confirmation::Operation);
    target.operations.push(Operation {
        id,
        order: capture.order,
        kind: OperationKind::CaptureReversal,
        amount_minor,
        state: OperationState::Sent,
        requested_at: now,
        resolved_at: None,
        provider_reason: None,
        provider_reference: capture.provider_reference.clone(),
        credit: None,
    });
    draft.resolve(payment, id, OperationState::Succeeded);
    let about = About { payment: Some(payment), operation: Some(id) };
    let mut details = vec![("amount_minor", amount_minor.to_string())];
    if !provider_reason.is_empty() {
        details.push(("provider_reason", provider_reason.to_owned()));
    }
    draft.open_problem(Code::CaptureReversed, about, details);
}

/// What a decline says of the reservation itself.
const fn ended_by(code: Code) -> Option<Authorization> {
    match code {
        Code::ReservationExpired => Some(Authorization::Expired),
        Code::ReservationGone => Some(Authorization::Voided),
        _ => None,
    }
}

/// Giving back what is expired or gone already succeeds (2.8).
const fn was_gone(kind: OperationKind, code: Code) -> bool {
    matches!(kind, OperationKind::Void | OperationKind::Release) && ended_by(code).is_some()
}

const fn declined_code(kind: OperationKind) -> Code {
    match kind {
        OperationKind::Authorize => Code::AuthorizationDeclined,
        OperationKind::UpdateAmount => Code::AmountUpdateDeclined,
        OperationKind::Capture => Code::CaptureDeclined,
        OperationKind::Release => Code::ReleaseDeclined,
        OperationKind::Void => Code::VoidDeclined,
        OperationKind::Refund => Code::RefundDeclined,
        OperationKind::CaptureReversal => Code::CaptureReversed,
    }
}

pub(super) fn edit(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    operation: i64,
    change: impl FnOnce(&mut Operation),
) {
    let Some(target) = draft.payment_mut(payment) else { return };
    if let Some(operation) = target.operations.iter_mut().find(|known| known.id == operation) {
        change(operation);
    }
}
