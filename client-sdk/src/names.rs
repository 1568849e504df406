//! Resource names: typed, validated, and free to convert to and from the text of the contract.

use std::fmt;
use std::str::FromStr;

const ID_LENGTH_MAX: usize = 40;
const SKU_LENGTH_MAX: usize = 100;

/// A shop: `shops/{shop}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShopName {
    id: String,
}

/// An order: `shops/{shop}/orders/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderName {
    shop: ShopName,
    number: i64,
}

/// A status of a shop: `shops/{shop}/orderStatuses/{status}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusName {
    shop: ShopName,
    id: String,
}

/// A system outside that a shop works with: `shops/{shop}/integrations/{integration}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntegrationName {
    shop: ShopName,
    id: String,
}

/// A tracked sku: `shops/{shop}/stockItems/{sku}`, percent-encoded in the text, plain in here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StockItemName {
    shop: ShopName,
    sku: String,
}

/// A text that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName {
    text: String,
    wanted: &'static str,
}

impl ShopName {
    /// The shop of this id: 1 to 40 of `a-z`, `0-9` and `-`, beginning with a letter.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidName> {
        let id = id.into();
        if is_id(&id) { Ok(Self { id }) } else { Err(InvalidName::new(&id, "a shop id")) }
    }

    /// The last part of the name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The order of this number, 1 or more, in the shop.
    pub fn order(&self, number: i64) -> Result<OrderName, InvalidName> {
        if number < 1 {
            return Err(InvalidName::new(&number.to_string(), "an order number"));
        }
        Ok(OrderName { shop: self.clone(), number })
    }

    /// The status of this id in the shop.
    pub fn status(&self, id: impl Into<String>) -> Result<StatusName, InvalidName> {
        let id = id.into();
        if is_id(&id) {
            Ok(StatusName { shop: self.clone(), id })
        } else {
            Err(InvalidName::new(&id, "a status id"))
        }
    }

    /// The integration of this id in the shop.
    pub fn integration(&self, id: impl Into<String>) -> Result<IntegrationName, InvalidName> {
        let id = id.into();
        if is_id(&id) {
            Ok(IntegrationName { shop: self.clone(), id })
        } else {
            Err(InvalidName::new(&id, "an integration id"))
        }
    }

    /// The stock item of this sku, as the shop writes it, in the shop.
    pub fn stock_item(&self, sku: impl Into<String>) -> Result<StockItemName, InvalidName> {
        let sku = sku.into();
        let length = sku.chars().count();
        if (1..=SKU_LENGTH_MAX).contains(&length) && !sku.chars().any(char::is_control) {
            Ok(StockItemName { shop: self.clone(), sku })
        } else {
            Err(InvalidName::new(&sku, "a sku"))
        }
    }
}

impl OrderName {
    /// The shop it belongs to.
    #[must_use]
    pub fn shop(&self) -> &ShopName {
        &self.shop
    }

    /// The order's number.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl StatusName {
    /// The shop it belongs to.
    #[must_use]
    pub fn shop(&self) -> &ShopName {
        &self.shop
    }

    /// The last part of the name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl IntegrationName {
    /// The shop it belongs to.
    #[must_use]
    pub fn shop(&self) -> &ShopName {
        &self.shop
    }

    /// The last part of the name: what payments give as their provider.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl StockItemName {
    /// The shop it belongs to.
    #[must_use]
    pub fn shop(&self) -> &ShopName {
        &self.shop
    }

    /// The shop's article number, decoded.
    #[must_use]
    pub fn sku(&self) -> &str {
        &self.sku
    }
}

impl FromStr for ShopName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::new(text, "`shops/{shop}`");
        let id = text.strip_prefix("shops/").ok_or_else(invalid)?;
        Self::new(id).map_err(|_| invalid())
    }
}

impl FromStr for OrderName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::new(text, "`shops/{shop}/orders/{number}`");
        let (shop, number) = child(text, "/orders/").ok_or_else(invalid)?;
        let number: i64 = number.parse().map_err(|_| invalid())?;
        let name = shop.order(number).map_err(|_| invalid())?;
        // One spelling only: neither `+7` nor `007`.
        if name.to_string() == text { Ok(name) } else { Err(invalid()) }
    }
}

impl FromStr for StatusName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::new(text, "`shops/{shop}/orderStatuses/{status}`");
        let (shop, id) = child(text, "/orderStatuses/").ok_or_else(invalid)?;
        shop.status(id).map_err(|_| invalid())
    }
}

impl FromStr for IntegrationName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::new(text, "`shops/{shop}/integrations/{integration}`");
        let (shop, id) = child(text, "/integrations/").ok_or_else(invalid)?;
        shop.integration(id).map_err(|_| invalid())
    }
}

impl FromStr for StockItemName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::new(text, "`shops/{shop}/stockItems/{sku}`");
        let (shop, sku) = child(text, "/stockItems/").ok_or_else(invalid)?;
        let sku = percent_decoded(sku).ok_or_else(invalid)?;
        shop.stock_item(sku).map_err(|_| invalid())
    }
}

impl fmt::Display for ShopName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "shops/{}", self.id)
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/orders/{}", self.shop, self.number)
    }
}

impl fmt::Display for StatusName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/orderStatuses/{}", self.shop, self.id)
    }
}

impl fmt::Display for IntegrationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/integrations/{}", self.shop, self.id)
    }
}

impl fmt::Display for StockItemName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/stockItems/", self.shop)?;
        for byte in self.sku.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                write!(formatter, "{}", char::from(byte))?;
            } else {
                write!(formatter, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

macro_rules! into_text {
    ($($name:ident),+) => {
        $(
            impl From<$name> for String {
                fn from(name: $name) -> Self {
                    name.to_string()
                }
            }

            impl From<&$name> for String {
                fn from(name: &$name) -> Self {
                    name.to_string()
                }
            }
        )+
    };
}

into_text!(ShopName, OrderName, StatusName, IntegrationName, StockItemName);

impl InvalidName {
    fn new(text: &str, wanted: &'static str) -> Self {
        Self { text: text.chars().take(200).collect(), wanted }
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is not {}", self.text, self.wanted)
    }
}

impl std::error::Error for InvalidName {}

/// The shop and the last part of `shops/{shop}{between}{last}`.
fn child<'a>(text: &'a str, between: &str) -> Option<(ShopName, &'a str)> {
    let (shop, last) = text.split_once(between)?;
    Some((shop.parse().ok()?, last))
}

fn is_id(text: &str) -> bool {
    text.len() <= ID_LENGTH_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                decoded.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'/' => return None,
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips<N: FromStr<Err = InvalidName> + fmt::Display>(good: &[&str], bad: &[&str]) {
        for text in good {
            let name: N = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(name.to_string(), *text);
        }
        for text in bad {
            assert!(text.parse::<N>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn names_are_written_as_they_are_read_and_nothing_else_is_taken() {
        let long = format!("shops/{}", "a".repeat(41));
        round_trips::<ShopName>(
            &["shops/default", "shops/a-1"],
            &["", "default", "shops/", "shops/1a", "shops/A", "shops/a/b", "shops/a b", &long],
        );
        round_trips::<OrderName>(
            &["shops/default/orders/1", "shops/a/orders/9223372036854775807"],
            &[
                "shops/a/orders/0",
                "shops/a/orders/-1",
                "shops/a/orders/007",
                "shops/a/orders/+7",
                "shops/a/orders/",
                "shops/a/orders/1/2",
                "shops/A/orders/1",
                "orders/1",
            ],
        );
        round_trips::<StatusName>(
            &["shops/default/orderStatuses/sent", "shops/a/orderStatuses/in-transit-2"],
            &["shops/a/orderStatuses/Sent", "shops/a/orderStatuses/", "shops/a/statuses/sent"],
        );
        round_trips::<IntegrationName>(
            &["shops/default/integrations/klarna", "shops/a/integrations/klarna-se"],
            &["shops/a/integrations/Klarna", "shops/a/integrations/", "shops/a/providers/klarna"],
        );
        round_trips::<StockItemName>(
            &["shops/a/stockItems/SKU-1_a.b", "shops/a/stockItems/r%C3%B8d%2Fgr%C3%B8nn%20%25"],
            &[
                "shops/a/stockItems/",
                "shops/a/stockItems/a/b",
                "shops/a/stockItems/%0A",
                "shops/a/stockItems/%",
                "shops/a/stockItems/%zz",
                "shops/a/stockItems/%FF",
            ],
        );
    }

    #[test]
    fn a_sku_is_plain_inside_and_encoded_outside() {
        let shop = ShopName::new("default").expect("a shop");
        let item = shop.stock_item("rød/grønn %").expect("a sku");
        assert_eq!(item.to_string(), "shops/default/stockItems/r%C3%B8d%2Fgr%C3%B8nn%20%25");
        assert_eq!(
            item.to_string().parse::<StockItemName>().expect("its text").sku(),
            "rød/grønn %"
        );
    }
}
