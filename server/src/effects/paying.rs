//! The way of an operation on a payment to the provider that holds it.

use std::time::Duration;

use order_rules::changing::Outcome;
use order_rules::money::Currency;
use order_rules::payments::OperationKind;
use uuid::Uuid;

use super::carrying::{Ending, Errand};
use crate::commands::{Command, RecordOutcome};
use crate::providers::{Call, Confirmation, PaymentProvider, Provider, Report, Sighting};
use crate::store::rows::{EffectRow, number};
use crate::terms::Term;

/// An operation on its way.
pub(super) struct Paying {
    /// `None`: the shop no longer names it, so nobody can be called.
    pub provider: Option<Provider>,
    /// `None`: what is stored makes no sense to this version.
    pub call: Option<Call>,
    pub effect: EffectRow,
    pub key: Uuid,
    pub patience: Duration,
}

/// Keys of operations are of this name space.
const KEYS: Uuid = Uuid::from_u128(0x5f0c_52a1_9b7e_4c39_8d42_7e1b_90af_6d15);

impl Errand for Paying {
    type Yes = Confirmation;

    async fn perform(&self) -> Report {
        match self.target() {
            Some((provider, call)) => provider.perform(call).await,
            None => Report::TryLater { after: None },
        }
    }

    async fn look_up(&self) -> Sighting {
        match self.target() {
            Some((provider, call)) => provider.look_up(call).await,
            None => Sighting::NoAnswer,
        }
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn key(&self) -> Uuid {
        self.key
    }

    fn command(&self, ending: &Ending<'_, Confirmation>) -> Command {
        let effect = &self.effect;
        Command::RecordOutcome(RecordOutcome {
            number: number(effect.order_key),
            operation: number(effect.effect_key),
            attempt: effect.attempt,
            outcome: outcome(ending),
        })
    }
}

impl Paying {
    fn target(&self) -> Option<(&Provider, &Call)> {
        self.provider.as_ref().zip(self.call.as_ref())
    }
}

/// The call as it was planned; `None` when what is stored makes no sense to this version.
pub(super) fn call(
    shop: &str,
    effect: &EffectRow,
    (provider, reference, currency): (&str, &str, &str),
) -> Option<Call> {
    Some(Call {
        shop: shop.to_owned(),
        provider: provider.to_owned(),
        reference: reference.to_owned(),
        key: key_of(shop, provider, reference, effect),
        kind: OperationKind::from_stored(effect.kind)?,
        amount_minor: effect.amount_minor,
        currency: Currency::from_code(currency)?,
    })
}

/// The provider's key of an effect: the same for every attempt, and another in every database,
/// although they all count their shops and operations from one.
pub(super) fn key_of(shop: &str, provider: &str, reference: &str, effect: &EffectRow) -> Uuid {
    let EffectRow { effect_key, created_at, .. } = effect;
    let name = format!("{shop}/{provider}/{reference}/{effect_key}/{created_at}");
    Uuid::new_v5(&KEYS, name.as_bytes())
}

fn outcome(ending: &Ending<'_, Confirmation>) -> Outcome {
    match ending {
        Ending::Succeeded(confirmation) => Outcome::Succeeded {
            amount_minor: confirmation.amount_minor,
            provider_reference: Some(confirmation.provider_reference.clone()),
            expires_at: confirmation.expires_at,
        },
        Ending::Accepted => Outcome::Accepted,
        Ending::Declined(decline) => {
            Outcome::Declined { code: decline.code, provider_reason: decline.reason.clone() }
        }
        Ending::Unknown => Outcome::Unknown,
    }
}
