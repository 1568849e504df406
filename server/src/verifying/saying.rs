//! What an event of each kind says: the parts that it must have, those that it may have, and no others.

use order_proto::v1::{EventChange, EventKind, OperationState};

/// A part of what an event says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    AccountingTransfer,
    CreditOrder,
    Date,
    Delivery,
    ExpireTime,
    Fields,
    FromGross,
    FromStatus,
    HasReason,
    Integration,
    Label,
    Line,
    Lines,
    Mail,
    Note,
    Operation,
    OtherOrder,
    Payment,
    Problem,
    ProblemCode,
    Quantity,
    Reconciliation,
    Resolution,
    Sku,
    Status,
    ToGross,
    ToStatus,
}

/// Whether an event is about an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Order,
    Shop,
    Either,
}

/// Whether an event of this kind, about an order or about the shop, can say this.
pub(super) fn fits(kind: EventKind, is_about_order: bool, change: &EventChange) -> bool {
    let (needed, possible) = parts(kind);
    let said = said(change);
    let is_whole = needed.iter().all(|part| said.contains(part));
    let is_all = said.iter().all(|part| needed.contains(part) || possible.contains(part));
    let is_well_placed = match about(kind) {
        About::Order => is_about_order,
        About::Shop => !is_about_order,
        About::Either => true,
    };
    is_whole && is_all && is_well_placed && is_sensible(kind, change)
}

fn about(kind: EventKind) -> About {
    use EventKind::{IntegrationsChanged, Noop, ShopChanged, StatusesChanged, StockChanged};
    match kind {
        Noop => About::Either,
        ShopChanged | StatusesChanged | StockChanged | IntegrationsChanged => About::Shop,
        _ => About::Order,
    }
}

/// What tells kinds apart that say the same.
fn is_sensible(kind: EventKind, change: &EventChange) -> bool {
    use OperationState::{Declined, Pending, Succeeded, Withdrawn};
    let state = change.operation.as_ref().map(|operation| operation.state());
    match kind {
        EventKind::Unspecified => false,
        EventKind::OperationRequested => state == Some(Pending),
        EventKind::OperationResolved => {
            matches!(state, Some(Succeeded | Declined | Withdrawn))
        }
        EventKind::StockTaken => change.quantity < 0,
        EventKind::StockPutBack => change.quantity > 0,
        EventKind::Noop => change.operation.is_some() == (change.payment_id != 0),
        _ => true,
    }
}

/// The parts that an event of this kind must have, and those that it may have beside.
fn parts(kind: EventKind) -> (&'static [Part], &'static [Part]) {
    use EventKind as Kind;
    use Part::{
        AccountingTransfer, CreditOrder, Date, Delivery, ExpireTime, Fields, FromGross, FromStatus,
        HasReason, Integration, Label, Line, Lines, Mail, Note, Operation, OtherOrder, Payment,
        Problem, ProblemCode, Quantity, Reconciliation, Resolution, Sku, Status, ToGross, ToStatus,
    };
    match kind {
        Kind::Unspecified | Kind::OrderCreated | Kind::OrderDeleted | Kind::CustomerErased => {
            (&[], &[])
        }
        Kind::StatusChangeRequested | Kind::StatusChanged => (&[FromStatus, ToStatus], &[]),
        Kind::StatusChangeDropped => (&[ToStatus], &[]),
        Kind::PaymentAttached | Kind::PaymentUpdated => (&[Payment], &[]),
        Kind::OperationRequested | Kind::OperationResolved => {
            (&[Payment, Operation], &[CreditOrder])
        }
        Kind::OperationSettled => (&[Payment, Operation], &[HasReason]),
        Kind::StockTaken | Kind::StockPutBack => (&[Line, Quantity, Sku], &[]),
        Kind::StockChanged => (&[Sku], &[Quantity]),
        Kind::Delivered | Kind::DeliveryCancelled => (&[Delivery], &[]),
        Kind::ArrivalConfirmed => (&[Delivery, Date], &[]),
        Kind::WithdrawalRecorded => (&[Date], &[]),
        Kind::ProblemOpened => (&[Problem, ProblemCode], &[]),
        Kind::ProblemClosed => (&[Problem, ProblemCode], &[HasReason]),
        Kind::DuplicateFound | Kind::ResolutionRequested | Kind::ResolutionDropped => {
            (&[OtherOrder], &[])
        }
        Kind::DuplicateResolved => (&[OtherOrder, Resolution], &[]),
        Kind::OrderUpdated => (&[Fields], &[]),
        Kind::NoteAdded => (&[Note], &[]),
        Kind::StatusesChanged => (&[Status], &[Fields]),
        Kind::ShopChanged => (&[], &[Fields]),
        Kind::IntegrationsChanged => (&[Integration], &[Fields]),
        Kind::Noop => (&[], &[Payment, Operation]),
        Kind::OrderEdited => (&[], &[Lines, FromGross, ToGross]),
        Kind::OrderCredited => (&[CreditOrder], &[ToGross]),
        Kind::MailRequested | Kind::MailResolved => (&[Mail], &[]),
        Kind::TransferRequested | Kind::TransferResolved => (&[AccountingTransfer], &[]),
        Kind::LabelRequested | Kind::LabelResolved => (&[Label], &[]),
        Kind::PaymentReconciled => (&[Payment, Reconciliation], &[]),
        Kind::ReservationExpiring => (&[Payment, ExpireTime], &[]),
    }
}

/// The parts that an event has.
fn said(change: &EventChange) -> Vec<Part> {
    let EventChange {
        from_status,
        to_status,
        payment_id,
        operation,
        line_id,
        quantity,
        sku,
        problem_id,
        problem_code,
        other_order,
        fields,
        status,
        lines,
        from_gross_minor,
        to_gross_minor,
        credit_order,
        delivery_id,
        date,
        mail,
        resolution,
        has_reason,
        note_id,
        integration,
        reconciliation,
        expire_time,
        accounting_transfer,
        label,
    } = change;
    let said = [
        (Part::AccountingTransfer, accounting_transfer.is_some()),
        (Part::CreditOrder, !credit_order.is_empty()),
        (Part::Date, !date.is_empty()),
        (Part::Delivery, *delivery_id != 0),
        (Part::ExpireTime, expire_time.is_some()),
        (Part::Fields, !fields.is_empty()),
        (Part::FromGross, *from_gross_minor != 0),
        (Part::FromStatus, !from_status.is_empty()),
        (Part::HasReason, *has_reason),
        (Part::Integration, !integration.is_empty()),
        (Part::Label, label.is_some()),
        (Part::Line, *line_id != 0),
        (Part::Lines, !lines.is_empty()),
        (Part::Mail, mail.is_some()),
        (Part::Note, *note_id != 0),
        (Part::Operation, operation.is_some()),
        (Part::OtherOrder, !other_order.is_empty()),
        (Part::Payment, *payment_id != 0),
        (Part::Problem, *problem_id != 0),
        (Part::ProblemCode, !problem_code.is_empty()),
        (Part::Quantity, *quantity != 0),
        (Part::Reconciliation, reconciliation.is_some()),
        (Part::Resolution, *resolution != 0),
        (Part::Sku, !sku.is_empty()),
        (Part::Status, !status.is_empty()),
        (Part::ToGross, *to_gross_minor != 0),
        (Part::ToStatus, !to_status.is_empty()),
    ];
    said.into_iter().filter(|(_, is_said)| *is_said).map(|(part, _)| part).collect()
}

#[cfg(test)]
mod tests {
    use order_proto::v1;

    use super::*;

    fn paid(state: OperationState) -> EventChange {
        let operation = v1::Operation { id: 7, state: state.into(), ..v1::Operation::default() };
        EventChange { payment_id: 1, operation: Some(operation), ..EventChange::default() }
    }

    fn moved(quantity: i64) -> EventChange {
        EventChange { line_id: 1, sku: "CUP".to_owned(), quantity, ..EventChange::default() }
    }

    #[test]
    fn an_event_says_what_its_kind_tells_of() {
        let nothing = EventChange::default();
        let status = EventChange {
            from_status: "shops/a/orderStatuses/new".to_owned(),
            to_status: "shops/a/orderStatuses/sent".to_owned(),
            ..EventChange::default()
        };
        for (kind, change) in [
            (EventKind::OrderCreated, &nothing),
            (EventKind::StatusChanged, &status),
            (EventKind::OperationRequested, &paid(OperationState::Pending)),
            (EventKind::OperationResolved, &paid(OperationState::Declined)),
            (EventKind::StockTaken, &moved(-2)),
            (EventKind::StockPutBack, &moved(2)),
            (EventKind::Noop, &nothing),
            (EventKind::Noop, &paid(OperationState::Unknown)),
        ] {
            assert!(fits(kind, true, change), "{kind:?} {change:?}");
            let is_about_either = kind == EventKind::Noop;
            assert_eq!(fits(kind, false, change), is_about_either, "{kind:?} {change:?}");
        }
        assert!(fits(EventKind::ShopChanged, false, &nothing));
        assert!(!fits(EventKind::ShopChanged, true, &nothing));
    }

    #[test]
    fn what_says_too_little_too_much_or_something_else_is_of_another_kind() {
        let nothing = EventChange::default();
        let payment = EventChange { payment_id: 1, ..EventChange::default() };
        for (kind, change) in [
            (EventKind::Unspecified, &nothing),
            (EventKind::StatusChanged, &nothing),
            (EventKind::OrderCreated, &payment),
            (EventKind::Noop, &payment),
            (EventKind::PaymentUpdated, &paid(OperationState::Pending)),
            (EventKind::OperationRequested, &paid(OperationState::Succeeded)),
            (EventKind::OperationResolved, &paid(OperationState::Pending)),
            (EventKind::StockTaken, &moved(2)),
            (EventKind::StockPutBack, &moved(-2)),
        ] {
            assert!(!fits(kind, true, change), "{kind:?} {change:?}");
        }
    }
}
