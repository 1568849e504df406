//! Logistra Cargonizer: consignments, their papers, printers, and transfer to carriers.
//!
//! Also true here, though no description says so: text that is not escaped to the last quote breaks it
//! (500); success may be a redirect (302); searches find parts of references; there are no keys, so
//! what is asked twice is done twice; a consignment is printed at once unless told not to be.
//!
//! Its control disconnects printers, and says how many consignments the licence has left. That a paper is
//! answered with 200 and an error in XML is a [`super::Trouble`] with status 200.

mod consignments;
mod offers;
mod telling;
mod xml;

use serde::Deserialize;
use serde_json::{Value, json};

use super::book::Done;
use super::call::{Answer, Call};
use super::manual::{self, Manual};
use super::provider::{Asked, Desk, OTHER, Provider};
use super::state::understood;
use super::trouble::Refusal;
use consignments::{Consignment, Request};
use xml::{around, text, typed};

/// The stand-in.
#[derive(Debug)]
pub struct Cargonizer {
    last_id: i64,
    consignments: Vec<Consignment>,
    are_printers_connected: bool,
    /// Consignments the licence has left.
    items_left: u32,
}

/// Key of a user, hexadecimal.
pub const KEY: &str = "12d7a1b2c3d4e5f60718293a4b5c6d7e8f901234";
/// The managership: this user for this sender.
pub const SENDER: &str = "4567";
/// Id and name.
pub const PRINTERS: [(u32, &str); 2] =
    [(DEFAULT_PRINTER, "Lager – etiketter"), (1_094, "Kontor A4")];

/// Id and name of who asks, and of whom it is sent for.
const USER: (u32, &str) = (5_432, "api@shop.example");
const CONSIGNOR: (u32, &str) = (7_890, "Joe's Garage");
const DEFAULT_PRINTER: u32 = 1_093;
const ITEMS_LEFT: u32 = 1_000_000;
const LABEL: &str = "application/pdf";
const PRINTABLE: [&str; 3] = ["application/pdf", "application/x.zpl", "application/x.epl"];

#[derive(Deserialize)]
struct Connection {
    connected: bool,
}

#[derive(Deserialize)]
struct Licence {
    items_left: u32,
}

impl Default for Cargonizer {
    fn default() -> Self {
        Self {
            last_id: 79_757,
            consignments: Vec::new(),
            are_printers_connected: true,
            items_left: ITEMS_LEFT,
        }
    }
}

impl Cargonizer {
    /// Whether the printers are there.
    pub fn connect_printers(&mut self, are_connected: bool) {
        self.are_printers_connected = are_connected;
    }

    /// How many consignments its licence has left.
    pub fn license(&mut self, items_left: u32) {
        self.items_left = items_left;
    }

    /// Whoever has no key or no sender goes away.
    fn turn_away(call: &Call, path: &str) -> Option<Answer> {
        if path == "service_partners" {
            return None;
        }
        if call.header("x-cargonizer-key") != Some(KEY) {
            return Some(refused(401, &["This action requires authentication".to_owned()]));
        }
        let needs_sender = !matches!(path, "profile" | "printers" | "prints");
        if needs_sender && call.header("x-cargonizer-sender") != Some(SENDER) {
            let message = "This action requires a sender to be specified";
            return Some(refused(402, &[message.to_owned()]));
        }
        None
    }

    fn act(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let path = call.path.trim_matches('/');
        match (call.method.as_str(), path) {
            ("GET", "profile.xml") => xml::answer(200, &offers::profile()),
            ("GET", "transport_agreements.xml") => xml::answer(200, &offers::agreements()),
            ("GET", "service_partners.xml") => offers::service_partners(call),
            ("POST", "consignment_costs.xml") => estimate(call),
            ("POST", "consignments.xml") => self.make(call, desk),
            ("GET", "consignments.xml") => self.search(call),
            ("GET", "printers.xml") => xml::answer(200, &offers::printers()),
            ("GET", "printers.json") => {
                let all = PRINTERS.map(|(id, name)| json!({ "id": id, "name": name }));
                Answer::json(200, &all)
            }
            ("GET", "consignments/label_pdf") => self.paper(call, "Etikett"),
            ("GET", "consignments/waybill_pdf") => self.paper(call, "Fraktbrev"),
            ("GET", "consignments/goods_declaration_pdf") => self.paper(call, "Varedeklarasjon"),
            ("POST", "consignments/label_direct") => self.print_labels(call, desk),
            ("POST", "consignments/transfer.xml") => self.transfer(call, "/consignments.xml", desk),
            // Its redirect leads to a page that is not there.
            ("POST", "consignments/transfer") => self.transfer(call, "/consignments", desk),
            ("POST", "prints") => self.print(call, desk),
            ("GET", other) => self.read(call, other),
            _ => not_found(),
        }
    }

    fn make(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let Some(request) = request(call) else { return broken() };
        if request.consignments.is_empty() {
            return refused(400, &["Missing transport agreement".to_owned()]);
        }
        let mut checked = Vec::new();
        for asked in request.consignments {
            match asked.check() {
                Ok(agreed) => checked.push((asked, agreed)),
                Err(wrong) => return refused(400, &wrong),
            }
        }
        let mut told = String::new();
        for (asked, agreed) in checked {
            let Some(left) = self.items_left.checked_sub(1) else {
                return refused(403, &["Lisensens grense er nådd".to_owned()]);
            };
            self.items_left = left;
            self.last_id += 1;
            let is_to_print = asked.is_to_print();
            let mut made = Consignment::new(self.last_id, asked, agreed, desk.now);
            write_down(desk, "consignment", &made, &made.id.to_string());
            if made.is_transferred() {
                write_down(desk, "transfer", &made, &made.id.to_string());
            }
            let mut print_result = "";
            if is_to_print && self.are_printers_connected {
                made.is_printed = true;
                write_down(desk, "print", &made, &DEFAULT_PRINTER.to_string());
                print_result = "PDF OK -- DEPRECATED: Automatic printing from API is deprecated";
            }
            told.push_str(&made.xml(&call.origin(), print_result));
            self.consignments.push(made);
        }
        xml::answer(201, &around("consignments", &told))
    }

    /// Every one whose reference contains the text, newest first.
    fn search(&self, call: &Call) -> Answer {
        let part = call.parameter("text").unwrap_or_default().to_lowercase();
        let found = self.consignments.iter().rev();
        let found = found.filter(|one| one.reference().to_lowercase().contains(&part));
        let told: String = found.map(|one| one.xml(&call.origin(), "")).collect();
        xml::answer(200, &around("consignments", &told))
    }

    fn read(&self, call: &Call, path: &str) -> Answer {
        let id = path.strip_prefix("consignments/").and_then(|id| id.strip_suffix(".xml"));
        let id = id.and_then(|id| id.parse().ok());
        match self.consignments.iter().find(|one| Some(one.id) == id) {
            Some(found) => {
                let told = found.xml(&call.origin(), "");
                xml::answer(200, &around("consignments", &told))
            }
            None => not_found(),
        }
    }

    fn paper(&self, call: &Call, kind: &str) -> Answer {
        let Some(asked) = self.named(call) else { return not_found() };
        let numbers: Vec<String> = asked
            .iter()
            .filter_map(|place| self.consignments.get(*place))
            .map(|one| format!("{kind} {} {}", one.id, one.reference()))
            .collect();
        let body = format!("%PDF-1.4\n% {}\n%%EOF\n", numbers.join("\n% "));
        Answer { body: body.into(), ..Answer::empty(200) }.with("content-type", LABEL)
    }

    fn print_labels(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let printer = call.parameter("printer_id").unwrap_or_default();
        let Some(asked) = self.named(call) else { return not_found() };
        if let Err(refused) = self.may_print(&printer) {
            return refused;
        }
        for place in asked {
            if let Some(one) = self.consignments.get_mut(place) {
                one.is_printed = true;
                write_down(desk, "print", one, &printer);
            }
        }
        redirect(call, "/consignments")
    }

    /// What is sent along, or encoded in JSON.
    fn print(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let kind = call.header("content-type").unwrap_or_default();
        let (printer, kind) = if kind.starts_with("application/json") {
            let asked: Value = call.json().unwrap_or_default();
            let told = |pointer: &str| match asked.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            (told("/print/printer/id"), told("/print/type"))
        } else {
            let kind = kind.split(';').next().unwrap_or_default().to_owned();
            (call.parameter("print[printer][id]").unwrap_or_default(), kind)
        };
        if !PRINTABLE.contains(&kind.as_str()) || call.body.is_empty() {
            return refused(400, &["Type er ugyldig".to_owned()]);
        }
        if let Err(refused) = self.may_print(&printer) {
            return refused;
        }
        desk.book.done.push(Done { operation: "print".to_owned(), id: printer, ..Done::default() });
        Answer::empty(201)
    }

    fn may_print(&self, printer: &str) -> Result<(), Answer> {
        if !PRINTERS.iter().any(|(id, _)| id.to_string() == printer) {
            return Err(not_found());
        }
        if !self.are_printers_connected {
            return Err(refused(400, &["Skriveren er ikke tilkoblet DirectPrint".to_owned()]));
        }
        Ok(())
    }

    fn transfer(&mut self, call: &Call, then: &str, desk: &mut Desk<'_>) -> Answer {
        let Some(asked) = self.named(call) else { return not_found() };
        let is_over =
            |place: &usize| self.consignments.get(*place).is_none_or(Consignment::is_transferred);
        if asked.iter().any(is_over) {
            let message = "Denne handlingen kunne ikke utføres. Sendingen er allerede overført.";
            return refused(400, &[message.to_owned()]);
        }
        for place in asked {
            if let Some(one) = self.consignments.get_mut(place) {
                one.transferred_at = Some(desk.now);
                write_down(desk, "transfer", one, &one.id.to_string());
            }
        }
        redirect(call, then)
    }

    /// Where those are that the query names; none when one of them is nobody's.
    fn named(&self, call: &Call) -> Option<Vec<usize>> {
        let place_of = |text: &str, is_meant: fn(&Consignment, i64) -> bool| {
            let id = text.parse::<i64>().ok()?;
            self.consignments.iter().position(|one| is_meant(one, id))
        };
        let consignments = call.parameters("consignment_ids[]");
        let pieces = call.parameters("piece_ids[]");
        let consignments = consignments.iter().map(|id| place_of(id, |one, id| one.id == id));
        let pieces = pieces
            .iter()
            .map(|id| place_of(id, |one, id| one.piece_ids().any(|piece| piece == id)));
        let named: Vec<usize> = consignments.chain(pieces).collect::<Option<_>>()?;
        (!named.is_empty()).then_some(named)
    }
}

impl Provider for Cargonizer {
    const MANUAL: &'static Manual = &manual::CARGONIZER;

    fn asked(&self, call: &Call) -> Asked {
        let path = call.path.trim_matches('/');
        let operation = match (call.method.as_str(), path) {
            ("GET", "consignments/label_pdf") => "label",
            ("GET", "consignments.xml") => "search",
            ("GET", _) => "read",
            (_, "consignments.xml") => "consignment",
            (_, "consignment_costs.xml") => "estimate",
            (_, "consignments/label_direct" | "prints") => "print",
            (_, "consignments/transfer" | "consignments/transfer.xml") => "transfer",
            _ => OTHER,
        };
        let about = match operation {
            "consignment" | "estimate" => {
                let asked =
                    request(call).and_then(|request| request.consignments.into_iter().next());
                asked.map(|asked| asked.references.consignor).unwrap_or_default()
            }
            "search" => call.parameter("text").unwrap_or_default(),
            _ => {
                let first = self.named(call).and_then(|named| named.first().copied());
                let found = first.and_then(|place| self.consignments.get(place));
                found.map(|one| one.reference().to_owned()).unwrap_or_default()
            }
        };
        let is_change = matches!(operation, "consignment" | "print" | "transfer");
        Asked { operation, about, key: String::new(), is_change }
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let path = call.path.trim_matches('/');
        let path = path.strip_suffix(".xml").or(path.strip_suffix(".json")).unwrap_or(path);
        if let Some(away) = Self::turn_away(call, path) {
            return away;
        }
        match desk.refusal.take() {
            Some(refusal) => self.refuse(&refusal),
            None => self.act(call, desk),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        refused(refusal.status, std::slice::from_ref(&refusal.text))
    }

    fn control(&mut self, path: &[&str], call: &Call, _desk: &mut Desk<'_>) -> Option<Answer> {
        match (call.method.as_str(), path) {
            ("PUT", ["printers"]) => Some(understood(call, |Connection { connected }| {
                self.connect_printers(connected);
                Answer::empty(204)
            })),
            ("PUT", ["licence"]) => Some(understood(call, |Licence { items_left }| {
                self.license(items_left);
                Answer::empty(204)
            })),
            _ => None,
        }
    }
}

/// `None` of what would break the real one.
fn request(call: &Call) -> Option<Request> {
    let body = str::from_utf8(&call.body).ok()?;
    if !xml::is_sound(body) {
        return None;
    }
    quick_xml::de::from_str(body).ok()
}

fn estimate(call: &Call) -> Answer {
    let Some(request) = request(call) else { return broken() };
    let Some(asked) = request.consignments.first() else {
        return refused(400, &["Missing transport agreement".to_owned()]);
    };
    if let Err(wrong) = asked.check() {
        return refused(400, &wrong);
    }
    let costs = [
        typed("estimated-cost", "float", "96.25"),
        typed("gross-amount", "float", "96.25"),
        typed("net-amount", "float", "55.30"),
    ];
    xml::answer(200, &around("consignment-cost", &costs.concat()))
}

fn redirect(call: &Call, to: &str) -> Answer {
    Answer::empty(302).with("location", format!("{}{to}", call.origin()))
}

fn refused(status: u16, messages: &[String]) -> Answer {
    let mut info = text("request-id", &uuid::Uuid::new_v4().simple().to_string());
    let whose =
        |(id, field, name): (u32, &str, &str)| around("id", &id.to_string()) + &text(field, name);
    // As far as it is known who asks, and for which sender.
    if status != 401 {
        let (id, name) = USER;
        info.push_str(&around("user", &whose((id, "username", name))));
    }
    if !matches!(status, 401 | 402) {
        let (id, name) = CONSIGNOR;
        let sender = around("sender", &whose((id, "name", name)));
        info.push_str(&around("managership", &(around("id", SENDER) + &sender)));
    }
    let errors: String = messages.iter().map(|message| text("error", message)).collect();
    xml::answer(status, &around("errors", &(around("info", &info) + &errors)))
}

fn not_found() -> Answer {
    refused(404, &["Fant ikke ressursen".to_owned()])
}

/// What the real one says of XML it cannot read.
fn broken() -> Answer {
    let page = "<html><body><h1>We're sorry, but something went wrong (500)</h1></body></html>";
    let answer = Answer { status: 500, body: page.into(), ..Answer::default() };
    answer.with("content-type", "text/html")
}

fn write_down(desk: &mut Desk<'_>, operation: &str, about: &Consignment, id: &str) {
    desk.book.done.push(Done {
        operation: operation.to_owned(),
        about: about.reference().to_owned(),
        id: id.to_owned(),
        ..Done::default()
    });
}

#[cfg(test)]
mod tests;
