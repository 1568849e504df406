//! What a rule answers: the order as it will be, and what happened on the way.

use crate::order::{Micros, Order, OrderNumber, Problem, StatusId};
use crate::payments::{Operation, OperationKind, OperationState, Payment, PaymentId};
use crate::stock::Movement;

/// Hands out ids that are new within the shop.
#[derive(Clone, Debug)]
pub struct Ids(pub i64);

impl Ids {
    /// The next id.
    pub fn take(&mut self) -> i64 {
        let id = self.0;
        self.0 = self.0.saturating_add(1);
        id
    }
}

/// An order with the payments it hangs on, in the order of `order.payments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub order: Order,
    pub payments: Vec<Payment>,
}

/// What happened, in the order it happened: each becomes an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    StatusChangeRequested {
        from: StatusId,
        to: StatusId,
    },
    StatusChanged {
        from: StatusId,
        to: StatusId,
    },
    /// A pending change was taken back or dropped after a decline.
    StatusChangeDropped {
        to: StatusId,
    },
    PaymentAttached {
        payment: PaymentId,
    },
    OperationRequested {
        payment: PaymentId,
        operation: i64,
        kind: OperationKind,
        amount_minor: i64,
        /// The credit order that a refund pays out.
        credit: Option<OrderNumber>,
    },
    OperationResolved {
        payment: PaymentId,
        operation: i64,
        kind: OperationKind,
        amount_minor: i64,
        state: OperationState,
        credit: Option<OrderNumber>,
    },
    /// A person said what became of an operation, or had it tried again (4.6). The state is the one
    /// it had before.
    OperationSettled {
        payment: PaymentId,
        operation: i64,
        kind: OperationKind,
        amount_minor: i64,
        state: OperationState,
        /// The reason stands among the notes.
        has_reason: bool,
    },
    PaymentUpdated {
        payment: PaymentId,
    },
    StockTaken {
        line: i32,
        quantity: i64,
    },
    StockPutBack {
        line: i32,
        quantity: i64,
    },
    Delivered,
    ProblemOpened {
        problem: i64,
    },
    ProblemClosed {
        problem: i64,
    },
    /// Closed by a person, whose reason stands among the notes (2.5).
    ProblemDismissed {
        problem: i64,
    },
    DuplicateFound {
        other: OrderNumber,
    },
    ContactChanged {
        fields: Vec<&'static str>,
    },
    NoteAdded,
    /// Of a sale: a credit order was made of it.
    Credited {
        credit: OrderNumber,
        gross_minor: i64,
    },
}

/// What a rule decided about one order. Applying it is saving `case` and appending the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub case: Case,
    pub changes: Vec<Change>,
    pub movements: Vec<Movement>,
    /// New operations that the outside world must carry out: each is an effect.
    /// They stand in `case.payments[..].operations` as PENDING.
    pub effects: Vec<PlannedEffect>,
    /// Operations taken back before they were sent.
    pub withdrawn: Vec<i64>,
}

/// An effect the turn must store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEffect {
    pub payment: PaymentId,
    pub operation: Operation,
    /// Not before this time.
    pub due_at: Micros,
}

impl Decision {
    /// A decision that changes nothing.
    #[must_use]
    pub fn unchanged(case: Case) -> Self {
        Self {
            case,
            changes: Vec::new(),
            movements: Vec::new(),
            effects: Vec::new(),
            withdrawn: Vec::new(),
        }
    }

    /// True when nothing happened: the turn writes a `noop` event (1.6).
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.changes.is_empty()
    }

    /// The problems of the order that are open.
    pub fn open_problems(&self) -> impl Iterator<Item = &Problem> {
        self.case.order.problems.iter().filter(|problem| problem.closed_at.is_none())
    }
}
