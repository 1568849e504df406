//! What each stand-in can be told, for people: its operations, its troubles, its controls.

use super::provider::OTHER;
use super::smtp::WORDS;
use super::trouble::EFFECTS;

/// What a stand-in can be told.
#[derive(Debug)]
pub struct Manual {
    /// All that may be asked of it, in the words of the book.
    pub operations: &'static [&'static str],
    /// Its own part of `/control/`: the call, and what it does.
    pub controls: &'static [(&'static str, &'static str)],
}

const ALL: [(&str, &Manual); 5] = [
    ("Klarna, Kustom", &KLARNA),
    ("Vipps", &VIPPS),
    ("Adyen", &ADYEN),
    ("Tripletex", &TRIPLETEX),
    ("Cargonizer", &CARGONIZER),
];

/// What every stand-in is told alike.
const SHARED: [(&str, &str); 5] = [
    ("GET /control/book", "what was asked, done and told"),
    ("POST /control/troubles", "a trouble, as above"),
    ("DELETE /control/troubles", "ends all troubles"),
    (r#"POST /control/clock {"seconds": 86400}"#, "puts its clock forward"),
    (
        r#"PUT /control/notices {"delay_millis": 0, "copies": 1, "is_held": false}"#,
        "how its webhooks travel",
    ),
];
/// All of a trouble but the effect may be left out.
const TROUBLE: &str = concat!(
    r#"{"operation": "capture", "about": "kl-1", "after": 0, "times": 1, "#,
    r#""is_done": false, "effect": "silence"}"#
);
/// What its fields say.
const FIELDS: &str = "\
operation and about: as the book names them; left out: any. after: calls that are spared
first. times: calls it befalls; 0: all. is_done: it is done first, and then goes wrong.
";

pub(super) const KLARNA: Manual = Manual {
    operations: &[
        "read",
        "acknowledge",
        "update",
        "capture",
        "refund",
        "cancel",
        "release",
        "extend",
        "address",
        "references",
        "shipping",
        "send-out",
        "due-date",
        OTHER,
    ],
    controls: &[
        (
            r#"POST /control/orders {"order_id": "kl-1", "order_amount": 49900}"#,
            "an order, as a checkout makes it",
        ),
        (
            r#"POST /control/orders/{id}/captures {"captured_amount": 100}"#,
            "a capture in the portal",
        ),
        (r#"POST /control/orders/{id}/refunds {"refunded_amount": 100}"#, "a refund in the portal"),
        ("POST /control/orders/{id}/cancel", "a cancellation in the portal"),
        ("POST /control/orders/{id}/release", "a release in the portal"),
        ("POST /control/orders/{id}/expire", "the reservation runs out"),
        (
            r#"POST /control/orders/{id}/fraud {"status": "REJECTED"}"#,
            "Klarna has made up its mind: ACCEPTED, PENDING or REJECTED",
        ),
    ],
};

pub(super) const VIPPS: Manual = Manual {
    operations: &[
        "token",
        "create",
        "read",
        "events",
        "capture",
        "refund",
        "cancel",
        "approve",
        "register",
        "registrations",
        "unregister",
        OTHER,
    ],
    controls: &[
        (
            r#"POST /control/payments {"reference": "acme-cart-1", "value": 49900}"#,
            "a payment that a customer has approved; not yet with `\"is_open\": true`",
        ),
        ("POST /control/payments/{reference}/approve", "the customer says yes"),
        ("POST /control/payments/{reference}/abort", "the customer says no"),
        ("POST /control/payments/{reference}/expire", "the customer says nothing"),
        (r#"POST /control/payments/{reference}/capture {"value": 100}"#, "a capture in the portal"),
        (r#"POST /control/payments/{reference}/refund {"value": 100}"#, "a refund in the portal"),
        ("POST /control/payments/{reference}/cancel", "a cancellation in the portal"),
        (
            r#"PUT /control/webhook {"url": "http://127.0.0.1:7080/…", "secret": "…"}"#,
            "tells this address of all events, signed with this secret",
        ),
        ("DELETE /control/tokens", "ends all access tokens"),
    ],
};

pub(super) const ADYEN: Manual = Manual {
    operations: &[
        "methods",
        "capture",
        "refund",
        "cancel",
        "update",
        "reversal",
        "technical-cancel",
        OTHER,
    ],
    controls: &[
        (
            r#"PUT /control/webhook {"url": "http://127.0.0.1:7080/…", "login": "user:password"}"#,
            "where its webhooks go; without a login where that is left out",
        ),
        (
            r#"POST /control/payments {"psp_reference": "KHQC5N7G84BLNK43", "value": 49900}"#,
            "a payment, as a checkout makes it, and its AUTHORISATION",
        ),
        (
            r#"POST /control/verdicts {"operation": "capture", "reason": "…"}"#,
            "the next of these is received, and fails",
        ),
        (
            r#"POST /control/payments/{psp}/capture-failed {"psp_reference": "…"}"#,
            "a capture (its own reference) that the scheme takes back",
        ),
        (
            r#"POST /control/payments/{psp}/refund-failed {"psp_reference": "…"}"#,
            "a refund that fails after all",
        ),
        (
            r#"POST /control/payments/{psp}/refund-reversed {"psp_reference": "…"}"#,
            "a refund that the bank sends back",
        ),
        ("POST /control/payments/{psp}/chargeback", "the customer's bank takes the money back"),
        (r#"POST /control/payments/{psp}/capture {"value": 100}"#, "a capture in the portal"),
        (r#"POST /control/payments/{psp}/refund {"value": 100}"#, "a refund in the portal"),
        ("POST /control/payments/{psp}/cancel", "a cancellation in the portal"),
    ],
};

pub(super) const TRIPLETEX: Manual = Manual {
    operations: &[
        "session",
        "read",
        "customer",
        "product",
        "order",
        "invoice",
        "credit-note",
        "payment",
        "mail",
        "change",
        "delete",
    ],
    controls: &[
        (
            r#"PUT /control/company {"has_bank_account": false, "is_vat_registered": false}"#,
            "what the company is set up for",
        ),
        (r#"PUT /control/rate {"limit": 10}"#, "how many calls a period are let through"),
        ("DELETE /control/sessions", "ends all sessions"),
    ],
};

pub(super) const CARGONIZER: Manual = Manual {
    operations: &["read", "search", "estimate", "consignment", "label", "print", "transfer", OTHER],
    controls: &[
        (r#"PUT /control/printers {"connected": false}"#, "disconnects all printers"),
        (r#"PUT /control/licence {"items_left": 0}"#, "how many consignments the licence has left"),
    ],
};

/// All of it, as text for a terminal.
#[must_use]
pub fn manual() -> String {
    let mut text = String::from("Each goes wrong when told to:\n\n");
    text.push_str(&format!("  POST /control/troubles {TROUBLE}\n\n"));
    text.push_str(FIELDS);
    text.push_str("\nEffects:\n");
    text.push_str(&listed(&EFFECTS));
    text.push_str("\nOperations:\n");
    for (name, manual) in ALL {
        text.push_str(&format!("  {name}: {}\n", manual.operations.join(", ")));
    }
    text.push_str(&format!("\nControls of all:\n{}", listed(&SHARED)));
    for (name, manual) in ALL {
        text.push_str(&format!("\nControls of {name}:\n{}", listed(manual.controls)));
    }
    text.push_str("\nWords of the mail server, in the recipient: kari+busy@example.com\n");
    text.push_str(&listed(&WORDS));
    text
}

fn listed(rows: &[(&str, &str)]) -> String {
    rows.iter().map(|(what, told)| format!("  {what}\n      {told}\n")).collect()
}
