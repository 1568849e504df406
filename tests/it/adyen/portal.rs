//! Captures that somebody makes in Adyen's portal: the ledger follows, and nothing is captured twice.

use order_sdk::OrderName;
use order_sdk::proto::{Operation, OperationKind, Order, PaymentState};
use order_tests::fakes::Travel;
use order_tests::fakes::adyen::NewPayment;

use super::stage::{Sale, Stage, TOTAL, travel};
use crate::harness::{Backend, WAIT, eventually, problems, status_id};

trials! {
    own: [
        a_capture_in_the_portal_is_adopted,
        a_part_captured_in_the_portal_is_adopted,
        a_capture_in_the_portal_that_fails_is_a_reversal,
        what_is_told_before_ours_is_sent_is_not_captured_again,
        what_cannot_be_whose_is_told_and_not_captured_again,
        what_is_captured_beside_ours_is_told,
    ];
}

impl Stage {
    async fn in_portal(&self, psp: &str, amount_minor: i64) {
        self.by_hand(psp, "capture", format!(r#"{{"value": {amount_minor}}}"#)).await;
    }

    /// The order once so much of it is captured.
    async fn captured_so_far(&self, name: &OrderName, amount_minor: i64) -> Order {
        eventually(&format!("{amount_minor} are captured"), async || {
            let order = self.world.get(name).await;
            (order.payments[0].captured_minor == amount_minor).then_some(order)
        })
        .await
    }

    /// The references of captures in Adyen's book.
    fn captures(&self, psp: &str) -> Vec<String> {
        self.fake.book().done_to("capture", psp).map(|done| done.id.clone()).collect()
    }
}

fn references(order: &Order, kind: OperationKind) -> Vec<String> {
    let operations = order.payments[0].operations.iter().filter(|one| one.kind() == kind);
    operations.map(|one: &Operation| one.provider_reference.clone()).collect()
}

async fn a_capture_in_the_portal_is_adopted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    stage.fake.travel(Travel { copies: 3, ..travel() });
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.psp, TOTAL).await;
    let order = stage.captured_so_far(&sale.name, TOTAL).await;
    assert_eq!((order.payment_state(), problems(&order).len()), (PaymentState::Captured, 0));
    assert_eq!(references(&order, OperationKind::Capture), stage.captures(&sale.psp));
    stage.all_told().await;
    // It goes on as if it had been captured here.
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(stage.fake.book().calls("capture", &sale.psp), 0, "nothing is asked for");
    let credit = world.client.credit(&sale.name).units(1, 1).refund(true).wait(WAIT);
    credit.send().await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((order.payment_state(), problems(&order).len()), (PaymentState::Refunded, 0));
    assert_eq!(order.payments[0].captured_minor, TOTAL, "copies change nothing");
    assert_eq!(
        (stage.done("capture", &sale.psp), stage.done("refund", &sale.psp)),
        (vec![TOTAL], vec![TOTAL])
    );
    stage.check().await;
}

async fn a_part_captured_in_the_portal_is_adopted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    // What it leaves ends with it: the order is short of money, and says so.
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.psp, 400).await;
    let order = stage.captured_so_far(&sale.name, 400).await;
    assert_eq!(order.payment_state(), PaymentState::PartiallyCaptured);
    assert_eq!(problems(&order), ["PAYMENT_INSUFFICIENT"], "{order:?}");
    // Where it stays, the rest is captured here.
    stage.keep_remainders().await;
    let (order, psp) = stage.buy_units(true).await;
    stage.in_portal(&psp, 400).await;
    stage.captured_so_far(&order, 400).await;
    world.complete(&order).await.unwrap();
    let sent = world.settled(&order).await;
    assert_eq!((status_id(&sent), problems(&sent).len()), ("sent", 0), "{sent:?}");
    assert_eq!(stage.done("capture", &psp), [400, 500]);
    // Nothing is left where the order has become as small as that.
    let (order, psp) = stage.buy_units(true).await;
    world.client.edit(&order).quantity(1, 1).restock(false).wait(WAIT).send().await.unwrap();
    world.settled(&order).await;
    stage.in_portal(&psp, 300).await;
    stage.captured_so_far(&order, 300).await;
    world.complete(&order).await.unwrap();
    let sent = world.settled(&order).await;
    assert_eq!((status_id(&sent), problems(&sent).len()), ("sent", 0), "{sent:?}");
    assert_eq!(stage.done("capture", &psp), [300]);
    stage.check().await;
}

/// Also where the failure is told first, and more than once.
async fn a_capture_in_the_portal_that_fails_is_a_reversal(backend: Backend) {
    use OperationKind::{Authorize, Capture, CaptureReversal};
    let stage = Stage::set(backend).await;
    for is_reversed in [false, true] {
        let sale = stage.buy(TOTAL).await;
        stage.fake.travel(Travel { is_held: true, ..travel() });
        stage.in_portal(&sale.psp, TOTAL).await;
        stage.by_hand(&sale.psp, "capture-failed", stage.last("capture", &sale.psp)).await;
        stage.fake.travel(Travel { copies: 2, is_reversed, ..travel() });
        let order = eventually("the reversal is written down", async || {
            let order = stage.world.get(&sale.name).await;
            (problems(&order) == ["CAPTURE_REVERSED"]).then_some(order)
        })
        .await;
        stage.all_told().await;
        let kinds: Vec<_> = order.payments[0].operations.iter().map(Operation::kind).collect();
        assert_eq!(kinds, [Authorize, Capture, CaptureReversal], "reversed: {is_reversed}");
        assert_eq!(order.payment_state(), PaymentState::None);
        stage.fake.travel(travel());
    }
    stage.check().await;
}

async fn what_is_told_before_ours_is_sent_is_not_captured_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    stage.keep_remainders().await;
    // All of it, and a part, with room for another capture of as much.
    for (captured, booked) in [(TOTAL, vec![TOTAL]), (200, vec![200, 700])] {
        let reserved = NewPayment { has_partial_captures: true, ..NewPayment::of("cart", 1_800) };
        let sale = stage.buy_with(reserved).await;
        world.disable("card-no", true).await;
        world.change(&sale.name, "sent").send().await.unwrap();
        eventually("it waits for its integration", async || {
            (problems(&world.get(&sale.name).await) == ["INTEGRATION_DISABLED"]).then_some(())
        })
        .await;
        stage.in_portal(&sale.psp, captured).await;
        stage.all_told().await;
        world.disable("card-no", false).await;
        let order = world.settled(&sale.name).await;
        assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
        assert_eq!(order.payments[0].captured_minor, TOTAL);
        assert_eq!(stage.done("capture", &sale.psp), booked);
        let known = references(&order, OperationKind::Capture);
        assert_eq!(known, stage.captures(&sale.psp), "each is known as what it is");
    }
    stage.check().await;
}

/// Two orders hold the payment: a person hears of it, and whichever is completed has paid.
async fn what_cannot_be_whose_is_told_and_not_captured_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    stage.keep_remainders().await;
    let reserved = NewPayment { has_partial_captures: true, ..NewPayment::of("cart", 1_800) };
    let sale = stage.buy_with(reserved).await;
    let draft = world.draft(TOTAL).payment("card-no", &sale.psp, 1_800);
    world.place(draft).await;
    stage.in_portal(&sale.psp, TOTAL).await;
    let order = eventually("it is told", async || {
        let order = world.get(&sale.name).await;
        problems(&order).contains(&"CHANGED_AT_PROVIDER").then_some(order)
    })
    .await;
    assert_eq!(order.payments[0].captured_minor, 0);
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), order.payments[0].captured_minor), ("sent", TOTAL));
    assert!(!problems(&order).contains(&"CHANGED_AT_PROVIDER"), "{order:?}");
    assert_eq!(stage.done("capture", &sale.psp), [TOTAL]);
    assert_eq!(references(&order, OperationKind::Capture), stage.captures(&sale.psp));
    stage.check().await;
}

/// Both stand: nobody could know, and a person hears of it.
async fn what_is_captured_beside_ours_is_told(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    stage.keep_remainders().await;
    let reserved = NewPayment { has_partial_captures: true, ..NewPayment::of("cart", 1_800) };
    let sale: Sale = stage.buy_with(reserved).await;
    stage.fake.travel(Travel { is_held: true, ..travel() });
    stage.begin("capture", &sale.name).await;
    eventually("it is captured", async || {
        (!stage.done("capture", &sale.psp).is_empty()).then_some(())
    })
    .await;
    stage.in_portal(&sale.psp, TOTAL).await;
    stage.fake.travel(Travel { is_reversed: true, ..travel() });
    let order = stage.with_problems(&sale, 1).await;
    let order_settled = world.settled(&sale.name).await;
    assert_eq!(
        (status_id(&order_settled), problems(&order)),
        ("sent", vec!["CHANGED_AT_PROVIDER"])
    );
    assert_eq!(order_settled.payments[0].captured_minor, TOTAL, "{order_settled:?}");
    assert_eq!(stage.done("capture", &sale.psp), [TOTAL, TOTAL]);
    stage.check().await;
}
