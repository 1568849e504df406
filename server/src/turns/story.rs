//! Tells what happened: each change of an order as the event of the contract.

use order_proto::v1::{self, EventChange, EventKind};
use order_rules::decision::{Change, LineChange};
use order_rules::order::{DuplicateResolution, Order, OrderNumber, StatusId};
use order_rules::payments::{OperationState, PaymentId};
use order_rules::reconciling::{Conclusion, Difference};

use super::record::operation_summary;
use super::{booking, labelling, mailing};
use crate::commands::timestamp;
use crate::shops::Shop;
use crate::terms::Term;

/// The event of a change: its kind and what it says.
#[expect(clippy::too_many_lines, reason = "a table: one row per kind of change")]
pub(super) fn event(shop: &Shop, order: &Order, change: &Change) -> (EventKind, EventChange) {
    let nothing = EventChange::default();
    match change {
        Change::Created => (EventKind::OrderCreated, nothing),
        Change::StatusChangeRequested { from, to } => {
            (EventKind::StatusChangeRequested, moved(shop, *from, *to))
        }
        Change::StatusChanged { from, to } => (EventKind::StatusChanged, moved(shop, *from, *to)),
        Change::StatusChangeDropped { to } => (
            EventKind::StatusChangeDropped,
            EventChange { to_status: status(shop, *to), ..nothing },
        ),
        Change::PaymentAttached { payment } => {
            (EventKind::PaymentAttached, EventChange { payment_id: payment.0, ..nothing })
        }
        Change::PaymentUpdated { payment } => {
            (EventKind::PaymentUpdated, EventChange { payment_id: payment.0, ..nothing })
        }
        Change::OperationRequested { payment, operation, kind, amount_minor, credit } => {
            let state = OperationState::Pending;
            let summary = operation_summary(*operation, *kind, *amount_minor, state);
            let about = paying_out(shop, *credit);
            operation_event(EventKind::OperationRequested, *payment, summary, about)
        }
        Change::OperationResolved { payment, operation, kind, amount_minor, state, credit } => {
            let summary = operation_summary(*operation, *kind, *amount_minor, *state);
            let about = paying_out(shop, *credit);
            operation_event(EventKind::OperationResolved, *payment, summary, about)
        }
        Change::OperationSettled { payment, operation, kind, amount_minor, state, has_reason } => {
            let summary = operation_summary(*operation, *kind, *amount_minor, *state);
            let about = EventChange { has_reason: *has_reason, ..nothing };
            operation_event(EventKind::OperationSettled, *payment, summary, about)
        }
        Change::StockTaken { line, quantity } => (
            EventKind::StockTaken,
            EventChange { quantity: quantity.saturating_neg(), ..line_change(order, *line) },
        ),
        Change::StockPutBack { line, quantity } => (
            EventKind::StockPutBack,
            EventChange { quantity: *quantity, ..line_change(order, *line) },
        ),
        Change::Delivered { delivery } => {
            (EventKind::Delivered, EventChange { delivery_id: *delivery, ..nothing })
        }
        Change::DeliveryCancelled { delivery } => {
            (EventKind::DeliveryCancelled, EventChange { delivery_id: *delivery, ..nothing })
        }
        Change::ArrivalConfirmed { delivery, day } => (
            EventKind::ArrivalConfirmed,
            EventChange { delivery_id: *delivery, date: day.to_string(), ..nothing },
        ),
        Change::WithdrawalRecorded { day } => {
            (EventKind::WithdrawalRecorded, EventChange { date: day.to_string(), ..nothing })
        }
        Change::ProblemOpened { problem } => {
            (EventKind::ProblemOpened, problem_change(order, *problem))
        }
        Change::ProblemClosed { problem } => {
            (EventKind::ProblemClosed, problem_change(order, *problem))
        }
        Change::ProblemDismissed { problem } => (
            EventKind::ProblemClosed,
            EventChange { has_reason: true, ..problem_change(order, *problem) },
        ),
        Change::DuplicateFound { other } => pair(shop, EventKind::DuplicateFound, *other),
        Change::DuplicateResolved { other, resolution } => resolved(shop, *other, *resolution),
        Change::ResolutionRequested { other } => pair(shop, EventKind::ResolutionRequested, *other),
        Change::ResolutionDropped { other } => pair(shop, EventKind::ResolutionDropped, *other),
        Change::Edited { lines, from_gross_minor, to_gross_minor } => (
            EventKind::OrderEdited,
            EventChange {
                lines: lines.iter().map(edited_line).collect(),
                from_gross_minor: *from_gross_minor,
                to_gross_minor: *to_gross_minor,
                ..nothing
            },
        ),
        Change::Deleted => (EventKind::OrderDeleted, nothing),
        Change::ContactChanged { fields } => (
            EventKind::OrderUpdated,
            EventChange {
                fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                ..nothing
            },
        ),
        Change::NoteAdded => (EventKind::NoteAdded, nothing),
        Change::Credited { credit, gross_minor } => {
            let change =
                EventChange { to_gross_minor: *gross_minor, ..paying_out(shop, Some(*credit)) };
            (EventKind::OrderCredited, change)
        }
        Change::MailRequested { mail } => (EventKind::MailRequested, mail_change(order, *mail)),
        Change::MailResolved { mail } => (EventKind::MailResolved, mail_change(order, *mail)),
        Change::Reconciled { payment, conclusion, differences } => {
            let reconciliation = Some(reconciliation(*conclusion, differences));
            let about = EventChange { payment_id: payment.0, reconciliation, ..nothing };
            (EventKind::PaymentReconciled, about)
        }
        Change::ReservationExpiring { payment, expires_at } => {
            let expire_time = Some(timestamp(*expires_at));
            let about = EventChange { payment_id: payment.0, expire_time, ..nothing };
            (EventKind::ReservationExpiring, about)
        }
        Change::TransferRequested { transfer } => {
            (EventKind::TransferRequested, transfer_change(shop, order, *transfer))
        }
        Change::TransferResolved { transfer } => {
            (EventKind::TransferResolved, transfer_change(shop, order, *transfer))
        }
        Change::LabelRequested { label, print } => {
            (EventKind::LabelRequested, label_change(shop, order, *label, *print))
        }
        Change::LabelResolved { label, print } => {
            (EventKind::LabelResolved, label_change(shop, order, *label, *print))
        }
        Change::CustomerErased => (EventKind::CustomerErased, nothing),
    }
}

/// A comparison as it goes out.
pub(crate) fn reconciliation(
    conclusion: Conclusion,
    differences: &[Difference],
) -> v1::Reconciliation {
    let told = differences.iter().map(|one| v1::Difference {
        kind: one.kind.contract().into(),
        our_minor: one.our_minor,
        provider_minor: one.provider_minor,
        adopted: one.is_adopted,
    });
    v1::Reconciliation { state: conclusion.contract().into(), differences: told.collect() }
}

fn status(shop: &Shop, id: StatusId) -> String {
    shop.status_row(id).map(|row| shop.status_name(&row.slug)).unwrap_or_default()
}

fn moved(shop: &Shop, from: StatusId, to: StatusId) -> EventChange {
    EventChange {
        from_status: status(shop, from),
        to_status: status(shop, to),
        ..EventChange::default()
    }
}

fn paying_out(shop: &Shop, credit: Option<OrderNumber>) -> EventChange {
    let credit_order = credit.map(|credit| shop.order_name(credit.0)).unwrap_or_default();
    EventChange { credit_order, ..EventChange::default() }
}

fn operation_event(
    kind: EventKind,
    payment: PaymentId,
    operation: v1::Operation,
    about: EventChange,
) -> (EventKind, EventChange) {
    (kind, EventChange { payment_id: payment.0, operation: Some(operation), ..about })
}

fn pair(shop: &Shop, kind: EventKind, other: OrderNumber) -> (EventKind, EventChange) {
    (kind, EventChange { other_order: shop.order_name(other.0), ..EventChange::default() })
}

fn resolved(
    shop: &Shop,
    other: OrderNumber,
    resolution: DuplicateResolution,
) -> (EventKind, EventChange) {
    let (kind, change) = pair(shop, EventKind::DuplicateResolved, other);
    (kind, EventChange { resolution: resolution.contract().into(), ..change })
}

fn edited_line(change: &LineChange) -> v1::LineChange {
    v1::LineChange {
        line_id: change.line,
        from_quantity: change.from_quantity,
        to_quantity: change.to_quantity,
        from_unit_price_minor: change.from_unit_price_minor,
        to_unit_price_minor: change.to_unit_price_minor,
        from_gross_minor: change.from_gross_minor,
        to_gross_minor: change.to_gross_minor,
    }
}

fn mail_change(order: &Order, mail: i64) -> EventChange {
    let known = order.mails.iter().find(|known| known.id == mail);
    let mail = known.map(|mail| v1::Mail {
        // Those are the order's to tell: they stand there, and change.
        is_to_old_address: false,
        request_time: None,
        resolve_time: None,
        ..mailing::message(mail, "")
    });
    EventChange { mail, ..EventChange::default() }
}

fn transfer_change(shop: &Shop, order: &Order, transfer: i64) -> EventChange {
    let accounting_transfer = order.transfer(transfer).map(|known| booking::summary(shop, known));
    EventChange { accounting_transfer, ..EventChange::default() }
}

fn label_change(shop: &Shop, order: &Order, label: i64, print: Option<i64>) -> EventChange {
    let known = order.labels.iter().find(|known| known.id == label);
    let label = known.map(|known| labelling::summary(shop, order, known, print));
    EventChange { label, ..EventChange::default() }
}

fn line_change(order: &Order, line: i32) -> EventChange {
    let sku = order.lines.iter().find(|one| one.id == line).map(|one| one.sku.clone());
    EventChange { line_id: line, sku: sku.unwrap_or_default(), ..EventChange::default() }
}

fn problem_change(order: &Order, problem: i64) -> EventChange {
    let code = order.problems.iter().find(|one| one.id == problem).map(|one| one.code.name());
    EventChange {
        problem_id: problem,
        problem_code: code.unwrap_or_default().to_owned(),
        ..EventChange::default()
    }
}
