//! What Vipps' words mean, case by case; the conversation itself is tested on the whole server.

mod gateway;
mod words;

use order_rules::money::Currency;
use order_rules::reconciling::Standing;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::*;
use crate::providers::{Confirmation, Doubt};

fn call(kind: OperationKind, amount_minor: i64) -> Call {
    Call {
        shop: "demo".to_owned(),
        provider: "vipps".to_owned(),
        reference: "acme-shop-123-order-1".to_owned(),
        key: Uuid::from_u128(7),
        kind,
        amount_minor,
        currency: Currency::from_code("NOK").unwrap(),
        order: 1_001,
        lines: Vec::new(),
        told: Vec::new(),
        doubt: Doubt::Wait,
    }
}

/// Authorized, cancelled, captured, refunded.
fn payment_in(state: &str, currency: &str, sums: [i64; 4]) -> Payment {
    let [authorized, cancelled, captured, refunded] =
        sums.map(|value| json!({ "currency": currency, "value": value }));
    let told = json!({
        "state": state,
        "aggregate": {
            "authorizedAmount": authorized,
            "cancelledAmount": cancelled,
            "capturedAmount": captured,
            "refundedAmount": refunded,
        },
        "amount": { "currency": currency, "value": sums[0] },
        "pspReference": "psp-1",
        "captureGuaranteedUntil": "2026-12-23T10:00:00.5Z",
        "somethingNew": [],
    });
    Payment::read(told.to_string().as_bytes()).unwrap()
}

fn payment(sums: [i64; 4]) -> Payment {
    payment_in("AUTHORIZED", "NOK", sums)
}

fn answer(status: u16, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
}

fn numbered(status: u16, number: &str) -> Answer {
    let body = json!({
        "title": "Some title", "detail": "Some detail", "traceId": "t-1", "instance": "/capture",
        "extraDetails": [{ "name": "ErrorCode", "reason": number }],
    });
    answer(status, &body.to_string())
}

#[test]
fn a_payment_says_whether_its_money_is_held() {
    let held = |report: Report| match report {
        Report::Done(Confirmation { amount_minor, .. }) => format!("{amount_minor}"),
        Report::Declined(decline) => decline.code.name().to_owned(),
        Report::Accepted { .. } => "LATER".to_owned(),
        other => panic!("{other:?}"),
    };
    let cases = [
        ("AUTHORIZED", "NOK", [900, 0, 0, 0], "900"),
        ("AUTHORIZED", "NOK", [900, 200, 0, 0], "700"),
        ("AUTHORIZED", "NOK", [900, 0, 200, 100], "RESERVATION_GONE"),
        ("AUTHORIZED", "NOK", [900, 0, 900, 0], "RESERVATION_GONE"),
        ("AUTHORIZED", "NOK", [900, 700, 200, 0], "RESERVATION_GONE"),
        ("AUTHORIZED", "DKK", [900, 0, 0, 0], "PAYMENT_MISMATCH"),
        ("CREATED", "NOK", [0, 0, 0, 0], "LATER"),
        ("NEWER_WORD", "NOK", [0, 0, 0, 0], "LATER"),
        ("ABORTED", "NOK", [0, 0, 0, 0], "PAYMENT_NOT_APPROVED"),
        ("EXPIRED", "NOK", [0, 0, 0, 0], "PAYMENT_NOT_APPROVED"),
        ("TERMINATED", "NOK", [0, 0, 0, 0], "RESERVATION_GONE"),
    ];
    for (state, currency, sums, wanted) in cases {
        let payment = payment_in(state, currency, sums);
        let report = payment.authorization(&call(OperationKind::Authorize, 900));
        assert_eq!(held(report), wanted, "{state} {sums:?}");
    }
    let report = payment([900, 0, 0, 0]).authorization(&call(OperationKind::Authorize, 900));
    let Report::Done(Confirmation { expires_at: Some(expires_at), .. }) = report else {
        panic!("{report:?}")
    };
    assert_eq!(expires_at.0, 1_798_020_000_500_000);
    for unreadable in ["", "{}", r#"{"state": "AUTHORIZED"}"#, "<html>"] {
        assert!(Payment::read(unreadable.as_bytes()).is_none(), "{unreadable}");
    }
}

#[test]
fn all_that_vipps_knows_is_told() {
    let cases = [
        ("AUTHORIZED", [900, 0, 0, 0], Some(Standing::Held)),
        ("AUTHORIZED", [900, 300, 600, 200], Some(Standing::Held)),
        ("AUTHORIZED", [900, 900, 0, 0], Some(Standing::Gone)),
        ("CREATED", [0; 4], Some(Standing::Pending)),
        ("EXPIRED", [0; 4], Some(Standing::Expired)),
        ("ABORTED", [0; 4], Some(Standing::Gone)),
        ("TERMINATED", [0; 4], Some(Standing::Gone)),
        ("NEWER_WORD", [0; 4], None),
    ];
    for (state, sums, standing) in cases {
        let told = payment_in(state, "NOK", sums).statement();
        assert_eq!(told.map(|told| told.standing), standing, "{state} {sums:?}");
        let Some(told) = told else { continue };
        let [authorized, cancelled, captured, refunded] = sums;
        assert_eq!(
            [told.authorized_minor, told.released_minor, told.captured_minor, told.refunded_minor],
            [authorized, cancelled, captured, refunded],
            "{state}"
        );
        assert_eq!(told.currency, Currency::from_code("NOK"));
        assert!(told.expires_at.is_some());
    }
}

#[test]
fn the_sums_speak_against_it_or_say_that_nothing_is_held() {
    use OperationKind::{Capture, Refund, Release, Void};
    // Whether the sums prove it, and whether they speak against it.
    let cases = [
        // As much may have been moved by somebody else.
        (Capture, 900, [900, 0, 900, 0], false, false),
        (Capture, 500, [900, 0, 900, 0], false, false),
        (Capture, 900, [900, 0, 0, 0], false, true),
        (Capture, 900, [900, 0, 500, 0], false, true),
        (Refund, 300, [900, 0, 900, 300], false, false),
        (Refund, 300, [900, 0, 900, 500], false, false),
        (Refund, 300, [900, 0, 900, 0], false, true),
        (Void, 900, [900, 900, 0, 0], true, false),
        (Void, 900, [900, 0, 0, 0], false, true),
        (Void, 900, [900, 400, 500, 0], false, true),
        (Release, 400, [900, 400, 500, 0], true, false),
        (Release, 400, [900, 0, 500, 0], false, true),
    ];
    for (kind, amount, sums, is_proven, is_disproven) in cases {
        let (payment, call) = (payment(sums), call(kind, amount));
        let proof = payment.given_back(&call);
        assert_eq!(proof.is_some(), is_proven, "{kind:?} {sums:?}");
        let told = proof.map(|proof| (proof.provider_reference, proof.amount_minor));
        assert!(told.is_none_or(|told| told == ("psp-1".to_owned(), amount)), "{kind:?}");
        assert_eq!(!payment.may_show(&call), is_disproven, "{kind:?} {sums:?}");
    }
    for (state, kind, is_over) in [
        ("TERMINATED", Void, true),
        ("ABORTED", Void, true),
        ("EXPIRED", Void, true),
        ("CREATED", Void, false),
        ("NEWER_WORD", Void, false),
        ("TERMINATED", Release, false),
        ("TERMINATED", Capture, false),
    ] {
        let given_back = payment_in(state, "NOK", [0; 4]).given_back(&call(kind, 900));
        assert_eq!(given_back.is_some(), is_over, "{state} {kind:?}");
    }
}

#[test]
fn an_operation_is_found_by_its_key_in_the_log() {
    let event = |name: &str, key: Option<u128>, success: bool| {
        json!({
            "reference": "acme-shop-123-order-1", "pspReference": format!("{name}-{success}"),
            "name": name, "amount": { "currency": "NOK", "value": 400 }, "success": success,
            "timestamp": "2026-11-28T10:00:00Z",
            "idempotencyKey": key.map(|key| Uuid::from_u128(key).to_string()),
        })
    };
    let log = json!([
        event("CREATED", Some(1), true),
        event("AUTHORIZED", None, true),
        event("CAPTURED", None, true),
        event("CAPTURED", Some(8), true),
        event("CAPTURED", Some(7), false),
        event("CAPTURED", Some(7), true),
        event("REFUNDED", Some(9), true),
        event("CANCELLED", Some(10), true),
        event("TERMINATED", Some(11), true),
        event("NEWER_WORD", Some(12), true),
    ]);
    let log: Log = parsed(log.to_string().as_bytes()).unwrap();
    let cases = [
        (OperationKind::Capture, 7, Some("CAPTURED-true")),
        (OperationKind::Capture, 9, None),
        (OperationKind::Capture, 13, None),
        (OperationKind::Refund, 9, Some("REFUNDED-true")),
        (OperationKind::Refund, 7, None),
        (OperationKind::Void, 10, Some("CANCELLED-true")),
        (OperationKind::Void, 11, Some("TERMINATED-true")),
        (OperationKind::Release, 10, Some("CANCELLED-true")),
        (OperationKind::Release, 12, None),
        (OperationKind::Authorize, 1, None),
    ];
    for (kind, key, wanted) in cases {
        let call = Call { key: Uuid::from_u128(key), ..call(kind, 400) };
        let found = log.trace_of(&call);
        assert_eq!(found.as_ref().map(|one| one.provider_reference.as_str()), wanted, "{kind:?}");
    }
    let failed = json!([event("CAPTURED", Some(7), false)]);
    let failed: Log = parsed(failed.to_string().as_bytes()).unwrap();
    assert!(failed.trace_of(&call(OperationKind::Capture, 400)).is_none());
}

#[test]
fn what_nobody_else_can_cancel_any_more_has_lapsed() {
    let log = |currency: &str, released_at: &str, key: Option<Uuid>| -> Log {
        let event = |name: &str, at: &str, key: Option<Uuid>| {
            json!({ "name": name, "amount": { "currency": currency, "value": 900 },
                    "timestamp": at, "idempotencyKey": key.map(|key| key.to_string()),
                    "success": true })
        };
        let events = json!([
            event("CREATED", "2026-01-01T10:00:00Z", None),
            event("AUTHORIZED", "2026-01-01T10:05:00.123Z", None),
            event("CANCELLED", released_at, key),
        ]);
        parsed(events.to_string().as_bytes()).unwrap()
    };
    let own = Some(Uuid::from_u128(7));
    let cases = [
        ("NOK", "2026-06-30T10:05:00.123Z", None, true),
        ("NOK", "2026-06-30T10:05:00.122Z", None, false),
        ("SEK", "2026-01-15T10:05:01Z", None, false),
        ("DKK", "2026-01-15T10:05:01Z", None, true),
        ("EUR", "2026-01-15T10:05:01Z", None, true),
        ("EUR", "2026-01-15T10:04:00Z", None, false),
        // Asked for here, it was no lapse; and without a time nothing is known.
        ("NOK", "2026-07-30T10:05:00Z", own, false),
        ("NOK", "", None, false),
    ];
    for (currency, released_at, key, has_lapsed) in cases {
        let log = log(currency, released_at, key);
        assert_eq!(log.has_lapsed(), has_lapsed, "{currency} {released_at} {key:?}");
    }
    let open: Log = parsed(b"[]").unwrap();
    assert!(!open.has_lapsed());
}

#[test]
fn a_number_decides_and_a_title_never() {
    let cases: [(u16, &[u32], &str); 15] = [
        (400, &[6160, 6250, 6280], "Busy"),
        (500, &[3010], "Doubt"),
        (409, &[4010, 4020, 4150], "Doubt"),
        (400, &[4040, 4050, 4060, 4070, 4080, 4090, 4100, 4110], "REJECTED_BY_PROVIDER"),
        (400, &[4120, 4130, 4140, 4160, 6010, 6110, 6120, 6130], "REJECTED_BY_PROVIDER"),
        (400, &[7010, 10_010, 10_020, 10_030, 10_040], "REJECTED_BY_PROVIDER"),
        (400, &[10_050, 10_060, 10_070], "REJECTED_BY_PROVIDER"),
        (400, &[5010, 5020, 5030, 5040, 5050, 5060], "NOT_ENABLED_AT_PROVIDER"),
        (400, &[5070, 5080, 5100, 6140], "NOT_ENABLED_AT_PROVIDER"),
        (400, &[6020, 6040, 6050, 6070, 6080, 6090, 6150], "NOT_ALLOWED_AT_PROVIDER"),
        (400, &[6060, 6170, 6180, 6190, 6200, 6210, 6230], "NOT_ALLOWED_AT_PROVIDER"),
        (400, &[6030, 6100], "RESERVATION_EXPIRED"),
        (404, &[5090], "NOT_FOUND_AT_PROVIDER"),
        (400, &[6220], "REFUND_PERIOD_OVER"),
        (400, &[6260], "FUNDS_UNAVAILABLE"),
    ];
    let unknown: [(u16, &[u32], &str); 1] = [(400, &[9999, 6290], "UNKNOWN_PROVIDER_ERROR")];
    // What is tried on or doubted is told in the same words as what is refused.
    let open = |word: &str, reason: &str, answer: &Answer| {
        assert_eq!(reason, refused(answer).decline.reason);
        word.to_owned()
    };
    let word = |answer: &Answer| match said(answer) {
        Said::Busy { reason, .. } => open("Busy", &reason, answer),
        Said::Doubt { reason } => open("Doubt", &reason, answer),
        Said::Refused(no) => no.decline.code.name().to_owned(),
    };
    for (status, numbers, wanted) in cases.into_iter().chain(unknown) {
        for number in numbers {
            let answer = numbered(status, &number.to_string());
            assert_eq!(word(&answer), wanted, "{number}");
            let is_temporary = matches!(wanted, "Busy" | "Doubt");
            assert_eq!(refused(&answer).is_temporary, is_temporary, "{number}");
        }
    }
    let malformed =
        r#"{"title": "Bad Request", "extraDetails": [{"name": "amount", "reason": "x"}]}"#;
    for (status, body, wanted) in [
        (409, "", "Busy"),
        (423, "", "Busy"),
        (429, r#"{"statusCode": 429, "message": "Rate limit is exceeded."}"#, "Busy"),
        (408, "", "Doubt"),
        (500, "", "Doubt"),
        (502, "<html>", "Doubt"),
        (302, "", "Doubt"),
        (400, malformed, "REJECTED_BY_PROVIDER"),
        (404, "", "NOT_FOUND_AT_PROVIDER"),
        (418, r#"{"title": null, "extraDetails": null}"#, "UNKNOWN_PROVIDER_ERROR"),
    ] {
        assert_eq!(word(&answer(status, body)), wanted, "{status} {body}");
    }
    // Whoever says that he is busy is there, with a time or without one.
    for (status, is_busy) in
        [(409, true), (423, true), (429, true), (503, true), (408, false), (500, false)]
    {
        let no = refused(&answer(status, ""));
        assert!(no.is_temporary, "{status}");
        assert_eq!(no.after, is_busy.then_some(Duration::ZERO), "{status}");
    }
    let reason = |answer: &Answer| refused(answer).decline.reason;
    let wanted = "6090 Some title Some detail (trace id t-1) (instance /capture)";
    assert_eq!(reason(&numbered(400, "6090")), wanted);
    assert_eq!(reason(&answer(400, malformed)), "HTTP 400 Bad Request amount: x");
    assert_eq!(reason(&answer(401, r#"{"message": "No\nentry"}"#)), "HTTP 401 No entry");
    let long = format!(r#"{{"title": "{}"}}"#, "æ".repeat(9_000));
    assert_eq!(reason(&answer(400, &long)).chars().count(), 500);
}

#[test]
fn a_no_is_explained_by_what_the_payment_knows() {
    let no = |code| Decline { code, reason: "6070 No".to_owned() };
    let cases = [
        (OperationKind::Capture, [900, 900, 0, 0], "RESERVATION_GONE", "0 are left"),
        (OperationKind::Capture, [900, 0, 0, 0], "NOT_ALLOWED_AT_PROVIDER", "900 are left"),
        (OperationKind::Capture, [900, 400, 500, 0], "NOT_ALLOWED_AT_PROVIDER", "0 are left"),
        (OperationKind::Refund, [900, 900, 0, 0], "NOT_ALLOWED_AT_PROVIDER", "0 were captured"),
        (OperationKind::Void, [900, 0, 900, 0], "NOT_ALLOWED_AT_PROVIDER", "0 are left"),
    ];
    for (kind, sums, code, words) in cases {
        let told = payment(sums).explain(&call(kind, 900), &no(Code::NotAllowedAtProvider));
        assert_eq!(told.code.name(), code, "{kind:?} {sums:?}");
        assert!(told.reason.starts_with("6070 No; ") && told.reason.contains(words), "{told:?}");
    }
    let expired = payment([900, 900, 0, 0]);
    let told = expired.explain(&call(OperationKind::Capture, 900), &no(Code::ReservationExpired));
    assert_eq!(told.code, Code::ReservationExpired);
}

#[test]
fn only_what_can_be_a_reference_becomes_part_of_an_address() {
    for right in ["acme-shop-123", "ABCDEFGH", &"x".repeat(64)] {
        assert!(is_reference(right), "{right}");
    }
    for wrong in
        ["", "short-7", "with/slash", "a_underscore", "a?query-x", "eight åå", &"x".repeat(65)]
    {
        assert!(!is_reference(wrong), "{wrong}");
    }
}
