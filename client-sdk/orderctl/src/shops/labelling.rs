//! Settings of a shop about its labels: who makes them, of what, and whether by themselves.

use clap::Args;
use order_sdk::proto;

#[derive(Args, Debug)]
#[command(next_help_heading = "Labels")]
pub(super) struct LabelFields {
    /// The integration that makes labels; empty: none are made
    #[arg(long, value_name = "INTEGRATION")]
    label_integration: Option<String>,

    /// The transport agreement of labels
    #[arg(long, value_name = "ID")]
    label_agreement: Option<String>,

    /// The carrier's product of labels
    #[arg(long, value_name = "PRODUCT")]
    label_product: Option<String>,

    /// Weight of a parcel unless told, grams
    #[arg(long, value_name = "GRAMS")]
    label_weight: Option<i32>,

    /// Whether a COMPLETED status makes the label by itself: true, false
    #[arg(long, value_name = "BOOL")]
    label_automatic: Option<bool>,

    /// Where those are printed; empty: nowhere
    #[arg(long, value_name = "PRINTER")]
    label_printer: Option<String>,
}

/// Sets what was given; answers the path of the mask.
pub(super) fn set_fields(
    settings: &mut proto::ShopSettings,
    fields: &LabelFields,
) -> Option<String> {
    let LabelFields {
        label_integration,
        label_agreement,
        label_product,
        label_weight,
        label_automatic,
        label_printer,
    } = fields;
    let mut labels = settings.labels.clone().unwrap_or_default();
    if let Some(integration) = label_integration {
        labels.integration.clone_from(integration);
        if integration.is_empty() {
            labels = proto::LabelSettings::default();
        }
    }
    for (value, field) in [
        (label_agreement, &mut labels.transport_agreement),
        (label_product, &mut labels.product),
        (label_printer, &mut labels.printer),
    ] {
        if let Some(value) = value {
            field.clone_from(value);
        }
    }
    labels.parcel_weight_grams = label_weight.unwrap_or(labels.parcel_weight_grams);
    labels.automatic = label_automatic.unwrap_or(labels.automatic);
    let is_given = label_integration.is_some()
        || label_agreement.is_some()
        || label_product.is_some()
        || label_weight.is_some()
        || label_automatic.is_some()
        || label_printer.is_some();
    if is_given {
        settings.labels = Some(labels);
    }
    is_given.then(|| "settings.labels".to_owned())
}

/// How labels are made, on one line; nothing where none are.
pub(super) fn line(labels: Option<&proto::LabelSettings>) -> String {
    let Some(labels) = labels.filter(|labels| !labels.integration.is_empty()) else {
        return String::new();
    };
    let proto::LabelSettings {
        integration,
        transport_agreement,
        product,
        parcel_weight_grams,
        automatic,
        printer,
    } = labels;
    let mut text = format!(
        "{integration}, agreement {transport_agreement}, {product}, {parcel_weight_grams} g"
    );
    match (automatic, printer.as_str()) {
        (false, _) => {}
        (true, "") => text.push_str(", by themselves"),
        (true, printer) => text.push_str(&format!(", by themselves on printer {printer}")),
    }
    text
}
