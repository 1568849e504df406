//! Card payments at Adyen: Checkout, version 71.
//!
//! A payment's reference is Adyen's `pspReference` of it. Adyen answers that it has received what it
//! is asked for; what became of that is told by webhook, which names our key. Nothing can be read
//! back. After a doubt the same call is made again under the same key, which Adyen carries out once:
//! the answer tells that it has it. What is left of a reservation after captures ends at Adyen by itself.

mod answers;
mod heard;
#[cfg(test)]
mod tests;

use std::time::Duration;

use order_proto::v1::{AdyenEndpoint, AdyenIntegration};
use order_rules::payments::OperationKind;
use order_rules::refusals::Code;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use self::answers::{Said, is_told, said};
use super::{
    Call, Confirmation, Decline, Doubt, Extension, PaymentProvider, Reading, Report, Sighting,
    Tested, Told,
};
use crate::links::{Link, Trail};
use crate::outside::Lost;

/// A merchant account at Adyen; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Adyen {
    link: Link,
    /// Up to the version, without a slash at the end.
    base: String,
    merchant_account: String,
    api_key: SecretString,
}

const KEY: &str = "idempotency-key";
const API_KEY: &str = "x-api-key";
const REFERENCE_CHARACTERS_MAX: usize = 64;
/// How long Adyen keeps a key at least.
pub(super) const KEY_WINDOW_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;
/// The webhook has mostly come by then, and wakes who waits for it anyway.
const FIRST_LOOK: Duration = Duration::from_secs(5);

impl Adyen {
    pub(super) fn new(link: Link, adyen: &AdyenIntegration) -> Self {
        Self {
            base: base(adyen),
            merchant_account: adyen.merchant_account.clone(),
            api_key: link.secret("api_key"),
            link,
        }
    }

    pub(super) const fn revision(&self) -> i64 {
        self.link.revision
    }

    pub(super) const fn trail(&self) -> &Trail {
        &self.link.trail
    }

    /// Asks for a modification once, and makes of the answer what it means for the operation.
    async fn modify(&self, call: &Call, path: &str, amount: Option<Value>) -> Report {
        let mut body = json!({
            "merchantAccount": self.merchant_account,
            "reference": call.key.to_string(),
        });
        if let (Some(body), Some(amount)) = (body.as_object_mut(), amount) {
            body.insert("amount".to_owned(), amount);
        }
        if !is_psp_reference(&call.reference) {
            let reason = "the reference is none that Adyen could have given".to_owned();
            return Report::Declined(Decline { code: Code::NotFoundAtProvider, reason });
        }
        let path = format!("/payments/{}/{path}", call.reference);
        let Some(request) = self.request(&path, Some(call.key), &body) else {
            return Report::TryLater { after: None };
        };
        match self.link.send(request).await {
            Err(Lost::NotSent(_)) => Report::TryLater { after: None },
            Err(Lost::Unknown(_)) => Report::Unknown,
            Ok(answer) if answer.status.is_success() => {
                Report::Accepted { ask_again_in: FIRST_LOOK }
            }
            Ok(answer) => match said(&answer) {
                Said::Busy { after, reason } => {
                    self.link.left_open(&reason, Report::TryLater { after: Some(after) })
                }
                Said::Doubt { reason } => {
                    self.link.left_open(&reason, Report::doubtful(answer.status))
                }
                Said::Unauthorized(word) => Report::Held(self.link.hold(word)),
                // What stands before Adyen does not know what became of the first call.
                Said::Refused(decline) if call.doubt == Doubt::Repeat && !is_told(&answer) => {
                    self.link.left_open(&decline.reason, Report::Doubt)
                }
                Said::Refused(decline) => Report::Declined(decline),
            },
        }
    }

    async fn ask(&self, call: &Call) -> Report {
        let amount = || json!({ "value": call.amount_minor, "currency": call.currency.code() });
        match call.kind {
            OperationKind::Authorize => Report::Accepted { ask_again_in: FIRST_LOOK },
            OperationKind::Capture => self.modify(call, "captures", Some(amount())).await,
            OperationKind::Refund => self.modify(call, "refunds", Some(amount())).await,
            OperationKind::UpdateAmount => self.modify(call, "amountUpdates", Some(amount())).await,
            OperationKind::Void => self.modify(call, "cancels", None).await,
            // Adyen lets go of it by itself.
            OperationKind::Release => Report::Done(Confirmation {
                provider_reference: call.reference.clone(),
                amount_minor: call.amount_minor,
                expires_at: None,
            }),
            OperationKind::CaptureReversal => Report::Declined(Decline {
                code: Code::NotAllowedAtProvider,
                reason: "Adyen takes no captures back".to_owned(),
            }),
        }
    }

    /// Whether a call, or a look-up, comes to Adyen: what it told already is the answer else.
    pub(super) fn is_asked(call: &Call, is_look_up: bool) -> bool {
        let is_call = matches!(
            call.kind,
            OperationKind::Capture
                | OperationKind::Refund
                | OperationKind::UpdateAmount
                | OperationKind::Void
        );
        is_call && (!is_look_up || call.doubt == Doubt::Repeat) && heard::ending(call).is_none()
    }

    /// The captures that Adyen has told of and not taken back, whoever asked for them.
    pub(super) fn told_captures(call: &Call) -> Vec<&Told> {
        heard::captures(call).collect()
    }

    /// And the refunds.
    pub(super) fn told_refunds(call: &Call) -> Vec<&Told> {
        heard::refunds(call).collect()
    }

    fn request(&self, path: &str, key: Option<Uuid>, body: &Value) -> Option<Request> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::new(Method::POST, Url::parse(&url).ok()?);
        let headers = request.headers_mut();
        let mut secret = HeaderValue::from_str(self.api_key.expose_secret()).ok()?;
        secret.set_sensitive(true);
        headers.insert(API_KEY, secret);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            headers.insert(KEY, HeaderValue::from_str(&key.to_string()).ok()?);
        }
        *request.body_mut() = Some(Body::from(body.to_string()));
        Some(request)
    }
}

impl PaymentProvider for Adyen {
    async fn perform(&self, call: &Call) -> Report {
        match heard::ending(call) {
            Some(Ok(confirmation)) => Report::Done(confirmation),
            Some(Err(decline)) => Report::Declined(decline),
            None => self.ask(call).await,
        }
    }

    /// What was told, and where nothing was told to somebody in doubt: the same call again.
    async fn look_up(&self, call: &Call) -> Sighting {
        match heard::ending(call) {
            Some(Ok(confirmation)) => return Sighting::Happened(confirmation),
            Some(Err(decline)) => return Sighting::Declined(decline),
            None => {}
        }
        match call.doubt {
            Doubt::Wait => Sighting::InProgress,
            Doubt::TooLate => Sighting::Untold,
            Doubt::Repeat => self.ask(call).await.into(),
        }
    }

    /// Adyen reads nothing out: its webhooks are all there is.
    async fn read(&self, _reference: &str) -> Reading {
        Reading::Untold
    }

    async fn extend(&self, _reference: &str, _key: Uuid) -> Extension {
        Extension::Unsupported
    }

    /// Which ways of paying the account has: nothing else can be asked without consequence.
    async fn test(&self) -> Tested {
        let body = json!({ "merchantAccount": self.merchant_account });
        let Some(request) = self.request("/paymentMethods", None, &body) else {
            return Tested::CredentialsRefused("the API key cannot stand in a header".to_owned());
        };
        match self.link.send(request).await {
            Err(lost) => Tested::Unreachable(lost.to_string()),
            Ok(answer) if answer.status.is_success() => Tested::Works,
            Ok(answer) => match said(&answer) {
                Said::Unauthorized(word) => Tested::CredentialsRefused(word),
                Said::Busy { reason, .. } | Said::Doubt { reason } => Tested::Unreachable(reason),
                Said::Refused(decline) => Tested::UnexpectedAnswer(decline.reason),
            },
        }
    }
}

fn base(setup: &AdyenIntegration) -> String {
    match setup.endpoint() {
        AdyenEndpoint::Live => {
            let prefix = &setup.live_url_prefix;
            format!("https://{prefix}-checkout-live.adyenpayments.com/checkout/v71")
        }
        AdyenEndpoint::StandIn => format!("{}/v71", setup.stand_in_url.trim_end_matches('/')),
        AdyenEndpoint::Test | AdyenEndpoint::Unspecified => {
            "https://checkout-test.adyen.com/v71".to_owned()
        }
    }
}

/// What can stand in an address as it is.
fn is_psp_reference(reference: &str) -> bool {
    (1..=REFERENCE_CHARACTERS_MAX).contains(&reference.len())
        && reference.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
