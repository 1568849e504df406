//! Every invariant is broken once, and seen.

use super::*;
use crate::fixtures::{CANCELLED, SENT, operation, order, payment, statuses};
use crate::order::{Micros, PendingChange};

/// An order of two mugs, half of it captured, with everything as it must be.
fn healthy() -> Case {
    let mut payment = payment(1, 100, &[1]);
    payment.operations.push(operation(7, OperationKind::Capture, 40, OperationState::Succeeded));
    let mut order = order(1, 100);
    order.payments = vec![payment.id];
    Case { order, payments: vec![payment] }
}

fn broken(damage: impl FnOnce(&mut Case)) -> Vec<&'static str> {
    let mut case = healthy();
    damage(&mut case);
    check_case(&case, &statuses()).into_iter().map(|breach| breach.invariant.name()).collect()
}

#[test]
fn a_healthy_order_has_nothing_wrong() {
    assert_eq!(broken(|_| {}), Vec::<&str>::new());
}

#[test]
fn wrong_amounts_are_seen() {
    let seen = broken(|case| case.order.lines[0].vat_minor += 1);
    assert!(seen.contains(&"line-amounts") && seen.contains(&"order-total"), "{seen:?}");
    assert_eq!(broken(|case| case.order.lines[0].unit_price_minor += 1), ["line-amounts"]);
    assert_eq!(broken(|case| case.order.lines[0].placed.gross_minor += 2), ["line-parts"]);
    let seen = broken(|case| case.order.gross_minor += 1);
    assert!(seen.contains(&"order-total") && seen.contains(&"vat-table"), "{seen:?}");
}

#[test]
fn wrong_quantities_are_seen() {
    let line = |damage: fn(&mut Line)| broken(move |case| damage(&mut case.order.lines[0]));
    let seen = line(|line| line.delivered = 3);
    assert!(seen.contains(&"line-quantities") && seen.contains(&"deliveries"), "{seen:?}");
    assert_eq!(line(|line| line.captured = 3), ["line-quantities"]);
    assert_eq!(line(|line| line.credited = 1), ["line-quantities"]);
    assert_eq!(line(|line| line.kept_back = 1), ["line-quantities"], "not credited");
    let unsent = |line: &mut Line| (line.captured, line.credited) = (1, 1);
    assert_eq!(line(unsent), ["line-quantities"], "credited, neither sent nor kept back");
    assert_eq!(line(|line| line.stock_put_back = 1), ["line-stock"]);
    assert_eq!(line(|line| line.credited_gross_minor = 101), ["line-credit"]);
    assert_eq!(line(|line| line.delivered = 1), ["deliveries"]);
}

#[test]
fn a_status_that_lies_is_seen() {
    assert_eq!(broken(|case| case.order.status = SENT), ["completed-is-captured"]);
    let seen = broken(|case| case.order.status = CANCELLED);
    assert_eq!(seen, ["cancelled-lets-go", "cancel-time"]);
    assert_eq!(broken(|case| case.order.kind = OrderKind::Credit), ["credit-kind"]);
    let pending = PendingChange {
        to: SENT,
        restock: None,
        has_note: false,
        send_email: false,
        requested_at: Micros(1),
    };
    assert_eq!(broken(|case| case.order.pending = Some(pending)), ["pending-has-a-way-out"]);
}

/// Half of it is captured.
fn cancelled(damage: impl FnOnce(&mut Case)) -> Vec<&'static str> {
    broken(|case| {
        case.order.status = CANCELLED;
        case.order.cancelled_at = Some(Micros(5));
        case.payments[0].holders[0].is_live = false;
        damage(case);
    })
}

#[test]
fn money_that_a_cancelled_order_keeps_is_seen() {
    use OperationKind::{CaptureReversal, Refund};
    use OperationState::{Declined, Pending, Succeeded};
    let kept = ["cancelled-keeps-no-money"];
    assert_eq!(cancelled(|_| {}), kept);
    let with = |kind, amount, state| {
        cancelled(|case| case.payments[0].operations.push(operation(8, kind, amount, state)))
    };
    assert_eq!(with(Refund, 39, Succeeded), kept, "not all of it");
    let whole = |case: &mut Case| case.payments[0].operations[0].amount_minor = 100;
    assert_eq!(cancelled(whole), kept, "captured and not credited");

    // What explains it.
    let none: [&str; 0] = [];
    assert_eq!(with(Refund, 40, Succeeded), none);
    assert_eq!(with(Refund, 40, Pending), none);
    assert_eq!(with(CaptureReversal, 40, Succeeded), none);
    assert_eq!(with(Refund, 40, Declined), none, "it came back afterwards");
    let elsewhere = |case: &mut Case| {
        let reference = Some(crate::reconciling::AT_PROVIDER.to_owned());
        case.payments[0].operations[0].provider_reference = reference;
    };
    assert_eq!(cancelled(elsewhere), none);
    let later = |case: &mut Case| case.payments[0].operations[0].resolved_at = Some(Micros(6));
    assert_eq!(cancelled(later), none, "by an attempt to come back");
    let credited = |case: &mut Case| {
        whole(case);
        for line in &mut case.order.lines {
            (line.captured, line.credited) = (line.quantity, line.quantity);
            line.kept_back = line.quantity;
            line.credited_gross_minor = line.gross_minor;
            line.credited_vat_minor = line.vat_minor;
        }
    };
    assert_eq!(cancelled(credited), none);
    let told = |case: &mut Case| {
        let mut ids = crate::decision::Ids(90);
        let mut draft = crate::draft::Draft::new(case.clone(), &mut ids, Micros(7));
        let code = crate::refusals::Code::ChangedAtProvider;
        draft.open_problem(code, crate::draft::About::default(), Vec::new());
        *case = draft.finish().case;
    };
    assert_eq!(cancelled(told), none);
}

#[test]
fn a_wrong_ledger_is_seen() {
    use OperationKind::{Capture, Refund, Void};
    use OperationState::{Accepted, Sent, Succeeded};
    let with = |kind, amount, state| {
        broken(move |case| {
            case.payments[0].operations.push(operation(8, kind, amount, state));
        })
    };
    assert_eq!(with(Capture, 61, Succeeded), ["captured-within-authorized"]);
    assert_eq!(
        with(Refund, 41, Succeeded),
        ["refunded-within-captured", "refunded-within-captured"]
    );
    assert_eq!(with(Void, 60, Succeeded), ["void-or-capture", "void-or-capture"]);
    let seen = broken(|case| {
        case.payments[0].operations.push(operation(8, Capture, 10, Sent));
        case.payments[0].operations.push(operation(9, Capture, 10, Accepted));
    });
    assert_eq!(seen, ["one-in-flight"]);
    let seen = broken(|case| {
        let other = Operation { order: OrderNumber(2), ..operation(8, Capture, 10, Succeeded) };
        case.payments[0].operations.push(other);
    });
    assert_eq!(seen, ["one-order-per-capture"]);
    let seen = broken(|case| case.payments[0].operations[0].resolved_at = None);
    assert_eq!(seen, ["operation-times"]);
}
