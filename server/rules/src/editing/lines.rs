//! 5.5 What becomes of each line: the first units of it as it was placed, or a line placed anew.

use super::too_large;
use crate::money::{Overflow, line_amounts, part};
use crate::order::{Line, Order, PlacedLine, PriceBasis};
use crate::placing::totals::build_line;
use crate::placing::{LINES_MAX, NewLine, QUANTITY_MAX, UNIT_PRICE_MINOR_MAX, check_line};
use crate::refusals::{Code, Refusal, Violation};

/// What is to become of one line; what is not stated stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEdit {
    pub line: i32,
    /// 0 removes it.
    pub quantity: Option<i64>,
    pub unit_price_minor: Option<i64>,
}

/// An edit as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// At most one of each line.
    pub lines: Vec<LineEdit>,
    pub added: Vec<NewLine>,
    /// Required when units of tracked skus leave the order (5.5).
    pub restock: Option<bool>,
}

/// Lines an order may have had, those removed among them: their ids are never used again.
pub const LINES_EVER_MAX: usize = 2_000;

/// Lines that one edit may touch: the goods of each come and go with an event of their own.
const CHANGES_MAX: usize = 800;

/// Every field of the edit that breaks a bound, whatever order it is for.
#[must_use]
pub fn check_bounds(edit: &Edit) -> Vec<Violation> {
    let mut violations = Vec::new();
    if edit.lines.is_empty() && edit.added.is_empty() {
        violations.push(violation("lines", "says nothing to change"));
    }
    for (field, count) in [("lines", edit.lines.len()), ("added_lines", edit.added.len())] {
        if count > LINES_MAX {
            violations.push(violation(field, "has more than 500 lines"));
        }
    }
    let is_each_right = violations.is_empty();
    if is_each_right && edit.lines.len().saturating_add(edit.added.len()) > CHANGES_MAX {
        violations.push(violation("added_lines", "and lines are more than 800 together"));
    }
    for (index, one) in edit.lines.iter().enumerate().take(LINES_MAX) {
        violations.extend(check_line_edit(&edit.lines, index, *one));
    }
    for (index, line) in edit.added.iter().enumerate().take(LINES_MAX) {
        violations.extend(check_line(&format!("added_lines[{index}]"), line));
    }
    violations
}

fn check_line_edit(all: &[LineEdit], index: usize, one: LineEdit) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut check = |is_right: bool, field: &str, description: &str| {
        if !is_right {
            violations.push(violation(&format!("lines[{index}].{field}"), description));
        }
    };
    check(one.line >= 1, "line_id", "must be the id of a line");
    let is_repeated = all.iter().take(index).any(|earlier| earlier.line == one.line);
    check(!is_repeated, "line_id", "is stated twice");
    let has_quantity = one.quantity.is_none_or(|quantity| (0..=QUANTITY_MAX).contains(&quantity));
    check(has_quantity, "quantity", "must be from 0 to 1000000");
    let has_price =
        one.unit_price_minor.is_none_or(|price| (0..=UNIT_PRICE_MINOR_MAX).contains(&price));
    check(has_price, "unit_price_minor", "must be from 0 to 1000000000000");
    let says_something = one.quantity.is_some() || one.unit_price_minor.is_some();
    check(says_something, "quantity", "or unit_price_minor must be stated");
    violations
}

/// Every field of the edit that is wrong for this order.
pub(super) fn check_against(order: &Order, edit: &Edit) -> Vec<Violation> {
    let mut violations = check_bounds(edit);
    for (index, one) in edit.lines.iter().enumerate() {
        if !order.lines.iter().any(|line| line.id == one.line && line.quantity > 0) {
            let field = format!("lines[{index}].line_id");
            violations.push(violation(&field, "is not a line of the order"));
        }
    }
    let is_removed =
        |line: &Line| edit.lines.iter().any(|one| one.line == line.id && one.quantity == Some(0));
    let left = order.lines.iter().filter(|line| line.quantity > 0 && !is_removed(line)).count();
    let after = left.saturating_add(edit.added.len());
    if after == 0 {
        violations.push(violation("lines", "an order keeps at least one line: cancel it instead"));
    }
    if after > LINES_MAX {
        violations.push(violation("added_lines", "the order would have more than 500 lines"));
    }
    if order.lines.len().saturating_add(edit.added.len()) > LINES_EVER_MAX {
        violations.push(violation("added_lines", "the order has had too many lines"));
    }
    violations
}

/// The lines as they will be, stock aside. A removed line stays with no units.
pub(super) fn edited(order: &Order, edit: &Edit) -> Result<Vec<Line>, Refusal> {
    let mut lines = Vec::with_capacity(order.lines.len().saturating_add(edit.added.len()));
    for line in &order.lines {
        lines.push(match edit.lines.iter().find(|one| one.line == line.id) {
            Some(one) => edited_line(order.price_basis, line, *one)?,
            None => line.clone(),
        });
    }
    let last = order.lines.iter().map(|line| line.id).max().unwrap_or_default();
    for (id, new) in (last.saturating_add(1)..).zip(&edit.added) {
        lines.push(build_line(id, new, 0, order.price_basis).map_err(|_| too_large())?);
    }
    Ok(lines)
}

fn edited_line(basis: PriceBasis, line: &Line, one: LineEdit) -> Result<Line, Refusal> {
    let quantity = one.quantity.unwrap_or(line.quantity);
    let price = one.unit_price_minor.unwrap_or(line.unit_price_minor);
    let has_new_price = price != line.unit_price_minor && quantity > 0;
    if quantity == line.quantity && !has_new_price {
        return Ok(line.clone());
    }
    let fixed = line.captured.max(line.gone());
    let is_untouched = fixed == 0 && line.credited_gross_minor == 0;
    let is_rebased = has_new_price || quantity > line.placed.quantity;
    if quantity < fixed || (is_rebased && !is_untouched) {
        return Err(line_fixed(line, fixed));
    }
    let reduced = first_units(basis, line, quantity.min(line.placed.quantity));
    let mut edited = reduced.map_err(|_| too_large())?;
    if edited.gross_minor < edited.credited_gross_minor
        || edited.vat_minor < edited.credited_vat_minor
    {
        return Err(line_fixed(line, fixed));
    }
    if is_rebased {
        edited = rebased(basis, &edited, quantity, price).map_err(|_| too_large())?;
    }
    Ok(edited)
}

/// The first units of the line as it was placed (10.5). Its discount is what then is missing from
/// the price, so that the line still adds up.
fn first_units(basis: PriceBasis, line: &Line, quantity: i64) -> Result<Line, Overflow> {
    let placed = line.placed;
    let gross_minor = part(placed.gross_minor, 0, quantity, placed.quantity)?;
    let vat_minor = part(placed.vat_minor, 0, quantity, placed.quantity)?;
    let net_minor = gross_minor.checked_sub(vat_minor).ok_or(Overflow)?;
    let amount = match basis {
        PriceBasis::Gross => gross_minor,
        PriceBasis::Net => net_minor,
    };
    let full = line.unit_price_minor.checked_mul(quantity).ok_or(Overflow)?;
    let discount_minor = full.checked_sub(amount).ok_or(Overflow)?.max(0);
    Ok(Line { quantity, discount_minor, net_minor, vat_minor, gross_minor, ..line.clone() })
}

/// The line as if it had been placed so; its discount stays, at most what it comes to.
fn rebased(basis: PriceBasis, line: &Line, quantity: i64, price: i64) -> Result<Line, Overflow> {
    let full = price.checked_mul(quantity).ok_or(Overflow)?;
    let discount_minor = line.discount_minor.min(full);
    let amounts = line_amounts(basis, price, quantity, discount_minor, line.vat_rate)?;
    Ok(Line {
        quantity,
        unit_price_minor: price,
        discount_minor,
        net_minor: amounts.net,
        vat_minor: amounts.vat,
        gross_minor: amounts.gross,
        placed: PlacedLine { quantity, vat_minor: amounts.vat, gross_minor: amounts.gross },
        ..line.clone()
    })
}

fn line_fixed(line: &Line, fixed: i64) -> Refusal {
    Refusal::new(Code::LineFixed).with("line", line.id).with("fixed_quantity", fixed)
}

fn violation(field: &str, description: &str) -> Violation {
    Violation { field: field.to_owned(), description: description.to_owned() }
}
