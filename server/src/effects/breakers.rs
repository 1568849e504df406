//! Leaves a system alone for a while that does not answer: it can get up again, and what waits for it
//! takes no room from others.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::claims::Lane;

/// What is known of one lane's system from the calls of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breaker {
    /// So many calls in a row without an answer, for so long, are no accident of single calls.
    silent_max: u32,
    /// Calls without an answer since the last answer.
    silent: u32,
    /// When the first of them was sent.
    silent_since: Option<Instant>,
    rests: u32,
    /// While this lies ahead nothing is sent; after it a few at a time, until one is answered.
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
    /// Just enough to see whether the system is there again.
    Probe,
    None,
}

const SILENT_CALLS: u32 = 5;
/// A conversation about a mail has many questions, and is waited for for long.
const SILENT_MAILS: u32 = 2;
const SILENT_FOR: Duration = Duration::from_secs(10);
/// Nor are so many, however fast they come.
const SILENT_AT_ALL: u32 = 64;
const REST_FIRST: Duration = Duration::from_secs(1);
/// With it, and the longest pause of an effect, a system that is back is noticed within a minute.
pub(super) const REST_LONGEST: Duration = Duration::from_secs(10);

impl Breaker {
    pub(super) fn of(lane: &Lane) -> Self {
        let silent_max = match lane {
            Lane::Provider(_) => SILENT_CALLS,
            Lane::Mail => SILENT_MAILS,
        };
        Self { silent_max, silent: 0, silent_since: None, rests: 0, rests_until: None }
    }

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

    /// Notes what a call heard that was sent at `sent_at`.
    pub(super) fn hear(&mut self, heard: Heard, sent_at: Instant, now: Instant) {
        match heard {
            Heard::Nothing => {}
            Heard::Answer => {
                (self.silent, self.rests) = (0, 0);
                (self.silent_since, self.rests_until) = (None, None);
            }
            Heard::Silence => self.hear_silence(sent_at, now),
        }
    }

    fn hear_silence(&mut self, sent_at: Instant, now: Instant) {
        self.silent = self.silent.saturating_add(1);
        let since = self.silent_since.map_or(sent_at, |since| since.min(sent_at));
        self.silent_since = Some(since);
        let is_out = self.silent >= SILENT_AT_ALL
            || (self.silent >= self.silent_max && now.duration_since(since) >= SILENT_FOR);
        // What was under way when a rest began says nothing new when it ends.
        let is_news = self.rests_until.is_none_or(|until| until <= sent_at);
        if is_out && is_news {
            let rest = REST_FIRST.saturating_mul(1 << self.rests.min(10)).min(REST_LONGEST);
            self.rests = self.rests.saturating_add(1);
            self.rests_until = Some(now + rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::of(&Lane::Provider("klarna".to_owned()))
    }

    /// Of so many calls sent and failed at once.
    fn hear_silence(breaker: &mut Breaker, calls: u32, at: Instant) {
        for _ in 0..calls {
            breaker.hear(Heard::Silence, at, at);
        }
    }

    #[test]
    fn silence_for_a_while_makes_it_rest_longer_and_longer_and_an_answer_ends_it() {
        let mut now = Instant::now();
        let mut breaker = breaker();
        hear_silence(&mut breaker, SILENT_CALLS, now);
        assert_eq!(breaker.room(now), Room::Usual, "single calls may have met with accidents");
        now += SILENT_FOR;
        breaker.hear(Heard::Nothing, now, now);
        assert_eq!(breaker.room(now), Room::Usual);
        for rest in [1, 2, 4, 8, 10, 10] {
            hear_silence(&mut breaker, 1, now);
            let rest = Duration::from_secs(rest);
            breaker.hear(Heard::Silence, now - rest, now);
            assert_eq!(breaker.room(now + rest - Duration::from_millis(1)), Room::None);
            now += rest;
            assert_eq!(breaker.room(now), Room::Probe);
        }
        breaker.hear(Heard::Answer, now, now);
        assert_eq!((breaker.room(now), breaker.is_tripped()), (Room::Usual, false));
        hear_silence(&mut breaker, SILENT_CALLS, now);
        assert_eq!(breaker.room(now), Room::Usual, "it begins anew");
    }

    #[test]
    fn few_long_calls_and_many_short_ones_are_enough() {
        let now = Instant::now();
        for (lane, few) in
            [(Lane::Provider("klarna".to_owned()), SILENT_CALLS), (Lane::Mail, SILENT_MAILS)]
        {
            let mut breaker = Breaker::of(&lane);
            for _ in 1..few {
                breaker.hear(Heard::Silence, now, now + SILENT_FOR);
            }
            assert!(!breaker.is_tripped(), "{lane:?}");
            breaker.hear(Heard::Silence, now, now + SILENT_FOR);
            assert!(breaker.is_tripped(), "{lane:?}");
        }

        let mut breaker = breaker();
        hear_silence(&mut breaker, SILENT_AT_ALL - 1, now);
        assert!(!breaker.is_tripped());
        hear_silence(&mut breaker, 1, now);
        assert!(breaker.is_tripped());
    }
}
