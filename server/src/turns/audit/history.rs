//! The history of an order, as its events tell it, beside what became of the order.

use std::collections::{BTreeMap, BTreeSet};

use order_proto::v1::{self, EventChange, EventKind};
use order_rules::accounting::TransferState;
use order_rules::audit::{Findings, Invariant};
use order_rules::decision::Case;
use order_rules::labels::LabelState;
use order_rules::mail::MailState;
use order_rules::order::Order;
use order_rules::payments::{Operation, PaymentId};
use prost::Message;

use crate::store::audits::ToldRow;
use crate::terms::Term;

/// An event of an order.
pub(super) struct Told {
    revision: i64,
    kind: EventKind,
    change: EventChange,
}

/// What is known of an order beside what the rules see.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Of the order's last event.
    pub revision: i64,
    /// Who bought was forgotten.
    pub is_erased: bool,
}

/// What events tell of an operation.
#[derive(Default)]
struct Asked {
    requested: usize,
    /// What the last that tells of its end says.
    resolved: Option<v1::OperationState>,
}

/// Events by order, oldest first. What cannot be read is told where the log is followed.
pub(super) fn by_order(rows: &[ToldRow]) -> BTreeMap<i64, Vec<Told>> {
    let mut orders: BTreeMap<i64, Vec<Told>> = BTreeMap::new();
    for row in rows {
        let change = EventChange::decode(row.change.as_slice());
        let (Some(number), Ok(change)) = (row.order_number, change) else { continue };
        let kind = EventKind::try_from(i32::from(row.kind)).unwrap_or_default();
        orders.entry(number).or_default().push(Told { revision: row.revision, kind, change });
    }
    orders
}

/// Everything that an order has become was told once, and nothing else was.
pub(super) fn check(findings: &mut Findings, case: &Case, known: Known, told: &[Told]) {
    check_life(findings, &case.order, known, told);
    check_parts(findings, &case.order, told);
    check_outgoing(findings, &case.order, told);
    check_resolutions(findings, told);
    check_operations(findings, case, told);
    check_stock(findings, &case.order, told);
}

/// 8.1, 9: placed once, and deleted or erased if it is.
fn check_life(findings: &mut Findings, order: &Order, known: Known, told: &[Told]) {
    let count = |kind: EventKind| told.iter().filter(|one| one.kind == kind).count();
    let mut same = |what: &str, told: usize, should_be: usize| {
        findings.same(Invariant::Events, what, &told, &should_be);
    };
    same("the number of events that place it", count(EventKind::OrderCreated), 1);
    let deletions = usize::from(order.deleted_at.is_some());
    same("the number of events that delete it", count(EventKind::OrderDeleted), deletions);
    let is_told_erased = count(EventKind::CustomerErased) > 0;
    findings.same(Invariant::Events, "erased by its events", &is_told_erased, &known.is_erased);
    // One that changed nothing is none of its own.
    let own = told.iter().filter(|one| one.kind != EventKind::Noop);
    let last = own.map(|one| one.revision).max();
    findings.same(Invariant::Events, "its last event", &last, &Some(known.revision));
}

/// What hangs on it.
fn check_parts(findings: &mut Findings, order: &Order, told: &[Told]) {
    use EventKind::{
        Delivered, DeliveryCancelled, DuplicateFound, OrderCredited, PaymentAttached,
        ProblemClosed, ProblemOpened,
    };
    let mut agree = |what: &str, told: Vec<i64>, stored: Vec<i64>| {
        compare(findings, what, told, stored);
    };
    let payments = order.payments.iter().map(|payment| payment.0);
    agree(
        "payments attached",
        named(told, PaymentAttached, |change| Some(change.payment_id)),
        payments.collect(),
    );
    let delivery = |change: &EventChange| Some(i64::from(change.delivery_id));
    let deliveries = || order.deliveries.iter();
    agree(
        "deliveries",
        named(told, Delivered, delivery),
        deliveries().map(|one| i64::from(one.id)).collect(),
    );
    let cancelled = deliveries().filter(|one| one.cancelled_at.is_some());
    agree(
        "deliveries taken back",
        named(told, DeliveryCancelled, delivery),
        cancelled.map(|one| i64::from(one.id)).collect(),
    );
    let problem = |change: &EventChange| Some(change.problem_id);
    let problems = || order.problems.iter();
    agree(
        "problems opened",
        named(told, ProblemOpened, problem),
        problems().map(|one| one.id).collect(),
    );
    let closed = problems().filter(|one| one.closed_at.is_some());
    agree(
        "problems closed",
        named(told, ProblemClosed, problem),
        closed.map(|one| one.id).collect(),
    );
    agree(
        "possible duplicates found",
        named(told, DuplicateFound, |change| number(&change.other_order)),
        order.duplicates.iter().map(|link| link.other.0).collect(),
    );
    agree(
        "credit orders made",
        named(told, OrderCredited, |change| number(&change.credit_order)),
        order.credits.iter().map(|credit| credit.0).collect(),
    );
    let is_strange = |one: &&Told| {
        let payment = PaymentId(one.change.payment_id);
        // What came too late to be applied is told as it was said.
        one.kind != EventKind::Noop && payment.0 != 0 && !order.payments.contains(&payment)
    };
    let strange = told.iter().filter(is_strange).map(|one| one.change.payment_id);
    agree("payments that it does not have", strange.collect(), Vec::new());
}

/// What goes out and comes back: each was asked for once, and its end was told.
fn check_outgoing(findings: &mut Findings, order: &Order, told: &[Told]) {
    use EventKind::{
        LabelRequested, LabelResolved, MailRequested, MailResolved, TransferRequested,
        TransferResolved,
    };
    let mut agree = |what: &str, told: Vec<i64>, stored: Vec<i64>| {
        compare(findings, what, told, stored);
    };
    let mail = |change: &EventChange| Some(change.mail.as_ref()?.id);
    let mails = || order.mails.iter();
    agree("mails", named(told, MailRequested, mail), mails().map(|one| one.id).collect());
    let over = mails().filter(|one| one.state != MailState::Pending);
    agree(
        "mails resolved",
        distinct(named(told, MailResolved, mail)),
        over.map(|one| one.id).collect(),
    );
    let transfer = |change: &EventChange| Some(change.accounting_transfer.as_ref()?.id);
    let transfers = || order.transfers.iter();
    agree(
        "transfers",
        named(told, TransferRequested, transfer),
        transfers().map(|one| one.id).collect(),
    );
    let over = transfers().filter(|one| one.state != TransferState::Pending);
    agree(
        "transfers resolved",
        distinct(named(told, TransferResolved, transfer)),
        over.map(|one| one.id).collect(),
    );
    let label = |change: &EventChange| {
        change.label.as_ref().filter(|label| label.prints.is_empty()).map(|label| label.id)
    };
    let labels = || order.labels.iter();
    agree("labels", named(told, LabelRequested, label), labels().map(|one| one.id).collect());
    let over = labels().filter(|one| one.state != LabelState::Pending);
    agree(
        "labels resolved",
        distinct(named(told, LabelResolved, label)),
        over.map(|one| one.id).collect(),
    );
    let print = |change: &EventChange| Some(change.label.as_ref()?.prints.first()?.id);
    let prints = labels().flat_map(|one| &one.prints);
    agree("prints", named(told, LabelRequested, print), prints.map(|one| one.id).collect());
}

/// 7.5: a resolution of duplicates that was dropped had been asked for.
fn check_resolutions(findings: &mut Findings, told: &[Told]) {
    let mut waiting = BTreeSet::new();
    for Told { revision, kind, change } in told {
        match kind {
            EventKind::ResolutionRequested => {
                waiting.insert(change.other_order.as_str());
            }
            EventKind::ResolutionDropped => {
                let was_asked = waiting.remove(change.other_order.as_str());
                findings.check(was_asked, Invariant::Events, || {
                    format!("{revision} drops a resolution that nobody had asked for")
                });
            }
            _ => {}
        }
    }
}

/// Operations that the order asked for, or that were found for it, and what became of each.
fn check_operations(findings: &mut Findings, case: &Case, told: &[Told]) {
    use EventKind::{OperationRequested, OperationResolved, OperationSettled};
    let mut asked: BTreeMap<(i64, i64), Asked> = BTreeMap::new();
    for Told { kind, change, .. } in told {
        let Some(operation) = &change.operation else { continue };
        if !matches!(kind, OperationRequested | OperationResolved | OperationSettled) {
            continue;
        }
        let one = asked.entry((change.payment_id, operation.id)).or_default();
        match kind {
            OperationRequested => one.requested = one.requested.saturating_add(1),
            OperationResolved => one.resolved = Some(operation.state()),
            _ => {}
        }
    }
    for payment in &case.payments {
        let own = payment.operations.iter().filter(|one| one.order == case.order.number);
        for operation in own {
            let told = asked.remove(&(payment.id.0, operation.id)).unwrap_or_default();
            check_operation(findings, operation, &told);
        }
    }
    let strange = asked.into_keys().map(|(_, operation)| operation).collect();
    compare(findings, "operations that it does not have", strange, Vec::new());
}

fn check_operation(findings: &mut Findings, operation: &Operation, told: &Asked) {
    let id = operation.id;
    // What somebody else did was over when it was found.
    let may_be_unasked = operation.resolved_at == Some(operation.requested_at);
    let is_asked = told.requested == 1 || (told.requested == 0 && may_be_unasked);
    findings.check(is_asked, Invariant::Events, || {
        format!("operation {id} is asked for by {} events", told.requested)
    });
    let state = (!operation.state.is_claimed()).then(|| operation.state.contract());
    let what = format!("operation {id}: its end by its events");
    findings.same(Invariant::Events, &what, &told.resolved, &state);
}

/// Units edited away without going back (5.5) are out of stock and of the line.
fn check_stock(findings: &mut Findings, order: &Order, told: &[Told]) {
    use EventKind::{StockPutBack, StockTaken};
    let mut out: BTreeMap<i32, i64> = BTreeMap::new();
    for one in told.iter().filter(|one| matches!(one.kind, StockTaken | StockPutBack)) {
        let units = out.entry(one.change.line_id).or_default();
        *units = units.saturating_sub(one.change.quantity);
    }
    for line in &order.lines {
        let out = out.get(&line.id).copied().unwrap_or_default();
        let held = line.stock_taken.saturating_sub(line.stock_put_back);
        findings.check(out >= held, Invariant::LineStock, || {
            format!("line {}: {out} units out of stock by its events, it has {held}", line.id)
        });
    }
}

/// The numbers that events of a kind name, each as often as it is named.
fn named(told: &[Told], kind: EventKind, number: impl Fn(&EventChange) -> Option<i64>) -> Vec<i64> {
    let of_kind = told.iter().filter(|one| one.kind == kind);
    of_kind.filter_map(|one| number(&one.change)).collect()
}

/// Each once.
fn distinct(numbers: Vec<i64>) -> Vec<i64> {
    numbers.into_iter().collect::<BTreeSet<i64>>().into_iter().collect()
}

fn compare(findings: &mut Findings, what: &str, mut told: Vec<i64>, mut stored: Vec<i64>) {
    told.sort_unstable();
    stored.sort_unstable();
    let what = format!("{what}: what its events name");
    findings.same(Invariant::Events, &what, &told, &stored);
}

/// Last part of a resource's name.
fn number(name: &str) -> Option<i64> {
    name.rsplit('/').next()?.parse().ok()
}
