//! §9 Placing: an order comes in, takes stock and hangs on its payments.

mod bounds;
#[cfg(test)]
mod tests;
pub(crate) mod totals;

use std::collections::BTreeMap;

pub use crate::duplicates::EarlierOrder;
pub(crate) use bounds::{HOLDERS_MAX, PAYMENTS_EVER_MAX, check_line};
pub use bounds::{
    LINES_MAX, PAYMENTS_MAX, QUANTITY_MAX, UNIT_PRICE_MINOR_MAX, check_bounds, check_is_due,
    check_payment,
};
pub(crate) use totals::sum_lines;

use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::duplicates::{double_purchases, lines_fingerprint, mirrored, same_payment_evidence};
use crate::money::Currency;
use crate::order::{
    DuplicateLink, Line, LineKind, Micros, Order, OrderKind, OrderNumber, PriceBasis, Withdrawal,
};
use crate::payments::{
    Authorization, Capabilities, Holder, OperationKind, Payment, PaymentId, ProviderName,
};
use crate::refusals::{Code, Refusal, Violation};
use crate::shop::{DuplicateMode, Rulebook, StockMode};
use crate::statuses::Statuses;
use crate::stock::{Item, MovementReason};

/// A line as it is asked for; amounts in minor units of the order's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    pub kind: LineKind,
    /// Empty for shipping and fees.
    pub sku: String,
    pub title: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    /// The line's own discount, in the price basis; ≥ 0.
    pub discount_minor: i64,
    pub vat_rate_bp: i64,
}

/// A payment as it is stated. The rest paid by hand is one of provider `manual` without reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    pub provider: ProviderName,
    pub reference: String,
    pub amount_minor: i64,
}

/// Totals the caller expects; only those stated are compared (9.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatedTotals {
    pub net_minor: Option<i64>,
    pub vat_minor: Option<i64>,
    pub gross_minor: Option<i64>,
}

/// An order as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub currency: Currency,
    pub price_basis: PriceBasis,
    pub lines: Vec<NewLine>,
    /// Spread over the lines for ever (10.3); ≥ 0.
    pub order_discount_minor: i64,
    pub stated: Option<StatedTotals>,
    pub payments: Vec<NewPayment>,
    /// An opaque hash of who buys, equal for the same customer; may be empty.
    pub customer_key: String,
}

/// What placing depends on.
#[derive(Clone, Copy, Debug)]
pub struct PlacingFacts<'a> {
    pub rulebook: &'a Rulebook,
    pub statuses: &'a Statuses,
    /// The tracked items among the skus of the order.
    pub items: &'a BTreeMap<String, Item>,
    /// The payments of the placement that the shop knows, each with the sale orders on it.
    pub known: &'a [(Payment, Vec<EarlierOrder>)],
    /// Sale orders that stand, of the same customer and lines: at least the newest of them.
    pub purchases: &'a [EarlierOrder],
    /// Of the providers that the shop takes payments from, `manual` among them; at least those named.
    pub capabilities: &'a BTreeMap<ProviderName, Capabilities>,
}

/// What placing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// A new order, and the links that earlier orders get to it (7.1).
    New { decision: Box<Decision>, duplicates: Vec<(OrderNumber, DuplicateLink)> },
    /// The shop answers a repeated payment with the first order (7.2); nothing is stored.
    First(OrderNumber),
}

/// Places an order with the number it gets.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field, `TOTAL_MISMATCH`, `PAYMENT_INSUFFICIENT`,
/// `PAYMENT_MISMATCH`, `OUT_OF_STOCK`, `STATUS_TAG_REQUIRED` when the shop has no DEFAULT status.
pub fn place(
    facts: &PlacingFacts<'_>,
    placement: &Placement,
    number: OrderNumber,
    ids: &mut Ids,
    now: Micros,
) -> Result<Placed, Refusal> {
    let mut violations = check_bounds(placement);
    violations.extend(unknown_providers(facts, placement));
    if !violations.is_empty() {
        return Err(Refusal::fields(violations));
    }
    let order = build_order(facts, placement, number, now)?;
    check_totals(placement, &order)?;

    let fresh = EarlierOrder {
        number,
        placed_at: now,
        customer_key: placement.customer_key.clone(),
        lines_fingerprint: lines_fingerprint(&order.lines),
        price_basis: order.price_basis,
        gross_minor: order.gross_minor,
    };
    if let Some(first) = first_of_the_same(facts, placement, &fresh) {
        return Ok(Placed::First(first));
    }
    check_known_payments(facts, placement)?;
    check_room_on_payments(facts, placement)?;
    let short = missing_skus(facts.items, &order.lines);
    if !short.is_empty() && facts.rulebook.stock_mode == StockMode::Refuse {
        return Err(out_of_stock(&short));
    }

    let mut draft = Draft::new(Case { order, payments: Vec::new() }, ids, now);
    draft.changes.push(Change::Created);
    for payment in &placement.payments {
        match known_payment(facts, payment) {
            Some((known, _)) => join_payment(&mut draft, known, payment),
            None => {
                let capabilities = facts.capabilities.get(&payment.provider);
                if let Some(&capabilities) = capabilities {
                    add_payment(&mut draft, payment, capabilities);
                }
            }
        }
    }
    take_stock(&mut draft, facts.items);
    let duplicates = link_duplicates(&mut draft, facts, placement, &fresh);
    if !short.is_empty() {
        let details = vec![("skus", short.join(","))];
        draft.open_problem(Code::Oversold, About::default(), details);
    }
    Ok(Placed::New { decision: Box::new(draft.finish()), duplicates })
}

/// [`lines_fingerprint`] of the order that the placement asks for; `None` where its amounts do not
/// fit, so that it is refused.
#[must_use]
pub fn fingerprint(placement: &Placement) -> Option<String> {
    totals::build_lines(placement).ok().map(|lines| lines_fingerprint(&lines))
}

/// The skus that fewer are on hand of than these lines need; untracked ones are never short (9.4).
pub(crate) fn missing_skus(items: &BTreeMap<String, Item>, lines: &[Line]) -> Vec<String> {
    let mut needed: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines.iter().filter(|line| takes_stock(line)) {
        let sum = needed.entry(&line.sku).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    needed
        .into_iter()
        .filter(|&(sku, quantity)| items.get(sku).is_some_and(|item| item.on_hand < quantity))
        .map(|(sku, _)| sku.to_owned())
        .collect()
}

pub(crate) fn out_of_stock(skus: &[String]) -> Refusal {
    Refusal::new(Code::OutOfStock).with("skus", skus.join(","))
}

/// Hangs a payment that the shop has not seen before on the order. What a provider holds is asked,
/// not believed; manual is settled by hand and held at once (9.3).
pub(crate) fn add_payment(draft: &mut Draft<'_>, new: &NewPayment, capabilities: Capabilities) {
    let (order, now) = (draft.case.order.number, draft.now);
    let id = PaymentId(draft.ids.take());
    let holder = Holder { order, is_live: true, amount_minor: new.amount_minor };
    draft.case.order.payments.push(id);
    draft.case.payments.push(Payment {
        id,
        provider: new.provider.clone(),
        reference: new.reference.clone(),
        capabilities,
        currency: draft.case.order.currency,
        authorization: Authorization::Pending,
        authorized_minor: 0,
        expires_at: None,
        confirmed_at: None,
        confirmed_by: None,
        needs_attention: false,
        operations: Vec::new(),
        holders: vec![holder],
    });
    draft.changes.push(Change::PaymentAttached { payment: id });
    draft.request(id, OperationKind::Authorize, new.amount_minor);
    if let Some(payment) = draft.payment_mut(id).filter(|_| capabilities.is_manual) {
        payment.authorization = Authorization::Held;
        payment.authorized_minor = new.amount_minor;
        payment.confirmed_at = Some(now);
    }
}

/// Whether the shop's payment of this reference is the one that is stated: same currency and
/// amount (7.1).
fn is_same_amount(known: &Payment, stated: &NewPayment, currency: Currency) -> bool {
    let was_stated = known.holders.iter().any(|holder| holder.amount_minor == stated.amount_minor);
    let is_authorized = known.authorization != Authorization::Pending
        && known.authorized_minor == stated.amount_minor;
    known.currency == currency && (was_stated || is_authorized)
}

fn unknown_providers(facts: &PlacingFacts<'_>, placement: &Placement) -> Vec<Violation> {
    placement
        .payments
        .iter()
        .enumerate()
        .filter(|(_, payment)| !facts.capabilities.contains_key(&payment.provider))
        .map(|(index, _)| Violation {
            field: format!("order.payments[{index}].provider"),
            description: "is no integration of the shop that is in use".to_owned(),
        })
        .collect()
}

fn build_order(
    facts: &PlacingFacts<'_>,
    placement: &Placement,
    number: OrderNumber,
    now: Micros,
) -> Result<Order, Refusal> {
    let Some(status) = facts.statuses.default() else {
        return Err(Refusal::new(Code::StatusTagRequired).with("tag", "DEFAULT"));
    };
    let too_large = |_| Refusal::fields(vec![bounds::too_large()]);
    let mut lines = totals::build_lines(placement).map_err(too_large)?;
    for line in lines.iter_mut().filter(|line| takes_stock(line)) {
        if facts.items.contains_key(&line.sku) {
            line.stock_taken = line.quantity;
        }
    }
    let sums = sum_lines(&lines).map_err(too_large)?;
    Ok(Order {
        number,
        kind: OrderKind::Sale,
        status: status.id,
        pending: None,
        currency: placement.currency,
        price_basis: placement.price_basis,
        lines,
        net_minor: sums.net,
        vat_minor: sums.vat,
        gross_minor: sums.gross,
        payments: Vec::new(),
        problems: Vec::new(),
        duplicates: Vec::new(),
        resolution: None,
        deliveries: Vec::new(),
        credit: None,
        credits: Vec::new(),
        withdrawal: Withdrawal::default(),
        mails: Vec::new(),
        transfers: Vec::new(),
        labels: Vec::new(),
        placed_at: now,
        completed_at: None,
        cancelled_at: None,
        deleted_at: None,
    })
}

fn check_totals(placement: &Placement, order: &Order) -> Result<(), Refusal> {
    let stated = placement.stated.unwrap_or_default();
    let totals = [
        ("net_minor", stated.net_minor, order.net_minor),
        ("vat_minor", stated.vat_minor, order.vat_minor),
        ("gross_minor", stated.gross_minor, order.gross_minor),
    ];
    let differing = totals.iter().filter(|(_, stated, ours)| stated.is_some_and(|it| it != *ours));
    let violations: Vec<Violation> = differing
        .map(|(name, _, ours)| Violation {
            field: format!("order.stated_totals.{name}"),
            description: format!("is {ours} by the lines"),
        })
        .collect();
    if !violations.is_empty() {
        let refusal = Refusal { violations, ..Refusal::new(Code::TotalMismatch) };
        let totals = totals.into_iter();
        return Err(totals.fold(refusal, |refusal, (name, _, ours)| refusal.with(name, ours)));
    }
    let amounts = placement.payments.iter().map(|payment| payment.amount_minor);
    let stated_minor = amounts.fold(0, i64::saturating_add);
    if stated_minor < order.gross_minor {
        return Err(Refusal::new(Code::PaymentInsufficient)
            .with("stated_minor", stated_minor)
            .with("total_minor", order.gross_minor));
    }
    Ok(())
}

/// A payment that is on so many orders is told so often by mistake.
fn check_room_on_payments(facts: &PlacingFacts<'_>, placement: &Placement) -> Result<(), Refusal> {
    let is_full = |payment: &NewPayment| {
        known_payment(facts, payment).is_some_and(|(known, _)| known.holders.len() >= HOLDERS_MAX)
    };
    let full = placement.payments.iter().enumerate().filter(|(_, payment)| is_full(payment));
    let violations: Vec<Violation> = full
        .map(|(index, _)| Violation {
            field: format!("order.payments[{index}].reference"),
            description: format!("is on {HOLDERS_MAX} orders already"),
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Refusal::fields(violations)) }
}

fn known_payment<'a>(
    facts: &PlacingFacts<'a>,
    stated: &NewPayment,
) -> Option<&'a (Payment, Vec<EarlierOrder>)> {
    // A manual payment has no reference that two orders could share (9.3).
    let is_stated = |known: &Payment| {
        known.provider == stated.provider
            && known.reference == stated.reference
            && !known.capabilities.is_manual
    };
    facts.known.iter().find(|(known, _)| is_stated(known))
}

/// The earliest order with the same payment and content, where the shop wants it returned (7.2). Both
/// as they were placed: with equal lines and basis the totals were equal too.
fn first_of_the_same(
    facts: &PlacingFacts<'_>,
    placement: &Placement,
    fresh: &EarlierOrder,
) -> Option<OrderNumber> {
    if facts.rulebook.duplicate_mode != DuplicateMode::ReturnFirst {
        return None;
    }
    let is_same = |earlier: &&EarlierOrder| {
        earlier.customer_key == fresh.customer_key
            && earlier.lines_fingerprint == fresh.lines_fingerprint
            && earlier.price_basis == fresh.price_basis
    };
    placement
        .payments
        .iter()
        .filter_map(|payment| known_payment(facts, payment).map(|known| (payment, known)))
        .filter(|(payment, (known, _))| is_same_amount(known, payment, placement.currency))
        .flat_map(|(_, (_, earlier))| earlier.iter().filter(is_same))
        .map(|earlier| earlier.number)
        .min()
}

fn check_known_payments(facts: &PlacingFacts<'_>, placement: &Placement) -> Result<(), Refusal> {
    for (index, stated) in placement.payments.iter().enumerate() {
        let Some((known, _)) = known_payment(facts, stated) else { continue };
        if !is_same_amount(known, stated, placement.currency) {
            let first =
                known.holders.first().map_or(known.authorized_minor, |holder| holder.amount_minor);
            return Err(Refusal::new(Code::PaymentMismatch)
                .with("payment", index)
                .with("stored_minor", first)
                .with("stored_currency", known.currency.code())
                .with("stated_minor", stated.amount_minor)
                .with("stated_currency", placement.currency.code()));
        }
    }
    Ok(())
}

/// The order becomes another holder of a payment that earlier orders hang on (7.1, 7.3).
fn join_payment(draft: &mut Draft<'_>, known: &Payment, stated: &NewPayment) {
    let order = draft.case.order.number;
    let id = known.id;
    let is_gone = !known.holders.iter().any(|holder| holder.is_live)
        || known.has_void()
        || !matches!(known.authorization, Authorization::Pending | Authorization::Held);
    let mut payment = known.clone();
    payment.holders.push(Holder { order, is_live: true, amount_minor: stated.amount_minor });
    draft.case.order.payments.push(id);
    draft.case.payments.push(payment);
    draft.changes.push(Change::PaymentAttached { payment: id });
    if is_gone {
        let about = About { payment: Some(id), operation: None };
        draft.open_problem(Code::ReservationGone, about, Vec::new());
    }
}

fn take_stock(draft: &mut Draft<'_>, items: &BTreeMap<String, Item>) {
    let taken: Vec<(i32, String, i64)> = draft
        .case
        .order
        .lines
        .iter()
        .filter(|line| line.stock_taken > 0 && items.contains_key(&line.sku))
        .map(|line| (line.id, line.sku.clone(), line.stock_taken))
        .collect();
    for (line, sku, quantity) in taken {
        draft.move_stock(line, sku, -quantity, MovementReason::Placed);
    }
}

fn link_duplicates(
    draft: &mut Draft<'_>,
    facts: &PlacingFacts<'_>,
    placement: &Placement,
    fresh: &EarlierOrder,
) -> Vec<(OrderNumber, DuplicateLink)> {
    let mut links: BTreeMap<OrderNumber, DuplicateLink> = BTreeMap::new();
    for payment in &placement.payments {
        let Some((_, earlier)) = known_payment(facts, payment) else { continue };
        for earlier in earlier {
            links.insert(earlier.number, same_payment_evidence(fresh, earlier));
        }
    }
    let window = facts.rulebook.duplicate_window_seconds;
    for link in double_purchases(fresh, facts.purchases, window) {
        links.entry(link.other).or_insert(link);
    }
    let mirrors =
        links.iter().map(|(&other, link)| (other, mirrored(link, fresh.number))).collect();
    for (other, link) in links {
        draft.case.order.duplicates.push(link);
        draft.changes.push(Change::DuplicateFound { other });
    }
    mirrors
}

pub(crate) fn takes_stock(line: &Line) -> bool {
    line.kind == LineKind::Goods && !line.sku.is_empty()
}
