//! Operations on their way to a provider, as they are: no order is written down anew when a call begins.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::effects::EffectState;
use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};

/// Numbers of the contract's fields: of an order, of a payment, of an operation.
const PAYMENTS: u32 = 11;
const OPERATIONS: u32 = 11;
const OPERATION_ID: u32 = 1;
const OPERATION_STATE: u32 = 3;

/// The fields of an encoded message, for as long as they make sense.
struct Fields<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Part(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Field<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (tag, wire_type) = decode_key(&mut self.0).ok()?;
        let length = match wire_type {
            WireType::Varint => {
                return Some((tag, Field::Number(decode_varint(&mut self.0).ok()?)));
            }
            WireType::LengthDelimited => usize::try_from(decode_varint(&mut self.0).ok()?).ok()?,
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        let (part, after) = self.0.split_at_checked(length)?;
        self.0 = after;
        Some((tag, Field::Part(part)))
    }
}

/// The ids of the operations that an order's document shows as not answered yet: most orders have
/// none, so nothing else of it is read.
pub(super) fn unanswered(document: &[u8]) -> Vec<i64> {
    let payments = parts(document, PAYMENTS);
    let operations = payments.flat_map(|payment| parts(payment, OPERATIONS));
    operations.filter_map(unanswered_id).collect()
}

/// An order's document with its operations as far as they have come. What ended meanwhile stays as it
/// was written down: all that follows from that is written down with it.
pub(super) fn amended(document: &[u8], states: &BTreeMap<i64, EffectState>) -> Option<Vec<u8>> {
    let mut order = v1::Order::decode(document).ok()?;
    let operations = order.payments.iter_mut().flat_map(|payment| &mut payment.operations);
    for operation in operations.filter(|operation| is_unanswered(operation.state)) {
        let state = match states.get(&operation.id) {
            Some(EffectState::Pending) => v1::OperationState::Pending,
            Some(EffectState::Sent) => v1::OperationState::Sent,
            Some(EffectState::Accepted) => v1::OperationState::Accepted,
            Some(EffectState::Unknown) => v1::OperationState::Unknown,
            Some(EffectState::Done | EffectState::Declined | EffectState::Withdrawn) | None => {
                continue;
            }
        };
        operation.set_state(state);
    }
    Some(order.encode_to_vec())
}

fn parts(message: &[u8], wanted: u32) -> impl Iterator<Item = &[u8]> {
    Fields(message).filter_map(move |(tag, field)| match field {
        Field::Part(part) if tag == wanted => Some(part),
        Field::Part(_) | Field::Number(_) => None,
    })
}

fn unanswered_id(operation: &[u8]) -> Option<i64> {
    let (mut id, mut state) = (None, None);
    for (tag, field) in Fields(operation) {
        match (tag, field) {
            (OPERATION_ID, Field::Number(number)) => id = i64::try_from(number).ok(),
            (OPERATION_STATE, Field::Number(number)) => state = i32::try_from(number).ok(),
            _ => {}
        }
    }
    id.filter(|_| state.is_some_and(is_unanswered))
}

fn is_unanswered(state: i32) -> bool {
    let unanswered = [v1::OperationState::Pending, v1::OperationState::Sent];
    unanswered.iter().any(|one| i32::from(*one) == state)
}
