//! What is only seen in a store that was damaged, restored, or written by a version to come.

use order_rules::refusals::Code;
use order_sdk::{Cursor, Start};

use crate::harness::listener::Listener;
use crate::harness::{Backend, Server, World, refused, status_id};

trials! {
    damaged: [
        a_cursor_of_another_log_asks_for_a_snapshot,
        a_cursor_of_commits_that_were_lost_asks_for_a_snapshot,
        a_cursor_older_than_the_log_is_told_the_oldest,
        a_credit_order_is_final,
        a_partly_delivered_order_is_not_cancelled,
        a_delivered_unit_is_not_edited_away,
        a_defect_ends_one_call_and_tells_nothing,
        a_newer_schema_is_refused,
    ];
}

impl World {
    /// Damages the tables of a server that is down meanwhile.
    async fn damage(&self, statements: &str) {
        assert_eq!(self.server.stop().await, 0);
        self.server.store.damage(statements).await;
        self.server.start().await;
    }

    async fn resumed(&self, cursor: &Cursor) -> Result<Listener, order_sdk::Error> {
        Listener::of(self.client.watch(&self.shop).from(Start::Cursor(cursor.clone()))).await
    }

    async fn cursor_at_head(&self) -> Cursor {
        let head = self.revision().await;
        let mut listener = Listener::open(self, Start::Oldest).await;
        listener.until(head).await;
        listener.heard.cursor.clone().unwrap()
    }
}

/// Part of a statement that names the shop.
fn of_shop(world: &World) -> String {
    format!("shop_id = (SELECT shop_id FROM shops WHERE slug = '{}')", world.shop.id())
}

async fn a_cursor_of_another_log_asks_for_a_snapshot(backend: Backend) {
    let default = order_sdk::ShopName::new("default").unwrap();
    let mut cursors = Vec::new();
    for _ in 0..2 {
        let server = Server::fresh(backend, &[]).await;
        let world = World { client: server.client(), server, shop: default.clone() };
        world.place(world.draft(0)).await;
        let cursor = world.cursor_at_head().await;
        assert!(world.resumed(&cursor).await.is_ok());
        if let Some(other) = cursors.first() {
            refused(world.resumed(other).await, Code::CursorAhead);
        }
        cursors.push(cursor);
    }
}

async fn a_cursor_of_commits_that_were_lost_asks_for_a_snapshot(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let kept = world.cursor_at_head().await;
    let head = world.revision().await;
    world.stock("CUP", 1).await;
    let lost = world.cursor_at_head().await;
    let shop = of_shop(&world);
    world
        .damage(&format!(
            "DELETE FROM events WHERE revision > {head} AND {shop};
             DELETE FROM stock_movements WHERE {shop};
             DELETE FROM stock_items WHERE {shop};
             UPDATE shop_heads SET revision = {head} WHERE {shop};"
        ))
        .await;
    refused(world.resumed(&lost).await, Code::CursorAhead);
    assert!(world.resumed(&kept).await.is_ok(), "what both logs have is still a place");
    // The same revision again, with another deed.
    world.stock("BOWL", 1).await;
    let refusal = refused(world.resumed(&lost).await, Code::CursorAhead);
    assert_eq!(refusal.grpc_code, order_sdk::Code::OutOfRange);
}

async fn a_cursor_older_than_the_log_is_told_the_oldest(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let old = world.cursor_at_head().await;
    for sku in ["a", "b", "c"] {
        world.stock(sku, 1).await;
    }
    let head = world.revision().await;
    let shop = of_shop(&world);
    world.damage(&format!("DELETE FROM events WHERE revision < {head} AND {shop};")).await;
    let refusal = refused(world.resumed(&old).await, Code::CursorExpired);
    assert_eq!(refusal.number("oldest_revision"), Some(head));
    let mut listener = Listener::open(&world, Start::Oldest).await;
    assert_eq!(listener.until(head).await.revisions(), [head]);
}

async fn a_credit_order_is_final(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let order = world.place(world.draft(0)).await;
    let name = order.name.parse().unwrap();
    let becomes_credit = "kind = 2, original_number = 1, credit_number = 1";
    world.damage(&format!("UPDATE orders SET {becomes_credit} WHERE {};", of_shop(&world))).await;
    refused(world.cancel(&name, false).await, Code::CreditOrderFinal);
    let done = world.change(&name, "sent").send().await.unwrap().order.unwrap();
    assert_eq!(status_id(&done), "sent", "COMPLETED on it moves no money (4.5)");
}

async fn a_partly_delivered_order_is_not_cancelled(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let bought = world.buy(900, "").await;
    world
        .damage(&format!(
            "UPDATE order_lines SET quantity = 2, placed_quantity = 2, delivered = 1
             WHERE order_key IN (SELECT order_key FROM orders WHERE {});",
            of_shop(&world)
        ))
        .await;
    refused(world.cancel(&bought.name, false).await, Code::PartlyDelivered);
}

async fn a_delivered_unit_is_not_edited_away(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let draft = world.draft(0).with(|order| order.lines.clear()).goods("", "Kopp", 3, 300, 2_500);
    let draft = draft.payment("klarna", world.reference(""), 900);
    let name = world.place(draft).await.name.parse().unwrap();
    world.damage("UPDATE order_lines SET delivered = 2;").await;
    let edit = || world.client.edit(&name);
    let refusal = refused(edit().quantity(1, 1).send().await, Code::LineFixed);
    assert_eq!(refusal.number("fixed_quantity"), Some(2));
    refused(edit().unit_price(1, 200).send().await, Code::LineFixed);
    let order = edit().quantity(1, 2).send().await.unwrap().order.unwrap();
    assert_eq!(
        order.delivery_state(),
        order_sdk::proto::DeliveryState::Delivered,
        "the rest is gone"
    );
}

async fn a_defect_ends_one_call_and_tells_nothing(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let (bought, other) = (world.buy(900, "").await, world.buy(900, "").await);
    let number = bought.order.number;
    world
        .damage(&format!(
            "UPDATE orders SET currency = 'damaged' WHERE number = {number} AND {};",
            of_shop(&world)
        ))
        .await;
    let refusal = refused(world.change(&bought.name, "processing").send().await, Code::Internal);
    let told = format!("{refusal:?}");
    for secret in ["damaged", "currency", "SELECT", "panicked", ".rs", "NOK"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    let incident = &refusal.metadata["incident"];
    assert!(world.server.log().contains(incident.as_str()), "the log has the rest");
    // Everybody else's day goes on, in the same shop too.
    world.complete(&other.name).await.unwrap();
    world.buy(900, "").await;
}

async fn a_newer_schema_is_refused(backend: Backend) {
    let world = World::own(backend, &[]).await;
    assert_eq!(world.server.stop().await, 0);
    let before = world.server.log();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99999999999999');";
    world.server.store.damage(newer).await;
    world.server.launch();
    assert_eq!(world.server.gone().await, 1);
    let log = world.server.log();
    let said = log.strip_prefix(&before).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "one clear line: {said}");
    let line = lines[0];
    assert!(line.starts_with("order-server: ") && line.contains("newer"), "{line}");
    assert!(line.contains("99999999999999"), "{line}");
}
