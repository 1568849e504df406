//! Who alone, of all processes, makes something that others would find missing as well.

use std::time::Duration;

use diesel::{ExpressionMethods, QueryDsl};

use super::effects::{later, now};
use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::schema::sole_makers;

impl Database {
    /// Whether this effect alone makes what the name stands for, from now on and for so long.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn sole_maker_begin(
        &self,
        name: Vec<u8>,
        effect_key: i64,
        lasts: Duration,
    ) -> Result<bool, StoreFailure> {
        in_write!(self, |conn| {
            let now = now(conn).await?;
            diesel::delete(sole_makers::table.filter(sole_makers::held_until.le(now.0)))
                .execute(conn)
                .await?;
            let until = later(now, lasts);
            diesel::insert_into(sole_makers::table)
                .values((
                    sole_makers::name.eq(name.clone()),
                    sole_makers::effect_key.eq(effect_key),
                    sole_makers::held_until.eq(until),
                ))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            let own = sole_makers::table.find(name).filter(sole_makers::effect_key.eq(effect_key));
            let held = diesel::update(own).set(sole_makers::held_until.eq(until));
            Ok(held.execute(conn).await? == 1)
        })
    }

    /// It is made, or surely not: the next may look.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn sole_maker_end(
        &self,
        name: Vec<u8>,
        effect_key: i64,
    ) -> Result<(), StoreFailure> {
        in_write!(self, |conn| {
            let own = sole_makers::table.find(name).filter(sole_makers::effect_key.eq(effect_key));
            diesel::delete(own).execute(conn).await?;
            Ok(())
        })
    }
}
