//! The customer of an entry at Tripletex: found by organisation number or e-mail address, else made.

use std::time::Duration;

use reqwest::Method;

use super::answers::Stop;
use super::mark;
use super::messages::{CUSTOMER_FIELDS, FoundCustomer, Id, List, NewAddress, NewCustomer, One};
use super::session::Session;
use crate::accounting::entry::Buyer;
use crate::accounting::{Entry, SoleMaker};

/// Of a Norwegian company.
const ORGANIZATION_DIGITS: usize = 9;
/// When to look again for a customer that somebody else is making.
const OTHER_IS_AT_IT: Duration = Duration::from_secs(1);

/// By what a customer is known.
enum Known {
    Organization(String),
    /// And by name: families share addresses, and an invoice names who bought.
    Email(String),
    /// By nothing but the entry it was made for.
    Entry(String),
}

impl Session {
    /// The id of the entry's customer. Of all entries of a buyer one alone makes it: two that find
    /// nothing at the same moment would make two. Where it is in doubt whether it was made, the others
    /// wait until that could be seen.
    pub(super) async fn customer(
        &self,
        entry: &Entry,
        maker: &impl SoleMaker,
    ) -> Result<i64, Stop> {
        let known = known(entry);
        if let Some(id) = self.find_customer(entry, &known).await? {
            return Ok(id);
        }
        let making = self.name_of_making(&known.mark(name(&entry.buyer)));
        if !maker.begin(making).await {
            let words = "the customer is being made for another order".to_owned();
            return Err(Stop::Later(Some(OTHER_IS_AT_IT), words));
        }
        let made = match self.find_customer(entry, &known).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => self.make_customer(entry, &known).await,
            Err(stop) => Err(stop),
        };
        if !matches!(made, Err(Stop::Doubt(_))) {
            maker.end(making).await;
        }
        made
    }

    async fn find_customer(&self, entry: &Entry, known: &Known) -> Result<Option<i64>, Stop> {
        let buyer = &entry.buyer;
        let asked = match known {
            Known::Organization(number) => ("organizationNumber", number.clone()),
            Known::Email(email) => ("email", email.clone()),
            Known::Entry(_) => ("customerName", name(buyer).to_owned()),
        };
        let query = [asked, ("fields", CUSTOMER_FIELDS.to_owned())];
        let found: List<FoundCustomer> = self.read("/customer", &query).await?;
        let same = found.values.iter().filter(|one| is_same(known, buyer, one));
        Ok(same.map(|one| one.id).min())
    }

    /// Nobody is mailed by this: how invoices are sent is only asked when one is to be sent.
    async fn make_customer(&self, entry: &Entry, known: &Known) -> Result<i64, Stop> {
        let Buyer { email, phone, address, language, .. } = &entry.buyer;
        let country = match address.region_code.as_str() {
            "" => None,
            code => self.country(code).await?.map(|id| Id { id }),
        };
        let (first, others) = address
            .lines
            .split_first()
            .map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
        let (organization_number, description) = match known {
            Known::Organization(number) => (number.as_str(), ""),
            Known::Email(_) => ("", ""),
            Known::Entry(mark) => ("", mark.as_str()),
        };
        let is_norwegian =
            ["nb", "nn", "no"].contains(&language.split('-').next().unwrap_or_default());
        let customer = NewCustomer {
            name: name(&entry.buyer),
            // A company is taken for one that gets its invoices electronically, and most cannot.
            is_private_individual: entry.buyer.organization_number.is_empty(),
            invoice_send_method: if email.is_empty() { "MANUAL" } else { "EMAIL" },
            language: if is_norwegian { "NO" } else { "EN" },
            email,
            invoice_email: email,
            phone_number_mobile: phone,
            organization_number,
            description,
            postal_address: NewAddress {
                address_line1: first,
                address_line2: others.join(", "),
                postal_code: &address.postal_code,
                city: &address.city,
                country,
            },
        };
        let made: One<Id> = self.write(Method::POST, "/customer", &[], Some(&customer)).await?;
        Ok(made.value.id)
    }
}

impl Known {
    /// The same for all that would be found as one customer.
    fn mark(&self, name: &str) -> String {
        match self {
            Self::Organization(number) => format!("organization\n{number}"),
            Self::Email(email) => format!("email\n{}\n{}", alike(email), alike(name)),
            Self::Entry(mark) => format!("entry\n{mark}"),
        }
    }
}

/// A company is invoiced by its own name.
fn name(buyer: &Buyer) -> &str {
    let is_company =
        !buyer.organization_number.is_empty() && !buyer.address.organization.is_empty();
    if is_company { &buyer.address.organization } else { &buyer.name }
}

fn known(entry: &Entry) -> Known {
    let digits = digits(&entry.buyer.organization_number);
    if digits.len() == ORGANIZATION_DIGITS {
        Known::Organization(digits)
    } else if entry.buyer.email.is_empty() {
        Known::Entry(mark(entry))
    } else {
        Known::Email(entry.buyer.email.clone())
    }
}

fn is_same(known: &Known, buyer: &Buyer, customer: &FoundCustomer) -> bool {
    let has_name = || is_like(customer.name.as_ref(), name(buyer));
    match known {
        Known::Organization(number) => {
            customer.organization_number.as_deref().map(digits).as_ref() == Some(number)
        }
        Known::Email(email) => is_like(customer.email.as_ref(), email) && has_name(),
        Known::Entry(mark) => customer.description.as_ref() == Some(mark) && has_name(),
    }
}

fn is_like(found: Option<&String>, text: &str) -> bool {
    found.is_some_and(|found| alike(found) == alike(text))
}

fn alike(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Of a Norwegian organisation number, however it is written.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
