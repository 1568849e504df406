//! Decimal amounts, exact to six places.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

/// Millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(i128);

/// A text that is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoDecimal;

const PLACES: usize = 6;
const ONE: i128 = 1_000_000;
/// A hundredth: the least that is booked.
const MINOR: i128 = 10_000;
const DIGITS_MAX: usize = 15;

impl Decimal {
    pub(super) const ZERO: Self = Self(0);
    pub(super) const ONE: Self = Self(ONE);
    pub(super) const HUNDRED: Self = Self(100 * ONE);

    pub(super) fn whole(number: i64) -> Self {
        Self(i128::from(number) * ONE)
    }

    /// So many parts of so many.
    pub(super) fn scaled(self, parts: Self, of: Self) -> Self {
        Self(divided(self.0 * parts.0, of.0))
    }

    /// To hundredths, halves away from zero.
    pub(super) fn rounded(self) -> Self {
        Self(divided(self.0, MINOR) * MINOR)
    }

    /// In hundredths.
    pub(super) fn minor(self) -> i64 {
        i64::try_from(divided(self.0, MINOR)).unwrap_or(i64::MAX)
    }

    pub(super) fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// Halves away from zero; nothing when divided by nothing.
fn divided(number: i128, by: i128) -> i128 {
    if by == 0 {
        return 0;
    }
    let half = by.abs() / 2;
    let away = if (number < 0) == (by < 0) { half } else { -half };
    (number + away * by.signum()) / by
}

impl FromStr for Decimal {
    type Err = NoDecimal;

    fn from_str(text: &str) -> Result<Self, NoDecimal> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        let fits = (1..=DIGITS_MAX).contains(&whole.len()) && fraction.len() <= PLACES;
        if !fits || !is_digits(whole) || !is_digits(fraction) {
            return Err(NoDecimal);
        }
        let millionths: i128 =
            format!("{whole}{fraction:0<PLACES$}").parse().map_err(|_| NoDecimal)?;
        Ok(Self(if is_negative { -millionths } else { millionths }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / ONE, self.0.abs() % ONE);
        let text = format!("{sign}{whole}.{fraction:06}");
        out.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Decimal {
    fn sum<All: Iterator<Item = Self>>(all: All) -> Self {
        Self(all.map(|one| one.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn decimals_are_read_written_and_rounded() {
        // Text, as it is written again, and in hundredths.
        let rows = [
            ("0", "0", 0),
            ("300.00", "300", 30_000),
            ("-29.97", "-29.97", -2_997),
            ("23.975", "23.975", 2_398),
            ("-23.975", "-23.975", -2_398),
            ("23.974999", "23.974999", 2_397),
        ];
        for (text, written, minor) in rows {
            let amount: Decimal = text.parse().unwrap();
            assert_eq!((amount.to_string().as_str(), amount.minor()), (written, minor), "{text}");
            assert_eq!(amount.rounded().minor(), minor, "{text}");
        }
        for text in ["", "-", "1,5", "1e3", ".5", "1.2345678", "1234567890123456", "--1"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        let (ten, three) = (Decimal::whole(10), Decimal::whole(3));
        assert_eq!(ten.scaled(Decimal::ONE, three).to_string(), "3.333333");
        assert_eq!((-ten).scaled(Decimal::ONE, -three).to_string(), "3.333333");
        assert_eq!(ten.scaled(Decimal::ONE, Decimal::ZERO), Decimal::ZERO);
    }
}
