//! `orderctl orders deliver`, `cancel-delivery`, `arrived` and `withdrawal`: what was sent, whether it
//! came, and whether the customer keeps it.

use clap::Args;
use order_sdk::proto;

use super::outcome::{is_under_way, outcome};
use super::troubles;
use super::waiting::WaitArguments;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::session::{Session, present};
use crate::times::point_in_time;

const DELIVER_EXAMPLES: &str = "\
Examples:
  orderctl orders deliver 1001
  orderctl orders deliver 1001 --line 1=2 --carrier Posten --tracking 70300000000000000
  orderctl orders deliver 1001 --url https://sporing.posten.no/70300 --shipped 2026-11-24T10:00
  orderctl orders deliver 1001 --line 1=2 --dry-run

Without --line everything that is undelivered is sent. A shop that captures per delivery captures the \
share of what was sent; the delivery stands whatever becomes of that. Where --wait is given and the share \
is not captured in that time, the exit code is 8.";

const ARRIVED_EXAMPLES: &str = "\
Examples:
  orderctl orders arrived 1001 --date 2026-11-25
  orderctl orders arrived 1001 --date 2026-11-25 --delivery 1

The customer's time to withdraw runs from the day after the last delivery arrived. Where nobody says so, \
that day is estimated.";

#[derive(Args, Debug)]
#[command(after_help = DELIVER_EXAMPLES)]
pub(crate) struct DeliverArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// A line and how many units of it are sent; everything that is undelivered unless told
    #[arg(long, value_name = "LINE=UNITS", value_parser = line_and_units)]
    line: Vec<(i32, i64)>,

    /// Who carries it, e.g. Posten
    #[arg(long, default_value = "", hide_default_value = true)]
    carrier: String,

    /// The carrier's number for it
    #[arg(long, value_name = "TRACKING_NUMBER", default_value = "", hide_default_value = true)]
    tracking: String,

    /// Where it can be followed: an https address
    #[arg(long, default_value = "", hide_default_value = true)]
    url: String,

    /// When it left: a time, a local date and time, or how long ago; now unless told
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    shipped: Option<prost_types::Timestamp>,

    #[command(flatten)]
    wait: WaitArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl orders cancel-delivery 1001 1")]
pub(crate) struct CancelDeliveryArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// The delivery that was recorded by mistake, as `orders get` shows it
    delivery: i32,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = ARRIVED_EXAMPLES)]
pub(crate) struct ArrivedArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Day on which it arrived, in the shop's time zone: 2026-11-25
    #[arg(long, value_name = "DAY")]
    date: String,

    /// The delivery; all of them unless told
    #[arg(long, value_name = "ID", default_value_t = 0, hide_default_value = true)]
    delivery: i32,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl orders withdrawal 1001 --date 2026-11-25\n\n\
    From that day on the money must be paid back within 14 days: `orderctl orders get 1001` shows until when.")]
pub(crate) struct WithdrawalArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Day on which the customer sent the statement, in the shop's time zone: 2026-11-25
    #[arg(long, value_name = "DAY")]
    date: String,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn deliver(
    session: &Session,
    arguments: &DeliverArguments,
) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let mut delivery = session
        .client
        .deliver(&session.order_name(&arguments.order)?)
        .carrier(&arguments.carrier)
        .tracking_number(&arguments.tracking)
        .tracking_url(&arguments.url)
        .wait(arguments.wait.time())
        .request_id(&request_id);
    for &(line, units) in &arguments.line {
        delivery = delivery.line(line, units);
    }
    if let Some(time) = arguments.shipped {
        delivery = delivery.ship_time(time);
    }
    if arguments.change.dry_run {
        delivery = delivery.validate_only();
    }
    let answer = delivery.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    if arguments.change.dry_run {
        return Ok(());
    }
    let has_plan = answer.receipt.is_some_and(|receipt| !receipt.plan.is_empty());
    let is_waited_for = arguments.wait.is_asked_for();
    captured(session, &present(answer.order)?, (has_plan, is_waited_for)).await
}

/// Fails when what the delivery was to capture (`has_plan`) is declined, or was waited for in vain.
async fn captured(
    session: &Session,
    order: &proto::Order,
    (has_plan, is_waited_for): (bool, bool),
) -> Result<(), Failure> {
    if has_plan && is_capture_declined(order) {
        let headline =
            format!("order {} is delivered, and its money is not captured", order.number);
        return Err(troubles::declined(session, order, &headline, |_| true).await);
    }
    if is_waited_for && captures(order).any(is_under_way) {
        let headline = "delivered, and its money is not captured yet";
        return Err(troubles::unfinished(session, order, headline).await);
    }
    if has_plan {
        troubles::tell(session, order, troubles::holds_up).await;
    }
    Ok(())
}

pub(crate) async fn cancel_delivery(
    session: &Session,
    arguments: &CancelDeliveryArguments,
) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::CancelDeliveryRequest {
        name: session.order_name(&arguments.order)?.into(),
        delivery_id: arguments.delivery,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .cancel_delivery(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

pub(crate) async fn arrived(
    session: &Session,
    arguments: &ArrivedArguments,
) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::ConfirmArrivalRequest {
        name: session.order_name(&arguments.order)?.into(),
        delivery_id: arguments.delivery,
        arrival_date: arguments.date.clone(),
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .confirm_arrival(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        with_clocks(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

pub(crate) async fn withdrawal(
    session: &Session,
    arguments: &WithdrawalArguments,
) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::RecordWithdrawalRequest {
        name: session.order_name(&arguments.order)?.into(),
        withdrawal_date: arguments.date.clone(),
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .record_withdrawal(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        with_clocks(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

/// The outcome with the days that the law counts.
fn with_clocks(order: &proto::Order, receipt: Option<&proto::Receipt>, is_dry_run: bool) -> String {
    let mut text = outcome(order, receipt, is_dry_run);
    let clocks = order.withdrawal.clone().unwrap_or_default();
    for (what, day) in [
        ("the customer may withdraw until", clocks.deadline_date),
        ("the money is due until", clocks.refund_due_date),
    ] {
        if !day.is_empty() {
            text.push_str(&format!("\n  {what} {day}"));
        }
    }
    text
}

fn captures(order: &proto::Order) -> impl Iterator<Item = &proto::Operation> {
    let operations = order.payments.iter().flat_map(|payment| &payment.operations);
    operations.filter(|operation| operation.kind() == proto::OperationKind::Capture)
}

/// Whether the newest capture was declined.
fn is_capture_declined(order: &proto::Order) -> bool {
    captures(order)
        .max_by_key(|operation| operation.id)
        .is_some_and(|newest| newest.state() == proto::OperationState::Declined)
}

/// Reads `1=2`: two units of line 1.
fn line_and_units(text: &str) -> Result<(i32, i64), String> {
    let parts = text.split_once('=').and_then(|(line, units)| {
        Some((line.trim().parse::<i32>().ok()?, units.trim().parse::<i64>().ok()?))
    });
    parts.ok_or_else(|| "must be a line and its units, like 1=2".to_owned())
}
