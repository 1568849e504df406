//! Access tokens: fetched once for all who need one, kept until shortly before they end, and told to
//! nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

/// The tokens of all agreements; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    slots: Arc<Mutex<HashMap<[u8; 32], Arc<Slot>>>>,
}

/// Locked while its token is fetched: who comes meanwhile waits for that one.
type Slot = tokio::sync::Mutex<Option<Token>>;

#[derive(Clone, Debug)]
pub(super) struct Token {
    text: SecretString,
    good_until: Instant,
}

/// A token as Vipps hands it out.
pub(super) struct Granted {
    text: SecretString,
    lives: Duration,
}

/// More agreements than a service has; beyond it the unused ones fetch their token anew.
const SLOTS_MAX: usize = 10_000;
/// A token is not used in the last tenth of its life, but at most in its last minutes.
const MARGIN_MAX: Duration = Duration::from_secs(5 * 60);

impl Tokens {
    /// The token of whoever has these credentials, fetched if need be.
    ///
    /// # Errors
    /// Those of the fetching.
    pub(super) async fn get<Failure>(
        &self,
        credentials: [u8; 32],
        fetch: impl Future<Output = Result<Granted, Failure>>,
    ) -> Result<Token, Failure> {
        let slot = self.slot(credentials);
        let mut held = slot.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.good_until) {
            return Ok(token.clone());
        }
        let token = fetch.await?.into_token();
        *held = Some(token.clone());
        Ok(token)
    }

    /// This token is refused; another that came meanwhile stays.
    pub(super) async fn forget(&self, credentials: [u8; 32], refused: &Token) {
        let slot = self.slot(credentials);
        let mut held = slot.lock().await;
        let is_same = |token: &Token| token.text.expose_secret() == refused.text.expose_secret();
        if held.as_ref().is_some_and(is_same) {
            *held = None;
        }
    }

    /// Whatever token there is.
    pub(super) async fn forget_all(&self, credentials: [u8; 32]) {
        *self.slot(credentials).lock().await = None;
    }

    fn slot(&self, credentials: [u8; 32]) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX && !slots.contains_key(&credentials) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(credentials).or_default())
    }
}

impl Token {
    pub(super) fn text(&self) -> &SecretString {
        &self.text
    }
}

impl Granted {
    /// Numbers come as text; without a known life it is used once.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Told {
            access_token: String,
            #[serde(default)]
            expires_in: Value,
        }
        let told: Told = serde_json::from_slice(body).ok()?;
        let seconds = match &told.expires_in {
            Value::String(text) => text.trim().parse().ok(),
            number => number.as_u64(),
        };
        let lives = Duration::from_secs(seconds.unwrap_or(0));
        let text = Some(told.access_token).filter(|text| !text.is_empty())?;
        Some(Self { text: SecretString::from(text), lives })
    }

    fn into_token(self) -> Token {
        let margin = (self.lives / 10).min(MARGIN_MAX);
        let now = Instant::now();
        let good_until = now.checked_add(self.lives.saturating_sub(margin)).unwrap_or(now);
        Token { text: self.text, good_until }
    }
}
