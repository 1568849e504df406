//! A stream against a server that breaks it in every way it can be broken.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use order_proto::v1::watch_orders_response::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Start, WatchBuilder, WatchItem};
use crate::client::OrderClient;
use crate::error::Error;
use crate::names::ShopName;
use crate::proto;
use crate::retry::RetryPolicy;
use crate::scripted::{End, Leg, Script};

const SHORT_HEARTBEAT: Duration = Duration::from_millis(40);

fn said(revision: i64, message: Message) -> proto::WatchOrdersResponse {
    proto::WatchOrdersResponse { revision, cursor: format!("c{revision}"), message: Some(message) }
}

fn created(revision: i64) -> proto::WatchOrdersResponse {
    let heartbeat = prost_types::Duration::try_from(SHORT_HEARTBEAT).ok();
    said(revision, Message::Created(proto::WatchCreated { heartbeat, ..Default::default() }))
}

fn batch(revisions: &[i64]) -> proto::WatchOrdersResponse {
    let event = |revision: &i64| proto::Event { revision: *revision, ..Default::default() };
    let events = revisions.iter().map(event).collect();
    let last = revisions.last().copied().unwrap_or_default();
    said(last, Message::Batch(proto::WatchBatch { events, orders: Vec::new() }))
}

fn snapshot_order(revision: i64) -> proto::WatchOrdersResponse {
    let order = Some(proto::Order { revision, ..Default::default() });
    said(revision, Message::SnapshotOrder(proto::WatchSnapshotOrder { order }))
}

fn checkpoint(revision: i64) -> proto::WatchOrdersResponse {
    said(revision, Message::Checkpoint(proto::WatchCheckpoint { head_revision: revision }))
}

fn reconnect(revision: i64) -> proto::WatchOrdersResponse {
    said(revision, Message::Reconnect(proto::WatchReconnect::default()))
}

fn refusal(code: Code, reason: &str) -> Status {
    Status::with_error_details(code, "no", ErrorDetails::with_error_info(reason, "orders", []))
}

fn leg(messages: Vec<proto::WatchOrdersResponse>, end: End) -> Leg {
    Leg { messages, end }
}

/// What the application is told, as short texts, `away` among them whenever the server is not reached;
/// the last is the error it ends with.
async fn told(watch: WatchBuilder) -> Vec<String> {
    let all: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&all);
    let hear = move |text: String| heard.lock().expect("no panic").push(text);
    let away = hear.clone();
    let mut items = watch.on_unreachable(move |_why| away("away".to_owned())).open();
    while let Some(item) = items.next().await {
        hear(match item {
            Ok(WatchItem::Created { is_resumed, .. }) => format!("created {is_resumed}"),
            Ok(WatchItem::SnapshotOrder { order, .. }) => format!("order {}", order.revision),
            Ok(WatchItem::SnapshotComplete { .. }) => "complete".to_owned(),
            Ok(WatchItem::Batch { events, .. }) => {
                let revisions: Vec<i64> = events.iter().map(|event| event.revision).collect();
                format!("batch {revisions:?}")
            }
            Ok(WatchItem::Checkpoint { place, .. }) => format!("checkpoint {}", place.revision),
            Ok(other) => format!("{other:?}"),
            Err(Error::ResyncRequired(refusal)) => format!("resync: {}", refusal.code),
            Err(Error::Protocol { message, .. }) => format!("fault: {message}"),
            Err(other) => format!("error: {other}"),
        });
    }
    all.lock().expect("no panic").clone()
}

/// Runs a stream through the legs; answers what was told and from where each stream was asked for.
async fn follow(start: Start, legs: Vec<Leg>) -> (Vec<String>, Vec<String>) {
    let script = Script::watching(legs);
    let pauses = RetryPolicy::default().pauses(Duration::from_millis(1), Duration::from_millis(4));
    let client = script.serve(OrderClient::builder().retry(pauses)).await;
    let shop = ShopName::new("default").expect("a shop");
    let told = told(client.watch(&shop).from(start)).await;
    let asked = script.watches().into_iter().map(|request| {
        assert_eq!(request.parent, "shops/default");
        let start = request.start().as_str_name().trim_start_matches("WATCH_START_").to_owned();
        format!("{start} {}", request.cursor).trim().to_owned()
    });
    (told, asked.collect())
}

const SCRIPT_ENDED: &str = "fault: the script has ended";

#[tokio::test]
async fn a_stream_goes_on_after_its_last_item_whatever_breaks_it() {
    let down = || Status::unavailable("down");
    let (told, asked) = follow(
        Start::Now,
        vec![
            leg(vec![created(10), batch(&[11]), batch(&[12, 13])], End::Close),
            leg(vec![created(13), batch(&[14])], End::Fail(down())),
            leg(vec![], End::Fail(down())),
            leg(vec![created(14), checkpoint(16)], End::Silence),
            leg(vec![created(16), batch(&[18]), reconnect(19)], End::Silence),
            leg(vec![created(19), batch(&[18]), batch(&[20])], End::Close),
        ],
    )
    .await;
    assert_eq!(
        told,
        [
            "created false",
            "batch [11]",
            "batch [12, 13]",
            "created true",
            "batch [14]",
            "away",
            "created true",
            "checkpoint 16",
            "created true",
            "batch [18]",
            "created true",
            "batch [20]",
            SCRIPT_ENDED,
        ]
    );
    assert_eq!(
        asked,
        ["NOW", "CURSOR c13", "CURSOR c14", "CURSOR c14", "CURSOR c16", "CURSOR c19", "CURSOR c20"]
    );
}

#[tokio::test]
async fn a_broken_snapshot_goes_on_from_its_last_order_and_then_from_the_log() {
    let complete = said(9, Message::SnapshotComplete(proto::WatchSnapshotComplete {}));
    let (told, asked) = follow(
        Start::Snapshot,
        vec![
            leg(vec![created(0)], End::Close),
            leg(vec![created(0), snapshot_order(3), checkpoint(4)], End::Close),
            leg(vec![created(4), snapshot_order(5), complete], End::Close),
            leg(vec![created(9), batch(&[10])], End::Close),
        ],
    )
    .await;
    assert_eq!(
        told,
        [
            "created false",
            "created true",
            "order 3",
            "checkpoint 4",
            "created true",
            "order 5",
            "complete",
            "created true",
            "batch [10]",
            SCRIPT_ENDED,
        ]
    );
    assert_eq!(asked, ["SNAPSHOT", "SNAPSHOT", "SNAPSHOT c3", "CURSOR c9", "CURSOR c10"]);
}

#[tokio::test]
async fn a_stream_ends_loudly_when_it_cannot_go_on() {
    for (last, end) in [
        (End::Fail(refusal(Code::OutOfRange, "CURSOR_EXPIRED")), "resync: CURSOR_EXPIRED"),
        (End::Fail(refusal(Code::OutOfRange, "CURSOR_AHEAD")), "resync: CURSOR_AHEAD"),
        (End::Fail(refusal(Code::NotFound, "SHOP_NOT_FOUND")), "error: SHOP_NOT_FOUND: no"),
    ] {
        let (told, asked) = follow(Start::Now, vec![leg(vec![created(1)], last)]).await;
        assert_eq!(told, ["created false", end]);
        assert_eq!(asked.len(), 1);
    }
    let gap = leg(vec![created(1), batch(&[2, 4])], End::Silence);
    let (told, _) = follow(Start::Now, vec![gap]).await;
    assert_eq!(
        told,
        ["created false", "fault: the stream has a fault: event 4 follows event Some(2)"]
    );
}

#[tokio::test]
async fn a_server_that_is_never_reached_ends_the_stream_after_all_attempts() {
    let down = || leg(vec![], End::Fail(Status::unavailable("down")));
    let (told, asked) = follow(Start::Oldest, (0..9).map(|_| down()).collect()).await;
    assert_eq!(told, ["away", "away", "away", "away", "error: gave up after 5 attempts"]);
    assert_eq!(asked, ["OLDEST"; 5]);
}
