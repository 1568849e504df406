//! Many clients at once: one order, one payment, one reference, the last goods, a full queue.

use std::collections::BTreeSet;
use std::sync::Arc;

use order_rules::refusals::Code;
use order_sdk::proto::{self, StockMode};
use order_sdk::{Error, OrderName, RetryPolicy};

use crate::harness::audit::audit;
use crate::harness::{Backend, Bought, World, depth, eventually, refused, request_id, status_id};

trials! {
    shared: [
        sixty_four_clients_on_one_order_move_its_money_once,
        sixty_four_clients_on_twins_capture_their_payment_once,
        one_command_from_sixty_four_clients_is_done_once,
        the_last_goods_go_to_as_many_as_there_are,
    ];
    own: [a_full_queue_refuses_and_loses_nothing];
}

const CLIENTS: usize = 64;

/// Runs so many clients at once, in these worlds by turns, each on a connection of its own.
pub(crate) async fn crowd<Answer, Running>(
    worlds: &[&World],
    clients: usize,
    act: impl Fn(World, usize) -> Running,
) -> Vec<Result<Answer, Error>>
where
    Answer: Send + 'static,
    Running: Future<Output = Result<Answer, Error>> + Send + 'static,
{
    let running: Vec<_> = (0..clients)
        .zip(worlds.iter().cycle())
        .map(|(number, world)| tokio::spawn(act(world.through(&world.server), number)))
        .collect();
    let mut outcomes = Vec::new();
    for one in running {
        outcomes.push(one.await.unwrap());
    }
    outcomes
}

pub(crate) fn check_refusals<Answer>(outcomes: &[Result<Answer, Error>], allowed: &[Code]) {
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let is_allowed = allowed.iter().any(|code| error.code() == Some(code.name()));
        assert!(is_allowed, "{error:?}");
    }
}

async fn sixty_four_clients_on_one_order_move_its_money_once(world: World) {
    for round in 0..3 * depth() {
        let trouble = ["", "capture=slow:300ms,void=slow:300ms", "capture=timeout-after:100ms"]
            [usize::try_from(round % 3).unwrap()];
        let bought = world.buy(900, trouble).await;
        let name = bought.name.clone();
        let outcomes = crowd(&[&world], CLIENTS, move |world, number| {
            let name = name.clone();
            async move {
                if number % 4 == 3 {
                    world.cancel(&name, number % 8 == 3).await
                } else {
                    world.complete(&name).await
                }
            }
        })
        .await;
        let allowed = [Code::StatusChangePending, Code::AlreadyCaptured, Code::ReservationGone];
        check_refusals(&outcomes, &allowed);
        assert!(outcomes.iter().any(Result::is_ok));
        let order = world.settled(&bought.name).await;
        let (captures, voids) = (
            world.book().done(&bought.reference, "capture"),
            world.book().done(&bought.reference, "void"),
        );
        match status_id(&order) {
            "sent" => assert_eq!((captures.as_slice(), voids.len()), ([900].as_slice(), 0)),
            "cancelled" => assert_eq!((captures.len(), voids.as_slice()), (0, [900].as_slice())),
            other => panic!("{other} is what nobody asked for"),
        }
    }
    audit(&world).await;
}

async fn sixty_four_clients_on_twins_capture_their_payment_once(world: World) {
    for _ in 0..depth() {
        capture_twins(&world).await;
    }
    audit(&world).await;
}

async fn capture_twins(world: &World) {
    let first = world.buy(900, "capture=slow:200ms").await;
    let mut twins = vec![first.name.clone()];
    for _ in 0..7 {
        let twin = world.place(world.draft(900).payment("klarna", &first.reference, 900)).await;
        twins.push(twin.name.parse::<OrderName>().unwrap());
    }
    let all = twins.clone();
    let outcomes = crowd(&[world], CLIENTS, move |world, number| {
        let name = all[number % all.len()].clone();
        async move {
            if number % 16 == 15 {
                world.cancel(&name, false).await
            } else {
                world.complete(&name).await
            }
        }
    })
    .await;
    let allowed = [
        Code::StatusChangePending,
        Code::AlreadyCaptured,
        Code::DuplicateAlreadyCaptured,
        Code::ReservationGone,
    ];
    check_refusals(&outcomes, &allowed);
    let mut completed = 0;
    for twin in &twins {
        completed += usize::from(status_id(&world.settled(twin).await) == "sent");
    }
    assert_eq!(completed, 1, "one purchase");
    assert_eq!(world.book().done(&first.reference, "capture"), [900]);
}

async fn one_command_from_sixty_four_clients_is_done_once(world: World) {
    for _ in 0..depth() {
        place_once(&World::new(Arc::clone(&world.server)).await).await;
    }
}

async fn place_once(world: &World) {
    let (id, reference) = (request_id(), world.reference(""));
    let outcomes = crowd(&[world], CLIENTS, move |world, _| {
        let draft = world.draft(900).payment("klarna", &reference, 900).external_reference("WEB-1");
        let draft = draft.request_id(&id);
        async move { draft.send().await }
    })
    .await;
    let mut fresh = 0;
    for outcome in outcomes {
        let answer = outcome.unwrap();
        assert_eq!(answer.order.unwrap().number, 1001);
        fresh += usize::from(!answer.receipt.unwrap().replayed);
    }
    assert_eq!(fresh, 1);
    let order = world.settled(&world.shop.order(1001).unwrap()).await;
    assert!(order.duplicates.is_empty());

    // Different commands for one external reference: one gets it.
    let outcomes = crowd(&[world], CLIENTS, |world, _| {
        let draft = world.draft(0).external_reference("WEB-2");
        async move { draft.send().await }
    })
    .await;
    check_refusals(&outcomes, &[Code::ExternalReferenceTaken]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    audit(world).await;
}

async fn the_last_goods_go_to_as_many_as_there_are(world: World) {
    world.set("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Refuse)).await;
    for round in 0..depth() {
        let sku = format!("CUP-{round}");
        world.stock(&sku, 10).await;
        let wanted = sku.clone();
        let outcomes = crowd(&[&world], CLIENTS, move |world, _| {
            let draft = world.draft(0).goods(&wanted, "Kopp", 1, 0, 2_500);
            async move { draft.send().await }
        })
        .await;
        check_refusals(&outcomes, &[Code::OutOfStock]);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
        assert_eq!(world.on_hand(&sku).await, 0);
    }
    audit(&world).await;
}

/// Holds the database, so that a shop's queue fills up.
async fn a_full_queue_refuses_and_loses_nothing(backend: Backend) {
    const COMMANDS: usize = 1_500;
    let world = World::own(backend, &[]).await;
    let Bought { name, .. } = world.buy(900, "").await;
    let held = world.server.store.hold("UPDATE shop_heads SET next_id = next_id").await;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let builder = world.server.client_builder().retry(RetryPolicy::off());
            builder.connect_lazy().unwrap()
        })
        .collect();
    let mut running = Vec::new();
    for number in 0..COMMANDS {
        let client = clients[number % clients.len()].clone();
        let world = world.clone();
        running.push(tokio::spawn(async move {
            let request = world.draft(0).metadata("n", number.to_string()).into_request();
            client.create_order(request).await
        }));
    }
    let refusal = eventually("the queue is full", async || {
        let change = world.client.with_retry(RetryPolicy::off());
        let change = change.change_status(&name, &world.status("processing"));
        let waited = tokio::time::timeout(std::time::Duration::from_millis(300), change.send());
        waited.await.ok().filter(Result::is_err)
    })
    .await;
    let refusal = refused(refusal, Code::QueueFull);
    assert!(refusal.is_retryable() && refusal.retry_after.is_some());
    drop(held);

    let mut numbers = BTreeSet::new();
    for one in running {
        match one.await.unwrap() {
            Ok(answer) => {
                let order: proto::Order = answer.order.unwrap();
                assert!(numbers.insert(order.number), "a number was given twice");
            }
            Err(error) => assert_eq!(error.code(), Some("QUEUE_FULL"), "{error:?}"),
        }
    }
    assert!(numbers.len() >= 500 && numbers.len() < COMMANDS, "{}", numbers.len());
    world.settled(&name).await;
    let orders = audit(&world).await;
    assert_eq!(orders.len(), numbers.len() + 1, "what was refused did not happen");
}
