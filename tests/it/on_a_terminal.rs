//! `orderctl` at a terminal and in a pipe, and who it says has called.

use tokio::process::Command;

use crate::harness::folder::Folder;
use crate::harness::{World, binaries};
use crate::orderctl::{command, run, sample, write_lines};

trials! {
    shared: [
        a_pipe_gets_no_control_characters,
        a_terminal_gets_colour_and_a_progress_bar,
        who_does_it_is_whoever_a_history_can_hold,
    ];
}

const ESCAPE: char = '\u{1b}';

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
    terminal.env_remove("NO_COLOR").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let told = run(terminal).await;
    assert_eq!(told.code, Some(0), "{line}: {told:?}");
    told.data
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
