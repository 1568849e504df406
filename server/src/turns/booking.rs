//! The transfers to accounting of a shop's work during a turn: their rows, and their effects.

use order_proto::v1;
use order_rules::accounting::{self, Booked, Transfer, TransferForm, TransferState};
use order_rules::effects::System;
use order_rules::order::{Day, Micros, Order};

use super::desk::{Desk, OrderFile};
use super::record;
use crate::shops::{Shop, integration_name};
use crate::store::StoreFailure;
use crate::store::rows::{EffectRow, TransferRow, key, number};
use crate::terms::{Term, system_stored};

/// What is known of a transfer beside what the rules look at.
#[derive(Clone, Debug)]
pub(crate) struct TransferSlip {
    /// Of the order's personal data: who bought.
    pub personal_version: i32,
    /// Of the event that tells of it.
    pub revision: i64,
    pub book_day: Day,
}

impl Desk {
    /// The transfers that a decision has planned: each is an effect.
    pub(super) fn put_transfers(&mut self, number: i64, transfers: &[i64]) {
        let (shop_id, revision) = (self.shop.row.shop_id, self.next_revision());
        let book_day = self.shop.day_of(self.now);
        for &id in transfers {
            let Some(file) = self.orders.get_mut(&number) else {
                return self.note_defect("a transfer is planned of an order that is not there");
            };
            let Some(transfer) = file.order.transfer(id) else {
                self.note_defect("a transfer is planned that is not there");
                continue;
            };
            let effect = effect(shop_id, &file.order, transfer);
            let personal_version = file.extra.personal_version;
            let slip = TransferSlip { personal_version, revision, book_day };
            file.extra.transfer_slips.insert(id, slip);
            self.put_effect(id, effect);
        }
    }
}

/// The effect of a transfer that was just planned.
fn effect(shop_id: i64, order: &Order, transfer: &Transfer) -> EffectRow {
    EffectRow {
        effect_key: key(shop_id, transfer.id),
        shop_id,
        system: system_stored(System::Accounting),
        integration: Some(transfer.integration.clone()),
        order_key: key(shop_id, order.number.0),
        kind: transfer.form.stored(),
        ..record::planned(accounting::due_at(order, transfer), transfer.requested_at)
    }
}

/// The transfers that differ from those stored.
pub(super) fn rows(shop_id: i64, file: &OrderFile) -> Vec<TransferRow> {
    let stored = file.stored.as_ref();
    let is_stored = |transfer: &&Transfer| {
        stored.is_some_and(|stored| stored.transfers.iter().any(|other| other == *transfer))
    };
    let changed = file.order.transfers.iter().filter(|transfer| !is_stored(transfer));
    changed.filter_map(|one| row(shop_id, file, one)).collect()
}

fn row(shop_id: i64, file: &OrderFile, transfer: &Transfer) -> Option<TransferRow> {
    let slip = file.extra.transfer_slips.get(&transfer.id)?;
    let booked = transfer.booked.clone();
    Some(TransferRow {
        transfer_key: key(shop_id, transfer.id),
        order_key: key(shop_id, file.order.number.0),
        integration: transfer.integration.clone(),
        form: transfer.form.stored(),
        state: transfer.state.stored(),
        is_automatic: transfer.is_automatic,
        sends_mail: transfer.sends_mail,
        personal_version: slip.personal_version,
        revision: slip.revision,
        book_day: slip.book_day.0,
        requested_at: transfer.requested_at.0,
        resolved_at: transfer.resolved_at.map(|time| time.0),
        booked_order_id: booked.order_id,
        booked_order_number: booked.order_number,
        booked_invoice_id: booked.invoice_id,
        booked_invoice_number: booked.invoice_number,
        rounding_minor: booked.rounding_minor,
        provider_reason: transfer.provider_reason.clone(),
    })
}

/// What a stored transfer has beside what the rules look at.
pub(super) fn slip(row: &TransferRow) -> (i64, TransferSlip) {
    let TransferRow { personal_version, revision, .. } = *row;
    let slip = TransferSlip { personal_version, revision, book_day: Day(row.book_day) };
    (number(row.transfer_key), slip)
}

/// The transfer of a stored row.
pub(super) fn rebuilt(row: &TransferRow) -> Result<Transfer, StoreFailure> {
    let defect = |column: &str| {
        StoreFailure::Defect(format!(
            "a stored row does not make sense: accounting_transfers.{column}"
        ))
    };
    Ok(Transfer {
        id: number(row.transfer_key),
        integration: row.integration.clone(),
        form: TransferForm::from_stored(row.form).ok_or_else(|| defect("form"))?,
        state: TransferState::from_stored(row.state).ok_or_else(|| defect("state"))?,
        is_automatic: row.is_automatic,
        sends_mail: row.sends_mail,
        requested_at: Micros(row.requested_at),
        resolved_at: row.resolved_at.map(Micros),
        booked: Booked {
            order_id: row.booked_order_id.clone(),
            order_number: row.booked_order_number.clone(),
            invoice_id: row.booked_invoice_id.clone(),
            invoice_number: row.booked_invoice_number.clone(),
            rounding_minor: row.rounding_minor,
        },
        provider_reason: row.provider_reason.clone(),
    })
}

/// The transfers of an order as they go out.
pub(super) fn messages(shop: &Shop, file: &OrderFile) -> Vec<v1::AccountingTransfer> {
    let time = crate::commands::timestamp;
    let message = |transfer: &Transfer| v1::AccountingTransfer {
        is_automatic: transfer.is_automatic,
        sends_mail: transfer.sends_mail,
        book_date: file
            .extra
            .transfer_slips
            .get(&transfer.id)
            .map(|slip| slip.book_day.to_string())
            .unwrap_or_default(),
        request_time: Some(time(transfer.requested_at)),
        resolve_time: transfer.resolved_at.map(time),
        external_order_id: transfer.booked.order_id.clone(),
        external_order_number: transfer.booked.order_number.clone(),
        external_invoice_id: transfer.booked.invoice_id.clone(),
        external_invoice_number: transfer.booked.invoice_number.clone(),
        rounding_difference_minor: transfer.booked.rounding_minor,
        provider_reason: transfer.provider_reason.clone().unwrap_or_default(),
        ..summary(shop, transfer)
    };
    file.order.transfers.iter().map(message).collect()
}

/// The transfer as an event tells it: what it is, not what the accounting system said.
pub(super) fn summary(shop: &Shop, transfer: &Transfer) -> v1::AccountingTransfer {
    v1::AccountingTransfer {
        id: transfer.id,
        integration: integration_name(&shop.row.slug, &transfer.integration),
        form: transfer.form.contract().into(),
        state: transfer.state.contract().into(),
        ..v1::AccountingTransfer::default()
    }
}
