//! The stand-in of Tripletex against what is known of Tripletex, asked by HTTP.

mod invoices;
mod orders;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::sessions::oslo;
use super::{CONSUMER_TOKEN, EMPLOYEE_TOKEN, Tripletex};
use crate::fakes::caller::{Reply, send};
use crate::fakes::host::Fake;
use crate::fakes::trouble::{Effect, Trouble};
use crate::fakes::until;

/// A company with a customer, and a session.
struct Stage {
    tripletex: Fake<Tripletex>,
    login: String,
    customer: i64,
}

impl Stage {
    async fn new() -> Self {
        let mut tripletex = Tripletex::default();
        tripletex.limit(10_000);
        let tripletex = Fake::start(tripletex).await.unwrap();
        let mut stage = Self { tripletex, login: String::new(), customer: 0 };
        stage.log_in().await;
        let kari = json!({"name": "Kari Nordmann", "email": "kari@kunde.example", "isPrivateIndividual": true});
        let made = stage.ask("POST", "/customer", &kari).await;
        assert_eq!(made.status, 201, "{}", made.json());
        stage.customer = made.json()["value"]["id"].as_i64().unwrap();
        stage
    }

    async fn log_in(&mut self) {
        let body = json!({"consumerToken": CONSUMER_TOKEN, "employeeToken": EMPLOYEE_TOKEN,
                          "expirationDate": day(1)});
        let reply = self.ask("POST", "/token/session/:create", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        let token = reply.json()["value"]["token"].as_str().unwrap().to_owned();
        self.login = format!("Basic {}", BASE64.encode(format!("0:{token}")));
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        let url = format!("{}/v2{path}", self.tripletex.url());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(method, &url, &[("authorization", &self.login)], body).await.unwrap()
    }

    /// One that must succeed.
    async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.ask(method, path, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.json());
        reply.json()["value"].clone()
    }

    /// 3 at 100.00 with 25 % VAT.
    fn order(&self) -> Value {
        json!({
            "number": "1001", "customer": {"id": self.customer}, "orderDate": "2026-11-25",
            "deliveryDate": "2026-11-25", "isPrioritizeAmountsIncludingVat": true,
            "orderLines": [{"description": "Kaffe", "count": 3, "unitPriceIncludingVatCurrency": 100.0,
                            "vatType": {"id": 3}}],
        })
    }

    /// Its id.
    async fn place(&self, changes: &Value) -> i64 {
        let mut order = self.order();
        for (field, value) in changes.as_object().unwrap() {
            order[field] = value.clone();
        }
        self.done("POST", "/order", &order).await["id"].as_i64().unwrap()
    }

    async fn invoice(&self, order: i64, more: &str) -> Value {
        let path =
            format!("/order/{order}/:invoice?invoiceDate=2026-11-25&sendToCustomer=false{more}");
        self.done("PUT", &path, &Value::Null).await
    }

    fn amounts(&self, operation: &str) -> Vec<i64> {
        self.tripletex.book().amounts(operation, "1001")
    }
}

/// So many days from today, in Norway.
fn day(days: i64) -> String {
    let then = Timestamp::now() + SignedDuration::from_hours(24 * days);
    then.to_zoned_datetime(oslo()).date().to_string()
}

#[track_caller]
fn refused(reply: &Reply, name: &str, status: u16, code: u32, says: &str) {
    let body = reply.json();
    assert_eq!((reply.status, &body["code"]), (status, &json!(code)), "{name}: {body}");
    assert_eq!(body["requestId"], reply.header("x-tlx-request-id"), "{name}");
    let text = body.to_string();
    assert!(text.contains(says), "{name}: {text}");
}

#[tokio::test]
async fn sessions_die_at_midnight() {
    let mut stage = Stage::new().await;
    let who = stage.done("GET", "/token/session/%3EwhoAmI", &Value::Null).await;
    assert_eq!(who["companyId"], 1);
    let midnight = day(1).parse::<jiff::civil::Date>().unwrap().to_zoned_datetime(oslo()).unwrap();
    let left = midnight.timestamp().duration_since(Timestamp::now());
    let almost = Duration::try_from(left - SignedDuration::from_secs(30)).unwrap_or_default();
    stage.tripletex.advance(almost);
    assert_eq!(stage.ask("GET", "/customer", &Value::Null).await.status, 200);
    stage.tripletex.advance(Duration::from_secs(31));
    refused(&stage.ask("GET", "/customer", &Value::Null).await, "dead", 401, 3_000, "Unauthorized");

    // The day that was tomorrow is today now.
    let body = json!({"consumerToken": CONSUMER_TOKEN, "employeeToken": EMPLOYEE_TOKEN, "expirationDate": day(1)});
    let late = stage.ask("POST", "/token/session/:create", &body).await;
    refused(&late, "today", 422, 18_000, "expirationDate");
    let path = format!(
        "/token/session/:create?consumerToken={CONSUMER_TOKEN}&employeeToken={EMPLOYEE_TOKEN}&expirationDate={}",
        day(3)
    );
    let old = stage.ask("PUT", &path, &Value::Null).await;
    let token = old.json()["value"]["token"].as_str().unwrap().to_owned();
    assert_eq!(old.status, 200);
    let wrong =
        json!({"consumerToken": "x", "employeeToken": EMPLOYEE_TOKEN, "expirationDate": day(3)});
    refused(&stage.ask("POST", "/token/session/:create", &wrong).await, "wrong", 401, 3_000, "");
    stage.login = format!("Basic {}", BASE64.encode(format!(":{token}")));
    assert_eq!(stage.ask("GET", "/customer", &Value::Null).await.status, 200);
    let path: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    assert_eq!(
        stage.ask("DELETE", &format!("/token/session/{path}"), &Value::Null).await.status,
        204
    );
}

#[tokio::test]
async fn a_session_that_is_ended_is_over() {
    let mut stage = Stage::new().await;
    let url = format!("{}/control/sessions", stage.tripletex.url());
    assert_eq!(send("DELETE", &url, &[], "").await.unwrap().status, 204);
    refused(&stage.ask("GET", "/customer", &Value::Null).await, "ended", 401, 3_000, "");
    stage.log_in().await;
    assert_eq!(stage.ask("GET", "/customer", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn everything_comes_in_an_envelope() {
    let stage = Stage::new().await;
    let reply = stage.ask("GET", "/customer?email=KARI@kunde.example", &Value::Null).await;
    let body = reply.json();
    assert_eq!(
        (&body["fullResultSize"], &body["from"], &body["count"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert_eq!(body["values"][0]["name"], "Kari Nordmann");
    assert!(body["values"][0]["customerNumber"].as_i64().unwrap() > 100_000);
    for (path, count) in [
        ("/customer?email=other@kunde.example", 0),
        ("/customer?customerName=nordm", 1),
        ("/customer?from=1", 0),
        ("/ledger/vatType?typeOfVat=OUTGOING", 5),
        ("/invoice/paymentType", 5),
        ("/currency?code=SEK", 1),
        ("/country?code=NO", 1),
        ("/product?number=12", 0),
    ] {
        let body = stage.ask("GET", path, &Value::Null).await.json();
        assert_eq!(body["values"].as_array().unwrap().len(), count, "{path}");
    }
}

#[tokio::test]
async fn so_many_calls_are_let_through() {
    let stage = Stage::new().await;
    let url = format!("{}/control/rate", stage.tripletex.url());
    stage.tripletex.advance(Duration::from_secs(10));
    assert_eq!(send("PUT", &url, &[], r#"{"limit": 2}"#).await.unwrap().status, 204);
    let rows = [(200, "1"), (200, "0"), (429, "0"), (429, "0")];
    for (status, left) in rows {
        let reply = stage.ask("GET", "/customer", &Value::Null).await;
        assert_eq!((reply.status, reply.header("X-Rate-Limit-Remaining")), (status, left));
        assert_eq!(reply.header("X-Rate-Limit-Limit"), "2");
        assert!(reply.header("X-Rate-Limit-Reset").parse::<u64>().unwrap() <= 10);
    }
    stage.tripletex.advance(Duration::from_secs(10));
    assert_eq!(stage.ask("GET", "/customer", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_norwegian() {
    let stage = Stage::new().await;
    let with = |field: &str, value: Value| {
        let mut order = stage.order();
        order[field] = value;
        order
    };
    let line = |line: Value| with("orderLines", json!([line]));
    let rows = [
        ("/customer", json!({}), 18_000, "Kan ikke være null."),
        (
            "/customer",
            json!({"name": "Kari", "organizationNumber": "12"}),
            18_000,
            "organisasjonsnummer",
        ),
        (
            "/customer",
            json!({"name": "Kari", "invoiceSendMethod": "FAX"}),
            18_000,
            "invoiceSendMethod",
        ),
        (
            "/customer",
            json!({"name": "Kari", "alias": "K"}),
            16_000,
            "Feltet eksisterer ikke i objektet.",
        ),
        ("/order", with("deliveryDate", Value::Null), 18_000, "deliveryDate"),
        ("/order", with("customer", json!({"id": 1})), 18_000, "customer"),
        ("/order", with("colour", json!("red")), 16_000, "colour"),
        (
            "/order",
            line(json!({"unitPriceIncludingVatCurrency": 1, "vatType": {"id": 9}})),
            18_000,
            "Ugyldig mva-kode.",
        ),
        (
            "/order",
            line(json!({"unitPriceExcludingVatCurrency": 1})),
            18_000,
            "The unit price must be inclusive VAT",
        ),
        ("/order", line(json!({"product": {"id": 1}})), 18_000, "Produktet finnes ikke."),
        ("/order", line(json!({"price": 1})), 16_000, "price"),
        (
            "/invoice",
            json!({"invoiceDate": "2026-11-25", "invoiceDueDate": "2026-12-25", "orders": []}),
            18_000,
            "Listen kan ikke være tom.",
        ),
    ];
    for (path, body, code, says) in rows {
        refused(&stage.ask("POST", path, &body).await, &format!("{path} {body}"), 422, code, says);
    }
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let stage = Stage::new().await;
    let mut order = stage.order();
    for field in ["deliveryDate", "orderDate", "customer"] {
        order[field] = Value::Null;
    }
    let messages = stage.ask("POST", "/order", &order).await.json()["validationMessages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 3, "{messages}");
}

#[tokio::test]
async fn what_cannot_be_found_is_told() {
    let stage = Stage::new().await;
    let url = format!("{}/v2/order", stage.tripletex.url());
    let broken = send("POST", &url, &[("authorization", &stage.login)], "{").await.unwrap();
    refused(&broken, "broken", 422, 22_000, "");
    for (path, status, code, says) in [
        ("/order", 422, 18_000, "orderDateFrom"),
        ("/invoice?invoiceDateTo=2026-12-01", 422, 18_000, "invoiceDateFrom"),
        ("/order/7", 404, 6_000, ""),
        ("/order/x", 400, 12_000, ""),
        ("/nothing", 404, 6_000, ""),
    ] {
        refused(&stage.ask("GET", path, &Value::Null).await, path, status, code, says);
    }
    let kaffe = json!({"name": "Kaffe", "number": "K1"});
    stage.done("POST", "/product", &kaffe).await;
    refused(
        &stage.ask("POST", "/product", &kaffe).await,
        "taken",
        422,
        18_000,
        "Produktnummeret K1 er i bruk.",
    );
}

#[tokio::test]
async fn what_was_never_answered_may_have_been_made() {
    let stage = Stage::new().await;
    stage.tripletex.trouble(Trouble::of("order", Effect::Silence).about("1001").once_done());
    let (order, none) = (stage.order(), Value::Null);
    tokio::select! {
        _ = stage.ask("POST", "/order", &order) => panic!("answered"),
        () = until(async || !stage.amounts("order").is_empty()) => {}
    }
    let path = "/order?number=1001&orderDateFrom=2026-11-25&orderDateTo=2026-11-26";
    let found = stage.ask("GET", path, &none).await.json();
    assert_eq!(found["values"].as_array().unwrap().len(), 1);

    let order = found["values"][0]["id"].as_i64().unwrap();
    stage
        .tripletex
        .trouble(Trouble::of("invoice", Effect::answer(500, "1000", "Feil")).once_done());
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25&sendToCustomer=false");
    refused(&stage.ask("PUT", &path, &none).await, "fault", 500, 1_000, "Feil");
    assert_eq!(stage.amounts("invoice"), [30_000]);
    assert_eq!(stage.done("GET", &format!("/order/{order}"), &none).await["isClosed"], true);
}

#[tokio::test]
async fn what_is_worked_on_is_locked() {
    let stage = Stage::new().await;
    let id = stage.place(&json!({})).await;
    stage.tripletex.trouble(Trouble::of("invoice", Effect::Stuck));
    let path = format!("/order/{id}/:invoice?invoiceDate=2026-11-25&sendToCustomer=false");
    tokio::select! {
        _ = stage.ask("PUT", &path, &Value::Null) => panic!("answered"),
        () = until(async || stage.tripletex.is_working_on("1001")) => {}
    }
    refused(&stage.ask("PUT", &path, &Value::Null).await, "locked", 409, 10_000, "");
    stage.tripletex.recover();
    until(async || stage.amounts("invoice") == [30_000]).await;
}
