//! Reads, lists and streams.

use order_proto::v1;

use super::super::lists::{
    OrderBy, OrderKey, batch_get_orders, get_order, list_order_events, list_orders,
};
use super::super::shops::{get_shop, list_shops};
use super::super::statuses::{get_status, list_statuses};
use super::super::stock::{get_stock_item, list_stock_items, list_stock_movements};
use super::super::watching::watch_orders;
use super::{check, seconds};

const ORDER: &str = "shops/default/orders/1001";

fn shop() -> String {
    "shops/default".to_owned()
}

#[test]
fn what_reads_one_thing_checks_its_name() {
    check(
        &v1::GetOrderRequest { name: ORDER.to_owned(), as_of_revision: 7, show_deleted: false },
        get_order,
        &[(|r| r.name.clear(), &["name"]), (|r| r.as_of_revision = -1, &["as_of_revision"])],
    );
    check(
        &v1::GetOrderStatusRequest { name: "shops/default/orderStatuses/sent".to_owned() },
        get_status,
        &[(|r| r.name.push('/'), &["name"])],
    );
    check(
        &v1::ListOrderStatusesRequest { parent: shop() },
        list_statuses,
        &[(|r| r.parent.push('/'), &["parent"])],
    );
    check(&v1::GetShopRequest { name: shop() }, get_shop, &[(|r| r.name.clear(), &["name"])]);
    check(
        &v1::GetStockItemRequest { name: "shops/default/stockItems/A".to_owned() },
        get_stock_item,
        &[(|r| r.name = "shops/default/stockItems/".to_owned(), &["name"])],
    );
}

#[test]
fn a_batch_is_bounded_and_of_one_shop() {
    check(
        &v1::BatchGetOrdersRequest { parent: shop(), names: vec![ORDER.to_owned()] },
        batch_get_orders,
        &[
            (|r| r.parent.clear(), &["parent"]),
            (|r| r.names.clear(), &["names"]),
            (|r| r.names = vec![ORDER.to_owned(); 1_001], &["names"]),
            (|r| r.names.push("shops/other/orders/1".to_owned()), &["names[1]"]),
            (|r| r.names.insert(0, String::new()), &["names[0]"]),
        ],
    );
}

#[test]
fn pages_are_checked() {
    let right = v1::ListOrderEventsRequest { parent: ORDER.to_owned(), ..Default::default() };
    check(
        &right,
        list_order_events,
        &[
            (|r| r.parent.clear(), &["parent"]),
            (|r| r.page_size = -1, &["page_size"]),
            (|r| r.page_token = "x".repeat(1_001), &["page_token"]),
        ],
    );
    check(
        &v1::ListStockItemsRequest { parent: shop(), ..Default::default() },
        list_stock_items,
        &[(|r| r.parent.clear(), &["parent"]), (|r| r.page_size = -1, &["page_size"])],
    );
    let parent = "shops/default/stockItems/A".to_owned();
    check(
        &v1::ListStockMovementsRequest { parent, ..Default::default() },
        list_stock_movements,
        &[(|r| r.parent.clear(), &["parent"]), (|r| r.page_size = -1, &["page_size"])],
    );
    check(&v1::ListShopsRequest::default(), list_shops, &[(|r| r.page_size = -1, &["page_size"])]);
    for (asked, size) in [(0, 100), (1, 1), (1_000, 1_000), (5_000, 1_000)] {
        let request = v1::ListOrderEventsRequest { page_size: asked, ..right.clone() };
        assert_eq!(list_order_events(request).unwrap().page.size, size);
    }
}

#[test]
fn a_list_of_orders_tells_every_wrong_field() {
    fn filter(request: &mut v1::ListOrdersRequest) -> &mut v1::OrderFilter {
        request.filter.get_or_insert_default()
    }
    check(
        &v1::ListOrdersRequest { parent: shop(), ..Default::default() },
        list_orders,
        &[
            (|r| r.parent.clear(), &["parent"]),
            (|r| r.page_size = -1, &["page_size"]),
            (|r| r.order_by = "customer".to_owned(), &["order_by"]),
            (|r| r.order_by = " desc".to_owned(), &["order_by"]),
            (|r| filter(r).kinds = vec![1, 2], &[]),
            (|r| filter(r).kinds = vec![1, 0, 9], &["filter.kinds[1]", "filter.kinds[2]"]),
            (|r| filter(r).tags = vec![0], &["filter.tags[0]"]),
            (|r| filter(r).payment_states = vec![99], &["filter.payment_states[0]"]),
            (|r| filter(r).delivery_states = vec![1; 101], &["filter.delivery_states"]),
            (|r| filter(r).statuses = vec!["sent".to_owned()], &["filter.statuses[0]"]),
            (
                |r| filter(r).statuses = vec!["shops/other/orderStatuses/sent".to_owned()],
                &["filter.statuses[0]"],
            ),
            (
                |r| {
                    let wrong = prost_types::Timestamp { seconds: 0, nanos: -1 };
                    filter(r).created_from = Some(wrong);
                    filter(r).updated_before = Some(wrong);
                },
                &["filter.created_from", "filter.updated_before"],
            ),
            (|r| filter(r).sku = "x".repeat(101), &["filter.sku"]),
            (|r| filter(r).external_reference = "\n".to_owned(), &["filter.external_reference"]),
            (|r| filter(r).payment_reference = "x".repeat(201), &["filter.payment_reference"]),
            (|r| filter(r).currency_code = "kr".to_owned(), &["filter.currency_code"]),
        ],
    );
    for (text, key, is_descending) in [
        ("", OrderKey::Number, true),
        ("number", OrderKey::Number, false),
        ("create_time desc", OrderKey::CreateTime, true),
        ("update_time", OrderKey::UpdateTime, false),
        ("gross_minor desc", OrderKey::Gross, true),
    ] {
        let request = v1::ListOrdersRequest {
            parent: shop(),
            order_by: text.to_owned(),
            ..Default::default()
        };
        let page = list_orders(request).unwrap();
        assert_eq!(page.order_by, OrderBy { key, is_descending }, "{text:?}");
        assert_eq!(page.page.size, 50);
    }
}

#[test]
fn a_watch_tells_every_wrong_field() {
    fn filter(request: &mut v1::WatchOrdersRequest) -> &mut v1::WatchFilter {
        request.filter.get_or_insert_default()
    }
    check(
        &v1::WatchOrdersRequest { parent: shop(), ..Default::default() },
        watch_orders,
        &[
            (|r| r.parent.clear(), &["parent"]),
            (|r| r.start = 9, &["start"]),
            (|r| r.start = v1::WatchStart::Cursor.into(), &["cursor"]),
            (|r| r.cursor = "abc".to_owned(), &["cursor"]),
            (
                |r| {
                    r.start = v1::WatchStart::Snapshot.into();
                    r.cursor = "abc".to_owned();
                },
                &[],
            ),
            (|r| r.heartbeat = seconds(0, 999_999_999), &["heartbeat"]),
            (|r| r.heartbeat = seconds(61, 0), &["heartbeat"]),
            (|r| r.heartbeat = seconds(1, 0), &[]),
            (|r| filter(r).kinds = vec![0], &["filter.kinds[0]"]),
            (|r| filter(r).kinds = vec![v1::EventKind::Noop.into()], &["filter.kinds"]),
            (|r| filter(r).orders = vec!["7".to_owned()], &["filter.orders[0]"]),
            (|r| filter(r).orders = vec![ORDER.to_owned(); 101], &["filter.orders"]),
            (|r| filter(r).statuses = vec![String::new()], &["filter.statuses[0]"]),
        ],
    );
    let stated = watch_orders(v1::WatchOrdersRequest { parent: shop(), ..Default::default() });
    let stated = stated.unwrap();
    assert_eq!(stated.start(), v1::WatchStart::Now);
    assert_eq!(stated.heartbeat, seconds(15, 0));
}
