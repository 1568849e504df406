//! Tells persons and their orders without storing who they are: digests of what names them.

use order_proto::v1;

use super::{Shop, key_material};

/// Names the use of the key.
const CONTEXT: &str = "orders.v1 2026-11-25 persons of a shop";
const DIGEST_LENGTH: usize = 16;

/// What names a person in a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PersonName {
    Email(String),
    CustomerId(String),
}

/// The same for the same customer, by which a double purchase shows (7.1): by e-mail, else by the shop's
/// own id, else by telephone.
pub(crate) fn customer_key(customer: &v1::Customer) -> String {
    let digits: String = customer.phone.chars().filter(char::is_ascii_digit).collect();
    let (kind, value) = if !customer.email.is_empty() {
        ("email", customer.email.to_lowercase())
    } else if !customer.id.is_empty() {
        ("id", customer.id.clone())
    } else if !digits.is_empty() {
        ("phone", digits)
    } else {
        return String::new();
    };
    blake3::hash(format!("{kind}\n{value}").as_bytes()).to_hex().to_string()
}

impl Shop {
    /// The digest under which a person's orders are found; other shops have others.
    pub(crate) fn person(&self, name: &PersonName) -> Vec<u8> {
        let key = blake3::derive_key(CONTEXT, key_material(&self.row).as_bytes());
        let text = match name {
            PersonName::Email(email) => format!("email\n{}", email.trim().to_lowercase()),
            PersonName::CustomerId(id) => format!("id\n{id}"),
        };
        let mut digest = vec![0; DIGEST_LENGTH];
        blake3::Hasher::new_keyed(&key).update(text.as_bytes()).finalize_xof().fill(&mut digest);
        digest
    }

    /// The digests of all that names the customer of an order.
    pub(crate) fn persons(&self, personal: &v1::Order) -> Vec<Vec<u8>> {
        let Some(customer) = &personal.customer else { return Vec::new() };
        let email = Some(&customer.email).filter(|email| !email.is_empty());
        let id = Some(&customer.id).filter(|id| !id.is_empty());
        let names = email.map(|email| PersonName::Email(email.clone()));
        let ids = id.map(|id| PersonName::CustomerId(id.clone()));
        names.iter().chain(&ids).map(|name| self.person(name)).collect()
    }
}
