//! Stock: what placing takes and what cancelling puts back (2.4, 9.4).

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
