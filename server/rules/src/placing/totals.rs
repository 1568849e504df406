//! §10 applied to a placement: lines with their share of every discount, and the order's sums.

use super::{NewLine, Placement};
use crate::money::{LineAmounts, Overflow, VatRate, line_amounts, spread};
use crate::order::{Line, PlacedLine, PriceBasis};

/// The lines as they are stored for ever (10.3).
pub(super) fn build_lines(placement: &Placement) -> Result<Vec<Line>, Overflow> {
    let amounts: Vec<i64> =
        placement.lines.iter().map(amount_before_spread).collect::<Result<_, _>>()?;
    let shares = spread(placement.order_discount_minor, &amounts)?;
    (1..)
        .zip(&placement.lines)
        .zip(shares)
        .map(|((id, line), share)| build_line(id, line, share, placement.price_basis))
        .collect()
}

/// The sums of the lines (10.4).
pub(crate) fn sum_lines(lines: &[Line]) -> Result<LineAmounts, Overflow> {
    let mut sums = LineAmounts { net: 0, vat: 0, gross: 0 };
    for line in lines {
        sums.net = sums.net.checked_add(line.net_minor).ok_or(Overflow)?;
        sums.vat = sums.vat.checked_add(line.vat_minor).ok_or(Overflow)?;
        sums.gross = sums.gross.checked_add(line.gross_minor).ok_or(Overflow)?;
    }
    Ok(sums)
}

/// What a line comes to in the price basis before the order's discount.
pub(super) fn amount_before_spread(line: &NewLine) -> Result<i64, Overflow> {
    line.unit_price_minor
        .checked_mul(line.quantity)
        .and_then(|full| full.checked_sub(line.discount_minor))
        .ok_or(Overflow)
}

/// A line as it is stored, with its share of the order's discount.
pub(crate) fn build_line(
    id: i32,
    line: &NewLine,
    share: i64,
    basis: PriceBasis,
) -> Result<Line, Overflow> {
    let vat_rate = VatRate::new(line.vat_rate_bp).ok_or(Overflow)?;
    let discount_minor = line.discount_minor.checked_add(share).ok_or(Overflow)?;
    let amounts =
        line_amounts(basis, line.unit_price_minor, line.quantity, discount_minor, vat_rate)?;
    Ok(Line {
        id,
        kind: line.kind,
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        discount_minor,
        vat_rate,
        net_minor: amounts.net,
        vat_minor: amounts.vat,
        gross_minor: amounts.gross,
        placed: PlacedLine {
            quantity: line.quantity,
            vat_minor: amounts.vat,
            gross_minor: amounts.gross,
        },
        delivered: 0,
        captured: 0,
        credited: 0,
        kept_back: 0,
        credited_gross_minor: 0,
        credited_vat_minor: 0,
        original_line: None,
        stock_taken: 0,
        stock_put_back: 0,
    })
}
