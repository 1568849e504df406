//! `orderctl orders edit`: changes, removes and adds lines.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use super::troubles;
use crate::amounts::{basis_points, minor_units};
use crate::arguments::{ChangeArguments, YesNo};
use crate::failure::Failure;
use crate::session::{Session, present};
use crate::times::duration;

const EXAMPLES: &str = "\
Examples:
  orderctl orders edit 1001 --quantity 2=1 --restock yes
  orderctl orders edit 1001 --price 1=99.50 --remove 3 --dry-run
  orderctl orders edit 1001 --shipping 0
  orderctl orders edit 1001 --remove 2 --add sku=MUG-1,title=Krus,quantity=1,price=99,vat=25

Lines are named by their number in `orderctl orders get`. While a provider has reserved the money the \
total can only stay or fall; it learns the new amount at once. What is captured, delivered or credited \
is fixed. An edit never changes the status: do that with `orderctl orders status`. It captures only what \
was delivered, where the shop captures with each delivery and nothing is left to deliver.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EditArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Units of a line: 2=1; may be repeated
    #[arg(long, value_name = "LINE=UNITS")]
    quantity: Vec<Of<i64>>,

    /// Price of one unit of a line, in major units: 1=99.50; may be repeated
    #[arg(long, value_name = "LINE=PRICE")]
    price: Vec<Of<String>>,

    /// Remove a line; may be repeated
    #[arg(long, value_name = "LINE")]
    remove: Vec<i32>,

    /// Price of the shipping, in major units; the order must have one line of it
    #[arg(long, value_name = "PRICE")]
    shipping: Option<String>,

    /// Add a line: title, price and quantity=1, vat=25 (percent), sku, discount, kind=goods as needed
    #[arg(long, value_name = "FIELD=VALUE,...")]
    add: Vec<Added>,

    /// Whether units that leave the order go back on stock; required when units of a tracked sku do
    #[arg(long, value_enum)]
    restock: Option<YesNo>,

    /// Wait at most this long, up to 60s, for the provider to take the new amount; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

/// A value for a line: `2=1`.
#[derive(Clone, Debug)]
struct Of<Value> {
    line: i32,
    value: Value,
}

/// A line to add, with amounts in major units until the currency is known.
#[derive(Clone, Debug, Default)]
struct Added {
    sku: String,
    title: String,
    quantity: Option<i64>,
    price: String,
    discount: Option<String>,
    vat: Option<String>,
    kind: Option<proto::LineKind>,
}

impl<Value: FromStr> FromStr for Of<Value> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not LINE=VALUE, e.g. 2=1");
        let (line, value) = text.split_once('=').ok_or_else(wrong)?;
        let line = line.trim().parse().map_err(|_| wrong())?;
        Ok(Self { line, value: value.trim().parse().map_err(|_| wrong())? })
    }
}

impl FromStr for Added {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut added = Self::default();
        for part in text.split(',') {
            let (field, value) =
                part.split_once('=').ok_or_else(|| format!("{part:?} is not FIELD=VALUE"))?;
            let value = value.trim().to_owned();
            match field.trim() {
                "sku" => added.sku = value,
                "title" => added.title = value,
                "price" => added.price = value,
                "discount" => added.discount = Some(value),
                "vat" => added.vat = Some(value),
                "quantity" => {
                    let quantity = value.parse();
                    added.quantity =
                        Some(quantity.map_err(|_| format!("{value:?} is not a number of units"))?);
                }
                "kind" => {
                    added.kind = Some(match value.as_str() {
                        "goods" => proto::LineKind::Goods,
                        "shipping" => proto::LineKind::Shipping,
                        "fee" => proto::LineKind::Fee,
                        _ => return Err(format!("{value:?} is not goods, shipping or fee")),
                    });
                }
                other => {
                    return Err(format!(
                        "{other:?} is not one of sku, title, quantity, price, discount, vat, kind"
                    ));
                }
            }
        }
        if added.title.is_empty() || added.price.is_empty() {
            return Err("a line needs at least title and price".to_owned());
        }
        Ok(added)
    }
}

impl Added {
    fn line(&self, currency_code: &str) -> Result<proto::NewLine, Failure> {
        let discount = self.discount.as_deref().unwrap_or("0");
        Ok(proto::NewLine {
            kind: self.kind.unwrap_or(proto::LineKind::Goods).into(),
            sku: self.sku.clone(),
            title: self.title.clone(),
            quantity: self.quantity.unwrap_or(1),
            unit_price_minor: minor_units(&self.price, currency_code)?,
            discount_minor: minor_units(discount, currency_code)?,
            vat_rate_bp: basis_points(self.vat.as_deref().unwrap_or("25"))?,
        })
    }
}

pub(crate) async fn run(session: &Session, arguments: &EditArguments) -> Result<(), Failure> {
    let name = session.order_name(&arguments.order)?;
    let request =
        proto::GetOrderRequest { name: (&name).into(), as_of_revision: 0, show_deleted: false };
    // For the currency of the amounts, and to find the shipping.
    let order = present(session.client.get_order(request).await?.order)?;
    let code = &order.currency_code;
    let shipping = match &arguments.shipping {
        Some(price) => Some((shipping_line(&order)?, minor_units(price, code)?)),
        None => None,
    };
    check_named_once(arguments, shipping.map(|(line, _)| line))?;
    let request_id = session.request_id(arguments.change.request_id);
    let mut edit = session.client.edit(&name).request_id(&request_id);
    for Of { line, value } in &arguments.quantity {
        edit = edit.quantity(*line, *value);
    }
    for Of { line, value } in &arguments.price {
        edit = edit.unit_price(*line, minor_units(value, code)?);
    }
    for line in &arguments.remove {
        edit = edit.remove(*line);
    }
    if let Some((line, price)) = shipping {
        edit = edit.unit_price(line, price);
    }
    for added in &arguments.add {
        edit = edit.add_line(added.line(code)?);
    }
    if let Some(restock) = arguments.restock {
        edit = edit.restock(restock == YesNo::Yes);
    }
    if !arguments.wait.is_zero() {
        edit = edit.wait(arguments.wait);
    }
    if arguments.change.dry_run {
        edit = edit.validate_only();
    }
    let answer = edit.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    if arguments.change.dry_run {
        return Ok(());
    }
    let order = present(answer.order)?;
    let is_about = |problem: &proto::Problem| problem.code == "AMOUNT_UPDATE_DECLINED";
    if !order.problems.iter().any(is_about) {
        troubles::tell(session, &order, troubles::holds_up).await;
        return Ok(());
    }
    let headline = format!("order {} is edited, and its reservation is not", order.number);
    Err(troubles::declined(session, &order, &headline, is_about).await)
}

/// What is said twice of a line would be taken as it was said last.
fn check_named_once(arguments: &EditArguments, shipping: Option<i32>) -> Result<(), Failure> {
    let quantities = arguments.quantity.iter().map(|of| of.line).chain(arguments.remove.clone());
    let prices = arguments.price.iter().map(|of| of.line).chain(shipping);
    for (what, mut lines) in
        [("quantity", quantities.collect::<Vec<_>>()), ("price", prices.collect())]
    {
        lines.sort_unstable();
        if let Some([line, _]) = lines.array_windows().find(|[line, next]| line == next) {
            return Err(Failure::Usage(format!("line {line} is given a {what} twice")));
        }
    }
    Ok(())
}

/// The one line of shipping.
fn shipping_line(order: &proto::Order) -> Result<i32, Failure> {
    let mut lines = order.lines.iter().filter(|line| line.kind() == proto::LineKind::Shipping);
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line.id),
        (None, _) => Err(Failure::Usage(format!("order {} has no shipping line", order.number))),
        (Some(_), Some(_)) => Err(Failure::Usage(format!(
            "order {} has several shipping lines: name one with --price LINE=PRICE",
            order.number
        ))),
    }
}
