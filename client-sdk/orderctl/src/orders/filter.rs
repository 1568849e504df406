//! Which orders: the conditions that lists, exports and batches share.

use clap::Args;
use order_sdk::proto;
use prost_types::Timestamp;

use crate::amounts::minor_units;
use crate::failure::Failure;
use crate::labels::choice;
use crate::session::{Session, present};
use crate::status_names::StatusNames;
use crate::times::{from_now, point_in_time};

/// Conditions that are joined by and; an option given twice is met by either value.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which orders")]
pub(crate) struct FilterArguments {
    /// With this status: its id, its name in any language, or the id of one that it replaced
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,

    /// With a status of this tag: default, completed, cancelled
    #[arg(long, value_name = "TAG", value_parser = choice::<proto::StatusTag>)]
    tag: Vec<proto::StatusTag>,

    /// Whose money has come this far: none, pending, authorized, partially-captured, captured,
    /// partially-refunded, refunded, voided, expired
    #[arg(long, value_name = "STATE", value_parser = choice::<proto::PaymentState>)]
    payment_state: Vec<proto::PaymentState>,

    /// Whose goods have come this far: nothing-to-deliver, not-delivered, partially-delivered,
    /// delivered
    #[arg(long, value_name = "STATE", value_parser = choice::<proto::DeliveryState>)]
    delivery_state: Vec<proto::DeliveryState>,

    /// Of this kind instead of sale: credit, sale
    #[arg(long, value_name = "KIND", value_parser = choice::<proto::OrderKind>)]
    kind: Vec<proto::OrderKind>,

    /// Placed at or after: 2026-11-23, 2026-11-23T20:00:00Z, or how long ago: 90m, 7d
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    since: Option<Timestamp>,

    /// Placed before
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    until: Option<Timestamp>,

    /// Changed at or after
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    updated_since: Option<Timestamp>,

    /// Last changed before
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    updated_until: Option<Timestamp>,

    #[command(flatten)]
    problem: Problem,

    #[command(flatten)]
    duplicate: Duplicate,

    #[command(flatten)]
    waiting: Waiting,

    /// With a line of this sku
    #[arg(long)]
    sku: Option<String>,

    /// With exactly this reference of the caller's own
    #[arg(long)]
    reference: Option<String>,

    /// On the payment with exactly this reference
    #[arg(long, value_name = "REFERENCE")]
    payment_reference: Option<String>,

    /// Total at least this, in major units: 1000 or 249.50
    #[arg(long, value_name = "AMOUNT")]
    min: Option<String>,

    /// Total at most this, in major units
    #[arg(long, value_name = "AMOUNT")]
    max: Option<String>,

    /// In this currency; --min and --max are in it, or else in the shop's
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,

    /// With words that begin so in the customer's name or e-mail, the number, a sku or a reference
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,

    /// With exactly this metadata: key=value
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,

    /// Credit orders of this sale order
    #[arg(long, value_name = "NUMBER")]
    credits_of: Option<String>,

    /// That can be withdrawn from until this day or later: 2026-11-25
    #[arg(long, value_name = "DAY")]
    withdrawal_from: Option<String>,

    /// That can be withdrawn from until before this day
    #[arg(long, value_name = "DAY")]
    withdrawal_before: Option<String>,

    /// Withdrawn from, with the money due before this day
    #[arg(long, value_name = "DAY")]
    refund_due_before: Option<String>,

    /// That need a reservation which expires within this time: 3d, 12h
    #[arg(long, value_name = "TIME", value_parser = from_now)]
    expires_within: Option<Timestamp>,
}

#[derive(Args, Clone, Copy, Debug, Default)]
struct Problem {
    /// With something that needs a person
    #[arg(long, conflicts_with = "no_problem")]
    has_problem: bool,

    /// With nothing that needs a person
    #[arg(long)]
    no_problem: bool,
}

#[derive(Args, Clone, Copy, Debug, Default)]
struct Duplicate {
    /// That may be a duplicate of another
    #[arg(long, conflicts_with = "no_duplicates")]
    duplicates: bool,

    /// That are no possible duplicate
    #[arg(long)]
    no_duplicates: bool,
}

#[derive(Args, Clone, Copy, Debug, Default)]
struct Waiting {
    /// Whose status change waits for money
    #[arg(long, conflicts_with = "not_pending")]
    pending: bool,

    /// Without a status change that waits
    #[arg(long)]
    not_pending: bool,
}

/// What is asked for: that it is so, that it is not, or neither.
fn either(is: bool, is_not: bool) -> Option<bool> {
    (is || is_not).then_some(is)
}

/// `key=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "must be key=value".to_owned())
}

impl FilterArguments {
    /// Whether the statuses of the shop are needed to read it.
    pub(crate) fn names_statuses(&self) -> bool {
        !self.status.is_empty()
    }

    /// The filter of the contract. `names` are the shop's statuses, where they are named.
    pub(crate) async fn filter(
        self,
        session: &Session,
        names: Option<&StatusNames>,
    ) -> Result<proto::OrderFilter, Failure> {
        let mut statuses = Vec::new();
        if let Some(names) = names {
            for status in &self.status {
                statuses.push(String::from(names.meant(session, status).await?));
            }
        }
        let (gross_minor_min, gross_minor_max) = bounds(session, &self).await?;
        let original_order = match &self.credits_of {
            Some(order) => String::from(session.order_name(order)?),
            None => String::new(),
        };
        let Self { problem, duplicate, waiting, .. } = self;
        Ok(proto::OrderFilter {
            kinds: self.kind.into_iter().map(i32::from).collect(),
            statuses,
            tags: self.tag.into_iter().map(i32::from).collect(),
            payment_states: self.payment_state.into_iter().map(i32::from).collect(),
            delivery_states: self.delivery_state.into_iter().map(i32::from).collect(),
            created_from: self.since,
            created_before: self.until,
            updated_from: self.updated_since,
            updated_before: self.updated_until,
            gross_minor_min,
            gross_minor_max,
            has_problem: either(problem.has_problem, problem.no_problem),
            is_possible_duplicate: either(duplicate.duplicates, duplicate.no_duplicates),
            has_pending_status_change: either(waiting.pending, waiting.not_pending),
            external_reference: self.reference.unwrap_or_default(),
            payment_reference: self.payment_reference.unwrap_or_default(),
            sku: self.sku.unwrap_or_default(),
            currency_code: self.currency.unwrap_or_default(),
            text: self.text.unwrap_or_default(),
            metadata: self.metadata.into_iter().collect(),
            original_order,
            withdrawal_deadline_from: self.withdrawal_from.unwrap_or_default(),
            withdrawal_deadline_before: self.withdrawal_before.unwrap_or_default(),
            refund_due_before: self.refund_due_before.unwrap_or_default(),
            reservation_expires_before: self.expires_within,
        })
    }
}

/// The least and the greatest total in minor units.
async fn bounds(
    session: &Session,
    arguments: &FilterArguments,
) -> Result<(Option<i64>, Option<i64>), Failure> {
    if arguments.min.is_none() && arguments.max.is_none() {
        return Ok((None, None));
    }
    let currency_code = if let Some(code) = &arguments.currency {
        code.clone()
    } else {
        let request = proto::GetShopRequest { name: (&session.shop).into() };
        let shop = present(session.client.get_shop(request).await?.shop)?;
        shop.settings.unwrap_or_default().currency_code
    };
    let bound = |text: &Option<String>| {
        text.as_deref().map(|text| minor_units(text, &currency_code)).transpose()
    };
    Ok((bound(&arguments.min)?, bound(&arguments.max)?))
}
