//! A mail server that does as its addresses say, and keeps a book of what it has taken.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    Plain,
    /// TLS from the first byte, and a password.
    Tls,
    /// TLS after STARTTLS, and a password.
    StartTls,
}

/// A mail server at work; gone with this value.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    speech: Speech,
    /// Who vouches for it, as PEM.
    authority: String,
    state: Arc<State>,
    serving: AbortHandle,
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub to: String,
    /// As it was sent, each line with one `\n`.
    pub text: String,
}

/// Conversations in which it says no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    pub begun: usize,
    /// Those of them that the other end has left.
    pub left: usize,
}

#[derive(Debug)]
struct State {
    notes: Mutex<Notes>,
    told: broadcast::Sender<Taken>,
    is_away: AtomicBool,
}

#[derive(Debug, Default)]
struct Notes {
    /// Oldest first; the oldest go when there are too many.
    book: VecDeque<Taken>,
    /// Recipients to whom has been done what is done once.
    seen: BTreeSet<String>,
    logins: usize,
    silence: Silence,
}

/// What is done to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    Reject,
    Busy,
    Say(String),
    HangUp,
    Silent,
    Hung,
    Later,
    Full,
    Slow,
    Vanish,
}

pub const USER: &str = "shop@mail.example";
pub const PASSWORD: &str = "s3cret:@/";
/// `\0shop@mail.example\0s3cret:@/` in base 64.
pub const PLAIN: &str = "AHNob3BAbWFpbC5leGFtcGxlAHMzY3JldDpALw==";

/// What stands behind the name of a recipient is done to the mail.
pub(crate) const WORDS: [(&str, &str); 10] = [
    ("+reject", "the recipient is refused (550)"),
    ("+busy", "the recipient is told to come later (451), the first time"),
    ("+say-421", "the recipient is told this number, the first time; any three digits"),
    ("+hang-up", "the connection is closed before the text, the first time"),
    ("+silent", "there is no word from before the text on, the first time"),
    ("+hung", "the same, each time"),
    ("+later", "the text is told to come later (451), the first time"),
    ("+full", "the text is refused (552)"),
    ("+slow", "it is taken, and that is said after 4 s"),
    ("+vanish", "it is taken, and the connection is closed without a word"),
];

const SLOW: Duration = Duration::from_secs(4);
/// Longer lines and texts break a conversation off.
const LINE_BYTES_MAX: u64 = 64 << 10;
const TEXT_BYTES_MAX: usize = 32 << 20;
const TAKEN_MAX: usize = 1_000;
const SEEN_MAX: usize = 10_000;
/// Mails that a listener may be behind.
const TOLD_MAX: usize = 100;

impl MailServer {
    /// At a free port of this machine.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn start(speech: Speech) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), speech).await
    }

    /// # Errors
    ///
    /// When the address is taken.
    pub async fn start_at(address: SocketAddr, speech: Speech) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (authority, acceptor) = secured().map_err(io::Error::other)?;
        let state = Arc::new(State {
            notes: Mutex::default(),
            told: broadcast::Sender::new(TOLD_MAX),
            is_away: AtomicBool::default(),
        });
        let accepting = tokio::spawn(accept(listener, speech, acceptor, Arc::clone(&state)));
        Ok(Self { address, speech, authority, state, serving: accepting.abort_handle() })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn speech(&self) -> Speech {
        self.speech
    }

    /// The certificate of who vouches for it, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What it has taken for an address, oldest first.
    #[must_use]
    pub fn taken(&self, to: &str) -> Vec<Taken> {
        self.state.notes().book.iter().filter(|taken| taken.to == to).cloned().collect()
    }

    /// Hears of what it takes from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Taken> {
        self.state.told.subscribe()
    }

    /// How often somebody has logged in.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.state.notes().logins
    }

    /// Says nothing at all from now on, to whoever comes; or speaks again.
    pub fn set_away(&self, is_away: bool) {
        self.state.is_away.store(is_away, Ordering::Relaxed);
    }

    #[must_use]
    pub fn silence(&self) -> Silence {
        self.state.notes().silence
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Taken {
    /// Its subject as a reader sees it.
    #[must_use]
    pub fn subject(&self) -> String {
        let head = self.text.lines().take_while(|line| !line.is_empty());
        let mut lines = head.skip_while(|line| !line.starts_with("Subject:"));
        let first = lines.next().and_then(|line| line.strip_prefix("Subject:"));
        let folded = lines.take_while(|line| line.starts_with([' ', '\t']));
        let (mut subject, mut was_encoded) = (String::new(), false);
        for word in first.into_iter().chain(folded).flat_map(str::split_whitespace) {
            let decoded = decoded(word);
            // What is between two encoded words is not of the text.
            let is_encoded = decoded.is_some();
            let is_next_to_another = was_encoded && is_encoded;
            if !is_next_to_another && !subject.is_empty() {
                subject.push(' ');
            }
            was_encoded = is_encoded;
            subject.push_str(decoded.as_deref().unwrap_or(word));
        }
        subject
    }
}

/// What an encoded word of a header says, where it is one of those that base 64 is used for.
fn decoded(word: &str) -> Option<String> {
    let encoded = word.strip_prefix("=?utf-8?b?")?.strip_suffix("?=")?;
    String::from_utf8(BASE64.decode(encoded).ok()?).ok()
}

/// Who vouches for it, and what it speaks TLS with.
fn secured() -> Result<(String, TlsAcceptor), Box<dyn Error + Send + Sync>> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    Ok((made.cert.pem(), TlsAcceptor::from(Arc::new(config))))
}

async fn accept(listener: TcpListener, speech: Speech, acceptor: TlsAcceptor, state: Arc<State>) {
    // Ends its conversations when it is dropped.
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                conversations.spawn(serve(stream, speech, acceptor.clone(), Arc::clone(&state)));
            }
            Some(_ended) = conversations.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, speech: Speech, acceptor: TlsAcceptor, state: Arc<State>) {
    if state.is_away.load(Ordering::Relaxed) {
        return state.say_nothing(&mut BufReader::new(stream)).await;
    }
    match speech {
        Speech::Plain => drop(converse(stream, true, None, &state).await),
        Speech::Tls => {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let _ended = converse(stream, true, Some(PLAIN), &state).await;
        }
        Speech::StartTls => {
            let Some(stream) = until_tls(stream).await else { return };
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let _ended = converse(stream, false, Some(PLAIN), &state).await;
        }
    }
}

/// Says hello and goes as far as STARTTLS.
async fn until_tls(stream: TcpStream) -> Option<TcpStream> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 ready\r\n").await.ok()?;
    loop {
        let line = line(&mut stream).await?;
        if line.starts_with("EHLO") {
            stream.write_all(b"250-localhost\r\n250 STARTTLS\r\n").await.ok()?;
        } else if line == "STARTTLS" {
            stream.write_all(b"220 go ahead\r\n").await.ok()?;
            return Some(stream.into_inner());
        } else {
            stream.write_all(b"530 first STARTTLS\r\n").await.ok()?;
        }
    }
}

/// One conversation; `None` when it was broken off.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    greets: bool,
    login: Option<&str>,
    state: &State,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut is_known, mut to) = (login.is_none(), String::new());
    if greets {
        stream.write_all(b"220 ready\r\n").await.ok()?;
    }
    loop {
        let line = line(&mut stream).await?;
        let answer = if line.starts_with("EHLO") {
            "250-localhost\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned()
        } else if let Some(said) = line.strip_prefix("AUTH PLAIN ") {
            is_known = Some(said) == login;
            state.notes().logins += usize::from(is_known);
            if is_known { "235 welcome".to_owned() } else { "535 who are you".to_owned() }
        } else if line == "QUIT" {
            stream.write_all(b"221 bye\r\n").await.ok()?;
            return Some(());
        } else if !is_known {
            "530 first AUTH".to_owned()
        } else if let Some(rest) = line.strip_prefix("RCPT TO:<") {
            rest.split('>').next().unwrap_or_default().clone_into(&mut to);
            state.recipient(&to)
        } else if line == "DATA" {
            let fate = Fate::of(&to);
            if fate == Fate::HangUp && state.is_first(&to) {
                return None;
            }
            if fate == Fate::Hung || (fate == Fate::Silent && state.is_first(&to)) {
                state.say_nothing(&mut stream).await;
                return None;
            }
            stream.write_all(b"354 go on\r\n").await.ok()?;
            let text = text(&mut stream).await?;
            state.text(&to, text).await?
        } else {
            "250 ok".to_owned()
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

impl Fate {
    /// By the word behind the recipient's name.
    fn of(to: &str) -> Self {
        let name = to.split('@').next().unwrap_or_default();
        let Some((_, word)) = name.rsplit_once('+') else { return Self::Taken };
        match word {
            "reject" => Self::Reject,
            "busy" => Self::Busy,
            "hang-up" => Self::HangUp,
            "silent" => Self::Silent,
            "hung" => Self::Hung,
            "later" => Self::Later,
            "full" => Self::Full,
            "slow" => Self::Slow,
            "vanish" => Self::Vanish,
            _ => match word.strip_prefix("say-") {
                Some(number) => Self::Say(number.to_owned()),
                None => Self::Taken,
            },
        }
    }
}

impl State {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it says to a recipient.
    fn recipient(&self, to: &str) -> String {
        match Fate::of(to) {
            Fate::Reject => {
                format!("550 5.1.1 <{to}>: Recipient address rejected: {to} is unknown")
            }
            Fate::Busy if self.is_first(to) => "451 4.7.1 greylisted, try again".to_owned(),
            Fate::Say(number) if self.is_first(to) => format!("{number} not now"),
            _ => "250 ok".to_owned(),
        }
    }

    /// What it says of the text; `None`: nothing any more.
    async fn text(&self, to: &str, text: String) -> Option<String> {
        let fate = Fate::of(to);
        match fate {
            Fate::Full => return Some("552 5.2.3 too large".to_owned()),
            Fate::Later if self.is_first(to) => return Some("451 4.3.0 try later".to_owned()),
            _ => self.take(Taken { to: to.to_owned(), text }),
        }
        match fate {
            Fate::Vanish => return None,
            Fate::Slow => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        Some("250 2.0.0 taken".to_owned())
    }

    fn take(&self, taken: Taken) {
        let mut notes = self.notes();
        if notes.book.len() == TAKEN_MAX {
            notes.book.pop_front();
        }
        notes.book.push_back(taken.clone());
        drop(notes);
        // Nobody listens: nobody is told.
        let _unheard = self.told.send(taken);
    }

    async fn say_nothing(&self, stream: &mut (impl AsyncBufReadExt + Unpin)) {
        self.notes().silence.begun += 1;
        while line(stream).await.is_some() {}
        self.notes().silence.left += 1;
    }

    fn is_first(&self, to: &str) -> bool {
        let mut notes = self.notes();
        if notes.seen.len() == SEEN_MAX {
            notes.seen.pop_first();
        }
        notes.seen.insert(to.to_owned())
    }
}

async fn line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut line = String::new();
    AsyncReadExt::take(stream, LINE_BYTES_MAX).read_line(&mut line).await.ok()?;
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}

async fn text(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut text = String::new();
    while text.len() <= TEXT_BYTES_MAX {
        let line = line(stream).await?;
        if line == "." {
            return Some(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
    None
}
