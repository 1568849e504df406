//! The programs at a terminal and in a pipe, and who `orderctl` says has called.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::folder::Folder;
use crate::harness::server::free_port;
use crate::harness::{PATIENCE, World, binaries, eventually, health};
use crate::orderctl::{command, run, sample, write_lines};

trials! {
    shared: [
        a_pipe_gets_no_control_characters,
        a_terminal_gets_colour_and_a_progress_bar,
        who_does_it_is_whoever_a_history_can_hold,
    ];
    once: [a_server_at_a_terminal_speaks_to_a_person];
}

const ESCAPE: char = '\u{1b}';
const CTRL_C: &[u8] = b"\x03";

/// An order with a problem, which is told in red where there is colour.
async fn with_a_problem(world: &World) {
    let bought = world.buy(900, "capture=decline").await;
    world.complete(&bought.name).await.unwrap();
}

async fn a_pipe_gets_no_control_characters(world: World) {
    with_a_problem(&world).await;
    let folder = Folder::new();
    let file = write_lines(&folder, &sample()[..20]);
    let cases: [&[&str]; 7] = [
        &["orders", "get", "1001"],
        &["orders", "list"],
        &["orders", "history", "1001"],
        &["explain", "ALREADY_CAPTURED"],
        &["watch", "--from", "oldest", "--until-caught-up"],
        &["problems", "list"],
        &["import", &file],
    ];
    for arguments in cases {
        let mut command = command(&world, arguments);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let told = run(command).await;
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
        assert!(!told.data.is_empty(), "{arguments:?}");
        let is_plain = |text: &str| text.chars().all(|one| one == '\n' || !one.is_control());
        assert!(is_plain(&told.data) && is_plain(&told.talk), "{arguments:?}: {told:?}");
    }
}

/// What a terminal of its own gets to see of a run.
async fn on_a_terminal(world: &World, line: &str) -> String {
    let mut terminal = Command::new("script");
    let line = format!("stty cols 100 rows 40; \"$ORDERCTL\" {line}");
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    terminal.env("ORDERCTL", binaries::orderctl()).env("ORDER_SERVER", world.server.endpoint());
    terminal.env("ORDER_SHOP", world.shop.id()).env("TERM", "xterm-256color");
    terminal.env_remove("NO_COLOR").stdin(Stdio::null()).kill_on_drop(true);
    let told = run(terminal).await;
    assert_eq!(told.code, Some(0), "{line}: {told:?}");
    told.data
}

/// What a terminal of its own gets to see of a server, which is stopped by Ctrl-C once it serves.
async fn server_on_a_terminal(folder: &Folder, port: u16, flags: &str) -> String {
    let mut terminal = Command::new("script");
    let line = format!(
        "stty cols 100 rows 40; \
         exec \"$SERVER\" --listen 127.0.0.1:{port} --data-dir \"$DATA\" {flags}"
    );
    terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ORDER_") {
            terminal.env_remove(name);
        }
    }
    terminal.env("SERVER", binaries::server()).env("DATA", folder.file("data"));
    terminal.env("TERM", "xterm-256color").env_remove("NO_COLOR").kill_on_drop(true);
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = terminal.spawn().unwrap();
    eventually("it serves", async || {
        (health::status(port, "").await == Some(health::SERVING)).then_some(())
    })
    .await;
    running.stdin.as_mut().unwrap().write_all(CTRL_C).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, running.wait_with_output()).await;
    let output = ended.unwrap().unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{flags}: {seen}");
    seen
}

async fn a_server_at_a_terminal_speaks_to_a_person() {
    let (folder, port) = (Folder::new(), free_port());
    let records = |seen: &str| -> Vec<Value> {
        // The terminal shows the key as well, before whatever comes next.
        let lines = seen.lines().map(|line| line.trim().trim_start_matches("^C"));
        let records = lines.filter_map(|line| serde_json::from_str(line).ok());
        records.filter(Value::is_object).collect()
    };
    let seen = server_on_a_terminal(&folder, port, "").await;
    assert!(records(&seen).is_empty(), "no record is JSON: {seen:?}");
    // What it logs, in colour.
    let told = seen.lines().find(|line| line.contains("INFO") && line.contains("serving"));
    assert!(told.is_some_and(|line| line.contains(ESCAPE)), "{seen:?}");
    assert!(told.is_some_and(|line| line.contains(&format!("127.0.0.1:{port}"))), "{seen:?}");
    assert!(seen.lines().any(|line| line.contains("stopped")), "{seen:?}");
    // Where it is, where its data are, and what to try.
    let server = format!("http://127.0.0.1:{port}");
    let told = [
        format!("order-server {} serves {server}", env!("CARGO_PKG_VERSION")),
        format!("data: {}", folder.file("data").display()),
        format!("try:  orderctl --server {server} orders create --help"),
        format!("orderctl --server {server} orders list"),
        format!("orderctl --server {server} watch --from oldest"),
    ];
    for line in &told {
        assert!(seen.contains(line.as_str()), "{line:?} is not in {seen:?}");
    }

    // Asked for JSON it writes JSON, whoever reads it; what to try is for people all the same.
    let seen = server_on_a_terminal(&folder, port, "--log-format json").await;
    let records = records(&seen);
    assert!(records.iter().any(|record| record["message"] == "serving"), "{seen:?}");
    assert!(!seen.contains(ESCAPE) && told.iter().all(|line| seen.contains(line)), "{seen:?}");
}

async fn a_terminal_gets_colour_and_a_progress_bar(world: World) {
    with_a_problem(&world).await;
    let red = format!("{ESCAPE}[31m");
    let seen = on_a_terminal(&world, "orders get 1001").await;
    assert!(seen.contains(&red) && seen.contains("CAPTURE_DECLINED"), "{seen:?}");
    let seen = on_a_terminal(&world, "orders get 1001 --output json").await;
    assert!(!seen.contains(ESCAPE) && seen.contains("CAPTURE_DECLINED"), "data is data: {seen:?}");
    let seen = on_a_terminal(&world, "explain ALREADY_CAPTURED").await;
    assert!(seen.contains(&format!("{ESCAPE}[1m")), "a heading stands out: {seen:?}");

    let folder = Folder::new();
    let file = write_lines(&folder, &sample()[..200]);
    let seen = on_a_terminal(&world, &format!("import {file}")).await;
    assert!(seen.contains('%') && seen.contains(ESCAPE), "a bar is drawn: {seen:?}");
    assert!(seen.contains("200 placed"), "{seen:?}");
}

async fn who_does_it_is_whoever_a_history_can_hold(world: World) {
    let name = world.place(world.draft(0)).await.name.parse().unwrap();
    let long = "x".repeat(101);
    let cases = [
        (Some("kari"), None, "kari"),
        (Some(""), None, "orderctl"),
        (Some("kåre"), None, "orderctl"),
        (Some("two words"), None, "orderctl"),
        (Some(long.as_str()), None, "orderctl"),
        (None, None, "orderctl"),
        (Some("kåre"), Some("Night shift"), "Night shift"),
    ];
    for (number, (user, told, expected)) in cases.into_iter().enumerate() {
        let status = ["processing", "not-processed"][number % 2];
        let mut command = command(&world, &["orders", "status", "1001", status]);
        command.env_remove("USER");
        command.envs(user.map(|user| ("USER", user)));
        command.args(told.into_iter().flat_map(|told| ["--actor", told]));
        let done = run(command).await;
        assert_eq!(done.code, Some(0), "{user:?}: {done:?}");
        let history = world.history(&name).await;
        assert_eq!(history.last().unwrap().actor, expected, "{user:?}");
    }
    let command = command(&world, &["orders", "status", "1001", "sent", "--actor", "Kåre"]);
    let refused = run(command).await;
    assert_eq!(refused.code, Some(2), "what is told is not replaced: {refused:?}");
}
