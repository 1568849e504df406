//! One transaction: lock the shops, load facts, decide, save, commit.

use diesel::{ExpressionMethods, QueryDsl};

use super::load::Lock;
use super::{Connection, Database, Run, load, save};
use crate::store::StoreFailure;
use crate::store::facts::{Changes, Facts, Needs};
use crate::store::rows::HeadRow;
use crate::store::schema::shop_heads;

impl Database {
    /// Runs `decide` on the facts it needs, with the shops locked, and stores what it changed.
    /// Nothing is stored when it fails; when the commit is lost, nothing is known.
    ///
    /// # Errors
    /// When the database is away, in the way, or a constraint says no; what `decide` fails with.
    pub(crate) async fn turn<Output, Decide>(
        &self,
        needs: Needs,
        decide: Decide,
    ) -> Result<Output, StoreFailure>
    where
        Decide: FnOnce(Facts) -> Result<(Changes, Output), StoreFailure> + Send + 'static,
        Output: Send + 'static,
    {
        in_write!(self, |conn| {
            // A statement of its own and the first: what is loaded after it is what the last turn left.
            let heads = heads_locked(conn, &needs).await?;
            let facts = load::facts(conn, &needs, heads, Lock::Held).await?;
            let (changes, output) = decide(facts)?;
            save::changes(conn, &changes).await?;
            Ok(output)
        })
    }

    /// Runs `decide` on one snapshot of the facts it needs; nothing is locked or stored.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn preview<Output, Decide>(
        &self,
        needs: Needs,
        decide: Decide,
    ) -> Result<Output, StoreFailure>
    where
        Decide: FnOnce(Facts) -> Output + Send + 'static,
        Output: Send + 'static,
    {
        in_read!(self, |conn| {
            let shops: Vec<i64> = needs.shops.keys().copied().collect();
            let heads: Vec<HeadRow> =
                shop_heads::table.filter(shop_heads::shop_id.eq_any(shops)).load(conn).await?;
            let facts = load::facts(conn, &needs, heads, Lock::None).await?;
            Ok(decide(facts))
        })
    }

    /// Stores a new shop with its statuses and its first event, unless it exists.
    ///
    /// # Errors
    /// When the database is away, or another shop took the name or the number meanwhile.
    pub(crate) async fn shop_create(&self, changes: Changes) -> Result<(), StoreFailure> {
        in_write!(self, |conn| { save::changes(conn, &changes).await })
    }
}

/// Locks in the order of the keys, so that two turns over several shops never wait for each other.
async fn heads_locked(conn: &mut Connection, needs: &Needs) -> Result<Vec<HeadRow>, StoreFailure> {
    let shops: Vec<i64> = needs.shops.keys().copied().collect();
    let query =
        shop_heads::table.filter(shop_heads::shop_id.eq_any(shops)).order(shop_heads::shop_id);
    Ok(locked!(query).load(conn).await?)
}
