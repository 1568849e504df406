//! What a rule answers: the order as it will be, and what happened on the way.

use crate::order::{
    Day, DuplicateResolution, Micros, Order, OrderNumber, PendingResolution, Problem, StatusId,
};
use crate::payments::{Operation, OperationKind, OperationState, Payment, PaymentId};
use crate::reconciling::{Conclusion, Difference};
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
    Delivered {
        delivery: i32,
    },
    DeliveryCancelled {
        delivery: i32,
    },
    ArrivalConfirmed {
        delivery: i32,
        day: Day,
    },
    WithdrawalRecorded {
        day: Day,
    },
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
    /// What became of the pair, seen from this order.
    DuplicateResolved {
        other: OrderNumber,
        resolution: DuplicateResolution,
    },
    /// On the kept order one for each that is to be dropped; on that one it names the kept order.
    ResolutionRequested {
        other: OrderNumber,
    },
    ResolutionDropped {
        other: OrderNumber,
    },
    /// Lines were changed, added or removed (5.2).
    Edited {
        lines: Vec<LineChange>,
        from_gross_minor: i64,
        to_gross_minor: i64,
    },
    /// The order was deleted (8.1).
    Deleted,
    ContactChanged {
        fields: Vec<&'static str>,
    },
    NoteAdded,
    /// Of a sale: a credit order was made of it.
    Credited {
        credit: OrderNumber,
        gross_minor: i64,
    },
    MailRequested {
        mail: i64,
    },
    MailResolved {
        mail: i64,
    },
    /// A payment was compared with its provider's account (11.5).
    Reconciled {
        payment: PaymentId,
        conclusion: Conclusion,
        differences: Vec<Difference>,
    },
    /// A reservation that the order needs ends soon (2.8).
    ReservationExpiring {
        payment: PaymentId,
        expires_at: Micros,
    },
    TransferRequested {
        transfer: i64,
    },
    TransferResolved {
        transfer: i64,
    },
    /// A label, or a print of it.
    LabelRequested {
        label: i64,
        print: Option<i64>,
    },
    LabelResolved {
        label: i64,
        print: Option<i64>,
    },
    /// All that is personal of the order is gone.
    CustomerErased,
}

/// What a decision about one order means for a twin of it, in the same turn (7.5, 7.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwinStep {
    /// The order the decision is about.
    pub from: OrderNumber,
    pub twin: OrderNumber,
    pub kind: TwinStepKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TwinStepKind {
    /// It waits for the kept order's money.
    Await(PendingResolution),
    /// The other stands: this one lets go.
    Drop { restock: bool },
    /// The resolution came to nothing: it stays as it was.
    Release,
    /// They are different purchases.
    Dismiss,
}

/// What an edit did to one line. A line that was added had no units, one that was removed has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineChange {
    pub line: i32,
    pub from_quantity: i64,
    pub to_quantity: i64,
    pub from_unit_price_minor: i64,
    pub to_unit_price_minor: i64,
    pub from_gross_minor: i64,
    pub to_gross_minor: i64,
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
    /// Mails to send: each is an effect. They stand in `case.order.mails` as PENDING.
    pub mails: Vec<i64>,
    /// Transfers to accounting: each is an effect. They stand in `case.order.transfers` as PENDING.
    pub transfers: Vec<i64>,
    /// Labels and prints to be made: each is an effect. They stand in `case.order.labels` as PENDING.
    pub labels: Vec<i64>,
    /// Operations, mails, transfers, labels and prints that nobody is to carry out any more.
    pub withdrawn: Vec<i64>,
    /// To be carried out next, each by [`crate::resolving::follow`].
    pub twins: Vec<TwinStep>,
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
            mails: Vec::new(),
            transfers: Vec::new(),
            labels: Vec::new(),
            withdrawn: Vec::new(),
            twins: Vec::new(),
        }
    }

    /// True when nothing happened: the turn writes a `noop` event (1.6).
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.changes.is_empty() && self.twins.is_empty()
    }

    /// The problems of the order that are open.
    pub fn open_problems(&self) -> impl Iterator<Item = &Problem> {
        self.case.order.problems.iter().filter(|problem| problem.closed_at.is_none())
    }
}
