//! `orderctl orders transfer`: hands an order over to accounting, and waits for what becomes of it.

use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use super::troubles;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::choice;
use crate::session::Session;
use crate::times::duration;

const EXAMPLES: &str = "\
Examples:
  orderctl orders transfer 1001 --as invoice
  orderctl orders transfer 1001 --as order --integration tripletex --dry-run

An invoice is final. An order is there to be changed and invoiced in the accounting system. A credit \
order becomes a credit note, once its sale stands as an invoice. What is there already is found by the \
number of the order and never made twice, so that it is safe to ask again.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TransferArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// As what: invoice, order
    #[arg(long = "as", value_name = "FORM", value_parser = choice::<proto::TransferForm>)]
    form: proto::TransferForm,

    /// The accounting integration; the shop's own unless told
    #[arg(long, value_name = "ID")]
    integration: Option<String>,

    /// Wait at most this long, up to 60s, for the accounting system; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, arguments: &TransferArguments) -> Result<(), Failure> {
    let order = session.order_name(&arguments.order)?;
    let request_id = session.request_id(arguments.change.request_id);
    let mut transfer = session
        .client
        .transfer(&order, arguments.form)
        .request_id(&request_id)
        .wait(arguments.wait);
    if let Some(id) = &arguments.integration {
        transfer = transfer.integration(&session.shop.integration(id.clone())?);
    }
    if arguments.change.dry_run {
        transfer = transfer.validate_only();
    }
    let answer = transfer.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    let order = answer.order.clone().unwrap_or_default();
    session
        .output
        .either(&answer, || outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run))?;
    let newest = order.accounting_transfers.last();
    let is_declined = newest.is_some_and(|one| one.state() == proto::TransferState::Declined);
    if arguments.change.dry_run {
        return Ok(());
    }
    if !is_declined {
        troubles::tell(session, &order, troubles::holds_up).await;
        return Ok(());
    }
    let headline = format!("order {} was refused by the accounting system", order.number);
    let is_about = |problem: &proto::Problem| problem.code == "TRANSFER_DECLINED";
    Err(troubles::declined(session, &order, &headline, is_about).await)
}
