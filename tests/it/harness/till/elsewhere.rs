//! What is decided or done beside this service, and what waits for that.

use order_sdk::proto::DifferenceKind;
use order_sdk::{OrderName, proto};

use super::{Deed, Sale, Stage, TOTAL, Till};
use crate::harness::{eventually, problems, status_id};
use crate::reconciling::differences;

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
