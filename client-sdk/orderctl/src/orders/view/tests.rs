//! The whole view of one order that has everything.

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;
use order_sdk::proto;

use super::{expiry, order as view};
use crate::arguments::Arguments;
use crate::session::Session;
use crate::status_names::StatusNames;

fn session() -> Session {
    let line = ["orderctl", "--lang", "nb", "--actor", "tester", "refusals"];
    let arguments = Arguments::try_parse_from(line).expect("a command line");
    Session::new(&arguments.global).expect("settings")
}

fn names() -> StatusNames {
    StatusNames::of(vec![proto::OrderStatus {
        name: "shops/default/orderStatuses/new".to_owned(),
        admin_names: BTreeMap::from([("nb".to_owned(), "Ikke behandlet".to_owned())]),
        ..Default::default()
    }])
}

fn line(id: i32, kind: proto::LineKind, title: &str, gross_minor: i64) -> proto::Line {
    proto::Line {
        id,
        kind: kind.into(),
        sku: if kind == proto::LineKind::Goods { "TENT-3".to_owned() } else { String::new() },
        title: title.to_owned(),
        quantity: 1,
        unit_price_minor: gross_minor,
        vat_rate_bp: 2500,
        gross_minor,
        ..Default::default()
    }
}

fn payment() -> proto::Payment {
    proto::Payment {
        id: 7,
        provider: "klarna".to_owned(),
        reference: "K-1".to_owned(),
        authorization_state: proto::AuthorizationState::Held.into(),
        authorized_minor: 259_800,
        operations: vec![proto::Operation {
            id: 3,
            kind: proto::OperationKind::Capture.into(),
            state: proto::OperationState::Declined.into(),
            amount_minor: 259_800,
            provider_reason: "CARD_BLOCKED".to_owned(),
            ..Default::default()
        }],
        other_orders: vec!["shops/default/orders/1002".to_owned()],
        ..Default::default()
    }
}

fn order() -> proto::Order {
    proto::Order {
        number: 1001,
        kind: proto::OrderKind::Sale.into(),
        status: "shops/default/orderStatuses/new".to_owned(),
        status_tag: proto::StatusTag::Default.into(),
        currency_code: "NOK".to_owned(),
        payment_state: proto::PaymentState::Authorized.into(),
        lines: vec![
            line(1, proto::LineKind::Goods, "Telt", 249_900),
            line(2, proto::LineKind::Shipping, "Pakke", 9_900),
        ],
        totals: Some(proto::Totals {
            net_minor: 207_840,
            vat_minor: 51_960,
            gross_minor: 259_800,
            discount_minor: 0,
            vat: vec![proto::VatAmount {
                rate_bp: 2500,
                net_minor: 207_840,
                vat_minor: 51_960,
                gross_minor: 259_800,
            }],
        }),
        payments: vec![payment()],
        problems: vec![proto::Problem {
            id: 4,
            code: "CAPTURE_DECLINED".to_owned(),
            details: BTreeMap::from([("provider_reason".to_owned(), "CARD_BLOCKED".to_owned())]),
            ..Default::default()
        }],
        duplicates: vec![proto::DuplicateLink {
            order: "shops/default/orders/1002".to_owned(),
            same_payment: true,
            same_total: true,
            resolution: proto::DuplicateResolution::Open.into(),
            ..Default::default()
        }],
        customer: Some(proto::Customer {
            full_name: "Kari Nordmann".to_owned(),
            email: "kari@example.com".to_owned(),
            ..Default::default()
        }),
        revision: 12,
        etag: "12".to_owned(),
        ..Default::default()
    }
}

const WANTED: &str = "\
Order 1001
Status    Ikke behandlet (new, DEFAULT)
Payment   AUTHORIZED
Customer  Kari Nordmann, kari@example.com
Version   revision 12, etag 12

LINE  SKU       TITLE  QUANTITY    PRICE  DISCOUNT   VAT    TOTAL  DONE
   1  TENT-3    Telt          1  2499.00      0.00  25 %  2499.00
   2  shipping  Pakke         1    99.00      0.00  25 %    99.00

VAT RATE      NET     VAT        TOTAL
25 %      2078.40  519.60  2598.00 NOK
Total     2078.40  519.60  2598.00 NOK

Payment 7 klarna K-1
  Reservation  HELD
  Reserved     2598.00 NOK
  Captured     0.00 NOK
  Also pays    1002
  ID  OPERATION  STATE      AMOUNT  ASKED  RESOLVED  CREDIT  REASON
  3   CAPTURE    DECLINED  2598.00                           CARD_BLOCKED

May be a duplicate of order 1002: same payment, total
  One payment: keep one of them. orderctl duplicates resolve --keep 1001 --drop 1002 --restock yes

Problem CAPTURE_DECLINED: Trekket ble avvist
  Number   4
  Details  provider_reason = CARD_BLOCKED
  Cause    Kortet er sperret.
  Remedy   Be om et nytt.";

#[tokio::test]
async fn an_order_is_shown_with_its_money_its_problems_and_what_to_do() {
    let text = proto::RefusalText {
        title: "Trekket ble avvist".to_owned(),
        cause: "Kortet er sperret.".to_owned(),
        remedy: "Be om et nytt.\n".to_owned(),
    };
    let page =
        proto::Refusal { texts: BTreeMap::from([("nb".to_owned(), text)]), ..Default::default() };
    let pages = BTreeMap::from([("CAPTURE_DECLINED".to_owned(), page)]);
    let shown = view(&session(), &names(), &order(), (&pages, &BTreeSet::new()));
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    assert_eq!(shown, WANTED.lines().collect::<Vec<_>>(), "\n{}", shown.join("\n"));
}

#[test]
fn a_reservation_expires_while_something_of_it_is_held() {
    use proto::AuthorizationState::{Expired, Held};
    for (state, captured_minor, release, is_told) in [
        (Held, 0, proto::OperationState::Declined, true),
        (Held, 200_000, proto::OperationState::Pending, true),
        (Held, 200_000, proto::OperationState::Succeeded, false),
        (Held, 259_800, proto::OperationState::Declined, false),
        (Expired, 0, proto::OperationState::Declined, false),
    ] {
        let operation = proto::Operation {
            kind: proto::OperationKind::Release.into(),
            state: release.into(),
            amount_minor: 59_800,
            ..Default::default()
        };
        let payment = proto::Payment {
            authorization_state: state.into(),
            captured_minor,
            expire_time: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
            operations: vec![operation],
            ..payment()
        };
        assert_eq!(!expiry(&payment).is_empty(), is_told, "{state:?} {captured_minor}");
    }
}

#[tokio::test]
async fn prices_without_vat_are_told_as_such() {
    let net = proto::Order { price_basis: proto::PriceBasis::Net.into(), ..order() };
    let shown = view(&session(), &names(), &net, (&BTreeMap::new(), &BTreeSet::new()));
    assert!(shown.contains("PRICE (net)  DISCOUNT (net)"), "{shown}");
}
