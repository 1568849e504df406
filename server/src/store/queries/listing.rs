//! Pages of a shop's orders: first the keys, by an index that is in the order of the page, then the
//! orders. What a page costs does not depend on how far into the list it is.

use std::collections::HashMap;

use diesel::dsl::{not, sql};
use diesel::expression::SqlLiteral;
use diesel::sql_types::{BigInt, Bool, SmallInt};
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl};

use super::reads::of_keys;
use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::pages::{DocumentRow, Listing, Narrowing, Place, SortKey};
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
const HAS_REFERENCE: &str = "payments.reference <> ''";

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
}

/// The keys of a page, in its order.
async fn keys(conn: &mut Connection, mut listing: Listing) -> Result<Vec<i64>, StoreFailure> {
    let shop_id = listing.shop_id;
    let mut range =
        Range { from: key(shop_id, 0), to: key(shop_id.saturating_add(1), 0).saturating_sub(1) };
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
    let among = match listing.filter.payment_reference.take() {
        Some(reference) => Some(on_payment(conn, shop_id, reference).await?),
        None => None,
    };
    let plan = Plan { listing, range, among };
    if plan.among.is_some() || plan.listing.sort != SortKey::Number {
        return page(conn, &plan).await;
    }
    match (plan.listing.filter.sku.clone(), plan.listing.filter.statuses.clone()) {
        (Some(sku), _) => with_sku(conn, plan, &sku).await,
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

/// Goes through the orders with a sku in the order of the page, until it is full.
async fn with_sku(
    conn: &mut Connection,
    mut plan: Plan,
    sku: &str,
) -> Result<Vec<i64>, StoreFailure> {
    plan.listing.filter.sku = None;
    let is_descending = plan.listing.is_descending;
    let mut keys = Vec::new();
    let full = usize::try_from(plan.listing.limit).unwrap_or(usize::MAX);
    loop {
        let query = order_lines::table
            .filter(order_lines::sku.eq(sku.to_owned()))
            .filter(sql::<Bool>(HAS_SKU))
            .filter(order_lines::order_key.ge(plan.range.from))
            .filter(order_lines::order_key.le(plan.range.to))
            .limit(CANDIDATES)
            .select(order_lines::order_key)
            .distinct()
            .into_boxed::<Backend>();
        let query = match is_descending {
            false => query.order(order_lines::order_key.asc()),
            true => query.order(order_lines::order_key.desc()),
        };
        let candidates: Vec<i64> = query.load(conn).await?;
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
                Some(place) => query.filter(beyond(
                    concat!("(orders.", stringify!($column), ", orders.order_key)"),
                    listing.is_descending,
                    place,
                )),
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

/// The conditions of a listing, but for the one that its lane stands for.
fn narrowed(mut query: Query, plan: &Plan) -> Query {
    let (shop_id, filter) = (plan.listing.shop_id, &plan.listing.filter);
    let lane = plan.lane();
    macro_rules! one_of {
        ($column:ident, $values:expr) => {
            match $values.as_slice() {
                [value] => query.filter(orders::$column.eq(*value)),
                values => query.filter(orders::$column.eq_any(values.to_vec())),
            }
        };
    }
    macro_rules! stated {
        ($($bound:expr => $condition:expr;)+) => {
            $(if let Some(value) = $bound {
                query = query.filter($condition(value));
            })+
        };
    }
    if let Some(statuses) =
        filter.statuses.as_ref().filter(|_| !matches!(lane, Some(Lane::Status(_))))
    {
        query = one_of!(status_id, statuses);
    }
    for (column, values) in [
        (Column::Kind, &filter.kinds),
        (Column::PaymentState, &filter.payment_states),
        (Column::DeliveryState, &filter.delivery_states),
    ] {
        query = match column {
            _ if values.is_empty() => query,
            Column::PaymentState if matches!(lane, Some(Lane::PaymentState(_))) => query,
            Column::Kind => one_of!(kind, values),
            Column::PaymentState => one_of!(payment_state, values),
            Column::DeliveryState => one_of!(delivery_state, values),
        };
    }
    stated! {
        filter.created.0 => |time: i64| orders::placed_at.ge(time);
        filter.created.1 => |time: i64| orders::placed_at.lt(time);
        filter.updated.0 => |time: i64| orders::updated_at.ge(time);
        filter.updated.1 => |time: i64| orders::updated_at.lt(time);
        filter.gross.0 => |amount: i64| orders::gross_minor.ge(amount);
        filter.gross.1 => |amount: i64| orders::gross_minor.le(amount);
        filter.external_reference.clone() =>
            |reference: String| orders::external_reference.eq(reference);
        filter.currency.clone() => |currency: String| orders::currency.eq(currency);
    }
    if let Some(sku) = &filter.sku {
        let with_sku = order_lines::table
            .filter(order_lines::sku.eq(sku.clone()))
            .filter(sql::<Bool>(HAS_SKU))
            .filter(order_lines::order_key.ge(key(shop_id, 0)))
            .filter(order_lines::order_key.lt(key(shop_id.saturating_add(1), 0)))
            .select(order_lines::order_key);
        query = query.filter(orders::order_key.eq_any(with_sku));
    }
    flagged(query, filter)
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
}

#[derive(Clone, Copy)]
enum Column {
    Kind,
    PaymentState,
    DeliveryState,
}

/// The conditions that are written out, so that the planner sees those of the partial indexes.
fn flagged(mut query: Query, filter: &Narrowing) -> Query {
    if !filter.shows_deleted {
        query = query.filter(orders::deleted_at.is_null());
    }
    query = match filter.has_problem {
        Some(true) => query.filter(orders::has_problem),
        Some(false) => query.filter(not(orders::has_problem)),
        None => query,
    };
    query = match filter.is_possible_duplicate {
        Some(true) => query.filter(orders::is_possible_duplicate),
        Some(false) => query.filter(not(orders::is_possible_duplicate)),
        None => query,
    };
    match filter.is_pending {
        Some(true) => query.filter(orders::pending.is_not_null()),
        Some(false) => query.filter(orders::pending.is_null()),
        None => query,
    }
}

/// The part of a range that was placed within the filter's times, which it then need not state:
/// orders stand in the order of placing, so its ends are found by halving.
async fn placed_within(
    conn: &mut Connection,
    range: Range,
    filter: &mut Narrowing,
) -> Result<Range, StoreFailure> {
    let (from, before) = std::mem::take(&mut filter.created);
    let from = match from {
        Some(time) => first_placed(conn, range, time).await?,
        None => range.from,
    };
    let to = match before {
        Some(time) => first_placed(conn, range, time).await?.saturating_sub(1),
        None => range.to,
    };
    Ok(Range { from, to })
}

/// The first key in a range that was placed at `time` or after; the one after the range if none was.
async fn first_placed(conn: &mut Connection, range: Range, time: i64) -> Result<i64, StoreFailure> {
    let after = range.to.saturating_add(1);
    let last: Vec<i64> = orders::table
        .filter(orders::order_key.ge(range.from))
        .filter(orders::order_key.le(range.to))
        .order(orders::order_key.desc())
        .limit(1)
        .select(orders::order_key)
        .load(conn)
        .await?;
    let Some(last) = last.into_iter().next() else { return Ok(after) };
    // Before `low` all were placed earlier; from `high` on none was.
    let (mut low, mut high) = (range.from, last.saturating_add(1));
    while low < high {
        let middle = low.midpoint(high);
        let found: Vec<(i64, i64)> = orders::table
            .filter(orders::order_key.ge(middle))
            .filter(orders::order_key.lt(high))
            .order(orders::order_key.asc())
            .limit(1)
            .select((orders::order_key, orders::placed_at))
            .load(conn)
            .await?;
        match found.into_iter().next() {
            Some((key, placed_at)) if placed_at < time => low = key.saturating_add(1),
            _ => high = middle,
        }
    }
    Ok(if low > last { after } else { low })
}
