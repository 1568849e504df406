//! 4.1, 10.5: what a credit of a line comes to, so that any series of them adds up to the line.

use super::{CreditAmount, CreditLine, too_large};
use crate::money::{Overflow, VatRate, part, vat_of_gross};
use crate::order::{Line, Order};
use crate::refusals::{Code, Refusal, Violation};

/// How far the VAT of a price reduction may stand off what its amount carries, minor units.
const VAT_DRIFT: i64 = 1;

/// What is credited of one line; amounts ≥ 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) line: i32,
    /// 0 for a price reduction.
    pub(super) units: i64,
    pub(super) gross_minor: i64,
    pub(super) vat_minor: i64,
    pub(super) is_restocked: bool,
}

/// What of a line is captured and not credited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) units: i64,
    pub(super) gross_minor: i64,
    pub(super) vat_minor: i64,
}

/// The parts that the command names, each within what is left of its line.
///
/// # Errors
/// `CREDIT_EXCEEDS_CAPTURED` with what is left: of the first line as details, of each as a violation.
pub(super) fn of(order: &Order, wanted: &[CreditLine]) -> Result<Vec<Part>, Refusal> {
    let mut parts = Vec::new();
    let mut exceeding: Option<Refusal> = None;
    for (index, credit) in wanted.iter().enumerate() {
        let Some(line) = order.lines.iter().find(|line| line.id == credit.line) else { continue };
        let left = left_of(line).map_err(|_| too_large())?;
        match part_of(line, left, credit).map_err(|_| too_large())? {
            Some(part) => parts.push(part),
            None => {
                let refusal = exceeding.get_or_insert_with(|| first_refusal(line, left, credit));
                refusal.violations.push(what_is_left(index, left, credit));
            }
        }
    }
    match exceeding {
        Some(refusal) => Err(refusal),
        None => Ok(parts),
    }
}

/// What can still be credited of a line.
pub(super) fn left_of(line: &Line) -> Result<Left, Overflow> {
    if line.captured == 0 {
        return Ok(Left::default());
    }
    let captured = |amount| part(amount, 0, line.captured, line.placed.quantity);
    let gross = captured(line.placed.gross_minor)?.saturating_sub(line.credited_gross_minor);
    let vat = captured(line.placed.vat_minor)?.saturating_sub(line.credited_vat_minor);
    Ok(Left {
        units: line.captured.saturating_sub(line.credited),
        gross_minor: gross.max(0),
        vat_minor: vat.max(0),
    })
}

/// `None` when more is asked for than is left.
fn part_of(line: &Line, left: Left, credit: &CreditLine) -> Result<Option<Part>, Overflow> {
    let (units, gross_minor, vat_minor) = match credit.amount {
        CreditAmount::Units(units) if units > left.units => return Ok(None),
        CreditAmount::Gross(gross) if gross > left.gross_minor => return Ok(None),
        CreditAmount::Units(units) => {
            let share = |amount| part(amount, line.credited, units, line.placed.quantity);
            // After a price reduction there is less left than the units were sold for.
            let gross = share(line.placed.gross_minor)?.min(left.gross_minor);
            let vat = match gross == left.gross_minor {
                true => left.vat_minor,
                false => share(line.placed.vat_minor)?.min(left.vat_minor),
            };
            (units, gross, vat)
        }
        CreditAmount::Gross(gross) => (0, gross, vat_of_reduction(gross, left, line.vat_rate)?),
    };
    Ok(Some(Part {
        line: line.id,
        units,
        gross_minor,
        vat_minor,
        is_restocked: credit.is_restocked && units > 0,
    }))
}

/// By 10.2 at the line's rate, but so that what is left stays a line of that rate: many small
/// reductions, each rounded, must not use up its VAT, nor leave all of it to the last.
fn vat_of_reduction(gross: i64, left: Left, rate: VatRate) -> Result<i64, Overflow> {
    let rest = left.gross_minor.saturating_sub(gross);
    if rest == 0 {
        return Ok(left.vat_minor);
    }
    let fitting = left.vat_minor.saturating_sub(vat_of_gross(rest, rate)?);
    let least = fitting.saturating_sub(VAT_DRIFT).max(left.vat_minor.saturating_sub(rest)).max(0);
    let most = fitting.saturating_add(VAT_DRIFT).min(left.vat_minor).max(0);
    Ok(vat_of_gross(gross, rate)?.max(least).min(most))
}

fn first_refusal(line: &Line, left: Left, credit: &CreditLine) -> Refusal {
    let refusal = Refusal::new(Code::CreditExceedsCaptured).with("line", line.id);
    match credit.amount {
        CreditAmount::Units(_) => refusal.with("left_quantity", left.units),
        CreditAmount::Gross(_) => refusal.with("left_minor", left.gross_minor),
    }
}

fn what_is_left(index: usize, left: Left, credit: &CreditLine) -> Violation {
    let (field, description) = match credit.amount {
        CreditAmount::Units(_) => ("quantity", format!("may be at most {}", left.units)),
        CreditAmount::Gross(_) => ("gross_minor", format!("may be at most {}", left.gross_minor)),
    };
    Violation { field: format!("lines[{index}].{field}"), description }
}
