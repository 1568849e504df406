//! `orderctl orders credit`: credits a sale by units or amounts, and waits for the refunds.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use order_sdk::{Credit, proto};

use super::outcome::{is_under_way, outcome};
use super::troubles;
use super::waiting::WaitArguments;
use crate::amounts::{basis_points, minor_units, money};
use crate::arguments::ChangeArguments;
use crate::arguments::YesNo;
use crate::failure::Failure;
use crate::session::{Session, last_part, present};

const EXAMPLES: &str = "\
Examples:
  orderctl orders credit 1001 --line 1=2 --refund yes --restock yes --reason 'Came back unused'
  orderctl orders credit 1001 --amount 2=50.00 --refund yes --reason 'Scratched'
  orderctl orders credit 1001 --all --fee 'Returfrakt=99.00@25' --refund yes --dry-run
  orderctl orders credit 1001 --all --refund no
  orderctl orders credit 1001 --all --refund yes --restock yes --restock 2=no
  orderctl orders credit 1001 --line 1=1 --refund yes --share 7=200 --share 8=49.50

Each credit makes a credit order with a number of its own. Lines and payments have the numbers that \
`orderctl orders get` shows. Repeating a credit with --request-id needs the same lines: write them \
out instead of --all. The credit order stands whatever becomes of its refunds; where --wait is given and \
they are not done in that time, the exit code is 8.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreditArguments {
    /// Number or full name of the sale order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Units of a line
    #[arg(long, value_name = "LINE=UNITS", required_unless_present_any = ["amount", "all"])]
    line: Vec<String>,

    /// A price reduction of a line, with VAT, in major units
    #[arg(long, value_name = "LINE=AMOUNT")]
    amount: Vec<String>,

    /// All units that are captured and not credited yet
    #[arg(long, conflicts_with_all = ["line", "amount"])]
    all: bool,

    /// What is kept of it, e.g. return freight: with VAT, in major units, and its VAT rate
    #[arg(long, value_name = "TITLE=AMOUNT@RATE")]
    fee: Vec<String>,

    /// Whether the money goes back through the payment provider
    #[arg(long, value_enum)]
    refund: YesNo,

    /// Which payments bear it; without, the one captured last first
    #[arg(long, value_name = "PAYMENT=AMOUNT")]
    share: Vec<String>,

    /// Whether the credited units go back on stock: yes or no for all, 2=yes for a line; no unless told
    #[arg(long, value_name = "[LINE=]YES_OR_NO")]
    restock: Vec<Restocking>,

    /// Why; becomes a note for the shop's staff on the credit order
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,

    #[command(flatten)]
    wait: WaitArguments,

    #[command(flatten)]
    change: ChangeArguments,
}

/// Whether units go back on stock: those of a line, or of every line that is not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Restocking {
    line: Option<i32>,
    is_restocked: bool,
}

impl FromStr for Restocking {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be yes or no, or that of a line like 2=yes".to_owned();
        let (line, choice) = match text.split_once('=') {
            Some((line, choice)) => (Some(line.trim().parse().map_err(|_| wrong())?), choice),
            None => (None, text),
        };
        let choice = YesNo::from_str(choice.trim(), true).map_err(|_| wrong())?;
        Ok(Self { line, is_restocked: choice == YesNo::Yes })
    }
}

pub(crate) async fn run(session: &Session, arguments: &CreditArguments) -> Result<(), Failure> {
    let name = session.order_name(&arguments.order)?;
    let request =
        proto::GetOrderRequest { name: (&name).into(), as_of_revision: 0, show_deleted: false };
    let sale = present(session.client.get_order(request).await?.order)?;
    let request_id = session.request_id(arguments.change.request_id);
    let mut credit = session.client.credit(&name).request_id(&request_id);
    credit = credit.refund(arguments.refund == YesNo::Yes).reason(&arguments.reason);
    credit = filled(credit, arguments, &sale)?;
    let wait = arguments.wait.time();
    if !wait.is_zero() {
        credit = credit.wait(wait);
    }
    if arguments.change.dry_run {
        credit = credit.validate_only();
    }
    let answer = credit.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || told(&answer, arguments.change.dry_run))?;
    if arguments.change.dry_run {
        return Ok(());
    }
    let is_waited_for = arguments.wait.is_asked_for();
    ended(session, &answer, is_waited_for).await
}

/// The credit with the lines, fees and shares that were given.
fn filled(
    mut credit: Credit,
    arguments: &CreditArguments,
    sale: &proto::Order,
) -> Result<Credit, Failure> {
    let amount = |text: &str| minor_units(text, &sale.currency_code);
    let lines = units(arguments, sale)?;
    for (line, units) in &lines {
        credit = match is_restocked(&arguments.restock, *line) {
            true => credit.restocked_units(*line, *units),
            false => credit.units(*line, *units),
        };
    }
    check_restocking(&arguments.restock, &lines)?;
    for text in &arguments.amount {
        let (line, reduction) = pair(text, "2=50.00")?;
        credit = credit.amount(line, amount(reduction)?);
    }
    for text in &arguments.fee {
        let wrong = || unlike(text, "Returfrakt=99.00@25");
        let (title, rest) = text.rsplit_once('=').ok_or_else(wrong)?;
        let (gross, rate) = rest.split_once('@').ok_or_else(wrong)?;
        let rate = basis_points(rate)?;
        credit = credit.fee(title, amount(gross)?, rate);
    }
    for text in &arguments.share {
        let (payment, share) = pair(text, "7=249.50")?;
        credit = credit.share(payment, amount(share)?);
    }
    let has_lines = !credit.clone().into_request().lines.is_empty();
    if has_lines {
        Ok(credit)
    } else {
        let number = sale.number;
        Err(Failure::Declined(format!("error: nothing of order {number} is left to credit")))
    }
}

/// The lines that are credited by units: those named, or all with what is left. Where nothing is left
/// the service is asked for all of them: it says why that cannot be, and a command that is repeated
/// finds what it did.
fn units(arguments: &CreditArguments, sale: &proto::Order) -> Result<Vec<(i32, i64)>, Failure> {
    if arguments.all {
        let some = |units: fn(&proto::Line) -> i64| -> Vec<(i32, i64)> {
            let lines = sale.lines.iter().map(|line| (line.id, units(line)));
            lines.filter(|(_, units)| *units > 0).collect()
        };
        let left = some(|line| line.captured_quantity - line.credited_quantity);
        return Ok(if left.is_empty() { some(|line| line.quantity) } else { left });
    }
    let named = arguments.line.iter().map(|text| {
        let (line, units) = pair(text, "1=2")?;
        Ok((line, number(units, text, "1=2")?))
    });
    named.collect()
}

fn is_restocked(choices: &[Restocking], line: i32) -> bool {
    let of = |line| choices.iter().find(|choice| choice.line == line);
    of(Some(line)).or_else(|| of(None)).is_some_and(|choice| choice.is_restocked)
}

/// Each choice once, and only of what is credited by units.
fn check_restocking(choices: &[Restocking], lines: &[(i32, i64)]) -> Result<(), Failure> {
    for (index, Restocking { line, .. }) in choices.iter().enumerate() {
        let is_again = choices.iter().take(index).any(|before| before.line == *line);
        let wrong = match line {
            None if is_again => "--restock is given twice for all lines".to_owned(),
            Some(line) if is_again => format!("--restock is given twice for line {line}"),
            Some(line) if !lines.iter().any(|(credited, _)| credited == line) => {
                format!("--restock {line}=: no units of line {line} are credited")
            }
            _ => continue,
        };
        return Err(Failure::Usage(wrong));
    }
    Ok(())
}

fn pair<'a, Key: FromStr>(text: &'a str, like: &str) -> Result<(Key, &'a str), Failure> {
    let (key, value) = text.split_once('=').ok_or_else(|| unlike(text, like))?;
    Ok((number(key, text, like)?, value))
}

fn number<Number: FromStr>(part: &str, text: &str, like: &str) -> Result<Number, Failure> {
    part.trim().parse().map_err(|_| unlike(text, like))
}

fn unlike(text: &str, like: &str) -> Failure {
    Failure::Usage(format!("{text:?} is not like {like:?}"))
}

/// The sale with its refunds, and the credit order.
fn told(answer: &proto::CreditOrderResponse, is_dry_run: bool) -> String {
    let sale = answer.order.clone().unwrap_or_default();
    let credit = answer.credit_order.clone().unwrap_or_default();
    let sum = credit.totals.as_ref().map_or(0, |totals| totals.gross_minor);
    let sum = money(sum, &credit.currency_code);
    let made = match credit.number {
        0 => format!("  would make a credit order of {sum}"),
        number => format!(
            "  credit order {number}, credit {}: {sum}, {}",
            credit.credit_number,
            last_part(&credit.status)
        ),
    };
    // The credit order is told in full.
    let receipt = answer.receipt.clone().map(|receipt| proto::Receipt {
        other_orders: receipt
            .other_orders
            .into_iter()
            .filter(|other| *other != credit.name)
            .collect(),
        ..receipt
    });
    format!("{}\n{made}", outcome(&sale, receipt.as_ref(), is_dry_run))
}

/// Fails when the credit order stands, but its money has not gone back: the sale's problems say why; or
/// when it was waited for in vain.
async fn ended(
    session: &Session,
    answer: &proto::CreditOrderResponse,
    is_waited_for: bool,
) -> Result<(), Failure> {
    let sale = answer.order.clone().unwrap_or_default();
    let credit = answer.credit_order.clone().unwrap_or_default();
    let number = credit.number.to_string();
    if sale.problems.iter().any(|problem| is_unpaid(problem, &number)) {
        let headline = format!("credit order {number} stands, but is not paid back");
        let is_about = |problem: &proto::Problem| is_about(problem, &number);
        return Err(troubles::declined(session, &sale, &headline, is_about).await);
    }
    let mut operations = sale.payments.iter().flat_map(|payment| &payment.operations);
    let is_open = operations.any(|one| one.credit_order == credit.name && is_under_way(one));
    if is_waited_for && is_open {
        let headline = format!("credit order {number} stands, and is not paid back yet");
        return Err(troubles::unfinished(session, &sale, &headline).await);
    }
    let is_told =
        |problem: &proto::Problem| is_about(problem, &number) || troubles::holds_up(problem);
    troubles::tell(session, &sale, is_told).await;
    Ok(())
}

fn is_about(problem: &proto::Problem, credit: &str) -> bool {
    problem.details.get("credit_order").is_some_and(|number| number == credit)
}

/// Whether the problem is that the credit order is not paid out. What was found paid back at the
/// provider pays it out, and is told all the same.
fn is_unpaid(problem: &proto::Problem, credit: &str) -> bool {
    is_about(problem, credit) && problem.code != "REFUNDED_AT_PROVIDER"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_read_or_told_to_be_wrong() {
        assert_eq!(pair::<i32>("1=2", "").expect("a pair"), (1, "2"));
        assert!(pair::<i32>("one=2", "1=2").is_err());
        assert!(pair::<i32>("12", "1=2").is_err());
    }

    #[test]
    fn what_was_found_paid_back_pays_its_credit_out() {
        for (code, credit, wanted) in [
            ("REFUND_DECLINED", "1002", true),
            ("REFUND_REVERSED", "1002", true),
            ("REFUNDED_AT_PROVIDER", "1002", false),
            ("REFUND_DECLINED", "1003", false),
        ] {
            let details = [("credit_order".to_owned(), credit.to_owned())].into();
            let problem =
                proto::Problem { code: code.to_owned(), details, ..proto::Problem::default() };
            assert_eq!(is_unpaid(&problem, "1002"), wanted, "{code} of {credit}");
        }
    }

    #[test]
    fn units_go_back_on_stock_as_their_line_says_or_else_as_all_do() {
        let read = |texts: &[&str]| -> Vec<Restocking> {
            texts.iter().map(|text| text.parse().expect("a choice")).collect()
        };
        let told = |texts: &[&str]| [1, 2].map(|line| is_restocked(&read(texts), line));
        assert_eq!(told(&[]), [false, false]);
        assert_eq!(told(&["yes"]), [true, true]);
        assert_eq!(told(&["yes", "2=no"]), [true, false]);
        assert_eq!(told(&["2=yes", "no"]), [false, true]);
        let check = |texts: &[&str]| check_restocking(&read(texts), &[(1, 1), (2, 3)]);
        assert!(check(&["yes", "1=no", "2=yes"]).is_ok());
        for wrong in [&["yes", "no"][..], &["1=no", "1=no"], &["3=yes"]] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["", "maybe", "1", "1=maybe", "x=yes", "=yes"] {
            assert!(wrong.parse::<Restocking>().is_err(), "{wrong}");
        }
    }
}
