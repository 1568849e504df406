//! Events in words: what changed, on one line.

use order_sdk::proto;

use crate::labels::Label;
use crate::session::last_part;

/// What an event changed, in words.
pub(crate) fn change(event: &proto::Event) -> String {
    let Some(change) = &event.change else { return String::new() };
    let mut parts = Vec::new();
    match (last_part(&change.from_status), last_part(&change.to_status)) {
        ("", "") => {}
        ("", to) => parts.push(format!("to {to}")),
        (from, "") => parts.push(format!("from {from}")),
        (from, to) => parts.push(format!("{from} to {to}")),
    }
    if let Some(operation) = &change.operation {
        parts.push(operation_words(operation));
    }
    if change.payment_id != 0 {
        parts.push(format!("payment {}", change.payment_id));
    }
    if change.to_gross_minor != change.from_gross_minor {
        parts.push(gross_words(change));
    }
    if change.quantity != 0 {
        parts.push(format!("{:+} units", change.quantity));
    }
    if change.line_id != 0 {
        parts.push(format!("line {}", change.line_id));
    }
    for (title, value) in [
        ("sku ", change.sku.as_str()),
        ("", change.problem_code.as_str()),
        ("credit order ", last_part(&change.credit_order)),
        ("like order ", last_part(&change.other_order)),
        ("status ", last_part(&change.status)),
    ] {
        if !value.is_empty() {
            parts.push(format!("{title}{value}"));
        }
    }
    parts.extend(change.fields.iter().cloned());
    if change.has_reason {
        parts.push("with a reason among the notes".to_owned());
    }
    parts.join(", ")
}

/// An edit moves the total; a credit has an amount of its own.
fn gross_words(change: &proto::EventChange) -> String {
    let proto::EventChange { from_gross_minor, to_gross_minor, .. } = change;
    match change.credit_order.is_empty() {
        true => format!("total {from_gross_minor} to {to_gross_minor} minor units"),
        false => format!("{to_gross_minor} minor units credited"),
    }
}

fn operation_words(operation: &proto::Operation) -> String {
    let kind = operation.kind().label().to_lowercase().replace('_', " ");
    // An event does not say the currency: minor units, as they stand in it.
    let mut words = format!("{kind} of {} minor units", operation.amount_minor);
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
        assert_eq!(told(credited), "9900 minor units credited, credit order 1043");
        let operation = proto::Operation {
            kind: proto::OperationKind::UpdateAmount.into(),
            state: proto::OperationState::Declined.into(),
            amount_minor: 500,
            provider_reason: "gone".to_owned(),
            ..Default::default()
        };
        let resolved =
            proto::EventChange { operation: Some(operation), payment_id: 7, ..Default::default() };
        assert_eq!(told(resolved), "update amount of 500 minor units: DECLINED (gone), payment 7");
        assert_eq!(told(proto::EventChange::default()), "");
    }

    fn change_of(changed: proto::EventChange) -> String {
        change(&proto::Event { change: Some(changed), ..Default::default() })
    }
}
