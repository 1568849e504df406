//! `orderctl orders list`: the orders that all conditions hold for, page after page.

use clap::Args;
use futures_util::StreamExt;
use order_sdk::proto;
use prost_types::Timestamp;

use crate::amounts::{minor_units, money};
use crate::failure::Failure;
use crate::labels::{choice, label};
use crate::output::Output;
use crate::session::{Session, last_part, present};
use crate::status_names::StatusNames;
use crate::tables::Rows;
use crate::times::{local, point_in_time};

const PAGE_SIZE: usize = 200;

const ORDER_BY: &str =
    "number, create_time, update_time or gross_minor, each with or without ' desc'";

const EXAMPLES: &str = "\
Examples:
  orderctl orders list --tag default --since 7d
  orderctl orders list --status Sendt --payment-state authorized --payment-state partially-captured
  orderctl orders list --min 1000 --order-by 'gross_minor desc' --limit 10
  orderctl orders list --has-problem --output json | jq -r .number

Conditions are joined by and; an option given twice is met by either value.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArguments {
    /// With this status: its id, or its name in any language
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,

    /// With a status of this tag: default, completed, cancelled
    #[arg(long, value_name = "TAG", value_parser = choice::<proto::StatusTag>)]
    tag: Vec<proto::StatusTag>,

    /// Whose money has come this far: none, pending, authorized, partially-captured, captured,
    /// partially-refunded, refunded, voided, expired
    #[arg(long, value_name = "STATE", value_parser = choice::<proto::PaymentState>)]
    payment_state: Vec<proto::PaymentState>,

    /// Whose goods have come this far: nothing-to-deliver, not-delivered, partially-delivered,
    /// delivered
    #[arg(long, value_name = "STATE", value_parser = choice::<proto::DeliveryState>)]
    delivery_state: Vec<proto::DeliveryState>,

    /// Of this kind instead of sale: credit, sale
    #[arg(long, value_name = "KIND", value_parser = choice::<proto::OrderKind>)]
    kind: Vec<proto::OrderKind>,

    /// Placed at or after: 2026-11-23, 2026-11-23T20:00:00Z, or how long ago: 90m, 7d
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    since: Option<Timestamp>,

    /// Placed before
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    until: Option<Timestamp>,

    /// Changed at or after
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    updated_since: Option<Timestamp>,

    /// With something that needs a person
    #[arg(long)]
    has_problem: bool,

    /// That may be a duplicate of another
    #[arg(long)]
    duplicates: bool,

    /// Whose status change waits for money
    #[arg(long)]
    pending: bool,

    /// With a line of this sku
    #[arg(long)]
    sku: Option<String>,

    /// With exactly this reference of the caller's own
    #[arg(long)]
    reference: Option<String>,

    /// On the payment with exactly this reference
    #[arg(long, value_name = "REFERENCE")]
    payment_reference: Option<String>,

    /// Total at least this, in major units: 1000 or 249.50
    #[arg(long, value_name = "AMOUNT")]
    min: Option<String>,

    /// Total at most this, in major units
    #[arg(long, value_name = "AMOUNT")]
    max: Option<String>,

    /// In this currency; --min and --max are in it, or else in the shop's
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,

    #[arg(long, value_name = "FIELD", default_value = "number desc", help = ORDER_BY)]
    order_by: String,

    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

pub(crate) async fn run(session: &Session, arguments: ListArguments) -> Result<(), Failure> {
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let page_size = i32::try_from(limit.clamp(1, PAGE_SIZE)).unwrap_or(i32::MAX);
    let names = if session.output.is_json() && arguments.status.is_empty() {
        None
    } else {
        Some(StatusNames::load(session).await?)
    };
    let query = session.client.orders(&session.shop).page_size(page_size);
    let query = query.order_by(&arguments.order_by);
    let filter = filter(session, names.as_ref(), arguments).await?;
    print(session, names.as_ref(), query.filter(move |empty| *empty = filter).pages(), limit).await
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

async fn filter(
    session: &Session,
    names: Option<&StatusNames>,
    arguments: ListArguments,
) -> Result<proto::OrderFilter, Failure> {
    let statuses = match names {
        Some(names) => arguments
            .status
            .iter()
            .map(|status| names.find(status).map(String::from))
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let (gross_minor_min, gross_minor_max) = bounds(session, &arguments).await?;
    Ok(proto::OrderFilter {
        kinds: arguments.kind.into_iter().map(i32::from).collect(),
        statuses,
        tags: arguments.tag.into_iter().map(i32::from).collect(),
        payment_states: arguments.payment_state.into_iter().map(i32::from).collect(),
        delivery_states: arguments.delivery_state.into_iter().map(i32::from).collect(),
        created_from: arguments.since,
        created_before: arguments.until,
        updated_from: arguments.updated_since,
        gross_minor_min,
        gross_minor_max,
        has_problem: arguments.has_problem.then_some(true),
        is_possible_duplicate: arguments.duplicates.then_some(true),
        has_pending_status_change: arguments.pending.then_some(true),
        external_reference: arguments.reference.unwrap_or_default(),
        payment_reference: arguments.payment_reference.unwrap_or_default(),
        sku: arguments.sku.unwrap_or_default(),
        currency_code: arguments.currency.unwrap_or_default(),
        ..proto::OrderFilter::default()
    })
}

/// The least and the greatest total in minor units.
async fn bounds(
    session: &Session,
    arguments: &ListArguments,
) -> Result<(Option<i64>, Option<i64>), Failure> {
    if arguments.min.is_none() && arguments.max.is_none() {
        return Ok((None, None));
    }
    let currency_code = if let Some(code) = &arguments.currency {
        code.clone()
    } else {
        let request = proto::GetShopRequest { name: (&session.shop).into() };
        let shop = present(session.client.get_shop(request).await?.shop)?;
        shop.settings.unwrap_or_default().currency_code
    };
    let bound = |text: &Option<String>| {
        text.as_deref().map(|text| minor_units(text, &currency_code)).transpose()
    };
    Ok((bound(&arguments.min)?, bound(&arguments.max)?))
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
