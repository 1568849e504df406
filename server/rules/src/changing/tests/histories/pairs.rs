//! Pairs of possible duplicates, as an outsider sees them: what may be decided, and what must be true
//! of them after every command.

use super::model::{self, Model};
use super::picking::pick_order;
use crate::changing::ChangeStatus;
use crate::fixtures::world::World;
use crate::order::{DuplicateResolution, Order, OrderNumber, StatusId};
use crate::payments::{OperationKind, OperationState};
use crate::refusals::Code;
use crate::statuses::Tag;

pub(super) fn resolve(
    world: &mut World,
    model: &mut Model,
    (keep, drop): (u8, u8),
    restock: Option<bool>,
    to: Option<StatusId>,
) {
    let (Some(keep), Some(drop)) = (pick_order(world, keep), pick_order(world, drop)) else {
        return;
    };
    let expected = expected_refusal(world, (keep, drop), restock, to);
    match world.resolve(keep, &[drop], restock, to) {
        Ok(done) => {
            assert_eq!(expected, None, "{keep:?} {drop:?} {to:?}");
            model.watch(world, &done);
        }
        Err(refusal) => assert_eq!(Some(refusal.code), expected, "{keep:?} {drop:?} {to:?}"),
    }
}

pub(super) fn dismiss(world: &mut World, (order, other): (u8, u8)) {
    let (Some(order), Some(other)) = (pick_order(world, order), pick_order(world, other)) else {
        return;
    };
    let expected = expected_dismissal(world, order, other);
    let outcome = world.dismiss_pair(order, other);
    assert_eq!(outcome.err().map(|refusal| refusal.code), expected);
}

/// The code a resolution must be refused with, or `None`.
fn expected_refusal(
    world: &World,
    (keep, drop): (OrderNumber, OrderNumber),
    restock: Option<bool>,
    to: Option<StatusId>,
) -> Option<Code> {
    let (kept, twin) = (&world.orders[&keep], &world.orders[&drop]);
    let is_busy = |order: &Order| order.pending.is_some() || order.resolution.is_some();
    if restock.is_none() {
        return Some(Code::RestockRequired);
    }
    if is_busy(kept) {
        return Some(Code::StatusChangePending);
    }
    let shared: Vec<_> = kept.payments.iter().filter(|id| twin.payments.contains(id)).collect();
    if keep == drop || shared.is_empty() {
        return Some(Code::NotADuplicate);
    }
    if is_busy(twin) {
        return Some(Code::StatusChangePending);
    }
    let takes = |order: OrderNumber, operation: &crate::payments::Operation| {
        operation.kind == OperationKind::Capture
            && operation.order == order
            && !matches!(operation.state, OperationState::Declined | OperationState::Withdrawn)
    };
    let all = || world.orders.keys().filter(|order| **order != keep);
    let is_taken = shared.iter().any(|id| {
        let operations = &world.payments[id].operations;
        all().any(|&order| operations.iter().any(|operation| takes(order, operation)))
    });
    let has_money = world
        .payments
        .values()
        .flat_map(|payment| &payment.operations)
        .any(|operation| takes(drop, operation));
    if is_taken || (stands(world, twin) && has_money) {
        return Some(Code::DuplicateAlreadyCaptured);
    }
    if stands(world, twin) && twin.lines[0].delivered > 0 {
        return Some(Code::PartlyDelivered);
    }
    match to {
        None => (!stands(world, kept)).then_some(Code::KeptOrderCancelled),
        Some(to) if world.statuses.tag(to) != Some(Tag::Completed) => Some(Code::InvalidRequest),
        Some(to) => {
            let command = ChangeStatus { to, restock: None, has_note: false, send_email: false };
            model::expected_refusal(world, keep, command)
        }
    }
}

/// The code a dismissal must be refused with, or `None`.
fn expected_dismissal(world: &World, order: OrderNumber, other: OrderNumber) -> Option<Code> {
    let (one, two) = (&world.orders[&order], &world.orders[&other]);
    let is_pair = one.duplicates.iter().any(|link| link.other == other);
    let is_one_payment = one.payments.iter().any(|id| two.payments.contains(id));
    match () {
        () if !is_pair => Some(Code::NotADuplicate),
        () if is_one_payment => Some(Code::SamePayment),
        () => None,
    }
}

/// Both sides of a pair tell of it, and of what became of it; a resolution is the same on all its
/// orders, and waits for the kept one.
pub(super) fn check(world: &World) {
    for order in world.orders.values() {
        for link in &order.duplicates {
            let other = &world.orders[&link.other];
            let back = other.duplicates.iter().find(|back| back.other == order.number).unwrap();
            assert_eq!(link.same_payment, back.same_payment);
            let is_dismissed = |one: DuplicateResolution| one == DuplicateResolution::Dismissed;
            assert_eq!(is_dismissed(link.resolution), is_dismissed(back.resolution));
            let expected = match (stands(world, order), stands(world, other)) {
                _ if is_dismissed(link.resolution) => DuplicateResolution::Dismissed,
                (false, _) => DuplicateResolution::Dropped,
                (true, true) => DuplicateResolution::Open,
                (true, false) => DuplicateResolution::Kept,
            };
            assert_eq!(link.resolution, expected, "{order:?}");
        }
        let Some(resolution) = &order.resolution else { continue };
        let kept = &world.orders[&resolution.keep];
        assert!(kept.pending.is_some(), "{order:?} waits for nothing");
        let others = resolution.drop.iter().map(|number| &world.orders[number]);
        for one in others.chain([kept]) {
            assert_eq!(one.resolution.as_ref(), Some(resolution));
        }
        assert!(resolution.keep == order.number || order.pending.is_none(), "{order:?}");
    }
}

fn stands(world: &World, order: &Order) -> bool {
    order.deleted_at.is_none() && world.statuses.tag(order.status) != Some(Tag::Cancelled)
}
