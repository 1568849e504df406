//! Reads the log for listeners: what is new, old pages, snapshots, and which log it is.

use diesel::dsl::min;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
};

use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::log::{COMMAND_EVENTS_MAX, LogRow, MarkRow, Opening, Walk, WalkPage, WalkRow};
use crate::store::rows::key;
use crate::store::schema::{customers, events, orders, shop_heads, store_epoch};

/// The columns of [`MarkRow`].
macro_rules! mark {
    () => {
        (
            events::revision,
            events::command_revision,
            events::kind,
            events::order_number,
            events::created_at,
            events::request_id,
            events::change,
        )
    };
}

/// The events of a shop with what is personal of the orders they are about.
macro_rules! log {
    ($shop_id:expr) => {
        events::table
            .left_join(
                customers::table.on(customers::order_key
                    .nullable()
                    .eq(events::order_number + key($shop_id, 0))
                    .and(customers::version.nullable().eq(events::personal_version))),
            )
            .filter(events::shop_id.eq($shop_id))
            .order(events::revision)
            .select((mark!(), events::actor, events::document, customers::personal.nullable()))
    };
}

impl Database {
    /// Events of a shop after a revision, by revision: at most `limit`, and the rest of the last
    /// one's command.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn log_after(
        &self,
        shop_id: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LogRow>, StoreFailure> {
        in_read!(self, |conn| {
            // A log has no gaps, so the bound takes nothing away; with it the planner sees how few they are.
            let bounded = log!(shop_id)
                .filter(events::revision.gt(after))
                .filter(events::revision.le(after.saturating_add(limit)))
                .limit(limit);
            let mut rows: Vec<LogRow> = bounded.load(conn).await?;
            if rows.is_empty() {
                let beyond = log!(shop_id).filter(events::revision.gt(after)).limit(limit);
                rows = beyond.load(conn).await?;
            }
            let is_cut = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
            if let Some(last) = rows.last().map(|row| row.mark.clone()).filter(|_| is_cut) {
                let rest: Vec<LogRow> = log!(shop_id)
                    .filter(events::revision.gt(last.revision))
                    .filter(
                        events::revision
                            .lt(last.command_revision.saturating_add(COMMAND_EVENTS_MAX)),
                    )
                    .filter(events::command_revision.eq(last.command_revision))
                    .load(conn)
                    .await?;
                rows.extend(rest);
            }
            Ok(rows)
        })
    }

    /// The ends of a shop's log, and the event at a revision; `None` for a shop without events.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn log_opening(
        &self,
        shop_id: i64,
        asked: i64,
    ) -> Result<Option<Opening>, StoreFailure> {
        in_read!(self, |conn| {
            let oldest: Option<i64> = events::table
                .filter(events::shop_id.eq(shop_id))
                .select(min(events::revision))
                .get_result(conn)
                .await?;
            let head = head(conn, shop_id).await?;
            let (Some(oldest), Some(head)) = (oldest, head) else { return Ok(None) };
            let asked = mark_at(conn, shop_id, asked).await?;
            Ok(Some(Opening { oldest, head, asked }))
        })
    }

    /// Revisions of the heads of these shops.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn log_heads(
        &self,
        shop_ids: Vec<i64>,
    ) -> Result<Vec<(i64, i64)>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(shop_heads::table
                .filter(shop_heads::shop_id.eq_any(shop_ids))
                .select((shop_heads::shop_id, shop_heads::revision))
                .load(conn)
                .await?)
        })
    }

    /// The next orders of a snapshot.
    ///
    /// # Errors
    /// When the database is away, or the shop has no log.
    pub(crate) async fn log_walk(&self, walk: Walk) -> Result<WalkPage, StoreFailure> {
        in_read!(self, |conn| {
            let looked = looked_at(conn, &walk).await?;
            let is_whole = i64::try_from(looked.len()).is_ok_and(|count| count < walk.looks_max);
            let is_match = |status: i64| {
                walk.statuses.as_ref().is_none_or(|statuses| statuses.contains(&status))
            };
            let matching = looked.iter().filter(|(_, _, status)| is_match(*status));
            let mut keys: Vec<i64> = matching.clone().map(|(key, _, _)| *key).collect();
            let is_cut = keys.len() > walk.matches_max;
            keys.truncate(walk.matches_max);
            let is_last = is_whole && !is_cut;
            let last = matching.take(walk.matches_max).last().filter(|_| is_cut);
            let last = last.or(looked.last()).map(|(_, revision, _)| *revision);
            let through = match last.filter(|_| !is_last) {
                Some(revision) => mark_at(conn, walk.shop_id, revision).await?,
                None => head(conn, walk.shop_id).await?,
            };
            let through = through.ok_or_else(|| {
                StoreFailure::Defect("an order without its last event".to_owned())
            })?;
            Ok(WalkPage { orders: walked(conn, keys).await?, through, is_last })
        })
    }

    /// Which log this is; made when it is first asked for.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn epoch(&self, new: Vec<u8>) -> Result<Vec<u8>, StoreFailure> {
        in_write!(self, |conn| {
            let kept: Vec<Vec<u8>> =
                store_epoch::table.select(store_epoch::epoch).load(conn).await?;
            if let Some(epoch) = kept.into_iter().next() {
                return Ok(epoch);
            }
            diesel::insert_into(store_epoch::table)
                .values((store_epoch::one.eq(1), store_epoch::epoch.eq(new)))
                .on_conflict(store_epoch::one)
                .do_nothing()
                .execute(conn)
                .await?;
            Ok(store_epoch::table.select(store_epoch::epoch).get_result(conn).await?)
        })
    }
}

/// The event at a shop's head.
async fn head(conn: &mut Connection, shop_id: i64) -> Result<Option<MarkRow>, StoreFailure> {
    let found: Vec<MarkRow> = events::table
        .inner_join(shop_heads::table.on(
            shop_heads::shop_id.eq(events::shop_id).and(shop_heads::revision.eq(events::revision)),
        ))
        .filter(shop_heads::shop_id.eq(shop_id))
        .select(mark!())
        .load(conn)
        .await?;
    Ok(found.into_iter().next())
}

async fn mark_at(
    conn: &mut Connection,
    shop_id: i64,
    revision: i64,
) -> Result<Option<MarkRow>, StoreFailure> {
    let found: Vec<MarkRow> = events::table
        .filter(events::shop_id.eq(shop_id))
        .filter(events::revision.eq(revision))
        .select(mark!())
        .load(conn)
        .await?;
    Ok(found.into_iter().next())
}

/// Key, last revision and status of the orders that come next.
async fn looked_at(
    conn: &mut Connection,
    walk: &Walk,
) -> Result<Vec<(i64, i64, i64)>, StoreFailure> {
    let query = orders::table
        .filter(orders::revision.gt(walk.after))
        .order(orders::revision)
        .limit(walk.looks_max)
        .select((orders::order_key, orders::revision, orders::status_id))
        .into_boxed::<Backend>();
    // Keys are of one shop; to name the shop too would draw SQLite to its index over all orders.
    let query = match walk.orders.is_empty() {
        true => query.filter(orders::shop_id.eq(walk.shop_id)),
        false => query.filter(orders::order_key.eq_any(walk.orders.clone())),
    };
    Ok(query.load(conn).await?)
}

/// Orders as they are, by the revision of their last event.
async fn walked(conn: &mut Connection, keys: Vec<i64>) -> Result<Vec<WalkRow>, StoreFailure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(orders::table
        .inner_join(
            events::table
                .on(events::shop_id.eq(orders::shop_id).and(events::revision.eq(orders::revision))),
        )
        .inner_join(
            customers::table.on(customers::order_key
                .eq(orders::order_key)
                .and(customers::version.eq(orders::personal_version))),
        )
        .filter(orders::order_key.eq_any(keys))
        .order(orders::revision)
        .select((mark!(), orders::status_id, events::document, customers::personal))
        .load(conn)
        .await?)
}
