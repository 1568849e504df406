//! What Cargonizer answers, as far as we need it. Whatever may be missing there may be missing here.

use order_proto::v1;
use order_rules::labels::Consignment;
use order_rules::order::Tracking;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::systems;

/// What it says was wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub errors: Vec<String>,
    /// By which its support finds the call.
    pub request_id: Option<String>,
}

/// A consignment as it is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Told {
    id: String,
    number: String,
    number_with_checksum: String,
    consignor_reference: String,
    transport_agreement: Agreement,
    tracking_url: String,
    values: Values,
    errors: Errors,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Consignments {
    #[serde(rename = "consignment")]
    consignments: Vec<Told>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Errors {
    info: Info,
    #[serde(rename = "error")]
    errors: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Info {
    request_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Values {
    #[serde(rename = "value")]
    values: Vec<Pair>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pair {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@value")]
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Agreements {
    #[serde(rename = "transport-agreement")]
    agreements: Vec<Agreement>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Agreement {
    id: String,
    description: String,
    number: String,
    carrier: Named,
    products: Products,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Products {
    #[serde(rename = "product")]
    products: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    id: String,
    identifier: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Printers {
    #[serde(rename = "printer")]
    printers: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Profile {
    managerships: Managerships,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Managerships {
    #[serde(rename = "managership")]
    managerships: Vec<Named>,
}

/// Name of the value that carries our key.
pub(super) const KEY: &str = "label";
const PRODUCTS_MAX: usize = 1_000;
const PRINTERS_MAX: usize = 200;
const HTTPS: &str = "https://";
const TRACKING_URL_CHARACTERS_MAX: usize = 2_000;
const TEXT_CHARACTERS_MAX: usize = 100;

/// What is wrong, wherever it stands.
pub(super) fn errors(body: &[u8]) -> Words {
    // In an answer of another kind nothing of this is found.
    let Errors { info, errors } = read(body).unwrap_or_default();
    let inside =
        consignments(body).unwrap_or_default().into_iter().flat_map(|one| one.errors.errors);
    let said = errors.into_iter().chain(inside).map(|word| word.trim().to_owned());
    Words {
        errors: said.filter(|word| !word.is_empty()).collect(),
        request_id: Some(info.request_id).filter(|id| !id.is_empty()),
    }
}

/// All that an answer says, but for whose it is.
pub(super) fn all(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let without = text.split_once("<info>").and_then(|(before, inside)| {
        let (_, after) = inside.split_once("</info>")?;
        Some([before, after].concat())
    });
    systems::Words::read(without.as_deref().unwrap_or(&text).as_bytes()).rest()
}

/// The consignments of an answer; `None` when it is none.
pub(super) fn consignments(body: &[u8]) -> Option<Vec<Told>> {
    if !is_rooted(body, "consignments") {
        return None;
    }
    read::<Consignments>(body).map(|told| told.consignments)
}

/// The products of all agreements; `None` when it is no such answer.
pub(super) fn products(body: &[u8]) -> Option<Vec<v1::LabelProduct>> {
    if !is_rooted(body, "transport-agreements") {
        return None;
    }
    let told = read::<Agreements>(body)?;
    let products = told.agreements.into_iter().flat_map(|agreement| {
        let carrier = agreement.carrier.title();
        let name = [agreement.description, agreement.number].join(" ");
        agreement.products.products.into_iter().map(move |product| v1::LabelProduct {
            transport_agreement: bounded(&agreement.id),
            agreement_name: bounded(name.trim()),
            carrier: carrier.clone(),
            product: bounded(&product.identifier),
            product_name: product.title(),
        })
    });
    Some(products.take(PRODUCTS_MAX).collect())
}

/// The printers; `None` when it is no such answer.
pub(super) fn printers(body: &[u8]) -> Option<Vec<v1::LabelPrinter>> {
    if !is_rooted(body, "printers") {
        return None;
    }
    let told = read::<Printers>(body)?;
    let printers = told.printers.into_iter().map(|printer| v1::LabelPrinter {
        printer_name: printer.title(),
        printer: bounded(&printer.id),
    });
    Some(printers.take(PRINTERS_MAX).collect())
}

/// The ids by which a user works for senders; `None` when it is no profile.
pub(super) fn managerships(body: &[u8]) -> Option<Vec<String>> {
    if !is_rooted(body, "user") && !is_rooted(body, "profile") {
        return None;
    }
    let told = read::<Profile>(body)?.managerships.managerships;
    Some(told.into_iter().map(|one| one.id).collect())
}

impl Told {
    /// Whether it is ours: not only a part of the reference, and not another's with the same.
    pub(super) fn is(&self, reference: &str, key: Uuid) -> bool {
        let stated = self.values.values.iter().find(|pair| pair.name == KEY);
        self.consignor_reference == reference
            && !self.id.is_empty()
            && stated.is_none_or(|pair| pair.value == key.to_string())
    }

    pub(super) fn number_of_id(&self) -> u64 {
        self.id.parse().unwrap_or(u64::MAX)
    }

    pub(super) fn into_consignment(self) -> Consignment {
        let is_address = self.tracking_url.starts_with(HTTPS)
            && self.tracking_url.len() <= TRACKING_URL_CHARACTERS_MAX
            && !self.tracking_url.chars().any(|one| one.is_whitespace() || one.is_control());
        let url = if is_address { self.tracking_url } else { String::new() };
        // Customers search with what stands last in the address.
        let last = url.rsplit('/').next().filter(|last| !last.is_empty()).map(bounded);
        let number = bounded(&self.number);
        let checked = bounded(&self.number_with_checksum);
        let own = if checked.is_empty() { number.clone() } else { checked };
        let carrier = self.transport_agreement.carrier.title();
        let tracking = Tracking { carrier, number: last.unwrap_or(own), url };
        Consignment { id: bounded(&self.id), number, tracking }
    }
}

impl Named {
    fn title(&self) -> String {
        let title = if self.name.is_empty() { &self.identifier } else { &self.name };
        bounded(title)
    }
}

/// Whether the outermost element has this name: an answer of another kind must not pass for empty.
fn is_rooted(body: &[u8], name: &str) -> bool {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    let Ok(text) = str::from_utf8(body) else { return false };
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start)) => {
                return start.name().as_ref() == name;
            }
            Ok(Event::Eof) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

fn read<Read: DeserializeOwned>(body: &[u8]) -> Option<Read> {
    quick_xml::de::from_str(str::from_utf8(body).ok()?).ok()
}

/// On one line, and not longer than a delivery can hold.
fn bounded(text: &str) -> String {
    let visible = |one: char| if one.is_control() { ' ' } else { one };
    text.trim().chars().map(visible).take(TEXT_CHARACTERS_MAX).collect()
}
