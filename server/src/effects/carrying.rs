//! One claimed effect: the call or the look-up, and what follows from it.

use std::time::Duration;

use order_rules::effects::{
    EffectState, Report as ShortReport, Schedule, Sighting as ShortSighting, Step, after_call,
    after_look_up,
};
use order_rules::order::Micros;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::breakers::Heard;
use super::slots::Place;
use super::{Recorder, Runner};
use crate::commands::{Assignment, Caller, Command, Failure};
use crate::store::claims::{Claim, IntegrationSeen, Lease, Task};
use crate::store::rows::EffectRow;
use crate::store::{StoreFailure, on_either};
use crate::systems::{Decline, Hold, Report, Sighting};

/// One effect with all that its way needs.
pub(super) struct Carrier<Log, Way> {
    pub runner: Runner<Log>,
    /// Names the run in the lease.
    pub owner: String,
    /// Last part of the shop's name.
    pub shop: String,
    pub claim: Claim,
    pub errand: Way,
}

/// One effect's way to the system that does it: one implementation per kind of system.
pub(super) trait Errand: Send + Sync {
    /// The system's word that it happened.
    type Yes: Send + Sync;

    /// Has it done. What cannot be asked for now is tried later.
    fn perform(&self) -> impl Future<Output = Report<Self::Yes>> + Send;

    /// Asks what became of it. Changes nothing.
    fn look_up(&self) -> impl Future<Output = Sighting<Self::Yes>> + Send;

    /// Whether this is answered by the system itself, and not by what it told before.
    fn is_asked(&self, _task: Task) -> bool {
        true
    }

    /// How long the system has to answer; whoever waited so long knows nothing of the outcome.
    fn patience(&self) -> Duration;

    /// Names the effect: the same for every attempt, and another in every database.
    fn key(&self) -> Uuid;

    /// The revision of the integration that it waits for, where a person is told of what cannot be
    /// asked for for long, so that it can be given up.
    fn tells_of_waiting(&self) -> Option<i64> {
        None
    }

    /// The command that brings an ending into the log.
    fn command(&self, ending: &Ending<'_, Self::Yes>) -> Command;
}

/// What became of an effect, as far as it is known.
pub(super) enum Ending<'a, Yes> {
    Succeeded(&'a Yes),
    Accepted,
    Declined(&'a Decline),
    /// It waits for its integration.
    Held(&'a Hold),
    /// It has not got to its system for long.
    Waiting,
    Unknown,
}

/// What the system said.
#[derive(Debug)]
enum Finding<Yes> {
    Called(Report<Yes>),
    LookedUp(Sighting<Yes>),
    /// It was not asked: a person has to.
    GaveUp,
}

/// The turns did not take an outcome, and will not.
struct NotTaken;

const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);
const ACTOR: &str = "system";
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Name of the command that tells of what waits for long: one, however often it is tried while nothing
/// is done about the integration. What it was held for may be mended since.
const WAITING: &str = "waiting";
/// A refusal or a defect is not cured by asking again and again.
const TRIES_WHEN_REFUSED: u32 = 3;

impl<Log: Recorder, Way: Errand> Carrier<Log, Way> {
    /// Calls or looks up, and brings the effect further. Ends early when the lease is lost before
    /// the system has answered.
    pub(super) async fn carry_out(self, place: &Place) {
        let finding = tokio::select! {
            finding = self.ask() => finding,
            () = place.lease_lost().cancelled() => {
                tracing::warn!(
                    effect.key = self.claim.effect.effect_key,
                    attempt = self.claim.effect.attempt,
                    "the lease was lost during a call"
                );
                return;
            }
        };
        if self.errand.is_asked(self.claim.task) {
            self.hear(place, finding.heard()).await;
        }
        let finding = match finding.ending() {
            None => finding,
            Some(ending) => match self.hand_in(&ending).await {
                Ok(()) => return,
                // The system will say the same later; meanwhile others get their turn.
                Err(NotTaken) if self.claim.task == Task::Send => Finding::Called(Report::Unknown),
                Err(NotTaken) => Finding::LookedUp(Sighting::NoAnswer),
            },
        };
        if finding.is_accepted() && self.claim.state() != Some(EffectState::Accepted) {
            // If this is lost the operation only shows SENT for longer.
            drop(self.hand_in(&Ending::Accepted).await);
        }
        if let Finding::Called(Report::Held(hold)) = &finding {
            let hold = hold.clone();
            // If this is lost it is told when it is tried again.
            drop(self.hand_in(&Ending::Held(&hold)).await);
            if self.step(finding).await.is_some() {
                self.catch_up(hold).await;
            }
            return;
        }
        if finding.is_for_a_person() {
            // Told before it is put away: nobody comes back to it.
            drop(self.hand_in(&Ending::Unknown).await);
            self.step(finding).await;
            return;
        }
        let Some(schedule) = self.step(finding).await else { return };
        if !schedule.needs_attention {
            return;
        }
        if is_open_question(schedule.state) || schedule.doubted_at.is_some() {
            // The same command at each look, so that it cannot be lost.
            drop(self.hand_in(&Ending::Unknown).await);
        } else if schedule.state == EffectState::Pending
            && let Some(revision) = self.errand.tells_of_waiting()
        {
            let name = format!("{WAITING}/{revision}");
            drop(self.hand_in_as(&Ending::Waiting, &name).await);
        }
    }

    /// What waits for a system that answers again need not wait longer.
    async fn hear(&self, place: &Place, heard: Heard) {
        if !place.hear(heard) {
            return;
        }
        let (store, (shop_id, lane)) = (&self.runner.store, place.lane().clone());
        let hastened = on_either!(store, database => database.lane_hasten(shop_id, lane).await);
        if let Err(failure) = hastened {
            tracing::warn!(%failure, "what waits for a system that is back waits until it is due");
        }
    }

    async fn ask(&self) -> Finding<Way::Yes> {
        match self.claim.task {
            Task::Send => {
                let called = timeout(self.errand.patience(), self.errand.perform()).await;
                Finding::Called(called.unwrap_or(Report::Unknown))
            }
            Task::LookUp => {
                let looked = timeout(LOOK_UP_TIMEOUT, self.errand.look_up()).await;
                Finding::LookedUp(looked.unwrap_or(Sighting::NoAnswer))
            }
            Task::GiveUp => Finding::GaveUp,
        }
    }

    async fn hand_in(&self, ending: &Ending<'_, Way::Yes>) -> Result<(), NotTaken> {
        let name = match ending {
            // Told once, however often it is tried while nothing is done about it.
            Ending::Held(Hold { code, revision, .. }) => {
                format!("held/{}/{revision}", code.name())
            }
            ending => format!("{}/{}", self.claim.effect.attempt, ending.word()),
        };
        self.hand_in_as(ending, &name).await
    }

    /// Has the outcome recorded under this name, however long that takes while the store is away.
    async fn hand_in_as(&self, ending: &Ending<'_, Way::Yes>, name: &str) -> Result<(), NotTaken> {
        let mut pause = RETRY_FIRST;
        let mut refused = 0;
        loop {
            let failure = match self.runner.log.record(self.assignment(ending, name)).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if matches!(failure, Failure::Refused(_) | Failure::Internal { .. }) {
                refused += 1;
            }
            if refused >= TRIES_WHEN_REFUSED {
                tracing::error!(
                    effect.key = self.claim.effect.effect_key,
                    attempt = self.claim.effect.attempt,
                    ?failure,
                    "an outcome was not recorded"
                );
                return Err(NotTaken);
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(RETRY_LONGEST);
        }
    }

    fn assignment(&self, ending: &Ending<'_, Way::Yes>, name: &str) -> Assignment {
        let request_id = Uuid::new_v5(&self.errand.key(), name.as_bytes());
        Assignment {
            shop: self.shop.clone(),
            caller: Caller {
                actor: ACTOR.to_owned(),
                request_id,
                content: *blake3::hash(request_id.as_bytes()).as_bytes(),
            },
            command: self.errand.command(ending),
            bytes: 0,
        }
    }

    /// Whoever changed the integration meanwhile has woken what waited then, and not this.
    async fn catch_up(&self, hold: Hold) {
        let EffectRow { effect_key, shop_id, .. } = self.claim.effect;
        let seen = IntegrationSeen { shop_id, slug: hold.integration, revision: hold.revision };
        let store = &self.runner.store;
        let caught =
            on_either!(store, database => database.effect_catch_up(effect_key, seen).await);
        if let Err(failure) = caught {
            // It is tried again all the same, only later.
            tracing::warn!(effect.key = effect_key, %failure, "a held effect may wait too long");
        }
    }

    /// Stores when it goes on; `None` when it is somebody else's by now.
    async fn step(&self, finding: Finding<Way::Yes>) -> Option<Schedule> {
        let short = finding.in_short();
        let jitter = jitter_permille();
        let mut pause = RETRY_FIRST;
        loop {
            let lease = Lease {
                effect_key: self.claim.effect.effect_key,
                attempt: self.claim.effect.attempt,
                owner: self.owner.clone(),
            };
            let decide = move |schedule, now| short.next(schedule, now, jitter);
            let store = &self.runner.store;
            match on_either!(store, database => database.effect_step(lease, decide).await) {
                Ok(schedule) => return schedule,
                Err(failure @ (StoreFailure::Constraint(_) | StoreFailure::Defect(_))) => {
                    tracing::error!(
                        effect.key = self.claim.effect.effect_key,
                        %failure,
                        "an effect is left until its lease ends"
                    );
                    return None;
                }
                Err(StoreFailure::Away(_) | StoreFailure::Conflict(_)) => {
                    sleep(pause).await;
                    pause = pause.saturating_mul(2).min(RETRY_LONGEST);
                }
            }
        }
    }
}

/// What was found, without words.
#[derive(Clone, Copy)]
enum Short {
    Called(ShortReport),
    LookedUp(ShortSighting),
    GaveUp,
}

impl Short {
    fn next(self, schedule: Schedule, now: Micros, jitter: u16) -> (Schedule, Step) {
        match self {
            Self::Called(report) => after_call(schedule, report, now, jitter),
            Self::LookedUp(sighting) => after_look_up(schedule, sighting, now, jitter),
            Self::GaveUp => (Schedule { needs_attention: true, ..schedule }, Step::LeaveToPerson),
        }
    }
}

impl<Yes> Finding<Yes> {
    fn in_short(&self) -> Short {
        match self {
            Self::Called(report) => Short::Called(report.in_short()),
            Self::LookedUp(sighting) => Short::LookedUp(sighting.in_short()),
            Self::GaveUp => Short::GaveUp,
        }
    }

    /// What became of it, if that is final.
    fn ending(&self) -> Option<Ending<'_, Yes>> {
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
    fn heard(&self) -> Heard {
        match self {
            Self::Called(Report::Unknown | Report::TryLater { after: None })
            | Self::LookedUp(Sighting::NoAnswer) => Heard::Silence,
            Self::Called(Report::TryLater { after: Some(_) })
            | Self::LookedUp(Sighting::Busy | Sighting::Untold)
            | Self::GaveUp => Heard::Nothing,
            Self::Called(_) | Self::LookedUp(_) => Heard::Answer,
        }
    }

    fn is_accepted(&self) -> bool {
        matches!(self, Self::Called(Report::Accepted { .. }) | Self::LookedUp(Sighting::InProgress))
    }

    fn is_for_a_person(&self) -> bool {
        matches!(self, Self::GaveUp | Self::LookedUp(Sighting::Untold))
    }
}

impl<Yes> Ending<'_, Yes> {
    /// Its part in the id of its command.
    fn word(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Accepted => "accepted",
            Self::Declined(_) => "declined",
            Self::Held(_) => "held",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
        }
    }
}

/// The system may have done it and has not said so, or it was sent until it was too late.
fn is_open_question(state: EffectState) -> bool {
    matches!(state, EffectState::Sent | EffectState::Unknown | EffectState::Accepted)
}

/// A random number from 0 to 999.
fn jitter_permille() -> u16 {
    let (_, random) = Uuid::new_v4().as_u64_pair();
    u16::try_from(random % 1_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
}
