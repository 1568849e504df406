//! `ShopService`: shops and their settings.

use order_proto::v1;
use tonic::{Request, Response, Status};

use super::Edge;
use super::caller::Caller;
use super::fields::envelope::Asking;
use super::fields::shops;
use super::stubs::shop_service_server::ShopService;
use crate::commands::{Command, Failure, UpdateShop};
use crate::shops::{assign, with_defaults};

/// Serves shops.
#[derive(Clone)]
pub(super) struct Shops {
    edge: Edge,
}

impl Shops {
    pub(super) fn new(edge: &Edge) -> Self {
        Self { edge: edge.clone() }
    }

    /// The shop as the command would make it.
    async fn foreseen(&self, asking: &Asking) -> Result<v1::Shop, Failure> {
        let shop = self.edge.reading.shop(&asking.assignment.shop).await?;
        match &asking.assignment.command {
            Command::UpdateShop(command) => Ok(updated(shop, command)),
            _ => Ok(shop),
        }
    }
}

#[tonic::async_trait]
impl ShopService for Shops {
    async fn list_shops(
        &self,
        request: Request<v1::ListShopsRequest>,
    ) -> Result<Response<v1::ListShopsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let (shops, next) = self.edge.reading.shops(shops::list_shops(request)?).await?;
            Ok(v1::ListShopsResponse { shops, next_page_token: next.unwrap_or_default() })
        };
        caller.reply(outcome.await)
    }

    async fn get_shop(
        &self,
        request: Request<v1::GetShopRequest>,
    ) -> Result<Response<v1::GetShopResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let shop = self.edge.reading.shop(&shops::get_shop(request)?).await?;
            Ok(v1::GetShopResponse { shop: Some(shop) })
        };
        caller.reply(outcome.await)
    }

    async fn create_shop(
        &self,
        request: Request<v1::CreateShopRequest>,
    ) -> Result<Response<v1::CreateShopResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let shops::CreatingShop { command, validate_only } =
                shops::create_shop(request, &caller)?;
            let (slug, request_id) = (command.slug.clone(), command.caller.request_id);
            let foreseen =
                shops::shop_of(&command, with_defaults(&command.slug, command.settings.clone()));
            let answer = self.edge.turns.create_shop(command, validate_only).await?;
            let shop = match validate_only {
                true => foreseen,
                false => self.edge.reading.shop(&slug).await?,
            };
            let receipt = v1::Receipt {
                request_id: request_id.to_string(),
                revision: answer.revision,
                replayed: answer.replayed,
                settled: !validate_only,
                ..v1::Receipt::default()
            };
            Ok(v1::CreateShopResponse { shop: Some(shop), receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn update_shop(
        &self,
        request: Request<v1::UpdateShopRequest>,
    ) -> Result<Response<v1::UpdateShopResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = shops::update_shop(request, &caller)?;
            let (slug, validate_only) = (asking.assignment.shop.clone(), asking.validate_only);
            let foreseen = if validate_only { Some(self.foreseen(&asking).await?) } else { None };
            let done = self.edge.carry_out(asking, &caller).await?;
            let shop = match foreseen {
                Some(shop) => shop,
                None => self.edge.reading.shop(&slug).await?,
            };
            Ok(v1::UpdateShopResponse { shop: Some(shop), receipt: Some(done.receipt) })
        };
        caller.reply(outcome.await)
    }
}

fn updated(mut shop: v1::Shop, command: &UpdateShop) -> v1::Shop {
    let new = command.shop.settings.clone().unwrap_or_default();
    let settings = shop.settings.get_or_insert_default();
    for path in &command.paths {
        if path == "display_name" {
            shop.display_name.clone_from(&command.shop.display_name);
        } else {
            let _is_setting = assign(path, &new, settings);
        }
    }
    shop
}
