//! Consignments: what is asked for, and what agreements allow.

use jiff::Timestamp;
use serde::Deserialize;

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
    pub(super) parts: Parts,
    pub(super) items: Items,
    services: Services,
    pub(super) references: References,
    pub(super) messages: Messages,
    pub(super) values: Values,
    transfer: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parts {
    pub(super) consignee: Consignee,
    pub(super) service_partner: Option<Partner>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Consignee {
    pub(super) name: String,
    pub(super) address1: String,
    pub(super) address2: String,
    pub(super) postcode: String,
    pub(super) city: String,
    pub(super) country: String,
    pub(super) email: String,
    pub(super) mobile: String,
    pub(super) contact_person: String,
    pub(super) customer_number: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Partner {
    pub(super) number: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Items {
    #[serde(rename = "item")]
    pub(super) items: Vec<Item>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    #[serde(rename = "@type")]
    pub(super) kind: String,
    #[serde(rename = "@amount")]
    pub(super) amount: String,
    /// Kilogrammes.
    #[serde(rename = "@weight")]
    pub(super) weight: String,
    #[serde(rename = "@description")]
    pub(super) description: String,
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
    pub(super) consignee: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Messages {
    pub(super) carrier: String,
    pub(super) consignee: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Values {
    #[serde(rename = "value")]
    pub(super) values: Vec<Pair>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pair {
    #[serde(rename = "@name")]
    pub(super) name: String,
    #[serde(rename = "@value")]
    pub(super) value: String,
}

/// What a carrier has agreed to.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) id: u32,
    /// The carrier's own.
    pub(super) number: &'static str,
    pub(super) description: &'static str,
    /// Its carrier's identifier and name.
    pub(super) carrier: (&'static str, &'static str),
    pub(super) products: &'static [Product],
}

#[derive(Debug)]
pub(super) struct Product {
    pub(super) id: u32,
    pub(super) identifier: &'static str,
    pub(super) name: &'static str,
    pub(super) items_max: usize,
    /// Grammes of one item.
    grammes_max: u64,
    needs_mobile: bool,
    needs_partner: bool,
    /// Identifiers and names.
    pub(super) services: &'static [(&'static str, &'static str)],
}

/// What is to be sent, and on whose terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreed {
    pub(super) agreement: &'static Agreement,
    pub(super) product: &'static Product,
}

/// One that was made.
#[derive(Clone, Debug)]
pub(super) struct Consignment {
    pub(super) id: i64,
    pub(super) is_printed: bool,
    pub(super) asked: Asked,
    pub(super) agreed: Agreed,
    pub(super) made_at: Timestamp,
    pub(super) transferred_at: Option<Timestamp>,
}

pub(super) const AGREEMENTS: [Agreement; 2] = [
    Agreement {
        id: 1357,
        number: "20123456",
        description: "Nettbutikk",
        carrier: ("bring2", "Bring"),
        products: &[
            Product {
                id: 271,
                identifier: "bring2_business_parcel",
                name: "Bedriftspakke",
                items_max: 99,
                grammes_max: 35_000,
                needs_mobile: false,
                needs_partner: false,
                services: &[("bring2_e_varsle_for_utlevering", "eVarsle for utlevering")],
            },
            Product {
                id: 279,
                identifier: "bring2_parcel_pickup_point",
                name: "Pakke til hentested",
                items_max: 1,
                grammes_max: 35_000,
                needs_mobile: false,
                needs_partner: true,
                services: &[],
            },
        ],
    },
    Agreement {
        id: 1358,
        number: "0123456789",
        description: "Nettbutikk, små pakker",
        carrier: ("postnord", "PostNord"),
        products: &[
            Product {
                id: 318,
                identifier: "postnord_mypack_small",
                name: "MyPack Small",
                items_max: 1,
                grammes_max: 10_000,
                needs_mobile: true,
                needs_partner: false,
                services: &[],
            },
            Product {
                id: 319,
                identifier: "mypack",
                name: "MyPack",
                items_max: 1,
                grammes_max: 35_000,
                needs_mobile: false,
                needs_partner: false,
                services: &[],
            },
        ],
    },
];
const ITEM_TYPES: [&str; 2] = ["package", "pallet"];
/// So many pieces have numbers of their own.
const PIECES_MAX: i64 = 100;

impl Asked {
    /// What is agreed on, or all that is wrong.
    pub(super) fn check(&self) -> Result<Agreed, Vec<String>> {
        let id = self.agreement.parse::<u32>().ok();
        let Some(agreement) = AGREEMENTS.iter().find(|one| Some(one.id) == id) else {
            return Err(vec!["Missing transport agreement".to_owned()]);
        };
        let products = agreement.products;
        let Some(product) = products.iter().find(|one| one.identifier == self.product) else {
            return Err(vec!["Product not in transport agreement".to_owned()]);
        };
        let mut wrong = Vec::new();
        let is_known = |id: &str| product.services.iter().any(|(known, _)| *known == id);
        if self.services.services.iter().any(|one| !is_known(&one.id)) {
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
        if wrong.is_empty() { Ok(Agreed { agreement, product }) } else { Err(wrong) }
    }

    fn check_items(&self, product: &Product, wrong: &mut Vec<String>) {
        let items = &self.items.items;
        let amount: usize = items.iter().map(Item::pieces).sum();
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

impl Item {
    /// Of its kind.
    pub(super) fn abbreviation(&self) -> &'static str {
        if self.kind == "pallet" { "PL" } else { "PK" }
    }

    pub(super) fn pieces(&self) -> usize {
        self.amount.parse().unwrap_or(0)
    }
}

/// Of kilogrammes with at most three decimals.
fn grammes(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_short = fraction.len() <= 3;
    is_short.then(|| format!("{whole}{fraction:0<3}").parse().ok())?
}

impl Consignment {
    pub(super) fn new(id: i64, asked: Asked, agreed: Agreed, now: Timestamp) -> Self {
        let transferred_at = asked.is_to_transfer().then_some(now);
        Self { id, is_printed: false, asked, agreed, made_at: now, transferred_at }
    }

    /// What searches look into.
    pub(super) fn reference(&self) -> &str {
        &self.asked.references.consignor
    }

    pub(super) fn is_transferred(&self) -> bool {
        self.transferred_at.is_some()
    }

    /// The ids of its pieces, item after item.
    pub(super) fn piece_ids(&self) -> impl Iterator<Item = i64> {
        let amount: usize = self.asked.items.items.iter().map(Item::pieces).sum();
        let first = self.id * PIECES_MAX;
        (first..first + PIECES_MAX).take(amount)
    }
}
