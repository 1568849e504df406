//! `CreditOrder`: credits a sale and makes its credit order, in one turn (§4).

use order_proto::v1;
use order_rules::changing::ChangingFacts;
use order_rules::crediting::{self, CreditNumbers, Credited};
use order_rules::order::OrderNumber;
use order_rules::refusals::Refusal;
use prost::Message;

use super::change_status::is_waiting;
use super::create_order::resume_others;
use super::{Answer, CreditOrder, plan_of, timestamp};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

impl CreditOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let (order, credit_number) = (desk.next_order_number(), desk.next_credit_number());
        let numbers = CreditNumbers { order: OrderNumber(order), credit_number };
        let mut ids = desk.ids();
        let facts = ChangingFacts {
            case: &case,
            statuses: &desk.shop.statuses,
            rulebook: &desk.shop.rulebook,
            items: &desk.items,
        };
        let Credited { sale, credit } =
            crediting::credit(&facts, &self.credit, numbers, &mut ids, desk.now)?;
        let mut plan = plan_of(&sale);
        desk.set_next_order_number(order.saturating_add(1));
        desk.set_next_credit_number(credit_number.saturating_add(1));
        // The sale first: its event is the command's, and a repeat finds the credit order by it.
        desk.apply(sale, &ids);
        desk.apply(credit, &ids);
        self.describe(desk, order);
        let mut other_orders = vec![OrderNumber(order)];
        resume_others(desk, self.number, &mut plan, &mut other_orders);
        Ok(Answer {
            plan,
            other_orders,
            is_waiting: is_waiting(desk, self.number),
            credit: Some(OrderNumber(order)),
            credit_order: desk.order_parts(order),
            ..desk.answer(Some(self.number))
        })
    }

    /// Gives the credit order the sale's customer, and the reason as a note for the staff.
    fn describe(&self, desk: &mut Desk, credit: i64) {
        let Some(sale) = desk.orders.get(&self.number).map(|file| file.extra.clone()) else {
            return;
        };
        let known = v1::Order::decode(sale.personal).unwrap_or_default();
        let mut personal = v1::Order {
            customer: known.customer,
            billing_address: known.billing_address,
            shipping_address: known.shipping_address,
            email_suggestion: known.email_suggestion,
            ..v1::Order::default()
        };
        if self.credit.has_reason {
            personal.notes.push(v1::Note {
                id: 1,
                audience: v1::NoteAudience::Internal.into(),
                text: self.reason.clone(),
                author: desk.actor().to_owned(),
                create_time: Some(timestamp(desk.now)),
                attachment_names: Vec::new(),
            });
        }
        if let Some(file) = desk.orders.get_mut(&credit) {
            file.extra.language = sale.language;
            file.extra.customer_key = sale.customer_key;
        }
        desk.put_personal(credit, &personal);
    }
}
