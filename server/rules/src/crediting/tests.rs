//! §4: credits as histories, and that any series of them adds up to the line.

mod series;

use crate::fixtures::script::check;

#[test]
fn a_credit_moves_the_sale_and_makes_a_document() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        credit A X units=1 yes  => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_quantity=0
        credit A X amount=1 no  => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_minor=0
        yes k1
        A sent
        credit A X units=1 yes  => REFUSED STATUS_CHANGE_PENDING to=sent
        yes k1
        credit A X units=3 yes  => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_quantity=2
        credit A X strange=1 no => REFUSED INVALID_REQUEST
        credit A C units=1 yes restock reason => credited:50 back:1 refund?k1=50:C | C: created note
        totals C                => -50: 1x-50-0=-50(-10)
        state C                 => default None
        state A                 => sent Captured
        stock mug               => 9
        yes k1                  => refund!k1=50:succeeded
        state A                 => sent PartiallyRefunded
        credit A D units=1 yes  => credited:50 refund?k1=50:D | D: created
        yes k1
        state A                 => sent Refunded
        credit A X units=1 yes  => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_quantity=0
        A cancelled restock     => status:cancelled
        stock mug               => 9
        A returned              => status:returned
        stock mug               => 9
        A sent                  => status:sent
        ",
    );
}

#[test]
fn a_credit_order_is_final() {
    check(
        "
        place A 100 manual=100
        A sent
        credit A C units=2 no => credited:100 | C: created
        C sent                => status:sent
        C cancelled keep      => REFUSED CREDIT_ORDER_FINAL
        C processing          => status:processing
        credit C X units=1 no => REFUSED CREDIT_ORDER_FINAL
        attach C manual=100   => REFUSED CREDIT_ORDER_FINAL
        withdraw C            => REFUSED NO_STATUS_CHANGE_PENDING
        ",
    );
}

#[test]
fn fees_reduce_a_credit_and_it_never_becomes_negative() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A X units=1 fee=51 yes => REFUSED INVALID_REQUEST
        credit A C units=1 fee=20 yes => credited:30 refund?k1=30:C | C: created
        totals C                      => -30: 1x-50-0=-50(-10) 1x20-0=20(4)
        credit A D units=1 fee=50 yes => credited:0 | D: created
        totals D                      => 0: 1x-50-0=-50(-10) 1x50-0=50(10)
        ",
    );
}

#[test]
fn a_price_reduction_leaves_less_for_the_units() {
    check(
        "
        place A 100 manual=100
        A sent
        credit A X amount=101 no => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_minor=100
        credit A C amount=70 no  => credited:70 | C: created
        totals C                 => -70: 1x-70-0=-70(-14)
        credit A D units=1 no    => credited:30 | D: created
        totals D                 => -30: 1x-50--20=-30(-6)
        credit A E units=1 no    => credited:0 | E: created
        credit A X amount=1 no   => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_minor=0
        ",
    );
}

#[test]
fn refunds_go_back_where_the_money_was_taken_last() {
    let captured = "
        place A 100 klarna:k1=60 giftcard:g1=40
        yes k1
        yes g1
        A sent
        yes k1
        yes g1
        ";
    for rest in [
        "
        credit A C units=1 yes => credited:50 refund?g1=40:C refund?k1=10:C | C: created
        credit A D units=1 yes => credited:50 refund?k1=50:D | D: created
        ",
        "
        credit A X units=1 yes unknown=50  => REFUSED INVALID_REQUEST
        credit A X units=1 yes k1=49       => REFUSED INVALID_REQUEST
        credit A X units=1 yes k1=9 g1=41  => REFUSED CREDIT_EXCEEDS_CAPTURED left_minor=40 payment=3
        credit A C units=1 yes k1=45 g1=5  => credited:50 refund?k1=45:C refund?g1=5:C | C: created
        credit A D units=1 yes             => credited:50 refund?g1=35:D refund?k1=15:D | D: created
        ",
    ] {
        check(&format!("{captured}{rest}"));
    }
}

#[test]
fn what_was_paid_by_hand_is_paid_back_by_hand() {
    check(
        "
        place A 100 klarna:k1=60 manual=40
        yes k1
        A sent
        yes k1
        credit A X units=2 yes           => REFUSED REFUND_BY_HAND refundable_minor=60
        credit A X units=1 yes manual=50 => REFUSED REFUND_BY_HAND refundable_minor=40 payment=3
        credit A C units=1 yes           => credited:50 refund?k1=50:C | C: created
        credit A X units=1 yes           => REFUSED REFUND_BY_HAND refundable_minor=10
        credit A D units=1 no            => credited:50 | D: created
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        late k1 capture reversed 70
        credit A X units=1 yes => REFUSED CREDIT_EXCEEDS_CAPTURED left_minor=30
        credit A C units=1 no  => credited:50 | C: created
        ",
    );
}

#[test]
fn a_declined_refund_leaves_the_credit_and_gives_the_amount_free() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C units=1 yes     => credited:50 refund?k1=50:C | C: created
        no k1                      => refund!k1=50:declined problem:REFUND_DECLINED
        state A                    => sent Captured REFUND_DECLINED
        credit A D units=1 yes     => credited:50 refund?k1=50:D | D: created
        no k1 RESERVATION_EXPIRED  => refund!k1=50:declined problem:REFUND_DECLINED
        state A                    => sent Captured REFUND_DECLINED REFUND_DECLINED
        A returned                 => status:returned
        A cancelled keep           => status:cancelled
        state A                    => cancelled Captured REFUND_DECLINED REFUND_DECLINED
        retry A k1 refund          => settled:refund@k1:declined refund?k1=50:D
        yes k1                     => refund!k1=50:succeeded closed:REFUND_DECLINED
        state A                    => cancelled PartiallyRefunded REFUND_DECLINED
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C units=1 yes => credited:50 refund?k1=50:C | C: created
        yes k1 30              => refund!k1=30:succeeded updated:k1 problem:REFUND_DECLINED
        state A                => sent PartiallyRefunded REFUND_DECLINED
        ",
    );
}

#[test]
fn what_a_declined_refund_owes_is_left_to_it_where_others_have_enough() {
    check(
        "
        place A 100 klarna:k1=60 giftcard:g1=40
        yes k1
        yes g1
        A sent
        yes k1
        yes g1
        credit A C units=1 yes  => credited:50 refund?g1=40:C refund?k1=10:C | C: created
        yes k1                  => refund!k1=10:succeeded
        no g1                   => refund!g1=40:declined problem:REFUND_DECLINED
        credit A D units=1 yes  => credited:50 refund?k1=50:D | D: created
        yes k1                  => refund!k1=50:succeeded
        retry A g1 refund       => settled:refund@g1:declined refund?g1=40:C
        yes g1                  => refund!g1=40:succeeded closed:REFUND_DECLINED
        state A                 => sent Refunded
        ",
    );
}

#[test]
fn a_pending_refund_reserves_its_amount_and_gates_no_status() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C amount=60 yes => credited:60 refund?k1=60:C | C: created
        credit A X amount=40 yes k1=41 => REFUSED CREDIT_EXCEEDS_CAPTURED left_minor=40 payment=1
        sent k1
        unknown k1               => updated:k1 problem:OUTCOME_UNKNOWN
        A returned               => status:returned
        A sent                   => status:sent
        credit A D amount=40 yes => credited:40 refund?k1=40:D | D: created
        yes k1                   => refund!k1=60:succeeded closed:OUTCOME_UNKNOWN
        yes k1                   => refund!k1=40:succeeded
        state A                  => sent Refunded
        ",
    );
}

#[test]
fn a_duplicate_is_resolved_before_it_is_credited() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        place B 100 klarna:k1=100
        A sent
        yes k1
        credit A X units=1 yes => REFUSED DUPLICATE_UNRESOLVED other=2
        credit B X units=1 yes => REFUSED DUPLICATE_UNRESOLVED other=1
        B cancelled keep
        credit B X units=1 yes => REFUSED DUPLICATE_NOT_CREDITABLE other=1
        credit A C units=1 yes => credited:50 refund?k1=50:C | C: created
        ",
    );
}

#[test]
fn only_what_is_captured_of_a_line_is_credited() {
    check(
        "
        place A 75 manual=75
        A is captured 1
        credit A X units=2 no   => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_quantity=1
        credit A X amount=38 no => REFUSED CREDIT_EXCEEDS_CAPTURED line=1 left_minor=37
        credit A C amount=7 no  => credited:7 | C: created
        credit A D units=1 no   => credited:30 | D: created
        A is captured 2
        credit A E units=1 no   => credited:37 | E: created
        ",
    );
}
