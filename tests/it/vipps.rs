//! Vipps MobilePay through the whole server, with a stand-in's book as witness: none lost, none
//! doubled, and no status code believed.

pub(crate) mod elsewhere;
pub(crate) mod refusals;

use order_sdk::proto::integration::System;
use order_sdk::proto::{ConnectionState, Integration, VippsEndpoint, VippsIntegration};
use order_tests::fakes::vipps::{
    CLIENT_ID, CLIENT_SECRET, Currency, MSN, NewPayment, SUBSCRIPTION_KEY,
};
use order_tests::fakes::{Effect, Fake, Trouble, Vipps};

use crate::harness::till::{
    self, Deed, TOTAL, Till, a_kill_anywhere_is_survived,
    a_kill_between_answer_and_record_is_survived, a_kill_while_a_payment_is_read_is_survived,
    a_repeat_is_answered_as_before, captures_only_what_the_portal_has_not,
    every_doubt_is_ended_by_a_look, many_callers_at_once_have_each_done_once,
    pays_back_only_what_the_portal_has_not, reason, what_is_late_is_not_taken_back,
    what_may_be_paid_back_yet_is_waited_for,
};
use crate::harness::{Backend, WAIT, eventually, problems, status_id};
use crate::integrations::{are_nowhere, is_nowhere};
use crate::reconciling::differences;

trials! {
    own: [
        every_operation_reaches_vipps_once,
        a_payment_is_read_and_not_believed,
        every_doubt_is_ended_by_a_look::<Vipps>,
        what_is_late_is_not_taken_back::<Vipps>,
        a_repeat_is_answered_as_before::<Vipps>,
        a_kill_anywhere_is_survived::<Vipps>,
        a_kill_between_answer_and_record_is_survived::<Vipps>,
        a_kill_while_a_payment_is_read_is_survived::<Vipps>,
        refused_credentials_hold_everything_until_they_are_right,
        what_was_done_in_the_portal_is_not_done_again,
        captures_only_what_the_portal_has_not::<Vipps>,
        pays_back_only_what_the_portal_has_not::<Vipps>,
        what_may_be_paid_back_yet_is_waited_for::<Vipps>,
        what_somebody_else_moved_proves_nothing,
        many_orders_at_once_are_captured_once_each,
        many_callers_at_once_have_each_done_once::<Vipps>,
    ];
}

type Stage = till::Stage<Vipps>;

impl Till for Vipps {
    const ID: &'static str = "mobilepay";
    const PORTAL: &'static str = "payments";

    fn integration(url: String) -> Integration {
        vipps(|vipps| vipps.stand_in_url = url)
    }

    fn checkout(fake: &Fake<Self>, reserved_minor: i64) -> String {
        let new = new_payment(reserved_minor);
        fake.with(|vipps, desk| vipps.place(&new, desk));
        new.reference
    }

    fn word(deed: Deed) -> Option<&'static str> {
        match deed {
            Deed::Capture => Some("capture"),
            // All that is left is cancelled, with or without captures before.
            Deed::Cancel | Deed::Release => Some("cancel"),
            Deed::Refund => Some("refund"),
            Deed::RefundLess | Deed::Lower => None,
        }
    }

    fn portal_capture(id: &str, amount_minor: i64) -> (String, String) {
        (format!("payments/{id}/capture"), format!(r#"{{"value": {amount_minor}}}"#))
    }

    fn portal_refund(id: &str, amount_minor: i64) -> (String, String) {
        (format!("payments/{id}/refund"), format!(r#"{{"value": {amount_minor}}}"#))
    }

    fn lag(fake: &Fake<Self>, id: &str, spared: Option<u32>) {
        fake.with(|vipps, _| match spared {
            Some(spared) => vipps.lag(id, spared),
            None => vipps.end_lag(id),
        });
    }

    /// A success that changed nothing.
    fn doubtful() -> Vec<Effect> {
        vec![Effect::answer(200, "", "")]
    }
}

impl Stage {
    /// What a checkout leaves at Vipps; its reference.
    fn checkout(&self, new: &NewPayment) -> String {
        self.fake.with(|vipps, desk| vipps.place(new, desk));
        new.reference.clone()
    }

    /// Changes fields of the integration.
    async fn set_up(&self, paths: &[&str], change: impl FnOnce(&mut VippsIntegration)) {
        self.world.reintegrate(Vipps::ID, paths, vipps(change)).await.unwrap();
    }
}

fn new_payment(value: i64) -> NewPayment {
    NewPayment {
        reference: format!("acme-{}", uuid::Uuid::new_v4()),
        value,
        currency: Currency::Nok,
        is_open: false,
        is_indivisible: false,
    }
}

pub(crate) fn vipps(change: impl FnOnce(&mut VippsIntegration)) -> Integration {
    let mut vipps = VippsIntegration {
        endpoint: VippsEndpoint::StandIn.into(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        subscription_key: SUBSCRIPTION_KEY.to_owned(),
        merchant_serial_number: MSN.to_owned(),
        ..VippsIntegration::default()
    };
    change(&mut vipps);
    Integration { system: Some(System::Vipps(vipps)), ..Integration::default() }
}

async fn every_operation_reaches_vipps_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    assert_eq!(world.connection(Vipps::ID).await.state(), ConnectionState::Works);

    // Capture, and what is left of the reservation goes back.
    let sale = stage.buy(1_000).await;
    assert!(sale.order.payments[0].expire_time.is_some(), "Vipps says how long it guarantees");
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(
        (stage.done("capture", &sale.id), stage.done("cancel", &sale.id)),
        (vec![900], vec![100])
    );

    // Refunds in parts: the event log tells them apart.
    for amount in [300, 200] {
        let credit = world.client.credit(&sale.name).amount(1, amount).refund(true);
        credit.wait(WAIT).send().await.unwrap();
        let order = world.settled(&sale.name).await;
        assert_eq!(problems(&order), [""; 0], "{order:?}");
    }
    assert_eq!(stage.done("refund", &sale.id), [300, 200]);
    let book = fake.book();
    let second = book.done_to("refund", &sale.id).nth(1).unwrap();
    let operations = world.get(&sale.name).await.payments[0].operations.clone();
    assert_eq!(operations.last().unwrap().provider_reference, second.id);

    // Cancel.
    let sale = stage.buy(TOTAL).await;
    world.cancel(&sale.name, false).await.unwrap();
    assert_eq!(stage.done("cancel", &sale.id), [TOTAL]);

    // A lower total: nothing is lowered there, less is captured and the rest released.
    let sale = stage.buy(TOTAL).await;
    world.client.edit(&sale.name).unit_price(1, 700).wait(WAIT).send().await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((order.payments[0].authorized_minor, problems(&order).len()), (TOTAL, 0));
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(
        (stage.done("capture", &sale.id), stage.done("cancel", &sale.id)),
        (vec![700], vec![200])
    );

    // Every write had the key of its effect, and each was asked for once.
    let book = fake.book();
    for done in &book.done {
        assert!(uuid::Uuid::try_parse(&done.key).is_ok(), "{done:?}");
        let wanted = book.done_to(&done.operation, &done.about).count();
        assert_eq!(book.calls(&done.operation, &done.about), wanted, "{done:?}");
    }
    stage.check().await;
    are_nowhere(world, &[CLIENT_SECRET, SUBSCRIPTION_KEY, "eyJ0eXAiOiJKV1Qi"]).await;
}

async fn a_payment_is_read_and_not_believed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let open = || NewPayment { is_open: true, ..new_payment(TOTAL) };
    let [aborted, expired, terminated] = [open(), open(), open()].map(|new| stage.checkout(&new));
    let [cancelled, used] = [0, 1].map(|_| stage.checkout(&new_payment(TOTAL)));
    for (id, deed, body) in [
        (&aborted, "abort", "{}"),
        (&expired, "expire", "{}"),
        (&terminated, "cancel", "{}"),
        (&cancelled, "cancel", "{}"),
        (&used, "capture", r#"{"value": 900}"#),
    ] {
        stage.in_portal(id, deed, body).await;
    }
    let kroner = NewPayment { currency: Currency::Dkk, ..new_payment(TOTAL) };
    let cases = [
        (uuid::Uuid::new_v4().to_string(), "AUTHORIZATION_DECLINED", "NOT_FOUND_AT_PROVIDER"),
        ("no/such?reference".to_owned(), "AUTHORIZATION_DECLINED", "NOT_FOUND_AT_PROVIDER"),
        (aborted, "AUTHORIZATION_DECLINED", "PAYMENT_NOT_APPROVED"),
        (expired, "AUTHORIZATION_DECLINED", "PAYMENT_NOT_APPROVED"),
        (terminated, "RESERVATION_GONE", "RESERVATION_GONE"),
        (cancelled, "RESERVATION_GONE", "RESERVATION_GONE"),
        (used, "RESERVATION_GONE", "RESERVATION_GONE"),
        (stage.checkout(&kroner), "AUTHORIZATION_DECLINED", "PAYMENT_MISMATCH"),
    ];
    for (id, problem, page) in cases {
        let order = stage.place(&id, TOTAL).await;
        assert_eq!(problems(&order), [problem], "{id}: {order:?}");
        assert_eq!(reason(&order).0, page, "{id}: {order:?}");
        assert_eq!(order.payments[0].authorized_minor, 0);
    }
    let small = stage.checkout(&new_payment(500));
    let order = stage.place(&small, TOTAL).await;
    assert_eq!(order.payments[0].authorized_minor, 500, "what Vipps holds, not what was stated");
    assert_eq!(problems(&order), ["PAYMENT_INSUFFICIENT"]);
    till::attaches_what_is_held(&stage, &order.name.parse().unwrap()).await;

    // Not approved yet: it waits, and goes on when the customer has made up their mind.
    let id = stage.checkout(&open());
    let approve = format!("payments/{id}/approve");
    till::waits_for_a_decision(&stage, &id, (&approve, "{}")).await;
    stage.check().await;
}

async fn refused_credentials_hold_everything_until_they_are_right(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let sale = stage.buy(TOTAL).await;
    // Each is refused in its own way: no token, no subscription, another merchant.
    let state = async || world.connection(Vipps::ID).await.state();
    stage.set_up(&["vipps.subscription_key"], |vipps| vipps.subscription_key = "x".into()).await;
    assert_eq!(state().await, ConnectionState::CredentialsRefused);
    let right = |vipps: &mut VippsIntegration| vipps.subscription_key = SUBSCRIPTION_KEY.into();
    stage.set_up(&["vipps.subscription_key"], right).await;
    assert_eq!(state().await, ConnectionState::Works);
    let foreign = vipps(|vipps| {
        vipps.stand_in_url = fake.url();
        vipps.merchant_serial_number = "654321".into();
    });
    world.integrate("mobilepay-2", foreign).await.unwrap();
    let refused = world.connection("mobilepay-2").await;
    assert_eq!(refused.state(), ConnectionState::CredentialsRefused, "{refused:?}");
    stage.set_up(&["vipps.client_secret"], |vipps| vipps.client_secret = "trukket".into()).await;
    assert_eq!(state().await, ConnectionState::CredentialsRefused);
    till::completes_unheard(&stage, &sale).await;
    // Also a payment that somebody names now waits.
    let id = stage.checkout(&new_payment(TOTAL));
    let named = till::names_unheard(&stage, &id).await;

    // Nothing is restarted: the next call has the new secret.
    stage.set_up(&["vipps.client_secret"], |_| {}).await;
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(stage.done("capture", &sale.id), [TOTAL]);
    let named = world.settled(&named).await;
    assert_eq!((named.payments[0].authorized_minor, problems(&named).len()), (TOTAL, 0));

    // A token that is ended before its time is replaced, and nobody notices.
    let sale = stage.buy(TOTAL).await;
    let tokens = fake.book().calls("token", "");
    fake.with(|vipps, _| vipps.forget_tokens());
    world.complete(&sale.name).await.unwrap();
    assert_eq!(stage.done("capture", &sale.id), [TOTAL]);
    assert_eq!(
        (fake.book().calls("token", ""), problems(&world.get(&sale.name).await).len()),
        (tokens + 1, 0)
    );
    stage.check().await;
    is_nowhere(world, CLIENT_SECRET).await;
}

async fn what_was_done_in_the_portal_is_not_done_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
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
            assert_eq!(fake.book().calls("cancel", &sale.id), 0, "it was seen before");
        }
    }
    // Captured there, all or a part: Vipps would give back the rest, but that is no void.
    for (captured, body) in [(900, r#"{"value": 900}"#), (400, r#"{"value": 400}"#)] {
        let sale = stage.buy(TOTAL).await;
        stage.in_portal(&sale.id, "capture", body).await;
        let void = till::adopts_at_a_void(&stage, &sale, captured).await;
        assert!(void.contains(&format!("{captured} minor units")), "{void}");
        assert_eq!(stage.done("cancel", &sale.id), [0; 0]);
    }
    // Captured there, and once more here: one capture stands.
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.id, "capture", r#"{"value": 900}"#).await;
    till::adopts_at_a_capture(&stage, &sale).await;
    stage.check().await;
}

/// Vipps says yes and does nothing, and its sums are right all the same: somebody moved as much
/// before.
async fn what_somebody_else_moved_proves_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let pretend = |word: &str, id: &str| {
        fake.trouble(Trouble::of(word, Effect::answer(200, "", "")).about(id));
    };
    let refunded = stage.buy_for(Deed::Refund).await;
    stage.in_portal(&refunded.id, "refund", r#"{"value": 300}"#).await;
    differences(world, &refunded.name).await;
    pretend("refund", &refunded.id);
    let credit = world.client.credit(&refunded.name).amount(1, 300).refund(true);
    drop(credit.send().await.unwrap());
    eventually("it is done in the end", async || {
        (stage.done("refund", &refunded.id) == [300, 300]).then_some(())
    })
    .await;
    world.settled(&refunded.name).await;
    let own = fake.book().done_to("refund", &refunded.id).nth(1).unwrap().id.clone();
    let operations = world.get(&refunded.name).await.payments[0].operations.clone();
    assert!(operations.iter().any(|one| one.provider_reference == own), "{operations:?}");
    stage.check().await;
}

async fn many_orders_at_once_are_captured_once_each(backend: Backend) {
    let stage = till::many_at_once_are_captured_once_each::<Vipps>(backend).await;
    assert_eq!(stage.fake.book().calls("token", ""), 1, "one token for all of them");
}
