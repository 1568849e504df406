//! Reads the systems outside that a shop works with.

use std::sync::Arc;

use order_proto::v1;
use order_rules::refusals::{Code, Refusal};

use super::Reading;
use crate::commands::Failure;
use crate::shops::{Integration, Shop};

impl Reading {
    /// The integrations of a shop by name.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`.
    pub(crate) async fn integrations(&self, shop: &str) -> Result<Vec<v1::Integration>, Failure> {
        let shop = self.fresh_shop(shop).await?;
        Ok(shop.integrations.iter().map(|one| one.message(&shop)).collect())
    }

    /// One integration as it goes out.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `INTEGRATION_NOT_FOUND`.
    pub(crate) async fn integration_message(
        &self,
        shop: &str,
        slug: &str,
    ) -> Result<v1::Integration, Failure> {
        let (shop, integration) = self.integration(shop, slug).await?;
        Ok(integration.message(&shop))
    }

    /// One integration of a shop as it is stored.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `INTEGRATION_NOT_FOUND`.
    pub(crate) async fn integration(
        &self,
        shop: &str,
        slug: &str,
    ) -> Result<(Arc<Shop>, Integration), Failure> {
        let shop = self.fresh_shop(shop).await?;
        let found = shop.integration(slug).cloned();
        let found = found.ok_or_else(|| {
            let name = shop.integration_name(slug);
            Refusal::new(Code::IntegrationNotFound).with("integration", name)
        })?;
        Ok((shop, found))
    }
}
