//! Klarna's stand-in against what is known of Klarna, asked by HTTP.

mod lines;
mod troubles;

use std::time::Duration;

use serde_json::{Value, json};

use super::{BASIC, Klarna, NewOrder};
use crate::fakes::caller::{Reply, send};
use crate::fakes::host::Fake;

type Call = (&'static str, &'static str, &'static str);

const CAPTURE: Call = ("POST", "/captures", r#"{"captured_amount": 10000}"#);
const CAPTURE_PART: Call = ("POST", "/captures", r#"{"captured_amount": 8000}"#);
const REFUND_PART: Call = ("POST", "/refunds", r#"{"refunded_amount": 3000}"#);
const CANCEL: Call = ("POST", "/cancel", "");
const RELEASE: Call = ("POST", "/release-remaining-authorization", "");
const EXTEND: Call = ("POST", "/extend-authorization-time", "");
const LOWER: Call = ("PATCH", "/authorization", r#"{"order_amount": 7000}"#);

/// An order of 100.00 at a stand-in of its own.
struct Stage {
    klarna: Fake<Klarna>,
    id: String,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Klarna::default(), NewOrder::of(10_000)).await
    }

    async fn with(klarna: Klarna, order: NewOrder) -> Self {
        let klarna = Fake::start(klarna).await.unwrap();
        let id = klarna.with(|klarna, desk| klarna.place(order, desk));
        Self { klarna, id }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/ordermanagement/v1/orders/{}{path}", self.klarna.url(), self.id)
    }

    async fn ask(&self, call: Call) -> Reply {
        let (method, path, body) = call;
        send(method, &self.url(path), &[("authorization", BASIC)], body).await.unwrap()
    }

    async fn ask_under(&self, key: &str, call: Call) -> Reply {
        let (method, path, body) = call;
        let headers = [("authorization", BASIC), ("Klarna-Idempotency-Key", key)];
        send(method, &self.url(path), &headers, body).await.unwrap()
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> Reply {
        let url = format!("{}/control/{path}", self.klarna.url());
        send(method, &url, &[], body.to_string()).await.unwrap()
    }

    /// Status, captured, refunded and left.
    async fn state(&self) -> (String, i64, i64, i64) {
        let order = self.ask(("GET", "", "")).await.json();
        let amount = |field: &str| order[field].as_i64().unwrap();
        (
            order["status"].as_str().unwrap().to_owned(),
            amount("captured_amount"),
            amount("refunded_amount"),
            amount("remaining_authorized_amount"),
        )
    }
}

#[track_caller]
fn refused(reply: &Reply, name: &str, status: u16, code: &str, says: &str) {
    let body = reply.json();
    assert_eq!((reply.status, body["error_code"].as_str()), (status, Some(code)), "{name}: {body}");
    let messages = body["error_messages"].as_array().unwrap();
    let is_said = messages.iter().any(|message| message.as_str().unwrap().contains(says));
    assert!(is_said, "{name}: {body}");
    assert_eq!(body["correlation_id"], reply.header("Klarna-Correlation-Id"), "{name}");
}

#[tokio::test]
async fn only_its_merchant_is_let_in() {
    let stage = Stage::new().await;
    let rows = [("", 401), ("Basic SzEyMzpmYWxzZQ==", 401), ("Bearer token", 401), (BASIC, 200)];
    for (login, status) in rows {
        let reply = send("GET", &stage.url(""), &[("authorization", login)], "").await.unwrap();
        assert_eq!(reply.status, status, "{login}");
        assert_eq!(reply.body.is_empty(), status == 401, "{login}");
    }
}

#[tokio::test]
async fn states_allow_what_klarna_allows() {
    // What was done before, what is asked, how it is answered, and the order afterwards.
    type Row = (&'static str, &'static [Call], Call, u16, (&'static str, i64, i64, i64));
    let rows: &[Row] = &[
        ("capture", &[], CAPTURE, 201, ("CAPTURED", 10_000, 0, 0)),
        ("capture a part", &[], CAPTURE_PART, 201, ("PART_CAPTURED", 8_000, 0, 2_000)),
        (
            "capture the rest",
            &[CAPTURE_PART],
            ("POST", "/captures", r#"{"captured_amount": 2000}"#),
            201,
            ("CAPTURED", 10_000, 0, 0),
        ),
        ("cancel", &[], CANCEL, 204, ("CANCELLED", 0, 0, 0)),
        ("release", &[CAPTURE_PART], RELEASE, 204, ("CAPTURED", 8_000, 0, 0)),
        ("release nothing", &[CAPTURE], RELEASE, 204, ("CAPTURED", 10_000, 0, 0)),
        ("lower", &[], LOWER, 204, ("AUTHORIZED", 0, 0, 7_000)),
        (
            "lower to what is captured",
            &[CAPTURE_PART],
            ("PATCH", "/authorization", r#"{"order_amount": 8000}"#),
            204,
            ("CAPTURED", 8_000, 0, 0),
        ),
        (
            "raise an invoice",
            &[],
            ("PATCH", "/authorization", r#"{"order_amount": 12000}"#),
            204,
            ("AUTHORIZED", 0, 0, 12_000),
        ),
        ("refund", &[CAPTURE], REFUND_PART, 201, ("CAPTURED", 10_000, 3_000, 0)),
        ("refund again", &[CAPTURE, REFUND_PART], REFUND_PART, 201, ("CAPTURED", 10_000, 6_000, 0)),
        ("acknowledge", &[], ("POST", "/acknowledge", ""), 204, ("AUTHORIZED", 0, 0, 10_000)),
        (
            "references",
            &[],
            ("PATCH", "/merchant-references", r#"{"merchant_reference1": "1001"}"#),
            204,
            ("AUTHORIZED", 0, 0, 10_000),
        ),
        (
            "address",
            &[],
            ("PATCH", "/customer-details", r#"{"shipping_address": {"city": "Oslo"}}"#),
            204,
            ("AUTHORIZED", 0, 0, 10_000),
        ),
        (
            "shipping",
            &[],
            ("POST", "/shipping-info", r#"{"shipping_info": [{"tracking_number": "7"}]}"#),
            204,
            ("AUTHORIZED", 0, 0, 10_000),
        ),
    ];
    for (name, before, call, status, after) in rows {
        let stage = Stage::new().await;
        for earlier in *before {
            assert!(stage.ask(*earlier).await.status < 300, "{name}");
        }
        let reply = stage.ask(*call).await;
        assert_eq!((reply.status, reply.body.len()), (*status, 0), "{name}: {}", reply.json());
        let (state, captured, refunded, left) = stage.state().await;
        assert_eq!((state.as_str(), captured, refunded, left), *after, "{name}");
    }
}

const OVER: Call = ("POST", "/captures", r#"{"captured_amount": 10001}"#);
const REFUND_OVER: Call = ("POST", "/refunds", r#"{"refunded_amount": 7001}"#);

/// What was done before, what is asked, and the refusal: status, code, and what it says.
type Refusal = (&'static str, &'static [Call], Call, (u16, &'static str, &'static str));

const REFUSED: &[Refusal] = &[
    ("over", &[], OVER, (403, "CAPTURE_NOT_ALLOWED", "remaining authorized amount 10000")),
    ("captured", &[CAPTURE], CAPTURE_PART, (403, "CAPTURE_NOT_ALLOWED", "amount 0")),
    ("cancelled", &[CANCEL], CAPTURE, (403, "CAPTURE_NOT_ALLOWED", "is cancelled")),
    (
        "released",
        &[CAPTURE_PART, RELEASE],
        ("POST", "/captures", r#"{"captured_amount": 1}"#),
        (403, "CAPTURE_NOT_ALLOWED", "amount 0"),
    ),
    (
        "cancel after capture",
        &[CAPTURE_PART],
        CANCEL,
        (403, "CANCEL_NOT_ALLOWED", "Order has previous captures. Cancel not possible"),
    ),
    ("cancel twice", &[CANCEL], CANCEL, (403, "CANCEL_NOT_ALLOWED", "closed")),
    ("release too early", &[], RELEASE, (403, "NOT_ALLOWED", "no captures")),
    ("release cancelled", &[CANCEL], RELEASE, (403, "NOT_ALLOWED", "cancelled")),
    (
        "refund too early",
        &[],
        REFUND_PART,
        (403, "REFUND_NOT_ALLOWED", "Order has no captures. Refund not possible"),
    ),
    ("refund over", &[CAPTURE, REFUND_PART], REFUND_OVER, (403, "REFUND_NOT_ALLOWED", "left 7000")),
    (
        "update below captured",
        &[CAPTURE_PART],
        LOWER,
        (
            403,
            "NOT_ALLOWED",
            "Resulting authorization amount 7000 cannot be less than the captured amount 8000",
        ),
    ),
    ("update captured", &[CAPTURE], LOWER, (403, "NOT_ALLOWED", "not open")),
    ("update cancelled", &[CANCEL], LOWER, (403, "NOT_ALLOWED", "not open")),
    ("extend captured", &[CAPTURE], EXTEND, (403, "NOT_ALLOWED", "Extension")),
    (
        "references of a cancelled one",
        &[CANCEL],
        ("PATCH", "/merchant-references", r#"{"merchant_reference1": "1"}"#),
        (403, "NOT_ALLOWED", "cancelled"),
    ),
    (
        "billing address",
        &[],
        ("PATCH", "/customer-details", r#"{"billing_address": {"city": "Oslo"}}"#),
        (403, "NOT_ALLOWED", "customer details"),
    ),
    (
        "send out what is not captured",
        &[],
        ("POST", "/captures/1/trigger-send-out", ""),
        (403, "NOT_ALLOWED", "no captures"),
    ),
    ("no capture", &[CAPTURE], ("GET", "/captures/1", ""), (404, "NO_SUCH_CAPTURE", "1")),
    ("no refund", &[CAPTURE], ("GET", "/refunds/1", ""), (404, "NOT_FOUND", "Refund")),
    ("no order", &[], ("GET", "x", ""), (404, "NO_SUCH_ORDER", "No such order")),
    ("no order to refund", &[], ("POST", "x/refunds", ""), (404, "NOT_FOUND", "No such order")),
    ("nowhere", &[], ("POST", "/else", ""), (404, "NOT_FOUND", "")),
    ("nothing", &[], ("POST", "/captures", ""), (400, "BAD_VALUE", "")),
    (
        "a fraction",
        &[],
        ("POST", "/captures", r#"{"captured_amount": 1.5}"#),
        (400, "BAD_VALUE", "floating point"),
    ),
    (
        "no amount",
        &[CAPTURE],
        ("POST", "/refunds", r#"{"refunded_amount": 0}"#),
        (400, "BAD_VALUE", "refunded_amount"),
    ),
    (
        "too much for anybody",
        &[],
        ("POST", "/captures", r#"{"captured_amount": 200000001}"#),
        (400, "BAD_VALUE", "between 0 and 200000000"),
    ),
];

#[tokio::test]
async fn states_refuse_what_klarna_refuses() {
    for (name, before, call, (status, code, says)) in REFUSED {
        let stage = Stage::new().await;
        for earlier in *before {
            assert!(stage.ask(*earlier).await.status < 300, "{name}");
        }
        let (was, written) = (stage.state().await, stage.klarna.book().done.clone());
        refused(&stage.ask(*call).await, name, *status, code, says);
        assert_eq!(
            (stage.state().await, stage.klarna.book().done.clone()),
            (was, written),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_raised_is_not_raised() {
    for (method, status) in
        [("INVOICE", 204), ("FIXED_AMOUNT", 204), ("CARD", 403), ("PAY_IN_X", 403)]
    {
        let order = NewOrder { payment_method: method.to_owned(), ..NewOrder::of(10_000) };
        let stage = Stage::with(Klarna::default(), order).await;
        let raise = ("PATCH", "/authorization", r#"{"order_amount": 10001}"#);
        assert_eq!(stage.ask(raise).await.status, status, "{method}");
    }
}

#[tokio::test]
async fn a_key_is_answered_alike_whatever_it_asks() {
    let stage = Stage::new().await;
    let first = stage.ask_under("one", CAPTURE_PART).await;
    let id = first.header("Capture-Id");
    assert_eq!((first.status, id.len()), (201, 36));
    let other = ("POST", "/captures", r#"{"captured_amount": 1}"#);
    for call in [CAPTURE_PART, other, REFUND_PART, ("POST", "x/cancel", "")] {
        let again = stage.ask_under("one", call).await;
        assert_eq!((again.status, again.header("Capture-Id")), (201, id), "{call:?}");
    }
    assert_eq!(stage.state().await, ("PART_CAPTURED".to_owned(), 8_000, 0, 2_000));
    // A refusal stays with its key, too.
    assert_eq!(stage.ask_under("two", CAPTURE).await.status, 403);
    assert_eq!(stage.ask_under("two", REFUND_PART).await.status, 403);
    // Without a key it is done again.
    assert_eq!(stage.ask(REFUND_PART).await.status, 201);
    assert_eq!(stage.ask(REFUND_PART).await.status, 201);

    stage.klarna.advance(Duration::from_hours(23));
    assert_eq!(stage.ask_under("one", other).await.header("Capture-Id"), id);
    stage.klarna.advance(Duration::from_hours(1));
    let late = stage.ask_under("one", other).await;
    assert!(late.status == 201 && late.header("Capture-Id") != id);
    let book = stage.klarna.book();
    assert_eq!(book.amounts("capture", &stage.id), [8_000, 1]);
    assert_eq!(book.amounts("refund", &stage.id), [3_000, 3_000]);
    let keys: Vec<_> = book.done.iter().map(|done| done.key.as_str()).collect();
    assert_eq!(keys, ["one", "", "", "one"]);
}

#[tokio::test]
async fn what_was_done_can_be_read_back() {
    let stage = Stage::new().await;
    let body = r#"{"captured_amount": 10000, "reference": "op-1", "description": "Sendt",
        "shipping_info": [{"shipping_company": "Posten", "shipping_method": "Home", "tracking_number": "7"}]}"#;
    let made = stage.ask(("POST", "/captures", body)).await;
    let refund = ("POST", "/refunds", r#"{"refunded_amount": 4000, "reference": "op-2"}"#);
    let refunded = stage.ask(refund).await;

    let login = [("authorization", BASIC)];
    let capture = send("GET", made.header("Location"), &login, "").await.unwrap().json();
    assert_eq!(capture["capture_id"], made.header("Capture-Id"));
    assert_eq!(
        (&capture["captured_amount"], &capture["refunded_amount"]),
        (&json!(10_000), &json!(4_000))
    );
    assert_eq!((&capture["reference"], &capture["description"]), (&json!("op-1"), &json!("Sendt")));
    assert_eq!(capture["shipping_info"][0]["shipping_method"], "Home");
    let refund = send("GET", refunded.header("Location"), &login, "").await.unwrap().json();
    assert_eq!(refund["refund_id"], refunded.header("Refund-Id"));
    assert_eq!((&refund["refunded_amount"], &refund["reference"]), (&json!(4_000), &json!("op-2")));
    let captures = stage.ask(("GET", "/captures", "")).await.json();
    assert_eq!(captures, json!([capture]));

    let order = stage.ask(("GET", "", "")).await.json();
    assert_eq!((&order["captures"], &order["refunds"]), (&json!([capture]), &json!([refund])));
    assert_eq!(
        (&order["order_amount"], &order["original_order_amount"]),
        (&json!(10_000), &json!(10_000))
    );
    assert_eq!(
        (&order["purchase_currency"], &order["fraud_status"]),
        (&json!("NOK"), &json!("ACCEPTED"))
    );
    assert_eq!(order["initial_payment_method"]["type"], "INVOICE");

    let due = "/extend-due-date";
    let id = made.header("Capture-Id").to_owned();
    let path = |rest: &str| -> &'static str {
        Box::leak(format!("/captures/{id}{rest}").into_boxed_str())
    };
    let options = stage.ask(("GET", path("/extend-due-date-options"), "")).await.json();
    assert_eq!(options["options"][0], json!({"number_of_days": 14, "amount": 0}));
    assert_eq!(stage.ask(("PATCH", path(due), r#"{"number_of_days": 14}"#)).await.status, 204);
    assert_eq!(stage.ask(("PATCH", path(due), r#"{"number_of_days": 15}"#)).await.status, 403);
    assert_eq!(stage.ask(("POST", path("/trigger-send-out"), "")).await.status, 204);
}

#[tokio::test]
async fn authorizations_expire_and_can_be_extended() {
    let stage = Stage::new().await;
    let day = Duration::from_hours(24);
    stage.klarna.advance(27 * day);
    assert_eq!(stage.ask(EXTEND).await.status, 204);
    stage.klarna.advance(27 * day);
    assert_eq!(stage.ask(CAPTURE_PART).await.status, 201);
    stage.klarna.advance(day);
    assert_eq!(stage.state().await, ("EXPIRED".to_owned(), 8_000, 0, 0));
    let rest = ("POST", "/captures", r#"{"captured_amount": 2000}"#);
    let says = format!("Order {} is expired. Capture not possible", stage.id);
    refused(&stage.ask(rest).await, "expired", 403, "CAPTURE_NOT_ALLOWED", &says);
    refused(&stage.ask(EXTEND).await, "expired", 403, "NOT_ALLOWED", "Extension");
    assert_eq!(stage.ask(REFUND_PART).await.status, 201);

    let early = Stage::new().await;
    let expired = early.control("POST", &format!("orders/{}/expire", early.id), &json!({})).await;
    assert_eq!(expired.status, 204);
    refused(&early.ask(CANCEL).await, "expired", 403, "CANCEL_NOT_ALLOWED", "closed");
}

#[tokio::test]
async fn doubtful_orders_are_not_captured() {
    let stage = Stage::new().await;
    for (status, answered) in [("PENDING", 403), ("REJECTED", 403), ("ACCEPTED", 201)] {
        let path = format!("orders/{}/fraud", stage.id);
        assert_eq!(stage.control("POST", &path, &json!({"status": status})).await.status, 204);
        assert_eq!(stage.ask(CAPTURE).await.status, answered, "{status}");
    }
}

#[tokio::test]
async fn kustom_has_words_of_its_own() {
    let stage = Stage::with(Klarna::kustom(), NewOrder::of(10_000)).await;
    assert_eq!(stage.ask(CAPTURE).await.status, 201);
    refused(&stage.ask(LOWER).await, "update", 403, "NOT_ALLOWED", "Update not allowed.");
    let says = "Order ID must be a valid UUID.";
    refused(&stage.ask(("GET", "x", "")).await, "id", 400, "INVALID_ORDER_ID", says);
}

#[tokio::test]
async fn people_act_in_the_portal() {
    let stage = Stage::new().await;
    let made = stage.control("POST", "orders", &json!({"order_amount": 500})).await;
    assert_eq!((made.status, made.json()["order_id"].as_str().unwrap().len()), (201, 36));
    let wrong = stage.control("POST", "orders", &json!({"amount": 500})).await;
    assert!(wrong.status == 400 && wrong.json()["error"].as_str().unwrap().contains("amount"));
    for (deed, body, status) in [
        ("captures", json!({"captured_amount": 8_000}), 204),
        ("cancel", json!({}), 403),
        ("refunds", json!({"refunded_amount": 500}), 204),
        ("release", json!({}), 204),
    ] {
        let path = format!("orders/{}/{deed}", stage.id);
        assert_eq!(stage.control("POST", &path, &body).await.status, status, "{deed}");
    }
    assert_eq!(stage.state().await, ("CAPTURED".to_owned(), 8_000, 500, 0));
    let book = stage.control("GET", "book", &json!({})).await.json();
    assert_eq!(book["done"].as_array().unwrap().len(), 3);
    assert!(book["done"].as_array().unwrap().iter().all(|done| done["key"] == "portal"));
    assert_eq!(book, serde_json::to_value(&*stage.klarna.book()).unwrap());
}
