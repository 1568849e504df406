//! Starts the order service.

use std::io::Write;
use std::process::ExitCode;

use order_server::config::{Settings, Stop};
use order_server::{app, telemetry};

/// Orders are many small texts, made and dropped on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As command lines have it: the call itself is wrong.
const WRONG_SETTING: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::of_process() {
        Ok(settings) => settings,
        Err(Stop::Told(text)) => {
            return if write!(std::io::stdout(), "{text}").is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Err(Stop::Wrong(line)) => return complain(&line, WRONG_SETTING),
    };
    telemetry::start(settings.log_format(), settings.log_filter());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start: {error}"), 1),
    };
    let outcome = runtime.block_on(app::run(settings));
    // What is still under way after the drain has had its time.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => complain(&line, 1),
    }
}

/// One line for the person at the terminal. That stderr is closed is no reason to fail otherwise.
fn complain(line: &str, code: u8) -> ExitCode {
    drop(writeln!(std::io::stderr(), "order-server: {line}"));
    ExitCode::from(code)
}
