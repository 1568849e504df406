//! For every method a request in which no field is wrong, whatever the rules say of it.

use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use crate::harness::World;
use crate::orderctl::sample;

/// A request of this kind, about the world's shop.
pub(super) fn request(world: &World, descriptor: &MessageDescriptor) -> DynamicMessage {
    let name = descriptor.name();
    let json = reads(world, name).or_else(|| orders(world, name)).or_else(|| shops(world, name));
    let json = json.unwrap_or_else(|| panic!("no plausible {name}: add one"));
    DynamicMessage::deserialize(descriptor.clone(), json).unwrap_or_else(|error| {
        panic!("the plausible {name} is none: {error}");
    })
}

fn reads(world: &World, name: &str) -> Option<Value> {
    let shop = world.shop.to_string();
    let order = format!("{shop}/orders/1001");
    let item = format!("{shop}/stockItems/CUP");
    Some(match name {
        "ListRefusalsRequest" | "ListShopsRequest" => json!({}),
        "GetRefusalRequest" => json!({"name": "refusals/OVERSOLD"}),
        "GetShopRequest" => json!({"name": shop}),
        "ListProblemsRequest"
        | "ListIntegrationsRequest"
        | "ListOrdersRequest"
        | "ListOrderStatusesRequest"
        | "ListStockItemsRequest"
        | "VerifyShopRequest" => json!({"parent": shop}),
        "WatchOrdersRequest" => json!({"parent": shop, "start": "WATCH_START_OLDEST"}),
        "ExportCustomerRequest" => {
            json!({"parent": shop, "person": {"email": "kari@example.com"}})
        }
        "ListOrderEventsRequest" => json!({"parent": order}),
        "ListStockMovementsRequest" => json!({"parent": item}),
        "GetStockItemRequest" => json!({"name": item}),
        "GetOrderRequest" | "GetOrderLabelRequest" => json!({"name": order}),
        "BatchGetOrdersRequest" => json!({"parent": shop, "names": [order]}),
        "GetOrderStatusRequest" => json!({"name": format!("{shop}/orderStatuses/sent")}),
        "GetIntegrationRequest" | "TestIntegrationRequest" | "ListLabelOptionsRequest" => {
            json!({"name": format!("{shop}/integrations/klarna")})
        }
        _ => return None,
    })
}

fn orders(world: &World, name: &str) -> Option<Value> {
    let shop = world.shop.to_string();
    let order = format!("{shop}/orders/1001");
    let other = format!("{shop}/orders/1002");
    let sent = format!("{shop}/orderStatuses/sent");
    Some(match name {
        "CreateOrderRequest" => {
            let placed: Value = serde_json::from_str(&sample()[0]).unwrap();
            json!({"parent": shop, "order": placed})
        }
        "UpdateOrderRequest" => json!({
            "order": {"name": order, "externalReference": "fuzz"},
            "updateMask": "externalReference",
        }),
        "ChangeOrderStatusRequest" => json!({"name": order, "status": sent}),
        "BatchChangeOrderStatusRequest" => {
            json!({"parent": shop, "names": [order], "status": sent})
        }
        "WithdrawStatusChangeRequest" | "DeliverOrderRequest" | "PrintOrderLabelRequest" => {
            json!({"name": order})
        }
        "AttachPaymentRequest" => {
            let payment = json!({"provider": "klarna", "reference": "fuzz", "amountMinor": "500"});
            json!({"name": order, "payment": payment})
        }
        "TransferOrderToAccountingRequest" => json!({"name": order, "form": "TRANSFER_FORM_ORDER"}),
        "DismissProblemRequest" => json!({"name": order, "problemId": "1", "reason": "fuzz"}),
        "RetryEffectRequest" => json!({"name": order, "operationId": "1"}),
        "SettlePaymentOperationRequest" => json!({
            "name": order,
            "operationId": "1",
            "verdict": "VERDICT_HAPPENED",
            "reason": "fuzz",
        }),
        "ReconcilePaymentRequest" | "ExtendReservationRequest" => {
            json!({"name": order, "paymentId": "1"})
        }
        "CreditOrderRequest" => json!({
            "name": order,
            "lines": [{"lineId": 1, "quantity": "1"}],
            "refund": "REFUND_NO",
        }),
        "CancelDeliveryRequest" => json!({"name": order, "deliveryId": 1}),
        "ConfirmArrivalRequest" => json!({"name": order, "arrivalDate": today()}),
        "RecordWithdrawalRequest" => json!({"name": order, "withdrawalDate": today()}),
        "EditOrderRequest" => json!({
            "name": order,
            "lines": [{"lineId": 1, "quantity": "0"}],
            "restock": "RESTOCK_NO",
        }),
        "DeleteOrderRequest" => json!({"name": order, "restock": "RESTOCK_NO"}),
        "AddOrderNoteRequest" => {
            json!({"name": order, "note": {"audience": "NOTE_AUDIENCE_INTERNAL", "text": "fuzz"}})
        }
        "ResendMailRequest" => json!({"name": order, "mailId": "1"}),
        "ResolveDuplicateRequest" => {
            json!({"keep": order, "drop": [other], "restock": "RESTOCK_YES"})
        }
        "DismissDuplicateRequest" => json!({"name": order, "other": other}),
        "EraseCustomerRequest" => {
            json!({"parent": shop, "person": {"email": "kari@example.com"}})
        }
        _ => return None,
    })
}

fn shops(world: &World, name: &str) -> Option<Value> {
    let shop = world.shop.to_string();
    let status = format!("{shop}/orderStatuses/returned");
    let names = json!({"nb": "Tull", "en": "Fuzz"});
    Some(match name {
        "CreateShopRequest" => json!({"shopId": "fuzz", "shop": {"displayName": "Fuzz"}}),
        "UpdateShopRequest" => json!({
            "shop": {"name": shop, "displayName": "Fuzz"},
            "updateMask": "displayName",
        }),
        "CreateOrderStatusRequest" => json!({
            "parent": shop,
            "orderStatusId": "fuzz",
            "orderStatus": {"adminNames": names, "customerNames": names},
        }),
        "UpdateOrderStatusRequest" => json!({
            "orderStatus": {"name": status, "adminNames": names},
            "updateMask": "adminNames",
        }),
        "DeleteOrderStatusRequest" => json!({"name": status}),
        "CreateIntegrationRequest" => {
            json!({"parent": shop, "integrationId": "fuzz", "integration": {"sandbox": {}}})
        }
        "UpdateIntegrationRequest" => json!({
            "integration": {"name": format!("{shop}/integrations/card"), "disabled": true},
            "updateMask": "disabled",
        }),
        "CreateStockItemRequest" => json!({"parent": shop, "sku": "FUZZ", "onHandQuantity": "1"}),
        "AdjustStockRequest" => {
            json!({"name": format!("{shop}/stockItems/CUP"), "deltaQuantity": "1"})
        }
        _ => return None,
    })
}

/// In the zone of a new shop: neither before the goods left nor ahead.
fn today() -> String {
    jiff::Timestamp::now().in_tz("Europe/Oslo").unwrap().date().to_string()
}
