//! Two databases, one shape: the same tables, columns and indexes, and lists that walk an index.

use std::collections::{BTreeMap, BTreeSet};

use order_sdk::proto::{OrderFilter, PaymentState};

use crate::harness::server::Store;
use crate::harness::{Backend, Server, World, eventually};

trials! {
    own: [lists_walk_an_index];
    once: [
        both_databases_have_the_same_tables,
        real_lists_never_scan_the_orders,
    ];
}

/// `table.column`, and what it holds: number, text, bytes; nullable or not. Words aside, which each
/// database finds with an engine of its own.
async fn columns(store: &Store, backend: Backend) -> BTreeMap<String, String> {
    let rows = match backend {
        Backend::Sqlite => {
            store
                .texts(
                    "SELECT m.name || '.' || c.name || '|' ||
                            -- An integer that is the key has 64 bits.
                            iif(c.pk = 1 AND c.type = 'INTEGER', 'bigint', lower(c.type)) ||
                            '|' || (c.\"notnull\" = 1 OR c.pk > 0) AS a
                     FROM sqlite_master m JOIN pragma_table_info(m.name) c
                     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
                       AND m.name NOT LIKE 'order_search%'",
                )
                .await
        }
        Backend::Postgres => {
            store
                .texts(
                    "SELECT table_name || '.' || column_name || '|' || data_type || '|' ||
                            (CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END) AS a
                     FROM information_schema.columns
                     WHERE table_schema = 'public' AND table_name <> 'order_search'",
                )
                .await
        }
    };
    let holds = |kind: &str| match kind {
        "bytea" | "blob" => "bytes",
        "text" | "character varying" | "varchar(50)" => "text",
        "bigint" => "bigint",
        "integer" => "integer",
        "smallint" => "smallint",
        "boolean" => "boolean",
        other if other.starts_with("timestamp") => "timestamp",
        other => panic!("{other}"),
    };
    rows.iter()
        .map(|row| {
            let parts: Vec<&str> = row.split('|').collect();
            (parts[0].to_owned(), format!("{} {}", holds(parts[1]), parts[2]))
        })
        .filter(|(column, _)| !column.starts_with("__diesel"))
        .collect()
}

async fn indexes(store: &Store, backend: Backend) -> BTreeSet<String> {
    let query = match backend {
        Backend::Sqlite => {
            "SELECT sql AS a FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        }
        Backend::Postgres => {
            "SELECT indexdef AS a FROM pg_indexes
             WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey'
               AND indexname NOT LIKE '%_key' AND tablename NOT LIKE '\\_\\_diesel%'"
        }
    };
    // What both write alike: the name, whether it is unique, and the table.
    let told = |text: &String| {
        let (head, rest) = text.split_once(" ON ").unwrap();
        let table = rest.trim_start_matches("public.").split([' ', '(']).next().unwrap();
        format!("{head} ON {table}")
    };
    let of_words = |index: &String| index.contains("order_search");
    store.texts(query).await.iter().map(told).filter(|index| !of_words(index)).collect()
}

async fn both_databases_have_the_same_tables() {
    let (mut shapes, mut indexed) = (Vec::new(), Vec::new());
    for backend in Backend::ALL {
        let server = Server::fresh(backend, &[]).await;
        shapes.push(columns(&server.store, backend).await);
        indexed.push(indexes(&server.store, backend).await);
    }
    assert!(shapes[0].len() > 100, "{:?}", shapes[0]);
    assert_eq!(shapes[0], shapes[1]);
    assert!(indexed[0].len() > 10, "{:?}", indexed[0]);
    assert_eq!(indexed[0], indexed[1]);
}

/// Many orders of other shops, so that a scan is the worse plan by far.
async fn fill(store: &Store, backend: Backend) {
    let (numbers, analyze) = match backend {
        Backend::Sqlite => (
            "WITH RECURSIVE numbers(n) AS
                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)",
            "ANALYZE",
        ),
        Backend::Postgres => {
            ("WITH numbers(n) AS (SELECT generate_series(1, 20000))", "ANALYZE orders")
        }
    };
    let filler = format!(
        "INSERT INTO orders (order_key, shop_id, number, kind, status_id, currency, price_basis,
             net_minor, vat_minor, gross_minor, payment_state, delivery_state, has_problem,
             is_possible_duplicate, needs_attention, external_reference, language, customer_key,
             lines_fingerprint, revision, personal_version, placed_at, updated_at)
         {numbers}
         SELECT 900 * 1099511627776 + n, 900 + n % 3, n, 1, n % 5 + 1, 'NOK', 1,
             n, 0, n, n % 8 + 1, n % 3 + 1, n % 50 = 0,
             n % 50 = 1, false, 'filler-' || n, 'nb', '',
             '', n, 1, n, n
         FROM numbers; {analyze};"
    );
    store.damage(&filler).await;
}

/// The order in which lists are asked for, each as the plan must show it.
const LISTS: &[(&str, &str)] = &[
    ("", "order_key DESC"),
    ("", "order_key"),
    ("", "updated_at DESC, order_key DESC"),
    ("", "gross_minor, order_key"),
    ("AND status_id = 2", "order_key DESC"),
    ("AND payment_state = 2", "order_key DESC"),
    ("AND has_problem", "order_key DESC"),
    ("AND is_possible_duplicate", "order_key DESC"),
    ("AND pending IS NOT NULL", "order_key DESC"),
    ("AND external_reference = 'filler-7'", "order_key DESC"),
    ("AND original_number = 7", "order_key DESC"),
];

async fn lists_walk_an_index(backend: Backend) {
    let world = World::own(backend, &[]).await;
    assert_eq!(world.server.stop().await, 0);
    let store = &world.server.store;
    fill(store, backend).await;
    for (condition, sort) in LISTS {
        let keys = "order_key BETWEEN 900 * 1099511627776 AND 901 * 1099511627776";
        let shop = if sort.starts_with("order_key") && condition.is_empty() {
            keys.to_owned()
        } else {
            "shop_id = 900".to_owned()
        };
        let list = format!("FROM orders WHERE {shop} {condition} ORDER BY {sort} LIMIT 50");
        let plan = match backend {
            Backend::Sqlite => store.plan(&format!("SELECT order_key {list}")).await,
            Backend::Postgres => {
                store.texts(&format!("EXPLAIN SELECT order_key {list}")).await.join("\n")
            }
        };
        let is_walk = match backend {
            Backend::Sqlite => plan.contains("SEARCH") && !plan.contains("TEMP B-TREE"),
            Backend::Postgres => plan.contains("Index") && !plan.contains("Seq Scan"),
        };
        assert!(is_walk, "{list}\n{plan}");
    }
}

/// The statements the server really makes, by what `PostgreSQL` counts of them.
async fn real_lists_never_scan_the_orders() {
    let world = World::own(Backend::Postgres, &[]).await;
    let store = world.server.store.clone();
    fill(&store, Backend::Postgres).await;
    for _ in 0..6 {
        world.buy(900, "").await;
    }
    let counts = async || {
        let scans = "FROM pg_stat_user_tables WHERE relname = 'orders'";
        store.numbers(["seq_scan", "idx_scan", "0", "0"], scans).await[0]
    };
    // What was counted before is told with a delay.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let before = counts().await;
    let none = OrderFilter::default;
    let filters = [
        none(),
        OrderFilter { statuses: vec![world.status("sent").into()], ..none() },
        OrderFilter { payment_states: vec![PaymentState::Authorized.into()], ..none() },
        OrderFilter { has_problem: Some(true), ..none() },
        OrderFilter { is_possible_duplicate: Some(true), ..none() },
        OrderFilter { has_pending_status_change: Some(true), ..none() },
        OrderFilter { external_reference: "x".to_owned(), ..none() },
        OrderFilter { payment_reference: "x".to_owned(), ..none() },
        OrderFilter { sku: "CUP".to_owned(), ..none() },
        OrderFilter { gross_minor_min: Some(5), gross_minor_max: Some(9_000), ..none() },
        OrderFilter { created_from: Some(prost_types::Timestamp::default()), ..none() },
        OrderFilter { text: "kar hemm".to_owned(), ..none() },
        OrderFilter { metadata: [("gift".to_owned(), "yes".to_owned())].into(), ..none() },
        OrderFilter { original_order: format!("{}/orders/1001", world.shop), ..none() },
        OrderFilter { withdrawal_deadline_from: "2026-11-25".to_owned(), ..none() },
        OrderFilter { refund_due_before: "2026-11-25".to_owned(), ..none() },
        OrderFilter {
            reservation_expires_before: Some(prost_types::Timestamp::default()),
            ..none()
        },
    ];
    for order_by in ["number", "number desc", "create_time", "update_time desc", "gross_minor"] {
        for filter in &filters {
            let filter = filter.clone();
            let query = world.client.orders(&world.shop).order_by(order_by);
            query.filter(move |empty| *empty = filter).page_size(3).page().await.unwrap();
        }
    }
    let after = eventually("the walks are counted", async || {
        let after = counts().await;
        (after[1] >= before[1] + 55).then_some(after)
    })
    .await;
    assert_eq!(after[0], before[0], "some list scanned all orders of all shops");
}
