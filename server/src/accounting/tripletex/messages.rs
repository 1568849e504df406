//! What is sent to Tripletex and read from it, as far as it is of use.

use serde::{Deserialize, Serialize};

use super::amounts::Amount;

/// One object in its envelope.
#[derive(Debug, Deserialize)]
pub(super) struct One<Object> {
    pub value: Object,
}

/// A page of objects.
#[derive(Debug, Deserialize)]
pub(super) struct List<Object> {
    /// Never missing: what has none is another kind of answer, and must not pass for empty.
    pub values: Vec<Object>,
}

/// Another object.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Id {
    pub id: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct FoundOrder {
    pub id: i64,
    pub reference: Option<String>,
    pub customer: Id,
    #[serde(default, rename = "orderLines")]
    pub lines: Vec<FoundRow>,
}

pub(super) const ORDER_FIELDS: &str =
    "id,number,reference,customer(id),orderLines(id,amountIncludingVatCurrency)";

#[derive(Debug, Deserialize)]
pub(super) struct FoundRow {
    #[serde(rename = "amountIncludingVatCurrency")]
    pub amount: Option<Amount>,
}

/// Amounts in the company's currency, and in the invoice's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundInvoice {
    pub id: i64,
    pub invoice_number: Option<i64>,
    pub amount: Option<Amount>,
    pub amount_currency: Option<Amount>,
    pub amount_currency_outstanding: Option<Amount>,
    #[serde(default)]
    pub is_credit_note: bool,
    #[serde(default)]
    pub orders: Vec<Id>,
}

pub(super) const INVOICE_FIELDS: &str = "id,invoiceNumber,amount,amountCurrency,\
                                         amountCurrencyOutstanding,isCreditNote,orders(id)";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewOrder<'a> {
    pub number: String,
    pub reference: String,
    pub customer: Id,
    pub order_date: String,
    pub delivery_date: String,
    pub currency: Id,
    pub is_prioritize_amounts_including_vat: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_comment: Option<String>,
    pub order_lines: Vec<NewRow<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRow<'a> {
    pub description: &'a str,
    pub count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price_including_vat_currency: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price_excluding_vat_currency: Option<Amount>,
    /// In percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Amount>,
    pub vat_type: Id,
}

/// Personal data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundCustomer {
    pub id: i64,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub organization_number: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

pub(super) const CUSTOMER_FIELDS: &str = "id,name,email,organizationNumber,description";

/// Personal data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewCustomer<'a> {
    pub name: &'a str,
    pub is_private_individual: bool,
    pub invoice_send_method: &'static str,
    pub language: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub email: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub invoice_email: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub phone_number_mobile: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub organization_number: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub description: &'a str,
    pub postal_address: NewAddress<'a>,
}

/// Personal data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewAddress<'a> {
    pub address_line1: &'a str,
    pub address_line2: String,
    pub postal_code: &'a str,
    pub city: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Id>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct VatType {
    pub id: i64,
    #[serde(default)]
    pub number: Option<String>,
    pub percentage: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentType {
    pub id: i64,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub display_name: Option<String>,
    /// Of the account that it books to.
    #[serde(default)]
    pub currency_code: Option<String>,
}

/// A country or a currency.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coded {
    pub id: i64,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub iso_alpha2_code: Option<String>,
}
