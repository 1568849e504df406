//! An order goes where no money can be lost by it (rules §8, 7.5).

use order_rules::refusals::Code;
use order_sdk::proto::{self, EventKind, MovementReason, Restock, Verdict};
use order_sdk::{Error, OrderName, Start};

use crate::harness::audit::audit;
use crate::harness::listener::Listener;
use crate::harness::{WAIT, World, mask, problems, refused, status_id};

trials! {
    shared: [
        rule_8_1_nothing_may_hang_on_a_deleted_order,
        rule_8_1_an_order_stays_until_what_was_credited_is_paid_back,
        rule_8_1_a_deleted_order_is_hidden_and_its_history_stays,
        rule_8_1_restock_is_a_required_choice_while_stock_is_out,
        rule_7_3_deleting_the_twin_never_touches_the_payment,
        every_command_on_a_deleted_order_is_refused,
    ];
}

impl World {
    async fn delete(
        &self,
        order: &OrderName,
        restock: Restock,
    ) -> Result<proto::DeleteOrderResponse, Error> {
        let request = proto::DeleteOrderRequest {
            name: order.into(),
            restock: restock.into(),
            ..proto::DeleteOrderRequest::default()
        };
        self.client.delete_order(request).await
    }

    async fn deleted(&self, order: &OrderName) -> proto::Order {
        let request =
            proto::GetOrderRequest { name: order.into(), as_of_revision: 0, show_deleted: true };
        self.client.get_order(request).await.unwrap().order.unwrap()
    }
}

async fn rule_8_1_nothing_may_hang_on_a_deleted_order(world: World) {
    // A reservation is given back first.
    let bought = world.buy(900, "").await;
    let refusal = refused(world.delete(&bought.name, Restock::No).await, Code::ReservationHeld);
    assert_eq!(refusal.number("held_minor"), Some(900));
    world.cancel(&bought.name, false).await.unwrap();
    world.delete(&bought.name, Restock::No).await.unwrap();

    // What is under way is waited for.
    let draft = world.draft(900).payment("klarna", world.reference("authorize=slow:2s"), 900);
    let order = draft.send().await.unwrap().order.unwrap();
    let name: OrderName = order.name.parse().unwrap();
    refused(world.delete(&name, Restock::No).await, Code::EffectPending);
    world.settled(&name).await;
    let slow = world.buy(900, "void=slow:2s").await;
    world.change(&slow.name, "cancelled").restock(false).send().await.unwrap();
    refused(world.delete(&slow.name, Restock::No).await, Code::StatusChangePending);
    world.settled(&slow.name).await;

    // Captured money is credited, not forgotten.
    let paid = world.buy(900, "").await;
    world.complete(&paid.name).await.unwrap();
    let refusal = refused(world.delete(&paid.name, Restock::No).await, Code::MoneyNotCredited);
    assert_eq!(refusal.number("left_minor"), Some(900));

    // A problem is solved first.
    let declined = world.buy(900, "void=decline-once").await;
    let order = world.cancel(&declined.name, false).await.unwrap().order.unwrap();
    assert_eq!(problems(&order), ["VOID_DECLINED"]);
    let refusal = refused(world.delete(&declined.name, Restock::No).await, Code::ProblemOpen);
    assert_eq!(refusal.metadata["problem"], "VOID_DECLINED");
    world.cancel(&declined.name, false).await.unwrap();
    world.delete(&declined.name, Restock::No).await.unwrap();
    audit(&world).await;
}

async fn rule_8_1_an_order_stays_until_what_was_credited_is_paid_back(world: World) {
    let bought = world.buy(900, "refund=decline").await;
    let name = &bought.name;
    world.complete(name).await.unwrap();
    let sale = world.credit_all(name).await.order.unwrap();
    assert_eq!(problems(&sale), ["REFUND_DECLINED"]);
    let problem = &sale.problems[0];
    refused(world.delete(name, Restock::No).await, Code::ProblemOpen);
    world.dismiss(name, problem.id).await.unwrap();
    let refusal = refused(world.delete(name, Restock::No).await, Code::EffectPending);
    assert_eq!(refusal.number("operation"), Some(problem.operation_id));
    world.settle(name, problem.operation_id, Verdict::Happened).await.unwrap();
    world.delete(name, Restock::No).await.unwrap();
}

async fn rule_8_1_a_deleted_order_is_hidden_and_its_history_stays(world: World) {
    let order = world.place(world.draft(0)).await;
    let name: OrderName = order.name.parse().unwrap();
    let other = world.place(world.draft(0)).await;
    let mut listener = Listener::open(&world, Start::Oldest).await;
    let asked = proto::DeleteOrderRequest {
        name: (&name).into(),
        validate_only: true,
        ..proto::DeleteOrderRequest::default()
    };
    let would_be = world.client.delete_order(asked).await.unwrap().order.unwrap();
    assert!(would_be.delete_time.is_some());
    assert_eq!(world.get(&name).await, order, "only asked");
    let answer = world.delete(&name, Restock::Unspecified).await.unwrap();
    assert!(answer.order.unwrap().delete_time.is_some());

    let request =
        proto::GetOrderRequest { name: (&name).into(), as_of_revision: 0, show_deleted: false };
    let refusal = refused(world.client.get_order(request).await, Code::OrderDeleted);
    assert_eq!(refusal.grpc_code, order_sdk::Code::NotFound);
    assert_eq!(world.deleted(&name).await.number, order.number);
    let many = proto::BatchGetOrdersRequest {
        parent: (&world.shop).into(),
        names: vec![order.name.clone(), other.name.clone()],
    };
    refused(world.client.batch_get_orders(many).await, Code::OrderNotFound);
    let listed = world.client.orders(&world.shop).page().await.unwrap().items;
    assert_eq!(listed.iter().map(|order| order.number).collect::<Vec<_>>(), [other.number]);
    let all = world.client.orders(&world.shop).show_deleted().page().await.unwrap().items;
    assert_eq!(all.len(), 2);

    let history = world.history(&name).await;
    let kinds: Vec<EventKind> = history.iter().map(|event| event.kind()).collect();
    assert_eq!(kinds, [EventKind::OrderCreated, EventKind::OrderDeleted]);
    let heard = listener.until(world.revision().await).await;
    assert!(heard.events.iter().any(|event| event.kind() == EventKind::OrderDeleted));
    let next = world.place(world.draft(0)).await;
    assert_eq!(next.number, other.number + 1, "the number stays taken");
    audit(&world).await;
}

async fn rule_8_1_restock_is_a_required_choice_while_stock_is_out(world: World) {
    world.stock("CUP", 10).await;
    let free = |world: &World| {
        world.draft(0).with(|order| order.lines.clear()).goods("CUP", "Kopp", 2, 0, 2_500)
    };
    let name: OrderName = world.place(free(&world)).await.name.parse().unwrap();
    refused(world.delete(&name, Restock::Unspecified).await, Code::RestockRequired);
    assert_eq!(world.on_hand("CUP").await, 8);
    world.delete(&name, Restock::Yes).await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 10);
    let request = proto::ListStockMovementsRequest {
        parent: world.shop.stock_item("CUP").unwrap().into(),
        ..proto::ListStockMovementsRequest::default()
    };
    let movements = world.client.list_stock_movements(request).await.unwrap().movements;
    assert_eq!((movements[0].reason(), movements[0].quantity), (MovementReason::Deleted, 2));
    // Put back when it was cancelled: nothing is asked again.
    let name: OrderName = world.place(free(&world)).await.name.parse().unwrap();
    world.cancel(&name, true).await.unwrap();
    world.delete(&name, Restock::Unspecified).await.unwrap();
    let name: OrderName = world.place(free(&world)).await.name.parse().unwrap();
    world.delete(&name, Restock::No).await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 8);
    audit(&world).await;
}

async fn rule_7_3_deleting_the_twin_never_touches_the_payment(world: World) {
    let first = world.buy(900, "").await;
    let twin = world.draft(900).payment("klarna", &first.reference, 900);
    let twin: OrderName = world.place(twin).await.name.parse().unwrap();
    world.complete(&first.name).await.unwrap();
    world.delete(&twin, Restock::No).await.unwrap();
    let order = world.deleted(&twin).await;
    assert_eq!(order.payment_state(), proto::PaymentState::None);
    let held = world.book().reservation(&first.reference).unwrap();
    assert_eq!((held.captured_minor, held.refunded_minor, held.is_voided), (900, 0, false));
    assert_eq!(status_id(&world.get(&first.name).await), "sent");

    // Before anything was captured, the one that stays holds the payment alone.
    let first = world.buy(900, "").await;
    let twin = world.draft(900).payment("klarna", &first.reference, 900);
    let twin: OrderName = world.place(twin).await.name.parse().unwrap();
    world.delete(&twin, Restock::No).await.unwrap();
    assert_eq!(world.book().calls(&first.reference, "void"), 0);
    refused(world.delete(&first.name, Restock::No).await, Code::ReservationHeld);
    world.complete(&first.name).await.unwrap();
    audit(&world).await;
}

async fn every_command_on_a_deleted_order_is_refused(world: World) {
    let name: OrderName = world.place(world.draft(0)).await.name.parse().unwrap();
    world.delete(&name, Restock::No).await.unwrap();
    let head = world.revision().await;
    let client = &world.client;
    refused(world.delete(&name, Restock::No).await, Code::OrderDeleted);
    refused(client.edit(&name).quantity(1, 2).send().await, Code::OrderDeleted);
    refused(world.change(&name, "sent").wait(WAIT).send().await, Code::OrderDeleted);
    let withdraw = proto::WithdrawStatusChangeRequest {
        name: (&name).into(),
        ..proto::WithdrawStatusChangeRequest::default()
    };
    refused(client.withdraw_status_change(withdraw).await, Code::OrderDeleted);
    let attach = proto::AttachPaymentRequest {
        name: (&name).into(),
        payment: Some(proto::NewPayment {
            provider: "manual".to_owned(),
            amount_minor: 1,
            ..proto::NewPayment::default()
        }),
        ..proto::AttachPaymentRequest::default()
    };
    refused(client.attach_payment(attach).await, Code::OrderDeleted);
    let update = proto::UpdateOrderRequest {
        order: Some(proto::Order { name: (&name).into(), ..proto::Order::default() }),
        update_mask: Some(mask(&["language_code"])),
        ..proto::UpdateOrderRequest::default()
    };
    refused(client.update_order(update).await, Code::OrderDeleted);
    assert_eq!(world.revision().await, head);
}
