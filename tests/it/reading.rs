//! Reading orders: as they are, as they were, many at once, and what happened to them.

use futures_util::StreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, EventKind};
use order_sdk::{OrderName, Start};

use crate::harness::listener::Listener;
use crate::harness::{World, refused, status_id, wrong_fields};

trials! {
    shared: [
        an_order_is_read_as_it_was_at_a_revision,
        every_revision_of_the_history_is_read,
        many_orders_are_read_by_name_in_the_order_asked_for,
        the_history_is_what_the_log_says,
        a_history_is_read_page_by_page,
        malformed_names_are_refused,
    ];
}

impl World {
    async fn as_of(
        &self,
        name: &OrderName,
        as_of_revision: i64,
    ) -> Result<proto::GetOrderResponse, order_sdk::Error> {
        let request =
            proto::GetOrderRequest { name: name.into(), as_of_revision, show_deleted: false };
        self.client.get_order(request).await
    }

    async fn batch(
        &self,
        names: &[String],
    ) -> Result<proto::BatchGetOrdersResponse, order_sdk::Error> {
        let request =
            proto::BatchGetOrdersRequest { parent: (&self.shop).into(), names: names.to_vec() };
        self.client.batch_get_orders(request).await
    }
}

async fn an_order_is_read_as_it_was_at_a_revision(world: World) {
    let before = world.revision().await;
    let bought = world.buy(900, "").await;
    let mut states = vec![bought.order.clone()];
    for status in ["processing", "sent", "returned"] {
        let change = world.change(&bought.name, status).wait(crate::harness::WAIT);
        states.push(change.send().await.unwrap().order.unwrap());
        world.place(world.draft(0)).await;
    }
    for (place, state) in states.iter().enumerate() {
        let until = states.get(place + 1).map_or(world.revision().await, |next| next.revision - 1);
        let then = world.as_of(&bought.name, state.revision).await.unwrap().order.unwrap();
        assert_eq!(then, *state);
        if place != 1 {
            // Between its own events an order is what it was; the change to `sent` has several.
            let later = world.as_of(&bought.name, until).await.unwrap().order.unwrap();
            assert_eq!(status_id(&later), status_id(state));
        }
    }
    refused(world.as_of(&bought.name, before).await, Code::RevisionNotFound);
    let ahead = world.revision().await + 1;
    refused(world.as_of(&bought.name, ahead).await, Code::RevisionNotFound);
    assert_eq!(wrong_fields(world.as_of(&bought.name, -1).await), ["as_of_revision"]);
    let missing = world.shop.order(9_999).unwrap();
    refused(world.as_of(&missing, 0).await, Code::OrderNotFound);
}

/// A command of several events is one deed: each of them shows the order as the command left it.
async fn every_revision_of_the_history_is_read(world: World) {
    world.stock("CUP", 5).await;
    let reference = world.reference("");
    let draft = world.draft(0).with(|order| order.lines.clear());
    let draft = draft.goods("CUP", "Kopp", 2, 450, 2_500).payment("klarna", &reference, 1_000);
    let name: OrderName = world.place(draft).await.name.parse().unwrap();
    world.place(world.draft(0)).await;
    world.complete(&name).await.unwrap();
    world.settled(&name).await;
    let history = world.history(&name).await;
    let is_one = |one: &proto::Event, other: &proto::Event| one.request_id == other.request_id;
    assert!(is_one(&history[0], &history[1]), "an order is placed with several events");
    for event in &history {
        let then = world.as_of(&name, event.revision).await.unwrap().order.unwrap();
        let last = history.iter().rfind(|other| is_one(event, other)).unwrap();
        assert_eq!(then.revision, last.revision, "{event:?}");
        assert!(!then.payments.is_empty(), "{then:?}");
    }
    let now = world.get(&name).await;
    assert_eq!(now.revision, history.last().unwrap().revision);
}

async fn many_orders_are_read_by_name_in_the_order_asked_for(world: World) {
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(world.place(world.draft(0)).await);
    }
    let name = |number: i64| format!("{}/orders/{number}", world.shop);
    let asked: Vec<String> = [1003, 1001, 1002, 1001].map(name).into();
    let answered = world.batch(&asked).await.unwrap().orders;
    let numbers: Vec<i64> = answered.iter().map(|order| order.number).collect();
    assert_eq!(numbers, [1003, 1001, 1002, 1001]);
    assert_eq!(answered[1], orders[0]);
    let refusal = refused(world.batch(&[name(1001), name(5), name(6)]).await, Code::OrderNotFound);
    let told = format!("{refusal:?}");
    assert!(told.contains(&name(5)) && told.contains(&name(6)), "all that are missing: {told}");

    assert_eq!(wrong_fields(world.batch(&[]).await), ["names"]);
    assert_eq!(wrong_fields(world.batch(&vec![name(1001); 1_001]).await), ["names"]);
    let strange = [name(1001), "x".to_owned(), "shops/other/orders/1".to_owned(), name(-4)];
    assert_eq!(wrong_fields(world.batch(&strange).await), ["names[1]", "names[2]", "names[3]"]);
    assert_eq!(world.batch(&vec![name(1001); 1_000]).await.unwrap().orders.len(), 1_000);
}

async fn the_history_is_what_the_log_says(world: World) {
    let bought = world.buy(900, "capture=decline-once").await;
    world.place(world.draft(0)).await;
    world.complete(&bought.name).await.unwrap();
    world.complete(&bought.name).await.unwrap();
    // A success that changes nothing is in the history, and no listener gets it.
    world.complete(&bought.name).await.unwrap();
    let history = world.history(&bought.name).await;
    let last = history.last().unwrap();
    assert_eq!(last.kind(), EventKind::Noop);

    let head = world.revision().await;
    let mut listener = Listener::open(&world, Start::Oldest).await;
    let name: String = (&bought.name).into();
    let heard: Vec<proto::Event> = listener
        .until(head)
        .await
        .events
        .iter()
        .filter(|event| event.order == name)
        .cloned()
        .collect();
    let told: Vec<proto::Event> =
        history.into_iter().filter(|event| event.kind() != EventKind::Noop).collect();
    assert_eq!(told, heard);
    assert!(told.iter().all(|event| event.order == name && event.create_time.is_some()));
    assert!(told.iter().any(|event| event.actor == "test"));
    assert!(told.iter().any(|event| event.actor == "system"), "outcomes come from nobody");
    let changed = told.iter().rfind(|event| event.kind() == EventKind::StatusChanged).unwrap();
    let change = changed.change.as_ref().unwrap();
    assert_eq!(change.from_status, String::from(world.status("not-processed")));
    assert_eq!(change.to_status, String::from(world.status("sent")));
    let resolved = told.iter().filter(|event| event.kind() == EventKind::OperationResolved);
    for event in resolved {
        let operation = event.change.as_ref().unwrap().operation.as_ref().unwrap();
        assert_eq!(operation.amount_minor, 900);
    }
    let asked: Vec<&str> = told.iter().map(|event| event.request_id.as_str()).collect();
    assert!(asked.iter().all(|id| !id.is_empty()));
}

async fn a_history_is_read_page_by_page(world: World) {
    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let whole = world.history(&bought.name).await;
    let request = |page_size, page_token: &str| proto::ListOrderEventsRequest {
        parent: (&bought.name).into(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let pages: Vec<_> = world.client.order_event_pages(request(2, "")).collect().await;
    assert_eq!(pages.len(), whole.len().div_ceil(2));
    let first = world.client.list_order_events(request(2, "")).await.unwrap();
    assert_eq!(first.events, whole[..2]);
    let next = world.client.list_order_events(request(3, &first.next_page_token)).await;
    assert_eq!(next.unwrap().events, whole[2..5], "the size may change from page to page");
    refused(world.client.list_order_events(request(2, "x")).await, Code::PageTokenInvalid);
    let mut other = request(2, &first.next_page_token);
    other.parent = world.place(world.draft(0)).await.name;
    refused(world.client.list_order_events(other).await, Code::PageTokenInvalid);
    let missing = proto::ListOrderEventsRequest {
        parent: world.shop.order(9_999).unwrap().into(),
        ..proto::ListOrderEventsRequest::default()
    };
    refused(world.client.list_order_events(missing).await, Code::OrderNotFound);
    assert_eq!(wrong_fields(world.client.list_order_events(request(-1, "")).await), ["page_size"]);
}

async fn malformed_names_are_refused(world: World) {
    let shop = world.shop.to_string();
    for name in [
        "",
        "orders/1001",
        "shops//orders/1001",
        "shops/Default/orders/1001",
        &format!("{shop}/orders/"),
        &format!("{shop}/orders/0"),
        &format!("{shop}/orders/-1"),
        &format!("{shop}/orders/01001"),
        &format!("{shop}/orders/1001/"),
        &format!("{shop}/orders/1001 "),
        &format!("{shop}/orders/9999999999999999999999"),
        &format!("{shop}/orders/١٠٠١"),
        &format!("{shop}/orders/10\u{0}01"),
        &format!("{shop}/orderStatuses/sent"),
    ] {
        let request = proto::GetOrderRequest {
            name: name.to_owned(),
            as_of_revision: 0,
            show_deleted: false,
        };
        assert_eq!(wrong_fields(world.client.get_order(request).await), ["name"], "{name:?}");
    }
    for shop in
        ["", "shops/", "shops/A", "shops/a/b", "shop/a", &format!("shops/{}", "a".repeat(41))]
    {
        let request = proto::GetShopRequest { name: shop.to_owned() };
        assert_eq!(wrong_fields(world.client.get_shop(request).await), ["name"], "{shop:?}");
    }
}
