//! Ceiling of a call: a tonic server that answers every call with the same stored bytes.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::task::{Context, Poll};

use prost::bytes::{Buf, BufMut, Bytes};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

use crate::Result;
use crate::server::{self, Running};

/// Stands where the order service stands, so that the same client calls it.
#[derive(Clone)]
struct Answering(Bytes);

/// Messages as they are: nothing is encoded or decoded.
#[derive(Clone, Copy, Default)]
struct Raw;

/// Starts this program as a child that answers with these bytes.
///
/// # Errors
/// It does not start.
pub(crate) async fn start(folder: &Path, answer: &[u8]) -> Result<Running> {
    let file = folder.join("answer.bin");
    std::fs::write(&file, answer)?;
    let port = server::free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["answer", "--port", &port.to_string(), "--file"]).arg(&file);
    let mut running = Running::start(&mut command, port, folder.join("answer.log"))?;
    running.listening().await?;
    Ok(running)
}

/// Answers every call of the order service with the bytes of the file, until the process ends.
///
/// # Errors
/// The file cannot be read, the port is taken.
pub(crate) async fn serve(port: u16, file: &Path) -> Result<()> {
    let answering = Answering(Bytes::from(std::fs::read(file)?));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(tonic::transport::Server::builder().add_service(answering).serve(address).await?)
}

impl NamedService for Answering {
    const NAME: &'static str = "orders.v1.OrderService";
}

impl Service<http::Request<Body>> for Answering {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answering = self.clone();
        Box::pin(async move { Ok(Grpc::new(Raw).unary(answering, request).await) })
    }
}

impl UnaryService<Bytes> for Answering {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let answer = self.0.clone();
        Box::pin(async move { Ok(Response::new(answer)) })
    }
}

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> std::result::Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> std::result::Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use order_proto::v1::order_service_client::OrderServiceClient;
    use order_proto::v1::{GetOrderRequest, GetOrderResponse, Order};
    use prost::Message;

    use super::*;

    #[tokio::test]
    async fn every_call_gets_the_stored_bytes() {
        let order = Order { name: "shops/a/orders/1".to_owned(), ..Order::default() };
        let stored = GetOrderResponse { order: Some(order) };
        let file = std::env::temp_dir().join(format!("order-bench-answer-{}", std::process::id()));
        std::fs::write(&file, stored.encode_to_vec()).unwrap();
        let port = server::free_port().unwrap();
        let path = file.clone();
        tokio::spawn(async move { serve(port, &path).await });
        let url = format!("http://127.0.0.1:{port}");
        let mut client = loop {
            match OrderServiceClient::connect(url.clone()).await {
                Ok(client) => break client,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let answer = client.get_order(GetOrderRequest::default()).await.unwrap();
        assert_eq!(answer.into_inner(), stored);
        std::fs::remove_file(file).unwrap();
    }
}
