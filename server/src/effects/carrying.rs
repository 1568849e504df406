//! One claimed effect: the call or the look-up, and what follows from it.

mod attempt;

use std::time::Duration;

use order_rules::effects::{EffectState, Schedule};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use self::attempt::Finding;
use super::breakers::Heard;
use super::slots::Place;
use super::{Recorder, Runner};
use crate::commands::{Assignment, Caller, Command, Failure};
use crate::links::Trail;
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

    /// What is to be done, in a word for the record.
    fn kind(&self) -> &'static str;

    /// What the attempt leaves behind, where its system tells of that.
    fn trail(&self) -> Option<&Trail> {
        None
    }

    /// Why it is open what became of it, in the system's words or ours; nothing personal.
    fn reason(&self) -> Option<String> {
        self.trail().and_then(Trail::words)
    }

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
    /// It has not got to its system for long, for this reason.
    Waiting(&'a str),
    /// Nobody knows; this is what was heard last.
    Unknown(&'a str),
}

/// The turns did not take an outcome, and will not.
struct NotTaken;

const TOO_LATE: &str = "no answer: not within the time";
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
        self.note(&finding);
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
            drop(self.hand_in(&Ending::Unknown(&self.heard_last(&finding))).await);
            self.step(finding).await;
            return;
        }
        let reason = self.heard_last(&finding);
        let Some(schedule) = self.step(finding).await else { return };
        if !schedule.needs_attention {
            return;
        }
        if is_open_question(schedule.state) || schedule.doubted_at.is_some() {
            // The same command at each look, so that it cannot be lost.
            drop(self.hand_in(&Ending::Unknown(&reason)).await);
        } else if schedule.state == EffectState::Pending
            && let Some(revision) = self.errand.tells_of_waiting()
        {
            let name = format!("{WAITING}/{revision}");
            drop(self.hand_in_as(&Ending::Waiting(&reason), &name).await);
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
                Finding::Called(called.unwrap_or_else(|_| self.in_vain(Report::Unknown)))
            }
            Task::LookUp => {
                let looked = timeout(LOOK_UP_TIMEOUT, self.errand.look_up()).await;
                Finding::LookedUp(looked.unwrap_or_else(|_| self.in_vain(Sighting::NoAnswer)))
            }
            Task::GiveUp => Finding::GaveUp,
        }
    }

    /// What it means that nobody waits for the system any longer.
    fn in_vain<Said>(&self, said: Said) -> Said {
        if let Some(trail) = self.errand.trail() {
            trail.tell(TOO_LATE);
        }
        said
    }

    /// Writes down why it did not end well, once an attempt.
    fn note(&self, finding: &Finding<Way::Yes>) {
        let reason = match finding {
            Finding::Called(Report::Declined(no)) | Finding::LookedUp(Sighting::Declined(no)) => {
                no.reason.clone()
            }
            Finding::Called(Report::Held(hold)) => hold.reason.clone(),
            finding if finding.is_open() => self.heard_last(finding),
            _ => return,
        };
        let EffectRow { effect_key, attempt, .. } = self.claim.effect;
        let (kind, lane, shop) = (self.errand.kind(), self.claim.lane(), self.shop.as_str());
        let provider = lane.name();
        if finding.is_busy() {
            tracing::info!(
                effect.key = effect_key,
                effect.kind = kind,
                attempt,
                shop,
                provider,
                reason,
                "a system has no time for an effect"
            );
        } else {
            tracing::warn!(
                effect.key = effect_key,
                effect.kind = kind,
                attempt,
                shop,
                provider,
                reason,
                "an effect has not succeeded"
            );
        }
    }

    /// Why it is open, as far as this attempt says; else as it was heard before.
    fn heard_last(&self, finding: &Finding<Way::Yes>) -> String {
        // It was taken since: what was said before that is of no account.
        if finding.is_accepted() {
            return finding.in_words().to_owned();
        }
        let heard = self.reason(finding).or_else(|| self.claim.effect.provider_reason.clone());
        heard.unwrap_or_else(|| finding.in_words().to_owned())
    }

    /// Why it is open, where this attempt says so.
    fn reason(&self, finding: &Finding<Way::Yes>) -> Option<String> {
        finding.is_open().then(|| self.errand.reason()).flatten()
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
        let asked_at = self.errand.trail().and_then(Trail::asked_at);
        let jitter = jitter_permille();
        let mut pause = RETRY_FIRST;
        loop {
            let lease = Lease {
                effect_key: self.claim.effect.effect_key,
                attempt: self.claim.effect.attempt,
                owner: self.owner.clone(),
            };
            let reason = self.reason(&finding);
            let decide = move |schedule, now| short.next(schedule, now, asked_at, jitter);
            let store = &self.runner.store;
            match on_either!(store, database => database.effect_step(lease, reason, decide).await) {
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

impl<Yes> Ending<'_, Yes> {
    /// Its part in the id of its command.
    fn word(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Accepted => "accepted",
            Self::Declined(_) => "declined",
            Self::Held(_) => "held",
            Self::Waiting(_) => "waiting",
            Self::Unknown(_) => "unknown",
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
