//! What Adyen's words mean, case by case; the conversation itself is tested on the whole server.

use order_rules::money::Currency;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};

use super::*;
use crate::outside::Answer;
use crate::providers::Told;

const PSP: &str = "KHQC5N7G84BLNK43";
const KEY_OF_CALL: Uuid = Uuid::from_u128(1);

fn call(kind: OperationKind, told: Vec<Told>) -> Call {
    Call {
        shop: "default".to_owned(),
        provider: "card".to_owned(),
        reference: PSP.to_owned(),
        key: KEY_OF_CALL,
        kind,
        amount_minor: 10_000,
        currency: Currency::from_code("NOK").unwrap(),
        order: 1042,
        lines: Vec::new(),
        told,
        doubt: Doubt::Wait,
    }
}

/// Of our operation, unless it is of the payment.
fn told(event: &str, is_success: bool, amount_minor: i64) -> Told {
    Told {
        key: (!event.starts_with("AUTHORISATION")).then_some(KEY_OF_CALL),
        event: event.to_owned(),
        is_success,
        reason: if is_success { String::new() } else { "Capture expired".to_owned() },
        amount_minor,
        currency: "NOK".to_owned(),
        provider_reference: format!("{event}-1"),
    }
}

fn answer(status: u16, code: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
    });
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.collect::<HeaderMap>(),
        body: json!({
            "status": status, "errorCode": code, "message": "In Adyen's words",
            "errorType": "validation", "pspReference": PSP,
        })
        .to_string()
        .into_bytes(),
    }
}

#[test]
fn an_error_is_one_of_four_things() {
    let transient = ("transient-error", "true");
    let later = Duration::from_secs(7);
    for (status, code, headers, busy) in [
        (429, "", vec![("retry-after", "7")], Some(later)),
        (422, "10_422", vec![transient], Some(Duration::ZERO)),
        (422, "704", vec![transient], None),
        (409, "704", vec![], None),
        (408, "", vec![], None),
        (500, "905", vec![], None),
        (503, "", vec![transient], None),
        (302, "", vec![], None),
    ] {
        let found = match said(&answer(status, code, &headers)) {
            Said::Busy { after, reason } => (Some(after), reason),
            Said::Doubt { reason } => (None, reason),
            other => panic!("{status} {code}: {other:?}"),
        };
        let head = if code.is_empty() { format!("HTTP {status}") } else { code.to_owned() };
        let words = format!("{head} In Adyen's words (pspReference {PSP})");
        assert_eq!(found, (busy, words), "{status} {code}");
    }
    for (status, code) in [(401, "000"), (403, "010"), (403, "901"), (422, "901")] {
        let Said::Unauthorized(word) = said(&answer(status, code, &[])) else { panic!("{code}") };
        assert_eq!(word, format!("{code} In Adyen's words (pspReference {PSP})"));
    }
    for (status, code, page) in [
        (422, "137", Code::RejectedByProvider),
        (400, "702", Code::RejectedByProvider),
        (422, "167", Code::NotFoundAtProvider),
        (404, "", Code::NotFoundAtProvider),
        (422, "101", Code::RejectedByProvider),
        (422, "29_001", Code::UnknownProviderError),
    ] {
        let Said::Refused(decline) = said(&answer(status, code, &[])) else { panic!("{code}") };
        assert_eq!(decline.code, page, "{code}");
        assert!(decline.reason.contains("In Adyen's words"), "{decline:?}");
    }
}

#[test]
fn whatever_adyen_says_is_shown() {
    let cases = [
        (
            422,
            r#"{"status": 422, "errorCode": "167", "message": "No original", "pspReference": null}"#,
            "167 No original",
            Code::NotFoundAtProvider,
        ),
        (
            422,
            r#"{"errorCode": 137, "message": null, "errorType": "validation"}"#,
            "137",
            Code::RejectedByProvider,
        ),
        (
            422,
            r#"{"type": "https://docs.adyen.com/errors/validation", "errorCode": "00_400",
                "title": "Bad request", "detail": "Amount is odd", "requestId": "r-1",
                "invalidFields": [{"name": "amount"}], "status": 422}"#,
            r#"00_400 Bad request Amount is odd invalidFields: [{"name":"amount"}] (request id r-1)"#,
            Code::UnknownProviderError,
        ),
        (
            422,
            r#"{"error": "e", "reason": "This account is closed"}"#,
            "HTTP 422 error: e reason: This account is closed",
            Code::UnknownProviderError,
        ),
        (
            400,
            "<html><body>Bad request</body></html>",
            "HTTP 400 Bad request",
            Code::UnknownProviderError,
        ),
        (404, "", "HTTP 404", Code::NotFoundAtProvider),
    ];
    for (status, body, reason, page) in cases {
        let body = body.as_bytes().to_vec();
        let answer = Answer { body, ..answer(status, "", &[]) };
        let Said::Refused(decline) = said(&answer) else { panic!("{reason}") };
        assert_eq!((decline.reason.as_str(), decline.code), (reason, page));
    }
    let held = Answer { body: b"Account \x07 suspended".to_vec(), ..answer(403, "", &[]) };
    let Said::Unauthorized(words) = said(&held) else { panic!("held") };
    assert_eq!(words, "HTTP 403 Account   suspended");
    let known = Answer { body: br#"{"errorCode": 704, "pspReference": null}"#.to_vec(), ..held };
    assert!(matches!(
        said(&Answer { status: StatusCode::UNPROCESSABLE_ENTITY, ..known }),
        Said::Doubt { .. }
    ));
}

#[test]
fn an_operation_ends_with_what_was_told_of_it() {
    use OperationKind::{Capture, Refund, Release, UpdateAmount, Void};
    let done = |reference: &str, amount_minor| {
        let provider_reference = format!("{reference}-1");
        Some(Ok(Confirmation { provider_reference, amount_minor, expires_at: None }))
    };
    let expired =
        Some(Err(Decline { code: Code::ReservationExpired, reason: "Capture expired".to_owned() }));
    let other = Told { key: Some(Uuid::from_u128(2)), ..told("CAPTURE", true, 500) };
    for (kind, heard, wanted) in [
        (Capture, vec![], None),
        (Capture, vec![told("AUTHORISATION", true, 10_000), other], None),
        (Capture, vec![told("REFUND", true, 500)], None),
        (Capture, vec![told("CAPTURE", true, 9_000)], done("CAPTURE", 9_000)),
        (Capture, vec![told("CAPTURE", false, 10_000)], expired),
        // That it failed afterwards is another matter, and no outcome while the first word is awaited.
        (Capture, vec![told("CAPTURE_FAILED", true, 9_000)], None),
        (
            Capture,
            vec![told("CAPTURE_FAILED", true, 9_000), told("CAPTURE", true, 9_000)],
            done("CAPTURE", 9_000),
        ),
        (Capture, vec![told("CAPTURE", true, 0)], None),
        (Capture, vec![Told { currency: "EUR".to_owned(), ..told("CAPTURE", true, 9_000) }], None),
        (Refund, vec![told("REFUND", true, 10_000)], done("REFUND", 10_000)),
        // Of a cancellation Adyen tells the amount of the payment, or none.
        (Void, vec![told("CANCELLATION", true, 0)], done("CANCELLATION", 10_000)),
        (
            UpdateAmount,
            vec![Told { key: Some(KEY_OF_CALL), ..told("AUTHORISATION_ADJUSTMENT", true, 8_000) }],
            done("AUTHORISATION_ADJUSTMENT", 8_000),
        ),
        (Release, vec![], None),
    ] {
        let described = format!("{kind:?} {heard:?}");
        assert_eq!(heard::ending(&call(kind, heard)), wanted, "{described}");
    }
}

#[test]
fn what_was_told_is_no_answer_of_adyen() {
    use OperationKind::{Authorize, Capture, Release, Void};
    let (nothing, ended) = (Vec::new, || vec![told("CAPTURE", true, 10_000)]);
    for (kind, heard, doubt, (is_call, is_look_up)) in [
        (Capture, nothing(), Doubt::Wait, (true, false)),
        (Capture, nothing(), Doubt::Repeat, (true, true)),
        (Capture, nothing(), Doubt::TooLate, (true, false)),
        (Capture, ended(), Doubt::Repeat, (false, false)),
        (Void, ended(), Doubt::Repeat, (true, true)),
        (Authorize, nothing(), Doubt::Repeat, (false, false)),
        (Release, nothing(), Doubt::Repeat, (false, false)),
    ] {
        let call = Call { doubt, ..call(kind, heard) };
        let asked = (Adyen::is_asked(&call, false), Adyen::is_asked(&call, true));
        assert_eq!(asked, (is_call, is_look_up), "{call:?}");
    }
}

#[test]
fn a_reservation_is_what_was_told_of_it_so_far() {
    let ending = |heard| heard::ending(&call(OperationKind::Authorize, heard));
    let held = |amount_minor| {
        let provider_reference = "AUTHORISATION-1".to_owned();
        Some(Ok(Confirmation { provider_reference, amount_minor, expires_at: None }))
    };
    let authorized = || told("AUTHORISATION", true, 10_000);
    let refused = || Told { reason: "Refused".to_owned(), ..told("AUTHORISATION", false, 10_000) };
    assert_eq!(ending(vec![]), None);
    assert_eq!(ending(vec![authorized()]), held(10_000));
    // The customer tried twice.
    assert_eq!(ending(vec![refused(), authorized()]), held(10_000));
    assert_eq!(
        ending(vec![authorized(), told("AUTHORISATION_ADJUSTMENT", true, 8_000)]),
        held(8_000)
    );
    for (heard, code) in [
        (vec![refused()], Code::RejectedByProvider),
        (vec![authorized(), told("CANCELLATION", true, 0)], Code::ReservationGone),
        (vec![authorized(), told("CAPTURE", true, 10_000)], Code::ReservationGone),
        (vec![authorized(), told("EXPIRE", true, 0)], Code::ReservationExpired),
        (vec![Told { currency: "EUR".to_owned(), ..authorized() }], Code::PaymentMismatch),
    ] {
        let Some(Err(decline)) = ending(heard) else { panic!("{code:?}") };
        assert_eq!(decline.code, code);
    }
}

#[test]
fn only_what_adyen_could_have_given_stands_in_an_address() {
    for (reference, is_right) in [
        (PSP, true),
        ("7914073381342284", true),
        ("", false),
        ("a/b", false),
        ("../cancels", false),
        ("KHQC5N7G84BLNK43?x", false),
        (&"A".repeat(65), false),
    ] {
        assert_eq!(is_psp_reference(reference), is_right, "{reference}");
    }
}

#[test]
fn each_endpoint_has_its_own_address() {
    let at = |endpoint: AdyenEndpoint, live_url_prefix: &str, stand_in_url: &str| {
        base(&AdyenIntegration {
            endpoint: endpoint.into(),
            live_url_prefix: live_url_prefix.to_owned(),
            stand_in_url: stand_in_url.to_owned(),
            ..AdyenIntegration::default()
        })
    };
    let live = at(AdyenEndpoint::Live, "1797a841fbb37ca7-FjordShop", "");
    let host = "https://1797a841fbb37ca7-FjordShop-checkout-live.adyenpayments.com";
    assert_eq!(live, format!("{host}/checkout/v71"));
    assert_eq!(at(AdyenEndpoint::Test, "", ""), "https://checkout-test.adyen.com/v71");
    let stand_in = at(AdyenEndpoint::StandIn, "", "http://127.0.0.1:9104/");
    assert_eq!(stand_in, "http://127.0.0.1:9104/v71");
}
