//! What happens in a day, step by step, and what the model makes of it.

use std::collections::BTreeMap;

use fastrand::Rng;
use order_sdk::proto;
use order_sdk::{Error, OrderDraft, OrderName};

use crate::harness::{World, eventually, gross, is_settled, request_id, status_id};

/// A day under way.
pub(super) struct Day {
    world: World,
    random: Rng,
    pub(super) orders: Vec<Expected>,
    pub(super) stock: BTreeMap<&'static str, i64>,
    /// Commands that may be repeated, with what they answered.
    done: Vec<(proto::CreateOrderRequest, i64)>,
}

/// What the model knows of an order.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) number: i64,
    pub(super) total: i64,
    pub(super) status: String,
    /// Its money was taken, once and for all.
    pub(super) was_sent: bool,
    reference: String,
    sku: &'static str,
    quantity: i64,
    /// Its goods are out of stock.
    is_out: bool,
}

const SKUS: [&str; 3] = ["CUP", "BOWL", "SPOON"];
const TROUBLES: [&str; 14] = [
    "",
    "",
    "",
    "capture=slow:200ms",
    "capture=decline-once",
    "capture=decline",
    "capture=later:500ms",
    "capture=timeout-after:100ms",
    "capture=unavailable:1s",
    "void=decline-once",
    "void=slow:200ms",
    "authorize=slow:300ms",
    "authorize=decline",
    "capture=expired",
];

impl Day {
    pub(super) async fn begin(world: World, random: Rng) -> Self {
        let mut stock = BTreeMap::new();
        for sku in SKUS {
            world.stock(sku, 50).await;
            stock.insert(sku, 50);
        }
        Self { world, random, orders: Vec::new(), stock, done: Vec::new() }
    }

    pub(super) async fn step(&mut self) {
        match self.random.u32(0..100) {
            0..98 => self.act().await,
            _ => self.crash().await,
        }
    }

    /// A step with a server that stays.
    pub(super) async fn act(&mut self) {
        match self.random.u32(0..98) {
            0..30 => self.place().await,
            30..34 => self.place_twin().await,
            34..40 => self.repeat().await,
            40..65 => self.change("sent").await,
            65..78 => self.change("cancelled").await,
            78..84 => self.change("processing").await,
            84..87 => self.change("returned").await,
            87..92 => self.adjust().await,
            92..96 => self.ask_first().await,
            _ => self.attach().await,
        }
    }

    /// Waits until nothing is under way, and learns how each order ended.
    pub(super) async fn settle_all(&mut self) {
        for place in 0..self.orders.len() {
            self.settle(place).await;
        }
    }

    fn draft(&mut self, sku: &'static str, quantity: i64) -> (OrderDraft, String, i64) {
        let total = quantity * 450;
        let trouble = TROUBLES[self.random.usize(0..TROUBLES.len())];
        let mut reference = self.world.reference(trouble);
        let draft = self.world.draft(0).with(|order| order.lines.clear());
        let draft = draft.goods(sku, "Vare", quantity, 450, 2_500);
        let draft = match self.random.u32(0..10) {
            0 => {
                reference.clear();
                draft.payment("manual", "", total)
            }
            1 => draft.payment("card", self.world.reference(""), 100).payment(
                "klarna",
                &reference,
                total - 100,
            ),
            2 => draft.payment("vipps", &reference, total + 50),
            _ => draft.payment("klarna", &reference, total),
        };
        (draft, reference, total)
    }

    async fn place(&mut self) {
        let sku = SKUS[self.random.usize(0..SKUS.len())];
        let quantity = self.random.i64(1..4);
        let (draft, reference, total) = self.draft(sku, quantity);
        let mut request = draft.into_request();
        request.request_id = request_id();
        let answer = self.world.client.create_order(request.clone()).await.unwrap();
        let order = answer.order.unwrap();
        self.done.push((request, order.number));
        self.expect(&order, reference, sku, quantity);
        assert_eq!(gross(&order), total);
    }

    async fn place_twin(&mut self) {
        let singles = |expected: &&Expected| {
            !expected.reference.is_empty() && !expected.reference.contains("twin")
        };
        let Some(first) = self.orders.iter().rfind(singles).cloned() else { return };
        let name = self.name(first.number);
        let payment = {
            let order = self.world.get(&name).await;
            let mut payments = order.payments.into_iter();
            payments.find(|payment| payment.reference == first.reference).unwrap()
        };
        let draft = self.world.draft(0).with(|order| order.lines.clear());
        let draft = draft.goods(first.sku, "Vare", first.quantity, 450, 2_500);
        let draft = draft.payment(&payment.provider, &payment.reference, first.total);
        match draft.send().await {
            Ok(answer) => {
                let order = answer.order.unwrap();
                assert!(!order.duplicates.is_empty());
                self.expect(&order, first.reference, first.sku, first.quantity);
            }
            Err(error) => assert_eq!(error.code(), Some("PAYMENT_MISMATCH"), "{error:?}"),
        }
    }

    fn expect(
        &mut self,
        order: &proto::Order,
        reference: String,
        sku: &'static str,
        quantity: i64,
    ) {
        let last = self.orders.last().map_or(1_000, |expected| expected.number);
        assert_eq!(order.number, last + 1, "numbers ascend without gaps");
        *self.stock.get_mut(sku).unwrap() -= quantity;
        self.orders.push(Expected {
            number: order.number,
            total: gross(order),
            status: "not-processed".to_owned(),
            was_sent: false,
            reference,
            sku,
            quantity,
            is_out: true,
        });
    }

    async fn repeat(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let (request, number) = &self.done[self.random.usize(0..self.done.len())];
        let answer = self.world.client.create_order(request.clone()).await.unwrap();
        assert!(answer.receipt.unwrap().replayed);
        assert_eq!(answer.order.unwrap().number, *number);
    }

    async fn change(&mut self, status: &str) {
        let Some(place) = self.some_order() else { return };
        let name = self.name(self.orders[place].number);
        let is_restocked = self.random.bool();
        let mut change = self.world.change(&name, status);
        if status == "cancelled" {
            change = change.restock(is_restocked);
        }
        let is_waited_for = self.random.bool();
        if is_waited_for {
            change = change.wait(std::time::Duration::from_secs(20));
        }
        let outcome = change.send().await;
        check(&outcome.map(|answer| answer.order.unwrap()));
        // The model has no pending change: each is over before the next is asked for.
        let was_out = self.orders[place].is_out;
        let order = self.settle(place).await;
        let went_back = was_out && !self.orders[place].is_out;
        let is_as_chosen = status != "cancelled" || !went_back || is_restocked;
        assert!(is_as_chosen, "put back without the choice: {order:?}");
    }

    /// Learns how an order ended, and moves the model's goods with its label.
    async fn settle(&mut self, place: usize) -> proto::Order {
        let name = self.name(self.orders[place].number);
        let order = eventually(&format!("{name} settles"), async || {
            let order = self.world.client.get_order(proto::GetOrderRequest {
                name: (&name).into(),
                as_of_revision: 0,
                show_deleted: false,
            });
            order.await.ok().and_then(|answer| answer.order).filter(is_settled)
        })
        .await;
        let expected = &mut self.orders[place];
        let now = status_id(&order);
        let held: i64 = order.lines.iter().map(|line| line.stock_held_quantity).sum();
        if expected.was_sent {
            assert_ne!(now, "cancelled", "a captured order was cancelled: {order:?}");
        }
        // Goods go back only with the label, only of what is out, and come out only with it.
        let went_back = expected.is_out && held == 0;
        let came_out = !expected.is_out && held > 0;
        assert!(!went_back || now == "cancelled", "{order:?}");
        assert!(!came_out || expected.status == "cancelled" && now != "cancelled", "{order:?}");
        let stock = self.stock.get_mut(expected.sku).unwrap();
        if went_back {
            *stock += expected.quantity;
            expected.is_out = false;
        }
        if came_out {
            *stock -= expected.quantity;
            expected.is_out = true;
        }
        expected.was_sent |= now == "sent";
        now.clone_into(&mut expected.status);
        order
    }

    async fn adjust(&mut self) {
        let sku = SKUS[self.random.usize(0..SKUS.len())];
        let delta_quantity = [-3, -1, 2, 9][self.random.usize(0..4)];
        let request = proto::AdjustStockRequest {
            name: self.world.shop.stock_item(sku).unwrap().into(),
            delta_quantity,
            ..proto::AdjustStockRequest::default()
        };
        let item = self.world.client.adjust_stock(request).await.unwrap().stock_item.unwrap();
        *self.stock.get_mut(sku).unwrap() += delta_quantity;
        assert_eq!(item.on_hand_quantity, self.stock[sku]);
    }

    /// What would happen is told, and does not.
    async fn ask_first(&mut self) {
        let Some(place) = self.some_order() else { return };
        self.settle(place).await;
        let name = self.name(self.orders[place].number);
        let before = eventually("its reservations are confirmed", async || {
            let order = self.world.get(&name).await;
            let mut states = order.payments.iter().map(proto::Payment::authorization_state);
            let is_pending = states.any(|state| state == proto::AuthorizationState::Pending);
            (!is_pending).then_some(order)
        })
        .await;
        let _told = self.world.change(&name, "sent").validate_only().send().await;
        assert_eq!(self.world.get(&name).await, before);
        let _told = self.draft("CUP", 1).0.validate_only().send().await.unwrap();
    }

    async fn attach(&mut self) {
        let Some(place) = self.some_order() else { return };
        let Expected { number, total, .. } = self.orders[place];
        let request = proto::AttachPaymentRequest {
            name: self.name(number).into(),
            payment: Some(proto::NewPayment {
                provider: "card".to_owned(),
                reference: self.world.reference(""),
                amount_minor: total,
            }),
            ..proto::AttachPaymentRequest::default()
        };
        let outcome = self.world.client.attach_payment(request).await;
        check(&outcome.map(|answer| answer.order.unwrap()));
        self.settle(place).await;
    }

    async fn crash(&mut self) {
        self.world.server.kill().await;
        self.world.server.start().await;
    }

    fn some_order(&mut self) -> Option<usize> {
        // The newest are where things happen.
        let count = self.orders.len();
        let first = count.saturating_sub(12);
        (count > 0).then(|| self.random.usize(first..count))
    }

    fn name(&self, number: i64) -> OrderName {
        self.world.shop.order(number).unwrap()
    }
}

/// A command is carried out, or refused by a rule that the day knows.
fn check(outcome: &Result<proto::Order, Error>) {
    const RULES: [&str; 9] = [
        "ORDER_CANCELLED",
        "ALREADY_CAPTURED",
        "RESERVATION_GONE",
        "RESERVATION_EXPIRED",
        "DUPLICATE_ALREADY_CAPTURED",
        "PAYMENT_INSUFFICIENT",
        "PAYMENT_PENDING",
        "STATUS_CHANGE_PENDING",
        "OUT_OF_STOCK",
    ];
    if let Err(error) = outcome {
        let code = error.code().unwrap_or_default();
        assert!(RULES.contains(&code), "{error:?}");
    }
}
