//! The conversation with a mail server, step by step: what failed before the text went over
//! certainly did not happen, what failed after it nobody knows.

mod line;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use rustls::ClientConfig;
use tokio::net::lookup_host;
use tokio::time::timeout;

use self::url::Security;
pub(crate) use self::url::{SmtpUrl, Unreadable};
use super::letter::Letter;
use super::{Cause, Handed, MailSystem};
use crate::outside::{is_public, trust};
use crate::providers::Tested;
use crate::systems::Sighting;

/// A mail server.
#[derive(Clone)]
pub(crate) struct Smtp {
    url: SmtpUrl,
    reach: Reach,
    /// Who vouches for it besides those that this system trusts.
    authority: Option<Arc<[u8]>>,
    /// Made with the first conversation: reading who may vouch for a server takes time.
    secrecy: Arc<OnceLock<Result<Secrecy, String>>>,
    /// How long the server may take until it awaits the text.
    until_text: Duration,
    /// How long the text may take, and the word that it was taken.
    text: Duration,
}

/// What is needed to talk in secret.
enum Secrecy {
    None,
    Tls(Arc<ClientConfig>),
    StartTls(TlsParameters),
}

/// Where a mail server may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Wherever the operator says.
    Anywhere,
    /// A shop names it: nowhere in the service's own network, or else on the same machine at most.
    Public { or_loopback: bool },
}

/// Why there is no connection that can be sent through.
enum Lost {
    Unreachable(String),
    /// It is there, and has no time.
    Busy(String),
    CredentialsRefused(String),
    /// It is no mail server as the settings say.
    Unexpected(String),
}

/// Servers may work on a text for minutes, and whoever leaves before they say so may mail twice.
const TEXT: Duration = Duration::from_secs(300);
const GOODBYE: Duration = Duration::from_secs(1);
/// Answers that are about the login, not about the mail.
const LOGIN_WANTED: [&str; 4] = ["530", "534", "535", "538"];
const REASON_CHARACTERS_MAX: usize = 300;

/// Why the text was not reached.
enum Stopped {
    /// Not this time: nothing was taken.
    Waits(Cause, String),
    /// Never this mail.
    Refused(String),
}

impl Smtp {
    pub(super) fn new(
        url: SmtpUrl,
        reach: Reach,
        authority: Option<Arc<[u8]>>,
        until_text: Duration,
    ) -> Self {
        Self { url, reach, authority, secrecy: Arc::default(), until_text, text: TEXT }
    }

    /// Whether anybody can vouch for it.
    ///
    /// # Errors
    /// When the authority is no certificate, or this system trusts nobody at all.
    pub(super) fn check_trust(&self) -> Result<(), String> {
        self.secrecy().map(drop)
    }

    fn secrecy(&self) -> Result<&Secrecy, String> {
        let made = self.secrecy.get_or_init(|| self.make_secrecy());
        made.as_ref().map_err(String::clone)
    }

    fn make_secrecy(&self) -> Result<Secrecy, String> {
        let authority = self.authority.as_deref();
        match self.url.security {
            Security::None => Ok(Secrecy::None),
            Security::Tls => trust(authority).map(Arc::new).map(Secrecy::Tls),
            Security::StartTls => {
                let mut tls = TlsParameters::builder(self.url.host.clone());
                if let Some(authority) = authority {
                    let certificate = Certificate::from_pem(authority)
                        .map_err(|error| format!("it is no certificate: {error}"))?;
                    tls = tls.add_root_certificate(certificate);
                }
                let tls = tls.build().map_err(|error| error.to_string())?;
                Ok(Secrecy::StartTls(tls))
            }
        }
    }

    /// Whether it answers and lets the shop in.
    pub(crate) async fn test(&self) -> Tested {
        match self.connect().await {
            Ok(mut connection) => {
                drop(timeout(GOODBYE, connection.quit()).await);
                Tested::Works
            }
            Err(Lost::Unreachable(word) | Lost::Busy(word)) => {
                Tested::Unreachable(without_addresses(&word))
            }
            Err(Lost::CredentialsRefused(word)) => {
                Tested::CredentialsRefused(without_addresses(&word))
            }
            Err(Lost::Unexpected(word)) => Tested::UnexpectedAnswer(without_addresses(&word)),
        }
    }

    /// A connection that may be sent through: secured and logged in as the settings say. Whatever
    /// is refused so far is about the settings or the server, not about the mail.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Lost> {
        let SmtpUrl { host, login, .. } = &self.url;
        let hello = ClientId::default();
        let addresses = self.addresses().await?;
        let secrecy = self.secrecy().map_err(Lost::Unreachable)?;
        let at_once = match secrecy {
            Secrecy::Tls(config) => Some((Arc::clone(config), host.as_str())),
            Secrecy::None | Secrecy::StartTls(_) => None,
        };
        let line = line::open(&addresses, at_once).await;
        let line = line.map_err(|error| Lost::Unreachable(error.to_string()))?;
        let mut connection = AsyncSmtpConnection::connect_with_transport(line, &hello)
            .await
            .map_err(|error| away(&error))?;
        if let Secrecy::StartTls(tls) = secrecy {
            let secured = connection.starttls(tls.clone(), &hello).await;
            secured.map_err(|error| Lost::Unexpected(error.to_string()))?;
        }
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.clone());
            let let_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            let_in.map_err(|error| match (error.is_permanent(), error.is_client()) {
                (true, _) => Lost::CredentialsRefused(error.to_string()),
                (_, true) => Lost::Unexpected(error.to_string()),
                _ => away(&error),
            })?;
        }
        Ok(connection)
    }

    /// What the name of the server leads to, as far as it may be gone to.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, Lost> {
        let SmtpUrl { host, port, .. } = &self.url;
        let found = lookup_host((host.as_str(), *port)).await;
        let found = found.map_err(|error| Lost::Unreachable(error.to_string()))?;
        let allowed: Vec<SocketAddr> =
            found.filter(|address| self.reach.includes(address.ip())).collect();
        match allowed.is_empty() {
            false => Ok(allowed),
            true => {
                Err(Lost::Unreachable("the name leads to no address outside that is public".into()))
            }
        }
    }

    /// Goes as far as the server's word that it awaits the text.
    async fn until_text(&self, letter: &Letter) -> Result<AsyncSmtpConnection, Stopped> {
        let mut connection = self.connect().await.map_err(Stopped::from)?;
        let knows = |extension| connection.server_info().supports_feature(extension);
        let mut parameters = Vec::new();
        if has_other_letters(&letter.envelope) {
            if !knows(Extension::SmtpUtfEight) {
                let reason = "the mail server takes no addresses with such letters (SMTPUTF8)";
                return Err(Stopped::Refused(reason.to_owned()));
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
    async fn send(&self, letter: &Letter) -> Handed {
        let mut connection = match timeout(self.until_text, self.until_text(letter)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(Stopped::Waits(cause, reason))) => return waits(cause, &reason),
            Ok(Err(Stopped::Refused(reason))) => return refused(&reason),
            Err(_elapsed) => return waits(Cause::Silence, "no answer in time"),
        };
        let handed = match timeout(self.text, connection.message(&letter.bytes)).await {
            Ok(Ok(_taken)) => Handed::Taken,
            Ok(Err(error)) if error.is_transient() => waits(Cause::Busy, &error.to_string()),
            Ok(Err(error)) if error.is_permanent() => refused(&error.to_string()),
            // It may have been taken: the word of it is lost.
            Ok(Err(_)) | Err(_) => Handed::Unknown,
        };
        if handed == Handed::Taken {
            // Good manners; the mail is with the server whatever comes of it.
            drop(timeout(GOODBYE, connection.quit()).await);
        }
        handed
    }

    /// SMTP keeps no account: only the receiver could say.
    async fn look_up(&self, _message_id: &str) -> Sighting<()> {
        Sighting::Untold
    }

    fn patience(&self) -> Duration {
        self.until_text + self.text + Duration::from_secs(30)
    }
}

impl Reach {
    fn includes(self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Public { or_loopback } => {
                is_public(address) || (or_loopback && address.to_canonical().is_loopback())
            }
        }
    }
}

impl From<Lost> for Stopped {
    fn from(lost: Lost) -> Self {
        let (cause, word) = match lost {
            Lost::Unreachable(word) => (Cause::Silence, word),
            Lost::Busy(word) | Lost::Unexpected(word) => (Cause::Busy, word),
            Lost::CredentialsRefused(word) => (Cause::LoginRefused, word),
        };
        Self::Waits(cause, word)
    }
}

/// Whether an address has letters beside those of ASCII before its @.
fn has_other_letters(envelope: &Envelope) -> bool {
    envelope.from().into_iter().chain(envelope.to()).any(|address| {
        let address: &str = address.as_ref();
        !address.is_ascii()
    })
}

/// A server that says so is there.
fn away(error: &Error) -> Lost {
    match error.status() {
        Some(_) => Lost::Busy(error.to_string()),
        None => Lost::Unreachable(error.to_string()),
    }
}

fn stopped(error: &Error) -> Stopped {
    let reason = error.to_string();
    let Some(code) = error.status() else { return Stopped::Waits(Cause::Silence, reason) };
    match error.is_permanent() {
        true if LOGIN_WANTED.contains(&code.to_string().as_str()) => {
            Stopped::Waits(Cause::LoginRefused, reason)
        }
        true => Stopped::Refused(reason),
        false => Stopped::Waits(Cause::Busy, reason),
    }
}

fn waits(cause: Cause, reason: &str) -> Handed {
    Handed::Waits(cause, without_addresses(reason))
}

fn refused(reason: &str) -> Handed {
    Handed::Refused(without_addresses(reason))
}

/// The server's words without the addresses that they like to repeat.
fn without_addresses(reason: &str) -> String {
    let words = reason.split_whitespace().map(|word| match word.contains('@') {
        true => "<…>",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ").chars().take(REASON_CHARACTERS_MAX).collect()
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
