//! One order on paper: who, what, the money, the problems and what to do about them.

mod deliveries;
mod labels;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use order_sdk::proto;

use super::outcome::booked;
use super::troubles::made_out;
use crate::amounts::{amount, money, rate};
use crate::duplicates::pair;
use crate::labels::label;
use crate::session::{Session, last_part};
use crate::status_names::StatusNames;
use crate::tables::{facts, table};
use crate::times::local;

/// The order with the catalogue's pages about its problems; `captured` names the orders that have the
/// payment of this one already.
pub(super) fn order(
    session: &Session,
    names: &StatusNames,
    order: &proto::Order,
    (pages, captured): (&BTreeMap<String, proto::Refusal>, &BTreeSet<String>),
) -> String {
    let title = match order.kind() {
        proto::OrderKind::Credit => {
            let original = last_part(&order.original_order);
            format!("Credit order {} of {original}, credit {}", order.number, order.credit_number)
        }
        _ => format!("Order {}", order.number),
    };
    let mut sections = vec![
        format!("{}\n{}", session.output.heading(&title), summary(session, names, order)),
        lines(order),
        totals(order),
    ];
    sections.extend(deliveries::deliveries(order));
    sections.extend(labels::labels(order));
    sections.extend(order.payments.iter().map(|payment| payment_view(order, payment)));
    let duplicate = |link: &proto::DuplicateLink| pair(order, link, captured.contains(&link.order));
    sections.extend(order.duplicates.iter().map(duplicate));
    let number = order.number.to_string();
    let problem = |one: &proto::Problem| problem_view(session, &number, one, pages);
    sections.extend(order.problems.iter().map(problem));
    sections.extend(order.notes.iter().map(note));
    sections.extend(mails(order));
    sections.extend(transfers(order));
    let sections: Vec<&str> = sections.iter().map(|section| section.trim_end()).collect();
    sections.join("\n\n")
}

/// A problem of an order with what the catalogue says about it.
pub(crate) fn problem_view(
    session: &Session,
    order: &str,
    problem: &proto::Problem,
    pages: &BTreeMap<String, proto::Refusal>,
) -> String {
    let text = pages.get(&problem.code).and_then(|page| session.text_of(page));
    let title = text.map_or("", |text| text.title.as_str());
    let heading = session.output.alarm(&format!("Problem {}: {}", problem.code, title.trim()));
    let details: Vec<String> =
        problem.details.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let said = |text: &str| made_out(text.trim(), order, problem);
    let facts = facts(&[
        ("  Number", numbers(problem)),
        ("  Since", local(problem.open_time.as_ref())),
        ("  Details", details.join(", ")),
        ("  Cause", text.map(|text| said(&text.cause)).unwrap_or_default()),
        ("  Remedy", text.map(|text| said(&text.remedy)).unwrap_or_default()),
    ]);
    format!("{heading}\n{facts}")
}

/// What its commands name: the problem, and the operation it is about.
fn numbers(problem: &proto::Problem) -> String {
    match problem.operation_id {
        0 => problem.id.to_string(),
        operation => format!("{}, about operation {operation}", problem.id),
    }
}

fn summary(session: &Session, names: &StatusNames, order: &proto::Order) -> String {
    let language = session.language.code();
    let customer = order.customer.clone().unwrap_or_default();
    let metadata: Vec<String> =
        order.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let pending = order.pending_status_change.as_ref().map(|pending| {
        let status = names.title(&pending.status, language);
        format!("{status}, waits for money since {}", local(pending.request_time.as_ref()))
    });
    let credits = order.credit_orders.iter().map(|name| last_part(name).to_owned());
    let mut payment = label::<proto::PaymentState>(order.payment_state);
    if order.payment_needs_attention {
        payment.push_str(" (needs attention)");
    }
    let [arrived, form, deadline, withdrawn, refund] = deliveries::clocks(order);
    facts(&[
        ("Status", status(names, order, language)),
        ("Becomes", pending.unwrap_or_default()),
        ("Resolution", order.pending_resolution.as_ref().map(waiting).unwrap_or_default()),
        ("Payment", payment),
        ("Delivery", label::<proto::DeliveryState>(order.delivery_state)),
        ("Placed", local(order.create_time.as_ref())),
        ("Changed", local(order.update_time.as_ref())),
        ("Completed", local(order.complete_time.as_ref())),
        ("Cancelled", local(order.cancel_time.as_ref())),
        arrived,
        form,
        deadline,
        withdrawn,
        refund,
        ("Credit orders", joined(credits)),
        ("Deleted", local(order.delete_time.as_ref())),
        ("Reference", order.external_reference.clone()),
        ("Customer", person(&customer)),
        ("Did you mean", order.email_suggestion.clone()),
        ("Billing", order.billing_address.as_ref().map(address).unwrap_or_default()),
        ("Shipping", order.shipping_address.as_ref().map(address).unwrap_or_default()),
        ("Language", order.language_code.clone()),
        ("Metadata", metadata.join(", ")),
        ("Version", format!("revision {}, etag {}", order.revision, order.etag)),
    ])
}

/// `1001 is kept, 1002 dropped when it is captured; waits for money since …`.
fn waiting(resolution: &proto::PendingResolution) -> String {
    let drop: Vec<&str> = resolution.drop.iter().map(|name| last_part(name)).collect();
    format!(
        "{} is kept, {} dropped when it is captured; waits for money since {}",
        last_part(&resolution.keep),
        drop.join(" and "),
        local(resolution.request_time.as_ref())
    )
}

fn status(names: &StatusNames, order: &proto::Order, language: &str) -> String {
    let tag = label::<proto::StatusTag>(order.status_tag);
    let title = names.title(&order.status, language);
    let id = last_part(&order.status);
    if tag.is_empty() { format!("{title} ({id})") } else { format!("{title} ({id}, {tag})") }
}

fn person(customer: &proto::Customer) -> String {
    let parts = [
        customer.full_name.clone(),
        customer.email.clone(),
        customer.phone.clone(),
        customer.organization_number.clone(),
        customer.id.clone(),
    ];
    joined(parts.into_iter())
}

fn address(address: &proto::Address) -> String {
    let town = format!("{} {}", address.postal_code, address.city);
    let first = [address.recipient.clone(), address.organization.clone()];
    let last = [town.trim().to_owned(), address.region_code.clone()];
    joined(first.into_iter().chain(address.lines.iter().cloned()).chain(last))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let filled: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    filled.join(", ")
}

fn lines(order: &proto::Order) -> String {
    let code = &order.currency_code;
    let row = |line: &proto::Line| {
        let what = match line.kind() {
            proto::LineKind::Goods | proto::LineKind::Unspecified => line.sku.clone(),
            _ => label::<proto::LineKind>(line.kind).to_lowercase(),
        };
        vec![
            line.id.to_string(),
            what,
            line.title.clone(),
            line.quantity.to_string(),
            amount(line.unit_price_minor, code),
            amount(line.discount_minor, code),
            rate(line.vat_rate_bp),
            amount(line.gross_minor, code),
            progress(line, code),
        ]
    };
    // What a person takes for the price is the one with VAT, so the other one says what it is.
    let (price, discount) = match order.price_basis() {
        proto::PriceBasis::Net => (">PRICE (net)", ">DISCOUNT (net)"),
        proto::PriceBasis::Gross | proto::PriceBasis::Unspecified => (">PRICE", ">DISCOUNT"),
    };
    let headings =
        [">LINE", "SKU", "TITLE", ">QUANTITY", price, discount, ">VAT", ">TOTAL", "DONE"];
    table(&headings, order.lines.iter().map(row).collect())
}

fn progress(line: &proto::Line, code: &str) -> String {
    let parts = [("delivered", line.delivered_quantity), ("credited", line.credited_quantity)];
    let done = parts.into_iter().filter(|(_, quantity)| *quantity != 0);
    let mut text = joined(done.map(|(what, quantity)| format!("{quantity} {what}")));
    if line.credited_gross_minor != 0 {
        let credited = amount(line.credited_gross_minor, code);
        match line.credited_quantity {
            0 => text = joined([text, format!("{credited} credited")].into_iter()),
            _ => text.push_str(&format!(" ({credited})")),
        }
    }
    if line.original_line_id != 0 {
        text = joined([text, format!("of line {}", line.original_line_id)].into_iter());
    }
    text
}

fn totals(order: &proto::Order) -> String {
    let code = &order.currency_code;
    let totals = order.totals.clone().unwrap_or_default();
    let row = |title: String, net: i64, vat: i64, gross: i64| {
        vec![title, amount(net, code), amount(vat, code), money(gross, code)]
    };
    let mut rows: Vec<_> = totals
        .vat
        .iter()
        .map(|part| row(rate(part.rate_bp), part.net_minor, part.vat_minor, part.gross_minor))
        .collect();
    let sum = "Total".to_owned();
    rows.push(row(sum, totals.net_minor, totals.vat_minor, totals.gross_minor));
    let mut text = table(&["VAT RATE", ">NET", ">VAT", ">TOTAL"], rows);
    if totals.discount_minor != 0 {
        text.push_str(&format!(
            "\nDiscounts of {} are taken off.",
            money(totals.discount_minor, code)
        ));
    }
    text
}

/// When and how the provider last did.
fn confirmed(payment: &proto::Payment) -> String {
    let time = local(payment.confirm_time.as_ref());
    match payment.confirm_source() {
        proto::ConfirmSource::Reading => format!("{time}, by its account"),
        proto::ConfirmSource::Operation | proto::ConfirmSource::Unspecified => time,
    }
}

fn attention(payment: &proto::Payment) -> String {
    let text =
        if payment.needs_attention { "ledger and provider are not known to agree" } else { "" };
    text.to_owned()
}

/// When what is still reserved is let go of; nothing where nothing is.
fn expiry(payment: &proto::Payment) -> String {
    use proto::AuthorizationState::{Held, Pending};
    use proto::OperationKind::{Release, Void};
    let is_given_back = |one: &&proto::Operation| {
        matches!(one.kind(), Release | Void) && one.state() == proto::OperationState::Succeeded
    };
    let given_back = payment.operations.iter().filter(is_given_back);
    let left = given_back
        .map(|operation| operation.amount_minor)
        .chain([payment.captured_minor])
        .fold(payment.authorized_minor, i64::saturating_sub);
    match payment.authorization_state() {
        Held | Pending if left > 0 => local(payment.expire_time.as_ref()),
        _ => String::new(),
    }
}

fn payment_view(order: &proto::Order, payment: &proto::Payment) -> String {
    let code = &order.currency_code;
    let others: Vec<&str> = payment.other_orders.iter().map(|name| last_part(name)).collect();
    let facts = facts(&[
        ("  Reservation", label::<proto::AuthorizationState>(payment.authorization_state)),
        ("  Reserved", money(payment.authorized_minor, code)),
        ("  Captured", money(payment.captured_minor, code)),
        ("  Refunded", filled(payment.refunded_minor, code)),
        ("  Under way", filled(payment.claimed_minor, code)),
        ("  Expires", expiry(payment)),
        ("  Confirmed", confirmed(payment)),
        ("  Attention", attention(payment)),
        ("  Also pays", others.join(", ")),
    ]);
    let mut text =
        format!("Payment {} {} {}\n{facts}", payment.id, payment.provider, payment.reference);
    if !payment.operations.is_empty() {
        let row = |operation: &proto::Operation| {
            vec![
                format!("  {}", operation.id),
                label::<proto::OperationKind>(operation.kind),
                label::<proto::OperationState>(operation.state),
                amount(operation.amount_minor, code),
                local(operation.request_time.as_ref()),
                local(operation.resolve_time.as_ref()),
                last_part(&operation.credit_order).to_owned(),
                operation.provider_reason.clone(),
            ]
        };
        let headings =
            ["  ID", "OPERATION", "STATE", ">AMOUNT", "ASKED", "RESOLVED", "CREDIT", "REASON"];
        text.push_str(&table(&headings, payment.operations.iter().map(row).collect()));
    }
    text
}

fn filled(minor: i64, code: &str) -> String {
    if minor == 0 { String::new() } else { money(minor, code) }
}

fn note(note: &proto::Note) -> String {
    let audience = label::<proto::NoteAudience>(note.audience).to_lowercase();
    let when = local(note.create_time.as_ref());
    let mut text = format!(
        "Note ({audience}) by {}, {when}\n  {}",
        note.author,
        note.text.replace('\n', "\n  ")
    );
    if !note.attachment_names.is_empty() {
        text.push_str(&format!("\n  with {}", note.attachment_names.join(", ")));
    }
    text
}

/// What was mailed about the order; nothing when nothing was.
fn mails(order: &proto::Order) -> Option<String> {
    if order.mails.is_empty() {
        return None;
    }
    let row = |mail: &proto::Mail| {
        let with = [
            (mail.note_id != 0, format!("note {}", mail.note_id)),
            (mail.has_withdrawal_form, "withdrawal form".to_owned()),
            (mail.is_to_old_address, "to the old address".to_owned()),
        ];
        vec![
            mail.id.to_string(),
            label::<proto::MailKind>(mail.kind),
            label::<proto::MailState>(mail.state),
            local(mail.request_time.as_ref()),
            local(mail.resolve_time.as_ref()),
            joined(with.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what)),
            mail.message_id.clone(),
        ]
    };
    let headings = [">MAIL", "KIND", "STATE", "ASKED", "RESOLVED", "WITH", "MESSAGE-ID"];
    Some(table(&headings, order.mails.iter().map(row).collect()))
}

/// What was handed over to accounting; nothing when nothing was.
fn transfers(order: &proto::Order) -> Option<String> {
    if order.accounting_transfers.is_empty() {
        return None;
    }
    let row = |transfer: &proto::AccountingTransfer| {
        let rounding = transfer.rounding_difference_minor;
        let more = [
            (transfer.is_automatic, "automatic".to_owned()),
            (transfer.sends_mail, "mails the invoice".to_owned()),
            (rounding != 0, format!("rounding {}", amount(rounding, &order.currency_code))),
            (!transfer.provider_reason.is_empty(), transfer.provider_reason.clone()),
        ];
        vec![
            transfer.id.to_string(),
            last_part(&transfer.integration).to_owned(),
            label::<proto::TransferForm>(transfer.form),
            label::<proto::TransferState>(transfer.state),
            transfer.book_date.clone(),
            booked(transfer),
            joined(more.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what)),
        ]
    };
    let headings = [">TRANSFER", "TO", "AS", "STATE", "BOOKED", "THERE", "MORE"];
    Some(table(&headings, order.accounting_transfers.iter().map(row).collect()))
}
