//! Finds shops, commands that were carried out, and what happened to an order.

use diesel::dsl::max;
use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, SelectableHelper};

use super::{Connection, Database, Run, integrations};
use crate::store::StoreFailure;
use crate::store::facts::{RequestRow, ShopRows};
use crate::store::rows::{ShopRow, StatusRow};
use crate::store::schema::{events, order_statuses, shop_heads, shops};

impl Database {
    /// A shop by name.
    pub(crate) async fn shop_find(&self, slug: String) -> Result<Option<ShopRows>, StoreFailure> {
        in_read!(self, |conn| {
            let found: Vec<(ShopRow, i64)> = shops::table
                .inner_join(shop_heads::table.on(shop_heads::shop_id.eq(shops::shop_id)))
                .filter(shops::slug.eq(slug))
                .select((ShopRow::as_select(), shop_heads::settings_revision))
                .load(conn)
                .await?;
            let Some((shop, settings_revision)) = found.into_iter().next() else { return Ok(None) };
            let statuses = order_statuses::table
                .filter(order_statuses::shop_id.eq(shop.shop_id))
                .order((order_statuses::position, order_statuses::status_id))
                .select(StatusRow::as_select())
                .load(conn)
                .await?;
            let integrations = integrations::of_shops(conn, vec![shop.shop_id]).await?;
            Ok(Some(ShopRows { shop, statuses, integrations, settings_revision }))
        })
    }

    /// The highest id of a shop; 0 when there is none.
    pub(crate) async fn shop_last_id(&self) -> Result<i64, StoreFailure> {
        in_read!(self, |conn| {
            let last: Option<i64> =
                shops::table.select(max(shops::shop_id)).get_result(conn).await?;
            Ok(last.unwrap_or_default())
        })
    }

    /// The idempotency record of a command.
    pub(crate) async fn request_find(
        &self,
        shop_id: i64,
        request_id: Vec<u8>,
    ) -> Result<Option<RequestRow>, StoreFailure> {
        in_read!(self, |conn| {
            let found: Vec<RequestRow> = events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::request_id.eq(request_id))
                .filter(events::content.is_not_null())
                .select((
                    events::shop_id,
                    events::request_id,
                    events::content,
                    events::revision,
                    events::order_number,
                    events::change,
                ))
                .load(conn)
                .await?;
            Ok(found.into_iter().next())
        })
    }

    /// Encoded change of each event of these kinds about the shop itself, after the first revision up
    /// to the last; at most 1,000.
    pub(crate) async fn shop_changes(
        &self,
        shop_id: i64,
        (after, last): (i64, i64),
        kinds: Vec<i16>,
    ) -> Result<Vec<Vec<u8>>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::order_number.is_null())
                .filter(events::kind.eq_any(kinds))
                .filter(events::revision.gt(after))
                .filter(events::revision.le(last))
                .order(events::revision)
                .limit(1_000)
                .select(events::change)
                .load(conn)
                .await?)
        })
    }

    /// Kind and encoded change of each event about an order after a revision; at most 1,000.
    pub(crate) async fn order_changes_since(
        &self,
        shop_id: i64,
        number: i64,
        revision: i64,
    ) -> Result<Vec<(i16, Vec<u8>)>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::order_number.eq(number))
                .filter(events::revision.gt(revision))
                .order(events::revision)
                .limit(1_000)
                .select((events::kind, events::change))
                .load(conn)
                .await?)
        })
    }
}
