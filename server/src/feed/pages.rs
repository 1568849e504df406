//! Old batches, read from the table in pages with fixed bounds, so that listeners who read the same
//! part of the log share both the reading and the memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

use super::batch::Batch;
use crate::store::StoreFailure;

/// Revisions of a page. What a listener that stands still keeps in memory is at most one page.
pub(super) const PAGE_REVISIONS: i64 = 32;
/// Pages that are remembered before those nobody holds are forgotten.
const REMEMBERED_MAX: usize = 256;

/// The pages that listeners hold.
#[derive(Default)]
pub(super) struct Pages {
    held: Mutex<HashMap<i64, Weak<OnceCell<Page>>>>,
}

/// The batches whose first event lies in the page.
pub(super) struct Page {
    pub batches: Vec<Arc<Batch>>,
    /// The log went on past the page when it was read: it will not change.
    pub is_full: bool,
}

/// A page that is being held.
pub(super) type Held = Arc<OnceCell<Page>>;

impl Pages {
    /// The page of this index, read by `read` unless somebody holds it.
    pub(super) async fn page(
        &self,
        index: i64,
        read: impl Future<Output = Result<Page, StoreFailure>>,
    ) -> Result<Held, StoreFailure> {
        let held = self.held(index);
        let page = held.get_or_try_init(async || read.await).await?;
        if !page.is_full {
            self.lock().remove(&index);
        }
        Ok(held)
    }

    /// Forgets all pages: who asks again reads again.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn held(&self, index: i64) -> Held {
        let mut pages = self.lock();
        if let Some(held) = pages.get(&index).and_then(Weak::upgrade) {
            return held;
        }
        if pages.len() >= REMEMBERED_MAX {
            pages.retain(|_, page| page.strong_count() > 0);
        }
        let held = Held::default();
        pages.insert(index, Arc::downgrade(&held));
        held
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Weak<OnceCell<Page>>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// The first batch after a revision.
    pub(super) fn after(&self, revision: i64) -> Option<Arc<Batch>> {
        let index = self.batches.partition_point(|batch| batch.place.revision <= revision);
        self.batches.get(index).cloned()
    }
}
