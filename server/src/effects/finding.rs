//! What somebody else has captured or paid back at a provider, found before the same is asked for here
//! (2.8).

use std::time::Duration;

use order_rules::payments::{OperationKind, OperationState};
use order_rules::reconciling::{
    AT_PROVIDER, Counted, Statement, captured_elsewhere, refunded_elsewhere,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::paying::operation_key;
use crate::providers::{
    Call, Confirmation, PaymentProvider, Provider, Reading, Report, Sighting, Told,
};
use crate::store::claims::PaymentSubject;
use crate::store::rows::OperationRow;
use crate::terms::Term;

/// What the ledger had of a payment when a capture or a refund of it was claimed.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    counted: Counted,
    /// Our keys of the operations that are in it, or may come into it.
    keys: Vec<Uuid>,
    /// And the provider's references of them.
    references: Vec<String>,
    /// Our keys of those that came to nothing, as far as the ledger knows.
    dismissed: Vec<Uuid>,
}

/// What there was before a capture or a refund.
pub(super) enum Found {
    Nothing,
    /// Somebody else has done so much of what was to be done.
    Elsewhere(Confirmation),
    /// It cannot be told yet, or ours was made before.
    Otherwise(Report),
}

/// How long a provider has to answer a read.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

impl Ledger {
    pub(super) fn of(shop: &str, subject: &PaymentSubject) -> Self {
        let PaymentSubject { provider, reference, authorized_minor, operations, .. } = subject;
        let sum = |is_counted: fn(OperationKind) -> bool| {
            let done = operations.iter().filter(|row| {
                OperationState::from_stored(row.state) == Some(OperationState::Succeeded)
                    && OperationKind::from_stored(row.kind).is_some_and(is_counted)
            });
            done.fold(0_i64, |sum, row| sum.saturating_add(row.amount_minor))
        };
        let key = |row: &&OperationRow| {
            operation_key((shop, provider, reference), (row.operation_key, row.requested_at))
        };
        let (kept, dismissed): (Vec<&OperationRow>, Vec<&OperationRow>) =
            operations.iter().partition(|row| {
                OperationState::from_stored(row.state)
                    .is_some_and(|state| state == OperationState::Succeeded || state.is_claimed())
            });
        Self {
            counted: Counted {
                authorized_minor: *authorized_minor,
                captured_minor: sum(|kind| kind == OperationKind::Capture),
                released_minor: sum(|kind| {
                    matches!(kind, OperationKind::Release | OperationKind::Void)
                }),
                refunded_minor: sum(|kind| kind == OperationKind::Refund),
            },
            keys: kept.iter().map(key).collect(),
            references: kept.iter().filter_map(|row| row.provider_reference.clone()).collect(),
            dismissed: dismissed.iter().map(key).collect(),
        }
    }

    /// Looks before it is asked for: in the provider's account, or among what it has told of.
    /// `is_doubted`: an earlier call of it may be carried out yet.
    pub(super) async fn look(
        &self,
        provider: &Provider,
        call: &Call,
        (patience, is_doubted): (Duration, bool),
    ) -> Found {
        if !provider.has_portal() {
            let told = match call.kind {
                OperationKind::Capture => self.told_elsewhere(&provider.told_captures(call)),
                OperationKind::Refund => self.told_after_all(&provider.told_refunds(call), call),
                _ => None,
            };
            return told.map_or(Found::Nothing, Found::Elsewhere);
        }
        // What is left of the time is for the call itself.
        let time = READ_TIMEOUT.min(patience / 2);
        let read = timeout(time, provider.read(&call.reference)).await;
        let found = match read.unwrap_or(Reading::NoAnswer { after: None }) {
            Reading::Statement(statement) => self.in_account(&statement, call),
            // What may have moved money is not over because others may not ask for it.
            Reading::Declined(_) if is_doubted => {
                return Found::Otherwise(Report::TryLater { after: Some(Duration::ZERO) });
            }
            Reading::Declined(no) => return Found::Otherwise(Report::Declined(no)),
            Reading::Held(hold) => return Found::Otherwise(Report::Held(hold)),
            Reading::NoAnswer { after } => return Found::Otherwise(Report::TryLater { after }),
            Reading::Untold => None,
        };
        let Some(found) = found else { return Found::Nothing };
        // After a doubt it may be ours.
        match provider.look_up(call).await {
            Sighting::Happened(confirmation) => Found::Otherwise(Report::Done(confirmation)),
            Sighting::Absent if !is_doubted => match self.is_of_another(provider, call).await {
                Some(false) => Found::Elsewhere(found),
                Some(true) => Found::Nothing,
                None => Found::Otherwise(Report::TryLater { after: None }),
            },
            Sighting::Absent | Sighting::Busy => {
                Found::Otherwise(Report::TryLater { after: Some(Duration::ZERO) })
            }
            Sighting::Declined(_)
            | Sighting::InProgress
            | Sighting::NoAnswer
            | Sighting::Doubt
            | Sighting::Untold => Found::Otherwise(Report::TryLater { after: None }),
        }
    }

    /// Looks after the provider has refused a capture: somebody may have been faster.
    pub(super) async fn look_again(
        &self,
        provider: &Provider,
        call: &Call,
    ) -> Option<Confirmation> {
        match provider.read(&call.reference).await {
            Reading::Statement(statement) => {
                let found = self.in_account(&statement, call)?;
                let is_adoptable = self.is_of_another(provider, call).await == Some(false);
                is_adoptable.then_some(found)
            }
            Reading::Declined(_)
            | Reading::Held(_)
            | Reading::NoAnswer { .. }
            | Reading::Untold => None,
        }
    }

    /// Whether another service like this one has captured for an order of its own: nobody can tell what
    /// else somebody did. `None`: the provider does not answer.
    async fn is_of_another(&self, provider: &Provider, call: &Call) -> Option<bool> {
        if call.kind != OperationKind::Capture {
            return Some(false);
        }
        let captured = provider.capture_keys(&call.reference).await?;
        let is_ours = |key: &Uuid| {
            *key == call.key || self.keys.contains(key) || self.dismissed.contains(key)
        };
        Some(!captured.iter().all(is_ours))
    }

    fn in_account(&self, statement: &Statement, call: &Call) -> Option<Confirmation> {
        let elsewhere = match call.kind {
            OperationKind::Capture => captured_elsewhere(&self.counted, statement),
            OperationKind::Refund => refunded_elsewhere(&self.counted, statement),
            _ => 0,
        };
        let is_of_its_money = statement.currency == Some(call.currency);
        (elsewhere > 0 && is_of_its_money).then(|| Confirmation {
            provider_reference: AT_PROVIDER.to_owned(),
            amount_minor: elsewhere.min(call.amount_minor),
            expires_at: None,
        })
    }

    /// One at a time: the rest is looked for when it is asked for.
    fn told_elsewhere(&self, captures: &[&Told]) -> Option<Confirmation> {
        let Counted { authorized_minor, captured_minor, released_minor, .. } = self.counted;
        let rest = authorized_minor.saturating_sub(captured_minor).saturating_sub(released_minor);
        let told = captures.iter().find(|told| !self.is_known(told))?;
        (rest > 0).then(|| Confirmation {
            provider_reference: told.provider_reference.clone(),
            amount_minor: told.amount_minor.min(rest),
            expires_at: None,
        })
    }

    /// A refund that we had asked for and that was taken for declined: of others there is no telling whose
    /// they are.
    fn told_after_all(&self, refunds: &[&Told], call: &Call) -> Option<Confirmation> {
        let is_ours = |told: &Told| told.key.is_some_and(|key| self.dismissed.contains(&key));
        let told = refunds.iter().find(|told| is_ours(told) && !self.is_known(told))?;
        Some(Confirmation {
            provider_reference: told.provider_reference.clone(),
            amount_minor: told.amount_minor.min(call.amount_minor),
            expires_at: None,
        })
    }

    fn is_known(&self, told: &Told) -> bool {
        self.references.contains(&told.provider_reference)
            || told.key.is_some_and(|key| self.keys.contains(&key))
    }
}
