//! What Klarna's refusals mean: to be tried again, to be looked up, for a person, or a matter of the
//! credentials.

use std::time::Duration;

use order_rules::refusals::Code;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::outside::Answer;
use crate::systems::{Decline, in_one_line};

/// An answer that is not a success.
#[derive(Debug)]
pub(super) enum Said {
    /// It was not begun; the same again after this, or when we think fit.
    Busy(Duration),
    /// It may have been done all the same.
    Doubt,
    Unauthorized(String),
    Refused(Refused),
}

/// A no, and what else it can be taken for.
#[derive(Debug)]
pub(super) struct Refused {
    pub decline: Decline,
    /// The credentials are refused, in these words.
    pub hold: Option<String>,
    /// The same may be answered later.
    pub is_temporary: bool,
    /// How long Klarna wants to be left alone; zero: it is busy, and does not say how long.
    pub after: Option<Duration>,
    /// The state of the order forbids it: the order says more.
    pub may_be_known: bool,
}

/// The body of an error; the newer platform has one message, a type, and an id of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Words {
    error_code: String,
    error_type: String,
    error_messages: Vec<String>,
    error_message: String,
    correlation_id: String,
    error_id: String,
}

/// What an error says about a write.
pub(super) fn said(answer: &Answer) -> Said {
    let no = refused(answer);
    match answer.status {
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => {
            Said::Busy(no.after.unwrap_or_default())
        }
        StatusCode::UNAUTHORIZED => Said::Unauthorized(no.hold.unwrap_or_default()),
        // Whoever waited for us in vain may have begun all the same.
        StatusCode::REQUEST_TIMEOUT => Said::Doubt,
        status if status.is_client_error() => Said::Refused(no),
        _ => Said::Doubt,
    }
}

/// An error as it stands.
pub(super) fn refused(answer: &Answer) -> Refused {
    let words: Words = serde_json::from_slice(&answer.body).unwrap_or_default();
    let status = answer.status;
    let reason = reason(status, &words);
    let is_unauthorized = status == StatusCode::UNAUTHORIZED;
    let is_temporary = status.is_server_error()
        || matches!(
            status,
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    let is_busy = matches!(
        status,
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let code = code(status, &words.error_code);
    Refused {
        hold: is_unauthorized.then(|| reason.clone()),
        is_temporary,
        after: answer.retry_after().or(is_busy.then_some(Duration::ZERO)),
        may_be_known: status == StatusCode::FORBIDDEN || code == Code::NotAllowedAtProvider,
        decline: Decline { code, reason },
    }
}

impl Refused {
    /// Klarna was not asked: no order of it has such an id.
    pub(super) fn unknown_reference() -> Self {
        let reason = "the reference is none that Klarna could have given".to_owned();
        Self {
            decline: Decline { code: Code::NotFoundAtProvider, reason },
            hold: None,
            is_temporary: false,
            after: None,
            may_be_known: false,
        }
    }
}

/// The page that explains an error code.
fn code(status: StatusCode, error_code: &str) -> Code {
    match error_code {
        "NOT_ALLOWED" | "CAPTURE_NOT_ALLOWED" | "REFUND_NOT_ALLOWED" | "CANCEL_NOT_ALLOWED" => {
            Code::NotAllowedAtProvider
        }
        "NO_SUCH_ORDER" | "NO_SUCH_CAPTURE" | "NO_SUCH_REFUND" | "NOT_FOUND"
        | "INVALID_ORDER_ID" => Code::NotFoundAtProvider,
        "BAD_VALUE" | "UNPROCESSABLE_ENTITY" | "INVALID_ADDRESS" | "REQUEST_TOO_LARGE" => {
            Code::RejectedByProvider
        }
        _ => match status {
            StatusCode::NOT_FOUND => Code::NotFoundAtProvider,
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => Code::RejectedByProvider,
            _ => Code::UnknownProviderError,
        },
    }
}

/// Klarna's words in one line, with what its support asks for.
fn reason(status: StatusCode, words: &Words) -> String {
    let mut parts = vec![match words.error_code.as_str() {
        "" => format!("HTTP {}", status.as_u16()),
        code => code.to_owned(),
    }];
    parts.extend(words.error_messages.iter().cloned());
    let others = [&words.error_message, &words.error_type];
    parts.extend(others.into_iter().filter(|word| !word.is_empty()).cloned());
    let ids = [("correlation id", &words.correlation_id), ("error id", &words.error_id)];
    let known = ids.into_iter().filter(|(_, id)| !id.is_empty());
    parts.extend(known.map(|(name, id)| format!("({name} {id})")));
    in_one_line(&parts.join(" "))
}
