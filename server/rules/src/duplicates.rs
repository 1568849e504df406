//! §7 Duplicates: the evidence that two orders are one purchase, and whose payment it is.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use crate::order::{
    DuplicateLink, DuplicateResolution, Line, LineKind, Micros, OrderNumber, PriceBasis,
};
use crate::payments::{Payment, bound_to};

/// A sale order that a new one may be the same purchase as, with what the evidence needs (7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierOrder {
    pub number: OrderNumber,
    pub placed_at: Micros,
    /// An opaque hash that two orders of one customer share; never a name.
    pub customer_key: String,
    /// [`lines_fingerprint`] of the order as it was placed.
    pub lines_fingerprint: String,
    pub price_basis: PriceBasis,
    /// As it is now: edits change it.
    pub gross_minor: i64,
}

/// Orders placed at most this long apart were placed at the same time: a provider that reports a
/// purchase twice does so within minutes.
pub const SAME_TIME_MICROS: i64 = 10 * 60 * 1_000_000;

/// Earlier orders that a new one is linked to as a possible double purchase, the newest.
pub const DOUBLE_PURCHASES_MAX: usize = 10;

const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// What agrees between a new order and an earlier one on the same payment, as the new order says
/// it (7.1).
#[must_use]
pub fn same_payment_evidence(new: &EarlierOrder, earlier: &EarlierOrder) -> DuplicateLink {
    DuplicateLink { same_payment: true, ..evidence(new, earlier) }
}

/// The newest orders with the same customer and lines, placed within so many seconds before this
/// one: the customer may have bought twice (7.1). None where nobody knows who the customer is.
#[must_use]
pub fn double_purchases(
    new: &EarlierOrder,
    earlier: &[EarlierOrder],
    window_seconds: i64,
) -> Vec<DuplicateLink> {
    let window = window_seconds.saturating_mul(1_000_000);
    let is_double = |earlier: &&EarlierOrder| {
        let ago = new.placed_at.0.saturating_sub(earlier.placed_at.0);
        !new.customer_key.is_empty()
            && earlier.number != new.number
            && earlier.customer_key == new.customer_key
            && earlier.lines_fingerprint == new.lines_fingerprint
            && ago <= window
    };
    if window <= 0 {
        return Vec::new();
    }
    let mut links: Vec<DuplicateLink> =
        earlier.iter().filter(is_double).map(|earlier| evidence(new, earlier)).collect();
    links.sort_by_key(|link| Reverse(link.other));
    links.truncate(DOUBLE_PURCHASES_MAX);
    links
}

fn evidence(new: &EarlierOrder, earlier: &EarlierOrder) -> DuplicateLink {
    let apart = new.placed_at.0.saturating_sub(earlier.placed_at.0).saturating_abs();
    DuplicateLink {
        other: earlier.number,
        same_payment: false,
        same_time: apart <= SAME_TIME_MICROS,
        same_customer: !new.customer_key.is_empty() && new.customer_key == earlier.customer_key,
        same_lines: new.lines_fingerprint == earlier.lines_fingerprint,
        same_total: new.gross_minor == earlier.gross_minor,
        resolution: DuplicateResolution::Open,
    }
}

/// The same evidence, as the other order says it.
#[must_use]
pub fn mirrored(link: &DuplicateLink, from: OrderNumber) -> DuplicateLink {
    DuplicateLink { other: from, ..link.clone() }
}

/// Equal for two orders with equal lines, in whatever order; 32 hexadecimal digits. To be taken
/// when an order is placed and kept, because edits change lines.
#[must_use]
pub fn lines_fingerprint(lines: &[Line]) -> String {
    let mut rows: Vec<String> = lines.iter().map(fingerprint_row).collect();
    rows.sort();
    let hash = rows
        .iter()
        .flat_map(|row| row.bytes().chain([0]))
        .fold(FNV_OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME));
    format!("{hash:032x}")
}

/// The other order that the payment belongs to, if it is not free for this one (7.3, 7.4).
#[must_use]
pub fn bound_elsewhere(payment: &Payment, order: OrderNumber) -> Option<OrderNumber> {
    bound_to(payment).filter(|&owner| owner != order)
}

fn fingerprint_row(line: &Line) -> String {
    let kind = match line.kind {
        LineKind::Goods => "goods",
        LineKind::Shipping => "shipping",
        LineKind::Fee => "fee",
    };
    let Line { sku, title, quantity, unit_price_minor, discount_minor, .. } = line;
    let rate = line.vat_rate.basis_points();
    // Length-prefixed, so that no text can pretend to be the next field.
    let (sku_bytes, title_bytes) = (sku.len(), title.len());
    format!(
        "{kind} {sku_bytes}:{sku} {title_bytes}:{title} \
         {quantity} {unit_price_minor} {discount_minor} {rate}"
    )
}
