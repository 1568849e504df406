//! `CreateOrder` and `AttachPayment`.

use std::collections::BTreeMap;

use order_proto::v1;

use super::super::placing::{attach_payment, create_order};
use super::{caller, check, check_mutation, seconds, wrong};
use crate::commands::{Command, CreateOrder};

pub(super) fn right_order() -> v1::CreateOrderRequest {
    let line = |sku: &str, quantity, unit_price_minor| v1::NewLine {
        sku: sku.to_owned(),
        title: "Ullsokker".to_owned(),
        quantity,
        unit_price_minor,
        vat_rate_bp: 2_500,
        ..Default::default()
    };
    v1::CreateOrderRequest {
        parent: "shops/default".to_owned(),
        order: Some(v1::NewOrder {
            currency_code: "NOK".to_owned(),
            lines: vec![line("A-1", 2, 9_900), line("", 1, 4_900)],
            payments: vec![v1::NewPayment {
                provider: "klarna".to_owned(),
                reference: "k-1".to_owned(),
                amount_minor: 24_700,
            }],
            customer: Some(v1::Customer {
                full_name: "Kari Nordmann".to_owned(),
                email: "kari@example.no".to_owned(),
                ..Default::default()
            }),
            shipping_address: Some(v1::Address {
                lines: vec!["Storgata 1".to_owned()],
                postal_code: "0155".to_owned(),
                city: "Oslo".to_owned(),
                region_code: "NO".to_owned(),
                ..Default::default()
            }),
            language_code: "nb".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The order inside.
fn order(request: &mut v1::CreateOrderRequest) -> &mut v1::NewOrder {
    request.order.as_mut().unwrap()
}

fn customer(request: &mut v1::CreateOrderRequest) -> &mut v1::Customer {
    order(request).customer.as_mut().unwrap()
}

fn address(request: &mut v1::CreateOrderRequest) -> &mut v1::Address {
    order(request).shipping_address.as_mut().unwrap()
}

#[test]
fn create_order_tells_every_wrong_field() {
    check_mutation(
        &right_order(),
        create_order,
        &[
            (|r| r.parent = "default".to_owned(), &["parent"]),
            (|r| r.order = None, &["order"]),
            (|r| r.request_id = "7".to_owned(), &["request_id"]),
            (|r| r.request_id = "00000000-0000-0000-0000-000000000000".to_owned(), &["request_id"]),
            (|r| r.wait = seconds(61, 0), &["wait"]),
            (|r| r.wait = seconds(60, 1), &["wait"]),
            (|r| r.wait = seconds(-1, 0), &["wait"]),
            (|r| r.wait = seconds(60, 0), &[]),
            (|r| order(r).currency_code = "nok".to_owned(), &["order.currency_code"]),
            (|r| order(r).currency_code.clear(), &["order.currency_code"]),
            (
                |r| {
                    order(r).currency_code.clear();
                    order(r).lines[0].quantity = 0;
                },
                &["order.currency_code", "order.lines[0].quantity"],
            ),
            (|r| order(r).price_basis = 9, &["order.price_basis"]),
            (|r| order(r).customer = None, &["order.customer"]),
            (|r| order(r).discount_minor = -1, &["order.discount_minor"]),
            (|r| order(r).external_reference = "x".repeat(100), &[]),
            (|r| order(r).external_reference = "x".repeat(101), &["order.external_reference"]),
            (|r| order(r).external_reference = "a\nb".to_owned(), &["order.external_reference"]),
            (|r| order(r).language_code = "norsk".to_owned(), &["order.language_code"]),
            (|r| order(r).language_code = "nb-NO".to_owned(), &[]),
            (|r| order(r).language_code.clear(), &[]),
        ],
    );
}

#[test]
fn lines_are_checked_one_by_one() {
    check_mutation(
        &right_order(),
        create_order,
        &[
            (|r| order(r).lines.clear(), &["order.lines"]),
            (|r| order(r).lines[1].kind = 7, &["order.lines[1].kind"]),
            (|r| order(r).lines[0].kind = 2, &["order.lines[0].sku"]),
            (|r| order(r).lines[1].kind = 2, &[]),
            (|r| order(r).lines[0].sku = "æ".repeat(100), &[]),
            (|r| order(r).lines[0].sku = "æ".repeat(101), &["order.lines[0].sku"]),
            (|r| order(r).lines[0].sku = "a\0".to_owned(), &["order.lines[0].sku"]),
            (|r| order(r).lines[0].title.clear(), &["order.lines[0].title"]),
            (|r| order(r).lines[0].title = " ".to_owned(), &["order.lines[0].title"]),
            (|r| order(r).lines[0].title = "x".repeat(301), &["order.lines[0].title"]),
            (|r| order(r).lines[0].title = "a\r\nb".to_owned(), &["order.lines[0].title"]),
            (|r| order(r).lines[1].quantity = 0, &["order.lines[1].quantity"]),
            (|r| order(r).lines[1].quantity = 1_000_001, &["order.lines[1].quantity"]),
            (|r| order(r).lines[1].unit_price_minor = -1, &["order.lines[1].unit_price_minor"]),
            (|r| order(r).lines[1].vat_rate_bp = 10_001, &["order.lines[1].vat_rate_bp"]),
            (|r| order(r).lines[1].discount_minor = 4_901, &["order.lines[1].discount_minor"]),
            (
                |r| {
                    order(r).lines[0].title.clear();
                    order(r).lines[1].title.clear();
                    order(r).lines[1].quantity = -1;
                },
                &["order.lines[0].title", "order.lines[1].title", "order.lines[1].quantity"],
            ),
        ],
    );
    let mut many = right_order();
    let line = order(&mut many).lines[1].clone();
    order(&mut many).lines = vec![line; 501];
    assert_eq!(wrong(create_order(many, &caller())), ["order.lines"]);
}

#[test]
fn the_customer_and_addresses_are_checked() {
    check_mutation(
        &right_order(),
        create_order,
        &[
            (|r| customer(r).full_name.clear(), &["order.customer.full_name"]),
            (|r| customer(r).full_name = "x".repeat(201), &["order.customer.full_name"]),
            (|r| customer(r).full_name = "Kari\u{7}".to_owned(), &["order.customer.full_name"]),
            (|r| customer(r).full_name = "K\u{2028}i".to_owned(), &["order.customer.full_name"]),
            (|r| customer(r).email.clear(), &[]),
            (|r| customer(r).email = "kari".to_owned(), &["order.customer.email"]),
            (|r| customer(r).email = "a@b.no,c@d.no".to_owned(), &["order.customer.email"]),
            (|r| customer(r).email = "a@b.no\r\nBcc: x".to_owned(), &["order.customer.email"]),
            (|r| customer(r).phone = "1".repeat(41), &["order.customer.phone"]),
            (|r| customer(r).id = "1".repeat(101), &["order.customer.id"]),
            (
                |r| customer(r).organization_number = "1".repeat(21),
                &["order.customer.organization_number"],
            ),
            (|r| address(r).lines = vec![String::new(); 5], &["order.shipping_address.lines"]),
            (|r| address(r).lines[0] = "x".repeat(201), &["order.shipping_address.lines[0]"]),
            (|r| address(r).city = "a\tb".to_owned(), &["order.shipping_address.city"]),
            (|r| address(r).region_code = "no".to_owned(), &["order.shipping_address.region_code"]),
            (
                |r| address(r).region_code = "NOR".to_owned(),
                &["order.shipping_address.region_code"],
            ),
            (|r| address(r).region_code.clear(), &[]),
            (
                |r| {
                    address(r).postal_code = "1".repeat(21);
                    address(r).recipient = "x".repeat(201);
                    address(r).organization = "x".repeat(201);
                },
                &[
                    "order.shipping_address.recipient",
                    "order.shipping_address.organization",
                    "order.shipping_address.postal_code",
                ],
            ),
            (
                |r| {
                    order(r).billing_address =
                        Some(v1::Address { city: "x".repeat(101), ..Default::default() });
                },
                &["order.billing_address.city"],
            ),
        ],
    );
}

#[test]
fn a_line_reads_as_it_is_written() {
    check_mutation(
        &right_order(),
        create_order,
        &[
            (|r| customer(r).full_name = "K\u{200b}i".to_owned(), &["order.customer.full_name"]),
            (|r| customer(r).full_name = "\u{feff}Kari".to_owned(), &["order.customer.full_name"]),
            (|r| customer(r).full_name = "\u{2069}Kari".to_owned(), &["order.customer.full_name"]),
            // Names of other scripts, and emoji, are written with joiners.
            (|r| customer(r).full_name = "\u{645}\u{200c}\u{646}".to_owned(), &[]),
            (|r| customer(r).full_name = "\u{1f469}\u{200d}\u{1f4bb}".to_owned(), &[]),
            (
                |r| {
                    customer(r).full_name = "\u{202e}iraK".to_owned();
                    customer(r).phone = "\u{202a}22 22".to_owned();
                    address(r).city = "Os\u{2066}lo".to_owned();
                    order(r).lines[0].title = "Kopp\u{202d}".to_owned();
                },
                &[
                    "order.customer.full_name",
                    "order.customer.phone",
                    "order.shipping_address.city",
                    "order.lines[0].title",
                ],
            ),
        ],
    );
}

#[test]
fn metadata_is_bounded_and_its_keys_are_not_told() {
    fn put(request: &mut v1::CreateOrderRequest, key: &str, value: &str) {
        order(request).metadata.insert(key.to_owned(), value.to_owned());
    }
    check_mutation(
        &right_order(),
        create_order,
        &[
            (|r| put(r, "channel", "web\nshop"), &[]),
            (|r| put(r, "", "x"), &["order.metadata[0].key"]),
            (|r| put(r, &"k".repeat(65), "x"), &["order.metadata[0].key"]),
            (|r| put(r, "k\n", "x"), &["order.metadata[0].key"]),
            (|r| put(r, "k", &"x".repeat(501)), &["order.metadata[0].value"]),
            (|r| put(r, "k", "\0"), &["order.metadata[0].value"]),
            (
                |r| {
                    order(r).metadata =
                        (0..51).map(|n| (n.to_string(), String::new())).collect::<BTreeMap<_, _>>();
                },
                &["order.metadata"],
            ),
        ],
    );
}

#[test]
fn payments_are_checked() {
    check_mutation(
        &right_order(),
        create_order,
        &[
            (
                |r| order(r).payments[0].provider = "Klarna".to_owned(),
                &["order.payments[0].provider"],
            ),
            (|r| order(r).payments[0].reference.clear(), &["order.payments[0].reference"]),
            (
                |r| order(r).payments[0].reference = "k ø".to_owned(),
                &["order.payments[0].reference"],
            ),
            (
                |r| order(r).payments[0].reference = " k".to_owned(),
                &["order.payments[0].reference"],
            ),
            (
                |r| order(r).payments[0].reference = "x".repeat(201),
                &["order.payments[0].reference"],
            ),
            (
                |r| order(r).payments[0].provider = "manual".to_owned(),
                &["order.payments[0].reference"],
            ),
            (
                |r| {
                    order(r).payments[0].provider = "manual".to_owned();
                    order(r).payments[0].reference.clear();
                },
                &[],
            ),
            (|r| order(r).payments[0].amount_minor = -1, &["order.payments[0].amount_minor"]),
            (
                |r| {
                    let payment = |n: usize| v1::NewPayment {
                        provider: "klarna".to_owned(),
                        reference: format!("k-{n}"),
                        amount_minor: 24_700,
                    };
                    order(r).payments = (0..11).map(payment).collect();
                },
                &["order.payments"],
            ),
        ],
    );
    let right = v1::AttachPaymentRequest {
        name: "shops/default/orders/1001".to_owned(),
        payment: right_order().order.map(|mut order| order.payments.remove(0)),
        ..Default::default()
    };
    check_mutation(
        &right,
        attach_payment,
        &[
            (|r| r.name = "shops/default".to_owned(), &["name"]),
            (|r| r.payment = None, &["payment"]),
            (|r| r.etag = "x".repeat(101), &["etag"]),
            (
                |r| {
                    r.etag = "x".repeat(101);
                    r.payment.as_mut().unwrap().reference.clear();
                    r.payment.as_mut().unwrap().amount_minor = -1;
                },
                &["etag", "payment.amount_minor", "payment.reference"],
            ),
        ],
    );
}

/// The wrong fields of a payment that the command to attach it takes along.
fn taken_along(change: fn(&mut v1::NewPayment)) -> Vec<String> {
    let mut payment = right_order().order.map(|mut order| order.payments.remove(0)).unwrap();
    change(&mut payment);
    let request = v1::AttachPaymentRequest {
        name: "shops/default/orders/1001".to_owned(),
        payment: Some(payment),
        ..Default::default()
    };
    match attach_payment(request, &caller()).unwrap().assignment.command {
        Command::AttachPayment(command) => {
            command.wrong.into_iter().map(|violation| violation.field).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The shop may find more: all of it is told at once.
#[test]
fn what_is_wrong_with_an_attached_payment_goes_with_the_command() {
    assert_eq!(taken_along(|_| {}), [""; 0]);
    assert_eq!(taken_along(|payment| payment.reference.clear()), ["payment.reference"]);
    let all_wrong = taken_along(|payment| {
        payment.provider = "Klarna".to_owned();
        payment.reference = "k ø".to_owned();
        payment.amount_minor = -1;
    });
    assert_eq!(all_wrong, ["payment.provider", "payment.reference", "payment.amount_minor"]);
}

/// The command of a request, once it is right.
fn command(change: fn(&mut v1::CreateOrderRequest)) -> CreateOrder {
    let mut request = right_order();
    change(&mut request);
    match create_order(request, &caller()).unwrap().assignment.command {
        Command::CreateOrder(command) => *command,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_stated_is_taken_as_documented() {
    let command = command(|_| {});
    assert_eq!(command.placement.price_basis, order_rules::order::PriceBasis::Gross);
    assert_eq!(command.placement.lines[0].kind, order_rules::order::LineKind::Goods);
    assert_eq!(command.external_reference, None);
    assert_eq!(command.personal.billing_address, None);
    assert_eq!(command.placement.stated, None);
}

#[test]
fn the_same_customer_has_the_same_key() {
    let key = |change| command(change).placement.customer_key;
    let first = key(|_| {});
    assert_eq!(key(|r| customer(r).email = "Kari@Example.NO".to_owned()), first);
    assert_eq!(key(|r| customer(r).full_name = "K. Nordmann".to_owned()), first);
    assert_ne!(key(|r| customer(r).email = "ola@example.no".to_owned()), first);
    assert!(!first.contains("kari"));
    assert_eq!(key(|r| customer(r).email.clear()), "");
    assert_ne!(
        key(|r| {
            customer(r).email.clear();
            customer(r).phone = "+47 22 00 00 00".to_owned();
        }),
        ""
    );
}

#[test]
fn a_right_order_is_right_without_an_envelope() {
    check(&right_order(), |request| create_order(request, &caller()), &[]);
}
