//! §8: what may be deleted, and what is left of it.

use crate::fixtures::script::check;

#[test]
fn an_order_goes_when_nothing_hangs_on_it() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        delete A         => REFUSED EFFECT_PENDING operation=2
        yes k1
        delete A restock => REFUSED RESERVATION_HELD payment=1 held_minor=100
        A cancelled keep
        delete A keep    => REFUSED STATUS_CHANGE_PENDING to=cancelled
        yes k1
        delete A         => REFUSED RESTOCK_REQUIRED
        delete A restock => deleted back:2
        delete A         => REFUSED ORDER_DELETED order=1
        stock mug        => 10
        place B 100 klarna:k2=100
        no k2
        delete B keep    => REFUSED PROBLEM_OPEN problem=AUTHORIZATION_DECLINED
        B cancelled keep
        delete B keep    => deleted
        stock mug        => 8
        place Z 0
        delete Z keep    => deleted
        place M 0
        M processing mail
        delete M keep    => REFUSED EFFECT_PENDING mail=7
        ",
    );
}

#[test]
fn an_order_of_which_goods_were_sent_is_paid_and_kept_unless_that_was_a_mistake() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        deliver A 1       => delivered
        delete A keep     => REFUSED RESERVATION_HELD payment=1 held_minor=100
        A cancelled keep  => REFUSED PARTLY_DELIVERED
        undeliver A 1     => undelivered:1
        A cancelled keep  => requested:cancelled void?k1=100
        yes k1
        delete A keep     => deleted
        place B 100 klarna:k2=100
        yes k2
        deliver B 1       => delivered
        edit B 1=1        => edited:100>50 update?k2=50
        yes k2
        B sent            => requested:sent capture?k2=50
        yes k2
        delete B          => REFUSED MONEY_NOT_CREDITED left_minor=50
        ",
    );
}

#[test]
fn captured_money_is_credited_first() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        delete A      => REFUSED MONEY_NOT_CREDITED left_minor=100
        A is credited
        delete A      => deleted
        place B 100 klarna:k2=100
        A is credit
        delete A      => REFUSED CREDIT_ORDER_FINAL
        ",
    );
}

#[test]
fn an_order_stays_until_what_was_credited_is_paid_back() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C units=2 yes    => credited:100 refund?k1=100:C | C: created
        delete A                  => REFUSED EFFECT_PENDING operation=4
        no k1                     => refund!k1=100:declined problem:REFUND_DECLINED
        delete A                  => REFUSED PROBLEM_OPEN problem=REFUND_DECLINED
        dismiss A REFUND_DECLINED => dismissed:REFUND_DECLINED
        delete A                  => REFUSED EFFECT_PENDING operation=4
        settle A k1 refund yes    => settled:refund@k1:declined refund!k1=100:succeeded
        delete A                  => deleted
        ",
    );
}

#[test]
fn a_twin_goes_without_its_payment() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        yes k1
        place B 100 klarna:k1=100
        place C 100 klarna:k1=100
        A sent
        delete B keep    => deleted dropped:a dropped:c | A: kept:b | C: kept:b
        yes k1
        delete C restock => deleted back:2 dropped:a dropped:b | A: kept:c
        state A          => sent Captured
        state B          => default None
        ",
    );
}

#[test]
fn the_last_twin_holds_the_reservation_alone() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        place B 100 klarna:k1=100
        delete A         => deleted dropped:b | B: kept:a
        delete B         => REFUSED RESERVATION_HELD payment=1 held_minor=100
        B cancelled keep => requested:cancelled void?k1=100
        yes k1
        delete B         => deleted
        ",
    );
}

#[test]
fn a_problem_whose_cause_is_gone_keeps_no_order() {
    check(
        "
        stock mug 2
        place A 100 klarna:k1=100
        yes k1
        place B 100 klarna:k1=100 => created attached:k1 taken:2 duplicate:A problem:OVERSOLD
        delete B keep             => REFUSED PROBLEM_OPEN problem=OVERSOLD
        stock mug 5
        delete B keep             => closed:OVERSOLD deleted dropped:a | A: kept:b
        ",
    );
}
