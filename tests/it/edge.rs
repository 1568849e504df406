//! The edge of the server: health, reflection, deadlines, and callers that go away.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use order_rules::refusals::Code;
use order_sdk::proto::order_service_client::OrderServiceClient;
use order_sdk::{OrderName, RetryPolicy, proto};
use prost_reflect::DescriptorPool;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::harness::{
    Backend, Bought, World, depth, eventually, health, raw, refused, request_id, status_id,
};

type Unhurried = Client<HttpConnector, tonic::body::Body>;

trials! {
    shared: [
        every_service_is_healthy,
        the_contract_can_be_read_from_the_server,
        a_passed_deadline_is_told_and_the_command_stands_or_not,
        what_ends_before_its_deadline_ends_well,
        a_client_that_goes_away_in_the_middle_harms_nobody,
        nobody_but_known_methods_is_called,
    ];
    own: [a_server_without_its_database_says_so_and_recovers];
}

fn services() -> Vec<String> {
    let pool = DescriptorPool::decode(order_proto::DESCRIPTOR).unwrap();
    pool.services().map(|service| service.full_name().to_owned()).collect()
}

async fn every_service_is_healthy(world: World) {
    let services = services();
    assert_eq!(services.len(), 6);
    for service in services.iter().map(String::as_str).chain([""]) {
        let status = health::check(world.server.port, service).await.unwrap();
        assert_eq!(status, health::SERVING, "{service}");
    }
    let unknown = health::check(world.server.port, "orders.v1.Nothing").await;
    assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);
}

async fn reflect(world: &World, question: MessageRequest) -> ServerReflectionResponse {
    let channel = health::connect(world.server.port).connect().await.unwrap();
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(channel);
    let requests = futures_util::stream::iter([request]);
    let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
    answers.next().await.unwrap().unwrap()
}

async fn the_contract_can_be_read_from_the_server(world: World) {
    let answer = reflect(&world, MessageRequest::ListServices(String::new())).await;
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let listed: BTreeSet<String> = listed.service.into_iter().map(|one| one.name).collect();
    for service in services() {
        assert!(listed.contains(&service), "{service} is not in {listed:?}");
    }
    assert!(listed.contains("grpc.health.v1.Health"));

    let symbol = MessageRequest::FileContainingSymbol("orders.v1.OrderService".to_owned());
    let answer = reflect(&world, symbol).await;
    let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response else {
        panic!("{answer:?}")
    };
    assert!(!files.file_descriptor_proto.is_empty());
    let file = prost_types::FileDescriptorProto::decode(&files.file_descriptor_proto[0]);
    assert_eq!(file.name(), "orders/v1/order_service.proto");
    let pool = DescriptorPool::decode(order_proto::DESCRIPTOR).unwrap();
    let known = pool.get_service_by_name("orders.v1.OrderService").unwrap();
    assert_eq!(file.service[0].method.len(), known.methods().len());
}

trait Decoded: prost::Message + Default {
    fn decode(bytes: &[u8]) -> Self {
        <Self as prost::Message>::decode(bytes).unwrap()
    }
}

impl Decoded for prost_types::FileDescriptorProto {}

async fn a_passed_deadline_is_told_and_the_command_stands_or_not(world: World) {
    let bought = world.buy(900, "capture=slow:3s").await;
    let hasty = world.client.with_retry(RetryPolicy::off()).with_timeout(Duration::ZERO);
    // The SDK gives the server as long as the call may wait, on top of its own patience.
    let change = hasty.change_status(&bought.name, &world.status("sent"));
    let outcome = change.wait(Duration::from_millis(1)).send().await;
    assert!(outcome.is_err() || world.get(&bought.name).await.pending_status_change.is_some());
    world.complete(&bought.name).await.ok();
    assert_eq!(status_id(&world.settled(&bought.name).await), "sent");
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);

    // A caller with little patience is answered in time, with what there is by then if possible.
    let bought = world.buy(900, "capture=slow:3s").await;
    match timed(&world, &bought.name, "500m").await {
        Ok(answer) => {
            let answer = answer.into_inner();
            assert!(!answer.receipt.unwrap().settled);
            assert!(answer.order.unwrap().pending_status_change.is_some());
        }
        Err(status) => assert_eq!(status.code(), tonic::Code::DeadlineExceeded, "{status:?}"),
    }
    settled_either_way(&world, &bought).await;

    // One with none at all is told so by the server itself.
    let bought = world.buy(900, "").await;
    let status = timed(&world, &bought.name, "1n").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded, "{status:?}");
    assert!(String::from_utf8_lossy(status.details()).contains(Code::DeadlineExceeded.name()));
    refused::note(Code::DeadlineExceeded);
    settled_either_way(&world, &bought).await;
}

async fn what_ends_before_its_deadline_ends_well(world: World) {
    let bought = world.buy(900, "").await;
    let mut client = unhurried(&world);
    let mut batch = tonic::Request::new(proto::BatchChangeOrderStatusRequest {
        parent: (&world.shop).into(),
        names: vec![(&bought.name).into()],
        status: world.status("processing").into(),
        request_id: request_id(),
        ..proto::BatchChangeOrderStatusRequest::default()
    });
    batch.set_timeout(Duration::from_secs(60));
    let outcomes = client.batch_change_order_status(batch).await.unwrap().into_inner();
    let told: Vec<_> = outcomes.try_collect().await.unwrap();
    assert_eq!(told.last().unwrap().counts.unwrap().done, 1);
    let mut verify = tonic::Request::new(proto::VerifyShopRequest { parent: (&world.shop).into() });
    verify.set_timeout(Duration::from_secs(60));
    let said = client.verify_shop(verify).await.unwrap().into_inner();
    assert!(!said.try_collect::<Vec<_>>().await.unwrap().is_empty());
}

/// Decided, a command is finished; dropped before, it has done nothing.
async fn settled_either_way(world: &World, bought: &Bought) {
    eventually("the order and the book agree", async || {
        let order = world.settled(&bought.name).await;
        let captured = world.book().done(&bought.reference, "capture");
        (captured.len() == usize::from(status_id(&order) == "sent")).then_some(())
    })
    .await;
}

/// A client with no clock of its own: tonic's would be first.
fn unhurried(world: &World) -> OrderServiceClient<Unhurried> {
    let http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    OrderServiceClient::with_origin(http, world.server.endpoint().parse().unwrap())
}

/// Sets `sent` with this time-out on the wire.
async fn timed(
    world: &World,
    order: &OrderName,
    timeout: &'static str,
) -> Result<tonic::Response<proto::ChangeOrderStatusResponse>, tonic::Status> {
    let change = world.change(order, "sent").wait(Duration::from_secs(30));
    let mut request = tonic::Request::new(change.into_request());
    request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
    unhurried(world).change_order_status(request).await
}

async fn a_client_that_goes_away_in_the_middle_harms_nobody(world: World) {
    for _ in 0..depth() {
        leave_in_the_middle(&world).await;
    }
}

/// Each a little later than the one before.
async fn leave_in_the_middle(world: &World) {
    let mut orders = Vec::new();
    for _ in 0..12 {
        orders.push(world.buy(900, "").await);
    }
    let mut leaving = Vec::new();
    for (place, bought) in orders.iter().enumerate() {
        let (world, name) = (world.clone(), bought.name.clone());
        leaving.push(tokio::spawn(async move {
            let client = world.server.client();
            let change = client.change_status(&name, &world.status("sent"));
            let pause = Duration::from_millis(u64::try_from(place).unwrap() * 2);
            // The connection goes with the call.
            let _cut =
                tokio::time::timeout(pause, change.wait(Duration::from_secs(20)).send()).await;
        }));
    }
    for one in leaving {
        one.await.unwrap();
    }
    for bought in &orders {
        // What the callers left behind may still be on its way in, so this one may have to wait.
        eventually("the order is completed", async || match world.complete(&bought.name).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                assert_eq!(error.code(), Some(Code::StatusChangePending.name()), "{error:?}");
                None
            }
        })
        .await;
        assert_eq!(status_id(&world.settled(&bought.name).await), "sent");
        assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    }
}

async fn nobody_but_known_methods_is_called(world: World) {
    let channel = health::connect(world.server.port).connect().await.unwrap();
    for path in ["/orders.v1.OrderService/Nothing", "/orders.v1.Nothing/GetOrder", "/x"] {
        let status = raw::bytes(channel.clone(), path, Vec::new()).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented, "{path}");
    }
}

async fn a_server_without_its_database_says_so_and_recovers(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let bought = world.buy(900, "").await;
    let store = world.server.store.clone();
    let impatient = world.client.with_retry(RetryPolicy::off());
    let read = |world: &World| {
        let name = (&bought.name).into();
        let request = proto::GetOrderRequest { name, as_of_revision: 0, show_deleted: false };
        let client = world.client.with_retry(RetryPolicy::off());
        async move { client.get_order(request).await }
    };
    if backend == Backend::Sqlite {
        // An embedded database is never away: while another program writes it can be read, and whoever
        // wants to write waits.
        let held = store.hold("UPDATE shop_heads SET next_id = next_id").await;
        let change = impatient.change_status(&bought.name, &world.status("processing"));
        let change = tokio::spawn(async move { change.send().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(status_id(&read(&world).await.unwrap().order.unwrap()), "not-processed");
        assert!(!change.is_finished());
        drop(held);
        assert_eq!(status_id(&change.await.unwrap().unwrap().order.unwrap()), "processing");
        return;
    }
    let database = store.database.as_ref().unwrap();
    database.allow_connections(false).await;
    let refusal = refused(read(&world).await, Code::Unavailable);
    assert!(refusal.retry_after.is_some() && refusal.is_retryable());
    let change = impatient.change_status(&bought.name, &world.status("processing")).send().await;
    refused(change, Code::Unavailable);
    eventually("health says so", async || {
        let status = health::status(world.server.port, "orders.v1.OrderService").await;
        (status == Some(health::NOT_SERVING)).then_some(())
    })
    .await;
    let catalogue = health::status(world.server.port, "orders.v1.RefusalService").await;
    assert_eq!(catalogue, Some(health::SERVING), "the catalogue needs no database");
    database.allow_connections(true).await;
    world.server.serving().await;
    assert_eq!(read(&world).await.unwrap().order.unwrap().number, 1001);
    world.complete(&bought.name).await.unwrap();
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
}
