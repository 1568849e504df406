//! `UpdateShop`: changes a shop's name and settings.

use order_proto::v1;
use order_rules::refusals::{Code, Refusal, Violation};
use order_rules::statuses::Tag;
use prost::Message;

use super::{Answer, UpdateShop};
use crate::accounting::is_accounting;
use crate::labels;
use crate::shops::{Shop, assign, expiry_warning_micros};
use crate::terms::Term;
use crate::turns::desk::{Desk, check_etag};

impl UpdateShop {
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        check_etag(desk.shop.row.revision, self.etag.as_deref())?;
        let mut shop = Shop::clone(&desk.shop);
        let mut settings = shop.settings.clone();
        settings.next_order_number = desk.next_order_number();
        settings.next_credit_number = desk.next_credit_number();
        let stated = self.shop.settings.clone().unwrap_or_default();
        for path in &self.paths {
            if path == "display_name" {
                shop.row.display_name.clone_from(&self.shop.display_name);
            } else if !assign(path, &stated, &mut settings) {
                return Err(Refusal::fields(vec![Violation {
                    field: "update_mask".to_owned(),
                    description: "names a field that cannot be changed".to_owned(),
                }]));
            }
        }
        let next = settings.next_order_number;
        if next < desk.next_order_number() {
            return Err(Refusal::new(Code::OrderNumberTaken)
                .with("next_order_number", desk.next_order_number()));
        }
        let next_credit = settings.next_credit_number;
        if next_credit < desk.next_credit_number() {
            return Err(Refusal::new(Code::CreditNumberTaken)
                .with("next_credit_number", desk.next_credit_number()));
        }
        self.check_named(&shop, &settings)?;
        // The counters live with the head; the settings show them.
        settings.next_order_number = 0;
        settings.next_credit_number = 0;
        let is_changed = shop.row.display_name != desk.shop.row.display_name
            || settings != desk.shop.settings
            || next != desk.next_order_number()
            || next_credit != desk.next_credit_number();
        if !is_changed {
            return Ok(desk.answer(None));
        }
        desk.set_next_order_number(next);
        desk.set_next_credit_number(next_credit);
        shop.row.settings = settings.encode_to_vec();
        shop.row.expiry_warning_micros = expiry_warning_micros(&settings);
        desk.put_shop(shop);
        let change = v1::EventChange { fields: self.paths.clone(), ..v1::EventChange::default() };
        desk.tell(v1::EventKind::ShopChanged, None, &change);
        Ok(desk.answer(None))
    }

    /// What is set must be there. What is left as it was may have lost what it names, and stops
    /// nobody from setting the rest.
    fn check_named(&self, shop: &Shop, settings: &v1::ShopSettings) -> Result<(), Refusal> {
        let is_set = |path: &str| self.paths.iter().any(|set| set == path);
        if is_set("settings.credit_order_status") {
            check_credit_status(shop, settings)?;
        }
        if is_set("settings.accounting") {
            check_accounting(shop, settings)?;
        }
        if is_set("settings.confirms_orders") || is_set("settings.seller") {
            crate::mail::check_settings(settings)?;
        }
        if is_set("settings.labels") {
            check_labels(shop, settings)?;
        }
        Ok(())
    }
}

fn check_accounting(shop: &Shop, settings: &v1::ShopSettings) -> Result<(), Refusal> {
    let Some(accounting) = settings.accounting.as_ref() else { return Ok(()) };
    let slug = accounting.integration.rsplit('/').next().unwrap_or_default();
    let known = shop.integration(slug);
    let description = match known {
        None if slug.is_empty() => return Ok(()),
        None => "is no integration of the shop",
        Some(known) if !is_accounting(&known.system) => "is no accounting system",
        Some(_) => return Ok(()),
    };
    Err(Refusal::fields(vec![Violation {
        field: "shop.settings.accounting.integration".to_owned(),
        description: description.to_owned(),
    }]))
}

fn check_labels(shop: &Shop, settings: &v1::ShopSettings) -> Result<(), Refusal> {
    let name = settings.labels.as_ref().map_or("", |labels| labels.integration.as_str());
    let known = shop.integration(name);
    if name.is_empty() || known.is_some_and(|known| labels::are_made_by(&known.system)) {
        return Ok(());
    }
    Err(Refusal::fields(vec![Violation {
        field: "shop.settings.labels.integration".to_owned(),
        description: "is no integration of the shop that makes labels".to_owned(),
    }]))
}

fn check_credit_status(shop: &Shop, settings: &v1::ShopSettings) -> Result<(), Refusal> {
    let name = &settings.credit_order_status;
    let known = shop
        .status_rows
        .iter()
        .find(|row| row.replaced_by.is_none() && *name == shop.status_name(&row.slug));
    let description = match known {
        None if name.is_empty() => return Ok(()),
        None => "is no status of the shop",
        Some(row) if Tag::from_stored(row.tag) == Some(Tag::Cancelled) => {
            "is tagged CANCELLED, which no credit order can be"
        }
        Some(_) => return Ok(()),
    };
    Err(Refusal::fields(vec![Violation {
        field: "shop.settings.credit_order_status".to_owned(),
        description: description.to_owned(),
    }]))
}
