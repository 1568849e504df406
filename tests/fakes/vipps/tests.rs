//! The stand-in of Vipps against what is known of Vipps, asked by HTTP.

mod gateway;
mod telling;

use std::time::Duration;

use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, Currency, MSN, NewPayment, SUBSCRIPTION_KEY, Vipps};
use crate::fakes::caller::{Reply, send};
use crate::fakes::host::Fake;
use crate::fakes::inbox::Inbox;
use crate::fakes::trouble::{Effect, Trouble};
use crate::fakes::until;

/// Capture, refund, cancel, or one of the controls, with a value in øre.
type Deed = (&'static str, i64);

const REFERENCE: &str = "acme-shop-1001";
const DAY: Duration = Duration::from_hours(24);

/// A reserved payment of 100.00 at a stand-in of its own.
struct Stage {
    vipps: Fake<Vipps>,
    token: String,
}

impl Stage {
    async fn new() -> Self {
        Self::of(&reserved()).await
    }

    async fn of(payment: &NewPayment) -> Self {
        let vipps = Fake::start(Vipps::default()).await.unwrap();
        vipps.with(|vipps, desk| vipps.place(payment, desk));
        let mut stage = Self { vipps, token: String::new() };
        stage.log_in().await;
        stage
    }

    async fn log_in(&mut self) {
        let login = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let reply = self.token(&login).await;
        reply.json()["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    async fn token(&self, login: &[(&str, &str)]) -> Reply {
        let mut headers = vec![("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY)];
        headers.extend(login);
        let url = format!("{}/accesstoken/get", self.vipps.url());
        send("POST", &url, &headers, "").await.unwrap()
    }

    async fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY),
            ("Merchant-Serial-Number", MSN),
        ];
        if !key.is_empty() {
            headers.push(("Idempotency-Key", key));
        }
        send(method, &format!("{}{path}", self.vipps.url()), &headers, body.to_owned())
            .await
            .unwrap()
    }

    async fn change(&self, key: &str, (operation, value): Deed) -> Reply {
        let path = format!("/epayment/v1/payments/{REFERENCE}/{operation}");
        let body = json!({"modificationAmount": {"currency": "NOK", "value": value}});
        let body = if operation == "cancel" { String::new() } else { body.to_string() };
        self.ask(key, "POST", &path, &body).await
    }

    async fn read(&self) -> Value {
        self.ask("", "GET", &format!("/epayment/v1/payments/{REFERENCE}"), "").await.json()
    }

    async fn control(&self, path: &str, body: &Value) -> u16 {
        let url = format!("{}/control/{path}", self.vipps.url());
        send("POST", &url, &[], body.to_string()).await.unwrap().status
    }

    /// A change under a key of its own, or what somebody else does.
    async fn act(&self, deed: Deed) {
        let moment = self.vipps.with(|_, desk| desk.book.arrivals.len());
        let status = match deed {
            ("approve" | "abort" | "expire", _) => {
                self.control(&format!("payments/{REFERENCE}/{}", deed.0), &json!({})).await
            }
            ("days", days) => {
                self.vipps.advance(DAY * u32::try_from(days).unwrap());
                204
            }
            _ => self.change(&format!("before-{moment}"), deed).await.status,
        };
        assert!(status < 300, "{deed:?}: {status}");
    }

    /// Authorized, cancelled, captured, refunded.
    async fn money(&mut self) -> [i64; 4] {
        self.log_in().await;
        let aggregate = self.read().await["aggregate"].clone();
        ["authorizedAmount", "cancelledAmount", "capturedAmount", "refundedAmount"]
            .map(|name| aggregate[name]["value"].as_i64().unwrap())
    }

    async fn register(&self, inbox: &Fake<Inbox>, events: &[&str]) -> String {
        let events: Vec<_> =
            events.iter().map(|one| format!("epayments.payment.{one}.v1")).collect();
        let body = json!({"url": format!("{}/hook?shop=1", inbox.url()), "events": events});
        let reply = self.ask("", "POST", "/webhooks/v1/webhooks", &body.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        reply.json()["secret"].as_str().unwrap().to_owned()
    }

    async fn told(&self) {
        until(async || self.vipps.untold() == 0).await;
    }
}

fn reserved() -> NewPayment {
    NewPayment {
        reference: REFERENCE.to_owned(),
        value: 10_000,
        currency: Currency::Nok,
        is_open: false,
        is_indivisible: false,
    }
}

#[track_caller]
fn refused(reply: &Reply, name: &str, status: u16, code: &str) {
    let body = reply.json();
    assert_eq!(
        (reply.status, body["status"].as_u64()),
        (status, Some(status.into())),
        "{name}: {body}"
    );
    assert_eq!(reply.header("content-type"), "application/problem+json", "{name}");
    assert!(body["title"].is_string() && body["traceId"].is_string(), "{name}: {body}");
    let told = body["extraDetails"].as_array().unwrap();
    let told = told.iter().find(|extra| extra["name"] == "ErrorCode");
    assert_eq!(told.map_or("", |extra| extra["reason"].as_str().unwrap()), code, "{name}: {body}");
}

#[tokio::test]
async fn what_nobody_could_reserve_is_no_payment() {
    let stage = Stage::new().await;
    let url = format!("{}/control/payments", stage.vipps.url());
    for (value, currency, code) in
        [(65_000_001, "NOK", "4040"), (-1, "NOK", "4040"), (99, "NOK", "6010"), (0, "EUR", "6010")]
    {
        let name = format!("{value} {currency}");
        let new = json!({"reference": "acme-shop-1002", "value": value, "currency": currency});
        let reply = send("POST", &url, &[], new.to_string()).await.unwrap();
        refused(&reply, &name, 400, code);
        assert!(reply.json()["detail"].to_string().contains(&value.to_string()), "{name}");
        assert!(stage.vipps.with(|vipps, _| vipps.payment("acme-shop-1002").is_none()), "{name}");
    }
    let most = json!({"reference": "acme-shop-1002", "value": 65_000_000});
    assert_eq!(stage.control("payments", &most).await, 201);
}

#[tokio::test]
async fn money_moves_and_the_state_does_not() {
    // What is done, and the aggregate afterwards: authorized, cancelled, captured, refunded.
    let rows: &[(&[Deed], [i64; 4])] = &[
        (&[], [10_000, 0, 0, 0]),
        (&[("capture", 10_000)], [10_000, 0, 10_000, 0]),
        (&[("capture", 4_000), ("capture", 6_000)], [10_000, 0, 10_000, 0]),
        (&[("capture", 4_000), ("cancel", 0)], [10_000, 6_000, 4_000, 0]),
        (&[("cancel", 0)], [10_000, 10_000, 0, 0]),
        (&[("capture", 4_000), ("refund", 1_000), ("refund", 3_000)], [10_000, 0, 4_000, 4_000]),
        (&[("capture", 4_000), ("refund", 1_000), ("cancel", 0)], [10_000, 6_000, 4_000, 1_000]),
        (&[("capture", 4_000), ("days", 180)], [10_000, 6_000, 4_000, 0]),
        (&[("capture", 4_000), ("days", 179)], [10_000, 0, 4_000, 0]),
    ];
    for (deeds, after) in rows {
        let mut stage = Stage::new().await;
        for deed in *deeds {
            stage.act(*deed).await;
        }
        assert_eq!(stage.money().await, *after, "{deeds:?}");
        let payment = stage.read().await;
        assert_eq!(
            (&payment["state"], &payment["reference"]),
            (&json!("AUTHORIZED"), &json!(REFERENCE))
        );
        assert_eq!(payment["amount"], json!({"currency": "NOK", "value": 10_000}));
        for field in ["paymentMethod", "profile", "pspReference", "captureGuaranteedUntil"] {
            assert!(!payment[field].is_null(), "{field}");
        }
    }
}

#[tokio::test]
async fn a_change_tells_how_it_stands() {
    let stage = Stage::new().await;
    let reply = stage.change("one", ("capture", 4_000)).await;
    let (changed, read) = (reply.json(), stage.read().await);
    assert_eq!((reply.status, &changed["aggregate"]), (200, &read["aggregate"]));
    assert_eq!(changed["pspReference"], read["pspReference"]);
    assert_eq!(
        (&changed["state"], &changed["amount"]["value"]),
        (&json!("AUTHORIZED"), &json!(10_000))
    );

    let events =
        stage.ask("", "GET", &format!("/epayment/v1/payments/{REFERENCE}/events"), "").await;
    let events = events.json();
    let names: Vec<_> = events.as_array().unwrap().iter().map(|event| &event["name"]).collect();
    assert_eq!(names, ["CREATED", "AUTHORIZED", "CAPTURED"]);
    assert_eq!(
        (&events[2]["amount"]["value"], &events[2]["success"]),
        (&json!(4_000), &json!(true))
    );
    assert_eq!(
        (&events[2]["idempotencyKey"], &events[1]["idempotencyKey"]),
        (&json!("one"), &json!(null))
    );
    assert_eq!(events[0]["pspReference"], read["pspReference"]);
    assert_ne!(events[2]["pspReference"], read["pspReference"]);
}

#[tokio::test]
async fn states_refuse_with_numbers() {
    // What was done before (`open`: not yet approved), what is asked, and the number.
    type Row = (&'static [Deed], Deed, &'static str);
    let rows: &[Row] = &[
        (&[], ("capture", 10_001), "6090"),
        (&[("capture", 4_000)], ("capture", 6_001), "6090"),
        (&[("capture", 10_000)], ("capture", 100), "6170"),
        (&[("cancel", 0)], ("capture", 100), "6070"),
        (&[("capture", 100), ("cancel", 0)], ("capture", 100), "6070"),
        (&[("days", 180)], ("capture", 100), "6100"),
        (&[], ("capture", 99), "6010"),
        (&[], ("capture", -1), "4040"),
        (&[], ("capture", 65_000_001), "4040"),
        (&[("capture", 10_000)], ("cancel", 0), "6040"),
        (&[("cancel", 0)], ("cancel", 0), "6050"),
        (&[("capture", 100), ("cancel", 0)], ("cancel", 0), "6190"),
        (&[("days", 180)], ("cancel", 0), "6030"),
        (&[], ("refund", 100), "6210"),
        (&[("capture", 4_000)], ("refund", 4_001), "6150"),
        (&[("capture", 4_000), ("refund", 4_000)], ("refund", 100), "6180"),
        (&[("capture", 4_000), ("days", 365)], ("refund", 100), "6220"),
        (&[("capture", 4_000)], ("refund", 123), "5100"),
        (&[("open", 0)], ("capture", 100), "6080"),
        (&[("open", 0)], ("refund", 100), "6020"),
        (&[("open", 0), ("abort", 0)], ("capture", 100), "6200"),
        (&[("open", 0), ("expire", 0)], ("cancel", 0), "6190"),
        (&[("open", 0), ("cancel", 0)], ("capture", 100), "6200"),
        (&[("whole", 0)], ("capture", 9_999), "6140"),
    ];
    for (before, deed, code) in rows {
        let has = |what| before.iter().any(|(name, _)| *name == what);
        let payment =
            NewPayment { is_open: has("open"), is_indivisible: has("whole"), ..reserved() };
        let mut stage = Stage::of(&payment).await;
        for earlier in before.iter().filter(|(name, _)| !["open", "whole"].contains(name)) {
            stage.act(*earlier).await;
        }
        let (was, written) = (stage.money().await, stage.vipps.book().done.clone());
        let reply = stage.change("key", *deed).await;
        refused(&reply, &format!("{before:?} {deed:?}"), 400, code);
        // A refusal sticks to its key.
        assert_eq!(stage.change("key", *deed).await.json(), reply.json());
        assert_eq!(
            (stage.money().await, stage.vipps.book().done.clone()),
            (was, written),
            "{deed:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_without_a_number() {
    let stage = Stage::new().await;
    let path = format!("/epayment/v1/payments/{REFERENCE}/capture");
    let long = "k".repeat(51);
    let good = r#"{"modificationAmount": {"currency": "NOK", "value": 100}}"#;
    let rows = [
        ("no key", "", good, "Idempotency-Key"),
        ("long key", long.as_str(), good, "Idempotency-Key"),
        ("no body", "1", "", "body"),
        ("no amount", "2", "{}", "modificationAmount"),
        ("a fraction", "3", r#"{"modificationAmount": {"currency": "NOK", "value": 1.5}}"#, "1.5"),
        (
            "unknown field",
            "4",
            r#"{"modificationAmount": {"currency": "NOK", "value": 100}, "x": 1}"#,
            "x",
        ),
        (
            "other currency",
            "5",
            r#"{"modificationAmount": {"currency": "SEK", "value": 100}}"#,
            "SEK",
        ),
    ];
    for (name, key, body, field) in rows {
        let reply = stage.ask(key, "POST", &path, body).await;
        refused(&reply, name, 400, "");
        let extra = reply.json()["extraDetails"].clone();
        assert!(
            extra.as_array().unwrap().iter().any(|one| one["name"] == field),
            "{name}: {extra}"
        );
        stage.vipps.advance(Duration::from_secs(60));
    }
    let euro = r#"{"modificationAmount": {"currency": "EUR", "value": 100}}"#;
    refused(&stage.ask("6", "POST", &path, euro).await, "euro", 400, "4040");
    let only = r#"{"cancelTransactionOnly": true}"#;
    let cancel = format!("/epayment/v1/payments/{REFERENCE}/cancel");
    refused(&stage.ask("7", "POST", &cancel, only).await, "approved", 400, "6060");
    let nowhere = "/epayment/v1/payments/nowhere-1";
    refused(&stage.ask("", "GET", nowhere, "").await, "nowhere", 404, "5090");
    assert!(stage.vipps.book().done.is_empty());
}

#[tokio::test]
async fn a_payment_that_is_worked_on_is_locked() {
    let mut stage = Stage::new().await;
    stage.vipps.trouble(Trouble::of("capture", Effect::Stuck));
    tokio::select! {
        _ = stage.change("one", ("capture", 4_000)) => panic!("answered"),
        () = until(async || stage.vipps.is_working_on(REFERENCE)) => {}
    }
    refused(&stage.change("two", ("capture", 100)).await, "capture", 423, "");
    refused(&stage.change("three", ("cancel", 0)).await, "cancel", 400, "6250");
    stage.vipps.recover();
    until(async || !stage.vipps.is_working_on(REFERENCE)).await;
    assert_eq!(stage.change("one", ("capture", 4_000)).await.status, 200);
    assert_eq!(stage.money().await, [10_000, 0, 4_000, 0]);
    assert_eq!(stage.vipps.book().amounts("capture", REFERENCE), [4_000]);
}

#[tokio::test]
async fn troubles_speak_its_language() {
    // Status and code, and how the same key is answered afterwards.
    let rows = [
        (400, "6200", 400),
        (403, "5100", 403),
        (400, "6160", 200),
        (400, "6260", 200),
        (400, "6280", 200),
        (423, "", 200),
        (500, "3010", 200),
    ];
    for (status, code, then) in rows {
        let stage = Stage::new().await;
        stage.vipps.trouble(Trouble::of("capture", Effect::answer(status, code, "")));
        refused(&stage.change("key", ("capture", 100)).await, code, status, code);
        assert_eq!(stage.change("key", ("capture", 100)).await.status, then, "{status} {code}");
    }
    // And once it says that it was done, when it was not.
    let mut stage = Stage::new().await;
    stage.vipps.trouble(Trouble::of("capture", Effect::answer(200, "", "")));
    for captured in [0, 100] {
        let reply = stage.change("key", ("capture", 100)).await;
        let told = &reply.json()["aggregate"]["capturedAmount"]["value"];
        assert_eq!((reply.status, told), (200, &json!(captured)));
    }
    assert_eq!(stage.money().await, [10_000, 0, 100, 0]);
}

#[tokio::test]
async fn a_checkout_creates_and_its_customer_approves() {
    let stage = Stage::new().await;
    let create = |reference: &str, value: i64| {
        json!({"amount": {"currency": "NOK", "value": value}, "paymentMethod": {"type": "WALLET"},
               "reference": reference, "userFlow": "WEB_REDIRECT", "returnUrl": "https://shop.example"})
        .to_string()
    };
    let path = "/epayment/v1/payments";
    let made = stage.ask("1", "POST", path, &create("acme-shop-1002", 500)).await;
    assert_eq!((made.status, &made.json()["reference"]), (201, &json!("acme-shop-1002")));
    refused(&stage.ask("2", "POST", path, &create(REFERENCE, 500)).await, "taken", 409, "4150");
    refused(&stage.ask("3", "POST", path, &create("short", 500)).await, "short", 400, "");
    let approve = "/epayment/v1/test/payments/acme-shop-1002/approve";
    assert_eq!(stage.ask("", "POST", approve, "{}").await.status, 200);
    refused(&stage.ask("", "POST", approve, "{}").await, "again", 400, "6230");
    assert_eq!(stage.ask("4", "POST", path, &create("acme-shop-1003", 151)).await.status, 201);
    let approve = "/epayment/v1/test/payments/acme-shop-1003/approve";
    refused(&stage.ask("", "POST", approve, "{}").await, "no funds", 400, "10010");
}

#[tokio::test]
async fn people_act_in_the_portal() {
    let mut stage = Stage::new().await;
    for (deed, body) in [
        ("capture", json!({"value": 4_000})),
        ("refund", json!({"value": 500})),
        ("cancel", json!({})),
    ] {
        assert_eq!(
            stage.control(&format!("payments/{REFERENCE}/{deed}"), &body).await,
            204,
            "{deed}"
        );
    }
    assert_eq!(stage.control(&format!("payments/{REFERENCE}/approve"), &json!({})).await, 400);
    let new = json!({"reference": "acme-shop-1002", "value": 500});
    assert_eq!(stage.control("payments", &new).await, 201);
    assert_eq!(stage.money().await, [10_000, 6_000, 4_000, 500]);
    assert!(stage.vipps.book().done.iter().all(|done| done.key == "portal"));
}

#[tokio::test]
async fn reads_may_lag_behind() {
    let mut stage = Stage::new().await;
    stage.vipps.with(|vipps, _| vipps.lag(REFERENCE, 0));
    assert_eq!(stage.change("key", ("capture", 400)).await.status, 200);
    assert_eq!(stage.money().await, [10_000, 0, 0, 0]);
    stage.vipps.with(|vipps, _| vipps.end_lag(REFERENCE));
    assert_eq!(stage.money().await, [10_000, 0, 400, 0]);
}
