//! What is not the same in the ledger and in the account, and what of it can be adopted.

use super::elsewhere::refunded_beyond;
use super::{Account, Difference, DifferenceKind, Standing, Statement};
use crate::attention::BY_HAND;
use crate::decision::Case;
use crate::order::{Micros, Order, OrderKind};
use crate::payments::{
    Authorization, OperationKind, OperationState, Payment, Sums, bound_to, captured_or_claimed,
};

/// A difference, and how it comes into the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    pub difference: Difference,
    /// `None`: it is for a person.
    pub adoption: Option<Adoption>,
}

/// A step that makes the ledger say what the account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// An operation that somebody else asked for.
    Operation(OperationKind, i64),
    /// The reservation has ended.
    End(Authorization),
    /// It holds again, so much in all.
    Hold(i64),
    Expiry(Option<Micros>),
}

/// What is compared, and what it has come to so far.
struct Comparison<'a> {
    case: &'a Case,
    payment: &'a Payment,
    theirs: &'a Statement,
    ours: Sums,
    /// As the ledger will be once everything found so far is adopted.
    authorized: i64,
    captured: i64,
    is_held: bool,
    findings: Vec<Finding>,
}

/// Compares a payment, on which nothing of ours is under way, with its provider's account. `case` is
/// that of its home. The findings are in the order in which they can be adopted.
#[must_use]
pub fn compare(case: &Case, payment: &Payment, account: &Account) -> Vec<Finding> {
    let ours = payment.sums();
    let theirs = match account {
        Account::Stated(theirs) => theirs,
        Account::Unknown => return not_found(payment, ours),
    };
    if theirs.currency != Some(payment.currency) {
        return vec![listed(DifferenceKind::OtherCurrency, 0, 0)];
    }
    let mut comparison = Comparison {
        case,
        payment,
        theirs,
        ours,
        authorized: payment.authorized_minor,
        captured: ours.captured,
        is_held: payment.authorization == Authorization::Held,
        findings: Vec::new(),
    };
    if comparison.has_missing_capture() {
        comparison.list(DifferenceKind::CaptureMissing, ours.kept(), theirs.captured_minor);
    } else {
        comparison.revive();
        if comparison.captures() {
            comparison.reservation();
        }
    }
    comparison.refunds();
    comparison.expiry();
    comparison.findings
}

/// What the provider never had, or has forgotten, matters only where we count on it.
fn not_found(payment: &Payment, ours: Sums) -> Vec<Finding> {
    let counted = ours.kept().max(payment.unused());
    if counted == 0 {
        return Vec::new();
    }
    vec![listed(DifferenceKind::NotFound, counted, 0)]
}

/// What the provider holds for us to capture.
pub(super) fn rest(theirs: &Statement) -> i64 {
    let Statement { standing, authorized_minor, captured_minor, released_minor, .. } = *theirs;
    match standing {
        Standing::Held => {
            authorized_minor.saturating_sub(captured_minor).saturating_sub(released_minor).max(0)
        }
        Standing::Pending | Standing::Expired | Standing::Gone | Standing::Rejected => 0,
    }
}

/// Whether it is certain whose a capture is that nobody here asked for, and that order still owes so
/// much.
pub(crate) fn may_capture(case: &Case, payment: &Payment, more: i64) -> bool {
    let Case { order, payments } = case;
    let owed = order.gross_minor.saturating_sub(captured_or_claimed(order, payments));
    is_certainly_of(payment, order)
        && order.kind == OrderKind::Sale
        && payment.is_held_by(order.number)
        && !payment.has_void()
        && more <= owed
}

/// Captured for it before, or held by nobody beside it.
fn is_certainly_of(payment: &Payment, order: &Order) -> bool {
    match bound_to(payment) {
        Some(owner) => owner == order.number,
        None => !payment.is_held_beside(order.number),
    }
}

impl Comparison<'_> {
    fn their_rest(&self) -> i64 {
        rest(self.theirs)
    }

    /// What we count on capturing, after what was found so far.
    fn our_rest(&self) -> i64 {
        match self.is_held {
            true => {
                self.authorized.saturating_sub(self.captured).saturating_sub(self.ours.released)
            }
            false => 0,
        }
    }

    /// A reversal may show as a lower capture, or not at all.
    fn has_missing_capture(&self) -> bool {
        self.theirs.captured_minor < self.ours.kept()
    }

    fn captured_more(&self) -> i64 {
        self.theirs.captured_minor.saturating_sub(self.ours.captured).max(0)
    }

    /// A reservation that we took for lost stands: where a live order holds it and we gave nothing
    /// back ourselves, it counts again.
    fn revive(&mut self) {
        let rest = self.their_rest();
        if self.is_held || (rest == 0 && self.captured_more() == 0) {
            return;
        }
        let holds = self.payment.holders.iter().any(|holder| holder.is_live);
        let is_certain = holds
            && !self.payment.has_void()
            && self.payment.authorization != Authorization::Pending
            && self.theirs.authorized_minor >= self.used();
        let is_wanted = rest > 0 || self.may_capture(self.captured_more());
        if is_certain && is_wanted {
            let authorized = self.theirs.authorized_minor;
            self.adopt(DifferenceKind::HeldAgain, (0, rest), Adoption::Hold(authorized));
            (self.authorized, self.is_held) = (authorized, true);
        } else if rest > 0 {
            self.list(DifferenceKind::StillHeld, 0, rest);
        }
    }

    /// False: what is left cannot be compared.
    fn captures(&mut self) -> bool {
        let more = self.captured_more();
        if more == 0 {
            return self.is_held;
        }
        let (ours, theirs) = (self.ours.captured, self.theirs.captured_minor);
        let needed = self.used().saturating_add(more);
        let is_covered = needed <= self.authorized.max(self.theirs.authorized_minor);
        // What was captured before the payment came to us is not of what we hold.
        let is_of_ours = match needed > self.authorized {
            true => self.their_rest() < self.our_rest(),
            false => self.their_rest().saturating_add(more) <= self.our_rest(),
        };
        if !self.is_held || !is_covered || !is_of_ours || !self.may_capture(more) {
            self.list(DifferenceKind::CapturedElsewhere, ours, theirs);
            return false;
        }
        if needed > self.authorized {
            self.change_amount(self.theirs.authorized_minor);
        }
        let capture = Adoption::Operation(OperationKind::Capture, more);
        self.adopt(DifferenceKind::CapturedElsewhere, (ours, theirs), capture);
        self.captured = self.captured.saturating_add(more);
        true
    }

    /// What another service like this one has captured is of its orders.
    fn may_capture(&self, more: i64) -> bool {
        !self.theirs.is_shared && may_capture(self.case, self.payment, more)
    }

    /// What is left of the reservation.
    fn reservation(&mut self) {
        let (ours, theirs) = (self.our_rest(), self.their_rest());
        if theirs > ours {
            let raised = self.theirs.authorized_minor.saturating_sub(self.authorized);
            match raised > 0 {
                true => self.change_amount(self.authorized.saturating_add(theirs - ours)),
                false => self.list(DifferenceKind::StillHeld, ours, theirs),
            }
        } else if theirs < ours {
            self.lost(ours, theirs);
        }
    }

    /// The reservation is over.
    fn end(&mut self, kind: DifferenceKind, rest: (i64, i64), authorization: Authorization) {
        self.adopt(kind, rest, Adoption::End(authorization));
        self.is_held = false;
    }

    fn lost(&mut self, ours: i64, theirs: i64) {
        let lost = ours.saturating_sub(theirs);
        let rest = (ours, theirs);
        let release = Adoption::Operation(OperationKind::Release, lost);
        let is_lowered = self.authorized.saturating_sub(self.theirs.authorized_minor) >= lost;
        match self.theirs.standing {
            Standing::Expired => {
                self.end(DifferenceKind::Expired, rest, Authorization::Expired);
            }
            Standing::Rejected if self.captured == 0 => {
                self.end(DifferenceKind::Rejected, rest, Authorization::Declined);
            }
            Standing::Rejected | Standing::Pending => {
                self.list(DifferenceKind::Rejected, ours, theirs);
            }
            Standing::Held if is_lowered && theirs > 0 => {
                self.change_amount(self.authorized.saturating_sub(lost));
            }
            Standing::Held | Standing::Gone if self.captured > 0 => {
                self.adopt(DifferenceKind::ReleasedElsewhere, rest, release);
            }
            Standing::Held if theirs > 0 => {
                self.change_amount(self.authorized.saturating_sub(lost));
            }
            Standing::Held | Standing::Gone => {
                self.end(DifferenceKind::CancelledElsewhere, rest, Authorization::Voided);
            }
        }
    }

    fn change_amount(&mut self, authorized: i64) {
        let update = Adoption::Operation(OperationKind::UpdateAmount, authorized);
        self.adopt(DifferenceKind::AmountChanged, (self.authorized, authorized), update);
        self.authorized = authorized;
    }

    fn refunds(&mut self) {
        let (ours, theirs) = (self.ours.refunded, self.theirs.refunded_minor);
        if theirs > ours {
            let Case { order, .. } = self.case;
            let more = refunded_beyond((self.captured, ours), self.theirs);
            let adopted = self.captured.saturating_sub(self.ours.captured);
            let refundable =
                self.payment.sums_for(order.number).refundable().saturating_add(adopted);
            let is_ours = is_certainly_of(self.payment, order) && 0 < more && more <= refundable;
            let refund = Adoption::Operation(OperationKind::Refund, more);
            match is_ours {
                true => self.adopt(DifferenceKind::RefundedElsewhere, (ours, theirs), refund),
                false => self.list(DifferenceKind::RefundedElsewhere, ours, theirs),
            }
        } else if theirs < ours.saturating_sub(self.refunded_by_hand()) {
            self.list(DifferenceKind::RefundMissing, ours, theirs);
        }
    }

    /// What a person has paid back without the provider.
    fn refunded_by_hand(&self) -> i64 {
        let by_hand = self.payment.operations.iter().filter(|operation| {
            operation.kind == OperationKind::Refund
                && operation.state == OperationState::Succeeded
                && operation.provider_reference.as_deref() == Some(BY_HAND)
        });
        by_hand.fold(0, |sum, operation| sum.saturating_add(operation.amount_minor))
    }

    fn expiry(&mut self) {
        let theirs = self.theirs.expires_at;
        if self.is_held && theirs.is_some() && theirs != self.payment.expires_at {
            self.adopt(DifferenceKind::ExpiryChanged, (0, 0), Adoption::Expiry(theirs));
        }
    }

    fn used(&self) -> i64 {
        self.ours.captured.saturating_add(self.ours.released)
    }

    fn list(&mut self, kind: DifferenceKind, ours: i64, theirs: i64) {
        self.findings.push(listed(kind, ours, theirs));
    }

    fn adopt(&mut self, kind: DifferenceKind, (ours, theirs): (i64, i64), adoption: Adoption) {
        let finding = listed(kind, ours, theirs);
        let difference = Difference { is_adopted: true, ..finding.difference };
        self.findings.push(Finding { difference, adoption: Some(adoption) });
    }
}

fn listed(kind: DifferenceKind, our_minor: i64, provider_minor: i64) -> Finding {
    let difference = Difference { kind, our_minor, provider_minor, is_adopted: false };
    Finding { difference, adoption: None }
}
