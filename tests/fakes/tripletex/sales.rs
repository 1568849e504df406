//! What is asked of orders and invoices, and what of it is done.

use serde_json::Value;

use super::decimals::Decimal;
use super::invoices::Terms;
use super::lists::{gross_of, is_order_asked, is_within, list, one, range, shown};
use super::refusals::{NULL, Refused};
use super::rows::{self, decimal, id_in, text};
use super::{Tripletex, id_of, parsed, required, row, write_down};
use crate::fakes::call::{Answer, Call};
use crate::fakes::provider::Desk;

const SEND_TYPES: [&str; 7] =
    ["EMAIL", "EHF", "AVTALEGIRO", "EFAKTURA", "VIPPS", "PAPER", "MANUAL"];

impl Tripletex {
    pub(super) fn act_on_orders(
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

    pub(super) fn act_on_invoices(
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
                check_send_type(call)?;
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
                let in_currency = parsed(call, "paidAmountCurrency")?;
                let id = id_of(id)?;
                let settled = self.company.pay(id, kind, (paid, in_currency))?;
                let answer = self.paid(call, id, (settled, paid), desk)?;
                Ok(one(200, &answer))
            }
            ("PUT", ["invoice", id, ":send"]) => {
                required(call, "sendType")?;
                check_send_type(call)?;
                let id = id_of(id)?;
                let answer = shown(call, self.company.invoices.get(id)?);
                write_down(desk, "mail", &self.number_of(id), &answer, 0);
                Ok(Answer::empty(200))
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
        check_send_type(call)?;
        let operation = if terms.credits.is_some() { "credit-note" } else { "invoice" };
        let id = self.company.invoice(order, terms)?;
        if let Some(paid) = terms.paid {
            self.paid(call, id, (paid, paid), desk)?;
        }
        self.invoiced(call, operation, id, status, desk)
    }

    /// Writes down a payment: what it settles of the invoice, and what its account got where that is
    /// another amount.
    fn paid(
        &self,
        call: &Call,
        id: i64,
        (settled, got): (Decimal, Decimal),
        desk: &mut Desk<'_>,
    ) -> Result<Value, Refused> {
        let (answer, number) = (shown(call, self.company.invoices.get(id)?), self.number_of(id));
        write_down(desk, "payment", &number, &answer, settled.minor());
        if got != settled {
            write_down(desk, "account", &number, &answer, got.minor());
        }
        Ok(answer)
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
        let amount = decimal(made, "amountCurrency").unwrap_or_default().minor();
        let (answer, number) = (shown(call, made), self.number_of(id));
        write_down(desk, operation, &number, &answer, amount);
        if call.parameter("sendToCustomer").as_deref() != Some("false") {
            write_down(desk, "mail", &number, &answer, 0);
        }
        Ok(one(status, &answer))
    }

    /// The number of the order that an invoice is of.
    pub(super) fn number_of(&self, invoice: i64) -> String {
        let orders = self.company.invoices.get(invoice).ok().and_then(|row| row.get("orders"));
        let order = orders.and_then(|orders| orders.get(0)?.get("id")?.as_i64());
        let order = order.and_then(|id| self.company.orders.get(id).ok());
        order.map(|row| text(row, "number").to_owned()).unwrap_or_default()
    }
}

fn check_send_type(call: &Call) -> Result<(), Refused> {
    match call.parameter("sendType") {
        Some(kind) if !SEND_TYPES.contains(&kind.as_str()) => {
            Err(Refused::because("sendType", "Ugyldig verdi."))
        }
        _ => Ok(()),
    }
}
