//! `orderctl orders update`: corrects what does not touch money or goods.

use clap::Args;
use order_sdk::proto;
use prost_types::FieldMask;

use super::outcome::outcome;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::json;
use crate::output::Output;
use crate::session::{Session, present};

const EXAMPLES: &str = r#"Examples:
  orderctl orders update 1001 --email kari@example.com
  orderctl orders update 1001 --name 'Kari Nordmann' --phone '+47 400 00 000'
  orderctl orders update 1001 --shipping-address '{"lines": ["Storgata 1"], "postalCode": "0155", "city": "Oslo", "regionCode": "NO"}'
  orderctl orders update 1001 --metadata gift=yes --metadata 'old-key='

--metadata sets one key and leaves the others; an empty value takes the key away. With it the
correction cannot be repeated by --request-id, and is harmless to do again."#;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpdateArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// The customer's e-mail address
    #[arg(long)]
    email: Option<String>,

    /// The customer's full name
    #[arg(long)]
    name: Option<String>,

    /// The customer's telephone number
    #[arg(long)]
    phone: Option<String>,

    /// The shop's own id of the customer
    #[arg(long, value_name = "ID")]
    customer_id: Option<String>,

    /// The customer's organisation number
    #[arg(long, value_name = "NUMBER")]
    organization_number: Option<String>,

    /// Where the bill goes, as JSON
    #[arg(long, value_name = "JSON")]
    billing_address: Option<String>,

    /// Where the goods go, as JSON
    #[arg(long, value_name = "JSON")]
    shipping_address: Option<String>,

    /// The caller's own reference
    #[arg(long, value_name = "REFERENCE")]
    external_reference: Option<String>,

    /// The customer's language, e.g. nb
    #[arg(long, value_name = "CODE")]
    language: Option<String>,

    /// One key of the metadata and its value
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<String>,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, arguments: &UpdateArguments) -> Result<(), Failure> {
    let name = session.order_name(&arguments.order)?;
    let mut order = proto::Order { name: name.to_string(), ..proto::Order::default() };
    let mut paths = set_fields(&mut order, arguments)?;
    let mut etag = String::new();
    if !arguments.metadata.is_empty() {
        let request =
            proto::GetOrderRequest { name: name.into(), as_of_revision: 0, show_deleted: false };
        let now = present(session.client.get_order(request).await?.order)?;
        order.metadata = now.metadata;
        etag = now.etag;
        set_metadata(&mut order, &arguments.metadata)?;
        paths.push("metadata".to_owned());
    }
    if paths.is_empty() {
        return Err(Failure::Usage("nothing to correct: see --help".to_owned()));
    }
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::UpdateOrderRequest {
        order: Some(order),
        update_mask: Some(FieldMask { paths }),
        request_id: request_id.clone(),
        etag,
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .update_order(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    let hint = answer.order.as_ref().and_then(sent_elsewhere);
    if let Some(hint) = hint.filter(|_| arguments.email.is_some() && !arguments.change.dry_run) {
        Output::tell(&hint);
    }
    Ok(())
}

/// `1 mail went to the old address (57): send it again with: …`; nothing when all went to the address
/// that the order has now.
fn sent_elsewhere(order: &proto::Order) -> Option<String> {
    let old = order.mails.iter().filter(|mail| mail.is_to_old_address);
    let ids: Vec<String> = old.map(|mail| mail.id.to_string()).collect();
    let (number, list) = (order.number, ids.join(", "));
    let resend = format!("with: orderctl orders resend {number}");
    match ids.as_slice() {
        [] => None,
        [id] => {
            Some(format!("1 mail went to the old address ({list}): send it again {resend} {id}"))
        }
        all => {
            let count = all.len();
            Some(format!(
                "{count} mails went to the old address ({list}): send each again {resend} MAIL_ID"
            ))
        }
    }
}

/// Sets what was given; answers the paths of the mask.
fn set_fields(
    order: &mut proto::Order,
    arguments: &UpdateArguments,
) -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    let customer = order.customer.get_or_insert_default();
    let mut set = |path: &str, value: &Option<String>, field: &mut String| {
        if let Some(value) = value {
            field.clone_from(value);
            paths.push(path.to_owned());
        }
    };
    set("customer.email", &arguments.email, &mut customer.email);
    set("customer.full_name", &arguments.name, &mut customer.full_name);
    set("customer.phone", &arguments.phone, &mut customer.phone);
    set("customer.id", &arguments.customer_id, &mut customer.id);
    set(
        "customer.organization_number",
        &arguments.organization_number,
        &mut customer.organization_number,
    );
    set("external_reference", &arguments.external_reference, &mut order.external_reference);
    set("language_code", &arguments.language, &mut order.language_code);
    for (path, value, field) in [
        ("billing_address", &arguments.billing_address, &mut order.billing_address),
        ("shipping_address", &arguments.shipping_address, &mut order.shipping_address),
    ] {
        if let Some(value) = value {
            *field = Some(json::read(value)?);
            paths.push(path.to_owned());
        }
    }
    Ok(paths)
}

fn set_metadata(order: &mut proto::Order, entries: &[String]) -> Result<(), Failure> {
    for entry in entries {
        let (key, value) = entry
            .split_once('=')
            .ok_or_else(|| Failure::Usage("--metadata must be KEY=VALUE".to_owned()))?;
        if value.is_empty() {
            order.metadata.remove(key);
        } else {
            order.metadata.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_to_the_old_address_are_named_with_what_sends_them_again() {
        let mail =
            |id, is_to_old_address| proto::Mail { id, is_to_old_address, ..Default::default() };
        let told = |mails: Vec<proto::Mail>| {
            sent_elsewhere(&proto::Order { number: 1001, mails, ..Default::default() })
        };
        assert_eq!(told(vec![mail(57, false)]), None);
        assert_eq!(
            told(vec![mail(57, true), mail(58, false)]).as_deref(),
            Some(
                "1 mail went to the old address (57): send it again with: \
                 orderctl orders resend 1001 57"
            )
        );
        assert_eq!(
            told(vec![mail(57, true), mail(58, true)]).as_deref(),
            Some(
                "2 mails went to the old address (57, 58): send each again with: \
                 orderctl orders resend 1001 MAIL_ID"
            )
        );
    }
}
