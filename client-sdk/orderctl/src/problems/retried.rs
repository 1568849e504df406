//! What became of an operation that was tried again: the one that was named, or the new one that was
//! made for it.

use order_sdk::proto::{self, OperationState, TransferState};
use prost_types::Timestamp;

use crate::amounts::money;
use crate::labels::Label;
use crate::session::last_part;

/// How an operation stands, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Done,
    UnderWay,
    Declined,
}

/// What was tried again, as it stands now.
#[derive(Debug)]
pub(super) struct Retried {
    pub(super) id: i64,
    pub(super) standing: Standing,
    /// `operation 78: refund 249.50 NOK on klarna K-1: SENT`.
    pub(super) words: String,
    /// Kind, payment and form of the effect that it is in a plan.
    effect: (i32, i64, i32),
}

impl Retried {
    /// The operation of this number, or the newest that took its place: of the money, or a transfer to
    /// accounting.
    pub(super) fn find(order: &proto::Order, id: i64) -> Option<Self> {
        Self::operation(order, id).or_else(|| Self::transfer(order, id))
    }

    /// Whether the plan says of this operation that it is to be done.
    pub(super) fn is_planned_as(&self, effect: &proto::PlannedEffect) -> bool {
        self.effect == (effect.kind, effect.payment_id, effect.transfer)
    }

    fn operation(order: &proto::Order, id: i64) -> Option<Self> {
        let (payment, named) = order.payments.iter().find_map(|payment| {
            let named = payment.operations.iter().find(|one| one.id == id)?;
            Some((payment, named))
        })?;
        let later = payment.operations.iter().filter(|one| is_asked_anew(named, one));
        let newest = later.max_by_key(|one| one.id).unwrap_or(named);
        let kind = newest.kind().label().to_lowercase().replace('_', " ");
        let sum = money(newest.amount_minor, &order.currency_code);
        let what = format!("{kind} {sum} on {} {}", payment.provider, payment.reference);
        let standing = match newest.state() {
            OperationState::Pending
            | OperationState::Sent
            | OperationState::Accepted
            | OperationState::Unknown => Standing::UnderWay,
            OperationState::Declined | OperationState::Withdrawn => Standing::Declined,
            OperationState::Succeeded | OperationState::Unspecified => Standing::Done,
        };
        let state = newest.state().label();
        Some(Self {
            id: newest.id,
            standing,
            words: words(newest.id, what.trim_end(), state, &newest.provider_reason),
            effect: (newest.kind, payment.id, 0),
        })
    }

    fn transfer(order: &proto::Order, id: i64) -> Option<Self> {
        let named = order.accounting_transfers.iter().find(|one| one.id == id)?;
        let later = order.accounting_transfers.iter().filter(|one| is_handed_over_anew(named, one));
        let newest = later.max_by_key(|one| one.id).unwrap_or(named);
        let form = newest.form().label().to_lowercase();
        let what = format!("transfer to {} as {form}", last_part(&newest.integration));
        let standing = match newest.state() {
            TransferState::Pending | TransferState::Unknown => Standing::UnderWay,
            TransferState::Declined | TransferState::Withdrawn => Standing::Declined,
            TransferState::Succeeded | TransferState::Unspecified => Standing::Done,
        };
        let state = newest.state().label();
        Some(Self {
            id: newest.id,
            standing,
            words: words(newest.id, &what, state, &newest.provider_reason),
            effect: (0, 0, newest.form),
        })
    }
}

fn words(id: i64, what: &str, state: &str, reason: &str) -> String {
    match reason {
        "" => format!("operation {id}: {what}: {state}"),
        reason => format!("operation {id}: {what}: {state} ({reason})"),
    }
}

/// Whether `later` was asked for in place of `named`, which was over by then.
fn is_asked_anew(named: &proto::Operation, later: &proto::Operation) -> bool {
    let is_over = matches!(named.state(), OperationState::Declined | OperationState::Succeeded);
    is_over
        && later.id > named.id
        && is_same_kind(named.kind(), later.kind())
        && later.credit_order == named.credit_order
        && is_after(later.request_time, named.resolve_time)
}

/// What a reservation is not needed for is given back by either of the two.
fn is_same_kind(one: proto::OperationKind, other: proto::OperationKind) -> bool {
    use proto::OperationKind::{Release, Void};
    one == other || (matches!(one, Release | Void) && matches!(other, Release | Void))
}

fn is_handed_over_anew(
    named: &proto::AccountingTransfer,
    later: &proto::AccountingTransfer,
) -> bool {
    named.state() == TransferState::Declined
        && later.id > named.id
        && later.form == named.form
        && later.integration == named.integration
        && is_after(later.request_time, named.resolve_time)
}

fn is_after(asked: Option<Timestamp>, resolved: Option<Timestamp>) -> bool {
    let at = |time: Timestamp| (time.seconds, time.nanos);
    resolved.is_some_and(|resolved| asked.is_some_and(|asked| at(asked) >= at(resolved)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: i64, state: OperationState, seconds: [i64; 2]) -> proto::Operation {
        let [asked, resolved] = seconds.map(|seconds| Some(Timestamp { seconds, nanos: 0 }));
        proto::Operation {
            id,
            kind: proto::OperationKind::Refund.into(),
            state: state.into(),
            amount_minor: 24_950,
            request_time: asked,
            resolve_time: resolved,
            ..Default::default()
        }
    }

    fn found(operations: Vec<proto::Operation>, id: i64) -> (i64, Standing, String) {
        let payment = proto::Payment {
            id: 7,
            provider: "klarna".to_owned(),
            reference: "K-1".to_owned(),
            operations,
            ..Default::default()
        };
        let order = proto::Order {
            currency_code: "NOK".to_owned(),
            payments: vec![payment],
            ..Default::default()
        };
        let found = Retried::find(&order, id).expect("an operation");
        (found.id, found.standing, found.words)
    }

    #[test]
    fn what_was_asked_for_anew_counts_and_not_what_was_asked_before() {
        use OperationState::{Declined, Sent, Succeeded, Unknown};
        let (first, second) = (operation(3, Declined, [1, 2]), operation(4, Sent, [5, 0]));
        let words = "operation 4: refund 249.50 NOK on klarna K-1: SENT";
        let wanted = (4, Standing::UnderWay, words.to_owned());
        assert_eq!(found(vec![first.clone(), second], 3), wanted);
        let (id, standing, _) = found(vec![first], 3);
        assert_eq!((id, standing), (3, Standing::Declined));
        let other = operation(4, Declined, [2, 3]);
        for (state, wanted) in [(Succeeded, Standing::Done), (Unknown, Standing::UnderWay)] {
            let (id, standing, _) = found(vec![operation(3, state, [1, 9]), other.clone()], 3);
            assert_eq!((id, standing), (3, wanted));
        }
    }
}
