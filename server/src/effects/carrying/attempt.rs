//! What one attempt came to: for the effect, of its system, and in words.

use order_rules::effects::{
    Report as ShortReport, Schedule, Sighting as ShortSighting, Step, after_call, after_look_up,
};
use order_rules::order::Micros;
use tokio::time::Instant;

use super::Ending;
use crate::effects::breakers::Heard;
use crate::systems::{Report, Sighting, micros};

/// What the system said.
#[derive(Debug)]
pub(super) enum Finding<Yes> {
    Called(Report<Yes>),
    LookedUp(Sighting<Yes>),
    /// It was not asked: a person has to.
    GaveUp,
}

/// What was found, without words.
#[derive(Clone, Copy)]
pub(super) enum Short {
    Called(ShortReport),
    LookedUp(ShortSighting),
    GaveUp,
}

impl Short {
    pub(super) fn next(
        self,
        schedule: Schedule,
        now: Micros,
        asked_at: Option<Instant>,
        jitter: u16,
    ) -> (Schedule, Step) {
        match self {
            Self::Called(ShortReport::Unknown { .. }) => {
                let asked_ago = asked_at.map(|asked_at| micros(asked_at.elapsed()));
                after_call(schedule, ShortReport::Unknown { asked_ago }, now, jitter)
            }
            Self::Called(report) => after_call(schedule, report, now, jitter),
            Self::LookedUp(sighting) => after_look_up(schedule, sighting, now, jitter),
            Self::GaveUp => (Schedule { needs_attention: true, ..schedule }, Step::LeaveToPerson),
        }
    }
}

impl<Yes> Finding<Yes> {
    pub(super) fn in_short(&self) -> Short {
        match self {
            Self::Called(report) => Short::Called(report.in_short()),
            Self::LookedUp(sighting) => Short::LookedUp(sighting.in_short()),
            Self::GaveUp => Short::GaveUp,
        }
    }

    /// What became of it, if that is final.
    pub(super) fn ending(&self) -> Option<Ending<'_, Yes>> {
        match self {
            Self::Called(Report::Done(yes)) | Self::LookedUp(Sighting::Happened(yes)) => {
                Some(Ending::Succeeded(yes))
            }
            Self::Called(Report::Declined(decline))
            | Self::LookedUp(Sighting::Declined(decline)) => Some(Ending::Declined(decline)),
            Self::Called(
                Report::Accepted { .. }
                | Report::TryLater { .. }
                | Report::Held(_)
                | Report::Unknown
                | Report::Doubt,
            )
            | Self::LookedUp(
                Sighting::Absent
                | Sighting::InProgress
                | Sighting::NoAnswer
                | Sighting::Busy
                | Sighting::Doubt
                | Sighting::Untold,
            )
            | Self::GaveUp => None,
        }
    }

    /// What it says of the system itself.
    pub(super) fn heard(&self) -> Heard {
        match self {
            Self::Called(Report::Unknown | Report::TryLater { after: None })
            | Self::LookedUp(Sighting::NoAnswer) => Heard::Silence,
            Self::Called(Report::TryLater { after: Some(_) })
            | Self::LookedUp(Sighting::Busy | Sighting::Untold)
            | Self::GaveUp => Heard::Nothing,
            Self::Called(_) | Self::LookedUp(_) => Heard::Answer,
        }
    }

    /// Whether it is asked for, or asked about, again: it says nothing of an end.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Called(Report::TryLater { .. } | Report::Unknown | Report::Doubt)
                | Self::LookedUp(Sighting::NoAnswer | Sighting::Busy | Sighting::Doubt)
        )
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Called(Report::TryLater { after: Some(_) }) | Self::LookedUp(Sighting::Busy)
        )
    }

    /// Why it is open where nobody has said more.
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Called(Report::Unknown | Report::TryLater { after: None })
            | Self::LookedUp(Sighting::NoAnswer) => "no answer",
            Self::Called(Report::TryLater { after: Some(_) }) | Self::LookedUp(Sighting::Busy) => {
                "it has no time"
            }
            Self::Called(Report::Doubt) | Self::LookedUp(Sighting::Doubt) => {
                "its answer leaves open whether it was done"
            }
            Self::LookedUp(Sighting::Absent) => "it is not seen there",
            Self::Called(Report::Accepted { .. }) | Self::LookedUp(Sighting::InProgress) => {
                "it is asked for, and not answered yet"
            }
            Self::Called(Report::Done(_) | Report::Declined(_) | Report::Held(_))
            | Self::LookedUp(Sighting::Happened(_) | Sighting::Declined(_) | Sighting::Untold)
            | Self::GaveUp => "",
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        matches!(self, Self::Called(Report::Accepted { .. }) | Self::LookedUp(Sighting::InProgress))
    }

    pub(super) fn is_for_a_person(&self) -> bool {
        matches!(self, Self::GaveUp | Self::LookedUp(Sighting::Untold))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use order_rules::effects::System;
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn only_silence_is_held_against_a_system() {
        let later = |after| Finding::<()>::Called(Report::TryLater { after });
        for (finding, heard) in [
            (Finding::Called(Report::Done(())), Heard::Answer),
            (Finding::Called(Report::Unknown), Heard::Silence),
            (Finding::Called(Report::Doubt), Heard::Answer),
            (Finding::Called(Report::doubtful(StatusCode::UNPROCESSABLE_ENTITY)), Heard::Answer),
            (Finding::Called(Report::doubtful(StatusCode::BAD_GATEWAY)), Heard::Silence),
            (later(None), Heard::Silence),
            // It is there, and busy: with a time that it named, or without one.
            (later(Some(Duration::from_secs(7))), Heard::Nothing),
            (later(Some(Duration::ZERO)), Heard::Nothing),
            (Finding::LookedUp(Sighting::Busy), Heard::Nothing),
            (Finding::LookedUp(Sighting::NoAnswer), Heard::Silence),
            (Finding::LookedUp(Sighting::Doubt), Heard::Answer),
            (Finding::LookedUp(Sighting::from(Report::<()>::Doubt)), Heard::Answer),
            (Finding::LookedUp(Sighting::Absent), Heard::Answer),
            (Finding::LookedUp(Sighting::Untold), Heard::Nothing),
            (Finding::GaveUp, Heard::Nothing),
        ] {
            assert_eq!(finding.heard(), heard, "{finding:?}");
        }
    }

    #[test]
    fn whatever_is_open_is_told_in_words() {
        for finding in [
            Finding::<()>::Called(Report::Unknown),
            Finding::Called(Report::Doubt),
            Finding::Called(Report::TryLater { after: None }),
            Finding::Called(Report::TryLater { after: Some(Duration::ZERO) }),
            Finding::LookedUp(Sighting::NoAnswer),
            Finding::LookedUp(Sighting::Busy),
            Finding::LookedUp(Sighting::Doubt),
        ] {
            assert!(finding.is_open() && !finding.in_words().is_empty(), "{finding:?}");
        }
        for finding in [Finding::Called(Report::Done(())), Finding::LookedUp(Sighting::Absent)] {
            assert!(!finding.is_open(), "{finding:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_is_about_what_was_asked_for_last() {
        let asked_at = Instant::now();
        tokio::time::advance(Duration::from_secs(2)).await;
        let schedule = Schedule::planned(System::Labels, None).sent(Micros(0));
        let short = Finding::<()>::Called(Report::Unknown).in_short();
        for (asked_at, doubted_at) in [(Some(asked_at), 28_000_000), (None, 0)] {
            let (schedule, _) = short.next(schedule, Micros(30_000_000), asked_at, 0);
            assert_eq!(schedule.doubted_at, Some(Micros(doubted_at)));
        }
    }
}
