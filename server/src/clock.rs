//! What time it is: the one place that asks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use order_rules::order::Micros;

/// Now, in microseconds since 1970; 0 before that.
#[expect(clippy::disallowed_methods, reason = "everyone else is given the time by this function")]
pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A time as those want it who write dates.
pub(crate) fn system_time(time: Micros) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(time.0).unwrap_or_default())
}
