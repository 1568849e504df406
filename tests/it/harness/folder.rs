//! A folder of one test, gone with it unless something failed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

static IS_EVIDENCE: AtomicBool = AtomicBool::new(false);

/// An empty folder with a name of its own.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("order-test-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if IS_EVIDENCE.load(Ordering::Relaxed) || std::thread::panicking() {
            println!("kept: {}", self.0.display());
        } else if let Err(error) = std::fs::remove_dir_all(&self.0) {
            println!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// From here on folders are kept: a test has failed.
pub(crate) fn keep_evidence() {
    IS_EVIDENCE.store(true, Ordering::Relaxed);
}
