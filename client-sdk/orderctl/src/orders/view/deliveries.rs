//! Deliveries on paper, and the days that the law counts.

use order_sdk::proto;

use crate::amounts::amount;
use crate::tables::table;
use crate::times::local;

/// A row per delivery, those taken back among them; empty where there is none.
pub(super) fn deliveries(order: &proto::Order) -> Option<String> {
    if order.deliveries.is_empty() {
        return None;
    }
    let row = |delivery: &proto::Delivery| {
        let units: Vec<String> = delivery
            .lines
            .iter()
            .map(|line| format!("{} of line {}", line.quantity, line.line_id))
            .collect();
        vec![
            delivery.id.to_string(),
            units.join(", "),
            amount(delivery.gross_minor, &order.currency_code),
            local(delivery.ship_time.as_ref()),
            day(&delivery.arrival_date, delivery.is_arrival_estimated),
            state(delivery),
            tracking(delivery),
        ]
    };
    let headings = [">DELIVERY", "UNITS", ">SHARE", "LEFT", "ARRIVED", "STATE", "TRACKING"];
    Some(table(&headings, order.deliveries.iter().map(row).collect()))
}

/// Lines about the customer's right to withdraw, each with its title; a text may be empty.
pub(super) fn clocks(order: &proto::Order) -> [(&'static str, String); 5] {
    let clocks = order.withdrawal.clone().unwrap_or_default();
    [
        ("Arrived", day(&clocks.arrival_date, clocks.is_arrival_estimated)),
        ("Form sent", local(clocks.form_send_time.as_ref())),
        ("Withdraw until", clocks.deadline_date),
        ("Withdrawn", clocks.withdrawal_date),
        ("Refund due", clocks.refund_due_date),
    ]
}

fn day(date: &str, is_estimated: bool) -> String {
    if is_estimated { format!("{date} (estimated)") } else { date.to_owned() }
}

fn state(delivery: &proto::Delivery) -> String {
    match &delivery.cancel_time {
        Some(time) => format!("taken back {}", local(Some(time))),
        None if delivery.is_captured => "captured".to_owned(),
        None => String::new(),
    }
}

fn tracking(delivery: &proto::Delivery) -> String {
    let parts = [&delivery.carrier, &delivery.tracking_number, &delivery.tracking_url];
    let filled: Vec<&str> =
        parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    filled.join(" ")
}
