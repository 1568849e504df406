//! Accepts connections and serves them, each within its limits, until told to stop.
//!
//! Not the library's own server: that one waits without end for open streams when it stops, and
//! reports a deadline that passed as a cancellation.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::codegen::http::Request;
use tonic::service::Routes;

use super::guard;

/// Connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// Calls at once on one connection; a stream is one for as long as it lasts.
const STREAMS_MAX: u32 = 1_000;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection must begin to speak HTTP/2 within this.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
/// What a client may send before it is read: a request, and some of them together.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What waits in memory for one stream whose client does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Calls taken back before they were looked at, and errors of the client's own making, until the
/// connection is closed: both are known attacks.
const PENDING_RESETS_MAX: usize = 100;
const LOCAL_RESETS_MAX: usize = 128;
/// After an accept that failed because the process is out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds the address.
///
/// # Errors
/// One line for the terminal.
pub(crate) async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is in use: stop what serves there, or choose another {setting}")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// Serves until `stop`, then lets the calls that are under way finish, at most for `drain`.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Routes,
    stop: CancellationToken,
    drain: Duration,
) {
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _peer)) => {
                    connections.spawn(serve_connection(stream, routes.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    // New connections are turned away by the system from here on.
    drop(listener);
    let until = tokio::time::Instant::now() + drain;
    while timeout_at(until, connections.join_next()).await.is_ok_and(|ended| ended.is_some()) {}
    if !connections.is_empty() {
        tracing::warn!(connections = connections.len(), "connections were cut to stop in time");
    }
}

async fn serve_connection(stream: TcpStream, routes: Routes, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection closed at once");
        return;
    }
    let begun = stop.run_until_cancelled(timeout(PREFACE_TIMEOUT, past_preface(stream)));
    let Some(Ok(Ok(stream))) = begun.await else {
        tracing::debug!("a connection did not speak HTTP/2");
        return;
    };
    let service =
        service_fn(move |request: Request<Incoming>| guard::call(routes.clone(), request));
    let mut connection = std::pin::pin!(protocol().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Reads the first bytes of HTTP/2 and puts them back.
async fn past_preface(mut stream: TcpStream) -> io::Result<impl AsyncRead + AsyncWrite + Unpin> {
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    if preface != PREFACE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (reader, writer) = stream.into_split();
    Ok(tokio::io::join(io::Cursor::new(preface).chain(reader), writer))
}

fn protocol() -> http2::Builder<TokioExecutor> {
    let mut protocol = http2::Builder::new(TokioExecutor::new());
    protocol
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX);
    protocol
}
