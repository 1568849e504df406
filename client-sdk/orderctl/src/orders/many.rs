//! Many orders at once: from a file or by conditions, with progress, a summary and a file of failures.

mod sums;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use order_sdk::proto::{self, BatchOutcome, BatchState};
use order_sdk::{OrderName, StatusBatch};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, repeated_with};
use crate::labels::Label;
use crate::output::Output;
use crate::session::{Session, last_part};

use sums::Sums;

/// Orders of one batch of the contract.
const BATCH: usize = 10_000;
const PAGE_SIZE: i32 = 1_000;
/// Counting is for the eye.
const TELL_EVERY: usize = 100;
/// Failures told one by one; of the rest the summary tells the codes.
const TOLD_MAX: usize = 20;
/// The code, in the file of failures, of an order whose outcome is not known.
const UNKNOWN: &str = "UNKNOWN";

/// How many orders became what.
#[derive(Debug, Default)]
struct Summary {
    request_id: String,
    is_dry_run: bool,
    states: BTreeMap<String, BatchState>,
    codes: BTreeMap<String, String>,
    replayed: usize,
    /// What a dry run would have done.
    sums: Sums,
}

/// Signals to end, heard from when this is made.
#[derive(Debug)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// The orders of a file: the first word of each line that has one.
pub(super) fn listed(session: &Session, file: &str) -> Result<Vec<OrderName>, Failure> {
    let lines: Box<dyn BufRead> = match file {
        "-" => Box::new(io::stdin().lock()),
        path => {
            let opened = File::open(path);
            let opened = opened.map_err(|error| Failure::Usage(format!("{path}: {error}")))?;
            Box::new(BufReader::new(opened))
        }
    };
    let mut orders = Vec::new();
    for (index, line) in lines.lines().enumerate() {
        let line = line?;
        let Some(word) = line.split_whitespace().next().filter(|word| !word.starts_with('#'))
        else {
            continue;
        };
        let order = session.order_name(word);
        orders.push(order.map_err(|failure| failure.at(&format!("line {}", index + 1)))?);
    }
    Ok(orders)
}

/// The orders that meet a filter.
pub(super) async fn found(
    session: &Session,
    filter: proto::OrderFilter,
) -> Result<Vec<OrderName>, Failure> {
    let query = session.client.orders(&session.shop).order_by("number").page_size(PAGE_SIZE);
    let mut pages = query.filter(move |empty| *empty = filter).pages();
    let mut orders = Vec::new();
    while let Some(page) = pages.next().await {
        for order in page?.items {
            orders.push(order.name.parse()?);
        }
    }
    Ok(orders)
}

/// Carries the batch out for these orders, each once, and tells what became of them.
pub(super) async fn change(
    session: &Session,
    batch: StatusBatch,
    orders: Vec<OrderName>,
    failed: Option<PathBuf>,
) -> Result<(), Failure> {
    if let Some(path) = &failed {
        can_be_written(path)?;
    }
    let mut seen = BTreeSet::new();
    let orders: Vec<OrderName> =
        orders.into_iter().filter(|order| seen.insert(order.clone())).collect();
    let signals = Signals::new()?;
    let request = batch.clone().into_request();
    let (request_id, is_dry_run) = (request.request_id, request.validate_only);
    if !is_dry_run {
        // First of all: who is killed tells nothing any more.
        Output::tell(&format!("should this break off, {}", repeated_with(&request_id)));
    }
    let progress = progress(orders.len());
    let mut summary = Summary { request_id, is_dry_run, ..Summary::default() };
    let ended = carry_out(session, &batch, &orders, (&progress, &mut summary, signals)).await;
    progress.finish_and_clear();
    summary.tell(session, &orders, failed.as_deref())?;
    ended?;
    match (summary.failed().count(), summary.count(BatchState::Pending)) {
        (0, 0) => Ok(()),
        // They would wait for the money, and nothing does.
        (0, _) if is_dry_run => Ok(()),
        (0, pending) => Err(Failure::Pending(format!(
            "{pending} of {} are pending: their labels move when the money has",
            orders.len()
        ))),
        (failed, _) => Err(Failure::Partly { failed, of: orders.len() }),
    }
}

/// Has the batch carried out, and takes down what becomes of each order.
async fn carry_out(
    session: &Session,
    batch: &StatusBatch,
    orders: &[OrderName],
    (progress, summary, mut signals): (&ProgressBar, &mut Summary, Signals),
) -> Result<(), Failure> {
    let mut told = 0;
    // An order's command is named after batch and order, so several requests may share the id.
    for part in orders.chunks(BATCH) {
        let mut outcomes = batch.clone().orders(part.iter().cloned()).open();
        loop {
            let message = tokio::select! {
                message = outcomes.next() => message,
                signal = signals.next() => return Err(summary.interrupted(signal)),
            };
            let Some(message) = message else { break };
            let message =
                message.map_err(|error| Failure::of_change(error, &summary.request_id))?;
            let Some(outcome) = message.outcome else { continue };
            if session.output.is_json() {
                Output::json(&outcome)?;
            }
            if is_failed(outcome.state()) {
                told += 1;
                if told <= TOLD_MAX {
                    progress.suspend(|| Output::tell(&line(&outcome)));
                }
            }
            summary.take(&outcome);
            progress.set_position(u64::try_from(summary.states.len()).unwrap_or(u64::MAX));
            if summary.states.len().is_multiple_of(TELL_EVERY) {
                progress.set_message(summary.text());
            }
        }
    }
    Ok(())
}

/// Found out before anything is changed; what is in the file stays until there is something to put there.
fn can_be_written(path: &Path) -> Result<(), Failure> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map(drop).map_err(|error| Failure::of_file(path, &error))
}

impl Signals {
    fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}

impl Summary {
    fn take(&mut self, outcome: &BatchOutcome) {
        self.replayed += usize::from(outcome.replayed);
        self.sums.take(outcome);
        let number = last_part(&outcome.name).to_owned();
        if !outcome.code.is_empty() {
            self.codes.insert(number.clone(), outcome.code.clone());
        }
        self.states.insert(number, outcome.state());
    }

    fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        let code = |number: &str| self.codes.get(number).map_or("", String::as_str);
        let failed = self.states.iter().filter(|(_, state)| is_failed(**state));
        failed.map(move |(number, _)| (number.as_str(), code(number)))
    }

    /// Orders of which nothing was told.
    fn unknown(&self, orders: &[OrderName]) -> Vec<String> {
        let numbers = orders.iter().map(|order| order.number().to_string());
        numbers.filter(|number| !self.states.contains_key(number)).collect()
    }

    fn interrupted(&self, signal: SignalKind) -> Failure {
        let message = match self.is_dry_run {
            true => "interrupted".to_owned(),
            false => format!("interrupted; {}", repeated_with(&self.request_id)),
        };
        Failure::Interrupted { signal: signal.as_raw_value(), message }
    }

    fn count(&self, wanted: BatchState) -> usize {
        self.states.values().filter(|state| **state == wanted).count()
    }

    fn text(&self) -> String {
        let (done, pending) = (self.count(BatchState::Done), self.count(BatchState::Pending));
        let (refused, failed) = (self.count(BatchState::Refused), self.count(BatchState::Failed));
        if self.is_dry_run {
            return format!(
                "{done} would be done at once, {pending} would wait for the money, \
                 {refused} would be refused, {failed} failed"
            );
        }
        format!("{done} done, {pending} pending, {refused} refused, {failed} failed")
    }

    fn tell(
        &self,
        session: &Session,
        orders: &[OrderName],
        failed: Option<&Path>,
    ) -> Result<(), Failure> {
        let unknown = self.unknown(orders);
        if let Some(path) = failed {
            self.keep(path, &unknown).map_err(|error| Failure::of_file(path, &error))?;
        }
        let mut text = self.text();
        if !unknown.is_empty() {
            text.push_str(&format!(", {} not known", unknown.len()));
        }
        if self.replayed > 0 {
            text.push_str(&format!(" ({} had been done before)", self.replayed));
        }
        if self.is_dry_run {
            text.push_str("  (dry run: nothing is stored)");
        }
        for line in self.sums.lines() {
            text.push_str(&format!("\n  {line}"));
        }
        match session.output.is_json() {
            true => Output::tell(&text),
            false => Output::text(&text)?,
        }
        let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, code) in self.failed() {
            *codes.entry(code).or_default() += 1;
        }
        for (code, count) in codes {
            Output::tell(&format!("  {count} {code} (orderctl explain {code})"));
        }
        if self.count(BatchState::Failed) > 0 && !self.is_dry_run {
            Output::tell(&repeated_with(&self.request_id));
        }
        Ok(())
    }

    /// Keeps the orders that failed, each with its code, and those of which nothing is known.
    fn keep(&self, path: &Path, unknown: &[String]) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for (number, code) in self.failed() {
            writeln!(file, "{number} {code}")?;
        }
        if !unknown.is_empty() && !self.is_dry_run {
            writeln!(file, "# may have been done: {}", repeated_with(&self.request_id))?;
        }
        for number in unknown {
            writeln!(file, "{number} {UNKNOWN}")?;
        }
        file.flush()
    }
}

fn is_failed(state: BatchState) -> bool {
    matches!(state, BatchState::Refused | BatchState::Failed)
}

/// `1001: REFUSED ALREADY_CAPTURED: the title`, and what the provider said.
fn line(outcome: &BatchOutcome) -> String {
    let state = outcome.state().label();
    let title = outcome.message.lines().next().unwrap_or_default();
    let mut line = format!("{}: {state} {}: {title}", last_part(&outcome.name), outcome.code);
    if let Some(reason) = outcome.details.get("provider_reason") {
        line.push_str(&format!(" ({reason})"));
    }
    line
}

fn progress(orders: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(orders).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{bar:40} {pos}/{len}  {msg}  {elapsed} (left {eta})") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
