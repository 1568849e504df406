//! The exactness audit: nothing to find in a healthy shop, and every damage by its name.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::verify_shop_response::Message;
use order_sdk::proto::{self, VerifySummary};

use crate::harness::{Backend, World, refused, wrong_fields};

trials! {
    shared: [
        a_healthy_shop_has_nothing_to_find,
        a_shop_that_is_not_there_cannot_be_audited,
    ];
    own: [every_damage_is_named];
}

impl World {
    /// (invariant, number of the order or 0) of every breach, and the summary.
    pub(crate) async fn breaches(&self) -> (BTreeSet<(String, i64)>, VerifySummary) {
        let request = proto::VerifyShopRequest { parent: (&self.shop).into() };
        let messages = self.client.verify_shop(request).await.unwrap();
        let messages: Vec<_> = messages.try_collect().await.unwrap();
        let mut breaches = BTreeSet::new();
        let mut summary = None;
        for message in messages {
            assert!(summary.is_none(), "the summary is the last");
            match message.message.unwrap() {
                Message::Progress(progress) => assert!(progress.events <= progress.events_total),
                Message::Breach(breach) => {
                    assert!(!breach.description.is_empty());
                    let number = breach.order.rsplit('/').next().unwrap().parse();
                    breaches.insert((breach.invariant, number.unwrap_or_default()));
                }
                Message::Summary(told) => summary = Some(told),
            }
        }
        (breaches, summary.unwrap())
    }
}

async fn a_healthy_shop_has_nothing_to_find(world: World) {
    world.stock("CUP", 10).await;
    let draft = world.draft(0).with(|order| order.lines.clear());
    world.place(draft.goods("CUP", "Kopp", 2, 500, 2_500).payment("manual", "", 1_000)).await;
    let (first, second) = (world.buy(900, "").await, world.buy(700, "capture=decline").await);
    world.complete(&first.name).await.unwrap();
    world.complete(&second.name).await.unwrap();
    let third = world.buy(500, "").await;
    world.cancel(&third.name, true).await.unwrap();
    let (breaches, summary) = world.breaches().await;
    assert_eq!(breaches, BTreeSet::new());
    assert_eq!((summary.orders, summary.payments, summary.stock_items), (4, 4, 1));
    assert_eq!(summary.revision, world.revision().await);
    assert_eq!(summary.events, summary.revision);
}

async fn a_shop_that_is_not_there_cannot_be_audited(world: World) {
    let ask = async |parent: &str| {
        let request = proto::VerifyShopRequest { parent: parent.to_owned() };
        world.client.verify_shop(request).await.map(drop)
    };
    refused(ask("shops/nowhere").await, Code::ShopNotFound);
    assert_eq!(wrong_fields(ask("nowhere").await), ["parent"]);
}

/// What is done to the tables, to which order (0: the shop), and how the audit names it.
const DAMAGES: [(i64, &str, &str); 12] = [
    (
        1001,
        "order-total",
        "UPDATE orders SET gross_minor = gross_minor + 1, net_minor = net_minor + 1 WHERE ORDER",
    ),
    (
        1002,
        "line-amounts",
        "UPDATE order_lines SET unit_price_minor = unit_price_minor + 1 WHERE ORDER",
    ),
    (1003, "derived-states", "UPDATE orders SET payment_state = 9 WHERE ORDER"),
    (
        1004,
        "payment-sums",
        "UPDATE payments SET captured_minor = 1 WHERE payment_key IN (SELECT payment_key FROM order_payments WHERE ORDER)",
    ),
    (1005, "document", "UPDATE events SET document = NULL WHERE order_number = 1005 AND SHOP"),
    (1006, "personal-versions", "UPDATE orders SET personal_version = 2 WHERE ORDER"),
    (1006, "expiries", "DELETE FROM order_expiries WHERE ORDER"),
    (1007, "line-stock", "UPDATE order_lines SET stock_taken = stock_taken + 1 WHERE ORDER"),
    (1008, "completed-is-captured", "UPDATE orders SET status_id = 3 WHERE ORDER"),
    (1009, "effects", "DELETE FROM effects WHERE ORDER"),
    (
        0,
        "order-series",
        "UPDATE shop_heads SET next_order_number = next_order_number + 5 WHERE SHOP",
    ),
    (0, "event-chain", "UPDATE events SET created_at = 1 WHERE revision = 5 AND SHOP"),
];

async fn every_damage_is_named(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.stock("CUP", 50).await;
    for number in 1001..=1009 {
        let trouble = if number == 1009 { "authorize=unavailable" } else { "" };
        let reference = world.reference(trouble);
        let draft = world.draft(0).with(|order| order.lines.clear());
        let draft = draft.goods("CUP", "Kopp", 2, 500, 2_500);
        let placed = draft.payment("klarna", &reference, 1_000).send().await.unwrap();
        assert_eq!(placed.order.unwrap().number, number);
    }
    for number in 1001..=1008 {
        world.settled(&world.shop.order(number).unwrap()).await;
    }
    assert_eq!(world.breaches().await.0, BTreeSet::new());

    assert_eq!(world.server.stop().await, 0);
    let shop = format!("(SELECT shop_id FROM shops WHERE slug = '{}')", world.shop.id());
    let mut wanted = BTreeSet::from([("stock-balance".to_owned(), 0)]);
    let items = format!("UPDATE stock_items SET on_hand = on_hand + 1 WHERE shop_id = {shop}");
    world.server.store.damage(&items).await;
    for (number, invariant, statement) in DAMAGES {
        let keys = format!(
            "(SELECT o.order_key FROM orders o WHERE o.number = {number} AND o.shop_id = {shop})"
        );
        let statement = statement
            .replace("ORDER", &format!("order_key IN {keys}"))
            .replace("SHOP", &format!("shop_id = {shop}"));
        world.server.store.damage(&statement).await;
        wanted.insert((invariant.to_owned(), number));
    }
    world.server.start().await;
    let (breaches, summary) = world.breaches().await;
    let missed: Vec<_> = wanted.difference(&breaches).collect();
    assert!(missed.is_empty(), "not seen: {missed:?} in {breaches:?}");
    assert!(summary.breaches >= i64::try_from(wanted.len()).unwrap());
    // Damage shows where it was done.
    let untouched = breaches.iter().all(|(_, number)| *number == 0 || *number >= 1001);
    assert!(untouched, "{breaches:?}");
}
