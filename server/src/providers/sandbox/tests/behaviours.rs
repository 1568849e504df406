//! Each behaviour that a reference can order of the sandbox.

use order_rules::payments::OperationKind::{Authorize, Capture, Refund, Void};
use order_rules::refusals::Code;

use super::Step::{LookUp, Perform};
use super::Told::{
    Absent, Accepted, Declined, Done, InProgress, NoAnswer, Silence, TryLater, Unknown,
};
use super::{check, wait};
use crate::providers::sandbox::Orders;

#[tokio::test(flavor = "multi_thread")]
async fn every_decline_comes_on_command() {
    for (reference, steps) in [
        (
            "a~authorize=decline",
            vec![
                (Perform(Authorize, 100, 1), Declined(Code::AuthorizationDeclined)),
                (Perform(Authorize, 100, 2), Declined(Code::AuthorizationDeclined)),
                (LookUp(Authorize, 100, 2), Declined(Code::AuthorizationDeclined)),
            ],
        ),
        (
            "b~capture=decline-once,void=decline",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Void, 100, 2), Declined(Code::VoidDeclined)),
                (Perform(Capture, 100, 3), Declined(Code::CaptureDeclined)),
                (Perform(Capture, 100, 3), Declined(Code::CaptureDeclined)),
                (Perform(Capture, 100, 4), Done(100)),
            ],
        ),
        (
            "c~capture=expired",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 100, 2), Declined(Code::ReservationExpired)),
                (Perform(Capture, 100, 3), Declined(Code::ReservationExpired)),
                (Perform(Void, 100, 4), Done(100)),
            ],
        ),
        (
            "d~authorize=expires:200ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                wait(220),
                (Perform(Capture, 100, 2), Declined(Code::ReservationExpired)),
            ],
        ),
        (
            "e~authorize=amount:40",
            vec![
                (Perform(Authorize, 100, 1), Done(40)),
                (Perform(Capture, 100, 2), Declined(Code::CaptureDeclined)),
                (Perform(Capture, 40, 3), Done(40)),
            ],
        ),
        (
            "f~refund=later-decline:200ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 100, 2), Done(100)),
                (Perform(Refund, 100, 3), Accepted),
                (LookUp(Refund, 100, 3), InProgress),
                wait(220),
                (LookUp(Refund, 100, 3), Declined(Code::RefundDeclined)),
                (Perform(Refund, 100, 3), Declined(Code::RefundDeclined)),
            ],
        ),
    ] {
        check(reference, &steps).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delay_comes_on_command() {
    for (reference, steps) in [
        (
            "a~capture=slow:500ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 100, 2), Silence),
                (LookUp(Capture, 100, 2), Done(100)),
                (Perform(Capture, 100, 2), Done(100)),
            ],
        ),
        (
            "k~capture=slow-decline:500ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 100, 2), Silence),
                (LookUp(Capture, 100, 2), Declined(Code::CaptureDeclined)),
            ],
        ),
        ("b~authorize=slow:50ms", vec![(Perform(Authorize, 100, 1), Done(100))]),
        (
            "c~capture=later:300ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 100, 2), Accepted),
                (LookUp(Capture, 100, 2), InProgress),
                (Perform(Capture, 100, 2), Accepted),
                wait(320),
                (LookUp(Capture, 100, 2), Done(100)),
                (Perform(Capture, 100, 2), Done(100)),
            ],
        ),
        (
            "h~authorize=unavailable:300ms,capture=busy:300ms,void=unavailable",
            vec![
                (Perform(Authorize, 100, 1), TryLater { has_hint: false }),
                (LookUp(Authorize, 100, 1), Absent),
                wait(320),
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Void, 100, 3), TryLater { has_hint: false }),
                (Perform(Capture, 100, 2), TryLater { has_hint: true }),
                wait(320),
                (Perform(Capture, 100, 2), Done(100)),
                (Perform(Void, 100, 3), TryLater { has_hint: false }),
            ],
        ),
        (
            "i~read=lag:300ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (LookUp(Authorize, 100, 1), Absent),
                wait(320),
                (LookUp(Authorize, 100, 1), Done(100)),
            ],
        ),
        (
            "j~read=unavailable:300ms",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (LookUp(Authorize, 100, 1), NoAnswer),
                wait(320),
                (LookUp(Authorize, 100, 1), Done(100)),
            ],
        ),
        (
            "k~read=unavailable",
            vec![(Perform(Authorize, 100, 1), Done(100)), (LookUp(Authorize, 100, 1), NoAnswer)],
        ),
    ] {
        check(reference, &steps).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_silence_comes_on_command() {
    for (reference, steps) in [
        (
            "d~capture=timeout-after",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 60, 2), Silence),
                (LookUp(Capture, 60, 2), Done(60)),
                (Perform(Capture, 60, 2), Done(60)),
                (Perform(Capture, 40, 3), Done(40)),
            ],
        ),
        (
            "e~capture=timeout-before:10ms,authorize=timeout-after:10ms",
            vec![
                (Perform(Authorize, 100, 1), Unknown),
                (LookUp(Authorize, 100, 1), Done(100)),
                (Perform(Capture, 100, 2), Unknown),
                (LookUp(Capture, 100, 2), Absent),
                (Perform(Capture, 100, 2), Done(100)),
            ],
        ),
        (
            "f~void=timeout-before",
            vec![
                (Perform(Authorize, 100, 1), Done(100)),
                (Perform(Void, 100, 2), Silence),
                (Perform(Void, 100, 2), Done(100)),
            ],
        ),
        (
            "g~authorize=hang",
            vec![
                (Perform(Authorize, 100, 1), Silence),
                (LookUp(Authorize, 100, 1), Silence),
                (Perform(Authorize, 100, 1), Silence),
            ],
        ),
    ] {
        check(reference, &steps).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_makes_no_sense_is_declined() {
    for orders in [
        "capture=declin",
        "captur=decline",
        "capture",
        "",
        "capture=slow",
        "capture=slow:2",
        "capture=decline:2s",
        "capture=amount:5",
        "capture-reversal=decline",
        "read=hang",
        "capture=decline,,void=decline",
    ] {
        let step = Perform(Authorize, 100, 1);
        check(&format!("x~{orders}"), &[(step, Declined(Code::AuthorizationDeclined))]).await;
    }
}

#[test]
fn every_behaviour_that_people_read_of_is_understood() {
    let text = include_str!("../behaviours.md");
    let example = text.split('`').find(|part| part.starts_with("vipps")).unwrap();
    assert!(Orders::parse(example).is_ok(), "{example}");
    let forms: Vec<&str> = text.lines().filter_map(|row| row.strip_prefix("| `")).collect();
    assert!(forms.len() > 10, "the table is missing");
    for form in forms {
        let (form, _) = form.split_once('`').unwrap();
        let kind = if form.contains('=') { "" } else { "capture=" };
        let bare = form.split('[').next().unwrap();
        for form in [bare.to_owned(), form.replace(['[', ']'], "")] {
            let reference = format!("x~{kind}{form}");
            assert!(Orders::parse(&reference).is_ok(), "{reference}");
        }
    }
}
