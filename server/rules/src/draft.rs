//! A decision being made: the case as it will be, and everything that has happened to it so far.

use crate::decision::{Case, Change, Decision, Ids, PlannedEffect, TwinStep};
use crate::order::{Micros, OrderNumber, Problem};
use crate::payments::{
    Authorization, Operation, OperationKind, OperationState, Payment, PaymentId,
};
use crate::refusals::Code;
use crate::stock::{Movement, MovementReason};

pub(crate) struct Draft<'ids> {
    pub(crate) case: Case,
    pub(crate) changes: Vec<Change>,
    pub(crate) movements: Vec<Movement>,
    pub(crate) effects: Vec<PlannedEffect>,
    pub(crate) mails: Vec<i64>,
    pub(crate) transfers: Vec<i64>,
    pub(crate) labels: Vec<i64>,
    pub(crate) withdrawn: Vec<i64>,
    pub(crate) twins: Vec<TwinStep>,
    pub(crate) ids: &'ids mut Ids,
    pub(crate) now: Micros,
}

/// What a problem is about.
#[derive(Clone, Copy, Default)]
pub(crate) struct About {
    pub(crate) payment: Option<PaymentId>,
    pub(crate) operation: Option<i64>,
}

impl From<&Problem> for About {
    fn from(problem: &Problem) -> Self {
        Self { payment: problem.payment, operation: problem.operation }
    }
}

impl<'ids> Draft<'ids> {
    pub(crate) fn new(case: Case, ids: &'ids mut Ids, now: Micros) -> Self {
        Self {
            case,
            changes: Vec::new(),
            movements: Vec::new(),
            effects: Vec::new(),
            mails: Vec::new(),
            transfers: Vec::new(),
            labels: Vec::new(),
            withdrawn: Vec::new(),
            twins: Vec::new(),
            ids,
            now,
        }
    }

    pub(crate) fn finish(self) -> Decision {
        Decision {
            case: self.case,
            changes: self.changes,
            movements: self.movements,
            effects: self.effects,
            mails: self.mails,
            transfers: self.transfers,
            labels: self.labels,
            withdrawn: self.withdrawn,
            twins: self.twins,
        }
    }

    pub(crate) fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.case.payments.iter().find(|payment| payment.id == id)
    }

    pub(crate) fn payment_mut(&mut self, id: PaymentId) -> Option<&mut Payment> {
        self.case.payments.iter_mut().find(|payment| payment.id == id)
    }

    /// Stores an operation of this order. The provider's becomes an effect; a manual one succeeds
    /// at once (9.3).
    pub(crate) fn request(&mut self, payment: PaymentId, kind: OperationKind, amount_minor: i64) {
        self.ask(payment, kind, amount_minor, None);
    }

    /// Stores a refund that pays a credit order out.
    pub(crate) fn request_refund(
        &mut self,
        payment: PaymentId,
        amount_minor: i64,
        credit: OrderNumber,
    ) {
        self.ask(payment, OperationKind::Refund, amount_minor, Some(credit));
    }

    fn ask(
        &mut self,
        payment: PaymentId,
        kind: OperationKind,
        amount_minor: i64,
        credit: Option<OrderNumber>,
    ) {
        let (order, now) = (self.case.order.number, self.now);
        let operation = Operation {
            id: self.ids.take(),
            order,
            kind,
            amount_minor,
            state: OperationState::Pending,
            requested_at: now,
            resolved_at: None,
            provider_reason: None,
            provider_reference: None,
            credit,
        };
        let Some(target) = self.payment_mut(payment) else { return };
        let is_manual = target.capabilities.is_manual;
        target.operations.push(operation.clone());
        self.changes.push(Change::OperationRequested {
            payment,
            operation: operation.id,
            kind,
            amount_minor,
            credit,
        });
        if is_manual {
            self.resolve(payment, operation.id, OperationState::Succeeded);
        } else {
            self.effects.push(PlannedEffect { payment, operation, due_at: now });
        }
    }

    /// Writes a final state into the ledger; a void that succeeded ends the reservation.
    pub(crate) fn resolve(&mut self, payment: PaymentId, id: i64, state: OperationState) {
        let now = self.now;
        let Some(target) = self.payment_mut(payment) else { return };
        let Some(operation) = target.operations.iter_mut().find(|known| known.id == id) else {
            return;
        };
        operation.state = state;
        operation.resolved_at = Some(now);
        let (kind, amount_minor) = (operation.kind, operation.amount_minor);
        let credit = operation.credit;
        self.changes.push(Change::OperationResolved {
            payment,
            operation: id,
            kind,
            amount_minor,
            state,
            credit,
        });
        match (kind, state) {
            (OperationKind::Void, OperationState::Succeeded) => {
                self.set_authorization(payment, Authorization::Voided);
            }
            (OperationKind::UpdateAmount, OperationState::Succeeded) => {
                self.set_authorized(payment, amount_minor);
            }
            _ => {}
        }
    }

    pub(crate) fn set_authorization(&mut self, payment: PaymentId, authorization: Authorization) {
        let Some(target) = self.payment_mut(payment) else { return };
        if target.authorization != authorization {
            target.authorization = authorization;
            self.payment_updated(payment);
        }
    }

    fn set_authorized(&mut self, payment: PaymentId, amount_minor: i64) {
        let Some(target) = self.payment_mut(payment) else { return };
        if target.authorized_minor != amount_minor {
            target.authorized_minor = amount_minor;
            self.payment_updated(payment);
        }
    }

    /// Takes an operation back that nobody was asked for yet.
    pub(crate) fn withdraw(&mut self, payment: PaymentId, operation: i64) {
        self.resolve(payment, operation, OperationState::Withdrawn);
        self.withdrawn.push(operation);
    }

    pub(crate) fn set_needs_attention(&mut self, payment: PaymentId) {
        self.set_attention(payment, true);
    }

    pub(crate) fn set_attention(&mut self, payment: PaymentId, is_needed: bool) {
        let Some(target) = self.payment_mut(payment) else { return };
        if target.needs_attention != is_needed {
            target.needs_attention = is_needed;
            self.payment_updated(payment);
        }
    }

    pub(crate) fn payment_updated(&mut self, payment: PaymentId) {
        let change = Change::PaymentUpdated { payment };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Opens a problem; an open one about the same thing gives way to it.
    pub(crate) fn open_problem(
        &mut self,
        code: Code,
        about: About,
        details: Vec<(&'static str, String)>,
    ) {
        // Each reversal is money of its own and stays until a person has seen it.
        if code != Code::CaptureReversed {
            let credit = self.credit_of(about);
            let same: Vec<i64> = self
                .case
                .order
                .problems
                .iter()
                .filter(|problem| problem.code == code && problem.payment == about.payment)
                // So is what each credit still owes.
                .filter(|problem| self.credit_of(About::from(*problem)) == credit)
                .map(|problem| problem.id)
                .collect();
            self.close_problems(|problem| same.contains(&problem.id));
        }
        self.open_another_problem(code, about, details);
    }

    /// Opens a problem beside those there are.
    pub(crate) fn open_another_problem(
        &mut self,
        code: Code,
        about: About,
        details: Vec<(&'static str, String)>,
    ) {
        let id = self.ids.take();
        self.case.order.problems.push(Problem {
            id,
            code,
            details: details.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            payment: about.payment,
            operation: about.operation,
            opened_at: self.now,
            closed_at: None,
        });
        self.changes.push(Change::ProblemOpened { problem: id });
    }

    /// Opens a problem as it was opened before.
    pub(crate) fn open_problem_again(&mut self, closed: &Problem) {
        let (id, opened_at) = (self.ids.take(), self.now);
        self.case.order.problems.push(Problem { id, opened_at, closed_at: None, ..closed.clone() });
        self.changes.push(Change::ProblemOpened { problem: id });
    }

    /// The credit order that the operation of a problem pays out.
    fn credit_of(&self, about: About) -> Option<OrderNumber> {
        self.payment(about.payment?)?.operation(about.operation?)?.credit
    }

    pub(crate) fn close_problems(&mut self, is_over: impl Fn(&Problem) -> bool) {
        let now = self.now;
        for problem in &mut self.case.order.problems {
            if problem.closed_at.is_none() && is_over(problem) {
                problem.closed_at = Some(now);
                self.changes.push(Change::ProblemClosed { problem: problem.id });
            }
        }
    }

    pub(crate) fn move_stock(
        &mut self,
        line: i32,
        sku: String,
        quantity: i64,
        reason: MovementReason,
    ) {
        let order = Some(self.case.order.number);
        self.movements.push(Movement { sku, quantity, reason, order, line: Some(line) });
        self.changes.push(if quantity < 0 {
            Change::StockTaken { line, quantity: quantity.saturating_neg() }
        } else {
            Change::StockPutBack { line, quantity }
        });
    }
}
