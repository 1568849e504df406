//! 7.1: which of time, customer, lines and total agree.

use super::{
    EarlierOrder, SAME_TIME_MICROS, bound_elsewhere, lines_fingerprint, mirrored,
    same_payment_evidence,
};
use crate::fixtures::{goods, operation, payment};
use crate::order::{DuplicateLink, DuplicateResolution, Line, Micros, OrderNumber, PriceBasis};
use crate::payments::{Operation, OperationKind, OperationState};

fn earlier() -> EarlierOrder {
    EarlierOrder {
        number: OrderNumber(1),
        placed_at: Micros(0),
        customer_key: "kari".to_owned(),
        lines_fingerprint: "mug".to_owned(),
        price_basis: PriceBasis::Gross,
        gross_minor: 100,
    }
}

#[test]
fn the_evidence_says_what_agrees() {
    let same = EarlierOrder { number: OrderNumber(2), ..earlier() };
    let all = DuplicateLink {
        other: OrderNumber(1),
        same_payment: true,
        same_time: true,
        same_customer: true,
        same_lines: true,
        same_total: true,
        resolution: DuplicateResolution::Open,
    };
    let late = Micros(SAME_TIME_MICROS + 1);
    let cases = [
        (same.clone(), all.clone()),
        (EarlierOrder { placed_at: Micros(SAME_TIME_MICROS), ..same.clone() }, all.clone()),
        (
            EarlierOrder { placed_at: late, ..same.clone() },
            DuplicateLink { same_time: false, ..all.clone() },
        ),
        (
            EarlierOrder { customer_key: "ola".to_owned(), ..same.clone() },
            DuplicateLink { same_customer: false, ..all.clone() },
        ),
        (
            EarlierOrder { lines_fingerprint: "cup".to_owned(), ..same.clone() },
            DuplicateLink { same_lines: false, ..all.clone() },
        ),
        (
            EarlierOrder { gross_minor: 99, ..same.clone() },
            DuplicateLink { same_total: false, ..all.clone() },
        ),
    ];
    for (new, expected) in cases {
        let link = same_payment_evidence(&new, &earlier());
        assert_eq!(link, expected);
        let back = DuplicateLink { other: OrderNumber(2), ..expected };
        assert_eq!(mirrored(&link, OrderNumber(2)), back);
    }
    let nobody = EarlierOrder { customer_key: String::new(), ..earlier() };
    assert!(!same_payment_evidence(&nobody, &nobody).same_customer);
}

#[test]
fn lines_have_one_fingerprint_in_any_order_and_another_with_any_difference() {
    let (mug, cup) = (goods(1, "mug", 2, 50), goods(2, "cup", 1, 70));
    let print = |lines: &[Line]| lines_fingerprint(lines);
    let both = print(&[mug.clone(), cup.clone()]);
    let renumbered = [Line { id: 1, ..cup.clone() }, Line { id: 2, ..mug.clone() }];
    assert_eq!(both, print(&renumbered));
    assert_eq!(both.len(), 32);
    let others = [
        vec![mug.clone()],
        vec![mug.clone(), cup.clone(), cup.clone()],
        vec![Line { quantity: 3, ..mug.clone() }, cup.clone()],
        vec![Line { unit_price_minor: 51, ..mug.clone() }, cup.clone()],
        vec![Line { discount_minor: 1, ..mug.clone() }, cup.clone()],
        vec![Line { title: "Mugg".to_owned(), ..mug.clone() }, cup.clone()],
        vec![Line { sku: "mug 3:mug".to_owned(), title: String::new(), ..mug }, cup],
    ];
    for lines in others {
        assert_ne!(print(&lines), both, "{lines:?}");
    }
}

#[test]
fn a_payment_is_bound_by_a_capture_that_may_happen() {
    use OperationState::{Accepted, Declined, Pending, Sent, Succeeded, Unknown, Withdrawn};
    let cases = [
        (Pending, true),
        (Sent, true),
        (Accepted, true),
        (Unknown, true),
        (Succeeded, true),
        (Declined, false),
        (Withdrawn, false),
    ];
    for (state, is_bound) in cases {
        let mut payment = payment(1, 100, &[1, 2]);
        payment.operations.push(Operation {
            order: OrderNumber(2),
            ..operation(1, OperationKind::Capture, 100, state)
        });
        let owner = is_bound.then_some(OrderNumber(2));
        assert_eq!(bound_elsewhere(&payment, OrderNumber(1)), owner, "{state:?}");
        assert_eq!(bound_elsewhere(&payment, OrderNumber(2)), None, "{state:?}");
    }
}
