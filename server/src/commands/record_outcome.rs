//! `RecordOutcome`: what the outside world said about an effect comes into the log (§2, §11).

use order_rules::changing::{self, Outcome};
use order_rules::effects::EffectState;
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::{Answer, RecordOutcome};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl RecordOutcome {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        // A result under another attempt than the one that is out is noted and not applied: whoever
        // has the effect now will find out. One that comes when all is decided, maybe by a person, is
        // evidence.
        let is_overtaken =
            desk.effects.get(&self.operation).is_some_and(|effect| effect.attempt != self.attempt);
        if is_overtaken {
            desk.note_late(self.number, self.operation, &self.outcome);
            return Ok(desk.answer(Some(self.number)));
        }
        let now = desk.now;
        match &self.outcome {
            Outcome::Succeeded { .. } | Outcome::FoundDone { .. } => {
                desk.finish_effect(self.operation, EffectState::Done);
            }
            Outcome::Declined { .. } => desk.finish_effect(self.operation, EffectState::Declined),
            Outcome::Accepted
            | Outcome::Held { .. }
            | Outcome::Unknown { .. }
            | Outcome::Reversed { .. } => {}
        }
        decide(desk, self.number, |facts, ids| {
            Ok(changing::record(facts, self.operation, &self.outcome, ids, now))
        })
    }
}
