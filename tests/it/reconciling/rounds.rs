//! The service goes round its payments by itself: each is read when it is due, by one replica.

use order_sdk::proto::{self, EventKind, PaymentState};
use order_tests::fakes::{Effect, Trouble};

use super::reconcile;
use crate::harness::till::TOTAL;
use crate::harness::{Backend, World, eventually, problems};
use crate::klarna::Stage;

trials! {
    own: [
        payments_are_read_without_anybody_asking,
        a_read_that_is_due_stays_due,
    ];
    once: [two_replicas_read_each_payment_once];
}

/// One payment after the other is read now, whenever it would have been.
async fn hasten(world: &World) {
    let statement = "UPDATE payments SET read_due_at = 0 WHERE read_due_at IS NOT NULL";
    world.server.store.damage(statement).await;
}

async fn payments_are_read_without_anybody_asking(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let (captured, expired, quiet) =
        (stage.buy(TOTAL).await, stage.buy(TOTAL).await, stage.buy(TOTAL).await);
    stage.in_portal(&captured.id, "captures", r#"{"captured_amount": 900}"#).await;
    stage.in_portal(&expired.id, "expire", "{}").await;
    // Klarna is away at first; nobody waits for it, and it is read when it is back.
    let away = Effect::answer(503, "SERVICE_UNAVAILABLE", "Away");
    fake.trouble(Trouble::of("read", away).about(&captured.id).times(1));
    let before = world.get(&quiet.name).await;
    hasten(world).await;
    eventually("each is read once", async || {
        let book = fake.book();
        let reads = |id: &str| book.calls("read", id);
        (reads(&captured.id) == 2).then_some(())
    })
    .await;
    eventually("the expiry is found", async || {
        hasten(world).await;
        let order = world.get(&expired.name).await;
        (problems(&order) == ["RESERVATION_EXPIRED"]).then_some(())
    })
    .await;
    let order = eventually("the capture is found", async || {
        hasten(world).await;
        let order = world.get(&captured.name).await;
        (order.payment_state() == PaymentState::Captured).then_some(order)
    })
    .await;
    let adopted = world.history(&captured.name).await;
    let adopted = adopted.iter().find(|event| event.kind() == EventKind::PaymentReconciled);
    assert_eq!(adopted.unwrap().actor, "system");
    assert_eq!(order.payments[0].captured_minor, TOTAL);
    eventually("the quiet one is read, too", async || {
        (fake.book().calls("read", &quiet.id) > 1).then_some(())
    })
    .await;
    assert_eq!(world.get(&quiet.name).await, before, "what agrees changes nothing");
    stage.check().await;
}

/// What changes the payment meanwhile puts it off no more than what happens to other payments.
async fn a_read_that_is_due_stays_due(backend: Backend) {
    const LONG_AGO: i64 = 1_000;
    const FAR_OFF: i64 = 32_503_680_000_000_000;
    // Nobody goes round: it stays as turns leave it.
    let world = World::own(backend, &["--reconcile-rate", "0"]).await;
    let due = async |reference: &str| {
        let named = format!("FROM payments WHERE reference = '{reference}'");
        world.server.store.numbers(["coalesce(read_due_at, 0)", "0", "0", "0"], &named).await[0][0]
    };
    let set = async |reference: &str, due: i64| {
        let named = format!("WHERE reference = '{reference}'");
        let statement = format!("UPDATE payments SET read_due_at = {due} {named}");
        world.server.store.damage(&statement).await;
    };
    let [hastened, usual] = [world.buy(TOTAL, "").await, world.buy(TOTAL, "").await];
    set(&hastened.reference, LONG_AGO).await;
    set(&usual.reference, FAR_OFF).await;
    for one in [&hastened, &usual] {
        world.complete(&one.name).await.unwrap();
    }
    assert_eq!(due(&hastened.reference).await, LONG_AGO);
    assert!(
        (LONG_AGO..FAR_OFF).contains(&due(&usual.reference).await),
        "a turn sets the usual one"
    );
}

/// However many replicas go round, each payment is read once a turn.
async fn two_replicas_read_each_payment_once() {
    const PAYMENTS: usize = 12;
    let stage = Stage::set(Backend::Postgres).await;
    let Stage { world, fake } = &stage;
    let second = world.through(&world.server.replica().await);
    let mut sales = Vec::new();
    for _ in 0..PAYMENTS {
        sales.push(stage.buy(TOTAL).await);
    }
    for sale in &sales {
        stage.in_portal(&sale.id, "captures", r#"{"captured_amount": 900}"#).await;
    }
    let reads: usize = sales.iter().map(|sale| fake.book().calls("read", &sale.id)).sum();
    hasten(world).await;
    for sale in &sales {
        eventually("the capture is found", async || {
            let order = second.get(&sale.name).await;
            (order.payment_state() == PaymentState::Captured).then_some(())
        })
        .await;
    }
    let after: usize = sales.iter().map(|sale| fake.book().calls("read", &sale.id)).sum();
    // The account, and whose the captures are that we do not know.
    assert_eq!(after - reads, 2 * PAYMENTS, "each was read by one of them");
    // At each of them at once: one finds it, the other that it is done.
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.id, "captures", r#"{"captured_amount": 900}"#).await;
    let payment = sale.order.payments[0].id;
    let (one, other) = tokio::join!(
        reconcile(world, &sale.name, payment),
        reconcile(&second, &sale.name, payment)
    );
    for answer in [one, other] {
        assert_eq!(answer.unwrap().order.unwrap().payments[0].captured_minor, TOTAL);
    }
    let operations = &world.get(&sale.name).await.payments[0].operations;
    let captures = operations.iter().filter(|one| one.kind() == proto::OperationKind::Capture);
    assert_eq!(captures.count(), 1, "{operations:?}");
    stage.check().await;
}
