//! A method for every RPC of every service: takes the contract's request, answers its response.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use order_proto::v1::integration_service_client::IntegrationServiceClient;
use order_proto::v1::order_service_client::OrderServiceClient;
use order_proto::v1::order_status_service_client::OrderStatusServiceClient;
use order_proto::v1::refusal_service_client::RefusalServiceClient;
use order_proto::v1::shop_service_client::ShopServiceClient;
use order_proto::v1::stock_service_client::StockServiceClient;

use tokio::time::timeout;
use tonic::Request;

use crate::calls::ANSWER_BYTES_MAX;
use crate::client::OrderClient;
use crate::error::Error;
use crate::pages::{Page, Pages};
use crate::proto;
use crate::tokens::PageToken;

macro_rules! unary {
    ($service:ident: $($(#[$doc:meta])* $method:ident($request:ident) -> $response:ident;)+) => {
        impl OrderClient {
            $(
                $(#[$doc])*
                pub async fn $method(
                    &self,
                    request: proto::$request,
                ) -> Result<proto::$response, Error> {
                    self.call(request, |channel, request| async move {
                        $service::new(channel)
                            .max_decoding_message_size(ANSWER_BYTES_MAX)
                            .$method(request)
                            .await
                    })
                    .await
                }
            )+
        }
    };
}

macro_rules! paged {
    ($($(#[$doc:meta])* $pages:ident: $method:ident($request:ident) -> $items:ident of $item:ident;)+) => {
        impl OrderClient {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $pages(&self, request: proto::$request) -> Pages<proto::$item> {
                    let client = self.clone();
                    let first = PageToken::next(request.page_token.clone());
                    Pages::new(first, move |token| {
                        let client = client.clone();
                        let mut request = request.clone();
                        request.page_token = token.map(String::from).unwrap_or_default();
                        async move {
                            let answer = client.$method(request).await?;
                            Ok(Page {
                                items: answer.$items,
                                next: PageToken::next(answer.next_page_token),
                            })
                        }
                    })
                }
            )+
        }
    };
}

impl OrderClient {
    /// Recomputes a shop from its rows: progress now and then, each breach as it is found, the summary
    /// last. It takes the time it takes, but none of its messages longer than a call may. Not repeated
    /// by itself when it breaks off.
    pub async fn verify_shop(
        &self,
        request: proto::VerifyShopRequest,
    ) -> Result<impl Stream<Item = Result<proto::VerifyShopResponse, Error>> + Unpin + use<>, Error>
    {
        let mut request = Request::new(request);
        self.settings().write_metadata(request.metadata_mut());
        let channel = self.connections().unary();
        let mut service = OrderServiceClient::new(channel);
        let silence_max = self.settings().timeout;
        let silence = move |_| Error::Transport(format!("silence for {silence_max:?}"));
        let told = |status| Error::from_status(&status);
        let answer = timeout(silence_max, service.verify_shop(request)).await.map_err(silence)?;
        let messages = answer.map_err(told)?.into_inner();
        Ok(Box::pin(try_unfold(messages, move |mut messages| async move {
            let message = timeout(silence_max, messages.message()).await.map_err(silence)?;
            Ok(message.map_err(told)?.map(|message| (message, messages)))
        })))
    }
}

unary!(OrderServiceClient:
    /// Places an order. See also [`OrderClient::new_order`].
    create_order(CreateOrderRequest) -> CreateOrderResponse;
    /// Reads one order, as it is or as it was at a revision.
    get_order(GetOrderRequest) -> GetOrderResponse;
    /// Reads up to 1,000 orders by name from one snapshot.
    batch_get_orders(BatchGetOrdersRequest) -> BatchGetOrdersResponse;
    /// Reads one page of orders. See also [`OrderClient::orders`].
    list_orders(ListOrdersRequest) -> ListOrdersResponse;
    /// Corrects contact data, addresses, metadata.
    update_order(UpdateOrderRequest) -> UpdateOrderResponse;
    /// Sets a status. See also [`OrderClient::change_status`].
    change_order_status(ChangeOrderStatusRequest) -> ChangeOrderStatusResponse;
    /// Takes a waiting status change back while none of its effects has been sent.
    withdraw_status_change(WithdrawStatusChangeRequest) -> WithdrawStatusChangeResponse;
    /// Attaches another payment to an order that is not fully captured.
    attach_payment(AttachPaymentRequest) -> AttachPaymentResponse;
    /// Reads one page of a shop's open problems, oldest first, with counts by code.
    list_problems(ListProblemsRequest) -> ListProblemsResponse;
    /// Closes a problem that a person has dealt with.
    dismiss_problem(DismissProblemRequest) -> DismissProblemResponse;
    /// Tries an operation again now.
    retry_effect(RetryEffectRequest) -> RetryEffectResponse;
    /// Records what a person saw at the provider.
    settle_payment_operation(SettlePaymentOperationRequest) -> SettlePaymentOperationResponse;
    /// Compares a payment with its provider's account and adopts what is certain.
    reconcile_payment(ReconcilePaymentRequest) -> ReconcilePaymentResponse;
    /// Asks the provider to hold a reservation longer.
    extend_reservation(ExtendReservationRequest) -> ExtendReservationResponse;
    /// Records what was sent. See also [`OrderClient::deliver`].
    deliver_order(DeliverOrderRequest) -> DeliverOrderResponse;
    /// Takes back a delivery that was recorded by mistake.
    cancel_delivery(CancelDeliveryRequest) -> CancelDeliveryResponse;
    /// States when deliveries arrived.
    confirm_arrival(ConfirmArrivalRequest) -> ConfirmArrivalResponse;
    /// Records that the customer withdrew from the purchase.
    record_withdrawal(RecordWithdrawalRequest) -> RecordWithdrawalResponse;
    /// Credits lines of a sale and makes its credit order. See also [`OrderClient::credit`].
    credit_order(CreditOrderRequest) -> CreditOrderResponse;
    /// Keeps one of the orders on a payment and drops the others. See also [`OrderClient::keep`].
    resolve_duplicate(ResolveDuplicateRequest) -> ResolveDuplicateResponse;
    /// Says that two orders are different purchases.
    dismiss_duplicate(DismissDuplicateRequest) -> DismissDuplicateResponse;
    /// Changes, adds and removes lines. See also [`OrderClient::edit`].
    edit_order(EditOrderRequest) -> EditOrderResponse;
    /// Deletes an order on which no money hangs.
    delete_order(DeleteOrderRequest) -> DeleteOrderResponse;
    /// Adds a note, and mails it. See also [`OrderClient::new_note`].
    add_order_note(AddOrderNoteRequest) -> AddOrderNoteResponse;
    /// Sends a mail again, to the address that the order has now.
    resend_mail(ResendMailRequest) -> ResendMailResponse;
    /// Hands an order over to accounting. See also [`OrderClient::transfer`].
    transfer_order_to_accounting(TransferOrderToAccountingRequest) -> TransferOrderToAccountingResponse;
    /// Makes the label of goods, and prints it. See also [`OrderClient::label`].
    print_order_label(PrintOrderLabelRequest) -> PrintOrderLabelResponse;
    /// Reads a label as PDF.
    get_order_label(GetOrderLabelRequest) -> GetOrderLabelResponse;
    /// Reads one page of all that is kept about a person.
    export_customer(ExportCustomerRequest) -> ExportCustomerResponse;
    /// Takes away all that is personal of a person's orders.
    erase_customer(EraseCustomerRequest) -> EraseCustomerResponse;
    /// Reads one page of an order's history, oldest first.
    list_order_events(ListOrderEventsRequest) -> ListOrderEventsResponse;
);

unary!(OrderStatusServiceClient:
    /// Lists all statuses of a shop by position.
    list_order_statuses(ListOrderStatusesRequest) -> ListOrderStatusesResponse;
    /// Reads one status.
    get_order_status(GetOrderStatusRequest) -> GetOrderStatusResponse;
    /// Adds a status.
    create_order_status(CreateOrderStatusRequest) -> CreateOrderStatusResponse;
    /// Renames, reorders or retags a status.
    update_order_status(UpdateOrderStatusRequest) -> UpdateOrderStatusResponse;
    /// Deletes a status.
    delete_order_status(DeleteOrderStatusRequest) -> DeleteOrderStatusResponse;
);

unary!(ShopServiceClient:
    /// Reads one page of shops by name.
    list_shops(ListShopsRequest) -> ListShopsResponse;
    /// Reads one shop.
    get_shop(GetShopRequest) -> GetShopResponse;
    /// Creates a shop with the five starting statuses.
    create_shop(CreateShopRequest) -> CreateShopResponse;
    /// Changes settings of a shop.
    update_shop(UpdateShopRequest) -> UpdateShopResponse;
);

unary!(IntegrationServiceClient:
    /// Lists all integrations of a shop by name.
    list_integrations(ListIntegrationsRequest) -> ListIntegrationsResponse;
    /// Reads one integration.
    get_integration(GetIntegrationRequest) -> GetIntegrationResponse;
    /// Adds an integration.
    create_integration(CreateIntegrationRequest) -> CreateIntegrationResponse;
    /// Changes, disables or enables an integration.
    update_integration(UpdateIntegrationRequest) -> UpdateIntegrationResponse;
    /// Asks the system whether it answers and takes the credentials.
    test_integration(TestIntegrationRequest) -> TestIntegrationResponse;
    /// Reads what an integration for labels offers.
    list_label_options(ListLabelOptionsRequest) -> ListLabelOptionsResponse;
);

unary!(StockServiceClient:
    /// Reads one page of stock items by sku.
    list_stock_items(ListStockItemsRequest) -> ListStockItemsResponse;
    /// Reads one stock item.
    get_stock_item(GetStockItemRequest) -> GetStockItemResponse;
    /// Begins to track a sku.
    create_stock_item(CreateStockItemRequest) -> CreateStockItemResponse;
    /// Adds to or takes from a balance.
    adjust_stock(AdjustStockRequest) -> AdjustStockResponse;
    /// Reads one page of an item's movements, newest first.
    list_stock_movements(ListStockMovementsRequest) -> ListStockMovementsResponse;
);

unary!(RefusalServiceClient:
    /// Lists the whole catalogue of refusals and problems.
    list_refusals(ListRefusalsRequest) -> ListRefusalsResponse;
    /// Explains one code.
    get_refusal(GetRefusalRequest) -> GetRefusalResponse;
);

paged!(
    /// All orders that the request asks for, page by page.
    order_pages: list_orders(ListOrdersRequest) -> orders of Order;
    /// The whole history of an order, page by page, oldest first.
    order_event_pages: list_order_events(ListOrderEventsRequest) -> events of Event;
    /// All open problems of a shop, page by page, oldest first.
    problem_pages: list_problems(ListProblemsRequest) -> problems of OrderProblem;
    /// All that is kept about a person, page by page.
    customer_record_pages: export_customer(ExportCustomerRequest) -> records of CustomerRecord;
    /// All shops, page by page.
    shop_pages: list_shops(ListShopsRequest) -> shops of Shop;
    /// All stock items of a shop, page by page.
    stock_item_pages: list_stock_items(ListStockItemsRequest) -> stock_items of StockItem;
    /// All movements of a stock item, page by page, newest first.
    stock_movement_pages: list_stock_movements(ListStockMovementsRequest) -> movements of StockMovement;
);
