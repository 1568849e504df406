//! Links to systems outside: an integration as its shop has set it up, with its credentials in hand.

mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use order_proto::systems;
use order_proto::v1::integration::System;
use order_rules::refusals::Code;
use reqwest::{Method, Request};
use secrecy::SecretString;

pub(crate) use self::trail::Trail;
use crate::outside::{Answer, Lost, Outside};
use crate::systems::Hold;
use crate::vault::{Sealed, Vault};

/// What every link is made with; clones share their connections.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    outside: Outside,
    vault: Vault,
    allows_stand_ins: bool,
    takes_webhooks: bool,
}

/// An integration, as far as its system must be told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    /// Resource name: credentials were sealed for it.
    pub name: &'a str,
    pub system: &'a System,
    pub credentials: Option<&'a [u8]>,
    /// For what waits for the integration to change.
    pub revision: i64,
}

/// The way to one integration's system, for one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    outside: Outside,
    pub trail: Trail,
    /// Resource name of the integration, and its revision: two links that agree in both are one.
    pub name: String,
    pub revision: i64,
    secrets: BTreeMap<String, SecretString>,
}

/// The system cannot be called as its integration is set up; why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The names of the fields, told one after the other.
    CredentialsUnreadable(String),
    StandInForbidden,
    /// The integration is with another kind of system than is asked for.
    OtherSystem,
    /// What becomes of a call would never be heard.
    WebhooksOff,
}

impl Links {
    pub(crate) fn new(vault: Vault, allows_stand_ins: bool) -> Self {
        Self { outside: Outside::default(), vault, allows_stand_ins, takes_webhooks: false }
    }

    /// The same of a service that takes webhooks, or does not.
    pub(crate) fn with_webhooks(self, takes_webhooks: bool) -> Self {
        Self { takes_webhooks, ..self }
    }

    /// Whether webhooks are taken.
    pub(crate) fn takes_webhooks(&self) -> bool {
        self.takes_webhooks
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Integrations may name a stand-in on this machine.
    pub(crate) fn allows_stand_ins(&self) -> bool {
        self.allows_stand_ins
    }

    /// Takes the credentials of an integration in hand.
    ///
    /// # Errors
    /// When its system cannot be called as it is set up.
    pub(crate) fn open(&self, setup: Setup<'_>) -> Result<Link, Unusable> {
        if systems::is_stand_in(setup.system) && !self.allows_stand_ins {
            return Err(Unusable::StandInForbidden);
        }
        if systems::needs_webhooks(setup.system) && !self.takes_webhooks {
            return Err(Unusable::WebhooksOff);
        }
        let (mut secrets, mut unreadable) = (BTreeMap::new(), BTreeSet::new());
        for (field, sealed) in Sealed::stored(setup.credentials).secrets {
            if let Ok(secret) = self.vault.open(setup.name, &field, &sealed) {
                secrets.insert(field, secret);
            } else {
                unreadable.insert(field);
            }
        }
        let needed = required(setup.system).into_iter();
        let missing = needed.filter(|field| !secrets.contains_key(*field)).map(str::to_owned);
        unreadable.extend(missing);
        if !unreadable.is_empty() {
            let fields: Vec<String> = unreadable.into_iter().collect();
            return Err(Unusable::CredentialsUnreadable(fields.join(", ")));
        }
        let (outside, name) = (self.outside.clone(), setup.name.to_owned());
        Ok(Link { outside, trail: Trail::default(), name, revision: setup.revision, secrets })
    }
}

impl Link {
    /// The secret of this field; empty where an optional one is not set.
    pub(crate) fn secret(&self, field: &str) -> SecretString {
        self.secrets.get(field).cloned().unwrap_or_default()
    }

    /// Sends a request once and reads the whole answer. What is not a read asks for a change.
    ///
    /// # Errors
    /// No answer, or one that is too long.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Lost> {
        if request.method() != Method::GET {
            self.trail.ask();
        }
        let sent = self.outside.send(request).await;
        if let Err(lost) = &sent {
            self.trail.tell(&lost.to_string());
        }
        sent
    }

    /// What the attempt came to and leaves open, for this reason.
    pub(crate) fn left_open<Outcome>(&self, reason: &str, outcome: Outcome) -> Outcome {
        self.trail.tell(reason);
        outcome
    }

    /// What the system refused waits for the integration to change.
    pub(crate) fn hold(&self, reason: String) -> Hold {
        Hold {
            code: Code::IntegrationUnauthorized,
            reason,
            integration: self.name.rsplit('/').next().unwrap_or_default().to_owned(),
            revision: self.revision,
        }
    }
}

/// The secrets without which a system cannot be called.
pub(crate) fn required(system: &System) -> Vec<&'static str> {
    let mut system = system.clone();
    let needed = |field: systems::Field<'_>| match field.slot {
        systems::Slot::Secret { is_required: true, .. } => Some(field.name),
        _ => None,
    };
    systems::fields(&mut system).into_iter().filter_map(needed).collect()
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CredentialsUnreadable(fields) => {
                return write!(
                    formatter,
                    "the credentials cannot be read with any key there is: {fields}"
                );
            }
            Self::OtherSystem => "the integration is with another kind of system",
            Self::StandInForbidden => "stand-ins are not allowed: see --stand-ins of the service",
            Self::WebhooksOff => "no webhooks are taken: see --webhook-listen of the service",
        })
    }
}
