//! The stand-in of Cargonizer against what is known of Cargonizer, asked by HTTP.

mod telling;

use serde_json::{Value, json};

use super::{Cargonizer, KEY, PRINTERS, SENDER, xml};
use crate::fakes::caller::{Reply, send};
use crate::fakes::host::Fake;
use crate::fakes::trouble::{Effect, Trouble};
use crate::fakes::until;

struct Stage {
    cargonizer: Fake<Cargonizer>,
}

/// What a consignment is made of; all of it good.
#[derive(Clone)]
struct Parcel {
    agreement: &'static str,
    print: &'static str,
    product: &'static str,
    reference: &'static str,
    name: &'static str,
    /// Elements of the consignee, of the consignment, and items.
    consignee: &'static str,
    more: &'static str,
    items: &'static str,
}

const ITEM: &str = r#"<item type="package" amount="1" weight="1.2" description="Skjorte"/>"#;
const ADDRESS: &str = "<address1>Storgata 1</address1><postcode>0155</postcode><city>Oslo</city><country>NO</country>";

impl Default for Parcel {
    fn default() -> Self {
        Self {
            agreement: "1357",
            print: "print=\"false\"",
            product: "bring2_business_parcel",
            reference: "1001",
            name: "Kari Nordmann",
            consignee: ADDRESS,
            more: "",
            items: ITEM,
        }
    }
}

impl Parcel {
    fn xml(&self) -> String {
        let Self { agreement, print, product, reference, name, consignee, more, items } = self;
        xml::document(&format!(
            "<consignments><consignment transport_agreement=\"{agreement}\" {print}>\
             <values><value name=\"order\" value=\"{reference}\"/><value name=\"operation\" value=\"op-1\"/></values>\
             <product>{product}</product>\
             <parts><consignee><name>{name}</name>{consignee}</consignee></parts>\
             <items>{items}</items>{more}\
             <references><consignor>{reference}</consignor></references>\
             </consignment></consignments>"
        ))
    }
}

impl Stage {
    async fn new() -> Self {
        Self { cargonizer: Fake::start(Cargonizer::default()).await.unwrap() }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let headers = [
            ("X-Cargonizer-Key", KEY),
            ("X-Cargonizer-Sender", SENDER),
            ("content-type", "application/xml"),
        ];
        let url = format!("{}{path}", self.cargonizer.url());
        send(method, &url, &headers, body.to_owned()).await.unwrap()
    }

    /// The id of one that is made.
    async fn make(&self, parcel: &Parcel) -> String {
        let reply = self.ask("POST", "/consignments.xml", &parcel.xml()).await;
        assert_eq!(reply.status, 201, "{}", text(&reply));
        between(&text(&reply), "<consignment><id type=\"integer\">", "</id>").to_owned()
    }

    fn done(&self, operation: &str) -> Vec<String> {
        let book = self.cargonizer.book();
        book.done_to(operation, "1001").map(|done| done.id.clone()).collect()
    }

    async fn control(&self, path: &str, body: &Value) {
        let url = format!("{}/control/{path}", self.cargonizer.url());
        assert_eq!(send("PUT", &url, &[], body.to_string()).await.unwrap().status, 204);
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

#[track_caller]
fn between<'text>(text: &'text str, before: &str, after: &str) -> &'text str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0
}

#[track_caller]
fn refused(reply: &Reply, name: &str, status: u16, says: &str) {
    let text = text(reply);
    assert_eq!(reply.status, status, "{name}: {text}");
    assert!(text.contains("<errors><info><request-id>"), "{name}: {text}");
    assert!(text.contains(&format!("<error>{says}")), "{name}: {text}");
}

#[tokio::test]
async fn keys_and_senders_are_looked_at() {
    let stage = Stage::new().await;
    let key = ("X-Cargonizer-Key", KEY);
    let rows = [
        ("/printers.xml", vec![], 401),
        ("/printers.xml", vec![("X-Cargonizer-Key", "0")], 401),
        ("/printers.xml", vec![key], 200),
        ("/profile.xml", vec![key], 200),
        ("/consignments.xml?text=1", vec![key], 402),
        // The sender's own id is not the managership's.
        ("/consignments.xml?text=1", vec![key, ("X-Cargonizer-Sender", "7890")], 402),
    ];
    for (path, headers, status) in rows {
        let url = format!("{}{path}", stage.cargonizer.url());
        let reply = send("GET", &url, &headers, "").await.unwrap();
        assert_eq!(reply.status, status, "{path} {headers:?}");
        match status {
            401 => refused(&reply, path, 401, "This action requires authentication"),
            402 => refused(&reply, path, 402, "This action requires a sender to be specified"),
            _ => assert_eq!(reply.header("content-type"), "application/xml; charset=utf-8"),
        }
    }
    let profile = text(&stage.ask("GET", "/profile.xml", "").await);
    assert!(profile.contains(&format!("<managership><id>{SENDER}</id>")), "{profile}");
    assert!(profile.contains("Joe&apos;s Garage"), "{profile}");
}

#[tokio::test]
async fn what_is_not_agreed_is_refused() {
    let small = Parcel { agreement: "1358", product: "postnord_mypack_small", ..Parcel::default() };
    let of = |items| Parcel { items, ..Parcel::default() };
    let rows = [
        (Parcel { agreement: "", ..Parcel::default() }, "Missing transport agreement"),
        (Parcel { agreement: "7", ..Parcel::default() }, "Missing transport agreement"),
        (Parcel { product: "mypack", ..Parcel::default() }, "Product not in transport agreement"),
        (
            Parcel { more: "<services><service id=\"gift\"/></services>", ..Parcel::default() },
            "Services er ugyldig",
        ),
        (
            Parcel { consignee: "<postcode>0155</postcode><city>Oslo</city>", ..Parcel::default() },
            "Mottakers land",
        ),
        (Parcel { name: " ", ..Parcel::default() }, "Mottakers navn"),
        (Parcel { product: "bring2_parcel_pickup_point", ..Parcel::default() }, "Utleveringssted"),
        (small.clone(), "Mottakers mobil"),
        (of(""), "Antall kolli"),
        (of(r#"<item type="PK" amount="1" weight="1"/>"#), "Kollitype er ugyldig"),
        (of(r#"<item type="package" amount="1" weight="35.001"/>"#), "Vekt"),
        (of(r#"<item type="package" amount="1" weight="1,2"/>"#), "Vekt"),
        (of(r#"<item type="package" amount="100" weight="1"/>"#), "Antall kolli"),
    ];
    let stage = Stage::new().await;
    for (parcel, says) in rows {
        for path in ["/consignments.xml", "/consignment_costs.xml"] {
            refused(&stage.ask("POST", path, &parcel.xml()).await, says, 400, says);
        }
    }
    refused(
        &stage.ask("POST", "/consignments.xml", "<consignments/>").await,
        "none",
        400,
        "Missing",
    );
    let both = Parcel { name: "", consignee: "", ..Parcel::default() };
    let told = text(&stage.ask("POST", "/consignments.xml", &both.xml()).await);
    assert_eq!(told.matches("<error>").count(), 4, "{told}");
    assert!(stage.cargonizer.book().done.is_empty());

    let mobile =
        "<postcode>0155</postcode><city>Oslo</city><country>NO</country><mobile>40000000</mobile>";
    stage.make(&Parcel { consignee: mobile, ..small }).await;
    let costs = stage.ask("POST", "/consignment_costs.xml", &Parcel::default().xml()).await;
    assert!(text(&costs).contains("<net-amount type=\"float\">55.30</net-amount>"));
    stage.control("licence", &json!({"items_left": 0})).await;
    refused(
        &stage.ask("POST", "/consignments.xml", &Parcel::default().xml()).await,
        "licence",
        403,
        "Lisensens grense",
    );
}

#[tokio::test]
async fn what_is_not_escaped_breaks_it() {
    let stage = Stage::new().await;
    let rows = [
        ("Kari & Ola", 500),
        ("Kari < Ola", 500),
        ("Kari > Ola", 500),
        ("Joe's \"Garage\"", 500),
        ("Kari &oslash; Ola", 500),
        ("Kari &amp; Ola", 201),
        ("Joe&apos;s &quot;Garage&quot;", 201),
        ("K&#xE5;re", 201),
    ];
    for (name, status) in rows {
        let parcel = Parcel { name, ..Parcel::default() };
        let reply = stage.ask("POST", "/consignments.xml", &parcel.xml()).await;
        assert_eq!(reply.status, status, "{name}: {}", text(&reply));
        assert_eq!(reply.header("content-type") == "text/html", status == 500, "{name}");
    }
    for body in ["", "<consignments>", "consignments", "<consignments></consignment>"] {
        assert_eq!(stage.ask("POST", "/consignments.xml", body).await.status, 500, "{body}");
    }
    assert_eq!(stage.done("consignment").len(), 3);
}

#[tokio::test]
async fn searches_find_parts_of_references() {
    let stage = Stage::new().await;
    for reference in ["1001", "11001", "1001-2", "2002"] {
        stage.make(&Parcel { reference, ..Parcel::default() }).await;
    }
    for (part, count) in [("1001", 3), ("1001-", 1), ("3003", 0)] {
        let found = text(&stage.ask("GET", &format!("/consignments.xml?text={part}"), "").await);
        assert_eq!(found.matches("<consignment>").count(), count, "{part}");
    }
    // There is nothing that keeps it from being made twice.
    stage.make(&Parcel::default()).await;
    assert_eq!(stage.done("consignment").len(), 2);
}

#[tokio::test]
async fn papers_are_pdf_and_sometimes_are_not() {
    let stage = Stage::new().await;
    let id = stage.make(&Parcel::default()).await;
    for kind in ["label_pdf", "waybill_pdf", "goods_declaration_pdf"] {
        let paper =
            stage.ask("GET", &format!("/consignments/{kind}?consignment_ids[]={id}"), "").await;
        assert_eq!((paper.status, paper.header("content-type")), (200, "application/pdf"));
        assert!(paper.body.starts_with(b"%PDF-"));
    }
    let told = text(&stage.ask("GET", &format!("/consignments/{id}.xml"), "").await);
    let piece = between(&told, "<piece><id type=\"integer\">", "<");
    let path = format!("/consignments/label_pdf?piece_ids%5B%5D={piece}");
    assert!(stage.ask("GET", &path, "").await.body.starts_with(b"%PDF-"));
    for query in
        ["", "?consignment_ids[]=1", &format!("?consignment_ids[]={id}&consignment_ids[]=1")]
    {
        let path = format!("/consignments/label_pdf{query}");
        refused(&stage.ask("GET", &path, "").await, query, 404, "Fant ikke");
    }
    stage
        .cargonizer
        .trouble(Trouble::of("label", Effect::answer(200, "", "Etiketten kunne ikke lages")));
    let path = format!("/consignments/label_pdf?consignment_ids[]={id}");
    let wrong = stage.ask("GET", &path, "").await;
    refused(&wrong, "200", 200, "Etiketten kunne ikke lages");
    assert_eq!(wrong.header("content-type"), "application/xml; charset=utf-8");
}

#[tokio::test]
async fn printers_print_what_they_are_told() {
    let stage = Stage::new().await;
    let printer = PRINTERS[0].0;
    let listed: Value = stage.ask("GET", "/printers.json", "").await.json();
    assert_eq!(listed[0]["id"], printer);
    let listed = text(&stage.ask("GET", "/printers.xml", "").await);
    assert!(listed.contains(&format!("<printer><id type=\"integer\">{printer}</id>")), "{listed}");

    let (one, two) = (stage.make(&Parcel::default()).await, stage.make(&Parcel::default()).await);
    assert!(stage.done("print").is_empty());
    let path = format!(
        "/consignments/label_direct?printer_id={printer}&consignment_ids[]={one}&consignment_ids[]={two}"
    );
    let printed = stage.ask("POST", &path, "").await;
    // Success, told as a redirect.
    assert_eq!((printed.status, printed.body.len()), (302, 0));
    assert_eq!(stage.done("print"), [printer.to_string(), printer.to_string()]);
    let told = text(&stage.ask("GET", &format!("/consignments/{one}.xml"), "").await);
    assert!(told.contains("<printed type=\"boolean\">true</printed>"));
    let nowhere = format!("/consignments/label_direct?printer_id=1&consignment_ids[]={one}");
    refused(&stage.ask("POST", &nowhere, "").await, "no printer", 404, "Fant ikke");
    stage.control("printers", &json!({"connected": false})).await;
    refused(&stage.ask("POST", &path, "").await, "gone", 400, "Skriveren er ikke tilkoblet");
    assert_eq!(stage.done("print").len(), 2);
}

#[tokio::test]
async fn papers_of_ones_own_are_printed() {
    let stage = Stage::new().await;
    let url = |query: &str| format!("{}/prints{query}", stage.cargonizer.url());
    let post = async |url: String, kind: &str, body: String| {
        let headers = [("X-Cargonizer-Key", KEY), ("content-type", kind)];
        send("POST", &url, &headers, body).await.unwrap().status
    };
    let pdf = |kind: &str, printer: Value| {
        json!({"print": {"printer": {"id": printer}, "type": kind, "encoding": "base64", "content": "JVBERi0="}})
            .to_string()
    };
    let printer = PRINTERS[1].0;
    let raw = format!("?print[printer][id]={printer}");
    for (url, kind, body, status) in [
        (url(""), "application/json", pdf("application/pdf", json!(printer)), 201),
        (url(""), "application/json", pdf("text/plain", json!(printer)), 400),
        (url(""), "application/json", pdf("application/pdf", json!(7)), 404),
        (url(&raw), "application/x.zpl", "^XA^XZ".to_owned(), 201),
        (url(&raw), "application/x.zpl", String::new(), 400),
        (url(&raw), "text/plain", "Hei".to_owned(), 400),
    ] {
        assert_eq!(post(url, kind, body.clone()).await, status, "{kind} {body}");
    }
    assert_eq!(stage.cargonizer.book().done.len(), 2);
}

#[tokio::test]
async fn consignments_are_printed_unless_told_not_to() {
    let stage = Stage::new().await;
    for (print, prints) in [("", 1), ("print=\"true\"", 2), ("print=\"false\"", 2)] {
        stage.make(&Parcel { print, ..Parcel::default() }).await;
        assert_eq!(stage.done("print").len(), prints, "{print}");
    }
}

#[tokio::test]
async fn transfers_are_for_good() {
    let stage = Stage::new().await;
    let id = stage.make(&Parcel::default()).await;
    let path = format!("/consignments/transfer.xml?consignment_ids[]={id}");
    let sent = stage.ask("POST", &path, "").await;
    assert_eq!(sent.status, 302);
    assert!(sent.header("location").ends_with("/consignments.xml"));
    let told = text(&stage.ask("GET", &format!("/consignments/{id}.xml"), "").await);
    assert!(
        told.contains("<state>transferred</state>")
            && !told.contains("<transfer-at type=\"dateTime\" nil")
    );
    refused(
        &stage.ask("POST", &path, "").await,
        "again",
        400,
        "Denne handlingen kunne ikke utføres",
    );

    // Without `.xml` its redirect leads nowhere.
    let id = stage.make(&Parcel::default()).await;
    let sent =
        stage.ask("POST", &format!("/consignments/transfer?consignment_ids[]={id}"), "").await;
    let then = sent.header("location").replace(&stage.cargonizer.url(), "");
    assert_eq!((sent.status, stage.ask("GET", &then, "").await.status), (302, 404));
    stage.make(&Parcel { more: "<transfer>true</transfer>", ..Parcel::default() }).await;
    assert_eq!(stage.done("transfer").len(), 3);
}

#[tokio::test]
async fn pickup_points_are_near_a_postcode() {
    let stage = Stage::new().await;
    let url = format!("{}/service_partners.xml", stage.cargonizer.url());
    let found = send("GET", &format!("{url}?country=NO&postcode=6300"), &[], "").await.unwrap();
    assert!(text(&found).contains("<number>3042033</number>"));
    refused(
        &send("GET", &format!("{url}?country=NO"), &[], "").await.unwrap(),
        "none",
        400,
        "postcode",
    );
    let agreements = text(&stage.ask("GET", "/transport_agreements.xml", "").await);
    assert_eq!(agreements.matches("<transport-agreement>").count(), 2, "{agreements}");
    assert!(agreements.contains("<identifier>postnord_mypack_small</identifier>"));
    for part in [
        "<number>20123456</number><carrier><identifier>bring2</identifier><name>Bring</name></carrier>",
        "<identifier>bring2_e_varsle_for_utlevering</identifier><name>",
    ] {
        assert!(agreements.contains(part), "{part}: {agreements}");
    }
}

#[tokio::test]
async fn what_was_never_answered_may_have_been_made() {
    let stage = Stage::new().await;
    stage.cargonizer.trouble(Trouble::of("consignment", Effect::Silence).about("1001").once_done());
    let parcel = Parcel::default().xml();
    tokio::select! {
        _ = stage.ask("POST", "/consignments.xml", &parcel) => panic!("answered"),
        () = until(async || stage.done("consignment").len() == 1) => {}
    }
    let found = text(&stage.ask("GET", "/consignments.xml?text=1001", "").await);
    assert_eq!(found.matches("<consignor-reference>1001</consignor-reference>").count(), 1);
    // A deployment is over in some seconds.
    stage.cargonizer.trouble(Trouble::of("", Effect::answer(502, "", "Bad gateway")).times(2));
    let statuses = [502, 502, 200];
    for status in statuses {
        assert_eq!(stage.ask("GET", "/consignments.xml?text=1001", "").await.status, status);
    }
}
