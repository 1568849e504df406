//! Bad input gets everything that is wrong at once, per field, and nothing is stored.

use order_rules::refusals::Code;
use order_sdk::proto::{self, Address, Customer, NewLine, NewOrder, NewPayment, StatedTotals};
use order_sdk::{Error, RetryPolicy};

use crate::harness::{World, health, mask, raw, refused, wrong_fields};

trials! {
    shared: [
        rule_9_1_every_wrong_field_of_an_order_is_told,
        everything_wrong_is_told_at_once,
        nothing_required_may_be_missing,
        what_cannot_be_decoded_gets_one_clear_status,
        a_message_too_large_is_refused,
        rule_9_1_bounds_themselves_are_inside,
        wrong_statuses_are_told_at_once,
    ];
}

type Spoil = fn(&mut NewOrder);

fn order() -> NewOrder {
    NewOrder {
        currency_code: "NOK".to_owned(),
        lines: vec![NewLine {
            title: "Kopp".to_owned(),
            quantity: 1,
            unit_price_minor: 100,
            vat_rate_bp: 2_500,
            ..NewLine::default()
        }],
        payments: vec![NewPayment {
            provider: "klarna".to_owned(),
            reference: "bad-input".to_owned(),
            amount_minor: 100,
        }],
        customer: Some(Customer { full_name: "Kari".to_owned(), ..Customer::default() }),
        ..NewOrder::default()
    }
}

async fn place(world: &World, order: NewOrder) -> Result<proto::CreateOrderResponse, Error> {
    let request = proto::CreateOrderRequest {
        parent: (&world.shop).into(),
        order: Some(order),
        ..proto::CreateOrderRequest::default()
    };
    world.client.create_order(request).await
}

fn customer(change: impl FnOnce(&mut Customer)) -> Option<Customer> {
    let mut customer = Customer { full_name: "Kari".to_owned(), ..Customer::default() };
    change(&mut customer);
    Some(customer)
}

fn long(length: usize) -> String {
    "x".repeat(length)
}

/// Each spoils one thing, and the field that must be told.
#[rustfmt::skip]
const SPOILED: &[(&str, Spoil)] = &[
    ("order.lines", |order| order.lines.clear()),
    ("order.lines", |order| order.lines = vec![order.lines[0].clone(); 501]),
    ("order.lines", |order| {
        // Each line fits, their sum does not.
        order.lines[0].quantity = 1_000_000;
        order.lines[0].unit_price_minor = 1_000_000_000_000;
        order.lines = vec![order.lines[0].clone(); 20];
    }),
    ("order.lines[0].quantity", |order| order.lines[0].quantity = 0),
    ("order.lines[0].quantity", |order| order.lines[0].quantity = -1),
    ("order.lines[0].quantity", |order| order.lines[0].quantity = 1_000_001),
    ("order.lines[0].quantity", |order| order.lines[0].quantity = i64::MAX),
    ("order.lines[0].unit_price_minor", |order| order.lines[0].unit_price_minor = -1),
    ("order.lines[0].unit_price_minor", |order| order.lines[0].unit_price_minor = i64::MAX),
    ("order.lines[0].unit_price_minor", |order| order.lines[0].unit_price_minor = i64::MIN),
    ("order.lines[0].discount_minor", |order| order.lines[0].discount_minor = -1),
    ("order.lines[0].discount_minor", |order| order.lines[0].discount_minor = 101),
    ("order.lines[0].discount_minor", |order| order.lines[0].discount_minor = i64::MAX),
    ("order.lines[0].vat_rate_bp", |order| order.lines[0].vat_rate_bp = -1),
    ("order.lines[0].vat_rate_bp", |order| order.lines[0].vat_rate_bp = 10_001),
    ("order.lines[0].kind", |order| order.lines[0].kind = 99),
    ("order.lines[0].kind", |order| order.lines[0].kind = -1),
    ("order.lines[0].title", |order| order.lines[0].title.clear()),
    ("order.lines[0].title", |order| order.lines[0].title = "  ".to_owned()),
    ("order.lines[0].title", |order| order.lines[0].title = long(301)),
    ("order.lines[0].title", |order| order.lines[0].title = "a\u{0}b".to_owned()),
    ("order.lines[0].sku", |order| order.lines[0].sku = long(101)),
    ("order.lines[0].sku", |order| order.lines[0].sku = "a\u{1b}[31m".to_owned()),
    ("order.discount_minor", |order| order.discount_minor = -1),
    ("order.discount_minor", |order| order.discount_minor = 101),
    ("order.discount_minor", |order| order.discount_minor = i64::MIN),
    ("order.currency_code", |order| order.currency_code.clear()),
    ("order.currency_code", |order| order.currency_code = "XXQ".to_owned()),
    ("order.currency_code", |order| order.currency_code = "nok".to_owned()),
    ("order.currency_code", |order| order.currency_code = "N\u{0}K".to_owned()),
    ("order.price_basis", |order| order.price_basis = 3),
    ("order.payments", |order| order.payments = (0..11).map(|number| NewPayment {
        reference: format!("r{number}"), ..order.payments[0].clone() }).collect()),
    ("order.payments[0].amount_minor", |order| order.payments[0].amount_minor = -1),
    ("order.payments[0].amount_minor", |order| order.payments[0].amount_minor = 0),
    ("order.payments[0].amount_minor", |order| order.payments[0].amount_minor = i64::MIN),
    ("order.payments[0].reference", |order| order.payments[0].reference.clear()),
    ("order.payments[0].reference", |order| order.payments[0].reference = long(201)),
    ("order.payments[0].reference", |order| order.payments[0].reference = "ø".to_owned()),
    ("order.payments[0].reference", |order| order.payments[0].reference = "a\r\nb".to_owned()),
    ("order.payments[0].provider", |order| order.payments[0].provider.clear()),
    ("order.payments[0].provider", |order| order.payments[0].provider = "Klarna!".to_owned()),
    ("order.payments[0].provider", |order| order.payments[0].provider = "paypal".to_owned()),
    ("order.customer", |order| order.customer = None),
    ("order.customer.full_name", |order| order.customer = customer(|one| one.full_name.clear())),
    ("order.customer.full_name", |order| order.customer = customer(|one| one.full_name = long(201))),
    ("order.customer.full_name", |order| order.customer = customer(|one| one.full_name = "Kari\r\nX: y".to_owned())),
    ("order.customer.full_name", |order| order.customer = customer(|one| one.full_name = "\u{0}".to_owned())),
    ("order.customer.full_name", |order| order.customer = customer(|one| one.full_name = "Kari\u{202e}".to_owned())),
    ("order.customer.email", |order| order.customer = customer(|one| one.email = "kari".to_owned())),
    ("order.customer.email", |order| order.customer = customer(|one| one.email = "a@b.no, c@d.no".to_owned())),
    ("order.customer.email", |order| order.customer = customer(|one| one.email = "a@b.no\r\nBcc: c@d.no".to_owned())),
    ("order.customer.email", |order| order.customer = customer(|one| one.email = format!("{}@b.no", long(250)))),
    ("order.customer.phone", |order| order.customer = customer(|one| one.phone = long(41))),
    ("order.customer.id", |order| order.customer = customer(|one| one.id = long(101))),
    ("order.customer.organization_number", |order| order.customer = customer(|one| one.organization_number = long(21))),
    ("order.billing_address.city", |order| order.billing_address = Some(Address { city: long(101), ..Address::default() })),
    ("order.shipping_address.lines", |order| order.shipping_address = Some(Address { lines: vec![long(1); 5], ..Address::default() })),
    ("order.shipping_address.lines[1]", |order| order.shipping_address = Some(Address { lines: vec![long(1), long(201)], ..Address::default() })),
    ("order.shipping_address.postal_code", |order| order.shipping_address = Some(Address { postal_code: "0\n1".to_owned(), ..Address::default() })),
    ("order.shipping_address.region_code", |order| order.shipping_address = Some(Address { region_code: "no".to_owned(), ..Address::default() })),
    ("order.metadata", |order| order.metadata = (0..51).map(|number| (number.to_string(), String::new())).collect()),
    ("order.metadata[0].key", |order| order.metadata = [(long(65), String::new())].into()),
    ("order.metadata[0].key", |order| order.metadata = [(String::new(), String::new())].into()),
    ("order.metadata[0].value", |order| order.metadata = [("a".to_owned(), long(501))].into()),
    ("order.metadata[0].value", |order| order.metadata = [("a".to_owned(), "\u{0}".to_owned())].into()),
    ("order.external_reference", |order| order.external_reference = long(101)),
    ("order.external_reference", |order| order.external_reference = "a\tb".to_owned()),
    ("order.language_code", |order| order.language_code = "norwegian bokmål".to_owned()),
];

async fn rule_9_1_every_wrong_field_of_an_order_is_told(world: World) {
    let before = world.revision().await;
    for (number, (field, spoil)) in SPOILED.iter().enumerate() {
        let mut order = order();
        spoil(&mut order);
        let fields = wrong_fields(place(&world, order).await);
        assert!(fields.iter().any(|wrong| wrong == field), "case {number}: {field} in {fields:?}");
        let told: std::collections::BTreeSet<&String> = fields.iter().collect();
        assert!(told.len() <= 2, "case {number}: only {field} is wrong, not {fields:?}");
    }
    assert_eq!(world.revision().await, before, "nothing is stored");
}

async fn everything_wrong_is_told_at_once(world: World) {
    let before = world.revision().await;
    let mut spoiled = order();
    let wanted = [
        "order.currency_code",
        "order.price_basis",
        "order.lines[0].quantity",
        "order.lines[0].unit_price_minor",
        "order.lines[0].vat_rate_bp",
        "order.lines[0].title",
        "order.payments[0].amount_minor",
        "order.customer.email",
        "order.customer.full_name",
        "order.external_reference",
        "order.language_code",
        "order.metadata[0].key",
        "parent",
        "request_id",
        "wait",
    ];
    for (field, spoil) in SPOILED {
        if wanted.contains(field) && !field.starts_with("order.customer") {
            spoil(&mut spoiled);
        }
    }
    spoiled.currency_code = "kroner".to_owned();
    spoiled.customer = Some(Customer { email: "a@b\r\n".to_owned(), ..Customer::default() });
    let request = proto::CreateOrderRequest {
        parent: "shops/Ø".to_owned(),
        order: Some(spoiled),
        request_id: "x".to_owned(),
        validate_only: true,
        wait: Some(prost_types::Duration { seconds: 99, nanos: 0 }),
    };
    let refusal = refused(world.client.create_order(request).await, Code::InvalidRequest);
    let fields: Vec<String> =
        refusal.violations.iter().map(|violation| violation.field.clone()).collect();
    for wanted in wanted {
        assert!(fields.iter().any(|field| field == wanted), "{wanted} is not in {fields:?}");
    }
    assert!(refusal.violations.iter().all(|violation| !violation.description.is_empty()));
    let told = format!("{refusal:?}");
    assert!(!told.contains("kroner") && !told.contains("a@b"), "no value is repeated: {told}");

    // What the lines come to is told beside what is wrong elsewhere.
    let mut mixed = order();
    mixed.discount_minor = 101;
    mixed.payments[0].reference.clear();
    mixed.customer = None;
    let fields = wrong_fields(place(&world, mixed).await);
    assert_eq!(fields, ["order.customer", "order.payments[0].reference", "order.discount_minor"]);

    // Too many to list are counted, and the status stays small enough for any client.
    let mut many = order();
    many.lines = vec![NewLine { quantity: -1, ..NewLine::default() }; 400];
    let refusal = refused(place(&world, many).await, Code::InvalidRequest);
    let listed = i64::try_from(refusal.violations.len()).unwrap();
    assert!(listed >= 10 && refusal.number("violations_omitted").unwrap() + listed >= 800);
    assert_eq!(world.revision().await, before);
}

async fn nothing_required_may_be_missing(world: World) {
    let nothing = world.client.create_order(proto::CreateOrderRequest::default()).await;
    assert_eq!(wrong_fields(nothing), ["parent", "order"]);
    let empty = wrong_fields(place(&world, NewOrder::default()).await);
    for field in ["order.currency_code", "order.customer"] {
        assert!(empty.iter().any(|wrong| wrong == field), "{field} in {empty:?}");
    }
    let change = proto::ChangeOrderStatusRequest::default();
    assert_eq!(wrong_fields(world.client.change_order_status(change).await), ["name", "status"]);
    let mut change = world
        .change(&world.shop.order(1).unwrap(), "sent")
        .note(proto::NoteAudience::Internal, "a\u{0}")
        .into_request();
    change.restock = 7;
    change.note.as_mut().unwrap().audience = 9;
    "shops/other/orderStatuses/sent".clone_into(&mut change.status);
    let mut fields = wrong_fields(world.client.change_order_status(change).await);
    fields.sort();
    assert_eq!(fields, ["note.audience", "note.text", "restock", "status"]);
    let empty = world.change(&world.shop.order(1).unwrap(), "sent");
    let empty = empty.note(proto::NoteAudience::Internal, "").send().await;
    assert_eq!(wrong_fields(empty), ["note.text"]);
}

async fn what_cannot_be_decoded_gets_one_clear_status(world: World) {
    let before = world.revision().await;
    let channel = health::connect(world.server.port).connect().await.unwrap();
    for method in ["CreateOrder", "GetOrder", "ChangeOrderStatus", "WatchOrders"] {
        for bytes in [vec![0xff; 40], vec![0x0a, 0x7f, 0x41], vec![0x0a, 0x02, 0xc3, 0x28]] {
            let path = format!("/orders.v1.OrderService/{method}");
            let status = raw::bytes(channel.clone(), &path, bytes).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{method}: {status:?}");
            let details = String::from_utf8_lossy(status.details()).into_owned();
            assert!(
                details.contains("INVALID_REQUEST") && details.contains("request"),
                "{details}"
            );
        }
    }
    assert_eq!(world.revision().await, before);
}

async fn a_message_too_large_is_refused(world: World) {
    let before = world.revision().await;
    let client = world.server.client_builder().retry(RetryPolicy::off()).connect_lazy().unwrap();
    let mut large = order();
    large.lines[0].title = long(5 << 20);
    let request = proto::CreateOrderRequest {
        parent: (&world.shop).into(),
        order: Some(large),
        ..proto::CreateOrderRequest::default()
    };
    assert_eq!(wrong_fields(client.create_order(request).await), ["request"]);
    assert_eq!(world.revision().await, before, "and the server lives");
}

async fn rule_9_1_bounds_themselves_are_inside(world: World) {
    let mut largest = order();
    largest.lines = vec![
        NewLine {
            title: "ø".repeat(300),
            sku: "s".repeat(100),
            quantity: 1_000_000,
            unit_price_minor: 1,
            vat_rate_bp: 10_000,
            ..NewLine::default()
        };
        500
    ];
    largest.customer = customer(|customer| {
        customer.full_name = "Å".repeat(200);
        customer.phone = long(40);
    });
    largest.metadata =
        (10..60).map(|number| (format!("{number}{}", long(62)), long(500))).collect();
    largest.external_reference = long(100);
    let total = 500 * 1_000_000;
    largest.stated_totals = Some(StatedTotals { gross_minor: total, vat_minor: Some(total / 2) });
    largest.payments = (0..10)
        .map(|number| NewPayment {
            provider: "card".to_owned(),
            reference: format!("{number}{}", long(199)),
            amount_minor: total / 10,
        })
        .collect();
    let placed = place(&world, largest).await.unwrap().order.unwrap();
    assert_eq!(placed.lines.len(), 500);
    let order = world.settled(&placed.name.parse().unwrap()).await;
    assert_eq!(order.payment_state(), proto::PaymentState::Authorized);

    let mut dearest = order_of(1_000_000, 1_000_000_000_000);
    dearest.payments[0].provider = "manual".to_owned();
    dearest.payments[0].reference.clear();
    dearest.payments[0].amount_minor = 1_000_000_000_000_000_000;
    let placed = place(&world, dearest).await.unwrap().order.unwrap();
    assert_eq!(placed.totals.unwrap().gross_minor, 1_000_000_000_000_000_000);
}

fn order_of(quantity: i64, unit_price_minor: i64) -> NewOrder {
    let mut order = order();
    order.lines[0].quantity = quantity;
    order.lines[0].unit_price_minor = unit_price_minor;
    order
}

async fn wrong_statuses_are_told_at_once(world: World) {
    let before = world.revision().await;
    let spoiled = proto::OrderStatus {
        name: world.status("sent").into(),
        tag: 9,
        admin_names: [("?".to_owned(), String::new())].into(),
        customer_names: [("nb".to_owned(), "a\nb".to_owned())].into(),
        position: -1,
        ..proto::OrderStatus::default()
    };
    let wanted = [
        "order_status.tag",
        r#"order_status.admin_names["?"].key"#,
        r#"order_status.admin_names["?"].value"#,
        r#"order_status.customer_names["nb"].value"#,
        "order_status.position",
    ];
    let has_all = |fields: &[String]| {
        for wanted in wanted {
            assert!(fields.iter().any(|field| field == wanted), "{wanted} in {fields:?}");
        }
    };
    let create = proto::CreateOrderStatusRequest {
        parent: (&world.shop).into(),
        order_status_id: "Sendt".to_owned(),
        order_status: Some(spoiled.clone()),
        ..proto::CreateOrderStatusRequest::default()
    };
    let fields = wrong_fields(world.client.create_order_status(create).await);
    has_all(&fields);
    assert!(fields.contains(&"order_status_id".to_owned()), "{fields:?}");
    let update = proto::UpdateOrderStatusRequest {
        order_status: Some(spoiled),
        update_mask: Some(mask(&["tag", "admin_names", "customer_names", "position"])),
        ..proto::UpdateOrderStatusRequest::default()
    };
    has_all(&wrong_fields(world.client.update_order_status(update).await));
    let nameless = proto::CreateOrderStatusRequest {
        parent: (&world.shop).into(),
        order_status_id: "x".to_owned(),
        order_status: Some(proto::OrderStatus::default()),
        ..proto::CreateOrderStatusRequest::default()
    };
    let fields = wrong_fields(world.client.create_order_status(nameless).await);
    assert_eq!(fields, ["order_status.admin_names"]);
    assert_eq!(world.revision().await, before);
}
