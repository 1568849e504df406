//! `StockService`: what is on hand, and why it changed.

use order_proto::v1;
use tonic::{Request, Response, Status};

use super::Edge;
use super::caller::Caller;
use super::fields::envelope::Asking;
use super::fields::{names, stock};
use super::stubs::stock_service_server::StockService;
use crate::commands::{Command, Failure};

/// Serves stock.
#[derive(Clone)]
pub(super) struct Stock {
    edge: Edge,
}

impl Stock {
    pub(super) fn new(edge: &Edge) -> Self {
        Self { edge: edge.clone() }
    }

    /// The item as the command would make it.
    async fn foreseen(&self, asking: &Asking) -> Result<v1::StockItem, Failure> {
        let shop = &asking.assignment.shop;
        match &asking.assignment.command {
            Command::CreateStockItem(command) => Ok(v1::StockItem {
                name: names::stock_item_name(shop, &command.sku),
                sku: command.sku.clone(),
                on_hand_quantity: command.on_hand,
                update_time: None,
            }),
            Command::AdjustStock(command) => {
                let item = self.edge.reading.stock_item(shop, &command.sku).await?;
                let on_hand_quantity = item.on_hand_quantity.saturating_add(command.delta);
                Ok(v1::StockItem { on_hand_quantity, ..item })
            }
            _ => Ok(v1::StockItem::default()),
        }
    }

    /// Has a command carried out, and answers the item as it is then, or would be.
    async fn changed(
        &self,
        asking: Asking,
        caller: &Caller,
    ) -> Result<(v1::StockItem, v1::Receipt), Failure> {
        let shop = asking.assignment.shop.clone();
        let sku = match &asking.assignment.command {
            Command::CreateStockItem(command) => command.sku.clone(),
            Command::AdjustStock(command) => command.sku.clone(),
            _ => String::new(),
        };
        let foreseen =
            if asking.validate_only { Some(self.foreseen(&asking).await?) } else { None };
        let done = self.edge.carry_out(asking, caller).await?;
        let item = match foreseen {
            Some(item) => item,
            None => self.edge.reading.stock_item(&shop, &sku).await?,
        };
        Ok((item, done.receipt))
    }
}

#[tonic::async_trait]
impl StockService for Stock {
    async fn list_stock_items(
        &self,
        request: Request<v1::ListStockItemsRequest>,
    ) -> Result<Response<v1::ListStockItemsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let page = stock::list_stock_items(request)?;
            let (stock_items, next) = self.edge.reading.stock_items(page).await?;
            let next_page_token = next.unwrap_or_default();
            Ok(v1::ListStockItemsResponse { stock_items, next_page_token })
        };
        caller.reply(outcome.await)
    }

    async fn get_stock_item(
        &self,
        request: Request<v1::GetStockItemRequest>,
    ) -> Result<Response<v1::GetStockItemResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let name = stock::get_stock_item(request)?;
            let item = self.edge.reading.stock_item(&name.shop, &name.part).await?;
            Ok(v1::GetStockItemResponse { stock_item: Some(item) })
        };
        caller.reply(outcome.await)
    }

    async fn create_stock_item(
        &self,
        request: Request<v1::CreateStockItemRequest>,
    ) -> Result<Response<v1::CreateStockItemResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = stock::create_stock_item(request, &caller)?;
            let (item, receipt) = self.changed(asking, &caller).await?;
            Ok(v1::CreateStockItemResponse { stock_item: Some(item), receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn adjust_stock(
        &self,
        request: Request<v1::AdjustStockRequest>,
    ) -> Result<Response<v1::AdjustStockResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = stock::adjust_stock(request, &caller)?;
            let (item, receipt) = self.changed(asking, &caller).await?;
            Ok(v1::AdjustStockResponse { stock_item: Some(item), receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn list_stock_movements(
        &self,
        request: Request<v1::ListStockMovementsRequest>,
    ) -> Result<Response<v1::ListStockMovementsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let page = stock::list_stock_movements(request)?;
            let (movements, next) = self.edge.reading.stock_movements(page).await?;
            let next_page_token = next.unwrap_or_default();
            Ok(v1::ListStockMovementsResponse { movements, next_page_token })
        };
        caller.reply(outcome.await)
    }
}
