//! `orderctl orders credit`: credits a sale by units or amounts, and waits for the refunds.

use std::time::Duration;

use clap::Args;
use order_sdk::{Credit, proto};

use super::outcome::outcome;
use super::troubles;
use crate::amounts::{basis_points, minor_units, money};
use crate::arguments::ChangeArguments;
use crate::arguments::YesNo;
use crate::failure::Failure;
use crate::session::{Session, last_part, present};
use crate::times::duration;

const EXAMPLES: &str = "\
Examples:
  orderctl orders credit 1001 --line 1=2 --refund yes --restock yes --reason 'Came back unused'
  orderctl orders credit 1001 --amount 2=50.00 --refund yes --reason 'Scratched'
  orderctl orders credit 1001 --all --fee 'Returfrakt=99.00@25' --refund yes --dry-run
  orderctl orders credit 1001 --all --refund no
  orderctl orders credit 1001 --line 1=1 --refund yes --share 7=200 --share 8=49.50

Each credit makes a credit order with a number of its own. Lines and payments have the numbers that \
`orderctl orders get` shows. Repeating a credit with --request-id needs the same lines: write them \
out instead of --all.";

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

    /// Whether the credited units go back on stock
    #[arg(long, value_enum, default_value = "no")]
    restock: YesNo,

    /// Why; becomes a note for the shop's staff on the credit order
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,

    /// Wait at most this long, up to 60s, for the refunds; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
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
    if !arguments.wait.is_zero() {
        credit = credit.wait(arguments.wait);
    }
    if arguments.change.dry_run {
        credit = credit.validate_only();
    }
    let answer = credit.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || told(&answer, arguments.change.dry_run))?;
    if arguments.change.dry_run {
        return Ok(());
    }
    declined(session, &answer).await
}

/// The credit with the lines, fees and shares that were given.
fn filled(
    mut credit: Credit,
    arguments: &CreditArguments,
    sale: &proto::Order,
) -> Result<Credit, Failure> {
    let is_restocked = arguments.restock == YesNo::Yes;
    let amount = |text: &str| minor_units(text, &sale.currency_code);
    if arguments.all {
        credit = credit.all_of(sale, is_restocked);
    }
    for text in &arguments.line {
        let (line, units) = pair::<i32>(text, "1=2")?;
        let units = number(units, text, "1=2")?;
        credit = match is_restocked {
            true => credit.restocked_units(line, units),
            false => credit.units(line, units),
        };
    }
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
        Err(Failure::Usage(format!("nothing of order {} is left to credit", sale.number)))
    }
}

fn pair<'a, Key: std::str::FromStr>(text: &'a str, like: &str) -> Result<(Key, &'a str), Failure> {
    let (key, value) = text.split_once('=').ok_or_else(|| unlike(text, like))?;
    Ok((number(key, text, like)?, value))
}

fn number<Number: std::str::FromStr>(
    part: &str,
    text: &str,
    like: &str,
) -> Result<Number, Failure> {
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

/// The credit order stands, but its money has not gone back: the sale's problems say why.
async fn declined(session: &Session, answer: &proto::CreditOrderResponse) -> Result<(), Failure> {
    let sale = answer.order.clone().unwrap_or_default();
    let number = answer.credit_order.as_ref().map_or(0, |credit| credit.number).to_string();
    let is_about = |problem: &proto::Problem| problem.details.get("credit_order") == Some(&number);
    if !sale.problems.iter().any(is_about) {
        troubles::tell(session, &sale, troubles::holds_up).await;
        return Ok(());
    }
    let headline = format!("credit order {number} stands, but is not paid back");
    Err(troubles::declined(session, &sale, &headline, is_about).await)
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
}
