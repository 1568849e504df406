//! Changes a shop itself within its turn: its settings, statuses and integrations.

use super::desk::Desk;
use crate::shops::Shop;
use crate::store::facts::Provider;
use crate::store::rows::{IntegrationRow, StatusRow};

impl Desk {
    /// Stores a status as it is now.
    pub(crate) fn put_status(&mut self, row: StatusRow) {
        self.changes.statuses.retain(|other| other.status_id != row.status_id);
        self.changes.statuses.push(row);
    }

    /// Makes changed statuses those of the shop.
    pub(crate) fn put_shop_statuses(&mut self, mut shop: Shop) {
        shop.status_rows.sort_by_key(|row| (row.position, row.status_id));
        self.replace_shop(shop);
    }

    /// Makes changed settings those of the shop, and stores them.
    pub(crate) fn put_shop(&mut self, mut shop: Shop) {
        shop.row.revision = self.next_revision();
        self.changes.shops = vec![shop.row.clone()];
        self.replace_shop(shop);
    }

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
