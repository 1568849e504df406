//! Vipps' own account of a payment: the sums of its money, and the log of what was done to it.

use jiff::{SignedDuration, Timestamp};
use order_rules::money::Currency;
use order_rules::order::Micros;
use order_rules::payments::OperationKind;
use order_rules::reconciling::{Standing, Statement};
use order_rules::refusals::Code;
use serde::Deserialize;
use uuid::Uuid;

use super::APPROVED_AGAIN_IN;
use crate::providers::{CAPTURED_BEFORE, Call, Confirmation, Decline, Report, key_in_our_form};

/// A payment as Vipps tells it, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    /// Says whether the customer has approved, and nothing of what became of the money.
    state: State,
    aggregate: Aggregate,
    /// Of the payment as it was made.
    #[serde(default)]
    psp_reference: String,
    #[serde(default)]
    capture_guaranteed_until: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aggregate {
    authorized_amount: Amount,
    cancelled_amount: Amount,
    captured_amount: Amount,
    refunded_amount: Amount,
}

#[derive(Debug, Deserialize)]
struct Amount {
    #[serde(default)]
    currency: String,
    /// Minor units.
    value: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    /// The customer has not answered yet.
    Created,
    Authorized,
    /// The customer said no.
    Aborted,
    /// The customer said nothing.
    Expired,
    /// Cancelled before the customer approved.
    Terminated,
    /// Newer than this version.
    #[serde(other)]
    Other,
}

/// What was done to a payment, oldest first.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Log(Vec<Event>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    psp_reference: String,
    name: Name,
    amount: Amount,
    /// Under which key; in its portal there is none.
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    success: bool,
    #[serde(default)]
    timestamp: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Name {
    Authorized,
    Captured,
    Refunded,
    Cancelled,
    Terminated,
    /// Not of our doing.
    #[serde(other)]
    Other,
}

/// For so long what is reserved can be captured or cancelled.
const CAPTURE_LIFE: SignedDuration = SignedDuration::from_hours(180 * 24);
/// In euros and Danish kroner, where nothing else is agreed.
const CAPTURE_LIFE_SHORT: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Payment {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        super::parsed(body)
    }

    pub(super) fn captured(&self) -> i64 {
        self.aggregate.captured_amount.value
    }

    /// What of the reservation is still held.
    fn left(&self) -> i64 {
        let Aggregate { authorized_amount, cancelled_amount, .. } = &self.aggregate;
        authorized_amount
            .value
            .saturating_sub(cancelled_amount.value)
            .saturating_sub(self.captured())
            .max(0)
    }

    /// What the payment says when somebody names it.
    pub(super) fn authorization(&self, call: &Call) -> Report {
        let no = |code, reason: &str| Report::Declined(Decline { code, reason: reason.to_owned() });
        match self.state {
            State::Authorized => {}
            State::Created | State::Other => {
                return Report::Accepted { ask_again_in: APPROVED_AGAIN_IN };
            }
            State::Aborted => {
                return no(Code::PaymentNotApproved, "the customer did not approve the payment");
            }
            State::Expired => {
                return no(Code::PaymentNotApproved, "the customer did not answer in time");
            }
            State::Terminated => return no(Code::ReservationGone, "the payment is cancelled"),
        }
        let currency = &self.aggregate.authorized_amount.currency;
        if currency != call.currency.code() {
            let short: String = currency.chars().take(3).collect();
            return no(Code::PaymentMismatch, &format!("the payment is in {short}"));
        }
        if self.left() == 0 {
            return no(Code::ReservationGone, "nothing of the payment is left to capture");
        }
        if self.captured() > 0 {
            return no(Code::ReservationGone, CAPTURED_BEFORE);
        }
        Report::Done(Confirmation {
            provider_reference: call.reference.clone(),
            amount_minor: self.left(),
            expires_at: self.guaranteed_until(),
        })
    }

    /// All that Vipps knows of the reservation; `None`: in words that are newer than this version.
    pub(super) fn statement(&self) -> Option<Statement> {
        let standing = match self.state {
            State::Created => Standing::Pending,
            State::Authorized if self.left() == 0 && self.captured() == 0 => Standing::Gone,
            State::Authorized => Standing::Held,
            State::Expired => Standing::Expired,
            State::Aborted | State::Terminated => Standing::Gone,
            State::Other => return None,
        };
        let Aggregate { authorized_amount, cancelled_amount, refunded_amount, .. } =
            &self.aggregate;
        Some(Statement {
            currency: Currency::from_code(&authorized_amount.currency),
            standing,
            authorized_minor: authorized_amount.value,
            captured_minor: self.captured(),
            refunded_minor: refunded_amount.value,
            released_minor: cancelled_amount.value,
            expires_at: self.guaranteed_until(),
            is_shared: false,
        })
    }

    /// The sums do not contradict that it was done. They never prove that it was: somebody else may
    /// have moved as much.
    pub(super) fn may_show(&self, call: &Call) -> bool {
        self.moved(call.kind).is_some_and(|moved| moved >= call.amount_minor)
    }

    /// Nothing is held any more, whoever gave it back: where nothing was captured that is a void,
    /// else the rest was released.
    pub(super) fn given_back(&self, call: &Call) -> Option<Confirmation> {
        let is_over = match self.state {
            State::Authorized => self.left() == 0,
            State::Aborted | State::Expired | State::Terminated => true,
            State::Created | State::Other => false,
        };
        let is_it = match call.kind {
            OperationKind::Void => self.captured() == 0,
            OperationKind::Release => self.captured() > 0,
            OperationKind::Authorize
            | OperationKind::UpdateAmount
            | OperationKind::Capture
            | OperationKind::Refund
            | OperationKind::CaptureReversal => false,
        };
        (is_over && is_it).then(|| self.confirmation(call))
    }

    /// A no with what the payment knows: what has ended is told as that.
    pub(super) fn explain(&self, call: &Call, no: &Decline) -> Decline {
        let is_gone = self.state != State::Created && self.left() == 0 && self.captured() == 0;
        let code = match call.kind {
            OperationKind::Capture if is_gone && no.code == Code::NotAllowedAtProvider => {
                Code::ReservationGone
            }
            _ => no.code,
        };
        let (left, captured) = (self.left(), self.captured());
        let refunded = self.aggregate.refunded_amount.value;
        let sums = match call.kind {
            OperationKind::Refund => format!("{captured} were captured and {refunded} refunded"),
            _ => format!("{left} are left to capture"),
        };
        Decline { code, reason: format!("{}; in minor units, {sums}", no.reason) }
    }

    /// What operations of the kind have moved in all.
    fn moved(&self, kind: OperationKind) -> Option<i64> {
        match kind {
            OperationKind::Capture => Some(self.captured()),
            OperationKind::Refund => Some(self.aggregate.refunded_amount.value),
            OperationKind::Void | OperationKind::Release => {
                Some(self.aggregate.cancelled_amount.value)
            }
            OperationKind::Authorize
            | OperationKind::UpdateAmount
            | OperationKind::CaptureReversal => None,
        }
    }

    fn confirmation(&self, call: &Call) -> Confirmation {
        Confirmation {
            provider_reference: self.psp_reference.clone(),
            amount_minor: call.amount_minor,
            expires_at: self.guaranteed_until(),
        }
    }

    /// Until then the bank behind it holds the money for sure.
    fn guaranteed_until(&self) -> Option<Micros> {
        let time: Timestamp = self.capture_guaranteed_until.as_deref()?.parse().ok()?;
        Some(Micros(time.as_microsecond()))
    }
}

impl Log {
    /// Under which something was captured, as far as they are such as ours.
    pub(super) fn capture_keys(&self) -> Vec<Uuid> {
        let captured = self.0.iter().filter(|one| one.success && one.name == Name::Captured);
        captured.filter_map(|one| key_in_our_form(one.idempotency_key.as_deref()?)).collect()
    }

    /// The trace that an operation has left under its key, if it was done.
    pub(super) fn trace_of(&self, call: &Call) -> Option<Confirmation> {
        let key = call.key.to_string();
        let is_it = |name| match call.kind {
            OperationKind::Capture => name == Name::Captured,
            OperationKind::Refund => name == Name::Refunded,
            OperationKind::Void | OperationKind::Release => {
                matches!(name, Name::Cancelled | Name::Terminated)
            }
            OperationKind::Authorize
            | OperationKind::UpdateAmount
            | OperationKind::CaptureReversal => false,
        };
        let own = self.0.iter().filter(|one| one.idempotency_key.as_deref() == Some(key.as_str()));
        let done = own.filter(|one| one.success).find(|one| is_it(one.name))?;
        Some(Confirmation {
            provider_reference: done.psp_reference.clone(),
            amount_minor: done.amount.value,
            expires_at: None,
        })
    }

    /// Vipps itself gave back what was not captured in time, which it calls a cancellation like any
    /// other: from then on nobody else can.
    pub(super) fn has_lapsed(&self) -> bool {
        let last = |name| self.0.iter().rev().find(|one| one.success && one.name == name);
        let (Some(held), Some(released)) = (last(Name::Authorized), last(Name::Cancelled)) else {
            return false;
        };
        let life = match held.amount.currency.as_str() {
            "DKK" | "EUR" => CAPTURE_LIFE_SHORT,
            _ => CAPTURE_LIFE,
        };
        let times = held
            .timestamp
            .parse::<Timestamp>()
            .ok()
            .zip(released.timestamp.parse::<Timestamp>().ok());
        released.idempotency_key.is_none()
            && times.is_some_and(|(held, released)| held.duration_until(released) >= life)
    }
}
