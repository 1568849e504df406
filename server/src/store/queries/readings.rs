//! Payments that are to be read at their providers, and reservations that expire soon.

use std::collections::HashMap;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
};

use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::readings::{Expiring, Lane, Unreads};
use crate::store::rows::number;
use crate::store::schema::{order_expiries, order_payments, payments, shops};

impl Database {
    /// The payments that wait longest for a read, without those of the lanes that `rest`.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn payments_to_read(
        &self,
        now: i64,
        limit: i64,
        rest: Vec<Lane>,
    ) -> Result<Vec<i64>, StoreFailure> {
        in_read!(self, |conn| {
            let mut due = payments::table
                .filter(payments::read_due_at.le(now))
                .order(payments::read_due_at)
                .limit(limit)
                .select(payments::payment_key)
                .into_boxed::<Backend>();
            for Lane { shop_id, provider } in &rest {
                let is_elsewhere = payments::shop_id.ne(*shop_id);
                due = due.filter(is_elsewhere.or(payments::provider.ne(provider)));
            }
            Ok(due.load(conn).await?)
        })
    }

    /// Takes those of the payments that are still to be read, by moving their next read to `until`.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn payments_take(
        &self,
        wanted: Vec<i64>,
        now: i64,
        until: i64,
    ) -> Result<Vec<Unreads>, StoreFailure> {
        in_write!(self, |conn| {
            let due = payments::table
                .filter(payments::payment_key.eq_any(wanted))
                .filter(payments::read_due_at.le(now))
                .order(payments::read_due_at)
                .select(payments::payment_key);
            let keys: Vec<i64> = skip_locked!(due).load(conn).await?;
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            diesel::update(payments::table.filter(payments::payment_key.eq_any(keys.clone())))
                .set(payments::read_due_at.eq(until))
                .execute(conn)
                .await?;
            let known: Vec<(i64, i64, String, String)> = payments::table
                .inner_join(shops::table.on(shops::shop_id.eq(payments::shop_id)))
                .filter(payments::payment_key.eq_any(keys.clone()))
                .order(payments::payment_key)
                .select((payments::payment_key, shops::shop_id, shops::slug, payments::provider))
                .load(conn)
                .await?;
            // A live order before one that was cancelled or deleted.
            let holders: Vec<(i64, i64)> = order_payments::table
                .filter(order_payments::payment_key.eq_any(keys))
                .order((order_payments::is_live, order_payments::order_key.desc()))
                .select((order_payments::payment_key, order_payments::order_key))
                .load(conn)
                .await?;
            let first: HashMap<i64, i64> = holders.into_iter().collect();
            let unread = known.into_iter().filter_map(|(payment_key, shop_id, shop, provider)| {
                let (order, payment) = (number(*first.get(&payment_key)?), number(payment_key));
                let lane = Lane { shop_id, provider };
                Some(Unreads { payment_key, lane, shop, order, payment })
            });
            Ok(unread.collect())
        })
    }

    /// Sets the next read of a payment, unless a turn has set it since it was taken.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn payment_read(
        &self,
        payment_key: i64,
        taken_until: i64,
        next: Option<i64>,
    ) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            let taken =
                payments::table.find(payment_key).filter(payments::read_due_at.eq(taken_until));
            diesel::update(taken).set(payments::read_due_at.eq(next)).execute(conn).await?;
            Ok(())
        })
    }

    /// Orders with a reservation that expires within their shop's warning time, and that nobody was
    /// told of.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn expiring(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<Expiring>, StoreFailure> {
        in_read!(self, |conn| {
            let found: Vec<(String, i64, Option<i64>)> = shops::table
                .inner_join(order_expiries::table.on(order_expiries::shop_id.eq(shops::shop_id)))
                .filter(shops::expiry_warning_micros.gt(0))
                .filter(
                    order_expiries::untold_at
                        .assume_not_null()
                        .le(shops::expiry_warning_micros + now),
                )
                .filter(order_expiries::untold_at.is_not_null())
                .limit(limit)
                .select((shops::slug, order_expiries::order_key, order_expiries::untold_at))
                .load(conn)
                .await?;
            let due = found.into_iter().filter_map(|(shop, order_key, expires_at)| {
                Some(Expiring { shop, number: number(order_key), expires_at: expires_at? })
            });
            Ok(due.collect())
        })
    }
}
