//! Rebuilds orders and payments, as the rules see them, from stored rows.

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::accounting::Transfer;
use order_rules::effects::{EffectState, KEY_WINDOW_MICROS};
use order_rules::mail::{Mail, MailKind, MailState};
use order_rules::money::{Currency, VatRate};
use order_rules::order::{
    CreditOf, Day, Delivery, DuplicateLink, DuplicateResolution, Line, LineKind, Micros, Order,
    OrderKind, OrderNumber, PendingChange, PendingResolution, PlacedLine, PriceBasis, Problem,
    StatusId, Tracking, Withdrawal,
};
use order_rules::payments::{
    Authorization, Capabilities, Confirmation, Holder, Operation, OperationKind, OperationState,
    Payment, PaymentId, ProviderName,
};
use order_rules::refusals::Code;
use prost::Message;

use super::{booking, labelling};
use crate::shops::Shop;
use crate::store::StoreFailure;
use crate::store::rows::{
    DeliveryLineRow, DeliveryRow, DuplicateRow, EffectRow, HolderRow, LabelRow, LineRow, MailRow,
    OperationRow, OrderRow, PaymentRow, ProblemRow, TransferRow, number,
};
use crate::terms::{Term, effect_state, files};

/// The change that waits, as it is stored with its order.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PendingRecord {
    #[prost(int64, tag = "1")]
    pub to: i64,
    #[prost(bool, optional, tag = "2")]
    pub restock: Option<bool>,
    #[prost(int64, tag = "3")]
    pub requested_at: i64,
    /// The note that rides along. Personal data.
    #[prost(message, optional, tag = "4")]
    pub note: Option<v1::Note>,
    #[prost(bool, tag = "20")]
    pub send_email: bool,
}

/// What else is known of how an order was handled, as it is stored with it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HandlingRecord {
    /// Numbers of the credit orders made of it.
    #[prost(int64, repeated, tag = "1")]
    pub credits: Vec<i64>,
    #[prost(int64, optional, tag = "2")]
    pub form_sent_at: Option<i64>,
    #[prost(int32, optional, tag = "3")]
    pub withdrawn_on: Option<i32>,
    /// Its deliveries, those taken back among them: where there is no record at all, there are none.
    #[prost(uint32, tag = "4")]
    pub deliveries: u32,
    /// How many mails there are.
    #[prost(uint32, tag = "5")]
    pub mails: u32,
    /// How many transfers to accounting there are.
    #[prost(uint32, tag = "6")]
    pub transfers: u32,
    /// How many labels there are.
    #[prost(uint32, tag = "7")]
    pub labels: u32,
    /// By line, its units that are sent no more because they were credited before.
    #[prost(btree_map = "int32, int64", tag = "8")]
    pub kept_back: BTreeMap<i32, i64>,
    #[prost(message, optional, tag = "20")]
    pub resolution: Option<ResolutionRecord>,
}

/// A resolution of duplicates that waits, as it is stored with every order of it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResolutionRecord {
    #[prost(int64, tag = "1")]
    pub keep: i64,
    #[prost(int64, repeated, tag = "2")]
    pub drop: Vec<i64>,
    #[prost(bool, tag = "3")]
    pub restock: bool,
    #[prost(int64, tag = "4")]
    pub requested_at: i64,
}

/// The files that go with a mail, as they are stored until it is sent.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FilesRecord {
    #[prost(message, repeated, tag = "1")]
    pub files: Vec<v1::Attachment>,
}

/// The details of a problem, as they are stored with it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DetailsRecord {
    #[prost(btree_map = "string, string", tag = "1")]
    pub details: BTreeMap<String, String>,
}

/// The bits of `order_duplicates.evidence`.
pub(super) const EVIDENCE: [i16; 5] = [1, 2, 4, 8, 16];

/// The rows that belong to one order.
pub(super) struct OrderParts<'a> {
    pub row: &'a OrderRow,
    pub lines: Vec<&'a LineRow>,
    pub problems: Vec<&'a ProblemRow>,
    pub duplicates: Vec<&'a DuplicateRow>,
    pub deliveries: Vec<&'a DeliveryRow>,
    pub delivery_lines: Vec<&'a DeliveryLineRow>,
    pub mails: Vec<&'a MailRow>,
    pub transfers: Vec<&'a TransferRow>,
    pub labels: Vec<&'a LabelRow>,
    /// By position.
    pub payments: Vec<PaymentId>,
}

impl<'a> OrderParts<'a> {
    /// An order to which nothing else belongs yet.
    pub(super) fn new(row: &'a OrderRow) -> Self {
        Self {
            row,
            lines: Vec::new(),
            problems: Vec::new(),
            duplicates: Vec::new(),
            deliveries: Vec::new(),
            delivery_lines: Vec::new(),
            mails: Vec::new(),
            transfers: Vec::new(),
            labels: Vec::new(),
            payments: Vec::new(),
        }
    }
}

pub(super) fn defect(what: &str) -> StoreFailure {
    StoreFailure::Defect(format!("a stored row does not make sense: {what}"))
}

pub(super) fn order(parts: &OrderParts<'_>) -> Result<Order, StoreFailure> {
    let row = parts.row;
    let pending = match &row.pending {
        Some(bytes) => Some(pending(bytes)?.1),
        None => None,
    };
    let handling = match &row.handling {
        Some(bytes) => {
            HandlingRecord::decode(bytes.as_slice()).map_err(|_| defect("orders.handling"))?
        }
        None => HandlingRecord::default(),
    };
    if usize::try_from(handling.deliveries) != Ok(parts.deliveries.len()) {
        return Err(defect("orders.handling and deliveries"));
    }
    Ok(Order {
        number: OrderNumber(row.number),
        kind: OrderKind::from_stored(row.kind).ok_or_else(|| defect("orders.kind"))?,
        status: StatusId(row.status_id),
        pending,
        currency: Currency::from_code(&row.currency).ok_or_else(|| defect("orders.currency"))?,
        price_basis: PriceBasis::from_stored(row.price_basis)
            .ok_or_else(|| defect("orders.price_basis"))?,
        lines: parts
            .lines
            .iter()
            .map(|row| line(row, &handling.kept_back))
            .collect::<Result<_, _>>()?,
        net_minor: row.net_minor,
        vat_minor: row.vat_minor,
        gross_minor: row.gross_minor,
        payments: parts.payments.clone(),
        problems: parts.problems.iter().map(|row| problem(row)).collect::<Result<_, _>>()?,
        duplicates: parts.duplicates.iter().map(|row| duplicate(row)).collect(),
        deliveries: parts.deliveries.iter().map(|row| delivery(row, parts)).collect(),
        credit: row.original_number.zip(row.credit_number).map(|(original, credit_number)| {
            CreditOf { original: OrderNumber(original), credit_number }
        }),
        resolution: handling.resolution.map(|resolution| PendingResolution {
            keep: OrderNumber(resolution.keep),
            drop: resolution.drop.into_iter().map(OrderNumber).collect(),
            restock: resolution.restock,
            requested_at: Micros(resolution.requested_at),
        }),
        credits: handling.credits.into_iter().map(OrderNumber).collect(),
        withdrawal: Withdrawal {
            form_sent_at: handling.form_sent_at.map(Micros),
            withdrawn_on: handling.withdrawn_on.map(Day),
        },
        mails: parts.mails.iter().map(|row| mail(row)).collect::<Result<_, _>>()?,
        transfers: transfers(parts, handling.transfers)?,
        labels: parts.labels.iter().map(|row| labelling::label(row)).collect::<Result<_, _>>()?,
        placed_at: Micros(row.placed_at),
        completed_at: row.completed_at.map(Micros),
        cancelled_at: row.cancelled_at.map(Micros),
        deleted_at: row.deleted_at.map(Micros),
    })
}

/// The note that rides with a change that waits.
///
/// # Errors
/// When what is stored cannot be read.
pub(crate) fn waiting_note(bytes: &[u8]) -> Result<Option<v1::Note>, StoreFailure> {
    pending(bytes).map(|(note, _)| note)
}

/// The change that waits, and the note that rides with it.
pub(super) fn pending(bytes: &[u8]) -> Result<(Option<v1::Note>, PendingChange), StoreFailure> {
    let record = PendingRecord::decode(bytes).map_err(|_| defect("orders.pending"))?;
    let change = PendingChange {
        to: StatusId(record.to),
        restock: record.restock,
        has_note: record.note.is_some(),
        send_email: record.send_email,
        requested_at: Micros(record.requested_at),
    };
    Ok((record.note, change))
}

fn line(row: &LineRow, kept_back: &BTreeMap<i32, i64>) -> Result<Line, StoreFailure> {
    Ok(Line {
        id: row.line_id,
        kind: LineKind::from_stored(row.kind).ok_or_else(|| defect("order_lines.kind"))?,
        sku: row.sku.clone(),
        title: row.title.clone(),
        quantity: row.quantity,
        unit_price_minor: row.unit_price_minor,
        discount_minor: row.discount_minor,
        vat_rate: VatRate::new(i64::from(row.vat_rate_bp))
            .ok_or_else(|| defect("order_lines.vat_rate_bp"))?,
        net_minor: row.net_minor,
        vat_minor: row.vat_minor,
        gross_minor: row.gross_minor,
        placed: PlacedLine {
            quantity: row.placed_quantity,
            vat_minor: row.placed_vat_minor,
            gross_minor: row.placed_gross_minor,
        },
        delivered: row.delivered,
        captured: row.captured,
        credited: row.credited,
        kept_back: kept_back.get(&row.line_id).copied().unwrap_or_default(),
        credited_gross_minor: row.credited_gross_minor,
        credited_vat_minor: row.credited_vat_minor,
        original_line: row.original_line,
        stock_taken: row.stock_taken,
        stock_put_back: row.stock_put_back,
    })
}

fn problem(row: &ProblemRow) -> Result<Problem, StoreFailure> {
    let details = DetailsRecord::decode(row.details.as_slice())
        .map_err(|_| defect("problems.details"))?
        .details;
    Ok(Problem {
        id: number(row.problem_key),
        code: Code::from_name(&row.code).ok_or_else(|| defect("problems.code"))?,
        details: details.into_iter().collect(),
        payment: row.payment_id.map(PaymentId),
        operation: row.operation_id,
        opened_at: Micros(row.opened_at),
        closed_at: row.closed_at.map(Micros),
    })
}

fn mail(row: &MailRow) -> Result<Mail, StoreFailure> {
    Ok(Mail {
        id: number(row.mail_key),
        kind: MailKind::from_stored(row.kind).ok_or_else(|| defect("mails.kind"))?,
        state: MailState::from_stored(row.state).ok_or_else(|| defect("mails.state"))?,
        has_form: row.has_form,
        note: row.note_id,
        files: files(row.files).ok_or_else(|| defect("mails.files"))?,
        is_to_old_address: row.is_to_old_address,
        requested_at: Micros(row.requested_at),
        resolved_at: row.resolved_at.map(Micros),
    })
}

fn transfers(parts: &OrderParts<'_>, count: u32) -> Result<Vec<Transfer>, StoreFailure> {
    if usize::try_from(count) != Ok(parts.transfers.len()) {
        return Err(defect("orders.handling and accounting_transfers"));
    }
    parts.transfers.iter().map(|row| booking::rebuilt(row)).collect()
}

fn duplicate(row: &DuplicateRow) -> DuplicateLink {
    let [payment, time, customer, lines, total] = EVIDENCE.map(|bit| row.evidence & bit != 0);
    DuplicateLink {
        other: OrderNumber(row.other_number),
        same_payment: payment,
        same_time: time,
        same_customer: customer,
        same_lines: lines,
        same_total: total,
        resolution: DuplicateResolution::from_stored(row.resolution).unwrap_or_default(),
    }
}

fn delivery(row: &DeliveryRow, parts: &OrderParts<'_>) -> Delivery {
    let lines = parts.delivery_lines.iter().filter(|line| line.delivery_id == row.delivery_id);
    Delivery {
        id: row.delivery_id,
        lines: lines.map(|line| (line.line_id, line.quantity)).collect(),
        shipped_at: Micros(row.shipped_at),
        recorded_at: Micros(row.recorded_at),
        arrived_on: row.arrived_on.map(Day),
        cancelled_at: row.cancelled_at.map(Micros),
        tracking: Tracking {
            carrier: row.carrier.clone(),
            number: row.tracking_number.clone(),
            url: row.tracking_url.clone(),
        },
    }
}

/// A payment with its ledger. An effect knows better than the ledger how far an operation has come.
pub(super) fn payment(
    shop: &Shop,
    row: &PaymentRow,
    holders: &[&HolderRow],
    operations: &[&OperationRow],
    effects: &BTreeMap<i64, EffectRow>,
) -> Result<Payment, StoreFailure> {
    let provider = ProviderName(row.provider.clone());
    // A provider taken out of the settings keeps what it holds; it cannot be asked for more.
    let capabilities = shop.capabilities.get(&provider).copied().unwrap_or(Capabilities {
        is_manual: false,
        decline_rank: u8::MAX,
        can_release: true,
        keeps_remainder: true,
        can_lower: false,
        can_read_back: false,
        key_window: KEY_WINDOW_MICROS,
    });
    Ok(Payment {
        id: PaymentId(number(row.payment_key)),
        provider,
        reference: row.reference.clone(),
        capabilities,
        currency: Currency::from_code(&row.currency).ok_or_else(|| defect("payments.currency"))?,
        authorization: Authorization::from_stored(row.authorization_state)
            .ok_or_else(|| defect("payments.authorization_state"))?,
        authorized_minor: row.authorized_minor,
        expires_at: row.expires_at.map(Micros),
        confirmed_at: row.confirmed_at.map(Micros),
        confirmed_by: row.confirmed_by.and_then(Confirmation::from_stored),
        needs_attention: row.needs_attention,
        operations: operations
            .iter()
            .map(|row| operation(row, effects))
            .collect::<Result<_, _>>()?,
        holders: holders
            .iter()
            .map(|row| Holder {
                order: OrderNumber(number(row.order_key)),
                is_live: row.is_live,
                amount_minor: row.amount_minor,
            })
            .collect(),
    })
}

fn operation(
    row: &OperationRow,
    effects: &BTreeMap<i64, EffectRow>,
) -> Result<Operation, StoreFailure> {
    let id = number(row.operation_key);
    let stored =
        OperationState::from_stored(row.state).ok_or_else(|| defect("payment_operations.state"))?;
    let effect = effects.get(&id);
    let is_doubted = effect.is_some_and(|effect| effect.doubted_at.is_some());
    let state = match (stored, effect.and_then(|effect| effect_state(effect.state))) {
        // To be sent again, while an earlier call may be carried out yet.
        (OperationState::Pending, Some(EffectState::Pending)) if is_doubted => {
            OperationState::Unknown
        }
        (OperationState::Pending, Some(EffectState::Sent)) => OperationState::Sent,
        (OperationState::Pending | OperationState::Sent, Some(EffectState::Accepted)) => {
            OperationState::Accepted
        }
        (OperationState::Pending | OperationState::Sent, Some(EffectState::Unknown)) => {
            OperationState::Unknown
        }
        _ => stored,
    };
    Ok(Operation {
        id,
        order: OrderNumber(number(row.order_key)),
        kind: OperationKind::from_stored(row.kind)
            .ok_or_else(|| defect("payment_operations.kind"))?,
        amount_minor: row.amount_minor,
        state,
        requested_at: Micros(row.requested_at),
        resolved_at: row.resolved_at.map(Micros),
        provider_reason: row.provider_reason.clone(),
        provider_reference: row.provider_reference.clone(),
        credit: row.credit_number.map(OrderNumber),
    })
}
