//! Brings all credentials under the key that encrypts now, so that older keys can be taken away.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::commands::{Assignment, Caller, Command, Failure, ResealCredentials, Resealed};
use crate::shops::integration_name;
use crate::store::facts::Credentials;
use crate::store::{Store, on_either};
use crate::turns::Turns;
use crate::vault::{Mark, Sealed, Vault};

/// Looks after the keys, and what is sealed with them.
pub(crate) struct Resealing {
    store: Store,
    turns: Turns,
    vault: Vault,
}

/// What became of what was sealed with older keys.
#[derive(Default)]
struct Tally {
    resealed: usize,
    /// Integrations whose credentials no key opens.
    unreadable: usize,
}

/// How soon a change of the file of the keys is noticed where nobody needs them.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const SHOPS_AT_ONCE: i64 = 100;
const ACTOR: &str = "system";

impl Resealing {
    /// Looks until the task is aborted: what it leaves is done by the next.
    pub(crate) fn start(store: &Store, turns: &Turns, vault: &Vault) -> JoinHandle<()> {
        let (store, turns, vault) = (store.clone(), turns.clone(), vault.clone());
        tokio::spawn(Self { store, turns, vault }.work())
    }

    async fn work(self) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // With these keys all that can be done is done.
        let mut done: Vec<Mark> = Vec::new();
        loop {
            looks.tick().await;
            self.vault.refreshed().await;
            let marks = self.vault.marks();
            if marks == done {
                continue;
            }
            match self.reseal_all().await {
                Ok(tally) => {
                    done = marks;
                    tell(&tally);
                }
                Err(failure) => tracing::warn!(?failure, "credentials are resealed later"),
            }
        }
    }

    /// One shop after the other.
    async fn reseal_all(&self) -> Result<Tally, Failure> {
        let (mut tally, mut after) = (Tally::default(), 0);
        loop {
            let store = &self.store;
            let shops = on_either!(store, database => database.credentials_after(after, SHOPS_AT_ONCE).await)?;
            let Some(last) = shops.last() else { return Ok(tally) };
            after = last.shop_id;
            for shop in shops {
                self.reseal(shop, &mut tally).await?;
            }
        }
    }

    async fn reseal(&self, shop: Credentials, tally: &mut Tally) -> Result<(), Failure> {
        let mut credentials = Vec::new();
        for (slug, before) in shop.by_integration {
            let name = integration_name(&shop.slug, &slug);
            match Sealed::stored(Some(&before)).renewed(&self.vault, &name) {
                Ok(Some(after)) => credentials.push(Resealed { slug, before, after }),
                Ok(None) => {}
                Err(_) => tally.unreadable = tally.unreadable.saturating_add(1),
            }
        }
        if credentials.is_empty() {
            return Ok(());
        }
        let count = credentials.len();
        let request_id = Uuid::now_v7();
        let assignment = Assignment {
            shop: shop.slug,
            caller: Caller {
                actor: ACTOR.to_owned(),
                request_id,
                content: *blake3::hash(request_id.as_bytes()).as_bytes(),
            },
            command: Command::ResealCredentials(ResealCredentials { credentials }),
            bytes: 0,
        };
        self.turns.submit_bulk(assignment, None).await?;
        tally.resealed = tally.resealed.saturating_add(count);
        Ok(())
    }
}

fn tell(&Tally { resealed, unreadable }: &Tally) {
    if resealed > 0 {
        tracing::info!(integrations = resealed, "credentials are encrypted with the first key now");
    }
    if unreadable > 0 {
        tracing::warn!(integrations = unreadable, "credentials can be read with no key there is");
    }
}
