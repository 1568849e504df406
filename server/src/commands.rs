//! What callers and effects ask for, already checked field by field: one variant per command.

mod add_note;
mod answer;
mod attention;
mod change_status;
mod create_order;
mod credit_order;
mod delete_order;
mod delivering;
mod dispatching;
mod edit_order;
mod erase_customer;
mod foreseeing;
mod hearing;
mod integrations;
mod printing;
mod reconciling;
mod record_outcome;
mod resolving;
mod statuses;
mod stock;
mod transfer_order;
mod update_order;
mod update_shop;

pub(crate) use answer::{Answer, Failure, id_reused};
use answer::{is_to_be_done, plan_of, planned, planned_label, planned_mail, planned_transfer};
pub(crate) use delivering::{CancelDelivery, ConfirmArrival, DeliverOrder, RecordWithdrawal};
pub(crate) use printing::{PrintLabel, RecordLabel};

use order_proto::v1;
use order_rules::accounting::{TransferForm, TransferOutcome};
use order_rules::attention::Verdict;
use order_rules::changing::{Happening, Outcome};
use order_rules::crediting;
use order_rules::editing::Edit;
use order_rules::mail::MailOutcome;
use order_rules::order::Micros;
use order_rules::payments::ProviderName;
use order_rules::placing::Placement;
use order_rules::reconciling::{Account, Mark};
use order_rules::refusals::Violation;
use uuid::Uuid;

use crate::systems::Told;
use crate::vault::Sealed;

/// Who asks, and under which id.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// As stated by the caller, unverified; `system` for the service itself. At most 100 characters.
    pub actor: String,
    pub request_id: Uuid,
    /// Digest of method, shop and content, without `request_id`, `validate_only` and `wait`.
    pub content: [u8; 32],
}

/// One command for one shop.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    /// Last part of the shop's name.
    pub shop: String,
    pub caller: Caller,
    pub command: Command,
    /// Size of the request without its envelope, for the bound on a turn; 0 of what the service itself
    /// asks for.
    pub bytes: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    CreateOrder(Box<CreateOrder>),
    UpdateOrder(Box<UpdateOrder>),
    ChangeStatus(ChangeStatus),
    WithdrawStatusChange(WithdrawStatusChange),
    AttachPayment(AttachPayment),
    DismissProblem(DismissProblem),
    RetryEffect(RetryEffect),
    EraseCustomer(EraseCustomer),
    SettleOperation(SettleOperation),
    DeliverOrder(DeliverOrder),
    CancelDelivery(CancelDelivery),
    ConfirmArrival(ConfirmArrival),
    RecordWithdrawal(RecordWithdrawal),
    CreditOrder(Box<CreditOrder>),
    ResolveDuplicate(ResolveDuplicate),
    DismissDuplicate(DismissDuplicate),
    EditOrder(Box<EditOrder>),
    DeleteOrder(DeleteOrder),
    CreateStatus(CreateStatus),
    UpdateStatus(UpdateStatus),
    DeleteStatus(DeleteStatus),
    CreateIntegration(Box<CreateIntegration>),
    UpdateIntegration(Box<UpdateIntegration>),
    ResealCredentials(ResealCredentials),
    UpdateShop(Box<UpdateShop>),
    CreateStockItem(CreateStockItem),
    AdjustStock(AdjustStock),
    PrintLabel(PrintLabel),
    AddNote(Box<AddNote>),
    ResendMail(ResendMail),
    RecordOutcome(RecordOutcome),
    RecordMail(RecordMail),
    TransferOrder(TransferOrder),
    RecordTransfer(RecordTransfer),
    HearOfPayment(Box<HearOfPayment>),
    ReconcilePayment(ReconcilePayment),
    WarnOfExpiry(WarnOfExpiry),
    RecordLabel(RecordLabel),
}

/// What a caller who waits waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// A status change, or an operation that says what became of the command.
    Money,
    /// That the provider says whether it holds this payment.
    Reservation { provider: ProviderName, reference: String },
    /// That, and transfers to accounting.
    Transfers,
    /// Everything of the order that was asked for anew: what is given back among it.
    Retries,
    /// That of labels and prints.
    Labels,
}

#[derive(Clone, Debug)]
pub(crate) struct CreateOrder {
    pub placement: Placement,
    /// What is personal of the order.
    pub personal: Personal,
    pub external_reference: Option<String>,
    pub language: String,
}

/// The fields of `Order` that are personal data, apart from notes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Personal {
    pub customer: v1::Customer,
    pub billing_address: Option<v1::Address>,
    pub shipping_address: Option<v1::Address>,
    pub metadata: std::collections::BTreeMap<String, String>,
    /// The address that was probably meant; looked for before the turn, where it delays nobody else.
    pub email_suggestion: String,
}

/// Each field that is `Some` is replaced.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub customer_id: Option<String>,
    pub full_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub organization_number: Option<String>,
    pub billing_address: Option<Option<v1::Address>>,
    pub shipping_address: Option<Option<v1::Address>>,
    pub metadata: Option<std::collections::BTreeMap<String, String>>,
    pub external_reference: Option<Option<String>>,
    pub language: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct ChangeStatus {
    pub number: i64,
    pub etag: Option<String>,
    /// Last part of the status's name.
    pub status: String,
    pub restock: Option<bool>,
    pub note: Option<NewNote>,
    pub send_email: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct NewNote {
    pub audience: v1::NoteAudience,
    pub text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct AddNote {
    pub number: i64,
    pub etag: Option<String>,
    pub note: NewNote,
    /// `None`: as the shop says.
    pub send_email: Option<bool>,
    pub attach_form: Option<bool>,
    pub files: Vec<v1::Attachment>,
}

#[derive(Clone, Debug)]
pub(crate) struct ResendMail {
    pub number: i64,
    pub etag: Option<String>,
    pub mail: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct WithdrawStatusChange {
    pub number: i64,
    pub etag: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct AttachPayment {
    pub number: i64,
    pub etag: Option<String>,
    pub provider: ProviderName,
    pub reference: String,
    pub amount_minor: i64,
    /// What is wrong with the payment by itself: told with what only the shop and the order show.
    pub wrong: Vec<Violation>,
}

#[derive(Clone, Debug)]
pub(crate) struct DismissProblem {
    pub number: i64,
    pub etag: Option<String>,
    pub problem: i64,
    pub reason: String,
}

#[derive(Clone, Debug)]
pub(crate) struct RetryEffect {
    pub number: i64,
    pub etag: Option<String>,
    pub operation: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct SettleOperation {
    pub number: i64,
    pub etag: Option<String>,
    pub operation: i64,
    pub verdict: Verdict,
    pub reason: String,
}

/// Orders of one person, as they were found.
#[derive(Clone, Debug)]
pub(crate) struct EraseCustomer {
    pub numbers: Vec<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct CreditOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub credit: crediting::CreditOrder,
    /// Why; may be empty.
    pub reason: String,
}

#[derive(Clone, Debug)]
pub(crate) struct ResolveDuplicate {
    /// The order that stands.
    pub keep: i64,
    pub etag: Option<String>,
    /// Each once, and never the kept one.
    pub drop: Vec<i64>,
    pub restock: Option<bool>,
    /// Last part of the status's name.
    pub complete_keep_as: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct DismissDuplicate {
    pub number: i64,
    pub etag: Option<String>,
    pub other: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct EditOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub edit: Edit,
}

#[derive(Clone, Debug)]
pub(crate) struct DeleteOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub restock: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct CreateStatus {
    pub slug: String,
    pub tag: v1::StatusTag,
    pub admin_names: std::collections::BTreeMap<String, String>,
    pub customer_names: std::collections::BTreeMap<String, String>,
    pub position: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct UpdateStatus {
    pub slug: String,
    pub etag: Option<String>,
    pub tag: Option<v1::StatusTag>,
    pub admin_names: Option<std::collections::BTreeMap<String, String>>,
    pub customer_names: Option<std::collections::BTreeMap<String, String>>,
    pub position: Option<i32>,
}

#[derive(Clone, Debug)]
pub(crate) struct DeleteStatus {
    pub slug: String,
    pub etag: Option<String>,
    pub replacement: Option<String>,
}

/// `system` is without the secrets that `credentials` holds.
#[derive(Clone, Debug)]
pub(crate) struct CreateIntegration {
    pub slug: String,
    /// The service listens for webhooks.
    pub takes_webhooks: bool,
    pub system: v1::integration::System,
    pub credentials: Sealed,
    pub is_disabled: bool,
}

/// New values stand in `stated`, without secrets; `paths` says which count. Among `credentials` those
/// that are to go have no bytes.
#[derive(Clone, Debug)]
pub(crate) struct UpdateIntegration {
    pub slug: String,
    /// The service listens for webhooks.
    pub takes_webhooks: bool,
    pub etag: Option<String>,
    pub paths: Vec<String>,
    pub stated: v1::Integration,
    pub credentials: Sealed,
}

/// The same credentials under another key, of the shop's integrations by last part of their names.
#[derive(Clone, Debug)]
pub(crate) struct ResealCredentials {
    pub credentials: Vec<Resealed>,
}

/// Counts only where the integration still has what it had before.
#[derive(Clone, Debug)]
pub(crate) struct Resealed {
    pub slug: String,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
}

/// New values stand in `shop`; `paths` says which count.
#[derive(Clone, Debug)]
pub(crate) struct UpdateShop {
    pub etag: Option<String>,
    pub shop: v1::Shop,
    pub paths: Vec<String>,
}

/// A shop to create. Not a command of a shop's log: it begins one.
#[derive(Clone, Debug)]
pub(crate) struct CreateShop {
    pub slug: String,
    pub display_name: String,
    pub settings: v1::ShopSettings,
    pub caller: Caller,
}

#[derive(Clone, Debug)]
pub(crate) struct CreateStockItem {
    pub sku: String,
    pub on_hand: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct AdjustStock {
    pub sku: String,
    pub delta: i64,
}

/// What became of an effect, under the attempt that found out.
#[derive(Clone, Debug)]
pub(crate) struct RecordOutcome {
    pub number: i64,
    /// The effect's operation within the shop.
    pub operation: i64,
    /// A result under an older attempt is not applied.
    pub attempt: i32,
    pub outcome: Outcome,
}

/// What became of a mail, under the attempt that found out.
#[derive(Clone, Debug)]
pub(crate) struct RecordMail {
    pub number: i64,
    /// The mail within the shop.
    pub mail: i64,
    /// A result under an older attempt is not applied.
    pub attempt: i32,
    pub outcome: MailOutcome,
}

#[derive(Clone, Debug)]
pub(crate) struct TransferOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub form: TransferForm,
    /// Last part of the integration's name; `None`: the shop's.
    pub integration: Option<String>,
}

/// What became of a transfer to accounting, under the attempt that found out.
#[derive(Clone, Debug)]
pub(crate) struct RecordTransfer {
    pub number: i64,
    /// The transfer within the shop.
    pub transfer: i64,
    /// A result under an older attempt is not applied.
    pub attempt: i32,
    pub outcome: TransferOutcome,
}

/// What a provider says of a payment by itself.
#[derive(Clone, Debug)]
pub(crate) struct HearOfPayment {
    pub provider: String,
    pub reference: String,
    pub happening: Happening,
    pub told: Told,
}

/// What a provider says of a payment, to be taken into the ledger.
#[derive(Clone, Debug)]
pub(crate) struct ReconcilePayment {
    pub number: i64,
    pub etag: Option<String>,
    /// The payment within the shop.
    pub payment: i64,
    /// `None`: the provider is still to be asked, and this asks whether it may be.
    pub reading: Option<(Account, Mark)>,
    /// It is asked for more time first.
    pub is_extension: bool,
}

/// The reservations of an order that expire soon.
#[derive(Clone, Debug)]
pub(crate) struct WarnOfExpiry {
    pub number: i64,
}

/// Time as the store keeps it.
pub(crate) fn timestamp(time: Micros) -> prost_types::Timestamp {
    let nanos = time.0.rem_euclid(1_000_000).saturating_mul(1_000);
    prost_types::Timestamp {
        seconds: time.0.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}
