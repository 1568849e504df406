//! Who may be called now: so many at once in all, and so many in one lane of one shop, so that a
//! system that hangs delays nobody else.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::claims::{Candidate, Lane};

/// Everything under way; clones share it.
#[derive(Clone, Default)]
pub(super) struct Slots {
    taken: Arc<Mutex<BTreeMap<i64, Taken>>>,
    freed: Arc<Notify>,
}

struct Taken {
    shop_id: i64,
    lane: Lane,
    lease_lost: CancellationToken,
    /// When the renewal of the lease began that is known to have succeeded.
    renewed_at: Instant,
}

/// A place of one effect; dropping it makes room.
pub(super) struct Place {
    slots: Slots,
    effect_key: i64,
    lease_lost: CancellationToken,
}

const AT_ONCE: usize = 64;
const IN_ONE_LANE: usize = 8;

impl Slots {
    /// Resolves when a place was given up since it was last asked.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    pub(super) fn is_full(&self) -> bool {
        self.taken().len() >= AT_ONCE
    }

    /// The lanes that get nothing more for now.
    pub(super) fn saturated(&self) -> Vec<(i64, Lane)> {
        let taken = self.taken();
        let busy = count(&taken).into_iter().filter(|(_, calls)| *calls >= IN_ONE_LANE);
        busy.map(|((shop_id, lane), _)| (shop_id, lane.clone())).collect()
    }

    /// Those that fit, in their order.
    pub(super) fn choose<'a>(&self, ready: &'a [Candidate]) -> Vec<&'a Candidate> {
        let taken = self.taken();
        let mut calls = count(&taken);
        let mut room = AT_ONCE.saturating_sub(taken.len());
        let mut chosen = Vec::new();
        for candidate in ready {
            let there = calls.entry((candidate.shop_id, &candidate.lane)).or_default();
            // One given up by this process a moment ago may still be on its way out.
            if room > 0 && *there < IN_ONE_LANE && !taken.contains_key(&candidate.effect_key) {
                *there += 1;
                room -= 1;
                chosen.push(candidate);
            }
        }
        chosen
    }

    /// Takes a place for an effect that was just claimed.
    pub(super) fn occupy(&self, candidate: &Candidate) -> Place {
        let lease_lost = CancellationToken::new();
        let taken = Taken {
            shop_id: candidate.shop_id,
            lane: candidate.lane.clone(),
            lease_lost: lease_lost.clone(),
            renewed_at: Instant::now(),
        };
        self.taken().insert(candidate.effect_key, taken);
        Place { slots: self.clone(), effect_key: candidate.effect_key, lease_lost }
    }

    /// The effects under way.
    pub(super) fn keys(&self) -> Vec<i64> {
        self.taken().keys().copied().collect()
    }

    /// Of the leases asked for, these are held; the others are lost.
    pub(super) fn renewed(&self, asked: &[i64], held: &[i64], began: Instant) {
        let mut taken = self.taken();
        for key in asked {
            let Some(taken) = taken.get_mut(key) else { continue };
            if held.contains(key) {
                taken.renewed_at = began;
            } else {
                taken.lease_lost.cancel();
            }
        }
    }

    /// Gives up what nobody can say is still one's own.
    pub(super) fn give_up_unrenewed(&self, after: Duration) {
        let taken = self.taken();
        for taken in taken.values().filter(|taken| taken.renewed_at.elapsed() >= after) {
            taken.lease_lost.cancel();
        }
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<i64, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Cancelled when the effect is no longer one's own.
    pub(super) fn lease_lost(&self) -> &CancellationToken {
        &self.lease_lost
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slots.taken().remove(&self.effect_key);
        self.slots.freed.notify_one();
    }
}

fn count(taken: &BTreeMap<i64, Taken>) -> HashMap<(i64, &Lane), usize> {
    let mut calls = HashMap::new();
    for taken in taken.values() {
        *calls.entry((taken.shop_id, &taken.lane)).or_default() += 1;
    }
    calls
}
