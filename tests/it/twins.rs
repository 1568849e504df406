//! Several orders on one payment: flagged, captured once, and held by all that live (rules §7).

use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, DuplicateMode, EventKind, OperationKind, PaymentState};

use crate::harness::{Bought, WAIT, World, gross, problems, refused, status_id};

trials! {
    shared: [
        rule_7_1_a_second_order_on_a_payment_points_at_the_first_and_back,
        rule_7_2_a_shop_may_want_the_first_returned,
        rule_7_2_the_first_is_returned_whatever_it_is_called_elsewhere,
        a_deleted_order_is_nobodys_first_and_no_twin,
        rule_7_1_the_same_reference_with_another_amount_is_refused,
        rule_7_4_and_11_1_only_one_of_twins_is_captured,
        rule_7_3_cancelling_a_twin_leaves_the_payment_alone,
        rule_7_3_the_plan_tells_what_goes_back_when_a_twin_lets_go,
        rule_7_1_a_twin_of_dead_orders_is_a_problem,
        rule_9_3_orders_paid_by_hand_are_no_twins,
    ];
}

impl World {
    /// Another order on the same payment.
    async fn twin(&self, first: &Bought) -> Bought {
        let total = gross(&first.order);
        let order = self.place(self.draft(total).payment("klarna", &first.reference, total)).await;
        let name = order.name.parse().unwrap();
        Bought { name, reference: first.reference.clone(), order }
    }
}

async fn rule_7_1_a_second_order_on_a_payment_points_at_the_first_and_back(world: World) {
    let first = world.buy(900, "").await;
    let total = gross(&first.order);
    let draft = world.draft(total).payment("klarna", &first.reference, total);
    let answer = draft.send().await.unwrap();
    assert!(!answer.already_exists);
    assert_eq!(answer.receipt.unwrap().other_orders, [String::from(&first.name)]);
    let twin = answer.order.unwrap();
    let [link] = twin.duplicates.as_slice() else { panic!("{twin:?}") };
    assert_eq!(link.order, String::from(&first.name));
    assert!(link.same_payment && link.same_time && link.same_customer);
    assert!(link.same_lines && link.same_total);
    let back = world.get(&first.name).await;
    assert_eq!(back.duplicates[0].order, twin.name);
    assert_eq!(back.payments[0].other_orders.as_slice(), std::slice::from_ref(&twin.name));
    assert_eq!(back.payments[0].id, twin.payments[0].id, "one payment");
    let history = world.history(&first.name).await;
    assert_eq!(history.last().unwrap().kind(), EventKind::DuplicateFound);
    let flagged = |filter: &mut proto::OrderFilter| filter.is_possible_duplicate = Some(true);
    let listed = world.client.orders(&world.shop).filter(flagged).page().await.unwrap();
    assert_eq!(listed.items.len(), 2);

    // Other content on the same payment: flagged, with the evidence that it differs.
    let other = world
        .draft(0)
        .with(|order| order.lines.clear())
        .goods("", "Noe annet", 1, total, 2_500)
        .customer("Per", "per@example.com")
        .payment("klarna", &first.reference, total);
    let other = world.place(other).await;
    assert_eq!(other.duplicates.len(), 2);
    assert!(other.duplicates.iter().all(|link| !link.same_lines && !link.same_customer));
    assert!(other.duplicates.iter().all(|link| link.same_total && link.same_payment));
}

async fn rule_7_2_a_shop_may_want_the_first_returned(world: World) {
    world
        .set("settings.duplicate_mode", |settings| {
            settings.set_duplicate_mode(DuplicateMode::ReturnFirst);
        })
        .await;
    let first = world.buy(900, "").await;
    let again = world.draft(900).payment("klarna", &first.reference, 900).send().await.unwrap();
    assert!(again.already_exists);
    assert_eq!(again.order.unwrap().name, first.order.name);
    assert!(world.get(&first.name).await.duplicates.is_empty());
    // What the first has become since is no matter: it was the same purchase.
    world.client.edit(&first.name).unit_price(1, 700).send().await.unwrap();
    let again = world.draft(900).payment("klarna", &first.reference, 900).send().await.unwrap();
    assert!(again.already_exists, "edited since");
    let other = world.draft(900).customer("Per", "per@example.com");
    let other = other.payment("klarna", &first.reference, 900).send().await.unwrap();
    assert!(!other.already_exists, "other content is always flagged");
    assert_eq!(other.order.unwrap().number, 1002, "no number was lost");
}

/// A checkout that asks again names its order as it did the first time.
async fn rule_7_2_the_first_is_returned_whatever_it_is_called_elsewhere(world: World) {
    let mode = |mode: DuplicateMode| {
        world.set("settings.duplicate_mode", move |settings| settings.set_duplicate_mode(mode))
    };
    mode(DuplicateMode::ReturnFirst).await;
    let reference = world.reference("");
    let ask = |name: &str| {
        let draft = world.draft(900).external_reference(name);
        draft.payment("klarna", &reference, 900).wait(WAIT).send()
    };
    let first = ask("WEB-1").await.unwrap().order.unwrap();
    let again = ask("WEB-1").await.unwrap();
    assert!(again.already_exists);
    assert_eq!(again.order.unwrap().name, first.name);

    // Of two orders that are named, neither is the one that was meant.
    let other = world.place(world.draft(0).external_reference("WEB-2")).await;
    let refusal = refused(ask("WEB-2").await, Code::ExternalReferenceTaken);
    assert_eq!(refusal.resource, Some(other.name));
    mode(DuplicateMode::Flag).await;
    let refusal = refused(ask("WEB-1").await, Code::ExternalReferenceTaken);
    assert_eq!(refusal.resource, Some(first.name));
}

/// A checkout that asks again wants an order that it can get paid.
async fn a_deleted_order_is_nobodys_first_and_no_twin(world: World) {
    world
        .set("settings.duplicate_mode", |settings| {
            settings.set_duplicate_mode(DuplicateMode::ReturnFirst);
        })
        .await;
    let first = world.buy(900, "").await;
    world.cancel(&first.name, false).await.unwrap();
    let mut delete = proto::DeleteOrderRequest { name: (&first.name).into(), ..Default::default() };
    delete.set_restock(proto::Restock::No);
    world.client.delete_order(delete).await.unwrap();
    let again = || world.draft(900).payment("klarna", &first.reference, 900).send();
    let new = again().await.unwrap();
    assert!(!new.already_exists);
    let new = new.order.unwrap();
    assert_eq!((new.number, new.duplicates.len()), (1002, 0));
    assert_eq!(problems(&new), ["RESERVATION_GONE"]);
    let third = again().await.unwrap();
    assert!(third.already_exists, "of those that are left");
    assert_eq!(third.order.unwrap().number, 1002);
}

async fn rule_7_1_the_same_reference_with_another_amount_is_refused(world: World) {
    let first = world.buy(900, "").await;
    let before = world.revision().await;
    let other = world.draft(800).payment("klarna", &first.reference, 800);
    let refusal = refused(other.send().await, Code::PaymentMismatch);
    assert_eq!(refusal.number("stored_minor"), Some(900));
    let currency = world.draft(900).payment("klarna", &first.reference, 900);
    let currency = currency.with(|order| order.currency_code = "SEK".to_owned());
    refused(currency.send().await, Code::PaymentMismatch);
    assert_eq!(world.revision().await, before);
    // Another provider's reference of the same name is another payment.
    let elsewhere = world.draft(900).payment("vipps", &first.reference, 900);
    assert!(world.place(elsewhere).await.duplicates.is_empty());
}

async fn rule_7_4_and_11_1_only_one_of_twins_is_captured(world: World) {
    let first = world.buy(900, "capture=slow:1s").await;
    let twin = world.twin(&first).await;
    world.change(&first.name, "sent").send().await.unwrap();
    // Bound while the capture is only under way.
    let refusal = refused(world.complete(&twin.name).await, Code::DuplicateAlreadyCaptured);
    assert_eq!(refusal.number("other"), Some(first.order.number));
    assert_eq!(status_id(&world.settled(&first.name).await), "sent");
    refused(world.complete(&twin.name).await, Code::DuplicateAlreadyCaptured);
    assert_eq!(world.book().done(&first.reference, "capture"), [900]);
    let twin = world.cancel(&twin.name, false).await.unwrap().order.unwrap();
    assert_eq!((status_id(&twin), twin.payment_state()), ("cancelled", PaymentState::None));
    let held = world.book().reservation(&first.reference).unwrap();
    assert_eq!((held.captured_minor, held.is_voided), (900, false));
}

async fn rule_7_3_cancelling_a_twin_leaves_the_payment_alone(world: World) {
    let first = world.buy(900, "").await;
    let (twin, third) = (world.twin(&first).await, world.twin(&first).await);
    for dropped in [&twin, &third] {
        let order = world.cancel(&dropped.name, true).await.unwrap().order.unwrap();
        assert_eq!(status_id(&order), "cancelled");
    }
    assert_eq!(world.book().calls(&first.reference, "void"), 0);
    // A dropped twin comes back as long as the payment stands, and is dropped again.
    world.change(&twin.name, "processing").send().await.unwrap();
    world.cancel(&first.name, true).await.unwrap();
    assert_eq!(world.book().calls(&first.reference, "void"), 0, "the twin still holds it");
    world.cancel(&twin.name, true).await.unwrap();
    assert!(world.book().reservation(&first.reference).unwrap().is_voided, "the last lets go");
    for name in [&first.name, &twin.name, &third.name] {
        let reopened = world.change(name, "processing").send().await;
        refused(reopened, Code::ReservationGone);
    }
}

/// The twin kept the rest of the captured reservation from going back.
async fn rule_7_3_the_plan_tells_what_goes_back_when_a_twin_lets_go(world: World) {
    let release = [(OperationKind::Release, 2_000)];
    let void = (OperationKind::Void, 500);
    for (orders, wait) in [("", WAIT), ("capture=slow:2s", Duration::ZERO)] {
        let reference = world.reference(orders);
        let draft = || world.draft(3_000).payment("klarna", &reference, 3_000);
        let first: OrderName = world.place(draft()).await.name.parse().unwrap();
        let twin: OrderName = world.place(draft()).await.name.parse().unwrap();
        world.client.edit(&first).unit_price(1, 1_000).send().await.unwrap();
        world.change(&first, "sent").wait(wait).send().await.unwrap();

        let before = world.revision().await;
        let cancel = || world.change(&twin, "cancelled").restock(false);
        let asked = cancel().validate_only().send().await.unwrap().receipt.unwrap();
        assert_eq!(told(&asked), release, "{orders}");
        let asked = proto::DeleteOrderRequest {
            name: (&twin).into(),
            validate_only: true,
            ..proto::DeleteOrderRequest::default()
        };
        let asked = world.client.delete_order(asked).await.unwrap().receipt.unwrap();
        assert_eq!(told(&asked), release, "{orders}");
        if !wait.is_zero() {
            assert_eq!(world.revision().await, before, "only asked");
        }

        world.settled(&first).await;
        assert_eq!(world.book().calls(&reference, "release"), 0, "the twin holds it");
        // What the twin gives back by itself comes first, and its label waits for that.
        let own = world.reference("");
        let attach = proto::AttachPaymentRequest {
            name: (&twin).into(),
            payment: Some(proto::NewPayment {
                provider: "vipps".to_owned(),
                reference: own.clone(),
                amount_minor: 500,
            }),
            wait: Some(WAIT.try_into().unwrap()),
            ..proto::AttachPaymentRequest::default()
        };
        world.client.attach_payment(attach).await.unwrap();
        let asked = cancel().validate_only().send().await.unwrap().receipt.unwrap();
        assert_eq!(told(&asked), [void, release[0]], "{orders}");
        cancel().wait(WAIT).send().await.unwrap();
        world.settled(&first).await;
        assert_eq!(world.book().done(&reference, "release"), [2_000], "{orders}");
        assert_eq!(world.book().done(&own, "void"), [500], "{orders}");
    }
}

fn told(receipt: &proto::Receipt) -> Vec<(OperationKind, i64)> {
    receipt.plan.iter().map(|effect| (effect.kind(), effect.amount_minor)).collect()
}

async fn rule_7_1_a_twin_of_dead_orders_is_a_problem(world: World) {
    let first = world.buy(900, "").await;
    world.cancel(&first.name, false).await.unwrap();
    let twin = world.twin(&first).await;
    assert_eq!(problems(&twin.order), ["RESERVATION_GONE"]);
    assert_eq!(twin.order.duplicates.len(), 1);
    refused(world.complete(&twin.name).await, Code::ReservationGone);
}

async fn rule_9_3_orders_paid_by_hand_are_no_twins(world: World) {
    let draft = || world.draft(900).payment("manual", "", 900);
    let (first, second) = (world.place(draft()).await, world.place(draft()).await);
    assert!(first.duplicates.is_empty() && second.duplicates.is_empty());
    let name: OrderName = second.name.parse().unwrap();
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(order.payment_state(), PaymentState::Captured, "captured by hand, in the turn");
    let name: OrderName = first.name.parse().unwrap();
    let answer = world.change(&name, "cancelled").restock(false).send().await.unwrap();
    assert_eq!(status_id(&answer.order.unwrap()), "cancelled", "nothing to wait for");
}
