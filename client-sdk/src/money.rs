//! Amounts: whole minor units with their currency, written in major units.

use std::fmt;
use std::str::FromStr;

pub use order_rules::money::Currency;

use crate::error::Error;
use crate::proto;

/// An amount of money, e.g. `249.50 NOK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units, e.g. øre.
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// An amount as an order in the making takes it: minor units of its currency (`24_950`), or
/// [`Money`], whose currency must be the order's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    pub(crate) minor: i64,
    /// `None`: the order's, whatever that is.
    pub(crate) currency: Option<Currency>,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: Some(money.currency) }
    }
}

impl From<i64> for Amount {
    fn from(minor: i64) -> Self {
        Self { minor, currency: None }
    }
}

impl From<i32> for Amount {
    fn from(minor: i32) -> Self {
        i64::from(minor).into()
    }
}

/// What an order comes to, as money.
pub trait OrderMoney {
    /// Minor units of the order's currency, e.g. a line's or an operation's, as money; `None` for an
    /// order without a currency, which the service never answers.
    fn money(&self, minor: i64) -> Option<Money>;

    /// What the customer pays, with VAT.
    fn total(&self) -> Option<Money>;

    /// What has been captured, of all its payments.
    fn captured(&self) -> Option<Money>;

    /// What has been paid back, of all its payments.
    fn refunded(&self) -> Option<Money>;
}

impl OrderMoney for proto::Order {
    fn money(&self, minor: i64) -> Option<Money> {
        Currency::from_code(&self.currency_code).map(|currency| Money { minor, currency })
    }

    fn total(&self) -> Option<Money> {
        self.money(self.totals.as_ref()?.gross_minor)
    }

    fn captured(&self) -> Option<Money> {
        let captured = self.payments.iter().map(|payment| payment.captured_minor);
        self.money(captured.fold(0, i64::saturating_add))
    }

    fn refunded(&self) -> Option<Money> {
        let refunded = self.payments.iter().map(|payment| payment.refunded_minor);
        self.money(refunded.fold(0, i64::saturating_add))
    }
}

impl Money {
    /// So many minor units of a currency.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount in major units, e.g. `249.5`; no more decimals than the currency has.
    pub fn from_major(text: &str, currency: Currency) -> Result<Self, Error> {
        minor_units(text, currency.exponent()).map(|minor| Self { minor, currency }).ok_or_else(
            || Error::Invalid(format!("{text:?} is not an amount of {}", currency.code())),
        )
    }

    /// The amount in major units with all the currency's decimals, without the currency: `249.50`.
    #[must_use]
    pub fn major(self) -> String {
        let decimals = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = decimals + 1);
        match digits.split_at_checked(digits.len().saturating_sub(decimals)) {
            Some((whole, part)) if !part.is_empty() => format!("{sign}{whole}.{part}"),
            _ => format!("{sign}{digits}"),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.major(), self.currency.code())
    }
}

impl FromStr for Money {
    type Err = Error;

    /// Reads `249.50 NOK`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Invalid(format!("{text:?} is not an amount like `249.50 NOK`"));
        let (amount, code) = text.trim().rsplit_once(' ').ok_or_else(invalid)?;
        let currency = Currency::from_code(code).ok_or_else(invalid)?;
        Self::from_major(amount.trim(), currency).map_err(|_| invalid())
    }
}

fn minor_units(text: &str, exponent: u8) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = usize::from(exponent);
    if !is_number(whole) || part.len() > decimals || (digits.contains('.') && !is_number(part)) {
        return None;
    }
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{whole}{part:0<decimals$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).expect("a currency in use")
    }

    #[test]
    fn an_amount_is_written_with_its_currency_s_decimals_and_read_back() {
        for (minor, code, text) in [
            (24_950, "NOK", "249.50 NOK"),
            (5, "NOK", "0.05 NOK"),
            (0, "NOK", "0.00 NOK"),
            (-5, "EUR", "-0.05 EUR"),
            (-100, "EUR", "-1.00 EUR"),
            (1_234, "JPY", "1234 JPY"),
            (1_234, "KWD", "1.234 KWD"),
            (i64::MIN, "JPY", "-9223372036854775808 JPY"),
            (i64::MAX, "NOK", "92233720368547758.07 NOK"),
        ] {
            let money = Money::new(minor, currency(code));
            assert_eq!(money.to_string(), text);
            assert_eq!(text.parse::<Money>().expect("what was written"), money);
        }
    }

    #[test]
    fn an_order_tells_its_money() {
        let payment = |captured_minor, refunded_minor| proto::Payment {
            captured_minor,
            refunded_minor,
            ..proto::Payment::default()
        };
        let order = proto::Order {
            currency_code: "NOK".to_owned(),
            totals: Some(proto::Totals { gross_minor: 24_950, ..proto::Totals::default() }),
            payments: vec![payment(20_000, 1), payment(4_950, 2)],
            ..proto::Order::default()
        };
        let told = [order.total(), order.captured(), order.refunded(), order.money(5)];
        let told: Vec<String> = told.into_iter().flatten().map(|one| one.to_string()).collect();
        assert_eq!(told, ["249.50 NOK", "249.50 NOK", "0.03 NOK", "0.05 NOK"]);
        assert_eq!(proto::Order::default().captured(), None);
    }

    #[test]
    fn an_amount_is_read_exactly_or_not_at_all() {
        for (text, minor) in [("249.5", 24_950), ("1", 100), ("-0.5", -50), ("007", 700)] {
            assert_eq!(Money::from_major(text, currency("NOK")).expect("an amount").minor, minor);
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.234",
            "1,5",
            "--1",
            "1e3",
            "+1",
            "1 000",
            "99999999999999999999",
        ] {
            assert!(Money::from_major(text, currency("NOK")).is_err(), "{text} was taken");
        }
        assert!(Money::from_major("1.5", currency("JPY")).is_err());
    }
}
