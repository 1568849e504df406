//! `DeleteOrder`: an order goes, its number and history stay (§8).

use order_proto::v1;
use order_rules::deleting;
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::foreseeing::{foresee_returns, is_beside_money};
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

    /// Everything the deletion makes the outside world do, in order; `begun` is what it did at once. On
    /// a desk where the order is deleted already and that is of no use afterwards.
    pub(crate) fn whole_plan(
        &self,
        desk: &mut Desk,
        begun: Vec<v1::PlannedEffect>,
    ) -> Vec<v1::PlannedEffect> {
        let returns = foresee_returns(desk, self.number);
        if returns.is_empty() {
            return begun;
        }
        // What has begun is among what was foreseen.
        let beside_money = begun.into_iter().filter(is_beside_money);
        beside_money.chain(returns.into_iter().map(|(_, effect)| effect)).collect()
    }
}
