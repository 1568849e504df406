//! The real server on either database: start, stop, kill, restart, and a second replica.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use order_sdk::{ClientBuilder, OrderClient};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::folder::Folder;
use super::process::Process;
use super::{PATIENCE, answered, audited, binaries, health};
use crate::postgres::{self, Database};

/// Which database a server stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// One server process and what it stands on. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) backend: Backend,
    pub(crate) port: u16,
    pub(crate) store: Arc<Store>,
    /// Flags beside those that say where everything is.
    flags: Vec<String>,
    log: PathBuf,
    process: Mutex<Option<Process>>,
}

/// What outlives a server process: its database and the sandbox's book.
pub(crate) struct Store {
    pub(crate) folder: Folder,
    pub(crate) database: Option<Database>,
    /// The `PostgreSQL` of nobody else.
    pub(crate) cluster: Option<postgres::Server>,
    _seat: Option<SemaphorePermit<'static>>,
}

/// Databases at once: `PostgreSQL` takes 100 connections unless told otherwise.
static SEATS: Semaphore = Semaphore::const_new(8);
const FEW_CONNECTIONS: [&str; 4] = ["--read-connections", "3", "--turn-workers", "2"];

impl Backend {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Store {
    /// An empty one.
    pub(crate) async fn new(backend: Backend) -> Arc<Self> {
        let (mut database, mut seat) = (None, None);
        if backend == Backend::Postgres {
            audited::audit_what_was_left().await;
            seat = Some(SEATS.acquire().await.unwrap());
            database = Some(postgres::fresh_database().await);
        }
        Arc::new(Self { folder: Folder::new(), database, cluster: None, _seat: seat })
    }

    /// An empty one in a `PostgreSQL` of its own, whose settings may be changed.
    pub(crate) async fn in_own_cluster() -> Arc<Self> {
        let cluster = postgres::own_server(postgres::IN_THE_CLEAR).await;
        let database = Some(cluster.database().await);
        Arc::new(Self { folder: Folder::new(), database, cluster: Some(cluster), _seat: None })
    }

    /// The sandbox's own book.
    pub(crate) fn book(&self) -> PathBuf {
        self.folder.file("book.db")
    }

    pub(crate) fn data_folder(&self) -> PathBuf {
        self.folder.file("data")
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Store").field(&self.folder).finish()
    }
}

impl Server {
    /// A server on an empty database, serving.
    pub(crate) async fn fresh(backend: Backend, flags: &[&str]) -> Arc<Self> {
        let store = Store::new(backend).await;
        Self::on(backend, store, flags).await
    }

    /// A server on this database, serving.
    pub(crate) async fn on(backend: Backend, store: Arc<Store>, flags: &[&str]) -> Arc<Self> {
        let server = Self::of_nobody(backend, store, flags).await;
        audited::remember(&server);
        server
    }

    /// The same, of no test in particular.
    async fn of_nobody(backend: Backend, store: Arc<Store>, flags: &[&str]) -> Arc<Self> {
        let server = Self::idle(backend, store, flags);
        server.start().await;
        Arc::new(server)
    }

    /// One that has not been started.
    fn idle(backend: Backend, store: Arc<Store>, flags: &[&str]) -> Self {
        let port = free_port();
        Self {
            backend,
            port,
            log: store.folder.file(&format!("server-{port}.log")),
            store,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            process: Mutex::default(),
        }
    }

    /// Another server process on the same database and book.
    pub(crate) async fn replica(&self) -> Arc<Self> {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        Self::on(self.backend, Arc::clone(&self.store), &flags).await
    }

    /// Two server processes on one empty `PostgreSQL` database, launched before either serves; both serve.
    pub(crate) async fn two_at_once() -> [Arc<Self>; 2] {
        let store = Store::new(Backend::Postgres).await;
        let pair = [(); 2].map(|()| Self::idle(Backend::Postgres, Arc::clone(&store), &[]));
        pair.iter().for_each(Self::launch);
        for server in &pair {
            server.serving().await;
        }
        let pair = pair.map(Arc::new);
        pair.iter().for_each(audited::remember);
        pair
    }

    /// Starts it again after it has ended, and waits until it serves.
    pub(crate) async fn start(&self) {
        self.launch();
        self.serving().await;
    }

    /// Starts it again without waiting.
    pub(crate) fn launch(&self) {
        let process = Process::start(&binaries::server(), &self.arguments(), &self.log);
        *self.process.lock().unwrap() = Some(process);
    }

    pub(crate) async fn serving(&self) {
        let waiting = async {
            while health::status(self.port, "").await != Some(health::SERVING) {
                let ended = self.process.lock().unwrap().as_ref().and_then(Process::exit_code);
                assert!(ended.is_none(), "the server ended with {ended:?}: {}", self.log_tail());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(in_time.is_ok(), "the server does not serve: {}", self.log_tail());
    }

    /// kill -9, and waits until it is gone.
    pub(crate) async fn kill(&self) {
        self.end("KILL").await;
    }

    /// SIGTERM, and waits for the end; answers the exit code.
    pub(crate) async fn stop(&self) -> i32 {
        self.end("TERM").await
    }

    /// Whether there is a process that has not ended.
    pub(crate) fn is_running(&self) -> bool {
        let process = self.process.lock().unwrap();
        process.as_ref().is_some_and(|process| process.exit_code().is_none())
    }

    /// Sends a signal and goes on.
    pub(crate) fn signal(&self, name: &str) {
        self.process.lock().unwrap().as_ref().unwrap().signal(name);
    }

    /// Waits for the end of a process that was told to end; answers the exit code.
    pub(crate) async fn gone(&self) -> i32 {
        let process = self.process.lock().unwrap().take().unwrap();
        process.ended(PATIENCE).await
    }

    async fn end(&self, signal: &str) -> i32 {
        self.signal(signal);
        self.gone().await
    }

    /// Sets up a client of it.
    pub(crate) fn client_builder(&self) -> ClientBuilder {
        OrderClient::builder()
            .endpoint(self.endpoint())
            .timeout(Duration::from_secs(60))
            .actor("test")
    }

    pub(crate) fn client(&self) -> OrderClient {
        self.client_builder().connect_lazy().unwrap()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "--listen".to_owned(),
            format!("127.0.0.1:{}", self.port),
            "--data-dir".to_owned(),
            self.store.data_folder().display().to_string(),
            "--sandbox-book".to_owned(),
            self.store.book().display().to_string(),
        ];
        if let Some(database) = &self.store.database {
            arguments.extend(["--database-url".to_owned(), database.url.clone()]);
            // A test may want others.
            let few = FEW_CONNECTIONS
                .chunks(2)
                .filter(|flag| !self.flags.iter().any(|one| one == flag[0]));
            arguments.extend(few.flatten().map(|&flag| flag.to_owned()));
        }
        if !self.flags.iter().any(|flag| flag == "--log-filter") {
            arguments.extend(["--log-filter", answered::LOG_FILTER].map(str::to_owned));
        }
        arguments.extend(self.flags.clone());
        arguments
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        answered::note(self.backend, &self.log());
    }
}

/// Servers that tests share.
static SHARED: Mutex<BTreeMap<Backend, Arc<Server>>> = Mutex::new(BTreeMap::new());
static STARTING: [tokio::sync::Mutex<()>; 2] =
    [tokio::sync::Mutex::const_new(()), tokio::sync::Mutex::const_new(())];

/// The server of this database that tests share, started by the first who asks.
pub(crate) async fn shared(backend: Backend) -> Arc<Server> {
    let place = usize::from(backend == Backend::Postgres);
    let starting = STARTING[place].lock().await;
    if let Some(server) = SHARED.lock().unwrap().get(&backend) {
        return Arc::clone(server);
    }
    let store = Store::new(backend).await;
    let server = Server::of_nobody(backend, store, &["--call-timeout", "3s"]).await;
    SHARED.lock().unwrap().insert(backend, Arc::clone(&server));
    drop(starting);
    server
}

/// The servers that tests have shared.
pub(crate) fn shared_servers() -> Vec<Arc<Server>> {
    SHARED.lock().unwrap().values().cloned().collect()
}

/// Ends them, databases and all.
pub(crate) fn stop_shared_servers() {
    let servers = std::mem::take(&mut *SHARED.lock().unwrap());
    drop(servers);
}

/// A port that nobody listens on, outside the range that outgoing connections get theirs from.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    let start = u16::try_from(std::process::id() % 360).unwrap() * 50;
    loop {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
