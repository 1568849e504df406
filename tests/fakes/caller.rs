//! Calls by plain HTTP: how stand-ins notify, and how their own tests ask them.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ANSWER_MAX: usize = 8 << 20;
/// No stand-in waits longer for an answer, and nobody for a stand-in's that has one.
const PATIENCE: Duration = Duration::from_secs(10);

/// One call on a connection of its own.
///
/// # Errors
///
/// When there is no answer in time.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Reply, Failure> {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes())?).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.into();
    if body.is_empty() && method != "GET" {
        request = request.header("content-length", "0");
    }
    let request = request.body(Full::new(body))?;
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let asking = async move {
        let (head, body) = client.request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    };
    tokio::time::timeout(PATIENCE, asking).await?
}

impl Reply {
    /// `Null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Empty when it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
