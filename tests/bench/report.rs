//! The report: a table for people, JSON for programs.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::Result;
use crate::load::Measured;
use crate::stage::Backend;

/// All that was measured, in the order it was.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
    failures: Vec<(Backend, String, String)>,
}

/// One number beside its ceiling.
pub(crate) struct Line {
    pub(crate) backend: Backend,
    pub(crate) what: String,
    /// What the server reached.
    pub(crate) reached: Number,
    /// What it is compared with, and what that is.
    pub(crate) ceiling: Option<(Number, String)>,
    /// Reached to ceiling in thousandths: of rates reached ÷ ceiling, of times likewise.
    pub(crate) ratio: Option<u64>,
    pub(crate) goal: Option<Goal>,
    /// Half of the calls, and 99 % of them, were answered within so many microseconds.
    pub(crate) latencies: Option<(u64, u64)>,
}

#[derive(Clone, Copy)]
pub(crate) enum Number {
    PerSecond(u64),
    Micros(u64),
}

/// What a line should reach.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// The ratio is at least so many thousandths.
    AtLeast(u64),
    /// The ratio is at most so many thousandths.
    AtMost(u64),
    /// The time is less than so many microseconds.
    Within(u64),
}

const HEADINGS: [&str; 9] =
    ["database", "what", "reached", "ceiling", "ratio", "goal", "", "p50 ms", "p99 ms"];

impl Number {
    fn text(self) -> String {
        match self {
            Self::PerSecond(rate) => format!("{rate}/s"),
            Self::Micros(micros) => format!("{} ms", millis(micros)),
        }
    }

    fn value(self) -> u64 {
        match self {
            Self::PerSecond(value) | Self::Micros(value) => value,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::PerSecond(_) => "per_second",
            Self::Micros(_) => "microseconds",
        }
    }
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::AtLeast(ratio) => format!("≥ {}", thousandths(ratio)),
            Self::AtMost(ratio) => format!("≤ {}", thousandths(ratio)),
            Self::Within(micros) => format!("< {} ms", millis(micros)),
        }
    }
}

impl Line {
    /// A rate beside the rate of its ceiling.
    pub(crate) fn rate(
        backend: Backend,
        what: &str,
        window: &Measured,
        ceiling: (u64, String),
        goal: Option<Goal>,
    ) -> Self {
        Self {
            backend,
            what: what.to_owned(),
            reached: Number::PerSecond(window.per_second),
            ratio: window.per_second.saturating_mul(1000).checked_div(ceiling.0),
            ceiling: Some((Number::PerSecond(ceiling.0), ceiling.1)),
            goal,
            latencies: Some((window.percentile(50), window.percentile(99))),
        }
    }

    /// Whether the goal is reached, if there is one.
    fn is_reached(&self) -> Option<bool> {
        Some(match self.goal? {
            Goal::AtLeast(least) => self.ratio? >= least,
            Goal::AtMost(most) => self.ratio? <= most,
            Goal::Within(micros) => self.reached.value() < micros,
        })
    }

    fn cells(&self) -> [String; 9] {
        let ceiling = self.ceiling.as_ref();
        let latency = |pick: fn(&(u64, u64)) -> u64| {
            self.latencies.as_ref().map_or(String::new(), |latencies| millis(pick(latencies)))
        };
        [
            self.backend.name().to_owned(),
            self.what.clone(),
            self.reached.text(),
            ceiling.map_or(String::new(), |(number, what)| format!("{} {what}", number.text())),
            self.ratio.map_or(String::new(), thousandths),
            self.goal.map_or(String::new(), Goal::text),
            self.is_reached().map_or("", |yes| if yes { "yes" } else { "NO" }).to_owned(),
            latency(|latencies| latencies.0),
            latency(|latencies| latencies.1),
        ]
    }

    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("database".to_owned(), self.backend.name().into());
        object.insert("what".to_owned(), self.what.clone().into());
        object.insert("unit".to_owned(), self.reached.unit().into());
        object.insert("reached".to_owned(), self.reached.value().into());
        if let Some((number, what)) = &self.ceiling {
            object.insert("ceiling".to_owned(), number.value().into());
            object.insert("ceiling_is".to_owned(), what.clone().into());
        }
        if let Some(ratio) = self.ratio {
            object.insert("ratio_thousandths".to_owned(), ratio.into());
        }
        if let Some(goal) = self.goal {
            object.insert("goal".to_owned(), goal.text().into());
        }
        if let Some(yes) = self.is_reached() {
            object.insert("goal_reached".to_owned(), yes.into());
        }
        if let Some((half, most)) = self.latencies {
            object.insert("p50_microseconds".to_owned(), half.into());
            object.insert("p99_microseconds".to_owned(), most.into());
        }
        Value::Object(object)
    }
}

impl Report {
    /// Adds a line and tells it at once.
    pub(crate) fn add(&mut self, line: Line) {
        let [backend, what, reached, ceiling, ratio, goal, yes, ..] = line.cells();
        progress(&format!("{backend} {what}: {reached} | {ceiling} | {ratio} {goal} {yes}"));
        self.lines.push(line);
    }

    /// Notes that a row could not be measured.
    pub(crate) fn failed(&mut self, backend: Backend, what: &str, why: &str) {
        progress(&format!("{} {what}: NOT MEASURED: {why}", backend.name()));
        self.failures.push((backend, what.to_owned(), why.to_owned()));
    }

    /// True when something was measured and nothing failed.
    pub(crate) fn is_complete(&self) -> bool {
        self.failures.is_empty() && !self.lines.is_empty()
    }

    /// Writes the table to stdout.
    pub(crate) fn print(&self) -> Result<()> {
        let mut table = vec![HEADINGS.map(str::to_owned)];
        table.extend(self.lines.iter().map(Line::cells));
        let mut widths = [0; 9];
        for row in &table {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = std::io::stdout().lock();
        for row in &table {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        for (backend, what, why) in &self.failures {
            writeln!(out, "NOT MEASURED  {}  {what}: {why}", backend.name())?;
        }
        Ok(())
    }

    /// Writes everything as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write_json(&self, file: &Path) -> Result<()> {
        let failures = self.failures.iter().map(|(backend, what, why)| {
            serde_json::json!({ "database": backend.name(), "what": what, "why": why })
        });
        let report = serde_json::json!({
            "measured": self.lines.iter().map(Line::json).collect::<Vec<Value>>(),
            "not_measured": failures.collect::<Vec<Value>>(),
        });
        Ok(std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?)
    }
}

/// Tells how far the benchmark is.
pub(crate) fn progress(text: &str) {
    // A closed stderr is no reason to stop measuring.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// 612 is 0.612.
fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}

/// Microseconds as milliseconds with two decimals.
fn millis(micros: u64) -> String {
    format!("{}.{:02}", micros / 1000, micros % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reached: Number, ratio: Option<u64>, goal: Option<Goal>) -> Line {
        let what = "GetOrder".to_owned();
        let backend = Backend::Sqlite;
        Line { backend, what, reached, ceiling: None, ratio, goal, latencies: Some((1_234, 9_999)) }
    }

    #[test]
    fn goals_are_judged_as_they_are_written() {
        let cases = [
            (Some(600), Some(Goal::AtLeast(600)), Some(true)),
            (Some(599), Some(Goal::AtLeast(600)), Some(false)),
            (Some(1500), Some(Goal::AtMost(1500)), Some(true)),
            (Some(1501), Some(Goal::AtMost(1500)), Some(false)),
            (None, Some(Goal::Within(101)), Some(true)),
            (None, Some(Goal::Within(100)), Some(false)),
            (None, Some(Goal::AtLeast(600)), None),
            (Some(600), None, None),
        ];
        for (ratio, goal, reached) in cases {
            assert_eq!(line(Number::Micros(100), ratio, goal).is_reached(), reached, "{ratio:?}");
        }
    }

    #[test]
    fn numbers_are_written_without_floats() {
        let line = line(Number::PerSecond(5_120), Some(1_007), Some(Goal::AtLeast(600)));
        let cells = line.cells();
        assert_eq!(cells[2], "5120/s");
        assert_eq!(cells[4..], ["1.007", "≥ 0.600", "yes", "1.23", "9.99"].map(str::to_owned));
        let json = line.json();
        assert_eq!(json["ratio_thousandths"], 1_007);
        assert_eq!(json["goal_reached"], true);
        assert_eq!(json.get("ceiling"), None);
    }
}
