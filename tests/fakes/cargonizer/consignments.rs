//! Consignments: what is asked for, what agreements allow, and how they are told.

use jiff::Timestamp;
use quick_xml::escape::escape;
use serde::Deserialize;

use super::xml::{around, array, text, text_or_nil, typed};

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(rename = "consignment", default)]
    pub(super) consignments: Vec<Asked>,
}

/// One that is asked for. Everything may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    #[serde(rename = "@transport_agreement")]
    agreement: String,
    #[serde(rename = "@print")]
    print: String,
    product: String,
    parts: Parts,
    items: Items,
    services: Services,
    pub(super) references: References,
    messages: Messages,
    values: Values,
    transfer: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Parts {
    consignee: Consignee,
    service_partner: Option<Partner>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Consignee {
    name: String,
    address1: String,
    address2: String,
    postcode: String,
    city: String,
    country: String,
    email: String,
    mobile: String,
    contact_person: String,
    customer_number: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Partner {
    number: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Items {
    #[serde(rename = "item")]
    items: Vec<Item>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(rename = "@amount")]
    amount: String,
    /// Kilogrammes.
    #[serde(rename = "@weight")]
    weight: String,
    #[serde(rename = "@description")]
    description: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Services {
    #[serde(rename = "service")]
    services: Vec<Service>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    #[serde(rename = "@id")]
    id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct References {
    pub(super) consignor: String,
    consignee: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Messages {
    carrier: String,
    consignee: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Values {
    #[serde(rename = "value")]
    values: Vec<Pair>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Pair {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@value")]
    value: String,
}

/// What a carrier has agreed to.
#[derive(Debug)]
pub(super) struct Product {
    pub(super) agreement: u32,
    pub(super) carrier: &'static str,
    pub(super) identifier: &'static str,
    pub(super) name: &'static str,
    pub(super) items_max: usize,
    /// Grammes of one item.
    grammes_max: u64,
    needs_mobile: bool,
    needs_partner: bool,
    pub(super) services: &'static [&'static str],
}

/// One that was made.
#[derive(Clone, Debug)]
pub(super) struct Consignment {
    pub(super) id: i64,
    pub(super) is_transferred: bool,
    pub(super) is_printed: bool,
    asked: Asked,
    product: &'static Product,
    at: Timestamp,
}

pub(super) const PRODUCTS: [Product; 4] = [
    Product {
        agreement: 1357,
        carrier: "bring2",
        identifier: "bring2_business_parcel",
        name: "Bedriftspakke",
        items_max: 99,
        grammes_max: 35_000,
        needs_mobile: false,
        needs_partner: false,
        services: &["bring2_e_varsle_for_utlevering"],
    },
    Product {
        agreement: 1357,
        carrier: "bring2",
        identifier: "bring2_parcel_pickup_point",
        name: "Pakke til hentested",
        items_max: 1,
        grammes_max: 35_000,
        needs_mobile: false,
        needs_partner: true,
        services: &[],
    },
    Product {
        agreement: 1358,
        carrier: "postnord",
        identifier: "postnord_mypack_small",
        name: "MyPack Small",
        items_max: 1,
        grammes_max: 10_000,
        needs_mobile: true,
        needs_partner: false,
        services: &[],
    },
    Product {
        agreement: 1358,
        carrier: "postnord",
        identifier: "mypack",
        name: "MyPack",
        items_max: 1,
        grammes_max: 35_000,
        needs_mobile: false,
        needs_partner: false,
        services: &[],
    },
];
const ITEM_TYPES: [&str; 2] = ["package", "pallet"];
const NUMBER_BASE: i64 = 401_707_121_900_000_000;
const PIECE_BASE: i64 = 3_707_121_900_000_000;

impl Asked {
    /// What is agreed on, or all that is wrong.
    pub(super) fn check(&self) -> Result<&'static Product, Vec<String>> {
        let agreement = self.agreement.parse::<u32>().ok();
        let agreed = || PRODUCTS.iter().filter(|one| Some(one.agreement) == agreement);
        if agreed().next().is_none() {
            return Err(vec!["Missing transport agreement".to_owned()]);
        }
        let Some(product) = agreed().find(|one| one.identifier == self.product) else {
            return Err(vec!["Product not in transport agreement".to_owned()]);
        };
        let mut wrong = Vec::new();
        if self.services.services.iter().any(|one| !product.services.contains(&one.id.as_str())) {
            wrong.push("Services er ugyldig".to_owned());
        }
        let consignee = &self.parts.consignee;
        for (name, value) in [
            ("navn", &consignee.name),
            ("postnummer", &consignee.postcode),
            ("poststed", &consignee.city),
            ("land", &consignee.country),
        ] {
            if value.trim().is_empty() {
                wrong.push(format!("Mottakers {name} kan ikke være blank"));
            }
        }
        if product.needs_mobile && consignee.mobile.is_empty() {
            wrong.push("Mottakers mobil kan ikke være blank".to_owned());
        }
        if product.needs_partner && self.parts.service_partner.is_none() {
            wrong.push("Utleveringssted må oppgis".to_owned());
        }
        self.check_items(product, &mut wrong);
        if wrong.is_empty() { Ok(product) } else { Err(wrong) }
    }

    fn check_items(&self, product: &Product, wrong: &mut Vec<String>) {
        let items = &self.items.items;
        let amount: usize = items.iter().map(|one| one.amount.parse::<usize>().unwrap_or(0)).sum();
        if amount == 0 || amount > product.items_max {
            wrong.push(format!("Antall kolli må være mellom 1 og {}", product.items_max));
        }
        for item in items {
            if !ITEM_TYPES.contains(&item.kind.as_str()) {
                wrong.push("Kollitype er ugyldig".to_owned());
            }
            match grammes(&item.weight) {
                Some(weight) if (1..=product.grammes_max).contains(&weight) => {}
                _ => wrong
                    .push(format!("Vekt må være mellom 0 og {} kg", product.grammes_max / 1_000)),
            }
        }
    }

    /// Unless told not to, it is printed at once.
    pub(super) fn is_to_print(&self) -> bool {
        self.print != "false"
    }

    pub(super) fn is_to_transfer(&self) -> bool {
        self.transfer == "true"
    }
}

/// Of kilogrammes with at most three decimals.
fn grammes(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_short = fraction.len() <= 3;
    is_short.then(|| format!("{whole}{fraction:0<3}").parse().ok())?
}

impl Consignment {
    pub(super) fn new(id: i64, asked: Asked, product: &'static Product, at: Timestamp) -> Self {
        let is_transferred = asked.is_to_transfer();
        Self { id, is_transferred, is_printed: false, asked, product, at }
    }

    /// What searches look into.
    pub(super) fn reference(&self) -> &str {
        &self.asked.references.consignor
    }

    pub(super) fn piece_id(&self) -> i64 {
        self.id + 100_000
    }

    /// As it is read, with the addresses of its papers below `origin`.
    pub(super) fn xml(&self, origin: &str, print_result: &str) -> String {
        let at = self.at.to_string();
        let number = NUMBER_BASE + self.id;
        let tracked = format!("{number}{}", number % 10);
        let state = if self.is_transferred { "transferred" } else { "open" };
        let transferred = if self.is_transferred {
            typed("transfer-at", "dateTime", &at)
        } else {
            "<transfer-at type=\"dateTime\" nil=\"true\"/>".to_owned()
        };
        let papers =
            |kind: &str| format!("{origin}/consignments/{kind}?consignment_ids%5B%5D={}", self.id);
        let messages = &self.asked.messages;
        let inside = [
            typed("id", "integer", self.id),
            text("number", &number.to_string()),
            text_or_nil("consignor-reference", self.reference()),
            text_or_nil("consignee-reference", &self.asked.references.consignee),
            typed("transport-agreement-id", "integer", self.product.agreement),
            typed("created-at", "dateTime", &at),
            typed("updated-at", "dateTime", &at),
            text_or_nil("carrier-message", &messages.carrier),
            text_or_nil("consignee-message", &messages.consignee),
            typed("booking-request", "boolean", false),
            text("state", state),
            transferred,
            text("number-with-checksum", &tracked),
            array("bundles", &self.bundles()),
            array("addresses", &self.addresses()),
            "<services type=\"array\"/>".to_owned(),
            self.agreement(),
            self.product(),
            around("values", &self.values()),
            text("consignment-pdf", &papers("label_pdf")),
            text("waybill-pdf", &papers("waybill_pdf")),
            text("tracking-url", &format!("https://sporing.bring.no/sporing/{tracked}")),
            text_or_nil("print-result", print_result),
        ];
        around("consignment", &inside.concat())
    }

    fn bundles(&self) -> String {
        let mut bundles = String::new();
        for (place, item) in (0..).zip(&self.asked.items.items) {
            let piece = self.piece_id() + place;
            let number = format!("00{}", PIECE_BASE + piece);
            let printed = if self.is_printed {
                typed("printed", "boolean", true)
            } else {
                "<printed type=\"boolean\" nil=\"true\"/>".to_owned()
            };
            let inside = [
                typed("id", "integer", piece),
                text("number", &number),
                printed,
                text("number-with-checksum", &format!("{number}{}", piece % 10)),
            ];
            let kind = around("bundle-type", &text("identifier", &item.kind));
            let bundle = [
                // One of the many other ids.
                typed("id", "integer", self.id + 7_000 + place),
                text_or_nil("description", &item.description),
                typed("weight", "float", escape(&item.weight)),
                kind,
                array("pieces", &around("piece", &inside.concat())),
            ];
            bundles.push_str(&around("bundle", &bundle.concat()));
        }
        bundles
    }

    fn addresses(&self) -> String {
        let consignee = &self.asked.parts.consignee;
        let inside = [
            typed("id", "integer", self.id + 40_000),
            text("name", &consignee.name),
            text_or_nil("address1", &consignee.address1),
            text_or_nil("address2", &consignee.address2),
            text("postcode", &consignee.postcode),
            text("city", &consignee.city),
            text("country", &consignee.country),
            text_or_nil("email", &consignee.email),
            text_or_nil("mobile", &consignee.mobile),
            text_or_nil("contact-person", &consignee.contact_person),
            text_or_nil("customer-number", &consignee.customer_number),
        ];
        let consignee = format!("<address type=\"ConsigneeAddress\">{}</address>", inside.concat());
        let partner = self.asked.parts.service_partner.as_ref().map(|partner| {
            let number = text_or_nil("number", &partner.number);
            format!("<address type=\"ServicePartnerAddress\">{number}</address>")
        });
        consignee + &partner.unwrap_or_default()
    }

    fn agreement(&self) -> String {
        let carrier = around("carrier", &text("identifier", self.product.carrier));
        let id = typed("id", "integer", self.product.agreement);
        around("transport-agreement", &(id + &carrier))
    }

    fn product(&self) -> String {
        let inside = text("name", self.product.name) + &text("identifier", self.product.identifier);
        around("product", &inside)
    }

    fn values(&self) -> String {
        let pairs = self.asked.values.values.iter();
        let told = pairs.map(|pair| {
            format!("<value name=\"{}\" value=\"{}\"/>", escape(&pair.name), escape(&pair.value))
        });
        told.collect()
    }
}
