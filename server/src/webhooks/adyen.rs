//! What Adyen tells by itself: the proof that it is Adyen's, and what it means.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use order_rules::changing::Happening;
use order_rules::payments::OperationKind;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use uuid::Uuid;

use super::{Letter, Notice, Unproved};
use crate::providers::Told;
use crate::systems::in_one_line;

/// What Adyen's webhooks are proved by.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// Hexadecimal digits.
    pub hmac_key: SecretString,
    /// Name and password of basic authentication, where the shop has set some.
    pub login: Option<(String, SecretString)>,
    pub merchant_account: String,
}

/// The body of a webhook.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    notification_items: Vec<Wrapped>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped {
    notification_request_item: Item,
}

/// One thing that is told. Neither the reason nor the date, nor what is told in addition, is signed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Item {
    additional_data: Additions,
    amount: Option<Amount>,
    event_code: String,
    event_date: String,
    merchant_account_code: String,
    merchant_reference: String,
    original_reference: String,
    psp_reference: String,
    reason: String,
    #[serde(deserialize_with = "truth")]
    success: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Additions {
    #[serde(rename = "hmacSignature")]
    signature: String,
    #[serde(rename = "modification.action")]
    action: String,
}

#[derive(Debug, Deserialize)]
struct Amount {
    value: i64,
    currency: String,
}

const ITEMS_MAX: usize = 50;
const WORD_CHARACTERS_MAX: usize = 100;
/// In the reason of a capture that failed and that Adyen has made again by itself.
const RECAPTURED: &str = "recaptured";
const REFUND_BY_REVERSAL: &str = "CANCEL_OR_REFUND/refund";
const CANCEL_BY_REVERSAL: &str = "CANCEL_OR_REFUND/cancel";

impl Proof {
    /// What a letter tells, if it is Adyen's.
    ///
    /// # Errors
    /// When any part of it is not proved, or cannot be read.
    pub(crate) fn read(&self, letter: &Letter<'_>) -> Result<Vec<Notice>, Unproved> {
        if !self.is_logged_in(letter) {
            return Err(Unproved::Forged);
        }
        let body: Body = serde_json::from_slice(letter.body).map_err(|_| Unproved::Unreadable)?;
        let items = body.notification_items;
        if items.is_empty() || items.len() > ITEMS_MAX {
            return Err(Unproved::Unreadable);
        }
        let items: Vec<Item> = items.into_iter().map(|one| one.notification_request_item).collect();
        if !items.iter().all(|item| self.is_proved(item)) {
            return Err(Unproved::Forged);
        }
        // A merchant account's webhooks may have been set up for the whole company.
        let own =
            items.into_iter().filter(|one| one.merchant_account_code == self.merchant_account);
        Ok(own.filter_map(Item::notice).collect())
    }

    fn is_logged_in(&self, letter: &Letter<'_>) -> bool {
        let Some((name, password)) = &self.login else { return true };
        let wanted = BASE64.encode(format!("{name}:{}", password.expose_secret()));
        let given = letter.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        // Digests are compared in constant time.
        given.is_some_and(|given| blake3::hash(given.as_bytes()) == blake3::hash(wanted.as_bytes()))
    }

    fn is_proved(&self, item: &Item) -> bool {
        let Some(key) = bytes(self.hmac_key.expose_secret()) else { return false };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
        mac.update(item.signed_text().as_bytes());
        let signature = BASE64.decode(&item.additional_data.signature);
        signature.is_ok_and(|signature| mac.verify_slice(&signature).is_ok())
    }
}

impl Item {
    fn signed_text(&self) -> String {
        let value = self.amount.as_ref().map(|amount| amount.value.to_string());
        let currency = self.amount.as_ref().map(|amount| amount.currency.as_str());
        [
            &self.psp_reference,
            &self.original_reference,
            &self.merchant_account_code,
            &self.merchant_reference,
            value.as_deref().unwrap_or_default(),
            currency.unwrap_or_default(),
            &self.event_code,
            &self.success,
        ]
        .join(":")
    }

    /// `None`: it tells of no payment, or nothing that an order depends on.
    fn notice(self) -> Option<Notice> {
        let is_success = self.success == "true";
        let copy_key = format!("{}/{}/{is_success}", self.psp_reference, self.event_code);
        let event = match (self.event_code.as_str(), self.additional_data.action.as_str()) {
            ("CANCEL_OR_REFUND", "refund") => REFUND_BY_REVERSAL.to_owned(),
            ("CANCEL_OR_REFUND", "cancel") => CANCEL_BY_REVERSAL.to_owned(),
            (event, _) => word(event),
        };
        let (amount_minor, currency) =
            self.amount.map(|amount| (amount.value, word(&amount.currency))).unwrap_or_default();
        let is_original = self.original_reference.is_empty();
        let payment_reference =
            if is_original { &self.psp_reference } else { &self.original_reference };
        // Of what was authorized it tells of the card.
        let tells_of_card = is_success && self.event_code == "AUTHORISATION";
        let told = Told {
            key: Uuid::try_parse(&self.merchant_reference).ok(),
            event,
            is_success,
            reason: if tells_of_card { String::new() } else { in_one_line(&self.reason) },
            amount_minor,
            currency,
            provider_reference: word(&self.psp_reference),
        };
        let happened_at = self.event_date.parse::<jiff::Timestamp>().ok();
        let is_about_money = happening(&told) != Happening::Trifle && !payment_reference.is_empty();
        is_about_money.then(|| Notice {
            copy_key: copy_key.chars().take(WORD_CHARACTERS_MAX * 2).collect(),
            payment_reference: word(payment_reference),
            happened_at: happened_at.map(jiff::Timestamp::as_microsecond),
            told,
        })
    }
}

/// What was told means.
pub(crate) fn happening(told: &Told) -> Happening {
    let ended = |kind| Happening::Ended { kind, is_success: told.is_success };
    match told.event.as_str() {
        "AUTHORISATION" => ended(OperationKind::Authorize),
        "AUTHORISATION_ADJUSTMENT" => ended(OperationKind::UpdateAmount),
        "CAPTURE" => ended(OperationKind::Capture),
        "REFUND" | REFUND_BY_REVERSAL => ended(OperationKind::Refund),
        "CANCELLATION" | "TECHNICAL_CANCEL" | CANCEL_BY_REVERSAL => ended(OperationKind::Void),
        "CAPTURE_FAILED" if told.reason.to_lowercase().contains(RECAPTURED) => Happening::Other,
        "CAPTURE_FAILED" => Happening::CaptureFailed,
        "REFUND_FAILED" | "REFUNDED_REVERSED" => Happening::RefundFailed,
        "CHARGEBACK" | "SECOND_CHARGEBACK" => Happening::Chargeback,
        "EXPIRE" => Happening::Expired,
        event if is_trifle(event) => Happening::Trifle,
        // Also what is not known yet: better looked at once too often.
        _ => Happening::Other,
    }
}

/// Reports, pay-outs to the shop, and steps on the way to something that is told by itself.
fn is_trifle(event: &str) -> bool {
    const EVENTS: [&str; 13] = [
        "AUTHENTICATION",
        "DISABLE_RECURRING",
        "DONATION",
        "HANDLED_EXTERNALLY",
        "OFFER_CLOSED",
        "ORDER_CLOSED",
        "ORDER_OPENED",
        "PENDING",
        "POSTPONED_REFUND",
        "RECURRING_CONTRACT",
        "REPORT_AVAILABLE",
        "RECURRING_TOKEN_STORED",
        "VOID_PENDING_REFUND",
    ];
    EVENTS.contains(&event)
        || ["PAIDOUT", "PAYOUT", "AUTORESCUE", "MANUAL_REVIEW"]
            .iter()
            .any(|beginning| event.starts_with(beginning))
}

/// A word of Adyen's, not too long.
fn word(text: &str) -> String {
    in_one_line(text).chars().take(WORD_CHARACTERS_MAX).collect()
}

/// The bytes of a key in hexadecimal digits.
pub(crate) fn bytes(key: &str) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let digits: Option<Vec<u8>> = key
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let digits = zeroize::Zeroizing::new(digits?);
    let (pairs, rest) = digits.as_chunks::<2>();
    let whole = rest.is_empty() && !pairs.is_empty();
    whole.then(|| {
        let pair = |[high, low]: &[u8; 2]| (high << 4) | low;
        zeroize::Zeroizing::new(pairs.iter().map(pair).collect())
    })
}

/// Adyen writes truth values as texts; a plain one is taken, too.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Truth {
        Text(String),
        Plain(bool),
    }
    Ok(match Truth::deserialize(deserializer)? {
        Truth::Text(text) => text,
        Truth::Plain(plain) => plain.to_string(),
    })
}
