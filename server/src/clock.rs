//! What time it is: the one place that asks.

use std::time::{SystemTime, UNIX_EPOCH};

use order_rules::order::Micros;

/// Now, in microseconds since 1970; 0 before that.
#[expect(clippy::disallowed_methods, reason = "everyone else is given the time by this function")]
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
