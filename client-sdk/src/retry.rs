//! When a call is made again: never unless that is safe, with growing pauses, and not by everybody.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::error::Error;

/// How often, and after what pauses, a call that failed in passing is made again.
///
/// Only what may succeed by itself is made again: an unreachable or broken connection, UNAVAILABLE,
/// and `RESOURCE_EXHAUSTED` or ABORTED that say when. Mutations too: their `request_id` stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    attempts: u32,
    /// Longest pause before the second attempt; doubles with each.
    first_pause: Duration,
    /// Longest pause of all.
    longest_pause: Duration,
}

/// Attempts that all callers of a client share: when most calls fail, hardly any is made again.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tokens: AtomicU32,
}

const BUDGET: u32 = 500;
const RETRY_COST: u32 = 5;
const SUCCESS_REFUND: u32 = 1;

impl Default for RetryPolicy {
    /// 5 attempts, pauses of up to 100 ms, doubling, up to 5 s.
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// Every call is made once.
    #[must_use]
    pub fn off() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// Attempts in all; 0 is taken as 1.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }

    /// Longest pause before the second attempt (doubles with each), and longest pause of all.
    #[must_use]
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first_pause: first, longest_pause: longest, ..self }
    }

    pub(crate) fn max_attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause after this many failures: anything up to the bound, so that callers who failed
    /// together do not come back together; never less than the server asked for.
    pub(crate) fn pause(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or_default() + random_up_to(self.longest_pause_after(failures))
    }

    fn longest_pause_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first_pause.saturating_mul(1 << doublings).min(self.longest_pause)
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tokens: AtomicU32::new(BUDGET) }
    }
}

impl RetryBudget {
    /// Takes what one retry costs; false when it is not there.
    fn spend(&self) -> bool {
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                tokens.checked_sub(RETRY_COST)
            })
            .is_ok()
    }

    fn refund(&self) {
        let refilled = |tokens: u32| (tokens < BUDGET).then_some(tokens + SUCCESS_REFUND);
        // Full is full.
        let _full = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refilled);
    }
}

/// Makes the call until it succeeds, fails for good, has had all its attempts or is out of time.
/// Each attempt is told how much time is left.
pub(crate) async fn with_retries<A, F, Fut>(
    policy: &RetryPolicy,
    budget: &RetryBudget,
    deadline: Instant,
    mut attempt: F,
) -> Result<A, Error>
where
    F: FnMut(Duration) -> Fut,
    Fut: Future<Output = Result<A, Error>>,
{
    let mut attempts = 0;
    loop {
        attempts += 1;
        let remaining = deadline.saturating_duration_since(Instant::now());
        let outcome = timeout_at(deadline, attempt(remaining)).await;
        let error = match outcome {
            Ok(Ok(answer)) => {
                budget.refund();
                return Ok(answer);
            }
            Ok(Err(error)) => error,
            Err(_elapsed) => Error::DeadlineExceeded,
        };
        if !error.is_retryable() {
            return Err(error);
        }
        let pause = policy.pause(attempts, error.retry_after());
        let is_in_time = Instant::now().checked_add(pause).is_some_and(|then| then < deadline);
        if attempts >= policy.attempts || !is_in_time || !budget.spend() {
            return Err(if attempts == 1 {
                error
            } else {
                Error::Exhausted { attempts, last: Box::new(error) }
            });
        }
        tracing::debug!(attempts, ?pause, %error, "call failed, making it again");
        sleep(pause).await;
    }
}

fn random_up_to(longest: Duration) -> Duration {
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(fastrand::u64(0..=micros))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn refused(code: Code, reason: &str, retry_after: Option<Duration>) -> Error {
        let mut details = ErrorDetails::with_error_info(reason, "orders", []);
        if let Some(delay) = retry_after {
            details.set_retry_info(Some(delay));
        }
        Error::from_status(&Status::with_error_details(code, "no", details))
    }

    /// How many attempts are made, and after how long it ends, when every attempt fails like this.
    async fn attempts_when(
        policy: &RetryPolicy,
        fail: impl Fn() -> Error,
    ) -> (u32, Duration, Error) {
        let made = Cell::new(0);
        let start = Instant::now();
        let deadline = start + Duration::from_secs(10);
        let outcome = with_retries(policy, &RetryBudget::default(), deadline, |_| {
            made.set(made.get() + 1);
            let error = fail();
            async move { Err::<(), _>(error) }
        })
        .await;
        (made.get(), start.elapsed(), outcome.expect_err("all attempts fail"))
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_passes_by_itself_is_made_again() {
        let policy = RetryPolicy::default();
        let second = Some(Duration::from_secs(1));
        let cases: Vec<(Box<dyn Fn() -> Error>, u32)> = vec![
            (Box::new(|| Error::Unavailable("down".to_owned())), 5),
            (Box::new(|| Error::Transport("cut".to_owned())), 5),
            (Box::new(|| refused(Code::Unavailable, "UNAVAILABLE", None)), 5),
            (Box::new(move || refused(Code::ResourceExhausted, "QUEUE_FULL", second)), 5),
            (Box::new(move || refused(Code::Aborted, "TURN_LOST", second)), 5),
            (Box::new(|| refused(Code::ResourceExhausted, "TOO_LARGE", None)), 1),
            (Box::new(|| refused(Code::Aborted, "ETAG_MISMATCH", None)), 1),
            (Box::new(move || refused(Code::FailedPrecondition, "ALREADY_CAPTURED", second)), 1),
            (Box::new(|| Error::DeadlineExceeded), 1),
            (Box::new(|| Error::broken_promise("odd")), 1),
        ];
        for (number, (fail, wanted)) in cases.into_iter().enumerate() {
            let (made, _, error) = attempts_when(&policy, fail).await;
            assert_eq!(made, wanted, "case {number}: {error:?}");
            assert_eq!(matches!(error, Error::Exhausted { attempts: 5, .. }), wanted == 5);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn switched_off_a_call_is_made_once_and_its_own_error_is_told() {
        let down = || Error::Unavailable("down".to_owned());
        let (made, _, error) = attempts_when(&RetryPolicy::off(), down).await;
        assert_eq!(made, 1);
        assert!(matches!(error, Error::Unavailable(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_s_pause_is_kept_and_the_deadline_is_not_overrun() {
        let busy = |seconds| {
            move || {
                refused(Code::ResourceExhausted, "QUEUE_FULL", Some(Duration::from_secs(seconds)))
            }
        };
        let (made, took, _) = attempts_when(&RetryPolicy::default(), busy(2)).await;
        assert_eq!(made, 5, "4 pauses of 2 s fit into 10 s");
        assert!(took >= Duration::from_secs(8));
        let (made, took, error) = attempts_when(&RetryPolicy::default(), busy(4)).await;
        assert_eq!(made, 3, "a third pause of 4 s does not");
        assert!(took < Duration::from_secs(10));
        assert_eq!(error.code(), Some("QUEUE_FULL"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_hangs_ends_at_the_deadline() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let outcome =
            with_retries(&RetryPolicy::default(), &RetryBudget::default(), deadline, |left| {
                assert_eq!(left, Duration::from_secs(10));
                std::future::pending::<Result<(), Error>>()
            })
            .await;
        assert!(matches!(outcome, Err(Error::DeadlineExceeded)));
        assert_eq!(Instant::now(), deadline);
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy::default();
        let longest =
            [1, 2, 3, 4, 7, 40].map(|failures| policy.longest_pause_after(failures).as_millis());
        assert_eq!(longest, [100, 200, 400, 800, 5000, 5000]);
        assert!(policy.pause(3, Some(Duration::from_secs(1))) >= Duration::from_secs(1));
    }

    #[test]
    fn a_spent_budget_is_refilled_by_success_alone() {
        let budget = RetryBudget::default();
        for _ in 0..BUDGET / RETRY_COST {
            assert!(budget.spend());
        }
        assert!(!budget.spend());
        for _ in 0..RETRY_COST {
            budget.refund();
        }
        assert!(budget.spend());
        assert!(!budget.spend());
    }
}
