//! What is decided or done beside this service, and what waits for that.

use order_sdk::proto::DifferenceKind;
use order_sdk::{OrderName, proto};
use order_tests::fakes::{Effect, Trouble};

use super::{Deed, Sale, Stage, TOTAL, Till};
use crate::harness::{Backend, WAIT, World, eventually, problems, status_id};
use crate::reconciling::differences;

/// Of an order of three.
const UNIT: i64 = TOTAL / 3;

/// What was done in a portal (a deed and its body), as what it is found, and state and problems then.
pub(crate) type Found = (&'static str, &'static str, DifferenceKind, &'static str);

/// Names a payment that is not decided there yet: it waits, and goes on when it is, by hand at a path
/// below `/control/`.
pub(crate) async fn waits_for_a_decision<Where: Till>(
    stage: &Stage<Where>,
    id: &str,
    (decision, body): (&str, &'static str),
) {
    let world = &stage.world;
    let draft = world.draft(TOTAL).payment(Where::ID, id, TOTAL);
    let order = draft.send().await.unwrap().order.unwrap();
    let name: OrderName = order.name.parse().unwrap();
    let operation_id = eventually("it waits for a decision", async || {
        let operation = world.get(&name).await.payments[0].operations[0].clone();
        (operation.state() == proto::OperationState::Accepted).then_some(operation.id)
    })
    .await;
    stage.by_hand(decision, body).await;
    let retry = proto::RetryEffectRequest {
        name: order.name,
        operation_id,
        ..proto::RetryEffectRequest::default()
    };
    world.client.retry_effect(retry).await.unwrap();
    assert_eq!(world.settled(&name).await.payments[0].authorized_minor, TOTAL);
}

/// Attaches payments to an order that lacks 400: each counts for what the provider holds of it.
pub(crate) async fn attaches_what_is_held<Where: Till>(stage: &Stage<Where>, order: &OrderName) {
    let world = &stage.world;
    let [small, gone, rest] = [300, TOTAL, 100].map(|held| Where::checkout(&stage.fake, held));
    stage.in_portal(&gone, "cancel", "{}").await;
    counts_what_is_held(world, order, Where::ID, [&small, &gone, &rest]).await;
}

/// Attaches to an order that lacks 400 a payment of which 300 are held, one that was cancelled, and the
/// rest; each is said to hold the whole.
pub(crate) async fn counts_what_is_held(
    world: &World,
    order: &OrderName,
    provider: &str,
    [small, gone, rest]: [&str; 3],
) {
    for (reference, held, wanted) in [
        (small, 300, vec!["PAYMENT_INSUFFICIENT"]),
        (gone, 0, vec!["PAYMENT_INSUFFICIENT", "RESERVATION_GONE"]),
        (rest, 100, vec![]),
    ] {
        world.attach(order, provider, reference, TOTAL).await.unwrap();
        let order = world.settled(order).await;
        assert_eq!(problems(&order), wanted, "{held}: {order:?}");
        assert_eq!(order.payments.last().unwrap().authorized_minor, held);
    }
    world.complete(order).await.unwrap();
    let order = world.settled(order).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    let captured: Vec<i64> = order.payments.iter().map(|one| one.captured_minor).collect();
    assert_eq!(captured, [500, 300, 0, 100]);
}

/// Cancels a sale that was captured in the portal: the void is declined, and the capture adopted.
/// Answers the provider's words.
pub(crate) async fn adopts_at_a_void<Where: Till>(
    stage: &Stage<Where>,
    sale: &Sale,
    captured_minor: i64,
) -> String {
    stage.begin(Deed::Cancel, sale).await;
    eventually("the capture is adopted", async || {
        let order = stage.world.get(&sale.name).await;
        (order.payments[0].captured_minor == captured_minor).then_some(())
    })
    .await;
    let operations = stage.world.get(&sale.name).await.payments[0].operations.clone();
    let void = operations.iter().find(|one| one.kind() == proto::OperationKind::Void).unwrap();
    void.provider_reason.clone()
}

/// Completes a sale that was captured in the portal: nothing is captured here, and one capture stands.
pub(crate) async fn adopts_at_a_capture<Where: Till>(stage: &Stage<Where>, sale: &Sale) {
    stage.world.complete(&sale.name).await.unwrap();
    let order = stage.world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    let word = Where::word(Deed::Capture).unwrap();
    assert_eq!(
        (order.payments[0].captured_minor, stage.done(word, &sale.id)),
        (TOTAL, vec![TOTAL])
    );
}

/// Completes a sale while the provider refuses the credentials: the order says so, and waits.
pub(crate) async fn completes_unheard<Where: Till>(stage: &Stage<Where>, sale: &Sale) {
    stage.world.change(&sale.name, "sent").send().await.unwrap();
    let order = eventually("the order says why it waits", async || {
        let order = stage.world.get(&sale.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"]);
    assert_eq!(order.problems[0].details["provider"], Where::ID);
    assert_eq!(status_id(&order), "not-processed");
}

/// Names a payment while the provider refuses the credentials: the order says so, and waits.
pub(crate) async fn names_unheard<Where: Till>(stage: &Stage<Where>, id: &str) -> OrderName {
    let draft = stage.world.draft(TOTAL).payment(Where::ID, id, TOTAL);
    let named: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    eventually("the other order says so too", async || {
        (!stage.world.get(&named).await.problems.is_empty()).then_some(())
    })
    .await;
    named
}

/// Does each of these in the portal, to a sale of its own: whoever compares finds it, and it is
/// adopted. `part` is a capture of 400 there: the rest is captured here.
pub(crate) async fn adopts_what_is_found<Where: Till>(
    stage: &Stage<Where>,
    cases: &[Found],
    part: (&str, &'static str),
) {
    let world = &stage.world;
    for &(deed, body, kind, wanted) in cases {
        let refunded = kind == DifferenceKind::RefundedElsewhere;
        let sale = stage.buy_for(if refunded { Deed::Refund } else { Deed::Capture }).await;
        stage.in_portal(&sale.id, deed, body).await;
        let found = differences(world, &sale.name).await;
        assert!(found[0].0 == kind && found.iter().all(|one| one.3), "{deed}: {found:?}");
        let order = world.get(&sale.name).await;
        let state = order.payment_state().as_str_name().replace("PAYMENT_STATE_", "");
        let told = format!("[{state}] {}", problems(&order).join(" "));
        assert_eq!(told.trim_end(), wanted, "{deed}");
        assert_eq!(differences(world, &sale.name).await, [], "{deed}");
    }
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.id, part.0, part.1).await;
    differences(world, &sale.name).await;
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    let word = Where::word(Deed::Capture).unwrap();
    assert_eq!((status_id(&order), stage.done(word, &sale.id)), ("sent", vec![400, 500]));
    assert_eq!(problems(&order), [""; 0]);
}

/// The provider has room for another capture each time, and would not refuse it: only a look before
/// shows that somebody has captured in its portal.
pub(crate) async fn captures_only_what_the_portal_has_not<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    a_part_is_adopted_and_the_rest_captured(&stage).await;
    more_than_the_order_is_worth_is_adopted_and_told(&stage).await;
    what_was_captured_before_it_came_is_not_taken(&stage).await;
    nothing_is_captured_before_it_is_read(&stage).await;
    each_delivery_is_paid_once(&stage).await;
    stage.check().await;
}

async fn a_part_is_adopted_and_the_rest_captured<Where: Till>(stage: &Stage<Where>) {
    let sale = stage.buy(TOTAL).await;
    in_portal(stage, &sale.id, 400).await;
    stage.world.complete(&sale.name).await.unwrap();
    is_paid(stage, &sale, (TOTAL, &[400, 500])).await;
    // Nothing is left to capture where the order has become as small as that.
    let sale = stage.buy_units().await;
    let edit = stage.world.client.edit(&sale.name).quantity(1, 1).restock(false);
    edit.wait(WAIT).send().await.unwrap();
    stage.world.settled(&sale.name).await;
    in_portal(stage, &sale.id, UNIT).await;
    stage.world.complete(&sale.name).await.unwrap();
    is_paid(stage, &sale, (UNIT, &[UNIT])).await;
}

async fn more_than_the_order_is_worth_is_adopted_and_told<Where: Till>(stage: &Stage<Where>) {
    let sale = stage.buy_units().await;
    in_portal(stage, &sale.id, 450).await;
    let edit = stage.world.client.edit(&sale.name).quantity(1, 1).restock(false);
    edit.wait(WAIT).send().await.unwrap();
    stage.world.settled(&sale.name).await;
    stage.world.complete(&sale.name).await.unwrap();
    // A person hears of what is too much.
    let found = differences(&stage.world, &sale.name).await;
    let kind = DifferenceKind::CapturedElsewhere;
    assert_eq!(found, [(kind, UNIT, 450, false)]);
    let order = stage.world.settled(&sale.name).await;
    assert_eq!(problems(&order), ["LEDGER_DIFFERS"]);
    assert_eq!((status_id(&order), order.payments[0].captured_minor), ("sent", UNIT), "{order:?}");
    assert_eq!(stage.done(Where::word(Deed::Capture).unwrap(), &sale.id), [450]);
}

/// Nobody could tell later whose money that is.
async fn what_was_captured_before_it_came_is_not_taken<Where: Till>(stage: &Stage<Where>) {
    let id = Where::checkout(&stage.fake, 2 * TOTAL);
    in_portal(stage, &id, TOTAL).await;
    let order = stage.place(&id, TOTAL).await;
    assert_eq!(problems(&order), ["RESERVATION_GONE"], "{order:?}");
    assert_eq!(stage.done(Where::word(Deed::Capture).unwrap(), &id), [TOTAL]);
}

async fn nothing_is_captured_before_it_is_read<Where: Till>(stage: &Stage<Where>) {
    for is_captured in [true, false] {
        for effect in [Effect::answer(500, "", "Feil"), Effect::HangUp] {
            let sale = stage.buy(2 * TOTAL).await;
            if is_captured {
                in_portal(stage, &sale.id, TOTAL).await;
            }
            stage.fake.trouble(Trouble::of("read", effect).about(&sale.id));
            stage.world.complete(&sale.name).await.unwrap();
            is_paid(stage, &sale, (TOTAL, &[TOTAL])).await;
            let calls = usize::from(!is_captured);
            let word = Where::word(Deed::Capture).unwrap();
            assert_eq!(stage.fake.book().calls(word, &sale.id), calls, "{is_captured}");
        }
    }
}

/// The first and the last here, the second in the portal.
async fn each_delivery_is_paid_once<Where: Till>(stage: &Stage<Where>) {
    let world = &stage.world;
    let mode = |settings: &mut proto::ShopSettings| {
        settings.set_capture_mode(proto::CaptureMode::PerDelivery);
    };
    world.set("settings.capture_mode", mode).await;
    let sale = stage.buy_units().await;
    for delivery in 1..=3 {
        if delivery == 2 {
            in_portal(stage, &sale.id, UNIT).await;
        }
        world.client.deliver(&sale.name).line(1, 1).wait(WAIT).send().await.unwrap();
        let order = world.settled(&sale.name).await;
        assert_eq!(problems(&order), [""; 0], "delivery {delivery}: {order:?}");
        let captured = order.payments[0].captured_minor;
        let word = Where::word(Deed::Capture).unwrap();
        let wanted = vec![UNIT; usize::try_from(delivery).unwrap()];
        assert_eq!((captured, stage.done(word, &sale.id)), (delivery * UNIT, wanted));
    }
}

impl<Where: Till> Stage<Where> {
    /// Three of a kind.
    async fn buy_units(&self) -> Sale {
        let id = Where::checkout(&self.fake, TOTAL);
        let draft = self.world.draft(TOTAL).with(|order| {
            order.lines[0].quantity = 3;
            order.lines[0].unit_price_minor = UNIT;
        });
        let order = self.world.place(draft.payment(Where::ID, &id, TOTAL)).await;
        Sale { name: order.name.parse().unwrap(), id, order }
    }
}

async fn in_portal<Where: Till>(stage: &Stage<Where>, id: &str, amount_minor: i64) {
    let (path, body) = Where::portal_capture(id, amount_minor);
    stage.by_hand(&path, body).await;
}

/// Completed, with so much captured of the order and these captures in the provider's book.
async fn is_paid<Where: Till>(
    stage: &Stage<Where>,
    sale: &Sale,
    (captured_minor, booked): (i64, &[i64]),
) {
    let order = stage.world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    let word = Where::word(Deed::Capture).unwrap();
    let captured = order.payments[0].captured_minor;
    assert_eq!((captured, stage.done(word, &sale.id)), (captured_minor, booked.to_vec()));
}
