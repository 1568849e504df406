//! What an outsider knows of credits: when one must be refused, what it changes, and that documents
//! and refunds of a sale never exceed it.

use super::audit::may_happen;
use super::model::{captor, paid};
use crate::crediting::{CreditAmount, CreditOrder};
use crate::decision::Case;
use crate::fixtures::world::World;
use crate::order::{DuplicateResolution, Line, Order, OrderKind, OrderNumber};
use crate::payments::{Operation, OperationKind, OperationState, Payment};
use crate::refusals::Code;

/// The code a credit must be refused with, or `None`.
pub(super) fn expected_refusal(
    world: &World,
    number: OrderNumber,
    command: &CreditOrder,
) -> Option<Code> {
    let case = world.case(number);
    let order = &case.order;
    if order.kind == OrderKind::Credit {
        return Some(Code::CreditOrderFinal);
    }
    if let Some(refused) = refused_as_duplicate(&case) {
        return Some(refused);
    }
    if order.pending.is_some() {
        return Some(Code::StatusChangePending);
    }
    // All or nothing is captured for good here: deliveries are another story.
    let line = &order.lines[0];
    let is_paid = order.gross_minor > 0 && line.captured == line.quantity;
    let left = if is_paid { order.gross_minor - line.credited_gross_minor } else { 0 };
    let units_left = if is_paid { line.quantity - line.credited } else { 0 };
    let credited = match command.lines[0].amount {
        CreditAmount::Units(units) if units > units_left => {
            return Some(Code::CreditExceedsCaptured);
        }
        CreditAmount::Units(units) => (units * order.gross_minor / line.quantity).min(left),
        CreditAmount::Gross(gross) if gross > left => return Some(Code::CreditExceedsCaptured),
        CreditAmount::Gross(gross) => gross,
    };
    let fees: i64 = command.fees.iter().map(|fee| fee.gross_minor).sum();
    if fees > credited {
        return Some(Code::InvalidRequest);
    }
    let left_at = |is_manual: bool| -> i64 {
        let payments = case.payments.iter();
        let payments = payments.filter(|payment| payment.capabilities.is_manual == is_manual);
        payments.map(|payment| refundable(payment, number)).sum()
    };
    match command.is_refunded && credited - fees > left_at(false) {
        true if left_at(true) > 0 => Some(Code::RefundByHand),
        true => Some(Code::CreditExceedsCaptured),
        false => None,
    }
}

fn refused_as_duplicate(case: &Case) -> Option<Code> {
    let number = case.order.number;
    let holds = |payment: &Payment, is_own: bool| {
        let mut holders = payment.holders.iter();
        holders.any(|holder| holder.is_live && (holder.order == number) == is_own)
    };
    if case.payments.iter().any(|payment| holds(payment, true) && holds(payment, false)) {
        return Some(Code::DuplicateUnresolved);
    }
    let is_others = |payment: &Payment| captor(payment).is_some_and(|captor| captor != number);
    let has_captured = own(&case.payments, number).any(|operation| {
        operation.kind == OperationKind::Capture && operation.state == OperationState::Succeeded
    });
    let is_dropped = case
        .order
        .duplicates
        .iter()
        .any(|link| link.same_payment && link.resolution == DuplicateResolution::Dropped);
    let is_twin = is_dropped || case.payments.iter().any(is_others);
    (is_twin && !has_captured).then_some(Code::DuplicateNotCreditable)
}

/// Both or neither: the sale is written off by what the document says, and nothing else of it moves.
pub(super) fn check_credited(
    world: &World,
    before: &Case,
    credit: OrderNumber,
    command: &CreditOrder,
) {
    let (sale, document) = (&world.orders[&before.order.number], &world.orders[&credit]);
    let (line, was) = (&sale.lines[0], &before.order.lines[0]);
    assert_eq!(document.lines[0].gross_minor, was.credited_gross_minor - line.credited_gross_minor);
    assert_eq!(document.lines[0].vat_minor, was.credited_vat_minor - line.credited_vat_minor);
    assert!(document.gross_minor <= 0);
    assert_eq!(document.credit.unwrap().original, sale.number);
    assert_eq!(sale.credits.last(), Some(&credit));
    assert_eq!(sale.status, before.order.status);
    let back = line.stock_put_back - was.stock_put_back;
    let units = line.credited - was.credited;
    let held = was.stock_taken - was.stock_put_back;
    assert_eq!(back, if command.lines[0].is_restocked { units.min(held) } else { 0 });
    let refunds: i64 = refunds_of(world, credit).map(|operation| operation.amount_minor).sum();
    assert_eq!(refunds, if command.is_refunded { -document.gross_minor } else { 0 });
    assert_eq!(paid(before), paid(&world.case(sale.number)), "a credit owes nothing again");
}

/// The credits of a sale: numbered without gaps, in sum what its lines say, refunded at most once.
pub(super) fn check_sale(world: &World, sale: &Order) {
    let documents: Vec<&Order> = sale.credits.iter().map(|number| &world.orders[number]).collect();
    for line in &sale.lines {
        let written_off = |pick: fn(&Line) -> i64| -> i64 {
            let lines = documents.iter().flat_map(|document| &document.lines);
            lines.filter(|one| one.original_line == Some(line.id)).map(|one| -pick(one)).sum()
        };
        assert_eq!(written_off(|line| line.gross_minor), line.credited_gross_minor);
        assert_eq!(written_off(|line| line.vat_minor), line.credited_vat_minor);
        assert!(line.credited <= line.captured && line.credited_gross_minor <= line.gross_minor);
        if line.credited == line.quantity || line.credited_gross_minor == line.gross_minor {
            assert_eq!(line.credited_gross_minor, line.gross_minor);
            assert_eq!(line.credited_vat_minor, line.vat_minor);
        }
    }
    for document in documents {
        let paid: i64 = refunds_of(world, document.number)
            .filter(|operation| may_happen(operation))
            .map(|operation| operation.amount_minor)
            .sum();
        assert!(paid <= -document.gross_minor, "{document:?}");
    }
    let mut numbers: Vec<i64> = world
        .orders
        .values()
        .filter_map(|order| order.credit.map(|credit| credit.credit_number))
        .collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(1..world.next_credit), "{numbers:?}");
}

fn refunds_of(world: &World, credit: OrderNumber) -> impl Iterator<Item = &Operation> {
    let operations = world.payments.values().flat_map(|payment| &payment.operations);
    operations.filter(move |operation| operation.credit == Some(credit))
}

fn refundable(payment: &Payment, order: OrderNumber) -> i64 {
    let own = own(std::slice::from_ref(payment), order);
    own.map(|operation| match operation.kind {
        OperationKind::Capture if operation.state == OperationState::Succeeded => {
            operation.amount_minor
        }
        OperationKind::Refund if may_happen(operation) => -operation.amount_minor,
        _ => 0,
    })
    .sum()
}

fn own(payments: &[Payment], order: OrderNumber) -> impl Iterator<Item = &Operation> {
    let operations = payments.iter().flat_map(|payment| &payment.operations);
    operations.filter(move |operation| operation.order == order)
}
