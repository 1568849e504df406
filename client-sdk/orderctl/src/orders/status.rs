//! `orderctl orders status`: sets the status of one order or many, and waits for the money.

use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::{StreamExt, stream};
use order_sdk::{OrderName, StatusName, proto};
use uuid::Uuid;

use super::get::explanations;
use super::outcome::outcome;
use super::view::problem_view;
use crate::arguments::ChangeArguments;
use crate::failure::{Failure, told};
use crate::output::Output;
use crate::session::{Session, present};
use crate::status_names::StatusNames;
use crate::times::duration;

const IN_FLIGHT: usize = 16;

const EXAMPLES: &str = "\
Examples:
  orderctl orders status 1001 Sendt
  orderctl orders status 1001 1002 1003 sent --wait 30s
  orderctl orders status 1004 Kansellert --restock yes --note 'Customer changed her mind'
  orderctl orders status 1001 sent --email
  orderctl orders status 1001 sent --dry-run

A status tagged COMPLETED captures the money first, one tagged CANCELLED gives it back. The label \
moves when that has happened: until then the change is pending, and `orderctl orders withdraw` takes \
it back. With several orders each is told, and the exit code is 6 if any failed.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// Numbers or full names of orders
    #[arg(required = true, value_name = "NUMBER")]
    orders: Vec<String>,

    /// The status: its id, or its name in any language
    #[arg(required = true)]
    status: String,

    /// Whether the goods go back on stock; required for a status tagged CANCELLED
    #[arg(long, value_enum)]
    restock: Option<YesNo>,

    /// A note for the shop's staff, added when the label moves
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Mail the customer the new status when the label moves
    #[arg(long)]
    email: bool,

    /// Wait at most this long, up to 60s, for the money to move; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

pub(crate) async fn run(session: &Session, arguments: &StatusArguments) -> Result<(), Failure> {
    let orders: Vec<OrderName> =
        arguments.orders.iter().map(|order| session.order_name(order)).collect::<Result<_, _>>()?;
    let status = match arguments.status.parse::<StatusName>() {
        Ok(name) => name,
        Err(_) => StatusNames::load(session).await?.find(&arguments.status)?,
    };
    if let [order] = orders.as_slice() {
        return change(session, arguments, order, &status, arguments.change.request_id).await;
    }
    let total = orders.len();
    let mut outcomes = stream::iter(orders)
        .map(|order| {
            let status = &status;
            async move {
                // One id for the batch is a stable one for each of its orders.
                let id = arguments
                    .change
                    .request_id
                    .map(|id| Uuid::new_v5(&id, order.to_string().as_bytes()));
                let outcome = change(session, arguments, &order, status, id).await;
                (order, outcome)
            }
        })
        .buffered(IN_FLIGHT);
    let mut failed = 0;
    while let Some((order, outcome)) = outcomes.next().await {
        match outcome {
            Ok(()) => {}
            Err(failure) if failure.is_broken_pipe() => return Err(failure),
            Err(Failure::Call { error, .. }) => {
                failed += 1;
                Output::tell(&format!("{}: {}", order.number(), told(&error)));
            }
            Err(failure) => {
                failed += 1;
                Output::tell(&format!("{}: {failure}", order.number()));
            }
        }
    }
    if failed > 0 { Err(Failure::Partly { failed, of: total }) } else { Ok(()) }
}

async fn change(
    session: &Session,
    arguments: &StatusArguments,
    order: &OrderName,
    status: &StatusName,
    request_id: Option<Uuid>,
) -> Result<(), Failure> {
    let request_id = session.request_id(request_id);
    let mut change = session.client.change_status(order, status).request_id(&request_id);
    if let Some(restock) = arguments.restock {
        change = change.restock(restock == YesNo::Yes);
    }
    if let Some(note) = &arguments.note {
        change = change.note(proto::NoteAudience::Internal, note);
    }
    if arguments.email {
        change = change.send_email();
    }
    if !arguments.wait.is_zero() {
        change = change.wait(arguments.wait);
    }
    if arguments.change.dry_run {
        change = change.validate_only();
    }
    let answer = change.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    let order = present(answer.order)?;
    if arguments.change.dry_run {
        return Ok(());
    }
    if order.pending_status_change.is_some() {
        Output::tell(&format!(
            "{}: pending, the label moves when the money has; take it back with: \
             orderctl orders withdraw {}",
            order.number, order.number
        ));
        return Ok(());
    }
    if order.status == String::from(status)
        || answer.receipt.is_some_and(|receipt| receipt.replayed)
    {
        return Ok(());
    }
    Err(declined(session, &order).await)
}

/// The change was dropped: the order's problems say why.
async fn declined(session: &Session, order: &proto::Order) -> Failure {
    let mut text = format!("error: order {} keeps its status", order.number);
    // What the problems are called must be told also when they cannot be explained.
    let pages = explanations(session, order).await.unwrap_or_default();
    for problem in &order.problems {
        text.push('\n');
        text.push_str(problem_view(session, problem, &pages).trim_end());
    }
    Failure::Declined(text)
}
