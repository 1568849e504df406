//! §2 Changing a status: what the tag demands of the money first, then the label, stock and goods.

mod advancing;
mod attaching;
mod hearing;
pub(crate) mod label;
pub(crate) mod planning;
mod problems;
mod recording;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use advancing::free_again;
pub use attaching::{AttachPayment, attach};
pub use hearing::{Bearing, Happening, News, bearing, concerned, hear, next_step};
pub use label::automatic_labels;
pub use planning::expected_effects;
pub(crate) use problems::{
    asked_of, close_those_over, is_about_cover, is_hold, open_if_insufficient, open_if_lost,
    with_reason,
};
pub(crate) use recording::go_on;
pub use recording::{Outcome, record, resume};

pub(crate) use advancing::advance;
pub(crate) use planning::{plan_captures, rehearse};

use crate::decision::{Case, Change, Decision, Ids};
use crate::delivering::owed_for_deliveries;
use crate::draft::Draft;
use crate::editing::adjusting;
use crate::order::{LineKind, Micros, Order, OrderKind, PendingChange, StatusId};
use crate::payments::{
    Operation, OperationKind, OperationState, Payment, captured, is_fully_captured, is_taken_back,
    left_to_capture,
};
use crate::placing::{missing_skus, out_of_stock};
use crate::refusals::{Code, Refusal};
use crate::shop::{CaptureMode, Rulebook, StockMode};
use crate::statuses::{Statuses, Tag};
use crate::stock::Item;

/// What a change of one order depends on.
#[derive(Clone, Copy, Debug)]
pub struct ChangingFacts<'a> {
    /// The order, with all its payments.
    pub case: &'a Case,
    pub statuses: &'a Statuses,
    pub rulebook: &'a Rulebook,
    /// The tracked items among the skus of the order.
    pub items: &'a BTreeMap<String, Item>,
}

/// A status change as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeStatus {
    pub to: StatusId,
    /// Required when the tag is CANCELLED (2.4); without meaning otherwise.
    pub restock: Option<bool>,
    /// A note rides along and is added in the turn that moves the label (2.10).
    pub has_note: bool,
    /// The customer is mailed in that turn. Without a label that moves, nothing is mailed.
    pub send_email: bool,
}

/// Changes the status, or stores the change as pending until money has moved.
///
/// # Errors
/// `STATUS_NOT_FOUND`, `STATUS_CHANGE_PENDING`, `CREDIT_ORDER_FINAL`, `RESTOCK_REQUIRED`,
/// `ALREADY_CAPTURED`, `PARTLY_DELIVERED`, `NOT_DELIVERED`, `OUT_OF_STOCK` (2.7), and where the
/// total is not held: `DUPLICATE_ALREADY_CAPTURED`, `PAYMENT_PENDING`, `RESERVATION_EXPIRED`,
/// `RESERVATION_GONE`, `PAYMENT_INSUFFICIENT`.
pub fn change_status(
    facts: &ChangingFacts<'_>,
    command: &ChangeStatus,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    let Some(target) = facts.statuses.get(command.to) else {
        return Err(Refusal::new(Code::StatusNotFound).with_status("status", command.to));
    };
    check_nothing_pending(order)?;
    let from = label::current_status(facts.statuses, order);
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    if from == target.id {
        if command.has_note {
            draft.changes.push(Change::NoteAdded);
        }
        return Ok(draft.finish());
    }

    let is_cancelled = facts.statuses.tag(from) == Some(Tag::Cancelled);
    if is_cancelled && target.tag != Some(Tag::Cancelled) && order.kind == OrderKind::Sale {
        check_reopen(facts)?;
        // From here on the order needs its reservation again: nobody else may let it go (7.3).
        label::set_live(&mut draft, true);
    }
    check_tag(facts, &draft.case, target.tag, command.restock)?;
    draft.case.order.pending = Some(PendingChange {
        to: target.id,
        restock: command.restock,
        has_note: command.has_note,
        send_email: command.send_email,
        requested_at: now,
    });
    advance(facts, &mut draft);
    if draft.case.order.pending.is_some() {
        draft.changes.insert(0, Change::StatusChangeRequested { from, to: target.id });
    }
    Ok(finish(facts, draft))
}

/// Takes a pending change back while nothing of it has been sent.
///
/// # Errors
/// `NO_STATUS_CHANGE_PENDING`, `EFFECT_ALREADY_SENT`.
pub fn withdraw(
    facts: &ChangingFacts<'_>,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    let Some(pending) = &order.pending else {
        let refusal = Refusal::new(Code::NoStatusChangePending);
        return Err(match &order.resolution {
            Some(resolution) => refusal.with("keep", resolution.keep.0),
            None => refusal,
        });
    };
    let own = facts.case.payments.iter().flat_map(|payment| {
        let operations = payment.operations.iter().filter(|operation| {
            operation.order == order.number
                && is_gating(operation)
                && operation.requested_at >= pending.requested_at
        });
        operations.map(|operation| (payment.id, operation.id, operation.state))
    });
    let (unsent, sent): (Vec<_>, Vec<_>) = own
        .filter(|(_, _, state)| state.may_happen())
        .partition(|(_, _, state)| *state == OperationState::Pending);
    if let Some((_, operation, _)) = sent.first() {
        return Err(Refusal::new(Code::EffectAlreadySent).with("operation", operation));
    }

    let mut draft = Draft::new(facts.case.clone(), ids, now);
    for (payment, operation, _) in unsent {
        draft.withdraw(payment, operation);
    }
    label::drop_pending(facts, &mut draft);
    // Deliveries that waited with it are captured now.
    advance(facts, &mut draft);
    Ok(finish(facts, draft))
}

/// Refuses while a status change or a resolution of duplicates waits: nothing that touches status,
/// lines, money or deliveries is done meanwhile.
///
/// # Errors
/// `STATUS_CHANGE_PENDING`.
pub fn check_nothing_pending(order: &Order) -> Result<(), Refusal> {
    let refusal = || Refusal::new(Code::StatusChangePending);
    match (&order.pending, &order.resolution) {
        (Some(pending), _) => Err(refusal().with_status("to", pending.to)),
        (None, Some(resolution)) => Err(refusal().with("keep", resolution.keep.0)),
        (None, None) => Ok(()),
    }
}

/// Whether a pending change waits for the operation. What a credit pays out gates nothing (4.6).
const fn is_gating(operation: &Operation) -> bool {
    operation.credit.is_none()
        && matches!(
            operation.kind,
            OperationKind::Capture
                | OperationKind::Refund
                | OperationKind::Void
                | OperationKind::Release
        )
}

/// What every decision ends with: new amounts that nobody was asked for yet are looked over,
/// reservations nobody needs are let go, and problems whose cause is gone are closed.
pub(crate) fn finish(facts: &ChangingFacts<'_>, mut draft: Draft<'_>) -> Decision {
    adjusting::review(&mut draft);
    advancing::free_unneeded(facts, &mut draft, advancing::Declined::StaysDeclined);
    mark_captured(facts, &mut draft);
    close_those_over(facts, &mut draft);
    draft.finish()
}

/// A total that is captured covers every unit of every line (4.1); captured per delivery, those that
/// are delivered, and with them shipping and fees.
fn mark_captured(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>) {
    let Case { order, payments } = &mut draft.case;
    if is_fully_captured(order, payments) {
        for line in &mut order.lines {
            line.captured = line.quantity;
        }
        return;
    }
    let (captured, owed) = (captured(order, payments), owed_for_deliveries(order));
    if facts.rulebook.capture_mode == CaptureMode::PerDelivery && owed > 0 && captured >= owed {
        for line in &mut order.lines {
            line.captured = match line.kind {
                LineKind::Goods => line.captured.max(line.delivered),
                LineKind::Shipping | LineKind::Fee => line.quantity,
            };
        }
    }
}

fn check_tag(
    facts: &ChangingFacts<'_>,
    case: &Case,
    tag: Option<Tag>,
    restock: Option<bool>,
) -> Result<(), Refusal> {
    let is_sale = case.order.kind == OrderKind::Sale;
    match tag {
        Some(Tag::Cancelled) if !is_sale => Err(Refusal::new(Code::CreditOrderFinal)),
        Some(Tag::Cancelled) => check_cancel(case, restock),
        Some(Tag::Completed) if is_sale => check_complete(facts, case),
        _ => Ok(()),
    }
}

/// 2.3, 2.4.
fn check_cancel(case: &Case, restock: Option<bool>) -> Result<(), Refusal> {
    let order = &case.order;
    if restock.is_none() {
        return Err(Refusal::new(Code::RestockRequired));
    }
    let is_fully_credited =
        order.lines.iter().all(|line| line.credited_gross_minor >= line.gross_minor);
    match is_fully_captured(order, &case.payments) {
        // Nothing is left of the money that could go back.
        true if is_fully_credited || is_taken_back(order, &case.payments) => Ok(()),
        true => Err(Refusal::new(Code::AlreadyCaptured).with("captured_minor", order.gross_minor)),
        false if order.lines.iter().any(|line| line.delivered > 0) => {
            Err(Refusal::new(Code::PartlyDelivered))
        }
        false => Ok(()),
    }
}

/// 2.2: the total must be held before anything is asked for.
fn check_complete(facts: &ChangingFacts<'_>, case: &Case) -> Result<(), Refusal> {
    let is_undelivered =
        |line: &crate::order::Line| line.kind == LineKind::Goods && line.undelivered() > 0;
    if facts.rulebook.capture_mode == CaptureMode::PerDelivery
        && !facts.rulebook.completed_delivers
        && case.order.lines.iter().any(is_undelivered)
    {
        return Err(Refusal::new(Code::NotDelivered));
    }
    plan_captures(case, left_to_capture(&case.order, &case.payments)).map(|_| ())
}

/// 2.7: back from CANCELLED.
fn check_reopen(facts: &ChangingFacts<'_>) -> Result<(), Refusal> {
    let case = facts.case;
    let needs_money = !is_fully_captured(&case.order, &case.payments);
    if needs_money && case.payments.iter().any(Payment::has_void) {
        return Err(Refusal::new(Code::ReservationGone));
    }
    let short = missing_skus(facts.items, &label::lines_to_take_again(&case.order));
    if !short.is_empty() && facts.rulebook.stock_mode == StockMode::Refuse {
        return Err(out_of_stock(&short));
    }
    Ok(())
}
