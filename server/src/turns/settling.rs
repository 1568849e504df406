//! Callers that wait for an order's effects: told when a turn of this process settles it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How often an order is looked at when another replica may have settled it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// By order: how many wait, and what wakes them.
type Waiters = HashMap<i64, (usize, Arc<Notify>)>;

#[derive(Clone, Default)]
pub(super) struct Settling {
    orders: Arc<Mutex<Waiters>>,
}

/// A place in the line of those who wait for one order.
pub(super) struct Change {
    settling: Settling,
    order_key: i64,
    notify: Arc<Notify>,
}

impl Settling {
    /// Begins to listen; to be called before the order is looked at.
    pub(super) fn next(&self, order_key: i64) -> Change {
        let mut orders = self.orders();
        let (count, notify) = orders.entry(order_key).or_default();
        *count = count.saturating_add(1);
        Change { settling: self.clone(), order_key, notify: Arc::clone(notify) }
    }

    pub(super) fn settled(&self, order_keys: &[i64]) {
        let orders = self.orders();
        if orders.is_empty() {
            return;
        }
        for (_, notify) in order_keys.iter().filter_map(|key| orders.get(key)) {
            notify.notify_waiters();
        }
    }

    fn orders(&self) -> MutexGuard<'_, Waiters> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Change {
    /// Resolves when the order was settled, when it is worth a look, or at `until`.
    pub(super) async fn wait(self, until: Instant) {
        let look = (Instant::now() + LOOK_EVERY).min(until);
        // Missing a notification costs one look, no more.
        let _elapsed = tokio::time::timeout_at(look, self.notify.notified()).await;
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let mut orders = self.settling.orders();
        if let Some((count, _)) = orders.get_mut(&self.order_key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                orders.remove(&self.order_key);
            }
        }
    }
}
