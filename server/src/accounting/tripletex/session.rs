//! The way to a company at Tripletex: one session for all calls, as long as it lives, and no call while
//! Tripletex wants to be left alone by the employee, whichever integrations call as such.
//!
//! A session dies at a midnight in Norway, or earlier; whoever meets a dead one gets a new one and calls
//! once more, which is safe: a call that is not let in has done nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use order_rules::refusals::Code;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::answers::{Stop, said};
use super::messages::One;
use super::registers::Registers;
use crate::links::Link;
use crate::outside::{Answer, Lost};
use crate::providers::Tested;
use crate::systems::Decline;

/// What this process remembers of the companies it works with; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// By integration: its revision, and what is remembered since.
    companies: HashMap<String, (i64, Arc<Company>)>,
    paces: HashMap<Employee, Arc<Pace>>,
}

/// Stands for a pair of tokens, and tells nothing of them.
type Employee = [u8; 32];

/// What is remembered of one company, for as long as its integration does not change.
#[derive(Debug, Default)]
pub(super) struct Company {
    /// Held while a new one is fetched, so that one is enough for all.
    token: tokio::sync::Mutex<Option<Token>>,
    pace: Arc<Pace>,
    pub(super) registers: Mutex<Registers>,
}

/// Until when Tripletex wants to be left alone by an employee.
#[derive(Debug, Default)]
pub(super) struct Pace {
    rests_until: Mutex<Option<Instant>>,
}

#[derive(Clone, Debug)]
struct Token {
    secret: SecretString,
    fetched_at: Instant,
}

/// Calls of one company.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Of all addresses, without a slash at the end.
    base: String,
    link: Link,
    employee: Employee,
    pub(super) company: Arc<Company>,
}

/// Two secrets: never printed, and gone when it has been sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login<'a> {
    consumer_token: &'a str,
    employee_token: &'a str,
    expiration_date: String,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
}

/// Always after the day that it is in Norway, whatever day it is here.
const EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(48);
/// Less than a session lives at least.
const TOKEN_KEPT: Duration = Duration::from_hours(20);
const COMPANIES_MAX: usize = 10_000;
/// Where the length of a pause is not told.
pub(super) const PAUSE: Duration = Duration::from_secs(10);
/// No pause is longer, whatever is told.
const REST_MAX: Duration = Duration::from_hours(1);
const EMPLOYEE_CONTEXT: &str = "order-server 2026-11-28 employee at tripletex";
const LOGIN: &str = "/token/session/:create";

impl Memory {
    /// What is remembered under this integration; nothing at first, and after each change of it.
    fn company(&self, name: &str, revision: i64, employee: Employee) -> Arc<Company> {
        let mut known = lock(&self.known);
        if let Some((seen, company)) = known.companies.get(name)
            && *seen == revision
        {
            return Arc::clone(company);
        }
        if known.companies.len() >= COMPANIES_MAX || known.paces.len() >= COMPANIES_MAX {
            *known = Known::default();
        }
        let pace = Arc::clone(known.paces.entry(employee).or_default());
        let company = Arc::new(Company { pace, ..Company::default() });
        known.companies.insert(name.to_owned(), (revision, Arc::clone(&company)));
        company
    }
}

impl Pace {
    /// An answer wants it left alone for so long. Answers overtake each other: none takes back what
    /// another asked for.
    pub(super) fn hear(&self, rest: Option<Duration>) {
        let until = rest.and_then(|rest| Instant::now().checked_add(rest));
        let mut rests_until = lock(&self.rests_until);
        *rests_until = (*rests_until).max(until);
    }

    /// For how long it wants to be left alone.
    pub(super) fn rests(&self) -> Option<Duration> {
        let until = (*lock(&self.rests_until))?;
        until.checked_duration_since(Instant::now()).filter(|rests| !rests.is_zero())
    }
}

impl Session {
    pub(super) fn new(base: String, link: Link, memory: &Memory) -> Self {
        let employee = employee(&base, &link);
        let company = memory.company(&link.name, link.revision, employee);
        Self { base, link, employee, company }
    }

    pub(super) const fn link(&self) -> &Link {
        &self.link
    }

    /// Reads. What fails changes nothing and is tried later.
    pub(super) async fn read<Object: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Object, Stop> {
        let answer = self.call(Method::GET, path, query, None).await.map_err(Stop::of_a_read)?;
        understood(&answer, path)
    }

    /// Writes once.
    pub(super) async fn write<Object: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Object, Stop> {
        let body = body.map(serde_json::to_string).transpose();
        let body = body.map_err(|_| unwritten())?;
        let answer = self.call(method, path, query, body).await?;
        // It was done; what it came to is looked for.
        serde_json::from_slice(&answer.body).map_err(|_| Stop::Doubt(strange(&answer, path)))
    }

    /// Names the making of what is marked so, the same from every integration of the employee. Who does
    /// not have the tokens cannot tell what it stands for.
    pub(super) fn name_of_making(&self, mark: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.employee, mark.as_bytes()).as_bytes()
    }

    /// Fetches a session anew, whatever is remembered, and asks who it is of.
    pub(super) async fn test(&self) -> Tested {
        *self.company.token.lock().await = None;
        match self.read::<One<serde::de::IgnoredAny>>("/token/session/%3EwhoAmI", &[]).await {
            Ok(_) => Tested::Works,
            Err(Stop::Held(words)) => Tested::CredentialsRefused(words),
            Err(Stop::Declined(decline) | Stop::Passing(decline)) => {
                Tested::UnexpectedAnswer(decline.reason)
            }
            Err(Stop::Later(_, words) | Stop::Doubt(words)) => Tested::Unreachable(words),
        }
    }

    /// Calls within a session; a call that a dead one was not let in with is made once more.
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<String>,
    ) -> Result<Answer, Stop> {
        let token = self.token(None).await?;
        let answer = self.call_with(&token, method.clone(), path, query, body.clone()).await?;
        let answer = if answer.status == StatusCode::UNAUTHORIZED {
            let token = self.token(Some(&token)).await?;
            self.call_with(&token, method, path, query, body).await?
        } else {
            answer
        };
        if answer.status.is_success() { Ok(answer) } else { Err(said(&answer)) }
    }

    async fn call_with(
        &self,
        token: &SecretString,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<String>,
    ) -> Result<Answer, Stop> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(method, url);
        let pair = Zeroizing::new(format!("0:{}", token.expose_secret()));
        let basic = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let mut basic = HeaderValue::from_str(&basic).map_err(|_| unwritten())?;
        basic.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, basic);
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(Body::from(body));
        }
        self.send(request).await
    }

    /// The session that is remembered, unless it is the dead one; else a new one.
    async fn token(&self, dead: Option<&SecretString>) -> Result<SecretString, Stop> {
        let mut remembered = self.company.token.lock().await;
        let is_dead = |token: &Token| {
            token.fetched_at.elapsed() >= TOKEN_KEPT
                || dead.is_some_and(|dead| dead.expose_secret() == token.secret.expose_secret())
        };
        if let Some(token) = remembered.as_ref().filter(|token| !is_dead(token)) {
            return Ok(token.secret.clone());
        }
        *remembered = None;
        let secret = self.log_in().await?;
        *remembered = Some(Token { secret: secret.clone(), fetched_at: Instant::now() });
        Ok(secret)
    }

    async fn log_in(&self) -> Result<SecretString, Stop> {
        let (consumer, employee) =
            (self.link.secret("consumer_token"), self.link.secret("employee_token"));
        let expires_on = Timestamp::now().saturating_add(EXPIRES_AFTER);
        let expires_on = expires_on.unwrap_or(Timestamp::MAX).to_string();
        let login = Login {
            consumer_token: consumer.expose_secret(),
            employee_token: employee.expose_secret(),
            expiration_date: expires_on.chars().take(10).collect(),
        };
        let body = serde_json::to_vec(&login).map(Zeroizing::new).map_err(|_| unwritten())?;
        let mut request = Request::new(Method::POST, self.url(LOGIN)?);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(Body::from(body.to_vec()));
        let answer = self.send(request).await.map_err(Stop::of_a_read)?;
        if !answer.status.is_success() {
            return Err(said(&answer).of_a_login());
        }
        let granted: One<Granted> = understood(&answer, LOGIN)?;
        Ok(granted.value.token.into())
    }

    /// Sends, unless Tripletex wants to be left alone.
    async fn send(&self, request: Request) -> Result<Answer, Stop> {
        if let Some(rests) = self.company.pace.rests() {
            let words = "the calls of the period are used up".to_owned();
            return Err(Stop::Later(Some(rests), words));
        }
        match self.link.send(request).await {
            Ok(answer) => {
                self.company.pace.hear(rest(&answer));
                Ok(answer)
            }
            Err(lost @ Lost::NotSent(_)) => Err(Stop::Later(None, lost.to_string())),
            Err(lost @ Lost::Unknown(_)) => Err(Stop::Doubt(lost.to_string())),
        }
    }

    fn url(&self, path: &str) -> Result<Url, Stop> {
        Url::parse(&format!("{}{path}", self.base)).map_err(|_| unwritten())
    }
}

fn employee(base: &str, link: &Link) -> Employee {
    let (consumer, employee) = (link.secret("consumer_token"), link.secret("employee_token"));
    let mut hasher = blake3::Hasher::new_derive_key(EMPLOYEE_CONTEXT);
    for part in [base, consumer.expose_secret(), employee.expose_secret()] {
        hasher.update(part.as_bytes()).update(b"\n");
    }
    *hasher.finalize().as_bytes()
}

/// How long Tripletex wants to be left alone after this answer.
pub(super) fn rest(answer: &Answer) -> Option<Duration> {
    let number = |name| answer.header(name)?.trim().parse::<u64>().ok();
    let is_used_up = answer.status == StatusCode::TOO_MANY_REQUESTS
        || number("X-Rate-Limit-Remaining").is_some_and(|left| left == 0);
    // Whole seconds, cut off: one more, so that nothing comes too early.
    let reset = number("X-Rate-Limit-Reset").map(|seconds| seconds.saturating_add(1));
    let reset = reset.map_or(PAUSE, Duration::from_secs);
    is_used_up.then_some(reset.min(REST_MAX))
}

/// What a success says. What is no answer of Tripletex's comes of something on the way to it, and
/// passes; it is told in words when it does not.
pub(super) fn understood<Object: DeserializeOwned>(
    answer: &Answer,
    path: &str,
) -> Result<Object, Stop> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        let reason = strange(answer, path);
        Stop::Passing(Decline { code: Code::UnknownProviderError, reason })
    })
}

fn strange(answer: &Answer, path: &str) -> String {
    let status = answer.status.as_u16();
    format!("HTTP {status}: the answer of {path} cannot be understood")
}

/// Nothing was sent.
fn unwritten() -> Stop {
    Stop::Later(None, "the call cannot be written".to_owned())
}

pub(super) fn lock<Held>(mutex: &Mutex<Held>) -> MutexGuard<'_, Held> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
