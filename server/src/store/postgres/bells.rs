//! How replicas wake each other: hints outside every transaction; the truth is always the table.

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::{Stream, StreamExt};

use super::Database;
use crate::store::StoreFailure;

/// Name of the channel, the same in every version.
const CHANNEL: &str = "orders";

/// A connection of its own on which other replicas are told.
pub(crate) struct Bell {
    connection: AsyncPgConnection,
}

impl Database {
    /// Connects to tell others.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn bell(&self) -> Result<Bell, StoreFailure> {
        Ok(Bell { connection: self.connect().await? })
    }

    /// Hands every text that a replica rings, this one too, to `heard`. Ends only when the
    /// connection does; `is_listening` is called once hints are not lost any more.
    ///
    /// # Errors
    /// Always: why the connection ended.
    pub(crate) async fn hear(
        &self,
        is_listening: impl FnOnce() + Send,
        mut heard: impl FnMut(&str) + Send,
    ) -> StoreFailure {
        let mut connection = match self.connect().await {
            Ok(connection) => connection,
            Err(failure) => return failure,
        };
        if let Err(error) = connection.batch_execute(&format!("LISTEN {CHANNEL}")).await {
            return error.into();
        }
        is_listening();
        let mut rings: std::pin::Pin<Box<dyn Stream<Item = _> + Send + '_>> =
            Box::pin(connection.notifications_stream());
        while let Some(ring) = rings.next().await {
            match ring {
                Ok(ring) => heard(&ring.payload),
                Err(error) => return error.into(),
            }
        }
        StoreFailure::Away("the listening connection ended".to_owned())
    }

    async fn connect(&self) -> Result<AsyncPgConnection, StoreFailure> {
        self.connector.connect().await.map_err(StoreFailure::Away)
    }
}

impl Bell {
    /// Tells every replica.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(crate) async fn ring(&mut self, text: &str) -> Result<(), StoreFailure> {
        diesel::sql_query(format!("SELECT pg_notify('{CHANNEL}', $1)"))
            .bind::<diesel::sql_types::Text, _>(text)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }
}
