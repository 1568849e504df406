//! A person of more orders than one turn erases: all of them, through kills, each once.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{CANARIES, EMAIL, person};
use crate::harness::audit::audit;
use crate::harness::{Backend, World, depth, eventually, request_id};

trials! {
    own: [
        many_orders_are_erased_in_several_turns,
        a_kill_during_an_erasure_is_made_good_by_asking_again,
        a_kill_between_two_turns_of_an_erasure_is_made_good_by_asking_again,
    ];
}

/// Orders for more than one turn, cancelled.
async fn many_canaries(world: &World) -> usize {
    let mut running = Vec::new();
    for _ in 0..8 {
        let world = world.clone();
        running.push(tokio::spawn(async move {
            for _ in 0..28 {
                let name = world.canary().await;
                world.cancel(&name, false).await.unwrap();
            }
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    224
}

async fn many_orders_are_erased_in_several_turns(backend: Backend) {
    let world = World::own(backend, &[]).await;
    assert_eq!(many_canaries(&world).await, 224);
    let id = request_id();
    let erased = world.erase(EMAIL, &id, false).await.unwrap();
    assert_eq!(erased.len(), 224);
    assert!(world.export(person(EMAIL)).await.is_empty());
    // One that came in between belongs to the next request; the same id does not touch it.
    assert!(!world.erase(EMAIL, &id, false).await.unwrap().is_empty());
    audit(&world).await;
}

async fn a_kill_during_an_erasure_is_made_good_by_asking_again(backend: Backend) {
    let world = World::own(backend, &[]).await;
    for _ in 0..2 * depth() {
        let count = many_canaries(&world).await;
        let id = request_id();
        let asking = tokio::spawn({
            let (world, id) = (world.through(&world.server), id.clone());
            async move { world.erase(EMAIL, &id, false).await }
        });
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..250))).await;
        world.server.kill().await;
        asking.abort();
        world.server.start().await;
        all_are_erased_by_asking_again(&world, &id, count).await;
    }
    no_canary_is_left(&world).await;
    audit(&world).await;
}

/// What the first turn has done is durable, and the second is under way.
async fn a_kill_between_two_turns_of_an_erasure_is_made_good_by_asking_again(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let count = many_canaries(&world).await;
    let store = &world.server.store;
    let [last, ..] = store.numbers(["max(order_key)", "0", "0", "0"], "FROM orders").await[0];
    store.hold_up("customers", &format!("NEW.order_key = {last}")).await;
    let id = request_id();
    let asking = tokio::spawn({
        let (world, id) = (world.through(&world.server), id.clone());
        async move { world.erase(EMAIL, &id, false).await }
    });
    let erased = async || {
        let columns = ["count(DISTINCT order_key)", "0", "0", "0"];
        store.numbers(columns, "FROM customers WHERE length(personal) = 0").await[0][0]
    };
    eventually("the first turn is done", async || (erased().await > 0).then_some(())).await;
    world.server.kill().await;
    asking.abort();
    assert_eq!(erased().await, 200, "half-way");
    store.let_go("customers").await;
    world.server.start().await;
    all_are_erased_by_asking_again(&world, &id, count).await;
    no_canary_is_left(&world).await;
    audit(&world).await;
}

/// However often.
async fn all_are_erased_by_asking_again(world: &World, id: &str, count: usize) {
    let erased = world.erase(EMAIL, id, false).await.unwrap();
    let numbers: BTreeSet<&String> = erased.iter().collect();
    assert_eq!((erased.len(), numbers.len()), (count, count), "all of them, each once");
    assert_eq!(world.erase(EMAIL, id, false).await.unwrap(), erased);
    assert!(world.export(person(EMAIL)).await.is_empty());
}

async fn no_canary_is_left(world: &World) {
    for (table, bytes) in world.server.store.dump().await {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!CANARIES.iter().any(|canary| text.contains(&canary.to_lowercase())), "{table}");
    }
}
