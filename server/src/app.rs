//! The life of the service: what is started in which order, and how it ends.

mod greeting;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::accounting::Books;
use crate::commands::{Caller, CreateShop, Failure};
use crate::config::Settings;
use crate::connecting::Connecting;
use crate::effects::{Runner, Running};
use crate::feed::Feed;
use crate::folders;
use crate::grpc::health::Health;
use crate::grpc::{self, Edge, connections};
use crate::links::Links;
use crate::mail::{MailServers, MailService};
use crate::providers::Providers;
use crate::reading::Reading;
use crate::reconciling::Reconciling;
use crate::reconciling::rounds::Rounds;
use crate::resealing::Resealing;
use crate::search::Search;
use crate::shops::Shops;
use crate::store::{Place, Store, StoreSettings, on_either};
use crate::turns::Turns;
use crate::verifying::Verifying;
use crate::webhooks::{self, Webhooks};

/// The shop that a new database begins with.
const FIRST_SHOP: &str = "default";
/// Id of the command that makes it: the same in every process, so that it is made once.
const FIRST_SHOP_REQUEST: Uuid = Uuid::from_u128(0x0192_f0c1_0000_7000_8000_0000_0000_0001);
/// Names on vouchers are kept for years: a day more does not matter.
const VOUCHERS_LOOK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const STORE_LOOK_EVERY: Duration = Duration::from_secs(2);
/// A store that does not answer a look within this is away.
const STORE_LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// What runs until the service is told to stop.
struct Service {
    store: Store,
    health: Health,
    edge: Edge,
    effects: Running,
    connections: JoinHandle<()>,
    webhooks: webhooks::Running,
    looks: JoinHandle<()>,
    /// Keeps the words up to date by which orders are found.
    following: JoinHandle<()>,
    purges: JoinHandle<()>,
    /// Reads payments at their providers.
    rounds: JoinHandle<()>,
    /// Looks after the keys for credentials.
    resealing: JoinHandle<()>,
    /// Stops the accepting of connections and of what waits for effects.
    stop: CancellationToken,
}

/// The signals that end the service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// Serves until a signal says to stop, and then until what is under way is done.
///
/// # Errors
/// One line for the terminal: why it could not start, or that it was stopped in the middle.
pub async fn run(settings: Settings) -> Result<(), String> {
    let mut signals = Signals::listen()?;
    let listener = connections::bind(settings.listen(), "--listen").await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let webhooks = match settings.webhook_listen() {
        Some(address) => Some(connections::bind(address, "--webhook-listen").await?),
        None => None,
    };
    let told_at = webhooks.as_ref().and_then(|listener| listener.local_addr().ok());
    let starting = async {
        let service = Service::start(&settings, listener, webhooks).await?;
        tracing::info!(%address, "serving");
        greeting::say(&settings, address, told_at);
        Ok::<Service, String>(service)
    };
    let service = tokio::select! {
        service = starting => service?,
        () = signals.next() => return Ok(()),
    };

    signals.next().await;
    tracing::info!("stopping");
    tokio::select! {
        stopped = timeout(settings.drain_timeout(), service.drain()) => {
            match stopped {
                Ok(()) => tracing::info!("stopped"),
                Err(_elapsed) => tracing::warn!("stopped before all that was under way was done"),
            }
            Ok(())
        }
        () = signals.next() => Err("stopped at once by a second signal".to_owned()),
    }
}

impl Service {
    async fn start(
        settings: &Settings,
        listener: TcpListener,
        webhook_listener: Option<TcpListener>,
    ) -> Result<Self, String> {
        let vault = settings.vault()?;
        let store = open_store(settings).await?;
        let shops = Shops::default();
        let turns = Turns::start(store.clone(), shops.clone(), settings.turn_workers());
        ensure_first_shop(&turns).await?;

        let links =
            Links::new(vault, settings.stand_ins()).with_webhooks(webhook_listener.is_some());
        let providers = open_providers(settings, &links).await?;
        let books = Books::new(links.clone());
        let (mail, mail_servers) = mail_ways(settings, &links)?;
        let effects = Runner {
            store: store.clone(),
            providers: providers.clone(),
            books: books.clone(),
            mail: mail.clone(),
            mail_servers: mail_servers.clone(),
            links: links.clone(),
            log: turns.clone(),
            call_timeout: settings.call_timeout(),
        }
        .start();
        let feed = Feed::start(store.clone(), shops.clone(), turns.clone());
        let search = Search::new(store.clone());
        let following = search.follow(&turns);
        let reading = Reading::new(store.clone(), shops.clone(), search);

        let stop = CancellationToken::new();
        let webhooks = Webhooks {
            store: store.clone(),
            reading: reading.clone(),
            turns: turns.clone(),
            providers: providers.clone(),
            has_rounds: settings.reconcile_rate() > 0,
        };
        let webhooks = webhooks.start(webhook_listener, &stop, settings.drain_timeout() / 2);
        let reconciling = Reconciling::new(turns.clone(), reading.clone(), providers.clone());
        let rounds = Rounds {
            store: store.clone(),
            turns: turns.clone(),
            reconciling: reconciling.clone(),
            reads_per_second: settings.reconcile_rate(),
        };
        let resealing = Resealing::start(&store, &turns, links.vault());
        let edge = Edge {
            verifying: Verifying::new(store.clone(), shops, turns.clone()),
            turns,
            reading,
            feed,
            connecting: Connecting::new(providers, books, mail_servers, links),
            reconciling,
            mail,
            stopping: stop.clone(),
        };
        let health = Health::new();
        let connections = serve(settings, &edge, &health, listener)?;
        Ok(Self {
            purges: tokio::spawn(purge_vouchers(store.clone())),
            looks: tokio::spawn(look_after(store.clone(), health.clone())),
            store,
            health,
            edge,
            effects,
            connections,
            webhooks,
            following,
            rounds: rounds.start(),
            resealing,
            stop,
        })
    }

    /// Ends in the order in which work flows: nothing new comes in, streams are told to go
    /// elsewhere, calls are answered, effects hand in their outcomes, and the turns carry out the
    /// last of it.
    async fn drain(self) {
        let Self {
            store,
            health,
            edge,
            effects,
            connections,
            webhooks,
            looks,
            following,
            purges,
            rounds,
            resealing,
            stop,
        } = self;
        looks.abort();
        // A payment it was reading is read by the next.
        rounds.abort();
        resealing.abort();
        purges.abort();
        health.drain();
        edge.feed.drain();
        stop.cancel();
        let (served, (), ()) = tokio::join!(connections, effects.drain(), webhooks.stopped());
        if let Err(failure) = served {
            tracing::error!(%failure, "the accepting of connections ended in disorder");
        }
        edge.turns.drain().await;
        // What it leaves is done after the next start.
        following.abort();
        if let Err(failure) = store.forget().await {
            tracing::warn!(%failure, "the database's log stays beside its file");
        }
    }
}

impl Signals {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot take signals: {error}"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _signal = self.terminate.recv() => {}
            _signal = self.interrupt.recv() => {}
        }
    }
}

async fn open_store(settings: &Settings) -> Result<Store, String> {
    let place = match settings.database_url() {
        Some(address) => Place::Server(address.clone()),
        None => {
            make_folder(Some(settings.data_dir()))?;
            Place::File(settings.database_file())
        }
    };
    let settings = StoreSettings {
        place,
        readers: settings.read_connections(),
        writers: settings.turn_workers(),
    };
    Store::open(&settings).await.map_err(|failure| failure.to_string())
}

/// The providers, with the sandbox's book open.
async fn open_providers(settings: &Settings, links: &Links) -> Result<Providers, String> {
    make_folder(settings.sandbox_book().parent())?;
    let providers = Providers::new(settings.sandbox_book(), links.clone());
    providers.open().await?;
    Ok(providers)
}

/// Answers calls until the edge stops.
fn serve(
    settings: &Settings,
    edge: &Edge,
    health: &Health,
    listener: TcpListener,
) -> Result<JoinHandle<()>, String> {
    let routes = grpc::routes(edge, health)
        .map_err(|error| format!("the contract in this binary cannot be read: {error}"))?;
    // Calls that cannot end must not take the time of what comes after them.
    let patience = settings.drain_timeout() / 2;
    Ok(tokio::spawn(connections::serve(listener, routes, edge.stopping.clone(), patience)))
}

/// The mail server, or the folder where none is set up; and the way to those of shops.
fn mail_ways(settings: &Settings, links: &Links) -> Result<(MailService, MailServers), String> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let authority = settings.smtp_ca().map(read).transpose()?.map(Arc::from);
    let own = match settings.smtp_url() {
        Some(url) => MailService::to_server(url, authority.clone(), settings.call_timeout())?,
        None => MailService::to_folder(settings.mail_folder()),
    };
    Ok((own, MailServers::new(links.clone(), authority, settings.call_timeout())))
}

fn make_folder(folder: Option<&Path>) -> Result<(), String> {
    let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    folders::make_private(folder)
        .map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))
}

/// A new database begins with one shop, so that the first order can be placed at once.
async fn ensure_first_shop(turns: &Turns) -> Result<(), String> {
    let command = CreateShop {
        slug: FIRST_SHOP.to_owned(),
        display_name: "Default".to_owned(),
        settings: order_proto::v1::ShopSettings::default(),
        caller: Caller {
            actor: "system".to_owned(),
            request_id: FIRST_SHOP_REQUEST,
            content: [0; 32],
        },
    };
    match turns.create_shop(command, false).await {
        Ok(_) | Err(Failure::Refused(_)) => Ok(()),
        Err(Failure::Internal { log }) => {
            Err(format!("the first shop could not be created: {log}"))
        }
        Err(Failure::QueueFull { .. } | Failure::Unavailable { .. }) => {
            Err("the first shop could not be created: the database is away".to_owned())
        }
    }
}

/// Removes what the bookkeeping act no longer keeps of erased customers.
async fn purge_vouchers(store: Store) {
    let mut days = interval(VOUCHERS_LOOK_EVERY);
    loop {
        days.tick().await;
        let now = crate::clock::now().0;
        let purged = on_either!(&store, database => database.vouchers_purge(now).await);
        if let Err(failure) = purged {
            tracing::warn!(%failure, "old names on vouchers are removed tomorrow");
        }
    }
}

/// Keeps the health of the store current.
async fn look_after(store: Store, health: Health) {
    let mut looks = interval(STORE_LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_here = true;
    loop {
        looks.tick().await;
        let look = async { on_either!(&store, database => database.shop_last_id().await) };
        let is_here = matches!(timeout(STORE_LOOK_TIMEOUT, look).await, Ok(Ok(_)));
        if is_here != was_here {
            tracing::warn!(is_here, "the store has changed its state");
        }
        health.set_store(is_here);
        was_here = is_here;
    }
}
