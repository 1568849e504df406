//! CANCELLED gives the reservation back, and the goods by choice, once (rules 2.3, 2.4, 2.7).

use order_rules::refusals::Code;
use order_sdk::proto::{
    MovementReason, NewPayment, OperationKind, PaymentState, Restock, StatusTag, StockMode,
};
use order_sdk::{OrderDraft, OrderName, proto};

use crate::harness::{WAIT, World, problems, refused, request_id, status_id};

trials! {
    shared: [
        rule_2_3_cancelled_voids_and_puts_back_once,
        rule_2_4_the_choice_to_put_back_is_made_or_refused,
        rule_2_7_an_order_is_taken_up_again_only_while_money_can_be_had,
        rule_2_7_an_order_that_comes_back_unpaid_has_its_problem_again,
        rule_2_5_a_declined_void_leaves_the_status_and_says_why,
        rule_2_3_money_taken_before_a_decline_is_paid_back,
        rule_2_3_a_fully_captured_order_is_not_cancelled,
        rule_2_4_whatever_the_provider_does_the_goods_go_back_once,
    ];
}

impl World {
    /// Two tracked cups, paid by hand or on this payment.
    fn cups(&self, payment: &NewPayment) -> OrderDraft {
        self.draft(0).with(|order| order.lines.clear()).goods("CUP", "Kopp", 2, 500, 2_500).payment(
            &payment.provider,
            &payment.reference,
            1_000,
        )
    }

    async fn buy_cups(&self, orders: &str) -> (OrderName, String) {
        let reference = self.reference(orders);
        let payment =
            NewPayment { provider: "klarna".to_owned(), reference, ..NewPayment::default() };
        let order = self.place(self.cups(&payment)).await;
        (order.name.parse().unwrap(), payment.reference)
    }

    async fn movements(&self, sku: &str) -> Vec<proto::StockMovement> {
        let request = proto::ListStockMovementsRequest {
            parent: self.shop.stock_item(sku).unwrap().into(),
            ..proto::ListStockMovementsRequest::default()
        };
        self.client.list_stock_movements(request).await.unwrap().movements
    }
}

async fn rule_2_3_cancelled_voids_and_puts_back_once(world: World) {
    world.stock("CUP", 10).await;
    let (name, reference) = world.buy_cups("").await;
    assert_eq!(world.on_hand("CUP").await, 8);
    let id = request_id();
    let cancel = || world.change(&name, "cancelled").restock(true).wait(WAIT).request_id(&id);
    let order = cancel().send().await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), order.status_tag()), ("cancelled", StatusTag::Cancelled));
    assert_eq!(order.payment_state(), PaymentState::Voided);
    assert!(order.cancel_time.is_some());
    assert_eq!(order.lines[0].stock_held_quantity, 0);
    let held = world.book().reservation(&reference).unwrap();
    assert!(held.is_voided && held.captured_minor == 0);
    assert_eq!(world.on_hand("CUP").await, 10);

    assert!(cancel().send().await.unwrap().receipt.unwrap().replayed);
    world.cancel(&name, true).await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 10, "never twice, whatever is retried");
    assert_eq!(world.book().calls(&reference, "void"), 1);
    let reasons: Vec<MovementReason> =
        world.movements("CUP").await.iter().map(|movement| movement.reason()).collect();
    assert_eq!(
        reasons,
        [MovementReason::Cancelled, MovementReason::Placed, MovementReason::Adjusted]
    );

    let (name, _) = world.buy_cups("").await;
    world.cancel(&name, false).await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 8, "left as it is");
}

async fn rule_2_4_the_choice_to_put_back_is_made_or_refused(world: World) {
    let bought = world.buy(500, "").await;
    let before = world.revision().await;
    refused(world.change(&bought.name, "cancelled").send().await, Code::RestockRequired);
    for status in ["sent", "processing"] {
        let outcome = world.change(&bought.name, status).restock(true).send().await;
        assert!(outcome.is_err(), "{status}: a choice without meaning is refused: {outcome:?}");
        assert_eq!(refused(outcome, Code::InvalidRequest).violations[0].field, "restock");
    }
    assert_eq!(world.revision().await, before);
}

async fn rule_2_7_an_order_is_taken_up_again_only_while_money_can_be_had(world: World) {
    world.stock("CUP", 2).await;
    let (voided, _) = world.buy_cups("").await;
    world.cancel(&voided, true).await.unwrap();
    for status in ["processing", "sent", "not-processed"] {
        refused(world.change(&voided, status).send().await, Code::ReservationGone);
    }
    let attach = proto::AttachPaymentRequest {
        name: (&voided).into(),
        payment: Some(NewPayment {
            provider: "vipps".to_owned(),
            reference: world.reference(""),
            amount_minor: 1_000,
        }),
        ..proto::AttachPaymentRequest::default()
    };
    refused(world.client.attach_payment(attach).await, Code::OrderCancelled);

    // Nothing to pay: it comes back, and takes its goods again.
    let free = |world: &World| {
        world.draft(0).with(|order| order.lines.clear()).goods("CUP", "Kopp", 2, 0, 2_500)
    };
    let order = world.place(free(&world)).await;
    let name: OrderName = order.name.parse().unwrap();
    assert_eq!(world.on_hand("CUP").await, 0);
    world.cancel(&name, true).await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 2);
    let order = world.change(&name, "processing").send().await.unwrap().order.unwrap();
    assert!(order.cancel_time.is_none());
    assert_eq!((world.on_hand("CUP").await, order.lines[0].stock_held_quantity), (0, 2));
    assert_eq!(world.movements("CUP").await[0].reason(), MovementReason::Reopened);

    // 9.4 again: what is gone meanwhile is refused where the shop says so.
    world.cancel(&name, true).await.unwrap();
    world.place(free(&world)).await;
    world.set("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Refuse)).await;
    let refusal = refused(world.change(&name, "processing").send().await, Code::OutOfStock);
    assert_eq!(refusal.metadata["skus"], "CUP");
    world.set("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Allow)).await;
    let order = world.change(&name, "processing").send().await.unwrap().order.unwrap();
    assert_eq!(problems(&order), ["OVERSOLD"]);
    assert_eq!(world.on_hand("CUP").await, -2);
}

async fn rule_2_7_an_order_that_comes_back_unpaid_has_its_problem_again(world: World) {
    world.stock("CUP", 1).await;
    let (name, _) = world.buy_cups("authorize=decline").await;
    let codes = ["OVERSOLD", "AUTHORIZATION_DECLINED"];
    assert_eq!(problems(&world.get(&name).await), codes);
    for status in ["processing", "not-processed"] {
        let order = world.cancel(&name, false).await.unwrap().order.unwrap();
        assert!(problems(&order).is_empty());
        let order = world.change(&name, status).send().await.unwrap().order.unwrap();
        assert_eq!(problems(&order), codes, "{status}");
        assert!(!order.problems[1].details["reason"].is_empty(), "as it was told before");
        let request = proto::ListProblemsRequest {
            parent: (&world.shop).into(),
            ..proto::ListProblemsRequest::default()
        };
        let listed = world.client.list_problems(request).await.unwrap();
        assert_eq!(listed.counts["AUTHORIZATION_DECLINED"], 1);
        assert_eq!(listed.problems.len(), 2);
    }
}

async fn rule_2_5_a_declined_void_leaves_the_status_and_says_why(world: World) {
    world.stock("CUP", 10).await;
    let (name, reference) = world.buy_cups("void=decline-once").await;
    let order = world.cancel(&name, true).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "not-processed");
    assert_eq!(problems(&order), ["VOID_DECLINED"]);
    assert_eq!(world.on_hand("CUP").await, 8, "the goods wait for the label");
    let order = world.cancel(&name, true).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("cancelled", 0));
    assert!(world.book().reservation(&reference).unwrap().is_voided);
    assert_eq!(world.on_hand("CUP").await, 10);
}

async fn rule_2_3_money_taken_before_a_decline_is_paid_back(world: World) {
    let (gift, card) = (world.reference(""), world.reference("capture=decline"));
    // Which of the two is asked first is the provider's rank: try both ways round.
    for (first, second) in
        [(("card", &gift), ("klarna", &card)), (("klarna", &gift), ("card", &card))]
    {
        let fresh = |reference: &str| {
            let orders = reference.split_once('~').map_or("", |(_, orders)| orders);
            world.reference(orders)
        };
        let (gift, card) = (fresh(first.1), fresh(second.1));
        let draft = world.draft(1_000).payment(first.0, &gift, 400).payment(second.0, &card, 600);
        let order = world.place(draft).await;
        let name: OrderName = order.name.parse().unwrap();
        let order = world.complete(&name).await.unwrap().order.unwrap();
        assert_eq!(problems(&order), ["CAPTURE_DECLINED"]);
        let taken = world.book().done(&gift, "capture");

        let order = world.cancel(&name, false).await.unwrap().order.unwrap();
        assert_eq!(status_id(&order), "cancelled", "{order:?}");
        assert_eq!(world.book().done(&gift, "refund"), taken, "what was taken is paid back");
        let order = world.settled(&name).await;
        assert!(problems(&order).is_empty());
        for reference in [&gift, &card] {
            let held = world.book().reservation(reference).unwrap();
            assert_eq!(held.captured_minor, held.refunded_minor);
            assert_eq!(held.authorized_minor, held.captured_minor + held.released_minor);
        }
        if !taken.is_empty() {
            let refund = order.payments[0].operations.iter();
            assert_eq!(refund.filter(|one| one.kind() == OperationKind::Refund).count(), 1);
            return;
        }
    }
    panic!("neither way round was the gift card captured first");
}

async fn rule_2_3_a_fully_captured_order_is_not_cancelled(world: World) {
    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let before = world.revision().await;
    let refusal = refused(world.cancel(&bought.name, true).await, Code::AlreadyCaptured);
    assert_eq!(refusal.number("captured_minor"), Some(900));
    assert_eq!(world.revision().await, before);
}

async fn rule_2_4_whatever_the_provider_does_the_goods_go_back_once(world: World) {
    world.stock("CUP", 100).await;
    let troubles = ["void=slow:1s", "void=later:1s", "void=timeout-after:200ms", "void=busy:1s"];
    let mut running = Vec::new();
    for trouble in troubles {
        let world = world.clone();
        running.push(tokio::spawn(async move {
            let (name, reference) = world.buy_cups(trouble).await;
            let cancel = world.change(&name, "cancelled").restock(true).send().await.unwrap();
            let pending = cancel.order.unwrap().pending_status_change.unwrap();
            assert_eq!(pending.restock(), Restock::Yes);
            let order = world.settled(&name).await;
            assert_eq!(status_id(&order), "cancelled", "{trouble}");
            assert_eq!(world.book().done(&reference, "void"), [1_000], "{trouble}");
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    assert_eq!(world.on_hand("CUP").await, 100);
}
