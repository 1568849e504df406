//! `orderctl orders list`: the orders that all conditions hold for, page after page.

use clap::Args;
use futures_util::StreamExt;
use order_sdk::proto;

use super::filter::FilterArguments;
use crate::amounts::money;
use crate::failure::Failure;
use crate::labels::label;
use crate::output::Output;
use crate::session::{Session, last_part};
use crate::status_names::StatusNames;
use crate::tables::Rows;
use crate::times::local;

const PAGE_SIZE: usize = 200;

const ORDER_BY: &str =
    "number, create_time, update_time or gross_minor, each with or without ' desc'";

const EXAMPLES: &str = "\
Examples:
  orderctl orders list --tag default --since 7d
  orderctl orders list --status Sendt --payment-state authorized --payment-state partially-captured
  orderctl orders list --min 1000 --order-by 'gross_minor desc' --limit 10
  orderctl orders list --text 'kari nord' --metadata gift=yes
  orderctl orders list --tag default --count
  orderctl orders list --has-problem --output json | jq -r .number

Conditions are joined by and; an option given twice is met by either value.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    filter: FilterArguments,

    #[arg(long, value_name = "FIELD", default_value = "number desc", help = ORDER_BY)]
    order_by: String,

    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,

    /// Deleted orders, too
    #[arg(long)]
    show_deleted: bool,

    /// Only count them
    #[arg(long, conflicts_with = "limit")]
    count: bool,
}

pub(crate) async fn run(session: &Session, arguments: ListArguments) -> Result<(), Failure> {
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let page_size = i32::try_from(limit.clamp(1, PAGE_SIZE)).unwrap_or(i32::MAX);
    let is_plain = session.output.is_json() || arguments.count;
    let names = if is_plain && !arguments.filter.names_statuses() {
        None
    } else {
        Some(StatusNames::load(session).await?)
    };
    let filter = arguments.filter.filter(session, names.as_ref()).await?;
    let mut query = session.client.orders(&session.shop).order_by(&arguments.order_by);
    query = query.filter(move |empty| *empty = filter);
    if arguments.show_deleted {
        query = query.show_deleted();
    }
    if arguments.count {
        let total = query.count().await?;
        let json = || format!("{{\"totalCount\":\"{total}\"}}");
        return Output::text(&if session.output.is_json() { json() } else { total.to_string() });
    }
    print(session, names.as_ref(), query.page_size(page_size).pages(), limit).await
}

/// The orders whose pairs wait for a decision, newest first.
pub(crate) async fn duplicates(session: &Session, limit: Option<usize>) -> Result<(), Failure> {
    let names =
        if session.output.is_json() { None } else { Some(StatusNames::load(session).await?) };
    let limit = limit.unwrap_or(usize::MAX);
    let page_size = i32::try_from(limit.clamp(1, PAGE_SIZE)).unwrap_or(i32::MAX);
    let query = session.client.orders(&session.shop).page_size(page_size);
    let pages = query.filter(|filter| filter.is_possible_duplicate = Some(true)).pages();
    print(session, names.as_ref(), pages, limit).await
}

/// Prints up to `limit` orders, page by page as they come.
async fn print(
    session: &Session,
    names: Option<&StatusNames>,
    mut pages: order_sdk::Pages<proto::Order>,
    limit: usize,
) -> Result<(), Failure> {
    let mut table = Rows::new(&[
        "NUMBER", "PLACED", "STATUS", "PAYMENT", "DELIVERY", ">TOTAL", "CUSTOMER", "NOTE",
    ]);
    let mut printed = 0;
    while printed < limit
        && let Some(page) = pages.next().await
    {
        let orders: Vec<_> = page?.items.into_iter().take(limit - printed).collect();
        printed += orders.len();
        if session.output.is_json() {
            for order in &orders {
                Output::json(order)?;
            }
        } else if !orders.is_empty() {
            let rows = orders.iter().map(|order| row(session, names, order)).collect();
            Output::text(&table.text(rows))?;
        }
    }
    Ok(())
}

fn row(session: &Session, names: Option<&StatusNames>, order: &proto::Order) -> Vec<String> {
    let language = session.language.code();
    let status = names.map_or(order.status.as_str(), |names| names.title(&order.status, language));
    let total = order.totals.as_ref().map_or(0, |totals| totals.gross_minor);
    vec![
        order.number.to_string(),
        local(order.create_time.as_ref()),
        status.to_owned(),
        label::<proto::PaymentState>(order.payment_state),
        label::<proto::DeliveryState>(order.delivery_state),
        money(total, &order.currency_code),
        order.customer.as_ref().map(|customer| customer.full_name.clone()).unwrap_or_default(),
        remarks(order).join(", "),
    ]
}

/// Orders that this one may be the same purchase as.
fn doubts(order: &proto::Order) -> Option<String> {
    let open: Vec<&str> = order
        .duplicates
        .iter()
        .filter(|link| link.resolution() == proto::DuplicateResolution::Open)
        .map(|link| last_part(&link.order))
        .collect();
    (!open.is_empty()).then(|| format!("duplicate of {}?", open.join(" ")))
}

/// What should be seen at a glance.
fn remarks(order: &proto::Order) -> Vec<String> {
    let mut remarks = Vec::new();
    if order.kind() == proto::OrderKind::Credit {
        remarks.push("credit".to_owned());
    }
    if order.pending_status_change.is_some() {
        remarks.push("pending".to_owned());
    }
    remarks.extend(doubts(order));
    remarks.extend(order.problems.iter().map(|problem| problem.code.clone()));
    remarks
}
