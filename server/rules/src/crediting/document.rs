//! 4.4: the credit order, a document that is the negative of what it credits.

use super::parts::Part;
use super::{CreditFee, too_large};
use crate::changing::ChangingFacts;
use crate::money::{LineAmounts, Overflow, VatRate, vat_of_gross};
use crate::order::{
    CreditOf, Line, LineKind, Micros, Order, OrderKind, OrderNumber, PlacedLine, PriceBasis,
    Withdrawal,
};
use crate::placing::sum_lines;
use crate::refusals::{Code, Refusal};
use crate::statuses::{Status, Tag};

/// A negative line for each part, then each fee.
pub(super) fn lines(
    sale: &Order,
    parts: &[Part],
    fees: &[CreditFee],
) -> Result<Vec<Line>, Overflow> {
    let mut lines = Vec::new();
    let mut ids = 1..;
    for part in parts {
        let Some(original) = sale.lines.iter().find(|line| line.id == part.line) else { continue };
        let id = ids.next().ok_or(Overflow)?;
        lines.push(credited(id, original, part, sale.price_basis)?);
    }
    for fee in fees {
        let id = ids.next().ok_or(Overflow)?;
        lines.push(kept(id, fee, sale.price_basis)?);
    }
    Ok(lines)
}

/// The credit order with these lines, in the status that the shop's settings name for it.
///
/// # Errors
/// `STATUS_TAG_REQUIRED` in a shop without a DEFAULT status.
pub(super) fn order(
    facts: &ChangingFacts<'_>,
    number: OrderNumber,
    origin: CreditOf,
    lines: Vec<Line>,
    now: Micros,
) -> Result<Order, Refusal> {
    let sale = &facts.case.order;
    let status = starting_status(facts)
        .ok_or_else(|| Refusal::new(Code::StatusTagRequired).with("tag", "DEFAULT"))?;
    let sums = sum_lines(&lines).map_err(|_| too_large())?;
    Ok(Order {
        number,
        kind: OrderKind::Credit,
        status: status.id,
        pending: None,
        currency: sale.currency,
        price_basis: sale.price_basis,
        lines,
        net_minor: sums.net,
        vat_minor: sums.vat,
        gross_minor: sums.gross,
        payments: Vec::new(),
        problems: Vec::new(),
        duplicates: Vec::new(),
        deliveries: Vec::new(),
        credit: Some(origin),
        credits: Vec::new(),
        resolution: None,
        mails: Vec::new(),
        transfers: Vec::new(),
        labels: Vec::new(),
        withdrawal: Withdrawal::default(),
        placed_at: now,
        completed_at: (status.tag == Some(Tag::Completed)).then_some(now),
        cancelled_at: None,
        deleted_at: None,
    })
}

/// A credit order is never cancelled, so it does not start so either.
fn starting_status<'a>(facts: &ChangingFacts<'a>) -> Option<&'a Status> {
    let named = facts.rulebook.credit_status.and_then(|status| facts.statuses.get(status));
    named.filter(|status| status.tag != Some(Tag::Cancelled)).or_else(|| facts.statuses.default())
}

/// At the price the units were sold for; what their share of discounts, a price reduction before,
/// or rounding takes from that stands as a (negative) discount.
fn credited(id: i32, original: &Line, part: &Part, basis: PriceBasis) -> Result<Line, Overflow> {
    let gross = part.gross_minor.checked_neg().ok_or(Overflow)?;
    let vat = part.vat_minor.checked_neg().ok_or(Overflow)?;
    let net = gross.checked_sub(vat).ok_or(Overflow)?;
    let amount = in_basis(basis, net, gross);
    let (quantity, unit_price) = match part.units {
        0 => (1, amount),
        units => (units, original.unit_price_minor.checked_neg().ok_or(Overflow)?),
    };
    let full = unit_price.checked_mul(quantity).ok_or(Overflow)?;
    Ok(Line {
        sku: original.sku.clone(),
        title: original.title.clone(),
        quantity,
        unit_price_minor: unit_price,
        discount_minor: full.checked_sub(amount).ok_or(Overflow)?,
        placed: PlacedLine { quantity, vat_minor: vat, gross_minor: gross },
        original_line: Some(original.id),
        ..single(id, original.kind, original.vat_rate, LineAmounts { net, vat, gross })
    })
}

fn kept(id: i32, fee: &CreditFee, basis: PriceBasis) -> Result<Line, Overflow> {
    let gross = fee.gross_minor;
    let vat = vat_of_gross(gross, fee.vat_rate)?;
    let net = gross.checked_sub(vat).ok_or(Overflow)?;
    Ok(Line {
        title: fee.title.clone(),
        unit_price_minor: in_basis(basis, net, gross),
        ..single(id, LineKind::Fee, fee.vat_rate, LineAmounts { net, vat, gross })
    })
}

/// One unit of something without a name.
const fn single(id: i32, kind: LineKind, vat_rate: VatRate, amounts: LineAmounts) -> Line {
    let LineAmounts { net, vat, gross } = amounts;
    Line {
        id,
        kind,
        sku: String::new(),
        title: String::new(),
        quantity: 1,
        unit_price_minor: 0,
        discount_minor: 0,
        vat_rate,
        net_minor: net,
        vat_minor: vat,
        gross_minor: gross,
        placed: PlacedLine { quantity: 1, vat_minor: vat, gross_minor: gross },
        delivered: 0,
        captured: 0,
        credited: 0,
        kept_back: 0,
        credited_gross_minor: 0,
        credited_vat_minor: 0,
        original_line: None,
        stock_taken: 0,
        stock_put_back: 0,
    }
}

const fn in_basis(basis: PriceBasis, net: i64, gross: i64) -> i64 {
    match basis {
        PriceBasis::Gross => gross,
        PriceBasis::Net => net,
    }
}
