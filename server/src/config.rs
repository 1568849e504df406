//! Every setting, once: its name, default, bounds and meaning.
//!
//! `--data-dir`, `ORDER_DATA_DIR` and `data-dir = "…"` in the file of `--config` are one setting; a
//! flag beats the environment, the environment the file, and the file the default.

mod sources;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Parser};

use crate::mail::{SmtpUrl, Unreadable};
use crate::store::postgres::Address;
use crate::telemetry::{LogFormat, is_filter};
use crate::vault::Vault;
use sources::Sources;

const DRAIN_TIMEOUT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(600);
/// No longer than the rules reckon with before an outcome counts as unknown.
const CALL_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);
const CONNECTIONS: RangeInclusive<usize> = 1..=256;
const RECONCILE_RATE_MAX: u32 = 1_000;

/// The order service.
///
/// Without any setting it serves this machine from an embedded database.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "order-server",
    version,
    after_help = "Each flag is also an environment variable (--data-dir: ORDER_DATA_DIR) and a \
                  setting in the file of --config (data-dir = \"…\").\nA flag beats the \
                  environment, the environment the file, and the file the default."
)]
pub struct Settings {
    /// Address to serve. Loopback only, because callers are not authenticated; port 0: any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070", value_parser = loopback)]
    listen: SocketAddr,

    /// Address to take webhooks of payment providers at, by HTTP; without it none are taken. Loopback
    /// only: a proxy with TLS passes on what comes to `/webhooks/`
    #[arg(long, value_name = "ADDRESS", value_parser = loopback_for_webhooks)]
    webhook_listen: Option<SocketAddr>,

    /// Folder of the embedded database; made when absent
    #[arg(long, value_name = "FOLDER", default_value = "./order-data")]
    data_dir: PathBuf,

    /// PostgreSQL instead of the embedded database: `postgres://user:password@host/database`.
    /// `?sslmode=require` (the default, but for this machine and sockets; the same as verify-full):
    /// only by TLS, to a server whose certificate is of this host and somebody trusted, who may be
    /// named by `sslrootcert=FILE`; prefer: that where the server has TLS, in the clear where not;
    /// disable: in the clear. Better given in the environment, where other users of the machine do
    /// not see it
    #[arg(long, value_name = "URL", value_parser = database_url)]
    database_url: Option<Address>,

    /// File of the built-in sandbox provider's own book [default: sandbox.db in the data folder]
    #[arg(long, value_name = "FILE")]
    sandbox_book: Option<PathBuf>,

    /// File with the keys that the credentials of integrations are encrypted with: one a line, 32 bytes
    /// in base64 or hexadecimal; the first encrypts, all decrypt. It is read anew when it changes. Without it
    /// and without `ORDER_CREDENTIALS_KEY` only the sandbox can be used
    #[arg(long, value_name = "FILE")]
    credentials_key_file: Option<PathBuf>,

    /// The same keys between commas. Only from the environment or the file of --config: a command line
    /// is seen by other users of the machine
    #[arg(long, value_name = "KEYS", hide = true, value_parser = credentials_key)]
    credentials_key: Option<Vault>,

    /// Whether integrations may name a stand-in at a loopback address of this machine, to try things
    /// out: true or false
    #[arg(long, value_name = "ALLOWED", default_value = "false", action = ArgAction::Set)]
    stand_ins: bool,

    /// Mail server that takes the mails to customers: `smtps://user:password@host:465`, or
    /// `smtp://user:password@host:587?tls=required` for STARTTLS. Better given in the environment or
    /// the file, where other users of the machine do not see it
    #[arg(long, value_name = "URL", value_parser = smtp_url)]
    smtp_url: Option<SmtpUrl>,

    /// PEM file of who vouches for mail servers, shops' own too, where this system does not know it
    #[arg(long, value_name = "FILE")]
    smtp_ca: Option<PathBuf>,

    /// Folder for mails as .eml files while there is no mail server [default: mail in the data folder]
    #[arg(long, value_name = "FOLDER")]
    mail_folder: Option<PathBuf>,

    /// How log records look, on stderr; auto: text on a terminal, JSON otherwise
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    log_format: LogFormat,

    /// Which log records: a level, or levels by part of the program (`info,order_server=debug`)
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    log_filter: String,

    /// How long a stop waits for what is under way, 0s to 10m
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = drain_timeout)]
    drain_timeout: Duration,

    /// Turns under way at once on PostgreSQL, 1 to 256; the embedded database has one writer
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = connections)]
    turn_workers: usize,

    /// Database connections that only read, 1 to 256
    #[arg(long, value_name = "COUNT", default_value = "8", value_parser = connections)]
    read_connections: usize,

    /// How long a provider has to answer a call, and a mail server to come to a mail's text: 100ms to 30s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = call_timeout)]
    call_timeout: Duration,

    /// Payments that are read at their providers in a second without anybody asking, 0 to 1000; 0: none
    #[arg(long, value_name = "COUNT", default_value = "5", value_parser = reconcile_rate)]
    reconcile_rate: u32,

    /// TOML file with settings
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Why there are no settings.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// Help or version was asked for: text for stdout.
    Told(String),
    /// A setting is wrong: one line for stderr.
    Wrong(String),
}

impl Settings {
    /// The settings of this process: flags, environment, file.
    ///
    /// # Errors
    /// Help asked for, a wrong or unknown setting, a file that cannot be read.
    pub fn of_process() -> Result<Self, Stop> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        sources::read(&Sources {
            arguments: &arguments,
            environment: &|name| std::env::var_os(name),
            read_file: &|path| std::fs::read_to_string(path),
        })
    }

    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    #[must_use]
    pub fn log_filter(&self) -> &str {
        &self.log_filter
    }

    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn webhook_listen(&self) -> Option<SocketAddr> {
        self.webhook_listen
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The embedded database's file, where no PostgreSQL is named.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.data_dir.join("orders.db")
    }

    pub(crate) fn database_url(&self) -> Option<&Address> {
        self.database_url.as_ref()
    }

    pub(crate) fn sandbox_book(&self) -> PathBuf {
        self.sandbox_book.clone().unwrap_or_else(|| self.data_dir.join("sandbox.db"))
    }

    pub(crate) fn smtp_url(&self) -> Option<SmtpUrl> {
        self.smtp_url.clone()
    }

    pub(crate) fn smtp_ca(&self) -> Option<&Path> {
        self.smtp_ca.as_deref()
    }

    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.mail_folder.clone().unwrap_or_else(|| self.data_dir.join("mail"))
    }

    /// The keys for credentials of integrations.
    ///
    /// # Errors
    /// One line on the file: it cannot be read, or what is in it is no key.
    pub(crate) fn vault(&self) -> Result<Vault, String> {
        let Some(path) = &self.credentials_key_file else {
            return Ok(self.credentials_key.clone().unwrap_or_default());
        };
        Vault::of_file(path)
    }

    pub(crate) fn stand_ins(&self) -> bool {
        self.stand_ins
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    pub(crate) fn turn_workers(&self) -> usize {
        self.turn_workers
    }

    pub(crate) fn read_connections(&self) -> usize {
        self.read_connections
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    pub(crate) fn reconcile_rate(&self) -> u32 {
        self.reconcile_rate
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    loopback_until(text, "until callers are authenticated")
}

fn loopback_for_webhooks(text: &str) -> Result<SocketAddr, String> {
    loopback_until(text, "with a proxy in front of it that speaks TLS")
}

fn loopback_until(text: &str, why: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "must be an IP address with a port, e.g. 127.0.0.1:7070")?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("must be a loopback address (127.0.0.1 or [::1]) {why}"))
    }
}

fn database_url(text: &str) -> Result<Address, String> {
    text.parse()
}

fn smtp_url(text: &str) -> Result<SmtpUrl, String> {
    text.parse().map_err(|Unreadable(problem)| problem.to_owned())
}

fn credentials_key(text: &str) -> Result<Vault, String> {
    Vault::read(text)
}

fn log_filter(text: &str) -> Result<String, String> {
    if is_filter(text) {
        Ok(text.to_owned())
    } else {
        Err("must be a level (error, warn, info, debug, trace), or levels by part".to_owned())
    }
}

fn drain_timeout(text: &str) -> Result<Duration, String> {
    duration(text, &DRAIN_TIMEOUT)
}

fn call_timeout(text: &str) -> Result<Duration, String> {
    duration(text, &CALL_TIMEOUT)
}

fn connections(text: &str) -> Result<usize, String> {
    let wrong = || format!("must be from {} to {}", CONNECTIONS.start(), CONNECTIONS.end());
    text.parse().ok().filter(|count| CONNECTIONS.contains(count)).ok_or_else(wrong)
}

fn reconcile_rate(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count <= RECONCILE_RATE_MAX);
    count.ok_or_else(|| format!("must be from 0 to {RECONCILE_RATE_MAX}"))
}

/// A time such as `500ms`, `20s` or `2m`.
fn duration(text: &str, bounds: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit_ms = match text.strip_prefix(digits) {
        Some("ms") => Some(1),
        Some("s") => Some(1_000),
        Some("m") => Some(60_000),
        _ => None,
    };
    let count = digits.parse::<u64>().ok();
    let time = unit_ms
        .zip(count)
        .and_then(|(unit_ms, count)| count.checked_mul(unit_ms))
        .map(Duration::from_millis);
    match time {
        None => Err("must be a time such as 500ms, 20s or 2m".to_owned()),
        Some(time) if bounds.contains(&time) => Ok(time),
        Some(_) => {
            let (least, most) = (in_words(*bounds.start()), in_words(*bounds.end()));
            Err(format!("must be from {least} to {most}"))
        }
    }
}

/// A time as it is given: `100ms`, `20s` or `10m`.
fn in_words(time: Duration) -> String {
    match (time.as_millis(), time.as_secs()) {
        (0, _) => "0s".to_owned(),
        (millis, _) if millis % 1_000 != 0 => format!("{millis}ms"),
        (_, seconds) if seconds % 60 != 0 => format!("{seconds}s"),
        (_, seconds) => format!("{}m", seconds / 60),
    }
}
