//! Reads of single orders, collected: all that queued while the last read ran become one statement.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use crate::commands::Failure;
use crate::store::pages::DocumentRow;
use crate::store::{Store, StoreFailure, on_either};

/// Orders of one statement.
const BATCH_MAX: usize = 64;
/// Statements under way at once.
const WORKERS: usize = 2;
/// Reads that may wait.
const WAITING_MAX: usize = 10_000;
const FULL_RETRY_AFTER: Duration = Duration::from_millis(250);

type Found = Result<Option<DocumentRow>, Failure>;

#[derive(Clone)]
pub(super) struct Batches {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    waiting: Mutex<VecDeque<(i64, oneshot::Sender<Found>)>>,
    arrival: Notify,
}

impl Batches {
    pub(super) fn start(store: Store) -> Self {
        let inner = Inner { store, waiting: Mutex::default(), arrival: Notify::new() };
        let batches = Self { inner: Arc::new(inner) };
        for _ in 0..WORKERS {
            tokio::spawn(read(Arc::clone(&batches.inner)));
        }
        batches
    }

    /// The document of an order, if there is one.
    pub(super) async fn document(&self, order_key: i64) -> Found {
        let (reply, found) = oneshot::channel();
        {
            let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= WAITING_MAX {
                return Err(Failure::QueueFull { retry_after: FULL_RETRY_AFTER });
            }
            waiting.push_back((order_key, reply));
        }
        self.inner.arrival.notify_one();
        found.await.unwrap_or(Err(Failure::Unavailable { retry_after: FULL_RETRY_AFTER }))
    }
}

async fn read(inner: Arc<Inner>) {
    loop {
        let arrival = inner.arrival.notified();
        let batch = inner.take();
        if batch.is_empty() {
            arrival.await;
            continue;
        }
        let mut keys: Vec<i64> = batch.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let rows: Result<Vec<DocumentRow>, StoreFailure> =
            on_either!(&inner.store, database => database.documents(keys).await);
        match rows {
            Ok(rows) => {
                let rows: HashMap<i64, DocumentRow> =
                    rows.into_iter().map(|row| (row.order_key, row)).collect();
                for (key, reply) in batch {
                    let _gone = reply.send(Ok(rows.get(&key).cloned()));
                }
            }
            Err(failure) => {
                tracing::warn!(%failure, "orders could not be read");
                let failure = Failure::from(failure);
                for (_, reply) in batch {
                    let _gone = reply.send(Err(failure.clone()));
                }
            }
        }
    }
}

impl Inner {
    fn take(&self) -> Vec<(i64, oneshot::Sender<Found>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX {
            let Some((key, reply)) = waiting.pop_front() else { break };
            if !reply.is_closed() {
                batch.push((key, reply));
            }
        }
        if !waiting.is_empty() {
            self.arrival.notify_one();
        }
        batch
    }
}
