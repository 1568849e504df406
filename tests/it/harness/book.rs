//! The witness: the sandbox's own book, read behind everybody's back.

use std::path::PathBuf;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

/// The book of a server's sandbox, for one shop.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    path: PathBuf,
    shop: String,
}

/// What the provider holds. Minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, QueryableByName)]
pub(crate) struct Reservation {
    #[diesel(sql_type = BigInt)]
    pub(crate) authorized_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) captured_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) refunded_minor: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) released_minor: i64,
    #[diesel(sql_type = Bool)]
    pub(crate) is_voided: bool,
    /// Its time is over: whatever is left of it is held no more.
    #[diesel(sql_type = Bool)]
    pub(crate) is_expired: bool,
}

/// One decision of the provider.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Entry {
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    /// `DONE` or `DECLINED`.
    #[diesel(sql_type = Text)]
    pub(crate) outcome: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) done_minor: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Book {
    pub(crate) fn new(path: PathBuf, shop: &str) -> Self {
        Self { path, shop: shop.to_owned() }
    }

    /// What is held for a reference, at whatever provider.
    pub(crate) fn reservation(&self, reference: &str) -> Option<Reservation> {
        self.rows(
            "SELECT authorized_minor, captured_minor, refunded_minor, released_minor, is_voided,
                    expires_at <= unixepoch('subsec') * 1000000 AS is_expired
             FROM reservations WHERE reference = ? AND shop = ?",
            reference,
        )
        .pop()
    }

    /// Everything that was decided about a reference, oldest first.
    pub(crate) fn entries(&self, reference: &str) -> Vec<Entry> {
        self.rows(
            "SELECT kind, outcome, done_minor FROM entries
             WHERE reference = ? AND shop = ? ORDER BY sequence",
            reference,
        )
    }

    /// The amounts of this kind that really moved, one per key, oldest first.
    pub(crate) fn done(&self, reference: &str, kind: &str) -> Vec<i64> {
        self.entries(reference)
            .into_iter()
            .filter(|entry| entry.kind == kind && entry.outcome == "DONE")
            .map(|entry| entry.done_minor)
            .collect()
    }

    /// How often this kind was called, look-ups left out.
    pub(crate) fn calls(&self, reference: &str, kind: &str) -> i64 {
        let statement = format!(
            "SELECT count(*) AS count FROM calls
             WHERE reference = ? AND shop = ? AND is_look_up = 0 AND kind = '{kind}'"
        );
        let counts: Vec<Count> = self.rows(&statement, reference);
        counts.first().map_or(0, |row| row.count)
    }

    /// How often this kind was looked up.
    pub(crate) fn looks(&self, reference: &str, kind: &str) -> i64 {
        let statement = format!(
            "SELECT count(*) AS count FROM calls
             WHERE reference = ? AND shop = ? AND is_look_up = 1 AND kind = '{kind}'"
        );
        let counts: Vec<Count> = self.rows(&statement, reference);
        counts.first().map_or(0, |row| row.count)
    }

    /// Under how many keys this kind was called.
    pub(crate) fn keys(&self, reference: &str, kind: &str) -> i64 {
        let statement = format!(
            "SELECT count(DISTINCT key) AS count FROM calls
             WHERE reference = ? AND shop = ? AND kind = '{kind}'"
        );
        let counts: Vec<Count> = self.rows(&statement, reference);
        counts.first().map_or(0, |row| row.count)
    }

    fn rows<Row>(&self, statement: &str, reference: &str) -> Vec<Row>
    where
        Row: QueryableByName<diesel::sqlite::Sqlite> + 'static,
    {
        if !self.path.exists() {
            return Vec::new();
        }
        let path = format!("file:{}?mode=ro", self.path.display());
        let mut connection = SqliteConnection::establish(&path).unwrap();
        diesel::connection::SimpleConnection::batch_execute(
            &mut connection,
            "PRAGMA busy_timeout = 20000;",
        )
        .unwrap();
        let query = diesel::sql_query(statement);
        // Before the provider's first call its tables are not there.
        query
            .bind::<Text, _>(reference)
            .bind::<Text, _>(&self.shop)
            .load(&mut connection)
            .unwrap_or_default()
    }
}
