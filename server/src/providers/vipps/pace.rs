//! Five changes of a kind a minute and payment are all that Vipps takes: what would be more is not
//! sent. Each process counts for itself; where several work on one payment Vipps' own word is kept to.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

/// How often each lane was used lately; clones share it.
#[derive(Clone)]
pub(super) struct Pace {
    lanes: Arc<DefaultKeyedRateLimiter<[u8; 32]>>,
    clock: DefaultClock,
}

/// Three at once and two more a minute: never more than five in any minute.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
const A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
/// Lanes that are remembered; those that may go on at full pace are forgotten first.
const LANES_MAX: usize = 50_000;
/// So many lanes in so short a time: whoever comes new waits.
const CROWDED: Duration = Duration::from_secs(5);

impl Pace {
    /// One more on this lane.
    ///
    /// # Errors
    /// How long it must wait.
    pub(super) fn next(&self, lane: [u8; 32]) -> Result<(), Duration> {
        if self.lanes.len() >= LANES_MAX {
            self.lanes.retain_recent();
            if self.lanes.len() >= LANES_MAX {
                return Err(CROWDED);
            }
        }
        let outcome = self.lanes.check_key(&lane);
        outcome.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

pub(super) fn quota() -> Quota {
    Quota::per_minute(A_MINUTE).allow_burst(AT_ONCE)
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lanes: Arc::new(DefaultKeyedRateLimiter::keyed(quota())),
            clock: DefaultClock::default(),
        }
    }
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pace").field("lanes", &self.lanes.len()).finish()
    }
}
