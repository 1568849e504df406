//! What Cargonizer offers whoever asks: senders, agreements, pick-up points and printers.

use super::consignments::{AGREEMENTS, Agreement, Product};
use super::xml::{self, around, array, text, typed};
use super::{CONSIGNOR, ITEMS_LEFT, PRINTERS, SENDER, USER, refused};
use crate::fakes::call::{Answer, Call};

pub(super) fn profile() -> String {
    let plan = text("name", "Pluss") + &typed("item-limit", "integer", ITEMS_LEFT);
    let (id, name) = CONSIGNOR;
    let sender = typed("id", "integer", id) + &text("name", name) + &around("plan", &plan);
    let managership = around("id", SENDER) + &around("sender", &sender);
    let managerships = array("managerships", &around("managership", &managership));
    let (id, name) = USER;
    around("user", &(typed("id", "integer", id) + &text("username", name) + &managerships))
}

pub(super) fn agreements() -> String {
    array("transport-agreements", &AGREEMENTS.iter().map(agreement).collect::<String>())
}

fn agreement(agreement: &Agreement) -> String {
    let (identifier, name) = agreement.carrier;
    let inside = [
        typed("id", "integer", agreement.id),
        text("description", agreement.description),
        text("number", agreement.number),
        around("carrier", &(text("identifier", identifier) + &text("name", name))),
        array("products", &agreement.products.iter().map(product).collect::<String>()),
    ];
    around("transport-agreement", &inside.concat())
}

fn product(product: &Product) -> String {
    let services = product.services.iter().map(|(identifier, name)| {
        let inside = text("identifier", identifier) + &text("name", name);
        around("service", &(inside + &array("attributes", "")))
    });
    let inside = [
        text("identifier", product.identifier),
        text("name", product.name),
        typed("max_items", "integer", product.items_max),
        array("services", &services.collect::<String>()),
    ];
    around("product", &inside.concat())
}

pub(super) fn service_partners(call: &Call) -> Answer {
    let missing = ["country", "postcode"].into_iter().filter(|name| call.parameter(name).is_none());
    let missing: Vec<String> = missing.map(|name| format!("{name} mangler")).collect();
    if !missing.is_empty() {
        return refused(400, &missing);
    }
    let postcode = call.parameter("postcode").unwrap_or_default();
    let partner = text("number", "3042033")
        + &text("name", "ROMSDAL BLOMSTER OG GAVER")
        + &text("address1", "RAUMASENTERET ØRAN")
        + &text("postcode", &postcode)
        + &text("city", "Åndalsnes")
        + &text("country", &call.parameter("country").unwrap_or_default());
    let partners = array("service-partners", &around("service-partner", &partner));
    xml::answer(200, &around("results", &partners))
}

pub(super) fn printers() -> String {
    let told = PRINTERS
        .map(|(id, name)| around("printer", &(typed("id", "integer", id) + &text("name", name))));
    array("printers", &told.concat())
}
