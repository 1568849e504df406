//! What providers told by themselves: each stored once, followed up until nothing more follows from
//! it, and forgotten in time.

use std::collections::HashMap;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Bool};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult,
    SelectableHelper,
};
use order_rules::order::Micros;

use super::effects::{later, now};
use super::load::HAS_REFERENCE;
use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::rows::WebhookRow;
use crate::store::schema::{effects, payments, shops, webhooks};

/// Effects that a look-up may bring further; spelled out, so that the planner sees the condition of
/// the index. What was never sent is left to its own time.
const IS_IN_FLIGHT: &str = "effects.state IN (1, 2, 3)";
/// Of rows that only give a hint and tell nothing.
const IS_HINT: &str = "webhooks.event = 'PUSH'";
const TELLS: &str = "webhooks.event <> 'PUSH'";
/// When the provider says that it happened; what it says in the same moment is in the order it came.
const HAPPENED_AT: &str = "COALESCE(webhooks.happened_at, webhooks.received_at)";
/// More than payments that are looked up at once are ever told of; beyond it the oldest is left out.
const TOLD_MAX: i64 = 2_000;

impl Database {
    /// Stores what was told and has its payment looked after now, unless it is known. Answers whether
    /// it was new.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn webhook_store(&self, row: WebhookRow) -> Result<bool, StoreFailure> {
        in_write!(self, |conn| {
            let now = now(conn).await?;
            let row = WebhookRow { received_at: now.0, due_at: Some(now.0), ..row };
            let about = (row.shop_id, row.integration.clone(), row.payment_reference.clone());
            let stored = diesel::insert_into(webhooks::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            if stored == 0 {
                return Ok(false);
            }
            let keys = payment_keys(conn, about).await?;
            let looked_after = effects::table
                .filter(effects::payment_key.eq_any(keys.into_iter().map(Some)))
                .filter(sql::<Bool>(IS_IN_FLIGHT))
                .filter(effects::due_at.gt(now.0))
                .filter(is_free(now));
            diesel::update(looked_after).set(effects::due_at.eq(now.0)).execute(conn).await?;
            Ok(true)
        })
    }

    /// Takes what is due to be followed up, the longest due first, with the name of its shop. Nobody
    /// else gets it for so long.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn webhooks_take(
        &self,
        limit: i64,
        lasts: Duration,
    ) -> Result<Vec<(WebhookRow, String)>, StoreFailure> {
        // Mostly there is none, and whoever writes is not disturbed.
        let is_due: Result<bool, StoreFailure> = in_read!(self, |conn| {
            let now = now(conn).await?;
            let first = due(now).limit(1).select(webhooks::copy_key);
            let found: Vec<String> = first.load(conn).await?;
            Ok(!found.is_empty())
        });
        if !is_due? {
            return Ok(Vec::new());
        }
        in_write!(self, |conn| {
            let now = now(conn).await?;
            let due = due(now).order(webhooks::due_at).limit(limit).select(WebhookRow::as_select());
            let rows: Vec<WebhookRow> = skip_locked!(due).load(conn).await?;
            let shop_ids: Vec<i64> = rows.iter().map(|row| row.shop_id).collect();
            let slugs: Vec<(i64, String)> = shops::table
                .filter(shops::shop_id.eq_any(shop_ids))
                .select((shops::shop_id, shops::slug))
                .load(conn)
                .await?;
            let slugs: HashMap<i64, String> = slugs.into_iter().collect();
            let mut taken = Vec::new();
            for row in rows {
                let row = WebhookRow { tries: row.tries.saturating_add(1), ..row };
                put_off(conn, &row, Some(later(now, lasts))).await?;
                let slug = slugs.get(&row.shop_id).cloned();
                taken.extend(slug.map(|slug| (row, slug)));
            }
            Ok(taken)
        })
    }

    /// Says when to follow up what was told; `None`: never again.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn webhook_put_off(
        &self,
        row: WebhookRow,
        pause: Option<Duration>,
    ) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            let due_at = match pause {
                Some(pause) => Some(later(now(conn).await?, pause)),
                None => None,
            };
            Ok(put_off(conn, &row, due_at).await?)
        })
    }

    /// Has an effect looked up now if it was sent and nobody is at it. Answers whether it was.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn effect_look_now(&self, effect_key: i64) -> Result<bool, StoreFailure> {
        in_write!(self, |conn| {
            let now = now(conn).await?;
            let waiting = effects::table
                .filter(effects::effect_key.eq(effect_key))
                .filter(sql::<Bool>(IS_IN_FLIGHT))
                .filter(effects::due_at.gt(now.0))
                .filter(is_free(now));
            let hastened =
                diesel::update(waiting).set(effects::due_at.eq(now.0)).execute(conn).await?;
            Ok(hastened > 0)
        })
    }

    /// Has a payment read at its provider now.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn payment_read_now(
        &self,
        (shop_id, provider, reference): (i64, String, String),
    ) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            let now = now(conn).await?;
            let keys = payment_keys(conn, (shop_id, provider, reference)).await?;
            diesel::update(payments::table.filter(payments::payment_key.eq_any(keys)))
                .set(payments::read_due_at.eq(now.0))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Whether a payment of this reference is known.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn payment_is_known(
        &self,
        (shop_id, provider, reference): (i64, String, String),
    ) -> Result<bool, StoreFailure> {
        in_read!(self, |conn| {
            Ok(!payment_keys(conn, (shop_id, provider, reference)).await?.is_empty())
        })
    }

    /// Forgets what was told before this time and has no consequence any more; hints sooner.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn webhooks_trim(
        &self,
        before: i64,
        hints_before: i64,
    ) -> Result<usize, StoreFailure> {
        in_write!(self, |conn| {
            let is_old = webhooks::received_at.lt(before);
            let is_old_hint = sql::<Bool>(IS_HINT);
            let old = webhooks::table
                .filter(webhooks::due_at.is_null())
                .filter(webhooks::received_at.lt(hints_before))
                .filter(is_old_hint.or(is_old));
            Ok(diesel::delete(old).execute(conn).await?)
        })
    }
}

/// What was told of payments of these references in these shops, in the order in which it happened.
pub(super) async fn told_of(
    conn: &mut Connection,
    shop_ids: Vec<i64>,
    references: Vec<String>,
) -> Result<Vec<WebhookRow>, StoreFailure> {
    if references.is_empty() {
        return Ok(Vec::new());
    }
    let happened_at = sql::<BigInt>(HAPPENED_AT);
    let mut told: Vec<WebhookRow> = webhooks::table
        .filter(webhooks::payment_reference.eq_any(references))
        .filter(webhooks::shop_id.eq_any(shop_ids))
        .filter(sql::<Bool>(TELLS))
        .order((happened_at.desc(), webhooks::received_at.desc(), webhooks::copy_key.desc()))
        .limit(TOLD_MAX)
        .select(WebhookRow::as_select())
        .load(conn)
        .await?;
    told.reverse();
    Ok(told)
}

/// What is due to be followed up.
#[diesel::dsl::auto_type]
fn due(now: Micros) -> _ {
    let now: i64 = now.0;
    webhooks::table.filter(webhooks::due_at.is_not_null()).filter(webhooks::due_at.le(now))
}

async fn payment_keys(
    conn: &mut Connection,
    (shop_id, provider, reference): (i64, String, String),
) -> QueryResult<Vec<i64>> {
    payments::table
        .filter(payments::reference.eq(reference))
        .filter(sql::<Bool>(HAS_REFERENCE))
        .filter(payments::provider.eq(provider))
        .filter(payments::shop_id.eq(shop_id))
        .select(payments::payment_key)
        .load(conn)
        .await
}

async fn put_off(conn: &mut Connection, row: &WebhookRow, due_at: Option<i64>) -> QueryResult<()> {
    let key = (row.shop_id, row.integration.clone(), row.copy_key.clone());
    diesel::update(webhooks::table.find(key))
        .set((webhooks::due_at.eq(due_at), webhooks::tries.eq(row.tries)))
        .execute(conn)
        .await
        .map(drop)
}

type IsFree = diesel::dsl::Or<
    diesel::dsl::IsNull<effects::lease_until>,
    diesel::dsl::LtEq<diesel::dsl::AssumeNotNull<effects::lease_until>, i64>,
>;

/// Nobody is at it.
fn is_free(now: Micros) -> IsFree {
    effects::lease_until.is_null().or(effects::lease_until.assume_not_null().le(now.0))
}
