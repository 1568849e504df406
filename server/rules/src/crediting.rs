//! §4 Crediting: what of a sale is credited, which payments bear it, and the credit order of it.

mod document;
mod parts;
mod refunds;
#[cfg(test)]
mod tests;

use crate::changing::{self, ChangingFacts};
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::Draft;
use crate::duplicates::bound_elsewhere;
use crate::money::VatRate;
use crate::order::{CreditOf, DuplicateResolution, Micros, OrderKind, OrderNumber};
use crate::payments::{PaymentId, order_sums};
use crate::placing::sum_lines;
use crate::refusals::{Code, Refusal, Violation};
use crate::stock::MovementReason;
use parts::Part;

/// What is to be credited of a sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditOrder {
    /// At most one of each line.
    pub lines: Vec<CreditLine>,
    pub fees: Vec<CreditFee>,
    /// The money goes back, or only the document is made (4.2).
    pub is_refunded: bool,
    /// Which payments bear it; empty: the last captured first. At most one of each payment.
    pub shares: Vec<(PaymentId, i64)>,
    /// A reason was given: it becomes a note on the credit order.
    pub has_reason: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditLine {
    pub line: i32,
    pub amount: CreditAmount,
    /// The credited units go back on stock (4.7).
    pub is_restocked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditAmount {
    /// At least 1.
    Units(i64),
    /// A price reduction with VAT, minor units; at least 1.
    Gross(i64),
}

/// What the shop keeps of a credit (4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditFee {
    pub title: String,
    /// With VAT, minor units; at least 1.
    pub gross_minor: i64,
    pub vat_rate: VatRate,
}

/// The numbers that the credit order gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditNumbers {
    pub order: OrderNumber,
    /// In the shop's gapless series of credits.
    pub credit_number: i64,
}

/// What became of the sale, and the new credit order: both or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    pub sale: Decision,
    pub credit: Decision,
}

/// Credits lines of a sale and makes its credit order, in one turn.
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `STATUS_CHANGE_PENDING`, `DUPLICATE_UNRESOLVED`,
/// `DUPLICATE_NOT_CREDITABLE`, `INVALID_REQUEST` (lines and payments that the order does not have,
/// fees above the credit, shares that do not come to it), `CREDIT_EXCEEDS_CAPTURED`,
/// `REFUND_BY_HAND`.
pub fn credit(
    facts: &ChangingFacts<'_>,
    command: &CreditOrder,
    numbers: CreditNumbers,
    ids: &mut Ids,
    now: Micros,
) -> Result<Credited, Refusal> {
    let case = facts.case;
    check_creditable(case)?;
    changing::check_nothing_pending(&case.order)?;
    check_fields(case, command)?;
    let parts = parts::of(&case.order, &command.lines)?;
    let origin = CreditOf { original: case.order.number, credit_number: numbers.credit_number };
    let lines = document::lines(&case.order, &parts, &command.fees).map_err(|_| too_large())?;
    let sums = sum_lines(&lines).map_err(|_| too_large())?;
    if sums.gross > 0 {
        return Err(wrong("fees", "come to more than what is credited"));
    }
    let credited_minor = sums.gross.saturating_neg();
    let refunds = match command.is_refunded {
        true => refunds::allocate(case, &command.shares, credited_minor)?,
        false => Vec::new(),
    };

    let order = document::order(facts, numbers.order, origin, lines, now)?;
    let mut changes = vec![Change::Created];
    changes.extend(command.has_reason.then_some(Change::NoteAdded));
    let document = Case { order, payments: Vec::new() };
    let credit = Decision { changes, ..Decision::unchanged(document) };

    let mut draft = Draft::new(case.clone(), ids, now);
    draft.case.order.credits.push(numbers.order);
    draft.changes.push(Change::Credited { credit: numbers.order, gross_minor: credited_minor });
    for part in &parts {
        take(facts, &mut draft, part);
    }
    for (payment, amount_minor) in refunds {
        draft.request_refund(payment, amount_minor, numbers.order);
    }
    Ok(Credited { sale: changing::finish(facts, draft), credit })
}

/// 4.5, 4.7.
fn check_creditable(case: &Case) -> Result<(), Refusal> {
    let order = &case.order;
    if order.kind == OrderKind::Credit {
        return Err(Refusal::new(Code::CreditOrderFinal));
    }
    let shared = case
        .payments
        .iter()
        .find(|payment| payment.is_held_by(order.number) && payment.is_held_beside(order.number));
    if let Some(payment) = shared {
        let is_other = |number: &OrderNumber| *number != order.number;
        let live = payment.holders.iter().filter(|holder| holder.is_live);
        let other = live.map(|holder| holder.order).find(is_other).map_or(0, |other| other.0);
        return Err(Refusal::new(Code::DuplicateUnresolved).with("other", other));
    }
    let kept = case.payments.iter().find_map(|payment| bound_elsewhere(payment, order.number));
    let dropped = order
        .duplicates
        .iter()
        .find(|link| link.same_payment && link.resolution == DuplicateResolution::Dropped);
    let other = kept.or_else(|| dropped.map(|link| link.other));
    match other {
        Some(other) if order_sums(order.number, &case.payments).captured == 0 => {
            Err(Refusal::new(Code::DuplicateNotCreditable).with("other", other.0))
        }
        _ => Ok(()),
    }
}

/// What only the order can tell of the fields.
fn check_fields(case: &Case, command: &CreditOrder) -> Result<(), Refusal> {
    let unknown_lines = command.lines.iter().enumerate().filter_map(|(index, line)| {
        let is_known = case.order.lines.iter().any(|known| known.id == line.line);
        (!is_known)
            .then(|| violation(&format!("lines[{index}].line_id"), "is no line of the order"))
    });
    let unknown_payments = command.shares.iter().enumerate().filter_map(|(index, (payment, _))| {
        let field = format!("shares[{index}].payment_id");
        let is_known = case.order.payments.contains(payment);
        (!is_known).then(|| violation(&field, "is no payment of the order"))
    });
    let violations: Vec<Violation> = unknown_lines.chain(unknown_payments).collect();
    if violations.is_empty() { Ok(()) } else { Err(Refusal::fields(violations)) }
}

/// Writes a part off its line, and puts its goods back where that was chosen (4.7): never more
/// than this order took and has not put back.
fn take(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>, part: &Part) {
    let Some(line) = draft.case.order.lines.iter_mut().find(|line| line.id == part.line) else {
        return;
    };
    line.credited = line.credited.saturating_add(part.units);
    line.keep_back_credited();
    line.credited_gross_minor = line.credited_gross_minor.saturating_add(part.gross_minor);
    line.credited_vat_minor = line.credited_vat_minor.saturating_add(part.vat_minor);
    let is_tracked = facts.items.contains_key(&line.sku);
    let held = line.stock_taken.saturating_sub(line.stock_put_back);
    let quantity = part.units.min(held);
    if part.is_restocked && is_tracked && quantity > 0 {
        line.stock_put_back = line.stock_put_back.saturating_add(quantity);
        let sku = line.sku.clone();
        draft.move_stock(part.line, sku, quantity, MovementReason::Credited);
    }
}

fn violation(field: &str, description: &str) -> Violation {
    Violation { field: field.to_owned(), description: description.to_owned() }
}

fn wrong(field: &str, description: &str) -> Refusal {
    Refusal::fields(vec![violation(field, description)])
}

fn too_large() -> Refusal {
    wrong("lines", "come to an amount that is too large")
}
