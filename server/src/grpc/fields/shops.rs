//! Fields of `ShopService`: shops and their settings.

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::statuses::{Tag, starting_statuses};

use super::envelope::{Asking, Envelope};
use super::lists::Page;
use super::{Fields, entry, names};
use crate::commands::{Command, CreateShop, Failure, UpdateShop};
use crate::grpc::caller::Caller;
use crate::mail;
use crate::shops::{SETTINGS, is_time_zone};

const DISPLAY_NAME: &str = "display_name";
const DUPLICATE_WINDOW_SECONDS_MAX: i32 = 2_592_000;
/// Leaves room for more orders than there will ever be.
const NEXT_NUMBER_MAX: i64 = 1_000_000_000_000;
const TRANSIT_DAYS_MAX: i32 = 60;
const EXPIRY_WARNING_DAYS_MAX: i32 = 30;
const MAIL_TEMPLATES_MAX: usize = 60;
const TIME_ZONE_CHARACTERS_MAX: usize = 64;
const SHOPS_PAGE_SIZE: usize = 50;

/// A checked `CreateShop`.
#[derive(Debug)]
pub(crate) struct CreatingShop {
    pub(crate) command: CreateShop,
    pub(crate) validate_only: bool,
}

/// Checks `CreateShop`. Settings that are not stated stay so: they get their defaults where the shop is
/// created.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn create_shop(
    mut request: v1::CreateShopRequest,
    caller: &Caller,
) -> Result<CreatingShop, Failure> {
    let mut fields = Fields::default();
    let Envelope { caller, validate_only, .. } = fields.envelope(&mut request, caller);
    let v1::CreateShopRequest { shop_id, shop, request_id: _, validate_only: _ } = request;
    let slug = fields.slug("shop_id", shop_id);
    fields.check(shop.is_some(), "shop", "is required");
    let Some(shop) = shop else { return Err(fields.refusal()) };
    let v1::Shop { name: _, display_name, settings, etag: _, revision: _, create_time: _ } = shop;
    let display_name = fields.line("shop.display_name", display_name, 1..=200);
    let settings = settings.unwrap_or_default();
    let is_stated = |path: &str| is_stated(path, &settings);
    let paths: Vec<&str> = SETTINGS.iter().copied().filter(|path| is_stated(path)).collect();
    fields.settings(&settings, &paths, &slug);
    fields.starting_status(&settings.credit_order_status, &slug);
    fields.check(
        settings.accounting.as_ref().is_none_or(|one| one.integration.is_empty()),
        "shop.settings.accounting.integration",
        "must be empty: a new shop has no such integration yet",
    );
    let labels = settings.labels.clone().unwrap_or_default();
    let description = "is no integration of the shop that makes labels: a new shop has none";
    fields.check(labels.integration.is_empty(), "shop.settings.labels.integration", description);
    fields.finish()?;
    let command = CreateShop { slug, display_name, settings, caller };
    Ok(CreatingShop { command, validate_only })
}

/// Checks `UpdateShop`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn update_shop(
    mut request: v1::UpdateShopRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::UpdateShopRequest { shop, update_mask, request_id: _, etag, validate_only: _ } =
        request;
    let known: Vec<&'static str> =
        [DISPLAY_NAME].into_iter().chain(SETTINGS.iter().copied()).collect();
    let paths = fields.mask(update_mask, &known);
    let etag = fields.etag(etag);
    fields.check(shop.is_some(), "shop", "is required");
    let Some(shop) = shop else { return Err(fields.refusal()) };
    let slug = fields.shop("shop.name", &shop.name);
    if paths.contains(&"display_name") {
        fields.line("shop.display_name", shop.display_name.clone(), 1..=200);
    }
    fields.settings(&shop.settings.clone().unwrap_or_default(), &paths, &slug);
    let paths = paths.into_iter().map(str::to_owned).collect();
    let command = UpdateShop { etag, shop, paths };
    envelope.finish(fields, slug, Command::UpdateShop(Box::new(command)))
}

/// Checks the name of a shop to read.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn get_shop(request: v1::GetShopRequest) -> Result<String, Failure> {
    let v1::GetShopRequest { name } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("name", &name);
    fields.finish().map(|()| shop)
}

/// Checks a page of shops.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn list_shops(request: v1::ListShopsRequest) -> Result<Page, Failure> {
    let v1::ListShopsRequest { page_size, page_token } = request;
    let mut fields = Fields::default();
    let page = fields.page(page_size, page_token, SHOPS_PAGE_SIZE);
    fields.finish().map(|()| page)
}

impl Fields {
    /// The settings whose paths are given; the others are not read.
    #[expect(clippy::too_many_lines, reason = "a table: one row per setting")]
    fn settings(&mut self, settings: &v1::ShopSettings, paths: &[&str], shop: &str) {
        let v1::ShopSettings {
            language_code,
            time_zone,
            currency_code,
            stock_mode,
            capture_mode,
            duplicate_mode,
            duplicate_window_seconds,
            completed_delivers,
            next_order_number,
            credit_order_status,
            next_credit_number,
            transit_days,
            seller,
            note_defaults: _,
            confirms_orders: _,
            mail_templates,
            expiry_warning_days,
            accounting,
            labels,
        } = settings;
        for path in paths {
            let field = format!("shop.{path}");
            let field = field.as_str();
            match *path {
                "settings.language_code" => {
                    self.check(!language_code.is_empty(), field, "must not be empty");
                    self.language(field, language_code.clone());
                }
                "settings.time_zone" => self.time_zone(field, time_zone),
                "settings.currency_code" => {
                    self.currency(field, currency_code);
                }
                "settings.stock_mode" => self.terms_one::<v1::StockMode>(field, *stock_mode),
                "settings.capture_mode" => self.terms_one::<v1::CaptureMode>(field, *capture_mode),
                "settings.duplicate_mode" => {
                    self.terms_one::<v1::DuplicateMode>(field, *duplicate_mode);
                }
                "settings.duplicate_window_seconds" => self.check(
                    duplicate_window_seconds.is_some_and(|seconds| {
                        (0..=DUPLICATE_WINDOW_SECONDS_MAX).contains(&seconds)
                    }),
                    field,
                    "must be from 0 to 2592000",
                ),
                "settings.completed_delivers" => {
                    self.check(completed_delivers.is_some(), field, "must be true or false");
                }
                "settings.next_order_number" => self.check(
                    (1..=NEXT_NUMBER_MAX).contains(next_order_number),
                    field,
                    "must be from 1 to 10^12",
                ),
                "settings.next_credit_number" => self.check(
                    (1..=NEXT_NUMBER_MAX).contains(next_credit_number),
                    field,
                    "must be from 1 to 10^12",
                ),
                "settings.transit_days" => {
                    self.days(field, *transit_days, TRANSIT_DAYS_MAX);
                }
                "settings.expiry_warning_days" => {
                    self.days(field, *expiry_warning_days, EXPIRY_WARNING_DAYS_MAX);
                }
                "settings.seller" => self.seller(field, seller.clone().unwrap_or_default()),
                "settings.labels" => {
                    self.label_settings(field, labels.clone().unwrap_or_default());
                }
                "settings.mail_templates" => self.mail_templates(field, mail_templates),
                "settings.accounting" => {
                    self.accounting(field, accounting.clone().unwrap_or_default(), shop);
                }
                "settings.credit_order_status" if !credit_order_status.is_empty() => {
                    self.status_of(field, credit_order_status, shop);
                }
                _ => {}
            }
        }
    }

    fn days(&mut self, field: &str, days: Option<i32>, longest: i32) {
        if !days.is_some_and(|days| (0..=longest).contains(&days)) {
            self.refuse(field, format!("must be from 0 to {longest}"));
        }
    }

    /// A new shop has the starting statuses and no others.
    fn starting_status(&mut self, name: &str, shop: &str) {
        let Some(id) = name.strip_prefix(&format!("{}/orderStatuses/", names::shop_name(shop)))
        else {
            return;
        };
        let mut statuses = starting_statuses().iter();
        let is_right =
            statuses.any(|status| status.slug == id && status.tag != Some(Tag::Cancelled));
        let description = "must be a status that a new shop has, and not one tagged CANCELLED";
        self.check(is_right, "shop.settings.credit_order_status", description);
    }

    fn seller(&mut self, field: &str, seller: v1::Seller) {
        let v1::Seller { name, address, email, phone, organization_number } = seller;
        self.line(&format!("{field}.name"), name, 0..=200);
        if let Some(address) = address {
            self.address(&format!("{field}.address"), address);
        }
        if !email.is_empty() {
            self.email(&format!("{field}.email"), email);
        }
        self.line(&format!("{field}.phone"), phone, 0..=40);
        self.line(&format!("{field}.organization_number"), organization_number, 0..=20);
    }

    fn mail_templates(&mut self, field: &str, templates: &BTreeMap<String, v1::MailTemplate>) {
        if templates.len() > MAIL_TEMPLATES_MAX {
            self.refuse(field, format!("has more than {MAIL_TEMPLATES_MAX} entries"));
        }
        for (key, template) in templates.iter().take(MAIL_TEMPLATES_MAX) {
            let v1::MailTemplate { subject, text, html } = template;
            let place = entry(field, key);
            self.line(&format!("{place}.key"), key.clone(), 1..=60);
            self.line(&format!("{place}.value.subject"), subject.clone(), 1..=300);
            self.paragraph(&format!("{place}.value.text"), text.clone(), 1..=20_000);
            self.paragraph(&format!("{place}.value.html"), html.clone(), 0..=50_000);
            for (part, problem) in mail::check_template(key, template) {
                self.refuse(format!("{place}.{part}"), problem);
            }
        }
    }

    fn terms_one<Term: TryFrom<i32> + Default + PartialEq>(&mut self, field: &str, number: i32) {
        let is_stated = Term::try_from(number).is_ok_and(|term| term != Term::default());
        self.check(is_stated, field, "is not a known value");
    }

    fn time_zone(&mut self, field: &str, zone: &str) {
        let is_right = zone.len() <= TIME_ZONE_CHARACTERS_MAX && is_time_zone(zone);
        self.check(is_right, field, "must be an IANA time zone, e.g. Europe/Oslo");
    }
}

/// Whether a new shop's setting is stated, so that it has to be right.
fn is_stated(path: &str, settings: &v1::ShopSettings) -> bool {
    match path {
        "settings.language_code" => !settings.language_code.is_empty(),
        "settings.time_zone" => !settings.time_zone.is_empty(),
        "settings.currency_code" => !settings.currency_code.is_empty(),
        "settings.stock_mode" => settings.stock_mode != 0,
        "settings.capture_mode" => settings.capture_mode != 0,
        "settings.duplicate_mode" => settings.duplicate_mode != 0,
        "settings.duplicate_window_seconds" => settings.duplicate_window_seconds.is_some(),
        "settings.completed_delivers" => settings.completed_delivers.is_some(),
        "settings.transit_days" => settings.transit_days.is_some(),
        "settings.expiry_warning_days" => settings.expiry_warning_days.is_some(),
        "settings.next_order_number" => settings.next_order_number != 0,
        "settings.next_credit_number" => settings.next_credit_number != 0,
        _ => true,
    }
}

/// The shop as `CreateShop` would make it.
pub(crate) fn shop_of(command: &CreateShop, settings: v1::ShopSettings) -> v1::Shop {
    v1::Shop {
        name: names::shop_name(&command.slug),
        display_name: command.display_name.clone(),
        settings: Some(settings),
        ..v1::Shop::default()
    }
}
