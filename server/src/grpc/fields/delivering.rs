//! Fields of the commands on deliveries, and of the days that the law counts from.

use std::ops::RangeInclusive;

use order_proto::v1;
use order_rules::delivering::{Arrived, Deliver};
use order_rules::order::{Day, Micros, Tracking};

use super::Fields;
use super::envelope::Asking;
use super::names::OrderName;
use crate::commands::{
    CancelDelivery, Command, ConfirmArrival, DeliverOrder, Failure, RecordWithdrawal,
};
use crate::grpc::caller::Caller;

const LINES_MAX: usize = 500;
const UNITS: RangeInclusive<i64> = 1..=1_000_000;
const CARRIER_CHARACTERS_MAX: usize = 100;
const TRACKING_NUMBER_CHARACTERS_MAX: usize = 100;
const TRACKING_URL_CHARACTERS_MAX: usize = 2_000;

/// Checks `DeliverOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn deliver_order(
    mut request: v1::DeliverOrderRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::DeliverOrderRequest {
        name,
        lines,
        carrier,
        tracking_number,
        tracking_url,
        ship_time,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(lines.len() <= LINES_MAX, "lines", "has more than 500 lines");
    let lines = lines.into_iter().take(LINES_MAX).enumerate();
    let delivery = Deliver {
        lines: lines.map(|(index, line)| fields.delivery_line(index, line)).collect(),
        shipped_at: fields.instant("ship_time", ship_time),
        tracking: Tracking {
            carrier: fields.line("carrier", carrier, 0..=CARRIER_CHARACTERS_MAX),
            number: fields.line(
                "tracking_number",
                tracking_number,
                0..=TRACKING_NUMBER_CHARACTERS_MAX,
            ),
            url: fields.web_address("tracking_url", tracking_url),
        },
    };
    fields.each_line_once(&delivery.lines);
    let command = DeliverOrder { number, etag: fields.etag(etag), delivery };
    envelope.finish(fields, shop, Command::DeliverOrder(command))
}

/// Checks `CancelDelivery`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn cancel_delivery(
    mut request: v1::CancelDeliveryRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::CancelDeliveryRequest { name, delivery_id, request_id: _, etag, validate_only: _ } =
        request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(delivery_id >= 1, "delivery_id", "must be at least 1");
    let command = CancelDelivery { number, etag: fields.etag(etag), delivery: delivery_id };
    envelope.finish(fields, shop, Command::CancelDelivery(command))
}

/// Checks `ConfirmArrival`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn confirm_arrival(
    mut request: v1::ConfirmArrivalRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::ConfirmArrivalRequest {
        name,
        delivery_id,
        arrival_date,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(delivery_id >= 0, "delivery_id", "must not be negative");
    let arrived = Arrived {
        delivery: (delivery_id != 0).then_some(delivery_id),
        day: fields.day("arrival_date", &arrival_date),
    };
    let command = ConfirmArrival { number, etag: fields.etag(etag), arrived };
    envelope.finish(fields, shop, Command::ConfirmArrival(command))
}

/// Checks `RecordWithdrawal`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn record_withdrawal(
    mut request: v1::RecordWithdrawalRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::RecordWithdrawalRequest {
        name,
        withdrawal_date,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let day = fields.day("withdrawal_date", &withdrawal_date);
    let command = RecordWithdrawal { number, etag: fields.etag(etag), day };
    envelope.finish(fields, shop, Command::RecordWithdrawal(command))
}

impl Fields {
    /// A day of the calendar.
    pub(crate) fn day(&mut self, field: &str, text: &str) -> Day {
        if let Some(day) = Day::from_text(text) {
            return day;
        }
        self.refuse(field, "must be a day like 2026-11-25");
        Day(0)
    }

    /// A point in time, to the microsecond.
    fn instant(&mut self, field: &str, time: Option<prost_types::Timestamp>) -> Option<Micros> {
        let time = time?;
        self.time(field, Some(&time));
        let micros = time.seconds.checked_mul(1_000_000)?;
        micros.checked_add(i64::from(time.nanos / 1_000)).map(Micros)
    }

    fn delivery_line(&mut self, index: usize, line: v1::DeliveryLine) -> (i32, i64) {
        let v1::DeliveryLine { line_id, quantity } = line;
        let place = format!("lines[{index}]");
        self.check(line_id >= 1, &format!("{place}.line_id"), "must be at least 1");
        self.check(
            UNITS.contains(&quantity),
            &format!("{place}.quantity"),
            "must be from 1 to 1000000",
        );
        (line_id, quantity)
    }

    fn each_line_once(&mut self, lines: &[(i32, i64)]) {
        let mut known = std::collections::BTreeSet::new();
        for (index, (line, _)) in lines.iter().enumerate() {
            if !known.insert(*line) {
                self.refuse(format!("lines[{index}].line_id"), "is named twice");
            }
        }
    }

    /// An address of the web that customers can be sent to; may be empty.
    fn web_address(&mut self, field: &str, address: String) -> String {
        let address = self.line(field, address, 0..=TRACKING_URL_CHARACTERS_MAX);
        let host = address
            .strip_prefix("https://")
            .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let is_host = |host: &str| {
            !host.is_empty() && !host.contains('@') && !host.starts_with(['.', ':', '-'])
        };
        let is_right = address.is_empty()
            || (host.is_some_and(is_host)
                && !address.chars().any(|one| one.is_whitespace() || "<>\"'`".contains(one)));
        self.check(is_right, field, "must be an address that begins with https://");
        address
    }
}
