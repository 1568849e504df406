//! The rows that placing an order of three lines writes: the same columns and keys as the server's
//! tables, without their checks and references.

/// A table of the ceilings.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Rows that one order has in it.
    pub(crate) rows: i64,
    pub(crate) columns: &'static [(&'static str, Value)],
    pub(crate) primary_key: &'static str,
    /// Further keys that the server keeps.
    pub(crate) indexes: &'static [&'static str],
    /// The column that names the order, for reading; `None`: not part of reading an order.
    pub(crate) order_column: Option<&'static str>,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// The running number of the order; also of its payment, operation and event.
    Order,
    /// 1 for the first row that the order has in the table.
    Row,
    Whole(i64),
    /// Letters, so many.
    Text(usize),
    /// Bytes, so many.
    Bytes(usize),
    /// An amount of its own for each order.
    Money,
    /// Letters of its own for each order and row: 32.
    Digest,
    /// Bytes of its own for each order and row: 16.
    Person,
    /// One of some hundred goods.
    Sku,
    /// A text of its own for each order.
    Reference,
    /// Sixteen bytes of its own for each order, ascending.
    RequestId,
    NoWhole,
    NoText,
    NoBytes,
}

/// How a column is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Whole,
    Text,
    Bytes,
}

use Value::{
    Bytes, Digest, Money, NoBytes, NoText, NoWhole, Order, Person, Reference, RequestId, Row, Sku,
    Text, Whole,
};

impl Value {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Order | Row | Whole(_) | Money | NoWhole => Kind::Whole,
            Text(_) | Reference | Digest | Sku | NoText => Kind::Text,
            Bytes(_) | RequestId | Person | NoBytes => Kind::Bytes,
        }
    }
}

/// The reference of an order.
pub(crate) fn reference(order: i64) -> String {
    format!("WEB-1-{order:012}")
}

/// Steps through what differs between orders without a pattern that an index could follow; prime.
pub(crate) const STRIDE: i64 = 7_919;
/// Amounts that differ; no more than the orders of a shop have.
pub(crate) const AMOUNTS: i64 = 100_000;

/// Goods that a shop sells.
pub(crate) const GOODS: i64 = 300;

/// What stands in a line of an order.
pub(crate) fn sku(order: i64, row: i64) -> String {
    format!("SKU-{:07}", order.wrapping_mul(STRIDE).wrapping_add(row).rem_euclid(GOODS))
}

/// What an order costs.
pub(crate) fn money(order: i64) -> i64 {
    order.wrapping_mul(STRIDE).rem_euclid(AMOUNTS) * 100
}

/// Bits of its own for an order and row, anywhere among all there are (the finalizer of splitmix64).
pub(crate) fn spread(order: i64, row: i64) -> [u8; 16] {
    let mix = |seed: u64| {
        let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    let seed = order.cast_unsigned().rotate_left(8) ^ row.cast_unsigned();
    ((u128::from(mix(seed)) << 64) | u128::from(mix(seed ^ 0xff00_0000))).to_be_bytes()
}

/// 2026-01-01, microseconds.
const TIME: Value = Whole(1_767_225_600_000_000);

#[rustfmt::skip]
pub(crate) const TABLES: [Table; 8] = [
    Table {
        name: "orders", rows: 1, primary_key: "order_key", order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("shop_id", Whole(1)), ("number", Order), ("kind", Whole(1)),
            ("status_id", Whole(1)), ("pending", NoBytes), ("currency", Text(3)),
            ("price_basis", Whole(1)), ("net_minor", Money), ("vat_minor", Money),
            ("gross_minor", Money), ("payment_state", Whole(3)), ("delivery_state", Whole(2)),
            ("has_problem", Whole(0)), ("is_possible_duplicate", Whole(0)),
            ("needs_attention", Whole(0)), ("external_reference", Reference), ("language", Text(2)),
            ("customer_key", Digest), ("lines_fingerprint", Digest),
            ("original_number", NoWhole), ("revision", Order), ("personal_version", Whole(1)),
            ("placed_at", TIME), ("updated_at", TIME), ("completed_at", NoWhole),
            ("cancelled_at", NoWhole), ("deleted_at", NoWhole), ("credit_number", NoWhole),
            ("withdrawal_deadline", NoWhole), ("refund_due", NoWhole), ("handling", NoBytes),
        ],
        indexes: &[
            "UNIQUE INDEX bare_reference ON orders (external_reference, shop_id)",
            "INDEX bare_revision ON orders (shop_id, revision)",
            "INDEX bare_updated ON orders (shop_id, updated_at, order_key)",
            "INDEX bare_gross ON orders (shop_id, gross_minor, order_key)",
            "INDEX bare_status ON orders (shop_id, status_id, order_key)",
            "INDEX bare_payment_state ON orders (shop_id, payment_state, order_key)",
            "INDEX bare_purchase ON orders (customer_key, lines_fingerprint, order_key)",
        ],
    },
    Table {
        name: "order_lines", rows: 3, primary_key: "order_key, line_id",
        order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("line_id", Row), ("kind", Whole(1)), ("sku", Sku),
            ("title", Text(26)), ("quantity", Whole(2)), ("unit_price_minor", Money),
            ("discount_minor", Whole(0)), ("vat_rate_bp", Whole(2500)), ("net_minor", Money),
            ("vat_minor", Money), ("gross_minor", Money), ("placed_quantity", Whole(2)),
            ("placed_vat_minor", Money), ("placed_gross_minor", Money), ("delivered", Whole(0)),
            ("captured", Whole(0)), ("credited", Whole(0)), ("credited_gross_minor", Whole(0)),
            ("credited_vat_minor", Whole(0)), ("original_line", NoWhole), ("stock_taken", Whole(0)), ("stock_put_back", Whole(0)),
        ],
        indexes: &["INDEX bare_sku ON order_lines (sku, order_key)"],
    },
    Table {
        name: "customers", rows: 1, primary_key: "order_key, version",
        order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("version", Row), ("personal", Bytes(600)), ("created_at", TIME),
        ],
        indexes: &[],
    },
    Table {
        name: "payments", rows: 1, primary_key: "payment_key", order_column: Some("payment_key"),
        columns: &[
            ("payment_key", Order), ("shop_id", Whole(1)), ("provider", Text(6)),
            ("reference", Reference), ("currency", Text(3)), ("authorization_state", Whole(2)),
            ("authorized_minor", Money), ("captured_minor", Whole(0)),
            ("capture_claimed_minor", Whole(0)), ("refunded_minor", Whole(0)),
            ("refund_claimed_minor", Whole(0)), ("expires_at", NoWhole), ("confirmed_at", TIME),
            ("confirmed_by", Whole(1)), ("read_due_at", NoWhole), ("needs_attention", Whole(0)),
        ],
        indexes: &["UNIQUE INDEX bare_payment ON payments (reference, provider, shop_id)"],
    },
    Table {
        name: "order_payments", rows: 1, primary_key: "order_key, payment_key",
        order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("payment_key", Order), ("position", Row),
            ("amount_minor", Money), ("is_live", Whole(1)),
        ],
        indexes: &["INDEX bare_holder ON order_payments (payment_key)"],
    },
    Table {
        name: "payment_operations", rows: 1, primary_key: "operation_key",
        order_column: Some("operation_key"),
        columns: &[
            ("operation_key", Order), ("payment_key", Order), ("order_key", Order),
            ("kind", Whole(1)), ("state", Whole(4)), ("amount_minor", Money),
            ("requested_at", TIME), ("resolved_at", TIME), ("provider_reason", NoText),
            ("provider_reference", NoText), ("credit_number", NoWhole),
        ],
        indexes: &["INDEX bare_operation ON payment_operations (payment_key)"],
    },
    Table {
        name: "customer_orders", rows: 2, primary_key: "person, order_key", order_column: None,
        columns: &[("person", Person), ("order_key", Order)],
        indexes: &[],
    },
    Table {
        name: "events", rows: 1, primary_key: "shop_id, revision", order_column: None,
        columns: &[
            ("shop_id", Whole(1)), ("revision", Order), ("command_revision", Order),
            ("kind", Whole(1)), ("order_number", Order), ("actor", Text(8)), ("created_at", TIME),
            ("request_id", RequestId), ("content", Bytes(32)), ("change", Bytes(40)),
            ("document", Bytes(900)), ("personal_version", Whole(1)),
        ],
        indexes: &[
            "UNIQUE INDEX bare_request ON events (request_id, shop_id)",
            "INDEX bare_history ON events (shop_id, order_number, revision)",
        ],
    },
];

/// Statements that make the tables. `bytes` is the database's word for a column of bytes.
pub(crate) fn definitions(bytes: &str, table_suffix: &str, with_indexes: bool) -> Vec<String> {
    let mut statements = Vec::new();
    for table in &TABLES {
        let columns = table.columns.iter().map(|(name, value)| match value.kind() {
            Kind::Whole => format!("{name} BIGINT, "),
            Kind::Text => format!("{name} TEXT, "),
            Kind::Bytes => format!("{name} {bytes}, "),
        });
        statements.push(format!(
            "CREATE TABLE {} ({}PRIMARY KEY ({})) {table_suffix}",
            table.name,
            columns.collect::<String>(),
            table.primary_key
        ));
        if with_indexes {
            statements.extend(table.indexes.iter().map(|index| format!("CREATE {index}")));
        }
    }
    statements
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sql_types::Text as SqlText;

    use super::*;

    const SERVER: &str = include_str!("../../../server/migrations/sqlite/0001_orders/up.sql");
    /// Keys of the server's that no order has when it is placed.
    const OF_LATER: [&str; 8] = [
        "orders_credit_number",
        "orders_original",
        "orders_withdrawal_deadline",
        "orders_refund_due",
        "orders_problem",
        "orders_duplicate",
        "orders_pending",
        "payments_read_due",
    ];

    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = SqlText)]
        name: String,
    }

    fn names(database: &mut SqliteConnection, query: String) -> Vec<String> {
        let rows: Vec<Name> = diesel::sql_query(query).load(database).unwrap();
        rows.into_iter().map(|row| row.name).collect()
    }

    /// The columns of each key that stands by itself, without those of later.
    fn keys(database: &mut SqliteConnection, table: &str) -> BTreeSet<Vec<String>> {
        let query = format!("SELECT name FROM pragma_index_list('{table}') WHERE origin = 'c'");
        let keys = names(database, query).into_iter();
        let columns_of = |key: String| {
            names(database, format!("SELECT name FROM pragma_index_info('{key}') ORDER BY seqno"))
        };
        keys.filter(|key| !OF_LATER.contains(&key.as_str())).map(columns_of).collect()
    }

    #[test]
    fn the_tables_are_those_of_the_server() {
        let open = || SqliteConnection::establish(":memory:").unwrap();
        let (mut server, mut bare) = (open(), open());
        server.batch_execute(SERVER).unwrap();
        for statement in definitions("BLOB", "WITHOUT ROWID", true) {
            bare.batch_execute(&statement).unwrap();
        }
        for table in &TABLES {
            let name = table.name;
            let columns = format!("SELECT name FROM pragma_table_info('{name}') ORDER BY cid");
            assert_eq!(names(&mut bare, columns.clone()), names(&mut server, columns), "{name}");
            assert_eq!(keys(&mut bare, name), keys(&mut server, name), "{name}");
        }
    }

    #[test]
    fn what_differs_between_orders_differs() {
        let orders = || 1..=10_000;
        assert_eq!(orders().map(|order| spread(order, 1)).collect::<BTreeSet<_>>().len(), 10_000);
        assert_eq!(orders().map(money).collect::<BTreeSet<_>>().len(), 10_000);
        let goods: BTreeSet<String> = orders().map(|order| sku(order, 2)).collect();
        assert_eq!(goods.len(), usize::try_from(GOODS).unwrap());
        assert!(goods.iter().all(|sku| sku.len() == 11));
    }
}
