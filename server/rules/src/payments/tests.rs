//! §11: sums and states from the ledger.

use super::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentState, ProviderName,
    Sums, bound_to, in_flight, is_fully_captured, left_to_capture, order_sums, payment_state,
};
use crate::fixtures::{capabilities, operation, order, payment};
use crate::order::{DeliveryState, Line, LineKind, Micros, Order, OrderNumber};
use Authorization::{Declined as Refused, Expired, Held, Pending as Awaited, Voided};
use OperationKind::{Authorize, Capture, CaptureReversal, Refund, Release, Void};
use OperationState::{Accepted, Declined, Pending, Sent, Succeeded, Unknown, Withdrawn};

type Row = (i64, OperationKind, i64, OperationState);

fn with(mut payment: Payment, rows: &[Row]) -> Payment {
    let operations = (1..).zip(rows).map(|(id, &(order, kind, amount_minor, state))| Operation {
        order: OrderNumber(order),
        ..operation(id, kind, amount_minor, state)
    });
    payment.operations = operations.collect();
    payment
}

#[test]
fn a_claim_counts_until_it_is_final() {
    let counted =
        [(Pending, true), (Sent, true), (Accepted, true), (Unknown, true), (Declined, false)];
    for (state, is_claimed) in counted {
        let claimed = if is_claimed { 60 } else { 0 };
        let capture = with(payment(1, 100, &[1]), &[(1, Capture, 60, state)]);
        let sums = Sums { claimed_capture: claimed, ..Sums::default() };
        assert_eq!(capture.sums(), sums, "{state:?}");
        assert_eq!(capture.available(), 100 - claimed, "{state:?}");
        assert_eq!(left_to_capture(&order(1, 100), &[capture]), 100 - claimed, "{state:?}");
        let void = with(payment(1, 100, &[1]), &[(1, Void, 60, state)]);
        assert_eq!(void.available(), 100 - claimed, "{state:?}");
        assert_eq!(void.has_void(), is_claimed, "{state:?}");
        let rows = [(1, Capture, 80, Succeeded), (1, Refund, 60, state)];
        let refund = with(payment(1, 100, &[1]), &rows);
        assert_eq!(refund.sums().refundable(), 80 - claimed, "{state:?}");
        let flight = is_claimed && state != Pending;
        assert_eq!(in_flight(&capture_in(state)).is_some(), flight, "{state:?}");
    }
}

fn capture_in(state: OperationState) -> Payment {
    with(payment(1, 100, &[1]), &[(1, Capture, 60, state)])
}

#[test]
fn what_a_capture_ends_is_not_counted_on() {
    let capabilities = capabilities()[&ProviderName("card".to_owned())];
    let once = |rows: &[Row]| with(Payment { capabilities, ..payment(1, 100, &[1]) }, rows);
    assert_eq!(once(&[]).available(), 100);
    for state in [Pending, Sent, Accepted, Unknown, Succeeded, Declined, Withdrawn] {
        let left = if state.may_happen() { 0 } else { 100 };
        assert_eq!(once(&[(1, Capture, 60, state)]).available(), left, "{state:?}");
    }
}

#[test]
fn sums_are_kept_per_order_and_payment() {
    let shared = with(
        payment(1, 200, &[1, 2]),
        &[
            (1, Authorize, 200, Succeeded),
            (1, Capture, 50, Withdrawn),
            (2, Capture, 80, Succeeded),
            (2, CaptureReversal, 10, Succeeded),
            (2, Refund, 20, Succeeded),
            (2, Refund, 5, Unknown),
            (1, Release, 30, Sent),
        ],
    );
    let own = with(payment(2, 100, &[2]), &[(2, Capture, 100, Succeeded)]);
    let on_shared =
        Sums { captured: 80, reversed: 10, refunded: 20, claimed_refund: 5, ..Sums::default() };
    assert_eq!(shared.sums_for(OrderNumber(2)), on_shared);
    assert_eq!(on_shared.refundable(), 45);
    assert_eq!(shared.sums().claimed_release, 30);
    assert_eq!(shared.available(), 90);
    assert_eq!(bound_to(&shared), Some(OrderNumber(2)));
    let both = order_sums(OrderNumber(2), &[shared.clone(), own]);
    assert_eq!(both, Sums { captured: 180, ..on_shared });
    let pending = Payment { authorization: Awaited, ..shared };
    assert_eq!(pending.available(), 0);
}

#[test]
fn the_payment_state_is_the_orders_own() {
    let check = |number: i64, authorization, rows: &[Row], expected| {
        let payment = Payment { authorization, ..payment(1, 100, &[1, 2]) };
        let actual = payment_state(&order(number, 100), &[with(payment, rows)]);
        assert_eq!(actual, expected, "{number} {authorization:?} {rows:?}");
    };
    check(1, Awaited, &[], PaymentState::Pending);
    check(1, Held, &[], PaymentState::Authorized);
    check(1, Refused, &[], PaymentState::None);
    check(1, Expired, &[], PaymentState::Expired);
    check(1, Voided, &[(1, Void, 100, Succeeded)], PaymentState::Voided);
    check(1, Held, &[(1, Capture, 100, Pending)], PaymentState::Authorized);
    check(1, Held, &[(1, Void, 100, Sent)], PaymentState::Authorized);
    check(1, Held, &[(1, Capture, 40, Succeeded)], PaymentState::PartiallyCaptured);
    check(1, Held, &[(1, Capture, 100, Succeeded)], PaymentState::Captured);
    let captured = (1, Capture, 100, Succeeded);
    check(1, Held, &[captured, (1, Refund, 40, Succeeded)], PaymentState::PartiallyRefunded);
    check(1, Held, &[captured, (1, Refund, 40, Unknown)], PaymentState::Captured);
    check(1, Held, &[captured, (1, Refund, 100, Succeeded)], PaymentState::Refunded);
    check(
        1,
        Held,
        &[captured, (1, CaptureReversal, 40, Succeeded)],
        PaymentState::PartiallyCaptured,
    );
    check(1, Held, &[captured, (1, CaptureReversal, 100, Succeeded)], PaymentState::None);
    // The twin of a captured order has nothing.
    check(2, Held, &[captured], PaymentState::None);
    check(2, Held, &[(1, Capture, 100, Unknown)], PaymentState::None);
    check(3, Held, &[], PaymentState::None);
    assert_eq!(payment_state(&order(1, 100), &[]), PaymentState::None);
}

#[test]
fn a_reservation_that_expired_did_so_for_a_cancelled_order_too() {
    let check = |live: &[i64], wanted: [PaymentState; 2]| {
        let mut expired = Payment { authorization: Expired, ..payment(1, 100, &[1, 2]) };
        for holder in &mut expired.holders {
            holder.is_live = live.contains(&holder.order.0);
        }
        let payments = [expired];
        let states = [1, 2].map(|number| payment_state(&order(number, 100), &payments));
        assert_eq!(states, wanted, "held by {live:?}");
    };
    check(&[1, 2], [PaymentState::Expired; 2]);
    // The first had let go of it, and it was the other's when it expired.
    check(&[2], [PaymentState::None, PaymentState::Expired]);
    check(&[], [PaymentState::Expired; 2]);
}

#[test]
fn several_payments_make_one_state() {
    let held = payment(1, 50, &[1]);
    let awaited = Payment { authorization: Awaited, ..payment(2, 50, &[1]) };
    let expired = Payment { authorization: Expired, ..payment(3, 50, &[1]) };
    let one = order(1, 100);
    let state = |payments: &[&Payment]| {
        let payments: Vec<Payment> = payments.iter().copied().cloned().collect();
        payment_state(&one, &payments)
    };
    assert_eq!(state(&[&held, &awaited]), PaymentState::Pending);
    assert_eq!(state(&[&expired, &held]), PaymentState::Authorized);
    assert_eq!(state(&[&expired]), PaymentState::Expired);
}

#[test]
fn refunds_of_a_cancellation_are_owed_again_and_credits_are_not() {
    let rows = [(1, Capture, 100, Succeeded), (1, Refund, 30, Succeeded)];
    let cancelled = with(payment(1, 100, &[1]), &rows);
    let mut credited = cancelled.clone();
    credited.operations[1].credit = Some(OrderNumber(2));
    let mut delivered = order(1, 100);
    delivered.lines[0].delivered = 1;
    let completed = Order { completed_at: Some(Micros(1)), ..order(1, 100) };
    for (payment, left) in [(cancelled, 30), (credited, 0)] {
        let payments = [payment];
        for order in [&order(1, 100), &completed, &delivered] {
            assert_eq!(left_to_capture(order, &payments), left);
            assert_eq!(is_fully_captured(order, &payments), left == 0);
        }
    }
    assert!(!is_fully_captured(&order(1, 0), &[]));
}

#[test]
fn the_delivery_state_counts_goods() {
    for (delivered, kept_back, expected) in [
        (0, 0, DeliveryState::NotDelivered),
        (1, 0, DeliveryState::PartiallyDelivered),
        (2, 0, DeliveryState::Delivered),
        (0, 1, DeliveryState::NotDelivered),
        (1, 1, DeliveryState::Delivered),
        (0, 2, DeliveryState::NothingToDeliver),
    ] {
        let mut order = order(1, 100);
        order.lines[0].delivered = delivered;
        order.lines[0].kept_back = kept_back;
        order.lines.push(Line { kind: LineKind::Shipping, ..order.lines[0].clone() });
        order.lines[1].delivered = 0;
        assert_eq!(order.delivery_state(), expected);
    }
    let mut fee = order(1, 100);
    fee.lines[0].kind = LineKind::Fee;
    assert_eq!(fee.delivery_state(), DeliveryState::NothingToDeliver);
}
