//! The newest orders that stand with the same customer and lines: a few of each, of however many.

use diesel::dsl::sql;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
};
use order_rules::duplicates::DOUBLE_PURCHASES_MAX;

use super::facts::Purchase;
use super::prepared::Prepared;
use super::rows::key;
use super::schema::orders;

/// An order, and when it was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Purchased {
    #[diesel(sql_type = BigInt)]
    pub order_key: i64,
    #[diesel(sql_type = BigInt)]
    pub placed_at: i64,
}

/// Names the statement.
pub(crate) enum NewestPurchases {}

/// Written out, so that the planner sees the condition of the index.
const HAS_CUSTOMER: &str = "orders.customer_key <> ''";

/// The rows of each are next to each other in the index, the newest last. What was cancelled or
/// deleted counts for nothing, and must not take the place of what stands (7.1).
const NEWEST: &str = "
    SELECT found.order_key, found.placed_at
    FROM unnest($1, $2, $3, $4) AS wanted (first_key, last_key, customer_key, lines_fingerprint)
    CROSS JOIN LATERAL (
        SELECT orders.order_key, orders.placed_at FROM orders
        WHERE orders.customer_key <> ''
          AND orders.customer_key = wanted.customer_key
          AND orders.lines_fingerprint = wanted.lines_fingerprint
          AND orders.order_key BETWEEN wanted.first_key AND wanted.last_key
          AND orders.cancelled_at IS NULL AND orders.deleted_at IS NULL
        ORDER BY orders.order_key DESC
        LIMIT $5
    ) AS found";

fn most() -> i64 {
    i64::try_from(DOUBLE_PURCHASES_MAX).unwrap_or(i64::MAX)
}

/// First and last key that an order of the shop can have.
const fn keys(shop_id: i64) -> (i64, i64) {
    (key(shop_id, 0), key(shop_id.saturating_add(1), 0).saturating_sub(1))
}

/// SQLite is in the process: one cached statement each costs no round trip.
pub(super) fn on_sqlite(
    conn: &mut SqliteConnection,
    purchase: &Purchase,
) -> QueryResult<Vec<Purchased>> {
    let (first, last) = keys(purchase.shop_id);
    let newest = orders::table
        .filter(sql::<Bool>(HAS_CUSTOMER))
        .filter(orders::customer_key.eq(&purchase.customer_key))
        .filter(orders::lines_fingerprint.eq(&purchase.lines_fingerprint))
        .filter(orders::order_key.between(first, last))
        .filter(orders::cancelled_at.is_null())
        .filter(orders::deleted_at.is_null())
        .order(orders::order_key.desc())
        .limit(most())
        .select((orders::order_key, orders::placed_at));
    let rows: Vec<(i64, i64)> = Prepared::<_, NewestPurchases>::new(newest).load(conn)?;
    Ok(rows.into_iter().map(|(order_key, placed_at)| Purchased { order_key, placed_at }).collect())
}

/// All of them in one statement.
pub(super) fn on_postgres(
    purchases: &[&Purchase],
) -> Prepared<BoxedSqlQuery<'static, diesel::pg::Pg, SqlQuery>, NewestPurchases> {
    let keys: Vec<(i64, i64)> = purchases.iter().map(|one| keys(one.shop_id)).collect();
    let (first, last): (Vec<i64>, Vec<i64>) = keys.into_iter().unzip();
    let text = |pick: fn(&Purchase) -> &String| -> Vec<String> {
        purchases.iter().map(|purchase| pick(purchase).clone()).collect()
    };
    Prepared::new(
        diesel::sql_query(NEWEST)
            .into_boxed()
            .bind::<Array<BigInt>, _>(first)
            .bind::<Array<BigInt>, _>(last)
            .bind::<Array<Text>, _>(text(|purchase| &purchase.customer_key))
            .bind::<Array<Text>, _>(text(|purchase| &purchase.lines_fingerprint))
            .bind::<BigInt, _>(most()),
    )
}
