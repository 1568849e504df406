//! What must be true of every order and payment, whatever was done to them: the exactness audit.

mod invariants;
#[cfg(test)]
mod tests;

pub use invariants::Invariant;

use crate::accounting::{Transfer, TransferForm, TransferState};
use crate::decision::Case;
use crate::labels::{Label, LabelState};
use crate::money::{LineAmounts, Overflow, line_amounts, part, vat_table};
use crate::order::{Line, Order, OrderKind, OrderNumber};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, is_fully_captured,
};
use crate::statuses::{Statuses, Tag};

/// Something that must be so and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What is broken.
    pub invariant: Invariant,
    /// What is and what should be, in English, without personal data.
    pub description: String,
}

/// What is found wrong, one after the other.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Breach>);

impl Findings {
    /// Notes a breach unless `is_right`.
    pub fn check(
        &mut self,
        is_right: bool,
        invariant: Invariant,
        describe: impl FnOnce() -> String,
    ) {
        if !is_right {
            self.0.push(Breach { invariant, description: describe() });
        }
    }

    /// Notes a breach unless the two are the same.
    pub fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        invariant: Invariant,
        what: &str,
        is: &T,
        should_be: &T,
    ) {
        self.check(is == should_be, invariant, || format!("{what} is {is:?}, not {should_be:?}"));
    }
}

/// Recomputes everything about one order from its lines and its ledger.
#[must_use]
pub fn check_case(case: &Case, statuses: &Statuses) -> Vec<Breach> {
    let mut findings = Findings::default();
    for line in &case.order.lines {
        check_line(&mut findings, &case.order, line);
    }
    check_totals(&mut findings, &case.order);
    check_deliveries(&mut findings, &case.order);
    check_labels(&mut findings, &case.order);
    check_status(&mut findings, case, statuses);
    check_pending(&mut findings, case);
    check_transfers(&mut findings, &case.order);
    for payment in &case.payments {
        check_payment(&mut findings, payment);
    }
    findings.0
}

/// 2.2, 4.5: handed over once it was COMPLETED, one at a time, and as an invoice once.
fn check_transfers(findings: &mut Findings, order: &Order) {
    let count = |is_counted: fn(&Transfer) -> bool| {
        order.transfers.iter().filter(|transfer| is_counted(transfer)).count()
    };
    let open = count(Transfer::is_open);
    findings.check(open <= 1, Invariant::Transfers, || format!("{open} transfers are open"));
    let invoices =
        count(|one| one.form == TransferForm::Invoice && one.state == TransferState::Succeeded);
    findings
        .check(invoices <= 1, Invariant::Transfers, || format!("it stands as {invoices} invoices"));
    findings.check(
        order.transfers.is_empty() || order.completed_at.is_some(),
        Invariant::Transfers,
        || "transferred, but never COMPLETED".to_owned(),
    );
}

/// §10, and the bounds of §4 to §6.
fn check_line(findings: &mut Findings, order: &Order, line: &Line) {
    let place = |what: &str| format!("line {}: {what}", line.id);
    findings.same(
        Invariant::LineAmounts,
        &place("net + VAT"),
        &line.net_minor.checked_add(line.vat_minor),
        &Some(line.gross_minor),
    );
    let whole = line_amounts(
        order.price_basis,
        line.unit_price_minor,
        line.quantity,
        line.discount_minor,
        line.vat_rate,
    );
    let stored = LineAmounts { net: line.net_minor, vat: line.vat_minor, gross: line.gross_minor };
    let amount = |amounts: LineAmounts| match order.price_basis {
        crate::order::PriceBasis::Gross => amounts.gross,
        crate::order::PriceBasis::Net => amounts.net,
    };
    // What an edit left of a line may be a rounding away from its price.
    if line.quantity == line.placed.quantity {
        findings.same(
            Invariant::LineAmounts,
            &place("units × price − discount"),
            &whole.map(amount),
            &Ok(amount(stored)),
        );
    }
    if order.kind == OrderKind::Sale {
        findings.same(Invariant::LineParts, &place("amounts"), &first_units(line), &Ok(stored));
    }
    check_quantities(findings, line);
    findings.check(
        0 <= line.stock_put_back && line.stock_put_back <= line.stock_taken,
        Invariant::LineStock,
        || place(&format!("{} of {} put back", line.stock_put_back, line.stock_taken)),
    );
    findings.check(
        (0..=line.gross_minor.max(0)).contains(&line.credited_gross_minor)
            && (0..=line.vat_minor.max(0)).contains(&line.credited_vat_minor),
        Invariant::LineCredit,
        || place(&format!("{} of {} credited", line.credited_gross_minor, line.gross_minor)),
    );
}

/// 4.1, 6.1: no unit is captured, credited or sent twice, and none is sent that was credited before.
fn check_quantities(findings: &mut Findings, line: &Line) {
    let Line { id, quantity, captured, credited, delivered, kept_back, .. } = line;
    let is_within = 0 <= *delivered && 0 <= *kept_back && line.gone() <= *quantity;
    findings.check(is_within, Invariant::LineQuantities, || {
        format!("line {id}: {delivered} delivered and {kept_back} kept back of {quantity}")
    });
    let is_paid = 0 <= *credited && credited <= captured && captured <= quantity;
    let is_split = kept_back <= credited && *credited <= line.gone();
    findings.check(is_paid && is_split, Invariant::LineQuantities, || {
        format!(
            "line {id}: {credited} credited ({kept_back} kept back) of {captured} captured of \
             {quantity}"
        )
    });
}

/// A line is the first units of what it was placed with (5.5, 10.5).
fn first_units(line: &Line) -> Result<LineAmounts, Overflow> {
    if line.quantity == 0 {
        return Ok(LineAmounts { net: 0, vat: 0, gross: 0 });
    }
    let gross = part(line.placed.gross_minor, 0, line.quantity, line.placed.quantity)?;
    let vat = part(line.placed.vat_minor, 0, line.quantity, line.placed.quantity)?;
    Ok(LineAmounts { net: gross.checked_sub(vat).ok_or(Overflow)?, vat, gross })
}

/// 10.4: totals and VAT table are sums, and nothing else.
fn check_totals(findings: &mut Findings, order: &Order) {
    let sum = |of: fn(&Line) -> i64| order.lines.iter().map(of).try_fold(0_i64, i64::checked_add);
    let lines =
        [sum(|line| line.net_minor), sum(|line| line.vat_minor), sum(|line| line.gross_minor)];
    let stored = [order.net_minor, order.vat_minor, order.gross_minor].map(Some);
    findings.same(Invariant::OrderTotal, "the sum of the lines (net, VAT, gross)", &lines, &stored);
    let rows = vat_table(&order.lines).unwrap_or_default();
    let table = rows.iter().map(|row| row.gross).try_fold(0_i64, i64::checked_add);
    findings.same(Invariant::VatTable, "its sum", &table, &Some(order.gross_minor));
    for row in rows {
        let is_sum = row.net.checked_add(row.vat) == Some(row.gross);
        findings.check(is_sum, Invariant::VatTable, || {
            format!("{} + {} is not {}", row.net, row.vat, row.gross)
        });
    }
}

/// 6.1: what was delivered is what its deliveries say.
fn check_deliveries(findings: &mut Findings, order: &Order) {
    for line in &order.lines {
        let standing = order.deliveries.iter().filter(|one| one.cancelled_at.is_none());
        let units = standing.flat_map(|delivery| &delivery.lines).filter(|(id, _)| *id == line.id);
        let sum = units.map(|(_, units)| *units).try_fold(0_i64, i64::checked_add);
        let what = format!("line {}: what its deliveries hold", line.id);
        findings.same(Invariant::Deliveries, &what, &sum, &Some(line.delivered));
    }
}

/// 6.1: goods are with one carrier once, and what is made says what was made.
fn check_labels(findings: &mut Findings, order: &Order) {
    for label in &order.labels {
        let place = |what: &str| format!("label {}: {what}", label.id);
        let is_made = label.state == LabelState::Made;
        findings.same(Invariant::Labels, &place("made"), &label.consignment.is_some(), &is_made);
        findings.same(
            Invariant::Labels,
            &place("resolved"),
            &label.resolved_at.is_some(),
            &!label.is_open(),
        );
        for print in &label.prints {
            let is_over = print.resolved_at.is_some();
            findings.same(Invariant::Labels, &place("printed"), &is_over, &!print.is_open());
        }
        let is_rival = |other: &&Label| {
            other.id < label.id && other.is_open() && other.delivery == label.delivery
        };
        let has_rival = label.stands() && order.labels.iter().any(|other| is_rival(&other));
        findings.check(!has_rival, Invariant::Labels, || place("another was not finished"));
    }
}

/// A status never lies: COMPLETED is captured, CANCELLED holds neither reservation nor money, or a
/// problem says why.
fn check_status(findings: &mut Findings, case: &Case, statuses: &Statuses) {
    let Case { order, payments } = case;
    let Some(status) = statuses.get(order.status) else {
        findings
            .check(false, Invariant::StatusKnown, || format!("status {} is none", order.status.0));
        return;
    };
    let is_sale = order.kind == OrderKind::Sale;
    let has_problem = order.problems.iter().any(|problem| problem.closed_at.is_none());
    if status.tag == Some(Tag::Completed) && is_sale && order.gross_minor > 0 {
        let is_paid = is_fully_captured(order, payments) || has_problem;
        findings.check(is_paid, Invariant::CompletedIsCaptured, || "it is not captured".to_owned());
    }
    if status.tag == Some(Tag::Cancelled) && is_sale && order.pending.is_none() {
        let is_let_go = !payments.iter().any(|payment| payment.is_held_by(order.number));
        findings.check(is_let_go, Invariant::CancelledLetsGo, || "it holds a payment".to_owned());
        let kept_minor = if has_problem { 0 } else { kept_by_cancelling(case) };
        findings.check(kept_minor <= 0, Invariant::CancelledKeepsNoMoney, || {
            format!("{kept_minor} captured and not given back")
        });
    }
    let is_cancelled = status.tag == Some(Tag::Cancelled) && is_sale;
    findings.same(Invariant::CancelTime, "cancelled", &order.cancelled_at.is_some(), &is_cancelled);
    findings.same(Invariant::CreditKind, "a credit", &order.credit.is_some(), &!is_sale);
}

/// What was captured when the order was cancelled and has not been given back since (2.3): nothing,
/// unless all of it is credited. What somebody captured at the provider, what an attempt to come back
/// captured later, and what a refund that failed afterwards left here is explained by these operations.
fn kept_by_cancelling(case: &Case) -> i64 {
    let Case { order, payments } = case;
    let is_credited =
        || order.lines.iter().all(|line| line.credited_gross_minor >= line.gross_minor);
    if is_fully_captured(order, payments) && is_credited() {
        return 0;
    }
    let own = || {
        let operations = payments.iter().flat_map(|payment| &payment.operations);
        operations.filter(|operation| operation.order == order.number)
    };
    let was_paid_back_in_vain = own().any(|operation| {
        operation.kind == OperationKind::Refund && operation.state == OperationState::Declined
    });
    if was_paid_back_in_vain {
        return 0;
    }
    let sum = |is_counted: &dyn Fn(&Operation) -> bool| {
        let counted = own().filter(|operation| is_counted(operation));
        counted.fold(0_i64, |sum, operation| sum.saturating_add(operation.amount_minor))
    };
    let captured = sum(&|operation| {
        operation.kind == OperationKind::Capture
            && operation.state == OperationState::Succeeded
            && !operation.is_adopted()
            && operation.resolved_at <= order.cancelled_at
    });
    let given_back = sum(&|operation| {
        matches!(operation.kind, OperationKind::Refund | OperationKind::CaptureReversal)
            && operation.state.may_happen()
    });
    captured.saturating_sub(given_back)
}

/// What waits, waits for something.
fn check_pending(findings: &mut Findings, case: &Case) {
    let is_under_way = |operation: &Operation| {
        operation.order == case.order.number && operation.state.is_claimed()
    };
    let has_work = case.payments.iter().any(Payment::awaits_authorization)
        || case.payments.iter().flat_map(|payment| &payment.operations).any(is_under_way);
    findings.check(case.order.pending.is_none() || has_work, Invariant::PendingHasAWayOut, || {
        "a status change waits for nothing".to_owned()
    });
}

/// 11.4 and 7.3, counted from the ledger.
fn check_payment(findings: &mut Findings, payment: &Payment) {
    let place = |what: &str| format!("payment {}: {what}", payment.id.0);
    let sums = payment.sums();
    let used = sums.captured.saturating_add(sums.claimed_capture);
    findings.check(used <= payment.authorized_minor, Invariant::CapturedWithinAuthorized, || {
        place(&format!("{used} of {}", payment.authorized_minor))
    });
    let back = sums.refunded.saturating_add(sums.claimed_refund);
    findings.check(back <= sums.captured, Invariant::RefundedWithinCaptured, || {
        place(&format!("{back} of {}", sums.captured))
    });
    for holder in &payment.holders {
        let own = payment.sums_for(holder.order);
        let back = own.refunded.saturating_add(own.claimed_refund);
        findings.check(back <= own.captured, Invariant::RefundedWithinCaptured, || {
            place(&format!("order {}: {back} of {}", holder.order.0, own.captured))
        });
    }
    let mut captors: Vec<OrderNumber> = of_kind(payment, OperationKind::Capture)
        .filter(|operation| operation.state.may_happen())
        .map(|operation| operation.order)
        .collect();
    captors.sort_unstable();
    captors.dedup();
    findings.check(captors.len() <= 1, Invariant::OneOrderPerCapture, || {
        place(&format!("captured for orders {captors:?}"))
    });
    let in_flight = payment.operations.iter().filter(|one| one.state.is_in_flight()).count();
    findings
        .check(in_flight <= 1, Invariant::OneInFlight, || place(&format!("{in_flight} in flight")));
    let has_void = of_kind(payment, OperationKind::Void)
        .any(|operation| operation.state == OperationState::Succeeded);
    findings.check(!has_void || sums.captured == 0, Invariant::VoidOrCapture, || {
        place("both voided and captured")
    });
    findings.check(
        !has_void || payment.authorization != Authorization::Held,
        Invariant::VoidOrCapture,
        || place("voided and held"),
    );
    for operation in &payment.operations {
        let is_final = !operation.state.is_claimed();
        findings.same(
            Invariant::OperationTimes,
            &place(&format!("operation {} resolved", operation.id)),
            &operation.resolved_at.is_some(),
            &is_final,
        );
    }
}

fn of_kind(payment: &Payment, kind: OperationKind) -> impl Iterator<Item = &Operation> {
    payment.operations.iter().filter(move |operation| operation.kind == kind)
}
