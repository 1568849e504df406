//! An order's share of a payment: what can be told of it, and what cannot.

use order_rules::money::Currency;
use order_rules::payments::{
    Authorization, Capabilities, Holder, Operation, PaymentId, ProviderName,
};

use super::*;

fn operation(id: i64, kind: OperationKind, amount_minor: i64) -> Operation {
    Operation {
        id,
        order: OrderNumber(1),
        kind,
        amount_minor,
        state: OperationState::Succeeded,
        requested_at: Micros(1),
        resolved_at: Some(Micros(2)),
        provider_reason: None,
        provider_reference: None,
        credit: None,
    }
}

/// Of 100, authorized for order 1; order 2 hangs on it, too.
fn payment(shares: [i64; 2]) -> Payment {
    let holders = (1..).map(OrderNumber).zip(shares);
    Payment {
        id: PaymentId(1),
        provider: ProviderName("klarna".to_owned()),
        reference: "k-1".to_owned(),
        capabilities: Capabilities {
            is_manual: false,
            decline_rank: 5,
            can_release: true,
            keeps_remainder: true,
            can_lower: true,
            can_read_back: true,
            key_window: 1,
        },
        currency: Currency::from_code("NOK").unwrap(),
        authorization: Authorization::Held,
        authorized_minor: 100,
        expires_at: None,
        confirmed_at: None,
        confirmed_by: None,
        needs_attention: false,
        operations: vec![operation(1, OperationKind::Authorize, 100)],
        holders: holders
            .map(|(order, amount_minor)| Holder { order, is_live: true, amount_minor })
            .collect(),
    }
}

fn is_wrong(order: i64, payment: &Payment) -> bool {
    let mut findings = Findings::default();
    check_share(&mut findings, OrderNumber(order), payment);
    !findings.0.is_empty()
}

#[test]
fn a_share_is_what_was_stated_for_the_order() {
    let seen = |shares| [1, 2].map(|order| is_wrong(order, &payment(shares)));
    assert_eq!(seen([100, 100]), [false, false]);
    assert_eq!(seen([99, 100]), [true, false]);
    assert_eq!(seen([100, 99]), [false, true]);
}

#[test]
fn whoever_joined_later_may_have_stated_what_was_authorized_by_then() {
    let mut lowered = payment([100, 60]);
    lowered.operations.push(operation(2, OperationKind::UpdateAmount, 60));
    lowered.authorized_minor = 60;
    assert!(!is_wrong(2, &lowered));
    lowered.holders[0].amount_minor = 60;
    assert!(is_wrong(1, &lowered), "it was there first");

    let granted = Payment { authorized_minor: 90, ..payment([100, 90]) };
    assert!(!is_wrong(2, &granted));
    let unanswered = Payment { authorized_minor: 0, ..payment([100, 90]) };
    assert!(is_wrong(2, &unanswered));
}
