//! Where PostgreSQL is, and whether the way there must be secret.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::escapes::decoded;

/// Where PostgreSQL is, with its password: printing it shows neither.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) config: Box<Config>,
    /// PEM file of who vouches for the server, beside those whom this system trusts.
    authority: Option<PathBuf>,
}

const MODES: &str = "has an sslmode that is none of disable, prefer, require, verify-full";
const DEFAULT_PORT: u16 = 5432;

impl Address {
    /// `host:port`, of each host that is tried.
    pub(super) fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |place: usize| ports.get(place).or(ports.first()).copied();
        let named: Vec<String> = match self.config.get_hosts() {
            [] => self.config.get_hostaddrs().iter().map(ToString::to_string).collect(),
            hosts => hosts.iter().map(name).collect(),
        };
        let places = named.iter().enumerate().map(|(place, host)| {
            let port = port(place).unwrap_or(DEFAULT_PORT);
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        });
        places.collect::<Vec<_>>().join(", ")
    }

    /// Where it is and which database, for people: neither user nor password.
    pub(crate) fn told(&self) -> String {
        match self.config.get_dbname() {
            Some(database) => format!("{}, database {database}", self.place()),
            None => self.place(),
        }
    }

    pub(super) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Whether somebody on the way could read along, or take the server's place.
    pub(super) fn is_exposed(&self) -> bool {
        !is_local(&self.config) && self.config.get_ssl_mode() != SslMode::Require
    }
}

impl std::str::FromStr for Address {
    type Err = String;

    /// Reads `postgres://user:password@host:port/database?parameter=value`. What libpq knows as
    /// `verify-full` is the only TLS there is where TLS is required, and it is required wherever
    /// nothing is said and the server is not on this machine.
    fn from_str(text: &str) -> Result<Self, String> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|one| text.strip_prefix(one));
        let rest = rest.ok_or("must begin with postgres://")?;
        let (login, place) = match rest.split_once('@') {
            Some((login, place)) => (format!("{login}@"), place),
            None => (String::new(), rest),
        };
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        if place.contains('@') {
            return Err("must have an @ in the user or the password written as %40".to_owned());
        }
        let (mut mode, mut authority, mut others) = (None, None, Vec::new());
        for parameter in query.split('&') {
            match parameter.split_once('=') {
                Some(("sslmode", "disable")) => mode = Some(SslMode::Disable),
                Some(("sslmode", "prefer")) => mode = Some(SslMode::Prefer),
                Some(("sslmode", "require" | "verify-full")) => mode = Some(SslMode::Require),
                Some(("sslmode", _)) => return Err(MODES.to_owned()),
                Some(("sslrootcert", file)) => {
                    let file = decoded(file).ok_or("has a wrong escape: % needs two digits")?;
                    authority = Some(PathBuf::from(file));
                }
                _ => others.push(parameter),
            }
        }
        let url = format!("postgres://{login}{place}?{}", others.join("&"));
        let mut config: Config = url.parse().map_err(|error| super::chain(&error))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("must name a host".to_owned());
        }
        let usual = if is_local(&config) { SslMode::Disable } else { SslMode::Require };
        // A socket carries no TLS, and nobody is on the way.
        let mode = mode.filter(|_| !is_socket(&config)).unwrap_or(usual);
        config.ssl_mode(mode);
        Ok(Self { config: Box::new(config), authority })
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("postgres://…")
    }
}

fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

/// Whether all that is tried is on this machine.
fn is_local(config: &Config) -> bool {
    let is_loopback = |name: &str| name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || is_loopback(name),
            Host::Unix(_) => true,
        }),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}

fn is_socket(config: &Config) -> bool {
    config.get_hostaddrs().is_empty()
        && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
}
