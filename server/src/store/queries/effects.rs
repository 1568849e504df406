//! The queue of effects: what is due, who works on it, and where it stands afterwards.
//!
//! Leases are measured by the database's clock, which all replicas share.

use std::collections::HashMap;
use std::time::Duration;

use diesel::dsl::{exists, not, sql};
use diesel::sql_types::{BigInt, Bool};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult,
    SelectableHelper,
};
use order_rules::effects::{EffectState, Schedule, Step, System};
use order_rules::order::Micros;

use super::{Backend, Connection, Database, Run, integrations, webhooks};
use crate::store::StoreFailure;
use crate::store::claims::{
    Candidate, Claim, Claims, Due, Lane, Lease, PaymentSubject, Progress, Search, Subject, Task,
    claimed, schedule, stepped,
};
use crate::store::rows::{EffectRow, LineRow, OperationRow, ShopRow, WebhookRow, key, shop};
use crate::store::schema::{effects, order_lines, payment_operations, payments, shops};
use crate::terms::system;

/// Kinds of operations, as they are stored.
const UPDATE_AMOUNT: i16 = 2;
const CAPTURE: i16 = 3;
const REFUND: i16 = 6;

diesel::alias!(effects as other: Other);

/// Spelled out, as in the partial indexes: neither database sees through a bound list.
pub(super) const IS_OPEN: &str = "effects.state IN (0, 1, 2, 3)";
const IS_PENDING: &str = "effects.state = 0";
const OTHER_IS_OPEN: &str = "other.state IN (0, 1, 2, 3)";
const OTHER_IS_IN_FLIGHT: &str = "other.state IN (1, 2, 3)";

impl Database {
    /// Effects that are due and free. On one payment nothing starts before what was planned
    /// earlier is over.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn effects_due(&self, search: Search) -> Result<Due, StoreFailure> {
        in_read!(self, |conn| {
            let now = now(conn).await?;
            let comes_before = sql::<Bool>(OTHER_IS_IN_FLIGHT)
                .or(other.field(effects::effect_key).lt(effects::effect_key));
            let is_blocked = other
                .filter(sql::<Bool>(OTHER_IS_OPEN))
                .filter(other.field(effects::payment_key).eq(effects::payment_key))
                .filter(other.field(effects::effect_key).ne(effects::effect_key))
                .filter(comes_before);
            let is_free =
                effects::lease_until.is_null().or(effects::lease_until.assume_not_null().le(now.0));
            let mut query = effects::table
                .filter(sql::<Bool>(IS_OPEN))
                .filter(effects::due_at.le(later(now, search.ahead)))
                .filter(is_free)
                .filter(not(sql::<Bool>(IS_PENDING)).or(not(exists(is_blocked))))
                .order((effects::due_at, effects::effect_key))
                .limit(search.limit)
                .select((
                    effects::due_at,
                    effects::effect_key,
                    effects::shop_id,
                    effects::integration,
                ))
                .into_boxed::<Backend>();
            if search.leaves_mails {
                query = query.filter(effects::integration.is_not_null());
            }
            if !search.full.is_empty() {
                let is_other = effects::integration.assume_not_null().ne_all(search.full.clone());
                query = query.filter(effects::integration.is_null().or(is_other));
            }
            for (shop, lane) in &search.saturated {
                let is_elsewhere = effects::shop_id.ne(*shop);
                query = match lane {
                    Lane::Provider(name) => {
                        let is_other = effects::integration.assume_not_null().ne(name);
                        query.filter(is_elsewhere.or(effects::integration.is_null()).or(is_other))
                    }
                    Lane::Mail => query.filter(is_elsewhere.or(effects::integration.is_not_null())),
                };
            }
            let found: Vec<Found> = query.load(conn).await?;
            Ok(due(found, now))
        })
    }

    /// Takes those of the effects that are still due and free. What is to be sent stands as SENT
    /// with the next attempt when this returns.
    ///
    /// # Errors
    /// When the database is away, or another replica was faster with an effect of the same payment.
    pub(crate) async fn effects_claim(
        &self,
        keys: Vec<i64>,
        owner: String,
        lasts: Duration,
    ) -> Result<Claims, StoreFailure> {
        in_write!(self, |conn| {
            let now = now(conn).await?;
            let wanted = effects::table
                .filter(effects::effect_key.eq_any(keys))
                .filter(sql::<Bool>(IS_OPEN))
                .filter(effects::due_at.le(now.0))
                .filter(
                    effects::lease_until
                        .is_null()
                        .or(effects::lease_until.assume_not_null().le(now.0)),
                )
                .order(effects::effect_key)
                .select(EffectRow::as_select());
            let rows: Vec<EffectRow> = skip_locked!(wanted).load(conn).await?;
            let mut taken = Vec::new();
            for row in rows {
                if let Some((effect, task)) = claimed(&row, (&owner, later(now, lasts)), now) {
                    store_progress(conn, &effect).await?;
                    taken.push((effect, task));
                }
            }
            with_subjects(conn, taken).await
        })
    }

    /// The effect of this key.
    ///
    /// # Errors
    /// When the database is away.
    #[cfg(test)]
    pub(crate) async fn effect_find(&self, key: i64) -> Result<Option<EffectRow>, StoreFailure> {
        in_read!(self, |conn| {
            let found = effects::table.find(key).select(EffectRow::as_select());
            let rows: Vec<EffectRow> = found.load(conn).await?;
            Ok(rows.into_iter().next())
        })
    }

    /// Prolongs the leases that are still held, and answers which these are.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn leases_renew(
        &self,
        keys: Vec<i64>,
        owner: String,
        lasts: Duration,
    ) -> Result<Vec<i64>, StoreFailure> {
        in_write!(self, |conn| {
            let until = later(now(conn).await?, lasts);
            let own = effects::table
                .filter(effects::effect_key.eq_any(keys))
                .filter(sql::<Bool>(IS_OPEN))
                .filter(effects::lease_owner.eq(owner));
            let held: Vec<i64> = diesel::update(own)
                .set(effects::lease_until.eq(until))
                .returning(effects::effect_key)
                .load(conn)
                .await?;
            Ok(held)
        })
    }

    /// Ends the leases of this owner, or all of them, so that others need not wait for their end.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn leases_release(&self, owner: Option<String>) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            let until = now(conn).await?.0;
            let leased = effects::table
                .filter(sql::<Bool>(IS_OPEN))
                .filter(effects::lease_until.gt(until))
                .into_boxed::<Backend>();
            let mut held = leased.select(effects::effect_key);
            if let Some(owner) = owner {
                held = held.filter(effects::lease_owner.eq(owner));
            }
            let keys: Vec<i64> = held.load(conn).await?;
            diesel::update(effects::table.filter(effects::effect_key.eq_any(keys)))
                .set(effects::lease_until.eq(until))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Takes the effect a step further and frees it, with the reason why it is open where there is a new
    /// one; `None` when it is no longer one's own.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn effect_step<Decide>(
        &self,
        lease: Lease,
        reason: Option<String>,
        decide: Decide,
    ) -> Result<Option<Schedule>, StoreFailure>
    where
        Decide: FnOnce(Schedule, Micros) -> (Schedule, Step) + Send + 'static,
    {
        in_write!(self, |conn| {
            let own = effects::table
                .find(lease.effect_key)
                .filter(effects::attempt.eq(lease.attempt))
                .filter(effects::lease_owner.eq(lease.owner))
                .select(EffectRow::as_select());
            let rows: Vec<EffectRow> = locked!(own).load(conn).await?;
            let now = now(conn).await?;
            let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
            let Some(schedule) = schedule(&row) else { return Ok(None) };
            let (schedule, step) = decide(schedule, now);
            let is_taken = schedule.state == EffectState::Accepted;
            row.provider_reason = reason.or(row.provider_reason.filter(|_| !is_taken));
            if let Some(effect) = stepped(&row, schedule, step) {
                store_progress(conn, &effect).await?;
            }
            Ok(Some(schedule))
        })
    }
}

pub(super) async fn now(conn: &mut Connection) -> QueryResult<Micros> {
    let now: i64 = diesel::select(sql::<BigInt>(now!())).get_result(conn).await?;
    Ok(Micros(now))
}

async fn store_progress(conn: &mut Connection, effect: &EffectRow) -> QueryResult<()> {
    diesel::update(effects::table.find(effect.effect_key))
        .set(Progress::from(effect))
        .execute(conn)
        .await
        .map(drop)
}

/// Adds what the systems must know.
async fn with_subjects(
    conn: &mut Connection,
    taken: Vec<(EffectRow, Task)>,
) -> Result<Claims, StoreFailure> {
    if taken.is_empty() {
        return Ok(Claims::default());
    }
    let payment_keys: Vec<i64> =
        taken.iter().filter_map(|(effect, _)| effect.payment_key).collect();
    let shop_ids: Vec<i64> = taken.iter().map(|(effect, _)| effect.shop_id).collect();
    let known: Vec<(i64, String, String, String, i64)> = payments::table
        .filter(payments::payment_key.eq_any(payment_keys))
        .select((
            payments::payment_key,
            payments::provider,
            payments::reference,
            payments::currency,
            payments::authorized_minor,
        ))
        .load(conn)
        .await?;
    let known: HashMap<i64, PaymentSubject> = known
        .into_iter()
        .map(|(key, provider, reference, currency, authorized_minor)| {
            let subject = PaymentSubject {
                provider,
                reference,
                currency,
                authorized_minor,
                operations: Vec::new(),
                lines: Vec::new(),
                told: Vec::new(),
            };
            (key, subject)
        })
        .collect();
    let references: Vec<String> = known.values().map(|payment| payment.reference.clone()).collect();
    let told = webhooks::told_of(conn, shop_ids.clone(), references).await?;
    let integrations = integrations::of_shops(conn, shop_ids.clone()).await?;
    let shops = shops::table
        .filter(shops::shop_id.eq_any(shop_ids))
        .select(ShopRow::as_select())
        .load(conn)
        .await?;
    let mut lines = lines_of(conn, &taken).await?;
    let mut operations = operations_of(conn, &taken).await?;
    let claims = taken.into_iter().filter_map(|(effect, task)| {
        let subject = match effect.payment_key {
            Some(payment) => {
                let lines = lines.remove(&effect.effect_key).unwrap_or_default();
                let known = known.get(&payment)?.clone();
                let is_own = |row: &&WebhookRow| {
                    (row.shop_id, &row.integration, &row.payment_reference)
                        == (effect.shop_id, &known.provider, &known.reference)
                };
                let told = told.iter().filter(is_own).cloned().collect();
                let operations = operations.remove(&effect.effect_key).unwrap_or_default();
                Subject::Payment(PaymentSubject { operations, lines, told, ..known })
            }
            None => match effect.integration.clone() {
                Some(integration) if system(effect.system) == Some(System::Labels) => {
                    Subject::Label(integration)
                }
                Some(integration) => Subject::Transfer(integration),
                None => Subject::Mail,
            },
        };
        Some(Claim { effect, task, subject })
    });
    Ok(Claims { claims: claims.collect(), shops, integrations })
}

/// By effect: of a capture or a refund, all operations on its payment.
async fn operations_of(
    conn: &mut Connection,
    taken: &[(EffectRow, Task)],
) -> Result<HashMap<i64, Vec<OperationRow>>, StoreFailure> {
    let looked_for = taken
        .iter()
        .map(|(effect, _)| effect)
        .filter(|effect| matches!(effect.kind, CAPTURE | REFUND));
    let payments: HashMap<i64, i64> =
        looked_for.filter_map(|effect| Some((effect.effect_key, effect.payment_key?))).collect();
    if payments.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<i64> = payments.values().copied().collect();
    let rows: Vec<OperationRow> = payment_operations::table
        .filter(payment_operations::payment_key.eq_any(wanted))
        .order(payment_operations::operation_key)
        .select(OperationRow::as_select())
        .load(conn)
        .await?;
    let own = |payment: i64| rows.iter().filter(move |row| row.payment_key == payment).cloned();
    Ok(payments.into_iter().map(|(effect, payment)| (effect, own(payment).collect())).collect())
}

/// By effect: the lines of the order whose reservation changes, or of the credit that is paid out.
async fn lines_of(
    conn: &mut Connection,
    taken: &[(EffectRow, Task)],
) -> Result<HashMap<i64, Vec<LineRow>>, StoreFailure> {
    let of_kind = |wanted: i16| {
        let on_payments = taken.iter().filter(|(effect, _)| effect.payment_key.is_some());
        on_payments.map(|(effect, _)| effect).filter(move |effect| effect.kind == wanted)
    };
    let refunds: Vec<i64> = of_kind(REFUND).map(|effect| effect.effect_key).collect();
    let mut order_keys: HashMap<i64, i64> =
        of_kind(UPDATE_AMOUNT).map(|effect| (effect.effect_key, effect.order_key)).collect();
    if !refunds.is_empty() {
        let credits: Vec<(i64, Option<i64>)> = payment_operations::table
            .filter(payment_operations::operation_key.eq_any(refunds))
            .select((payment_operations::operation_key, payment_operations::credit_number))
            .load(conn)
            .await?;
        let credits = credits
            .into_iter()
            .filter_map(|(operation, credit)| Some((operation, key(shop(operation), credit?))));
        order_keys.extend(credits);
    }
    if order_keys.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<i64> = order_keys.values().copied().collect();
    let rows: Vec<LineRow> = order_lines::table
        .filter(order_lines::order_key.eq_any(wanted))
        .order((order_lines::order_key, order_lines::line_id))
        .select(LineRow::as_select())
        .load(conn)
        .await?;
    let own = |order: i64| rows.iter().filter(move |row| row.order_key == order).cloned();
    Ok(order_keys.into_iter().map(|(effect, order)| (effect, own(order).collect())).collect())
}

/// When it is due, its key, its shop, its integration.
type Found = (i64, i64, i64, Option<String>);

fn due(found: Vec<Found>, now: Micros) -> Due {
    let mut due = Due::default();
    for (due_at, effect_key, shop_id, integration) in found {
        let lane = Lane::of(integration);
        match u64::try_from(due_at.saturating_sub(now.0)) {
            Ok(micros) if micros > 0 => {
                due.next_in.get_or_insert(Duration::from_micros(micros));
            }
            _ => due.ready.push(Candidate { effect_key, shop_id, lane }),
        }
    }
    due
}

pub(super) fn later(time: Micros, pause: Duration) -> i64 {
    time.0.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX))
}
