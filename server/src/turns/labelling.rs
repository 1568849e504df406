//! The labels of a shop's work during a turn: their rows, their effects, and how they go out.

use order_proto::v1;
use order_rules::effects::System;
use order_rules::labels::{Consignment, Label, LabelState, Parcel, Print, PrintState};
use order_rules::order::{Micros, Order, Tracking};
use prost::Message;
use uuid::Uuid;

use super::desk::{Desk, OrderFile};
use super::{rebuild, record};
use crate::commands::timestamp;
use crate::shops::Shop;
use crate::store::StoreFailure;
use crate::store::rows::{EffectRow, LabelRow, key, number};
use crate::terms::{Term, system_stored};

/// Where a label was printed, as it is stored with it.
#[derive(Clone, PartialEq, Message)]
struct PrintsRecord {
    #[prost(message, repeated, tag = "1")]
    prints: Vec<PrintRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct PrintRecord {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    printer: String,
    #[prost(int32, tag = "3")]
    state: i32,
    #[prost(int64, tag = "4")]
    requested_at: i64,
    #[prost(int64, optional, tag = "5")]
    resolved_at: Option<i64>,
}

/// Kinds of effects on labels, as they are stored.
pub(crate) const MAKE: i16 = 1;
pub(crate) const PRINT: i16 = 2;

/// Keys of labels are of this name space.
const KEYS: Uuid = Uuid::from_u128(0x2c8e_71d0_55ab_4f6e_9b13_0d84_c6e7_a1f9);
const MARK_CHARACTERS: usize = 8;

/// Names a label or a print: the same for every attempt, and another in every database.
pub(crate) fn label_key(shop: &str, id: i64, requested_at: Micros) -> Uuid {
    Uuid::new_v5(&KEYS, format!("{shop}/{id}/{}", requested_at.0).as_bytes())
}

/// Our reference of a consignment: the order's number for people, and a mark that no other has.
pub(crate) fn reference(order: i64, key: Uuid) -> String {
    let mark = key.simple().to_string();
    format!("{order}-{}", mark.get(..MARK_CHARACTERS).unwrap_or(&mark))
}

impl Desk {
    /// The labels and prints that a decision has planned: each is an effect.
    pub(super) fn put_labels(&mut self, number: i64, planned: &[i64]) {
        let shop_id = self.shop.row.shop_id;
        for &id in planned {
            let Some(file) = self.orders.get(&number) else {
                return self.note_defect("a label is planned of an order that is not there");
            };
            let Some((label, print)) = find(&file.order, id) else {
                self.note_defect("a label is planned that is not there");
                continue;
            };
            let (kind, requested_at) = match print {
                Some(print) => (PRINT, print.requested_at),
                None => (MAKE, label.requested_at),
            };
            let effect = EffectRow {
                effect_key: key(shop_id, id),
                shop_id,
                system: system_stored(System::Labels),
                integration: Some(label.integration.clone()),
                order_key: key(shop_id, number),
                kind,
                ..record::planned(requested_at, requested_at)
            };
            self.put_effect(id, effect);
        }
    }
}

/// The label of this id, or the one with the print of this id.
fn find(order: &Order, id: i64) -> Option<(&Label, Option<&Print>)> {
    order.labels.iter().find_map(|label| {
        let print = label.prints.iter().find(|print| print.id == id);
        (label.id == id || print.is_some()).then_some((label, print))
    })
}

/// The labels that differ from those stored.
pub(super) fn rows(shop_id: i64, file: &OrderFile) -> Vec<LabelRow> {
    let stored = file.stored.as_ref();
    let is_stored = |label: &&Label| {
        stored.is_some_and(|stored| stored.labels.iter().any(|other| other == *label))
    };
    let changed = file.order.labels.iter().filter(|label| !is_stored(label));
    changed.map(|label| row(shop_id, &file.order, label)).collect()
}

fn row(shop_id: i64, order: &Order, label: &Label) -> LabelRow {
    let made = label.consignment.clone().unwrap_or_default();
    LabelRow {
        label_key: key(shop_id, label.id),
        order_key: key(shop_id, order.number.0),
        integration: label.integration.clone(),
        delivery_id: label.delivery,
        transport_agreement: label.parcel.transport_agreement.clone(),
        product: label.parcel.product.clone(),
        parcel_weight_grams: label.parcel.weight_grams,
        state: label.state.stored(),
        consignment_id: label.consignment.as_ref().map(|consignment| consignment.id.clone()),
        consignment_number: made.number,
        carrier: made.tracking.carrier,
        tracking_number: made.tracking.number,
        tracking_url: made.tracking.url,
        prints: prints_stored(&label.prints),
        requested_at: label.requested_at.0,
        resolved_at: label.resolved_at.map(|time| time.0),
    }
}

fn prints_stored(prints: &[Print]) -> Vec<u8> {
    let record = |print: &Print| PrintRecord {
        id: print.id,
        printer: print.printer.clone(),
        state: print.state.stored().into(),
        requested_at: print.requested_at.0,
        resolved_at: print.resolved_at.map(|time| time.0),
    };
    PrintsRecord { prints: prints.iter().map(record).collect() }.encode_to_vec()
}

/// A label as the rules see it.
///
/// # Errors
/// When the row is not what this version wrote.
pub(crate) fn label(row: &LabelRow) -> Result<Label, StoreFailure> {
    let record = PrintsRecord::decode(row.prints.as_slice());
    let record = record.map_err(|_| rebuild::defect("labels.prints"))?;
    let tracking = Tracking {
        carrier: row.carrier.clone(),
        number: row.tracking_number.clone(),
        url: row.tracking_url.clone(),
    };
    Ok(Label {
        id: number(row.label_key),
        integration: row.integration.clone(),
        delivery: row.delivery_id,
        parcel: Parcel {
            transport_agreement: row.transport_agreement.clone(),
            product: row.product.clone(),
            weight_grams: row.parcel_weight_grams,
        },
        state: LabelState::from_stored(row.state).ok_or_else(|| rebuild::defect("labels.state"))?,
        consignment: row.consignment_id.clone().map(|id| Consignment {
            id,
            number: row.consignment_number.clone(),
            tracking,
        }),
        prints: record.prints.into_iter().map(print).collect::<Result<_, _>>()?,
        requested_at: Micros(row.requested_at),
        resolved_at: row.resolved_at.map(Micros),
    })
}

fn print(record: PrintRecord) -> Result<Print, StoreFailure> {
    let state = i16::try_from(record.state).ok().and_then(PrintState::from_stored);
    Ok(Print {
        id: record.id,
        printer: record.printer,
        state: state.ok_or_else(|| rebuild::defect("labels.prints"))?,
        requested_at: Micros(record.requested_at),
        resolved_at: record.resolved_at.map(Micros),
    })
}

/// A label as it goes out.
pub(super) fn message(shop: &Shop, order: &Order, label: &Label) -> v1::Label {
    let key = label_key(&shop.row.slug, label.id, label.requested_at);
    let made = label.consignment.clone().unwrap_or_default();
    v1::Label {
        id: label.id,
        delivery_id: label.delivery.unwrap_or_default(),
        integration: label.integration.clone(),
        state: label.state.contract().into(),
        transport_agreement: label.parcel.transport_agreement.clone(),
        product: label.parcel.product.clone(),
        parcel_weight_grams: label.parcel.weight_grams,
        reference: reference(order.number.0, key),
        consignment_id: made.id,
        consignment_number: made.number,
        carrier: made.tracking.carrier,
        tracking_number: made.tracking.number,
        tracking_url: made.tracking.url,
        prints: label.prints.iter().map(print_message).collect(),
        request_time: Some(timestamp(label.requested_at)),
        resolve_time: label.resolved_at.map(timestamp),
    }
}

/// A label as an event tells it, with the print it is about: the rest stands on the order.
pub(super) fn summary(shop: &Shop, order: &Order, label: &Label, print: Option<i64>) -> v1::Label {
    let v1::Label { id, delivery_id, integration, state, prints, .. } = message(shop, order, label);
    let about = prints.into_iter().filter(|known| Some(known.id) == print);
    v1::Label {
        id,
        delivery_id,
        integration,
        state,
        prints: about.collect(),
        ..v1::Label::default()
    }
}

fn print_message(print: &Print) -> v1::LabelPrint {
    v1::LabelPrint {
        id: print.id,
        printer: print.printer.clone(),
        state: print.state.contract().into(),
        request_time: Some(timestamp(print.requested_at)),
        resolve_time: print.resolved_at.map(timestamp),
    }
}
