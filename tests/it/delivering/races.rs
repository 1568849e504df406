//! Kills and races around deliveries: each unit is sent once, and its money taken once.

use order_rules::refusals::Code;
use order_sdk::proto::{OperationKind, OperationState};

use super::{PARTS_TOTAL, captured, delivered, shares};
use crate::harness::audit::audit;
use crate::harness::{Backend, World, depth, eventually, refused, status_id};
use crate::replicas::pair;

trials! {
    own: [a_kill_around_the_capture_of_a_delivery_loses_and_doubles_nothing];
    once: [
        the_same_units_are_delivered_once_through_two_replicas,
        a_delivery_and_a_cancellation_through_two_replicas_exclude_each_other,
    ];
}

async fn a_kill_around_the_capture_of_a_delivery_loses_and_doubles_nothing(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.capture_per_delivery().await;
    let mut driven = Vec::new();
    for trouble in [
        "",
        "capture=unavailable:8s",
        "capture=timeout-before",
        "capture=timeout-after",
        "capture=slow:20s",
        "capture=later:8s",
    ] {
        let (name, reference) = world.buy_parts(trouble, PARTS_TOTAL).await;
        world.client.deliver(&name).line(1, 1).send().await.unwrap();
        driven.push((name, reference, trouble));
    }
    for (_, reference, _) in &driven {
        eventually("the provider is called", async || {
            (world.book().calls(reference, "capture") > 0).then_some(())
        })
        .await;
    }
    world.server.kill().await;
    world.server.start().await;
    for (name, reference, trouble) in &driven {
        let order = world.settled(name).await;
        assert_eq!(shares(&order), [(4_323, true)], "{trouble}: {order:?}");
        assert_eq!(world.book().done(reference, "capture"), [4_323], "{trouble}");
        world.deliver(name).send().await.unwrap();
        let order = world.settled(name).await;
        assert_eq!(captured(&order), [3, 1, 1], "{trouble}");
        let done = world.book().done(reference, "capture");
        assert_eq!(done, [4_323, PARTS_TOTAL - 4_323], "{trouble}");
    }
    audit(&world).await;
}

async fn the_same_units_are_delivered_once_through_two_replicas() {
    let (first, second) = pair(&[]).await;
    first.capture_per_delivery().await;
    for _ in 0..3 * depth() {
        let (name, reference) = first.buy_parts("capture=slow:100ms", PARTS_TOTAL).await;
        let mut running = Vec::new();
        for number in 0..16 {
            let world = if number % 2 == 0 { first.clone() } else { second.clone() };
            let name = name.clone();
            running.push(tokio::spawn(async move {
                world.client.deliver(&name).line(1, 2).line(2, 1).send().await
            }));
        }
        let mut sent = 0;
        for one in running {
            match one.await.unwrap() {
                Ok(_) => sent += 1,
                failed => drop(refused(failed, Code::DeliveryExceedsOrdered)),
            }
        }
        assert_eq!(sent, 1);
        let order = second.settled(&name).await;
        assert_eq!(delivered(&order), [2, 1, 0]);
        assert_eq!(first.book().done(&reference, "capture"), [6_667 + 2_000 + 990]);
    }
    audit(&second).await;
}

async fn a_delivery_and_a_cancellation_through_two_replicas_exclude_each_other() {
    let (first, second) = pair(&[]).await;
    first.capture_per_delivery().await;
    for _ in 0..8 * depth() {
        let (name, reference) = first.buy_parts("", PARTS_TOTAL).await;
        let (here, there) = (first.clone(), second.clone());
        let (one, other) = (name.clone(), name.clone());
        let deliver = tokio::spawn(async move { here.deliver(&one).line(1, 1).send().await });
        let cancel = tokio::spawn(async move { there.cancel(&other, false).await });
        let (deliver, cancel) = (deliver.await.unwrap(), cancel.await.unwrap());
        let order = first.settled(&name).await;
        let captured = first.book().done(&reference, "capture");
        match (deliver, cancel) {
            (Ok(_), cancelled) => {
                refused(cancelled, Code::PartlyDelivered);
                assert_eq!((captured, delivered(&order)), (vec![4_323], vec![1, 0, 0]));
            }
            (Err(_), cancelled) => {
                cancelled.unwrap();
                assert_eq!((status_id(&order), captured.len()), ("cancelled", 0));
                let voided = order.payments[0].operations.last().unwrap();
                assert_eq!(
                    (voided.kind(), voided.state()),
                    (OperationKind::Void, OperationState::Succeeded)
                );
            }
        }
    }
    audit(&second).await;
}
