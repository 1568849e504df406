//! What goes wrong with calls, and what the stand-in tells by itself.

use super::*;
use crate::fakes::inbox::Inbox;
use crate::fakes::trouble::{Effect, Trouble};
use crate::fakes::until;

#[tokio::test]
async fn too_much_is_not_read() {
    let stage = Stage::new().await;
    let body = Box::leak("x".repeat(1_000_001).into_boxed_str());
    let reply = stage.ask(("POST", "/captures", body)).await;
    refused(&reply, "large", 413, "REQUEST_TOO_LARGE", "");
}

#[tokio::test]
async fn troubles_befall_whom_they_should() {
    let stage = Stage::new().await;
    let answer = |status: u16, code: &str| Effect::answer(status, code, "Beklager");
    let of = |effect| Trouble::of("capture", effect);
    let busy = || answer(429, "TOO_MANY_REQUESTS");
    // What befalls, what callers are told one after the other, and what was done in the end.
    let rows: Vec<(&str, Trouble, &[u16], usize)> = vec![
        ("once", of(busy()), &[429, 201], 1),
        ("twice", of(busy()).times(2), &[429, 429, 201], 1),
        ("later", of(busy()).after(1), &[201], 1),
        ("always", of(busy()).always(), &[429, 429, 429], 0),
        ("of others", Trouble::of("refund", busy()), &[201], 1),
        ("about others", of(busy()).about("x"), &[201], 1),
        ("about this", of(busy()).about(&stage.id), &[429, 201], 1),
        ("a fault, not done", of(answer(500, "TIMEOUT")), &[500, 201], 1),
        (
            "a fault, but done",
            of(answer(503, "TEMPORARILY_UNAVAILABLE")).once_done(),
            &[503, 201],
            1,
        ),
        ("for good", of(answer(403, "CAPTURE_NOT_ALLOWED")), &[403, 403], 0),
        ("credentials", of(answer(401, "")), &[401, 201], 1),
        ("a moment", of(Effect::Slow { millis: 1 }), &[201, 201], 1),
        ("a moment later", of(Effect::Slow { millis: 1 }).once_done(), &[201, 201], 1),
    ];
    for (name, trouble, statuses, done) in rows {
        let was = stage.klarna.book().amounts("capture", &stage.id).len();
        let trouble = serde_json::to_value(trouble).unwrap();
        assert_eq!(stage.control("POST", "troubles", &trouble).await.status, 204, "{name}");
        for status in statuses {
            let small = ("POST", "/captures", r#"{"captured_amount": 1}"#);
            assert_eq!(stage.ask_under(name, small).await.status, *status, "{name}");
        }
        let amounts = stage.klarna.book().amounts("capture", &stage.id);
        assert_eq!(amounts.len() - was, done, "{name}");
        assert_eq!(stage.control("DELETE", "troubles", &json!({})).await.status, 204);
    }
}

#[tokio::test]
async fn calls_may_stay_without_an_answer() {
    for (effect, is_done, captures) in [
        (Effect::HangUp, false, 0),
        (Effect::HangUp, true, 1),
        (Effect::Silence, false, 0),
        (Effect::Silence, true, 1),
        (Effect::Late { millis: 1 }, false, 1),
    ] {
        let name = format!("{effect:?} {is_done}");
        let stage = Stage::new().await;
        let mut trouble = Trouble::of("capture", effect.clone());
        trouble.is_done = is_done;
        stage.klarna.trouble(trouble);
        let headers = [("authorization", BASIC), ("Klarna-Idempotency-Key", "key")];
        let url = stage.url("/captures");
        let asking = send("POST", &url, &headers, CAPTURE.2);
        if effect == Effect::HangUp {
            assert!(asking.await.is_err(), "{name}");
        } else {
            tokio::select! {
                _ = asking => panic!("answered: {name}"),
                () = until(async || stage.klarna.book().calls("capture", &stage.id) == 1) => {}
            }
        }
        let book = stage.klarna.book();
        assert_eq!(book.amounts("capture", &stage.id).len(), captures, "{name}");
        assert_eq!(book.calls("capture", &stage.id), 1, "{name}");
        // Whoever asks again under the key finds it done once.
        assert_eq!(stage.ask_under("key", CAPTURE).await.status, 201, "{name}");
        assert_eq!(stage.klarna.book().amounts("capture", &stage.id), [10_000], "{name}");
    }
}

#[tokio::test]
async fn an_answer_may_wait_for_the_end_of_the_troubles() {
    let stage = Stage::new().await;
    stage.klarna.trouble(Trouble::of("capture", Effect::Waiting));
    let (reply, ()) = tokio::join!(stage.ask_under("key", CAPTURE), async {
        until(async || stage.klarna.is_working_on(&stage.id)).await;
        assert_eq!(stage.state().await.1, 0);
        stage.klarna.recover();
    });
    assert_eq!((reply.status, stage.state().await.1), (201, 10_000));
}

#[tokio::test]
async fn reads_may_lag_behind() {
    let stage = Stage::new().await;
    let small = ("POST", "/captures", r#"{"captured_amount": 1}"#);
    stage.klarna.with(|klarna, _| klarna.lag(&stage.id, 1));
    for key in ["shown", "not shown", "not shown"] {
        assert_eq!(stage.ask_under(key, small).await.status, 201);
        assert_eq!(stage.state().await.1, 1, "{key}");
    }
    let book = stage.klarna.book();
    assert_eq!(book.arrivals.iter().filter(|one| one.is_replay).count(), 1, "a repeat");
    stage.klarna.with(|klarna, _| klarna.end_lag(&stage.id));
    assert_eq!(stage.state().await.1, 2);
}

#[tokio::test]
async fn the_newer_platform_has_other_words() {
    let stage = Stage::new().await;
    stage.klarna.with(|klarna, _| klarna.renew());
    let reply = stage.ask(("POST", "/captures", r#"{"captured_amount": 10001}"#)).await;
    let body = reply.json();
    assert_eq!((reply.status, body["error_code"].as_str()), (403, Some("CAPTURE_NOT_ALLOWED")));
    assert!(body["error_message"].is_string() && body["error_id"].is_string(), "{body}");
    assert!(body["error_messages"].is_null(), "{body}");
}

#[tokio::test]
async fn an_order_that_is_worked_on_is_held() {
    let stage = Stage::new().await;
    stage.klarna.trouble(Trouble::of("capture", Effect::Stuck));
    // The caller is gone long before it is done.
    tokio::select! {
        _ = stage.ask_under("key", CAPTURE) => panic!("answered"),
        () = until(async || stage.klarna.is_working_on(&stage.id)) => {}
    }
    for (key, call) in [("key", CAPTURE), ("other", CANCEL)] {
        refused(&stage.ask_under(key, call).await, key, 409, "CONFLICT", "in progress");
    }
    assert_eq!(stage.state().await, ("AUTHORIZED".to_owned(), 0, 0, 10_000));
    assert_eq!(stage.control("DELETE", "troubles", &json!({})).await.status, 204);
    until(async || !stage.klarna.book().done.is_empty()).await;
    assert_eq!(stage.ask_under("key", CAPTURE).await.status, 201);
    assert_eq!(stage.klarna.book().amounts("capture", &stage.id), [10_000]);
}

#[tokio::test]
async fn the_outcome_of_a_fraud_check_is_pushed() {
    let inbox = Fake::start(Inbox::default()).await.unwrap();
    let order = NewOrder { notification_url: inbox.url(), ..NewOrder::of(10_000) };
    let stage = Stage::with(Klarna::default(), order).await;
    for status in ["PENDING", "REJECTED"] {
        let path = format!("orders/{}/fraud", stage.id);
        assert_eq!(stage.control("POST", &path, &json!({"status": status})).await.status, 204);
    }
    until(async || stage.klarna.untold() == 0).await;
    let taken = inbox.with(|inbox, _| inbox.taken.clone());
    let told: Vec<Value> =
        taken.iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect();
    assert_eq!(told, [json!({"order_id": stage.id, "event_type": "FRAUD_RISK_REJECTED"})]);
}

#[tokio::test]
async fn it_goes_and_comes_back_with_all_it_knew() {
    let mut stage = Stage::new().await;
    assert_eq!(stage.ask(CAPTURE_PART).await.status, 201);
    stage.klarna.go_away();
    let login = [("authorization", BASIC)];
    until(async || send("GET", &stage.url(""), &login, "").await.is_err()).await;
    stage.klarna.come_back().await.unwrap();
    assert_eq!(stage.state().await, ("PART_CAPTURED".to_owned(), 8_000, 0, 2_000));
}
