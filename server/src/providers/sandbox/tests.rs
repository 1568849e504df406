//! Tests of the sandbox: each behaviour, repeats, and several writers of one book.

use std::path::PathBuf;
use std::time::Duration;

use diesel::prelude::*;
use order_rules::money::Currency;
use order_rules::payments::OperationKind::{
    self, Authorize, Capture, Refund, Release, UpdateAmount, Void,
};
use order_rules::reconciling::Standing;
use order_rules::refusals::Code;
use uuid::Uuid;

use super::Sandbox;
use super::tables::{calls, entries, reservations};
use crate::providers::{Call, Doubt, Extension, PaymentProvider, Reading, Report, Sighting};

/// What a step is told, as short as it can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Done(i64),
    Accepted,
    Declined(Code),
    TryLater {
        has_hint: bool,
    },
    Unknown,
    /// No answer within the test's patience.
    Silence,
    Absent,
    InProgress,
    NoAnswer,
}

use Told::{Absent, Accepted, Declined, Done, InProgress, NoAnswer, Silence, TryLater, Unknown};

/// One step against a reservation; keys are small numbers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Perform(OperationKind, i64, u128),
    LookUp(OperationKind, i64, u128),
    Wait(u64),
}

use Step::{LookUp, Perform, Wait};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sandbox-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn book(&self) -> PathBuf {
        self.0.join("book.sqlite")
    }

    /// A reader of its own, as the tests of the whole server have it.
    fn reader(&self) -> SqliteConnection {
        SqliteConnection::establish(self.book().to_str().unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

const PATIENCE: Duration = Duration::from_millis(400);

fn call(reference: &str, kind: OperationKind, amount_minor: i64, key: u128) -> Call {
    Call {
        shop: "demo".to_owned(),
        provider: "vipps".to_owned(),
        reference: reference.to_owned(),
        key: Uuid::from_u128(key),
        kind,
        amount_minor,
        currency: Currency::from_code("NOK").unwrap(),
        order: 1,
        lines: Vec::new(),
        told: Vec::new(),
        doubt: Doubt::Wait,
    }
}

async fn told(sandbox: &Sandbox, reference: &str, step: Step) -> Option<Told> {
    match step {
        Wait(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            None
        }
        Perform(kind, amount, key) => {
            let call = call(reference, kind, amount, key);
            Some(match tokio::time::timeout(PATIENCE, sandbox.perform(&call)).await {
                Err(_) => Silence,
                Ok(Report::Done(confirmation)) => Done(confirmation.amount_minor),
                Ok(Report::Accepted { .. }) => Accepted,
                Ok(Report::Declined(decline)) => Declined(decline.code),
                Ok(Report::TryLater { after }) => TryLater { has_hint: after.is_some() },
                Ok(Report::Held(hold)) => panic!("the sandbox holds nothing: {hold:?}"),
                Ok(Report::Unknown) => Unknown,
            })
        }
        LookUp(kind, amount, key) => {
            let call = call(reference, kind, amount, key);
            Some(match tokio::time::timeout(PATIENCE, sandbox.look_up(&call)).await {
                Err(_) => Silence,
                Ok(Sighting::Happened(confirmation)) => Done(confirmation.amount_minor),
                Ok(Sighting::Declined(decline)) => Declined(decline.code),
                Ok(Sighting::Absent) => Absent,
                Ok(Sighting::InProgress) => InProgress,
                Ok(Sighting::NoAnswer | Sighting::Busy | Sighting::Untold) => NoAnswer,
            })
        }
    }
}

/// Plays the steps with a new handle each, so that nothing is known but what stands in the book.
async fn check(reference: &str, steps: &[(Step, Told)]) {
    let folder = Folder::new();
    for (step, expected) in steps {
        let sandbox = Sandbox::new(folder.book());
        if let Some(told) = told(&sandbox, reference, *step).await {
            assert_eq!(told, *expected, "{reference}: {step:?}");
        }
    }
}

/// A step of the table that only lets time pass.
fn wait(milliseconds: u64) -> (Step, Told) {
    (Wait(milliseconds), Silence)
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_kept_as_a_provider_keeps_it() {
    check(
        "plain",
        &[
            (Perform(Capture, 10, 90), Declined(Code::CaptureDeclined)),
            (Perform(Authorize, 1_000, 1), Done(1_000)),
            (Perform(Authorize, 700, 2), Done(1_000)),
            (Perform(UpdateAmount, 1_100, 3), Declined(Code::AmountUpdateDeclined)),
            (Perform(UpdateAmount, 900, 4), Done(900)),
            (Perform(Capture, 0, 5), Declined(Code::CaptureDeclined)),
            (Perform(Capture, -1, 6), Declined(Code::CaptureDeclined)),
            (Perform(Capture, 901, 7), Declined(Code::CaptureDeclined)),
            (Perform(Capture, 600, 8), Done(600)),
            (Perform(UpdateAmount, 599, 9), Declined(Code::AmountUpdateDeclined)),
            (Perform(Void, 300, 10), Declined(Code::VoidDeclined)),
            (Perform(Capture, 301, 11), Declined(Code::CaptureDeclined)),
            (Perform(Release, 300, 12), Done(300)),
            (Perform(Capture, 1, 13), Declined(Code::CaptureDeclined)),
            (Perform(Release, 300, 14), Done(0)),
            (Perform(Refund, 601, 15), Declined(Code::RefundDeclined)),
            (Perform(Refund, 400, 16), Done(400)),
            (Perform(Refund, 201, 17), Declined(Code::RefundDeclined)),
            (Perform(Refund, 200, 18), Done(200)),
            (LookUp(Refund, 200, 18), Done(200)),
            (LookUp(Refund, 200, 19), Absent),
        ],
    )
    .await;
    check(
        "voided",
        &[
            (Perform(Void, 500, 1), Declined(Code::VoidDeclined)),
            (Perform(Authorize, 500, 2), Done(500)),
            (Perform(Void, 500, 3), Done(500)),
            (Perform(Void, 500, 4), Done(0)),
            (Perform(Capture, 500, 5), Declined(Code::ReservationGone)),
            (Perform(Authorize, 500, 6), Declined(Code::ReservationGone)),
        ],
    )
    .await;
}

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
    let text = include_str!("behaviours.md");
    let example = text.split('`').find(|part| part.starts_with("vipps")).unwrap();
    assert!(super::Orders::parse(example).is_ok(), "{example}");
    let forms: Vec<&str> = text.lines().filter_map(|row| row.strip_prefix("| `")).collect();
    assert!(forms.len() > 10, "the table is missing");
    for form in forms {
        let (form, _) = form.split_once('`').unwrap();
        let kind = if form.contains('=') { "" } else { "capture=" };
        let bare = form.split('[').next().unwrap();
        for form in [bare.to_owned(), form.replace(['[', ']'], "")] {
            let reference = format!("x~{kind}{form}");
            assert!(super::Orders::parse(&reference).is_ok(), "{reference}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_operation_for_ever() {
    let folder = Folder::new();
    let sandbox = Sandbox::new(folder.book());
    let authorize = call("plain", Authorize, 1_000, 1);
    let capture = call("plain", Capture, 400, 2);
    let first = (sandbox.perform(&authorize).await, sandbox.perform(&capture).await);
    let again = (sandbox.perform(&authorize).await, sandbox.perform(&capture).await);
    assert_eq!(first, again);

    let others = [
        Call { amount_minor: 401, ..capture.clone() },
        Call { kind: Refund, ..capture.clone() },
        Call { reference: "other".to_owned(), ..capture.clone() },
        Call { provider: "klarna".to_owned(), ..capture.clone() },
        Call { shop: "other".to_owned(), ..capture.clone() },
        Call { currency: Currency::from_code("SEK").unwrap(), ..capture.clone() },
    ];
    for other in others {
        assert!(matches!(sandbox.perform(&other).await, Report::Declined(_)), "{other:?}");
        assert_eq!(sandbox.look_up(&other).await, Sighting::Absent, "{other:?}");
    }
    assert_eq!(sandbox.perform(&capture).await, first.1);
    let captured: Vec<i64> = reservations::table
        .select(reservations::captured_minor)
        .load(&mut folder.reader())
        .unwrap();
    assert_eq!(captured, [400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shops_and_currencies_are_kept_apart() {
    let folder = Folder::new();
    let sandbox = Sandbox::new(folder.book());
    let authorize = call("plain", Authorize, 100, 1);
    assert!(matches!(sandbox.perform(&authorize).await, Report::Done(_)));
    let elsewhere = Call { shop: "other".to_owned(), ..call("plain", Capture, 100, 2) };
    assert!(matches!(sandbox.perform(&elsewhere).await, Report::Declined(_)));
    let euros =
        Call { currency: Currency::from_code("EUR").unwrap(), ..call("plain", Capture, 100, 3) };
    assert!(matches!(sandbox.perform(&euros).await, Report::Declined(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_calls_through_two_handles_move_the_money_once() {
    let folder = Folder::new();
    let handles = [Sandbox::new(folder.book()), Sandbox::new(folder.book())];
    let authorize = call("plain", Authorize, 1_000, 1);
    let mut running = tokio::task::JoinSet::new();
    for sandbox in handles.iter().cycle().take(16) {
        let (sandbox, authorize) = (sandbox.clone(), authorize.clone());
        running.spawn(async move { sandbox.perform(&authorize).await });
    }
    let reports = running.join_all().await;
    assert!(matches!(reports.first(), Some(Report::Done(_))));
    assert!(reports.iter().all(|report| Some(report) == reports.first()), "{reports:?}");

    // Sixteen captures that fit only ten times.
    let mut running = tokio::task::JoinSet::new();
    for (key, sandbox) in (100_u128..116).zip(handles.iter().cycle()) {
        let (sandbox, capture) = (sandbox.clone(), call("plain", Capture, 100, key));
        running.spawn(async move { sandbox.perform(&capture).await });
    }
    let reports = running.join_all().await;
    let done = reports.iter().filter(|report| matches!(report, Report::Done(_))).count();
    assert_eq!(done, 10);

    let reader = &mut folder.reader();
    let arrived: i64 = calls::table.count().get_result(reader).unwrap();
    let decided: i64 = entries::table.count().get_result(reader).unwrap();
    let held: (i64, i64) = reservations::table
        .select((reservations::authorized_minor, reservations::captured_minor))
        .first(reader)
        .unwrap();
    assert_eq!((arrived, decided, held), (32, 17, (1_000, 1_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_begin_a_book_at_once_all_open_it() {
    for _ in 0..10 {
        let folder = Folder::new();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (sandbox, authorize) =
                (Sandbox::new(folder.book()), call("plain", Authorize, 1_000, 1));
            running.spawn(async move { sandbox.perform(&authorize).await });
        }
        let reports = running.join_all().await;
        assert!(reports.iter().all(|one| matches!(one, Report::Done(_))), "{reports:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_given_up_by_its_caller_is_finished() {
    let folder = Folder::new();
    let sandbox = Sandbox::new(folder.book());
    let authorize = call("plain", Authorize, 1_000, 1);
    // The time is up at once, with the call on its way, unless the other thread was very quick.
    drop(tokio::time::timeout(Duration::ZERO, sandbox.perform(&authorize)).await);
    assert!(matches!(sandbox.look_up(&authorize).await, Sighting::Happened(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_does_not_open_does_nothing() {
    let folder = Folder::new();
    let sandbox = Sandbox::new(folder.0.join("missing").join("book.sqlite"));
    let authorize = call("plain", Authorize, 1_000, 1);
    assert_eq!(sandbox.perform(&authorize).await, Report::TryLater { after: None });
    assert_eq!(sandbox.look_up(&authorize).await, Sighting::NoAnswer);
    std::fs::create_dir(folder.0.join("missing")).unwrap();
    assert!(matches!(sandbox.perform(&authorize).await, Report::Done(_)));
}

#[tokio::test]
async fn the_book_is_an_account_of_each_reservation_and_can_hold_it_longer() {
    let folder = Folder::new();
    let sandbox = Sandbox::new(folder.book()).behind("shops/demo/integrations/klarna");
    let asked = |kind, amount_minor, key| Call {
        shop: "demo".to_owned(),
        provider: "klarna".to_owned(),
        ..call("k1", kind, amount_minor, key)
    };
    let gone = |told: &Reading| matches!(told, Reading::Declined(no) if no.code == Code::NotFoundAtProvider);
    assert!(gone(&sandbox.read("k1").await));
    for (kind, amount_minor, key) in [(Authorize, 900, 1), (Capture, 400, 2), (Refund, 50, 3)] {
        sandbox.perform(&asked(kind, amount_minor, key)).await;
    }
    let Reading::Statement(before) = sandbox.read("k1").await else { panic!("no account") };
    let amounts = (before.authorized_minor, before.captured_minor, before.refunded_minor);
    assert_eq!(
        (before.standing, amounts, before.released_minor),
        (Standing::Held, (900, 400, 50), 0)
    );
    assert!(gone(&sandbox.behind("shops/demo/integrations/vipps").read("k1").await));

    // Once per key.
    for key in [7, 7, 8] {
        let extended = sandbox.extend("k1", Uuid::from_u128(key)).await;
        assert_eq!(extended, Extension::Extended);
    }
    let kinds: Vec<String> = calls::table.select(calls::kind).load(&mut folder.reader()).unwrap();
    assert_eq!(kinds.iter().filter(|kind| *kind == "extend").count(), 2);
    let Reading::Statement(after) = sandbox.read("k1").await else { panic!("no account") };
    assert!(after.expires_at >= before.expires_at);
    sandbox.perform(&asked(Release, 500, 4)).await;
    let over = sandbox.extend("k1", Uuid::from_u128(9)).await;
    assert!(matches!(over, Extension::Declined(no) if no.code == Code::ReservationGone));
    assert_eq!(sandbox.read("k2~read=none").await, Reading::Untold);
    assert_eq!(sandbox.extend("k2~read=none", Uuid::nil()).await, Extension::Unsupported);
    assert_eq!(sandbox.read("k2~read=unavailable").await, Reading::NoAnswer { after: None });
}
