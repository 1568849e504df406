//! Who is told of payments, and how he knows that Vipps tells him.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use hyper::Uri;
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::payments::{Event, Payment};
use super::problems::Problem;
use crate::fakes::notices::Notice;

/// A registration; its secret is told once.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) id: String,
    pub(super) url: String,
    events: Vec<String>,
    pub(super) secret: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    url: String,
    events: Vec<String>,
}

/// What is told: the event, and whose payment it is of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    msn: &'a str,
    #[serde(flatten)]
    event: &'a Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_guaranteed_until: Option<Timestamp>,
}

const EVENTS: [&str; 8] = [
    "created",
    "authorized",
    "captured",
    "cancelled",
    "refunded",
    "aborted",
    "expired",
    "terminated",
];
const REGISTRATIONS_PER_EVENT_MAX: usize = 25;

impl Registration {
    pub(super) fn new(asked: Register, others: &[Self]) -> Result<Self, Problem> {
        let mut wrong = Vec::new();
        // The real one takes https only; a stand-in tells somebody on its own machine, too.
        let is_told =
            asked.url.starts_with("https://") || asked.url.starts_with("http://127.0.0.1:");
        if !is_told || asked.url.parse::<Uri>().is_err() {
            wrong.push(("url".to_owned(), "The URL must use HTTPS.".to_owned()));
        }
        if asked.events.is_empty() {
            wrong.push(("events".to_owned(), "The property is required.".to_owned()));
        }
        for event in &asked.events {
            let registered = others.iter().filter(|other| other.events.contains(event)).count();
            if !EVENTS.iter().any(|known| *event == type_of(known)) {
                wrong.push(("events".to_owned(), format!("{event} is not an event.")));
            } else if registered >= REGISTRATIONS_PER_EVENT_MAX {
                wrong.push(("events".to_owned(), format!("{event} has too many webhooks.")));
            }
        }
        if !wrong.is_empty() {
            return Err(Problem::malformed(wrong));
        }
        let secret = BASE64.encode([*uuid::Uuid::new_v4().as_bytes(); 4].concat());
        let id = uuid::Uuid::new_v4().to_string();
        Ok(Self { id, url: asked.url, events: asked.events, secret })
    }

    /// Of everything, under a secret that is known already.
    pub(super) fn of_all_events(url: String, secret: String) -> Self {
        let events = EVENTS.map(type_of).to_vec();
        Self { id: uuid::Uuid::new_v4().to_string(), url, events, secret }
    }

    pub(super) fn read(&self) -> Value {
        json!({ "id": self.id, "url": self.url, "events": self.events })
    }

    /// What it is told of an event, if it wants to know.
    pub(super) fn notice(&self, msn: &str, event: &Event, payment: &Payment) -> Option<Notice> {
        let kind = type_of(&event.name.to_lowercase());
        let is_authorized = event.name == "AUTHORIZED";
        let payload = Payload {
            msn,
            event,
            capture_guaranteed_until: is_authorized.then(|| payment.guaranteed_until()).flatten(),
        };
        self.events.contains(&kind).then(|| Notice {
            queue: self.id.clone(),
            name: event.name.to_owned(),
            about: event.reference.clone(),
            url: self.url.clone(),
            body: serde_json::to_vec(&payload).unwrap_or_default().into(),
        })
    }
}

fn type_of(event: &str) -> String {
    format!("epayments.payment.{event}.v1")
}

/// The headers that prove a body.
pub(super) fn sign(
    secret: &str,
    url: &str,
    now: Timestamp,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let date = strtime::format("%a, %d %b %Y %H:%M:%S GMT", now).unwrap_or_default();
    let content = BASE64.encode(Sha256::digest(body));
    let target = url.parse::<Uri>().unwrap_or_default();
    let host = target.authority().map_or("", |authority| authority.as_str());
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    let text = format!("POST\n{path}\n{date};{host};{content}");
    let signature = BASE64.encode(hmac(secret.as_bytes(), text.as_bytes()));
    let authorization = format!(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    );
    vec![("x-ms-date", date), ("x-ms-content-sha256", content), ("authorization", authorization)]
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // Keys of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
