//! `PrintOrderLabel`, and what became of labels and prints (§2.2, §6.1).

use order_proto::v1;
use order_rules::decision::{Decision, Ids};
use order_rules::effects::EffectState;
use order_rules::labels::{self, Asked, LabelFacts, LabelOutcome};
use order_rules::refusals::Refusal;

use super::{Answer, plan_of};
use crate::labels::missing_of;
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

#[derive(Clone, Debug)]
pub(crate) struct PrintLabel {
    pub number: i64,
    pub etag: Option<String>,
    pub asked: labels::PrintLabel,
}

/// What became of a label or a print, under the attempt that found out.
#[derive(Clone, Debug)]
pub(crate) struct RecordLabel {
    pub number: i64,
    /// The label or print within the shop.
    pub about: i64,
    /// A result under an older attempt is not applied.
    pub attempt: i32,
    pub outcome: LabelOutcome,
}

impl PrintLabel {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let personal = desk.orders.get(&self.number).map(|file| file.extra.personal_part());
        let missing = missing_of(&personal.unwrap_or_default());
        let facts =
            LabelFacts { rules: desk.shop.rulebook.labels.as_ref(), missing: missing.as_slice() };
        let mut ids = desk.ids();
        let Asked { decision, hastened } =
            labels::print(&case, facts, &self.asked, &mut ids, desk.now)?;
        let plan = apply(desk, decision, &ids);
        if let Some(label) = hastened {
            desk.hasten_effect(label);
        }
        let is_waiting =
            desk.orders.get(&self.number).is_some_and(|file| labels::awaits(&file.order));
        Ok(Answer { plan, is_waiting, ..desk.answer(Some(self.number)) })
    }
}

impl RecordLabel {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        // A result under another attempt than the one that is out is not applied: whoever has the
        // effect now will find out. One that comes when all is decided is evidence. That nobody knows
        // of a label is told once and true under any attempt, as long as it is open.
        let is_label = case.order.labels.iter().any(|label| label.id == self.about);
        let is_true_anyway = is_label && matches!(self.outcome, LabelOutcome::Unknown { .. });
        let is_overtaken = !is_true_anyway
            && desk.effects.get(&self.about).is_some_and(|effect| effect.attempt != self.attempt);
        if is_overtaken {
            return Ok(desk.answer(Some(self.number)));
        }
        match &self.outcome {
            LabelOutcome::Made(_) | LabelOutcome::Printed => {
                desk.finish_effect(self.about, EffectState::Done);
            }
            LabelOutcome::Declined { .. } => desk.finish_effect(self.about, EffectState::Declined),
            LabelOutcome::Held { .. } | LabelOutcome::Unknown { .. } => {}
        }
        let mut ids = desk.ids();
        let decision = labels::record(&case, self.about, &self.outcome, &mut ids, desk.now);
        apply(desk, decision, &ids);
        Ok(desk.answer(Some(self.number)))
    }
}

/// Makes a decision about labels the truth.
fn apply(desk: &mut Desk, decision: Decision, ids: &Ids) -> Vec<v1::PlannedEffect> {
    let plan = plan_of(&decision);
    desk.apply(decision, ids);
    plan
}
