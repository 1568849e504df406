//! Makes believable orders of a Norwegian web shop: the same for the same seed.

mod basket;
mod buyers;
#[path = "../fakes/lib.rs"]
pub mod fakes;
mod goods;
mod json;
mod names;
mod payments;
mod places;
mod totals;

use std::collections::VecDeque;

use fastrand::Rng;
use order_proto::v1::{LineKind, NewLine, NewOrder, PriceBasis, StatedTotals};

pub use json::{from_json, to_json};
pub use totals::Totals;

use buyers::{Buyer, Country};

/// The orders of a seed, without end.
struct Orders {
    seed: u64,
    random: Rng,
    placed: u64,
    /// Buyers who may come back, newest last.
    regulars: VecDeque<Buyer>,
    /// What comes a second time, by callback or by purchase, and how many orders come before each.
    twins: VecDeque<(u32, NewOrder)>,
    /// Of what is bought twice alone, so that everything else is as it is without.
    second_thoughts: Rng,
}

/// Before that the shop is too new to have any.
const REGULARS_MIN: usize = 40;
const REGULARS_MAX: usize = 400;
const REGULAR_PERCENT: u32 = 12;
/// A provider calls back twice, and one purchase becomes two orders.
const TWIN_PER_MILLE: u32 = 10;
/// A buyer is not sure that it worked, and buys the same again on another payment.
const DOUBLE_PURCHASE_PER_MILLE: u32 = 5;
/// Tells the two sources of chance of one seed apart.
const SECOND_THOUGHTS: u64 = 0x5ec0_4d7b_0091_47c3;

/// Orders without end: the same for the same seed, and with references that no other seed makes.
/// Payments always cover the total exactly, as the rules compute it.
///
/// About 1 % are placed again within the next few orders: same payment and content, other
/// `external_reference`. About ½ % are bought again minutes later: same buyer and content, another
/// payment. About 2 % have a mistyped e-mail domain.
pub fn orders(seed: u64) -> impl Iterator<Item = NewOrder> {
    Orders {
        seed,
        random: Rng::with_seed(seed),
        placed: 0,
        regulars: VecDeque::new(),
        twins: VecDeque::new(),
        second_thoughts: Rng::with_seed(seed ^ SECOND_THOUGHTS),
    }
}

/// What an order comes to by the rules; `None` when an amount does not fit or a rate is no rate.
#[must_use]
pub fn totals(order: &NewOrder) -> Option<Totals> {
    totals::of(order)
}

impl Iterator for Orders {
    type Item = NewOrder;

    fn next(&mut self) -> Option<NewOrder> {
        let mut order = self.due_twin().or_else(|| self.fresh_order())?;
        self.placed += 1;
        order.external_reference = format!("WEB-{}-{:06}", self.seed, self.placed);
        Some(order)
    }
}

impl Orders {
    /// The second callback or purchase whose turn it is.
    fn due_twin(&mut self) -> Option<NewOrder> {
        for (orders_before, _) in &mut self.twins {
            *orders_before = orders_before.saturating_sub(1);
        }
        let due = self.twins.iter().position(|(orders_before, _)| *orders_before == 0)?;
        self.twins.remove(due).map(|(_, order)| order)
    }

    fn fresh_order(&mut self) -> Option<NewOrder> {
        let buyer = self.next_buyer();
        let random = &mut self.random;
        let mut order = NewOrder {
            currency_code: buyer.country.currency().to_owned(),
            price_basis: if buyer.is_business() { PriceBasis::Net } else { PriceBasis::Gross }
                .into(),
            lines: basket::lines(random, &buyer),
            customer: Some(buyer.customer()),
            billing_address: Some(buyer.address.clone()),
            shipping_address: buyer.shipping_address(random),
            language_code: buyer.language.to_owned(),
            ..NewOrder::default()
        };
        // One entry at most: their order in JSON is not defined.
        if random.u32(0..100) < 30 {
            let channel = if random.u32(0..3) == 0 { "app" } else { "nettbutikk" };
            order.metadata.insert("kanal".to_owned(), channel.to_owned());
        }
        order.discount_minor = basket::order_discount(random, &order);
        let provider = payments::choose(random, &buyer);
        if provider == payments::MANUAL && random.u32(0..100) < 40 {
            order.lines.push(invoice_fee(order.price_basis(), buyer.country));
        }
        let totals = totals::of(&order)?;
        if random.u32(0..100) < 60 {
            order.stated_totals = Some(StatedTotals {
                gross_minor: totals.gross_minor,
                vat_minor: (random.u32(0..2) == 0).then_some(totals.vat_minor),
            });
        }
        order.payments = payments::cover(random, provider, totals.gross_minor);
        let has_reference = order.payments.iter().any(|payment| !payment.reference.is_empty());
        if has_reference && random.u32(0..1000) < TWIN_PER_MILLE {
            self.twins.push_back((random.u32(1..=4), order.clone()));
        }
        let again = &mut self.second_thoughts;
        if again.u32(0..1000) < DOUBLE_PURCHASE_PER_MILLE && has_reference {
            let orders_before = again.u32(3..=12);
            let payments = payments::cover(again, provider, totals.gross_minor);
            self.twins.push_back((orders_before, NewOrder { payments, ..order.clone() }));
        }
        self.remember(buyer);
        Some(order)
    }

    fn next_buyer(&mut self) -> Buyer {
        if self.regulars.len() >= REGULARS_MIN && self.random.u32(0..100) < REGULAR_PERCENT {
            let place = self.random.usize(0..self.regulars.len());
            if let Some(buyer) = self.regulars.get(place) {
                return buyer.clone();
            }
        }
        buyers::buyer(&mut self.random)
    }

    fn remember(&mut self, buyer: Buyer) {
        if self.regulars.iter().any(|regular| regular.id == buyer.id) {
            return;
        }
        if self.regulars.len() == REGULARS_MAX {
            self.regulars.pop_front();
        }
        self.regulars.push_back(buyer);
    }
}

/// The fee for an invoice on paper.
fn invoice_fee(basis: PriceBasis, country: Country) -> NewLine {
    let gross = basis == PriceBasis::Gross;
    NewLine {
        kind: LineKind::Fee.into(),
        title: "Fakturagebyr".to_owned(),
        quantity: 1,
        unit_price_minor: if gross { 4_900 } else { 3_920 },
        vat_rate_bp: if country == Country::Norway { 2_500 } else { 0 },
        ..NewLine::default()
    }
}

#[cfg(test)]
mod tests;
