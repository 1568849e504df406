//! A consignment as Cargonizer wants it: XML that is escaped to the last quote, for it breaks at less.

use quick_xml::se::{QuoteLevel, Serializer};
use serde::Serialize;

use super::reading::KEY;
use crate::labels::{Asked, Consignee};

#[derive(Serialize)]
struct Consignments {
    consignment: Consignment,
}

#[derive(Serialize)]
struct Consignment {
    #[serde(rename = "@transport_agreement")]
    transport_agreement: String,
    /// Else it is printed at once, wherever its user prints.
    #[serde(rename = "@print")]
    print: bool,
    #[serde(rename = "@estimate")]
    estimate: bool,
    values: Values,
    product: String,
    parts: Parts,
    items: Items,
    references: References,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Messages>,
}

#[derive(Serialize)]
struct Values {
    value: Vec<Pair>,
}

#[derive(Serialize)]
struct Pair {
    #[serde(rename = "@name")]
    name: &'static str,
    #[serde(rename = "@value")]
    value: String,
}

#[derive(Serialize)]
struct Parts {
    consignee: Receiver,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Receiver {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    address1: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    address2: String,
    postcode: String,
    city: String,
    country: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mobile: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    contact_person: String,
}

#[derive(Serialize)]
struct Items {
    item: Item,
}

#[derive(Serialize)]
struct Item {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@amount")]
    amount: u8,
    /// Kilogrammes.
    #[serde(rename = "@weight")]
    weight: String,
}

#[derive(Serialize)]
struct References {
    consignor: String,
}

#[derive(Serialize)]
struct Messages {
    carrier: String,
}

/// Who asks, as Cargonizer wishes to know. It wishes for an e-mail address of theirs too, and nobody
/// here has one: whoever sells is the shop, and not who answers for this software.
const PROVIDER: &str = "order-service";
/// Shorter words are in too many sentences to be anybody's.
const NAME_CHARACTERS_MIN: usize = 4;

/// The body that asks for a consignment; `None` where it cannot be written.
pub(super) fn consignment(asked: &Asked) -> Option<String> {
    let Asked { key, reference, order, parcel, consignee, message } = asked;
    let pair = |name, value| Pair { name, value };
    let values = vec![
        pair(KEY, key.to_string()),
        pair("order", order.to_string()),
        pair("provider", PROVIDER.to_owned()),
    ];
    let message = clean(message);
    let consignment = Consignment {
        transport_agreement: clean(&parcel.transport_agreement),
        print: false,
        estimate: false,
        values: Values { value: values },
        product: clean(&parcel.product),
        parts: Parts { consignee: receiver(consignee) },
        items: Items {
            item: Item { kind: "package", amount: 1, weight: kilogrammes(parcel.weight_grams) },
        },
        references: References { consignor: reference.clone() },
        messages: (!message.is_empty()).then_some(Messages { carrier: message }),
    };
    let mut body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let mut writer = Serializer::with_root(&mut body, Some("consignments")).ok()?;
    writer.set_quote_level(QuoteLevel::Full);
    Consignments { consignment }.serialize(writer).ok()?;
    Some(body)
}

/// Words of Cargonizer without what is personal of the consignment.
pub(super) fn impersonal(words: &str, asked: &Asked) -> String {
    let Consignee { name, contact_person, address, more_address, email, phone, .. } =
        &asked.consignee;
    let personal = [name, contact_person, address, more_address, email, phone, &asked.message];
    let known = personal.into_iter().filter(|text| text.chars().count() >= NAME_CHARACTERS_MIN);
    known.fold(words.to_owned(), |words, text| words.replace(text.as_str(), "…"))
}

fn receiver(consignee: &Consignee) -> Receiver {
    let Consignee {
        name,
        contact_person,
        address,
        more_address,
        postal_code,
        city,
        country,
        email,
        phone,
    } = consignee;
    Receiver {
        name: clean(name),
        address1: clean(address),
        address2: clean(more_address),
        postcode: clean(postal_code),
        city: clean(city),
        country: clean(country),
        email: clean(email),
        mobile: clean(phone),
        contact_person: clean(contact_person),
    }
}

/// With no more decimals than needed.
fn kilogrammes(grams: i32) -> String {
    let text = format!("{}.{:03}", grams / 1_000, grams % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Without what cannot stand in XML, escaped or not.
fn clean(text: &str) -> String {
    let allowed = |one: &char| !matches!(one, '\u{fffe}' | '\u{ffff}');
    let visible = |one: char| if one.is_control() { ' ' } else { one };
    text.chars().filter(allowed).map(visible).collect()
}
