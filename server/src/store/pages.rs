//! What a page of orders is asked for with, and the rows it is made of.

use super::rows::PersonalRow;

/// An order's document and what is personal of it, with the columns that pages are sorted by.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct DocumentRow {
    pub order_key: i64,
    /// Of its last event.
    pub revision: i64,
    pub status_id: i64,
    /// Of its shop's settings and statuses.
    pub settings_revision: i64,
    pub updated_at: i64,
    pub gross_minor: i64,
    pub document: Option<Vec<u8>>,
    pub personal: Vec<u8>,
    pub deleted_at: Option<i64>,
}

/// What is kept about a person, order by order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PersonRows {
    pub documents: Vec<DocumentRow>,
    /// Every version of what is personal, by order.
    pub versions: Vec<PersonalRow>,
    /// The status changes that wait, each with its note.
    pub pending: Vec<(i64, Vec<u8>)>,
}

/// An event of an order's history.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct HistoryRow {
    pub revision: i64,
    pub kind: i16,
    pub actor: String,
    pub created_at: i64,
    pub request_id: Vec<u8>,
    pub change: Vec<u8>,
}

/// What a list is sorted by; the order's key breaks ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// The order of placing too, as event time never falls.
    Number,
    Updated,
    Gross,
}

/// The last row of the page before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In the column sorted by; the order's key when sorted by number.
    pub value: i64,
    pub order_key: i64,
}

/// A page of a shop's orders.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub shop_id: i64,
    pub sort: SortKey,
    pub is_descending: bool,
    pub after: Option<Place>,
    pub limit: i64,
    pub filter: Narrowing,
}

/// Conditions that must all be true; an empty list is no condition. Terms are as stored, times in
/// microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Narrowing {
    pub kinds: Vec<i16>,
    /// `None`: any; an empty list: none, so nothing is found.
    pub statuses: Option<Vec<i64>>,
    pub payment_states: Vec<i16>,
    pub delivery_states: Vec<i16>,
    pub created: (Option<i64>, Option<i64>),
    pub updated: (Option<i64>, Option<i64>),
    pub gross: (Option<i64>, Option<i64>),
    pub has_problem: Option<bool>,
    pub is_possible_duplicate: Option<bool>,
    pub is_pending: Option<bool>,
    pub external_reference: Option<String>,
    pub payment_reference: Option<String>,
    pub sku: Option<String>,
    pub currency: Option<String>,
    pub sought: Option<Sought>,
    /// The sale order that is credited.
    pub original: Option<i64>,
    /// Days since 1970-01-01: from, before.
    pub withdrawal_deadline: (Option<i32>, Option<i32>),
    pub refund_due_before: Option<i32>,
    pub reservation_expires_before: Option<i64>,
    pub with_deleted: bool,
}

/// Words that an order must all have; folded, of letters and digits, and `=` before a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sought {
    /// Beginnings of words.
    pub beginnings: Vec<String>,
    /// Whole ones.
    pub marks: Vec<String>,
}

/// What an order can be found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findable {
    pub order_key: i64,
    pub external_reference: Option<String>,
    /// Encoded.
    pub personal: Vec<u8>,
    pub skus: Vec<String>,
    /// Of its payments.
    pub references: Vec<String>,
}
