//! Whether the service can be used: the health protocol, per service.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::stubs::integration_service_server::SERVICE_NAME as INTEGRATIONS;
use super::stubs::order_service_server::SERVICE_NAME as ORDERS;
use super::stubs::order_status_service_server::SERVICE_NAME as STATUSES;
use super::stubs::refusal_service_server::SERVICE_NAME as REFUSALS;
use super::stubs::shop_service_server::SERVICE_NAME as SHOPS;
use super::stubs::stock_service_server::SERVICE_NAME as STOCK;
use contract::health_check_response::ServingStatus;
use contract::health_server::{Health as Contract, HealthServer};
use contract::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};

/// The health protocol.
#[expect(
    unused_qualifications,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::too_many_lines,
    reason = "generated code"
)]
mod contract {
    tonic::include_proto!("grpc.health.v1");
}

/// The descriptor set of the health protocol.
pub(super) const DESCRIPTOR: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/health_descriptor.bin"));

/// The server as a whole.
const SERVER: &str = "";
const SERVICES: [&str; 7] = [SERVER, ORDERS, STATUSES, SHOPS, INTEGRATIONS, STOCK, REFUSALS];

/// Tells whether the service can be used; cheap to clone, all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    is_store_here: bool,
    is_draining: bool,
}

impl Health {
    /// Everything can be used.
    pub(crate) fn new() -> Self {
        let state = State { is_store_here: true, is_draining: false };
        Self { state: Arc::new(watch::Sender::new(state)) }
    }

    /// Whether the store answers.
    pub(crate) fn set_store(&self, is_here: bool) {
        self.state.send_if_modified(|state| {
            std::mem::replace(&mut state.is_store_here, is_here) != is_here
        });
    }

    /// From now on nothing new should be sent here.
    pub(crate) fn drain(&self) {
        self.state.send_modify(|state| state.is_draining = true);
    }

    pub(super) fn server(&self) -> HealthServer<Self> {
        HealthServer::new(self.clone())
    }

    fn status(&self, service: &str) -> Option<ServingStatus> {
        status_of(*self.state.borrow(), service)
    }
}

#[tonic::async_trait]
impl Contract for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match self.status(&request.get_ref().service) {
            Some(status) => Ok(Response::new(response(status))),
            None => Err(Status::not_found("there is no such service")),
        }
    }

    async fn list(
        &self,
        _request: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        let statuses = SERVICES
            .iter()
            .filter_map(|service| Some(((*service).to_owned(), response(self.status(service)?))))
            .collect::<HashMap<_, _>>();
        Ok(Response::new(HealthListResponse { statuses }))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        Ok(Response::new(Box::pin(changes(self.state.subscribe(), service))))
    }
}

/// The status of a service now and each time it changes; ends after a drain has been told.
fn changes(
    state: watch::Receiver<State>,
    service: String,
) -> impl Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static {
    unfold((state, service, None), |(mut state, service, told)| async move {
        loop {
            let current = *state.borrow_and_update();
            let status = status_of(current, &service).unwrap_or(ServingStatus::ServiceUnknown);
            if told != Some(status) {
                return Some((Ok(response(status)), (state, service, Some(status))));
            }
            if current.is_draining {
                return None;
            }
            state.changed().await.ok()?;
        }
    })
}

fn status_of(state: State, service: &str) -> Option<ServingStatus> {
    let needs_store = SERVICES.contains(&service).then_some(service != REFUSALS)?;
    let is_serving = !state.is_draining && (state.is_store_here || !needs_store);
    Some(if is_serving { ServingStatus::Serving } else { ServingStatus::NotServing })
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
