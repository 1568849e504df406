//! Where a mail server is, and how it is spoken to.

use std::fmt;

use order_proto::v1;
use secrecy::{ExposeSecret, SecretString};

use crate::escapes::decoded;

/// Where the mail server is, with its password: printing it shows neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// User name and password.
    pub(super) login: Option<(String, String)>,
}

/// Not a URL of a mail server; what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// From the first byte.
    Tls,
    /// After STARTTLS, or not at all.
    StartTls,
    /// Only to a server that nobody can listen in on.
    None,
}

impl SmtpUrl {
    /// The mail server of an integration; `None` where it says too little.
    pub(crate) fn of_shop(smtp: &v1::SmtpIntegration, password: &SecretString) -> Option<Self> {
        let security = match smtp.security() {
            v1::SmtpSecurity::Tls => Security::Tls,
            v1::SmtpSecurity::Starttls => Security::StartTls,
            v1::SmtpSecurity::None => Security::None,
            v1::SmtpSecurity::Unspecified => return None,
        };
        let login = (smtp.username.clone(), password.expose_secret().to_owned());
        Some(Self {
            host: smtp.host.clone(),
            port: u16::try_from(smtp.port).ok()?,
            security,
            login: Some(login).filter(|(user, _)| !user.is_empty()),
        })
    }
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
}
