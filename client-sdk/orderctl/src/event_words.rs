//! Events in words: what changed, on one line.

use order_sdk::proto;

use crate::amounts::money;
use crate::labels::Label;
use crate::session::last_part;
use crate::times::local;

/// What an event changed, in words; its amounts are in the currency of its order.
#[expect(clippy::too_many_lines, reason = "a table: one entry per part of a change")]
pub(crate) fn change(event: &proto::Event, currency_code: &str) -> String {
    let amount = |minor| amount(minor, currency_code);
    let Some(change) = &event.change else { return String::new() };
    let mut parts = Vec::new();
    match (last_part(&change.from_status), last_part(&change.to_status)) {
        ("", "") => {}
        ("", to) => parts.push(format!("to {to}")),
        (from, "") => parts.push(format!("from {from}")),
        (from, to) => parts.push(format!("{from} to {to}")),
    }
    if let Some(operation) = &change.operation {
        let words = operation_words(operation, currency_code);
        let is_late = event.kind() == proto::EventKind::Noop;
        parts.push(if is_late { format!("not applied: {words}") } else { words });
    }
    if let Some(mail) = &change.mail {
        let kind = mail.kind().label().to_lowercase().replace('_', " ");
        parts.push(format!("mail {} ({kind}): {}", mail.id, mail.state().label()));
    }
    if let Some(transfer) = &change.accounting_transfer {
        let (form, state) = (transfer.form().label().to_lowercase(), transfer.state().label());
        let integration = last_part(&transfer.integration);
        parts.push(format!("transfer {} to {integration} as {form}: {state}", transfer.id));
    }
    if let Some(label) = &change.label {
        parts.push(label_words(label));
    }
    if change.note_id != 0 {
        parts.push(format!("note {}", change.note_id));
    }
    if change.payment_id != 0 {
        parts.push(format!("payment {}", change.payment_id));
    }
    if let Some(told) = &change.reconciliation {
        parts.push(reconciliation_words(told, currency_code));
    }
    if change.expire_time.is_some() {
        parts.push(format!("expires {}", local(change.expire_time.as_ref())));
    }
    // Refunds name the credit order that they pay out; what was credited is told once.
    if event.kind() == proto::EventKind::OrderCredited {
        parts.push(format!("{} credited", amount(change.to_gross_minor)));
    }
    if change.quantity != 0 {
        parts.push(format!("{:+} units", change.quantity));
    }
    if change.line_id != 0 {
        parts.push(format!("line {}", change.line_id));
    }
    if change.delivery_id != 0 {
        parts.push(format!("delivery {}", change.delivery_id));
    }
    for (title, value) in [
        ("on ", change.date.as_str()),
        ("sku ", change.sku.as_str()),
        ("", change.problem_code.as_str()),
        ("credit order ", last_part(&change.credit_order)),
        (pair_words(event.kind()), last_part(&change.other_order)),
        ("status ", last_part(&change.status)),
        ("integration ", last_part(&change.integration)),
    ] {
        if !value.is_empty() {
            parts.push(format!("{title}{value}"));
        }
    }
    if change.resolution() != proto::DuplicateResolution::Unspecified {
        parts.push(change.resolution().label().to_owned());
    }
    parts.extend(change.lines.iter().map(|line| line_words(line, currency_code)));
    if change.from_gross_minor != change.to_gross_minor && change.credit_order.is_empty() {
        let (from, to) = (amount(change.from_gross_minor), amount(change.to_gross_minor));
        parts.push(format!("total {from} to {to}"));
    }
    parts.extend(change.fields.iter().cloned());
    if change.has_reason {
        parts.push("with a reason among the notes".to_owned());
    }
    parts.join(", ")
}

/// An amount of an order, or as it stands in the event where its currency is not known.
fn amount(minor: i64, currency_code: &str) -> String {
    match currency_code {
        "" => format!("{minor} minor units"),
        code => money(minor, code),
    }
}

/// How the order and the other one belong together.
fn pair_words(kind: proto::EventKind) -> &'static str {
    match kind {
        proto::EventKind::ResolutionRequested | proto::EventKind::ResolutionDropped => {
            "together with order "
        }
        _ => "like order ",
    }
}

/// `line 2: 3 to 1 units`, `line 3 added: 1 units at 99.00 NOK`.
fn line_words(change: &proto::LineChange, currency_code: &str) -> String {
    let id = change.line_id;
    let price = |minor| amount(minor, currency_code);
    match (change.from_quantity, change.to_quantity) {
        (0, to) => {
            format!("line {id} added: {to} units at {}", price(change.to_unit_price_minor))
        }
        (_, 0) => format!("line {id} removed"),
        (from, to) => {
            let (was, is) = (change.from_unit_price_minor, change.to_unit_price_minor);
            let units = (from != to).then(|| format!("{from} to {to} units"));
            let price = (was != is).then(|| format!("price {} to {}", price(was), price(is)));
            let parts: Vec<String> = units.into_iter().chain(price).collect();
            format!("line {id}: {}", parts.join(", "))
        }
    }
}

/// `DIFFERS: CAPTURE_MISSING 9.00 NOK to 0.00 NOK`.
fn reconciliation_words(told: &proto::Reconciliation, currency_code: &str) -> String {
    let differences = told.differences.iter().map(|one| {
        let [ours, theirs] =
            [one.our_minor, one.provider_minor].map(|minor| amount(minor, currency_code));
        format!("{} {ours} to {theirs}", one.kind().label())
    });
    let differences: Vec<String> = differences.collect();
    let state = told.state().label();
    if differences.is_empty() {
        state.to_owned()
    } else {
        format!("{state}: {}", differences.join(", "))
    }
}

/// `label 57 of delivery 1: MADE`, `print of label 57 on 1093: PRINTED`.
fn label_words(label: &proto::Label) -> String {
    match (label.prints.first(), label.delivery_id) {
        (Some(print), _) => {
            let state = print.state().label();
            format!("print of label {} on {}: {state}", label.id, print.printer)
        }
        (None, 0) => format!("label {}: {}", label.id, label.state().label()),
        (None, delivery) => {
            format!("label {} of delivery {delivery}: {}", label.id, label.state().label())
        }
    }
}

fn operation_words(operation: &proto::Operation, currency_code: &str) -> String {
    let kind = operation.kind().label().to_lowercase().replace('_', " ");
    let mut words = format!("{kind} of {}", amount(operation.amount_minor, currency_code));
    if operation.state() != proto::OperationState::Unspecified {
        words.push_str(&format!(": {}", operation.state().label()));
    }
    if !operation.provider_reason.is_empty() {
        words.push_str(&format!(" ({})", operation.provider_reason));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table: one entry per part of a change")]
    fn a_change_is_told_by_the_fields_that_are_set() {
        let told = |change| change_of(change);
        let status = |from: &str, to: &str| proto::EventChange {
            from_status: format!("shops/a/orderStatuses/{from}"),
            to_status: format!("shops/a/orderStatuses/{to}"),
            ..Default::default()
        };
        assert_eq!(told(status("new", "sent")), "new to sent");
        let taken = proto::EventChange { quantity: -2, line_id: 1, ..Default::default() };
        assert_eq!(told(taken), "-2 units, line 1");
        let credited = proto::EventChange {
            credit_order: "shops/a/orders/1043".to_owned(),
            to_gross_minor: 9_900,
            ..Default::default()
        };
        let credited = proto::Event {
            kind: proto::EventKind::OrderCredited.into(),
            change: Some(credited),
            ..Default::default()
        };
        assert_eq!(change(&credited, "NOK"), "99.00 NOK credited, credit order 1043");
        let refund = proto::Operation {
            kind: proto::OperationKind::Refund.into(),
            state: proto::OperationState::Succeeded.into(),
            amount_minor: 9_900,
            ..Default::default()
        };
        let refunded = proto::EventChange {
            operation: Some(refund),
            payment_id: 7,
            credit_order: "shops/a/orders/1043".to_owned(),
            ..Default::default()
        };
        let words = "refund of 99.00 NOK: SUCCEEDED, payment 7, credit order 1043";
        assert_eq!(told(refunded), words);
        let operation = proto::Operation {
            kind: proto::OperationKind::UpdateAmount.into(),
            state: proto::OperationState::Declined.into(),
            amount_minor: 500,
            provider_reason: "gone".to_owned(),
            ..Default::default()
        };
        let resolved =
            proto::EventChange { operation: Some(operation), payment_id: 7, ..Default::default() };
        let late = proto::Event {
            kind: proto::EventKind::Noop.into(),
            change: Some(resolved.clone()),
            ..Default::default()
        };
        let words = "update amount of 5.00 NOK: DECLINED (gone), payment 7";
        assert_eq!(told(resolved), words);
        assert_eq!(change(&late, "NOK"), format!("not applied: {words}"));
        let arrived = proto::EventChange {
            delivery_id: 2,
            date: "2026-11-25".to_owned(),
            ..Default::default()
        };
        assert_eq!(told(arrived), "delivery 2, on 2026-11-25");
        let line = |line_id, from_quantity, to_quantity| proto::LineChange {
            line_id,
            from_quantity,
            to_quantity,
            from_unit_price_minor: 100,
            to_unit_price_minor: if to_quantity == 2 { 50 } else { 100 },
            ..Default::default()
        };
        let edited = proto::EventChange {
            lines: vec![line(1, 3, 2), line(2, 1, 0), line(3, 0, 1)],
            from_gross_minor: 400,
            to_gross_minor: 200,
            ..Default::default()
        };
        assert_eq!(
            told(edited),
            "line 1: 3 to 2 units, price 1.00 NOK to 0.50 NOK, line 2 removed, \
             line 3 added: 1 units at 1.00 NOK, total 4.00 NOK to 2.00 NOK"
        );
        let difference = proto::Difference {
            kind: proto::DifferenceKind::CaptureMissing.into(),
            our_minor: 900,
            ..Default::default()
        };
        let reconciliation = proto::Reconciliation {
            state: proto::ReconciliationState::Differs.into(),
            differences: vec![difference],
        };
        let reconciled =
            proto::EventChange { reconciliation: Some(reconciliation), ..Default::default() };
        assert_eq!(told(reconciled), "DIFFERS: CAPTURE_MISSING 9.00 NOK to 0.00 NOK");
        let label = proto::Label {
            id: 57,
            delivery_id: 1,
            state: proto::LabelState::Made.into(),
            ..Default::default()
        };
        let made = proto::EventChange { label: Some(label.clone()), ..Default::default() };
        assert_eq!(told(made), "label 57 of delivery 1: MADE");
        let print = proto::LabelPrint {
            printer: "1093".to_owned(),
            state: proto::LabelPrintState::Printed.into(),
            ..Default::default()
        };
        let printed = proto::Label { prints: vec![print], ..label };
        let printed = proto::EventChange { label: Some(printed), ..Default::default() };
        assert_eq!(told(printed), "print of label 57 on 1093: PRINTED");
        assert_eq!(told(proto::EventChange::default()), "");
    }

    fn change_of(changed: proto::EventChange) -> String {
        change(&proto::Event { change: Some(changed), ..Default::default() }, "NOK")
    }
}
