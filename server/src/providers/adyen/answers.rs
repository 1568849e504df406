//! What Adyen's refusals mean: to be tried again, to be doubted, for a person, or a matter of the
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
    Refused(Decline),
}

/// An error as it is told.
struct Error {
    code: String,
    reason: String,
}

/// What its support asks for.
const IDS: [(&str, &str); 2] = [("pspReference", "pspReference"), ("request id", "requestId")];
/// Say no more than the code does.
const KINDS: [&str; 3] = ["status", "type", "errorType"];
const TRANSIENT: &str = "transient-error";
/// The key is known, and what it was used for is not over yet.
const IN_PROGRESS: &str = "704";
const INVALID_ACCOUNT: &str = "901";

/// What an error says about a call.
pub(super) fn said(answer: &Answer) -> Said {
    let Error { code, reason } = error(answer);
    let is_transient = answer.header(TRANSIENT) == Some("true");
    let after = answer.retry_after().unwrap_or_default();
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Said::Busy { after, reason },
        // The first call under the key decides, whatever becomes of this one.
        StatusCode::CONFLICT => Said::Doubt { reason },
        _ if code == IN_PROGRESS => Said::Doubt { reason },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Said::Unauthorized(reason),
        _ if code == INVALID_ACCOUNT => Said::Unauthorized(reason),
        status if status.is_client_error() && is_transient => Said::Busy { after, reason },
        status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
            Said::Refused(Decline { code: page(status, &code), reason })
        }
        _ => Said::Doubt { reason },
    }
}

/// Whether it is an error in Adyen's own words.
pub(super) fn is_told(answer: &Answer) -> bool {
    !error(answer).code.is_empty()
}

/// With its words in one line, and what its support asks for.
fn error(answer: &Answer) -> Error {
    let mut words = Words::read(&answer.body);
    for kind in KINDS {
        words.take(kind);
    }
    let code = words.take("errorCode");
    let mut known = vec![match code.as_str() {
        "" => format!("HTTP {}", answer.status.as_u16()),
        code => code.to_owned(),
    }];
    known.extend(["message", "title", "detail"].map(|name| words.take(name)));
    Error { reason: words.tell(known, &IDS), code }
}

/// The page that explains an error code.
fn page(status: StatusCode, code: &str) -> Code {
    match code {
        // The payment is not there, or nothing that can be done this to.
        "167" => Code::NotFoundAtProvider,
        // An invalid card or amount, an unreadable request, a field that does not fit.
        "100" | "101" | "137" | "138" | "139" | "702" => Code::RejectedByProvider,
        _ if status == StatusCode::NOT_FOUND => Code::NotFoundAtProvider,
        _ => Code::UnknownProviderError,
    }
}
