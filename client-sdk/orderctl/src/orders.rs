//! `orderctl orders`: place, read and change orders.

mod create;
mod credit;
pub(crate) mod filter;
pub(crate) mod get;
mod history;
mod list;
mod many;
pub(crate) mod outcome;
mod payments;
mod status;
mod update;
pub(crate) mod view;

use clap::Subcommand;

use crate::failure::Failure;
use crate::import::{self, ImportArguments};
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// List orders, newest first
    List(Box<list::ListArguments>),
    /// Show orders with lines, money, problems and what to do about them
    Get(get::GetArguments),
    /// Place one order from a JSON file
    Create(create::CreateArguments),
    /// Place many orders from a file, one JSON order a line
    Import(ImportArguments),
    /// Correct a customer's data, addresses, references, metadata
    Update(Box<update::UpdateArguments>),
    /// Set the status of orders: captures or gives back their money where the status says so
    Status(Box<status::StatusArguments>),
    /// Take a status change back that waits for money, while that has not been sent
    Withdraw(payments::WithdrawArguments),
    /// Attach another payment: the way out of an expired or declined reservation
    AttachPayment(payments::AttachArguments),
    /// Credit units or amounts of an order, and pay them back
    Credit(Box<credit::CreditArguments>),
    /// Show who did what to an order, and when
    History(history::HistoryArguments),
}

pub(crate) async fn run(session: &Session, command: OrdersCommand) -> Result<(), Failure> {
    match command {
        OrdersCommand::List(arguments) => list::run(session, *arguments).await,
        OrdersCommand::Get(arguments) => get::run(session, &arguments).await,
        OrdersCommand::Create(arguments) => create::run(session, &arguments).await,
        OrdersCommand::Import(arguments) => import::run(session, arguments).await,
        OrdersCommand::Update(arguments) => update::run(session, &arguments).await,
        OrdersCommand::Status(arguments) => status::run(session, *arguments).await,
        OrdersCommand::Withdraw(arguments) => payments::withdraw(session, &arguments).await,
        OrdersCommand::AttachPayment(arguments) => payments::attach(session, &arguments).await,
        OrdersCommand::Credit(arguments) => credit::run(session, &arguments).await,
        OrdersCommand::History(arguments) => history::run(session, &arguments).await,
    }
}
