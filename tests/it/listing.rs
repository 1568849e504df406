//! Lists of orders: every filter, every sort, pages, and tokens that belong to one question.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, DeliveryState, OrderFilter, OrderKind, PaymentState, StatusTag};
use order_sdk::{OrderName, Page, PageToken};
use prost::Message;
use prost_types::Timestamp;

use crate::clocks::day_of;
use crate::harness::{World, gross, refused, wrong_fields};

trials! {
    shared: [
        every_filter_finds_what_it_says_and_nothing_else,
        every_filter_of_days_credits_and_waiting_changes_finds_what_it_says,
        every_sort_is_total_and_pages_are_complete,
        pages_stay_complete_while_orders_come_and_change,
        a_token_belongs_to_its_question,
        a_page_is_bounded,
        a_page_of_large_orders_is_bounded_in_bytes,
        an_impossible_filter_is_refused_with_all_that_is_wrong,
        rule_1_4_a_filter_of_a_status_means_one_that_there_is_or_was,
    ];
}

const TOTALS: [i64; 9] = [900, 100, 500, 500, 10_000, 0, 500, 250, 900];

/// Orders of many kinds, by number from 1001.
async fn fill(world: &World) -> Vec<proto::Order> {
    world.stock("CUP", 100).await;
    let mut orders = Vec::new();
    for (place, total) in TOTALS.into_iter().enumerate() {
        let mut draft = world.draft(total).external_reference(format!("WEB-{place}"));
        if total > 0 {
            let trouble = if place == 7 { "capture=decline" } else { "" };
            let reference = format!("list-{place}~{trouble}");
            let reference = reference.trim_end_matches('~').to_owned();
            draft = draft.payment("klarna", reference, total);
        }
        if place == 4 {
            draft = draft.goods("CUP", "Kopp", 1, 0, 2_500);
        }
        if place == 5 {
            draft = draft.with(|order| order.currency_code = "SEK".to_owned());
        }
        orders.push(world.place(draft).await);
    }
    let twin = world.draft(100).payment("klarna", "list-1", 100);
    orders.push(world.place(twin).await);
    for (place, status) in [(0, "sent"), (2, "processing"), (7, "sent")] {
        let name = orders[place].name.parse().unwrap();
        let change = world.change(&name, status).wait(crate::harness::WAIT);
        change.send().await.unwrap();
    }
    world.cancel(&orders[3].name.parse().unwrap(), false).await.unwrap();
    orders
}

async fn every_filter_finds_what_it_says_and_nothing_else(world: World) {
    let orders = fill(&world).await;
    let status = |id: &str| vec![String::from(world.status(id))];
    let time = |place: usize| orders[place].create_time;
    let none = OrderFilter::default;
    let tags = |tags: &[StatusTag]| tags.iter().map(|tag| i32::from(*tag)).collect::<Vec<_>>();
    let states = |states: &[PaymentState]| states.iter().map(|state| i32::from(*state)).collect();
    let cases: Vec<(OrderFilter, &[i64])> = vec![
        (none(), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (OrderFilter { kinds: vec![OrderKind::Credit.into()], ..none() }, &[]),
        (OrderFilter { statuses: status("sent"), ..none() }, &[0]),
        (
            OrderFilter { statuses: [status("sent"), status("processing")].concat(), ..none() },
            &[0, 2],
        ),
        (
            OrderFilter { tags: tags(&[StatusTag::Cancelled, StatusTag::Completed]), ..none() },
            &[0, 3],
        ),
        (OrderFilter { tags: tags(&[StatusTag::Default]), ..none() }, &[1, 4, 5, 6, 7, 8, 9]),
        (OrderFilter { payment_states: states(&[PaymentState::Captured]), ..none() }, &[0]),
        (
            OrderFilter {
                payment_states: states(&[PaymentState::Voided, PaymentState::None]),
                ..none()
            },
            &[3, 5],
        ),
        (OrderFilter { delivery_states: vec![DeliveryState::Delivered.into()], ..none() }, &[0]),
        (OrderFilter { created_from: time(6), ..none() }, &[6, 7, 8, 9]),
        (OrderFilter { created_before: time(2), ..none() }, &[0, 1]),
        (OrderFilter { created_from: time(2), created_before: time(4), ..none() }, &[2, 3]),
        (OrderFilter { updated_from: time(9), ..none() }, &[0, 1, 2, 3, 7, 9]),
        (OrderFilter { updated_before: time(6), ..none() }, &[4, 5]),
        (OrderFilter { gross_minor_min: Some(900), ..none() }, &[0, 4, 8]),
        (OrderFilter { gross_minor_max: Some(0), ..none() }, &[5]),
        (
            OrderFilter { gross_minor_min: Some(250), gross_minor_max: Some(500), ..none() },
            &[2, 3, 6, 7],
        ),
        (OrderFilter { has_problem: Some(true), ..none() }, &[7]),
        (OrderFilter { has_problem: Some(false), ..none() }, &[0, 1, 2, 3, 4, 5, 6, 8, 9]),
        (OrderFilter { is_possible_duplicate: Some(true), ..none() }, &[1, 9]),
        (OrderFilter { is_possible_duplicate: Some(false), sku: "CUP".to_owned(), ..none() }, &[4]),
        (OrderFilter { has_pending_status_change: Some(true), ..none() }, &[]),
        (OrderFilter { external_reference: "WEB-6".to_owned(), ..none() }, &[6]),
        (OrderFilter { payment_reference: "list-1".to_owned(), ..none() }, &[1, 9]),
        (OrderFilter { payment_reference: "list".to_owned(), ..none() }, &[]),
        (OrderFilter { sku: "CUP".to_owned(), ..none() }, &[4]),
        (OrderFilter { currency_code: "SEK".to_owned(), ..none() }, &[5]),
        (OrderFilter { statuses: status("sent"), gross_minor_max: Some(899), ..none() }, &[]),
    ];
    each_finds(&world, &cases).await;
    // What is listed is what is read.
    for order in world.client.orders(&world.shop).page().await.unwrap().items {
        assert_eq!(world.get(&order.name.parse().unwrap()).await, order);
    }
    let elsewhere = World::new(world.server.clone()).await;
    assert!(elsewhere.client.orders(&elsewhere.shop).page().await.unwrap().items.is_empty());
}

/// By place: the first order is 0.
async fn each_finds(world: &World, cases: &[(OrderFilter, &[i64])]) {
    for (filter, wanted) in cases {
        let query = world.client.orders(&world.shop).order_by("number").page_size(3);
        let told = format!("{filter:?}");
        let query = query.filter(|empty| *empty = filter.clone());
        let total = query.clone().count().await.unwrap();
        let found: Vec<proto::Order> = query.by_item().try_collect().await.unwrap();
        assert_eq!(usize::try_from(total).unwrap(), found.len(), "{told}");
        let found: Vec<i64> = found.iter().map(|order| order.number - 1001).collect();
        assert_eq!(&found, wanted, "{told}");
    }
}

async fn every_filter_of_days_credits_and_waiting_changes_finds_what_it_says(world: World) {
    world.set("settings.time_zone", |settings| "UTC".clone_into(&mut settings.time_zone)).await;
    let mut names: Vec<OrderName> = Vec::new();
    for trouble in ["", "", "", "capture=later:60m", ""] {
        names.push(world.buy(900, trouble).await.name);
    }
    // 0: estimated to arrive in three days; 1: is there; 2: undelivered; 3: waits; 4: withdrawn from.
    for place in [0, 1, 4] {
        world.complete(&names[place]).await.unwrap();
    }
    world.change(&names[3], "sent").send().await.unwrap();
    let today = day_of(world.get(&names[1]).await.deliveries[0].ship_time);
    let arrival = proto::ConfirmArrivalRequest {
        name: (&names[1]).into(),
        arrival_date: today.to_string(),
        ..proto::ConfirmArrivalRequest::default()
    };
    world.client.confirm_arrival(arrival).await.unwrap();
    let withdrawal = proto::RecordWithdrawalRequest {
        name: (&names[4]).into(),
        withdrawal_date: today.to_string(),
        ..proto::RecordWithdrawalRequest::default()
    };
    world.client.record_withdrawal(withdrawal).await.unwrap();
    // Its credit order is 5.
    let credit = world.client.credit(&names[0]).units(1, 1).refund(true);
    credit.wait(crate::harness::WAIT).send().await.unwrap();

    let deadline =
        async |place: usize| world.get(&names[place]).await.withdrawal.unwrap().deadline_date;
    let (later, sooner) = (deadline(0).await, deadline(1).await);
    assert!(later > sooner);
    let due = today.plus_days(14);
    let sale = String::from(&names[0]);
    let kinds = |kind: OrderKind| vec![i32::from(kind)];
    let none = OrderFilter::default;
    let cases: Vec<(OrderFilter, &[i64])> = vec![
        (OrderFilter { withdrawal_deadline_from: sooner.clone(), ..none() }, &[0, 1, 4]),
        (OrderFilter { withdrawal_deadline_from: later.clone(), ..none() }, &[0, 4]),
        (OrderFilter { withdrawal_deadline_before: later.clone(), ..none() }, &[1]),
        (OrderFilter { withdrawal_deadline_before: sooner.clone(), ..none() }, &[]),
        (
            OrderFilter {
                withdrawal_deadline_from: sooner,
                withdrawal_deadline_before: later,
                ..none()
            },
            &[1],
        ),
        (OrderFilter { refund_due_before: due.to_string(), ..none() }, &[]),
        (OrderFilter { refund_due_before: due.plus_days(1).to_string(), ..none() }, &[4]),
        (OrderFilter { original_order: sale.clone(), ..none() }, &[5]),
        (
            OrderFilter { original_order: sale.clone(), kinds: kinds(OrderKind::Credit), ..none() },
            &[5],
        ),
        (OrderFilter { original_order: sale, kinds: kinds(OrderKind::Sale), ..none() }, &[]),
        (OrderFilter { original_order: String::from(&names[1]), ..none() }, &[]),
        (OrderFilter { has_pending_status_change: Some(true), ..none() }, &[3]),
        (OrderFilter { has_pending_status_change: Some(false), ..none() }, &[0, 1, 2, 4]),
    ];
    each_finds(&world, &cases).await;
}

type Key = fn(&proto::Order) -> i64;

async fn every_sort_is_total_and_pages_are_complete(world: World) {
    let orders = fill(&world).await;
    let micros = |time: &Option<Timestamp>| {
        time.as_ref().map_or(0, |time| time.seconds * 1_000_000 + i64::from(time.nanos / 1_000))
    };
    let sorts: [(&str, Key); 4] = [
        ("number", |order| order.number),
        ("gross_minor", gross),
        ("create_time", |_| 0),
        ("update_time", |_| 0),
    ];
    for (field, key) in sorts {
        for descending in [false, true] {
            let order_by = if descending { format!("{field} desc") } else { field.to_owned() };
            let mut keys = Vec::new();
            let mut numbers = BTreeSet::new();
            for page_size in [1, 4, 1_000] {
                let query = world.client.orders(&world.shop).order_by(&order_by);
                let listed: Vec<proto::Order> =
                    query.page_size(page_size).by_item().try_collect().await.unwrap();
                assert_eq!(listed.len(), orders.len(), "{order_by}, {page_size} a page");
                numbers = listed.iter().map(|order| order.number).collect();
                keys = listed
                    .iter()
                    .map(|order| match field {
                        "create_time" => micros(&order.create_time),
                        "update_time" => micros(&order.update_time),
                        _ => key(order),
                    })
                    .collect();
                if descending {
                    keys.reverse();
                }
                assert!(keys.is_sorted(), "{order_by}: {keys:?}");
            }
            assert_eq!(numbers.len(), orders.len(), "{order_by}: each once");
            assert_eq!(keys.len(), orders.len());
        }
    }
    let newest = world.client.orders(&world.shop).page_size(1).page().await.unwrap();
    assert_eq!(newest.items[0].number, 1010, "number desc unless told");
}

async fn pages_stay_complete_while_orders_come_and_change(world: World) {
    let before = fill(&world).await;
    let mut seen = Vec::new();
    let mut token: Option<PageToken> = None;
    loop {
        let mut query = world.client.orders(&world.shop).order_by("number").page_size(2);
        if let Some(token) = token {
            query = query.page_token(token);
        }
        let Page { items, next } = query.page().await.unwrap();
        seen.extend(items.iter().map(|order| order.number));
        let Some(next) = next else { break };
        token = Some(next);
        let touched = items[0].name.parse().unwrap();
        let _answer = world.change(&touched, "returned").send().await;
        if seen.len() < 8 {
            world.place(world.draft(0)).await;
        }
    }
    for order in before {
        assert_eq!(seen.iter().filter(|number| **number == order.number).count(), 1);
    }
    assert!(seen.is_sorted());
}

async fn a_token_belongs_to_its_question(world: World) {
    fill(&world).await;
    let elsewhere = World::new(world.server.clone()).await;
    let query = |world: &World| world.client.orders(&world.shop).page_size(2).order_by("number");
    let token = query(&world).page().await.unwrap().next.unwrap();
    assert_eq!(query(&world).page_token(token.clone()).page().await.unwrap().items.len(), 2);
    let others = [
        query(&elsewhere),
        query(&world).order_by("number desc"),
        query(&world).order_by("gross_minor"),
        query(&world).filter(|filter| filter.has_problem = Some(true)),
        query(&world).status(&world.status("sent")),
        query(&world).text("kari"),
        query(&world).metadata("gift", "yes"),
        query(&world).show_deleted(),
    ];
    for other in others {
        refused(other.page_token(token.clone()).page().await, Code::PageTokenInvalid);
    }
    let text = token.to_string();
    let shorter: String = text.chars().skip(1).collect();
    let altered: String =
        text.chars().enumerate().map(|(at, c)| if at == 9 { flipped(c) } else { c }).collect();
    for wrong in [shorter, altered, "x".to_owned(), format!("{text}A"), "ø".to_owned()] {
        let outcome = query(&world).page_token(wrong.as_str().into()).page().await;
        refused(outcome, Code::PageTokenInvalid);
    }
    let other_list = proto::ListStockItemsRequest {
        parent: (&world.shop).into(),
        page_token: text,
        ..proto::ListStockItemsRequest::default()
    };
    refused(world.client.list_stock_items(other_list).await, Code::PageTokenInvalid);
}

fn flipped(character: char) -> char {
    if character == 'A' { 'B' } else { 'A' }
}

async fn a_page_is_bounded(world: World) {
    let negative = world.client.orders(&world.shop).page_size(-1).page().await;
    assert_eq!(wrong_fields(negative), ["page_size"]);
    for number in 0..52 {
        world.draft(0).external_reference(format!("w-{number}")).send().await.unwrap();
    }
    let page = world.client.orders(&world.shop).page().await.unwrap();
    assert_eq!(page.items.len(), 50, "0 is taken as 50");
    assert!(page.next.is_some());
    let page = world.client.orders(&world.shop).page_size(i32::MAX).page().await.unwrap();
    assert_eq!((page.items.len(), page.next), (52, None), "more than 1,000 is taken as 1,000");
}

/// A client that was told nothing takes answers of 4 MiB.
async fn a_page_of_large_orders_is_bounded_in_bytes(world: World) {
    let mut wanted = Vec::new();
    for _ in 0..12 {
        let lines = vec![
            proto::NewLine {
                title: "ø".repeat(300),
                quantity: 1,
                unit_price_minor: 1,
                vat_rate_bp: 2_500,
                ..proto::NewLine::default()
            };
            500
        ];
        let draft = world.draft(0).with(|order| order.lines = lines.clone());
        wanted.push(world.place(draft.payment("manual", "", 500)).await.name);
    }
    let mut request = proto::ListOrdersRequest {
        parent: (&world.shop).into(),
        page_size: 200,
        order_by: "number".to_owned(),
        ..proto::ListOrdersRequest::default()
    };
    let mut listed = Vec::new();
    let mut pages = 0;
    loop {
        let page = world.client.list_orders(request.clone()).await.unwrap();
        assert!(page.encoded_len() < 4 << 20, "{} bytes", page.encoded_len());
        assert!(!page.orders.is_empty());
        listed.extend(page.orders.into_iter().map(|order| order.name));
        pages += 1;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, wanted);
    assert_eq!(pages, 2, "as few as can be");

    let batch = |names: Vec<String>| {
        let parent = (&world.shop).into();
        world.client.batch_get_orders(proto::BatchGetOrdersRequest { parent, names })
    };
    assert_eq!(batch(wanted.clone()).await.unwrap().orders.len(), 12);
    let many = wanted.iter().cycle().take(1_000).cloned().collect();
    assert_eq!(wrong_fields(batch(many).await), ["names"]);
}

async fn rule_1_4_a_filter_of_a_status_means_one_that_there_is_or_was(world: World) {
    let orders = fill(&world).await;
    let with = |ids: &[&str]| OrderFilter {
        statuses: ids.iter().map(|id| String::from(world.status(id))).collect(),
        ..OrderFilter::default()
    };
    let list = async |filter: OrderFilter| {
        world.client.orders(&world.shop).filter(|empty| *empty = filter).page().await
    };
    for ids in [&["sendt"][..], &["sent", "sendt"]] {
        let refusal = refused(list(with(ids)).await, Code::StatusNotFound);
        assert_eq!(refusal.metadata["status"], String::from(world.status("sendt")));
    }
    // One that was replaced stands for the other, whenever an order got it.
    world.change(&orders[4].name.parse().unwrap(), "returned").send().await.unwrap();
    world.delete_status("returned", "processing").await.unwrap();
    each_finds(
        &world,
        &[
            (with(&["returned"]), &[2, 4]),
            (with(&["processing"]), &[2, 4]),
            (with(&["returned", "sent"]), &[0, 2, 4]),
            (OrderFilter { tags: vec![StatusTag::Completed.into()], ..with(&["returned"]) }, &[]),
        ],
    )
    .await;
    // The name stays that of the other.
    let again = world.create_status("returned", StatusTag::Unspecified, 5).await;
    refused(again, Code::StatusExists);
    // One that leaves without one that stands for it is none.
    world.create_status("brief", StatusTag::Unspecified, 5).await.unwrap();
    each_finds(&world, &[(with(&["brief"]), &[]), (with(&["returned"]), &[2, 4])]).await;
    world.delete_status("brief", "").await.unwrap();
    refused(list(with(&["brief"])).await, Code::StatusNotFound);
}

async fn an_impossible_filter_is_refused_with_all_that_is_wrong(world: World) {
    let query = world.client.orders(&world.shop).order_by("price").page_size(-5);
    let query = query.filter(|filter| {
        filter.kinds = vec![0];
        filter.statuses = vec!["sent".to_owned(), "shops/other/orderStatuses/sent".to_owned()];
        filter.tags = vec![77];
        filter.payment_states = vec![-1];
        filter.delivery_states = vec![5];
        filter.created_from = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
        filter.updated_before = Some(Timestamp { seconds: 0, nanos: -1 });
        filter.external_reference = "a\nb".to_owned();
        filter.sku = "x".repeat(101);
        filter.currency_code = "kroner".to_owned();
        filter.text = "?!".to_owned();
        filter.metadata = (0..11).map(|number| (format!("key-{number}"), String::new())).collect();
        filter.original_order = "shops/other/orders/1001".to_owned();
        filter.withdrawal_deadline_from = "2026-02-30".to_owned();
        filter.withdrawal_deadline_before = "tomorrow".to_owned();
        filter.refund_due_before = "2026-1-1".to_owned();
    });
    let fields = wrong_fields(query.page().await);
    for wanted in [
        "page_size",
        "order_by",
        "filter.kinds[0]",
        "filter.statuses[0]",
        "filter.statuses[1]",
        "filter.tags[0]",
        "filter.payment_states[0]",
        "filter.delivery_states[0]",
        "filter.created_from",
        "filter.updated_before",
        "filter.external_reference",
        "filter.sku",
        "filter.currency_code",
        "filter.text",
        "filter.metadata",
        "filter.original_order",
        "filter.withdrawal_deadline_from",
        "filter.withdrawal_deadline_before",
        "filter.refund_due_before",
    ] {
        assert!(fields.iter().any(|field| field == wanted), "{wanted} is not among {fields:?}");
    }
    let late = world.client.orders(&world.shop).filter(|filter| {
        filter.reservation_expires_before = Some(Timestamp { seconds: 0, nanos: -1 });
    });
    assert_eq!(wrong_fields(late.page().await), ["filter.reservation_expires_before"]);
    let unknown = world.client.orders(&world.shop).status(&world.status("missing")).page().await;
    let is_found = unknown.as_ref().is_ok_and(|page| !page.items.is_empty());
    assert!(!is_found, "a status that does not exist finds nothing: {unknown:?}");
    let nowhere = order_sdk::ShopName::new("nowhere").unwrap();
    refused(world.client.orders(&nowhere).page().await, Code::ShopNotFound);
}
