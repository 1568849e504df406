//! The index of words: brought up to date from the log of each shop, and asked for the orders it has.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::{BigInt, Text};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
};

use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::pages::{Findable, Sought};
use crate::store::rows::key;
use crate::store::schema::{
    customers, events, order_lines, order_payments, orders, payments, search_places, shop_heads,
};

/// An order that has the words.
#[derive(diesel::QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    order_key: i64,
}

impl Database {
    /// Shops whose log has grown since their words were last brought up to date.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn search_behind(&self) -> Result<Vec<i64>, StoreFailure> {
        in_read!(self, |conn| {
            let places: Vec<(i64, i64, Option<i64>)> = shop_heads::table
                .left_join(search_places::table.on(search_places::shop_id.eq(shop_heads::shop_id)))
                .select((
                    shop_heads::shop_id,
                    shop_heads::revision,
                    search_places::revision.nullable(),
                ))
                .load(conn)
                .await?;
            let is_behind = |(_, head, place): &(i64, i64, Option<i64>)| *place < Some(*head);
            Ok(places.into_iter().filter(is_behind).map(|(shop_id, ..)| shop_id).collect())
        })
    }

    /// Brings the words of a shop up to date with the next events of its log; those of the kinds to
    /// pass over change none. True when there may be more.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn search_advance<Words>(
        &self,
        shop_id: i64,
        events_max: i64,
        passed_over: Vec<i16>,
        words: Words,
    ) -> Result<bool, StoreFailure>
    where
        Words: Fn(&Findable) -> String + Send + 'static,
    {
        in_write!(self, |conn| {
            let place = place(conn, shop_id).await?;
            let next: Vec<(i64, i16, Option<i64>)> = events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::revision.gt(place))
                .order(events::revision)
                .limit(events_max)
                .select((events::revision, events::kind, events::order_number))
                .load(conn)
                .await?;
            let Some((last, ..)) = next.last().copied() else { return Ok(false) };
            let keys: BTreeSet<i64> = next
                .iter()
                .filter(|(_, kind, _)| !passed_over.contains(kind))
                .filter_map(|(.., number)| Some(key(shop_id, (*number)?)))
                .collect();
            let found = findable(conn, keys.into_iter().collect()).await?;
            let rows = found.iter().map(|order| (order.order_key, words(order))).collect();
            super::super::put_words(conn, rows).await?;
            diesel::update(search_places::table.filter(search_places::shop_id.eq(shop_id)))
                .set(search_places::revision.eq(last))
                .execute(conn)
                .await?;
            Ok(i64::try_from(next.len()).is_ok_and(|count| count == events_max))
        })
    }
}

/// How far a shop's words have come. Nobody else brings them further before the commit.
async fn place(conn: &mut Connection, shop_id: i64) -> Result<i64, StoreFailure> {
    diesel::insert_into(search_places::table)
        .values((search_places::shop_id.eq(shop_id), search_places::revision.eq(0)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let query = search_places::table
        .filter(search_places::shop_id.eq(shop_id))
        .select(search_places::revision);
    let places: Vec<i64> = locked!(query).load(conn).await?;
    Ok(places.into_iter().next().unwrap_or_default())
}

/// What orders can be found by, as they are now.
async fn findable(conn: &mut Connection, keys: Vec<i64>) -> Result<Vec<Findable>, StoreFailure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let personal: Vec<(i64, Option<String>, Vec<u8>)> = orders::table
        .inner_join(
            customers::table.on(customers::order_key
                .eq(orders::order_key)
                .and(customers::version.eq(orders::personal_version))),
        )
        .filter(orders::order_key.eq_any(keys.clone()))
        .select((orders::order_key, orders::external_reference, customers::personal))
        .load(conn)
        .await?;
    let skus: Vec<(i64, String)> = order_lines::table
        .filter(order_lines::order_key.eq_any(keys.clone()))
        .filter(order_lines::quantity.gt(0))
        .select((order_lines::order_key, order_lines::sku))
        .load(conn)
        .await?;
    let references: Vec<(i64, String)> = order_payments::table
        .inner_join(payments::table.on(payments::payment_key.eq(order_payments::payment_key)))
        .filter(order_payments::order_key.eq_any(keys))
        .select((order_payments::order_key, payments::reference))
        .load(conn)
        .await?;
    let mut found: BTreeMap<i64, Findable> = personal
        .into_iter()
        .map(|(order_key, external_reference, personal)| {
            let order = Findable { order_key, external_reference, personal, ..Findable::default() };
            (order_key, order)
        })
        .collect();
    for (order_key, sku) in skus {
        if let Some(order) = found.get_mut(&order_key) {
            order.skus.push(sku);
        }
    }
    for (order_key, reference) in references {
        if let Some(order) = found.get_mut(&order_key) {
            order.references.push(reference);
        }
    }
    Ok(found.into_values().collect())
}

/// The first keys in a range, both ends included, of orders that have the words.
pub(super) async fn with_words(
    conn: &mut Connection,
    shop_id: i64,
    sought: &Sought,
    (from, to): (i64, i64),
    is_descending: bool,
    limit: i64,
) -> Result<Vec<i64>, StoreFailure> {
    use super::super::{FOUND, FOUND_DESCENDING, words_query};
    let found: Vec<FoundRow> =
        diesel::sql_query(if is_descending { FOUND_DESCENDING } else { FOUND })
            .bind::<Text, _>(words_query(shop_id, sought))
            .bind::<BigInt, _>(from)
            .bind::<BigInt, _>(to)
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await?;
    Ok(found.into_iter().map(|row| row.order_key).collect())
}
