//! What the service says about itself: one line a record, on stderr, never with personal data.

use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

/// How a record looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    Text,
    Json,
}

/// Starts to log what `filter` lets through, e.g. `info` or `info,order_server::effects=debug`.
/// A filter that cannot be read lets through what `info` does.
pub fn start(format: LogFormat, filter: &str) {
    let is_text = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    if is_text {
        log.with_ansi(stderr().is_terminal()).init();
    } else {
        log.json().flatten_event(true).init();
    }
    std::panic::set_hook(Box::new(log_panic));
}

/// Whether `filter` can be read.
pub(crate) fn is_filter(filter: &str) -> bool {
    EnvFilter::try_new(filter).is_ok()
}

/// Says where, and what only when that was written into the program: a made-up text could hold
/// somebody's name.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    tracing::error!(place, text, "panicked");
}
