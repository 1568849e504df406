//! `CreateOrderStatus`, `UpdateOrderStatus` and `DeleteOrderStatus` (§1).

use std::collections::BTreeMap;
use std::sync::Arc;

use order_proto::v1;
use order_rules::order::{Order, StatusId};
use order_rules::refusals::{Code, Refusal, Violation};
use order_rules::statuses::{InUse, Tag, TagMove, check_delete, check_tag_change};
use prost::Message;

use super::{Answer, CreateStatus, DeleteStatus, UpdateStatus};
use crate::shops::Shop;
use crate::store::facts::Needs;
use crate::store::rows::StatusRow;
use crate::terms::Term;
use crate::turns::desk::{Desk, check_etag};

/// Path of the setting that names a status.
const CREDIT_ORDER_STATUS: &str = "settings.credit_order_status";
/// Statuses a shop may have, those deleted not counted.
const STATUSES_MAX: usize = 100;

fn found(shop: &Shop, slug: &str) -> Result<StatusRow, Refusal> {
    shop.status_by_slug(slug).cloned().ok_or_else(|| not_found(shop, slug))
}

fn not_found(shop: &Shop, slug: &str) -> Refusal {
    Refusal::new(Code::StatusNotFound).with("status", shop.status_name(slug))
}

/// What names a status, under an alias too; with what the turn has done so far.
fn in_use(desk: &Desk, id: StatusId) -> InUse {
    let shop = &desk.shop;
    let is_it = |known: StatusId| shop.statuses.get(known).is_some_and(|known| known.id == id);
    let count = |stored: &BTreeMap<i64, i64>, of: fn(&Order) -> Option<StatusId>| {
        let before = stored.iter().filter(|(known, _)| is_it(StatusId(**known)));
        let before = before.fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
        let one = |order: &Order| i64::from(of(order).is_some_and(is_it));
        desk.orders.values().fold(before, |sum, file| {
            let was = file.stored.as_ref().map_or(0, one);
            sum.saturating_add(one(&file.order)).saturating_sub(was)
        })
    };
    InUse {
        orders: count(&desk.status_counts, |order| Some(order.status)),
        pending: count(&desk.waiting_counts, |order| Some(order.pending.as_ref()?.to)),
        settings: i64::from(shop.rulebook.credit_status.is_some_and(is_it)),
    }
}

/// Names another status in the settings; answers the paths that changed.
fn rename_credit_status(desk: &mut Desk, slug: &str) -> Vec<String> {
    let mut shop = Shop::clone(&desk.shop);
    shop.settings.credit_order_status = shop.status_name(slug);
    shop.row.settings = shop.settings.encode_to_vec();
    desk.put_shop(shop);
    vec![CREDIT_ORDER_STATUS.to_owned()]
}

/// Replaces rows of statuses, and tells that they changed, and with them these settings.
fn store(desk: &mut Desk, rows: Vec<StatusRow>, slug: &str, fields: Vec<String>) {
    let revision = desk.next_revision();
    let mut shop = Shop::clone(&desk.shop);
    for mut row in rows {
        row.revision = revision;
        shop.status_rows.retain(|other| other.status_id != row.status_id);
        shop.status_rows.push(row.clone());
        desk.put_status(row);
    }
    desk.put_shop_statuses(shop);
    let status = desk.shop.status_name(slug);
    let change = v1::EventChange { status, fields, ..v1::EventChange::default() };
    desk.tell(v1::EventKind::StatusesChanged, None, &change);
}

/// The rows that a move of tags changes.
fn moved(shop: &Shop, moves: &[TagMove], rows: &mut Vec<StatusRow>) {
    for tag_move in moves {
        let known = rows.iter_mut().find(|row| row.status_id == tag_move.status.0);
        let tag = tag_move.to.map_or(0, Term::stored);
        if let Some(row) = known {
            row.tag = tag;
        } else if let Some(row) =
            shop.status_rows.iter().find(|row| row.status_id == tag_move.status.0)
        {
            rows.push(StatusRow { tag, ..row.clone() });
        }
    }
}

impl CreateStatus {
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let shop = Arc::clone(&desk.shop);
        // Also the name of one that was replaced: it stands for the other.
        if shop.status_meant(&self.slug).is_some() {
            return Err(
                Refusal::new(Code::StatusExists).with("status", shop.status_name(&self.slug))
            );
        }
        if shop.statuses.current().count() >= STATUSES_MAX {
            return Err(Refusal::fields(vec![Violation {
                field: "order_status".to_owned(),
                description: format!("the shop has {STATUSES_MAX} statuses already"),
            }]));
        }
        let tag = Tag::from_contract(self.tag);
        let moves = check_tag_change(&shop.statuses, None, tag, InUse::default())?;
        let id = shop.status_rows.iter().map(|row| row.status_id).max().unwrap_or_default();
        let names = v1::OrderStatus {
            admin_names: self.admin_names.clone(),
            customer_names: self.customer_names.clone(),
            ..v1::OrderStatus::default()
        };
        let mut rows = vec![StatusRow {
            shop_id: shop.row.shop_id,
            status_id: id.saturating_add(1),
            slug: self.slug.clone(),
            tag: tag.map_or(0, Term::stored),
            position: self.position,
            names: names.encode_to_vec(),
            replaced_by: None,
            keeps_name: false,
            revision: 0,
        }];
        moved(&shop, &moves, &mut rows);
        store(desk, rows, &self.slug, Vec::new());
        Ok(desk.answer(None))
    }
}

impl UpdateStatus {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        if self.tag.is_some() {
            needs.status_counts.insert(shop_id);
        }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let shop = Arc::clone(&desk.shop);
        let row = found(&shop, &self.slug)?;
        check_etag(row.revision, self.etag.as_deref())?;
        let mut rows = vec![row.clone()];
        if let Some(tag) = self.tag {
            let id = StatusId(row.status_id);
            let tag = Tag::from_contract(tag);
            let moves = check_tag_change(&shop.statuses, Some(id), tag, in_use(desk, id))?;
            moved(&shop, &moves, &mut rows);
        }
        if let Some(row) = rows.first_mut() {
            let mut names = v1::OrderStatus::decode(row.names.as_slice()).unwrap_or_default();
            if let Some(new) = &self.admin_names {
                names.admin_names.clone_from(new);
            }
            if let Some(new) = &self.customer_names {
                names.customer_names.clone_from(new);
            }
            row.names = names.encode_to_vec();
            row.position = self.position.unwrap_or(row.position);
        }
        if rows == [row] {
            return Ok(desk.answer(None));
        }
        store(desk, rows, &self.slug, Vec::new());
        Ok(desk.answer(None))
    }
}

impl DeleteStatus {
    pub(crate) fn needs(shop_id: i64, needs: &mut Needs) {
        needs.status_counts.insert(shop_id);
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let shop = Arc::clone(&desk.shop);
        let row = found(&shop, &self.slug)?;
        check_etag(row.revision, self.etag.as_deref())?;
        let id = StatusId(row.status_id);
        let replacement = match &self.replacement {
            Some(slug) if *slug == self.slug => return Err(not_found(&shop, slug)),
            Some(slug) => Some(found(&shop, slug)?),
            None => None,
        };
        let in_use = in_use(desk, id);
        let replacement_id = replacement.as_ref().map(|row| StatusId(row.status_id));
        check_delete(&shop.statuses, id, in_use, replacement_id)?;
        // Without a successor it becomes an alias of the DEFAULT status: nothing has it, so nothing shows.
        let successor = replacement_id
            .or_else(|| shop.statuses.default().map(|status| status.id))
            .ok_or_else(|| Refusal::new(Code::StatusTagRequired))?;
        let alias = |row: StatusRow, keeps_name| StatusRow {
            replaced_by: Some(successor.0),
            keeps_name,
            tag: 0,
            ..row
        };
        let mut rows = vec![alias(row, replacement.is_some())];
        // Aliases of aliases would grow without end.
        let aliases = shop.status_rows.iter().filter(|other| other.replaced_by == Some(id.0));
        rows.extend(aliases.map(|row| alias(row.clone(), row.keeps_name && replacement.is_some())));
        let fields = match &replacement {
            Some(row) if in_use.settings > 0 => rename_credit_status(desk, &row.slug),
            _ => Vec::new(),
        };
        store(desk, rows, &self.slug, fields);
        Ok(desk.answer(None))
    }
}
