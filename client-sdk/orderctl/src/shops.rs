//! `orderctl shops`: the tenants and their settings.

mod accounting;
mod labelling;
mod mailing;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use futures_util::StreamExt;
use order_sdk::proto;
use prost_types::FieldMask;

use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::{choice, label};
use crate::output::Output;
use crate::session::{Session, last_part, present, shop_name};
use crate::status_names::StatusNames;
use crate::tables::{Rows, facts};
use crate::times::local;

const CREATE_EXAMPLE: &str = "\
Example:
  orderctl shops create butikk --display-name 'Min butikk' --language nb --currency NOK \\
      --time-zone Europe/Oslo

A new shop has integrations `klarna`, `vipps` and `card` with the built-in sandbox. Others are made with \
`orderctl integrations create`.";

const UPDATE_EXAMPLES: &str = "\
Examples:
  orderctl shops update butikk --stock-mode refuse
  orderctl shops update butikk --next-order-number 5000
  orderctl shops update butikk --seller-name 'Butikk AS' --seller-email hei@butikk.no \\
      --seller-address 'Storgata 1, 0155 Oslo, NO'
  orderctl shops update butikk --accounting tripletex --automatic-transfer invoice --payment-type card=Kort
  orderctl shops update butikk --confirm-orders true --note-email true --mail-template note.nb=note.txt

The systems that it works with are made with `orderctl integrations create`; the options for accounting \
and labels name one of them.

What is set of the seller, notes, mail templates, accounting and labels is sent with the rest of it: that \
cannot be repeated by --request-id, and is harmless to do again.";

/// Settings that have parts, and are sent with all of them.
const WHOLE: [&str; 5] = [
    "settings.seller",
    "settings.note_defaults",
    "settings.mail_templates",
    "settings.accounting",
    "settings.labels",
];

#[derive(Debug, Subcommand)]
pub(crate) enum ShopsCommand {
    /// List all shops
    #[command(after_help = "Example:\n  orderctl shops list --output json | jq -r .name")]
    List,
    /// Show a shop and its settings
    #[command(after_help = "Example:\n  orderctl shops get butikk")]
    Get(GetArguments),
    /// Create a shop with the five starting statuses
    #[command(after_help = CREATE_EXAMPLE)]
    Create(Box<ChangeShopArguments>),
    /// Change a shop's settings
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(Box<ChangeShopArguments>),
}

#[derive(Args, Debug)]
pub(crate) struct GetArguments {
    /// The shop; that of --shop unless told
    #[arg(value_name = "ID")]
    shop: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ChangeShopArguments {
    /// Its id: 1 to 40 of a-z, 0-9 and -, beginning with a letter
    #[arg(value_name = "ID")]
    shop: String,

    #[command(flatten)]
    fields: ShopFields,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ShopFields {
    /// What it is called
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,

    /// The shop's language, e.g. nb
    #[arg(long, value_name = "CODE")]
    language: Option<String>,

    /// IANA time zone, e.g. Europe/Oslo
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,

    /// Currency where a tool needs a default, e.g. NOK
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,

    /// When stock runs out: allow, refuse
    #[arg(long, value_name = "MODE", value_parser = choice::<proto::StockMode>)]
    stock_mode: Option<proto::StockMode>,

    /// When money is captured: on-completed, per-delivery
    #[arg(long, value_name = "MODE", value_parser = choice::<proto::CaptureMode>)]
    capture_mode: Option<proto::CaptureMode>,

    /// When a payment comes with a second order: flag, return-first
    #[arg(long, value_name = "MODE", value_parser = choice::<proto::DuplicateMode>)]
    duplicate_mode: Option<proto::DuplicateMode>,

    /// How far apart two purchases may be and still look like one, seconds
    #[arg(long, value_name = "SECONDS")]
    duplicate_window: Option<i32>,

    /// Whether a COMPLETED status delivers what is undelivered: true, false
    #[arg(long, value_name = "BOOL")]
    completed_delivers: Option<bool>,

    /// Days that goods are under way when nobody says when they arrived, 0 to 60
    #[arg(long, value_name = "DAYS")]
    transit_days: Option<i32>,

    /// Days before a reservation expires that it is announced, 0 to 30; 0: never
    #[arg(long, value_name = "DAYS")]
    expiry_warning_days: Option<i32>,

    /// Number the next order gets; may only be raised
    #[arg(long, value_name = "NUMBER")]
    next_order_number: Option<i64>,

    /// Number the next credit gets in the series of credits; may only be raised
    #[arg(long, value_name = "NUMBER")]
    next_credit_number: Option<i64>,

    /// Status a credit order starts in
    #[arg(long, value_name = "STATUS")]
    credit_order_status: Option<String>,

    #[command(flatten)]
    mailing: mailing::MailFields,

    #[command(flatten)]
    accounting: accounting::AccountingFields,

    #[command(flatten)]
    labelling: labelling::LabelFields,
}

pub(crate) async fn run(session: &Session, command: ShopsCommand) -> Result<(), Failure> {
    match command {
        ShopsCommand::List => list(session).await,
        ShopsCommand::Get(arguments) => get(session, &arguments).await,
        ShopsCommand::Create(arguments) => create(session, &arguments).await,
        ShopsCommand::Update(arguments) => update(session, &arguments).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let request = proto::ListShopsRequest { page_size: 500, page_token: String::new() };
    let mut table = Rows::new(&["ID", "NAME", ">REVISION", "CREATED"]);
    let mut pages = session.client.shop_pages(request);
    while let Some(page) = pages.next().await {
        let shops = page?.items;
        if session.output.is_json() {
            shops.iter().try_for_each(Output::json)?;
        } else if !shops.is_empty() {
            Output::text(&table.text(shops.iter().map(row).collect()))?;
        }
    }
    Ok(())
}

async fn get(session: &Session, arguments: &GetArguments) -> Result<(), Failure> {
    let name = match &arguments.shop {
        Some(shop) => shop_name(shop)?,
        None => session.shop.clone(),
    };
    let shop = read(session, name.into()).await?;
    session.output.either(&shop, || view(session, &shop))
}

async fn create(session: &Session, arguments: &ChangeShopArguments) -> Result<(), Failure> {
    let name = shop_name(&arguments.shop)?;
    let mut shop = proto::Shop::default();
    let paths = set_fields(session, &name.to_string(), &mut shop, &arguments.fields).await?;
    if paths.iter().all(|path| path == "display_name") {
        // Absent as a whole: the service's defaults.
        shop.settings = None;
    }
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::CreateShopRequest {
        shop_id: name.id().to_owned(),
        shop: Some(shop),
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .create_shop(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    let view_of = |shop: Option<&proto::Shop>| shop.map(|shop| view(session, shop));
    session.output.either(&answer, || view_of(answer.shop.as_ref()).unwrap_or_default())
}

async fn update(session: &Session, arguments: &ChangeShopArguments) -> Result<(), Failure> {
    let name = shop_name(&arguments.shop)?.to_string();
    let known = read(session, name.clone()).await?;
    let settings = known.settings.map(with_parts);
    let mut shop = proto::Shop { name: name.clone(), settings, ..Default::default() };
    let paths = set_fields(session, &name, &mut shop, &arguments.fields).await?;
    if paths.is_empty() {
        return Err(Failure::Usage("nothing to change: see --help".to_owned()));
    }
    let is_whole = paths.iter().any(|path| WHOLE.contains(&path.as_str()));
    let etag = if is_whole { known.etag } else { String::new() };
    if !is_whole && let Some(settings) = &mut shop.settings {
        // A repeat must say the same, so it says nothing of what is there.
        *settings = without_parts(std::mem::take(settings));
    }
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::UpdateShopRequest {
        shop: Some(shop),
        update_mask: Some(FieldMask { paths }),
        request_id: request_id.clone(),
        etag,
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .update_shop(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    let view_of = |shop: Option<&proto::Shop>| shop.map(|shop| view(session, shop));
    session.output.either(&answer, || view_of(answer.shop.as_ref()).unwrap_or_default())
}

/// Nothing but the settings that are sent with all their parts.
fn with_parts(settings: proto::ShopSettings) -> proto::ShopSettings {
    let proto::ShopSettings { seller, note_defaults, mail_templates, accounting, labels, .. } =
        settings;
    proto::ShopSettings {
        seller,
        note_defaults,
        mail_templates,
        accounting,
        labels,
        ..Default::default()
    }
}

/// All but those.
fn without_parts(settings: proto::ShopSettings) -> proto::ShopSettings {
    proto::ShopSettings {
        seller: None,
        note_defaults: None,
        mail_templates: BTreeMap::new(),
        accounting: None,
        labels: None,
        ..settings
    }
}

async fn read(session: &Session, name: String) -> Result<proto::Shop, Failure> {
    present(session.client.get_shop(proto::GetShopRequest { name }).await?.shop)
}

/// Sets what was given; answers the paths of the mask.
async fn set_fields(
    session: &Session,
    name: &str,
    shop: &mut proto::Shop,
    fields: &ShopFields,
) -> Result<Vec<String>, Failure> {
    let credit_status = match &fields.credit_order_status {
        Some(text) if text.is_empty() || text.starts_with("shops/") => Some(text.clone()),
        Some(text) if name == session.shop.to_string() => {
            Some(StatusNames::load(session).await?.meant(session, text).await?.into())
        }
        Some(text) => Some(shop_name(name)?.status(text)?.into()),
        None => None,
    };
    let mut paths = Vec::new();
    let settings = shop.settings.get_or_insert_default();
    set(&mut paths, "display_name", fields.display_name.clone(), &mut shop.display_name);
    set(&mut paths, "language_code", fields.language.clone(), &mut settings.language_code);
    set(&mut paths, "time_zone", fields.time_zone.clone(), &mut settings.time_zone);
    set(&mut paths, "currency_code", fields.currency.clone(), &mut settings.currency_code);
    set(&mut paths, "stock_mode", fields.stock_mode.map(i32::from), &mut settings.stock_mode);
    set(&mut paths, "capture_mode", fields.capture_mode.map(i32::from), &mut settings.capture_mode);
    let duplicate_mode = fields.duplicate_mode.map(i32::from);
    set(&mut paths, "duplicate_mode", duplicate_mode, &mut settings.duplicate_mode);
    let window = &mut settings.duplicate_window_seconds;
    set(&mut paths, "duplicate_window_seconds", fields.duplicate_window.map(Some), window);
    let delivers = &mut settings.completed_delivers;
    set(&mut paths, "completed_delivers", fields.completed_delivers.map(Some), delivers);
    let days = fields.transit_days.map(Some);
    set(&mut paths, "transit_days", days, &mut settings.transit_days);
    let warning = fields.expiry_warning_days.map(Some);
    set(&mut paths, "expiry_warning_days", warning, &mut settings.expiry_warning_days);
    let number = &mut settings.next_order_number;
    set(&mut paths, "next_order_number", fields.next_order_number, number);
    let number = &mut settings.next_credit_number;
    set(&mut paths, "next_credit_number", fields.next_credit_number, number);
    set(&mut paths, "credit_order_status", credit_status, &mut settings.credit_order_status);
    paths.extend(mailing::set_fields(settings, &fields.mailing)?);
    paths.extend(accounting::set_fields(settings, name, &fields.accounting)?);
    paths.extend(labelling::set_fields(settings, &fields.labelling));
    Ok(paths)
}

fn set<T>(paths: &mut Vec<String>, path: &str, value: Option<T>, field: &mut T) {
    if let Some(value) = value {
        *field = value;
        let is_setting = path != "display_name";
        paths.push(if is_setting { format!("settings.{path}") } else { path.to_owned() });
    }
}

fn row(shop: &proto::Shop) -> Vec<String> {
    vec![
        last_part(&shop.name).to_owned(),
        shop.display_name.clone(),
        shop.revision.to_string(),
        local(shop.create_time.as_ref()),
    ]
}

fn view(session: &Session, shop: &proto::Shop) -> String {
    let settings = shop.settings.clone().unwrap_or_default();
    let heading = format!("{} {}", last_part(&shop.name), shop.display_name);
    let duplicate_window = format!("{} s", settings.duplicate_window_seconds());
    let facts = facts(&[
        ("Language", settings.language_code),
        ("Time zone", settings.time_zone),
        ("Currency", settings.currency_code),
        ("Stock mode", label::<proto::StockMode>(settings.stock_mode)),
        ("Capture mode", label::<proto::CaptureMode>(settings.capture_mode)),
        ("Duplicate mode", label::<proto::DuplicateMode>(settings.duplicate_mode)),
        ("Duplicate window", duplicate_window),
        ("COMPLETED delivers", settings.completed_delivers.unwrap_or_default().to_string()),
        ("Transit days", settings.transit_days.unwrap_or_default().to_string()),
        ("Expiry warning", format!("{} days", settings.expiry_warning_days.unwrap_or_default())),
        ("Next order number", settings.next_order_number.to_string()),
        ("Next credit number", settings.next_credit_number.to_string()),
        ("Credit orders start in", last_part(&settings.credit_order_status).to_owned()),
        ("Seller", mailing::seller_line(settings.seller.as_ref())),
        ("Confirms orders", settings.confirms_orders.to_string()),
        ("Notes to customers", mailing::defaults_line(settings.note_defaults)),
        ("Mail templates", mailing::templates_line(&settings.mail_templates)),
        ("Accounting", accounting::line(settings.accounting.as_ref())),
        ("Labels", labelling::line(settings.labels.as_ref())),
        ("Created", local(shop.create_time.as_ref())),
        ("Version", format!("revision {}, etag {}", shop.revision, shop.etag)),
    ]);
    format!("{}\n{facts}", session.output.heading(&heading))
}
