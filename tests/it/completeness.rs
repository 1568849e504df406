//! Judges the other tests when all of them have run: no method of the contract and no refusal was
//! left out, and the servers they shared have logged neither defects nor anybody's name.

use std::collections::BTreeSet;

use order_rules::refusals::Code;
use order_sdk::proto;
use prost_reflect::DescriptorPool;

use crate::harness::server::{Backend, shared, shared_servers};
use crate::harness::world::CUSTOMER;
use crate::harness::{answered, refused};

trials! {
    once: [
        every_method_of_the_contract_is_carried_out_on_both_databases,
        every_code_of_the_catalogue_was_really_seen,
        no_log_tells_of_defects_or_of_customers,
    ];
}

/// By what the servers say they have answered.
async fn every_method_of_the_contract_is_carried_out_on_both_databases() {
    for server in shared_servers() {
        answered::note(server.backend, &server.log());
    }
    let pool = DescriptorPool::decode(order_proto::DESCRIPTOR).unwrap();
    let paths: Vec<String> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()))
        .collect();
    assert!(paths.len() >= 26, "{}", paths.len());
    for backend in Backend::ALL {
        let answered = answered::on(backend);
        let missing: Vec<&String> = paths.iter().filter(|path| !answered.contains(*path)).collect();
        assert!(missing.is_empty(), "no test has {missing:?} done on {}", backend.name());
    }
}

/// Of the catalogue as the server tells it, so that a new code is missed at once.
async fn every_code_of_the_catalogue_was_really_seen() {
    let client = shared(Backend::Sqlite).await.client();
    let catalogue = client.list_refusals(proto::ListRefusalsRequest {}).await.unwrap().refusals;
    let seen: BTreeSet<&str> = refused::seen().into_iter().map(Code::name).collect();
    let missing: Vec<&str> = catalogue
        .iter()
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
