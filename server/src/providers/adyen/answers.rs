//! What Adyen's refusals mean: to be tried again, to be doubted, for a person, or a matter of the
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
    Refused(Decline),
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Words {
    error_code: String,
    message: String,
    psp_reference: String,
}

const TRANSIENT: &str = "transient-error";
/// The key is known, and what it was used for is not over yet.
const IN_PROGRESS: &str = "704";
const INVALID_ACCOUNT: &str = "901";

/// What an error says about a call.
pub(super) fn said(answer: &Answer) -> Said {
    let words = words(answer);
    let is_transient = answer.header(TRANSIENT) == Some("true");
    let after = answer.retry_after().unwrap_or_default();
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Said::Busy(after),
        // The first call under the key decides, whatever becomes of this one.
        StatusCode::CONFLICT => Said::Doubt,
        _ if words.error_code == IN_PROGRESS => Said::Doubt,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Said::Unauthorized(reason(answer)),
        _ if words.error_code == INVALID_ACCOUNT => Said::Unauthorized(reason(answer)),
        status if status.is_client_error() && is_transient => Said::Busy(after),
        status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
            Said::Refused(Decline { code: code(status, &words), reason: reason(answer) })
        }
        _ => Said::Doubt,
    }
}

/// Adyen's words in one line, with what its support asks for.
pub(super) fn reason(answer: &Answer) -> String {
    let words = words(answer);
    let mut parts = vec![match words.error_code.as_str() {
        "" => format!("HTTP {}", answer.status.as_u16()),
        code => code.to_owned(),
    }];
    parts.extend(Some(words.message).filter(|message| !message.is_empty()));
    let reference = Some(words.psp_reference).filter(|reference| !reference.is_empty());
    parts.extend(reference.map(|reference| format!("(pspReference {reference})")));
    in_one_line(&parts.join(" "))
}

fn words(answer: &Answer) -> Words {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// The page that explains an error code.
fn code(status: StatusCode, words: &Words) -> Code {
    match words.error_code.as_str() {
        // The payment is not there, or nothing that can be done this to.
        "167" => Code::NotFoundAtProvider,
        // An invalid card or amount, an unreadable request, a field that does not fit.
        "100" | "101" | "137" | "138" | "139" | "702" => Code::RejectedByProvider,
        _ if status == StatusCode::NOT_FOUND => Code::NotFoundAtProvider,
        _ => Code::UnknownProviderError,
    }
}
