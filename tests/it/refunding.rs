//! What becomes of a credit's money: declined, late, unknown, raced for, or cut off (rules 4.3, 4.6).

use std::collections::BTreeSet;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{OperationKind, OperationState, PaymentState};

use crate::crediting::parts;
use crate::harness::audit::audit;
use crate::harness::{
    Backend, Bought, World, depth, eventually, gross, in_depth, problems, refused, status_id,
};

trials! {
    shared: [
        rule_4_3_refunds_go_where_the_money_was_taken_last,
        rule_4_3_the_caller_may_share_a_refund_out,
        rule_4_3_what_was_paid_by_hand_is_paid_back_by_hand,
        rule_4_6_a_declined_refund_leaves_the_credit_order,
        rule_4_6_a_refund_that_takes_its_time_reserves_its_amount,
    ];
    own: [
        rule_4_6_a_kill_around_a_refund_pays_back_once,
        a_payment_is_never_credited_twice_by_many_at_once,
        credit_numbers_have_no_gaps_under_load,
    ];
}

const TOTAL: i64 = 900;

impl World {
    /// An order of nine units on these payments, completed.
    async fn paid(&self, payments: &[(&str, &str, i64)]) -> Bought {
        let draft = self.draft(0).with(|order| order.lines.clear());
        let mut draft = draft.goods("", "Kopp", 9, TOTAL / 9, 2_500);
        for (provider, reference, amount) in payments {
            draft = draft.payment(*provider, *reference, *amount);
        }
        let order = self.place(draft).await;
        let name: OrderName = order.name.parse().unwrap();
        let order = self.complete(&name).await.unwrap().order.unwrap();
        assert_eq!(status_id(&order), "sent", "{order:?}");
        Bought { name, reference: payments[0].1.to_owned(), order }
    }
}

async fn rule_4_3_refunds_go_where_the_money_was_taken_last(world: World) {
    let (one, other) = (world.reference(""), world.reference(""));
    let bought = world.paid(&[("klarna", &one, 500), ("card", &other, 400)]).await;
    let last = bought
        .order
        .payments
        .iter()
        .max_by_key(|payment| payment.operations.iter().map(|operation| operation.id).max())
        .unwrap();
    let (last, first) = if last.reference == one { (&one, &other) } else { (&other, &one) };
    let held = |reference: &str| world.book().reservation(reference).unwrap().captured_minor;
    world.crediting(&bought.name).units(1, 6).refund(true).send().await.unwrap();
    assert_eq!(world.book().done(last, "refund"), [held(last)]);
    assert_eq!(world.book().done(first, "refund"), [600 - held(last)]);
    let (sale, _, _) = parts(world.credit_all(&bought.name).await);
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    audit(&world).await;
}

async fn rule_4_3_the_caller_may_share_a_refund_out(world: World) {
    let (one, other) = (world.reference(""), world.reference(""));
    let bought = world.paid(&[("klarna", &one, 500), ("card", &other, 400)]).await;
    let id = |reference: &str| {
        let mut payments = bought.order.payments.iter();
        payments.find(|payment| payment.reference == reference).unwrap().id
    };
    let credit = |units| world.crediting(&bought.name).units(1, units).refund(true);
    let much = credit(5).share(id(&one), 99).share(id(&other), 401).send().await;
    let refusal = refused(much, Code::CreditExceedsCaptured);
    assert_eq!(
        (refusal.number("left_minor"), refusal.number("payment")),
        (Some(400), Some(id(&other)))
    );
    credit(3).share(id(&one), 250).share(id(&other), 50).send().await.unwrap();
    assert_eq!(world.book().done(&one, "refund"), [250]);
    assert_eq!(world.book().done(&other, "refund"), [50]);
    audit(&world).await;
}

async fn rule_4_3_what_was_paid_by_hand_is_paid_back_by_hand(world: World) {
    let reference = world.reference("");
    let bought = world.paid(&[("klarna", &reference, 400), ("manual", "", 500)]).await;
    let credit =
        |units, is_refunded| world.crediting(&bought.name).units(1, units).refund(is_refunded);
    let refusal = refused(credit(9, true).send().await, Code::RefundByHand);
    assert_eq!(refusal.number("refundable_minor"), Some(400));
    let by_hand = bought.order.payments.iter().find(|one| one.provider == "manual").unwrap().id;
    refused(credit(1, true).share(by_hand, 100).send().await, Code::RefundByHand);
    credit(4, true).send().await.unwrap();
    refused(credit(1, true).send().await, Code::RefundByHand);
    let (sale, _, document) = parts(credit(5, false).send().await.unwrap());
    assert_eq!((gross(&document), sale.payment_state()), (-500, PaymentState::PartiallyRefunded));
    assert_eq!(world.book().done(&reference, "refund"), [400]);
    audit(&world).await;
}

async fn rule_4_6_a_declined_refund_leaves_the_credit_order(world: World) {
    let reference = world.reference("refund=decline-once");
    let bought = world.paid(&[("klarna", &reference, TOTAL)]).await;
    let credit = || world.crediting(&bought.name).units(1, 4).refund(true).send();
    let (sale, receipt, document) = parts(credit().await.unwrap());
    assert!(receipt.settled);
    assert_eq!((problems(&sale), status_id(&sale)), (vec!["REFUND_DECLINED"], "sent"));
    let details = &sale.problems[0].details;
    assert_eq!(details["credit_order"], document.number.to_string());
    assert!(!details["provider_reason"].is_empty());
    assert_eq!(sale.payment_state(), PaymentState::Captured);
    assert_eq!(
        (gross(&document), sale.lines[0].credited_quantity),
        (-400, 4),
        "the document stands"
    );
    // The amount is free again, and the next refund says nothing of the first.
    let (sale, _, next) = parts(world.credit_all(&bought.name).await);
    assert_eq!((gross(&next), sale.payment_state()), (-500, PaymentState::PartiallyRefunded));
    assert_eq!(problems(&sale), ["REFUND_DECLINED"], "the first is still owed");
    assert_eq!(world.book().done(&reference, "refund"), [500]);
    let order = world.change(&bought.name, "returned").send().await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order)), ("returned", vec!["REFUND_DECLINED"]));
    audit(&world).await;
}

async fn rule_4_6_a_refund_that_takes_its_time_reserves_its_amount(world: World) {
    for trouble in ["refund=later:1s", "refund=timeout-after:200ms", "refund=slow:1s"] {
        let reference = world.reference(trouble);
        let bought = world.paid(&[("klarna", &reference, TOTAL)]).await;
        let payment = bought.order.payments[0].id;
        let credit = |units| world.client.credit(&bought.name).units(1, units).refund(true);
        let (sale, receipt, _) = parts(credit(6).send().await.unwrap());
        assert!(!receipt.settled, "{trouble}");
        let refund = sale.payments[0].operations.last().unwrap();
        assert_eq!((refund.kind(), refund.amount_minor), (OperationKind::Refund, 600));
        assert_eq!(
            (sale.payments[0].claimed_minor, sale.payment_state()),
            (600, PaymentState::Captured)
        );
        let much = credit(3).share(payment, 300).units(1, 1).send().await;
        assert!(much.is_err(), "each line once");
        // Meanwhile the label moves, and another credit waits its turn.
        world.change(&bought.name, "returned").send().await.unwrap();
        credit(3).send().await.unwrap();
        let sale = world.settled(&bought.name).await;
        assert_eq!(sale.payment_state(), PaymentState::Refunded, "{trouble}");
        assert_eq!(world.book().done(&reference, "refund"), [600, 300], "{trouble}");
        assert!(problems(&sale).is_empty(), "{trouble}: {sale:?}");
    }
    audit(&world).await;
}

/// Where the server is killed: the refund is planned, called, decided, or promised.
const MOMENTS: [(&str, &str); 6] = [
    ("", "planned"),
    ("refund=timeout-before", "called"),
    ("refund=slow:20s", "decided"),
    ("refund=timeout-after", "decided"),
    ("refund=later:8s", "promised"),
    ("refund=later-decline:8s", "promised"),
];

async fn rule_4_6_a_kill_around_a_refund_pays_back_once(backend: Backend) {
    in_depth(|_, times| kills_around_refunds(backend, times)).await;
}

async fn kills_around_refunds(backend: Backend, kills: u32) {
    let world = World::own(backend, &[]).await;
    for _ in 0..kills {
        let mut driven = Vec::new();
        for (trouble, moment) in MOMENTS {
            let reference = world.reference(trouble);
            let bought = world.paid(&[("klarna", &reference, TOTAL)]).await;
            let credit = world.client.credit(&bought.name).units(1, 7).refund(true);
            let (_, _, document) = parts(credit.send().await.unwrap());
            driven.push((trouble, moment, bought, document));
        }
        for (trouble, moment, bought, _) in &driven {
            eventually(&format!("{trouble} is {moment}"), async || {
                is_at(&world, bought, moment).await.then_some(())
            })
            .await;
        }
        world.server.kill().await;
        world.server.start().await;
        for (trouble, _, bought, document) in &driven {
            let sale = world.settled(&bought.name).await;
            let is_declined = trouble.contains("decline");
            let wanted: &[i64] = if is_declined { &[] } else { &[700] };
            assert_eq!(world.book().done(&bought.reference, "refund"), wanted, "{trouble}");
            assert_eq!(problems(&sale).len(), usize::from(is_declined), "{trouble}: {sale:?}");
            assert_eq!(sale.credit_orders.as_slice(), std::slice::from_ref(&document.name));
            let now = world.get(&document.name.parse().unwrap()).await;
            assert_eq!(&now, document, "a document does not change with its money");
        }
    }
    audit(&world).await;
}

async fn is_at(world: &World, bought: &Bought, moment: &str) -> bool {
    let book = world.book();
    match moment {
        "called" => book.calls(&bought.reference, "refund") > 0,
        "decided" => book.entries(&bought.reference).iter().any(|entry| entry.kind == "refund"),
        "promised" => {
            let order = world.get(&bought.name).await;
            let mut operations = order.payments[0].operations.iter();
            operations.any(|operation| operation.state() == OperationState::Accepted)
        }
        _ => true,
    }
}

/// Through two replicas where the database lets there be two.
async fn a_payment_is_never_credited_twice_by_many_at_once(backend: Backend) {
    let first = World::own(backend, &[]).await;
    let second = first.beside().await;
    for trouble in ["", "refund=slow:300ms"] {
        for _ in 0..2 * depth() {
            let reference = first.reference(trouble);
            let bought = first.paid(&[("klarna", &reference, TOTAL)]).await;
            let mut running = Vec::new();
            for number in 0..64 {
                let world = if number % 2 == 0 { &first } else { &second };
                let credit = world.crediting(&bought.name).units(1, 9).refund(true);
                running.push(tokio::spawn(async move { credit.send().await }));
            }
            let mut won = 0;
            for one in running {
                match one.await.unwrap() {
                    Ok(_) => won += 1,
                    outcome @ Err(_) => {
                        refused(outcome, Code::CreditExceedsCaptured);
                    }
                }
            }
            assert_eq!(won, 1, "exactly one wins");
            let sale = second.settled(&bought.name).await;
            assert_eq!(
                (sale.credit_orders.len(), sale.payment_state()),
                (1, PaymentState::Refunded)
            );
            assert_eq!(first.book().done(&reference, "refund"), [TOTAL]);
            // Single units, more than there are.
            let reference = first.reference(trouble);
            let bought = first.paid(&[("klarna", &reference, TOTAL)]).await;
            let mut running = Vec::new();
            for number in 0..32 {
                let world = if number % 2 == 0 { &first } else { &second };
                let credit = world.crediting(&bought.name).units(1, 1).refund(true);
                running.push(tokio::spawn(async move { credit.send().await.is_ok() }));
            }
            let mut won = 0;
            for one in running {
                won += usize::from(one.await.unwrap());
            }
            assert_eq!(won, 9);
            first.settled(&bought.name).await;
            assert_eq!(first.book().done(&reference, "refund"), [100; 9]);
        }
    }
    audit(&second).await;
}

async fn credit_numbers_have_no_gaps_under_load(backend: Backend) {
    let first = World::own(backend, &[]).await;
    let second = first.beside().await;
    for last in (0..i64::from(depth())).map(|round| 48 * round) {
        let numbers = credited_under_load([&first, &second]).await;
        assert!(numbers.iter().copied().eq(last + 1..=last + 48), "{numbers:?}");
    }
    audit(&first).await;
}

/// The numbers of 48 credits by many at once.
async fn credited_under_load(both: [&World; 2]) -> BTreeSet<i64> {
    let mut running = Vec::new();
    for world in both.into_iter().cycle().take(16) {
        let world = world.through(&world.server);
        running.push(tokio::spawn(async move {
            let bought = world.paid(&[("manual", "", TOTAL)]).await;
            let mut numbers = Vec::new();
            for units in [1, 2, 10, 3] {
                let credit = world.crediting(&bought.name).units(1, units).refund(false);
                match credit.send().await {
                    Ok(answer) => numbers.push(answer.credit_order.unwrap().credit_number),
                    outcome @ Err(_) => {
                        refused(outcome, Code::CreditExceedsCaptured);
                    }
                }
            }
            numbers
        }));
    }
    let mut numbers = BTreeSet::new();
    for one in running {
        numbers.extend(one.await.unwrap());
    }
    numbers
}
