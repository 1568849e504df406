//! What the rounds ask of the store: payments to read, and reservations that expire soon.

/// A payment that is to be read at its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreads {
    pub payment_key: i64,
    /// Last part of the shop's name.
    pub shop: String,
    pub provider: String,
    /// The first order that hangs on it.
    pub order: i64,
    pub payment: i64,
}

/// An order with a reservation that nobody was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiring {
    /// Last part of the shop's name.
    pub shop: String,
    pub number: i64,
    pub expires_at: i64,
}
