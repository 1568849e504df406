//! `orderctl orders history`: who did what to an order, and when.

use clap::Args;
use futures_util::StreamExt;
use order_sdk::{OrderName, proto};

use crate::event_words::change;
use crate::failure::Failure;
use crate::labels::label;
use crate::output::Output;
use crate::session::{Session, present};
use crate::tables::Rows;
use crate::times::local;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl orders history 1001")]
pub(crate) struct HistoryArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,
}

pub(crate) async fn run(session: &Session, arguments: &HistoryArguments) -> Result<(), Failure> {
    let name = session.order_name(&arguments.order)?;
    let currency_code = match session.output.is_json() {
        true => String::new(),
        false => currency_code(session, &name).await?,
    };
    let request = proto::ListOrderEventsRequest {
        parent: name.into(),
        page_size: 500,
        page_token: String::new(),
    };
    let mut table = Rows::new(&[">REVISION", "WHEN", "WHO", "WHAT", "CHANGE"]);
    let mut pages = session.client.order_event_pages(request);
    while let Some(page) = pages.next().await {
        let events = page?.items;
        if session.output.is_json() {
            for event in &events {
                Output::json(event)?;
            }
        } else if !events.is_empty() {
            let rows = events.iter().map(|event| row(event, &currency_code));
            Output::text(&table.text(rows.collect()))?;
        }
    }
    Ok(())
}

/// Events do not say it of their amounts.
async fn currency_code(session: &Session, order: &OrderName) -> Result<String, Failure> {
    let request =
        proto::GetOrderRequest { name: order.into(), as_of_revision: 0, show_deleted: true };
    Ok(present(session.client.get_order(request).await?.order)?.currency_code)
}

fn row(event: &proto::Event, currency_code: &str) -> Vec<String> {
    vec![
        event.revision.to_string(),
        local(event.create_time.as_ref()),
        event.actor.clone(),
        label::<proto::EventKind>(event.kind),
        change(event, currency_code),
    ]
}
