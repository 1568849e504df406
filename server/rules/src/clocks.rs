//! §3.5 The legal clocks: when goods arrived, how long the customer may withdraw, when the money is due.

#[cfg(test)]
mod tests;

use crate::attention::unfinished_refund;
use crate::order::{Day, Delivery, DeliveryState, Micros, Order};
use crate::payments::{Payment, order_sums};

/// How a shop counts days.
#[derive(Clone, Copy)]
pub struct Calendar<'a> {
    /// Days that goods are under way when nobody says when they arrived.
    pub transit_days: i32,
    /// The day of an instant in the shop's time zone.
    pub day_of: &'a dyn Fn(Micros) -> Day,
}

/// The day on which goods arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub day: Day,
    /// Nobody has said so: it left, and so many days of transit were added.
    pub is_estimated: bool,
}

/// What the clocks of an order show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Of the last delivery; `None` while goods are undelivered.
    pub arrival: Option<Arrival>,
    /// Last day on which the customer may withdraw.
    pub withdrawal_deadline: Option<Day>,
    /// Last day on which the money must be paid back.
    pub refund_due: Option<Day>,
}

const WITHDRAWAL_DAYS: i32 = 14;
const REFUND_DAYS: i32 = 14;
/// How much longer the right lasts when the customer was never told of it.
const UNINFORMED_MONTHS: i32 = 12;

/// What the clocks of the order show. They do not depend on what day it is.
#[must_use]
pub fn clocks(order: &Order, calendar: &Calendar<'_>) -> Clocks {
    let arrival = last_arrival(order, calendar);
    let informed_on = order.withdrawal.form_sent_at.map(calendar.day_of);
    Clocks {
        arrival,
        withdrawal_deadline: arrival.map(|arrival| deadline(arrival.day, informed_on)),
        refund_due: order.withdrawal.withdrawn_on.map(|day| day.plus_days(REFUND_DAYS)),
    }
}

/// When a delivery arrived: as stated, or as it is estimated.
#[must_use]
pub fn arrival(delivery: &Delivery, calendar: &Calendar<'_>) -> Arrival {
    match delivery.arrived_on {
        Some(day) => Arrival { day, is_estimated: false },
        None => {
            let left = (calendar.day_of)(delivery.shipped_at);
            Arrival { day: left.plus_days(calendar.transit_days), is_estimated: true }
        }
    }
}

/// Whether the customer withdrew and the shop still has money of the order that is not credited, or
/// that a credit was to pay back (4.6).
#[must_use]
pub fn owes_refund(order: &Order, payments: &[Payment]) -> bool {
    if order.withdrawal.withdrawn_on.is_none() {
        return false;
    }
    let sums = order_sums(order.number, payments);
    let is_credited = order.lines.iter().all(|line| {
        line.credited >= line.quantity || line.credited_gross_minor >= line.gross_minor
    });
    let is_paid_out = || unfinished_refund(order, payments).is_none();
    sums.kept() > sums.refunded && !(is_credited && is_paid_out())
}

/// The last of several deliveries counts, and only once all goods are delivered.
fn last_arrival(order: &Order, calendar: &Calendar<'_>) -> Option<Arrival> {
    if order.deliveries.is_empty() || order.delivery_state() != DeliveryState::Delivered {
        return None;
    }
    let standing = order.deliveries.iter().filter(|delivery| delivery.cancelled_at.is_none());
    standing
        .map(|delivery| arrival(delivery, calendar))
        .max_by_key(|arrival| (arrival.day, !arrival.is_estimated))
}

/// 14 days from the day after the arrival, or from the day after the form came later than that; 12
/// months longer at most.
fn deadline(arrived_on: Day, informed_on: Option<Day>) -> Day {
    let longest = arrived_on.plus_days(WITHDRAWAL_DAYS).plus_months(UNINFORMED_MONTHS);
    match informed_on {
        Some(informed_on) => arrived_on.max(informed_on).plus_days(WITHDRAWAL_DAYS).min(longest),
        None => longest,
    }
}
