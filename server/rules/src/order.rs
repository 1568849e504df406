//! The nouns: what an order, a line and a problem are.

use crate::accounting::Transfer;
use crate::labels::Label;
use crate::mail::Mail;
use crate::money::{Currency, VatRate};
use crate::payments::PaymentId;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

/// A day of the shop's calendar: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// A status of a shop, by its number within the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusId(pub i64);

/// An order's number within its shop: ascending, without gaps (9.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber(pub i64);

/// What an order is: bought goods, or the document that credits them (4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    Sale,
    Credit,
}

/// Whether unit prices include VAT (9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceBasis {
    Gross,
    Net,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Goods,
    Shipping,
    Fee,
}

/// One line of an order. All amounts in minor units of the order's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// 1-based, stable for ever, never reused within the order.
    pub id: i32,
    pub kind: LineKind,
    /// Empty for shipping and fees.
    pub sku: String,
    pub title: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    /// This line's share of all discounts, its own and the order's, in the price basis (10.3); ≥ 0.
    pub discount_minor: i64,
    pub vat_rate: VatRate,
    pub net_minor: i64,
    pub vat_minor: i64,
    pub gross_minor: i64,
    /// What the line was placed (or last rebased by a price change) with: parts of it run on these (10.5).
    pub placed: PlacedLine,
    pub delivered: i64,
    /// Units whose money is captured; 0 ≤ credited ≤ captured ≤ quantity.
    pub captured: i64,
    pub credited: i64,
    /// Of those, units that are sent no more, because they had not been sent; delivered + kept back ≤
    /// quantity.
    pub kept_back: i64,
    /// Credited so far, by units and by amount, minor units; ≤ the line's own amounts (4.1).
    pub credited_gross_minor: i64,
    pub credited_vat_minor: i64,
    /// On a credit order: the line of the sale that it credits; `None` for a fee (4.4).
    pub original_line: Option<i32>,
    /// Units this order took from stock for the line; 0 when the sku is not tracked.
    pub stock_taken: i64,
    /// Of those, units put back; 0 ≤ put back ≤ taken.
    pub stock_put_back: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedLine {
    pub quantity: i64,
    pub vat_minor: i64,
    pub gross_minor: i64,
}

/// What was sent together (6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// 1-based, stable for ever, never reused within the order.
    pub id: i32,
    /// Line and units, by line.
    pub lines: Vec<(i32, i64)>,
    pub shipped_at: Micros,
    pub recorded_at: Micros,
    /// As stated; the estimate is computed (3.5).
    pub arrived_on: Option<Day>,
    /// Set when it was taken back as recorded by mistake.
    pub cancelled_at: Option<Micros>,
    pub tracking: Tracking,
}

/// Who carries a delivery and where it can be followed; each may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    pub carrier: String,
    pub number: String,
    pub url: String,
}

/// What makes an order a credit order (4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditOf {
    pub original: OrderNumber,
    /// In the shop's gapless series of credits.
    pub credit_number: i64,
}

/// The facts behind the customer's right to withdraw (3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawal {
    /// When the withdrawal form was first sent.
    pub form_sent_at: Option<Micros>,
    pub withdrawn_on: Option<Day>,
}

/// A label change that waits for money to move (design: pending status change).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    pub to: StatusId,
    /// The choice made for a CANCELLED tag.
    pub restock: Option<bool>,
    /// A note waits with it and is added in the turn that moves the label (2.10).
    pub has_note: bool,
    /// The customer is mailed in that turn.
    pub send_email: bool,
    pub requested_at: Micros,
}

/// A resolution of duplicates that waits for money to move; the same on every order of it (7.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingResolution {
    /// The order that stands; its status change is what waits.
    pub keep: OrderNumber,
    /// Those that are dropped once it is sure of its money, by number.
    pub drop: Vec<OrderNumber>,
    /// Whether their goods go back on stock.
    pub restock: bool,
    pub requested_at: Micros,
}

/// Something on an order that needs a person (2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub id: i64,
    pub code: crate::refusals::Code,
    /// Named values for the catalogue's text, e.g. `provider_reason`; no personal data.
    pub details: Vec<(String, String)>,
    pub payment: Option<PaymentId>,
    pub operation: Option<i64>,
    pub opened_at: Micros,
    /// Set when the cause is gone or a person dismissed it.
    pub closed_at: Option<Micros>,
}

/// An order as the rules see it: no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub number: OrderNumber,
    pub kind: OrderKind,
    pub status: StatusId,
    pub pending: Option<PendingChange>,
    pub currency: Currency,
    pub price_basis: PriceBasis,
    pub lines: Vec<Line>,
    /// Sums of the lines (10.4).
    pub net_minor: i64,
    pub vat_minor: i64,
    pub gross_minor: i64,
    /// Payments in the order they were attached.
    pub payments: Vec<PaymentId>,
    /// Open and closed, oldest first.
    pub problems: Vec<Problem>,
    /// Other orders this one may duplicate, by number (7.1).
    pub duplicates: Vec<DuplicateLink>,
    /// Set while a resolution of duplicates that this order is part of waits (7.5).
    pub resolution: Option<PendingResolution>,
    /// Oldest first, those taken back among them (6.1).
    pub deliveries: Vec<Delivery>,
    /// Set on an order of kind CREDIT, and only there (4.4).
    pub credit: Option<CreditOf>,
    /// Of a sale: the credit orders made of it, oldest first.
    pub credits: Vec<OrderNumber>,
    pub withdrawal: Withdrawal,
    /// Mails about it, oldest first (3.3).
    pub mails: Vec<Mail>,
    /// To the shop's accounting, oldest first (2.2).
    pub transfers: Vec<Transfer>,
    /// Of its goods, oldest first (6.1).
    pub labels: Vec<Label>,
    pub placed_at: Micros,
    /// Set by the turn that moved the label to a COMPLETED status; kept afterwards.
    pub completed_at: Option<Micros>,
    /// Set by the turn that moved the label to a CANCELLED status; cleared when it moves back.
    pub cancelled_at: Option<Micros>,
    /// Deleted orders keep their number and history (8.1).
    pub deleted_at: Option<Micros>,
}

/// What became of a pair of possible duplicates, seen from one of them (7.5, 7.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateResolution {
    #[default]
    Open,
    /// They are different purchases.
    Dismissed,
    /// This order stands, the other does not.
    Kept,
    /// This order does not stand, the other may.
    Dropped,
}

/// Evidence that two orders may be one purchase (7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateLink {
    pub other: OrderNumber,
    pub same_payment: bool,
    pub same_time: bool,
    pub same_customer: bool,
    pub same_lines: bool,
    pub same_total: bool,
    pub resolution: DuplicateResolution,
}

/// Derived (11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    NothingToDeliver,
    NotDelivered,
    PartiallyDelivered,
    Delivered,
}

impl Line {
    /// Units that were sent or are sent no more.
    #[must_use]
    pub const fn gone(&self) -> i64 {
        self.delivered.saturating_add(self.kept_back)
    }

    /// Units that have still to be sent (6.1).
    #[must_use]
    pub const fn undelivered(&self) -> i64 {
        self.quantity.saturating_sub(self.gone())
    }

    /// What was sent is credited first; the rest of what is credited is not sent any more.
    pub(crate) fn keep_back_credited(&mut self) {
        let unsent = self.credited.saturating_sub(self.delivered);
        self.kept_back = self.kept_back.max(unsent);
    }
}

impl Order {
    /// Neither cancelled nor deleted (7.3).
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.cancelled_at.is_none() && self.deleted_at.is_none()
    }

    /// Whether somebody has still to decide what became of a pair that this order is part of (7.5).
    #[must_use]
    pub fn is_possible_duplicate(&self) -> bool {
        self.duplicates.iter().any(|link| link.resolution == DuplicateResolution::Open)
    }

    /// How far the goods have come (11.3).
    #[must_use]
    pub fn delivery_state(&self) -> DeliveryState {
        let is_sale = self.kind == OrderKind::Sale;
        let goods = || self.lines.iter().filter(|line| is_sale && line.kind == LineKind::Goods);
        let is_any_sent = goods().any(|line| line.delivered > 0);
        let is_any_left = goods().any(|line| line.undelivered() > 0);
        match (is_any_sent, is_any_left) {
            (false, false) => DeliveryState::NothingToDeliver,
            (false, true) => DeliveryState::NotDelivered,
            (true, true) => DeliveryState::PartiallyDelivered,
            (true, false) => DeliveryState::Delivered,
        }
    }
}
