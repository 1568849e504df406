//! Reads orders and what belongs to them: sets by key, pages by the last key seen.

use diesel::dsl::count_star;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    SelectableHelper,
};

use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::log::COMMAND_EVENTS_MAX;
use crate::store::pages::{DocumentRow, HistoryRow};
use crate::store::rows::{HeadRow, MovementRow, ShopRow, StockItemRow, key};
use crate::store::schema::{
    customers, events, orders, shop_heads, shops, stock_items, stock_movements,
};

/// An order's last document, and what is personal of it, as they go out.
macro_rules! documents {
    () => {
        orders::table
            .inner_join(
                events::table.on(events::shop_id
                    .eq(orders::shop_id)
                    .and(events::revision.eq(orders::revision))),
            )
            .inner_join(
                customers::table.on(customers::order_key
                    .eq(orders::order_key)
                    .and(customers::version.eq(orders::personal_version))),
            )
            .inner_join(shop_heads::table.on(shop_heads::shop_id.eq(orders::shop_id)))
            .select((
                orders::order_key,
                orders::revision,
                orders::status_id,
                shop_heads::settings_revision,
                orders::updated_at,
                orders::gross_minor,
                events::document,
                customers::personal,
                orders::deleted_at,
            ))
    };
}

/// Whether a statement costs a round trip, so that many keys go into one.
pub(super) trait Distance {
    const IS_FAR: bool;
}

impl Distance for diesel::sqlite::Sqlite {
    const IS_FAR: bool = false;
}

impl Distance for diesel::pg::Pg {
    const IS_FAR: bool = true;
}

impl Database {
    /// Orders by key, in one snapshot, in any order; those that do not exist are not among them.
    pub(crate) async fn documents(&self, keys: Vec<i64>) -> Result<Vec<DocumentRow>, StoreFailure> {
        in_read!(self, |conn| { of_keys(conn, &keys).await })
    }

    /// An order as the command of a revision left it, or the last about it before that; none when it
    /// was not placed yet, or the log has not come so far.
    pub(crate) async fn document_as_of(
        &self,
        shop_id: i64,
        number: i64,
        revision: i64,
    ) -> Result<Option<(Option<Vec<u8>>, Vec<u8>)>, StoreFailure> {
        in_read!(self, |conn| {
            // An order is written down once for each command, with its last event about it.
            let commands: Vec<i64> = events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::revision.eq(revision))
                .select(events::command_revision)
                .load(conn)
                .await?;
            let Some(command) = commands.into_iter().next() else { return Ok(None) };
            let order_key = key(shop_id, number);
            let found: Vec<(Option<Vec<u8>>, Vec<u8>)> = events::table
                .inner_join(orders::table.on(orders::order_key.eq(order_key)))
                .inner_join(
                    customers::table.on(customers::order_key
                        .eq(orders::order_key)
                        .and(customers::version.nullable().eq(events::personal_version))),
                )
                .filter(events::shop_id.eq(shop_id))
                .filter(events::order_number.eq(number))
                .filter(events::revision.lt(command.saturating_add(COMMAND_EVENTS_MAX)))
                .filter(events::command_revision.le(command))
                .filter(events::document.is_not_null())
                .order(events::revision.desc())
                .limit(1)
                .select((events::document, customers::personal))
                .load(conn)
                .await?;
            Ok(found.into_iter().next())
        })
    }

    /// A page of an order's history.
    pub(crate) async fn history(
        &self,
        shop_id: i64,
        number: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<HistoryRow>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::order_number.eq(number))
                .filter(events::revision.gt(after))
                .order(events::revision)
                .limit(limit)
                .select((
                    events::revision,
                    events::kind,
                    events::actor,
                    events::created_at,
                    events::request_id,
                    events::change,
                ))
                .load(conn)
                .await?)
        })
    }

    /// Orders of a shop by the status they have.
    pub(crate) async fn orders_by_status(
        &self,
        shop_id: i64,
    ) -> Result<Vec<(i64, i64)>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(orders::table
                .filter(orders::shop_id.eq(shop_id))
                .group_by(orders::status_id)
                .select((orders::status_id, count_star()))
                .load(conn)
                .await?)
        })
    }

    /// Shops by name after one, each with its head.
    pub(crate) async fn shops_page(
        &self,
        after: String,
        limit: i64,
    ) -> Result<Vec<(ShopRow, HeadRow)>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(shops::table
                .inner_join(shop_heads::table.on(shop_heads::shop_id.eq(shops::shop_id)))
                .filter(shops::slug.gt(after))
                .order(shops::slug)
                .limit(limit)
                .select((ShopRow::as_select(), HeadRow::as_select()))
                .load(conn)
                .await?)
        })
    }

    /// A shop's head.
    pub(crate) async fn head(&self, shop_id: i64) -> Result<Option<HeadRow>, StoreFailure> {
        in_read!(self, |conn| {
            let heads: Vec<HeadRow> =
                shop_heads::table.filter(shop_heads::shop_id.eq(shop_id)).load(conn).await?;
            Ok(heads.into_iter().next())
        })
    }

    /// Tracked skus after one.
    pub(crate) async fn stock_items_page(
        &self,
        shop_id: i64,
        after: String,
        limit: i64,
    ) -> Result<Vec<StockItemRow>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(stock_items::table
                .filter(stock_items::shop_id.eq(shop_id))
                .filter(stock_items::sku.gt(after))
                .order(stock_items::sku)
                .limit(limit)
                .load(conn)
                .await?)
        })
    }

    /// A tracked sku.
    pub(crate) async fn stock_item(
        &self,
        shop_id: i64,
        sku: String,
    ) -> Result<Option<StockItemRow>, StoreFailure> {
        in_read!(self, |conn| {
            let found: Vec<StockItemRow> = stock_items::table
                .filter(stock_items::shop_id.eq(shop_id))
                .filter(stock_items::sku.eq(sku))
                .load(conn)
                .await?;
            Ok(found.into_iter().next())
        })
    }

    /// Movements of a sku, newest first, before a place in the log.
    pub(crate) async fn movements_page(
        &self,
        shop_id: i64,
        sku: String,
        before: (i64, i32, i16),
        limit: i64,
    ) -> Result<Vec<MovementRow>, StoreFailure> {
        in_read!(self, |conn| {
            let (revision, line, reason) = before;
            Ok(stock_movements::table
                .filter(stock_movements::shop_id.eq(shop_id))
                .filter(stock_movements::sku.eq(sku))
                .filter(stock_movements::revision.le(revision))
                .filter(
                    stock_movements::revision
                        .lt(revision)
                        .or(stock_movements::line_id.lt(line))
                        .or(stock_movements::line_id
                            .eq(line)
                            .and(stock_movements::reason.lt(reason))),
                )
                .order((
                    stock_movements::revision.desc(),
                    stock_movements::line_id.desc(),
                    stock_movements::reason.desc(),
                ))
                .limit(limit)
                .load(conn)
                .await?)
        })
    }
}

/// Orders by key, in any order.
pub(super) async fn of_keys(
    conn: &mut Connection,
    keys: &[i64],
) -> Result<Vec<DocumentRow>, StoreFailure> {
    if Backend::IS_FAR && keys.len() > 1 {
        return Ok(documents!().filter(orders::order_key.eq_any(keys.to_vec())).load(conn).await?);
    }
    // A statement for one key stays prepared; one for a list is another for each length.
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let found: Vec<DocumentRow> =
            documents!().filter(orders::order_key.eq(*key)).load(conn).await?;
        rows.extend(found);
    }
    Ok(rows)
}
