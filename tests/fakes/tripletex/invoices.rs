//! Invoices and credit notes, what is paid of them, and who is mailed unless told otherwise.

use serde_json::{Value, json};

use super::currencies::{EUR, NOK, in_own};
use super::decimals::Decimal;
use super::orders::Company;
use super::refusals::{NULL, Refused};
use super::rows::{Row, decimal, id_in, is_set, number};

/// Payment types that are shown on orders: id, description, and the currency of their account.
pub(super) const PAYMENT_TYPES: [(i64, &str, i64); 5] = [
    (1, "Kontant", NOK),
    (2, "Betalt til bank", NOK),
    (3, "Klarna", NOK),
    (4, "Vipps", NOK),
    (5, "Klarna euro", EUR),
];
const DUE_DAYS: i64 = 14;

/// How an order becomes an invoice.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) date: String,
    pub(super) payment_type: Option<i64>,
    pub(super) paid: Option<Decimal>,
    /// Invoice that it credits.
    pub(super) credits: Option<i64>,
    /// It is made of the whole order, which is over then.
    pub(super) closes: bool,
    pub(super) due: Option<String>,
}

impl Company {
    /// The invoice's id.
    pub(super) fn invoice(&mut self, order: i64, terms: &Terms) -> Result<i64, Refused> {
        let row = self.orders.get(order)?.clone();
        let total = self.may_invoice(&row, terms)?;
        if let Some(credited) = terms.credits {
            self.may_credit(credited, -total.1)?;
        }
        if terms.closes {
            self.orders.get_mut(order)?.insert("isClosed".to_owned(), true.into());
        }
        let paid = terms.paid.unwrap_or_default();
        let orders = json!([self.orders.stub(order)]);
        let lines = row.get("orderLines").cloned().unwrap_or_default();
        let customer = id_in(&row, "customer").unwrap_or_default();
        let due = terms.due.clone().unwrap_or_else(|| later(&terms.date));
        let invoice = object(json!({
            "invoiceDate": terms.date,
            "invoiceDueDate": due,
            "customer": self.customers.stub(customer),
            "orders": orders,
            "orderLines": lines,
            "invoiceComment": row.get("invoiceComment"),
            "isCreditNote": terms.credits.is_some(),
            "creditedInvoice": terms.credits,
            "currency": row.get("currency"),
        }));
        Ok(self.add_invoice(invoice, total, paid))
    }

    /// A credit note over the whole of an invoice.
    pub(super) fn credit_whole(
        &mut self,
        id: i64,
        date: &str,
        comment: &str,
    ) -> Result<i64, Refused> {
        let row = self.invoices.get(id)?.clone();
        let amount = |field| -decimal(&row, field).unwrap_or_default();
        let total = (amount("amountExcludingVatCurrency"), amount("amountCurrency"));
        self.may_credit(id, -total.1)?;
        let note = object(json!({
            "invoiceDate": date,
            "invoiceDueDate": date,
            "customer": row.get("customer"),
            "orders": row.get("orders"),
            "orderLines": [],
            "comment": comment,
            "isCreditNote": true,
            "creditedInvoice": id,
            "currency": row.get("currency"),
        }));
        Ok(self.add_invoice(note, total, Decimal::ZERO))
    }

    /// Its amounts are in its own currency.
    fn add_invoice(
        &mut self,
        mut invoice: Row,
        (net, gross): (Decimal, Decimal),
        paid: Decimal,
    ) -> i64 {
        let id = self.new_id();
        self.last_invoice_number += 1;
        let credited = invoice.get("creditedInvoice").and_then(Value::as_i64);
        let currency = id_in(&invoice, "currency").unwrap_or(NOK);
        let outstanding = number(gross - paid);
        invoice.extend(object(json!({
            "invoiceNumber": self.last_invoice_number,
            "kid": format!("{:010}", self.last_invoice_number),
            "amount": number(in_own(gross, currency)),
            "amountCurrency": number(gross),
            "amountExcludingVat": number(in_own(net, currency)),
            "amountExcludingVatCurrency": number(net),
            "amountOutstanding": outstanding,
            "amountCurrencyOutstanding": outstanding,
            "isCharged": true,
            "isApproved": true,
            "isCredited": false,
        })));
        self.invoices.add(id, invoice);
        if let Some(credited) = credited.and_then(|id| self.invoices.get_mut(id).ok()) {
            credited.insert("isCredited".to_owned(), true.into());
        }
        id
    }

    /// Books a payment, or one paid back; what it settles of the invoice. What is paid is in the
    /// currency of the payment type's account, and for an invoice in another than the company's in that
    /// one too.
    pub(super) fn pay(
        &mut self,
        id: i64,
        payment_type: i64,
        (paid, in_currency): (Decimal, Option<Decimal>),
    ) -> Result<Decimal, Refused> {
        account_currency(payment_type)?;
        let row = self.invoices.get_mut(id)?;
        let settled = match (in_currency, id_in(row, "currency")) {
            (Some(amount), _) => amount,
            (None, None | Some(NOK)) => paid,
            (None, Some(_)) => return Err(Refused::because("paidAmountCurrency", NULL)),
        };
        let left = number(decimal(row, "amountOutstanding").unwrap_or_default() - settled);
        for field in ["amountOutstanding", "amountCurrencyOutstanding"] {
            row.insert(field.to_owned(), left.clone());
        }
        Ok(settled)
    }

    /// What it comes to, without VAT and with it.
    fn may_invoice(&self, order: &Row, terms: &Terms) -> Result<(Decimal, Decimal), Refused> {
        if !self.has_bank_account {
            let message =
                "Faktura kan ikke opprettes før selskapet har registrert et bankkontonummer.";
            return Err(Refused::because("", message));
        }
        if is_set(order, "isClosed") {
            return Err(Refused::because("", "Ordren er lukket og kan ikke faktureres."));
        }
        if terms.date.is_empty() {
            return Err(Refused::because("invoiceDate", NULL));
        }
        if terms.payment_type.is_some() != terms.paid.is_some() {
            let message = "Både paidAmount og paymentTypeId må oppgis.";
            return Err(Refused::because("paidAmount", message));
        }
        if let Some(payment_type) = terms.payment_type
            && account_currency(payment_type)? != id_in(order, "currency").unwrap_or(NOK)
        {
            let message = "Betalingstypen må ha samme valuta som fakturaen.";
            return Err(Refused::because("paymentTypeId", message));
        }
        let lines = order.get("orderLines").and_then(Value::as_array);
        let lines: Vec<&Row> = lines.into_iter().flatten().filter_map(Value::as_object).collect();
        if lines.is_empty() {
            return Err(Refused::because("", "Fakturaen inneholder ingen ordrelinjer."));
        }
        let sum = |field| lines.iter().filter_map(|line| decimal(line, field)).sum();
        Ok((sum("amountExcludingVatCurrency"), sum("amountIncludingVatCurrency")))
    }

    fn may_credit(&self, id: i64, amount: Decimal) -> Result<(), Refused> {
        let row = self.invoices.get(id)?;
        let notes = self
            .invoices
            .all()
            .filter(|note| note.get("creditedInvoice").and_then(Value::as_i64) == Some(id));
        let credited: Decimal = notes.filter_map(|note| decimal(note, "amountCurrency")).sum();
        let left = decimal(row, "amountCurrency").unwrap_or_default() + credited;
        if amount > left {
            let message = "Hele eller deler av fakturaen er kreditert. Summen av kreditnotaene kan \
                           ikke være høyere enn fakturabeløpet.";
            return Err(Refused::because("", message));
        }
        Ok(())
    }
}

/// The currency of the account that a payment type books to.
fn account_currency(payment_type: i64) -> Result<i64, Refused> {
    let known = PAYMENT_TYPES.iter().find(|(known, ..)| *known == payment_type);
    known
        .map(|(_, _, currency)| *currency)
        .ok_or_else(|| Refused::because("paymentTypeId", "Ugyldig betalingstype."))
}

/// Without what is nothing.
fn object(value: Value) -> Row {
    let Value::Object(mut row) = value else { return Row::new() };
    row.retain(|_, value| !value.is_null());
    row
}

/// When an invoice of that day is due.
fn later(date: &str) -> String {
    let date = date.parse::<jiff::civil::Date>();
    let due = date.map(|date| date.saturating_add(jiff::Span::new().days(DUE_DAYS)));
    due.map_or_else(|_| String::new(), |due| due.to_string())
}
