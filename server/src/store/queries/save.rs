//! Stores what a turn changed, table by table, each row once.

use diesel::{ExpressionMethods, QueryDsl};

use super::{Connection, Run, erasing, integrations};
use crate::store::StoreFailure;
use crate::store::facts::Changes;
use crate::store::schema;

/// Stores everything; in an order that foreign keys allow.
pub(super) async fn changes(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    shops(conn, changes).await?;
    orders(conn, changes).await?;
    money(conn, changes).await?;
    mails(conn, changes).await?;
    labels(conn, changes).await?;
    integrations::hasten(conn, &changes.hastened).await?;
    stock(conn, changes).await?;
    insert!(conn, &changes.events[..], events);
    upsert!(
        conn,
        &changes.heads[..],
        shop_heads,
        (shop_id),
        (
            revision,
            settings_revision,
            next_order_number,
            next_credit_number,
            next_id,
            last_event_at
        )
    );
    Ok(())
}

async fn shops(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(
        conn,
        &changes.shops[..],
        shops,
        (shop_id),
        (display_name, settings, expiry_warning_micros, revision)
    );
    upsert!(
        conn,
        &changes.integrations[..],
        integrations,
        (shop_id, slug),
        (setup, credentials, credentials_set_at, is_disabled, revision, updated_at)
    );
    // Tags move between statuses: the one that loses DEFAULT must be stored before the one that gets it.
    let (without, with): (Vec<_>, Vec<_>) =
        changes.statuses.iter().cloned().partition(|status| status.tag == 0);
    for rows in [without, with] {
        upsert!(
            conn,
            &rows[..],
            order_statuses,
            (shop_id, status_id),
            (tag, position, names, replaced_by, keeps_name, revision)
        );
    }
    Ok(())
}

async fn orders(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(
        conn,
        &changes.orders[..],
        orders,
        (order_key),
        (
            status_id,
            pending,
            net_minor,
            vat_minor,
            gross_minor,
            payment_state,
            delivery_state,
            has_problem,
            is_possible_duplicate,
            needs_attention,
            external_reference,
            language,
            customer_key,
            revision,
            personal_version,
            updated_at,
            completed_at,
            cancelled_at,
            deleted_at,
            withdrawal_deadline,
            refund_due,
            handling
        )
    );
    upsert!(
        conn,
        &changes.lines[..],
        order_lines,
        (order_key, line_id),
        (
            kind,
            sku,
            title,
            quantity,
            unit_price_minor,
            discount_minor,
            vat_rate_bp,
            net_minor,
            vat_minor,
            gross_minor,
            placed_quantity,
            placed_vat_minor,
            placed_gross_minor,
            delivered,
            captured,
            credited,
            credited_gross_minor,
            credited_vat_minor,
            stock_taken,
            stock_put_back
        )
    );
    persons(conn, changes).await?;
    parts_of_orders(conn, changes).await
}

async fn parts_of_orders(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(conn, &changes.problems[..], problems, (problem_key), (details, closed_at));
    upsert!(
        conn,
        &changes.duplicates[..],
        order_duplicates,
        (order_key, other_number),
        (evidence, resolution)
    );
    upsert!(
        conn,
        &changes.deliveries[..],
        deliveries,
        (order_key, delivery_id),
        (arrived_on, cancelled_at, carrier, tracking_number, tracking_url)
    );
    insert!(conn, &changes.delivery_lines[..], delivery_lines);
    Ok(())
}

async fn persons(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    // First: what was written after it in the same turn stays.
    erasing::erase(conn, changes).await?;
    insert!(conn, &changes.personal[..], customers);
    upsert!(conn, &changes.persons[..], customer_orders, (person, order_key), (order_key));
    upsert!(conn, &changes.vouchers[..], voucher_parties, (order_key), (kept_until));
    Ok(())
}

async fn money(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(
        conn,
        &changes.payments[..],
        payments,
        (payment_key),
        (
            authorization_state,
            authorized_minor,
            captured_minor,
            capture_claimed_minor,
            refunded_minor,
            refund_claimed_minor,
            expires_at,
            confirmed_at,
            confirmed_by,
            needs_attention
        ),
        // A read that is due stays due, whoever has asked for it: only whoever reads puts it off.
        ", read_due_at = CASE WHEN payments.read_due_at <= ",
        now!(),
        " THEN payments.read_due_at ELSE excluded.read_due_at END"
    );
    upsert!(
        conn,
        &changes.holders[..],
        order_payments,
        (order_key, payment_key),
        (position, amount_minor, is_live)
    );
    upsert!(conn, &changes.expiries[..], order_expiries, (order_key), (expires_at, untold_at));
    if !changes.expiries_over.is_empty() {
        let over = changes.expiries_over.iter().copied();
        diesel::delete(schema::order_expiries::table)
            .filter(schema::order_expiries::order_key.eq_any(over))
            .execute(conn)
            .await?;
    }
    upsert!(
        conn,
        &changes.operations[..],
        payment_operations,
        (operation_key),
        (state, amount_minor, resolved_at, provider_reason, provider_reference)
    );
    upsert!(
        conn,
        &changes.effects[..],
        effects,
        (effect_key),
        (
            state,
            attempt,
            looks,
            due_at,
            lease_owner,
            lease_until,
            first_sent_at,
            last_sent_at,
            absent_seen_at,
            doubted_at,
            needs_attention
        )
    );
    Ok(())
}

async fn mails(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(
        conn,
        &changes.mails[..],
        mails,
        (mail_key),
        (state, note_id, files, is_to_old_address, resolved_at)
    );
    upsert!(
        conn,
        &changes.transfers[..],
        accounting_transfers,
        (transfer_key),
        (
            state,
            resolved_at,
            booked_order_id,
            booked_order_number,
            booked_invoice_id,
            booked_invoice_number,
            rounding_minor,
            provider_reason
        )
    );
    insert!(conn, &changes.mail_files[..], mail_files);
    for &(from, to) in &changes.mail_files_moved {
        diesel::update(schema::mail_files::table.find(from))
            .set(schema::mail_files::mail_key.eq(to))
            .execute(conn)
            .await?;
    }
    if !changes.mail_files_dropped.is_empty() {
        let dropped = changes.mail_files_dropped.iter().copied();
        diesel::delete(schema::mail_files::table)
            .filter(schema::mail_files::mail_key.eq_any(dropped))
            .execute(conn)
            .await?;
    }
    Ok(())
}

async fn labels(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(
        conn,
        &changes.labels[..],
        labels,
        (label_key),
        (
            state,
            consignment_id,
            consignment_number,
            carrier,
            tracking_number,
            tracking_url,
            prints,
            resolved_at
        )
    );
    Ok(())
}

async fn stock(conn: &mut Connection, changes: &Changes) -> Result<(), StoreFailure> {
    upsert!(conn, &changes.items[..], stock_items, (shop_id, sku), (on_hand, updated_at));
    insert!(conn, &changes.movements[..], stock_movements);
    Ok(())
}
