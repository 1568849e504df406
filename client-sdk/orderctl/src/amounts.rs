//! Amounts for people: minor units of the contract in the currency's major units.

use order_sdk::{Currency, Money};

use crate::failure::Failure;

/// An amount without its currency: `1249.50`.
pub(crate) fn amount(minor: i64, currency_code: &str) -> String {
    Currency::from_code(currency_code)
        .map_or_else(|| minor.to_string(), |currency| Money::new(minor, currency).major())
}

/// An amount with its currency: `1249.50 NOK`.
pub(crate) fn money(minor: i64, currency_code: &str) -> String {
    format!("{} {currency_code}", amount(minor, currency_code))
}

/// Minor units of an amount given in major units.
pub(crate) fn minor_units(text: &str, currency_code: &str) -> Result<i64, Failure> {
    let currency = Currency::from_code(currency_code)
        .ok_or_else(|| Failure::Usage(format!("{currency_code:?} is not a currency in use")))?;
    Ok(Money::from_major(text, currency)?.minor)
}

/// Basis points of a VAT rate given in percent: `25`, `12.5`.
pub(crate) fn basis_points(text: &str) -> Result<i32, Failure> {
    let wrong =
        || Failure::Usage(format!("{text:?} is not a VAT rate in percent, e.g. 25 or 12.5"));
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.is_empty() || part.len() > 2 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: i32 = whole.parse().map_err(|_| wrong())?;
    let part: i32 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    whole.checked_mul(100).and_then(|whole| whole.checked_add(part)).ok_or_else(wrong)
}

/// A VAT rate: `25 %`, `12.5 %`.
pub(crate) fn rate(basis_points: i32) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    if part == 0 {
        format!("{whole} %")
    } else {
        format!("{whole}.{} %", format!("{part:02}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_rates_are_written_as_people_write_them() {
        assert_eq!(money(124_950, "NOK"), "1249.50 NOK");
        assert_eq!(money(1_250, "JPY"), "1250 JPY");
        assert_eq!(money(5, "???"), "5 ???");
        assert_eq!([2500, 1250, 1205, 0].map(rate), ["25 %", "12.5 %", "12.05 %", "0 %"]);
        assert_eq!(minor_units("0.5", "NOK").expect("an amount"), 50);
        assert!(minor_units("0.5", "JPY").is_err());
        let rates = ["25", "12.5", "12.05", "0"].map(|text| basis_points(text).expect("a rate"));
        assert_eq!(rates, [2500, 1250, 1205, 0]);
        for wrong in ["", "x", "1.234", "-1", "25 %", "1.", "99999999999"] {
            assert!(basis_points(wrong).is_err(), "{wrong}");
        }
    }
}
