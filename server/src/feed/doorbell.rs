//! Wakes the tailers: after commits of this process, after those of other replicas, and now and then
//! for what was lost on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::sleep;

use super::Core;
use crate::store::{Store, postgres};
use crate::turns::Commit;

/// Other replicas are told at most this often.
const RING_PAUSE: Duration = Duration::from_millis(15);
/// How long a wake-up that was lost goes unnoticed.
const LOOK_PAUSE: Duration = Duration::from_millis(400);
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Shops of one ring: its text must stay below 8,000 bytes.
const RING_SHOPS_MAX: usize = 180;

/// Shops that have grown and that other replicas have not been told of.
#[derive(Default)]
struct Untold {
    heads: Mutex<BTreeMap<i64, i64>>,
    arrival: Notify,
}

/// Starts what wakes the tailers.
pub(super) fn start(core: &Arc<Core>, commits: broadcast::Receiver<Commit>) {
    let untold = match &core.store {
        Store::Sqlite(_) => None,
        Store::Postgres(database) => {
            let untold = Arc::new(Untold::default());
            tokio::spawn(ring(database.clone(), Arc::clone(&untold)));
            tokio::spawn(hear(Arc::clone(core), database.clone()));
            tokio::spawn(look(Arc::clone(core)));
            Some(untold)
        }
    };
    tokio::spawn(follow_commits(Arc::clone(core), commits, untold));
}

/// Wakes at once for commits of this process. Every commit on the embedded database is one.
async fn follow_commits(
    core: Arc<Core>,
    mut commits: broadcast::Receiver<Commit>,
    untold: Option<Arc<Untold>>,
) {
    loop {
        match commits.recv().await {
            Ok(Commit { shop_id, revision }) => {
                core.wake(shop_id, revision);
                if let Some(untold) = &untold {
                    untold.add(shop_id, revision);
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => core.wake_all(),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Tells other replicas, on a connection of its own.
async fn ring(database: postgres::Database, untold: Arc<Untold>) {
    let mut pause = RECONNECT_PAUSE;
    loop {
        let failure = match database.bell().await {
            Ok(mut bell) => loop {
                let text = untold.take().await;
                if let Err(failure) = bell.ring(&text).await {
                    break failure;
                }
                pause = RECONNECT_PAUSE;
                sleep(RING_PAUSE).await;
            },
            Err(failure) => failure,
        };
        // What could not be told the others find when they look.
        tracing::warn!(%failure, "other replicas cannot be woken");
        sleep(pause).await;
        pause = RECONNECT_PAUSE_MAX.min(pause * 2);
    }
}

/// Hears of the commits of other replicas.
async fn hear(core: Arc<Core>, database: postgres::Database) {
    let mut pause = RECONNECT_PAUSE;
    loop {
        let mut was_listening = false;
        let is_listening = || {
            was_listening = true;
            core.wake_all();
        };
        let heard = |text: &str| heads(text).for_each(|(shop_id, head)| core.wake(shop_id, head));
        let failure = database.hear(is_listening, heard).await;
        tracing::warn!(%failure, "other replicas cannot be heard");
        if was_listening {
            pause = RECONNECT_PAUSE;
        }
        sleep(pause).await;
        pause = RECONNECT_PAUSE_MAX.min(pause * 2);
    }
}

/// Looks at the heads of the shops that are watched.
async fn look(core: Arc<Core>) {
    loop {
        sleep(LOOK_PAUSE).await;
        if let Err(failure) = core.look_at_heads().await {
            tracing::debug!(%failure, "the heads of watched shops could not be read");
        }
    }
}

impl Untold {
    fn add(&self, shop_id: i64, revision: i64) {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let head = heads.entry(shop_id).or_default();
        *head = revision.max(*head);
        drop(heads);
        self.arrival.notify_one();
    }

    /// Waits for shops to tell of, and takes them.
    async fn take(&self) -> String {
        loop {
            let text = self.taken();
            if !text.is_empty() {
                return text;
            }
            self.arrival.notified().await;
        }
    }

    fn taken(&self) -> String {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for _ in 0..RING_SHOPS_MAX {
            let Some((shop_id, revision)) = heads.pop_first() else { break };
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&format!("{shop_id}:{revision}"));
        }
        text
    }
}

/// The shops and heads of a ring's text; what is not understood is left out.
fn heads(text: &str) -> impl Iterator<Item = (i64, i64)> {
    text.split(',').filter_map(|entry| {
        let (shop_id, head) = entry.split_once(':')?;
        Some((shop_id.parse().ok()?, head.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rung_is_heard() {
        let untold = Untold::default();
        for (shop_id, revision) in [(2, 7), (1, 5), (2, 9), (2, 8)] {
            untold.add(shop_id, revision);
        }
        let text = untold.taken();
        assert_eq!(heads(&text).collect::<Vec<_>>(), [(1, 5), (2, 9)]);
        assert_eq!(untold.taken(), "");
    }

    #[test]
    fn a_ring_stays_below_what_the_database_takes() {
        let untold = Untold::default();
        for shop_id in 0..1_000 {
            untold.add(i64::MAX - shop_id, i64::MAX);
        }
        let mut told = 0;
        while let text = untold.taken()
            && !text.is_empty()
        {
            assert!(text.len() < 8_000, "{}", text.len());
            told += heads(&text).count();
        }
        assert_eq!(told, 1_000);
    }

    #[test]
    fn noise_wakes_nobody() {
        for text in ["", ",", "1", "a:b", "1:", ":2", "1:2:3"] {
            assert_eq!(heads(text).count(), 0, "{text:?}");
        }
    }
}
