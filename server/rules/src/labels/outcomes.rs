//! What became of labels and prints, and what a person must do about it.

use super::{Consignment, Label, LabelState, Print, PrintState};
use crate::changing::{is_hold, with_reason};
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::order::{Micros, Order, Problem, Tracking};
use crate::refusals::Code;

/// What became of a label, or of a print of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelOutcome {
    Made(Consignment),
    Printed,
    /// Final. With the page of the reason, and the system's own words.
    Declined {
        code: Code,
        reason: String,
    },
    /// It waits for its integration.
    Held {
        code: Code,
        reason: String,
    },
    /// Nobody knows; `reason` is what the system said last, and empty where it said nothing.
    Unknown {
        reason: String,
    },
}

/// Records what became of a label or of a print, whichever has this id.
#[must_use]
pub fn record(
    case: &Case,
    id: i64,
    outcome: &LabelOutcome,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let mut draft = Draft::new(case.clone(), ids, now);
    let labels = &case.order.labels;
    if let Some(label) = labels.iter().find(|label| label.id == id) {
        record_label(&mut draft, label, outcome);
    } else if let Some((label, print)) = find_print(labels, id) {
        record_print(&mut draft, label, print, outcome);
    }
    draft.finish()
}

/// Takes back every label and print that nobody has begun with: the end of a person's data.
pub fn withdraw_unsent(decision: &mut Decision, is_unsent: impl Fn(i64) -> bool, now: Micros) {
    let mut over = Vec::new();
    for label in &mut decision.case.order.labels {
        // One that waits for long stands as UNKNOWN, and may be unsent all the same.
        let is_label_unsent = label.is_open() && is_unsent(label.id);
        if is_label_unsent {
            label.state = LabelState::Withdrawn;
            label.resolved_at = Some(now);
            over.push(label.id);
            decision.withdrawn.push(label.id);
            decision.changes.push(Change::LabelResolved { label: label.id, print: None });
        }
        for print in label.prints.iter_mut().filter(|print| print.is_open()) {
            let has_effect = label.state == LabelState::Made;
            if has_effect && !is_unsent(print.id) {
                continue;
            }
            if has_effect {
                decision.withdrawn.push(print.id);
            }
            over.push(print.id);
            end(print, PrintState::Withdrawn, now);
            let change = Change::LabelResolved { label: label.id, print: Some(print.id) };
            decision.changes.push(change);
        }
    }
    let problems = decision.case.order.problems.iter_mut();
    for problem in problems.filter(|known| known.closed_at.is_none() && known.payment.is_none()) {
        if problem.operation.is_some_and(|id| over.contains(&id)) {
            problem.closed_at = Some(now);
            decision.changes.push(Change::ProblemClosed { problem: problem.id });
        }
    }
}

/// A person gives up what a dismissed problem is about: a label or print that waits for its integration,
/// or a label of which nobody knows.
pub(crate) fn give_up(draft: &mut Draft<'_>, problem: &Problem) {
    let is_waiting = is_hold(problem.code) || problem.code == Code::LabelUnknown;
    let Some(id) = problem.operation.filter(|_| is_waiting && problem.payment.is_none()) else {
        return;
    };
    let now = draft.now;
    for label in &mut draft.case.order.labels {
        let is_given_up = label.id == id && label.is_open();
        if is_given_up {
            label.state = LabelState::Withdrawn;
            label.resolved_at = Some(now);
            draft.withdrawn.push(id);
            draft.changes.push(Change::LabelResolved { label: id, print: None });
        }
        for print in label.prints.iter_mut().filter(|print| print.is_open()) {
            if is_given_up || print.id == id {
                end(print, PrintState::Withdrawn, now);
                let change = Change::LabelResolved { label: label.id, print: Some(print.id) };
                draft.changes.push(change);
            }
            if print.id == id {
                draft.withdrawn.push(id);
            }
        }
    }
}

/// Whether the label or print of a problem still waits for its integration.
pub(crate) fn still_waits(order: &Order, problem: &Problem) -> bool {
    let Some(id) = problem.operation else { return false };
    let is_label = |label: &&Label| label.id == id && label.is_open();
    order.labels.iter().any(|label| is_label(&label))
        || find_print(&order.labels, id).is_some_and(|(_, print)| print.is_open())
}

/// Whether the problem says that one of these prints came to nothing.
pub(super) fn is_about_prints(problem: &Problem, prints: &[i64]) -> bool {
    matches!(problem.code, Code::PrintDeclined | Code::PrintUnknown)
        && problem.operation.is_some_and(|id| prints.contains(&id))
}

fn record_label(draft: &mut Draft<'_>, label: &Label, outcome: &LabelOutcome) {
    // What is made or refused is not unlearnt. What was made although it was given up is.
    let is_made_all_the_same =
        label.state == LabelState::Withdrawn && matches!(outcome, LabelOutcome::Made(_));
    if !label.is_open() && !is_made_all_the_same {
        return;
    }
    let state = match outcome {
        LabelOutcome::Made(_) => LabelState::Made,
        LabelOutcome::Declined { .. } => LabelState::Declined,
        LabelOutcome::Unknown { .. } => LabelState::Unknown,
        LabelOutcome::Held { code, reason } => {
            return open_held(draft, label, label.id, (*code, reason));
        }
        LabelOutcome::Printed => return,
    };
    if label.state == state {
        // What it was held for since is over.
        return close_held(draft, label.id);
    }
    let (id, now) = (label.id, draft.now);
    close_problems(draft, id);
    let mut labels = draft.case.order.labels.iter_mut();
    let Some(known) = labels.find(|known| known.id == id) else { return };
    known.state = state;
    known.resolved_at = (state != LabelState::Unknown).then_some(now);
    if let LabelOutcome::Made(consignment) = outcome {
        known.consignment = Some(consignment.clone());
    }
    let prints: Vec<i64> =
        known.prints.iter().filter(|print| print.is_open()).map(|print| print.id).collect();
    if state == LabelState::Declined {
        let open = known.prints.iter_mut().filter(|print| print.is_open());
        open.for_each(|print| end(print, PrintState::Withdrawn, now));
    }
    draft.changes.push(Change::LabelResolved { label: id, print: None });
    match outcome {
        LabelOutcome::Made(consignment) => {
            track(&mut draft.case.order, label, &consignment.tracking);
            draft.labels.extend(prints);
        }
        LabelOutcome::Declined { code, reason } => {
            let details = declined(label, *code, reason);
            draft.open_another_problem(Code::LabelDeclined, about(id), details);
        }
        LabelOutcome::Unknown { reason } => {
            let details = with_reason(vec![("label", id.to_string())], reason);
            draft.open_another_problem(Code::LabelUnknown, about(id), details);
        }
        LabelOutcome::Held { .. } | LabelOutcome::Printed => {}
    }
}

fn record_print(draft: &mut Draft<'_>, label: &Label, print: &Print, outcome: &LabelOutcome) {
    if !matches!(print.state, PrintState::Pending | PrintState::Unknown) {
        return;
    }
    let state = match outcome {
        LabelOutcome::Printed => PrintState::Printed,
        LabelOutcome::Declined { .. } => PrintState::Declined,
        LabelOutcome::Unknown { .. } => PrintState::Unknown,
        LabelOutcome::Held { code, reason } => {
            return open_held(draft, label, print.id, (*code, reason));
        }
        LabelOutcome::Made(_) => return,
    };
    if print.state == state {
        return;
    }
    let now = draft.now;
    close_problems(draft, print.id);
    let mut prints = draft.case.order.labels.iter_mut().flat_map(|known| &mut known.prints);
    let Some(known) = prints.find(|known| known.id == print.id) else { return };
    end(known, state, now);
    draft.changes.push(Change::LabelResolved { label: label.id, print: Some(print.id) });
    match outcome {
        LabelOutcome::Declined { code, reason } => {
            let mut details = declined(label, *code, reason);
            details.push(("printer", print.printer.clone()));
            draft.open_another_problem(Code::PrintDeclined, about(print.id), details);
        }
        LabelOutcome::Unknown { reason } => {
            let mut details = of_label(label).to_vec();
            details.push(("printer", print.printer.clone()));
            let details = with_reason(details, reason);
            draft.open_another_problem(Code::PrintUnknown, about(print.id), details);
        }
        _ => {}
    }
}

/// The delivery can be followed from now on, unless somebody said before how (6.1). What an earlier
/// consignment is followed by is of no use any more.
fn track(order: &mut Order, label: &Label, tracking: &Tracking) {
    let Order { deliveries, labels, .. } = order;
    let is_of_earlier = |known: &Tracking| {
        let earlier = labels.iter().filter(|one| one.id < label.id);
        let mut consignments = earlier.filter_map(|one| one.consignment.as_ref());
        consignments.any(|one| one.tracking == *known)
    };
    let delivery = deliveries.iter_mut().find(|known| Some(known.id) == label.delivery);
    if let Some(known) = delivery
        && (known.tracking == Tracking::default() || is_of_earlier(&known.tracking))
    {
        known.tracking.clone_from(tracking);
    }
}

/// The problem that it waits for its integration, told once; another cause takes its place.
fn open_held(draft: &mut Draft<'_>, label: &Label, id: i64, (code, reason): (Code, &str)) {
    let is_its_own = |known: &Problem| is_hold(known.code) && known.operation == Some(id);
    draft.close_problems(|known| is_its_own(known) && known.code != code);
    let mut open = draft.case.order.problems.iter().filter(|known| known.closed_at.is_none());
    if open.any(is_its_own) {
        return;
    }
    let details = vec![
        ("provider", label.integration.clone()),
        ("label", label.id.to_string()),
        ("provider_reason", reason.to_owned()),
    ];
    draft.open_another_problem(code, about(id), details);
}

fn close_held(draft: &mut Draft<'_>, id: i64) {
    draft.close_problems(|known| is_hold(known.code) && known.operation == Some(id));
}

fn declined(label: &Label, code: Code, reason: &str) -> Vec<(&'static str, String)> {
    let mut details = of_label(label).to_vec();
    details.push(("reason", code.name().to_owned()));
    details.push(("provider_reason", reason.to_owned()));
    details
}

/// Which label, and of which delivery: 0 for the only one, as when it is asked for.
fn of_label(label: &Label) -> [(&'static str, String); 2] {
    let delivery = label.delivery.unwrap_or_default();
    [("label", label.id.to_string()), ("delivery", delivery.to_string())]
}

/// Something new is known of it: what stood there before is over.
fn close_problems(draft: &mut Draft<'_>, id: i64) {
    draft.close_problems(|problem| problem.operation == Some(id));
}

fn about(id: i64) -> About {
    About { payment: None, operation: Some(id) }
}

fn end(print: &mut Print, state: PrintState, now: Micros) {
    print.state = state;
    print.resolved_at = Some(now);
}

fn find_print(labels: &[Label], id: i64) -> Option<(&Label, &Print)> {
    labels.iter().find_map(|label| {
        label.prints.iter().find(|print| print.id == id).map(|print| (label, print))
    })
}
