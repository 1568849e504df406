//! The systems that hold money: what they are asked, what they answer, and what each can do.
//!
//! Providers know neither the store nor the orders. A call holds all there is to know, frozen when
//! the effect was planned, so that a repeat is the same call.

mod adyen;
mod klarna;
mod sandbox;
mod vipps;

use std::path::PathBuf;
use std::time::Duration;

use order_proto::v1::integration::System;
use order_rules::effects::KEY_WINDOW_MICROS;
use order_rules::money::Currency;
use order_rules::order::{LineKind, Micros};
use order_rules::payments::{Capabilities, OperationKind};
use order_rules::reconciling::Statement;
use secrecy::ExposeSecret;
use uuid::Uuid;

use self::adyen::Adyen;
use self::klarna::Klarna;
use self::sandbox::Sandbox;
use self::vipps::Vipps;
use crate::links::{Links, Setup, Trail, Unusable};
use crate::systems::{self, Hold};
pub(crate) use crate::systems::{Decline, Told};
use crate::webhooks::{self, Proof};

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
    /// What the provider told of the payment by itself, in the order in which it happened.
    pub told: Vec<Told>,
    pub doubt: Doubt,
}

/// Why a reservation is not taken of which something was captured before an order named it: nobody could
/// tell later whose capture that was.
const CAPTURED_BEFORE: &str = "part of it was captured before this order named it";

/// What there is to do where a look-up finds nothing, for a provider that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It has the call, or must not be called now.
    Wait,
    /// The same call may be made again: the provider does its key once, and answers what it answered.
    Repeat,
    /// It may have forgotten the key.
    TooLate,
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

/// What reading a reservation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Statement(Statement),
    /// Final: the provider does not know it, or tells nothing of it.
    Declined(Decline),
    /// Nothing is told before something is done about the integration.
    Held(Hold),
    /// Not now; with a time where the provider is there and busy.
    NoAnswer {
        after: Option<Duration>,
    },
    /// The provider has no read: what it did is known by what it says of each operation.
    Untold,
}

/// What asking for a longer reservation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// A read says until when.
    Extended,
    Declined(Decline),
    Held(Hold),
    /// It may have been extended: the same key may be used again.
    NoAnswer,
    /// The provider extends nothing.
    Unsupported,
}

/// Something that holds reservations and carries out operations on them.
pub(crate) trait PaymentProvider {
    /// Carries out the operation, at most once per key however often it is called. May take for
    /// ever; whoever gives up waiting knows nothing of the outcome.
    async fn perform(&self, call: &Call) -> Report;

    /// Asks what became of the operation. Changes nothing that the call itself would not.
    async fn look_up(&self, call: &Call) -> Sighting;

    /// Asks for all that the provider knows of a reservation. Changes nothing.
    async fn read(&self, reference: &str) -> Reading;

    /// Asks for a reservation to hold longer, at most once per key. Moves no money.
    async fn extend(&self, reference: &str, key: Uuid) -> Extension;

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
    Adyen(Adyen),
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
    /// `sandbox_book` is the file of the sandbox's book.
    pub(crate) fn new(sandbox_book: PathBuf, links: Links) -> Self {
        Self { sandbox: Sandbox::new(sandbox_book), vipps: vipps::Gateway::default(), links }
    }

    /// Makes sure that what the service itself provides can be used.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn open(&self) -> Result<(), String> {
        self.sandbox.open().await
    }

    /// The system behind an integration, with its credentials in hand.
    ///
    /// # Errors
    /// When it cannot be called as it is set up.
    pub(crate) fn behind(&self, setup: Setup<'_>) -> Result<Provider, Unusable> {
        match setup.system {
            System::Sandbox(_) => Ok(Provider::Sandbox(self.sandbox.behind(setup.name))),
            System::Klarna(klarna) => {
                Ok(Provider::Klarna(Klarna::new(self.links.open(setup)?, klarna)))
            }
            System::Tripletex(_) | System::Cargonizer(_) | System::Smtp(_) => {
                Err(Unusable::OtherSystem)
            }
            System::Vipps(vipps) => {
                let link = self.links.open(setup)?;
                Ok(Provider::Vipps(Vipps::new(link, self.vipps.clone(), vipps)))
            }
            System::Adyen(adyen) => Ok(Provider::Adyen(Adyen::new(self.links.open(setup)?, adyen))),
        }
    }

    /// What the webhooks of an integration are proved by; `None`: its system sends none.
    ///
    /// # Errors
    /// When its secret cannot be had.
    pub(crate) fn proof(&self, setup: Setup<'_>) -> Result<Option<Proof>, Unusable> {
        match setup.system {
            System::Sandbox(_) | System::Tripletex(_) | System::Cargonizer(_) | System::Smtp(_) => {
                Ok(None)
            }
            System::Klarna(_) => Ok(Some(Proof::Klarna)),
            System::Vipps(vipps) => {
                let secret = self.links.open(setup)?.secret("webhook_secret");
                let is_set = !secret.expose_secret().is_empty();
                let merchant_serial_number = vipps.merchant_serial_number.clone();
                let proof = webhooks::vipps::Proof { secret, merchant_serial_number };
                Ok(is_set.then_some(Proof::Vipps(proof)))
            }
            System::Adyen(adyen) => {
                let link = self.links.open(setup)?;
                let name = adyen.webhook_username.clone();
                let login = (!name.is_empty()).then(|| (name, link.secret("webhook_password")));
                Ok(Some(Proof::Adyen(webhooks::adyen::Proof {
                    hmac_key: link.secret("hmac_key"),
                    login,
                    merchant_account: adyen.merchant_account.clone(),
                })))
            }
        }
    }
}

impl PaymentProvider for Provider {
    async fn perform(&self, call: &Call) -> Report {
        match self {
            Self::Sandbox(sandbox) => sandbox.perform(call).await,
            Self::Klarna(klarna) => klarna.perform(call).await,
            Self::Vipps(vipps) => vipps.perform(call).await,
            Self::Adyen(adyen) => adyen.perform(call).await,
        }
    }

    async fn look_up(&self, call: &Call) -> Sighting {
        match self {
            Self::Sandbox(sandbox) => sandbox.look_up(call).await,
            Self::Klarna(klarna) => klarna.look_up(call).await,
            Self::Vipps(vipps) => vipps.look_up(call).await,
            Self::Adyen(adyen) => adyen.look_up(call).await,
        }
    }

    async fn read(&self, reference: &str) -> Reading {
        match self {
            Self::Sandbox(sandbox) => sandbox.read(reference).await,
            Self::Klarna(klarna) => klarna.read(reference).await,
            Self::Vipps(vipps) => vipps.read(reference).await,
            Self::Adyen(adyen) => adyen.read(reference).await,
        }
    }

    async fn extend(&self, reference: &str, key: Uuid) -> Extension {
        match self {
            Self::Sandbox(sandbox) => sandbox.extend(reference, key).await,
            Self::Klarna(klarna) => klarna.extend(reference, key).await,
            Self::Vipps(vipps) => vipps.extend(reference, key).await,
            Self::Adyen(adyen) => adyen.extend(reference, key).await,
        }
    }

    async fn test(&self) -> Tested {
        match self {
            Self::Sandbox(sandbox) => sandbox.test().await,
            Self::Klarna(klarna) => klarna.test().await,
            Self::Vipps(vipps) => vipps.test().await,
            Self::Adyen(adyen) => adyen.test().await,
        }
    }
}

impl Provider {
    /// Of its integration; 0 where that does not matter.
    pub(crate) const fn revision(&self) -> i64 {
        match self {
            Self::Sandbox(_) => 0,
            Self::Klarna(klarna) => klarna.revision(),
            Self::Vipps(vipps) => vipps.revision(),
            Self::Adyen(adyen) => adyen.revision(),
        }
    }

    /// What the attempt it was opened for leaves behind; the sandbox leaves nothing.
    pub(crate) const fn trail(&self) -> Option<&Trail> {
        match self {
            Self::Sandbox(_) => None,
            Self::Klarna(klarna) => Some(klarna.trail()),
            Self::Vipps(vipps) => Some(vipps.trail()),
            Self::Adyen(adyen) => Some(adyen.trail()),
        }
    }

    /// Whether somebody else may move money there, of which its account tells.
    pub(crate) const fn has_portal(&self) -> bool {
        matches!(self, Self::Klarna(_) | Self::Vipps(_))
    }

    /// The keys in the form of ours under which something of a payment was captured, whosever they are,
    /// where its account tells them. `None`: it does not answer.
    pub(crate) async fn capture_keys(&self, reference: &str) -> Option<Vec<Uuid>> {
        match self {
            Self::Sandbox(_) | Self::Adyen(_) => Some(Vec::new()),
            Self::Klarna(klarna) => klarna.capture_keys(reference).await,
            Self::Vipps(vipps) => vipps.capture_keys(reference).await,
        }
    }

    /// The captures that it has told of by itself, whoever asked for them, where it gives no account.
    pub(crate) fn told_captures<'a>(&self, call: &'a Call) -> Vec<&'a Told> {
        match self {
            Self::Sandbox(_) | Self::Klarna(_) | Self::Vipps(_) => Vec::new(),
            Self::Adyen(_) => Adyen::told_captures(call),
        }
    }

    /// And the refunds.
    pub(crate) fn told_refunds<'a>(&self, call: &'a Call) -> Vec<&'a Told> {
        match self {
            Self::Sandbox(_) | Self::Klarna(_) | Self::Vipps(_) => Vec::new(),
            Self::Adyen(_) => Adyen::told_refunds(call),
        }
    }

    /// Whether a call, or a look-up, is answered by the system itself, and not by what it told before.
    pub(crate) fn is_asked(&self, call: &Call, is_look_up: bool) -> bool {
        match self {
            Self::Sandbox(_) | Self::Klarna(_) | Self::Vipps(_) => true,
            Self::Adyen(_) => Adyen::is_asked(call, is_look_up),
        }
    }
}

/// Every operation has such a key. A portal gives none, and other systems mostly others.
fn key_in_our_form(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|key| key.get_version_num() == 5)
}

/// What a provider of this name can do, for the rules; `None` for a system that holds no money.
pub(crate) fn capabilities(system: &System, name: &str) -> Option<Capabilities> {
    let readable = |kind: &str, can_lower| Capabilities {
        is_manual: false,
        decline_rank: decline_rank(kind),
        can_release: true,
        keeps_remainder: true,
        can_lower,
        can_read_back: true,
        key_window: KEY_WINDOW_MICROS,
    };
    match system {
        System::Sandbox(_) => Some(readable(name, true)),
        System::Klarna(_) => Some(readable("klarna", true)),
        System::Vipps(_) => Some(readable("vipps", false)),
        System::Adyen(adyen) => Some(Capabilities {
            // What is left ends with the first capture; or it stays, and ends only when it expires.
            can_release: false,
            keeps_remainder: adyen.multiple_partial_captures,
            can_read_back: false,
            key_window: adyen::KEY_WINDOW_MICROS,
            ..readable("adyen", true)
        }),
        System::Tripletex(_) | System::Cargonizer(_) | System::Smtp(_) => None,
    }
}

/// A shop may name several of a kind: `klarna-se` ranks as `klarna`.
fn decline_rank(name: &str) -> u8 {
    DECLINE_RANKS
        .iter()
        .find(|(kind, _)| name.starts_with(kind))
        .map_or(DECLINE_RANK_OTHER, |&(_, rank)| rank)
}
