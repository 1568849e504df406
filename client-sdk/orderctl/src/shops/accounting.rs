//! Settings of a shop about its accounting: where orders go, when, and what things are called there.

use std::collections::BTreeMap;

use clap::Args;
use order_sdk::proto;

use crate::amounts::{basis_points, rate};
use crate::failure::Failure;
use crate::labels::{choice, label};
use crate::session::last_part;

#[derive(Args, Debug)]
#[command(next_help_heading = "Accounting")]
pub(super) struct AccountingFields {
    /// The accounting integration that orders go to; empty: none
    #[arg(long, value_name = "ID")]
    accounting: Option<String>,

    /// Hand sales over by themselves when they are COMPLETED: invoice, order, none
    #[arg(long, value_name = "FORM", value_parser = form)]
    automatic_transfer: Option<proto::TransferForm>,

    /// Whether the accounting system mails invoices to customers
    #[arg(long, value_name = "BOOL")]
    invoice_mail: Option<bool>,

    /// What the accounting system calls a payment: provider=NAME; without a name (klarna=) the
    /// provider's own. May be repeated
    #[arg(long, value_name = "PROVIDER=NAME")]
    payment_type: Vec<String>,

    /// Number of the VAT type for a rate in percent: 0=6; without a number (0=) that of ordinary
    /// sales. May be repeated
    #[arg(long, value_name = "RATE=NUMBER")]
    vat_type: Vec<String>,
}

/// Sets what was given; answers the paths of the mask.
pub(super) fn set_fields(
    settings: &mut proto::ShopSettings,
    shop: &str,
    fields: &AccountingFields,
) -> Result<Vec<String>, Failure> {
    let AccountingFields { accounting, automatic_transfer, invoice_mail, payment_type, vat_type } =
        fields;
    let is_given = accounting.is_some()
        || automatic_transfer.is_some()
        || invoice_mail.is_some()
        || !payment_type.is_empty()
        || !vat_type.is_empty();
    if !is_given {
        return Ok(Vec::new());
    }
    let known = settings.accounting.get_or_insert_default();
    match accounting.as_deref() {
        None => {}
        Some("") => known.integration.clear(),
        Some(id) => known.integration = format!("{shop}/integrations/{id}"),
    }
    if let Some(form) = automatic_transfer {
        known.set_automatic_form(*form);
    }
    known.sends_invoice_mail = invoice_mail.unwrap_or(known.sends_invoice_mail);
    for entry in payment_type {
        let (provider, name) = pair(entry)?;
        put(&mut known.payment_types, provider.to_owned(), name);
    }
    for entry in vat_type {
        let (percent, number) = pair(entry)?;
        put(&mut known.vat_types, basis_points(percent)?, number);
    }
    Ok(vec!["settings.accounting".to_owned()])
}

/// Where orders go, and when.
pub(super) fn line(accounting: Option<&proto::AccountingSettings>) -> String {
    let accounting = accounting.cloned().unwrap_or_default();
    let form = label::<proto::TransferForm>(accounting.automatic_form).to_lowercase();
    let mut parts = vec![match (last_part(&accounting.integration), form.as_str()) {
        ("", _) => "none".to_owned(),
        (integration, "") => format!("{integration}, when asked"),
        (integration, form) => format!("{integration}, as {form} when COMPLETED"),
    }];
    if accounting.sends_invoice_mail {
        parts.push("mails invoices".to_owned());
    }
    parts.extend(
        accounting.payment_types.iter().map(|(provider, name)| format!("{provider}: {name}")),
    );
    parts.extend(
        accounting
            .vat_types
            .iter()
            .map(|(rate_bp, number)| format!("{}: VAT type {number}", rate(*rate_bp))),
    );
    parts.join(", ")
}

fn form(text: &str) -> Result<proto::TransferForm, String> {
    match text {
        "none" => Ok(proto::TransferForm::Unspecified),
        text => choice(text).map_err(|problem| format!("{problem}, none")),
    }
}

fn pair(entry: &str) -> Result<(&str, &str), Failure> {
    entry
        .split_once('=')
        .ok_or_else(|| Failure::Usage(format!("{entry:?} is not like klarna=Klarna or 0=6")))
}

fn put<Key: Ord>(entries: &mut BTreeMap<Key, String>, key: Key, value: &str) {
    if value.is_empty() {
        entries.remove(&key);
    } else {
        entries.insert(key, value.to_owned());
    }
}
