//! §6: histories of deliveries, and that their parts add up.

mod credited;

use proptest::prelude::*;

use super::*;
use crate::fixtures::script::check;
use crate::fixtures::{goods, order, tried};
use crate::order::Micros;

#[test]
fn captured_on_completed_a_delivery_moves_no_money() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        plan-delivery A   =>
        deliver A 3       => REFUSED DELIVERY_EXCEEDS_ORDERED line=1 asked=3 left=2 left_by_line=1=2
        deliver A 1       => delivered
        deliveries A      => 1:1=50
        deliver A 2       => REFUSED DELIVERY_EXCEEDS_ORDERED line=1 asked=2 left=1 left_by_line=1=1
        A cancelled keep  => REFUSED PARTLY_DELIVERED
        undeliver A 1     => undelivered:1
        undeliver A 1     =>
        undeliver A 2     => REFUSED DELIVERY_NOT_FOUND delivery=2
        deliver A 1       => delivered
        A sent            => requested:sent capture?k1=100
        deliver A         => REFUSED STATUS_CHANGE_PENDING to=sent
        undeliver A 2     => REFUSED STATUS_CHANGE_PENDING to=sent
        yes k1            => capture!k1=100:succeeded status:sent delivered
        deliveries A      => 1:1=0- 2:1=50* 3:1=50*
        deliver A         => REFUSED DELIVERY_EXCEEDS_ORDERED left=0
        undeliver A 3     => REFUSED DELIVERY_CAPTURED delivery=3
        ",
    );
}

#[test]
fn each_delivery_captures_its_share_and_the_last_releases_the_rest() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=130
        yes k1
        plan-delivery A 1 => capture=50
        plan-delivery A   => capture=100 release=30
        deliver A 1       => delivered capture?k1=50
        undeliver A 1     => REFUSED DELIVERY_CAPTURED delivery=1
        yes k1            => capture!k1=50:succeeded
        state A           => default PartiallyCaptured
        deliveries A      => 1:1=50*
        plan A sent       => capture=50 release=30
        deliver A 1       => delivered capture?k1=50
        yes k1            => capture!k1=50:succeeded release?k1=30
        yes k1            => release!k1=30:succeeded
        deliveries A      => 1:1=50* 2:1=50*
        plan A sent       =>
        A sent            => status:sent
        ",
    );
}

/// A part would end the reservation, and the rest of the money would be lost to what follows (6.2).
#[test]
fn a_reservation_that_a_part_would_end_is_captured_whole_with_the_last() {
    check(
        "
        shop per-delivery
        place A 100 card:c1=130
        yes c1
        plan-delivery A 1 =>
        deliver A 1       => delivered
        state A           => default Authorized
        deliveries A      => 1:1=50
        A cancelled keep  => REFUSED PARTLY_DELIVERED
        plan-delivery A 1 => capture=100
        deliver A 1       => delivered capture?c1=100
        yes c1            => capture!c1=100:succeeded
        deliveries A      => 1:1=50* 2:1=50*
        plan A sent       =>
        A sent            => status:sent
        ",
    );
    // COMPLETED is the last, too.
    check(
        "
        shop per-delivery
        place A 100 card:c1=100
        yes c1
        deliver A 1       => delivered
        A sent            => requested:sent capture?c1=100
        yes c1            => capture!c1=100:succeeded status:sent delivered
        ",
    );
}

#[test]
fn what_is_taken_whole_leaves_nothing_behind_and_others_are_taken_in_parts() {
    check(
        "
        shop per-delivery
        place A 100 card:c1=50 giftcard:g1=50
        yes c1
        yes g1
        deliver A 1       => delivered capture?c1=50
        yes c1            => capture!c1=50:succeeded
        deliver A 1       => delivered capture?g1=50
        yes g1            => capture!g1=50:succeeded
        ",
    );
    check(
        "
        shop per-delivery
        place A 100 card:c1=70 giftcard:g1=30
        yes c1
        yes g1
        plan-delivery A 1 => capture=30
        deliver A 1       => delivered capture?g1=30
        yes g1            => capture!g1=30:succeeded
        deliveries A      => 1:1=50
        deliver A 1       => delivered capture?c1=70
        yes c1            => capture!c1=70:succeeded
        deliveries A      => 1:1=50* 2:1=50*
        ",
    );
    // What is edited away does not come any more: what left is the last.
    check(
        "
        shop per-delivery
        place A 100 card:c1=100
        yes c1
        deliver A 1       => delivered
        edit A 1=1 keep   => edited:100>50 update?c1=50
        yes c1            => update!c1=50:succeeded updated:c1 capture?c1=50
        yes c1            => capture!c1=50:succeeded
        ",
    );
    // Goods do not leave for money that is not held.
    check(
        "
        shop per-delivery
        place A 100 card:c1=100
        yes c1 40
        deliver A 1       => REFUSED PAYMENT_INSUFFICIENT left_minor=50 held_minor=40
        ",
    );
}

#[test]
fn completed_takes_what_deliveries_left() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=130
        yes k1
        deliver A 1       => delivered capture?k1=50
        A sent            => requested:sent
        yes k1            => capture!k1=50:succeeded capture?k1=50
        yes k1            => capture!k1=50:succeeded status:sent delivered release?k1=30
        deliveries A      => 1:1=50* 2:1=50*
        ",
    );
}

#[test]
fn a_delivery_stands_when_its_capture_is_declined_and_the_next_takes_it_along() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1       => delivered capture?k1=50
        no k1             => capture!k1=50:declined problem:CAPTURE_DECLINED
        deliveries A      => 1:1=50
        deliver A 1       => delivered capture?k1=100
        yes k1            => capture!k1=100:succeeded closed:CAPTURE_DECLINED
        deliveries A      => 1:1=50* 2:1=50*
        ",
    );
    // COMPLETED takes it along as well, and a decline of that stays a problem of all that is left.
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1
        no k1
        A sent            => requested:sent capture?k1=100
        no k1             => capture!k1=100:declined closed:CAPTURE_DECLINED problem:CAPTURE_DECLINED \
             dropped:sent
        A sent
        yes k1            => capture!k1=100:succeeded status:sent delivered closed:CAPTURE_DECLINED
        ",
    );
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1
        yes k1
        A sent            => requested:sent capture?k1=50
        no k1             => capture!k1=50:declined problem:CAPTURE_DECLINED dropped:sent
        state A           => default PartiallyCaptured CAPTURE_DECLINED
        deliver A         => delivered capture?k1=50
        yes k1            => capture!k1=50:succeeded closed:CAPTURE_DECLINED
        ",
    );
    // Taken back, it leaves nothing behind.
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1
        no k1
        undeliver A 1     => undelivered:1 closed:CAPTURE_DECLINED
        A cancelled keep  => requested:cancelled void?k1=100
        ",
    );
}

#[test]
fn one_that_came_short_is_not_asked_for_again_by_itself() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1
        yes k1 40         => capture!k1=40:succeeded updated:k1 problem:CAPTURE_DECLINED
        undeliver A 1     => REFUSED DELIVERY_CAPTURED delivery=1
        deliveries A      => 1:1=50
        deliver A 1       => delivered capture?k1=60
        yes k1            => capture!k1=60:succeeded closed:CAPTURE_DECLINED
        ",
    );
    // Nor because a person has seen it.
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1
        yes k1 30
        dismiss A CAPTURE_DECLINED => dismissed:CAPTURE_DECLINED
        attach A vipps:v1=50       => attached:v1 authorize?v1=50
        yes v1                     => authorize!v1=50:succeeded updated:v1
        deliver A 1                => delivered capture?k1=70
        ",
    );
}

#[test]
fn deliveries_in_a_hurry_are_captured_one_after_the_other() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1       => delivered capture?k1=50
        deliver A 1       => delivered
        yes k1            => capture!k1=50:succeeded capture?k1=50
        yes k1            => capture!k1=50:succeeded
        ",
    );
    // The first is declined: the second, recorded since, is asked for with it.
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        yes k1
        deliver A 1
        deliver A 1
        no k1             => capture!k1=50:declined problem:CAPTURE_DECLINED capture?k1=100
        no k1             => capture!k1=100:declined closed:CAPTURE_DECLINED problem:CAPTURE_DECLINED
        ",
    );
}

#[test]
fn the_share_is_captured_over_the_payments_manual_last() {
    check(
        "
        shop per-delivery
        place A 100 manual=40 giftcard:g1=30 klarna:k1=30
        yes k1
        yes g1
        plan-delivery A 1 => capture=30 capture=20
        deliver A 1       => delivered capture?k1=30
        yes k1            => capture!k1=30:succeeded capture?g1=20
        deliveries A      => 1:1=50
        yes g1            => capture!g1=20:succeeded
        deliveries A      => 1:1=50*
        deliver A         => delivered capture?g1=10
        yes g1            => capture!g1=10:succeeded capture?manual=40 capture!manual=40:succeeded
        state A           => default Captured
        ",
    );
}

#[test]
fn a_delivery_waits_for_the_authorization() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        plan-delivery A 1 => capture=50
        deliver A 1       => delivered
        plan-delivery A 1 => capture=100
        plan A sent       => capture=100
        yes k1            => authorize!k1=100:succeeded updated:k1 capture?k1=50
        ",
    );
    // Once the new amount stands, all of it is owed for what was sent.
    check(
        "
        shop per-delivery
        place A 100 card:c1=130
        yes c1
        deliver A 1       => delivered
        edit A 1=1 keep   => edited:100>50 update?c1=50
        plan A sent       => capture=50
        A sent            => requested:sent capture?c1=50 update!c1=50:withdrawn
        ",
    );
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        deliver A 1       => delivered
        no k1             => authorize!k1=100:declined updated:k1 problem:AUTHORIZATION_DECLINED
        deliver A 1       => REFUSED RESERVATION_GONE left_minor=100 held_minor=0
        attach A vipps:v1=100
        yes v1            => authorize!v1=100:succeeded updated:v1 capture?v1=50 \
             closed:AUTHORIZATION_DECLINED
        ",
    );
}

#[test]
fn the_first_capture_of_a_delivery_binds_the_payment() {
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        deliver A 1       => delivered capture?k1=50
        deliver B 1       => REFUSED DUPLICATE_ALREADY_CAPTURED other=1 left_minor=50 held_minor=0
        B sent            => REFUSED DUPLICATE_ALREADY_CAPTURED other=1 left_minor=100 held_minor=0
        yes k1
        deliver A
        yes k1            => capture!k1=50:succeeded
        B cancelled keep  => status:cancelled dropped:a | A: kept:b
        ",
    );
    check(
        "
        shop per-delivery
        place A 100 klarna:k1=130
        place B 100 klarna:k1=130
        yes k1
        deliver A
        yes k1            => capture!k1=100:succeeded
        B cancelled keep  => status:cancelled dropped:a | A: release?k1=30 kept:b
        ",
    );
}

#[test]
fn what_is_no_sale_or_cancelled_is_not_delivered() {
    check(
        "
        place A 100 manual=100
        A cancelled keep
        deliver A         => REFUSED ORDER_CANCELLED
        A processing      => REFUSED RESERVATION_GONE
        place B 100 manual=100
        B is credit
        deliver B         => REFUSED CREDIT_ORDER_FINAL
        undeliver B 1     => REFUSED CREDIT_ORDER_FINAL
        ",
    );
}

#[test]
fn money_given_back_by_a_cancellation_is_owed_when_the_order_is_delivered_after_all() {
    check(
        "
        place A 100 giftcard:g1=30 manual=70
        yes g1
        A sent
        yes g1 20  => capture!g1=20:succeeded updated:g1 problem:CAPTURE_DECLINED dropped:sent
        A cancelled keep => requested:cancelled refund?g1=20
        yes g1     => refund!g1=20:succeeded release?g1=10
        no g1      => release!g1=10:declined problem:RELEASE_DECLINED dropped:cancelled
        deliver A 1 => delivered
        A sent     => REFUSED PAYMENT_INSUFFICIENT left_minor=100 held_minor=80
        ",
    );
}

/// Three lines whose prices do not divide, and shipping.
fn crooked(quantities: [i64; 3], prices: [i64; 3]) -> Order {
    let mut order = order(1, 0);
    order.lines = (1..)
        .zip(quantities)
        .zip(prices)
        .map(|((id, quantity), price)| {
            let mut line = goods(id, "mug", quantity, 1);
            // As left by a discount: it does not divide by the units.
            (line.gross_minor, line.placed.gross_minor) = (price, price);
            line
        })
        .collect();
    let mut shipping = goods(4, "", 1, 99);
    shipping.kind = LineKind::Shipping;
    order.lines.push(shipping);
    order.gross_minor = order.lines.iter().map(|line| line.gross_minor).sum();
    order
}

proptest! {
    #![proptest_config(tried(256))]

    /// However the goods are sent, shares are never negative and add up to the total.
    #[test]
    fn shares_add_up_however_the_goods_are_sent(
        quantities in prop::array::uniform3(1_i64..6),
        prices in prop::array::uniform3(0_i64..1_000),
        sent in prop::collection::vec((1_i32..4, 1_i64..4), 1..30),
    ) {
        let mut case = order_case(crooked(quantities, prices));
        let mut ids = Ids(1);
        for (line, units) in sent {
            let left = case.order.lines[usize::try_from(line - 1).unwrap()].undelivered();
            if left > 0 {
                let mut draft = Draft::new(case, &mut ids, Micros(0));
                let lines = vec![(line, units.min(left))];
                send(&mut draft, lines, Micros(0), Tracking::default());
                case = draft.case;
            }
            let shares = shares(&case.order);
            let sum: i64 = shares.iter().map(|share| share.gross_minor).sum();
            prop_assert!(shares.iter().all(|share| share.gross_minor >= 0));
            prop_assert_eq!(sum, owed_for_deliveries(&case.order));
        }
        let rest = undelivered(&case.order);
        if !rest.is_empty() {
            let mut draft = Draft::new(case, &mut ids, Micros(0));
            send(&mut draft, rest, Micros(0), Tracking::default());
            case = draft.case;
        }
        let sum: i64 = shares(&case.order).iter().map(|share| share.gross_minor).sum();
        prop_assert_eq!(sum, case.order.gross_minor);
    }
}

fn order_case(order: Order) -> crate::decision::Case {
    crate::decision::Case { order, payments: Vec::new() }
}
