//! Tripletex: orders, invoices and credit notes by version 2 of its API.
//!
//! It has no keys: what is asked twice is done twice. So an entry is looked for by its number before
//! anything is made of it, and whatever is there is taken further: order, then invoice, then payments.
//! An order there is only ours if its reference says so. Nothing is made before all that it needs of
//! the company's set-up is known to be there, and no customer is mailed unless the shop says so.

mod amounts;
mod answers;
mod customers;
mod messages;
mod registers;
mod session;
#[cfg(test)]
mod tests;

use order_proto::v1::{TripletexEndpoint, TripletexIntegration};
use order_rules::accounting::{Booked, TransferForm};
use order_rules::order::{Day, PriceBasis};
use order_rules::refusals::Code;
use reqwest::Method;
use serde::de::DeserializeOwned;

use self::amounts::Amount;
use self::answers::{Stop, impersonal};
use self::messages::{
    FoundInvoice, FoundOrder, INVOICE_FIELDS, Id, List, NewOrder, NewRow, ORDER_FIELDS, One,
};
use self::registers::{Account, Needed};
pub(super) use self::session::Memory;
use self::session::Session;
use super::entry::Paid;
use super::{AccountingSystem, Entry, Report, Sighting, SoleMaker};
use crate::links::{Link, Trail};
use crate::providers::Tested;

/// A company at Tripletex; clones share its session.
#[derive(Clone, Debug)]
pub(crate) struct Tripletex {
    session: Session,
    /// Goes before the numbers of orders.
    prefix: String,
}

/// What is there of an entry.
struct Found {
    order: FoundOrder,
    invoice: Option<FoundInvoice>,
}

/// Invoices of a customer are read in pages of so many.
const PAGE: usize = 500;
const PAGES_MAX: usize = 20;
/// Dates in the books may be changed by hand, but hardly by more.
const MARGIN_DAYS: i32 = 366;
const ROUNDING: &str = "Øreavrunding";

impl Tripletex {
    pub(super) fn new(link: Link, setup: &TripletexIntegration, memory: &Memory) -> Self {
        let base = match setup.endpoint() {
            TripletexEndpoint::Production | TripletexEndpoint::Unspecified => {
                "https://tripletex.no".to_owned()
            }
            TripletexEndpoint::Test => "https://api-test.tripletex.tech".to_owned(),
            TripletexEndpoint::StandIn => setup.stand_in_url.trim_end_matches('/').to_owned(),
        };
        Self {
            session: Session::new(format!("{base}/v2"), link, memory),
            prefix: setup.order_number_prefix.clone(),
        }
    }

    pub(super) const fn revision(&self) -> i64 {
        self.session.link().revision
    }

    pub(super) const fn trail(&self) -> &Trail {
        &self.session.link().trail
    }

    /// Makes what is not there yet.
    async fn make(&self, entry: &Entry, maker: &impl SoleMaker) -> Result<Booked, Stop> {
        let known = self.order(entry).await?;
        if let (Some(order), TransferForm::Order) = (&known, entry.form) {
            return Ok(self.booked(entry, order.id, None));
        }
        let needed = self.session.needed(entry).await?;
        let (order, invoice) = match known {
            Some(order) => {
                let invoice = self.invoice_of(entry, &order).await?;
                (order, invoice)
            }
            None => {
                let id = self.make_order(entry, &needed, maker).await?;
                if entry.form == TransferForm::Order {
                    return Ok(self.booked(entry, id, None));
                }
                let path = format!("/order/{id}");
                (self.read_made(&path, ORDER_FIELDS).await?, None)
            }
        };
        let invoice = match invoice {
            Some(invoice) => invoice,
            None => self.make_invoice(entry, &order, &needed).await?,
        };
        check_total(entry, invoice.amount_currency)?;
        let booked = paid_so_far(entry, &invoice)?;
        for (paid, account) in entry.payments.iter().zip(&needed.payment_types).skip(booked) {
            self.pay(entry, &invoice, paid, *account).await?;
        }
        Ok(self.booked(entry, order.id, Some(&invoice)))
    }

    /// What is there of the entry; nothing is made.
    async fn find(&self, entry: &Entry) -> Result<Option<Found>, Stop> {
        let Some(order) = self.order(entry).await? else { return Ok(None) };
        let invoice = match entry.form {
            TransferForm::Order => None,
            TransferForm::Invoice => self.invoice_of(entry, &order).await?,
        };
        Ok(Some(Found { order, invoice }))
    }

    /// The order of the entry's number, if there is one.
    async fn order(&self, entry: &Entry) -> Result<Option<FoundOrder>, Stop> {
        let query = [
            ("number", self.number(entry)),
            ("orderDateFrom", Day(entry.placed_on.0.saturating_sub(1)).to_string()),
            ("orderDateTo", Day(entry.booked_on.0.saturating_add(MARGIN_DAYS)).to_string()),
            ("fields", ORDER_FIELDS.to_owned()),
        ];
        let found: List<FoundOrder> = self.session.read("/order", &query).await?;
        let Some(order) = found.values.into_iter().min_by_key(|order| order.id) else {
            return Ok(None);
        };
        if order.reference.as_deref() != Some(&mark(entry)) {
            let reason = format!("order {} there is another one", self.number(entry));
            return Err(Stop::declined(Code::BooksDiffer, reason));
        }
        Ok(Some(order))
    }

    async fn make_order(
        &self,
        entry: &Entry,
        needed: &Needed,
        maker: &impl SoleMaker,
    ) -> Result<i64, Stop> {
        let customer = self.session.customer(entry, maker).await?;
        let is_gross = entry.voucher.basis == PriceBasis::Gross;
        let price = |minor: i64| Amount::of_minor(minor, entry.currency);
        let mut rows: Vec<NewRow<'_>> = Vec::new();
        for (row, vat_type) in entry.voucher.rows.iter().zip(&needed.vat_types) {
            let price = price(row.unit_price_minor);
            rows.push(NewRow {
                description: &row.text,
                count: row.count,
                unit_price_including_vat_currency: is_gross.then_some(price),
                unit_price_excluding_vat_currency: (!is_gross).then_some(price),
                discount: (row.discount_bp != 0).then(|| Amount::hundredths(row.discount_bp)),
                vat_type: Id { id: *vat_type },
            });
        }
        let rounding = entry.voucher.rounding_minor;
        if let (true, Some(vat_type)) = (rounding != 0, needed.rounding_vat_type) {
            let price = price(rounding.saturating_abs());
            rows.push(NewRow {
                description: ROUNDING,
                count: rounding.signum(),
                unit_price_including_vat_currency: is_gross.then_some(price),
                unit_price_excluding_vat_currency: (!is_gross).then_some(price),
                discount: None,
                vat_type: Id { id: vat_type },
            });
        }
        let comment =
            entry.credited.as_ref().map(|sale| format!("Kreditering av ordre {}", sale.number));
        let order = NewOrder {
            number: self.number(entry),
            reference: mark(entry),
            customer: Id { id: customer },
            order_date: entry.booked_on.to_string(),
            delivery_date: entry.booked_on.to_string(),
            currency: Id { id: needed.currency },
            is_prioritize_amounts_including_vat: is_gross,
            invoice_comment: comment,
            order_lines: rows,
        };
        let made: One<Id> = self.session.write(Method::POST, "/order", &[], Some(&order)).await?;
        Ok(made.value.id)
    }

    /// The invoice, or for a credit order the credit note, that was made of an order.
    async fn invoice_of(
        &self,
        entry: &Entry,
        order: &FoundOrder,
    ) -> Result<Option<FoundInvoice>, Stop> {
        let is_ours = |invoice: &FoundInvoice| {
            invoice.orders.iter().any(|one| one.id == order.id)
                && invoice.is_credit_note == entry.credited.is_some()
        };
        for page in 0..PAGES_MAX {
            let query = [
                ("customerId", order.customer.id.to_string()),
                ("invoiceDateFrom", Day(entry.placed_on.0.saturating_sub(1)).to_string()),
                ("invoiceDateTo", Day(entry.booked_on.0.saturating_add(MARGIN_DAYS)).to_string()),
                ("from", page.saturating_mul(PAGE).to_string()),
                ("count", PAGE.to_string()),
                ("fields", INVOICE_FIELDS.to_owned()),
            ];
            let found: List<FoundInvoice> = self.session.read("/invoice", &query).await?;
            let is_last = found.values.len() < PAGE;
            let ours = found.values.into_iter().filter(is_ours).min_by_key(|invoice| invoice.id);
            if ours.is_some() || is_last {
                return Ok(ours);
            }
        }
        let reason = "the customer has too many invoices to look through".to_owned();
        Err(Stop::declined(Code::BooksDiffer, reason))
    }

    /// With the first payment, so that they are one; money that is paid back is booked afterwards, and
    /// so is what goes to an account in another currency: the rate is only known then.
    async fn make_invoice(
        &self,
        entry: &Entry,
        order: &FoundOrder,
        needed: &Needed,
    ) -> Result<FoundInvoice, Stop> {
        let total = order.lines.iter().try_fold(Amount::ZERO, |sum, line| sum.plus(line.amount?));
        check_total(entry, total)?;
        let sends_mail = entry.sends_mail && !entry.buyer.email.is_empty();
        let mut query = vec![
            ("invoiceDate", entry.booked_on.to_string()),
            ("sendToCustomer", sends_mail.to_string()),
        ];
        if sends_mail {
            query.push(("sendType", "EMAIL".to_owned()));
        }
        match &entry.credited {
            Some(sale) if sale.invoice_id.is_empty() => {
                let reason = "the invoice to credit is not known".to_owned();
                return Err(Stop::declined(Code::BooksDiffer, reason));
            }
            Some(sale) => query.push(("invoiceIdIfIsCreditNote", sale.invoice_id.clone())),
            None => {
                if let Some((paid, account)) =
                    entry.payments.iter().zip(&needed.payment_types).next()
                    && account.is_in_currency
                {
                    let amount = Amount::of_minor(paid.amount_minor, entry.currency);
                    query.push(("paymentTypeId", account.payment_type.to_string()));
                    query.push(("paidAmount", amount.to_string()));
                }
            }
        }
        let path = format!("/order/{}/:invoice", order.id);
        let made: One<Id> = self.session.write(Method::PUT, &path, &query, None::<&()>).await?;
        let path = format!("/invoice/{}", made.value.id);
        self.read_made(&path, INVOICE_FIELDS).await
    }

    /// Reads what was just made. That it is made is certain, and what became of the rest is looked up:
    /// whatever the read says, nothing was refused.
    async fn read_made<Object: DeserializeOwned>(
        &self,
        path: &str,
        fields: &'static str,
    ) -> Result<Object, Stop> {
        let fields = [("fields", fields.to_owned())];
        let read = self.session.read::<One<Object>>(path, &fields).await;
        read.map(|made| made.value).map_err(|stop| Stop::Doubt(stop.words().to_owned()))
    }

    async fn pay(
        &self,
        entry: &Entry,
        invoice: &FoundInvoice,
        paid: &Paid,
        account: Account,
    ) -> Result<(), Stop> {
        let amount = Amount::of_minor(paid.amount_minor, entry.currency);
        let got = match account.is_in_currency {
            true => amount,
            false => amount.at_rate(invoice.amount, invoice.amount_currency).unwrap_or(amount),
        };
        let query = [
            ("paymentDate", entry.booked_on.to_string()),
            ("paymentTypeId", account.payment_type.to_string()),
            ("paidAmount", got.to_string()),
            ("paidAmountCurrency", amount.to_string()),
        ];
        let path = format!("/invoice/{}/:payment", invoice.id);
        let _invoice: One<Id> = self.session.write(Method::PUT, &path, &query, None::<&()>).await?;
        Ok(())
    }

    fn number(&self, entry: &Entry) -> String {
        format!("{}{}", self.prefix, entry.number)
    }

    fn booked(&self, entry: &Entry, order: i64, invoice: Option<&FoundInvoice>) -> Booked {
        let number = invoice.and_then(|invoice| invoice.invoice_number);
        Booked {
            order_id: order.to_string(),
            order_number: self.number(entry),
            invoice_id: invoice.map(|invoice| invoice.id.to_string()).unwrap_or_default(),
            invoice_number: number.map(|number| number.to_string()).unwrap_or_default(),
            rounding_minor: entry.voucher.rounding_minor,
        }
    }
}

impl AccountingSystem for Tripletex {
    async fn book(&self, entry: &Entry, maker: &impl SoleMaker) -> Report {
        match self.make(entry, maker).await {
            Ok(booked) => Report::Done(booked),
            Err(stop) => {
                self.trail().tell(&impersonal(stop.words(), &entry.buyer));
                let report = stop.report(entry, self.session.link());
                if matches!(report, Report::Declined(_)) {
                    self.session.forget_registers();
                }
                report
            }
        }
    }

    async fn look_up(&self, entry: &Entry) -> Sighting {
        let found = match self.find(entry).await {
            Ok(found) => found,
            Err(stop) => {
                self.trail().tell(&impersonal(stop.words(), &entry.buyer));
                return stop.sighting();
            }
        };
        let Some(Found { order, invoice }) = found else { return Sighting::Absent };
        match (entry.form, invoice) {
            (TransferForm::Order, _) => Sighting::Happened(self.booked(entry, order.id, None)),
            (TransferForm::Invoice, Some(invoice))
                if paid_so_far(entry, &invoice).is_ok_and(|paid| paid == entry.payments.len()) =>
            {
                Sighting::Happened(self.booked(entry, order.id, Some(&invoice)))
            }
            // The next call takes it further, or says why it cannot.
            (TransferForm::Invoice, _) => Sighting::Absent,
        }
    }

    async fn test(&self) -> Tested {
        self.session.test().await
    }
}

/// By which an order there is known to be ours.
fn mark(entry: &Entry) -> String {
    format!("{}/{}", entry.shop, entry.number)
}

/// The charge is never altered (10.6): books that come to something else are left to a person.
fn check_total(entry: &Entry, there: Option<Amount>) -> Result<(), Stop> {
    let ours = Amount::of_minor(entry.voucher.gross_minor, entry.currency);
    match there {
        Some(there) if there == ours => Ok(()),
        there => {
            let there = there.map_or_else(|| "nothing".to_owned(), |there| there.to_string());
            let reason = format!("it comes to {there} there, and to {ours} here");
            Err(Stop::declined(Code::BooksDiffer, reason))
        }
    }
}

/// How many of the entry's payments the invoice shows, by what is outstanding: all of them where that is
/// nothing. Else it is what is left of the invoice after some of them, or what the others come to. Any
/// other sum is the work of somebody there, and left to them: nobody can tell what of it is ours.
fn paid_so_far(entry: &Entry, invoice: &FoundInvoice) -> Result<usize, Stop> {
    let all = entry.payments.as_slice();
    let outstanding = invoice.amount_currency_outstanding;
    if all.is_empty() || outstanding == Some(Amount::ZERO) {
        return Ok(all.len());
    }
    let sum = |some: &[Paid]| {
        let mut amounts =
            some.iter().map(|paid| Amount::of_minor(paid.amount_minor, entry.currency));
        amounts.try_fold(Amount::ZERO, Amount::plus)
    };
    let is_left_after = |booked: &[Paid]| {
        let left = invoice.amount_currency.zip(sum(booked));
        left.is_some_and(|(whole, booked)| whole.minus(booked) == outstanding)
    };
    let splits = || (0..=all.len()).filter_map(|count| all.split_at_checked(count));
    let found = splits()
        .find(|(booked, _)| is_left_after(booked))
        .or_else(|| splits().find(|(_, rest)| sum(rest) == outstanding));
    match (outstanding, found) {
        (Some(_), Some((booked, _))) => Ok(booked.len()),
        (there, _) => {
            let told = |amount: Option<Amount>| {
                amount.map_or_else(|| "nothing".to_owned(), |amount| amount.to_string())
            };
            let (there, whole, ours) = (told(there), told(invoice.amount_currency), told(sum(all)));
            let reason = format!("{there} of {whole} is open there, and {ours} was paid here");
            Err(Stop::declined(Code::BooksDiffer, reason))
        }
    }
}
