//! `column IN (…)` on SQLite with one text for any number of values: prepared once.
//!
//! Diesel writes a place for each value, so that each number of them is a statement of its own that is
//! planned anew. PostgreSQL takes an array and has no need of this.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;

/// True where the column has one of the values. What they are is of the type, as the text differs
/// with it and statements are kept by their type.
pub(crate) struct Among<Column, Kind> {
    column: Column,
    /// A JSON array.
    values: String,
    kind: PhantomData<Kind>,
}

/// What stands in a column that is looked for so.
pub(crate) trait Kind: 'static {
    /// The SQL that makes the value of `value`, an element of a JSON array.
    const PICKED: &'static str = "value";

    /// Writes it as JSON.
    fn write(&self, json: &mut String);
}

/// What is looked for: a value, or one that somebody else has.
pub(crate) trait Value {
    type Kind: Kind;

    fn get(&self) -> &Self::Kind;
}

impl<Column, One: Kind> Among<Column, One> {
    pub(crate) fn new(
        column: Column,
        values: impl IntoIterator<Item = impl Value<Kind = One>>,
    ) -> Self {
        let mut json = String::from("[");
        for value in values {
            if json.len() > 1 {
                json.push(',');
            }
            value.get().write(&mut json);
        }
        json.push(']');
        Self { column, values: json, kind: PhantomData }
    }
}

impl Kind for i64 {
    fn write(&self, json: &mut String) {
        json.push_str(&self.to_string());
    }
}

impl Kind for String {
    fn write(&self, json: &mut String) {
        json.push_str(&serde_json::Value::from(self.as_str()).to_string());
    }
}

impl Kind for Vec<u8> {
    const PICKED: &'static str = "unhex(value)";

    fn write(&self, json: &mut String) {
        json.push('"');
        for byte in self {
            json.push_str(&format!("{byte:02x}"));
        }
        json.push('"');
    }
}

/// Makes values of kinds, and of what somebody else has of them.
macro_rules! values {
    ($($kind:ty),+) => {$(
        impl Value for $kind {
            type Kind = $kind;

            fn get(&self) -> &$kind {
                self
            }
        }

        impl Value for &$kind {
            type Kind = $kind;

            fn get(&self) -> &$kind {
                self
            }
        }
    )+};
}

values!(i64, String, Vec<u8>);

impl<Column: QueryId, One: Kind> QueryId for Among<Column, One> {
    type QueryId = Among<Column::QueryId, One>;

    const HAS_STATIC_QUERY_ID: bool = Column::HAS_STATIC_QUERY_ID;
}

impl<Column: Expression, One> Expression for Among<Column, One> {
    type SqlType = Bool;
}

impl<Column: Expression, One, Source> AppearsOnTable<Source> for Among<Column, One> where
    Column: AppearsOnTable<Source>
{
}

impl<Column: ValidGrouping<Grouped>, One, Grouped> ValidGrouping<Grouped> for Among<Column, One> {
    type IsAggregate = Column::IsAggregate;
}

impl<Column: QueryFragment<Sqlite>, One: Kind> QueryFragment<Sqlite> for Among<Column, One>
where
    Sqlite: Backend,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(pass.reborrow())?;
        pass.push_sql(" IN (SELECT ");
        pass.push_sql(One::PICKED);
        pass.push_sql(" FROM json_each(");
        pass.push_bind_param::<Text, String>(&self.values)?;
        pass.push_sql("))");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;

    use super::Among;

    diesel::table! {
        things (id) {
            id -> BigInt,
            name -> Text,
            bytes -> Binary,
        }
    }

    #[test]
    fn what_is_among_the_values_is_found_and_nothing_else() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        conn.batch_execute(
            "CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT NOT NULL, bytes BLOB NOT NULL);
             INSERT INTO things VALUES (1, 'a', x'00ff'), (9007199254740993, '\"ø\\', x''), \
             (-3, 'c', x'01')",
        )
        .unwrap();
        let mut found = |ids: &[i64]| -> Vec<i64> {
            let wanted = things::table.filter(Among::new(things::id, ids)).order(things::id);
            wanted.select(things::id).load(&mut conn).unwrap()
        };
        assert_eq!(found(&[]), [0_i64; 0]);
        assert_eq!(found(&[1, -3, 7]), [-3, 1]);
        assert_eq!(found(&[9_007_199_254_740_992]), [0_i64; 0]);
        assert_eq!(found(&[9_007_199_254_740_993]), [9_007_199_254_740_993]);
        let names = ["\"ø\\".to_owned(), "b".to_owned()];
        let named = things::table.filter(Among::new(things::name, &names)).select(things::id);
        assert_eq!(named.load::<i64>(&mut conn).unwrap(), [9_007_199_254_740_993]);
        let bytes = [vec![0, 255], vec![]];
        let with = things::table.filter(Among::new(things::bytes, &bytes)).order(things::id);
        assert_eq!(
            with.select(things::id).load::<i64>(&mut conn).unwrap(),
            [1, 9_007_199_254_740_993]
        );
    }
}
