//! `orderctl orders label`: hands goods over to a carrier, prints the label, and saves it as a file.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::get::explanations;
use super::outcome::outcome;
use super::view::problem_view;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::session::{Session, present};
use crate::times::duration;

const EXAMPLES: &str = "\
Examples:
  orderctl orders label 1001
  orderctl orders label 1001 --printer 1093
  orderctl orders label 1001 --delivery 2 --weight 2500 --pdf label.pdf
  orderctl orders label 1001 --dry-run

An order that has its label gets no second consignment: it is printed again, or saved again. Printers and
products are listed by `orderctl integrations label-options`.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LabelArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// The delivery whose goods it is for; the only one unless told
    #[arg(long, value_name = "ID", default_value_t = 0, hide_default_value = true)]
    delivery: i32,

    /// Print it there
    #[arg(long, value_name = "PRINTER", default_value = "", hide_default_value = true)]
    printer: String,

    /// The transport agreement; as the shop's settings say unless told
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    agreement: String,

    /// The carrier's product; as the shop's settings say unless told
    #[arg(long, value_name = "PRODUCT", default_value = "", hide_default_value = true)]
    product: String,

    /// Weight of the parcel, grams; as the shop's settings say unless told
    #[arg(long, value_name = "GRAMS", default_value_t = 0, hide_default_value = true)]
    weight: i32,

    /// Make another consignment although there is one; its label is to be thrown away
    #[arg(long)]
    new_consignment: bool,

    /// Save the label in this file once it is made
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pdf: Option<PathBuf>,

    /// Wait at most this long, up to 60s, for the label and its print; 0s does not wait
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        default_value = "10s",
        default_missing_value = "10s",
        num_args = 0..=1
    )]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn label(session: &Session, arguments: &LabelArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let name = session.order_name(&arguments.order)?;
    let mut label = session
        .client
        .label(&name)
        .delivery(arguments.delivery)
        .printer(&arguments.printer)
        .product(&arguments.agreement, &arguments.product)
        .weight_grams(arguments.weight)
        .wait(arguments.wait)
        .request_id(&request_id);
    if arguments.new_consignment {
        label = label.new_consignment();
    }
    if arguments.change.dry_run {
        label = label.validate_only();
    }
    let answer = label.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    let order = present(answer.order)?;
    if !arguments.change.dry_run && order.problems.iter().any(is_about_labels) {
        return Err(refused(session, &order).await);
    }
    let Some(path) = &arguments.pdf else { return Ok(()) };
    let request = proto::GetOrderLabelRequest { name: name.into(), label_id: 0 };
    let pdf = session.client.get_order_label(request).await?.pdf;
    std::fs::write(path, pdf)
        .map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))
}

/// What stands in the way of a label, as it is told with every other problem of the order.
async fn refused(session: &Session, order: &proto::Order) -> Failure {
    let mut text = format!("error: the label of order {} is not made or printed", order.number);
    // What the problems are called must be told also when they cannot be explained.
    let pages = explanations(session, order).await.unwrap_or_default();
    for problem in order.problems.iter().filter(|problem| is_about_labels(problem)) {
        text.push('\n');
        text.push_str(problem_view(session, problem, &pages).trim_end());
    }
    Failure::Declined(text)
}

fn is_about_labels(problem: &proto::Problem) -> bool {
    problem.details.contains_key("label")
}
