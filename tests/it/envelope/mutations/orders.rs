//! Commands about an order: its contents, its status, its goods, and whom it is for.

use order_sdk::Error;
use order_sdk::proto::{self, Receipt, TransferForm};

use super::{Asked, Stage, named};
use crate::harness::mask;

impl Stage {
    pub(super) async fn create_order(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let total = if asked.is_other { 500 } else { 400 };
        let mut request = self.world.draft(total).payment("manual", "", total).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.create_order(request).await?.receipt)
    }

    pub(super) async fn update_order(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut order = named(&self.order);
        order.language_code = if asked.is_other { "sv" } else { "en" }.to_owned();
        let request = proto::UpdateOrderRequest {
            order: Some(order),
            update_mask: Some(mask(&["language_code"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.update_order(request).await?.receipt)
    }

    pub(super) async fn change_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let status = if asked.is_other { "returned" } else { "processing" };
        let mut request = self.world.change(&self.order, status).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.change_order_status(request).await?.receipt)
    }

    pub(super) async fn withdraw(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let order = if asked.is_other { &self.other_waiting } else { &self.waiting };
        let request = proto::WithdrawStatusChangeRequest {
            name: order.into(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.withdraw_status_change(request).await?.receipt)
    }

    pub(super) async fn print_label(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut request = self.world.client.label(&self.sent).into_request();
        request.parcel_weight_grams = if asked.is_other { 700 } else { 500 };
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.print_order_label(request).await?.receipt)
    }

    pub(super) async fn dismiss(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let history = self.world.history(&self.oversold).await;
        let problem_id = history.iter().find_map(|event| {
            event.change.as_ref().map(|change| change.problem_id).filter(|id| *id != 0)
        });
        let request = proto::DismissProblemRequest {
            name: (&self.oversold).into(),
            problem_id: problem_id.unwrap(),
            reason: if asked.is_other { "sold out" } else { "arrived" }.to_owned(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.dismiss_problem(request).await?.receipt)
    }

    pub(super) async fn erase(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let email = if asked.is_other { "b@example.com" } else { "a@example.com" };
        let identity = Some(proto::person::Identity::Email(email.to_owned()));
        let request = proto::EraseCustomerRequest {
            parent: (&self.world.shop).into(),
            person: Some(proto::Person { identity }),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.erase_customer(request).await?.receipt)
    }

    pub(super) async fn deliver(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut request = self.world.client.deliver(&self.order).into_request();
        request.carrier = if asked.is_other { "Bring" } else { "Posten" }.to_owned();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.deliver_order(request).await?.receipt)
    }

    pub(super) async fn cancel_delivery(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::CancelDeliveryRequest {
            name: (&self.delivered).into(),
            delivery_id: if asked.is_other { 2 } else { 1 },
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.cancel_delivery(request).await?.receipt)
    }

    pub(super) async fn confirm_arrival(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::ConfirmArrivalRequest {
            name: (&self.delivered).into(),
            delivery_id: if asked.is_other { 2 } else { 1 },
            arrival_date: self.today.to_string(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.confirm_arrival(request).await?.receipt)
    }

    pub(super) async fn record_withdrawal(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let day = if asked.is_other { self.today.plus_days(-1) } else { self.today };
        let request = proto::RecordWithdrawalRequest {
            name: (&self.order).into(),
            withdrawal_date: day.to_string(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.record_withdrawal(request).await?.receipt)
    }

    pub(super) async fn edit(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let price = if asked.is_other { 700 } else { 800 };
        let mut request = self.world.client.edit(&self.order).unit_price(1, price).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.edit_order(request).await?.receipt)
    }

    pub(super) async fn delete(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let order = if asked.is_other { &self.other_free } else { &self.free };
        let request = proto::DeleteOrderRequest {
            name: order.into(),
            restock: proto::Restock::Unspecified.into(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.delete_order(request).await?.receipt)
    }

    pub(super) async fn add_note(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let text = if asked.is_other { "Noe annet" } else { "Noe" };
        let note = proto::Note { text: text.to_owned(), ..proto::Note::default() };
        let request = proto::AddOrderNoteRequest {
            name: (&self.order).into(),
            note: Some(note),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
            ..proto::AddOrderNoteRequest::default()
        };
        Ok(self.world.client.add_order_note(request).await?.receipt)
    }

    pub(super) async fn resend(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mail_id = if asked.is_other { self.other_mail } else { self.mail };
        let request = proto::ResendMailRequest {
            name: (&self.mailed).into(),
            mail_id,
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.resend_mail(request).await?.receipt)
    }

    pub(super) async fn transfer(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let form = if asked.is_other { TransferForm::Order } else { TransferForm::Invoice };
        let request = proto::TransferOrderToAccountingRequest {
            name: (&self.sale).into(),
            form: form.into(),
            integration: String::new(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
            wait: None,
        };
        Ok(self.world.client.transfer_order_to_accounting(request).await?.receipt)
    }
}
