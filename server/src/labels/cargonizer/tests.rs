//! What is written, and what is made of the answers.

use std::time::Duration;

use order_rules::labels::Parcel;
use order_rules::refusals::Code;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use uuid::Uuid;

use super::answers::{hidden, refused};
use super::{made, reading, writing};
use crate::labels::{Asked, Consignee};
use crate::outside::Answer;
use crate::systems::Report;

const KEY: Uuid = Uuid::from_u128(7);

fn asked() -> Asked {
    Asked {
        key: KEY,
        reference: "1042-00000000".to_owned(),
        order: 1042,
        parcel: Parcel {
            transport_agreement: "1357".to_owned(),
            product: "mypack".to_owned(),
            weight_grams: 1_250,
        },
        consignee: Consignee {
            name: "Åse & \"Søn\" <'AS'>".to_owned(),
            postal_code: "6310".to_owned(),
            city: "Veblungsnes\u{1}".to_owned(),
            country: "NO".to_owned(),
            email: "aase@example.com".to_owned(),
            ..Consignee::default()
        },
        message: "Pakk > godt".to_owned(),
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

fn consignment(id: &str, reference: &str, key: &str) -> String {
    format!(
        "<consignment><id type=\"integer\">{id}</id><number>4017</number>\
         <consignor-reference>{reference}</consignor-reference>\
         <carrier-message nil=\"true\"/><state>open</state>\
         <bundles type=\"array\"><bundle><id type=\"integer\">1</id></bundle></bundles>\
         <transport-agreement><id>1357</id><carrier><identifier>bring2</identifier></carrier>\
         </transport-agreement><values><value name=\"label\" value=\"{key}\"/></values>\
         <number-with-checksum>40174</number-with-checksum>\
         <tracking-url>https://sporing.bring.no/sporing/40179</tracking-url></consignment>"
    )
}

fn consignments(inside: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<consignments type=\"array\">{inside}</consignments>")
}

#[test]
fn a_consignment_is_written_whole_and_escaped() {
    let body = writing::consignment(&asked()).unwrap();
    for part in [
        "<consignment transport_agreement=\"1357\" print=\"false\" estimate=\"false\">",
        "<value name=\"label\" value=\"00000000-0000-0000-0000-000000000007\"/>",
        "<product>mypack</product>",
        "<name>Åse &amp; &quot;Søn&quot; &lt;&apos;AS&apos;&gt;</name>",
        "<city>Veblungsnes </city>",
        "<item type=\"package\" amount=\"1\" weight=\"1.25\"/>",
        "<references><consignor>1042-00000000</consignor></references>",
        "<messages><carrier>Pakk &gt; godt</carrier></messages>",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert!(!body.contains("<mobile>") && !body.contains("transfer"), "{body}");
    let silent = Asked { message: String::new(), ..asked() };
    assert!(!writing::consignment(&silent).unwrap().contains("messages"));
}

#[test]
fn only_the_exact_reference_with_our_key_is_ours() {
    let (ours, other) = (KEY.to_string(), Uuid::from_u128(8).to_string());
    let found = consignments(
        &[
            consignment("3", "91042-00000000", &ours),
            consignment("4", "1042-000000001", &ours),
            consignment("5", "1042-00000000", &other),
            consignment("7", "1042-00000000", &ours),
        ]
        .concat(),
    );
    let found = reading::consignments(found.as_bytes()).unwrap();
    let own: Vec<u64> = found
        .iter()
        .filter(|one| one.is("1042-00000000", KEY))
        .map(reading::Told::number_of_id)
        .collect();
    assert_eq!(own, [7]);
    let Report::Done(made) =
        made(&answer(201, &consignments(&consignment("7", "1042-00000000", &ours))), &asked())
    else {
        panic!("it is made")
    };
    assert_eq!((made.id.as_str(), made.number.as_str()), ("7", "4017"));
    assert_eq!(
        (made.tracking.carrier.as_str(), made.tracking.number.as_str()),
        ("bring2", "40179")
    );
}

#[test]
fn what_is_made_is_made_whatever_else_is_said_with_it() {
    let made_of = |inside: &str| made(&answer(200, &consignments(inside)), &asked());
    let own = consignment("7", "1042-00000000", &KEY.to_string());
    let no = "<consignment><errors><error>Nei</error></errors></consignment>";
    let warned = own.replace("</consignment>", "<errors><error>Nei</error></errors></consignment>");
    for inside in [format!("{no}{own}"), format!("{own}{no}"), warned] {
        assert!(matches!(made_of(&inside), Report::Done(_)), "{inside}");
    }
    let other = consignment("8", "1043-00000000", &KEY.to_string());
    for inside in [no.to_owned(), format!("{no}{other}")] {
        assert!(matches!(made_of(&inside), Report::Declined(_)), "{inside}");
    }
}

#[test]
fn a_success_that_shows_nothing_is_looked_for() {
    for body in ["", "<html><body>OK</body></html>", "<consignments/>", "<consignments>", "{}"] {
        assert_eq!(made(&answer(200, body), &asked()), Report::Doubt, "{body}");
    }
    for body in ["<errors><error>no</error></errors>", "<nothing/>", "%PDF-1.4"] {
        assert!(reading::consignments(body.as_bytes()).is_none(), "{body} must not pass for empty");
    }
}

#[test]
fn every_error_has_its_page() {
    let errors = |words: &str| {
        format!(
            "<errors><info><request-id>92bd</request-id><user><id>5432</id>\
             <username>api@example.com</username></user></info><error>{words}</error></errors>"
        )
    };
    for (status, words, code) in [
        (400, "Missing transport agreement", Code::TransportAgreementInvalid),
        (400, "Product not in transport agreement", Code::TransportAgreementInvalid),
        (400, "Services er ugyldig", Code::TransportAgreementInvalid),
        (400, "Mottakers mobil kan ikke være blank", Code::RejectedByProvider),
        (400, "Skriveren er ikke tilkoblet DirectPrint", Code::PrinterUnavailable),
        (403, "Lisensens grense er nådd", Code::CarrierLicenceSpent),
        (403, "Nei", Code::NotAllowedAtProvider),
        (404, "Fant ikke ressursen", Code::NotFoundAtProvider),
        (418, "Te\u{7}", Code::UnknownProviderError),
    ] {
        let no = refused(&answer(status, &errors(words)));
        assert_eq!(no.decline.code, code, "{words}");
        assert!(!no.is_about_credentials && !no.is_temporary && !no.is_in_doubt, "{words}");
        let reason = no.decline.reason;
        assert!(reason.starts_with(&format!("HTTP {status} ")), "{reason}");
        assert!(reason.ends_with("(request id 92bd)") && !reason.contains("api@"), "{reason}");
        assert!(!reason.chars().any(char::is_control), "{reason}");
    }
    for (status, words) in [
        (401, "This action requires authentication"),
        (402, "This action requires a sender to be specified"),
        (403, "This action requires a sender to be specified"),
    ] {
        assert!(refused(&answer(status, &errors(words))).is_about_credentials, "{status}");
    }
    // Cargonizer, or a proxy before it, may have given up waiting for what is done all the same.
    for (status, is_temporary, is_in_doubt) in [
        (408, true, true),
        (429, true, false),
        (500, true, true),
        (502, true, true),
        (304, false, true),
    ] {
        let no = refused(&answer(status, "<html/>"));
        assert_eq!((no.is_temporary, no.is_in_doubt), (is_temporary, is_in_doubt), "{status}");
        // Whoever says that he is busy is there.
        assert_eq!(no.after, (status == 429).then_some(Duration::ZERO), "{status}");
    }
    // A refusal behind a status of success, in either form.
    let inside = consignments("<consignment><errors><error>Nei</error></errors></consignment>");
    for body in [errors("Nei"), inside] {
        assert!(hidden(&answer(200, &body)).unwrap().reason.contains("Nei"), "{body}");
    }
    assert!(hidden(&answer(200, "%PDF-1.4")).is_none());
    let long = refused(&answer(400, &errors(&"x".repeat(9_000)))).decline.reason;
    assert_eq!(long.chars().count(), 500);
}

#[test]
fn whatever_cargonizer_says_is_shown() {
    let info = "<info><request-id>92bd</request-id><user><username>api@example.com</username>\
                </user></info>";
    let nested =
        format!("<errors>{info}<error><code>7</code><text>Uventet felt</text></error></errors>");
    for (status, body, reason, code) in [
        (400, nested.as_str(), "HTTP 400 7 Uventet felt", Code::RejectedByProvider),
        (
            400,
            "<problem><detail>Ny feil</detail></problem>",
            "HTTP 400 Ny feil",
            Code::RejectedByProvider,
        ),
        (403, r#"{"error": "Sperret"}"#, "HTTP 403 error: Sperret", Code::NotAllowedAtProvider),
        (403, "<html><body>Sperret</body></html>", "HTTP 403 Sperret", Code::NotAllowedAtProvider),
        (418, "te\n", "HTTP 418 te", Code::UnknownProviderError),
        (404, "", "HTTP 404", Code::NotFoundAtProvider),
    ] {
        let decline = refused(&answer(status, body)).decline;
        assert_eq!((decline.reason.as_str(), decline.code), (reason, code), "{body}");
    }
}

#[test]
fn what_is_personal_is_not_repeated() {
    let words = "HTTP 400 aase@example.com er ugyldig for Åse & \"Søn\" <'AS'> (Pakk > godt)";
    assert_eq!(writing::impersonal(words, &asked()), "HTTP 400 … er ugyldig for … (…)");
}

#[test]
fn entities_and_depths_do_no_harm() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]>\
                <consignments><consignment><id>&c;</id></consignment></consignments>";
    assert!(reading::consignments(bomb.as_bytes()).is_none());
    let deep = format!("<consignments>{}</consignments>", "<a>".repeat(20_000));
    assert!(reading::consignments(deep.as_bytes()).is_none());
    assert!(reading::consignments(&[0xff, 0xfe, b'<']).is_none());
}
