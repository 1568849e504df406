//! Reads how far effects have come.

use diesel::{ExpressionMethods, QueryDsl};

use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::schema::effects;

impl Database {
    /// The states of effects by key, and whether a call of one may be carried out yet; those that do not
    /// exist are not among them.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn effect_states(
        &self,
        keys: Vec<i64>,
    ) -> Result<Vec<(i64, i16, bool)>, StoreFailure> {
        in_read!(self, |conn| {
            Ok(effects::table
                .filter(effects::effect_key.eq_any(keys))
                .select((effects::effect_key, effects::state, effects::doubted_at.is_not_null()))
                .load(conn)
                .await?)
        })
    }
}
