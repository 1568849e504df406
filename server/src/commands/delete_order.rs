//! `DeleteOrder`: an order goes, its number and history stay (§8).

use order_rules::deleting;
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::{Answer, DeleteOrder};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl DeleteOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        decide(desk, self.number, |facts, ids| deleting::delete(facts, self.restock, ids, now))
    }
}
