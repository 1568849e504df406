//! What Cargonizer's refusals mean: to be tried again, for a person, or a matter of the credentials.

use std::time::Duration;

use order_rules::refusals::Code;
use reqwest::StatusCode;

use super::reading;
use crate::outside::Answer;
use crate::systems::{Decline, in_one_line};

/// A no, and what else it can be taken for.
#[derive(Debug)]
pub(super) struct Refused {
    pub decline: Decline,
    /// The key or the sender id is refused.
    pub is_about_credentials: bool,
    /// The same may be answered later.
    pub is_temporary: bool,
    /// What was asked for may have been done all the same.
    pub is_in_doubt: bool,
    /// How long Cargonizer wants to be left alone; zero: it is busy, and does not say how long.
    pub after: Option<Duration>,
}

/// Words in what it says, in Norwegian or English, and the page that explains them.
const PAGES: [(&str, Code); 9] = [
    ("transport agreement", Code::TransportAgreementInvalid),
    ("transportavtale", Code::TransportAgreementInvalid),
    ("services er ugyldig", Code::TransportAgreementInvalid),
    ("lisens", Code::CarrierLicenceSpent),
    ("license", Code::CarrierLicenceSpent),
    ("licence", Code::CarrierLicenceSpent),
    ("directprint", Code::PrinterUnavailable),
    ("skriver", Code::PrinterUnavailable),
    ("printer", Code::PrinterUnavailable),
];

/// An answer that is not a success.
pub(super) fn refused(answer: &Answer) -> Refused {
    let status = answer.status;
    let words = reading::errors(&answer.body);
    let decline = decline(answer, &words);
    // 403 is for a sender that is not one's own, too, and for a licence that is spent.
    let is_about_sender = status == StatusCode::FORBIDDEN
        && words.errors.iter().any(|word| word.to_lowercase().contains("sender"))
        && decline.code != Code::CarrierLicenceSpent;
    let is_refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED);
    let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
    let is_in_doubt = !status.is_client_error() || status == StatusCode::REQUEST_TIMEOUT;
    Refused {
        decline,
        is_about_credentials: is_refused || is_about_sender,
        is_temporary: status.is_server_error() || is_busy || status == StatusCode::REQUEST_TIMEOUT,
        is_in_doubt,
        after: answer.retry_after().or(is_busy.then_some(Duration::ZERO)),
    }
}

/// The no that an answer hides behind a status of success.
pub(super) fn hidden(answer: &Answer) -> Option<Decline> {
    let words = reading::errors(&answer.body);
    (!words.errors.is_empty()).then(|| Decline {
        code: page(StatusCode::BAD_REQUEST, &words.errors),
        reason: reason(answer, &words),
    })
}

fn decline(answer: &Answer, words: &reading::Words) -> Decline {
    Decline { code: page(answer.status, &words.errors), reason: reason(answer, words) }
}

/// The page that explains it.
fn page(status: StatusCode, errors: &[String]) -> Code {
    let said = errors.join("\n").to_lowercase();
    let known = PAGES.iter().find(|(word, _)| said.contains(word));
    match (known, status) {
        (Some((_, code)), _) => *code,
        (None, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => {
            Code::RejectedByProvider
        }
        (None, StatusCode::FORBIDDEN) => Code::NotAllowedAtProvider,
        (None, StatusCode::NOT_FOUND) => Code::NotFoundAtProvider,
        _ => Code::UnknownProviderError,
    }
}

/// Its words in one line, with what its support asks for; all there are where none stands in its place.
fn reason(answer: &Answer, words: &reading::Words) -> String {
    let mut parts = vec![format!("HTTP {}", answer.status.as_u16())];
    parts.extend(words.errors.iter().cloned());
    if words.errors.is_empty() {
        parts.push(reading::all(&answer.body));
    }
    parts.extend(words.request_id.as_ref().map(|id| format!("(request id {id})")));
    parts.retain(|part| !part.is_empty());
    in_one_line(&parts.join(" "))
}
