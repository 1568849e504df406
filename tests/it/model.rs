//! A long random day of a shop, checked against a small model of what a shop is.

mod day;

use fastrand::Rng;

use self::day::Day;
use crate::harness::audit::audit;
use crate::harness::{Backend, World, depth, gross, number_of, seed, status_id};

trials! {
    own: [a_random_day_ends_as_the_model_says];
}

const STEPS: u32 = 200;

async fn a_random_day_ends_as_the_model_says(backend: Backend) {
    let seed = seed();
    println!("model: {} day of seed {seed}", backend.name());
    let world = World::own(backend, &["--call-timeout", "2s"]).await;
    let mut day = Day::begin(world.clone(), Rng::with_seed(seed)).await;
    for _ in 0..STEPS * depth() {
        day.step().await;
    }
    day.settle_all().await;

    let orders = audit(&world).await;
    assert_eq!(orders.len(), day.orders.len(), "seed {seed}");
    for (order, expected) in orders.iter().zip(&day.orders) {
        let told = format!("seed {seed}: {expected:?} is {order:?}");
        assert_eq!(number_of(order), expected.number, "{told}");
        assert_eq!(gross(order), expected.total, "{told}");
        assert_eq!(status_id(order), expected.status, "{told}");
        let captured: i64 = order.payments.iter().map(|payment| payment.captured_minor).sum();
        let refunded: i64 = order.payments.iter().map(|payment| payment.refunded_minor).sum();
        // 2: a status never lies.
        match status_id(order) {
            "sent" => assert_eq!(captured - refunded, expected.total, "{told}"),
            "cancelled" => assert_eq!(captured, refunded, "{told}"),
            _ => assert!(
                captured == refunded || expected.was_sent || !order.problems.is_empty(),
                "{told}"
            ),
        }
        if expected.was_sent {
            assert_eq!(captured - refunded, expected.total, "{told}");
        }
    }
    for (sku, on_hand) in &day.stock {
        assert_eq!(world.on_hand(sku).await, *on_hand, "seed {seed}: {sku}");
    }
}
