//! Labels on paper: what each consignment came to, and where it was printed.

use order_sdk::proto;

use crate::labels::label;
use crate::tables::table;
use crate::times::local;

/// A row per label; nothing where there is none.
pub(super) fn labels(order: &proto::Order) -> Option<String> {
    if order.labels.is_empty() {
        return None;
    }
    let row = |one: &proto::Label| {
        vec![
            one.id.to_string(),
            goods(one.delivery_id),
            label::<proto::LabelState>(one.state),
            [one.integration.as_str(), one.product.as_str()].join(" "),
            one.reference.clone(),
            one.consignment_number.clone(),
            local(one.resolve_time.as_ref().or(one.request_time.as_ref())),
            one.prints.iter().map(print).collect::<Vec<_>>().join(", "),
        ]
    };
    let headings =
        [">LABEL", "OF", "STATE", "PRODUCT", "REFERENCE", "CONSIGNMENT", "SINCE", "PRINTS"];
    Some(table(&headings, order.labels.iter().map(row).collect()))
}

fn goods(delivery: i32) -> String {
    match delivery {
        0 => "the order".to_owned(),
        id => format!("delivery {id}"),
    }
}

/// `1093 PRINTED`.
fn print(print: &proto::LabelPrint) -> String {
    format!("{} {}", print.printer, label::<proto::LabelPrintState>(print.state))
}
