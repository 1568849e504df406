//! Answers of many messages: each runs to its own end, or its caller's deadline, or a panic.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::stream::{BoxStream, once};
use futures_util::{Stream, StreamExt};
use order_rules::refusals::{Code, Refusal};
use tonic::Status;

use super::caller::Caller;
use super::guard;
use crate::commands::Failure;

/// What a call that is answered by many messages tells.
pub(super) type Told<Message> = BoxStream<'static, Result<Message, Status>>;

/// The messages, or what ended them in the caller's language.
pub(super) fn told_to<Message: Send + 'static>(
    messages: impl Stream<Item = Result<Message, Failure>> + Send + 'static,
    caller: Caller,
) -> Told<Message> {
    let caller = Arc::new(caller);
    let told = Arc::clone(&caller);
    guarded(messages.map(move |message| message.map_err(|failure| told.status(failure))), caller)
}

/// The stream until its caller's deadline, which is told only where it comes before the end; a panic
/// ends it with a status.
pub(super) fn guarded<Message: Send + 'static>(
    stream: impl Stream<Item = Result<Message, Status>> + Send + 'static,
    caller: Arc<Caller>,
) -> Told<Message> {
    let deadline = caller.deadline();
    let late = caller.status(Refusal::new(Code::DeadlineExceeded).into());
    let stream = AssertUnwindSafe(stream).catch_unwind().map(move |next| {
        next.unwrap_or_else(|panic| Err(caller.status(guard::panicked(panic.as_ref()))))
    });
    let Some(deadline) = deadline else { return stream.boxed() };
    // Nothing stands for the end of its own.
    let whole = stream.map(Some).chain(once(ready(None)));
    let in_time = whole.take_until(tokio::time::sleep_until(deadline));
    let told = in_time.chain(once(ready(Some(Err(late)))));
    told.take_while(|next| ready(next.is_some())).filter_map(ready).boxed()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream::{iter, pending};
    use tokio::time::Instant;
    use tonic::Request;
    use tonic_types::StatusExt;

    use super::super::caller::Deadline;
    use super::*;

    /// What is told of these messages to a caller who waits for a second.
    async fn told_in_a_second(
        messages: impl Stream<Item = Result<i32, Failure>> + Send + 'static,
    ) -> Vec<Result<i32, tonic::Code>> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Deadline(Instant::now() + Duration::from_secs(1)));
        let (caller, ()) = Caller::split(request);
        let told = told_to(messages, caller);
        told.map(|message| message.map_err(|status| status.code())).collect().await
    }

    #[tokio::test]
    async fn what_ends_a_stream_is_told_in_the_callers_language() {
        let mut request = Request::new(());
        request.metadata_mut().insert("accept-language", "nb-NO".parse().unwrap());
        let (caller, ()) = Caller::split(request);
        let failure = Failure::from(Refusal::new(Code::CursorExpired));
        let messages = iter([Ok(1), Err(failure)]);
        let told: Vec<Result<i32, Status>> = told_to(messages, caller).collect().await;
        let details = told[1].as_ref().unwrap_err().get_error_details();
        assert_eq!(details.localized_message().unwrap().locale, "nb");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_ends_only_what_has_not_ended() {
        assert_eq!(told_in_a_second(iter([Ok(1), Ok(2)])).await, [Ok(1), Ok(2)]);
        let stuck = iter([Ok(1)]).chain(pending());
        assert_eq!(told_in_a_second(stuck).await, [Ok(1), Err(tonic::Code::DeadlineExceeded)]);
        assert_eq!(told_in_a_second(iter([])).await, []);
    }
}
