//! Loads the facts of a turn, set by set.

use std::collections::BTreeSet;

use diesel::dsl::{count_star, sql};
use diesel::sql_types::Bool;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};

use super::{Connection, Run};
use crate::store::StoreFailure;
use crate::store::facts::{Facts, Needs, RequestRow};
use crate::store::rows::{
    DuplicateRow, EffectRow, HeadRow, HolderRow, LineRow, OperationRow, OrderRow, PaymentRow,
    PersonalRow, ProblemRow, ShopRow, StatusRow, StockItemRow, shop,
};
use crate::store::schema::{
    customers, effects, events, order_duplicates, order_lines, order_payments, order_statuses,
    orders, payment_operations, payments, problems, shops, stock_items,
};

/// Whether what is loaded stays as it is until the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    None,
    Held,
}

/// Effects that are not final; written out, so that the planner sees the condition of the index.
const IS_OPEN: &str = "effects.state IN (0, 1, 2, 3)";

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
            .filter(orders::external_reference.eq_any(needs.external_references.iter()))
            .select((orders::shop_id, orders::external_reference))
            .load(conn)
            .await?;
    }
    if !needs.status_counts.is_empty() {
        status_counts(conn, needs, &mut facts).await?;
    }
    let (order_keys, payment_keys) = reach(conn, needs, &mut facts).await?;
    orders_with_parts(conn, order_keys, &mut facts).await?;
    stock(conn, needs, &shop_ids, &mut facts).await?;
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
        .filter(shops::shop_id.eq_any(changed.clone()))
        .select(ShopRow::as_select())
        .load(conn)
        .await?;
    facts.statuses = order_statuses::table
        .filter(order_statuses::shop_id.eq_any(changed))
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
        .filter(events::request_id.eq_any(request_ids.to_vec()))
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
        .filter(orders::shop_id.eq_any(counted.clone()))
        .group_by((orders::shop_id, orders::status_id))
        .select((orders::shop_id, orders::status_id, count_star()))
        .load(conn)
        .await?;
    facts.waiting = orders::table
        .filter(orders::shop_id.eq_any(counted))
        .filter(orders::pending.is_not_null())
        .select((orders::shop_id, orders::pending))
        .load(conn)
        .await?;
    Ok(())
}

/// The orders and payments that hang together with those asked for: an order's payments, and every
/// order on them.
async fn reach(
    conn: &mut Connection,
    needs: &Needs,
    facts: &mut Facts,
) -> Result<(Vec<i64>, Vec<i64>), StoreFailure> {
    let mut order_keys = needs.orders.clone();
    let mut payment_keys = BTreeSet::new();
    if !needs.references.is_empty() {
        let known: Vec<i64> = payments::table
            .filter(payments::reference.eq_any(needs.references.iter()))
            .filter(payments::reference.ne(""))
            .select(payments::payment_key)
            .load(conn)
            .await?;
        // Other shops may know the same reference; theirs are not ours to see.
        payment_keys.extend(known.into_iter().filter(|key| needs.shops.contains_key(&shop(*key))));
    }
    let held = holders_by_order(conn, &order_keys).await?;
    payment_keys.extend(held.iter().map(|holder| holder.payment_key));
    facts.holders = holders_by_payment(conn, &payment_keys).await?;
    let all: BTreeSet<i64> = facts.holders.iter().map(|holder| holder.order_key).collect();
    if !all.is_subset(&order_keys) {
        order_keys.extend(all);
        let held = holders_by_order(conn, &order_keys).await?;
        payment_keys.extend(held.iter().map(|holder| holder.payment_key));
        facts.holders = holders_by_payment(conn, &payment_keys).await?;
    }
    Ok((order_keys.into_iter().collect(), payment_keys.into_iter().collect()))
}

async fn holders_by_order(
    conn: &mut Connection,
    keys: &BTreeSet<i64>,
) -> Result<Vec<HolderRow>, StoreFailure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(order_payments::table
        .filter(order_payments::order_key.eq_any(keys.iter().copied()))
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
        .filter(order_payments::payment_key.eq_any(keys.iter().copied()))
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
        .filter(orders::order_key.eq_any(keys.clone()))
        .select(OrderRow::as_select())
        .load(conn)
        .await?;
    facts.lines = order_lines::table
        .filter(order_lines::order_key.eq_any(keys.clone()))
        .order((order_lines::order_key, order_lines::line_id))
        .select(LineRow::as_select())
        .load(conn)
        .await?;
    facts.personal = customers::table
        .filter(customers::order_key.eq_any(keys.clone()))
        .order((customers::order_key, customers::version))
        .select(PersonalRow::as_select())
        .load(conn)
        .await?;
    facts.problems = problems::table
        .filter(problems::order_key.eq_any(keys.clone()))
        .order(problems::problem_key)
        .select(ProblemRow::as_select())
        .load(conn)
        .await?;
    facts.duplicates = order_duplicates::table
        .filter(order_duplicates::order_key.eq_any(keys))
        .order((order_duplicates::order_key, order_duplicates::other_number))
        .select(DuplicateRow::as_select())
        .load(conn)
        .await?;
    Ok(())
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
        .filter(stock_items::shop_id.eq_any(shop_ids.to_vec()))
        .filter(stock_items::sku.eq_any(skus))
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
    if keys.is_empty() {
        return Ok(());
    }
    facts.payments = payments::table
        .filter(payments::payment_key.eq_any(keys.clone()))
        .select(PaymentRow::as_select())
        .load(conn)
        .await?;
    facts.operations = payment_operations::table
        .filter(payment_operations::payment_key.eq_any(keys.clone()))
        .order(payment_operations::operation_key)
        .select(OperationRow::as_select())
        .load(conn)
        .await?;
    let open = effects::table
        .filter(effects::payment_key.eq_any(keys))
        .filter(sql::<Bool>(IS_OPEN))
        .order(effects::effect_key)
        .select(EffectRow::as_select());
    // Locked, so that the runner cannot send what this turn takes back.
    facts.effects = match lock {
        Lock::Held => locked!(open).load(conn).await?,
        Lock::None => open.load(conn).await?,
    };
    Ok(())
}
