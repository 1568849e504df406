//! The way to Vipps under one agreement: its headers, its token, its pace.

use std::time::Duration;

use order_proto::v1::VippsIntegration;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::answers::{Said, refused, said};
use super::pace::Pace;
use super::tokens::{Granted, Token, Tokens};
use crate::links::Link;
use crate::outside::{Answer, Lost};

/// What all agreements share.
#[derive(Clone, Debug, Default)]
pub(in crate::providers) struct Gateway {
    tokens: Tokens,
    pace: Pace,
}

/// What Vipps knows a merchant by.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    link: Link,
    gateway: Gateway,
    /// Where Vipps is, without a slash at the end.
    base: String,
    client_id: String,
    client_secret: SecretString,
    subscription_key: SecretString,
    merchant_serial_number: String,
}

/// A request as it is to be made.
pub(super) struct Sending {
    pub method: Method,
    pub path: String,
    /// What it changes, and under which key.
    pub change: Option<(&'static str, Uuid)>,
    pub body: Option<Value>,
}

/// What came of a request.
pub(super) enum Heard {
    Answer(Answer),
    /// The credentials or the agreement are refused, in these words.
    Unauthorized(String),
    /// Certainly not done.
    NotSent {
        after: Option<Duration>,
        why: String,
    },
    /// It may have been done.
    Nothing(String),
}

/// There is no token.
enum NoToken {
    Refused(String),
    Later { after: Option<Duration>, why: String },
}

const KEY: &str = "Idempotency-Key";
const SUBSCRIPTION: &str = "Ocp-Apim-Subscription-Key";
const MERCHANT: &str = "Merchant-Serial-Number";
/// Who calls: at most 30 characters each.
const SYSTEM: [(&str, &str); 4] = [
    ("Vipps-System-Name", "order-service"),
    ("Vipps-System-Version", env!("CARGO_PKG_VERSION")),
    ("Vipps-System-Plugin-Name", "order-service-epayment"),
    ("Vipps-System-Plugin-Version", env!("CARGO_PKG_VERSION")),
];
/// A token that comes later than this leaves too little time for what it is for.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);
/// A token may be ended before its time: then another is fetched, once.
const TRIES: usize = 2;

impl Agreement {
    pub(super) fn new(
        link: &Link,
        gateway: Gateway,
        setup: &VippsIntegration,
        base: String,
    ) -> Self {
        Self {
            link: link.clone(),
            gateway,
            base,
            client_id: setup.client_id.clone(),
            client_secret: link.secret("client_secret"),
            subscription_key: link.secret("subscription_key"),
            merchant_serial_number: setup.merchant_serial_number.clone(),
        }
    }

    /// Sends it, with a token. A change is sent only as often as Vipps allows.
    pub(super) async fn send(&self, sending: &Sending) -> Heard {
        let mut words = String::new();
        for _ in 0..TRIES {
            let token = match self.token().await {
                Ok(token) => token,
                Err(NoToken::Refused(word)) => return Heard::Unauthorized(word),
                Err(NoToken::Later { after, why }) => return Heard::NotSent { after, why },
            };
            let Some(request) = self.request(sending, &token) else {
                return Heard::Unauthorized("the credentials cannot be sent".to_owned());
            };
            if let Err(wait) = self.keep_pace(sending) {
                let why = "Vipps allows no more changes of the payment now".to_owned();
                return Heard::NotSent { after: Some(wait), why };
            }
            match self.link.send(request).await {
                Err(Lost::NotSent(why)) => return Heard::NotSent { after: None, why },
                Err(lost @ Lost::Unknown(_)) => return Heard::Nothing(lost.to_string()),
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                    words = refused(&answer).decline.reason;
                    self.gateway.tokens.forget(self.owner(), &token).await;
                }
                Ok(answer) if answer.status == StatusCode::FORBIDDEN => {
                    return Heard::Unauthorized(refused(&answer).decline.reason);
                }
                Ok(answer) => return Heard::Answer(answer),
            }
        }
        Heard::Unauthorized(words)
    }

    /// The next call fetches a new one.
    pub(super) async fn forget_token(&self) {
        self.gateway.tokens.forget_all(self.owner()).await;
    }

    async fn token(&self) -> Result<Token, NoToken> {
        self.gateway.tokens.get(self.owner(), self.fetch_token()).await
    }

    async fn fetch_token(&self) -> Result<Granted, NoToken> {
        let later = |after, why: &str| NoToken::Later { after, why: format!("no token: {why}") };
        let Some(request) = self.token_request() else {
            return Err(NoToken::Refused("the credentials cannot be sent".to_owned()));
        };
        let fetched = tokio::time::timeout(TOKEN_TIMEOUT, self.link.send(request)).await;
        let answer = match fetched {
            Err(_elapsed) => return Err(later(None, "not within the time")),
            Ok(Err(lost)) => return Err(later(None, &lost.to_string())),
            Ok(Ok(answer)) => answer,
        };
        if answer.status.is_success() {
            return Granted::read(&answer.body).ok_or_else(|| later(None, "an unknown answer"));
        }
        match said(&answer) {
            Said::Busy { after, reason } => Err(later(Some(after), &reason)),
            Said::Doubt { reason } => Err(later(None, &reason)),
            Said::Refused(no) => Err(NoToken::Refused(no.decline.reason)),
        }
    }

    fn token_request(&self) -> Option<Request> {
        let url = Url::parse(&format!("{}/accesstoken/get", self.base)).ok()?;
        let mut request = Request::new(Method::POST, url);
        let headers = request.headers_mut();
        headers.insert("client_id", HeaderValue::from_str(&self.client_id).ok()?);
        headers.insert("client_secret", secret(self.client_secret.expose_secret())?);
        self.identify(headers)?;
        Some(request)
    }

    fn request(&self, sending: &Sending, token: &Token) -> Option<Request> {
        let url = Url::parse(&format!("{}{}", self.base, sending.path)).ok()?;
        let mut request = Request::new(sending.method.clone(), url);
        let headers = request.headers_mut();
        let bearer = Zeroizing::new(format!("Bearer {}", token.text().expose_secret()));
        headers.insert(AUTHORIZATION, secret(&bearer)?);
        self.identify(headers)?;
        if let Some((_, key)) = sending.change {
            headers.insert(KEY, HeaderValue::from_str(&key.to_string()).ok()?);
        }
        if let Some(body) = &sending.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(Body::from(body.to_string()));
        }
        Some(request)
    }

    fn identify(&self, headers: &mut HeaderMap) -> Option<()> {
        headers.insert(SUBSCRIPTION, secret(self.subscription_key.expose_secret())?);
        headers.insert(MERCHANT, HeaderValue::from_str(&self.merchant_serial_number).ok()?);
        for (name, value) in SYSTEM {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Some(())
    }

    fn keep_pace(&self, sending: &Sending) -> Result<(), Duration> {
        if sending.change.is_none() {
            return Ok(());
        }
        // The path names the operation and the payment.
        let lane = [&self.base, &self.merchant_serial_number, &sending.path];
        self.gateway.pace.next(digest(lane.map(String::as_str)))
    }

    /// Of all that makes a token what it is: another secret never gets the token of an earlier one.
    fn owner(&self) -> [u8; 32] {
        digest([
            &self.base,
            &self.client_id,
            self.client_secret.expose_secret(),
            self.subscription_key.expose_secret(),
            &self.merchant_serial_number,
        ])
    }
}

fn digest<const PARTS: usize>(parts: [&str; PARTS]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    *hasher.finalize().as_bytes()
}

/// A header that no record prints.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
