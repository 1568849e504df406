//! `orderctl` with stock, deliveries, what was taken back, and orders as they were.

use order_sdk::proto::CaptureMode;

use crate::harness::{World, eventually};

trials! {
    shared: [
        stock_is_tracked_counted_and_moved,
        a_delivery_is_recorded_and_taken_back,
        a_change_that_waits_is_taken_back,
        an_order_is_shown_as_it_was,
        a_wait_that_was_asked_for_and_was_in_vain_is_told,
    ];
}

fn json(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn stock_is_tracked_counted_and_moved(world: World) {
    let dry = world.printed(&["stock", "create", "TENT-3", "25", "--dry-run"]).await;
    assert!(dry.contains("TENT-3"), "{dry}");
    assert_eq!(world.printed(&["stock", "list", "-o", "json"]).await, "", "only asked");
    world.printed(&["stock", "create", "TENT-3", "25"]).await;
    world.printed(&["stock", "create", "BOWL", "-1"]).await;
    let again = world.ctl(&["stock", "create", "TENT-3", "1"]).await;
    assert!(again.code == 3 && again.told.contains("STOCK_ITEM_EXISTS"), "{again:?}");
    let adjusted = world.printed(&["stock", "adjust", "TENT-3", "-2"]).await;
    assert!(adjusted.contains("TENT-3") && adjusted.contains("23"), "{adjusted}");
    world.place(world.draft(0).goods("TENT-3", "Telt", 3, 0, 2_500)).await;
    let shown = world.printed(&["stock", "get", "TENT-3"]).await;
    assert!(shown.contains("TENT-3") && shown.contains("20"), "{shown}");
    let listed = world.printed(&["stock", "list"]).await;
    let [heading, bowl, tent] = listed.lines().collect::<Vec<_>>()[..] else { panic!("{listed}") };
    assert!(heading.starts_with("SKU") && bowl.contains("-1") && tent.contains("20"), "{listed}");
    let moved = json(&world.printed(&["stock", "movements", "TENT-3", "-o", "json"]).await);
    let quantities: Vec<&str> = moved.iter().map(|one| one["quantity"].as_str().unwrap()).collect();
    assert_eq!(quantities, ["-3", "-2", "25"], "newest first");
    let table = world.printed(&["stock", "movements", "TENT-3"]).await;
    assert!(table.contains("PLACED") && table.contains("1001"), "{table}");
    assert_eq!(world.ctl(&["stock", "get", "NOTHING"]).await.code, 4);
    assert_eq!(world.ctl(&["stock", "adjust", "TENT-3", "0"]).await.code, 3);
}

async fn a_delivery_is_recorded_and_taken_back(world: World) {
    let draft = world.draft(0).with(|order| order.lines.clear());
    let draft = draft.goods("", "Kopp", 2, 450, 2_500);
    world.place(draft.payment("klarna", world.reference(""), 900)).await;
    let told = world.printed(&["orders", "deliver", "1001", "--line", "1=1"]).await;
    assert!(told.contains("delivery PARTIALLY_DELIVERED"), "{told}");
    let cancel = ["orders", "cancel-delivery", "1001", "1"];
    let dry = world.printed(&[&cancel[..], &["--dry-run"]].concat()).await;
    assert!(dry.contains("dry run"), "{dry}");
    let told = world.printed(&cancel).await;
    assert!(told.contains("delivery NOT_DELIVERED"), "{told}");
    let history = world.printed(&["orders", "history", "1001"]).await;
    assert!(history.contains("DELIVERY_CANCELLED"), "{history}");
    let again = world.ctl(&["orders", "cancel-delivery", "1001", "7"]).await;
    assert!(again.code == 4 && again.told.contains("DELIVERY_NOT_FOUND"), "{again:?}");
}

async fn a_change_that_waits_is_taken_back(world: World) {
    let bought = world.buy(900, "capture=unavailable").await;
    let pending = world.ctl(&["orders", "status", "1001", "sent", "--wait", "0s"]).await;
    assert_eq!(pending.code, 8, "taken, and not done: {pending:?}");
    let told = eventually("withdrawn between two attempts", async || {
        let ran = world.ctl(&["orders", "withdraw", "1001"]).await;
        assert!(ran.code == 0 || ran.told.contains("EFFECT_ALREADY_SENT"), "{ran:?}");
        (ran.code == 0).then_some(ran.out)
    })
    .await;
    assert!(told.contains("1001  not-processed"), "{told}");
    assert!(world.get(&bought.name).await.pending_status_change.is_none());
    assert!(world.book().done(&bought.reference, "capture").is_empty());
}

async fn an_order_is_shown_as_it_was(world: World) {
    let bought = world.buy(900, "").await;
    let before = world.get(&bought.name).await.revision.to_string();
    world.complete(&bought.name).await.unwrap();
    let then = ["orders", "get", "1001", "--as-of", &before, "-o", "json"];
    let then = json(&world.printed(&then).await).remove(0);
    let now = json(&world.printed(&["orders", "get", "1001", "-o", "json"]).await).remove(0);
    let state = |order: &serde_json::Value| order["paymentState"].as_str().unwrap().to_owned();
    assert_eq!(state(&then), "PAYMENT_STATE_AUTHORIZED");
    assert_eq!(state(&now), "PAYMENT_STATE_CAPTURED");
    let text = world.printed(&["orders", "get", "1001", "--as-of", &before]).await;
    assert!(text.contains("AUTHORIZED") && !text.contains("CAPTURED"), "{text}");
    let ahead = world.ctl(&["orders", "get", "1001", "--as-of", "999999"]).await;
    assert!(ahead.code != 0 && ahead.told.contains("REVISION_NOT_FOUND"), "{ahead:?}");
}

async fn a_wait_that_was_asked_for_and_was_in_vain_is_told(world: World) {
    let sale = world.sell("refund=later:60m").await.order.number.to_string();
    let credit = ["orders", "credit", &sale, "--line", "2=1", "--refund", "yes"];
    world
        .set("settings.capture_mode", |settings| {
            settings.set_capture_mode(CaptureMode::PerDelivery);
        })
        .await;
    for (wait, code) in [(&["--wait", "1s"][..], 8), (&["--wait", "0s"], 0), (&[], 0)] {
        let told = world.ctl(&[&credit[..], wait].concat()).await;
        assert_eq!(told.code, code, "{told:?}");
        let is_told = told.told.contains("stands, and is not paid back yet; look again with");
        assert_eq!(is_told, code == 8, "{told:?}");

        let bought = world.buy(900, "capture=later:60m").await.order.number.to_string();
        let told = world.ctl(&[&["orders", "deliver", &bought][..], wait].concat()).await;
        assert_eq!(told.code, code, "{told:?}");
        let wanted = format!(
            "{bought}: delivered, and its money is not captured yet; look again with: \
             orderctl orders get {bought}"
        );
        assert_eq!(told.told.contains(&wanted), code == 8, "{told:?}");
    }
}
