//! What the rounds ask of the store: payments to read, and reservations that expire soon.

/// A payment that is to be read at its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreads {
    pub payment_key: i64,
    pub lane: Lane,
    /// Last part of the shop's name.
    pub shop: String,
    /// The first order that hangs on it.
    pub order: i64,
    pub payment: i64,
}

/// A provider of a shop: its payments are read one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane {
    pub shop_id: i64,
    pub provider: String,
}

/// An order with a reservation that nobody was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiring {
    /// Last part of the shop's name.
    pub shop: String,
    pub number: i64,
    pub expires_at: i64,
}
