//! Lines as Klarna wants them: total is quantity times unit price, tax included, and all of them
//! make up the amount of the operation, or none are sent.

use order_rules::order::LineKind;
use serde_json::{Value, json};

use crate::providers::{Call, CallLine};

const LINES_MAX: usize = 1_000;
const NAME_CHARACTERS_MAX: usize = 255;

/// The order as it will be.
pub(super) fn of_order(call: &Call) -> Option<Value> {
    lines(call, |line| match line.kind {
        LineKind::Goods => "physical",
        LineKind::Shipping => "shipping_fee",
        LineKind::Fee => "surcharge",
    })
}

/// What is paid back, less its fees.
pub(super) fn of_refund(call: &Call) -> Option<Value> {
    lines(call, |line| match line.kind {
        LineKind::Goods => "physical",
        LineKind::Shipping => "shipping_fee",
        LineKind::Fee if line.gross_minor < 0 => "return_fee",
        LineKind::Fee => "surcharge",
    })
}

/// Whether a refund is less by a fee.
pub(super) fn has_fees(lines: &[CallLine]) -> bool {
    lines.iter().any(|line| line.kind == LineKind::Fee && line.gross_minor < 0)
}

fn lines(call: &Call, kind: impl Fn(&CallLine) -> &'static str) -> Option<Value> {
    let sum = call.lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.gross_minor))?;
    if call.lines.is_empty() || call.lines.len() > LINES_MAX || sum != call.amount_minor {
        return None;
    }
    Some(call.lines.iter().map(|line| written(line, kind(line))).collect())
}

fn written(line: &CallLine, kind: &str) -> Value {
    // A price that does not divide is told as one of it all: the total is what counts.
    let quantity = line.quantity.max(1);
    let (quantity, unit_price, title) = match line.gross_minor % quantity {
        0 => (quantity, line.gross_minor / quantity, line.title.clone()),
        _ => (1, line.gross_minor, format!("{} × {}", line.quantity, line.title)),
    };
    let mut written = json!({
        "type": kind,
        "name": title.chars().take(NAME_CHARACTERS_MAX).collect::<String>(),
        "quantity": quantity,
        "unit_price": unit_price,
        "tax_rate": line.vat_rate_bp,
        "total_amount": line.gross_minor,
        "total_tax_amount": line.vat_minor,
    });
    if let (Some(written), false) = (written.as_object_mut(), line.sku.is_empty()) {
        let sku: String = line.sku.chars().take(NAME_CHARACTERS_MAX).collect();
        written.insert("reference".to_owned(), sku.into());
    }
    written
}
