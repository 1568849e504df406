//! The stand-in of Tripletex against what is known of Tripletex, asked by HTTP.

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
        ("/invoice/paymentType", 4),
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
async fn lines_come_to_what_they_should() {
    // Line, whether prices are with VAT, and the amounts without and with it.
    let rows = [
        (
            json!({"count": 3, "unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}}),
            true,
            240.0,
            300.0,
        ),
        (
            json!({"count": 1, "unitPriceIncludingVatCurrency": 29.97, "vatType": {"id": 3}}),
            true,
            23.98,
            29.97,
        ),
        (
            json!({"count": 3, "unitPriceExcludingVatCurrency": 79.99, "vatType": {"id": 31}}),
            false,
            239.97,
            275.97,
        ),
        (
            json!({"count": -2, "unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}}),
            true,
            -160.0,
            -200.0,
        ),
        (
            json!({"count": 2, "unitPriceIncludingVatCurrency": 100.0, "discount": 12.5, "vatType": {"id": 5}}),
            true,
            175.0,
            175.0,
        ),
        // What is not counted is nothing.
        (json!({"unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}}), true, 0.0, 0.0),
    ];
    let stage = Stage::new().await;
    for (line, is_gross, net, gross) in rows {
        let order = json!({"orderLines": [line], "isPrioritizeAmountsIncludingVat": is_gross});
        let id = stage.place(&order).await;
        let path = format!("/order/{id}?fields=*,orderLines(*)");
        let read = stage.done("GET", &path, &Value::Null).await["orderLines"][0].clone();
        let amount = |field: &str| read[field].as_f64().unwrap();
        assert_eq!(
            (amount("amountExcludingVatCurrency"), amount("amountIncludingVatCurrency")),
            (net, gross),
            "{read}"
        );
    }
}

#[tokio::test]
async fn orders_are_found_by_number_and_day() {
    let stage = Stage::new().await;
    let id = stage.place(&json!({})).await;
    let rows = [
        ("number=1001&orderDateFrom=2026-11-25&orderDateTo=2026-11-26", 1),
        // The last day is not in it.
        ("number=1001&orderDateFrom=2026-11-24&orderDateTo=2026-11-25", 0),
        ("number=100&orderDateFrom=2026-11-01&orderDateTo=2026-12-01", 0),
        ("isClosed=true&orderDateFrom=2026-11-01&orderDateTo=2026-12-01", 0),
    ];
    for (query, count) in rows {
        let found = stage.ask("GET", &format!("/order?{query}"), &Value::Null).await.json();
        assert_eq!(found["values"].as_array().unwrap().len(), count, "{query}");
        if count == 1 {
            let found = &found["values"][0];
            assert_eq!((&found["id"], &found["number"]), (&json!(id), &json!("1001")));
            assert!(
                found["orderLines"][0]["count"].is_null()
                    && found["orderLines"][0]["url"].is_string()
            );
        }
    }
    // There is nothing that keeps it from being made twice.
    stage.place(&json!({})).await;
    assert_eq!(stage.amounts("order"), [30_000, 30_000]);
}

#[tokio::test]
async fn a_version_that_is_old_is_refused() {
    let stage = Stage::new().await;
    let id = stage.place(&json!({})).await;
    let path = format!("/order/{id}");
    let changed = stage.done("PUT", &path, &json!({"version": 0, "reference": "R1"})).await;
    assert_eq!((&changed["version"], &changed["reference"]), (&json!(1), &json!("R1")));
    refused(
        &stage.ask("PUT", &path, &json!({"version": 0, "reference": "R2"})).await,
        "old",
        409,
        8_000,
        "",
    );
    assert_eq!(stage.done("PUT", &path, &json!({"reference": "R3"})).await["version"], 2);
    let customer = format!("/customer/{}", stage.customer);
    refused(
        &stage.ask("PUT", &customer, &json!({"email": "x"})).await,
        "e-mail",
        422,
        18_000,
        "email",
    );
    assert_eq!(stage.ask("DELETE", &path, &Value::Null).await.status, 204);
    refused(&stage.ask("GET", &path, &Value::Null).await, "gone", 404, 6_000, "");
}

#[tokio::test]
async fn orders_become_invoices_once() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({})).await;
    let invoice = stage.invoice(order, "&paymentTypeId=3&paidAmount=300.00").await;
    assert_eq!((&invoice["amount"], &invoice["amountExcludingVat"]), (&json!(300), &json!(240)));
    assert_eq!((&invoice["amountOutstanding"], &invoice["invoiceNumber"]), (&json!(0), &json!(1)));
    assert_eq!(
        (&invoice["orders"][0]["id"], &invoice["invoiceDueDate"]),
        (&json!(order), &json!("2026-12-09"))
    );
    assert_eq!((stage.amounts("invoice"), stage.amounts("payment")), (vec![30_000], vec![30_000]));
    assert!(stage.amounts("mail").is_empty());
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25");
    refused(&stage.ask("PUT", &path, &Value::Null).await, "again", 422, 18_000, "Ordren er lukket");
    let delete = stage.ask("DELETE", &format!("/order/{order}"), &Value::Null).await;
    refused(&delete, "delete", 422, 18_000, "fakturert");
    let found = "/invoice?invoiceDateFrom=2026-11-25&invoiceDateTo=2026-11-26";
    let found = stage.ask("GET", found, &Value::Null).await.json();
    assert_eq!(found["values"][0]["id"], invoice["id"]);
    let pdf = stage.ask("GET", &format!("/invoice/{}/pdf", invoice["id"]), &Value::Null).await;
    assert!(pdf.body.starts_with(b"%PDF-") && pdf.header("content-type") == "application/pdf");
}

#[tokio::test]
async fn invoices_want_what_they_need() {
    let stage = Stage::new().await;
    let empty = stage.place(&json!({"orderLines": []})).await;
    let order = stage.place(&json!({})).await;
    let rows = [
        (empty, "invoiceDate=2026-11-25", "Fakturaen inneholder ingen ordrelinjer."),
        (order, "", "invoiceDate"),
        (
            order,
            "invoiceDate=2026-11-25&paidAmount=300",
            "Både paidAmount og paymentTypeId må oppgis",
        ),
        (order, "invoiceDate=2026-11-25&paidAmount=300&paymentTypeId=9", "betalingstype"),
        (order, "invoiceDate=2026-11-25&paidAmount=x&paymentTypeId=3", "paidAmount"),
    ];
    for (order, query, says) in rows {
        let path = format!("/order/{order}/:invoice?{query}");
        refused(&stage.ask("PUT", &path, &Value::Null).await, query, 422, 18_000, says);
    }
    let prepaid = json!({"invoiceDate": "2026-11-25", "invoiceDueDate": "2026-12-25", "orders": [{"id": order}]});
    let negative = stage.ask("POST", "/invoice?paymentTypeId=3&paidAmount=-1", &prepaid).await;
    refused(&negative, "negative", 422, 18_000, "paidAmount");
    let url = format!("{}/control/company", stage.tripletex.url());
    send("PUT", &url, &[], r#"{"has_bank_account": false, "is_vat_registered": false}"#)
        .await
        .unwrap();
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25");
    refused(&stage.ask("PUT", &path, &Value::Null).await, "bank", 422, 18_000, "bankkontonummer");
    refused(
        &stage.ask("POST", "/order", &stage.order()).await,
        "vat",
        422,
        18_000,
        "Ugyldig mva-kode.",
    );
    assert!(stage.amounts("invoice").is_empty());
}

#[tokio::test]
async fn invoices_are_mailed_unless_told_otherwise() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({})).await;
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25");
    let invoice = stage.done("PUT", &path, &Value::Null).await["id"].clone();
    assert_eq!(stage.amounts("mail").len(), 1);
    let note = format!("/invoice/{invoice}/:createCreditNote?date=2026-11-25");
    stage.done("PUT", &note, &Value::Null).await;
    assert_eq!(stage.amounts("mail").len(), 2);
    let again = format!("/invoice/{invoice}/:send?sendType=EMAIL");
    assert_eq!(stage.ask("PUT", &again, &Value::Null).await.status, 204);
    assert_eq!(stage.amounts("mail").len(), 3);
    // By itself an invoice does not close its order.
    let order = stage.place(&json!({"number": "1002"})).await;
    let body = json!({"invoiceDate": "2026-11-25", "invoiceDueDate": "2026-12-25", "orders": [{"id": order}]});
    stage.done("POST", "/invoice?sendToCustomer=false", &body).await;
    assert_eq!(
        stage.done("GET", &format!("/order/{order}"), &Value::Null).await["isClosed"],
        false
    );
    assert!(stage.tripletex.book().amounts("mail", "1002").is_empty());
}

#[tokio::test]
async fn credits_are_whole_or_orders_of_their_own() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({})).await;
    let invoice = stage.invoice(order, "").await["id"].clone();
    // Two back, less a fee.
    let lines = json!([
        {"count": -2, "unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}},
        {"count": 1, "unitPriceIncludingVatCurrency": 50.0, "vatType": {"id": 3}},
    ]);
    let part = stage.place(&json!({"number": "1001-K1", "orderLines": lines})).await;
    let note = stage.invoice(part, &format!("&invoiceIdIfIsCreditNote={invoice}")).await;
    assert_eq!((&note["amount"], &note["isCreditNote"]), (&json!(-150), &json!(true)));
    assert_eq!(note["creditedInvoice"], invoice);
    let paid = format!(
        "/invoice/{}/:payment?paymentDate=2026-11-25&paymentTypeId=3&paidAmount=-150",
        note["id"]
    );
    assert_eq!(stage.done("PUT", &paid, &Value::Null).await["amountOutstanding"], 0);
    let book = stage.tripletex.book();
    assert_eq!(book.amounts("credit-note", "1001-K1"), [-15_000]);
    assert_eq!(book.amounts("payment", "1001-K1"), [-15_000]);

    let more = json!({"number": "1001-K2", "orderLines": [
        {"count": -1, "unitPriceIncludingVatCurrency": 150.01, "vatType": {"id": 3}}]});
    let more = stage.place(&more).await;
    let path =
        format!("/order/{more}/:invoice?invoiceDate=2026-11-25&invoiceIdIfIsCreditNote={invoice}");
    let says = "Summen av kreditnotaene kan ikke være høyere enn fakturabeløpet.";
    refused(&stage.ask("PUT", &path, &Value::Null).await, "over", 422, 18_000, says);
    let whole = format!("/invoice/{invoice}/:createCreditNote?date=2026-11-25");
    refused(&stage.ask("PUT", &whole, &Value::Null).await, "whole", 422, 18_000, says);
    let read = stage.done("GET", &format!("/invoice/{invoice}"), &Value::Null).await;
    assert_eq!(read["isCredited"], true);
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
