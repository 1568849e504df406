//! Proofs by the vectors that providers publish, and what is told by what is proved.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use order_rules::order::Micros;
use secrecy::SecretString;

use super::{Letter, Notice, Proof, Unproved, adyen, klarna};
use crate::providers::Told;

/// Adyen's own example.
const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const SIGNATURE: &str = "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=";

fn letter<'a>(target: &'a str, headers: &'a HeaderMap, body: &'a str) -> Letter<'a> {
    Letter { target, headers, body: body.as_bytes(), now: Micros(1_700_000_000_000_000) }
}

fn adyen_proof() -> adyen::Proof {
    adyen::Proof {
        hmac_key: SecretString::from(KEY),
        login: None,
        merchant_account: "TestMerchant".to_owned(),
    }
}

/// The example as a webhook, with some of its words changed.
fn example(changes: &[(&str, &str)]) -> String {
    let mut text = r#"{"live": "false", "notificationItems": [{"NotificationRequestItem": {
        "additionalData": {"hmacSignature": "SIGNATURE"},
        "amount": {"value": 1130, "currency": "EUR"},
        "pspReference": "7914073381342284", "eventCode": "AUTHORISATION",
        "eventDate": "2019-05-06T17:15:34.121+02:00",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "reason": "874574:1935:11/2030",
        "paymentMethod": "visa", "success": "true"}}]}"#
        .replace("SIGNATURE", SIGNATURE);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

fn read(proof: adyen::Proof, body: &str) -> Result<Vec<Notice>, Unproved> {
    Proof::Adyen(proof).read(&letter("/webhooks/a/b", &HeaderMap::new(), body))
}

#[test]
fn adyens_example_is_proved_and_every_word_of_it_counts() {
    let notices = read(adyen_proof(), &example(&[])).unwrap();
    let told = Told {
        key: None,
        event: "AUTHORISATION".to_owned(),
        is_success: true,
        // The card's last digits and its expiry are nobody's business.
        reason: String::new(),
        amount_minor: 1_130,
        currency: "EUR".to_owned(),
        provider_reference: "7914073381342284".to_owned(),
    };
    let notice = Notice {
        copy_key: "7914073381342284/AUTHORISATION/true".to_owned(),
        payment_reference: "7914073381342284".to_owned(),
        happened_at: Some(1_557_155_734_121_000),
        told,
    };
    assert_eq!(notices, [notice]);
    // What is not signed may be anything.
    let as_truth = example(&[(r#""success": "true""#, r#""success": true"#), ("visa", "mc")]);
    assert_eq!(read(adyen_proof(), &as_truth).unwrap(), notices);

    for change in [
        ("7914073381342284", "7914073381342285"),
        ("TestMerchant", "OtherMerchant"),
        ("TestPayment-1407325143704", "TestPayment-1407325143705"),
        ("1130", "1131"),
        ("EUR", "NOK"),
        ("AUTHORISATION", "CAPTURE"),
        (r#""success": "true""#, r#""success": "false""#),
        ("coqCmt", "coqCmu"),
        (SIGNATURE, ""),
        (r#""visa""#, r#""visa", "originalReference": "7914073381342284""#),
    ] {
        assert_eq!(read(adyen_proof(), &example(&[change])), Err(Unproved::Forged), "{change:?}");
    }
    let other_key = KEY.replace("4478", "4479");
    for key in [other_key.as_str(), "", "44782", "no hexadecimal"] {
        let proof = adyen::Proof { hmac_key: SecretString::from(key), ..adyen_proof() };
        assert_eq!(read(proof, &example(&[])), Err(Unproved::Forged), "{key}");
    }
}

#[test]
fn one_forged_item_spoils_a_webhook_of_adyen() {
    let one = example(&[]);
    let item = one.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
    let body = |items: &[String]| format!(r#"{{"notificationItems": [{}]}}"#, items.join(","));
    let forged = item.replace("1130", "9900");
    assert_eq!(read(adyen_proof(), &body(&[item.to_owned(), item.to_owned()])).unwrap().len(), 2);
    assert_eq!(read(adyen_proof(), &body(&[item.to_owned(), forged])), Err(Unproved::Forged));
    let many = vec![item.to_owned(); 51];
    for body in [body(&[]), body(&many), "{}".to_owned(), String::new(), "[1]".to_owned()] {
        assert_eq!(read(adyen_proof(), &body), Err(Unproved::Unreadable));
    }
    // Rightly signed, and of another merchant account.
    let proof = adyen::Proof { merchant_account: "Other".to_owned(), ..adyen_proof() };
    assert_eq!(read(proof, &example(&[])).unwrap(), []);
}

#[test]
fn adyens_login_is_asked_for_where_there_is_one() {
    let login = Some(("adyen".to_owned(), SecretString::from("hemmelig")));
    let proof = Proof::Adyen(adyen::Proof { login, ..adyen_proof() });
    let mut headers = HeaderMap::new();
    let body = example(&[]);
    assert_eq!(proof.read(&letter("/", &headers, &body)), Err(Unproved::Forged));
    for (given, is_right) in [
        ("Basic YWR5ZW46aGVtbWVsaWc=", true),
        ("Basic YWR5ZW46aGVtbWVsaWg=", false),
        ("Bearer YWR5ZW46aGVtbWVsaWc=", false),
    ] {
        headers.insert("authorization", HeaderValue::from_static(given));
        assert_eq!(proof.read(&letter("/", &headers, &body)).is_ok(), is_right, "{given}");
    }
}

#[test]
fn what_no_order_depends_on_is_not_told_on() {
    use order_rules::changing::Happening;
    use order_rules::payments::OperationKind::{Capture, Refund, UpdateAmount, Void};

    let ended = |kind, is_success| Happening::Ended { kind, is_success };
    let cases = [
        ("CAPTURE", true, ended(Capture, true)),
        ("CAPTURE", false, ended(Capture, false)),
        ("REFUND", true, ended(Refund, true)),
        ("CANCELLATION", true, ended(Void, true)),
        ("TECHNICAL_CANCEL", true, ended(Void, true)),
        ("CANCEL_OR_REFUND/cancel", true, ended(Void, true)),
        ("CANCEL_OR_REFUND/refund", true, ended(Refund, true)),
        ("AUTHORISATION_ADJUSTMENT", false, ended(UpdateAmount, false)),
        ("CAPTURE_FAILED", true, Happening::CaptureFailed),
        ("REFUND_FAILED", true, Happening::RefundFailed),
        ("REFUNDED_REVERSED", true, Happening::RefundFailed),
        ("CHARGEBACK", true, Happening::Chargeback),
        ("EXPIRE", true, Happening::Expired),
        ("NOTIFICATION_OF_CHARGEBACK", true, Happening::Other),
        ("CHARGEBACK_REVERSED", true, Happening::Other),
        ("SOMETHING_NEW", true, Happening::Other),
        ("REPORT_AVAILABLE", true, Happening::Trifle),
        ("PAYOUT_DECLINE", true, Happening::Trifle),
    ];
    for (event, is_success, meaning) in cases {
        let told = Told {
            key: None,
            event: event.to_owned(),
            is_success,
            reason: String::new(),
            amount_minor: 0,
            currency: String::new(),
            provider_reference: String::new(),
        };
        assert_eq!(adyen::happening(&told), meaning, "{event}");
        if event == "CAPTURE_FAILED" {
            let reason = "Transaction Recaptured".to_owned();
            let again = Told { reason, ..told };
            assert_eq!(adyen::happening(&again), Happening::Other, "the money is there");
        }
    }
}

#[test]
fn klarna_only_gives_a_hint() {
    let headers = HeaderMap::new();
    let hint = |target, body| klarna::read(&letter(target, &headers, body));
    let reference = |target, body| hint(target, body).map(|notice| notice.payment_reference);
    for (target, body, wanted) in [
        ("/webhooks/a/k?order_id=2f4c-9", "", Some("2f4c-9")),
        ("/webhooks/a/k?x=1&klarna_order_id=2f4c-9", "", Some("2f4c-9")),
        ("/webhooks/a/k", r#"{"order_id": "2f4c-9", "event_type": "FRAUD"}"#, Some("2f4c-9")),
        ("/webhooks/a/k?order_id=", "", None),
        ("/webhooks/a/k?order_id=../x", "", None),
        ("/webhooks/a/k", "{}", None),
        ("/webhooks/a/k", "", None),
    ] {
        assert_eq!(reference(target, body).as_deref(), wanted, "{target} {body}");
    }
    // Once a minute is enough.
    let first = hint("/?order_id=1", "").unwrap();
    assert_eq!(hint("/?order_id=1", "").unwrap(), first);
}

/// Headers of these names and values.
pub(super) fn headers<const COUNT: usize>(pairs: [(&'static str, &str); COUNT]) -> HeaderMap {
    let pair = |(name, value): (&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    pairs.map(pair).into_iter().collect()
}
