//! Stock: what orders take and put back, and why (2.4, 4.7, 5.5, 7.5, 8.1, 9.4).

use crate::order::OrderNumber;

/// A tracked sku; a sku without an item is not tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub sku: String,
    /// May be negative where the shop allows overselling.
    pub on_hand: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementReason {
    Placed,
    Cancelled,
    /// Taken again when an order comes back from CANCELLED (2.7).
    Reopened,
    Adjusted,
    /// Taken or put back by an edit (5.5).
    Edited,
    /// Came back with a credit (4.7).
    Credited,
    /// Put back when the order was dropped for its twin (7.5).
    Dropped,
    /// Put back when the order was deleted (8.1).
    Deleted,
}

/// One change of a balance; one per (line, reason, revision).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub sku: String,
    /// Negative when goods leave.
    pub quantity: i64,
    pub reason: MovementReason,
    pub order: Option<OrderNumber>,
    pub line: Option<i32>,
}
