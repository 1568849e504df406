//! `orderctl export`: every order that the conditions hold for, for spreadsheets and programs.

mod columns;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use order_sdk::proto;

use crate::failure::Failure;
use crate::json;
use crate::orders::filter::FilterArguments;
use crate::output::Output;
use crate::private_files;
use crate::session::Session;
use crate::status_names::StatusNames;

use columns::Column;

const PAGE_SIZE: i32 = 500;

const EXAMPLES: &str = "\
Examples:
  orderctl export --format csv --tag completed --since 30d --to orders.csv
  orderctl export --format csv --lines --fields number,sku,quantity,line_gross
  orderctl export --format jsonl --text kari | jq .totals

By number, oldest first. CSV has one row per order, with --lines one per line; amounts are in major \
units, times in UTC; `price_basis` says whether unit prices and discounts include VAT (GROSS) or not \
(NET). A text that a spreadsheet would take for a formula has a ' before it. JSON Lines are the \
contract's orders.

A file is written beside its name, as FILE.part, and gets its name when it is whole; lines and rows are \
always whole. It holds customers' data: only you can read it.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArguments {
    /// For spreadsheets, or the contract's JSON
    #[arg(long, value_enum)]
    format: Format,

    /// Where it goes; stdout unless told
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    /// CSV: one row per line instead of one per order
    #[arg(long)]
    lines: bool,

    /// CSV: these columns in this order, apart by commas; all unless told
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    fields: Vec<String>,

    /// Deleted orders, too
    #[arg(long)]
    show_deleted: bool,

    #[command(flatten)]
    filter: FilterArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// Where orders go.
enum Sink {
    Csv {
        writer: Box<csv::Writer<Box<dyn Write>>>,
        columns: Vec<&'static Column>,
        is_by_line: bool,
    },
    Jsonl(Box<dyn Write>),
}

pub(crate) async fn run(session: &Session, arguments: ExportArguments) -> Result<(), Failure> {
    let names = match arguments.filter.names_statuses() {
        true => Some(StatusNames::load(session).await?),
        false => None,
    };
    let columns = columns(&arguments)?;
    let filter = arguments.filter.clone().filter(session, names.as_ref()).await?;
    let mut query = session.client.orders(&session.shop).order_by("number");
    query = query.filter(move |empty| *empty = filter);
    if arguments.show_deleted {
        query = query.show_deleted();
    }
    let part = arguments.to.as_deref().map(part_of);
    let progress = progress(query.clone(), arguments.to.is_some()).await?;
    let mut sink = Sink::open(&arguments, columns, part.as_deref())?;
    let mut pages = query.page_size(PAGE_SIZE).pages();
    let mut written = 0_u64;
    while let Some(page) = pages.next().await {
        for order in page?.items {
            sink.write(&order)?;
            written += 1;
        }
        sink.flush()?;
        progress.set_position(written);
    }
    drop(sink);
    progress.finish_and_clear();
    if let (Some(part), Some(to)) = (&part, &arguments.to) {
        std::fs::rename(part, to).map_err(|error| Failure::of_file(to, &error))?;
        Output::tell(&format!("{written} orders are in {}", to.display()));
    }
    Ok(())
}

fn columns(arguments: &ExportArguments) -> Result<Vec<&'static Column>, Failure> {
    let is_csv = arguments.format == Format::Csv;
    if !is_csv && (arguments.lines || !arguments.fields.is_empty()) {
        return Err(Failure::Usage("--lines and --fields are for --format csv".to_owned()));
    }
    columns::chosen(&arguments.fields, arguments.lines).map_err(Failure::Usage)
}

fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// Shown on a terminal that does not show the export itself.
async fn progress(query: order_sdk::OrderQuery, has_file: bool) -> Result<ProgressBar, Failure> {
    if !io::stderr().is_terminal() || (!has_file && io::stdout().is_terminal()) {
        return Ok(ProgressBar::hidden());
    }
    let total = u64::try_from(query.count().await?).unwrap_or_default();
    let bar = ProgressBar::new(total);
    Ok(match ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed} (left {eta})") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    })
}

impl Sink {
    fn open(
        arguments: &ExportArguments,
        columns: Vec<&'static Column>,
        part: Option<&Path>,
    ) -> Result<Self, Failure> {
        let target: Box<dyn Write> = match part {
            Some(path) => {
                // Who may read what another export left behind is not known.
                let _gone = std::fs::remove_file(path);
                Box::new(BufWriter::new(private_files::create_new(path)?))
            }
            None => Box::new(BufWriter::new(io::stdout())),
        };
        Ok(match arguments.format {
            Format::Jsonl => Self::Jsonl(target),
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(target);
                writer.write_record(columns.iter().map(|column| column.name)).map_err(failure)?;
                Self::Csv { writer: Box::new(writer), columns, is_by_line: arguments.lines }
            }
        })
    }

    fn write(&mut self, order: &proto::Order) -> Result<(), Failure> {
        match self {
            Self::Jsonl(target) => Ok(writeln!(target, "{}", json::write(order)?)?),
            Self::Csv { writer, columns, is_by_line: false } => {
                let row = columns.iter().map(|column| column.cell(order, None));
                writer.write_record(row).map_err(failure)
            }
            Self::Csv { writer, columns, is_by_line: true } => {
                for line in &order.lines {
                    let row = columns.iter().map(|column| column.cell(order, Some(line)));
                    writer.write_record(row).map_err(failure)?;
                }
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Jsonl(target) => Ok(target.flush()?),
            Self::Csv { writer, .. } => Ok(writer.flush()?),
        }
    }
}

fn failure(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Failure::Io(error),
        other => Failure::Other(format!("a row cannot be written: {other:?}")),
    }
}
