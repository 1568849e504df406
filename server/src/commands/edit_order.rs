//! `EditOrder`: changes, adds and removes lines (§5).

use order_proto::v1::{self, OperationKind};
use order_rules::editing;
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::foreseeing::foresee;
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

    /// What the edit makes the outside world do, in order: `begun` at once, and what deliveries are owed
    /// when nothing is left to deliver (6.2). On a desk where the order is edited already and that is of
    /// no use afterwards.
    pub(crate) fn whole_plan(
        &self,
        desk: &mut Desk,
        begun: Vec<v1::PlannedEffect>,
    ) -> Vec<v1::PlannedEffect> {
        let later = foresee(desk, &[self.number]).into_iter().map(|(_, effect)| effect);
        let captures = later.filter(|effect| effect.kind() == OperationKind::Capture);
        begun.into_iter().chain(captures).collect()
    }
}
