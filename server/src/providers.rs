//! The systems that hold money: what they are asked, what they answer, and what each can do.
//!
//! Providers know neither the store nor the orders. A call holds all there is to know, frozen when
//! the effect was planned, so that a repeat is the same call.

mod klarna;
mod sandbox;
mod vipps;

use std::path::PathBuf;

use order_proto::v1::integration::System;
use order_rules::effects::KEY_WINDOW_MICROS;
use order_rules::money::Currency;
use order_rules::order::{LineKind, Micros};
use order_rules::payments::{Capabilities, OperationKind};
use uuid::Uuid;

use self::klarna::Klarna;
use self::sandbox::Sandbox;
use self::vipps::Vipps;
use crate::links::{Links, Setup, Unusable};
use crate::systems;
pub(crate) use crate::systems::Decline;

/// One operation on one reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Last part of the shop's name.
    pub shop: String,
    pub provider: String,
    /// The provider's reference of the reservation.
    pub reference: String,
    /// The same for every attempt at one operation: the provider does a key once.
    pub key: Uuid,
    pub kind: OperationKind,
    pub amount_minor: i64,
    pub currency: Currency,
    /// Number of the order it is for.
    pub order: i64,
    /// What the amount is for, where that is known; amounts of a refund are positive, of its fees
    /// negative.
    pub lines: Vec<CallLine>,
}

/// A line of what a call moves money for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallLine {
    pub kind: LineKind,
    pub sku: String,
    pub title: String,
    pub quantity: i64,
    pub vat_rate_bp: i32,
    pub vat_minor: i64,
    pub gross_minor: i64,
}

/// What a call came to.
pub(crate) type Report = systems::Report<Confirmation>;

/// What a look-up saw.
pub(crate) type Sighting = systems::Sighting<Confirmation>;

/// The provider's word that it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The provider's reference of the operation.
    pub provider_reference: String,
    /// What was moved; for an authorization, what is held in all.
    pub amount_minor: i64,
    /// When the reservation expires, if the provider says so.
    pub expires_at: Option<Micros>,
}

/// Something that holds reservations and carries out operations on them.
pub(crate) trait PaymentProvider {
    /// Carries out the operation, at most once per key however often it is called. May take for
    /// ever; whoever gives up waiting knows nothing of the outcome.
    async fn perform(&self, call: &Call) -> Report;

    /// Asks what became of the operation. Changes nothing.
    async fn look_up(&self, call: &Call) -> Sighting;

    /// Asks whether the system answers and takes the credentials. Changes nothing.
    async fn test(&self) -> Tested;
}

/// What a test of a connection saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tested {
    Works,
    CredentialsRefused(String),
    Unreachable(String),
    UnexpectedAnswer(String),
}

/// Every system that holds money and that this server can call.
#[derive(Clone, Debug)]
pub(crate) struct Providers {
    sandbox: Sandbox,
    vipps: vipps::Gateway,
    links: Links,
}

/// A provider, whichever it is.
#[derive(Clone, Debug)]
pub(crate) enum Provider {
    Sandbox(Sandbox),
    Klarna(Klarna),
    Vipps(Vipps),
}

/// A capture most likely to be declined comes first (2.2): cards lapse and are refused more often
/// than invoices, those more often than wallets; a gift card is as good as paid.
const DECLINE_RANKS: [(&str, u8); 6] = [
    ("card", 90),
    ("adyen", 90),
    ("klarna", 70),
    ("vipps", 40),
    ("mobilepay", 40),
    ("giftcard", 10),
];

/// Where nothing is known of a provider.
const DECLINE_RANK_OTHER: u8 = 50;

impl Providers {
    /// `sandbox_book` is the file of the sandbox's book; it is made when it is first needed.
    pub(crate) fn new(sandbox_book: PathBuf, links: Links) -> Self {
        Self { sandbox: Sandbox::new(sandbox_book), vipps: vipps::Gateway::default(), links }
    }

    /// The system behind an integration, with its credentials in hand.
    ///
    /// # Errors
    /// When it cannot be called as it is set up.
    pub(crate) fn behind(&self, setup: Setup<'_>) -> Result<Provider, Unusable> {
        match setup.system {
            System::Sandbox(_) => Ok(Provider::Sandbox(self.sandbox.clone())),
            System::Klarna(klarna) => {
                Ok(Provider::Klarna(Klarna::new(self.links.open(setup)?, klarna)))
            }
            System::Vipps(vipps) => {
                let link = self.links.open(setup)?;
                Ok(Provider::Vipps(Vipps::new(link, self.vipps.clone(), vipps)))
            }
            System::Cargonizer(_) => Err(Unusable::OtherPurpose),
        }
    }
}

impl PaymentProvider for Provider {
    async fn perform(&self, call: &Call) -> Report {
        match self {
            Self::Sandbox(sandbox) => sandbox.perform(call).await,
            Self::Klarna(klarna) => klarna.perform(call).await,
            Self::Vipps(vipps) => vipps.perform(call).await,
        }
    }

    async fn look_up(&self, call: &Call) -> Sighting {
        match self {
            Self::Sandbox(sandbox) => sandbox.look_up(call).await,
            Self::Klarna(klarna) => klarna.look_up(call).await,
            Self::Vipps(vipps) => vipps.look_up(call).await,
        }
    }

    async fn test(&self) -> Tested {
        match self {
            Self::Sandbox(sandbox) => sandbox.test().await,
            Self::Klarna(klarna) => klarna.test().await,
            Self::Vipps(vipps) => vipps.test().await,
        }
    }
}

/// What a provider of this name can do, for the rules; `None` for a system that holds no money.
pub(crate) fn capabilities(system: &System, name: &str) -> Option<Capabilities> {
    let kind = match system {
        System::Sandbox(_) => name,
        System::Klarna(_) => "klarna",
        System::Vipps(_) => "vipps",
        System::Cargonizer(_) => return None,
    };
    match system {
        System::Cargonizer(_) => None,
        System::Sandbox(_) | System::Klarna(_) | System::Vipps(_) => Some(Capabilities {
            is_manual: false,
            decline_rank: decline_rank(kind),
            can_release: true,
            can_lower: !matches!(system, System::Vipps(_)),
            can_read_back: true,
            key_window: KEY_WINDOW_MICROS,
        }),
    }
}

/// A shop may name several of a kind: `klarna-se` ranks as `klarna`.
fn decline_rank(name: &str) -> u8 {
    DECLINE_RANKS
        .iter()
        .find(|(kind, _)| name.starts_with(kind))
        .map_or(DECLINE_RANK_OTHER, |&(_, rank)| rank)
}
