//! A store to which nobody can write: whoever has heard an answer cannot record it.

use std::time::Duration;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use order_tests::fakes::{Fake, Provider};

use super::eventually;
use super::server::Store;

/// As long as this is there nobody else writes to the store.
pub(crate) enum Standstill {
    Sqlite(Box<SqliteConnection>),
    Postgres(tokio_postgres::Client),
}

/// What has come to the moment after the answer before it is recorded.
const HEARD: Duration = Duration::from_millis(500);

impl Standstill {
    /// The stand-in, which has kept waiting what it is asked for about each of these, does and answers
    /// it all, and nobody can write that down.
    pub(crate) async fn once_answered<System: Provider>(
        store: &Store,
        fake: &Fake<System>,
        about: &[impl AsRef<str>],
    ) -> Self {
        let all =
            |is_working| about.iter().all(|about| fake.is_working_on(about.as_ref()) == is_working);
        eventually("all are asked for", async || all(true).then_some(())).await;
        let standstill = Self::of(store).await;
        fake.recover();
        eventually("all are done and answered", async || all(false).then_some(())).await;
        standstill.is_waited_for(store).await;
        standstill
    }

    async fn of(store: &Store) -> Self {
        if store.database.is_some() {
            let client = store.postgres().await;
            client.batch_execute("BEGIN; SELECT 1 FROM shop_heads FOR UPDATE").await.unwrap();
            return Self::Postgres(client);
        }
        let mut connection = store.sqlite();
        connection.batch_execute("BEGIN IMMEDIATE").unwrap();
        Self::Sqlite(Box::new(connection))
    }

    /// What was heard is being recorded, and cannot be.
    async fn is_waited_for(&self, store: &Store) {
        tokio::time::sleep(HEARD).await;
        let Self::Postgres(_) = self else { return };
        let waiting = "SELECT query AS a FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("a turn waits for its shop", async || {
            (!store.texts(waiting).await.is_empty()).then_some(())
        })
        .await;
    }

    pub(crate) fn end(self) {
        match self {
            Self::Sqlite(mut connection) => connection.batch_execute("ROLLBACK").unwrap(),
            Self::Postgres(client) => drop(client),
        }
    }
}
