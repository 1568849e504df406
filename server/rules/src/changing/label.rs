//! What happens in the turn that moves the label (2.10), and when a change is dropped instead.

use super::{ChangingFacts, advancing, problems};
use crate::accounting;
use crate::decision::{Case, Change, Ids, TwinStepKind};
use crate::delivering::{send, undelivered};
use crate::draft::{About, Draft};
use crate::labels;
use crate::mail::{self, MailKind};
use crate::order::{Line, Micros, Order, OrderKind, PendingChange, StatusId, Tracking};
use crate::payments::{is_fully_captured, is_taken_back};
use crate::placing::missing_skus;
use crate::refusals::Code;
use crate::resolving;
use crate::statuses::{Statuses, Tag};
use crate::stock::MovementReason;

/// The order's status, or the one that replaced it.
pub(crate) fn current_status(statuses: &Statuses, order: &Order) -> StatusId {
    statuses.get(order.status).map_or(order.status, |status| status.id)
}

/// The order takes hold of its payments, or lets go of them (7.3).
pub(crate) fn set_live(draft: &mut Draft<'_>, is_live: bool) {
    let order = draft.case.order.number;
    for payment in &mut draft.case.payments {
        for holder in payment.holders.iter_mut().filter(|holder| holder.order == order) {
            holder.is_live = is_live;
        }
    }
}

/// The label moves, and with it stock, goods and note.
pub(crate) fn move_label(
    facts: &ChangingFacts<'_>,
    draft: &mut Draft<'_>,
    pending: &PendingChange,
) {
    let from = current_status(facts.statuses, &draft.case.order);
    let was_cancelled = facts.statuses.tag(from) == Some(Tag::Cancelled);
    let tag = facts.statuses.tag(pending.to);
    let is_sale = draft.case.order.kind == OrderKind::Sale;
    draft.case.order.pending = None;
    draft.case.order.status = pending.to;
    draft.changes.push(Change::StatusChanged { from, to: pending.to });

    if tag == Some(Tag::Cancelled) {
        draft.case.order.cancelled_at.get_or_insert(draft.now);
        set_live(draft, false);
        // Of what is captured everything is credited, and each credit chose for its units (4.7).
        let Case { order, payments } = &draft.case;
        let is_paid = is_fully_captured(order, payments) && !is_taken_back(order, payments);
        if pending.restock == Some(true) && !is_paid {
            put_back(facts, draft, MovementReason::Cancelled);
        }
        problems::close_those_of_a_cancelled(draft);
    } else if was_cancelled {
        let cancelled_at = draft.case.order.cancelled_at.take();
        take_again(facts, draft);
        problems::open_again(facts, draft, cancelled_at);
    }
    if tag == Some(Tag::Completed) {
        draft.case.order.completed_at.get_or_insert(draft.now);
        if is_sale && facts.rulebook.completed_delivers {
            deliver(draft);
        }
        if is_sale {
            labels::make_automatic(facts.rulebook, draft);
        }
    }
    if pending.has_note {
        draft.changes.push(Change::NoteAdded);
    }
    resolving::end(draft, |resolution| TwinStepKind::Drop { restock: resolution.restock });
    if pending.send_email {
        mail::plan(draft, mail::NewMail::of(MailKind::StatusChanged));
    }
    if tag == Some(Tag::Completed) {
        accounting::start_automatic(draft, facts.rulebook);
    }
    if is_sale && matches!(tag, Some(Tag::Completed | Tag::Cancelled)) {
        advancing::free_unneeded(facts, draft, advancing::Declined::IsTriedAgain);
    }
}

/// How many labels the turn that completes the order will make by itself.
#[must_use]
pub fn automatic_labels(facts: &ChangingFacts<'_>, to: StatusId) -> usize {
    let is_sale = facts.case.order.kind == OrderKind::Sale;
    let from = current_status(facts.statuses, &facts.case.order);
    if !is_sale || from == to || facts.statuses.tag(to) != Some(Tag::Completed) {
        return 0;
    }
    let mut ids = Ids(0);
    let mut draft = Draft::new(facts.case.clone(), &mut ids, Micros::default());
    if facts.rulebook.completed_delivers {
        deliver(&mut draft);
    }
    labels::make_automatic(facts.rulebook, &mut draft);
    draft.labels.len()
}

/// The pending change is over and the order keeps its status. One that stays cancelled lets go of
/// its payments again.
pub(super) fn drop_pending(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>) {
    let Some(pending) = draft.case.order.pending.take() else { return };
    draft.changes.push(Change::StatusChangeDropped { to: pending.to });
    resolving::end(draft, |_| TwinStepKind::Release);
    if facts.statuses.tag(draft.case.order.status) == Some(Tag::Cancelled) {
        set_live(draft, false);
    }
}

/// The lines with the units that go out again when the order comes back (2.7). What a credit put
/// back stays there.
pub(super) fn lines_to_take_again(order: &Order) -> Vec<Line> {
    if !order.credits.is_empty() {
        return Vec::new();
    }
    let out = order.lines.iter().filter(|line| line.stock_put_back > 0);
    out.map(|line| Line { quantity: line.stock_put_back, ..line.clone() }).collect()
}

/// What the line took and has not put back, without what was delivered or credited (2.4).
pub(crate) const fn units_out(line: &Line) -> i64 {
    line.stock_taken - line.stock_put_back - line.gone()
}

/// What of each line is out goes back on stock.
pub(crate) fn put_back(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>, reason: MovementReason) {
    let mut moved = Vec::new();
    for line in &mut draft.case.order.lines {
        let quantity = units_out(line);
        if quantity > 0 && facts.items.contains_key(&line.sku) {
            line.stock_put_back += quantity;
            moved.push((line.id, line.sku.clone(), quantity));
        }
    }
    for (line, sku, quantity) in moved {
        draft.move_stock(line, sku, quantity, reason);
    }
}

fn take_again(facts: &ChangingFacts<'_>, draft: &mut Draft<'_>) {
    // Checked when the change was asked for; where others were faster since, money has moved and
    // the order stands.
    let short = missing_skus(facts.items, &lines_to_take_again(&draft.case.order));
    let mut moved = Vec::new();
    for again in lines_to_take_again(&draft.case.order) {
        let line = draft.case.order.lines.iter_mut().find(|line| line.id == again.id);
        if let Some(line) = line.filter(|line| facts.items.contains_key(&line.sku)) {
            moved.push((line.id, line.sku.clone(), line.stock_put_back));
            line.stock_put_back = 0;
        }
    }
    for (line, sku, quantity) in moved {
        draft.move_stock(line, sku, -quantity, MovementReason::Reopened);
    }
    if !short.is_empty() {
        let details = vec![("skus", short.join(","))];
        draft.open_problem(Code::Oversold, About::default(), details);
    }
}

fn deliver(draft: &mut Draft<'_>) {
    let lines = undelivered(&draft.case.order);
    if !lines.is_empty() {
        let now = draft.now;
        send(draft, lines, now, Tracking::default());
    }
}
