//! Vipps: access tokens, `ePayment` version 1, and its webhooks.
//!
//! Also true here, though the description does not say so: a payment stays AUTHORIZED whatever
//! becomes of its money; reads may lag behind; a key with another body is a conflict (4010, 4150,
//! 4020), and a refusal sticks to its key unless it passes by itself; five changes of a kind per minute
//! and payment are let through; a payment that is worked on is locked; a POST without the length of its
//! body, were it nothing, is refused (411). An answer of 200 as a trouble is a success that changes
//! nothing.
//!
//! Its control makes payments that a customer has approved ([`NewPayment`]), answers for customers, does
//! what people do in its portal, and registers a webhook under a secret of one's own.

mod gateway;
mod payments;
mod problems;
mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::book::Done;
use super::call::{Answer, Call};
use super::keys::Keys;
use super::lags::Lags;
use super::manual::{self, Manual};
use super::notices::Notice;
use super::provider::{Asked, Desk, OTHER, Provider};
use super::state::understood;
use super::trouble::Refusal;
use gateway::check_headers;
pub use payments::{Amount, Currency, Event, NewPayment, Payment, State};
use payments::{Cancellation, Modification, Moment, Payments};
use problems::{Problem, gateway};
use webhooks::{Register, Registration};

/// The stand-in.
#[derive(Debug)]
pub struct Vipps {
    payments: Payments,
    keys: Keys,
    lags: Lags<Payment>,
    /// Access tokens, and when they end.
    tokens: BTreeMap<String, Timestamp>,
    /// When calls were let through, by operation and payment.
    paces: BTreeMap<(&'static str, String), Vec<Timestamp>>,
    registrations: Vec<Registration>,
}

pub const CLIENT_ID: &str = "fb492b5e-7907-4d83-ba20-c7fb60ca35de";
pub const CLIENT_SECRET: &str = "Y8Kteew6GE2ZmeycEt6egg==";
pub const SUBSCRIPTION_KEY: &str = "da7d5b0e18a84aeda961c0c31b75c2a9";
/// What its webhooks are signed with where one registers under a secret of one's own.
pub const WEBHOOK_SECRET: &str = "A0sKdGVzdC1zdGFuZC1pbi1vbmx5LW5vYm9keXMtc2VjcmV0Cg==";
/// Merchant serial number.
pub const MSN: &str = "123456";

const KEY: &str = "idempotency-key";
/// How long keys are kept is not told; longer than any test.
const KEYS_LIVE: SignedDuration = SignedDuration::from_hours(24 * 365 * 10);
/// Refusals after which the same key may be tried again.
const PASSING: [&str; 4] = ["6160", "6250", "6260", "6280"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    amount: Amount,
    payment_method: Value,
    reference: String,
    user_flow: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    url: String,
    secret: String,
}

#[derive(Deserialize)]
struct ByHand {
    #[serde(default)]
    value: i64,
}

impl Default for Vipps {
    fn default() -> Self {
        Self {
            payments: Payments::default(),
            keys: Keys::kept_for(KEYS_LIVE),
            lags: Lags::default(),
            tokens: BTreeMap::new(),
            paces: BTreeMap::new(),
            registrations: Vec::new(),
        }
    }
}

impl Vipps {
    /// A payment as a checkout and its customer would leave it.
    pub fn place(&mut self, new: &NewPayment, desk: &mut Desk<'_>) {
        let moment = Moment { now: desk.now, key: "" };
        let mut payment = Payment::new(new, moment);
        if !new.is_open {
            // It fails for the amounts that always fail, and stays open.
            let _event = payment.approve(moment);
        }
        for event in payment.events() {
            self.tell(event, &payment, desk);
        }
        self.payments.by_reference.insert(new.reference.clone(), payment);
    }

    #[must_use]
    pub fn payment(&self, reference: &str) -> Option<&Payment> {
        self.payments.by_reference.get(reference)
    }

    fn tell(&self, event: &Event, payment: &Payment, desk: &mut Desk<'_>) {
        let told = self.registrations.iter();
        desk.notices.extend(told.filter_map(|one| one.notice(MSN, event, payment)));
    }

    /// Reads show so many more changes of this payment, and then none until the lag is ended.
    pub fn lag(&mut self, reference: &str, spared: u32) {
        self.lags.begin(reference, spared);
    }

    pub fn end_lag(&mut self, reference: &str) {
        self.lags.end(reference);
    }

    /// Ends all access tokens.
    pub fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    /// A change, once per key.
    fn change(&mut self, call: &Call, asked: &Asked, desk: &mut Desk<'_>) -> Answer {
        let instance = call.path.as_str();
        if let Err(problem) = check_headers(call, asked) {
            return problem.answer(instance);
        }
        let body: Value = call.json().unwrap_or_default();
        if let Some(kept) = self.keys.find(&asked.key, desk.now) {
            if kept.path == call.path && kept.body == body {
                desk.is_replay = true;
                return kept.answer.clone();
            }
            let code = match asked.operation {
                "capture" if kept.path == call.path => 4010,
                "refund" if kept.path == call.path => 4150,
                _ => 4020,
            };
            return Problem::code(code).answer(instance);
        }
        if desk.is_busy {
            let is_cancel = asked.operation == "cancel";
            let busy = if is_cancel { Problem::code(6250) } else { Problem::locked() };
            return busy.answer(instance);
        }
        let answer = match desk.refusal.take() {
            Some(Refusal { status: 200, .. }) => return self.pretend(asked, instance),
            Some(refusal) if is_of_gateway(&refusal) || PASSING.contains(&&*refusal.code) => {
                return self.refuse(&refusal);
            }
            Some(refusal) => self.refuse(&refusal),
            None => self.act(call, asked, desk).unwrap_or_else(|problem| problem.answer(instance)),
        };
        self.keys.keep(&asked.key, desk.now, (&call.path, &body), &answer);
        answer
    }

    /// Says that it is done, and does nothing.
    fn pretend(&self, asked: &Asked, instance: &str) -> Answer {
        match self.payment(&asked.about) {
            Some(payment) => Answer::json(200, &payment.modified()),
            None => Problem::code(5090).answer(instance),
        }
    }

    fn act(&mut self, call: &Call, asked: &Asked, desk: &mut Desk<'_>) -> Result<Answer, Problem> {
        let moment = Moment { now: desk.now, key: &asked.key };
        if asked.operation == "create" {
            return self.create(&body(call)?, moment, desk);
        }
        let payment = self.payments.by_reference.get_mut(&asked.about);
        let payment = payment.ok_or_else(|| Problem::code(5090))?;
        self.lags.before_change(&asked.about, payment);
        let event = match asked.operation {
            "capture" => {
                payment.capture(&body::<Modification>(call)?.modification_amount, moment)?
            }
            "refund" => payment.refund(&body::<Modification>(call)?.modification_amount, moment)?,
            "cancel" if call.body.is_empty() => payment.cancel(&Cancellation::default(), moment)?,
            "cancel" => payment.cancel(&body(call)?, moment)?,
            _ => return Err(Problem::told(404, "", "Not found")),
        };
        let (payment, answer) = (payment.clone(), Answer::json(200, &payment.modified()));
        write_down(desk, asked.operation, &asked.key, &event);
        self.tell(&event, &payment, desk);
        Ok(answer)
    }

    fn create(
        &mut self,
        asked: &Create,
        moment: Moment<'_>,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Problem> {
        asked.amount.check()?;
        let reference = asked.reference.as_str();
        let mut wrong = Vec::new();
        if !(8..=64).contains(&reference.len())
            || !reference.chars().all(|one| one.is_ascii_alphanumeric() || one == '-')
        {
            wrong.push(("reference".to_owned(), "^[a-zA-Z0-9-]{8,64}$".to_owned()));
        }
        let flows = ["PUSH_MESSAGE", "NATIVE_REDIRECT", "WEB_REDIRECT", "QR"];
        if !flows.contains(&asked.user_flow.as_str()) {
            wrong.push(("userFlow".to_owned(), flows.join("|")));
        }
        if !wrong.is_empty() {
            return Err(Problem::malformed(wrong));
        }
        let method = asked.payment_method.get("type").and_then(Value::as_str);
        if !matches!(method, Some("WALLET" | "CARD")) {
            return Err(Problem::code(4160));
        }
        if self.payments.by_reference.contains_key(reference) {
            return Err(Problem::code(4150));
        }
        let new = NewPayment {
            reference: reference.to_owned(),
            value: asked.amount.value,
            currency: asked.amount.currency,
            is_open: true,
            is_indivisible: false,
        };
        let payment = Payment::new(&new, moment);
        for event in payment.events() {
            self.tell(event, &payment, desk);
        }
        let url = payment.url();
        self.payments.by_reference.insert(reference.to_owned(), payment);
        Ok(Answer::json(201, &json!({ "redirectUrl": url, "reference": reference })))
    }

    fn read(&mut self, call: &Call, asked: &Asked, desk: &mut Desk<'_>) -> Result<Answer, Problem> {
        let payment = self.payments.by_reference.get_mut(&asked.about);
        let webhook = || self.registrations.iter().position(|one| one.id == asked.about);
        match asked.operation {
            "read" | "events" => {
                let payment = payment.ok_or_else(|| Problem::code(5090))?;
                let shown = self.lags.shown(&asked.about).unwrap_or(payment);
                Ok(match asked.operation {
                    "read" => Answer::json(200, &shown.read()),
                    _ => Answer::json(200, &shown.events()),
                })
            }
            "approve" => {
                let payment = payment.ok_or_else(|| Problem::code(5090))?;
                let event = payment.approve(Moment { now: desk.now, key: "" })?;
                let payment = payment.clone();
                self.tell(&event, &payment, desk);
                Ok(Answer::empty(200))
            }
            "register" => {
                let asked: Register = body(call)?;
                let made = Registration::new(asked, &self.registrations)?;
                let told = json!({ "id": made.id, "secret": made.secret });
                self.registrations.push(made);
                Ok(Answer::json(201, &told))
            }
            "registrations" => {
                let all: Vec<_> = self.registrations.iter().map(Registration::read).collect();
                Ok(Answer::json(200, &json!({ "webhooks": all })))
            }
            "unregister" => match webhook() {
                Some(place) => {
                    self.registrations.remove(place);
                    Ok(Answer::empty(204))
                }
                None => Err(Problem::malformed(vec![("id".to_owned(), "Not found".to_owned())])),
            },
            _ => Err(Problem::told(404, "", "Not found")),
        }
    }

    /// What customers do in their app and the merchant in its portal.
    fn by_hand(
        &mut self,
        reference: &str,
        deed: &str,
        call: &Call,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Problem> {
        let payment = self.payments.by_reference.get_mut(reference);
        let payment = payment.ok_or_else(|| Problem::code(5090))?;
        let moment = Moment { now: desk.now, key: "" };
        let amount = || -> Result<Amount, Problem> {
            let value = body::<ByHand>(call)?.value;
            Ok(Amount { currency: payment.amount.currency, value })
        };
        let event = match deed {
            "capture" => {
                let amount = amount()?;
                payment.capture(&amount, moment)?
            }
            "refund" => {
                let amount = amount()?;
                payment.refund(&amount, moment)?
            }
            "cancel" => payment.cancel(&Cancellation::default(), moment)?,
            "approve" => payment.approve(moment)?,
            "abort" | "expire" => {
                let end = if deed == "abort" { State::Aborted } else { State::Expired };
                let event = payment.fall_through(end, moment);
                event.ok_or_else(|| Problem::told(400, "", "It is answered already"))?
            }
            _ => return Err(Problem::told(404, "", "No such deed")),
        };
        let payment = payment.clone();
        match deed {
            "capture" | "refund" => write_down(desk, deed, "portal", &event),
            "cancel" => write_down(desk, "cancel", "portal", &event),
            _ => {}
        }
        self.tell(&event, &payment, desk);
        Ok(Answer::empty(204))
    }
}

impl Provider for Vipps {
    const MANUAL: &'static Manual = &manual::VIPPS;

    fn asked(&self, call: &Call) -> Asked {
        let segments = call.segments();
        let (operation, about) = match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["accesstoken", "get"]) => ("token", ""),
            ("POST", ["epayment", "v1", "payments"]) => ("create", ""),
            ("GET", ["epayment", "v1", "payments", about]) => ("read", *about),
            ("GET", ["epayment", "v1", "payments", about, "events"]) => ("events", *about),
            ("POST", ["epayment", "v1", "payments", about, "capture"]) => ("capture", *about),
            ("POST", ["epayment", "v1", "payments", about, "refund"]) => ("refund", *about),
            ("POST", ["epayment", "v1", "payments", about, "cancel"]) => ("cancel", *about),
            ("POST", ["epayment", "v1", "test", "payments", about, "approve"]) => {
                ("approve", *about)
            }
            ("POST", ["webhooks", "v1", "webhooks"]) => ("register", ""),
            ("GET", ["webhooks", "v1", "webhooks"]) => ("registrations", ""),
            ("DELETE", ["webhooks", "v1", "webhooks", about]) => ("unregister", *about),
            _ => (OTHER, ""),
        };
        let is_change = matches!(operation, "create" | "capture" | "refund" | "cancel");
        let about = if operation == "create" {
            let body: Value = call.json().unwrap_or_default();
            body.get("reference").and_then(Value::as_str).unwrap_or_default().to_owned()
        } else {
            about.to_owned()
        };
        let key = call.header(KEY).unwrap_or_default().to_owned();
        Asked { operation, about, key, is_change }
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let asked = self.asked(call);
        if let Some(away) = self.turn_away(call, &asked, desk.now) {
            return away;
        }
        if asked.is_change {
            return self.change(call, &asked, desk);
        }
        if let Some(refusal) = desk.refusal.take() {
            return self.refuse(&refusal);
        }
        if asked.operation == "token" {
            return self.issue_token(call, desk.now);
        }
        self.read(call, &asked, desk).unwrap_or_else(|problem| problem.answer(&call.path))
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let Refusal { status, code, text } = refusal;
        if is_of_gateway(refusal) {
            return gateway(*status, text);
        }
        Problem::told(*status, code, text).answer("/epayment/v1")
    }

    fn control(&mut self, path: &[&str], call: &Call, desk: &mut Desk<'_>) -> Option<Answer> {
        match (call.method.as_str(), path) {
            ("POST", ["payments"]) => Some(understood(call, |new: NewPayment| {
                if let Err(problem) = new.amount().check() {
                    return problem.answer("/control");
                }
                self.place(&new, desk);
                Answer::json(201, &json!({ "reference": new.reference }))
            })),
            ("PUT", ["webhook"]) => Some(understood(call, |Webhook { url, secret }| {
                self.registrations.retain(|one| one.url != url);
                self.registrations.push(Registration::of_all_events(url, secret));
                Answer::empty(204)
            })),
            ("DELETE", ["tokens"]) => {
                self.forget_tokens();
                Some(Answer::empty(204))
            }
            ("POST", ["payments", reference, deed]) => {
                let outcome = self.by_hand(reference, deed, call, desk);
                Some(outcome.unwrap_or_else(|problem| problem.answer("/control")))
            }
            _ => None,
        }
    }

    fn pass_time(&mut self, desk: &mut Desk<'_>) {
        for (event, payment) in self.payments.expire(desk.now) {
            self.tell(&event, &payment, desk);
        }
    }

    fn sign(&self, notice: &Notice, now: Timestamp) -> Vec<(&'static str, String)> {
        let registration = self.registrations.iter().find(|one| one.id == notice.queue);
        registration
            .map(|one| webhooks::sign(&one.secret, &one.url, now, &notice.body))
            .unwrap_or_default()
    }

    fn is_taken(&self, status: u16) -> bool {
        status == 200
    }

    fn retry_after(&self, attempts: u32) -> Option<Duration> {
        match attempts {
            0..=4 => Some(Duration::from_secs(2)),
            5 => Some(Duration::from_secs(60)),
            6 => Some(Duration::from_secs(120)),
            7..=28 => Some(Duration::from_hours(1)),
            29..=35 => Some(Duration::from_hours(24)),
            _ => None,
        }
    }
}

/// It never came as far as the API.
fn is_of_gateway(refusal: &Refusal) -> bool {
    matches!(refusal.status, 401 | 403 | 408 | 429) && refusal.code.is_empty()
}

fn body<Body: DeserializeOwned>(call: &Call) -> Result<Body, Problem> {
    call.json().map_err(|error| Problem::unreadable(&error))
}

fn write_down(desk: &mut Desk<'_>, operation: &str, key: &str, event: &Event) {
    desk.book.done.push(Done {
        operation: operation.to_owned(),
        about: event.reference.clone(),
        key: key.to_owned(),
        id: event.psp_reference.clone(),
        amount_minor: event.amount.value,
    });
}

#[cfg(test)]
mod tests;
