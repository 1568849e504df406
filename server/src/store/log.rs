//! The log as listeners read it: rows of events, and where a stream can begin.

use diesel::Queryable;

/// Events that one command makes, at most.
pub(crate) const COMMAND_EVENTS_MAX: i64 = 1_000;
/// What they say, encoded, at most.
pub(crate) const COMMAND_BYTES_MAX: usize = 1024 * 1024;

/// What tells one event from another at the same revision: a log that was rewritten differs here.
/// Nothing personal and nothing that retention takes away.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub(crate) struct MarkRow {
    pub revision: i64,
    /// Revision of the first event of its command.
    pub command_revision: i64,
    pub kind: i16,
    pub order_number: Option<i64>,
    /// Microseconds.
    pub created_at: i64,
    pub request_id: Vec<u8>,
    /// Encoded `EventChange`.
    pub change: Vec<u8>,
}

/// An event with what goes out with it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub(crate) struct LogRow {
    pub mark: MarkRow,
    pub actor: String,
    /// Encoded `Order` without what is personal; only with the last event of a command about an order.
    pub document: Option<Vec<u8>>,
    /// What is personal of that order.
    pub personal: Option<Vec<u8>>,
}

/// What a stream needs to know of a shop's log before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Revision of the oldest event that is kept.
    pub oldest: i64,
    pub head: MarkRow,
    /// The event at the revision asked for, if it is kept.
    pub asked: Option<MarkRow>,
}

/// Which orders a snapshot holds, and how far it has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    pub shop_id: i64,
    /// Orders whose last event has a higher revision come next.
    pub after: i64,
    /// `None`: any.
    pub statuses: Option<Vec<i64>>,
    /// Keys of orders; empty: any.
    pub orders: Vec<i64>,
    /// Orders to look at; those that match are at most [`Walk::matches_max`].
    pub looks_max: i64,
    pub matches_max: usize,
}

/// An order as it is, with its last event.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub(crate) struct WalkRow {
    pub mark: MarkRow,
    pub status_id: i64,
    pub document: Option<Vec<u8>>,
    pub personal: Vec<u8>,
}

/// The next orders of a snapshot, by the revision of their last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WalkPage {
    pub orders: Vec<WalkRow>,
    /// The last event of the last order that was looked at; the head of the log when there are no more.
    pub through: MarkRow,
    /// No order of the shop has changed after `through`.
    pub is_last: bool,
}
