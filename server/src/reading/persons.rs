//! Reads what is kept about a person: their orders, and every version of their data.

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::mail::MailState;
use prost::Message;

use super::tokens::Token;
use super::{Reading, limit, page, parts};
use crate::commands::Failure;
use crate::grpc::fields::privacy::PersonPage;
use crate::shops::persons::PersonName;
use crate::store::on_either;
use crate::store::pages::{DocumentRow, PersonRows};
use crate::store::rows::{key, number};
use crate::terms::Term;
use crate::turns::rebuild::waiting_note;

/// Keys read at once.
const KEYS: i64 = 1_000;
/// Orders whose mails are read at once.
const ORDERS_AT_ONCE: usize = 200;

impl Reading {
    /// A page of all that is kept about a person, oldest order first.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn person(
        &self,
        query: PersonPage,
    ) -> Result<v1::ExportCustomerResponse, Failure> {
        let shop = self.known_shop(&query.shop).await?;
        let person = shop.person(&query.person);
        let digest: String = person.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = Token::of(&["person", &shop.row.slug, &digest]);
        let [after] = token.read(&query.page.token)?.unwrap_or([0]);
        let (after, limit) = (key(shop.row.shop_id, after), limit(&query.page));
        let PersonRows { documents, versions, pending } = on_either!(&self.store, database => database
            .person_records(person, after, limit)
            .await)?;
        let shop = self.shop_of(shop, &documents).await?;
        let mut notes: BTreeMap<i64, v1::Note> = BTreeMap::new();
        for (order_key, change) in pending {
            notes.extend(waiting_note(&change)?.map(|note| (order_key, note)));
        }
        let mut by_order: BTreeMap<i64, Vec<v1::PersonalVersion>> = BTreeMap::new();
        for row in versions {
            by_order.entry(row.order_key).or_default().push(v1::PersonalVersion {
                version: row.version,
                personal: v1::Order::decode(row.personal.as_slice()).ok(),
            });
        }
        let next = |row: &DocumentRow| token.write(&[number(row.order_key)]);
        let (records, next) = page(documents, query.page.size, next, |row| {
            let versions = by_order.remove(&row.order_key).unwrap_or_default();
            let waiting_note = notes.remove(&row.order_key);
            let order = v1::Order::decode(parts(&shop, row).concat().as_slice()).ok();
            v1::CustomerRecord { order, versions, waiting_note }
        });
        Ok(v1::ExportCustomerResponse { records, next_page_token: next.unwrap_or_default() })
    }

    /// Numbers of all orders of a person, oldest first.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`.
    pub(crate) async fn orders_of_person(
        &self,
        shop: &str,
        person: &PersonName,
    ) -> Result<Vec<i64>, Failure> {
        let shop = self.known_shop(shop).await?;
        let person = shop.person(person);
        let mut numbers = Vec::new();
        let mut after = 0;
        loop {
            let person = person.clone();
            let keys = on_either!(&self.store, database => database
                .person_orders(person, after, KEYS)
                .await)?;
            let Some(&last) = keys.last() else { return Ok(numbers) };
            numbers.extend(keys.into_iter().map(number));
            after = last;
        }
    }

    /// The Message-ID of every mail of these orders, and how many are open.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`.
    pub(crate) async fn mails_of_orders(
        &self,
        shop: &str,
        numbers: &[i64],
    ) -> Result<(Vec<String>, i32), Failure> {
        let shop_id = self.known_shop(shop).await?.row.shop_id;
        let (mut ids, mut open) = (Vec::new(), 0_i32);
        for chunk in numbers.chunks(ORDERS_AT_ONCE) {
            let keys: Vec<i64> = chunk.iter().map(|number| key(shop_id, *number)).collect();
            let mails = on_either!(&self.store, database => database.mails_of(keys).await)?;
            for (id, state) in mails {
                let is_open = MailState::from_stored(state) == Some(MailState::Pending);
                open = open.saturating_add(i32::from(is_open));
                ids.push(id);
            }
        }
        Ok((ids, open))
    }

    /// After an erasure: has what was erased leave the index of words and the database's log as well.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, a store that is away.
    pub(crate) async fn forget(&self, shop: &str) -> Result<(), Failure> {
        self.search.catch_up(self.known_shop(shop).await?.row.shop_id).await;
        Ok(self.store.forget().await?)
    }

    /// Numbers of the orders that a command was about.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`.
    pub(crate) async fn orders_of_command(
        &self,
        shop: &str,
        revision: i64,
    ) -> Result<Vec<i64>, Failure> {
        let shop_id = self.known_shop(shop).await?.row.shop_id;
        let numbers = on_either!(&self.store, database => database
            .command_orders(shop_id, revision)
            .await)?;
        Ok(numbers.into_iter().flatten().collect())
    }
}
