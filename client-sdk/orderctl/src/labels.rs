//! The contract's enums in the words of the command line: `PAYMENT_STATE_CAPTURED` is CAPTURED in a
//! table and `captured` as an option.

use order_sdk::proto;

/// An enum of the contract.
pub(crate) trait Label: Copy + Sized {
    /// What all its names begin with.
    const PREFIX: &'static str;

    fn from_number(number: i32) -> Option<Self>;
    fn from_name(name: &str) -> Option<Self>;
    fn name(self) -> &'static str;

    /// In a table.
    fn label(self) -> &'static str {
        let name = self.name();
        name.strip_prefix(Self::PREFIX).unwrap_or(name)
    }
}

macro_rules! labels {
    ($($name:ident: $prefix:literal),+ $(,)?) => {
        $(
            impl Label for proto::$name {
                const PREFIX: &'static str = $prefix;

                fn from_number(number: i32) -> Option<Self> {
                    Self::try_from(number).ok()
                }

                fn from_name(name: &str) -> Option<Self> {
                    Self::from_str_name(name)
                }

                fn name(self) -> &'static str {
                    self.as_str_name()
                }
            }
        )+
    };
}

labels!(
    Actor: "ACTOR_",
    AuthorizationState: "AUTHORIZATION_STATE_",
    BatchState: "BATCH_STATE_",
    CaptureMode: "CAPTURE_MODE_",
    ConnectionState: "CONNECTION_STATE_",
    ConfirmSource: "CONFIRM_SOURCE_",
    DeliveryState: "DELIVERY_STATE_",
    DifferenceKind: "DIFFERENCE_KIND_",
    DuplicateMode: "DUPLICATE_MODE_",
    DuplicateResolution: "DUPLICATE_RESOLUTION_",
    EventKind: "EVENT_KIND_",
    KlarnaEndpoint: "KLARNA_ENDPOINT_",
    LabelPrintState: "LABEL_PRINT_STATE_",
    LabelState: "LABEL_STATE_",
    LabelWork: "LABEL_WORK_",
    LineKind: "LINE_KIND_",
    MailKind: "MAIL_KIND_",
    MailState: "MAIL_STATE_",
    MovementReason: "MOVEMENT_REASON_",
    NoteAudience: "NOTE_AUDIENCE_",
    OperationKind: "OPERATION_KIND_",
    OperationState: "OPERATION_STATE_",
    OrderKind: "ORDER_KIND_",
    PaymentState: "PAYMENT_STATE_",
    PriceBasis: "PRICE_BASIS_",
    ReconciliationState: "RECONCILIATION_STATE_",
    Restock: "RESTOCK_",
    StatusTag: "STATUS_TAG_",
    StockMode: "STOCK_MODE_",
    TransferForm: "TRANSFER_FORM_",
    TransferState: "TRANSFER_STATE_",
);

/// What stands in a table for the number in a message; empty for UNSPECIFIED.
pub(crate) fn label<L: Label>(number: i32) -> String {
    match L::from_number(number).map(Label::label) {
        Some("UNSPECIFIED") => String::new(),
        Some(label) => label.to_owned(),
        // Newer than this program.
        None => number.to_string(),
    }
}

/// Reads an option's value: `partially-captured`.
pub(crate) fn choice<L: Label>(text: &str) -> Result<L, String> {
    choice_but(text, |_| false)
}

/// The value that an option gives, but for those that are not offered.
pub(crate) fn choice_but<L: Label>(text: &str, is_none: fn(L) -> bool) -> Result<L, String> {
    let name = format!("{}{}", L::PREFIX, text.to_ascii_uppercase().replace('-', "_"));
    match L::from_name(&name) {
        Some(found) if found.label() != "UNSPECIFIED" && !is_none(found) => Ok(found),
        _ => Err(format!("must be one of: {}", choices(is_none).join(", "))),
    }
}

fn choices<L: Label>(is_none: fn(L) -> bool) -> Vec<String> {
    let words = |label: L| label.label().to_ascii_lowercase().replace('_', "-");
    let all = (1..).map_while(L::from_number);
    all.filter(|label| !is_none(*label)).map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_offered() {
        for offered in choices::<proto::PaymentState>(|_| false) {
            assert!(choice::<proto::PaymentState>(&offered).is_ok());
        }
        let is_noop = |kind: proto::EventKind| kind == proto::EventKind::Noop;
        let told = choice_but("paid", is_noop).expect_err("no kind of event");
        assert!(told.contains("order-created") && !told.contains("noop"), "{told}");
        assert!(choice_but("noop", is_noop).is_err());
        assert_eq!(choice("PARTIALLY_CAPTURED"), Ok(proto::PaymentState::PartiallyCaptured));
        assert_eq!(choices::<proto::StatusTag>(|_| false), ["default", "completed", "cancelled"]);
        assert!(choice::<proto::StatusTag>("unspecified").is_err());
        assert!(choice::<proto::StatusTag>("paid").is_err());
    }

    #[test]
    fn a_number_is_told_by_its_name_and_an_unknown_one_as_it_is() {
        assert_eq!(label::<proto::StatusTag>(2), "COMPLETED");
        assert_eq!(label::<proto::StatusTag>(0), "");
        assert_eq!(label::<proto::StatusTag>(99), "99");
    }
}
