//! Where everything durable lives: one query set, compiled once for each database.

pub(crate) mod rows;
pub(crate) mod schema;

mod among;
pub(crate) mod audits;
pub(crate) mod claims;
pub(crate) mod facts;
pub(crate) mod log;
pub(crate) mod pages;
pub(crate) mod postgres;
mod prepared;
mod purchases;
pub(crate) mod readings;
pub(crate) mod sqlite;

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// Which database, and how many connections.
#[derive(Clone, Debug)]
pub(crate) struct StoreSettings {
    pub place: Place,
    /// Connections that only read; on PostgreSQL the writers are counted beside them.
    pub readers: usize,
    /// Turns under way at once. SQLite has one writer whatever this says.
    pub writers: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The SQLite file; its folder exists.
    File(PathBuf),
    /// A PostgreSQL.
    Server(postgres::Address),
}

#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(sqlite::Database),
    Postgres(postgres::Database),
}

/// Calls the same method of whichever database it is.
macro_rules! on_either {
    ($store:expr, $database:ident => $call:expr) => {
        match $store {
            $crate::store::Store::Sqlite($database) => $call,
            $crate::store::Store::Postgres($database) => $call,
        }
    };
}
pub(crate) use on_either;

/// Why the store did not do it.
#[derive(Debug)]
pub(crate) enum StoreFailure {
    /// The database is away, or took too long: nothing is known of what was written.
    Away(String),
    /// Another transaction was in the way: the same again may succeed.
    Conflict(String),
    /// A constraint said no: a defect, or a race that a rule should have seen.
    Constraint(String),
    /// Anything else: a defect.
    Defect(String),
}

/// Why the store could not be opened. Each is one line for the terminal.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// Another process serves this file.
    InUse(PathBuf),
    /// The file holds something else, or cannot be read.
    NotOurs {
        path: PathBuf,
        found: &'static str,
    },
    /// The database was written by a newer version.
    NewerSchema(String),
    /// PostgreSQL could lose what it says it has kept.
    Unsafe(String),
    Unreachable(String),
}

impl Store {
    /// Opens the database, brings its tables up to date, and makes sure that it keeps its promises.
    ///
    /// # Errors
    /// When it is away, newer than this binary, in use by another process, or not durable.
    pub(crate) async fn open(settings: &StoreSettings) -> Result<Self, OpenFailure> {
        match &settings.place {
            Place::File(path) => sqlite::Database::open(path, settings).await.map(Self::Sqlite),
            Place::Server(address) => {
                postgres::Database::open(address, settings).await.map(Self::Postgres)
            }
        }
    }

    /// Takes what was overwritten or removed out of the embedded database's log. PostgreSQL takes it
    /// away when it vacuums.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn forget(&self) -> Result<(), StoreFailure> {
        let Self::Sqlite(database) = self else { return Ok(()) };
        if !database.log_empty().await? {
            tracing::warn!(
                "a reader keeps the database's log; it is emptied when the service stops"
            );
        }
        Ok(())
    }

    /// True for the embedded database: one process, so every change passes through this one.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

impl std::fmt::Display for OpenFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse(path) => {
                write!(
                    f,
                    "another process is serving {}: stop it, or choose another --data-dir",
                    path.display()
                )
            }
            Self::NotOurs { path, found } => {
                write!(
                    f,
                    "{} is no order database ({found}): choose another --data-dir, or put a backup of \
                     the orders in its place",
                    path.display()
                )
            }
            Self::NewerSchema(version) => {
                write!(
                    f,
                    "the database was written by a newer version (migration {version}): use that version"
                )
            }
            Self::Unsafe(setting) => {
                write!(f, "PostgreSQL has {setting}, so it can lose orders: turn it on")
            }
            Self::Unreachable(cause) => write!(f, "cannot open the database: {cause}"),
        }
    }
}

impl std::fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Away(text) => write!(f, "store away: {text}"),
            Self::Conflict(text) => write!(f, "store conflict: {text}"),
            Self::Constraint(text) => write!(f, "store constraint: {text}"),
            Self::Defect(text) => write!(f, "store: {text}"),
        }
    }
}

impl From<QueryError> for StoreFailure {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::DatabaseError(kind, info) => {
                let text = format!("{kind:?}: {}", info.message());
                match kind {
                    DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::NotNullViolation
                    | DatabaseErrorKind::CheckViolation => Self::Constraint(text),
                    DatabaseErrorKind::SerializationFailure => Self::Conflict(text),
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand => Self::Away(text),
                    _ if is_worth_a_retry(info.message()) => Self::Conflict(text),
                    _ if is_away(info.message()) => Self::Away(text),
                    _ => Self::Defect(text),
                }
            }
            QueryError::BrokenTransactionManager => Self::Away(error.to_string()),
            _ => Self::Defect(error.to_string()),
        }
    }
}

impl<Cause: std::fmt::Display> From<deadpool::managed::PoolError<Cause>> for StoreFailure {
    fn from(error: deadpool::managed::PoolError<Cause>) -> Self {
        Self::Away(error.to_string())
    }
}

fn is_worth_a_retry(message: &str) -> bool {
    ["deadlock", "lock timeout", "database is locked", "could not serialize"]
        .iter()
        .any(|sign| message.contains(sign))
}

fn is_away(message: &str) -> bool {
    [
        "connection closed",
        "terminating connection",
        "shutting down",
        "starting up",
        "disk",
        "error communicating",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}
