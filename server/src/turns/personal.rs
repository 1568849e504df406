//! What is personal of an order, during a turn: versions are added, found by person, and erased.

use order_proto::v1;
use order_rules::order::Micros;
use prost::Message;

use super::desk::Desk;
use crate::store::facts::Erasure;
use crate::store::rows::{PersonOrderRow, PersonalRow, VoucherPartyRow, key};

impl Desk {
    /// Stores what is personal of an order as its next version.
    pub(crate) fn put_personal(&mut self, number: i64, personal: &v1::Order) {
        let now = self.now;
        let shop = self.shop.clone();
        let order_key = key(shop.row.shop_id, number);
        let Some(file) = self.orders.get_mut(&number) else { return };
        let old = std::mem::replace(&mut file.extra.personal, personal.encode_to_vec().into());
        let known = v1::Order::decode(old.clone()).map(|old| shop.persons(&old));
        let known = known.unwrap_or_default();
        if !old.is_empty() {
            file.extra.earlier.push(old);
        }
        for person in shop.persons(personal) {
            let row = PersonOrderRow { person, order_key };
            if !known.contains(&row.person) && !self.changes.persons.contains(&row) {
                self.changes.persons.push(row);
            }
        }
        file.extra.personal_version = file.extra.personal_version.saturating_add(1);
        self.changes.personal.push(PersonalRow {
            order_key,
            version: file.extra.personal_version,
            personal: file.extra.personal.to_vec(),
            created_at: now.0,
        });
        self.changed_orders.insert(number);
    }

    /// Takes away all versions of what is personal of an order; what a voucher must say stays apart,
    /// for as long as it must.
    pub(crate) fn erase_personal(&mut self, number: i64, voucher: Option<(Micros, Vec<u8>)>) {
        let shop = self.shop.clone();
        let order_key = key(shop.row.shop_id, number);
        let Some(file) = self.orders.get_mut(&number) else { return };
        let versions = std::mem::take(&mut file.extra.earlier);
        let current = std::mem::take(&mut file.extra.personal);
        let persons = versions
            .into_iter()
            .chain([current])
            .filter_map(|version| v1::Order::decode(version).ok())
            .flat_map(|version| shop.persons(&version))
            .collect();
        file.extra.customer_key = String::new();
        file.extra.waiting_note = None;
        file.document = None;
        // Written by an earlier command of the same turn, and not stored yet.
        for row in self.changes.personal.iter_mut().filter(|row| row.order_key == order_key) {
            row.personal.clear();
        }
        self.changes.persons.retain(|row| row.order_key != order_key);
        self.changes.vouchers.retain(|row| row.order_key != order_key);
        self.changes.erasures.push(Erasure { order_key, persons });
        self.changes.vouchers.extend(voucher.map(|(kept_until, party)| VoucherPartyRow {
            order_key,
            party,
            kept_until: kept_until.0,
        }));
        self.changed_orders.insert(number);
    }
}
