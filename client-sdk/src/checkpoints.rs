//! Where a listener keeps the cursor it has worked up to.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tokens::Cursor;

/// Keeps one cursor. Best is the place where the listener's own work goes, in the same transaction:
/// then every event has its effect exactly once. A store of its own gives at least once.
pub trait CheckpointStore: Send + Sync {
    /// The cursor stored last; none when there has never been one.
    fn load(&self) -> impl Future<Output = Result<Option<Cursor>, Error>> + Send;

    /// Stores the cursor durably in place of the one before.
    fn save(&self, cursor: &Cursor) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Keeps the cursor in a file that holds nothing else. It always holds a whole cursor, the old one or
/// the new one, also after a crash.
#[derive(Clone, Debug)]
pub struct FileCheckpoints {
    path: PathBuf,
}

impl FileCheckpoints {
    /// The file need not exist yet, its folder must.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl CheckpointStore for FileCheckpoints {
    async fn load(&self) -> Result<Option<Cursor>, Error> {
        let path = self.path.clone();
        in_background(move || read(&path)).await
    }

    async fn save(&self, cursor: &Cursor) -> Result<(), Error> {
        let path = self.path.clone();
        let text = format!("{cursor}\n");
        in_background(move || replace(&path, &text)).await
    }
}

async fn in_background<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Checkpoint(io::Error::other(error)))?
        .map_err(Error::Checkpoint)
}

fn read(path: &Path) -> io::Result<Option<Cursor>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let Ok(cursor) = text.trim().parse();
            Ok(Some(cursor))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file is replaced as a whole: written beside it, made durable, then renamed over it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Makes the rename itself durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_holds_the_cursor_stored_last_and_nothing_is_left_beside_it() {
        let folder = std::env::temp_dir().join(format!("checkpoints-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&folder).expect("a new folder");
        let path = folder.join("cursor");
        let store = FileCheckpoints::new(&path);
        assert_eq!(store.load().await.expect("no file is no error"), None);

        for cursor in
            [Cursor::in_snapshot("a much longer cursor".to_owned()), Cursor::in_log("b".to_owned())]
        {
            store.save(&cursor).await.expect("a writable folder");
            assert_eq!(store.load().await.expect("a readable file"), Some(cursor));
        }
        let files = fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(files, 1);
        fs::remove_dir_all(&folder).expect("the folder");
        assert!(matches!(
            store.save(&Cursor::in_log("c".to_owned())).await,
            Err(Error::Checkpoint(_))
        ));
    }
}
