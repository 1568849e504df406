//! The folder for mails where no mail server is set up: each an .eml file that a mail program opens.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::letter::Letter;
use super::{Cause, Forgotten, Handed, MailSystem};
use crate::folders;
use crate::systems::Sighting;

/// Where mails lie.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// What a file is called while it is written.
const UNFINISHED: &str = "part";
const PATIENCE: Duration = Duration::from_secs(30);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Removes the files of mails, finished or not.
    pub(super) async fn forget(&self, message_ids: &[String]) -> Forgotten {
        let mut forgotten = Forgotten::default();
        for message_id in message_ids {
            let file = self.file(message_id);
            let (whole, part) =
                (remove(&file).await, remove(&file.with_extension(UNFINISHED)).await);
            let count = match whole.and_then(|whole| part.map(|part| whole || part)) {
                Ok(false) => continue,
                Ok(true) => &mut forgotten.removed,
                Err(failure) => {
                    tracing::warn!(%failure, "a mail could not be removed from the folder");
                    &mut forgotten.left
                }
            };
            *count = count.saturating_add(1);
        }
        forgotten
    }

    /// The file of a mail: named so that the mail is found, and is one however often it is written.
    fn file(&self, message_id: &str) -> PathBuf {
        let name = message_id.split('@').next().unwrap_or_default();
        self.path.join(format!("{name}.eml"))
    }
}

impl MailSystem for Folder {
    async fn send(&self, letter: &Letter) -> Handed {
        match write(&self.path, &self.file(&letter.message_id), &letter.bytes).await {
            Ok(()) => Handed::Taken,
            Err(failure) => {
                tracing::warn!(%failure, "a mail could not be written to the folder");
                Handed::Waits(Cause::Busy, "the folder for mails takes nothing".to_owned())
            }
        }
    }

    async fn look_up(&self, message_id: &str) -> Sighting<()> {
        match fs::metadata(self.file(message_id)).await {
            Ok(_) => Sighting::Happened(()),
            Err(failure) if failure.kind() == ErrorKind::NotFound => Sighting::Absent,
            Err(_) => Sighting::NoAnswer,
        }
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}

/// All of the file or nothing: it is there under its name when it is on the disk.
async fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let made = folder.to_owned();
    tokio::task::spawn_blocking(move || folders::make_private(&made)).await??;
    let unfinished = path.with_extension(UNFINISHED);
    let mut file = fs::File::create(&unfinished).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    fs::rename(&unfinished, path).await?;
    fs::File::open(folder).await?.sync_all().await
}

/// Whether there was one.
async fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path).await {
        Ok(()) => Ok(true),
        Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}
