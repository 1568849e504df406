//! `orderctl orders get`: orders as people read them.

use std::collections::BTreeMap;

use clap::Args;
use order_sdk::proto;

use super::view;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::{Session, present};
use crate::status_names::StatusNames;

const EXAMPLES: &str = "\
Examples:
  orderctl orders get 1001
  orderctl orders get 1001 1002 --output json
  orderctl orders get 1001 --as-of 5120";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GetArguments {
    /// Numbers or full names of orders
    #[arg(required = true, value_name = "NUMBER")]
    orders: Vec<String>,

    /// As they were at this revision of the shop
    #[arg(long, value_name = "REVISION", default_value_t = 0, hide_default_value = true)]
    as_of: i64,

    /// Deleted orders, too
    #[arg(long)]
    show_deleted: bool,
}

pub(crate) async fn run(session: &Session, arguments: &GetArguments) -> Result<(), Failure> {
    let mut names = None;
    for (place, order) in arguments.orders.iter().enumerate() {
        let request = proto::GetOrderRequest {
            name: session.order_name(order)?.into(),
            as_of_revision: arguments.as_of,
            show_deleted: arguments.show_deleted,
        };
        let order = present(session.client.get_order(request).await?.order)?;
        if session.output.is_json() {
            Output::json(&order)?;
            continue;
        }
        if place > 0 {
            Output::text("")?;
        }
        let names = match &mut names {
            Some(names) => names,
            none => none.insert(StatusNames::load(session).await?),
        };
        let pages = explanations(session, &order).await?;
        Output::text(&view::order(session, names, &order, &pages))?;
    }
    Ok(())
}

/// What the catalogue says about the order's problems, by code.
pub(super) async fn explanations(
    session: &Session,
    order: &proto::Order,
) -> Result<BTreeMap<String, proto::Refusal>, Failure> {
    let mut pages = BTreeMap::new();
    for problem in &order.problems {
        if !pages.contains_key(&problem.code) {
            let request = proto::GetRefusalRequest { name: format!("refusals/{}", problem.code) };
            let page = present(session.client.get_refusal(request).await?.refusal)?;
            pages.insert(problem.code.clone(), page);
        }
    }
    Ok(pages)
}
