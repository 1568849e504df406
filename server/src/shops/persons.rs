//! Finds a person's orders without storing who it is: keyed digests of what names them.

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
