//! The form in every language, with short and with long names. `ORDER_TEST_FORMS` names a folder to
//! write them to, so that they can be looked at.

use order_proto::v1;

use super::letters::{encoded, width};
use super::withdrawal_form;
use crate::mail::matter::Matter;

fn matter(language: &str, lines: usize, is_long: bool) -> Matter {
    let many = |text: &str| if is_long { format!("{text} ").repeat(9) } else { text.to_owned() };
    let line = |number: usize| v1::Line {
        kind: v1::LineKind::Goods.into(),
        quantity: 2,
        title: many(&format!("Kaffekopp «Blåbær» nr. {number} på føtter")),
        ..v1::Line::default()
    };
    let address = |street: &str| v1::Address {
        lines: vec![many(street), "c/o Ærlig & Øyvind Åsen".to_owned()],
        postal_code: "0571".to_owned(),
        city: "Oslo".to_owned(),
        region_code: "NO".to_owned(),
        ..v1::Address::default()
    };
    Matter {
        has_form: true,
        order: v1::Order {
            number: 1001,
            language_code: language.to_owned(),
            create_time: Some(prost_types::Timestamp { seconds: 1_764_111_600, nanos: 0 }),
            lines: (1..=lines).map(line).collect(),
            customer: Some(v1::Customer {
                full_name: many("Åse Jäätteenmäki-Großæøå"),
                ..v1::Customer::default()
            }),
            billing_address: Some(address("Christian Michelsens gate 1000")),
            ..v1::Order::default()
        },
        settings: v1::ShopSettings {
            time_zone: "Europe/Oslo".to_owned(),
            seller: Some(v1::Seller {
                name: many("Kopper og Kar AS"),
                address: Some(address("Storgata 1")),
                email: "hei@kopper.example".to_owned(),
                phone: "+47 22 00 00 00".to_owned(),
                ..v1::Seller::default()
            }),
            ..v1::ShopSettings::default()
        },
        ..Matter::default()
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn every_form_is_a_pdf_with_seller_order_and_customer() {
    let folder = std::env::var("ORDER_TEST_FORMS").ok();
    for language in ["nb", "nn-NO", "en", "sv", "da", "fi", "de"] {
        for (lines, is_long) in [(2, false), (12, true), (40, true)] {
            let form = withdrawal_form(&matter(language, lines, is_long));
            assert!(form.pdf.starts_with(b"%PDF-"), "{language}");
            let holds = |text: &str| {
                let wanted = encoded(text).unwrap();
                form.pdf.windows(wanted.len()).any(|part| part == wanted)
            };
            for text in ["1001", "hei@kopper.example", "0571 Oslo", "Storgata"] {
                assert!(holds(text), "{language}: {text}");
            }
            if let Some(folder) = &folder {
                let name = format!("{folder}/{language}-{lines}.pdf");
                std::fs::write(name, &form.pdf).unwrap();
            }
        }
    }
}

#[test]
fn lines_that_are_not_listed_are_counted() {
    for (language, lines, told) in [
        ("nb", 13, Some("og 1 til")),
        ("nn", 40, Some("og 28 til")),
        ("en", 40, Some("and 28 more")),
        ("sv", 40, Some("och 28 till")),
        ("da", 40, Some("og 28 mere")),
        ("fi", 40, Some("ja 28 muuta")),
        ("nb", 12, None),
    ] {
        let pdf = withdrawal_form(&matter(language, lines, false)).pdf;
        let holds = |text: &str| {
            // A line with letters beyond ASCII is written in hexadecimal.
            let plain = encoded(text).unwrap();
            let hexadecimal: String = plain.iter().map(|byte| format!("{byte:02X}")).collect();
            let has = |wanted: &[u8]| pdf.windows(wanted.len()).any(|part| part == wanted);
            has(&plain) || has(hexadecimal.as_bytes())
        };
        assert!(holds("nr. 12 p"), "{language}, {lines} lines");
        assert!(!holds("nr. 13 p"), "{language}, {lines} lines");
        let counts =
            ["og 1 til", "og 28 til", "and 28 more", "och 28 till", "og 28 mere", "ja 28 muuta"];
        let found: Vec<&str> = counts.into_iter().filter(|text| holds(text)).collect();
        assert_eq!(found, told.into_iter().collect::<Vec<_>>(), "{language}, {lines} lines");
    }
}

#[test]
fn the_language_is_the_customers_or_english() {
    for (language, name) in [
        ("nb", "Angreskjema-1001.pdf"),
        ("no", "Angreskjema-1001.pdf"),
        ("nn", "Angreskjema-1001.pdf"),
        ("sv-FI", "Ångerblankett-1001.pdf"),
        ("fi", "Peruuttamislomake-1001.pdf"),
        ("da", "Fortrydelsesformular-1001.pdf"),
        ("en-GB", "Withdrawal-form-1001.pdf"),
        ("pl", "Withdrawal-form-1001.pdf"),
    ] {
        assert_eq!(withdrawal_form(&matter(language, 1, false)).file_name, name);
    }
}

#[test]
fn letters_are_shown_or_left_to_be_written() {
    assert_eq!(encoded("æøåÆØÅäößé"), Some(b"\xe6\xf8\xe5\xc6\xd8\xc5\xe4\xf6\xdf\xe9".to_vec()));
    assert_eq!(encoded("Łukasz – Čáhcesuolu"), Some(b"Lukasz \x96 C\xe1hcesuolu".to_vec()));
    assert_eq!(encoded("Žiga €"), Some(b"\x8eiga \x80".to_vec()));
    assert_eq!(encoded("Иван"), None);
    assert_eq!(width(b"Hei"), 722 + 556 + 222);
}
