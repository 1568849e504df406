//! When an order may forget its customer.

use super::{first_of_year, is_money_open, voucher_kept_until, year_of};
use crate::decision::Case;
use crate::fixtures::{operation, order, payment};
use crate::order::{Day, Micros, OrderNumber, Problem};
use crate::payments::{Operation, OperationKind, OperationState};
use crate::refusals::Code;

fn case(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case { order: order(1, 100), payments: vec![payment(1, 100, &[1])] };
    case.order.completed_at = Some(Micros(1));
    change(&mut case);
    case
}

#[test]
fn money_is_open_until_the_order_is_settled() {
    let problem = |operation| Problem {
        id: 1,
        code: Code::RefundDeclined,
        details: Vec::new(),
        payment: None,
        operation,
        opened_at: Micros(1),
        closed_at: None,
    };
    assert!(!is_money_open(&case(|_| {})));
    assert!(is_money_open(&case(|case| case.order.completed_at = None)));
    assert!(!is_money_open(&case(|case| {
        case.order.completed_at = None;
        case.order.cancelled_at = Some(Micros(1));
    })));
    for state in [OperationState::Pending, OperationState::Sent, OperationState::Unknown] {
        let asked = operation(7, OperationKind::Refund, 100, state);
        assert!(is_money_open(&case(|case| case.payments[0].operations.push(asked))));
    }
    assert!(is_money_open(&case(|case| case.order.problems.push(problem(Some(7))))));
    assert!(!is_money_open(&case(|case| case.order.problems.push(problem(None)))));
}

#[test]
fn money_is_open_until_it_is_back_after_a_withdrawal() {
    use OperationState::{Declined, Succeeded};
    let is_open = |operations: Vec<Operation>, credited: i64| {
        is_money_open(&case(|case| {
            case.order.withdrawal.withdrawn_on = Some(Day(1));
            case.order.lines[0].credited = credited;
            case.order.credits = (credited > 0).then_some(OrderNumber(2)).into_iter().collect();
            case.payments[0].operations = operations;
        }))
    };
    let capture = || operation(7, OperationKind::Capture, 100, Succeeded);
    let refund = |state| Operation {
        credit: Some(OrderNumber(2)),
        ..operation(8, OperationKind::Refund, 100, state)
    };
    assert!(!is_open(Vec::new(), 0), "nothing was taken");
    assert!(is_open(vec![capture()], 0));
    assert!(!is_open(vec![capture()], 2), "credited, and paid back by hand");
    assert!(!is_open(vec![capture(), refund(Succeeded)], 1), "what came back is credited");
    assert!(is_open(vec![capture(), refund(Declined)], 2));
    assert!(!is_open(vec![capture(), refund(Succeeded)], 2));
}

#[test]
fn a_voucher_is_kept_five_years_after_its_year() {
    for year in [1970, 1999, 2000, 2024, 2025, 2026, 2100, 2101] {
        assert_eq!(year_of(first_of_year(year)), year);
        assert_eq!(year_of(Micros(first_of_year(year + 1).0 - 1)), year);
    }
    // 2026-11-25T12:00:00Z, and the last hour of that year.
    for time in [1_795_608_000, 1_798_761_599 - 14 * 3_600] {
        let kept = case(|case| case.order.completed_at = Some(Micros(time * 1_000_000)));
        assert_eq!(voucher_kept_until(&kept), Some(first_of_year(2032)));
    }
    let new_year = case(|case| case.order.completed_at = Some(Micros(1_798_761_599_000_000)));
    assert_eq!(voucher_kept_until(&new_year), Some(first_of_year(2033)));
    let nothing = case(|case| case.order.completed_at = None);
    assert_eq!(voucher_kept_until(&nothing), None);
}
