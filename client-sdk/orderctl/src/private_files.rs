//! Files that hold customers' data: made so that nobody else on the machine can read them.

use std::fs::{File, OpenOptions};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::failure::Failure;

/// A file for what is written in place of what is there; one that is there stays open to whom it was.
pub(crate) fn create(path: &Path) -> Result<File, Failure> {
    opened(path, OpenOptions::new().write(true).create(true).truncate(true))
}

/// A new file: nothing is overwritten.
pub(crate) fn create_new(path: &Path) -> Result<File, Failure> {
    opened(path, OpenOptions::new().write(true).create_new(true))
}

fn opened(path: &Path, options: &mut OpenOptions) -> Result<File, Failure> {
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).map_err(|error| Failure::of_file(path, &error))
}
