//! How long a command that is done all the same waits for what comes of it.

use std::time::Duration;

use clap::Args;

use crate::times::duration;

/// What such a command takes.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct WaitArguments {
    /// Wait at most this long, up to 60s, for what comes of it, and tell when that is not done then; 0s
    /// does not wait [default: 10s, and it is not told]
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        default_missing_value = "10s",
        num_args = 0..=1
    )]
    wait: Option<Duration>,
}

/// How long is waited unless told.
const WAIT: Duration = Duration::from_secs(10);

impl WaitArguments {
    pub(super) fn time(self) -> Duration {
        self.wait.unwrap_or(WAIT)
    }

    /// Whether somebody wants to know that it was in vain.
    pub(super) fn is_asked_for(self) -> bool {
        self.wait.is_some_and(|wait| !wait.is_zero())
    }
}
