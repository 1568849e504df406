//! Amounts as Tripletex writes them: decimal numbers, exact, and never a float on the way.

use std::fmt;

use order_rules::money::Currency;
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An amount in a currency, or a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount(Decimal);

const HUNDREDTHS: u32 = 2;

impl Amount {
    pub(super) const ZERO: Self = Self(Decimal::ZERO);

    pub(super) fn of_minor(minor: i64, currency: Currency) -> Self {
        Self(Decimal::new(minor, u32::from(currency.exponent())).normalize())
    }

    /// So many hundredths, as of a percent.
    pub(super) fn hundredths(count: i64) -> Self {
        Self(Decimal::new(count, HUNDREDTHS).normalize())
    }

    /// In hundredths, where it is a whole number of them.
    pub(super) fn in_hundredths(self) -> Option<i64> {
        let scaled = self.0.checked_mul(Decimal::ONE_HUNDRED)?;
        scaled.is_integer().then(|| i64::try_from(scaled).ok()).flatten()
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(|sum| Self(sum.normalize()))
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(|rest| Self(rest.normalize()))
    }

    /// In another currency, at the rate at which `from` is `to` there; to hundredths.
    pub(super) fn at_rate(self, to: Option<Self>, from: Option<Self>) -> Option<Self> {
        let (Self(to), Self(from)) = (to?, from?);
        if to == from {
            return Some(self);
        }
        let there = self.0.checked_mul(to)?.checked_div(from)?;
        Some(Self(there.round_dp(HUNDREDTHS).normalize()))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
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
        let text = text.get();
        let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        number.map(|number| Self(number.normalize())).map_err(D::Error::custom)
    }
}
