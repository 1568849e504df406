//! The query set on the embedded SQLite file: each transaction is one hop to a blocking thread.

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};
use diesel::{
    Connection as _, ConnectionError, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::FutureExt;

use super::facts::Purchase;
use super::pages::Sought;
use super::purchases::{self, Purchased};
use super::{OpenFailure, StoreFailure, StoreSettings};

pub(crate) type Connection = SqliteConnection;
pub(crate) type Backend = diesel::sqlite::Sqlite;
type Pooled = SyncConnectionWrapper<SqliteConnection>;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// How long a statement waits for another process or connection; the writer is alone, so this is
/// for checkpoints.
const BUSY_TIMEOUT_MS: u32 = 5_000;
/// Pages that each connection keeps in memory.
const CACHE_KIB: u32 = 32_000;
/// Pages in the log beside the file until they are written into it: a page that many turns change is
/// then written once for all of them.
const CHECKPOINT_PAGES: u32 = 4_000;
const POOL_WAIT: Duration = Duration::from_secs(10);
/// Every order database has it.
const OUR_TABLE: &str = "store_epoch";
/// SQLite's words for what is no database of its own, or a damaged one.
const UNREADABLE: [&str; 2] = ["not a database", "malformed"];

#[derive(Clone)]
pub(crate) struct Database {
    pub(super) writer: Pool<Pooled>,
    pub(super) readers: Pool<Pooled>,
    /// Held as long as the process serves the file.
    _lock: Arc<std::fs::File>,
}

/// Diesel's verbs as futures that are already complete, so that a query reads the same on both databases.
pub(crate) trait Run: Sized {
    fn execute(self, conn: &mut Connection) -> Ready<QueryResult<usize>>
    where
        Self: ExecuteDsl<Connection> + RunQueryDsl<Connection>,
    {
        ready(RunQueryDsl::execute(self, conn))
    }

    fn load<'query, Row>(self, conn: &mut Connection) -> Ready<QueryResult<Vec<Row>>>
    where
        Self: LoadQuery<'query, Connection, Row> + RunQueryDsl<Connection>,
    {
        ready(RunQueryDsl::load(self, conn))
    }

    fn get_result<'query, Row>(self, conn: &mut Connection) -> Ready<QueryResult<Row>>
    where
        Self: LoadQuery<'query, Connection, Row> + RunQueryDsl<Connection>,
    {
        ready(RunQueryDsl::get_result(self, conn))
    }
}

impl<Query> Run for Query {}

/// Runs work that awaits nothing but [`Run`]: it is complete at once.
pub(crate) fn finished<Output>(work: impl Future<Output = Output>) -> Output {
    #[expect(clippy::expect_used, reason = "a transaction awaits only ready futures")]
    work.now_or_never().expect("inside a transaction only the database is awaited")
}

/// `BEGIN IMMEDIATE`: a read that turns into a write could otherwise fail at once.
macro_rules! in_write {
    ($database:expr, |$conn:ident| $work:block) => {{
        let mut pooled = $database.writer.get().await?;
        pooled
            .spawn_blocking(move |connection: &mut Connection| {
                Ok(connection.immediate_transaction(|$conn: &mut Connection| {
                    $crate::store::sqlite::finished(async move { $work })
                }))
            })
            .await?
    }};
}

/// One snapshot.
macro_rules! in_read {
    ($database:expr, |$conn:ident| $work:block) => {{
        let mut pooled = $database.readers.get().await?;
        pooled
            .spawn_blocking(move |connection: &mut Connection| {
                Ok(diesel::Connection::transaction(connection, |$conn: &mut Connection| {
                    $crate::store::sqlite::finished(async move { $work })
                }))
            })
            .await?
    }};
}

/// The write transaction is the lock.
macro_rules! locked {
    ($query:expr) => {
        $query
    };
}

/// Takes rows that nobody else has; the writer is alone.
macro_rules! skip_locked {
    ($query:expr) => {
        $query
    };
}

/// The condition that a column has one of the values.
macro_rules! among {
    ($column:expr, $values:expr) => {
        $crate::store::among::Among::new($column, $values)
    };
}

/// The database's own clock, in microseconds.
macro_rules! now {
    () => {
        "CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000"
    };
}

/// Inserts rows, or brings those that exist up to date; what is given more is the text of what else is
/// set then. SQLite is in the process: one cached statement a row costs no round trip.
macro_rules! upsert {
    ($conn:expr, $rows:expr, $table:ident, $keys:tt, $columns:tt $(, $($more:tt)+)?) => {
        for row in $rows {
            let statement = diesel::insert_into(schema::$table::table).values(row);
            $crate::store::prepared::Prepared::<
                _,
                $crate::store::prepared::Upsert<schema::$table::table>,
            >::ending_with(
                statement,
                concat!($crate::store::prepared::on_conflict!($keys, $columns) $(, $($more)+)?)
            )
            .execute($conn)
            .await?;
        }
    };
}

/// Inserts rows that are new.
macro_rules! insert {
    ($conn:expr, $rows:expr, $table:ident) => {
        for row in $rows {
            let statement = diesel::insert_into(schema::$table::table).values(row);
            $crate::store::prepared::Prepared::<
                _,
                $crate::store::prepared::Insert<schema::$table::table>,
            >::new(statement)
            .execute($conn)
            .await?;
        }
    };
}

/// The newest orders of each purchase.
pub(crate) fn newest_purchases(
    conn: &mut Connection,
    wanted: &BTreeSet<Purchase>,
) -> Ready<QueryResult<Vec<Purchased>>> {
    let found: QueryResult<Vec<Vec<Purchased>>> =
        wanted.iter().map(|purchase| purchases::on_sqlite(conn, purchase)).collect();
    ready(found.map(|found| found.into_iter().flatten().collect()))
}

/// Keys of orders with the words, in a range of keys, in their order.
pub(crate) const FOUND: &str = "SELECT rowid AS order_key FROM order_search \
     WHERE order_search MATCH ? AND rowid >= ? AND rowid <= ? ORDER BY rowid LIMIT ?";
pub(crate) const FOUND_DESCENDING: &str = "SELECT rowid AS order_key FROM order_search \
     WHERE order_search MATCH ? AND rowid >= ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?";
/// The condition of having the words: what stands before them, and before both ends of the keys.
pub(crate) const HAS_WORDS: [&str; 3] = [
    "orders.order_key IN (SELECT rowid FROM order_search WHERE order_search MATCH ",
    " AND rowid >= ",
    " AND rowid <= ",
];
const PUT_WORDS: &str = "INSERT OR REPLACE INTO order_search (rowid, words) VALUES (?, ?)";
/// The words of orders in a range of keys, both ends included.
pub(crate) const WORDS: &str =
    "SELECT rowid AS order_key, words FROM order_search WHERE rowid >= ? AND rowid <= ?";

/// A word of an order as it was put in.
pub(crate) const fn word_put(_order_key: i64, word: &str) -> &str {
    word
}

/// What the engine is asked for.
pub(crate) fn words_query(_shop_id: i64, sought: &Sought) -> String {
    let beginnings = sought.beginnings.iter().map(|word| format!("\"{word}\" *"));
    let marks = sought.marks.iter().map(|mark| format!("\"{mark}\""));
    beginnings.chain(marks).collect::<Vec<_>>().join(" ")
}

/// Makes these the words of orders; apart by blanks.
pub(crate) async fn put_words(
    conn: &mut Connection,
    rows: Vec<(i64, String)>,
) -> Result<(), StoreFailure> {
    use diesel::sql_types::{BigInt, Text};
    for (order_key, words) in rows {
        let statement =
            diesel::sql_query(PUT_WORDS).bind::<BigInt, _>(order_key).bind::<Text, _>(words);
        Run::execute(statement, conn).await?;
    }
    Ok(())
}

#[path = "queries/mod.rs"]
mod queries;

impl Database {
    pub(super) async fn open(path: &Path, settings: &StoreSettings) -> Result<Self, OpenFailure> {
        let unreachable =
            |cause: String| OpenFailure::Unreachable(format!("{}: {cause}", path.display()));
        let lock = lock_file(path)?;
        let url = path.to_str().ok_or_else(|| unreachable("the path is not UTF-8".to_owned()))?;
        check_is_ours(path, url)?;
        let writer = pool(url, 1).map_err(unreachable)?;
        let readers = pool(url, settings.readers.max(1)).map_err(unreachable)?;
        let mut pooled = writer.get().await.map_err(|error| unreachable(error.to_string()))?;
        pooled
            .spawn_blocking(|conn: &mut SqliteConnection| Ok(migrate(conn)))
            .await
            .map_err(|error: diesel::result::Error| unreachable(error.to_string()))??;
        drop(pooled);
        let database = Self { writer, readers, _lock: Arc::new(lock) };
        // A process that was killed has left its log.
        database.log_empty().await.map_err(|failure| unreachable(failure.to_string()))?;
        Ok(database)
    }

    /// Copies the log into the file and empties it: what was overwritten or removed is in neither then,
    /// and the file is whole without it. False when somebody reads for too long.
    pub(super) async fn log_empty(&self) -> Result<bool, StoreFailure> {
        let mut pooled = self.writer.get().await?;
        Ok(pooled.spawn_blocking(empty_log).await?)
    }
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

fn empty_log(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let statement = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)");
    let done: Checkpoint = RunQueryDsl::get_result(statement, connection)?;
    Ok(done.busy == 0)
}

/// Keeps every other process off the file for as long as this one lives.
fn lock_file(path: &Path) -> Result<std::fs::File, OpenFailure> {
    let unreachable =
        |error: std::io::Error| OpenFailure::Unreachable(format!("{}: {error}", path.display()));
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.with_extension("lock"))
        .map_err(unreachable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenFailure::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(unreachable(error)),
    }
}

/// Refuses a file that holds something else, before anything is written into it.
fn check_is_ours(path: &Path, url: &str) -> Result<(), OpenFailure> {
    let not_ours = |found| OpenFailure::NotOurs { path: path.to_owned(), found };
    match tables(url) {
        // A first start that was broken off has left none.
        Ok(names) if names.is_empty() || names.iter().any(|name| name == OUR_TABLE) => Ok(()),
        Ok(_) => Err(not_ours("its tables are others")),
        Err(cause) if UNREADABLE.iter().any(|sign| cause.contains(sign)) => {
            Err(not_ours("SQLite cannot read it"))
        }
        Err(cause) => Err(OpenFailure::Unreachable(format!("{}: {cause}", path.display()))),
    }
}

/// Names of the tables in the file, without those of SQLite itself and of its migrations.
fn tables(url: &str) -> Result<Vec<String>, String> {
    let mut connection = SqliteConnection::establish(url).map_err(|error| error.to_string())?;
    let patience = format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}");
    connection.batch_execute(&patience).map_err(|error| error.to_string())?;
    let statement = diesel::sql_query(
        "SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite_%' AND name <> '__diesel_schema_migrations'",
    );
    let found: QueryResult<Vec<Table>> = RunQueryDsl::load(statement, &mut connection);
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|table| table.name).collect())
}

fn pool(url: &str, size: usize) -> Result<Pool<Pooled>, String> {
    let mut config = ManagerConfig::<Pooled>::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|url| {
        let url = url.to_owned();
        async move {
            let connection = tokio::task::spawn_blocking(move || connect(&url))
                .await
                .map_err(|error| ConnectionError::BadConnection(error.to_string()))??;
            Ok(SyncConnectionWrapper::new(connection))
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::<Pooled>::new_with_config(url, config);
    Pool::builder(manager)
        .max_size(size)
        .wait_timeout(Some(POOL_WAIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| error.to_string())
}

/// Durable before it is fast: this is money. What is removed is overwritten: it may be of a person.
fn connect(url: &str) -> Result<SqliteConnection, ConnectionError> {
    let mut connection = SqliteConnection::establish(url)?;
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; \
             PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
             PRAGMA secure_delete = ON; \
             PRAGMA cache_size = -{CACHE_KIB}; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; \
             PRAGMA journal_size_limit = 67108864;"
        ))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenFailure> {
    super::postgres::run_migrations(connection, MIGRATIONS)
}

impl From<StoreFailure> for OpenFailure {
    fn from(failure: StoreFailure) -> Self {
        Self::Unreachable(failure.to_string())
    }
}
