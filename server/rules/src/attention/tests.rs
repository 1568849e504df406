//! What needs a person, as histories.

use crate::fixtures::script::check;

/// The capture of an order is asked for.
const CAPTURING: &str = "
    place A 100 klarna:k1=100
    yes k1
    A sent => requested:sent capture?k1=100
";

/// Of two payments one could not be captured, and the other is to be paid back.
const PAYING_BACK: &str = "
    place A 100 klarna:k1=70 giftcard:g1=30
    yes k1
    yes g1
    A sent           => requested:sent capture?k1=70
    yes k1           => capture!k1=70:succeeded capture?g1=30
    no g1            => capture!g1=30:declined problem:CAPTURE_DECLINED dropped:sent
    A cancelled keep => requested:cancelled refund?k1=70
";

/// A history that begins so.
fn check_after(beginning: &str, rest: &str) {
    check(&format!("{beginning}{rest}"));
}

#[test]
fn what_happened_is_said_and_the_change_goes_on() {
    check_after(
        CAPTURING,
        "
        settle A k1 capture yes  => REFUSED OPERATION_NOT_SENT operation=3
        unknown k1               => updated:k1 problem:OUTCOME_UNKNOWN
        settle A k1 capture yes 101 => REFUSED INVALID_REQUEST
        settle A k1 capture yes 0   => REFUSED INVALID_REQUEST
        settle A k1 capture yes  => settled:capture@k1:unknown capture!k1=100:succeeded status:sent delivered closed:OUTCOME_UNKNOWN updated:k1
        settle A k1 capture yes  => REFUSED OPERATION_FINAL operation=3
        settle A k1 capture no   => REFUSED OPERATION_FINAL operation=3
        late k1 capture yes      =>
        late k1 capture yes 60   => updated:k1
        state A                  => sent Captured
        ",
    );
}

#[test]
fn what_is_held_says_so_once_until_it_gets_through() {
    check_after(
        CAPTURING,
        "
        held k1 INTEGRATION_DISABLED      => problem:INTEGRATION_DISABLED
        held k1 INTEGRATION_DISABLED      =>
        held k1 INTEGRATION_UNAUTHORIZED  => closed:INTEGRATION_DISABLED problem:INTEGRATION_UNAUTHORIZED
        dismiss A INTEGRATION_UNAUTHORIZED => REFUSED PROBLEM_NOT_DISMISSIBLE code=INTEGRATION_UNAUTHORIZED
        held k1 OPERATION_DELAYED         => closed:INTEGRATION_UNAUTHORIZED problem:OPERATION_DELAYED
        dismiss A OPERATION_DELAYED       => REFUSED PROBLEM_NOT_DISMISSIBLE code=OPERATION_DELAYED
        settle A k1 capture yes           => REFUSED OPERATION_NOT_SENT operation=3
        yes k1                            => capture!k1=100:succeeded status:sent delivered closed:OPERATION_DELAYED
        late k1 capture yes               =>
        ",
    );
}

#[test]
fn what_may_have_been_done_is_told_as_that_and_not_as_held() {
    check_after(
        CAPTURING,
        "
        held k1 OPERATION_DELAYED    => problem:OPERATION_DELAYED
        unknown k1                   => updated:k1 problem:OUTCOME_UNKNOWN closed:OPERATION_DELAYED
        held k1 OPERATION_DELAYED    =>
        held k1 INTEGRATION_DISABLED =>
        ",
    );
}

#[test]
fn what_is_held_can_be_taken_back() {
    check_after(
        CAPTURING,
        "
        held k1 INTEGRATION_DISABLED => problem:INTEGRATION_DISABLED
        withdraw A                   => capture!k1=100:withdrawn dropped:sent closed:INTEGRATION_DISABLED
        ",
    );
}

#[test]
fn what_did_not_happen_is_said_and_asked_for_again() {
    check_after(
        CAPTURING,
        "
        unknown k1
        settle A k1 capture no  => settled:capture@k1:unknown capture!k1=100:declined problem:CAPTURE_DECLINED dropped:sent closed:OUTCOME_UNKNOWN updated:k1
        late k1 capture yes     => updated:k1
        retry A k1 capture      => REFUSED EFFECT_NOT_RETRYABLE operation=3
        A sent                  => requested:sent capture?k1=100
        yes k1                  => capture!k1=100:succeeded status:sent delivered closed:CAPTURE_DECLINED
        ",
    );
}

#[test]
fn what_is_awaited_cannot_be_said_not_to_have_happened() {
    for (under_way, state) in [("sent k1", "sent"), ("accepted k1", "accepted")] {
        check_after(
            CAPTURING,
            &format!(
                "
                {under_way}
                settle A k1 capture no  => REFUSED EFFECT_PENDING operation=3
                settle A k1 capture yes => settled:capture@k1:{state} capture!k1=100:succeeded \
                                           status:sent delivered
                "
            ),
        );
    }
    // It took too long, and is under way once more.
    check_after(
        CAPTURING,
        "
        unknown k1
        accepted k1            => updated:k1 closed:OUTCOME_UNKNOWN
        settle A k1 capture no => REFUSED EFFECT_PENDING operation=3
        unknown k1             => updated:k1 problem:OUTCOME_UNKNOWN
        sent k1
        settle A k1 capture no => settled:capture@k1:sent capture!k1=100:declined \
                                  problem:CAPTURE_DECLINED dropped:sent closed:OUTCOME_UNKNOWN updated:k1
        ",
    );
    check_after(
        PAYING_BACK,
        "
        accepted k1
        settle A k1 refund no => REFUSED EFFECT_PENDING operation=8
        ",
    );
}

#[test]
fn less_may_have_happened_than_was_asked() {
    check_after(
        CAPTURING,
        "
        sent k1
        settle A k1 capture yes 60 => settled:capture@k1:sent capture!k1=60:succeeded updated:k1 problem:CAPTURE_DECLINED dropped:sent
        A sent                     => requested:sent capture?k1=40
        ",
    );
}

#[test]
fn every_kind_of_operation_is_settled() {
    check(
        "
        place A 100 klarna:k1=100
        sent k1
        settle A k1 authorize yes => settled:authorize@k1:sent authorize!k1=100:succeeded updated:k1
        A cancelled keep          => requested:cancelled void?k1=100
        accepted k1
        settle A k1 void yes      => settled:void@k1:accepted void!k1=100:succeeded updated:k1 status:cancelled
        place B 100 klarna:k2=100
        sent k2
        settle B k2 authorize no  => settled:authorize@k2:sent authorize!k2=100:declined updated:k2 problem:AUTHORIZATION_DECLINED
        dismiss B AUTHORIZATION_DECLINED => REFUSED PROBLEM_NOT_DISMISSIBLE code=AUTHORIZATION_DECLINED
        retry B k2 authorize      => REFUSED EFFECT_NOT_RETRYABLE operation=5
        ",
    );
}

#[test]
fn what_waits_is_tried_now_with_its_key() {
    check(
        "
        place A 100 klarna:k1=100
        retry A k1 authorize => settled:authorize@k1:pending
        yes k1
        retry A k1 authorize => REFUSED OPERATION_FINAL operation=2
        A sent               => requested:sent capture?k1=100
        retry A k1 capture   => settled:capture@k1:pending
        unknown k1
        retry A k1 capture   => settled:capture@k1:unknown
        dismiss A OUTCOME_UNKNOWN => REFUSED PROBLEM_NOT_DISMISSIBLE code=OUTCOME_UNKNOWN
        place B 100 klarna:k2=100
        retry B k1 capture   => REFUSED OPERATION_NOT_FOUND operation=3
        ",
    );
}

#[test]
fn a_declined_refund_is_asked_for_anew_and_never_twice() {
    check_after(
        PAYING_BACK,
        "
        retry A k1 refund  => settled:refund@k1:pending
        no k1              => refund!k1=70:declined problem:REFUND_DECLINED dropped:cancelled
        retry A k1 refund  => settled:refund@k1:declined refund?k1=70
        no k1              => refund!k1=70:declined closed:REFUND_DECLINED problem:REFUND_DECLINED
        settle A k1 refund yes 50 => settled:refund@k1:declined refund!k1=50:succeeded
        settle A k1 refund no     => REFUSED OPERATION_FINAL operation=12
        dismiss A REFUND_DECLINED => dismissed:REFUND_DECLINED
        dismiss A REFUND_DECLINED => REFUSED PROBLEM_NOT_FOUND problem=11
        ",
    );
}

#[test]
fn a_declined_refund_paid_by_hand_is_no_problem_any_more() {
    check_after(
        PAYING_BACK,
        "
        no k1                  => refund!k1=70:declined problem:REFUND_DECLINED dropped:cancelled
        settle A k1 refund yes => settled:refund@k1:declined refund!k1=70:succeeded closed:REFUND_DECLINED
        A cancelled keep       => requested:cancelled void?g1=30
        ",
    );
}

#[test]
fn a_refund_that_is_held_up_can_be_paid_by_hand() {
    check_after(
        PAYING_BACK,
        "
        settle A k1 refund yes     => REFUSED OPERATION_NOT_SENT operation=8
        held k1 OPERATION_DELAYED  => problem:OPERATION_DELAYED
        settle A k1 refund yes     => settled:refund@k1:pending refund!k1=70:succeeded void?g1=30 closed:OPERATION_DELAYED
        late k1 refund yes         =>
        ",
    );
    check_after(
        PAYING_BACK,
        "
        held k1 INTEGRATION_DISABLED => problem:INTEGRATION_DISABLED
        settle A k1 refund no        => settled:refund@k1:pending refund!k1=70:declined problem:REFUND_DECLINED dropped:cancelled closed:INTEGRATION_DISABLED
        ",
    );
}

#[test]
fn what_a_refund_came_short_of_can_be_asked_for_too() {
    check_after(
        PAYING_BACK,
        "
        no k1                  => refund!k1=70:declined problem:REFUND_DECLINED dropped:cancelled
        retry A k1 refund      => settled:refund@k1:declined refund?k1=70
        yes k1 50              => refund!k1=50:succeeded updated:k1 closed:REFUND_DECLINED problem:REFUND_DECLINED
        retry A k1 refund      => settled:refund@k1:succeeded refund?k1=20
        yes k1                 => refund!k1=20:succeeded closed:REFUND_DECLINED
        retry A k1 refund      => REFUSED OPERATION_FINAL operation=12
        ",
    );
}

#[test]
fn a_cancellation_that_was_given_up_pays_nothing_back() {
    check_after(
        PAYING_BACK,
        "
        no k1                  => refund!k1=70:declined problem:REFUND_DECLINED dropped:cancelled
        A sent                 => requested:sent capture?g1=30
        yes g1                 => capture!g1=30:succeeded status:sent delivered closed:CAPTURE_DECLINED closed:REFUND_DECLINED
        retry A k1 refund      => REFUSED EFFECT_NOT_RETRYABLE operation=8
        settle A k1 refund yes => REFUSED OPERATION_FINAL operation=8
        ",
    );
}

#[test]
fn a_declined_return_is_asked_for_again_where_nobody_needs_it() {
    check(
        "
        place A 100 klarna:k1=130
        yes k1
        A sent
        yes k1              => capture!k1=100:succeeded status:sent delivered release?k1=30
        no k1               => release!k1=30:declined problem:RELEASE_DECLINED
        retry A k1 release  => settled:release@k1:declined release?k1=30
        yes k1              => release!k1=30:succeeded closed:RELEASE_DECLINED
        place B 100 klarna:k2=100
        yes k2
        B cancelled keep    => requested:cancelled void?k2=100
        no k2               => void!k2=100:declined problem:VOID_DECLINED dropped:cancelled
        retry B k2 void     => REFUSED EFFECT_NOT_RETRYABLE operation=9
        dismiss B VOID_DECLINED => dismissed:VOID_DECLINED
        state B             => default Authorized
        place C 100 vipps:v1=100 giftcard:g1=30
        yes v1
        yes g1
        C sent
        yes v1              => capture!v1=100:succeeded status:sent delivered void?g1=30
        no g1               => void!g1=30:declined problem:VOID_DECLINED
        retry C g1 void     => settled:void@g1:declined void?g1=30
        yes g1              => void!g1=30:succeeded updated:g1 closed:VOID_DECLINED
        ",
    );
}
