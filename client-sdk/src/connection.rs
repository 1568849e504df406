//! How a client is set up: where the server is, and the connections to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use crate::calls::CallSettings;
use crate::client::OrderClient;
use crate::error::Error;
use crate::retry::{RetryBudget, RetryPolicy};

const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7070";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
const UNARY_STREAM_WINDOW: u32 = 2 << 20;
const WATCH_STREAM_WINDOW: u32 = 256 << 10;
/// Far above a stream's window, so that one stream nobody reads does not stop the others.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Sets up an [`OrderClient`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    endpoint: String,
    timeout: Duration,
    actor: Option<String>,
    language: Option<String>,
    retry: RetryPolicy,
    connections: usize,
}

/// The connections of a client. Watches have one of their own: streams that are held open and read
/// slowly do not get into the way of calls.
#[derive(Debug)]
pub(crate) struct Connections {
    unary: Vec<Channel>,
    watch: Channel,
    turn: AtomicUsize,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            timeout: DEFAULT_TIMEOUT,
            actor: None,
            language: None,
            retry: RetryPolicy::default(),
            connections: 2,
        }
    }
}

impl ClientBuilder {
    /// Where the server is, e.g. `http://127.0.0.1:7070`, which is the default.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), ..self }
    }

    /// How long a call may take with all its attempts; 10 s unless told. A `wait` in the request
    /// comes on top.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Who calls, as it will stand in the history: visible ASCII.
    #[must_use]
    pub fn actor(self, actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// The language of causes and remedies, e.g. `nb`; English unless told.
    #[must_use]
    pub fn language(self, language: impl Into<String>) -> Self {
        Self { language: Some(language.into()), ..self }
    }

    /// When calls are made again; [`RetryPolicy::off`] switches it off.
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Connections for calls, taken in turn; 2 unless told, 0 is taken as 1. Watches have one more.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Connects now: an error when the server cannot be reached.
    pub async fn connect(self) -> Result<OrderClient, Error> {
        let unreachable = |error: tonic::transport::Error| {
            Error::from_status(&tonic::Status::from_error(Box::new(error)))
        };
        let unary = self.unary_endpoint()?;
        let unary = try_join_all((0..self.connections).map(|_| unary.connect()))
            .await
            .map_err(unreachable)?;
        let watch = self.watch_endpoint()?.connect_lazy();
        self.client(unary, watch)
    }

    /// Connects with the first call. Must be called within a tokio runtime.
    pub fn connect_lazy(self) -> Result<OrderClient, Error> {
        let unary = self.unary_endpoint()?;
        let unary = (0..self.connections).map(|_| unary.connect_lazy()).collect();
        let watch = self.watch_endpoint()?.connect_lazy();
        self.client(unary, watch)
    }

    fn client(self, unary: Vec<Channel>, watch: Channel) -> Result<OrderClient, Error> {
        let settings = CallSettings {
            timeout: self.timeout,
            actor: self.actor.as_deref().map(|actor| metadata_text(actor, "actor")).transpose()?,
            language: self
                .language
                .as_deref()
                .map(|language| metadata_text(language, "language"))
                .transpose()?,
            retry: self.retry,
        };
        let connections = Connections { unary, watch, turn: AtomicUsize::new(0) };
        Ok(OrderClient::new(connections, settings, RetryBudget::default()))
    }

    fn unary_endpoint(&self) -> Result<Endpoint, Error> {
        Ok(self.base_endpoint()?.initial_stream_window_size(UNARY_STREAM_WINDOW))
    }

    fn watch_endpoint(&self) -> Result<Endpoint, Error> {
        Ok(self.base_endpoint()?.initial_stream_window_size(WATCH_STREAM_WINDOW))
    }

    fn base_endpoint(&self) -> Result<Endpoint, Error> {
        let invalid = |reason: &str| Error::Invalid(format!("{:?} {reason}", self.endpoint));
        let endpoint = Endpoint::from_shared(self.endpoint.clone())
            .map_err(|_| invalid("is not an address like http://127.0.0.1:7070"))?;
        if endpoint.uri().scheme_str() != Some("http") {
            return Err(invalid("must begin with http:// (this build has no TLS)"));
        }
        let endpoint = endpoint
            .user_agent(concat!("order-sdk/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| invalid("cannot be called"))?;
        Ok(endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            // Explicit and not adaptive: adaptive begins at 64 KiB for the whole connection, and one
            // stream that nobody reads then stops every call on it.
            .http2_adaptive_window(false)
            .initial_connection_window_size(CONNECTION_WINDOW))
    }
}

impl Connections {
    /// The connection whose turn it is.
    pub(crate) fn unary(&self) -> Channel {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let place = turn.checked_rem(self.unary.len()).unwrap_or_default();
        // There is at least one; the watch connection would do as well.
        self.unary.get(place).unwrap_or(&self.watch).clone()
    }

    pub(crate) fn watch(&self) -> Channel {
        self.watch.clone()
    }
}

pub(crate) fn metadata_text(text: &str, what: &str) -> Result<MetadataValue<Ascii>, Error> {
    let invalid = || Error::Invalid(format!("{what} must be visible ASCII characters"));
    if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        return Err(invalid());
    }
    MetadataValue::try_from(text).map_err(|_| invalid())
}
