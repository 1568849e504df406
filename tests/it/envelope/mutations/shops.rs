//! Commands about a shop: its statuses, integrations, settings and stock.

use order_sdk::Error;
use order_sdk::proto::{self, Receipt, StatusTag};

use super::{Asked, Stage};
use crate::harness::mask;

impl Stage {
    pub(super) async fn create_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut status = proto::OrderStatus::default();
        status.set_tag(StatusTag::Completed);
        let name = if asked.is_other { "Levert" } else { "Avsluttet" };
        status.admin_names.insert("nb".to_owned(), name.to_owned());
        let request = proto::CreateOrderStatusRequest {
            parent: (&self.world.shop).into(),
            order_status_id: "done".to_owned(),
            order_status: Some(status),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_order_status(request).await?.receipt)
    }

    pub(super) fn status_update(
        &self,
        position: i32,
        asked: &Asked,
    ) -> proto::UpdateOrderStatusRequest {
        let name = self.world.status("returned").into();
        proto::UpdateOrderStatusRequest {
            order_status: Some(proto::OrderStatus {
                name,
                position,
                ..proto::OrderStatus::default()
            }),
            update_mask: Some(mask(&["position"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        }
    }

    pub(super) async fn update_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = self.status_update(if asked.is_other { 9 } else { 8 }, asked);
        Ok(self.world.client.update_order_status(request).await?.receipt)
    }

    pub(super) async fn delete_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let replacement =
            if asked.is_other { self.world.status("processing").into() } else { String::new() };
        let request = proto::DeleteOrderStatusRequest {
            name: self.world.status("returned").into(),
            replacement,
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.delete_order_status(request).await?.receipt)
    }

    pub(super) async fn create_integration(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let system = proto::integration::System::Sandbox(proto::SandboxIntegration {});
        let request = proto::CreateIntegrationRequest {
            parent: (&self.world.shop).into(),
            integration_id: "giftcard".to_owned(),
            integration: Some(proto::Integration {
                system: Some(system),
                disabled: asked.is_other,
                ..proto::Integration::default()
            }),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_integration(request).await?.receipt)
    }

    pub(super) async fn update_integration(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let name = self.world.shop.integration("vipps").unwrap().into();
        let integration =
            proto::Integration { name, disabled: !asked.is_other, ..proto::Integration::default() };
        let request = proto::UpdateIntegrationRequest {
            integration: Some(integration),
            update_mask: Some(mask(&["disabled"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.update_integration(request).await?.receipt)
    }

    pub(super) async fn create_shop(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let display_name = if asked.is_other { "Den andre" } else { "Den ene" }.to_owned();
        let request = proto::CreateShopRequest {
            shop_id: self.new_shop.clone(),
            shop: Some(proto::Shop { display_name, ..proto::Shop::default() }),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_shop(request).await?.receipt)
    }

    pub(super) async fn update_shop(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let display_name = if asked.is_other { "Nytt navn" } else { "Nytt" }.to_owned();
        let name = (&self.world.shop).into();
        let request = proto::UpdateShopRequest {
            shop: Some(proto::Shop { name, display_name, ..proto::Shop::default() }),
            update_mask: Some(mask(&["display_name"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.update_shop(request).await?.receipt)
    }

    pub(super) async fn create_item(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::CreateStockItemRequest {
            parent: (&self.world.shop).into(),
            sku: "BOWL".to_owned(),
            on_hand_quantity: if asked.is_other { 5 } else { 4 },
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_stock_item(request).await?.receipt)
    }

    pub(super) async fn adjust(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::AdjustStockRequest {
            name: self.world.shop.stock_item("CUP").unwrap().into(),
            delta_quantity: if asked.is_other { -1 } else { 1 },
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.adjust_stock(request).await?.receipt)
    }
}
