//! What is in an order: goods, shipping and discounts.

use fastrand::Rng;
use order_proto::v1::{LineKind, NewLine, NewOrder};
use order_rules::money::{self, VatRate};

use crate::buyers::{Buyer, Country};
use crate::goods::{ARTICLES, Article};
use crate::totals;

/// Shipping: title, price in minor units of NOK with VAT.
const SHIPPING: [(&str, i64); 6] = [
    ("Pakke i postkassen", 5_900),
    ("Pakke til hentested", 8_900),
    ("Pakkeboks", 7_900),
    ("Hjemlevering", 14_900),
    ("Ekspress over natten", 24_900),
    ("Hent i butikk", 0),
];
/// Goods for so much are sent for nothing.
const FREE_SHIPPING_MINOR: i64 = 120_000;
const LINE_DISCOUNT_PERCENT: u32 = 13;
const ORDER_DISCOUNT_PERCENT: u32 = 9;
const COUPONS_MINOR: [i64; 4] = [5_000, 7_500, 10_000, 20_000];

/// 1 to 12 lines of goods and mostly one of shipping, priced for the buyer.
pub(crate) fn lines(random: &mut Rng, buyer: &Buyer) -> Vec<NewLine> {
    let mut lines: Vec<NewLine> = Vec::new();
    let wanted = goods_count(random);
    while lines.len() < wanted {
        let Some(article) = ARTICLES.get(random.usize(0..ARTICLES.len())) else { continue };
        let line = goods(random, article, buyer);
        // Once more of the same is a higher quantity and no second line.
        if lines.iter().all(|other| other.sku != line.sku) {
            lines.push(line);
        }
    }
    lines.extend(shipping(random, &lines, buyer));
    lines
}

/// A coupon on the whole order in its price basis: an amount or 10 %, never all of it.
pub(crate) fn order_discount(random: &mut Rng, order: &NewOrder) -> i64 {
    let amounts = totals::amounts(order).unwrap_or_default();
    let sum: i64 = amounts.iter().sum();
    if random.u32(0..100) >= ORDER_DISCOUNT_PERCENT {
        return 0;
    }
    match COUPONS_MINOR.get(random.usize(0..COUPONS_MINOR.len() * 2)) {
        Some(&coupon) if coupon < sum / 2 => coupon,
        _ => sum / 10,
    }
}

/// Most buy one to three things, few buy twelve.
fn goods_count(random: &mut Rng) -> usize {
    match random.u32(0..100) {
        0..38 => 1,
        38..62 => 2,
        62..78 => 3,
        78..87 => 4,
        87..92 => 5,
        92..95 => 6,
        95..99 => random.usize(7..=10),
        _ => random.usize(11..=12),
    }
}

fn goods(random: &mut Rng, article: &Article, buyer: &Buyer) -> NewLine {
    let (mut sku, mut title) = (article.sku.to_owned(), article.title.to_owned());
    if !article.variants.is_empty() {
        let variant = article.variants.get(random.usize(0..article.variants.len()));
        let variant = variant.copied().unwrap_or_default();
        sku = format!("{sku}-{}", variant.to_uppercase().replace('Å', "A").replace('Ø', "O"));
        title = format!("{title}, {}", variant_title(variant));
    }
    let mut quantity_max = article.quantity_max;
    if buyer.is_business() {
        quantity_max *= 5;
    }
    let quantity = if random.u32(0..100) < 70 { 1 } else { random.i64(1..=quantity_max) };
    let (unit_price_minor, vat_rate_bp) = price(article.price_minor, article.vat_rate_bp, buyer);
    NewLine {
        kind: LineKind::Goods.into(),
        sku,
        title,
        quantity,
        unit_price_minor,
        discount_minor: line_discount(random, unit_price_minor * quantity),
        vat_rate_bp,
    }
}

/// A sale on the article: 10 to 50 %, in whole units of the currency.
fn line_discount(random: &mut Rng, amount_minor: i64) -> i64 {
    if random.u32(0..100) >= LINE_DISCOUNT_PERCENT {
        return 0;
    }
    let percent = random.i64(1..=5) * 10;
    amount_minor * percent / 100 / 100 * 100
}

fn shipping(random: &mut Rng, goods: &[NewLine], buyer: &Buyer) -> Option<NewLine> {
    let only_tickets = goods.iter().all(|line| line.sku.starts_with("OPP-"));
    if only_tickets {
        return None;
    }
    let sum: i64 = goods.iter().map(|line| line.unit_price_minor * line.quantity).sum();
    let (title, price_minor) = match buyer.country {
        Country::Norway => *SHIPPING.get(random.usize(0..SHIPPING.len()))?,
        _ => ("Pakke til utlandet", 24_900),
    };
    let (unit_price_minor, vat_rate_bp) = price(price_minor, 2_500, buyer);
    let is_free = sum >= FREE_SHIPPING_MINOR && buyer.country == Country::Norway;
    Some(NewLine {
        kind: LineKind::Shipping.into(),
        title: title.to_owned(),
        quantity: 1,
        unit_price_minor: if is_free { 0 } else { unit_price_minor },
        vat_rate_bp,
        ..NewLine::default()
    })
}

/// The price in the buyer's currency and basis, and the VAT rate: none on an export.
fn price(gross_minor: i64, vat_rate_bp: i32, buyer: &Buyer) -> (i64, i32) {
    let vat = VatRate::new(i64::from(vat_rate_bp))
        .and_then(|rate| money::vat_of_gross(gross_minor, rate).ok())
        .unwrap_or_default();
    let net_minor = gross_minor - vat;
    match buyer.country {
        Country::Norway if buyer.is_business() => (net_minor, vat_rate_bp),
        Country::Norway => (gross_minor, vat_rate_bp),
        Country::Sweden => (net_minor * 96 / 10_000 * 100, 0),
        Country::Denmark => (net_minor * 64 / 10_000 * 100, 0),
        Country::Finland | Country::Germany => (net_minor / 1_150 * 100 + 90, 0),
    }
}

/// How a variant is written in a title: sizes say so, colours are plain words.
fn variant_title(variant: &str) -> String {
    if variant.len() <= 2 || variant.contains(|letter: char| letter.is_ascii_digit()) {
        return format!("str. {variant}");
    }
    variant.to_lowercase()
}
