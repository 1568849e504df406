//! Tripletex, version 2 of its API: sessions, customers, products, orders, invoices and payments.
//!
//! Also true here, though its description does not say so: everything comes in an envelope; a session
//! dies at midnight in Norway; so many calls are let through per period, and the headers tell; there
//! are no keys, so what is asked twice is done twice; invoices are mailed unless told otherwise;
//! objects are shown in others as no more than their addresses.
//!
//! Its control changes what the company is set up for and how many calls are let through, and ends
//! sessions.

mod decimals;
mod fields;
mod invoices;
mod lists;
mod orders;
mod refusals;
mod rows;
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
use decimals::Decimal;
use invoices::Terms;
use lists::{
    coded, gross_of, is_customer_asked, is_order_asked, is_within, list, one, payment_types, range,
    read, shown, values, vat_types,
};
use orders::{Company, check_customer};
use refusals::{NULL, Refused};
use rows::{Row, decimal, id_in, text};

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
const SEND_TYPES: [&str; 6] = ["EMAIL", "EHF", "EFAKTURA", "AVTALEGIRO", "PAPER", "MANUAL"];
/// By their ids.
const COUNTRIES: [(i64, &str); 5] = [(161, "NO"), (209, "SE"), (58, "DK"), (72, "FI"), (80, "DE")];
const CURRENCIES: [(i64, &str); 4] = [(1, "NOK"), (2, "SEK"), (3, "DKK"), (5, "EUR")];

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
            ("GET", ["currency"]) => Ok(list(call, &coded(call, &CURRENCIES, "code"))),
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

    fn act_on_orders(
        &mut self,
        call: &Call,
        path: &[&str],
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Refused> {
        match (call.method.as_str(), path) {
            ("GET", ["order"]) => {
                let range = range(call, "orderDate")?;
                let found =
                    self.company.orders.all().filter(|row| is_order_asked(call, row, &range));
                let found = found.map(|row| shown(call, row)).collect::<Vec<_>>();
                Ok(list(call, &found))
            }
            ("POST", ["order"]) => {
                let id = self.company.add_order(row(call)?)?;
                let made = self.company.orders.get(id)?;
                let gross = gross_of(made);
                let answer = shown(call, made);
                write_down(desk, "order", text(made, "number"), &answer, gross);
                Ok(one(201, &answer))
            }
            ("GET", ["order", id]) => {
                Ok(one(200, &shown(call, self.company.orders.get(id_of(id)?)?)))
            }
            ("PUT", ["order", id]) => {
                let id = id_of(id)?;
                self.company.change_order(id, row(call)?)?;
                Ok(one(200, &shown(call, self.company.orders.get(id)?)))
            }
            ("DELETE", ["order", id]) => {
                let gone = self.company.remove_order(id_of(id)?)?;
                write_down(desk, "delete", text(&gone, "number"), &Value::Object(gone.clone()), 0);
                Ok(Answer::empty(204))
            }
            ("PUT", ["order", id, ":invoice"]) => {
                let credits = parsed::<i64>(call, "invoiceIdIfIsCreditNote")?;
                let terms = Terms {
                    date: call.parameter("invoiceDate").unwrap_or_default(),
                    payment_type: parsed(call, "paymentTypeId")?,
                    paid: parsed(call, "paidAmount")?,
                    credits: credits.filter(|id| *id != 0),
                    closes: true,
                    due: None,
                };
                self.invoice(call, id_of(id)?, &terms, 200, desk)
            }
            _ => Err(Refused::not_found()),
        }
    }

    fn act_on_invoices(
        &mut self,
        call: &Call,
        path: &[&str],
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Refused> {
        match (call.method.as_str(), path) {
            ("GET", ["invoice"]) => {
                let range = range(call, "invoiceDate")?;
                let customer = parsed::<i64>(call, "customerId")?;
                let number = parsed::<i64>(call, "invoiceNumber")?;
                let found = self.company.invoices.all().filter(|row| {
                    is_within(row, "invoiceDate", &range)
                        && customer.is_none_or(|id| id_in(row, "customer") == Some(id))
                        && number.is_none_or(|one| rows::integer(row, "invoiceNumber") == Some(one))
                });
                let found = found.map(|row| shown(call, row)).collect::<Vec<_>>();
                Ok(list(call, &found))
            }
            ("POST", ["invoice"]) => self.invoice_by_itself(call, desk),
            ("GET", ["invoice", id]) => {
                Ok(one(200, &shown(call, self.company.invoices.get(id_of(id)?)?)))
            }
            ("GET", ["invoice", id, "pdf"]) => {
                let row = self.company.invoices.get(id_of(id)?)?;
                let number = rows::integer(row, "invoiceNumber").unwrap_or_default();
                let body = format!("%PDF-1.4\n% Faktura {number}\n%%EOF\n");
                let answer = Answer { body: body.into(), ..Answer::empty(200) };
                Ok(answer.with("content-type", "application/pdf"))
            }
            ("PUT", ["invoice", id, ":createCreditNote"]) => {
                let (id, date) = (id_of(id)?, required(call, "date")?);
                let comment = call.parameter("comment").unwrap_or_default();
                let note = self.company.credit_whole(id, &date, &comment)?;
                self.invoiced(call, "credit-note", note, 200, desk)
            }
            ("PUT", ["invoice", id, ":payment"]) => {
                required(call, "paymentDate")?;
                let kind = required(call, "paymentTypeId")?;
                let kind = kind.parse().map_err(|_| Refused::because("paymentTypeId", NULL))?;
                required(call, "paidAmount")?;
                let paid = parsed::<Decimal>(call, "paidAmount")?.unwrap_or_default();
                let id = id_of(id)?;
                self.company.pay(id, kind, paid)?;
                let answer = shown(call, self.company.invoices.get(id)?);
                write_down(desk, "payment", &self.number_of(id), &answer, paid.minor());
                Ok(one(200, &answer))
            }
            ("PUT", ["invoice", id, ":send"]) => {
                let kind = required(call, "sendType")?;
                if !SEND_TYPES.contains(&kind.as_str()) {
                    return Err(Refused::because("sendType", "Ugyldig verdi."));
                }
                let id = id_of(id)?;
                let answer = shown(call, self.company.invoices.get(id)?);
                write_down(desk, "mail", &self.number_of(id), &answer, 0);
                Ok(Answer::empty(204))
            }
            _ => Err(Refused::not_found()),
        }
    }

    /// By its orders, which stay open.
    fn invoice_by_itself(&mut self, call: &Call, desk: &mut Desk<'_>) -> Result<Answer, Refused> {
        let asked = row(call)?;
        self.company.invoices.check(&asked)?;
        let orders = asked.get("orders").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(Value::Object(order)) = orders.into_iter().next() else {
            return Err(Refused::because("orders", "Listen kan ikke være tom."));
        };
        let paid = parsed::<Decimal>(call, "paidAmount")?;
        if paid.is_some_and(Decimal::is_negative) {
            return Err(Refused::because("paidAmount", "Beløpet kan ikke være negativt."));
        }
        let due = text(&asked, "invoiceDueDate");
        if due.is_empty() {
            return Err(Refused::because("invoiceDueDate", NULL));
        }
        let terms = Terms {
            date: text(&asked, "invoiceDate").to_owned(),
            payment_type: parsed(call, "paymentTypeId")?,
            paid,
            credits: None,
            closes: false,
            due: Some(due.to_owned()),
        };
        let id = match rows::integer(&order, "id") {
            Some(id) => id,
            None => self.company.add_order(order)?,
        };
        self.invoice(call, id, &terms, 201, desk)
    }

    fn invoice(
        &mut self,
        call: &Call,
        order: i64,
        terms: &Terms,
        status: u16,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Refused> {
        let paid = terms.paid;
        let operation = if terms.credits.is_some() { "credit-note" } else { "invoice" };
        let id = self.company.invoice(order, terms)?;
        if let Some(paid) = paid {
            let made = shown(call, self.company.invoices.get(id)?);
            write_down(desk, "payment", &self.number_of(id), &made, paid.minor());
        }
        self.invoiced(call, operation, id, status, desk)
    }

    /// Writes down a new invoice, and that it was mailed unless it was not to be.
    fn invoiced(
        &self,
        call: &Call,
        operation: &'static str,
        id: i64,
        status: u16,
        desk: &mut Desk<'_>,
    ) -> Result<Answer, Refused> {
        let made = self.company.invoices.get(id)?;
        let amount = decimal(made, "amount").unwrap_or_default().minor();
        let (answer, number) = (shown(call, made), self.number_of(id));
        write_down(desk, operation, &number, &answer, amount);
        if call.parameter("sendToCustomer").as_deref() != Some("false") {
            write_down(desk, "mail", &number, &answer, 0);
        }
        Ok(one(status, &answer))
    }

    /// The number of the order that an invoice is of.
    fn number_of(&self, invoice: i64) -> String {
        let orders = self.company.invoices.get(invoice).ok().and_then(|row| row.get("orders"));
        let order = orders.and_then(|orders| orders.get(0)?.get("id")?.as_i64());
        let order = order.and_then(|id| self.company.orders.get(id).ok());
        order.map(|row| text(row, "number").to_owned()).unwrap_or_default()
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
