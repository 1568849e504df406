//! What must be true of a shop after every command, counted from the raw ledger.

use crate::audit::check_case;
use crate::fixtures::world::World;
use crate::order::{Order, OrderNumber};
use crate::payments::{Authorization, Operation, OperationKind, OperationState, Payment};
use crate::refusals::Code;
use crate::statuses::Tag;

pub(super) fn check(world: &World, on_hand_at_first: i64) {
    for payment in world.payments.values() {
        check_payment(payment);
        check_let_go(world, payment);
    }
    for order in world.orders.values() {
        check_order_money(world, order);
        check_status(world, order);
        check_way_out(world, order);
        check_stock(order);
        let breaches = check_case(&world.case(order.number), &world.statuses);
        assert_eq!(breaches, [], "{order:?}");
    }
    let moved: i64 = world.movements.iter().map(|movement| movement.quantity).sum();
    let out: i64 = world.orders.values().map(out_of_stock).sum();
    assert_eq!(world.items["mug"].on_hand, on_hand_at_first + moved);
    assert_eq!(moved, -out);
}

/// 11.4, and 7.3: a payment is captured for one order only.
fn check_payment(payment: &Payment) {
    let captures = sum(payment, |operation| operation.kind == OperationKind::Capture);
    assert!(captures <= payment.authorized_minor, "{payment:?}");
    let refunds = sum(payment, |operation| operation.kind == OperationKind::Refund);
    assert!(refunds <= captures, "{payment:?}");
    let mut captors: Vec<OrderNumber> = payment
        .operations
        .iter()
        .filter(|operation| operation.kind == OperationKind::Capture && may_happen(operation))
        .map(|operation| operation.order)
        .collect();
    captors.dedup();
    assert!(captors.len() <= 1, "{payment:?}");
    let returns = payment.operations.iter().filter(|operation| {
        matches!(operation.kind, OperationKind::Void | OperationKind::Release)
            && may_happen(operation)
    });
    assert!(returns.count() <= 1, "{payment:?}");
}

/// A reservation that no live order holds is given back, or on its way, or a problem.
fn check_let_go(world: &World, payment: &Payment) {
    let is_held = payment.holders.iter().any(|holder| holder.is_live);
    if is_held || payment.authorization != Authorization::Held {
        return;
    }
    let used = sum(payment, |operation| {
        matches!(
            operation.kind,
            OperationKind::Capture | OperationKind::Void | OperationKind::Release
        )
    });
    let has_capture = payment
        .operations
        .iter()
        .any(|operation| operation.kind == OperationKind::Capture && may_happen(operation));
    let is_rest_automatic = has_capture && !payment.capabilities.can_release;
    let is_told = world.orders.values().flat_map(|order| &order.problems).any(|problem| {
        problem.payment == Some(payment.id)
            && matches!(problem.code, Code::VoidDeclined | Code::ReleaseDeclined)
    });
    let is_given_back = used == payment.authorized_minor;
    assert!(is_given_back || is_rest_automatic || is_told, "{payment:?}");
}

fn check_order_money(world: &World, order: &Order) {
    let (mut captured, mut refunded) = (0, 0);
    for operation in own_operations(world, order).filter(|operation| may_happen(operation)) {
        match operation.kind {
            OperationKind::Capture => captured += operation.amount_minor,
            OperationKind::Refund => refunded += operation.amount_minor,
            _ => {}
        }
    }
    assert!(captured - refunded <= order.gross_minor, "{order:?}");
}

/// A status never lies.
fn check_status(world: &World, order: &Order) {
    let is_live = |payment: &Payment| {
        payment.holders.iter().any(|holder| holder.order == order.number && holder.is_live)
    };
    let payments = order.payments.iter().map(|id| &world.payments[id]);
    match world.statuses.tag(order.status) {
        Some(Tag::Completed) => {
            let captured: i64 = own_operations(world, order)
                .filter(|operation| operation.kind == OperationKind::Capture)
                .filter(|operation| operation.state == OperationState::Succeeded)
                .map(|operation| operation.amount_minor)
                .sum();
            assert!(captured >= order.gross_minor, "{order:?}");
            assert_eq!(order.lines[0].delivered, 2);
            assert!(order.completed_at.is_some());
        }
        Some(Tag::Cancelled) if order.pending.is_none() => {
            assert!(!payments.into_iter().any(is_live), "{order:?}");
            assert!(order.cancelled_at.is_some());
        }
        Some(Tag::Cancelled) => assert!(order.cancelled_at.is_some()),
        _ => assert!(order.cancelled_at.is_none()),
    }
}

/// A pending change always waits for an answer that can come.
fn check_way_out(world: &World, order: &Order) {
    if order.pending.is_none() {
        return;
    }
    let payments = order.payments.iter().map(|id| &world.payments[id]);
    let is_awaited = payments.flat_map(|payment| &payment.operations).any(|operation| {
        may_happen(operation)
            && operation.state != OperationState::Succeeded
            && (operation.order == order.number || operation.kind == OperationKind::Authorize)
    });
    assert!(is_awaited, "{order:?} waits for nothing");
}

fn check_stock(order: &Order) {
    for line in &order.lines {
        assert!(0 <= line.stock_put_back && line.stock_put_back <= line.stock_taken);
        assert!(line.stock_taken <= line.quantity);
    }
}

fn out_of_stock(order: &Order) -> i64 {
    order.lines.iter().map(|line| line.stock_taken - line.stock_put_back).sum()
}

fn own_operations<'a>(world: &'a World, order: &'a Order) -> impl Iterator<Item = &'a Operation> {
    let operations = world.payments.values().flat_map(|payment| &payment.operations);
    operations.filter(|operation| operation.order == order.number)
}

fn sum(payment: &Payment, is_counted: impl Fn(&Operation) -> bool) -> i64 {
    let counted = payment.operations.iter().filter(|operation| may_happen(operation));
    let counted = counted.filter(|operation| is_counted(operation));
    counted.map(|operation| operation.amount_minor).sum()
}

fn may_happen(operation: &Operation) -> bool {
    !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
}
