//! §2, 7.3, 7.4 and 9.6: histories, and everything that each command does.

mod cancelled;
mod completed;
mod heard;
mod histories;
mod oversold;
mod shared;

use crate::fixtures::script::check;

#[test]
fn a_label_without_tag_moves_alone() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100 => created attached:k1 authorize?k1=100 taken:2
        A processing              => status:processing
        A processing              =>
        A packing                 =>
        A processing note         => note
        A default note            => status:default note
        A returned                => status:returned
        stock mug                 => 8
        state A                   => returned Pending
        ",
    );
}

#[test]
fn a_change_is_withdrawn_while_nothing_was_sent() {
    check(
        "
        place A 100 klarna:k1=70 giftcard:g1=30
        withdraw A => REFUSED NO_STATUS_CHANGE_PENDING
        A sent     => requested:sent
        withdraw A => dropped:sent
        yes k1
        yes g1
        A sent     => requested:sent capture?k1=70
        withdraw A => capture!k1=70:withdrawn dropped:sent
        A sent     => requested:sent capture?k1=70
        sent k1
        withdraw A => REFUSED EFFECT_ALREADY_SENT operation=6
        yes k1     => capture!k1=70:succeeded capture?g1=30
        withdraw A => REFUSED EFFECT_ALREADY_SENT operation=6
        ",
    );
}

#[test]
fn a_credit_order_only_has_a_label() {
    check(
        "
        stock mug 5
        place A 100 klarna:k1=100
        A is credit
        A cancelled restock => REFUSED CREDIT_ORDER_FINAL
        A sent              => status:sent
        attach A manual=100 => REFUSED CREDIT_ORDER_FINAL
        stock mug           => 3
        ",
    );
}

#[test]
fn a_payment_is_attached_once_and_to_one_order() {
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k2=100
        attach A vipps:v1=50 => attached:v1 authorize?v1=50
        attach A vipps:v1=50 =>
        attach A vipps:v1=60 => REFUSED PAYMENT_MISMATCH stored_minor=50 stated_minor=60
        attach A klarna:k2=100 => REFUSED PAYMENT_MISMATCH other=2
        attach A klarna:=100 => REFUSED INVALID_REQUEST
        attach A klarna:k3=-1 => REFUSED INVALID_REQUEST
        yes k1
        A sent               => requested:sent
        attach A manual=1    => REFUSED STATUS_CHANGE_PENDING to=sent
        yes v1
        yes k1               => capture!k1=100:succeeded status:sent delivered void?v1=50
        attach A manual=1    => REFUSED ALREADY_CAPTURED captured_minor=100
        ",
    );
}
