//! What the effect runner asks of the store: effects that are due, and the lease on them.

use std::time::Duration;

use diesel::prelude::AsChangeset;
use order_rules::effects::{EffectState, Schedule, Step, taken_over};
use order_rules::order::Micros;

use super::rows::{
    EffectRow, IntegrationRow, LabelRow, LineRow, MailRow, OperationRow, ShopRow, StatusRow,
    TransferRow, WebhookRow,
};
use super::schema;
use crate::terms::{effect_state, effect_state_stored, system};

/// Which due effects are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// Lanes that are busy enough.
    pub saturated: Vec<(i64, Lane)>,
    /// Integrations that get nothing more, of whatever shop.
    pub full: Vec<String>,
    /// Mails get nothing more, of whatever shop.
    pub leaves_mails: bool,
    pub limit: i64,
    /// How far ahead to look for what is due next.
    pub ahead: Duration,
}

/// Effects that may be claimed, the longest due first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Due {
    pub ready: Vec<Candidate>,
    /// When the first of the others falls due, if that is soon.
    pub next_in: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub effect_key: i64,
    pub shop_id: i64,
    pub lane: Lane,
}

/// What a shop's effects queue up for: one that hangs delays nothing in the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// The integration of this name.
    Provider(String),
    Mail,
}

/// What one transfer to accounting is made of, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct TransferParts {
    pub transfer: TransferRow,
    pub shop: ShopRow,
    /// The order's personal data of the transfer's version; empty once they were erased.
    pub personal: Vec<u8>,
    /// What stays of them for the voucher.
    pub voucher_party: Option<Vec<u8>>,
    /// The order as it was after the command that asked for the transfer.
    pub document: Vec<u8>,
    /// Of a credit order: the sale's invoice, and the sale as it was then.
    pub sale: Option<(TransferRow, Vec<u8>)>,
    /// When a transfer of the order was last given up.
    pub given_up_at: Option<i64>,
}

impl Candidate {
    pub(crate) fn lane_of_shop(&self) -> (i64, Lane) {
        (self.shop_id, self.lane.clone())
    }
}

/// An effect under a lease, as it is stored now.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub effect: EffectRow,
    pub task: Task,
    pub subject: Subject,
}

/// What an effect is about: all its system must know that does not take much room.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Payment(PaymentSubject),
    Mail,
    /// A transfer to this accounting integration.
    Transfer(String),
    /// A label or a print, at the integration of this name.
    Label(String),
}

/// The payment that an operation is on.
#[derive(Clone, Debug)]
pub(crate) struct PaymentSubject {
    pub provider: String,
    pub reference: String,
    pub currency: String,
    pub authorized_minor: i64,
    /// Of a capture or a refund: all that the ledger had of the payment when it was claimed.
    pub operations: Vec<OperationRow>,
    /// What the amount of an update or a refund is for: lines of the order, or of the credit order.
    pub lines: Vec<LineRow>,
    /// What the provider told of it by itself, in the order in which it happened.
    pub told: Vec<WebhookRow>,
}

/// What a mail is made of, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct MailParts {
    pub mail: MailRow,
    pub shop: ShopRow,
    pub statuses: Vec<StatusRow>,
    /// The order's personal data of the mail's version.
    pub personal: Option<Vec<u8>>,
    /// The order as it was after the command that asked for the mail.
    pub document: Option<Vec<u8>>,
    pub files: Option<Vec<u8>>,
}

/// What labels of an order are made of, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct LabelParts {
    pub labels: Vec<LabelRow>,
    /// The order's personal data as they are now.
    pub personal: Vec<u8>,
}

/// What is claimed at once, and the shops it belongs to with their integrations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    pub claims: Vec<Claim>,
    pub shops: Vec<ShopRow>,
    pub integrations: Vec<IntegrationRow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// The provider is called. The effect stands as SENT before.
    Send,
    /// The provider is asked what became of it.
    LookUp,
    /// It is too late to send it again: a person is told.
    GiveUp,
}

/// An integration as it was when an effect was held for it.
#[derive(Clone, Debug)]
pub(crate) struct IntegrationSeen {
    pub shop_id: i64,
    pub slug: String,
    pub revision: i64,
}

/// What shows that an effect is still one's own to bring further.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub effect_key: i64,
    pub attempt: i32,
    pub owner: String,
}

/// The columns of an effect that change while it lives.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = schema::effects, treat_none_as_null = true)]
pub(super) struct Progress {
    state: i16,
    attempt: i32,
    looks: i32,
    due_at: i64,
    lease_owner: Option<String>,
    lease_until: Option<i64>,
    first_sent_at: Option<i64>,
    last_sent_at: Option<i64>,
    absent_seen_at: Option<i64>,
    doubted_at: Option<i64>,
    provider_reason: Option<String>,
    needs_attention: bool,
}

/// Nobody but a person makes it due again.
const NEVER: i64 = i64::MAX;

/// Where the effect stands; `None` when this version cannot tell.
pub(crate) fn schedule(row: &EffectRow) -> Option<Schedule> {
    Some(Schedule {
        system: system(row.system)?,
        key_window: row.key_window,
        attempt: u32::try_from(row.attempt).ok()?,
        looks: u32::try_from(row.looks).ok()?,
        first_sent_at: row.first_sent_at.map(Micros),
        last_sent_at: row.last_sent_at.map(Micros),
        state: effect_state(row.state)?,
        absent_seen_at: row.absent_seen_at.map(Micros),
        doubted_at: row.doubted_at.map(Micros),
        needs_attention: row.needs_attention,
    })
}

/// The effect as it must be stored before anything is done about it, under a lease; `None` when
/// it is over.
pub(super) fn claimed(
    row: &EffectRow,
    lease: (&str, i64),
    now: Micros,
) -> Option<(EffectRow, Task)> {
    let (schedule, step) = taken_over(schedule(row)?, now);
    let (schedule, task) = match step {
        Step::SendAgain { .. } => (schedule.sent(now), Task::Send),
        Step::LookUp { .. } => (schedule, Task::LookUp),
        Step::LeaveToPerson => (schedule, Task::GiveUp),
        Step::Resolve(_) | Step::Nothing => return None,
    };
    let mut effect = moved(row, schedule, row.due_at);
    effect.lease_owner = Some(lease.0.to_owned());
    effect.lease_until = Some(lease.1);
    Some((effect, task))
}

/// The effect after a step that was not its last, free for whoever comes when it is due.
pub(super) fn stepped(row: &EffectRow, schedule: Schedule, step: Step) -> Option<EffectRow> {
    let due_at = match step {
        Step::SendAgain { due_at } | Step::LookUp { due_at } => due_at.0,
        Step::LeaveToPerson => NEVER,
        Step::Resolve(_) | Step::Nothing => return None,
    };
    let mut effect = moved(row, schedule, due_at);
    effect.lease_owner = None;
    effect.lease_until = None;
    Some(effect)
}

fn moved(row: &EffectRow, schedule: Schedule, due_at: i64) -> EffectRow {
    EffectRow {
        state: effect_state_stored(schedule.state),
        attempt: i32::try_from(schedule.attempt).unwrap_or(i32::MAX),
        looks: i32::try_from(schedule.looks).unwrap_or(i32::MAX),
        due_at,
        first_sent_at: schedule.first_sent_at.map(|time| time.0),
        last_sent_at: schedule.last_sent_at.map(|time| time.0),
        absent_seen_at: schedule.absent_seen_at.map(|time| time.0),
        doubted_at: schedule.doubted_at.map(|time| time.0),
        needs_attention: schedule.needs_attention,
        ..row.clone()
    }
}

impl Lane {
    /// Of an effect at this integration, or of a mail.
    pub(super) fn of(integration: Option<String>) -> Self {
        integration.map_or(Self::Mail, Self::Provider)
    }

    /// What the system at its end is called.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Provider(name) => name,
            Self::Mail => "mail",
        }
    }
}

impl Claim {
    pub(crate) fn lane(&self) -> Lane {
        match &self.subject {
            Subject::Payment(of) => Lane::Provider(of.provider.clone()),
            Subject::Mail => Lane::Mail,
            Subject::Transfer(integration) => Lane::Provider(integration.clone()),
            Subject::Label(integration) => Lane::Provider(integration.clone()),
        }
    }

    /// The state in which it was claimed.
    pub(crate) fn state(&self) -> Option<EffectState> {
        effect_state(self.effect.state)
    }
}

impl From<&EffectRow> for Progress {
    fn from(row: &EffectRow) -> Self {
        Self {
            state: row.state,
            attempt: row.attempt,
            looks: row.looks,
            due_at: row.due_at,
            lease_owner: row.lease_owner.clone(),
            lease_until: row.lease_until,
            first_sent_at: row.first_sent_at,
            last_sent_at: row.last_sent_at,
            absent_seen_at: row.absent_seen_at,
            doubted_at: row.doubted_at,
            provider_reason: row.provider_reason.clone(),
            needs_attention: row.needs_attention,
        }
    }
}
