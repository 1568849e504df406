//! What a provider says of a payment without being asked: the ledger follows where it can, and a
//! person hears of the rest (2.5, 2.8, 11.2).

use super::ChangingFacts;
use super::problems::open_for_lost_reservations;
use super::recording::{confirm, edit, go_on, reverse, with_credit};
use super::{is_gating, label};
use crate::decision::{Case, Decision, Ids};
use crate::draft::{About, Draft};
use crate::order::{Micros, OrderNumber, Problem};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId, bound_to,
};
use crate::reconciling::{adopt_capture, may_capture, tell_of_shortage};
use crate::refusals::Code;

/// One thing that a provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub happening: Happening,
    /// The operation it is about, where that is one of ours.
    pub operation: Option<i64>,
    /// In minor units; 0 where no money moves.
    pub amount_minor: i64,
    /// In the provider's words; empty where no money moves.
    pub currency: String,
    /// The provider's own of what it tells of; empty where it gives none.
    pub provider_reference: String,
    /// The provider's own words: what happened, and why.
    pub event: String,
    pub reason: String,
}

/// Among the details of a problem.
pub(super) const PROVIDER_REFERENCE: &str = "provider_reference";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An operation came to its end, whoever asked for it.
    Ended { kind: OperationKind, is_success: bool },
    /// A capture that had succeeded did not, after all.
    CaptureFailed,
    /// A refund that had succeeded did not, after all.
    RefundFailed,
    /// The customer's bank took the money back.
    Chargeback,
    /// The reservation lapsed.
    Expired,
    /// Money or its rights changed in a way that only a person can judge.
    Other,
    /// Nothing that an order depends on.
    Trifle,
}

/// What news are to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearing {
    /// It is known already, or of no consequence.
    None,
    /// This operation is under way, and asking what became of it says the same.
    Awaited(i64),
    /// [`hear`] has something to write down.
    Consequence,
    /// What it is about has not been told yet: it may come soon. If not, [`hear`] writes that down.
    Premature,
    /// The provider's account of the payment tells all of it, and can be read.
    Readable,
}

/// Whether the news are news.
#[must_use]
pub fn bearing(payment: &Payment, news: &News) -> Bearing {
    let operation = news.operation.and_then(|id| payment.operation(id));
    if let Some(under_way) = operation.filter(|operation| operation.state.is_claimed()) {
        return Bearing::Awaited(under_way.id);
    }
    match (happening(payment, news), operation) {
        (Happening::Trifle, _) => Bearing::None,
        (Happening::Ended { kind: OperationKind::Authorize, .. }, None) => {
            claimed(payment, |kind| kind == OperationKind::Authorize)
                .map_or(Bearing::None, Bearing::Awaited)
        }
        (Happening::Ended { is_success, .. }, Some(operation)) => {
            let has_succeeded = operation.state == OperationState::Succeeded;
            // What came back afterwards had succeeded before.
            let had_succeeded = has_succeeded || operation.provider_reference.is_some();
            let is_known = if is_success { had_succeeded } else { !has_succeeded };
            if is_known { Bearing::None } else { Bearing::Consequence }
        }
        (Happening::Ended { is_success: false, .. }, None) => Bearing::None,
        (Happening::CaptureFailed | Happening::RefundFailed, Some(operation))
            if operation.state != OperationState::Succeeded =>
        {
            Bearing::None
        }
        // Ours says by itself how it ended, and what is left for somebody else's then.
        (Happening::Ended { kind: OperationKind::Capture, .. }, None) => {
            claimed(payment, |_| true).map_or(Bearing::Consequence, Bearing::Awaited)
        }
        // What was taken back may be what nobody has told of yet.
        (Happening::CaptureFailed | Happening::Chargeback, None) => {
            let otherwise = match is_of_another(news) {
                true => Bearing::Premature,
                false => Bearing::Consequence,
            };
            claimed(payment, |kind| kind == OperationKind::Capture)
                .map_or(otherwise, Bearing::Awaited)
        }
        (Happening::RefundFailed, None) => claimed(payment, |kind| kind == OperationKind::Refund)
            .map_or(Bearing::Consequence, Bearing::Awaited),
        (Happening::Expired | Happening::Ended { kind: OperationKind::Void, .. }, None) => {
            match claimed(payment, |_| true) {
                // What is under way on the reservation is told by itself how it stands.
                Some(under_way) => Bearing::Awaited(under_way),
                None if payment.unused() > 0 => Bearing::Consequence,
                None => Bearing::None,
            }
        }
        _ => Bearing::Consequence,
    }
}

/// What to do about the news: as [`bearing`] says, unless the provider's account says more than they
/// do. An account says nothing while something of ours is under way. One that cannot be read for the
/// time being, of an integration that is disabled or refused, is read when it can be: until then the
/// news are not known here.
#[must_use]
pub fn next_step(payment: &Payment, news: &News) -> Bearing {
    let is_in_account = matches!(news.happening, Happening::Ended { .. } | Happening::Expired);
    match bearing(payment, news) {
        Bearing::Consequence if is_in_account && payment.capabilities.can_read_back => {
            claimed(payment, |_| true).map_or(Bearing::Readable, Bearing::Awaited)
        }
        bearing => bearing,
    }
}

/// The order whose matter the news are: the one that the operation was for, or that the payment
/// belongs to. `None`: nobody holds the payment.
#[must_use]
pub fn concerned(payment: &Payment, news: &News) -> Option<OrderNumber> {
    let operation = news.operation.and_then(|id| payment.operation(id));
    let live = payment.holders.iter().find(|holder| holder.is_live);
    operation
        .map(|operation| operation.order)
        .or_else(|| bound_to(payment))
        .or_else(|| live.or(payment.holders.first()).map(|holder| holder.order))
}

/// Writes the news down. `facts` are those of the order they concern. What is no news changes nothing.
///
/// Afterwards [`resume`](super::resume) must be run for every other order that holds the payment.
#[must_use]
pub fn hear(
    facts: &ChangingFacts<'_>,
    payment: PaymentId,
    news: &News,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let known = facts.case.payments.iter().find(|known| known.id == payment);
    let is_news = |known: &&Payment| {
        matches!(bearing(known, news), Bearing::Consequence | Bearing::Premature)
    };
    let Some(known) = known.filter(is_news) else {
        return Decision::unchanged(facts.case.clone());
    };
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    let operation = news.operation.and_then(|id| known.operation(id));
    match (happening(known, news), operation) {
        (Happening::CaptureFailed | Happening::Chargeback, _) => {
            take_back(&mut draft, known, operation, news);
        }
        (Happening::RefundFailed, Some(refund)) if is_whole(refund, news) => {
            give_back(facts, &mut draft, payment, refund, news);
        }
        (Happening::RefundFailed, None) => {
            tell(&mut draft, payment, Code::RefundReversed, news);
        }
        (Happening::Ended { kind: OperationKind::Capture, is_success: true }, None)
            if is_adoptable(facts.case, known, news) =>
        {
            adopt_capture(&mut draft, payment, news.amount_minor, &news.provider_reference);
            tell_of_shortage(&mut draft, payment);
        }
        (Happening::Expired, None) => end(&mut draft, payment, Authorization::Expired),
        (Happening::Ended { kind: OperationKind::Void, is_success: true }, None) => {
            end(&mut draft, payment, Authorization::Voided);
        }
        _ => tell(&mut draft, payment, Code::ChangedAtProvider, news),
    }
    go_on(facts, draft)
}

/// What happened, as far as it can be booked: money of another currency than the payment's, or of no
/// amount, is for a person.
fn happening(payment: &Payment, news: &News) -> Happening {
    let is_own = news.currency == payment.currency.code();
    match news.happening {
        Happening::CaptureFailed | Happening::RefundFailed | Happening::Chargeback
            if !is_own || news.amount_minor <= 0 =>
        {
            Happening::Other
        }
        Happening::Ended {
            kind: OperationKind::Capture | OperationKind::Refund | OperationKind::UpdateAmount,
            is_success: true,
        } if !is_own => Happening::Other,
        happening => happening,
    }
}

/// It names what it takes back, and that is nothing of ours.
fn is_of_another(news: &News) -> bool {
    news.happening == Happening::CaptureFailed
        && news.operation.is_none()
        && !news.provider_reference.is_empty()
}

/// Whether a capture that nobody here asked for is certainly one of what is held for this order, which
/// owes as much. One of which something was told to a person before is not.
fn is_adoptable(case: &Case, payment: &Payment, news: &News) -> bool {
    let is_told = |problem: &Problem| is_about(problem, payment.id, &news.provider_reference);
    news.amount_minor > 0
        && !news.provider_reference.is_empty()
        && news.amount_minor <= payment.unused()
        && may_capture(case, payment, news.amount_minor)
        && !case.order.problems.iter().any(is_told)
}

/// Whether a person was told of this at the provider.
pub(super) fn is_about(problem: &Problem, payment: PaymentId, reference: &str) -> bool {
    let mut details = problem.details.iter();
    problem.code == Code::ChangedAtProvider
        && problem.payment == Some(payment)
        && details.any(|(key, value)| key == PROVIDER_REFERENCE && value == reference)
}

/// All of the refund came back.
fn is_whole(refund: &Operation, news: &News) -> bool {
    refund.kind == OperationKind::Refund && refund.amount_minor == news.amount_minor
}

/// The refund was none: what it gave back can be refunded again (4.6).
fn give_back(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    payment: PaymentId,
    refund: &Operation,
    news: &News,
) {
    confirm(draft, payment, refund);
    let reason = Some(&news.reason).filter(|reason| !reason.is_empty());
    edit(draft, payment, refund.id, |refund| refund.provider_reason = reason.cloned());
    draft.resolve(payment, refund.id, OperationState::Declined);
    let about = About { payment: Some(payment), operation: Some(refund.id) };
    draft.open_another_problem(Code::RefundReversed, about, with_credit(refund, details(news)));
    if is_gating(refund) && refund.order == draft.case.order.number {
        label::drop_pending(facts, draft);
    }
}

/// The capture that failed, or the last one where it is not said which: a dispute names none.
fn take_back(draft: &mut Draft<'_>, payment: &Payment, named: Option<&Operation>, news: &News) {
    let is_done = |operation: &&Operation| {
        operation.kind == OperationKind::Capture && operation.state == OperationState::Succeeded
    };
    let order = draft.case.order.number;
    let mut captures = payment.operations.iter().filter(is_done);
    let last = || captures.rfind(|one| one.order == order).filter(|_| !is_of_another(news));
    let capture = named.filter(is_done).or_else(last);
    match capture {
        Some(capture) if payment.sums_for(capture.order).kept() > 0 => {
            reverse(draft, payment.id, capture, (news.amount_minor, &news.reason));
        }
        _ => tell(draft, payment.id, Code::ChangedAtProvider, news),
    }
}

/// A person hears of it.
fn tell(draft: &mut Draft<'_>, payment: PaymentId, code: Code, news: &News) {
    draft.set_needs_attention(payment);
    let about = About { payment: Some(payment), operation: news.operation };
    let mut details = details(news);
    let currency = draft.payment(payment).map_or("", |known| known.currency.code());
    if !news.currency.is_empty() && news.currency != currency {
        details.push(("currency", news.currency.clone()));
    }
    // Each is a matter of its own.
    draft.open_another_problem(code, about, details);
}

fn details(news: &News) -> Vec<(&'static str, String)> {
    let mut details = vec![
        ("event", news.event.clone()),
        ("amount_minor", news.amount_minor.to_string()),
        ("provider_reason", news.reason.clone()),
    ];
    if !news.provider_reference.is_empty() {
        details.push((PROVIDER_REFERENCE, news.provider_reference.clone()));
    }
    details
}

/// The reservation is gone, and nobody here has asked for that.
fn end(draft: &mut Draft<'_>, payment: PaymentId, how: Authorization) {
    draft.set_authorization(payment, how);
    open_for_lost_reservations(draft);
}

/// An operation of such a kind that is not final.
fn claimed(payment: &Payment, is_wanted: impl Fn(OperationKind) -> bool) -> Option<i64> {
    let mut open = payment.operations.iter().filter(|operation| operation.state.is_claimed());
    open.find(|operation| is_wanted(operation.kind)).map(|operation| operation.id)
}
