//! Klarna says no, or nothing: each documented error at each operation, with its page and Klarna's own
//! words, in the form of both its platforms.

use std::sync::Arc;
use std::time::Duration;

use crate::harness::till::{self, Deed, No, Passing, TOTAL, absences};
use crate::harness::{Backend, problems};
use crate::klarna::Stage;

trials! {
    own: [
        every_documented_error_is_told_with_its_page,
        the_newer_platform_is_understood,
        what_passes_is_tried_again,
        a_payment_is_read_in_the_end,
        every_operation_waits_for_credentials,
    ];
}

/// At every operation.
const ANYWHERE: [No; 6] = [
    (400, "BAD_VALUE", "REJECTED_BY_PROVIDER"),
    (403, "NOT_ALLOWED", "NOT_ALLOWED_AT_PROVIDER"),
    (404, "NO_SUCH_ORDER", "NOT_FOUND_AT_PROVIDER"),
    (413, "REQUEST_TOO_LARGE", "REJECTED_BY_PROVIDER"),
    (422, "UNPROCESSABLE_ENTITY", "REJECTED_BY_PROVIDER"),
    (418, "TEAPOT", "UNKNOWN_PROVIDER_ERROR"),
];

const OF_ONE: [(Deed, No); 12] = [
    (Deed::Capture, (400, "INVALID_ORDER_ID", "NOT_FOUND_AT_PROVIDER")),
    (Deed::Capture, (403, "CAPTURE_NOT_ALLOWED", "NOT_ALLOWED_AT_PROVIDER")),
    (Deed::Capture, (404, "NOT_FOUND", "NOT_FOUND_AT_PROVIDER")),
    (Deed::Capture, (422, "INVALID_ADDRESS", "REJECTED_BY_PROVIDER")),
    (Deed::Refund, (403, "REFUND_NOT_ALLOWED", "NOT_ALLOWED_AT_PROVIDER")),
    (Deed::Refund, (404, "NO_SUCH_CAPTURE", "NOT_FOUND_AT_PROVIDER")),
    (Deed::Refund, (404, "NOT_FOUND", "NOT_FOUND_AT_PROVIDER")),
    (Deed::RefundLess, (403, "REFUND_NOT_ALLOWED", "NOT_ALLOWED_AT_PROVIDER")),
    (Deed::RefundLess, (404, "NO_SUCH_CAPTURE", "NOT_FOUND_AT_PROVIDER")),
    (Deed::Cancel, (403, "CANCEL_NOT_ALLOWED", "NOT_ALLOWED_AT_PROVIDER")),
    (Deed::Release, (404, "NOT_FOUND", "NOT_FOUND_AT_PROVIDER")),
    (Deed::Lower, (422, "INVALID_ADDRESS", "REJECTED_BY_PROVIDER")),
];

const PASSING: [Passing; 7] = [
    (408, "", 1),
    (409, "CONFLICT", 2),
    (429, "TOO_MANY_REQUESTS", 2),
    (500, "INTERNAL_SERVER_ERROR", 1),
    (502, "TEMPORARILY_UNAVAILABLE", 1),
    (503, "TEMPORARILY_UNAVAILABLE", 1),
    (504, "TEMPORARILY_UNAVAILABLE", 1),
];

async fn every_documented_error_is_told_with_its_page(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    let Stage { world, fake } = &*stage;
    let anywhere = Deed::ALL.into_iter().flat_map(|deed| ANYWHERE.map(|no| (deed, no)));
    till::every_no_is_told(&stage, anywhere.chain(OF_ONE), "correlation id").await;
    // An expiry is told as what it is.
    let sale = stage.buy(TOTAL).await;
    fake.advance(Duration::from_hours(29 * 24));
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!(problems(&order), ["RESERVATION_EXPIRED"], "{order:?}");
    world.cancel(&sale.name, false).await.unwrap();
    stage.check().await;
}

async fn the_newer_platform_is_understood(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    stage.fake.with(|klarna, _| klarna.renew());
    let anywhere = ANYWHERE.map(|no| (Deed::Capture, no));
    till::every_no_is_told(&stage, anywhere.into_iter().chain(OF_ONE), "error id").await;
    stage.check().await;
}

async fn what_passes_is_tried_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let rows = Deed::ALL.into_iter().flat_map(|deed| PASSING.map(|passing| (deed, passing)));
    till::what_passes_is_tried_again(&stage, rows).await;
    stage.check().await;
}

async fn a_payment_is_read_in_the_end(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    till::a_payment_is_read_in_the_end(&stage, absences()).await;
    stage.check().await;
}

async fn every_operation_waits_for_credentials(backend: Backend) {
    let stage = Stage::set(backend).await;
    till::every_operation_waits_for_credentials(&stage, (401, "", 1)).await;
    stage.check().await;
}
