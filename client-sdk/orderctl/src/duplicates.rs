//! `orderctl duplicates`: orders that may be one purchase, and what becomes of them.

use std::time::Duration;

use clap::{Args, Subcommand};
use order_sdk::{OrderName, StatusName, proto};

use crate::arguments::ChangeArguments;
use crate::arguments::YesNo;
use crate::failure::Failure;
use crate::labels::label;
use crate::orders::status::{dropped, pending};
use crate::orders::{list, outcome::outcome};
use crate::session::{Session, last_part, present};
use crate::status_names::{StatusNames, has_status};
use crate::times::duration;

const RESOLVE_EXAMPLES: &str = "\
Examples:
  orderctl duplicates resolve --keep 1001 --drop 1002 --restock yes --complete-as Sendt
  orderctl duplicates resolve --keep 1001 --drop 1002 --restock yes --complete-as Sendt --dry-run
  orderctl duplicates resolve --keep 1001 --drop 1002 --drop 1003 --restock no

With --complete-as the payment is captured for the order that is kept, and only when that has \
happened are the others cancelled; when the provider declines, they stay as they were. Without it \
they are cancelled at once, and the reservation stays with the kept order. The payment is never \
given back by dropping an order, and nothing is credited.";

#[derive(Debug, Subcommand)]
pub(crate) enum DuplicatesCommand {
    /// List the orders that may be duplicates and wait for a decision
    #[command(after_help = "Example:\n  orderctl duplicates list")]
    List(ListArguments),
    /// Keep one of the orders on a payment and drop the others
    Resolve(ResolveArguments),
    /// Say that two orders are different purchases
    Dismiss(DismissArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

#[derive(Args, Debug)]
#[command(after_help = RESOLVE_EXAMPLES)]
pub(crate) struct ResolveArguments {
    /// Number or full name of the order that stands
    #[arg(long, value_name = "NUMBER")]
    keep: String,

    /// An order on the same payment that does not; may be given more than once
    #[arg(long, value_name = "NUMBER", required = true)]
    drop: Vec<String>,

    /// Whether the goods of the dropped orders go back on stock
    #[arg(long, value_enum)]
    restock: YesNo,

    /// Complete the kept order first: a status tagged COMPLETED, by id or by its name in any language
    #[arg(long, value_name = "STATUS")]
    complete_as: Option<String>,

    /// Wait at most this long, up to 60s, for the money to move; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl duplicates dismiss 1001 1002")]
pub(crate) struct DismissArguments {
    /// Number or full name of one order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Number or full name of the other
    #[arg(value_name = "OTHER")]
    other: String,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, command: DuplicatesCommand) -> Result<(), Failure> {
    match command {
        DuplicatesCommand::List(arguments) => list::duplicates(session, arguments.limit).await,
        DuplicatesCommand::Resolve(arguments) => resolve(session, &arguments).await,
        DuplicatesCommand::Dismiss(arguments) => dismiss(session, &arguments).await,
    }
}

async fn resolve(session: &Session, arguments: &ResolveArguments) -> Result<(), Failure> {
    let keep = session.order_name(&arguments.keep)?;
    let status = match &arguments.complete_as {
        Some(text) => Some(status(session, text).await?),
        None => None,
    };
    let request_id = session.request_id(arguments.change.request_id);
    let mut resolution =
        session.client.keep(&keep).restock(arguments.restock == YesNo::Yes).request_id(&request_id);
    let drop = arguments.drop.iter().map(|order| session.order_name(order));
    let drop: Vec<OrderName> = drop.collect::<Result<_, _>>()?;
    for order in &drop {
        resolution = resolution.drop(order);
    }
    if let Some(status) = &status {
        resolution = resolution.complete_as(status);
    }
    if !arguments.wait.is_zero() {
        resolution = resolution.wait(arguments.wait);
    }
    if arguments.change.dry_run {
        resolution = resolution.validate_only();
    }
    let answer = resolution.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || match arguments.change.dry_run {
        true => foretold(&answer, &drop, arguments.restock),
        false => {
            let order = answer.order.clone().unwrap_or_default();
            outcome(&order, answer.receipt.as_ref(), false)
        }
    })?;
    let order = present(answer.order)?;
    if arguments.change.dry_run {
        return Ok(());
    }
    if order.pending_resolution.is_some() {
        let until = "the others are dropped when the money is captured";
        return Err(pending(session, &order, until).await);
    }
    let is_done = match &status {
        Some(status) => has_status(session, &order, status).await,
        None => true,
    };
    if is_done || answer.receipt.is_some_and(|receipt| receipt.replayed) {
        return Ok(());
    }
    Err(dropped(session, &order).await)
}

/// The outcome of a dry run, and what would happen to each of the orders that are named.
fn foretold(
    answer: &proto::ResolveDuplicateResponse,
    drop: &[OrderName],
    restock: YesNo,
) -> String {
    let keep = answer.order.clone().unwrap_or_default();
    let mut receipt = answer.receipt.clone().unwrap_or_default();
    let named: Vec<String> = drop.iter().map(String::from).collect();
    let (dropped, others): (Vec<String>, Vec<String>) =
        receipt.other_orders.into_iter().partition(|other| named.contains(other));
    receipt.other_orders = others;
    let mut text = outcome(&keep, Some(&receipt), true);
    text.push_str(&match &keep.pending_status_change {
        Some(change) => format!(
            "\n  would set order {} to {} when its money is captured",
            keep.number,
            last_part(&change.status)
        ),
        None => format!("\n  would keep order {}", keep.number),
    });
    let then = if keep.pending_resolution.is_some() { " then" } else { "" };
    let goods = match restock {
        YesNo::Yes => "its goods back on stock",
        YesNo::No => "its goods not back on stock",
    };
    for order in named {
        let number = last_part(&order);
        text.push_str(&match dropped.contains(&order) {
            true => format!("\n  would{then} cancel order {number}, {goods}"),
            false => format!("\n  would leave order {number} as it is"),
        });
    }
    text
}

async fn status(session: &Session, text: &str) -> Result<StatusName, Failure> {
    match text.parse::<StatusName>() {
        Ok(name) => Ok(name),
        Err(_) => StatusNames::load(session).await?.meant(session, text).await,
    }
}

async fn dismiss(session: &Session, arguments: &DismissArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::DismissDuplicateRequest {
        name: session.order_name(&arguments.order)?.into(),
        other: session.order_name(&arguments.other)?.into(),
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .dismiss_duplicate(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

/// Whether the order has taken money of a payment, or is about to: then no other order on it can.
pub(crate) fn has_captured(order: &proto::Order) -> bool {
    use proto::OperationState::{Declined, Unspecified, Withdrawn};
    let is_capture = |operation: &proto::Operation| {
        operation.kind() == proto::OperationKind::Capture
            && !matches!(operation.state(), Declined | Unspecified | Withdrawn)
    };
    order
        .payments
        .iter()
        .any(|payment| payment.captured_minor > 0 || payment.operations.iter().any(is_capture))
}

/// Why two orders may be one purchase, what became of the pair, and what to do about it.
/// `has_other_captured` says that the payment is the other one's already.
pub(crate) fn pair(
    order: &proto::Order,
    link: &proto::DuplicateLink,
    has_other_captured: bool,
) -> String {
    let evidence = [
        (link.same_payment, "payment"),
        (link.same_time, "time"),
        (link.same_customer, "customer"),
        (link.same_lines, "lines"),
        (link.same_total, "total"),
    ];
    let same = evidence.into_iter().filter(|(is_same, _)| *is_same).map(|(_, what)| what);
    let same: Vec<&str> = same.collect();
    let other = last_part(&link.order);
    let mut text = match link.resolution() {
        proto::DuplicateResolution::Open | proto::DuplicateResolution::Unspecified => {
            format!("May be a duplicate of order {other}")
        }
        resolution => format!(
            "Was taken for a duplicate of order {other} ({})",
            label::<proto::DuplicateResolution>(resolution.into())
        ),
    };
    text.push_str(&format!(": same {}", same.join(", ")));
    if let Some(remedy) = remedy(order, link, has_other_captured) {
        text.push_str(&format!("\n  {remedy}"));
    }
    text
}

fn remedy(
    order: &proto::Order,
    link: &proto::DuplicateLink,
    has_other_captured: bool,
) -> Option<String> {
    let (number, other) = (order.number.to_string(), last_part(&link.order));
    if link.resolution() != proto::DuplicateResolution::Open {
        return None;
    }
    if order.pending_resolution.is_some() {
        return Some("Is being resolved: waits for the money of the kept order.".to_owned());
    }
    if !link.same_payment {
        return Some(format!(
            "Two payments: ask the customer whether both are meant. If so: \
             orderctl duplicates dismiss {number} {other}; if not, cancel one of them."
        ));
    }
    let (keep, drop) = match has_other_captured {
        true => (other, number.as_str()),
        false => (number.as_str(), other),
    };
    let advice = match has_other_captured || has_captured(order) {
        true => format!("One payment, which order {keep} takes: keep that one."),
        false => "One payment: keep one of them.".to_owned(),
    };
    Some(format!("{advice} orderctl duplicates resolve --keep {keep} --drop {drop} --restock yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_that_has_the_money_is_the_one_to_keep() {
        let link = proto::DuplicateLink {
            order: "shops/default/orders/1002".to_owned(),
            same_payment: true,
            resolution: proto::DuplicateResolution::Open.into(),
            ..Default::default()
        };
        let order = |captured_minor| proto::Order {
            number: 1001,
            payments: vec![proto::Payment { captured_minor, ..Default::default() }],
            ..Default::default()
        };
        let told = |order: &proto::Order, is_other| pair(order, &link, is_other);
        let [keeps_this, keeps_other] = ["--keep 1001 --drop 1002", "--keep 1002 --drop 1001"];
        assert!(told(&order(0), false).contains(keeps_this));
        assert!(told(&order(0), true).contains(keeps_other));
        assert!(told(&order(900), false).contains(keeps_this));
        assert!(has_captured(&order(900)) && !has_captured(&order(0)));
    }

    #[test]
    fn a_dry_run_foretells_what_becomes_of_each_order() {
        let name = |number: i64| format!("shops/default/orders/{number}");
        let drop = [1002, 1003].map(|number| name(number).parse::<OrderName>().expect("a name"));
        let answer = |order| proto::ResolveDuplicateResponse {
            order: Some(order),
            receipt: Some(proto::Receipt {
                other_orders: vec![name(1002), name(1009)],
                ..Default::default()
            }),
        };
        let at_once = proto::Order { number: 1001, ..Default::default() };
        let waiting = proto::Order {
            pending_status_change: Some(proto::PendingStatusChange {
                status: "shops/default/orderStatuses/sent".to_owned(),
                ..Default::default()
            }),
            pending_resolution: Some(proto::PendingResolution::default()),
            ..at_once.clone()
        };
        for (order, restock, wanted) in [
            (
                waiting,
                YesNo::Yes,
                [
                    "would set order 1001 to sent when its money is captured",
                    "would then cancel order 1002, its goods back on stock",
                ],
            ),
            (
                at_once,
                YesNo::No,
                ["would keep order 1001", "would cancel order 1002, its goods not back on stock"],
            ),
        ] {
            let told = foretold(&answer(order), &drop, restock);
            let lines: Vec<&str> = told.lines().map(str::trim).collect();
            let always = ["would leave order 1003 as it is", "would also change: order 1009"];
            for wanted in wanted.iter().chain(&always) {
                assert!(lines.contains(wanted), "{wanted}: {told}");
            }
        }
    }
}
