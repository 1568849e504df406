//! Transfer to accounting (2.2, 4.5): what may be handed over, in which form, and what became of it.

#[cfg(test)]
mod tests;
mod voucher;

pub use voucher::{Row, Voucher, VoucherLine, voucher};

use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::order::{Micros, Order, OrderKind, Problem};
use crate::refusals::{Code, Refusal};
use crate::shop::Rulebook;

/// As what an order stands in the accounting system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferForm {
    /// Of a credit order a credit note. Final.
    Invoice,
    /// To be changed and invoiced there.
    Order,
}

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferState {
    Pending,
    Succeeded,
    Declined,
    /// For a while nobody has known what became of it.
    Unknown,
    /// Given up by a person, or in favour of a later one.
    Withdrawn,
}

/// An order on its way to the shop's accounting, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub id: i64,
    /// Last part of the integration's name.
    pub integration: String,
    pub form: TransferForm,
    pub state: TransferState,
    /// The shop asked for it, by its settings.
    pub is_automatic: bool,
    /// The accounting system mails the invoice.
    pub sends_mail: bool,
    pub requested_at: Micros,
    pub resolved_at: Option<Micros>,
    /// What is known of it there.
    pub booked: Booked,
    /// What the accounting system said when it refused it.
    pub provider_reason: Option<String>,
}

/// What an order is in the accounting system; each text is empty where nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    pub order_id: String,
    pub order_number: String,
    pub invoice_id: String,
    pub invoice_number: String,
    /// Minor units that stand on a line of their own there (10.6).
    pub rounding_minor: i64,
}

/// A transfer to plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTransfer {
    /// Last part of the integration's name.
    pub integration: String,
    pub form: TransferForm,
    pub sends_mail: bool,
}

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
    Unknown,
}

impl Transfer {
    /// Something may still come of it by itself.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, TransferState::Pending | TransferState::Unknown)
    }

    fn stands_as(&self, form: TransferForm) -> bool {
        self.form == form && self.state == TransferState::Succeeded
    }
}

impl Order {
    /// Its transfer of this number.
    #[must_use]
    pub fn transfer(&self, id: i64) -> Option<&Transfer> {
        self.transfers.iter().find(|transfer| transfer.id == id)
    }

    /// The transfer by which it stands as an invoice.
    #[must_use]
    pub fn invoiced(&self) -> Option<&Transfer> {
        self.transfers.iter().find(|transfer| transfer.stands_as(TransferForm::Invoice))
    }
}

/// Hands an order over. One that nobody knows of is given up for it: whatever is there already is
/// found before anything is made. `sale` is what a credit order credits.
///
/// # Errors
/// `NOT_COMPLETED`, `EFFECT_PENDING`, `ALREADY_TRANSFERRED`, `ORIGINAL_NOT_TRANSFERRED` (4.5).
pub fn transfer(
    case: &Case,
    sale: Option<&Order>,
    wanted: NewTransfer,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let order = &case.order;
    if order.completed_at.is_none() {
        return Err(Refusal::new(Code::NotCompleted));
    }
    if let Some(open) = order.transfers.iter().find(|one| one.state == TransferState::Pending) {
        return Err(Refusal::new(Code::EffectPending).with("transfer", open.id));
    }
    if let Some(invoiced) = order.invoiced() {
        return Err(Refusal::new(Code::AlreadyTransferred)
            .with("integration", &invoiced.integration)
            .with("invoice_number", &invoiced.booked.invoice_number));
    }
    if order.kind == OrderKind::Credit && wanted.form == TransferForm::Invoice {
        check_sale(order, sale, &wanted.integration)?;
    }
    let mut draft = Draft::new(case.clone(), ids, now);
    give_up_unknown(&mut draft);
    draft.close_problems(is_about_transfers);
    plan(&mut draft, wanted, false);
    Ok(draft.finish())
}

/// 4.5: a credit note refers to an invoice of the same books.
fn check_sale(credit: &Order, sale: Option<&Order>, integration: &str) -> Result<(), Refusal> {
    let invoiced = sale.and_then(Order::invoiced);
    if invoiced.is_some_and(|transfer| transfer.integration == integration) {
        return Ok(());
    }
    let original = credit.credit.map(|credit| credit.original.0).unwrap_or_default();
    Err(Refusal::new(Code::OriginalNotTransferred).with("original", original))
}

/// The shop's automatic transfer, in the turn that moves the label to a COMPLETED status: of sales,
/// and never twice (2.2, 2.6).
pub(crate) fn start_automatic(draft: &mut Draft<'_>, rulebook: &Rulebook) {
    if let Some(wanted) = automatic(&draft.case.order, rulebook) {
        draft.close_problems(is_about_transfers);
        plan(draft, wanted.clone(), true);
    }
}

/// What the shop hands over by itself when the order becomes COMPLETED.
#[must_use]
pub fn automatic<'shop>(order: &Order, rulebook: &'shop Rulebook) -> Option<&'shop NewTransfer> {
    let stands =
        |transfer: &Transfer| transfer.is_open() || transfer.state == TransferState::Succeeded;
    let is_due = order.kind == OrderKind::Sale && !order.transfers.iter().any(stands);
    rulebook.automatic_transfer.as_ref().filter(|_| is_due)
}

/// Tries a transfer again; `None` where the order has none of this number. One that is open is only
/// to be taken up now.
///
/// # Errors
/// `OPERATION_FINAL`; `EFFECT_NOT_RETRYABLE` for one that another has taken the place of.
pub(crate) fn retry(
    case: &Case,
    id: i64,
    ids: &mut Ids,
    now: Micros,
) -> Option<Result<Decision, Refusal>> {
    let known = case.order.transfer(id)?;
    let mut draft = Draft::new(case.clone(), ids, now);
    if known.is_open() {
        return Some(Ok(draft.finish()));
    }
    if known.state != TransferState::Declined {
        return Some(Err(Refusal::new(Code::OperationFinal).with("operation", id)));
    }
    let is_overtaken =
        case.order.transfers.iter().any(|later| {
            later.id > id && (later.is_open() || later.state == TransferState::Succeeded)
        });
    if is_overtaken {
        return Some(Err(Refusal::new(Code::EffectNotRetryable).with("operation", id)));
    }
    // What it needed was so when it was asked for, and does not change any more.
    let Transfer { integration, form, sends_mail, .. } = known.clone();
    draft.close_problems(is_about_transfers);
    plan(&mut draft, NewTransfer { integration, form, sends_mail }, false);
    Some(Ok(draft.finish()))
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
        TransferOutcome::Unknown if known.state != TransferState::Unknown => {
            let details =
                vec![("transfer", id.to_string()), ("provider", known.integration.clone())];
            known.state = TransferState::Unknown;
            draft.changes.push(Change::TransferResolved { transfer: id });
            draft.close_problems(|problem| problem.operation == Some(id));
            draft.open_another_problem(Code::TransferUnknown, about, details);
        }
        TransferOutcome::Unknown => {}
    }
    draft.finish()
}

/// A transfer whose problem a person dismisses is given up: somebody has seen to it (2.5).
pub(crate) fn give_up(draft: &mut Draft<'_>, problem: &Problem) {
    let Some(id) = problem.operation else { return };
    if draft.case.order.transfer(id).is_some_and(Transfer::is_open) {
        resolve(draft, id, TransferState::Withdrawn);
        draft.withdrawn.push(id);
    }
}

/// Whether a problem is about a transfer that is still to come.
pub(crate) fn is_awaited(order: &Order, problem: &Problem) -> bool {
    problem.operation.and_then(|id| order.transfer(id)).is_some_and(Transfer::is_open)
}

/// Whether something is still to come that the books, or whoever erases or deletes, must wait for.
pub(crate) fn open_transfer(order: &Order) -> Option<&Transfer> {
    order.transfers.iter().find(|transfer| transfer.is_open())
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

fn give_up_unknown(draft: &mut Draft<'_>) {
    let unknown = draft.case.order.transfers.iter();
    let unknown: Vec<i64> = unknown.filter(|one| one.is_open()).map(|one| one.id).collect();
    for id in unknown {
        resolve(draft, id, TransferState::Withdrawn);
        draft.withdrawn.push(id);
    }
}

/// Plans a transfer in a decision that is being made.
fn plan(draft: &mut Draft<'_>, wanted: NewTransfer, is_automatic: bool) {
    let NewTransfer { integration, form, sends_mail } = wanted;
    let id = draft.ids.take();
    draft.case.order.transfers.push(Transfer {
        id,
        integration,
        form,
        state: TransferState::Pending,
        is_automatic,
        sends_mail: sends_mail && form == TransferForm::Invoice,
        requested_at: draft.now,
        resolved_at: None,
        booked: Booked::default(),
        provider_reason: None,
    });
    draft.transfers.push(id);
    draft.changes.push(Change::TransferRequested { transfer: id });
}

/// Writes a final state, and closes every problem about the transfer.
fn resolve(draft: &mut Draft<'_>, id: i64, state: TransferState) {
    let now = draft.now;
    if let Some(known) = draft.case.order.transfers.iter_mut().find(|known| known.id == id) {
        known.state = state;
        known.resolved_at = Some(now);
    }
    draft.changes.push(Change::TransferResolved { transfer: id });
    draft.close_problems(|problem| problem.operation == Some(id));
}

fn is_about_transfers(problem: &Problem) -> bool {
    matches!(problem.code, Code::TransferDeclined | Code::TransferUnknown)
}
