//! Amounts as Tripletex writes them: decimal numbers, exact to a millionth, and never a float on the
//! way.

use std::fmt;
use std::str::FromStr;

use order_rules::money::Currency;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount in a currency, or a percentage; in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(i128);

/// A text that is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAmount;

const PLACES: u32 = 6;
const ONE: i128 = 1_000_000;
const HUNDREDTH: i128 = 10_000;
/// More than any amount has, with room to multiply two.
const DIGITS_MAX: usize = 18;

impl Amount {
    pub(super) const ZERO: Self = Self(0);

    pub(super) fn of_minor(minor: i64, currency: Currency) -> Self {
        // No currency has more than four places.
        let places = PLACES.saturating_sub(u32::from(currency.exponent()));
        Self(i128::from(minor).saturating_mul(10_i128.saturating_pow(places)))
    }

    /// So many hundredths, as of a percent.
    pub(super) fn hundredths(count: i64) -> Self {
        Self(i128::from(count).saturating_mul(HUNDREDTH))
    }

    /// In hundredths, where it is a whole number of them.
    pub(super) fn in_hundredths(self) -> Option<i64> {
        (self.0 % HUNDREDTH == 0).then(|| i64::try_from(self.0 / HUNDREDTH).ok()).flatten()
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// In another currency, at the rate at which `from` is `to` there; to hundredths, half away from
    /// zero.
    pub(super) fn at_rate(self, to: Option<Self>, from: Option<Self>) -> Option<Self> {
        let (Self(to), Self(from)) = (to?, from?);
        if to == from {
            return Some(self);
        }
        let (product, divisor) = (self.0.checked_mul(to)?, from.checked_mul(HUNDREDTH)?);
        let (whole, rest) = (product.checked_div(divisor)?, product.checked_rem(divisor)?);
        let is_half = rest.checked_abs()?.checked_mul(2)? >= divisor.checked_abs()?;
        let away = if is_half { product.signum() * divisor.signum() } else { 0 };
        whole.checked_add(away)?.checked_mul(HUNDREDTH).map(Self)
    }
}

impl FromStr for Amount {
    type Err = NoAmount;

    /// As in JSON: `-29.97`, `300`, and for large ones `1.0E7`.
    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse().map_err(|_| NoAmount)?),
            None => (text, 0_i32),
        };
        let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{}", fraction.trim_end_matches('0'));
        let is_number = !whole.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number || digits.len() > DIGITS_MAX {
            return Err(NoAmount);
        }
        let decimals = i32::try_from(fraction.trim_end_matches('0').len()).map_err(|_| NoAmount)?;
        let places = i32::try_from(PLACES).map_err(|_| NoAmount)?;
        let shift = places.checked_sub(decimals).and_then(|shift| shift.checked_add(exponent));
        let shift = shift.and_then(|shift| u32::try_from(shift).ok()).ok_or(NoAmount)?;
        let scale = 10_i128.checked_pow(shift).ok_or(NoAmount)?;
        let digits: i128 = digits.parse().map_err(|_| NoAmount)?;
        digits.checked_mul(scale).map(|value| Self(sign * value)).ok_or(NoAmount)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (
            self.0.unsigned_abs() / ONE.unsigned_abs(),
            self.0.unsigned_abs() % ONE.unsigned_abs(),
        );
        let text = format!("{sign}{whole}.{fraction:06}");
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        text.get().parse().map_err(|NoAmount| D::Error::custom("not an exact amount"))
    }
}
