//! `ReconcilePayment`, `ExtendReservation` and the warning of a reservation that expires (2.8, 11.2).

use order_rules::expiring;
use order_rules::order::OrderNumber;
use order_rules::payments::{Payment, PaymentId};
use order_rules::reconciling::{self, Reconcile, extendable, readable};
use order_rules::refusals::Refusal;

use super::change_status::{decide, is_waiting};
use super::{Answer, ReconcilePayment, WarnOfExpiry};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;
use crate::turns::reconciliation;

impl ReconcilePayment {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let id = PaymentId(self.payment);
        let Some((account, mark)) = self.reading else {
            // Nobody has asked the provider yet: whether anybody may.
            let checked =
                if self.is_extension { extendable(&case, id) } else { readable(&case, id) };
            return checked.map(|_| desk.answer(Some(self.number)));
        };
        let payment = readable(&case, id)?;
        let home = reconciling::home(payment).unwrap_or(OrderNumber(self.number));
        let cleared = clear_elsewhere(desk, payment, home);
        let (now, command) = (desk.now, Reconcile { payment: id, account, mark });
        let (mut told, mut is_news) = (None, false);
        let Answer { plan, mut other_orders, .. } = decide(desk, home.0, |facts, ids| {
            let done = reconciling::reconcile(facts, &command, ids, now)?;
            told = Some(reconciliation(done.conclusion, &done.differences));
            is_news = done.decision.changes.len() > 1;
            Ok(done.decision)
        })?;
        is_news |= !cleared.is_empty();
        other_orders.push(home);
        other_orders.extend(cleared);
        let mut answer = desk.answer(Some(self.number));
        answer.changed_too(&other_orders);
        let is_waiting = is_waiting(desk, self.number);
        Ok(Answer { plan, is_waiting, reconciliation: told, is_news, ..answer })
    }
}

/// Closes what stood on orders before the payment became another's; answers which had something.
fn clear_elsewhere(desk: &mut Desk, payment: &Payment, home: OrderNumber) -> Vec<OrderNumber> {
    let mut cleared = Vec::new();
    for holder in payment.holders.iter().filter(|holder| holder.order != home) {
        let now = desk.now;
        // The rule refuses nothing, and an order that is not there has nothing to clear.
        drop(decide(desk, holder.order.0, |facts, ids| {
            let decision = reconciling::clear(facts, payment.id, ids, now);
            if !decision.changes.is_empty() {
                cleared.push(holder.order);
            }
            Ok(decision)
        }));
    }
    cleared
}

impl WarnOfExpiry {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let (now, within) = (desk.now, desk.shop.row.expiry_warning_micros);
        decide(desk, self.number, |facts, ids| Ok(expiring::warn(facts, within, ids, now)))
    }
}
