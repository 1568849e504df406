//! A long random day of a shop, checked against a small model of what a shop is.

mod day;

use std::collections::BTreeMap;

use fastrand::Rng;
use order_sdk::proto;

use self::day::Day;
use crate::harness::audit::audit;
use crate::harness::{Backend, World, gross, in_depth, number_of, seed, status_id};

trials! {
    own: [a_random_day_ends_as_the_model_says];
    once: [a_day_reads_no_table_as_a_whole];
}

const STEPS: u32 = 200;
/// Enough for each kind.
const STEPS_COUNTED: u32 = 60;

async fn a_random_day_ends_as_the_model_says(backend: Backend) {
    let first = seed();
    in_depth(|day, times| a_day(backend, first.wrapping_add(day.into()), STEPS * times)).await;
}

async fn a_day(backend: Backend, seed: u64, steps: u32) {
    println!("model: {} day of seed {seed}", backend.name());
    let world = World::own(backend, &["--call-timeout", "2s"]).await;
    let mut day = Day::begin(world.clone(), Rng::with_seed(seed)).await;
    for _ in 0..steps {
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
                captured == refunded
                    || expected.was_sent
                    || !order.problems.is_empty()
                    || still_held(order) >= expected.total - captured,
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

/// What can yet be captured: with it, what was captured in part can be completed.
fn still_held(order: &proto::Order) -> i64 {
    let is_held = |payment: &&proto::Payment| {
        payment.authorization_state() == proto::AuthorizationState::Held
    };
    let held = order.payments.iter().filter(is_held);
    held.map(|payment| payment.authorized_minor - payment.captured_minor).sum()
}

/// What has no index is read for each command, however much there is: PostgreSQL counts it.
async fn a_day_reads_no_table_as_a_whole() {
    let world = World::own(Backend::Postgres, &[]).await;
    let made = reads(&world).await;
    let started = reads(&world).await;
    let mut day = Day::begin(world.clone(), Rng::with_seed(seed())).await;
    for _ in 0..STEPS_COUNTED {
        day.act().await;
    }
    day.settle_all().await;
    let lived = reads(&world).await;
    for (table, lived) in lived {
        let of_a_start = started[&table] - made[&table];
        assert!(
            lived - started[&table] <= of_a_start,
            "{table}: {lived} by a day after {started:?}"
        );
    }
}

/// How often each table has been read as a whole, until the server was stopped for this.
async fn reads(world: &World) -> BTreeMap<String, i64> {
    assert_eq!(world.server.stop().await, 0);
    let counts = "SELECT relname || ' ' || seq_scan AS a FROM pg_stat_user_tables";
    let counts = world.server.store.texts(counts).await;
    world.server.start().await;
    let pairs = counts.iter().map(|count| count.split_once(' ').unwrap());
    pairs.map(|(table, count)| (table.to_owned(), count.parse().unwrap())).collect()
}
