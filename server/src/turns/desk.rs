//! A shop's work during a turn: the facts that were loaded, and what the commands have made of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use order_proto::v1::{self, EventChange, EventKind};
use order_rules::decision::{Case, Decision, Ids};
use order_rules::effects::EffectState;
use order_rules::order::{Micros, Order, OrderNumber};
use order_rules::payments::Payment;
use order_rules::refusals::{Code, Refusal};
use order_rules::stock::Item;
use prost::Message;

use super::booking::TransferSlip;
use super::mailing::MailSlip;
use super::{document, story};
use crate::commands::{Answer, Caller};
use crate::shops::Shop;
use crate::store::facts::{Changes, RequestRow};
use crate::store::rows::{EffectRow, EventRow, HeadRow};

/// An order with what the rules do not look at.
#[derive(Clone, Debug)]
pub(crate) struct OrderFile {
    pub order: Order,
    pub extra: Extra,
    /// As it was loaded; `None` for a new one.
    pub stored: Option<Order>,
    /// As it was written down for its last event; `None` when that is out of date.
    pub document: Option<Bytes>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    pub external_reference: Option<String>,
    pub language: String,
    pub customer_key: String,
    pub lines_fingerprint: String,
    /// Encoded part of `Order` with everything personal.
    pub personal: Bytes,
    pub personal_version: i32,
    /// Versions before that.
    pub earlier: Vec<Bytes>,
    /// Rides with the change that waits.
    pub waiting_note: Option<v1::Note>,
    /// By mail.
    pub slips: BTreeMap<i64, MailSlip>,
    /// By transfer to accounting.
    pub transfer_slips: BTreeMap<i64, TransferSlip>,
    pub revision: i64,
    pub updated_at: Micros,
}

pub(crate) struct Desk {
    pub shop: Arc<Shop>,
    pub now: Micros,
    pub orders: BTreeMap<i64, OrderFile>,
    pub payments: BTreeMap<i64, Payment>,
    pub items: BTreeMap<String, Item>,
    /// Effects that are not final, by operation.
    pub effects: BTreeMap<i64, EffectRow>,
    /// Of orders, each with the number of the order.
    pub external_references: BTreeMap<String, i64>,
    /// Orders by the status they have.
    pub status_counts: BTreeMap<i64, i64>,
    /// Waiting changes by the status they lead to.
    pub waiting_counts: BTreeMap<i64, i64>,
    /// Of the providers asked about, those that a payment names.
    pub used_providers: BTreeSet<String>,
    pub(super) head: HeadRow,
    pub(super) requests: HashMap<Vec<u8>, RequestRow>,
    /// As they were loaded.
    pub(super) stored_payments: BTreeMap<i64, Payment>,
    pub(super) changed_orders: BTreeSet<i64>,
    pub(super) changed_payments: BTreeSet<i64>,
    pub(super) changed_items: BTreeSet<String>,
    pub(super) changed_effects: BTreeSet<i64>,
    pub(super) changes: Changes,
    /// Revision of the first event of the command at hand.
    pub(super) command_revision: i64,
    /// Payments that the command at hand has changed.
    pub(super) command_payments: BTreeSet<i64>,
    /// Mails that the command at hand has planned, with their orders.
    pub(super) command_mails: Vec<(i64, i64)>,
    pub(super) caller: Option<Caller>,
    /// Why what the command at hand has decided cannot be carried out.
    pub(super) defect: Option<&'static str>,
}

impl Desk {
    /// The next ids of the shop.
    pub(crate) fn ids(&self) -> Ids {
        Ids(self.head.next_id)
    }

    /// The number that the next order gets.
    pub(crate) fn next_order_number(&self) -> i64 {
        self.head.next_order_number
    }

    pub(crate) fn set_next_order_number(&mut self, number: i64) {
        self.head.next_order_number = number;
    }

    /// The number that the next credit gets.
    pub(crate) fn next_credit_number(&self) -> i64 {
        self.head.next_credit_number
    }

    pub(crate) fn set_next_credit_number(&mut self, number: i64) {
        self.head.next_credit_number = number;
    }

    /// An order with its payments, as they are now.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`.
    pub(crate) fn case(&self, number: i64) -> Result<Case, Refusal> {
        let file = self.orders.get(&number).ok_or_else(|| {
            Refusal::new(Code::OrderNotFound).with("order", self.shop.order_name(number))
        })?;
        Ok(Case { payments: self.payments_of(&file.order), order: file.order.clone() })
    }

    /// Refuses a command about an order that was deleted.
    ///
    /// # Errors
    /// `ORDER_DELETED`.
    pub(crate) fn check_not_deleted(&self, number: i64) -> Result<(), Refusal> {
        match self.orders.get(&number) {
            Some(file) if file.order.deleted_at.is_some() => {
                Err(Refusal::new(Code::OrderDeleted).with("order", self.shop.order_name(number)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a caller who has not seen the order as it is.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` with the current one.
    pub(crate) fn check_etag(&self, number: i64, etag: Option<&str>) -> Result<(), Refusal> {
        let revision = self.orders.get(&number).map_or(0, |file| file.extra.revision);
        check_etag(revision, etag)
    }

    /// Makes a decision about an order the truth, and its changes events.
    pub(crate) fn apply(&mut self, decision: Decision, ids: &Ids) {
        self.head.next_id = ids.0;
        let Decision {
            case,
            changes,
            movements,
            effects,
            mails,
            transfers,
            labels,
            withdrawn,
            twins: _,
        } = decision;
        let number = case.order.number;
        for payment in case.payments {
            self.put_payment(payment);
        }
        self.put_effects(effects);
        for operation in withdrawn {
            self.finish_effect(operation, EffectState::Withdrawn);
        }
        self.put_order(case.order);
        self.put_mails(number.0, &mails);
        self.put_transfers(number.0, &transfers);
        self.put_labels(number.0, &labels);
        self.move_stock(movements);
        let Some(order) = self.orders.get(&number.0).map(|file| file.order.clone()) else { return };
        for change in &changes {
            let (kind, mut change) = story::event(&self.shop, &order, change);
            if kind == EventKind::NoteAdded {
                change.note_id = self.next_note(number.0);
            }
            self.tell(kind, Some(number), &change);
        }
    }

    pub(crate) fn put_payment(&mut self, payment: Payment) {
        if self.payments.get(&payment.id.0) != Some(&payment) {
            self.changed_payments.insert(payment.id.0);
            self.command_payments.insert(payment.id.0);
            self.payments.insert(payment.id.0, payment);
        }
    }

    fn put_order(&mut self, order: Order) {
        let number = order.number.0;
        let is_waiting = order.pending.is_some();
        let now = self.now;
        let is_same = self.orders.get(&number).is_some_and(|file| file.order == order);
        if is_same {
            return;
        }
        let file = self.orders.entry(number).or_insert_with(|| OrderFile {
            order: order.clone(),
            extra: Extra { updated_at: now, ..Extra::default() },
            stored: None,
            document: None,
        });
        file.order = order;
        file.document = None;
        if !is_waiting {
            file.extra.waiting_note = None;
        }
        self.changed_orders.insert(number);
    }

    /// Appends an event to the log.
    pub(crate) fn tell(
        &mut self,
        kind: EventKind,
        order: Option<OrderNumber>,
        change: &EventChange,
    ) {
        self.head.revision = self.head.revision.saturating_add(1);
        let revision = self.head.revision;
        if self.command_revision == 0 {
            self.command_revision = revision;
        }
        let is_first = self.command_revision == revision;
        let (actor, request_id, content) = match &self.caller {
            Some(caller) => (
                caller.actor.clone(),
                caller.request_id.as_bytes().to_vec(),
                is_first.then(|| self.shop.content_print(&caller.content).to_vec()),
            ),
            None => (String::new(), Vec::new(), None),
        };
        self.changes.events.push(EventRow {
            shop_id: self.shop.row.shop_id,
            revision,
            command_revision: self.command_revision,
            kind: i16::try_from(i32::from(kind)).unwrap_or_default(),
            order_number: order.map(|order| order.0),
            actor,
            created_at: self.now.0,
            request_id,
            content,
            change: change.encode_to_vec(),
            document: None,
            personal_version: None,
        });
        if let Some(file) = order.and_then(|order| self.orders.get_mut(&order.0)) {
            file.extra.revision = revision;
            file.extra.updated_at = self.now;
            file.document = None;
            self.changed_orders.insert(file.order.number.0);
        }
    }

    /// Begins a command: what follows are its events.
    pub(super) fn begin(&mut self, caller: Caller) {
        self.caller = Some(caller);
        self.command_revision = 0;
        self.command_payments.clear();
        self.command_mails.clear();
    }

    /// Ends a command that succeeded: orders that share a payment it changed are told, one that
    /// changed nothing leaves its mark, and each order it touched is written down.
    /// Answers the orders whose pairs of possible duplicates have changed.
    pub(super) fn end(&mut self, order: Option<OrderNumber>) -> Vec<OrderNumber> {
        self.address_mails();
        let told = self.touched();
        let touched: Vec<(i64, i64)> = std::mem::take(&mut self.command_payments)
            .into_iter()
            .filter_map(|id| self.payments.get(&id))
            .flat_map(|payment| payment.holders.iter().map(|holder| (holder.order.0, payment.id.0)))
            .filter(|(number, _)| !told.contains(number) && self.orders.contains_key(number))
            .collect();
        for (number, payment_id) in touched {
            let change = EventChange { payment_id, ..EventChange::default() };
            self.tell(EventKind::PaymentUpdated, Some(OrderNumber(number)), &change);
        }
        let settled = self.settle_pairs();
        if self.command_revision == 0 {
            let known = order.filter(|order| self.orders.contains_key(&order.0));
            self.note_nothing(known, &EventChange::default());
        }
        self.write_documents();
        settled
    }

    /// The orders that the command at hand has events about.
    pub(super) fn touched(&self) -> BTreeSet<i64> {
        self.command_events().filter_map(|event| event.order_number).collect()
    }

    /// The events of the command at hand, the last first.
    pub(super) fn command_events(&self) -> impl Iterator<Item = &EventRow> {
        let revision = self.command_revision;
        // A command's events are the last of the log.
        let events = self.changes.events.iter().rev();
        events.take_while(move |event| revision > 0 && event.command_revision == revision)
    }

    /// What the first event of the command at hand says.
    pub(super) fn first_change(&self) -> Vec<u8> {
        let events = self.changes.events.iter().rev();
        let mut first = events.filter(|event| event.revision == self.command_revision);
        first.next().map(|event| event.change.clone()).unwrap_or_default()
    }

    /// A command that changed nothing: its id is remembered, listeners are not told.
    pub(super) fn note_nothing(&mut self, order: Option<OrderNumber>, told: &EventChange) {
        let extra =
            order.and_then(|order| self.orders.get(&order.0)).map(|file| file.extra.clone());
        let has_changed = order.is_some_and(|order| self.changed_orders.contains(&order.0));
        self.tell(EventKind::Noop, order, told);
        // The order is as it was: so are its etag and its times.
        if let (Some(order), Some(extra)) = (order, extra)
            && let Some(file) = self.orders.get_mut(&order.0)
        {
            file.extra = extra;
            file.document = None;
            if !has_changed && file.stored.as_ref() == Some(&file.order) {
                self.changed_orders.remove(&order.0);
            }
        }
    }

    /// The last event about each order of the command carries the order as it is after it.
    fn write_documents(&mut self) {
        let mut last: BTreeMap<i64, usize> = BTreeMap::new();
        // A command's events are the last of the log.
        let events = &self.changes.events;
        let is_earlier = |event: &EventRow| event.command_revision != self.command_revision;
        let first = events.iter().rposition(is_earlier).map_or(0, |last| last.saturating_add(1));
        for (index, event) in events.iter().enumerate().skip(first) {
            if event.kind != noop()
                && let Some(number) = event.order_number
            {
                last.insert(number, index);
            }
        }
        for (number, index) in last {
            let Some(file) = self.orders.get(&number) else { continue };
            let payments = self.payments_of(&file.order);
            let document = document::document(&self.shop, file, &payments);
            let version = file.extra.personal_version;
            if let Some(event) = self.changes.events.get_mut(index) {
                event.document = Some(document.to_vec());
                event.personal_version = Some(version);
            }
            if let Some(file) = self.orders.get_mut(&number) {
                file.document = Some(document);
            }
        }
    }

    /// An order's payments, in the order they were attached.
    pub(crate) fn payments_of(&self, order: &Order) -> Vec<Payment> {
        order.payments.iter().filter_map(|id| self.payments.get(&id.0)).cloned().collect()
    }

    /// The order as it goes out: its document and what is personal.
    pub(crate) fn order_parts(&self, number: i64) -> Vec<Bytes> {
        let Some(file) = self.orders.get(&number) else { return Vec::new() };
        let document = file.document.clone().unwrap_or_else(|| {
            document::document(&self.shop, file, &self.payments_of(&file.order))
        });
        vec![document, file.extra.personal.clone()]
    }

    /// Who asked for the command at hand.
    pub(crate) fn actor(&self) -> &str {
        self.caller.as_ref().map_or("system", |caller| caller.actor.as_str())
    }

    /// The revision of the next event.
    pub(crate) fn next_revision(&self) -> i64 {
        self.head.revision.saturating_add(1)
    }

    pub(super) fn replace_shop(&mut self, shop: Shop) {
        let revision = self.next_revision();
        self.head.settings_revision = revision;
        if let Ok(shop) = Shop::from_rows(shop.into_rows(revision)) {
            self.shop = Arc::new(shop);
        }
    }

    /// What a command says when it is carried out. The order is put in when the command has ended.
    pub(crate) fn answer(&self, number: Option<i64>) -> Answer {
        Answer {
            number: number.map(OrderNumber),
            revision: self.command_revision,
            ..Answer::default()
        }
    }
}

/// Refuses a caller who has not seen the resource as it is.
///
/// # Errors
/// `ETAG_MISMATCH` with the current one.
pub(crate) fn check_etag(revision: i64, etag: Option<&str>) -> Result<(), Refusal> {
    let current = crate::shops::etag(revision);
    match etag {
        Some(etag) if etag != current => {
            Err(Refusal::new(Code::EtagMismatch).with("current_etag", current))
        }
        _ => Ok(()),
    }
}

fn noop() -> i16 {
    i16::try_from(i32::from(EventKind::Noop)).unwrap_or_default()
}
