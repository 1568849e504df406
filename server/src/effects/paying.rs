//! The way of an operation on a payment to the provider that holds it.

use std::time::Duration;

use order_rules::changing::Outcome;
use order_rules::effects::{CARRIED_OUT_WITHIN_MICROS, EffectState};
use order_rules::money::Currency;
use order_rules::order::LineKind;
use order_rules::payments::OperationKind;
use order_rules::refusals::Code;
use uuid::Uuid;

use super::carrying::{Ending, Errand};
use super::finding::{Found, Ledger};
use crate::clock;
use crate::commands::{Command, RecordOutcome};
use crate::links::Trail;
use crate::providers::{Call, CallLine, Confirmation, Doubt, PaymentProvider, Provider, Told};
use crate::store::claims::{PaymentSubject, Task, schedule};
use crate::store::rows::{EffectRow, LineRow, number};
use crate::systems::{Hold, Report, Sighting};
use crate::terms::Term;

/// An operation on its way.
pub(super) struct Paying {
    /// `None`: it cannot be called as it is set up.
    pub provider: Option<Provider>,
    /// Why nothing is sent, if that is so.
    pub hold: Option<Hold>,
    /// `None`: what is stored makes no sense to this version.
    pub call: Option<Call>,
    pub ledger: Ledger,
    pub effect: EffectRow,
    pub key: Uuid,
    pub patience: Duration,
}

/// Whose doing it was.
pub(super) enum Done {
    Asked(Confirmation),
    /// Somebody else's, of which the provider has told.
    Found(Confirmation),
}

/// Keys of operations are of this name space.
const KEYS: Uuid = Uuid::from_u128(0x5f0c_52a1_9b7e_4c39_8d42_7e1b_90af_6d15);

impl Errand for Paying {
    type Yes = Done;

    async fn perform(&self) -> Report<Done> {
        if let Some(hold) = &self.hold {
            return Report::Held(hold.clone());
        }
        let Some((provider, call)) = self.target() else {
            return Report::TryLater { after: None };
        };
        match call.kind {
            OperationKind::Capture => self.capture(provider, call).await,
            OperationKind::Refund => self.refund(provider, call).await,
            _ => provider.perform(call).await.map(Done::Asked),
        }
    }

    async fn look_up(&self) -> Sighting<Done> {
        match self.target() {
            Some((provider, call)) => provider.look_up(call).await.map(Done::Asked),
            None => Sighting::NoAnswer,
        }
    }

    fn is_asked(&self, task: Task) -> bool {
        let is_look_up = task == Task::LookUp;
        (is_look_up || self.hold.is_none())
            && self.target().is_some_and(|(provider, call)| provider.is_asked(call, is_look_up))
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn key(&self) -> Uuid {
        self.key
    }

    fn kind(&self) -> &'static str {
        match OperationKind::from_stored(self.effect.kind) {
            Some(OperationKind::Authorize) => "authorize",
            Some(OperationKind::Capture) => "capture",
            Some(OperationKind::CaptureReversal) => "capture reversal",
            Some(OperationKind::Refund) => "refund",
            Some(OperationKind::Release) => "release",
            Some(OperationKind::UpdateAmount) => "update amount",
            Some(OperationKind::Void) => "void",
            None => "unknown",
        }
    }

    fn trail(&self) -> Option<&Trail> {
        self.provider.as_ref().and_then(Provider::trail)
    }

    fn tells_of_waiting(&self) -> Option<i64> {
        Some(self.provider.as_ref().map_or(0, Provider::revision))
    }

    fn command(&self, ending: &Ending<'_, Done>) -> Command {
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
    /// A capture that the provider has already, made in its portal, is adopted and not repeated (2.8).
    async fn capture(&self, provider: &Provider, call: &Call) -> Report<Done> {
        if let Some(report) = self.look(provider, call).await {
            return report;
        }
        match provider.perform(call).await {
            Report::Declined(no) => match self.ledger.look_again(provider, call).await {
                Some(found) => Report::Done(Done::Found(found)),
                None => Report::Declined(no),
            },
            report => report.map(Done::Asked),
        }
    }

    /// What was paid back already, in the provider's portal, is adopted and not paid once more.
    async fn refund(&self, provider: &Provider, call: &Call) -> Report<Done> {
        match self.look(provider, call).await {
            Some(report) => report,
            None => provider.perform(call).await.map(Done::Asked),
        }
    }

    /// Looks before it is asked for. `None`: there is nothing of it.
    async fn look(&self, provider: &Provider, call: &Call) -> Option<Report<Done>> {
        // What it has told of ours already is the answer.
        if !provider.is_asked(call, false) {
            return None;
        }
        let caution = (self.patience, may_be_carried_out(&self.effect));
        match self.ledger.look(provider, call, caution).await {
            Found::Nothing => None,
            Found::Elsewhere(found) => Some(Report::Done(Done::Found(found))),
            Found::Otherwise(report) => Some(report.map(Done::Asked)),
        }
    }

    fn target(&self) -> Option<(&Provider, &Call)> {
        self.provider.as_ref().zip(self.call.as_ref())
    }
}

/// The call as it was planned; `None` when what is stored makes no sense to this version.
pub(super) fn call(
    shop: &str,
    effect: &EffectRow,
    PaymentSubject { provider, reference, currency, lines, told, .. }: &PaymentSubject,
) -> Option<Call> {
    let kind = OperationKind::from_stored(effect.kind)?;
    Some(Call {
        shop: shop.to_owned(),
        provider: provider.clone(),
        reference: reference.clone(),
        key: key_of(shop, provider, reference, effect),
        kind,
        amount_minor: effect.amount_minor,
        currency: Currency::from_code(currency)?,
        order: number(effect.order_key),
        lines: lines.iter().filter_map(|row| line(kind, row)).collect(),
        told: told.iter().map(Told::from).collect(),
        doubt: Doubt::Wait,
    })
}

/// What there is to do where a look-up finds nothing.
pub(super) fn doubt(effect: &EffectRow, is_held: bool) -> Doubt {
    let Some(schedule) = schedule(effect) else { return Doubt::Wait };
    match schedule.state {
        EffectState::Unknown if !schedule.may_send_at(clock::now()) => Doubt::TooLate,
        EffectState::Unknown if !is_held => Doubt::Repeat,
        _ => Doubt::Wait,
    }
}

/// Whether a call of it that was never answered may still be carried out.
fn may_be_carried_out(effect: &EffectRow) -> bool {
    let doubted_at = schedule(effect).and_then(|schedule| schedule.doubted_at);
    doubted_at.is_some_and(|sent| clock::now().0 < sent.0.saturating_add(CARRIED_OUT_WITHIN_MICROS))
}

/// A line without units was removed. Of a credit order the goods are negative, and fees positive: a
/// refund has them the other way round.
fn line(kind: OperationKind, row: &LineRow) -> Option<CallLine> {
    let LineRow { quantity, vat_minor, gross_minor, .. } = *row;
    let sign = if kind == OperationKind::Refund { -1 } else { 1 };
    (quantity != 0).then(|| CallLine {
        kind: LineKind::from_stored(row.kind).unwrap_or(LineKind::Goods),
        sku: row.sku.clone(),
        title: row.title.clone(),
        quantity: quantity.saturating_abs(),
        vat_rate_bp: row.vat_rate_bp,
        vat_minor: vat_minor.saturating_mul(sign),
        gross_minor: gross_minor.saturating_mul(sign),
    })
}

/// The provider's key of an effect: the same for every attempt, and another in every database,
/// although they all count their shops and operations from one.
pub(super) fn key_of(shop: &str, provider: &str, reference: &str, effect: &EffectRow) -> Uuid {
    let EffectRow { effect_key, created_at, .. } = *effect;
    operation_key((shop, provider, reference), (effect_key, created_at))
}

/// The same of an operation, which was asked for when its effect was made.
pub(crate) fn operation_key(
    (shop, provider, reference): (&str, &str, &str),
    (stored_key, asked_at): (i64, i64),
) -> Uuid {
    let name = format!("{shop}/{provider}/{reference}/{stored_key}/{asked_at}");
    Uuid::new_v5(&KEYS, name.as_bytes())
}

fn outcome(ending: &Ending<'_, Done>) -> Outcome {
    match ending {
        Ending::Succeeded(Done::Found(found)) => Outcome::FoundDone {
            amount_minor: found.amount_minor,
            provider_reference: found.provider_reference.clone(),
        },
        Ending::Succeeded(Done::Asked(confirmation)) => Outcome::Succeeded {
            amount_minor: confirmation.amount_minor,
            provider_reference: Some(confirmation.provider_reference.clone()),
            expires_at: confirmation.expires_at,
        },
        Ending::Accepted => Outcome::Accepted,
        Ending::Declined(decline) => {
            Outcome::Declined { code: decline.code, provider_reason: decline.reason.clone() }
        }
        Ending::Held(hold) => Outcome::Held { code: hold.code, reason: hold.reason.clone() },
        Ending::Waiting(reason) => {
            Outcome::Held { code: Code::OperationDelayed, reason: (*reason).to_owned() }
        }
        Ending::Unknown(reason) => Outcome::Unknown { reason: (*reason).to_owned() },
    }
}
