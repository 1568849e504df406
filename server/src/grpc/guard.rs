//! What every call goes through: its deadline is kept, a panic ends only that call, and what the
//! gRPC library itself refuses gets a reason like everything else.

#[cfg(test)]
pub(super) mod tests;

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use order_rules::refusals::{Code, Refusal, Violation};
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{Body as HttpBody, Service, StdError};
use tonic::service::Routes;

use super::about::About;
use super::caller::Deadline;
use super::{bounded, errors};
use crate::commands::Failure;

const TIMEOUT_HEADER: &str = "grpc-timeout";
const LANGUAGE_HEADER: &str = "accept-language";
const DETAILS_HEADER: &str = "grpc-status-details-bin";
/// More digits than this are not a timeout of the gRPC protocol.
const TIMEOUT_DIGITS_MAX: usize = 8;

/// Carries a call out.
pub(super) async fn call<Content>(
    mut routes: Routes,
    mut request: Request<Content>,
) -> Result<Response<Body>, Infallible>
where
    Content: HttpBody<Data = Bytes, Error: Into<StdError>> + Send + 'static,
{
    let deadline = timeout(request.headers()).and_then(|time| Instant::now().checked_add(time));
    let language = language(request.headers());
    let has_files = bounded::takes_files(request.uri().path());
    let log = tracing::enabled!(tracing::Level::DEBUG)
        .then(|| (request.uri().path().to_owned(), Instant::now()));
    if let Some(deadline) = deadline {
        request.extensions_mut().insert(Deadline(deadline));
    }
    let answer = AssertUnwindSafe(routes.call(request)).catch_unwind();
    let answer = match deadline {
        Some(deadline) => timeout_at(deadline, answer).await,
        None => Ok(answer.await),
    };
    let response = match answer {
        Ok(Ok(Ok(response))) => with_reason(response, &language, has_files),
        Ok(Err(panic)) => {
            errors::status(panicked(panic.as_ref()), &language, &About::default()).into_http()
        }
        Err(_elapsed) => errors::status(
            Refusal::new(Code::DeadlineExceeded).into(),
            &language,
            &About::default(),
        )
        .into_http(),
    };
    if let Some((method, begun)) = log {
        // A call that succeeds says so after its messages.
        let code = Status::from_header_map(response.headers())
            .map_or(tonic::Code::Ok, |status| status.code());
        tracing::debug!(method, ?code, duration_us = begun.elapsed().as_micros(), "answered");
    }
    Ok(response)
}

/// The failure of a call whose handler panicked; the panic itself is already logged with its place.
pub(super) fn panicked(_panic: &(dyn Any + Send)) -> Failure {
    Failure::Internal { log: "a handler panicked".to_owned() }
}

/// How long the caller waits, from the header of the gRPC protocol: digits and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || digits.len() > TIMEOUT_DIGITS_MAX {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count.saturating_mul(3_600))),
        "M" => Some(Duration::from_secs(count.saturating_mul(60))),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

fn language(headers: &HeaderMap) -> String {
    let header = headers.get(LANGUAGE_HEADER).and_then(|value| value.to_str().ok());
    header.unwrap_or_default().to_owned()
}

/// The response, or, where it is a bare status that the gRPC library made because the message could
/// not be taken in, the refusal that says so.
fn with_reason(response: Response<Body>, language: &str, has_files: bool) -> Response<Body> {
    let headers = response.headers();
    let Some(status) = Status::from_header_map(headers) else { return response };
    if headers.contains_key(DETAILS_HEADER) {
        return response;
    }
    let (field, description) = match status.code() {
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted if has_files => {
            ("attachments", "are larger than 10 MB altogether")
        }
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => {
            ("request", "is larger than 1 MiB")
        }
        tonic::Code::Internal | tonic::Code::InvalidArgument => {
            ("request", "cannot be decoded as the request of this method")
        }
        // An unknown method or a compression that is not offered says all there is to say.
        _ => return response,
    };
    let violation = Violation { field: field.to_owned(), description: description.to_owned() };
    errors::status(Refusal::fields(vec![violation]).into(), language, &About::default()).into_http()
}
