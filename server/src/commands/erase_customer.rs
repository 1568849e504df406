//! `EraseCustomer`: the orders of a person forget who bought (design: personal data stay erasable).

use order_proto::v1;
use order_rules::decision::{Case, Change, Decision, Ids};
use order_rules::effects::EffectState;
use order_rules::order::OrderNumber;
use order_rules::privacy::{is_money_open, voucher_kept_until};
use order_rules::refusals::{Code, Refusal};
use order_rules::{labels, mail};
use prost::Message;

use super::{Answer, EraseCustomer};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::terms::effect_state;
use crate::turns::desk::Desk;

impl EraseCustomer {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.extend(self.numbers.iter().map(|number| key(shop_id, *number)));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let mut cases = Vec::new();
        for number in &self.numbers {
            cases.push(desk.case(*number)?);
        }
        if cases.is_empty() {
            return Err(Refusal::new(Code::CustomerNotFound));
        }
        let open: Vec<String> = cases
            .iter()
            .filter(|case| is_money_open(case))
            .map(|case| desk.shop.order_name(case.order.number.0))
            .collect();
        if !open.is_empty() {
            return Err(Refusal::new(Code::MoneyOpen).with("orders", open.join(",")));
        }
        for case in cases {
            let number = case.order.number.0;
            let voucher = voucher_kept_until(&case)
                .zip(desk.orders.get(&number).map(|file| file.extra.personal.clone()))
                .and_then(|(until, personal)| Some((until, party(&personal)?)));
            desk.erase_personal(number, voucher);
            let mut ids = desk.ids();
            let mut decision = without_unsent(desk, &case, &mut ids);
            decision.changes.push(Change::CustomerErased);
            desk.apply(decision, &ids);
        }
        let other_orders = self.numbers.iter().copied().map(OrderNumber).collect();
        Ok(Answer { other_orders, ..desk.answer(None) })
    }
}

/// The order with no mail or label left to be sent and no file kept for one.
fn without_unsent(desk: &Desk, case: &Case, ids: &mut Ids) -> Decision {
    let is_unsent = |id: i64| {
        let effect = desk.effects.get(&id);
        effect.is_some_and(|effect| effect_state(effect.state) == Some(EffectState::Pending))
    };
    let mut decision = mail::withdraw_unsent(case, is_unsent, ids, desk.now);
    labels::withdraw_unsent(&mut decision, is_unsent, desk.now);
    decision
}

/// What a voucher must say of the buyer: name, organisation number and one address.
fn party(personal: &[u8]) -> Option<Vec<u8>> {
    let v1::Order { customer, billing_address, shipping_address, .. } =
        v1::Order::decode(personal).ok()?;
    let v1::Customer { full_name, organization_number, .. } = customer?;
    if full_name.is_empty() {
        return None;
    }
    let party = v1::Order {
        customer: Some(v1::Customer { full_name, organization_number, ..v1::Customer::default() }),
        billing_address: billing_address.or(shipping_address),
        ..v1::Order::default()
    };
    Some(party.encode_to_vec())
}
