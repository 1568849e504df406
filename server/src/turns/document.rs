//! Writes an order down as the contract's message: what reads and listeners get, byte for byte.

use bytes::Bytes;
use order_proto::v1;
use order_rules::clocks::Clocks;
use order_rules::delivering::{self, Share};
use order_rules::money::vat_table;
use order_rules::order::{
    Day, Delivery, DuplicateLink, Line, Order, OrderNumber, PendingResolution, Problem, Withdrawal,
};
use order_rules::payments::{Payment, payment_state};
use prost::Message;

use super::booking;
use super::desk::OrderFile;
use super::record::operation_message;
use super::{labelling, mailing};
use crate::commands::timestamp;
use crate::shops::{Shop, etag};
use crate::terms::Term;

/// The order without its personal data, encoded.
pub(super) fn document(shop: &Shop, file: &OrderFile, payments: &[Payment]) -> Bytes {
    message(shop, file, payments).encode_to_vec().into()
}

/// An order that was not placed: without the number it would have had.
pub(super) fn unnumbered(parts: &[Bytes]) -> Bytes {
    let order = v1::Order::decode(parts.concat().as_slice()).unwrap_or_default();
    let nameless = v1::Order { name: String::new(), number: 0, credit_number: 0, ..order };
    v1::Order { revision: 0, etag: String::new(), ..nameless }.encode_to_vec().into()
}

/// A sale whose credit was not made: without the name that the credit order would have had.
pub(super) fn without_credit(parts: &[Bytes], credit_order: &str) -> Bytes {
    let mut order = v1::Order::decode(parts.concat().as_slice()).unwrap_or_default();
    order.credit_orders.retain(|name| name != credit_order);
    let operations = order.payments.iter_mut().flat_map(|payment| &mut payment.operations);
    for operation in operations.filter(|operation| operation.credit_order == credit_order) {
        operation.credit_order.clear();
    }
    order.encode_to_vec().into()
}

/// The credit order that a command made, by what its first event says.
pub(super) fn credit_made(first_change: &[u8]) -> Option<OrderNumber> {
    let change = v1::EventChange::decode(first_change).ok()?;
    let (_, number) = change.credit_order.rsplit_once('/')?;
    number.parse().ok().map(OrderNumber)
}

/// What a comparison came to, by what its first event says.
pub(super) fn reconciled(first_change: &[u8]) -> Option<v1::Reconciliation> {
    v1::EventChange::decode(first_change).ok()?.reconciliation
}

fn message(shop: &Shop, file: &OrderFile, payments: &[Payment]) -> v1::Order {
    let order = &file.order;
    let status =
        |id| shop.status_row(id).map(|row| shop.status_name(&row.slug)).unwrap_or_default();
    v1::Order {
        name: shop.order_name(order.number.0),
        number: order.number.0,
        kind: order.kind.contract().into(),
        status: status(order.status),
        status_tag: shop.statuses.tag(order.status).map_or(0, |tag| tag.contract().into()),
        pending_status_change: order.pending.as_ref().map(|pending| v1::PendingStatusChange {
            status: status(pending.to),
            restock: restock(pending.restock).into(),
            request_time: Some(timestamp(pending.requested_at)),
            send_email: pending.send_email,
        }),
        currency_code: order.currency.code().to_owned(),
        price_basis: order.price_basis.contract().into(),
        lines: order.lines.iter().filter(|line| is_there(line)).map(line).collect(),
        totals: Some(totals(order)),
        payments: payments.iter().map(|one| payment(shop, order.number, one)).collect(),
        payment_state: payment_state(order, payments).contract().into(),
        delivery_state: order.delivery_state().contract().into(),
        payment_needs_attention: payments.iter().any(|payment| payment.needs_attention),
        problems: order
            .problems
            .iter()
            .filter(|problem| problem.closed_at.is_none())
            .map(problem)
            .collect(),
        duplicates: order.duplicates.iter().map(|link| duplicate(shop, link)).collect(),
        external_reference: file.extra.external_reference.clone().unwrap_or_default(),
        language_code: file.extra.language.clone(),
        original_order: order
            .credit
            .map(|credit| shop.order_name(credit.original.0))
            .unwrap_or_default(),
        deliveries: deliveries(shop, order),
        withdrawal: withdrawal(shop, order),
        credit_number: order.credit.map_or(0, |credit| credit.credit_number),
        credit_orders: order.credits.iter().map(|number| shop.order_name(number.0)).collect(),
        mails: order
            .mails
            .iter()
            .map(|mail| mailing::message(mail, file.extra.message_id(mail.id)))
            .collect(),
        accounting_transfers: booking::messages(shop, file),
        labels: order.labels.iter().map(|one| labelling::message(shop, order, one)).collect(),
        delete_time: order.deleted_at.map(timestamp),
        pending_resolution: order.resolution.as_ref().map(|one| resolution(shop, one)),
        revision: file.extra.revision,
        etag: etag(file.extra.revision),
        create_time: Some(timestamp(order.placed_at)),
        update_time: Some(timestamp(file.extra.updated_at)),
        complete_time: order.completed_at.map(timestamp),
        cancel_time: order.cancelled_at.map(timestamp),
        // Personal: kept apart and put behind these bytes when the order goes out.
        customer: None,
        billing_address: None,
        shipping_address: None,
        metadata: std::collections::BTreeMap::new(),
        notes: Vec::new(),
        email_suggestion: String::new(),
    }
}

fn resolution(shop: &Shop, resolution: &PendingResolution) -> v1::PendingResolution {
    v1::PendingResolution {
        keep: shop.order_name(resolution.keep.0),
        drop: resolution.drop.iter().map(|number| shop.order_name(number.0)).collect(),
        request_time: Some(timestamp(resolution.requested_at)),
    }
}

fn restock(choice: Option<bool>) -> v1::Restock {
    match choice {
        None => v1::Restock::Unspecified,
        Some(true) => v1::Restock::Yes,
        Some(false) => v1::Restock::No,
    }
}

fn line(line: &Line) -> v1::Line {
    v1::Line {
        id: line.id,
        kind: line.kind.contract().into(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        discount_minor: line.discount_minor,
        vat_rate_bp: rate(line.vat_rate),
        net_minor: line.net_minor,
        vat_minor: line.vat_minor,
        gross_minor: line.gross_minor,
        delivered_quantity: line.delivered,
        credited_quantity: line.credited,
        stock_held_quantity: line.stock_taken.saturating_sub(line.stock_put_back),
        captured_quantity: line.captured,
        credited_gross_minor: line.credited_gross_minor,
        original_line_id: line.original_line.unwrap_or_default(),
    }
}

fn rate(rate: order_rules::money::VatRate) -> i32 {
    i32::try_from(rate.basis_points()).unwrap_or_default()
}

/// A line without units was removed; its id stays taken.
const fn is_there(line: &Line) -> bool {
    line.quantity != 0
}

fn totals(order: &Order) -> v1::Totals {
    let lines: Vec<Line> = order.lines.iter().filter(|line| is_there(line)).cloned().collect();
    let discount =
        order.lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.discount_minor));
    v1::Totals {
        net_minor: order.net_minor,
        vat_minor: order.vat_minor,
        gross_minor: order.gross_minor,
        discount_minor: discount,
        vat: vat_table(&lines)
            .unwrap_or_default()
            .into_iter()
            .map(|row| v1::VatAmount {
                rate_bp: rate(row.rate),
                net_minor: row.net,
                vat_minor: row.vat,
                gross_minor: row.gross,
            })
            .collect(),
    }
}

fn payment(shop: &Shop, order: OrderNumber, payment: &Payment) -> v1::Payment {
    let sums = payment.sums_for(order);
    let all = payment.sums();
    let claimed =
        all.claimed_capture.saturating_add(all.claimed_refund).saturating_add(all.claimed_release);
    v1::Payment {
        id: payment.id.0,
        provider: payment.provider.0.clone(),
        reference: payment.reference.clone(),
        authorization_state: payment.authorization.contract().into(),
        authorized_minor: payment.authorized_minor,
        captured_minor: sums.captured.saturating_sub(sums.reversed),
        refunded_minor: sums.refunded,
        claimed_minor: claimed,
        expire_time: payment.expires_at.map(timestamp),
        confirm_time: payment.confirmed_at.map(timestamp),
        operations: payment
            .operations
            .iter()
            .filter(|operation| operation.order == order)
            .map(|operation| operation_message(shop, operation))
            .collect(),
        other_orders: payment
            .holders
            .iter()
            .filter(|holder| holder.order != order)
            .map(|holder| shop.order_name(holder.order.0))
            .collect(),
        confirm_source: payment.confirmed_by.map_or(0, |by| by.contract().into()),
        needs_attention: payment.needs_attention,
    }
}

fn deliveries(shop: &Shop, order: &Order) -> Vec<v1::Delivery> {
    if order.deliveries.is_empty() {
        return Vec::new();
    }
    let shares = delivering::shares(order);
    let with_share = order.deliveries.iter().zip(shares);
    with_share.map(|(one, share)| delivery(shop, one, share)).collect()
}

fn delivery(shop: &Shop, delivery: &Delivery, share: Share) -> v1::Delivery {
    let arrival = shop.arrival(delivery);
    let stands = delivery.cancelled_at.is_none();
    v1::Delivery {
        id: delivery.id,
        lines: delivery
            .lines
            .iter()
            .map(|&(line_id, quantity)| v1::DeliveryLine { line_id, quantity })
            .collect(),
        carrier: delivery.tracking.carrier.clone(),
        tracking_number: delivery.tracking.number.clone(),
        tracking_url: delivery.tracking.url.clone(),
        ship_time: Some(timestamp(delivery.shipped_at)),
        arrival_date: if stands { arrival.day.to_string() } else { String::new() },
        is_arrival_estimated: stands && arrival.is_estimated,
        cancel_time: delivery.cancelled_at.map(timestamp),
        gross_minor: share.gross_minor,
        is_captured: share.is_captured,
    }
}

/// The customer's right to withdraw, once there is something to count or to tell.
fn withdrawal(shop: &Shop, order: &Order) -> Option<v1::Withdrawal> {
    let Clocks { arrival, withdrawal_deadline, refund_due } = shop.clocks(order);
    let facts = order.withdrawal;
    if arrival.is_none() && facts == Withdrawal::default() {
        return None;
    }
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    Some(v1::Withdrawal {
        arrival_date: text(arrival.map(|arrival| arrival.day)),
        is_arrival_estimated: arrival.is_some_and(|arrival| arrival.is_estimated),
        deadline_date: text(withdrawal_deadline),
        form_send_time: facts.form_sent_at.map(timestamp),
        withdrawal_date: text(facts.withdrawn_on),
        refund_due_date: text(refund_due),
    })
}

fn problem(problem: &Problem) -> v1::Problem {
    v1::Problem {
        id: problem.id,
        code: problem.code.name().to_owned(),
        details: problem.details.iter().cloned().collect(),
        payment_id: problem.payment.map_or(0, |payment| payment.0),
        operation_id: problem.operation.unwrap_or_default(),
        open_time: Some(timestamp(problem.opened_at)),
    }
}

fn duplicate(shop: &Shop, link: &DuplicateLink) -> v1::DuplicateLink {
    v1::DuplicateLink {
        order: shop.order_name(link.other.0),
        same_payment: link.same_payment,
        same_time: link.same_time,
        same_customer: link.same_customer,
        same_lines: link.same_lines,
        same_total: link.same_total,
        resolution: link.resolution.contract().into(),
    }
}
