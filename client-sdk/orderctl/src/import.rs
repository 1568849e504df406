//! `orderctl import`: places many orders from a file, safely repeatable, a failure at a time.

mod failed;
mod lines;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use futures_util::{Stream, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use order_sdk::{Error, OrderClient, proto};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::failure::{Failure, told};
use crate::json;
use crate::output::Output;
use crate::session::Session;

use failed::FailedLines;
use lines::Line;

/// How long one line is tried while the service cannot be reached: a restart does not end an import.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  orderctl import orders.jsonl
  orderctl import orders.jsonl --concurrency 64 --shop butikk
  zcat orders.jsonl.gz | orderctl import - --failed failed.jsonl

Each line is one `NewOrder` of the contract, as for `orderctl orders create`.

The id of each command is made of the shop and the line, so that the same file can be imported again \
and again: what has been placed stays as it is. Two lines that are exactly alike are one order; give \
orders an externalReference that tells them apart.

Lines that fail are written as they are to the file of --failed, why each did to a file beside it, both \
for you alone to read, and the others go on: mend the lines and import that file. Orders are numbered as \
they are placed, which is the order of the file only with --concurrency 1. When the service cannot be \
reached for half a minute the import stops; run it again.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArguments {
    /// File with one JSON order a line, or - for stdin
    file: String,

    /// Orders placed at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 32)]
    concurrency: usize,

    /// Where failed lines go, FILE.failed.jsonl unless told; the reasons go to a file beside it,
    /// FILE.failed.reasons.jsonl
    #[arg(long, value_name = "FILE")]
    failed: Option<PathBuf>,

    /// Only check each line, and place nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of a line.
enum Outcome {
    Placed,
    AlreadyThere,
    Refused(Box<Error>),
    /// The service did not answer.
    Unanswered(Box<Error>),
    /// It is not an order.
    Unreadable(String),
}

/// How many lines became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    placed: usize,
    already_there: usize,
    refused: usize,
    unreadable: usize,
    unanswered: usize,
}

pub(crate) async fn run(session: &Session, arguments: ImportArguments) -> Result<(), Failure> {
    let (size, lines) = lines::read(&arguments.file)?;
    let progress = progress(size);
    let failed = failed_path(&arguments);
    if is_same(&failed, &arguments.file) {
        return Err(Failure::Usage("--failed must be another file than is imported".to_owned()));
    }
    let mut failed = FailedLines::new(failed);
    let mut summary = Summary::default();
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    let mut stopped_by = None;

    let mut outcomes = place_all(session, &arguments, lines);
    while let Some(placed) = outcomes.next().await {
        let (line, outcome) = placed?;
        progress.inc(line.size);
        summary.count(&outcome);
        match outcome {
            Outcome::Placed | Outcome::AlreadyThere => {}
            Outcome::Unreadable(reason) => {
                progress.suspend(|| Output::tell(&format!("line {}: {reason}", line.number)));
                failed.write_unreadable(&line, &reason)?;
            }
            Outcome::Refused(error) => {
                let code = error.code().unwrap_or("UNEXPECTED").to_owned();
                *refusals.entry(code).or_default() += 1;
                failed.write_refused(&line, &error)?;
            }
            Outcome::Unanswered(error) => {
                stopped_by = Some(error);
                break;
            }
        }
        progress.set_message(format!("{} placed, {} failed", summary.placed, summary.failed()));
    }
    drop(outcomes);
    progress.finish_and_clear();
    failed.flush()?;
    tell(session, &summary, &refusals, &failed)?;
    match stopped_by {
        Some(error) => {
            Output::tell("stopped; run it again: what was placed stays as it is");
            Err((*error).into())
        }
        None if summary.failed() > 0 => {
            Err(Failure::Partly { failed: summary.failed(), of: summary.total() })
        }
        None => Ok(()),
    }
}

/// Places every line, so many at the same time; outcomes come as they are known.
fn place_all<'a>(
    session: &'a Session,
    arguments: &'a ImportArguments,
    lines: impl Stream<Item = io::Result<Line>> + Unpin + 'a,
) -> impl Stream<Item = Result<(Line, Outcome), Failure>> + Unpin + 'a {
    let was_answered = Rc::new(Cell::new(false));
    let place_one = move |line: io::Result<Line>| {
        let was_answered = Rc::clone(&was_answered);
        async move {
            let line = line?;
            let order = match json::read::<proto::NewOrder>(&line.text) {
                Ok(order) => order,
                Err(failure) => {
                    let reason = failure.to_string();
                    let reason = reason.trim_start_matches("error: ").to_owned();
                    return Ok((line, Outcome::Unreadable(reason)));
                }
            };
            let request = proto::CreateOrderRequest {
                parent: (&session.shop).into(),
                order: Some(order),
                request_id: request_id(&session.shop.to_string(), &line.text).to_string(),
                validate_only: arguments.dry_run,
                wait: None,
            };
            let outcome = place(&session.client, request, &was_answered).await;
            Ok((line, outcome))
        }
    };
    Box::pin(lines.map(place_one).buffer_unordered(arguments.concurrency.max(1)))
}

/// A service that has answered before is waited for; one that never did is not there.
async fn place(
    client: &OrderClient,
    request: proto::CreateOrderRequest,
    was_answered: &Cell<bool>,
) -> Outcome {
    let start = Instant::now();
    loop {
        let error = match client.create_order(request.clone()).await {
            Ok(answer) => {
                was_answered.set(true);
                let is_old = is_repeated(&answer);
                return if is_old { Outcome::AlreadyThere } else { Outcome::Placed };
            }
            Err(error) => Box::new(error),
        };
        if !(error.is_unavailable() || error.is_retryable()) {
            was_answered.set(true);
            return Outcome::Refused(error);
        }
        if !was_answered.get() || start.elapsed() > PATIENCE {
            return Outcome::Unanswered(error);
        }
        sleep(PAUSE).await;
    }
}

fn is_repeated(answer: &proto::CreateOrderResponse) -> bool {
    answer.already_exists || answer.receipt.as_ref().is_some_and(|receipt| receipt.replayed)
}

/// The id of the command that a line is, in a shop: the same line is the same command.
fn request_id(shop: &str, line: &str) -> Uuid {
    let shop = Uuid::new_v5(&Uuid::NAMESPACE_URL, shop.as_bytes());
    Uuid::new_v5(&shop, line.trim().as_bytes())
}

fn failed_path(arguments: &ImportArguments) -> PathBuf {
    match (&arguments.failed, arguments.file.as_str()) {
        (Some(path), _) => path.clone(),
        (None, "-") => PathBuf::from("import.failed.jsonl"),
        (None, file) => PathBuf::from(format!("{file}.failed.jsonl")),
    }
}

/// Whether the lines that fail would be written over those that are still to be read.
fn is_same(failed: &Path, file: &str) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(failed).is_some_and(|failed| real(Path::new(file)) == Some(failed))
}

fn progress(size: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match size {
        Some(size) => {
            (ProgressBar::new(size), "{bar:40} {percent}%  {msg}  {elapsed} (left {eta})")
        }
        None => (ProgressBar::new_spinner(), "{spinner}  {msg}  {elapsed}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn tell(
    session: &Session,
    summary: &Summary,
    refusals: &BTreeMap<String, usize>,
    failed: &FailedLines,
) -> Result<(), Failure> {
    if session.output.is_json() {
        let text = serde_json::to_string(summary)
            .map_err(|error| Failure::Other(format!("the summary cannot be written: {error}")))?;
        Output::text(&text)?;
    } else {
        Output::text(&format!(
            "{} placed, {} already there, {} refused, {} unreadable",
            summary.placed, summary.already_there, summary.refused, summary.unreadable
        ))?;
    }
    for (code, count) in refusals {
        Output::tell(&format!("  {count} {code} (orderctl explain {code})"));
    }
    if summary.refused + summary.unreadable > 0 {
        let (path, reasons) = (failed.path().display(), failed.reasons());
        Output::tell(&format!(
            "failed lines are in {path}, the reasons in {}; mend them, and: orderctl import {path}",
            reasons.display()
        ));
    }
    Ok(())
}

impl Summary {
    fn count(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Placed => &mut self.placed,
            Outcome::AlreadyThere => &mut self.already_there,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Unreadable(_) => &mut self.unreadable,
            Outcome::Unanswered(_) => &mut self.unanswered,
        };
        *counter += 1;
    }

    fn failed(&self) -> usize {
        self.refused + self.unreadable + self.unanswered
    }

    fn total(&self) -> usize {
        self.placed + self.already_there + self.failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_line_in_the_same_shop_is_the_same_command_and_no_other_is() {
        let line = r#"{"externalReference":"web-1"}"#;
        let id = request_id("shops/default", line);
        assert_eq!(id, request_id("shops/default", &format!("{line}\r\n")));
        assert_ne!(id, request_id("shops/other", line));
        assert_ne!(id, request_id("shops/default", r#"{"externalReference":"web-2"}"#));
    }

    #[test]
    fn every_outcome_is_counted_once() {
        let error = || Box::new(Error::DeadlineExceeded);
        let mut summary = Summary::default();
        for outcome in [
            Outcome::Placed,
            Outcome::AlreadyThere,
            Outcome::Refused(error()),
            Outcome::Unreadable(String::new()),
            Outcome::Unanswered(error()),
        ] {
            summary.count(&outcome);
        }
        assert_eq!((summary.total(), summary.failed()), (5, 3));
    }
}
