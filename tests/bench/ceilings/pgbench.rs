//! Ceiling of PostgreSQL: the same rows by pgbench, one transaction per order.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::shapes::{self, TABLES, Value};
use crate::Result;

/// A database for the server and one for the ceilings, both dropped in the end.
pub(crate) struct Postgres {
    pub(crate) server_url: String,
    bare_url: String,
    admin_url: String,
    names: [String; 2],
    pgbench: PathBuf,
    psql: PathBuf,
    folder: PathBuf,
    runs: u32,
}

/// How pgbench sends the statements of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Each waits for the answer of the one before.
    OneByOne,
    /// All at once, one wait in the end.
    Pipelined,
}

/// Orders that stand in the tables before anything is measured.
const FILLED: i64 = 20_000;
/// Keys of a client's orders begin here times its number: clear of each other and of what is filled.
const KEYS_PER_CLIENT: i64 = 1_000_000_000;

impl Postgres {
    /// Makes both databases and fills the tables of the ceilings.
    ///
    /// # Errors
    /// No pgbench or psql, no PostgreSQL there, no right to create databases.
    pub(crate) fn prepare(admin_url: &str, folder: &Path) -> Result<Self> {
        let of = |kind: &str| format!("order_bench_{kind}_{}", std::process::id());
        let names = [of("server"), of("bare")];
        let [server, bare] = &names;
        let mut postgres = Self {
            server_url: with_database(admin_url, server)?,
            bare_url: with_database(admin_url, bare)?,
            admin_url: admin_url.to_owned(),
            pgbench: program("pgbench")?,
            psql: program("psql")?,
            folder: folder.to_owned(),
            names,
            runs: 0,
        };
        for name in postgres.names.clone() {
            postgres.execute(&postgres.admin_url, &format!("CREATE DATABASE {name}"))?;
        }
        postgres.make_tables(false)?;
        Ok(postgres)
    }

    /// Has the server's tables looked at, as PostgreSQL does by itself within a minute: until then
    /// plans are made in the dark.
    ///
    /// # Errors
    /// The statement fails.
    pub(crate) fn look_at_tables(&self) -> Result<()> {
        self.execute(&self.server_url, "ANALYZE")
    }

    /// Makes the tables anew and fills them.
    ///
    /// # Errors
    /// A statement fails.
    pub(crate) fn make_tables(&mut self, with_indexes: bool) -> Result<()> {
        let mut script = String::new();
        for table in &TABLES {
            writeln!(script, "DROP TABLE IF EXISTS {};", table.name)?;
        }
        for statement in shapes::definitions("BYTEA", "", with_indexes) {
            writeln!(script, "{statement};")?;
        }
        for table in &TABLES {
            let columns: Vec<String> =
                table.columns.iter().map(|&(_, value)| filled(value)).collect();
            writeln!(
                script,
                "INSERT INTO {} SELECT {} FROM generate_series(1, {FILLED}) AS n(n), \
                 generate_series(1, {}) AS r(r);",
                table.name,
                columns.join(", "),
                table.rows
            )?;
        }
        script.push_str("VACUUM ANALYZE;\n");
        self.execute_script(&self.bare_url, &script)
    }

    /// Inserts the rows of an order in one transaction each; orders a second.
    ///
    /// # Errors
    /// pgbench fails.
    pub(crate) fn insert(&mut self, clients: u16, window: Duration, how: Sending) -> Result<u64> {
        let mut script = format!(
            "\\set n :n + 1\n\\set key (:run * 1000 + :client_id + 1) * {KEYS_PER_CLIENT} + :n\n"
        );
        if how == Sending::Pipelined {
            script.push_str("\\startpipeline\n");
        }
        script.push_str("BEGIN;\n");
        for table in &TABLES {
            let rows: Vec<String> = (1..=table.rows)
                .map(|row| {
                    let values: Vec<String> =
                        table.columns.iter().map(|&(_, value)| sent(value, row)).collect();
                    format!("({})", values.join(", "))
                })
                .collect();
            writeln!(script, "INSERT INTO {} VALUES {};", table.name, rows.join(", "))?;
        }
        script.push_str("COMMIT;\n");
        if how == Sending::Pipelined {
            script.push_str("\\endpipeline\n");
        }
        self.pgbench("insert.sql", &script, clients, window)
    }

    /// Reads whole orders at random with one statement each; orders a second.
    ///
    /// # Errors
    /// pgbench fails.
    pub(crate) fn read(&mut self, clients: u16, window: Duration) -> Result<u64> {
        let script = format!(
            "\\set key random(1, {FILLED})\n\
             SELECT o.*, l.*, c.*, h.*, p.*, m.* FROM orders o \
             JOIN order_lines l ON l.order_key = o.order_key \
             JOIN customers c ON c.order_key = o.order_key AND c.version = 1 \
             JOIN order_payments h ON h.order_key = o.order_key \
             JOIN payments p ON p.payment_key = h.payment_key \
             JOIN payment_operations m ON m.operation_key = p.payment_key \
             WHERE o.order_key = :key::bigint;\n"
        );
        self.pgbench("read.sql", &script, clients, window)
    }

    fn pgbench(&mut self, name: &str, script: &str, clients: u16, window: Duration) -> Result<u64> {
        let file = self.folder.join(name);
        std::fs::write(&file, script)?;
        self.runs += 1;
        let threads = std::thread::available_parallelism()?.get().min(usize::from(clients));
        let mut command = Command::new(&self.pgbench);
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .args([format!("--client={clients}"), format!("--jobs={threads}")])
            .arg(format!("--time={}", window.as_secs().max(1)))
            .args(["--define=n=0".to_owned(), format!("--define=run={}", self.runs)])
            .arg("--file")
            .arg(&file);
        for length in lengths() {
            command.arg(format!("--define=bytes{length}=\\x{}", "5a".repeat(length)));
        }
        let output = command.arg(&self.bare_url).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || said.contains("aborted") {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(
                format!("pgbench failed: {}", why.lines().last().unwrap_or_default()).into()
            );
        }
        transactions_per_second(&said).ok_or_else(|| "pgbench told no rate".into())
    }

    fn execute(&self, url: &str, statement: &str) -> Result<()> {
        let mut command = Command::new(&self.psql);
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", statement]);
        succeed(command.arg(url))
    }

    fn execute_script(&self, url: &str, script: &str) -> Result<()> {
        let file = self.folder.join("tables.sql");
        std::fs::write(&file, script)?;
        let mut command = Command::new(&self.psql);
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"]).arg(&file);
        succeed(command.arg(url))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        for name in &self.names {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            if let Err(error) = self.execute(&self.admin_url, &statement) {
                crate::report::progress(&format!("{name} is left behind: {error}"));
            }
        }
    }
}

/// A value in the statement that pgbench sends for an order. Bytes are sent as parameters, as a
/// service has to.
fn sent(value: Value, row: i64) -> String {
    match value {
        Value::Order => ":key::bigint".to_owned(),
        Value::Row => row.to_string(),
        Value::Bytes(length) => format!(":bytes{length}::bytea"),
        Value::Reference => "'WEB-1-' || :key::bigint".to_owned(),
        Value::RequestId => "decode(lpad(to_hex(:key::bigint), 32, '0'), 'hex')".to_owned(),
        varied => differing(varied, ":key::bigint", &row.to_string()),
    }
}

/// A value in the statement that fills a table.
fn filled(value: Value) -> String {
    match value {
        Value::Order => "n.n".to_owned(),
        Value::Row => "r.r".to_owned(),
        Value::Bytes(length) => format!("decode(repeat('5a', {length}), 'hex')"),
        Value::Reference => "'WEB-1-' || n.n".to_owned(),
        Value::RequestId => "decode(lpad(to_hex(n.n), 32, '0'), 'hex')".to_owned(),
        varied => differing(varied, "n.n", "r.r"),
    }
}

/// A value that differs between orders, as [`shapes`] says, with the key of the order and the row.
fn differing(value: Value, order: &str, row: &str) -> String {
    let (stride, amounts, goods) = (shapes::STRIDE, shapes::AMOUNTS, shapes::GOODS);
    match value {
        Value::Money => format!("({order} * {stride} % {amounts}) * 100"),
        Value::Digest => format!("md5({order} || ':' || {row})"),
        Value::Person => format!("decode(md5({order} || ':' || {row}), 'hex')"),
        Value::Sku => {
            format!("'SKU-' || lpad((({order} * {stride} + {row}) % {goods})::text, 7, '0')")
        }
        constant => literal(constant),
    }
}

fn literal(value: Value) -> String {
    match value {
        Value::Whole(whole) => whole.to_string(),
        Value::Text(length) => format!("'{}'", "x".repeat(length)),
        _ => "NULL".to_owned(),
    }
}

/// The lengths of bytes that occur.
fn lengths() -> impl Iterator<Item = usize> {
    let columns = TABLES.iter().flat_map(|table| table.columns);
    columns.filter_map(|(_, value)| match value {
        Value::Bytes(length) => Some(*length),
        _ => None,
    })
}

/// The whole part of `tps = 1234.5 (without initial connection time)`.
fn transactions_per_second(said: &str) -> Option<u64> {
    let (_, rate) = said.split_once("tps = ")?;
    rate.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The same server with another database.
fn with_database(url: &str, name: &str) -> Result<String> {
    let (scheme, rest) =
        url.split_once("://").ok_or("--postgres-url must begin with postgres://")?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = path.split('/').next().unwrap_or_default();
    let separator = if query.is_empty() { "" } else { "?" };
    Ok(format!("{scheme}://{authority}/{name}{separator}{query}"))
}

/// A program of PostgreSQL: in the path, or where Debian puts the newest.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut found: Vec<PathBuf> =
            versions.flatten().map(|version| version.path().join("bin")).collect();
        found.sort();
        folders.extend(found.into_iter().rev());
    }
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("{name} is neither in PATH nor below /usr/lib/postgresql").into())
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("psql failed: {}", why.lines().next().unwrap_or_default()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_keeps_the_rest_of_the_url() {
        let cases = [
            ("postgres://u:p@h:5432/postgres", "postgres://u:p@h:5432/x"),
            ("postgresql://h", "postgresql://h/x"),
            ("postgres://h/db?sslmode=disable", "postgres://h/x?sslmode=disable"),
            ("postgres:///db?host=/tmp", "postgres:///x?host=/tmp"),
        ];
        for (url, expected) in cases {
            assert_eq!(with_database(url, "x").unwrap(), expected);
        }
        assert!(with_database("localhost", "x").is_err());
    }

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let said = "latency average = 1.2 ms\ntps = 4182.61 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said), Some(4182));
        assert_eq!(transactions_per_second("nothing"), None);
    }
}
