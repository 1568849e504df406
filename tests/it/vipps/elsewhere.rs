//! What was done at Vipps and not asked for here, found by whoever compares.

use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::proto::DifferenceKind::{
    CancelledElsewhere, CapturedElsewhere, Expired, RefundedElsewhere,
};

use super::Stage;
use crate::harness::till::{self, TOTAL};
use crate::harness::{Backend, problems, refused};
use crate::reconciling::{differences, reconcile};

trials! {
    own: [
        what_was_done_in_vipps_portal_is_adopted,
        what_vipps_gives_back_by_itself_has_expired,
    ];
}

async fn what_was_done_in_vipps_portal_is_adopted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let cases = [
        ("capture", r#"{"value": 900}"#, CapturedElsewhere, "[CAPTURED]"),
        ("capture", r#"{"value": 400}"#, CapturedElsewhere, "[PARTIALLY_CAPTURED]"),
        ("cancel", "{}", CancelledElsewhere, "[VOIDED] RESERVATION_GONE"),
        (
            "refund",
            r#"{"value": 250}"#,
            RefundedElsewhere,
            "[PARTIALLY_REFUNDED] REFUNDED_AT_PROVIDER",
        ),
    ];
    till::adopts_what_is_found(&stage, &cases, ("capture", r#"{"value": 400}"#)).await;
    // Credentials that are refused tell nothing, and change nothing.
    let sale = stage.buy(TOTAL).await;
    stage.set_up(&["vipps.client_secret"], |vipps| vipps.client_secret = "trukket".into()).await;
    let payment = sale.order.payments[0].id;
    let refusal = refused(reconcile(world, &sale.name, payment).await, Code::PaymentNotReadable);
    assert_eq!(refusal.metadata["reason"], "INTEGRATION_UNAUTHORIZED", "{refusal:?}");
    assert_eq!(fake.book().done.iter().filter(|one| one.key != "portal").count(), 2);
    stage.check().await;
}

/// It calls that a cancellation; what was cancelled in the portal before is one.
async fn what_vipps_gives_back_by_itself_has_expired(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let (lapsed, cancelled) = (stage.buy(TOTAL).await, stage.buy(TOTAL).await);
    fake.advance(Duration::from_hours(100 * 24));
    stage.in_portal(&cancelled.id, "cancel", "{}").await;
    fake.advance(Duration::from_hours(81 * 24));
    let cases = [
        (lapsed, Expired, "RESERVATION_EXPIRED"),
        (cancelled, CancelledElsewhere, "RESERVATION_GONE"),
    ];
    for (sale, kind, problem) in cases {
        let found = differences(world, &sale.name).await;
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [kind], "{found:?}");
        assert_eq!(problems(&world.get(&sale.name).await), [problem]);
    }
    stage.check().await;
}
