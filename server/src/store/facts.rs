//! What a turn asks of the store and what it hands back: rows in, rows out.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{
    DeliveryLineRow, DeliveryRow, DuplicateRow, EffectRow, EventRow, ExpiryRow, HeadRow, HolderRow,
    IntegrationRow, LabelRow, LineRow, MailFilesRow, MailRow, MovementRow, OperationRow, OrderRow,
    PaymentRow, PersonOrderRow, PersonalRow, ProblemRow, ShopRow, StatusRow, StockItemRow,
    TransferRow, VoucherPartyRow,
};

/// A customer who buys these lines in a shop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Purchase {
    pub shop_id: i64,
    /// Never empty.
    pub customer_key: String,
    pub lines_fingerprint: String,
}

/// An integration of a shop, as payments name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Provider {
    pub shop_id: i64,
    pub name: String,
}

/// The credentials of a shop's integrations, as they are sealed.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub shop_id: i64,
    /// Last part of the shop's name.
    pub slug: String,
    pub by_integration: Vec<(String, Vec<u8>)>,
}

/// A shop as it is stored, with all that belongs to its settings.
#[derive(Clone, Debug)]
pub(crate) struct ShopRows {
    pub shop: ShopRow,
    /// By position.
    pub statuses: Vec<StatusRow>,
    /// By name.
    pub integrations: Vec<IntegrationRow>,
    pub settings_revision: i64,
}

/// Facts that the commands of a turn need. Every set may be empty; an empty one costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    /// Shops to lock, each with the settings revision that is known already (−1: none).
    pub shops: BTreeMap<i64, i64>,
    pub request_ids: Vec<Vec<u8>>,
    /// Keys of orders to load with all that belongs to them.
    pub orders: BTreeSet<i64>,
    /// Keys of credit orders, each to load with the sale that it credits.
    pub credits: BTreeSet<i64>,
    /// References of payments that may be known.
    pub references: BTreeSet<String>,
    pub external_references: BTreeSet<String>,
    /// Purchases whose newest earlier orders are needed.
    pub purchases: BTreeSet<Purchase>,
    /// By shop: how old such an order may be.
    pub purchases_since: BTreeMap<i64, i64>,
    pub skus: BTreeSet<String>,
    /// Shops whose orders are to be counted by status.
    pub status_counts: BTreeSet<i64>,
    /// Providers of which it matters whether a payment names them.
    pub providers: BTreeSet<Provider>,
}

/// What was found. Rows of other shops than those locked are never among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub heads: Vec<HeadRow>,
    /// Shops whose settings were not known.
    pub shops: Vec<ShopRow>,
    pub statuses: Vec<StatusRow>,
    pub integrations: Vec<IntegrationRow>,
    pub requests: Vec<RequestRow>,
    /// (shop, reference, number of the order that has it).
    pub external_references: Vec<(i64, Option<String>, i64)>,
    pub orders: Vec<OrderRow>,
    pub lines: Vec<LineRow>,
    /// All versions; the last counts.
    pub personal: Vec<PersonalRow>,
    pub problems: Vec<ProblemRow>,
    pub duplicates: Vec<DuplicateRow>,
    pub deliveries: Vec<DeliveryRow>,
    pub delivery_lines: Vec<DeliveryLineRow>,
    pub mails: Vec<MailRow>,
    pub transfers: Vec<TransferRow>,
    pub labels: Vec<LabelRow>,
    pub payments: Vec<PaymentRow>,
    pub holders: Vec<HolderRow>,
    pub operations: Vec<OperationRow>,
    /// Effects that are not final, locked.
    pub effects: Vec<EffectRow>,
    pub items: Vec<StockItemRow>,
    /// (shop, status, orders that have it).
    pub status_counts: Vec<(i64, i64, i64)>,
    /// Encoded changes that wait, of the shops in `status_counts`.
    pub waiting: Vec<(i64, Option<Vec<u8>>)>,
    /// Those of `Needs::providers` that a payment names.
    pub used_providers: Vec<Provider>,
}

/// The idempotency record: the first event of a command.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub(crate) struct RequestRow {
    pub shop_id: i64,
    pub request_id: Vec<u8>,
    pub content: Option<Vec<u8>>,
    pub revision: i64,
    pub order_number: Option<i64>,
    /// What the event says.
    pub change: Vec<u8>,
}

/// An order that forgets who bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Erasure {
    pub order_key: i64,
    /// The persons whose order it was.
    pub persons: Vec<Vec<u8>>,
}

/// What a turn changed. Rows that exist are brought up to date, new ones are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub shops: Vec<ShopRow>,
    pub statuses: Vec<StatusRow>,
    pub integrations: Vec<IntegrationRow>,
    pub orders: Vec<OrderRow>,
    pub lines: Vec<LineRow>,
    pub personal: Vec<PersonalRow>,
    pub persons: Vec<PersonOrderRow>,
    /// Orders that forget who bought, before anything else is stored of persons.
    pub erasures: Vec<Erasure>,
    pub vouchers: Vec<VoucherPartyRow>,
    pub payments: Vec<PaymentRow>,
    pub holders: Vec<HolderRow>,
    pub expiries: Vec<ExpiryRow>,
    /// Orders that need no reservation any more which expires.
    pub expiries_over: Vec<i64>,
    pub operations: Vec<OperationRow>,
    pub problems: Vec<ProblemRow>,
    pub duplicates: Vec<DuplicateRow>,
    pub deliveries: Vec<DeliveryRow>,
    /// Only new ones.
    pub delivery_lines: Vec<DeliveryLineRow>,
    pub mails: Vec<MailRow>,
    pub transfers: Vec<TransferRow>,
    /// New; they are never changed.
    pub mail_files: Vec<MailFilesRow>,
    /// From one mail to another.
    pub mail_files_moved: Vec<(i64, i64)>,
    /// Mails whose files are forgotten.
    pub mail_files_dropped: Vec<i64>,
    pub labels: Vec<LabelRow>,
    pub items: Vec<StockItemRow>,
    pub movements: Vec<MovementRow>,
    pub effects: Vec<EffectRow>,
    /// What waits for these is due now.
    pub hastened: Vec<Provider>,
    pub events: Vec<EventRow>,
    pub heads: Vec<HeadRow>,
}
