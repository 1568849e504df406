//! Reads for the exactness audit: each page is a short transaction of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::dsl::{count_star, max, sql};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, SelectableHelper};

use super::load::Lock;
use super::{Connection, Database, Run, load};
use crate::store::StoreFailure;
use crate::store::audits::{AuditPage, BalanceRow, CreditedRow, Extent, LinkRow, PageAsked};
use crate::store::facts::{Facts, Needs};
use crate::store::rows::{ExpiryRow, HeadRow, key, number};
use crate::store::schema::{
    accounting_transfers, effects, events, labels, mails, order_expiries, order_lines, orders,
    payment_operations, payments, problems, search_places, shop_heads, stock_items,
    stock_movements,
};

/// PostgreSQL sums 64-bit numbers as numerics.
const SUM_OF_QUANTITY: &str = "CAST(COALESCE(SUM(quantity), 0) AS BIGINT)";
/// Number, status and the change that waits are the first of an order that is written down.
const BEGINNING_OF_DOCUMENT: &str = "substr(document, 1, 500)";

/// The words by which an order is found, apart by blanks.
#[derive(diesel::QueryableByName)]
struct WordsRow {
    #[diesel(sql_type = BigInt)]
    order_key: i64,
    #[diesel(sql_type = Text)]
    words: String,
}

/// The highest number that a row of the shop has in a table.
macro_rules! last_number {
    ($conn:ident, $shop_id:ident, $table:ident.$key:ident) => {{
        let last: Option<i64> = $table::table
            .filter($table::$key.ge(key($shop_id, 0)))
            .filter($table::$key.lt(key($shop_id.saturating_add(1), 0)))
            .select(max($table::$key))
            .get_result($conn)
            .await?;
        last.map_or(0, number)
    }};
}

impl Database {
    /// How much the shop has.
    ///
    /// # Errors
    /// When the database is away, or the shop has no head.
    pub(crate) async fn audit_extent(&self, shop_id: i64) -> Result<Extent, StoreFailure> {
        in_read!(self, |conn| {
            let head: HeadRow = shop_heads::table
                .find(shop_id)
                .select(HeadRow::as_select())
                .get_result(conn)
                .await?;
            let orders: i64 = orders::table
                .filter(orders::order_key.ge(key(shop_id, 0)))
                .filter(orders::order_key.lt(key(shop_id.saturating_add(1), 0)))
                .select(count_star())
                .get_result(conn)
                .await?;
            let events: i64 = events::table
                .filter(events::shop_id.eq(shop_id))
                .select(count_star())
                .get_result(conn)
                .await?;
            let payments: i64 = payments::table
                .filter(payments::payment_key.ge(key(shop_id, 0)))
                .filter(payments::payment_key.lt(key(shop_id.saturating_add(1), 0)))
                .select(count_star())
                .get_result(conn)
                .await?;
            let stock_items: i64 = stock_items::table
                .filter(stock_items::shop_id.eq(shop_id))
                .select(count_star())
                .get_result(conn)
                .await?;
            // A print has none of its own in the ledgers but that of its effect.
            let last_ids = [
                last_number!(conn, shop_id, payments.payment_key),
                last_number!(conn, shop_id, payment_operations.operation_key),
                last_number!(conn, shop_id, problems.problem_key),
                last_number!(conn, shop_id, mails.mail_key),
                last_number!(conn, shop_id, accounting_transfers.transfer_key),
                last_number!(conn, shop_id, labels.label_key),
                last_number!(conn, shop_id, effects.effect_key),
            ];
            Ok(Extent {
                orders,
                events,
                payments,
                stock_items,
                revision: head.revision,
                next_order_number: head.next_order_number,
                next_credit_number: head.next_credit_number,
                next_id: head.next_id,
                last_id: last_ids.into_iter().max().unwrap_or_default(),
                last_event_at: head.last_event_at,
                words_place: words_place(conn, shop_id).await?,
            })
        })
    }

    /// Runs `check` on the next orders of a shop with everything that belongs to them, all of one
    /// snapshot.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn audit_page<Output, Check>(
        &self,
        asked: PageAsked,
        check: Check,
    ) -> Result<Output, StoreFailure>
    where
        Check: FnOnce(AuditPage) -> Output + Send + 'static,
        Output: Send + 'static,
    {
        in_read!(self, |conn| {
            let PageAsked { shop_id, after, limit, settings_revision } = asked;
            let keys: Vec<i64> = orders::table
                .filter(orders::order_key.gt(after.max(key(shop_id, 0))))
                .filter(orders::order_key.lt(key(shop_id.saturating_add(1), 0)))
                .order(orders::order_key)
                .limit(limit)
                .select(orders::order_key)
                .load(conn)
                .await?;
            let mut needs = Needs::default();
            needs.shops.insert(shop_id, settings_revision);
            needs.orders.extend(keys.iter().copied());
            let heads: Vec<HeadRow> = shop_heads::table
                .filter(shop_heads::shop_id.eq(shop_id))
                .select(HeadRow::as_select())
                .load(conn)
                .await?;
            let facts = load::facts(conn, &needs, heads, Lock::None).await?;
            let documents = documents(conn, &keys).await?;
            let numbers: Vec<i64> = keys.iter().map(|key| number(*key)).collect();
            let told = events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::order_number.eq_any(numbers.clone()))
                .order((events::order_number, events::revision))
                .select((events::order_number, events::revision, events::kind, events::change))
                .load(conn)
                .await?;
            let credited = credited(conn, shop_id, numbers).await?;
            let buyers = buyers(conn, &facts).await?;
            let expiries = order_expiries::table
                .filter(order_expiries::order_key.eq_any(keys.clone()))
                .select(ExpiryRow::as_select())
                .load(conn)
                .await?;
            Ok(check(AuditPage {
                words: words(conn, &keys).await?,
                words_place: words_place(conn, shop_id).await?,
                keys,
                facts,
                documents,
                told,
                credited,
                buyers,
                expiries,
            }))
        })
    }

    /// The next events of a shop's log.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn audit_events(
        &self,
        shop_id: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LinkRow>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::revision.gt(after))
                .order(events::revision)
                .limit(limit)
                .select((
                    events::revision,
                    events::command_revision,
                    events::kind,
                    events::order_number,
                    events::created_at,
                    events::request_id,
                    events::content,
                    events::change,
                    sql::<Nullable<Binary>>(BEGINNING_OF_DOCUMENT),
                ))
                .load(conn)
                .await?)
        })
    }

    /// Balances that are not the sum of their movements.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn audit_stock(&self, shop_id: i64) -> Result<Vec<BalanceRow>, StoreFailure> {
        in_read!(self, |conn| {
            let balances: Vec<(String, i64)> = stock_items::table
                .filter(stock_items::shop_id.eq(shop_id))
                .select((stock_items::sku, stock_items::on_hand))
                .load(conn)
                .await?;
            let moved = moved(conn, shop_id).await?;
            let sum = |sku: &str| moved.get(sku).copied().unwrap_or_default();
            let known = balances.into_iter().map(|(sku, on_hand)| {
                let moved = sum(&sku);
                BalanceRow { sku, on_hand, moved }
            });
            Ok(known.filter(|row| row.on_hand != row.moved).collect())
        })
    }
}

/// The documents that the orders' last events carry.
async fn documents(
    conn: &mut Connection,
    keys: &[i64],
) -> Result<Vec<(i64, Option<Vec<u8>>)>, StoreFailure> {
    Ok(orders::table
        .inner_join(
            events::table
                .on(events::shop_id.eq(orders::shop_id).and(events::revision.eq(orders::revision))),
        )
        .filter(orders::order_key.eq_any(keys.to_vec()))
        .select((orders::order_key, events::document))
        .load(conn)
        .await?)
}

/// The lines of the credit orders of these sales, oldest first.
async fn credited(
    conn: &mut Connection,
    shop_id: i64,
    sales: Vec<i64>,
) -> Result<Vec<CreditedRow>, StoreFailure> {
    Ok(orders::table
        .inner_join(order_lines::table.on(order_lines::order_key.eq(orders::order_key)))
        .filter(orders::shop_id.eq(shop_id))
        .filter(orders::original_number.eq_any(sales))
        .order((orders::number, order_lines::line_id))
        .select((
            orders::original_number,
            orders::number,
            order_lines::original_line,
            order_lines::vat_minor,
            order_lines::gross_minor,
        ))
        .load(conn)
        .await?)
}

/// Who bought what these orders credit.
async fn buyers(conn: &mut Connection, facts: &Facts) -> Result<Vec<(i64, String)>, StoreFailure> {
    let credits = facts.orders.iter();
    let sales: Vec<i64> =
        credits.filter_map(|row| Some(key(row.shop_id, row.original_number?))).collect();
    if sales.is_empty() {
        return Ok(Vec::new());
    }
    Ok(orders::table
        .filter(orders::order_key.eq_any(sales))
        .select((orders::order_key, orders::customer_key))
        .load(conn)
        .await?)
}

/// The words of these orders, as the index has them.
async fn words(
    conn: &mut Connection,
    keys: &[i64],
) -> Result<BTreeMap<i64, BTreeSet<String>>, StoreFailure> {
    use super::super::{WORDS, word_put};
    let (Some(first), Some(last)) = (keys.first().copied(), keys.last().copied()) else {
        return Ok(BTreeMap::new());
    };
    let rows: Vec<WordsRow> = diesel::sql_query(WORDS)
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(last)
        .load(conn)
        .await?;
    let of_order = |row: WordsRow| {
        let put = row.words.split_whitespace().map(|word| word_put(row.order_key, word).to_owned());
        (row.order_key, put.collect::<BTreeSet<String>>())
    };
    Ok(rows.into_iter().map(of_order).collect())
}

/// How far into a shop's log the words have come.
async fn words_place(conn: &mut Connection, shop_id: i64) -> Result<i64, StoreFailure> {
    let places: Vec<i64> = search_places::table
        .filter(search_places::shop_id.eq(shop_id))
        .select(search_places::revision)
        .load(conn)
        .await?;
    Ok(places.into_iter().next().unwrap_or_default())
}

async fn moved(conn: &mut Connection, shop_id: i64) -> Result<HashMap<String, i64>, StoreFailure> {
    let sums: Vec<(String, i64)> = stock_movements::table
        .filter(stock_movements::shop_id.eq(shop_id))
        .group_by(stock_movements::sku)
        .select((stock_movements::sku, sql::<BigInt>(SUM_OF_QUANTITY)))
        .load(conn)
        .await?;
    Ok(sums.into_iter().collect())
}
