//! A shop of a test's own, and the steps that most tests take in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use order_sdk::proto;
use order_sdk::{Error, OrderClient, OrderDraft, OrderName, ShopName, StatusChange, StatusName};

use super::book::Book;
use super::server::{self, Backend, Server};
use super::{eventually, refused};

/// A shop on a server, and a client to work in it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) client: OrderClient,
    pub(crate) shop: ShopName,
}

/// An order that was placed on one payment.
#[derive(Clone, Debug)]
pub(crate) struct Bought {
    pub(crate) name: OrderName,
    pub(crate) reference: String,
    pub(crate) order: proto::Order,
}

/// Nobody real: must never be seen in a log.
pub(crate) const CUSTOMER: (&str, &str) = ("Kari Testesen-Hemmelig", "kari.hemmelig@example.com");
pub(crate) const WAIT: Duration = Duration::from_secs(60);

static NEXT: AtomicU32 = AtomicU32::new(1);

impl World {
    /// A new shop on the server that tests share.
    pub(crate) async fn shared(backend: Backend) -> Self {
        Self::new(server::shared(backend).await).await
    }

    /// A new shop on a server of the test's own.
    pub(crate) async fn own(backend: Backend, flags: &[&str]) -> Self {
        Self::new(Server::fresh(backend, flags).await).await
    }

    /// A new shop on this server.
    pub(crate) async fn new(server: Arc<Server>) -> Self {
        let id = format!("shop-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let client = server.client();
        let request = proto::CreateShopRequest {
            shop_id: id.clone(),
            shop: Some(proto::Shop { display_name: id.clone(), ..proto::Shop::default() }),
            ..proto::CreateShopRequest::default()
        };
        client.create_shop(request).await.unwrap();
        let world = Self { server, client, shop: ShopName::new(id).unwrap() };
        // Most tests buy the same again and again.
        world
            .set("settings.duplicate_window_seconds", |settings| {
                settings.duplicate_window_seconds = Some(0);
            })
            .await;
        world
    }

    /// The same shop through another server process.
    pub(crate) fn through(&self, server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), client: server.client(), shop: self.shop.clone() }
    }

    /// The same shop through a second server process where the database lets there be two; else once
    /// more through the first.
    pub(crate) async fn beside(&self) -> Self {
        match self.server.backend {
            Backend::Sqlite => self.through(&self.server),
            Backend::Postgres => self.through(&self.server.replica().await),
        }
    }

    /// The provider's own view of this shop.
    pub(crate) fn book(&self) -> Book {
        Book::new(self.server.store.book(), self.shop.id())
    }

    pub(crate) fn status(&self, id: &str) -> StatusName {
        self.shop.status(id).unwrap()
    }

    /// A reference that nobody else has, with orders to the sandbox such as `capture=decline`.
    pub(crate) fn reference(&self, orders: &str) -> String {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = if orders.is_empty() { "" } else { "~" };
        format!("{}-{number}{mark}{orders}", self.shop.id())
    }

    /// An order of one line without a payment: goods at 25 % for so many minor units.
    pub(crate) fn draft(&self, total_minor: i64) -> OrderDraft {
        let (name, email) = CUSTOMER;
        self.client.new_order(&self.shop, "NOK").customer(name, email).goods(
            "",
            "Kopp",
            1,
            total_minor,
            2_500,
        )
    }

    /// Places an order and waits until its reservation is confirmed.
    pub(crate) async fn place(&self, draft: OrderDraft) -> proto::Order {
        let order = draft.wait(WAIT).send().await.unwrap().order.unwrap();
        refused::note_problems(&order);
        order
    }

    /// An order on one payment of klarna, confirmed.
    pub(crate) async fn buy(&self, total_minor: i64, orders: &str) -> Bought {
        let reference = self.reference(orders);
        let draft = self.draft(total_minor).payment("klarna", &reference, total_minor);
        let order = self.place(draft).await;
        Bought { name: order.name.parse().unwrap(), reference, order }
    }

    pub(crate) fn change(&self, order: &OrderName, status: &str) -> StatusChange {
        self.client.change_status(order, &self.status(status))
    }

    /// Sets `sent` and waits for the money.
    pub(crate) async fn complete(
        &self,
        order: &OrderName,
    ) -> Result<proto::ChangeOrderStatusResponse, Error> {
        self.change(order, "sent").wait(WAIT).send().await
    }

    /// Sets `cancelled` and waits for the money.
    pub(crate) async fn cancel(
        &self,
        order: &OrderName,
        is_restocked: bool,
    ) -> Result<proto::ChangeOrderStatusResponse, Error> {
        self.change(order, "cancelled").restock(is_restocked).wait(WAIT).send().await
    }

    pub(crate) async fn get(&self, order: &OrderName) -> proto::Order {
        let request =
            proto::GetOrderRequest { name: order.into(), as_of_revision: 0, show_deleted: false };
        let order = self.client.get_order(request).await.unwrap().order.unwrap();
        refused::note_problems(&order);
        order
    }

    /// The order once nothing of it is under way.
    pub(crate) async fn settled(&self, order: &OrderName) -> proto::Order {
        eventually(&format!("{order} settles"), async || {
            let order = self.get(order).await;
            is_settled(&order).then_some(order)
        })
        .await
    }

    pub(crate) async fn shop(&self) -> proto::Shop {
        let request = proto::GetShopRequest { name: (&self.shop).into() };
        self.client.get_shop(request).await.unwrap().shop.unwrap()
    }

    /// One of the shop's integrations.
    pub(crate) async fn integration(&self, id: &str) -> proto::Integration {
        let name = self.shop.integration(id).unwrap().into();
        let request = proto::GetIntegrationRequest { name };
        self.client.get_integration(request).await.unwrap().integration.unwrap()
    }

    /// Disables or enables an integration.
    pub(crate) async fn disable(&self, id: &str, disabled: bool) {
        let name = self.shop.integration(id).unwrap().into();
        let integration = proto::Integration { name, disabled, ..proto::Integration::default() };
        let request = proto::UpdateIntegrationRequest {
            integration: Some(integration),
            update_mask: Some(mask(&["disabled"])),
            ..proto::UpdateIntegrationRequest::default()
        };
        self.client.update_integration(request).await.unwrap();
    }

    /// Head of the shop's log.
    pub(crate) async fn revision(&self) -> i64 {
        self.shop().await.revision
    }

    /// Changes settings of the shop.
    pub(crate) async fn set(&self, path: &str, change: impl FnOnce(&mut proto::ShopSettings)) {
        let mut shop = self.shop().await;
        change(shop.settings.get_or_insert_default());
        let request = proto::UpdateShopRequest {
            shop: Some(shop),
            update_mask: Some(mask(&[path])),
            ..proto::UpdateShopRequest::default()
        };
        self.client.update_shop(request).await.unwrap();
    }

    /// Begins to track a sku.
    pub(crate) async fn stock(&self, sku: &str, on_hand: i64) {
        let request = proto::CreateStockItemRequest {
            parent: (&self.shop).into(),
            sku: sku.to_owned(),
            on_hand_quantity: on_hand,
            ..proto::CreateStockItemRequest::default()
        };
        self.client.create_stock_item(request).await.unwrap();
    }

    pub(crate) async fn on_hand(&self, sku: &str) -> i64 {
        let name = self.shop.stock_item(sku).unwrap();
        let request = proto::GetStockItemRequest { name: name.into() };
        self.client.get_stock_item(request).await.unwrap().stock_item.unwrap().on_hand_quantity
    }

    /// The whole history of an order.
    pub(crate) async fn history(&self, order: &OrderName) -> Vec<proto::Event> {
        use futures_util::TryStreamExt;
        let request = proto::ListOrderEventsRequest {
            parent: order.into(),
            ..proto::ListOrderEventsRequest::default()
        };
        self.client.order_event_pages(request).by_item().try_collect().await.unwrap()
    }
}

/// Whether nothing of the order is under way at a provider.
pub(crate) fn is_settled(order: &proto::Order) -> bool {
    order.pending_status_change.is_none()
        && order.pending_resolution.is_none()
        && order.payments.iter().all(|payment| {
            payment.claimed_minor == 0
                && payment.operations.iter().all(|operation| {
                    use proto::OperationState as State;
                    matches!(
                        operation.state(),
                        State::Succeeded | State::Declined | State::Withdrawn
                    )
                })
        })
}

pub(crate) fn mask(paths: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

/// The last part of an order's status.
pub(crate) fn status_id(order: &proto::Order) -> &str {
    order.status.rsplit('/').next().unwrap()
}

pub(crate) fn number_of(order: &proto::Order) -> i64 {
    let name: OrderName = order.name.parse().unwrap();
    assert_eq!(name.number(), order.number);
    order.number
}

/// What the customer pays.
pub(crate) fn gross(order: &proto::Order) -> i64 {
    order.totals.as_ref().unwrap().gross_minor
}

/// Codes of the open problems.
pub(crate) fn problems(order: &proto::Order) -> Vec<&str> {
    refused::note_problems(order);
    order.problems.iter().map(|problem| problem.code.as_str()).collect()
}

/// A fresh id of a command.
pub(crate) fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
