//! Pages of a shop's orders: first the keys, by an index that is in the order of the page, then the
//! orders. What a page costs does not depend on how far into the list it is.

mod narrowing;
mod placed;

use std::collections::HashMap;

use diesel::dsl::{count_star, sql};
use diesel::expression::SqlLiteral;
use diesel::sql_types::{BigInt, Bool, SmallInt};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};

use self::narrowing::narrowed;
use self::placed::placed_within;
use super::load::HAS_REFERENCE;
use super::reads::{Distance, of_keys};
use super::search::with_words;
use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::pages::{DocumentRow, Listing, Narrowing, Place, SortKey, Sought};
use crate::store::rows::key;
use crate::store::schema::{order_lines, order_payments, orders, payments};

/// The key of an order and the value it is sorted by.
type Query = orders::BoxedQuery<'static, Backend, (BigInt, BigInt)>;

/// Statuses that are each read by their own part of the index; more are sought in the whole.
const STATUS_BRANCHES_MAX: usize = 8;
/// Orders with a sku that are looked at in one statement.
const CANDIDATES: i64 = 400;
/// Spelled out, as in the partial indexes: neither database sees through a bound value.
const HAS_SKU: &str = "order_lines.sku <> ''";

/// A page to read: what is asked for, and where.
#[derive(Clone)]
struct Plan {
    listing: Listing,
    range: Range,
    /// Only these orders.
    among: Option<Vec<i64>>,
}

/// A part of an index on a column and the key.
#[derive(Clone, Copy)]
enum Lane {
    Status(i64),
    PaymentState(i16),
}

/// The keys that a page is among, both ends included.
#[derive(Clone, Copy)]
struct Range {
    from: i64,
    to: i64,
}

impl Database {
    /// A page of orders.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn list(&self, listing: Listing) -> Result<Vec<DocumentRow>, StoreFailure> {
        in_read!(self, |conn| {
            let keys = keys(conn, listing).await?;
            let rows = of_keys(conn, &keys).await?;
            let mut rows: HashMap<i64, DocumentRow> =
                rows.into_iter().map(|row| (row.order_key, row)).collect();
            Ok(keys.iter().filter_map(|key| rows.remove(key)).collect())
        })
    }

    /// How many orders all pages have.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn count(&self, listing: Listing) -> Result<i64, StoreFailure> {
        in_read!(self, |conn| {
            let mut listing = Listing { after: None, sort: SortKey::Number, ..listing };
            let plan = Plan {
                range: placed_within(conn, of_shop(listing.shop_id), &mut listing.filter).await?,
                among: among(conn, &mut listing).await?,
                listing,
            };
            let (range, shop_id) = (plan.range, plan.listing.shop_id);
            let mut query = orders::table
                .select((orders::order_key, orders::order_key))
                .into_boxed::<Backend>();
            query = query
                .filter(orders::shop_id.eq(shop_id))
                .filter(orders::order_key.ge(range.from))
                .filter(orders::order_key.le(range.to));
            if let Some(among) = &plan.among {
                query = query.filter(orders::order_key.eq_any(among.clone()));
            }
            // No part of an index stands for a condition.
            let whole = Plan { among: Some(Vec::new()), ..plan };
            Ok(narrowed(query, &whole).select(count_star()).get_result(conn).await?)
        })
    }
}

/// All keys of a shop.
fn of_shop(shop_id: i64) -> Range {
    Range { from: key(shop_id, 0), to: key(shop_id.saturating_add(1), 0).saturating_sub(1) }
}

/// The few orders that the filter names by their payment, which it then need not state.
async fn among(
    conn: &mut Connection,
    listing: &mut Listing,
) -> Result<Option<Vec<i64>>, StoreFailure> {
    match listing.filter.payment_reference.take() {
        Some(reference) => Ok(Some(on_payment(conn, listing.shop_id, reference).await?)),
        None => Ok(None),
    }
}

/// The keys of a page, in its order.
async fn keys(conn: &mut Connection, mut listing: Listing) -> Result<Vec<i64>, StoreFailure> {
    let mut range = of_shop(listing.shop_id);
    if listing.sort == SortKey::Number {
        range = placed_within(conn, range, &mut listing.filter).await?;
        range = match (listing.is_descending, listing.after) {
            (_, None) => range,
            (false, Some(Place { order_key, .. })) => {
                Range { from: range.from.max(order_key.saturating_add(1)), ..range }
            }
            (true, Some(Place { order_key, .. })) => {
                Range { to: range.to.min(order_key.saturating_sub(1)), ..range }
            }
        };
    }
    let among = among(conn, &mut listing).await?;
    let plan = Plan { listing, range, among };
    if plan.among.is_some() || plan.listing.sort != SortKey::Number {
        return page(conn, &plan).await;
    }
    let filter = &plan.listing.filter;
    let wanted = match (filter.sought.clone(), filter.sku.clone()) {
        (Some(sought), _) => Some(Trait::Words(sought)),
        (None, sku) => sku.map(Trait::Sku),
    };
    match (wanted, filter.statuses.clone()) {
        (Some(wanted), _) => with_trait(conn, plan, &wanted).await,
        (None, Some(statuses)) if (2..=STATUS_BRANCHES_MAX).contains(&statuses.len()) => {
            branches(conn, &plan, &statuses).await
        }
        _ => page(conn, &plan).await,
    }
}

/// A page of each status, put together.
async fn branches(
    conn: &mut Connection,
    plan: &Plan,
    statuses: &[i64],
) -> Result<Vec<i64>, StoreFailure> {
    let mut keys = Vec::new();
    for status in statuses {
        let mut branch = plan.clone();
        branch.listing.filter.statuses = Some(vec![*status]);
        keys.extend(page(conn, &branch).await?);
    }
    keys.sort_unstable();
    if plan.listing.is_descending {
        keys.reverse();
    }
    keys.truncate(usize::try_from(plan.listing.limit).unwrap_or(usize::MAX));
    Ok(keys)
}

/// What a few orders of the shop have, found by an index of its own in the order of the keys.
#[derive(Clone)]
enum Trait {
    Sku(String),
    Words(Sought),
}

/// Goes through the orders with a trait in the order of the page, until it is full.
async fn with_trait(
    conn: &mut Connection,
    mut plan: Plan,
    wanted: &Trait,
) -> Result<Vec<i64>, StoreFailure> {
    match wanted {
        Trait::Sku(_) => plan.listing.filter.sku = None,
        Trait::Words(_) => plan.listing.filter.sought = None,
    }
    let is_descending = plan.listing.is_descending;
    let mut keys = Vec::new();
    let full = usize::try_from(plan.listing.limit).unwrap_or(usize::MAX);
    loop {
        let candidates = candidates(conn, &plan, wanted).await?;
        let is_last = i64::try_from(candidates.len()).is_ok_and(|count| count < CANDIDATES);
        let Some(last) = candidates.last().copied() else { return Ok(keys) };
        plan.among = Some(candidates);
        keys.extend(page(conn, &plan).await?);
        keys.truncate(full);
        if is_last || keys.len() >= full {
            return Ok(keys);
        }
        match is_descending {
            false => plan.range.from = last.saturating_add(1),
            true => plan.range.to = last.saturating_sub(1),
        }
    }
}

/// The next orders with the trait, whatever else is asked of them.
async fn candidates(
    conn: &mut Connection,
    plan: &Plan,
    wanted: &Trait,
) -> Result<Vec<i64>, StoreFailure> {
    let Plan { range, listing, .. } = plan;
    let sku = match wanted {
        Trait::Sku(sku) => sku,
        Trait::Words(sought) => {
            let range = (range.from, range.to);
            let is_descending = listing.is_descending;
            return with_words(conn, listing.shop_id, sought, range, is_descending, CANDIDATES)
                .await;
        }
    };
    let query = order_lines::table
        .filter(order_lines::sku.eq(sku.clone()))
        .filter(sql::<Bool>(HAS_SKU))
        // Edited away is not on the order any more (5.2).
        .filter(order_lines::quantity.gt(0))
        .filter(order_lines::order_key.ge(range.from))
        .filter(order_lines::order_key.le(range.to))
        .limit(CANDIDATES)
        .select(order_lines::order_key)
        .distinct()
        .into_boxed::<Backend>();
    let query = match listing.is_descending {
        false => query.order(order_lines::order_key.asc()),
        true => query.order(order_lines::order_key.desc()),
    };
    Ok(query.load(conn).await?)
}

/// Orders that hang on a payment with this reference.
async fn on_payment(
    conn: &mut Connection,
    shop_id: i64,
    reference: String,
) -> Result<Vec<i64>, StoreFailure> {
    Ok(order_payments::table
        .inner_join(payments::table.on(payments::payment_key.eq(order_payments::payment_key)))
        .filter(payments::shop_id.eq(shop_id))
        .filter(payments::reference.eq(reference))
        .filter(sql::<Bool>(HAS_REFERENCE))
        .select(order_payments::order_key)
        .load(conn)
        .await?)
}

/// The keys that fulfil the filter.
async fn page(conn: &mut Connection, plan: &Plan) -> Result<Vec<i64>, StoreFailure> {
    let mut query = sorted(plan);
    if let Some(among) = &plan.among {
        query = query.filter(orders::order_key.eq_any(among.clone()));
    }
    let query = narrowed(query, plan).limit(plan.listing.limit);
    let rows: Vec<(i64, i64)> = query.load(conn).await?;
    Ok(rows.into_iter().map(|(key, _)| key).collect())
}

/// In the order of the page, after the page before.
fn sorted(plan: &Plan) -> Query {
    let listing = &plan.listing;
    macro_rules! by {
        ($column:ident) => {{
            let query =
                orders::table.select((orders::order_key, orders::$column)).into_boxed::<Backend>();
            // Keys of one shop: few, and sorted when they have been found.
            let query = match listing.filter.sku.is_some() || plan.among.is_some() {
                true => query,
                false => query.filter(orders::shop_id.eq(listing.shop_id)),
            };
            let query = match listing.after.filter(|_| listing.sort != SortKey::Number) {
                None => query,
                Some(place) => {
                    let pair = concat!("(orders.", stringify!($column), ", orders.order_key)");
                    let query = query.filter(beyond(pair, listing.is_descending, place));
                    // SQLite seeks no pair whose end is the key, and would begin at the first page.
                    match listing.is_descending {
                        false => query.filter(orders::$column.ge(place.value)),
                        true => query.filter(orders::$column.le(place.value)),
                    }
                }
            };
            match listing.is_descending {
                false => query.order((orders::$column.asc(), orders::order_key.asc())),
                true => query.order((orders::$column.desc(), orders::order_key.desc())),
            }
        }};
    }
    match listing.sort {
        SortKey::Updated => by!(updated_at),
        SortKey::Gross => by!(gross_minor),
        SortKey::Number => numbered(plan),
    }
}

/// In the order of the numbers, along the part of an index that the filter picks out.
fn numbered(plan: &Plan) -> Query {
    let (listing, range) = (&plan.listing, plan.range);
    let query =
        orders::table.select((orders::order_key, orders::order_key)).into_boxed::<Backend>();
    // Compared and sorted as pairs, so that no other index is in the order of the page.
    macro_rules! along {
        ($column:ident, $kind:ty, $value:expr) => {{
            let pair = concat!("(orders.", stringify!($column), ", orders.order_key)");
            let query = query
                .filter(orders::shop_id.eq(listing.shop_id))
                .filter(
                    sql::<Bool>(pair)
                        .sql(" >= (")
                        .bind::<$kind, _>($value)
                        .sql(", ")
                        .bind::<BigInt, _>(range.from)
                        .sql(")"),
                )
                .filter(
                    sql::<Bool>(pair)
                        .sql(" <= (")
                        .bind::<$kind, _>($value)
                        .sql(", ")
                        .bind::<BigInt, _>(range.to)
                        .sql(")"),
                );
            // SQLite seeks no pair whose end is the key, and would begin at the first page.
            let query = match Backend::IS_FAR {
                true => query,
                false => query
                    .filter(orders::$column.eq($value))
                    .filter(orders::order_key.ge(range.from))
                    .filter(orders::order_key.le(range.to)),
            };
            match listing.is_descending {
                false => query.order((orders::$column.asc(), orders::order_key.asc())),
                true => query.order((orders::$column.desc(), orders::order_key.desc())),
            }
        }};
    }
    match plan.lane() {
        Some(Lane::Status(status)) => along!(status_id, BigInt, status),
        Some(Lane::PaymentState(state)) => along!(payment_state, SmallInt, state),
        None => {
            let query = query
                .filter(orders::order_key.ge(range.from))
                .filter(orders::order_key.le(range.to));
            // Keys are of one shop. Said once more only where an index begins with the shop:
            // otherwise it draws SQLite to indexes that are in another order.
            let query = match has_index_of_shop(&listing.filter) {
                false => query,
                true => query.filter(orders::shop_id.eq(listing.shop_id)),
            };
            match listing.is_descending {
                false => query.order(orders::order_key.asc()),
                true => query.order(orders::order_key.desc()),
            }
        }
    }
}

/// Beyond a place, compared as a pair: so that an index finds it among any number of equal values.
fn beyond(
    columns: &'static str,
    is_descending: bool,
    place: Place,
) -> impl diesel::expression::NonAggregate
+ diesel::BoxableExpression<orders::table, Backend, SqlType = Bool>
+ diesel::query_builder::QueryId {
    let comparison: SqlLiteral<Bool> = sql(columns);
    comparison
        .sql(if is_descending { " < (" } else { " > (" })
        .bind::<BigInt, _>(place.value)
        .sql(", ")
        .bind::<BigInt, _>(place.order_key)
        .sql(")")
}

impl Plan {
    /// The part of an index that is in the order of the page and holds fewer orders than the shop.
    fn lane(&self) -> Option<Lane> {
        let filter = &self.listing.filter;
        let is_open = self.listing.sort == SortKey::Number && self.among.is_none();
        if !is_open || has_index_of_shop(filter) {
            return None;
        }
        match (filter.statuses.as_deref(), filter.payment_states.as_slice()) {
            (Some([status]), _) => Some(Lane::Status(*status)),
            (_, [state]) => Some(Lane::PaymentState(*state)),
            _ => None,
        }
    }
}

/// A condition has an index of its own that begins with the shop.
fn has_index_of_shop(filter: &Narrowing) -> bool {
    filter.has_problem == Some(true)
        || filter.is_possible_duplicate == Some(true)
        || filter.is_pending == Some(true)
        || filter.external_reference.is_some()
        || filter.original.is_some()
        || filter.withdrawal_deadline != (None, None)
        || filter.refund_due_before.is_some()
}
