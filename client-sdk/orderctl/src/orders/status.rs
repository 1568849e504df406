//! `orderctl orders status`: sets the status of one order or many, and waits for the money.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use order_sdk::{OrderName, StatusName, proto};

use super::filter::FilterArguments;
use super::many;
use super::outcome::outcome;
use super::troubles;
use crate::arguments::{ChangeArguments, YesNo};
use crate::failure::Failure;
use crate::labels::choice;
use crate::output::Output;
use crate::session::{Session, present};
use crate::status_names::{StatusNames, has_status};
use crate::times::duration;

const EXAMPLES: &str = "\
Examples:
  orderctl orders status 1001 Sendt
  orderctl orders status 1001 1002 1003 sent --wait 30s
  orderctl orders status 1004 Kansellert --restock yes --note 'Customer changed her mind'
  orderctl orders status sent --from numbers.txt --failed failed.txt
  orderctl orders status Sendt --where --tag default --since 7d --dry-run
  orderctl orders status 1001 sent --email
  orderctl orders status 1001 sent --note 'Ring the bell' --for warehouse
  orderctl orders status 1001 sent --note 'It comes tomorrow' --for customer --email
  orderctl orders status 1001 sent --dry-run

A status tagged COMPLETED captures the money first, one tagged CANCELLED gives it back. The label \
moves when that has happened: until then the change is pending, and `orderctl orders withdraw` takes \
it back. With several orders those that keep their status are told, and the exit code is 6 if there \
are any; the file of --failed can be given to --from when the cause is mended. What broke off is \
repeated with the --request-id that is told at its start, and nothing is done twice; orders of which \
nothing is known stand in that file as UNKNOWN. What is still pending when the time of --wait is over, \
and nothing worse, is exit code 8.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// Numbers or full names of orders, and last the status: its id, its name in any language,
    /// or COMPLETED or CANCELLED for the one with that tag
    #[arg(required = true, value_name = "NUMBER")]
    orders_and_status: Vec<String>,

    /// Orders of a file, one number or name a line, what follows it on the line aside; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "chosen")]
    from: Option<String>,

    /// All orders that meet the conditions below; at least one
    #[arg(long = "where", id = "chosen")]
    is_chosen: bool,

    /// Where orders that keep their status go, each with the code of why, or UNKNOWN
    #[arg(long, value_name = "FILE")]
    failed: Option<PathBuf>,

    /// Whether the goods go back on stock; required for a status tagged CANCELLED
    #[arg(long, value_enum)]
    restock: Option<YesNo>,

    /// A note, added when the label moves
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Who the note is for: internal, warehouse, customer; a mail carries what is for the customer
    #[arg(
        long = "for",
        value_name = "AUDIENCE",
        value_parser = choice::<proto::NoteAudience>,
        default_value = "internal",
        requires = "note"
    )]
    audience: proto::NoteAudience,

    /// Mail the customer the new status when the label moves
    #[arg(long)]
    email: bool,

    /// Wait at most this long, up to 60s, for the money to move; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,

    #[command(flatten)]
    filter: FilterArguments,
}

pub(crate) async fn run(session: &Session, arguments: StatusArguments) -> Result<(), Failure> {
    let Some((status, orders)) = arguments.orders_and_status.split_last() else {
        return Err(Failure::Usage("which status?".to_owned()));
    };
    let orders = orders.iter().map(|order| session.order_name(order));
    let mut orders: Vec<OrderName> = orders.collect::<Result<_, _>>()?;
    let is_one = orders.len() == 1 && arguments.from.is_none() && !arguments.is_chosen;
    let status = match status.parse::<StatusName>() {
        Ok(name) => name,
        Err(_) => StatusNames::load(session).await?.meant(session, status).await?,
    };
    if let Some(file) = &arguments.from {
        orders.extend(many::listed(session, file)?);
    }
    orders.extend(chosen(session, &arguments).await?);
    match orders.as_slice() {
        [] if arguments.is_chosen => Output::text("no order meets the conditions"),
        [] => Err(Failure::Usage("which orders? see --help".to_owned())),
        [order] if is_one && arguments.failed.is_none() => {
            change(session, &arguments, order, &status).await
        }
        _ => {
            let mut batch = session.client.change_statuses(&session.shop, &status);
            batch = batch.request_id(session.request_id(arguments.change.request_id));
            if let Some(restock) = arguments.restock {
                batch = batch.restock(restock == YesNo::Yes);
            }
            if let Some(note) = &arguments.note {
                batch = batch.note(arguments.audience, note);
            }
            if arguments.email {
                batch = batch.send_email();
            }
            if !arguments.wait.is_zero() {
                batch = batch.wait(arguments.wait);
            }
            if arguments.change.dry_run {
                batch = batch.validate_only();
            }
            many::change(session, batch, orders, arguments.failed).await
        }
    }
}

/// The orders that meet the conditions, if they are to be chosen so.
async fn chosen(session: &Session, arguments: &StatusArguments) -> Result<Vec<OrderName>, Failure> {
    let names = match arguments.filter.names_statuses() {
        true => Some(StatusNames::load(session).await?),
        false => None,
    };
    let filter = arguments.filter.clone().filter(session, names.as_ref()).await?;
    let has_condition = filter != proto::OrderFilter::default();
    match (arguments.is_chosen, has_condition) {
        (true, true) => many::found(session, filter).await,
        (false, false) => Ok(Vec::new()),
        (true, false) => Err(Failure::Usage("--where needs at least one condition".to_owned())),
        (false, true) => Err(Failure::Usage(
            "conditions choose orders with --where only, so that none is changed by mistake"
                .to_owned(),
        )),
    }
}

async fn change(
    session: &Session,
    arguments: &StatusArguments,
    order: &OrderName,
    status: &StatusName,
) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let mut change = session.client.change_status(order, status).request_id(&request_id);
    if let Some(restock) = arguments.restock {
        change = change.restock(restock == YesNo::Yes);
    }
    if let Some(note) = &arguments.note {
        change = change.note(arguments.audience, note);
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
        return Err(pending(session, &order, "the label moves when the money has").await);
    }
    let is_replayed = answer.receipt.is_some_and(|receipt| receipt.replayed);
    if is_replayed || has_status(session, &order, status).await {
        return Ok(());
    }
    Err(dropped(session, &order).await)
}

/// It was taken and waits for the money: what can be done meanwhile, and what holds it up.
pub(crate) async fn pending(session: &Session, order: &proto::Order, until: &str) -> Failure {
    let number = order.number;
    let next = match has_been_sent(order) {
        true => format!(
            "the provider has been asked, so it cannot be taken back; look again with: \
             orderctl orders get {number}"
        ),
        false => format!("take it back with: orderctl orders withdraw {number}"),
    };
    let problems = troubles::problems(session, order, |_| true).await;
    Failure::Pending(format!("{number}: pending, {until}; {next}{problems}"))
}

/// Whether the provider may be at it already.
fn has_been_sent(order: &proto::Order) -> bool {
    use proto::OperationState::{Accepted, Sent, Unknown};
    let pending = order.pending_status_change.as_ref();
    let since = pending.and_then(|pending| pending.request_time).unwrap_or_default();
    let mut operations = order.payments.iter().flat_map(|payment| &payment.operations);
    operations.any(|operation| {
        let asked = operation.request_time.unwrap_or_default();
        let is_own = (asked.seconds, asked.nanos) >= (since.seconds, since.nanos);
        is_own && matches!(operation.state(), Sent | Accepted | Unknown)
    })
}

/// The change was dropped: the order's problems say why.
pub(crate) async fn dropped(session: &Session, order: &proto::Order) -> Failure {
    let headline = format!("order {} keeps its status", order.number);
    troubles::declined(session, order, &headline, |_| true).await
}
