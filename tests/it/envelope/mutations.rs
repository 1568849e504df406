//! Every command of the contract, each in a form that succeeds, and a form with other content.

mod money;
mod orders;
mod shops;

use order_sdk::proto::{self, AccountingSettings, Receipt};
use order_sdk::{Error, OrderName};

use super::grounds::{
    delivered, held, mailed_twice, sent, three_purchases, three_twins, wait_for_ever,
};
use super::kinds::Kind;
use crate::accounting::tripletex;
use crate::harness::{World, eventually, mask, problems, request_id};

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
            Kind::TransferOrderToAccounting => self.transfer(asked).await?,
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

    /// With books that nobody is at: what is handed over to them waits, and says so.
    pub(super) async fn keep_books(self) -> Self {
        let books =
            proto::Integration { disabled: true, ..tripletex("http://127.0.0.1:1", |_| {}) };
        self.world.integrate("tripletex", books).await.unwrap();
        let integration = self.world.shop.integration("tripletex").unwrap().into();
        let accounting = AccountingSettings { integration, ..AccountingSettings::default() };
        let set = |settings: &mut proto::ShopSettings| settings.accounting = Some(accounting);
        self.world.set("settings.accounting", set).await;
        self
    }

    /// Waits until what the command sent out is told of.
    pub(super) async fn all_is_told(&self, kind: Kind) {
        if kind == Kind::TransferOrderToAccounting {
            eventually("the transfer waits", async || {
                let order = self.world.get(self.order_of(kind)).await;
                (problems(&order) == ["INTEGRATION_DISABLED"]).then_some(())
            })
            .await;
        }
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
            Kind::CreditOrder | Kind::TransferOrderToAccounting => &self.sale,
            Kind::ResolveDuplicate => &self.twins[0],
            Kind::DismissDuplicate => &self.purchases[0],
            Kind::DeleteOrder => &self.free,
            Kind::ResendMail => &self.mailed,
            Kind::PrintOrderLabel => &self.sent,
            _ => &self.order,
        }
    }
}

fn named(name: &OrderName) -> proto::Order {
    proto::Order { name: name.into(), ..proto::Order::default() }
}
