//! What must be true of a shop after every command, counted from the raw ledger.

use super::crediting;
use crate::audit::check_case;
use crate::delivering::shares;
use crate::fixtures::world::World;
use crate::order::{Line, Order, OrderKind, OrderNumber};
use crate::payments::{Authorization, Operation, OperationKind, OperationState, Payment};
use crate::refusals::Code;
use crate::shop::CaptureMode;
use crate::statuses::Tag;

/// `lost` are the units that left orders and did not go back.
pub(super) fn check(world: &World, on_hand_at_first: i64, lost: i64) {
    for payment in world.payments.values() {
        check_payment(payment);
        check_let_go(world, payment);
    }
    let is_sale = |order: &&Order| order.kind == OrderKind::Sale;
    for order in world.orders.values().filter(is_sale) {
        check_order_money(world, order);
        check_status(world, order);
        check_way_out(world, order);
        check_stock(order);
        check_deliveries(world, order);
        crediting::check_sale(world, order);
        let breaches = check_case(&world.case(order.number), &world.statuses);
        assert_eq!(breaches, [], "{order:?}");
    }
    let moved: i64 = world.movements.iter().map(|movement| movement.quantity).sum();
    let out: i64 = world.orders.values().map(out_of_stock).sum();
    assert_eq!(world.items["mug"].on_hand, on_hand_at_first + moved);
    assert_eq!(moved, -out - lost);
}

/// 11.4, and 7.3: a payment is captured for one order only. Whatever becomes of a lower amount that is
/// asked for, what is captured fits.
fn check_payment(payment: &Payment) {
    let captures = sum(payment, |operation| operation.kind == OperationKind::Capture);
    let updates = payment
        .operations
        .iter()
        .filter(|operation| operation.kind == OperationKind::UpdateAmount && is_claimed(operation));
    assert!(updates.clone().all(|update| captures <= update.amount_minor), "{payment:?}");
    let unsent = updates.filter(|update| update.state == OperationState::Pending);
    assert!(unsent.count() <= 1, "a newer amount replaces an unsent one: {payment:?}");
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
    let live: Vec<&Order> = payment
        .holders
        .iter()
        .filter(|holder| holder.is_live)
        .map(|holder| &world.orders[&holder.order])
        .collect();
    let is_held = live.len() > 1 || live.iter().any(|order| !is_done(world, order));
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
    let is_being_lowered = payment
        .operations
        .iter()
        .any(|operation| operation.kind == OperationKind::UpdateAmount && is_claimed(operation));
    assert!(is_given_back || is_rest_automatic || is_told || is_being_lowered, "{payment:?}");
}

/// Captured per delivery: all goods are delivered and all their money is captured.
fn is_done(world: &World, order: &Order) -> bool {
    let captures = || {
        own_operations(world, order).filter(|operation| operation.kind == OperationKind::Capture)
    };
    let has_outcome = |operation: &Operation| {
        operation.state == OperationState::Succeeded || !may_happen(operation)
    };
    let succeeded = captures().filter(|operation| operation.state == OperationState::Succeeded);
    // By a cancellation that was not carried through: it is asked for anew.
    let paid_back: i64 = own_operations(world, order)
        .filter(|operation| operation.kind == OperationKind::Refund && operation.credit.is_none())
        .filter(|operation| may_happen(operation))
        .map(|operation| operation.amount_minor)
        .sum();
    world.rulebook.capture_mode == CaptureMode::PerDelivery
        && order.pending.is_none()
        && order.lines.iter().any(|line| line.delivered > 0)
        && order.lines.iter().all(|line| line.delivered + line.kept_back == line.quantity)
        && captures().all(has_outcome)
        && succeeded.map(|operation| operation.amount_minor).sum::<i64>() - paid_back
            >= order.gross_minor
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
            let is_sent =
                order.lines.iter().all(|line| line.delivered + line.kept_back == line.quantity);
            assert!(is_sent || !world.rulebook.completed_delivers);
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

/// What is delivered was sent with deliveries that stand, and what is captured of it was paid.
fn check_deliveries(world: &World, order: &Order) {
    let worth = |units: fn(&Line) -> i64| -> i64 {
        let lines = order.lines.iter().filter(|line| line.quantity > 0);
        lines.map(|line| line.gross_minor / line.quantity * units(line)).sum()
    };
    for line in &order.lines {
        let standing = order.deliveries.iter().filter(|delivery| delivery.cancelled_at.is_none());
        let own = standing.flat_map(|delivery| &delivery.lines).filter(|(id, _)| *id == line.id);
        assert_eq!(own.map(|(_, units)| units).sum::<i64>(), line.delivered, "{order:?}");
        assert!(0 <= line.delivered && line.delivered + line.kept_back <= line.quantity);
        assert!(0 <= line.kept_back && line.kept_back <= line.credited);
        assert!(line.credited <= line.delivered + line.kept_back, "it may still be sent");
        assert!(0 <= line.captured && line.captured <= line.quantity);
    }
    let captured: i64 = own_operations(world, order)
        .filter(|operation| operation.kind == OperationKind::Capture)
        .filter(|operation| operation.state == OperationState::Succeeded)
        .map(|operation| operation.amount_minor)
        .sum();
    assert!(captured >= worth(|line| line.captured), "{order:?}");
    let shares: Vec<i64> = shares(order).iter().map(|share| share.gross_minor).collect();
    assert_eq!(shares.iter().sum::<i64>(), worth(|line| line.delivered));
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

fn is_claimed(operation: &Operation) -> bool {
    may_happen(operation) && operation.state != OperationState::Succeeded
}

pub(super) fn may_happen(operation: &Operation) -> bool {
    !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
}
