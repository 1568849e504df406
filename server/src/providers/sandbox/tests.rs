//! Tests of the sandbox: money is kept as a provider keeps it, step by step.

mod behaviours;
mod books;

use std::path::PathBuf;
use std::time::Duration;

use diesel::prelude::*;
use order_rules::money::Currency;
use order_rules::payments::OperationKind::{
    self, Authorize, Capture, Refund, Release, UpdateAmount, Void,
};
use order_rules::refusals::Code;
use uuid::Uuid;

use super::Sandbox;
use crate::providers::{Call, Doubt, PaymentProvider, Report, Sighting};

/// What a step is told, as short as it can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Done(i64),
    Accepted,
    Declined(Code),
    TryLater {
        has_hint: bool,
    },
    Unknown,
    /// No answer within the test's patience.
    Silence,
    Absent,
    InProgress,
    NoAnswer,
}

use Told::{Absent, Accepted, Declined, Done, InProgress, NoAnswer, Silence, TryLater, Unknown};

/// One step against a reservation; keys are small numbers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Perform(OperationKind, i64, u128),
    LookUp(OperationKind, i64, u128),
    Wait(u64),
}

use Step::{LookUp, Perform, Wait};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sandbox-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn book(&self) -> PathBuf {
        self.0.join("book.sqlite")
    }

    /// A reader of its own, as the tests of the whole server have it.
    fn reader(&self) -> SqliteConnection {
        SqliteConnection::establish(self.book().to_str().unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

const PATIENCE: Duration = Duration::from_millis(400);

fn call(reference: &str, kind: OperationKind, amount_minor: i64, key: u128) -> Call {
    Call {
        shop: "demo".to_owned(),
        provider: "vipps".to_owned(),
        reference: reference.to_owned(),
        key: Uuid::from_u128(key),
        kind,
        amount_minor,
        currency: Currency::from_code("NOK").unwrap(),
        order: 1,
        lines: Vec::new(),
        told: Vec::new(),
        doubt: Doubt::Wait,
    }
}

async fn told(sandbox: &Sandbox, reference: &str, step: Step) -> Option<Told> {
    match step {
        Wait(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            None
        }
        Perform(kind, amount, key) => {
            let call = call(reference, kind, amount, key);
            Some(match tokio::time::timeout(PATIENCE, sandbox.perform(&call)).await {
                Err(_) => Silence,
                Ok(Report::Done(confirmation)) => Done(confirmation.amount_minor),
                Ok(Report::Accepted { .. }) => Accepted,
                Ok(Report::Declined(decline)) => Declined(decline.code),
                Ok(Report::TryLater { after }) => TryLater { has_hint: after.is_some() },
                Ok(Report::Held(hold)) => panic!("the sandbox holds nothing: {hold:?}"),
                Ok(Report::Unknown | Report::Doubt) => Unknown,
            })
        }
        LookUp(kind, amount, key) => {
            let call = call(reference, kind, amount, key);
            Some(match tokio::time::timeout(PATIENCE, sandbox.look_up(&call)).await {
                Err(_) => Silence,
                Ok(Sighting::Happened(confirmation)) => Done(confirmation.amount_minor),
                Ok(Sighting::Declined(decline)) => Declined(decline.code),
                Ok(Sighting::Absent) => Absent,
                Ok(Sighting::InProgress) => InProgress,
                Ok(Sighting::NoAnswer | Sighting::Busy | Sighting::Doubt | Sighting::Untold) => {
                    NoAnswer
                }
            })
        }
    }
}

/// Plays the steps with a new handle each, so that nothing is known but what stands in the book.
async fn check(reference: &str, steps: &[(Step, Told)]) {
    let folder = Folder::new();
    for (step, expected) in steps {
        let sandbox = Sandbox::new(folder.book());
        if let Some(told) = told(&sandbox, reference, *step).await {
            assert_eq!(told, *expected, "{reference}: {step:?}");
        }
    }
}

/// A step of the table that only lets time pass.
fn wait(milliseconds: u64) -> (Step, Told) {
    (Wait(milliseconds), Silence)
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_kept_as_a_provider_keeps_it() {
    check(
        "plain",
        &[
            (Perform(Capture, 10, 90), Declined(Code::CaptureDeclined)),
            (Perform(Authorize, 1_000, 1), Done(1_000)),
            (Perform(Authorize, 700, 2), Done(1_000)),
            (Perform(UpdateAmount, 1_100, 3), Declined(Code::AmountUpdateDeclined)),
            (Perform(UpdateAmount, 900, 4), Done(900)),
            (Perform(Capture, 0, 5), Declined(Code::CaptureDeclined)),
            (Perform(Capture, -1, 6), Declined(Code::CaptureDeclined)),
            (Perform(Capture, 901, 7), Declined(Code::CaptureDeclined)),
            (Perform(Capture, 600, 8), Done(600)),
            (Perform(UpdateAmount, 599, 9), Declined(Code::AmountUpdateDeclined)),
            (Perform(Void, 300, 10), Declined(Code::VoidDeclined)),
            (Perform(Capture, 301, 11), Declined(Code::CaptureDeclined)),
            (Perform(Release, 300, 12), Done(300)),
            (Perform(Capture, 1, 13), Declined(Code::CaptureDeclined)),
            (Perform(Release, 300, 14), Done(0)),
            (Perform(Refund, 601, 15), Declined(Code::RefundDeclined)),
            (Perform(Refund, 400, 16), Done(400)),
            (Perform(Refund, 201, 17), Declined(Code::RefundDeclined)),
            (Perform(Refund, 200, 18), Done(200)),
            (LookUp(Refund, 200, 18), Done(200)),
            (LookUp(Refund, 200, 19), Absent),
        ],
    )
    .await;
    check(
        "voided",
        &[
            (Perform(Void, 500, 1), Declined(Code::VoidDeclined)),
            (Perform(Authorize, 500, 2), Done(500)),
            (Perform(Void, 500, 3), Done(500)),
            (Perform(Void, 500, 4), Done(0)),
            (Perform(Capture, 500, 5), Declined(Code::ReservationGone)),
            (Perform(Authorize, 500, 6), Declined(Code::ReservationGone)),
        ],
    )
    .await;
}
