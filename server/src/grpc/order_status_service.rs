//! `OrderStatusService`: the statuses of a shop.

use order_proto::v1;
use tonic::{Request, Response, Status};

use super::Edge;
use super::caller::Caller;
use super::fields::envelope::Asking;
use super::fields::{names, statuses};
use super::stubs::order_status_service_server::OrderStatusService;
use crate::commands::{Command, CreateStatus, Failure, UpdateStatus};

/// Serves statuses.
#[derive(Clone)]
pub(super) struct OrderStatuses {
    edge: Edge,
}

impl OrderStatuses {
    pub(super) fn new(edge: &Edge) -> Self {
        Self { edge: edge.clone() }
    }

    /// The status as the command would make it.
    async fn foreseen(&self, asking: &Asking) -> Result<v1::OrderStatus, Failure> {
        let shop = &asking.assignment.shop;
        match &asking.assignment.command {
            Command::CreateStatus(command) => Ok(created(shop, command)),
            Command::UpdateStatus(command) => {
                let status = self.edge.reading.status(shop, &command.slug).await?;
                Ok(updated(status, command))
            }
            _ => Ok(v1::OrderStatus::default()),
        }
    }

    /// Has a command carried out, and answers the status as it is then, or would be.
    async fn changed(
        &self,
        asking: Asking,
        slug: &str,
        caller: &Caller,
    ) -> Result<(v1::OrderStatus, v1::Receipt), Failure> {
        if asking.validate_only {
            let status = self.foreseen(&asking).await?;
            let done = self.edge.carry_out(asking, caller).await?;
            return Ok((status, done.receipt));
        }
        let shop = asking.assignment.shop.clone();
        let done = self.edge.carry_out(asking, caller).await?;
        Ok((self.edge.reading.status(&shop, slug).await?, done.receipt))
    }
}

#[tonic::async_trait]
impl OrderStatusService for OrderStatuses {
    async fn list_order_statuses(
        &self,
        request: Request<v1::ListOrderStatusesRequest>,
    ) -> Result<Response<v1::ListOrderStatusesResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let shop = statuses::list_statuses(request)?;
            let order_statuses = self.edge.reading.statuses(&shop).await?;
            Ok(v1::ListOrderStatusesResponse { order_statuses })
        };
        caller.reply(outcome.await)
    }

    async fn get_order_status(
        &self,
        request: Request<v1::GetOrderStatusRequest>,
    ) -> Result<Response<v1::GetOrderStatusResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let name = statuses::get_status(request)?;
            let status = self.edge.reading.status(&name.shop, &name.part).await?;
            Ok(v1::GetOrderStatusResponse { order_status: Some(status) })
        };
        caller.reply(outcome.await)
    }

    async fn create_order_status(
        &self,
        request: Request<v1::CreateOrderStatusRequest>,
    ) -> Result<Response<v1::CreateOrderStatusResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let slug = request.order_status_id.clone();
            let asking = statuses::create_status(request, &caller)?;
            let (status, receipt) = self.changed(asking, &slug, &caller).await?;
            Ok(v1::CreateOrderStatusResponse { order_status: Some(status), receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn update_order_status(
        &self,
        request: Request<v1::UpdateOrderStatusRequest>,
    ) -> Result<Response<v1::UpdateOrderStatusResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = statuses::update_status(request, &caller)?;
            let slug = match &asking.assignment.command {
                Command::UpdateStatus(command) => command.slug.clone(),
                _ => String::new(),
            };
            let (status, receipt) = self.changed(asking, &slug, &caller).await?;
            Ok(v1::UpdateOrderStatusResponse { order_status: Some(status), receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn delete_order_status(
        &self,
        request: Request<v1::DeleteOrderStatusRequest>,
    ) -> Result<Response<v1::DeleteOrderStatusResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = statuses::delete_status(request, &caller)?;
            let done = self.edge.carry_out(asking, &caller).await?;
            Ok(v1::DeleteOrderStatusResponse { receipt: Some(done.receipt) })
        };
        caller.reply(outcome.await)
    }
}

fn created(shop: &str, command: &CreateStatus) -> v1::OrderStatus {
    v1::OrderStatus {
        name: names::status_name(shop, &command.slug),
        tag: command.tag.into(),
        admin_names: command.admin_names.clone(),
        customer_names: command.customer_names.clone(),
        position: command.position,
        etag: String::new(),
        order_count: 0,
    }
}

fn updated(status: v1::OrderStatus, command: &UpdateStatus) -> v1::OrderStatus {
    v1::OrderStatus {
        tag: command.tag.map_or(status.tag, Into::into),
        admin_names: command.admin_names.clone().unwrap_or(status.admin_names),
        customer_names: command.customer_names.clone().unwrap_or(status.customer_names),
        position: command.position.unwrap_or(status.position),
        ..status
    }
}
