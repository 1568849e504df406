//! The columns of a CSV export: their names never change, and new ones come last.

use order_sdk::proto;

use crate::amounts::amount;
use crate::labels::label;
use crate::session::last_part;

/// A column by its name.
pub(super) struct Column {
    pub(super) name: &'static str,
    of: Of,
}

enum Of {
    /// A text that somebody wrote.
    Text(fn(&proto::Order) -> String),
    /// A number, a time or a term of ours.
    Plain(fn(&proto::Order) -> String),
    LineText(fn(&proto::Line) -> String),
    LinePlain(fn(&proto::Line, &str) -> String),
}

/// What a spreadsheet takes a cell for a formula by.
const FORMULA_BEGINS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

const fn text(name: &'static str, of: fn(&proto::Order) -> String) -> Column {
    Column { name, of: Of::Text(of) }
}

const fn plain(name: &'static str, of: fn(&proto::Order) -> String) -> Column {
    Column { name, of: Of::Plain(of) }
}

const fn line(name: &'static str, of: fn(&proto::Line, &str) -> String) -> Column {
    Column { name, of: Of::LinePlain(of) }
}

static ALL: [Column; 59] = [
    plain("number", |order| order.number.to_string()),
    plain("kind", |order| label::<proto::OrderKind>(order.kind)),
    plain("status", |order| last_part(&order.status).to_owned()),
    plain("status_tag", |order| label::<proto::StatusTag>(order.status_tag)),
    plain("pending_status", |order| {
        let pending = order.pending_status_change.as_ref();
        pending.map(|pending| last_part(&pending.status).to_owned()).unwrap_or_default()
    }),
    plain("create_time", |order| time(order.create_time)),
    plain("update_time", |order| time(order.update_time)),
    plain("complete_time", |order| time(order.complete_time)),
    plain("cancel_time", |order| time(order.cancel_time)),
    plain("delete_time", |order| time(order.delete_time)),
    plain("currency", |order| order.currency_code.clone()),
    plain("net", |order| total(order, |totals| totals.net_minor)),
    plain("vat", |order| total(order, |totals| totals.vat_minor)),
    plain("gross", |order| total(order, |totals| totals.gross_minor)),
    plain("discount", |order| total(order, |totals| totals.discount_minor)),
    plain("payment_state", |order| label::<proto::PaymentState>(order.payment_state)),
    plain("delivery_state", |order| label::<proto::DeliveryState>(order.delivery_state)),
    text("payments", |order| {
        joined(order.payments.iter().map(|one| format!("{}:{}", one.provider, one.reference)))
    }),
    plain("problems", |order| joined(order.problems.iter().map(|one| one.code.clone()))),
    text("external_reference", |order| order.external_reference.clone()),
    plain("language", |order| order.language_code.clone()),
    plain("original_order", |order| last_part(&order.original_order).to_owned()),
    plain("credit_number", |order| present(order.credit_number)),
    plain("credit_orders", |order| {
        joined(order.credit_orders.iter().map(|name| last_part(name).to_owned()))
    }),
    text("customer_id", |order| customer(order).id),
    text("customer_name", |order| customer(order).full_name),
    text("customer_email", |order| customer(order).email),
    text("customer_phone", |order| customer(order).phone),
    text("customer_organization_number", |order| customer(order).organization_number),
    text("billing_recipient", |order| billing(order).recipient),
    text("billing_organization", |order| billing(order).organization),
    text("billing_lines", |order| joined(billing(order).lines)),
    text("billing_postal_code", |order| billing(order).postal_code),
    text("billing_city", |order| billing(order).city),
    text("billing_region", |order| billing(order).region_code),
    text("shipping_recipient", |order| shipping(order).recipient),
    text("shipping_organization", |order| shipping(order).organization),
    text("shipping_lines", |order| joined(shipping(order).lines)),
    text("shipping_postal_code", |order| shipping(order).postal_code),
    text("shipping_city", |order| shipping(order).city),
    text("shipping_region", |order| shipping(order).region_code),
    text("metadata", |order| {
        joined(order.metadata.iter().map(|(key, value)| format!("{key}={value}")))
    }),
    line("line_id", |line, _| line.id.to_string()),
    line("line_kind", |line, _| label::<proto::LineKind>(line.kind)),
    Column { name: "sku", of: Of::LineText(|line| line.sku.clone()) },
    Column { name: "title", of: Of::LineText(|line| line.title.clone()) },
    line("quantity", |line, _| line.quantity.to_string()),
    line("unit_price", |line, currency| amount(line.unit_price_minor, currency)),
    line("line_discount", |line, currency| amount(line.discount_minor, currency)),
    line("vat_rate", |line, _| percent(line.vat_rate_bp)),
    line("line_net", |line, currency| amount(line.net_minor, currency)),
    line("line_vat", |line, currency| amount(line.vat_minor, currency)),
    line("line_gross", |line, currency| amount(line.gross_minor, currency)),
    line("delivered_quantity", |line, _| line.delivered_quantity.to_string()),
    line("captured_quantity", |line, _| line.captured_quantity.to_string()),
    line("credited_quantity", |line, _| line.credited_quantity.to_string()),
    line("credited_gross", |line, currency| amount(line.credited_gross_minor, currency)),
    line("original_line_id", |line, _| present(line.original_line_id.into())),
    // Whether prices and discounts include VAT.
    plain("price_basis", |order| label::<proto::PriceBasis>(order.price_basis)),
];

/// The columns of these names, or all that fit.
pub(super) fn chosen(names: &[String], is_by_line: bool) -> Result<Vec<&'static Column>, String> {
    let fitting = || ALL.iter().filter(move |column| is_by_line || !column.is_of_line());
    if names.is_empty() {
        return Ok(fitting().collect());
    }
    let find = |name: &String| {
        fitting().find(|column| column.name == name.trim()).ok_or_else(|| {
            let there: Vec<&str> = fitting().map(|column| column.name).collect();
            format!("no column is called {name:?}; there are: {}", there.join(", "))
        })
    };
    names.iter().map(find).collect()
}

impl Column {
    fn is_of_line(&self) -> bool {
        matches!(self.of, Of::LineText(_) | Of::LinePlain(_))
    }

    pub(super) fn cell(&self, order: &proto::Order, line: Option<&proto::Line>) -> String {
        match (&self.of, line) {
            (Of::Text(of), _) => no_formula(of(order)),
            (Of::Plain(of), _) => of(order),
            (Of::LineText(of), Some(line)) => no_formula(of(line)),
            (Of::LinePlain(of), Some(line)) => of(line, &order.currency_code),
            (Of::LineText(_) | Of::LinePlain(_), None) => String::new(),
        }
    }
}

fn no_formula(text: String) -> String {
    if text.starts_with(FORMULA_BEGINS) { format!("'{text}") } else { text }
}

fn time(time: Option<prost_types::Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn total(order: &proto::Order, of: fn(&proto::Totals) -> i64) -> String {
    order.totals.as_ref().map(|totals| amount(of(totals), &order.currency_code)).unwrap_or_default()
}

fn customer(order: &proto::Order) -> proto::Customer {
    order.customer.clone().unwrap_or_default()
}

fn billing(order: &proto::Order) -> proto::Address {
    order.billing_address.clone().unwrap_or_default()
}

fn shipping(order: &proto::Order) -> proto::Address {
    order.shipping_address.clone().unwrap_or_default()
}

fn present(number: i64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

fn percent(basis_points: i32) -> String {
    format!("{}.{:02}", basis_points / 100, basis_points % 100)
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_taken_for_a_formula_and_no_number_is_changed() {
        let order = proto::Order {
            number: 7,
            currency_code: "NOK".to_owned(),
            price_basis: proto::PriceBasis::Net.into(),
            totals: Some(proto::Totals { gross_minor: -12_50, ..Default::default() }),
            customer: Some(proto::Customer {
                full_name: "=HYPERLINK(\"x\")".to_owned(),
                phone: "+47 1".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let line = proto::Line { sku: "@SUM(A1)".to_owned(), ..Default::default() };
        let cell = |name: &str| {
            let columns = chosen(&[name.to_owned()], true).expect("a column");
            columns.iter().map(|column| column.cell(&order, Some(&line))).collect::<String>()
        };
        assert_eq!(cell("customer_name"), "'=HYPERLINK(\"x\")");
        assert_eq!(cell("customer_phone"), "'+47 1");
        assert_eq!(cell("sku"), "'@SUM(A1)");
        assert_eq!(cell("gross"), "-12.50");
        assert_eq!(cell("number"), "7");
        assert_eq!(cell("price_basis"), "NET");
    }

    #[test]
    fn columns_are_unique_and_those_of_lines_need_lines() {
        let names: std::collections::BTreeSet<&str> =
            ALL.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(chosen(&["sku".to_owned()], false).is_err());
        assert!(chosen(&["sku".to_owned()], true).is_ok());
        let told = chosen(&["colour".to_owned()], false).err().expect("no such column");
        assert!(told.contains("customer_email") && !told.contains("line_vat"), "{told}");
    }
}
