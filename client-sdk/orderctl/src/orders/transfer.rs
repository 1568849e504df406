//! `orderctl orders transfer`: hands an order over to accounting, and waits for what becomes of it.

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use super::troubles;
use super::waiting::WaitArguments;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::choice;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  orderctl orders transfer 1001 --as invoice
  orderctl orders transfer 1001 --as order --integration tripletex --dry-run

An invoice is final. An order is there to be changed and invoiced in the accounting system. A credit \
order becomes a credit note, once its sale stands as an invoice. What is there already is found by the \
number of the order and never made twice, so that it is safe to ask again. Where --wait is given and it is \
not there in that time, the exit code is 8.";

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

    #[command(flatten)]
    wait: WaitArguments,

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
        .wait(arguments.wait.time());
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
    if arguments.change.dry_run {
        return Ok(());
    }
    let mut own = order.accounting_transfers.iter().rev();
    let newest = own.find(|one| one.form() == arguments.form);
    let state = newest.map(proto::AccountingTransfer::state).unwrap_or_default();
    let is_under_way =
        matches!(state, proto::TransferState::Pending | proto::TransferState::Unknown);
    let is_waited_for = arguments.wait.is_asked_for();
    if is_under_way && is_waited_for {
        let headline = "its transfer is pending";
        return Err(troubles::unfinished(session, &order, headline).await);
    }
    if state != proto::TransferState::Declined {
        troubles::tell(session, &order, troubles::holds_up).await;
        return Ok(());
    }
    let headline = format!("order {} was refused by the accounting system", order.number);
    let is_about = |problem: &proto::Problem| problem.code == "TRANSFER_DECLINED";
    Err(troubles::declined(session, &order, &headline, is_about).await)
}
