//! What stands before the API of Vipps: tokens, keys and pace.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn tokens_are_for_those_who_may_have_them() {
    let mut stage = Stage::new().await;
    let token = stage.token(&[("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)]).await;
    let token = token.json();
    assert_eq!((&token["token_type"], &token["expires_in"]), (&json!("Bearer"), &json!("3600")));
    for field in ["ext_expires_in", "expires_on", "not_before", "resource", "access_token"] {
        assert!(token[field].is_string(), "{field}");
    }
    assert_eq!(stage.token(&[("client_id", CLIENT_ID), ("client_secret", "x")]).await.status, 401);

    // Each is turned away by the gateway, whose words are shorter.
    let bearer = format!("Bearer {}", stage.token);
    let rows = [
        ("no subscription", vec![("authorization", bearer.as_str())], 401),
        ("no token", vec![("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY)], 401),
        (
            "wrong token",
            vec![("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY), ("authorization", "Bearer x")],
            401,
        ),
        (
            "another merchant",
            vec![
                ("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY),
                ("authorization", bearer.as_str()),
                ("Merchant-Serial-Number", "654321"),
            ],
            403,
        ),
    ];
    let url = format!("{}/epayment/v1/payments/{REFERENCE}", stage.vipps.url());
    for (name, headers, status) in rows {
        let reply = send("GET", &url, &headers, "").await.unwrap();
        assert_eq!((reply.status, &reply.json()["statusCode"]), (status, &json!(status)), "{name}");
        assert!(reply.json()["message"].is_string(), "{name}");
    }
    stage.vipps.advance(Duration::from_secs(3_599));
    assert!(stage.read().await["aggregate"].is_object());
    stage.vipps.advance(Duration::from_secs(1));
    assert_eq!(stage.read().await["statusCode"], 401);
    stage.log_in().await;
    assert!(stage.read().await["aggregate"].is_object());
    let url = format!("{}/control/tokens", stage.vipps.url());
    assert_eq!(send("DELETE", &url, &[], "").await.unwrap().status, 204);
    assert_eq!(stage.read().await["statusCode"], 401);
}

#[tokio::test]
async fn a_key_belongs_to_its_body() {
    let mut stage = Stage::new().await;
    let first = stage.change("one", ("capture", 4_000)).await;
    assert_eq!(stage.change("one", ("capture", 4_000)).await.json(), first.json());
    refused(&stage.change("one", ("capture", 4_001)).await, "capture", 409, "4010");
    refused(&stage.change("one", ("refund", 4_000)).await, "other operation", 409, "4020");
    assert_eq!(stage.change("two", ("refund", 1_000)).await.status, 200);
    refused(&stage.change("two", ("refund", 1_001)).await, "refund", 409, "4150");
    assert_eq!(stage.money().await, [10_000, 0, 4_000, 1_000]);
    let book = stage.vipps.book();
    let replays: Vec<_> = book.arrivals.iter().filter(|one| one.is_replay).collect();
    assert_eq!((replays.len(), book.keys("capture", REFERENCE)), (1, 1));
    assert_eq!(book.done.iter().map(|done| done.key.as_str()).collect::<Vec<_>>(), ["one", "two"]);
}

#[tokio::test]
async fn five_changes_a_minute_are_let_through() {
    let stage = Stage::new().await;
    for _ in 0..5 {
        assert_eq!(stage.change("one", ("capture", 4_000)).await.status, 200);
    }
    let busy = stage.change("one", ("capture", 4_000)).await;
    assert_eq!((busy.status, &busy.json()["statusCode"]), (429, &json!(429)));
    assert!(busy.header("Retry-After").parse::<u64>().unwrap() <= 60);
    // Each kind has a pace of its own.
    assert_eq!(stage.change("two", ("refund", 1_000)).await.status, 200);
    stage.vipps.advance(Duration::from_secs(60));
    assert_eq!(stage.change("one", ("capture", 4_000)).await.status, 200);
    assert_eq!(stage.vipps.book().amounts("capture", REFERENCE), [4_000]);
}

#[tokio::test]
async fn a_post_without_its_length_is_not_taken() {
    let stage = Stage::new().await;
    let url = stage.vipps.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let call = b"POST /accesstoken/get HTTP/1.1\r\nhost: vipps\r\nconnection: close\r\n\r\n";
    stream.write_all(call).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
}
