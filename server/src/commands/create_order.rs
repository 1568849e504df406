//! `CreateOrder`: places an order (§9).

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::changing::{self, ChangingFacts};
use order_rules::decision::{Decision, Ids};
use order_rules::duplicates::lines_fingerprint;
use order_rules::mail;
use order_rules::order::{DuplicateLink, OrderKind, OrderNumber};
use order_rules::payments::{Capabilities, Payment, ProviderName};
use order_rules::placing::{self, EarlierOrder, Placed, Placement, PlacingFacts};
use order_rules::refusals::{Code, Refusal};

use super::change_status::enact;
use super::resolving::follow_twins;
use super::{Answer, CreateOrder, plan_of};
use crate::shops::Shop;
use crate::store::facts::{Needs, Purchase};
use crate::turns::desk::{Desk, OrderFile};

/// Every personal field of an order, as its part of the message.
fn personal_part(command: &CreateOrder) -> v1::Order {
    let personal = &command.personal;
    v1::Order {
        email_suggestion: personal.email_suggestion.clone(),
        customer: Some(personal.customer.clone()),
        billing_address: personal.billing_address.clone(),
        shipping_address: personal.shipping_address.clone(),
        metadata: personal.metadata.clone(),
        ..v1::Order::default()
    }
}

impl CreateOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        let placement = &self.placement;
        let references = placement.payments.iter().map(|payment| payment.reference.clone());
        needs.references.extend(references.filter(|reference| !reference.is_empty()));
        needs.external_references.extend(self.external_reference.clone());
        let skus = placement.lines.iter().map(|line| line.sku.clone());
        needs.skus.extend(skus.filter(|sku| !sku.is_empty()));
        if !placement.customer_key.is_empty()
            && let Some(lines_fingerprint) = placing::fingerprint(placement)
        {
            let customer_key = placement.customer_key.clone();
            needs.purchases.insert(Purchase { shop_id, customer_key, lines_fingerprint });
        }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let number = desk.next_order_number();
        let mut ids = desk.ids();
        let shop = desk.shop.clone();
        let offered = offered(&shop, &self.placement);
        let known = known_payments(desk, &self.placement);
        let purchases = earlier_purchases(desk, &self.placement);
        let facts = PlacingFacts {
            rulebook: &shop.rulebook,
            statuses: &shop.statuses,
            items: &desk.items,
            known: &known,
            purchases: &purchases,
            capabilities: &offered,
        };
        let placed =
            placing::place(&facts, &self.placement, OrderNumber(number), &mut ids, desk.now)?;
        match placed {
            Placed::First(first) => {
                // Repeated as it was, it names the first; another's name is no name of it.
                if let Some(reference) = &self.external_reference
                    && desk.external_references.get(reference) != Some(&first.0)
                {
                    check_reference_is_free(desk, reference)?;
                }
                Ok(Answer { already_exists: true, ..desk.answer(Some(first.0)) })
            }
            Placed::New { mut decision, duplicates } => {
                if let Some(reference) = &self.external_reference {
                    check_reference_is_free(desk, reference)?;
                }
                if shop.settings.confirms_orders {
                    let facts = crate::mail::facts(&shop, &self.personal.customer.email);
                    mail::confirm_order(&mut decision, &facts, &mut ids, desk.now);
                }
                Ok(self.store(desk, *decision, duplicates, &ids))
            }
        }
    }

    fn store(
        &self,
        desk: &mut Desk,
        decision: Decision,
        duplicates: Vec<(OrderNumber, DuplicateLink)>,
        ids: &Ids,
    ) -> Answer {
        let number = decision.case.order.number.0;
        let mut plan = plan_of(&decision);
        desk.set_next_order_number(number.saturating_add(1));
        let fingerprint = lines_fingerprint(&decision.case.order.lines);
        desk.apply(decision, ids);
        if let Some(file) = desk.orders.get_mut(&number) {
            file.extra.external_reference.clone_from(&self.external_reference);
            file.extra.language.clone_from(&self.language);
            file.extra.customer_key.clone_from(&self.placement.customer_key);
            file.extra.lines_fingerprint = fingerprint;
        }
        desk.put_personal(number, &personal_part(self));
        if let Some(reference) = &self.external_reference {
            desk.external_references.insert(reference.clone(), number);
        }
        let mut other_orders = Vec::new();
        for (other, link) in duplicates {
            link_back(desk, other, &link);
            other_orders.push(other);
        }
        if !other_orders.is_empty() {
            // What one was about to ask of the payment may not be right for both.
            resume_others(desk, number, &mut plan, &mut other_orders);
            other_orders.sort_unstable();
            other_orders.dedup();
        }
        Answer { plan, other_orders, ..desk.answer(Some(number)) }
    }
}

/// Refuses a reference that an order of the shop has.
///
/// # Errors
/// `EXTERNAL_REFERENCE_TAKEN` with that order.
pub(super) fn check_reference_is_free(desk: &Desk, reference: &str) -> Result<(), Refusal> {
    desk.external_references.get(reference).map_or(Ok(()), |number| {
        let order = desk.shop.order_name(*number);
        Err(Refusal::new(Code::ExternalReferenceTaken).with("order", order))
    })
}

/// What the providers of a placement can do, as far as the shop takes payments from them.
fn offered(shop: &Shop, placement: &Placement) -> BTreeMap<ProviderName, Capabilities> {
    let providers = placement.payments.iter().map(|payment| &payment.provider);
    providers.filter_map(|name| Some((name.clone(), shop.offered(name)?))).collect()
}

/// The payments of a placement that the shop has met, each with the sale orders on it.
fn known_payments(desk: &Desk, placement: &Placement) -> Vec<(Payment, Vec<EarlierOrder>)> {
    desk.payments
        .values()
        .filter(|known| {
            !known.reference.is_empty()
                && placement.payments.iter().any(|payment| {
                    payment.provider == known.provider && payment.reference == known.reference
                })
        })
        .map(|known| {
            let earlier = known
                .holders
                .iter()
                .filter_map(|holder| desk.orders.get(&holder.order.0))
                // A deleted order is no twin of anything, and nobody's first (7.2, 8.1).
                .filter(|file| file.order.deleted_at.is_none())
                .map(earlier_order)
                .collect();
            (known.clone(), earlier)
        })
        .collect()
}

/// The sale orders that stand and that this customer placed, as far as the desk knows them: those
/// loaded for the purchase, and those placed earlier in the turn.
fn earlier_purchases(desk: &Desk, placement: &Placement) -> Vec<EarlierOrder> {
    if placement.customer_key.is_empty() || desk.shop.rulebook.duplicate_window_seconds == 0 {
        return Vec::new();
    }
    desk.orders
        .values()
        .filter(|file| {
            file.extra.customer_key == placement.customer_key
                && file.order.kind == OrderKind::Sale
                && file.order.is_live()
        })
        .map(earlier_order)
        .collect()
}

fn earlier_order(file: &OrderFile) -> EarlierOrder {
    EarlierOrder {
        number: file.order.number,
        placed_at: file.order.placed_at,
        customer_key: file.extra.customer_key.clone(),
        lines_fingerprint: file.extra.lines_fingerprint.clone(),
        price_basis: file.order.price_basis,
        gross_minor: file.order.gross_minor,
    }
}

/// An earlier order points at the new one as the new one at it (7.1).
fn link_back(desk: &mut Desk, number: OrderNumber, link: &DuplicateLink) {
    let Ok(mut case) = desk.case(number.0) else { return };
    if case.order.duplicates.iter().any(|known| known.other == link.other) {
        return;
    }
    case.order.duplicates.push(link.clone());
    let ids = desk.ids();
    let change = order_rules::decision::Change::DuplicateFound { other: link.other };
    let decision = Decision { changes: vec![change], ..Decision::unchanged(case) };
    desk.apply(decision, &ids);
}

/// What a change of shared payments means for the other orders on them, and what that makes the
/// outside world do.
pub(crate) fn resume_others(
    desk: &mut Desk,
    number: i64,
    plan: &mut Vec<v1::PlannedEffect>,
    others: &mut Vec<OrderNumber>,
) {
    let Some(file) = desk.orders.get(&number) else { return };
    let mut holders: Vec<OrderNumber> = desk
        .payments_of(&file.order)
        .iter()
        .flat_map(|payment| payment.holders.iter().map(|holder| holder.order))
        .filter(|order| order.0 != number)
        .collect();
    holders.sort_unstable();
    holders.dedup();
    for other in holders {
        let Ok(case) = desk.case(other.0) else { continue };
        let mut ids = desk.ids();
        let shop = desk.shop.clone();
        let facts = ChangingFacts {
            case: &case,
            statuses: &shop.statuses,
            rulebook: &shop.rulebook,
            items: &desk.items,
        };
        let mut decision = changing::resume(&facts, &mut ids, desk.now);
        if !decision.is_noop() {
            let twins = std::mem::take(&mut decision.twins);
            plan.extend(plan_of(&decision));
            enact(desk, other.0, decision, &ids);
            others.push(other);
            follow_twins(desk, twins, plan, others);
        }
    }
}
