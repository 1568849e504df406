//! `TransferOrderToAccounting`, and what became of transfers (2.2, 4.5).

use order_rules::accounting::{self, NewTransfer, TransferForm, TransferOutcome};
use order_rules::decision::{Case, Decision, Ids};
use order_rules::effects::EffectState;
use order_rules::refusals::{Code, Refusal, Violation};

use super::{Answer, RecordTransfer, TransferOrder, plan_of};
use crate::accounting::is_accounting;
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl TransferOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
        if self.form == TransferForm::Invoice {
            needs.credits.insert(key(shop_id, self.number));
        }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let integration = self.integration(desk)?;
        let sends_mail =
            desk.shop.settings.accounting.as_ref().is_some_and(|one| one.sends_invoice_mail);
        let wanted = NewTransfer { integration, form: self.form, sends_mail };
        let sale = sale_of(desk, &case);
        let mut ids = desk.ids();
        let decision = accounting::transfer(&case, sale.as_ref(), wanted, &mut ids, desk.now)?;
        Ok(Answer { is_waiting: true, ..apply(desk, self.number, decision, &ids) })
    }

    /// Last part of the name of the integration to go to.
    fn integration(&self, desk: &Desk) -> Result<String, Refusal> {
        let Some(named) = &self.integration else {
            let default = desk.shop.accounting_integration();
            return default.ok_or_else(|| Refusal::new(Code::AccountingNotSetUp));
        };
        match desk.shop.integration(named) {
            None => Err(Refusal::new(Code::IntegrationNotFound)
                .with("integration", desk.shop.integration_name(named))),
            Some(known) if is_accounting(&known.system) => Ok(named.clone()),
            Some(_) => Err(Refusal::fields(vec![Violation {
                field: "integration".to_owned(),
                description: "is no accounting system".to_owned(),
            }])),
        }
    }
}

impl RecordTransfer {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        // A result under another attempt than the one that is out is not applied: whoever has the
        // transfer now will find out. One that comes when all is decided is evidence. That nobody
        // knows is told once and true under any attempt, as long as it is open.
        let is_overtaken = !matches!(self.outcome, TransferOutcome::Unknown { .. })
            && desk.effects.get(&self.transfer).is_some_and(|one| one.attempt != self.attempt);
        if is_overtaken {
            return Ok(desk.answer(Some(self.number)));
        }
        match &self.outcome {
            TransferOutcome::Succeeded(_) => desk.finish_effect(self.transfer, EffectState::Done),
            TransferOutcome::Declined { .. } => {
                desk.finish_effect(self.transfer, EffectState::Declined);
            }
            TransferOutcome::Held { .. } | TransferOutcome::Unknown { .. } => {}
        }
        let mut ids = desk.ids();
        let decision = accounting::record(&case, self.transfer, &self.outcome, &mut ids, desk.now);
        Ok(apply(desk, self.number, decision, &ids))
    }
}

/// The sale that a credit order credits, with its payments.
pub(super) fn sale_of(desk: &Desk, credit: &Case) -> Option<Case> {
    let original = credit.order.credit?.original;
    desk.case(original.0).ok()
}

/// Makes a decision about transfers the truth.
fn apply(desk: &mut Desk, number: i64, decision: Decision, ids: &Ids) -> Answer {
    let plan = plan_of(&decision);
    desk.apply(decision, ids);
    Answer { plan, ..desk.answer(Some(number)) }
}
