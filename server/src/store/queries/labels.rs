//! Reads all that one label is made of, in one snapshot.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};

use super::{Connection, Database, Run};
use crate::store::StoreFailure;
use crate::store::claims::LabelParts;
use crate::store::rows::LabelRow;
use crate::store::schema::{customers, labels};

impl Database {
    /// The labels of an order, with what is personal of it now.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn labels_find(&self, order_key: i64) -> Result<LabelParts, StoreFailure> {
        in_read!(self, |conn| {
            let labels: Vec<LabelRow> = labels::table
                .filter(labels::order_key.eq(order_key))
                .order(labels::label_key)
                .select(LabelRow::as_select())
                .load(conn)
                .await?;
            // The address may have been corrected since the label was asked for, or erased.
            let personal: Vec<Vec<u8>> = customers::table
                .filter(customers::order_key.eq(order_key))
                .order(customers::version.desc())
                .limit(1)
                .select(customers::personal)
                .load(conn)
                .await?;
            Ok(LabelParts { labels, personal: personal.into_iter().next().unwrap_or_default() })
        })
    }
}
