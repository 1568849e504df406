//! A person's data: when an order may forget who bought, and how long its voucher must not.

#[cfg(test)]
mod tests;

use crate::accounting::open_transfer;
use crate::attention::unfinished_refund;
use crate::decision::Case;
use crate::order::{Micros, Order, OrderKind};
use crate::payments::{Operation, OperationKind, OperationState, order_sums};

/// Vouchers are kept so many years after the end of the financial year (bookkeeping act § 13).
const VOUCHER_YEARS: i64 = 5;
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// It may be next year already where the shop is.
const ZONE_MARGIN: i64 = 14 * HOUR;

/// Whether the shop still owes something on the order, or is owed: a sale that is neither completed
/// nor cancelled, a change, an operation or a transfer to the books under way, an open problem about
/// money, or money of a purchase that the customer withdrew from (3.5).
#[must_use]
pub fn is_money_open(case: &Case) -> bool {
    let order = &case.order;
    if order.pending.is_some() {
        return true;
    }
    if order.deleted_at.is_some() {
        return false;
    }
    let is_live = order.kind == OrderKind::Sale
        && order.completed_at.is_none()
        && order.cancelled_at.is_none();
    let has_problem = order.problems.iter().any(|problem| {
        problem.closed_at.is_none() && (problem.payment.is_some() || problem.operation.is_some())
    });
    let is_transferred = open_transfer(order).is_some();
    is_live
        || has_problem
        || is_transferred
        || owes_withdrawn(case)
        || own_operations(case).any(|operation| operation.state.is_claimed())
}

/// Whether money of a purchase that the customer withdrew from is not on its way back. From which goods
/// is not recorded, so whatever the shop has credited counts for all of them.
fn owes_withdrawn(case: &Case) -> bool {
    let Case { order, payments, .. } = case;
    let sums = order_sums(order.number, payments);
    order.withdrawal.withdrawn_on.is_some()
        && (unfinished_refund(order, payments).is_some()
            || order.credits.is_empty() && sums.kept() > sums.refunded)
}

/// Until when the bookkeeping act keeps the name and address on the order's voucher; `None` for an
/// order of which no money was kept and which was never completed.
#[must_use]
pub fn voucher_kept_until(case: &Case) -> Option<Micros> {
    let moved = own_operations(case)
        .filter(|operation| operation.state == OperationState::Succeeded)
        .filter(|operation| {
            matches!(operation.kind, OperationKind::Capture | OperationKind::Refund)
        })
        .filter_map(|operation| operation.resolved_at);
    let last = moved.chain(voucher_made_at(&case.order)).max()?;
    let year = year_of(Micros(last.0.saturating_add(ZONE_MARGIN)));
    Some(first_of_year(year.saturating_add(VOUCHER_YEARS + 1)))
}

fn voucher_made_at(order: &Order) -> Option<Micros> {
    match order.kind {
        OrderKind::Sale => order.completed_at,
        OrderKind::Credit => Some(order.placed_at),
    }
}

fn own_operations(case: &Case) -> impl Iterator<Item = &Operation> {
    let operations = case.payments.iter().flat_map(|payment| &payment.operations);
    operations.filter(|operation| operation.order == case.order.number)
}

fn year_of(time: Micros) -> i64 {
    let days = time.0.div_euclid(DAY);
    // Never late by more than a year: the average year is shorter than 366 days.
    let mut year = 1970_i64.saturating_add(days.div_euclid(366));
    while first_of_year(year.saturating_add(1)) <= time {
        year = year.saturating_add(1);
    }
    year
}

/// Midnight of New Year's Day.
fn first_of_year(year: i64) -> Micros {
    let leap_days = |years: i64| {
        years
            .div_euclid(4)
            .saturating_sub(years.div_euclid(100))
            .saturating_add(years.div_euclid(400))
    };
    let since = year.saturating_sub(1970).saturating_mul(365);
    let leaps = leap_days(year.saturating_sub(1)).saturating_sub(leap_days(1969));
    Micros(since.saturating_add(leaps).saturating_mul(DAY))
}
