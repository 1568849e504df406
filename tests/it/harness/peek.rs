//! A look into the server's own tables, behind its back: only to read, or to damage on purpose.

use std::path::PathBuf;

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

/// Where a dump has the words of the index.
pub(crate) const INDEXED: &str = "words of order_search";

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Keeps a lock until it is dropped.
pub(crate) struct Held {
    _sqlite: Option<SqliteConnection>,
    _postgres: Option<tokio_postgres::Client>,
}

/// Bytes of a text of hexadecimal digits.
fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
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

    /// How the database would go about a query. PostgreSQL reads a table of few rows as a whole, unless
    /// it is told not to.
    pub(crate) async fn plan(&self, query: &str) -> String {
        let steps: Vec<String> = match self.backend() {
            Backend::Sqlite => {
                let rows: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"))
                    .load(&mut self.sqlite())
                    .unwrap();
                rows.into_iter().map(|step| step.detail).collect()
            }
            Backend::Postgres => {
                let client = self.postgres().await;
                client.batch_execute("SET enable_seqscan = off").await.unwrap();
                let rows = client.query(&format!("EXPLAIN {query}"), &[]).await.unwrap();
                rows.into_iter().map(|row| row.get(0)).collect()
            }
        };
        steps.join("\n")
    }

    /// Everything of every column of every table, with the table's name, and the words of the index.
    pub(crate) async fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let listed = match self.backend() {
            Backend::Sqlite => {
                "SELECT m.name || ' ' || c.name AS a FROM sqlite_master m
                 JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
            }
            Backend::Postgres => {
                "SELECT table_name || ' ' || column_name FROM information_schema.columns
                 WHERE table_schema = 'public'"
            }
        };
        let mut dump = Vec::new();
        for column in self.texts(listed).await {
            let (table, column) = column.split_once(' ').unwrap();
            let query = match self.backend() {
                Backend::Sqlite => format!(
                    "SELECT hex(CAST({column} AS BLOB)) AS a FROM {table} WHERE {column} IS NOT NULL"
                ),
                Backend::Postgres => format!(
                    "SELECT encode(CASE WHEN pg_typeof({column})::text = 'bytea' THEN {column}::text::bytea
                     ELSE convert_to({column}::text, 'UTF8') END, 'hex')
                     FROM {table} WHERE {column} IS NOT NULL"
                ),
            };
            for hex in self.texts(&query).await {
                dump.push((table.to_owned(), bytes_of(&hex)));
            }
        }
        dump.extend(self.indexed().await.into_iter().map(|word| (INDEXED.to_owned(), word.into())));
        dump
    }

    /// Every word of the index of words, as the database itself has it.
    async fn indexed(&self) -> Vec<String> {
        match self.backend() {
            Backend::Sqlite => {
                let mut connection = self.sqlite();
                let look = "CREATE VIRTUAL TABLE temp.indexed
                            USING fts5vocab('main', 'order_search', 'row')";
                connection.batch_execute(look).unwrap();
                let query = diesel::sql_query("SELECT term AS a FROM temp.indexed");
                let rows: Vec<OneText> = query.load(&mut connection).unwrap();
                rows.into_iter().map(|row| row.a).collect()
            }
            Backend::Postgres => {
                let query = "SELECT word FROM ts_stat('SELECT words FROM order_search')";
                self.texts(query).await
            }
        }
    }

    /// Takes away what the tables themselves forbid; on SQLite `damage` does without it anyway.
    pub(crate) async fn lift_constraints(&self) {
        if self.backend() == Backend::Postgres {
            let lift = "DO $$ DECLARE one RECORD; BEGIN
                FOR one IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
                    WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace
                LOOP
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.place, one.conname);
                END LOOP; END $$;";
            self.postgres().await.batch_execute(lift).await.unwrap();
        }
    }

    /// Changes the tables, whether a server has them open or not; damages them, if that is meant.
    pub(crate) async fn damage(&self, statement: &str) {
        match self.backend() {
            Backend::Sqlite => {
                let unbound = format!("PRAGMA ignore_check_constraints = ON; {statement}");
                self.sqlite().batch_execute(&unbound).unwrap();
            }
            Backend::Postgres => self.postgres().await.batch_execute(statement).await.unwrap(),
        }
    }

    /// The files of the embedded database: the orders and the log beside them.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.data_folder()).into_iter().flatten();
        let all = all.map(|entry| entry.unwrap().path());
        let of_orders =
            |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("orders.db");
        all.filter(of_orders).collect()
    }

    /// Makes a change and keeps it to itself, so that whoever changes the same waits. On SQLite that is
    /// whoever changes anything.
    pub(crate) async fn hold(&self, statement: &str) -> Held {
        match self.backend() {
            Backend::Sqlite => {
                let mut connection = self.sqlite();
                connection.batch_execute(&format!("BEGIN IMMEDIATE; {statement};")).unwrap();
                Held { _sqlite: Some(connection), _postgres: None }
            }
            Backend::Postgres => {
                let client = self.postgres().await;
                client.batch_execute(&format!("BEGIN; {statement};")).await.unwrap();
                Held { _sqlite: None, _postgres: Some(client) }
            }
        }
    }

    /// Has whoever changes these rows stand still for seconds in the middle of it, until `let_go`.
    pub(crate) async fn hold_up(&self, table: &str, rows: &str) {
        let slow = match self.backend() {
            Backend::Sqlite => format!(
                "CREATE TRIGGER hold_up BEFORE UPDATE ON {table} WHEN {rows} BEGIN
                    SELECT count(*) FROM (WITH RECURSIVE numbers(n) AS
                        (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 20000000)
                        SELECT n FROM numbers);
                 END"
            ),
            Backend::Postgres => format!(
                "CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_sleep(4); RETURN NEW; END $$;
                 CREATE TRIGGER hold_up BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({rows})
                    EXECUTE FUNCTION hold_up()"
            ),
        };
        self.damage(&slow).await;
    }

    pub(crate) async fn let_go(&self, table: &str) {
        let go = match self.backend() {
            Backend::Sqlite => "DROP TRIGGER hold_up".to_owned(),
            Backend::Postgres => {
                format!("DROP TRIGGER hold_up ON {table}; DROP FUNCTION hold_up")
            }
        };
        self.damage(&go).await;
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
