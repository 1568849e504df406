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
    refused: Arc<Mutex<Refused>>,
}

/// How many letters were refused that no log line has told of.
#[derive(Default)]
struct Refused {
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
        Self { store, reading, providers, turns, bell, refused: Arc::default() }
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
                self.tell_refused(why);
                return Answer::of(match why {
                    Unproved::Forged | Unproved::Stale => StatusCode::UNAUTHORIZED,
                    Unproved::Unreadable => StatusCode::BAD_REQUEST,
                });
            }
        };
        for notice in notices {
            let row = row(shop_id, integration, notice);
            if let Err(failure) = self.keep(row, &proof).await {
                tracing::warn!(%failure, "a webhook is not stored; it will come again");
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
                tracing::warn!(?failure, "a webhook cannot be looked at; it will come again");
                return Err(());
            }
        };
        let name = shop.integration_name(slug);
        match self.providers.proof(integration.setup(&name)) {
            Ok(proof) => Ok(proof.map(|proof| (shop.row.shop_id, proof))),
            Err(problem) => {
                tracing::warn!(integration = name, %problem, "webhooks cannot be proved");
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

    /// One line now and then, without anything of the letters.
    fn tell_refused(&self, why: Unproved) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count = refused.count.saturating_add(1);
        let now = Instant::now();
        if refused.told_at.is_none_or(|told_at| now.duration_since(told_at) >= TELL_EVERY) {
            tracing::warn!(count = refused.count, last = ?why, "webhooks were refused");
            *refused = Refused { count: 0, told_at: Some(now) };
        }
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
