//! A shop whose provider `card-no` is the stand-in of Adyen, which tells the server by webhook.

use order_sdk::proto::integration::System;
use order_sdk::proto::{AdyenEndpoint, AdyenIntegration, Integration, Order};
use order_sdk::{Error, OrderName};
use order_tests::fakes::adyen::{API_KEY, HMAC_KEY, MERCHANT_ACCOUNT, NewPayment, Webhook};
use order_tests::fakes::{Adyen, Fake, Travel, send};

use crate::harness::server::free_port;
use crate::harness::{Backend, World, eventually, problems, status_id};
use crate::integrations::world_with_key;

pub(crate) const TOTAL: i64 = 900;
const LOWERED: i64 = 700;
pub(crate) const LOGIN: (&str, &str) = ("adyen", "webhook-passord");

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) fake: Fake<Adyen>,
}

/// A sale and its payment at Adyen.
pub(crate) struct Sale {
    pub(crate) name: OrderName,
    /// Adyen's reference of the payment.
    pub(crate) psp: String,
    pub(crate) order: Order,
}

/// Adyen as a shop sets it up.
pub(crate) fn adyen(change: impl FnOnce(&mut AdyenIntegration)) -> Integration {
    let mut adyen = AdyenIntegration {
        endpoint: AdyenEndpoint::Test.into(),
        merchant_account: MERCHANT_ACCOUNT.to_owned(),
        api_key: API_KEY.to_owned(),
        hmac_key: HMAC_KEY.to_owned(),
        webhook_username: LOGIN.0.to_owned(),
        webhook_password: LOGIN.1.to_owned(),
        ..AdyenIntegration::default()
    };
    change(&mut adyen);
    Integration { system: Some(System::Adyen(adyen)), ..Integration::default() }
}

impl Stage {
    pub(crate) async fn set(backend: Backend) -> Self {
        let fake = Fake::start(Adyen::default()).await.unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let world =
            world_with_key(backend, &["--stand-ins", "true", "--webhook-listen", &address]).await;
        let integration = adyen(|adyen| {
            adyen.set_endpoint(AdyenEndpoint::StandIn);
            adyen.stand_in_url = fake.url();
        });
        world.integrate("card-no", integration).await.unwrap();
        let url = format!("http://{address}/webhooks/{}/card-no", world.shop.id());
        let login = format!("{}:{}", LOGIN.0, LOGIN.1);
        fake.with(|adyen, _| adyen.tell(Webhook { url, login }));
        let stage = Self { world, fake };
        stage.fake.travel(travel());
        stage
    }

    /// What a checkout leaves at Adyen; its reference.
    pub(crate) fn checkout(&self, payment: NewPayment) -> String {
        self.fake.with(|adyen, desk| adyen.place(payment, desk))
    }

    /// An order on a payment at Adyen, as far as its reservation has come.
    pub(crate) async fn place(&self, psp: &str, total_minor: i64) -> Order {
        let draft = self.world.draft(total_minor).payment("card-no", psp, total_minor);
        self.world.place(draft).await
    }

    pub(crate) async fn buy(&self, reserved_minor: i64) -> Sale {
        self.buy_with(NewPayment::of("cart", reserved_minor)).await
    }

    pub(super) async fn buy_with(&self, payment: NewPayment) -> Sale {
        let reserved_minor = payment.value;
        let psp = self.checkout(payment);
        let draft = self.world.draft(TOTAL).payment("card-no", &psp, reserved_minor);
        let order = self.world.place(draft).await;
        assert_eq!(order.payments[0].authorized_minor, reserved_minor, "{order:?}");
        Sale { name: order.name.parse().unwrap(), psp, order }
    }

    /// A sale of which this can be asked.
    pub(super) async fn buy_for(&self, operation: &str) -> Sale {
        self.buy_with_for(NewPayment::of("cart", TOTAL), operation).await
    }

    pub(super) async fn buy_with_for(&self, payment: NewPayment, operation: &str) -> Sale {
        let sale = self.buy_with(payment).await;
        if operation == "refund" {
            self.world.complete(&sale.name).await.unwrap();
        }
        sale
    }

    /// Asks for something and does not wait for it.
    pub(crate) async fn begin(&self, operation: &str, order: &OrderName) {
        self.ask(operation, order).await.unwrap();
    }

    pub(super) async fn ask(&self, operation: &str, order: &OrderName) -> Result<(), Error> {
        let world = &self.world;
        match operation {
            "cancel" => world.change(order, "cancelled").restock(false).send().await.map(drop),
            "update" => world.client.edit(order).unit_price(1, LOWERED).send().await.map(drop),
            "refund" => world.client.credit(order).units(1, 1).refund(true).send().await.map(drop),
            _ => world.change(order, "sent").send().await.map(drop),
        }
    }

    /// In the end what was asked for is done once, under one key, and the order is as it should be.
    pub(super) async fn check_done(&self, operation: &str, sale: &Sale, told: &str) {
        let order = self.world.settled(&sale.name).await;
        assert_eq!(problems(&order), [""; 0], "{told}: {order:?}");
        let wanted = if operation == "update" { LOWERED } else { TOTAL };
        assert_eq!(self.done(operation, &sale.psp), [wanted], "{told}");
        assert_eq!(self.fake.book().keys(operation, &sale.psp), 1, "{told}");
        let payment = &order.payments[0];
        let moved = (payment.authorized_minor, payment.captured_minor, payment.refunded_minor);
        match operation {
            "cancel" => assert_eq!(status_id(&order), "cancelled", "{told}"),
            "update" => assert_eq!(moved.0, LOWERED, "{told}"),
            "refund" => assert_eq!((moved.1, moved.2), (TOTAL, TOTAL), "{told}"),
            _ => assert_eq!((status_id(&order), moved.1), ("sent", TOTAL), "{told}"),
        }
    }

    /// Does something at Adyen as schemes, issuers or a person in its portal would.
    pub(crate) async fn by_hand(&self, psp: &str, deed: &str, body: impl Into<String>) {
        let url = format!("{}/control/payments/{psp}/{deed}", self.fake.url());
        let answer = send("POST", &url, &[], body.into()).await.unwrap();
        assert_eq!(answer.status, 200, "{deed}");
    }

    /// Waits until the server has taken all webhooks there are.
    pub(crate) async fn all_told(&self) {
        eventually("all webhooks arrive", async || (self.fake.untold() == 0).then_some(())).await;
    }

    pub(crate) fn done(&self, operation: &str, psp: &str) -> Vec<i64> {
        self.fake.book().amounts(operation, psp)
    }

    pub(crate) async fn check(&self) {
        let (breaches, _) = self.world.breaches().await;
        assert!(breaches.is_empty(), "the audit finds {breaches:?}");
    }
}

/// Webhooks that were not taken come again soon.
pub(crate) fn travel() -> Travel {
    Travel { retry_millis: Some(50), ..Travel::default() }
}

/// Why the first problem is there: the page of the provider's reason, and its words.
pub(crate) fn reason(order: &Order) -> (&str, &str) {
    let details = &order.problems[0].details;
    (&details["reason"], &details["provider_reason"])
}
