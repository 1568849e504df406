//! How Vipps tells what happened, and proves it.

use jiff::Timestamp;

use super::super::webhooks;
use super::*;
use crate::fakes::notices::Travel;

#[test]
fn signatures_are_those_of_the_published_example() {
    let secret =
        "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==";
    let url = "https://webhook.site/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63";
    let body = br#"{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}"#;
    let now: Timestamp = "2023-03-30T08:38:32Z".parse().unwrap();
    let expected = [
        ("x-ms-date", "Thu, 30 Mar 2023 08:38:32 GMT"),
        ("x-ms-content-sha256", "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4="),
        (
            "authorization",
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&\
             Signature=agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U=",
        ),
    ];
    let signed = webhooks::sign(secret, url, now, body);
    assert_eq!(signed, expected.map(|(name, value)| (name, value.to_owned())));
}

#[tokio::test]
async fn webhooks_tell_what_happened_and_prove_it() {
    let (stage, inbox) = (Stage::new().await, Fake::start(Inbox::default()).await.unwrap());
    let secret = stage.register(&inbox, &["captured", "refunded"]).await;
    for deed in [("capture", 4_000), ("refund", 1_000), ("cancel", 0)] {
        stage.act(deed).await;
    }
    stage.told().await;
    let taken = inbox.with(|inbox, _| inbox.taken.clone());
    let bodies: Vec<Value> =
        taken.iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect();
    let names: Vec<_> = bodies.iter().map(|body| &body["name"]).collect();
    assert_eq!(names, ["CAPTURED", "REFUNDED"]);
    let body = &bodies[0];
    assert_eq!((&body["msn"], &body["reference"]), (&json!(MSN), &json!(REFERENCE)));
    assert_eq!((&body["amount"]["value"], &body["success"]), (&json!(4_000), &json!(true)));
    let call = &taken[0];
    assert_eq!((call.path.as_str(), call.asked("shop")), ("/hook", Some("1")));
    let at = jiff::fmt::rfc2822::parse(call.header("x-ms-date").unwrap()).unwrap().timestamp();
    let url = format!("http://{}/hook?shop=1", call.header("host").unwrap());
    for (name, value) in webhooks::sign(&secret, &url, at, &call.body) {
        assert_eq!(call.header(name), Some(value.as_str()), "{name}");
    }
}

#[tokio::test]
async fn webhooks_come_again_until_they_are_taken() {
    let (stage, inbox) = (Stage::new().await, Fake::start(Inbox::default()).await.unwrap());
    stage.register(&inbox, &["captured", "refunded"]).await;
    stage.vipps.travel(Travel { retry_millis: Some(1), ..Travel::default() });
    // 202 is no 200.
    inbox.trouble(Trouble::of("notice", Effect::answer(202, "", "")).times(2));
    inbox.trouble(Trouble::of("notice", Effect::HangUp));
    stage.act(("capture", 4_000)).await;
    stage.act(("refund", 1_000)).await;
    stage.told().await;
    let sent: Vec<_> = stage.vipps.book().sent.clone();
    let sent: Vec<_> =
        sent.iter().map(|one| (one.name.as_str(), one.attempt, one.status)).collect();
    let capture =
        [("CAPTURED", 1, 202), ("CAPTURED", 2, 202), ("CAPTURED", 3, 0), ("CAPTURED", 4, 200)];
    assert_eq!(sent[..4], capture);
    assert_eq!(sent[4..], [("REFUNDED", 1, 200)]);
}

#[tokio::test]
async fn webhooks_can_be_late_twice_and_the_wrong_way_round() {
    let (stage, inbox) = (Stage::new().await, Fake::start(Inbox::default()).await.unwrap());
    stage.register(&inbox, &["captured", "refunded"]).await;
    let travel = json!({"is_held": true, "copies": 2});
    let url = format!("{}/control/notices", stage.vipps.url());
    assert_eq!(send("PUT", &url, &[], travel.to_string()).await.unwrap().status, 204);
    stage.act(("capture", 4_000)).await;
    stage.act(("refund", 1_000)).await;
    assert_eq!((stage.vipps.untold(), stage.vipps.book().sent.len()), (2, 0));
    stage.vipps.travel(Travel { is_reversed: true, ..Travel::default() });
    stage.told().await;
    let sent: Vec<_> = stage.vipps.book().sent.iter().map(|one| one.name.clone()).collect();
    assert_eq!(sent, ["REFUNDED", "REFUNDED", "CAPTURED", "CAPTURED"]);
}

#[tokio::test]
async fn registrations_are_kept_and_ended() {
    let (stage, inbox) = (Stage::new().await, Fake::start(Inbox::default()).await.unwrap());
    let path = "/webhooks/v1/webhooks";
    for body in [
        json!({"url": "http://shop.example/hook", "events": ["epayments.payment.captured.v1"]}),
        json!({"url": "https://shop.example/hook", "events": ["epayments.payment.captured.v2"]}),
        json!({"url": "https://shop.example/hook", "events": []}),
    ] {
        refused(&stage.ask("", "POST", path, &body.to_string()).await, &body.to_string(), 400, "");
    }
    for _ in 0..25 {
        stage.register(&inbox, &["captured"]).await;
    }
    let more = json!({"url": inbox.url(), "events": ["epayments.payment.captured.v1"]});
    refused(&stage.ask("", "POST", path, &more.to_string()).await, "too many", 400, "");
    let all = stage.ask("", "GET", path, "").await.json()["webhooks"].clone();
    assert_eq!(all.as_array().unwrap().len(), 25);
    assert!(all[0]["secret"].is_null());
    let one = format!("{path}/{}", all[0]["id"].as_str().unwrap());
    assert_eq!(stage.ask("", "DELETE", &one, "").await.status, 204);
    assert_eq!(stage.ask("", "DELETE", &one, "").await.status, 400);
    assert_eq!(stage.ask("", "POST", path, &more.to_string()).await.status, 201);
}
