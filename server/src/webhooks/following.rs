//! Follows up what was told: what is under way is looked up at once, what the provider's account tells
//! is read there, and the rest becomes a command.

use std::sync::Arc;
use std::time::Duration;

use order_rules::changing::Bearing;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::happening;
use crate::clock;
use crate::commands::{Assignment, Caller, Command, Failure, HearOfPayment};
use crate::providers::Told;
use crate::reading::Reading;
use crate::store::rows::{WebhookRow, key};
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::Turns;

/// Follows up, in every process that serves the database.
pub(crate) struct Follower {
    pub store: Store,
    pub reading: Reading,
    pub turns: Turns,
    pub bell: Bell,
    /// Payments are read without anybody asking.
    pub has_rounds: bool,
}

/// Rung when something new was told.
#[derive(Clone, Default)]
pub(crate) struct Bell {
    rung: Arc<Notify>,
}

/// Commands that follow from what was told are of this name space.
const REQUESTS: Uuid = Uuid::from_u128(0x3b9c_77d1_5e20_4c86_9a41_d3f2_6c58_0be7);
const ACTOR: &str = "system";
const TAKEN_AT_ONCE: i64 = 50;
/// Nobody else takes it for so long; who dies meanwhile leaves it to the next.
const TAKEN_FOR: Duration = Duration::from_secs(10);
/// Rings of other processes are not heard.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The first pause before it is followed up again; it doubles each time.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10 * 60);
/// What is told before what it is about has so long to be understood: two minutes.
const PREMATURE_TRIES: i32 = 9;
const TRIM_EVERY: Duration = Duration::from_secs(60 * 60);
/// Longer than any provider repeats itself, and than a reservation lasts.
const KEPT_MICROS: i64 = 120 * 24 * 60 * 60 * 1_000_000;
/// Anybody may give hints.
const HINTS_KEPT_MICROS: i64 = 60 * 60 * 1_000_000;

impl Bell {
    pub(super) fn ring(&self) {
        self.rung.notify_one();
    }
}

impl Follower {
    /// Starts to work until `stop`.
    pub(crate) fn start(self, stop: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(self.work(stop))
    }

    async fn work(self, stop: CancellationToken) {
        let mut trimmed_at: Option<Instant> = None;
        while !stop.is_cancelled() {
            if trimmed_at.is_none_or(|then| then.elapsed() >= TRIM_EVERY) {
                self.trim().await;
                trimmed_at = Some(Instant::now());
            }
            let next = match self.round(&stop).await {
                Ok(0) => LOOK_EVERY,
                Ok(_) => PAUSE_FIRST,
                Err(failure) => {
                    tracing::warn!(%failure, "what providers told cannot be followed up");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.bell.rung.notified() => {}
                () = sleep(next) => {}
            }
        }
    }

    /// Follows up what is due; answers how much that was.
    async fn round(&self, stop: &CancellationToken) -> Result<usize, StoreFailure> {
        let store = &self.store;
        let taken =
            on_either!(store, database => database.webhooks_take(TAKEN_AT_ONCE, TAKEN_FOR).await)?;
        let count = taken.len();
        for (row, shop) in taken {
            if stop.is_cancelled() {
                // It is taken again when nobody holds it any more.
                break;
            }
            let pause = match self.follow(&row, &shop).await {
                Ok(true) => None,
                Ok(false) => Some(pause(row.tries)),
                Err(failure) => {
                    tracing::warn!(?failure, "what a provider told is followed up later");
                    Some(pause(row.tries))
                }
            };
            on_either!(store, database => database.webhook_put_off(row, pause).await)?;
        }
        Ok(count)
    }

    /// Whether nothing more follows from it.
    async fn follow(&self, row: &WebhookRow, shop: &str) -> Result<bool, Failure> {
        let integration = match self.reading.integration(shop, &row.integration).await {
            Ok((_, integration)) => integration,
            Err(Failure::Refused(_)) => return Ok(true),
            Err(failure) => return Err(failure),
        };
        let told = Told::from(row);
        let hearing = HearOfPayment {
            provider: row.integration.clone(),
            reference: row.payment_reference.clone(),
            happening: happening(&integration.system, &told),
            told,
        };
        match self.turns.bearing(shop, hearing.clone()).await? {
            Bearing::None => Ok(true),
            Bearing::Awaited(operation) => {
                let effect_key = key(row.shop_id, operation);
                let store = &self.store;
                let is_woken =
                    on_either!(store, database => database.effect_look_now(effect_key).await)?;
                if is_woken {
                    self.turns.wake_effects();
                }
                Ok(false)
            }
            Bearing::Readable if self.has_rounds => {
                let payment = (row.shop_id, row.integration.clone(), row.payment_reference.clone());
                on_either!(&self.store, database => database.payment_read_now(payment).await)?;
                Ok(true)
            }
            Bearing::Premature if row.tries < PREMATURE_TRIES => Ok(false),
            Bearing::Consequence | Bearing::Premature | Bearing::Readable => {
                let command = Command::HearOfPayment(Box::new(hearing));
                self.turns.submit(assignment(row, shop, command), None).await?;
                Ok(true)
            }
        }
    }

    async fn trim(&self) {
        let now = clock::now().0;
        let (before, hints_before) =
            (now.saturating_sub(KEPT_MICROS), now.saturating_sub(HINTS_KEPT_MICROS));
        let trimmed = on_either!(&self.store, database => database
            .webhooks_trim(before, hints_before)
            .await);
        if let Err(failure) = trimmed {
            tracing::warn!(%failure, "old webhooks are forgotten later");
        }
    }
}

/// The same command for each copy and each try.
fn assignment(row: &WebhookRow, shop: &str, command: Command) -> Assignment {
    let name = format!("{shop}/{}/{}", row.integration, row.copy_key);
    let request_id = Uuid::new_v5(&REQUESTS, name.as_bytes());
    Assignment {
        shop: shop.to_owned(),
        caller: Caller {
            actor: ACTOR.to_owned(),
            request_id,
            content: *blake3::hash(request_id.as_bytes()).as_bytes(),
        },
        command,
        bytes: 0,
    }
}

fn pause(tries: i32) -> Duration {
    let doubled = 2_u32.saturating_pow(u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(30));
    PAUSE_FIRST.saturating_mul(doubled).min(PAUSE_MAX)
}
