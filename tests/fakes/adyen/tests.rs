//! The stand-in of Adyen against what is known of Adyen, asked by HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use super::{API_KEY, Adyen, HMAC_KEY, MERCHANT_ACCOUNT, NewPayment, Webhook, webhooks};
use crate::fakes::caller::{Reply, send};
use crate::fakes::host::Fake;
use crate::fakes::inbox::Inbox;
use crate::fakes::notices::Travel;
use crate::fakes::trouble::{Effect, Trouble};
use crate::fakes::until;

/// A path below the payment, and a value in øre; 0: without an amount.
type Deed = (&'static str, i64);

const REFERENCE: &str = "order-1001";

/// A payment of 100.00 at a stand-in of its own, and somebody who is told.
struct Stage {
    adyen: Fake<Adyen>,
    inbox: Fake<Inbox>,
    psp: String,
}

impl Stage {
    async fn new() -> Self {
        Self::of(NewPayment::of(REFERENCE, 10_000)).await
    }

    async fn of(payment: NewPayment) -> Self {
        let adyen = Fake::start(Adyen::default()).await.unwrap();
        let inbox = Fake::start(Inbox::default()).await.unwrap();
        let psp = adyen.with(|adyen, desk| {
            adyen.tell(Webhook { url: inbox.url(), login: "shop:secret".to_owned() });
            adyen.place(payment, desk)
        });
        Self { adyen, inbox, psp }
    }

    async fn post(&self, key: &str, path: &str, body: &Value) -> Reply {
        let mut headers = vec![("X-API-Key", API_KEY)];
        if !key.is_empty() {
            headers.push(("Idempotency-Key", key));
        }
        let url = format!("{}/v71/{path}", self.adyen.url());
        send("POST", &url, &headers, body.to_string()).await.unwrap()
    }

    async fn ask(&self, key: &str, (path, value): Deed) -> Reply {
        let mut body =
            json!({"merchantAccount": MERCHANT_ACCOUNT, "reference": format!("op-{key}")});
        if value != 0 {
            body["amount"] = json!({"currency": "NOK", "value": value});
        }
        self.post(key, &format!("payments/{}/{path}", self.psp), &body).await
    }

    async fn control(&self, path: &str, body: &Value) -> Reply {
        let method = if path == "webhook" { "PUT" } else { "POST" };
        let url = format!("{}/control/{path}", self.adyen.url());
        send(method, &url, &[], body.to_string()).await.unwrap()
    }

    /// Everything that was told, as it came in.
    async fn told(&self) -> Vec<Value> {
        until(async || self.adyen.untold() == 0).await;
        let taken = self.inbox.with(|inbox, _| inbox.taken.clone());
        let bodies = taken.iter().map(|call| serde_json::from_slice::<Value>(&call.body).unwrap());
        bodies.map(|body| body["notificationItems"][0]["NotificationRequestItem"].clone()).collect()
    }

    /// What the last one told: code, success and reason.
    async fn last_told(&self) -> (String, String, String) {
        let told = self.told().await;
        let text = |field: &str| told.last().unwrap()[field].as_str().unwrap().to_owned();
        (text("eventCode"), text("success"), text("reason"))
    }

    /// Captured, refunded, and whether what is left is gone.
    fn money(&self) -> (i64, i64, bool) {
        self.adyen.with(|adyen, _| {
            let payment = adyen.payment(&self.psp).unwrap();
            (payment.captured, payment.refunded, payment.is_over)
        })
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
    assert_eq!(body["errorCode"], code, "{name}: {body}");
    assert!(body["message"].is_string() && body["errorType"].is_string(), "{name}: {body}");
}

#[test]
fn signatures_are_those_of_the_published_example() {
    let text =
        "7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true";
    assert_eq!(webhooks::sign(HMAC_KEY, text), "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=");
}

#[tokio::test]
async fn answers_only_tell_that_it_came_in() {
    let stage = Stage::new().await;
    let reply = stage.ask("1", ("captures", 10_000)).await;
    let body = reply.json();
    assert_eq!((reply.status, &body["status"]), (201, &json!("received")));
    assert_eq!(
        (&body["paymentPspReference"], &body["reference"]),
        (&json!(stage.psp), &json!("op-1"))
    );
    assert_eq!(body["amount"], json!({"currency": "NOK", "value": 10_000}));
    let id = body["pspReference"].as_str().unwrap();
    assert!(id.len() == 16 && id != stage.psp, "{id}");
    assert_eq!(reply.header("Idempotency-Key"), "1");
    // There is nothing to read back.
    let headers = [("X-API-Key", API_KEY)];
    let url = format!("{}/v71/payments/{}", stage.adyen.url(), stage.psp);
    assert_eq!(send("GET", &url, &headers, "").await.unwrap().status, 404);

    let told = stage.told().await;
    let (authorised, captured) = (&told[0], &told[1]);
    assert_eq!(
        (&authorised["eventCode"], &authorised["pspReference"]),
        (&json!("AUTHORISATION"), &json!(stage.psp))
    );
    assert!(authorised["originalReference"].is_null());
    assert_eq!(
        (&captured["eventCode"], &captured["pspReference"]),
        (&json!("CAPTURE"), &json!(id))
    );
    assert_eq!(
        (&captured["originalReference"], &captured["merchantReference"]),
        (&json!(stage.psp), &json!("op-1"))
    );
    assert_eq!(
        (&captured["success"], &captured["amount"]["value"]),
        (&json!("true"), &json!(10_000))
    );
    let text = format!("{id}:{}:{MERCHANT_ACCOUNT}:op-1:10000:NOK:CAPTURE:true", stage.psp);
    assert_eq!(captured["additionalData"]["hmacSignature"], webhooks::sign(HMAC_KEY, &text));
    let call = stage.inbox.with(|inbox, _| inbox.taken[0].clone());
    assert_eq!(call.header("authorization"), Some("Basic c2hvcDpzZWNyZXQ="));
    assert_eq!(serde_json::from_slice::<Value>(&call.body).unwrap()["live"], "false");
}

const CAPTURE: Deed = ("captures", 10_000);
const PART: Deed = ("captures", 4_000);

/// What was done before, what is asked, what is told of it, and the money afterwards.
type Row = (&'static [Deed], Deed, (&'static str, &'static str, &'static str), (i64, i64, bool));

const BECAME: &[Row] = &[
    (&[], CAPTURE, ("CAPTURE", "true", ""), (10_000, 0, true)),
    // The remainder ends with the first capture.
    (&[], PART, ("CAPTURE", "true", ""), (4_000, 0, true)),
    (&[PART], PART, ("CAPTURE", "false", "Insufficient balance on payment"), (4_000, 0, true)),
    (
        &[],
        ("captures", 10_001),
        ("CAPTURE", "false", "Insufficient balance on payment"),
        (0, 0, false),
    ),
    (&[("cancels", 0)], PART, ("CAPTURE", "false", "Transaction has been cancelled"), (0, 0, true)),
    (&[], ("cancels", 0), ("CANCELLATION", "true", ""), (0, 0, true)),
    (
        &[PART],
        ("cancels", 0),
        ("CANCELLATION", "false", "Transaction has been captured"),
        (4_000, 0, true),
    ),
    (
        &[("cancels", 0)],
        ("cancels", 0),
        ("CANCELLATION", "false", "Transaction has been cancelled"),
        (0, 0, true),
    ),
    (&[PART], ("refunds", 1_000), ("REFUND", "true", ""), (4_000, 1_000, true)),
    (
        &[PART, ("refunds", 1_000)],
        ("refunds", 3_001),
        ("REFUND", "false", "Insufficient balance on payment"),
        (4_000, 1_000, true),
    ),
    (
        &[],
        ("refunds", 1_000),
        ("REFUND", "false", "Transaction hasn't been captured"),
        (0, 0, false),
    ),
    (&[], ("reversals", 0), ("CANCEL_OR_REFUND", "true", ""), (0, 0, true)),
    (&[PART], ("reversals", 0), ("CANCEL_OR_REFUND", "true", ""), (4_000, 4_000, true)),
    (&[("amountUpdates", 6_000)], ("captures", 6_000), ("CAPTURE", "true", ""), (6_000, 0, true)),
    (&[], ("amountUpdates", 6_000), ("AUTHORISATION_ADJUSTMENT", "true", ""), (0, 0, false)),
    (
        &[],
        ("amountUpdates", 10_001),
        ("AUTHORISATION_ADJUSTMENT", "false", "Not supported by the issuer"),
        (0, 0, false),
    ),
    (
        &[PART],
        ("amountUpdates", 6_000),
        ("AUTHORISATION_ADJUSTMENT", "false", "Authorisation cannot be adjusted"),
        (4_000, 0, true),
    ),
];

#[tokio::test]
async fn webhooks_tell_what_became_of_it() {
    for (before, deed, (code, success, reason), money) in BECAME {
        let stage = Stage::new().await;
        for earlier in *before {
            assert_eq!(stage.ask("", *earlier).await.status, 201, "{earlier:?}");
        }
        let written = stage.adyen.book().done.len();
        let name = format!("{before:?} {deed:?}");
        assert_eq!(stage.ask("", *deed).await.status, 201, "{name}");
        let told = stage.last_told().await;
        assert_eq!(
            (told.0.as_str(), told.1.as_str(), told.2.as_str()),
            (*code, *success, *reason),
            "{name}"
        );
        assert_eq!(stage.money(), *money, "{name}");
        assert_eq!(
            stage.adyen.book().done.len() - written,
            usize::from(*success == "true"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn remainders_stay_where_that_was_agreed() {
    let payment = NewPayment {
        has_partial_captures: true,
        can_rise: true,
        ..NewPayment::of(REFERENCE, 10_000)
    };
    let stage = Stage::of(payment).await;
    stage.ask("1", ("amountUpdates", 12_000)).await;
    stage.ask("2", ("captures", 4_000)).await;
    assert_eq!(stage.money(), (4_000, 0, false));
    stage.ask("3", ("captures", 8_000)).await;
    assert_eq!(stage.money(), (12_000, 0, true));
    assert_eq!(stage.adyen.book().amounts("capture", &stage.psp), [4_000, 8_000]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_at_once() {
    let stage = Stage::new().await;
    let path = format!("payments/{}/captures", stage.psp);
    let amount = json!({"currency": "NOK", "value": 100});
    let long = "r".repeat(81);
    let rows = [
        (path.as_str(), json!({"amount": amount}), 403, "901"),
        (&path, json!({"merchantAccount": "Other", "amount": amount}), 403, "901"),
        (&path, json!({"merchantAccount": MERCHANT_ACCOUNT}), 422, "137"),
        (
            &path,
            json!({"merchantAccount": MERCHANT_ACCOUNT, "amount": {"currency": "NOK", "value": 0}}),
            422,
            "137",
        ),
        (
            &path,
            json!({"merchantAccount": MERCHANT_ACCOUNT, "amount": {"currency": "EUR", "value": 1}}),
            422,
            "137",
        ),
        (
            &path,
            json!({"merchantAccount": MERCHANT_ACCOUNT, "amount": {"currency": "NOK", "value": 1.5}}),
            400,
            "702",
        ),
        (
            &path,
            json!({"merchantAccount": MERCHANT_ACCOUNT, "amount": amount, "reference": long}),
            422,
            "702",
        ),
        (
            "payments/0000000000000000/captures",
            json!({"merchantAccount": MERCHANT_ACCOUNT, "amount": amount}),
            422,
            "167",
        ),
    ];
    for (path, body, status, code) in rows {
        refused(&stage.post("", path, &body).await, &body.to_string(), status, code);
    }
    let reason = json!({"merchantAccount": MERCHANT_ACCOUNT, "amount": amount, "merchantRefundReason": "REGRET"});
    refused(
        &stage.post("", &format!("payments/{}/refunds", stage.psp), &reason).await,
        "reason",
        422,
        "702",
    );
    let url = format!("{}/v71/{path}", stage.adyen.url());
    let reply = send("POST", &url, &[("X-API-Key", "other")], "{}").await.unwrap();
    refused(&reply, "key", 401, "000");
    assert_eq!(reply.json()["errorType"], "security");
    assert!(stage.adyen.book().done.is_empty());
    assert_eq!(stage.told().await.len(), 1);
}

#[tokio::test]
async fn a_key_is_answered_alike() {
    let payment = NewPayment { has_partial_captures: true, ..NewPayment::of(REFERENCE, 10_000) };
    let stage = Stage::of(payment).await;
    let first = stage.ask("one", ("captures", 4_000)).await;
    for value in [4_000, 1] {
        assert_eq!(stage.ask("one", ("captures", value)).await.json(), first.json());
    }
    stage.adyen.advance(Duration::from_hours(24 * 7 - 1));
    assert_eq!(stage.adyen.book().amounts("capture", &stage.psp), [4_000]);
    assert_eq!(stage.ask("one", ("captures", 4_000)).await.json(), first.json());
    let long = "k".repeat(65);
    refused(&stage.ask(&long, ("captures", 1)).await, "long", 422, "702");
}

#[tokio::test]
async fn a_repetition_waits_for_what_it_repeats() {
    let payment = NewPayment { has_partial_captures: true, ..NewPayment::of(REFERENCE, 10_000) };
    let stage = Stage::of(payment).await;
    stage.adyen.trouble(Trouble::of("capture", Effect::Stuck));
    tokio::select! {
        _ = stage.ask("one", ("captures", 4_000)) => panic!("answered"),
        () = until(async || stage.adyen.is_working_on(&stage.psp)) => {}
    }
    let repeated = stage.ask("one", ("captures", 4_000)).await;
    refused(&repeated, "repeated", 422, "704");
    assert_eq!(repeated.header("transient-error"), "true");
    assert_eq!(stage.ask("two", ("captures", 1_000)).await.status, 201);
    stage.adyen.recover();
    until(async || !stage.adyen.is_working_on(&stage.psp)).await;
    assert_eq!(stage.ask("one", ("captures", 4_000)).await.status, 201);
    assert_eq!(stage.adyen.book().amounts("capture", &stage.psp), [1_000, 4_000]);
}

#[tokio::test]
async fn troubles_speak_its_language() {
    for (status, code, transient, wanted) in [
        (500, "905", "true", 201),
        (429, "", "true", 201),
        (422, "704", "true", 201),
        (409, "704", "true", 201),
        (422, "10_422", "true", 201),
        (422, "167", "", 422),
        // Who is turned away has begun nothing.
        (401, "000", "", 201),
        (403, "010", "", 201),
        (403, "901", "", 201),
    ] {
        let stage = Stage::new().await;
        stage.adyen.trouble(Trouble::of("capture", Effect::answer(status, code, "Beklager")));
        let reply = stage.ask("key", ("captures", 100)).await;
        refused(&reply, code, status, code);
        assert_eq!(reply.header("transient-error"), transient, "{status}");
        let again = stage.ask("key", ("captures", 100)).await.status;
        assert_eq!(again, wanted, "{status} {code}");
    }
}

#[tokio::test]
async fn what_was_told_to_succeed_may_fail() {
    let stage = Stage::new().await;
    let capture = stage.ask("1", ("captures", 10_000)).await.json()["pspReference"].clone();
    let failed = stage
        .control(
            &format!("payments/{}/capture-failed", stage.psp),
            &json!({"psp_reference": capture}),
        )
        .await;
    assert_eq!(failed.status, 200);
    assert_eq!(stage.last_told().await.0, "CAPTURE_FAILED");
    let last = stage.told().await.pop().unwrap();
    assert_eq!((&last["pspReference"], &last["amount"]["value"]), (&capture, &json!(10_000)));
    assert_eq!(stage.money().0, 0);
    let again = stage
        .control(
            &format!("payments/{}/capture-failed", stage.psp),
            &json!({"psp_reference": capture}),
        )
        .await;
    assert_eq!(again.status, 404);

    for (deed, code) in
        [("refund-failed", "REFUND_FAILED"), ("refund-reversed", "REFUNDED_REVERSED")]
    {
        let stage = Stage::new().await;
        stage.ask("1", ("captures", 10_000)).await;
        let refund = stage.ask("2", ("refunds", 3_000)).await.json()["pspReference"].clone();
        stage
            .control(&format!("payments/{}/{deed}", stage.psp), &json!({"psp_reference": refund}))
            .await;
        assert_eq!((stage.last_told().await.0.as_str(), stage.money().1), (code, 0));
        let lost = stage.control(&format!("payments/{}/chargeback", stage.psp), &json!({})).await;
        assert_eq!((lost.status, stage.last_told().await.0), (200, "CHARGEBACK".to_owned()));
    }
}

#[tokio::test]
async fn verdicts_fail_what_was_received() {
    let stage = Stage::new().await;
    let verdict =
        json!({"operation": "capture", "about": stage.psp, "reason": "Refused by the scheme"});
    assert_eq!(stage.control("verdicts", &verdict).await.status, 204);
    assert_eq!(stage.ask("1", ("captures", 10_000)).await.status, 201);
    let told = stage.last_told().await;
    assert_eq!((told.1.as_str(), told.2.as_str()), ("false", "Refused by the scheme"));
    assert!(stage.adyen.book().done.is_empty());
    assert_eq!(stage.ask("2", ("captures", 10_000)).await.status, 201);
    assert_eq!(stage.adyen.book().amounts("capture", &stage.psp), [10_000]);
}

#[tokio::test]
async fn authorisations_lapse() {
    let stage = Stage::new().await;
    stage.adyen.advance(Duration::from_hours(24 * 7));
    assert_eq!(stage.last_told().await.0, "EXPIRE");
    stage.ask("1", ("captures", 10_000)).await;
    let told = stage.last_told().await;
    assert_eq!((told.1.as_str(), told.2.as_str()), ("false", "Capture expired"));
    assert_eq!(stage.told().await.len(), 3);
}

#[tokio::test]
async fn payments_can_be_cancelled_by_the_own_reference() {
    let stage = Stage::new().await;
    let body = json!({"merchantAccount": MERCHANT_ACCOUNT, "paymentReference": REFERENCE});
    let reply = stage.post("1", "cancels", &body).await;
    assert_eq!((reply.status, &reply.json()["paymentReference"]), (201, &json!(REFERENCE)));
    assert_eq!(stage.last_told().await.0, "TECHNICAL_CANCEL");
    assert_eq!(stage.adyen.book().amounts("cancel", &stage.psp), [10_000]);
    let unknown = json!({"merchantAccount": MERCHANT_ACCOUNT, "paymentReference": "other"});
    assert_eq!(stage.post("2", "cancels", &unknown).await.status, 201);
    assert_eq!(stage.told().await.len(), 2);
}

#[tokio::test]
async fn webhooks_go_astray_when_told_to() {
    let stage = Stage::new().await;
    stage.told().await;
    stage.adyen.travel(Travel { is_held: true, copies: 2, ..Travel::default() });
    stage.ask("1", ("captures", 4_000)).await;
    stage.ask("2", ("refunds", 1_000)).await;
    assert_eq!(stage.inbox.with(|inbox, _| inbox.taken.len()), 1);
    stage.adyen.travel(Travel { is_reversed: true, retry_millis: Some(1), ..Travel::default() });
    stage.inbox.trouble(Trouble::of("notice", Effect::answer(500, "", "")));
    let told = stage.told().await;
    let codes: Vec<_> = told.iter().map(|item| item["eventCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["AUTHORISATION", "REFUND", "REFUND", "CAPTURE", "CAPTURE"]);
    let sent = stage.adyen.book().sent.clone();
    assert_eq!((sent[1].attempt, sent[1].status), (1, 500));
    assert_eq!((sent[2].attempt, sent[2].status), (2, 200));
}

#[tokio::test]
async fn people_act_in_the_portal() {
    let stage = Stage::new().await;
    let made = stage.control("payments", &json!({"reference": "order-1002", "value": 500})).await;
    assert_eq!((made.status, made.json()["pspReference"].as_str().unwrap().len()), (201, 16));
    for (deed, value, status, code) in [
        ("capture", 4_000, 200, "CAPTURE"),
        ("refund", 500, 200, "REFUND"),
        ("cancel", 0, 422, "REFUND"),
    ] {
        let path = format!("payments/{}/{deed}", stage.psp);
        assert_eq!(stage.control(&path, &json!({"value": value})).await.status, status, "{deed}");
        assert_eq!(stage.last_told().await.0, code);
    }
    assert!(stage.adyen.book().done.iter().all(|done| done.key == "portal"));
    assert_eq!(stage.control("webhook", &json!({})).await.status, 204);
    stage.ask("1", ("refunds", 1)).await;
    assert_eq!(stage.adyen.untold(), 0);
}
