//! `orderctl stock`: what is on stock, and what moved it.

use clap::{Args, Subcommand};
use futures_util::StreamExt;
use order_sdk::proto;

use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::label;
use crate::output::Output;
use crate::session::{Session, last_part, present};
use crate::tables::Rows;
use crate::times::local;

const PAGE_SIZE: i32 = 500;

const HEADINGS: [&str; 3] = ["SKU", ">ON HAND", "CHANGED"];

#[derive(Debug, Subcommand)]
pub(crate) enum StockCommand {
    /// List the skus that are tracked
    #[command(after_help = "Example:\n  orderctl stock list --output json | jq -r .sku")]
    List,
    /// Show one sku
    #[command(after_help = "Example:\n  orderctl stock get TENT-3")]
    Get(ItemArguments),
    /// Begin to track a sku
    #[command(after_help = "Example:\n  orderctl stock create TENT-3 25")]
    Create(CreateArguments),
    /// Add to a balance, or take from it
    #[command(after_help = "Examples:\n  \
        orderctl stock adjust TENT-3 10\n  orderctl stock adjust TENT-3 -2")]
    Adjust(AdjustArguments),
    /// Show what moved a balance, newest first
    #[command(after_help = "Example:\n  orderctl stock movements TENT-3")]
    Movements(ItemArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ItemArguments {
    /// The shop's article number
    sku: String,
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// The shop's article number
    sku: String,

    /// Units on hand now
    #[arg(allow_negative_numbers = true)]
    quantity: i64,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct AdjustArguments {
    /// The shop's article number
    sku: String,

    /// Units to add; negative to take
    #[arg(allow_negative_numbers = true)]
    delta: i64,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, command: StockCommand) -> Result<(), Failure> {
    match command {
        StockCommand::List => list(session).await,
        StockCommand::Get(arguments) => get(session, &arguments).await,
        StockCommand::Create(arguments) => create(session, arguments).await,
        StockCommand::Adjust(arguments) => adjust(session, &arguments).await,
        StockCommand::Movements(arguments) => movements(session, &arguments).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let request = proto::ListStockItemsRequest {
        parent: (&session.shop).into(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut table = Rows::new(&HEADINGS);
    let mut pages = session.client.stock_item_pages(request);
    while let Some(page) = pages.next().await {
        let items = page?.items;
        if session.output.is_json() {
            items.iter().try_for_each(Output::json)?;
        } else if !items.is_empty() {
            Output::text(&table.text(items.iter().map(row).collect()))?;
        }
    }
    Ok(())
}

async fn get(session: &Session, arguments: &ItemArguments) -> Result<(), Failure> {
    let name = session.shop.stock_item(&arguments.sku)?.into();
    let answer = session.client.get_stock_item(proto::GetStockItemRequest { name }).await?;
    let item = present(answer.stock_item)?;
    session.output.either(&item, || Rows::new(&HEADINGS).text(vec![row(&item)]))
}

async fn create(session: &Session, arguments: CreateArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::CreateStockItemRequest {
        parent: (&session.shop).into(),
        sku: arguments.sku,
        on_hand_quantity: arguments.quantity,
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .create_stock_item(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || changed(answer.stock_item.as_ref()))
}

async fn adjust(session: &Session, arguments: &AdjustArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::AdjustStockRequest {
        name: session.shop.stock_item(&arguments.sku)?.into(),
        delta_quantity: arguments.delta,
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .adjust_stock(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || changed(answer.stock_item.as_ref()))
}

async fn movements(session: &Session, arguments: &ItemArguments) -> Result<(), Failure> {
    let request = proto::ListStockMovementsRequest {
        parent: session.shop.stock_item(&arguments.sku)?.into(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut table = Rows::new(&[">REVISION", "WHEN", ">UNITS", "REASON", "ORDER", "LINE"]);
    let mut pages = session.client.stock_movement_pages(request);
    while let Some(page) = pages.next().await {
        let movements = page?.items;
        if session.output.is_json() {
            movements.iter().try_for_each(Output::json)?;
        } else if !movements.is_empty() {
            Output::text(&table.text(movements.iter().map(movement_row).collect()))?;
        }
    }
    Ok(())
}

fn changed(item: Option<&proto::StockItem>) -> String {
    Rows::new(&HEADINGS).text(item.into_iter().map(row).collect())
}

fn row(item: &proto::StockItem) -> Vec<String> {
    vec![item.sku.clone(), item.on_hand_quantity.to_string(), local(item.update_time.as_ref())]
}

fn movement_row(movement: &proto::StockMovement) -> Vec<String> {
    let line = if movement.line_id == 0 { String::new() } else { movement.line_id.to_string() };
    vec![
        movement.revision.to_string(),
        local(movement.create_time.as_ref()),
        format!("{:+}", movement.quantity),
        label::<proto::MovementReason>(movement.reason),
        last_part(&movement.order).to_owned(),
        line,
    ]
}
