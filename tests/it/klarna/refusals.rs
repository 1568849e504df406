//! Klarna says no, or nothing: each documented error at each operation, with its page and Klarna's own
//! words, in the form of both its platforms; and Kustom, which says the same.

use std::sync::Arc;
use std::time::Duration;

use order_tests::fakes::Klarna;

use super::Stage;
use super::kustom::Kustom;
use crate::harness::Backend;
use crate::harness::till::{
    Deed, No, Passing, Refuses, a_payment_is_read_in_the_end,
    every_documented_error_is_told_with_its_page, every_no_is_told,
    every_operation_waits_for_credentials, what_has_run_out_is_told_as_that,
    what_passes_is_tried_again,
};

trials! {
    own: [
        every_documented_error_is_told_with_its_page::<Klarna>,
        every_documented_error_is_told_with_its_page::<Kustom>,
        the_newer_platform_is_understood,
        what_has_run_out_is_told_as_that::<Klarna>,
        what_has_run_out_is_told_as_that::<Kustom>,
        what_passes_is_tried_again::<Klarna>,
        what_passes_is_tried_again::<Kustom>,
        a_payment_is_read_in_the_end::<Klarna>,
        a_payment_is_read_in_the_end::<Kustom>,
        every_operation_waits_for_credentials::<Klarna>,
        every_operation_waits_for_credentials::<Kustom>,
    ];
}

/// At every operation.
pub(crate) const ANYWHERE: [No; 6] = [
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

pub(crate) const PASSING: [Passing; 7] = [
    (408, "", 1),
    (409, "CONFLICT", 2),
    (429, "TOO_MANY_REQUESTS", 2),
    (500, "INTERNAL_SERVER_ERROR", 1),
    (502, "TEMPORARILY_UNAVAILABLE", 1),
    (503, "TEMPORARILY_UNAVAILABLE", 1),
    (504, "TEMPORARILY_UNAVAILABLE", 1),
];

impl Refuses for Klarna {
    const MARK: &'static str = "correlation id";
    const UNAUTHORIZED: &'static [(u16, u32)] = &[(401, 1)];
    const RESERVED: Duration = Duration::from_hours(29 * 24);

    fn nos() -> Vec<(Deed, No)> {
        let anywhere = Deed::ALL.into_iter().flat_map(|deed| ANYWHERE.map(|no| (deed, no)));
        anywhere.chain(OF_ONE).collect()
    }

    fn passing() -> Vec<(Deed, Passing)> {
        let rows = Deed::ALL.into_iter().flat_map(|deed| PASSING.map(|passing| (deed, passing)));
        rows.collect()
    }
}

impl Refuses for Kustom {
    const MARK: &'static str = Klarna::MARK;
    const UNAUTHORIZED: &'static [(u16, u32)] = Klarna::UNAUTHORIZED;
    const RESERVED: Duration = Klarna::RESERVED;

    fn nos() -> Vec<(Deed, No)> {
        // This one it words in its own way, whatever it is about.
        let is_reworded = |no: &No| no.1 == "NOT_ALLOWED";
        Klarna::nos().into_iter().filter(|(_, no)| !is_reworded(no)).collect()
    }

    fn passing() -> Vec<(Deed, Passing)> {
        Klarna::passing()
    }
}

async fn the_newer_platform_is_understood(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    stage.fake.with(|klarna, _| klarna.renew());
    let anywhere = ANYWHERE.map(|no| (Deed::Capture, no));
    every_no_is_told(&stage, anywhere.into_iter().chain(OF_ONE), "error id").await;
    stage.check().await;
}
