//! Statements that stay prepared although diesel, which cannot know, would prepare them each time.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement whose text does not depend on its values: every column is always written.
pub(crate) struct Cached<Statement>(pub Statement);

impl<Statement> QueryId for Cached<Statement> {
    type QueryId = ();

    // It is found again by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Database: Backend, Statement: QueryFragment<Database>> QueryFragment<Database>
    for Cached<Statement>
{
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Database>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Database) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Statement: Query> Query for Cached<Statement> {
    type SqlType = Statement::SqlType;
}

impl<Connection, Statement> RunQueryDsl<Connection> for Cached<Statement> {}
