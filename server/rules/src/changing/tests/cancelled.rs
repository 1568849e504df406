//! 2.3, 2.4, 2.7: to CANCELLED and back.

use crate::fixtures::script::check;

#[test]
fn what_the_provider_took_back_whole_is_cancelled() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        late k1 capture reversed 40
        A cancelled keep => REFUSED ALREADY_CAPTURED captured_minor=100
        late k1 capture reversed 60
        A cancelled keep => status:cancelled
        state A          => cancelled None CAPTURE_REVERSED CAPTURE_REVERSED
        A processing
        ",
    );
    // Goods that had not been sent go back.
    check(
        "
        stock mug 5
        shop delivers-apart
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        late k1 capture reversed 100
        A cancelled restock => status:cancelled back:2
        stock mug           => 5
        ",
    );
}

#[test]
fn cancelled_gives_the_reservation_back_first() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        yes k1
        A cancelled            => REFUSED RESTOCK_REQUIRED
        plan A cancelled       => void=100
        A cancelled restock    => requested:cancelled void?k1=100
        yes k1                 => void!k1=100:succeeded updated:k1 status:cancelled back:2
        stock mug              => 10
        state A                => cancelled Voided
        A regretted restock    => status:regretted
        stock mug              => 10
        A processing           => REFUSED RESERVATION_GONE
        attach A manual=100    => REFUSED ORDER_CANCELLED status=regretted
        ",
    );
    check(
        "
        place A 100 manual=50 giftcard:g1=50
        yes g1
        A cancelled keep => requested:cancelled void?g1=50
        yes g1  => void!g1=50:succeeded updated:g1 void?manual=50 void!manual=50:succeeded \
             updated:manual status:cancelled
        ",
    );
    check(
        "
        place A 100 manual=100
        A cancelled keep note => void?manual=100 void!manual=100:succeeded updated:manual \
             status:cancelled note
        ",
    );
}

#[test]
fn cancelling_waits_until_it_is_known_what_is_held() {
    check(
        "
        place A 100 klarna:k1=100 vipps:v1=10
        plan A cancelled => void=100 void=10
        A cancelled keep => requested:cancelled
        no v1   => authorize!v1=10:declined updated:v1 problem:AUTHORIZATION_DECLINED
        yes k1  => authorize!k1=100:succeeded updated:k1 void?k1=100
        yes k1  => void!k1=100:succeeded updated:k1 status:cancelled closed:AUTHORIZATION_DECLINED
        ",
    );
}

#[test]
fn a_declined_void_leaves_the_status_and_a_problem() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A cancelled keep
        no k1   => void!k1=100:declined problem:VOID_DECLINED dropped:cancelled
        state A => default Authorized VOID_DECLINED
        A cancelled keep
        no k1 RESERVATION_EXPIRED => void!k1=100:succeeded updated:k1 status:cancelled \
             closed:VOID_DECLINED
        state A => cancelled Expired
        A processing => REFUSED RESERVATION_GONE
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A cancelled keep
        no k1   => void!k1=100:declined problem:VOID_DECLINED dropped:cancelled
        A sent  => requested:sent capture?k1=100
        yes k1  => capture!k1=100:succeeded status:sent delivered closed:VOID_DECLINED
        ",
    );
}

#[test]
fn what_was_captured_in_vain_is_refunded() {
    check(
        "
        stock mug 10
        place A 100 giftcard:g1=30 klarna:k1=40 vipps:v1=40
        yes g1
        yes k1
        yes v1
        A sent
        yes k1
        yes v1   => capture!v1=40:succeeded capture?g1=20
        no g1    => capture!g1=20:declined problem:CAPTURE_DECLINED dropped:sent
        plan A cancelled => refund=40 refund=40 void=30
        A cancelled restock => requested:cancelled refund?v1=40
        no v1    => refund!v1=40:declined problem:REFUND_DECLINED dropped:cancelled
        A cancelled restock => requested:cancelled refund?v1=40
        yes v1   => refund!v1=40:succeeded refund?k1=40 closed:REFUND_DECLINED
        yes k1   => refund!k1=40:succeeded void?g1=30
        yes g1   => void!g1=30:succeeded updated:g1 status:cancelled back:2 closed:CAPTURE_DECLINED
        state A  => cancelled Refunded
        ",
    );
}

#[test]
fn refunded_money_is_owed_again_when_the_order_goes_on() {
    check(
        "
        place A 100 giftcard:g1=30 klarna:k1=70
        yes g1
        yes k1
        A sent
        yes k1
        no g1 RESERVATION_EXPIRED
        A cancelled keep => requested:cancelled refund?k1=70
        yes k1    => refund!k1=70:succeeded status:cancelled closed:RESERVATION_EXPIRED
        A processing => status:processing problem:RESERVATION_EXPIRED
        A sent    => REFUSED RESERVATION_EXPIRED left_minor=100 held_minor=0
        attach A manual=100 => attached:manual authorize?manual=100 authorize!manual=100:succeeded \
             closed:RESERVATION_EXPIRED
        A sent    => capture?manual=100 capture!manual=100:succeeded status:sent delivered
        ",
    );
}

#[test]
fn delivered_or_captured_goods_are_not_cancelled() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A is delivered 1
        A cancelled keep => REFUSED PARTLY_DELIVERED
        ",
    );
    check(
        "
        stock mug 10
        place A 100 klarna:k1=130
        yes k1
        A sent
        yes k1
        yes k1
        A cancelled restock => REFUSED ALREADY_CAPTURED captured_minor=100
        credit A C units=2 no => credited:100 | C: created
        A cancelled         => REFUSED RESTOCK_REQUIRED
        A cancelled restock => status:cancelled
        stock mug           => 8
        A sent              => status:sent
        ",
    );
}

#[test]
fn back_from_cancelled_takes_the_goods_again() {
    check(
        "
        stock mug 2
        place A 100 klarna:k1=100
        no k1              => authorize!k1=100:declined updated:k1 problem:AUTHORIZATION_DECLINED
        A cancelled restock => status:cancelled back:2 closed:AUTHORIZATION_DECLINED
        place B 100 manual=100
        A processing       => status:processing taken:2 problem:OVERSOLD problem:AUTHORIZATION_DECLINED
        stock mug          => -2
        A cancelled keep   => status:cancelled closed:OVERSOLD closed:AUTHORIZATION_DECLINED
        A regretted restock => status:regretted back:2
        stock mug          => 0
        shop refuses-oversold
        A default          => REFUSED OUT_OF_STOCK skus=mug
        ",
    );
}

#[test]
fn what_cancelling_closed_is_open_again_when_the_order_comes_back() {
    check(
        "
        place A 100 klarna:k1=100
        no k1            => authorize!k1=100:declined updated:k1 problem:AUTHORIZATION_DECLINED
        A cancelled keep => status:cancelled closed:AUTHORIZATION_DECLINED
        A regretted keep => status:regretted
        A processing     => status:processing problem:AUTHORIZATION_DECLINED
        A returned       => status:returned
        attach A manual=100
        state A          => returned Authorized
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        news k1 - expired => updated:k1 problem:RESERVATION_EXPIRED
        A cancelled keep  => status:cancelled closed:RESERVATION_EXPIRED
        A processing      => status:processing problem:RESERVATION_EXPIRED
        A cancelled keep  => status:cancelled closed:RESERVATION_EXPIRED
        A default         => status:default problem:RESERVATION_EXPIRED
        state A           => default Expired RESERVATION_EXPIRED
        ",
    );
    // Less is reserved than the order comes to, and a twin holds it meanwhile.
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1 60        => authorize!k1=100:succeeded updated:k1 problem:PAYMENT_INSUFFICIENT
        A cancelled keep => status:cancelled closed:PAYMENT_INSUFFICIENT dropped:b | B: kept:a
        A processing     => status:processing problem:PAYMENT_INSUFFICIENT open:b | B: open:a
        ",
    );
    // The money is another order's.
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        A sent
        B sent
        yes k1           => authorize!k1=100:succeeded updated:k1 capture?k1=100 \
             | B: problem:DUPLICATE_ALREADY_CAPTURED dropped:sent
        yes k1
        B cancelled keep => status:cancelled closed:DUPLICATE_ALREADY_CAPTURED dropped:a | A: kept:b
        B processing     => status:processing problem:DUPLICATE_ALREADY_CAPTURED open:a | A: open:b
        ",
    );
}

#[test]
fn what_ended_while_an_order_was_cancelled_is_told_when_it_comes_back() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        A cancelled keep  => status:cancelled dropped:b | B: kept:a
        news k1 - expired => updated:k1 problem:RESERVATION_EXPIRED
        A processing      => status:processing problem:RESERVATION_EXPIRED open:b | B: open:a
        ",
    );
}
