//! What is found and how it is shown: pages of objects, and objects in envelopes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::currencies::code_of;
use super::decimals::Decimal;
use super::id_of;
use super::invoices::PAYMENT_TYPES;
use super::orders::VAT_TYPES;
use super::refusals::{NULL, Refused};
use super::rows::{self, Row, Rows, decimal, id_in, text};
use crate::fakes::call::{Answer, Call};

const COUNT: usize = 1_000;

/// Both ends of a span of days; its end is not in it.
pub(super) fn range(call: &Call, field: &str) -> Result<(String, String), Refused> {
    let ends = [format!("{field}From"), format!("{field}To")];
    let missing = ends.iter().filter(|name| call.parameter(name).is_none_or(|end| end.is_empty()));
    let wrong: Vec<_> = missing.map(|name| (name.clone(), NULL.to_owned())).collect();
    if !wrong.is_empty() {
        return Err(Refused::invalid(wrong));
    }
    let [from, to] = ends.map(|name| call.parameter(&name).unwrap_or_default());
    Ok((from, to))
}

pub(super) fn is_within(row: &Row, field: &str, (from, to): &(String, String)) -> bool {
    let date = text(row, field);
    from.as_str() <= date && date < to.as_str()
}

pub(super) fn is_order_asked(call: &Call, row: &Row, range: &(String, String)) -> bool {
    let is = |name: &str, value: &str| call.asked(name).is_none_or(|asked| asked == value);
    let comment = call.asked("deliveryComment");
    is_within(row, "orderDate", range)
        && is("number", text(row, "number"))
        && is("customerId", &id_in(row, "customer").unwrap_or_default().to_string())
        && is("isClosed", &rows::is_set(row, "isClosed").to_string())
        && comment.is_none_or(|part| text(row, "deliveryComment").contains(part))
}

pub(super) fn is_customer_asked(call: &Call, row: &Row) -> bool {
    let is = |name: &str, value: &str| {
        call.asked(name).is_none_or(|asked| asked.eq_ignore_ascii_case(value))
    };
    let number = rows::integer(row, "customerNumber").unwrap_or_default();
    let name = call.asked("customerName").unwrap_or_default().to_lowercase();
    is("email", text(row, "email"))
        && is("invoiceEmail", text(row, "invoiceEmail"))
        && is("organizationNumber", text(row, "organizationNumber"))
        && is("customerAccountNumber", &number.to_string())
        && text(row, "name").to_lowercase().contains(&name)
}

pub(super) fn vat_types() -> Vec<Value> {
    let shown = |(id, name, percentage): &(i64, &str, i64)| {
        json!({ "id": id, "version": 0, "name": name, "number": id.to_string(),
                "percentage": percentage, "url": format!("tripletex.no/v2/ledger/vatType/{id}") })
    };
    VAT_TYPES.iter().map(shown).collect()
}

pub(super) fn payment_types() -> Vec<Value> {
    let shown = |(id, description, currency): &(i64, &str, i64)| {
        json!({ "id": id, "version": 0, "description": description, "displayName": description,
                "currencyId": currency, "currencyCode": code_of(*currency),
                "url": format!("tripletex.no/v2/invoice/paymentType/{id}") })
    };
    PAYMENT_TYPES.iter().map(shown).collect()
}

pub(super) fn coded(call: &Call, all: &[(i64, &str)], field: &str) -> Vec<Value> {
    let asked = call.parameter("code");
    let found = all.iter().filter(|(_, code)| asked.as_ref().is_none_or(|asked| asked == code));
    found.map(|(id, code)| json!({ "id": id, "version": 0, field: code })).collect()
}

pub(super) fn values(found: impl Iterator<Item = Row>) -> Vec<Value> {
    found.map(Value::Object).collect()
}

pub(super) fn read(rows: &Rows, id: &str) -> Result<Answer, Refused> {
    Ok(one(200, &Value::Object(rows.get(id_of(id)?)?.clone())))
}

/// As it is told: lines are only named, unless their fields are asked for.
pub(super) fn shown(call: &Call, row: &Row) -> Value {
    let fields = call.parameter("fields").unwrap_or_default();
    let mut row = row.clone();
    if !fields.contains("orderLines(")
        && let Some(Value::Array(lines)) = row.get_mut("orderLines")
    {
        for line in lines {
            let id = line.get("id").cloned().unwrap_or_default();
            let url = format!("tripletex.no/v2/order/orderline/{id}");
            *line = json!({ "id": id, "url": url });
        }
    }
    Value::Object(row)
}

pub(super) fn gross_of(order: &Row) -> i64 {
    let lines = order.get("orderLines").and_then(Value::as_array);
    let lines = lines.into_iter().flatten().filter_map(Value::as_object);
    let gross: Decimal = lines.filter_map(|line| decimal(line, "amountIncludingVatCurrency")).sum();
    gross.minor()
}

pub(super) fn one(status: u16, value: &Value) -> Answer {
    Answer::json(status, &json!({ "value": value }))
}

pub(super) fn list(call: &Call, all: &[Value]) -> Answer {
    let number = |name, otherwise| {
        call.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (from, count): (usize, usize) = (number("from", 0), number("count", COUNT));
    let page: Vec<&Value> = all.iter().skip(from).take(count).collect();
    // Changes with what is shown.
    let digest = Sha256::digest(json!(page).to_string());
    let body = json!({
        "fullResultSize": all.len(), "from": from, "count": page.len(),
        "versionDigest": BASE64.encode(digest), "values": page,
    });
    Answer::json(200, &body)
}
