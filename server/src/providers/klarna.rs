//! Klarna's order management, which Kustom speaks too.
//!
//! A payment's reference is the id of the order at Klarna. What is written carries our key twice: as
//! `Klarna-Idempotency-Key`, which Klarna honours for 24 hours, and as the `reference` of a capture
//! or refund, by which it is found again for ever. The answer of a write is trusted; after a doubt,
//! and where Klarna forbids something, the order is read.

mod answers;
mod lines;
mod order;
#[cfg(test)]
mod tests;

use std::time::Duration;

use order_proto::v1::{KlarnaEndpoint, KlarnaIntegration};
use order_rules::payments::OperationKind;
use order_rules::refusals::Code;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use self::answers::{Refused, Said, refused, said};
use self::order::Order;
use super::{
    Call, Confirmation, Decline, Extension, PaymentProvider, Reading, Report, Sighting, Tested,
};
use crate::links::{Link, Trail};
use crate::outside::{Answer, Lost};

/// An agreement with Klarna; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Klarna {
    link: Link,
    base: String,
    username: String,
    password: SecretString,
}

/// What reading an order came to.
enum Read {
    Order(Box<Order>),
    Refused(Refused),
    /// It may be asked again; with a time where Klarna is there and busy.
    NoAnswer {
        after: Option<Duration>,
        why: String,
    },
}

const KEY: &str = "Klarna-Idempotency-Key";
const CAPTURE_ID: &str = "Capture-Id";
const REFUND_ID: &str = "Refund-Id";
const REFERENCE_CHARACTERS_MAX: usize = 255;

impl Klarna {
    pub(super) fn new(link: Link, klarna: &KlarnaIntegration) -> Self {
        let (username, password) = (klarna.username.clone(), link.secret("password"));
        Self { link, base: base(klarna), username, password }
    }

    pub(super) const fn revision(&self) -> i64 {
        self.link.revision
    }

    pub(super) const fn trail(&self) -> &Trail {
        &self.link.trail
    }

    /// Writes once, and makes of the answer what it means for the operation.
    async fn write(&self, call: &Call, method: Method, path: &str, body: Option<Value>) -> Report {
        let Some(request) = self.request(method, &call.reference, path, Some(call.key), body)
        else {
            return Report::Declined(Refused::unknown_reference().decline);
        };
        match self.link.send(request).await {
            Err(Lost::NotSent(_)) => Report::TryLater { after: None },
            Err(Lost::Unknown(_)) => Report::Unknown,
            Ok(answer) if answer.status.is_success() => done(call, &answer),
            Ok(answer) => match said(&answer) {
                Said::Busy { after, reason } => {
                    self.link.left_open(&reason, Report::TryLater { after: Some(after) })
                }
                Said::Doubt { reason } => {
                    self.link.left_open(&reason, Report::doubtful(answer.status))
                }
                Said::Unauthorized(word) => Report::Held(self.link.hold(word)),
                Said::Refused(no) if no.may_be_known => self.explained(call, no).await,
                Said::Refused(no) => Report::Declined(no.decline),
            },
        }
    }

    /// Klarna forbids it: the order says whether it has been done already, and else why.
    async fn explained(&self, call: &Call, no: Refused) -> Report {
        let open = match self.order(&call.reference).await {
            Read::Order(order) => {
                return match order.trace_of(call) {
                    Some(confirmation) => Report::Done(confirmation),
                    None => Report::Declined(order.explain(call, &no.decline)),
                };
            }
            Read::Refused(_) | Read::NoAnswer { after: Some(_), .. } => Report::Doubt,
            Read::NoAnswer { after: None, .. } => Report::Unknown,
        };
        self.link.left_open(&no.decline.reason, open)
    }

    /// A payment that somebody names is read, not believed.
    async fn authorize(&self, call: &Call) -> Report {
        match self.order(&call.reference).await {
            Read::Order(order) => order.authorization(call),
            unread => self.unread(unread),
        }
    }

    /// What was to be read first could not be: nothing is sent.
    fn unread(&self, unread: Read) -> Report {
        match unread {
            Read::Refused(Refused { hold: Some(word), .. }) => Report::Held(self.link.hold(word)),
            Read::Refused(no) => Report::Declined(no.decline),
            Read::NoAnswer { after, .. } => Report::TryLater { after },
            Read::Order(_) => Report::TryLater { after: None },
        }
    }

    /// Pays back. A fee is told as one where Klarna takes that, else the refund is just smaller.
    async fn refund(&self, call: &Call) -> Report {
        let mut body = json!({
            "refunded_amount": call.amount_minor,
            "reference": call.key.to_string(),
            "description": format!("Order {}", call.order),
        });
        if lines::has_fees(&call.lines) {
            match self.order(&call.reference).await {
                Read::Order(order) if order.takes_return_fees() => {
                    add_lines(&mut body, lines::of_refund(call));
                }
                Read::Order(_) => {}
                unread => return self.unread(unread),
            }
        } else {
            add_lines(&mut body, lines::of_refund(call));
        }
        self.write(call, Method::POST, "/refunds", Some(body)).await
    }

    /// `None`: it does not answer.
    pub(super) async fn capture_keys(&self, reference: &str) -> Option<Vec<Uuid>> {
        match self.order(reference).await {
            Read::Order(order) => Some(order.capture_keys()),
            Read::Refused(_) | Read::NoAnswer { .. } => None,
        }
    }

    async fn order(&self, reference: &str) -> Read {
        let Some(request) = self.request(Method::GET, reference, "", None, None) else {
            return Read::Refused(Refused::unknown_reference());
        };
        let read = match self.link.send(request).await {
            Err(lost) => Read::NoAnswer { after: None, why: lost.to_string() },
            Ok(answer) if answer.status.is_success() => match Order::read(&answer.body) {
                Some(order) => Read::Order(Box::new(order)),
                None => {
                    let why = "the order cannot be understood".to_owned();
                    Read::NoAnswer { after: None, why }
                }
            },
            Ok(answer) => match refused(&answer) {
                Refused { is_temporary: true, after, decline, .. } => {
                    Read::NoAnswer { after, why: decline.reason }
                }
                no => Read::Refused(no),
            },
        };
        match &read {
            Read::Order(_) => {}
            Read::Refused(no) => self.link.trail.tell(&no.decline.reason),
            Read::NoAnswer { why, .. } => self.link.trail.tell(why),
        }
        read
    }

    /// `None`: the reference cannot be part of an address.
    fn request(
        &self,
        method: Method,
        reference: &str,
        path: &str,
        key: Option<Uuid>,
        body: Option<Value>,
    ) -> Option<Request> {
        if !is_order_id(reference) {
            return None;
        }
        let url = format!("{}/ordermanagement/v1/orders/{reference}{path}", self.base);
        let mut request = Request::new(method, Url::parse(&url).ok()?);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization());
        if let Some(key) = key {
            headers.insert(KEY, HeaderValue::from_str(&key.to_string()).ok()?);
        }
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(Body::from(body.to_string()));
        }
        Some(request)
    }

    fn authorization(&self) -> HeaderValue {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;

        let Self { username, password, .. } = self;
        let pair = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
        let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        // Base64 is always right for a header.
        let mut value = HeaderValue::from_str(&basic).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl PaymentProvider for Klarna {
    async fn perform(&self, call: &Call) -> Report {
        match call.kind {
            OperationKind::Authorize => self.authorize(call).await,
            OperationKind::Capture => {
                let body = json!({
                    "captured_amount": call.amount_minor,
                    "reference": call.key.to_string(),
                    "description": format!("Order {}", call.order),
                });
                self.write(call, Method::POST, "/captures", Some(body)).await
            }
            OperationKind::Refund => self.refund(call).await,
            OperationKind::Void => self.write(call, Method::POST, "/cancel", None).await,
            OperationKind::Release => {
                self.write(call, Method::POST, "/release-remaining-authorization", None).await
            }
            OperationKind::UpdateAmount => {
                let mut body = json!({
                    "order_amount": call.amount_minor,
                    "description": format!("Order {}", call.order),
                });
                add_lines(&mut body, lines::of_order(call));
                self.write(call, Method::PATCH, "/authorization", Some(body)).await
            }
            OperationKind::CaptureReversal => Report::Declined(Decline {
                code: Code::NotAllowedAtProvider,
                reason: "Klarna takes no captures back".to_owned(),
            }),
        }
    }

    async fn look_up(&self, call: &Call) -> Sighting {
        if call.kind == OperationKind::Authorize {
            return self.authorize(call).await.into();
        }
        match self.order(&call.reference).await {
            Read::Order(order) => match order.trace_of(call) {
                Some(confirmation) => Sighting::Happened(confirmation),
                None => Sighting::Absent,
            },
            Read::NoAnswer { after: Some(_), .. } => Sighting::Busy,
            // Money may have moved under other credentials than these.
            Read::Refused(_) => Sighting::Doubt,
            Read::NoAnswer { after: None, .. } => Sighting::NoAnswer,
        }
    }

    async fn read(&self, reference: &str) -> Reading {
        match self.order(reference).await {
            Read::Order(order) => match order.statement() {
                Some(statement) => Reading::Statement(statement),
                None => {
                    let reason = "the order is in a state that is not known here";
                    self.link.left_open(reason, Reading::NoAnswer { after: Some(Duration::ZERO) })
                }
            },
            Read::NoAnswer { after, .. } => Reading::NoAnswer { after },
            Read::Refused(Refused { hold: Some(word), .. }) => Reading::Held(self.link.hold(word)),
            Read::Refused(no) => Reading::Declined(no.decline),
        }
    }

    async fn extend(&self, reference: &str, key: Uuid) -> Extension {
        let path = "/extend-authorization-time";
        let Some(request) = self.request(Method::POST, reference, path, Some(key), None) else {
            return Extension::Declined(Refused::unknown_reference().decline);
        };
        match self.link.send(request).await {
            Err(_) => Extension::NoAnswer,
            Ok(answer) if answer.status.is_success() => Extension::Extended,
            Ok(answer) => match said(&answer) {
                Said::Busy { reason, .. } | Said::Doubt { reason } => {
                    self.link.left_open(&reason, Extension::NoAnswer)
                }
                Said::Unauthorized(word) => Extension::Held(self.link.hold(word)),
                Said::Refused(no) => Extension::Declined(no.decline),
            },
        }
    }

    /// An order that nobody has shows whether the credentials would do.
    async fn test(&self) -> Tested {
        match self.order(&Uuid::new_v4().to_string()).await {
            Read::Order(_) => Tested::Works,
            Read::Refused(Refused { hold: Some(word), .. }) => Tested::CredentialsRefused(word),
            Read::Refused(no) if no.decline.code == Code::NotFoundAtProvider => Tested::Works,
            Read::Refused(no) => Tested::UnexpectedAnswer(no.decline.reason),
            Read::NoAnswer { why, .. } => Tested::Unreachable(why),
        }
    }
}

fn base(setup: &KlarnaIntegration) -> String {
    let host = match setup.endpoint() {
        KlarnaEndpoint::Europe | KlarnaEndpoint::Unspecified => "api.klarna.com",
        KlarnaEndpoint::EuropePlayground => "api.playground.klarna.com",
        KlarnaEndpoint::NorthAmerica => "api-na.klarna.com",
        KlarnaEndpoint::NorthAmericaPlayground => "api-na.playground.klarna.com",
        KlarnaEndpoint::Oceania => "api-oc.klarna.com",
        KlarnaEndpoint::OceaniaPlayground => "api-oc.playground.klarna.com",
        KlarnaEndpoint::Kustom => "api.kustom.co",
        KlarnaEndpoint::KustomPlayground => "api.playground.kustom.co",
        KlarnaEndpoint::StandIn => {
            return setup.stand_in_url.trim_end_matches('/').to_owned();
        }
    };
    format!("https://{host}")
}

/// What can stand in an address as it is.
fn is_order_id(reference: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=REFERENCE_CHARACTERS_MAX).contains(&reference.len()) && reference.bytes().all(is_allowed)
}

fn add_lines(body: &mut Value, lines: Option<Value>) {
    if let (Some(body), Some(lines)) = (body.as_object_mut(), lines) {
        body.insert("order_lines".to_owned(), lines);
    }
}

/// A write that Klarna took. Its own id of a capture or refund stands in a header.
fn done(call: &Call, answer: &Answer) -> Report {
    let id = answer.header(CAPTURE_ID).or_else(|| answer.header(REFUND_ID));
    let last = answer.header("Location").and_then(|location| location.rsplit('/').next());
    Report::Done(Confirmation {
        provider_reference: id.or(last).unwrap_or(&call.reference).to_owned(),
        amount_minor: call.amount_minor,
        expires_at: None,
    })
}
