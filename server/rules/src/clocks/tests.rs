//! Worked examples of §3.5, and that an estimate never hides a stated day.

use super::*;
use crate::fixtures::{operation, order, payment};
use crate::order::{OrderNumber, Withdrawal};
use crate::payments::{Operation, OperationKind, OperationState};

const DAY_MICROS: i64 = 86_400_000_000;

fn day(text: &str) -> Day {
    Day::from_text(text).unwrap()
}

fn noon(text: &str) -> Micros {
    Micros(i64::from(day(text).0) * DAY_MICROS + DAY_MICROS / 2)
}

fn day_of(time: Micros) -> Day {
    Day(i32::try_from(time.0.div_euclid(DAY_MICROS)).unwrap())
}

const CALENDAR: Calendar<'static> = Calendar { transit_days: 3, day_of: &day_of };

/// An order whose goods left on these days and arrived as stated, or not stated.
fn delivered(deliveries: &[(&str, Option<&str>)]) -> Order {
    let mut order = order(1, 200);
    let units = i64::try_from(deliveries.len()).unwrap();
    order.lines[0].quantity = units;
    order.lines[0].delivered = units;
    order.deliveries = deliveries
        .iter()
        .zip(1..)
        .map(|((left, arrived), id)| Delivery {
            id,
            lines: vec![(1, 1)],
            shipped_at: noon(left),
            recorded_at: noon(left),
            arrived_on: arrived.map(day),
            cancelled_at: None,
            tracking: crate::order::Tracking::default(),
        })
        .collect();
    order
}

fn with_form(mut order: Order, sent: Option<&str>) -> Order {
    order.withdrawal = Withdrawal { form_sent_at: sent.map(noon), withdrawn_on: None };
    order
}

#[test]
fn the_deadline_runs_from_the_day_after_the_arrival_and_from_a_form_sent_late() {
    for (arrived, form, deadline) in [
        // Received on Wednesday 7 March with the form: the last day is Wednesday 21 March.
        ("2018-03-07", Some("2018-03-01"), "2018-03-21"),
        ("2018-03-07", Some("2018-03-07"), "2018-03-21"),
        ("2018-03-07", None, "2019-03-21"),
        ("2018-03-07", Some("2018-03-08"), "2018-03-22"),
        ("2018-03-07", Some("2018-09-10"), "2018-09-24"),
        ("2018-03-07", Some("2019-03-07"), "2019-03-21"),
        // Too late to shorten it, and it is never longer than without.
        ("2018-03-07", Some("2019-03-15"), "2019-03-21"),
        ("2018-03-07", Some("2020-01-01"), "2019-03-21"),
        ("2028-02-15", None, "2029-02-28"),
    ] {
        let order = with_form(delivered(&[("2018-03-01", Some(arrived))]), form);
        let shown = clocks(&order, &CALENDAR);
        assert_eq!(shown.withdrawal_deadline, Some(day(deadline)), "{arrived} {form:?}");
    }
}

#[test]
fn the_last_delivery_counts_and_an_estimate_is_marked_so() {
    let arrival = |deliveries: &[(&str, Option<&str>)]| {
        let shown = clocks(&delivered(deliveries), &CALENDAR).arrival.unwrap();
        (shown.day.to_string(), shown.is_estimated)
    };
    let told = |text: &str, is_estimated| (text.to_owned(), is_estimated);
    assert_eq!(arrival(&[("2026-11-23", None)]), told("2026-11-26", true));
    assert_eq!(arrival(&[("2026-11-23", Some("2026-11-24"))]), told("2026-11-24", false));
    let (early, late) = (("2026-11-20", Some("2026-11-24")), ("2026-11-23", None));
    assert_eq!(arrival(&[early, late]), told("2026-11-26", true));
    assert_eq!(arrival(&[late, early]), told("2026-11-26", true));
    let late = ("2026-11-23", Some("2026-11-25"));
    assert_eq!(arrival(&[early, late]), told("2026-11-25", false));
    let both = [("2026-11-20", None), ("2026-11-20", Some("2026-11-23"))];
    assert_eq!(arrival(&both), told("2026-11-23", false));
}

#[test]
fn no_clock_runs_while_goods_are_undelivered() {
    let mut order = delivered(&[("2026-11-20", None), ("2026-11-21", None)]);
    order.lines[0].quantity += 1;
    assert_eq!(clocks(&order, &CALENDAR), Clocks::default());
    order.lines[0].kept_back = 1;
    assert!(clocks(&order, &CALENDAR).withdrawal_deadline.is_some(), "it was credited instead");
    order.lines[0].kept_back = 0;
    order.lines[0].quantity -= 1;
    assert!(clocks(&order, &CALENDAR).withdrawal_deadline.is_some());
    // Taken back: what was sent in it does not count.
    order.deliveries[1].cancelled_at = Some(noon("2026-11-22"));
    order.lines[0].delivered = 1;
    assert_eq!(clocks(&order, &CALENDAR).arrival, None);
    order.lines[0].quantity = 1;
    assert_eq!(clocks(&order, &CALENDAR).arrival.unwrap().day, day("2026-11-23"));
}

#[test]
fn the_refund_is_due_14_days_after_the_withdrawal_whatever_was_delivered() {
    let mut order = order(1, 100);
    order.withdrawal.withdrawn_on = Some(day("2026-11-25"));
    let shown = clocks(&order, &CALENDAR);
    assert_eq!(shown.refund_due, Some(day("2026-12-09")));
    assert_eq!(shown.withdrawal_deadline, None);
}

/// A withdrawn purchase of two units for 100, captured, so many of them credited and refunded so.
fn owed(credited: i64, refunds: &[(OperationState, i64)]) -> bool {
    let mut order = order(1, 100);
    order.withdrawal.withdrawn_on = Some(day("2026-11-25"));
    order.lines[0].credited = credited;
    let refund = |(id, &(state, amount_minor))| Operation {
        credit: Some(OrderNumber(2)),
        ..operation(id, OperationKind::Refund, amount_minor, state)
    };
    let mut payment = payment(1, 100, &[1]);
    payment.operations = vec![operation(1, OperationKind::Capture, 100, OperationState::Succeeded)];
    payment.operations.extend((2..).zip(refunds).map(refund));
    owes_refund(&order, &[payment])
}

#[test]
fn the_refund_is_owed_until_the_money_is_back() {
    use OperationState::{Accepted, Declined, Pending, Sent, Succeeded, Unknown};
    assert!(owed(0, &[]) && owed(1, &[(Succeeded, 50)]));
    assert!(!owed(2, &[]), "only the document was made");
    for state in [Pending, Sent, Accepted, Unknown, Declined] {
        assert!(owed(2, &[(state, 100)]), "{state:?}");
        assert!(owed(2, &[(Declined, 100), (state, 100)]), "{state:?} after a decline");
        assert!(!owed(2, &[(state, 100), (Succeeded, 100)]), "{state:?} and paid");
    }
    assert!(!owed(2, &[(Succeeded, 80)]), "a fee was kept");
    assert!(!owed(2, &[(Declined, 80), (Succeeded, 80)]));
    assert!(owed(2, &[(Declined, 80), (Succeeded, 50)]));
    // Before the purchase was withdrawn from, nothing is due.
    assert!(!owes_refund(&order(1, 100), &[payment(1, 100, &[1])]));
}
