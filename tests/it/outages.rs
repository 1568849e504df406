//! A provider that is gone: nobody else waits for it, and what was asked of it is done once it is back.

use order_sdk::proto;
use order_tests::fakes::{Effect, Klarna, Trouble};

use crate::harness::till::{Deed, Sale, Stage, TOTAL, Till};
use crate::harness::{Backend, World, eventually, problems, status_id};

trials! {
    own: [
        a_provider_that_is_gone_delays_no_other_and_catches_up,
        what_cannot_be_asked_for_for_long_is_told_and_can_be_taken_back,
    ];
}

async fn a_provider_that_is_gone_delays_no_other_and_catches_up(backend: Backend) {
    const SALES: usize = 12;
    let stage = Stage::<Klarna>::set(backend).await;
    let Stage { world, fake } = &stage;
    let mut sales = Vec::new();
    for _ in 0..SALES {
        sales.push(stage.buy(TOTAL).await);
    }
    let before = fake.book().arrivals.len();
    fake.trouble(Trouble::of("", Effect::HangUp).always());
    for sale in &sales {
        stage.begin(Deed::Capture, sale).await;
    }
    eventually("it is asked in vain, again and again", async || {
        (fake.book().arrivals.len() > before + SALES).then_some(())
    })
    .await;
    // The same shop's other provider hears of nothing.
    let other = world.buy(TOTAL, "").await;
    world.complete(&other.name).await.unwrap();
    assert_eq!(status_id(&world.settled(&other.name).await), "sent");
    for sale in &sales {
        assert_eq!(stage.done("capture", &sale.id), [0; 0]);
        assert_eq!(status_id(&world.get(&sale.name).await), "not-processed");
    }
    fake.recover();
    for sale in &sales {
        stage.check_done(Deed::Capture, sale, "it is back").await;
    }
    stage.check().await;
}

/// Time is turned back behind the server's back: nobody waits a quarter of an hour.
async fn is_delayed(world: &World, sale: &Sale) -> proto::Order {
    let now = jiff::Timestamp::now().as_microsecond();
    let minutes = |count: i64| now - count * 60_000_000;
    let back = format!(
        "UPDATE effects SET first_sent_at = {} WHERE payment_key IS NOT NULL AND attempt > 0
         AND first_sent_at > {} AND state = 0",
        minutes(20),
        minutes(14),
    );
    eventually("a person is told", async || {
        world.server.store.damage(&back).await;
        let order = world.get(&sale.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await
}

async fn what_cannot_be_asked_for_for_long_is_told_and_can_be_taken_back(backend: Backend) {
    let mut stage = Stage::<Klarna>::set(backend).await;
    let world = stage.world.clone();
    let [busy, unreached, taken_back] =
        [stage.buy(TOTAL).await, stage.buy(TOTAL).await, stage.buy(TOTAL).await];
    let later = Effect::answer(429, "TOO_MANY_REQUESTS", "Later");
    stage.fake.trouble(Trouble::of("capture", later).about(&busy.id).always());
    stage.begin(Deed::Capture, &busy).await;
    let order = is_delayed(&world, &busy).await;
    assert_eq!(problems(&order), ["OPERATION_DELAYED"]);
    assert_eq!(order.problems[0].details["provider"], Klarna::ID);
    stage.fake.recover();
    stage.check_done(Deed::Capture, &busy, "busy no more").await;

    stage.fake.go_away();
    // Whoever still holds a connection has seen by then that it is cut.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for sale in [&unreached, &taken_back] {
        stage.begin(Deed::Capture, sale).await;
    }
    for sale in [&unreached, &taken_back] {
        let order = is_delayed(&world, sale).await;
        assert_eq!(problems(&order), ["OPERATION_DELAYED"], "{order:?}");
        assert!(order.pending_status_change.is_some(), "it is tried on");
    }
    let withdraw = proto::WithdrawStatusChangeRequest {
        name: (&taken_back.name).into(),
        ..proto::WithdrawStatusChangeRequest::default()
    };
    let order = world.client.withdraw_status_change(withdraw).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("not-processed", 0), "{order:?}");
    stage.fake.come_back().await.unwrap();
    stage.check_done(Deed::Capture, &unreached, "it is back").await;
    assert_eq!(stage.done("capture", &taken_back.id), [0; 0]);
    stage.check().await;
}
