//! What may be transferred when, and what becomes of it.

use super::{
    Booked, NewTransfer, Transfer, TransferForm, TransferOutcome, TransferState, check_retry,
    due_at, record, transfer,
};
use crate::attention::{dismiss, retry};
use crate::changing::{ChangeStatus, ChangingFacts, change_status};
use crate::decision::{Case, Change, Decision, Ids};
use crate::fixtures::{RETURNED, SENT, operation, order, payment, rulebook, statuses};
use crate::order::{CreditOf, Micros, Order, OrderKind, OrderNumber, Problem};
use crate::payments::{Operation, OperationKind, OperationState, Payment, PaymentId};
use crate::privacy::is_money_open;
use crate::refusals::Code;
use crate::shop::Rulebook;
use std::collections::BTreeMap;

use TransferForm::{Invoice, Order as AsOrder};
use TransferState::{Declined, Pending, Succeeded, Unknown, Withdrawn};

/// How a transfer stands.
type Stands = (TransferForm, TransferState);

const NOW: Micros = Micros(7);

fn wanted(form: TransferForm) -> NewTransfer {
    NewTransfer { integration: "tripletex".to_owned(), form, sends_mail: true }
}

fn completed() -> Case {
    let order = Order { completed_at: Some(NOW), status: SENT, ..order(1001, 10_000) };
    Case { order, payments: Vec::new() }
}

fn credit() -> Case {
    let origin = CreditOf { original: OrderNumber(1001), credit_number: 1 };
    let mut case = completed();
    case.order.kind = OrderKind::Credit;
    case.order.credit = Some(origin);
    case
}

fn with(mut case: Case, rows: &[Stands]) -> Case {
    for (id, (form, state)) in (10..).zip(rows) {
        let decision = transfer(&completed(), None, wanted(*form), &mut Ids(id), NOW).unwrap();
        let known = decision.case.order.transfers[0].clone();
        case.order.transfers.push(Transfer { state: *state, ..known });
    }
    case
}

fn states(case: &Case) -> Vec<TransferState> {
    case.order.transfers.iter().map(|transfer| transfer.state).collect()
}

fn open_codes(case: &Case) -> Vec<Code> {
    let open = case.order.problems.iter().filter(|problem| problem.closed_at.is_none());
    open.map(|problem| problem.code).collect()
}

fn facts<'a>(case: &'a Case, rulebook: &'a Rulebook) -> ChangingFacts<'a> {
    static STATUSES: std::sync::LazyLock<crate::statuses::Statuses> =
        std::sync::LazyLock::new(statuses);
    static ITEMS: BTreeMap<String, crate::stock::Item> = BTreeMap::new();
    ChangingFacts { case, statuses: &STATUSES, rulebook, items: &ITEMS }
}

fn failed(case: &Case, id: i64, outcome: &TransferOutcome) -> Decision {
    record(case, id, outcome, &mut Ids(100), NOW)
}

/// Nobody knows, after the system has said this.
fn lost(reason: &str) -> TransferOutcome {
    TransferOutcome::Unknown { reason: reason.to_owned() }
}

#[test]
fn an_invoice_is_final_and_an_order_is_not() {
    // What stands already, what is asked for, the refusal, and what became of those before.
    let rows: [(&[Stands], TransferForm, Option<Code>); 12] = [
        (&[], Invoice, None),
        (&[], AsOrder, None),
        (&[(Invoice, Succeeded)], Invoice, Some(Code::AlreadyTransferred)),
        (&[(Invoice, Succeeded)], AsOrder, Some(Code::AlreadyTransferred)),
        (&[(AsOrder, Succeeded)], AsOrder, None),
        (&[(AsOrder, Succeeded)], Invoice, None),
        (&[(AsOrder, Pending)], Invoice, Some(Code::EffectPending)),
        (&[(Invoice, Pending)], Invoice, Some(Code::EffectPending)),
        (&[(Invoice, Declined)], Invoice, None),
        (&[(Invoice, Declined), (AsOrder, Succeeded)], Invoice, None),
        (&[(Invoice, Unknown)], Invoice, None),
        (&[(Invoice, Withdrawn)], AsOrder, None),
    ];
    for (known, form, refusal) in rows {
        let case = with(completed(), known);
        let decided = transfer(&case, None, wanted(form), &mut Ids(50), NOW);
        let told = format!("{known:?} {form:?}");
        match (decided, refusal) {
            (Err(refused), Some(code)) => assert_eq!(refused.code, code, "{told}"),
            (Ok(decision), None) => {
                assert_eq!(decision.transfers, [50], "{told}");
                let last = decision.case.order.transfers.last().unwrap();
                assert_eq!((last.form, last.state), (form, Pending), "{told}");
                assert_eq!(last.sends_mail, form == Invoice, "only an invoice is mailed: {told}");
                let gave_up: Vec<i64> = known
                    .iter()
                    .zip(10..)
                    .filter(|((_, state), _)| *state == Unknown)
                    .map(|(_, id)| id)
                    .collect();
                assert_eq!(decision.withdrawn, gave_up, "{told}");
                assert!(is_money_open(&decision.case), "{told}");
            }
            (decided, _) => panic!("{told}: {decided:?}"),
        }
    }
    let placed = Case { order: order(1001, 10_000), payments: Vec::new() };
    let refused = transfer(&placed, None, wanted(Invoice), &mut Ids(50), NOW).unwrap_err();
    assert_eq!(refused.code, Code::NotCompleted);
}

#[test]
fn a_credit_note_needs_the_invoice_it_credits() {
    let sale = |rows| with(completed(), rows);
    let elsewhere = NewTransfer { integration: "other".to_owned(), ..wanted(Invoice) };
    for (sale, asked, is_right) in [
        (None, wanted(Invoice), false),
        (Some(sale(&[])), wanted(Invoice), false),
        (Some(sale(&[(AsOrder, Succeeded)])), wanted(Invoice), false),
        (Some(sale(&[(Invoice, Declined)])), wanted(Invoice), false),
        (Some(sale(&[(Invoice, Succeeded)])), wanted(Invoice), true),
        (Some(sale(&[(Invoice, Succeeded)])), elsewhere, false),
        (Some(sale(&[])), wanted(AsOrder), true),
    ] {
        let told = format!("{sale:?} {asked:?}");
        match transfer(&credit(), sale.as_ref(), asked, &mut Ids(50), NOW) {
            Ok(_) => assert!(is_right, "{told}"),
            Err(refused) => {
                assert!(!is_right, "{told}");
                assert_eq!(refused.code, Code::OriginalNotTransferred);
                let mut details = vec![("original", "1001".to_owned())];
                let invoiced = sale.as_ref().and_then(|sale| sale.order.invoiced());
                details.extend(invoiced.map(|one| ("integration", one.integration.clone())));
                assert_eq!(refused.details, details);
            }
        }
    }
}

#[test]
fn a_credit_note_waits_for_the_money_that_is_on_its_way_back() {
    use OperationState::{Accepted, Pending as Planned, Sent, Unknown as Lost};
    let refund = |credit: i64, state| Operation {
        order: OrderNumber(1001),
        credit: Some(OrderNumber(credit)),
        ..operation(77, OperationKind::Refund, 4_000, state)
    };
    let sale = |operation| Case {
        payments: vec![Payment { operations: vec![operation], ..payment(5, 10_000, &[1001]) }],
        ..with(completed(), &[(Invoice, Succeeded)])
    };
    let credit = || {
        let mut case = credit();
        case.order.number = OrderNumber(1002);
        case
    };
    let declined = with(credit(), &[(AsOrder, Declined), (Invoice, Declined)]);
    for (known, is_open) in [
        (refund(1002, Planned), true),
        (refund(1002, Sent), true),
        (refund(1002, Accepted), true),
        (refund(1002, Lost), true),
        (refund(1002, OperationState::Succeeded), false),
        (refund(1002, OperationState::Declined), false),
        (refund(1003, Sent), false),
        (Operation { credit: None, ..refund(1002, Sent) }, false),
    ] {
        let told = format!("{known:?}");
        let sale = sale(known);
        let note = transfer(&credit(), Some(&sale), wanted(Invoice), &mut Ids(50), NOW);
        let retried = check_retry(&declined, Some(&sale), 11);
        for outcome in [note.map(drop), retried] {
            match outcome {
                Ok(()) => assert!(!is_open, "{told}"),
                Err(refused) => {
                    assert!(is_open, "{told}");
                    assert_eq!(refused.code, Code::EffectPending);
                    assert_eq!(refused.details, [("operation", "77".to_owned())]);
                }
            }
        }
        // An order there is invoiced later, with what was paid by then.
        assert!(transfer(&credit(), Some(&sale), wanted(AsOrder), &mut Ids(50), NOW).is_ok());
        assert_eq!(check_retry(&declined, Some(&sale), 10), Ok(()));
    }
}

#[test]
fn a_credit_note_waits_for_a_refund_that_a_problem_says_is_owed() {
    use OperationState::Succeeded as Done;
    let capture = operation(76, OperationKind::Capture, 10_000, Done);
    let refund = |id, state| Operation {
        order: OrderNumber(1001),
        credit: Some(OrderNumber(1002)),
        ..operation(id, OperationKind::Refund, 4_000, state)
    };
    let declined = || refund(77, OperationState::Declined);
    for (refunds, code, is_closed, is_held) in [
        (vec![declined()], Code::RefundDeclined, false, true),
        (vec![declined()], Code::RefundReversed, false, true),
        // It was given up, or is of another matter, or was paid since.
        (vec![declined()], Code::RefundDeclined, true, false),
        (vec![declined()], Code::LedgerDiffers, false, false),
        (vec![declined(), refund(78, Done)], Code::RefundDeclined, false, false),
    ] {
        let mut sale = with(completed(), &[(Invoice, Succeeded)]);
        let capture = Operation { order: OrderNumber(1001), ..capture.clone() };
        let operations = [vec![capture], refunds].concat();
        sale.payments = vec![Payment { operations, ..payment(5, 10_000, &[1001]) }];
        sale.order.number = OrderNumber(1001);
        sale.order.problems.push(Problem {
            id: 80,
            code,
            details: Vec::new(),
            payment: Some(PaymentId(5)),
            operation: Some(77),
            opened_at: NOW,
            closed_at: is_closed.then_some(NOW),
        });
        let mut note = credit();
        note.order.number = OrderNumber(1002);
        let asked = transfer(&note, Some(&sale), wanted(Invoice), &mut Ids(50), NOW);
        let code = asked.map(drop).map_err(|refused| refused.code);
        assert_eq!(code, if is_held { Err(Code::EffectPending) } else { Ok(()) });
    }
}

#[test]
fn a_transfer_is_not_due_while_one_that_was_given_up_may_be_under_way() {
    let at = |seconds: i64| Micros(seconds * 1_000_000);
    let over = at(100 + 72);
    for (given_up_at, asked_at, due) in [
        (&[][..], at(100), at(100)),
        (&[at(100)], at(100), over),
        (&[at(100)], at(171), over),
        (&[at(100)], at(173), at(173)),
        (&[at(100), at(10)], at(101), over),
    ] {
        let mut case = with(completed(), &vec![(Invoice, Withdrawn); given_up_at.len()]);
        for (known, time) in case.order.transfers.iter_mut().zip(given_up_at) {
            known.resolved_at = Some(*time);
        }
        let decision = transfer(&case, None, wanted(Invoice), &mut Ids(50), asked_at).unwrap();
        let order = &decision.case.order;
        assert_eq!(due_at(order, order.transfers.last().unwrap()), due, "{given_up_at:?}");
    }
    // One that nobody knows of is given up by the later one itself.
    let lost = with(completed(), &[(Invoice, Unknown)]);
    let decision = transfer(&lost, None, wanted(Invoice), &mut Ids(50), at(100)).unwrap();
    let order = &decision.case.order;
    assert_eq!(due_at(order, order.transfers.last().unwrap()), over);
    // A no is over at once.
    let mut no = with(completed(), &[(Invoice, Declined)]);
    no.order.transfers[0].resolved_at = Some(at(100));
    let decision = transfer(&no, None, wanted(Invoice), &mut Ids(50), at(100)).unwrap();
    let order = &decision.case.order;
    assert_eq!(due_at(order, order.transfers.last().unwrap()), at(100));
}

#[test]
fn what_was_given_up_and_is_in_the_books_all_the_same_stands() {
    let booked = Booked { invoice_number: "7".to_owned(), ..Booked::default() };
    let late = |rows: &[Stands]| {
        let case = with(completed(), rows);
        failed(&case, 10, &TransferOutcome::Succeeded(booked.clone()))
    };
    for (rows, after, withdrawn) in [
        (&[(Invoice, Withdrawn)][..], vec![Succeeded], vec![]),
        (&[(Invoice, Withdrawn), (Invoice, Declined)], vec![Succeeded, Declined], vec![]),
        // Nobody hands over what stands as an invoice.
        (&[(Invoice, Withdrawn), (Invoice, Pending)], vec![Succeeded, Withdrawn], vec![11]),
        (&[(Invoice, Withdrawn), (AsOrder, Unknown)], vec![Succeeded, Withdrawn], vec![11]),
        (&[(AsOrder, Withdrawn), (Invoice, Pending)], vec![Succeeded, Pending], vec![]),
        // The later one has found it.
        (&[(Invoice, Withdrawn), (Invoice, Succeeded)], vec![Withdrawn, Succeeded], vec![]),
    ] {
        let decision = late(rows);
        assert_eq!(states(&decision.case), after, "{rows:?}");
        assert_eq!(decision.withdrawn, withdrawn, "{rows:?}");
        assert_eq!(decision.is_noop(), after[0] == Withdrawn, "{rows:?}");
        let known = &decision.case.order.transfers[0];
        assert_eq!(known.booked == booked, after[0] == Succeeded, "{rows:?}");
    }
    let after = late(&[(Invoice, Withdrawn)]).case;
    let refused = transfer(&after, None, wanted(Invoice), &mut Ids(50), NOW).unwrap_err();
    assert_eq!(refused.code, Code::AlreadyTransferred);
    // Of anything else nobody wants to hear any more.
    let case = with(completed(), &[(Invoice, Withdrawn)]);
    assert!(failed(&case, 10, &lost("")).is_noop());
}

#[test]
fn what_becomes_of_a_transfer_is_told_once() {
    let case = with(completed(), &[(Invoice, Pending)]);
    let booked = Booked { invoice_number: "7".to_owned(), ..Booked::default() };
    let done = failed(&case, 10, &TransferOutcome::Succeeded(booked.clone()));
    assert_eq!((states(&done.case), open_codes(&done.case)), (vec![Succeeded], vec![]));
    assert_eq!(done.case.order.invoiced().unwrap().booked, booked);
    assert!(!is_money_open(&done.case));
    let declined = TransferOutcome::Declined {
        code: Code::VatNotEnabled,
        provider_reason: "Ugyldig mva-kode.".to_owned(),
    };
    assert!(failed(&done.case, 10, &declined).is_noop(), "it is not unlearnt");

    let no = failed(&case, 10, &declined);
    assert_eq!(
        (states(&no.case), open_codes(&no.case)),
        (vec![Declined], vec![Code::TransferDeclined])
    );
    let details = &no.case.order.problems[0].details;
    assert!(details.contains(&("reason".to_owned(), "VAT_NOT_ENABLED".to_owned())), "{details:?}");
    // Asked for again, somebody is at it; and when it succeeds nothing is left.
    let again = transfer(&no.case, None, wanted(Invoice), &mut Ids(50), NOW).unwrap();
    assert_eq!(open_codes(&again.case), []);

    let unknown = failed(&case, 10, &lost("500/1000 Oops"));
    assert_eq!(
        (states(&unknown.case), open_codes(&unknown.case)),
        (vec![Unknown], vec![Code::TransferUnknown])
    );
    let words = ("provider_reason".to_owned(), "500/1000 Oops".to_owned());
    assert!(unknown.case.order.problems[0].details.contains(&words));
    assert!(failed(&unknown.case, 10, &lost("502")).is_noop(), "told once");
    let found = failed(&unknown.case, 10, &TransferOutcome::Succeeded(booked));
    assert_eq!((states(&found.case), open_codes(&found.case)), (vec![Succeeded], vec![]));
}

#[test]
fn what_waits_for_its_integration_says_so_until_it_goes_on() {
    let held = |code| TransferOutcome::Held { code, reason: "nei".to_owned() };
    let case = with(completed(), &[(Invoice, Pending)]);
    let rulebook = rulebook();
    let first = failed(&case, 10, &held(Code::IntegrationDisabled)).case;
    assert!(failed(&first, 10, &held(Code::IntegrationDisabled)).is_noop(), "told once");
    let other = failed(&first, 10, &held(Code::IntegrationUnauthorized)).case;
    assert_eq!(open_codes(&other), [Code::IntegrationUnauthorized]);
    // Whatever else is done with the order, it still waits.
    let back = ChangeStatus { to: RETURNED, restock: None, has_note: false, send_email: false };
    let moved = change_status(&facts(&other, &rulebook), &back, &mut Ids(60), NOW).unwrap().case;
    assert_eq!(open_codes(&moved), [Code::IntegrationUnauthorized]);
    let done = failed(&moved, 10, &TransferOutcome::Succeeded(Booked::default()));
    assert_eq!(open_codes(&done.case), []);
    // Nobody knew of it before, and when it is held no longer nobody knows of it again.
    let unknown = failed(&moved, 10, &lost("")).case;
    assert_eq!(open_codes(&unknown), [Code::TransferUnknown]);
    let held_then = failed(&unknown, 10, &held(Code::IntegrationUnauthorized)).case;
    assert_eq!(open_codes(&held_then), [Code::IntegrationUnauthorized]);
    let again = failed(&held_then, 10, &lost("")).case;
    assert_eq!((states(&again), open_codes(&again)), (vec![Unknown], vec![Code::TransferUnknown]));
    assert!(failed(&again, 10, &lost("")).is_noop(), "told once");
}

#[test]
fn a_person_gives_up_or_tries_again() {
    let rulebook = rulebook();
    let case = with(completed(), &[(Invoice, Pending)]);
    let unknown = failed(&case, 10, &lost("")).case;
    let held = TransferOutcome::Held { code: Code::IntegrationDisabled, reason: String::new() };
    for case in [&unknown, &failed(&case, 10, &held).case] {
        let problem = case.order.problems[0].id;
        let over = dismiss(&facts(case, &rulebook), problem, &mut Ids(60), NOW).unwrap();
        assert_eq!((states(&over.case), open_codes(&over.case)), (vec![Withdrawn], vec![]));
        assert_eq!(over.withdrawn, [10]);
        assert!(over.changes.contains(&Change::TransferResolved { transfer: 10 }));
        let hastened = retry(&facts(case, &rulebook), 10, &mut Ids(60), NOW).unwrap();
        assert_eq!((hastened.hastened, hastened.decision.transfers.len()), (Some(10), 0));
    }
    let no = TransferOutcome::Declined { code: Code::BooksLocked, provider_reason: String::new() };
    let no = failed(&case, 10, &no).case;
    let again = retry(&facts(&no, &rulebook), 10, &mut Ids(60), NOW).unwrap();
    assert_eq!((again.hastened, states(&again.decision.case)), (None, vec![Declined, Pending]));
    let later = again.decision.case;
    for (case, id, code) in [
        (&later, 10, Code::EffectNotRetryable),
        (&with(completed(), &[(Invoice, Succeeded)]), 10, Code::OperationFinal),
        (&completed(), 10, Code::OperationNotFound),
    ] {
        let refused = retry(&facts(case, &rulebook), id, &mut Ids(70), NOW).unwrap_err();
        assert_eq!(refused.code, code);
    }
}

#[test]
fn a_shop_hands_over_by_itself_sales_and_once() {
    let automatic = Rulebook { automatic_transfer: Some(wanted(Invoice)), ..rulebook() };
    let by_hand = rulebook();
    let sale = || Case { order: order(1001, 0), payments: Vec::new() };
    let done = |state| with(sale(), &[(Invoice, state)]);
    for (case, rulebook, planned) in [
        (sale(), &automatic, 1),
        (sale(), &by_hand, 0),
        (done(Succeeded), &automatic, 0),
        (done(Pending), &automatic, 0),
        (done(Declined), &automatic, 1),
        (
            Case {
                order: Order { completed_at: None, status: RETURNED, ..credit().order },
                ..sale()
            },
            &automatic,
            0,
        ),
    ] {
        let to_sent = ChangeStatus { to: SENT, restock: None, has_note: false, send_email: false };
        let decision = change_status(&facts(&case, rulebook), &to_sent, &mut Ids(60), NOW).unwrap();
        assert_eq!(decision.transfers.len(), planned, "{:?}", case.order.transfers);
        if let Some(last) = decision.case.order.transfers.last().filter(|_| planned == 1) {
            assert!(last.is_automatic && last.sends_mail);
        }
    }
}
