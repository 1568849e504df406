//! Doubts, kills and crowds at Adyen: whatever befalls a call, it is carried out once, or a person is
//! told that nobody knows.

use std::sync::Arc;
use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::proto::{self, OperationState, Order};
use order_sdk::{Error, OrderName};
use order_tests::fakes::adyen::NewPayment;
use order_tests::fakes::{Effect, Travel, Trouble};

use super::stage::{Sale, Stage, TOTAL, travel};
use crate::harness::standstill::Standstill;
use crate::harness::{Backend, depth, eventually, problems, refused, status_id};

trials! {
    own: [
        every_doubt_is_ended_by_the_same_call,
        a_kill_at_any_point_loses_and_doubles_nothing,
        a_kill_between_answer_and_record_is_survived,
        a_kill_around_a_webhook_loses_nothing,
        what_is_received_and_never_told_is_listed_until_it_is,
        past_its_keys_window_nothing_is_sent_again,
        what_happened_after_all_is_not_done_again,
        many_at_once_are_done_once_each,
    ];
}

const OPERATIONS: [&str; 4] = ["capture", "cancel", "update", "refund"];
/// A shop's queue is bounded.
const ASKED_AT_ONCE: usize = 100;
const HOUR_MICROS: i64 = 60 * 60 * 1_000_000;

impl Stage {
    async fn accepted(&self, sale: &Sale) {
        eventually("Adyen has received it", async || {
            let order = self.world.get(&sale.name).await;
            (last(&order).state() == OperationState::Accepted).then_some(())
        })
        .await;
    }

    /// A sale of which each operation is received, and nothing is told of that yet.
    async fn untold(&self) -> Vec<(&'static str, Sale)> {
        let mut sales = Vec::new();
        for operation in OPERATIONS {
            sales.push((operation, self.buy_for(operation).await));
        }
        self.fake.travel(Travel { is_held: true, ..travel() });
        for (operation, sale) in &sales {
            self.begin(operation, &sale.name).await;
            self.accepted(sale).await;
        }
        sales
    }

    /// An order on a payment of which nothing is told yet: it waits for Adyen's word.
    pub(super) async fn unconfirmed(&self) -> OrderName {
        self.fake.travel(Travel { is_held: true, ..travel() });
        let psp = self.checkout(NewPayment::of("cart", TOTAL));
        let draft = self.world.draft(TOTAL).payment("card-no", &psp, TOTAL);
        let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
        eventually("it waits for Adyen's word", async || {
            let order = self.world.get(&name).await;
            (last(&order).state() == OperationState::Accepted).then_some(())
        })
        .await;
        name
    }

    /// Kills it while it waits to be told; and once more when the first of that is told and stored, and
    /// maybe not followed up.
    async fn kill_around_a_webhook(&self) {
        let Self { world, fake, .. } = self;
        world.server.kill().await;
        world.server.start().await;
        let before = fake.book().sent.len();
        fake.travel(travel());
        while fake.book().sent.iter().skip(before).all(|sent| sent.status != 200) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.server.kill().await;
        world.server.start().await;
    }

    async fn with_problem(&self, sale: &Sale, code: &str) -> Order {
        eventually(&format!("{} says {code}", sale.psp), async || {
            let order = self.world.get(&sale.name).await;
            (problems(&order) == [code]).then_some(order)
        })
        .await
    }

    /// Puts all effects that were sent back in time. The server is down.
    async fn age(&self, micros: i64) {
        let earlier = format!(
            "UPDATE effects SET first_sent_at = first_sent_at - {micros}, \
             last_sent_at = last_sent_at - {micros}, due_at = 0 WHERE state IN (1, 2, 3)"
        );
        self.world.server.store.damage(&earlier).await;
    }
}

fn last(order: &Order) -> &proto::Operation {
    order.payments[0].operations.last().unwrap()
}

/// Silence, a line that breaks and a late error, each before it is done and after.
fn doubts(operation: &str, psp: &str) -> Vec<Trouble> {
    let effects = [Effect::Silence, Effect::HangUp, Effect::answer(500, "905", "Oops")];
    let befall = |effect| Trouble::of(operation, effect).about(psp);
    let before = effects.clone().map(befall);
    let after = effects.map(|effect| befall(effect).once_done());
    [before, after].concat()
}

/// Every operation in every kind of doubt, all at once.
async fn every_doubt_is_ended_by_the_same_call(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    let mut running = Vec::new();
    for operation in OPERATIONS {
        for number in 0..doubts(operation, "").len() {
            let stage = Arc::clone(&stage);
            running.push(tokio::spawn(async move { in_doubt(&stage, operation, number).await }));
        }
    }
    for one in running {
        one.await.unwrap();
    }
    stage.check().await;
}

async fn in_doubt(stage: &Stage, operation: &'static str, number: usize) {
    let sale = stage.buy_for(operation).await;
    let trouble = doubts(operation, &sale.psp).swap_remove(number);
    let told = format!("{operation}: {trouble:?}");
    stage.fake.trouble(trouble);
    stage.begin(operation, &sale.name).await;
    eventually(&told, async || (!stage.done(operation, &sale.psp).is_empty()).then_some(())).await;
    stage.check_done(operation, &sale, &told).await;
}

/// Planned and perhaps called; called and not done; done and not heard; and both while nobody knows.
async fn a_kill_at_any_point_loses_and_doubles_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    // A hundredfold in all: deeper and oftener.
    let times = depth().isqrt();
    for _ in 0..times {
        let mut sales = Vec::new();
        for operation in OPERATIONS {
            for effect in [None, Some(Effect::Silence), Some(Effect::HangUp)] {
                for is_done in [false, true] {
                    for _ in 0..times {
                        let sale = stage.buy_for(operation).await;
                        if let Some(effect) = &effect {
                            let trouble = Trouble::of(operation, effect.clone()).about(&sale.psp);
                            stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
                        }
                        sales.push((operation, effect.clone(), sale));
                    }
                }
            }
        }
        for (operation, _, sale) in &sales {
            stage.begin(operation, &sale.name).await;
        }
        eventually("the troubled ones are called", async || {
            let book = stage.fake.book();
            let mut troubled = sales.iter().filter(|(_, effect, _)| effect.is_some());
            troubled.all(|(operation, _, sale)| book.calls(operation, &sale.psp) > 0).then_some(())
        })
        .await;
        stage.world.server.kill().await;
        stage.world.server.start().await;
        for (operation, effect, sale) in &sales {
            stage.check_done(operation, sale, &format!("{operation}: {effect:?}")).await;
        }
    }
    stage.check().await;
}

/// Adyen has received everything and said so, and nobody could write that down: the same call again does
/// it once.
async fn a_kill_between_answer_and_record_is_survived(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let mut sales = Vec::new();
    for operation in OPERATIONS {
        let sale = stage.buy_for(operation).await;
        fake.trouble(Trouble::of(operation, Effect::Waiting).about(&sale.psp));
        stage.begin(operation, &sale.name).await;
        sales.push((operation, sale));
    }
    let ids: Vec<&String> = sales.iter().map(|(_, sale)| &sale.psp).collect();
    // What it tells later is no answer: it is held until the server is there again.
    fake.travel(Travel { is_held: true, ..travel() });
    let standstill = Standstill::once_answered(&world.server.store, fake, &ids).await;
    for (operation, sale) in &sales {
        assert_eq!(stage.done(operation, &sale.psp).len(), 1, "{operation}");
    }
    world.server.kill().await;
    standstill.end();
    world.server.start().await;
    fake.travel(travel());
    for (operation, sale) in &sales {
        stage.check_done(operation, sale, operation).await;
    }
    stage.check().await;
}

/// Received and not told; and told, stored, and maybe not followed up.
async fn a_kill_around_a_webhook_loses_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    for _ in 0..depth() {
        let sales = stage.untold().await;
        stage.kill_around_a_webhook().await;
        for (operation, sale) in &sales {
            stage.check_done(operation, sale, operation).await;
        }
        // The same of the AUTHORISATION that an order waits for.
        let name = stage.unconfirmed().await;
        stage.kill_around_a_webhook().await;
        let order = stage.world.settled(&name).await;
        let found = (order.payments[0].authorized_minor, problems(&order).len());
        assert_eq!(found, (TOTAL, 0), "{order:?}");
    }
    stage.check().await;
}

async fn what_is_received_and_never_told_is_listed_until_it_is(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let sales = stage.untold().await;
    assert_eq!(world.server.stop().await, 0);
    stage.age(HOUR_MICROS).await;
    world.server.start().await;
    for (operation, sale) in &sales {
        let order = stage.with_problem(sale, "OUTCOME_UNKNOWN").await;
        assert!(order.payment_needs_attention, "{operation}: {order:?}");
        assert_eq!(fake.book().calls(operation, &sale.psp), 1, "what it has is not sent again");
    }
    // However late: the webhook settles it.
    fake.travel(travel());
    for (operation, sale) in &sales {
        stage.check_done(operation, sale, operation).await;
        assert!(!world.get(&sale.name).await.payment_needs_attention, "{operation}");
    }
    stage.check().await;
}

/// Adyen may have forgotten the key: the same call might be carried out once more.
async fn past_its_keys_window_nothing_is_sent_again(backend: Backend) {
    const WINDOW: Duration = Duration::from_hours(8 * 24);
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let mut sales = Vec::new();
    for operation in OPERATIONS {
        for is_done in [false, true] {
            let long = NewPayment { days: 30, ..NewPayment::of("cart", TOTAL) };
            let sale = stage.buy_with_for(long, operation).await;
            sales.push((operation, is_done, sale));
        }
    }
    fake.travel(Travel { is_held: true, ..travel() });
    for (operation, is_done, sale) in &sales {
        let trouble = Trouble::of(operation, Effect::Silence).about(&sale.psp);
        fake.trouble(if *is_done { trouble.once_done() } else { trouble });
        stage.begin(operation, &sale.name).await;
    }
    eventually("all are called", async || {
        let book = fake.book();
        let is_called =
            |(operation, _, sale): &(&str, bool, Sale)| book.calls(operation, &sale.psp) > 0;
        sales.iter().all(is_called).then_some(())
    })
    .await;
    world.server.kill().await;
    let calls = |operation: &str, sale: &Sale| fake.book().calls(operation, &sale.psp);
    let before: Vec<usize> = sales.iter().map(|(of, _, sale)| calls(of, sale)).collect();
    fake.advance(WINDOW);
    stage.age(i64::try_from(WINDOW.as_micros()).unwrap()).await;
    world.server.start().await;
    for (_, _, sale) in &sales {
        stage.with_problem(sale, "OUTCOME_UNKNOWN").await;
    }
    // What was done is told in the end; of the rest a person finds out.
    fake.travel(travel());
    for ((operation, is_done, sale), before) in sales.iter().zip(before) {
        let told = format!("{operation}, done: {is_done}");
        if *is_done {
            stage.check_done(operation, sale, &told).await;
        } else {
            settle(&stage, sale).await;
            stage.world.settled(&sale.name).await;
            assert_eq!(stage.done(operation, &sale.psp), [0; 0], "{told}");
        }
        assert_eq!(calls(operation, sale), before, "{told}");
    }
    stage.check().await;
}

/// A person has looked: it did not happen.
async fn settle(stage: &Stage, sale: &Sale) {
    settle_at_once(stage, sale).await.unwrap();
}

async fn settle_at_once(
    stage: &Stage,
    sale: &Sale,
) -> Result<proto::SettlePaymentOperationResponse, Error> {
    let order = stage.world.get(&sale.name).await;
    let request = proto::SettlePaymentOperationRequest {
        name: order.name.clone(),
        operation_id: last(&order).id,
        verdict: proto::Verdict::DidNotHappen.into(),
        reason: "Sett i portalen".to_owned(),
        ..proto::SettlePaymentOperationRequest::default()
    };
    stage.world.client.settle_payment_operation(request).await
}

/// A person took it for not done, and Adyen tells that it was.
async fn what_happened_after_all_is_not_done_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    for operation in ["capture", "refund"] {
        let sale = stage.buy_for(operation).await;
        fake.travel(Travel { is_held: true, ..travel() });
        stage.begin(operation, &sale.name).await;
        stage.accepted(&sale).await;
        // Nobody can say so while its word is awaited.
        refused(settle_at_once(&stage, &sale).await, Code::EffectPending);
        assert_eq!(world.server.stop().await, 0);
        stage.age(HOUR_MICROS).await;
        world.server.start().await;
        stage.with_problem(&sale, "OUTCOME_UNKNOWN").await;
        settle(&stage, &sale).await;
        let order = world.settled(&sale.name).await;
        let (refused, moved) = (last(&order).id, order.payments[0].captured_minor);
        assert_eq!(moved, if operation == "refund" { TOTAL } else { 0 });
        fake.travel(travel());
        eventually("a person is told", async || {
            let order = world.get(&sale.name).await;
            problems(&order).contains(&"CHANGED_AT_PROVIDER").then_some(())
        })
        .await;
        if operation == "capture" {
            world.complete(&sale.name).await.unwrap();
        } else {
            let retry = proto::RetryEffectRequest {
                name: (&sale.name).into(),
                operation_id: refused,
                ..proto::RetryEffectRequest::default()
            };
            world.client.retry_effect(retry).await.unwrap();
        }
        let order = world.settled(&sale.name).await;
        assert_eq!(stage.done(operation, &sale.psp), [TOTAL], "{operation}");
        assert_eq!(fake.book().calls(operation, &sale.psp), 1, "{operation}");
        let payment = &order.payments[0];
        let refunded = if operation == "refund" { TOTAL } else { 0 };
        assert_eq!((payment.captured_minor, payment.refunded_minor), (TOTAL, refunded));
        assert_eq!(status_id(&order), "sent");
    }
    stage.check().await;
}

/// Each is asked for twice at the same time, Adyen is slow, and every webhook comes twice.
async fn many_at_once_are_done_once_each(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    let orders = 12 * usize::try_from(depth()).unwrap();
    for operation in OPERATIONS {
        let mut sales = Vec::new();
        for _ in 0..orders {
            sales.push(stage.buy_for(operation).await);
        }
        stage.fake.trouble(Trouble::of(operation, Effect::Slow { millis: 20 }).always());
        stage.fake.travel(Travel { copies: 2, ..travel() });
        for some in sales.chunks(ASKED_AT_ONCE) {
            let mut running = Vec::new();
            for sale in some {
                for _ in 0..2 {
                    let (stage, name) = (Arc::clone(&stage), sale.name.clone());
                    let asking = async move { stage.ask(operation, &name).await };
                    running.push(tokio::spawn(asking));
                }
            }
            for one in running {
                // The second of a pair finds the first waiting.
                let _second: Result<(), Error> = one.await.unwrap();
            }
        }
        for sale in &sales {
            stage.check_done(operation, sale, operation).await;
        }
        stage.fake.recover();
    }
    stage.check().await;
}
