//! How an order is written for books that compute VAT by themselves, row by row (10.6): what the
//! customer pays is never altered; where net and rounded VAT come to something else, the difference
//! stands on a row of its own.

#[cfg(test)]
mod tests;

use crate::money::{Overflow, VatRate, vat_of_net};
use crate::order::PriceBasis;

/// A line of an order as it goes into the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherLine {
    pub sku: String,
    pub title: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub vat_rate: VatRate,
    pub net_minor: i64,
    pub gross_minor: i64,
}

/// A row of a voucher: `count × price − discount %` in the price basis, to the minor unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is for.
    pub text: String,
    /// Negative where money goes back.
    pub count: i64,
    /// Never negative.
    pub unit_price_minor: i64,
    /// Hundredths of a percent, 0 to 10,000.
    pub discount_bp: i64,
    pub vat_rate: VatRate,
}

/// An order as it goes into the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    pub basis: PriceBasis,
    pub rows: Vec<Row>,
    /// What the rows lack of the order's total, at no VAT; 0 for nearly all.
    pub rounding_minor: i64,
    /// What the customer pays.
    pub gross_minor: i64,
}

const WHOLE_BASIS_POINTS: i128 = 10_000;
/// Half a percent: anything finer is a rounding that nobody gave as a discount.
const DISCOUNT_STEP_BP: i64 = 50;

/// Writes the lines of an order as rows.
///
/// # Errors
/// [`Overflow`] when an amount does not fit.
pub fn voucher(basis: PriceBasis, lines: &[VoucherLine]) -> Result<Voucher, Overflow> {
    let (mut rows, mut theirs, mut gross_minor) = (Vec::new(), 0_i64, 0_i64);
    for line in lines.iter().filter(|line| line.quantity != 0) {
        let amount = match basis {
            PriceBasis::Gross => line.gross_minor,
            PriceBasis::Net => line.net_minor,
        };
        rows.push(row(line, amount)?);
        let computed = match basis {
            PriceBasis::Gross => amount,
            PriceBasis::Net => {
                amount.checked_add(vat_of_net(amount, line.vat_rate)?).ok_or(Overflow)?
            }
        };
        theirs = theirs.checked_add(computed).ok_or(Overflow)?;
        gross_minor = gross_minor.checked_add(line.gross_minor).ok_or(Overflow)?;
    }
    let rounding_minor = gross_minor.checked_sub(theirs).ok_or(Overflow)?;
    Ok(Voucher { basis, rows, rounding_minor, gross_minor })
}

/// At its units and price where these, less a discount that can be told in percent, come to the
/// amount exactly; else as one thing at the amount, with the units in its text.
fn row(line: &VoucherLine, amount: i64) -> Result<Row, Overflow> {
    let VoucherLine { quantity, unit_price_minor, vat_rate, .. } = *line;
    let sign = if amount < 0 { -1 } else { 1 };
    let price = unit_price_minor.checked_abs().ok_or(Overflow)?;
    let is_of_one_sign =
        amount == 0 || unit_price_minor == 0 || (unit_price_minor < 0) == (amount < 0);
    let discount = discount_bp(price, quantity, amount.checked_abs().ok_or(Overflow)?);
    let name = match line.sku.as_str() {
        "" => line.title.clone(),
        sku => format!("{sku} {}", line.title),
    };
    if let Some(discount_bp) = discount.filter(|_| is_of_one_sign) {
        let count = quantity.checked_mul(sign).ok_or(Overflow)?;
        return Ok(Row { text: name, count, unit_price_minor: price, discount_bp, vat_rate });
    }
    let text = if quantity == 1 { name } else { format!("{quantity} × {name}") };
    let unit_price_minor = amount.checked_abs().ok_or(Overflow)?;
    Ok(Row { text, count: sign, unit_price_minor, discount_bp: 0, vat_rate })
}

/// The discount in hundredths of a percent by which `price × quantity` comes to `amount` exactly.
fn discount_bp(price: i64, quantity: i64, amount: i64) -> Option<i64> {
    let full = i128::from(price).checked_mul(i128::from(quantity))?;
    let less = full.checked_sub(i128::from(amount)).filter(|less| *less >= 0)?;
    if less == 0 {
        return Some(0);
    }
    let parts = less.checked_mul(WHOLE_BASIS_POINTS)?;
    let bp = (parts % full == 0).then(|| i64::try_from(parts / full).ok()).flatten();
    bp.filter(|bp| bp % DISCOUNT_STEP_BP == 0)
}
