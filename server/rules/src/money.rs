//! §10 Money: minor units, VAT, and parts that always add up to the whole.
//!
//! Everything is `i64` minor units with `i128` products. Nothing wraps and nothing is a float.

mod currencies;
#[cfg(test)]
mod tests;

use crate::order::{Line, PriceBasis};

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

/// A VAT rate in basis points, 0 to 10,000 (25 % is 2,500).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VatRate(i64);

/// An amount does not fit, or there is nothing to divide it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// What a line comes to, in minor units; `net + vat = gross`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineAmounts {
    pub net: i64,
    pub vat: i64,
    pub gross: i64,
}

/// The sums of all lines of one rate, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VatRow {
    pub rate: VatRate,
    pub net: i64,
    pub vat: i64,
    pub gross: i64,
}

const WHOLE_BASIS_POINTS: i64 = 10_000;

impl Currency {
    /// The currency of an alphabetic code in capitals, e.g. `NOK`; `None` when it is not in use.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        currencies::ACTIVE
            .binary_search_by(|(known, _)| (*known).cmp(code))
            .ok()
            .and_then(|found| currencies::ACTIVE.get(found))
            .map(|&(code, exponent)| Self { code, exponent })
    }

    /// The alphabetic code, e.g. `NOK`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many decimals the minor unit has, 0 to 4.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

impl VatRate {
    /// The rate of so many basis points, or `None` outside 0 to 10,000.
    #[must_use]
    pub const fn new(basis_points: i64) -> Option<Self> {
        if basis_points >= 0 && basis_points <= WHOLE_BASIS_POINTS {
            Some(Self(basis_points))
        } else {
            None
        }
    }

    /// Basis points, 0 to 10,000.
    #[must_use]
    pub const fn basis_points(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Overflow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an amount is too large")
    }
}

impl std::error::Error for Overflow {}

/// The VAT within a gross amount (10.2).
///
/// # Errors
/// Never in practice: VAT is smaller than the amount it is part of.
pub fn vat_of_gross(gross: i64, rate: VatRate) -> Result<i64, Overflow> {
    multiply_divide(gross, rate.0, WHOLE_BASIS_POINTS + rate.0)
}

/// The VAT on top of a net amount (10.2).
///
/// # Errors
/// Never in practice: no rate exceeds 100 %.
pub fn vat_of_net(net: i64, rate: VatRate) -> Result<i64, Overflow> {
    multiply_divide(net, rate.0, WHOLE_BASIS_POINTS)
}

/// What a line comes to: `unit_price × quantity − discount` in the price basis, then VAT (10.2).
///
/// # Errors
/// [`Overflow`] when an amount does not fit.
pub fn line_amounts(
    basis: PriceBasis,
    unit_price: i64,
    quantity: i64,
    discount: i64,
    rate: VatRate,
) -> Result<LineAmounts, Overflow> {
    let amount = unit_price
        .checked_mul(quantity)
        .and_then(|full| full.checked_sub(discount))
        .ok_or(Overflow)?;
    match basis {
        PriceBasis::Gross => {
            let vat = vat_of_gross(amount, rate)?;
            let net = amount.checked_sub(vat).ok_or(Overflow)?;
            Ok(LineAmounts { net, vat, gross: amount })
        }
        PriceBasis::Net => {
            let vat = vat_of_net(amount, rate)?;
            let gross = amount.checked_add(vat).ok_or(Overflow)?;
            Ok(LineAmounts { net: amount, vat, gross })
        }
    }
}

/// Spreads `total` over `weights` by largest remainder, ties by order (10.3). The shares have the
/// sign of `total` and add up to it exactly; a weight of zero gets nothing.
///
/// # Errors
/// [`Overflow`] when a weight is negative, or when all are zero and `total` is not.
pub fn spread(total: i64, weights: &[i64]) -> Result<Vec<i64>, Overflow> {
    if weights.iter().any(|&weight| weight < 0) {
        return Err(Overflow);
    }
    let sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
    if sum == 0 {
        return if total == 0 { Ok(vec![0; weights.len()]) } else { Err(Overflow) };
    }
    let magnitude = i128::from(total).abs();
    let exact = weights.iter().map(|&weight| magnitude * i128::from(weight));
    let (mut shares, remainders): (Vec<i128>, Vec<i128>) =
        exact.map(|product| (product / sum, product % sum)).unzip();
    let missing = magnitude - shares.iter().sum::<i128>();
    let missing = usize::try_from(missing).map_err(|_| Overflow)?;
    let mut by_remainder: Vec<(usize, i128)> = remainders.into_iter().enumerate().collect();
    by_remainder.sort_by_key(|&(_, remainder)| std::cmp::Reverse(remainder));
    for (line, _) in by_remainder.into_iter().take(missing) {
        if let Some(share) = shares.get_mut(line) {
            *share += 1;
        }
    }
    let sign = i128::from(total.signum());
    shares.into_iter().map(|share| i64::try_from(share * sign).map_err(|_| Overflow)).collect()
}

/// The part of `x` that falls on `taken` units when `already` of `quantity` were taken before
/// (10.5): however the units are taken, the parts add up to `x`.
///
/// # Errors
/// [`Overflow`] unless `0 ≤ already`, `0 ≤ taken` and `already + taken ≤ quantity`, `quantity ≥ 1`.
pub fn part(x: i64, already: i64, taken: i64, quantity: i64) -> Result<i64, Overflow> {
    let after = already.checked_add(taken).ok_or(Overflow)?;
    if already < 0 || taken < 0 || quantity < 1 || after > quantity {
        return Err(Overflow);
    }
    let before_amount = multiply_divide(x, already, quantity)?;
    let after_amount = multiply_divide(x, after, quantity)?;
    after_amount.checked_sub(before_amount).ok_or(Overflow)
}

/// The sum of the lines per rate, highest rate first (10.4).
///
/// # Errors
/// [`Overflow`] when a sum does not fit.
pub fn vat_table(lines: &[Line]) -> Result<Vec<VatRow>, Overflow> {
    let mut rows: Vec<VatRow> = Vec::new();
    for line in lines {
        let row = match rows.iter().position(|row| row.rate == line.vat_rate) {
            Some(found) => found,
            None => {
                rows.push(VatRow { rate: line.vat_rate, net: 0, vat: 0, gross: 0 });
                rows.len() - 1
            }
        };
        if let Some(row) = rows.get_mut(row) {
            row.net = row.net.checked_add(line.net_minor).ok_or(Overflow)?;
            row.vat = row.vat.checked_add(line.vat_minor).ok_or(Overflow)?;
            row.gross = row.gross.checked_add(line.gross_minor).ok_or(Overflow)?;
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.rate));
    Ok(rows)
}

/// `amount × factor / divisor`, half away from zero, so that a credit mirrors its sale.
fn multiply_divide(amount: i64, factor: i64, divisor: i64) -> Result<i64, Overflow> {
    let product = i128::from(amount) * i128::from(factor);
    let divisor = i128::from(divisor);
    let (whole, rest) = (product.abs() / divisor, product.abs() % divisor);
    let rounded = if 2 * rest >= divisor { whole + 1 } else { whole };
    i64::try_from(rounded * product.signum()).map_err(|_| Overflow)
}
