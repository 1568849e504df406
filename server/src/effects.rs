//! Carries out what turns have planned for the outside world: claims effects that are due, calls
//! their system, and hands the outcome in as a command.
//!
//! An effect stands as SENT under a lease before its system is called, and no call is made inside
//! a transaction. The lease is renewed as long as the call lasts; whoever loses it gives up the
//! call, and whoever finds it ended asks the system before anything is sent again.

mod booking;
mod breakers;
mod carrying;
mod finding;
mod labelling;
mod mailing;
mod paying;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use order_rules::effects::{
    CALL_TIMEOUT_MICROS, MADE_WITHIN_MICROS, QUIET_MICROS, RETRY_MAX_MICROS, STOPPED_WITHIN_MICROS,
};
use order_rules::refusals::Code;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::booking::Booking;
use self::breakers::REST_LONGEST;
use self::carrying::Carrier;
use self::finding::Ledger;
use self::labelling::Labelling;
use self::mailing::Mailing;
use self::paying::Paying;
pub(crate) use self::paying::operation_key;
use self::slots::Slots;
use crate::accounting::Books;
use crate::commands::{Assignment, Failure};
use crate::labels::{self, Maker};
use crate::links::{Links, Setup, Unusable};
use crate::mail::{MailServers, MailService, is_mail_server};
use crate::providers::{Call, Providers};
use crate::shops::{Integration, integration_name};
use crate::store::claims::{Candidate, Claims, PaymentSubject, Search, Subject};
use crate::store::rows::{EffectRow, ShopRow};
use crate::store::{Store, StoreFailure, on_either};
use crate::systems::Hold;
use crate::turns::Turns;

/// Where outcomes go, and where effects come from.
pub(crate) trait Recorder: Clone + Send + Sync + 'static {
    /// Has the command carried out. The same again changes nothing.
    fn record(&self, assignment: Assignment) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Resolves when effects were planned since it was last asked.
    fn effects_planned(&self) -> impl Future<Output = ()> + Send;
}

/// What the runner works with.
#[derive(Clone)]
pub(crate) struct Runner<Log> {
    pub store: Store,
    pub providers: Providers,
    pub books: Books,
    pub mail: MailService,
    pub mail_servers: MailServers,
    pub links: Links,
    /// The turns.
    pub log: Log,
    /// How long a provider has to answer; never longer than the rules reckon with.
    pub call_timeout: Duration,
}

/// A runner at work.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// How long an effect is one's own without a sign of life, by the database's clock.
const LEASE: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A lease that could not be renewed for so long counts as lost, ahead of the database's view.
const LEASE_SURELY_HELD: Duration = Duration::from_secs(12);
/// Work of others that have died, and wake-ups that were lost, are found by looking.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Somebody else was faster, or a turn holds the row.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const _: () = assert!(LEASE.as_micros() <= STOPPED_WITHIN_MICROS.unsigned_abs() as u128);
/// How soon after its return a system is noticed, and what it is in doubt about is over.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);
/// The worst: probes are under way that it will never answer, it rests, and is asked twice about what it
/// does not know.
const _: () = {
    let hung = Duration::from_micros(CALL_TIMEOUT_MICROS.unsigned_abs());
    let looks = Duration::from_micros(2 * QUIET_MICROS.unsigned_abs());
    let seen = hung.as_secs() + REST_LONGEST.as_secs() + 2 * LOOK_EVERY.as_secs();
    assert!(seen + looks.as_secs() < NOTICED_WITHIN.as_secs());
    // Where it rests for no longer, and what waits alone is due after its own pause.
    let alone = Duration::from_micros(RETRY_MAX_MICROS.unsigned_abs());
    assert!(alone.as_secs() + seen - hung.as_secs() + looks.as_secs() < NOTICED_WITHIN.as_secs());
    // Where it has no key and hung once.
    let made = Duration::from_micros(MADE_WITHIN_MICROS.unsigned_abs());
    assert!(made.as_secs() + LOOK_EVERY.as_secs() + looks.as_secs() / 2 < NOTICED_WITHIN.as_secs());
};
const CANDIDATES: i64 = 128;
/// Looked at where nothing of the first ones fits: lanes that are full may have filled them.
const CANDIDATES_MAX: i64 = 8_192;
const CANDIDATES_GROW: i64 = 8;
/// How long a drain waits for calls under way.
const DRAIN: Duration = Duration::from_secs(10);
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

impl Running {
    /// Stops claiming, lets calls under way end for up to 10 s, and leaves the rest to others.
    pub(crate) async fn drain(self) {
        self.stop.cancel();
        if let Err(failure) = self.task.await {
            tracing::error!(%failure, "the effect runner ended in disorder");
        }
    }
}

impl<Log: Recorder> Runner<Log> {
    /// Starts to work.
    pub(crate) fn start(self) -> Running {
        let stop = CancellationToken::new();
        let crew = Crew {
            owner: Uuid::now_v7().to_string(),
            slots: Slots::default(),
            runner: self,
            calls: JoinSet::new(),
        };
        Running { task: tokio::spawn(crew.work(stop.clone())), stop }
    }

    fn paying(&self, shop: &Shop, effect: &EffectRow, of: &PaymentSubject) -> Paying {
        let PaymentSubject { provider, reference, .. } = of;
        let (provider_system, hold) = shop.system(provider, |setup| self.providers.behind(setup));
        Paying {
            provider: provider_system,
            call: paying::call(&shop.slug, effect, of)
                .map(|call| Call { doubt: paying::doubt(effect, hold.is_some()), ..call }),
            hold,
            ledger: Ledger::of(&shop.slug, of),
            effect: effect.clone(),
            key: paying::key_of(&shop.slug, provider, reference, effect),
            patience: self.call_timeout(),
        }
    }

    fn booking(&self, shop: &Shop, effect: &EffectRow, integration: &str) -> Booking {
        let (accounting, hold) = shop.system(integration, |setup| self.books.behind(setup));
        Booking {
            store: self.store.clone(),
            accounting,
            hold,
            shop: shop.slug.clone(),
            effect: effect.clone(),
            patience: self.call_timeout(),
        }
    }

    fn mailing(&self, shop: &Shop, effect: &EffectRow) -> Mailing {
        let own = shop.integrations.iter().find(|one| is_mail_server(&one.system));
        let (mail, hold) = match own {
            Some(own) => shop.system(&own.row.slug, |setup| self.mail_servers.behind(setup)),
            None => (Some(self.mail.clone()), None),
        };
        Mailing {
            store: self.store.clone(),
            mail,
            hold,
            own: own.map(|own| (own.row.slug.clone(), own.row.revision)),
            shop: shop.slug.clone(),
            effect: effect.clone(),
            reason: OnceLock::new(),
        }
    }

    fn labelling(&self, shop: &Shop, effect: &EffectRow, integration: &str) -> Labelling {
        let (maker, hold) = shop.label_maker(&self.links, integration);
        Labelling {
            store: self.store.clone(),
            maker,
            hold,
            shop: shop.slug.clone(),
            effect: effect.clone(),
            patience: self.call_timeout(),
        }
    }

    fn call_timeout(&self) -> Duration {
        let longest = Duration::from_micros(u64::try_from(CALL_TIMEOUT_MICROS).unwrap_or(0));
        self.call_timeout.min(longest)
    }
}

impl Recorder for Turns {
    async fn record(&self, assignment: Assignment) -> Result<(), Failure> {
        self.submit(assignment, None).await.map(drop)
    }

    async fn effects_planned(&self) {
        Self::effects_planned(self).await;
    }
}

/// The runner with what is under way.
struct Crew<Log> {
    runner: Runner<Log>,
    /// Names this run in leases.
    owner: String,
    slots: Slots,
    calls: JoinSet<()>,
}

impl<Log: Recorder> Crew<Log> {
    async fn work(mut self, stop: CancellationToken) {
        let renewing =
            tokio::spawn(renew(self.runner.store.clone(), self.owner.clone(), self.slots.clone()));
        self.take_over_at_start().await;
        while !stop.is_cancelled() {
            let pause = self.claim().await.unwrap_or_else(|failure| {
                tracing::warn!(%failure, "effects that are due cannot be read");
                LOOK_EVERY
            });
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.runner.log.effects_planned() => {}
                () = self.slots.freed() => {}
                () = sleep(pause) => {}
            }
            while let Some(ended) = self.calls.try_join_next() {
                complain_of_panic(ended);
            }
        }
        self.end().await;
        renewing.abort();
    }

    /// Nobody else can be at work on an embedded database: what a process left behind there when
    /// it died need not wait for its leases to end.
    async fn take_over_at_start(&self) {
        if !self.runner.store.is_embedded() {
            return;
        }
        if let Err(failure) = release(&self.runner.store, None).await {
            tracing::warn!(%failure, "leases of the last run stand until they end");
        }
    }

    /// Claims and starts what is due and fits; answers how long to wait for more.
    async fn claim(&mut self) -> Result<Duration, StoreFailure> {
        let mut limit = CANDIDATES;
        loop {
            if self.slots.is_full() {
                return Ok(LOOK_EVERY);
            }
            let search = Search {
                saturated: self.slots.saturated(),
                full: self.slots.full(),
                leaves_mails: self.slots.has_no_room_for_mails(),
                limit,
                ahead: LOOK_EVERY,
            };
            let store = &self.runner.store;
            let due = on_either!(store, database => database.effects_due(search).await)?;
            let is_cut = i64::try_from(due.ready.len()).is_ok_and(|ready| ready >= limit);
            let chosen = self.slots.choose(&due.ready);
            if chosen.is_empty() {
                if is_cut && limit < CANDIDATES_MAX {
                    limit *= CANDIDATES_GROW;
                    continue;
                }
                return Ok(due.next_in.unwrap_or(LOOK_EVERY));
            }
            let keys: Vec<i64> = chosen.iter().map(|candidate| candidate.effect_key).collect();
            let owner = self.owner.clone();
            let claims =
                on_either!(store, database => database.effects_claim(keys, owner, LEASE).await);
            let claims = match claims {
                Ok(claims) => claims,
                // Another replica was faster.
                Err(StoreFailure::Constraint(_) | StoreFailure::Conflict(_)) => Claims::default(),
                Err(failure) => return Err(failure),
            };
            let (claimed, wanted) = (claims.claims.len(), chosen.len());
            self.start_calls(claims);
            if claimed == 0 || !is_cut && claimed < wanted {
                return Ok(LOOK_AGAIN);
            }
            // All that is due was seen: what did not fit waits for a place.
            if !is_cut {
                return Ok(due.next_in.unwrap_or(LOOK_EVERY));
            }
        }
    }

    fn start_calls(&mut self, Claims { claims, shops, integrations }: Claims) {
        let shop = |row: ShopRow| {
            let own = integrations.iter().filter(|one| one.shop_id == row.shop_id);
            let integrations = own.cloned().flat_map(Integration::from_row).collect();
            (row.shop_id, Shop { slug: row.slug, integrations })
        };
        let shops: HashMap<i64, Shop> = shops.into_iter().map(shop).collect();
        for claim in claims {
            let Some(shop) = shops.get(&claim.effect.shop_id) else { continue };
            let place = self.slots.occupy(&Candidate {
                effect_key: claim.effect.effect_key,
                shop_id: claim.effect.shop_id,
                lane: claim.lane(),
            });
            let (runner, owner, slug) =
                (self.runner.clone(), self.owner.clone(), shop.slug.clone());
            match &claim.subject {
                Subject::Payment(of) => {
                    let errand = runner.paying(shop, &claim.effect, of);
                    let carrier = Carrier { runner, owner, shop: slug, claim, errand };
                    self.calls.spawn(async move { carrier.carry_out(&place).await });
                }
                Subject::Transfer(integration) => {
                    let errand = runner.booking(shop, &claim.effect, integration);
                    let carrier = Carrier { runner, owner, shop: slug, claim, errand };
                    self.calls.spawn(async move { carrier.carry_out(&place).await });
                }
                Subject::Mail => {
                    let errand = runner.mailing(shop, &claim.effect);
                    let carrier = Carrier { runner, owner, shop: slug, claim, errand };
                    self.calls.spawn(async move { carrier.carry_out(&place).await });
                }
                Subject::Label(integration) => {
                    let errand = runner.labelling(shop, &claim.effect, integration);
                    let carrier = Carrier { runner, owner, shop: slug, claim, errand };
                    self.calls.spawn(async move { carrier.carry_out(&place).await });
                }
            }
        }
    }

    async fn end(&mut self) {
        let all_ended = async {
            while let Some(ended) = self.calls.join_next().await {
                complain_of_panic(ended);
            }
        };
        if timeout(DRAIN, all_ended).await.is_ok() {
            return;
        }
        tracing::info!(calls = self.calls.len(), "calls under way are left to another process");
        self.calls.shutdown().await;
        let released = release(&self.runner.store, Some(self.owner.clone()));
        if let Ok(Err(failure)) = timeout(RELEASE_TIMEOUT, released).await {
            tracing::warn!(%failure, "leases stand until they end");
        }
    }
}

/// What is needed of a shop to call a provider, as it is stored when an effect is claimed: a change
/// of an integration counts from the next claim.
struct Shop {
    slug: String,
    integrations: Vec<Integration>,
}

impl Shop {
    /// What makes the labels of an integration, and what keeps calls from it.
    fn label_maker(&self, links: &Links, name: &str) -> (Option<Maker>, Option<Hold>) {
        self.system(name, |setup| labels::behind(links, setup))
    }

    /// The system behind an integration, and what keeps calls from it. A disabled one is still asked
    /// what became of earlier calls.
    fn system<System>(
        &self,
        integration: &str,
        behind: impl FnOnce(Setup<'_>) -> Result<System, Unusable>,
    ) -> (Option<System>, Option<Hold>) {
        let Some(known) = self.integrations.iter().find(|one| one.row.slug == integration) else {
            return (None, None);
        };
        let hold = |code, reason: String| Hold {
            code,
            reason,
            integration: known.row.slug.clone(),
            revision: known.row.revision,
        };
        let disabled =
            known.row.is_disabled.then(|| hold(Code::IntegrationDisabled, String::new()));
        let name = integration_name(&self.slug, integration);
        match behind(known.setup(&name)) {
            Ok(system) => (Some(system), disabled),
            Err(problem) => {
                let unusable = hold(Code::IntegrationUnusable, problem.to_string());
                (None, disabled.or(Some(unusable)))
            }
        }
    }
}

/// Keeps the leases of all that is under way, and ends the calls that have lost theirs.
async fn renew(store: Store, owner: String, slots: Slots) {
    let mut tick = tokio::time::interval(RENEW_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let keys = slots.keys();
        if keys.is_empty() {
            continue;
        }
        let began = Instant::now();
        let (wanted, owner) = (keys.clone(), owner.clone());
        let renewed = async {
            on_either!(&store, database => database.leases_renew(wanted, owner, LEASE).await)
        };
        match timeout(RENEW_EVERY, renewed).await {
            Ok(Ok(held)) => slots.renewed(&keys, &held, began),
            Ok(Err(failure)) => tracing::warn!(%failure, "leases are not renewed"),
            Err(_) => tracing::warn!("leases are not renewed in time"),
        }
        slots.give_up_unrenewed(LEASE_SURELY_HELD);
    }
}

async fn release(store: &Store, owner: Option<String>) -> Result<(), StoreFailure> {
    on_either!(store, database => database.leases_release(owner).await)
}

fn complain_of_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(failure) = ended
        && failure.is_panic()
    {
        tracing::error!(%failure, "an effect ended in disorder");
    }
}
