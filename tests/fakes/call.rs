//! A call as a provider sees it, and its answer.

use hyper::body::Bytes;
use hyper::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a provider is asked.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// As it was sent, without the query.
    pub path: String,
    /// Parameters, decoded, in the order in which they were sent.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What it says.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Call {
    /// A header's text; `None` when it is missing or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The path between its slashes.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    /// A parameter of the query; of several the first.
    #[must_use]
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As [`Call::asked`], to keep.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.asked(name).map(str::to_owned)
    }

    /// All of that name.
    #[must_use]
    pub fn parameters(&self, name: &str) -> Vec<String> {
        let of_name = self.query.iter().filter(|(key, _)| key == name);
        of_name.map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn json<Body: DeserializeOwned>(&self) -> serde_json::Result<Body> {
        serde_json::from_slice(&self.body)
    }

    /// Where the caller believes to be.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("localhost"))
    }
}

impl Answer {
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // What stand-ins say are maps with text as keys.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { status, body: body.into(), ..Self::default() }
            .with("content-type", "application/json")
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// `Null` when it is none.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
