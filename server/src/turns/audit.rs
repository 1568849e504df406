//! Recomputes stored orders: their rows are rebuilt as a turn would, checked by the rules, written
//! down again and compared with what is stored.

mod history;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use order_proto::v1;
use order_rules::audit::{Breach, Findings, Invariant, check_case};
use order_rules::decision::Case;
use order_rules::labels::PrintState;
use order_rules::mail::{Mail, MailState};
use order_rules::order::{Micros, Order, OrderNumber};
use order_rules::payments::{OperationKind, OperationState, Payment};
use prost::Message;

use self::history::Known;
use super::desk::{Desk, OrderFile};
use super::turn::desks;
use super::{document, record};
use crate::commands::Failure;
use crate::search::words_of;
use crate::shops::Shops;
use crate::shops::persons::customer_key;
use crate::store::audits::{AuditPage, CreditedRow};
use crate::store::facts::Facts;
use crate::store::pages::Findable;
use crate::store::rows::{OrderRow, PaymentRow, PersonalRow, key, number};

/// What was found in a page of orders.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    /// Orders that were checked.
    pub orders: usize,
    /// By number, what is wrong.
    pub found: Vec<(i64, Breach)>,
    /// Credit orders among them, each with its number in the series of credits.
    pub credits: Vec<(i64, i64)>,
    /// Key of the last one.
    pub last: Option<i64>,
}

/// What the log has told before orders are checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Followed {
    /// Of the last event that was followed.
    pub revision: i64,
    /// Of the last that told of the settings by which days are counted.
    pub days_set_at: i64,
}

/// Checks the orders of a page.
pub(super) fn check(
    shops: &Shops,
    shop_id: i64,
    page: &AuditPage,
    followed: Followed,
) -> Result<Audited, Failure> {
    let facts = &page.facts;
    let mut desks = desks(shops, facts, Micros(0))
        .map_err(|failure| Failure::Internal { log: failure.to_string() })?;
    let Some(desk) = desks.remove(&shop_id) else { return Ok(Audited::default()) };
    let told = history::by_order(&page.told);
    let mut audited =
        Audited { orders: page.keys.len(), last: page.keys.last().copied(), ..Audited::default() };
    for number in page.keys.iter().map(|key| number(*key)) {
        let mut findings = Findings::default();
        let Ok(case) = desk.case(number) else { continue };
        findings.0.extend(check_case(&case, &desk.shop.statuses));
        check_row(&mut findings, &desk, number, (facts, followed));
        check_customer(&mut findings, &desk, number, page);
        check_document(&mut findings, &desk, number, page);
        check_versions(&mut findings, &desk, number, facts);
        check_expiry(&mut findings, &desk, number, page);
        check_words(&mut findings, &desk, number, page);
        let told = told.get(&number).map(Vec::as_slice).unwrap_or_default();
        history::check(&mut findings, &case, known(&desk, number, facts), told);
        for payment in &case.payments {
            let stored =
                facts.payments.iter().find(|row| row.payment_key == key(shop_id, payment.id.0));
            // When it is read next depends on when it was last looked at.
            let read_due_at = stored.and_then(|row| row.read_due_at);
            let ours = PaymentRow { read_due_at, ..record::payment(shop_id, payment, Micros(0)) };
            findings.check(stored == Some(&ours), Invariant::PaymentSums, || {
                format!("payment {}: {}", payment.id.0, difference(stored, &ours))
            });
            check_effects(&mut findings, &desk, payment);
            check_share(&mut findings, case.order.number, payment);
        }
        check_credit_orders(&mut findings, &case, &page.credited);
        check_transfers(&mut findings, &desk, &case.order);
        check_mail_effects(&mut findings, &desk, &case.order);
        check_label_effects(&mut findings, &desk, &case.order);
        audited.credits.extend(case.order.credit.map(|credit| (number, credit.credit_number)));
        audited.found.extend(findings.0.into_iter().map(|breach| (number, breach)));
    }
    Ok(audited)
}

/// What is credited of a sale is what its credit orders say, and no more is paid back for any of them.
fn check_credit_orders(findings: &mut Findings, case: &Case, credited: &[CreditedRow]) {
    let order = &case.order;
    let rows = || credited.iter().filter(|row| row.original_number == Some(order.number.0));
    let mut owed: BTreeMap<i64, i64> = BTreeMap::new();
    for row in rows() {
        let sum = owed.entry(row.number).or_default();
        *sum = sum.saturating_sub(row.gross_minor);
    }
    let named: Vec<i64> = order.credits.iter().map(|number| number.0).collect();
    let stored: Vec<i64> = owed.keys().copied().collect();
    findings.same(Invariant::CreditOrders, "its credit orders", &named, &stored);
    for line in &order.lines {
        let parts = || rows().filter(|row| row.original_line == Some(line.id));
        let sum = |of: fn(&CreditedRow) -> i64| parts().map(of).fold(0, i64::saturating_sub);
        let told = (sum(|row| row.gross_minor), sum(|row| row.vat_minor));
        let what = format!("line {}: credited, and its VAT", line.id);
        let stored = (line.credited_gross_minor, line.credited_vat_minor);
        findings.same(Invariant::CreditOrders, &what, &stored, &told);
    }
    for (credit, owed) in owed {
        let operations = case.payments.iter().flat_map(|payment| &payment.operations);
        let paid = operations
            .filter(|one| one.credit == Some(OrderNumber(credit)))
            .filter(|one| one.state == OperationState::Succeeded)
            .fold(0_i64, |sum, one| sum.saturating_add(one.amount_minor));
        findings.check(paid <= owed, Invariant::CreditOrders, || {
            format!("credit order {credit}: {paid} paid back of {owed}")
        });
    }
}

/// The stored row is what the order comes to.
fn check_row(
    findings: &mut Findings,
    desk: &Desk,
    number: i64,
    (facts, followed): (&Facts, Followed),
) {
    let shop_id = desk.shop.row.shop_id;
    let Some(file) = desk.orders.get(&number) else { return };
    let stored = facts.orders.iter().find(|row| row.order_key == key(shop_id, number));
    let ours = record::order(&desk.shop, file, &desk.payments_of(&file.order));
    let Some(stored) = stored else { return };
    let same = |findings: &mut Findings, column: &'static str, is: i64, should_be: i64| {
        findings.same(Invariant::DerivedStates, column, &is, &should_be);
    };
    same(findings, "payment_state", stored.payment_state.into(), ours.payment_state.into());
    same(findings, "delivery_state", stored.delivery_state.into(), ours.delivery_state.into());
    same(findings, "has_problem", stored.has_problem.into(), ours.has_problem.into());
    same(
        findings,
        "is_possible_duplicate",
        stored.is_possible_duplicate.into(),
        ours.is_possible_duplicate.into(),
    );
    same(findings, "needs_attention", stored.needs_attention.into(), ours.needs_attention.into());
    let ours = as_counted_then(desk, file, stored, followed, ours);
    findings.check(stored == &ours, Invariant::OrderRow, || {
        "a column is not what the order comes to".to_owned()
    });
}

/// The row with the legal day that it has, where that is of settings which were others then (3.5):
/// whether there is such a day can still be told.
fn as_counted_then(
    desk: &Desk,
    file: &OrderFile,
    stored: &OrderRow,
    followed: Followed,
    ours: OrderRow,
) -> OrderRow {
    // Nobody has followed what set them last.
    let is_newer = desk.shop.row.revision > followed.revision;
    let set_at = if is_newer { desk.shop.row.revision } else { followed.days_set_at };
    let is_estimated =
        || desk.shop.clocks(&file.order).arrival.is_some_and(|arrival| arrival.is_estimated);
    let is_counted = file.order.withdrawal.form_sent_at.is_some() || is_estimated();
    let (then, now) = (stored.withdrawal_deadline, ours.withdrawal_deadline);
    let is_of_then = stored.revision < set_at && is_counted && then.is_some() && now.is_some();
    OrderRow { withdrawal_deadline: if is_of_then { then } else { now }, ..ours }
}

/// Who bought is whom the order was placed with, and whom its sale has, for a credit order. One that
/// was erased has forgotten it.
fn check_customer(findings: &mut Findings, desk: &Desk, number: i64, page: &AuditPage) {
    let shop_id = desk.shop.row.shop_id;
    let Some(file) = desk.orders.get(&number) else { return };
    let Some(first) = first_version(&page.facts, key(shop_id, number)) else { return };
    let placed_with = || {
        let personal = v1::Order::decode(first.personal.as_slice()).unwrap_or_default();
        customer_key(&personal.customer.unwrap_or_default())
    };
    let buyer = |sale: OrderNumber| {
        let sale_key = key(shop_id, sale.0);
        page.buyers.iter().find(|(key, _)| *key == sale_key).map(|(_, buyer)| buyer.clone())
    };
    let wanted = match file.order.credit {
        _ if first.personal.is_empty() => Some(String::new()),
        None => Some(placed_with()),
        // The sale may have been erased since.
        Some(credit) => buyer(credit.original).filter(|buyer| !buyer.is_empty()),
    };
    let is_right = wanted.is_none_or(|wanted| file.extra.customer_key == wanted);
    findings.check(is_right, Invariant::OrderRow, || {
        "customer_key is not that of its customer".to_owned()
    });
}

/// What is personal of an order, as it was placed with.
fn first_version(facts: &Facts, order_key: i64) -> Option<&PersonalRow> {
    facts.personal.iter().find(|row| row.order_key == order_key && row.version == 1)
}

fn known(desk: &Desk, number: i64, facts: &Facts) -> Known {
    let first = first_version(facts, key(desk.shop.row.shop_id, number));
    Known {
        revision: desk.orders.get(&number).map_or(0, |file| file.extra.revision),
        is_erased: first.is_some_and(|row| row.personal.is_empty()),
    }
}

/// The document that reads and listeners get is what the rows come to.
fn check_document(findings: &mut Findings, desk: &Desk, number: i64, page: &AuditPage) {
    let Some(file) = desk.orders.get(&number) else { return };
    let order_key = key(desk.shop.row.shop_id, number);
    let stored = page.documents.iter().find(|(key, _)| *key == order_key);
    let Some(Some(stored)) = stored.map(|(_, document)| document) else {
        findings.check(false, Invariant::Document, || "its last event carries none".to_owned());
        return;
    };
    let decoded = v1::Order::decode(stored.as_slice()).map(comparable);
    let ours = document::document(&desk.shop, file, &desk.payments_of(&file.order));
    let ours = v1::Order::decode(ours).map(comparable);
    findings.check(decoded.is_ok() && decoded == ours, Invariant::Document, || {
        "what reads and listeners get is not what the rows come to".to_owned()
    });
}

/// The order without what may rightly have changed since its last event: a status that was replaced
/// (1.4), days by settings that were changed (3.5), and how far an operation under way has come, which
/// its effect knows first.
fn comparable(mut order: v1::Order) -> v1::Order {
    order.status = String::new();
    order.status_tag = 0;
    if let Some(pending) = &mut order.pending_status_change {
        pending.status = String::new();
    }
    order.withdrawal = None;
    for delivery in order.deliveries.iter_mut().filter(|delivery| delivery.is_arrival_estimated) {
        delivery.arrival_date = String::new();
    }
    for operation in order.payments.iter_mut().flat_map(|payment| &mut payment.operations) {
        use v1::OperationState::{Accepted, Pending, Sent, Unknown};
        if matches!(operation.state(), Accepted | Sent | Unknown) {
            operation.set_state(Pending);
        }
    }
    order
}

fn check_versions(findings: &mut Findings, desk: &Desk, number: i64, facts: &Facts) {
    let order_key = key(desk.shop.row.shop_id, number);
    let versions: Vec<i32> = facts
        .personal
        .iter()
        .filter(|row| row.order_key == order_key)
        .map(|row| row.version)
        .collect();
    let last = desk.orders.get(&number).map_or(0, |file| file.extra.personal_version);
    findings.same(Invariant::PersonalVersions, "versions", &versions, &(1..=last).collect());
}

/// Orders are found by the reservations they need that expire, and by no others.
fn check_expiry(findings: &mut Findings, desk: &Desk, number: i64, page: &AuditPage) {
    let shop_id = desk.shop.row.shop_id;
    let Some(file) = desk.orders.get(&number) else { return };
    let stored = page.expiries.iter().find(|row| row.order_key == key(shop_id, number));
    let ours = record::expiry(shop_id, &file.order, &desk.payments_of(&file.order));
    findings.check(stored == ours.as_ref(), Invariant::Expiries, || {
        "when its reservations expire is not what they say".to_owned()
    });
}

/// The order is found by its words, and by no others. They are written from the log, and may not have
/// come so far.
fn check_words(findings: &mut Findings, desk: &Desk, number: i64, page: &AuditPage) {
    let Some(file) = desk.orders.get(&number) else { return };
    if file.extra.revision > page.words_place {
        return;
    }
    let order_key = key(desk.shop.row.shop_id, number);
    let lines = file.order.lines.iter().filter(|line| line.quantity > 0);
    let order = Findable {
        order_key,
        external_reference: file.extra.external_reference.clone(),
        personal: file.extra.personal.to_vec(),
        skus: lines.map(|line| line.sku.clone()).collect(),
        references: desk.payments_of(&file.order).into_iter().map(|one| one.reference).collect(),
    };
    let ours: BTreeSet<String> = words_of(&order).split_whitespace().map(str::to_owned).collect();
    let stored = page.words.get(&order_key);
    findings.check(stored == Some(&ours), Invariant::SearchWords, || {
        let told = if stored.is_some() { "has other words of it" } else { "does not have it" };
        format!("the index {told}")
    });
}

/// What was stated for the order when the payment was attached. Whoever was there first had it
/// authorized; others may have stated what it was authorized for by then.
fn check_share(findings: &mut Findings, order: OrderNumber, payment: &Payment) {
    let of_kind =
        |kind: OperationKind| payment.operations.iter().filter(move |one| one.kind == kind);
    let own = payment.holders.iter().find(|holder| holder.order == order);
    let (Some(own), Some(first)) = (own, of_kind(OperationKind::Authorize).next()) else { return };
    let was_changed = of_kind(OperationKind::UpdateAmount).next().is_some()
        || ![0, first.amount_minor].contains(&payment.authorized_minor);
    if first.order == order || !was_changed {
        let what = format!("payment {}: its share", payment.id.0);
        findings.same(Invariant::PaymentShares, &what, &own.amount_minor, &first.amount_minor);
    }
}

/// Whatever is asked of a provider and not final is in the queue, and nothing else is.
fn check_effects(findings: &mut Findings, desk: &Desk, payment: &Payment) {
    let open: Vec<i64> = payment
        .operations
        .iter()
        .filter(|operation| operation.state.is_claimed())
        .map(|operation| operation.id)
        .collect();
    let mut queued: Vec<i64> = payment
        .operations
        .iter()
        .map(|operation| operation.id)
        .filter(|id| desk.effects.contains_key(id))
        .collect();
    queued.sort_unstable();
    let what = format!("payment {}: operations in the queue", payment.id.0);
    findings.same(Invariant::Effects, &what, &queued, &open);
}

/// Whatever goes to accounting and is not final is in the queue, and nothing else is.
fn check_transfers(findings: &mut Findings, desk: &Desk, order: &Order) {
    let open: Vec<i64> =
        order.transfers.iter().filter(|one| one.is_open()).map(|one| one.id).collect();
    let mut queued: Vec<i64> = order
        .transfers
        .iter()
        .map(|transfer| transfer.id)
        .filter(|id| desk.effects.contains_key(id))
        .collect();
    queued.sort_unstable();
    findings.same(Invariant::Effects, "transfers in the queue", &queued, &open);
}

/// The same of mails. One of which nobody knows stays there until it is sent again or given up.
fn check_mail_effects(findings: &mut Findings, desk: &Desk, order: &Order) {
    let known = || order.mails.iter().filter(|mail| mail.state != MailState::Unknown);
    let open: Vec<i64> = known().filter(|mail| mail.is_open()).map(|mail| mail.id).collect();
    let is_queued = |mail: &&Mail| desk.effects.contains_key(&mail.id);
    let queued: Vec<i64> = known().filter(is_queued).map(|mail| mail.id).collect();
    findings.same(Invariant::Effects, "mails in the queue", &queued, &open);
}

/// The same of labels. A print of which nobody knows stays there until it is asked for again.
fn check_label_effects(findings: &mut Findings, desk: &Desk, order: &Order) {
    for label in &order.labels {
        let prints = || label.prints.iter();
        let mut queued: Vec<i64> =
            [label.id].into_iter().chain(prints().map(|one| one.id)).collect();
        let is_lost =
            |id: i64| prints().any(|one| one.id == id && one.state == PrintState::Unknown);
        queued.retain(|id| desk.effects.contains_key(id) && !is_lost(*id));
        let what = format!("label {}: what is in the queue", label.id);
        findings.same(Invariant::Effects, &what, &queued, &label.awaited());
    }
}

fn difference(stored: Option<&PaymentRow>, ours: &PaymentRow) -> String {
    let sums = |row: &PaymentRow| {
        [
            row.captured_minor,
            row.capture_claimed_minor,
            row.refunded_minor,
            row.refund_claimed_minor,
        ]
    };
    let stored = stored.map(sums);
    format!("captured, claimed, refunded, claimed are {stored:?}, not {:?}", sums(ours))
}
