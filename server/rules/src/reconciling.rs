//! What a provider says of a reservation, for the comparison with our ledger (11.2, 11.5).

use crate::money::Currency;
use crate::order::Micros;

/// A provider's account of a reservation. Amounts in minor units, each in all so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `None`: none that we know.
    pub currency: Option<Currency>,
    pub standing: Standing,
    /// What was ever reserved; captures and releases do not lower it, a new amount does.
    pub authorized_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    /// Given back without having been captured; of what has expired or is gone, all of the rest.
    pub released_minor: i64,
    pub expires_at: Option<Micros>,
}

/// What a provider says of the reservation itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The provider has not made up its mind.
    Pending,
    /// It stands: what was not captured or given back can be captured.
    Held,
    Expired,
    /// Cancelled or closed: nothing more can be captured.
    Gone,
    /// The provider has refused the purchase.
    Rejected,
}
