//! The conversation with a mail server, step by step: what failed before the text went over
//! certainly did not happen, what failed after it nobody knows.

use std::fmt;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use order_rules::refusals::Code;
use tokio::time::timeout;

use super::MailSystem;
use super::letter::Letter;
use crate::systems::{Decline, Report, Sighting};

/// A mail server.
#[derive(Clone)]
pub(crate) struct Smtp {
    url: SmtpUrl,
    /// `None`: nothing is said in secret.
    tls: Option<TlsParameters>,
}

/// Where the mail server is, with its password: printing it shows neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SmtpUrl {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, String)>,
}

/// Not a URL of a mail server; what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// From the first byte.
    Tls,
    /// After STARTTLS, or not at all.
    StartTls,
    /// Only to a server that nobody can listen in on.
    None,
}

/// How long a server may take until it takes the text.
const UNTIL_TEXT: Duration = Duration::from_secs(30);
/// How long the text may take, and the word that it was taken.
const TEXT: Duration = Duration::from_secs(300);
const REASON_CHARACTERS_MAX: usize = 300;

/// Why the text was not reached.
enum Stopped {
    /// Not this time: nothing was taken.
    TryLater(String),
    /// Never this mail.
    Declined(String),
}

impl Smtp {
    pub(super) fn new(url: SmtpUrl, authority: Option<&[u8]>) -> Result<Self, String> {
        if url.security == Security::None {
            return Ok(Self { url, tls: None });
        }
        let mut tls = TlsParameters::builder(url.host.clone());
        if let Some(authority) = authority {
            let certificate = Certificate::from_pem(authority)
                .map_err(|error| format!("--smtp-ca is no certificate: {error}"))?;
            tls = tls.add_root_certificate(certificate);
        }
        let tls = tls.build().map_err(|error| format!("no mail server can be trusted: {error}"))?;
        Ok(Self { url, tls: Some(tls) })
    }

    /// A connection that may be sent through: secured and logged in as the settings say. Whatever
    /// is refused so far is about the settings or the server, not about the mail.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let SmtpUrl { host, port, security, login } = &self.url;
        let hello = ClientId::default();
        let at_once = self.tls.clone().filter(|_| *security == Security::Tls);
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, None, &hello, at_once, None).await?;
        if let (Security::StartTls, Some(tls)) = (security, &self.tls) {
            connection.starttls(tls.clone(), &hello).await?;
        }
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    /// Goes as far as the server's word that it awaits the text.
    async fn until_text(&self, letter: &Letter) -> Result<AsyncSmtpConnection, Stopped> {
        let mut connection =
            self.connect().await.map_err(|error| Stopped::TryLater(error.to_string()))?;
        let knows = |extension| connection.server_info().supports_feature(extension);
        let mut parameters = Vec::new();
        if has_other_letters(&letter.envelope) {
            if !knows(Extension::SmtpUtfEight) {
                let reason = "the mail server takes no addresses with such letters (SMTPUTF8)";
                return Err(Stopped::Declined(reason.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if knows(Extension::EightBitMime) && !letter.bytes.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = Mail::new(letter.envelope.from().cloned(), parameters);
        connection.command(from).await.map_err(|error| stopped(&error))?;
        for to in letter.envelope.to() {
            let to = Rcpt::new(to.clone(), Vec::new());
            connection.command(to).await.map_err(|error| stopped(&error))?;
        }
        connection.command(Data).await.map_err(|error| stopped(&error))?;
        Ok(connection)
    }
}

impl MailSystem for Smtp {
    async fn send(&self, letter: &Letter) -> Report<()> {
        let mut connection = match timeout(UNTIL_TEXT, self.until_text(letter)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(Stopped::TryLater(reason))) => return try_later(&reason, letter),
            Ok(Err(Stopped::Declined(reason))) => return declined(&reason),
            Err(_elapsed) => return try_later("no answer in time", letter),
        };
        let report = match timeout(TEXT, connection.message(&letter.bytes)).await {
            Ok(Ok(_taken)) => Report::Done(()),
            Ok(Err(error)) if error.is_transient() => try_later(&error.to_string(), letter),
            Ok(Err(error)) if error.is_permanent() => declined(&error.to_string()),
            // It may have been taken: the word of it is lost.
            Ok(Err(_)) | Err(_) => Report::Unknown,
        };
        if matches!(report, Report::Done(())) {
            // Good manners; the mail is with the server whatever comes of it.
            drop(timeout(Duration::from_secs(1), connection.quit()).await);
        }
        report
    }

    /// SMTP keeps no account: only the receiver could say.
    async fn look_up(&self, _message_id: &str) -> Sighting<()> {
        Sighting::Untold
    }

    fn patience(&self) -> Duration {
        UNTIL_TEXT + TEXT + Duration::from_secs(30)
    }
}

/// Whether an address has letters beside those of ASCII before its @.
fn has_other_letters(envelope: &Envelope) -> bool {
    envelope.from().into_iter().chain(envelope.to()).any(|address| {
        let address: &str = address.as_ref();
        !address.is_ascii()
    })
}

fn stopped(error: &Error) -> Stopped {
    let reason = error.to_string();
    if error.is_permanent() { Stopped::Declined(reason) } else { Stopped::TryLater(reason) }
}

fn try_later(reason: &str, letter: &Letter) -> Report<()> {
    let reason = without_addresses(reason);
    tracing::warn!(mail = letter.message_id, reason, "a mail could not be handed over, it waits");
    Report::TryLater { after: None }
}

fn declined(reason: &str) -> Report<()> {
    Report::Declined(Decline { code: Code::MailDeclined, reason: without_addresses(reason) })
}

/// The server's words without the addresses that they like to repeat.
fn without_addresses(reason: &str) -> String {
    let words = reason.split_whitespace().map(|word| match word.contains('@') {
        true => "<…>",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ").chars().take(REASON_CHARACTERS_MAX).collect()
}

impl std::str::FromStr for SmtpUrl {
    type Err = Unreadable;

    /// Reads `smtps://user:password@host:465`, `smtp://host:587?tls=required` or, to a server on the
    /// same machine, `smtp://host:25`.
    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (scheme, rest) =
            text.split_once("://").ok_or(Unreadable("must begin with smtp:// or smtps://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = rest.trim_end_matches('/');
        let (login, server) = match rest.rsplit_once('@') {
            Some((login, server)) => (Some(login), server),
            None => (None, rest),
        };
        let security = match (scheme, query) {
            ("smtps", "" | "tls=required") => Security::Tls,
            ("smtp", "tls=required") => Security::StartTls,
            ("smtp", "") => Security::None,
            ("smtp" | "smtps", _) => {
                return Err(Unreadable("may end with ?tls=required and nothing else"));
            }
            _ => return Err(Unreadable("must begin with smtp:// or smtps://")),
        };
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => {
                (host, port.parse().map_err(|_| Unreadable("has a port that is no number"))?)
            }
            None => (server, default_port(security)),
        };
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(Unreadable("must name a host"));
        }
        let login = login.map(credentials).transpose()?;
        if login.is_some() && security == Security::None {
            return Err(Unreadable("must not send a password in the clear: add ?tls=required"));
        }
        Ok(Self { host: host.to_owned(), port, security, login })
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("smtp://…")
    }
}

const fn default_port(security: Security) -> u16 {
    match security {
        Security::Tls => 465,
        Security::StartTls => 587,
        Security::None => 25,
    }
}

fn credentials(text: &str) -> Result<(String, String), Unreadable> {
    let (user, password) =
        text.split_once(':').ok_or(Unreadable("must have a password behind the user"))?;
    decoded(user).zip(decoded(password)).ok_or(Unreadable("has a wrong escape: % needs two digits"))
}

/// Text without its percent escapes.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        let read = |text: &str| text.parse::<SmtpUrl>();
        let tls = read("smtps://kari%40butikk.no:p%3Aw@smtp.example.com").unwrap();
        assert_eq!(tls.login, Some(("kari@butikk.no".to_owned(), "p:w".to_owned())));
        assert_eq!((tls.port, tls.security), (465, Security::Tls));
        let start = read("smtp://user:secret@127.0.0.1:2525?tls=required").unwrap();
        assert_eq!((start.port, start.security), (2525, Security::StartTls));
        assert!(!format!("{start:?}").contains("secret"));
        let plain = read("smtp://localhost").unwrap();
        assert_eq!((plain.port, plain.security), (25, Security::None));
        for wrong in [
            "localhost:25",
            "http://localhost",
            "smtp://",
            "smtp://user:password@localhost:25",
            "smtp://host?tls=maybe",
            "smtps://user@host",
            "smtps://us%4:x@host",
            "smtp://host:port",
        ] {
            assert!(read(wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_servers_words_name_nobody() {
        let words = "550 5.1.1 <kari@example.com>: Recipient address rejected: kari@example.com";
        assert_eq!(without_addresses(words), "550 5.1.1 <…> Recipient address rejected: <…>");
    }
}
