//! What became of transfers, and what a person must do about it.

use super::{
    Booked, Transfer, TransferForm, TransferState, give_up_open, is_about_transfers, resolve,
};
use crate::changing::with_reason;
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::order::{Micros, Problem};
use crate::refusals::Code;

/// What became of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferOutcome {
    Succeeded(Booked),
    /// `code` is the page of the reason.
    Declined {
        code: Code,
        provider_reason: String,
    },
    /// It waits until something is done about the integration; `code` is the problem.
    Held {
        code: Code,
        reason: String,
    },
    /// Nobody knows; `reason` is what the system said last, and empty where it said nothing.
    Unknown {
        reason: String,
    },
}

/// Records what became of a transfer.
#[must_use]
pub fn record(
    case: &Case,
    id: i64,
    outcome: &TransferOutcome,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let mut draft = Draft::new(case.clone(), ids, now);
    if let TransferOutcome::Succeeded(booked) = outcome
        && case.order.transfer(id).is_some_and(|known| known.state == TransferState::Withdrawn)
    {
        record_late(&mut draft, id, booked);
        return draft.finish();
    }
    let known = draft.case.order.transfers.iter_mut().find(|known| known.id == id);
    let Some(known) = known.filter(|known| known.is_open()) else { return draft.finish() };
    let about = About { payment: None, operation: Some(id) };
    match outcome {
        TransferOutcome::Succeeded(booked) => {
            known.booked = booked.clone();
            resolve(&mut draft, id, TransferState::Succeeded);
        }
        TransferOutcome::Declined { code, provider_reason } => {
            known.provider_reason = Some(provider_reason.clone());
            let details = vec![
                ("transfer", id.to_string()),
                ("reason", code.name().to_owned()),
                ("provider", known.integration.clone()),
                ("provider_reason", provider_reason.clone()),
            ];
            resolve(&mut draft, id, TransferState::Declined);
            draft.open_another_problem(Code::TransferDeclined, about, details);
        }
        TransferOutcome::Held { code, reason } => hold(&mut draft, id, (*code, reason)),
        TransferOutcome::Unknown { reason } => leave_unknown(&mut draft, id, reason),
    }
    draft.finish()
}

/// Told once, and again when what it was held for since is over.
fn leave_unknown(draft: &mut Draft<'_>, id: i64, reason: &str) {
    let order = &mut draft.case.order;
    let is_told = order.problems.iter().any(|problem| {
        problem.closed_at.is_none()
            && problem.operation == Some(id)
            && problem.code == Code::TransferUnknown
    });
    let known = order.transfers.iter_mut().find(|known| known.id == id);
    let Some(known) = known.filter(|_| !is_told) else { return };
    let details = vec![("transfer", id.to_string()), ("provider", known.integration.clone())];
    let details = with_reason(details, reason);
    if known.state != TransferState::Unknown {
        known.state = TransferState::Unknown;
        draft.changes.push(Change::TransferResolved { transfer: id });
    }
    draft.close_problems(|problem| problem.operation == Some(id));
    let about = About { payment: None, operation: Some(id) };
    draft.open_another_problem(Code::TransferUnknown, about, details);
}

/// What was given up is in the books all the same: it stands there, and nobody is to hand the order
/// over again. Where a later transfer has found the invoice, that one tells of it.
fn record_late(draft: &mut Draft<'_>, id: i64, booked: &Booked) {
    let order = &draft.case.order;
    let is_invoice = order.transfer(id).is_some_and(|known| known.form == TransferForm::Invoice);
    if is_invoice && order.invoiced().is_some() {
        return;
    }
    if is_invoice {
        give_up_open(draft);
        draft.close_problems(is_about_transfers);
    }
    if let Some(known) = draft.case.order.transfers.iter_mut().find(|known| known.id == id) {
        known.booked = booked.clone();
    }
    resolve(draft, id, TransferState::Succeeded);
}

/// A transfer whose problem a person dismisses is given up: somebody has seen to it (2.5).
pub(crate) fn give_up(draft: &mut Draft<'_>, problem: &Problem) {
    let Some(id) = problem.operation else { return };
    if draft.case.order.transfer(id).is_some_and(Transfer::is_open) {
        resolve(draft, id, TransferState::Withdrawn);
        draft.withdrawn.push(id);
    }
}

fn hold(draft: &mut Draft<'_>, id: i64, (code, reason): (Code, &str)) {
    let about = About { payment: None, operation: Some(id) };
    let is_same = |problem: &Problem| problem.operation == Some(id) && problem.code == code;
    draft.close_problems(|problem| problem.operation == Some(id) && !is_same(problem));
    let order = &draft.case.order;
    if order.problems.iter().any(|problem| problem.closed_at.is_none() && is_same(problem)) {
        return;
    }
    let provider = order.transfer(id).map(|known| known.integration.clone()).unwrap_or_default();
    let details = vec![("provider", provider), ("provider_reason", reason.to_owned())];
    draft.open_another_problem(code, about, details);
}
