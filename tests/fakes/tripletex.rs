//! Tripletex, version 2 of its API: sessions, customers, products, orders, invoices and payments.
//!
//! Also true here, though its description does not say so: everything comes in an envelope; a session
//! dies at midnight in Norway; so many calls are let through per period, and the headers tell; there
//! are no keys, so what is asked twice is done twice; invoices are mailed unless told otherwise;
//! objects are shown in others as no more than their addresses.
//!
//! Its control changes what the company is set up for and how many calls are let through, and ends
//! sessions.

mod currencies;
mod decimals;
mod fields;
mod invoices;
mod lists;
mod orders;
mod refusals;
mod rows;
mod sales;
mod sessions;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::book::Done;
use super::call::{Answer, Call};
use super::manual::{self, Manual};
use super::provider::{Asked, Desk, Provider};
use super::state::understood;
use super::trouble::Refusal;
use lists::{coded, is_customer_asked, list, one, payment_types, read, values, vat_types};
use orders::{Company, check_customer};
use refusals::{NULL, Refused};
use rows::{Row, text};

/// The stand-in.
#[derive(Debug)]
pub struct Tripletex {
    company: Company,
    /// Session tokens, and when they die.
    sessions: BTreeMap<String, Timestamp>,
    limit: u32,
    /// Begin of the period, and calls let through in it.
    period: (Timestamp, u32),
}

pub const CONSUMER_TOKEN: &str = "test-consumer-5b7e";
pub const EMPLOYEE_TOKEN: &str = "test-employee-a91c";

/// As in the test environment.
const CALLS_PER_PERIOD_MAX: u32 = 100;
/// By their ids.
const COUNTRIES: [(i64, &str); 5] = [(161, "NO"), (209, "SE"), (58, "DK"), (72, "FI"), (80, "DE")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    #[serde(default = "yes")]
    has_bank_account: bool,
    #[serde(default = "yes")]
    is_vat_registered: bool,
}

#[derive(Deserialize)]
struct Rate {
    limit: u32,
}

fn yes() -> bool {
    true
}

impl Default for Tripletex {
    fn default() -> Self {
        Self {
            company: Company::default(),
            sessions: BTreeMap::new(),
            limit: CALLS_PER_PERIOD_MAX,
            period: (Timestamp::UNIX_EPOCH, 0),
        }
    }
}

impl Tripletex {
    /// How many calls are let through per period.
    pub fn limit(&mut self, calls: u32) {
        self.limit = calls;
    }

    /// The tokens of all sessions there are.
    #[must_use]
    pub fn session_tokens(&self) -> Vec<String> {
        self.sessions.keys().cloned().collect()
    }

    /// Ends all sessions.
    pub fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Every order there is, as a person sees them there.
    #[must_use]
    pub fn orders(&self) -> Vec<Value> {
        values(self.company.orders.all().cloned())
    }

    #[must_use]
    pub fn invoices(&self) -> Vec<Value> {
        values(self.company.invoices.all().cloned())
    }

    #[must_use]
    pub fn customers(&self) -> Vec<Value> {
        values(self.company.customers.all().cloned())
    }

    /// A person deletes an order; whether there was one that could be.
    pub fn delete_order(&mut self, id: i64) -> bool {
        self.company.remove_order(id).is_ok()
    }

    /// A person makes the first line of an order cost so much, whole kroner with VAT.
    pub fn reprice_order(&mut self, id: i64, price: i64) -> bool {
        let line = json!({ "description": "Endret", "count": 1, "vatType": { "id": 3 },
                           "unitPriceIncludingVatCurrency": price });
        let Value::Object(change) = json!({ "orderLines": [line] }) else { return false };
        self.company.change_order(id, change).is_ok()
    }

    /// A person makes an order of their own under this number.
    pub fn take_number(&mut self, number: &str) -> bool {
        let Value::Object(customer) = json!({ "name": "En annen" }) else { return false };
        let Ok(customer) = self.company.add_customer(customer) else { return false };
        let today = Timestamp::now().to_zoned_datetime(sessions::oslo()).date().to_string();
        let customer = customer.get("id").cloned();
        let order = json!({ "number": number, "customer": { "id": customer },
                            "orderDate": today, "deliveryDate": today, "orderLines": [] });
        let Value::Object(order) = order else { return false };
        self.company.add_order(order).is_ok()
    }

    /// A person credits the whole of an invoice.
    pub fn credit_invoice(&mut self, id: i64) -> bool {
        self.company.credit_whole(id, "2026-11-25", "").is_ok()
    }

    /// What its company lacks: a bank account, registration for VAT.
    pub fn set_up(&mut self, has_bank_account: bool, is_vat_registered: bool) {
        self.company.has_bank_account = has_bank_account;
        self.company.is_vat_registered = is_vat_registered;
    }

    fn act(&mut self, call: &Call, desk: &mut Desk<'_>) -> Result<Answer, Refused> {
        let path = path_of(call);
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("DELETE", ["token", "session", token]) => {
                self.sessions.remove(*token);
                Ok(Answer::empty(204))
            }
            ("GET", ["token", "session", ">whoAmI"]) => {
                let company = json!({ "id": 1, "url": "tripletex.no/v2/company/1" });
                Ok(one(200, &json!({ "employeeId": 1, "companyId": 1, "company": company })))
            }
            ("GET", ["ledger", "vatType"]) => Ok(list(call, &vat_types())),
            ("GET", ["invoice", "paymentType"]) => Ok(list(call, &payment_types())),
            ("GET", ["country"]) => Ok(list(call, &coded(call, &COUNTRIES, "isoAlpha2Code"))),
            ("GET", ["currency"]) => Ok(list(call, &coded(call, &currencies::CODES, "code"))),
            ("GET", ["customer"]) => {
                let found = self.company.customers.all().filter(|row| is_customer_asked(call, row));
                Ok(list(call, &values(found.cloned())))
            }
            ("POST", ["customer"]) => {
                let made = self.company.add_customer(row(call)?)?;
                write_down(desk, "customer", &asked_about(self, call), &made, 0);
                Ok(one(201, &made))
            }
            ("PUT", ["customer", id]) => {
                let change = row(call)?;
                let mut whole = self.company.customers.get(id_of(id)?)?.clone();
                whole.extend(change.clone());
                check_customer(&whole)?;
                let changed = self.company.customers.change(id_of(id)?, change)?;
                Ok(one(200, &Value::Object(changed.clone())))
            }
            ("GET", ["product"]) => {
                let number = call.parameter("number").or_else(|| call.parameter("productNumber"));
                let found = self.company.products.all().filter(|row| {
                    number.as_ref().is_none_or(|number| text(row, "number") == number)
                });
                Ok(list(call, &values(found.cloned())))
            }
            ("POST", ["product"]) => Ok(one(201, &self.company.add_product(row(call)?)?)),
            ("GET", ["customer", id]) => read(&self.company.customers, id),
            ("GET", ["product", id]) => read(&self.company.products, id),
            (_, ["order", ..]) => self.act_on_orders(call, &segments, desk),
            (_, ["invoice", ..]) => self.act_on_invoices(call, &segments, desk),
            _ => Err(Refused::not_found()),
        }
    }
}

impl Provider for Tripletex {
    const MANUAL: &'static Manual = &manual::TRIPLETEX;

    fn asked(&self, call: &Call) -> Asked {
        let path = path_of(call);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let operation = match (call.method.as_str(), path.as_slice()) {
            (_, ["token", "session", ":create"]) => "session",
            ("GET", _) => "read",
            ("POST", ["customer"]) => "customer",
            ("POST", ["product"]) => "product",
            ("POST", ["order"]) => "order",
            ("POST", ["invoice"]) => "invoice",
            (_, ["order", _, ":invoice"]) => {
                let credited = call.parameter("invoiceIdIfIsCreditNote");
                if credited.is_none_or(|id| id == "0") { "invoice" } else { "credit-note" }
            }
            (_, ["invoice", _, ":createCreditNote"]) => "credit-note",
            (_, ["invoice", _, ":payment"]) => "payment",
            (_, ["invoice", _, ":send"]) => "mail",
            ("DELETE", _) => "delete",
            _ => "change",
        };
        let is_change = !matches!(operation, "read" | "session");
        Asked { operation, about: asked_about(self, call), key: String::new(), is_change }
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let (is_let_through, headers) = self.pace(desk.now);
        let mut answer = if is_let_through {
            self.answer_let_through(call, desk)
        } else {
            Refused::new(429, 0, "Too many requests").answer()
        };
        answer.headers.extend(headers);
        answer
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        Refused::told(refusal.status, &refusal.code, &refusal.text).answer()
    }

    fn control(&mut self, path: &[&str], call: &Call, _desk: &mut Desk<'_>) -> Option<Answer> {
        match (call.method.as_str(), path) {
            ("PUT", ["company"]) => Some(understood(call, |setup: Setup| {
                self.set_up(setup.has_bank_account, setup.is_vat_registered);
                Answer::empty(204)
            })),
            ("PUT", ["rate"]) => Some(understood(call, |rate: Rate| {
                self.limit(rate.limit);
                Answer::empty(204)
            })),
            ("DELETE", ["sessions"]) => {
                self.forget_sessions();
                Some(Answer::empty(204))
            }
            _ => None,
        }
    }
}

/// Below `/v2`, with what clients must or may encode.
fn path_of(call: &Call) -> Vec<String> {
    let decoded = |part: &&str| part.replace("%3E", ">").replace("%3e", ">").replace("%3A", ":");
    call.segments().get(1..).unwrap_or_default().iter().map(decoded).collect()
}

/// The own number or address that something is known by, as far as the call tells.
fn asked_about(tripletex: &Tripletex, call: &Call) -> String {
    let path = path_of(call);
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let body: Map<String, Value> = call.json().unwrap_or_default();
    match path.as_slice() {
        ["order"] | ["product"] if call.method == "POST" => text(&body, "number").to_owned(),
        ["order"] | ["product"] => call.parameter("number").unwrap_or_default(),
        ["customer"] if call.method == "POST" => text(&body, "email").to_owned(),
        ["customer"] => call.parameter("email").unwrap_or_default(),
        ["order", id, ..] => {
            let order = id.parse().ok().and_then(|id| tripletex.company.orders.get(id).ok());
            order.map(|row| text(row, "number").to_owned()).unwrap_or_default()
        }
        ["invoice", id, ..] => id.parse().map(|id| tripletex.number_of(id)).unwrap_or_default(),
        _ => String::new(),
    }
}

fn row(call: &Call) -> Result<Row, Refused> {
    call.json().map_err(|_| Refused::unreadable())
}

fn id_of(text: &str) -> Result<i64, Refused> {
    text.parse().map_err(|_| Refused::new(400, 12_000, "Path parameter is not a number"))
}

fn required(call: &Call, name: &str) -> Result<String, Refused> {
    call.parameter(name).filter(|text| !text.is_empty()).ok_or_else(|| Refused::because(name, NULL))
}

fn parsed<Value: std::str::FromStr>(call: &Call, name: &str) -> Result<Option<Value>, Refused> {
    let text = call.parameter(name);
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|_| Refused::because(name, "Ugyldig verdi."))
}

fn write_down(desk: &mut Desk<'_>, operation: &str, about: &str, made: &Value, amount_minor: i64) {
    desk.book.done.push(Done {
        operation: operation.to_owned(),
        about: about.to_owned(),
        key: String::new(),
        id: made.get("id").map(Value::to_string).unwrap_or_default(),
        amount_minor,
    });
}

#[cfg(test)]
mod tests;
