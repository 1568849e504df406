//! Canonical JSON of the contract's messages, both ways, from the contract's own descriptors.

use std::sync::LazyLock;

use order_sdk::proto;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage};

use crate::failure::Failure;

static CONTRACT: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(order_proto::DESCRIPTOR).ok());

/// A message that knows its full name.
pub(crate) trait Named: Message + Default {
    const NAME: &'static str;
}

macro_rules! named {
    ($($message:ident),+ $(,)?) => {
        $(
            impl Named for proto::$message {
                const NAME: &'static str = concat!("orders.v1.", stringify!($message));
            }
        )+
    };
}

named!(
    AddOrderNoteResponse,
    ListLabelOptionsResponse,
    PrintOrderLabelResponse,
    Address,
    AdjustStockResponse,
    AttachPaymentResponse,
    BatchOutcome,
    CancelDeliveryResponse,
    ChangeOrderStatusResponse,
    ConfirmArrivalResponse,
    CreateIntegrationResponse,
    CreateOrderResponse,
    CreateOrderStatusResponse,
    CreateShopResponse,
    CreateStockItemResponse,
    CreditOrderResponse,
    CustomerRecord,
    DeleteOrderResponse,
    DeleteOrderStatusResponse,
    DeliverOrderResponse,
    DismissDuplicateResponse,
    DismissProblemResponse,
    EditOrderResponse,
    EraseCustomerResponse,
    Event,
    ExtendReservationResponse,
    Integration,
    NewOrder,
    Order,
    OrderProblem,
    OrderStatus,
    ReconcilePaymentResponse,
    RecordWithdrawalResponse,
    Refusal,
    ResendMailResponse,
    ResolveDuplicateResponse,
    RetryEffectResponse,
    SettlePaymentOperationResponse,
    Shop,
    StockItem,
    StockMovement,
    TestIntegrationResponse,
    TransferOrderToAccountingResponse,
    UpdateIntegrationResponse,
    UpdateOrderResponse,
    UpdateOrderStatusResponse,
    UpdateShopResponse,
    VerifyShopResponse,
    WatchOrdersResponse,
    WithdrawStatusChangeResponse,
);

/// One line of JSON.
pub(crate) fn write<M: Named>(message: &M) -> Result<String, Failure> {
    let unwritable = |reason: &dyn std::fmt::Display| {
        Failure::Other(format!("{} cannot be written as JSON: {reason}", M::NAME))
    };
    let mut dynamic = empty::<M>()?;
    dynamic.transcode_from(message).map_err(|error| unwritable(&error))?;
    serde_json::to_string(&dynamic).map_err(|error| unwritable(&error))
}

/// Reads JSON; the error says what is wrong and where, without repeating what was read.
pub(crate) fn read<M: Named>(text: &str) -> Result<M, Failure> {
    let mut json = serde_json::Deserializer::from_str(text);
    let unreadable =
        |reason: String| Failure::Usage(format!("cannot be read as {}: {reason}", M::NAME));
    let dynamic = DynamicMessage::deserialize(empty::<M>()?.descriptor(), &mut json)
        .map_err(|error| unreadable(error.to_string()))?;
    json.end().map_err(|error| unreadable(error.to_string()))?;
    dynamic.transcode_to().map_err(|error| unreadable(error.to_string()))
}

fn empty<M: Named>() -> Result<DynamicMessage, Failure> {
    CONTRACT
        .as_ref()
        .and_then(|contract| contract.get_message_by_name(M::NAME))
        .map(DynamicMessage::new)
        .ok_or_else(|| Failure::Other(format!("the contract has no {}", M::NAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_is_printed_stands_in_the_contract() {
        let written = write(&proto::WatchOrdersResponse { revision: 7, ..Default::default() });
        assert_eq!(written.expect("a message"), r#"{"revision":"7"}"#);
        assert_eq!(write(&proto::Order::default()).expect("a message"), "{}");
    }

    #[test]
    fn an_order_is_read_in_either_spelling_of_its_fields_and_nothing_unknown_is_taken() {
        let read_order = |text| read::<proto::NewOrder>(text);
        let order = read_order(r#"{"currencyCode": "NOK", "price_basis": "PRICE_BASIS_NET"}"#)
            .expect("an order");
        assert_eq!(order.currency_code, "NOK");
        assert_eq!(order.price_basis(), proto::PriceBasis::Net);
        for wrong in ["", "[]", "{", r#"{"colour": 1}"#, r#"{"currencyCode": 1}"#, "{} {}"] {
            assert!(read_order(wrong).is_err(), "{wrong} was taken");
        }
    }
}
