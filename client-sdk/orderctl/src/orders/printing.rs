//! `orderctl orders label`: hands goods over to a carrier, prints the label, and saves it as a file.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use order_sdk::proto;

use super::outcome::{made, outcome};
use super::troubles;
use super::waiting::WaitArguments;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::private_files;
use crate::session::{Session, present};

const EXAMPLES: &str = "\
Examples:
  orderctl orders label 1001
  orderctl orders label 1001 --printer 1093
  orderctl orders label 1001 --delivery 2 --weight 2500 --pdf label.pdf
  orderctl orders label 1001 --dry-run

An order that has its label gets no second consignment: it is printed again, or saved again. Printers and
products are listed by `orderctl integrations label-options`. Where --wait is given, or a file is to \
be saved, and it is not done in that time, the exit code is 8.";

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

    #[command(flatten)]
    wait: WaitArguments,

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
        .wait(arguments.wait.time())
        .request_id(&request_id);
    if arguments.new_consignment {
        label = label.new_consignment();
    }
    if arguments.change.dry_run {
        label = label.validate_only();
    }
    let answer = label.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    let order = present(answer.order.clone())?;
    let label = asked_for(&order, arguments.delivery, arguments.new_consignment);
    session.output.either(&answer, || {
        let told = outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run);
        let plan = answer.receipt.as_ref().map_or(&[][..], |receipt| receipt.plan.as_slice());
        let is_told = plan.iter().any(|effect| effect.label() != proto::LabelWork::Unspecified);
        match label.filter(|_| !is_told && !arguments.change.dry_run) {
            Some(label) => format!("{told}\n  {}", made(label)),
            None => told,
        }
    })?;
    if arguments.change.dry_run {
        return Ok(());
    }
    let label = label.ok_or_else(|| {
        Failure::Other(format!("order {} has no label of these goods", order.number))
    })?;
    if let Some(path) = &arguments.pdf
        && label.state() == proto::LabelState::Made
    {
        let request = proto::GetOrderLabelRequest { name: name.into(), label_id: label.id };
        let pdf = session.client.get_order_label(request).await?.pdf;
        let written = private_files::create(path)?.write_all(&pdf);
        written.map_err(|error| Failure::of_file(path, &error))?;
    }
    ended(session, &order, label, arguments).await
}

/// How the label and the print that were asked for stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Done,
    NotMade,
    NotPrinted,
    Failed,
}

/// Fails when the label or the print that was asked for is refused, or was waited for in vain.
async fn ended(
    session: &Session,
    order: &proto::Order,
    label: &proto::Label,
    arguments: &LabelArguments,
) -> Result<(), Failure> {
    let is_waited_for = arguments.wait.is_asked_for();
    let standing = standing(label, &arguments.printer);
    let headline = match standing {
        Standing::Done => return Ok(()),
        Standing::Failed => {
            let headline = format!("the label of order {} is not made or printed", order.number);
            let is_about =
                |problem: &proto::Problem| is_about(problem, label.id, &arguments.printer);
            return Err(troubles::declined(session, order, &headline, is_about).await);
        }
        Standing::NotMade if is_waited_for || arguments.pdf.is_some() => "is not made yet",
        Standing::NotPrinted if is_waited_for => "is not printed yet",
        Standing::NotMade | Standing::NotPrinted => {
            troubles::tell(session, order, troubles::holds_up).await;
            return Ok(());
        }
    };
    let headline = format!("label {} {headline}", label.id);
    Err(troubles::unfinished(session, order, &headline).await)
}

/// Of prints only the newest on the printer that was named counts, and none where none was.
fn standing(label: &proto::Label, printer: &str) -> Standing {
    use proto::LabelPrintState::{Pending, Printed};
    match label.state() {
        proto::LabelState::Pending => return Standing::NotMade,
        proto::LabelState::Made => {}
        _ => return Standing::Failed,
    }
    let mut prints = label.prints.iter().rev().filter(|_| !printer.is_empty());
    match prints.find(|print| print.printer == printer).map(proto::LabelPrint::state) {
        None | Some(Printed) => Standing::Done,
        Some(Pending) => Standing::NotPrinted,
        Some(_) => Standing::Failed,
    }
}

/// The label that was asked for: of the goods meant, the newest that stands, or else the newest; of
/// another consignment always the newest.
fn asked_for(order: &proto::Order, delivery: i32, is_anew: bool) -> Option<&proto::Label> {
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
    known.or_else(|| of_goods().next())
}

/// Whether the problem is about this label, or a print of it on this printer.
fn is_about(problem: &proto::Problem, label: i64, printer: &str) -> bool {
    let is_its = problem.details.get("label").is_some_and(|id| *id == label.to_string());
    let is_meant = !problem.code.starts_with("PRINT_")
        || problem.details.get("printer").is_some_and(|name| name == printer);
    is_its && is_meant
}

#[cfg(test)]
mod tests {
    use super::{Standing, asked_for, is_about, proto, standing};
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
            assert_eq!(found.map(|label| label.id), Some(wanted), "{labels:?} {delivery}");
        }
        assert_eq!(asked_for(&order(&two, &[(10, 1, Made)]), 2, false), None);
    }

    #[test]
    fn another_labels_problem_is_not_its_own() {
        let problem = |code: &str, printer: &str| proto::Problem {
            code: code.to_owned(),
            details: [("label", "10"), ("printer", printer)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..proto::Problem::default()
        };
        let declined = problem("LABEL_DECLINED", "");
        assert!(is_about(&declined, 10, "") && !is_about(&declined, 11, ""));
        assert!(!is_about(&proto::Problem::default(), 10, ""));
        let print = problem("PRINT_DECLINED", "1093");
        assert!(is_about(&print, 10, "1093"));
        assert!(!is_about(&print, 10, "") && !is_about(&print, 10, "9999"));
    }

    #[test]
    fn only_what_was_asked_for_decides_how_it_ends() {
        use proto::LabelPrintState as State;
        let print = |printer: &str, state: State| proto::LabelPrint {
            printer: printer.to_owned(),
            state: state.into(),
            ..proto::LabelPrint::default()
        };
        let prints = vec![
            print("1093", State::Printed),
            print("9999", State::Declined),
            print("1093", State::Pending),
            print("7", State::Printed),
        ];
        let label = |state: LabelState| proto::Label {
            state: state.into(),
            prints: prints.clone(),
            ..proto::Label::default()
        };
        for (state, printer, wanted) in [
            (Made, "", Standing::Done),
            (Made, "7", Standing::Done),
            (Made, "1093", Standing::NotPrinted),
            (Made, "9999", Standing::Failed),
            (Pending, "1093", Standing::NotMade),
            (Declined, "7", Standing::Failed),
        ] {
            assert_eq!(standing(&label(state), printer), wanted, "{state:?} {printer}");
        }
    }
}
