//! `ResolveDuplicate` and `DismissDuplicate` (7.5, 7.6): decisions over several orders in one turn.

use order_proto::v1;
use order_rules::changing::ChangingFacts;
use order_rules::decision::{Case, TwinStep};
use order_rules::order::{OrderNumber, StatusId};
use order_rules::refusals::{Code, Refusal};
use order_rules::resolving;

use super::change_status::decide;
use super::create_order::resume_others;
use super::foreseeing::{foresee, is_beside_money};
use super::{Answer, DismissDuplicate, ResolveDuplicate, plan_of};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl ResolveDuplicate {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.keep));
        needs.orders.extend(self.drop.iter().map(|&number| key(shop_id, number)));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let drop: Vec<Case> =
            self.drop.iter().map(|&number| desk.case(number)).collect::<Result<_, _>>()?;
        desk.case(self.keep)?;
        self.drop.iter().try_for_each(|&number| desk.check_not_deleted(number))?;
        desk.check_etag(self.keep, self.etag.as_deref())?;
        let complete_as = match &self.complete_keep_as {
            Some(slug) => Some(status(desk, slug)?),
            None => None,
        };
        let command =
            resolving::ResolveDuplicate { drop: &drop, restock: self.restock, complete_as };
        let now = desk.now;
        decide(desk, self.keep, |facts, ids| resolving::resolve(facts, &command, ids, now))
    }

    /// Everything the resolution makes the outside world do if all of it succeeds, in order; `begun` is
    /// what it did at once. Lives it on this desk, which is of no use afterwards.
    pub(crate) fn whole_plan(
        &self,
        desk: &mut Desk,
        begun: Vec<v1::PlannedEffect>,
    ) -> Vec<v1::PlannedEffect> {
        let orders: Vec<i64> =
            std::iter::once(self.keep).chain(self.drop.iter().copied()).collect();
        let mut plan: Vec<v1::PlannedEffect> = begun.into_iter().filter(is_beside_money).collect();
        plan.extend(foresee(desk, &orders).into_iter().map(|(_, effect)| effect));
        plan
    }
}

impl DismissDuplicate {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.extend([key(shop_id, self.number), key(shop_id, self.other)]);
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.case(self.other)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let other = OrderNumber(self.other);
        decide(desk, self.number, |facts, _| resolving::dismiss(facts.case, other))
    }
}

/// Carries out what a decision means for twins, one after the other, and lets the orders on their
/// payments go on. What that makes the outside world do is added to the plan.
pub(super) fn follow_twins(
    desk: &mut Desk,
    steps: Vec<TwinStep>,
    plan: &mut Vec<v1::PlannedEffect>,
    others: &mut Vec<OrderNumber>,
) {
    for step in steps {
        let Ok(case) = desk.case(step.twin.0) else { continue };
        let mut ids = desk.ids();
        let shop = desk.shop.clone();
        let facts = ChangingFacts {
            case: &case,
            statuses: &shop.statuses,
            rulebook: &shop.rulebook,
            items: &desk.items,
        };
        let decision = resolving::follow(&facts, &step, &mut ids, desk.now);
        if decision.is_noop() {
            continue;
        }
        plan.extend(plan_of(&decision));
        desk.apply(decision, &ids);
        others.push(step.twin);
        resume_others(desk, step.twin.0, plan, others);
    }
}

fn status(desk: &Desk, slug: &str) -> Result<StatusId, Refusal> {
    let row = desk.shop.status_meant(slug);
    row.map(|row| StatusId(row.status_id)).ok_or_else(|| {
        Refusal::new(Code::StatusNotFound).with("status", desk.shop.status_name(slug))
    })
}
