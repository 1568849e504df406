//! Lets the one method that takes files take more bytes than all others.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tower::Service;

use super::order_service::Orders;
use super::stubs::order_service_server::OrderServiceServer;

/// The service of orders twice, with two bounds on what it reads.
#[derive(Clone)]
pub(super) struct BoundedOrders {
    pub(super) ordinary: OrderServiceServer<Orders>,
    pub(super) with_files: OrderServiceServer<Orders>,
}

const WITH_FILES: &str = "/orders.v1.OrderService/AddOrderNote";

/// Whether the method of this path takes files.
pub(super) fn takes_files(path: &str) -> bool {
    path == WITH_FILES
}

impl NamedService for BoundedOrders {
    const NAME: &'static str = <OrderServiceServer<Orders> as NamedService>::NAME;
}

impl Service<Request<Body>> for BoundedOrders {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if takes_files(request.uri().path()) {
            self.with_files.call(request)
        } else {
            self.ordinary.call(request)
        }
    }
}
