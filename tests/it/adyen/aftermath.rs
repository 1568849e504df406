//! What Adyen tells of a payment when nothing is under way: schemes, issuers, and people in its portal.

use std::time::Duration;

use order_sdk::proto::{self, OperationKind, OperationState, Order, PaymentState};

use super::stage::{Sale, Stage, TOTAL};
use crate::harness::{Backend, WAIT, eventually, problems, status_id};

trials! {
    own: [
        money_that_is_taken_back_is_a_reversal,
        a_refund_that_came_back_can_be_made_again,
        what_came_back_to_a_deleted_order_is_settled,
        a_reservation_that_ended_elsewhere_is_lost,
        what_was_refunded_in_the_portal_is_told,
    ];
}

impl Stage {
    async fn captured(&self) -> Sale {
        let sale = self.buy(TOTAL).await;
        self.world.complete(&sale.name).await.unwrap();
        sale
    }

    /// The order once it has as many problems.
    pub(super) async fn with_problems(&self, sale: &Sale, count: usize) -> Order {
        eventually(&format!("{count} problems"), async || {
            let order = self.world.get(&sale.name).await;
            (order.problems.len() == count).then_some(order)
        })
        .await
    }

    async fn dismiss(&self, order: &Order, place: usize) -> Order {
        let request = proto::DismissProblemRequest {
            name: order.name.clone(),
            problem_id: order.problems[place].id,
            reason: "Ordnet i portalen".to_owned(),
            ..proto::DismissProblemRequest::default()
        };
        self.world.client.dismiss_problem(request).await.unwrap().order.unwrap()
    }

    /// What was done at Adyen last: `{"psp_reference": "…"}`.
    pub(super) fn last(&self, operation: &str, psp: &str) -> String {
        let id = self.fake.book().done_to(operation, psp).last().unwrap().id.clone();
        format!(r#"{{"psp_reference": "{id}"}}"#)
    }
}

async fn money_that_is_taken_back_is_a_reversal(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (deed, event) in [("capture-failed", "CAPTURE_FAILED"), ("chargeback", "CHARGEBACK")] {
        let sale = stage.captured().await;
        let body = match deed {
            "chargeback" => "{}".to_owned(),
            _ => stage.last("capture", &sale.psp),
        };
        stage.by_hand(&sale.psp, deed, body).await;
        let order = stage.with_problems(&sale, 1).await;
        assert_eq!((status_id(&order), problems(&order)), ("sent", vec!["CAPTURE_REVERSED"]));
        assert_eq!(order.problems[0].details["amount_minor"], "900", "{event}");
        let last = order.payments[0].operations.last().unwrap();
        assert_eq!((last.kind(), last.amount_minor), (OperationKind::CaptureReversal, TOTAL));
        assert_eq!(order.payment_state(), PaymentState::None);
    }
    stage.check().await;
}

async fn a_refund_that_came_back_can_be_made_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    for deed in ["refund-failed", "refund-reversed"] {
        let sale = stage.captured().await;
        let credit = world.client.credit(&sale.name).units(1, 1).refund(true).wait(WAIT);
        credit.send().await.unwrap();
        stage.by_hand(&sale.psp, deed, stage.last("refund", &sale.psp)).await;
        let order = stage.with_problems(&sale, 1).await;
        assert_eq!(problems(&order), ["REFUND_REVERSED"], "{deed}");
        assert_eq!(order.problems[0].details["amount_minor"], "900");
        assert!(order.problems[0].details.contains_key("credit_order"), "{order:?}");
        let refund = order.payments[0].operations.last().unwrap();
        assert_eq!(refund.state(), OperationState::Declined, "{order:?}");
        assert_eq!(order.payment_state(), PaymentState::Captured);
        match deed {
            "refund-failed" => {
                let retry = proto::RetryEffectRequest {
                    name: order.name.clone(),
                    operation_id: refund.id,
                    ..proto::RetryEffectRequest::default()
                };
                world.client.retry_effect(retry).await.unwrap();
                assert_eq!(problems(&world.settled(&sale.name).await), [""; 0]);
                assert_eq!(stage.done("refund", &sale.psp), [TOTAL, TOTAL]);
                let order = world.get(&sale.name).await;
                assert_eq!(order.payment_state(), PaymentState::Refunded, "{order:?}");
            }
            _ => {
                let order = stage.dismiss(&order, 0).await;
                assert!(!order.payment_needs_attention && order.problems.is_empty(), "{order:?}");
            }
        }
    }
    stage.check().await;
}

/// Nobody else could: its money would be owed for ever.
async fn what_came_back_to_a_deleted_order_is_settled(backend: Backend) {
    let stage = Stage::set(backend).await;
    let client = &stage.world.client;
    for remedy in ["retry", "settle", "dismiss"] {
        let sale = stage.captured().await;
        let credit = client.credit(&sale.name).units(1, 1).refund(true).wait(WAIT);
        credit.send().await.unwrap();
        let name = String::from(&sale.name);
        let delete = proto::DeleteOrderRequest {
            name: name.clone(),
            restock: proto::Restock::No.into(),
            ..proto::DeleteOrderRequest::default()
        };
        client.delete_order(delete).await.unwrap();
        let deleted = async || {
            let name = name.clone();
            let get = proto::GetOrderRequest { name, as_of_revision: 0, show_deleted: true };
            client.get_order(get).await.unwrap().order.unwrap()
        };
        stage.by_hand(&sale.psp, "refund-failed", stage.last("refund", &sale.psp)).await;
        let order = eventually("it is told", async || {
            Some(deleted().await).filter(|order| !order.problems.is_empty())
        })
        .await;
        assert_eq!(problems(&order), ["REFUND_REVERSED"], "{order:?}");
        let operation_id = order.payments[0].operations.last().unwrap().id;
        match remedy {
            "retry" => {
                let retry = proto::RetryEffectRequest {
                    name: name.clone(),
                    operation_id,
                    ..proto::RetryEffectRequest::default()
                };
                client.retry_effect(retry).await.unwrap();
            }
            "settle" => {
                let settle = proto::SettlePaymentOperationRequest {
                    name: name.clone(),
                    operation_id,
                    verdict: proto::Verdict::Happened.into(),
                    reason: "Betalt fra banken".to_owned(),
                    ..proto::SettlePaymentOperationRequest::default()
                };
                client.settle_payment_operation(settle).await.unwrap();
            }
            _ => drop(stage.dismiss(&order, 0).await),
        }
        eventually(remedy, async || deleted().await.problems.is_empty().then_some(())).await;
        let refunds = if remedy == "retry" { vec![TOTAL, TOTAL] } else { vec![TOTAL] };
        assert_eq!(stage.done("refund", &sale.psp), refunds, "{remedy}");
        assert!(deleted().await.delete_time.is_some());
    }
    stage.check().await;
}

async fn a_reservation_that_ended_elsewhere_is_lost(backend: Backend) {
    let stage = Stage::set(backend).await;
    let cancelled = stage.buy(TOTAL).await;
    stage.by_hand(&cancelled.psp, "cancel", "{}").await;
    let order = stage.with_problems(&cancelled, 1).await;
    assert_eq!(problems(&order), ["RESERVATION_GONE"]);
    assert_eq!(order.payment_state(), PaymentState::Voided);
    // Nothing is asked for any more.
    stage.world.cancel(&cancelled.name, false).await.unwrap();
    assert_eq!(stage.fake.book().calls("cancel", &cancelled.psp), 0);

    let lapsed = stage.buy(TOTAL).await;
    stage.fake.advance(Duration::from_hours(8 * 24));
    let order = stage.with_problems(&lapsed, 1).await;
    assert_eq!(problems(&order), ["RESERVATION_EXPIRED"]);
    assert_eq!(order.payment_state(), PaymentState::Expired);
    stage.check().await;
}

async fn what_was_refunded_in_the_portal_is_told(backend: Backend) {
    let stage = Stage::set(backend).await;
    let sale = stage.captured().await;
    stage.by_hand(&sale.psp, "refund", r#"{"value": 100}"#).await;
    let order = stage.with_problems(&sale, 1).await;
    assert_eq!(problems(&order), ["CHANGED_AT_PROVIDER"]);
    let details = &order.problems[0].details;
    assert_eq!((&*details["event"], &*details["amount_minor"]), ("REFUND", "100"));
    let refund = stage.fake.book().done_to("refund", &sale.psp).next().unwrap().id.clone();
    assert_eq!(details["provider_reference"], refund, "as the portal lists it");
    assert!(order.payment_needs_attention);
    let order = stage.dismiss(&order, 0).await;
    assert!(!order.payment_needs_attention && order.problems.is_empty(), "{order:?}");
    stage.check().await;
}
