//! Payments beside their provider's account: what was done elsewhere is adopted or listed.

pub(crate) mod rounds;

use std::time::Duration;

use diesel::prelude::*;
use order_rules::refusals::Code;
use order_sdk::proto::{
    self, ConfirmSource, DifferenceKind as Kind, EventKind, PaymentState, ReconciliationState,
};
use order_sdk::{Error, OrderName, RetryPolicy};
use order_tests::fakes::klarna::NewOrder;

use crate::harness::till::{self, TOTAL};
use crate::harness::{Backend, Bought, World, problems, refused, request_id, status_id};
use crate::integrations::klarna;
use crate::klarna::Stage;

trials! {
    shared: [
        every_difference_is_told_and_adopted_or_listed,
        what_was_given_back_or_was_a_mistake_is_told_too,
        on_a_shared_payment_nobody_is_charged_by_guess,
        what_cannot_be_read_says_why,
        a_comparison_is_repeated_rehearsed_and_waited_for,
    ];
    own: [what_was_done_in_klarnas_portal_is_adopted];
}

/// How long a comparison may wait for what has just ended.
const CALM: Duration = Duration::from_secs(30);

pub(crate) async fn reconcile(
    world: &World,
    order: &OrderName,
    payment: i64,
) -> Result<proto::ReconcilePaymentResponse, Error> {
    let request = proto::ReconcilePaymentRequest {
        name: order.into(),
        payment_id: payment,
        wait: prost_types::Duration::try_from(CALM).ok(),
        ..proto::ReconcilePaymentRequest::default()
    };
    world.client.reconcile_payment(request).await
}

pub(crate) async fn extend(
    world: &World,
    order: &OrderName,
    payment: i64,
) -> Result<proto::ExtendReservationResponse, Error> {
    let request = proto::ExtendReservationRequest {
        name: order.into(),
        payment_id: payment,
        ..proto::ExtendReservationRequest::default()
    };
    world.client.extend_reservation(request).await
}

/// What a comparison found: kind, ours, the provider's, adopted.
pub(crate) async fn differences(world: &World, order: &OrderName) -> Vec<(Kind, i64, i64, bool)> {
    let payment = world.get(order).await.payments[0].id;
    let answer = reconcile(world, order, payment).await.unwrap();
    let told = answer.reconciliation.unwrap();
    let found = told.differences.iter();
    let found = found.map(|one| (one.kind(), one.our_minor, one.provider_minor, one.adopted));
    let found: Vec<_> = found.collect();
    let wanted = match found.as_slice() {
        [] => ReconciliationState::Agrees,
        some if some.iter().all(|one| one.3) => ReconciliationState::Adopted,
        _ => ReconciliationState::Differs,
    };
    assert_eq!(told.state(), wanted, "{told:?}");
    found
}

/// Something is done to a reservation at the sandbox behind everybody's back.
fn behind(world: &World, reference: &str, change: &str) {
    let path = world.server.store.book().display().to_string();
    let mut connection = SqliteConnection::establish(&path).unwrap();
    diesel::connection::SimpleConnection::batch_execute(
        &mut connection,
        &format!(
            "PRAGMA busy_timeout = 20000;
             UPDATE reservations SET {change} WHERE reference = '{reference}'"
        ),
    )
    .unwrap();
}

/// What came before here, what was done there, what is found, ours and theirs, whether it is adopted,
/// and state and problems then.
type Row =
    (&'static str, &'static str, Kind, (i64, i64), bool, PaymentState, &'static [&'static str]);

const OVER: &str = "expires_at = 1000";

const DIFFERENCES: [Row; 12] = [
    (
        "",
        "captured_minor = 900",
        Kind::CapturedElsewhere,
        (0, 900),
        true,
        PaymentState::Captured,
        &[],
    ),
    (
        "",
        "captured_minor = 300",
        Kind::CapturedElsewhere,
        (0, 300),
        true,
        PaymentState::PartiallyCaptured,
        &[],
    ),
    ("", OVER, Kind::Expired, (900, 0), true, PaymentState::Expired, &["RESERVATION_EXPIRED"]),
    (
        "",
        "is_voided = 1, released_minor = 900",
        Kind::CancelledElsewhere,
        (900, 0),
        true,
        PaymentState::Voided,
        &["RESERVATION_GONE"],
    ),
    (
        "",
        "authorized_minor = 700",
        Kind::AmountChanged,
        (900, 700),
        true,
        PaymentState::Authorized,
        &["PAYMENT_INSUFFICIENT"],
    ),
    (
        "",
        "authorized_minor = 1000",
        Kind::AmountChanged,
        (900, 1000),
        true,
        PaymentState::Authorized,
        &[],
    ),
    (
        "",
        "currency = 'EUR'",
        Kind::OtherCurrency,
        (0, 0),
        false,
        PaymentState::Authorized,
        &["LEDGER_DIFFERS"],
    ),
    (
        "",
        "reference = reference || '-gone'",
        Kind::NotFound,
        (900, 0),
        false,
        PaymentState::Authorized,
        &["LEDGER_DIFFERS"],
    ),
    (
        "sent",
        "refunded_minor = 200",
        Kind::RefundedElsewhere,
        (0, 200),
        true,
        PaymentState::PartiallyRefunded,
        &["REFUNDED_AT_PROVIDER"],
    ),
    (
        "sent",
        "captured_minor = 0",
        Kind::CaptureMissing,
        (900, 0),
        false,
        PaymentState::Captured,
        &["LEDGER_DIFFERS"],
    ),
    (
        "refunded",
        "refunded_minor = 0",
        Kind::RefundMissing,
        (900, 0),
        false,
        PaymentState::Refunded,
        &["LEDGER_DIFFERS"],
    ),
    (
        "cancelled",
        "is_voided = 0, released_minor = 0",
        Kind::StillHeld,
        (0, 900),
        false,
        PaymentState::Voided,
        &["LEDGER_DIFFERS"],
    ),
];

async fn every_difference_is_told_and_adopted_or_listed(world: World) {
    use Kind::{AmountChanged, CapturedElsewhere, RefundedElsewhere};
    for (before, change, kind, (ours, theirs), is_adopted, state, wanted) in DIFFERENCES {
        let Bought { name, reference, .. } = world.buy(TOTAL, "").await;
        match before {
            "cancelled" => drop(world.cancel(&name, false).await.unwrap()),
            "" => {}
            _ => drop(world.complete(&name).await.unwrap()),
        }
        if before == "refunded" {
            let credit = world.client.credit(&name).units(1, 1).refund(true);
            credit.wait(crate::harness::WAIT).send().await.unwrap();
        }
        assert_eq!(differences(&world, &name).await, [], "{change}: nothing happened yet");
        behind(&world, &reference, change);
        let found = differences(&world, &name).await;
        assert_eq!(found[0], (kind, ours, theirs, is_adopted), "{change}");
        let order = world.get(&name).await;
        assert_eq!((order.payment_state(), problems(&order)), (state, wanted.to_vec()), "{change}");
        assert_eq!(order.payment_needs_attention, !is_adopted, "{change}");
        assert_eq!(order.payments[0].confirm_source(), ConfirmSource::Reading);
        let last = order.payments[0].operations.last().unwrap();
        if matches!(kind, CapturedElsewhere | RefundedElsewhere | AmountChanged) {
            assert_eq!(last.provider_reference, "at the provider", "{last:?}");
        }
        // The same again has nothing to add.
        let again = differences(&world, &name).await;
        assert_eq!(again.iter().filter(|one| one.3).count(), 0, "{change}: {again:?}");
    }
}

async fn what_was_given_back_or_was_a_mistake_is_told_too(world: World) {
    // The rest of a reservation, given back there; and the loss closes when it was a mistake.
    let Bought { name, reference, .. } = world.buy(TOTAL, "").await;
    behind(&world, &reference, "captured_minor = 300, released_minor = 600");
    let found = differences(&world, &name).await;
    assert_eq!(found[1].0, Kind::ReleasedElsewhere, "{found:?}");
    let Bought { name, reference, .. } = world.buy(TOTAL, "").await;
    behind(&world, &reference, "expires_at = 1000");
    differences(&world, &name).await;
    behind(&world, &reference, "expires_at = 32503680000000000");
    let found = differences(&world, &name).await;
    assert_eq!(found[0].0, Kind::HeldAgain, "{found:?}");
    assert_eq!(problems(&world.get(&name).await), [""; 0]);
    // What was captured there needs no capture here.
    let Bought { name, reference, .. } = world.buy(TOTAL, "").await;
    behind(&world, &reference, "captured_minor = 900");
    differences(&world, &name).await;
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), world.book().calls(&reference, "capture")), ("sent", 0));
}

async fn on_a_shared_payment_nobody_is_charged_by_guess(world: World) {
    let Bought { name, reference, .. } = world.buy(TOTAL, "").await;
    let twin = world.place(world.draft(TOTAL).payment("klarna", &reference, TOTAL)).await;
    let twin: OrderName = twin.name.parse().unwrap();
    behind(&world, &reference, "captured_minor = 900");
    let listed = [(Kind::CapturedElsewhere, 0, TOTAL, false)];
    assert_eq!(differences(&world, &twin).await, listed);
    assert_eq!(problems(&world.get(&name).await), ["LEDGER_DIFFERS"], "it stands on the first");
    let order = world.get(&twin).await;
    assert!(order.payment_needs_attention && problems(&order).is_empty(), "{order:?}");
    // One lets go: now it is certain.
    world.cancel(&name, false).await.unwrap();
    assert_eq!(differences(&world, &name).await, [(Kind::CapturedElsewhere, 0, TOTAL, true)]);
    let order = world.get(&twin).await;
    assert_eq!(order.payment_state(), PaymentState::Captured, "{order:?}");
    for name in [&name, &twin] {
        let order = world.get(name).await;
        assert!(problems(&order).is_empty() && !order.payment_needs_attention, "{order:?}");
    }
    let order = world.complete(&twin).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), world.book().calls(&reference, "capture")), ("sent", 0));
}

async fn what_cannot_be_read_says_why(world: World) {
    let manual = world.place(world.draft(TOTAL).payment("manual", "", TOTAL)).await;
    let name: OrderName = manual.name.parse().unwrap();
    let payment = manual.payments[0].id;
    refused(reconcile(&world, &name, payment).await, Code::PaymentNotReadable);
    refused(extend(&world, &name, payment).await, Code::PaymentNotReadable);
    refused(reconcile(&world, &name, payment + 999).await, Code::PaymentNotFound);
    refused(reconcile(&world, &name, 0).await, Code::InvalidRequest);

    let Bought { name, order, .. } = world.buy(TOTAL, "read=none").await;
    let payment = order.payments[0].id;
    refused(reconcile(&world, &name, payment).await, Code::PaymentNotReadable);
    refused(extend(&world, &name, payment).await, Code::ExtensionDeclined);

    let Bought { name, order, .. } = world.buy(TOTAL, "read=unavailable").await;
    let payment = order.payments[0].id;
    let request = proto::ReconcilePaymentRequest {
        name: (&name).into(),
        payment_id: payment,
        ..proto::ReconcilePaymentRequest::default()
    };
    // The SDK would ask again and again.
    let silent = world.client.with_retry(RetryPolicy::off()).reconcile_payment(request).await;
    refused(silent, Code::ProviderUnavailable);
    assert_eq!(world.get(&name).await, order, "nothing changed");

    let Bought { name, reference, .. } = world.buy(TOTAL, "").await;
    let payment = world.get(&name).await.payments[0].id;
    behind(&world, &reference, "expires_at = 1000");
    refused(extend(&world, &name, payment).await, Code::ExtensionDeclined);
    reconcile(&world, &name, payment).await.unwrap();
    refused(extend(&world, &name, payment).await, Code::ReservationExpired);
}

async fn a_comparison_is_repeated_rehearsed_and_waited_for(world: World) {
    let Bought { name, reference, order } = world.buy(TOTAL, "capture=later:3s").await;
    let payment = order.payments[0].id;
    let request = proto::ReconcilePaymentRequest {
        name: (&name).into(),
        payment_id: payment,
        request_id: request_id(),
        etag: order.etag.clone(),
        ..proto::ReconcilePaymentRequest::default()
    };
    behind(&world, &reference, "authorized_minor = 1000");
    // Rehearsed, it changes nothing.
    let rehearsed = proto::ReconcilePaymentRequest { validate_only: true, ..request.clone() };
    let answer = world.client.reconcile_payment(rehearsed).await.unwrap();
    assert_eq!(answer.reconciliation.unwrap().state(), ReconciliationState::Adopted);
    assert_eq!(answer.order.unwrap().payments[0].authorized_minor, 1_000);
    assert_eq!(world.get(&name).await, order);
    // Repeated, it says what it did.
    let first = world.client.reconcile_payment(request.clone()).await.unwrap();
    behind(&world, &reference, "authorized_minor = 1100");
    let again = world.client.reconcile_payment(request.clone()).await.unwrap();
    assert!(again.receipt.unwrap().replayed);
    assert_eq!(again.reconciliation, first.reconciliation);
    assert_eq!(again.order, first.order);
    let stale = proto::ReconcilePaymentRequest { request_id: request_id(), ..request.clone() };
    refused(world.client.reconcile_payment(stale).await, Code::EtagMismatch);
    // While something is under way nothing can be said; whoever waits hears of it.
    world.change(&name, "sent").send().await.unwrap();
    let at_once =
        proto::ReconcilePaymentRequest { request_id: request_id(), etag: String::new(), ..request };
    let answer = world.client.reconcile_payment(at_once).await.unwrap();
    assert_eq!(answer.reconciliation.unwrap().state(), ReconciliationState::Open);
    assert_eq!(answer.receipt.unwrap().revision, 0, "nothing is stored");
    let answer = reconcile(&world, &name, payment).await.unwrap();
    let order = answer.order.unwrap();
    assert_eq!(status_id(&order), "sent", "it has waited for the capture: {order:?}");
    assert_eq!(answer.reconciliation.unwrap().state(), ReconciliationState::Agrees);
    let kinds: Vec<EventKind> = world.history(&name).await.iter().map(|one| one.kind()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::PaymentReconciled).count(), 2);
}

async fn what_was_done_in_klarnas_portal_is_adopted(backend: Backend) {
    use Kind::{CancelledElsewhere, CapturedElsewhere, Expired, RefundedElsewhere};
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let cases = [
        ("captures", r#"{"captured_amount": 900}"#, CapturedElsewhere, "[CAPTURED]"),
        ("captures", r#"{"captured_amount": 400}"#, CapturedElsewhere, "[PARTIALLY_CAPTURED]"),
        ("cancel", "{}", CancelledElsewhere, "[VOIDED] RESERVATION_GONE"),
        ("expire", "{}", Expired, "[EXPIRED] RESERVATION_EXPIRED"),
        (
            "refunds",
            r#"{"refunded_amount": 250}"#,
            RefundedElsewhere,
            "[PARTIALLY_REFUNDED] REFUNDED_AT_PROVIDER",
        ),
    ];
    let part = ("captures", r#"{"captured_amount": 400}"#);
    till::adopts_what_is_found(&stage, &cases, part).await;
    // A payment that was used up before it was named turns out to be this order's.
    let used = stage.checkout(NewOrder::of(TOTAL));
    stage.in_portal(&used, "captures", r#"{"captured_amount": 900}"#).await;
    let order = stage.place(&used, TOTAL).await;
    let name: OrderName = order.name.parse().unwrap();
    assert_eq!(problems(&order), ["RESERVATION_GONE"]);
    let found = differences(world, &name).await;
    assert_eq!(found[1], (CapturedElsewhere, 0, TOTAL, true), "{found:?}");
    // Credentials that are refused tell nothing, and change nothing.
    let wrong = klarna(|klarna| "trukket-tilbake".clone_into(&mut klarna.password));
    world.reintegrate("kco", &["klarna.password"], wrong).await.unwrap();
    let payment = order.payments[0].id;
    let refusal = refused(reconcile(world, &name, payment).await, Code::PaymentNotReadable);
    assert_eq!(refusal.metadata["reason"], "INTEGRATION_UNAUTHORIZED", "{refusal:?}");
    assert_eq!(fake.book().done.iter().filter(|one| one.key != "portal").count(), 2);
    stage.check().await;
}
