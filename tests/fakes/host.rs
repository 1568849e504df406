//! Serves a stand-in by HTTP, lets troubles befall its calls, and writes its book.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::book::{Arrival, Book};
use super::call::{Answer, Call};
use super::trouble::{self, Effect, Refusal, Trouble};

/// What a stand-in knows of its provider. Nothing in it waits.
pub trait Provider: Send + 'static {
    /// What a call asks.
    fn asked(&self, call: &Call) -> Asked;
    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer;
    /// An error in its own words.
    fn refuse(&self, refusal: &Refusal) -> Answer;
    /// Its own part of `/control/`; the path comes without that.
    fn control(&mut self, path: &[&str], call: &Call, desk: &mut Desk<'_>) -> Option<Answer>;
}

/// What a call asks, in the words of the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub operation: &'static str,
    pub about: String,
    pub key: String,
    /// It does not only read.
    pub is_change: bool,
}

/// What a stand-in answers with.
#[derive(Debug)]
pub struct Desk<'a> {
    pub now: Timestamp,
    pub book: &'a mut Book,
    /// Another call holds what this one is about.
    pub is_busy: bool,
    /// What to answer instead of doing it.
    pub refusal: Option<Refusal>,
    /// Set when an earlier answer is given again.
    pub is_replay: bool,
}

/// A stand-in at work; gone with this value.
#[derive(Debug)]
pub struct Fake<P: Provider> {
    address: SocketAddr,
    shared: Arc<Shared<P>>,
    serving: Option<AbortHandle>,
}

#[derive(Debug)]
struct Shared<P> {
    state: Mutex<State<P>>,
}

#[derive(Debug)]
struct State<P> {
    provider: P,
    book: Book,
    troubles: Vec<Trouble>,
    /// How many calls hold what they are about.
    held: BTreeMap<String, u32>,
    /// How far its clock is ahead.
    ahead: SignedDuration,
}

/// What becomes of a call.
enum Outcome {
    Told(Answer),
    Silent,
    HungUp,
}

/// The connection ends without an answer.
#[derive(Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}

#[derive(Deserialize)]
struct Forward {
    seconds: u32,
}

const CALL_BYTES_MAX: usize = 8 << 20;

impl<P: Provider> Fake<P> {
    /// At a free port of this machine.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn start(provider: P) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), provider).await
    }

    /// # Errors
    ///
    /// When the address is taken.
    pub async fn start_at(address: SocketAddr, provider: P) -> io::Result<Self> {
        let state = State {
            provider,
            book: Book::default(),
            troubles: Vec::new(),
            held: BTreeMap::new(),
            ahead: SignedDuration::ZERO,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        let mut fake = Self { address, shared, serving: None };
        fake.come_back().await?;
        Ok(fake)
    }

    /// Where it is asked, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub fn book(&self) -> Book {
        self.shared.lock().book.clone()
    }

    pub fn trouble(&self, trouble: Trouble) {
        self.shared.lock().troubles.push(trouble);
    }

    /// Ends all troubles.
    pub fn recover(&self) {
        self.shared.lock().troubles.clear();
    }

    /// Puts its clock forward.
    pub fn advance(&self, time: Duration) {
        let mut state = self.shared.lock();
        state.ahead += SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
    }

    /// Looks into it, or does something there as a person would in its portal.
    pub fn with<T>(&self, act: impl FnOnce(&mut P, &mut Desk<'_>) -> T) -> T {
        let mut state = self.shared.lock();
        let (provider, mut desk) = state.desk();
        act(provider, &mut desk)
    }

    /// Takes no more connections and cuts those it has; forgets nothing.
    pub fn go_away(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Is there again, at the same address.
    ///
    /// # Errors
    ///
    /// When somebody else has taken its place.
    pub async fn come_back(&mut self) -> io::Result<()> {
        self.go_away();
        let listener = TcpListener::bind(self.address).await?;
        self.address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
        self.serving = Some(accepting.abort_handle());
        Ok(())
    }
}

impl<P: Provider> Drop for Fake<P> {
    fn drop(&mut self) {
        self.go_away();
    }
}

async fn accept<P: Provider>(listener: TcpListener, shared: Arc<Shared<P>>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(converse(stream, Arc::clone(&shared)));
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn converse<P: Provider>(stream: TcpStream, shared: Arc<Shared<P>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let call = read(request).await.map_err(|_| HungUp)?;
            let answer = shared.serve(call).await?;
            write(answer).map_err(|_| HungUp)
        }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A connection that breaks is the caller's trouble, or one that was wanted.
    let _ended = serving.await;
}

async fn read(
    request: Request<Incoming>,
) -> Result<Call, Box<dyn std::error::Error + Send + Sync>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, CALL_BYTES_MAX).collect().await?.to_bytes();
    Ok(Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    })
}

fn write(answer: Answer) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(answer.body))
}

impl<P: Provider> Shared<P> {
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self: Arc<Self>, call: Call) -> Result<Answer, HungUp> {
        if call.path.starts_with("/control/") {
            return Ok(self.lock().control(&call));
        }
        // Callers that hang up stop nothing: what has begun is done.
        match tokio::spawn(async move { self.suffer(call).await }).await {
            Ok(Outcome::Told(answer)) => Ok(answer),
            Ok(Outcome::Silent) => std::future::pending().await,
            Ok(Outcome::HungUp) | Err(_) => Err(HungUp),
        }
    }

    /// Answers a call, with the trouble that befalls it.
    async fn suffer(&self, call: Call) -> Outcome {
        let (asked, trouble) = self.lock().befall(&call);
        let Some(Trouble { is_done, effect, .. }) = trouble else {
            return Outcome::Told(self.lock().answer(&call, &asked, None));
        };
        match effect {
            Effect::Answer(refusal) if is_done => {
                let mut state = self.lock();
                let _untold = state.answer(&call, &asked, None);
                Outcome::Told(state.provider.refuse(&refusal))
            }
            Effect::Answer(refusal) => {
                Outcome::Told(self.lock().answer(&call, &asked, Some(refusal)))
            }
            Effect::Slow { millis } if is_done => {
                let answer = self.lock().answer(&call, &asked, None);
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Outcome::Told(answer)
            }
            Effect::Slow { millis } => Outcome::Told(self.work_on(&call, &asked, millis).await),
            Effect::Late { millis } => {
                let _untold = self.work_on(&call, &asked, millis).await;
                Outcome::Silent
            }
            Effect::Silence => {
                self.lock().answer_nobody(&call, &asked, is_done);
                Outcome::Silent
            }
            Effect::HangUp => {
                self.lock().answer_nobody(&call, &asked, is_done);
                Outcome::HungUp
            }
        }
    }

    /// Holds what the call is about, and does it in the end.
    async fn work_on(&self, call: &Call, asked: &Asked, millis: u64) -> Answer {
        *self.lock().held.entry(asked.about.clone()).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let mut state = self.lock();
        if let Some(calls) = state.held.get_mut(&asked.about) {
            *calls = calls.saturating_sub(1);
        }
        state.answer(call, asked, None)
    }
}

impl<P: Provider> State<P> {
    fn desk(&mut self) -> (&mut P, Desk<'_>) {
        let desk = Desk {
            now: Timestamp::now() + self.ahead,
            book: &mut self.book,
            is_busy: false,
            refusal: None,
            is_replay: false,
        };
        (&mut self.provider, desk)
    }

    /// What is asked, and which trouble it meets.
    fn befall(&mut self, call: &Call) -> (Asked, Option<Trouble>) {
        let asked = self.provider.asked(call);
        let trouble = trouble::take(&mut self.troubles, asked.operation, &asked.about);
        (asked, trouble)
    }

    fn answer(&mut self, call: &Call, asked: &Asked, refusal: Option<Refusal>) -> Answer {
        let is_held = self.held.get(&asked.about).is_some_and(|calls| *calls > 0);
        let (provider, mut desk) = self.desk();
        desk.is_busy = is_held && asked.is_change;
        desk.refusal = refusal;
        let answer = provider.answer(call, &mut desk);
        let is_replay = desk.is_replay;
        self.note(asked, answer.status, is_replay);
        answer
    }

    fn answer_nobody(&mut self, call: &Call, asked: &Asked, is_done: bool) {
        if is_done {
            let _untold = self.answer(call, asked, None);
        } else {
            self.note(asked, 0, false);
        }
    }

    fn note(&mut self, asked: &Asked, status: u16, is_replay: bool) {
        self.book.arrived(Arrival {
            operation: asked.operation.to_owned(),
            about: asked.about.clone(),
            key: asked.key.clone(),
            status,
            is_replay,
        });
    }

    fn control(&mut self, call: &Call) -> Answer {
        let segments = call.segments();
        let path = segments.get(1..).unwrap_or_default();
        match (call.method.as_str(), path) {
            ("GET", ["book"]) => Answer::json(200, &self.book),
            ("POST", ["troubles"]) => match call.json::<Trouble>() {
                Ok(trouble) => {
                    self.troubles.push(trouble);
                    Answer::empty(204)
                }
                Err(error) => misunderstood(&error),
            },
            ("DELETE", ["troubles"]) => {
                self.troubles.clear();
                Answer::empty(204)
            }
            ("POST", ["clock"]) => match call.json::<Forward>() {
                Ok(Forward { seconds }) => {
                    self.ahead += SignedDuration::from_secs(seconds.into());
                    Answer::empty(204)
                }
                Err(error) => misunderstood(&error),
            },
            _ => {
                let (provider, mut desk) = self.desk();
                let answer = provider.control(path, call, &mut desk);
                answer.unwrap_or_else(|| Answer::empty(404))
            }
        }
    }
}

/// Of a control call that makes no sense.
pub(crate) fn misunderstood(error: &serde_json::Error) -> Answer {
    Answer::json(400, &serde_json::json!({ "error": error.to_string() }))
}
