//! What the facts of a shop say without a command: nothing is decided, and nothing stored.

use bytes::Bytes;
use order_rules::accounting::TransferState;
use order_rules::changing::Bearing;
use order_rules::order::Micros;
use order_rules::payments::{Payment, PaymentId, awaits_outcome, is_under_way};
use order_rules::reconciling::readable;
use order_rules::refusals::{Code, Refusal};

use super::turn::desks;
use crate::commands::{Awaits, Failure, HearOfPayment};
use crate::shops::Shops;
use crate::store::facts::Facts;

/// An order as it is, and whether what a caller of this kind waits for is under way.
pub(super) fn order_now(
    shops: &Shops,
    shop_id: i64,
    number: i64,
    facts: &Facts,
    (now, awaits): (Micros, &Awaits),
) -> Result<(Vec<Bytes>, bool), Failure> {
    let desks = desks(shops, facts, now)
        .map_err(|failure| Failure::Internal { log: failure.to_string() })?;
    let desk = desks.get(&shop_id).ok_or_else(|| Refusal::new(Code::ShopNotFound))?;
    let case = desk.case(number)?;
    let has_transfer = case.order.transfers.iter().any(|one| one.state == TransferState::Pending);
    let is_waiting = match awaits {
        Awaits::Money => awaits_outcome(&case.order, &case.payments),
        Awaits::Reservation { provider, reference } => case.payments.iter().any(|payment| {
            payment.provider == *provider
                && payment.reference == *reference
                && payment.awaits_authorization()
        }),
        Awaits::Transfers => awaits_outcome(&case.order, &case.payments) || has_transfer,
        Awaits::Retries => is_under_way(&case.order, &case.payments) || has_transfer,
        Awaits::Labels => order_rules::labels::awaits(&case.order),
    };
    Ok((desk.order_parts(number), is_waiting))
}

/// What news are to a payment as it is.
pub(super) fn bearing(
    shops: &Shops,
    shop_id: i64,
    hearing: &HearOfPayment,
    facts: &Facts,
    now: Micros,
) -> Result<Bearing, Failure> {
    let desks = desks(shops, facts, now)
        .map_err(|failure| Failure::Internal { log: failure.to_string() })?;
    let desk = desks.get(&shop_id).ok_or_else(|| Refusal::new(Code::ShopNotFound))?;
    Ok(hearing.bearing(desk))
}

/// A payment of an order that can be read at its provider, with its ledger.
pub(super) fn payment_now(
    shops: &Shops,
    shop_id: i64,
    (number, payment): (i64, i64),
    facts: &Facts,
    now: Micros,
) -> Result<Payment, Failure> {
    let desks = desks(shops, facts, now)
        .map_err(|failure| Failure::Internal { log: failure.to_string() })?;
    let desk = desks.get(&shop_id).ok_or_else(|| Refusal::new(Code::ShopNotFound))?;
    Ok(readable(&desk.case(number)?, PaymentId(payment))?.clone())
}
