//! Labels through the whole server, with a stand-in of Cargonizer whose book is the witness: no
//! consignment lost, none made twice.

pub(crate) mod doubts;
pub(crate) mod errors;
pub(crate) mod reads;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::integration::System;
use order_sdk::proto::{
    self, CargonizerEndpoint, CargonizerIntegration, ConnectionState, EventKind, Integration,
    Label, LabelPrintState, LabelSettings, LabelState, LabelWork, NoteAudience, Order,
};
use order_tests::fakes::cargonizer::{KEY, PRINTERS, SENDER};
use order_tests::fakes::{Cargonizer, Fake, send};

use crate::harness::{
    Backend, WAIT, World, eventually, mask, problems, refused, request_id, wrong_fields,
};
use crate::integrations::{is_nowhere, world_with_key};

trials! {
    shared: [
        the_sandbox_makes_labels_for_whoever_tries,
        who_gets_no_label_is_told_why,
    ];
    own: [
        a_label_is_made_once_printed_as_asked_and_read,
        the_turn_that_completes_an_order_makes_its_label,
    ];
}

const PRINTER: u32 = PRINTERS[0].0;

fn cargonizer(change: impl FnOnce(&mut CargonizerIntegration)) -> Integration {
    let mut cargonizer = CargonizerIntegration {
        endpoint: CargonizerEndpoint::StandIn.into(),
        api_key: KEY.to_owned(),
        sender_id: SENDER.to_owned(),
        stand_in_url: String::new(),
    };
    change(&mut cargonizer);
    Integration { system: Some(System::Cargonizer(cargonizer)), ..Integration::default() }
}

fn settings() -> LabelSettings {
    LabelSettings {
        integration: "cargonizer".to_owned(),
        transport_agreement: "1357".to_owned(),
        product: "bring2_business_parcel".to_owned(),
        parcel_weight_grams: 1_250,
        automatic: false,
        printer: String::new(),
    }
}

pub(crate) fn address() -> proto::Address {
    proto::Address {
        recipient: "Åse & \"Søn\" <'Hemmelig'>".to_owned(),
        lines: vec!["Gata 63".to_owned()],
        postal_code: "6310".to_owned(),
        city: "Veblungsnes".to_owned(),
        region_code: "NO".to_owned(),
        ..proto::Address::default()
    }
}

impl World {
    async fn set_labels(&self, labels: LabelSettings) {
        self.set("settings.labels", |settings| settings.labels = Some(labels)).await;
    }

    /// A sale that is paid and sent, and its shipping address.
    async fn sent(&self, address: Option<proto::Address>) -> OrderName {
        let draft = self.draft(900).payment("manual", "", 900);
        let order = self.place(draft.with(|order| order.shipping_address = address)).await;
        let name = order.name.parse().unwrap();
        self.complete(&name).await.unwrap();
        name
    }

    /// The order once none of its labels and prints is under way.
    pub(crate) async fn labelled(&self, name: &OrderName) -> Order {
        eventually(&format!("the labels of {name}"), async || {
            let order = self.get(name).await;
            let is_open = |label: &Label| match label.state() {
                LabelState::Pending | LabelState::Unknown => true,
                _ => label.prints.iter().any(|print| print.state() == LabelPrintState::Pending),
            };
            (!order.labels.is_empty() && !order.labels.iter().any(is_open)).then_some(order)
        })
        .await
    }

    async fn pdf(&self, name: &OrderName) -> Result<Vec<u8>, order_sdk::Error> {
        let request = proto::GetOrderLabelRequest { name: name.into(), label_id: 0 };
        Ok(self.client.get_order_label(request).await?.pdf.into())
    }
}

/// A shop whose labels come from the stand-in.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) fake: Fake<Cargonizer>,
}

impl Stage {
    pub(crate) async fn set(backend: Backend) -> Self {
        let fake = Fake::start(Cargonizer::default()).await.unwrap();
        let world = world_with_key(backend, &["--stand-ins", "true"]).await;
        let integration = cargonizer(|one| one.stand_in_url = fake.url());
        world.integrate("cargonizer", integration).await.unwrap();
        world.set_labels(settings()).await;
        Self { world, fake }
    }

    pub(crate) async fn sent(&self) -> OrderName {
        self.world.sent(Some(address())).await
    }

    /// Asks for a label, and answers its reference.
    pub(crate) async fn ask(&self, name: &OrderName) -> String {
        let answer = self.world.client.label(name).send().await.unwrap();
        answer.order.unwrap().labels.last().unwrap().reference.clone()
    }

    /// A trouble that befalls a consignment of this order, before its reference is known.
    pub(crate) fn made(&self, reference: &str) -> usize {
        self.fake.book().done_to("consignment", reference).count()
    }

    fn printed(&self, reference: &str) -> Vec<String> {
        let book = self.fake.book();
        book.done_to("print", reference).map(|done| done.id.clone()).collect()
    }

    /// Calls the stand-in as another program of the same user would.
    async fn call(&self, method: &'static str, path: &str, body: String) -> String {
        let url = format!("{}{path}", self.fake.url());
        let headers = [("x-cargonizer-key", KEY), ("x-cargonizer-sender", SENDER)];
        let reply = send(method, &url, &headers, body).await.unwrap();
        assert!(reply.status < 300, "{reply:?}");
        String::from_utf8(reply.body.to_vec()).unwrap()
    }

    /// Consignments of others, whose references hold this one.
    async fn decoys(&self, reference: &str) {
        for other in [format!("9{reference}"), format!("{reference}0")] {
            let body = format!(
                "<consignments><consignment transport_agreement=\"1357\" print=\"false\">\
                 <product>bring2_business_parcel</product><parts><consignee><name>A</name>\
                 <postcode>0155</postcode><city>Oslo</city><country>NO</country></consignee></parts>\
                 <items><item type=\"package\" amount=\"1\" weight=\"1\"/></items>\
                 <references><consignor>{other}</consignor></references></consignment></consignments>"
            );
            self.call("POST", "/consignments.xml", body).await;
        }
    }

    async fn check(&self) {
        let (breaches, _) = self.world.breaches().await;
        assert!(breaches.is_empty(), "the audit finds {breaches:?}");
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told to its end")]
async fn a_label_is_made_once_printed_as_asked_and_read(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    assert_eq!(world.connection("cargonizer").await.state(), ConnectionState::Works);
    let name = world.shop.integration("cargonizer").unwrap().into();
    let options =
        world.client.list_label_options(proto::ListLabelOptionsRequest { name }).await.unwrap();
    let product = options.products.iter().find(|one| one.product == settings().product).unwrap();
    assert_eq!((product.transport_agreement.as_str(), product.carrier.as_str()), ("1357", "Bring"));
    assert_eq!(product.agreement_name, "Nettbutikk 20123456");
    assert!(options.printers.iter().any(|one| one.printer == PRINTER.to_string()));

    let name = stage.sent().await;
    for (audience, text) in [
        (NoteAudience::Warehouse, "Pakk > \"godt\" & tørt"),
        (NoteAudience::Internal, "Ikke si det"),
    ] {
        world.client.new_note(&name, audience, text).send().await.unwrap();
    }
    let plan = world.client.label(&name).printer(PRINTER.to_string()).validate_only();
    let plan = plan.send().await.unwrap().receipt.unwrap().plan;
    let work: Vec<LabelWork> = plan.iter().map(proto::PlannedEffect::label).collect();
    assert_eq!(work, [LabelWork::Make, LabelWork::Print]);
    let id = request_id();
    let ask = || world.client.label(&name).printer(PRINTER.to_string()).wait(WAIT).request_id(&id);
    let answer = ask().send().await.unwrap();
    assert!(answer.receipt.unwrap().settled);
    let order = answer.order.unwrap();
    let [label] = order.labels.as_slice() else { panic!("{order:?}") };
    assert_eq!(
        (label.state(), label.prints[0].state()),
        (LabelState::Made, LabelPrintState::Printed)
    );
    let delivery = &order.deliveries[0];
    assert_eq!(
        (delivery.tracking_url.as_str(), delivery.tracking_number.as_str()),
        (label.tracking_url.as_str(), label.tracking_number.as_str())
    );
    assert!(label.tracking_url.ends_with(&label.tracking_number), "{label:?}");
    assert_eq!(delivery.carrier, "Bring");

    // What Cargonizer got, as it tells it.
    let path = format!("/consignments/{}.xml", label.consignment_id);
    let told = stage.call("GET", &path, String::new()).await;
    for part in [
        "<name>Åse &amp; &quot;Søn&quot; &lt;&apos;Hemmelig&apos;&gt;</name>",
        "<carrier-message>Pakk &gt; &quot;godt&quot; &amp; tørt</carrier-message>",
        "<weight type=\"float\">1.25</weight>",
        "<state>open</state>",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(!told.contains("Ikke si det"));

    // The same again is the same; another call prints again, and makes nothing.
    assert!(ask().send().await.unwrap().receipt.unwrap().replayed);
    assert_eq!(stage.printed(&label.reference), [PRINTER.to_string()]);
    world.client.label(&name).wait(WAIT).send().await.unwrap();
    let other = PRINTERS[1].0.to_string();
    world.client.label(&name).printer(&other).wait(WAIT).send().await.unwrap();
    assert_eq!(stage.printed(&label.reference), [PRINTER.to_string(), other]);
    assert_eq!(stage.made(&label.reference), 1);
    let pdf = world.pdf(&name).await.unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    assert!(String::from_utf8_lossy(&pdf).contains(&label.reference));

    // Another consignment only where that is asked for.
    let answer = world.client.label(&name).new_consignment().wait(WAIT).send().await.unwrap();
    let second = &answer.order.unwrap().labels[1];
    assert_ne!(second.reference, label.reference);
    assert_eq!((stage.made(&second.reference), fake.book().done.len()), (1, 4));
    let kinds = |kind| {
        let history = world.history(&name);
        async move { history.await.iter().filter(|event| event.kind() == kind).count() }
    };
    assert_eq!(kinds(EventKind::LabelRequested).await, 4);
    assert_eq!(kinds(EventKind::LabelResolved).await, 4);
    stage.check().await;
    is_nowhere(world, KEY).await;
}

async fn the_turn_that_completes_an_order_makes_its_label(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    let printer = PRINTERS[1].0.to_string();
    let automatic = LabelSettings { automatic: true, printer: printer.clone(), ..settings() };
    world.set_labels(automatic).await;
    let draft = world.draft(900).payment("klarna", world.reference(""), 900);
    let order = world.place(draft.with(|order| order.shipping_address = Some(address()))).await;
    let name: OrderName = order.name.parse().unwrap();
    let plan = world.change(&name, "sent").validate_only().send().await.unwrap();
    let plan = plan.receipt.unwrap().plan;
    let work: Vec<LabelWork> = plan.iter().map(proto::PlannedEffect::label).collect();
    assert_eq!(work, [LabelWork::Unspecified, LabelWork::Make, LabelWork::Print]);
    world.complete(&name).await.unwrap();
    let order = world.labelled(&name).await;
    let reference = &order.labels[0].reference;
    assert_eq!((stage.made(reference), stage.printed(reference)), (1, vec![printer]));
    // Back and forth makes no other.
    for to in ["returned", "sent"] {
        world.change(&name, to).send().await.unwrap();
    }
    assert_eq!(world.labelled(&name).await.labels.len(), 1);

    // What cannot be made by itself is told, and made when it is asked for.
    let name = world.sent(None).await;
    let order = world.labelled(&name).await;
    assert_eq!(problems(&order), ["LABEL_DECLINED"]);
    assert_eq!(order.problems[0].details["reason"], "SHIPPING_ADDRESS_INCOMPLETE");
    refused(world.client.label(&name).send().await, Code::ShippingAddressIncomplete);
    let request = proto::UpdateOrderRequest {
        order: Some(Order {
            name: order.name,
            shipping_address: Some(address()),
            ..Order::default()
        }),
        update_mask: Some(mask(&["shipping_address"])),
        ..proto::UpdateOrderRequest::default()
    };
    world.client.update_order(request).await.unwrap();
    world.client.label(&name).wait(WAIT).send().await.unwrap();
    let order = world.labelled(&name).await;
    assert_eq!((problems(&order), order.labels[1].state()), (vec![], LabelState::Made));
    stage.check().await;
}

/// Why the first problem is there: the page of the reason, and the carrier's words.
fn reason(order: &Order) -> (&str, &str) {
    let details = &order.problems[0].details;
    (&details["reason"], &details["provider_reason"])
}

async fn the_sandbox_makes_labels_for_whoever_tries(world: World) {
    let labels = LabelSettings {
        integration: "card".to_owned(),
        transport_agreement: "1".to_owned(),
        product: "parcel".to_owned(),
        parcel_weight_grams: 1_000,
        ..LabelSettings::default()
    };
    world.set_labels(labels).await;
    let name = world.sent(Some(address())).await;
    let asked = world.client.label(&name).printer("1").wait(WAIT).send().await.unwrap();
    let order = asked.order.unwrap();
    let label = &order.labels[0];
    assert_eq!(
        (label.state(), label.prints[0].state()),
        (LabelState::Made, LabelPrintState::Printed)
    );
    assert_eq!(order.deliveries[0].tracking_number, label.tracking_number);
    assert!(world.pdf(&name).await.unwrap().starts_with(b"%PDF-"));
    let name = world.sent(Some(address())).await;
    let asked = world.client.label(&name).product("1", "pallet").wait(WAIT).send().await.unwrap();
    assert_eq!(reason(&asked.order.unwrap()).0, "TRANSPORT_AGREEMENT_INVALID");
    let asked = world.client.label(&name).printer("2").wait(WAIT).send().await.unwrap();
    assert_eq!(reason(&asked.order.unwrap()).0, "PRINTER_UNAVAILABLE");
}

#[expect(clippy::too_many_lines, reason = "one story, told to its end")]
async fn who_gets_no_label_is_told_why(world: World) {
    let labels = || LabelSettings {
        integration: "card".to_owned(),
        transport_agreement: "1".to_owned(),
        product: "parcel".to_owned(),
        parcel_weight_grams: 1_000,
        ..LabelSettings::default()
    };
    let ask = |name: &OrderName| world.client.label(name).send();
    let sent = world.sent(Some(address())).await;
    refused(ask(&sent).await, Code::LabelsNotSetUp);
    world.set_labels(labels()).await;
    let placed = world.place(world.draft(900).payment("manual", "", 900)).await;
    refused(ask(&placed.name.parse().unwrap()).await, Code::NotCompleted);
    let bare = world.sent(None).await;
    let refusal = refused(ask(&bare).await, Code::ShippingAddressIncomplete);
    assert_eq!(refusal.metadata["missing"], "shipping_address");
    let credit = world.client.credit(&sent).units(1, 1).refund(false).send().await.unwrap();
    let credit = credit.credit_order.unwrap().name.parse().unwrap();
    refused(ask(&credit).await, Code::CreditOrderFinal);
    refused(world.client.label(&sent).delivery(7).send().await, Code::DeliveryNotFound);
    refused(world.pdf(&sent).await, Code::LabelNotFound);
    refused(ask(&world.shop.order(99).unwrap()).await, Code::OrderNotFound);
    world.change(&sent, "cancelled").restock(false).send().await.unwrap();
    refused(ask(&sent).await, Code::OrderCancelled);

    // Fields.
    let mut request = world.client.label(&bare).into_request();
    request.delivery_id = -1;
    request.printer = "a printer".to_owned();
    request.transport_agreement = "x".repeat(41);
    request.product = "æ".to_owned();
    request.parcel_weight_grams = 1_000_001;
    let wrong = wrong_fields(world.client.print_order_label(request).await);
    let wanted =
        ["delivery_id", "parcel_weight_grams", "printer", "transport_agreement", "product"];
    assert_eq!(wrong, wanted);
    let request = proto::GetOrderLabelRequest { name: (&bare).into(), label_id: -1 };
    assert_eq!(wrong_fields(world.client.get_order_label(request).await), ["label_id"]);

    // Settings.
    let update = async |labels: LabelSettings| {
        let mut shop = world.shop().await;
        shop.settings.get_or_insert_default().labels = Some(labels);
        let request = proto::UpdateShopRequest {
            shop: Some(shop),
            update_mask: Some(mask(&["settings.labels"])),
            ..proto::UpdateShopRequest::default()
        };
        world.client.update_shop(request).await
    };
    let spoilt = LabelSettings {
        integration: "Card".to_owned(),
        transport_agreement: String::new(),
        product: "a b".to_owned(),
        parcel_weight_grams: 0,
        printer: "#".to_owned(),
        automatic: true,
    };
    let fields =
        ["integration", "transport_agreement", "product", "parcel_weight_grams", "printer"];
    let fields = fields.map(|field| format!("shop.settings.labels.{field}"));
    assert_eq!(wrong_fields(update(spoilt).await), fields);
    let unknown = LabelSettings { integration: "bring".to_owned(), ..labels() };
    assert_eq!(wrong_fields(update(unknown).await), [fields[0].as_str()]);
    let shop = proto::Shop {
        display_name: "Ny".to_owned(),
        settings: Some(proto::ShopSettings {
            labels: Some(labels()),
            ..proto::ShopSettings::default()
        }),
        ..proto::Shop::default()
    };
    let request = proto::CreateShopRequest {
        shop_id: format!("{}-ny", world.shop.id()),
        shop: Some(shop),
        ..proto::CreateShopRequest::default()
    };
    assert_eq!(wrong_fields(world.client.create_shop(request).await), [fields[0].as_str()]);
    update(LabelSettings::default()).await.unwrap();
    refused(ask(&bare).await, Code::ShippingAddressIncomplete);
}
