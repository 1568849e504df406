//! Placing an order: totals, payments, stock, references, and what is warned of (rules §9, 10, 3.3).

use order_rules::refusals::Code;
use order_sdk::proto::{
    AuthorizationState, DeliveryState, EventKind, LineKind, NewLine, OperationKind, OperationState,
    OrderKind, PaymentState, StatedTotals, StatusTag, StockMode,
};

use crate::harness::world::CUSTOMER;
use crate::harness::{World, gross, problems, refused, status_id, wrong_fields};

trials! {
    shared: [
        an_order_is_placed_with_the_default_status_and_its_reservation_confirmed,
        rule_10_2_and_10_3_and_10_4_totals_are_sums_of_lines_and_a_discount_is_spread_once,
        rule_9_2_stated_totals_must_agree,
        rule_9_3_payments_must_cover_the_total,
        rule_9_3_several_payments_share_an_order,
        a_pending_reservation_is_confirmed_later,
        a_reservation_the_provider_refuses_is_a_problem,
        a_reservation_smaller_than_stated_is_a_problem,
        rule_9_4_tracked_goods_go_out_of_stock,
        rule_9_5_numbers_ascend_without_gaps,
        rule_9_5_an_external_reference_is_used_once,
        rule_3_3_a_mistyped_address_is_questioned_and_kept,
    ];
}

async fn an_order_is_placed_with_the_default_status_and_its_reservation_confirmed(world: World) {
    let bought = world.buy(25_000, "").await;
    let order = &bought.order;
    assert_eq!((order.number, order.kind()), (1001, OrderKind::Sale));
    assert_eq!((status_id(order), order.status_tag()), ("not-processed", StatusTag::Default));
    assert_eq!(order.payment_state(), PaymentState::Authorized);
    assert_eq!(order.delivery_state(), DeliveryState::NotDelivered);
    assert_eq!(order.currency_code, "NOK");
    let customer = order.customer.as_ref().unwrap();
    assert_eq!((customer.full_name.as_str(), customer.email.as_str()), CUSTOMER);
    assert_eq!(gross(order), 25_000);

    let [payment] = order.payments.as_slice() else { panic!("{order:?}") };
    assert_eq!((payment.provider.as_str(), &payment.reference), ("klarna", &bought.reference));
    assert_eq!(payment.authorization_state(), AuthorizationState::Held);
    assert_eq!((payment.authorized_minor, payment.claimed_minor), (25_000, 0));
    assert!(payment.confirm_time.is_some() && payment.expire_time.is_some());
    let [operation] = payment.operations.as_slice() else { panic!("{payment:?}") };
    assert_eq!(operation.kind(), OperationKind::Authorize);
    assert_eq!(operation.state(), OperationState::Succeeded);

    assert_eq!(world.get(&bought.name).await, *order, "read as answered");
    let held = world.book().reservation(&bought.reference).unwrap();
    assert_eq!((held.authorized_minor, held.captured_minor), (25_000, 0));
    let kinds: Vec<EventKind> =
        world.history(&bought.name).await.iter().map(|event| event.kind()).collect();
    assert_eq!(kinds[0], EventKind::OrderCreated);
    assert!(kinds.contains(&EventKind::PaymentAttached), "{kinds:?}");
    assert!(kinds.contains(&EventKind::OperationResolved), "{kinds:?}");
}

/// 10.2 to 10.4 by hand: 3 × 99.90 less 10.00 at 25 %, 2 × 45.50 at 15 %, shipping 79.00 at 25 %,
/// 33.33 off the whole order.
async fn rule_10_2_and_10_3_and_10_4_totals_are_sums_of_lines_and_a_discount_is_spread_once(
    world: World,
) {
    let line = |kind: LineKind, quantity, price, discount, rate| NewLine {
        kind: kind.into(),
        title: "Vare".to_owned(),
        quantity,
        unit_price_minor: price,
        discount_minor: discount,
        vat_rate_bp: rate,
        ..NewLine::default()
    };
    let draft = world
        .draft(0)
        .with(|order| order.lines.clear())
        .line(line(LineKind::Goods, 3, 9_990, 1_000, 2_500))
        .line(line(LineKind::Goods, 2, 4_550, 0, 1_500))
        .shipping("Frakt", 7_900, 2_500)
        .discount(3_333)
        .payment("manual", "", 42_637);
    let order = world.place(draft).await;
    // Lines before the spread: 28,970 and 9,100 and 7,900, together 45,970.
    // Shares of 3,333: 2,100.44 and 659.78 and 572.78, so 2,100 and 660 and 573.
    let wanted = [(3_100, 26_870, 5_374), (660, 8_440, 1_101), (573, 7_327, 1_465)];
    for (line, (discount, gross, vat)) in order.lines.iter().zip(wanted) {
        assert_eq!(
            (line.discount_minor, line.gross_minor, line.vat_minor, line.net_minor),
            (discount, gross, vat, gross - vat)
        );
    }
    let totals = order.totals.as_ref().unwrap();
    assert_eq!((totals.gross_minor, totals.vat_minor), (42_637, 7_940));
    assert_eq!((totals.net_minor, totals.discount_minor), (34_697, 4_333));
    let table: Vec<(i32, i64, i64)> =
        totals.vat.iter().map(|row| (row.rate_bp, row.vat_minor, row.gross_minor)).collect();
    assert_eq!(table, [(2_500, 6_839, 34_197), (1_500, 1_101, 8_440)]);
    assert_eq!(order.payment_state(), PaymentState::Authorized, "manual is held at once");

    let net = world.draft(1_999).net_prices().payment("manual", "", 2_499);
    let totals = world.place(net).await.totals.unwrap();
    assert_eq!((totals.net_minor, totals.vat_minor, totals.gross_minor), (1_999, 500, 2_499));
}

async fn rule_9_2_stated_totals_must_agree(world: World) {
    let before = world.revision().await;
    let stated = |gross_minor, vat_minor| {
        world
            .draft(10_000)
            .payment("manual", "", 10_000)
            .with(|order| order.stated_totals = Some(StatedTotals { gross_minor, vat_minor }))
    };
    let (gross, vat) = ("order.stated_totals.gross_minor", "order.stated_totals.vat_minor");
    for (wrong, fields) in [
        (stated(9_999, None), vec![gross]),
        (stated(10_000, Some(2_001)), vec![vat]),
        (stated(0, Some(0)), vec![vat, gross]),
    ] {
        let refusal = refused(wrong.send().await, Code::TotalMismatch);
        let told = refusal.violations.iter().map(|violation| violation.field.as_str());
        assert_eq!(told.collect::<Vec<_>>(), fields);
        assert_eq!(refusal.number("gross_minor"), Some(10_000), "with ours");
        assert_eq!(refusal.number("vat_minor"), Some(2_000));
    }
    assert_eq!(world.revision().await, before);
    stated(10_000, Some(2_000)).send().await.unwrap();
}

async fn rule_9_3_payments_must_cover_the_total(world: World) {
    let before = world.revision().await;
    for draft in [world.draft(10_000), world.draft(10_000).payment("card", "c-1", 9_999)] {
        let refusal = refused(draft.send().await, Code::PaymentInsufficient);
        assert_eq!(refusal.number("total_minor"), Some(10_000));
    }
    let unknown = world.draft(10_000).payment("paypal", "p-1", 10_000);
    assert_eq!(wrong_fields(unknown.send().await), ["order.payments[0].provider"]);
    assert_eq!(world.revision().await, before);
    let free = world.place(world.draft(0)).await;
    assert_eq!((free.payments.len(), free.payment_state()), (0, PaymentState::None));
}

async fn rule_9_3_several_payments_share_an_order(world: World) {
    let (gift, klarna) = (world.reference(""), world.reference(""));
    let draft = world
        .draft(10_000)
        .payment("card", &gift, 3_000)
        .payment("klarna", &klarna, 5_000)
        .payment("manual", "", 2_000);
    let order = world.place(draft).await;
    let held: Vec<(&str, i64)> = order
        .payments
        .iter()
        .map(|payment| (payment.provider.as_str(), payment.authorized_minor))
        .collect();
    assert_eq!(held, [("card", 3_000), ("klarna", 5_000), ("manual", 2_000)]);
    assert_eq!(order.payment_state(), PaymentState::Authorized);
    let repeated = world.draft(100).payment("card", "same", 50).payment("card", "same", 50);
    assert!(!wrong_fields(repeated.send().await).is_empty());
}

async fn a_pending_reservation_is_confirmed_later(world: World) {
    for orders in ["authorize=slow:1s", "authorize=later:1s", "authorize=unavailable:1s"] {
        let reference = world.reference(orders);
        let placed = world.draft(700).payment("vipps", &reference, 700).send().await.unwrap();
        assert!(!placed.receipt.unwrap().settled, "{orders}: nobody has waited");
        let order = placed.order.unwrap();
        assert_eq!(order.payment_state(), PaymentState::Pending, "{orders}");
        let order = world.settled(&order.name.parse().unwrap()).await;
        assert_eq!(order.payment_state(), PaymentState::Authorized, "{orders}");
        assert_eq!(world.book().reservation(&reference).unwrap().authorized_minor, 700);
    }
}

async fn a_reservation_the_provider_refuses_is_a_problem(world: World) {
    let bought = world.buy(700, "authorize=decline").await;
    assert_eq!(problems(&bought.order), ["AUTHORIZATION_DECLINED"]);
    let payment = &bought.order.payments[0];
    assert_eq!(payment.authorization_state(), AuthorizationState::Declined);
    assert!(!payment.operations[0].provider_reason.is_empty(), "with the provider's reason");
    assert_eq!(bought.order.problems[0].payment_id, payment.id);
    let outcome = world.complete(&bought.name).await;
    refused(outcome, Code::ReservationGone);
}

async fn a_reservation_smaller_than_stated_is_a_problem(world: World) {
    let bought = world.buy(700, "authorize=amount:600").await;
    assert_eq!(problems(&bought.order), ["PAYMENT_INSUFFICIENT"]);
    let refusal = refused(world.complete(&bought.name).await, Code::PaymentInsufficient);
    assert_eq!(refusal.number("held_minor"), Some(600));
}

async fn rule_9_4_tracked_goods_go_out_of_stock(world: World) {
    world.stock("CUP", 5).await;
    world.stock("BOWL", 1).await;
    let of = |cups, bowls| {
        world
            .draft(0)
            .with(|order| order.lines.clear())
            .goods("CUP", "Kopp", cups, 100, 2_500)
            .goods("BOWL", "Bolle", bowls, 100, 2_500)
            .goods("UNTRACKED", "Skje", 7, 0, 2_500)
            .payment("manual", "", 100 * (cups + bowls))
    };
    let order = world.place(of(2, 1)).await;
    assert_eq!((world.on_hand("CUP").await, world.on_hand("BOWL").await), (3, 0));
    let held: Vec<i64> = order.lines.iter().map(|line| line.stock_held_quantity).collect();
    assert_eq!(held, [2, 1, 0]);

    // ALLOW is the default: placed, with a problem.
    let oversold = world.place(of(4, 1)).await;
    assert_eq!(problems(&oversold), ["OVERSOLD"]);
    assert_eq!(oversold.problems[0].details["skus"], "BOWL,CUP");
    assert_eq!((world.on_hand("CUP").await, world.on_hand("BOWL").await), (-1, -1));

    world.set("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Refuse)).await;
    let before = world.revision().await;
    let refusal = refused(of(1, 1).send().await, Code::OutOfStock);
    assert_eq!(refusal.metadata["skus"], "BOWL,CUP", "all of them at once");
    assert_eq!(world.revision().await, before);
}

async fn rule_9_5_numbers_ascend_without_gaps(world: World) {
    for number in 1001..1004 {
        refused(world.draft(10).send().await, Code::PaymentInsufficient);
        assert_eq!(world.place(world.draft(0)).await.number, number, "a refusal takes no number");
    }
    world.set("settings.next_order_number", |settings| settings.next_order_number = 5_000).await;
    assert_eq!(world.place(world.draft(0)).await.number, 5_000);
    assert_eq!(world.place(world.draft(0)).await.number, 5_001);
}

async fn rule_9_5_an_external_reference_is_used_once(world: World) {
    let draft = || world.draft(0).external_reference("WEB-1");
    let first = world.place(draft()).await;
    let refusal = refused(draft().send().await, Code::ExternalReferenceTaken);
    assert_eq!(refusal.resource, Some(first.name));
    let elsewhere = World::new(world.server.clone()).await;
    elsewhere.place(elsewhere.draft(0).external_reference("WEB-1")).await;
}

async fn rule_3_3_a_mistyped_address_is_questioned_and_kept(world: World) {
    for (written, meant) in [
        ("ola@gmail.cm", "ola@gmail.com"),
        ("ola@mail.com", "ola@gmail.com"),
        ("ola@hotmial.com", "ola@hotmail.com"),
        ("ola@gmail.com", ""),
        ("ola@example.com", ""),
    ] {
        let order = world.place(world.draft(0).customer("Ola", written)).await;
        assert_eq!(order.email_suggestion, meant);
        assert_eq!(order.customer.unwrap().email, written, "never rewritten");
    }
}
