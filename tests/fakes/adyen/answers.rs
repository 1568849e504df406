//! What Adyen says at once: that a request has come in, or what is wrong with it.

use serde_json::json;

use super::{MERCHANT_ACCOUNT, Request};
use crate::fakes::call::Answer;

/// What was asked under this key is not over yet.
pub(super) const IN_PROGRESS: &str = "704";
/// An error like one for good, that passes all the same.
pub(super) const TEMPORARY: &str = "10_422";
const TRANSIENT: &str = "transient-error";
const PSP_REFERENCE_CHARS: usize = 16;

/// That it has come in, which is all there is to tell.
pub(super) fn received(request: &Request, (of, whom): (&str, &str), id: &str) -> Answer {
    let mut body = json!({
        "merchantAccount": MERCHANT_ACCOUNT,
        of: whom,
        "pspReference": id,
        "status": "received",
    });
    if let Some(told) = body.as_object_mut() {
        told.extend(request.amount.as_ref().map(|amount| ("amount".to_owned(), json!(amount))));
        let reference = request.reference.as_ref();
        told.extend(reference.map(|reference| ("reference".to_owned(), json!(reference))));
    }
    Answer::json(201, &body)
}

pub(super) fn event_code(operation: &str) -> &'static str {
    match operation {
        "capture" => "CAPTURE",
        "refund" => "REFUND",
        "cancel" => "CANCELLATION",
        "reversal" => "CANCEL_OR_REFUND",
        _ => "AUTHORISATION_ADJUSTMENT",
    }
}

pub(super) fn error_of(status: u16, code: &str, message: &str) -> Answer {
    let kind = match status {
        401 | 403 => "security",
        500.. => "internal",
        _ => "validation",
    };
    let body = json!({
        "status": status,
        "errorCode": code,
        "message": message,
        "errorType": kind,
        "pspReference": new_reference(),
    });
    Answer::json(status, &body)
}

/// An error after which the same key may be tried again.
pub(super) fn passing(answer: Answer) -> Answer {
    answer.with(TRANSIENT, "true")
}

pub(super) fn is_passing(answer: &Answer) -> bool {
    answer.headers.iter().any(|(name, _)| *name == TRANSIENT)
}

/// Whoever is turned away has begun nothing under the key.
pub(super) fn is_turned_away(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403)
}

pub(super) fn new_reference() -> String {
    let digits = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    digits.chars().take(PSP_REFERENCE_CHARS).collect()
}
