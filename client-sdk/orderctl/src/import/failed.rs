//! The file of lines that failed, each with its number and the reason.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use order_sdk::Error;
use serde_json::{Value, json};

use super::{Line, told};
use crate::failure::Failure;

/// Made with the first failure, in place of one from an earlier import.
#[derive(Debug)]
pub(super) struct FailedLines {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl FailedLines {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A line that is an order, and why it was not placed.
    pub(super) fn write_refused(&mut self, line: &Line, error: &Error) -> Result<(), Failure> {
        let refusal = error.refusal();
        let violations: Vec<Value> = refusal
            .map_or(&[][..], |refusal| refusal.violations.as_slice())
            .iter()
            .map(
                |violation| json!({"field": violation.field, "description": violation.description}),
            )
            .collect();
        // The line could be read as an order, so it is JSON.
        let order: Value = serde_json::from_str(&line.text).unwrap_or_default();
        self.write(&json!({
            "line": line.number,
            "code": error.code(),
            "message": told(error),
            "violations": violations,
            "details": refusal.map(|refusal| refusal.metadata.clone()),
            "order": order,
        }))
    }

    /// A line that is no order.
    pub(super) fn write_unreadable(&mut self, line: &Line, reason: &str) -> Result<(), Failure> {
        self.write(&json!({"line": line.number, "message": reason, "text": line.text}))
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.file.as_mut().map_or(Ok(()), Write::flush)?)
    }

    fn write(&mut self, entry: &Value) -> Result<(), Failure> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let made = File::create(&self.path);
                let made = made.map_err(|error| Failure::of_file(&self.path, &error))?;
                none.insert(BufWriter::new(made))
            }
        };
        Ok(writeln!(file, "{entry}")?)
    }
}
