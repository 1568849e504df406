//! A server and a client on loopback: limits, deadlines, panics, and a stop that ends.

use order_proto::v1::GetRefusalRequest;
use order_proto::v1::refusal_service_client::RefusalServiceClient;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::*;
use crate::grpc::REQUEST_BYTES_MAX;
use crate::grpc::guard::tests::obedient;
use crate::grpc::health::Health;

struct Served {
    address: SocketAddr,
    client: RefusalServiceClient<Channel>,
    stop: CancellationToken,
    health: Health,
    serving: JoinHandle<()>,
}

async fn served(drain: Duration) -> Served {
    let listener = bind("127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, health) = (CancellationToken::new(), Health::new());
    let routes = obedient().add_service(health.server()).prepare();
    let serving = tokio::spawn(serve(listener, routes, stop.clone(), drain));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    Served { address, client: RefusalServiceClient::new(channel), stop, health, serving }
}

impl Served {
    async fn ask(&mut self, name: &str) -> Result<(), Status> {
        let request = GetRefusalRequest { name: name.to_owned() };
        self.client.get_refusal(request).await.map(drop)
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_panic_ends_only_its_own_call() {
    let mut served = served(Duration::ZERO).await;
    let status = served.ask("panic").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));
    assert!(!status.message().contains("as asked"));
    served.ask("answer").await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_too_large_is_told_so() {
    let mut served = served(Duration::ZERO).await;
    for bytes in [REQUEST_BYTES_MAX + 1, 5_000_000] {
        let status = served.ask(&"x".repeat(bytes)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{bytes}: {status:?}");
        assert_eq!(reason(&status), "INVALID_REQUEST");
        assert!(status.message().contains("larger than 1 MiB"), "{}", status.message());
    }
    served.ask(&"x".repeat(REQUEST_BYTES_MAX - 10)).await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_calls_finish_and_turns_others_away() {
    let mut served = served(Duration::from_secs(10)).await;
    served.ask("answer").await.unwrap();
    served.stop.cancel();
    served.serving.await.unwrap();
    let other = Channel::from_shared(format!("http://{}", served.address)).unwrap();
    assert!(other.connect().await.is_err());
}

#[tokio::test]
async fn a_stop_is_bounded_by_its_time_whatever_is_open() {
    let mut served = served(Duration::from_millis(100)).await;
    let mut client = served.client.clone();
    let hanging = tokio::spawn(async move {
        client.get_refusal(GetRefusalRequest { name: "sleep".to_owned() }).await
    });
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    silent.write_all(b"PRI").await.unwrap();
    served.ask("answer").await.unwrap();
    served.stop.cancel();
    let bound = Duration::from_secs(20);
    timeout(bound, served.serving).await.expect("the stop ends").unwrap();
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn watchers_of_the_health_do_not_hold_up_a_stop() {
    use tokio_stream::StreamExt as _;

    let served = served(Duration::from_secs(60)).await;
    let channel = Channel::from_shared(format!("http://{}", served.address)).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    client.ready().await.unwrap();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
    let codec = tonic_prost::ProstCodec::<String, i32>::default();
    let request = Request::new(String::new());
    let mut told = client.server_streaming(request, path, codec).await.unwrap().into_inner();
    told.next().await.unwrap().unwrap();
    served.health.drain();
    served.stop.cancel();
    timeout(Duration::from_secs(20), served.serving).await.expect("the stop ends").unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_told_in_one_line() {
    let served = served(Duration::ZERO).await;
    let line = bind(served.address, "--listen").await.unwrap_err();
    assert!(line.contains("is in use") && !line.contains('\n'), "{line}");
}
