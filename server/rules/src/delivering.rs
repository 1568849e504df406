//! §6 Deliveries: what was sent, when it arrived, and the share of the money that goes with it.

mod arriving;
mod shares;
#[cfg(test)]
mod tests;

pub use arriving::{Arrived, confirm_arrival, record_withdrawal};
pub use shares::{Share, shares};
pub(crate) use shares::{left_of_deliveries, owed_for_deliveries};

use crate::changing::{
    ChangingFacts, advance, check_nothing_pending, finish, plan_captures, rehearse,
};
use crate::decision::{Change, Decision, Ids};
use crate::draft::Draft;
use crate::order::{Delivery, Line, LineKind, Micros, Order, OrderKind, Tracking};
use crate::payments::{OperationKind, PaymentId, captured_or_claimed, left_to_capture};
use crate::refusals::{Code, Refusal, Violation};
use crate::shop::CaptureMode;
use crate::statuses::Tag;

/// What is sent together, as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliver {
    /// Line and units; empty: everything that is undelivered.
    pub lines: Vec<(i32, i64)>,
    /// When it left; `None`: now.
    pub shipped_at: Option<Micros>,
    pub tracking: Tracking,
}

/// How long ahead a delivery may be said to leave.
const SHIPPED_AHEAD_MICROS: i64 = 86_400_000_000;
/// Deliveries an order may have, those taken back among them.
const DELIVERIES_MAX: usize = 500;

/// Records a delivery, and captures its share where the shop captures so (6.2). The delivery stands
/// whatever becomes of the capture.
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `STATUS_CHANGE_PENDING`, `ORDER_CANCELLED`, `INVALID_REQUEST`,
/// `DELIVERY_EXCEEDS_ORDERED`, and where its share is not held, as for completing:
/// `DUPLICATE_ALREADY_CAPTURED`, `PAYMENT_PENDING`, `RESERVATION_EXPIRED`, `RESERVATION_GONE`,
/// `PAYMENT_INSUFFICIENT`.
pub fn deliver(
    facts: &ChangingFacts<'_>,
    command: &Deliver,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    check_sale(order)?;
    check_nothing_pending(order)?;
    if facts.statuses.tag(order.status) == Some(Tag::Cancelled) {
        return Err(Refusal::new(Code::OrderCancelled));
    }
    let shipped_at = command.shipped_at.unwrap_or(now);
    check_fields(order, command, shipped_at, now)?;
    let lines = lines_to_send(order, &command.lines)?;
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    send(&mut draft, lines, shipped_at, command.tracking.clone());
    if facts.rulebook.capture_mode == CaptureMode::PerDelivery {
        plan_captures(&draft.case, left_of_deliveries(&draft.case))?;
    }
    advance(facts, &mut draft);
    Ok(finish(facts, draft))
}

/// Every operation that this delivery would ask for, in order, if all of them succeed; for
/// `validate_only`. Empty when it is refused.
#[must_use]
pub fn expected_effects(
    facts: &ChangingFacts<'_>,
    command: &Deliver,
    now: Micros,
) -> Vec<(PaymentId, OperationKind, i64)> {
    rehearse(facts, false, |facts, ids| deliver(facts, command, ids, now))
}

/// Takes back a delivery that was recorded by mistake. Once more changes nothing.
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `STATUS_CHANGE_PENDING`, `DELIVERY_NOT_FOUND`, `DELIVERY_CAPTURED`.
pub fn cancel_delivery(
    facts: &ChangingFacts<'_>,
    id: i32,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    check_sale(order)?;
    check_nothing_pending(order)?;
    let Some(delivery) = order.deliveries.iter().find(|delivery| delivery.id == id) else {
        return Err(not_found(id));
    };
    if delivery.cancelled_at.is_some() {
        return Ok(Decision::unchanged(facts.case.clone()));
    }
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    for known in draft.case.order.deliveries.iter_mut().filter(|known| known.id == id) {
        known.cancelled_at = Some(now);
    }
    for &(line, units) in &delivery.lines {
        for line in draft.case.order.lines.iter_mut().filter(|known| known.id == line) {
            line.delivered -= units;
            line.keep_back_credited();
        }
    }
    if is_paid(facts, delivery, &draft.case.order) {
        return Err(Refusal::new(Code::DeliveryCaptured).with("delivery", id));
    }
    draft.changes.push(Change::DeliveryCancelled { delivery: id });
    close_its_problem(&mut draft, delivery);
    Ok(finish(facts, draft))
}

/// Records what was sent: the turn that completes an order delivers what is undelivered with it, too.
pub(crate) fn send(
    draft: &mut Draft<'_>,
    lines: Vec<(i32, i64)>,
    shipped_at: Micros,
    tracking: Tracking,
) {
    let order = &mut draft.case.order;
    for &(id, units) in &lines {
        for line in order.lines.iter_mut().filter(|line| line.id == id) {
            line.delivered = line.delivered.saturating_add(units);
        }
    }
    let id = order.deliveries.last().map_or(1, |last| last.id.saturating_add(1));
    order.deliveries.push(Delivery {
        id,
        lines,
        shipped_at,
        recorded_at: draft.now,
        arrived_on: None,
        cancelled_at: None,
        tracking,
    });
    draft.changes.push(Change::Delivered { delivery: id });
}

/// The goods that are undelivered, by line.
pub(crate) fn undelivered(order: &Order) -> Vec<(i32, i64)> {
    let goods = order.lines.iter().filter(|line| line.kind == LineKind::Goods);
    goods.filter(|line| line.undelivered() > 0).map(|line| (line.id, line.undelivered())).collect()
}

fn check_sale(order: &Order) -> Result<(), Refusal> {
    match order.kind {
        OrderKind::Sale => Ok(()),
        OrderKind::Credit => Err(Refusal::new(Code::CreditOrderFinal)),
    }
}

fn not_found(id: i32) -> Refusal {
    Refusal::new(Code::DeliveryNotFound).with("delivery", id)
}

/// Everything that is wrong with the request, seen beside the order.
fn check_fields(
    order: &Order,
    command: &Deliver,
    shipped_at: Micros,
    now: Micros,
) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    let mut refuse = |field: String, description: &str| {
        violations.push(Violation { field, description: description.to_owned() });
    };
    for (index, &(id, units)) in command.lines.iter().enumerate() {
        let is_goods = order.lines.iter().any(|line| line.id == id && line.kind == LineKind::Goods);
        if !is_goods {
            refuse(format!("lines[{index}].line_id"), "is no line of goods of the order");
        }
        if command.lines.iter().take(index).any(|&(other, _)| other == id) {
            refuse(format!("lines[{index}].line_id"), "is named twice");
        }
        if units < 1 {
            refuse(format!("lines[{index}].quantity"), "must be at least 1");
        }
    }
    if shipped_at < order.placed_at {
        refuse("ship_time".to_owned(), "must not be before the order was placed");
    }
    if shipped_at.0 > now.0.saturating_add(SHIPPED_AHEAD_MICROS) {
        refuse("ship_time".to_owned(), "must be at most a day ahead");
    }
    if order.deliveries.len() >= DELIVERIES_MAX {
        refuse("name".to_owned(), "is an order that has 500 deliveries already");
    }
    if violations.is_empty() { Ok(()) } else { Err(Refusal::fields(violations)) }
}

/// 6.1: never more than was ordered, without what was credited before it was sent; all lines of which
/// there is not enough are told.
fn lines_to_send(order: &Order, asked: &[(i32, i64)]) -> Result<Vec<(i32, i64)>, Refusal> {
    if asked.is_empty() {
        let lines = undelivered(order);
        return match lines.is_empty() {
            true => Err(Refusal::new(Code::DeliveryExceedsOrdered).with("left", 0)),
            false => Ok(lines),
        };
    }
    let short: Vec<(&Line, i64)> = asked
        .iter()
        .filter_map(|&(id, units)| {
            let line = order.lines.iter().find(|line| line.id == id)?;
            (units > line.undelivered()).then_some((line, units))
        })
        .collect();
    let Some((line, units)) = short.first() else {
        let mut lines = asked.to_vec();
        lines.sort_unstable();
        return Ok(lines);
    };
    let all: Vec<String> =
        short.iter().map(|(line, _)| format!("{}={}", line.id, line.undelivered())).collect();
    Err(Refusal::new(Code::DeliveryExceedsOrdered)
        .with("line", line.id)
        .with("asked", units)
        .with("left", line.undelivered())
        .with("left_by_line", all.join(",")))
}

/// Whether the delivery's money has moved or may be moving; `without` is the order without it.
fn is_paid(facts: &ChangingFacts<'_>, delivery: &Delivery, without: &Order) -> bool {
    let (order, payments) = (&facts.case.order, &facts.case.payments);
    let is_settled = order.completed_at.is_some() && left_to_capture(order, payments) == 0;
    let is_taken = facts.rulebook.capture_mode == CaptureMode::PerDelivery
        && captured_or_claimed(order, payments) > owed_for_deliveries(without);
    is_settled || is_taken || shares::is_captured(order, delivery)
}

/// The problem of the capture that was asked for in the turn of this delivery goes with it.
fn close_its_problem(draft: &mut Draft<'_>, delivery: &Delivery) {
    let number = draft.case.order.number;
    let asked: Vec<i64> = draft
        .case
        .payments
        .iter()
        .flat_map(|payment| &payment.operations)
        .filter(|operation| operation.order == number)
        .filter(|operation| operation.kind == OperationKind::Capture)
        .filter(|operation| operation.requested_at == delivery.recorded_at)
        .map(|operation| operation.id)
        .collect();
    draft.close_problems(|problem| {
        problem.code == Code::CaptureDeclined
            && problem.operation.is_some_and(|operation| asked.contains(&operation))
    });
}
