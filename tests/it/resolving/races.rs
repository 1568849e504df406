//! Kills and races around duplicates: one order or a pair, one resolution, and goods put back once.

use std::time::Duration;

use order_sdk::proto::{DuplicateMode, DuplicateResolution as Became};

use super::became;
use crate::harness::audit::audit;
use crate::harness::{Backend, WAIT, World, depth, eventually, in_depth, status_id};
use crate::replicas::pair;

trials! {
    own: [a_kill_in_the_middle_of_a_resolution_loses_nothing];
    once: [
        callbacks_through_two_replicas_make_one_order_or_a_pair,
        two_replicas_resolve_once_and_restock_once,
    ];
}

/// At every step: asked for, called, decided by the provider, promised.
async fn a_kill_in_the_middle_of_a_resolution_loses_nothing(backend: Backend) {
    in_depth(|_, times| kills_in_the_middle(backend, times)).await;
}

async fn kills_in_the_middle(backend: Backend, kills: u32) {
    let world = World::own(backend, &[]).await;
    world.stock("CUP", 1_000).await;
    let mut out = 1_000;
    for _ in 0..kills {
        out -= killed_in_the_middle(&world).await;
        assert_eq!(world.on_hand("CUP").await, out);
    }
    audit(&world).await;
}

/// Answers how many cups stay with customers.
async fn killed_in_the_middle(world: &World) -> i64 {
    let points = [
        ("", ""),
        ("capture=unavailable:20s", "call"),
        ("capture=timeout-after", "entry"),
        ("capture=slow:20s", "entry"),
        ("capture=later:8s", "entry"),
        ("capture=later-decline:8s", "entry"),
    ];
    let mut driven = Vec::new();
    for (orders, moment) in points {
        let first = world.buy_one_cup(orders).await;
        let twin = world.twin_of(&first, "CUP").await;
        world.complete_kept(&first.name, &twin).send().await.unwrap();
        eventually(orders, async || {
            let book = world.book();
            let is_there = match moment {
                "call" => book.calls(&first.reference, "capture") > 0,
                "entry" => book.entries(&first.reference).iter().any(|one| one.kind == "capture"),
                _ => true,
            };
            is_there.then_some(())
        })
        .await;
        driven.push((orders, first, twin));
    }
    world.server.kill().await;
    world.server.start().await;
    let mut out = 0;
    for (orders, first, twin) in driven {
        let (kept, dropped) = (world.settled(&first.name).await, world.settled(&twin).await);
        let is_declined = orders.contains("decline");
        let wanted =
            if is_declined { ("not-processed", "not-processed") } else { ("sent", "cancelled") };
        assert_eq!((status_id(&kept), status_id(&dropped)), wanted, "{orders}: {kept:?}");
        let captured: &[i64] = if is_declined { &[] } else { &[900] };
        assert_eq!(world.book().done(&first.reference, "capture"), captured, "{orders}");
        assert_eq!(world.book().calls(&first.reference, "void"), 0, "{orders}");
        assert!(kept.pending_resolution.is_none() && dropped.pending_resolution.is_none());
        out += if is_declined { 2 } else { 1 };
    }
    out
}

async fn callbacks_through_two_replicas_make_one_order_or_a_pair() {
    let (first, second) = pair(&[]).await;
    let modes = [DuplicateMode::ReturnFirst, DuplicateMode::Flag];
    for mode in (0..depth()).flat_map(|_| modes) {
        first.set("settings.duplicate_mode", |settings| settings.set_duplicate_mode(mode)).await;
        let mut running = Vec::new();
        for round in 0..50 {
            let (here, there) = (first.clone(), second.clone());
            running.push(tokio::spawn(async move {
                let reference = here.reference("");
                let callback = |world: &World| {
                    let world = world.clone();
                    let draft = world.draft(900).payment("klarna", &reference, 900);
                    tokio::spawn(async move { draft.send().await.unwrap() })
                };
                let one = callback(&here);
                tokio::time::sleep(Duration::from_millis(1)).await;
                let mut answers = vec![callback(&there)];
                answers.extend((0..round % 4).map(|_| callback(&here)));
                let mut numbers = vec![one.await.unwrap().order.unwrap().number];
                for answer in answers {
                    numbers.push(answer.await.unwrap().order.unwrap().number);
                }
                (numbers, here)
            }));
        }
        for one in running {
            let (mut numbers, world) = one.await.unwrap();
            let callbacks = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            if mode == DuplicateMode::ReturnFirst {
                assert_eq!(numbers.len(), 1, "one order, whoever was first");
                continue;
            }
            assert_eq!(numbers.len(), callbacks);
            for number in numbers {
                let order = world.get(&world.shop.order(number).unwrap()).await;
                assert_eq!(became(&order), vec![Became::Open; callbacks - 1], "{number}");
            }
        }
    }
}

async fn two_replicas_resolve_once_and_restock_once() {
    let (first, second) = pair(&[]).await;
    first.stock("CUP", 1_000).await;
    for round in 1..=5 * i64::from(depth()) {
        let bought = first.buy_one_cup("capture=slow:100ms").await;
        let twin = first.twin_of(&bought, "CUP").await;
        let mut running = Vec::new();
        for number in 0..16 {
            let world = if number % 2 == 0 { &first } else { &second };
            let (keep, drop) =
                if number % 4 < 2 { (&bought.name, &twin) } else { (&twin, &bought.name) };
            let resolution = world.complete_kept(keep, drop).wait(WAIT);
            running.push(tokio::spawn(async move { resolution.send().await }));
        }
        for one in running {
            let _either = one.await.unwrap();
        }
        let orders = [first.settled(&bought.name).await, second.settled(&twin).await];
        let mut statuses: Vec<&str> = orders.iter().map(status_id).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, ["cancelled", "sent"]);
        assert_eq!(first.book().done(&bought.reference, "capture"), [900]);
        assert_eq!(first.book().calls(&bought.reference, "void"), 0);
        assert_eq!(second.on_hand("CUP").await, 1_000 - round, "put back once");
    }
    audit(&second).await;
}
