//! 2.8 What somebody else has captured or paid back, seen before the same is done here.

use super::Statement;
use super::comparing::rest;

/// What the ledger counts on of a reservation, before something is captured of it or paid back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub authorized_minor: i64,
    /// Ever.
    pub captured_minor: i64,
    /// Given back without having been captured.
    pub released_minor: i64,
    /// Paid back, by whomever.
    pub refunded_minor: i64,
}

/// What was captured elsewhere of what the ledger counts on, and is not in it. What was captured before
/// the payment came to us is not: we never counted on it.
#[must_use]
pub fn captured_elsewhere(ours: &Counted, theirs: &Statement) -> i64 {
    let more = theirs.captured_minor.saturating_sub(ours.captured_minor);
    let our_rest = ours
        .authorized_minor
        .saturating_sub(ours.captured_minor)
        .saturating_sub(ours.released_minor);
    more.min(our_rest.saturating_sub(rest(theirs))).max(0)
}

/// What was paid back elsewhere and is not in the ledger.
#[must_use]
pub fn refunded_elsewhere(ours: &Counted, theirs: &Statement) -> i64 {
    refunded_beyond((ours.captured_minor, ours.refunded_minor), theirs)
}

/// What was paid back beyond these captures and refunds. Other captures may be what was paid back, which
/// is no business of whose these are.
pub(super) fn refunded_beyond((captured, refunded): (i64, i64), theirs: &Statement) -> i64 {
    let more = theirs.refunded_minor.saturating_sub(refunded);
    let not_ours = theirs.captured_minor.saturating_sub(captured).max(0);
    more.saturating_sub(not_ours).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::QUIET_MICROS;
    use crate::fixtures::{nok, payment};
    use crate::order::{Micros, OrderNumber};
    use crate::payments::{Operation, OperationKind, OperationState};
    use crate::reconciling::Standing::{self, Expired, Gone, Held};
    use crate::reconciling::{AT_PROVIDER, next_read};

    fn theirs(standing: Standing, [authorized, captured, released]: [i64; 3]) -> Statement {
        Statement {
            currency: Some(nok()),
            standing,
            authorized_minor: authorized,
            captured_minor: captured,
            refunded_minor: 0,
            released_minor: released,
            expires_at: None,
            is_shared: false,
        }
    }

    #[test]
    fn only_what_is_missing_of_what_we_count_on_was_captured_elsewhere() {
        for (ours, standing, account, wanted) in [
            // Nobody has touched it.
            ([600, 0, 0], Held, [600, 0, 0], 0),
            // All, a part, and more than there was before.
            ([600, 0, 0], Held, [600, 600, 0], 600),
            ([600, 0, 0], Held, [600, 200, 0], 200),
            ([600, 200, 0], Held, [600, 500, 0], 300),
            // Ours are known, also before a read shows them.
            ([600, 200, 0], Held, [600, 200, 0], 0),
            ([600, 200, 0], Held, [600, 0, 0], 0),
            ([600, 200, 100], Held, [600, 300, 100], 100),
            // What is left was given back, or ended with it.
            ([600, 0, 0], Held, [600, 200, 400], 200),
            ([600, 0, 0], Gone, [600, 200, 400], 200),
            ([600, 0, 0], Expired, [600, 200, 400], 200),
            ([600, 0, 0], Gone, [600, 0, 600], 0),
            // It was lowered there, with and without a capture.
            ([600, 0, 0], Held, [500, 0, 0], 0),
            ([600, 0, 0], Held, [500, 200, 0], 200),
            // Captured before the payment came to us.
            ([600, 0, 0], Held, [1_000, 400, 0], 0),
            ([600, 0, 0], Held, [1_000, 700, 0], 300),
        ] {
            let [authorized_minor, captured_minor, released_minor] = ours;
            let counted =
                Counted { authorized_minor, captured_minor, released_minor, refunded_minor: 0 };
            let found = captured_elsewhere(&counted, &theirs(standing, account));
            assert_eq!(found, wanted, "{ours:?} {standing:?} {account:?}");
        }
    }

    #[test]
    fn only_what_the_ledger_has_not_was_paid_back_elsewhere() {
        for (ours, account, wanted) in [
            (0, [900, 0], 0),
            (0, [900, 400], 400),
            (300, [900, 400], 100),
            (400, [900, 400], 0),
            // Ours are known, also before a read shows them.
            (400, [900, 0], 0),
            (400, [900, 300], 0),
            (0, [500, 400], 400),
            // Captured and paid back before it came to us.
            (0, [1_300, 400], 0),
            (0, [1_300, 500], 100),
        ] {
            let counted = Counted {
                authorized_minor: 900,
                captured_minor: 900,
                released_minor: 0,
                refunded_minor: ours,
            };
            let [captured, refunded_minor] = account;
            let theirs = Statement { refunded_minor, ..theirs(Held, [1_300, captured, 0]) };
            assert_eq!(refunded_elsewhere(&counted, &theirs), wanted, "{ours} {account:?}");
        }
    }

    #[test]
    fn what_was_found_done_is_read_at_once_as_it_may_be_more() {
        let now = Micros(1_000_000);
        for (kind, requested_at, is_at_once) in [
            (OperationKind::Capture, Micros(0), true),
            (OperationKind::Capture, now, false),
            (OperationKind::Refund, Micros(0), true),
            (OperationKind::Refund, now, false),
        ] {
            let mut known = payment(1, 100, &[1]);
            known.operations.push(Operation {
                id: 77,
                order: OrderNumber(1),
                kind,
                amount_minor: 10,
                state: OperationState::Succeeded,
                requested_at,
                resolved_at: Some(now),
                provider_reason: None,
                provider_reference: Some(AT_PROVIDER.to_owned()),
                credit: None,
            });
            assert_eq!(next_read(&known, now) == Some(now), is_at_once, "{kind:?}");
            // Where ours is not seen yet for certain, a moment later.
            let ours = Operation {
                kind: OperationKind::Capture,
                resolved_at: Some(Micros(now.0 - 10)),
                provider_reference: None,
                ..known.operations.last().unwrap().clone()
            };
            known.operations.push(ours);
            let soon = Micros(now.0 - 10 + QUIET_MICROS);
            assert_eq!(next_read(&known, now) == Some(soon), is_at_once, "{kind:?}");
        }
    }
}
