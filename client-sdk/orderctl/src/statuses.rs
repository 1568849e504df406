//! `orderctl statuses`: the merchant's own labels, and what they set going.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use order_sdk::{StatusName, proto};
use prost_types::FieldMask;

use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::{choice, label};
use crate::output::Output;
use crate::session::{Session, last_part, present};
use crate::status_names::StatusNames;
use crate::tables::table;

const CREATE_EXAMPLE: &str = "\
Example:
  orderctl statuses create on-hold --name nb='På vent' --name en='On hold' --position 25";

const UPDATE_EXAMPLES: &str = "\
Examples:
  orderctl statuses update sent --customer-name nb='På vei til deg'
  orderctl statuses update processing --tag default

A name given for a language leaves the others; an empty one takes the language away. With names it \
cannot be repeated by --request-id, and is harmless to do again.";

#[derive(Debug, Subcommand)]
pub(crate) enum StatusesCommand {
    /// List the statuses of the shop
    #[command(after_help = "Example:\n  orderctl statuses list --shop butikk --lang nb")]
    List,
    /// Add a status
    #[command(after_help = CREATE_EXAMPLE)]
    Create(CreateArguments),
    /// Rename, reorder or retag a status
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArguments),
    /// Delete a status; its orders get the replacement, which its id stands for from then on
    #[command(after_help = "Example:\n  orderctl statuses delete on-hold --replacement processing")]
    Delete(DeleteArguments),
}

#[derive(Args, Debug)]
pub(crate) struct StatusFields {
    /// Name for staff in a language, e.g. nb=Sendt
    #[arg(long, value_name = "CODE=NAME")]
    name: Vec<String>,

    /// Name for customers in a language
    #[arg(long, value_name = "CODE=NAME")]
    customer_name: Vec<String>,

    /// What it sets going: none, default, completed, cancelled
    #[arg(long, value_parser = tag)]
    tag: Option<proto::StatusTag>,

    /// Place in lists, 0 to 10,000
    #[arg(long)]
    position: Option<i32>,
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Its id: 1 to 40 of a-z, 0-9 and -, beginning with a letter
    id: String,

    #[command(flatten)]
    fields: StatusFields,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct UpdateArguments {
    /// The status: its id, or its name in any language
    status: String,

    #[command(flatten)]
    fields: StatusFields,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct DeleteArguments {
    /// The status: its id, or its name in any language
    status: String,

    /// A status with the same tag for the orders that have the deleted one
    #[arg(long, value_name = "STATUS")]
    replacement: Option<String>,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, command: StatusesCommand) -> Result<(), Failure> {
    match command {
        StatusesCommand::List => list(session).await,
        StatusesCommand::Create(arguments) => create(session, arguments).await,
        StatusesCommand::Update(arguments) => update(session, &arguments).await,
        StatusesCommand::Delete(arguments) => delete(session, &arguments).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let request = proto::ListOrderStatusesRequest { parent: (&session.shop).into() };
    let statuses = session.client.list_order_statuses(request).await?.order_statuses;
    if session.output.is_json() {
        return statuses.iter().try_for_each(Output::json);
    }
    Output::text(&view(&statuses))
}

async fn create(session: &Session, arguments: CreateArguments) -> Result<(), Failure> {
    let mut status = proto::OrderStatus::default();
    set_fields(&mut status, &arguments.fields)?;
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::CreateOrderStatusRequest {
        parent: (&session.shop).into(),
        order_status_id: arguments.id,
        order_status: Some(status),
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .create_order_status(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || view(answer.order_status.as_slice()))
}

async fn update(session: &Session, arguments: &UpdateArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.status).await?;
    let mut status = proto::OrderStatus { name: (&name).into(), ..Default::default() };
    let mut etag = String::new();
    let fields = &arguments.fields;
    if !fields.name.is_empty() || !fields.customer_name.is_empty() {
        // The names are sent whole: those in other languages must be the ones that are there.
        let request = proto::GetOrderStatusRequest { name: name.into() };
        let known = present(session.client.get_order_status(request).await?.order_status)?;
        status.admin_names = known.admin_names;
        status.customer_names = known.customer_names;
        etag = known.etag;
    }
    let paths = set_fields(&mut status, &arguments.fields)?;
    if paths.is_empty() {
        return Err(Failure::Usage("nothing to change: see --help".to_owned()));
    }
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::UpdateOrderStatusRequest {
        order_status: Some(status),
        update_mask: Some(FieldMask { paths }),
        request_id: request_id.clone(),
        etag,
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .update_order_status(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || view(answer.order_status.as_slice()))
}

async fn delete(session: &Session, arguments: &DeleteArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.status).await?;
    let replacement = match &arguments.replacement {
        Some(replacement) => find(session, replacement).await?.into(),
        None => String::new(),
    };
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::DeleteOrderStatusRequest {
        name: (&name).into(),
        replacement,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .delete_order_status(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    if session.output.is_json() {
        return Output::json(&answer);
    }
    let done = if arguments.change.dry_run { "can be deleted" } else { "is deleted" };
    Output::tell(&format!("{} {done}", name.id()));
    Ok(())
}

async fn find(session: &Session, text: &str) -> Result<StatusName, Failure> {
    match text.parse() {
        Ok(name) => Ok(name),
        Err(_) => StatusNames::load(session).await?.find(text),
    }
}

/// Sets what was given; answers the paths of the mask.
fn set_fields(
    status: &mut proto::OrderStatus,
    fields: &StatusFields,
) -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    for (path, entries, names) in [
        ("admin_names", &fields.name, &mut status.admin_names),
        ("customer_names", &fields.customer_name, &mut status.customer_names),
    ] {
        if !entries.is_empty() {
            set_names(names, entries)?;
            paths.push(path.to_owned());
        }
    }
    if let Some(tag) = fields.tag {
        status.set_tag(tag);
        paths.push("tag".to_owned());
    }
    if let Some(position) = fields.position {
        status.position = position;
        paths.push("position".to_owned());
    }
    Ok(paths)
}

fn set_names(names: &mut BTreeMap<String, String>, entries: &[String]) -> Result<(), Failure> {
    for entry in entries {
        let (code, name) = entry
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("{entry:?} is not like nb=Sendt")))?;
        if name.is_empty() {
            names.remove(code);
        } else {
            names.insert(code.to_owned(), name.to_owned());
        }
    }
    Ok(())
}

fn tag(text: &str) -> Result<proto::StatusTag, String> {
    if text == "none" { Ok(proto::StatusTag::Unspecified) } else { choice(text) }
}

fn view(statuses: &[proto::OrderStatus]) -> String {
    let names = |names: &BTreeMap<String, String>| {
        let names: Vec<String> =
            names.iter().map(|(code, name)| format!("{code}={name}")).collect();
        names.join(", ")
    };
    let row = |status: &proto::OrderStatus| {
        vec![
            last_part(&status.name).to_owned(),
            label::<proto::StatusTag>(status.tag),
            status.position.to_string(),
            status.order_count.to_string(),
            names(&status.admin_names),
            names(&status.customer_names),
        ]
    };
    let headings = ["ID", "TAG", ">POSITION", ">ORDERS", "NAMES", "FOR CUSTOMERS"];
    table(&headings, statuses.iter().map(row).collect())
}
