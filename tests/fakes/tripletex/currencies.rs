//! The currencies that the books know, and what they are worth in the company's own.

use super::decimals::Decimal;

/// The company's own.
pub(super) const NOK: i64 = 1;
pub(super) const EUR: i64 = 5;
/// By their ids.
pub(super) const CODES: [(i64, &str); 4] = [(NOK, "NOK"), (2, "SEK"), (3, "DKK"), (EUR, "EUR")];

/// Thousandths of the company's own currency.
const RATES: [(i64, i64); 3] = [(2, 1_023), (3, 1_567), (EUR, 11_725)];
const THOUSAND: i64 = 1_000;

pub(super) fn code_of(id: i64) -> &'static str {
    CODES.iter().find(|(known, _)| *known == id).map_or("", |(_, code)| code)
}

/// In the company's own currency.
pub(super) fn in_own(amount: Decimal, currency: i64) -> Decimal {
    match RATES.iter().find(|(known, _)| *known == currency) {
        Some((_, rate)) => amount.scaled(Decimal::whole(*rate), Decimal::whole(THOUSAND)).rounded(),
        None => amount,
    }
}
