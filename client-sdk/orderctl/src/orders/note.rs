//! `orderctl orders note` and `resend`: notes on an order, and mails to its customer.

use std::path::{Path, PathBuf};

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::choice;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  orderctl orders note 1001 'Rings before delivery' --for warehouse
  orderctl orders note 1001 'Your parcel is on its way' --for customer --email
  orderctl orders note 1001 'As agreed' --for customer --email --withdrawal-form --attach manual.pdf
  orderctl orders note 1001 'As agreed' --for customer --email --dry-run

Without --email or --no-email a note for the customer is mailed if the shop's settings say so.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NoteArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// The note
    text: String,

    /// Who it is for: internal, warehouse, customer
    #[arg(
        long = "for",
        value_name = "AUDIENCE",
        value_parser = choice::<proto::NoteAudience>,
        default_value = "internal"
    )]
    audience: proto::NoteAudience,

    /// Mail it to the customer
    #[arg(long, conflicts_with = "no_email")]
    email: bool,

    /// Do not mail it, whatever the shop's settings say
    #[arg(long)]
    no_email: bool,

    /// Attach the withdrawal form to the mail
    #[arg(long, conflicts_with_all = ["no_withdrawal_form", "no_email"])]
    withdrawal_form: bool,

    /// Do not attach the withdrawal form, whatever the shop's settings say
    #[arg(long)]
    no_withdrawal_form: bool,

    /// A file that goes with the mail; may be repeated, 10 MB together
    #[arg(long, value_name = "FILE", conflicts_with = "no_email")]
    attach: Vec<PathBuf>,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl orders resend 1001 57\n\n\
    The mails of an order stand with their numbers in `orderctl orders get 1001`.")]
pub(crate) struct ResendArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Number of the mail
    #[arg(value_name = "MAIL_ID")]
    mail: i64,

    #[command(flatten)]
    change: ChangeArguments,
}

/// Endings and what mail programs make of them.
const MEDIA_TYPES: [(&str, &str); 12] = [
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("zip", "application/zip"),
    ("json", "application/json"),
];

pub(crate) async fn note(session: &Session, arguments: &NoteArguments) -> Result<(), Failure> {
    let order = session.order_name(&arguments.order)?;
    let request_id = session.request_id(arguments.change.request_id);
    let mut note = session
        .client
        .new_note(&order, arguments.audience, &arguments.text)
        .request_id(&request_id);
    if arguments.email || arguments.no_email {
        note = note.send_email(arguments.email);
    }
    if arguments.withdrawal_form || arguments.no_withdrawal_form {
        note = note.withdrawal_form(arguments.withdrawal_form);
    }
    for path in &arguments.attach {
        let content = std::fs::read(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        note = note.attach(name.unwrap_or_default(), media_type(path), content);
    }
    if arguments.change.dry_run {
        note = note.validate_only();
    }
    let answer = note.send().await.map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

pub(crate) async fn resend(session: &Session, arguments: &ResendArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::ResendMailRequest {
        name: session.order_name(&arguments.order)?.into(),
        mail_id: arguments.mail,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .resend_mail(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let ending = ending.unwrap_or_default();
    let known = MEDIA_TYPES.iter().find(|(known, _)| *known == ending);
    known.map_or("application/octet-stream", |(_, kind)| kind)
}
