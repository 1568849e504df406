//! Reads all that one transfer to accounting is made of, in one snapshot.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};

use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::claims::TransferParts;
use crate::store::rows::{ShopRow, TransferRow, key, number, shop};
use crate::store::schema::{
    accounting_transfers, customers, events, orders, shops, voucher_parties,
};

/// As they are stored.
const INVOICE: i16 = 1;
const SUCCEEDED: i16 = 2;
const WITHDRAWN: i16 = 5;

impl Database {
    /// A transfer with its order and shop; none when there is no such transfer.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn transfer_find(
        &self,
        transfer_key: i64,
    ) -> Result<Option<TransferParts>, StoreFailure> {
        in_read!(self, |conn| {
            let found: Vec<TransferRow> = accounting_transfers::table
                .find(transfer_key)
                .select(TransferRow::as_select())
                .load(conn)
                .await?;
            match found.into_iter().next() {
                Some(transfer) => parts(conn, transfer).await,
                None => Ok(None),
            }
        })
    }
}

async fn parts(
    conn: &mut Connection,
    transfer: TransferRow,
) -> Result<Option<TransferParts>, StoreFailure> {
    let shop_id = shop(transfer.transfer_key);
    let shops: Vec<ShopRow> =
        shops::table.find(shop_id).select(ShopRow::as_select()).load(conn).await?;
    let Some(shop) = shops.into_iter().next() else { return Ok(None) };
    let personal: Vec<Vec<u8>> = customers::table
        .find((transfer.order_key, transfer.personal_version))
        .select(customers::personal)
        .load(conn)
        .await?;
    let party: Vec<Vec<u8>> = voucher_parties::table
        .find(transfer.order_key)
        .select(voucher_parties::party)
        .load(conn)
        .await?;
    // The order is written down with the last event of a command, so at or after the transfer's.
    let documents: Vec<Option<Vec<u8>>> = events::table
        .filter(events::shop_id.eq(shop_id))
        .filter(events::order_number.eq(number(transfer.order_key)))
        .filter(events::revision.ge(transfer.revision))
        .filter(events::document.is_not_null())
        .order(events::revision)
        .limit(1)
        .select(events::document)
        .load(conn)
        .await?;
    let Some(document) = documents.into_iter().flatten().next() else { return Ok(None) };
    let given_up: Vec<Option<i64>> = accounting_transfers::table
        .filter(accounting_transfers::order_key.eq(transfer.order_key))
        .filter(accounting_transfers::state.eq(WITHDRAWN))
        .select(accounting_transfers::resolved_at)
        .load(conn)
        .await?;
    let sale = sale(conn, &transfer).await?;
    Ok(Some(TransferParts {
        personal: personal.into_iter().next().unwrap_or_default(),
        voucher_party: party.into_iter().next(),
        transfer,
        shop,
        document,
        sale,
        given_up_at: given_up.into_iter().flatten().max(),
    }))
}

/// The sale that a credit order credits: its invoice, and the sale as it was when the credit order was
/// handed over.
async fn sale(
    conn: &mut Connection,
    transfer: &TransferRow,
) -> Result<Option<(TransferRow, Vec<u8>)>, StoreFailure> {
    let shop_id = shop(transfer.transfer_key);
    let originals: Vec<Option<i64>> =
        orders::table.find(transfer.order_key).select(orders::original_number).load(conn).await?;
    let Some(original) = originals.into_iter().flatten().next() else { return Ok(None) };
    let invoices: Vec<TransferRow> = accounting_transfers::table
        .filter(accounting_transfers::order_key.eq(key(shop_id, original)))
        .filter(accounting_transfers::form.eq(INVOICE))
        .filter(accounting_transfers::state.eq(SUCCEEDED))
        .select(TransferRow::as_select())
        .load(conn)
        .await?;
    let documents: Vec<Option<Vec<u8>>> = events::table
        .filter(events::shop_id.eq(shop_id))
        .filter(events::order_number.eq(original))
        .filter(events::revision.le(transfer.revision))
        .filter(events::document.is_not_null())
        .order(events::revision.desc())
        .limit(1)
        .select(events::document)
        .load(conn)
        .await?;
    Ok(invoices.into_iter().next().zip(documents.into_iter().flatten().next()))
}
