//! What a command comes to if all that it asks for succeeds, lived on a desk that is of no use afterwards.

use std::collections::BTreeSet;

use order_proto::v1::{self, OperationKind as Kind};
use order_rules::changing::{self, Outcome};
use order_rules::effects::EffectState;
use order_rules::order::{Order, OrderNumber};
use order_rules::payments::Payment;

use super::change_status::decide;
use super::planned;
use crate::turns::desk::Desk;

/// Effects that are told beforehand.
const EFFECTS_MAX: usize = 200;

/// The oldest operation that somebody has still to carry out.
struct Next {
    order: OrderNumber,
    operation: i64,
    /// This turn has asked for it.
    is_planned: bool,
    effect: v1::PlannedEffect,
}

/// What is asked for by now and from here on until nothing of these orders is under way, in order:
/// each with the order that it is for.
pub(super) fn foresee(desk: &mut Desk, orders: &[i64]) -> Vec<(OrderNumber, v1::PlannedEffect)> {
    let (mut foreseen, mut told) = (Vec::new(), BTreeSet::new());
    // Each success plans at most a few more; the bound is far above what a set can ask for.
    for _ in 0..=EFFECTS_MAX {
        let next = orders.iter().find_map(|&number| next_effect(desk, number, &told));
        let Some(Next { order, operation, is_planned, effect }) = next else { break };
        told.insert(operation);
        let amount_minor = effect.amount_minor;
        if is_planned {
            foreseen.push((order, effect));
        }
        let outcome =
            Outcome::Succeeded { amount_minor, provider_reference: None, expires_at: None };
        desk.finish_effect(operation, EffectState::Done);
        let now = desk.now;
        let lived = decide(desk, order.0, |facts, ids| {
            Ok(changing::record(facts, operation, &outcome, ids, now))
        });
        let Ok(lived) = lived else { continue };
        foreseen.extend(lived.plan.into_iter().filter(is_beside_money).map(|one| (order, one)));
    }
    foreseen
}

/// What goes back of an order's payments once it has let go of them, whichever order it is for (7.3).
/// Nothing where it did not hold them, or holds them still.
pub(super) fn foresee_returns(
    desk: &mut Desk,
    number: i64,
) -> Vec<(OrderNumber, v1::PlannedEffect)> {
    let Some(file) = desk.orders.get(&number) else { return Vec::new() };
    let has_held = file.stored.as_ref().is_some_and(Order::is_live);
    let own: Vec<Payment> = desk.payments_of(&file.order);
    if !has_held || !own.iter().any(|payment| payment.is_held_beside(file.order.number)) {
        return Vec::new();
    }
    let holders = own.iter().flat_map(|payment| &payment.holders).map(|holder| holder.order.0);
    let mut orders = vec![number];
    orders.extend(holders);
    let mut foreseen = foresee(desk, &orders);
    let lets_go = desk.orders.get(&number).is_some_and(|file| !file.order.is_live());
    foreseen.retain(|(_, effect)| {
        let is_return = matches!(effect.kind(), Kind::Void | Kind::Release | Kind::UpdateAmount);
        let is_own = own.iter().any(|payment| payment.id.0 == effect.payment_id);
        lets_go && is_return && is_own
    });
    foreseen
}

/// Operations are told when they are lived; what is left to be done by hand is over in the ledger then.
pub(super) fn is_beside_money(effect: &v1::PlannedEffect) -> bool {
    effect.payment_id == 0 || effect.by_hand
}

fn next_effect(desk: &Desk, number: i64, told: &BTreeSet<i64>) -> Option<Next> {
    let file = desk.orders.get(&number)?;
    let payments: Vec<Payment> = desk.payments_of(&file.order);
    let open = payments.iter().flat_map(|payment| {
        let claimed = payment.operations.iter().filter(|operation| operation.state.is_claimed());
        claimed.map(move |operation| (payment, operation))
    });
    let (payment, operation) = open
        .filter(|(_, operation)| !told.contains(&operation.id))
        .min_by_key(|(_, operation)| operation.id)?;
    Some(Next {
        order: operation.order,
        operation: operation.id,
        is_planned: desk.is_planned(operation.id),
        effect: planned(payment, operation.kind, operation.amount_minor),
    })
}
