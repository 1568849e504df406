//! Serves a stand-in by HTTP, lets troubles befall its calls, and writes its book.

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
use jiff::SignedDuration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use super::book::Book;
use super::call::{Answer, Call};
use super::caller::send;
use super::notices::{Next, Travel};
use super::provider::{Asked, Desk, Provider};
use super::state::State;
use super::trouble::{Effect, Trouble};

/// A stand-in at work; gone with this value.
#[derive(Debug)]
pub struct Fake<P: Provider> {
    address: SocketAddr,
    shared: Arc<Shared<P>>,
    serving: Option<AbortHandle>,
    telling: AbortHandle,
}

#[derive(Debug)]
struct Shared<P> {
    state: Mutex<State<P>>,
    /// Something may have changed about its notices.
    posted: Notify,
    /// The troubles are ended.
    recovered: Notify,
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
        let state = Mutex::new(State::new(provider));
        let shared = Arc::new(Shared { state, posted: Notify::new(), recovered: Notify::new() });
        let telling = tokio::spawn(tell(Arc::clone(&shared))).abort_handle();
        let mut fake = Self { address, shared, serving: None, telling };
        fake.come_back().await?;
        Ok(fake)
    }

    /// Where it is asked, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it says now.
    #[must_use]
    pub fn book(&self) -> Arc<Book> {
        Arc::clone(&self.shared.lock().book)
    }

    pub fn trouble(&self, trouble: Trouble) {
        self.shared.lock().troubles.push(trouble);
    }

    /// Ends all troubles.
    pub fn recover(&self) {
        self.shared.lock().troubles.clear();
        self.shared.recovered.notify_waiters();
    }

    /// Whether it has begun something to this and not done it yet.
    #[must_use]
    pub fn is_working_on(&self, about: &str) -> bool {
        self.shared.lock().is_held(about)
    }

    /// Puts its clock forward.
    pub fn advance(&self, time: Duration) {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
        self.shared.lock().advance(time);
        self.shared.posted.notify_one();
    }

    /// How its notices travel from now on.
    pub fn travel(&self, travel: Travel) {
        self.shared.lock().post.set(travel);
        self.shared.posted.notify_one();
    }

    /// How many notices have not arrived.
    #[must_use]
    pub fn untold(&self) -> usize {
        self.shared.lock().post.len()
    }

    /// Looks into it, or does something there as a person would in its portal.
    pub fn with<T>(&self, act: impl FnOnce(&mut P, &mut Desk<'_>) -> T) -> T {
        let outcome = self.shared.lock().at_desk(act);
        self.shared.posted.notify_one();
        outcome
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
        self.telling.abort();
    }
}

/// Sends its notices.
async fn tell<P: Provider>(shared: Arc<Shared<P>>) {
    loop {
        let (next, headers) = shared.lock().next_notice();
        match next {
            Next::Send(id, notice) => {
                let mut all = vec![("content-type", "application/json")];
                all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
                let told = send("POST", &notice.url, &all, notice.body.clone()).await;
                let status = told.map_or(0, |reply| reply.status);
                shared.lock().sent(id, notice, status);
            }
            Next::Wait(until) => {
                let _woken = tokio::time::timeout_at(until, shared.posted.notified()).await;
            }
            Next::Rest => shared.posted.notified().await,
        }
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
        query: form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
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
            let answer = self.lock().control(&call);
            self.posted.notify_one();
            if call.method == "DELETE" && call.path == "/control/troubles" {
                self.recovered.notify_waiters();
            }
            return Ok(answer);
        }
        // Callers that hang up stop nothing: what has begun is done.
        let suffering = async move {
            let outcome = self.suffer(call).await;
            self.posted.notify_one();
            outcome
        };
        match tokio::spawn(suffering).await {
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
            Effect::Slow { millis } => {
                let work = tokio::time::sleep(Duration::from_millis(millis));
                Outcome::Told(self.work_on(&call, &asked, work).await)
            }
            Effect::Late { millis } => {
                let work = tokio::time::sleep(Duration::from_millis(millis));
                let _untold = self.work_on(&call, &asked, work).await;
                Outcome::Silent
            }
            Effect::Stuck => {
                let _untold = self.work_on(&call, &asked, self.recovered.notified()).await;
                Outcome::Silent
            }
            Effect::Waiting => {
                let work = self.recovered.notified();
                Outcome::Told(self.work_on(&call, &asked, work).await)
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
    async fn work_on(&self, call: &Call, asked: &Asked, work: impl Future<Output = ()>) -> Answer {
        self.lock().hold(asked);
        work.await;
        let mut state = self.lock();
        state.let_go(asked);
        state.answer(call, asked, None)
    }
}
