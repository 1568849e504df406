//! `orderctl` where something is told line by line, for somebody, or where it cannot go on.

use std::time::Duration;

use order_sdk::proto::NoteAudience;
use order_tests::fakes::Klarna;
use tokio::net::TcpListener;

use super::{orderctl, ran};
use crate::harness::folder::Folder;
use crate::harness::till::{Deed, Stage, Till};
use crate::harness::{Backend, World, request_id, status_id};
use crate::integrations::world_with_key;
use crate::labels::address;

trials! {
    shared: [
        units_go_back_on_stock_line_by_line,
        a_note_that_rides_with_a_status_is_for_whom_it_says,
        what_is_said_twice_of_a_line_is_refused,
        what_is_left_to_be_done_by_hand_is_told,
        a_file_that_cannot_be_written_is_named,
        a_history_tells_amounts_in_the_currency_of_its_order,
        a_status_that_was_replaced_goes_by_its_old_id_too,
        a_change_of_one_field_is_repeated_by_its_id,
        a_label_is_saved_whatever_became_of_an_earlier_print,
    ];
    own: [
        a_secret_is_set_again_by_the_same_id,
        a_credit_that_was_paid_in_the_portal_is_paid,
    ];
    once: [an_audit_that_hears_nothing_ends];
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

async fn a_note_that_rides_with_a_status_is_for_whom_it_says(world: World) {
    for _ in 0..3 {
        world.place(world.draft(500).payment("manual", "", 500)).await;
    }
    let set = ["orders", "status", "1001", "processing", "--note", "Ring på"];
    world.printed(&[&set[..], &["--for", "warehouse"]].concat()).await;
    let many = ["orders", "status", "1002", "1003", "processing", "--note", "Takk"];
    world.printed(&[&many[..], &["--for", "customer"]].concat()).await;
    for (number, text, audience) in [
        (1001, "Ring på", NoteAudience::Warehouse),
        (1002, "Takk", NoteAudience::Customer),
        (1003, "Takk", NoteAudience::Customer),
    ] {
        let order = world.get(&world.shop.order(number).unwrap()).await;
        let [note] = order.notes.as_slice() else { panic!("{order:?}") };
        assert_eq!((note.text.as_str(), note.audience()), (text, audience));
    }
    let alone = ["orders", "status", "1001", "sent", "--for", "customer"];
    assert_eq!(world.ctl(&alone).await.code, 2, "for whom, without a note");
}

async fn what_is_said_twice_of_a_line_is_refused(world: World) {
    let draft = world.draft(900).shipping("Pakke", 100, 2_500);
    world.place(draft.payment("klarna", world.reference(""), 1_000)).await;
    let edit = ["orders", "edit", "1001"];
    for (twice, told) in [
        (&["--quantity", "1=1", "--quantity", "1=2"][..], "line 1 is given a quantity twice"),
        (&["--quantity", "1=1", "--remove", "1"], "line 1 is given a quantity twice"),
        (&["--price", "1=5", "--price", "2=1", "--price", "1=6"], "line 1 is given a price twice"),
        (&["--shipping", "0", "--price", "2=1"], "line 2 is given a price twice"),
    ] {
        let ran = world.ctl(&[&edit[..], twice].concat()).await;
        assert!(ran.code == 2 && ran.told.contains(told), "{twice:?}: {ran:?}");
    }
    let once = ["--price", "1=5", "--shipping", "0", "--quantity", "1=1"];
    let told = world.printed(&[&edit[..], &once].concat()).await;
    assert!(told.contains("5.00 NOK"), "{told}");
}

async fn what_is_left_to_be_done_by_hand_is_told(world: World) {
    for _ in 0..2 {
        world.place(world.draft(500).payment("manual", "", 500)).await;
    }
    let line = "capture 5.00 NOK on manual, by hand";
    let dry = world.printed(&["orders", "status", "1001", "Sendt", "--dry-run"]).await;
    assert!(dry.contains(&format!("would {line}")), "{dry}");
    let done = world.printed(&["orders", "status", "1001", "Sendt"]).await;
    assert!(done.contains(&format!("{line}: SUCCEEDED")), "{done}");
    let many = ["orders", "status", "1001", "1002", "Sendt", "--dry-run"];
    let dry = world.printed(&many).await;
    assert!(dry.contains("would capture by hand 5.00 NOK (effects: 1)"), "{dry}");
}

async fn a_file_that_cannot_be_written_is_named(world: World) {
    let order = world.place(world.draft(500).payment("manual", "", 500)).await;
    let path = "/nonexistent/orders.csv";
    for line in [
        &["export", "--format", "csv", "--to", path][..],
        &["orders", "status", "1001", "processing", "--failed", path],
    ] {
        let told = world.ctl(line).await;
        assert!(told.code == 1 && told.told.contains(path), "{line:?}: {told:?}");
    }
    let after = world.get(&order.name.parse().unwrap()).await;
    assert_eq!(status_id(&after), "not-processed", "nothing is changed before");
    let from = ["orders", "status", "processing", "--from", path];
    let told = world.ctl(&from).await;
    assert!(told.code == 2 && told.told.contains(path), "{told:?}");
}

async fn a_history_tells_amounts_in_the_currency_of_its_order(world: World) {
    world.buy(90_050, "").await;
    world.printed(&["orders", "edit", "1001", "--price", "1=800.50"]).await;
    world.printed(&["orders", "status", "1001", "Sendt"]).await;
    world.printed(&["orders", "credit", "1001", "--amount", "1=50.25", "--refund", "yes"]).await;
    let history = world.printed(&["orders", "history", "1001"]).await;
    let watch = ["watch", "--from", "oldest", "--until-caught-up"];
    let watched = world.printed(&watch).await;
    for told in [
        "line 1: price 900.50 NOK to 800.50 NOK, total 900.50 NOK to 800.50 NOK",
        "capture of 800.50 NOK",
        "50.25 NOK credited",
    ] {
        assert!(history.contains(told), "{told}: {history}");
        assert!(watched.contains(told), "{told}: {watched}");
    }
    assert!(!history.contains("minor units") && !watched.contains("minor units"), "{history}");
}

async fn a_status_that_was_replaced_goes_by_its_old_id_too(world: World) {
    for (id, name) in [("on-hold", "nb=Vent"), ("parked", "nb=Parkert")] {
        world.printed(&["statuses", "create", id, "--name", name]).await;
    }
    for _ in 0..2 {
        world.place(world.draft(500).payment("manual", "", 500)).await;
    }
    world.printed(&["orders", "status", "1001", "on-hold"]).await;
    world.printed(&["statuses", "delete", "on-hold", "--replacement", "parked"]).await;
    assert_eq!(world.numbers(&["--status", "on-hold"]).await, [1001]);
    let full = String::from(world.status("on-hold"));
    for name in ["on-hold", "On-Hold", full.as_str()] {
        world.printed(&["orders", "status", "1002", "processing"]).await;
        let told = world.printed(&["orders", "status", "1002", name]).await;
        assert!(told.contains("1002  parked"), "{name}: {told}");
    }
    let many = world.printed(&["orders", "status", "1001", "1002", "on-hold"]).await;
    assert!(many.starts_with("2 done"), "{many}");

    // What is changed or deleted is named as it is called now.
    let update = |name| ["statuses", "update", name, "--position", "7"];
    for line in [&update("on-hold")[..], &["statuses", "delete", "on-hold"]] {
        let told = world.ctl(line).await;
        assert!(told.code == 2 && told.told.contains("no status is called"), "{told:?}");
    }
    let told = world.ctl(&update(full.as_str())).await;
    assert!(told.code == 4 && told.told.contains("STATUS_NOT_FOUND"), "{told:?}");
    let told = world.ctl(&["orders", "list", "--status", "never"]).await;
    assert!(told.code == 2 && told.told.contains("no status is called"), "{told:?}");
}

async fn a_change_of_one_field_is_repeated_by_its_id(world: World) {
    world.printed(&["integrations", "create", "giftcard", "--kind", "sandbox"]).await;
    let shop = world.shop.id().to_owned();
    for (line, other) in [
        (&["integrations", "disable", "giftcard"][..], &["integrations", "enable", "giftcard"][..]),
        (
            &["shops", "update", &shop, "--transit-days", "3"],
            &["shops", "update", &shop, "--transit-days", "4"],
        ),
        (
            &["statuses", "update", "processing", "--position", "7"],
            &["statuses", "update", "processing", "--position", "8"],
        ),
    ] {
        let id = request_id();
        let with_id = [line, &["--request-id", &id]].concat();
        world.printed(&with_id).await;
        world.printed(other).await;
        world.printed(&with_id).await;
        let taken = world.ctl(&[other, &["--request-id", &id]].concat()).await;
        assert!(taken.told.contains("REQUEST_ID_REUSED"), "{taken:?}");
    }
    let list = world.printed(&["integrations", "get", "giftcard"]).await;
    assert!(list.contains("ENABLED"), "a repeat changes nothing: {list}");
}

async fn a_label_is_saved_whatever_became_of_an_earlier_print(world: World) {
    let labels = ["--label-integration", "card", "--label-agreement", "1", "--label-product"];
    let parcel = ["parcel", "--label-weight", "1000"];
    let update = ["shops", "update", world.shop.id()];
    world.printed(&[&update[..], &labels, &parcel].concat()).await;
    let draft = world.draft(500).with(|order| order.shipping_address = Some(address()));
    world.place(draft.payment("manual", "", 500)).await;
    world.printed(&["orders", "status", "1001", "Sendt"]).await;
    let label = ["orders", "label", "1001", "--wait", "30s"];
    let declined = world.ctl(&[&label[..], &["--printer", "2"]].concat()).await;
    assert_eq!(declined.code, 3, "{declined:?}");
    assert!(declined.out.contains(" on 2: DECLINED"), "{declined:?}");
    assert!(declined.told.contains("PRINT_DECLINED"), "{declined:?}");
    let folder = Folder::new();
    let file = folder.file("label.pdf");
    let saved =
        world.printed(&[&label[..], &["--pdf", &file.display().to_string()]].concat()).await;
    assert!(saved.contains(": MADE"), "{saved}");
    assert!(std::fs::read(&file).unwrap().starts_with(b"%PDF-"));
}

async fn a_secret_is_set_again_by_the_same_id(backend: Backend) {
    let world = world_with_key(backend, &[]).await;
    let folder = Folder::new();
    let file = folder.file("secret");
    std::fs::write(&file, "\u{feff}hemmelig-passord\n").unwrap();
    let secret = format!("password={}", file.display());
    let klarna = ["--kind", "klarna", "--endpoint", "kustom-playground", "--set", "username=PM1"];
    let of_file = ["--secret", &secret];
    let create = ["integrations", "create", "kco"];
    world.printed(&[&create[..], &klarna, &of_file].concat()).await;
    let id = request_id();
    let update = ["integrations", "update", "kco", "--request-id", &id];
    for _ in 0..2 {
        world.printed(&[&update[..], &of_file].concat()).await;
    }
    let got = world.printed(&["integrations", "get", "kco"]).await;
    assert!(got.contains("PM1"), "what was not given stays: {got}");
    std::fs::write(&file, b"p\xe5").unwrap();
    let wrong = world.ctl(&[&update[..], &of_file].concat()).await;
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.told.contains(&file.display().to_string()), "{wrong:?}");
}

async fn a_credit_that_was_paid_in_the_portal_is_paid(backend: Backend) {
    let stage = Stage::<Klarna>::set(backend).await;
    let sale = stage.buy_for(Deed::Refund).await;
    let (path, body) = Klarna::portal_refund(&sale.id, 400);
    stage.by_hand(&path, body).await;
    let number = sale.order.number.to_string();
    let credit = ["orders", "credit", &number, "--amount", "1=4.00", "--refund", "yes"];
    let paid = stage.world.ctl(&[&credit[..], &["--wait", "30s"]].concat()).await;
    assert_eq!(paid.code, 0, "{paid:?}");
    assert!(paid.told.contains("REFUNDED_AT_PROVIDER"), "{paid:?}");
    stage.check().await;
}

async fn an_audit_that_hears_nothing_ends() {
    // Takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = orderctl(&format!("http://{}", silent.local_addr().unwrap()));
    command.args(["verify", "--timeout", "300ms"]);
    let ended = tokio::time::timeout(Duration::from_secs(30), ran(command, None)).await.unwrap();
    assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{ended:?}");
}
