//! `orderctl customers`: hands a person's data out, or erases it.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use futures_util::StreamExt;
use order_sdk::proto;

use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::json;
use crate::output::Output;
use crate::private_files;
use crate::session::{Session, last_part};

const PAGE_SIZE: i32 = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum CustomersCommand {
    /// Write down all that is kept about a person, one order a line as JSON, for handing out
    #[command(after_help = "Examples:\n  orderctl customers export kari@example.no\n  \
        orderctl customers export --id K-77 --file kari.jsonl")]
    Export(ExportArguments),
    /// Take away all that is personal of a person's orders, for ever
    #[command(after_help = "Examples:\n  orderctl customers erase kari@example.no --dry-run\n  \
        orderctl customers erase kari@example.no --yes\n\n\
        Goods, amounts and the history stay, and so does, apart, what the voucher must show by law.")]
    Erase(EraseArguments),
}

/// Whose data.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct PersonArguments {
    /// An e-mail address of theirs, in any case
    #[arg(value_name = "EMAIL")]
    email: Option<String>,

    /// The shop's own id of the customer
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    person: PersonArguments,

    /// Where to write it; a new file that only you can read
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct EraseArguments {
    #[command(flatten)]
    person: PersonArguments,

    /// Yes, for ever
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

impl PersonArguments {
    fn person(&self) -> proto::Person {
        let identity = match (&self.email, &self.id) {
            (Some(email), _) => Some(proto::person::Identity::Email(email.clone())),
            (None, Some(id)) => Some(proto::person::Identity::CustomerId(id.clone())),
            (None, None) => None,
        };
        proto::Person { identity }
    }
}

pub(crate) async fn run(session: &Session, command: CustomersCommand) -> Result<(), Failure> {
    match command {
        CustomersCommand::Export(arguments) => export(session, &arguments).await,
        CustomersCommand::Erase(arguments) => erase(session, &arguments).await,
    }
}

async fn export(session: &Session, arguments: &ExportArguments) -> Result<(), Failure> {
    let request = proto::ExportCustomerRequest {
        parent: (&session.shop).into(),
        person: Some(arguments.person.person()),
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut file = match &arguments.file {
        Some(path) => Some(private_files::create_new(path)?),
        None => None,
    };
    let mut count = 0_usize;
    let mut pages = session.client.customer_record_pages(request);
    while let Some(page) = pages.next().await {
        for record in page?.items {
            count = count.saturating_add(1);
            match &mut file {
                Some(file) => writeln!(file, "{}", json::write(&record)?)?,
                None => Output::json(&record)?,
            }
        }
    }
    if let Some(file) = file {
        file.sync_all()?;
    }
    Output::tell(&format!("{count} orders"));
    Ok(())
}

async fn erase(session: &Session, arguments: &EraseArguments) -> Result<(), Failure> {
    if !arguments.yes && !arguments.change.dry_run {
        let message = "this cannot be undone: look with --dry-run, then say --yes";
        return Err(Failure::Usage(message.to_owned()));
    }
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::EraseCustomerRequest {
        parent: (&session.shop).into(),
        person: Some(arguments.person.person()),
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .erase_customer(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let orders = answer.receipt.clone().unwrap_or_default().other_orders;
        let numbers: Vec<&str> = orders.iter().map(|name| last_part(name)).collect();
        let what = if arguments.change.dry_run { "would be erased" } else { "erased" };
        let mut told = format!("{what}: the customer of orders {}", numbers.join(", "));
        if answer.removed_mail_files > 0 {
            told.push_str(&format!("\nmail files removed: {}", answer.removed_mail_files));
        }
        if answer.left_mail_files > 0 {
            told.push_str(&format!(
                "\nmail files left: {}; erase again with --request-id {request_id}",
                answer.left_mail_files
            ));
        }
        told
    })
}
