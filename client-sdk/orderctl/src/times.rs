//! Times and durations as people write and read them, in their own time zone.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time of the contract in the reader's zone: `2026-11-23 21:31:11+01:00`. Empty when absent.
pub(crate) fn local(time: Option<&prost_types::Timestamp>) -> String {
    time.map(|time| in_zone(time, TimeZone::system())).unwrap_or_default()
}

/// Reads a point in time: RFC 3339, a local date or date and time, or how long ago (`90m`, `7d`).
pub(crate) fn point_in_time(text: &str) -> Result<prost_types::Timestamp, String> {
    point_in_time_at(text, Timestamp::now(), TimeZone::system())
}

/// Reads how long from now: `90m`, `3d`.
pub(crate) fn from_now(text: &str) -> Result<prost_types::Timestamp, String> {
    let now = Timestamp::now();
    let before = ago(text.trim(), now);
    let after = before.and_then(|before| now.checked_add(now.duration_since(before)).ok());
    after
        .map(|time| prost_types::Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        })
        .ok_or_else(|| "must be how long from now, like 12h or 3d".to_owned())
}

/// Reads a duration: `500ms`, `10s`, `1m 30s`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed =
        if is_number { format!("{text}s").parse() } else { text.parse::<SignedDuration>() };
    parsed
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "must be a duration like 500ms, 10s or 1m".to_owned())
}

fn in_zone(time: &prost_types::Timestamp, zone: TimeZone) -> String {
    Timestamp::new(time.seconds, time.nanos).map_or_else(
        |_| format!("{} s", time.seconds),
        |time| time.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
    )
}

fn point_in_time_at(
    text: &str,
    now: Timestamp,
    zone: TimeZone,
) -> Result<prost_types::Timestamp, String> {
    let text = text.trim();
    let found = if let Ok(time) = text.parse::<Timestamp>() {
        Some(time)
    } else if let Ok(time) = text.parse::<DateTime>() {
        time.to_zoned_datetime(zone).ok().map(|zoned| zoned.timestamp())
    } else {
        ago(text, now)
    };
    found
        .map(|time| prost_types::Timestamp {
            seconds: time.as_second(),
            nanos: time.subsec_nanosecond(),
        })
        .ok_or_else(|| {
            "must be a time like 2026-11-23T20:00:00Z, 2026-11-23, or how long ago: 90m, 7d"
                .to_owned()
        })
}

/// Days are taken as 24 hours.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let hours = match text.strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => Some(days.checked_mul(24)?),
        _ => None,
    };
    let long = match hours {
        Some(hours) => SignedDuration::try_from_hours(hours)?,
        None => text.parse::<SignedDuration>().ok()?,
    };
    if long.is_negative() { None } else { now.checked_sub(long).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_form_that_is_offered() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
        let oslo = TimeZone::get("Europe/Oslo").expect("a zone");
        for (text, wanted) in [
            ("2026-11-23T12:00:00Z", "2026-11-23 13:00:00+01:00"),
            ("2026-07-01T12:00:00+02:00", "2026-07-01 12:00:00+02:00"),
            ("2026-07-01", "2026-07-01 00:00:00+02:00"),
            ("2026-07-01T08:30", "2026-07-01 08:30:00+02:00"),
            ("2026-07-01 08:30:05", "2026-07-01 08:30:05+02:00"),
            ("90m", "2026-11-23 11:30:00+01:00"),
            ("7d", "2026-11-16 13:00:00+01:00"),
        ] {
            let time = point_in_time_at(text, now, oslo.clone()).expect(text);
            assert_eq!(in_zone(&time, oslo.clone()), wanted, "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "-5m", "12"] {
            assert!(point_in_time_at(text, now, oslo.clone()).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn a_duration_is_read_with_its_unit_or_as_seconds() {
        for (text, milliseconds) in
            [("500ms", 500), ("10s", 10_000), ("10", 10_000), ("1m", 60_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)));
        }
        for text in ["", "soon", "-1s", "1.5.2s"] {
            assert!(duration(text).is_err(), "{text} was taken");
        }
    }
}
