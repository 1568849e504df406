//! §5 Editing: lines of an order that is not captured yet change, and money and stock follow.

pub(crate) mod adjusting;
mod lines;
mod stocking;
#[cfg(test)]
mod tests;

pub use lines::{Edit, LINES_EVER_MAX, LineEdit, check_bounds};

use crate::changing::{ChangingFacts, check_nothing_pending, finish, label};
use crate::decision::{Change, Decision, Ids, LineChange};
use crate::draft::Draft;
use crate::order::{Line, Micros, Order, OrderKind};
use crate::payments::{Authorization, Payment, is_fully_captured, left_to_capture};
use crate::placing::totals::sum_lines;
use crate::refusals::{Code, Refusal, Violation};
use crate::statuses::Tag;

/// Edits the lines of an order. The edit stands at once; the new amounts of its reservations are
/// asked for by effects that nothing waits for (5.3).
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `STATUS_CHANGE_PENDING`, `ORDER_CANCELLED`, `ALREADY_CAPTURED`,
/// `INVALID_REQUEST` with every wrong field, `LINE_FIXED`, `TOTAL_BELOW_CAPTURED`,
/// `TOTAL_MAY_NOT_RISE`, `RESTOCK_REQUIRED`, `OUT_OF_STOCK`.
pub fn edit(
    facts: &ChangingFacts<'_>,
    edit: &Edit,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    check_editable(facts)?;
    let old = &facts.case.order;
    let violations = lines::check_against(old, edit);
    if !violations.is_empty() {
        return Err(Refusal::fields(violations));
    }
    let mut lines = lines::edited(old, edit)?;
    let changes = changed(&old.lines, &lines);
    if changes.is_empty() {
        return Ok(Decision::unchanged(facts.case.clone()));
    }
    let sums = sum_lines(&lines).map_err(|_| too_large())?;
    check_total(facts, sums.gross)?;
    let stock = stocking::follow(facts, &mut lines, edit.restock)?;

    let mut draft = Draft::new(facts.case.clone(), ids, now);
    draft.changes.push(Change::Edited {
        lines: changes,
        from_gross_minor: old.gross_minor,
        to_gross_minor: sums.gross,
    });
    let order = &mut draft.case.order;
    order.lines = lines;
    order.net_minor = sums.net;
    order.vat_minor = sums.vat;
    order.gross_minor = sums.gross;
    stocking::carry_out(&mut draft, stock);
    if sums.gross != old.gross_minor {
        adjusting::adjust(&mut draft);
    }
    Ok(finish(facts, draft))
}

/// 5.1: what is captured as a whole, cancelled or about to change is left as it is.
fn check_editable(facts: &ChangingFacts<'_>) -> Result<(), Refusal> {
    let order = &facts.case.order;
    if order.kind == OrderKind::Credit {
        return Err(Refusal::new(Code::CreditOrderFinal));
    }
    check_nothing_pending(order)?;
    let status = label::current_status(facts.statuses, order);
    if facts.statuses.tag(status) == Some(Tag::Cancelled) {
        return Err(Refusal::new(Code::OrderCancelled).with_status("status", status));
    }
    if order.completed_at.is_some() || is_fully_captured(order, &facts.case.payments) {
        return Err(Refusal::new(Code::AlreadyCaptured).with("captured_minor", order.gross_minor));
    }
    Ok(())
}

/// 5.1, 5.2: not below what is captured, and not above what it was while a provider has reserved it.
fn check_total(facts: &ChangingFacts<'_>, new_minor: i64) -> Result<(), Refusal> {
    let (order, payments) = (&facts.case.order, &facts.case.payments);
    let captured_minor = order.gross_minor.saturating_sub(left_to_capture(order, payments));
    if new_minor < captured_minor {
        return Err(Refusal::new(Code::TotalBelowCaptured)
            .with("captured_minor", captured_minor)
            .with("new_minor", new_minor));
    }
    if new_minor > order.gross_minor && !is_settled_by_hand(order, payments) {
        return Err(Refusal::new(Code::TotalMayNotRise)
            .with("old_minor", order.gross_minor)
            .with("new_minor", new_minor));
    }
    Ok(())
}

/// Whether the order is wholly on manual payment: a provider has neither reserved nor captured any
/// of it.
fn is_settled_by_hand(order: &Order, payments: &[Payment]) -> bool {
    let is_live = |payment: &&Payment| {
        matches!(payment.authorization, Authorization::Pending | Authorization::Held)
            && payment.is_held_by(order.number)
    };
    let has_manual = payments.iter().filter(is_live).any(|one| one.capabilities.is_manual);
    let is_provided = |payment: &Payment| {
        let sums = payment.sums_for(order.number);
        !payment.capabilities.is_manual
            && (is_live(&payment) || sums.captured > 0 || sums.claimed_capture > 0)
    };
    has_manual && !payments.iter().any(is_provided)
}

/// What became of each line that is not as it was.
fn changed(old: &[Line], new: &[Line]) -> Vec<LineChange> {
    new.iter()
        .filter_map(|line| {
            let before = old.iter().find(|before| before.id == line.id);
            if before == Some(line) {
                return None;
            }
            Some(LineChange {
                line: line.id,
                from_quantity: before.map_or(0, |before| before.quantity),
                to_quantity: line.quantity,
                from_unit_price_minor: before.map_or(0, |before| before.unit_price_minor),
                to_unit_price_minor: line.unit_price_minor,
                from_gross_minor: before.map_or(0, |before| before.gross_minor),
                to_gross_minor: line.gross_minor,
            })
        })
        .collect()
}

fn too_large() -> Refusal {
    Refusal::fields(vec![Violation {
        field: "lines".to_owned(),
        description: "the amounts are too large".to_owned(),
    }])
}
