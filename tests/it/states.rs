//! What an order shows of its money and goods: amounts in their currency (§10) and derived states
//! (§11).

use order_rules::refusals::Code;
use order_sdk::proto::{self, CaptureMode, ConfirmSource, DeliveryState, LineKind, PaymentState};
use order_sdk::{OrderDraft, OrderName};

use crate::harness::{Bought, WAIT, World, eventually, gross, refused, status_id, wrong_fields};

trials! {
    shared: [
        rule_6_3_the_undelivered_rest_is_edited_away,
        rule_10_1_amounts_are_minor_units_of_their_currency,
        rule_10_1_what_is_too_large_is_refused,
        rule_11_2_every_state_of_a_payment_is_derived,
        rule_11_3_every_state_of_a_delivery_is_derived,
        rule_11_4_what_is_asked_for_is_claimed_at_once,
        rule_11_5_a_payment_shows_when_and_how_it_was_confirmed,
    ];
}

impl World {
    /// Units of a cup for 3.00 each.
    fn some_cups(&self, units: i64) -> OrderDraft {
        let draft = self.draft(0).with(|order| order.lines.clear());
        draft.goods("CUP", "Kopp", units, 300, 2_500)
    }

    async fn buy_some(&self, units: i64, orders: &str) -> Bought {
        let reference = self.reference(orders);
        let draft = self.some_cups(units).payment("klarna", &reference, 300 * units);
        let order = self.place(draft).await;
        Bought { name: order.name.parse().unwrap(), reference, order }
    }
}

async fn rule_6_3_the_undelivered_rest_is_edited_away(world: World) {
    world.stock("CUP", 10).await;
    let bought = world.buy_some(3, "").await;
    let Bought { name, reference, .. } = &bought;
    let order = world.client.deliver(name).line(1, 1).send().await.unwrap().order.unwrap();
    assert_eq!(order.delivery_state(), DeliveryState::PartiallyDelivered);
    // It is not cancelled: the remedy is to edit the rest away.
    let refusal = refused(world.cancel(name, true).await, Code::PartlyDelivered);
    assert!(!refusal.is_retryable());
    refused(world.client.edit(name).unit_price(1, 200).send().await, Code::LineFixed);
    let edit = world.client.edit(name).quantity(1, 1).restock(true).wait(WAIT);
    let order = edit.send().await.unwrap().order.unwrap();
    assert_eq!((order.delivery_state(), gross(&order)), (DeliveryState::Delivered, 300));
    assert_eq!(world.on_hand("CUP").await, 9, "two went back");
    let order = world.complete(name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent");
    world.settled(name).await;
    assert_eq!(world.book().done(reference, "capture"), [300]);
    let held = world.book().reservation(reference).unwrap();
    assert_eq!(held.authorized_minor, held.captured_minor + held.released_minor);
}

/// Currency, minor units, and how a person reads them.
const AMOUNTS: [(&str, i64, &str); 4] = [
    ("JPY", 12_345, "12345"),
    ("KWD", 12_345, "12.345"),
    ("NOK", 12_345, "123.45"),
    ("CLF", 12_345, "1.2345"),
];

async fn rule_10_1_amounts_are_minor_units_of_their_currency(world: World) {
    for (currency, minor, readable) in AMOUNTS {
        let reference = world.reference("");
        let draft = world.draft(minor).payment("klarna", &reference, minor);
        let draft = draft.with(|order| order.currency_code = currency.to_owned());
        let order = world.place(draft).await;
        assert_eq!((order.currency_code.as_str(), gross(&order)), (currency, minor));
        let name: OrderName = order.name.parse().unwrap();
        world.complete(&name).await.unwrap();
        assert_eq!(world.book().done(&reference, "capture"), [minor], "{currency}");
        let printed = world.printed(&["orders", "get", &name.number().to_string()]).await;
        assert!(printed.contains(readable), "{currency}: {printed}");
    }
    for unknown in ["XXQ", "nok", "KRONER"] {
        let draft = world.draft(0).with(|order| order.currency_code = unknown.to_owned());
        assert_eq!(wrong_fields(draft.send().await), ["order.currency_code"], "{unknown}");
    }
}

/// Refused, not wrapped: neither units times price, nor the sum of the lines.
async fn rule_10_1_what_is_too_large_is_refused(world: World) {
    let before = world.revision().await;
    let line = |quantity, unit_price_minor| proto::NewLine {
        kind: LineKind::Goods.into(),
        title: "Vare".to_owned(),
        quantity,
        unit_price_minor,
        vat_rate_bp: 2_500,
        ..proto::NewLine::default()
    };
    let of = |lines: Vec<proto::NewLine>| {
        let draft = world.draft(0).with(|order| order.lines = lines);
        draft.payment("manual", "", 1)
    };
    let most = 1_000_000_000_000;
    for lines in [
        vec![line(1, i64::MAX)],
        vec![line(i64::MAX, 1)],
        (0..500).map(|_| line(1_000_000, most)).collect(),
    ] {
        assert!(!wrong_fields(of(lines).send().await).is_empty());
    }
    assert_eq!(world.revision().await, before);
}

async fn rule_11_2_every_state_of_a_payment_is_derived(world: World) {
    world
        .set("settings.capture_mode", |settings| {
            settings.set_capture_mode(CaptureMode::PerDelivery);
        })
        .await;
    let credit = async |bought: &Bought, units| {
        let credit = world.client.credit(&bought.name).units(1, units).refund(true);
        credit.wait(WAIT).send().await.unwrap();
    };
    let free = world.place(world.draft(0)).await;
    let slow = world.reference("authorize=later:60m");
    let pending = world.draft(300).payment("klarna", &slow, 300).send().await.unwrap();
    let authorized = world.buy_some(2, "").await;
    let part = world.buy_some(2, "").await;
    world.client.deliver(&part.name).line(1, 1).wait(WAIT).send().await.unwrap();
    let captured = world.buy_some(2, "").await;
    world.complete(&captured.name).await.unwrap();
    let returned = [world.buy_some(2, "").await, world.buy_some(2, "").await];
    for (bought, units) in returned.iter().zip([1, 2]) {
        world.complete(&bought.name).await.unwrap();
        credit(bought, units).await;
    }
    let voided = world.buy_some(2, "").await;
    world.cancel(&voided.name, false).await.unwrap();
    let expired = world.buy_some(2, "capture=expired").await;
    world.complete(&expired.name).await.unwrap();
    let wanted = [
        (PaymentState::None, free.name),
        (PaymentState::Pending, pending.order.unwrap().name),
        (PaymentState::Authorized, String::from(&authorized.name)),
        (PaymentState::PartiallyCaptured, String::from(&part.name)),
        (PaymentState::Captured, String::from(&captured.name)),
        (PaymentState::PartiallyRefunded, String::from(&returned[0].name)),
        (PaymentState::Refunded, String::from(&returned[1].name)),
        (PaymentState::Voided, String::from(&voided.name)),
        (PaymentState::Expired, String::from(&expired.name)),
    ];
    for (state, name) in wanted {
        let order = world.get(&name.parse().unwrap()).await;
        assert_eq!(order.payment_state(), state, "{order:?}");
        assert!(!order.payment_needs_attention, "{order:?}");
        let found = world.client.orders(&world.shop).payment_state(state).page().await.unwrap();
        let found: Vec<String> = found.items.into_iter().map(|order| order.name).collect();
        assert_eq!(found, [name], "{state:?}");
    }
}

async fn rule_11_3_every_state_of_a_delivery_is_derived(world: World) {
    let fee = world.draft(0).with(|order| {
        order.lines.clear();
        let mut fee =
            proto::NewLine { title: "Gebyr".to_owned(), quantity: 1, ..Default::default() };
        fee.set_kind(LineKind::Fee);
        order.lines.push(fee);
    });
    let nothing = world.place(fee).await;
    assert_eq!(nothing.delivery_state(), DeliveryState::NothingToDeliver);
    let bought = world.buy_some(2, "").await;
    assert_eq!(bought.order.delivery_state(), DeliveryState::NotDelivered);
    let deliver = async || {
        let answer = world.client.deliver(&bought.name).line(1, 1).send().await.unwrap();
        answer.order.unwrap().delivery_state()
    };
    assert_eq!(deliver().await, DeliveryState::PartiallyDelivered);
    assert_eq!(deliver().await, DeliveryState::Delivered);
    for (delivery_id, wanted) in
        [(1, DeliveryState::PartiallyDelivered), (2, DeliveryState::NotDelivered)]
    {
        let request = proto::CancelDeliveryRequest {
            name: (&bought.name).into(),
            delivery_id,
            ..proto::CancelDeliveryRequest::default()
        };
        let order = world.client.cancel_delivery(request).await.unwrap().order.unwrap();
        assert_eq!(order.delivery_state(), wanted);
    }
}

/// While an operation is only asked for, at the provider, or unknown, nobody else gets its amount.
async fn rule_11_4_what_is_asked_for_is_claimed_at_once(world: World) {
    for trouble in
        ["capture=unavailable", "capture=later:60m", "capture=timeout-after,read=unavailable"]
    {
        let bought = world.buy_some(3, trouble).await;
        let asked = world.change(&bought.name, "sent").send().await.unwrap().order.unwrap();
        let claimed = |order: &proto::Order| {
            let payment = &order.payments[0];
            (payment.claimed_minor, payment.captured_minor, order.payment_state())
        };
        let wanted = (900, 0, PaymentState::Authorized);
        assert_eq!(claimed(&asked), wanted, "{trouble}: in the turn that asks");
        eventually("it is at the provider", async || {
            (world.book().calls(&bought.reference, "capture") > 0).then_some(())
        })
        .await;
        let order = world.get(&bought.name).await;
        assert_eq!(claimed(&order), wanted, "{trouble}");
        refused(world.change(&bought.name, "sent").send().await, Code::StatusChangePending);
    }
    let bought = world.buy_some(3, "refund=later:60m").await;
    world.complete(&bought.name).await.unwrap();
    let credit = |minor| world.client.credit(&bought.name).amount(1, minor).refund(true);
    let order = credit(600).send().await.unwrap().order.unwrap();
    let payment = &order.payments[0];
    assert_eq!((payment.claimed_minor, payment.refunded_minor), (600, 0));
    let refusal = refused(credit(301).send().await, Code::CreditExceedsCaptured);
    assert!(!refusal.metadata.is_empty(), "with what is left: {refusal:?}");
}

async fn rule_11_5_a_payment_shows_when_and_how_it_was_confirmed(world: World) {
    let reference = world.reference("authorize=later:1s");
    let draft = world.draft(900).payment("klarna", &reference, 900);
    let order = draft.send().await.unwrap().order.unwrap();
    let name: OrderName = order.name.parse().unwrap();
    let shown = |order: &proto::Order| {
        let payment = &order.payments[0];
        (payment.confirm_time, payment.confirm_source())
    };
    assert_eq!(shown(&order), (None, ConfirmSource::Unspecified), "nobody has said so yet");
    let placed = shown(&world.settled(&name).await);
    assert_ne!(placed.1, ConfirmSource::Unspecified);
    let captured = shown(&world.complete(&name).await.unwrap().order.unwrap());
    assert_eq!(captured.1, ConfirmSource::Operation);
    let seconds = |shown: (Option<prost_types::Timestamp>, ConfirmSource)| {
        let time = shown.0.unwrap();
        (time.seconds, time.nanos)
    };
    assert!(seconds(captured) > seconds(placed));
    let request = proto::ReconcilePaymentRequest {
        name: (&name).into(),
        payment_id: order.payments[0].id,
        wait: prost_types::Duration::try_from(WAIT).ok(),
        ..proto::ReconcilePaymentRequest::default()
    };
    world.client.reconcile_payment(request).await.unwrap();
    let read = shown(&world.get(&name).await);
    assert_eq!(read.1, ConfirmSource::Reading);
    assert!(seconds(read) > seconds(captured));
}
