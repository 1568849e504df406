//! Command line of the order service: data on stdout, talk on stderr, an exit code for scripts.

mod amounts;
mod arguments;
mod customers;
mod duplicates;
mod event_words;
mod export;
mod failure;
mod import;
mod integrations;
mod json;
mod labels;
mod orders;
mod output;
mod private_files;
mod problems;
mod refusals;
mod session;
mod shops;
mod status_names;
mod statuses;
mod stock;
mod tables;
mod times;
mod verify;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => {
            let code = if told.use_stderr() { failure::USAGE } else { 0 };
            // Nobody is left to tell when the terminal is gone.
            let _told = told.print();
            return ExitCode::from(code);
        }
    };
    if let Command::Completions(completions) = &arguments.command {
        return finish(print_completions(completions.shell));
    }
    let session = match Session::new(&arguments.global) {
        Ok(session) => session,
        Err(failure) => return finish(Err(failure)),
    };
    let mut result = run(&session, arguments.command).await;
    if let Err(failure) = &mut result {
        failure.look_up_remedies(&session).await;
    }
    finish(result)
}

async fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Orders(command) => orders::run(session, command).await,
        Command::Problems(command) => problems::run(session, command).await,
        Command::Duplicates(command) => duplicates::run(session, command).await,
        Command::Customers(command) => customers::run(session, command).await,
        Command::Import(arguments) => import::run(session, arguments).await,
        Command::Export(arguments) => export::run(session, *arguments).await,
        Command::Watch(arguments) => watch::run(session, arguments).await,
        Command::Shops(command) => shops::run(session, command).await,
        Command::Integrations(command) => integrations::run(session, command).await,
        Command::Statuses(command) => statuses::run(session, command).await,
        Command::Stock(command) => stock::run(session, command).await,
        Command::Verify => verify::run(session).await,
        Command::Explain(arguments) => refusals::explain(session, &arguments.code).await,
        Command::Refusals => refusals::list(session).await,
        Command::Completions(completions) => print_completions(completions.shell),
    }
}

fn print_completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "orderctl", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(())
}

fn finish(result: Result<(), Failure>) -> ExitCode {
    let result = result.and_then(|()| Ok(std::io::stdout().flush()?));
    match result {
        // Whoever read the output has read enough.
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Output::tell(&failure.to_string());
            if let Some(signal) = failure.signal() {
                let _ended = signal_hook::low_level::emulate_default_handler(signal);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
