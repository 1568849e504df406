//! Changes the integrations of a shop within its turn.

use super::desk::Desk;
use crate::shops::Shop;
use crate::store::facts::Provider;
use crate::store::rows::IntegrationRow;

impl Desk {
    /// Stores an integration as it is now, makes it the shop's, and has what waits for it taken up.
    pub(crate) fn put_integration(&mut self, row: IntegrationRow) {
        let shop_id = self.shop.row.shop_id;
        self.changes.integrations.retain(|other| other.slug != row.slug);
        self.changes.integrations.push(row.clone());
        self.changes.hastened.push(Provider { shop_id, name: row.slug.clone() });
        let mut shop = Shop::clone(&self.shop);
        shop.put_integration(row);
        self.replace_shop(shop);
    }
}
