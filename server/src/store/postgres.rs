//! The query set on PostgreSQL, shared by any number of replicas.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::{ConnectionError, QueryResult};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::FutureExt;

use super::facts::Purchase;
use super::pages::Sought;
use super::purchases::{self, Purchased};
use super::{OpenFailure, StoreFailure, StoreSettings};
use connector::Connector;

pub(crate) use address::Address;
pub(crate) use diesel_async::RunQueryDsl as Run;
pub(crate) type Connection = AsyncPgConnection;
pub(crate) type Backend = diesel::pg::Pg;
type Pooled = AsyncPgConnection;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const POOL_WAIT: Duration = Duration::from_secs(10);
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Any number, the same in every version: who holds it migrates.
const MIGRATION_LOCK: i64 = 0x6f72_6465_7273;
/// A turn is short; what takes longer is stuck, and its shop waits. Plans are made once, maybe while a
/// table is still empty, and must be right when it is large: what has an index is found by it. What
/// has none is few rows, and compiling such a statement would take longer than all of them.
const SESSION: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
                       SET idle_in_transaction_session_timeout = '15s'; SET plan_cache_mode = 'force_generic_plan'; \
                       SET max_parallel_workers_per_gather = 0; SET enable_seqscan = off; SET jit = off";

#[derive(Clone)]
pub(crate) struct Database {
    pub(super) writer: Pool<Pooled>,
    pub(super) readers: Pool<Pooled>,
    connector: Connector,
}

macro_rules! in_write {
    ($database:expr, |$conn:ident| $work:block) => {{
        let mut pooled = $database.writer.get().await?;
        <diesel_async::AsyncPgConnection as diesel_async::AsyncConnection>::transaction(
            &mut pooled,
            async move |$conn: &mut Connection| $work,
        )
        .await
    }};
}

/// One snapshot.
macro_rules! in_read {
    ($database:expr, |$conn:ident| $work:block) => {{
        let mut pooled = $database.readers.get().await?;
        let connection: &mut Connection = &mut pooled;
        connection
            .build_transaction()
            .repeatable_read()
            .read_only()
            .run(async move |$conn: &mut Connection| $work)
            .await
    }};
}

/// The row lock at which replicas meet.
macro_rules! locked {
    ($query:expr) => {
        $query.for_no_key_update()
    };
}

/// Takes rows that nobody else has.
macro_rules! skip_locked {
    ($query:expr) => {
        $query.for_update().skip_locked()
    };
}

/// The condition that a column has one of the values.
macro_rules! among {
    ($column:expr, $values:expr) => {
        $column.eq_any($values)
    };
}

/// The database's own clock, in microseconds.
macro_rules! now {
    () => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    };
}

/// Inserts rows, or brings those that exist up to date, in chunks of fixed sizes so that each
/// statement is prepared once; what is given more is the text of what else is set then.
macro_rules! upsert {
    ($conn:expr, $rows:expr, $table:ident, $keys:tt, $columns:tt $(, $($more:tt)+)?) => {
        chunked!($rows, |chunk| {
            let statement = diesel::insert_into(schema::$table::table).values(chunk);
            $crate::store::prepared::Prepared::<
                _,
                $crate::store::prepared::Upsert<schema::$table::table>,
            >::ending_with(
                statement,
                concat!($crate::store::prepared::on_conflict!($keys, $columns) $(, $($more)+)?)
            )
            .execute($conn)
            .await?;
        })
    };
}

/// Inserts rows that are new, in chunks of fixed sizes.
macro_rules! insert {
    ($conn:expr, $rows:expr, $table:ident) => {
        chunked!($rows, |chunk| {
            let statement = diesel::insert_into(schema::$table::table).values(chunk);
            $crate::store::prepared::Prepared::<
                _,
                $crate::store::prepared::Insert<schema::$table::table>,
            >::new(statement)
            .execute($conn)
            .await?;
        })
    };
}

macro_rules! chunked {
    ($rows:expr, |$chunk:ident| $work:block) => {{
        let mut rest: &[_] = $rows;
        while let Some(($chunk, tail)) = rest.split_first_chunk::<64>() {
            $work
            rest = tail;
        }
        while let Some(($chunk, tail)) = rest.split_first_chunk::<8>() {
            $work
            rest = tail;
        }
        while let Some(($chunk, tail)) = rest.split_first_chunk::<1>() {
            $work
            rest = tail;
        }
    }};
}

/// Keys of orders with the words, in a range of keys, in their order. All that have the words are found
/// before they are sorted: going through the shop instead would read it whole for rare words.
pub(crate) const FOUND: &str = "SELECT order_key FROM (SELECT order_key FROM order_search \
     WHERE words @@ $1::tsquery OFFSET 0) AS found \
     WHERE order_key >= $2 AND order_key <= $3 ORDER BY order_key LIMIT $4";
pub(crate) const FOUND_DESCENDING: &str = "SELECT order_key FROM (SELECT order_key FROM \
     order_search WHERE words @@ $1::tsquery OFFSET 0) AS found \
     WHERE order_key >= $2 AND order_key <= $3 ORDER BY order_key DESC LIMIT $4";
/// The condition of having the words: what stands before them, and before both ends of the keys.
pub(crate) const HAS_WORDS: [&str; 3] = [
    "orders.order_key IN (SELECT order_key FROM order_search WHERE words @@ ",
    "::tsquery AND order_key >= ",
    " AND order_key <= ",
];
const PUT_WORDS: &str = "INSERT INTO order_search (order_key, words) \
     SELECT order_key, array_to_tsvector(string_to_array(words, ' ')) \
     FROM unnest($1, $2) AS new (order_key, words) \
     ON CONFLICT (order_key) DO UPDATE SET words = excluded.words";
/// The words of orders in a range of keys, both ends included.
pub(crate) const WORDS: &str = "SELECT order_key, \
     array_to_string(tsvector_to_array(words), ' ') AS words \
     FROM order_search WHERE order_key >= $1 AND order_key <= $2";

/// A word of an order as it was put in: without its shop.
pub(crate) fn word_put(order_key: i64, word: &str) -> &str {
    let shop_id = super::rows::shop(order_key).to_string();
    let put = word.strip_prefix(shop_id.as_str()).and_then(|rest| rest.strip_prefix(':'));
    put.unwrap_or(word)
}

/// What the engine is asked for. The index is of all shops, so a word has its shop before it.
pub(crate) fn words_query(shop_id: i64, sought: &Sought) -> String {
    let beginnings = sought.beginnings.iter().map(|word| format!("'{shop_id}:{word}':*"));
    let marks = sought.marks.iter().map(|mark| format!("'{shop_id}:{mark}'"));
    beginnings.chain(marks).collect::<Vec<_>>().join(" & ")
}

/// Makes these the words of orders; apart by blanks.
pub(crate) async fn put_words(
    conn: &mut Connection,
    rows: Vec<(i64, String)>,
) -> Result<(), StoreFailure> {
    use diesel::sql_types::{Array, BigInt, Text};
    let of_shop = |(order_key, words): (i64, String)| {
        let shop_id = super::rows::shop(order_key);
        let words = words.split_whitespace().map(|word| format!("{shop_id}:{word}"));
        (order_key, words.collect::<Vec<_>>().join(" "))
    };
    let (keys, words): (Vec<i64>, Vec<String>) = rows.into_iter().map(of_shop).unzip();
    diesel::sql_query(PUT_WORDS)
        .bind::<Array<BigInt>, _>(keys)
        .bind::<Array<Text>, _>(words)
        .execute(conn)
        .await?;
    Ok(())
}

mod address;
pub(crate) mod bells;
mod connector;

/// The newest orders of each purchase.
pub(crate) async fn newest_purchases(
    conn: &mut Connection,
    wanted: &BTreeSet<Purchase>,
) -> QueryResult<Vec<Purchased>> {
    let wanted: Vec<&Purchase> = wanted.iter().collect();
    purchases::on_postgres(&wanted).load(conn).await
}

#[path = "queries/mod.rs"]
mod queries;

impl Database {
    pub(super) async fn open(
        address: &Address,
        settings: &StoreSettings,
    ) -> Result<Self, OpenFailure> {
        let unreachable = OpenFailure::Unreachable;
        let connector = Connector::new(address).map_err(unreachable)?;
        if address.is_exposed() {
            tracing::warn!(
                place = address.place(),
                "others on the way to PostgreSQL may read and change what is said: use sslmode=require"
            );
        }
        let late = || connector.told(&format!("no answer within {} s", CONNECT_WAIT.as_secs()));
        let mut connection = tokio::time::timeout(CONNECT_WAIT, connector.connect())
            .await
            .map_err(|_| unreachable(late()))?
            .map_err(unreachable)?;
        check_durability(&mut connection).await?;
        migrate(connection).await?;
        Ok(Self {
            writer: pool(&connector, settings.writers.max(1)).map_err(unreachable)?,
            readers: pool(&connector, settings.readers.max(1)).map_err(unreachable)?,
            connector,
        })
    }
}

fn pool(connector: &Connector, size: usize) -> Result<Pool<Pooled>, String> {
    let mut config = ManagerConfig::<Pooled>::default();
    config.recycling_method = RecyclingMethod::Fast;
    let connector = connector.clone();
    config.custom_setup = Box::new(move |_place| {
        let connector = connector.clone();
        async move {
            let mut connection =
                connector.connect().await.map_err(ConnectionError::BadConnection)?;
            connection
                .batch_execute(SESSION)
                .await
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(connection)
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::<Pooled>::new_with_config("", config);
    Pool::builder(manager)
        .max_size(size)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(CONNECT_WAIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(|error| error.to_string())
}

/// An error with all its causes, in one line: the outermost alone says only `db error`.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ").replace('\n', " ")
}

#[derive(diesel::QueryableByName)]
struct Setting {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

async fn check_durability(connection: &mut AsyncPgConnection) -> Result<(), OpenFailure> {
    for name in ["fsync", "full_page_writes"] {
        let setting: Setting =
            diesel::sql_query(format!("SELECT current_setting('{name}') AS value"))
                .get_result(connection)
                .await
                .map_err(|error| OpenFailure::Unreachable(error.to_string()))?;
        if setting.value != "on" {
            return Err(OpenFailure::Unsafe(format!("{name} = {}", setting.value)));
        }
    }
    Ok(())
}

/// One process migrates, the others wait for it.
async fn migrate(mut connection: AsyncPgConnection) -> Result<(), OpenFailure> {
    let unreachable = |error: diesel::result::Error| OpenFailure::Unreachable(error.to_string());
    connection
        .batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        .await
        .map_err(unreachable)?;
    // The lock ends with the connection.
    let mut harness = AsyncMigrationHarness::new(connection);
    tokio::task::block_in_place(|| run_migrations(&mut harness, MIGRATIONS))
}

/// Runs what is missing; refuses a database that a newer version has migrated.
pub(super) fn run_migrations<Backend: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<Backend>,
    embedded: EmbeddedMigrations,
) -> Result<(), OpenFailure>
where
    EmbeddedMigrations: diesel::migration::MigrationSource<Backend>,
{
    use diesel::migration::MigrationSource;
    let unreachable = |error: Box<dyn std::error::Error + Send + Sync>| {
        OpenFailure::Unreachable(error.to_string())
    };
    let known = MigrationSource::<Backend>::migrations(&embedded).map_err(unreachable)?;
    let known: Vec<String> = known.iter().map(|one| one.name().version().to_string()).collect();
    let applied = harness.applied_migrations().map_err(unreachable)?;
    if let Some(newer) = applied.iter().map(ToString::to_string).find(|one| !known.contains(one)) {
        return Err(OpenFailure::NewerSchema(newer));
    }
    harness.run_pending_migrations(embedded).map_err(unreachable)?;
    Ok(())
}
