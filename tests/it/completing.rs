//! COMPLETED captures the money, once, and only then the label moves (rules 2.1, 2.2, 2.5 to 2.8).

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{
    self, CaptureMode, DeliveryState, EventKind, NoteAudience, OperationKind, OperationState,
    PaymentState, StatusTag,
};

use crate::harness::{WAIT, World, problems, refused, request_id, status_id};

trials! {
    shared: [
        rule_2_2_completed_captures_once_and_delivers,
        rule_2_1_a_label_without_a_tag_moves_alone,
        rule_2_2_what_remains_of_a_reservation_is_released,
        rule_4_6_a_release_that_is_tried_again_is_waited_for,
        rule_2_2_money_is_taken_from_several_payments_one_after_the_other,
        rule_9_3_what_is_left_to_be_done_by_hand_is_told,
        whatever_the_provider_does_the_money_moves_once,
        rule_2_5_a_declined_capture_leaves_the_status_and_says_why,
        rule_2_5_a_capture_declined_once_may_be_asked_for_again,
        rule_2_8_an_expired_reservation_is_told_by_the_provider,
        rule_2_6_from_completed_only_the_label_moves_and_nothing_is_captured_twice,
        rule_2_2_an_undelivered_order_is_not_completed_where_delivery_captures,
        a_reservation_that_is_still_asked_about_is_waited_for,
        a_part_still_unconfirmed_cannot_complete_an_order_held_too_small,
        rule_2_10_a_note_rides_along,
    ];
}

async fn rule_2_2_completed_captures_once_and_delivers(world: World) {
    let bought = world.buy(24_900, "").await;
    let answer = world.complete(&bought.name).await.unwrap();
    let receipt = answer.receipt.unwrap();
    assert!(receipt.settled && !receipt.replayed);
    let order = answer.order.unwrap();
    assert_eq!((status_id(&order), order.status_tag()), ("sent", StatusTag::Completed));
    assert_eq!(order.payment_state(), PaymentState::Captured);
    assert_eq!(order.delivery_state(), DeliveryState::Delivered);
    assert_eq!(order.payments[0].captured_minor, 24_900);
    assert!(order.complete_time.is_some() && problems(&order).is_empty());
    assert_eq!(world.book().done(&bought.reference, "capture"), [24_900]);

    let revision = world.revision().await;
    let again = world.complete(&bought.name).await.unwrap();
    assert_eq!(again.order.unwrap().revision, order.revision, "1.6: no event about it");
    assert!(world.revision().await <= revision + 1, "at most a record of the command");
    assert_eq!(world.book().calls(&bought.reference, "capture"), 1);
    let kinds: Vec<EventKind> =
        world.history(&bought.name).await.iter().map(|event| event.kind()).collect();
    let of = |kind| kinds.iter().filter(|known| **known == kind).count();
    assert_eq!(of(EventKind::StatusChangeRequested), 1);
    assert_eq!(of(EventKind::StatusChanged), 1);
    assert_eq!(of(EventKind::Delivered), 1);
}

async fn rule_2_1_a_label_without_a_tag_moves_alone(world: World) {
    let bought = world.buy(500, "").await;
    for status in ["processing", "not-processed", "returned"] {
        let order = world.change(&bought.name, status).send().await.unwrap().order.unwrap();
        assert_eq!(status_id(&order), status);
        assert_eq!(order.payment_state(), PaymentState::Authorized);
        assert_eq!(order.delivery_state(), DeliveryState::NotDelivered);
    }
    assert_eq!(world.book().entries(&bought.reference).len(), 1, "the reservation alone");
}

async fn rule_2_2_what_remains_of_a_reservation_is_released(world: World) {
    let reference = world.reference("");
    let order = world.place(world.draft(700).payment("klarna", &reference, 1_000)).await;
    let name = order.name.parse().unwrap();
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(order.payment_state(), PaymentState::Captured, "the label waits for no release");
    let order = world.settled(&name).await;
    let kinds: Vec<OperationKind> =
        order.payments[0].operations.iter().map(|operation| operation.kind()).collect();
    assert_eq!(kinds, [OperationKind::Authorize, OperationKind::Capture, OperationKind::Release]);
    let held = world.book().reservation(&reference).unwrap();
    assert_eq!((held.captured_minor, held.released_minor), (700, 300));

    // What the provider does not give back is a problem, and the order is sent all the same.
    let reference = world.reference("release=decline");
    let order = world.place(world.draft(700).payment("klarna", &reference, 1_000)).await;
    let name = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let order = world.settled(&name).await;
    assert_eq!((status_id(&order), problems(&order)), ("sent", vec!["RELEASE_DECLINED"]));
    let held = world.book().reservation(&reference).unwrap();
    assert_eq!((held.captured_minor, held.released_minor), (700, 0));
}

/// Nothing else waits for a release; who asks for it once more does.
async fn rule_4_6_a_release_that_is_tried_again_is_waited_for(world: World) {
    let reference = world.reference("release=decline-once");
    let order = world.place(world.draft(700).payment("klarna", &reference, 1_000)).await;
    let name: OrderName = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let order = world.settled(&name).await;
    let declined = order.payments[0].operations.last().unwrap();
    assert_eq!(declined.state(), OperationState::Declined);
    let request = proto::RetryEffectRequest {
        name: (&name).into(),
        operation_id: declined.id,
        wait: Some(WAIT.try_into().unwrap()),
        ..proto::RetryEffectRequest::default()
    };
    let answer = world.client.retry_effect(request).await.unwrap();
    let receipt = answer.receipt.unwrap();
    assert_eq!((receipt.plan.len(), receipt.settled), (1, true));
    let order = answer.order.unwrap();
    assert!(problems(&order).is_empty(), "{order:?}");
    let released = order.payments[0].operations.last().unwrap();
    assert_eq!(
        (released.kind(), released.state()),
        (OperationKind::Release, OperationState::Succeeded)
    );
}

async fn rule_2_2_money_is_taken_from_several_payments_one_after_the_other(world: World) {
    let (card, klarna) = (world.reference(""), world.reference(""));
    let draft = world
        .draft(1_000)
        .payment("manual", "", 200)
        .payment("klarna", &klarna, 500)
        .payment("card", &card, 300);
    let order = world.place(draft).await;
    let order = world.complete(&order.name.parse().unwrap()).await.unwrap().order.unwrap();
    let captured: Vec<i64> = order.payments.iter().map(|one| one.captured_minor).collect();
    assert_eq!(captured, [200, 500, 300]);
    let mut captures: Vec<_> = order
        .payments
        .iter()
        .flat_map(|payment| payment.operations.iter().map(move |one| (payment, one)))
        .filter(|(_, operation)| operation.kind() == OperationKind::Capture)
        .map(|(payment, operation)| (operation.id, payment.provider.as_str()))
        .collect();
    captures.sort_unstable();
    assert_eq!(captures.last().unwrap().1, "manual", "manual is last");

    // The second declines: what the first took stays, and another payment finishes the order.
    let draft = world
        .draft(1_000)
        .payment("card", world.reference("capture=decline"), 400)
        .payment("klarna", world.reference("capture=decline"), 600);
    let order = world.place(draft).await;
    let order = world.complete(&order.name.parse().unwrap()).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "not-processed");
    let tried: usize = order
        .payments
        .iter()
        .flat_map(|payment| &payment.operations)
        .filter(|operation| operation.kind() == OperationKind::Capture)
        .count();
    assert_eq!(tried, 1, "one at a time");
}

/// Nobody is called for it, so that whoever completes the order must hear of it.
async fn rule_9_3_what_is_left_to_be_done_by_hand_is_told(world: World) {
    let told = |receipt: Option<proto::Receipt>| -> Vec<(OperationKind, i64, bool)> {
        let plan = receipt.unwrap().plan;
        plan.iter().map(|one| (one.kind(), one.amount_minor, one.by_hand)).collect()
    };
    let draft = world.draft(1_000).payment("manual", "", 200);
    let draft = draft.payment("klarna", world.reference(""), 800);
    let placed = draft.wait(WAIT).send().await.unwrap();
    assert_eq!(told(placed.receipt), [(OperationKind::Authorize, 800, false)]);
    let name: OrderName = placed.order.unwrap().name.parse().unwrap();
    let asked = world.change(&name, "sent").validate_only().send().await.unwrap();
    let captures = [(OperationKind::Capture, 800, false), (OperationKind::Capture, 200, true)];
    assert_eq!(told(asked.receipt), captures);
    let asked = world.change(&name, "cancelled").restock(false).validate_only();
    let asked = asked.send().await.unwrap();
    assert_eq!(told(asked.receipt), [(OperationKind::Void, 800, false)], "no money changes hands");

    let draft = world.draft(900).payment("manual", "", 900);
    let name: OrderName = world.place(draft).await.name.parse().unwrap();
    let captured = [(OperationKind::Capture, 900, true)];
    let asked = world.change(&name, "sent").validate_only().send().await.unwrap();
    assert_eq!(told(asked.receipt), captured);
    assert_eq!(told(world.complete(&name).await.unwrap().receipt), captured);
}

async fn whatever_the_provider_does_the_money_moves_once(world: World) {
    let troubles = [
        "capture=slow:1s",
        "capture=later:1s",
        "capture=unavailable:1s",
        "capture=busy:1s",
        "capture=timeout-after:200ms",
        "capture=timeout-after",
        "capture=timeout-after:200ms,read=lag:3s",
        "capture=later:1s,read=unavailable:2s",
    ];
    let mut running = Vec::new();
    for trouble in troubles {
        let world = world.clone();
        running.push(tokio::spawn(async move {
            let bought = world.buy(900, trouble).await;
            let order = world.complete(&bought.name).await.unwrap().order.unwrap();
            assert_eq!(status_id(&order), "sent", "{trouble}: {order:?}");
            assert_eq!(order.payments[0].captured_minor, 900, "{trouble}");
            assert_eq!(world.book().done(&bought.reference, "capture"), [900], "{trouble}");
            assert!(problems(&order).is_empty(), "{trouble}");
        }));
    }
    for one in running {
        one.await.unwrap();
    }
}

async fn rule_2_5_a_declined_capture_leaves_the_status_and_says_why(world: World) {
    for trouble in ["capture=decline", "capture=later-decline:1s"] {
        let bought = world.buy(900, trouble).await;
        let answer = world.complete(&bought.name).await.unwrap();
        assert!(answer.receipt.unwrap().settled, "{trouble}: a decline settles it too");
        let order = answer.order.unwrap();
        assert_eq!(status_id(&order), "not-processed");
        assert!(order.pending_status_change.is_none());
        assert_eq!(problems(&order), ["CAPTURE_DECLINED"]);
        assert!(!order.problems[0].details["provider_reason"].is_empty());
        let capture = order.payments[0].operations.last().unwrap();
        assert_eq!(capture.state(), OperationState::Declined);
        assert_eq!(order.problems[0].operation_id, capture.id);
        let history = world.history(&bought.name).await;
        assert!(history.iter().any(|event| event.kind() == EventKind::StatusChangeDropped));

        // The way out: another payment, and then the change again.
        let other = world.reference("");
        let attached = proto::AttachPaymentRequest {
            name: (&bought.name).into(),
            payment: Some(proto::NewPayment {
                provider: "vipps".to_owned(),
                reference: other.clone(),
                amount_minor: 900,
            }),
            wait: prost_types::Duration::try_from(WAIT).ok(),
            ..proto::AttachPaymentRequest::default()
        };
        let attached = world.client.attach_payment(attached).await.unwrap();
        assert_eq!(attached.order.unwrap().payments.len(), 2);
        // What cannot be captured must go first: it is voided by cancelling the order's hold on it,
        // or the capture is planned on the one that holds the total.
        let order = complete_with_patience(&world, &bought.name).await;
        assert_eq!(status_id(&order), "sent", "{order:?}");
        assert_eq!(world.book().done(&other, "capture"), [900]);
        assert!(problems(&order).is_empty(), "its cause is gone: {order:?}");
    }
}

/// Asks again as a person would while the provider declines one of several payments.
async fn complete_with_patience(world: &World, order: &OrderName) -> proto::Order {
    let mut last = world.complete(order).await.unwrap().order.unwrap();
    for _ in 0..3 {
        if status_id(&last) == "sent" {
            break;
        }
        last = world.complete(order).await.unwrap().order.unwrap();
    }
    world.settled(order).await
}

async fn rule_2_5_a_capture_declined_once_may_be_asked_for_again(world: World) {
    let bought = world.buy(900, "capture=decline-once").await;
    let declined = world.complete(&bought.name).await.unwrap().order.unwrap();
    assert_eq!(problems(&declined), ["CAPTURE_DECLINED"]);
    let order = world.complete(&bought.name).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0));
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    let states: Vec<OperationState> = order.payments[0]
        .operations
        .iter()
        .filter(|operation| operation.kind() == OperationKind::Capture)
        .map(|operation| operation.state())
        .collect();
    assert_eq!(states, [OperationState::Declined, OperationState::Succeeded]);
}

async fn rule_2_8_an_expired_reservation_is_told_by_the_provider(world: World) {
    let bought = world.buy(900, "capture=expired").await;
    let order = world.complete(&bought.name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "not-processed");
    assert_eq!(problems(&order), ["RESERVATION_EXPIRED"]);
    assert_eq!(order.payment_state(), PaymentState::Expired);
    refused(world.complete(&bought.name).await, Code::ReservationExpired);
    // Giving back what is expired succeeds (2.8).
    let order = world.cancel(&bought.name, false).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("cancelled", 0));
    assert_eq!(order.payment_state(), PaymentState::Expired, "that is how it ended");
}

async fn rule_2_6_from_completed_only_the_label_moves_and_nothing_is_captured_twice(world: World) {
    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    for status in ["returned", "sent", "processing", "sent"] {
        let answer = world.change(&bought.name, status).send().await.unwrap();
        assert!(answer.receipt.unwrap().plan.is_empty());
        assert_eq!(status_id(&answer.order.unwrap()), status);
    }
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    assert_eq!(world.book().calls(&bought.reference, "capture"), 1);
    refused(world.cancel(&bought.name, true).await, Code::AlreadyCaptured);
}

async fn rule_2_2_an_undelivered_order_is_not_completed_where_delivery_captures(world: World) {
    world
        .set("settings.capture_mode", |settings| {
            settings.set_capture_mode(CaptureMode::PerDelivery);
        })
        .await;
    world
        .set("settings.completed_delivers", |settings| settings.completed_delivers = Some(false))
        .await;
    let bought = world.buy(900, "").await;
    refused(world.complete(&bought.name).await, Code::NotDelivered);
    assert!(world.book().done(&bought.reference, "capture").is_empty());
}

async fn a_reservation_that_is_still_asked_about_is_waited_for(world: World) {
    let reference = world.reference("authorize=slow:1500ms");
    let draft = world.draft(900).payment("vipps", &reference, 900);
    let order = draft.send().await.unwrap().order.unwrap();
    let name = order.name.parse().unwrap();
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent");
    assert_eq!(world.book().done(&reference, "capture"), [900]);

    // The reservation turns out not to stand: the change is dropped.
    let reference = world.reference("authorize=later-decline:1s");
    let draft = world.draft(900).payment("vipps", &reference, 900);
    let order = draft.send().await.unwrap().order.unwrap();
    let order = world.complete(&order.name.parse().unwrap()).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "not-processed");
    assert_eq!(problems(&order), ["AUTHORIZATION_DECLINED"]);
}

async fn a_part_still_unconfirmed_cannot_complete_an_order_held_too_small(world: World) {
    let small = world.reference("authorize=amount:40");
    let slow = world.reference("authorize=later:60m");
    let draft = world.draft(1_000).payment("klarna", &small, 500).payment("vipps", &slow, 500);
    let order = draft.send().await.unwrap().order.unwrap();
    let name = order.name.parse().unwrap();
    crate::harness::eventually("the first reservation is confirmed", async || {
        let order = world.get(&name).await;
        (order.payments[0].authorized_minor == 40).then_some(())
    })
    .await;
    let refusal = refused(world.change(&name, "sent").send().await, Code::PaymentPending);
    assert_eq!(refusal.number("held_minor"), Some(540));
}

async fn rule_2_10_a_note_rides_along(world: World) {
    let bought = world.buy(900, "capture=slow:1s").await;
    let change =
        || world.change(&bought.name, "sent").note(NoteAudience::Warehouse, "Pakk godt\nTakk");
    let id = request_id();
    let pending = change().request_id(&id).send().await.unwrap().order.unwrap();
    assert!(pending.pending_status_change.is_some());
    assert!(pending.notes.is_empty(), "2.10: with the label");
    let order = world.settled(&bought.name).await;
    let [note] = order.notes.as_slice() else { panic!("{order:?}") };
    assert_eq!((note.id, note.audience()), (1, NoteAudience::Warehouse));
    assert_eq!((note.text.as_str(), note.author.as_str()), ("Pakk godt\nTakk", "test"));
    assert!(note.create_time.is_some());

    // A note to a status the order has already, and one that is dropped with its change.
    let order = change().send().await.unwrap().order.unwrap();
    assert_eq!(order.notes.len(), 2);
    let declined = world.buy(900, "capture=decline").await;
    let change = world.change(&declined.name, "sent").note(NoteAudience::Internal, "Sendt");
    let order = change.wait(WAIT).send().await.unwrap().order.unwrap();
    assert!(order.notes.is_empty(), "{order:?}");
}
