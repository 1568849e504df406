//! `ChangeOrderStatus`, `WithdrawStatusChange` and `AttachPayment` (§2, 9.6).

use order_proto::v1;
use order_rules::changing::{self, ChangingFacts};
use order_rules::decision::{Case, Change, Decision, Ids};
use order_rules::payments::awaits_outcome;
use order_rules::placing::NewPayment;
use order_rules::refusals::{Code, Refusal, Violation};
use order_rules::statuses::Tag;
use prost::Message;

use super::create_order::resume_others;
use super::{Answer, AttachPayment, ChangeStatus, NewNote, WithdrawStatusChange, plan_of};
use crate::commands::timestamp;
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

/// Notes an order may have.
const NOTES_MAX: usize = 200;

/// Asks a rule about an order, and makes its decision the truth.
pub(super) fn decide(
    desk: &mut Desk,
    number: i64,
    rule: impl FnOnce(&ChangingFacts<'_>, &mut Ids) -> Result<Decision, Refusal>,
) -> Result<Answer, Refusal> {
    let case = desk.case(number)?;
    let decision = ask(desk, &case, rule)?;
    let (decision, ids) = decision;
    let plan = plan_of(&decision);
    let note = waiting_note(desk, number, &decision);
    desk.apply(decision, &ids);
    if let Some(note) = note {
        add_note(desk, number, note);
    }
    let mut other_orders = Vec::new();
    resume_others(desk, number, &mut other_orders);
    let is_waiting = is_waiting(desk, number);
    Ok(Answer { plan, other_orders, is_waiting, ..desk.answer(Some(number)) })
}

fn ask(
    desk: &Desk,
    case: &Case,
    rule: impl FnOnce(&ChangingFacts<'_>, &mut Ids) -> Result<Decision, Refusal>,
) -> Result<(Decision, Ids), Refusal> {
    let mut ids = desk.ids();
    let facts = ChangingFacts {
        case,
        statuses: &desk.shop.statuses,
        rulebook: &desk.shop.rulebook,
        items: &desk.items,
    };
    let decision = rule(&facts, &mut ids)?;
    Ok((decision, ids))
}

/// The note that waited for this decision.
fn waiting_note(desk: &Desk, number: i64, decision: &Decision) -> Option<v1::Note> {
    decision.changes.iter().find(|change| matches!(change, Change::NoteAdded))?;
    desk.orders.get(&number)?.extra.waiting_note.clone()
}

/// True while something the caller may wait for is under way: a status change, or a reservation.
pub(super) fn is_waiting(desk: &Desk, number: i64) -> bool {
    desk.orders
        .get(&number)
        .is_some_and(|file| awaits_outcome(&file.order, &desk.payments_of(&file.order)))
}

/// Adds a note to an order, as its next personal version.
pub(super) fn add_note(desk: &mut Desk, number: i64, mut note: v1::Note) {
    let Some(file) = desk.orders.get(&number) else { return };
    let mut personal = v1::Order::decode(file.extra.personal.clone()).unwrap_or_default();
    note.id = i32::try_from(personal.notes.len()).unwrap_or(i32::MAX).saturating_add(1);
    note.create_time = Some(timestamp(desk.now));
    personal.notes.push(note);
    desk.put_personal(number, &personal);
}

impl ChangeStatus {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let to = desk
            .shop
            .status_by_slug(&self.status)
            .map(|row| order_rules::order::StatusId(row.status_id))
            .ok_or_else(|| {
                Refusal::new(Code::StatusNotFound)
                    .with("status", desk.shop.status_name(&self.status))
            })?;
        let is_cancelling = desk.shop.statuses.tag(to) == Some(Tag::Cancelled);
        if self.restock.is_some() && !is_cancelling {
            return Err(Refusal::fields(vec![Violation {
                field: "restock".to_owned(),
                description: "is a choice for a status tagged CANCELLED only".to_owned(),
            }]));
        }
        let command =
            changing::ChangeStatus { to, restock: self.restock, has_note: self.note.is_some() };
        let note = match &self.note {
            Some(note) => Some(self.checked_note(desk, note)?),
            None => None,
        };
        let before = desk.orders.get(&self.number).map(|file| file.extra.clone());
        if let Some(file) = desk.orders.get_mut(&self.number)
            && file.order.pending.is_none()
        {
            file.extra.waiting_note = note;
        }
        let now = desk.now;
        let answer = decide(desk, self.number, |facts, ids| {
            changing::change_status(facts, &command, ids, now)
        });
        if answer.is_err()
            && let (Some(file), Some(before)) = (desk.orders.get_mut(&self.number), before)
        {
            file.extra = before;
        }
        answer
    }

    fn checked_note(&self, desk: &Desk, note: &NewNote) -> Result<v1::Note, Refusal> {
        let personal = desk.orders.get(&self.number).map(|file| file.extra.personal.clone());
        let written = v1::Order::decode(personal.unwrap_or_default()).unwrap_or_default();
        if written.notes.len() >= NOTES_MAX {
            return Err(Refusal::fields(vec![Violation {
                field: "note".to_owned(),
                description: format!("the order has {NOTES_MAX} notes already"),
            }]));
        }
        Ok(v1::Note {
            id: 0,
            audience: note.audience.into(),
            text: note.text.clone(),
            author: desk.actor().to_owned(),
            create_time: None,
            attachment_names: Vec::new(),
        })
    }

    /// Everything this change would make the outside world do, in order.
    pub(crate) fn whole_plan(&self, desk: &Desk) -> Vec<v1::PlannedEffect> {
        let Ok(case) = desk.case(self.number) else { return Vec::new() };
        let Some(row) = desk.shop.status_by_slug(&self.status) else { return Vec::new() };
        let facts = ChangingFacts {
            case: &case,
            statuses: &desk.shop.statuses,
            rulebook: &desk.shop.rulebook,
            items: &desk.items,
        };
        changing::expected_effects(&facts, order_rules::order::StatusId(row.status_id))
            .into_iter()
            .filter_map(|(payment, kind, amount_minor)| {
                Some(super::planned(
                    case.payments.iter().find(|one| one.id == payment)?,
                    kind,
                    amount_minor,
                ))
            })
            .collect()
    }
}

impl WithdrawStatusChange {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        decide(desk, self.number, |facts, ids| changing::withdraw(facts, ids, now))
    }
}

impl AttachPayment {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
        if !self.reference.is_empty() {
            needs.references.insert(self.reference.clone());
        }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let Some(&capabilities) = desk.shop.capabilities.get(&self.provider) else {
            return Err(Refusal::fields(vec![Violation {
                field: "payment.provider".to_owned(),
                description: "is no provider of the shop's settings".to_owned(),
            }]));
        };
        let payment = NewPayment {
            provider: self.provider.clone(),
            reference: self.reference.clone(),
            amount_minor: self.amount_minor,
        };
        let known = desk
            .payments
            .values()
            .find(|known| {
                !known.reference.is_empty()
                    && known.provider == self.provider
                    && known.reference == self.reference
            })
            .cloned();
        let now = desk.now;
        decide(desk, self.number, |facts, ids| {
            let command =
                changing::AttachPayment { payment: &payment, capabilities, known: known.as_ref() };
            changing::attach(facts, &command, ids, now)
        })
    }
}
