//! Commands about payments, credits and duplicates.

use order_sdk::proto::{self, Receipt};
use order_sdk::{Error, OrderName};

use super::{Asked, Stage};

impl Stage {
    pub(super) async fn attach(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::AttachPaymentRequest {
            name: (&self.order).into(),
            payment: Some(proto::NewPayment {
                provider: "manual".to_owned(),
                amount_minor: if asked.is_other { 2 } else { 1 },
                ..proto::NewPayment::default()
            }),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
            wait: None,
        };
        Ok(self.world.client.attach_payment(request).await?.receipt)
    }

    pub(super) async fn retry(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let order = if asked.is_other { &self.other_waiting } else { &self.waiting };
        let request = proto::RetryEffectRequest {
            name: order.into(),
            operation_id: self.reservation(order).await,
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
            wait: None,
        };
        Ok(self.world.client.retry_effect(request).await?.receipt)
    }

    pub(super) async fn settle(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::SettlePaymentOperationRequest {
            name: (&self.waiting).into(),
            operation_id: self.reservation(&self.waiting).await,
            verdict: proto::Verdict::DidNotHappen.into(),
            amount_minor: None,
            reason: if asked.is_other { "asked Kari" } else { "not in the portal" }.to_owned(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.settle_payment_operation(request).await?.receipt)
    }

    pub(super) async fn reconcile(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let (order, [payment, other]) = &self.held;
        let request = proto::ReconcilePaymentRequest {
            name: order.into(),
            payment_id: *if asked.is_other { other } else { payment },
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
            wait: None,
        };
        Ok(self.world.client.reconcile_payment(request).await?.receipt)
    }

    pub(super) async fn extend(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let (order, [payment, other]) = &self.held;
        let request = proto::ExtendReservationRequest {
            name: order.into(),
            payment_id: *if asked.is_other { other } else { payment },
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.extend_reservation(request).await?.receipt)
    }

    /// Number of the operation that asks for the reservation.
    pub(super) async fn reservation(&self, order: &OrderName) -> i64 {
        self.world.get(order).await.payments[0].operations[0].id
    }

    pub(super) async fn credit(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let amount = if asked.is_other { 200 } else { 100 };
        let credit = self.world.client.credit(&self.sale).amount(1, amount).refund(false);
        let mut request = credit.request_id(&asked.request_id).into_request();
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.credit_order(request).await?.receipt)
    }

    pub(super) async fn resolve(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let [keep, twin, third] = &self.twins;
        let drop = if asked.is_other { third } else { twin };
        let mut request = self.world.client.keep(keep).drop(drop).restock(true).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.resolve_duplicate(request).await?.receipt)
    }

    pub(super) async fn dismiss_pair(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let [order, second, third] = &self.purchases;
        let request = proto::DismissDuplicateRequest {
            name: order.into(),
            other: if asked.is_other { third } else { second }.into(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.dismiss_duplicate(request).await?.receipt)
    }
}
