//! What a turn asks of the store and what it hands back: rows in, rows out.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{
    DuplicateRow, EffectRow, EventRow, HeadRow, HolderRow, LineRow, MovementRow, OperationRow,
    OrderRow, PaymentRow, PersonalRow, ProblemRow, ShopRow, StatusRow, StockItemRow,
};

/// Facts that the commands of a turn need. Every set may be empty; an empty one costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    /// Shops to lock, each with the settings revision that is known already (−1: none).
    pub shops: BTreeMap<i64, i64>,
    pub request_ids: Vec<Vec<u8>>,
    /// Keys of orders to load with all that belongs to them.
    pub orders: BTreeSet<i64>,
    /// References of payments that may be known.
    pub references: BTreeSet<String>,
    pub external_references: BTreeSet<String>,
    pub skus: BTreeSet<String>,
    /// Shops whose orders are to be counted by status.
    pub status_counts: BTreeSet<i64>,
}

/// What was found. Rows of other shops than those locked are never among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub heads: Vec<HeadRow>,
    /// Shops whose settings were not known.
    pub shops: Vec<ShopRow>,
    pub statuses: Vec<StatusRow>,
    pub requests: Vec<RequestRow>,
    pub external_references: Vec<(i64, Option<String>)>,
    pub orders: Vec<OrderRow>,
    pub lines: Vec<LineRow>,
    /// All versions; the last counts.
    pub personal: Vec<PersonalRow>,
    pub problems: Vec<ProblemRow>,
    pub duplicates: Vec<DuplicateRow>,
    pub payments: Vec<PaymentRow>,
    pub holders: Vec<HolderRow>,
    pub operations: Vec<OperationRow>,
    /// Effects that are not final, locked.
    pub effects: Vec<EffectRow>,
    pub items: Vec<StockItemRow>,
    /// (shop, status, orders that have it).
    pub status_counts: Vec<(i64, i64, i64)>,
    /// Encoded changes that wait, of the shops in `status_counts`.
    pub waiting: Vec<(i64, Option<Vec<u8>>)>,
}

/// The idempotency record: the first event of a command.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct RequestRow {
    pub shop_id: i64,
    pub request_id: Vec<u8>,
    pub content: Option<Vec<u8>>,
    pub revision: i64,
    pub order_number: Option<i64>,
    /// What the event says.
    pub change: Vec<u8>,
}

/// What a turn changed. Rows that exist are brought up to date, new ones are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub shops: Vec<ShopRow>,
    pub statuses: Vec<StatusRow>,
    pub orders: Vec<OrderRow>,
    pub lines: Vec<LineRow>,
    pub personal: Vec<PersonalRow>,
    pub payments: Vec<PaymentRow>,
    pub holders: Vec<HolderRow>,
    pub operations: Vec<OperationRow>,
    pub problems: Vec<ProblemRow>,
    pub duplicates: Vec<DuplicateRow>,
    pub items: Vec<StockItemRow>,
    pub movements: Vec<MovementRow>,
    pub effects: Vec<EffectRow>,
    pub events: Vec<EventRow>,
    pub heads: Vec<HeadRow>,
}
