//! What stands before the API of Vipps: tokens, keys, and how many calls a minute are let through.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::problems::{Problem, gateway};
use super::{CLIENT_ID, CLIENT_SECRET, MSN, SUBSCRIPTION_KEY, Vipps};
use crate::fakes::call::{Answer, Call};
use crate::fakes::provider::Asked;

const KEY_CHARS_MAX: usize = 50;
/// Of the test environment, seconds.
const TOKEN_LIFE: i64 = 3_600;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const CHANGES_PER_MINUTE_MAX: usize = 5;
const READS_PER_MINUTE_MAX: usize = 120;
const SYSTEM_CHARS_MAX: usize = 30;
const SYSTEM: [&str; 4] = [
    "vipps-system-name",
    "vipps-system-version",
    "vipps-system-plugin-name",
    "vipps-system-plugin-version",
];

impl Vipps {
    pub(super) fn issue_token(&mut self, call: &Call, now: Timestamp) -> Answer {
        let is_known = call.header("client_id") == Some(CLIENT_ID)
            && call.header("client_secret") == Some(CLIENT_SECRET);
        if !is_known {
            return gateway(401, "Invalid client credentials.");
        }
        let token = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{}", Uuid::new_v4().simple());
        let ends = now + SignedDuration::from_secs(TOKEN_LIFE);
        self.tokens.retain(|_, ends| *ends > now);
        self.tokens.insert(token.clone(), ends);
        // Numbers as text, as they come.
        Answer::json(
            200,
            &json!({
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFE.to_string(),
                "ext_expires_in": TOKEN_LIFE.to_string(),
                "expires_on": ends.as_second().to_string(),
                "not_before": now.as_second().to_string(),
                "resource": "00000002-0000-0000-c000-000000000000",
                "access_token": token,
            }),
        )
    }

    /// Whoever stands before the API, and has shorter words.
    pub(super) fn turn_away(
        &mut self,
        call: &Call,
        asked: &Asked,
        now: Timestamp,
    ) -> Option<Answer> {
        if call.method == "POST" && call.header("content-length").is_none() {
            return Some(gateway(411, "Length Required"));
        }
        if call.header("ocp-apim-subscription-key") != Some(SUBSCRIPTION_KEY) {
            let text = "Access denied due to invalid subscription key. Make sure to provide a valid \
                        key for an active subscription.";
            return Some(gateway(401, text));
        }
        if asked.operation == "token" {
            return None;
        }
        let bearer = call.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
        let ends = bearer.and_then(|token| self.tokens.get(token));
        if ends.is_none_or(|ends| *ends <= now) {
            return Some(gateway(401, "Unauthorized. Access token is missing or invalid."));
        }
        if call.header("merchant-serial-number").is_some_and(|msn| msn != MSN) {
            return Some(gateway(403, "Merchant is not allowed to use this product."));
        }
        let most = match asked.operation {
            "create" | "capture" | "cancel" | "refund" => CHANGES_PER_MINUTE_MAX,
            "read" | "events" => READS_PER_MINUTE_MAX,
            _ => return None,
        };
        let pace = self.paces.entry((asked.operation, asked.about.clone())).or_default();
        pace.retain(|at| now.duration_since(*at) < MINUTE);
        if pace.len() < most {
            pace.push(now);
            return None;
        }
        let oldest = pace.first().copied().unwrap_or(now);
        let wait = (MINUTE - now.duration_since(oldest)).as_secs().max(1);
        let text = format!("Rate limit is exceeded. Try again in {wait} seconds.");
        Some(gateway(429, &text).with("Retry-After", wait.to_string()))
    }
}

pub(super) fn check_headers(call: &Call, asked: &Asked) -> Result<(), Problem> {
    let mut wrong = Vec::new();
    if asked.key.is_empty() || asked.key.chars().count() > KEY_CHARS_MAX {
        let text = format!("The header is required, and has at most {KEY_CHARS_MAX} characters.");
        wrong.push(("Idempotency-Key".to_owned(), text));
    }
    for name in SYSTEM {
        if call.header(name).is_some_and(|text| text.chars().count() > SYSTEM_CHARS_MAX) {
            wrong.push((name.to_owned(), format!("More than {SYSTEM_CHARS_MAX} characters.")));
        }
    }
    if call.header("merchant-serial-number").is_none() {
        wrong.push(("Merchant-Serial-Number".to_owned(), "The header is required.".to_owned()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Problem::malformed(wrong)) }
}
