//! `orderctl` as people and scripts use it: the README's walk, help, pipes, signals, failures told.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use order_sdk::ShopName;
use order_sdk::proto::PaymentState;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::harness::folder::Folder;
use crate::harness::{Backend, PATIENCE, World, binaries};

trials! {
    shared: [
        a_part_of_the_day_comes_in_once_and_its_twins_are_listed,
        a_broken_line_is_told_with_its_number,
        a_dry_run_changes_nothing,
        a_refusal_says_its_code_cause_and_remedy_beside_the_data,
        a_reader_that_has_enough_is_no_failure,
        a_watch_that_is_printing_hears_ctrl_c,
        a_watch_that_is_waiting_hears_ctrl_c,
        the_catalogue_is_one_json_document_a_line,
    ];
    own: [the_walk_of_the_readme_succeeds];
    once: [every_command_has_help_that_says_what_it_does];
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) data: String,
    pub(crate) talk: String,
}

pub(crate) fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries::orderctl());
    command.env("ORDER_SERVER", world.server.endpoint()).env("ORDER_SHOP", world.shop.id());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(crate) async fn run(command: Command) -> Run {
    run_within(PATIENCE, command).await
}

pub(crate) async fn run_within(patience: Duration, mut command: Command) -> Run {
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = tokio::time::timeout(patience, running).await.unwrap().unwrap();
    Run {
        code: output.status.code(),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The documents that a run printed, which must succeed.
async fn documents(world: &World, arguments: &[&str]) -> Vec<Value> {
    let told = run(command(world, &[arguments, &["--output", "json"]].concat())).await;
    assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
    told.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn sample() -> Vec<String> {
    let path = binaries::workspace().join("tests/samples/day.jsonl");
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

pub(crate) fn write_lines(folder: &Folder, lines: &[String]) -> String {
    let path = folder.file("orders.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    path.display().to_string()
}

async fn a_part_of_the_day_comes_in_once_and_its_twins_are_listed(world: World) {
    let (folder, lines) = (Folder::new(), sample());
    let reference = |line: &String| {
        let order: Value = serde_json::from_str(line).unwrap();
        order["payments"][0]["reference"].as_str().map(str::to_owned)
    };
    let (mut seen, mut part) = (BTreeSet::new(), lines[..50].to_vec());
    let twin = lines.iter().position(|line| reference(line).is_some_and(|one| !seen.insert(one)));
    let twin = &lines[twin.expect("the sample has an order that came twice")];
    part.extend(lines.iter().filter(|line| reference(line) == reference(twin)).cloned());
    let file = write_lines(&folder, &part);
    for expected in ["52 placed, 0 already there", "0 placed, 52 already there"] {
        let told = run(command(&world, &["import", &file])).await;
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(told.data.starts_with(expected), "{told:?}");
    }
    let all = documents(&world, &["orders", "list"]).await;
    let numbers: BTreeSet<&str> =
        all.iter().map(|order| order["number"].as_str().unwrap()).collect();
    assert_eq!(numbers.len(), 52);

    let twins = documents(&world, &["orders", "list", "--duplicates"]).await;
    let references: Vec<Option<&str>> =
        twins.iter().map(|order| order["payments"][0]["reference"].as_str()).collect();
    assert_eq!(references, vec![reference(twin).as_deref(); 2], "{twins:?}");
    let dearest = ["orders", "list", "--order-by", "gross_minor desc", "--limit", "5"];
    let totals: Vec<i64> = documents(&world, &dearest)
        .await
        .iter()
        .map(|order| order["totals"]["grossMinor"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(totals.len() == 5 && totals.is_sorted_by(|one, next| one >= next), "{totals:?}");
}

async fn a_broken_line_is_told_with_its_number(world: World) {
    let (folder, mut lines) = (Folder::new(), sample());
    lines.truncate(4);
    lines.insert(2, "{\"currencyCode\": \"NOK\", \"colour\": 1}".to_owned());
    let file = write_lines(&folder, &lines);
    let told = run(command(&world, &["import", &file])).await;
    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(told.data.starts_with("4 placed") && told.data.contains("1 unreadable"), "{told:?}");
    assert!(told.talk.contains("line 3: ") && told.talk.contains("colour"), "{told:?}");
    let path = folder.file("orders.jsonl.failed.jsonl");
    let failed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(failed.trim(), lines[2], "as it was");
    let reasons = folder.file("orders.jsonl.failed.reasons.jsonl");
    let reason: Value =
        serde_json::from_str(std::fs::read_to_string(reasons).unwrap().trim()).unwrap();
    assert_eq!((&reason["line"], &reason["failedLine"]), (&3.into(), &1.into()));
    assert!(reason["message"].as_str().unwrap().contains("colour"), "{reason}");
}

async fn a_dry_run_changes_nothing(world: World) {
    let folder = Folder::new();
    let bought = world.buy(900, "").await;
    let file = write_lines(&folder, &sample()[..3]);
    let before = world.revision().await;
    for arguments in [
        &["orders", "status", "1001", "Sendt", "--dry-run"][..],
        &["orders", "status", "1001", "Kansellert", "--restock", "yes", "--dry-run"],
        &["orders", "update", "1001", "--email", "ny@example.com", "--dry-run"],
        &["import", &file, "--dry-run"],
    ] {
        let told = run(command(&world, arguments)).await;
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
        assert!(!told.data.is_empty(), "{arguments:?}");
    }
    assert_eq!(world.revision().await, before);
    assert_eq!(world.get(&bought.name).await, bought.order);
    assert_eq!(world.book().calls(&bought.reference, "capture"), 0);
}

async fn a_refusal_says_its_code_cause_and_remedy_beside_the_data(world: World) {
    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["orders", "status", "1001", "Kansellert", "--restock", "no"], 3, "ALREADY_CAPTURED"),
        (&["orders", "get", "9999"], 4, "ORDER_NOT_FOUND"),
        (&["orders", "list", "--shop", "nowhere"], 4, "SHOP_NOT_FOUND"),
        (&["explain", "NOTHING"], 4, "REFUSAL_NOT_FOUND"),
        (&["watch", "--from", "rubbish"], 3, "CURSOR_INVALID"),
    ];
    for (arguments, code, name) in cases {
        if name == "ALREADY_CAPTURED" {
            let told = run(command(&world, arguments)).await;
            let remedy = "`orderctl orders credit 1001 --all --refund yes`";
            assert!(told.talk.contains(remedy), "about the order in question: {told:?}");
            let page = run(command(&world, &["explain", name])).await;
            assert!(page.data.contains("orders credit ORDER --all"), "of no order: {page:?}");
        }
        for (language, other) in [("en", "nb"), ("nb", "en")] {
            let mut texts = Vec::new();
            for language in [language, other] {
                let arguments = [arguments, &["--lang", language]].concat();
                let told = run(command(&world, &arguments)).await;
                assert_eq!((told.code, told.data.as_str()), (Some(code), ""), "{told:?}");
                for part in [&format!("error: {name}: "), "\ncause: ", "\nremedy: "] {
                    assert!(told.talk.contains(part), "{arguments:?}: {part:?}: {told:?}");
                }
                texts.push(told.talk);
            }
            assert_ne!(texts[0], texts[1], "{name} is told in the language asked for");
        }
    }
}

async fn a_reader_that_has_enough_is_no_failure(world: World) {
    for _ in 0..3 {
        world.buy(900, "").await;
    }
    for arguments in
        [&["orders", "list", "--output", "json"][..], &["refusals"], &["watch", "--from", "oldest"]]
    {
        let mut command = command(&world, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended =
            tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let talk = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {talk}");
        assert!(!talk.contains("panicked") && !talk.contains("error"), "{arguments:?}: {talk}");
    }
}

/// Watches the whole log as JSON; answers the process and its output.
fn watch(world: &World) -> (tokio::process::Child, BufReader<tokio::process::ChildStdout>) {
    let mut command = command(world, &["watch", "--from", "oldest", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

/// Sends ctrl-c, reads what is still printed, and checks that all of it is whole and it ends well.
async fn interrupt(
    mut child: tokio::process::Child,
    mut lines: BufReader<tokio::process::ChildStdout>,
) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().await.unwrap().success());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut rest = String::new();
    let ended = tokio::time::timeout(PATIENCE / 4, async {
        lines.read_to_string(&mut rest).await.unwrap();
        child.wait().await.unwrap()
    });
    let ended = ended.await.expect("it goes on after ctrl-c");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    for line in rest.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        assert!(said["cursor"].is_string(), "{line}");
    }
}

async fn a_watch_that_is_printing_hears_ctrl_c(world: World) {
    let folder = Folder::new();
    let file = write_lines(&folder, &sample()[..60]);
    documents(&world, &["import", &file]).await;
    // Nobody reads the rest, so it stands in the middle of printing when the signal comes.
    let (child, mut lines) = watch(&world);
    let mut first = String::new();
    lines.read_line(&mut first).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    interrupt(child, lines).await;
}

async fn a_watch_that_is_waiting_hears_ctrl_c(world: World) {
    let (child, mut lines) = watch(&world);
    let mut said = String::new();
    while !said.contains("\"caughtUp\"") {
        said.clear();
        assert_ne!(lines.read_line(&mut said).await.unwrap(), 0, "it has ended");
    }
    interrupt(child, lines).await;
}

async fn the_catalogue_is_one_json_document_a_line(world: World) {
    let codes: BTreeSet<String> = documents(&world, &["refusals"])
        .await
        .iter()
        .map(|page| page["code"].as_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<String> =
        order_rules::refusals::Code::ALL.iter().map(|code| code.name().to_owned()).collect();
    assert_eq!(codes, known);
    let pages = documents(&world, &["explain", "already-captured"]).await;
    assert_eq!(pages[0]["texts"].as_object().unwrap().len(), 2, "{pages:?}");
}

/// The commands of the README's walk, as they stand there.
fn walk() -> Vec<String> {
    let readme = std::fs::read_to_string(binaries::workspace().join("README.md")).unwrap();
    let walk = readme.split("\n## ").find(|part| part.starts_with("A walk through")).unwrap();
    let is_command = |line: &&str| line.starts_with("    ") && line.contains("orderctl ");
    let commands = walk.lines().filter(is_command);
    commands.map(|line| line.trim().to_owned()).collect()
}

/// Runs a line of a document in a shell, as it stands.
pub(crate) fn shell(world: &World, folder: &Path, line: &str) -> Command {
    let mut shell = Command::new("sh");
    // So that a signal reaches it.
    let line = match line.strip_prefix("orderctl ") {
        Some(rest) => format!("exec orderctl {rest}"),
        None => line.to_owned(),
    };
    let mut path = binaries::orderctl().parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    shell.args(["-c", &line]).current_dir(folder);
    shell.env("PATH", path).env("ORDER_SERVER", world.server.endpoint());
    shell.env_remove("ORDER_SHOP").stdin(Stdio::null()).kill_on_drop(true);
    shell
}

/// How `orders status` ends when what it waited for has not come.
const STILL_PENDING: i32 = 8;

async fn the_walk_of_the_readme_succeeds(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let world = World { shop: ShopName::new("default").unwrap(), ..world };
    let folder = Folder::new();
    std::fs::create_dir_all(folder.file("tests/samples")).unwrap();
    let day = "tests/samples/day.jsonl";
    std::fs::copy(binaries::workspace().join(day), folder.file(day)).unwrap();

    let lines = walk();
    assert!(lines.len() >= 8, "{lines:?}");
    let is_watch = |line: &String| line.starts_with("orderctl watch");
    let watch = lines.iter().find(|line| is_watch(line)).expect("the walk watches");
    let mut watch = shell(&world, folder.path(), watch);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut heard = BufReader::new(watch.stdout.take().unwrap()).lines();
    let listening = tokio::spawn(async move {
        let mut all = String::new();
        while !(all.contains("1001") && all.contains("not-processed to sent")) {
            all.push_str(&heard.next_line().await.unwrap().expect("the watch goes on"));
        }
    });
    let first: Value = serde_json::from_str(&sample()[0]).unwrap();
    for line in lines.iter().filter(|line| !is_watch(line)) {
        let told = run(shell(&world, folder.path(), line)).await;
        // On a busy machine the money may still be on its way behind that of the whole day.
        let is_on_its_way = told.code == Some(STILL_PENDING) && line.contains("orders status");
        assert!(told.code == Some(0) || is_on_its_way, "{line}: {told:?}");
        assert!(!told.data.is_empty(), "{line} prints nothing: {told:?}");
    }
    tokio::time::timeout(PATIENCE, listening).await.expect("the watch tells it").unwrap();
    let get = async |number| world.settled(&world.shop.order(number).unwrap()).await;
    let (sent, cancelled) = (get(1001).await, get(1002).await);
    assert_eq!(sent.external_reference, first["externalReference"], "not by chance");
    assert!(sent.complete_time.is_some() && sent.payment_state() == PaymentState::Captured);
    assert!(cancelled.cancel_time.is_some(), "{cancelled:?}");
}

async fn every_command_has_help_that_says_what_it_does() {
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    let (mut seen, mut bare) = (0, Vec::new());
    while let Some(path) = open.pop() {
        let mut command = Command::new(binaries::orderctl());
        command.args(&path).arg("--help").kill_on_drop(true);
        let told = run(command).await;
        assert_eq!((told.code, told.talk.as_str()), (Some(0), ""), "{path:?}");
        let first = told.data.lines().next().unwrap_or_default();
        assert!(first.len() > 10 && !first.starts_with("Usage"), "{path:?} says nothing of itself");
        let listed = told.data.split("\nCommands:\n").nth(1).unwrap_or_default();
        let is_group = !listed.is_empty();
        let listed = listed.split("\n\n").next().unwrap_or_default().lines();
        // Names stand two columns in; what is further in goes on from the line before.
        let names = listed.filter_map(|line| line.strip_prefix("  "));
        let names = names.filter(|line| !line.starts_with(' '));
        for name in names.filter_map(|line| line.split_whitespace().next()) {
            if name != "help" {
                open.push([path.as_slice(), &[name.to_owned()]].concat());
            }
        }
        if !is_group && !told.data.contains("Example") {
            bare.push(path);
        }
        seen += 1;
    }
    assert!(seen > 25, "only {seen} commands were found");
    assert!(bare.is_empty(), "without an example: {bare:?}");
}
