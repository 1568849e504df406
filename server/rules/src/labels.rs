//! §2.2, §6.1 Labels: which goods get a consignment, what became of it, and where it was printed.

mod outcomes;
#[cfg(test)]
mod tests;

pub use outcomes::{LabelOutcome, record, withdraw_unsent};
pub(crate) use outcomes::{give_up, still_waits};

use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::Draft;
use crate::order::{Delivery, DeliveryState, Micros, Order, OrderKind, Tracking};
use crate::refusals::{Code, Refusal, Violation};
use crate::shop::Rulebook;

/// Goods on their way to a carrier, or with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub id: i64,
    /// The integration that makes it.
    pub integration: String,
    /// `None`: of the whole order.
    pub delivery: Option<i32>,
    pub parcel: Parcel,
    pub state: LabelState,
    /// Set when it is made.
    pub consignment: Option<Consignment>,
    /// Oldest first; those asked for before it was made among them.
    pub prints: Vec<Print>,
    pub requested_at: Micros,
    pub resolved_at: Option<Micros>,
}

/// How far a label has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelState {
    Pending,
    Made,
    Declined,
    /// For a while nobody has known whether the carrier has it; the service is finding out.
    Unknown,
    /// Given up, by a person or with the customer's data.
    Withdrawn,
}

/// What the carrier is to make of the goods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    pub transport_agreement: String,
    pub product: String,
    pub weight_grams: i32,
}

/// What the carrier made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consignment {
    /// The carrier's own id: by it papers are fetched and printed.
    pub id: String,
    pub number: String,
    pub tracking: Tracking,
}

/// A label on a printer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    pub id: i64,
    /// The printer, as its system names it.
    pub printer: String,
    pub state: PrintState,
    pub requested_at: Micros,
    pub resolved_at: Option<Micros>,
}

/// How far a print has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintState {
    /// It waits for the label, or goes out next.
    Pending,
    Printed,
    Declined,
    /// Nobody can tell whether it was printed, and it is not printed again by itself.
    Unknown,
    Withdrawn,
}

/// How a shop makes labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelRules {
    pub integration: String,
    pub parcel: Parcel,
    /// A COMPLETED status makes them by itself (2.2).
    pub is_automatic: bool,
    /// Where those are printed.
    pub printer: Option<String>,
}

/// What printing a label depends on beside the order.
#[derive(Clone, Copy, Debug)]
pub struct LabelFacts<'a> {
    /// `None`: the shop makes no labels.
    pub rules: Option<&'a LabelRules>,
    /// Fields of the shipping address that a carrier needs and the order has not.
    pub missing: &'a [&'static str],
}

/// A label as it is asked for. What is `None` is as the shop says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrintLabel {
    /// `None`: the only delivery, or the whole order where there is none.
    pub delivery: Option<i32>,
    pub printer: Option<String>,
    pub transport_agreement: Option<String>,
    pub product: Option<String>,
    pub weight_grams: Option<i32>,
    /// Make another consignment though there is one.
    pub is_anew: bool,
}

/// What asking for a label comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub decision: Decision,
    /// A label that was asked for before and whose effect is due now.
    pub hastened: Option<i64>,
}

/// Labels an order may have.
const LABELS_MAX: usize = 50;
/// Prints a label may have.
const PRINTS_MAX: usize = 100;

impl Label {
    /// Whether its outcome is awaited.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, LabelState::Pending | LabelState::Unknown)
    }

    /// Whether the carrier has it, or may have or get it.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.is_open() || self.state == LabelState::Made
    }

    /// Whether it is about these goods; one of the whole order is about all of them.
    fn is_of(&self, delivery: Option<i32>) -> bool {
        self.delivery.is_none() || self.delivery == delivery
    }

    /// Ids of the effects that must be under way for it.
    #[must_use]
    pub fn awaited(&self) -> Vec<i64> {
        match self.state {
            LabelState::Pending | LabelState::Unknown => vec![self.id],
            LabelState::Made => {
                let pending = self.prints.iter().filter(|print| print.is_open());
                pending.map(|print| print.id).collect()
            }
            LabelState::Declined | LabelState::Withdrawn => Vec::new(),
        }
    }
}

impl Print {
    /// Whether it may still be printed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == PrintState::Pending
    }
}

/// Whether a label or a print of the order is under way.
#[must_use]
pub fn awaits(order: &Order) -> bool {
    order.labels.iter().any(|label| !label.awaited().is_empty())
}

/// Makes the label of goods that have none, and prints it where a printer is named. Goods that have
/// one get no second consignment unless that is asked for.
///
/// # Errors
/// `CREDIT_ORDER_FINAL`, `NOT_COMPLETED`, `ORDER_CANCELLED`, `SHIPPING_ADDRESS_INCOMPLETE`,
/// `DELIVERY_NOT_FOUND`, `EFFECT_PENDING`, `LABELS_NOT_SET_UP`, and `INVALID_REQUEST` where it is not
/// said which of several deliveries, or there are too many.
pub fn print(
    case: &Case,
    facts: LabelFacts<'_>,
    command: &PrintLabel,
    ids: &mut Ids,
    now: Micros,
) -> Result<Asked, Refusal> {
    let order = &case.order;
    check_open(order)?;
    if !facts.missing.is_empty() {
        return Err(
            Refusal::new(Code::ShippingAddressIncomplete).with("missing", facts.missing.join(","))
        );
    }
    let delivery = goods(order, command.delivery)?;
    let mut known = order.labels.iter().rev();
    let known = known.find(|label| label.stands() && label.is_of(delivery));
    let mut draft = Draft::new(case.clone(), ids, now);
    match known {
        Some(label) if command.is_anew && label.is_open() => {
            Err(Refusal::new(Code::EffectPending).with("label", label.id))
        }
        Some(label) if !command.is_anew => {
            let (id, is_open) = (label.id, label.is_open());
            if let Some(printer) = &command.printer {
                check_prints(label)?;
                add_print(&mut draft, id, printer.clone());
            }
            Ok(Asked { decision: draft.finish(), hastened: is_open.then_some(id) })
        }
        _ => {
            let rules = facts.rules.ok_or_else(|| Refusal::new(Code::LabelsNotSetUp))?;
            if order.labels.len() >= LABELS_MAX {
                return Err(wrong("name", "is an order that has 50 labels already"));
            }
            let parcel = parcel(rules, command);
            let integration = rules.integration.clone();
            add(&mut draft, integration, delivery, parcel, command.printer.clone());
            Ok(Asked { decision: draft.finish(), hastened: None })
        }
    }
}

/// The turn moves the label to COMPLETED: every delivery that nobody carries yet gets its label, if
/// the shop says so; an order that had one before gets none by itself (2.2).
pub(crate) fn make_automatic(rulebook: &Rulebook, draft: &mut Draft<'_>) {
    let Some(rules) = rulebook.labels.as_ref().filter(|rules| rules.is_automatic) else { return };
    let order = &draft.case.order;
    if !order.labels.is_empty() || order.delivery_state() == DeliveryState::NothingToDeliver {
        return;
    }
    let uncarried = |delivery: &&Delivery| delivery.tracking == Tracking::default();
    let mut goods: Vec<Option<i32>> =
        standing(order).filter(uncarried).map(|delivery| Some(delivery.id)).collect();
    if standing(order).next().is_none() {
        goods.push(None);
    }
    for delivery in goods.into_iter().take(LABELS_MAX) {
        let (integration, parcel) = (rules.integration.clone(), rules.parcel.clone());
        add(draft, integration, delivery, parcel, rules.printer.clone());
    }
}

fn check_open(order: &Order) -> Result<(), Refusal> {
    if order.kind == OrderKind::Credit {
        return Err(Refusal::new(Code::CreditOrderFinal));
    }
    if order.cancelled_at.is_some() {
        return Err(Refusal::new(Code::OrderCancelled));
    }
    match order.completed_at {
        Some(_) => Ok(()),
        None => Err(Refusal::new(Code::NotCompleted)),
    }
}

/// Which goods are meant.
fn goods(order: &Order, asked: Option<i32>) -> Result<Option<i32>, Refusal> {
    if let Some(id) = asked {
        return match standing(order).any(|delivery| delivery.id == id) {
            true => Ok(Some(id)),
            false => Err(Refusal::new(Code::DeliveryNotFound).with("delivery", id)),
        };
    }
    let mut deliveries = standing(order);
    match (deliveries.next(), deliveries.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.id)),
        (Some(_), Some(_)) => Err(wrong("delivery_id", "must say which of several deliveries")),
    }
}

fn parcel(rules: &LabelRules, command: &PrintLabel) -> Parcel {
    let or = |stated: &Option<String>, usual: &String| stated.as_ref().unwrap_or(usual).clone();
    let Parcel { transport_agreement, product, weight_grams } = &rules.parcel;
    Parcel {
        transport_agreement: or(&command.transport_agreement, transport_agreement),
        product: or(&command.product, product),
        weight_grams: command.weight_grams.unwrap_or(*weight_grams),
    }
}

fn check_prints(label: &Label) -> Result<(), Refusal> {
    match label.prints.len() < PRINTS_MAX {
        true => Ok(()),
        false => Err(wrong("printer", "has the label 100 times already")),
    }
}

/// Plans a label, and with it its print. What was wrong with earlier ones of the same goods is over.
fn add(
    draft: &mut Draft<'_>,
    integration: String,
    delivery: Option<i32>,
    parcel: Parcel,
    printer: Option<String>,
) {
    let earlier: Vec<i64> = draft
        .case
        .order
        .labels
        .iter()
        .filter(|label| label.is_of(delivery))
        .map(|label| label.id)
        .collect();
    draft.close_problems(|problem| {
        problem.code == Code::LabelDeclined
            && problem.operation.is_some_and(|id| earlier.contains(&id))
    });
    let id = draft.ids.take();
    draft.case.order.labels.push(Label {
        id,
        integration,
        delivery,
        parcel,
        state: LabelState::Pending,
        consignment: None,
        prints: Vec::new(),
        requested_at: draft.now,
        resolved_at: None,
    });
    draft.labels.push(id);
    draft.changes.push(Change::LabelRequested { label: id, print: None });
    if let Some(printer) = printer {
        add_print(draft, id, printer);
    }
}

/// Asks for a print; it goes out once the label is made. One that waits already does not wait twice.
fn add_print(draft: &mut Draft<'_>, label: i64, printer: String) {
    let now = draft.now;
    let labels = &mut draft.case.order.labels;
    let Some(known) = labels.iter_mut().find(|known| known.id == label) else { return };
    let is_made = known.state == LabelState::Made;
    if !is_made && known.prints.iter().any(|print| print.is_open() && print.printer == printer) {
        return;
    }
    let id = draft.ids.take();
    known.prints.push(Print {
        id,
        printer,
        state: PrintState::Pending,
        requested_at: now,
        resolved_at: None,
    });
    let prints: Vec<i64> = known.prints.iter().map(|print| print.id).collect();
    let lost = known.prints.iter().filter(|print| print.state == PrintState::Unknown);
    let lost: Vec<i64> = lost.map(|print| print.id).collect();
    draft.changes.push(Change::LabelRequested { label, print: Some(id) });
    if is_made {
        draft.labels.push(id);
        draft.withdrawn.extend(lost);
        draft.close_problems(|problem| outcomes::is_about_prints(problem, &prints));
    }
}

fn standing(order: &Order) -> impl Iterator<Item = &Delivery> {
    order.deliveries.iter().filter(|delivery| delivery.cancelled_at.is_none())
}

fn wrong(field: &str, description: &str) -> Refusal {
    let (field, description) = (field.to_owned(), description.to_owned());
    Refusal::fields(vec![Violation { field, description }])
}
