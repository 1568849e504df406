//! What callers and effects ask for, already checked field by field: one variant per command.

mod attention;
mod change_status;
mod create_order;
mod credit_order;
mod record_outcome;
mod statuses;
mod stock;
mod update_order;
mod update_shop;

use std::time::Duration;

use bytes::Bytes;
use order_proto::v1;
use order_rules::attention::Verdict;
use order_rules::changing::Outcome;
use order_rules::crediting;
use order_rules::decision::Decision;
use order_rules::order::{Micros, OrderNumber};
use order_rules::payments::{OperationKind, Payment, ProviderName};
use order_rules::placing::Placement;
use order_rules::refusals::Refusal;
use uuid::Uuid;

use crate::store::facts::Needs;
use crate::terms::Term;
use crate::turns::desk::Desk;

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
    SettleOperation(SettleOperation),
    CreditOrder(Box<CreditOrder>),
    CreateStatus(CreateStatus),
    UpdateStatus(UpdateStatus),
    DeleteStatus(DeleteStatus),
    UpdateShop(Box<UpdateShop>),
    CreateStockItem(CreateStockItem),
    AdjustStock(AdjustStock),
    RecordOutcome(RecordOutcome),
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
}

#[derive(Clone, Debug)]
pub(crate) struct NewNote {
    pub audience: v1::NoteAudience,
    pub text: String,
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

#[derive(Clone, Debug)]
pub(crate) struct CreditOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub credit: crediting::CreditOrder,
    /// Why; may be empty.
    pub reason: String,
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

/// What a command did, or would do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The order it is about, as it is now: encoded `Order`, in parts that belong together.
    pub order: Vec<Bytes>,
    pub number: Option<OrderNumber>,
    /// The credit order that the command made, if it did, as the order.
    pub credit: Option<OrderNumber>,
    pub credit_order: Vec<Bytes>,
    /// Revision of the command's first event; 0 when only validated.
    pub revision: i64,
    pub replayed: bool,
    pub plan: Vec<v1::PlannedEffect>,
    pub other_orders: Vec<OrderNumber>,
    /// Effects that gate the answer are still under way.
    pub is_waiting: bool,
    pub already_exists: bool,
}

/// Why a command did not happen.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// A rule said no. Nothing changed.
    Refused(Box<Refusal>),
    /// The shop's queue is full: try again after this long.
    QueueFull { retry_after: Duration },
    /// The store is away, or the service is stopping. The command may or may not have happened.
    Unavailable { retry_after: Duration },
    /// A defect. What a caller may know is nothing; the text is for the log.
    Internal { log: String },
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// Time as the store keeps it.
pub(crate) fn timestamp(time: Micros) -> prost_types::Timestamp {
    let nanos = time.0.rem_euclid(1_000_000).saturating_mul(1_000);
    prost_types::Timestamp {
        seconds: time.0.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

impl Command {
    /// Names the facts this command needs, before its turn.
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        match self {
            Self::CreateOrder(command) => command.needs(needs),
            Self::UpdateOrder(command) => command.needs(shop_id, needs),
            Self::ChangeStatus(command) => command.needs(shop_id, needs),
            Self::WithdrawStatusChange(command) => command.needs(shop_id, needs),
            Self::AttachPayment(command) => command.needs(shop_id, needs),
            Self::DismissProblem(command) => command.needs(shop_id, needs),
            Self::RetryEffect(command) => command.needs(shop_id, needs),
            Self::SettleOperation(command) => command.needs(shop_id, needs),
            Self::CreditOrder(command) => command.needs(shop_id, needs),
            Self::UpdateStatus(command) => command.needs(shop_id, needs),
            Self::DeleteStatus(_) => DeleteStatus::needs(shop_id, needs),
            Self::CreateStockItem(command) => command.needs(needs),
            Self::AdjustStock(command) => command.needs(needs),
            Self::RecordOutcome(command) => command.needs(shop_id, needs),
            Self::CreateStatus(_) | Self::UpdateShop(_) => {}
        }
    }

    /// Asks the rule and makes its decision the truth of the desk. A refusal leaves the desk as it was.
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        match self {
            Self::CreateOrder(command) => command.carry_out(desk),
            Self::UpdateOrder(command) => command.carry_out(desk),
            Self::ChangeStatus(command) => command.carry_out(desk),
            Self::WithdrawStatusChange(command) => command.carry_out(desk),
            Self::AttachPayment(command) => command.carry_out(desk),
            Self::DismissProblem(command) => command.carry_out(desk),
            Self::RetryEffect(command) => command.carry_out(desk),
            Self::SettleOperation(command) => command.carry_out(desk),
            Self::CreditOrder(command) => command.carry_out(desk),
            Self::CreateStatus(command) => command.carry_out(desk),
            Self::UpdateStatus(command) => command.carry_out(desk),
            Self::DeleteStatus(command) => command.carry_out(desk),
            Self::UpdateShop(command) => command.carry_out(desk),
            Self::CreateStockItem(command) => command.carry_out(desk),
            Self::AdjustStock(command) => command.carry_out(desk),
            Self::RecordOutcome(command) => command.carry_out(desk),
        }
    }

    /// Lines the command brings, for the bound on a turn.
    pub(crate) fn lines(&self) -> usize {
        match self {
            Self::CreateOrder(command) => command.placement.lines.len(),
            Self::CreditOrder(command) => command.credit.lines.len().max(1),
            _ => 1,
        }
    }

    /// The order that the command names.
    pub(crate) fn order_number(&self) -> Option<i64> {
        match self {
            Self::UpdateOrder(command) => Some(command.number),
            Self::ChangeStatus(command) => Some(command.number),
            Self::WithdrawStatusChange(command) => Some(command.number),
            Self::AttachPayment(command) => Some(command.number),
            Self::DismissProblem(command) => Some(command.number),
            Self::RetryEffect(command) => Some(command.number),
            Self::SettleOperation(command) => Some(command.number),
            Self::CreditOrder(command) => Some(command.number),
            Self::RecordOutcome(command) => Some(command.number),
            _ => None,
        }
    }
}

/// What a decision makes the outside world do.
fn plan_of(decision: &Decision) -> Vec<v1::PlannedEffect> {
    let payments = &decision.case.payments;
    decision
        .effects
        .iter()
        .filter_map(|effect| {
            let payment = payments.iter().find(|payment| payment.id == effect.payment)?;
            Some(planned(payment, effect.operation.kind, effect.operation.amount_minor))
        })
        .collect()
}

fn planned(payment: &Payment, kind: OperationKind, amount_minor: i64) -> v1::PlannedEffect {
    v1::PlannedEffect {
        kind: kind.contract().into(),
        payment_id: payment.id.0,
        provider: payment.provider.0.clone(),
        reference: payment.reference.clone(),
        amount_minor,
        mail: 0,
    }
}
