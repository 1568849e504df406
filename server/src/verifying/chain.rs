//! Follows a shop's log event by event, and the series of numbers that it tells of.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use order_proto::v1::{EventChange, EventKind};
use order_rules::audit::Invariant;
use prost::Message;

use crate::store::audits::{Extent, LinkRow};

/// The log, as far as it was followed.
#[derive(Default)]
pub(super) struct Chain {
    revision: i64,
    command: i64,
    time: i64,
    request_id: Vec<u8>,
    orders: Series,
    credited: Vec<Step>,
    days_set_at: i64,
}

/// The settings by which legal days are counted (3.5).
const SETTINGS_OF_DAYS: [&str; 2] = ["settings.time_zone", "settings.transit_days"];

/// What the log tells of the series of credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Its start was raised.
    Raised,
    /// A sale was credited by the credit order of this number.
    Credited(i64),
}

/// Numbers that ascend without gaps, but where their start was raised.
struct Series {
    next: i64,
    /// The next number may be any from there on.
    is_raised: bool,
}

impl Default for Series {
    /// Where a shop's series begins is its own choice.
    fn default() -> Self {
        Self { next: 1, is_raised: true }
    }
}

impl Series {
    fn takes(&self, number: i64) -> bool {
        number == self.next || (self.is_raised && number > self.next)
    }

    /// Answers what should have come instead.
    fn take(&mut self, number: i64) -> Result<(), i64> {
        let is_right = self.takes(number);
        let expected = std::mem::replace(&mut self.next, number.saturating_add(1));
        self.is_raised = false;
        if is_right { Ok(()) } else { Err(expected) }
    }
}

impl Chain {
    /// Of the last event.
    pub(super) const fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn into_credited(self) -> Vec<Step> {
        self.credited
    }

    /// Of the last event that told of the settings of days; 0: they are as they were at first.
    pub(super) const fn days_set_at(&self) -> i64 {
        self.days_set_at
    }

    /// Takes the next event; answers what is wrong with it.
    pub(super) fn follow(&mut self, row: &LinkRow) -> Vec<String> {
        let mut wrong = Vec::new();
        let revision = row.revision;
        if revision != self.revision.saturating_add(1) {
            wrong.push(format!("{revision} follows {}", self.revision));
        }
        let is_first = row.command_revision == revision;
        if !is_first && row.command_revision != self.command {
            wrong.push(format!("{revision} is of no command"));
        }
        if row.content.is_some() != is_first {
            wrong.push(format!("{revision}: the request stands at the wrong event"));
        }
        if !is_first && row.request_id != self.request_id {
            wrong.push(format!("{revision}: a command has two requests"));
        }
        if row.created_at < self.time {
            wrong.push(format!("time falls at {revision}"));
        }
        wrong.extend(self.follow_numbers(row));
        self.revision = revision;
        self.command = row.command_revision;
        self.time = row.created_at;
        self.request_id.clone_from(&row.request_id);
        wrong
    }

    /// What the shop's head says otherwise than the log that was followed.
    pub(super) fn differences(&self, head: &Extent) -> Vec<(Invariant, String)> {
        let mut wrong = Vec::new();
        if self.revision != head.revision {
            let text = format!("it ends at {}, its head is {}", self.revision, head.revision);
            wrong.push((Invariant::EventChain, text));
        }
        if self.time != head.last_event_at {
            let text = "the head has another time than the last event".to_owned();
            wrong.push((Invariant::EventChain, text));
        }
        let next = head.next_order_number;
        if !self.orders.takes(next) {
            let text = format!("the next order gets {next}, not {}", self.orders.next);
            wrong.push((Invariant::OrderSeries, text));
        }
        if head.next_id <= head.last_id {
            let text = format!("the next id is {}, and {} is taken", head.next_id, head.last_id);
            wrong.push((Invariant::IdSeries, text));
        }
        if head.words_place > head.revision {
            let place = head.words_place;
            let text = format!("they have come to {place}, and the log to {}", head.revision);
            wrong.push((Invariant::SearchWords, text));
        }
        wrong
    }

    /// Order numbers ascend without gaps in the order of placing, but where their start was raised.
    fn follow_numbers(&mut self, row: &LinkRow) -> Option<String> {
        let change = || EventChange::decode(row.change.as_slice()).unwrap_or_default();
        let kind = EventKind::try_from(i32::from(row.kind)).unwrap_or_default();
        match (kind, row.order_number) {
            (EventKind::OrderCreated, Some(number)) => {
                let expected = self.orders.take(number).err()?;
                let revision = row.revision;
                Some(format!("order {number} was placed at {revision}, {expected} was next"))
            }
            (EventKind::OrderCredited, _) => {
                let name = change().credit_order;
                let number = name.rsplit('/').next().and_then(|number| number.parse().ok());
                self.credited.extend(number.map(Step::Credited));
                let revision = row.revision;
                number.is_none().then(|| format!("{revision} names no credit order"))
            }
            (EventKind::ShopChanged, _) => {
                let change = change();
                let names = |path: &str| change.fields.iter().any(|field| field == path);
                self.orders.is_raised |= names("settings.next_order_number");
                self.credited.extend(names("settings.next_credit_number").then_some(Step::Raised));
                if SETTINGS_OF_DAYS.into_iter().any(names) {
                    self.days_set_at = row.revision;
                }
                None
            }
            _ => None,
        }
    }
}

/// What is wrong with a series of credits: as the log tells it, beside the credit orders that there
/// are (each with its number in the series) and the number that comes next.
pub(super) fn credits(told: &[Step], mut stored: BTreeMap<i64, i64>, next: i64) -> Vec<String> {
    let mut series = Series::default();
    let mut wrong = Vec::new();
    for step in told {
        match step {
            Step::Raised => series.is_raised = true,
            Step::Credited(order) => match stored.remove(order) {
                None => wrong.push(format!("order {order} was made, and is no credit")),
                Some(number) => {
                    let expected = series.take(number).err();
                    wrong.extend(expected.map(|expected| {
                        format!("order {order} is credit {number}, {expected} was next")
                    }));
                }
            },
        }
    }
    let untold = stored.iter().map(|(order, number)| {
        format!("order {order} is credit {number}, and nothing tells that it was made")
    });
    wrong.extend(untold);
    if !series.takes(next) {
        wrong.push(format!("the next credit gets {next}, not {}", series.next));
    }
    wrong
}
