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

use Value::{Bytes, NoBytes, NoText, NoWhole, Order, Reference, RequestId, Row, Text, Whole};

impl Value {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Order | Row | Whole(_) | NoWhole => Kind::Whole,
            Text(_) | Reference | NoText => Kind::Text,
            Bytes(_) | RequestId | NoBytes => Kind::Bytes,
        }
    }
}

/// The reference of an order.
pub(crate) fn reference(order: i64) -> String {
    format!("WEB-1-{order:012}")
}

/// 2026-01-01, microseconds.
const TIME: Value = Whole(1_767_225_600_000_000);
const MONEY: Value = Whole(114_900);

#[rustfmt::skip]
pub(crate) const TABLES: [Table; 7] = [
    Table {
        name: "orders", rows: 1, primary_key: "order_key", order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("shop_id", Whole(1)), ("number", Order), ("kind", Whole(1)),
            ("status_id", Whole(1)), ("pending", NoBytes), ("currency", Text(3)),
            ("price_basis", Whole(1)), ("net_minor", MONEY), ("vat_minor", MONEY),
            ("gross_minor", MONEY), ("payment_state", Whole(3)), ("delivery_state", Whole(2)),
            ("has_problem", Whole(0)), ("is_possible_duplicate", Whole(0)),
            ("needs_attention", Whole(0)), ("external_reference", Reference), ("language", Text(2)),
            ("customer_key", Text(64)), ("lines_fingerprint", Text(64)),
            ("original_number", NoWhole), ("revision", Order), ("personal_version", Whole(1)),
            ("placed_at", TIME), ("updated_at", TIME), ("completed_at", NoWhole),
            ("cancelled_at", NoWhole),
        ],
        indexes: &[
            "UNIQUE INDEX bare_reference ON orders (shop_id, external_reference)",
            "INDEX bare_updated ON orders (shop_id, updated_at, order_key)",
            "INDEX bare_gross ON orders (shop_id, gross_minor, order_key)",
            "INDEX bare_status ON orders (shop_id, status_id, order_key)",
            "INDEX bare_payment_state ON orders (shop_id, payment_state, order_key)",
        ],
    },
    Table {
        name: "order_lines", rows: 3, primary_key: "order_key, line_id",
        order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("line_id", Row), ("kind", Whole(1)), ("sku", Text(11)),
            ("title", Text(26)), ("quantity", Whole(2)), ("unit_price_minor", MONEY),
            ("discount_minor", Whole(0)), ("vat_rate_bp", Whole(2500)), ("net_minor", MONEY),
            ("vat_minor", MONEY), ("gross_minor", MONEY), ("placed_quantity", Whole(2)),
            ("placed_vat_minor", MONEY), ("placed_gross_minor", MONEY), ("delivered", Whole(0)),
            ("credited", Whole(0)), ("stock_taken", Whole(0)), ("stock_put_back", Whole(0)),
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
            ("authorized_minor", MONEY), ("captured_minor", Whole(0)),
            ("capture_claimed_minor", Whole(0)), ("refunded_minor", Whole(0)),
            ("refund_claimed_minor", Whole(0)), ("expires_at", NoWhole), ("confirmed_at", TIME),
            ("needs_attention", Whole(0)),
        ],
        indexes: &["UNIQUE INDEX bare_payment ON payments (shop_id, reference, provider)"],
    },
    Table {
        name: "order_payments", rows: 1, primary_key: "order_key, payment_key",
        order_column: Some("order_key"),
        columns: &[
            ("order_key", Order), ("payment_key", Order), ("position", Row),
            ("amount_minor", MONEY), ("is_live", Whole(1)),
        ],
        indexes: &["INDEX bare_holder ON order_payments (payment_key)"],
    },
    Table {
        name: "payment_operations", rows: 1, primary_key: "operation_key",
        order_column: Some("operation_key"),
        columns: &[
            ("operation_key", Order), ("payment_key", Order), ("order_key", Order),
            ("kind", Whole(1)), ("state", Whole(4)), ("amount_minor", MONEY),
            ("requested_at", TIME), ("resolved_at", TIME), ("provider_reason", NoText),
            ("provider_reference", NoText),
        ],
        indexes: &["INDEX bare_operation ON payment_operations (payment_key)"],
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
            "UNIQUE INDEX bare_request ON events (shop_id, request_id)",
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
