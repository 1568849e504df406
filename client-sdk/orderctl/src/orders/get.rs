//! `orderctl orders get`: orders as people read them.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use order_sdk::proto;

use super::view;
use crate::duplicates::has_captured;
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
        let bound = captured_twins(session, &order, arguments.as_of).await;
        Output::text(&view::order(session, names, &order, (&pages, &bound)))?;
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

/// Names of the orders that may be duplicates of this one and have captured the payment of both. An
/// order that cannot be read now counts as one that has not: what is asked for is shown all the same.
async fn captured_twins(
    session: &Session,
    order: &proto::Order,
    as_of_revision: i64,
) -> BTreeSet<String> {
    let mut captured = BTreeSet::new();
    let is_open = |link: &proto::DuplicateLink| {
        link.same_payment && link.resolution() == proto::DuplicateResolution::Open
    };
    for link in &order.duplicates {
        if !is_open(link) {
            continue;
        }
        let name = link.order.clone();
        let request = proto::GetOrderRequest { name, as_of_revision, show_deleted: true };
        let Ok(answer) = session.client.get_order(request).await else { continue };
        if answer.order.as_ref().is_some_and(has_captured) {
            captured.insert(link.order.clone());
        }
    }
    captured
}
