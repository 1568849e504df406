//! What an outsider knows: the provider's own book, what may be asked of it, and when a change must
//! be refused, each written without looking at the rules.

use std::collections::BTreeMap;

use crate::changing::{ChangeStatus, Outcome};
use crate::decision::{Case, Change};
use crate::fixtures::world::{Done, World};
use crate::order::{OrderKind, OrderNumber, StatusId};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId,
};
use crate::refusals::Code;
use crate::shop::{CaptureMode, StockMode};
use crate::statuses::Tag;

/// What the provider has of a payment.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    reserved: i64,
    captured: i64,
    refunded: i64,
    /// Taken back by the provider itself.
    reversed: i64,
    is_closed: bool,
}

pub(super) struct Model {
    book: BTreeMap<PaymentId, Entry>,
    on_hand: i64,
    /// Units per order that are out of stock on its account.
    out: BTreeMap<OrderNumber, i64>,
    /// Units that were edited away and left where they were.
    lost: i64,
}

impl Model {
    pub(super) fn new(on_hand: i64) -> Self {
        Self { book: BTreeMap::new(), on_hand, out: BTreeMap::new(), lost: 0 }
    }

    pub(super) fn lost(&self) -> i64 {
        self.lost
    }

    /// Units leave an order and do not go back.
    pub(super) fn lose(&mut self, order: OrderNumber, units: i64) {
        *self.out.entry(order).or_default() -= units;
        self.lost += units;
    }

    /// Whether the operation needs a reservation that the provider has let go of.
    pub(super) fn is_gone(&self, world: &World, operation: i64) -> bool {
        let (payment, operation) = find(world, operation);
        matches!(operation.kind, OperationKind::Capture | OperationKind::UpdateAmount)
            && self.book.get(&payment).is_some_and(|entry| entry.is_closed)
    }

    /// The provider carries an operation out, and has its own opinion of what it may be asked.
    pub(super) fn answer(&mut self, world: &World, operation: i64, outcome: &Outcome) {
        let (payment, operation) = find(world, operation);
        let entry = self.book.entry(payment).or_default();
        match outcome {
            Outcome::Succeeded { amount_minor, .. } | Outcome::FoundDone { amount_minor, .. } => {
                entry.carry_out(operation, *amount_minor);
            }
            Outcome::Declined {
                code: Code::ReservationExpired | Code::ReservationGone, ..
            } => {
                entry.is_closed = operation.kind != OperationKind::Refund || entry.is_closed;
            }
            _ => {}
        }
    }

    /// A person has seen at the provider what became of it.
    pub(super) fn settled(&mut self, before: &Case, operation: &Operation, has_happened: bool) {
        let owner =
            before.payments.iter().find(|payment| payment.operation(operation.id).is_some());
        if has_happened {
            let entry = self.book.entry(owner.unwrap().id).or_default();
            entry.carry_out(operation, operation.amount_minor);
        }
    }

    /// The customer has the money of a declined refund, or what one came short of, all the same: once,
    /// and no more of it.
    pub(super) fn paid_by_hand(&mut self, declined: &Operation, done: &Done) {
        let paid = done[0].1.iter().find_map(|change| match *change {
            Change::OperationResolved { payment, kind, amount_minor, .. } => {
                assert_eq!(kind, OperationKind::Refund);
                Some((payment, amount_minor))
            }
            _ => None,
        });
        let (payment, amount_minor) = paid.unwrap();
        let is_short = declined.state == OperationState::Succeeded;
        assert!(is_short || amount_minor <= declined.amount_minor, "{declined:?}");
        self.book.entry(payment).or_default().carry_out(declined, amount_minor);
    }

    /// What was asked of providers, and what moved on the shelf.
    pub(super) fn watch(&mut self, world: &World, done: &Done) {
        for (order, changes) in done {
            for change in changes {
                self.watch_change(world, *order, change);
            }
        }
        assert_eq!(self.on_hand, world.items["mug"].on_hand);
    }

    fn watch_change(&mut self, world: &World, order: OrderNumber, change: &Change) {
        match *change {
            Change::OperationRequested { payment, kind: OperationKind::Void, .. } => {
                let beside = world.payments[&payment]
                    .holders
                    .iter()
                    .any(|holder| holder.order != order && holder.is_live);
                assert!(!beside, "void of {payment:?} that another order holds");
            }
            Change::OperationResolved {
                payment,
                kind: OperationKind::CaptureReversal,
                amount_minor,
                ..
            } => {
                let entry = self.book.entry(payment).or_default();
                entry.reversed += amount_minor;
                assert!(entry.reversed <= entry.captured, "reversed above what was captured");
            }
            Change::OperationResolved {
                payment,
                operation,
                amount_minor,
                state: OperationState::Succeeded,
                ..
            } if world.payments[&payment].capabilities.is_manual => {
                let (_, operation) = find(world, operation);
                self.book.entry(payment).or_default().carry_out(operation, amount_minor);
            }
            Change::StockTaken { quantity, .. } => {
                *self.out.entry(order).or_default() += quantity;
                self.on_hand -= quantity;
                let sold: i64 = world.orders[&order].lines.iter().map(|line| line.quantity).sum();
                assert!(self.out[&order] <= sold, "took more than it sold");
            }
            Change::StockPutBack { quantity, .. } => {
                *self.out.entry(order).or_default() -= quantity;
                self.on_hand += quantity;
                assert!(self.out[&order] >= 0, "put back twice");
            }
            _ => {}
        }
    }
}

impl Entry {
    fn carry_out(&mut self, operation: &Operation, amount: i64) {
        match operation.kind {
            OperationKind::Authorize => self.reserved = amount,
            OperationKind::Capture => {
                assert!(!self.is_closed, "capture of what was given back");
                self.captured += amount;
                assert!(self.captured <= self.reserved, "captured above what is reserved");
            }
            OperationKind::Void => {
                assert!(!self.is_closed && self.captured == 0, "void of what was captured");
                self.is_closed = true;
            }
            OperationKind::Release => {
                assert!(!self.is_closed && self.captured > 0, "release without a capture");
                self.is_closed = true;
            }
            OperationKind::Refund => {
                self.refunded += amount;
                assert!(self.refunded <= self.captured, "refunded above what was captured");
            }
            OperationKind::UpdateAmount => {
                assert!(!self.is_closed, "another amount for what was given back");
                assert!(self.captured <= amount, "lowered below what was captured");
                self.reserved = amount;
            }
            OperationKind::CaptureReversal => panic!("nobody asked for {:?}", operation.kind),
        }
    }
}

/// The code a change must be refused with, or `None`.
pub(super) fn expected_refusal(
    world: &World,
    number: OrderNumber,
    command: ChangeStatus,
) -> Option<Code> {
    let order = &world.orders[&number];
    let tag = |status: StatusId| world.statuses.tag(status);
    let to = world.statuses.get(command.to).unwrap();
    if order.pending.is_some() || order.resolution.is_some() {
        return Some(Code::StatusChangePending);
    }
    if order.status == to.id {
        return None;
    }
    if order.kind == OrderKind::Credit {
        return (to.tag == Some(Tag::Cancelled)).then_some(Code::CreditOrderFinal);
    }
    let case = world.case(number);
    let paid = paid(&case);
    let is_paid = order.gross_minor > 0 && paid >= order.gross_minor;
    let is_back = tag(order.status) == Some(Tag::Cancelled) && to.tag != Some(Tag::Cancelled);
    if is_back {
        let is_voided = |operation: &Operation| {
            operation.kind == OperationKind::Void
                && !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
        };
        if !is_paid && case.payments.iter().flat_map(|payment| &payment.operations).any(is_voided) {
            return Some(Code::ReservationGone);
        }
        let back: i64 = order.lines.iter().map(|line| line.stock_put_back).sum();
        let needed = if order.credits.is_empty() { back } else { 0 };
        let is_short = needed > 0 && world.items["mug"].on_hand < needed;
        if is_short && world.rulebook.stock_mode == StockMode::Refuse {
            return Some(Code::OutOfStock);
        }
    }
    match to.tag {
        Some(Tag::Cancelled) if command.restock.is_none() => Some(Code::RestockRequired),
        Some(Tag::Cancelled) if is_paid => {
            let credited: i64 = order.lines.iter().map(|line| line.credited_gross_minor).sum();
            let reversed = case.payments.iter().flat_map(|payment| &payment.operations);
            let reversed: i64 = reversed
                .filter(|one| one.order == number && one.kind == OperationKind::CaptureReversal)
                .map(|one| one.amount_minor)
                .sum();
            let is_here = reversed < captured_ever(&case);
            (is_here && credited < order.gross_minor).then_some(Code::AlreadyCaptured)
        }
        Some(Tag::Cancelled) if order.lines.iter().any(|line| line.delivered > 0) => {
            Some(Code::PartlyDelivered)
        }
        Some(Tag::Completed) => {
            let owed = order.gross_minor - paid - under_way(&case);
            let held: i64 =
                case.payments.iter().map(|payment| usable(payment, number, is_back)).sum();
            (owed > 0 && held < owed).then(|| why_short(&case))
        }
        _ => None,
    }
}

/// The code a delivery of so many units (or of all that is left) must be refused with, or `None`.
pub(super) fn expected_delivery_refusal(
    world: &World,
    number: OrderNumber,
    asked: Option<i64>,
) -> Option<Code> {
    let case = world.case(number);
    let order = &case.order;
    let left = 2 - order.lines[0].delivered;
    if order.pending.is_some() {
        return Some(Code::StatusChangePending);
    }
    if world.statuses.tag(order.status) == Some(Tag::Cancelled) {
        return Some(Code::OrderCancelled);
    }
    let units = asked.unwrap_or(left);
    if left == 0 || units > left {
        return Some(Code::DeliveryExceedsOrdered);
    }
    if world.rulebook.capture_mode == CaptureMode::OnCompleted {
        return None;
    }
    let due = price(&case) * (order.lines[0].delivered + units) - paid(&case) - under_way(&case);
    let held: i64 = case.payments.iter().map(|payment| usable(payment, number, false)).sum();
    (due > 0 && held < due).then(|| why_short(&case))
}

/// No more is taken than the delivered units cost, unless it was taken before.
pub(super) fn check_asked_for_delivery(world: &World, before: &Case, after: &Case) {
    let taken = |case: &Case| paid(case) + under_way(case);
    if world.rulebook.capture_mode == CaptureMode::OnCompleted {
        assert_eq!(taken(before), taken(after));
    } else {
        let owed = price(after) * after.order.lines[0].delivered;
        assert!(taken(after) <= owed.max(taken(before)), "{after:?}");
    }
}

/// Nothing that is taken back was paid for.
pub(super) fn check_taken_back(world: &World, after: &Case) {
    if world.rulebook.capture_mode == CaptureMode::PerDelivery {
        let owed = price(after) * after.order.lines[0].delivered;
        assert!(paid(after) + under_way(after) <= owed, "{after:?}");
    }
}

/// What one of the two units costs.
fn price(case: &Case) -> i64 {
    case.order.gross_minor / 2
}

/// Captures of the order that have no outcome yet.
fn under_way(case: &Case) -> i64 {
    let own = case.payments.iter().flat_map(|payment| &payment.operations);
    own.filter(|operation| operation.order == case.order.number)
        .filter(|operation| operation.kind == OperationKind::Capture)
        .filter(|operation| {
            !matches!(
                operation.state,
                OperationState::Succeeded | OperationState::Declined | OperationState::Withdrawn
            )
        })
        .map(|operation| operation.amount_minor)
        .sum()
}

/// The whole plan told beforehand holds what is then asked for, and starts with it where nothing has
/// still to be confirmed.
pub(super) fn check_plan(before: &Case, plan: &[(OperationKind, i64)], changes: &[Change]) {
    let asked: Vec<(OperationKind, i64)> = changes
        .iter()
        .filter_map(|change| match *change {
            Change::OperationRequested { kind, amount_minor, .. } => Some((kind, amount_minor)),
            _ => None,
        })
        .collect();
    let is_confirmed = |payment: &Payment| payment.authorization != Authorization::Pending;
    let is_told = match before.payments.iter().all(is_confirmed) {
        true => plan.starts_with(&asked),
        false => asked.iter().all(|step| plan.contains(step)),
    };
    assert!(is_told, "{:?} planned {plan:?} and asked {asked:?}", before.order.number);
}

/// A withdrawn change leaves neither itself nor anything it asked for.
pub(super) fn check_withdrawn(before: &Case, after: &Case) {
    let asked = before.order.pending.as_ref().unwrap().requested_at;
    assert_eq!(after.order.pending, None);
    assert_eq!(after.order.status, before.order.status);
    let ids_before: Vec<i64> = before
        .payments
        .iter()
        .flat_map(|payment| &payment.operations)
        // Neither what the provider begins is withdrawn, nor an amount that an edit asks for while
        // the change waits.
        .filter(|operation| {
            !matches!(
                operation.kind,
                OperationKind::Authorize
                    | OperationKind::CaptureReversal
                    | OperationKind::UpdateAmount
            )
        })
        .filter(|operation| operation.order == before.order.number)
        .filter(|operation| operation.requested_at >= asked)
        .map(|operation| operation.id)
        .collect();
    let operations = || after.payments.iter().flat_map(|payment| &payment.operations);
    for operation in operations().filter(|operation| ids_before.contains(&operation.id)) {
        assert_eq!(operation.state, OperationState::Withdrawn);
    }
}

fn find(world: &World, operation: i64) -> (PaymentId, &Operation) {
    let mut payments = world.payments.values();
    payments
        .find_map(|payment| payment.operation(operation).map(|found| (payment.id, found)))
        .unwrap()
}

/// What the order has paid and not had back while it was open. What a credit paid back is another
/// matter.
pub(super) fn paid(case: &Case) -> i64 {
    let own = case.payments.iter().flat_map(|payment| &payment.operations);
    own.filter(|operation| operation.order == case.order.number)
        .filter(|operation| operation.state == OperationState::Succeeded)
        .map(|operation| match operation.kind {
            OperationKind::Capture => operation.amount_minor,
            OperationKind::Refund if operation.credit.is_none() => -operation.amount_minor,
            _ => 0,
        })
        .sum()
}

fn captured_ever(case: &Case) -> i64 {
    let own = case.payments.iter().flat_map(|payment| &payment.operations);
    own.filter(|operation| operation.order == case.order.number)
        .filter(|operation| operation.kind == OperationKind::Capture)
        .filter(|operation| operation.state == OperationState::Succeeded)
        .map(|operation| operation.amount_minor)
        .sum()
}

/// What this order could still take from a payment, counting what is not confirmed as stated.
fn usable(payment: &Payment, order: OrderNumber, is_back: bool) -> i64 {
    let holder = payment.holders.iter().find(|holder| holder.order == order).unwrap();
    let is_other = captor(payment).is_some_and(|captor| captor != order);
    if is_other || !(holder.is_live || is_back) {
        return 0;
    }
    let given_up = payment.operations.iter().filter(|operation| {
        operation.kind == OperationKind::UpdateAmount && operation.state.is_claimed()
    });
    let lowest = |amount| given_up.map(|operation| operation.amount_minor).fold(amount, i64::min);
    match payment.authorization {
        Authorization::Pending => lowest(holder.amount_minor),
        Authorization::Held => {
            if !payment.capabilities.keeps_remainder && captor(payment).is_some() {
                return 0;
            }
            let used = payment.operations.iter().filter(|operation| {
                !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
                    && matches!(
                        operation.kind,
                        OperationKind::Capture | OperationKind::Void | OperationKind::Release
                    )
            });
            lowest(payment.authorized_minor)
                - used.map(|operation| operation.amount_minor).sum::<i64>()
        }
        _ => 0,
    }
}

pub(super) fn captor(payment: &Payment) -> Option<OrderNumber> {
    payment
        .operations
        .iter()
        .filter(|operation| operation.kind == OperationKind::Capture)
        .find(|operation| {
            !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
        })
        .map(|operation| operation.order)
}

fn why_short(case: &Case) -> Code {
    let has =
        |authorization| case.payments.iter().any(|payment| payment.authorization == authorization);
    let is_others = case
        .payments
        .iter()
        .any(|payment| captor(payment).is_some_and(|captor| captor != case.order.number));
    let is_voiding =
        case.payments.iter().flat_map(|payment| &payment.operations).any(|operation| {
            operation.kind == OperationKind::Void
                && !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
        });
    match () {
        () if is_others => Code::DuplicateAlreadyCaptured,
        () if has(Authorization::Pending) => Code::PaymentPending,
        () if has(Authorization::Expired) => Code::ReservationExpired,
        () if is_voiding || has(Authorization::Declined) || has(Authorization::Voided) => {
            Code::ReservationGone
        }
        () => Code::PaymentInsufficient,
    }
}
