//! Deliveries paid in parts at Adyen, where the first capture ends a reservation unless the account has
//! been set up otherwise.

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{CaptureMode, OperationKind, PaymentState};
use order_tests::fakes::adyen::NewPayment;

use super::stage::{Stage, adyen};
use crate::harness::{Backend, WAIT, problems, refused, status_id};

trials! {
    own: [
        where_the_first_capture_ends_it_the_last_delivery_takes_all,
        where_the_rest_stays_each_delivery_takes_its_share,
    ];
}

const UNITS: i64 = 3;
const TOTAL: i64 = 900;

impl Stage {
    async fn capture_per_delivery(&self) {
        self.world
            .set("settings.capture_mode", |settings| {
                settings.set_capture_mode(CaptureMode::PerDelivery);
            })
            .await;
    }

    /// The account keeps what a capture leaves of a reservation.
    pub(super) async fn keep_remainders(&self) {
        let agreed = adyen(|adyen| adyen.multiple_partial_captures = true);
        let fields = ["adyen.multiple_partial_captures"];
        self.world.reintegrate("card-no", &fields, agreed).await.unwrap();
    }

    /// Three cups on a payment of an account that keeps the rest of a reservation, or does not.
    pub(super) async fn buy_units(&self, has_partial_captures: bool) -> (OrderName, String) {
        let payment = NewPayment { has_partial_captures, ..NewPayment::of("cart", TOTAL) };
        let psp = self.checkout(payment);
        let draft = self.world.draft(TOTAL).with(|order| {
            order.lines[0].quantity = UNITS;
            order.lines[0].unit_price_minor = TOTAL / UNITS;
        });
        let order = self.world.place(draft.payment("card-no", &psp, TOTAL)).await;
        (order.name.parse().unwrap(), psp)
    }

    async fn deliver(&self, order: &OrderName, units: i64) {
        self.world.client.deliver(order).line(1, units).wait(WAIT).send().await.unwrap();
    }
}

async fn where_the_first_capture_ends_it_the_last_delivery_takes_all(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    stage.capture_per_delivery().await;
    let (order, psp) = stage.buy_units(false).await;
    let plan = world.client.deliver(&order).line(1, 1).validate_only().send().await.unwrap();
    assert_eq!(plan.receipt.unwrap().plan.len(), 0, "nothing is asked for yet");
    stage.deliver(&order, 1).await;
    let waiting = world.settled(&order).await;
    assert_eq!((waiting.payment_state(), problems(&waiting).len()), (PaymentState::Authorized, 0));
    assert!(!waiting.deliveries[0].is_captured);
    stage.deliver(&order, 2).await;
    let paid = world.settled(&order).await;
    assert_eq!((paid.payment_state(), problems(&paid).len()), (PaymentState::Captured, 0));
    assert!(paid.deliveries.iter().all(|delivery| delivery.is_captured), "{paid:?}");
    assert_eq!(stage.done("capture", &psp), [TOTAL], "once, and all of it");
    // COMPLETED takes what deliveries have left.
    let (order, psp) = stage.buy_units(false).await;
    stage.deliver(&order, 2).await;
    refused(world.cancel(&order, false).await, Code::PartlyDelivered);
    world.complete(&order).await.unwrap();
    let sent = world.settled(&order).await;
    assert_eq!((status_id(&sent), problems(&sent).len()), ("sent", 0));
    assert_eq!(stage.done("capture", &psp), [TOTAL]);
    // What does not come any more is edited away, and what has left is all there is.
    let (order, psp) = stage.buy_units(false).await;
    stage.deliver(&order, 1).await;
    let edit = || world.client.edit(&order).quantity(1, 1).restock(false);
    let asked = edit().validate_only().send().await.unwrap();
    let plan = asked.receipt.unwrap().plan;
    let told: Vec<_> = plan.iter().map(|one| (one.kind(), one.amount_minor)).collect();
    let share = TOTAL / UNITS;
    assert_eq!(told, [(OperationKind::UpdateAmount, share), (OperationKind::Capture, share)]);
    edit().wait(WAIT).send().await.unwrap();
    let cut = world.settled(&order).await;
    assert_eq!((cut.payment_state(), problems(&cut).len()), (PaymentState::Captured, 0));
    assert_eq!(stage.done("capture", &psp), [TOTAL / UNITS]);
    stage.check().await;
}

async fn where_the_rest_stays_each_delivery_takes_its_share(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    stage.capture_per_delivery().await;
    stage.keep_remainders().await;
    let (order, psp) = stage.buy_units(true).await;
    for (delivery, captured) in [(1, 1), (2, 2), (3, 3)] {
        stage.deliver(&order, 1).await;
        let paid = world.settled(&order).await;
        assert_eq!(problems(&paid), [""; 0], "delivery {delivery}: {paid:?}");
        assert_eq!(paid.payments[0].captured_minor, captured * TOTAL / UNITS);
    }
    assert_eq!(stage.done("capture", &psp), [TOTAL / UNITS; 3]);
    let done = world.settled(&order).await;
    assert_eq!(done.payment_state(), PaymentState::Captured);
    stage.check().await;
}
