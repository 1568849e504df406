//! Klarna through the whole server, with a stand-in's book as witness: none lost, none doubled.

pub(crate) mod kustom;
pub(crate) mod refusals;

use std::time::Duration;

use order_sdk::proto::{self, ConnectionState, KlarnaEndpoint};
use order_tests::fakes::klarna::{FraudStatus, NewOrder, OrderLine, PASSWORD, USER};
use order_tests::fakes::{Fake, Klarna};

use crate::harness::till::{
    self, Deed, TOTAL, Till, a_kill_anywhere_is_survived,
    a_kill_between_answer_and_record_is_survived, a_kill_while_a_payment_is_read_is_survived,
    a_repeat_is_answered_as_before, captures_only_what_the_portal_has_not,
    every_doubt_is_ended_by_a_look, many_at_once_are_captured_once_each,
    many_callers_at_once_have_each_done_once, pays_back_only_what_the_portal_has_not, reason,
    what_is_late_is_not_taken_back, what_may_be_paid_back_yet_is_waited_for,
};
use crate::harness::{Backend, WAIT, problems, status_id};
use crate::integrations::{is_nowhere, klarna};

trials! {
    own: [
        every_operation_reaches_klarna_once,
        a_payment_is_read_and_not_believed,
        every_doubt_is_ended_by_a_look::<Klarna>,
        what_is_late_is_not_taken_back::<Klarna>,
        a_repeat_is_answered_as_before::<Klarna>,
        a_kill_anywhere_is_survived::<Klarna>,
        a_kill_between_answer_and_record_is_survived::<Klarna>,
        a_kill_while_a_payment_is_read_is_survived::<Klarna>,
        a_key_that_is_forgotten_doubles_nothing::<Klarna>,
        refused_credentials_hold_everything_until_they_are_right,
        what_was_done_in_the_portal_is_not_done_again,
        captures_only_what_the_portal_has_not::<Klarna>,
        pays_back_only_what_the_portal_has_not::<Klarna>,
        what_may_be_paid_back_yet_is_waited_for::<Klarna>,
        many_at_once_are_captured_once_each::<Klarna>,
        many_callers_at_once_have_each_done_once::<Klarna>,
    ];
}

pub(crate) type Stage = till::Stage<Klarna>;

impl Till for Klarna {
    const ID: &'static str = "kco";
    const PORTAL: &'static str = "orders";

    fn integration(url: String) -> proto::Integration {
        klarna(|klarna| {
            klarna.set_endpoint(KlarnaEndpoint::StandIn);
            klarna.stand_in_url = url;
            USER.clone_into(&mut klarna.username);
            PASSWORD.clone_into(&mut klarna.password);
        })
    }

    fn checkout(fake: &Fake<Self>, reserved_minor: i64) -> String {
        fake.with(|klarna, desk| klarna.place(NewOrder::of(reserved_minor), desk))
    }

    fn word(deed: Deed) -> Option<&'static str> {
        Some(match deed {
            Deed::Capture => "capture",
            Deed::Cancel => "cancel",
            Deed::Release => "release",
            Deed::Refund | Deed::RefundLess => "refund",
            Deed::Lower => "update",
        })
    }

    fn portal_capture(id: &str, amount_minor: i64) -> (String, String) {
        let body = format!(r#"{{"captured_amount": {amount_minor}}}"#);
        (format!("orders/{id}/captures"), body)
    }

    fn portal_refund(id: &str, amount_minor: i64) -> (String, String) {
        (format!("orders/{id}/refunds"), format!(r#"{{"refunded_amount": {amount_minor}}}"#))
    }

    fn lag(fake: &Fake<Self>, id: &str, spared: Option<u32>) {
        fake.with(|klarna, _| match spared {
            Some(spared) => klarna.lag(id, spared),
            None => klarna.end_lag(id),
        });
    }
}

impl Stage {
    /// What a checkout leaves at Klarna; its id.
    pub(crate) fn checkout(&self, order: NewOrder) -> String {
        self.fake.with(|klarna, desk| klarna.place(order, desk))
    }
}

async fn every_operation_reaches_klarna_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    assert_eq!(world.connection("kco").await.state(), ConnectionState::Works);

    // Capture, and what is left of the reservation goes back.
    let sale = stage.buy(1_000).await;
    assert!(sale.order.payments[0].expire_time.is_some(), "Klarna says when it expires");
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!(status_id(&order), "sent");
    assert_eq!(
        (stage.done("capture", &sale.id), stage.done("release", &sale.id)),
        (vec![900], vec![100])
    );
    let capture =
        order.payments[0].operations.iter().find(|one| one.kind() == proto::OperationKind::Capture);
    let known =
        fake.with(|klarna, _| klarna.order(&sale.id).unwrap().captures[0].capture_id.clone());
    assert_eq!(capture.unwrap().provider_reference, known);

    // Refunds, with a fee that Klarna takes as one and one that only makes it smaller.
    let whole = stage.buy(TOTAL).await;
    world.complete(&whole.name).await.unwrap();
    for (sale, has_fee_line) in [(&whole, true), (&sale, false)] {
        let credit = world.client.credit(&sale.name).units(1, 1).fee("Returfrakt", 100, 2_500);
        credit.refund(true).wait(WAIT).send().await.unwrap();
        let order = world.settled(&sale.name).await;
        assert_eq!(problems(&order), [""; 0], "{order:?}");
        assert_eq!(stage.done("refund", &sale.id), [800]);
        let lines =
            fake.with(|klarna, _| klarna.order(&sale.id).unwrap().refunds[0].order_lines.clone());
        let totals: Vec<i64> = lines.iter().map(|line| line.total_amount).collect();
        assert_eq!(totals, if has_fee_line { vec![900, -100] } else { vec![] });
    }

    // Cancel.
    let sale = stage.buy(TOTAL).await;
    world.cancel(&sale.name, false).await.unwrap();
    assert_eq!(stage.done("cancel", &sale.id), [TOTAL]);

    // A lower amount, with the lines as they are then.
    let sale = stage.buy(TOTAL).await;
    world.client.edit(&sale.name).unit_price(1, 700).wait(WAIT).send().await.unwrap();
    world.settled(&sale.name).await;
    assert_eq!(stage.done("update", &sale.id), [700]);
    let lines = fake.with(|klarna, _| klarna.order(&sale.id).unwrap().order_lines.clone());
    let [
        OrderLine {
            name,
            quantity: 1,
            unit_price: 700,
            tax_rate: 2_500,
            total_tax_amount: Some(140),
            ..
        },
    ] = lines.as_slice()
    else {
        panic!("{lines:?}")
    };
    assert_eq!(name, "Kopp");

    // Every write had the key of its effect, and each was asked for once.
    for done in &fake.book().done {
        assert!(uuid::Uuid::try_parse(&done.key).is_ok(), "{done:?}");
        assert_eq!(fake.book().calls(&done.operation, &done.about), 1, "{done:?}");
    }
    stage.check().await;
    is_nowhere(world, PASSWORD).await;
}

async fn a_payment_is_read_and_not_believed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let expired = stage.checkout(NewOrder::of(TOTAL));
    let cancelled = stage.checkout(NewOrder::of(TOTAL));
    let used = stage.checkout(NewOrder::of(TOTAL));
    for (id, deed, body) in [
        (&expired, "expire", "{}"),
        (&cancelled, "cancel", "{}"),
        (&used, "captures", r#"{"captured_amount": 900}"#),
    ] {
        stage.in_portal(id, deed, body).await;
    }
    let euros = NewOrder { purchase_currency: "EUR".to_owned(), ..NewOrder::of(TOTAL) };
    let rejected = NewOrder { fraud_status: FraudStatus::Rejected, ..NewOrder::of(TOTAL) };
    let cases = [
        (uuid::Uuid::new_v4().to_string(), "AUTHORIZATION_DECLINED", "NOT_FOUND_AT_PROVIDER"),
        ("no/such?reference".to_owned(), "AUTHORIZATION_DECLINED", "NOT_FOUND_AT_PROVIDER"),
        (expired, "RESERVATION_EXPIRED", "RESERVATION_EXPIRED"),
        (cancelled, "RESERVATION_GONE", "RESERVATION_GONE"),
        (used, "RESERVATION_GONE", "RESERVATION_GONE"),
        (stage.checkout(euros), "AUTHORIZATION_DECLINED", "PAYMENT_MISMATCH"),
        (stage.checkout(rejected), "AUTHORIZATION_DECLINED", "FRAUD_REJECTED"),
    ];
    for (id, problem, page) in cases {
        let order = stage.place(&id, TOTAL).await;
        assert_eq!(problems(&order), [problem], "{id}: {order:?}");
        assert_eq!(reason(&order).0, page, "{id}: {order:?}");
        assert_eq!(order.payments[0].authorized_minor, 0);
    }
    let small = stage.checkout(NewOrder::of(500));
    let order = stage.place(&small, TOTAL).await;
    assert_eq!(order.payments[0].authorized_minor, 500, "what Klarna holds, not what was stated");
    assert_eq!(problems(&order), ["PAYMENT_INSUFFICIENT"]);
    till::attaches_what_is_held(&stage, &order.name.parse().unwrap()).await;

    // Under examination: it waits, and goes on when Klarna has made up its mind.
    let examined = NewOrder { fraud_status: FraudStatus::Pending, ..NewOrder::of(TOTAL) };
    let id = stage.checkout(examined);
    let fraud = format!("orders/{id}/fraud");
    till::waits_for_a_decision(&stage, &id, (&fraud, r#"{"status": "ACCEPTED"}"#)).await;
    stage.check().await;
}

/// A key is known for a day; what was done is found by our reference, for ever.
pub(crate) async fn a_key_that_is_forgotten_doubles_nothing<Where: Till>(backend: Backend) {
    till::a_forgotten_key_doubles_nothing::<Where>(backend, Duration::from_hours(25)).await;
}

async fn refused_credentials_hold_everything_until_they_are_right(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake: _ } = &stage;
    let sale = stage.buy(TOTAL).await;
    let set = async |password: &str| {
        let integration = klarna(|klarna| password.clone_into(&mut klarna.password));
        world.reintegrate("kco", &["klarna.password"], integration).await.unwrap();
    };
    set("trukket-tilbake").await;
    assert_eq!(world.connection("kco").await.state(), ConnectionState::CredentialsRefused);
    till::completes_unheard(&stage, &sale).await;
    // Also a payment that somebody names now waits.
    let id = stage.checkout(NewOrder::of(TOTAL));
    let named = till::names_unheard(&stage, &id).await;

    // Nothing is restarted: the next call has the new password.
    set(PASSWORD).await;
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(stage.done("capture", &sale.id), [TOTAL]);
    let named = world.settled(&named).await;
    assert_eq!((named.payments[0].authorized_minor, problems(&named).len()), (TOTAL, 0));
    stage.check().await;
    is_nowhere(world, PASSWORD).await;
}

async fn what_was_done_in_the_portal_is_not_done_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake: _ } = &stage;
    // Cancelled there: cancelling here succeeds, and completing is told the truth.
    for to in ["cancelled", "sent"] {
        let sale = stage.buy(TOTAL).await;
        stage.in_portal(&sale.id, "cancel", "{}").await;
        if to == "sent" {
            world.complete(&sale.name).await.unwrap();
            let order = world.settled(&sale.name).await;
            assert_eq!(problems(&order), ["RESERVATION_GONE"], "{order:?}");
        } else {
            world.cancel(&sale.name, false).await.unwrap();
            let order = world.settled(&sale.name).await;
            assert_eq!((status_id(&order), problems(&order).len()), ("cancelled", 0), "{order:?}");
        }
    }
    // Captured there: a void is declined, and the capture is adopted.
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.id, "captures", r#"{"captured_amount": 900}"#).await;
    let void = till::adopts_at_a_void(&stage, &sale, TOTAL).await;
    assert!(
        void.contains("CANCEL_NOT_ALLOWED") && void.contains("0 are left to capture"),
        "{void}"
    );
    // All of it captured there: completing captures nothing, and one capture stands here.
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.id, "captures", r#"{"captured_amount": 900}"#).await;
    till::adopts_at_a_capture(&stage, &sale).await;
    stage.check().await;
}
