//! Adyen's Checkout, version 71: modifications of card payments, and webhooks.
//!
//! Also true here, though its description does not say so: an answer only tells that the request was
//! received, and a signed webhook tells later what became of it; what was told to succeed may fail
//! afterwards; the remainder of a payment ends with its first capture; nothing can be read back.
//!
//! Its control says where webhooks go, makes payments ([`NewPayment`]) and tells their AUTHORISATION,
//! lets fail what was received, and does what schemes, issuers and people in its portal do.

mod answers;
mod payments;
mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::book::Done;
use super::call::{Answer, Call};
use super::keys::Keys;
use super::manual::{self, Manual};
use super::notices::Notice;
use super::provider::{Asked, Desk, OTHER, Provider};
use super::state::understood;
use super::trouble::Refusal;
use answers::{
    IN_PROGRESS, TEMPORARY, error_of, event_code, is_passing, is_turned_away, new_reference,
    passing, received,
};
pub use payments::{Amount, NewPayment, Payment};
use payments::{Modification, Outcome};
use webhooks::Item;

/// The stand-in.
#[derive(Debug)]
pub struct Adyen {
    payments: BTreeMap<String, Payment>,
    keys: Keys,
    verdicts: Vec<Verdict>,
    webhook: Webhook,
}

/// Where webhooks go; nowhere while `url` is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    pub url: String,
    /// `user:password` of basic authentication, if any.
    pub login: String,
}

/// The next of these operations is received and fails.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// As the book names it.
    pub operation: String,
    /// Payment it is about; empty: any.
    #[serde(default)]
    pub about: String,
    pub reason: String,
}

pub const API_KEY: &str = "AQEyhmfxK4LJbBVCw0m/n3Q5qf3Ve";
pub const MERCHANT_ACCOUNT: &str = "FjordShopECOM";
/// Hexadecimal digits.
pub const HMAC_KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";

const KEY: &str = "idempotency-key";
const KEY_CHARS_MAX: usize = 64;
const KEYS_LIVE: SignedDuration = SignedDuration::from_hours(24 * 7);
const REFERENCE_CHARS_MAX: usize = 80;
/// Minutes between attempts to tell; the last pause for as long as it is tried.
const PAUSES: [u64; 9] = [2, 5, 10, 15, 30, 60, 120, 240, 480];
const ATTEMPTS_MAX: u32 = 95;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    merchant_account: String,
    amount: Option<Amount>,
    reference: Option<String>,
    /// Of a cancel by the merchant's own reference.
    payment_reference: Option<String>,
    merchant_refund_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ByHand {
    psp_reference: String,
    value: i64,
}

/// What is told: the code, how it ended, whose it is, and how much it was about.
struct Told<'a> {
    code: &'static str,
    outcome: Outcome,
    psp_reference: &'a str,
    reference: &'a str,
    value: i64,
    /// It is about the payment itself.
    is_original: bool,
}

impl Default for Adyen {
    fn default() -> Self {
        Self {
            payments: BTreeMap::new(),
            keys: Keys::kept_for(KEYS_LIVE),
            verdicts: Vec::new(),
            webhook: Webhook::default(),
        }
    }
}

impl Adyen {
    pub fn tell(&mut self, webhook: Webhook) {
        self.webhook = webhook;
    }

    /// Lets the next fail that is received.
    pub fn judge(&mut self, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    /// A payment as a checkout leaves it, told by webhook; its reference.
    pub fn place(&mut self, new: NewPayment, desk: &mut Desk<'_>) -> String {
        let given = new.psp_reference.clone();
        let psp_reference = if given.is_empty() { new_reference() } else { given };
        let refusal = new.refusal.clone();
        let payment = Payment::new(new, psp_reference.clone(), desk.now);
        let (reference, value) = (payment.reference.clone(), payment.authorized);
        let told = Told {
            code: "AUTHORISATION",
            outcome: if refusal.is_empty() { Ok(value) } else { Err(refusal) },
            psp_reference: &psp_reference,
            reference: &reference,
            value,
            is_original: true,
        };
        self.notify(&payment, &told, desk);
        self.payments.insert(psp_reference.clone(), payment);
        psp_reference
    }

    #[must_use]
    pub fn payment(&self, psp_reference: &str) -> Option<&Payment> {
        self.payments.get(psp_reference)
    }

    fn notify(&self, payment: &Payment, told: &Told<'_>, desk: &mut Desk<'_>) {
        if self.webhook.url.is_empty() {
            return;
        }
        let mut additional_data = Map::new();
        if told.code == "CANCEL_OR_REFUND" {
            let action = if payment.is_cancelled { "cancel" } else { "refund" };
            additional_data.insert("modification.action".to_owned(), action.into());
        }
        let item = Item {
            additional_data,
            amount: Amount { currency: payment.currency.clone(), value: told.value },
            event_code: told.code,
            event_date: webhooks::date(desk.now),
            merchant_account_code: MERCHANT_ACCOUNT.to_owned(),
            merchant_reference: told.reference.to_owned(),
            original_reference: if told.is_original {
                String::new()
            } else {
                payment.psp_reference.clone()
            },
            payment_method: payment.payment_method.clone(),
            psp_reference: told.psp_reference.to_owned(),
            reason: told.outcome.clone().err().unwrap_or_default(),
            success: told.outcome.is_ok().to_string(),
        };
        desk.notices.push(Notice {
            queue: self.webhook.url.clone(),
            name: told.code.to_owned(),
            about: payment.psp_reference.clone(),
            url: self.webhook.url.clone(),
            body: item.signed(HMAC_KEY).to_string().into(),
        });
    }

    fn act(&mut self, call: &Call, asked: &Asked, desk: &mut Desk<'_>) -> Result<Answer, Answer> {
        let request: Request =
            call.json().map_err(|error| error_of(400, "702", &error.to_string()))?;
        let modification = check(&request, asked)?;
        if asked.operation == "technical-cancel" {
            return Ok(self.cancel_unknown(&request, asked, desk));
        }
        let payment = self.payments.get_mut(&asked.about);
        let payment = payment.ok_or_else(|| {
            error_of(422, "167", "Original pspReference required for this operation")
        })?;
        if request.amount.as_ref().is_some_and(|amount| amount.currency != payment.currency) {
            return Err(error_of(422, "137", "Invalid amount specified"));
        }
        let id = new_reference();
        let place = self.verdicts.iter().position(|verdict| {
            verdict.operation == asked.operation
                && (verdict.about.is_empty() || verdict.about == asked.about)
        });
        let verdict = place.map(|place| self.verdicts.remove(place));
        let outcome = match verdict {
            Some(verdict) => Err(verdict.reason),
            None => payment.modify(modification, &id),
        };
        let value = request.amount.as_ref().map_or(payment.authorized, |amount| amount.value);
        if let Ok(moved) = outcome {
            write_down(desk, (asked.operation, &asked.about), &asked.key, (&id, moved));
        }
        let payment = payment.clone();
        let told = Told {
            code: event_code(asked.operation),
            outcome,
            psp_reference: &id,
            reference: request.reference.as_ref().unwrap_or(&payment.reference),
            value,
            is_original: false,
        };
        self.notify(&payment, &told, desk);
        Ok(received(&request, ("paymentPspReference", &asked.about), &id))
    }

    /// By the merchant's own reference, known or not.
    fn cancel_unknown(&mut self, request: &Request, asked: &Asked, desk: &mut Desk<'_>) -> Answer {
        let reference = request.payment_reference.clone().unwrap_or_default();
        let id = new_reference();
        let found = self.payments.values_mut().find(|payment| payment.reference == reference);
        if let Some(payment) = found {
            let outcome = payment.modify(Modification::Cancel, &id);
            let payment = payment.clone();
            if let Ok(moved) = outcome {
                let done = ("cancel", payment.psp_reference.as_str());
                write_down(desk, done, &asked.key, (&id, moved));
            }
            let told = Told {
                code: "TECHNICAL_CANCEL",
                outcome,
                psp_reference: &id,
                reference: request.reference.as_ref().unwrap_or(&reference),
                value: payment.authorized,
                is_original: false,
            };
            self.notify(&payment, &told, desk);
        }
        received(request, ("paymentReference", &reference), &id)
    }
}

impl Adyen {
    /// What schemes and issuers do, and people in the portal.
    fn by_hand(
        &mut self,
        about: &str,
        deed: &str,
        by: &ByHand,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Answer> {
        let payment = self.payments.get_mut(about);
        let payment = payment.ok_or_else(|| error_of(404, "167", "No such payment"))?;
        let nothing = || error_of(404, "167", "No such modification");
        let id = new_reference();
        let (code, moved, id) = match deed {
            "capture-failed" => {
                let value = payment.take_back_capture(&by.psp_reference).ok_or_else(nothing)?;
                ("CAPTURE_FAILED", Ok(value), by.psp_reference.clone())
            }
            "refund-failed" => {
                let value = payment.take_back_refund(&by.psp_reference).ok_or_else(nothing)?;
                ("REFUND_FAILED", Ok(value), by.psp_reference.clone())
            }
            "refund-reversed" => {
                let value = payment.take_back_refund(&by.psp_reference).ok_or_else(nothing)?;
                ("REFUNDED_REVERSED", Ok(value), by.psp_reference.clone())
            }
            "chargeback" => ("CHARGEBACK", Ok(payment.captured - payment.refunded), id),
            "capture" => ("CAPTURE", payment.modify(Modification::Capture(by.value), &id), id),
            "refund" => ("REFUND", payment.modify(Modification::Refund(by.value), &id), id),
            "cancel" => ("CANCELLATION", payment.modify(Modification::Cancel, &id), id),
            _ => return Err(error_of(404, "000", "No such deed")),
        };
        let payment = payment.clone();
        let value = moved.map_err(|reason| error_of(422, "167", &reason))?;
        write_down(desk, (deed, about), "portal", (&id, value));
        let told = Told {
            code,
            outcome: Ok(value),
            psp_reference: &id,
            reference: &payment.reference,
            value,
            is_original: false,
        };
        self.notify(&payment, &told, desk);
        Ok(Answer::json(200, &json!({ "pspReference": id })))
    }
}

impl Provider for Adyen {
    const MANUAL: &'static Manual = &manual::ADYEN;

    fn asked(&self, call: &Call) -> Asked {
        let segments = call.segments();
        let (operation, about) = match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["v71", "cancels"]) => ("technical-cancel", ""),
            ("POST", ["v71", "paymentMethods"]) => ("methods", ""),
            ("POST", ["v71", "payments", about, "captures"]) => ("capture", *about),
            ("POST", ["v71", "payments", about, "refunds"]) => ("refund", *about),
            ("POST", ["v71", "payments", about, "cancels"]) => ("cancel", *about),
            ("POST", ["v71", "payments", about, "reversals"]) => ("reversal", *about),
            ("POST", ["v71", "payments", about, "amountUpdates"]) => ("update", *about),
            _ => (OTHER, ""),
        };
        let key = call.header(KEY).unwrap_or_default().to_owned();
        Asked {
            operation,
            about: about.to_owned(),
            key,
            is_change: !matches!(operation, OTHER | "methods"),
        }
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        if call.header("x-api-key") != Some(API_KEY) {
            return error_of(401, "000", "HTTP Status Response - Unauthorized");
        }
        let asked = self.asked(call);
        if asked.operation == "methods" {
            return methods(call);
        }
        if !asked.is_change {
            return error_of(404, "000", "Not found");
        }
        if asked.key.chars().count() > KEY_CHARS_MAX {
            return error_of(422, "702", "The idempotency key is too long");
        }
        if let Some(kept) = self.keys.find(&asked.key, desk.now) {
            desk.is_replay = true;
            return kept.answer.clone();
        }
        // Only a repetition waits for what it repeats.
        if desk.is_repeated {
            return passing(error_of(422, IN_PROGRESS, "request already processed or in progress"));
        }
        let answer = match desk.refusal.take() {
            Some(refusal) => self.refuse(&refusal),
            None => self.act(call, &asked, desk).unwrap_or_else(|refused| refused),
        };
        if asked.key.is_empty() {
            return answer;
        }
        let answer = answer.with("Idempotency-Key", asked.key.clone());
        if !is_passing(&answer) && !is_turned_away(&answer) {
            self.keys.keep(&asked.key, desk.now, (&call.path, &Value::Null), &answer);
        }
        answer
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        let answer = error_of(refusal.status, &refusal.code, &refusal.text);
        let passes = [IN_PROGRESS, TEMPORARY].contains(&&*refusal.code);
        if passes || matches!(refusal.status, 429 | 500..) {
            return passing(answer);
        }
        answer
    }

    fn control(&mut self, path: &[&str], call: &Call, desk: &mut Desk<'_>) -> Option<Answer> {
        match (call.method.as_str(), path) {
            ("PUT", ["webhook"]) => Some(understood(call, |webhook| {
                self.tell(webhook);
                Answer::empty(204)
            })),
            ("POST", ["verdicts"]) => Some(understood(call, |verdict| {
                self.judge(verdict);
                Answer::empty(204)
            })),
            ("POST", ["payments"]) => Some(understood(call, |new| {
                let psp_reference = self.place(new, desk);
                Answer::json(201, &json!({ "pspReference": psp_reference }))
            })),
            ("POST", ["payments", about, deed]) => Some(understood(call, |by| {
                self.by_hand(about, deed, &by, desk).unwrap_or_else(|refused| refused)
            })),
            _ => None,
        }
    }

    fn pass_time(&mut self, desk: &mut Desk<'_>) {
        let now = desk.now;
        let lapsed: Vec<Payment> = self
            .payments
            .values_mut()
            .filter_map(|payment| payment.expire(now).then(|| payment.clone()))
            .collect();
        for payment in lapsed {
            let told = Told {
                code: "EXPIRE",
                outcome: Ok(payment.authorized),
                psp_reference: &new_reference(),
                reference: &payment.reference,
                value: payment.authorized - payment.captured,
                is_original: false,
            };
            self.notify(&payment, &told, desk);
        }
    }

    fn sign(&self, _notice: &Notice, _now: Timestamp) -> Vec<(&'static str, String)> {
        if self.webhook.login.is_empty() {
            return Vec::new();
        }
        vec![("authorization", format!("Basic {}", BASE64.encode(&self.webhook.login)))]
    }

    fn retry_after(&self, attempts: u32) -> Option<Duration> {
        let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let minutes = PAUSES.get(place).or(PAUSES.last())?;
        (attempts < ATTEMPTS_MAX).then(|| Duration::from_mins(*minutes))
    }
}

/// The ways of paying that the account has.
fn methods(call: &Call) -> Answer {
    let body: Value = call.json().unwrap_or_default();
    if body.get("merchantAccount").and_then(Value::as_str) != Some(MERCHANT_ACCOUNT) {
        return error_of(403, "901", "Invalid Merchant Account");
    }
    let cards = json!({ "name": "Cards", "type": "scheme", "brands": ["visa", "mc"] });
    Answer::json(200, &json!({ "paymentMethods": [cards] }))
}

/// What is asked, where it can be.
fn check(request: &Request, asked: &Asked) -> Result<Modification, Answer> {
    if request.merchant_account != MERCHANT_ACCOUNT {
        return Err(error_of(403, "901", "Invalid Merchant Account"));
    }
    let reference = request.reference.as_deref().unwrap_or_default();
    if reference.chars().count() > REFERENCE_CHARS_MAX {
        return Err(error_of(422, "702", "Invalid value for field 'reference'"));
    }
    let reasons = ["FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER"];
    let reason = request.merchant_refund_reason.as_deref();
    if reason.is_some_and(|reason| !reasons.contains(&reason)) {
        return Err(error_of(422, "702", "Invalid value for field 'merchantRefundReason'"));
    }
    let value = request.amount.as_ref().map_or(0, |amount| amount.value);
    let modification = match asked.operation {
        "capture" => Modification::Capture(value),
        "refund" => Modification::Refund(value),
        "update" => Modification::Update(value),
        "reversal" => return Ok(Modification::CancelOrRefund),
        _ => return Ok(Modification::Cancel),
    };
    if value > 0 { Ok(modification) } else { Err(error_of(422, "137", "Invalid amount specified")) }
}

fn write_down(
    desk: &mut Desk<'_>,
    (operation, about): (&str, &str),
    key: &str,
    (id, amount_minor): (&str, i64),
) {
    desk.book.done.push(Done {
        operation: operation.to_owned(),
        about: about.to_owned(),
        key: key.to_owned(),
        id: id.to_owned(),
        amount_minor,
    });
}

#[cfg(test)]
mod tests;
