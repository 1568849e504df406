//! What Klarna's refusals mean: to be tried again, to be looked up, for a person, or a matter of the
//! credentials.

use std::time::Duration;

use order_rules::refusals::Code;
use reqwest::StatusCode;

use crate::outside::Answer;
use crate::systems::{Decline, Words};

/// An answer that is not a success.
#[derive(Debug)]
pub(super) enum Said {
    /// It was not begun; the same again after this, or when we think fit.
    Busy {
        after: Duration,
        reason: String,
    },
    /// It may have been done all the same.
    Doubt {
        reason: String,
    },
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

/// What its support asks for; the newer platform has an id of its own.
const IDS: [(&str, &str); 2] = [("correlation id", "correlation_id"), ("error id", "error_id")];

/// What an error says about a write.
pub(super) fn said(answer: &Answer) -> Said {
    let no = refused(answer);
    match answer.status {
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => {
            Said::Busy { after: no.after.unwrap_or_default(), reason: no.decline.reason }
        }
        StatusCode::UNAUTHORIZED => Said::Unauthorized(no.hold.unwrap_or_default()),
        // Whoever waited for us in vain may have begun all the same.
        StatusCode::REQUEST_TIMEOUT => Said::Doubt { reason: no.decline.reason },
        status if status.is_client_error() => Said::Refused(no),
        _ => Said::Doubt { reason: no.decline.reason },
    }
}

/// An error as it stands.
pub(super) fn refused(answer: &Answer) -> Refused {
    let status = answer.status;
    let mut words = Words::read(&answer.body);
    let error_code = words.take("error_code");
    let reason = reason(status, &error_code, words);
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
    let code = code(status, &error_code);
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

/// Klarna's words in one line, with what its support asks for; the newer platform has one message,
/// and a type.
fn reason(status: StatusCode, error_code: &str, mut words: Words) -> String {
    let mut known = vec![match error_code {
        "" => format!("HTTP {}", status.as_u16()),
        code => code.to_owned(),
    }];
    known.extend(words.take_texts("error_messages"));
    known.extend(["error_message", "error_type"].map(|name| words.take(name)));
    words.tell(known, &IDS)
}
