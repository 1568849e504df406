//! Rows as they are stored: times in microseconds, keys as the migrations explain them.

use diesel::prelude::{Insertable, Queryable, Selectable};

use super::schema;

/// Orders, payments and operations of a shop lie together: the key is the shop and a number in it.
const KEY_BITS: u32 = 40;

/// The key of number `number` of a shop.
pub(crate) const fn key(shop_id: i64, number: i64) -> i64 {
    (shop_id << KEY_BITS) | number
}

/// The number within its shop of a key.
pub(crate) const fn number(key: i64) -> i64 {
    key & ((1 << KEY_BITS) - 1)
}

/// The shop of a key.
pub(crate) const fn shop(key: i64) -> i64 {
    key >> KEY_BITS
}

/// A shop; `settings` is an encoded `ShopSettings`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::shops, treat_none_as_default_value = false)]
pub(crate) struct ShopRow {
    pub shop_id: i64,
    pub slug: String,
    pub display_name: String,
    pub settings: Vec<u8>,
    /// One of the settings.
    pub expiry_warning_micros: i64,
    pub revision: i64,
    pub created_at: i64,
}

/// A shop's head: what a turn locks.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::shop_heads, treat_none_as_default_value = false)]
pub(crate) struct HeadRow {
    pub shop_id: i64,
    pub revision: i64,
    pub settings_revision: i64,
    pub next_order_number: i64,
    pub next_credit_number: i64,
    pub next_id: i64,
    pub last_event_at: i64,
}

/// A status; `names` is an encoded `OrderStatus` with its names only. One that was deleted is replaced by
/// another: by the DEFAULT one where nothing had it, else `keeps_name` says that its name stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::order_statuses, treat_none_as_default_value = false)]
pub(crate) struct StatusRow {
    pub shop_id: i64,
    pub status_id: i64,
    pub slug: String,
    pub tag: i16,
    pub position: i32,
    pub names: Vec<u8>,
    pub replaced_by: Option<i64>,
    pub keeps_name: bool,
    pub revision: i64,
}

/// A system outside that a shop works with; `setup` is an encoded `Integration` that says which.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::integrations, treat_none_as_default_value = false)]
pub(crate) struct IntegrationRow {
    pub shop_id: i64,
    pub slug: String,
    pub setup: Vec<u8>,
    /// Encrypted.
    pub credentials: Option<Vec<u8>>,
    pub credentials_set_at: Option<i64>,
    pub is_disabled: bool,
    pub revision: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// An order; `pending` is an encoded record of the change that waits.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::orders, treat_none_as_default_value = false)]
pub(crate) struct OrderRow {
    pub order_key: i64,
    pub shop_id: i64,
    pub number: i64,
    pub kind: i16,
    pub status_id: i64,
    pub pending: Option<Vec<u8>>,
    pub currency: String,
    pub price_basis: i16,
    pub net_minor: i64,
    pub vat_minor: i64,
    pub gross_minor: i64,
    pub payment_state: i16,
    pub delivery_state: i16,
    pub has_problem: bool,
    pub is_possible_duplicate: bool,
    pub needs_attention: bool,
    pub external_reference: Option<String>,
    pub language: String,
    pub customer_key: String,
    pub lines_fingerprint: String,
    pub original_number: Option<i64>,
    pub revision: i64,
    pub personal_version: i32,
    pub placed_at: i64,
    pub updated_at: i64,
    pub completed_at: Option<i64>,
    pub cancelled_at: Option<i64>,
    pub deleted_at: Option<i64>,
    pub credit_number: Option<i64>,
    /// Days since 1970-01-01, as all legal days.
    pub withdrawal_deadline: Option<i32>,
    pub refund_due: Option<i32>,
    /// An encoded record of what else was done with it.
    pub handling: Option<Vec<u8>>,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::order_lines, treat_none_as_default_value = false)]
pub(crate) struct LineRow {
    pub order_key: i64,
    pub line_id: i32,
    pub kind: i16,
    pub sku: String,
    pub title: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub discount_minor: i64,
    pub vat_rate_bp: i32,
    pub net_minor: i64,
    pub vat_minor: i64,
    pub gross_minor: i64,
    pub placed_quantity: i64,
    pub placed_vat_minor: i64,
    pub placed_gross_minor: i64,
    pub delivered: i64,
    pub captured: i64,
    pub credited: i64,
    pub credited_gross_minor: i64,
    pub credited_vat_minor: i64,
    pub original_line: Option<i32>,
    pub stock_taken: i64,
    pub stock_put_back: i64,
}

/// One version of all that is personal of an order: an encoded part of `Order`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::customers, treat_none_as_default_value = false)]
pub(crate) struct PersonalRow {
    pub order_key: i64,
    pub version: i32,
    pub personal: Vec<u8>,
    pub created_at: i64,
}

/// An order of a person; `person` is a digest of what names them.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::customer_orders, treat_none_as_default_value = false)]
pub(crate) struct PersonOrderRow {
    pub person: Vec<u8>,
    pub order_key: i64,
}

/// Name and address on the voucher of an order whose customer is erased.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::voucher_parties, treat_none_as_default_value = false)]
pub(crate) struct VoucherPartyRow {
    pub order_key: i64,
    pub party: Vec<u8>,
    pub kept_until: i64,
}

/// A reservation with its sums.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::payments, treat_none_as_default_value = false)]
pub(crate) struct PaymentRow {
    pub payment_key: i64,
    pub shop_id: i64,
    pub provider: String,
    pub reference: String,
    pub currency: String,
    pub authorization_state: i16,
    pub authorized_minor: i64,
    pub captured_minor: i64,
    pub capture_claimed_minor: i64,
    pub refunded_minor: i64,
    pub refund_claimed_minor: i64,
    pub expires_at: Option<i64>,
    pub confirmed_at: Option<i64>,
    pub confirmed_by: Option<i16>,
    pub read_due_at: Option<i64>,
    pub needs_attention: bool,
}

/// An order that hangs on a payment.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::order_payments, treat_none_as_default_value = false)]
pub(crate) struct HolderRow {
    pub order_key: i64,
    pub payment_key: i64,
    pub position: i32,
    pub amount_minor: i64,
    pub is_live: bool,
}

/// An order that needs a reservation which expires.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::order_expiries, treat_none_as_default_value = false)]
pub(crate) struct ExpiryRow {
    pub order_key: i64,
    pub shop_id: i64,
    pub expires_at: i64,
    /// Of those that nobody was told of.
    pub untold_at: Option<i64>,
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::payment_operations, treat_none_as_default_value = false)]
pub(crate) struct OperationRow {
    pub operation_key: i64,
    pub payment_key: i64,
    pub order_key: i64,
    pub kind: i16,
    pub state: i16,
    pub amount_minor: i64,
    pub requested_at: i64,
    pub resolved_at: Option<i64>,
    pub provider_reason: Option<String>,
    pub provider_reference: Option<String>,
    /// Number of the credit order that a refund pays out.
    pub credit_number: Option<i64>,
}

/// Something on an order that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::problems, treat_none_as_default_value = false)]
pub(crate) struct ProblemRow {
    pub problem_key: i64,
    pub order_key: i64,
    pub code: String,
    pub details: Vec<u8>,
    pub payment_id: Option<i64>,
    pub operation_id: Option<i64>,
    pub opened_at: i64,
    pub closed_at: Option<i64>,
}

/// Evidence that two orders may be one; `evidence` is a set of bits.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::order_duplicates, treat_none_as_default_value = false)]
pub(crate) struct DuplicateRow {
    pub order_key: i64,
    pub other_number: i64,
    pub evidence: i16,
    pub resolution: i16,
}

/// Goods that were sent together.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::deliveries, treat_none_as_default_value = false)]
pub(crate) struct DeliveryRow {
    pub order_key: i64,
    pub delivery_id: i32,
    pub shipped_at: i64,
    pub recorded_at: i64,
    pub arrived_on: Option<i32>,
    pub cancelled_at: Option<i64>,
    pub carrier: String,
    pub tracking_number: String,
    pub tracking_url: String,
}

/// Units of a line in a delivery; never changed.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::delivery_lines, treat_none_as_default_value = false)]
pub(crate) struct DeliveryLineRow {
    pub order_key: i64,
    pub delivery_id: i32,
    pub line_id: i32,
    pub quantity: i64,
}

/// A tracked sku.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::stock_items, treat_none_as_default_value = false)]
pub(crate) struct StockItemRow {
    pub shop_id: i64,
    pub sku: String,
    pub on_hand: i64,
    pub updated_at: i64,
}

/// One change of a balance.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::stock_movements, treat_none_as_default_value = false)]
pub(crate) struct MovementRow {
    pub shop_id: i64,
    pub sku: String,
    pub revision: i64,
    pub line_id: i32,
    pub reason: i16,
    pub quantity: i64,
    pub order_number: Option<i64>,
    pub created_at: i64,
}

/// A mail about an order, without what is personal of it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::mails, treat_none_as_default_value = false)]
pub(crate) struct MailRow {
    pub mail_key: i64,
    pub order_key: i64,
    pub kind: i16,
    pub state: i16,
    pub has_form: bool,
    pub note_id: Option<i32>,
    pub files: i16,
    pub is_to_old_address: bool,
    /// Of the order's personal data: who it goes to, and the note.
    pub personal_version: i32,
    /// A digest of the address it goes to; empty once that was erased.
    pub recipient: Vec<u8>,
    /// Of the event that tells of it.
    pub revision: i64,
    pub message_id: String,
    pub requested_at: i64,
    pub resolved_at: Option<i64>,
}

/// The files that go with a mail that is not sent yet: an encoded record.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::mail_files, treat_none_as_default_value = false)]
pub(crate) struct MailFilesRow {
    pub mail_key: i64,
    pub files: Vec<u8>,
}

/// An order on its way to accounting, or there.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::accounting_transfers, treat_none_as_default_value = false)]
pub(crate) struct TransferRow {
    pub transfer_key: i64,
    pub order_key: i64,
    /// Last part of the integration's name.
    pub integration: String,
    pub form: i16,
    pub state: i16,
    pub is_automatic: bool,
    pub sends_mail: bool,
    /// Of the order's personal data: who bought.
    pub personal_version: i32,
    /// Of the event that tells of it.
    pub revision: i64,
    /// Days since 1970-01-01.
    pub book_day: i32,
    pub requested_at: i64,
    pub resolved_at: Option<i64>,
    pub booked_order_id: String,
    pub booked_order_number: String,
    pub booked_invoice_id: String,
    pub booked_invoice_number: String,
    pub rounding_minor: i64,
    pub provider_reason: Option<String>,
}

/// Goods of an order at a carrier.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::labels, treat_none_as_default_value = false)]
pub(crate) struct LabelRow {
    pub label_key: i64,
    pub order_key: i64,
    pub integration: String,
    pub delivery_id: Option<i32>,
    pub transport_agreement: String,
    pub product: String,
    pub parcel_weight_grams: i32,
    pub state: i16,
    /// Of one that is made.
    pub consignment_id: Option<String>,
    pub consignment_number: String,
    pub carrier: String,
    pub tracking_number: String,
    pub tracking_url: String,
    /// An encoded record.
    pub prints: Vec<u8>,
    pub requested_at: i64,
    pub resolved_at: Option<i64>,
}

/// Something the outside world must do.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::effects, treat_none_as_default_value = false)]
pub(crate) struct EffectRow {
    pub effect_key: i64,
    pub shop_id: i64,
    /// Which kind of system does it; `kind` is one of that system's.
    pub system: i16,
    /// Of an operation on a payment.
    pub payment_key: Option<i64>,
    /// Last part of the name of the integration that does it, of a payment its provider; mails name
    /// none.
    pub integration: Option<String>,
    pub order_key: i64,
    pub kind: i16,
    pub state: i16,
    pub attempt: i32,
    pub looks: i32,
    pub amount_minor: i64,
    pub due_at: i64,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub first_sent_at: Option<i64>,
    pub last_sent_at: Option<i64>,
    pub absent_seen_at: Option<i64>,
    pub doubted_at: Option<i64>,
    /// Why it is open, in the system's words or ours, of the last call or look-up that said so.
    pub provider_reason: Option<String>,
    pub needs_attention: bool,
    pub created_at: i64,
    /// How long the system keeps the effect's key, in microseconds; `None`: it has none.
    pub key_window: Option<i64>,
}

/// Something that a provider told by itself.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::webhooks, treat_none_as_default_value = false)]
pub(crate) struct WebhookRow {
    pub shop_id: i64,
    pub integration: String,
    /// The same for each copy of one of them.
    pub copy_key: String,
    pub payment_reference: String,
    /// Of our operation, where one is named.
    pub operation_key: Option<String>,
    pub event: String,
    pub is_success: bool,
    pub reason: String,
    pub amount_minor: i64,
    pub currency: String,
    pub provider_reference: String,
    pub happened_at: Option<i64>,
    pub received_at: i64,
    /// When it is followed up next.
    pub due_at: Option<i64>,
    pub tries: i32,
}

/// One event of the log; the first of a command carries `content`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::events, treat_none_as_default_value = false)]
pub(crate) struct EventRow {
    pub shop_id: i64,
    pub revision: i64,
    pub command_revision: i64,
    pub kind: i16,
    pub order_number: Option<i64>,
    pub actor: String,
    pub created_at: i64,
    pub request_id: Vec<u8>,
    pub content: Option<Vec<u8>>,
    pub change: Vec<u8>,
    pub document: Option<Vec<u8>>,
    pub personal_version: Option<i32>,
}
