//! `orderctl orders label`: hands goods over to a carrier, prints the label, and saves it as a file.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use super::troubles;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::private_files;
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
    if arguments.change.dry_run {
        return Ok(());
    }
    let label_id = asked_for(&order, arguments.delivery, arguments.new_consignment);
    let label_id = label_id.ok_or_else(|| {
        Failure::Other(format!("order {} has no label of these goods", order.number))
    })?;
    if order.problems.iter().any(|problem| is_about(problem, label_id)) {
        let headline = format!("the label of order {} is not made or printed", order.number);
        let is_about = |problem: &proto::Problem| is_about(problem, label_id);
        return Err(troubles::declined(session, &order, &headline, is_about).await);
    }
    let Some(path) = &arguments.pdf else { return Ok(()) };
    let request = proto::GetOrderLabelRequest { name: name.into(), label_id };
    let pdf = session.client.get_order_label(request).await?.pdf;
    let written = private_files::create(path)?.write_all(&pdf);
    written.map_err(|error| Failure::of_file(path, &error))
}

/// The label that was asked for: of the goods meant, the newest that stands, or else the newest; of
/// another consignment always the newest.
fn asked_for(order: &proto::Order, delivery: i32, is_anew: bool) -> Option<i64> {
    let standing: Vec<i32> = order
        .deliveries
        .iter()
        .filter(|delivery| delivery.cancel_time.is_none())
        .map(|delivery| delivery.id)
        .collect();
    let goods = match (delivery, standing.as_slice()) {
        (0, [only]) => *only,
        (asked, _) => asked,
    };
    let of_goods = || {
        let is_of = |label: &&proto::Label| [0, goods].contains(&label.delivery_id);
        order.labels.iter().rev().filter(is_of)
    };
    let stands = |label: &&proto::Label| {
        use proto::LabelState::{Made, Pending, Unknown};
        matches!(label.state(), Pending | Made | Unknown)
    };
    let known = if is_anew { None } else { of_goods().find(stands) };
    known.or_else(|| of_goods().next()).map(|label| label.id)
}

/// Whether the problem is about this label, or a print of it.
fn is_about(problem: &proto::Problem, label: i64) -> bool {
    problem.details.get("label").is_some_and(|id| *id == label.to_string())
}

#[cfg(test)]
mod tests {
    use super::{asked_for, is_about, proto};
    use proto::LabelState::{self, Declined, Made, Pending};

    fn order(deliveries: &[(i32, bool)], labels: &[(i64, i32, LabelState)]) -> proto::Order {
        let delivery = |&(id, stands): &(i32, bool)| proto::Delivery {
            id,
            cancel_time: (!stands).then(prost_types::Timestamp::default),
            ..proto::Delivery::default()
        };
        let label = |&(id, delivery_id, state): &(i64, i32, LabelState)| proto::Label {
            id,
            delivery_id,
            state: state.into(),
            ..proto::Label::default()
        };
        proto::Order {
            deliveries: deliveries.iter().map(delivery).collect(),
            labels: labels.iter().map(label).collect(),
            ..proto::Order::default()
        }
    }

    #[test]
    fn the_label_of_the_goods_asked_for_is_meant_and_no_other() {
        let two = [(1, true), (2, true)];
        let one = [(1, false), (2, true)];
        for (deliveries, labels, (delivery, is_anew), wanted) in [
            (&two[..], &[(10, 1, Made), (11, 2, Made)][..], (1, false), 10),
            (&two, &[(10, 1, Made), (11, 2, Made)], (2, false), 11),
            (&two, &[(10, 1, Pending), (11, 2, Made)], (1, false), 10),
            (&one, &[(10, 2, Made), (11, 1, Made)], (0, false), 10),
            (&two, &[(10, 0, Made)], (2, false), 10),
            (&[], &[(10, 0, Made)], (0, false), 10),
            (&[], &[(10, 0, Made), (11, 0, Declined)], (0, false), 10),
            (&[], &[(10, 0, Made), (11, 0, Declined)], (0, true), 11),
            (&[], &[(10, 0, Declined)], (0, false), 10),
        ] {
            let order = order(deliveries, labels);
            let found = asked_for(&order, delivery, is_anew);
            assert_eq!(found, Some(wanted), "{labels:?} {delivery}");
        }
        assert_eq!(asked_for(&order(&two, &[(10, 1, Made)]), 2, false), None);
    }

    #[test]
    fn another_labels_problem_is_not_its_own() {
        let details = [("label".to_owned(), "10".to_owned())].into();
        let problem = proto::Problem { details, ..proto::Problem::default() };
        assert!(is_about(&problem, 10) && !is_about(&problem, 11));
        assert!(!is_about(&proto::Problem::default(), 10));
    }
}
