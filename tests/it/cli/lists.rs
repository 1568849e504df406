//! `orderctl` with lists: each condition and its opposite, and exports of more than one page.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use crate::harness::World;

trials! {
    shared: [
        a_condition_has_its_opposite,
        an_export_of_several_pages_is_what_is_read_order_by_order,
    ];
}

async fn a_condition_has_its_opposite(world: World) {
    let first = world.buy(500, "").await;
    world.place(world.draft(500).payment("klarna", &first.reference, 500)).await;
    let poor = world.buy(600, "capture=decline").await;
    world.complete(&poor.name).await.unwrap();
    let slow = world.buy(700, "capture=later:60m").await;
    world.change(&slow.name, "sent").send().await.unwrap();
    for (is, is_not, wanted, others) in [
        ("--has-problem", "--no-problem", &[1003][..], &[1004, 1002, 1001][..]),
        ("--duplicates", "--no-duplicates", &[1002, 1001], &[1004, 1003]),
        ("--pending", "--not-pending", &[1004], &[1003, 1002, 1001]),
    ] {
        assert_eq!(world.numbers(&[is]).await, wanted, "{is}");
        assert_eq!(world.numbers(&[is_not]).await, others, "{is_not}");
        assert_eq!(world.ctl(&["orders", "list", is, is_not]).await.code, 2, "{is} {is_not}");
    }
    let last = world.get(&slow.name).await.update_time.unwrap().to_string();
    assert_eq!(world.numbers(&["--updated-since", &last]).await, [1004]);
    assert_eq!(world.numbers(&["--updated-until", &last]).await, [1003, 1002, 1001]);
}

async fn an_export_of_several_pages_is_what_is_read_order_by_order(world: World) {
    let count = 501;
    let place = |_| async { world.draft(0).send().await.unwrap() };
    let placed = futures_util::stream::iter(0..count).map(place).buffered(64);
    assert_eq!(placed.count().await, count);
    let to = world.server.store.folder.file(&format!("{}.jsonl", world.shop.id()));
    let to = to.display().to_string();
    world.printed(&["export", "--format", "jsonl", "--to", &to]).await;
    let text = std::fs::read_to_string(&to).unwrap();
    let lines: BTreeMap<i64, &str> = (1001..).zip(text.lines()).collect();
    assert_eq!(lines.len(), count, "each once");
    for (number, line) in &lines {
        let order: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(order["number"], number.to_string(), "by number");
    }
    // Around the end of a page, which is 500 orders, and everywhere else.
    let looked_at: Vec<String> =
        lines.keys().filter(|number| *number % 50 <= 1).map(i64::to_string).collect();
    let mut get = vec!["orders", "get", "--output", "json"];
    get.extend(looked_at.iter().map(String::as_str));
    let read = world.printed(&get).await;
    assert!(read.lines().count() > 20);
    for (number, read) in looked_at.iter().zip(read.lines()) {
        assert_eq!(lines[&number.parse().unwrap()], read, "{number}");
    }
}
