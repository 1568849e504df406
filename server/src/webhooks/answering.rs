//! One letter: whose it is, whether it is proved, and that it is stored before it is answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::following::Bell;
use super::{Letter, Notice, Proof, Unproved};
use crate::clock;
use crate::commands::Failure;
use crate::providers::Providers;
use crate::reading::Reading;
use crate::store::rows::WebhookRow;
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::Turns;

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub text: &'static str,
}

/// Where letters are proved and stored; clones are one.
#[derive(Clone)]
pub(crate) struct Desk {
    store: Store,
    reading: Reading,
    providers: Providers,
    turns: Turns,
    bell: Bell,
    refused: Tally,
    unreadable: Tally,
    unprovable: Tally,
    unstored: Tally,
}

/// How often something happened that no log line has told of; clones are one.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<Untold>>);

#[derive(Default)]
struct Untold {
    count: u64,
    told_at: Option<Instant>,
}

/// What Adyen takes for a yes; the others look at the status alone.
const ACCEPTED: &str = "[accepted]";
/// Whoever knocks at random does not fill the log.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl Answer {
    pub(super) const fn of(status: StatusCode) -> Self {
        Self { status, text: "" }
    }
}

impl Desk {
    pub(crate) fn new(
        (store, reading): (Store, Reading),
        providers: Providers,
        turns: Turns,
        bell: Bell,
    ) -> Self {
        Self {
            store,
            reading,
            providers,
            turns,
            bell,
            refused: Tally::default(),
            unreadable: Tally::default(),
            unprovable: Tally::default(),
            unstored: Tally::default(),
        }
    }

    /// Answers a letter once all it tells is stored.
    pub(super) async fn take_in(
        &self,
        (shop, integration): (&str, &str),
        target: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Answer {
        let (shop_id, proof) = match self.proof(shop, integration).await {
            Ok(Some(known)) => known,
            Ok(None) => return Answer::of(StatusCode::NOT_FOUND),
            Err(()) => return Answer::of(StatusCode::SERVICE_UNAVAILABLE),
        };
        let letter = Letter { target, headers, body, now: clock::now() };
        let notices = match proof.read(&letter) {
            Ok(notices) => notices,
            Err(why) => {
                // Nothing of the letters.
                if let Some(count) = self.refused.once_more() {
                    tracing::warn!(count, shop, integration, last = ?why, "webhooks were refused");
                }
                return Answer::of(match why {
                    Unproved::Forged | Unproved::Stale => StatusCode::UNAUTHORIZED,
                    Unproved::Unreadable => StatusCode::BAD_REQUEST,
                });
            }
        };
        for notice in notices {
            let row = row(shop_id, integration, notice);
            if let Err(failure) = self.keep(row, &proof).await {
                if let Some(count) = self.unstored.once_more() {
                    tracing::warn!(count, %failure, "webhooks are not stored; they will come again");
                }
                return Answer::of(StatusCode::SERVICE_UNAVAILABLE);
            }
        }
        Answer { status: StatusCode::OK, text: ACCEPTED }
    }

    /// The shop's id, and what letters of its integration are proved by. `None`: nobody takes any.
    async fn proof(&self, shop: &str, slug: &str) -> Result<Option<(i64, Proof)>, ()> {
        let (shop, integration) = match self.reading.integration(shop, slug).await {
            Ok(known) => known,
            Err(Failure::Refused(_)) => return Ok(None),
            Err(failure) => {
                if let Some(count) = self.unreadable.once_more() {
                    let told = "webhooks cannot be looked at; they will come again";
                    tracing::warn!(count, ?failure, "{told}");
                }
                return Err(());
            }
        };
        let name = shop.integration_name(slug);
        match self.providers.proof(integration.setup(&name)) {
            Ok(proof) => Ok(proof.map(|proof| (shop.row.shop_id, proof))),
            Err(problem) => {
                if let Some(count) = self.unprovable.once_more() {
                    tracing::warn!(count, last = name, %problem, "webhooks cannot be proved");
                }
                Err(())
            }
        }
    }

    async fn keep(&self, row: WebhookRow, proof: &Proof) -> Result<(), StoreFailure> {
        if matches!(proof, Proof::Klarna) {
            // Nobody has proved anything: what is about no payment of ours is not kept.
            let about = (row.shop_id, row.integration.clone(), row.payment_reference.clone());
            let is_known =
                on_either!(&self.store, database => database.payment_is_known(about).await)?;
            if !is_known {
                return Ok(());
            }
        }
        let is_new = on_either!(&self.store, database => database.webhook_store(row).await)?;
        if is_new {
            self.turns.wake_effects();
            self.bell.ring();
        }
        Ok(())
    }
}

impl Tally {
    /// It has happened once more: how often since the last line, where another line is due.
    fn once_more(&self) -> Option<u64> {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.count = untold.count.saturating_add(1);
        let (count, now) = (untold.count, Instant::now());
        let is_due = untold.told_at.is_none_or(|then| now.duration_since(then) >= TELL_EVERY);
        is_due.then(|| {
            *untold = Untold { count: 0, told_at: Some(now) };
            count
        })
    }
}

fn row(shop_id: i64, integration: &str, notice: Notice) -> WebhookRow {
    let Notice { copy_key, payment_reference, happened_at, told } = notice;
    WebhookRow {
        shop_id,
        integration: integration.to_owned(),
        copy_key,
        payment_reference,
        operation_key: told.key.map(|key| key.to_string()),
        event: told.event,
        is_success: told.is_success,
        reason: told.reason,
        amount_minor: told.amount_minor,
        currency: told.currency,
        provider_reference: told.provider_reference,
        happened_at,
        // The database says when.
        received_at: 0,
        due_at: None,
        tries: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_told_in_one_line_now_and_then() {
        let tally = Tally::default();
        let flood = || (0..1_000).filter_map(|_| tally.once_more()).collect::<Vec<_>>();
        assert_eq!(flood(), [1]);
        tokio::time::advance(TELL_EVERY - Duration::from_millis(1)).await;
        assert_eq!(flood(), [0; 0]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(flood(), [2_000]);
    }
}
