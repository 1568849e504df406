//! The house is tidy: sizes, first lines, and who may know whom.

use std::path::{Path, PathBuf};

use crate::harness::binaries::workspace;

trials! {
    once: [
        no_file_is_too_long,
        every_file_says_what_it_is_for,
        the_rules_depend_on_nothing,
        nothing_is_left_for_later,
        rooms_do_not_know_each_other,
        only_the_clock_knows_the_time,
        every_code_has_its_page_and_no_other_page_is_there,
    ];
}

const LINES_MAX: usize = 500;
const TEST_LINES_MAX: usize = 700;

struct Source {
    /// From the workspace's root.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("tests.rs")
    }

    /// Without comments, and without the tests at the end.
    fn code(&self) -> String {
        let text = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

/// Every Rust file of ours.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for room in ["proto", "server", "client-sdk", "tests"] {
        collect(&workspace().join(room), &mut found);
    }
    assert!(found.len() > 150, "{}", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(workspace()).unwrap().display().to_string();
            found.push(Source { path, text });
        }
    }
}

#[track_caller]
fn none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

async fn no_file_is_too_long() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter_map(|source| {
            let (lines, most) = (
                source.text.lines().count(),
                if source.is_test() { TEST_LINES_MAX } else { LINES_MAX },
            );
            (lines > most).then(|| format!("{}: {lines} lines", source.path))
        })
        .collect();
    none("too long, so it is two files", &wrong);
}

async fn every_file_says_what_it_is_for() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            let first = source.text.lines().next().unwrap_or_default();
            !first.starts_with("//! ") || first.len() < 20
        })
        .map(|source| source.path)
        .collect();
    none("does not begin with a sentence on what it is for", &wrong);
}

async fn the_rules_depend_on_nothing() {
    let manifest = std::fs::read_to_string(workspace().join("server/rules/Cargo.toml")).unwrap();
    let dependencies: Vec<&str> = manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    assert!(manifest.contains("[dependencies]") && dependencies.is_empty(), "{dependencies:?}");
}

async fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let marks: Vec<String> =
        [("todo", "!"), ("unimplemented", "!"), ("#[ign", "ore"), ("FIX", "ME"), ("TO", "DO")]
            .map(|(one, other)| format!("{one}{other}"))
            .into();
    let mut wrong = Vec::new();
    for source in sources() {
        for mark in &marks {
            if source.text.contains(mark.as_str()) {
                wrong.push(format!("{}: {mark}", source.path));
            }
        }
    }
    none("left for later", &wrong);
}

/// Files below these paths must not name these things.
const WALLS: &[(&str, &[&str])] = &[
    (
        "server/src/store",
        &["order_proto", "crate::commands", "crate::grpc", "crate::providers", "tonic::"],
    ),
    ("server/src/providers", &["crate::store", "crate::turns", "crate::grpc", "tonic::"]),
    ("server/src/mail", &["crate::store", "crate::turns", "crate::grpc", "tonic::"]),
    ("server/src/grpc", &["diesel::", "crate::providers", "crate::effects"]),
    ("server/src/commands", &["tonic::Status", "diesel::", "crate::grpc", "crate::providers"]),
    ("server/src/turns", &["tonic::Status", "crate::grpc", "crate::effects"]),
    ("server/rules/src", &["tokio", "async fn", "std::time", "println!"]),
    ("client-sdk/src", &["order_server"]),
];

async fn rooms_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (room, strangers) in WALLS {
            let is_inside =
                source.path.starts_with(&format!("{room}/")) || source.path == format!("{room}.rs");
            let code = source.code();
            for stranger in strangers.iter().filter(|stranger| code.contains(**stranger)) {
                if is_inside {
                    wrong.push(format!("{} knows {stranger}", source.path));
                }
            }
        }
    }
    none("a wall has a hole", &wrong);
}

async fn only_the_clock_knows_the_time() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.is_test() && source.path != "server/src/clock.rs")
        .filter(|source| source.code().contains("SystemTime"))
        .map(|source| source.path)
        .collect();
    none("asks what time it is", &wrong);
}

async fn every_code_has_its_page_and_no_other_page_is_there() {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(workspace().join("server/refusals"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    let pages: Vec<&str> =
        pages.iter().map(|page| page.file_stem().unwrap().to_str().unwrap()).collect();
    let mut codes: Vec<&str> =
        order_rules::refusals::Code::ALL.iter().map(|code| code.name()).collect();
    codes.sort_unstable();
    assert_eq!(pages, codes);
}
