//! The systems outside that shops work with, and the effects that wait for one of them.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Bool;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    SelectableHelper,
};
use order_rules::effects::{BACK_OFF_MAX_MICROS, EffectState, RETRY_MAX_MICROS};

use super::effects::{self, IS_OPEN};
use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::claims::{IntegrationSeen, Lane};
use crate::store::facts::{Credentials, Provider};
use crate::store::rows::{IntegrationRow, key};
use crate::store::schema;
use crate::store::schema::{accounting_transfers, integrations, labels, payments, shops};
use crate::terms::effect_state_stored;

const ACCEPTED: i16 = effect_state_stored(EffectState::Accepted);
const HASTENED_AT_ONCE: usize = 500;

impl Database {
    /// Has a held effect taken up now if the integration is no longer as it was seen.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn effect_catch_up(
        &self,
        effect_key: i64,
        seen: IntegrationSeen,
    ) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            let known = integrations::table.find((seen.shop_id, seen.slug));
            // Behind whoever is changing it: what they woke was not this yet.
            let known = locked!(known.select(integrations::revision));
            let revisions: Vec<i64> = known.load(conn).await?;
            if revisions == [seen.revision] {
                return Ok(());
            }
            let now = effects::now(conn).await?.0;
            let waiting = schema::effects::table
                .find(effect_key)
                .filter(sql::<Bool>(IS_OPEN))
                .filter(schema::effects::due_at.gt(now))
                .filter(schema::effects::due_at.lt(i64::MAX));
            diesel::update(waiting).set(schema::effects::due_at.eq(now)).execute(conn).await?;
            Ok(())
        })
    }

    /// The credentials of the next shops that have any, by shop.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn credentials_after(
        &self,
        shop_id: i64,
        limit: i64,
    ) -> Result<Vec<Credentials>, StoreFailure> {
        in_read!(self, |conn| {
            let next: Vec<i64> = integrations::table
                .filter(integrations::credentials.is_not_null())
                .filter(integrations::shop_id.gt(shop_id))
                .order(integrations::shop_id)
                .limit(limit)
                .select(integrations::shop_id)
                .distinct()
                .load(conn)
                .await?;
            let rows: Vec<(i64, String, String, Vec<u8>)> = integrations::table
                .inner_join(shops::table.on(shops::shop_id.eq(integrations::shop_id)))
                .filter(integrations::shop_id.eq_any(next))
                .filter(integrations::credentials.is_not_null())
                .order((integrations::shop_id, integrations::slug))
                .select((
                    integrations::shop_id,
                    shops::slug,
                    integrations::slug,
                    integrations::credentials.assume_not_null(),
                ))
                .load(conn)
                .await?;
            let mut found: Vec<Credentials> = Vec::new();
            for (shop_id, shop, slug, credentials) in rows {
                match found.last_mut().filter(|last| last.shop_id == shop_id) {
                    Some(last) => last.by_integration.push((slug, credentials)),
                    None => found.push(Credentials {
                        shop_id,
                        slug: shop,
                        by_integration: vec![(slug, credentials)],
                    }),
                }
            }
            Ok(found)
        })
    }

    /// Has taken up now what waits for a shop's system that is back.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn lane_hasten(&self, shop_id: i64, lane: Lane) -> Result<(), StoreFailure> {
        in_write!(self, |conn| { hasten_silent(conn, shop_id, &lane).await })
    }
}

/// Has taken up now what waits for the integration's system, or for a mail server, only because that was
/// silent, and asks after what it has promised. What it wants to be left alone with is left alone.
async fn hasten_silent(
    conn: &mut Connection,
    shop_id: i64,
    lane: &Lane,
) -> Result<(), StoreFailure> {
    let now = effects::now(conn).await?.0;
    let waits = schema::effects::state
        .eq(ACCEPTED)
        .and(schema::effects::due_at.le(now.saturating_add(BACK_OFF_MAX_MICROS)))
        .or(schema::effects::due_at.le(now.saturating_add(RETRY_MAX_MICROS)));
    let waiting = waiting(shop_id, now).filter(waits).into_boxed::<Backend>();
    let waiting = match lane {
        Lane::Provider(name) => waiting.filter(is_of(name)),
        Lane::Mail => waiting.filter(is_mail()),
    };
    let waiting: Vec<i64> = waiting.select(schema::effects::effect_key).load(conn).await?;
    take_up(conn, waiting, now).await
}

/// All integrations of these shops, by name.
pub(super) async fn of_shops(
    conn: &mut Connection,
    shop_ids: Vec<i64>,
) -> Result<Vec<IntegrationRow>, StoreFailure> {
    Ok(integrations::table
        .filter(integrations::shop_id.eq_any(shop_ids))
        .order((integrations::shop_id, integrations::slug))
        .select(IntegrationRow::as_select())
        .load(conn)
        .await?)
}

/// Those of the providers that a payment of the shop names, a transfer to accounting, or a label.
pub(super) async fn with_payments(
    conn: &mut Connection,
    asked: impl Iterator<Item = &Provider>,
) -> Result<Vec<Provider>, StoreFailure> {
    let mut found = Vec::new();
    for provider in asked {
        let first: Vec<i64> = payments::table
            .filter(payments::payment_key.ge(key(provider.shop_id, 0)))
            .filter(payments::payment_key.lt(key(provider.shop_id.saturating_add(1), 0)))
            .filter(payments::provider.eq(&provider.name))
            .limit(1)
            .select(payments::payment_key)
            .load(conn)
            .await?;
        let transfers: Vec<i64> = accounting_transfers::table
            .filter(accounting_transfers::transfer_key.ge(key(provider.shop_id, 0)))
            .filter(
                accounting_transfers::transfer_key.lt(key(provider.shop_id.saturating_add(1), 0)),
            )
            .filter(accounting_transfers::integration.eq(&provider.name))
            .limit(1)
            .select(accounting_transfers::transfer_key)
            .load(conn)
            .await?;
        let label: Vec<i64> = labels::table
            .filter(labels::label_key.ge(key(provider.shop_id, 0)))
            .filter(labels::label_key.lt(key(provider.shop_id.saturating_add(1), 0)))
            .filter(labels::integration.eq(&provider.name))
            .limit(1)
            .select(labels::label_key)
            .load(conn)
            .await?;
        if !first.is_empty() || !transfers.is_empty() || !label.is_empty() {
            found.push(provider.clone());
        }
    }
    Ok(found)
}

/// Has everything taken up now that waits for one of these providers. What is left to a person
/// stays so.
pub(super) async fn hasten(
    conn: &mut Connection,
    providers: &[Provider],
) -> Result<(), StoreFailure> {
    for provider in providers {
        let now = effects::now(conn).await?.0;
        // Mails name no integration: it may be the shop's mail server that has changed.
        let waiting: Vec<i64> = waiting(provider.shop_id, now)
            .filter(is_of(&provider.name).or(is_mail()))
            .select(schema::effects::effect_key)
            .load(conn)
            .await?;
        take_up(conn, waiting, now).await?;
    }
    Ok(())
}

/// The open effects of a shop that wait for a time to come, which are few. What is left to a person
/// waits for none.
#[diesel::dsl::auto_type]
fn waiting(shop_id: i64, now: i64) -> _ {
    let is_open: SqlLiteral<Bool> = sql::<Bool>(IS_OPEN);
    let never: i64 = i64::MAX;
    schema::effects::table
        .filter(is_open)
        .filter(schema::effects::shop_id.eq(shop_id))
        .filter(schema::effects::due_at.gt(now))
        .filter(schema::effects::due_at.lt(never))
}

/// On a payment of the provider, or a transfer or label of the integration of this name.
#[diesel::dsl::auto_type]
fn is_of<'name>(name: &'name str) -> _ {
    schema::effects::integration.assume_not_null().eq(name)
}

#[diesel::dsl::auto_type]
fn is_mail() -> _ {
    schema::effects::integration.is_null()
}

/// Has these taken up now, as far as they still wait.
async fn take_up(conn: &mut Connection, waiting: Vec<i64>, now: i64) -> Result<(), StoreFailure> {
    for some in waiting.chunks(HASTENED_AT_ONCE) {
        let waiting = schema::effects::table
            .filter(schema::effects::effect_key.eq_any(some))
            .filter(sql::<Bool>(IS_OPEN))
            .filter(schema::effects::due_at.gt(now))
            .filter(schema::effects::due_at.lt(i64::MAX));
        diesel::update(waiting).set(schema::effects::due_at.eq(now)).execute(conn).await?;
    }
    Ok(())
}
