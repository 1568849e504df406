//! Two server processes on one PostgreSQL: correct from the start.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, StatusTag};
use order_sdk::{OrderName, ShopName, Start};

use crate::concurrency::{check_refusals, crowd};
use crate::harness::audit::audit;
use crate::harness::listener::Listener;
use crate::harness::{
    Backend, Bought, Server, WAIT, World, depth, eventually, mask, number_of, status_id,
};

trials! {
    once: [
        two_that_start_at_once_on_an_empty_database_make_one_shop,
        commands_through_two_replicas_make_one_log,
        twins_through_two_replicas_are_captured_once,
        an_edit_races_a_capture_and_the_total_of_that_moment_is_taken,
        a_cancel_races_a_capture_and_goods_go_back_once,
        what_a_killed_replica_began_the_other_ends,
        what_happens_at_one_is_heard_at_the_other,
        settings_changed_at_one_hold_at_the_other,
        a_change_that_waits_at_one_fixes_the_tag_at_the_other,
        replicas_come_and_go_under_load,
    ];
}

/// The same shop through two processes.
pub(crate) async fn pair(flags: &[&str]) -> (World, World) {
    let first = World::own(Backend::Postgres, flags).await;
    let second = first.through(&first.server.replica().await);
    (first, second)
}

/// Whoever comes first makes the tables and the first shop, and the other finds them.
async fn two_that_start_at_once_on_an_empty_database_make_one_shop() {
    for _ in 0..3 * depth() {
        let pair = Server::two_at_once().await;
        let mut worlds = Vec::new();
        for server in pair {
            let client = server.client();
            let listed = client.shop_pages(proto::ListShopsRequest::default());
            let shops: Vec<proto::Shop> = listed.by_item().try_collect().await.unwrap();
            let names: Vec<&str> = shops.iter().map(|shop| shop.name.as_str()).collect();
            assert_eq!(names, ["shops/default"]);
            worlds.push(World { server, client, shop: ShopName::new("default").unwrap() });
        }
        assert_eq!(worlds[0].revision().await, 1, "it was made once");
        let mut placed = Vec::new();
        for world in &worlds {
            placed.push(number_of(&world.place(world.draft(0)).await));
        }
        assert_eq!(placed, [1001, 1002]);
        audit(&worlds[0]).await;
    }
}

async fn commands_through_two_replicas_make_one_log() {
    let (first, second) = pair(&[]).await;
    first.stock("CUP", 1_000).await;
    let mut running = Vec::new();
    for worker in 0..16 {
        let (here, there) = if worker % 2 == 0 {
            (first.clone(), second.clone())
        } else {
            (second.clone(), first.clone())
        };
        running.push(tokio::spawn(async move {
            for _ in 0..8 * depth() {
                let reference = here.reference("");
                let draft = here.draft(900).goods("CUP", "Kopp", 1, 0, 0);
                let order = here.place(draft.payment("klarna", &reference, 900)).await;
                let name: OrderName = order.name.parse().unwrap();
                // Placed here, changed there.
                let order = if worker % 4 == 0 {
                    there.cancel(&name, true).await.unwrap().order.unwrap()
                } else {
                    there.complete(&name).await.unwrap().order.unwrap()
                };
                let captured = here.book().done(&reference, "capture");
                let wanted: &[i64] = if status_id(&order) == "sent" { &[900] } else { &[] };
                assert_eq!(captured, wanted);
                assert_eq!(here.get(&name).await.revision, order.revision, "read your writes");
            }
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    let orders = audit(&first).await;
    assert_eq!(orders.len(), 128 * usize::try_from(depth()).unwrap());
    let sent = orders.iter().filter(|order| status_id(order) == "sent").count();
    assert_eq!(second.on_hand("CUP").await, 1_000 - i64::try_from(sent).unwrap());
}

async fn twins_through_two_replicas_are_captured_once() {
    let (first, second) = pair(&[]).await;
    for _ in 0..3 * depth() {
        let bought = first.buy(900, "capture=slow:200ms").await;
        let twin = second.place(second.draft(900).payment("klarna", &bought.reference, 900)).await;
        let twin: OrderName = twin.name.parse().unwrap();
        let mut running = Vec::new();
        for number in 0..32 {
            let world = if number % 2 == 0 { &first } else { &second };
            let world = world.through(&world.server);
            let name = if number % 4 < 2 { bought.name.clone() } else { twin.clone() };
            running.push(tokio::spawn(async move { world.complete(&name).await }));
        }
        for one in running {
            let _either = one.await.unwrap();
        }
        let (one, other) = (first.settled(&bought.name).await, second.settled(&twin).await);
        let sent = [&one, &other].iter().filter(|order| status_id(order) == "sent").count();
        assert_eq!(sent, 1);
        assert_eq!(first.book().done(&bought.reference, "capture"), [900]);
        let loser = if status_id(&one) == "sent" { twin } else { bought.name };
        first.cancel(&loser, false).await.unwrap();
    }
    audit(&second).await;
}

async fn an_edit_races_a_capture_and_the_total_of_that_moment_is_taken() {
    let (first, second) = pair(&[]).await;
    for round in 0..4 * depth() {
        let trouble = ["", "update=slow:200ms", "update=later:200ms", "update=decline"];
        let trouble = trouble[usize::try_from(round).unwrap() % trouble.len()];
        let bought = first.buy(900, trouble).await;
        let mut running = Vec::new();
        for number in 0..16 {
            let world = if number % 2 == 0 { &first } else { &second };
            let (world, name) = (world.through(&world.server), bought.name.clone());
            running.push(tokio::spawn(async move {
                if number % 4 == 3 {
                    drop(world.complete(&name).await);
                } else {
                    // Refused once the capture is under way, or where a lower one was faster.
                    drop(world.client.edit(&name).unit_price(1, 890 - number).send().await);
                }
            }));
        }
        for one in running {
            one.await.unwrap();
        }
        first.complete(&bought.name).await.unwrap();
        let order = second.settled(&bought.name).await;
        assert_eq!((status_id(&order), order.problems.len()), ("sent", 0), "{order:?}");
        let total = order.totals.as_ref().unwrap().gross_minor;
        assert_eq!(first.book().done(&bought.reference, "capture"), [total], "{trouble}");
        let held = first.book().reservation(&bought.reference).unwrap();
        assert_eq!(held.captured_minor + held.released_minor, held.authorized_minor, "{trouble}");
    }
    audit(&second).await;
}

async fn a_cancel_races_a_capture_and_goods_go_back_once() {
    let (first, second) = pair(&["--call-timeout", "3s"]).await;
    let both = [&first, &second];
    first.stock("CUP", 1_000).await;
    let troubles = [
        "",
        "capture=slow:300ms,void=slow:300ms",
        "capture=timeout-after:100ms,void=timeout-after:100ms",
    ];
    let mut left = 1_000;
    for round in 0..3 * depth() {
        let trouble = troubles[usize::try_from(round).unwrap() % troubles.len()];
        let (name, reference) = first.buy_three_cups(trouble).await;
        let raced = name.clone();
        let outcomes = crowd(&both, 32, move |world, number| {
            let name = raced.clone();
            async move {
                // Both kinds at both replicas.
                if number % 4 < 2 {
                    world.complete(&name).await
                } else {
                    world.cancel(&name, true).await
                }
            }
        })
        .await;
        let allowed = [Code::StatusChangePending, Code::AlreadyCaptured, Code::ReservationGone];
        check_refusals(&outcomes, &allowed);
        let order = second.settled(&name).await;
        let book = first.book();
        let moved = |kind| book.done(&reference, kind);
        match status_id(&order) {
            "sent" => {
                assert_eq!((moved("capture"), moved("void")), (vec![900], vec![]), "{trouble}");
                left -= 3;
            }
            "cancelled" => {
                assert_eq!((moved("capture"), moved("void")), (vec![], vec![900]), "{trouble}");
            }
            other => panic!("{trouble}: {other} is what nobody asked for"),
        }
        assert_eq!(second.on_hand("CUP").await, left, "{trouble}: goods went back once, or not");
        if status_id(&order) == "sent" {
            left += credited_by_many(both, &name, &reference).await;
            assert_eq!(first.on_hand("CUP").await, left, "{trouble}: each unit went back once");
        }
    }
    // Whoever won all of those: this one is sold.
    let (name, reference) = first.buy_three_cups("refund=slow:200ms").await;
    first.complete(&name).await.unwrap();
    credited_by_many(both, &name, &reference).await;
    assert_eq!(second.on_hand("CUP").await, left);
    audit(&second).await;
}

impl World {
    /// Three tracked cups on one payment.
    async fn buy_three_cups(&self, orders: &str) -> (OrderName, String) {
        let reference = self.reference(orders);
        let draft = self.draft(0).with(|order| order.lines.clear());
        let draft = draft.goods("CUP", "Kopp", 3, 300, 2_500).payment("klarna", &reference, 900);
        (self.place(draft).await.name.parse().unwrap(), reference)
    }
}

/// Many credit a unit each of three that were sold and put it back, while others try to cancel. Answers
/// how many went back.
async fn credited_by_many(both: [&World; 2], name: &OrderName, reference: &str) -> i64 {
    let credited = name.clone();
    let outcomes = crowd(&both, 16, move |world, number| {
        let name = credited.clone();
        async move {
            if number % 4 == 3 {
                world.cancel(&name, true).await.map(drop)
            } else {
                let credit = world.client.credit(&name).restocked_units(1, 1).refund(true);
                credit.wait(WAIT).send().await.map(drop)
            }
        }
    })
    .await;
    // Once all is credited a cancellation only moves the label.
    let allowed = [Code::CreditExceedsCaptured, Code::AlreadyCaptured, Code::StatusChangePending];
    check_refusals(&outcomes, &allowed);
    let order = both[0].settled(name).await;
    assert_eq!(order.lines[0].credited_quantity, 3);
    assert_eq!(order.credit_orders.len(), 3);
    assert_eq!(both[0].book().done(reference, "refund"), [300, 300, 300]);
    3
}

async fn what_a_killed_replica_began_the_other_ends() {
    // A hundredfold in all: deeper and oftener.
    let times = depth().isqrt();
    let (first, second) = pair(&[]).await;
    let mut shops = vec![(first.clone(), second.clone())];
    for _ in 1..times {
        // One each: so many silences of one shop's provider would be waited for one after the other.
        let here = World::new(Arc::clone(&first.server)).await;
        let there = here.through(&second.server);
        shops.push((here, there));
    }
    for _ in 0..times {
        // Until it is alone, either may carry the effects out.
        second.server.stop().await;
        let mut driven = Vec::new();
        for (here, there) in &shops {
            driven.push((begun(here).await, there));
        }
        second.server.start().await;
        first.server.kill().await;
        for (bought, there) in driven {
            for bought in bought {
                let order = there.settled(&bought.name).await;
                assert_eq!(status_id(&order), "sent", "{order:?}");
                assert_eq!(there.book().done(&bought.reference, "capture"), [900]);
            }
        }
        first.server.start().await;
    }
    for (_, there) in &shops {
        audit(there).await;
    }
}

/// Orders whose captures the provider has been asked for, and not answered.
async fn begun(world: &World) -> Vec<Bought> {
    let mut begun = Vec::new();
    for trouble in ["capture=timeout-after", "capture=slow:50s", "capture=timeout-before"] {
        let bought = world.buy(900, trouble).await;
        world.change(&bought.name, "sent").send().await.unwrap();
        eventually("the provider is called", async || {
            (world.book().calls(&bought.reference, "capture") > 0).then_some(())
        })
        .await;
        begun.push(bought);
    }
    begun
}

async fn what_happens_at_one_is_heard_at_the_other() {
    let (first, second) = pair(&[]).await;
    let mut here = Listener::open(&first, Start::Oldest).await;
    let mut there = Listener::open(&second, Start::Oldest).await;
    for world in [&first, &second, &first] {
        let bought = world.buy(900, "").await;
        world.complete(&bought.name).await.unwrap();
        let head = world.revision().await;
        assert_eq!(here.until(head).await.revisions(), there.until(head).await.revisions());
    }
    assert_eq!(here.heard.events, there.heard.events);
    // A cursor of one is a place at the other.
    let cursor = here.heard.cursor.clone().unwrap();
    let bought = first.buy(900, "").await;
    let head = first.revision().await;
    let mut moved = Listener::open(&second, Start::Cursor(cursor)).await;
    let heard = moved.until(head).await;
    assert!(heard.events.iter().all(|event| event.order == String::from(&bought.name)));
    assert!(!heard.events.is_empty());
}

async fn settings_changed_at_one_hold_at_the_other() {
    let (first, second) = pair(&[]).await;
    // Both know the shop as it was.
    first.place(first.draft(0)).await;
    second.place(second.draft(0)).await;
    let mut status = proto::OrderStatus::default();
    status.set_tag(StatusTag::Default);
    status.admin_names.insert("nb".to_owned(), "Ny".to_owned());
    let request = proto::CreateOrderStatusRequest {
        parent: (&first.shop).into(),
        order_status_id: "new".to_owned(),
        order_status: Some(status),
        ..proto::CreateOrderStatusRequest::default()
    };
    first.client.create_order_status(request).await.unwrap();
    assert_eq!(status_id(&second.place(second.draft(0)).await), "new");
    first.set("settings.next_order_number", |settings| settings.next_order_number = 9_000).await;
    assert_eq!(second.place(second.draft(0)).await.number, 9_000);
    let name = second.shop.order(1001).unwrap();
    let order = second.change(&name, "new").send().await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "new");

    let request = proto::UpdateOrderStatusRequest {
        order_status: Some(proto::OrderStatus {
            name: first.status("new").into(),
            position: 99,
            ..proto::OrderStatus::default()
        }),
        update_mask: Some(mask(&["position"])),
        ..proto::UpdateOrderStatusRequest::default()
    };
    second.client.update_order_status(request).await.unwrap();
    let request = proto::GetOrderStatusRequest { name: first.status("new").into() };
    let read = first.client.get_order_status(request).await.unwrap().order_status.unwrap();
    assert_eq!((read.position, read.order_count), (99, 3));
}

/// Rule 1.5, however the change and the tag race: the money goes the way that was asked for.
async fn a_change_that_waits_at_one_fixes_the_tag_at_the_other() {
    let (first, second) = pair(&[]).await;
    for _ in 0..depth() {
        // A shop has only so many statuses.
        let here = World::new(Arc::clone(&first.server)).await;
        let there = here.through(&second.server);
        tags_race_changes(&here, &there).await;
        audit(&there).await;
    }
}

async fn tags_race_changes(first: &World, second: &World) {
    let create = |id: String| {
        let mut status = proto::OrderStatus { position: 61, ..proto::OrderStatus::default() };
        status.set_tag(StatusTag::Cancelled);
        status.admin_names.insert("nb".to_owned(), "Avbrutt".to_owned());
        first.client.create_order_status(proto::CreateOrderStatusRequest {
            parent: (&first.shop).into(),
            order_status_id: id,
            order_status: Some(status),
            ..proto::CreateOrderStatusRequest::default()
        })
    };
    for round in 0..8 {
        let id = format!("aborted-{round}");
        create(id.clone()).await.unwrap();
        let reference = first.reference("authorize=slow:300ms");
        let draft = first.draft(900).payment("klarna", &reference, 900);
        let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
        let mut status =
            proto::OrderStatus { name: second.status(&id).into(), ..proto::OrderStatus::default() };
        status.set_tag(StatusTag::Completed);
        let retag = second.client.update_order_status(proto::UpdateOrderStatusRequest {
            order_status: Some(status),
            update_mask: Some(mask(&["tag"])),
            ..proto::UpdateOrderStatusRequest::default()
        });
        let change = first.change(&name, &id).restock(false).send();
        let (changed, retagged) = if round % 2 == 0 {
            let changed = change.await;
            (changed, retag.await)
        } else {
            tokio::join!(change, retag)
        };
        // A choice of restock is refused for a status that completes.
        assert_ne!(changed.is_ok(), retagged.is_ok(), "{changed:?} {retagged:?}");
        let order = first.settled(&name).await;
        let wanted = if changed.is_ok() { id.as_str() } else { "not-processed" };
        assert_eq!(status_id(&order), wanted);
        assert!(first.book().done(&reference, "capture").is_empty());
    }
}

async fn replicas_come_and_go_under_load() {
    let (first, second) = pair(&[]).await;
    for round in 0..2 * depth() {
        let mut running = Vec::new();
        for worker in 0..8 {
            let world = if worker % 2 == 0 { &first } else { &second };
            let world = world.through(&world.server);
            running.push(tokio::spawn(async move {
                for _ in 0..200 {
                    let reference = world.reference("capture=slow:50ms");
                    let draft = world.draft(900).payment("klarna", &reference, 900);
                    let Ok(answer) = draft.send().await else { return };
                    let name: OrderName = answer.order.unwrap().name.parse().unwrap();
                    if world.change(&name, "sent").send().await.is_err() {
                        return;
                    }
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        let goes = if round % 2 == 0 { &first } else { &second };
        goes.server.kill().await;
        for one in running {
            one.abort();
        }
        goes.server.start().await;
    }
    let newest = second.client.orders(&second.shop).page_size(1).page().await.unwrap();
    for number in 1001..=newest.items[0].number {
        second.settled(&second.shop.order(number).unwrap()).await;
    }
    audit(&first).await;
}
