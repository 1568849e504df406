//! What a list costs the database: about the rows that it answers, however many orders there are.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Text;
use order_sdk::ShopName;
use order_sdk::proto::{OrderFilter, PaymentState, StatusTag};

use crate::harness::{Backend, World};

trials! {
    own: [problems_and_persons_are_found_by_their_index];
    damaged: [a_list_reads_what_it_answers];
}

const ORDERS: i64 = 20_000;
/// For a page of 50, each found and fetched, thrice; one that passes over a hundred for each that it
/// answers reads 5,000 and more.
const ROWS_READ_MAX: i64 = 1_000;

/// At least as many as the server reads with.
const CONNECTIONS: u32 = 8;

/// A list as a caller asks for it, and as the server asks the database.
struct List {
    /// What must serve it on SQLite.
    index: &'static str,
    order_by: &'static str,
    filter: OrderFilter,
    /// Beside shop and kind.
    condition: &'static str,
    columns: &'static str,
}

/// Each order that there is, and each filter with an index: met by one order in a hundred.
fn lists() -> Vec<List> {
    let list = |index, order_by, columns| List {
        index,
        order_by,
        filter: OrderFilter::default(),
        condition: "",
        columns,
    };
    let narrowed = |index, condition, filter| List {
        condition,
        filter,
        ..list(index, "number", "orders.order_key")
    };
    let none = OrderFilter::default;
    vec![
        list("", "number", "orders.order_key"),
        list("", "number desc", "orders.order_key DESC"),
        list("orders_updated", "update_time desc", "orders.updated_at DESC, orders.order_key DESC"),
        list("orders_gross", "gross_minor", "orders.gross_minor, orders.order_key"),
        narrowed(
            "orders_status",
            "AND orders.status_id IN (4)",
            OrderFilter { tags: vec![StatusTag::Cancelled.into()], ..none() },
        ),
        narrowed(
            "orders_payment_state",
            "AND orders.payment_state IN (7)",
            OrderFilter { payment_states: vec![PaymentState::Refunded.into()], ..none() },
        ),
        narrowed(
            "orders_problem",
            "AND orders.has_problem",
            OrderFilter { has_problem: Some(true), ..none() },
        ),
        narrowed(
            "orders_duplicate",
            "AND orders.is_possible_duplicate",
            OrderFilter { is_possible_duplicate: Some(true), ..none() },
        ),
    ]
}

async fn problems_and_persons_are_found_by_their_index(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let open = "FROM problems WHERE problem_key > 1 AND problem_key < 9 AND closed_at IS NULL";
    let (nobody, [of_problems, of_persons]) = match backend {
        Backend::Sqlite => {
            ("x'00'", ["INDEX problems_open", "PRIMARY KEY (person=? AND order_key>?)"])
        }
        Backend::Postgres => (r"'\x00'::bytea", ["problems_open", "customer_orders_pkey"]),
    };
    let theirs = format!("FROM customer_orders WHERE person = {nobody} AND order_key > 4");
    for (query, found) in [
        (format!("SELECT * {open} ORDER BY problem_key LIMIT 51"), of_problems),
        (format!("SELECT * {open} AND code IN ('A') ORDER BY problem_key"), of_problems),
        (format!("SELECT code, count(*) {open} GROUP BY code"), of_problems),
        (format!("SELECT order_key {theirs} ORDER BY order_key LIMIT 51"), of_persons),
    ] {
        let plan = world.server.store.plan(&query).await;
        let is_walk = match backend {
            Backend::Sqlite => plan.starts_with("SEARCH"),
            Backend::Postgres => plan.contains("Index Cond") && !plan.contains("Seq Scan"),
        };
        assert!(is_walk && plan.contains(found), "{query}: {plan}");
    }
}

#[derive(Debug, QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

async fn a_list_reads_what_it_answers(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let world = World { shop: ShopName::new("default").unwrap(), ..world };
    let store = &world.server.store;
    let of = "FROM shops WHERE slug = 'default'";
    let [shop, ..] = store.numbers(["shop_id", "0", "0", "0"], of).await[0];
    assert_eq!(world.server.stop().await, 0);
    store.damage(&many_orders(&world, shop).await).await;
    world.server.start().await;
    let mut dear = Vec::new();
    for list in lists() {
        match backend {
            Backend::Sqlite => {
                answer(&world, &list).await;
                dear.extend(scanned(&world, &list, shop));
            }
            Backend::Postgres => {
                let rows = rows_read(&world, &list).await;
                if rows > ROWS_READ_MAX {
                    dear.push(format!("{} {}: {rows} rows", list.order_by, list.condition));
                }
            }
        }
    }
    assert!(dear.is_empty(), "{dear:#?}");
}

/// Orders without lines, made in the tables: every hundredth cancelled, refunded, with a problem.
async fn many_orders(world: &World, shop: i64) -> String {
    // The server does not ask SQLite for statistics, and PostgreSQL makes them by itself in time.
    let (empty, statistics) = match world.server.backend {
        Backend::Sqlite => ("x''", ""),
        Backend::Postgres => ("''::bytea", "ANALYZE;"),
    };
    let of = format!("FROM order_statuses WHERE shop_id = {shop} AND tag IN (1, 3) ORDER BY tag");
    let statuses = world.server.store.numbers(["status_id", "tag", "0", "0"], &of).await;
    let [[new, ..], [cancelled, tag, ..]] = statuses[..] else { panic!("{statuses:?}") };
    assert_eq!(tag, 3);
    let numbers = format!(
        "WITH RECURSIVE numbers(n) AS
            (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ORDERS})"
    );
    let key = format!("{} + 100000 + n", shop << 40);
    format!(
        "INSERT INTO orders (order_key, shop_id, number, kind, status_id, currency, price_basis,
             net_minor, vat_minor, gross_minor, payment_state, delivery_state, has_problem,
             is_possible_duplicate, needs_attention, language, customer_key, lines_fingerprint,
             revision, personal_version, placed_at, updated_at)
         {numbers} SELECT {key}, {shop}, 100000 + n, 1,
             CASE WHEN n % 100 = 0 THEN {cancelled} ELSE {new} END, 'NOK', 1,
             n * 7 % 9973, 0, n * 7 % 9973, CASE WHEN n % 100 = 0 THEN 7 ELSE 2 END, 1,
             n % 100 = 0, n % 100 = 0, n % 100 = 0, 'nb', '', '',
             100000 + n, 1, n, n * 31 % 9941 FROM numbers;
         INSERT INTO customers (order_key, version, personal, created_at)
         {numbers} SELECT {key}, 1, {empty}, 1 FROM numbers;
         INSERT INTO events (shop_id, revision, command_revision, kind, order_number, actor,
             created_at, request_id, change, document, personal_version)
         {numbers} SELECT {shop}, 100000 + n, 100000 + n, 1, 100000 + n, 'test', 1, {empty},
             {empty}, {empty}, 1 FROM numbers; {statistics}"
    )
}

/// Asks the server for a page, which must be full and not the last.
async fn answer(world: &World, list: &List) {
    let wanted = list.filter.clone();
    let query = world.client.orders(&world.shop).order_by(list.order_by).page_size(50);
    let page = query.filter(move |filter| *filter = wanted).page().await.unwrap();
    assert_eq!(page.items.len(), 50, "{} {}", list.order_by, list.condition);
    assert!(page.next.is_some(), "{} {}", list.order_by, list.condition);
}

/// How the embedded database would find the rows, if that is not by walking the index.
fn scanned(world: &World, list: &List, shop: i64) -> Option<String> {
    let keys = match list.order_by {
        "number" | "number desc" => format!(
            "AND orders.order_key >= {} AND orders.order_key < {}",
            shop << 40,
            (shop + 1) << 40
        ),
        _ => String::new(),
    };
    let statement = format!(
        "SELECT orders.order_key, events.document, customers.personal FROM orders
         JOIN events ON events.shop_id = orders.shop_id AND events.revision = orders.revision
         JOIN customers ON customers.order_key = orders.order_key
            AND customers.version = orders.personal_version
         WHERE orders.shop_id = {shop} AND orders.kind IN (1) {keys} {} ORDER BY {} LIMIT 51",
        list.condition, list.columns
    );
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let steps: Vec<Step> =
        diesel::sql_query(explain).load(&mut world.server.store.sqlite()).unwrap();
    let is_found = |step: &Step| {
        let index = if list.index.is_empty() { "PRIMARY KEY" } else { list.index };
        step.detail.starts_with("SEARCH orders USING") && step.detail.contains(index)
    };
    let is_dear =
        |step: &Step| step.detail.starts_with("SCAN") || step.detail.contains("TEMP B-TREE");
    let is_good = steps.iter().any(is_found) && !steps.iter().any(is_dear);
    (!is_good).then(|| format!("{} {}: {steps:?}", list.order_by, list.condition))
}

/// The orders that PostgreSQL has looked at for a page, by its own count: at least so many.
async fn rows_read(world: &World, list: &List) -> i64 {
    let counts = async || {
        let columns = [
            "(SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE relname = 'orders')",
            "(SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'orders')",
            "seq_scan",
            "seq_tup_read",
        ];
        let of = "FROM pg_stat_user_tables WHERE relname = 'orders'";
        world.server.store.numbers(columns, of).await[0]
    };
    // A connection has what it did counted once a second, with its next query: ask each of them.
    let flush = async || {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        for _ in 0..CONNECTIONS {
            answer(world, list).await;
        }
    };
    flush().await;
    let before = counts().await;
    flush().await;
    flush().await;
    let after = counts().await;
    // One to three rounds of pages, as some of the first may be counted late and of the last not yet.
    let rows = (after[1] - before[1] + after[3] - before[3]) / i64::from(CONNECTIONS);
    assert!(rows >= 50, "not counted: {before:?} {after:?}");
    rows
}
