//! How buyers pay: providers by share, references in each provider's own style.

use fastrand::Rng;
use order_proto::v1::NewPayment;

use crate::buyers::{Buyer, Country};

pub(crate) const KLARNA: &str = "klarna";
pub(crate) const VIPPS: &str = "vipps";
pub(crate) const CARD: &str = "card";
/// An invoice, a gift card, money at the counter.
pub(crate) const MANUAL: &str = "manual";

const GIFT_CARD_PERCENT: u32 = 2;
const GIFT_CARDS_MINOR: [i64; 4] = [10_000, 20_000, 25_000, 50_000];

/// The provider of a purchase: Vipps only in Norway, companies mostly by invoice.
pub(crate) fn choose(random: &mut Rng, buyer: &Buyer) -> &'static str {
    let shares: [(u32, &'static str); 4] = if buyer.is_business() {
        [(70, MANUAL), (15, KLARNA), (15, CARD), (0, VIPPS)]
    } else if buyer.country == Country::Norway {
        [(43, KLARNA), (38, VIPPS), (15, CARD), (4, MANUAL)]
    } else {
        [(55, KLARNA), (45, CARD), (0, VIPPS), (0, MANUAL)]
    };
    let mut dice = random.u32(0..100);
    for (share, provider) in shares {
        if dice < share {
            return provider;
        }
        dice -= share;
    }
    KLARNA
}

/// Payments that add up to the total: one, or a gift card and the rest.
pub(crate) fn cover(random: &mut Rng, provider: &str, total_minor: i64) -> Vec<NewPayment> {
    let gift_card = GIFT_CARDS_MINOR.get(random.usize(0..GIFT_CARDS_MINOR.len())).copied();
    let gift_card = gift_card.filter(|&amount| amount < total_minor && provider != MANUAL);
    let mut payments = Vec::new();
    let mut rest = total_minor;
    if let Some(amount_minor) = gift_card.filter(|_| random.u32(0..100) < GIFT_CARD_PERCENT) {
        rest -= amount_minor;
        payments.push(payment(random, MANUAL, amount_minor));
    }
    payments.push(payment(random, provider, rest));
    payments
}

fn payment(random: &mut Rng, provider: &str, amount_minor: i64) -> NewPayment {
    let reference = match provider {
        KLARNA => klarna_order_id(random),
        VIPPS => vipps_reference(random),
        CARD => card_reference(random),
        _ => String::new(),
    };
    NewPayment { provider: provider.to_owned(), reference, amount_minor }
}

/// A UUID of version 4.
fn klarna_order_id(random: &mut Rng) -> String {
    let (high, low) = (random.u64(..), random.u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        8 + (low >> 62),
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

/// The shop's own reference, as Vipps wants it: 8 to 64 letters, digits and hyphens.
fn vipps_reference(random: &mut Rng) -> String {
    let letters = text(random, b"abcdefghijklmnopqrstuvwxyz0123456789", 18);
    format!("fjelltoppen-{letters}")
}

/// Sixteen capitals and digits, as a card acquirer gives them out.
fn card_reference(random: &mut Rng) -> String {
    text(random, b"BCDFGHJKLMNPQRSTVWXZ23456789", 16)
}

fn text(random: &mut Rng, alphabet: &[u8], length: usize) -> String {
    let letter = |random: &mut Rng| alphabet.get(random.usize(0..alphabet.len())).copied();
    (0..length).filter_map(|_| letter(random)).map(char::from).collect()
}
