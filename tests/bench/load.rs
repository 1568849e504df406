//! Load: so many calls in flight, a warm-up, a window, and what came of it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::Status;

use crate::Result;

/// How hard to press, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pressure {
    pub(crate) in_flight: usize,
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// What came of a window.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Calls that ended within the window, per second.
    pub(crate) per_second: u64,
    /// Their times in microseconds, ascending.
    latencies: Vec<u64>,
}

/// A call that was answered: when, since the beginning, and after how long; microseconds.
struct Answered {
    at: u64,
    took: u64,
}

impl Measured {
    /// The time in microseconds that `percent` % of the calls stayed below.
    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let place = self.latencies.len().saturating_sub(1) * percent / 100;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// Keeps `in_flight` calls going until the window is over. `call` gets the number of its lane and
/// makes the next call of that lane; `None` when there is nothing left to call, which ends the
/// window early.
///
/// # Errors
/// The first call that fails, or a window too short to count (under a fifth of what was asked).
pub(crate) async fn press<Make, Call>(pressure: Pressure, call: Make) -> Result<Measured>
where
    Make: Fn(usize) -> Option<Call> + Send + Sync + 'static,
    Call: Future<Output = std::result::Result<(), Status>> + Send + 'static,
{
    let call = Arc::new(call);
    let began = Instant::now();
    let end = began + pressure.warm_up + pressure.window;
    let mut lanes = JoinSet::new();
    for lane in 0..pressure.in_flight {
        let call = Arc::clone(&call);
        lanes.spawn(async move {
            let mut answered = Vec::new();
            loop {
                let sent = Instant::now();
                if sent >= end {
                    return Ok((answered, None));
                }
                let Some(call) = call(lane) else {
                    return Ok((answered, Some(micros(sent - began))));
                };
                call.await?;
                let at = micros(began.elapsed());
                answered.push(Answered { at, took: micros(sent.elapsed()) });
            }
        });
    }
    let mut all = Vec::new();
    let from = micros(pressure.warm_up);
    let mut until = from + micros(pressure.window);
    while let Some(lane) = lanes.join_next().await {
        let (answered, ran_out): (Vec<Answered>, Option<u64>) =
            lane?.map_err(|status: Status| describe(&status))?;
        all.extend(answered);
        until = until.min(ran_out.unwrap_or(until));
    }
    if until.saturating_sub(from) < micros(pressure.window) / 5 {
        return Err("the calls ran out before the window was over".into());
    }
    all.retain(|answered| answered.at > from && answered.at <= until);
    let mut latencies: Vec<u64> = all.iter().map(|answered| answered.took).collect();
    latencies.sort_unstable();
    Ok(Measured { per_second: per_second(latencies.len(), until - from), latencies })
}

/// So many things in so many microseconds, per second.
pub(crate) fn per_second(count: usize, micros: u64) -> u64 {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    count.saturating_mul(1_000_000).checked_div(micros).unwrap_or_default()
}

/// Whole microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The middle one; of an even number the lower of the two.
pub(crate) fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    let middle = numbers.len().saturating_sub(1) / 2;
    numbers.get(middle).copied().unwrap_or_default()
}

/// The window with the median rate.
pub(crate) fn median_window(mut windows: Vec<Measured>) -> Option<Measured> {
    windows.sort_by_key(|window| window.per_second);
    let middle = windows.len().saturating_sub(1) / 2;
    windows.into_iter().nth(middle)
}

fn describe(status: &Status) -> String {
    format!("a call failed: {:?}: {}", status.code(), status.message())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn pressure(window_millis: u64) -> Pressure {
        Pressure {
            in_flight: 4,
            warm_up: Duration::from_millis(10),
            window: Duration::from_millis(window_millis),
        }
    }

    #[test]
    fn calls_in_the_warm_up_do_not_count() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let measured = runtime()
            .block_on(press(pressure(40), move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Some(async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok(())
                })
            }))
            .unwrap();
        assert!(measured.latencies.len() < calls.load(Ordering::Relaxed));
        assert!(measured.percentile(50) >= 1_000);
        assert!(measured.percentile(99) >= measured.percentile(50));
        assert_eq!(measured.per_second, per_second(measured.latencies.len(), 40_000));
    }

    #[test]
    fn a_failed_call_fails_the_window() {
        let failed = runtime().block_on(press(pressure(40), |lane| {
            Some(async move {
                tokio::task::yield_now().await;
                if lane == 3 { Err(Status::aborted("no")) } else { Ok(()) }
            })
        }));
        assert!(failed.unwrap_err().to_string().contains("Aborted"));
    }

    #[test]
    fn a_window_without_calls_is_no_measurement() {
        let empty =
            runtime().block_on(press(pressure(40), |_| None::<std::future::Ready<_>>)).unwrap_err();
        assert!(empty.to_string().contains("ran out"));
    }

    #[test]
    fn medians_are_the_middle() {
        for (numbers, middle) in [(vec![3, 1, 2], 2), (vec![4, 1, 3, 2], 2), (vec![7], 7)] {
            assert_eq!(median(numbers), middle);
        }
    }
}
