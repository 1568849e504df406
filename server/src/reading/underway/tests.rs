//! Documents of orders, and what is found and changed in them.

use order_proto::v1::OperationState::{
    Accepted, Declined, Pending, Sent, Succeeded, Unknown, Withdrawn,
};

use super::*;

/// An order with these operations, two to a payment.
fn order(states: &[v1::OperationState]) -> v1::Order {
    let operations: Vec<v1::Operation> = (1..)
        .zip(states)
        .map(|(id, state)| v1::Operation {
            id,
            kind: v1::OperationKind::Capture.into(),
            state: (*state).into(),
            amount_minor: -1,
            provider_reason: "why".to_owned(),
            ..v1::Operation::default()
        })
        .collect();
    let payment = |some: &[v1::Operation]| v1::Payment {
        provider: "klarna".to_owned(),
        operations: some.to_vec(),
        ..v1::Payment::default()
    };
    v1::Order {
        name: "shops/a/orders/1".to_owned(),
        number: 1,
        payments: operations.chunks(2).map(payment).collect(),
        lines: vec![v1::Line { title: "Kopp".to_owned(), ..v1::Line::default() }],
        ..v1::Order::default()
    }
}

#[test]
fn only_what_is_not_answered_is_looked_after() {
    for (states, ids) in [
        (vec![], vec![]),
        (vec![Succeeded, Declined, Withdrawn, Accepted, Unknown], vec![]),
        (vec![Succeeded, Pending, Sent], vec![2, 3]),
    ] {
        assert_eq!(unanswered(&order(&states).encode_to_vec()), ids, "{states:?}");
    }
    let document = order(&[Pending]).encode_to_vec();
    for end in 0..document.len() {
        // Whatever is no message is no order with anything on its way, and no panic.
        assert!(unanswered(&document[..end]).len() <= 1);
    }
    assert!(unanswered(&[0xff; 40]).is_empty());
}

#[test]
fn an_operation_is_told_as_far_as_it_has_come() {
    let states = |of: &v1::Order| -> Vec<v1::OperationState> {
        of.payments.iter().flat_map(|one| &one.operations).map(v1::Operation::state).collect()
    };
    for (written, now, told) in [
        (Pending, EffectState::Sent, Sent),
        (Pending, EffectState::Accepted, Accepted),
        (Sent, EffectState::Unknown, Unknown),
        (Sent, EffectState::Pending, Pending),
        (Pending, EffectState::Done, Pending),
        (Succeeded, EffectState::Sent, Succeeded),
        (Unknown, EffectState::Sent, Unknown),
    ] {
        let before = order(&[Succeeded, written, Pending]);
        let after = amended(&before.encode_to_vec(), &BTreeMap::from([(2, now)])).unwrap();
        let after = v1::Order::decode(after.as_slice()).unwrap();
        assert_eq!(states(&after), [Succeeded, told, Pending], "{written:?} {now:?}");
        assert_eq!((after.lines, after.number), (before.lines, before.number));
    }
}
