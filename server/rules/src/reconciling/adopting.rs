//! The ledger says what the account says: operations that somebody else asked for.

use super::AT_PROVIDER;
use super::comparing::Adoption;
use crate::attention::refunded_since;
use crate::draft::Draft;
use crate::order::OrderNumber;
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId,
};

/// Takes one step.
pub(super) fn adopt(draft: &mut Draft<'_>, payment: PaymentId, adoption: Adoption) {
    match adoption {
        Adoption::Operation(kind, amount_minor) => append(draft, payment, kind, amount_minor),
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

fn append(draft: &mut Draft<'_>, payment: PaymentId, kind: OperationKind, amount_minor: i64) {
    let (order, now, id) = (draft.case.order.number, draft.now, draft.ids.take());
    let Some(target) = draft.payment_mut(payment) else { return };
    let credit = match kind {
        OperationKind::Refund => paid_out(target, order, amount_minor),
        _ => None,
    };
    target.operations.push(Operation {
        id,
        order,
        kind,
        amount_minor,
        state: OperationState::Sent,
        requested_at: now,
        resolved_at: None,
        provider_reason: None,
        provider_reference: Some(AT_PROVIDER.to_owned()),
        credit,
    });
    draft.resolve(payment, id, OperationState::Succeeded);
}

/// The credit whose refund the provider declined and a person paid out elsewhere: it must not be
/// paid out again.
fn paid_out(payment: &Payment, order: OrderNumber, amount_minor: i64) -> Option<OrderNumber> {
    let declined = payment.operations.iter().filter(|known| {
        known.kind == OperationKind::Refund
            && known.state == OperationState::Declined
            && known.order == order
            && known.amount_minor == amount_minor
    });
    let mut owed =
        declined.filter(|one| refunded_since(payment, one, OperationState::may_happen) == 0);
    owed.find_map(|one| one.credit)
}
