//! The way of an order to the accounting system that books it.

use std::time::Duration;

use order_rules::accounting::{Booked, TransferOutcome, clear_from};
use order_rules::effects::{ATTENTION_AFTER_MICROS, MADE_WITHIN_MICROS, QUIET_MICROS};
use order_rules::order::Micros;
use order_rules::refusals::Code;
use uuid::Uuid;

use super::carrying::{Ending, Errand};
use crate::accounting::{Accounting, AccountingSystem, Entry, Report, Sighting, SoleMaker};
use crate::commands::{Command, RecordTransfer};
use crate::links::Trail;
use crate::store::claims::{Task, TransferParts};
use crate::store::rows::{EffectRow, number};
use crate::store::{Store, StoreFailure, on_either};
use crate::systems::{Decline, Hold};

/// A transfer on its way. What it is made of is read when it is tried.
pub(super) struct Booking {
    pub store: Store,
    /// `None`: it cannot be called as it is set up.
    pub accounting: Option<Accounting>,
    /// Why nothing is sent, if that is so.
    pub hold: Option<Hold>,
    /// Last part of the shop's name.
    pub shop: String,
    pub effect: EffectRow,
    pub patience: Duration,
}

/// What was asked for at the end of an attempt is made and shown by then, if ever.
const SHOWN_WITHIN: Duration =
    Duration::from_micros((MADE_WITHIN_MICROS + QUIET_MICROS).unsigned_abs());
/// Keys of transfers are of this name space.
const KEYS: Uuid = Uuid::from_u128(0x2e94_61bd_0f3a_4c58_a7d1_93e6_5b20_c84f);

impl Errand for Booking {
    type Yes = Booked;

    async fn perform(&self) -> Report {
        if let Some(hold) = &self.hold {
            return Report::Held(hold.clone());
        }
        let Some(accounting) = &self.accounting else { return Report::TryLater { after: None } };
        let parts = match self.parts().await {
            Ok(parts) => parts,
            Err(failure) => {
                tracing::warn!(%failure, "a transfer cannot be read, it waits");
                return Report::TryLater { after: None };
            }
        };
        if let Some(rest) = parts.as_ref().and_then(|parts| self.rest(parts)) {
            accounting.trail().tell("a transfer that was given up may be under way");
            return Report::TryLater { after: Some(rest) };
        }
        match parts.and_then(|parts| Entry::new(parts, self.is_late())) {
            Some(entry) => accounting.book(&entry, self).await,
            None => Report::Declined(Decline {
                code: Code::RejectedByAccounting,
                reason: "the order as it was then is not kept any more".to_owned(),
            }),
        }
    }

    async fn look_up(&self) -> Sighting {
        let Some(accounting) = &self.accounting else { return Sighting::NoAnswer };
        let entry = self.parts().await.ok().flatten();
        match entry.and_then(|parts| Entry::new(parts, self.is_late())) {
            Some(entry) => accounting.look_up(&entry).await,
            None => Sighting::NoAnswer,
        }
    }

    fn is_asked(&self, task: Task) -> bool {
        self.accounting.is_some() && (task == Task::LookUp || self.hold.is_none())
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn key(&self) -> Uuid {
        let EffectRow { effect_key, created_at, .. } = &self.effect;
        let name = format!("{}/{effect_key}/{created_at}", self.shop);
        Uuid::new_v5(&KEYS, name.as_bytes())
    }

    fn kind(&self) -> &'static str {
        "transfer"
    }

    fn trail(&self) -> Option<&Trail> {
        self.accounting.as_ref().map(Accounting::trail)
    }

    fn tells_of_waiting(&self) -> Option<i64> {
        Some(self.accounting.as_ref().map_or(0, Accounting::revision))
    }

    fn command(&self, ending: &Ending<'_, Booked>) -> Command {
        let outcome = match ending {
            Ending::Succeeded(booked) => TransferOutcome::Succeeded((*booked).clone()),
            Ending::Declined(decline) => TransferOutcome::Declined {
                code: decline.code,
                provider_reason: decline.reason.clone(),
            },
            Ending::Held(hold) => {
                TransferOutcome::Held { code: hold.code, reason: hold.reason.clone() }
            }
            // No accounting system takes what it answers later.
            Ending::Accepted => TransferOutcome::Unknown { reason: String::new() },
            Ending::Waiting(reason) | Ending::Unknown(reason) => {
                TransferOutcome::Unknown { reason: (*reason).to_owned() }
            }
        };
        Command::RecordTransfer(RecordTransfer {
            number: number(self.effect.order_key),
            transfer: number(self.effect.effect_key),
            attempt: self.effect.attempt,
            outcome,
        })
    }
}

/// One transfer at a time, whichever replica it is with. Whoever dies or waits in vain leaves the others
/// out until its calls are over: longer than an attempt may take, and its outcome to show.
impl SoleMaker for Booking {
    async fn begin(&self, name: [u8; 32]) -> bool {
        let lasts = self.patience.saturating_add(SHOWN_WITHIN);
        let effect = self.effect.effect_key;
        let name = name.to_vec();
        let begun = on_either!(&self.store, database => {
            database.sole_maker_begin(name, effect, lasts).await
        });
        begun.unwrap_or_else(|failure| {
            tracing::warn!(%failure, "what only one may make waits");
            false
        })
    }

    async fn end(&self, name: [u8; 32]) {
        let effect = self.effect.effect_key;
        let name = name.to_vec();
        let ended =
            on_either!(&self.store, database => database.sole_maker_end(name, effect).await);
        if let Err(failure) = ended {
            tracing::warn!(%failure, "what was made alone keeps others waiting for a while");
        }
    }
}

impl Booking {
    async fn parts(&self) -> Result<Option<TransferParts>, StoreFailure> {
        let key = self.effect.effect_key;
        on_either!(&self.store, database => database.transfer_find(key).await)
    }

    /// How long a transfer that was given up may still make what this one looks for. Whoever has
    /// waiting effects taken up at once knows nothing of that.
    fn rest(&self, parts: &TransferParts) -> Option<Duration> {
        let clear = clear_from(Micros(parts.given_up_at?));
        let rest = clear.0.saturating_sub(self.effect.last_sent_at?);
        u64::try_from(rest).ok().filter(|rest| *rest > 0).map(Duration::from_micros)
    }

    fn is_late(&self) -> bool {
        let EffectRow { first_sent_at, last_sent_at, .. } = self.effect;
        first_sent_at
            .zip(last_sent_at)
            .is_some_and(|(first, last)| last.saturating_sub(first) >= ATTENTION_AFTER_MICROS)
    }
}
