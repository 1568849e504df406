//! What the exactness audit reads beside the facts of turns: how much there is, and rows to follow.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use super::rows::ExpiryRow;

/// How much a shop has when an audit begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    pub orders: i64,
    pub events: i64,
    pub payments: i64,
    pub stock_items: i64,
    /// Of the head.
    pub revision: i64,
    pub next_order_number: i64,
    pub next_credit_number: i64,
    /// What the next payment, operation, problem, mail, transfer, label or print gets.
    pub next_id: i64,
    /// The highest that one of them has.
    pub last_id: i64,
    /// Event time of the head.
    pub last_event_at: i64,
    /// How far into the log the words have come by which orders are found.
    pub words_place: i64,
}

/// Which orders are to be checked next.
#[derive(Clone, Debug)]
pub(crate) struct PageAsked {
    pub shop_id: i64,
    /// Key of the last order of the page before.
    pub after: i64,
    pub limit: i64,
    /// Revision of the settings that are known already (−1: none).
    pub settings_revision: i64,
}

/// Orders with everything that belongs to them, all of one snapshot.
pub(crate) struct AuditPage {
    /// By key; fewer than asked for: these are the last.
    pub keys: Vec<i64>,
    pub facts: Facts,
    /// The document of each order's last event.
    pub documents: Vec<(i64, Option<Vec<u8>>)>,
    /// All events of these orders, by order and revision.
    pub told: Vec<ToldRow>,
    /// Of the credit orders of these orders.
    pub credited: Vec<CreditedRow>,
    /// Of the sales that these orders credit, by key: who bought, as it stands there.
    pub buyers: Vec<(i64, String)>,
    pub expiries: Vec<ExpiryRow>,
    /// By key: the words that an order is found by.
    pub words: BTreeMap<i64, BTreeSet<String>>,
    /// How far into the log the words have come.
    pub words_place: i64,
}

/// An event, as far as the chain of the log shows.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct LinkRow {
    pub revision: i64,
    pub command_revision: i64,
    pub kind: i16,
    pub order_number: Option<i64>,
    pub created_at: i64,
    pub request_id: Vec<u8>,
    /// Set on the first event of a command, and only there.
    pub content: Option<Vec<u8>>,
    pub change: Vec<u8>,
    /// The beginning of the order as it is written down there.
    pub document: Option<Vec<u8>>,
}

/// An event of an order, as far as its history shows.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct ToldRow {
    pub order_number: Option<i64>,
    pub revision: i64,
    pub kind: i16,
    pub change: Vec<u8>,
}

/// A line of a credit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct CreditedRow {
    /// The sale that is credited.
    pub original_number: Option<i64>,
    /// The credit order.
    pub number: i64,
    /// The sale's line; none: a fee.
    pub original_line: Option<i32>,
    pub vat_minor: i64,
    pub gross_minor: i64,
}

/// A balance beside the sum of its movements, where they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BalanceRow {
    pub sku: String,
    pub on_hand: i64,
    pub moved: i64,
}
