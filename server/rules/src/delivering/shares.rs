//! 6.2 What deliveries are worth: parts of the order that add up to it however the goods are sent.

use crate::decision::Case;
use crate::money::part;
use crate::order::{Delivery, Line, LineKind, Order};
use crate::payments::captured_or_claimed;

/// A delivery's part of the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// With VAT, minor units; 0 of one that was taken back.
    pub gross_minor: i64,
    pub is_captured: bool,
}

/// The share of each delivery, in their order. Those that stand add up to the total once all goods
/// are delivered; what was credited before it was sent is in none.
#[must_use]
pub fn shares(order: &Order) -> Vec<Share> {
    let mut before = 0_i64;
    let share = |delivery: &Delivery| {
        if delivery.cancelled_at.is_some() {
            return Share { gross_minor: 0, is_captured: false };
        }
        let after = owed(order, |line| units_through(order, line.id, delivery.id));
        let gross_minor = after.saturating_sub(before);
        before = after;
        Share { gross_minor, is_captured: is_captured(order, delivery) }
    };
    order.deliveries.iter().map(share).collect()
}

/// What is owed for all that is delivered: gross parts of the delivered units, shipping and fees with
/// the first, and the total with the last.
pub(crate) fn owed_for_deliveries(order: &Order) -> i64 {
    owed(order, |line| line.delivered)
}

/// Of that, what is neither captured nor being captured.
pub(crate) fn left_of_deliveries(case: &Case) -> i64 {
    let taken = captured_or_claimed(&case.order, &case.payments);
    owed_for_deliveries(&case.order).saturating_sub(taken).max(0)
}

/// Whether the units of a delivery, counted from the first delivery on, are captured.
pub(super) fn is_captured(order: &Order, delivery: &Delivery) -> bool {
    delivery.lines.iter().all(|&(id, _)| {
        let captured = order.lines.iter().find(|line| line.id == id).map_or(0, |one| one.captured);
        captured >= units_through(order, id, delivery.id)
    })
}

fn units_through(order: &Order, line: i32, delivery: i32) -> i64 {
    let standing = order.deliveries.iter().filter(|known| known.cancelled_at.is_none());
    standing
        .filter(|known| known.id <= delivery)
        .flat_map(|known| &known.lines)
        .filter(|(known, _)| *known == line)
        .fold(0, |sum, (_, units)| sum.saturating_add(*units))
}

fn owed(order: &Order, units_of: impl Fn(&Line) -> i64) -> i64 {
    let is_goods = |line: &&Line| line.kind == LineKind::Goods;
    if order.lines.iter().filter(is_goods).all(|line| units_of(line) == 0) {
        return 0;
    }
    if order.lines.iter().filter(is_goods).all(|line| units_of(line) >= line.quantity) {
        return order.gross_minor;
    }
    let parts = order.lines.iter().map(|line| match line.kind {
        // A line with more units than it was placed with counts as a whole.
        LineKind::Goods => part(line.placed.gross_minor, 0, units_of(line), line.placed.quantity)
            .unwrap_or(line.gross_minor),
        LineKind::Shipping | LineKind::Fee => line.gross_minor,
    });
    parts.fold(0, i64::saturating_add).min(order.gross_minor)
}
