//! Who buys: people and companies with their addresses, phones and e-mail.

use fastrand::Rng;
use order_proto::v1::{Address, Customer};

use crate::names::{COMPANY_ENDINGS, COMPANY_NAMES, FAMILY_NAMES, GIVEN_NAMES};
use crate::places::{self, Place};

/// Where an order goes. Abroad is an export: without VAT, in the buyer's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Country {
    Norway,
    Sweden,
    Denmark,
    Finland,
    Germany,
}

#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    pub(crate) id: String,
    full_name: String,
    email: String,
    phone: String,
    /// Empty for people.
    organization_number: String,
    pub(crate) address: Address,
    pub(crate) country: Country,
    pub(crate) language: &'static str,
}

/// Domains that reach nobody (RFC 2606) and look like no provider of mail.
const DOMAINS: [&str; 6] = [
    "example.com",
    "example.net",
    "example.org",
    "epost.example",
    "nordlys.example",
    "fjordnett.example",
];
/// Slips that the shop should warn of.
const MISTYPED_DOMAINS: [&str; 9] = [
    "gmail.cm",
    "gmail.con",
    "gmial.com",
    "gmal.com",
    "hotmial.com",
    "hotmail.cm",
    "outlok.com",
    "iclod.com",
    "mail.com",
];
const MISTYPED_PER_MILLE: u32 = 20;
const BUSINESS_PERCENT: u32 = 7;
/// Goods go to another address than the bill.
const OTHER_ADDRESS_PERCENT: u32 = 9;

impl Country {
    /// ISO 4217.
    pub(crate) fn currency(self) -> &'static str {
        match self {
            Self::Norway => "NOK",
            Self::Sweden => "SEK",
            Self::Denmark => "DKK",
            Self::Finland | Self::Germany => "EUR",
        }
    }

    /// ISO 3166-1 alpha-2.
    fn region(self) -> &'static str {
        match self {
            Self::Norway => "NO",
            Self::Sweden => "SE",
            Self::Denmark => "DK",
            Self::Finland => "FI",
            Self::Germany => "DE",
        }
    }
}

impl Buyer {
    pub(crate) fn is_business(&self) -> bool {
        !self.organization_number.is_empty()
    }

    pub(crate) fn customer(&self) -> Customer {
        Customer {
            id: self.id.clone(),
            full_name: self.full_name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            organization_number: self.organization_number.clone(),
        }
    }

    /// Mostly the buyer's own; sometimes a gift or a cabin.
    pub(crate) fn shipping_address(&self, random: &mut Rng) -> Option<Address> {
        let is_other =
            self.country == Country::Norway && random.u32(0..100) < OTHER_ADDRESS_PERCENT;
        if is_other {
            let recipient = person(random).full();
            let place = pick(random, places::NORWAY)?;
            return Some(Address { recipient, ..address(random, place, self.country) });
        }
        Some(self.address.clone())
    }
}

/// Somebody new.
pub(crate) fn buyer(random: &mut Rng) -> Buyer {
    let country = country(random);
    let is_business = country == Country::Norway && random.u32(0..100) < BUSINESS_PERCENT;
    let person = person(random);
    let place = pick(random, places::of(country)).unwrap_or(&places::OSLO);
    let mut address = address(random, place, country);
    let mut organization_number = String::new();
    if is_business {
        address.organization = company(random);
        organization_number = organization(random);
    }
    Buyer {
        id: format!("K-{:06}", random.u32(10_000..1_000_000)),
        email: email(random, &person),
        phone: phone(random, country),
        full_name: person.full(),
        organization_number,
        address,
        country,
        language: language(random, country),
    }
}

struct Person {
    given: String,
    family: &'static str,
}

impl Person {
    fn full(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

fn person(random: &mut Rng) -> Person {
    let mut given = pick(random, GIVEN_NAMES).copied().unwrap_or("Kari").to_owned();
    if random.u32(0..100) < 8 {
        let second = pick(random, GIVEN_NAMES).copied().unwrap_or("Ola");
        given = format!("{given} {second}");
    }
    Person { given, family: pick(random, FAMILY_NAMES).copied().unwrap_or("Nordmann") }
}

fn country(random: &mut Rng) -> Country {
    match random.u32(0..1000) {
        0..960 => Country::Norway,
        960..980 => Country::Sweden,
        980..990 => Country::Denmark,
        990..995 => Country::Finland,
        _ => Country::Germany,
    }
}

fn language(random: &mut Rng, country: Country) -> &'static str {
    match country {
        Country::Norway => match random.u32(0..100) {
            0..88 => "nb",
            88..93 => "nn",
            _ => "en",
        },
        Country::Sweden => "sv",
        Country::Denmark => "da",
        Country::Finland | Country::Germany => "en",
    }
}

fn address(random: &mut Rng, place: &Place, country: Country) -> Address {
    let street = pick(random, places::streets(country)).copied().unwrap_or("Storgata");
    let number = random.u32(1..=98);
    let letter = if random.u32(0..100) < 18 {
        ["A", "B", "C", "D"].get(random.usize(0..4)).copied().unwrap_or_default()
    } else {
        ""
    };
    let mut lines = vec![format!("{street} {number}{letter}")];
    if random.u32(0..100) < 6 {
        lines.push(format!("Leilighet H0{}0{}", random.u32(1..=9), random.u32(1..=6)));
    }
    Address {
        lines,
        postal_code: place.postal_code.to_owned(),
        city: place.town.to_owned(),
        region_code: country.region().to_owned(),
        ..Address::default()
    }
}

fn phone(random: &mut Rng, country: Country) -> String {
    let digits = random.u32(0..10_000_000);
    let (first, middle, last) = (digits / 100_000 % 100, digits / 1_000 % 100, digits % 1_000);
    match country {
        Country::Norway => {
            let lead = if random.u32(0..2) == 0 { 4 } else { 9 };
            match random.u32(0..3) {
                0 => format!("{lead}{first:02}{middle:02}{last:03}"),
                1 => format!("{lead}{first:02} {middle:02} {last:03}"),
                _ => format!("+47 {lead}{first:02} {middle:02} {last:03}"),
            }
        }
        Country::Sweden => format!("+46 70 {last:03} {first:02} {middle:02}"),
        Country::Denmark => {
            format!("+45 2{:01} {first:02} {middle:02} {:02}", last % 10, last / 10)
        }
        Country::Finland => format!("+358 40 {last:03} {first:02}{middle:02}"),
        Country::Germany => format!("+49 151 {last:03}{first:02}{middle:02}"),
    }
}

fn email(random: &mut Rng, person: &Person) -> String {
    let given = ascii(&person.given);
    let family = ascii(person.family);
    let initial = given.get(..1).unwrap_or("k").to_owned();
    let local = match random.u32(0..5) {
        0 | 1 => format!("{given}.{family}"),
        2 => format!("{given}{:02}", random.u32(50..100)),
        3 => format!("{initial}{family}{}", random.u32(1..100)),
        _ => format!("{family}.{given}"),
    };
    let is_mistyped = random.u32(0..1000) < MISTYPED_PER_MILLE;
    let domain = if is_mistyped { pick(random, &MISTYPED_DOMAINS) } else { pick(random, &DOMAINS) };
    format!("{local}@{}", domain.copied().unwrap_or("example.com"))
}

/// A name as people write it in an address.
fn ascii(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'æ' => out.push_str("ae"),
            'ø' | 'ö' => out.push('o'),
            'å' | 'ä' | 'á' => out.push('a'),
            'é' | 'è' => out.push('e'),
            ' ' => out.push('.'),
            'a'..='z' | '-' => out.push(letter),
            _ => {}
        }
    }
    out
}

fn company(random: &mut Rng) -> String {
    let name = pick(random, COMPANY_NAMES).copied().unwrap_or("Fjellheim");
    let ending = pick(random, COMPANY_ENDINGS).copied().unwrap_or("AS");
    format!("{name} {ending}")
}

/// Nine digits with the check digit of the register of companies.
fn organization(random: &mut Rng) -> String {
    const WEIGHTS: [u32; 8] = [3, 2, 7, 6, 5, 4, 3, 2];
    loop {
        let number = random.u32(81_000_000..100_000_000);
        let mut rest = number;
        let mut sum = 0;
        for weight in WEIGHTS.iter().rev() {
            sum += rest % 10 * weight;
            rest /= 10;
        }
        match 11 - sum % 11 {
            10 => {}
            11 => return format!("{number}0"),
            check => return format!("{number}{check}"),
        }
    }
}

fn pick<'a, T>(random: &mut Rng, list: &'a [T]) -> Option<&'a T> {
    list.get(random.usize(0..list.len()))
}
