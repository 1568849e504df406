//! One turn, decided: facts in, changes and answers out. Pure but for what it is given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use order_rules::order::{Micros, Order};
use order_rules::payments::{Payment, PaymentId, awaits_outcome};
use order_rules::refusals::{Code, Refusal};
use order_rules::stock::Item;

use super::booking;
use super::desk::{Desk, Extra, OrderFile};
use super::document;
use super::labelling;
use super::mailing::{self, MailSlip};
use super::rebuild::{self, OrderParts};
use super::record;
use crate::commands::{Answer, Assignment, Command, Failure, id_reused};
use crate::shops::{Shop, Shops};
use crate::store::StoreFailure;
use crate::store::facts::{Changes, Facts, Needs, RequestRow, ShopRows};
use crate::store::rows::{EffectRow, HeadRow, MailRow, key, number, shop};

/// The commands of a turn, by shop.
pub(super) type Work = BTreeMap<i64, Vec<Arc<Assignment>>>;

/// What became of a turn.
#[derive(Default)]
pub(super) struct Outcome {
    /// By shop, in the order of the work.
    pub answers: BTreeMap<i64, Vec<Result<Answer, Failure>>>,
    /// The shops' heads after it.
    pub heads: Vec<HeadRow>,
    /// Shops whose settings were read or changed.
    pub shops: Vec<Arc<Shop>>,
    /// Orders that nobody needs to wait for any more, by key.
    pub settled: Vec<i64>,
    /// Effects were planned.
    pub has_effects: bool,
}

/// The facts that the commands of a turn need.
pub(super) fn needs(shops: &Shops, work: &Work, now: Micros) -> Needs {
    let mut needs = Needs::default();
    for (&shop_id, assignments) in work {
        let known = shops.shop(shop_id).map_or(-1, |shop| shop.settings_revision);
        needs.shops.insert(shop_id, known);
        for assignment in assignments {
            needs.request_ids.push(assignment.caller.request_id.as_bytes().to_vec());
            assignment.command.needs(shop_id, &mut needs);
        }
        let window = shops.shop(shop_id).map(|shop| shop.rulebook.duplicate_window_seconds);
        match window {
            Some(0) => needs.purchases.retain(|purchase| purchase.shop_id != shop_id),
            Some(seconds) => {
                let since = now.0.saturating_sub(seconds.saturating_mul(1_000_000));
                needs.purchases_since.insert(shop_id, since);
            }
            None => {}
        }
    }
    needs
}

/// Carries out the commands of each shop one after the other, each seeing what those before it did.
///
/// # Errors
/// When a row cannot be read, or a command made more than listeners can be handed: whoever it is
/// about fails alone, once it is run alone.
pub(super) fn decide(
    shops: &Shops,
    work: &Work,
    facts: &Facts,
    now: Micros,
) -> Result<(Changes, Outcome), StoreFailure> {
    let mut changes = Changes::default();
    let mut outcome = Outcome::default();
    let mut desks = desks(shops, facts, now)?;
    for (&shop_id, assignments) in work {
        let answers = match desks.get_mut(&shop_id) {
            Some(desk) => {
                let in_bounds = |one: &Arc<Assignment>| {
                    let answer = carry_out(desk, one);
                    desk.check_command().map(|()| answer)
                };
                assignments.iter().map(in_bounds).collect::<Result<Vec<_>, StoreFailure>>()?
            }
            None => {
                assignments.iter().map(|_| Err(Refusal::new(Code::ShopNotFound).into())).collect()
            }
        };
        outcome.answers.insert(shop_id, answers);
    }
    for (_, desk) in desks {
        desk.close(&mut changes, &mut outcome);
    }
    Ok((changes, outcome))
}

/// Decides one command without storing anything: the order as it would be, and the plan.
pub(super) fn rehearse(
    shops: &Shops,
    shop_id: i64,
    assignment: &Assignment,
    facts: &Facts,
    now: Micros,
) -> Result<Answer, Failure> {
    let mut desks = desks(shops, facts, now)
        .map_err(|failure| Failure::Internal { log: failure.to_string() })?;
    let desk = desks.get_mut(&shop_id).ok_or_else(|| Refusal::new(Code::ShopNotFound))?;
    if let Some(answer) = replay(desk, assignment)? {
        return Ok(answer);
    }
    let whole_plan = match &assignment.command {
        Command::ChangeStatus(command) => Some(command.whole_plan(desk)),
        Command::DeliverOrder(command) => Some(command.whole_plan(desk)),
        _ => None,
    };
    desk.begin(assignment.caller.clone());
    let carried_out = assignment.command.carry_out(desk);
    let mut answer = carried_out.map_err(|refusal| desk.shop.named(refusal))?;
    desk.check_command()?;
    let settled = desk.settle_pairs();
    answer.changed_too(&settled);
    if let Some(number) = answer.number {
        answer.order = desk.order_parts(number.0);
    }
    answer.revision = 0;
    if matches!(assignment.command, Command::CreateOrder(_)) && !answer.already_exists {
        answer.order = vec![document::unnumbered(&answer.order)];
        answer.number = None;
    }
    if let Some(credit) = answer.credit.take() {
        let name = desk.shop.order_name(credit.0);
        answer.credit_order = vec![document::unnumbered(&answer.credit_order)];
        answer.order = vec![document::without_credit(&answer.order, &name)];
        answer.other_orders.retain(|other| *other != credit);
    }
    match (&assignment.command, whole_plan) {
        (Command::ResolveDuplicate(command), _) => {
            answer.plan = command.whole_plan(desk, std::mem::take(&mut answer.plan));
        }
        (Command::EditOrder(command), _) => {
            answer.plan = command.whole_plan(desk, std::mem::take(&mut answer.plan));
        }
        (Command::DeleteOrder(command), _) => {
            answer.plan = command.whole_plan(desk, std::mem::take(&mut answer.plan));
        }
        (Command::ChangeStatus(command), Some(plan)) => {
            answer.plan = plan;
            answer.plan.extend(command.plan_of_others(desk));
        }
        (_, Some(plan)) => answer.plan = plan,
        (_, None) => {}
    }
    Ok(answer)
}

fn carry_out(desk: &mut Desk, assignment: &Assignment) -> Result<Answer, Failure> {
    if let Some(answer) = replay(desk, assignment)? {
        return Ok(answer);
    }
    desk.begin(assignment.caller.clone());
    let carried_out = assignment.command.carry_out(desk);
    let mut answer = carried_out.map_err(|refusal| desk.shop.named(refusal))?;
    let order = answer.number;
    let settled = desk.end(order);
    answer.changed_too(&settled);
    answer.revision = desk.command_revision;
    // Written down once, here: later commands of the turn may still change the order.
    answer.order = order.map(|order| desk.order_parts(order.0)).unwrap_or_default();
    answer.credit_order =
        answer.credit.map(|credit| desk.order_parts(credit.0)).unwrap_or_default();
    let request_id = assignment.caller.request_id.as_bytes().to_vec();
    desk.requests.insert(
        request_id.clone(),
        RequestRow {
            shop_id: desk.shop.row.shop_id,
            request_id,
            content: Some(desk.shop.content_print(&assignment.caller.content).to_vec()),
            revision: answer.revision,
            order_number: order.map(|order| order.0),
            change: desk.first_change(),
        },
    );
    Ok(answer)
}

/// The answer of a command that was carried out before.
fn replay(desk: &Desk, assignment: &Assignment) -> Result<Option<Answer>, Refusal> {
    let caller = &assignment.caller;
    let Some(known) = desk.requests.get(caller.request_id.as_bytes().as_slice()) else {
        return Ok(None);
    };
    let content = desk.shop.content_print(&caller.content);
    if known.content.as_deref() != Some(content.as_slice()) {
        return Err(id_reused().with("revision", known.revision));
    }
    let order = known.order_number.map(|number| desk.order_parts(number)).unwrap_or_default();
    let credit = document::credit_made(&known.change);
    Ok(Some(Answer {
        order,
        credit,
        credit_order: credit.map(|credit| desk.order_parts(credit.0)).unwrap_or_default(),
        other_orders: credit.into_iter().collect(),
        number: known.order_number.map(order_rules::order::OrderNumber),
        revision: known.revision,
        replayed: true,
        reconciliation: document::reconciled(&known.change),
        ..Answer::default()
    }))
}

/// A desk for each shop, with its facts rebuilt.
pub(super) fn desks(
    shops: &Shops,
    facts: &Facts,
    now: Micros,
) -> Result<BTreeMap<i64, Desk>, StoreFailure> {
    let mut desks = BTreeMap::new();
    for head in &facts.heads {
        let shop = match facts.shops.iter().find(|row| row.shop_id == head.shop_id) {
            Some(row) => {
                let statuses = facts.statuses.iter().filter(|one| one.shop_id == row.shop_id);
                let integrations =
                    facts.integrations.iter().filter(|one| one.shop_id == row.shop_id);
                Arc::new(Shop::from_rows(ShopRows {
                    shop: row.clone(),
                    statuses: statuses.cloned().collect(),
                    integrations: integrations.cloned().collect(),
                    settings_revision: head.settings_revision,
                })?)
            }
            None => shops
                .shop(head.shop_id)
                .ok_or_else(|| StoreFailure::Defect("a shop without settings".to_owned()))?,
        };
        desks.insert(head.shop_id, empty_desk(shop, head.clone(), now));
    }
    fill(&mut desks, facts)?;
    Ok(desks)
}

fn empty_desk(shop: Arc<Shop>, head: HeadRow, now: Micros) -> Desk {
    Desk {
        shop,
        // Event time never falls within a shop.
        now: now.max(Micros(head.last_event_at)),
        orders: BTreeMap::new(),
        payments: BTreeMap::new(),
        items: BTreeMap::new(),
        effects: BTreeMap::new(),
        external_references: BTreeMap::new(),
        status_counts: BTreeMap::new(),
        waiting_counts: BTreeMap::new(),
        used_providers: BTreeSet::new(),
        head,
        requests: HashMap::new(),
        stored_payments: BTreeMap::new(),
        changed_orders: BTreeSet::new(),
        changed_payments: BTreeSet::new(),
        changed_items: BTreeSet::new(),
        changed_effects: BTreeSet::new(),
        changes: Changes::default(),
        command_revision: 0,
        command_payments: BTreeSet::new(),
        command_mails: Vec::new(),
        caller: None,
        defect: None,
    }
}

fn fill(desks: &mut BTreeMap<i64, Desk>, facts: &Facts) -> Result<(), StoreFailure> {
    for row in &facts.requests {
        if let Some(desk) = desks.get_mut(&row.shop_id) {
            desk.requests.insert(row.request_id.clone(), row.clone());
        }
    }
    for (shop_id, reference, number) in &facts.external_references {
        if let (Some(desk), Some(reference)) = (desks.get_mut(shop_id), reference) {
            desk.external_references.insert(reference.clone(), *number);
        }
    }
    for row in &facts.items {
        if let Some(desk) = desks.get_mut(&row.shop_id) {
            let item = Item { sku: row.sku.clone(), on_hand: row.on_hand };
            desk.items.insert(row.sku.clone(), item);
        }
    }
    for (shop_id, status, count) in &facts.status_counts {
        if let Some(desk) = desks.get_mut(shop_id) {
            desk.status_counts.insert(*status, *count);
        }
    }
    for (shop_id, pending) in &facts.waiting {
        if let (Some(desk), Some(pending)) = (desks.get_mut(shop_id), pending) {
            let to = rebuild::pending(pending)?.1.to;
            let count = desk.waiting_counts.entry(to.0).or_default();
            *count = count.saturating_add(1);
        }
    }
    for provider in &facts.used_providers {
        if let Some(desk) = desks.get_mut(&provider.shop_id) {
            desk.used_providers.insert(provider.name.clone());
        }
    }
    fill_payments(desks, facts)?;
    fill_orders(desks, facts)
}

fn fill_payments(desks: &mut BTreeMap<i64, Desk>, facts: &Facts) -> Result<(), StoreFailure> {
    for row in &facts.effects {
        if let Some(desk) = desks.get_mut(&row.shop_id) {
            desk.effects.insert(number(row.effect_key), EffectRow::clone(row));
        }
    }
    let mut holders = HashMap::<i64, Vec<_>>::new();
    for row in &facts.holders {
        holders.entry(row.payment_key).or_default().push(row);
    }
    let mut operations = HashMap::<i64, Vec<_>>::new();
    for row in &facts.operations {
        operations.entry(row.payment_key).or_default().push(row);
    }
    let of = |map: &HashMap<i64, Vec<_>>, key| map.get(&key).cloned().unwrap_or_default();
    for row in &facts.payments {
        let Some(desk) = desks.get_mut(&row.shop_id) else { continue };
        let operations = operations.get(&row.payment_key).cloned().unwrap_or_default();
        let holders = of(&holders, row.payment_key);
        let payment = rebuild::payment(&desk.shop, row, &holders, &operations, &desk.effects)?;
        desk.stored_payments.insert(payment.id.0, payment.clone());
        desk.payments.insert(payment.id.0, payment);
    }
    Ok(())
}

fn fill_orders(desks: &mut BTreeMap<i64, Desk>, facts: &Facts) -> Result<(), StoreFailure> {
    let mut parts: BTreeMap<i64, OrderParts<'_>> =
        facts.orders.iter().map(|row| (row.order_key, OrderParts::new(row))).collect();
    macro_rules! hand_out {
        ($($rows:ident),+ $(,)?) => {
            $(for row in &facts.$rows {
                if let Some(parts) = parts.get_mut(&row.order_key) {
                    parts.$rows.push(row);
                }
            })+
        };
    }
    hand_out!(lines, problems, duplicates, deliveries, delivery_lines, mails, transfers, labels);
    let mut places: Vec<_> = facts.holders.iter().collect();
    places.sort_by_key(|row| (row.order_key, row.position));
    for row in places {
        if let Some(parts) = parts.get_mut(&row.order_key) {
            parts.payments.push(PaymentId(number(row.payment_key)));
        }
    }
    for (order_key, parts) in parts {
        let Some(desk) = desks.get_mut(&shop(order_key)) else { continue };
        let order = rebuild::order(&parts)?;
        let mut versions: Vec<Bytes> = facts
            .personal
            .iter()
            .filter(|row| row.order_key == order_key)
            .map(|row| row.personal.clone().into())
            .collect();
        let personal = versions.pop().unwrap_or_default();
        let waiting_note = match &parts.row.pending {
            Some(pending) => rebuild::pending(pending)?.0,
            None => None,
        };
        let row = parts.row;
        let extra = Extra {
            external_reference: row.external_reference.clone(),
            language: row.language.clone(),
            customer_key: row.customer_key.clone(),
            lines_fingerprint: row.lines_fingerprint.clone(),
            personal,
            earlier: versions,
            personal_version: row.personal_version,
            waiting_note,
            slips: parts.mails.iter().map(|row| slip(row)).collect(),
            transfer_slips: parts.transfers.iter().map(|row| booking::slip(row)).collect(),
            revision: row.revision,
            updated_at: Micros(row.updated_at),
        };
        let file = OrderFile { stored: Some(order.clone()), order, extra, document: None };
        desk.orders.insert(row.number, file);
    }
    Ok(())
}

fn slip(row: &MailRow) -> (i64, MailSlip) {
    let slip = MailSlip {
        personal_version: row.personal_version,
        recipient: row.recipient.clone(),
        revision: row.revision,
        message_id: row.message_id.clone(),
    };
    (number(row.mail_key), slip)
}

impl Desk {
    /// When a reservation expires that the order needs, where that has changed.
    fn close_expiry(&self, file: &OrderFile, payments: &[Payment], changes: &mut Changes) {
        let shop_id = self.shop.row.shop_id;
        let before = file.stored.as_ref().and_then(|stored| {
            let ids = stored.payments.iter();
            let known: Vec<Payment> =
                ids.filter_map(|id| self.stored_payments.get(&id.0)).cloned().collect();
            record::expiry(shop_id, stored, &known)
        });
        match record::expiry(shop_id, &file.order, payments) {
            after if after == before => {}
            Some(after) => changes.expiries.push(after),
            None => changes.expiries_over.push(key(shop_id, file.order.number.0)),
        }
    }

    /// Whether somebody who waits for the order may wait for nothing any more.
    fn is_worth_a_look(&self, order: &Order, payments: &[Payment]) -> bool {
        let is_answered = |payment: &Payment| {
            let stored = self.stored_payments.get(&payment.id.0);
            stored.is_some_and(Payment::awaits_authorization) && !payment.awaits_authorization()
        };
        !awaits_outcome(order, payments)
            || !order.labels.is_empty()
            || payments.iter().any(is_answered)
    }

    /// Hands over everything that changed, each row once.
    fn close(mut self, changes: &mut Changes, outcome: &mut Outcome) {
        let shop_id = self.shop.row.shop_id;
        for number in &self.changed_orders {
            let Some(file) = self.orders.get(number) else { continue };
            let payments = self.payments_of(&file.order);
            let row = record::order(&self.shop, file, &payments);
            if self.is_worth_a_look(&file.order, &payments) {
                outcome.settled.push(row.order_key);
            }
            let stored = file.stored.as_ref();
            changes.lines.extend(record::lines(row.order_key, &file.order, stored));
            changes.problems.extend(record::problems(shop_id, &file.order, stored));
            changes.duplicates.extend(record::duplicates(shop_id, &file.order, stored));
            changes.deliveries.extend(record::deliveries(row.order_key, &file.order, stored));
            changes.delivery_lines.extend(record::delivery_lines(
                row.order_key,
                &file.order,
                stored,
            ));
            changes.mails.extend(mailing::rows(shop_id, file));
            changes.transfers.extend(booking::rows(shop_id, file));
            changes.mail_files_dropped.extend(mailing::forgotten_files(shop_id, file));
            self.close_expiry(file, &payments, changes);
            changes.labels.extend(labelling::rows(shop_id, file));
            changes.orders.push(row);
        }
        for id in &self.changed_payments {
            let Some(payment) = self.payments.get(id) else { continue };
            let stored = self.stored_payments.get(id);
            changes.payments.push(record::payment(shop_id, payment, self.now));
            changes.operations.extend(record::operations(shop_id, payment, stored));
            let position = |order: i64| {
                let file = self.orders.get(&order);
                let place =
                    file.and_then(|file| file.order.payments.iter().position(|one| one.0 == *id));
                place.and_then(|place| i32::try_from(place).ok()).unwrap_or_default()
            };
            changes.holders.extend(record::holders(shop_id, payment, stored, position));
        }
        for sku in &self.changed_items {
            changes.items.extend(self.items.get(sku).map(|item| self.item_row(item)));
        }
        for operation in &self.changed_effects {
            changes.effects.extend(self.effects.get(operation).cloned());
        }
        outcome.has_effects |=
            !self.changed_effects.is_empty() || !self.changes.hastened.is_empty();
        changes.hastened.append(&mut self.changes.hastened);
        changes.integrations.append(&mut self.changes.integrations);
        changes.shops.append(&mut self.changes.shops);
        changes.statuses.append(&mut self.changes.statuses);
        changes.personal.append(&mut self.changes.personal);
        changes.persons.append(&mut self.changes.persons);
        changes.erasures.append(&mut self.changes.erasures);
        changes.vouchers.append(&mut self.changes.vouchers);
        changes.movements.append(&mut self.changes.movements);
        changes.mail_files.append(&mut self.changes.mail_files);
        changes.mail_files_moved.append(&mut self.changes.mail_files_moved);
        if !self.changes.events.is_empty() {
            self.head.last_event_at = self.now.0;
            changes.events.append(&mut self.changes.events);
            changes.heads.push(self.head.clone());
        }
        outcome.heads.push(self.head);
        outcome.shops.push(self.shop);
    }
}
