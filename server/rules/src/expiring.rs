//! 2.8 Reservations that expire soon: listed, and announced once.

#[cfg(test)]
mod tests;

use crate::changing::{ChangingFacts, finish};
use crate::decision::{Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::order::{Day, Micros, Order, OrderKind, Problem};
use crate::payments::{Authorization, Payment, left_to_capture};
use crate::refusals::Code;

const DETAIL: &str = "expire_time";
const SECOND: i64 = 1_000_000;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// When the first of the reservations expires that the order needs.
#[must_use]
pub fn next_expiry(order: &Order, payments: &[Payment]) -> Option<Micros> {
    needed(order, payments).map(|(_, expires_at)| expires_at).min()
}

/// The same of those that nobody was told of.
#[must_use]
pub fn untold_expiry(order: &Order, payments: &[Payment]) -> Option<Micros> {
    let untold = needed(order, payments).filter(|known| !is_told(order, known));
    untold.map(|(_, expires_at)| expires_at).min()
}

/// Announces the reservations of an order that expire within so many microseconds, each once.
#[must_use]
pub fn warn(facts: &ChangingFacts<'_>, within: i64, ids: &mut Ids, now: Micros) -> Decision {
    let until = now.0.saturating_add(within);
    let order = &facts.case.order;
    let due = needed(order, &facts.case.payments)
        .filter(|(_, expires_at)| expires_at.0 <= until)
        .filter(|known| !is_told(order, known));
    let due: Vec<_> =
        due.map(|(payment, at)| (payment.id, payment.provider.0.clone(), at)).collect();
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    for (payment, provider, expires_at) in due {
        draft.changes.push(Change::ReservationExpiring { payment, expires_at });
        let about = About { payment: Some(payment), operation: None };
        let details = vec![("provider", provider), (DETAIL, written(expires_at))];
        draft.open_problem(Code::ReservationExpiring, about, details);
    }
    finish(facts, draft)
}

/// Whether the warning has lost its cause: captured, let go, or another time to expire.
pub(crate) fn is_over(order: &Order, payments: &[Payment], problem: &Problem) -> bool {
    !needed(order, payments).any(|known| is_about(problem, &known))
}

/// Reservations that the order needs, with the end of their time.
fn needed<'a>(
    order: &'a Order,
    payments: &'a [Payment],
) -> impl Iterator<Item = (&'a Payment, Micros)> {
    let is_open =
        order.kind == OrderKind::Sale && order.is_live() && left_to_capture(order, payments) > 0;
    payments.iter().filter(move |_| is_open).filter_map(|payment| {
        let is_needed = payment.authorization == Authorization::Held
            && payment.is_held_by(order.number)
            && payment.available() > 0;
        payment.expires_at.filter(|_| is_needed).map(|expires_at| (payment, expires_at))
    })
}

/// Open or closed: dismissed is told, too.
fn is_told(order: &Order, known: &(&Payment, Micros)) -> bool {
    order.problems.iter().any(|problem| is_about(problem, known))
}

fn is_about(problem: &Problem, (payment, expires_at): &(&Payment, Micros)) -> bool {
    problem.code == Code::ReservationExpiring
        && problem.payment == Some(payment.id)
        && problem
            .details
            .iter()
            .any(|(key, value)| key == DETAIL && *value == written(*expires_at))
}

/// As in RFC 3339, to the second.
fn written(time: Micros) -> String {
    let seconds = time.0.div_euclid(SECOND);
    let day = Day(i32::try_from(seconds.div_euclid(DAY_SECONDS)).unwrap_or(i32::MAX));
    let of_day = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}
