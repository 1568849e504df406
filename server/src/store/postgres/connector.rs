//! Connections to PostgreSQL, by TLS where the address asks for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use diesel::ConnectionResult;
use diesel_async::AsyncPgConnection;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{NoTls, Socket};
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::chain;
use crate::outside::trust;

/// Makes connections; clones share what it knows.
#[derive(Clone)]
pub(super) struct Connector {
    address: Arc<Address>,
    tls: Option<Tls>,
}

/// By rustls, as all TLS of the service. The crate that joins the two brings its own reader of
/// certificates, for a binding to the channel that a verified server does not need.
#[derive(Clone)]
struct Tls(TlsConnector);

struct Handshake {
    connector: TlsConnector,
    host: String,
}

struct Secured(tokio_rustls::client::TlsStream<Socket>);

impl Connector {
    /// # Errors
    /// When nobody can vouch for the server.
    pub(super) fn new(address: &Address) -> Result<Self, String> {
        let tls = match address.config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(Tls::new(address)?),
        };
        Ok(Self { address: Arc::new(address.clone()), tls })
    }

    /// # Errors
    /// One line with the place and the cause.
    pub(super) async fn connect(&self) -> Result<AsyncPgConnection, String> {
        let config = &self.address.config;
        let told = |error: &dyn std::error::Error| self.told(&chain(error));
        let connected: ConnectionResult<AsyncPgConnection> = match &self.tls {
            None => {
                let (client, connection) =
                    config.connect(NoTls).await.map_err(|error| told(&error))?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) =
                    config.connect(tls.clone()).await.map_err(|error| told(&error))?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        };
        connected.map_err(|error| told(&error))
    }

    /// What went wrong, and where.
    pub(super) fn told(&self, cause: &str) -> String {
        format!("PostgreSQL at {}: {cause}", self.address.place())
    }
}

impl Tls {
    fn new(address: &Address) -> Result<Self, String> {
        let config = match address.authority() {
            Some(path) => std::fs::read(path)
                .map_err(|error| error.to_string())
                .and_then(|authority| trust(Some(&authority)))
                .map_err(|problem| format!("sslrootcert {}: {problem}", path.display()))?,
            None => trust(None)?,
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Secured;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        Ok(Handshake { connector: self.0.clone(), host: host.to_owned() })
    }
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Secured;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let host = ServerName::try_from(self.host).map_err(io::Error::other)?;
            self.connector.connect(host, socket).await.map(Secured)
        })
    }
}

impl TlsStream for Secured {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
