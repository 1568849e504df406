//! The way to systems outside over HTTP: one client, hardened once for all of them.
//!
//! TLS everywhere, unless the other end is a loopback address; no redirects, no proxy of the
//! environment, bounded times, connections and answers; nothing is repeated by itself. What went
//! wrong on the way is told in the one distinction that matters to money: certainly not sent, or
//! nobody knows.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Request, Response, StatusCode, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The client; clones share its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outside {
    /// Made with the first call: reading who may vouch for a server takes time.
    client: Arc<OnceLock<Result<Client, String>>>,
}

/// What a system said, whatever that means.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// There is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The system has certainly not got it.
    NotSent(String),
    /// It may have got it, and done it.
    Unknown(String),
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a call in all; whoever calls may be less patient.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS_MAX: usize = 8;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const USER_AGENT: &str = concat!("order-service/", env!("CARGO_PKG_VERSION"));

impl Outside {
    /// Sends a request once and reads the whole answer.
    ///
    /// # Errors
    /// No answer, or one that is too long.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, Lost> {
        if !may_go_to(request.url()) {
            return Err(Lost::NotSent("only https, or a loopback address".to_owned()));
        }
        // There are those who take no change without its length, also of nothing.
        if request.method() != Method::GET && request.body().is_none() {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let client = self.client.get_or_init(client).as_ref();
        let client = client.map_err(|problem| Lost::NotSent(problem.clone()))?;
        let response = client.execute(request).await.map_err(|error| lost(&error))?;
        read(response).await
    }
}

impl Answer {
    /// How long the system wants to be left alone, if it says so in seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// A header of plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(cause) => write!(formatter, "not sent: {cause}"),
            Self::Unknown(cause) => write!(formatter, "no answer: {cause}"),
        }
    }
}

/// Whether the text is the address of a system on this machine, and nothing beside it.
pub(crate) fn is_loopback(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_bare && ["http", "https"].contains(&url.scheme()) && has_loopback_host(&url)
}

/// Whether an address is one of the public network: what others name must not lead anywhere else.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            let is_special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || address.is_multicast()
                // "This network", shared address space, protocol assignments, benchmarks, reserved.
                || first == 0
                || (first == 100 && (64..128).contains(&second))
                || (first == 192 && second == 0 && third == 0)
                || (first == 198 && (18..20).contains(&second))
                || first >= 240;
            !is_special
        }
        // All that is handed out, but for documentation and what leads back to IPv4.
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            let is_special = (first == 0x2001 && [0, 0x0db8].contains(&second))
                || first == 0x2002
                || (first == 0x3fff && second < 0x1000);
            first & 0xe000 == 0x2000 && !is_special
        }
    }
}

fn may_go_to(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && has_loopback_host(url))
}

/// By address, not by name: what a name leads to is not ours to say.
fn has_loopback_host(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whom this system trusts to vouch for servers, and whoever is in this PEM file.
///
/// # Errors
/// When the file has no certificate.
pub(crate) fn trust(authority: Option<&[u8]>) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(authority) = authority {
        let mut certificates = CertificateDer::pem_slice_iter(authority).peekable();
        if certificates.peek().is_none() {
            return Err("it has no certificate".to_owned());
        }
        for certificate in certificates {
            let certificate =
                certificate.map_err(|error| format!("it is no certificate: {error}"))?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}

fn client() -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(trust(None)?)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
        .map_err(|error| error.to_string())
}

async fn read(mut response: Response) -> Result<Answer, Lost> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(Lost::Unknown("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// A connection that was not made has carried nothing. Of all else nobody knows.
fn lost(error: &reqwest::Error) -> Lost {
    let cause = match () {
        () if error.is_connect() => "the connection cannot be made",
        () if error.is_timeout() => "not within the time",
        () if error.is_builder() => "the request cannot be written",
        () => "the connection broke off",
    };
    match error.is_connect() || error.is_builder() {
        true => Lost::NotSent(cause.to_owned()),
        false => Lost::Unknown(cause.to_owned()),
    }
}
