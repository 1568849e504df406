//! Fields of the calls on labels.

use order_proto::v1;
use order_rules::labels;

use super::Fields;
use super::envelope::Asking;
use super::names::OrderName;
use crate::commands::{Command, Failure, PrintLabel};
use crate::grpc::caller::Caller;

/// Printers and agreements are numbers of the carrier's system.
pub(super) const ID_CHARACTERS_MAX: usize = 40;
pub(super) const PRODUCT_CHARACTERS_MAX: usize = 100;
/// A ton.
pub(super) const WEIGHT_GRAMS_MAX: i32 = 1_000_000;

/// A label to read.
#[derive(Clone, Debug)]
pub(crate) struct OneLabel {
    pub(crate) of: OrderName,
    /// `None`: the newest that is made.
    pub(crate) label: Option<i64>,
}

/// Checks `PrintOrderLabel`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn print_label(
    mut request: v1::PrintOrderLabelRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::PrintOrderLabelRequest {
        name,
        delivery_id,
        printer,
        transport_agreement,
        product,
        parcel_weight_grams,
        new_consignment,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(delivery_id >= 0, "delivery_id", "must not be negative");
    fields.check(
        (0..=WEIGHT_GRAMS_MAX).contains(&parcel_weight_grams),
        "parcel_weight_grams",
        "must be from 0 to 1000000",
    );
    let asked = labels::PrintLabel {
        delivery: stated(delivery_id),
        printer: fields.carrier_word("printer", printer, ID_CHARACTERS_MAX),
        transport_agreement: fields.carrier_word(
            "transport_agreement",
            transport_agreement,
            ID_CHARACTERS_MAX,
        ),
        product: fields.carrier_word("product", product, PRODUCT_CHARACTERS_MAX),
        weight_grams: stated(parcel_weight_grams),
        is_anew: new_consignment,
    };
    let command = PrintLabel { number, etag: fields.etag(etag), asked };
    envelope.finish(fields, shop, Command::PrintLabel(command))
}

/// Checks `GetOrderLabel`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn get_label(request: v1::GetOrderLabelRequest) -> Result<OneLabel, Failure> {
    let v1::GetOrderLabelRequest { name, label_id } = request;
    let mut fields = Fields::default();
    let of = fields.order("name", &name);
    fields.check(label_id >= 0, "label_id", "must not be negative");
    fields.finish()?;
    Ok(OneLabel { of, label: (label_id != 0).then_some(label_id) })
}

impl Fields {
    /// How a shop makes labels; nothing at all is stated where it makes none.
    pub(super) fn label_settings(&mut self, place: &str, settings: v1::LabelSettings) {
        if settings == v1::LabelSettings::default() {
            return;
        }
        let v1::LabelSettings {
            integration,
            transport_agreement,
            product,
            parcel_weight_grams,
            automatic: _,
            printer,
        } = settings;
        let field = |name: &str| format!("{place}.{name}");
        self.slug(&field("integration"), integration);
        for (name, text, longest) in [
            ("transport_agreement", transport_agreement, ID_CHARACTERS_MAX),
            ("product", product, PRODUCT_CHARACTERS_MAX),
        ] {
            self.check(!text.is_empty(), &field(name), "must not be empty");
            self.carrier_word(&field(name), text, longest);
        }
        self.check(
            (1..=WEIGHT_GRAMS_MAX).contains(&parcel_weight_grams),
            &field("parcel_weight_grams"),
            "must be from 1 to 1000000",
        );
        self.carrier_word(&field("printer"), printer, ID_CHARACTERS_MAX);
    }

    /// What a carrier's system calls something; `None` where nothing is said.
    fn carrier_word(&mut self, field: &str, text: String, longest: usize) -> Option<String> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_right = text.len() <= longest && text.bytes().all(is_word);
        let description = format!("must be at most {longest} of A-Z, a-z, 0-9, -, _ and .");
        if !is_right {
            self.refuse(field, description);
        }
        (!text.is_empty()).then_some(text)
    }
}

fn stated(number: i32) -> Option<i32> {
    (number != 0).then_some(number)
}
