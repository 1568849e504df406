//! A look into the server's own tables, behind its back: only to read, or to damage on purpose.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::server::{Backend, Store};

#[derive(QueryableByName)]
struct FourNumbers {
    #[diesel(sql_type = BigInt)]
    a: i64,
    #[diesel(sql_type = BigInt)]
    b: i64,
    #[diesel(sql_type = BigInt)]
    c: i64,
    #[diesel(sql_type = BigInt)]
    d: i64,
}

#[derive(QueryableByName)]
struct OneText {
    #[diesel(sql_type = Text)]
    a: String,
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

impl Store {
    fn backend(&self) -> Backend {
        if self.database.is_some() { Backend::Postgres } else { Backend::Sqlite }
    }

    /// The rows of a query of four numbers, each `coalesce`d by the query where it may be null.
    pub(crate) async fn numbers(&self, columns: [&str; 4], rest: &str) -> Vec<[i64; 4]> {
        let listed = |cast: &str| {
            let columns: Vec<String> = columns
                .iter()
                .zip(["a", "b", "c", "d"])
                .map(|(column, name)| format!("CAST({column} AS {cast}) AS {name}"))
                .collect();
            format!("SELECT {} {rest}", columns.join(", "))
        };
        match self.backend() {
            Backend::Sqlite => {
                let rows: Vec<FourNumbers> =
                    diesel::sql_query(listed("INTEGER")).load(&mut self.sqlite()).unwrap();
                rows.into_iter().map(|row| [row.a, row.b, row.c, row.d]).collect()
            }
            Backend::Postgres => {
                let rows = self.postgres().await.query(&listed("BIGINT"), &[]).await.unwrap();
                rows.into_iter().map(|row| [0, 1, 2, 3].map(|place| row.get(place))).collect()
            }
        }
    }

    /// The rows of a query of one text, named `a`.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        match self.backend() {
            Backend::Sqlite => {
                let rows: Vec<OneText> = diesel::sql_query(query).load(&mut self.sqlite()).unwrap();
                rows.into_iter().map(|row| row.a).collect()
            }
            Backend::Postgres => {
                let rows = self.postgres().await.query(query, &[]).await.unwrap();
                rows.into_iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// How SQLite would go about a query.
    pub(crate) fn plan(&self, query: &str) -> String {
        let rows: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"))
            .load(&mut self.sqlite())
            .unwrap();
        rows.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")
    }

    /// Damages the tables. On SQLite nobody else may have them open.
    pub(crate) async fn damage(&self, statement: &str) {
        match self.backend() {
            Backend::Sqlite => self.sqlite().batch_execute(statement).unwrap(),
            Backend::Postgres => self.postgres().await.batch_execute(statement).await.unwrap(),
        }
    }

    pub(crate) fn sqlite(&self) -> SqliteConnection {
        let path = self.data_folder().join("orders.db");
        let mut connection = SqliteConnection::establish(&path.display().to_string()).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 20000;").unwrap();
        connection
    }

    pub(crate) async fn postgres(&self) -> tokio_postgres::Client {
        let url = &self.database.as_ref().unwrap().url;
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}
