//! `orderctl orders delete`: takes an order away on which no money hangs.

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use crate::arguments::{ChangeArguments, YesNo};
use crate::failure::Failure;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  orderctl orders delete 1001 --restock yes
  orderctl orders delete 1002 --restock no --dry-run

Nothing captured, reserved or under way may hang on the order: cancel it first. The twin of an order \
on the same payment can go at once, and the payment is not touched. A deleted order keeps its number; \
`orderctl orders get 1001 --show-deleted` and `orderctl orders history 1001` still read it.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeleteArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Whether what it still has from stock goes back; required when it has any
    #[arg(long, value_enum)]
    restock: Option<YesNo>,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, arguments: &DeleteArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let mut request = proto::DeleteOrderRequest {
        name: session.order_name(&arguments.order)?.into(),
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
        ..proto::DeleteOrderRequest::default()
    };
    match arguments.restock {
        Some(YesNo::Yes) => request.set_restock(proto::Restock::Yes),
        Some(YesNo::No) => request.set_restock(proto::Restock::No),
        None => {}
    }
    let answer = session
        .client
        .delete_order(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        let told = outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run);
        format!(
            "{told}\n  {}",
            if arguments.change.dry_run { "would be deleted" } else { "deleted" }
        )
    })
}
