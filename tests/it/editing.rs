//! Lines change while money is only reserved, and the reservation follows (rules §5).

use order_rules::refusals::Code;
use order_sdk::proto::{
    EventKind, LineKind, MovementReason, NewLine, OperationKind, OperationState, PaymentState,
    StockMode,
};
use order_sdk::{OrderDraft, OrderEdit, OrderName, proto};

use crate::harness::audit::audit;
use crate::harness::{
    WAIT, World, eventually, gross, problems, refused, request_id, status_id, wrong_fields,
};

trials! {
    shared: [
        rule_5_1_an_order_is_edited_until_it_is_captured,
        rule_5_1_the_total_stays_above_what_is_captured,
        rule_5_2_the_total_may_not_rise,
        rule_5_2_an_order_paid_by_hand_may_rise,
        rule_5_3_the_edit_stands_at_once_and_the_provider_learns_the_amount,
        rule_5_3_a_newer_edit_replaces_an_unsent_amount,
        rule_5_3_a_sent_amount_is_waited_for,
        rule_5_3_a_declined_amount_is_a_problem_and_the_capture_takes_the_new_total,
        rule_5_3_a_shared_authorization_is_not_touched,
        rule_5_3_decreases_go_in_reverse_order_of_the_payments,
        rule_5_4_an_edit_never_changes_the_status_and_can_be_asked_first,
        rule_5_5_lines_that_are_not_touched_stay_as_they_are,
        rule_5_5_stock_follows_the_quantity,
        an_edit_is_told_with_who_when_and_what_it_was_before,
        everything_wrong_with_an_edit_is_told_at_once,
    ];
}

impl World {
    fn edit(&self, order: &OrderName) -> OrderEdit {
        self.client.edit(order).wait(WAIT)
    }

    /// Two cups of 200.00 and parcel of 100.00, on this payment.
    fn basket(&self, reference: &str) -> OrderDraft {
        self.draft(0)
            .with(|order| order.lines.clear())
            .goods("CUP", "Kopp", 2, 20_000, 2_500)
            .shipping("Pakke", 10_000, 2_500)
            .payment("klarna", reference, 50_000)
    }

    async fn buy_basket(&self, orders: &str) -> (OrderName, String) {
        let reference = self.reference(orders);
        let order = self.place(self.basket(&reference)).await;
        (order.name.parse().unwrap(), reference)
    }

    fn reserved(&self, reference: &str) -> i64 {
        self.book().reservation(reference).unwrap().authorized_minor
    }
}

fn mug(quantity: i64, unit_price_minor: i64) -> NewLine {
    NewLine {
        kind: LineKind::Goods.into(),
        sku: "MUG-1".to_owned(),
        title: "Krus".to_owned(),
        quantity,
        unit_price_minor,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    }
}

async fn edited(edit: OrderEdit) -> proto::Order {
    edit.send().await.unwrap().order.unwrap()
}

async fn rule_5_1_an_order_is_edited_until_it_is_captured(world: World) {
    let (name, _) = world.buy_basket("").await;
    edited(world.edit(&name).quantity(1, 1)).await;
    world.complete(&name).await.unwrap();
    let before = world.revision().await;
    let refusal = refused(world.edit(&name).remove(2).send().await, Code::AlreadyCaptured);
    assert_eq!(refusal.number("captured_minor"), Some(30_000));
    // What waits for money, and what is cancelled, is left as it is.
    let (waiting, _) = world.buy_basket("capture=slow:2s").await;
    world.change(&waiting, "sent").send().await.unwrap();
    refused(world.edit(&waiting).remove(2).send().await, Code::StatusChangePending);
    world.settled(&waiting).await;
    let (cancelled, _) = world.buy_basket("").await;
    world.cancel(&cancelled, false).await.unwrap();
    refused(world.edit(&cancelled).remove(2).send().await, Code::OrderCancelled);
    assert!(world.revision().await > before);
    audit(&world).await;
}

async fn rule_5_1_the_total_stays_above_what_is_captured(world: World) {
    let (card, klarna) = (world.reference(""), world.reference("capture=decline"));
    let draft = world.draft(1_000).payment("card", &card, 400).payment("klarna", &klarna, 600);
    let name: OrderName = world.place(draft).await.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    assert_eq!(world.book().done(&card, "capture"), [400]);
    let refusal =
        refused(world.edit(&name).unit_price(1, 399).send().await, Code::TotalBelowCaptured);
    assert_eq!(
        (refusal.number("captured_minor"), refusal.number("new_minor")),
        (Some(400), Some(399))
    );
    let order = edited(world.edit(&name).unit_price(1, 400)).await;
    assert_eq!((order.payment_state(), problems(&order).len()), (PaymentState::Captured, 0));
    assert_eq!(world.reserved(&klarna), 0, "nothing will be captured of it any more");
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent");
    world.settled(&name).await;
    audit(&world).await;
}

async fn rule_5_2_the_total_may_not_rise(world: World) {
    let (name, reference) = world.buy_basket("").await;
    let before = world.revision().await;
    for edit in [
        world.edit(&name).quantity(1, 3),
        world.edit(&name).unit_price(2, 10_001),
        world.edit(&name).add_line(mug(1, 1)),
    ] {
        let refusal = refused(edit.send().await, Code::TotalMayNotRise);
        assert_eq!(refusal.number("old_minor"), Some(50_000));
        assert!(refusal.number("new_minor") > Some(50_000));
    }
    assert_eq!(world.revision().await, before);
    // The same total in other goods asks the provider for nothing.
    let order = edited(world.edit(&name).quantity(1, 1).add_line(mug(2, 10_000))).await;
    let lines: Vec<(i32, i64)> = order.lines.iter().map(|line| (line.id, line.quantity)).collect();
    assert_eq!((gross(&order), lines), (50_000, vec![(1, 1), (2, 1), (3, 2)]));
    assert_eq!(world.book().calls(&reference, "update"), 0);
    world.complete(&name).await.unwrap();
    assert_eq!(world.book().done(&reference, "capture"), [50_000]);
    audit(&world).await;
}

async fn rule_5_2_an_order_paid_by_hand_may_rise(world: World) {
    let order = world.place(world.draft(900).payment("manual", "", 900)).await;
    let name: OrderName = order.name.parse().unwrap();
    let order = edited(world.edit(&name).quantity(1, 3).add_line(mug(1, 300))).await;
    assert_eq!((gross(&order), order.payments[0].authorized_minor), (3_000, 3_000));
    let order = edited(world.edit(&name).remove(2)).await;
    assert_eq!((gross(&order), order.payments[0].authorized_minor), (2_700, 2_700));
    assert_eq!(order.lines.len(), 1, "a removed line is gone");
    let order = edited(world.edit(&name).add_line(mug(1, 100))).await;
    assert_eq!(order.lines[1].id, 3, "its id is never used again");
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(order.payments[0].captured_minor, 2_800);
    audit(&world).await;
}

async fn rule_5_3_the_edit_stands_at_once_and_the_provider_learns_the_amount(world: World) {
    let (name, reference) = world.buy_basket("update=slow:1s").await;
    let answer = world.client.edit(&name).unit_price(2, 0).send().await.unwrap();
    let (order, receipt) = (answer.order.unwrap(), answer.receipt.unwrap());
    assert_eq!(gross(&order), 40_000, "nothing is waited for");
    let [effect] = receipt.plan.as_slice() else { panic!("{receipt:?}") };
    assert_eq!((effect.kind(), effect.amount_minor), (OperationKind::UpdateAmount, 40_000));
    assert!(!receipt.settled);
    let order = world.settled(&name).await;
    assert_eq!(order.payments[0].authorized_minor, 40_000);
    assert_eq!(world.reserved(&reference), 40_000);
    world.complete(&name).await.unwrap();
    assert_eq!(world.book().done(&reference, "capture"), [40_000]);
    audit(&world).await;
}

async fn rule_5_3_a_newer_edit_replaces_an_unsent_amount(world: World) {
    let (name, reference) = world.buy_basket("update=unavailable:2s").await;
    let edit = |price| world.client.edit(&name).unit_price(2, price).send();
    edit(9_000).await.unwrap();
    eventually("the provider was called and is out of order", async || {
        (world.book().calls(&reference, "update") > 0).then_some(())
    })
    .await;
    // Whichever is unsent gives way: the newest amount is the last.
    edit(8_000).await.unwrap();
    edit(7_000).await.unwrap();
    let order = world.settled(&name).await;
    let states: Vec<OperationState> = order.payments[0]
        .operations
        .iter()
        .filter(|operation| operation.kind() == OperationKind::UpdateAmount)
        .map(|operation| operation.state())
        .collect();
    assert!(states.contains(&OperationState::Withdrawn), "{states:?}");
    assert_eq!(world.book().done(&reference, "update").last(), Some(&47_000));
    assert_eq!(world.reserved(&reference), 47_000);
    audit(&world).await;
}

async fn rule_5_3_a_sent_amount_is_waited_for(world: World) {
    let (name, reference) = world.buy_basket("update=later:1s").await;
    world.client.edit(&name).unit_price(2, 9_000).send().await.unwrap();
    eventually("the provider has the amount", async || {
        (!world.book().entries(&reference).is_empty()
            && world.book().calls(&reference, "update") > 0)
            .then_some(())
    })
    .await;
    world.client.edit(&name).unit_price(2, 8_000).send().await.unwrap();
    // The order is completed meanwhile: money is taken when the amounts are known.
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent", "{order:?}");
    world.settled(&name).await;
    assert_eq!(world.book().done(&reference, "update"), [49_000, 48_000]);
    assert_eq!(world.book().done(&reference, "capture"), [48_000]);
    audit(&world).await;
}

async fn rule_5_3_a_declined_amount_is_a_problem_and_the_capture_takes_the_new_total(world: World) {
    let (name, reference) = world.buy_basket("update=decline").await;
    let order = edited(world.edit(&name).unit_price(2, 0)).await;
    assert_eq!(problems(&order), ["AMOUNT_UPDATE_DECLINED"]);
    assert!(order.problems[0].details["provider_reason"].contains("declined"));
    assert_eq!(gross(&order), 40_000, "the edit stands all the same");
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent");
    let order = world.settled(&name).await;
    assert!(problems(&order).is_empty(), "{order:?}");
    let held = world.book().reservation(&reference).unwrap();
    assert_eq!((held.captured_minor, held.released_minor), (40_000, 10_000));

    // Or a newer edit is taken.
    let (name, reference) = world.buy_basket("update=decline-once").await;
    let order = edited(world.edit(&name).unit_price(2, 0)).await;
    assert_eq!(problems(&order), ["AMOUNT_UPDATE_DECLINED"]);
    let order = edited(world.edit(&name).quantity(1, 1)).await;
    assert!(problems(&order).is_empty(), "{order:?}");
    assert_eq!(world.reserved(&reference), 20_000);
    audit(&world).await;
}

async fn rule_5_3_a_shared_authorization_is_not_touched(world: World) {
    let (name, reference) = world.buy_basket("").await;
    let twin: OrderName = world.place(world.basket(&reference)).await.name.parse().unwrap();
    let order = edited(world.edit(&name).unit_price(2, 0)).await;
    assert_eq!((gross(&order), order.payments[0].authorized_minor), (40_000, 50_000));
    world.complete(&name).await.unwrap();
    world.cancel(&twin, false).await.unwrap();
    world.settled(&name).await;
    assert_eq!(world.book().calls(&reference, "update"), 0);
    let held = world.book().reservation(&reference).unwrap();
    assert_eq!((held.captured_minor, held.released_minor), (40_000, 10_000));
    audit(&world).await;
}

async fn rule_5_3_decreases_go_in_reverse_order_of_the_payments(world: World) {
    let (first, second) = (world.reference(""), world.reference(""));
    let draft = world
        .draft(0)
        .with(|order| order.lines.clear())
        .goods("", "Kopp", 10, 100, 2_500)
        .payment("card", &first, 300)
        .payment("klarna", &second, 700);
    let name: OrderName = world.place(draft).await.name.parse().unwrap();
    edited(world.edit(&name).quantity(1, 9)).await;
    assert_eq!((world.reserved(&first), world.reserved(&second)), (300, 600));
    edited(world.edit(&name).quantity(1, 2)).await;
    assert_eq!((world.reserved(&first), world.reserved(&second)), (200, 0));
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(order.payment_state(), PaymentState::Captured);
    assert_eq!(world.book().done(&first, "capture"), [200]);
    audit(&world).await;
}

async fn rule_5_4_an_edit_never_changes_the_status_and_can_be_asked_first(world: World) {
    let (name, reference) = world.buy_basket("").await;
    world.change(&name, "processing").send().await.unwrap();
    let before = (world.revision().await, world.get(&name).await);
    let edit = || world.edit(&name).quantity(1, 1).unit_price(2, 0);
    let asked = edit().validate_only().send().await.unwrap();
    let (would_be, plan) = (asked.order.unwrap(), asked.receipt.unwrap().plan);
    assert_eq!((gross(&would_be), plan.len()), (20_000, 1));
    assert_eq!((plan[0].kind(), plan[0].amount_minor), (OperationKind::UpdateAmount, 20_000));
    assert_eq!((world.revision().await, world.get(&name).await), before);
    let order = edited(edit()).await;
    assert_eq!((order.totals, order.lines), (would_be.totals, would_be.lines));
    assert_eq!(status_id(&world.get(&name).await), "processing");
    assert_eq!(world.book().calls(&reference, "capture"), 0);
    // What changes nothing is a success without an event.
    let head = world.revision().await;
    let same = edit().send().await.unwrap();
    assert_eq!(world.get(&name).await.revision, same.order.unwrap().revision);
    assert_eq!(world.history(&name).await.last().unwrap().kind(), EventKind::Noop);
    assert_eq!(world.revision().await, head + 1);
    audit(&world).await;
}

async fn rule_5_5_lines_that_are_not_touched_stay_as_they_are(world: World) {
    let reference = world.reference("");
    let draft = world
        .draft(0)
        .with(|order| {
            order.lines.clear();
            order.discount_minor = 101;
        })
        .goods("", "Tredeler", 3, 3_367, 2_500)
        .goods("", "Bok", 1, 2_999, 0)
        .payment("klarna", &reference, 13_100);
    let order = world.place(draft).await;
    let name: OrderName = order.name.parse().unwrap();
    let placed = order.lines[0].clone();
    let smaller = edited(world.edit(&name).quantity(1, 1)).await;
    assert_eq!(smaller.lines[1], order.lines[1], "bit by bit");
    let rounded = |amount: i64, units: i64| (2 * amount * units + 3) / 6;
    assert_eq!(smaller.lines[0].gross_minor, rounded(placed.gross_minor, 1));
    assert_eq!(smaller.lines[0].vat_minor, rounded(placed.vat_minor, 1));
    let line = &smaller.lines[0];
    assert_eq!(line.gross_minor, 3_367 - line.discount_minor, "the line still adds up");
    let totals = smaller.totals.as_ref().unwrap();
    let sum: i64 = smaller.lines.iter().map(|line| line.gross_minor).sum();
    assert_eq!(
        (totals.gross_minor, totals.discount_minor),
        (sum, smaller.lines.iter().map(|line| line.discount_minor).sum())
    );
    // A new price is a line placed anew, with the discount it had.
    let cheaper = edited(world.edit(&name).unit_price(1, 1_000)).await;
    assert_eq!(cheaper.lines[0].gross_minor, 1_000 - line.discount_minor);
    audit(&world).await;
}

async fn rule_5_5_stock_follows_the_quantity(world: World) {
    world.stock("CUP", 10).await;
    world.stock("MUG-1", 1).await;
    let (name, _) = world.buy_basket("").await;
    assert_eq!(world.on_hand("CUP").await, 8);
    refused(world.edit(&name).quantity(1, 1).send().await, Code::RestockRequired);
    let id = request_id();
    let less = || world.edit(&name).quantity(1, 1).restock(true).request_id(&id);
    let order = edited(less()).await;
    assert_eq!((world.on_hand("CUP").await, order.lines[0].stock_held_quantity), (9, 1));
    assert!(less().send().await.unwrap().receipt.unwrap().replayed);
    assert_eq!(world.on_hand("CUP").await, 9, "never twice");
    world.set("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Refuse)).await;
    let too_many = world.edit(&name).unit_price(2, 5_000).add_line(mug(2, 100)).send().await;
    assert_eq!(refused(too_many, Code::OutOfStock).metadata["skus"], "MUG-1");
    world.set("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Allow)).await;
    // The cup is broken: it leaves the order and does not go back.
    let order = edited(world.edit(&name).remove(1).add_line(mug(2, 100)).restock(false)).await;
    assert_eq!(problems(&order), ["OVERSOLD"]);
    assert_eq!((world.on_hand("CUP").await, world.on_hand("MUG-1").await), (9, -1));
    world.cancel(&name, true).await.unwrap();
    assert_eq!((world.on_hand("CUP").await, world.on_hand("MUG-1").await), (9, 1));
    let request = proto::ListStockMovementsRequest {
        parent: world.shop.stock_item("CUP").unwrap().into(),
        ..proto::ListStockMovementsRequest::default()
    };
    let movements = world.client.list_stock_movements(request).await.unwrap().movements;
    assert_eq!(movements[0].reason(), MovementReason::Edited);
    assert_eq!((movements[0].quantity, movements[0].order.as_str()), (1, order.name.as_str()));
    audit(&world).await;
}

async fn an_edit_is_told_with_who_when_and_what_it_was_before(world: World) {
    let (name, _) = world.buy_basket("").await;
    let client = world.client.with_actor("kari").unwrap();
    let edit = client.edit(&name).quantity(1, 1).unit_price(2, 0).add_line(mug(1, 500)).wait(WAIT);
    let revision = edit.send().await.unwrap().receipt.unwrap().revision;
    let history = world.history(&name).await;
    let event = history.iter().find(|event| event.kind() == EventKind::OrderEdited).unwrap();
    assert_eq!((event.actor.as_str(), event.revision), ("kari", revision));
    assert!(event.create_time.is_some());
    let change = event.change.as_ref().unwrap();
    assert_eq!((change.from_gross_minor, change.to_gross_minor), (50_000, 20_500));
    let lines: Vec<_> = change
        .lines
        .iter()
        .map(|line| {
            let units = (line.from_quantity, line.to_quantity);
            let prices = (line.from_unit_price_minor, line.to_unit_price_minor);
            (line.line_id, units, prices, (line.from_gross_minor, line.to_gross_minor))
        })
        .collect();
    assert_eq!(
        lines,
        [
            (1, (2, 1), (20_000, 20_000), (40_000, 20_000)),
            (2, (1, 1), (10_000, 0), (10_000, 0)),
            (3, (0, 1), (0, 500), (0, 500)),
        ]
    );
    // The order as it was is readable too.
    let request = proto::GetOrderRequest {
        name: (&name).into(),
        as_of_revision: revision - 1,
        show_deleted: false,
    };
    let was = world.client.get_order(request).await.unwrap().order.unwrap();
    assert_eq!((gross(&was), was.lines.len()), (50_000, 2));
}

async fn everything_wrong_with_an_edit_is_told_at_once(world: World) {
    let (name, _) = world.buy_basket("").await;
    let before = world.revision().await;
    let wrong = world
        .edit(&name)
        .quantity(1, -1)
        .unit_price(1, -1)
        .quantity(0, 1_000_001)
        .add_line(NewLine { title: String::new(), vat_rate_bp: 10_001, ..mug(0, -1) })
        .send()
        .await;
    let mut fields = wrong_fields(wrong);
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "added_lines[0].quantity",
            "added_lines[0].title",
            "added_lines[0].unit_price_minor",
            "added_lines[0].vat_rate_bp",
            "lines[0].quantity",
            "lines[0].unit_price_minor",
            "lines[1].line_id",
            "lines[1].quantity",
        ]
    );
    assert_eq!(wrong_fields(world.edit(&name).send().await), ["lines"]);
    assert_eq!(wrong_fields(world.edit(&name).quantity(9, 1).send().await), ["lines[0].line_id"]);
    let all_gone = world.edit(&name).remove(1).remove(2).send().await;
    assert_eq!(wrong_fields(all_gone), ["lines"]);
    let mut twice = world.edit(&name).quantity(1, 1).into_request();
    twice.lines.push(twice.lines[0]);
    assert_eq!(wrong_fields(world.client.edit_order(twice).await), ["lines[1].line_id"]);
    let dear = world.edit(&name).quantity(1, 1_000_000).unit_price(1, 1_000_000_000_000);
    let dear = dear.add_line(mug(1_000_000, 1_000_000_000_000)).add_line(mug(8_000_000, 1));
    assert!(!wrong_fields(dear.send().await).is_empty());
    assert_eq!(world.revision().await, before);
}
