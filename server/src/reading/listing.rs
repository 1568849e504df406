//! `ListOrders`: the filter of the contract as conditions on columns.

use bytes::Bytes;
use order_proto::v1;
use order_rules::order::{Day, DeliveryState, OrderKind, StatusId};
use order_rules::payments::PaymentState;
use order_rules::refusals::{Code, Refusal};
use order_rules::statuses::Tag;
use prost::Message;

use super::tokens::Token;
use super::{Reading, parts};
use crate::commands::Failure;
use crate::grpc::fields::lists::{OrderKey, OrdersPage};
use crate::grpc::fields::names;
use crate::search;
use crate::shops::Shop;
use crate::store::on_either;
use crate::store::pages::{DocumentRow, Listing, Narrowing, Place, SortKey};
use crate::terms::Term;

/// Bytes of a page, unless its first order alone has more: a client takes answers of 4 MiB unless it is
/// told otherwise, and besides the rows a page has names and tokens.
const PAGE_BYTES_MAX: usize = 3_500_000;

/// The tokens of a listing.
struct Pages(Token);

impl Pages {
    fn next(&self, place: Place) -> String {
        self.0.write(&[place.value, place.order_key])
    }
}

/// A page of orders.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Encoded, each in parts that belong together.
    pub(crate) orders: Vec<Vec<Bytes>>,
    /// Token of the next page.
    pub(crate) next: Option<String>,
    /// Orders of all pages, if it was asked for.
    pub(crate) total: Option<i64>,
}

impl Reading {
    /// A page of orders.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `STATUS_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn list(&self, query: OrdersPage) -> Result<Listed, Failure> {
        let names_statuses = !(query.filter.statuses.is_empty() && query.filter.tags.is_empty());
        let shop = match names_statuses && !self.store.is_embedded() {
            true => self.fresh_shop(&query.shop).await?,
            false => self.known_shop(&query.shop).await?,
        };
        let size = query.page.size;
        let (listing, token) = listing(&shop, &query)?;
        if listing.filter.sought.is_some() {
            self.search.catch_up(listing.shop_id).await;
        }
        let mut total = None;
        if query.count_total {
            let counted = listing.clone();
            total = Some(on_either!(&self.store, database => database.count(counted).await)?);
        }
        let sort = listing.sort;
        let mut rows = on_either!(&self.store, database => database.list(listing).await)?;
        let found = rows.len();
        rows.truncate(size.min(fitting(&rows, PAGE_BYTES_MAX)));
        let has_more = rows.len() < found;
        let next = rows.last().filter(|_| has_more).map(|row| token.next(place(sort, row)));
        let shop = self.shop_of(shop, &rows).await?;
        let orders = rows.into_iter().map(|row| parts(&shop, row)).collect();
        Ok(Listed { orders, next, total })
    }
}

/// How many of these orders have so many bytes at most; always the first.
fn fitting(rows: &[DocumentRow], bytes_max: usize) -> usize {
    let mut bytes = 0_usize;
    let are_too_many = |row: &DocumentRow| {
        let document = row.document.as_ref().map_or(0, Vec::len);
        bytes = bytes.saturating_add(document).saturating_add(row.personal.len());
        bytes > bytes_max
    };
    rows.iter().position(are_too_many).map_or(rows.len(), |place| place.max(1))
}

/// The page that a query asks for, and its tokens.
///
/// # Errors
/// `STATUS_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
fn listing(shop: &Shop, query: &OrdersPage) -> Result<(Listing, Pages), Refusal> {
    let filter = query.filter.encode_to_vec();
    let order_by = format!("{:?}{}", query.order_by, query.show_deleted);
    let digest = blake3::hash(&filter).to_hex();
    let deleted = if query.show_deleted { "deleted" } else { "" };
    let token = Token::of(&["orders", &shop.row.slug, &order_by, digest.as_str(), deleted]);
    let after = token.read(&query.page.token)?.map(|[value, order_key]| Place { value, order_key });
    let sort = match query.order_by.key {
        OrderKey::Number | OrderKey::CreateTime => SortKey::Number,
        OrderKey::UpdateTime => SortKey::Updated,
        OrderKey::Gross => SortKey::Gross,
    };
    let listing = Listing {
        shop_id: shop.row.shop_id,
        sort,
        is_descending: query.order_by.is_descending,
        after,
        limit: super::limit(&query.page),
        filter: Narrowing { with_deleted: query.show_deleted, ..narrowing(shop, &query.filter)? },
    };
    Ok((listing, Pages(token)))
}

/// Where a row stands in the listing.
fn place(sort: SortKey, row: &DocumentRow) -> Place {
    let value = match sort {
        SortKey::Number => row.order_key,
        SortKey::Updated => row.updated_at,
        SortKey::Gross => row.gross_minor,
    };
    Place { value, order_key: row.order_key }
}

/// # Errors
/// `STATUS_NOT_FOUND`.
fn narrowing(shop: &Shop, filter: &v1::OrderFilter) -> Result<Narrowing, Refusal> {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let day = |text: &String| Day::from_text(text).map(|day| day.0);
    let original = names::order_number(&filter.original_order);
    let kinds = match stored::<OrderKind>(&filter.kinds) {
        kinds if kinds.is_empty() && original.is_some() => vec![OrderKind::Credit.stored()],
        kinds if kinds.is_empty() => vec![OrderKind::Sale.stored()],
        kinds => kinds,
    };
    Ok(Narrowing {
        kinds,
        statuses: statuses(shop, filter)?,
        payment_states: stored::<PaymentState>(&filter.payment_states),
        delivery_states: stored::<DeliveryState>(&filter.delivery_states),
        created: (micros(filter.created_from.as_ref()), micros(filter.created_before.as_ref())),
        updated: (micros(filter.updated_from.as_ref()), micros(filter.updated_before.as_ref())),
        gross: (filter.gross_minor_min, filter.gross_minor_max),
        has_problem: filter.has_problem,
        is_possible_duplicate: filter.is_possible_duplicate,
        is_pending: filter.has_pending_status_change,
        external_reference: text(&filter.external_reference),
        payment_reference: text(&filter.payment_reference),
        sku: text(&filter.sku),
        currency: text(&filter.currency_code),
        sought: search::sought(&filter.text, &filter.metadata),
        original,
        withdrawal_deadline: (
            day(&filter.withdrawal_deadline_from),
            day(&filter.withdrawal_deadline_before),
        ),
        refund_due_before: day(&filter.refund_due_before),
        reservation_expires_before: micros(filter.reservation_expires_before.as_ref()),
        with_deleted: false,
    })
}

fn stored<Terms: Term>(terms: &[i32]) -> Vec<i16> {
    terms
        .iter()
        .filter_map(|term| Terms::Contract::try_from(*term).ok())
        .filter_map(Terms::from_contract)
        .map(Term::stored)
        .collect()
}

/// The ids of the statuses that are meant, with those that they replaced; both conditions at once.
///
/// # Errors
/// `STATUS_NOT_FOUND`.
fn statuses(shop: &Shop, filter: &v1::OrderFilter) -> Result<Option<Vec<i64>>, Refusal> {
    if filter.statuses.is_empty() && filter.tags.is_empty() {
        return Ok(None);
    }
    let named = filter.statuses.iter().map(|name| {
        let slug = name.rsplit('/').next().unwrap_or_default();
        let row = shop.status_meant(slug).map(|row| row.status_id);
        row.ok_or_else(|| Refusal::new(Code::StatusNotFound).with("status", name))
    });
    let named: Vec<i64> = named.collect::<Result<_, _>>()?;
    let is_meant = |id: i64| {
        let Some(row) = shop.status_row(StatusId(id)) else { return false };
        let is_named = filter.statuses.is_empty() || named.contains(&row.status_id);
        let tag = Tag::from_stored(row.tag).map_or(0, |tag| tag.contract().into());
        is_named && (filter.tags.is_empty() || filter.tags.contains(&tag))
    };
    let ids = shop.status_rows.iter().map(|row| row.status_id);
    Ok(Some(ids.filter(|id| is_meant(*id)).collect()))
}

fn micros(time: Option<&prost_types::Timestamp>) -> Option<i64> {
    let time = time?;
    let nanos = i64::from(time.nanos);
    Some(time.seconds.saturating_mul(1_000_000).saturating_add(nanos.div_euclid(1_000)))
}
