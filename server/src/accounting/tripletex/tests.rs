//! Amounts, what refusals mean, and what is told of them.

use std::collections::BTreeMap;
use std::time::Duration;

use order_proto::v1;
use order_rules::accounting::{TransferForm, Voucher};
use order_rules::money::Currency;
use order_rules::order::{Day, PriceBasis};
use order_rules::refusals::Code;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};

use super::amounts::Amount;
use super::answers::{Stop, impersonal, said};
use super::messages::{FoundInvoice, Id, List};
use super::paid_so_far;
use super::session::{PAUSE, Pace, rest, understood};
use crate::accounting::Entry;
use crate::accounting::entry::{Buyer, Paid};
use crate::outside::Answer;

#[test]
fn amounts_are_exact_and_never_floats() {
    for (text, written) in [
        ("0", "0"),
        ("300.00", "300"),
        ("-29.97", "-29.97"),
        ("0.1", "0.1"),
        ("1.0E7", "10000000"),
        ("1.2345678E7", "12345678"),
        ("2.5e-1", "0.25"),
        ("90071992547409.93", "90071992547409.93"),
    ] {
        let amount: Amount = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), written, "{text}");
    }
    for text in
        ["", "-", ".5", "1,5", "1.2345678", "1e-9", "1e99", "true", "\"1\"", "1234567890123456789"]
    {
        assert!(text.parse::<Amount>().is_err(), "{text}");
    }
    for (minor, code, written) in [
        (2_997, "NOK", "29.97"),
        (-5, "NOK", "-0.05"),
        (300, "JPY", "300"),
        (1_234, "KWD", "1.234"),
    ] {
        let amount = Amount::of_minor(minor, Currency::from_code(code).unwrap());
        assert_eq!(amount.to_string(), written);
    }
    let amount = |text: &str| text.parse::<Amount>().ok();
    // Ten euros of an invoice over 100 that came to 1165.55.
    let own = amount("10").unwrap().at_rate(amount("1165.55"), amount("100"));
    assert_eq!(own, amount("116.56"));
    let back = amount("-10").unwrap().at_rate(amount("1165.55"), amount("100"));
    assert_eq!(back, amount("-116.56"));
    assert_eq!(amount("10").unwrap().at_rate(amount("5"), amount("0")), None);
}

fn answer(status: u16, body: &str) -> Answer {
    resetting(status, body, "7")
}

fn resetting(status: u16, body: &str, seconds: &'static str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("X-Rate-Limit-Reset", HeaderValue::from_static(seconds));
    let status = StatusCode::from_u16(status).unwrap();
    Answer { status, headers, body: body.as_bytes().to_vec() }
}

#[test]
fn a_refusal_means_what_its_page_says() {
    let wrong = |field: &str, message: &str| {
        format!(
            r#"{{"code": 18000, "message": "Validering feilet.",
                 "validationMessages": [{{"field": "{field}", "message": "{message}"}}]}}"#
        )
    };
    for (status, body, code) in [
        (422, wrong("orderLines.vatType.id", "Ugyldig mva-kode."), Code::VatNotEnabled),
        (
            422,
            wrong(
                "",
                "Faktura kan ikke opprettes før selskapet har registrert et bankkontonummer.",
            ),
            Code::BankAccountMissing,
        ),
        (422, wrong("paymentTypeId", "Ugyldig betalingstype."), Code::PaymentTypeMissing),
        (422, wrong("", "Kunden kan ikke motta EHF-dokumenter."), Code::CustomerCannotReceive),
        (422, wrong("", "Hele eller deler av fakturaen er kreditert."), Code::CreditedInBooks),
        (422, wrong("", "Ordren er lukket og kan ikke faktureres."), Code::BooksDiffer),
        (422, wrong("name", "Kan ikke være null."), Code::RejectedByAccounting),
        (
            400,
            r#"{"code": 11000, "message": "Illegal field in filter"}"#.to_owned(),
            Code::RejectedByAccounting,
        ),
        (418, "teapot".to_owned(), Code::UnknownProviderError),
    ] {
        match said(&answer(status, &body)) {
            Stop::Declined(decline) => assert_eq!(decline.code, code, "{body}: {decline:?}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    for (status, code, page) in [
        (409, 10_000, Code::BooksLocked),
        (409, 7_000, Code::BooksDiffer),
        (409, 8_000, Code::BooksDiffer),
        (409, 14_000, Code::BooksDiffer),
        (404, 6_000, Code::BooksDiffer),
    ] {
        match said(&answer(status, &format!(r#"{{"code": {code}}}"#))) {
            Stop::Passing(decline) => assert_eq!(decline.code, page),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert!(matches!(said(&answer(429, "")), Stop::Later(Some(rest), _) if rest.as_secs() == 8));
    for status in [500, 502, 503, 504, 408] {
        let oops = said(&answer(status, r#"{"code": 1000, "message": "Oops"}"#));
        assert!(matches!(&oops, Stop::Doubt(words) if *words == format!("{status}/1000 Oops")));
        let read = oops.of_a_read();
        assert!(matches!(&read, Stop::Later(None, words) if words.ends_with("Oops")), "{read:?}");
    }
    for status in [401, 403] {
        assert!(matches!(said(&answer(status, "{}")), Stop::Held(_)), "{status}");
    }
    let login = said(&answer(422, &wrong("expirationDate", "nei"))).of_a_login();
    assert!(matches!(login, Stop::Held(_)), "{login:?}");
}

fn entry(payments: &[i64]) -> Entry {
    let paid = |amount: &i64| Paid { payment_type: "klarna".to_owned(), amount_minor: *amount };
    Entry {
        shop: "default".to_owned(),
        number: 1042,
        form: TransferForm::Invoice,
        credited: None,
        currency: Currency::from_code("NOK").unwrap(),
        voucher: Voucher {
            basis: PriceBasis::Gross,
            rows: Vec::new(),
            rounding_minor: 0,
            gross_minor: 90_000,
        },
        buyer: Buyer::default(),
        payments: payments.iter().map(paid).collect(),
        placed_on: Day(0),
        booked_on: Day(0),
        sends_mail: false,
        vat_types: BTreeMap::new(),
        is_late: false,
    }
}

#[test]
fn money_is_only_booked_where_it_is_known_what_is_booked_already() {
    let invoice = |outstanding: &str| -> FoundInvoice {
        let told = format!(
            r#"{{"id": 7, "amountCurrency": 900.0, "amountCurrencyOutstanding": {outstanding}}}"#
        );
        serde_json::from_str(&told).unwrap()
    };
    let cases: [(&[i64], &str, Option<usize>); 13] = [
        (&[50_000, 40_000], "900", Some(0)),
        (&[50_000, 40_000], "400.00", Some(1)),
        (&[50_000, 40_000], "0", Some(2)),
        // Somebody has booked something else there.
        (&[50_000, 40_000], "500", None),
        (&[50_000, 40_000], "399.99", None),
        (&[50_000, 40_000], "-100", None),
        (&[50_000, 40_000], "null", None),
        // What is settled by hand here stays open there, or is booked there before the rest.
        (&[50_000], "900", Some(0)),
        (&[50_000], "400", Some(1)),
        (&[50_000], "500", Some(0)),
        (&[50_000], "0", Some(1)),
        (&[50_000], "300", None),
        (&[], "300", Some(0)),
    ];
    for (payments, outstanding, booked) in cases {
        match (paid_so_far(&entry(payments), &invoice(outstanding)), booked) {
            (Ok(found), Some(booked)) => assert_eq!(found, booked, "{payments:?} {outstanding}"),
            (Err(Stop::Declined(decline)), None) => {
                assert_eq!(decline.code, Code::BooksDiffer);
                let there = if outstanding == "null" { "nothing" } else { outstanding };
                assert!(decline.reason.starts_with(there), "{decline:?}");
                let here = payments.iter().sum::<i64>() / 100;
                assert!(decline.reason.ends_with(&format!("{here} was paid here")), "{decline:?}");
            }
            (found, _) => panic!("{payments:?} {outstanding}: {found:?}"),
        }
    }
}

#[test]
fn whatever_tripletex_says_is_shown() {
    let cases = [
        (
            422,
            r#"{"code": "18000", "message": null, "requestId": 5, "link": "https://tripletex.no",
                "validationMessages": [null, {"field": null, "message": "Ugyldig mva-kode."}]}"#,
            "422/18000 Ugyldig mva-kode. (request id 5)",
            Code::VatNotEnabled,
        ),
        (
            422,
            r#"{"code": null, "message": "Nei", "developerMessage": "VALIDATION_ERROR",
                "validationMessages": {"field": "name", "message": "for lang", "path": "a.b"}}"#,
            "HTTP 422 Nei name: for lang",
            Code::RejectedByAccounting,
        ),
        (
            422,
            r#"{"code": "X-1", "developerMessage": "Only for developers", "requestId": null}"#,
            "422/X-1 Only for developers",
            Code::RejectedByAccounting,
        ),
        (
            400,
            r#"{"error": "currency", "hint": "ehf"}"#,
            "HTTP 400 error: currency hint: ehf",
            Code::RejectedByAccounting,
        ),
        (
            422,
            "<html><body><h1>Forespørselen er ikke gyldig</h1></body></html>",
            "HTTP 422 Forespørselen er ikke gyldig",
            Code::RejectedByAccounting,
        ),
        (418, "I am\na teapot", "HTTP 418 I am a teapot", Code::UnknownProviderError),
        (418, "", "HTTP 418", Code::UnknownProviderError),
    ];
    for (status, body, reason, code) in cases {
        let Stop::Declined(decline) = said(&answer(status, body)) else { panic!("{body}") };
        assert_eq!((decline.reason.as_str(), decline.code), (reason, code), "{body}");
    }
    let locked = r#"{"code": "10000", "validationMessages": "låst"}"#;
    let Stop::Passing(decline) = said(&answer(409, locked)) else { panic!("{locked}") };
    assert_eq!((decline.reason.as_str(), decline.code), ("409/10000 låst", Code::BooksLocked));
}

#[test]
fn an_answer_of_another_kind_is_no_empty_list() {
    let list = |body: &str| understood::<List<Id>>(&answer(200, body), "/order");
    assert_eq!(list(r#"{"values": []}"#).unwrap().values.len(), 0);
    for body in ["", "<html>Velkommen</html>", "{}", r#"{"status": 200, "message": "ok"}"#] {
        match list(body) {
            Err(Stop::Passing(decline)) => {
                assert_eq!(decline.code, Code::UnknownProviderError);
                assert!(decline.reason.contains("/order"), "{decline:?}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn a_pause_is_at_most_an_hour_and_no_other_answer_ends_it() {
    for (seconds, pause) in [("0", 1), ("7", 8), ("3600", 3_600), ("18446744073709551615", 3_600)] {
        let told = rest(&resetting(429, "", seconds)).unwrap();
        assert_eq!(told, Duration::from_secs(pause), "{seconds}");
    }
    assert_eq!(rest(&resetting(429, "", "soon")), Some(PAUSE));
    assert_eq!(rest(&answer(200, "")), None);
    let pace = Pace::default();
    assert_eq!(pace.rests(), None);
    pace.hear(Some(Duration::from_secs(3_600)));
    for later in [None, Some(Duration::from_secs(1))] {
        pace.hear(later);
        assert!(pace.rests().unwrap() > Duration::from_secs(60), "{later:?}");
    }
}

#[test]
fn nobody_is_named_in_a_reason() {
    let buyer = Buyer {
        name: "Kari Øvrebø".to_owned(),
        email: "kari@kunde.example".to_owned(),
        phone: "+47 900 00 000".to_owned(),
        organization_number: String::new(),
        address: v1::Address {
            lines: vec!["Åsveien 1".to_owned()],
            city: "Oslo".to_owned(),
            ..v1::Address::default()
        },
        language: "nb".to_owned(),
    };
    let words =
        "422/18000 KARI ØVREBØ <kari@kunde.example>, åsveien 1 i Oslo: Kari kan ikke motta EHF";
    let told = impersonal(words, &buyer);
    for personal in ["kari", "øvrebø", "åsveien", "oslo", "kunde.example"] {
        assert!(!told.to_lowercase().contains(personal), "{told}");
    }
    assert!(told.starts_with("422/18000 ") && told.ends_with("kan ikke motta EHF"), "{told}");
    let long = format!(r#"{{"code": 18000, "message": "{}"}}"#, "å".repeat(2_000));
    let Stop::Declined(decline) = said(&answer(422, &long)) else { panic!("declined") };
    assert_eq!(decline.reason.chars().count(), 500);
}
