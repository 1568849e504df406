//! Commands that ask a provider first: checked, asked, and only then carried out.

use std::time::Duration;

use order_proto::v1::ReconciliationState;
use tokio::time::{Instant, sleep_until};

use super::caller::Caller;
use super::fields::envelope::Asking;
use super::{Done, Edge};
use crate::commands::{Assignment, Command, Failure, ReconcilePayment};
use crate::reconciling::PaymentOf;

/// How often the ledger is looked at while something of ours is under way.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a provider is left alone that had nothing final to say.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How long an extension waits for the ledger to come to rest, so that it can tell until when.
const EXTENSION_WAIT: Duration = Duration::from_secs(5);

impl Edge {
    /// Reads a payment and has its account taken in. While nothing can be said it is read again, as
    /// long as the caller waits.
    pub(super) async fn reconcile(&self, asking: Asking, caller: &Caller) -> Result<Done, Failure> {
        if self.turns.preview(asking.assignment.clone()).await?.replayed {
            return self.carry_out(at_once(asking), caller).await;
        }
        let wait = caller.patience(asking.wait);
        self.take_account(asking, wait, caller).await
    }

    /// Asks for more time, and reads until when.
    pub(super) async fn extend(&self, asking: Asking, caller: &Caller) -> Result<Done, Failure> {
        let replayed = self.turns.preview(asking.assignment.clone()).await?.replayed;
        if replayed || asking.validate_only {
            return self.carry_out(at_once(asking), caller).await;
        }
        let (of, request_id) = (subject(&asking.assignment), asking.assignment.caller.request_id);
        self.reconciling.extend(&of, request_id).await?;
        self.take_account(asking, caller.patience(EXTENSION_WAIT), caller).await
    }

    async fn take_account(
        &self,
        asking: Asking,
        wait: Duration,
        caller: &Caller,
    ) -> Result<Done, Failure> {
        let (of, until) = (subject(&asking.assignment), Instant::now() + wait);
        loop {
            let reading = self.reconciling.read(&of).await?;
            let mut asking = at_once(asking.clone());
            if let Command::ReconcilePayment(command) = &mut asking.assignment.command {
                command.reading = Some(reading);
            }
            let preview = self.turns.preview(asking.assignment.clone()).await?;
            let state = preview.reconciliation.unwrap_or_default().state();
            if state != ReconciliationState::Open {
                return self.carry_out(asking, caller).await;
            }
            if Instant::now() >= until {
                // Nothing is known, so nothing is stored: the same again may know more.
                return self.carry_out(Asking { validate_only: true, ..asking }, caller).await;
            }
            self.rest(&of, until).await?;
        }
    }

    /// Waits until another read of the payment may say more, or there is no more time.
    async fn rest(&self, of: &PaymentOf, until: Instant) -> Result<(), Failure> {
        sleep_until(until.min(Instant::now() + READ_EVERY)).await;
        while Instant::now() < until && !self.reconciling.is_at_rest(of).await? {
            sleep_until(until.min(Instant::now() + LOOK_EVERY)).await;
        }
        Ok(())
    }
}

/// It has waited already.
fn at_once(asking: Asking) -> Asking {
    Asking { wait: Duration::ZERO, ..asking }
}

/// The payment that a command is about.
fn subject(assignment: &Assignment) -> PaymentOf {
    let (order, payment) = match &assignment.command {
        Command::ReconcilePayment(ReconcilePayment { number, payment, .. }) => (*number, *payment),
        _ => (0, 0),
    };
    PaymentOf { shop: assignment.shop.clone(), order, payment }
}
