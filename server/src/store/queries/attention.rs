//! Reads the open problems of a shop: a page by the last key seen, and counts by code.

use diesel::dsl::count_star;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};

use super::{Backend, Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::rows::{ProblemRow, key};
use crate::store::schema::problems;

impl Database {
    /// Open problems of a shop after one, oldest first, of these codes or of all; and how many are
    /// open by code, in the same snapshot.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn problems_open(
        &self,
        shop_id: i64,
        after: i64,
        limit: i64,
        codes: Vec<&'static str>,
    ) -> Result<(Vec<ProblemRow>, Vec<(String, i64)>), StoreFailure> {
        in_read!(self, |conn| {
            let end = key(shop_id.saturating_add(1), 0);
            let mut open = problems::table
                .filter(problems::problem_key.gt(key(shop_id, after)))
                .filter(problems::problem_key.lt(end))
                .filter(problems::closed_at.is_null())
                .order(problems::problem_key)
                .limit(limit)
                .select(ProblemRow::as_select())
                .into_boxed::<Backend>();
            if !codes.is_empty() {
                open = open.filter(problems::code.eq_any(codes));
            }
            let rows: Vec<ProblemRow> = open.load(conn).await?;
            let counts: Vec<(String, i64)> = problems::table
                .filter(problems::problem_key.gt(key(shop_id, 0)))
                .filter(problems::problem_key.lt(end))
                .filter(problems::closed_at.is_null())
                .group_by(problems::code)
                .select((problems::code, count_star()))
                .load(conn)
                .await?;
            Ok((rows, counts))
        })
    }
}
