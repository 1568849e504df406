//! The ledger says what the account says: operations that somebody else asked for.

use super::AT_PROVIDER;
use super::comparing::Adoption;
use crate::attention::still_owed;
use crate::draft::Draft;
use crate::order::OrderNumber;
use crate::payments::{Authorization, Operation, OperationKind, OperationState, PaymentId};

/// Takes one step.
pub(super) fn adopt(draft: &mut Draft<'_>, payment: PaymentId, adoption: Adoption) {
    match adoption {
        Adoption::Operation(OperationKind::Refund, amount_minor) => {
            refund(draft, payment, amount_minor);
        }
        Adoption::Operation(kind, amount_minor) => {
            append(draft, payment, (kind, amount_minor), None);
        }
        Adoption::End(authorization) => draft.set_authorization(payment, authorization),
        Adoption::Hold(authorized_minor) => {
            if let Some(known) = draft.payment_mut(payment) {
                known.authorized_minor = authorized_minor;
            }
            draft.set_authorization(payment, Authorization::Held);
        }
        Adoption::Expiry(expires_at) => {
            if let Some(known) = draft.payment_mut(payment) {
                known.expires_at = expires_at;
            }
            draft.payment_updated(payment);
        }
    }
}

/// What a person paid back elsewhere pays out what is owed, the oldest first, so that nobody pays it
/// again.
fn refund(draft: &mut Draft<'_>, payment: PaymentId, amount_minor: i64) {
    let mut left = amount_minor;
    for id in own_refunds(draft, payment) {
        let known = draft.payment(payment);
        let Some((known, owed)) = known.and_then(|known| Some((known, known.operation(id)?)))
        else {
            continue;
        };
        let (part, credit) = (still_owed(&draft.case, known, owed).min(left), owed.credit);
        if part > 0 {
            append(draft, payment, (OperationKind::Refund, part), credit);
            left = left.saturating_sub(part);
        }
    }
    if left > 0 {
        append(draft, payment, (OperationKind::Refund, left), None);
    }
}

/// A capture that the provider has told of, known by its reference of it.
pub(crate) fn adopt_capture(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    amount_minor: i64,
    reference: &str,
) {
    let capture = (OperationKind::Capture, amount_minor);
    append_as(draft, payment, capture, (None, reference));
}

fn own_refunds(draft: &Draft<'_>, payment: PaymentId) -> Vec<i64> {
    let order = draft.case.order.number;
    let operations = draft.payment(payment).into_iter().flat_map(|known| &known.operations);
    let refunds = operations
        .filter(|known| known.kind == OperationKind::Refund && known.order == order)
        .map(|known| known.id);
    refunds.collect()
}

fn append(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    what: (OperationKind, i64),
    credit: Option<OrderNumber>,
) {
    append_as(draft, payment, what, (credit, AT_PROVIDER));
}

fn append_as(
    draft: &mut Draft<'_>,
    payment: PaymentId,
    (kind, amount_minor): (OperationKind, i64),
    (credit, reference): (Option<OrderNumber>, &str),
) {
    let (order, now, id) = (draft.case.order.number, draft.now, draft.ids.take());
    let Some(target) = draft.payment_mut(payment) else { return };
    target.operations.push(Operation {
        id,
        order,
        kind,
        amount_minor,
        state: OperationState::Sent,
        requested_at: now,
        resolved_at: None,
        provider_reason: None,
        provider_reference: Some(reference.to_owned()),
        credit,
    });
    draft.resolve(payment, id, OperationState::Succeeded);
}
