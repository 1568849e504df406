//! Judges the other tests when all of them have run: no method of the contract and no refusal was
//! left out, and the servers they shared have logged neither defects nor anybody's name.

use std::collections::BTreeSet;
use std::path::Path;

use order_rules::refusals::Code;
use order_sdk::proto;
use prost_reflect::DescriptorPool;

use crate::harness::server::{Backend, shared, shared_servers};
use crate::harness::world::CUSTOMER;
use crate::harness::{binaries, refused};

trials! {
    once: [
        every_method_of_the_contract_is_called,
        every_code_that_refuses_was_really_seen,
        no_log_tells_of_defects_or_of_customers,
    ];
}

/// What the tests call, as the SDK names it.
async fn every_method_of_the_contract_is_called() {
    let sources = sources(&binaries::workspace().join("tests/it"));
    let pool = DescriptorPool::decode(order_proto::DESCRIPTOR).unwrap();
    let methods: Vec<_> =
        pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    assert!(methods.len() >= 26, "{}", methods.len());
    for method in methods {
        let name = match method.name() {
            // The SDK has builders for these.
            "WatchOrders" => ".watch(".to_owned(),
            "ListOrders" => ".orders(".to_owned(),
            name => format!(".{}(", snake_case(name)),
        };
        assert!(sources.contains(&name), "no test calls {}", method.full_name());
    }
}

/// Of the catalogue as the server tells it, so that a new code is missed at once.
async fn every_code_that_refuses_was_really_seen() {
    let client = shared(Backend::Sqlite).await.client();
    let catalogue = client.list_refusals(proto::ListRefusalsRequest {}).await.unwrap().refusals;
    let seen: BTreeSet<&str> = refused::seen().into_iter().map(Code::name).collect();
    let missing: Vec<&str> = catalogue
        .iter()
        .filter(|page| !page.grpc_code.is_empty())
        .map(|page| page.code.as_str())
        .filter(|code| !seen.contains(code))
        .collect();
    assert!(missing.is_empty(), "no test has seen {missing:?}");
}

async fn no_log_tells_of_defects_or_of_customers() {
    let servers = shared_servers();
    assert_eq!(servers.len(), Backend::ALL.len());
    for server in servers {
        let log = server.log();
        for line in log.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_ne!(record["level"], "ERROR", "{}: {line}", server.backend.name());
        }
        let (name, email) = CUSTOMER;
        for personal in [name, email, "Hemmelig", "hemmelig", "kari@", "Ola Nordmann", "Pakk godt"]
        {
            assert!(!log.contains(personal), "{personal} is in a log");
        }
    }
}

/// All sources below a folder, without what is commented out.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.file_stem().is_some_and(|stem| stem != "completeness" && stem != "fuzz") {
            let source = std::fs::read_to_string(&path).unwrap();
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            text.extend(code.flat_map(|line| [line, "\n"]));
        }
    }
    text
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
