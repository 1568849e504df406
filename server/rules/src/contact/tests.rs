//! 3.3, 3.4: what is an address, and which ones look mistyped.

use super::{is_valid_email, suggest_email};

#[test]
fn an_address_is_one_address() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long = format!("kari@{}.com", "a.".repeat(130));
    let cases = [
        ("kari@example.com", true),
        ("kari.nordmann+shop@sub.example.co.uk", true),
        ("o'hara_1@example.no", true),
        ("bjørn@blåbær.no", true),
        ("", false),
        ("kari", false),
        ("@example.com", false),
        ("kari@", false),
        ("kari@example", false),
        ("kari@example.c", false),
        ("kari@127.0.0.1", false),
        ("kari@@example.com", false),
        ("kari@example.com,ola@example.com", false),
        ("kari@example.com ola@example.com", false),
        ("Kari <kari@example.com>", false),
        ("kari@example.com\r\nBcc: all@example.com", false),
        ("kari\n@example.com", false),
        ("kari@example.com\n", false),
        (".kari@example.com", false),
        ("kari..n@example.com", false),
        ("kari@-example.com", false),
        ("kari@example-.com", false),
        ("kari@example..com", false),
        ("\"kari\"@example.com", false),
        (&long_local, false),
        (&long, false),
    ];
    for (email, is_valid) in cases {
        assert_eq!(is_valid_email(email), is_valid, "{email:?}");
    }
}

#[test]
fn a_slip_is_questioned_and_a_real_domain_is_not() {
    let cases = [
        ("gmail.cm", Some("gmail.com")),
        ("mail.com", Some("gmail.com")),
        ("gmial.com", Some("gmail.com")),
        ("gmal.com", Some("gmail.com")),
        ("gmail.con", Some("gmail.com")),
        ("gmail.no", Some("gmail.com")),
        ("GMAIL.CO", Some("gmail.com")),
        ("hotmial.com", Some("hotmail.com")),
        ("hotmal.no", Some("hotmail.no")),
        ("hotmail.cmo", Some("hotmail.com")),
        ("outlok.com", Some("outlook.com")),
        ("yaho.no", Some("yahoo.no")),
        ("onlin.no", Some("online.no")),
        ("iclud.com", Some("icloud.com")),
        ("icloud.co.uk", Some("icloud.com")),
        ("gmail.com", None),
        ("hotmail.no", None),
        ("live.se", None),
        ("me.com", None),
        ("example.com", None),
        ("mystore.no", None),
        ("uio.no", None),
        ("nrk.no", None),
        ("hotmail.fr", None),
        ("posten.no", None),
        ("sub.gmail.com.example.org", None),
    ];
    for (domain, expected) in cases {
        let suggestion = suggest_email(&format!("Kari.N@{domain}"));
        let expected = expected.map(|domain| format!("Kari.N@{domain}"));
        assert_eq!(suggestion, expected, "{domain}");
    }
    assert_eq!(suggest_email("not an address@gmail.cm"), None);
}
