//! 2.2, 2.5, 2.8: to COMPLETED, capture by capture.

use crate::fixtures::script::check;

#[test]
fn completed_captures_before_the_label_moves() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=130
        yes k1         => authorize!k1=130:succeeded updated:k1
        plan A sent    => capture=100 release=30
        A sent note    => requested:sent capture?k1=100
        state A        => default Authorized
        A sent         => REFUSED STATUS_CHANGE_PENDING to=sent
        A cancelled    => REFUSED STATUS_CHANGE_PENDING to=sent
        yes k1         => capture!k1=100:succeeded status:sent delivered note release?k1=30
        yes k1         => release!k1=30:succeeded
        state A        => sent Captured
        A collected    => status:collected
        A cancelled restock => REFUSED ALREADY_CAPTURED captured_minor=100
        A returned     => status:returned
        A sent         => status:sent
        ",
    );
}

#[test]
fn an_order_waits_for_its_authorization() {
    check(
        "
        stock mug 10
        place A 100 klarna:k1=100
        plan A sent => capture=100
        A sent      => requested:sent
        sent k1
        unknown k1  => updated:k1 problem:OUTCOME_UNKNOWN
        unknown k1  =>
        accepted k1 => updated:k1 closed:OUTCOME_UNKNOWN
        yes k1      => authorize!k1=100:succeeded updated:k1 capture?k1=100
        accepted k1 => updated:k1
        yes k1      => capture!k1=100:succeeded status:sent delivered
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        A sent
        no k1       => authorize!k1=100:declined updated:k1 problem:AUTHORIZATION_DECLINED dropped:sent
        state A     => default None AUTHORIZATION_DECLINED
        A sent      => REFUSED RESERVATION_GONE left_minor=100 held_minor=0
        plan A sent =>
        ",
    );
}

#[test]
fn payments_are_captured_one_by_one_and_manual_last() {
    check(
        "
        stock mug 10
        place A 100 manual=20 vipps:v1=40 klarna:k1=50
        yes k1
        yes v1
        plan A sent => capture=50 capture=40 capture=10
        A sent      => requested:sent capture?k1=50
        yes k1      => capture!k1=50:succeeded capture?v1=40
        state A     => default PartiallyCaptured
        ",
    );
    check(
        "
        place A 100 manual=60 giftcard:g1=40
        yes g1
        A sent      => requested:sent capture?g1=40
        yes g1      => capture!g1=40:succeeded capture?manual=60 capture!manual=60:succeeded \
             status:sent delivered
        state A     => sent Captured
        ",
    );
    check(
        "
        place A 100 manual=100 => created attached:manual authorize?manual=100 \
             authorize!manual=100:succeeded
        A sent => capture?manual=100 capture!manual=100:succeeded status:sent delivered
        ",
    );
    check(
        "
        place A 0
        A sent      => status:sent delivered
        state A     => sent None
        ",
    );
}

#[test]
fn what_remains_is_released_only_where_it_has_to_be() {
    check(
        "
        place A 100 vipps:v1=100 giftcard:g1=30
        yes v1
        yes g1
        A sent
        yes v1  => capture!v1=100:succeeded status:sent delivered void?g1=30
        no g1   => void!g1=30:declined problem:VOID_DECLINED
        state A => sent Captured VOID_DECLINED
        A returned => status:returned
        A sent  => status:sent void?g1=30
        yes g1  => void!g1=30:succeeded updated:g1 closed:VOID_DECLINED
        ",
    );
    check(
        "
        place A 100 vipps:v1=130
        yes v1
        A sent
        yes v1  => capture!v1=100:succeeded status:sent delivered
        ",
    );
    check(
        "
        place A 100 klarna:k1=130
        yes k1
        A sent
        yes k1
        no k1   => release!k1=30:declined problem:RELEASE_DECLINED
        A returned => status:returned
        A sent  => status:sent release?k1=30
        no k1   => release!k1=30:declined closed:RELEASE_DECLINED problem:RELEASE_DECLINED
        late k1 release yes => updated:k1
        ",
    );
}

#[test]
fn a_declined_capture_leaves_the_status_and_a_problem() {
    check(
        "
        place A 100 klarna:k1=70 giftcard:g1=30
        yes k1
        yes g1
        A sent      => requested:sent capture?k1=70
        no k1       => capture!k1=70:declined problem:CAPTURE_DECLINED dropped:sent
        state A     => default Authorized CAPTURE_DECLINED
        A sent      => requested:sent capture?k1=70
        no k1       => capture!k1=70:declined closed:CAPTURE_DECLINED problem:CAPTURE_DECLINED \
             dropped:sent
        A sent
        yes k1      => capture!k1=70:succeeded capture?g1=30
        yes g1      => capture!g1=30:succeeded status:sent delivered closed:CAPTURE_DECLINED
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1 60   => capture!k1=60:succeeded updated:k1 problem:CAPTURE_DECLINED dropped:sent
        A sent      => requested:sent capture?k1=40
        yes k1      => capture!k1=40:succeeded status:sent delivered closed:CAPTURE_DECLINED
        ",
    );
}

#[test]
fn only_the_provider_says_that_a_reservation_ended() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        no k1 RESERVATION_EXPIRED => capture!k1=100:declined updated:k1 \
             problem:RESERVATION_EXPIRED dropped:sent
        state A   => default Expired RESERVATION_EXPIRED
        A sent    => REFUSED RESERVATION_EXPIRED left_minor=100 held_minor=0
        attach A vipps:v1=100 => attached:v1 authorize?v1=100
        state A   => default Pending RESERVATION_EXPIRED
        yes v1    => authorize!v1=100:succeeded updated:v1 closed:RESERVATION_EXPIRED
        A sent    => requested:sent capture?v1=100
        yes v1    => capture!v1=100:succeeded status:sent delivered
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        no k1 RESERVATION_GONE => authorize!k1=100:declined updated:k1 problem:RESERVATION_GONE
        attach A manual=100 => attached:manual authorize?manual=100 \
             authorize!manual=100:succeeded closed:RESERVATION_GONE
        ",
    );
}

#[test]
fn a_reservation_smaller_than_the_total_is_a_problem() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1 80 => authorize!k1=100:succeeded updated:k1 problem:PAYMENT_INSUFFICIENT
        A sent    => REFUSED PAYMENT_INSUFFICIENT left_minor=100 held_minor=80
        attach A manual=20 => attached:manual authorize?manual=20 \
             authorize!manual=20:succeeded closed:PAYMENT_INSUFFICIENT
        A sent    => requested:sent capture?k1=80
        ",
    );
}

#[test]
fn per_delivery_needs_the_delivery_first() {
    check(
        "
        shop per-delivery delivers-apart
        place A 100 manual=100
        A sent => REFUSED NOT_DELIVERED
        A is delivered 2
        A sent => capture?manual=100 capture!manual=100:succeeded status:sent
        ",
    );
    check(
        "
        shop delivers-apart
        place A 100 manual=100
        A sent => capture?manual=100 capture!manual=100:succeeded status:sent
        ",
    );
}

#[test]
fn a_reversal_is_an_operation_of_its_own() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        late k1 capture reversed 40  => reversal!k1=40:succeeded problem:CAPTURE_REVERSED
        state A => sent PartiallyCaptured CAPTURE_REVERSED
        late k1 capture reversed 80  => reversal!k1=60:succeeded problem:CAPTURE_REVERSED
        late k1 capture reversed 80  =>
        state A => sent None CAPTURE_REVERSED CAPTURE_REVERSED
        A returned => status:returned
        A sent     => status:sent
        ",
    );
}

#[test]
fn a_late_outcome_is_not_applied_twice() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        late k1 authorize yes     =>
        late k1 authorize no      => updated:k1
        A sent
        yes k1
        late k1 capture yes       =>
        late k1 capture unknown   =>
        late k1 capture accepted  =>
        state A => sent Captured
        ",
    );
}
