//! What a change did or would do: the order after it, and where its money stands.

use order_sdk::proto;

use crate::amounts::money;
use crate::labels::{Label, label};
use crate::session::last_part;

/// One line about the order, then one per effect of the command.
pub(crate) fn outcome(
    order: &proto::Order,
    receipt: Option<&proto::Receipt>,
    is_dry_run: bool,
) -> String {
    let total = order.totals.as_ref().map_or(0, |totals| totals.gross_minor);
    let number = if order.number == 0 { "-".to_owned() } else { order.number.to_string() };
    let mut text = format!(
        "{number}  {}  payment {}  delivery {}  {}",
        last_part(&order.status),
        label::<proto::PaymentState>(order.payment_state),
        label::<proto::DeliveryState>(order.delivery_state),
        money(total, &order.currency_code),
    );
    if is_dry_run {
        text.push_str("  (dry run: nothing is stored)");
    } else if receipt.is_some_and(|receipt| receipt.replayed) {
        text.push_str("  (had been done before)");
    }
    let plan = receipt.map_or(&[][..], |receipt| receipt.plan.as_slice());
    for (place, effect) in plan.iter().enumerate() {
        let line = if effect.label() == proto::LabelWork::Unspecified {
            effect_line(order, effect, is_dry_run)
        } else {
            let rest = plan.iter().skip(place.saturating_add(1));
            let later = rest.filter(|other| other.label == effect.label).count();
            label_line(order, effect.label(), later, is_dry_run)
        };
        text.push_str(&format!("\n  {line}"));
    }
    // A dry run has the whole plan.
    let later = if is_dry_run { Vec::new() } else { followed(order, plan) };
    for line in later {
        text.push_str(&format!("\n  {line}"));
    }
    let also = if is_dry_run { "would also change" } else { "also changed" };
    for other in receipt.map_or(&[][..], |receipt| receipt.other_orders.as_slice()) {
        text.push_str(&format!("\n  {also}: order {}", last_part(other)));
    }
    if !order.email_suggestion.is_empty() {
        text.push_str(&format!("\n  did the customer mean {}?", order.email_suggestion));
    }
    text
}

/// `capture 1249.50 NOK on klarna abc: SUCCEEDED`.
fn effect_line(order: &proto::Order, effect: &proto::PlannedEffect, is_dry_run: bool) -> String {
    if effect.mail() != proto::MailKind::Unspecified {
        return mail_line(order, effect, is_dry_run);
    }
    if effect.transfer() != proto::TransferForm::Unspecified {
        return transfer_line(order, effect, is_dry_run);
    }
    let sum = money(effect.amount_minor, &order.currency_code);
    let line = moved(effect.kind(), &sum, &effect.provider, &effect.reference);
    let line = if effect.by_hand { format!("{line}, by hand") } else { line };
    if is_dry_run {
        return format!("would {line}");
    }
    match operation(order, effect) {
        Some(operation) => format!("{line}: {}", came_to(operation)),
        None => line,
    }
}

/// What was asked for after the plan, as one effect led to the next: the capture of another payment, and
/// what gives the rest of a reservation back.
fn followed(order: &proto::Order, plan: &[proto::PlannedEffect]) -> Vec<String> {
    let planned = plan.iter().filter_map(|effect| operation(order, effect));
    let planned: Vec<i64> = planned.map(|operation| operation.id).collect();
    let Some(first) = planned.iter().min() else { return Vec::new() };
    let ledger = order
        .payments
        .iter()
        .flat_map(|payment| payment.operations.iter().map(move |operation| (payment, operation)));
    let is_later = |one: &proto::Operation| {
        one.id > *first
            && one.kind() != proto::OperationKind::Authorize
            && !planned.contains(&one.id)
    };
    let mut later: Vec<_> = ledger.filter(|(_, one)| is_later(one)).collect();
    later.sort_by_key(|(_, operation)| operation.id);
    let line = |(payment, operation): (&proto::Payment, &proto::Operation)| {
        let sum = money(operation.amount_minor, &order.currency_code);
        let line = moved(operation.kind(), &sum, &payment.provider, &payment.reference);
        format!("{line}: {}", came_to(operation))
    };
    later.into_iter().map(line).collect()
}

/// `capture 1249.50 NOK on klarna abc`.
fn moved(kind: proto::OperationKind, sum: &str, provider: &str, reference: &str) -> String {
    let what = kind.label().to_lowercase().replace('_', " ");
    format!("{what} {sum} on {provider} {reference}").trim_end().to_owned()
}

/// `DECLINED (no money)`.
fn came_to(operation: &proto::Operation) -> String {
    let state = operation.state().label();
    match operation.provider_reason.as_str() {
        "" => state.to_owned(),
        reason => format!("{state} ({reason})"),
    }
}

/// Whether it is not known yet what becomes of it.
pub(crate) fn is_under_way(operation: &proto::Operation) -> bool {
    use proto::OperationState::{Accepted, Pending, Sent, Unknown};
    matches!(operation.state(), Pending | Sent | Accepted | Unknown)
}

/// `mail to the customer: note, mail 57 PENDING`.
fn mail_line(order: &proto::Order, effect: &proto::PlannedEffect, is_dry_run: bool) -> String {
    let what = label::<proto::MailKind>(effect.mail).to_lowercase().replace('_', " ");
    if is_dry_run {
        return format!("would mail the customer: {what}");
    }
    let line = format!("mail to the customer: {what}");
    match order.mails.iter().rev().find(|mail| mail.kind == effect.mail) {
        Some(mail) => format!("{line}, mail {} {}", mail.id, mail.state().label()),
        None => line,
    }
}

/// `hand over to tripletex as invoice, 300.00 NOK: transfer 57 SUCCEEDED, order 1001, invoice 7`.
fn transfer_line(order: &proto::Order, effect: &proto::PlannedEffect, is_dry_run: bool) -> String {
    let form = label::<proto::TransferForm>(effect.transfer).to_lowercase();
    let sum = money(effect.amount_minor, &order.currency_code);
    let line = format!("hand over to {} as {form}, {sum}", effect.provider);
    if is_dry_run {
        return format!("would {line}");
    }
    let mut own = order.accounting_transfers.iter().rev();
    let Some(transfer) = own.find(|one| one.form == effect.transfer) else { return line };
    let parts = [
        format!("{line}: transfer {} {}", transfer.id, transfer.state().label()),
        booked(transfer),
        transfer.provider_reason.clone(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What it is there: `order 1001, invoice 7`.
pub(crate) fn booked(transfer: &proto::AccountingTransfer) -> String {
    let numbers = [
        ("order", &transfer.external_order_number),
        ("invoice", &transfer.external_invoice_number),
    ];
    let known = numbers.iter().filter(|(_, number)| !number.is_empty());
    known.map(|(what, number)| format!("{what} {number}")).collect::<Vec<_>>().join(", ")
}

/// What became of a label or a print that the plan has, and `later` of its kind after it: the numbers of
/// what a command asks for go up.
fn label_line(
    order: &proto::Order,
    work: proto::LabelWork,
    later: usize,
    is_dry_run: bool,
) -> String {
    let is_print = work == proto::LabelWork::Print;
    if is_dry_run {
        return if is_print { "would print a label" } else { "would make a label" }.to_owned();
    }
    if is_print {
        let labels = order.labels.iter();
        let prints = labels.flat_map(|label| label.prints.iter().map(move |one| (label.id, one)));
        let mut prints: Vec<(i64, &proto::LabelPrint)> = prints.collect();
        prints.sort_by_key(|(_, print)| print.id);
        let line = |(label, print): &(i64, &proto::LabelPrint)| {
            format!("print of label {label} on {}: {}", print.printer, print.state().label())
        };
        return prints.iter().rev().nth(later).map_or_else(|| "print of a label".to_owned(), line);
    }
    let mut labels: Vec<&proto::Label> = order.labels.iter().collect();
    labels.sort_by_key(|label| label.id);
    labels.into_iter().rev().nth(later).map_or_else(|| "label".to_owned(), made)
}

/// `label 57: MADE`.
pub(super) fn made(label: &proto::Label) -> String {
    format!("label {}: {}", label.id, label.state().label())
}

/// The newest row of the ledger that carries the effect out.
fn operation<'a>(
    order: &'a proto::Order,
    effect: &proto::PlannedEffect,
) -> Option<&'a proto::Operation> {
    let payment = order.payments.iter().find(|payment| payment.id == effect.payment_id)?;
    payment.operations.iter().rev().find(|operation| {
        operation.kind == effect.kind && operation.amount_minor == effect.amount_minor
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_tells_what_became_of_each_effect() {
        let operation = |state: proto::OperationState, reason: &str| proto::Operation {
            kind: proto::OperationKind::Capture.into(),
            state: state.into(),
            amount_minor: 124_950,
            provider_reason: reason.to_owned(),
            ..Default::default()
        };
        let order = |operation| proto::Order {
            number: 1001,
            status: "shops/default/orderStatuses/sent".to_owned(),
            currency_code: "NOK".to_owned(),
            payment_state: proto::PaymentState::Captured.into(),
            delivery_state: proto::DeliveryState::Delivered.into(),
            totals: Some(proto::Totals { gross_minor: 124_950, ..Default::default() }),
            payments: vec![proto::Payment {
                id: 7,
                operations: vec![operation],
                ..Default::default()
            }],
            ..Default::default()
        };
        let effect = proto::PlannedEffect {
            kind: proto::OperationKind::Capture.into(),
            payment_id: 7,
            provider: "klarna".to_owned(),
            reference: "abc".to_owned(),
            amount_minor: 124_950,
            ..Default::default()
        };
        let receipt = proto::Receipt { plan: vec![effect], replayed: true, ..Default::default() };
        let done = order(operation(proto::OperationState::Succeeded, ""));
        assert_eq!(
            outcome(&done, Some(&receipt), false),
            "1001  sent  payment CAPTURED  delivery DELIVERED  1249.50 NOK  (had been done before)\n  \
             capture 1249.50 NOK on klarna abc: SUCCEEDED"
        );
        assert!(
            outcome(&done, Some(&receipt), true)
                .ends_with("would capture 1249.50 NOK on klarna abc")
        );
        let declined = order(operation(proto::OperationState::Declined, "no money"));
        assert!(outcome(&declined, Some(&receipt), false).ends_with("DECLINED (no money)"));
    }

    #[test]
    fn the_labels_and_prints_of_the_plan_are_told_and_not_those_before() {
        use proto::LabelPrintState::{Declined, Printed};
        use proto::LabelWork::{Make, Print};
        let print = |id, printer: &str, state: proto::LabelPrintState| proto::LabelPrint {
            id,
            printer: printer.to_owned(),
            state: state.into(),
            ..Default::default()
        };
        let label = |id, prints| proto::Label {
            id,
            state: proto::LabelState::Made.into(),
            prints,
            ..Default::default()
        };
        let told = |labels: Vec<proto::Label>, works: &[proto::LabelWork]| -> Vec<String> {
            let effect = |work: &proto::LabelWork| proto::PlannedEffect {
                label: (*work).into(),
                ..Default::default()
            };
            let plan = works.iter().map(effect).collect();
            let order = proto::Order { labels, ..Default::default() };
            let receipt = proto::Receipt { plan, ..Default::default() };
            let told = outcome(&order, Some(&receipt), false);
            told.lines().skip(1).map(|line| line.trim().to_owned()).collect()
        };
        let first = label(160, vec![print(161, "1093", Printed), print(164, "9999", Declined)]);
        let second = label(162, vec![print(163, "1093", Printed)]);
        let labels = vec![first, second];
        assert_eq!(told(labels.clone(), &[Print]), ["print of label 160 on 9999: DECLINED"]);
        assert_eq!(
            told(labels, &[Make, Print, Make, Print]),
            [
                "label 160: MADE",
                "print of label 162 on 1093: PRINTED",
                "label 162: MADE",
                "print of label 160 on 9999: DECLINED",
            ]
        );
        assert_eq!(told(Vec::new(), &[Make, Print]), ["label", "print of a label"]);
    }

    #[test]
    fn what_followed_from_the_plan_is_told_too_each_on_its_line() {
        use proto::OperationKind::{Authorize, Capture, Release};
        use proto::OperationState::{Pending, Succeeded};
        let operation = |id, kind: proto::OperationKind, state: proto::OperationState, minor| {
            proto::Operation {
                id,
                kind: kind.into(),
                state: state.into(),
                amount_minor: minor,
                ..Default::default()
            }
        };
        let payment = |id, provider: &str, operations| proto::Payment {
            id,
            provider: provider.to_owned(),
            reference: "abc".to_owned(),
            operations,
            ..Default::default()
        };
        let (first, second) = (
            vec![
                operation(3, Authorize, Succeeded, 500),
                operation(7, Capture, Succeeded, 400),
                operation(9, Release, Pending, 100),
            ],
            vec![operation(4, Authorize, Succeeded, 250), operation(8, Capture, Succeeded, 250)],
        );
        let order = proto::Order {
            currency_code: "NOK".to_owned(),
            payments: vec![payment(1, "klarna", first), payment(2, "vipps", second)],
            ..Default::default()
        };
        let effect = proto::PlannedEffect {
            kind: Capture.into(),
            payment_id: 1,
            provider: "klarna".to_owned(),
            reference: "abc".to_owned(),
            amount_minor: 400,
            ..Default::default()
        };
        let receipt = proto::Receipt { plan: vec![effect], ..Default::default() };
        let told = outcome(&order, Some(&receipt), false);
        let lines: Vec<&str> = told.lines().skip(1).map(str::trim).collect();
        let wanted = [
            "capture 4.00 NOK on klarna abc: SUCCEEDED",
            "capture 2.50 NOK on vipps abc: SUCCEEDED",
            "release 1.00 NOK on klarna abc: PENDING",
        ];
        assert_eq!(lines, wanted);
        let asked = outcome(&order, Some(&receipt), true);
        assert_eq!(asked.lines().count(), 2, "nothing has followed yet: {asked}");
        assert_eq!(outcome(&order, None, false).lines().count(), 1, "a repeat has no plan");
    }
}
