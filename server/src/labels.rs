//! The systems that hand goods over to carriers: what they are asked for, and what they answer.
//!
//! They know neither the store nor the orders: what is asked for holds all there is to know.

mod cargonizer;
mod sandbox;
#[cfg(test)]
mod tests;

use order_proto::v1;
use order_proto::v1::integration::System;
use order_rules::labels::{Consignment, Parcel};
use uuid::Uuid;

use self::cargonizer::Cargonizer;
use self::sandbox::LabelSandbox;
use crate::links::{Links, Setup, Trail, Unusable};
use crate::providers::Tested;
use crate::systems::{Decline, Report, Sighting};

/// A consignment to make. Personal data: it is never printed.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Names it: the same for every attempt.
    pub key: Uuid,
    /// Under which it is found again.
    pub reference: String,
    /// Number of the order.
    pub order: i64,
    pub parcel: Parcel,
    pub consignee: Consignee,
    /// What the warehouse must know; may be empty.
    pub message: String,
}

/// Who gets the goods. Personal data.
#[derive(Clone, Default)]
pub(crate) struct Consignee {
    pub name: String,
    /// Of a company; else empty.
    pub contact_person: String,
    pub address: String,
    pub more_address: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub email: String,
    pub phone: String,
}

/// A system for labels, whichever it is.
#[derive(Clone, Debug)]
pub(crate) enum Maker {
    Sandbox(LabelSandbox),
    Cargonizer(Cargonizer),
}

/// What a system for labels offers to whoever sets it up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub products: Vec<v1::LabelProduct>,
    pub printers: Vec<v1::LabelPrinter>,
}

/// Something that makes consignments and prints their labels.
pub(crate) trait LabelMaker {
    /// Makes the consignment, unless it is there already under its reference.
    async fn make(&self, asked: &Asked) -> Report<Consignment>;

    /// Asks whether the consignment is there. Changes nothing.
    async fn look_up(&self, reference: &str, key: Uuid) -> Sighting<Consignment>;

    /// Sends the label of a consignment to a printer.
    async fn print(&self, consignment: &str, printer: &str) -> Report<()>;

    /// Reads the label of a consignment.
    ///
    /// # Errors
    /// Why there is none, in the system's words or ours.
    async fn pdf(&self, consignment: &str) -> Result<Vec<u8>, Decline>;

    /// Reads what can be sent and where labels can be printed.
    ///
    /// # Errors
    /// Why that cannot be read.
    async fn options(&self) -> Result<Options, Decline>;

    /// Asks whether the system answers and takes the credentials. Changes nothing.
    async fn test(&self) -> Tested;
}

/// Whether integrations of this kind make labels.
pub(crate) fn are_made_by(system: &System) -> bool {
    matches!(system, System::Sandbox(_) | System::Cargonizer(_))
}

/// The system behind an integration, with its credentials in hand.
///
/// # Errors
/// When no labels can be asked for there.
pub(crate) fn behind(links: &Links, setup: Setup<'_>) -> Result<Maker, Unusable> {
    match setup.system {
        System::Sandbox(_) => Ok(Maker::Sandbox(LabelSandbox)),
        System::Cargonizer(cargonizer) => {
            Ok(Maker::Cargonizer(Cargonizer::new(links.open(setup)?, cargonizer)))
        }
        _ => Err(Unusable::OtherSystem),
    }
}

impl Maker {
    /// Of its integration; 0 where that does not matter.
    pub(crate) const fn revision(&self) -> i64 {
        match self {
            Self::Sandbox(_) => 0,
            Self::Cargonizer(cargonizer) => cargonizer.revision(),
        }
    }

    /// What the attempt it was opened for leaves behind; the sandbox leaves nothing.
    pub(crate) const fn trail(&self) -> Option<&Trail> {
        match self {
            Self::Sandbox(_) => None,
            Self::Cargonizer(cargonizer) => Some(cargonizer.trail()),
        }
    }
}

impl LabelMaker for Maker {
    async fn make(&self, asked: &Asked) -> Report<Consignment> {
        match self {
            Self::Sandbox(sandbox) => sandbox.make(asked).await,
            Self::Cargonizer(cargonizer) => cargonizer.make(asked).await,
        }
    }

    async fn look_up(&self, reference: &str, key: Uuid) -> Sighting<Consignment> {
        match self {
            Self::Sandbox(sandbox) => sandbox.look_up(reference, key).await,
            Self::Cargonizer(cargonizer) => cargonizer.look_up(reference, key).await,
        }
    }

    async fn print(&self, consignment: &str, printer: &str) -> Report<()> {
        match self {
            Self::Sandbox(sandbox) => sandbox.print(consignment, printer).await,
            Self::Cargonizer(cargonizer) => cargonizer.print(consignment, printer).await,
        }
    }

    async fn pdf(&self, consignment: &str) -> Result<Vec<u8>, Decline> {
        match self {
            Self::Sandbox(sandbox) => sandbox.pdf(consignment).await,
            Self::Cargonizer(cargonizer) => cargonizer.pdf(consignment).await,
        }
    }

    async fn options(&self) -> Result<Options, Decline> {
        match self {
            Self::Sandbox(sandbox) => sandbox.options().await,
            Self::Cargonizer(cargonizer) => cargonizer.options().await,
        }
    }

    async fn test(&self) -> Tested {
        match self {
            Self::Sandbox(sandbox) => sandbox.test().await,
            Self::Cargonizer(cargonizer) => cargonizer.test().await,
        }
    }
}

/// Notes that travel with the goods take so much room: three lines of a carrier's free text.
const MESSAGE_CHARACTERS_MAX: usize = 200;

/// The fields that a carrier needs and the order has not.
pub(crate) fn missing_of(personal: &v1::Order) -> Vec<&'static str> {
    let Consignee { name, postal_code, city, country, .. } = consignee(personal);
    let needed = [
        ("shipping_address.recipient", name),
        ("shipping_address.postal_code", postal_code),
        ("shipping_address.city", city),
        ("shipping_address.region_code", country),
    ];
    if personal.shipping_address.is_none() {
        return vec!["shipping_address"];
    }
    needed.into_iter().filter(|(_, value)| value.is_empty()).map(|(field, _)| field).collect()
}

/// Who gets the goods of an order, by what is personal of it.
pub(crate) fn consignee(personal: &v1::Order) -> Consignee {
    let customer = personal.customer.clone().unwrap_or_default();
    let address = personal.shipping_address.clone().unwrap_or_default();
    let trimmed = |text: &str| text.trim().to_owned();
    let person = match trimmed(&address.recipient) {
        recipient if recipient.is_empty() => trimmed(&customer.full_name),
        recipient => recipient,
    };
    let (name, contact_person) = match trimmed(&address.organization) {
        company if company.is_empty() => (person, String::new()),
        company => (company, person),
    };
    let lines = address.lines.iter().map(|line| trimmed(line)).filter(|line| !line.is_empty());
    let mut lines = lines.collect::<Vec<_>>().into_iter();
    Consignee {
        name,
        contact_person,
        address: lines.next().unwrap_or_default(),
        more_address: lines.collect::<Vec<_>>().join(", "),
        postal_code: trimmed(&address.postal_code),
        city: trimmed(&address.city),
        country: trimmed(&address.region_code),
        email: customer.email,
        phone: customer.phone.chars().filter(|one| !one.is_whitespace()).collect(),
    }
}

/// The notes for the warehouse, oldest first, in the room there is (3.1).
pub(crate) fn message_of(personal: &v1::Order) -> String {
    let notes = personal.notes.iter().filter(|note| note.audience() == v1::NoteAudience::Warehouse);
    let words = notes.flat_map(|note| note.text.split_whitespace().chain([";"]));
    let text = words.collect::<Vec<_>>().join(" ").replace(" ;", ";");
    let text = text.trim_end_matches(';');
    if text.chars().count() <= MESSAGE_CHARACTERS_MAX {
        return text.to_owned();
    }
    let short: String = text.chars().take(MESSAGE_CHARACTERS_MAX - 1).collect();
    format!("{}…", short.trim_end())
}
