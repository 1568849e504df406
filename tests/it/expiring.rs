//! Reservations that end soon: listed, announced once, and held longer where the provider allows it.

use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::proto::{self, EventKind};
use order_sdk::{Error, OrderName, RetryPolicy};
use order_tests::fakes::klarna::{FraudStatus, NewOrder};
use order_tests::fakes::{Arrival, Effect, Trouble};

use crate::harness::till::{Sale, TOTAL};
use crate::harness::{Backend, Bought, World, eventually, mask, problems, refused, request_id};
use crate::klarna::Stage;
use crate::klarna::refusals::{ANYWHERE, PASSING};
use crate::reconciling::extend;

trials! {
    shared: [a_reservation_that_expires_soon_is_announced_once];
    own: [
        klarna_holds_longer_when_it_is_asked,
        every_error_of_asking_is_told,
        several_may_ask_at_once,
        a_kill_while_it_is_asked_is_survived,
    ];
}

async fn a_reservation_that_expires_soon_is_announced_once(world: World) {
    let Bought { name, .. } = world.buy(TOTAL, "authorize=expires:60m").await;
    let far = world.buy(TOTAL, "").await;
    let told = async |wanted: bool| {
        eventually("the warning follows the reservation", async || {
            let order = world.get(&name).await;
            (problems(&order).contains(&"RESERVATION_EXPIRING") == wanted).then_some(order)
        })
        .await
    };
    let order = told(true).await;
    let (payment, problem) = (&order.payments[0], &order.problems[0]);
    assert_eq!(problem.details["provider"], "klarna");
    let listed = async |within: Duration| expiring(&world, within).await;
    let day = Duration::from_hours(24);
    assert_eq!(listed(day).await, [String::from(&name)]);
    assert_eq!(listed(60 * day).await, [String::from(&far.name), String::from(&name)]);
    assert_eq!(listed(Duration::ZERO).await, [""; 0]);
    // Extended, the warning goes; and comes once more when the shop wants to know sooner.
    let request = proto::ExtendReservationRequest {
        name: (&name).into(),
        payment_id: payment.id,
        request_id: request_id(),
        etag: order.etag.clone(),
        ..proto::ExtendReservationRequest::default()
    };
    let rehearsed = proto::ExtendReservationRequest { validate_only: true, ..request.clone() };
    world.client.extend_reservation(rehearsed).await.unwrap();
    let extended = world.client.extend_reservation(request.clone()).await.unwrap();
    let again = world.client.extend_reservation(request).await.unwrap();
    assert!(again.receipt.unwrap().replayed);
    let until = extended.order.unwrap().payments[0].expire_time.unwrap();
    assert!(until.seconds > payment.expire_time.unwrap().seconds + 86_400);
    told(false).await;
    world.set("settings.expiry_warning_days", |all| all.expiry_warning_days = Some(30)).await;
    told(true).await;
    let kinds: Vec<_> = world.history(&name).await.into_iter().collect();
    let warnings: Vec<_> =
        kinds.iter().filter(|event| event.kind() == EventKind::ReservationExpiring).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let change = warnings[1].change.as_ref().unwrap();
    assert_eq!((change.payment_id, change.expire_time), (payment.id, Some(until)));
    world.complete(&name).await.unwrap();
    told(false).await;
    assert_eq!(listed(60 * day).await, [String::from(&far.name)]);
    refused(warn_days(&world, 31).await, Code::InvalidRequest);
    warn_days(&world, 0).await.unwrap();
}

/// Orders that need a reservation which expires within this time.
async fn expiring(world: &World, within: Duration) -> Vec<String> {
    let seconds = (jiff::Timestamp::now() + within).as_second();
    let filter = proto::OrderFilter {
        reservation_expires_before: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..proto::OrderFilter::default()
    };
    let request = proto::ListOrdersRequest {
        parent: (&world.shop).into(),
        filter: Some(filter),
        count_total: true,
        ..proto::ListOrdersRequest::default()
    };
    let answer = world.client.list_orders(request).await.unwrap();
    assert_eq!(answer.total_count, i64::try_from(answer.orders.len()).ok());
    answer.orders.into_iter().map(|order| order.name).collect()
}

async fn warn_days(world: &World, days: i32) -> Result<proto::UpdateShopResponse, Error> {
    let mut shop = world.shop().await;
    shop.settings.get_or_insert_default().expiry_warning_days = Some(days);
    let request = proto::UpdateShopRequest {
        shop: Some(shop),
        update_mask: Some(mask(&["settings.expiry_warning_days"])),
        ..proto::UpdateShopRequest::default()
    };
    world.client.update_shop(request).await
}

async fn klarna_holds_longer_when_it_is_asked(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let sale = stage.buy(TOTAL).await;
    let payment = &sale.order.payments[0];
    fake.advance(Duration::from_hours(5 * 24));
    // Done and not heard: the same again is the same.
    fake.trouble(Trouble::of("extend", Effect::HangUp).about(&sale.id).once_done());
    let request = proto::ExtendReservationRequest {
        name: (&sale.name).into(),
        payment_id: payment.id,
        request_id: request_id(),
        ..proto::ExtendReservationRequest::default()
    };
    let answer = world.client.extend_reservation(request).await.unwrap();
    let until = answer.order.unwrap().payments[0].expire_time.unwrap();
    assert!(until.seconds > payment.expire_time.unwrap().seconds + 4 * 86_400);
    let (calls, keys) =
        (fake.book().calls("extend", &sale.id), fake.book().keys("extend", &sale.id));
    assert_eq!((fake.book().done.len(), calls > 1, keys), (1, true, 1));
    let is_repeated = |one: &Arrival| one.operation == "extend" && one.is_replay;
    assert!(fake.book().arrivals.iter().any(is_repeated), "Klarna answers as it did");
    stage.in_portal(&sale.id, "cancel", "{}").await;
    let declined = refused(extend(world, &sale.name, payment.id).await, Code::ExtensionDeclined);
    assert!(declined.metadata["provider_reason"].contains("NOT_ALLOWED"), "{declined:?}");
    world.cancel(&sale.name, false).await.unwrap();
    refused(extend(world, &sale.name, payment.id).await, Code::ReservationGone);
    let examined = NewOrder { fraud_status: FraudStatus::Pending, ..NewOrder::of(TOTAL) };
    let id = stage.checkout(examined);
    let draft = world.draft(TOTAL).payment("kco", &id, TOTAL);
    let pending = draft.send().await.unwrap().order.unwrap();
    let name: OrderName = pending.name.parse().unwrap();
    refused(extend(world, &name, pending.payments[0].id).await, Code::PaymentPending);
    stage.check().await;
}

/// What Klarna says no to is told in its words, and what passes is left to whoever asked.
async fn every_error_of_asking_is_told(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let sale = stage.buy(TOTAL).await;
    fake.advance(Duration::from_hours(5 * 24));
    let asked = async |effect: Effect| {
        fake.trouble(Trouble::of("extend", effect).about(&sale.id));
        // The SDK would ask again and again.
        let client = world.client.with_retry(RetryPolicy::off());
        let request = proto::ExtendReservationRequest {
            name: (&sale.name).into(),
            payment_id: sale.order.payments[0].id,
            ..proto::ExtendReservationRequest::default()
        };
        client.extend_reservation(request).await
    };
    for (status, word, _) in ANYWHERE {
        let answer = asked(Effect::answer(status, word, "Nei")).await;
        let told = refused(answer, Code::ExtensionDeclined);
        assert!(told.metadata["provider_reason"].contains(word), "{status} {word}: {told:?}");
    }
    let told = refused(asked(Effect::answer(401, "", "")).await, Code::PaymentNotReadable);
    assert_eq!(told.metadata["reason"], Code::IntegrationUnauthorized.name());
    let passing = PASSING.map(|(status, word, _)| Effect::answer(status, word, "Senere"));
    for effect in passing.into_iter().chain([Effect::HangUp]) {
        let told = refused(asked(effect.clone()).await, Code::ProviderUnavailable);
        assert_ne!(told.metadata["provider_reason"], "", "{effect:?}");
    }
    assert_eq!(fake.book().done_to("extend", &sale.id).count(), 0);
    assert_eq!(world.get(&sale.name).await.payments, sale.order.payments, "nothing changed");
    extend(world, &sale.name, sale.order.payments[0].id).await.unwrap();
    agrees(&stage, &sale).await;
    stage.check().await;
}

/// The command of one caller, under the id that it has.
async fn extend_under(
    world: &World,
    sale: &Sale,
    request_id: &str,
) -> Result<proto::ExtendReservationResponse, Error> {
    let request = proto::ExtendReservationRequest {
        name: (&sale.name).into(),
        payment_id: sale.order.payments[0].id,
        request_id: request_id.to_owned(),
        ..proto::ExtendReservationRequest::default()
    };
    world.client.extend_reservation(request).await
}

/// What the order says is what Klarna holds.
async fn agrees(stage: &Stage, sale: &Sale) {
    let known = stage.world.get(&sale.name).await.payments[0].expire_time.unwrap();
    let held = stage.fake.with(|klarna, _| klarna.order(&sale.id).unwrap().expires_at);
    assert_eq!(known.seconds, held.as_second());
    assert!(known.seconds > sale.order.payments[0].expire_time.unwrap().seconds);
}

async fn several_may_ask_at_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    // Two commands, and one command that is sent twice.
    for (ids, keys) in [([request_id(), request_id()], 2), ([request_id(), String::new()], 1)] {
        let sale = stage.buy(TOTAL).await;
        fake.advance(Duration::from_hours(5 * 24));
        let slow = Effect::Slow { millis: 200 };
        fake.trouble(Trouble::of("extend", slow).about(&sale.id).always());
        let ids = ids.clone().map(|id| if id.is_empty() { ids[0].clone() } else { id });
        let [one, other] = ids.map(|id| {
            let (world, sale) = (world.clone(), sale.clone());
            tokio::spawn(async move {
                eventually("it is extended", async || {
                    match extend_under(&world, &sale, &id).await {
                        Ok(_) => Some(()),
                        // Klarna does one after the other.
                        Err(error) => {
                            let busy = Code::ProviderUnavailable.name();
                            assert_eq!(error.code(), Some(busy), "{error:?}");
                            None
                        }
                    }
                })
                .await;
            })
        });
        one.await.unwrap();
        other.await.unwrap();
        let book = fake.book();
        let found = (book.done_to("extend", &sale.id).count(), book.keys("extend", &sale.id));
        assert_eq!(found, (keys, keys), "{book:?}");
        agrees(&stage, &sale).await;
    }
    stage.check().await;
}

async fn a_kill_while_it_is_asked_is_survived(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    for is_done in [false, true] {
        let sale = stage.buy(TOTAL).await;
        fake.advance(Duration::from_hours(5 * 24));
        let trouble = Trouble::of("extend", Effect::Silence).about(&sale.id);
        fake.trouble(if is_done { trouble.once_done() } else { trouble });
        let id = request_id();
        let asking = {
            let (world, sale, id) = (world.clone(), sale.clone(), id.clone());
            tokio::spawn(async move { extend_under(&world, &sale, &id).await })
        };
        eventually("Klarna is asked", async || {
            (fake.book().calls("extend", &sale.id) > 0).then_some(())
        })
        .await;
        world.server.kill().await;
        world.server.start().await;
        // Whether the client has tried again by itself or not, the same command ends well.
        drop(asking.await.unwrap());
        extend_under(world, &sale, &id).await.unwrap();
        let book = fake.book();
        let found = (book.done_to("extend", &sale.id).count(), book.keys("extend", &sale.id));
        assert_eq!(found, (1, 1), "{is_done}: {book:?}");
        agrees(&stage, &sale).await;
    }
    stage.check().await;
}
