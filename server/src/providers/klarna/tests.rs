//! What Klarna's words mean, case by case; the conversation itself is tested on the whole server.

use order_rules::money::Currency;
use order_rules::order::LineKind;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::*;
use crate::providers::{CallLine, Doubt};

fn call(kind: OperationKind, amount_minor: i64) -> Call {
    Call {
        shop: "demo".to_owned(),
        provider: "klarna".to_owned(),
        reference: "f3392f8b-6116-4073-ab96-e330819e2c07".to_owned(),
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

fn order(more: &str) -> Order {
    let text = format!(
        r#"{{"order_amount": 900, "remaining_authorized_amount": 900, "purchase_currency": "NOK",
            "purchase_country": "NO", "expires_at": "2026-12-23T10:00:00.5Z", {more}}}"#
    );
    Order::read(text.as_bytes()).unwrap()
}

fn answer(status: u16, body: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
}

#[test]
fn only_captures_under_keys_such_as_ours_are_of_a_service_like_this() {
    let ours = Uuid::new_v5(&Uuid::from_u128(1), b"one");
    let random = Uuid::new_v4();
    let order = order(&format!(
        r#""captures": [{{"capture_id": "c1", "reference": "{ours}"}},
           {{"capture_id": "c2", "reference": "{random}"}},
           {{"capture_id": "c3", "reference": "1042"}}, {{"capture_id": "c4"}}]"#
    ));
    assert_eq!(order.capture_keys(), [ours]);
}

#[test]
fn an_order_says_whether_its_money_is_held() {
    let held = |report: Report| match report {
        Report::Done(Confirmation { amount_minor, .. }) => format!("{amount_minor}"),
        Report::Declined(decline) => decline.code.name().to_owned(),
        Report::Accepted { .. } => "LATER".to_owned(),
        other => panic!("{other:?}"),
    };
    let cases = [
        (r#""status": "AUTHORIZED", "fraud_status": "ACCEPTED""#, "900"),
        (r#""status": "AUTHORIZED", "captures": null, "fraud_status": null"#, "900"),
        (r#""status": "AUTHORIZED", "remaining_authorized_amount_": 1"#, "900"),
        (r#""status": "PART_CAPTURED", "captured_amount": 100"#, "RESERVATION_GONE"),
        (r#""status": "AUTHORIZED", "fraud_status": "PENDING""#, "LATER"),
        (r#""status": "AUTHORIZED", "fraud_status": "NEWER_WORD""#, "LATER"),
        (r#""status": "AUTHORIZED", "fraud_status": "REJECTED""#, "FRAUD_REJECTED"),
        (r#""status": "EXPIRED", "fraud_status": "ACCEPTED""#, "RESERVATION_EXPIRED"),
        (r#""status": "CANCELLED""#, "RESERVATION_GONE"),
        (r#""status": "CLOSED""#, "RESERVATION_GONE"),
    ];
    for (more, wanted) in cases {
        let report = order(more).authorization(&call(OperationKind::Authorize, 900));
        assert_eq!(held(report), wanted, "{more}");
    }
    let Report::Done(confirmation) =
        order(r#""status": "AUTHORIZED""#).authorization(&call(OperationKind::Authorize, 900))
    else {
        panic!("held")
    };
    assert_eq!(confirmation.expires_at.unwrap().0, 1_798_020_000_500_000);
    let euros = Call {
        currency: Currency::from_code("EUR").unwrap(),
        ..call(OperationKind::Authorize, 900)
    };
    let report = order(r#""status": "AUTHORIZED""#).authorization(&euros);
    assert_eq!(held(report), "PAYMENT_MISMATCH");
}

#[test]
fn an_operation_is_found_by_the_trace_it_left() {
    let key = Uuid::from_u128(7);
    let captured = format!(
        r#""status": "CAPTURED", "captured_amount": 900, "captures":
           [{{"capture_id": "c1", "captured_amount": 1, "reference": "other"}},
            {{"capture_id": "c2", "captured_amount": 900, "reference": "{key}"}}],
           "refunds": [{{"refund_id": "r1", "refunded_amount": 5, "reference": "{key}"}}]"#
    );
    let gone = r#""status": "CAPTURED", "captured_amount": 500, "remaining_authorized_amount": 0"#;
    let gone = gone.to_owned();
    let open = r#""status": "AUTHORIZED""#.to_owned();
    let cancelled = r#""status": "CANCELLED""#.to_owned();
    let cases = [
        (OperationKind::Capture, 900, &captured, Some(("c2", 900))),
        (OperationKind::Refund, 5, &captured, Some(("r1", 5))),
        (OperationKind::Capture, 900, &open, None),
        (OperationKind::Refund, 5, &open, None),
        (OperationKind::Void, 900, &cancelled, Some(("f3392f8b-6116-4073-ab96-e330819e2c07", 900))),
        (OperationKind::Void, 900, &open, None),
        (
            OperationKind::UpdateAmount,
            900,
            &open,
            Some(("f3392f8b-6116-4073-ab96-e330819e2c07", 900)),
        ),
        (OperationKind::UpdateAmount, 700, &open, None),
        (OperationKind::UpdateAmount, 900, &cancelled, None),
        (OperationKind::Release, 400, &open, None),
    ];
    for (kind, amount, more, wanted) in cases {
        let found = order(more).trace_of(&call(kind, amount));
        let found = found.as_ref().map(|one| (one.provider_reference.as_str(), one.amount_minor));
        assert_eq!(found, wanted, "{kind:?} {more}");
    }
    let text = format!(r#"{{"order_amount": 900, {gone}}}"#);
    let order = Order::read(text.as_bytes()).unwrap();
    assert!(order.trace_of(&call(OperationKind::Release, 400)).is_some());
}

#[test]
fn an_order_is_an_account_of_its_reservation() {
    use order_rules::reconciling::Standing::{Expired, Gone, Held, Pending, Rejected};
    let told = |more: &str| {
        let text = format!(
            r#"{{"order_amount": 900, "purchase_currency": "NOK", "purchase_country": "NO",
                "expires_at": "2026-12-23T10:00:00.5Z", {more}}}"#
        );
        let statement = Order::read(text.as_bytes()).unwrap().statement()?;
        assert_eq!(statement.currency, Currency::from_code("NOK"));
        assert_eq!(statement.expires_at.unwrap().0, 1_798_020_000_500_000);
        let amounts =
            (statement.captured_minor, statement.refunded_minor, statement.released_minor);
        Some((statement.standing, statement.authorized_minor, amounts))
    };
    let cases = [
        (
            r#""status": "AUTHORIZED", "remaining_authorized_amount": 900"#,
            Some((Held, 900, (0, 0, 0))),
        ),
        (
            r#""status": "PART_CAPTURED", "captured_amount": 400, "remaining_authorized_amount": 500"#,
            Some((Held, 900, (400, 0, 0))),
        ),
        (
            r#""status": "CAPTURED", "captured_amount": 800, "refunded_amount": 50"#,
            Some((Held, 900, (800, 50, 100))),
        ),
        (r#""status": "CANCELLED""#, Some((Gone, 900, (0, 0, 900)))),
        (r#""status": "CLOSED", "captured_amount": 900"#, Some((Gone, 900, (900, 0, 0)))),
        (
            r#""status": "EXPIRED", "remaining_authorized_amount": 900"#,
            Some((Expired, 900, (0, 0, 900))),
        ),
        (
            r#""status": "AUTHORIZED", "fraud_status": "PENDING", "remaining_authorized_amount": 900"#,
            Some((Pending, 900, (0, 0, 0))),
        ),
        (
            r#""status": "AUTHORIZED", "fraud_status": "REJECTED", "remaining_authorized_amount": 900"#,
            Some((Rejected, 900, (0, 0, 0))),
        ),
        (r#""status": "SOMETHING_NEWER""#, None),
    ];
    for (more, wanted) in cases {
        assert_eq!(told(more), wanted, "{more}");
    }
}

#[test]
fn a_fee_is_one_of_klarnas_where_all_was_captured_at_once_in_a_market_that_has_it() {
    let takes_fees = |country: &str, captures: &[i64]| {
        let made: Vec<Value> =
            captures.iter().map(|amount| json!({"captured_amount": amount})).collect();
        let told = json!({
            "order_amount": 900,
            "captured_amount": captures.iter().sum::<i64>(),
            "purchase_country": country,
            "captures": made,
        });
        Order::read(told.to_string().as_bytes()).unwrap().takes_return_fees()
    };
    for country in ["AT", "DE", "DK", "FI", "FR", "NL", "NO", "SE"] {
        assert!(takes_fees(country, &[900]), "{country}");
    }
    let others: [(&str, &[i64]); 7] = [
        ("GB", &[900]),
        ("US", &[900]),
        ("", &[900]),
        ("NO", &[]),
        ("NO", &[500]),
        ("NO", &[500, 400]),
        ("NO", &[900, 0]),
    ];
    for (country, captures) in others {
        assert!(!takes_fees(country, captures), "{country} {captures:?}");
    }
}

#[test]
fn a_no_is_told_in_klarnas_words_and_explained_by_a_page() {
    let cases = [
        (403, r#"{"error_code": "CAPTURE_NOT_ALLOWED"}"#, Code::NotAllowedAtProvider),
        (404, r#"{"error_code": "NO_SUCH_ORDER"}"#, Code::NotFoundAtProvider),
        (404, "<html>", Code::NotFoundAtProvider),
        (400, r#"{"error_code": "BAD_VALUE"}"#, Code::RejectedByProvider),
        (400, "", Code::RejectedByProvider),
        (403, r#"{"error_code": "SOMETHING_NEW"}"#, Code::UnknownProviderError),
        (403, "", Code::UnknownProviderError),
    ];
    for (status, body, wanted) in cases {
        let no = refused(&answer(status, body));
        assert_eq!(no.decline.code, wanted, "{status} {body}");
        assert!(!no.is_temporary && no.hold.is_none(), "{status} {body}");
    }
    let body = r#"{"error_code": "NOT_ALLOWED", "error_messages": ["Not\nnow", "never"],
                   "correlation_id": "c-1"}"#;
    let no = refused(&answer(403, body));
    assert_eq!(no.decline.reason, "NOT_ALLOWED Not now never (correlation id c-1)");
    let newer = r#"{"error_id": "e-1", "error_type": "INPUT_ERROR", "error_code": "CAPTURE_NOT_ALLOWED",
                    "error_message": "Not\tnow"}"#;
    let no = refused(&answer(403, newer));
    assert_eq!(no.decline.reason, "CAPTURE_NOT_ALLOWED Not now INPUT_ERROR (error id e-1)");
    assert_eq!(no.decline.code, Code::NotAllowedAtProvider);
    // Whatever the word, a state that forbids it may be that of what was done already.
    for (status, body, may_be_known) in [
        (403, "", true),
        (403, r#"{"error_code": "SOMETHING_NEW"}"#, true),
        (404, r#"{"error_code": "NO_SUCH_ORDER"}"#, false),
        (400, "", false),
    ] {
        assert_eq!(refused(&answer(status, body)).may_be_known, may_be_known, "{status} {body}");
    }
    let long = format!(r#"{{"error_code": "X", "error_messages": ["{}"]}}"#, "æ".repeat(9_000));
    assert_eq!(refused(&answer(403, &long)).decline.reason.chars().count(), 500);
    for (status, wanted) in [
        (409, "Busy"),
        (429, "Busy"),
        (401, "Unauthorized"),
        (408, "Doubt"),
        (500, "Doubt"),
        (502, "Doubt"),
        (503, "Doubt"),
        (504, "Doubt"),
        (302, "Doubt"),
        (403, "Refused"),
    ] {
        let said = format!("{:?}", said(&answer(status, "")));
        assert!(said.starts_with(wanted), "{status}: {said}");
        assert!(said.contains(&format!("\"HTTP {status}\"")), "{said}");
    }
    // Whoever says that he is busy is there, with a time or without one.
    for (status, is_busy) in [(409, true), (429, true), (503, true), (500, false), (502, false)] {
        let no = refused(&answer(status, ""));
        assert!(no.is_temporary, "{status}");
        assert_eq!(no.after, is_busy.then_some(Duration::ZERO), "{status}");
    }
}

#[test]
fn whatever_klarna_says_is_shown() {
    let cases = [
        (
            400,
            r#"{"error_code": "BAD_VALUE", "error_messages": ["x"], "correlation_id": null}"#,
            "BAD_VALUE x",
            Code::RejectedByProvider,
        ),
        (
            403,
            r#"{"error_code": "CAPTURE_NOT_ALLOWED", "error_messages": null, "correlation_id": 7}"#,
            "CAPTURE_NOT_ALLOWED (correlation id 7)",
            Code::NotAllowedAtProvider,
        ),
        (
            403,
            r#"{"error_code": "NOT_ALLOWED", "error_messages": [null, 5, "x"]}"#,
            "NOT_ALLOWED 5 x",
            Code::NotAllowedAtProvider,
        ),
        (
            422,
            r#"{"error_code": "INVALID_ADDRESS", "error_messages": "one", "field": "city"}"#,
            "INVALID_ADDRESS one field: city",
            Code::RejectedByProvider,
        ),
        (
            403,
            r#"{"error": "forbidden", "error_description": "This merchant is blocked"}"#,
            "HTTP 403 error: forbidden error_description: This merchant is blocked",
            Code::UnknownProviderError,
        ),
        (
            403,
            "<html><head><style>p {}</style></head><body>\n<h1>Not here</h1></body></html>",
            "HTTP 403 Not here",
            Code::UnknownProviderError,
        ),
        (400, "upstream\tsaid no", "HTTP 400 upstream said no", Code::RejectedByProvider),
        (404, "", "HTTP 404", Code::NotFoundAtProvider),
    ];
    for (status, body, reason, code) in cases {
        let decline = refused(&answer(status, body)).decline;
        assert_eq!((decline.reason.as_str(), decline.code), (reason, code), "{body}");
    }
}

#[test]
fn lines_are_sent_only_where_they_make_up_the_amount() {
    let line = |kind, quantity, gross_minor, vat_minor| CallLine {
        kind,
        sku: "CUP".to_owned(),
        title: "Kopp".to_owned(),
        quantity,
        vat_rate_bp: 2_500,
        vat_minor,
        gross_minor,
    };
    let lines = vec![line(LineKind::Goods, 3, 10_000, 2_000), line(LineKind::Fee, 1, -500, -100)];
    let refund = Call { lines, ..call(OperationKind::Refund, 9_500) };
    let written = lines::of_refund(&refund).unwrap();
    // 100.00 over 3 does not divide: the line is one of it all.
    let wanted = json!([
        {"type": "physical", "name": "3 × Kopp", "quantity": 1, "unit_price": 10_000,
         "tax_rate": 2_500, "total_amount": 10_000, "total_tax_amount": 2_000, "reference": "CUP"},
        {"type": "return_fee", "name": "Kopp", "quantity": 1, "unit_price": -500,
         "tax_rate": 2_500, "total_amount": -500, "total_tax_amount": -100, "reference": "CUP"},
    ]);
    assert_eq!(written, wanted);
    assert!(lines::has_fees(&refund.lines));
    assert_eq!(lines::of_refund(&Call { amount_minor: 9_499, ..refund }), None);
    assert_eq!(lines::of_order(&call(OperationKind::UpdateAmount, 0)), None);
}

#[test]
fn only_what_can_be_an_order_id_becomes_part_of_an_address() {
    for right in ["f3392f8b-6116-4073-ab96-e330819e2c07", "abc_123"] {
        assert!(is_order_id(right), "{right}");
    }
    for wrong in ["", "a/b", "..", "a?b", "a#b", "a b", "å", "a%2fb", &"x".repeat(256)] {
        assert!(!is_order_id(wrong), "{wrong}");
    }
}
