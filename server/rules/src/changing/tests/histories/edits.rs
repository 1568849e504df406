//! Edits and deletions in random histories: when each must be refused and what it must come to,
//! written without looking at the rules.

use super::audit::may_happen;
use super::model::{Model, paid};
use crate::decision::Case;
use crate::editing::{Edit, LineEdit};
use crate::fixtures::world::World;
use crate::order::{Line, LineKind, OrderNumber, Problem};
use crate::payments::{Authorization, OperationKind, OperationState, Payment};
use crate::placing::NewLine;
use crate::refusals::Code;
use crate::shop::StockMode;
use crate::statuses::Tag;

/// Edits an order by one of a few simple edits of its first line, or adds a line.
pub(super) fn edit(
    world: &mut World,
    model: &mut Model,
    number: OrderNumber,
    (what, restock): (u8, Option<bool>),
) {
    let before = world.case(number);
    let line = &before.order.lines[0];
    let (mut edit, mut units, mut price) =
        (Edit { restock, ..Edit::default() }, line.quantity, line.unit_price_minor);
    let mut added = 0;
    match what % 6 {
        0 | 1 => units = 1,
        2 => units = 3,
        3 => price = 30,
        4 => price = 50,
        _ => added = 10,
    }
    if added > 0 {
        edit.added.push(mug(added));
    } else {
        let (quantity, unit_price_minor) = (Some(units), Some(price));
        edit.lines.push(LineEdit { line: line.id, quantity, unit_price_minor });
    }
    let total = before.order.gross_minor - line.gross_minor + units * price + added;
    let expected = expected_edit_refusal(world, &before, (&edit, units, total));
    match world.edit(number, &edit) {
        Ok(done) => {
            assert_eq!(expected, None, "{edit:?} of {before:?}");
            let order = &world.orders[&number];
            assert_eq!(order.gross_minor, total);
            assert_eq!(order.status, before.order.status);
            let asked = done[0].1.iter().any(|change| {
                matches!(change, crate::decision::Change::OperationRequested { kind, .. }
                    if *kind == OperationKind::Capture)
            });
            assert!(!asked, "an edit never captures");
            let leaving = (line.quantity - units).max(0).min(line.stock_taken);
            if restock == Some(false) {
                model.lose(number, leaving);
            }
            model.watch(world, &done);
        }
        Err(refusal) => assert_eq!(Some(refusal.code), expected, "{edit:?} of {before:?}"),
    }
}

/// Deletes an order, if nothing hangs on it.
pub(super) fn delete(
    world: &mut World,
    model: &mut Model,
    number: OrderNumber,
    restock: Option<bool>,
) {
    let before = world.case(number);
    let expected = expected_delete_refusal(world, &before, restock);
    match world.delete(number, restock) {
        Ok(done) => {
            assert_eq!(expected, None, "{before:?}");
            // A twin that is settled may be the last to hold the rest, and gives it back.
            let asked = done[0]
                .1
                .iter()
                .any(|change| matches!(change, crate::decision::Change::OperationRequested { .. }));
            assert!(!asked, "deleting asks nobody for anything");
            model.watch(world, &done);
        }
        Err(refusal) => assert_eq!(Some(refusal.code), expected, "{before:?}"),
    }
}

fn expected_edit_refusal(
    world: &World,
    case: &Case,
    (edit, units, total): (&Edit, i64, i64),
) -> Option<Code> {
    let order = &case.order;
    let line = &order.lines[0];
    let paid = paid(case);
    let live = |payment: &&Payment| {
        matches!(payment.authorization, Authorization::Pending | Authorization::Held)
            && payment.holders.iter().any(|one| one.order == order.number && one.is_live)
    };
    let has_captured = |payment: &Payment| {
        payment.operations.iter().any(|operation| {
            operation.order == order.number
                && operation.kind == OperationKind::Capture
                && operation.state == OperationState::Succeeded
        })
    };
    let is_provided = case
        .payments
        .iter()
        .any(|one| !one.capabilities.is_manual && (live(&one) || has_captured(one)));
    let is_by_hand =
        !is_provided && case.payments.iter().filter(live).any(|one| one.capabilities.is_manual);
    let leaving = (line.quantity - units).min(line.stock_taken);
    let coming = (units - line.quantity).max(0) + i64::from(!edit.added.is_empty());
    let is_same = edit.added.is_empty()
        && edit.lines[0].quantity == Some(line.quantity)
        && edit.lines[0].unit_price_minor == Some(line.unit_price_minor);
    match () {
        () if order.pending.is_some() => Some(Code::StatusChangePending),
        () if world.statuses.tag(order.status) == Some(Tag::Cancelled) => {
            Some(Code::OrderCancelled)
        }
        () if order.completed_at.is_some() => Some(Code::AlreadyCaptured),
        () if order.gross_minor > 0 && paid >= order.gross_minor => Some(Code::AlreadyCaptured),
        () if is_same => None,
        () if edit.added.is_empty() && is_fixed(line, &edit.lines[0]) => Some(Code::LineFixed),
        () if total < paid => Some(Code::TotalBelowCaptured),
        () if total > order.gross_minor && !is_by_hand => Some(Code::TotalMayNotRise),
        () if leaving > 0 && edit.restock.is_none() => Some(Code::RestockRequired),
        () if coming > 0
            && world.items["mug"].on_hand < coming
            && world.rulebook.stock_mode == StockMode::Refuse =>
        {
            Some(Code::OutOfStock)
        }
        () => None,
    }
}

/// 5.1: what was captured, sent or credited of a line stays as it was sold.
fn is_fixed(line: &Line, edit: &LineEdit) -> bool {
    let units = edit.quantity.unwrap();
    let gone = line.captured.max(line.delivered).max(line.credited);
    let is_new_price = units > 0 && edit.unit_price_minor != Some(line.unit_price_minor);
    let is_new = is_new_price || units > line.placed.quantity;
    let (whole, of) = (line.placed.gross_minor, line.placed.quantity);
    let left = (2 * whole * units.min(of) + of) / (2 * of);
    units < gone
        || (is_new && (gone > 0 || line.credited_gross_minor > 0))
        || left < line.credited_gross_minor
}

fn expected_delete_refusal(world: &World, case: &Case, restock: Option<bool>) -> Option<Code> {
    let order = &case.order;
    // Goods that came back with another order are missing no more.
    let is_stocked = world.items["mug"].on_hand >= 0;
    // So is cover that another payment gives by now, or that an order for nothing does not need.
    let is_paid_for = covers(case) >= order.gross_minor;
    let stands = |problem: &Problem| match problem.code {
        _ if problem.closed_at.is_some() => false,
        Code::Oversold => !is_stocked,
        Code::AuthorizationDeclined | Code::ReservationExpired | Code::ReservationGone => {
            !is_paid_for
        }
        _ => true,
    };
    let operations = || {
        let all = case.payments.iter().flat_map(|payment| &payment.operations);
        all.filter(|operation| operation.order == order.number)
    };
    let is_open = |state| {
        !matches!(
            state,
            OperationState::Succeeded | OperationState::Declined | OperationState::Withdrawn
        )
    };
    let is_held_alone = |payment: &Payment| {
        let own = |one: &crate::payments::Holder| one.order == order.number;
        let is_reserved = match payment.authorization {
            Authorization::Pending => true,
            Authorization::Held => unused(payment) > 0,
            _ => false,
        };
        is_reserved
            && payment.holders.iter().any(|one| own(one) && one.is_live)
            && !payment.holders.iter().any(|one| !own(one) && one.is_live)
    };
    let out =
        order.lines.iter().map(|line| line.stock_taken - line.stock_put_back - line.delivered);
    match () {
        () if order.pending.is_some() => Some(Code::StatusChangePending),
        () if operations().any(|operation| is_open(operation.state)) => Some(Code::EffectPending),
        // No history credits: what was taken stays taken, unless it was paid back.
        () if paid(case) > 0 => Some(Code::MoneyNotCredited),
        () if order.problems.iter().any(stands) => Some(Code::ProblemOpen),
        () if case.payments.iter().any(is_held_alone) => Some(Code::ReservationHeld),
        () if restock.is_none() && out.into_iter().any(|units| units > 0) => {
            Some(Code::RestockRequired)
        }
        () => None,
    }
}

/// What of a reservation is neither taken nor given back, nor about to be.
fn unused(payment: &Payment) -> i64 {
    let used = payment.operations.iter().filter(|operation| {
        may_happen(operation)
            && matches!(
                operation.kind,
                OperationKind::Capture | OperationKind::Void | OperationKind::Release
            )
    });
    payment.authorized_minor - used.map(|operation| operation.amount_minor).sum::<i64>()
}

/// What is held for an order of which nothing was captured. A payment is of the order that captures it
/// first (7.3).
fn covers(case: &Case) -> i64 {
    let is_own = |one: &crate::payments::Holder| one.order == case.order.number && one.is_live;
    let is_of_another = |payment: &&Payment| {
        payment.operations.iter().any(|operation| {
            operation.kind == OperationKind::Capture
                && operation.order != case.order.number
                && may_happen(operation)
        })
    };
    let held = case.payments.iter().filter(|payment| {
        payment.authorization == Authorization::Held
            && payment.holders.iter().any(is_own)
            && !is_of_another(payment)
    });
    held.map(unused).sum()
}

fn mug(unit_price_minor: i64) -> NewLine {
    NewLine {
        kind: LineKind::Goods,
        sku: "mug".to_owned(),
        title: "Mug".to_owned(),
        quantity: 1,
        unit_price_minor,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    }
}
