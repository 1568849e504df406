//! Answers queries: orders go out with the very bytes that their last turn stored.

mod attention;
mod batches;
pub(crate) mod changes;
mod integrations;
mod labels;
mod listing;
mod persons;
#[cfg(test)]
mod tests;
mod tokens;
mod underway;

pub(crate) use labels::FoundLabel;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use order_proto::v1;
use order_rules::effects::EffectState;
use order_rules::order::{Micros, StatusId};
use order_rules::refusals::{Code, Refusal, Violation};
use order_rules::statuses::Tag;
use order_rules::stock::MovementReason;
use prost::Message;
use uuid::Uuid;

use self::batches::Batches;
use self::tokens::Token;
use crate::commands::{Failure, timestamp};
use crate::grpc::fields::lists::{OneOrder, OrderPage, Page, PartPage, ShopPage};
use crate::grpc::fields::names::{OrderName, stock_item_name};
use crate::search::Search;
use crate::shops::{Shop, Shops, etag};
use crate::store::pages::{DocumentRow, HistoryRow};
use crate::store::rows::{self, HeadRow, ShopRow, StatusRow, StockItemRow, key, number};
use crate::store::{Store, on_either};
use crate::terms::{Term, effect_state};

/// Reads for callers.
#[derive(Clone)]
pub(crate) struct Reading {
    store: Store,
    shops: Shops,
    batches: Batches,
    search: Search,
}

/// Bytes of orders that are asked for by name: our SDK takes answers of 64 MiB.
const NAMED_BYTES_MAX: usize = 60_000_000;
/// Number of the contract's field.
const ORDER_STATUS_TAG: u32 = 5;
/// One more than any revision, line or reason.
const NEWEST: (i64, i32, i16) = (i64::MAX, i32::MAX, i16::MAX);

impl Reading {
    pub(crate) fn new(store: Store, shops: Shops, search: Search) -> Self {
        Self { batches: Batches::start(store.clone()), store, shops, search }
    }

    /// An order as it is, or as it was at a revision: encoded, in parts that belong together.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `ORDER_NOT_FOUND`, `ORDER_DELETED`, `REVISION_NOT_FOUND`.
    pub(crate) async fn order(&self, wanted: &OneOrder) -> Result<Vec<Bytes>, Failure> {
        let OrderName { shop, number } = &wanted.of;
        let (number, as_of) = (*number, wanted.as_of_revision);
        let shop = self.known_shop(shop).await?;
        let order_key = order_key(&shop, number).ok_or_else(|| not_found(&shop, &[number]))?;
        let row = self.batches.document(order_key).await?;
        let row = row.ok_or_else(|| not_found(&shop, &[number]))?;
        if row.deleted_at.is_some() && !wanted.shows_deleted {
            let order = shop.order_name(number);
            return Err(Refusal::new(Code::OrderDeleted).with("order", order).into());
        }
        if as_of == 0 {
            let shop = self.shop_at(shop, row.settings_revision).await?;
            let rows = self.as_far_as_they_have_come(vec![row]).await?;
            return Ok(rows.into_iter().flat_map(|row| parts(&shop, row)).collect());
        }
        self.order_as_of(&shop, number, as_of).await
    }

    async fn order_as_of(
        &self,
        shop: &Shop,
        number: i64,
        as_of: i64,
    ) -> Result<Vec<Bytes>, Failure> {
        let shop_id = shop.row.shop_id;
        let found = on_either!(&self.store, database => database
            .document_as_of(shop_id, number, as_of)
            .await)?;
        let gone = || Refusal::new(Code::RevisionNotFound).with("revision", as_of);
        let (document, personal) = found.ok_or_else(gone)?;
        Ok(vec![document.unwrap_or_default().into(), personal.into()])
    }

    /// Orders by number, from one snapshot, in the order asked for.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `ORDER_NOT_FOUND` naming all that are missing, `INVALID_REQUEST` where they are
    /// too large together.
    pub(crate) async fn orders(
        &self,
        shop: &str,
        numbers: &[i64],
    ) -> Result<Vec<Vec<Bytes>>, Failure> {
        let shop = self.known_shop(shop).await?;
        let keys = numbers.iter().filter_map(|number| order_key(&shop, *number)).collect();
        let rows = on_either!(&self.store, database => database.documents(keys).await)?;
        let shop = self.shop_of(shop, &rows).await?;
        let rows = self.as_far_as_they_have_come(rows).await?;
        let found: BTreeMap<i64, Vec<Bytes>> = rows
            .into_iter()
            .filter(|row| row.deleted_at.is_none())
            .map(|row| (number(row.order_key), parts(&shop, row)))
            .collect();
        let missing: Vec<i64> =
            numbers.iter().copied().filter(|number| !found.contains_key(number)).collect();
        if !missing.is_empty() {
            return Err(not_found(&shop, &missing).into());
        }
        let parts = numbers.iter().filter_map(|number| found.get(number)).flatten();
        let bytes = parts.map(Bytes::len).fold(0, usize::saturating_add);
        if bytes > NAMED_BYTES_MAX {
            return Err(Refusal::fields(vec![Violation {
                field: "names".to_owned(),
                description: "have more than 60 MB together: name fewer".to_owned(),
            }])
            .into());
        }
        Ok(numbers.iter().filter_map(|number| found.get(number).cloned()).collect())
    }

    /// A page of an order's history, oldest first.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `ORDER_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn events(
        &self,
        query: OrderPage,
    ) -> Result<(Vec<v1::Event>, Option<String>), Failure> {
        let shop = self.known_shop(&query.of.shop).await?;
        let (shop_id, number) = (shop.row.shop_id, query.of.number);
        let order_key = order_key(&shop, number).ok_or_else(|| not_found(&shop, &[number]))?;
        if self.batches.document(order_key).await?.is_none() {
            return Err(not_found(&shop, &[number]).into());
        }
        let token = Token::of(&["events", &shop.order_name(number)]);
        let [after] = token.read(&query.page.token)?.unwrap_or([0]);
        let limit = limit(&query.page);
        let rows = on_either!(&self.store, database => database
            .history(shop_id, number, after, limit)
            .await)?;
        let order = shop.order_name(number);
        Ok(page(
            rows,
            query.page.size,
            |row| token.write(&[row.revision]),
            |row| event(&order, row),
        ))
    }

    /// The statuses of a shop by position.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`.
    pub(crate) async fn statuses(&self, shop: &str) -> Result<Vec<v1::OrderStatus>, Failure> {
        let shop = self.fresh_shop(shop).await?;
        let shop_id = shop.row.shop_id;
        let counts = on_either!(&self.store, database => database.orders_by_status(shop_id).await)?;
        let current = shop.status_rows.iter().filter(|row| row.replaced_by.is_none());
        Ok(current.map(|row| status(&shop, row, &counts)).collect())
    }

    /// The status of this name, or the one that replaced it.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `STATUS_NOT_FOUND`.
    pub(crate) async fn status(&self, shop: &str, slug: &str) -> Result<v1::OrderStatus, Failure> {
        let shop = self.fresh_shop(shop).await?;
        let shop_id = shop.row.shop_id;
        let counts = on_either!(&self.store, database => database.orders_by_status(shop_id).await)?;
        let gone = || Refusal::new(Code::StatusNotFound).with("status", shop.status_name(slug));
        let row = shop.status_meant(slug).ok_or_else(gone)?;
        Ok(status(&shop, row, &counts))
    }

    /// A page of shops by name.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID`.
    pub(crate) async fn shops(
        &self,
        page: Page,
    ) -> Result<(Vec<v1::Shop>, Option<String>), Failure> {
        let token = Token::of(&["shops"]);
        let after = token.read_text(&page.token)?.unwrap_or_default();
        let limit = limit(&page);
        let rows = on_either!(&self.store, database => database.shops_page(after, limit).await)?;
        let next = |(row, _): &(ShopRow, HeadRow)| token.write_text(&row.slug);
        let (shops, next) =
            self::page(rows, page.size, next, |(row, head)| shop_message(&row, &head));
        Ok((shops, next))
    }

    /// One shop.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`.
    pub(crate) async fn shop(&self, slug: &str) -> Result<v1::Shop, Failure> {
        let shop = self.fresh_shop(slug).await?;
        let shop_id = shop.row.shop_id;
        let head = on_either!(&self.store, database => database.head(shop_id).await)?;
        let head = head.ok_or_else(|| shop_not_found(slug))?;
        Ok(shop_message(&shop.row, &head))
    }

    /// A page of tracked skus.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn stock_items(
        &self,
        query: ShopPage,
    ) -> Result<(Vec<v1::StockItem>, Option<String>), Failure> {
        let shop = self.known_shop(&query.shop).await?;
        let token = Token::of(&["items", &shop.row.slug]);
        let after = token.read_text(&query.page.token)?.unwrap_or_default();
        let (shop_id, limit) = (shop.row.shop_id, limit(&query.page));
        let rows = on_either!(&self.store, database => database
            .stock_items_page(shop_id, after, limit)
            .await)?;
        let next = |row: &StockItemRow| token.write_text(&row.sku);
        Ok(page(rows, query.page.size, next, |row| stock_item(&shop, row)))
    }

    /// One tracked sku.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `STOCK_ITEM_NOT_FOUND`.
    pub(crate) async fn stock_item(&self, shop: &str, sku: &str) -> Result<v1::StockItem, Failure> {
        let shop = self.known_shop(shop).await?;
        let shop_id = shop.row.shop_id;
        let found = on_either!(&self.store, database => database
            .stock_item(shop_id, sku.to_owned())
            .await)?;
        let row = found.ok_or_else(|| Refusal::new(Code::StockItemNotFound).with("sku", sku))?;
        Ok(stock_item(&shop, row))
    }

    /// A page of an item's movements, newest first.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `STOCK_ITEM_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn stock_movements(
        &self,
        query: PartPage,
    ) -> Result<(Vec<v1::StockMovement>, Option<String>), Failure> {
        let shop = self.known_shop(&query.of.shop).await?;
        let sku = query.of.part;
        self.stock_item(&query.of.shop, &sku).await?;
        let token = Token::of(&["movements", &shop.row.slug, &sku]);
        let before = match token.read(&query.page.token)? {
            Some([revision, line, reason]) => (
                revision,
                i32::try_from(line).unwrap_or_default(),
                i16::try_from(reason).unwrap_or_default(),
            ),
            None => NEWEST,
        };
        let (shop_id, limit) = (shop.row.shop_id, limit(&query.page));
        let rows = on_either!(&self.store, database => database
            .movements_page(shop_id, sku, before, limit)
            .await)?;
        let next = |row: &rows::MovementRow| {
            token.write(&[row.revision, i64::from(row.line_id), i64::from(row.reason)])
        };
        Ok(page(rows, query.page.size, next, |row| v1::StockMovement {
            revision: row.revision,
            quantity: row.quantity,
            reason: MovementReason::from_stored(row.reason)
                .map_or(0, |reason| reason.contract().into()),
            order: row.order_number.map(|number| shop.order_name(number)).unwrap_or_default(),
            line_id: row.line_id,
            create_time: Some(timestamp(Micros(row.created_at))),
        }))
    }

    /// Orders whose operations may have begun since they were written down.
    async fn as_far_as_they_have_come(
        &self,
        mut rows: Vec<DocumentRow>,
    ) -> Result<Vec<DocumentRow>, Failure> {
        let mut keys = Vec::new();
        for row in &rows {
            let document = row.document.as_deref().unwrap_or_default();
            let ids = underway::unanswered(document).into_iter();
            keys.extend(ids.map(|id| key(rows::shop(row.order_key), id)));
        }
        if keys.is_empty() {
            return Ok(rows);
        }
        let states = on_either!(&self.store, database => database.effect_states(keys).await)?;
        let states: BTreeMap<i64, EffectState> = states
            .into_iter()
            .filter_map(|(key, state, is_doubted)| {
                let state = match effect_state(state)? {
                    // To be sent again, while an earlier call may be carried out yet.
                    EffectState::Pending if is_doubted => EffectState::Unknown,
                    state => state,
                };
                Some((number(key), state))
            })
            .collect();
        let documents = rows.iter_mut().filter_map(|row| row.document.as_mut());
        for document in documents.filter(|document| !underway::unanswered(document).is_empty()) {
            if let Some(amended) = underway::amended(document, &states) {
                *document = amended;
            }
        }
        Ok(rows)
    }

    /// The shop with its statuses as they were when the orders were read: other replicas change them.
    async fn shop_of(&self, shop: Arc<Shop>, rows: &[DocumentRow]) -> Result<Arc<Shop>, Failure> {
        match rows.first() {
            Some(row) => self.shop_at(shop, row.settings_revision).await,
            None => Ok(shop),
        }
    }

    /// The shop at a revision of its settings or later.
    async fn shop_at(&self, shop: Arc<Shop>, revision: i64) -> Result<Arc<Shop>, Failure> {
        if shop.settings_revision >= revision {
            return Ok(shop);
        }
        self.fresh_shop(&shop.row.slug).await
    }

    /// A shop with settings that another replica may have changed since.
    async fn known_shop(&self, slug: &str) -> Result<Arc<Shop>, Failure> {
        let known = self.shops.id(slug).and_then(|id| self.shops.shop(id));
        match known {
            Some(shop) => Ok(shop),
            None => self.fresh_shop(slug).await,
        }
    }

    /// A shop as it is stored.
    async fn fresh_shop(&self, slug: &str) -> Result<Arc<Shop>, Failure> {
        let wanted = slug.to_owned();
        let found = on_either!(&self.store, database => database.shop_find(wanted).await)?;
        let rows = found.ok_or_else(|| shop_not_found(slug))?;
        let shop = Arc::new(Shop::from_rows(rows)?);
        self.shops.remember(Arc::clone(&shop));
        Ok(shop)
    }
}

fn shop_not_found(slug: &str) -> Refusal {
    Refusal::new(Code::ShopNotFound).with("shop", format!("shops/{slug}"))
}

fn not_found(shop: &Shop, numbers: &[i64]) -> Refusal {
    let names: Vec<String> = numbers.iter().map(|number| shop.order_name(*number)).collect();
    Refusal::new(Code::OrderNotFound).with("order", names.join(","))
}

/// One row more than the page, to see whether there is a next.
fn limit(page: &Page) -> i64 {
    i64::try_from(page.size).unwrap_or(i64::MAX).saturating_add(1)
}

fn page<Row, Item>(
    mut rows: Vec<Row>,
    size: usize,
    token: impl FnOnce(&Row) -> String,
    item: impl FnMut(Row) -> Item,
) -> (Vec<Item>, Option<String>) {
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(token);
    (rows.into_iter().map(item).collect(), next)
}

/// An order as it goes out, with its status as it is now, if that has changed since the order was
/// written down: in protobuf the last value of a field counts.
fn parts(shop: &Shop, row: DocumentRow) -> Vec<Bytes> {
    let mut parts = vec![Bytes::from(row.document.unwrap_or_default()), row.personal.into()];
    parts.extend(status_since(shop, row.status_id, row.revision));
    parts
}

/// The fields of an order that say its status, as it is called and tagged now, if that has changed
/// since the order was written down at `revision`.
pub(crate) fn status_since(shop: &Shop, status_id: i64, revision: i64) -> Option<Bytes> {
    let written = shop.status_rows.iter().find(|row| row.status_id == status_id)?;
    let current = shop.status_row(StatusId(status_id))?;
    if written.revision <= revision && current.revision <= revision {
        return None;
    }
    let name = v1::Order { status: shop.status_name(&current.slug), ..v1::Order::default() };
    let mut bytes = name.encode_to_vec();
    let tag = Tag::from_stored(current.tag).map_or(0, |tag| tag.contract().into());
    // That it has no tag any more must be said too.
    prost::encoding::int32::encode(ORDER_STATUS_TAG, &tag, &mut bytes);
    Some(bytes.into())
}

/// The key of an order; `None` for a number that no order can have.
fn order_key(shop: &Shop, order: i64) -> Option<i64> {
    (order > 0 && number(order) == order).then(|| key(shop.row.shop_id, order))
}

fn event(order: &str, row: HistoryRow) -> v1::Event {
    v1::Event {
        revision: row.revision,
        kind: row.kind.into(),
        order: order.to_owned(),
        create_time: Some(timestamp(Micros(row.created_at))),
        actor: row.actor,
        request_id: Uuid::from_slice(&row.request_id).map(|id| id.to_string()).unwrap_or_default(),
        change: v1::EventChange::decode(row.change.as_slice()).ok(),
    }
}

fn status(shop: &Shop, row: &StatusRow, counts: &[(i64, i64)]) -> v1::OrderStatus {
    let names = v1::OrderStatus::decode(row.names.as_slice()).unwrap_or_default();
    let order_count = counts
        .iter()
        .filter(|(id, _)| {
            shop.statuses.get(StatusId(*id)).is_some_and(|status| status.id.0 == row.status_id)
        })
        .fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
    v1::OrderStatus {
        name: shop.status_name(&row.slug),
        tag: Tag::from_stored(row.tag).map_or(0, |tag| tag.contract().into()),
        admin_names: names.admin_names,
        customer_names: names.customer_names,
        position: row.position,
        etag: etag(row.revision),
        order_count,
    }
}

fn shop_message(row: &ShopRow, head: &HeadRow) -> v1::Shop {
    let mut settings = v1::ShopSettings::decode(row.settings.as_slice()).unwrap_or_default();
    settings.next_order_number = head.next_order_number;
    settings.next_credit_number = head.next_credit_number;
    v1::Shop {
        name: format!("shops/{}", row.slug),
        display_name: row.display_name.clone(),
        settings: Some(settings),
        etag: etag(row.revision),
        revision: head.revision,
        create_time: Some(timestamp(Micros(row.created_at))),
    }
}

fn stock_item(shop: &Shop, row: StockItemRow) -> v1::StockItem {
    v1::StockItem {
        name: stock_item_name(&shop.row.slug, &row.sku),
        sku: row.sku,
        on_hand_quantity: row.on_hand,
        update_time: Some(timestamp(Micros(row.updated_at))),
    }
}
