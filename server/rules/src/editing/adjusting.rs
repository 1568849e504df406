//! 5.3 The amounts of reservations follow the order's total, without anybody waiting for it.

use crate::changing::planning::{has_declined_capture, is_usable, stated};
use crate::decision::Case;
use crate::draft::Draft;
use crate::order::OrderNumber;
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId, captured,
    left_to_capture,
};

/// Asks for the amounts that the total needs: less in reverse order of the payments, more on the
/// last that is settled by hand.
pub(super) fn adjust(draft: &mut Draft<'_>) {
    let missing = missing(&draft.case);
    if missing > 0 {
        raise_manual(draft, missing);
        return;
    }
    for (payment, amount_minor) in lower_amounts(&draft.case) {
        ask(draft, payment, amount_minor);
    }
}

/// Replaces or takes back every new amount of this order that nobody was asked for yet, where it is
/// not what the total needs any longer.
pub(crate) fn review(draft: &mut Draft<'_>) {
    let order = draft.case.order.number;
    let unsent: Vec<PaymentId> = draft
        .case
        .payments
        .iter()
        .filter(|payment| unsent_update(payment, order).is_some())
        .map(|payment| payment.id)
        .collect();
    if unsent.is_empty() {
        return;
    }
    let wanted = lower_amounts(&draft.case);
    for id in unsent {
        match wanted.iter().find(|(payment, _)| *payment == id) {
            Some(&(payment, amount_minor)) => ask(draft, payment, amount_minor),
            None => take_back(draft, id),
        }
    }
}

/// Takes back every new amount of this order that nobody was asked for yet: it gives all back.
pub(crate) fn take_back_unsent(draft: &mut Draft<'_>) {
    let payments: Vec<PaymentId> = draft.case.payments.iter().map(|payment| payment.id).collect();
    for payment in payments {
        take_back(draft, payment);
    }
}

/// Whether no less needs to be reserved on the payment than there is.
pub(crate) fn is_as_needed(case: &Case, payment: &Payment) -> bool {
    !lower_amounts(case).iter().any(|(lowered, _)| *lowered == payment.id)
}

/// The payments of which less is needed, and how much of each. What cannot be lowered, or is held
/// by another live order too, keeps its amount: less is captured of it.
fn lower_amounts(case: &Case) -> Vec<(PaymentId, i64)> {
    let order = case.order.number;
    let needed = needed(case);
    let reserved = needed.iter().map(|payment| reserve(payment, order));
    let mut excess = reserved
        .fold(0, i64::saturating_add)
        .saturating_sub(left_to_capture(&case.order, &case.payments));
    let mut lowered = Vec::new();
    for payment in needed.into_iter().rev() {
        let share = reserve(payment, order).min(excess);
        if share <= 0 {
            continue;
        }
        excess -= share;
        if payment.capabilities.can_lower && !payment.is_held_beside(order) {
            lowered.push((payment.id, amount(payment, order).saturating_sub(share)));
        }
    }
    lowered
}

/// The payments that the total is reserved on. One whose capture was declined is left alone where
/// the others cover it all, as it is when money is captured: they may decline, too. Once all is
/// captured nothing will be asked of it any more.
fn needed(case: &Case) -> Vec<&Payment> {
    let order = case.order.number;
    let usable = || case.payments.iter().filter(|payment| is_usable(payment, order));
    if captured(&case.order, &case.payments) >= case.order.gross_minor {
        return usable().collect();
    }
    let others: Vec<&Payment> =
        usable().filter(|payment| !has_declined_capture(payment, order)).collect();
    let covered = others.iter().map(|payment| reserve(payment, order));
    if covered.fold(0, i64::saturating_add) >= left_to_capture(&case.order, &case.payments) {
        others
    } else {
        usable().collect()
    }
}

/// What is reserved and not used; what is being asked about counts as stated.
fn reserve(payment: &Payment, order: OrderNumber) -> i64 {
    if payment.awaits_authorization() { stated(payment, order) } else { payment.unused() }
}

/// The amount that the provider has, or is asked to hold.
fn amount(payment: &Payment, order: OrderNumber) -> i64 {
    if payment.awaits_authorization() { stated(payment, order) } else { payment.authorized_minor }
}

/// What of the total is not reserved.
fn missing(case: &Case) -> i64 {
    let order = case.order.number;
    let usable = case.payments.iter().filter(|payment| is_usable(payment, order));
    let reserved = usable.map(|payment| reserve(payment, order)).fold(0, i64::saturating_add);
    left_to_capture(&case.order, &case.payments).saturating_sub(reserved)
}

fn raise_manual(draft: &mut Draft<'_>, missing: i64) {
    let order = draft.case.order.number;
    let manual = draft.case.payments.iter().rfind(|payment| {
        payment.capabilities.is_manual
            && payment.authorization == Authorization::Held
            && payment.is_held_by(order)
    });
    let Some((id, amount_minor)) =
        manual.map(|payment| (payment.id, payment.authorized_minor.saturating_add(missing)))
    else {
        return;
    };
    draft.request(id, OperationKind::UpdateAmount, amount_minor);
}

/// Asks for an amount, unless it is being asked for. One that is with the provider is waited for:
/// nothing on a payment starts before what was asked for earlier is over.
fn ask(draft: &mut Draft<'_>, payment: PaymentId, amount_minor: i64) {
    let latest = draft.payment(payment).and_then(|known| known.claimed_updates().last());
    if latest.is_some_and(|update| update.amount_minor == amount_minor) {
        return;
    }
    take_back(draft, payment);
    let in_flight = draft.payment(payment).and_then(|known| known.claimed_updates().last());
    if in_flight.is_some_and(|update| update.amount_minor <= amount_minor) {
        return;
    }
    draft.request(payment, OperationKind::UpdateAmount, amount_minor);
}

fn take_back(draft: &mut Draft<'_>, payment: PaymentId) {
    let order = draft.case.order.number;
    let unsent = draft.payment(payment).and_then(|known| unsent_update(known, order));
    if let Some(operation) = unsent.map(|operation| operation.id) {
        draft.withdraw(payment, operation);
    }
}

fn unsent_update(payment: &Payment, order: OrderNumber) -> Option<&Operation> {
    let mut updates = payment.claimed_updates();
    updates.find(|operation| operation.order == order && operation.state == OperationState::Pending)
}
