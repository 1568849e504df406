//! `EditOrder`: changes, adds and removes lines (§5).

use order_rules::editing;
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::{Answer, EditOrder};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl EditOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
        let skus = self.edit.added.iter().map(|line| line.sku.clone());
        needs.skus.extend(skus.filter(|sku| !sku.is_empty()));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        decide(desk, self.number, |facts, ids| editing::edit(facts, &self.edit, ids, now))
    }
}
