//! What Adyen tells of payments, and how it is known to be Adyen's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::payments::Amount;

/// One item of a webhook, as it is written; all that is signed is text.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) additional_data: Map<String, Value>,
    pub(super) amount: Amount,
    pub(super) event_code: &'static str,
    pub(super) event_date: String,
    pub(super) merchant_account_code: String,
    pub(super) merchant_reference: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) original_reference: String,
    pub(super) payment_method: String,
    /// Of what is told: a modification's own, or the payment's.
    pub(super) psp_reference: String,
    pub(super) reason: String,
    /// A text, not a truth value.
    pub(super) success: String,
}

impl Item {
    /// The whole webhook, signed.
    pub(super) fn signed(mut self, key: &str) -> Value {
        let signature = sign(key, &self.signed_text());
        self.additional_data.insert("hmacSignature".to_owned(), signature.into());
        json!({ "live": "false", "notificationItems": [{ "NotificationRequestItem": self }] })
    }

    fn signed_text(&self) -> String {
        [
            self.psp_reference.as_str(),
            &self.original_reference,
            &self.merchant_account_code,
            &self.merchant_reference,
            &self.amount.value.to_string(),
            &self.amount.currency,
            self.event_code,
            &self.success,
        ]
        .join(":")
    }
}

/// By a key in hexadecimal digits.
pub(super) fn sign(key: &str, text: &str) -> String {
    let key: Vec<u8> = key
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    // Keys of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(text.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}

/// As dates stand in webhooks.
pub(super) fn date(now: Timestamp) -> String {
    jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%S+00:00", now).unwrap_or_default()
}
