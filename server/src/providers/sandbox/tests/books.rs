//! The sandbox's book: repeats, several writers of one, and what it says of a reservation.

use std::time::Duration;

use diesel::prelude::*;
use order_rules::money::Currency;
use order_rules::payments::OperationKind::{Authorize, Capture, Refund, Release};
use order_rules::reconciling::Standing;
use order_rules::refusals::Code;
use uuid::Uuid;

use super::{Folder, call};
use crate::providers::sandbox::Sandbox;
use crate::providers::sandbox::tables::{calls, entries, reservations};
use crate::providers::{Call, Extension, PaymentProvider, Reading, Report, Sighting};

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
