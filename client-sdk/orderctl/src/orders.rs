//! `orderctl orders`: place, read and change orders.

mod create;
mod credit;
mod delete;
mod delivering;
mod edit;
pub(crate) mod filter;
pub(crate) mod get;
mod history;
pub(crate) mod list;
mod many;
mod note;
pub(crate) mod outcome;
mod payments;
mod printing;
mod reconcile;
pub(crate) mod status;
mod transfer;
pub(crate) mod troubles;
mod update;
pub(crate) mod view;
mod waiting;

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
    /// Change units and prices of lines, remove and add lines, while money is only reserved
    Edit(Box<edit::EditArguments>),
    /// Delete an order on which no money hangs: its number and history stay
    Delete(delete::DeleteArguments),
    /// Take a status change back that waits for money, while that has not been sent
    Withdraw(payments::WithdrawArguments),
    /// Attach another payment: the way out of an expired or declined reservation
    AttachPayment(payments::AttachArguments),
    /// Compare payments with their provider's account; what is certain is adopted
    Reconcile(reconcile::ReconcileArguments),
    /// Ask the provider to hold a reservation longer
    Extend(reconcile::ExtendArguments),
    /// Record what was sent; captures its share where the shop captures per delivery
    Deliver(Box<delivering::DeliverArguments>),
    /// Take back a delivery that was recorded by mistake
    CancelDelivery(delivering::CancelDeliveryArguments),
    /// State when deliveries arrived: from then on the customer may withdraw for 14 days
    Arrived(delivering::ArrivedArguments),
    /// Record that the customer withdrew from the purchase
    Withdrawal(delivering::WithdrawalArguments),
    /// Hand goods over to a carrier: make the label, print it, save it
    Label(printing::LabelArguments),
    /// Credit units or amounts of an order, and pay them back
    Credit(Box<credit::CreditArguments>),
    /// Add a note, and mail it to the customer
    Note(note::NoteArguments),
    /// Send a mail again, to the address that the order has now
    Resend(note::ResendArguments),
    /// Hand a completed order over to accounting, as an invoice or as an order
    Transfer(transfer::TransferArguments),
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
        OrdersCommand::Edit(arguments) => edit::run(session, &arguments).await,
        OrdersCommand::Delete(arguments) => delete::run(session, &arguments).await,
        OrdersCommand::Withdraw(arguments) => payments::withdraw(session, &arguments).await,
        OrdersCommand::AttachPayment(arguments) => payments::attach(session, &arguments).await,
        OrdersCommand::Reconcile(arguments) => reconcile::reconcile(session, &arguments).await,
        OrdersCommand::Extend(arguments) => reconcile::extend(session, &arguments).await,
        OrdersCommand::Deliver(arguments) => delivering::deliver(session, &arguments).await,
        OrdersCommand::CancelDelivery(arguments) => {
            delivering::cancel_delivery(session, &arguments).await
        }
        OrdersCommand::Arrived(arguments) => delivering::arrived(session, &arguments).await,
        OrdersCommand::Withdrawal(arguments) => delivering::withdrawal(session, &arguments).await,
        OrdersCommand::Label(arguments) => printing::label(session, &arguments).await,
        OrdersCommand::Credit(arguments) => credit::run(session, &arguments).await,
        OrdersCommand::Note(arguments) => note::note(session, &arguments).await,
        OrdersCommand::Resend(arguments) => note::resend(session, &arguments).await,
        OrdersCommand::Transfer(arguments) => transfer::run(session, &arguments).await,
        OrdersCommand::History(arguments) => history::run(session, &arguments).await,
    }
}
