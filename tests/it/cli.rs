//! `orderctl` against the real server: what it prints, where, and its exit codes.

pub(crate) mod goods;
pub(crate) mod lists;

use std::process::Stdio;
use std::time::Duration;

use order_sdk::proto;
use order_tests::{orders, to_json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::harness::folder::Folder;
use crate::harness::{Backend, PATIENCE, World, binaries, eventually, problems, status_id};

trials! {
    shared: [
        a_day_is_imported_and_importing_it_again_changes_nothing,
        lines_that_fail_are_told_and_kept_and_the_others_placed,
        orders_are_listed_with_filters,
        an_order_is_sent_and_another_cancelled,
        what_is_declined_or_refused_is_explained,
        orders_are_watched_live,
        every_change_has_its_command,
        a_sale_is_credited,
        integrations_are_set_up_without_a_secret_on_the_line,
        duplicates_are_listed_resolved_and_dismissed,
        orders_are_edited_and_deleted,
        notes_are_mailed_and_mails_sent_again,
        one_order_is_placed_from_standard_input,
        problems_are_listed_with_their_remedy_and_dealt_with,
    ];
    own: [the_shipped_sample_is_imported_whole];
    once: [
        a_service_that_is_not_there_is_told,
        completions_are_printed_for_each_shell,
    ];
}

/// What a run of `orderctl` left behind.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    told: String,
}

impl World {
    async fn ctl(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments), None).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = orderctl(&self.server.endpoint());
        command.args(["--shop", self.shop.id()]).args(arguments);
        command
    }

    /// A run that must succeed; answers what it printed.
    pub(crate) async fn printed(&self, arguments: &[&str]) -> String {
        let ran = self.ctl(arguments).await;
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.out
    }

    async fn numbers(&self, arguments: &[&str]) -> Vec<i64> {
        let all = [&["orders", "list", "--output", "json"], arguments].concat();
        let out = self.printed(&all).await;
        let number = |line: &str| {
            let order: serde_json::Value = serde_json::from_str(line).unwrap();
            order["number"].as_str().unwrap().parse().unwrap()
        };
        out.lines().map(number).collect()
    }
}

fn orderctl(server: &str) -> Command {
    let mut command = Command::new(binaries::orderctl());
    command.env_remove("ORDER_SHOP").env("TZ", "Europe/Oslo").env("USER", "tester");
    command.args(["--server", server]).kill_on_drop(true);
    command
}

async fn ran(mut command: Command, input: Option<&str>) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.unwrap_or_default().as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        told: String::from_utf8(output.stderr).unwrap(),
    }
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
    assert!(failed.contains("order.lines") && failed.contains("not json"), "{failed}");
}

async fn orders_are_listed_with_filters(world: World) {
    for total in [500, 90_000, 20_000] {
        world.buy(total, "").await;
    }
    world.complete(&world.shop.order(1002).unwrap()).await.unwrap();
    assert_eq!(world.numbers(&[]).await, [1003, 1002, 1001], "newest first");
    assert_eq!(world.numbers(&["--order-by", "gross_minor", "--limit", "2"]).await, [1001, 1003]);
    assert_eq!(world.numbers(&["--status", "Sendt"]).await, [1002]);
    assert_eq!(world.numbers(&["--tag", "default"]).await, [1003, 1001]);
    assert_eq!(world.numbers(&["--payment-state", "captured"]).await, [1002]);
    assert_eq!(world.numbers(&["--min", "200", "--max", "500"]).await, [1003]);
    assert!(world.numbers(&["--has-problem"]).await.is_empty());
    let table = world.printed(&["orders", "list", "--lang", "nb"]).await;
    for wanted in ["1002", "Sendt", "Ikke behandlet", "900.00 NOK"] {
        assert!(table.contains(wanted), "{wanted}: {table}");
    }
    assert!(!table.contains('\u{1b}'), "colour only on a terminal");
    let wrong = world.ctl(&["orders", "list", "--payment-state", "paid"]).await;
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "{wrong:?}");
}

async fn an_order_is_sent_and_another_cancelled(world: World) {
    world.stock("CUP", 5).await;
    let draft = || world.draft(0).goods("CUP", "Kopp", 1, 450, 2_500);
    for _ in 0..2 {
        world.place(draft().payment("klarna", world.reference(""), 450)).await;
    }
    let dry = world.printed(&["orders", "status", "1001", "Sendt", "--dry-run"]).await;
    assert!(dry.contains("would capture 4.50 NOK on klarna"), "{dry}");
    let sent = world.printed(&["orders", "status", "1001", "Sendt"]).await;
    assert!(sent.contains("1001  sent  payment CAPTURED"), "{sent}");
    let choice = world.ctl(&["orders", "status", "1002", "Kansellert"]).await;
    assert_eq!(choice.code, 3);
    assert!(choice.told.contains("RESTOCK_REQUIRED"), "{choice:?}");
    let cancel = ["orders", "status", "1002", "Kansellert", "--restock", "yes"];
    let cancelled = world.printed(&cancel).await;
    assert!(cancelled.contains("1002  cancelled  payment VOIDED"), "{cancelled}");
    assert_eq!(world.on_hand("CUP").await, 4);

    let got = world.printed(&["orders", "get", "1001"]).await;
    for wanted in ["1001", "Kopp", "4.50", "klarna"] {
        assert!(got.contains(wanted), "{wanted}: {got}");
    }
    let history = world.printed(&["orders", "history", "1001", "--output", "json"]).await;
    assert_eq!(
        history.lines().count(),
        world.history(&world.shop.order(1001).unwrap()).await.len()
    );
    let many = world.ctl(&["orders", "status", "1001", "1002", "9999", "returned"]).await;
    assert_eq!(many.code, 6, "{many:?}");
    assert!(many.told.contains("9999") && many.told.contains("ORDER_NOT_FOUND"), "{many:?}");
}

async fn what_is_declined_or_refused_is_explained(world: World) {
    let bought = world.buy(900, "capture=decline").await;
    let declined = world.ctl(&["orders", "status", "1001", "sent"]).await;
    assert_eq!(declined.code, 3, "{declined:?}");
    assert!(declined.told.contains("CAPTURE_DECLINED"), "{declined:?}");
    assert_eq!(problems(&world.get(&bought.name).await), ["CAPTURE_DECLINED"]);
    let (provider, reference) = (["--provider", "vipps"], world.reference(""));
    let rest = ["--reference", &reference, "--amount", "9.00"];
    let attach = [&["orders", "attach-payment", "1001"], provider.as_slice(), &rest].concat();
    world.printed(&attach).await;
    assert_eq!(world.get(&bought.name).await.payments.len(), 2);
    let missing = world.ctl(&["orders", "get", "4711", "--lang", "nb"]).await;
    assert_eq!((missing.code, missing.out.as_str()), (4, ""), "{missing:?}");
    let explained = world.printed(&["explain", "ORDER_NOT_FOUND", "--lang", "nb"]).await;
    assert!(explained.lines().count() > 2, "{explained}");
    let all = world.printed(&["refusals"]).await;
    assert!(all.contains("ALREADY_CAPTURED") && all.contains("CAPTURE_DECLINED"));
    assert_eq!(world.ctl(&["explain", "NOTHING"]).await.code, 4);
    assert_eq!(world.ctl(&["orders", "frobnicate"]).await.code, 2);
    let help = world.ctl(&["--help"]).await;
    assert!(help.code == 0 && help.out.contains("Exit codes"), "{help:?}");
}

async fn orders_are_watched_live(world: World) {
    let before = world.buy(900, "").await;
    let mut command = world.command(&["watch", "--from", "oldest", "--output", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    let mut watch = command.spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut revisions = Vec::new();
    let mut is_live = false;
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let said: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        for event in said["batch"]["events"].as_array().into_iter().flatten() {
            revisions.push(event["revision"].as_str().unwrap().parse::<i64>().unwrap());
        }
        if !is_live && said.get("caughtUp").is_some() {
            is_live = true;
            world.complete(&before.name).await.unwrap();
        }
        let order = &said["batch"]["orders"][0];
        if order["status"].as_str().is_some_and(|status| status.ends_with("/sent")) {
            break;
        }
    }
    assert!(is_live && revisions.windows(2).all(|pair| pair[0] < pair[1]), "{revisions:?}");
    watch.kill().await.unwrap();

    let path = world.server.store.folder.file(&format!("{}-cursor", world.shop.id()));
    let path = path.display().to_string();
    let until = ["watch", "--from", "oldest", "--until-caught-up", "--checkpoint", &path];
    let whole = world.printed(&until).await;
    assert!(whole.contains("order 1001"), "{whole}");
    let rest = world.printed(&until).await;
    assert_eq!(rest, "", "the checkpoint is kept");
    let kinds = ["watch", "--from", "oldest", "--until-caught-up", "--kind", "order-created"];
    assert_eq!(world.printed(&kinds).await.lines().count(), 1);
    let snapshot = world.printed(&["watch", "--from", "snapshot", "--until-caught-up"]).await;
    assert!(snapshot.contains("CAPTURED"), "{snapshot}");
}

async fn notes_are_mailed_and_mails_sent_again(world: World) {
    let shop = world.shop.id().to_owned();
    let folder = Folder::new();
    let words = folder.file("note.txt");
    std::fs::write(&words, "Om {{ order.number }}\n\n{{ note }}").unwrap();
    std::fs::write(folder.file("note.html"), "<p>{{ note }}</p>").unwrap();
    let template = format!("note.nb={}", words.display());
    let seller = ["--seller-name", "Kopper AS", "--seller-email", "hei@kopper.example"];
    let address = ["--seller-address", "Storgata 1, 0155 Oslo, NO", "--confirm-orders", "true"];
    let notes = ["--note-email", "true", "--mail-template", template.as_str()];
    let update = [&["shops", "update", &shop][..], &seller, &address, &notes].concat();
    let told = world.printed(&update).await;
    for part in ["Kopper AS, Storgata 1, 0155 Oslo, NO, hei@kopper.example", "note.nb", "mailed"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    world.buy(900, "").await;
    let dry = ["orders", "note", "1001", "Se vedlegg", "--for", "customer", "--dry-run"];
    let told = world.printed(&dry).await;
    assert!(told.contains("would mail the customer: note"), "{told}");
    let file = words.display().to_string();
    let form = ["--email", "--withdrawal-form", "--attach", file.as_str()];
    let note = ["orders", "note", "1001", "Se vedlegg", "--for", "customer"];
    let told = world.printed(&[&note[..], &form].concat()).await;
    assert!(told.contains("mail to the customer: note, mail "), "{told}");
    let name = world.shop.order(1001).unwrap();
    let order = eventually("both mails are sent", async || {
        let order = world.get(&name).await;
        let is_sent = |mail: &proto::Mail| mail.state() == proto::MailState::Sent;
        (order.mails.len() == 2 && order.mails.iter().all(is_sent)).then_some(order)
    })
    .await;
    let told = world.printed(&["orders", "get", "1001"]).await;
    for part in ["ORDER_CONFIRMATION", "note 1, withdrawal form", "with note.txt", "Se vedlegg"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let confirmation = order.mails[0].id.to_string();
    world.printed(&["orders", "resend", "1001", &confirmation]).await;
    let told = world.printed(&["orders", "status", "1001", "processing", "--email"]).await;
    assert!(told.contains("mail to the customer: status changed"), "{told}");
    let history = world.printed(&["orders", "history", "1001"]).await;
    assert!(history.contains("(order confirmation): SENT"), "{history}");
    let unknown = world.ctl(&["orders", "resend", "1001", "999999"]).await;
    assert_eq!(unknown.code, 4, "{}", unknown.told);
}

async fn every_change_has_its_command(world: World) {
    world.printed(&["statuses", "create", "packed", "--name", "nb=Pakket"]).await;
    world.printed(&["statuses", "update", "packed", "--position", "2"]).await;
    assert!(world.printed(&["statuses", "list", "--lang", "nb"]).await.contains("Pakket"));
    world.printed(&["statuses", "delete", "packed"]).await;
    let shop = format!("{}-cli", world.shop.id());
    let create = ["shops", "create", &shop, "--display-name", "Min butikk"];
    world.printed(&[&create[..], &["--duplicate-window", "0"]].concat()).await;
    world.printed(&["shops", "update", &shop, "--stock-mode", "refuse"]).await;
    assert!(world.printed(&["shops", "list"]).await.contains(&shop));
    let told = world.printed(&["shops", "get", &shop]).await;
    assert!(told.contains("Min butikk") && told.contains(" 0 s\n"), "{told}");
    world.buy(900, "").await;
    let update = ["orders", "update", "1001", "--email", "ny@example.com"];
    world.printed(&update).await;
    let order = world.get(&world.shop.order(1001).unwrap()).await;
    assert_eq!(order.customer.unwrap().email, "ny@example.com");
    let nothing = world.ctl(&["orders", "withdraw", "1001"]).await;
    assert_eq!(nothing.code, 3);
    assert!(nothing.told.contains("NO_STATUS_CHANGE_PENDING"));
    let verbose = world.ctl(&["orders", "status", "1001", "processing", "--verbose"]).await;
    let id = verbose.told.split("request id: ").nth(1).unwrap().lines().next().unwrap();
    let again = ["orders", "status", "1001", "processing", "--request-id", id];
    assert!(world.printed(&again).await.contains("had been done before"));
}

async fn a_sale_is_credited(world: World) {
    let bought = world.sell("").await;
    let credit = ["orders", "credit", "1001"];
    let with = |rest: &[&'static str]| [&credit[..], rest].concat();
    let dry = with(&["--all", "--fee", "Returfrakt=99.00@25", "--refund", "yes", "--dry-run"]);
    let told = world.printed(&dry).await;
    assert!(told.contains("would refund 790.00 NOK on klarna"), "{told}");
    assert!(told.contains("would make a credit order of -790.00 NOK"), "{told}");
    let lines = with(&["--line", "1=1", "--amount", "2=50.00", "--refund", "yes", "--reason", "x"]);
    let told = world.printed(&lines).await;
    assert!(told.contains("credit order 1002, credit 1: -"), "{told}");
    assert!(told.contains("SUCCEEDED"), "{told}");
    let order = world.printed(&["orders", "get", "1001"]).await;
    assert!(order.contains("Credit orders") && order.contains("1 credited ("), "{order}");
    assert!(order.contains("50.00 credited"), "{order}");
    let document = world.printed(&["orders", "get", "1002"]).await;
    assert!(document.contains("Credit order 1002 of 1001, credit 1"), "{document}");
    assert_eq!(world.numbers(&["--kind", "credit"]).await, [1002]);
    assert!(world.printed(&["orders", "history", "1001"]).await.contains("credit order 1002"));
    let payment = format!("{}=1.00", bought.order.payments[0].id);
    let share = ["--amount", "3=1.00", "--refund", "yes", "--restock", "no", "--share", &payment];
    let json = world.printed(&[&credit[..], &share, &["--output", "json"]].concat()).await;
    let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["creditOrder"]["creditNumber"], "2");
    let much = world.ctl(&with(&["--line", "1=2", "--refund", "no"])).await;
    assert_eq!(much.code, 3, "{much:?}");
    assert!(much.told.contains("CREDIT_EXCEEDS_CAPTURED"), "{much:?}");
    world.printed(&with(&["--all", "--refund", "no"])).await;
    let nothing = world.ctl(&with(&["--all", "--refund", "no"])).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
    world.printed(&["shops", "update", world.shop.id(), "--next-credit-number", "5000"]).await;
    let shop = world.printed(&["shops", "get", world.shop.id()]).await;
    assert!(shop.contains("Next credit number") && shop.contains("5000"), "{shop}");

    let declined = world.sell("refund=decline").await;
    let number = declined.order.number.to_string();
    let told = world.ctl(&["orders", "credit", &number, "--all", "--refund", "yes"]).await;
    assert_eq!(told.code, 3, "{told:?}");
    assert!(told.told.contains("stands, but is not paid back"), "{told:?}");
    assert!(told.told.contains("REFUND_DECLINED"), "{told:?}");
}

async fn duplicates_are_listed_resolved_and_dismissed(world: World) {
    let first = world.buy(900, "").await;
    let twin = || world.draft(900).payment("klarna", &first.reference, 900);
    world.place(twin()).await;
    let listed = world.printed(&["duplicates", "list"]).await;
    assert!(listed.contains("duplicate of 1001?") && listed.contains("duplicate of 1002?"));
    let shown = world.printed(&["orders", "get", "1001"]).await;
    let wanted = "duplicates resolve --keep 1001 --drop 1002";
    assert!(shown.contains("same payment, time") && shown.contains(wanted), "{shown}");

    let resolve = "duplicates resolve --keep 1001 --drop 1002 --restock yes --complete-as Sendt";
    let resolve: Vec<&str> = resolve.split(' ').collect();
    let asked = world.printed(&[resolve.as_slice(), &["--dry-run"]].concat()).await;
    assert!(asked.contains("would capture 9.00 NOK on klarna"), "{asked}");
    let done = world.printed(&resolve).await;
    assert!(done.contains("1001  sent") && done.contains("also changed: order 1002"), "{done}");
    let history = world.printed(&["orders", "history", "1002"]).await;
    assert!(history.contains("like order 1001, DROPPED"), "{history}");
    let shown = world.printed(&["orders", "get", "1002"]).await;
    assert!(shown.contains("Was taken for a duplicate of order 1001 (DROPPED)"), "{shown}");

    // The other orders of the day are purchases of their own.
    world
        .set("settings.duplicate_window_seconds", |settings| {
            settings.duplicate_window_seconds = Some(3_600);
        })
        .await;
    for _ in 0..2 {
        world.place(world.draft(300).payment("manual", "", 300)).await;
    }
    let shown = world.printed(&["orders", "get", "1004"]).await;
    assert!(shown.contains("ask the customer") && shown.contains("dismiss 1004 1003"), "{shown}");
    let refused = world.ctl(&["duplicates", "dismiss", "1001", "1002"]).await;
    assert!(refused.code == 3 && refused.told.contains("SAME_PAYMENT"), "{refused:?}");
    world.printed(&["duplicates", "dismiss", "1004", "1003"]).await;
    assert_eq!(world.printed(&["duplicates", "list"]).await, "");
}

async fn orders_are_edited_and_deleted(world: World) {
    world.stock("MUG-1", 5).await;
    let draft = world.draft(60_000).shipping("Pakke", 10_000, 2_500);
    world.place(draft.payment("klarna", world.reference(""), 70_000)).await;
    let edit = ["orders", "edit", "1001", "--price", "1=500", "--shipping", "0"];
    let add = ["--add", "sku=MUG-1,title=Krus,quantity=1,price=99,vat=25"];
    let dry = world.printed(&[&edit[..], &add, &["--dry-run"]].concat()).await;
    assert!(dry.contains("599.00 NOK") && dry.contains("would update amount 599.00 NOK"), "{dry}");
    let out = world.printed(&[&edit[..], &add].concat()).await;
    assert!(out.contains("update amount 599.00 NOK") && out.contains("SUCCEEDED"), "{out}");
    let told = world.ctl(&["orders", "edit", "1001", "--remove", "3"]).await;
    assert!(told.code == 3 && told.told.contains("RESTOCK_REQUIRED"), "{told:?}");
    let remove =
        ["orders", "edit", "1001", "--remove", "3", "--quantity", "1=1", "--restock", "yes"];
    assert!(world.printed(&remove).await.contains("500.00 NOK"));
    assert_eq!(world.on_hand("MUG-1").await, 5);
    let history = world.printed(&["orders", "history", "1001"]).await;
    assert!(history.contains("line 3 removed"), "{history}");
    let several = world.ctl(&["orders", "edit", "1001", "--price", "1"]).await;
    assert_eq!(several.code, 2);

    let told = world.ctl(&["orders", "delete", "1001"]).await;
    assert!(told.code == 3 && told.told.contains("RESERVATION_HELD"), "{told:?}");
    world.printed(&["orders", "status", "1001", "cancelled", "--restock", "no"]).await;
    assert!(world.printed(&["orders", "delete", "1001", "--dry-run"]).await.contains("would be"));
    assert!(world.printed(&["orders", "delete", "1001"]).await.contains("deleted"));
    let gone = world.ctl(&["orders", "get", "1001"]).await;
    assert!(gone.code == 4 && gone.told.contains("ORDER_DELETED"), "{gone:?}");
    assert!(world.printed(&["orders", "get", "1001", "--show-deleted"]).await.contains("Deleted"));
    assert!(world.numbers(&[]).await.is_empty());
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

async fn problems_are_listed_with_their_remedy_and_dealt_with(world: World) {
    world.stock("CUP", 0).await;
    world.place(world.draft(0).goods("CUP", "Kopp", 1, 0, 0)).await;
    let hanging = world.buy(900, "capture=hang").await;
    world.printed(&["orders", "status", "1002", "sent", "--wait", "0s"]).await;
    let listed = world.printed(&["problems", "list"]).await;
    assert!(listed.contains("Order 1001") && listed.contains("orderctl problems dismiss"));
    let problem = world.get(&world.shop.order(1001).unwrap()).await.problems[0].id.to_string();
    let dismiss = ["problems", "dismiss", "1001", &problem, "--reason", "arrived"];
    assert!(world.printed(&[&dismiss[..], &["--dry-run"]].concat()).await.contains("dry run"));
    world.printed(&dismiss).await;
    assert_eq!(world.printed(&["problems", "list", "-o", "json"]).await, "");
    let again = world.ctl(&dismiss).await;
    assert_eq!(again.code, 4, "{again:?}");
    assert!(again.told.contains("PROBLEM_NOT_FOUND"), "{again:?}");

    eventually("the provider is called", async || {
        (world.book().calls(&hanging.reference, "capture") > 0).then_some(())
    })
    .await;
    let operations = world.get(&hanging.name).await.payments[0].operations.clone();
    let capture = operations.last().unwrap().id.to_string();
    world.printed(&["problems", "retry", "1002", &capture, "--wait", "0s"]).await;
    let settle = ["problems", "settle", "1002", &capture, "happened", "--reason", "seen"];
    let said = world.printed(&settle).await;
    assert!(said.contains("sent") && said.contains("CAPTURED"), "{said}");
    let history = world.printed(&["orders", "history", "1002"]).await;
    assert!(history.contains("OPERATION_SETTLED") && history.contains("with a reason"));
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

async fn integrations_are_set_up_without_a_secret_on_the_line(world: World) {
    world.printed(&["integrations", "create", "giftcard", "--kind", "sandbox"]).await;
    assert!(world.printed(&["integrations", "test", "giftcard"]).await.contains("WORKS"));
    world.printed(&["integrations", "disable", "giftcard"]).await;
    let list = world.printed(&["integrations", "list"]).await;
    let rows: Vec<&str> = list.lines().map(str::trim_end).collect();
    assert_eq!(rows.len(), 5, "{list}");
    assert!(rows[2].starts_with("giftcard") && rows[2].contains("DISABLED"), "{list}");
    world.printed(&["integrations", "enable", "giftcard"]).await;
    assert!(world.printed(&["integrations", "get", "giftcard"]).await.contains("ENABLED"));

    let klarna = ["--kind", "klarna", "--endpoint", "kustom-playground", "--set", "username=PM1"];
    let create = [&["integrations", "create", "kco"], klarna.as_slice()].concat();
    let asked = world.ctl(&create).await;
    assert_eq!(asked.code, 2, "{asked:?}");
    assert!(asked.told.contains("--secret password=FILE"), "{asked:?}");
    let folder = Folder::new();
    let file = folder.file("secret");
    std::fs::write(&file, "hemmelig-passord\n").unwrap();
    let file = file.display().to_string();
    let of_file = format!("password={file}");
    let from_file = [create.as_slice(), &["--secret", &of_file]].concat();
    let mut from_environment = world.command(&create);
    from_environment.env("ORDERCTL_SECRET_PASSWORD", "hemmelig-passord");
    let from_input = [create.as_slice(), &["--secret", "password=-"]].concat();
    for ran in [
        world.ctl(&from_file).await,
        ran(from_environment, None).await,
        ran(world.command(&from_input), Some("hemmelig-passord\n")).await,
    ] {
        // The password was taken; this server has no key to keep it with.
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.told.contains("CREDENTIALS_KEY_MISSING"), "{ran:?}");
        assert!(!format!("{ran:?}").contains("hemmelig"), "{ran:?}");
    }
    for wrong in
        [["--set", "password=hemmelig"], ["--set", "nothing=x"], ["--secret", "username=-"]]
    {
        let ran = world.ctl(&[create.as_slice(), &wrong].concat()).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(!ran.told.contains("hemmelig"), "{ran:?}");
    }
    let fields = world.printed(&["integrations", "fields", "klarna"]).await;
    assert!(fields.contains("kustom-playground") && fields.contains("--secret"), "{fields}");
    let fields = world.printed(&["integrations", "fields", "klarna", "--output", "json"]).await;
    assert!(fields.lines().all(|line| line.starts_with('{')), "{fields}");
}

async fn a_service_that_is_not_there_is_told() {
    let port = crate::harness::server::free_port();
    let mut command = orderctl(&format!("http://127.0.0.1:{port}"));
    command.args(["orders", "list", "--timeout", "2s"]);
    let gone = tokio::time::timeout(Duration::from_secs(30), ran(command, None)).await.unwrap();
    assert_eq!((gone.code, gone.out.as_str()), (5, ""), "{gone:?}");
    assert!(gone.told.starts_with("error: ") && !gone.told.contains("panicked"), "{gone:?}");
    let mut command = orderctl("ftp://x");
    command.args(["orders", "list"]);
    assert_eq!(ran(command, None).await.code, 2);
}

async fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let mut command = orderctl("http://127.0.0.1:1");
        command.args(["completions", shell]);
        let printed = ran(command, None).await;
        assert_eq!(printed.code, 0, "{shell}");
        assert!(printed.out.contains("attach-payment"), "{shell}");
    }
}
