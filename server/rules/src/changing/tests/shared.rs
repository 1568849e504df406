//! 7.3, 7.4: several orders on one payment.

use crate::fixtures::script::check;

#[test]
fn only_the_last_holder_gives_a_reservation_back() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100 => created attached:k1 taken:2 duplicate:A
        yes k1
        plan A cancelled    =>
        A cancelled restock => status:cancelled back:2 dropped:b | B: kept:a
        state A             => cancelled None
        state B             => default Authorized
        plan B cancelled    => void=100
        B cancelled restock => requested:cancelled void?k1=100
        A processing        => REFUSED RESERVATION_GONE
        yes k1              => void!k1=100:succeeded updated:k1 status:cancelled back:2 dropped:a
        stock mug           => 10
        state A             => cancelled Voided
        ",
    );
}

#[test]
fn a_payment_belongs_to_the_order_that_captures_first() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        B sent   => requested:sent capture?k1=100
        A sent   => REFUSED DUPLICATE_ALREADY_CAPTURED other=2 left_minor=100 held_minor=0
        state A  => default None
        sent k1
        unknown k1
        A sent   => REFUSED DUPLICATE_ALREADY_CAPTURED other=2 left_minor=100 held_minor=0
        no k1    => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent closed:OUTCOME_UNKNOWN
        A sent   => requested:sent capture?k1=100
        yes k1   => capture!k1=100:succeeded status:sent delivered
        B sent   => REFUSED DUPLICATE_ALREADY_CAPTURED other=1 left_minor=100 held_minor=0
        B cancelled keep => status:cancelled closed:CAPTURE_DECLINED dropped:a | A: kept:b
        state B  => cancelled None
        state A  => sent Captured
        B processing => status:processing open:a | A: open:b
        attach B manual=100
        B sent   => capture?manual=100 capture!manual=100:succeeded status:sent delivered
        ",
    );
}

#[test]
fn the_rest_is_released_when_the_twin_lets_go() {
    check(
        "
        place A 100 klarna:k1=130
        place B 100 klarna:k1=130
        yes k1
        A sent
        yes k1   => capture!k1=100:succeeded status:sent delivered
        B cancelled keep => status:cancelled dropped:a | A: release?k1=30 kept:b
        yes k1   => release!k1=30:succeeded
        ",
    );
}

#[test]
fn every_order_hears_of_the_authorization() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        A sent    => requested:sent
        B sent    => requested:sent
        yes k1    => authorize!k1=100:succeeded updated:k1 capture?k1=100 \
             | B: problem:DUPLICATE_ALREADY_CAPTURED dropped:sent
        yes k1    => capture!k1=100:succeeded status:sent delivered
        state B   => default None DUPLICATE_ALREADY_CAPTURED
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        B sent
        no k1     => authorize!k1=100:declined updated:k1 problem:AUTHORIZATION_DECLINED \
             | B: problem:AUTHORIZATION_DECLINED dropped:sent
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        A cancelled keep => status:cancelled dropped:b | B: kept:a
        B sent           => requested:sent
        yes k1 => authorize!k1=100:succeeded updated:k1 | B: capture?k1=100
        ",
    );
}

#[test]
fn a_twin_placed_while_the_reservation_goes_has_none() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A cancelled keep          => requested:cancelled void?k1=100
        place B 100 klarna:k1=100 => created attached:k1 problem:RESERVATION_GONE duplicate:A
        B sent                    => REFUSED RESERVATION_GONE left_minor=100 held_minor=0
        withdraw A                => void!k1=100:withdrawn dropped:cancelled | B: closed:RESERVATION_GONE
        B sent                    => requested:sent capture?k1=100
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A cancelled keep
        yes k1
        place B 100 klarna:k1=100 => created attached:k1 problem:RESERVATION_GONE duplicate:A kept:a | A: dropped:b
        B cancelled keep          => status:cancelled closed:RESERVATION_GONE dropped:a
        ",
    );
}

#[test]
fn an_order_on_its_way_back_keeps_the_reservation() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        B cancelled restock => status:cancelled back:2 dropped:a | A: kept:b
        B sent              => requested:sent capture?k1=100
        A cancelled restock => status:cancelled back:2 dropped:b
        no k1  => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent void?k1=100
        yes k1 => void!k1=100:succeeded updated:k1
        stock mug => 10
        ",
    );
}

#[test]
fn a_plan_knows_what_is_still_to_be_confirmed() {
    // v1 is still to be confirmed, and was let go of.
    check(
        "
        place A 100 giftcard:g1=30 klarna:k1=130
        place B 100 klarna:k1=130
        yes g1
        attach A vipps:v1=50
        resolve B drop A keep => kept:a | A: status:cancelled void?g1=30 dropped:b
        no g1                 => void!g1=30:declined problem:VOID_DECLINED
        plan A regretted      => void=30
        A regretted keep      => status:regretted void?g1=30
        ",
    );
    check(
        "
        place A 100 klarna:k1=130
        place B 100 klarna:k1=130
        yes k1
        attach A vipps:v1=50
        resolve B drop A keep => kept:a | A: status:cancelled dropped:b
        plan A sent           => capture=100 void=50
        A sent                => requested:sent
        yes v1                => authorize!v1=50:succeeded updated:v1 capture?k1=100
        yes k1                => capture!k1=100:succeeded status:sent delivered void?v1=50 open:b \
             | B: open:a
        ",
    );
    // Completed, it needs no reservation; v1 goes back as soon as it is confirmed.
    check(
        "
        shop delivers-apart
        place A 0 klarna:k1=60
        yes k1
        A sent           => status:sent void?k1=60
        no k1            => void!k1=60:declined problem:VOID_DECLINED
        attach A vipps:v1=50
        plan A cancelled => void=50 void=60
        A cancelled keep => requested:cancelled void?k1=60
        ",
    );
}
