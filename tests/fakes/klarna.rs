//! Klarna's order management, version 1, as Klarna and Kustom serve it.
//!
//! Also true here, though its description does not say so: whoever repeats a key within 24 hours is
//! given the first answer again, whatever he asks now; the sums of the lines must agree; a return fee
//! has conditions; another call that works on the order makes a conflict; reads may lag behind.
//!
//! Its control makes orders as a checkout would ([`NewOrder`]), and does what people do in its portal.

mod changes;
mod lines;
mod orders;
mod refusals;

use std::time::Duration;

use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::book::Done;
use super::call::{Answer, Call};
use super::keys::Keys;
use super::lags::Lags;
use super::manual::{self, Manual};
use super::provider::{Asked, Desk, OTHER, Provider};
use super::state::understood;
use super::trouble::Refusal;
use changes::{CaptureRequest, Fraud, RefundRequest, Update};
pub use lines::{OrderLine, ShippingInfo};
use orders::Orders;
pub use orders::{FraudStatus, NewOrder, Order};
use refusals::Refused;

/// The stand-in.
#[derive(Debug)]
pub struct Klarna {
    flavour: Flavour,
    orders: Orders,
    keys: Keys,
    lags: Lags<Order>,
}

/// Who serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Klarna,
    /// On its newer platform, whose errors have another form.
    Newer,
    /// Klarna Checkout of old: knows only UUIDs, and has words of its own.
    Kustom,
}

pub const USER: &str = "K123456_0123456789ab";
pub const PASSWORD: &str = "klarna_test_api_stand-in";
/// `USER:PASSWORD` in base 64.
const BASIC: &str = "Basic SzEyMzQ1Nl8wMTIzNDU2Nzg5YWI6a2xhcm5hX3Rlc3RfYXBpX3N0YW5kLWlu";

const KEY: &str = "klarna-idempotency-key";
const KEYS_LIVE: SignedDuration = SignedDuration::from_hours(24);
const BODY_BYTES_MAX: usize = 1_000_000;
/// Its pushes are told again every two hours for two days.
const PUSHES_MAX: u32 = 25;
const PUSH_PAUSE: Duration = Duration::from_hours(2);
/// Days a due date may be put off by, and what that costs the customer in minor units.
const DUE_DATE_OPTIONS: [(i32, i64); 2] = [(14, 0), (30, 3_900)];

impl Default for Klarna {
    fn default() -> Self {
        Self {
            flavour: Flavour::Klarna,
            orders: Orders::default(),
            keys: Keys::kept_for(KEYS_LIVE),
            lags: Lags::default(),
        }
    }
}

impl Klarna {
    #[must_use]
    pub fn kustom() -> Self {
        Self { flavour: Flavour::Kustom, ..Self::default() }
    }

    /// The errors of its newer platform from now on.
    pub fn renew(&mut self) {
        self.flavour = Flavour::Newer;
    }

    /// Reads show so many more changes of this order, and then none until the lag is ended.
    pub fn lag(&mut self, id: &str, spared: u32) {
        self.lags.begin(id, spared);
    }

    pub fn end_lag(&mut self, id: &str) {
        self.lags.end(id);
    }

    /// An order as a checkout would make it, and its id.
    pub fn place(&mut self, order: NewOrder, desk: &Desk<'_>) -> String {
        self.orders.place(order, desk.now)
    }

    /// An order as it is now.
    #[must_use]
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
    }

    fn is_let_in(call: &Call) -> bool {
        call.header("authorization") == Some(BASIC)
    }

    fn act(&mut self, call: &Call, desk: &mut Desk<'_>) -> Result<Answer, Refused> {
        let segments = call.segments();
        let ["ordermanagement", "v1", "orders", id, rest @ ..] = segments.as_slice() else {
            return Err(Refused::not_found("No such resource"));
        };
        if self.flavour == Flavour::Kustom && uuid::Uuid::try_parse(id).is_err() {
            return Err(Refused::invalid_order_id());
        }
        let is_refund = rest.first() == Some(&"refunds");
        let order = self.orders.get_mut(id).ok_or_else(|| Refused::no_order(id, is_refund))?;
        if call.method != "GET" {
            self.lags.before_change(id, order);
        }
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, self.lags.shown(id).unwrap_or(order))),
            ("POST", ["acknowledge"]) => order.acknowledge().map(|()| done(desk, call, id, "", 0)),
            ("PATCH", ["authorization"]) => {
                let update: Update = body(call)?;
                let amount = order.update(update)?;
                Ok(done(desk, call, id, "", amount))
            }
            ("PATCH", ["customer-details"]) => {
                order.change_address(body(call)?).map(|()| done(desk, call, id, "", 0))
            }
            ("PATCH", ["merchant-references"]) => {
                order.change_references(body(call)?).map(|()| done(desk, call, id, "", 0))
            }
            ("POST", ["extend-authorization-time"]) => {
                order.extend(desk.now).map(|()| done(desk, call, id, "", 0))
            }
            ("POST", ["release-remaining-authorization"]) => {
                order.release().map(|amount| done(desk, call, id, "", amount))
            }
            ("POST", ["cancel"]) => order.cancel().map(|amount| done(desk, call, id, "", amount)),
            ("POST", ["shipping-info"]) => {
                order.add_shipping(body(call)?).map(|()| done(desk, call, id, "", 0))
            }
            ("POST", ["refunds"]) => {
                let request: RefundRequest = body(call)?;
                let amount = request.refunded_amount;
                let refund = order.refund(request, desk.now)?;
                Ok(made(desk, call, id, ("Refund-Id", &refund), amount))
            }
            ("GET", ["refunds", refund]) => {
                let refund = order.refunds.iter().find(|made| made.refund_id == *refund);
                let refund = refund.ok_or_else(|| Refused::not_found("Refund not found"))?;
                Ok(Answer::json(200, refund))
            }
            (_, ["captures", ..]) => Self::act_on_captures(order, call, desk),
            _ => Err(Refused::not_found("No such resource")),
        }
    }

    fn act_on_captures(
        order: &mut Order,
        call: &Call,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Refused> {
        let id = order.order_id.clone();
        let segments = call.segments();
        let rest = segments.get(5..).unwrap_or_default();
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &order.captures)),
            ("POST", []) => {
                let request: CaptureRequest = body(call)?;
                let amount = request.captured_amount;
                let capture = order.capture(request, desk.now)?;
                Ok(made(desk, call, &id, ("Capture-Id", &capture), amount))
            }
            (_, [_, "shipping-info" | "trigger-send-out" | "extend-due-date"])
                if order.captures.is_empty() =>
            {
                Err(Refused::not_allowed("Order has no captures."))
            }
            ("GET", [capture]) => Ok(Answer::json(200, order.captured(capture)?)),
            ("POST", [capture, "shipping-info"]) => {
                order.captured(capture)?.add_shipping(body(call)?)?;
                Ok(done(desk, call, &id, capture, 0))
            }
            ("POST", [capture, "trigger-send-out"]) => {
                order.captured(capture)?;
                Ok(done(desk, call, &id, capture, 0))
            }
            ("GET", [capture, "extend-due-date-options"]) => {
                order.captured(capture)?;
                let options = DUE_DATE_OPTIONS
                    .map(|(days, amount)| json!({ "number_of_days": days, "amount": amount }));
                let currency = &order.purchase_currency;
                Ok(Answer::json(200, &json!({ "currency": currency, "options": options })))
            }
            ("PATCH", [capture, "extend-due-date"]) => {
                order.captured(capture)?;
                let asked: Value = body(call)?;
                let days = asked.get("number_of_days").and_then(Value::as_i64);
                let options = DUE_DATE_OPTIONS.map(|(days, _)| Some(i64::from(days)));
                if options.contains(&days) {
                    Ok(done(desk, call, &id, capture, 0))
                } else {
                    Err(Refused::not_allowed("Extend due date not allowed."))
                }
            }
            _ => Err(Refused::not_found("No such resource")),
        }
    }

    fn in_own_words(&self, mut refused: Refused) -> Answer {
        if self.flavour == Flavour::Kustom && refused.code == "NOT_ALLOWED" {
            refused.messages = vec!["Update not allowed.".to_owned()];
        }
        if self.flavour == Flavour::Newer { refused.answer_newly() } else { refused.answer() }
    }

    /// What people at Klarna and at its portal do; they are bound by the same rules.
    fn by_hand(
        &mut self,
        id: &str,
        deed: &str,
        call: &Call,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Refused> {
        let order = self.orders.get_mut(id).ok_or_else(|| Refused::no_order(id, false))?;
        let (operation, amount) = match deed {
            "captures" => {
                let request: CaptureRequest = body(call)?;
                let amount = request.captured_amount;
                order.capture(request, desk.now)?;
                ("capture", amount)
            }
            "refunds" => {
                let request: RefundRequest = body(call)?;
                let amount = request.refunded_amount;
                order.refund(request, desk.now)?;
                ("refund", amount)
            }
            "cancel" => ("cancel", order.cancel()?),
            "release" => ("release", order.release()?),
            "expire" => {
                order.expires_at = desk.now;
                self.orders.expire(desk.now);
                return Ok(Answer::empty(204));
            }
            "fraud" => {
                order.fraud_status = body::<Fraud>(call)?.status;
                desk.notices.extend(order.push());
                return Ok(Answer::empty(204));
            }
            _ => return Err(Refused::not_found("No such deed")),
        };
        desk.book.done.push(Done {
            operation: operation.to_owned(),
            about: id.to_owned(),
            key: "portal".to_owned(),
            id: String::new(),
            amount_minor: amount,
        });
        Ok(Answer::empty(204))
    }
}

impl Provider for Klarna {
    const MANUAL: &'static Manual = &manual::KLARNA;

    fn pass_time(&mut self, desk: &mut Desk<'_>) {
        self.orders.expire(desk.now);
    }

    fn retry_after(&self, attempts: u32) -> Option<Duration> {
        (attempts < PUSHES_MAX).then_some(PUSH_PAUSE)
    }

    fn asked(&self, call: &Call) -> Asked {
        let segments = call.segments();
        let about = segments.get(3).copied().unwrap_or_default().to_owned();
        let key = call.header(KEY).unwrap_or_default().to_owned();
        Asked { operation: operation(call), about, key, is_change: call.method != "GET" }
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        if !Self::is_let_in(call) {
            return Answer::empty(401);
        }
        if call.body.len() > BODY_BYTES_MAX {
            return Refused::new(413, "REQUEST_TOO_LARGE", "Request body is too large").answer();
        }
        let key = call.header(KEY).filter(|_| call.method != "GET");
        if let Some(kept) = key.and_then(|key| self.keys.find(key, desk.now)) {
            desk.is_replay = true;
            return kept.answer.clone();
        }
        if desk.is_busy {
            let text = "Another operation on the order is in progress";
            return Refused::new(409, "CONFLICT", text).answer();
        }
        let answer = match desk.refusal.take() {
            Some(refusal) => self.refuse(&refusal),
            None => match self.act(call, desk) {
                Ok(answer) => answer,
                Err(refused) => self.in_own_words(refused),
            },
        };
        if let Some(key) = key {
            self.keys.keep(key, desk.now, (&call.path, &Value::Null), &answer);
        }
        answer
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        if refusal.status == 401 {
            return Answer::empty(401);
        }
        self.in_own_words(Refused::new(refusal.status, &refusal.code, &refusal.text))
    }

    fn control(&mut self, path: &[&str], call: &Call, desk: &mut Desk<'_>) -> Option<Answer> {
        match (call.method.as_str(), path) {
            ("POST", ["orders"]) => Some(understood(call, |order: NewOrder| {
                let wrong = lines::check("order_amount", order.order_amount, &order.order_lines);
                if !wrong.is_empty() {
                    return Refused::bad_value(wrong).answer();
                }
                let id = self.place(order, desk);
                Answer::json(201, &json!({ "order_id": id }))
            })),
            ("POST", ["orders", id, deed]) => {
                let outcome = self.by_hand(id, deed, call, desk);
                Some(outcome.unwrap_or_else(|refused| refused.answer()))
            }
            _ => None,
        }
    }
}

/// The book's word for a call.
fn operation(call: &Call) -> &'static str {
    let segments = call.segments();
    match (call.method.as_str(), segments.get(4..).unwrap_or_default()) {
        ("GET", _) => "read",
        (_, ["acknowledge"]) => "acknowledge",
        (_, ["authorization"]) => "update",
        (_, ["captures"]) => "capture",
        (_, ["refunds"]) => "refund",
        (_, ["cancel"]) => "cancel",
        (_, ["release-remaining-authorization"]) => "release",
        (_, ["extend-authorization-time"]) => "extend",
        (_, ["customer-details"]) => "address",
        (_, ["merchant-references"]) => "references",
        (_, [.., "shipping-info"]) => "shipping",
        (_, [.., "trigger-send-out"]) => "send-out",
        (_, [.., "extend-due-date"]) => "due-date",
        _ => OTHER,
    }
}

fn body<Body: DeserializeOwned>(call: &Call) -> Result<Body, Refused> {
    call.json().map_err(|error| Refused::bad_value(vec![format!("Bad value: {error}")]))
}

/// Writes down what was done, and says so.
fn done(desk: &mut Desk<'_>, call: &Call, about: &str, id: &str, amount_minor: i64) -> Answer {
    desk.book.done.push(Done {
        operation: operation(call).to_owned(),
        about: about.to_owned(),
        key: call.header(KEY).unwrap_or_default().to_owned(),
        id: id.to_owned(),
        amount_minor,
    });
    Answer::empty(204)
}

/// The same, where something has a name now.
fn made(
    desk: &mut Desk<'_>,
    call: &Call,
    about: &str,
    (header, id): (&'static str, &str),
    amount_minor: i64,
) -> Answer {
    let location = format!("{}{}/{id}", call.origin(), call.path);
    let mut answer = done(desk, call, about, id, amount_minor);
    answer.status = 201;
    answer.with(header, id).with("Location", location)
}

#[cfg(test)]
mod tests;
