//! One claimed effect: the call or the look-up, and what follows from it.

use std::time::Duration;

use order_rules::changing::Outcome;
use order_rules::effects::{
    EffectState, Report as ShortReport, Schedule, Sighting as ShortSighting, Step, after_call,
    after_look_up,
};
use order_rules::money::Currency;
use order_rules::order::Micros;
use order_rules::payments::OperationKind;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Recorder, Runner};
use crate::commands::{Assignment, Caller, Command, Failure, RecordOutcome};
use crate::providers::{Call, Confirmation, Decline, PaymentProvider, Provider, Report, Sighting};
use crate::store::claims::{Claim, Lease, Task};
use crate::store::rows::{EffectRow, number};
use crate::store::{StoreFailure, on_either};
use crate::terms::Term;

/// One effect with all that its way needs.
pub(super) struct Carrier<Log> {
    pub runner: Runner<Log>,
    /// Names the run in the lease.
    pub owner: String,
    /// Last part of the shop's name.
    pub shop: String,
    /// `None`: the shop no longer names it, so nobody can be called.
    pub provider: Option<Provider>,
    pub claim: Claim,
}

/// What the provider said.
#[derive(Debug)]
enum Finding {
    Called(Report),
    LookedUp(Sighting),
    /// It was not asked: a person has to.
    GaveUp,
}

/// The turns did not take an outcome, and will not.
struct NotTaken;

/// Outcomes get their ids from the effect's key, so that the same outcome is one command, whoever
/// hands it in.
const KEYS: Uuid = Uuid::from_u128(0x5f0c_52a1_9b7e_4c39_8d42_7e1b_90af_6d15);
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);
const ACTOR: &str = "system";
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// A refusal or a defect is not cured by asking again and again.
const TRIES_WHEN_REFUSED: u32 = 3;

impl<Log: Recorder> Carrier<Log> {
    /// Calls or looks up, and brings the effect further. Ends early when the lease is lost before
    /// the provider has answered.
    pub(super) async fn carry_out(self, lease_lost: &CancellationToken) {
        let finding = tokio::select! {
            finding = self.ask() => finding,
            () = lease_lost.cancelled() => {
                tracing::warn!(
                    effect.key = self.claim.effect.effect_key,
                    attempt = self.claim.effect.attempt,
                    "the lease was lost during a call"
                );
                return;
            }
        };
        let finding = match finding.outcome() {
            None => finding,
            Some(outcome) => match self.hand_in(outcome).await {
                Ok(()) => return,
                // The provider will say the same later; meanwhile others get their turn.
                Err(NotTaken) if self.claim.task == Task::Send => Finding::Called(Report::Unknown),
                Err(NotTaken) => Finding::LookedUp(Sighting::NoAnswer),
            },
        };
        if finding.is_accepted() && self.claim.state() != Some(EffectState::Accepted) {
            // If this is lost the operation only shows SENT for longer.
            drop(self.hand_in(Outcome::Accepted).await);
        }
        if matches!(finding, Finding::GaveUp) {
            // Told before it is put away: nobody comes back to it.
            drop(self.hand_in(Outcome::Unknown).await);
            self.step(finding).await;
            return;
        }
        let Some(schedule) = self.step(finding).await else { return };
        if schedule.needs_attention && is_open_question(schedule.state) {
            // The same command at each look, so that it cannot be lost.
            drop(self.hand_in(Outcome::Unknown).await);
        }
    }

    async fn ask(&self) -> Finding {
        let target = self.provider.as_ref().zip(self.call());
        match self.claim.task {
            Task::Send => {
                let Some((provider, call)) = target else {
                    return Finding::Called(Report::TryLater { after: None });
                };
                let called = timeout(self.runner.call_timeout(), provider.perform(&call)).await;
                Finding::Called(called.unwrap_or(Report::Unknown))
            }
            Task::LookUp => {
                let Some((provider, call)) = target else {
                    return Finding::LookedUp(Sighting::NoAnswer);
                };
                let looked = timeout(LOOK_UP_TIMEOUT, provider.look_up(&call)).await;
                Finding::LookedUp(looked.unwrap_or(Sighting::NoAnswer))
            }
            Task::GiveUp => Finding::GaveUp,
        }
    }

    /// The call as it was planned; `None` when what is stored makes no sense to this version.
    fn call(&self) -> Option<Call> {
        let Claim { effect, provider, reference, currency, .. } = &self.claim;
        Some(Call {
            shop: self.shop.clone(),
            provider: provider.clone(),
            reference: reference.clone(),
            key: self.key(),
            kind: OperationKind::from_stored(effect.kind)?,
            amount_minor: effect.amount_minor,
            currency: Currency::from_code(currency)?,
        })
    }

    fn key(&self) -> Uuid {
        let Claim { effect, provider, reference, .. } = &self.claim;
        key_of(&self.shop, provider, reference, effect)
    }

    /// Has the outcome recorded, however long that takes while the store is away.
    async fn hand_in(&self, outcome: Outcome) -> Result<(), NotTaken> {
        let mut pause = RETRY_FIRST;
        let mut refused = 0;
        loop {
            let failure = match self.runner.log.record(self.assignment(&outcome)).await {
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

    fn assignment(&self, outcome: &Outcome) -> Assignment {
        let effect = &self.claim.effect;
        let name = format!("{}/{}", effect.attempt, word(outcome));
        let request_id = Uuid::new_v5(&self.key(), name.as_bytes());
        Assignment {
            shop: self.shop.clone(),
            caller: Caller {
                actor: ACTOR.to_owned(),
                request_id,
                content: *blake3::hash(request_id.as_bytes()).as_bytes(),
            },
            command: Command::RecordOutcome(RecordOutcome {
                number: number(effect.order_key),
                operation: number(effect.effect_key),
                attempt: effect.attempt,
                outcome: outcome.clone(),
            }),
        }
    }

    /// Stores when it goes on; `None` when it is somebody else's by now.
    async fn step(&self, finding: Finding) -> Option<Schedule> {
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

/// The provider's key of an effect: the same for every attempt, and another in every database,
/// although they all count their shops and operations from one.
pub(super) fn key_of(shop: &str, provider: &str, reference: &str, effect: &EffectRow) -> Uuid {
    let EffectRow { effect_key, created_at, .. } = effect;
    let name = format!("{shop}/{provider}/{reference}/{effect_key}/{created_at}");
    Uuid::new_v5(&KEYS, name.as_bytes())
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

impl Finding {
    fn in_short(&self) -> Short {
        match self {
            Self::Called(report) => Short::Called(report.in_short()),
            Self::LookedUp(sighting) => Short::LookedUp(sighting.in_short()),
            Self::GaveUp => Short::GaveUp,
        }
    }

    /// The outcome, if it is final.
    fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Called(Report::Done(confirmation))
            | Self::LookedUp(Sighting::Happened(confirmation)) => Some(succeeded(confirmation)),
            Self::Called(Report::Declined(decline))
            | Self::LookedUp(Sighting::Declined(decline)) => Some(declined(decline)),
            Self::Called(Report::Accepted { .. } | Report::TryLater { .. } | Report::Unknown)
            | Self::LookedUp(Sighting::Absent | Sighting::InProgress | Sighting::NoAnswer)
            | Self::GaveUp => None,
        }
    }

    fn is_accepted(&self) -> bool {
        matches!(self, Self::Called(Report::Accepted { .. }) | Self::LookedUp(Sighting::InProgress))
    }
}

fn succeeded(confirmation: &Confirmation) -> Outcome {
    Outcome::Succeeded {
        amount_minor: confirmation.amount_minor,
        provider_reference: Some(confirmation.provider_reference.clone()),
        expires_at: confirmation.expires_at,
    }
}

fn declined(decline: &Decline) -> Outcome {
    Outcome::Declined { code: decline.code, provider_reason: decline.reason.clone() }
}

/// The provider may have done it and has not said so, or it was sent until it was too late.
fn is_open_question(state: EffectState) -> bool {
    matches!(state, EffectState::Sent | EffectState::Unknown | EffectState::Accepted)
}

/// The outcome's part in its id.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded",
        Outcome::Accepted => "accepted",
        Outcome::Declined { .. } => "declined",
        Outcome::Unknown => "unknown",
        Outcome::Reversed { .. } => "reversed",
    }
}

/// A random number from 0 to 999.
fn jitter_permille() -> u16 {
    let (_, random) = Uuid::new_v4().as_u64_pair();
    u16::try_from(random % 1_000).unwrap_or_default()
}
