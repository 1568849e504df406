//! Settings of a shop about its mails: who sells, what is mailed, and in which words.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use order_sdk::proto;

use crate::failure::Failure;

#[derive(Args, Debug)]
#[command(next_help_heading = "Mail")]
pub(super) struct MailFields {
    /// Name of the business that sells
    #[arg(long, value_name = "NAME")]
    seller_name: Option<String>,

    /// Where mails come from and customers write to
    #[arg(long, value_name = "ADDRESS")]
    seller_email: Option<String>,

    /// Where the seller is: 'Storgata 1, 0155 Oslo, NO'
    #[arg(long, value_name = "ADDRESS")]
    seller_address: Option<String>,

    /// The seller's telephone number
    #[arg(long, value_name = "NUMBER")]
    seller_phone: Option<String>,

    /// The seller's organisation number
    #[arg(long, value_name = "NUMBER")]
    seller_organization_number: Option<String>,

    /// Whether an order confirmation with the withdrawal form goes out when an order is placed
    #[arg(long, value_name = "BOOL")]
    confirm_orders: Option<bool>,

    /// Whether notes for customers are mailed unless told
    #[arg(long, value_name = "BOOL")]
    note_email: Option<bool>,

    /// Whether the withdrawal form goes with mailed notes unless told
    #[arg(long, value_name = "BOOL")]
    note_withdrawal_form: Option<bool>,

    /// The shop's own words of a mail: kind.language=FILE, the subject on the first line; the HTML in
    /// the file of the same name that ends with .html, if there is one. Without a file (note.nb=) the
    /// service's own
    #[arg(long, value_name = "KIND.LANGUAGE=FILE")]
    mail_template: Vec<String>,
}

/// Sets what was given; answers the paths of the mask.
pub(super) fn set_fields(
    settings: &mut proto::ShopSettings,
    fields: &MailFields,
) -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    if set_seller(settings, fields) {
        paths.push("settings.seller".to_owned());
    }
    if let Some(confirms) = fields.confirm_orders {
        settings.confirms_orders = confirms;
        paths.push("settings.confirms_orders".to_owned());
    }
    if fields.note_email.is_some() || fields.note_withdrawal_form.is_some() {
        let defaults = settings.note_defaults.get_or_insert_default();
        defaults.send_email = fields.note_email.unwrap_or(defaults.send_email);
        defaults.attach_withdrawal_form =
            fields.note_withdrawal_form.unwrap_or(defaults.attach_withdrawal_form);
        paths.push("settings.note_defaults".to_owned());
    }
    for entry in &fields.mail_template {
        set_template(settings, entry)?;
    }
    if !fields.mail_template.is_empty() {
        paths.push("settings.mail_templates".to_owned());
    }
    Ok(paths)
}

/// The seller on one line.
pub(super) fn seller_line(seller: Option<&proto::Seller>) -> String {
    let seller = seller.cloned().unwrap_or_default();
    let address = seller.address.unwrap_or_default();
    let town = format!("{} {}", address.postal_code, address.city).trim().to_owned();
    let first = [seller.name];
    let last = [town, address.region_code, seller.email, seller.phone, seller.organization_number];
    let parts = first.into_iter().chain(address.lines).chain(last);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What becomes of notes for customers unless told.
pub(super) fn defaults_line(defaults: Option<proto::NoteDefaults>) -> String {
    let defaults = defaults.unwrap_or_default();
    match (defaults.send_email, defaults.attach_withdrawal_form) {
        (false, _) => "not mailed unless told".to_owned(),
        (true, false) => "mailed".to_owned(),
        (true, true) => "mailed with the withdrawal form".to_owned(),
    }
}

/// Which mails have the shop's own words.
pub(super) fn templates_line(templates: &BTreeMap<String, proto::MailTemplate>) -> String {
    templates.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn set_seller(settings: &mut proto::ShopSettings, fields: &MailFields) -> bool {
    let seller = settings.seller.get_or_insert_default();
    let texts = [
        (&fields.seller_name, &mut seller.name),
        (&fields.seller_email, &mut seller.email),
        (&fields.seller_phone, &mut seller.phone),
        (&fields.seller_organization_number, &mut seller.organization_number),
    ];
    let mut is_set = false;
    for (value, field) in texts {
        if let Some(value) = value {
            field.clone_from(value);
            is_set = true;
        }
    }
    if let Some(text) = &fields.seller_address {
        seller.address = Some(address(text));
        is_set = true;
    }
    is_set
}

/// `Storgata 1, 0155 Oslo, NO`: street lines, then postal code and town, then maybe the country.
fn address(text: &str) -> proto::Address {
    let mut parts: Vec<&str> =
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let is_country =
        |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let region_code = parts.pop_if(|part| is_country(&&**part)).unwrap_or_default().to_owned();
    let town = if parts.len() > 1 { parts.pop().unwrap_or_default() } else { "" };
    let (postal_code, city) = match town.split_once(' ') {
        Some((code, city)) if code.bytes().any(|byte| byte.is_ascii_digit()) => (code, city.trim()),
        _ => ("", town),
    };
    proto::Address {
        lines: parts.into_iter().map(str::to_owned).collect(),
        postal_code: postal_code.to_owned(),
        city: city.to_owned(),
        region_code,
        ..proto::Address::default()
    }
}

fn set_template(settings: &mut proto::ShopSettings, entry: &str) -> Result<(), Failure> {
    let (key, file) = entry
        .split_once('=')
        .ok_or_else(|| Failure::Usage(format!("{entry:?} is not like note.nb=FILE")))?;
    if file.is_empty() {
        settings.mail_templates.remove(key);
        return Ok(());
    }
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))
    };
    let path = Path::new(file);
    let words = read(path)?;
    let (subject, text) = words.split_once('\n').unwrap_or((words.as_str(), ""));
    let beside = path.with_extension("html");
    let html = match beside != path && beside.exists() {
        true => read(&beside)?,
        false => String::new(),
    };
    let template = proto::MailTemplate {
        subject: subject.trim().to_owned(),
        text: text.trim_start().to_owned(),
        html,
    };
    settings.mail_templates.insert(key.to_owned(), template);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_one_line() {
        for (text, lines, code, city, region) in [
            ("Storgata 1, 0155 Oslo, NO", vec!["Storgata 1"], "0155", "Oslo", "NO"),
            ("Storgata 1, 2. etg, 0155 Oslo", vec!["Storgata 1", "2. etg"], "0155", "Oslo", ""),
            ("Postboks 7", vec!["Postboks 7"], "", "", ""),
            ("1 High Street, London, GB", vec!["1 High Street"], "", "London", "GB"),
        ] {
            let read = address(text);
            assert_eq!(read.lines, lines);
            let parts = (read.postal_code.as_str(), read.city.as_str(), read.region_code.as_str());
            assert_eq!(parts, (code, city, region));
        }
    }
}
