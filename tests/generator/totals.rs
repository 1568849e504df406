//! What an order comes to, by the rules' own money.

use order_proto::v1::{NewOrder, PriceBasis as WireBasis};
use order_rules::money::{self, VatRate};
use order_rules::order::PriceBasis;

/// Sums of an order's lines in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub net_minor: i64,
    pub vat_minor: i64,
    pub gross_minor: i64,
}

/// `None` when an amount does not fit or a rate is no rate.
pub(crate) fn of(order: &NewOrder) -> Option<Totals> {
    let basis = match order.price_basis() {
        WireBasis::Net => PriceBasis::Net,
        WireBasis::Gross | WireBasis::Unspecified => PriceBasis::Gross,
    };
    let shares = money::spread(order.discount_minor, &amounts(order)?).ok()?;
    let mut totals = Totals::default();
    for (line, share) in order.lines.iter().zip(shares) {
        let discount = line.discount_minor.checked_add(share)?;
        let rate = VatRate::new(i64::from(line.vat_rate_bp))?;
        let line = money::line_amounts(basis, line.unit_price_minor, line.quantity, discount, rate)
            .ok()?;
        totals.net_minor = totals.net_minor.checked_add(line.net)?;
        totals.vat_minor = totals.vat_minor.checked_add(line.vat)?;
        totals.gross_minor = totals.gross_minor.checked_add(line.gross)?;
    }
    Some(totals)
}

/// Per line, in the price basis: what is left after the line's own discount.
pub(crate) fn amounts(order: &NewOrder) -> Option<Vec<i64>> {
    let amount = |line: &order_proto::v1::NewLine| {
        line.unit_price_minor.checked_mul(line.quantity)?.checked_sub(line.discount_minor)
    };
    order.lines.iter().map(amount).collect()
}
