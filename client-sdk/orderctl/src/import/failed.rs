//! Lines that failed, as they were, so that they can be mended and imported again; and beside them
//! why each failed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use order_sdk::Error;
use serde_json::{Value, json};

use super::{Line, told};
use crate::failure::Failure;
use crate::private_files;

/// Both files are made with the first failure, in place of those from an earlier import.
#[derive(Debug)]
pub(super) struct FailedLines {
    path: PathBuf,
    files: Option<Files>,
    /// How many there are.
    count: u64,
}

#[derive(Debug)]
struct Files {
    lines: BufWriter<File>,
    reasons: BufWriter<File>,
}

impl FailedLines {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, files: None, count: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// `orders.jsonl.failed.reasons.jsonl`.
    pub(super) fn reasons(&self) -> PathBuf {
        self.path.with_extension("reasons.jsonl")
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
        let reason = json!({
            "code": error.code(),
            "message": told(error),
            "violations": violations,
            "details": refusal.map(|refusal| refusal.metadata.clone()),
        });
        self.write(line, reason)
    }

    /// A line that is no order.
    pub(super) fn write_unreadable(&mut self, line: &Line, reason: &str) -> Result<(), Failure> {
        self.write(line, json!({ "message": reason }))
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let Some(files) = &mut self.files else { return Ok(()) };
        files.lines.flush()?;
        Ok(files.reasons.flush()?)
    }

    fn write(&mut self, line: &Line, mut reason: Value) -> Result<(), Failure> {
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(Files {
                lines: made(&self.path)?,
                reasons: made(&self.path.with_extension("reasons.jsonl"))?,
            }),
        };
        self.count += 1;
        // Where it stood, and where it stands now.
        if let Some(fields) = reason.as_object_mut() {
            fields.insert("line".to_owned(), line.number.into());
            fields.insert("failedLine".to_owned(), self.count.into());
        }
        writeln!(files.lines, "{}", line.text)?;
        Ok(writeln!(files.reasons, "{reason}")?)
    }
}

fn made(path: &Path) -> Result<BufWriter<File>, Failure> {
    Ok(BufWriter::new(private_files::create(path)?))
}
