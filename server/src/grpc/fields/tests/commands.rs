//! The other mutations.

use order_proto::v1;

use super::super::editing::{delete_order, edit_order};
use super::super::orders::{change_status, update_order, withdraw_status_change};
use super::super::shops::{create_shop, update_shop};
use super::super::statuses::{create_status, delete_status, update_status};
use super::super::stock::{adjust_stock, create_stock_item};
use super::{caller, check, check_mutation, mask, seconds};
use crate::commands::{Command, UpdateOrder};

const STATUS: &str = "shops/default/orderStatuses/sent";

fn named(names: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    names.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_status_change_tells_every_wrong_field() {
    let right = v1::ChangeOrderStatusRequest {
        name: "shops/default/orders/1001".to_owned(),
        status: STATUS.to_owned(),
        note: Some(v1::Note { text: "Ring\nfirst".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    check_mutation(
        &right,
        change_status,
        &[
            (|r| r.name = "1001".to_owned(), &["name"]),
            (|r| r.status.clear(), &["status"]),
            (|r| r.status = "shops/other/orderStatuses/sent".to_owned(), &["status"]),
            (|r| r.restock = 3, &["restock"]),
            (|r| r.note.as_mut().unwrap().text.clear(), &["note.text"]),
            (|r| r.note.as_mut().unwrap().text = "x".repeat(5_001), &["note.text"]),
            (|r| r.note.as_mut().unwrap().text = "x\0".to_owned(), &["note.text"]),
            (|r| r.note.as_mut().unwrap().audience = 9, &["note.audience"]),
            (|r| r.etag = "a\nb".to_owned(), &["etag"]),
            (|r| r.wait = seconds(0, -1), &["wait"]),
            (
                |r| {
                    r.name.clear();
                    r.status.clear();
                    r.request_id = "x".to_owned();
                },
                &["request_id", "name", "status"],
            ),
        ],
    );
    let name = "shops/default/orders/1001".to_owned();
    check_mutation(
        &v1::WithdrawStatusChangeRequest { name, ..Default::default() },
        withdraw_status_change,
        &[(|r| r.name.push('x'), &["name"])],
    );
}

#[test]
fn an_edit_tells_every_wrong_field() {
    let new_line = v1::NewLine {
        title: "Krus".to_owned(),
        quantity: 1,
        unit_price_minor: 9_900,
        vat_rate_bp: 2_500,
        ..Default::default()
    };
    let right = v1::EditOrderRequest {
        name: "shops/default/orders/1001".to_owned(),
        lines: vec![v1::LineEdit { line_id: 1, quantity: Some(0), unit_price_minor: None }],
        added_lines: vec![new_line],
        ..Default::default()
    };
    check_mutation(
        &right,
        edit_order,
        &[
            (|r| r.name = "1001".to_owned(), &["name"]),
            (|r| r.restock = 3, &["restock"]),
            (|r| r.etag = "a\nb".to_owned(), &["etag"]),
            (|r| r.wait = seconds(61, 0), &["wait"]),
            (|r| r.lines[0].line_id = 0, &["lines[0].line_id"]),
            (|r| r.lines[0].quantity = Some(-1), &["lines[0].quantity"]),
            (|r| r.lines[0].quantity = None, &["lines[0].quantity"]),
            (|r| r.lines[0].unit_price_minor = Some(-1), &["lines[0].unit_price_minor"]),
            (|r| r.lines = vec![r.lines[0]; 2], &["lines[1].line_id"]),
            (|r| r.added_lines[0].title.clear(), &["added_lines[0].title"]),
            (|r| r.added_lines[0].quantity = 0, &["added_lines[0].quantity"]),
            (|r| r.added_lines = vec![r.added_lines[0].clone(); 501], &["added_lines"]),
            (
                |r| {
                    r.lines =
                        (1..=301).map(|id| v1::LineEdit { line_id: id, ..r.lines[0] }).collect();
                    r.added_lines = vec![r.added_lines[0].clone(); 500];
                },
                &["added_lines"],
            ),
            (
                |r| {
                    r.lines.clear();
                    r.added_lines.clear();
                },
                &["lines"],
            ),
        ],
    );
    let name = "shops/default/orders/1001".to_owned();
    check_mutation(
        &v1::DeleteOrderRequest { name, ..Default::default() },
        delete_order,
        &[(|r| r.name.push('x'), &["name"]), (|r| r.restock = 9, &["restock"])],
    );
}

fn right_update() -> v1::UpdateOrderRequest {
    v1::UpdateOrderRequest {
        order: Some(v1::Order {
            name: "shops/default/orders/1001".to_owned(),
            customer: Some(v1::Customer {
                full_name: "Kari".to_owned(),
                email: "kari@example.no".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        update_mask: mask(&["customer.email"]),
        ..Default::default()
    }
}

#[test]
fn a_correction_checks_what_is_masked_and_nothing_else() {
    fn customer(request: &mut v1::UpdateOrderRequest) -> &mut v1::Customer {
        request.order.as_mut().unwrap().customer.as_mut().unwrap()
    }
    check_mutation(
        &right_update(),
        update_order,
        &[
            (|r| r.order = None, &["order"]),
            (|r| r.order.as_mut().unwrap().name.clear(), &["order.name"]),
            (|r| r.update_mask = None, &["update_mask"]),
            (|r| r.update_mask = mask(&[]), &["update_mask"]),
            (|r| r.update_mask = mask(&["*"]), &["update_mask.paths[0]"]),
            (|r| r.update_mask = mask(&["customer.email", "status"]), &["update_mask.paths[1]"]),
            (|r| customer(r).email = "x".to_owned(), &["order.customer.email"]),
            (|r| customer(r).full_name.clear(), &[]),
            (|r| customer(r).phone = "1".repeat(41), &[]),
            (
                |r| {
                    r.update_mask = mask(&["customer"]);
                    customer(r).full_name.clear();
                    customer(r).phone = "1".repeat(41);
                },
                &["order.customer.full_name", "order.customer.phone"],
            ),
            (
                |r| {
                    r.update_mask = mask(&["metadata", "language_code", "external_reference"]);
                    let order = r.order.as_mut().unwrap();
                    order.metadata.insert(String::new(), String::new());
                    order.language_code = "?".to_owned();
                    order.external_reference = "x".repeat(101);
                },
                &["order.metadata[0].key", "order.external_reference", "order.language_code"],
            ),
        ],
    );
}

#[test]
fn a_correction_replaces_what_is_masked() {
    let command = |paths: &[&str]| -> UpdateOrder {
        let request = v1::UpdateOrderRequest { update_mask: mask(paths), ..right_update() };
        match update_order(request, &caller()).unwrap().assignment.command {
            Command::UpdateOrder(command) => *command,
            other => panic!("{other:?}"),
        }
    };
    let one = command(&["customer.email"]);
    assert_eq!(one.email.as_deref(), Some("kari@example.no"));
    assert_eq!((one.full_name, one.phone, one.metadata), (None, None, None));
    let whole = command(&["customer", "shipping_address", "external_reference"]);
    assert_eq!(whole.full_name.as_deref(), Some("Kari"));
    assert_eq!(whole.phone.as_deref(), Some(""));
    assert_eq!(whole.shipping_address, Some(None));
    assert_eq!(whole.billing_address, None);
    assert_eq!(whole.external_reference, Some(None));
}

fn status(request: &mut v1::CreateOrderStatusRequest) -> &mut v1::OrderStatus {
    request.order_status.as_mut().unwrap()
}

#[test]
fn statuses_are_checked() {
    let right = v1::CreateOrderStatusRequest {
        parent: "shops/default".to_owned(),
        order_status_id: "on-hold".to_owned(),
        order_status: Some(v1::OrderStatus {
            admin_names: named(&[("nb", "På vent"), ("en", "On hold")]),
            position: 3,
            ..Default::default()
        }),
        ..Default::default()
    };
    check_mutation(
        &right,
        create_status,
        &[
            (|r| r.parent.clear(), &["parent"]),
            (|r| r.order_status_id = "On hold".to_owned(), &["order_status_id"]),
            (|r| r.order_status_id = "x".repeat(41), &["order_status_id"]),
            (|r| r.order_status = None, &["order_status"]),
            (|r| status(r).tag = 9, &["order_status.tag"]),
            (|r| status(r).admin_names.clear(), &["order_status.admin_names"]),
            (
                |r| status(r).admin_names = named(&[("", "x")]),
                &[r#"order_status.admin_names[""].key"#],
            ),
            (
                |r| status(r).admin_names = named(&[("nb", "")]),
                &[r#"order_status.admin_names["nb"].value"#],
            ),
            (
                |r| status(r).customer_names = named(&[("nb", &"x".repeat(101))]),
                &[r#"order_status.customer_names["nb"].value"#],
            ),
            (|r| status(r).position = -1, &["order_status.position"]),
            (|r| status(r).position = 10_001, &["order_status.position"]),
        ],
    );
    let right = v1::UpdateOrderStatusRequest {
        order_status: Some(v1::OrderStatus { name: STATUS.to_owned(), ..Default::default() }),
        update_mask: mask(&["tag", "position"]),
        ..Default::default()
    };
    check_mutation(
        &right,
        update_status,
        &[
            (|r| r.order_status = None, &["order_status"]),
            (|r| r.order_status.as_mut().unwrap().name.clear(), &["order_status.name"]),
            (|r| r.order_status.as_mut().unwrap().position = -1, &["order_status.position"]),
            (|r| r.update_mask = mask(&["name"]), &["update_mask.paths[0]"]),
            (|r| r.update_mask = mask(&["admin_names"]), &["order_status.admin_names"]),
            (|r| r.update_mask = mask(&["customer_names"]), &[]),
        ],
    );
    check_mutation(
        &v1::DeleteOrderStatusRequest { name: STATUS.to_owned(), ..Default::default() },
        delete_status,
        &[
            (|r| r.name.clear(), &["name"]),
            (|r| r.replacement = STATUS.to_owned(), &["replacement"]),
            (|r| r.replacement = "shops/other/orderStatuses/done".to_owned(), &["replacement"]),
            (|r| r.replacement = "shops/default/orderStatuses/done".to_owned(), &[]),
        ],
    );
}

fn settings(request: &mut v1::CreateShopRequest) -> &mut v1::ShopSettings {
    request.shop.as_mut().unwrap().settings.get_or_insert_default()
}

#[test]
fn new_shops_are_checked() {
    let shop = v1::Shop { display_name: "Sokkebutikken".to_owned(), ..Default::default() };
    let right = v1::CreateShopRequest {
        shop_id: "sokker".to_owned(),
        shop: Some(shop),
        ..Default::default()
    };
    check(
        &right,
        |request| create_shop(request, &caller()),
        &[
            (|r| r.shop_id = "Sokker".to_owned(), &["shop_id"]),
            (|r| r.shop = None, &["shop"]),
            (|r| r.shop.as_mut().unwrap().display_name.clear(), &["shop.display_name"]),
            (|r| settings(r).language_code = "?".to_owned(), &["shop.settings.language_code"]),
            (|r| settings(r).time_zone = "Oslo time".to_owned(), &["shop.settings.time_zone"]),
            (|r| settings(r).time_zone = "Etc/GMT+1".to_owned(), &[]),
            (|r| settings(r).currency_code = "NKR".to_owned(), &["shop.settings.currency_code"]),
            (|r| settings(r).stock_mode = 9, &["shop.settings.stock_mode"]),
            (|r| settings(r).capture_mode = 9, &["shop.settings.capture_mode"]),
            (|r| settings(r).duplicate_mode = 9, &["shop.settings.duplicate_mode"]),
            (
                |r| settings(r).duplicate_window_seconds = Some(-1),
                &["shop.settings.duplicate_window_seconds"],
            ),
            (|r| settings(r).next_order_number = -1, &["shop.settings.next_order_number"]),
            (
                |r| settings(r).credit_order_status = STATUS.to_owned(),
                &["shop.settings.credit_order_status"],
            ),
        ],
    );
}

#[test]
fn changes_of_shops_are_checked() {
    let shop = v1::Shop { display_name: "Sokkebutikken".to_owned(), ..Default::default() };
    let right = v1::UpdateShopRequest {
        shop: Some(v1::Shop { name: "shops/sokker".to_owned(), ..shop }),
        update_mask: mask(&["display_name"]),
        ..Default::default()
    };
    check_mutation(
        &right,
        update_shop,
        &[
            (|r| r.shop = None, &["shop"]),
            (|r| r.shop.as_mut().unwrap().name.clear(), &["shop.name"]),
            (|r| r.update_mask = mask(&["revision"]), &["update_mask.paths[0]"]),
            (|r| r.update_mask = mask(&["settings"]), &["update_mask.paths[0]"]),
            (|r| r.update_mask = mask(&["settings.stock_mode"]), &["shop.settings.stock_mode"]),
            (
                |r| r.update_mask = mask(&["settings.next_order_number"]),
                &["shop.settings.next_order_number"],
            ),
            (
                |r| r.update_mask = mask(&["settings.language_code"]),
                &["shop.settings.language_code"],
            ),
            (
                |r| r.update_mask = mask(&["settings.completed_delivers"]),
                &["shop.settings.completed_delivers"],
            ),
            (|r| r.update_mask = mask(&["settings.transit_days"]), &["shop.settings.transit_days"]),
            (|r| r.update_mask = mask(&["settings.confirms_orders"]), &[]),
        ],
    );
}

#[test]
fn stock_is_checked() {
    let right = v1::CreateStockItemRequest {
        parent: "shops/default".to_owned(),
        sku: "A 1/2".to_owned(),
        ..Default::default()
    };
    check_mutation(
        &right,
        create_stock_item,
        &[
            (|r| r.parent.clear(), &["parent"]),
            (|r| r.sku.clear(), &["sku"]),
            (|r| r.sku = "x".repeat(101), &["sku"]),
            (|r| r.sku = "a\u{7f}".to_owned(), &["sku"]),
            (|r| r.on_hand_quantity = 1_000_000_001, &["on_hand_quantity"]),
            (|r| r.on_hand_quantity = -1_000_000_000, &[]),
        ],
    );
    let right = v1::AdjustStockRequest {
        name: "shops/default/stockItems/A%201".to_owned(),
        delta_quantity: -1,
        ..Default::default()
    };
    check_mutation(
        &right,
        adjust_stock,
        &[
            (|r| r.name = "shops/default/stockItems/%".to_owned(), &["name"]),
            (|r| r.delta_quantity = 0, &["delta_quantity"]),
            (|r| r.delta_quantity = i64::MIN, &["delta_quantity"]),
        ],
    );
}
