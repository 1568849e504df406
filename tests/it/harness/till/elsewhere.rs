//! What is decided or done beside this service, and what waits for that.

use order_sdk::{OrderName, proto};

use super::{Deed, Sale, Stage, TOTAL, Till};
use crate::harness::{eventually, problems, status_id};

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
