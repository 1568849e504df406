//! What the stand-in of Cargonizer tells, against what the real one was seen to tell.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{KEY, Parcel, SENDER, Stage, between, send, text, xml};

/// The elements of an answer recorded from the sandbox, in their order.
const RECORDED: [(&str, &str); 7] = [
    (
        "consignment",
        "id number consignor-reference consignee-reference tod-code tod-country tod-postcode \
         tod-city freight-payer-key collection-id transport-agreement-id product-id created-at \
         updated-at carrier-message consignee-message booking-request state transfer-at \
         consignment-transfer-group-id email-label-to-consignee email-notification-to-consignee \
         number-with-checksum bundles addresses services transport-agreement product tags values \
         consignment-pdf waybill-pdf tracking-url print-result",
    ),
    (
        "bundle",
        "id description load-meter weight volume length height width pallet-places \
         insurance-amount consignment-id bundle-type-id created-at updated-at exchange-pallets \
         commodity-code unit-value country-of-origin net-weight bundle-type pieces \
         dangerous-goods-declarations",
    ),
    ("piece", "id number printed bundle-id created-at updated-at number-with-checksum"),
    (
        "address",
        "id number name address1 address2 postcode city country postbox postbox-postcode \
         postbox-city email phone mobile fax contact-person customer-number freight-payer \
         consignment-id created-at updated-at agent-number reference",
    ),
    ("transport-agreement", "id number description carrier"),
    ("carrier", "name identifier"),
    ("product", "id name identifier"),
];

#[tokio::test]
async fn consignments_are_told_as_rails_tells() {
    let stage = Stage::new().await;
    let parcel = Parcel {
        name: "Kari &amp; Ola &lt;Ås&gt;",
        more: "<messages><carrier>Pakk godt</carrier></messages>",
        ..Parcel::default()
    };
    let id = stage.make(&parcel).await;
    let told = text(&stage.ask("GET", &format!("/consignments/{id}.xml"), "").await);
    for part in [
        "<consignor-reference>1001</consignor-reference>",
        "<consignee-reference nil=\"true\"/>",
        "<transfer-at type=\"dateTime\" nil=\"true\"/>",
        "<state>open</state>",
        "<carrier-message>Pakk godt</carrier-message>",
        "<name>Kari &amp; Ola &lt;Ås&gt;</name>",
        "<weight type=\"float\">1.2</weight>",
        "<printed type=\"boolean\" nil=\"true\"/>",
        "<value name=\"operation\" value=\"op-1\"/>",
        "<print-result nil=\"true\"/>",
        "<services type=\"array\"/>",
        "<transport-agreement><id type=\"integer\">1357</id><number>20123456</number>",
        "<carrier><name>Bring</name><identifier>bring2</identifier></carrier>",
        "<product><id type=\"integer\">271</id><name>Bedriftspakke</name>",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let number = between(&told, "<number-with-checksum>", "<");
    let tracked = between(&told, "<tracking-url>", "<");
    assert_eq!(tracked.rsplit('/').next(), Some(number));
    // Pieces are in a bundle, and have ids of their own.
    let bundle = between(&told, "<bundles type=\"array\"><bundle>", "</bundle>");
    let piece = between(bundle, "<pieces type=\"array\"><piece><id type=\"integer\">", "<");
    assert_ne!(piece, id);
    let pdf = between(&told, "<consignment-pdf>", "<");
    assert!(pdf.ends_with(&format!("/consignments/label_pdf?consignment_ids%5B%5D={id}")), "{pdf}");
    assert_eq!(stage.done("consignment"), [id]);
    assert!(xml::is_sound(&told));
}

#[tokio::test]
async fn consignments_have_all_that_was_recorded() {
    let stage = Stage::new().await;
    let id = stage.make(&Parcel::default()).await;
    let path = format!("/consignments/transfer.xml?consignment_ids[]={id}");
    stage.cargonizer.advance(Duration::from_secs(60));
    stage.ask("POST", &path, "").await;
    let told = text(&stage.ask("GET", &format!("/consignments/{id}.xml"), "").await);
    for (parent, wanted) in RECORDED {
        let found = children(&told, parent);
        assert_eq!(found, wanted.split_whitespace().collect::<Vec<_>>(), "{parent}");
    }
    // Times are told to the second.
    let times: Vec<Timestamp> = ["created-at", "transfer-at", "updated-at"]
        .map(|name| {
            let time = between(&told, &format!("<{name} type=\"dateTime\">"), "<");
            assert_eq!(time.len(), "2025-11-10T14:52:47Z".len(), "{name}: {time}");
            time.parse().unwrap()
        })
        .into();
    assert!(times[0] < times[1] && times[1] == times[2], "{times:?}");
}

/// The names of what stands in the first element of this name.
fn children(told: &str, parent: &str) -> Vec<String> {
    use quick_xml::events::Event;

    let mut reader = quick_xml::Reader::from_str(told);
    // How deep the reader is in that element; nothing outside it.
    let mut depth = 0_usize;
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                if depth == 1 {
                    found.push(name.clone());
                }
                depth += usize::from(depth > 0 || name == parent);
            }
            Event::Empty(empty) if depth == 1 => found.push(empty.name().as_ref().to_owned()),
            Event::End(_) if depth == 1 => return found,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof => return found,
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_piece_of_an_item_is_told() {
    let stage = Stage::new().await;
    let items = r#"<item type="package" amount="2" weight="1.2"/><item type="pallet" amount="1" weight="9"/>"#;
    let id = stage.make(&Parcel { items, ..Parcel::default() }).await;
    stage.make(&Parcel { items, ..Parcel::default() }).await;
    let told = text(&stage.ask("GET", "/consignments.xml?text=1001", "").await);
    let pieces = told.split("<piece><id type=\"integer\">").skip(1);
    let pieces: BTreeSet<&str> = pieces.map(|piece| piece.split_once('<').unwrap().0).collect();
    assert_eq!(pieces.len(), 6, "{pieces:?}");
    for piece in &pieces {
        let path = format!("/consignments/label_pdf?piece_ids[]={piece}");
        assert_eq!(stage.ask("GET", &path, "").await.status, 200, "{piece}");
    }
    let told = text(&stage.ask("GET", &format!("/consignments/{id}.xml"), "").await);
    let bundle = between(&told, "<bundles type=\"array\"><bundle>", "</bundle>");
    assert_eq!(bundle.matches("<piece>").count(), 2, "{bundle}");
    assert!(bundle.contains("<abbreviation>PK</abbreviation>"), "{bundle}");
}

#[tokio::test]
async fn a_refusal_says_for_whom_it_is() {
    let stage = Stage::new().await;
    let broken = Parcel { agreement: "7", ..Parcel::default() };
    let told = text(&stage.ask("POST", "/consignments.xml", &broken.xml()).await);
    let info = between(&told, "<info>", "</info>");
    let managership = format!(
        "<managership><id>{SENDER}</id><sender><id>7890</id><name>Joe&apos;s Garage</name></sender></managership>"
    );
    assert!(info.contains("<user><id>5432</id><username>"), "{told}");
    assert!(info.ends_with(&managership), "{told}");
    // Nobody has said for whom yet, or who.
    for (headers, names) in [(vec![("X-Cargonizer-Key", KEY)], 1), (vec![], 0)] {
        let url = format!("{}/consignments.xml", stage.cargonizer.url());
        let told = text(&send("GET", &url, &headers, "").await.unwrap());
        let info = between(&told, "<info>", "</info>");
        assert_eq!(info.matches("<user>").count(), names, "{told}");
        assert!(!info.contains("managership"), "{told}");
    }
}
