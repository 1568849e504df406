//! 2.8, 11.2 and 11.5 Our ledger beside the provider's account: what is certain is adopted, all else
//! is listed for a person.

mod adopting;
mod comparing;
mod elsewhere;
#[cfg(test)]
mod tests;

pub use self::comparing::compare;
pub use self::elsewhere::{Counted, captured_elsewhere, refunded_elsewhere};

use self::adopting::adopt;
pub(crate) use self::adopting::adopt_capture;
pub(crate) use self::comparing::may_capture;
use crate::attention::is_watched;
use crate::changing::{ChangingFacts, go_on, open_if_insufficient, open_if_lost};
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::effects::QUIET_MICROS;
use crate::money::Currency;
use crate::order::{Micros, OrderNumber, Problem};
use crate::payments::{
    Authorization, Confirmation, Operation, OperationKind, OperationState, Payment, PaymentId,
    bound_to, left_to_capture,
};
use crate::refusals::{Code, Refusal};

/// A provider's account of a reservation. Amounts in minor units, each in all so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `None`: none that we know.
    pub currency: Option<Currency>,
    pub standing: Standing,
    /// What was ever reserved; captures and releases do not lower it, a new amount does.
    pub authorized_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    /// Given back without having been captured; of what has expired or is gone, all of the rest.
    pub released_minor: i64,
    pub expires_at: Option<Micros>,
    /// Something of it was captured under keys of another service like this one, for its orders.
    pub is_shared: bool,
}

/// What a provider says of the reservation itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The provider has not made up its mind.
    Pending,
    /// It stands: what was not captured or given back can be captured.
    Held,
    Expired,
    /// Cancelled or closed: nothing more can be captured.
    Gone,
    /// The provider has refused the purchase.
    Rejected,
}

/// What the provider answered to whoever read a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    Stated(Statement),
    /// It has no such reservation.
    Unknown,
}

/// How far the ledger had come before the provider was read: an account is only compared with the
/// ledger that it was read beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub usize);

/// A reading of a payment to be taken into the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconcile {
    pub payment: PaymentId,
    pub account: Account,
    pub mark: Mark,
}

/// A way in which ledger and account are not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// Captured in the provider's portal, or by another system.
    CapturedElsewhere,
    /// We recorded more captured than the provider has.
    CaptureMissing,
    RefundedElsewhere,
    RefundMissing,
    /// A part or the rest was given back elsewhere.
    ReleasedElsewhere,
    /// All of it was given back elsewhere.
    CancelledElsewhere,
    /// The provider still holds what we recorded as given back.
    StillHeld,
    /// The provider holds it again.
    HeldAgain,
    /// Another amount is reserved than we know.
    AmountChanged,
    Expired,
    /// The provider has refused the purchase afterwards.
    Rejected,
    /// It expires at another time than we know.
    ExpiryChanged,
    /// It is in another currency.
    OtherCurrency,
    /// The provider has no such reservation.
    NotFound,
}

/// One difference. Amounts in minor units, each in all; 0 where there is nothing to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: DifferenceKind,
    pub our_minor: i64,
    pub provider_minor: i64,
    /// The ledger says it too now; else it is for a person.
    pub is_adopted: bool,
}

/// What comparing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Something of ours is under way, or has just ended, or the provider is undecided: nothing can
    /// be said.
    Open,
    Agrees,
    /// There were differences, and the ledger has all of them now.
    Adopted,
    /// Some are for a person.
    Differs,
}

/// What an account came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    pub decision: Decision,
    pub conclusion: Conclusion,
    pub differences: Vec<Difference>,
}

/// What stands where a provider's reference of an operation would, when it was adopted.
pub const AT_PROVIDER: &str = "at the provider";

const HOUR: i64 = 60 * 60 * 1_000_000;
const DAY: i64 = 24 * HOUR;
/// A payment on which money may move is read at this interval.
pub const READ_EVERY_MICROS: i64 = DAY;
/// The same in the last days of a reservation.
pub const READ_NEAR_EXPIRY_MICROS: i64 = 6 * HOUR;
/// Those last days.
pub const NEAR_EXPIRY_MICROS: i64 = 3 * DAY;
/// A reservation whose time is over is read so soon afterwards.
pub const READ_AFTER_EXPIRY_MICROS: i64 = 10 * 60 * 1_000_000;
/// A payment is watched for so long after money last moved on it.
pub const WATCHED_AFTER_MICROS: i64 = 7 * DAY;
/// What can still be paid back is read at this interval after that: some sixty reads of a payment in all.
pub const READ_REFUNDABLE_EVERY_MICROS: i64 = 7 * DAY;
/// And for so long after money last moved on it.
pub const REFUNDABLE_FOR_MICROS: i64 = 365 * DAY;

impl DifferenceKind {
    /// Stable name, for the details of a problem.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CapturedElsewhere => "CAPTURED_ELSEWHERE",
            Self::CaptureMissing => "CAPTURE_MISSING",
            Self::RefundedElsewhere => "REFUNDED_ELSEWHERE",
            Self::RefundMissing => "REFUND_MISSING",
            Self::ReleasedElsewhere => "RELEASED_ELSEWHERE",
            Self::CancelledElsewhere => "CANCELLED_ELSEWHERE",
            Self::StillHeld => "STILL_HELD",
            Self::HeldAgain => "HELD_AGAIN",
            Self::AmountChanged => "AMOUNT_CHANGED",
            Self::Expired => "EXPIRED",
            Self::Rejected => "REJECTED",
            Self::ExpiryChanged => "EXPIRY_CHANGED",
            Self::OtherCurrency => "OTHER_CURRENCY",
            Self::NotFound => "NOT_FOUND",
        }
    }
}

/// How far the ledger of a payment has come: an operation that ended meanwhile makes another mark.
#[must_use]
pub fn mark(payment: &Payment) -> Mark {
    let ended = payment.operations.iter().filter(|operation| !operation.state.is_claimed());
    Mark(ended.count())
}

/// The order on which differences of a payment stand: whose money it is, or else the first that
/// holds it. `None`: no order hangs on it.
#[must_use]
pub fn home(payment: &Payment) -> Option<OrderNumber> {
    let first = |is_counted: fn(&bool) -> bool| {
        let holders = payment.holders.iter().filter(move |holder| is_counted(&holder.is_live));
        holders.map(|holder| holder.order).min()
    };
    bound_to(payment).or_else(|| first(|is_live| *is_live)).or_else(|| first(|_| true))
}

/// The payment of an order that can be read at its provider.
///
/// # Errors
/// `PAYMENT_NOT_FOUND`, `PAYMENT_NOT_READABLE`.
pub fn readable(case: &Case, id: PaymentId) -> Result<&Payment, Refusal> {
    let found = case.payments.iter().find(|payment| payment.id == id);
    let payment = found.ok_or_else(|| Refusal::new(Code::PaymentNotFound).with("payment", id.0))?;
    match payment.capabilities.can_read_back && !payment.capabilities.is_manual {
        true => Ok(payment),
        false => Err(Refusal::new(Code::PaymentNotReadable)
            .with("payment", id.0)
            .with("provider", &payment.provider.0)),
    }
}

/// The payment of an order whose reservation may be asked to hold longer.
///
/// # Errors
/// As [`readable`]; `PAYMENT_PENDING`, `RESERVATION_EXPIRED`, `RESERVATION_GONE`, and
/// `ALREADY_CAPTURED` where captures have left nothing to hold.
pub fn extendable(case: &Case, id: PaymentId) -> Result<&Payment, Refusal> {
    let payment = readable(case, id)?;
    let sums = payment.sums();
    let code = match payment.authorization {
        Authorization::Held if payment.available() > 0 => return Ok(payment),
        Authorization::Pending => Code::PaymentPending,
        Authorization::Expired => Code::ReservationExpired,
        Authorization::Held if sums.captured > 0 || sums.claimed_capture > 0 => {
            return Err(Refusal::new(Code::AlreadyCaptured)
                .with("payment", id.0)
                .with("captured_minor", sums.captured));
        }
        Authorization::Held | Authorization::Declined | Authorization::Voided => {
            Code::ReservationGone
        }
    };
    Err(Refusal::new(code).with("payment", id.0))
}

/// Takes a provider's account into the ledger. `facts` are those of the payment's [`home`]. What is
/// adopted becomes operations of their own; what is not is a problem, and the payment needs
/// attention until an account agrees.
///
/// # Errors
/// As [`readable`].
pub fn reconcile(
    facts: &ChangingFacts<'_>,
    command: &Reconcile,
    ids: &mut Ids,
    now: Micros,
) -> Result<Reconciled, Refusal> {
    let payment = readable(facts.case, command.payment)?;
    if !can_conclude(payment, command, now) {
        let decision = Decision::unchanged(facts.case.clone());
        let conclusion = Conclusion::Open;
        return Ok(Reconciled { decision, conclusion, differences: Vec::new() });
    }
    let findings = compare(facts.case, payment, &command.account);
    let differences: Vec<Difference> = findings.iter().map(|one| one.difference).collect();
    let conclusion = conclusion(&differences);
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    draft.changes.push(Change::Reconciled {
        payment: payment.id,
        conclusion,
        differences: differences.clone(),
    });
    if let Some(known) = draft.payment_mut(payment.id) {
        known.confirmed_at = Some(now);
        known.confirmed_by = Some(Confirmation::Reading);
    }
    for finding in &findings {
        if let Some(adoption) = finding.adoption {
            adopt(&mut draft, payment.id, adoption);
        }
    }
    tell(&mut draft, payment, &differences);
    if conclusion != Conclusion::Agrees {
        open_if_lost(&mut draft, payment.id);
        tell_of_shortage(&mut draft, payment.id);
    }
    Ok(Reconciled { decision: go_on(facts, draft), conclusion, differences })
}

/// Closes what stands on an order that is no longer the [`home`] of the payment.
#[must_use]
pub fn clear(
    facts: &ChangingFacts<'_>,
    payment: PaymentId,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    draft.close_problems(|problem| is_difference(problem, payment));
    draft.finish()
}

/// When a payment is to be read again without anybody asking. `None`: nothing happens to it any more.
#[must_use]
pub fn next_read(payment: &Payment, now: Micros) -> Option<Micros> {
    let Payment { capabilities, operations, .. } = payment;
    if capabilities.is_manual || !capabilities.can_read_back {
        return None;
    }
    let is_over = |one: &Operation| was_just_declined(one, now) || was_just_found(one, now);
    let later = |from: i64, pause: i64| from.saturating_add(pause);
    if operations.iter().any(is_over) {
        // As soon as something can be concluded from it.
        let fresh = operations.iter().filter(|operation| is_fresh(operation, now));
        let last = fresh.filter_map(|operation| operation.resolved_at).max();
        return Some(last.map_or(now, |last| Micros(later(last.0, QUIET_MICROS))));
    }
    let moved_at = operations
        .iter()
        .filter(|operation| operation.kind != OperationKind::Authorize)
        .filter_map(|operation| operation.resolved_at)
        .max();
    let has_moved_within = |span: i64| moved_at.is_some_and(|moved| later(moved.0, span) > now.0);
    let is_watched =
        payment.unused() > 0 || payment.needs_attention || has_moved_within(WATCHED_AFTER_MICROS);
    if !is_watched {
        let is_refundable =
            payment.sums().refundable() > 0 && has_moved_within(REFUNDABLE_FOR_MICROS);
        return is_refundable.then(|| Micros(later(now.0, READ_REFUNDABLE_EVERY_MICROS)));
    }
    let usual = later(now.0, READ_EVERY_MICROS);
    let Some(expires_at) = payment.expires_at.filter(|_| payment.unused() > 0) else {
        return Some(Micros(usual));
    };
    let is_near = expires_at.0 <= later(now.0, NEAR_EXPIRY_MICROS);
    let near = if is_near { later(now.0, READ_NEAR_EXPIRY_MICROS) } else { usual };
    let after = later(expires_at.0, READ_AFTER_EXPIRY_MICROS);
    Some(Micros(if after > now.0 { near.min(after) } else { near }))
}

/// The provider has just said no: its account says why, where it was done elsewhere.
fn was_just_declined(operation: &Operation, now: Micros) -> bool {
    operation.state == OperationState::Declined
        && operation.kind != OperationKind::Authorize
        && operation.resolved_at == Some(now)
        && operation.provider_reason.as_deref() != Some(crate::attention::BY_HAND)
}

/// Ours was not needed: somebody else had moved money, and perhaps more than was asked for.
fn was_just_found(operation: &Operation, now: Micros) -> bool {
    operation.is_adopted()
        && matches!(operation.kind, OperationKind::Capture | OperationKind::Refund)
        && operation.resolved_at == Some(now)
        && operation.requested_at != now
}

/// Nothing is concluded while ours is under way, or so fresh that a read may not show it.
fn can_conclude(payment: &Payment, command: &Reconcile, now: Micros) -> bool {
    let is_undecided =
        matches!(command.account, Account::Stated(Statement { standing: Standing::Pending, .. }));
    mark(payment) == command.mark
        && !is_undecided
        && !payment.operations.iter().any(|one| one.state.is_claimed() || is_fresh(one, now))
}

/// Done by us so shortly ago that a read may not show it.
fn is_fresh(operation: &Operation, now: Micros) -> bool {
    operation.state == OperationState::Succeeded
        && operation.kind != OperationKind::Authorize
        && !operation.is_adopted()
        && operation.resolved_at.is_some_and(|at| now.0.saturating_sub(at.0) < QUIET_MICROS)
}

fn conclusion(differences: &[Difference]) -> Conclusion {
    match differences {
        [] => Conclusion::Agrees,
        some if some.iter().all(|one| one.is_adopted) => Conclusion::Adopted,
        _ => Conclusion::Differs,
    }
}

/// The problem says what is for a person, once; it closes when nothing is.
fn tell(draft: &mut Draft<'_>, payment: &Payment, differences: &[Difference]) {
    let about = About { payment: Some(payment.id), operation: None };
    let listed: Vec<&Difference> = differences.iter().filter(|one| !one.is_adopted).collect();
    if listed.is_empty() {
        draft.close_problems(|problem| is_difference(problem, payment.id));
        let order = &draft.case.order;
        if draft.payment(payment.id).is_some_and(|known| !is_watched(order, known, None)) {
            draft.set_attention(payment.id, false);
        }
    } else {
        let details = details(payment, &listed);
        let told = |problem: &Problem| {
            is_difference(problem, payment.id) && is_same(&problem.details, &details)
        };
        // One that a person has dismissed meanwhile is not told again while it stays the same.
        let known = draft.case.order.problems.iter().rfind(|problem| told(problem));
        let is_told =
            known.is_some_and(|known| known.closed_at.is_none() || payment.needs_attention);
        if !is_told {
            draft.open_problem(Code::LedgerDiffers, about, details);
        }
        draft.set_attention(payment.id, true);
    }
    for refunded in differences
        .iter()
        .filter(|one| one.kind == DifferenceKind::RefundedElsewhere && one.is_adopted)
    {
        let amount_minor = refunded.provider_minor.saturating_sub(refunded.our_minor);
        let details = vec![
            ("provider", payment.provider.0.clone()),
            ("amount_minor", amount_minor.to_string()),
        ];
        draft.open_another_problem(Code::RefundedAtProvider, about, details);
    }
}

fn is_difference(problem: &Problem, payment: PaymentId) -> bool {
    problem.code == Code::LedgerDiffers && problem.payment == Some(payment)
}

/// Each by its kind, with our amount and the provider's.
fn details(payment: &Payment, listed: &[&Difference]) -> Vec<(&'static str, String)> {
    let mut details = vec![("provider", payment.provider.0.clone())];
    details.extend(
        listed
            .iter()
            .map(|one| (one.kind.name(), format!("{} / {}", one.our_minor, one.provider_minor))),
    );
    details
}

/// Details are stored by name.
fn is_same(stored: &[(String, String)], ours: &[(&'static str, String)]) -> bool {
    stored.len() == ours.len()
        && ours.iter().all(|(key, value)| {
            stored.iter().any(|(known, stored)| known == key && stored == value)
        })
}

/// A live order that lost a part of what it needs hears of it.
pub(crate) fn tell_of_shortage(draft: &mut Draft<'_>, payment: PaymentId) {
    let order = draft.case.order.number;
    let is_held = draft.payment(payment).is_some_and(|known| known.is_held_by(order));
    if is_held && left_to_capture(&draft.case.order, &draft.case.payments) > 0 {
        open_if_insufficient(draft);
    }
}
