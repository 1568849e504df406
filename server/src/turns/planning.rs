//! The effects of a shop's work during a turn: planned, hastened, and taken out of the queue.

use order_rules::decision::PlannedEffect;
use order_rules::effects::EffectState;

use super::desk::Desk;
use super::record;
use crate::store::rows::EffectRow;
use crate::terms::effect_state_stored;

impl Desk {
    /// The effects on payments that a decision has planned. Each is of a payment that the decision is
    /// about.
    pub(super) fn put_effects(&mut self, planned: Vec<PlannedEffect>) {
        for PlannedEffect { payment, operation, due_at } in planned {
            let Some(payment) = self.payments.get(&payment.0) else {
                self.note_defect("an effect is planned for a payment that is not there");
                continue;
            };
            let window = payment.capabilities.key_window;
            let shop_id = self.shop.row.shop_id;
            let row = record::effect(shop_id, payment, &operation, (due_at, window));
            self.put_effect(operation.id, row);
        }
    }

    pub(crate) fn put_effect(&mut self, operation: i64, row: EffectRow) {
        self.effects.insert(operation, row);
        self.changed_effects.insert(operation);
    }

    /// Whether this turn has planned the effect of an operation.
    pub(crate) fn is_planned(&self, operation: i64) -> bool {
        self.changed_effects.contains(&operation)
    }

    /// Ends the life of an effect in the queue.
    pub(crate) fn finish_effect(&mut self, operation: i64, state: EffectState) {
        if let Some(effect) = self.effects.get_mut(&operation) {
            effect.state = effect_state_stored(state);
            effect.lease_owner = None;
            effect.lease_until = None;
            self.changed_effects.insert(operation);
        }
    }

    /// Has an effect taken up now, with the key it has, unless it is under way already.
    pub(crate) fn hasten_effect(&mut self, operation: i64) {
        let now = self.now.0;
        if let Some(effect) = self.effects.get_mut(&operation)
            && effect.due_at > now
        {
            effect.due_at = now;
            self.changed_effects.insert(operation);
        }
    }
}
