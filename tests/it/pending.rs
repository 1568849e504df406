//! While a status change waits: what is refused, and the ways out (design §4, rules 9.6).

use order_rules::refusals::Code;
use order_sdk::proto::{EventKind, NewPayment, OperationState, PaymentState};
use order_sdk::{Error, OrderName, proto};

use crate::harness::{WAIT, World, eventually, problems, refused, status_id, wrong_fields};

trials! {
    shared: [
        a_waiting_change_refuses_what_touches_status_and_money,
        a_change_is_withdrawn_while_nothing_was_sent,
        a_change_whose_effect_was_sent_is_not_withdrawn,
        what_is_being_sent_is_told_by_every_read_of_the_order,
        nothing_pending_nothing_withdrawn,
        rule_9_6_a_payment_is_attached_and_read_from_the_provider,
        an_attached_payment_is_waited_for_alone,
        what_cannot_be_attached_is_refused,
    ];
}

impl World {
    pub(crate) async fn attach(
        &self,
        order: &OrderName,
        provider: &str,
        reference: &str,
        amount_minor: i64,
    ) -> Result<proto::AttachPaymentResponse, Error> {
        let request = proto::AttachPaymentRequest {
            name: order.into(),
            payment: Some(NewPayment {
                provider: provider.to_owned(),
                reference: reference.to_owned(),
                amount_minor,
            }),
            wait: prost_types::Duration::try_from(WAIT).ok(),
            ..proto::AttachPaymentRequest::default()
        };
        self.client.attach_payment(request).await
    }

    pub(crate) async fn withdraw(
        &self,
        order: &OrderName,
    ) -> Result<proto::WithdrawStatusChangeResponse, Error> {
        let request = proto::WithdrawStatusChangeRequest {
            name: order.into(),
            ..proto::WithdrawStatusChangeRequest::default()
        };
        self.client.withdraw_status_change(request).await
    }
}

async fn a_waiting_change_refuses_what_touches_status_and_money(world: World) {
    let bought = world.buy(900, "capture=slow:2s").await;
    let pending = world.change(&bought.name, "sent").send().await.unwrap().order.unwrap();
    let change = pending.pending_status_change.as_ref().unwrap();
    assert_eq!(change.status, String::from(world.status("sent")));
    assert!(change.request_time.is_some());
    assert_eq!(status_id(&pending), "not-processed", "the label moves when the money has");
    let filter = |filter: &mut proto::OrderFilter| filter.has_pending_status_change = Some(true);
    let listed = world.client.orders(&world.shop).filter(filter).page().await.unwrap();
    assert_eq!(listed.items.len(), 1);

    for status in ["processing", "sent", "cancelled"] {
        let mut change = world.change(&bought.name, status);
        if status == "cancelled" {
            change = change.restock(true);
        }
        refused(change.send().await, Code::StatusChangePending);
    }
    let attach = world.attach(&bought.name, "vipps", &world.reference(""), 900).await;
    refused(attach, Code::StatusChangePending);
    // What touches neither is let through.
    let request = proto::UpdateOrderRequest {
        order: Some(proto::Order {
            name: (&bought.name).into(),
            language_code: "en".to_owned(),
            ..proto::Order::default()
        }),
        update_mask: Some(crate::harness::mask(&["language_code"])),
        ..proto::UpdateOrderRequest::default()
    };
    world.client.update_order(request).await.unwrap();
    let order = world.settled(&bought.name).await;
    assert_eq!((status_id(&order), order.language_code.as_str()), ("sent", "en"));
}

async fn a_change_is_withdrawn_while_nothing_was_sent(world: World) {
    // The reservation has still to be confirmed, so no capture is planned yet.
    let reference = world.reference("authorize=slow:2s");
    let draft = world.draft(900).payment("vipps", &reference, 900);
    let order = draft.send().await.unwrap().order.unwrap();
    let name = order.name.parse().unwrap();
    world.change(&name, "sent").send().await.unwrap();
    let order = world.withdraw(&name).await.unwrap().order.unwrap();
    assert!(order.pending_status_change.is_none());
    assert_eq!(status_id(&order), "not-processed");
    let order = world.settled(&name).await;
    assert_eq!(order.payment_state(), PaymentState::Authorized);
    let history = world.history(&name).await;
    assert!(history.iter().any(|event| event.kind() == EventKind::StatusChangeDropped));

    // A capture the provider puts off lies unsent between two attempts.
    let bought = world.buy(900, "capture=unavailable").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    let order = eventually("withdrawn between two attempts", async || {
        match world.withdraw(&bought.name).await {
            Ok(answer) => answer.order,
            Err(error) => {
                assert_eq!(error.code(), Some(Code::EffectAlreadySent.name()), "{error:?}");
                None
            }
        }
    })
    .await;
    let capture = order.payments[0].operations.last().unwrap();
    assert_eq!(capture.state(), OperationState::Withdrawn);
    assert_eq!(order.payments[0].claimed_minor, 0, "its claim is gone with it");
    assert_eq!(
        status_id(&world.cancel(&bought.name, false).await.unwrap().order.unwrap()),
        "cancelled"
    );
    assert!(world.book().done(&bought.reference, "capture").is_empty());
}

async fn a_change_whose_effect_was_sent_is_not_withdrawn(world: World) {
    let bought = world.buy(900, "capture=slow:2s").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    eventually("the capture is at the provider", async || {
        (world.book().calls(&bought.reference, "capture") > 0).then_some(())
    })
    .await;
    refused(world.withdraw(&bought.name).await, Code::EffectAlreadySent);
    assert_eq!(status_id(&world.settled(&bought.name).await), "sent");
}

async fn what_is_being_sent_is_told_by_every_read_of_the_order(world: World) {
    let bought = world.buy(900, "capture=slow:3s").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    let is_sent = |order: &proto::Order| {
        order.payments[0].operations.last().unwrap().state() == OperationState::Sent
    };
    let order = eventually("a read tells that it is sent", async || {
        let order = world.get(&bought.name).await;
        is_sent(&order).then_some(order)
    })
    .await;
    let request = proto::BatchGetOrdersRequest {
        parent: (&world.shop).into(),
        names: vec![order.name.clone()],
    };
    let many = world.client.batch_get_orders(request).await.unwrap().orders;
    assert_eq!(many, std::slice::from_ref(&order), "and all else is as it was");
    let settled = world.settled(&bought.name).await;
    assert_eq!(settled.payments[0].captured_minor, 900);
}

async fn nothing_pending_nothing_withdrawn(world: World) {
    let bought = world.buy(900, "").await;
    let before = world.revision().await;
    refused(world.withdraw(&bought.name).await, Code::NoStatusChangePending);
    refused(world.withdraw(&world.shop.order(4).unwrap()).await, Code::OrderNotFound);
    assert_eq!(world.revision().await, before);
}

async fn rule_9_6_a_payment_is_attached_and_read_from_the_provider(world: World) {
    let bought = world.buy(900, "authorize=decline").await;
    let (small, whole) = (world.reference("authorize=amount:500"), world.reference(""));
    let answer = world.attach(&bought.name, "vipps", &small, 900).await.unwrap();
    assert!(answer.receipt.unwrap().settled);
    let order = answer.order.unwrap();
    assert_eq!(order.payments[1].authorized_minor, 500, "read, not believed");
    assert!(!problems(&order).is_empty(), "the total is still not held: {order:?}");
    refused(world.complete(&bought.name).await, Code::ReservationGone);

    let order = world.attach(&bought.name, "card", &whole, 400).await.unwrap().order.unwrap();
    assert!(problems(&order).is_empty(), "held at last: {order:?}");
    assert_eq!(order.payment_state(), PaymentState::Authorized);
    let again = world.attach(&bought.name, "card", &whole, 400).await.unwrap().order.unwrap();
    assert_eq!(again.payments.len(), 3, "the same payment again changes nothing");
    let order = world.complete(&bought.name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent");
    let captured: Vec<i64> = order.payments.iter().map(|one| one.captured_minor).collect();
    assert_eq!(captured, [0, 500, 400]);
}

/// Who attaches a payment waits for that one, not for another that hangs.
async fn an_attached_payment_is_waited_for_alone(world: World) {
    let reference = world.reference("authorize=later:60m");
    let draft = world.draft(900).payment("klarna", &reference, 900);
    let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    let new = world.reference("authorize=later:500ms");
    let answer = world.attach(&name, "vipps", &new, 900).await.unwrap();
    assert!(answer.receipt.unwrap().settled, "the older one is not waited for");
    let order = answer.order.unwrap();
    let states: Vec<i64> = order.payments.iter().map(|one| one.authorized_minor).collect();
    assert_eq!(states, [0, 900]);
    assert_eq!(order.payments[0].operations[0].state(), OperationState::Accepted);
    let again = world.attach(&name, "vipps", &new, 900).await.unwrap();
    assert!(again.receipt.unwrap().settled, "nothing of it is under way any more");
}

async fn what_cannot_be_attached_is_refused(world: World) {
    let (bought, other) = (world.buy(900, "").await, world.buy(500, "").await);
    let before = world.revision().await;
    let theirs = world.attach(&bought.name, "klarna", &other.reference, 500).await;
    refused(theirs, Code::PaymentMismatch);
    let amount = world.attach(&bought.name, "klarna", &bought.reference, 901).await;
    refused(amount, Code::PaymentMismatch);
    for (provider, reference, amount) in [
        ("vipps", "", 900),
        ("manual", "x", 900),
        ("vipps", "v", -1),
        ("vipps", "v", 0),
        ("nobody", "v", 900),
    ] {
        let outcome = world.attach(&bought.name, provider, reference, amount).await;
        assert_eq!(wrong_fields(outcome).len(), 1, "{provider} {reference:?} {amount}");
    }
    // What only the shop and the order show is told with what is wrong by itself.
    let all = ["payment.amount_minor", "payment.provider", "payment.reference"];
    for (order, provider, reference) in [
        (&bought.name, "nobody", ""),
        (&bought.name, "nobody", "ø\u{0}"),
        (&bought.name, "Nobody!", ""),
    ] {
        let mut wrong = wrong_fields(world.attach(order, provider, reference, 0).await);
        wrong.sort_unstable();
        assert_eq!(wrong, all, "{provider} {reference:?}");
    }
    // An order that is not there owes nothing.
    let missing = world.shop.order(9_999).unwrap();
    let wrong = wrong_fields(world.attach(&missing, "nobody", "", 0).await);
    assert_eq!(wrong, ["payment.reference", "payment.provider"]);
    let nothing = proto::AttachPaymentRequest {
        name: (&bought.name).into(),
        ..proto::AttachPaymentRequest::default()
    };
    assert_eq!(wrong_fields(world.client.attach_payment(nothing).await), ["payment"]);
    assert_eq!(world.revision().await, before);
    world.complete(&bought.name).await.unwrap();
    let late = world.attach(&bought.name, "vipps", &world.reference(""), 900).await;
    let refusal = refused(late, Code::AlreadyCaptured);
    assert_eq!(refusal.metadata["order"], String::from(&bought.name), "which order it is about");
    // Of a cancelled order nobody is asked to pay again: the remedy is another order.
    world.cancel(&other.name, false).await.unwrap();
    let cancelled = world.attach(&other.name, "vipps", &world.reference(""), 500).await;
    refused(cancelled, Code::OrderCancelled);
}
