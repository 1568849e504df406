//! A server for tests that answers what it was told to, and remembers what it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use futures_util::future::{self, BoxFuture};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{Context, Poll, Service, http};
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::client::OrderClient;
use crate::connection::ClientBuilder;
use crate::proto;

/// What one stream says, and how it ends.
pub(crate) struct Leg {
    pub(crate) messages: Vec<proto::WatchOrdersResponse>,
    pub(crate) end: End,
}

pub(crate) enum End {
    Close,
    Fail(Status),
    Silence,
}

/// What the server answers next, and what it was asked so far.
#[derive(Clone, Default)]
pub(crate) struct Script {
    legs: Arc<Mutex<VecDeque<Leg>>>,
    answers: Arc<Mutex<VecDeque<Result<proto::CreateOrderResponse, Status>>>>,
    watches: Arc<Mutex<Vec<proto::WatchOrdersRequest>>>,
    commands: Arc<Mutex<Vec<(MetadataMap, proto::CreateOrderRequest)>>>,
}

impl Script {
    /// One leg per stream asked for; afterwards streams fail for good.
    pub(crate) fn watching(legs: impl IntoIterator<Item = Leg>) -> Self {
        Self { legs: Arc::new(Mutex::new(legs.into_iter().collect())), ..Self::default() }
    }

    /// One answer per attempt to place an order; afterwards attempts fail for good.
    pub(crate) fn placing(
        answers: impl IntoIterator<Item = Result<proto::CreateOrderResponse, Status>>,
    ) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    pub(crate) fn watches(&self) -> Vec<proto::WatchOrdersRequest> {
        self.watches.lock().expect("no panic").clone()
    }

    pub(crate) fn commands(&self) -> Vec<(MetadataMap, proto::CreateOrderRequest)> {
        self.commands.lock().expect("no panic").clone()
    }

    /// Serves on a free port until the test's runtime ends; the client comes as set up here.
    pub(crate) async fn serve(&self, builder: ClientBuilder) -> OrderClient {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = Server::builder().add_service(self.clone());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        builder.endpoint(format!("http://{address}")).connect().await.expect("a server")
    }
}

impl NamedService for Script {
    const NAME: &'static str = "orders.v1.OrderService";
}

impl Service<http::Request<Body>> for Script {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let script = self.clone();
        Box::pin(async move {
            Ok(if request.uri().path().ends_with("/WatchOrders") {
                Grpc::new(ProstCodec::default()).server_streaming(script, request).await
            } else {
                Grpc::new(ProstCodec::default()).unary(script, request).await
            })
        })
    }
}

impl ServerStreamingService<proto::WatchOrdersRequest> for Script {
    type Response = proto::WatchOrdersResponse;
    type ResponseStream = BoxStream<'static, Result<Self::Response, Status>>;
    type Future = future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<proto::WatchOrdersRequest>) -> Self::Future {
        self.watches.lock().expect("no panic").push(request.into_inner());
        let leg = self.legs.lock().expect("no panic").pop_front();
        future::ready(leg.ok_or_else(|| Status::aborted("the script has ended")).map(|leg| {
            let messages = stream::iter(leg.messages.into_iter().map(Ok));
            Response::new(match leg.end {
                End::Close => messages.boxed(),
                End::Fail(status) => messages.chain(stream::iter([Err(status)])).boxed(),
                End::Silence => messages.chain(stream::pending()).boxed(),
            })
        }))
    }
}

impl UnaryService<proto::CreateOrderRequest> for Script {
    type Response = proto::CreateOrderResponse;
    type Future = future::Ready<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<proto::CreateOrderRequest>) -> Self::Future {
        let (metadata, _, message) = request.into_parts();
        self.commands.lock().expect("no panic").push((metadata, message));
        let answer = self.answers.lock().expect("no panic").pop_front();
        let ended = || Err(Status::aborted("the script has ended"));
        future::ready(answer.unwrap_or_else(ended).map(Response::new))
    }
}
