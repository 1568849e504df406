//! The sandbox's book: a SQLite file that several servers may write.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use order_rules::order::Micros;
use order_rules::refusals::Code;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::behaviour::kind_name;
use super::ledger::Reservation;
use super::tables::{SCHEMA, calls, entries, reservations};
use crate::providers::{Call, Decline};

/// A handle on the file; clones share one connection.
#[derive(Clone)]
pub(super) struct Book {
    path: Arc<Path>,
    connection: Arc<Mutex<Option<SqliteConnection>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BookFailure {
    /// Nothing was done.
    NotOpened,
    /// What was done may or may not stand.
    Interrupted,
}

/// Whose reservation it is, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub shop: String,
    pub provider: String,
    pub reference: String,
}

/// An operation that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    shop: String,
    provider: String,
    reference: String,
    kind: String,
    asked_minor: i64,
    currency: String,
    pub outcome: Outcome,
    pub provider_reference: String,
    pub received_at: Micros,
    /// Ahead of the present while the provider still works on it.
    pub happened_at: Micros,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done { amount_minor: i64, expires_at: Micros },
    Declined(Decline),
}

/// The calls of one kind about one reservation, look-ups left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub calls: i64,
    pub first_at: Micros,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = reservations)]
struct ReservationRow {
    shop: String,
    provider: String,
    reference: String,
    currency: String,
    authorized_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    released_minor: i64,
    is_voided: bool,
    expires_at: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = entries)]
struct EntryRow {
    key: String,
    shop: String,
    provider: String,
    reference: String,
    kind: String,
    asked_minor: i64,
    currency: String,
    outcome: String,
    done_minor: i64,
    expires_at: Option<i64>,
    code: Option<String>,
    reason: Option<String>,
    provider_reference: String,
    received_at: i64,
    happened_at: i64,
}

/// Many readers beside one writer, and what is written is on the disk.
const FORM: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
const FORM_TRIES: u32 = 10;

impl Book {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: path.into(), connection: Arc::default() }
    }

    /// Opens the file, and makes it where there is none.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn open(&self) -> Result<(), String> {
        let path = Arc::clone(&self.path);
        let mut slot = Arc::clone(&self.connection).lock_owned().await;
        let opened = tokio::task::spawn_blocking(move || {
            let why = |failure: String| format!("the sandbox's book {}: {failure}", path.display());
            if slot.is_none() {
                *slot = Some(open(&path).map_err(|failure| why(failure.to_string()))?);
            }
            Ok(())
        });
        opened.await.unwrap_or_else(|_stopped| Err("the sandbox's book does not open".to_owned()))
    }

    /// Runs `work` as one durable transaction. It goes on when the caller gives up, as a provider
    /// does.
    pub(super) async fn write<T, Work>(&self, work: Work) -> Result<T, BookFailure>
    where
        T: Send + 'static,
        Work: FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        let path = Arc::clone(&self.path);
        let mut slot = Arc::clone(&self.connection).lock_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let mut connection = match slot.take() {
                Some(connection) => connection,
                None => open(&path).map_err(|failure| {
                    tracing::warn!(%failure, "the sandbox's book does not open");
                    BookFailure::NotOpened
                })?,
            };
            let result = connection.immediate_transaction(work).map_err(|failure| {
                tracing::warn!(%failure, "the sandbox's book was not written");
                BookFailure::Interrupted
            })?;
            *slot = Some(connection);
            Ok(result)
        });
        written.await.unwrap_or(Err(BookFailure::Interrupted))
    }
}

impl std::fmt::Debug for Book {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Book").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Entry {
    /// Whether the call is the one that was decided, key aside.
    pub(super) fn is_about(&self, call: &Call) -> bool {
        self.shop == call.shop
            && self.provider == call.provider
            && self.reference == call.reference
            && self.kind == kind_name(call.kind)
            && self.asked_minor == call.amount_minor
            && self.currency == call.currency.code()
    }
}

/// The book's own clock, the same for all who write it; to the millisecond.
pub(super) fn now(connection: &mut SqliteConnection) -> QueryResult<Micros> {
    let milliseconds = sql::<BigInt>("CAST(round(unixepoch('subsec') * 1000) AS INTEGER)");
    diesel::select(milliseconds).get_result(connection).map(|now: i64| Micros(now * 1_000))
}

/// Notes that a call came in.
pub(super) fn note_call(
    connection: &mut SqliteConnection,
    call: &Call,
    is_look_up: bool,
    now: Micros,
) -> QueryResult<()> {
    let row = (
        calls::key.eq(call.key.to_string()),
        calls::shop.eq(&call.shop),
        calls::provider.eq(&call.provider),
        calls::reference.eq(&call.reference),
        calls::kind.eq(kind_name(call.kind)),
        calls::asked_minor.eq(call.amount_minor),
        calls::is_look_up.eq(is_look_up),
        calls::received_at.eq(now.0),
    );
    diesel::insert_into(calls::table).values(row).execute(connection).map(drop)
}

/// The calls like this one so far, itself included.
pub(super) fn history(connection: &mut SqliteConnection, call: &Call) -> QueryResult<History> {
    let (calls, first_at): (i64, Option<i64>) = calls::table
        .filter(calls::reference.eq(&call.reference))
        .filter(calls::kind.eq(kind_name(call.kind)))
        .filter(calls::provider.eq(&call.provider))
        .filter(calls::shop.eq(&call.shop))
        .filter(calls::is_look_up.eq(false))
        .select((diesel::dsl::count_star(), diesel::dsl::min(calls::received_at)))
        .first(connection)?;
    Ok(History { calls, first_at: Micros(first_at.unwrap_or_default()) })
}

/// What was decided under the call's key.
pub(super) fn entry(connection: &mut SqliteConnection, call: &Call) -> QueryResult<Option<Entry>> {
    let row = entries::table
        .filter(entries::key.eq(call.key.to_string()))
        .select(EntryRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Entry::from))
}

/// Writes down what was decided.
pub(super) fn append(
    connection: &mut SqliteConnection,
    call: &Call,
    outcome: Outcome,
    received_at: Micros,
    happened_at: Micros,
) -> QueryResult<Entry> {
    let (done_minor, expires_at, decline) = match outcome {
        Outcome::Done { amount_minor, expires_at } => (amount_minor, Some(expires_at.0), None),
        Outcome::Declined(decline) => (0, None, Some(decline)),
    };
    let row = EntryRow {
        key: call.key.to_string(),
        shop: call.shop.clone(),
        provider: call.provider.clone(),
        reference: call.reference.clone(),
        kind: kind_name(call.kind).to_owned(),
        asked_minor: call.amount_minor,
        currency: call.currency.code().to_owned(),
        outcome: if decline.is_none() { "DONE" } else { "DECLINED" }.to_owned(),
        done_minor,
        expires_at,
        code: decline.as_ref().map(|decline| decline.code.name().to_owned()),
        reason: decline.map(|decline| decline.reason),
        provider_reference: format!("sandbox-{}", call.key),
        received_at: received_at.0,
        happened_at: happened_at.0,
    };
    diesel::insert_into(entries::table).values(&row).execute(connection)?;
    Ok(Entry::from(row))
}

/// The reservation the call is about.
pub(super) fn reservation(
    connection: &mut SqliteConnection,
    call: &Call,
) -> QueryResult<Option<Reservation>> {
    let row = reservations::table
        .find((&call.shop, &call.provider, &call.reference))
        .select(ReservationRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Reservation::from))
}

/// The reservation of an account.
pub(super) fn held(
    connection: &mut SqliteConnection,
    Account { shop, provider, reference }: &Account,
) -> QueryResult<Option<Reservation>> {
    let found = reservations::table.find((shop, provider, reference));
    let row = found.select(ReservationRow::as_select()).first(connection).optional()?;
    Ok(row.map(Reservation::from))
}

/// Notes a call that moves no money.
pub(super) fn note_errand(
    connection: &mut SqliteConnection,
    Account { shop, provider, reference }: &Account,
    (kind, call_key): (&str, Uuid),
    now: Micros,
) -> QueryResult<()> {
    let row = (
        calls::key.eq(call_key.to_string()),
        calls::shop.eq(shop),
        calls::provider.eq(provider),
        calls::reference.eq(reference),
        calls::kind.eq(kind),
        calls::asked_minor.eq(0),
        calls::is_look_up.eq(true),
        calls::received_at.eq(now.0),
    );
    diesel::insert_into(calls::table).values(row).execute(connection).map(drop)
}

/// Whether the reservation was extended under this key.
pub(super) fn was_extended(
    connection: &mut SqliteConnection,
    Account { shop, provider, reference }: &Account,
    call_key: Uuid,
) -> QueryResult<bool> {
    let same = calls::table
        .filter(calls::reference.eq(reference))
        .filter(calls::kind.eq("extend"))
        .filter(calls::provider.eq(provider))
        .filter(calls::shop.eq(shop))
        .filter(calls::key.eq(call_key.to_string()));
    let count: i64 = same.count().get_result(connection)?;
    Ok(count > 0)
}

/// When the account was first called about.
pub(super) fn first_call(
    connection: &mut SqliteConnection,
    Account { shop, provider, reference }: &Account,
) -> QueryResult<Option<Micros>> {
    let first_at: Option<i64> = calls::table
        .filter(calls::reference.eq(reference))
        .filter(calls::provider.eq(provider))
        .filter(calls::shop.eq(shop))
        .select(diesel::dsl::min(calls::received_at))
        .first(connection)?;
    Ok(first_at.map(Micros))
}

/// Moves the end of the reservation's time.
pub(super) fn set_expiry(
    connection: &mut SqliteConnection,
    Account { shop, provider, reference }: &Account,
    expires_at: i64,
) -> QueryResult<()> {
    diesel::update(reservations::table.find((shop, provider, reference)))
        .set(reservations::expires_at.eq(expires_at))
        .execute(connection)
        .map(drop)
}

/// Stores the reservation as it is now.
pub(super) fn put_reservation(
    connection: &mut SqliteConnection,
    call: &Call,
    reservation: &Reservation,
    now: Micros,
) -> QueryResult<()> {
    let row = ReservationRow {
        shop: call.shop.clone(),
        provider: call.provider.clone(),
        reference: call.reference.clone(),
        currency: reservation.currency.clone(),
        authorized_minor: reservation.authorized,
        captured_minor: reservation.captured,
        refunded_minor: reservation.refunded,
        released_minor: reservation.released,
        is_voided: reservation.is_voided,
        expires_at: reservation.expires_at,
    };
    diesel::insert_into(reservations::table)
        .values((&row, reservations::opened_at.eq(now.0)))
        .on_conflict((reservations::shop, reservations::provider, reservations::reference))
        .do_update()
        .set((
            reservations::authorized_minor.eq(excluded(reservations::authorized_minor)),
            reservations::captured_minor.eq(excluded(reservations::captured_minor)),
            reservations::refunded_minor.eq(excluded(reservations::refunded_minor)),
            reservations::released_minor.eq(excluded(reservations::released_minor)),
            reservations::is_voided.eq(excluded(reservations::is_voided)),
            reservations::expires_at.eq(excluded(reservations::expires_at)),
        ))
        .execute(connection)
        .map(drop)
}

/// Ends the reservation's time, if it has not ended before.
pub(super) fn expire(
    connection: &mut SqliteConnection,
    call: &Call,
    now: Micros,
) -> QueryResult<()> {
    diesel::update(reservations::table.find((&call.shop, &call.provider, &call.reference)))
        .filter(reservations::expires_at.gt(now.0))
        .set(reservations::expires_at.eq(now.0))
        .execute(connection)
        .map(drop)
}

/// A new connection to a file that has the tables.
fn open(path: &Path) -> Result<SqliteConnection, Box<dyn std::error::Error>> {
    let path = path.to_str().ok_or("the path is not UTF-8")?;
    let mut connection = SqliteConnection::establish(path)?;
    connection.batch_execute("PRAGMA busy_timeout = 10000;")?;
    // Where two give a new file its form at the same moment one is turned away at once, and not kept
    // waiting as everywhere else.
    for _ in 1..FORM_TRIES {
        if connection.batch_execute(FORM).is_ok() {
            break;
        }
        connection.immediate_transaction(|_| QueryResult::Ok(()))?;
    }
    connection.batch_execute(FORM)?;
    connection.immediate_transaction(|connection| connection.batch_execute(SCHEMA))?;
    Ok(connection)
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        let outcome = match (row.code, row.expires_at) {
            (None, expires_at) => Outcome::Done {
                amount_minor: row.done_minor,
                expires_at: Micros(expires_at.unwrap_or_default()),
            },
            (Some(code), _) => Outcome::Declined(Decline {
                code: Code::from_name(&code).unwrap_or(Code::Internal),
                reason: row.reason.unwrap_or_default(),
            }),
        };
        Self {
            shop: row.shop,
            provider: row.provider,
            reference: row.reference,
            kind: row.kind,
            asked_minor: row.asked_minor,
            currency: row.currency,
            outcome,
            provider_reference: row.provider_reference,
            received_at: Micros(row.received_at),
            happened_at: Micros(row.happened_at),
        }
    }
}

impl From<ReservationRow> for Reservation {
    fn from(row: ReservationRow) -> Self {
        Self {
            currency: row.currency,
            authorized: row.authorized_minor,
            captured: row.captured_minor,
            refunded: row.refunded_minor,
            released: row.released_minor,
            is_voided: row.is_voided,
            expires_at: row.expires_at,
        }
    }
}
