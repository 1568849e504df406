//! `UpdateOrder`: corrects contact data, addresses and metadata.

use order_proto::v1;
use order_rules::contact;
use order_rules::decision::Change;
use order_rules::mail;
use order_rules::refusals::{Code, Refusal};
use prost::Message;

use super::create_order::check_reference_is_free;
use super::{Answer, UpdateOrder};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;
use crate::turns::mailing::recipient;

impl UpdateOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
        needs.external_references.extend(self.external_reference.clone().flatten());
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let mut case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let Some(file) = desk.orders.get(&self.number) else {
            return Err(Refusal::new(Code::OrderNotFound));
        };
        let old = v1::Order::decode(file.extra.personal.clone()).unwrap_or_default();
        let mut new = old.clone();
        let mut fields = self.edit_personal(&mut new);
        let is_personal_changed = !fields.is_empty();
        let mut extra = file.extra.clone();
        if let Some(reference) = &self.external_reference
            && *reference != extra.external_reference
        {
            if let Some(wanted) = reference {
                check_reference_is_free(desk, wanted)?;
            }
            extra.external_reference.clone_from(reference);
            fields.push("external_reference");
        }
        if let Some(language) = &self.language
            && *language != extra.language
        {
            extra.language.clone_from(language);
            fields.push("language_code");
        }
        if fields.is_empty() {
            return Ok(desk.answer(Some(self.number)));
        }
        if let Some(file) = desk.orders.get_mut(&self.number) {
            file.extra = extra;
        }
        if is_personal_changed {
            desk.put_personal(self.number, &new);
        }
        if fields.contains(&"customer.email") {
            let now = recipient(&desk.shop, &new);
            let slips = desk.orders.get(&self.number).map(|file| &file.extra.slips);
            mail::address_changed(&mut case.order, |mail| {
                let slip = slips.and_then(|slips| slips.get(&mail));
                slip.is_some_and(|slip| slip.recipient == now)
            });
        }
        let ids = desk.ids();
        let mut decision = order_rules::decision::Decision::unchanged(case);
        decision.changes.push(Change::ContactChanged { fields });
        desk.apply(decision, &ids);
        Ok(desk.answer(Some(self.number)))
    }

    /// Applies what is stated; answers the paths that really changed.
    fn edit_personal(&self, personal: &mut v1::Order) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let customer = personal.customer.get_or_insert_default();
        let mut text = |path: &'static str, new: &Option<String>, old: &mut String| {
            if let Some(new) = new
                && new != old
            {
                old.clone_from(new);
                fields.push(path);
            }
        };
        text("customer.id", &self.customer_id, &mut customer.id);
        text("customer.full_name", &self.full_name, &mut customer.full_name);
        text("customer.phone", &self.phone, &mut customer.phone);
        text(
            "customer.organization_number",
            &self.organization_number,
            &mut customer.organization_number,
        );
        text("customer.email", &self.email, &mut customer.email);
        if fields.contains(&"customer.email") {
            personal.email_suggestion = contact::suggest_email(&customer.email).unwrap_or_default();
        }
        if let Some(address) = &self.billing_address
            && *address != personal.billing_address
        {
            personal.billing_address.clone_from(address);
            fields.push("billing_address");
        }
        if let Some(address) = &self.shipping_address
            && *address != personal.shipping_address
        {
            personal.shipping_address.clone_from(address);
            fields.push("shipping_address");
        }
        if let Some(metadata) = &self.metadata
            && *metadata != personal.metadata
        {
            personal.metadata.clone_from(metadata);
            fields.push("metadata");
        }
        fields
    }
}
