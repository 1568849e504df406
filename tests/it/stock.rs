//! Stock: items, adjustments and movements; a sku without an item is not tracked.

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, MovementReason};

use crate::harness::{World, problems, refused, wrong_fields};

trials! {
    shared: [
        a_balance_is_the_sum_of_its_movements,
        items_are_listed_by_sku_page_by_page,
        a_sku_is_tracked_once_and_named_in_one_way,
        wrong_quantities_are_refused,
        rule_2_5_goods_that_have_left_are_missing_no_more,
    ];
}

impl World {
    async fn adjust(
        &self,
        sku: &str,
        delta_quantity: i64,
    ) -> Result<proto::AdjustStockResponse, order_sdk::Error> {
        let request = proto::AdjustStockRequest {
            name: self.shop.stock_item(sku).unwrap().into(),
            delta_quantity,
            ..proto::AdjustStockRequest::default()
        };
        self.client.adjust_stock(request).await
    }
}

async fn a_balance_is_the_sum_of_its_movements(world: World) {
    world.stock("CUP", 10).await;
    let item = world.adjust("CUP", -4).await.unwrap().stock_item.unwrap();
    assert_eq!((item.sku.as_str(), item.on_hand_quantity), ("CUP", 6));
    let draft = world.draft(0).goods("CUP", "Kopp", 2, 0, 2_500);
    let order = world.place(draft).await;
    let request = proto::ListStockMovementsRequest {
        parent: item.name.clone(),
        page_size: 2,
        ..proto::ListStockMovementsRequest::default()
    };
    let movements: Vec<proto::StockMovement> =
        world.client.stock_movement_pages(request).by_item().try_collect().await.unwrap();
    let told: Vec<_> = movements
        .iter()
        .map(|one| (one.quantity, one.reason(), one.order.as_str(), one.line_id))
        .collect();
    assert_eq!(
        told,
        [
            (-2, MovementReason::Placed, order.name.as_str(), 2),
            (-4, MovementReason::Adjusted, "", 0),
            (10, MovementReason::Adjusted, "", 0),
        ]
    );
    assert!(movements.is_sorted_by(|newer, older| newer.revision > older.revision));
    assert_eq!(world.on_hand("CUP").await, 4);
    assert_eq!(world.adjust("CUP", -9).await.unwrap().stock_item.unwrap().on_hand_quantity, -5);
}

async fn items_are_listed_by_sku_page_by_page(world: World) {
    for sku in ["b", "a 1", "Å/ø", "c", "a"] {
        world.stock(sku, 1).await;
    }
    let request = |page_size, page_token: &str| proto::ListStockItemsRequest {
        parent: (&world.shop).into(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let items: Vec<proto::StockItem> =
        world.client.stock_item_pages(request(2, "")).by_item().try_collect().await.unwrap();
    let skus: Vec<&str> = items.iter().map(|item| item.sku.as_str()).collect();
    assert_eq!(skus, ["a", "a 1", "b", "c", "Å/ø"], "by sku, byte by byte");
    assert_eq!(items[4].name, format!("{}/stockItems/%C3%85%2F%C3%B8", world.shop));
    assert_eq!(world.on_hand("Å/ø").await, 1);
    refused(world.client.list_stock_items(request(2, "zz")).await, Code::PageTokenInvalid);
    assert_eq!(wrong_fields(world.client.list_stock_items(request(-1, "")).await), ["page_size"]);
}

async fn a_sku_is_tracked_once_and_named_in_one_way(world: World) {
    world.stock("CUP", 1).await;
    let before = world.revision().await;
    let again = proto::CreateStockItemRequest {
        parent: (&world.shop).into(),
        sku: "CUP".to_owned(),
        ..proto::CreateStockItemRequest::default()
    };
    refused(world.client.create_stock_item(again).await, Code::StockItemExists);
    refused(world.adjust("BOWL", 1).await, Code::StockItemNotFound);
    let missing = world.shop.stock_item("BOWL").unwrap();
    let request = proto::GetStockItemRequest { name: (&missing).into() };
    refused(world.client.get_stock_item(request).await, Code::StockItemNotFound);
    let request = proto::ListStockMovementsRequest {
        parent: missing.into(),
        ..proto::ListStockMovementsRequest::default()
    };
    refused(world.client.list_stock_movements(request).await, Code::StockItemNotFound);
    for name in ["", "stockItems/CUP", &format!("{}/stockItems/%4", world.shop)] {
        let request = proto::GetStockItemRequest { name: name.to_owned() };
        assert_eq!(wrong_fields(world.client.get_stock_item(request).await), ["name"], "{name}");
    }
    assert_eq!(world.revision().await, before);
}

async fn wrong_quantities_are_refused(world: World) {
    world.stock("CUP", 1).await;
    let before = world.revision().await;
    for delta in [0, 1_000_000_001, -1_000_000_001, i64::MIN, i64::MAX] {
        assert_eq!(wrong_fields(world.adjust("CUP", delta).await), ["delta_quantity"], "{delta}");
    }
    let request = proto::CreateStockItemRequest {
        parent: "shops/".to_owned(),
        sku: "a\u{0}b".to_owned(),
        on_hand_quantity: i64::MAX,
        ..proto::CreateStockItemRequest::default()
    };
    let outcome = world.client.create_stock_item(request).await;
    assert_eq!(wrong_fields(outcome), ["parent", "sku", "on_hand_quantity"]);
    assert_eq!(world.revision().await, before);
}

async fn rule_2_5_goods_that_have_left_are_missing_no_more(world: World) {
    world.stock("CUP", 1).await;
    let buy = async || {
        let reference = world.reference("");
        let draft = world.draft(0).goods("CUP", "Kopp", 2, 500, 2_500);
        let order = world.place(draft.payment("klarna", reference, 1_000)).await;
        assert_eq!(problems(&order), ["OVERSOLD"]);
        order.name.parse::<OrderName>().unwrap()
    };
    let sent = buy().await;
    let order = world.complete(&sent).await.unwrap().order.unwrap();
    assert!(problems(&order).is_empty(), "{order:?}");
    assert_eq!(world.on_hand("CUP").await, -1);

    // The problem of a twin is none any more once there are goods for it, and it can go.
    let twin = buy().await;
    world.cancel(&twin, true).await.unwrap();
    let paid = world.reference("");
    let draft =
        || world.draft(0).goods("CUP", "Kopp", 2, 500, 2_500).payment("klarna", &paid, 1_000);
    world.place(draft()).await;
    let twin: OrderName = world.place(draft()).await.name.parse().unwrap();
    let delete = || proto::DeleteOrderRequest {
        name: (&twin).into(),
        restock: proto::Restock::Yes.into(),
        ..proto::DeleteOrderRequest::default()
    };
    refused(world.client.delete_order(delete()).await, Code::ProblemOpen);
    world.adjust("CUP", 20).await.unwrap();
    let order = world.client.delete_order(delete()).await.unwrap().order.unwrap();
    assert!(problems(&order).is_empty());
}
