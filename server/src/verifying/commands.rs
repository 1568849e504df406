//! Follows a shop's log command by command: each event says what its kind tells of, and the last about
//! an order has the order written down.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use order_proto::v1::{self, EventChange, EventKind};
use prost::Message;

use super::saying;
use crate::store::audits::LinkRow;

/// What is wrong, and with which order's events: none for the shop's own.
pub(super) type Wrong = (Option<i64>, String);

/// The command at hand, as far as it was followed.
#[derive(Default)]
pub(super) struct Commands {
    command: i64,
    orders: BTreeMap<i64, Told>,
}

/// What a command has told of an order so far.
#[derive(Default)]
struct Told {
    /// Of the last event.
    revision: i64,
    /// The beginning of the order as it is written down there.
    written: Option<v1::Order>,
    label: Option<Label>,
}

/// What a command has told last of an order's status, by the status's name.
enum Label {
    Moved(String),
    /// The change waits.
    Asked(String),
}

impl Commands {
    /// Takes the next event; answers what is wrong with it, or with the command that it ends.
    pub(super) fn follow(&mut self, row: &LinkRow) -> Vec<Wrong> {
        let is_next = row.command_revision != self.command;
        let mut wrong = if is_next { self.end() } else { Vec::new() };
        self.command = row.command_revision;
        let (order, revision) = (row.order_number, row.revision);
        let kind = EventKind::try_from(i32::from(row.kind)).unwrap_or_default();
        let change = match EventChange::decode(row.change.as_slice()) {
            Ok(change) if saying::fits(kind, order.is_some(), &change) => change,
            Ok(_) => {
                let text = format!("{revision} does not say what {} tells of", kind.as_str_name());
                wrong.push((order, text));
                return wrong;
            }
            Err(_) => {
                wrong.push((order, format!("what {revision} says cannot be read")));
                return wrong;
            }
        };
        match order.filter(|_| kind != EventKind::Noop) {
            Some(number) => {
                let told = self.orders.entry(number).or_default();
                if told.written.is_some() {
                    let text =
                        format!("{} has it written down, and is not the last", told.revision);
                    wrong.push((order, text));
                }
                told.take(row, kind, change);
            }
            None if row.document.is_some() => {
                wrong.push((order, format!("{revision} has an order written down")));
            }
            None => {}
        }
        wrong
    }

    /// Ends the last command.
    pub(super) fn end(&mut self) -> Vec<Wrong> {
        let orders = std::mem::take(&mut self.orders);
        orders.into_iter().filter_map(|(number, told)| told.wrong(number)).collect()
    }
}

impl Told {
    fn take(&mut self, row: &LinkRow, kind: EventKind, change: EventChange) {
        self.revision = row.revision;
        self.written = row.document.as_deref().map(beginning);
        match kind {
            EventKind::StatusChanged => self.label = Some(Label::Moved(change.to_status)),
            EventKind::StatusChangeRequested => self.label = Some(Label::Asked(change.to_status)),
            EventKind::StatusChangeDropped => self.label = None,
            _ => {}
        }
    }

    /// What is wrong with it when its command is over.
    fn wrong(&self, number: i64) -> Option<Wrong> {
        let revision = self.revision;
        let Some(written) = &self.written else {
            let text = format!("{revision} is the last of its command, without the order");
            return Some((Some(number), text));
        };
        if written.number != number {
            let text = format!("{revision} has order {} written down", written.number);
            return Some((Some(number), text));
        }
        let waits_for = written.pending_status_change.as_ref().map(|pending| &pending.status);
        let is_told = match &self.label {
            Some(Label::Moved(status)) => written.status == *status,
            Some(Label::Asked(status)) => waits_for == Some(status),
            None => true,
        };
        let text = || format!("{revision} has another status than its command tells of");
        (!is_told).then(|| (Some(number), text()))
    }
}

/// What the beginning of an order says that is written down. It ends somewhere in the middle of what
/// is not asked for here.
fn beginning(document: &[u8]) -> v1::Order {
    let mut order = v1::Order::default();
    let _cut_off = order.merge(document);
    order
}
