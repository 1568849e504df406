//! Every command of the contract, each in a form that succeeds, and a form with other content.

use order_sdk::proto::{self, Receipt, StatusTag};
use order_sdk::{Error, OrderName};

use super::grounds::{
    delivered, held, mailed_twice, sent, three_purchases, three_twins, wait_for_ever,
};
use super::kinds::Kind;
use crate::harness::{World, eventually, mask, request_id};

/// How it is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) request_id: String,
    pub(super) etag: String,
    pub(super) validate_only: bool,
    /// With other content than usual.
    pub(super) is_other: bool,
}

/// A shop in which each command can be carried out once.
pub(super) struct Stage {
    pub(super) world: World,
    order: OrderName,
    /// Captured.
    sale: OrderName,
    /// Held by the sandbox, on two payments.
    held: (OrderName, [i64; 2]),
    /// An order whose status change waits for ever, with nothing of it sent.
    waiting: OrderName,
    other_waiting: OrderName,
    /// An order of more goods than there are.
    oversold: OrderName,
    /// An order of two deliveries.
    delivered: OrderName,
    /// The day on which all this is, in the shop's time zone.
    today: order_rules::order::Day,
    /// Orders on one payment.
    twins: [OrderName; 3],
    /// Purchases of one customer.
    purchases: [OrderName; 3],
    /// Orders on which no money hangs.
    free: OrderName,
    other_free: OrderName,
    /// An order with mails that are sent.
    mailed: OrderName,
    mail: i64,
    other_mail: i64,
    /// An order that is sent, with an address for its label.
    sent: OrderName,
    /// A shop that does not exist yet.
    new_shop: String,
}

impl Stage {
    /// A new shop beside this one.
    pub(super) async fn set(beside: &World) -> Self {
        let world = World::new(beside.server.clone()).await;
        world.stock("CUP", 3).await;
        let order = world.place(world.draft(900).payment("manual", "", 900)).await;
        let sale = world.place(world.draft(900).payment("manual", "", 900)).await;
        let sale: OrderName = sale.name.parse().unwrap();
        world.complete(&sale).await.unwrap();
        let held = held(&world).await;
        let waiting = wait_for_ever(&world).await;
        let other_waiting = wait_for_ever(&world).await;
        world.stock("RARE", 0).await;
        let oversold = world.place(world.draft(0).goods("RARE", "Vase", 1, 0, 0)).await;
        let (delivered, today) = delivered(&world).await;
        let free = world.place(world.draft(0)).await.name.parse().unwrap();
        let other_free = world.place(world.draft(0)).await.name.parse().unwrap();
        let draft = world.draft(0).with(|order| {
            "a@example.com".clone_into(&mut order.customer.get_or_insert_default().email);
        });
        let past = world.place(draft).await;
        world.cancel(&past.name.parse().unwrap(), false).await.unwrap();
        let new_shop = format!("{}-new", world.shop.id());
        let twins = three_twins(&world).await;
        let purchases = three_purchases(&world).await;
        let (mailed, [mail, other_mail]) = mailed_twice(&world).await;
        Self {
            mailed,
            sent: sent(&world).await,
            mail,
            other_mail,
            order: order.name.parse().unwrap(),
            world,
            waiting,
            other_waiting,
            oversold: oversold.name.parse().unwrap(),
            delivered,
            today,
            sale,
            held,
            twins,
            purchases,
            free,
            other_free,
            new_shop,
        }
    }

    pub(super) async fn send(&self, kind: Kind, asked: &Asked) -> Result<Receipt, Error> {
        let receipt = match kind {
            Kind::CreateOrder => self.create_order(asked).await?,
            Kind::UpdateOrder => self.update_order(asked).await?,
            Kind::ChangeOrderStatus => self.change_status(asked).await?,
            Kind::WithdrawStatusChange => self.withdraw(asked).await?,
            Kind::AttachPayment => self.attach(asked).await?,
            Kind::AddOrderNote => self.add_note(asked).await?,
            Kind::ResendMail => self.resend(asked).await?,
            Kind::PrintOrderLabel => self.print_label(asked).await?,
            Kind::DismissProblem => self.dismiss(asked).await?,
            Kind::RetryEffect => self.retry(asked).await?,
            Kind::SettlePaymentOperation => self.settle(asked).await?,
            Kind::ReconcilePayment => self.reconcile(asked).await?,
            Kind::ExtendReservation => self.extend(asked).await?,
            Kind::DeliverOrder => self.deliver(asked).await?,
            Kind::CancelDelivery => self.cancel_delivery(asked).await?,
            Kind::ConfirmArrival => self.confirm_arrival(asked).await?,
            Kind::RecordWithdrawal => self.record_withdrawal(asked).await?,
            Kind::CreditOrder => self.credit(asked).await?,
            Kind::ResolveDuplicate => self.resolve(asked).await?,
            Kind::DismissDuplicate => self.dismiss_pair(asked).await?,
            Kind::EditOrder => self.edit(asked).await?,
            Kind::DeleteOrder => self.delete(asked).await?,
            Kind::EraseCustomer => self.erase(asked).await?,
            Kind::CreateOrderStatus => self.create_status(asked).await?,
            Kind::UpdateOrderStatus => self.update_status(asked).await?,
            Kind::DeleteOrderStatus => self.delete_status(asked).await?,
            Kind::CreateIntegration => self.create_integration(asked).await?,
            Kind::UpdateIntegration => self.update_integration(asked).await?,
            Kind::CreateShop => self.create_shop(asked).await?,
            Kind::UpdateShop => self.update_shop(asked).await?,
            Kind::CreateStockItem => self.create_item(asked).await?,
            Kind::AdjustStock => self.adjust(asked).await?,
        };
        Ok(receipt.expect("every mutation answers a receipt"))
    }

    /// The etag of what the command is about.
    pub(super) async fn etag(&self, kind: Kind) -> String {
        match kind {
            Kind::UpdateShop => self.world.shop().await.etag,
            Kind::UpdateIntegration => self.world.integration("vipps").await.etag,
            Kind::UpdateOrderStatus | Kind::DeleteOrderStatus => {
                let name = self.world.status("returned").into();
                let request = proto::GetOrderStatusRequest { name };
                let answer = self.world.client.get_order_status(request).await.unwrap();
                answer.order_status.unwrap().etag
            }
            _ => self.world.get(self.order_of(kind)).await.etag,
        }
    }

    /// Waits until what the command mailed is told of.
    pub(super) async fn mails_are_out(&self, kind: Kind) {
        if !matches!(kind, Kind::AddOrderNote | Kind::ResendMail | Kind::PrintOrderLabel) {
            return;
        }
        eventually("the mails are out, and labels made", async || {
            let order = self.world.get(self.order_of(kind)).await;
            let is_out = |mail: &proto::Mail| mail.state() != proto::MailState::Pending;
            let is_made = |label: &proto::Label| label.state() != proto::LabelState::Pending;
            let is_over = order.mails.iter().all(is_out) && order.labels.iter().all(is_made);
            is_over.then_some(())
        })
        .await;
    }

    /// Changes what the command is about, in a way that does not get into its way.
    pub(super) async fn touch(&self, kind: Kind) {
        match kind {
            Kind::UpdateShop => {
                self.world
                    .set("settings.time_zone", |settings| {
                        "Europe/Stockholm".clone_into(&mut settings.time_zone);
                    })
                    .await;
            }
            Kind::UpdateIntegration => {
                self.world.disable("vipps", true).await;
                self.world.disable("vipps", false).await;
            }
            Kind::UpdateOrderStatus | Kind::DeleteOrderStatus => {
                let request = self.status_update(77, &Asked::default());
                self.world.client.update_order_status(request).await.unwrap();
            }
            _ => {
                let mut order = named(self.order_of(kind));
                order.metadata.insert("touched".to_owned(), "yes".to_owned());
                let request = proto::UpdateOrderRequest {
                    order: Some(order),
                    update_mask: Some(mask(&["metadata"])),
                    request_id: request_id(),
                    ..proto::UpdateOrderRequest::default()
                };
                self.world.client.update_order(request).await.unwrap();
            }
        }
    }

    fn order_of(&self, kind: Kind) -> &OrderName {
        match kind {
            Kind::WithdrawStatusChange | Kind::RetryEffect | Kind::SettlePaymentOperation => {
                &self.waiting
            }
            Kind::ReconcilePayment | Kind::ExtendReservation => &self.held.0,
            Kind::DismissProblem => &self.oversold,
            Kind::CancelDelivery | Kind::ConfirmArrival => &self.delivered,
            Kind::CreditOrder => &self.sale,
            Kind::ResolveDuplicate => &self.twins[0],
            Kind::DismissDuplicate => &self.purchases[0],
            Kind::DeleteOrder => &self.free,
            Kind::ResendMail => &self.mailed,
            Kind::PrintOrderLabel => &self.sent,
            _ => &self.order,
        }
    }

    async fn create_order(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let total = if asked.is_other { 500 } else { 400 };
        let mut request = self.world.draft(total).payment("manual", "", total).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.create_order(request).await?.receipt)
    }

    async fn update_order(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn change_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let status = if asked.is_other { "returned" } else { "processing" };
        let mut request = self.world.change(&self.order, status).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.change_order_status(request).await?.receipt)
    }

    async fn withdraw(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let order = if asked.is_other { &self.other_waiting } else { &self.waiting };
        let request = proto::WithdrawStatusChangeRequest {
            name: order.into(),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.withdraw_status_change(request).await?.receipt)
    }

    async fn attach(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn print_label(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut request = self.world.client.label(&self.sent).into_request();
        request.parcel_weight_grams = if asked.is_other { 700 } else { 500 };
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.print_order_label(request).await?.receipt)
    }

    async fn dismiss(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn retry(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn settle(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn reconcile(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn extend(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn erase(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    /// Number of the operation that asks for the reservation.
    async fn reservation(&self, order: &OrderName) -> i64 {
        self.world.get(order).await.payments[0].operations[0].id
    }

    async fn deliver(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut request = self.world.client.deliver(&self.order).into_request();
        request.carrier = if asked.is_other { "Bring" } else { "Posten" }.to_owned();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.deliver_order(request).await?.receipt)
    }

    async fn cancel_delivery(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::CancelDeliveryRequest {
            name: (&self.delivered).into(),
            delivery_id: if asked.is_other { 2 } else { 1 },
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.cancel_delivery(request).await?.receipt)
    }

    async fn confirm_arrival(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn record_withdrawal(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn credit(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let amount = if asked.is_other { 200 } else { 100 };
        let credit = self.world.client.credit(&self.sale).amount(1, amount).refund(false);
        let mut request = credit.request_id(&asked.request_id).into_request();
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.credit_order(request).await?.receipt)
    }

    async fn resolve(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let [keep, twin, third] = &self.twins;
        let drop = if asked.is_other { third } else { twin };
        let mut request = self.world.client.keep(keep).drop(drop).restock(true).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.resolve_duplicate(request).await?.receipt)
    }

    async fn dismiss_pair(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn edit(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let price = if asked.is_other { 700 } else { 800 };
        let mut request = self.world.client.edit(&self.order).unit_price(1, price).into_request();
        request.request_id.clone_from(&asked.request_id);
        request.etag.clone_from(&asked.etag);
        request.validate_only = asked.validate_only;
        Ok(self.world.client.edit_order(request).await?.receipt)
    }

    async fn delete(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn add_note(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn resend(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
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

    async fn create_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let mut status = proto::OrderStatus::default();
        status.set_tag(StatusTag::Completed);
        let name = if asked.is_other { "Levert" } else { "Avsluttet" };
        status.admin_names.insert("nb".to_owned(), name.to_owned());
        let request = proto::CreateOrderStatusRequest {
            parent: (&self.world.shop).into(),
            order_status_id: "done".to_owned(),
            order_status: Some(status),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_order_status(request).await?.receipt)
    }

    fn status_update(&self, position: i32, asked: &Asked) -> proto::UpdateOrderStatusRequest {
        let name = self.world.status("returned").into();
        proto::UpdateOrderStatusRequest {
            order_status: Some(proto::OrderStatus {
                name,
                position,
                ..proto::OrderStatus::default()
            }),
            update_mask: Some(mask(&["position"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        }
    }

    async fn update_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = self.status_update(if asked.is_other { 9 } else { 8 }, asked);
        Ok(self.world.client.update_order_status(request).await?.receipt)
    }

    async fn delete_status(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let replacement =
            if asked.is_other { self.world.status("processing").into() } else { String::new() };
        let request = proto::DeleteOrderStatusRequest {
            name: self.world.status("returned").into(),
            replacement,
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.delete_order_status(request).await?.receipt)
    }

    async fn create_integration(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let system = proto::integration::System::Sandbox(proto::SandboxIntegration {});
        let request = proto::CreateIntegrationRequest {
            parent: (&self.world.shop).into(),
            integration_id: "giftcard".to_owned(),
            integration: Some(proto::Integration {
                system: Some(system),
                disabled: asked.is_other,
                ..proto::Integration::default()
            }),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_integration(request).await?.receipt)
    }

    async fn update_integration(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let name = self.world.shop.integration("vipps").unwrap().into();
        let integration =
            proto::Integration { name, disabled: !asked.is_other, ..proto::Integration::default() };
        let request = proto::UpdateIntegrationRequest {
            integration: Some(integration),
            update_mask: Some(mask(&["disabled"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.update_integration(request).await?.receipt)
    }

    async fn create_shop(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let display_name = if asked.is_other { "Den andre" } else { "Den ene" }.to_owned();
        let request = proto::CreateShopRequest {
            shop_id: self.new_shop.clone(),
            shop: Some(proto::Shop { display_name, ..proto::Shop::default() }),
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_shop(request).await?.receipt)
    }

    async fn update_shop(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let display_name = if asked.is_other { "Nytt navn" } else { "Nytt" }.to_owned();
        let name = (&self.world.shop).into();
        let request = proto::UpdateShopRequest {
            shop: Some(proto::Shop { name, display_name, ..proto::Shop::default() }),
            update_mask: Some(mask(&["display_name"])),
            request_id: asked.request_id.clone(),
            etag: asked.etag.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.update_shop(request).await?.receipt)
    }

    async fn create_item(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::CreateStockItemRequest {
            parent: (&self.world.shop).into(),
            sku: "BOWL".to_owned(),
            on_hand_quantity: if asked.is_other { 5 } else { 4 },
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.create_stock_item(request).await?.receipt)
    }

    async fn adjust(&self, asked: &Asked) -> Result<Option<Receipt>, Error> {
        let request = proto::AdjustStockRequest {
            name: self.world.shop.stock_item("CUP").unwrap().into(),
            delta_quantity: if asked.is_other { -1 } else { 1 },
            request_id: asked.request_id.clone(),
            validate_only: asked.validate_only,
        };
        Ok(self.world.client.adjust_stock(request).await?.receipt)
    }
}

fn named(name: &OrderName) -> proto::Order {
    proto::Order { name: name.into(), ..proto::Order::default() }
}
