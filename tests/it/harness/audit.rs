//! The exactness audit of a shop: log, numbers, ledger, stock and the provider's book agree.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use order_sdk::proto::{self, OperationKind as Kind, OperationState as State};

use super::{World, is_settled};

/// What a shop's ledger says of a payment, over all orders on it. Minor units.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    captured: Vec<i64>,
    refunded: i64,
}

/// Everything that must be true of a shop in which nothing is under way. Answers its orders.
pub(crate) async fn audit(world: &World) -> Vec<proto::Order> {
    check_log(world).await;
    let query = world.client.orders(&world.shop).order_by("number").page_size(100).show_deleted();
    let query = query.kind(proto::OrderKind::Sale).kind(proto::OrderKind::Credit);
    let orders: Vec<proto::Order> = query.by_item().try_collect().await.unwrap();
    for (order, number) in orders.iter().zip(1001..) {
        assert_eq!(order.number, number, "order numbers have a gap");
    }
    check_money(world, &orders);
    check_credits(&orders);
    check_stock(world).await;
    let (breaches, _) = world.breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
    orders
}

/// Revisions ascend by one from 1; every event of a command says where the command begins.
async fn check_log(world: &World) {
    let head = world.revision().await;
    let rest = format!(
        "FROM events JOIN shops USING (shop_id) WHERE slug = '{}' ORDER BY events.revision",
        world.shop.id()
    );
    let columns = ["events.revision", "command_revision", "events.created_at", "kind"];
    let rows = world.server.store.numbers(columns, &rest).await;
    assert!(i64::try_from(rows.len()).unwrap() >= head, "the log ends before its head");
    let (mut begins, mut time) = (0, 0);
    for ([revision, command, created, _kind], expected) in rows.into_iter().zip(1..) {
        assert_eq!(revision, expected, "the log has a gap");
        assert!(created >= time, "time falls at {revision}");
        assert!(command == revision || command == begins, "{revision} is of no command");
        (begins, time) = (command, created);
    }
}

/// What was captured and refunded stands once in the provider's book, and a reservation that no
/// live order needs is given back.
fn check_money(world: &World, orders: &[proto::Order]) {
    let book = world.book();
    let mut ledgers: BTreeMap<String, Sums> = BTreeMap::new();
    let mut live: BTreeSet<String> = BTreeSet::new();
    for order in orders {
        assert!(is_settled(order), "{} is not settled: {order:?}", order.name);
        for payment in order.payments.iter().filter(|payment| !payment.reference.is_empty()) {
            let sums = ledgers.entry(payment.reference.clone()).or_default();
            let succeeded = |kind: Kind| {
                payment.operations.iter().filter(move |operation| {
                    operation.kind() == kind && operation.state() == State::Succeeded
                })
            };
            sums.captured.extend(succeeded(Kind::Capture).map(|one| one.amount_minor));
            sums.refunded += succeeded(Kind::Refund).map(|one| one.amount_minor).sum::<i64>();
            if order.cancel_time.is_none() && order.delete_time.is_none() {
                live.insert(payment.reference.clone());
            }
        }
    }
    for (reference, mut sums) in ledgers {
        let mut moved = book.done(&reference, "capture");
        moved.sort_unstable();
        sums.captured.sort_unstable();
        assert_eq!(moved, sums.captured, "captures of {reference}: book and ledger");
        let refunded: i64 = book.done(&reference, "refund").iter().sum();
        assert_eq!(refunded, sums.refunded, "refunds of {reference}: book and ledger");
        let Some(held) = book.reservation(&reference) else { continue };
        assert_eq!(held.captured_minor, moved.iter().sum::<i64>(), "{reference}");
        let has_problem = orders.iter().any(|order| {
            !order.problems.is_empty()
                && order.payments.iter().any(|payment| payment.reference == reference)
        });
        if !live.contains(&reference) && !has_problem && !held.is_expired {
            let left = held.authorized_minor - held.captured_minor - held.released_minor;
            assert_eq!(left, 0, "{reference} is still reserved, and nobody needs it");
        }
    }
}

/// Credits are numbered without gaps, and what is credited of a sale is what its credit orders say.
fn check_credits(orders: &[proto::Order]) {
    let credits: Vec<&proto::Order> =
        orders.iter().filter(|order| order.kind() == proto::OrderKind::Credit).collect();
    for (credit, number) in credits.iter().zip(1..) {
        assert_eq!(credit.credit_number, number, "{}: the series has a gap", credit.name);
    }
    for sale in orders.iter().filter(|order| order.kind() == proto::OrderKind::Sale) {
        let own: Vec<&&proto::Order> =
            credits.iter().filter(|credit| credit.original_order == sale.name).collect();
        let names: Vec<&String> = own.iter().map(|credit| &credit.name).collect();
        assert!(names.into_iter().eq(&sale.credit_orders), "{}", sale.name);
        for line in &sale.lines {
            let parts = || {
                let lines = own.iter().flat_map(|credit| &credit.lines);
                lines.filter(|part| part.original_line_id == line.id)
            };
            let gross: i64 = parts().map(|part| -part.gross_minor).sum();
            let vat: i64 = parts().map(|part| -part.vat_minor).sum();
            assert_eq!(gross, line.credited_gross_minor, "{} line {}", sale.name, line.id);
            assert!(line.credited_quantity <= line.captured_quantity, "{}", sale.name);
            if gross == line.gross_minor {
                assert_eq!(vat, line.vat_minor, "{} line {}", sale.name, line.id);
            }
        }
        for credit in own {
            let operations = sale.payments.iter().flat_map(|payment| &payment.operations);
            let paid: i64 = operations
                .filter(|one| one.credit_order == credit.name && one.state() == State::Succeeded)
                .map(|one| one.amount_minor)
                .sum();
            let owed = -credit.totals.as_ref().unwrap().gross_minor;
            assert!(paid <= owed, "{} is paid back {paid} of {owed}", credit.name);
        }
    }
}

/// Each balance is the sum of its movements.
async fn check_stock(world: &World) {
    let request = proto::ListStockItemsRequest {
        parent: (&world.shop).into(),
        ..proto::ListStockItemsRequest::default()
    };
    let items: Vec<proto::StockItem> =
        world.client.stock_item_pages(request).by_item().try_collect().await.unwrap();
    for item in items {
        let request = proto::ListStockMovementsRequest {
            parent: item.name.clone(),
            page_size: 1_000,
            ..proto::ListStockMovementsRequest::default()
        };
        let movements: Vec<proto::StockMovement> =
            world.client.stock_movement_pages(request).by_item().try_collect().await.unwrap();
        let sum: i64 = movements.iter().map(|movement| movement.quantity).sum();
        assert_eq!(sum, item.on_hand_quantity, "{} is not the sum of its movements", item.sku);
    }
}
