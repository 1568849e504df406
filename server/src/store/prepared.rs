//! Statements whose text never depends on their values: prepared once, and found again by their type.
//!
//! Diesel takes an insert that may update for one that could read differently each time, and plans it
//! anew for every row.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::{QueryResult, RunQueryDsl};

/// A statement with a fixed text. `Name` is of one statement alone, but for how many rows it has.
pub(crate) struct Prepared<Statement, Name> {
    statement: Statement,
    /// What the text ends with.
    ending: &'static str,
    name: PhantomData<fn() -> Name>,
}

/// Names the insert of a table whose rows are all new.
pub(crate) struct Insert<Table>(PhantomData<Table>);

/// Names the insert of a table that brings rows up to date.
pub(crate) struct Upsert<Table>(PhantomData<Table>);

/// What an insert ends with that brings rows up to date: their keys, and the columns that change.
macro_rules! on_conflict {
    (($key:ident $(, $keys:ident)*), ($column:ident $(, $columns:ident)*)) => {
        concat!(
            " ON CONFLICT (", stringify!($key) $(, ", ", stringify!($keys))*,
            ") DO UPDATE SET ", stringify!($column), " = excluded.", stringify!($column)
            $(, ", ", stringify!($columns), " = excluded.", stringify!($columns))*
        )
    };
}
pub(super) use on_conflict;

impl<Statement, Name> Prepared<Statement, Name> {
    pub(crate) fn new(statement: Statement) -> Self {
        Self::ending_with(statement, "")
    }

    pub(crate) fn ending_with(statement: Statement, ending: &'static str) -> Self {
        Self { statement, ending, name: PhantomData }
    }
}

impl<Statement: QueryId, Name: 'static> QueryId for Prepared<Statement, Name> {
    type QueryId = Prepared<Statement::QueryId, Name>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Database: Backend, Statement: QueryFragment<Database>, Name> QueryFragment<Database>
    for Prepared<Statement, Name>
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Database>) -> QueryResult<()> {
        self.statement.walk_ast(pass.reborrow())?;
        pass.push_sql(self.ending);
        Ok(())
    }
}

impl<Statement: Query, Name> Query for Prepared<Statement, Name> {
    type SqlType = Statement::SqlType;
}

impl<Connection, Statement, Name> RunQueryDsl<Connection> for Prepared<Statement, Name> {}
