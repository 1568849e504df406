//! A listener through restarts of the server: kill -9, SIGTERM, and its own, sees every event once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use order_sdk::proto::{self, ReconnectReason, WatchStart, watch_orders_response::Message};
use order_sdk::{CheckpointStore, FileCheckpoints, RetryPolicy, Start};

use crate::harness::listener::Listener;
use crate::harness::{Backend, World, audit::audit, eventually, health, in_depth, raw, request_id};

trials! {
    own: [
        a_listener_hears_every_event_once_through_restarts,
        a_drain_tells_streams_to_reconnect_and_ends,
    ];
}

/// Repeats a command until it is answered.
async fn insist(draft: impl Fn() -> order_sdk::OrderDraft) -> proto::Order {
    let id = request_id();
    eventually("an order is placed", async || match draft().request_id(&id).send().await {
        Ok(answer) => answer.order,
        Err(error) => {
            let is_passing = error.is_unavailable() || error.is_retryable();
            assert!(is_passing, "{error:?}");
            None
        }
    })
    .await
}

async fn write_until(world: World, is_over: Arc<AtomicBool>) -> u32 {
    let mut written = 0;
    while !is_over.load(Ordering::Relaxed) {
        let reference = world.reference("");
        let order = insist(|| world.draft(300).payment("klarna", &reference, 300)).await;
        let name = order.name.parse().unwrap();
        let _whatever = world.change(&name, "sent").send().await;
        written += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    written
}

async fn a_listener_hears_every_event_once_through_restarts(backend: Backend) {
    in_depth(|_, times| heard_through_restarts(backend, 4 * times)).await;
}

async fn heard_through_restarts(backend: Backend, restarts: u32) {
    let mut world = World::own(backend, &[]).await;
    // Long outages are waited out by the application here, so that each failure is seen.
    world.client = world.client.with_retry(RetryPolicy::default().attempts(3));
    let mut patient = Listener::open(&world, Start::Oldest).await;
    let checkpoints = FileCheckpoints::new(world.server.store.folder.file("cursor"));
    let mut in_pieces: Vec<i64> = Vec::new();
    let is_over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write_until(world.clone(), Arc::clone(&is_over)));

    for round in 0..restarts {
        // A listener that restarts too, and stores its place after each batch.
        let builder = world.client.watch(&world.shop).from(Start::Oldest);
        let builder = builder.resume_from(&checkpoints).await.unwrap();
        let mut piece = Listener::of(builder).await.unwrap();
        let heard = in_pieces.len();
        piece
            .until_that(|piece| piece.events.len() > 20 || heard == 0 && piece.has_caught_up)
            .await;
        checkpoints.save(piece.heard.cursor.as_ref().unwrap()).await.unwrap();
        in_pieces.extend(piece.heard.revisions());
        drop(piece);
        if round % 2 == 0 {
            world.server.kill().await;
        } else {
            assert_eq!(world.server.stop().await, 0, "SIGTERM is no failure");
        }
        world.server.start().await;
        let seen = patient.heard.connections;
        patient.until_that(|heard| heard.connections > seen).await;
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0);
    for order in world.client.orders(&world.shop).page_size(1_000).page().await.unwrap().items {
        world.settled(&order.name.parse().unwrap()).await;
    }
    let head = world.revision().await;
    patient.until(head).await;
    let builder = world.client.watch(&world.shop).from(Start::Oldest);
    let builder = builder.resume_from(&checkpoints).await.unwrap();
    let mut last = Listener::of(builder).await.unwrap();
    in_pieces.extend(last.until(head).await.revisions());

    let mut whole = Listener::open(&world, Start::Oldest).await;
    let whole = whole.until(head).await;
    assert_eq!(patient.heard.revisions(), whole.revisions(), "each once, through every restart");
    assert_eq!(in_pieces, whole.revisions(), "each once, through its own restarts");
    assert_eq!(patient.heard.events, whole.events);
    audit(&world).await;
}

async fn a_drain_tells_streams_to_reconnect_and_ends(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let channel = health::connect(world.server.port).connect().await.unwrap();
    let request = proto::WatchOrdersRequest {
        parent: (&world.shop).into(),
        start: WatchStart::Oldest.into(),
        ..proto::WatchOrdersRequest::default()
    };
    let path = "/orders.v1.OrderService/WatchOrders";
    let mut stream: tonic::Streaming<proto::WatchOrdersResponse> =
        raw::streaming(channel.clone(), path, request).await.unwrap();
    let question = health::HealthCheckRequest::default();
    let mut health_told: tonic::Streaming<health::HealthCheckResponse> =
        raw::streaming(channel.clone(), "/grpc.health.v1.Health/Watch", question).await.unwrap();
    let status = health_told.message().await.unwrap().unwrap().status;
    assert_eq!(status, health::SERVING);

    // Something is under way: it is finished, or left to the next process.
    let bought = world.buy(900, "capture=slow:1s").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    world.server.signal("TERM");
    let status = health_told.message().await.unwrap().unwrap().status;
    assert_eq!(status, health::NOT_SERVING);
    let mut last = None;
    while let Ok(Some(message)) = stream.message().await {
        last = Some(message);
    }
    let last = last.unwrap();
    let Some(Message::Reconnect(reconnect)) = &last.message else { panic!("{last:?}") };
    assert_eq!(reconnect.reason(), ReconnectReason::Drain);
    assert!(!last.cursor.is_empty());
    assert_eq!(world.server.gone().await, 0);

    world.server.start().await;
    world.settled(&bought.name).await;
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    let request = proto::WatchOrdersRequest {
        parent: (&world.shop).into(),
        start: WatchStart::Cursor.into(),
        cursor: last.cursor.clone(),
        ..proto::WatchOrdersRequest::default()
    };
    let channel = health::connect(world.server.port).connect().await.unwrap();
    let mut stream: tonic::Streaming<proto::WatchOrdersResponse> =
        raw::streaming(channel, path, request).await.unwrap();
    let created = stream.message().await.unwrap().unwrap();
    assert!(matches!(created.message, Some(Message::Created(_))));
    assert_eq!(created.revision, last.revision, "the cursor goes on where the stream ended");
}
