//! Customers, products and orders, and what Tripletex wants of them.

use serde_json::Value;

use super::decimals::Decimal;
use super::fields;
use super::refusals::{NULL, Refused};
use super::rows::{self, Row, Rows, decimal, id_in, integer, is_set, number, text};

/// VAT types of sales: id, name, and percent.
pub(super) const VAT_TYPES: [(i64, &str, i64); 5] = [
    (3, "Utgående avgift, høy sats", 25),
    (31, "Utgående avgift, middels sats", 15),
    (32, "Utgående avgift, lav sats", 12),
    (5, "Ingen utgående avgift (innenfor mva-loven)", 0),
    (6, "Ingen utgående avgift (utenfor mva-loven)", 0),
];
/// The only one for whoever is not registered for VAT.
const OUTSIDE: i64 = 6;
const CUSTOMER_NUMBER_MIN: i64 = 100_000;
const ORGANIZATION_DIGITS: usize = 9;
const SEND_METHODS: [&str; 7] =
    ["EMAIL", "EHF", "EFAKTURA", "AVTALEGIRO", "VIPPS", "PAPER", "MANUAL"];

/// A merchant's company.
#[derive(Debug)]
pub(super) struct Company {
    last_id: i64,
    pub(super) customers: Rows,
    pub(super) products: Rows,
    pub(super) orders: Rows,
    pub(super) invoices: Rows,
    pub(super) last_invoice_number: i64,
    pub(super) has_bank_account: bool,
    pub(super) is_vat_registered: bool,
}

impl Default for Company {
    fn default() -> Self {
        Self {
            last_id: 10_000,
            customers: Rows::new("customer", fields::CUSTOMER),
            products: Rows::new("product", fields::PRODUCT),
            orders: Rows::new("order", fields::ORDER),
            invoices: Rows::new("invoice", fields::INVOICE),
            last_invoice_number: 0,
            has_bank_account: true,
            is_vat_registered: true,
        }
    }
}

impl Company {
    pub(super) fn new_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn add_customer(&mut self, mut row: Row) -> Result<Value, Refused> {
        self.customers.check(&row)?;
        check_customer(&row)?;
        let id = self.new_id();
        row.entry("customerNumber").or_insert((CUSTOMER_NUMBER_MIN + id).into());
        row.insert("isCustomer".to_owned(), true.into());
        row.entry("invoiceSendMethod").or_insert("EMAIL".into());
        row.entry("isPrivateIndividual").or_insert(false.into());
        Ok(Value::Object(self.customers.add(id, row).clone()))
    }

    pub(super) fn add_product(&mut self, row: Row) -> Result<Value, Refused> {
        self.products.check(&row)?;
        let (name, number) = (text(&row, "name"), text(&row, "number"));
        if name.is_empty() {
            return Err(Refused::because("name", NULL));
        }
        if !number.is_empty() && self.products.all().any(|other| text(other, "number") == number) {
            let message = format!("Produktnummeret {number} er i bruk.");
            return Err(Refused::because("number", &message));
        }
        let id = self.new_id();
        Ok(Value::Object(self.products.add(id, row).clone()))
    }

    /// Numbers may come twice: it is for the caller to look first.
    pub(super) fn add_order(&mut self, mut row: Row) -> Result<i64, Refused> {
        self.orders.check(&row)?;
        let mut wrong: Vec<(String, String)> = ["orderDate", "deliveryDate"]
            .into_iter()
            .filter(|field| text(&row, field).is_empty())
            .map(|field| (field.to_owned(), NULL.to_owned()))
            .collect();
        let customer = id_in(&row, "customer");
        if customer.is_none_or(|id| self.customers.get(id).is_err()) {
            wrong.push(("customer".to_owned(), NULL.to_owned()));
        }
        if !wrong.is_empty() {
            return Err(Refused::invalid(wrong));
        }
        let lines = self.lines(&row)?;
        let id = self.new_id();
        row.insert("orderLines".to_owned(), lines);
        row.entry("number").or_insert(id.to_string().into());
        row.insert("isClosed".to_owned(), false.into());
        row.entry("currency").or_insert(serde_json::json!({ "id": 1 }));
        self.orders.add(id, row);
        Ok(id)
    }

    pub(super) fn change_order(&mut self, id: i64, mut change: Row) -> Result<(), Refused> {
        self.orders.check(&change)?;
        if change.contains_key("orderLines") {
            let mut whole = self.orders.get(id)?.clone();
            whole.extend(change.clone());
            let lines = self.lines(&whole)?;
            change.insert("orderLines".to_owned(), lines);
        }
        self.orders.change(id, change).map(|_| ())
    }

    pub(super) fn remove_order(&mut self, id: i64) -> Result<Row, Refused> {
        if self.invoices_of(id).next().is_some() {
            return Err(Refused::because("", "Ordren er fakturert og kan ikke slettes."));
        }
        self.orders.remove(id)
    }

    pub(super) fn invoices_of(&self, order: i64) -> impl Iterator<Item = &Row> {
        self.invoices.all().filter(move |invoice| {
            let orders = invoice.get("orders").and_then(Value::as_array);
            let ids = orders.into_iter().flatten().filter_map(|one| one.get("id")?.as_i64());
            ids.into_iter().any(|id| id == order)
        })
    }

    /// Its lines with their amounts.
    fn lines(&mut self, order: &Row) -> Result<Value, Refused> {
        let is_gross = is_set(order, "isPrioritizeAmountsIncludingVat");
        let given = order.get("orderLines").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut lines = Vec::new();
        for line in given {
            let Value::Object(mut line) = line else { return Err(Refused::unreadable()) };
            for field in ["amountExcludingVatCurrency", "amountIncludingVatCurrency"] {
                line.remove(field);
            }
            rows::check_fields(&line, fields::ORDER_LINE)?;
            let percent = self.percent_of(&line)?;
            let (net, gross) = amounts(&line, is_gross, percent)?;
            let id = integer(&line, "id").unwrap_or_else(|| self.new_id());
            line.insert("id".to_owned(), id.into());
            line.entry("count").or_insert(0.into());
            line.insert("amountExcludingVatCurrency".to_owned(), number(net));
            line.insert("amountIncludingVatCurrency".to_owned(), number(gross));
            lines.push(Value::Object(line));
        }
        Ok(Value::Array(lines))
    }

    /// The VAT of a line, or of its product.
    fn percent_of(&self, line: &Row) -> Result<Decimal, Refused> {
        let product =
            match id_in(line, "product") {
                Some(id) => Some(self.products.get(id).map_err(|_| {
                    Refused::because("orderLines.product", "Produktet finnes ikke.")
                })?),
                None => None,
            };
        let named =
            id_in(line, "vatType").or(product.and_then(|product| id_in(product, "vatType")));
        let id = named.unwrap_or(if self.is_vat_registered { 3 } else { OUTSIDE });
        let known = VAT_TYPES.iter().find(|(known, ..)| *known == id);
        match known {
            Some((_, _, percent)) if self.is_vat_registered || id == OUTSIDE => {
                Ok(Decimal::whole(*percent))
            }
            _ => Err(Refused::because("orderLines.vatType.id", "Ugyldig mva-kode.")),
        }
    }
}

pub(super) fn check_customer(row: &Row) -> Result<(), Refused> {
    let mut wrong = Vec::new();
    if text(row, "name").trim().is_empty() {
        wrong.push(("name".to_owned(), NULL.to_owned()));
    }
    let organization = text(row, "organizationNumber");
    let is_number = organization.len() == ORGANIZATION_DIGITS
        && organization.chars().all(|digit| digit.is_ascii_digit());
    if !organization.is_empty() && !is_number {
        wrong.push(("organizationNumber".to_owned(), "Ugyldig organisasjonsnummer.".to_owned()));
    }
    for field in ["email", "invoiceEmail"] {
        let address = text(row, field);
        if !address.is_empty() && !address.contains('@') {
            wrong.push((field.to_owned(), "Ugyldig e-postadresse.".to_owned()));
        }
    }
    let method = text(row, "invoiceSendMethod");
    if !method.is_empty() && !SEND_METHODS.contains(&method) {
        wrong.push(("invoiceSendMethod".to_owned(), "Ugyldig verdi.".to_owned()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refused::invalid(wrong)) }
}

/// What a line comes to, without VAT and with it.
fn amounts(line: &Row, is_gross: bool, percent: Decimal) -> Result<(Decimal, Decimal), Refused> {
    let (field, message) = if is_gross {
        ("unitPriceIncludingVatCurrency", "The unit price must be inclusive VAT.")
    } else {
        ("unitPriceExcludingVatCurrency", "The unit price must be exclusive VAT.")
    };
    let other =
        if is_gross { "unitPriceExcludingVatCurrency" } else { "unitPriceIncludingVatCurrency" };
    if decimal(line, field).is_none() && decimal(line, other).is_some() {
        return Err(Refused::because(&format!("orderLines.{other}"), message));
    }
    let price = decimal(line, field).unwrap_or_default();
    let count = decimal(line, "count").unwrap_or_default();
    let discount = decimal(line, "discount").unwrap_or_default();
    let hundred = Decimal::HUNDRED;
    let given = price.scaled(count, Decimal::ONE).scaled(hundred - discount, hundred).rounded();
    if is_gross {
        Ok((given.scaled(hundred, hundred + percent).rounded(), given))
    } else {
        Ok((given, given + given.scaled(percent, hundred).rounded()))
    }
}
