//! Payments at Vipps: their money is in `aggregate`, and their state says little.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::problems::Problem;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    pub currency: Currency,
    /// Minor units.
    pub value: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    #[default]
    Nok,
    Dkk,
    Eur,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    Created,
    /// And stays so, whatever becomes of the money.
    Authorized,
    Aborted,
    Expired,
    Terminated,
}

/// A payment that a customer has approved, unless told otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    pub reference: String,
    /// Minor units.
    pub value: i64,
    #[serde(default)]
    pub currency: Currency,
    /// The customer has not answered yet.
    #[serde(default)]
    pub is_open: bool,
    /// Only the whole may be captured.
    #[serde(default)]
    pub is_indivisible: bool,
}

/// Minor units of its currency.
#[derive(Clone, Debug)]
pub struct Payment {
    pub reference: String,
    pub amount: Amount,
    pub state: State,
    psp_reference: String,
    pub authorized: i64,
    pub cancelled: i64,
    pub captured: i64,
    pub refunded: i64,
    is_indivisible: bool,
    authorized_at: Option<Timestamp>,
    events: Vec<Event>,
}

/// An entry of its log, which is also what webhooks tell.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub reference: String,
    /// The event's own.
    pub psp_reference: String,
    pub name: &'static str,
    pub amount: Amount,
    pub timestamp: Timestamp,
    pub idempotency_key: Option<String>,
    pub success: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Modification {
    pub(super) modification_amount: Amount,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Cancellation {
    pub(super) cancel_transaction_only: bool,
}

/// When something is done, and under which key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    pub(super) key: &'a str,
}

#[derive(Debug, Default)]
pub(super) struct Payments {
    pub(super) by_reference: BTreeMap<String, Payment>,
}

const VALUE_MAX: i64 = 65_000_000;
/// The least that can be captured or refunded, øre.
const NOK_MIN: i64 = 100;
const REFUND_DAYS: i64 = 365;
/// How long the bank behind it holds the money for sure.
const GUARANTEED_DAYS: i64 = 7;
/// Amounts that fail in the test environment, øre.
const FAILING: [i64; 9] = [151, 182, 183, 184, 186, 187, 197, 201, 202];
const FAILING_REFUNDS: [i64; 2] = [123, 124];

impl Currency {
    /// How long a capture may wait.
    fn capture_days(self) -> i64 {
        match self {
            Self::Nok => 180,
            Self::Dkk | Self::Eur => 14,
        }
    }
}

impl Amount {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let least = if self.currency == Currency::Nok { NOK_MIN } else { 1 };
        let refused = |code, detail: String| Err(Problem::told(400, code, &detail));
        match self.value {
            value if !(0..=VALUE_MAX).contains(&value) => {
                refused("4040", format!("{value} is not within 0 and {VALUE_MAX} minor units"))
            }
            value if value < least => {
                refused("6010", format!("{value} is less than {least} minor units"))
            }
            _ => Ok(()),
        }
    }
}

impl NewPayment {
    pub(super) const fn amount(&self) -> Amount {
        Amount { currency: self.currency, value: self.value }
    }
}

impl Payments {
    /// Lets go of what was not captured in time.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<(Event, Payment)> {
        let mut events = Vec::new();
        for payment in self.by_reference.values_mut() {
            if payment.is_late(now) && payment.left() > 0 {
                let event = payment.let_go(Moment { now, key: "" });
                events.push((event, payment.clone()));
            }
        }
        events
    }
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

impl Payment {
    pub(super) fn new(new: &NewPayment, moment: Moment<'_>) -> Self {
        let mut payment = Self {
            reference: new.reference.clone(),
            amount: new.amount(),
            state: State::Created,
            psp_reference: String::new(),
            authorized: 0,
            cancelled: 0,
            captured: 0,
            refunded: 0,
            is_indivisible: new.is_indivisible,
            authorized_at: None,
            events: Vec::new(),
        };
        let created = payment.record("CREATED", new.value, moment);
        payment.psp_reference = created.psp_reference;
        payment
    }

    /// As it is read.
    pub(super) fn read(&self) -> Value {
        json!({
            "aggregate": self.aggregate(),
            "amount": self.amount,
            "state": self.state,
            "paymentMethod": { "type": "WALLET", "cardBin": "540185" },
            "profile": {},
            "pspReference": self.psp_reference,
            "redirectUrl": self.url(),
            "reference": self.reference,
            "metadata": {},
            "captureGuaranteedUntil": self.guaranteed_until(),
        })
    }

    /// Where its customer is sent.
    pub(super) fn url(&self) -> String {
        format!("https://landing.vipps.example?token={}", self.psp_reference)
    }

    /// As a modification tells it.
    pub(super) fn modified(&self) -> Value {
        json!({
            "amount": self.amount,
            "state": self.state,
            "aggregate": self.aggregate(),
            "pspReference": self.psp_reference,
            "reference": self.reference,
        })
    }

    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    pub(super) fn guaranteed_until(&self) -> Option<Timestamp> {
        self.authorized_at.map(|at| at + days(GUARANTEED_DAYS))
    }

    fn aggregate(&self) -> Value {
        let of = |value| Amount { currency: self.amount.currency, value };
        json!({
            "authorizedAmount": of(self.authorized),
            "cancelledAmount": of(self.cancelled),
            "capturedAmount": of(self.captured),
            "refundedAmount": of(self.refunded),
        })
    }

    fn record(&mut self, name: &'static str, value: i64, moment: Moment<'_>) -> Event {
        let event = Event {
            reference: self.reference.clone(),
            psp_reference: Uuid::new_v4().to_string(),
            name,
            amount: Amount { currency: self.amount.currency, value },
            timestamp: moment.now,
            idempotency_key: (!moment.key.is_empty()).then(|| moment.key.to_owned()),
            success: true,
        };
        self.events.push(event.clone());
        event
    }

    fn left(&self) -> i64 {
        self.authorized - self.captured - self.cancelled
    }

    fn is_late(&self, now: Timestamp) -> bool {
        let wait = days(self.amount.currency.capture_days());
        self.authorized_at.is_some_and(|at| now >= at + wait)
    }

    fn let_go(&mut self, moment: Moment<'_>) -> Event {
        let left = self.left();
        self.cancelled += left;
        self.record("CANCELLED", left, moment)
    }

    pub(super) fn approve(&mut self, moment: Moment<'_>) -> Result<Event, Problem> {
        match self.state {
            State::Created if FAILING.contains(&self.amount.value) => Err(Problem::code(10010)),
            State::Created => {
                self.state = State::Authorized;
                self.authorized = self.amount.value;
                self.authorized_at = Some(moment.now);
                Ok(self.record("AUTHORIZED", self.amount.value, moment))
            }
            State::Authorized => Err(Problem::code(6230)),
            State::Aborted | State::Expired | State::Terminated => Err(Problem::code(10020)),
        }
    }

    /// The customer says no, or nothing.
    pub(super) fn fall_through(&mut self, end: State, moment: Moment<'_>) -> Option<Event> {
        let name = match end {
            State::Aborted => "ABORTED",
            State::Expired => "EXPIRED",
            State::Created | State::Authorized | State::Terminated => return None,
        };
        if self.state != State::Created {
            return None;
        }
        self.state = end;
        Some(self.record(name, self.amount.value, moment))
    }

    pub(super) fn capture(
        &mut self,
        amount: &Amount,
        moment: Moment<'_>,
    ) -> Result<Event, Problem> {
        self.check(amount)?;
        let code = match self.state {
            State::Created => 6080,
            State::Aborted | State::Expired | State::Terminated => 6200,
            State::Authorized if self.captured == self.authorized => 6170,
            State::Authorized if self.is_late(moment.now) => 6100,
            State::Authorized if self.cancelled > 0 => 6070,
            State::Authorized if amount.value > self.left() => 6090,
            State::Authorized if self.is_indivisible && amount.value < self.left() => 6140,
            State::Authorized => {
                self.captured += amount.value;
                return Ok(self.record("CAPTURED", amount.value, moment));
            }
        };
        Err(Problem::code(code))
    }

    pub(super) fn refund(&mut self, amount: &Amount, moment: Moment<'_>) -> Result<Event, Problem> {
        self.check(amount)?;
        let is_over = self.authorized_at.is_some_and(|at| moment.now >= at + days(REFUND_DAYS));
        let code = match self.state {
            State::Created => 6020,
            _ if self.captured == 0 => 6210,
            _ if is_over => 6220,
            _ if self.refunded == self.captured => 6180,
            _ if amount.value > self.captured - self.refunded => 6150,
            _ if FAILING_REFUNDS.contains(&amount.value) => 5100,
            _ => {
                self.refunded += amount.value;
                return Ok(self.record("REFUNDED", amount.value, moment));
            }
        };
        Err(Problem::code(code))
    }

    pub(super) fn cancel(
        &mut self,
        asked: &Cancellation,
        moment: Moment<'_>,
    ) -> Result<Event, Problem> {
        let code = match self.state {
            State::Created => {
                self.state = State::Terminated;
                return Ok(self.record("TERMINATED", self.amount.value, moment));
            }
            State::Aborted | State::Expired | State::Terminated => 6190,
            State::Authorized if asked.cancel_transaction_only => 6060,
            State::Authorized if self.is_late(moment.now) => 6030,
            State::Authorized if self.captured == self.authorized => 6040,
            State::Authorized if self.cancelled > 0 && self.captured > 0 => 6190,
            State::Authorized if self.cancelled > 0 => 6050,
            State::Authorized => return Ok(self.let_go(moment)),
        };
        Err(Problem::code(code))
    }

    fn check(&self, amount: &Amount) -> Result<(), Problem> {
        if amount.currency != self.amount.currency {
            return Err(Problem::code(4040));
        }
        amount.check()
    }
}
