//! `orderctl` where something is told line by line, for somebody, or where it cannot go on.

use crate::harness::World;

trials! {
    shared: [units_go_back_on_stock_line_by_line];
}

async fn units_go_back_on_stock_line_by_line(world: World) {
    for sku in ["CUP", "BOWL", "JUG"] {
        world.stock(sku, 5).await;
    }
    let goods = |draft: order_sdk::OrderDraft, sku: &str| draft.goods(sku, sku, 2, 450, 2_500);
    let draft = world.draft(0).with(|order| order.lines.clear());
    let draft = ["CUP", "BOWL", "JUG"].into_iter().fold(draft, goods);
    world.place(draft.payment("klarna", world.reference(""), 2_700)).await;
    world.printed(&["orders", "status", "1001", "Sendt"]).await;
    let credit = ["orders", "credit", "1001", "--refund", "no"];
    let with = |rest: &[&'static str]| [&credit[..], rest].concat();
    for wrong in [
        &["--line", "1=1", "--restock", "2=yes"][..],
        &["--all", "--restock", "yes", "--restock", "no"],
        &["--all", "--restock", "1=yes", "--restock", "1=yes"],
        &["--all", "--restock", "1=perhaps"],
    ] {
        let told = world.ctl(&with(wrong)).await;
        assert!(told.code == 2 && told.told.contains("--restock"), "{wrong:?}: {told:?}");
    }
    let one = ["--line", "1=1", "--line", "2=1", "--line", "3=1", "--restock", "2=yes"];
    world.printed(&with(&one)).await;
    world.printed(&with(&["--all", "--restock", "yes", "--restock", "3=no"])).await;
    let mut left = Vec::new();
    for sku in ["CUP", "BOWL", "JUG"] {
        left.push(world.on_hand(sku).await);
    }
    assert_eq!(left, [4, 5, 3]);
}
