//! Webhooks in: what providers tell by themselves, proved before it is believed, stored before it is
//! answered, and followed up until nothing more follows from it.
//!
//! A letter to `/webhooks/{shop}/{integration}` is proved on the bytes that came, by the secret of
//! that integration. It wakes whatever waits for its payment; what concerns nothing that is under way
//! comes into the log as a command.

pub(crate) mod adyen;
mod answering;
mod following;
pub(crate) mod klarna;
mod listening;
#[cfg(test)]
mod tests;
pub(crate) mod vipps;

use std::time::Duration;

use hyper::HeaderMap;
use order_proto::v1::integration::System;
use order_rules::changing::Happening;
use order_rules::order::Micros;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::answering::Desk;
use self::following::{Bell, Follower};
use self::listening::Listener;
use crate::providers::{Providers, Told};
use crate::reading::Reading;
use crate::store::Store;
use crate::store::rows::WebhookRow;
use crate::turns::Turns;

/// What webhooks are taken in and followed up with.
pub(crate) struct Webhooks {
    pub store: Store,
    pub reading: Reading,
    pub turns: Turns,
    pub providers: Providers,
    /// Payments are read without anybody asking.
    pub has_rounds: bool,
}

/// The tasks that do it.
pub(crate) struct Running {
    listening: Option<JoinHandle<()>>,
    following: JoinHandle<()>,
}

/// A webhook as it came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    /// Path and query.
    pub target: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub now: Micros,
}

/// One thing that a provider tells, without anything personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The same for each copy of one of them.
    pub copy_key: String,
    pub payment_reference: String,
    /// By the provider's clock, in microseconds.
    pub happened_at: Option<i64>,
    pub told: Told,
}

/// Why a letter is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unproved {
    /// Not signed with the integration's secret.
    Forged,
    /// Signed too long ago, or ahead of time.
    Stale,
    /// Not what the provider sends.
    Unreadable,
}

/// What the letters of an integration are proved by.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    Adyen(adyen::Proof),
    Vipps(vipps::Proof),
    /// Nothing: a letter is only a hint.
    Klarna,
}

impl Webhooks {
    /// Starts to follow up what is stored, and to take more in where there is a listener, until `stop`.
    /// Letters that are under way then have `drain` to be stored.
    pub(crate) fn start(
        self,
        listener: Option<TcpListener>,
        stop: &CancellationToken,
        drain: Duration,
    ) -> Running {
        let Self { store, reading, turns, providers, has_rounds } = self;
        let bell = Bell::default();
        let desk =
            Desk::new((store.clone(), reading.clone()), providers, turns.clone(), bell.clone());
        let listener = listener.map(|listener| Listener { listener, desk });
        Running {
            listening: listener.map(|one| tokio::spawn(one.serve(stop.clone(), drain))),
            following: Follower { store, reading, turns, bell, has_rounds }.start(stop.clone()),
        }
    }
}

impl Running {
    /// Resolves when both have stopped.
    pub(crate) async fn stopped(self) {
        let Self { listening, following } = self;
        for task in [listening, Some(following)].into_iter().flatten() {
            if let Err(failure) = task.await {
                tracing::error!(%failure, "webhooks ended in disorder");
            }
        }
    }
}

impl Proof {
    /// What a letter tells, if it is the provider's.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn read(&self, letter: &Letter<'_>) -> Result<Vec<Notice>, Unproved> {
        match self {
            Self::Adyen(proof) => proof.read(letter),
            Self::Vipps(proof) => proof.read(letter),
            Self::Klarna => {
                klarna::read(letter).map(|notice| vec![notice]).ok_or(Unproved::Unreadable)
            }
        }
    }
}

impl Letter<'_> {
    /// A header of plain text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What was told means, in the words of the system that told it.
pub(crate) fn happening(system: &System, told: &Told) -> Happening {
    match system {
        System::Klarna(_) => klarna::happening(told),
        System::Vipps(_) => vipps::happening(told),
        System::Adyen(_) => adyen::happening(told),
        System::Sandbox(_) | System::Tripletex(_) | System::Cargonizer(_) | System::Smtp(_) => {
            Happening::Trifle
        }
    }
}

impl From<&WebhookRow> for Told {
    fn from(row: &WebhookRow) -> Self {
        Self {
            key: row.operation_key.as_deref().and_then(|key| key.parse().ok()),
            event: row.event.clone(),
            is_success: row.is_success,
            reason: row.reason.clone(),
            amount_minor: row.amount_minor,
            currency: row.currency.clone(),
            provider_reference: row.provider_reference.clone(),
        }
    }
}
