//! Credits through the service: the sale, the credit order and what is refused (rules §4).

use order_rules::refusals::Code;
use order_sdk::proto::{
    self, CreditOrderResponse, EventKind, LineKind, MovementReason, NoteAudience, OrderKind,
    PaymentState,
};
use order_sdk::{Credit, OrderName};

use crate::clocks::day_of;
use crate::harness::audit::audit;
use crate::harness::{
    Bought, WAIT, World, gross, problems, refused, request_id, seed, status_id, wrong_fields,
};

trials! {
    shared: [
        rule_4_1_only_what_is_captured_is_credited,
        rule_4_1_a_price_reduction_leaves_less_for_the_units,
        rule_4_2_whether_the_money_goes_back_is_a_choice,
        rule_4_3_fees_reduce_a_credit,
        rule_4_4_a_credit_makes_a_credit_order,
        rule_4_4_credit_numbers_have_no_gaps_and_their_start_may_be_raised,
        rule_4_4_credit_orders_start_in_the_status_the_shop_names,
        rule_4_5_a_credit_order_is_final,
        rule_4_5_lists_show_credit_orders_only_when_asked,
        rule_4_7_goods_go_back_by_choice,
        rule_4_7_a_duplicate_is_resolved_before_it_is_credited,
        rule_2_3_what_is_credited_is_cancelled_by_its_label_alone,
        rule_10_5_any_series_of_credits_adds_up_to_the_sale,
        a_credit_can_be_asked_for_before_it_is_made,
        a_repeat_answers_both_orders,
        every_wrong_field_of_a_credit_is_told,
    ];
}

impl World {
    /// Two cups at 15 % of 250.00, a discounted tent at 25 %, and shipping; on one payment, sent.
    pub(crate) async fn sell(&self, orders: &str) -> Bought {
        let reference = self.reference(orders);
        let draft = self.draft(0).with(|order| order.lines.clear());
        let draft =
            draft.goods("CUP", "Kopp", 2, 25_000, 1_500).goods("TENT", "Telt", 3, 9_999, 2_500);
        let draft = draft.with(|order| {
            order.discount_minor = 997;
            let mut shipping = proto::NewLine {
                title: "Frakt".to_owned(),
                quantity: 1,
                unit_price_minor: 9_900,
                vat_rate_bp: 2_500,
                ..proto::NewLine::default()
            };
            shipping.set_kind(LineKind::Shipping);
            order.lines.push(shipping);
        });
        let total = 50_000 + 29_997 + 9_900 - 997;
        let order = self.place(draft.payment("klarna", &reference, total)).await;
        let name: OrderName = order.name.parse().unwrap();
        let order = self.complete(&name).await.unwrap().order.unwrap();
        assert_eq!((gross(&order), status_id(&order)), (total, "sent"));
        Bought { name, reference, order }
    }

    /// A credit that waits for its refunds.
    pub(crate) fn crediting(&self, sale: &OrderName) -> Credit {
        self.client.credit(sale).wait(WAIT)
    }

    /// Everything that is left, with the money.
    pub(crate) async fn credit_all(&self, sale: &OrderName) -> CreditOrderResponse {
        let order = self.get(sale).await;
        self.crediting(sale).all_of(&order, false).refund(true).send().await.unwrap()
    }
}

/// The sale, the receipt and the credit order.
pub(crate) fn parts(answer: CreditOrderResponse) -> (proto::Order, proto::Receipt, proto::Order) {
    (answer.order.unwrap(), answer.receipt.unwrap(), answer.credit_order.unwrap())
}

async fn rule_4_1_only_what_is_captured_is_credited(world: World) {
    let bought = world.buy(900, "").await;
    let whole = |name: &OrderName| world.crediting(name).units(1, 1).refund(true);
    let refusal = refused(whole(&bought.name).send().await, Code::CreditExceedsCaptured);
    assert_eq!(refusal.number("left_quantity"), Some(0));

    let sold = world.sell("").await;
    let before = world.revision().await;
    let much = world.crediting(&sold.name).units(2, 4).units(1, 2).amount(3, 9_901).refund(false);
    let refusal = refused(much.send().await, Code::CreditExceedsCaptured);
    assert_eq!((refusal.number("line"), refusal.number("left_quantity")), (Some(2), Some(3)));
    let fields: Vec<&str> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["lines[0].quantity", "lines[2].gross_minor"], "each is told");
    assert_eq!(world.revision().await, before);

    let (sale, _, _) = parts(whole(&sold.name).send().await.unwrap());
    assert_eq!((sale.lines[0].captured_quantity, sale.lines[0].credited_quantity), (2, 1));
    let more = world.crediting(&sold.name).units(1, 2).refund(true).send().await;
    assert_eq!(refused(more, Code::CreditExceedsCaptured).number("left_quantity"), Some(1));
    audit(&world).await;
}

async fn rule_4_1_a_price_reduction_leaves_less_for_the_units(world: World) {
    let bought = world.buy(10_000, "").await;
    world.complete(&bought.name).await.unwrap();
    let reduce = |minor| world.crediting(&bought.name).amount(1, minor).refund(true).send();
    let (sale, _, credit) = parts(reduce(2_500).await.unwrap());
    let line = &credit.lines[0];
    assert_eq!((line.quantity, line.unit_price_minor, line.vat_minor), (1, -2_500, -500));
    assert_eq!((line.original_line_id, gross(&credit)), (1, -2_500));
    assert_eq!((sale.lines[0].credited_gross_minor, sale.lines[0].credited_quantity), (2_500, 0));
    let refusal = refused(reduce(7_501).await, Code::CreditExceedsCaptured);
    assert_eq!(refusal.number("left_minor"), Some(7_500));
    let (sale, _, credit) = parts(world.credit_all(&bought.name).await);
    let line = &credit.lines[0];
    assert_eq!(
        (line.unit_price_minor, line.gross_minor, line.vat_minor),
        (-10_000, -7_500, -1_500)
    );
    assert_eq!(line.unit_price_minor * line.quantity - line.discount_minor, -7_500);
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    assert_eq!(world.book().done(&bought.reference, "refund"), [2_500, 7_500]);
    audit(&world).await;
}

async fn rule_4_2_whether_the_money_goes_back_is_a_choice(world: World) {
    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let open = world.crediting(&bought.name).units(1, 1).send().await;
    assert_eq!(wrong_fields(open), ["refund"]);
    let shared = world.crediting(&bought.name).units(1, 1).refund(false).share(1, 900).send().await;
    assert_eq!(wrong_fields(shared), ["shares"]);
    let none = world.crediting(&bought.name).units(1, 1).refund(false).send().await.unwrap();
    let (sale, receipt, credit) = parts(none);
    assert_eq!((gross(&credit), receipt.plan.len(), receipt.settled), (-900, 0, true));
    assert_eq!(sale.payment_state(), PaymentState::Captured, "only the document was made");
    assert_eq!(world.book().calls(&bought.reference, "refund"), 0);

    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let (sale, receipt, _) = parts(world.credit_all(&bought.name).await);
    let [effect] = receipt.plan.as_slice() else { panic!("{receipt:?}") };
    assert_eq!((effect.kind(), effect.amount_minor), (proto::OperationKind::Refund, 900));
    assert!(receipt.settled);
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    assert_eq!(world.book().done(&bought.reference, "refund"), [900]);
    audit(&world).await;
}

async fn rule_4_3_fees_reduce_a_credit(world: World) {
    let sold = world.sell("").await;
    let with_fee = |fee| {
        let credit = world.crediting(&sold.name).units(1, 1).refund(true);
        credit.fee("Returfrakt", fee, 2_500).fee("Gebyr", 100, 0)
    };
    assert_eq!(wrong_fields(with_fee(24_901).send().await), ["fees"], "never negative");
    let (sale, _, credit) = parts(with_fee(9_900).send().await.unwrap());
    let [goods, freight, fee] = credit.lines.as_slice() else { panic!("{credit:?}") };
    assert_eq!(
        (goods.kind(), freight.kind(), fee.kind()),
        (LineKind::Goods, LineKind::Fee, LineKind::Fee)
    );
    assert_eq!(
        (freight.gross_minor, freight.vat_minor, freight.original_line_id),
        (9_900, 1_980, 0)
    );
    assert_eq!((fee.gross_minor, fee.vat_minor), (100, 0));
    let back = -gross(&credit);
    assert_eq!(back, -goods.gross_minor - 10_000);
    assert_eq!(world.book().done(&sold.reference, "refund"), [back]);
    assert_eq!(
        sale.lines[0].credited_gross_minor, -goods.gross_minor,
        "the sale is credited whole"
    );
    assert_eq!(sale.payment_state(), PaymentState::PartiallyRefunded);
    // As much kept as credited: a document, and nothing to pay back.
    let whole = world.crediting(&sold.name).amount(1, 500).fee("Gebyr", 500, 0).refund(true);
    let (_, receipt, credit) = parts(whole.send().await.unwrap());
    assert_eq!((gross(&credit), receipt.plan.len()), (0, 0));
    audit(&world).await;
}

async fn rule_4_4_a_credit_makes_a_credit_order(world: World) {
    let sold = world.sell("").await;
    let credit = world.crediting(&sold.name).units(2, 2).units(1, 1).amount(3, 4_950);
    let answer = credit.refund(true).reason("Kom tilbake\nubrukt").send().await.unwrap();
    let (sale, receipt, credit) = parts(answer);
    assert_eq!((credit.kind(), credit.number), (OrderKind::Credit, sale.number + 1));
    assert_eq!((credit.credit_number, credit.original_order.as_str()), (1, sale.name.as_str()));
    assert_eq!(sale.credit_orders.as_slice(), std::slice::from_ref(&credit.name));
    assert_eq!(receipt.other_orders.as_slice(), std::slice::from_ref(&credit.name));
    assert_eq!((status_id(&credit), credit.payments.len()), ("processing", 0));
    assert_eq!((credit.currency_code.as_str(), credit.price_basis()), ("NOK", sale.price_basis()));
    assert_eq!(
        (&credit.customer, &credit.billing_address),
        (&sale.customer, &sale.billing_address)
    );
    let [note] = credit.notes.as_slice() else { panic!("{credit:?}") };
    assert_eq!(
        (note.audience(), note.text.as_str()),
        (NoteAudience::Internal, "Kom tilbake\nubrukt")
    );
    assert_eq!((note.author.as_str(), sale.notes.len()), ("test", 0));
    let told: Vec<(i64, i32, &str)> = credit
        .lines
        .iter()
        .map(|line| (line.quantity, line.original_line_id, line.sku.as_str()))
        .collect();
    assert_eq!(told, [(2, 2, "TENT"), (1, 1, "CUP"), (1, 3, "")]);
    for line in &credit.lines {
        assert!(line.gross_minor < 0 && line.vat_minor < 0, "{line:?}");
        assert_eq!(line.unit_price_minor * line.quantity - line.discount_minor, line.gross_minor);
    }
    let totals = credit.totals.clone().unwrap();
    assert_eq!(totals.vat.iter().map(|row| row.rate_bp).collect::<Vec<_>>(), [2_500, 1_500]);
    assert_eq!(totals.vat.iter().map(|row| row.gross_minor).sum::<i64>(), totals.gross_minor);
    let refund = sale.payments[0].operations.last().unwrap();
    assert_eq!(
        (refund.credit_order.as_str(), refund.amount_minor),
        (credit.name.as_str(), -totals.gross_minor)
    );

    // Who, when, what: on both.
    let history = world.history(&sold.name).await;
    let credited = history.iter().find(|event| event.kind() == EventKind::OrderCredited).unwrap();
    let change = credited.change.clone().unwrap();
    assert_eq!((credited.revision, credited.actor.as_str()), (receipt.revision, "test"));
    assert_eq!(
        (change.credit_order.as_str(), change.to_gross_minor),
        (credit.name.as_str(), -totals.gross_minor)
    );
    let asked = history.iter().rev().find(|event| event.kind() == EventKind::OperationResolved);
    assert_eq!(asked.unwrap().change.clone().unwrap().credit_order, credit.name);
    let kinds: Vec<EventKind> =
        world.history(&credit.name.parse().unwrap()).await.iter().map(proto::Event::kind).collect();
    assert_eq!(kinds, [EventKind::OrderCreated, EventKind::NoteAdded]);
    assert_eq!(world.get(&credit.name.parse().unwrap()).await, credit);
    audit(&world).await;
}

async fn rule_4_4_credit_numbers_have_no_gaps_and_their_start_may_be_raised(world: World) {
    let sold = world.sell("").await;
    let reduce = || world.crediting(&sold.name).amount(1, 100).refund(false).send();
    let mut numbers = Vec::new();
    for _ in 0..2 {
        numbers.push(parts(reduce().await.unwrap()).2.credit_number);
        refused(
            world.crediting(&sold.name).units(1, 9).refund(false).send().await,
            Code::CreditExceedsCaptured,
        );
        world.place(world.draft(0)).await;
    }
    world.set("settings.next_credit_number", |settings| settings.next_credit_number = 5_000).await;
    numbers.push(parts(reduce().await.unwrap()).2.credit_number);
    assert_eq!(numbers, [1, 2, 5_000]);
    let mut shop = world.shop().await;
    assert_eq!(shop.settings.as_ref().unwrap().next_credit_number, 5_001);
    shop.settings.as_mut().unwrap().next_credit_number = 5_000;
    let lower = proto::UpdateShopRequest {
        shop: Some(shop),
        update_mask: Some(crate::harness::mask(&["settings.next_credit_number"])),
        ..proto::UpdateShopRequest::default()
    };
    refused(world.client.update_shop(lower).await, Code::CreditNumberTaken);
    assert_eq!(parts(reduce().await.unwrap()).2.credit_number, 5_001);
}

async fn rule_4_4_credit_orders_start_in_the_status_the_shop_names(world: World) {
    let settings = world.shop().await.settings.unwrap();
    assert_eq!(settings.credit_order_status, String::from(&world.status("processing")));
    let sold = world.sell("").await;
    let reduce = || world.crediting(&sold.name).amount(1, 100).refund(false).send();
    for (named, wanted) in [("returned", "returned"), ("", "not-processed"), ("sent", "sent")] {
        world
            .set("settings.credit_order_status", |settings| {
                settings.credit_order_status = match named {
                    "" => String::new(),
                    named => world.status(named).into(),
                };
            })
            .await;
        let credit = parts(reduce().await.unwrap()).2;
        assert_eq!(status_id(&credit), wanted);
        assert_eq!(credit.complete_time.is_some(), wanted == "sent");
    }
    let mut shop = world.shop().await;
    let cancelled = world.status("cancelled").into();
    shop.settings.as_mut().unwrap().credit_order_status = cancelled;
    let request = proto::UpdateShopRequest {
        shop: Some(shop),
        update_mask: Some(crate::harness::mask(&["settings.credit_order_status"])),
        ..proto::UpdateShopRequest::default()
    };
    let outcome = world.client.update_shop(request).await;
    assert_eq!(wrong_fields(outcome), ["shop.settings.credit_order_status"]);
    audit(&world).await;
}

async fn rule_4_5_a_credit_order_is_final(world: World) {
    world.stock("CUP", 10).await;
    let sold = world.sell("").await;
    let credit = parts(world.credit_all(&sold.name).await).2;
    let name: OrderName = credit.name.parse().unwrap();
    let outcome = world.change(&name, "cancelled").restock(true).send().await;
    refused(outcome, Code::CreditOrderFinal);
    let again = world.crediting(&name).units(1, 1).refund(false).send().await;
    refused(again, Code::CreditOrderFinal);
    let attach = proto::AttachPaymentRequest {
        name: (&name).into(),
        payment: Some(proto::NewPayment {
            provider: "manual".to_owned(),
            amount_minor: 1,
            ..proto::NewPayment::default()
        }),
        ..proto::AttachPaymentRequest::default()
    };
    refused(world.client.attach_payment(attach).await, Code::CreditOrderFinal);
    nothing_else_is_done_to(&world, &name).await;

    // COMPLETED moves neither money nor stock; contact data can be corrected.
    let before = (world.on_hand("CUP").await, world.book().entries(&sold.reference));
    let done = world.complete(&name).await.unwrap();
    let order = done.order.unwrap();
    assert_eq!((status_id(&order), done.receipt.unwrap().plan.len()), ("sent", 0));
    assert!(order.complete_time.is_some());
    assert_eq!(order.delivery_state(), proto::DeliveryState::NothingToDeliver);
    assert_eq!((world.on_hand("CUP").await, world.book().entries(&sold.reference)), before);
    let mut corrected = proto::Order { name: credit.name.clone(), ..proto::Order::default() };
    corrected.language_code = "en".to_owned();
    let request = proto::UpdateOrderRequest {
        order: Some(corrected),
        update_mask: Some(crate::harness::mask(&["language_code"])),
        ..proto::UpdateOrderRequest::default()
    };
    let order = world.client.update_order(request).await.unwrap().order.unwrap();
    assert_eq!((order.language_code.as_str(), order.duplicates.len()), ("en", 0));
    audit(&world).await;
}

/// Of a credit order.
async fn nothing_else_is_done_to(world: &World, credit: &OrderName) {
    let before = world.revision().await;
    let edit = world.client.edit(credit);
    refused(edit.quantity(1, 1).restock(true).send().await, Code::CreditOrderFinal);
    refused(world.client.deliver(credit).send().await, Code::CreditOrderFinal);
    let mut delete =
        proto::DeleteOrderRequest { name: credit.into(), ..proto::DeleteOrderRequest::default() };
    delete.set_restock(proto::Restock::No);
    refused(world.client.delete_order(delete).await, Code::CreditOrderFinal);
    let today = day_of(world.get(credit).await.create_time).to_string();
    let arrival = proto::ConfirmArrivalRequest {
        name: credit.into(),
        arrival_date: today.clone(),
        ..proto::ConfirmArrivalRequest::default()
    };
    refused(world.client.confirm_arrival(arrival).await, Code::CreditOrderFinal);
    let withdrawal = proto::RecordWithdrawalRequest {
        name: credit.into(),
        withdrawal_date: today,
        ..proto::RecordWithdrawalRequest::default()
    };
    refused(world.client.record_withdrawal(withdrawal).await, Code::CreditOrderFinal);
    let cancel = proto::CancelDeliveryRequest {
        name: credit.into(),
        delivery_id: 1,
        ..proto::CancelDeliveryRequest::default()
    };
    refused(world.client.cancel_delivery(cancel).await, Code::CreditOrderFinal);
    assert_eq!(world.revision().await, before);
}

async fn rule_4_5_lists_show_credit_orders_only_when_asked(world: World) {
    let sold = world.sell("").await;
    let credit = parts(world.credit_all(&sold.name).await).2;
    let names = async |kinds: &[OrderKind]| {
        let query = world.client.orders(&world.shop).order_by("number");
        let query = kinds.iter().fold(query, |query, kind| query.kind(*kind));
        let page = query.page().await.unwrap();
        page.items.into_iter().map(|order| order.name).collect::<Vec<_>>()
    };
    let (sale, credit) = (String::from(&sold.name), credit.name);
    assert_eq!(names(&[]).await, std::slice::from_ref(&sale));
    assert_eq!(names(&[OrderKind::Credit]).await, std::slice::from_ref(&credit));
    assert_eq!(names(&[OrderKind::Credit, OrderKind::Sale]).await, [sale, credit]);
}

async fn rule_4_7_goods_go_back_by_choice(world: World) {
    world.stock("CUP", 10).await;
    let sold = world.sell("").await;
    assert_eq!(world.on_hand("CUP").await, 8);
    let id = request_id();
    let back = || {
        let credit = world.crediting(&sold.name).restocked_units(1, 1).restocked_units(2, 1);
        credit.refund(true).request_id(&id).send()
    };
    let (sale, _, credit) = parts(back().await.unwrap());
    assert_eq!(world.on_hand("CUP").await, 9);
    assert_eq!((sale.lines[0].stock_held_quantity, credit.lines[0].stock_held_quantity), (1, 0));
    assert!(back().await.unwrap().receipt.unwrap().replayed);
    assert_eq!(world.on_hand("CUP").await, 9, "never twice, whatever is retried");
    let request = proto::ListStockMovementsRequest {
        parent: world.shop.stock_item("CUP").unwrap().into(),
        ..proto::ListStockMovementsRequest::default()
    };
    let movements = world.client.list_stock_movements(request).await.unwrap().movements;
    assert_eq!(movements[0].reason(), MovementReason::Credited);
    assert_eq!((movements[0].quantity, movements[0].order.as_str()), (1, sale.name.as_str()));
    world.crediting(&sold.name).units(1, 1).refund(true).send().await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 9, "left as it is");
    audit(&world).await;
}

async fn rule_4_7_a_duplicate_is_resolved_before_it_is_credited(world: World) {
    let first = world.buy(900, "").await;
    let twin = world.place(world.draft(900).payment("klarna", &first.reference, 900)).await;
    let twin: OrderName = twin.name.parse().unwrap();
    world.complete(&first.name).await.unwrap();
    let whole = |name: &OrderName| world.crediting(name).units(1, 1).refund(true).send();
    for (name, other) in [(&first.name, &twin), (&twin, &first.name)] {
        let refusal = refused(whole(name).await, Code::DuplicateUnresolved);
        assert_eq!(refusal.number("other"), Some(other.number()));
    }
    world.cancel(&twin, false).await.unwrap();
    let refusal = refused(whole(&twin).await, Code::DuplicateNotCreditable);
    assert_eq!(refusal.number("other"), Some(first.name.number()));
    let (sale, _, _) = parts(whole(&first.name).await.unwrap());
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    assert_eq!(world.get(&twin).await.payment_state(), PaymentState::None);
    audit(&world).await;
}

async fn rule_2_3_what_is_credited_is_cancelled_by_its_label_alone(world: World) {
    world.stock("CUP", 10).await;
    let sold = world.sell("").await;
    world.crediting(&sold.name).restocked_units(1, 2).refund(true).send().await.unwrap();
    refused(world.cancel(&sold.name, true).await, Code::AlreadyCaptured);
    world.credit_all(&sold.name).await;
    let calls = world.book().entries(&sold.reference).len();
    let order = world.cancel(&sold.name, true).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), world.on_hand("CUP").await), ("cancelled", 10));
    let order = world.change(&sold.name, "returned").send().await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), world.on_hand("CUP").await), ("returned", 10));
    let order = world.complete(&sold.name).await.unwrap().order.unwrap();
    assert_eq!(order.payment_state(), PaymentState::Refunded, "nothing is captured again");
    assert_eq!(world.book().entries(&sold.reference).len(), calls);
    audit(&world).await;
}

/// Units, amounts and whole lines in a random order, until nothing is left.
async fn rule_10_5_any_series_of_credits_adds_up_to_the_sale(world: World) {
    let mut random = fastrand::Rng::with_seed(seed());
    for _ in 0..4 {
        let sold = world.sell("").await;
        loop {
            let sale = world.get(&sold.name).await;
            let open: Vec<&proto::Line> = sale
                .lines
                .iter()
                .filter(|line| line.credited_gross_minor < line.gross_minor)
                .collect();
            let Some(line) = open.get(random.usize(0..open.len().max(1))) else { break };
            let units = line.captured_quantity - line.credited_quantity;
            let left = line.gross_minor - line.credited_gross_minor;
            let credit = match units {
                1.. if random.bool() => {
                    world.crediting(&sold.name).units(line.id, random.i64(1..=units))
                }
                _ if random.u8(0..3) == 0 => world.crediting(&sold.name).amount(line.id, left),
                _ => world.crediting(&sold.name).amount(line.id, random.i64(1..=left)),
            };
            credit.refund(true).send().await.unwrap();
        }
        let sale = world.get(&sold.name).await;
        let refunded: i64 = world.book().done(&sold.reference, "refund").iter().sum();
        assert_eq!((refunded, sale.payment_state()), (gross(&sale), PaymentState::Refunded));
    }
    audit(&world).await;
}

async fn a_credit_can_be_asked_for_before_it_is_made(world: World) {
    world.stock("CUP", 5).await;
    let sold = world.sell("").await;
    let head = world.revision().await;
    let credit = || world.crediting(&sold.name).restocked_units(1, 1).refund(true);
    let (sale, receipt, document) = parts(credit().validate_only().send().await.unwrap());
    assert_eq!((document.name.as_str(), document.number, document.credit_number), ("", 0, 0));
    assert_eq!(
        (document.original_order.as_str(), gross(&document) < 0),
        (sale.name.as_str(), true)
    );
    assert_eq!((sale.credit_orders.len(), receipt.other_orders.len()), (0, 0));
    assert_eq!(sale.lines[0].credited_quantity, 1);
    let [effect] = receipt.plan.as_slice() else { panic!("{receipt:?}") };
    assert_eq!(
        (effect.amount_minor, effect.reference.as_str()),
        (-gross(&document), sold.reference.as_str())
    );
    assert_eq!((world.revision().await, world.on_hand("CUP").await), (head, 3));
    assert_eq!(world.get(&sold.name).await, sold.order);
    assert_eq!(world.book().calls(&sold.reference, "refund"), 0, "nobody was called");
    let (_, _, made) = parts(credit().send().await.unwrap());
    assert_eq!((made.number, made.credit_number), (sold.order.number + 1, 1));
    assert_eq!(made.totals, document.totals);
}

async fn a_repeat_answers_both_orders(world: World) {
    let sold = world.sell("").await;
    let id = request_id();
    let credit = || world.crediting(&sold.name).units(1, 2).refund(true).request_id(&id);
    let first = credit().send().await.unwrap();
    let (_, receipt, document) = parts(first);
    world.credit_all(&sold.name).await;
    let name: OrderName = document.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let (sale, again, now) = parts(credit().send().await.unwrap());
    assert!(again.replayed);
    assert_eq!((again.revision, &again.other_orders), (receipt.revision, &receipt.other_orders));
    assert_eq!(
        (now.name.as_str(), status_id(&now)),
        (document.name.as_str(), "sent"),
        "as it is now"
    );
    assert_eq!(sale.credit_orders.len(), 2);
    assert_eq!(world.book().done(&sold.reference, "refund").len(), 2);
    let other = world.crediting(&sold.name).units(1, 1).refund(true).request_id(&id).send().await;
    refused(other, Code::RequestIdReused);
    audit(&world).await;
}

async fn every_wrong_field_of_a_credit_is_told(world: World) {
    let sold = world.sell("").await;
    let head = world.revision().await;
    let mut request =
        world.crediting(&sold.name).units(0, 0).amount(2, 0).units(2, 1).into_request();
    request.lines.push(proto::CreditLine { line_id: 3, amount: None, restock: 9 });
    let mut reduced = world.crediting(&sold.name).amount(1, 5).into_request().lines.remove(0);
    reduced.set_restock(proto::Restock::Yes);
    request.lines.push(reduced);
    request.fees.push(proto::CreditFee { title: String::new(), gross_minor: 0, vat_rate_bp: -1 });
    request.refund = 7;
    request.shares = vec![proto::RefundShare { payment_id: 0, amount_minor: 0 }];
    request.reason = "\u{0}".to_owned();
    let wrong = wrong_fields(world.client.credit_order(request).await);
    for field in [
        "refund",
        "shares",
        "reason",
        "lines[0].line_id",
        "lines[0].quantity",
        "lines[1].gross_minor",
        "lines[2].line_id",
        "lines[3].restock",
        "lines[3].quantity",
        "lines[4].restock",
        "fees[0].title",
        "fees[0].gross_minor",
        "fees[0].vat_rate_bp",
        "shares[0].payment_id",
        "shares[0].amount_minor",
    ] {
        assert!(wrong.iter().any(|one| one == field), "{field} is not among {wrong:?}");
    }
    let empty = world.crediting(&sold.name).refund(true).send().await;
    assert_eq!(wrong_fields(empty), ["lines"]);
    let many = (1..=1_001).fold(world.crediting(&sold.name), |credit, line| credit.units(line, 1));
    assert_eq!(wrong_fields(many.refund(true).send().await), ["lines"]);
    // What only the order can tell.
    let strange = world.crediting(&sold.name).units(1, 1).units(9, 1).share(999, 1).refund(true);
    let wrong = wrong_fields(strange.send().await);
    assert_eq!(wrong, ["lines[1].line_id", "shares[0].payment_id"]);
    let payment = sold.order.payments[0].id;
    let little = world.crediting(&sold.name).amount(1, 500).share(payment, 499).refund(true);
    assert_eq!(wrong_fields(little.send().await), ["shares"]);
    let missing = world.shop.order(4_711).unwrap();
    let outcome = world.crediting(&missing).units(1, 1).refund(true).send().await;
    refused(outcome, Code::OrderNotFound);
    assert_eq!(world.revision().await, head);
    assert!(problems(&world.get(&sold.name).await).is_empty());
}
