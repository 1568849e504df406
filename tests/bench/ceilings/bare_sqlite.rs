//! Ceiling of SQLite: the same rows through prepared statements and nothing else.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diesel::connection::{LoadConnection, SimpleConnection};
use diesel::deserialize::FromSql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::row::{Field, Row};
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Untyped};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::shapes::{self, Kind, TABLES, Table, Value};
use crate::Result;
use crate::load;

/// A database file with the rows of orders and nothing around it.
pub(crate) struct Bare {
    file: PathBuf,
    writer: SqliteConnection,
    placed: i64,
}

/// Orders in one transaction: what 64 in flight can share.
const BATCH: i64 = 64;
const LETTERS: &str =
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
static BYTES: [u8; 1024] = [0x5a; 1024];

/// Puts one row into a table. The type is the key in the statement cache, as the number of the
/// table is part of it.
struct Insert<const TABLE: usize>(Vec<Bound>);

/// Reads the rows of one order from a table.
struct Select<const TABLE: usize>(i64);

enum Bound {
    Whole(i64),
    Letters(&'static str),
    Owned(String),
    Bytes(&'static [u8]),
    Sixteen([u8; 16]),
    NoWhole,
    NoText,
    NoBytes,
}

type InsertRow = fn(&mut SqliteConnection, i64, i64) -> QueryResult<usize>;
type SelectRows = fn(&mut SqliteConnection, i64) -> QueryResult<usize>;

const INSERTS: [InsertRow; 8] = [
    insert::<0>,
    insert::<1>,
    insert::<2>,
    insert::<3>,
    insert::<4>,
    insert::<5>,
    insert::<6>,
    insert::<7>,
];
const SELECTS: [SelectRows; 6] =
    [select::<0>, select::<1>, select::<2>, select::<3>, select::<4>, select::<5>];

impl Bare {
    /// A new file with empty tables.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(folder: &Path, name: &str, with_indexes: bool) -> Result<Self> {
        let file = folder.join(name);
        let mut writer = connect(&file)?;
        for statement in shapes::definitions("BLOB", "WITHOUT ROWID", with_indexes) {
            writer.batch_execute(&statement)?;
        }
        Ok(Self { file, writer, placed: 0 })
    }

    /// Inserts orders in batches for as long as the window is, and tells how many a second.
    ///
    /// # Errors
    /// A statement fails.
    pub(crate) fn insert_for(&mut self, window: Duration) -> Result<u64> {
        let began = Instant::now();
        let before = self.placed;
        while began.elapsed() < window {
            self.insert_batch()?;
        }
        let count = usize::try_from(self.placed - before)?;
        Ok(load::per_second(count, load::micros(began.elapsed())))
    }

    /// Inserts until there are so many.
    ///
    /// # Errors
    /// A statement fails.
    pub(crate) fn fill(&mut self, orders: i64) -> Result<()> {
        while self.placed < orders {
            self.insert_batch()?;
        }
        Ok(())
    }

    fn insert_batch(&mut self) -> Result<()> {
        self.writer.batch_execute("BEGIN IMMEDIATE")?;
        for order in self.placed + 1..=self.placed + BATCH {
            for (table, insert) in TABLES.iter().zip(INSERTS) {
                for row in 1..=table.rows {
                    insert(&mut self.writer, order, row)?;
                }
            }
        }
        self.writer.batch_execute("COMMIT")?;
        self.placed += BATCH;
        Ok(())
    }

    /// Reads whole orders at random on every core for as long as the window is; how many a second.
    ///
    /// # Errors
    /// A statement fails or rows are missing.
    pub(crate) fn read_for(&self, window: Duration) -> Result<u64> {
        let cores = std::thread::available_parallelism()?.get();
        let (file, orders) = (self.file.as_path(), self.placed);
        let began = Instant::now();
        let counts: Vec<Result<usize>> = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..cores)
                .map(|core| scope.spawn(move || read_alone(file, orders, core, window)))
                .collect();
            readers
                .into_iter()
                .map(|reader| reader.join().unwrap_or_else(|_| Err("a reader failed".into())))
                .collect()
        });
        let mut total = 0;
        for count in counts {
            total += count?;
        }
        Ok(load::per_second(total, load::micros(began.elapsed())))
    }
}

/// Reads whole orders at random on one connection; how many.
fn read_alone(file: &Path, orders: i64, core: usize, window: Duration) -> Result<usize> {
    let mut connection = connect(file)?;
    let mut random = fastrand::Rng::with_seed(u64::try_from(core)?);
    let began = Instant::now();
    let mut read = 0;
    while began.elapsed() < window {
        let order = random.i64(1..=orders.max(1));
        // One snapshot for all statements, and one lock instead of six.
        connection.batch_execute("BEGIN")?;
        let mut rows = 0;
        for (_, select) in readable().zip(SELECTS) {
            rows += select(&mut connection, order)?;
        }
        connection.batch_execute("COMMIT")?;
        if rows != 8 {
            return Err(format!("order {order} has {rows} rows").into());
        }
        read += 1;
    }
    Ok(read)
}

/// The tables that make up an order: those before what finds it by person, and the log.
fn readable() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().take_while(|table| table.order_column.is_some())
}

/// A connection with the settings that the server promises.
fn connect(file: &Path) -> Result<SqliteConnection> {
    let name = file.to_str().ok_or("the folder's name is not UTF-8")?;
    let mut connection = SqliteConnection::establish(name)?;
    connection.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
         PRAGMA cache_size = -65536; PRAGMA mmap_size = 268435456;",
    )?;
    Ok(connection)
}

fn insert<const TABLE: usize>(
    connection: &mut SqliteConnection,
    order: i64,
    row: i64,
) -> QueryResult<usize> {
    let columns = TABLES.get(TABLE).map_or(&[][..], |table| table.columns);
    let values = columns.iter().map(|&(_, value)| bound(value, order, row)).collect();
    Insert::<TABLE>(values).execute(connection)
}

/// Steps through the rows and takes every value out of them; how many rows there were.
fn select<const TABLE: usize>(connection: &mut SqliteConnection, order: i64) -> QueryResult<usize> {
    let columns = TABLES.get(TABLE).map_or(&[][..], |table| table.columns);
    let mut rows = 0;
    for row in connection.load(Select::<TABLE>(order))? {
        let row = row?;
        for (place, (_, value)) in columns.iter().enumerate() {
            let field = row.get(place).ok_or(diesel::result::Error::NotFound)?;
            take(field.value(), value.kind())?;
        }
        rows += 1;
    }
    Ok(rows)
}

fn take(value: Option<diesel::sqlite::SqliteValue<'_, '_, '_>>, kind: Kind) -> QueryResult<()> {
    let Some(value) = value else { return Ok(()) };
    let taken = match kind {
        Kind::Whole => <i64 as FromSql<BigInt, Sqlite>>::from_sql(value).map(drop),
        Kind::Text => <String as FromSql<Text, Sqlite>>::from_sql(value).map(drop),
        Kind::Bytes => <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value).map(drop),
    };
    taken.map_err(diesel::result::Error::DeserializationError)
}

fn bound(value: Value, order: i64, row: i64) -> Bound {
    match value {
        Value::Order => Bound::Whole(order),
        Value::Row => Bound::Whole(row),
        Value::Whole(whole) => Bound::Whole(whole),
        Value::Text(length) => Bound::Letters(LETTERS.get(..length).unwrap_or(LETTERS)),
        Value::Bytes(length) => Bound::Bytes(BYTES.get(..length).unwrap_or(&BYTES)),
        Value::Reference => Bound::Owned(shapes::reference(order)),
        Value::RequestId => Bound::Sixteen(i128::from(order).to_be_bytes()),
        Value::Money => Bound::Whole(shapes::money(order)),
        Value::Digest => {
            Bound::Owned(format!("{:032x}", u128::from_be_bytes(shapes::spread(order, row))))
        }
        Value::Person => Bound::Sixteen(shapes::spread(order, row)),
        Value::Sku => Bound::Owned(shapes::sku(order, row)),
        Value::NoWhole => Bound::NoWhole,
        Value::NoText => Bound::NoText,
        Value::NoBytes => Bound::NoBytes,
    }
}

impl<const TABLE: usize> QueryId for Insert<TABLE> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const TABLE: usize> RunQueryDsl<SqliteConnection> for Insert<TABLE> {}

impl<const TABLE: usize> QueryFragment<Sqlite> for Insert<TABLE> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(TABLES.get(TABLE).map_or("", |table| table.name));
        let mut before = " VALUES (";
        for value in &self.0 {
            out.push_sql(before);
            before = ",";
            match value {
                Bound::Whole(whole) => out.push_bind_param::<BigInt, i64>(whole)?,
                Bound::Letters(text) => out.push_bind_param::<Text, str>(text)?,
                Bound::Owned(text) => out.push_bind_param::<Text, String>(text)?,
                Bound::Bytes(bytes) => out.push_bind_param::<Binary, [u8]>(bytes)?,
                Bound::Sixteen(bytes) => out.push_bind_param::<Binary, [u8]>(bytes.as_slice())?,
                Bound::NoWhole => {
                    out.push_bind_param::<Nullable<BigInt>, Option<i64>>(&None)?;
                }
                Bound::NoText => out.push_bind_param::<Nullable<Text>, Option<&str>>(&None)?,
                Bound::NoBytes => {
                    out.push_bind_param::<Nullable<Binary>, Option<&[u8]>>(&None)?;
                }
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

impl<const TABLE: usize> QueryId for Select<TABLE> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const TABLE: usize> Query for Select<TABLE> {
    type SqlType = Untyped;
}

impl<const TABLE: usize> QueryFragment<Sqlite> for Select<TABLE> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let table = TABLES.get(TABLE);
        out.push_sql("SELECT * FROM ");
        out.push_sql(table.map_or("", |table| table.name));
        out.push_sql(" WHERE ");
        out.push_sql(table.and_then(|table| table.order_column).unwrap_or("1"));
        out.push_sql(" = ");
        out.push_bind_param::<BigInt, i64>(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_orders_are_written_and_read_with_and_without_indexes() {
        let name = format!("order-bench-test-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (file, with_indexes) in [("plain.db", false), ("indexed.db", true)] {
            let mut bare = Bare::create(&folder, file, with_indexes).unwrap();
            bare.fill(BATCH + 1).unwrap();
            assert_eq!(bare.placed, 2 * BATCH);
            assert!(bare.insert_for(Duration::from_millis(1)).unwrap() > 0);
            // Fails where an order has other rows than those of the shapes.
            assert!(bare.read_for(Duration::from_millis(1)).unwrap() > 0);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
