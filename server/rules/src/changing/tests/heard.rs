//! 2.5, 2.8, 11.2: what a provider says by itself.

use crate::changing::{Bearing, Happening, News, bearing, next_step};
use crate::fixtures::script::check;
use crate::fixtures::{operation, payment};
use crate::payments::{Capabilities, Operation, OperationKind, OperationState, Payment};

#[test]
fn what_is_known_or_under_way_is_no_news() {
    check(
        "
        place A 100 klarna:k1=100
        news k1 - authorized 100        =>
        yes k1
        news k1 - authorized 100        =>
        A sent
        sent k1
        news k1 capture captured 100    =>
        news k1 capture capture-failed  =>
        news k1 - capture-failed 100    =>
        news k1 - chargeback 100        =>
        news k1 - voided                =>
        news k1 - expired               =>
        yes k1
        news k1 capture captured 100    =>
        news k1 - not-captured          =>
        news k1 - not-refunded          =>
        news k1 - voided                =>
        news k1 - expired               =>
        news k1 - trifle                =>
        state A                         => sent Captured
        ",
    );
}

#[test]
fn money_that_is_taken_back_is_a_reversal() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        news k1 capture capture-failed 40 => reversal!k1=40:succeeded problem:CAPTURE_REVERSED
        news k1 - chargeback 100          => reversal!k1=60:succeeded problem:CAPTURE_REVERSED
        news k1 - chargeback 100          => updated:k1 problem:CHANGED_AT_PROVIDER
        state A => sent None CAPTURE_REVERSED CAPTURE_REVERSED CHANGED_AT_PROVIDER
        ",
    );
    // Of what was never captured nothing can be taken back.
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        no k1
        news k1 capture capture-failed 100 =>
        news k1 - chargeback 100           => updated:k1 problem:CHANGED_AT_PROVIDER
        ",
    );
}

#[test]
fn a_refund_that_came_back_can_be_made_again() {
    let sold = "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A X units=1 yes
        yes k1
        state A                         => sent PartiallyRefunded
        news k1 refund refund-failed 50 => refund!k1=50:declined problem:REFUND_REVERSED
        state A                         => sent Captured REFUND_REVERSED
        ";
    let word = "
        news k1 refund refund-failed 50 =>
        news k1 refund refunded 50      =>
        news k1 refund not-refunded 50  =>
        dismiss A REFUND_REVERSED       => dismissed:REFUND_REVERSED
        ";
    let again = "
        retry A k1 refund => settled:refund@k1:declined refund?k1=50:X
        yes k1            => refund!k1=50:succeeded closed:REFUND_REVERSED
        state A           => sent PartiallyRefunded
        ";
    let by_hand = "
        settle A k1 refund yes => settled:refund@k1:declined refund!k1=50:succeeded \
                                  closed:REFUND_REVERSED
        state A                => sent PartiallyRefunded
        ";
    for then in [word, again, by_hand] {
        check(&format!("{sold}{then}"));
    }
}

#[test]
fn a_refund_of_a_cancellation_that_came_back_is_owed_still() {
    check(
        "
        place A 100 giftcard:g1=30 klarna:k1=70
        yes g1
        yes k1
        A sent
        yes k1
        no g1
        A cancelled keep
        yes k1                          => refund!k1=70:succeeded void?g1=30
        yes g1
        news k1 refund refund-failed 70 => refund!k1=70:declined problem:REFUND_REVERSED
        state A                         => cancelled PartiallyCaptured REFUND_REVERSED
        retry A k1 refund               => settled:refund@k1:declined refund?k1=70
        yes k1                          => refund!k1=70:succeeded closed:REFUND_REVERSED
        state A                         => cancelled Refunded
        ",
    );
}

#[test]
fn money_that_cannot_be_booked_is_for_a_person() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A X units=1 yes
        yes k1
        news k1 capture capture-failed 100 EUR => updated:k1 problem:CHANGED_AT_PROVIDER
        news k1 capture capture-failed         => problem:CHANGED_AT_PROVIDER
        news k1 - chargeback 0                 => problem:CHANGED_AT_PROVIDER
        news k1 - chargeback 100 EUR           => problem:CHANGED_AT_PROVIDER
        news k1 refund refund-failed 50 EUR    => problem:CHANGED_AT_PROVIDER
        news k1 refund refund-failed 0         => problem:CHANGED_AT_PROVIDER
        news k1 refund refund-failed 20        => problem:CHANGED_AT_PROVIDER
        news k1 capture captured 100 EUR       => problem:CHANGED_AT_PROVIDER
        news k1 - refund-failed 20             => problem:REFUND_REVERSED
        news k1 capture captured 100           =>
        ",
    );
}

#[test]
fn a_reservation_that_ended_by_itself_is_lost() {
    for (news, code) in [("expired", "RESERVATION_EXPIRED"), ("voided", "RESERVATION_GONE")] {
        check(&format!(
            "
            place A 100 klarna:k1=100
            place B 100 klarna:k1=100
            yes k1
            news k1 - {news} => updated:k1 problem:{code} | B: problem:{code}
            A sent           => REFUSED {code} left_minor=100 held_minor=0
            news k1 - {news} =>
            "
        ));
    }
}

#[test]
fn what_nobody_asked_for_is_for_a_person() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        news k1 - captured 100 => updated:k1 problem:CHANGED_AT_PROVIDER
        news k1 - refunded 20  => problem:CHANGED_AT_PROVIDER
        news k1 - adjusted 80  => problem:CHANGED_AT_PROVIDER
        news k1 - other        => problem:CHANGED_AT_PROVIDER
        dismiss A CHANGED_AT_PROVIDER => dismissed:CHANGED_AT_PROVIDER
        ",
    );
}

#[test]
fn a_capture_that_somebody_else_made_is_adopted() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        news k1 - captured 60 #psp1 => capture!k1=60:succeeded
        state A                     => default PartiallyCaptured
        A sent                      => requested:sent capture?k1=40
        news k1 - captured 40 #psp2 =>
        yes k1                      => capture!k1=40:succeeded status:sent delivered
        news k1 - captured 40 #psp2 => updated:k1 problem:CHANGED_AT_PROVIDER
        state A                     => sent Captured CHANGED_AT_PROVIDER
        ",
    );
    // It fails afterwards, and is none of those that were told.
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        news k1 - captured 100 #psp1               => capture!k1=100:succeeded
        news k1 capture captured 100 #psp1         =>
        news k1 - capture-failed 100 #psp9         => updated:k1 problem:CHANGED_AT_PROVIDER
        news k1 capture capture-failed 100 #psp1   => \
            reversal!k1=100:succeeded problem:CAPTURE_REVERSED
        state A => default None CHANGED_AT_PROVIDER CAPTURE_REVERSED
        ",
    );
}

#[test]
fn a_capture_that_is_not_certainly_of_an_order_is_for_a_person() {
    // More than is owed; whose it is nobody knows; of nothing that is held.
    for (begin, news) in [
        ("place A 100 klarna:k1=200\nyes k1", "captured 150 #psp1"),
        ("place A 100 klarna:k1=100\nplace B 100 klarna:k1=100\nyes k1", "captured 100 #psp1"),
        ("place A 100 klarna:k1=100\nno k1", "captured 100 #psp1"),
        ("place A 100 klarna:k1=100\nyes k1", "captured 0 #psp1"),
        ("place A 100 klarna:k1=100\nyes k1", "captured 100 EUR"),
    ] {
        check(&format!("{begin}\nnews k1 - {news} => updated:k1 problem:CHANGED_AT_PROVIDER"));
    }
    // It was told to have failed before it was told at all, and nobody waits any longer.
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        news k1 - capture-failed 100 #psp1 => updated:k1 problem:CHANGED_AT_PROVIDER
        news k1 - captured 100 #psp1       => problem:CHANGED_AT_PROVIDER
        state A => default Authorized CHANGED_AT_PROVIDER CHANGED_AT_PROVIDER
        ",
    );
}

#[test]
fn what_was_found_captured_is_adopted_and_the_rest_is_asked_for() {
    check(
        "
        place A 100 klarna:k1=150
        yes k1
        A sent
        found k1 60 => capture!k1=60:succeeded capture?k1=40
        yes k1      => capture!k1=40:succeeded status:sent delivered release?k1=50
        yes k1
        state A     => sent Captured
        ",
    );
    // A person hears of what is too much.
    check(
        "
        place A 100 klarna:k1=150
        yes k1
        A sent
        found k1 150 => capture!k1=150:succeeded updated:k1 problem:CHANGED_AT_PROVIDER status:sent delivered
        state A      => sent Captured CHANGED_AT_PROVIDER
        ",
    );
}

#[test]
fn nobody_is_needed_when_the_cause_is_gone() {
    // Told to a person, and found when one of the two orders was completed after all.
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        news k1 - captured 100 #psp1 => updated:k1 problem:CHANGED_AT_PROVIDER
        attention k1                 => true
        resolve A drop B keep as sent
        found k1 100 #psp1
        attention k1                 => false
        state A                      => sent Captured
        ",
    );
    // Something else about it is for a person still.
    check(
        "
        place A 100 klarna:k1=100
        place B 100 klarna:k1=100
        yes k1
        news k1 - captured 100 #psp1
        news k1 - other
        resolve A drop B keep as sent
        found k1 100 #psp1
        attention k1                 => true
        state A                      => sent Captured CHANGED_AT_PROVIDER
        ",
    );
    // It was sent again after it was unknown for long.
    for answer in ["yes k1", "accepted k1\nattention k1 => false\nyes k1", "no k1"] {
        check(&format!(
            "
            place A 100 klarna:k1=100
            yes k1
            A sent
            unknown k1      => updated:k1 problem:OUTCOME_UNKNOWN
            attention k1    => true
            sent k1
            {answer}
            attention k1    => false
            "
        ));
    }
}

#[test]
fn what_was_found_paid_back_pays_out_and_the_rest_is_asked_for() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        credit A C units=1 yes => credited:50 refund?k1=50:C | C: created
        at 100
        found k1 50            => refund!k1=50:succeeded problem:REFUNDED_AT_PROVIDER
        state A                => sent PartiallyRefunded REFUNDED_AT_PROVIDER
        dismiss A REFUNDED_AT_PROVIDER
        credit A D units=1 yes => credited:50 refund?k1=50:D | D: created
        at 200
        found k1 20            => refund!k1=20:succeeded refund?k1=30:D problem:REFUNDED_AT_PROVIDER
        yes k1                 => refund!k1=30:succeeded
        state A                => sent Refunded REFUNDED_AT_PROVIDER
        ",
    );
    // The refund of a cancellation: the label waits for the rest, and all of it is owed again.
    check(
        "
        place A 100 giftcard:g1=30 klarna:k1=70
        yes g1
        yes k1
        A sent
        yes k1
        no g1 RESERVATION_EXPIRED
        A cancelled keep => requested:cancelled refund?k1=70
        at 100
        found k1 30      => refund!k1=30:succeeded refund?k1=40 problem:REFUNDED_AT_PROVIDER
        yes k1           => refund!k1=40:succeeded status:cancelled closed:RESERVATION_EXPIRED
        A processing     => status:processing problem:RESERVATION_EXPIRED
        A sent           => REFUSED RESERVATION_EXPIRED left_minor=100 held_minor=0
        ",
    );
}

#[test]
fn a_word_against_what_is_final_is_for_a_person() {
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        no k1
        news k1 capture captured 100    => updated:k1 problem:CHANGED_AT_PROVIDER
        news k1 capture not-captured    =>
        ",
    );
    check(
        "
        place A 100 klarna:k1=100
        yes k1
        A sent
        yes k1
        news k1 capture not-captured    => updated:k1 problem:CHANGED_AT_PROVIDER
        ",
    );
}

fn under_way(id: i64, kind: OperationKind) -> Operation {
    operation(id, kind, 10, OperationState::Sent)
}

#[test]
fn what_an_account_tells_is_read_there() {
    let ended = |kind, is_success| Happening::Ended { kind, is_success };
    let readable = payment(1, 100, &[1]);
    let capabilities = Capabilities { can_read_back: false, ..readable.capabilities };
    let unreadable = Payment { capabilities, ..readable.clone() };
    let mut busy = readable.clone();
    busy.operations.push(under_way(77, OperationKind::Release));
    for (happening, wanted) in [
        (ended(OperationKind::Capture, true), Bearing::Readable),
        (ended(OperationKind::Refund, true), Bearing::Readable),
        (ended(OperationKind::Void, true), Bearing::Readable),
        (Happening::Expired, Bearing::Readable),
        (ended(OperationKind::Capture, false), Bearing::None),
        (Happening::Trifle, Bearing::None),
        // An account does not say whose doing it was, or what may become of it.
        (Happening::Chargeback, Bearing::Consequence),
        (Happening::CaptureFailed, Bearing::Consequence),
        (Happening::Other, Bearing::Consequence),
    ] {
        let news = News {
            happening,
            operation: None,
            amount_minor: 100,
            currency: "NOK".to_owned(),
            provider_reference: String::new(),
            event: "EVENT".to_owned(),
            reason: String::new(),
        };
        assert_eq!(next_step(&readable, &news), wanted, "{news:?}");
        // An account tells nothing before what is under way has ended.
        let awaits = if wanted == Bearing::Readable { Bearing::Awaited(77) } else { wanted };
        assert_eq!(next_step(&busy, &news), awaits, "{news:?}");
        assert_eq!(next_step(&unreadable, &news), bearing(&readable, &news), "{news:?}");
    }
}
