//! A mail server that does as its addresses say, and keeps a book of what it has taken.
//!
//! What stands behind the `+` of a recipient is done to it: `reject` (never takes it), `busy` (not
//! the first time), `later` (not the first time, and says so after the text), `full` (never, and
//! says so after the text), `hang-up` (gone before the text, the first time), `silent` (never says a
//! word from before the text on, the first time), `hung` (the same, each time), `vanish` (takes it and
//! is gone without a word), `slow` (takes it and says so after some seconds), `say-421` (says so to the
//! recipient, the first time; any number).

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::folder::Folder;

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Plain,
    /// TLS from the first byte, and a password.
    Tls,
    /// TLS after STARTTLS, and a password.
    StartTls,
}

/// A mail server of a test's own; gone with its runtime.
pub(crate) struct MailServer {
    address: SocketAddr,
    speech: Speech,
    folder: Folder,
    state: Arc<State>,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) to: String,
    pub(crate) text: String,
}

#[derive(Default)]
struct State {
    book: Mutex<Vec<Taken>>,
    seen: Mutex<BTreeSet<String>>,
    logins: Mutex<usize>,
    silence: Mutex<Silence>,
    is_away: AtomicBool,
}

/// Conversations in which it says no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Silence {
    pub(crate) begun: usize,
    /// Those of them that the other end has left.
    pub(crate) left: usize,
}

pub(crate) const USER: &str = "shop@mail.example";
pub(crate) const PASSWORD: &str = "s3cret:@/";
/// `\0shop@mail.example\0s3cret:@/` in base 64.
pub(crate) const PLAIN: &str = "AHNob3BAbWFpbC5leGFtcGxlAHMzY3JldDpALw==";
const SLOW: Duration = Duration::from_secs(4);

impl MailServer {
    pub(crate) async fn start(speech: Speech) -> Self {
        Self::start_at(speech, 0).await
    }

    /// At this port; 0: any free one.
    pub(crate) async fn start_at(speech: Speech, port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (folder, state) = (Folder::new(), Arc::<State>::default());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.file("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, speech, acceptor.clone(), Arc::clone(&served)));
            }
        });
        Self { address, speech, folder, state }
    }

    /// The flags of a server that sends through it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let port = self.address.port();
        let login = "shop%40mail.example:s3cret%3A%40%2F";
        let url = match self.speech {
            Speech::Plain => format!("smtp://127.0.0.1:{port}"),
            Speech::Tls => format!("smtps://{login}@localhost:{port}"),
            Speech::StartTls => format!("smtp://{login}@localhost:{port}?tls=required"),
        };
        let authority = self.authority().display().to_string();
        vec!["--smtp-url".to_owned(), url, "--smtp-ca".to_owned(), authority]
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn speech(&self) -> Speech {
        self.speech
    }

    /// The file of who vouches for it.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.file("ca.pem")
    }

    /// What it has taken for an address, oldest first.
    pub(crate) fn taken(&self, to: &str) -> Vec<Taken> {
        let book = self.state.book.lock().unwrap();
        book.iter().filter(|taken| taken.to == to).cloned().collect()
    }

    pub(crate) fn logins(&self) -> usize {
        *self.state.logins.lock().unwrap()
    }

    /// Says nothing at all from now on, to whoever comes; or speaks again.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.state.is_away.store(is_away, Ordering::Relaxed);
    }

    pub(crate) fn silence(&self) -> Silence {
        *self.state.silence.lock().unwrap()
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
        let does = |what: &str| to.contains(&format!("+{what}@"));
        let answer = if line.starts_with("EHLO") {
            "250-localhost\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned()
        } else if let Some(said) = line.strip_prefix("AUTH PLAIN ") {
            is_known = Some(said) == login;
            *state.logins.lock().unwrap() += usize::from(is_known);
            if is_known { "235 welcome".to_owned() } else { "535 who are you".to_owned() }
        } else if line == "QUIT" {
            stream.write_all(b"221 bye\r\n").await.ok()?;
            return Some(());
        } else if !is_known {
            "530 first AUTH".to_owned()
        } else if let Some(rest) = line.strip_prefix("RCPT TO:<") {
            to = rest.split('>').next().unwrap_or_default().to_owned();
            recipient(&to, state)
        } else if line == "DATA" {
            if does("hang-up") && state.is_first(&to) {
                return None;
            }
            if does("hung") || (does("silent") && state.is_first(&to)) {
                state.say_nothing(&mut stream).await;
                return None;
            }
            stream.write_all(b"354 go on\r\n").await.ok()?;
            let text = text(&mut stream).await?;
            taken(&to, text, state).await?
        } else {
            "250 ok".to_owned()
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

fn recipient(to: &str, state: &State) -> String {
    if to.contains("+reject@") {
        return format!("550 5.1.1 <{to}>: Recipient address rejected: {to} is unknown");
    }
    if to.contains("+busy@") && state.is_first(to) {
        return "451 4.7.1 greylisted, try again".to_owned();
    }
    if let Some((_, said)) = to.split_once("+say-")
        && state.is_first(to)
    {
        return format!("{} not now", said.split('@').next().unwrap_or_default());
    }
    "250 ok".to_owned()
}

/// What it says of the text; `None`: nothing any more.
async fn taken(to: &str, text: String, state: &State) -> Option<String> {
    if to.contains("+full@") {
        return Some("552 5.2.3 too large".to_owned());
    }
    if to.contains("+later@") && state.is_first(to) {
        return Some("451 4.3.0 try later".to_owned());
    }
    state.book.lock().unwrap().push(Taken { to: to.to_owned(), text });
    if to.contains("+vanish@") {
        return None;
    }
    if to.contains("+slow@") {
        tokio::time::sleep(SLOW).await;
    }
    Some("250 2.0.0 taken".to_owned())
}

impl State {
    async fn say_nothing(&self, stream: &mut (impl AsyncBufReadExt + Unpin)) {
        self.silence.lock().unwrap().begun += 1;
        while line(stream).await.is_some() {}
        self.silence.lock().unwrap().left += 1;
    }

    fn is_first(&self, to: &str) -> bool {
        self.seen.lock().unwrap().insert(to.to_owned())
    }
}

async fn line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await {
        Ok(read) if read > 0 => Some(line.trim_end().to_owned()),
        _ => None,
    }
}

async fn text(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut text = String::new();
    loop {
        let line = line(stream).await?;
        if line == "." {
            return Some(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
}
