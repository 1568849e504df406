//! What the servers of the tests have answered, as their logs tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::server::Backend;

/// Has a server log each answer.
pub(crate) const LOG_FILTER: &str = "info,order_server::grpc::guard=debug";

static ANSWERED: Mutex<BTreeMap<Backend, BTreeSet<String>>> = Mutex::new(BTreeMap::new());

/// Takes note of the methods that a server has carried out, by all that it has logged.
pub(crate) fn note(backend: Backend, log: &str) {
    let methods = log.lines().filter(|line| line.contains("\"answered\"")).filter_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_answer = record["message"] == "answered" && record["code"] == "Ok";
        is_answer.then(|| record["method"].as_str().map(str::to_owned)).flatten()
    });
    let methods: Vec<String> = methods.collect();
    ANSWERED.lock().unwrap().entry(backend).or_default().extend(methods);
}

/// The paths of the methods that were carried out on this database.
pub(crate) fn on(backend: Backend) -> BTreeSet<String> {
    ANSWERED.lock().unwrap().get(&backend).cloned().unwrap_or_default()
}
