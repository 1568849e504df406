//! The systems that keep books: what they are handed, what they answer, and by what they find again
//! what they were handed before.
//!
//! Accounting systems know neither the store nor the orders. An [`Entry`] holds all there is to know;
//! it is made anew each time a transfer is tried, so that nothing personal is kept anywhere else.

mod entry;
mod tripletex;

use order_proto::v1::integration::System;
use order_rules::accounting::Booked;

pub(crate) use self::entry::Entry;
use self::tripletex::{Memory, Tripletex};
use crate::links::{Links, Setup, Trail, Unusable};
use crate::providers::Tested;
use crate::systems;

/// What a call came to.
pub(crate) type Report = systems::Report<Booked>;

/// What a look-up saw.
pub(crate) type Sighting = systems::Sighting<Booked>;

/// Sees to it that one entry alone makes what others would find missing as well, whoever books them.
pub(crate) trait SoleMaker {
    /// Whether this entry makes what the name stands for. False: another one may be at it. Nobody else
    /// is let in before [`end`](Self::end), or before all that was begun is over for certain.
    async fn begin(&self, name: [u8; 32]) -> bool;

    /// It is made, or surely not.
    async fn end(&self, name: [u8; 32]);
}

/// Something that keeps books.
pub(crate) trait AccountingSystem {
    /// Books the entry: looks for what is there of it, and makes only what is not. Safe to ask for
    /// again and again. May take for ever; whoever gives up waiting knows nothing of the outcome.
    async fn book(&self, entry: &Entry, maker: &impl SoleMaker) -> Report;

    /// Asks whether the whole entry is there. Changes nothing.
    async fn look_up(&self, entry: &Entry) -> Sighting;

    /// Asks whether the system answers and takes the credentials. Changes nothing.
    async fn test(&self) -> Tested;
}

/// Every accounting system this server can call; clones share what is remembered of them.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    links: Links,
    tripletex: Memory,
}

/// An accounting system, whichever it is.
#[derive(Clone, Debug)]
pub(crate) enum Accounting {
    Tripletex(Tripletex),
}

/// Whether orders can be handed over to the system.
pub(crate) const fn is_accounting(system: &System) -> bool {
    matches!(system, System::Tripletex(_))
}

impl Books {
    pub(crate) fn new(links: Links) -> Self {
        Self { links, tripletex: Memory::default() }
    }

    /// The system behind an integration, with its credentials in hand.
    ///
    /// # Errors
    /// When it cannot be called as it is set up.
    pub(crate) fn behind(&self, setup: Setup<'_>) -> Result<Accounting, Unusable> {
        let System::Tripletex(tripletex) = setup.system else { return Err(Unusable::OtherSystem) };
        let link = self.links.open(setup)?;
        Ok(Accounting::Tripletex(Tripletex::new(link, tripletex, &self.tripletex)))
    }
}

impl Accounting {
    /// Of its integration.
    pub(crate) const fn revision(&self) -> i64 {
        match self {
            Self::Tripletex(tripletex) => tripletex.revision(),
        }
    }

    /// What the attempt it was opened for leaves behind.
    pub(crate) const fn trail(&self) -> &Trail {
        match self {
            Self::Tripletex(tripletex) => tripletex.trail(),
        }
    }
}

impl AccountingSystem for Accounting {
    async fn book(&self, entry: &Entry, maker: &impl SoleMaker) -> Report {
        match self {
            Self::Tripletex(tripletex) => tripletex.book(entry, maker).await,
        }
    }

    async fn look_up(&self, entry: &Entry) -> Sighting {
        match self {
            Self::Tripletex(tripletex) => tripletex.look_up(entry).await,
        }
    }

    async fn test(&self) -> Tested {
        match self {
            Self::Tripletex(tripletex) => tripletex.test().await,
        }
    }
}
