//! Resource names: taking them apart and putting them together.

use std::fmt::Write;

use super::Fields;

/// The longest last part that shops, statuses and providers have.
const SLUG_CHARACTERS_MAX: usize = 40;
/// The longest article number.
pub(crate) const SKU_CHARACTERS_MAX: usize = 100;
const SLUG_RULE: &str = "must have 1 to 40 of a-z, 0-9 and -, beginning with a letter";

/// An order by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OrderName {
    pub(crate) shop: String,
    pub(crate) number: i64,
}

/// Something of a shop by name: its status, its stock item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartName {
    pub(crate) shop: String,
    /// The last part, decoded.
    pub(crate) part: String,
}

impl Fields {
    /// The last part of `shops/{shop}`.
    pub(crate) fn shop(&mut self, field: &str, name: &str) -> String {
        let shop = name.strip_prefix("shops/").filter(|shop| is_slug(shop));
        self.named(field, shop.map(str::to_owned), "shops/{shop}")
    }

    /// The parts of `shops/{shop}/orders/{number}`.
    pub(crate) fn order(&mut self, field: &str, name: &str) -> OrderName {
        self.named(field, order(name), "shops/{shop}/orders/{number}")
    }

    /// The parts of `shops/{shop}/orderStatuses/{status}`.
    pub(crate) fn status(&mut self, field: &str, name: &str) -> PartName {
        let status = parts(name, "orderStatuses").filter(|(_, status)| is_slug(status));
        let status = status
            .map(|(shop, status)| PartName { shop: shop.to_owned(), part: status.to_owned() });
        self.named(field, status, "shops/{shop}/orderStatuses/{status}")
    }

    /// The parts of `shops/{shop}/integrations/{integration}`.
    pub(crate) fn integration(&mut self, field: &str, name: &str) -> PartName {
        let integration = parts(name, "integrations").filter(|(_, part)| is_slug(part));
        let integration = integration
            .map(|(shop, part)| PartName { shop: shop.to_owned(), part: part.to_owned() });
        self.named(field, integration, "shops/{shop}/integrations/{integration}")
    }

    /// The last part of a status of this shop.
    pub(crate) fn status_of(&mut self, field: &str, name: &str, shop: &str) -> String {
        let status = self.status(field, name);
        self.same_shop(field, &status.shop, shop);
        status.part
    }

    /// The last part of an integration of this shop.
    pub(crate) fn integration_of(&mut self, field: &str, name: &str, shop: &str) -> String {
        let integration = self.integration(field, name);
        self.same_shop(field, &integration.shop, shop);
        integration.part
    }

    /// The number of an order of this shop.
    pub(crate) fn order_of(&mut self, field: &str, name: &str, shop: &str) -> i64 {
        let order = self.order(field, name);
        self.same_shop(field, &order.shop, shop);
        order.number
    }

    /// The parts of `shops/{shop}/stockItems/{sku}`, the sku decoded.
    pub(crate) fn stock_item(&mut self, field: &str, name: &str) -> PartName {
        let item = parts(name, "stockItems").and_then(|(shop, sku)| {
            let part = decode(sku).filter(|sku| is_sku(sku))?;
            Some(PartName { shop: shop.to_owned(), part })
        });
        self.named(field, item, "shops/{shop}/stockItems/{sku} with the sku percent-encoded")
    }

    /// A last part that the caller chooses.
    pub(crate) fn slug(&mut self, field: &str, slug: String) -> String {
        self.check(is_slug(&slug), field, SLUG_RULE);
        slug
    }

    fn named<Name: Default>(&mut self, field: &str, name: Option<Name>, form: &str) -> Name {
        name.unwrap_or_else(|| {
            self.refuse(field, format!("must be {form}"));
            Name::default()
        })
    }

    fn same_shop(&mut self, field: &str, shop: &str, other: &str) {
        // A name that is wrong by itself has been told already.
        if !shop.is_empty() && !other.is_empty() && shop != other {
            self.refuse(field, "must be of the same shop");
        }
    }
}

/// The number in an order's name.
pub(crate) fn order_number(name: &str) -> Option<i64> {
    order(name).map(|order| order.number)
}

/// `shops/{shop}`.
pub(crate) fn shop_name(shop: &str) -> String {
    format!("shops/{shop}")
}

/// `shops/{shop}/orders/{number}`.
pub(crate) fn order_name(shop: &str, number: i64) -> String {
    format!("shops/{shop}/orders/{number}")
}

/// `shops/{shop}/orderStatuses/{status}`.
pub(crate) fn status_name(shop: &str, status: &str) -> String {
    format!("shops/{shop}/orderStatuses/{status}")
}

/// `shops/{shop}/integrations/{integration}`.
pub(crate) fn integration_name(shop: &str, integration: &str) -> String {
    format!("shops/{shop}/integrations/{integration}")
}

/// `shops/{shop}/stockItems/{sku}`, the sku percent-encoded.
pub(crate) fn stock_item_name(shop: &str, sku: &str) -> String {
    let mut name = format!("shops/{shop}/stockItems/");
    for byte in sku.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

fn order(name: &str) -> Option<OrderName> {
    let (shop, digits) = parts(name, "orders")?;
    // One order has one name: no leading zero, no sign.
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| is_plain)?;
    Some(OrderName { shop: shop.to_owned(), number })
}

/// The shop and the last part of `shops/{shop}/{collection}/{part}`.
fn parts<'a>(name: &'a str, collection: &str) -> Option<(&'a str, &'a str)> {
    let (shop, rest) = name.strip_prefix("shops/")?.split_once('/')?;
    let part = rest.strip_prefix(collection)?.strip_prefix('/')?;
    (is_slug(shop) && !part.is_empty() && !part.contains('/')).then_some((shop, part))
}

fn is_slug(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    text.len() <= SLUG_CHARACTERS_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(is_allowed)
}

fn is_sku(sku: &str) -> bool {
    (1..=SKU_CHARACTERS_MAX).contains(&sku.chars().count())
        && !sku.trim().is_empty()
        && !sku.chars().any(char::is_control)
}

/// The text of a percent-encoded part.
fn decode(part: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}
