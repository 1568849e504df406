//! §5: histories of edits, and lines whose parts always add up.

mod amounts;

use crate::fixtures::script::check;

#[test]
fn the_edit_stands_at_once_and_the_amount_follows() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100 => created attached:k1 authorize?k1=100 taken:2
        yes k1
        edit A 1=1         => REFUSED RESTOCK_REQUIRED
        edit A 1=1 restock => edited:100>50 back:1 update?k1=50
        lines A            => 1:1*50-0=50/10 held 1
        state A            => default Authorized
        stock mug          => 9
        yes k1             => update!k1=50:succeeded updated:k1
        A sent             => requested:sent capture?k1=50
        yes k1             => capture!k1=50:succeeded status:sent delivered
        edit A 1=0 keep    => REFUSED ALREADY_CAPTURED captured_minor=50
        ",
    );
}

#[test]
fn a_newer_edit_replaces_an_unsent_amount_and_waits_for_a_sent_one() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        edit A 1@40 => edited:100>80 update?k1=80
        edit A 1@30 => edited:80>60 update!k1=80:withdrawn update?k1=60
        sent k1
        edit A 1@20 => edited:60>40 update?k1=40
        edit A 1@10 => edited:40>20 update!k1=40:withdrawn update?k1=20
        yes k1      => update!k1=60:succeeded updated:k1
        yes k1      => update!k1=20:succeeded updated:k1
        edit A 1@10 =>
        ",
    );
}

#[test]
fn an_amount_that_is_declined_is_a_problem_until_the_rest_is_released() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        edit A 1@40 => edited:100>80 update?k1=80
        no k1       => update!k1=80:declined problem:AMOUNT_UPDATE_DECLINED
        edit A 1@30 => edited:80>60 update?k1=60
        no k1       => update!k1=60:declined closed:AMOUNT_UPDATE_DECLINED problem:AMOUNT_UPDATE_DECLINED
        A sent      => requested:sent capture?k1=60
        yes k1      => capture!k1=60:succeeded status:sent delivered release?k1=40 closed:AMOUNT_UPDATE_DECLINED
        place B 100 klarna:k2=100
        yes k2
        edit B 1@40 => edited:100>80 update?k2=80
        no k2       => update!k2=80:declined problem:AMOUNT_UPDATE_DECLINED
        edit B 1@30 => edited:80>60 update?k2=60
        yes k2      => update!k2=60:succeeded updated:k2 closed:AMOUNT_UPDATE_DECLINED
        place C 100 klarna:k3=100
        yes k3
        edit C 1@40
        no k3 RESERVATION_EXPIRED => update!k3=80:declined updated:k3 problem:RESERVATION_EXPIRED
        ",
    );
}

#[test]
fn nothing_is_captured_or_given_back_before_a_sent_amount_is_known() {
    check(
        "
        place A 100 klarna:k1=70 giftcard:g1=30
        yes k1
        yes g1
        edit A 1@45     => edited:100>90 update?g1=20
        edit A 1@40     => edited:90>80 update!g1=20:withdrawn update?g1=10
        sent g1
        A sent          => requested:sent capture?k1=70
        yes k1          => capture!k1=70:succeeded capture?g1=10
        no g1           => update!g1=10:declined problem:AMOUNT_UPDATE_DECLINED
        yes g1          => capture!g1=10:succeeded status:sent delivered release?g1=20 closed:AMOUNT_UPDATE_DECLINED
        place B 100 klarna:k2=100
        yes k2
        edit B 1@40      => edited:100>80 update?k2=80
        sent k2
        B cancelled keep => requested:cancelled
        plan B sent      =>
        yes k2           => update!k2=80:succeeded updated:k2 void?k2=80
        yes k2           => void!k2=80:succeeded updated:k2 status:cancelled
        edit B 1@30      => REFUSED ORDER_CANCELLED status=cancelled
        ",
    );
}

#[test]
fn a_reservation_not_confirmed_yet_is_lowered_when_it_is() {
    check(
        "
        place A 100 klarna:k1=100
        edit A 1@40 => edited:100>80 update?k1=80
        edit A 1@30 => edited:80>60 update!k1=80:withdrawn update?k1=60
        yes k1 70   => authorize!k1=100:succeeded updated:k1
        yes k1      => update!k1=60:succeeded updated:k1
        place B 100 klarna:k2=100
        edit B 1@40 => edited:100>80 update?k2=80
        no k2       => authorize!k2=100:declined updated:k2 problem:AUTHORIZATION_DECLINED update!k2=80:withdrawn
        place C 100 klarna:k3=100
        edit C 1@40 => edited:100>80 update?k3=80
        yes k3 80   => authorize!k3=100:succeeded updated:k3 update!k3=80:withdrawn
        ",
    );
}

#[test]
fn an_amount_nobody_was_asked_for_yet_stands_in_no_captures_way() {
    check(
        "
        place A 100 giftcard:g1=30 klarna:k1=130
        yes k1
        edit A 1@30 => edited:100>60 update?k1=30
        A sent      => requested:sent
        no g1       => authorize!g1=30:declined updated:g1 problem:AUTHORIZATION_DECLINED \
             update!k1=30:withdrawn update?k1=60 capture?k1=60 closed:AUTHORIZATION_DECLINED
        shop per-delivery
        place B 100 giftcard:g2=30 klarna:k2=130
        yes k2
        edit B 1@30 => edited:100>60 update?k2=30
        deliver B   => delivered
        no g2       => authorize!g2=30:declined updated:g2 problem:AUTHORIZATION_DECLINED \
             update!k2=30:withdrawn update?k2=60 capture?k2=60 closed:AUTHORIZATION_DECLINED
        ",
    );
}

#[test]
fn what_cannot_be_lowered_or_is_shared_keeps_its_amount() {
    check(
        "
        place A 100 giftcard:g1=30 vipps:v1=70
        yes g1
        yes v1
        edit A 1@40 => edited:100>80
        A sent      => requested:sent capture?v1=70
        yes v1      => capture!v1=70:succeeded capture?g1=10
        yes g1      => capture!g1=10:succeeded status:sent delivered release?g1=20
        place B 100 klarna:k1=100
        yes k1
        edit B 1@40 => edited:100>80 update?k1=80
        place C 100 klarna:k1=100 => created attached:k1 duplicate:B | B: update!k1=80:withdrawn
        edit C 1@30 => edited:100>60
        C cancelled keep => status:cancelled dropped:b | B: kept:c
        B sent      => requested:sent capture?k1=80
        yes k1      => capture!k1=80:succeeded status:sent delivered release?k1=20
        place D 100 mobilepay:m1=100
        yes m1
        edit D 1@40 => edited:100>80
        D sent      => requested:sent capture?m1=80
        yes m1      => capture!m1=80:succeeded status:sent delivered release?m1=20
        ",
    );
}

#[test]
fn the_total_may_not_rise_while_a_provider_has_reserved_it() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        edit A 1@51        => REFUSED TOTAL_MAY_NOT_RISE old_minor=100 new_minor=102
        edit A +cup=1@1    => REFUSED TOTAL_MAY_NOT_RISE old_minor=100 new_minor=101
        edit A 1@40 +cup=1@20 => edited:100>100
        lines A            => 1:2*40-0=80/16 held 0, 2:1*20-0=20/4 held 0
        edit A 1=0 2@100   => edited:100>100
        edit A 1=1         => REFUSED INVALID_REQUEST
        edit A 2=0         => REFUSED INVALID_REQUEST
        edit A +cup=1@0    => edited:100>100
        lines A            => 1:0*40-0=0/0 held 0, 2:1*100-0=100/20 held 0, 3:1*0-0=0/0 held 0
        place M 100 manual=100 => created attached:manual authorize?manual=100 authorize!manual=100:succeeded
        edit M 1@70        => edited:100>140 update?manual=140 update!manual=140:succeeded updated:manual
        edit M 1@60        => edited:140>120 update?manual=120 update!manual=120:succeeded updated:manual
        M sent             => capture?manual=120 capture!manual=120:succeeded status:sent delivered
        place F 0
        edit F 1@1         => REFUSED TOTAL_MAY_NOT_RISE old_minor=0 new_minor=2
        ",
    );
}

#[test]
fn what_is_captured_delivered_or_credited_is_fixed() {
    check(
        "
        place A 100 klarna:k1=70 giftcard:g1=30
        yes k1
        yes g1
        A is delivered 1
        edit A 1=0 +cup=1@0 => REFUSED LINE_FIXED line=1 fixed_quantity=1
        edit A 1@40 => REFUSED LINE_FIXED line=1 fixed_quantity=1
        edit A 1=3  => REFUSED LINE_FIXED line=1 fixed_quantity=1
        edit A 1=1  => edited:100>50 update?g1=0 update?k1=50
        A is delivered 0
        A sent      => requested:sent capture?k1=50
        edit A 1=0  => REFUSED STATUS_CHANGE_PENDING to=sent
        place B 100 klarna:k2=70 giftcard:g2=30
        yes k2
        yes g2
        B sent
        yes k2
        no g2       => capture!g2=30:declined problem:CAPTURE_DECLINED dropped:sent
        edit B 1=1  => REFUSED TOTAL_BELOW_CAPTURED captured_minor=70 new_minor=50
        edit B 1@35 => edited:100>70 update?g2=0 closed:CAPTURE_DECLINED
        edit B 1@34 => REFUSED ALREADY_CAPTURED captured_minor=70
        B sent      => status:sent delivered
        ",
    );
}

#[test]
fn stock_follows_the_units_and_what_left_is_never_asked_for_again() {
    check(
        "
        shop refuses-oversold
        stock mug 10
        stock cup 2
        place A 100 manual=100 => created attached:manual authorize?manual=100 authorize!manual=100:succeeded taken:2
        edit A 1=6 => edited:100>300 taken:4 update?manual=300 update!manual=300:succeeded updated:manual
        edit A 1=5 keep
        lines A    => 1:5*50-0=250/50 held 5
        stock mug  => 4
        edit A +cup=3@10 => REFUSED OUT_OF_STOCK skus=cup
        edit A 1=10      => REFUSED OUT_OF_STOCK skus=mug
        edit A 1=1 +mug=7@1 restock
        lines A    => 1:1*50-0=50/10 held 1, 2:7*1-0=7/1 held 7
        stock mug  => 1
        A cancelled restock
        stock mug  => 9
        place Z 0
        edit Z 1=1 restock
        Z cancelled restock
        stock mug  => 9
        Z processing => status:processing taken:1
        lines Z    => 1:1*0-0=0/0 held 1
        ",
    );
}

#[test]
fn an_edit_that_asks_for_no_more_than_there_is_is_not_oversold() {
    check(
        "
        stock mug 1
        place A 100 manual=100
        state A            => default Authorized OVERSOLD
        A processing       => status:processing
        state A            => processing Authorized OVERSOLD
        edit A 1=1 restock => edited:100>50 back:1 update?manual=50 update!manual=50:succeeded \
             updated:manual closed:OVERSOLD
        place B 100 manual=100
        edit B +cup=1@0
        state B            => default Authorized OVERSOLD
        edit B 1=0 +tea=1@9 keep
        state B            => default Authorized
        ",
    );
}

#[test]
fn a_decrease_leaves_the_payment_that_stands_in_for_a_declined_one() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        no k1       => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent
        attach A klarna:k2=100
        yes k2
        edit A 1@40 => edited:100>80 update?k2=80
        yes k2
        A sent      => requested:sent capture?k2=80
        ",
    );
}

#[test]
fn a_decrease_to_what_is_captured_leaves_no_reservation_behind() {
    // Of two payments the second was declined.
    let check_after = |rest: &str| {
        check(&format!(
            "
            place A 100 klarna:k1=70 giftcard:g1=30
            yes k1
            yes g1
            A sent
            yes k1      => capture!k1=70:succeeded capture?g1=30
            no g1       => capture!g1=30:declined problem:CAPTURE_DECLINED dropped:sent
            {rest}
            ",
        ));
    };
    check_after(
        "
            edit A 1@35 => edited:100>70 update?g1=0 closed:CAPTURE_DECLINED
            yes g1      => update!g1=0:succeeded updated:g1
            A sent      => status:sent delivered
        ",
    );
    check_after(
        "
            edit A 1@35 => edited:100>70 update?g1=0 closed:CAPTURE_DECLINED
            sent g1
            A sent      => status:sent delivered
            yes g1      => update!g1=0:succeeded updated:g1
        ",
    );
    // What is not lowered is given back when the order is completed.
    check_after(
        "
            edit A 1@35 => edited:100>70 update?g1=0 closed:CAPTURE_DECLINED
            no g1
            A sent      => status:sent delivered void?g1=30
            yes g1      => void!g1=30:succeeded updated:g1
        ",
    );
    // As long as something is left to capture, the declined one may have to pay it.
    check_after(
        "
            edit A 1@40 => edited:100>80 update?g1=10
            yes g1
            A sent      => requested:sent capture?g1=10
        ",
    );
}

#[test]
fn an_order_for_nothing_needs_no_reservation_that_was_declined() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        no k1       => capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent
        edit A 1@0  => edited:100>0 update?k1=0 closed:CAPTURE_DECLINED
        yes k1      => update!k1=0:succeeded updated:k1
        A sent      => status:sent delivered
        ",
    );
}

#[test]
fn the_plan_of_a_cancellation_gives_back_what_is_held_once_a_sent_amount_is_agreed_to() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        edit A 1=1 keep  => edited:100>50 update?k1=50
        plan A cancelled => void=100
        sent k1
        plan A cancelled => void=50
        edit A 1@20      => edited:50>20 update?k1=20
        plan A cancelled => void=50
        A cancelled keep => requested:cancelled update!k1=20:withdrawn
        yes k1           => update!k1=50:succeeded updated:k1 void?k1=50
        ",
    );
}
