//! The benchmark: the release server under load, each number beside a ceiling of the same run.
//!
//! `cargo run --release -p order-tests --bin bench -- --backend sqlite`, with `order-server` built
//! (`cargo build --release -p order-server`). Server and load are separate processes on this machine.

mod ceilings;
mod load;
mod purchases;
mod report;
mod rows;
mod server;
mod stage;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use load::Pressure;
use report::Report;
use stage::Backend;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Measures the order service beside what the machine can do.
#[derive(Parser, Debug, Clone)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// Database behind the server.
    #[arg(long, value_enum, default_value_t = Databases::Sqlite)]
    backend: Databases,
    /// PostgreSQL whose user may create databases: `postgres://user:password@host:port/postgres`.
    #[arg(long, env = "ORDER_BENCH_POSTGRES_URL", hide_env_values = true)]
    postgres_url: Option<String>,
    /// The server's program [default: order-server beside this program].
    #[arg(long, value_name = "FILE")]
    server_bin: Option<PathBuf>,
    /// Folder for databases, on the disk to be measured; emptied afterwards [default: a temporary one].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Calls in flight.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    in_flight: u16,
    /// Connections the calls are spread over.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: u16,
    /// Length of each measured window, seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Warm-up before each window, seconds.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    warm_up: u64,
    /// Windows of each number; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Orders in the shop whose pages are listed; at least 10,000.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    orders: u64,
    /// Measure only rows whose name contains this; may be given more than once.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Write the table as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    process: Option<Process>,
}

/// Which databases are measured.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

/// What a child process of the benchmark does.
#[derive(Subcommand, Debug, Clone)]
enum Process {
    /// Answers every call with the bytes of a file.
    #[command(hide = true)]
    Answer {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        file: PathBuf,
    },
}

impl Arguments {
    pub(crate) fn pressure(&self) -> Pressure {
        Pressure {
            in_flight: usize::from(self.in_flight),
            warm_up: Duration::from_secs(self.warm_up),
            window: Duration::from_secs(self.seconds),
        }
    }

    /// Whether a row of this name is asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        let row = row.to_lowercase();
        self.only.is_empty() || self.only.iter().any(|text| row.contains(&text.to_lowercase()))
    }

    fn backends(&self) -> &'static [Backend] {
        match self.backend {
            Databases::Sqlite => &[Backend::Sqlite],
            Databases::Postgres => &[Backend::Postgres],
            Databases::Both => &[Backend::Sqlite, Backend::Postgres],
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::progress(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// True when every row that was asked for could be measured, whether it reached its goal or not.
fn run(arguments: &Arguments) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(Process::Answer { port, file }) = &arguments.process {
        runtime.block_on(ceilings::answering::serve(*port, file))?;
        return Ok(true);
    }
    let mut report = Report::default();
    for &backend in arguments.backends() {
        if let Err(error) = runtime.block_on(rows::measure(arguments, backend, &mut report)) {
            report.failed(backend, "the whole backend", &error.to_string());
        }
    }
    report.print()?;
    if let Some(file) = &arguments.json {
        report.write_json(file)?;
    }
    Ok(report.is_complete())
}
