//! Whole-server tests: the real binaries on both databases, driven through the SDK and the CLI.
//!
//! Most tests share one server per database, each in a shop of its own; those that kill, stop or
//! configure a server start their own. A test that waits for a provider costs nothing but time, so
//! more of them run at once than there are cores. When all have run, the last ones judge what the
//! others have really called and seen.

#[cfg(test)]
#[macro_use]
mod harness;
#[cfg(test)]
mod postgres;

#[cfg(test)]
mod accounting;
#[cfg(test)]
mod adyen;
#[cfg(test)]
mod attention;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod cancelling;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod completeness;
#[cfg(test)]
mod completing;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crediting;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod deleting;
#[cfg(test)]
mod delivering;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod editing;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod expiring;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod integrations;
#[cfg(test)]
mod klarna;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod listening_on;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod mail_servers;
#[cfg(test)]
mod mailing;
#[cfg(test)]
mod many;
#[cfg(test)]
mod model;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod on_a_terminal;
#[cfg(test)]
mod orderctl;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod pending;
#[cfg(test)]
mod placing;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod reconciling;
#[cfg(test)]
mod refunding;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod resolving;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod searching;
#[cfg(test)]
mod shops;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod states;
#[cfg(test)]
mod statuses;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod twins;
#[cfg(test)]
mod updating;
#[cfg(test)]
mod verifying;
#[cfg(test)]
mod vipps;
#[cfg(test)]
mod watching;
#[cfg(test)]
mod webhooks;

#[cfg(test)]
fn main() -> std::process::ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    let is_whole = arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.list;
    arguments.test_threads.get_or_insert(harness::trials::AT_ONCE);
    let outcome = libtest_mimic::run(&arguments, areas());
    let is_judged =
        !is_whole || !libtest_mimic::run(&arguments, completeness::trials()).has_failed();
    harness::stop_shared_servers();
    if is_whole {
        harness::slowest::tell();
    }
    if outcome.has_failed() || !is_judged {
        std::process::ExitCode::FAILURE
    } else {
        std::process::ExitCode::SUCCESS
    }
}

#[cfg(not(test))]
fn main() {}

#[cfg(test)]
const AREAS: &[fn() -> Vec<libtest_mimic::Trial>] = &[
    // They take longest, most of all in the long depth: the others run beside them.
    crash::trials,
    model::trials,
    accounting::trials,
    accounting::booked::trials,
    accounting::doubts::trials,
    accounting::refusals::trials,
    accounting::troubles::trials,
    accounting::waiting::trials,
    adyen::trials,
    adyen::aftermath::trials,
    adyen::doubts::trials,
    adyen::parts::trials,
    adyen::portal::trials,
    attention::trials,
    bad_input::trials,
    batches::trials,
    cancelling::trials,
    catalogue::trials,
    cli::trials,
    cli::aftercare::trials,
    cli::choices::trials,
    cli::goods::trials,
    cli::imports::trials,
    cli::lists::trials,
    clocks::trials,
    completing::trials,
    concurrency::trials,
    crediting::trials,
    crediting::asking::trials,
    crediting::documents::trials,
    cut_off::trials,
    damaged::trials,
    deleting::trials,
    delivering::trials,
    delivering::races::trials,
    edge::trials,
    editing::trials,
    envelope::trials,
    expiring::trials,
    fuzz::trials,
    guide::trials,
    guide::stand_ins::trials,
    integrations::trials,
    klarna::trials,
    klarna::kustom::trials,
    klarna::refusals::trials,
    labels::trials,
    labels::doubts::trials,
    labels::errors::trials,
    labels::reads::trials,
    lifecycle::trials,
    listening_on::trials,
    listing::trials,
    mail_servers::trials,
    mailing::trials,
    many::trials,
    notes::trials,
    on_a_terminal::trials,
    orderctl::trials,
    outages::trials,
    pending::trials,
    placing::trials,
    plans::trials,
    privacy::trials,
    privacy::turns::trials,
    reading::trials,
    reconciling::trials,
    reconciling::rounds::trials,
    refunding::trials,
    replicas::trials,
    resolving::trials,
    resolving::flagged::trials,
    resolving::races::trials,
    rules::trials,
    schemas::trials,
    searching::trials,
    shops::trials,
    starting::trials,
    starting::on_postgres::trials,
    states::trials,
    statuses::trials,
    stock::trials,
    tidy::trials,
    twins::trials,
    updating::trials,
    verifying::trials,
    verifying::damages::trials,
    vipps::trials,
    vipps::elsewhere::trials,
    vipps::refusals::trials,
    watching::trials,
    webhooks::trials,
    webhooks::vipps::trials,
];

#[cfg(test)]
fn areas() -> Vec<libtest_mimic::Trial> {
    AREAS.iter().flat_map(|area| area()).collect()
}
