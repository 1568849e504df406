//! `orderctl` against the real server: what it prints, where, and its exit codes.

pub(crate) mod aftercare;
pub(crate) mod choices;
pub(crate) mod goods;
pub(crate) mod imports;
pub(crate) mod lists;

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::harness::folder::Folder;
use crate::harness::{Backend, PATIENCE, World, binaries, problems};

trials! {
    shared: [
        orders_are_listed_with_filters,
        an_order_is_sent_and_another_cancelled,
        what_is_declined_or_refused_is_explained,
        orders_are_watched_live,
        every_change_has_its_command,
        integrations_are_set_up_without_a_secret_on_the_line,
        what_is_under_way_is_told_apart_from_what_is_done,
        each_payment_that_is_captured_is_told,
    ];
    own: [a_watch_says_when_the_service_is_away_and_when_it_is_back];
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

async fn what_is_under_way_is_told_apart_from_what_is_done(world: World) {
    for trouble in ["capture=slow:3m", "capture=slow:3m", ""] {
        world.buy(900, trouble).await;
    }
    let pending = world.ctl(&["orders", "status", "1001", "sent", "--wait", "2s"]).await;
    assert_eq!(pending.code, 8, "{pending:?}");
    assert!(pending.out.contains("capture 9.00 NOK"), "{pending:?}");
    // What cannot be done is not advised.
    let withdrawn = world.ctl(&["orders", "withdraw", "1001"]).await;
    assert!(withdrawn.told.contains("EFFECT_ALREADY_SENT"), "{withdrawn:?}");
    assert!(!pending.told.contains("orders withdraw"), "{pending:?}");
    assert!(pending.told.contains("orderctl orders get 1001"), "{pending:?}");
    let many = world.ctl(&["orders", "status", "1002", "1003", "sent", "--wait", "2s"]).await;
    assert_eq!(many.code, 8, "{many:?}");
    assert!(many.told.contains("1 of 2 are pending"), "{many:?}");
    let done = world.ctl(&["orders", "status", "1003", "sent", "--wait", "2s"]).await;
    assert_eq!(done.code, 0, "{done:?}");
}

async fn each_payment_that_is_captured_is_told(world: World) {
    let (first, second) = (world.reference(""), world.reference(""));
    let draft = world.draft(900).payment("klarna", &first, 500).payment("vipps", &second, 400);
    world.place(draft).await;
    let sent = world.printed(&["orders", "status", "1001", "sent", "--wait", "60s"]).await;
    for captured in [
        format!("\n  capture 5.00 NOK on klarna {first}: SUCCEEDED"),
        format!("\n  capture 4.00 NOK on vipps {second}: SUCCEEDED"),
    ] {
        assert_eq!(sent.matches(captured.as_str()).count(), 1, "{captured}: {sent}");
    }
}

async fn what_is_declined_or_refused_is_explained(world: World) {
    let bought = world.buy(900, "capture=decline").await;
    let declined = world.ctl(&["orders", "status", "1001", "sent"]).await;
    assert_eq!(declined.code, 3, "{declined:?}");
    assert!(declined.told.contains("CAPTURE_DECLINED"), "{declined:?}");
    assert_eq!(problems(&world.get(&bought.name).await), ["CAPTURE_DECLINED"]);
    for (orders, wait, code, told) in [
        ("authorize=decline", "60s", 3, "the payment of order 1001 is not confirmed"),
        ("", "60s", 0, ""),
        ("authorize=later:60m", "1s", 8, "not confirmed yet; look again with: orderctl orders get"),
        ("authorize=later:60m", "0s", 0, ""),
    ] {
        let (provider, reference) = (["--provider", "vipps"], world.reference(orders));
        let rest = ["--reference", &reference, "--amount", "9.00", "--wait", wait];
        let attach = [&["orders", "attach-payment", "1001"], provider.as_slice(), &rest].concat();
        let attached = world.ctl(&attach).await;
        assert_eq!(attached.code, code, "{attached:?}");
        assert!(attached.told.contains(told), "{told}: {attached:?}");
        assert_eq!(attached.told.is_empty(), code == 0, "{attached:?}");
    }
    assert_eq!(world.get(&bought.name).await.payments.len(), 5);
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

async fn a_watch_says_when_the_service_is_away_and_when_it_is_back(backend: Backend) {
    let world = World::own(backend, &[]).await;
    for format in ["table", "json"] {
        let mut command = world.command(&["watch", "--output", format]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watch = command.spawn().unwrap();
        let mut data = BufReader::new(watch.stdout.take().unwrap()).lines();
        let mut talk = BufReader::new(watch.stderr.take().unwrap()).lines();
        let mut heard = async || {
            tokio::time::timeout(PATIENCE, talk.next_line()).await.unwrap().unwrap().unwrap()
        };
        let first = match format {
            "table" => heard().await,
            _ => tokio::time::timeout(PATIENCE, data.next_line()).await.unwrap().unwrap().unwrap(),
        };
        assert!(first.contains("watching") || first.contains("created"), "{first}");

        world.server.kill().await;
        assert_eq!(heard().await, "the service cannot be reached; trying again");
        // It is tried several times, and said once.
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.server.start().await;
        let back = heard().await;
        assert!(back.starts_with("connected again at revision "), "{format}: {back}");
        watch.kill().await.unwrap();
    }
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
