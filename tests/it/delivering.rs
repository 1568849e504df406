//! Goods are sent in parts, each once, and where the shop says so each part takes its money along
//! (rules 6.1, 6.2).

pub(crate) mod races;

use order_rules::refusals::Code;
use order_sdk::proto::{self, CaptureMode, DeliveryState, EventKind, OperationKind, PaymentState};
use order_sdk::{DeliveryDraft, Error, OrderName};

use crate::harness::audit::audit;
use crate::harness::{WAIT, World, problems, refused, request_id, status_id, wrong_fields};

trials! {
    shared: [
        rule_6_1_lines_are_delivered_in_parts_and_never_more_than_was_ordered,
        rule_6_1_a_delivery_recorded_by_mistake_is_taken_back,
        rule_6_1_units_that_are_credited_are_not_delivered,
        rule_6_2_each_delivery_captures_its_share_and_shipping_goes_with_the_first,
        rule_6_2_the_rest_of_the_reservation_is_released_when_nothing_is_left_to_deliver,
        rule_6_2_a_delivery_stands_when_its_capture_is_declined,
        rule_6_2_completed_takes_what_deliveries_left,
        rule_6_2_a_twin_cannot_be_delivered_on_a_bound_payment,
        rule_2_2_completed_records_a_delivery_of_what_is_undelivered,
        a_cancelled_order_is_not_delivered,
        bad_input_of_a_delivery_is_told_at_once,
    ];
}

impl World {
    /// Has the shop capture per delivery.
    async fn capture_per_delivery(&self) {
        self.set("settings.capture_mode", |settings| {
            settings.set_capture_mode(CaptureMode::PerDelivery);
        })
        .await;
    }

    fn deliver(&self, order: &OrderName) -> DeliveryDraft {
        self.client.deliver(order).wait(WAIT)
    }

    async fn take_back(
        &self,
        order: &OrderName,
        delivery_id: i32,
    ) -> Result<proto::CancelDeliveryResponse, Error> {
        let request = proto::CancelDeliveryRequest {
            name: order.into(),
            delivery_id,
            ..proto::CancelDeliveryRequest::default()
        };
        self.client.cancel_delivery(request).await
    }

    /// Three cups for 100.00 altogether and a spoon for 20.00, sent for 9.90, on one payment.
    async fn buy_parts(&self, orders: &str, authorized_minor: i64) -> (OrderName, String) {
        let reference = self.reference(orders);
        let draft = self.draft(0).with(|order| order.lines = parts()).payment(
            "klarna",
            &reference,
            authorized_minor,
        );
        let order = self.place(draft).await;
        (order.name.parse().unwrap(), reference)
    }
}

const PARTS_TOTAL: i64 = 12_990;

fn parts() -> Vec<proto::NewLine> {
    let line = |kind: proto::LineKind, title: &str, quantity, unit_price_minor, discount_minor| {
        proto::NewLine {
            kind: kind.into(),
            title: title.to_owned(),
            quantity,
            unit_price_minor,
            discount_minor,
            vat_rate_bp: 2_500,
            ..proto::NewLine::default()
        }
    };
    vec![
        line(proto::LineKind::Goods, "Kopp", 3, 3_400, 200),
        line(proto::LineKind::Goods, "Skje", 1, 2_000, 0),
        line(proto::LineKind::Shipping, "Frakt", 1, 990, 0),
    ]
}

fn delivered(order: &proto::Order) -> Vec<i64> {
    order.lines.iter().map(|line| line.delivered_quantity).collect()
}

fn captured(order: &proto::Order) -> Vec<i64> {
    order.lines.iter().map(|line| line.captured_quantity).collect()
}

fn shares(order: &proto::Order) -> Vec<(i64, bool)> {
    let deliveries = order.deliveries.iter();
    deliveries.map(|delivery| (delivery.gross_minor, delivery.is_captured)).collect()
}

async fn rule_6_1_lines_are_delivered_in_parts_and_never_more_than_was_ordered(world: World) {
    let (name, reference) = world.buy_parts("", PARTS_TOTAL).await;
    let ship_time = world.get(&name).await.create_time;
    let answer = world
        .deliver(&name)
        .line(2, 1)
        .line(1, 1)
        .carrier("Posten")
        .tracking_number("70300000000000000")
        .tracking_url("https://sporing.posten.no/70300")
        .ship_time(ship_time.unwrap())
        .send()
        .await
        .unwrap();
    let receipt = answer.receipt.unwrap();
    assert!(receipt.settled && receipt.plan.is_empty(), "{receipt:?}");
    let order = answer.order.unwrap();
    assert_eq!(
        (delivered(&order), order.delivery_state()),
        (vec![1, 1, 0], DeliveryState::PartiallyDelivered)
    );
    let [delivery] = order.deliveries.as_slice() else { panic!("{order:?}") };
    let units: Vec<_> = delivery.lines.iter().map(|line| (line.line_id, line.quantity)).collect();
    assert_eq!((delivery.id, units), (1, vec![(1, 1), (2, 1)]));
    assert_eq!(delivery.carrier, "Posten");
    assert_eq!(delivery.tracking_number, "70300000000000000");
    assert_eq!(delivery.tracking_url, "https://sporing.posten.no/70300");
    assert_eq!(delivery.ship_time, ship_time);
    assert!(
        delivery.is_arrival_estimated && !delivery.is_captured && delivery.cancel_time.is_none()
    );
    assert_eq!(order, world.get(&name).await, "read as it was answered");

    let refusal = refused(
        world.deliver(&name).line(1, 3).line(2, 1).send().await,
        Code::DeliveryExceedsOrdered,
    );
    assert_eq!(refusal.metadata["left_by_line"], "1=2,2=0");
    let order = world.deliver(&name).send().await.unwrap().order.unwrap();
    assert_eq!(
        (delivered(&order), order.delivery_state()),
        (vec![3, 1, 0], DeliveryState::Delivered)
    );
    refused(world.deliver(&name).send().await, Code::DeliveryExceedsOrdered);
    assert!(world.book().done(&reference, "capture").is_empty(), "COMPLETED captures here");

    let history = world.history(&name).await;
    let told: Vec<i32> = history
        .iter()
        .filter(|event| event.kind() == EventKind::Delivered)
        .map(|event| event.change.as_ref().unwrap().delivery_id)
        .collect();
    assert_eq!(told, [1, 2]);
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!((order.deliveries.len(), captured(&order)), (2, vec![3, 1, 1]));
    audit(&world).await;
}

async fn rule_6_1_a_delivery_recorded_by_mistake_is_taken_back(world: World) {
    let (name, _) = world.buy_parts("", PARTS_TOTAL).await;
    world.deliver(&name).line(1, 2).send().await.unwrap();
    refused(world.cancel(&name, true).await, Code::PartlyDelivered);
    refused(world.take_back(&name, 2).await, Code::DeliveryNotFound);
    let order = world.take_back(&name, 1).await.unwrap().order.unwrap();
    assert_eq!(
        (delivered(&order), order.delivery_state()),
        (vec![0, 0, 0], DeliveryState::NotDelivered)
    );
    assert!(order.deliveries[0].cancel_time.is_some());
    assert!(order.withdrawal.is_none());
    let again = world.take_back(&name, 1).await.unwrap();
    assert_eq!(again.order.unwrap().revision, order.revision, "once more changes nothing");
    // Its id is never given again.
    let order = world.deliver(&name).line(1, 1).send().await.unwrap().order.unwrap();
    assert_eq!(order.deliveries.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2]);
    let kinds: Vec<EventKind> =
        world.history(&name).await.iter().map(|event| event.kind()).collect();
    assert!(kinds.contains(&EventKind::DeliveryCancelled));
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "sent");
    refused(world.take_back(&name, 2).await, Code::DeliveryCaptured);
    audit(&world).await;
}

async fn rule_6_1_units_that_are_credited_are_not_delivered(world: World) {
    world
        .set("settings.completed_delivers", |settings| settings.completed_delivers = Some(false))
        .await;
    let (name, _) = world.buy_parts("", PARTS_TOTAL).await;
    world.complete(&name).await.unwrap();
    let credited = world.crediting(&name).units(1, 2).refund(false).send().await.unwrap();
    assert_eq!(credited.order.unwrap().delivery_state(), DeliveryState::NotDelivered);
    let refusal =
        refused(world.deliver(&name).line(1, 2).send().await, Code::DeliveryExceedsOrdered);
    assert_eq!(refusal.metadata["left_by_line"], "1=1");
    let order = world.deliver(&name).send().await.unwrap().order.unwrap();
    assert_eq!(
        (delivered(&order), order.delivery_state()),
        (vec![1, 1, 0], DeliveryState::Delivered)
    );
    assert!(order.withdrawal.is_some(), "nothing more comes: the clocks run");
    // What comes back was sent, and leaves nothing to send.
    world.crediting(&name).units(2, 1).refund(false).send().await.unwrap();
    refused(world.deliver(&name).send().await, Code::DeliveryExceedsOrdered);

    // All of it is credited before any is sent.
    let (name, _) = world.buy_parts("", PARTS_TOTAL).await;
    let order = world.complete(&name).await.unwrap().order.unwrap();
    world.crediting(&name).all_of(&order, false).refund(false).send().await.unwrap();
    let refusal = refused(world.deliver(&name).send().await, Code::DeliveryExceedsOrdered);
    assert_eq!(refusal.number("left"), Some(0));
    let order = world.get(&name).await;
    assert_eq!(order.delivery_state(), DeliveryState::NothingToDeliver);
    assert!(order.deliveries.is_empty() && order.withdrawal.is_none(), "{order:?}");
    audit(&world).await;
}

async fn rule_6_2_each_delivery_captures_its_share_and_shipping_goes_with_the_first(world: World) {
    world.capture_per_delivery().await;
    let (name, reference) = world.buy_parts("", PARTS_TOTAL).await;
    let asked = world.deliver(&name).line(1, 1).validate_only().send().await.unwrap();
    let plan = asked.receipt.unwrap().plan;
    let told: Vec<_> = plan.iter().map(|effect| (effect.kind(), effect.amount_minor)).collect();
    assert_eq!(told, [(OperationKind::Capture, 3_333 + 990)]);
    assert_eq!(asked.order.unwrap().deliveries.len(), 1, "as it would be");

    for (units, wanted, taken) in [
        (1, vec![(4_323, true)], vec![1, 0, 1]),
        (1, vec![(4_323, true), (3_334, true)], vec![2, 0, 1]),
    ] {
        let id = request_id();
        let deliver = || world.deliver(&name).line(1, units).request_id(&id);
        let answer = deliver().send().await.unwrap();
        assert!(answer.receipt.unwrap().settled);
        let order = answer.order.unwrap();
        assert_eq!((shares(&order), captured(&order)), (wanted, taken));
        assert_eq!(order.payment_state(), PaymentState::PartiallyCaptured);
        let again = deliver().send().await.unwrap();
        assert!(again.receipt.unwrap().replayed, "sent twice is sent once");
    }
    refused(world.take_back(&name, 1).await, Code::DeliveryCaptured);
    let order = world.deliver(&name).send().await.unwrap().order.unwrap();
    assert_eq!(shares(&order), [(4_323, true), (3_334, true), (5_333, true)]);
    assert_eq!(captured(&order), [3, 1, 1]);
    assert_eq!(order.payment_state(), PaymentState::Captured);
    assert_eq!(world.book().done(&reference, "capture"), [4_323, 3_334, 5_333]);
    // COMPLETED has nothing left to take.
    let answer = world.complete(&name).await.unwrap();
    assert!(answer.receipt.unwrap().plan.is_empty());
    assert_eq!(answer.order.unwrap().deliveries.len(), 3);
    audit(&world).await;
}

async fn rule_6_2_the_rest_of_the_reservation_is_released_when_nothing_is_left_to_deliver(
    world: World,
) {
    world.capture_per_delivery().await;
    let (card, klarna) = (world.reference(""), world.reference(""));
    let draft = world
        .draft(0)
        .with(|order| order.lines = parts())
        .payment("card", &card, 3_000)
        .payment("klarna", &klarna, 15_000);
    let order = world.place(draft).await;
    let name: OrderName = order.name.parse().unwrap();
    world.deliver(&name).line(1, 2).send().await.unwrap();
    let held =
        || (world.book().reservation(&card).unwrap(), world.book().reservation(&klarna).unwrap());
    let released = |(card, klarna): (crate::harness::book::Reservation, _)| -> i64 {
        let klarna: crate::harness::book::Reservation = klarna;
        card.released_minor + klarna.released_minor
    };
    assert_eq!(released(held()), 0, "goods are still to be sent");
    world.deliver(&name).send().await.unwrap();
    let order = world.settled(&name).await;
    assert_eq!(status_id(&order), "not-processed", "the label stays");
    assert_eq!(order.payments.iter().map(|one| one.captured_minor).sum::<i64>(), PARTS_TOTAL);
    let (card_held, klarna_held) = held();
    for one in [&card_held, &klarna_held] {
        let left = one.authorized_minor - one.captured_minor - one.released_minor;
        assert!(left == 0 || one.is_voided, "{one:?}");
    }
    audit(&world).await;
}

async fn rule_6_2_a_delivery_stands_when_its_capture_is_declined(world: World) {
    world.capture_per_delivery().await;
    let (name, reference) = world.buy_parts("capture=decline-once", PARTS_TOTAL).await;
    let answer = world.deliver(&name).line(1, 1).send().await.unwrap();
    assert!(answer.receipt.unwrap().settled, "a decline settles it too");
    let order = answer.order.unwrap();
    assert_eq!((delivered(&order), captured(&order)), (vec![1, 0, 0], vec![0, 0, 0]));
    assert_eq!(problems(&order), ["CAPTURE_DECLINED"]);
    assert_eq!(shares(&order), [(4_323, false)]);
    // The next takes it along.
    let order = world.deliver(&name).line(2, 1).send().await.unwrap().order.unwrap();
    assert_eq!(shares(&order), [(4_323, true), (2_000, true)]);
    assert!(problems(&order).is_empty(), "its cause is gone: {order:?}");
    assert_eq!(world.book().done(&reference, "capture"), [6_323]);

    // Declined for good: the delivery can be taken back, and then the order be cancelled.
    let (name, reference) = world.buy_parts("capture=decline", PARTS_TOTAL).await;
    world.deliver(&name).line(1, 1).send().await.unwrap();
    let order = world.take_back(&name, 1).await.unwrap().order.unwrap();
    assert!(problems(&order).is_empty(), "{order:?}");
    let order = world.cancel(&name, false).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "cancelled");
    assert!(world.book().done(&reference, "capture").is_empty());
    audit(&world).await;
}

async fn rule_6_2_completed_takes_what_deliveries_left(world: World) {
    world.capture_per_delivery().await;
    let (name, reference) = world.buy_parts("capture=decline-once", PARTS_TOTAL).await;
    world.deliver(&name).line(1, 2).send().await.unwrap();
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0));
    assert_eq!(world.book().done(&reference, "capture"), [PARTS_TOTAL]);
    assert_eq!(shares(&order), [(7_657, true), (5_333, true)]);

    // While the share of a delivery is being captured, COMPLETED waits its turn.
    let (name, reference) = world.buy_parts("capture=slow:1s", PARTS_TOTAL).await;
    let answer = world.client.deliver(&name).line(1, 1).send().await.unwrap();
    assert!(!answer.receipt.unwrap().settled);
    refused(world.take_back(&name, 1).await, Code::DeliveryCaptured);
    let change = world.change(&name, "sent").send().await.unwrap().order.unwrap();
    assert!(change.pending_status_change.is_some());
    refused(world.deliver(&name).send().await, Code::StatusChangePending);
    refused(world.take_back(&name, 1).await, Code::StatusChangePending);
    let order = world.settled(&name).await;
    assert_eq!(status_id(&order), "sent");
    assert_eq!(world.book().done(&reference, "capture"), [4_323, PARTS_TOTAL - 4_323]);
    audit(&world).await;
}

async fn rule_6_2_a_twin_cannot_be_delivered_on_a_bound_payment(world: World) {
    world.capture_per_delivery().await;
    let (name, reference) = world.buy_parts("", PARTS_TOTAL).await;
    let twin = world.draft(0).with(|order| order.lines = parts()).payment(
        "klarna",
        &reference,
        PARTS_TOTAL,
    );
    let twin: OrderName = world.place(twin).await.name.parse().unwrap();
    world.deliver(&name).line(1, 1).send().await.unwrap();
    refused(world.deliver(&twin).send().await, Code::DuplicateAlreadyCaptured);
    let order = world.get(&twin).await;
    assert!(order.deliveries.is_empty() && order.delivery_state() == DeliveryState::NotDelivered);
    world.cancel(&twin, false).await.unwrap();
    world.deliver(&name).send().await.unwrap();
    assert_eq!(world.book().done(&reference, "capture").iter().sum::<i64>(), PARTS_TOTAL);
    world.settled(&name).await;
    audit(&world).await;
}

async fn rule_2_2_completed_records_a_delivery_of_what_is_undelivered(world: World) {
    let (name, _) = world.buy_parts("", PARTS_TOTAL).await;
    world.deliver(&name).line(1, 1).send().await.unwrap();
    let order = world.complete(&name).await.unwrap().order.unwrap();
    let [first, rest] = order.deliveries.as_slice() else { panic!("{order:?}") };
    let units: Vec<_> = rest.lines.iter().map(|line| (line.line_id, line.quantity)).collect();
    assert_eq!((first.id, rest.id, units), (1, 2, vec![(1, 2), (2, 1)]));
    assert_eq!(rest.ship_time, order.complete_time);
    assert_eq!(shares(&order), [(4_323, true), (8_667, true)]);
    let history = world.history(&name).await;
    let last = history.iter().rfind(|event| event.kind() == EventKind::Delivered).unwrap();
    assert_eq!(last.change.as_ref().unwrap().delivery_id, 2);
    assert!(order.withdrawal.is_some(), "the clocks run from it");
    audit(&world).await;
}

async fn a_cancelled_order_is_not_delivered(world: World) {
    let (name, _) = world.buy_parts("", PARTS_TOTAL).await;
    world.cancel(&name, false).await.unwrap();
    refused(world.deliver(&name).send().await, Code::OrderCancelled);
    refused(world.deliver(&world.shop.order(9_999).unwrap()).send().await, Code::OrderNotFound);
}

async fn bad_input_of_a_delivery_is_told_at_once(world: World) {
    let (name, _) = world.buy_parts("", PARTS_TOTAL).await;
    let head = world.revision().await;
    let wrong = world
        .client
        .deliver(&name)
        .line(0, 1)
        .line(1, 0)
        .line(1, 1_000_001)
        .carrier("x".repeat(101))
        .tracking_number("a\u{0}b")
        .tracking_url("http://posten.no/1")
        .ship_time(prost_types::Timestamp { seconds: 1, nanos: -1 })
        .send()
        .await;
    assert_eq!(
        wrong_fields(wrong),
        [
            "lines[0].line_id",
            "lines[1].quantity",
            "lines[2].quantity",
            "ship_time",
            "carrier",
            "tracking_number",
            "tracking_url",
            "lines[2].line_id",
        ]
    );
    for url in ["https://", "https://a b", "javascript:alert(1)", "https://user@posten.no"] {
        let wrong = world.client.deliver(&name).tracking_url(url).send().await;
        assert_eq!(wrong_fields(wrong), ["tracking_url"], "{url}");
    }
    // Seen beside the order: no line of goods, none at all, before it was placed.
    let wrong = world
        .client
        .deliver(&name)
        .line(3, 1)
        .line(9, 1)
        .ship_time(prost_types::Timestamp { seconds: 1, nanos: 0 })
        .send()
        .await;
    assert_eq!(wrong_fields(wrong), ["lines[0].line_id", "lines[1].line_id", "ship_time"]);
    let late = prost_types::Timestamp { seconds: 32_503_680_000, nanos: 0 };
    assert_eq!(
        wrong_fields(world.client.deliver(&name).ship_time(late).send().await),
        ["ship_time"]
    );
    assert_eq!(wrong_fields(world.take_back(&name, 0).await), ["delivery_id"]);
    assert_eq!(world.revision().await, head, "nothing was stored");
}
