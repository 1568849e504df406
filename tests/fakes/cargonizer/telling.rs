//! Consignments as they are told: everything that the recorded answer of the real one has, in its order.

use std::fmt::Display;

use jiff::Timestamp;
use quick_xml::escape::escape;

use super::consignments::{Agreed, Consignment, Item};
use super::xml::{around, array, nil, text, text_or_nil, typed, typed_nil};

const NUMBER_BASE: i64 = 401_707_121_900_000_000;
const PIECE_BASE: i64 = 3_707_121_900_000_000;
/// Of what is told with a consignment and has an id of its own.
const BUNDLE_BASE: i64 = 7_000;
const ADDRESS_BASE: i64 = 40_000;
const PACKAGE_ID: i64 = 211;

impl Consignment {
    /// As it is read, with the addresses of its papers below `origin`.
    pub(super) fn xml(&self, origin: &str, print_result: &str) -> String {
        let number = NUMBER_BASE + self.id;
        let tracked = checked(number);
        let Agreed { agreement, product } = self.agreed;
        let (asked, messages) = (&self.asked, &self.asked.messages);
        let papers =
            |kind: &str| format!("{origin}/consignments/{kind}?consignment_ids%5B%5D={}", self.id);
        let inside = [
            typed("id", "integer", self.id),
            text("number", &number.to_string()),
            text_or_nil("consignor-reference", self.reference()),
            text_or_nil("consignee-reference", &asked.references.consignee),
            ["tod-code", "tod-country", "tod-postcode", "tod-city"].map(nil).concat(),
            text("freight-payer-key", "consignor"),
            typed_nil("collection-id", "integer"),
            typed("transport-agreement-id", "integer", agreement.id),
            typed("product-id", "integer", product.id),
            self.times(),
            text_or_nil("carrier-message", &messages.carrier),
            text_or_nil("consignee-message", &messages.consignee),
            typed("booking-request", "boolean", false),
            text("state", if self.is_transferred() { "transferred" } else { "open" }),
            match self.transferred_at {
                Some(at) => typed("transfer-at", "dateTime", moment(at)),
                None => typed_nil("transfer-at", "dateTime"),
            },
            typed_nil("consignment-transfer-group-id", "integer"),
            typed("email-label-to-consignee", "boolean", false),
            typed("email-notification-to-consignee", "boolean", false),
            text("number-with-checksum", &tracked),
            array("bundles", &self.bundles()),
            array("addresses", &self.addresses()),
            array("services", ""),
            self.agreement(),
            self.product(),
            around("tags", ""),
            around("values", &self.values()),
            text("consignment-pdf", &papers("label_pdf")),
            text("waybill-pdf", &papers("waybill_pdf")),
            text("tracking-url", &format!("https://sporing.bring.no/sporing/{tracked}")),
            text_or_nil("print-result", print_result),
        ];
        around("consignment", &inside.concat())
    }

    fn times(&self) -> String {
        let changed_at = self.transferred_at.unwrap_or(self.made_at);
        typed("created-at", "dateTime", moment(self.made_at))
            + &typed("updated-at", "dateTime", moment(changed_at))
    }

    fn bundles(&self) -> String {
        let mut pieces = self.piece_ids();
        let items = (0..).zip(&self.asked.items.items);
        let told = items.map(|(place, item)| {
            let id = self.id + BUNDLE_BASE + place;
            let own: Vec<i64> = pieces.by_ref().take(item.pieces()).collect();
            around("bundle", &self.bundle(id, item, &own))
        });
        told.collect()
    }

    fn bundle(&self, id: i64, item: &Item, pieces: &[i64]) -> String {
        let nothing = |name: &str| typed(name, "integer", 0);
        let kind = around(
            "bundle-type",
            &(text("identifier", &item.kind) + &text("abbreviation", item.abbreviation())),
        );
        let pieces: String = pieces.iter().map(|piece| self.piece(*piece, id)).collect();
        let sizes = ["volume", "length", "height", "width", "pallet-places", "insurance-amount"];
        [
            typed("id", "integer", id),
            text_or_nil("description", &item.description),
            nothing("load-meter"),
            typed("weight", "float", escape(&item.weight)),
            sizes.map(nothing).concat(),
            typed("consignment-id", "integer", self.id),
            typed("bundle-type-id", "integer", PACKAGE_ID),
            self.times(),
            nothing("exchange-pallets"),
            nil("commodity-code"),
            nothing("unit-value"),
            nil("country-of-origin"),
            nothing("net-weight"),
            kind,
            array("pieces", &pieces),
            array("dangerous-goods-declarations", ""),
        ]
        .concat()
    }

    fn piece(&self, id: i64, bundle: i64) -> String {
        let number = PIECE_BASE + id;
        let printed = match self.is_printed {
            true => typed("printed", "boolean", true),
            false => typed_nil("printed", "boolean"),
        };
        let inside = [
            typed("id", "integer", id),
            text("number", &format!("00{number}")),
            printed,
            typed("bundle-id", "integer", bundle),
            self.times(),
            text("number-with-checksum", &format!("00{}", checked(number))),
        ];
        around("piece", &inside.concat())
    }

    fn addresses(&self) -> String {
        let parts = &self.asked.parts;
        let consignee = &parts.consignee;
        let told = [
            text("name", &consignee.name),
            text_or_nil("address1", &consignee.address1),
            text_or_nil("address2", &consignee.address2),
            text("postcode", &consignee.postcode),
            text("city", &consignee.city),
            text("country", &consignee.country),
            ["postbox", "postbox-postcode", "postbox-city"].map(nil).concat(),
            text_or_nil("email", &consignee.email),
            nil("phone"),
            text_or_nil("mobile", &consignee.mobile),
            nil("fax"),
            text_or_nil("contact-person", &consignee.contact_person),
            text_or_nil("customer-number", &consignee.customer_number),
        ];
        let consignee = self.address("ConsigneeAddress", 0, "", &told.concat());
        let partner = parts.service_partner.as_ref();
        let partner = partner
            .map(|partner| self.address("ServicePartnerAddress", 1, &partner.number, ""))
            .unwrap_or_default();
        consignee + &partner
    }

    fn address(&self, kind: &str, place: i64, number: &str, told: &str) -> String {
        let inside = [
            typed("id", "integer", self.id + ADDRESS_BASE + place),
            text_or_nil("number", number),
            told.to_owned(),
            typed_nil("freight-payer", "boolean"),
            typed("consignment-id", "integer", self.id),
            self.times(),
            ["agent-number", "reference"].map(nil).concat(),
        ];
        format!("<address type=\"{kind}\">{}</address>", inside.concat())
    }

    fn agreement(&self) -> String {
        let agreement = self.agreed.agreement;
        let (identifier, name) = agreement.carrier;
        let inside = [
            typed("id", "integer", agreement.id),
            text("number", agreement.number),
            text("description", agreement.description),
            around("carrier", &(text("name", name) + &text("identifier", identifier))),
        ];
        around("transport-agreement", &inside.concat())
    }

    fn product(&self) -> String {
        let product = self.agreed.product;
        let inside = [
            typed("id", "integer", product.id),
            text("name", product.name),
            text("identifier", product.identifier),
        ];
        around("product", &inside.concat())
    }

    fn values(&self) -> String {
        let pairs = self.asked.values.values.iter();
        let told = pairs.map(|pair| {
            format!("<value name=\"{}\" value=\"{}\"/>", escape(&pair.name), escape(&pair.value))
        });
        told.collect()
    }
}

/// To the second.
fn moment(at: Timestamp) -> impl Display {
    at.strftime("%Y-%m-%dT%H:%M:%SZ")
}

/// With a digit more.
fn checked(number: i64) -> String {
    format!("{number}{}", number % 10)
}
