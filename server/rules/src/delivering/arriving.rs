//! §3.5 What the customer says: that goods arrived, that the purchase is withdrawn from.

use super::{check_sale, not_found};
use crate::changing::ChangingFacts;
use crate::clocks::{Calendar, clocks};
use crate::decision::{Change, Decision};
use crate::order::{Day, Micros};
use crate::refusals::{Code, Refusal, Violation};

/// When goods arrived, as it is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// `None`: all deliveries that stand.
    pub delivery: Option<i32>,
    pub day: Day,
}

/// States when deliveries arrived; a day that was stated before is corrected. It does not touch money or
/// units, so that a status change that waits is not in its way.
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `DELIVERY_NOT_FOUND`, `INVALID_REQUEST`.
pub fn confirm_arrival(
    facts: &ChangingFacts<'_>,
    calendar: &Calendar<'_>,
    command: Arrived,
    now: Micros,
) -> Result<Decision, Refusal> {
    check_sale(&facts.case.order)?;
    let mut decision = Decision::unchanged(facts.case.clone());
    let mut found = Vec::new();
    let deliveries = decision.case.order.deliveries.iter_mut();
    for delivery in deliveries.filter(|known| known.cancelled_at.is_none()) {
        if command.delivery.is_none_or(|id| id == delivery.id) {
            found.push((calendar.day_of)(delivery.shipped_at));
            if delivery.arrived_on != Some(command.day) {
                delivery.arrived_on = Some(command.day);
                let change = Change::ArrivalConfirmed { delivery: delivery.id, day: command.day };
                decision.changes.push(change);
            }
        }
    }
    let Some(&last_left) = found.iter().max() else {
        return Err(not_found(command.delivery.unwrap_or_default()));
    };
    if command.day < last_left {
        return Err(wrong("arrival_date", format!("must not be before it left, {last_left}")));
    }
    check_not_ahead("arrival_date", command.day, calendar, now)?;
    Ok(decision)
}

/// Records that the customer withdrew on this day; a day that was recorded before is corrected. Goods
/// need not have been delivered: the right exists from the purchase on.
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `INVALID_REQUEST`, `WITHDRAWAL_TOO_LATE`.
pub fn record_withdrawal(
    facts: &ChangingFacts<'_>,
    calendar: &Calendar<'_>,
    day: Day,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &facts.case.order;
    check_sale(order)?;
    let placed_on = (calendar.day_of)(order.placed_at);
    if day < placed_on {
        let what = format!("must not be before the order was placed, {placed_on}");
        return Err(wrong("withdrawal_date", what));
    }
    check_not_ahead("withdrawal_date", day, calendar, now)?;
    if let Some(last_day) = clocks(order, calendar).withdrawal_deadline
        && day > last_day
    {
        return Err(Refusal::new(Code::WithdrawalTooLate)
            .with("last_day", last_day)
            .with("withdrawal_date", day));
    }
    let mut decision = Decision::unchanged(facts.case.clone());
    if order.withdrawal.withdrawn_on != Some(day) {
        decision.case.order.withdrawal.withdrawn_on = Some(day);
        decision.changes.push(Change::WithdrawalRecorded { day });
    }
    Ok(decision)
}

fn check_not_ahead(
    field: &str,
    day: Day,
    calendar: &Calendar<'_>,
    now: Micros,
) -> Result<(), Refusal> {
    let today = (calendar.day_of)(now);
    if day > today {
        return Err(wrong(field, format!("must not be after today, {today}")));
    }
    Ok(())
}

fn wrong(field: &str, description: String) -> Refusal {
    Refusal::fields(vec![Violation { field: field.to_owned(), description }])
}
