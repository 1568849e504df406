//! 7.1 to 7.6: twins in every order of events, and double purchases.

use crate::fixtures::nok;
use crate::fixtures::script::check;
use crate::fixtures::world::World;
use crate::order::{LineKind, OrderNumber, PriceBasis};
use crate::payments::ProviderName;
use crate::placing::{NewLine, NewPayment, Placement};
use crate::refusals::Code;

#[test]
fn goods_of_at_most_six_hundred_lines_go_back_at_once() {
    let mut world = World::new();
    world.stock("mug", 1_000);
    let line = NewLine {
        kind: LineKind::Goods,
        sku: "mug".to_owned(),
        title: "mug".to_owned(),
        quantity: 1,
        unit_price_minor: 10,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    };
    for lines in [1, 400, 200, 1] {
        let payment = NewPayment {
            provider: ProviderName("klarna".to_owned()),
            reference: "k1".to_owned(),
            amount_minor: 5_000,
        };
        let placement = Placement {
            currency: nok(),
            price_basis: PriceBasis::Gross,
            lines: vec![line.clone(); lines],
            order_discount_minor: 0,
            stated: None,
            payments: vec![payment],
            customer_key: String::new(),
        };
        let _placed = world.place(&placement).unwrap();
    }
    let (keep, drop) = (OrderNumber(1), [2, 3, 4].map(OrderNumber));
    let refusal = world.resolve(keep, &drop, Some(true), None).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.violations[0].field.as_str()),
        (Code::InvalidRequest, "drop")
    );
    let _done = world.resolve(keep, &drop[..2], Some(true), None).unwrap();
    assert_eq!(world.items["mug"].on_hand, 1_000 - 2);
    let _done = world.resolve(keep, &drop[2..], Some(false), None).unwrap();
}

#[test]
fn one_command_captures_and_then_drops() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        links A => B+:open
        resolve A drop B restock as sent => requested:sent resolving:B capture?k1=100 | B: resolving:A
        B processing        => REFUSED STATUS_CHANGE_PENDING keep=1
        B cancelled restock => REFUSED STATUS_CHANGE_PENDING keep=1
        attach B manual=100 => REFUSED STATUS_CHANGE_PENDING keep=1
        withdraw B          => REFUSED NO_STATUS_CHANGE_PENDING keep=1
        A processing        => REFUSED STATUS_CHANGE_PENDING to=sent
        links B => A+:open
        yes k1  => capture!k1=100:succeeded status:sent delivered kept:b \
            | B: status:cancelled back:2 dropped:a
        state A => sent Captured
        state B => cancelled None
        links A => B+:kept
        links B => A+:dropped
        stock mug => 8
        ",
    );
}

#[test]
fn without_a_status_the_reservation_stays_with_the_kept() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        place C 100 klarna:k1=100
        yes k1
        resolve B drop A,C keep => kept:a kept:c | A: status:cancelled dropped:b dropped:c \
            | C: status:cancelled dropped:a dropped:b
        stock mug => 4
        state B   => default Authorized
        B sent    => requested:sent capture?k1=100
        yes k1    => capture!k1=100:succeeded status:sent delivered
        A processing => status:processing open:b kept:c | B: open:a
        ",
    );
}

#[test]
fn a_decline_leaves_the_twin_as_it_was() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        resolve A drop B restock as sent
        no k1 => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent unresolved:B \
            | B: unresolved:A
        state A   => default Authorized CAPTURE_DECLINED
        state B   => default Authorized
        links A   => B+:open
        stock mug => 6
        resolve B drop A restock as collected
        yes k1 => capture!k1=100:succeeded status:collected delivered kept:a \
            | A: status:cancelled back:2 closed:CAPTURE_DECLINED dropped:b
        ",
    );
}

#[test]
fn it_is_taken_back_while_nothing_was_sent() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        resolve A drop B keep as sent
        withdraw A => capture!k1=100:withdrawn dropped:sent unresolved:B | B: unresolved:A
        state B    => default Authorized
        resolve A drop B keep as sent
        sent k1
        withdraw A => REFUSED EFFECT_ALREADY_SENT operation=4
        unknown k1
        resolve B drop A keep => REFUSED STATUS_CHANGE_PENDING keep=1 order=2
        resolve A drop B keep => REFUSED STATUS_CHANGE_PENDING to=sent order=1
        yes k1
        state B    => cancelled None
        ",
    );
}

#[test]
fn it_waits_for_the_reservation_and_for_every_payment() {
    check(
        "
        place A 100 giftcard:g1=40 klarna:k1=60
        place B 100 klarna:k1=60 manual=40
        yes g1
        resolve A drop B keep as sent => requested:sent resolving:B | B: resolving:A
        yes k1 => authorize!k1=60:succeeded updated:k1 capture?k1=60
        yes k1 => capture!k1=60:succeeded capture?g1=40
        state B => default Authorized
        yes g1 => capture!g1=40:succeeded status:sent delivered kept:b \
            | B: status:cancelled void?manual=40 void!manual=40:succeeded updated:manual dropped:a
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        resolve B drop A keep as sent => requested:sent resolving:A | A: resolving:B
        no k1   => authorize!k1=100:declined updated:k1 problem:AUTHORIZATION_DECLINED unresolved:B \
            | B: problem:AUTHORIZATION_DECLINED dropped:sent unresolved:A
        links A => B+:open
        ",
    );
}

#[test]
fn the_rest_of_the_reservation_is_released_once_the_twin_is_gone() {
    check(
        "
        place A 100 klarna:k1=130
        place B 100 klarna:k1=130
        yes k1
        resolve A drop B keep as sent
        yes k1 => capture!k1=100:succeeded status:sent delivered release?k1=30 kept:b \
            | B: status:cancelled dropped:a
        ",
    );
}

#[test]
fn what_only_the_dropped_order_held_is_given_back() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100 giftcard:g1=20
        yes k1
        yes g1
        resolve A drop B keep => kept:b | B: status:cancelled void?g1=20 dropped:a
        ",
    );
}

#[test]
fn only_twins_on_one_payment_are_resolved_and_never_one_with_the_money() {
    check(
        "
        customer kari
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        place C 100 klarna:k2=100
        place D 100 klarna:k1=100
        yes k1
        yes k2
        links A => B+:open C:open D+:open
        resolve A drop B as sent           => REFUSED RESTOCK_REQUIRED
        resolve A drop C keep              => REFUSED NOT_A_DUPLICATE other=3
        resolve C drop A keep              => REFUSED NOT_A_DUPLICATE other=1
        resolve A drop A keep              => REFUSED NOT_A_DUPLICATE other=1
        resolve A drop B keep as returned  => REFUSED INVALID_REQUEST
        B sent
        resolve A drop B keep              => REFUSED STATUS_CHANGE_PENDING to=sent order=2
        yes k1
        resolve A drop B keep              => REFUSED DUPLICATE_ALREADY_CAPTURED other=2
        resolve A drop D keep              => REFUSED DUPLICATE_ALREADY_CAPTURED other=2
        resolve B drop A,D keep            => kept:a kept:d \
            | A: status:cancelled dropped:b dropped:c dropped:d \
            | D: status:cancelled dropped:a dropped:b dropped:c | C: kept:a kept:d
        links C => A:kept B:open D:kept
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        B is delivered 1
        resolve A drop B keep => REFUSED PARTLY_DELIVERED order=2
        ",
    );
}

#[test]
fn a_cancelled_order_is_kept_only_by_completing_it() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        A cancelled restock => status:cancelled back:2 dropped:b | B: kept:a
        resolve A drop B keep => REFUSED KEPT_ORDER_CANCELLED order=1
        resolve A drop B restock as sent => requested:sent resolving:B capture?k1=100 | B: resolving:A
        yes k1 => capture!k1=100:succeeded status:sent taken:2 delivered kept:b \
            | B: status:cancelled back:2 dropped:a
        resolve A drop B keep =>
        resolve A drop B keep as sent =>
        resolve A drop B keep as collected => status:collected
        stock mug => 8
        ",
    );
}

#[test]
fn a_set_resolved_by_hand_is_resolved_in_any_order_of_steps() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        links A          => B+:open
        B cancelled keep => status:cancelled dropped:a | A: kept:b
        B processing     => status:processing open:a | A: open:b
        B cancelled keep => status:cancelled dropped:a | A: kept:b
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        B cancelled keep => status:cancelled dropped:a | A: kept:b
        place C 100 klarna:k1=100 => created attached:k1 duplicate:A duplicate:B kept:b | B: dropped:c
        A cancelled keep => status:cancelled dropped:b dropped:c | C: kept:a
        C cancelled keep => requested:cancelled void?k1=100
        yes k1           => void!k1=100:succeeded updated:k1 status:cancelled dropped:a dropped:b
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        A sent
        resolve A drop B keep => REFUSED STATUS_CHANGE_PENDING to=sent order=1
        B cancelled keep      => status:cancelled dropped:a | A: kept:b
        no k1                 => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent
        B sent                => requested:sent capture?k1=100
        resolve A drop B keep => REFUSED STATUS_CHANGE_PENDING to=sent order=2
        no k1                 => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent
        resolve A drop B keep as sent => requested:sent capture?k1=100
        ",
    );
}

#[test]
fn the_same_customer_buying_the_same_again_is_told_apart() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k2=100 => created attached:k2 authorize?k2=100
        customer kari
        place C 100 klarna:k3=100 => created attached:k3 authorize?k3=100
        place D 100 klarna:k4=100 => created attached:k4 authorize?k4=100 duplicate:C
        place E 60 klarna:k5=100  => created attached:k5 authorize?k5=100
        place F 100 manual=100    => created attached:manual authorize?manual=100 \
            authorize!manual=100:succeeded duplicate:C duplicate:D
        state D => default Pending
        links C => D:open F:open
        differ C E => REFUSED NOT_A_DUPLICATE other=5
        differ C D => dismissed:d | D: dismissed:c
        differ D C =>
        C cancelled keep => requested:cancelled
        yes k3           => authorize!k3=100:succeeded updated:k3 void?k3=100
        yes k3           => void!k3=100:succeeded updated:k3 status:cancelled dropped:f | F: kept:c
        links D => C:dismissed F:open
        place G 100 klarna:k6=100 => created attached:k6 authorize?k6=100 duplicate:D duplicate:F
        at 90000
        place H 100 klarna:k7=100 => created attached:k7 authorize?k7=100
        shop no-window
        place I 100 klarna:k8=100 => created attached:k8 authorize?k8=100
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        differ A B => REFUSED SAME_PAYMENT other=2
        differ B A => REFUSED SAME_PAYMENT other=1
        ",
    );
}
