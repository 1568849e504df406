//! Reads all that one mail is made of, in one snapshot.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};

use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::claims::MailParts;
use crate::store::rows::{MailRow, ShopRow, StatusRow, number, shop};
use crate::store::schema::{customers, events, mail_files, mails, order_statuses, shops};

impl Database {
    /// A mail with its order, shop and files; none when there is no such mail.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn mail_find(&self, mail_key: i64) -> Result<Option<MailParts>, StoreFailure> {
        in_read!(self, |conn| {
            let found: Vec<MailRow> =
                mails::table.find(mail_key).select(MailRow::as_select()).load(conn).await?;
            match found.into_iter().next() {
                Some(mail) => parts(conn, mail).await,
                None => Ok(None),
            }
        })
    }
}

async fn parts(conn: &mut Connection, mail: MailRow) -> Result<Option<MailParts>, StoreFailure> {
    let shop_id = shop(mail.mail_key);
    let shops: Vec<ShopRow> =
        shops::table.find(shop_id).select(ShopRow::as_select()).load(conn).await?;
    let Some(shop) = shops.into_iter().next() else { return Ok(None) };
    let statuses: Vec<StatusRow> = order_statuses::table
        .filter(order_statuses::shop_id.eq(shop_id))
        .select(StatusRow::as_select())
        .load(conn)
        .await?;
    let personal: Vec<Vec<u8>> = customers::table
        .find((mail.order_key, mail.personal_version))
        .select(customers::personal)
        .load(conn)
        .await?;
    // The order is written down with the last event of a command, so at or after the mail's.
    let documents: Vec<Option<Vec<u8>>> = events::table
        .filter(events::shop_id.eq(shop_id))
        .filter(events::order_number.eq(number(mail.order_key)))
        .filter(events::revision.ge(mail.revision))
        .filter(events::document.is_not_null())
        .order(events::revision)
        .limit(1)
        .select(events::document)
        .load(conn)
        .await?;
    let files: Vec<Vec<u8>> =
        mail_files::table.find(mail.mail_key).select(mail_files::files).load(conn).await?;
    Ok(Some(MailParts {
        mail,
        shop,
        statuses,
        personal: personal.into_iter().next(),
        document: documents.into_iter().flatten().next(),
        files: files.into_iter().next(),
    }))
}
