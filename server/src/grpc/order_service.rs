//! `OrderService`: each call is checked, asked of the turns, the readers or the feed, and answered.

use std::sync::Arc;

use bytes::Bytes;
use order_proto::v1;
use prost::Message;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Edge;
use super::batches;
use super::caller::Caller;
use super::fields::envelope::Asking;
use super::fields::{
    self, accounting, attention, crediting, delivering, editing, lists, notes, orders, placing,
    printing, privacy, reconciling, resolving, watching,
};
use super::streams::{Told, guarded, told_to};
use super::stubs::order_service_server::OrderService;
use crate::commands::Failure;
use crate::wire::Frame;

/// Serves orders.
#[derive(Clone)]
pub(super) struct Orders {
    edge: Edge,
}

/// Numbers of the fields in the contract's answers that hold stored orders.
const ORDER: u32 = 1;
const RECEIPT: u32 = 2;
const CREDIT_ORDER: u32 = 3;
const RECONCILIATION: u32 = 3;

impl Orders {
    pub(super) fn new(edge: &Edge) -> Self {
        Self { edge: edge.clone() }
    }

    /// Has a checked command carried out; every answer but `CreateOrder`'s is order and receipt.
    async fn changed(
        &self,
        asking: Result<Asking, Failure>,
        caller: &Caller,
    ) -> Result<Frame, Failure> {
        let done = self.edge.carry_out(asking?, caller).await?;
        Ok(order_and_receipt(done.order, &done.receipt))
    }
}

#[tonic::async_trait]
impl OrderService for Orders {
    async fn create_order(
        &self,
        request: Request<v1::CreateOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = placing::create_order(request, &caller)?;
            let done = self.edge.carry_out(asking, &caller).await?;
            let answer = order_and_receipt(done.order, &done.receipt);
            let already_exists = done.already_exists;
            Ok(answer
                .with_fields(&v1::CreateOrderResponse { already_exists, ..Default::default() }))
        };
        caller.reply(outcome.await)
    }

    async fn get_order(
        &self,
        request: Request<v1::GetOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let wanted = lists::get_order(request)?;
            let order = self.edge.reading.order(&wanted).await?;
            Ok(Frame::default().with_message(ORDER, order))
        };
        caller.reply(outcome.await)
    }

    async fn batch_get_orders(
        &self,
        request: Request<v1::BatchGetOrdersRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let (shop, numbers) = lists::batch_get_orders(request)?;
            let orders = self.edge.reading.orders(&shop, &numbers).await?;
            Ok(orders_frame(orders))
        };
        caller.reply(outcome.await)
    }

    async fn list_orders(
        &self,
        request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let listed = self.edge.reading.list(lists::list_orders(request)?).await?;
            let last = v1::ListOrdersResponse {
                orders: Vec::new(),
                next_page_token: listed.next.unwrap_or_default(),
                total_count: listed.total,
            };
            Ok(orders_frame(listed.orders).with_fields(&last))
        };
        caller.reply(outcome.await)
    }

    async fn update_order(
        &self,
        request: Request<v1::UpdateOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(orders::update_order(request, &caller), &caller).await)
    }

    async fn change_order_status(
        &self,
        request: Request<v1::ChangeOrderStatusRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(orders::change_status(request, &caller), &caller).await)
    }

    type BatchChangeOrderStatusStream = Told<v1::BatchChangeOrderStatusResponse>;

    async fn batch_change_order_status(
        &self,
        request: Request<v1::BatchChangeOrderStatusRequest>,
    ) -> Result<Response<Self::BatchChangeOrderStatusStream>, Status> {
        let (caller, request) = Caller::split(request);
        let caller = Arc::new(caller);
        let outcome = async {
            let batch = fields::batches::batch_change_status(request, &caller)?;
            // A shop that does not exist is told at once.
            self.edge.turns.shop_id(&batch.shop).await?;
            Ok(batches::outcomes(self.edge.clone(), batch, Arc::clone(&caller)))
        };
        let stream = outcome.await.map_err(|failure| caller.status(failure))?;
        Ok(Response::new(guarded(stream, caller)))
    }

    async fn withdraw_status_change(
        &self,
        request: Request<v1::WithdrawStatusChangeRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(orders::withdraw_status_change(request, &caller), &caller).await)
    }

    async fn attach_payment(
        &self,
        request: Request<v1::AttachPaymentRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(placing::attach_payment(request, &caller), &caller).await)
    }

    async fn list_problems(
        &self,
        request: Request<v1::ListProblemsRequest>,
    ) -> Result<Response<v1::ListProblemsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome =
            async { self.edge.reading.problems(attention::list_problems(request)?).await };
        caller.reply(outcome.await)
    }

    async fn dismiss_problem(
        &self,
        request: Request<v1::DismissProblemRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(attention::dismiss_problem(request, &caller), &caller).await)
    }

    async fn retry_effect(
        &self,
        request: Request<v1::RetryEffectRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(attention::retry_effect(request, &caller), &caller).await)
    }

    async fn settle_payment_operation(
        &self,
        request: Request<v1::SettlePaymentOperationRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(attention::settle_operation(request, &caller), &caller).await)
    }

    async fn reconcile_payment(
        &self,
        request: Request<v1::ReconcilePaymentRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = reconciling::reconcile_payment(request, &caller)?;
            let done = self.edge.reconcile(asking, &caller).await?;
            let told = done.reconciliation.unwrap_or_default().encode_to_vec();
            let answer = order_and_receipt(done.order, &done.receipt);
            Ok(answer.with_message(RECONCILIATION, [Bytes::from(told)]))
        };
        caller.reply(outcome.await)
    }

    async fn extend_reservation(
        &self,
        request: Request<v1::ExtendReservationRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = reconciling::extend_reservation(request, &caller)?;
            let done = self.edge.extend(asking, &caller).await?;
            Ok(order_and_receipt(done.order, &done.receipt))
        };
        caller.reply(outcome.await)
    }

    async fn deliver_order(
        &self,
        request: Request<v1::DeliverOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(delivering::deliver_order(request, &caller), &caller).await)
    }

    async fn cancel_delivery(
        &self,
        request: Request<v1::CancelDeliveryRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(delivering::cancel_delivery(request, &caller), &caller).await)
    }

    async fn confirm_arrival(
        &self,
        request: Request<v1::ConfirmArrivalRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(delivering::confirm_arrival(request, &caller), &caller).await)
    }

    async fn record_withdrawal(
        &self,
        request: Request<v1::RecordWithdrawalRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(delivering::record_withdrawal(request, &caller), &caller).await)
    }

    async fn credit_order(
        &self,
        request: Request<v1::CreditOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = crediting::credit_order(request, &caller)?;
            let done = self.edge.carry_out(asking, &caller).await?;
            let answer = order_and_receipt(done.order, &done.receipt);
            Ok(answer.with_message(CREDIT_ORDER, done.credit_order))
        };
        caller.reply(outcome.await)
    }

    async fn resolve_duplicate(
        &self,
        request: Request<v1::ResolveDuplicateRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(resolving::resolve_duplicate(request, &caller), &caller).await)
    }

    async fn dismiss_duplicate(
        &self,
        request: Request<v1::DismissDuplicateRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(resolving::dismiss_duplicate(request, &caller), &caller).await)
    }

    async fn edit_order(
        &self,
        request: Request<v1::EditOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(editing::edit_order(request, &caller), &caller).await)
    }

    async fn delete_order(
        &self,
        request: Request<v1::DeleteOrderRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(editing::delete_order(request, &caller), &caller).await)
    }

    async fn add_order_note(
        &self,
        request: Request<v1::AddOrderNoteRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(notes::add_note(request, &caller), &caller).await)
    }

    async fn resend_mail(
        &self,
        request: Request<v1::ResendMailRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(notes::resend_mail(request, &caller), &caller).await)
    }

    async fn transfer_order_to_accounting(
        &self,
        request: Request<v1::TransferOrderToAccountingRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(accounting::transfer_order(request, &caller), &caller).await)
    }

    async fn print_order_label(
        &self,
        request: Request<v1::PrintOrderLabelRequest>,
    ) -> Result<Response<Frame>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(self.changed(printing::print_label(request, &caller), &caller).await)
    }

    async fn get_order_label(
        &self,
        request: Request<v1::GetOrderLabelRequest>,
    ) -> Result<Response<v1::GetOrderLabelResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let wanted = printing::get_label(request)?;
            let found = self.edge.reading.label(&wanted).await?;
            let pdf = self.edge.connecting.label_pdf(&found).await?;
            Ok(v1::GetOrderLabelResponse { label: Some(found.label), pdf: pdf.into() })
        };
        caller.reply(outcome.await)
    }

    async fn export_customer(
        &self,
        request: Request<v1::ExportCustomerRequest>,
    ) -> Result<Response<v1::ExportCustomerResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async { self.edge.reading.person(privacy::export_customer(request)?).await };
        caller.reply(outcome.await)
    }

    async fn erase_customer(
        &self,
        request: Request<v1::EraseCustomerRequest>,
    ) -> Result<Response<v1::EraseCustomerResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let erasing = privacy::erase_customer(request, &caller)?;
            self.edge.erase_customer(erasing, &caller).await
        };
        caller.reply(outcome.await)
    }

    async fn list_order_events(
        &self,
        request: Request<v1::ListOrderEventsRequest>,
    ) -> Result<Response<v1::ListOrderEventsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let (events, next) =
                self.edge.reading.events(lists::list_order_events(request)?).await?;
            let next_page_token = next.unwrap_or_default();
            Ok(v1::ListOrderEventsResponse { events, next_page_token })
        };
        caller.reply(outcome.await)
    }

    type VerifyShopStream = Told<v1::VerifyShopResponse>;

    async fn verify_shop(
        &self,
        request: Request<v1::VerifyShopRequest>,
    ) -> Result<Response<Self::VerifyShopStream>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let shop = lists::verify_shop(request)?;
            self.edge.verifying.verify(&shop).await
        };
        let messages = outcome.await.map_err(|failure| caller.status(failure))?;
        Ok(Response::new(told_to(ReceiverStream::new(messages), caller)))
    }

    type WatchOrdersStream = Told<Frame>;

    async fn watch_orders(
        &self,
        request: Request<v1::WatchOrdersRequest>,
    ) -> Result<Response<Self::WatchOrdersStream>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async { self.edge.feed.watch(watching::watch_orders(request)?).await };
        let messages = outcome.await.map_err(|failure| caller.status(failure))?;
        Ok(Response::new(told_to(messages, caller)))
    }
}

fn order_and_receipt(order: Vec<Bytes>, receipt: &v1::Receipt) -> Frame {
    let receipt: Bytes = receipt.encode_to_vec().into();
    Frame::default().with_message(ORDER, order).with_message(RECEIPT, [receipt])
}

/// Orders as the repeated first field of an answer.
fn orders_frame(orders: Vec<Vec<Bytes>>) -> Frame {
    orders.into_iter().fold(Frame::default(), |frame, order| frame.with_message(ORDER, order))
}
