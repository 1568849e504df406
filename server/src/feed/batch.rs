//! All events of one command, encoded once: what each filter lets through of them shares the bytes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes};
use order_proto::v1;
use order_rules::order::{Micros, StatusId};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use uuid::Uuid;

use super::cursor::{Place, Scope};
use super::filter::Filter;
use crate::commands::timestamp;
use crate::shops::Shop;
use crate::store::log::LogRow;
use crate::wire::Frame;

/// Numbers of the contract's fields whose messages are put together from stored bytes.
const RESPONSE_BATCH: u32 = 6;
const BATCH_EVENTS: u32 = 1;
const BATCH_ORDERS: u32 = 2;
const EVENT_CHANGE: u32 = 7;
const ORDER_STATUS: u32 = 4;
/// Filters whose frame is kept; more are made anew for each listener.
const FRAMES_MAX: usize = 64;
/// What a batch takes beside its bytes, roughly.
const BATCH_OVERHEAD: usize = 512;

pub(super) struct Batch {
    /// Revision of the command's first event.
    pub first: i64,
    /// After the command's last event.
    pub place: Place,
    /// Bytes it holds, roughly.
    pub size: usize,
    told: Vec<Told>,
    orders: Vec<OrderAfter>,
    /// By filter; `None`: nothing gets through.
    frames: Mutex<Vec<(u64, Option<Frame>)>>,
}

/// An event that listeners may get.
struct Told {
    kind: i32,
    order: Option<i64>,
    /// The field of the batch that holds it.
    field: Bytes,
}

/// An order as it was after the command.
struct OrderAfter {
    number: i64,
    /// Last part of its status's name; of the one that replaced it, if it is deleted.
    status: String,
    /// The field of the batch that holds it.
    field: Vec<Bytes>,
}

/// The commands whose events these are, in the order of the log. An event whose command begins at or
/// before `after` is left out.
pub(super) fn batches(shop: &Shop, after: i64, rows: Vec<LogRow>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut command = Vec::new();
    for row in rows.into_iter().filter(|row| row.mark.command_revision > after) {
        let is_next = command
            .last()
            .is_some_and(|last: &LogRow| last.mark.command_revision != row.mark.command_revision);
        if is_next {
            batches.extend(Batch::new(shop, std::mem::take(&mut command)));
        }
        command.push(row);
    }
    batches.extend(Batch::new(shop, command));
    batches
}

impl Batch {
    fn new(shop: &Shop, rows: Vec<LogRow>) -> Option<Self> {
        let (first, last) = (rows.first()?, rows.last()?);
        let (first, place) = (first.mark.command_revision, Place::after(&last.mark));
        let mut told = Vec::new();
        let mut orders = Vec::new();
        for row in rows {
            if i32::from(row.mark.kind) == i32::from(v1::EventKind::Noop) {
                continue;
            }
            told.push(Told {
                kind: row.mark.kind.into(),
                order: row.mark.order_number,
                field: event_field(shop, &row),
            });
            orders.extend(OrderAfter::new(shop, row));
        }
        let bytes = told.iter().map(|told| told.field.len()).sum::<usize>()
            + orders.iter().flat_map(|order| &order.field).map(Bytes::len).sum::<usize>();
        let size = bytes.saturating_add(BATCH_OVERHEAD);
        Some(Self { first, place, size, told, orders, frames: Mutex::default() })
    }

    /// The message for listeners with this filter; `None` when nothing gets through.
    pub(super) fn frame(&self, scope: &Scope, filter: &Filter) -> Option<Frame> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, frame)) = frames.iter().find(|(id, _)| *id == filter.id) {
            return frame.clone();
        }
        let frame = self.filtered(scope, filter);
        if frames.len() < FRAMES_MAX {
            frames.push((filter.id, frame.clone()));
        }
        frame
    }

    /// Lets go of the frames: the listeners that keep up have got theirs.
    pub(super) fn forget_frames(&self) {
        *self.frames.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }

    fn filtered(&self, scope: &Scope, filter: &Filter) -> Option<Frame> {
        let status = |number: i64| {
            let order = self.orders.iter().find(|order| order.number == number);
            (number, order.map_or("", |order| order.status.as_str()))
        };
        let passing: Vec<&Told> = self
            .told
            .iter()
            .filter(|told| filter.lets_through(told.kind, told.order.map(status)))
            .collect();
        if passing.is_empty() {
            return None;
        }
        let about: BTreeSet<i64> = passing.iter().filter_map(|told| told.order).collect();
        let events = passing.iter().map(|told| told.field.clone());
        let orders = self.orders.iter().filter(|order| about.contains(&order.number));
        let parts = events.chain(orders.flat_map(|order| order.field.iter().cloned()));
        let head = v1::WatchOrdersResponse {
            revision: self.place.revision,
            cursor: scope.cursor(self.place),
            message: None,
        };
        Some(Frame::default().with_fields(&head).with_message(RESPONSE_BATCH, parts))
    }
}

impl OrderAfter {
    fn new(shop: &Shop, row: LogRow) -> Option<Self> {
        let number = row.mark.order_number?;
        let document = row.document?;
        let written = status_of(&document).unwrap_or_default().to_owned();
        let status = live_status(shop, &written).unwrap_or_else(|| written.clone());
        let mut parts: Vec<Bytes> = vec![document.into()];
        parts.extend(row.personal.map(Bytes::from));
        if status != written {
            let name = v1::Order { status: shop.status_name(&status), ..v1::Order::default() };
            parts.push(name.encode_to_vec().into());
        }
        let field = Frame::default().with_message(BATCH_ORDERS, parts).into_parts();
        Some(Self { number, status, field })
    }
}

/// The status that replaced the one of this name; `None` when it is not deleted.
fn live_status(shop: &Shop, slug: &str) -> Option<String> {
    if shop.status_by_slug(slug).is_some() {
        return None;
    }
    let deleted = shop.status_rows.iter().filter(|row| row.slug == slug);
    let last = deleted.max_by_key(|row| row.revision)?;
    shop.status_row(StatusId(last.status_id)).map(|row| row.slug.clone())
}

fn event_field(shop: &Shop, row: &LogRow) -> Bytes {
    let mark = &row.mark;
    let event = v1::Event {
        revision: mark.revision,
        kind: mark.kind.into(),
        order: mark.order_number.map(|number| shop.order_name(number)).unwrap_or_default(),
        create_time: Some(timestamp(Micros(mark.created_at))),
        actor: row.actor.clone(),
        request_id: Uuid::from_slice(&mark.request_id).unwrap_or_default().to_string(),
        change: None,
    };
    let change = Bytes::copy_from_slice(&mark.change);
    let event = Frame::default().with_fields(&event).with_message(EVENT_CHANGE, [change]);
    Frame::default().with_message(BATCH_EVENTS, event.into_parts()).into_bytes()
}

/// Last part of the status's name of an encoded order, read without decoding the rest.
fn status_of(mut document: &[u8]) -> Option<&str> {
    while document.has_remaining() {
        let (tag, wire_type) = decode_key(&mut document).ok()?;
        if tag == ORDER_STATUS && wire_type == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut document).ok()?).ok()?;
            let name = std::str::from_utf8(document.get(..length)?).ok()?;
            return name.rsplit('/').next();
        }
        skip_field(wire_type, tag, &mut document, DecodeContext::default()).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use order_proto::v1::EventKind;
    use order_proto::v1::watch_orders_response::Message as Said;

    use super::*;
    use crate::feed::tests::{log_row, scope, shop};

    /// A command about two orders, with a mark of nothing between.
    fn rows() -> Vec<LogRow> {
        let document = |number: i64, status: &str| v1::Order {
            name: format!("shops/a/orders/{number}"),
            number,
            status: format!("shops/a/orderStatuses/{status}"),
            ..v1::Order::default()
        };
        let personal =
            v1::Order { email_suggestion: "x@example.no".to_owned(), ..v1::Order::default() };
        let mut rows = vec![
            log_row(5, 5, EventKind::StatusChanged, Some(1_001)),
            log_row(6, 5, EventKind::OperationRequested, Some(1_001)),
            log_row(7, 5, EventKind::PaymentUpdated, Some(1_002)),
            log_row(8, 8, EventKind::Noop, Some(1_001)),
            log_row(9, 9, EventKind::ShopChanged, None),
        ];
        rows[1].document = Some(document(1_001, "sent").encode_to_vec());
        rows[1].personal = Some(personal.encode_to_vec());
        rows[2].document = Some(document(1_002, "old").encode_to_vec());
        rows
    }

    fn wanted(kinds: &[EventKind], statuses: &[&str]) -> Filter {
        Filter::new(&v1::WatchFilter {
            kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
            statuses: statuses.iter().map(|one| format!("shops/a/orderStatuses/{one}")).collect(),
            orders: Vec::new(),
        })
    }

    /// (revision, events, orders) of the message.
    fn told(batch: &Batch, filter: &Filter) -> Option<(i64, Vec<i64>, Vec<v1::Order>)> {
        let frame = batch.frame(&scope(), filter)?;
        let message = v1::WatchOrdersResponse::decode(frame.into_bytes()).unwrap();
        assert_eq!(scope().place(&message.cursor).unwrap().revision, message.revision);
        let Some(Said::Batch(batch)) = message.message else { panic!("{message:?}") };
        let events = batch.events.iter().map(|event| event.revision).collect();
        Some((message.revision, events, batch.orders))
    }

    #[test]
    fn a_command_is_one_batch_and_its_orders_go_with_the_events_that_pass() {
        let batches = batches(&shop(), 0, rows());
        let firsts: Vec<(i64, i64)> =
            batches.iter().map(|batch| (batch.first, batch.place.revision)).collect();
        assert_eq!(firsts, [(5, 7), (8, 8), (9, 9)]);

        let (revision, events, orders) = told(&batches[0], &wanted(&[], &[])).unwrap();
        assert_eq!((revision, events.as_slice(), orders.len()), (7, [5, 6, 7].as_slice(), 2));
        assert_eq!(orders[0].email_suggestion, "x@example.no");

        let (revision, events, orders) =
            told(&batches[0], &wanted(&[EventKind::StatusChanged], &[])).unwrap();
        assert_eq!((revision, events.as_slice()), (7, [5].as_slice()));
        assert_eq!(orders.iter().map(|order| order.number).collect::<Vec<_>>(), [1_001]);

        assert_eq!(told(&batches[0], &wanted(&[EventKind::NoteAdded], &[])), None);
        assert_eq!(told(&batches[1], &wanted(&[], &[])), None);
        assert_eq!(told(&batches[2], &wanted(&[], &[])).unwrap().1, [9]);
        assert_eq!(told(&batches[2], &wanted(&[], &["sent"])), None);
    }

    #[test]
    fn a_deleted_status_counts_and_shows_as_the_one_that_replaced_it() {
        let batches = batches(&shop(), 0, rows());
        let (_, events, orders) = told(&batches[0], &wanted(&[], &["new"])).unwrap();
        assert_eq!(events, [7]);
        assert_eq!(orders[0].status, "shops/a/orderStatuses/new");
        assert_eq!(told(&batches[0], &wanted(&[], &["old"])), None);
    }

    #[test]
    fn the_rest_of_a_command_that_began_before_is_left_out() {
        let batches = batches(&shop(), 5, rows());
        assert_eq!(batches.iter().map(|batch| batch.first).collect::<Vec<_>>(), [8, 9]);
    }

    #[test]
    fn the_status_is_found_without_decoding_the_order() {
        let order = v1::Order {
            name: "shops/a/orders/1".to_owned(),
            number: 1,
            status: "shops/a/orderStatuses/sent".to_owned(),
            revision: 7,
            ..v1::Order::default()
        };
        assert_eq!(status_of(&order.encode_to_vec()), Some("sent"));
        for noise in [&[][..], &[0x22, 0x7f, 0x01], &[0xff, 0xff]] {
            assert_eq!(status_of(noise), None, "{noise:?}");
        }
    }
}
