//! Transfer to accounting (2.2, 4.5): what may be handed over, in which form, and what became of it.

mod outcomes;
#[cfg(test)]
mod tests;
mod voucher;

pub(crate) use outcomes::give_up;
pub use outcomes::{TransferOutcome, record};
pub use voucher::{Row, Voucher, VoucherLine, voucher};

use crate::attention::still_owed;
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::Draft;
use crate::effects::{MADE_WITHIN_MICROS, QUIET_MICROS, STOPPED_WITHIN_MICROS};
use crate::order::{Micros, Order, OrderKind, Problem};
use crate::payments::{Operation, OperationKind, Payment};
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

/// When everything that a transfer given up at this time has made, or makes yet, can be seen: whoever
/// is at it goes on until it is stopped.
#[must_use]
pub const fn clear_from(given_up_at: Micros) -> Micros {
    let pause = STOPPED_WITHIN_MICROS + MADE_WITHIN_MICROS + QUIET_MICROS;
    Micros(given_up_at.0.saturating_add(pause))
}

/// When a transfer that was asked for is due: not while one that was given up may still make what it
/// would look for in vain.
#[must_use]
pub fn due_at(order: &Order, transfer: &Transfer) -> Micros {
    let given_up = order.transfers.iter().filter(|one| one.state == TransferState::Withdrawn);
    let clear = given_up.filter_map(|one| one.resolved_at).map(clear_from).max();
    clear.map_or(transfer.requested_at, |clear| clear.max(transfer.requested_at))
}

/// Hands an order over. One that nobody knows of is given up for it: whatever is there already is
/// found before anything is made. `sale` is what a credit order credits.
///
/// # Errors
/// `NOT_COMPLETED`, `EFFECT_PENDING`, `ALREADY_TRANSFERRED`, `ORIGINAL_NOT_TRANSFERRED` (4.5).
pub fn transfer(
    case: &Case,
    sale: Option<&Case>,
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
        check_refunds(order, sale)?;
    }
    let mut draft = Draft::new(case.clone(), ids, now);
    give_up_open(&mut draft);
    draft.close_problems(is_about_transfers);
    plan(&mut draft, wanted, false);
    Ok(draft.finish())
}

/// 4.5: a credit note refers to an invoice of the same books.
fn check_sale(credit: &Order, sale: Option<&Case>, integration: &str) -> Result<(), Refusal> {
    let invoiced = sale.and_then(|sale| sale.order.invoiced());
    if invoiced.is_some_and(|transfer| transfer.integration == integration) {
        return Ok(());
    }
    let original = credit.credit.map(|credit| credit.original.0).unwrap_or_default();
    let refusal = Refusal::new(Code::OriginalNotTransferred).with("original", original);
    Err(match invoiced {
        Some(transfer) => refusal.with("integration", &transfer.integration),
        None => refusal,
    })
}

/// A credit note is booked with what was paid back for it: not while that is under way, or may be asked
/// for once more.
fn check_refunds(credit: &Order, sale: Option<&Case>) -> Result<(), Refusal> {
    let Some(sale) = sale else { return Ok(()) };
    let is_open = |payment: &Payment, operation: &Operation| {
        operation.kind == OperationKind::Refund
            && operation.credit == Some(credit.number)
            && (operation.state.is_claimed() || is_owed(sale, payment, operation))
    };
    let mut open = sale.payments.iter().filter_map(|payment| {
        payment.operations.iter().find(|operation| is_open(payment, operation))
    });
    match open.next() {
        Some(open) => Err(Refusal::new(Code::EffectPending).with("operation", open.id)),
        None => Ok(()),
    }
}

/// A problem says that the customer has not got it. Who dismisses that gives it up, as far as the books
/// go.
fn is_owed(sale: &Case, payment: &Payment, refund: &Operation) -> bool {
    let is_told = |problem: &Problem| {
        problem.closed_at.is_none()
            && matches!(problem.code, Code::RefundDeclined | Code::RefundReversed)
            && problem.operation == Some(refund.id)
    };
    sale.order.problems.iter().any(is_told) && still_owed(sale, payment, refund) > 0
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

/// Whether a declined transfer of a credit order may be tried again as far as its sale goes; `sale` is
/// what it credits.
///
/// # Errors
/// `EFFECT_PENDING` while money is on its way back for it, or owed as a problem says.
pub fn check_retry(case: &Case, sale: Option<&Case>, id: i64) -> Result<(), Refusal> {
    let is_anew = |known: &Transfer| {
        known.form == TransferForm::Invoice && known.state == TransferState::Declined
    };
    match case.order.transfer(id).is_some_and(is_anew) {
        true => check_refunds(&case.order, sale),
        false => Ok(()),
    }
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

/// Whether a problem is about a transfer that is still to come.
pub(crate) fn is_awaited(order: &Order, problem: &Problem) -> bool {
    problem.operation.and_then(|id| order.transfer(id)).is_some_and(Transfer::is_open)
}

/// Whether something is still to come that the books, or whoever erases or deletes, must wait for.
pub(crate) fn open_transfer(order: &Order) -> Option<&Transfer> {
    order.transfers.iter().find(|transfer| transfer.is_open())
}

fn give_up_open(draft: &mut Draft<'_>) {
    let open = draft.case.order.transfers.iter();
    let open: Vec<i64> = open.filter(|one| one.is_open()).map(|one| one.id).collect();
    for id in open {
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
