//! §11 Payments: the ledger of a reservation, and the states derived from it.

#[cfg(test)]
mod tests;

use crate::money::Currency;
use crate::order::{Micros, Order, OrderNumber};
use crate::reconciling::AT_PROVIDER;

/// A payment of a shop, by an id that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(pub i64);

/// The name that a shop's settings map to an integration, e.g. `klarna`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(pub String);

/// Captures and voids of this provider succeed in the turn; it is settled by hand (9.3).
pub const MANUAL: &str = "manual";

/// What a provider can do: data, so that the rules never name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Capture and void need no call to the outside (9.3).
    pub is_manual: bool,
    /// How likely a capture is to be declined; the most likely is captured first (2.2). Manual is 0.
    pub decline_rank: u8,
    /// A reservation partly captured has a remainder that must be released with a call of its own.
    pub can_release: bool,
    /// A capture of a part leaves the rest reserved, for further captures. Else the first ends it.
    pub keeps_remainder: bool,
    /// The amount of a reservation can be lowered (5.3).
    pub can_lower: bool,
    /// Our ledger can be compared with the provider's by a read.
    pub can_read_back: bool,
    /// How long the provider keeps a key for sure, in microseconds.
    pub key_window: i64,
}

/// What is known of the reservation itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Not yet confirmed by the provider.
    Pending,
    Held,
    /// The provider said no, or does not know it.
    Declined,
    Expired,
    /// Given back by us or found gone at the provider.
    Voided,
}

/// How a provider has confirmed what we say (11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// By what it said of an operation.
    Operation,
    /// By its account of the reservation, which was read.
    Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    Authorize,
    UpdateAmount,
    Capture,
    /// Gives back what is left of a reservation after captures.
    Release,
    /// Gives back a reservation of which nothing was captured.
    Void,
    Refund,
    /// A capture undone by the provider afterwards (2.5).
    CaptureReversal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    Pending,
    Sent,
    /// The provider answers later.
    Accepted,
    Succeeded,
    Declined,
    /// Sent, and it is not known whether it happened.
    Unknown,
    /// Taken back before it was sent.
    Withdrawn,
}

/// One row of the ledger, always for one order (11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub id: i64,
    pub order: OrderNumber,
    pub kind: OperationKind,
    pub amount_minor: i64,
    pub state: OperationState,
    pub requested_at: Micros,
    pub resolved_at: Option<Micros>,
    /// The provider's own word for a decline; never shown to customers.
    pub provider_reason: Option<String>,
    pub provider_reference: Option<String>,
    /// The credit order that a refund pays out; `None` for the refund of a cancellation (4.6).
    pub credit: Option<OrderNumber>,
}

/// An order that hangs on a payment (7.3). Live: it has neither been cancelled nor deleted nor dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub order: OrderNumber,
    pub is_live: bool,
    /// The share of the authorization stated for this order when it was attached.
    pub amount_minor: i64,
}

/// A reservation at a provider, known by (shop, provider, reference).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub provider: ProviderName,
    pub reference: String,
    pub capabilities: Capabilities,
    pub currency: Currency,
    pub authorization: Authorization,
    pub authorized_minor: i64,
    pub expires_at: Option<Micros>,
    /// When the provider last confirmed what we say (11.5).
    pub confirmed_at: Option<Micros>,
    /// How it did.
    pub confirmed_by: Option<Confirmation>,
    pub needs_attention: bool,
    /// Oldest first.
    pub operations: Vec<Operation>,
    pub holders: Vec<Holder>,
}

/// Derived (11.2); never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    None,
    Pending,
    Authorized,
    PartiallyCaptured,
    Captured,
    PartiallyRefunded,
    Refunded,
    Voided,
    Expired,
}

/// Sums of a ledger, in minor units. Claimed is what is asked for and not final: PENDING, SENT,
/// ACCEPTED and UNKNOWN (11.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Ever captured; a reversal does not lower it, so that nothing is captured twice (2.6).
    pub captured: i64,
    /// Of that, undone by the provider.
    pub reversed: i64,
    pub refunded: i64,
    /// Given back without having been captured: releases and voids.
    pub released: i64,
    pub claimed_capture: i64,
    pub claimed_refund: i64,
    /// Claimed by releases and voids.
    pub claimed_release: i64,
}

impl Operation {
    /// Somebody else asked for it; it was found in the provider's account.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.provider_reference.as_deref() == Some(AT_PROVIDER)
    }

    /// And nobody here had asked for the same.
    #[must_use]
    pub fn is_unasked(&self) -> bool {
        self.is_adopted() && self.resolved_at == Some(self.requested_at)
    }
}

impl OperationState {
    /// Asked for, and its outcome is not final (11.4).
    #[must_use]
    pub const fn is_claimed(self) -> bool {
        matches!(self, Self::Pending | Self::Sent | Self::Accepted | Self::Unknown)
    }

    /// The provider may be working on it.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Sent | Self::Accepted | Self::Unknown)
    }

    /// It happened or it may.
    #[must_use]
    pub const fn may_happen(self) -> bool {
        !matches!(self, Self::Declined | Self::Withdrawn)
    }
}

impl Sums {
    fn add(&mut self, operation: &Operation) {
        let sum = match (operation.kind, operation.state) {
            (OperationKind::Capture, OperationState::Succeeded) => &mut self.captured,
            (OperationKind::CaptureReversal, OperationState::Succeeded) => &mut self.reversed,
            (OperationKind::Refund, OperationState::Succeeded) => &mut self.refunded,
            (OperationKind::Release | OperationKind::Void, OperationState::Succeeded) => {
                &mut self.released
            }
            (OperationKind::Capture, state) if state.is_claimed() => &mut self.claimed_capture,
            (OperationKind::Refund, state) if state.is_claimed() => &mut self.claimed_refund,
            (OperationKind::Release | OperationKind::Void, state) if state.is_claimed() => {
                &mut self.claimed_release
            }
            _ => return,
        };
        *sum = sum.saturating_add(operation.amount_minor);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            captured: self.captured.saturating_add(other.captured),
            reversed: self.reversed.saturating_add(other.reversed),
            refunded: self.refunded.saturating_add(other.refunded),
            released: self.released.saturating_add(other.released),
            claimed_capture: self.claimed_capture.saturating_add(other.claimed_capture),
            claimed_refund: self.claimed_refund.saturating_add(other.claimed_refund),
            claimed_release: self.claimed_release.saturating_add(other.claimed_release),
        }
    }

    /// Captured and not undone by the provider.
    #[must_use]
    pub const fn kept(&self) -> i64 {
        self.captured.saturating_sub(self.reversed)
    }

    /// What may still be refunded: refunded + claimed ≤ captured (11.4).
    #[must_use]
    pub fn refundable(&self) -> i64 {
        self.kept().saturating_sub(self.refunded).saturating_sub(self.claimed_refund).max(0)
    }
}

impl Payment {
    /// The sums of the whole payment.
    #[must_use]
    pub fn sums(&self) -> Sums {
        self.sum_where(|_| true)
    }

    /// The sums of one order on this payment (11.1).
    #[must_use]
    pub fn sums_for(&self, order: OrderNumber) -> Sums {
        self.sum_where(|operation| operation.order == order)
    }

    /// What the reservation still holds: captured + claimed ≤ authorized (11.4). Nothing unless it
    /// is confirmed; what is being given up by a lower amount is not counted on.
    #[must_use]
    pub fn available(&self) -> i64 {
        let given_up = self.authorized_minor.saturating_sub(self.lowest_amount());
        self.unused().saturating_sub(given_up).max(0)
    }

    /// What the provider still holds and nobody uses, whatever amount it is being asked for.
    #[must_use]
    pub fn unused(&self) -> i64 {
        if self.authorization != Authorization::Held {
            return 0;
        }
        let sums = self.sums();
        if !self.capabilities.keeps_remainder && (sums.captured > 0 || sums.claimed_capture > 0) {
            return 0;
        }
        [sums.captured, sums.claimed_capture, sums.released, sums.claimed_release]
            .into_iter()
            .fold(self.authorized_minor, i64::saturating_sub)
            .max(0)
    }

    /// The new amounts that are asked for and not final, oldest first.
    pub fn claimed_updates(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| {
            operation.kind == OperationKind::UpdateAmount && operation.state.is_claimed()
        })
    }

    /// The least that is reserved, whatever becomes of the amounts that are asked for.
    fn lowest_amount(&self) -> i64 {
        self.claimed_updates()
            .map(|operation| operation.amount_minor)
            .fold(self.authorized_minor, i64::min)
    }

    /// Whether the order holds this payment (7.3).
    #[must_use]
    pub fn is_held_by(&self, order: OrderNumber) -> bool {
        self.holders.iter().any(|holder| holder.order == order && holder.is_live)
    }

    /// Whether a live order beside this one holds it (7.3).
    #[must_use]
    pub fn is_held_beside(&self, order: OrderNumber) -> bool {
        self.holders.iter().any(|holder| holder.order != order && holder.is_live)
    }

    /// Whether the reservation was given back, or may be while we speak (2.7).
    #[must_use]
    pub fn has_void(&self) -> bool {
        self.operations
            .iter()
            .any(|operation| operation.kind == OperationKind::Void && operation.state.may_happen())
    }

    /// The provider was asked whether the reservation exists and has not answered.
    #[must_use]
    pub fn awaits_authorization(&self) -> bool {
        self.authorization == Authorization::Pending
            && self.operations.iter().any(|operation| {
                operation.kind == OperationKind::Authorize && operation.state.is_claimed()
            })
    }

    /// The operation of this id.
    #[must_use]
    pub fn operation(&self, id: i64) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    fn sum_where(&self, is_counted: impl Fn(&Operation) -> bool) -> Sums {
        let mut sums = Sums::default();
        for operation in self.operations.iter().filter(|operation| is_counted(operation)) {
            sums.add(operation);
        }
        sums
    }
}

/// Whether something is under way that a caller of the order may wait for: a status change, or an
/// operation that says what became of a command. What is given back when all is done is not waited for.
#[must_use]
pub fn awaits_outcome(order: &Order, payments: &[Payment]) -> bool {
    let is_awaited = |operation: &Operation| {
        operation.order == order.number
            && operation.state.is_claimed()
            && !matches!(operation.kind, OperationKind::Void | OperationKind::Release)
    };
    order.pending.is_some()
        || order.resolution.is_some()
        || payments.iter().any(Payment::awaits_authorization)
        || payments.iter().flat_map(|payment| &payment.operations).any(is_awaited)
}

/// Whether anything of the order is under way, what is given back among it.
#[must_use]
pub fn is_under_way(order: &Order, payments: &[Payment]) -> bool {
    let mut operations = payments.iter().flat_map(|payment| &payment.operations);
    awaits_outcome(order, payments)
        || operations.any(|one| one.order == order.number && one.state.is_claimed())
}

/// The sums of one order over its payments (11.1).
#[must_use]
pub fn order_sums(order: OrderNumber, payments: &[Payment]) -> Sums {
    payments.iter().map(|payment| payment.sums_for(order)).fold(Sums::default(), Sums::plus)
}

/// What of the order's total is neither captured nor being captured.
#[must_use]
pub fn left_to_capture(order: &Order, payments: &[Payment]) -> i64 {
    order.gross_minor.saturating_sub(captured_or_claimed(order, payments)).max(0)
}

/// What of the order is captured or being captured, without what a cancellation gave back.
#[must_use]
pub fn captured_or_claimed(order: &Order, payments: &[Payment]) -> i64 {
    let claimed = order_sums(order.number, payments).claimed_capture;
    captured(order, payments).saturating_add(claimed)
}

/// What of the order was captured, whatever happened to the money afterwards; without what a
/// cancellation gave back.
#[must_use]
pub fn captured(order: &Order, payments: &[Payment]) -> i64 {
    order_sums(order.number, payments).captured.saturating_sub(given_back(order, payments))
}

/// Whether the order's total was captured, whatever happened to the money afterwards. An order
/// without anything to capture is not.
#[must_use]
pub fn is_fully_captured(order: &Order, payments: &[Payment]) -> bool {
    order.gross_minor > 0 && captured(order, payments) >= order.gross_minor
}

/// Whether the order's total was captured, and the provider has undone all of it since.
#[must_use]
pub fn is_taken_back(order: &Order, payments: &[Payment]) -> bool {
    is_fully_captured(order, payments) && order_sums(order.number, payments).kept() <= 0
}

/// The order that the payment belongs to: whose capture was first asked for (7.3).
#[must_use]
pub fn bound_to(payment: &Payment) -> Option<OrderNumber> {
    payment
        .operations
        .iter()
        .find(|operation| operation.kind == OperationKind::Capture && operation.state.may_happen())
        .map(|operation| operation.order)
}

/// The operation the provider may be working on; there is at most one per payment.
#[must_use]
pub fn in_flight(payment: &Payment) -> Option<&Operation> {
    payment.operations.iter().find(|operation| operation.state.is_in_flight())
}

/// The payment state of one order, from its own sums (11.1, 11.2).
#[must_use]
pub fn payment_state(order: &Order, payments: &[Payment]) -> PaymentState {
    let sums = order_sums(order.number, payments);
    let kept = sums.kept();
    if kept > 0 {
        return match sums.refunded {
            refunded if refunded >= kept => PaymentState::Refunded,
            refunded if refunded > 0 => PaymentState::PartiallyRefunded,
            _ if kept >= order.gross_minor => PaymentState::Captured,
            _ => PaymentState::PartiallyCaptured,
        };
    }
    let states: Vec<PaymentState> =
        payments.iter().map(|payment| reservation_state(order.number, payment)).collect();
    [PaymentState::Pending, PaymentState::Authorized, PaymentState::Expired, PaymentState::Voided]
        .into_iter()
        .find(|state| states.contains(state))
        .unwrap_or(PaymentState::None)
}

/// What a payment of which the order captured nothing is to the order. How a reservation ended stays
/// with the order that let go of it last: a cancelled one, too.
fn reservation_state(order: OrderNumber, payment: &Payment) -> PaymentState {
    let belongs_to_other = bound_to(payment).is_some_and(|owner| owner != order);
    let is_left_to_other = !payment.is_held_by(order) && payment.is_held_beside(order);
    match payment.authorization {
        _ if belongs_to_other => PaymentState::None,
        Authorization::Voided => PaymentState::Voided,
        Authorization::Expired if !is_left_to_other => PaymentState::Expired,
        _ if !payment.is_held_by(order) => PaymentState::None,
        Authorization::Pending => PaymentState::Pending,
        Authorization::Held if payment.available() > 0 => PaymentState::Authorized,
        Authorization::Held if payment.sums().claimed_capture > 0 => PaymentState::Authorized,
        Authorization::Held if payment.sums().claimed_release > 0 => PaymentState::Authorized,
        Authorization::Held | Authorization::Declined | Authorization::Expired => {
            PaymentState::None
        }
    }
}

/// Refunded by a cancellation (2.3): such money is owed again if the order goes on after all. A refund
/// that pays a credit out never is, nor one that somebody made at the provider before it was cancelled.
fn given_back(order: &Order, payments: &[Payment]) -> i64 {
    let operations = payments.iter().flat_map(|payment| &payment.operations);
    operations
        .filter(|operation| operation.order == order.number && operation.credit.is_none())
        .filter(|operation| !operation.is_unasked())
        .filter(|operation| operation.kind == OperationKind::Refund)
        .filter(|operation| {
            operation.state == OperationState::Succeeded || operation.state.is_claimed()
        })
        .fold(0, |sum, operation| sum.saturating_add(operation.amount_minor))
}
