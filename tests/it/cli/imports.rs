//! `orderctl` with orders from files: a day of them, lines that fail, and one from standard input.

use order_tests::{orders, to_json};

use super::ran;
use crate::harness::{Backend, World, binaries, status_id};
use crate::many::is_private;

trials! {
    shared: [
        a_day_is_imported_and_importing_it_again_changes_nothing,
        lines_that_fail_are_told_and_kept_and_the_others_placed,
        one_order_is_placed_from_standard_input,
        placing_waits_for_the_provider_unless_told_not_to,
    ];
    own: [the_shipped_sample_is_imported_whole];
}

/// A file of generated orders, in the folder of the server.
fn day(world: &World, name: &str, count: usize, seed: u64) -> String {
    let lines: Vec<String> =
        orders(seed).take(count).map(|order| to_json(&order).unwrap()).collect();
    let path = world.server.store.folder.file(&format!("{}-{name}", world.shop.id()));
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    path.display().to_string()
}

async fn a_day_is_imported_and_importing_it_again_changes_nothing(world: World) {
    let file = day(&world, "day.jsonl", 120, 7);
    let first = world.ctl(&["import", &file, "--output", "json"]).await;
    assert_eq!(first.code, 0, "{first:?}");
    let summary: serde_json::Value = serde_json::from_str(first.out.trim()).unwrap();
    assert_eq!(summary["placed"], 120, "{first:?}");
    for order in world.client.orders(&world.shop).page_size(1_000).page().await.unwrap().items {
        world.settled(&order.name.parse().unwrap()).await;
    }
    let head = world.revision().await;
    let again = world.ctl(&["import", &file, "--output", "json"]).await;
    assert_eq!(again.code, 0);
    let summary: serde_json::Value = serde_json::from_str(again.out.trim()).unwrap();
    assert_eq!((&summary["placed"], &summary["alreadyThere"]), (&0.into(), &120.into()));
    assert_eq!(world.revision().await, head, "safely repeatable");
    assert_eq!(world.numbers(&[]).await.len(), 120);
}

async fn lines_that_fail_are_told_and_kept_and_the_others_placed(world: World) {
    let file = day(&world, "mixed.jsonl", 3, 8);
    let mut lines: Vec<String> =
        std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    lines.insert(1, "not json".to_owned());
    lines.insert(2, r#"{"currencyCode":"NOK","lines":[]}"#.to_owned());
    std::fs::write(&file, lines.join("\n")).unwrap();
    let ran = world.ctl(&["import", &file]).await;
    assert_eq!(ran.code, 6, "a part failed: {ran:?}");
    assert!(ran.out.contains("3 placed") && ran.told.contains("INVALID_REQUEST"), "{ran:?}");
    let failed = std::fs::read_to_string(format!("{file}.failed.jsonl")).unwrap();
    assert_eq!(failed.lines().count(), 2, "{failed}");
    let reasons = std::fs::read_to_string(format!("{file}.failed.reasons.jsonl")).unwrap();
    assert!(reasons.contains("order.lines"), "{reasons}");
    for path in [format!("{file}.failed.jsonl"), format!("{file}.failed.reasons.jsonl")] {
        assert!(is_private(&path), "{path} holds customers' data");
    }
    for (line, reason) in failed.lines().zip(reasons.lines()) {
        let reason: serde_json::Value = serde_json::from_str(reason).unwrap();
        let number = usize::try_from(reason["line"].as_u64().unwrap()).unwrap();
        assert_eq!(line, lines[number - 1], "as it was, and where: {reason}");
    }

    // Mending and importing again is one step.
    let mended = day(&world, "mended.jsonl", 1, 9);
    let mended = std::fs::read_to_string(mended).unwrap();
    let path = format!("{file}.failed.jsonl");
    std::fs::write(&path, failed.replace("not json", mended.trim())).unwrap();
    let over = world.ctl(&["import", &path, "--failed", &path]).await;
    assert!(over.code == 2 && over.told.contains("another file"), "{over:?}");
    let again = world.ctl(&["import", &path]).await;
    assert_eq!(again.code, 6, "one is not mended: {again:?}");
    assert!(again.out.contains("1 placed, 0 already there, 1 refused"), "{again:?}");
    let folder = std::path::Path::new(&file).parent().unwrap().display().to_string();
    let folder = world.ctl(&["import", &folder]).await;
    assert_eq!(folder.code, 2, "as a file that is missing: {folder:?}");
    assert!(folder.told.contains("is a directory"), "{folder:?}");
}

async fn one_order_is_placed_from_standard_input(world: World) {
    let order = r#"{"currencyCode":"NOK","customer":{"fullName":"Kari","email":"kari@gmail.cm"},
        "lines":[{"title":"Telt","quantity":"1","unitPriceMinor":"9900","vatRateBp":2500}],
        "payments":[{"provider":"manual","amountMinor":"9900"}]}"#;
    let placed = ran(world.command(&["orders", "create", "-", "-o", "json"]), Some(order)).await;
    assert_eq!(placed.code, 0, "{placed:?}");
    let answer: serde_json::Value = serde_json::from_str(&placed.out).unwrap();
    assert_eq!(answer["order"]["number"], "1001");
    assert_eq!(answer["order"]["emailSuggestion"], "kari@gmail.com");
    let wrong = ran(world.command(&["orders", "create", "-"]), Some("{\"x\": 1}")).await;
    assert!(wrong.code != 0 && !wrong.told.is_empty(), "{wrong:?}");
    assert_eq!(status_id(&world.get(&world.shop.order(1001).unwrap()).await), "not-processed");
}

async fn placing_waits_for_the_provider_unless_told_not_to(world: World) {
    let place = async |behaviour: &str, rest: &[&str]| {
        let order = format!(
            r#"{{"currencyCode":"NOK","customer":{{"fullName":"Kari","email":"kari@example.com"}},
            "lines":[{{"title":"Telt","quantity":"1","unitPriceMinor":"9900","vatRateBp":2500}}],
            "payments":[{{"provider":"klarna","reference":"{}","amountMinor":"9900"}}]}}"#,
            world.reference(behaviour)
        );
        let arguments = [&["orders", "create", "-"], rest].concat();
        ran(world.command(&arguments), Some(&order)).await
    };
    let placed = place("", &[]).await;
    assert_eq!(placed.code, 0, "{placed:?}");
    assert!(placed.out.contains("1001  not-processed  payment AUTHORIZED"), "{placed:?}");
    let at_once = place("authorize=slow:3m", &["--wait", "0s"]).await;
    assert_eq!(at_once.code, 0, "{at_once:?}");
    assert!(at_once.out.contains("1002  not-processed  payment PENDING"), "{at_once:?}");
    let declined = place("authorize=decline", &[]).await;
    assert_eq!(declined.code, 3, "{declined:?}");
    assert!(declined.out.contains("1003  not-processed"), "it is placed: {declined:?}");
    for told in ["order 1003 is placed", "AUTHORIZATION_DECLINED", "orders attach-payment 1003"] {
        assert!(declined.told.contains(told), "{told}: {declined:?}");
    }
    let late = place("authorize=later:60m", &["--wait", "1s"]).await;
    assert_eq!(late.code, 8, "{late:?}");
    assert!(late.out.contains("1004  not-processed  payment PENDING"), "{late:?}");
    for told in ["1004: placed", "is not confirmed yet", "orderctl orders get 1004"] {
        assert!(late.told.contains(told), "{told}: {late:?}");
    }
    let small = place("authorize=amount:9000", &[]).await;
    assert_eq!(small.code, 0, "what is there is held: {small:?}");
    assert!(small.told.contains("PAYMENT_INSUFFICIENT"), "{small:?}");
    let asked = place("authorize=decline", &["--dry-run"]).await;
    assert_eq!(asked.code, 0, "{asked:?}");
}

async fn the_shipped_sample_is_imported_whole(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let file = binaries::workspace().join("tests/samples/day.jsonl").display().to_string();
    let failed = world.server.store.folder.file("failed.jsonl").display().to_string();
    let imported = world.ctl(&["import", &file, "--failed", &failed]).await;
    assert_eq!(imported.code, 0, "{imported:?}");
    assert!(imported.out.contains("1000 placed"), "{imported:?}");
    assert_eq!(world.numbers(&["--order-by", "number"]).await, (1001..2001).collect::<Vec<_>>());
    assert!(!world.numbers(&["--duplicates"]).await.is_empty(), "some came twice");
}
