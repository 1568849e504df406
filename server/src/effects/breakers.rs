//! Leaves a system alone for a while that does not answer: it can get up again, and what waits for it
//! takes no room from others.

use std::time::Duration;

use tokio::time::Instant;

/// What is known of one lane's system from the calls of this process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    /// Calls without an answer since the last answer.
    silent: u32,
    /// While this lies ahead nothing is sent; after it one call at a time, until one is answered.
    rests_until: Option<Instant>,
}

/// What a call heard of its system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// An answer, whatever it says.
    Answer,
    Silence,
    /// The system was not asked, or asked to be left alone for a time that it named.
    Nothing,
}

/// How many calls of a lane may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Usual,
    /// One, to see whether the system is there again.
    Probe,
    None,
}

/// So many calls in a row without an answer are no accident.
const SILENT_MAX: u32 = 5;
const REST_FIRST: Duration = Duration::from_secs(1);
/// With it, and the longest pause of an effect, a system that is back is noticed within a minute.
const REST_LONGEST: Duration = Duration::from_secs(10);

impl Breaker {
    pub(super) fn room(&self, now: Instant) -> Room {
        match self.rests_until {
            None => Room::Usual,
            Some(until) if now < until => Room::None,
            Some(_) => Room::Probe,
        }
    }

    /// Whether the system may be there again, and nobody knows.
    pub(super) fn is_tripped(&self) -> bool {
        self.rests_until.is_some()
    }

    pub(super) fn hear(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Nothing => {}
            Heard::Answer => *self = Self::default(),
            Heard::Silence => {
                self.silent = self.silent.saturating_add(1);
                if let Some(beyond) = self.silent.checked_sub(SILENT_MAX) {
                    let doubled = REST_FIRST.saturating_mul(1 << beyond.min(10));
                    self.rests_until = Some(now + doubled.min(REST_LONGEST));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_in_a_row_makes_it_rest_longer_and_longer_and_an_answer_ends_it() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 1..SILENT_MAX {
            breaker.hear(Heard::Silence, now);
            assert_eq!(breaker.room(now), Room::Usual);
        }
        breaker.hear(Heard::Nothing, now);
        assert_eq!(breaker.room(now), Room::Usual);
        for rest in [1, 2, 4, 8, 10, 10] {
            breaker.hear(Heard::Silence, now);
            let rest = Duration::from_secs(rest);
            assert_eq!(breaker.room(now + rest - Duration::from_millis(1)), Room::None);
            now += rest;
            assert_eq!(breaker.room(now), Room::Probe);
        }
        breaker.hear(Heard::Answer, now);
        assert_eq!((breaker.room(now), breaker.is_tripped()), (Room::Usual, false));
        for _ in 1..SILENT_MAX {
            breaker.hear(Heard::Silence, now);
        }
        assert_eq!(breaker.room(now), Room::Usual, "it begins anew");
    }
}
