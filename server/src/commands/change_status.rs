//! `ChangeOrderStatus`, `WithdrawStatusChange` and `AttachPayment` (§2, 9.6).

use order_proto::v1;
use order_rules::accounting::{self, NewTransfer};
use order_rules::changing::{self, ChangingFacts};
use order_rules::decision::{Case, Change, Decision, Ids};
use order_rules::labels::LabelRules;
use order_rules::mail::{self, MailKind};
use order_rules::order::{Order, StatusId};
use order_rules::payments::awaits_outcome;
use order_rules::placing::{NewPayment, check_is_due};
use order_rules::refusals::{Code, Refusal, Violation};
use order_rules::statuses::Tag;

use super::create_order::resume_others;
use super::foreseeing::foresee_returns;
use super::resolving::follow_twins;
use super::{Answer, AttachPayment, Awaits, ChangeStatus, WithdrawStatusChange, add_note, plan_of};
use crate::shops::Shop;
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

/// Asks a rule about an order, and makes its decision the truth.
pub(super) fn decide(
    desk: &mut Desk,
    number: i64,
    rule: impl FnOnce(&ChangingFacts<'_>, &mut Ids) -> Result<Decision, Refusal>,
) -> Result<Answer, Refusal> {
    let case = desk.case(number)?;
    let (mut decision, ids) = ask(desk, &case, rule)?;
    let mut plan = plan_of(&decision);
    let twins = std::mem::take(&mut decision.twins);
    enact(desk, number, decision, &ids);
    let mut other_orders = Vec::new();
    follow_twins(desk, twins, &mut plan, &mut other_orders);
    resume_others(desk, number, &mut plan, &mut other_orders);
    let is_waiting = is_waiting(desk, number);
    Ok(Answer { plan, other_orders, is_waiting, ..desk.answer(Some(number)) })
}

/// Makes a decision the truth, with the note that waited for it.
pub(super) fn enact(desk: &mut Desk, number: i64, mut decision: Decision, ids: &Ids) {
    let note = waiting_note(desk, number, &decision);
    if let Some(note) = &note {
        carry_note(&mut decision, note, desk.next_note(number));
    }
    desk.apply(decision, ids);
    if let Some(note) = note {
        add_note::add(desk, number, note);
    }
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

/// Whether an order gets another status than it has, under whatever name.
fn is_moved(shop: &Shop, order: &Order, to: StatusId) -> bool {
    shop.status_row(order.status).map(|row| row.status_id) != Some(to.0)
}

/// The mail that tells of the new status carries the note, if that is for the customer.
fn carry_note(decision: &mut Decision, note: &v1::Note, id: i32) {
    if note.audience() != v1::NoteAudience::Customer {
        return;
    }
    let Decision { case, mails, .. } = decision;
    for mail in case.order.mails.iter_mut().filter(|mail| mails.contains(&mail.id)) {
        mail.note = Some(id);
    }
}

impl ChangeStatus {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let to =
            desk.shop.status_meant(&self.status).map(|row| StatusId(row.status_id)).ok_or_else(
                || {
                    Refusal::new(Code::StatusNotFound)
                        .with("status", desk.shop.status_name(&self.status))
                },
            )?;
        let is_cancelling = desk.shop.statuses.tag(to) == Some(Tag::Cancelled);
        if self.restock.is_some() && !is_cancelling {
            return Err(Refusal::fields(vec![Violation {
                field: "restock".to_owned(),
                description: "is a choice for a status tagged CANCELLED only".to_owned(),
            }]));
        }
        let command = changing::ChangeStatus {
            to,
            restock: self.restock,
            has_note: self.note.is_some(),
            send_email: self.send_email,
        };
        if self.send_email && is_moved(&desk.shop, &case.order, to) {
            mail::check_may_mail(&desk.mail_facts(self.number))?;
        }
        let note = match &self.note {
            Some(note) => Some(add_note::checked(desk, self.number, note)?),
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

    /// What the change would make it do for other orders, on a desk where this one is changed already
    /// and that is of no use afterwards.
    pub(crate) fn plan_of_others(&self, desk: &mut Desk) -> Vec<v1::PlannedEffect> {
        let returns = foresee_returns(desk, self.number).into_iter();
        returns.filter(|(order, _)| order.0 != self.number).map(|(_, effect)| effect).collect()
    }

    /// Everything this change would make the outside world do for the order, in order.
    pub(crate) fn whole_plan(&self, desk: &Desk) -> Vec<v1::PlannedEffect> {
        let Ok(case) = desk.case(self.number) else { return Vec::new() };
        let Some(row) = desk.shop.status_meant(&self.status) else { return Vec::new() };
        let facts = ChangingFacts {
            case: &case,
            statuses: &desk.shop.statuses,
            rulebook: &desk.shop.rulebook,
            items: &desk.items,
        };
        let to = StatusId(row.status_id);
        let mut plan: Vec<v1::PlannedEffect> = changing::expected_effects(&facts, to)
            .into_iter()
            .filter_map(|(payment, kind, amount_minor)| {
                let payment = case.payments.iter().find(|one| one.id == payment)?;
                Some(super::planned(payment, kind, amount_minor)).filter(super::is_to_be_done)
            })
            .collect();
        let is_moved = is_moved(&desk.shop, &case.order, to);
        if self.send_email && is_moved {
            plan.push(super::planned_mail(MailKind::StatusChanged));
        }
        if is_moved
            && desk.shop.statuses.tag(to) == Some(Tag::Completed)
            && let Some(automatic) = accounting::automatic(&case.order, &desk.shop.rulebook)
        {
            let NewTransfer { integration, form, .. } = automatic;
            plan.push(super::planned_transfer(integration, *form, case.order.gross_minor));
        }
        let labels = changing::automatic_labels(&facts, to);
        let has_printer = |labels: &LabelRules| labels.printer.is_some();
        let is_printed = desk.shop.rulebook.labels.as_ref().is_some_and(has_printer);
        for _ in 0..labels {
            plan.push(super::planned_label(v1::LabelWork::Make));
            plan.extend(is_printed.then(|| super::planned_label(v1::LabelWork::Print)));
        }
        plan
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
        // What is no reference is no text to ask a database for either.
        if self.wrong.is_empty() && !self.reference.is_empty() {
            needs.references.insert(self.reference.clone());
        }
    }

    /// Not what becomes of the order's other payments.
    pub(crate) fn awaits(&self) -> Awaits {
        Awaits::Reservation { provider: self.provider.clone(), reference: self.reference.clone() }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let payment = NewPayment {
            provider: self.provider.clone(),
            reference: self.reference.clone(),
            amount_minor: self.amount_minor,
        };
        if self.wrong.is_empty() {
            desk.case(self.number)?;
            desk.check_etag(self.number, self.etag.as_deref())?;
        }
        let violations = self.violations(desk, &payment);
        let offered = desk.shop.offered(&self.provider);
        let Some(capabilities) = offered.filter(|_| violations.is_empty()) else {
            return Err(Refusal::fields(violations));
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

    /// Everything that is wrong with the payment: by itself, in this shop and for this order.
    fn violations(&self, desk: &Desk, payment: &NewPayment) -> Vec<Violation> {
        let mut violations = self.wrong.clone();
        let field = "payment.provider";
        let is_told = violations.iter().any(|told| told.field == field);
        if desk.shop.offered(&self.provider).is_none() && !is_told {
            let description = "is no integration of the shop that is in use".to_owned();
            violations.push(Violation { field: field.to_owned(), description });
        }
        if let Some(file) = desk.orders.get(&self.number) {
            violations.extend(check_is_due("payment", payment, file.order.gross_minor));
        }
        violations
    }
}
