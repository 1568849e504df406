//! `UpdateShop`: changes a shop's name and settings.

use order_proto::v1;
use order_rules::refusals::{Code, Refusal, Violation};
use prost::Message;

use super::{Answer, UpdateShop};
use crate::shops::Shop;
use crate::turns::desk::{Desk, check_etag};

impl UpdateShop {
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        check_etag(desk.shop.row.revision, self.etag.as_deref())?;
        let mut shop = Shop::clone(&desk.shop);
        let mut settings = shop.settings.clone();
        settings.next_order_number = desk.next_order_number();
        let stated = self.shop.settings.clone().unwrap_or_default();
        for path in &self.paths {
            self.edit(path, &mut shop, &mut settings, &stated)?;
        }
        let next = settings.next_order_number;
        if next < desk.next_order_number() {
            return Err(Refusal::new(Code::OrderNumberTaken)
                .with("next_order_number", desk.next_order_number()));
        }
        check_credit_status(&shop, &settings)?;
        // The counter lives with the head; the settings show it.
        settings.next_order_number = 0;
        let is_changed = shop.row.display_name != desk.shop.row.display_name
            || settings != desk.shop.settings
            || next != desk.next_order_number();
        if !is_changed {
            return Ok(desk.answer(None));
        }
        desk.set_next_order_number(next);
        shop.row.settings = settings.encode_to_vec();
        desk.put_shop(shop);
        let change = v1::EventChange { fields: self.paths.clone(), ..v1::EventChange::default() };
        desk.tell(v1::EventKind::ShopChanged, None, &change);
        Ok(desk.answer(None))
    }

    fn edit(
        &self,
        path: &str,
        shop: &mut Shop,
        settings: &mut v1::ShopSettings,
        stated: &v1::ShopSettings,
    ) -> Result<(), Refusal> {
        match path {
            "display_name" => shop.row.display_name.clone_from(&self.shop.display_name),
            "settings.language_code" => settings.language_code.clone_from(&stated.language_code),
            "settings.time_zone" => settings.time_zone.clone_from(&stated.time_zone),
            "settings.currency_code" => settings.currency_code.clone_from(&stated.currency_code),
            "settings.stock_mode" => settings.stock_mode = stated.stock_mode,
            "settings.capture_mode" => settings.capture_mode = stated.capture_mode,
            "settings.duplicate_mode" => settings.duplicate_mode = stated.duplicate_mode,
            "settings.duplicate_window_seconds" => {
                settings.duplicate_window_seconds = stated.duplicate_window_seconds;
            }
            "settings.completed_delivers" => {
                settings.completed_delivers = stated.completed_delivers;
            }
            "settings.next_order_number" => settings.next_order_number = stated.next_order_number,
            "settings.providers" => settings.providers.clone_from(&stated.providers),
            "settings.credit_order_status" => {
                settings.credit_order_status.clone_from(&stated.credit_order_status);
            }
            _ => {
                return Err(Refusal::fields(vec![Violation {
                    field: "update_mask".to_owned(),
                    description: "names a field that cannot be changed".to_owned(),
                }]));
            }
        }
        Ok(())
    }
}

fn check_credit_status(shop: &Shop, settings: &v1::ShopSettings) -> Result<(), Refusal> {
    let name = &settings.credit_order_status;
    let is_known = name.is_empty()
        || shop
            .status_rows
            .iter()
            .any(|row| row.replaced_by.is_none() && *name == shop.status_name(&row.slug));
    if is_known {
        return Ok(());
    }
    Err(Refusal::fields(vec![Violation {
        field: "shop.settings.credit_order_status".to_owned(),
        description: "is no status of the shop".to_owned(),
    }]))
}
