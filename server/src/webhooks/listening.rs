//! The HTTP listener: accepts connections and reads letters, all within limits, until told to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answering::{Answer, Desk};

/// Takes letters in.
pub(crate) struct Listener {
    pub listener: TcpListener,
    pub desk: Desk,
}

/// What connections share.
struct Shared {
    desk: Desk,
    /// Letters that are proved and stored at once.
    places: Semaphore,
}

/// Connections at once; more wait in the system's queue. In front stands a proxy, which needs few.
const CONNECTIONS_MAX: usize = 256;
const LETTERS_AT_ONCE: usize = 16;
/// How long a letter waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 16 * 1024;
const BODY_BYTES_MAX: usize = 256 * 1024;
/// After an accept that failed because the process is out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What providers are told who come too often.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

impl Listener {
    /// Serves until `stop`, then lets letters that are under way be stored, at most for `drain`.
    pub(crate) async fn serve(self, stop: CancellationToken, drain: Duration) {
        let Self { listener, desk } = self;
        let shared = Arc::new(Shared { desk, places: Semaphore::new(LETTERS_AT_ONCE) });
        let mut connections = JoinSet::new();
        loop {
            let has_room = connections.len() < CONNECTIONS_MAX;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_ended) = connections.join_next() => {}
                accepted = listener.accept(), if has_room => match accepted {
                    Ok((stream, _peer)) => {
                        connections.spawn(converse(stream, Arc::clone(&shared), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection for webhooks could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        let until = Instant::now() + drain;
        while timeout_at(until, connections.join_next()).await.is_ok_and(|ended| ended.is_some()) {}
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(written(shared.take_in(request).await)) }
    });
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    let mut connection = std::pin::pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection for webhooks ended");
    }
}

impl Shared {
    async fn take_in(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let Some(door) = door(head.uri.path()) else { return Answer::of(StatusCode::NOT_FOUND) };
        if head.method != Method::POST {
            return Answer::of(StatusCode::METHOD_NOT_ALLOWED);
        }
        let body = match timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Answer::of(StatusCode::PAYLOAD_TOO_LARGE);
            }
            Ok(Err(_)) => return Answer::of(StatusCode::BAD_REQUEST),
            Err(_elapsed) => return Answer::of(StatusCode::REQUEST_TIMEOUT),
        };
        let Ok(Ok(_place)) = timeout(PATIENCE, self.places.acquire()).await else {
            return Answer::of(StatusCode::SERVICE_UNAVAILABLE);
        };
        let target = head.uri.path_and_query().map_or(head.uri.path(), |target| target.as_str());
        self.desk.take_in(door, target, &head.headers, &body).await
    }
}

/// The shop and integration that a path names.
fn door(path: &str) -> Option<(&str, &str)> {
    const PART_BYTES_MAX: usize = 100;
    let (shop, integration) = path.strip_prefix("/webhooks/")?.split_once('/')?;
    let is_name = |part: &str| {
        (1..=PART_BYTES_MAX).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (is_name(shop) && is_name(integration)).then_some((shop, integration))
}

fn written(answer: Answer) -> Response<Full<Bytes>> {
    let Answer { status, text } = answer;
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, RETRY_SECONDS);
        }
        _ if !text.is_empty() => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        _ => {}
    }
    response
}
