//! `HearOfPayment`: what a provider says of a payment by itself comes into the log (2.5, 2.8, 11.2).

use order_rules::changing::{self, Bearing, News};
use order_rules::payments::{OperationKind, Payment};
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::{Answer, HearOfPayment};
use crate::effects::operation_key;
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl HearOfPayment {
    pub(crate) fn needs(&self, needs: &mut Needs) {
        needs.references.insert(self.reference.clone());
    }

    /// What to do about the news, as the payment is.
    pub(crate) fn bearing(&self, desk: &Desk) -> Bearing {
        let Some(payment) = self.payment(desk) else { return Bearing::None };
        let news = self.news(desk, payment);
        match changing::concerned(payment, &news) {
            Some(_) => changing::next_step(payment, &news),
            None => Bearing::None,
        }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let Some(payment) = self.payment(desk) else { return Ok(desk.answer(None)) };
        let (id, news, now) = (payment.id, self.news(desk, payment), desk.now);
        let Some(order) = changing::concerned(payment, &news) else {
            return Ok(desk.answer(None));
        };
        decide(desk, order.0, |facts, ids| Ok(changing::hear(facts, id, &news, ids, now)))
    }

    fn payment<'a>(&self, desk: &'a Desk) -> Option<&'a Payment> {
        let mut payments = desk.payments.values();
        payments.find(|one| one.provider.0 == self.provider && one.reference == self.reference)
    }

    /// The same, with the operation that it names found: by our key, or by the provider's reference.
    fn news(&self, desk: &Desk, payment: &Payment) -> News {
        let shop = &desk.shop.row;
        let names = (shop.slug.as_str(), self.provider.as_str(), self.reference.as_str());
        let by_key = payment.operations.iter().find(|one| {
            let stored = (key(shop.shop_id, one.id), one.requested_at.0);
            Some(operation_key(names, stored)) == self.told.key
        });
        let named = by_key.or_else(|| {
            let told = Some(&self.told.provider_reference).filter(|told| !told.is_empty());
            let mut others = payment.operations.iter().filter(|one| {
                // Of an authorization it is the payment's own.
                !matches!(one.kind, OperationKind::Authorize | OperationKind::CaptureReversal)
            });
            others.find(|one| told.is_some() && one.provider_reference.as_ref() == told)
        });
        News {
            happening: self.happening,
            operation: named.map(|operation| operation.id),
            amount_minor: self.told.amount_minor,
            currency: self.told.currency.clone(),
            provider_reference: self.told.provider_reference.clone(),
            event: self.told.event.clone(),
            reason: self.told.reason.clone(),
        }
    }
}
