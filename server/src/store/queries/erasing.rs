//! A person's data: which orders are theirs, what is kept of them, and how it is taken away.

use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, SelectableHelper};

use super::{Connection, Database, Run, reads};
use crate::store::StoreFailure;
use crate::store::facts::{Changes, Erasure};
use crate::store::log::COMMAND_EVENTS_MAX;
use crate::store::pages::{DocumentRow, PersonRows};
use crate::store::rows::PersonalRow;
use crate::store::schema::{customer_orders, customers, events, mails, orders, voucher_parties};

impl Database {
    /// Keys of a person's orders after one, oldest first.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn person_orders(
        &self,
        person: Vec<u8>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreFailure> {
        in_read!(self, |conn| { keys_of(conn, person, after, limit).await })
    }

    /// A page of a person's orders with every version of what is personal of them, and what waits.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn person_records(
        &self,
        person: Vec<u8>,
        after: i64,
        limit: i64,
    ) -> Result<PersonRows, StoreFailure> {
        in_read!(self, |conn| {
            let keys = keys_of(conn, person, after, limit).await?;
            if keys.is_empty() {
                return Ok(PersonRows::default());
            }
            let mut documents: Vec<DocumentRow> = reads::of_keys(conn, &keys).await?;
            documents.sort_by_key(|row| row.order_key);
            let pending = orders::table
                .filter(orders::order_key.eq_any(keys.clone()))
                .filter(orders::pending.is_not_null())
                .select((orders::order_key, orders::pending.assume_not_null()))
                .load(conn)
                .await?;
            let versions = customers::table
                .filter(customers::order_key.eq_any(keys))
                .order((customers::order_key, customers::version))
                .select(PersonalRow::as_select())
                .load(conn)
                .await?;
            Ok(PersonRows { documents, versions, pending })
        })
    }

    /// Numbers of the orders that the events of one command are about.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn command_orders(
        &self,
        shop_id: i64,
        revision: i64,
    ) -> Result<Vec<Option<i64>>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(events::table
                .filter(events::shop_id.eq(shop_id))
                .filter(events::revision.ge(revision))
                .filter(events::revision.lt(revision.saturating_add(COMMAND_EVENTS_MAX)))
                .filter(events::command_revision.eq(revision))
                .order(events::revision)
                .select(events::order_number)
                .load(conn)
                .await?)
        })
    }

    /// The Message-ID and the state of every mail of these orders.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn mails_of(
        &self,
        keys: Vec<i64>,
    ) -> Result<Vec<(String, i16)>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(mails::table
                .filter(mails::order_key.eq_any(keys))
                .select((mails::message_id, mails::state))
                .load(conn)
                .await?)
        })
    }

    /// Removes what no voucher needs any more.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn vouchers_purge(&self, now: i64) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            diesel::delete(voucher_parties::table.filter(voucher_parties::kept_until.le(now)))
                .execute(conn)
                .await?;
            Ok(())
        })
    }
}

/// Takes away all that is personal of these orders. Whatever table comes to hold something of a
/// person is emptied here, too.
pub(super) async fn erase(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    for Erasure { order_key, persons } in &changes.erasures {
        diesel::update(customers::table.filter(customers::order_key.eq(*order_key)))
            .set(customers::personal.eq(Vec::<u8>::new()))
            .execute(conn)
            .await?;
        diesel::update(mails::table.filter(mails::order_key.eq(*order_key)))
            .set(mails::recipient.eq(Vec::<u8>::new()))
            .execute(conn)
            .await?;
        for person in persons {
            diesel::delete(customer_orders::table.find((person.clone(), *order_key)))
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

async fn keys_of(
    conn: &mut Connection,
    person: Vec<u8>,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreFailure> {
    Ok(customer_orders::table
        .filter(customer_orders::person.eq(person))
        .filter(customer_orders::order_key.gt(after))
        .order(customer_orders::order_key)
        .limit(limit)
        .select(customer_orders::order_key)
        .load(conn)
        .await?)
}
