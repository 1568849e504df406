//! What a command did, would do, or why it did not happen.

use std::time::Duration;

use bytes::Bytes;
use order_proto::v1;
use order_rules::accounting::TransferForm;
use order_rules::decision::{Change, Decision};
use order_rules::mail::{Mail, MailKind};
use order_rules::order::OrderNumber;
use order_rules::payments::{OperationKind, Payment};
use order_rules::refusals::{Code, Refusal, Violation};

use crate::terms::Term;

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
    /// What a comparison with a provider's account came to.
    pub reconciliation: Option<v1::Reconciliation>,
    /// It changed more than that somebody looked.
    pub is_news: bool,
}

impl Answer {
    /// Names orders that changed beside the one it is about, each once.
    pub(crate) fn changed_too(&mut self, orders: &[OrderNumber]) {
        self.other_orders.extend_from_slice(orders);
        let own = self.number;
        self.other_orders.retain(|order| Some(*order) != own);
        self.other_orders.sort_unstable();
        self.other_orders.dedup();
    }
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

/// The id of the command is that of another.
pub(crate) fn id_reused() -> Refusal {
    let violation = Violation {
        field: "request_id".to_owned(),
        description: "belongs to another command".to_owned(),
    };
    Refusal { violations: vec![violation], ..Refusal::new(Code::RequestIdReused) }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// What a decision makes the outside world do, and what it leaves to be done by hand.
pub(super) fn plan_of(decision: &Decision) -> Vec<v1::PlannedEffect> {
    let payments = &decision.case.payments;
    let operations = decision.changes.iter().filter_map(|change| match *change {
        Change::OperationRequested { payment, kind, amount_minor, .. } => {
            let payment = payments.iter().find(|known| known.id == payment)?;
            Some(planned(payment, kind, amount_minor)).filter(is_to_be_done)
        }
        _ => None,
    });
    let is_new = |mail: &&Mail| decision.mails.contains(&mail.id);
    let mails = decision.case.order.mails.iter().filter(is_new);
    let transfers = decision.transfers.iter().filter_map(|id| decision.case.order.transfer(*id));
    let gross_minor = decision.case.order.gross_minor;
    operations
        .chain(mails.map(|mail| planned_mail(mail.kind)))
        .chain(transfers.map(|one| planned_transfer(&one.integration, one.form, gross_minor)))
        .chain(labels_of(decision))
        .collect()
}

pub(super) fn planned_transfer(
    integration: &str,
    form: TransferForm,
    gross_minor: i64,
) -> v1::PlannedEffect {
    v1::PlannedEffect {
        provider: integration.to_owned(),
        amount_minor: gross_minor,
        transfer: form.contract().into(),
        ..v1::PlannedEffect::default()
    }
}

pub(super) fn planned_mail(kind: MailKind) -> v1::PlannedEffect {
    v1::PlannedEffect { mail: kind.contract().into(), ..v1::PlannedEffect::default() }
}

/// The labels and prints it plans, those among them that wait for a label.
fn labels_of(decision: &Decision) -> impl Iterator<Item = v1::PlannedEffect> {
    decision.changes.iter().filter_map(|change| match change {
        Change::LabelRequested { print: None, .. } => Some(planned_label(v1::LabelWork::Make)),
        Change::LabelRequested { print: Some(_), .. } => Some(planned_label(v1::LabelWork::Print)),
        _ => None,
    })
}

pub(super) fn planned_label(work: v1::LabelWork) -> v1::PlannedEffect {
    v1::PlannedEffect { label: work.into(), ..v1::PlannedEffect::default() }
}

pub(super) fn planned(
    payment: &Payment,
    kind: OperationKind,
    amount_minor: i64,
) -> v1::PlannedEffect {
    v1::PlannedEffect {
        kind: kind.contract().into(),
        payment_id: payment.id.0,
        provider: payment.provider.0.clone(),
        reference: payment.reference.clone(),
        amount_minor,
        by_hand: payment.capabilities.is_manual,
        ..v1::PlannedEffect::default()
    }
}

/// Whether anybody has something to do: of what is settled by hand, only money changes hands.
pub(super) fn is_to_be_done(effect: &v1::PlannedEffect) -> bool {
    use v1::OperationKind::{Capture, Refund};
    !effect.by_hand || matches!(effect.kind(), Capture | Refund)
}
