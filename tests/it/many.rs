//! `orderctl` with many orders: statuses from a file or by conditions, counts, exports.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::harness::folder::Folder;
use crate::harness::{PATIENCE, World, binaries, status_id};
use crate::notes::set_seller;

trials! {
    shared: [
        a_status_is_set_for_the_orders_of_a_file_and_the_failed_are_kept,
        a_status_is_set_for_all_that_meet_conditions_and_never_by_mistake,
        a_dry_run_of_many_adds_up_what_would_be_done,
        a_batch_is_repeated_safely_by_its_request_id,
        what_broke_off_is_repeated_by_the_id_that_was_told,
        a_batch_that_is_interrupted_keeps_what_is_not_known,
        orders_are_counted_and_found_by_words,
        an_export_has_a_row_for_each_order_or_line,
    ];
}

/// What a run left behind.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    told: String,
}

async fn ran(world: &World, arguments: &[&str], input: &str) -> Ran {
    let mut command = Command::new(binaries::orderctl());
    command.env("ORDER_SERVER", world.server.endpoint()).env("ORDER_SHOP", world.shop.id());
    command.args(arguments).kill_on_drop(true).stdin(Stdio::piped());
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    // Who does not read has had enough.
    let _written = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, running.wait_with_output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        told: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn printed(world: &World, arguments: &[&str]) -> String {
    let ran = ran(world, arguments, "").await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.out
}

/// Whether only its owner can read a file.
pub(crate) fn is_private(path: impl AsRef<Path>) -> bool {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
}

async fn status_of(world: &World, number: i64) -> String {
    status_id(&world.get(&world.shop.order(number).unwrap()).await).to_owned()
}

async fn a_status_is_set_for_the_orders_of_a_file_and_the_failed_are_kept(world: World) {
    for behaviour in ["", "capture=decline", ""] {
        world.buy(900, behaviour).await;
    }
    let failed = Folder::new().file("failed.txt");
    std::fs::create_dir_all(failed.parent().unwrap()).unwrap();
    let path = failed.display().to_string();
    let list =
        format!("1001\n\n# not this: 1009\n1002 CODE\n{}/orders/1003\n1001\n4711\n", world.shop);
    let from = ["orders", "status", "Sendt", "--from", "-", "--failed", &path, "--wait", "45s"];
    let sent = ran(&world, &from, &list).await;
    assert_eq!(sent.code, Some(6), "{sent:?}");
    assert!(sent.out.starts_with("2 done, 0 pending, 2 refused"), "{sent:?}");
    for told in ["1002: REFUSED CAPTURE_DECLINED", "1 ORDER_NOT_FOUND", "2 of 4 failed"] {
        assert!(sent.told.contains(told), "{told}: {sent:?}");
    }
    let kept = std::fs::read_to_string(&failed).unwrap();
    assert_eq!(kept, "1002 CAPTURE_DECLINED\n4711 ORDER_NOT_FOUND\n");
    assert_eq!(status_of(&world, 1003).await, "sent");
    let again = ran(&world, &["orders", "status", "returned", "--from", &path], "").await;
    assert!(again.out.starts_with("1 done"), "the file of failures is read: {again:?}");
    let wrong = ["orders", "status", "returned", "--from", "-"];
    let wrong = ran(&world, &wrong, "1001\nthe second\n").await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.told.starts_with("error: line 2: \"the\""), "{wrong:?}");
    assert_eq!(wrong.told.matches("error").count(), 1, "{wrong:?}");
}

async fn a_status_is_set_for_all_that_meet_conditions_and_never_by_mistake(world: World) {
    for total in [0, 100, 200, 0] {
        let draft = world.draft(total);
        let is_free = total == 0;
        world.place(if is_free { draft } else { draft.payment("manual", "", total) }).await;
    }
    let mistakes: [&[&str]; 4] = [
        &["orders", "status", "processing", "--tag", "default"],
        &["orders", "status", "processing", "--where"],
        &["orders", "status", "processing"],
        &["orders", "status", "processing", "--from", "/nowhere", "--where", "--tag", "default"],
    ];
    for mistake in mistakes {
        assert_eq!(ran(&world, mistake, "").await.code, Some(2), "{mistake:?}");
    }
    let chosen = ["orders", "status", "processing", "--where", "--tag", "default", "--max", "1.50"];
    let asked = printed(&world, &[&chosen[..], &["--dry-run"]].concat()).await;
    let wanted = "3 would be done at once, 0 would wait for the money, 0 would be refused, \
                  0 failed  (dry run: nothing is stored)\n";
    assert_eq!(asked, wanted);
    assert_eq!(status_of(&world, 1001).await, "not-processed");
    assert!(printed(&world, &chosen).await.starts_with("3 done"));
    assert_eq!(status_of(&world, 1003).await, "not-processed");
    let none = printed(&world, &[&chosen[..], &["--sku", "NOTHING"]].concat()).await;
    assert!(none.contains("no order"), "{none}");
    let lines = ["orders", "status", "1001", "1003", "returned", "--output", "json"];
    let outcomes: Vec<Value> = printed(&world, &lines)
        .await
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(outcomes.iter().all(|outcome| outcome["state"] == "BATCH_STATE_DONE"), "{outcomes:?}");
    assert_eq!(outcomes.len(), 2);
}

async fn a_dry_run_of_many_adds_up_what_would_be_done(world: World) {
    set_seller(&world).await;
    for total in [900, 1_850] {
        world.buy(total, "").await;
    }
    let all = ["orders", "status", "Sendt", "--where", "--tag", "default", "--email", "--dry-run"];
    let asked = ran(&world, &all, "").await;
    assert_eq!(asked.code, Some(0), "nothing is under way: {asked:?}");
    let wanted = "0 would be done at once, 2 would wait for the money, 0 would be refused, \
                  0 failed  (dry run: nothing is stored)\n  \
                  would capture 27.50 NOK (effects: 2)\n  \
                  would mail the customer: status changed (effects: 2)\n";
    assert_eq!((asked.out.as_str(), asked.told.as_str()), (wanted, ""));
    let json = ran(&world, &[&all[..], &["--output", "json"]].concat(), "").await;
    assert_eq!(json.code, Some(0), "{json:?}");
    assert_eq!(json.told, wanted, "data is data");
    for line in json.out.lines() {
        let outcome: Value = serde_json::from_str(line).unwrap();
        assert_eq!(outcome["plan"][0]["kind"], "OPERATION_KIND_CAPTURE", "{line}");
        assert_eq!(outcome["currencyCode"], "NOK", "{line}");
    }
    assert_eq!(json.out.lines().count(), 2);
    assert_eq!(status_of(&world, 1001).await, "not-processed");
}

/// The id in what was told of a batch.
fn told_id(told: &str) -> &str {
    let after = told.split("--request-id ").nth(1).unwrap_or_else(|| panic!("no id: {told}"));
    after.split_whitespace().next().unwrap()
}

async fn what_broke_off_is_repeated_by_the_id_that_was_told(world: World) {
    for _ in 0..2 {
        world.place(world.draft(0)).await;
    }
    let folder = Folder::new();
    let failed = folder.file("failed.txt").display().to_string();
    // In full, so that nothing has to be asked before.
    let status = String::from(world.status("processing"));
    let note = ["--note", "Ring først"];
    let named = ["orders", "status", "1001", "1002", &status, "--failed", &failed];
    let nowhere = ["--server", "http://127.0.0.1:1", "--timeout", "2s"];
    let broken = ran(&world, &[&named[..], &note, &nowhere].concat(), "").await;
    assert_eq!(broken.code, Some(5), "{broken:?}");
    assert!(broken.out.starts_with("0 done") && broken.out.contains("2 not known"), "{broken:?}");
    let id = told_id(&broken.told);
    assert_eq!(broken.told.matches(id).count(), 2, "at the start and in the end: {broken:?}");
    let kept = std::fs::read_to_string(&failed).unwrap();
    assert!(kept.starts_with('#') && told_id(&kept) == id, "{kept}");
    assert!(kept.ends_with("\n1001 UNKNOWN\n1002 UNKNOWN\n"), "{kept}");
    let from = ["orders", "status", &status, "--from", &failed, "--request-id", id];
    for is_repeat in [false, true] {
        let out = printed(&world, &[&from[..], &note].concat()).await;
        assert!(out.starts_with("2 done"), "{out}");
        assert_eq!(out.contains("2 had been done before"), is_repeat, "{out}");
    }
    for number in [1001, 1002] {
        let order = world.get(&world.shop.order(number).unwrap()).await;
        assert_eq!(order.notes.len(), 1, "{order:?}");
    }
}

async fn a_batch_that_is_interrupted_keeps_what_is_not_known(world: World) {
    // Takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let folder = Folder::new();
    let failed = folder.file("failed.txt").display().to_string();
    let status = String::from(world.status("processing"));
    let mut command = Command::new(binaries::orderctl());
    command.args(["orders", "status", "1001", "1002", &status, "--failed", &failed]);
    command.args(["--server", &server, "--shop", world.shop.id()]).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut told = BufReader::new(running.stderr.take().unwrap());
    let (mut first, mut rest) = (String::new(), String::new());
    told.read_line(&mut first).await.unwrap();
    let process = running.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &process]).status().await.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, async {
        told.read_to_string(&mut rest).await.unwrap();
        running.wait().await.unwrap()
    });
    let ended = ended.await.unwrap();
    // As if it had not heard it: a loop around it ends too.
    assert_eq!(ended.signal(), Some(2), "{rest}");
    assert!(rest.contains("interrupted") && rest.contains(told_id(&first)), "{first}{rest}");
    let kept = std::fs::read_to_string(&failed).unwrap();
    assert!(kept.ends_with("\n1001 UNKNOWN\n1002 UNKNOWN\n"), "{kept}");
}

async fn a_batch_is_repeated_safely_by_its_request_id(world: World) {
    for _ in 0..3 {
        world.place(world.draft(0)).await;
    }
    let id = crate::harness::request_id();
    let batch = ["orders", "status", "1001", "1002", "1003", "processing", "--request-id", &id];
    printed(&world, &batch).await;
    let head = world.revision().await;
    let again = printed(&world, &batch).await;
    assert!(again.contains("3 done") && again.contains("3 had been done before"), "{again}");
    assert_eq!(world.revision().await, head);
}

async fn orders_are_counted_and_found_by_words(world: World) {
    for gift in ["yes", "no", "yes"] {
        let metadata = std::collections::BTreeMap::from([("gift".to_owned(), gift.to_owned())]);
        world.place(world.draft(0).with(|order| order.metadata = metadata)).await;
    }
    let count = ["orders", "list", "--count"];
    assert_eq!(printed(&world, &count).await, "3\n");
    let gifts = [&count[..], &["--metadata", "gift=yes", "--output", "json"]].concat();
    assert_eq!(printed(&world, &gifts).await, "{\"totalCount\":\"2\"}\n");
    let found = printed(&world, &["orders", "list", "--text", "kari 1002", "-o", "json"]).await;
    assert_eq!(found.lines().count(), 1);
    assert!(found.contains("\"number\":\"1002\""), "{found}");
}

async fn an_export_has_a_row_for_each_order_or_line(world: World) {
    let evil = world.draft(100).goods("+SKU", "=1+1", 2, 250, 2_500);
    let evil = evil.payment("manual", "", 600);
    world.place(evil.external_reference("@cmd, \"quoted\"")).await;
    world.place(world.draft(0)).await;
    let csv = printed(&world, &["export", "--format", "csv"]).await;
    assert!(csv.starts_with("number,kind,status,status_tag,"), "{csv}");
    let fields = ["--fields", "number,gross,external_reference"];
    let chosen = printed(&world, &[&["export", "--format", "csv"][..], &fields].concat()).await;
    let rows = "number,gross,external_reference\n\
                1001,6.00,\"'@cmd, \"\"quoted\"\"\"\n1002,0.00,\n";
    assert_eq!(chosen, rows);
    let by_line = ["export", "--format", "csv", "--lines", "--fields", "number,sku,title,quantity"];
    let lines = printed(&world, &by_line).await;
    assert_eq!(
        lines,
        "number,sku,title,quantity\n1001,,Kopp,1\n1001,'+SKU,'=1+1,2\n1002,,Kopp,1\n"
    );
    let folder = Folder::new();
    let path = folder.file("orders.jsonl");
    let to = path.display().to_string();
    // Broken off, and open to everybody.
    std::fs::write(folder.file("orders.jsonl.part"), "{}\n{}\n").unwrap();
    printed(&world, &["export", "--format", "jsonl", "--to", &to, "--min", "1"]).await;
    assert!(is_private(&path), "it holds customers' data");
    let text = std::fs::read_to_string(&path).unwrap();
    let order: Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(order["number"], "1001");
    assert!(!folder.file("orders.jsonl.part").exists());
    let wrong = ran(&world, &["export", "--format", "csv", "--fields", "colour"], "").await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
