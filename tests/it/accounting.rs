//! Transfer to accounting through the whole server, with a stand-in of Tripletex whose book is the
//! witness: each sale and each credit is booked once, and the charge is never altered.

pub(crate) mod booked;
pub(crate) mod doubts;
pub(crate) mod refusals;
pub(crate) mod troubles;
pub(crate) mod waiting;

use std::sync::Arc;

use order_sdk::proto::integration::System;
use order_sdk::proto::{
    self, AccountingTransfer, Integration, Order, TransferForm, TransferState, TripletexEndpoint,
    TripletexIntegration,
};
use order_sdk::{Error, OrderDraft, OrderName};
use order_tests::fakes::tripletex::{CONSUMER_TOKEN, EMPLOYEE_TOKEN};
use order_tests::fakes::{Effect, Fake, Tripletex, Trouble};
use serde_json::Value;

use crate::harness::{Backend, WAIT, World, depth, eventually, problems, status_id};
use crate::integrations::world_with_key;

trials! {
    own: [
        a_shop_hands_over_by_itself_and_once,
        many_callers_make_one_invoice,
        many_sales_of_one_buyer_make_one_customer,
    ];
}

const TOTAL: i64 = 90_000;
/// Of a sale that is paid by two providers.
const PARTS: [i64; 2] = [50_000, 40_000];
/// A shop's queue is bounded.
const ASKED_AT_ONCE: usize = 50;

/// A shop whose accounting `tripletex` is the stand-in.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) fake: Arc<Fake<Tripletex>>,
    /// Goes before the numbers of orders there.
    prefix: String,
}

pub(crate) fn tripletex(url: &str, change: impl FnOnce(&mut TripletexIntegration)) -> Integration {
    let mut tripletex = TripletexIntegration {
        endpoint: TripletexEndpoint::StandIn.into(),
        consumer_token: CONSUMER_TOKEN.to_owned(),
        employee_token: EMPLOYEE_TOKEN.to_owned(),
        stand_in_url: url.to_owned(),
        ..TripletexIntegration::default()
    };
    change(&mut tripletex);
    Integration { system: Some(System::Tripletex(tripletex)), ..Integration::default() }
}

impl Stage {
    pub(crate) async fn set(backend: Backend) -> Self {
        let mut tripletex_system = Tripletex::default();
        tripletex_system.limit(100_000);
        let fake = Arc::new(Fake::start(tripletex_system).await.unwrap());
        let world = world_with_key(backend, &["--stand-ins", "true"]).await;
        Self::keep_books(world, fake, "").await
    }

    /// Another shop with the same company.
    async fn beside(&self, prefix: &str) -> Self {
        let world = World::new(Arc::clone(&self.world.server)).await;
        Self::keep_books(world, Arc::clone(&self.fake), prefix).await
    }

    async fn keep_books(world: World, fake: Arc<Fake<Tripletex>>, prefix: &str) -> Self {
        let integration =
            tripletex(&fake.url(), |one| prefix.clone_into(&mut one.order_number_prefix));
        world.integrate("tripletex", integration).await.unwrap();
        let stage = Self { world, fake, prefix: prefix.to_owned() };
        stage.account(|_| {}).await;
        stage
    }

    /// The number of an order there.
    fn number(&self, name: &OrderName) -> String {
        format!("{}{}", self.prefix, name.number())
    }

    /// Sets how the shop hands over.
    async fn account(&self, change: impl FnOnce(&mut proto::AccountingSettings)) {
        let integration = self.world.shop.integration("tripletex").unwrap().into();
        self.world
            .set("settings.accounting", |settings| {
                let accounting = settings.accounting.get_or_insert_default();
                accounting.integration = integration;
                change(accounting);
            })
            .await;
    }

    async fn complete(&self, draft: OrderDraft) -> OrderName {
        let order = self.world.place(draft).await;
        let name: OrderName = order.name.parse().unwrap();
        self.world.complete(&name).await.unwrap();
        let order = self.world.get(&name).await;
        assert_eq!(status_id(&order), "sent", "{order:?}");
        name
    }

    /// A completed sale, paid by Klarna.
    pub(crate) async fn sell(&self) -> OrderName {
        let reference = self.world.reference("");
        self.complete(self.world.draft(TOTAL).payment("klarna", reference, TOTAL)).await
    }

    /// A sale of an own customer, paid by two providers, so that it takes every step there is.
    async fn sell_to(&self, email: &str) -> OrderName {
        let world = &self.world;
        let draft = world
            .draft(TOTAL)
            .with(|order| {
                email.clone_into(&mut order.customer.get_or_insert_default().email);
            })
            .payment("klarna", world.reference(""), PARTS[0])
            .payment("vipps", world.reference(""), PARTS[1]);
        self.complete(draft).await
    }

    /// A completed credit order of the whole sale, paid back.
    async fn credit(&self, sale: &OrderName) -> OrderName {
        let client = &self.world.client;
        let credit = client.credit(sale).units(1, 1).refund(true).wait(WAIT).send().await.unwrap();
        let credit: OrderName = credit.credit_order.unwrap().name.parse().unwrap();
        self.world.settled(sale).await;
        self.world.change(&credit, "sent").send().await.unwrap();
        credit
    }

    async fn ask(
        &self,
        name: &OrderName,
        form: TransferForm,
    ) -> Result<proto::TransferOrderToAccountingResponse, Error> {
        self.world.client.transfer(name, form).wait(WAIT).send().await
    }

    /// Hands over, and waits until that has come to something.
    async fn transfer(&self, name: &OrderName, form: TransferForm) -> Order {
        self.ask(name, form).await.unwrap();
        self.booked(name).await
    }

    /// The order once nothing of it is on its way to accounting.
    pub(crate) async fn booked(&self, name: &OrderName) -> Order {
        eventually(&format!("{name} is booked"), async || {
            let order = self.world.get(name).await;
            let is_over = |one: &AccountingTransfer| {
                !matches!(one.state(), TransferState::Pending | TransferState::Unknown)
            };
            let is_booked = order.accounting_transfers.iter().all(is_over);
            (is_booked && !order.accounting_transfers.is_empty()).then_some(order)
        })
        .await
    }

    pub(crate) fn done(&self, operation: &str, name: &OrderName) -> Vec<i64> {
        self.fake.book().amounts(operation, &self.number(name))
    }

    /// What stands in the books of an order.
    fn order(&self, name: &OrderName) -> Value {
        let number = self.number(name);
        let orders = self.fake.with(|tripletex, _| tripletex.orders());
        let own = orders.into_iter().filter(|order| order["number"] == number.as_str());
        let own: Vec<Value> = own.collect();
        assert_eq!(own.len(), 1, "{own:?}");
        own.into_iter().next().unwrap()
    }

    async fn check(&self) {
        let (breaches, _) = self.world.breaches().await;
        assert!(breaches.is_empty(), "the audit finds {breaches:?}");
        let mails = self.fake.book().done.iter().filter(|done| done.operation == "mail").count();
        assert_eq!(mails, 0, "nobody is mailed");
    }
}

fn last(order: &Order) -> &AccountingTransfer {
    order.accounting_transfers.last().unwrap()
}

/// Why the first problem is there: the page of the reason, and the words.
fn reason(order: &Order) -> (&str, &str) {
    let details = &order.problems[0].details;
    (&details["reason"], &details["provider_reason"])
}

async fn a_shop_hands_over_by_itself_and_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    stage.account(|accounting| accounting.set_automatic_form(TransferForm::Invoice)).await;
    let reference = world.reference("");
    let order = world.place(world.draft(TOTAL).payment("klarna", reference, TOTAL)).await;
    let sale: OrderName = order.name.parse().unwrap();
    let asked = world.change(&sale, "sent").validate_only().send().await.unwrap();
    let plan = asked.receipt.unwrap().plan;
    assert_eq!(plan.last().unwrap().transfer(), TransferForm::Invoice, "{plan:?}");
    world.complete(&sale).await.unwrap();
    let order = stage.booked(&sale).await;
    assert!(last(&order).is_automatic && last(&order).state() == TransferState::Succeeded);
    assert_eq!(stage.done("payment", &sale), [TOTAL], "what was captured in the same turn");
    // Back to COMPLETED, and as a credit order: nothing by itself.
    world.change(&sale, "returned").send().await.unwrap();
    world.change(&sale, "sent").wait(WAIT).send().await.unwrap();
    let credit = world.client.credit(&sale).units(1, 1).refund(false).wait(WAIT);
    let credit: OrderName =
        credit.send().await.unwrap().credit_order.unwrap().name.parse().unwrap();
    world.change(&credit, "sent").send().await.unwrap();
    assert_eq!(world.get(&sale).await.accounting_transfers.len(), 1);
    assert_eq!(world.get(&credit).await.accounting_transfers.len(), 0);
    assert_eq!(stage.done("invoice", &sale), [TOTAL]);
    // Where completing one of two orders on a payment hands it over, that is told before.
    let reference = world.reference("");
    let twins = [
        world.place(world.draft(TOTAL).payment("klarna", &reference, TOTAL)).await,
        world.place(world.draft(TOTAL).payment("klarna", &reference, TOTAL)).await,
    ]
    .map(|order| order.name.parse::<OrderName>().unwrap());
    let resolution = world.client.keep(&twins[0]).drop(&twins[1]).restock(false);
    let resolution = resolution.complete_as(&world.status("sent")).validate_only();
    let plan = resolution.send().await.unwrap().receipt.unwrap().plan;
    let forms: Vec<TransferForm> = plan.iter().map(proto::PlannedEffect::transfer).collect();
    assert_eq!(forms, [TransferForm::Unspecified, TransferForm::Invoice], "{plan:?}");
    // Declined, it stands as a problem with its remedy, and the label has moved all the same.
    fake.with(|tripletex, _| tripletex.set_up(false, true));
    let poor = stage.sell().await;
    let order = stage.booked(&poor).await;
    assert_eq!(problems(&order), ["TRANSFER_DECLINED"]);
    assert_eq!(reason(&order).0, "BANK_ACCOUNT_MISSING");
    fake.with(|tripletex, _| tripletex.set_up(true, true));
    let retry = proto::RetryEffectRequest {
        name: (&poor).into(),
        operation_id: last(&order).id,
        wait: prost_types::Duration::try_from(WAIT).ok(),
        ..proto::RetryEffectRequest::default()
    };
    let order = world.client.retry_effect(retry).await.unwrap().order.unwrap();
    assert_eq!((last(&order).state(), problems(&order).len()), (TransferState::Succeeded, 0));
    assert_eq!(stage.done("order", &poor).len(), 1, "what was there was taken further");
    // An order is mailed where the shop wants it so, and only then.
    stage.check().await;
    stage.account(|accounting| accounting.sends_invoice_mail = true).await;
    let mailed = stage.sell().await;
    let order = stage.booked(&mailed).await;
    assert!(last(&order).sends_mail);
    assert_eq!(fake.book().done_to("mail", &mailed.number().to_string()).count(), 1);
}

async fn many_callers_make_one_invoice(backend: Backend) {
    let stage = Stage::set(backend).await;
    let orders = 10 * usize::try_from(depth()).unwrap();
    let mut sales = Vec::new();
    for _ in 0..orders {
        sales.push(stage.sell().await);
    }
    stage.fake.trouble(Trouble::of("order", Effect::Slow { millis: 20 }).always());
    asked_by_three(&stage, &sales).await;
    for sale in &sales {
        assert_eq!(stage.done("invoice", sale), [TOTAL]);
        assert_eq!(stage.done("payment", sale), [TOTAL]);
    }
    let mut credits = Vec::new();
    for sale in &sales {
        credits.push(stage.credit(sale).await);
    }
    stage.fake.trouble(Trouble::of("credit-note", Effect::Slow { millis: 20 }).always());
    asked_by_three(&stage, &credits).await;
    for credit in &credits {
        assert_eq!(stage.done("credit-note", credit), [-TOTAL]);
        assert_eq!(stage.done("payment", credit), [-TOTAL]);
    }
    assert_eq!(stage.fake.book().done.iter().filter(|done| done.operation == "session").count(), 0);
    let sessions = stage.fake.book().calls("session", "");
    assert_eq!(sessions, 1, "one session serves all");
    let customers = stage.fake.with(|tripletex, _| tripletex.customers());
    assert_eq!(customers.len(), 1, "all of one buyer: {customers:?}");
    stage.check().await;
}

/// Three callers each at the same moment: one of them hands it over.
async fn asked_by_three(stage: &Stage, orders: &[OrderName]) {
    let mut taken = 0;
    for some in orders.chunks(ASKED_AT_ONCE) {
        let mut running = Vec::new();
        for order in some {
            for _ in 0..3 {
                let (client, order) = (stage.world.client.clone(), order.clone());
                running.push(tokio::spawn(async move {
                    client.transfer(&order, TransferForm::Invoice).wait(WAIT).send().await.is_ok()
                }));
            }
        }
        for one in running {
            taken += usize::from(one.await.unwrap());
        }
    }
    assert_eq!(taken, orders.len(), "one of three each");
    for order in orders {
        let order = stage.booked(order).await;
        assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    }
}

/// All look for the buyer at the same moment, and none is there.
async fn many_sales_of_one_buyer_make_one_customer(backend: Backend) {
    let stage = Stage::set(backend).await;
    // Another shop with the same employee, and where there can be one another replica.
    let (elsewhere, world) = (stage.beside("B-").await, stage.world.beside().await);
    let beside = Stage { world, fake: Arc::clone(&stage.fake), prefix: String::new() };
    let shops = [elsewhere, beside, stage];
    let mut sales = Vec::new();
    for round in 0..8 {
        let shop = &shops[round % shops.len()];
        sales.push((round % shops.len(), shop.sell_to("mange@kunde.example").await));
    }
    let [stage, ..] = &shops;
    let slow = Trouble::of("read", Effect::Slow { millis: 500 }).about("mange@kunde.example");
    stage.fake.trouble(slow.once_done().always());
    for (shop, sale) in &sales {
        let transfer = shops[*shop].world.client.transfer(sale, TransferForm::Invoice);
        transfer.send().await.unwrap();
    }
    for (shop, sale) in &sales {
        let order = shops[*shop].booked(sale).await;
        assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
        assert_eq!(shops[*shop].done("invoice", sale), [TOTAL]);
    }
    let customers = stage.fake.with(|tripletex, _| tripletex.customers());
    assert_eq!(customers.len(), 1, "{customers:?}");
    stage.check().await;
}
