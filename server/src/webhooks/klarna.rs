//! What Klarna tells by itself: that something has become of an order. It is not signed, so nothing
//! of it is believed: it is only a reason to read the order at Klarna.

use order_rules::changing::Happening;
use order_rules::payments::OperationKind;
use serde::Deserialize;

use super::{Letter, Notice};
use crate::providers::Told;
use crate::systems::in_one_line;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    order_id: String,
}

const EVENT: &str = "PUSH";
/// In the address that a checkout gives Klarna; Klarna Payments puts it into the body.
const PARAMETERS: [&str; 2] = ["order_id=", "klarna_order_id="];
const REFERENCE_CHARACTERS_MAX: usize = 100;
/// Whoever knows an order's id can have it read so often, and no more.
const ONCE_IN_MICROS: i64 = 60 * 1_000_000;

/// The order that a letter is about, if it names one.
pub(super) fn read(letter: &Letter<'_>) -> Option<Notice> {
    let (_, query) = letter.target.split_once('?').unwrap_or_default();
    let named = query
        .split('&')
        .find_map(|pair| PARAMETERS.iter().find_map(|name| pair.strip_prefix(name)));
    let order_id = match named {
        Some(order_id) => order_id.to_owned(),
        None => serde_json::from_slice::<Body>(letter.body).unwrap_or_default().order_id,
    };
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_order_id =
        (1..=REFERENCE_CHARACTERS_MAX).contains(&order_id.len()) && order_id.bytes().all(is_right);
    is_order_id.then(|| Notice {
        copy_key: format!("{order_id}/{}", letter.now.0.div_euclid(ONCE_IN_MICROS)),
        payment_reference: in_one_line(&order_id),
        happened_at: None,
        told: Told {
            key: None,
            event: EVENT.to_owned(),
            is_success: true,
            reason: String::new(),
            amount_minor: 0,
            currency: String::new(),
            provider_reference: order_id,
        },
    })
}

/// A purchase that Klarna was examining may have been decided.
pub(crate) fn happening(_told: &Told) -> Happening {
    Happening::Ended { kind: OperationKind::Authorize, is_success: true }
}
