//! `DismissProblem`, `RetryEffect` and `SettlePaymentOperation` (2.5, 4.6, 11.2).

use order_proto::v1::{self, EventChange, EventKind};
use order_rules::accounting;
use order_rules::attention::{self, Verdict};
use order_rules::effects::EffectState;
use order_rules::order::OrderNumber;
use order_rules::payments::{OperationState, is_under_way};
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::transfer_order::sale_of;
use super::{Answer, DismissProblem, RetryEffect, SettleOperation, add_note, planned};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl DismissProblem {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        let answer = decide(desk, self.number, |facts, ids| {
            attention::dismiss(facts, self.problem, ids, now)
        })?;
        add_reason(desk, self.number, &self.reason);
        Ok(Answer { plan: answer.plan, is_waiting: false, ..desk.answer(Some(self.number)) })
    }
}

impl RetryEffect {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
        needs.credits.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let is_transfer = case.order.transfer(self.operation).is_some();
        if is_transfer {
            // Money is settled of an order that was deleted; nothing else is done for it.
            desk.check_not_deleted(self.number)?;
        }
        accounting::check_retry(&case, sale_of(desk, &case).as_ref(), self.operation)?;
        let now = desk.now;
        let mut hastened = None;
        let answer = decide(desk, self.number, |facts, ids| {
            let retry = attention::retry(facts, self.operation, ids, now)?;
            hastened = retry.hastened;
            Ok(retry.decision)
        })?;
        // What is asked for once more is what its caller waits for, whatever it is.
        let after = desk.case(self.number)?;
        let is_waiting = is_transfer || is_under_way(&after.order, &after.payments);
        let answer = Answer { is_waiting, ..answer };
        let Some(operation) = hastened else { return Ok(answer) };
        desk.hasten_effect(operation);
        if is_transfer {
            return Ok(answer);
        }
        // What is only looked up moves nothing.
        let sent = case.payments.iter().filter_map(|payment| {
            let known = payment.operation(operation)?;
            (known.state == OperationState::Pending)
                .then(|| planned(payment, known.kind, known.amount_minor))
        });
        Ok(Answer { plan: sent.collect(), ..answer })
    }
}

impl SettleOperation {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        let Answer { plan, other_orders, is_waiting, .. } =
            decide(desk, self.number, |facts, ids| {
                attention::settle(facts, self.operation, self.verdict, ids, now)
            })?;
        // The turn holds the effect's row: whoever has it in hand finds it finished.
        desk.finish_effect(
            self.operation,
            match self.verdict {
                Verdict::Happened { .. } => EffectState::Done,
                Verdict::DidNotHappen => EffectState::Declined,
            },
        );
        add_reason(desk, self.number, &self.reason);
        Ok(Answer { plan, other_orders, is_waiting, ..desk.answer(Some(self.number)) })
    }
}

/// The reason becomes a note for the staff.
fn add_reason(desk: &mut Desk, number: i64, reason: &str) {
    let author = desk.actor().to_owned();
    let note = v1::Note {
        audience: v1::NoteAudience::Internal.into(),
        text: reason.to_owned(),
        author,
        ..v1::Note::default()
    };
    let change = EventChange { note_id: desk.next_note(number), ..EventChange::default() };
    add_note::add(desk, number, note);
    desk.tell(EventKind::NoteAdded, Some(OrderNumber(number)), &change);
}
