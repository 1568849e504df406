//! §7 "Duplikatordrer": one order of a set stands and its twins let go, or they are no twins at all.

#[cfg(test)]
mod tests;

use crate::changing::{
    ChangeStatus, ChangingFacts, change_status, check_nothing_pending, finish, label,
};
use crate::decision::{Case, Change, Decision, Ids, TwinStep, TwinStepKind};
use crate::draft::Draft;
use crate::duplicates::bound_elsewhere;
use crate::order::{
    DuplicateLink, DuplicateResolution, Micros, Order, OrderNumber, PendingChange,
    PendingResolution, StatusId,
};
use crate::payments::{bound_to, order_sums};
use crate::refusals::{Code, Refusal, Violation};
use crate::statuses::Tag;
use crate::stock::MovementReason;

/// Orders that one command drops.
pub const DROPS_MAX: usize = 10;

/// Lines of which one command puts goods back: each comes with an event of its own.
const PUT_BACK_MAX: usize = 600;

/// A resolution as it is asked for; the order to keep is that of the facts.
#[derive(Clone, Copy, Debug)]
pub struct ResolveDuplicate<'a> {
    /// The orders to drop, each once, with their payments as they are now.
    pub drop: &'a [Case],
    /// Required: whether the goods of the dropped orders go back on stock.
    pub restock: Option<bool>,
    /// A status tagged COMPLETED that the kept order gets first.
    pub complete_as: Option<StatusId>,
}

/// Decides that an order stands and its twins do not (7.5). With a status the order gets it first,
/// exactly as [`change_status`] would, and the twins go in the turn that moves its label; without
/// one they go at once, and the reservation stays with the order.
///
/// # Errors
/// `RESTOCK_REQUIRED`, `INVALID_REQUEST` where too many goods go back at once, `NOT_A_DUPLICATE` unless each hangs on a payment of the kept order,
/// `STATUS_CHANGE_PENDING` of any of them, `DUPLICATE_ALREADY_CAPTURED` naming the order that has
/// the money, `PARTLY_DELIVERED` of one to drop, `KEPT_ORDER_CANCELLED` without a status, and with
/// one all that [`change_status`] refuses.
pub fn resolve(
    facts: &ChangingFacts<'_>,
    command: &ResolveDuplicate<'_>,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let keep = facts.case;
    let Some(restock) = command.restock else {
        return Err(Refusal::new(Code::RestockRequired));
    };
    check_nothing_pending(&keep.order).map_err(|refusal| of(refusal, &keep.order))?;
    for twin in command.drop {
        check_twin(keep, twin)?;
    }
    if restock {
        check_put_back(command.drop)?;
    }
    let mut drop: Vec<OrderNumber> = command
        .drop
        .iter()
        .map(|twin| &twin.order)
        .filter(|twin| twin.is_live())
        .map(number)
        .collect();
    drop.sort_unstable();
    drop.dedup();
    let step = |kind: &TwinStepKind| {
        let from = keep.order.number;
        drop.iter().map(|&twin| TwinStep { from, twin, kind: kind.clone() }).collect::<Vec<_>>()
    };

    let Some(to) = command.complete_as else {
        if !keep.order.is_live() {
            return Err(Refusal::new(Code::KeptOrderCancelled).with("order", keep.order.number.0));
        }
        let twins = step(&TwinStepKind::Drop { restock });
        return Ok(Decision { twins, ..Decision::unchanged(keep.clone()) });
    };
    check_completes(facts, to)?;
    let change = ChangeStatus { to, restock: None, has_note: false, send_email: false };
    let mut decision = change_status(facts, &change, ids, now)?;
    if decision.case.order.pending.is_none() {
        decision.twins.extend(step(&TwinStepKind::Drop { restock }));
    } else if !drop.is_empty() {
        let resolution = PendingResolution {
            keep: keep.order.number,
            drop: drop.clone(),
            restock,
            requested_at: now,
        };
        decision.twins.extend(step(&TwinStepKind::Await(resolution.clone())));
        decision.case.order.resolution = Some(resolution);
        // After the request of the status, before what it asks of the money.
        let asked = drop.iter().map(|&other| Change::ResolutionRequested { other });
        decision.changes.splice(1..1, asked);
    }
    Ok(decision)
}

fn check_put_back(drop: &[Case]) -> Result<(), Refusal> {
    let lines = drop.iter().flat_map(|twin| &twin.order.lines);
    if lines.filter(|line| line.stock_taken > line.stock_put_back).count() <= PUT_BACK_MAX {
        return Ok(());
    }
    Err(Refusal::fields(vec![Violation {
        field: "drop".to_owned(),
        description: "puts goods of more than 600 lines back: drop fewer at once".to_owned(),
    }]))
}

/// What a decision about another order means for this one (7.5, 7.6). Never refused: it was checked
/// when it was asked for, and nobody could touch the order since.
#[must_use]
pub fn follow(facts: &ChangingFacts<'_>, step: &TwinStep, ids: &mut Ids, now: Micros) -> Decision {
    let mut draft = Draft::new(facts.case.clone(), ids, now);
    match &step.kind {
        TwinStepKind::Await(resolution) => {
            draft.case.order.resolution = Some(resolution.clone());
            draft.changes.push(Change::ResolutionRequested { other: step.from });
        }
        TwinStepKind::Release => {
            draft.case.order.resolution = None;
            draft.changes.push(Change::ResolutionDropped { other: step.from });
        }
        TwinStepKind::Drop { restock } => drop_order(facts, &mut draft, *restock),
        TwinStepKind::Dismiss => {
            let dismissed = dismiss_link(&mut draft.case.order, step.from);
            draft.changes.extend(dismissed);
        }
    }
    finish(facts, draft)
}

/// They are different purchases (7.6); both orders say so.
///
/// # Errors
/// `NOT_A_DUPLICATE` where nothing says they may be one, `SAME_PAYMENT`.
pub fn dismiss(case: &Case, other: OrderNumber) -> Result<Decision, Refusal> {
    let order = &case.order;
    let Some(link) = link_to(order, other) else {
        return Err(no_duplicate(other));
    };
    if link.same_payment {
        return Err(Refusal::new(Code::SamePayment).with("other", other.0));
    }
    if link.resolution == DuplicateResolution::Dismissed {
        return Ok(Decision::unchanged(case.clone()));
    }
    let mut decision = Decision::unchanged(case.clone());
    decision.changes.extend(dismiss_link(&mut decision.case.order, other));
    let kind = TwinStepKind::Dismiss;
    decision.twins.push(TwinStep { from: order.number, twin: other, kind });
    Ok(decision)
}

/// What became of each pair that an order is part of, from which of the two live: so it is never
/// out of date, however one of them came to go or to come back (7.5). `is_live` answers `None` for
/// an order whose pairs cannot have changed.
#[must_use]
pub fn settle(case: Case, is_live: impl Fn(OrderNumber) -> Option<bool>) -> Decision {
    let mut decision = Decision::unchanged(case);
    let order = &mut decision.case.order;
    let stands = order.is_live();
    for link in &mut order.duplicates {
        let resolution = match is_live(link.other) {
            _ if link.resolution == DuplicateResolution::Dismissed => continue,
            None => continue,
            Some(_) if !stands => DuplicateResolution::Dropped,
            Some(true) => DuplicateResolution::Open,
            Some(false) => DuplicateResolution::Kept,
        };
        if link.resolution != resolution {
            link.resolution = resolution;
            let other = link.other;
            decision.changes.push(Change::DuplicateResolved { other, resolution });
        }
    }
    decision
}

/// The kept order's change is over: its twins are told what follows.
pub(crate) fn end(draft: &mut Draft<'_>, kind: impl Fn(&PendingResolution) -> TwinStepKind) {
    let Some(resolution) = draft.case.order.resolution.take() else { return };
    let from = resolution.keep;
    for &twin in &resolution.drop {
        let kind = kind(&resolution);
        if kind == TwinStepKind::Release {
            draft.changes.push(Change::ResolutionDropped { other: twin });
        }
        draft.twins.push(TwinStep { from, twin, kind });
    }
}

/// It hangs on a payment of the kept order, and letting it go costs nobody anything.
fn check_twin(keep: &Case, twin: &Case) -> Result<(), Refusal> {
    let order = &twin.order;
    if !link_to(&keep.order, order.number).is_some_and(|link| link.same_payment) {
        return Err(no_duplicate(order.number));
    }
    check_nothing_pending(order).map_err(|refusal| of(refusal, order))?;
    let shared = keep.payments.iter().filter(|payment| order.payments.contains(&payment.id));
    let owner = shared.filter_map(|payment| bound_elsewhere(payment, keep.order.number)).next();
    if let Some(owner) = owner {
        return Err(captured_by(owner));
    }
    if !order.is_live() {
        return Ok(());
    }
    let sums = order_sums(order.number, &twin.payments);
    let owns = twin.payments.iter().any(|payment| bound_to(payment) == Some(order.number));
    if owns || sums.captured > 0 {
        return Err(captured_by(order.number));
    }
    if order.lines.iter().any(|line| line.delivered > 0) {
        return Err(Refusal::new(Code::PartlyDelivered).with("order", order.number.0));
    }
    Ok(())
}

fn check_completes(facts: &ChangingFacts<'_>, to: StatusId) -> Result<(), Refusal> {
    match facts.statuses.get(to).map(|status| status.tag) {
        None => Err(Refusal::new(Code::StatusNotFound).with_status("status", to)),
        Some(Some(Tag::Completed)) => Ok(()),
        Some(_) => Err(Refusal::fields(vec![Violation {
            field: "complete_keep_as".to_owned(),
            description: "must be a status tagged COMPLETED".to_owned(),
        }])),
    }
}

/// The order gets the first CANCELLED status and lets go of its payments; what another live order
/// holds is not touched (7.3).
fn drop_order(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>, restock: bool) {
    draft.case.order.resolution = None;
    let Some(status) = facts.statuses.first(Tag::Cancelled) else { return };
    if !draft.case.order.is_live() {
        return;
    }
    let pending = PendingChange {
        to: status.id,
        restock: Some(restock),
        has_note: false,
        send_email: false,
        requested_at: draft.now,
    };
    label::move_label(facts, draft, &pending);
    for movement in &mut draft.movements {
        movement.reason = MovementReason::Dropped;
    }
}

fn dismiss_link(order: &mut Order, other: OrderNumber) -> Option<Change> {
    let resolution = DuplicateResolution::Dismissed;
    let mut links = order.duplicates.iter_mut();
    let link = links.find(|link| link.other == other && link.resolution != resolution)?;
    link.resolution = resolution;
    Some(Change::DuplicateResolved { other, resolution })
}

fn link_to(order: &Order, other: OrderNumber) -> Option<&DuplicateLink> {
    order.duplicates.iter().find(|link| link.other == other)
}

fn number(order: &Order) -> OrderNumber {
    order.number
}

fn no_duplicate(other: OrderNumber) -> Refusal {
    Refusal::new(Code::NotADuplicate).with("other", other.0)
}

fn captured_by(owner: OrderNumber) -> Refusal {
    Refusal::new(Code::DuplicateAlreadyCaptured).with("other", owner.0)
}

/// Says which of several orders it is about.
fn of(refusal: Refusal, order: &Order) -> Refusal {
    refusal.with("order", order.number.0)
}
