//! Turns orders and payments, as the rules left them, into rows to store.

use order_proto::v1;
use order_rules::clocks::owes_refund;
use order_rules::effects::{EffectState, System};
use order_rules::expiring;
use order_rules::order::{Delivery, DuplicateLink, Line, Micros, Order, Problem};
use order_rules::payments::{Operation, OperationKind, Payment};
use order_rules::reconciling;
use prost::Message;

use super::desk::OrderFile;
use super::rebuild::{DetailsRecord, EVIDENCE, HandlingRecord, PendingRecord, ResolutionRecord};
use crate::shops::Shop;
use crate::store::rows::{
    DeliveryLineRow, DeliveryRow, DuplicateRow, EffectRow, ExpiryRow, HolderRow, LineRow,
    OperationRow, OrderRow, PaymentRow, ProblemRow, key,
};
use crate::terms::{Term, effect_state_stored, system_stored};

pub(super) fn order(shop: &Shop, file: &OrderFile, payments: &[Payment]) -> OrderRow {
    let order = &file.order;
    let shop_id = shop.row.shop_id;
    let clocks = shop.clocks(order);
    // Once the money is paid back, or was never taken, nothing is due any more.
    let refund_due = clocks.refund_due.filter(|_| owes_refund(order, payments));
    OrderRow {
        order_key: key(shop_id, order.number.0),
        shop_id,
        number: order.number.0,
        kind: order.kind.stored(),
        status_id: order.status.0,
        pending: pending(file),
        currency: order.currency.code().to_owned(),
        price_basis: order.price_basis.stored(),
        net_minor: order.net_minor,
        vat_minor: order.vat_minor,
        gross_minor: order.gross_minor,
        payment_state: order_rules::payments::payment_state(order, payments).stored(),
        delivery_state: order.delivery_state().stored(),
        has_problem: order.problems.iter().any(|problem| problem.closed_at.is_none()),
        is_possible_duplicate: order.is_possible_duplicate(),
        needs_attention: payments.iter().any(|payment| payment.needs_attention),
        external_reference: file.extra.external_reference.clone(),
        language: file.extra.language.clone(),
        customer_key: file.extra.customer_key.clone(),
        lines_fingerprint: file.extra.lines_fingerprint.clone(),
        original_number: order.credit.map(|credit| credit.original.0),
        credit_number: order.credit.map(|credit| credit.credit_number),
        revision: file.extra.revision,
        personal_version: file.extra.personal_version,
        placed_at: order.placed_at.0,
        updated_at: file.extra.updated_at.0,
        completed_at: order.completed_at.map(|time| time.0),
        cancelled_at: order.cancelled_at.map(|time| time.0),
        deleted_at: order.deleted_at.map(|time| time.0),
        withdrawal_deadline: clocks.withdrawal_deadline.map(|day| day.0),
        refund_due: refund_due.map(|day| day.0),
        handling: handling(order),
    }
}

/// `None` for most: nothing out of the ordinary has been done with the order.
fn handling(order: &Order) -> Option<Vec<u8>> {
    let record = HandlingRecord {
        credits: order.credits.iter().map(|number| number.0).collect(),
        form_sent_at: order.withdrawal.form_sent_at.map(|time| time.0),
        withdrawn_on: order.withdrawal.withdrawn_on.map(|day| day.0),
        deliveries: u32::try_from(order.deliveries.len()).unwrap_or(u32::MAX),
        resolution: order.resolution.as_ref().map(|resolution| ResolutionRecord {
            keep: resolution.keep.0,
            drop: resolution.drop.iter().map(|number| number.0).collect(),
            restock: resolution.restock,
            requested_at: resolution.requested_at.0,
        }),
        mails: u32::try_from(order.mails.len()).unwrap_or(u32::MAX),
        transfers: u32::try_from(order.transfers.len()).unwrap_or(u32::MAX),
        labels: u32::try_from(order.labels.len()).unwrap_or(u32::MAX),
        kept_back: order
            .lines
            .iter()
            .filter(|line| line.kept_back > 0)
            .map(|line| (line.id, line.kept_back))
            .collect(),
    };
    (record != HandlingRecord::default()).then(|| record.encode_to_vec())
}

fn pending(file: &OrderFile) -> Option<Vec<u8>> {
    let pending = file.order.pending.as_ref()?;
    let record = PendingRecord {
        to: pending.to.0,
        restock: pending.restock,
        requested_at: pending.requested_at.0,
        note: file.extra.waiting_note.clone(),
        send_email: pending.send_email,
    };
    Some(record.encode_to_vec())
}

/// The lines that differ from those stored.
pub(super) fn lines(order_key: i64, order: &Order, stored: Option<&Order>) -> Vec<LineRow> {
    let is_stored =
        |line: &&Line| stored.is_some_and(|stored| stored.lines.iter().any(|other| other == *line));
    order.lines.iter().filter(|line| !is_stored(line)).map(|one| line(order_key, one)).collect()
}

fn line(order_key: i64, line: &Line) -> LineRow {
    LineRow {
        order_key,
        line_id: line.id,
        kind: line.kind.stored(),
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        discount_minor: line.discount_minor,
        vat_rate_bp: i32::try_from(line.vat_rate.basis_points()).unwrap_or_default(),
        net_minor: line.net_minor,
        vat_minor: line.vat_minor,
        gross_minor: line.gross_minor,
        placed_quantity: line.placed.quantity,
        placed_vat_minor: line.placed.vat_minor,
        placed_gross_minor: line.placed.gross_minor,
        delivered: line.delivered,
        captured: line.captured,
        credited: line.credited,
        credited_gross_minor: line.credited_gross_minor,
        credited_vat_minor: line.credited_vat_minor,
        original_line: line.original_line,
        stock_taken: line.stock_taken,
        stock_put_back: line.stock_put_back,
    }
}

/// The problems that differ from those stored.
pub(super) fn problems(shop_id: i64, order: &Order, stored: Option<&Order>) -> Vec<ProblemRow> {
    let is_stored = |problem: &&Problem| {
        stored.is_some_and(|stored| stored.problems.iter().any(|other| other == *problem))
    };
    order
        .problems
        .iter()
        .filter(|problem| !is_stored(problem))
        .map(|problem| ProblemRow {
            problem_key: key(shop_id, problem.id),
            order_key: key(shop_id, order.number.0),
            code: problem.code.name().to_owned(),
            details: DetailsRecord { details: problem.details.iter().cloned().collect() }
                .encode_to_vec(),
            payment_id: problem.payment.map(|payment| payment.0),
            operation_id: problem.operation,
            opened_at: problem.opened_at.0,
            closed_at: problem.closed_at.map(|time| time.0),
        })
        .collect()
}

/// The links that differ from those stored.
pub(super) fn duplicates(shop_id: i64, order: &Order, stored: Option<&Order>) -> Vec<DuplicateRow> {
    let is_stored = |link: &&DuplicateLink| {
        stored.is_some_and(|stored| stored.duplicates.iter().any(|other| other == *link))
    };
    order
        .duplicates
        .iter()
        .filter(|link| !is_stored(link))
        .map(|link| DuplicateRow {
            order_key: key(shop_id, order.number.0),
            other_number: link.other.0,
            evidence: evidence(link),
            resolution: link.resolution.stored(),
        })
        .collect()
}

/// The deliveries that differ from those stored.
pub(super) fn deliveries(
    order_key: i64,
    order: &Order,
    stored: Option<&Order>,
) -> Vec<DeliveryRow> {
    let is_stored = |delivery: &&Delivery| {
        stored.is_some_and(|stored| stored.deliveries.iter().any(|other| other == *delivery))
    };
    order
        .deliveries
        .iter()
        .filter(|delivery| !is_stored(delivery))
        .map(|delivery| DeliveryRow {
            order_key,
            delivery_id: delivery.id,
            shipped_at: delivery.shipped_at.0,
            recorded_at: delivery.recorded_at.0,
            arrived_on: delivery.arrived_on.map(|day| day.0),
            cancelled_at: delivery.cancelled_at.map(|time| time.0),
            carrier: delivery.tracking.carrier.clone(),
            tracking_number: delivery.tracking.number.clone(),
            tracking_url: delivery.tracking.url.clone(),
        })
        .collect()
}

/// What was sent in deliveries that are not stored yet; it never changes.
pub(super) fn delivery_lines(
    order_key: i64,
    order: &Order,
    stored: Option<&Order>,
) -> Vec<DeliveryLineRow> {
    let is_new = |delivery: &&Delivery| {
        !stored.is_some_and(|stored| stored.deliveries.iter().any(|one| one.id == delivery.id))
    };
    let new = order.deliveries.iter().filter(is_new);
    new.flat_map(|delivery| delivery.lines.iter().map(|line| (delivery.id, *line)))
        .map(|(delivery_id, (line_id, quantity))| DeliveryLineRow {
            order_key,
            delivery_id,
            line_id,
            quantity,
        })
        .collect()
}

fn evidence(link: &DuplicateLink) -> i16 {
    let flags =
        [link.same_payment, link.same_time, link.same_customer, link.same_lines, link.same_total];
    EVIDENCE.iter().zip(flags).filter(|(_, flag)| *flag).fold(0, |bits, (bit, _)| bits | bit)
}

pub(super) fn payment(shop_id: i64, payment: &Payment, now: Micros) -> PaymentRow {
    let sums = payment.sums();
    PaymentRow {
        payment_key: key(shop_id, payment.id.0),
        shop_id,
        provider: payment.provider.0.clone(),
        reference: payment.reference.clone(),
        currency: payment.currency.code().to_owned(),
        authorization_state: payment.authorization.stored(),
        authorized_minor: payment.authorized_minor,
        captured_minor: sums.captured,
        capture_claimed_minor: sums.claimed_capture,
        refunded_minor: sums.refunded,
        refund_claimed_minor: sums.claimed_refund,
        expires_at: payment.expires_at.map(|time| time.0),
        confirmed_at: payment.confirmed_at.map(|time| time.0),
        confirmed_by: payment.confirmed_by.map(Term::stored),
        read_due_at: reconciling::next_read(payment, now).map(|time| time.0),
        needs_attention: payment.needs_attention,
    }
}

/// When the first reservation expires that the order needs.
pub(super) fn expiry(shop_id: i64, order: &Order, payments: &[Payment]) -> Option<ExpiryRow> {
    Some(ExpiryRow {
        order_key: key(shop_id, order.number.0),
        shop_id,
        expires_at: expiring::next_expiry(order, payments)?.0,
        untold_at: expiring::untold_expiry(order, payments).map(|time| time.0),
    })
}

/// Each order's place on the payment that differs from what is stored.
pub(super) fn holders(
    shop_id: i64,
    payment: &Payment,
    stored: Option<&Payment>,
    position: impl Fn(i64) -> i32,
) -> Vec<HolderRow> {
    payment
        .holders
        .iter()
        .filter(|holder| !stored.is_some_and(|stored| stored.holders.contains(holder)))
        .map(|holder| HolderRow {
            order_key: key(shop_id, holder.order.0),
            payment_key: key(shop_id, payment.id.0),
            position: position(holder.order.0),
            amount_minor: holder.amount_minor,
            is_live: holder.is_live,
        })
        .collect()
}

/// The operations that differ from those stored.
pub(super) fn operations(
    shop_id: i64,
    payment: &Payment,
    stored: Option<&Payment>,
) -> Vec<OperationRow> {
    let is_stored = |operation: &&Operation| {
        stored.is_some_and(|stored| stored.operations.iter().any(|other| other == *operation))
    };
    payment
        .operations
        .iter()
        .filter(|operation| !is_stored(operation))
        .map(|operation| OperationRow {
            operation_key: key(shop_id, operation.id),
            payment_key: key(shop_id, payment.id.0),
            order_key: key(shop_id, operation.order.0),
            kind: operation.kind.stored(),
            state: operation.state.stored(),
            amount_minor: operation.amount_minor,
            requested_at: operation.requested_at.0,
            resolved_at: operation.resolved_at.map(|time| time.0),
            provider_reason: operation.provider_reason.clone(),
            provider_reference: operation.provider_reference.clone(),
            credit_number: operation.credit.map(|credit| credit.0),
        })
        .collect()
}

/// The effect of an operation that was just planned.
pub(super) fn effect(
    shop_id: i64,
    payment: &Payment,
    operation: &Operation,
    (due_at, key_window): (Micros, i64),
) -> EffectRow {
    EffectRow {
        effect_key: key(shop_id, operation.id),
        shop_id,
        system: system_stored(System::Payments),
        payment_key: Some(key(shop_id, payment.id.0)),
        integration: Some(payment.provider.0.clone()),
        order_key: key(shop_id, operation.order.0),
        kind: operation.kind.stored(),
        amount_minor: operation.amount_minor,
        key_window: Some(key_window),
        ..planned(due_at, operation.requested_at)
    }
}

/// An effect that nobody has begun with.
pub(super) fn planned(due_at: Micros, created_at: Micros) -> EffectRow {
    EffectRow {
        effect_key: 0,
        shop_id: 0,
        system: 0,
        payment_key: None,
        integration: None,
        order_key: 0,
        kind: 0,
        state: effect_state_stored(EffectState::Pending),
        attempt: 0,
        looks: 0,
        amount_minor: 0,
        due_at: due_at.0,
        lease_owner: None,
        lease_until: None,
        first_sent_at: None,
        last_sent_at: None,
        absent_seen_at: None,
        doubted_at: None,
        provider_reason: None,
        needs_attention: false,
        created_at: created_at.0,
        key_window: None,
    }
}

/// An operation as it goes out.
pub(super) fn operation_message(shop: &Shop, operation: &Operation) -> v1::Operation {
    let time = crate::commands::timestamp;
    v1::Operation {
        id: operation.id,
        kind: operation.kind.contract().into(),
        state: operation.state.contract().into(),
        amount_minor: operation.amount_minor,
        request_time: Some(time(operation.requested_at)),
        resolve_time: operation.resolved_at.map(time),
        provider_reason: operation.provider_reason.clone().unwrap_or_default(),
        provider_reference: operation.provider_reference.clone().unwrap_or_default(),
        credit_order: operation.credit.map(|credit| shop.order_name(credit.0)).unwrap_or_default(),
    }
}

/// The operation as an event tells it: what it is, not what the provider said.
pub(super) fn operation_summary(
    id: i64,
    kind: OperationKind,
    amount_minor: i64,
    state: order_rules::payments::OperationState,
) -> v1::Operation {
    v1::Operation {
        id,
        kind: kind.contract().into(),
        state: state.contract().into(),
        amount_minor,
        ..v1::Operation::default()
    }
}
