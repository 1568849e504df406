//! Credit orders: what stands on them, their numbers and status, and that they are final (rules 4.4,
//! 4.5).

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, EventKind, NoteAudience, OrderKind};

use super::parts;
use crate::clocks::day_of;
use crate::harness::audit::audit;
use crate::harness::{World, mask, refused, status_id, wrong_fields};

trials! {
    shared: [
        rule_4_4_a_credit_makes_a_credit_order,
        rule_4_4_credit_numbers_have_no_gaps_and_their_start_may_be_raised,
        rule_4_4_credit_orders_start_in_the_status_the_shop_names,
        rule_4_5_a_credit_order_is_final,
        rule_4_5_lists_show_credit_orders_only_when_asked,
    ];
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
        update_mask: Some(mask(&["settings.next_credit_number"])),
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
        update_mask: Some(mask(&["settings.credit_order_status"])),
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
        update_mask: Some(mask(&["language_code"])),
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
