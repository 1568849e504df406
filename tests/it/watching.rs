//! The stream: every event once, in order, whole commands together, resumable anywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, EventKind, WatchFilter};
use order_sdk::{Cursor, Start, WatchBuilder, WatchItem};

use crate::harness::listener::{Heard, Listener};
use crate::harness::{World, health, raw, refused, wrong_fields};

trials! {
    shared: [
        from_now_only_what_comes_is_heard,
        from_the_oldest_the_whole_log_is_heard,
        what_one_command_did_comes_together,
        every_cursor_resumes_where_it_was_given,
        a_snapshot_joins_the_events_without_a_gap,
        a_snapshot_goes_on_where_it_broke,
        a_filter_lets_through_what_it_names_and_the_place_moves_on,
        silence_is_broken_by_checkpoints,
        a_cursor_belongs_to_its_shop_and_filter,
        an_impossible_stream_is_refused_with_all_that_is_wrong,
        listeners_do_not_get_into_each_others_way,
    ];
}

impl World {
    fn watch(&self) -> WatchBuilder {
        self.client.watch(&self.shop)
    }

    /// Revisions of the log that listeners hear, from the server's own table.
    async fn told_revisions(&self) -> Vec<i64> {
        let rest = format!(
            "FROM events JOIN shops USING (shop_id) WHERE slug = '{}' AND kind <> {} \
             ORDER BY events.revision",
            self.shop.id(),
            i32::from(EventKind::Noop)
        );
        let columns = ["events.revision", "command_revision", "kind", "0"];
        let rows = self.server.store.numbers(columns, &rest).await;
        rows.into_iter().map(|[revision, ..]| revision).collect()
    }

    /// Some orders with a history.
    async fn bustle(&self) -> i64 {
        for trouble in ["", "capture=decline"] {
            let bought = self.buy(900, trouble).await;
            self.complete(&bought.name).await.unwrap();
        }
        let bought = self.buy(500, "").await;
        self.cancel(&bought.name, false).await.unwrap();
        self.revision().await
    }
}

async fn from_now_only_what_comes_is_heard(world: World) {
    let before = world.bustle().await;
    let mut listener = Listener::open(&world, Start::Now).await;
    let bought = world.buy(900, "").await;
    let head = world.revision().await;
    let heard = listener.until(head).await;
    assert!(heard.revisions().iter().all(|revision| *revision > before));
    assert_eq!(heard.kinds()[0], EventKind::OrderCreated);
    assert!(heard.events.iter().all(|event| event.order == String::from(&bought.name)));
    assert!(heard.has_caught_up);
    let (_, orders) = heard.batches.last().unwrap();
    assert_eq!(orders, &[world.get(&bought.name).await], "with its personal data");
}

async fn from_the_oldest_the_whole_log_is_heard(world: World) {
    let head = world.bustle().await;
    let mut listener = Listener::open(&world, Start::Oldest).await;
    let heard = listener.until(head).await;
    assert_eq!(heard.revisions(), world.told_revisions().await);
    assert!(!heard.kinds().contains(&EventKind::Noop));
    assert_eq!(heard.kinds()[0], EventKind::ShopChanged, "the shop's own beginning");
    let caught_up = listener.until_that(|heard| heard.has_caught_up).await;
    assert_eq!(caught_up.revision, head);
}

async fn what_one_command_did_comes_together(world: World) {
    let head = world.bustle().await;
    let mut listener = Listener::open(&world, Start::Oldest).await;
    let heard = listener.until(head).await;
    let rest = format!(
        "FROM events JOIN shops USING (shop_id) WHERE slug = '{}' AND kind <> {} \
         ORDER BY events.revision",
        world.shop.id(),
        i32::from(EventKind::Noop)
    );
    let columns = ["command_revision", "events.revision", "0", "0"];
    let mut commands: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for [command, revision, ..] in world.server.store.numbers(columns, &rest).await {
        commands.entry(command).or_default().push(revision);
    }
    let told: Vec<Vec<i64>> = heard
        .batches
        .iter()
        .map(|(events, _)| events.iter().map(|event| event.revision).collect())
        .collect();
    assert_eq!(told, commands.into_values().collect::<Vec<_>>());
    for (events, orders) in &heard.batches {
        let ids: Vec<&String> = events.iter().map(|event| &event.request_id).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{events:?}");
        for order in orders {
            let last = events.iter().rfind(|event| event.order == order.name).unwrap();
            assert_eq!(order.revision, last.revision, "as it was after the command");
        }
    }
}

async fn every_cursor_resumes_where_it_was_given(world: World) {
    let head = world.bustle().await;
    let whole = world.told_revisions().await;
    let mut watch = world.watch().from(Start::Oldest).open();
    let mut cursors: Vec<(i64, Cursor)> = Vec::new();
    while cursors.last().is_none_or(|(revision, _)| *revision < head) {
        let item = watch.next().await.unwrap().unwrap();
        cursors.push((item.revision(), item.cursor().clone()));
    }
    for (revision, cursor) in cursors {
        // Stored as text, and given to another client.
        let cursor: Cursor = cursor.to_string().parse().unwrap();
        let elsewhere = world.through(&world.server);
        let mut listener = Listener::open(&elsewhere, Start::Cursor(cursor)).await;
        let heard = listener.until(head).await;
        let rest: Vec<i64> = whole.iter().copied().filter(|known| *known > revision).collect();
        assert_eq!(heard.revisions(), rest, "after {revision}");
    }
}

/// What a listener knows of every order: the snapshot, then what came.
fn known(heard: &Heard) -> BTreeMap<String, proto::Order> {
    let later = heard.batches.iter().flat_map(|(_, orders)| orders);
    let mut known: BTreeMap<String, proto::Order> = BTreeMap::new();
    for order in heard.snapshot.iter().chain(later) {
        let is_newer = known.get(&order.name).is_none_or(|old| old.revision <= order.revision);
        if is_newer {
            known.insert(order.name.clone(), order.clone());
        }
    }
    known
}

async fn a_snapshot_joins_the_events_without_a_gap(world: World) {
    for number in 0..30 {
        let draft = world.draft(0).external_reference(format!("old-{number}"));
        world.place(draft).await;
    }
    let writing = {
        let world = world.clone();
        tokio::spawn(async move {
            for number in 1001..1031 {
                let name = world.shop.order(number).unwrap();
                world.change(&name, "processing").send().await.unwrap();
                world.place(world.draft(0)).await;
            }
        })
    };
    let mut listener = Listener::open(&world, Start::Snapshot).await;
    listener.until_that(|heard| heard.is_snapshot_complete).await;
    writing.await.unwrap();
    let head = world.revision().await;
    let heard = listener.until(head).await;
    let known = known(heard);
    assert_eq!(known.len(), 60);
    for order in known.values() {
        assert_eq!(*order, world.get(&order.name.parse().unwrap()).await);
    }
    let after: Vec<i64> = heard.revisions();
    assert!(after.is_sorted() && after.windows(2).all(|pair| pair[0] < pair[1]));
}

async fn a_snapshot_goes_on_where_it_broke(world: World) {
    for _ in 0..25 {
        world.place(world.draft(0)).await;
    }
    let mut first = Listener::open(&world, Start::Snapshot).await;
    first.until_that(|heard| heard.snapshot.len() >= 7).await;
    let seen: Vec<String> = first.heard.snapshot.iter().map(|order| order.name.clone()).collect();
    let cursor = first.heard.cursor.clone().unwrap();
    assert!(cursor.is_in_snapshot());
    drop(first);
    world.change(&world.shop.order(1002).unwrap(), "processing").send().await.unwrap();
    world.place(world.draft(0)).await;

    let cursor = cursor.to_string().parse().unwrap();
    let mut rest = Listener::open(&world, Start::Cursor(cursor)).await;
    rest.until_that(|heard| heard.is_snapshot_complete).await;
    let head = world.revision().await;
    let heard = rest.until(head).await;
    let mut names: Vec<String> = known(heard).into_keys().chain(seen).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 26);
    let order = world.get(&world.shop.order(1002).unwrap()).await;
    assert_eq!(known(heard).get(&order.name), Some(&order), "what changed meanwhile comes again");
}

async fn a_filter_lets_through_what_it_names_and_the_place_moves_on(world: World) {
    let head = world.bustle().await;
    let sent = String::from(world.status("sent"));
    let order = String::from(world.shop.order(1002).unwrap());
    let filters = [
        WatchFilter {
            kinds: vec![EventKind::OrderCreated.into(), EventKind::StatusChanged.into()],
            ..WatchFilter::default()
        },
        WatchFilter { statuses: vec![sent.clone()], ..WatchFilter::default() },
        WatchFilter { orders: vec![order.clone()], ..WatchFilter::default() },
        WatchFilter {
            kinds: vec![EventKind::ProblemOpened.into()],
            orders: vec![order],
            statuses: vec![String::from(world.status("not-processed"))],
        },
        WatchFilter { kinds: vec![EventKind::StockChanged.into()], ..WatchFilter::default() },
    ];
    let mut whole = Listener::open(&world, Start::Oldest).await;
    let whole = whole.until(head).await;
    for filter in filters {
        let lets_through = |event: &proto::Event, orders: &[proto::Order]| {
            let order = orders.iter().find(|order| order.name == event.order);
            (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
                && (filter.orders.is_empty() || filter.orders.contains(&event.order))
                && (filter.statuses.is_empty()
                    || order.is_some_and(|order| filter.statuses.contains(&order.status)))
        };
        let wanted: Vec<i64> = whole
            .batches
            .iter()
            .flat_map(|(events, orders)| {
                events.iter().filter(|event| lets_through(event, orders)).map(|one| one.revision)
            })
            .collect();
        let builder = world.watch().from(Start::Oldest).filter(filter.clone());
        let mut listener = Listener::of(builder).await.unwrap();
        let heard = listener.until(head).await;
        assert_eq!(heard.revisions(), wanted, "{filter:?}");
        assert_eq!(heard.revision, head, "a checkpoint says how far nothing was missed");
    }
}

async fn silence_is_broken_by_checkpoints(world: World) {
    let builder = world.watch().from(Start::Now).heartbeat(Duration::from_secs(1));
    let mut listener = Listener::of(builder).await.unwrap();
    listener.until_that(|heard| heard.checkpoints >= 3).await;
    assert_eq!(listener.heard.connections, 1);
    assert!(listener.heard.events.is_empty());
}

async fn a_cursor_belongs_to_its_shop_and_filter(world: World) {
    world.bustle().await;
    let elsewhere = World::new(world.server.clone()).await;
    elsewhere.bustle().await;
    let mut listener = Listener::open(&world, Start::Oldest).await;
    listener.until(5).await;
    let cursor = listener.heard.cursor.clone().unwrap();
    let at = |watch: WatchBuilder, cursor: &Cursor| watch.from(Start::Cursor(cursor.clone()));
    let others = [
        at(elsewhere.watch(), &cursor),
        at(world.watch().kinds([EventKind::OrderCreated]), &cursor),
        at(world.watch().order(&world.shop.order(1001).unwrap()), &cursor),
    ];
    for other in others {
        refused(Listener::of(other).await, Code::CursorInvalid);
    }
    let text = cursor.to_string();
    for wrong in ["x".to_owned(), format!("{text}A"), text.chars().skip(3).collect()] {
        let wrong: Cursor = wrong.parse().unwrap();
        refused(Listener::of(at(world.watch(), &wrong)).await, Code::CursorInvalid);
    }
}

async fn an_impossible_stream_is_refused_with_all_that_is_wrong(world: World) {
    let channel = health::connect(world.server.port).connect().await.unwrap();
    let request = proto::WatchOrdersRequest {
        parent: "shops/?".to_owned(),
        start: 9,
        cursor: "a\nb".to_owned(),
        filter: Some(WatchFilter {
            kinds: vec![i32::from(EventKind::Noop), 0, 99],
            statuses: vec!["sent".to_owned()],
            orders: vec!["shops/a/orders/1".to_owned(); 101],
        }),
        heartbeat: Some(prost_types::Duration { seconds: 61, nanos: 0 }),
    };
    let path = "/orders.v1.OrderService/WatchOrders";
    let opened: Result<tonic::Streaming<proto::WatchOrdersResponse>, _> =
        raw::streaming(channel, path, request).await;
    let status = opened.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let told = String::from_utf8_lossy(status.details()).into_owned();
    for field in [
        "parent",
        "start",
        "cursor",
        "filter.kinds",
        "filter.statuses[0]",
        "filter.orders",
        "heartbeat",
    ] {
        assert!(told.contains(field), "{field}: {told}");
    }
    let nowhere = order_sdk::ShopName::new("nowhere").unwrap();
    refused(Listener::of(world.client.watch(&nowhere)).await, Code::ShopNotFound);
    let misspelt = world.watch().status(&world.status("snet"));
    refused(Listener::of(misspelt).await, Code::StatusNotFound);
    let noop = world.watch().kinds([EventKind::Noop]);
    assert!(!wrong_fields(Listener::of(noop).await).is_empty());
}

async fn listeners_do_not_get_into_each_others_way(world: World) {
    // One that never reads, and many that do.
    let mut stopped = world.watch().from(Start::Oldest).open();
    assert!(matches!(stopped.next().await, Some(Ok(WatchItem::Created { .. }))));
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(Listener::open(&world, Start::Now).await);
    }
    let head = world.bustle().await;
    let mut heard = Vec::new();
    for listener in &mut listeners {
        heard.push(listener.until(head).await.revisions());
    }
    assert!(heard.iter().all(|one| *one == heard[0] && !one.is_empty()));
    drop(stopped);
}
