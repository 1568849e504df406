//! Accounts of providers beside our ledger, as histories.

mod any_account;

use super::*;
use crate::fixtures::script::check;
use crate::fixtures::{operation, order, payment};

#[test]
fn what_agrees_is_confirmed_and_changes_nothing() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 100                         => k1:Agrees()
        read k1 pending 100                      =>
        A sent
        read k1 held 100 captured=100            =>
        yes k1
        read k1 held 100                         =>
        at 200
        read k1 held 100 captured=100            => k1:Agrees()
        credit A C units=1 yes                   => credited:50 refund?k1=50:C | C: created
        yes k1
        at 300
        read k1 held 100 captured=100 refunded=50 => k1:Agrees()
        ",
    );
}

#[test]
fn what_one_order_certainly_had_done_elsewhere_is_adopted() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 100 captured=60              => k1:Adopted(+CAPTURED_ELSEWHERE=0/60) capture!k1=60:succeeded
        A sent                                    => requested:sent capture?k1=40
        yes k1                                    => capture!k1=40:succeeded status:sent delivered
        at 200
        read k1 held 100 captured=100 refunded=30 => k1:Adopted(+REFUNDED_ELSEWHERE=0/30) refund!k1=30:succeeded problem:REFUNDED_AT_PROVIDER
        state A                                   => sent PartiallyRefunded REFUNDED_AT_PROVIDER
        dismiss A REFUNDED_AT_PROVIDER            => dismissed:REFUNDED_AT_PROVIDER
        read k1 held 100 captured=100 refunded=30 => k1:Agrees()

        place B 100 klarna:k2=100
        yes k2
        read k2 expired 100 released=100          => k2:Adopted(+EXPIRED=100/0) updated:k2 problem:RESERVATION_EXPIRED
        read k2 held 100 expires=500              => k2:Adopted(+HELD_AGAIN=0/100 +EXPIRY_CHANGED=0/0) updated:k2 closed:RESERVATION_EXPIRED
        read k2 gone 100 released=100             => k2:Adopted(+CANCELLED_ELSEWHERE=100/0) updated:k2 problem:RESERVATION_GONE

        place C 100 klarna:k3=100
        yes k3
        read k3 rejected 100                      => k3:Adopted(+REJECTED=100/0) updated:k3 problem:AUTHORIZATION_DECLINED
        read k3 held 100 captured=100             => k3:Adopted(+HELD_AGAIN=0/0 +CAPTURED_ELSEWHERE=0/100) updated:k3 capture!k3=100:succeeded closed:AUTHORIZATION_DECLINED

        place D 100 klarna:k4=120
        yes k4
        read k4 held 150                          => k4:Adopted(+AMOUNT_CHANGED=120/150) update!k4=150:succeeded updated:k4
        read k4 held 90                           => k4:Adopted(+AMOUNT_CHANGED=150/90) update!k4=90:succeeded updated:k4 problem:PAYMENT_INSUFFICIENT
        read k4 held 150 released=50              => k4:Adopted(+AMOUNT_CHANGED=90/100) update!k4=100:succeeded updated:k4 closed:PAYMENT_INSUFFICIENT
        read k4 held 150 captured=20 released=130 => k4:Adopted(+CAPTURED_ELSEWHERE=0/20 +RELEASED_ELSEWHERE=80/0) capture!k4=20:succeeded release!k4=80:succeeded problem:PAYMENT_INSUFFICIENT
        read k4 held 150 captured=20 released=130 => k4:Agrees()
        ",
    );
}

#[test]
fn what_is_not_certain_is_listed_until_it_is_gone() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        at 100
        read k1 held 100                         => k1:Differs(CAPTURE_MISSING=100/0) problem:LEDGER_DIFFERS updated:k1
        read k1 held 100                         => k1:Differs(CAPTURE_MISSING=100/0)
        dismiss A LEDGER_DIFFERS                 => dismissed:LEDGER_DIFFERS
        read k1 held 100                         => k1:Differs(CAPTURE_MISSING=100/0)
        read k1 held 100 captured=40             => k1:Differs(CAPTURE_MISSING=100/40) problem:LEDGER_DIFFERS
        read k1 held 100 captured=100            => k1:Agrees() closed:LEDGER_DIFFERS updated:k1
        read k1 unknown                          => k1:Differs(NOT_FOUND=100/0) problem:LEDGER_DIFFERS updated:k1
        read k1 held 100 captured=100 EUR        => k1:Differs(OTHER_CURRENCY=0/0) closed:LEDGER_DIFFERS problem:LEDGER_DIFFERS
        read k1 held 180 captured=180            => k1:Differs(CAPTURED_ELSEWHERE=100/180) closed:LEDGER_DIFFERS problem:LEDGER_DIFFERS
        credit A C units=2 yes
        yes k1
        at 200
        read k1 held 100 captured=100            => k1:Differs(REFUND_MISSING=100/0) closed:LEDGER_DIFFERS problem:LEDGER_DIFFERS

        place B 100 klarna:k2=100
        yes k2
        B cancelled keep
        yes k2
        at 300
        read k2 held 100                         => k2:Differs(STILL_HELD=0/100) problem:LEDGER_DIFFERS updated:k2
        read k2 held 100 captured=100            => k2:Differs(CAPTURED_ELSEWHERE=0/100) closed:LEDGER_DIFFERS problem:LEDGER_DIFFERS
        read k2 gone 100 released=100            => k2:Agrees() closed:LEDGER_DIFFERS updated:k2
        ",
    );
}

#[test]
fn on_a_shared_payment_a_capture_is_nobodys_until_one_order_is_left() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        place B 100 klarna:k1=100
        at 100
        read k1 held 100 captured=100            => k1:Differs(CAPTURED_ELSEWHERE=0/100) problem:LEDGER_DIFFERS updated:k1
        A cancelled keep                         => status:cancelled dropped:b | B: kept:a
        read k1 held 100 captured=100            => k1:Adopted(+CAPTURED_ELSEWHERE=0/100) capture!k1=100:succeeded updated:k1
        state B                                  => default Captured

        place C 100 klarna:k2=100
        yes k2
        place D 100 klarna:k2=100
        read k2 expired 100 released=100         => k2:Adopted(+EXPIRED=100/0) updated:k2 problem:RESERVATION_EXPIRED | D: problem:RESERVATION_EXPIRED
        ",
    );
}

#[test]
fn money_that_a_person_paid_back_elsewhere_is_not_missed() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C units=1 yes
        no k1
        settle A k1 refund yes
        at 100
        read k1 held 100 captured=100             => k1:Agrees()
        read k1 held 100 captured=100 refunded=50 => k1:Agrees()
        ",
    );
}

#[test]
fn a_declined_refund_that_was_paid_in_the_portal_is_owed_no_more() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C units=1 yes                    => credited:50 refund?k1=50:C | C: created
        no k1                                     => refund!k1=50:declined problem:REFUND_DECLINED
        at 100
        read k1 held 100 captured=100 refunded=50 => k1:Adopted(+REFUNDED_ELSEWHERE=0/50) refund!k1=50:succeeded problem:REFUNDED_AT_PROVIDER closed:REFUND_DECLINED
        retry A k1 refund                         => REFUSED OPERATION_FINAL operation=6
        settle A k1 refund yes                    => REFUSED OPERATION_FINAL operation=6
        credit A D units=1 yes                    => credited:50 refund?k1=50:D | D: created
        ",
    );
}

#[test]
fn what_is_paid_in_the_portal_pays_out_what_is_owed_the_oldest_first() {
    check(
        "
        place A 200 klarna:k1=200
        yes k1
        A sent
        yes k1
        credit A C units=1 yes
        no k1
        credit A D units=1 yes
        no k1
        at 100
        read k1 held 200 captured=200 refunded=120 => k1:Adopted(+REFUNDED_ELSEWHERE=0/120) refund!k1=100:succeeded refund!k1=20:succeeded problem:REFUNDED_AT_PROVIDER closed:REFUND_DECLINED
        retry A k1 refund                          => REFUSED OPERATION_FINAL operation=9
        read k1 held 200 captured=200 refunded=200 => k1:Adopted(+REFUNDED_ELSEWHERE=120/200) refund!k1=80:succeeded problem:REFUNDED_AT_PROVIDER closed:REFUND_DECLINED
        state A                                    => sent Refunded REFUNDED_AT_PROVIDER REFUNDED_AT_PROVIDER

        place E 100 klarna:k2=100
        yes k2
        E sent
        yes k2
        credit E F units=1 yes
        yes k2 30                                  => refund!k2=30:succeeded updated:k2 problem:REFUND_DECLINED
        at 200
        read k2 held 100 captured=100 refunded=50  => k2:Adopted(+REFUNDED_ELSEWHERE=30/50) refund!k2=20:succeeded updated:k2 problem:REFUNDED_AT_PROVIDER closed:REFUND_DECLINED
        state E                                    => sent PartiallyRefunded REFUNDED_AT_PROVIDER

        place G 100 klarna:k3=100
        yes k3
        G sent
        yes k3
        credit G H units=1 yes
        no k3
        retry G k3 refund                          => settled:refund@k3:declined refund?k3=50:H
        yes k3 20                                  => refund!k3=20:succeeded updated:k3 closed:REFUND_DECLINED problem:REFUND_DECLINED
        at 300
        read k3 held 100 captured=100 refunded=50  => k3:Adopted(+REFUNDED_ELSEWHERE=20/50) refund!k3=30:succeeded updated:k3 problem:REFUNDED_AT_PROVIDER closed:REFUND_DECLINED
        state G                                    => sent PartiallyRefunded REFUNDED_AT_PROVIDER
        ",
    );
}

#[test]
fn what_was_captured_before_it_came_to_us_is_not_this_orders() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 160 captured=60             => k1:Differs(CAPTURED_ELSEWHERE=0/60) problem:LEDGER_DIFFERS updated:k1
        state A                                  => default Authorized LEDGER_DIFFERS

        place B 100 manual=50 klarna:k2=50
        yes k2
        read k2 held 110 captured=60             => k2:Differs(CAPTURED_ELSEWHERE=0/60) problem:LEDGER_DIFFERS updated:k2
        read k2 held 150 captured=70             => k2:Differs(CAPTURED_ELSEWHERE=0/70) closed:LEDGER_DIFFERS problem:LEDGER_DIFFERS
        ",
    );
}

#[test]
fn what_was_paid_back_before_it_came_to_us_is_not_this_orders() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        at 100
        read k1 held 160 captured=160 refunded=60 => k1:Differs(CAPTURED_ELSEWHERE=100/160 REFUNDED_ELSEWHERE=0/60) problem:LEDGER_DIFFERS updated:k1
        read k1 held 160 captured=160 refunded=90 => k1:Differs(CAPTURED_ELSEWHERE=100/160 +REFUNDED_ELSEWHERE=0/90) refund!k1=30:succeeded closed:LEDGER_DIFFERS problem:LEDGER_DIFFERS problem:REFUNDED_AT_PROVIDER
        ",
    );
}

#[test]
fn what_another_service_has_captured_pays_no_order_here() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        at 100
        read k1 held 100 captured=100 shared => \
            k1:Differs(CAPTURED_ELSEWHERE=0/100) problem:LEDGER_DIFFERS updated:k1
        state A                              => default Authorized LEDGER_DIFFERS
        read k1 held 100 captured=100        => \
            k1:Adopted(+CAPTURED_ELSEWHERE=0/100) capture!k1=100:succeeded closed:LEDGER_DIFFERS updated:k1
        ",
    );
}

#[test]
fn what_needs_a_person_needs_one_until_all_of_it_is_over() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        at 100
        read k1 held 100                         => k1:Differs(CAPTURE_MISSING=100/0) problem:LEDGER_DIFFERS updated:k1
        credit A C units=1 yes
        unknown k1
        settle A k1 refund yes                   => settled:refund@k1:unknown refund!k1=50:succeeded closed:OUTCOME_UNKNOWN
        at 200
        read k1 held 100 captured=100 refunded=50 => k1:Agrees() closed:LEDGER_DIFFERS updated:k1

        place B 100 klarna:k2=100
        yes k2
        B sent
        yes k2
        at 300
        read k2 held 100                          => k2:Differs(CAPTURE_MISSING=100/0) problem:LEDGER_DIFFERS updated:k2
        credit B D units=1 yes
        unknown k2                                => updated:k2 problem:OUTCOME_UNKNOWN
        yes k2                                    => refund!k2=50:succeeded closed:OUTCOME_UNKNOWN
        at 400
        read k2 held 100 captured=100 refunded=50 => k2:Agrees() closed:LEDGER_DIFFERS updated:k2
        ",
    );
}

#[test]
fn a_pending_change_goes_on_when_the_rest_is_captured_elsewhere() {
    check(
        "
        place A 100 klarna:k1=60 vipps:v1=40
        yes k1
        yes v1
        at 100
        A sent                                   => requested:sent capture?k1=60
        read v1 held 40 captured=40              => v1:Adopted(+CAPTURED_ELSEWHERE=0/40) capture!v1=40:succeeded
        yes k1                                   => capture!k1=60:succeeded status:sent delivered
        ",
    );
}

/// Of order 1, asked for at the beginning and over after a day.
fn capture(amount_minor: i64, state: OperationState) -> Operation {
    let capture = operation(9, OperationKind::Capture, amount_minor, state);
    Operation { resolved_at: Some(Micros(DAY)), ..capture }
}

#[test]
fn payments_are_read_while_money_may_move_on_them() {
    let held = Payment { expires_at: Some(Micros(10 * DAY)), ..payment(1, 100, &[1]) };
    let manual = |is_manual, can_read_back| {
        let capabilities =
            crate::payments::Capabilities { is_manual, can_read_back, ..held.capabilities };
        Payment { capabilities, ..held.clone() }
    };
    let moved = |state, reason: Option<&str>| {
        let operations =
            vec![Operation { provider_reason: reason.map(str::to_owned), ..capture(100, state) }];
        Payment { operations, ..held.clone() }
    };
    let captured = moved(OperationState::Succeeded, None);
    let paid_back = |amount_minor| {
        let refund = capture(amount_minor, OperationState::Succeeded);
        let refund = Operation { id: 10, kind: OperationKind::Refund, ..refund };
        let operations = vec![capture(100, OperationState::Succeeded), refund];
        Payment { operations, ..held.clone() }
    };
    let declined = moved(OperationState::Declined, Some("no"));
    let by_hand = moved(OperationState::Declined, Some(crate::attention::BY_HAND));
    let ended = |authorization| Payment { authorization, ..held.clone() };
    let soon = Payment { expires_at: Some(Micros(DAY + HOUR)), ..held.clone() };
    let cases = [
        ("held", &held, DAY, Some(2 * DAY)),
        ("in its last days", &held, 8 * DAY, Some(8 * DAY + 6 * HOUR)),
        ("just before its end", &soon, DAY, Some(DAY + HOUR + READ_AFTER_EXPIRY_MICROS)),
        ("after its end", &held, 11 * DAY, Some(11 * DAY + 6 * HOUR)),
        ("manual", &manual(true, true), DAY, None),
        ("without a read", &manual(false, false), DAY, None),
        ("captured", &captured, DAY, Some(2 * DAY)),
        ("captured long ago", &captured, 8 * DAY, Some(15 * DAY)),
        ("captured almost a year ago", &captured, 366 * DAY - 1, Some(373 * DAY - 1)),
        ("captured a year ago", &captured, 366 * DAY, None),
        ("paid back in part long ago", &paid_back(40), 8 * DAY, Some(15 * DAY)),
        ("paid back", &paid_back(100), DAY, Some(2 * DAY)),
        ("paid back long ago", &paid_back(100), 8 * DAY, None),
        ("declined now", &declined, DAY, Some(DAY)),
        ("declined before", &declined, DAY + 1, Some(2 * DAY + 1)),
        ("declined by hand", &by_hand, DAY, Some(2 * DAY)),
        ("expired", &ended(Authorization::Expired), DAY, None),
        ("given back", &ended(Authorization::Voided), DAY, None),
    ];
    for (name, payment, now, wanted) in cases {
        assert_eq!(next_read(payment, Micros(now)), wanted.map(Micros), "{name}");
    }
}

#[test]
fn only_what_holds_can_be_extended_and_only_what_answers_be_read() {
    let held = payment(1, 100, &[1]);
    let with = |authorization| Payment { authorization, ..held.clone() };
    let moved = |amount_minor, state| Payment {
        operations: vec![capture(amount_minor, state)],
        ..held.clone()
    };
    let cases = [
        (held.clone(), Ok(())),
        (moved(60, OperationState::Succeeded), Ok(())),
        (moved(100, OperationState::Succeeded), Err(Code::AlreadyCaptured)),
        (moved(100, OperationState::Unknown), Err(Code::AlreadyCaptured)),
        (with(Authorization::Pending), Err(Code::PaymentPending)),
        (with(Authorization::Expired), Err(Code::ReservationExpired)),
        (with(Authorization::Voided), Err(Code::ReservationGone)),
        (with(Authorization::Declined), Err(Code::ReservationGone)),
    ];
    for (payment, wanted) in cases {
        let case = Case { order: order(1, 100), payments: vec![payment] };
        let found = extendable(&case, PaymentId(1)).map(drop).map_err(|refusal| refusal.code);
        assert_eq!(found, wanted);
        let other = readable(&case, PaymentId(2)).map(drop).map_err(|refusal| refusal.code);
        assert_eq!(other, Err(Code::PaymentNotFound));
    }
}
