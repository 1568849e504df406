//! Loads the facts of a turn, set by set.

use std::collections::BTreeSet;

use diesel::dsl::{count_star, sql};
use diesel::sql_types::Bool;
use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, SelectableHelper};

use super::effects::IS_OPEN;
use super::{Connection, Run, integrations};
use crate::store::StoreFailure;
use crate::store::facts::{Facts, Needs, RequestRow};
use crate::store::purchases::Purchased;
use crate::store::rows::{
    DeliveryLineRow, DeliveryRow, DuplicateRow, EffectRow, HeadRow, HolderRow, LabelRow, LineRow,
    MailRow, OperationRow, OrderRow, PaymentRow, PersonalRow, ProblemRow, ShopRow, StatusRow,
    StockItemRow, TransferRow, key, shop,
};
use crate::store::schema::{
    accounting_transfers, customers, deliveries, delivery_lines, effects, events, labels, mails,
    order_duplicates, order_lines, order_payments, order_statuses, orders, payment_operations,
    payments, problems, shops, stock_items,
};

/// Spelled out, as in the partial index: neither database finds a payment by it with a bound text.
pub(super) const HAS_REFERENCE: &str = "payments.reference <> ''";

/// Whether what is loaded stays as it is until the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    None,
    Held,
}

/// Loads what `needs` names, for the shops of `heads`.
pub(super) async fn facts(
    conn: &mut Connection,
    needs: &Needs,
    heads: Vec<HeadRow>,
    lock: Lock,
) -> Result<Facts, StoreFailure> {
    let shop_ids: Vec<i64> = heads.iter().map(|head| head.shop_id).collect();
    let mut facts = Facts { heads, ..Facts::default() };
    settings(conn, needs, &mut facts).await?;
    if !needs.request_ids.is_empty() {
        facts.requests = requests(conn, &needs.request_ids).await?;
    }
    if !needs.external_references.is_empty() {
        facts.external_references = orders::table
            .filter(among!(orders::external_reference, needs.external_references.iter()))
            .select((orders::shop_id, orders::external_reference, orders::number))
            .load(conn)
            .await?;
    }
    if !needs.status_counts.is_empty() {
        status_counts(conn, needs, &mut facts).await?;
    }
    let (order_keys, payment_keys) = reach(conn, needs, &mut facts).await?;
    orders_with_parts(conn, order_keys, &mut facts).await?;
    deliveries_of_orders(conn, &mut facts).await?;
    stock(conn, needs, &shop_ids, &mut facts).await?;
    facts.used_providers = integrations::with_payments(conn, needs.providers.iter()).await?;
    ledger(conn, payment_keys, lock, &mut facts).await?;
    Ok(facts)
}

/// Settings that have changed since they were last read.
async fn settings(
    conn: &mut Connection,
    needs: &Needs,
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    let changed: Vec<i64> = facts
        .heads
        .iter()
        .filter(|head| needs.shops.get(&head.shop_id) != Some(&head.settings_revision))
        .map(|head| head.shop_id)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    facts.shops = shops::table
        .filter(among!(shops::shop_id, changed.clone()))
        .select(ShopRow::as_select())
        .load(conn)
        .await?;
    facts.integrations = integrations::of_shops(conn, changed.clone()).await?;
    facts.statuses = order_statuses::table
        .filter(among!(order_statuses::shop_id, changed))
        .order((order_statuses::shop_id, order_statuses::position, order_statuses::status_id))
        .select(StatusRow::as_select())
        .load(conn)
        .await?;
    Ok(())
}

async fn requests(
    conn: &mut Connection,
    request_ids: &[Vec<u8>],
) -> Result<Vec<RequestRow>, StoreFailure> {
    Ok(events::table
        .filter(among!(events::request_id, request_ids.to_vec()))
        .filter(events::content.is_not_null())
        .select((
            events::shop_id,
            events::request_id,
            events::content,
            events::revision,
            events::order_number,
            events::change,
        ))
        .load(conn)
        .await?)
}

async fn status_counts(
    conn: &mut Connection,
    needs: &Needs,
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    let counted: Vec<i64> = needs.status_counts.iter().copied().collect();
    facts.status_counts = orders::table
        .filter(among!(orders::shop_id, counted.clone()))
        .group_by((orders::shop_id, orders::status_id))
        .select((orders::shop_id, orders::status_id, count_star()))
        .load(conn)
        .await?;
    facts.waiting = orders::table
        .filter(among!(orders::shop_id, counted))
        .filter(orders::pending.is_not_null())
        .select((orders::shop_id, orders::pending))
        .load(conn)
        .await?;
    Ok(())
}

/// The orders and payments that hang together with those asked for: an order's payments, every
/// order on them, and the orders that one of these may be a duplicate of.
async fn reach(
    conn: &mut Connection,
    needs: &Needs,
    facts: &mut Facts,
) -> Result<(Vec<i64>, Vec<i64>), StoreFailure> {
    let mut order_keys = needs.orders.clone();
    order_keys.extend(earlier_purchases(conn, needs).await?);
    order_keys.extend(credited_sales(conn, needs).await?);
    let mut payment_keys = BTreeSet::new();
    if !needs.references.is_empty() {
        let known: Vec<i64> = payments::table
            .filter(among!(payments::reference, needs.references.iter()))
            .filter(sql::<Bool>(HAS_REFERENCE))
            .select(payments::payment_key)
            .load(conn)
            .await?;
        // Other shops may know the same reference; theirs are not ours to see.
        payment_keys.extend(known.into_iter().filter(|key| needs.shops.contains_key(&shop(*key))));
    }
    on_payments(conn, (&mut order_keys, &mut payment_keys), facts).await?;
    facts.duplicates = duplicates(conn, &order_keys).await?;
    let linked: BTreeSet<i64> =
        facts.duplicates.iter().map(|row| key(shop(row.order_key), row.other_number)).collect();
    if !linked.is_subset(&order_keys) {
        order_keys.extend(linked);
        on_payments(conn, (&mut order_keys, &mut payment_keys), facts).await?;
        facts.duplicates = duplicates(conn, &order_keys).await?;
    }
    Ok((order_keys.into_iter().collect(), payment_keys.into_iter().collect()))
}

/// Adds the payments of these orders, and every order on them.
async fn on_payments(
    conn: &mut Connection,
    (order_keys, payment_keys): (&mut BTreeSet<i64>, &mut BTreeSet<i64>),
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    let held = holders_by_order(conn, order_keys).await?;
    payment_keys.extend(held.iter().map(|holder| holder.payment_key));
    facts.holders = holders_by_payment(conn, payment_keys).await?;
    let all: BTreeSet<i64> = facts.holders.iter().map(|holder| holder.order_key).collect();
    if !all.is_subset(order_keys) {
        order_keys.extend(all);
        let held = holders_by_order(conn, order_keys).await?;
        payment_keys.extend(held.iter().map(|holder| holder.payment_key));
        facts.holders = holders_by_payment(conn, payment_keys).await?;
    }
    Ok(())
}

/// Orders that may be the same purchase as one that is to be placed.
async fn earlier_purchases(conn: &mut Connection, needs: &Needs) -> Result<Vec<i64>, StoreFailure> {
    if needs.purchases.is_empty() {
        return Ok(Vec::new());
    }
    let newest = super::newest_purchases(conn, &needs.purchases).await?;
    let is_recent = |one: &Purchased| {
        needs.purchases_since.get(&shop(one.order_key)).is_none_or(|since| one.placed_at >= *since)
    };
    Ok(newest.into_iter().filter(is_recent).map(|one| one.order_key).collect())
}

/// The sales of the credit orders that are asked for with them.
async fn credited_sales(conn: &mut Connection, needs: &Needs) -> Result<Vec<i64>, StoreFailure> {
    if needs.credits.is_empty() {
        return Ok(Vec::new());
    }
    let sales: Vec<(i64, Option<i64>)> = orders::table
        .filter(among!(orders::order_key, needs.credits.iter()))
        .filter(orders::original_number.is_not_null())
        .select((orders::shop_id, orders::original_number))
        .load(conn)
        .await?;
    Ok(sales.into_iter().filter_map(|(shop_id, sale)| Some(key(shop_id, sale?))).collect())
}

/// The pairs of possible duplicates that these orders are part of.
async fn duplicates(
    conn: &mut Connection,
    keys: &BTreeSet<i64>,
) -> Result<Vec<DuplicateRow>, StoreFailure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(order_duplicates::table
        .filter(among!(order_duplicates::order_key, keys.iter().copied()))
        .order((order_duplicates::order_key, order_duplicates::other_number))
        .select(DuplicateRow::as_select())
        .load(conn)
        .await?)
}

async fn holders_by_order(
    conn: &mut Connection,
    keys: &BTreeSet<i64>,
) -> Result<Vec<HolderRow>, StoreFailure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(order_payments::table
        .filter(among!(order_payments::order_key, keys.iter().copied()))
        .select(HolderRow::as_select())
        .load(conn)
        .await?)
}

async fn holders_by_payment(
    conn: &mut Connection,
    keys: &BTreeSet<i64>,
) -> Result<Vec<HolderRow>, StoreFailure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(order_payments::table
        .filter(among!(order_payments::payment_key, keys.iter().copied()))
        .order((order_payments::order_key, order_payments::position))
        .select(HolderRow::as_select())
        .load(conn)
        .await?)
}

async fn orders_with_parts(
    conn: &mut Connection,
    keys: Vec<i64>,
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    if keys.is_empty() {
        return Ok(());
    }
    facts.orders = orders::table
        .filter(among!(orders::order_key, keys.clone()))
        .select(OrderRow::as_select())
        .load(conn)
        .await?;
    facts.lines = order_lines::table
        .filter(among!(order_lines::order_key, keys.clone()))
        .order((order_lines::order_key, order_lines::line_id))
        .select(LineRow::as_select())
        .load(conn)
        .await?;
    facts.personal = customers::table
        .filter(among!(customers::order_key, keys.clone()))
        .order((customers::order_key, customers::version))
        .select(PersonalRow::as_select())
        .load(conn)
        .await?;
    facts.problems = problems::table
        .filter(among!(problems::order_key, keys))
        .order(problems::problem_key)
        .select(ProblemRow::as_select())
        .load(conn)
        .await?;
    Ok(())
}

/// Deliveries, of the orders with which something out of the ordinary was done: others have none.
async fn deliveries_of_orders(
    conn: &mut Connection,
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    let handled = facts.orders.iter().filter(|order| order.handling.is_some());
    let keys: Vec<i64> = handled.map(|order| order.order_key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    facts.deliveries = deliveries::table
        .filter(among!(deliveries::order_key, keys.clone()))
        .order((deliveries::order_key, deliveries::delivery_id))
        .select(DeliveryRow::as_select())
        .load(conn)
        .await?;
    facts.delivery_lines = delivery_lines::table
        .filter(among!(delivery_lines::order_key, keys))
        .order((delivery_lines::order_key, delivery_lines::delivery_id, delivery_lines::line_id))
        .select(DeliveryLineRow::as_select())
        .load(conn)
        .await?;
    let with_mails = mailed(facts);
    if !with_mails.is_empty() {
        facts.mails = mails::table
            .filter(among!(mails::order_key, with_mails))
            .order(mails::mail_key)
            .select(MailRow::as_select())
            .load(conn)
            .await?;
    }
    transfers_and_labels(conn, facts).await
}

/// To accounting and at carriers, of the orders that were COMPLETED: others have none.
async fn transfers_and_labels(
    conn: &mut Connection,
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    let completed = facts
        .orders
        .iter()
        .filter(|order| order.handling.is_some() && order.completed_at.is_some());
    let keys: Vec<i64> = completed.map(|order| order.order_key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    facts.transfers = accounting_transfers::table
        .filter(among!(accounting_transfers::order_key, keys.clone()))
        .order(accounting_transfers::transfer_key)
        .select(TransferRow::as_select())
        .load(conn)
        .await?;
    facts.labels = labels::table
        .filter(among!(labels::order_key, keys))
        .order(labels::label_key)
        .select(LabelRow::as_select())
        .load(conn)
        .await?;
    Ok(())
}

/// Orders that may have mails, transfers or labels: of the others nothing out of the ordinary is known.
fn mailed(facts: &Facts) -> Vec<i64> {
    let handled = facts.orders.iter().filter(|order| order.handling.is_some());
    handled.map(|order| order.order_key).collect()
}

/// The tracked skus of the commands and of the orders they are about.
async fn stock(
    conn: &mut Connection,
    needs: &Needs,
    shop_ids: &[i64],
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    let of_orders = facts.lines.iter().map(|line| line.sku.clone()).filter(|sku| !sku.is_empty());
    let skus: BTreeSet<String> = needs.skus.iter().cloned().chain(of_orders).collect();
    if skus.is_empty() {
        return Ok(());
    }
    facts.items = stock_items::table
        .filter(among!(stock_items::shop_id, shop_ids.to_vec()))
        .filter(among!(stock_items::sku, skus))
        .select(StockItemRow::as_select())
        .load(conn)
        .await?;
    Ok(())
}

async fn ledger(
    conn: &mut Connection,
    keys: Vec<i64>,
    lock: Lock,
    facts: &mut Facts,
) -> Result<(), StoreFailure> {
    if !facts.mails.is_empty() || !facts.transfers.is_empty() || !facts.labels.is_empty() {
        let mailing = effects::table
            .filter(among!(effects::order_key, mailed(facts)))
            .filter(effects::payment_key.is_null())
            .filter(sql::<Bool>(IS_OPEN))
            .order(effects::effect_key)
            .select(EffectRow::as_select());
        facts.effects = match lock {
            Lock::Held => locked!(mailing).load(conn).await?,
            Lock::None => mailing.load(conn).await?,
        };
    }
    if keys.is_empty() {
        return Ok(());
    }
    facts.payments = payments::table
        .filter(among!(payments::payment_key, keys.clone()))
        .select(PaymentRow::as_select())
        .load(conn)
        .await?;
    facts.operations = payment_operations::table
        .filter(among!(payment_operations::payment_key, keys.clone()))
        .order(payment_operations::operation_key)
        .select(OperationRow::as_select())
        .load(conn)
        .await?;
    let open = effects::table
        .filter(among!(effects::payment_key.assume_not_null(), keys))
        .filter(sql::<Bool>(IS_OPEN))
        .order(effects::effect_key)
        .select(EffectRow::as_select());
    // Locked, so that the runner cannot send what this turn takes back.
    facts.effects.extend(match lock {
        Lock::Held => locked!(open).load(conn).await?,
        Lock::None => open.load(conn).await?,
    });
    Ok(())
}
