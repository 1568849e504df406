//! Keeps what comes too late to be applied, as evidence of what was said outside.

use order_proto::v1::{self, EventChange};
use order_rules::changing::Outcome;
use order_rules::order::OrderNumber;
use order_rules::payments::{OperationKind, OperationState};

use super::desk::Desk;
use super::record::operation_summary;

impl Desk {
    /// Writes into the log what was said of an operation under another attempt than the one that is
    /// out. The order is as it was.
    pub(crate) fn note_late(&mut self, number: i64, operation: i64, outcome: &Outcome) {
        let told = self.late(operation, outcome).unwrap_or_default();
        self.note_nothing(Some(OrderNumber(number)), &told);
    }

    fn late(&self, operation: i64, outcome: &Outcome) -> Option<EventChange> {
        let (payment, known) = self
            .payments
            .values()
            .find_map(|payment| Some((payment.id, payment.operation(operation)?)))?;
        let (state, amount_minor, reference) = said(outcome)?;
        // What is given back is told without an amount of meaning.
        let moves = !matches!(known.kind, OperationKind::Void | OperationKind::Release);
        let amount_minor = amount_minor.filter(|_| moves).unwrap_or(known.amount_minor);
        let told = v1::Operation {
            provider_reference: reference.unwrap_or_default().to_owned(),
            ..operation_summary(operation, known.kind, amount_minor, state)
        };
        Some(EventChange { payment_id: payment.0, operation: Some(told), ..EventChange::default() })
    }
}

/// State, amount and reference as an outcome has them; nothing of one that says nothing of what was
/// asked for.
fn said(outcome: &Outcome) -> Option<(OperationState, Option<i64>, Option<&str>)> {
    match outcome {
        Outcome::Succeeded { amount_minor, provider_reference, expires_at: _ } => {
            let reference = provider_reference.as_deref();
            Some((OperationState::Succeeded, Some(*amount_minor), reference))
        }
        Outcome::FoundDone { amount_minor, provider_reference } => {
            let reference = Some(provider_reference.as_str());
            Some((OperationState::Succeeded, Some(*amount_minor), reference))
        }
        Outcome::Accepted => Some((OperationState::Accepted, None, None)),
        Outcome::Declined { .. } => Some((OperationState::Declined, None, None)),
        Outcome::Unknown { .. } => Some((OperationState::Unknown, None, None)),
        Outcome::Held { .. } | Outcome::Reversed { .. } => None,
    }
}
