//! What the sandbox does to a reservation, and what it declines, as a pure function.

use std::time::Duration;

use order_rules::money::Currency;
use order_rules::order::Micros;
use order_rules::payments::OperationKind;
use order_rules::reconciling::{Standing, Statement};
use order_rules::refusals::Code;

use super::behaviour::{Behaviour, Orders};
use super::later;
use crate::providers::{Call, Decline};

/// What is held for a reference. Amounts in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    pub currency: String,
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    /// Given back: by a void all of it, by a release what was left.
    pub released: i64,
    pub is_voided: bool,
    /// Microseconds since 1970.
    pub expires_at: i64,
}

/// How long a reservation holds.
const HOLDS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Reservation {
    /// What may still be captured.
    fn left(&self) -> i64 {
        self.authorized - self.captured - self.released
    }

    fn is_expired(&self, now: Micros) -> bool {
        self.expires_at <= now.0
    }

    /// Its account; what is left of one that has expired is held no more.
    pub(super) fn statement(&self, now: Micros) -> Statement {
        let standing = match () {
            () if self.is_voided => Standing::Gone,
            () if self.is_expired(now) && self.left() > 0 => Standing::Expired,
            () => Standing::Held,
        };
        let given_back = if standing == Standing::Expired { self.left() } else { 0 };
        Statement {
            currency: Currency::from_code(&self.currency),
            standing,
            authorized_minor: self.authorized,
            captured_minor: self.captured,
            refunded_minor: self.refunded,
            released_minor: self.released + given_back,
            expires_at: Some(Micros(self.expires_at)),
            is_shared: false,
        }
    }

    pub(super) fn expired_at(mut self, time: Micros) -> Self {
        self.expires_at = self.expires_at.min(time.0);
        self
    }
}

/// The reservation afterwards and the amount moved, or the provider's no.
pub(super) fn judge(
    reservation: Option<&Reservation>,
    call: &Call,
    now: Micros,
    orders: &Orders,
) -> Result<(Reservation, i64), Decline> {
    if call.amount_minor < 0 {
        return Err(decline(call, "the amount is negative"));
    }
    let Some(held) = reservation else {
        return match call.kind {
            OperationKind::Authorize => Ok(opened(call, now, orders)),
            _ => Err(decline(call, "no such reservation")),
        };
    };
    if held.currency != call.currency.code() {
        return Err(decline(call, "the reservation is in another currency"));
    }
    let held = held.clone();
    match call.kind {
        OperationKind::Authorize => confirmed(held, call, now),
        OperationKind::UpdateAmount => lowered(held, call, now),
        OperationKind::Capture => captured(held, call, now),
        OperationKind::Release => Ok(given_back(held)),
        OperationKind::Void if held.captured > 0 => {
            Err(decline(call, "captured already: release what is left"))
        }
        OperationKind::Void => Ok(given_back(Reservation { is_voided: true, ..held })),
        OperationKind::Refund => refunded(held, call),
        OperationKind::CaptureReversal => Err(decline(call, "only the provider reverses")),
    }
}

/// A no with the problem that fits the kind of operation.
pub(super) fn decline(call: &Call, reason: impl Into<String>) -> Decline {
    let code = match call.kind {
        OperationKind::Authorize => Code::AuthorizationDeclined,
        OperationKind::UpdateAmount => Code::AmountUpdateDeclined,
        OperationKind::Capture => Code::CaptureDeclined,
        OperationKind::Release => Code::ReleaseDeclined,
        OperationKind::Void => Code::VoidDeclined,
        OperationKind::Refund => Code::RefundDeclined,
        OperationKind::CaptureReversal => Code::CaptureReversed,
    };
    Decline { code, reason: reason.into() }
}

fn opened(call: &Call, now: Micros, orders: &Orders) -> (Reservation, i64) {
    let behaviour = orders.of(OperationKind::Authorize);
    let authorized = match behaviour {
        Some(Behaviour::Amount(amount)) => amount,
        _ => call.amount_minor,
    };
    let holds = match behaviour {
        Some(Behaviour::Expires(holds)) => holds,
        Some(Behaviour::Expired) => Duration::ZERO,
        _ => HOLDS,
    };
    let reservation = Reservation {
        currency: call.currency.code().to_owned(),
        authorized,
        captured: 0,
        refunded: 0,
        released: 0,
        is_voided: false,
        expires_at: later(now, holds).0,
    };
    (reservation, authorized)
}

/// A reservation asked for again is told as it is.
fn confirmed(held: Reservation, call: &Call, now: Micros) -> Result<(Reservation, i64), Decline> {
    usable(&held, call, now)?;
    let authorized = held.authorized;
    Ok((held, authorized))
}

fn lowered(held: Reservation, call: &Call, now: Micros) -> Result<(Reservation, i64), Decline> {
    usable(&held, call, now)?;
    if call.amount_minor > held.authorized {
        return Err(decline(call, "more than was authorized"));
    }
    if call.amount_minor < held.captured + held.released {
        return Err(decline(call, "less than was captured"));
    }
    Ok((Reservation { authorized: call.amount_minor, ..held }, call.amount_minor))
}

fn captured(held: Reservation, call: &Call, now: Micros) -> Result<(Reservation, i64), Decline> {
    usable(&held, call, now)?;
    if call.amount_minor == 0 {
        return Err(decline(call, "nothing to capture"));
    }
    if call.amount_minor > held.left() {
        return Err(decline(call, "more than is left of the reservation"));
    }
    Ok((Reservation { captured: held.captured + call.amount_minor, ..held }, call.amount_minor))
}

/// Giving back what is gone already succeeds (2.8).
fn given_back(held: Reservation) -> (Reservation, i64) {
    let left = held.left();
    (Reservation { released: held.released + left, ..held }, left)
}

fn refunded(held: Reservation, call: &Call) -> Result<(Reservation, i64), Decline> {
    if call.amount_minor == 0 {
        return Err(decline(call, "nothing to refund"));
    }
    if call.amount_minor > held.captured - held.refunded {
        return Err(decline(call, "more than was captured"));
    }
    Ok((Reservation { refunded: held.refunded + call.amount_minor, ..held }, call.amount_minor))
}

/// When the reservation expires if it holds another full time from now on.
pub(super) fn extended(held: &Reservation, now: Micros) -> Result<i64, Decline> {
    let no = |code, reason: &str| Err(Decline { code, reason: reason.to_owned() });
    if held.is_voided || held.left() == 0 {
        return no(Code::ReservationGone, "nothing of the reservation is left");
    }
    if held.is_expired(now) {
        return no(Code::ReservationExpired, "the reservation has expired");
    }
    Ok(later(now, HOLDS).0.max(held.expires_at))
}

fn usable(held: &Reservation, call: &Call, now: Micros) -> Result<(), Decline> {
    if held.is_voided {
        let reason = "the reservation was voided".to_owned();
        return Err(Decline { code: Code::ReservationGone, reason });
    }
    if held.is_expired(now) {
        let reason = "the reservation has expired".to_owned();
        return Err(Decline { code: Code::ReservationExpired, reason });
    }
    match call.kind {
        OperationKind::Capture if held.left() == 0 && held.released > 0 => {
            Err(decline(call, "the rest of the reservation was released"))
        }
        _ => Ok(()),
    }
}
