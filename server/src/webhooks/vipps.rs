//! What Vipps tells by itself: the proof that it is Vipps', that it is not an old one sent again, and
//! what it means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use order_rules::changing::Happening;
use order_rules::order::Micros;
use order_rules::payments::OperationKind;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Letter, Notice, Unproved};
use crate::providers::Told;
use crate::systems::in_one_line;

/// What Vipps' webhooks are proved by.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// As it was told at the registration; its bytes are the key.
    pub secret: SecretString,
    /// The sales unit; another's events are not this shop's.
    pub merchant_serial_number: String,
}

/// The body of a webhook.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    msn: String,
    reference: String,
    psp_reference: String,
    name: String,
    amount: Amount,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    idempotency_key: Option<String>,
    success: bool,
}

#[derive(Debug, Deserialize)]
struct Amount {
    value: i64,
    currency: String,
}

const DATE: &str = "x-ms-date";
const CONTENT: &str = "x-ms-content-sha256";
const SIGNED: &str = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=";
/// How far a letter's date may be from ours: clocks differ, and letters travel.
const SKEW_MICROS_MAX: i64 = 5 * 60 * 1_000_000;
const WORD_CHARACTERS_MAX: usize = 100;

impl Proof {
    /// What a letter tells, if it is Vipps' and not an old one.
    ///
    /// # Errors
    /// When it is not proved, too old or too new, or cannot be read.
    pub(super) fn read(&self, letter: &Letter<'_>) -> Result<Vec<Notice>, Unproved> {
        if !self.is_proved(letter) {
            return Err(Unproved::Forged);
        }
        let date = letter.header(DATE).and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let date = date.map(|date| date.timestamp().as_microsecond());
        if !date.is_some_and(|date| is_recent(date, letter.now)) {
            return Err(Unproved::Stale);
        }
        let event: Event = serde_json::from_slice(letter.body).map_err(|_| Unproved::Unreadable)?;
        let is_own = event.msn == self.merchant_serial_number;
        Ok(is_own.then(|| event.notice()).into_iter().collect())
    }

    /// The host that was signed is the one of the address that was registered: a proxy before us may
    /// have put its own in its place.
    fn is_proved(&self, letter: &Letter<'_>) -> bool {
        let content = BASE64.encode(Sha256::digest(letter.body));
        if letter.header(CONTENT) != Some(&content) {
            return false;
        }
        let signature = letter.header("authorization").and_then(|value| value.strip_prefix(SIGNED));
        let Some(Ok(signature)) = signature.map(|signature| BASE64.decode(signature)) else {
            return false;
        };
        let hosts = ["host", "x-forwarded-host"].into_iter().filter_map(|name| letter.header(name));
        let date = letter.header(DATE).unwrap_or_default();
        hosts.into_iter().any(|host| {
            let text = format!("POST\n{}\n{date};{host};{content}", letter.target);
            let key = self.secret.expose_secret().as_bytes();
            let mac = Hmac::<Sha256>::new_from_slice(key);
            mac.is_ok_and(|mut mac| {
                mac.update(text.as_bytes());
                mac.verify_slice(&signature).is_ok()
            })
        })
    }
}

impl Event {
    fn notice(self) -> Notice {
        let Self { reference, psp_reference, name, amount, timestamp, idempotency_key, .. } = self;
        let key = idempotency_key.and_then(|key| Uuid::try_parse(&key).ok());
        Notice {
            copy_key: word(&format!("{psp_reference}/{name}/{}", self.success)),
            payment_reference: word(&reference),
            happened_at: timestamp.parse().ok().map(jiff::Timestamp::as_microsecond),
            told: Told {
                key,
                event: word(&name),
                is_success: self.success,
                reason: String::new(),
                amount_minor: amount.value,
                currency: word(&amount.currency),
                provider_reference: word(&psp_reference),
            },
        }
    }
}

/// What was told means.
pub(crate) fn happening(told: &Told) -> Happening {
    let ended = |kind, is_success| Happening::Ended { kind, is_success };
    match told.event.as_str() {
        // Nothing was moved, and a look-up says whether it will be: it may be tried again under the key.
        "CAPTURED" | "REFUNDED" | "CANCELLED" if !told.is_success && told.key.is_some() => {
            Happening::Trifle
        }
        "AUTHORIZED" => ended(OperationKind::Authorize, told.is_success),
        "ABORTED" | "TERMINATED" => ended(OperationKind::Authorize, false),
        "CAPTURED" => ended(OperationKind::Capture, told.is_success),
        "REFUNDED" => ended(OperationKind::Refund, told.is_success),
        "CANCELLED" => ended(OperationKind::Void, told.is_success),
        "EXPIRED" => Happening::Expired,
        "CREATED" => Happening::Trifle,
        _ => Happening::Other,
    }
}

fn is_recent(date: i64, now: Micros) -> bool {
    now.0.abs_diff(date) <= SKEW_MICROS_MAX.unsigned_abs()
}

fn word(text: &str) -> String {
    in_one_line(text).chars().take(WORD_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
