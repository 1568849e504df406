//! Every way in which an event can be of another order or kind than it was is seen.

use order_proto::v1::{Operation, OperationState, PendingStatusChange};

use super::*;

const NEW: &str = "shops/a/orderStatuses/new";
const SENT: &str = "shops/a/orderStatuses/sent";

fn link(revision: i64, kind: EventKind, change: &EventChange) -> LinkRow {
    LinkRow {
        revision,
        command_revision: 1,
        kind: kind as i16,
        order_number: Some(7),
        created_at: 100,
        request_id: vec![1],
        content: None,
        change: change.encode_to_vec(),
        document: None,
    }
}

fn written(number: i64, status: &str, waits_for: Option<&str>) -> Option<Vec<u8>> {
    let pending = waits_for.map(|status| PendingStatusChange {
        status: status.to_owned(),
        ..PendingStatusChange::default()
    });
    let order = v1::Order {
        name: format!("shops/a/orders/{number}"),
        number,
        status: status.to_owned(),
        pending_status_change: pending,
        ..v1::Order::default()
    };
    let mut document = order.encode_to_vec();
    // Cut off within the lines.
    document.extend([0x4a, 0x7f, 0x01]);
    Some(document)
}

fn moved() -> EventChange {
    EventChange {
        from_status: NEW.to_owned(),
        to_status: SENT.to_owned(),
        ..EventChange::default()
    }
}

/// A command about order 7: a capture succeeded, and the label moved.
fn command() -> Vec<LinkRow> {
    let operation =
        Operation { id: 3, state: OperationState::Succeeded.into(), ..Operation::default() };
    let captured =
        EventChange { payment_id: 2, operation: Some(operation), ..EventChange::default() };
    let delivered = EventChange { delivery_id: 1, ..EventChange::default() };
    vec![
        link(1, EventKind::OperationResolved, &captured),
        link(2, EventKind::StatusChanged, &moved()),
        LinkRow { document: written(7, SENT, None), ..link(3, EventKind::Delivered, &delivered) },
    ]
}

/// The orders with whose events something is wrong.
fn wrong(rows: &[LinkRow]) -> Vec<Option<i64>> {
    let mut commands = Commands::default();
    let mut wrong: Vec<Wrong> = rows.iter().flat_map(|row| commands.follow(row)).collect();
    wrong.extend(commands.end());
    wrong.into_iter().map(|(order, _)| order).collect()
}

fn damaged(damage: impl FnOnce(&mut [LinkRow])) -> Vec<Option<i64>> {
    let mut rows = command();
    damage(&mut rows);
    wrong(&rows)
}

#[test]
fn a_whole_command_has_nothing_wrong() {
    assert_eq!(damaged(|_| {}), []);
    let noop = LinkRow { command_revision: 4, ..link(4, EventKind::Noop, &EventChange::default()) };
    assert_eq!(wrong(&[command(), vec![noop]].concat()), []);
}

#[test]
fn an_event_of_another_order_is_seen() {
    for place in [0, 1] {
        let seen = damaged(|rows| rows[place].order_number = Some(8));
        assert_eq!(seen, [Some(8)], "without the order");
    }
    let seen = damaged(|rows| rows[2].order_number = Some(8));
    assert_eq!(seen, [Some(7), Some(8)], "the last");
    assert_eq!(damaged(|rows| rows[0].order_number = None), [None]);
}

#[test]
fn an_event_of_another_kind_is_seen() {
    let kind = |place: usize, kind: EventKind| damaged(|rows| rows[place].kind = kind as i16);
    assert_eq!(kind(0, EventKind::OperationRequested), [Some(7)]);
    assert_eq!(kind(0, EventKind::PaymentUpdated), [Some(7)]);
    assert_eq!(kind(1, EventKind::StatusChangeRequested), [Some(7)], "nothing waits");
    assert_eq!(kind(1, EventKind::Noop), [Some(7)]);
    assert_eq!(damaged(|rows| rows[1].kind = 99), [Some(7)]);
}

#[test]
fn another_order_or_none_where_it_is_written_down_is_seen() {
    let last = |document: Option<Vec<u8>>| damaged(|rows| rows[2].document = document);
    assert_eq!(last(None), [Some(7)]);
    assert_eq!(last(written(8, SENT, None)), [Some(7)]);
    assert_eq!(last(written(7, NEW, None)), [Some(7)]);
    assert_eq!(damaged(|rows| rows[1].document = written(7, SENT, None)), [Some(7)]);
}

#[test]
fn a_change_that_waits_is_written_down() {
    let asked = |waits_for: Option<&str>| {
        let document = written(7, NEW, waits_for);
        let asked = link(1, EventKind::StatusChangeRequested, &moved());
        wrong(&[LinkRow { document, ..asked }])
    };
    assert_eq!(asked(Some(SENT)), []);
    assert_eq!(asked(Some(NEW)), [Some(7)]);
    assert_eq!(asked(None), [Some(7)]);
}
