//! Transfer to accounting through the whole server, with a stand-in of Tripletex whose book is the
//! witness: each sale and each credit is booked once, and the charge is never altered.

pub(crate) mod troubles;

use std::sync::Arc;

use order_rules::refusals::Code;
use order_sdk::proto::integration::System;
use order_sdk::proto::{
    self, AccountingTransfer, ConnectionState, EventKind, Integration, Order, TransferForm,
    TransferState, TripletexEndpoint, TripletexIntegration,
};
use order_sdk::{Error, OrderDraft, OrderName};
use order_tests::fakes::tripletex::{CONSUMER_TOKEN, EMPLOYEE_TOKEN};
use order_tests::fakes::{Effect, Fake, Tripletex, Trouble};
use serde_json::Value;

use crate::harness::{
    Backend, WAIT, World, eventually, number_of, problems, refused, request_id, status_id,
    wrong_fields,
};
use crate::integrations::{is_nowhere, world_with_key};

trials! {
    shared: [without_accounting_nothing_is_transferred];
    own: [
        a_sale_is_an_invoice_that_is_paid_and_its_credit_a_note,
        an_order_is_changed_there_and_invoiced_later,
        the_charge_is_never_altered,
        a_shop_hands_over_by_itself_and_once,
        what_may_not_be_transferred_is_refused,
        what_waits_says_why_and_has_a_way_out,
        many_callers_make_one_invoice,
    ];
}

const TOTAL: i64 = 90_000;

/// A shop whose accounting `tripletex` is the stand-in.
struct Stage {
    world: World,
    fake: Arc<Fake<Tripletex>>,
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
    async fn set(backend: Backend) -> Self {
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
    async fn sell(&self) -> OrderName {
        let reference = self.world.reference("");
        self.complete(self.world.draft(TOTAL).payment("klarna", reference, TOTAL)).await
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
    async fn booked(&self, name: &OrderName) -> Order {
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

    fn done(&self, operation: &str, name: &OrderName) -> Vec<i64> {
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

async fn a_sale_is_an_invoice_that_is_paid_and_its_credit_a_note(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    assert_eq!(world.connection("tripletex").await.state(), ConnectionState::Works);
    let references = [world.reference(""), world.reference("")];
    let draft = world
        .draft(TOTAL)
        .shipping("Frakt", 9_900, 1_200)
        .with(|order| {
            let address = proto::Address {
                lines: vec!["Åsveien 1".to_owned()],
                postal_code: "0155".to_owned(),
                city: "Oslo".to_owned(),
                region_code: "NO".to_owned(),
                ..proto::Address::default()
            };
            order.billing_address = Some(address);
        })
        .payment("klarna", &references[0], 50_000)
        .payment("vipps", &references[1], 49_900);
    let sale = stage.complete(draft).await;

    let asked = stage.world.client.transfer(&sale, TransferForm::Invoice);
    let plan = asked.clone().validate_only().send().await.unwrap().receipt.unwrap().plan;
    let [proto::PlannedEffect { provider, amount_minor: 99_900, .. }] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!((provider.as_str(), plan[0].transfer()), ("tripletex", TransferForm::Invoice));
    assert_eq!(world.get(&sale).await.accounting_transfers.len(), 0, "only asked");

    let id = request_id();
    let asked = asked.request_id(&id).wait(WAIT);
    let answer = asked.clone().send().await.unwrap();
    assert!(answer.receipt.unwrap().settled, "it waited for the books");
    let order = answer.order.unwrap();
    let transfer = last(&order);
    assert_eq!(
        (transfer.state(), transfer.form()),
        (TransferState::Succeeded, TransferForm::Invoice),
        "{order:?}"
    );
    assert_eq!(transfer.external_order_number, sale.number().to_string());
    assert!(!transfer.external_invoice_number.is_empty() && !transfer.is_automatic);
    assert_eq!(stage.done("invoice", &sale), [99_900]);
    assert_eq!(stage.done("payment", &sale), [50_000, 49_900], "by Klarna, then by Vipps");
    let again = asked.send().await.unwrap();
    assert!(again.receipt.unwrap().replayed);
    assert_eq!(stage.done("invoice", &sale), [99_900]);

    // As it stands there.
    let booked = stage.order(&sale);
    assert_eq!(booked["isPrioritizeAmountsIncludingVat"], true);
    assert_eq!(booked["orderLines"][1]["vatType"]["id"], 32, "12 %");
    assert_eq!(booked["orderLines"][0]["count"], 1);
    let customers = fake.with(|tripletex, _| tripletex.customers());
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0]["isPrivateIndividual"], true);
    assert_eq!(customers[0]["postalAddress"]["country"]["id"], 161);
    let invoices = fake.with(|tripletex, _| tripletex.invoices());
    assert_eq!(invoices[0]["amountOutstanding"], 0);

    its_credit_is_a_note(&stage, &sale, transfer).await;

    // The story tells of it without anybody's name, and the customer is the same one.
    let history = world.history(&sale).await;
    let told = history.iter().filter(|event| {
        matches!(event.kind(), EventKind::TransferRequested | EventKind::TransferResolved)
    });
    let told: Vec<_> =
        told.map(|event| event.change.clone().unwrap().accounting_transfer.unwrap()).collect();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].id, told[1].state()), (transfer.id, TransferState::Succeeded));
    assert_eq!(fake.with(|tripletex, _| tripletex.customers().len()), 1);
    stage.check().await;
    is_nowhere(world, EMPLOYEE_TOKEN).await;
}

/// With a fee, and the money paid back.
async fn its_credit_is_a_note(stage: &Stage, sale: &OrderName, sold: &AccountingTransfer) {
    let Stage { world, fake, .. } = stage;
    let credit = world.client.credit(sale).units(1, 1).fee("Returfrakt", 9_900, 2_500);
    let credit = credit.refund(true).wait(WAIT).send().await.unwrap().credit_order.unwrap();
    let credit: OrderName = credit.name.parse().unwrap();
    world.settled(sale).await;
    refused(stage.ask(&credit, TransferForm::Invoice).await, Code::NotCompleted);
    world.change(&credit, "sent").send().await.unwrap();
    let order = stage.transfer(&credit, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    assert_eq!(stage.done("credit-note", &credit), [9_900 - TOTAL]);
    assert_eq!(stage.done("payment", &credit).iter().sum::<i64>(), 9_900 - TOTAL);
    assert_eq!(stage.order(&credit)["orderLines"][0]["count"], -1);
    let notes = fake.with(|tripletex, _| tripletex.invoices());
    let invoice = sold.external_invoice_id.parse::<i64>().unwrap();
    assert_eq!(notes[1]["creditedInvoice"], invoice);
    assert_eq!(notes[1]["amountOutstanding"], 0);
}

async fn an_order_is_changed_there_and_invoiced_later(backend: Backend) {
    let stage = Stage::set(backend).await;
    let sale = stage.sell().await;
    let order = stage.transfer(&sale, TransferForm::Order).await;
    assert_eq!(last(&order).external_invoice_number, "");
    assert_eq!((stage.done("order", &sale), stage.done("invoice", &sale)), (vec![TOTAL], vec![]));
    // Asked for again it is found; deleted there it is made again.
    let order = stage.transfer(&sale, TransferForm::Order).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded);
    assert_eq!(stage.done("order", &sale), [TOTAL]);
    let id = last(&order).external_order_id.parse().unwrap();
    stage.fake.with(|tripletex, _| tripletex.delete_order(id));
    stage.transfer(&sale, TransferForm::Order).await;
    assert_eq!(stage.done("order", &sale), [TOTAL, TOTAL]);
    // As an invoice the order that is there is invoiced.
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    assert_eq!(stage.done("order", &sale).len(), 2);
    assert_eq!(stage.done("invoice", &sale), [TOTAL]);
    refused(stage.ask(&sale, TransferForm::Order).await, Code::AlreadyTransferred);
    let refusal = refused(stage.ask(&sale, TransferForm::Invoice).await, Code::AlreadyTransferred);
    assert_eq!(refusal.metadata["invoice_number"], last(&order).external_invoice_number);

    // A credit order may be credited there by hand, whatever became of its sale.
    let other = stage.sell().await;
    let credit = stage.world.client.credit(&other).units(1, 1).refund(false).wait(WAIT);
    let credit: OrderName =
        credit.send().await.unwrap().credit_order.unwrap().name.parse().unwrap();
    stage.world.change(&credit, "sent").send().await.unwrap();
    let refusal =
        refused(stage.ask(&credit, TransferForm::Invoice).await, Code::OriginalNotTransferred);
    assert_eq!(refusal.metadata["original"], other.number().to_string());
    stage.transfer(&credit, TransferForm::Order).await;
    assert_eq!(stage.done("order", &credit), [-TOTAL]);

    // Changed there to another amount it is a person's to finish.
    let changed = stage.sell().await;
    let order = stage.transfer(&changed, TransferForm::Order).await;
    let id = last(&order).external_order_id.parse().unwrap();
    stage.fake.with(|tripletex, _| tripletex.reprice_order(id, 500));
    let order = stage.transfer(&changed, TransferForm::Invoice).await;
    assert_eq!(problems(&order), ["TRANSFER_DECLINED"]);
    assert_eq!(reason(&order).0, "BOOKS_DIFFER");
    assert!(reason(&order).1.contains("900 here"), "{:?}", reason(&order));
    assert_eq!(stage.done("invoice", &changed), [0; 0]);
    stage.check().await;
}

async fn the_charge_is_never_altered(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, .. } = &stage;
    let pay = |draft: OrderDraft, total| draft.payment("klarna", world.reference(""), total);
    // 29.97 is no net amount with rounded VAT: told with VAT it stands as it is.
    let sale = stage.complete(pay(world.draft(2_997), 2_997)).await;
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(
        (stage.done("invoice", &sale), last(&order).rounding_difference_minor),
        (vec![2_997], 0)
    );
    // Discounts: in percent where they are that, else in the price; and another language.
    let draft = world.draft(10_000).goods("K1", "Krus", 3, 3_333, 1_500).discount(1_111);
    let total = 10_000 + 9_999 - 1_111;
    let sale = stage.complete(pay(draft, total)).await;
    stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(stage.done("invoice", &sale), [total]);
    // Without VAT in its prices, and credited with a fee that cannot be told so: a row of its own.
    let draft = world.client.new_order(&world.shop, "NOK").net_prices();
    let draft = draft.customer("Ola Net-Testesen", "").goods("", "Kopp", 2, 8_000, 2_500);
    let sale = stage.complete(pay(draft, 20_000)).await;
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    let credit =
        world.client.credit(&sale).units(1, 1).fee("Returfrakt", 2_997, 2_500).refund(true);
    let credit = credit.wait(WAIT).send().await.unwrap().credit_order.unwrap();
    let credit: OrderName = credit.name.parse().unwrap();
    world.change(&credit, "sent").send().await.unwrap();
    let order = stage.transfer(&credit, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    assert_eq!(last(&order).rounding_difference_minor, -1);
    assert_eq!(stage.done("credit-note", &credit), [2_997 - 10_000]);
    let rows = stage.order(&credit)["orderLines"].clone();
    assert_eq!(rows[2]["description"], "Øreavrunding");
    assert_eq!(rows[2]["amountIncludingVatCurrency"], serde_json::json!(-0.01));
    stage.check().await;
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

async fn what_may_not_be_transferred_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let order = world.place(world.draft(TOTAL).payment("manual", "", TOTAL)).await;
    let name: OrderName = order.name.parse().unwrap();
    refused(stage.ask(&name, TransferForm::Invoice).await, Code::NotCompleted);
    let unknown = world.shop.order(999_999).unwrap();
    refused(stage.ask(&unknown, TransferForm::Invoice).await, Code::OrderNotFound);
    let sale = stage.sell().await;
    let ask = |form| world.client.transfer(&sale, form);
    let elsewhere = world.shop.integration("nowhere").unwrap();
    let asked = ask(TransferForm::Order).integration(&elsewhere).send().await;
    refused(asked, Code::IntegrationNotFound);
    let klarna = world.shop.integration("klarna").unwrap();
    let asked = ask(TransferForm::Order).integration(&klarna).send().await;
    assert_eq!(wrong_fields(asked), ["integration"]);
    assert_eq!(wrong_fields(ask(TransferForm::Unspecified).send().await), ["form"]);
    let stale = order_sdk::Etag::from(order.etag.clone());
    refused(ask(TransferForm::Order).etag(stale).send().await, Code::EtagMismatch);
    // It is no provider of payments.
    let draft = world.draft(TOTAL).payment("tripletex", "T-1", TOTAL).send().await;
    assert_eq!(wrong_fields(draft), ["order.payments[0].provider"]);
    // Settings that make no sense.
    let wrong = async |change: fn(&mut proto::AccountingSettings)| {
        let mut shop = world.shop().await;
        change(shop.settings.get_or_insert_default().accounting.get_or_insert_default());
        let request = proto::UpdateShopRequest {
            shop: Some(shop),
            update_mask: Some(crate::harness::mask(&["settings.accounting"])),
            ..proto::UpdateShopRequest::default()
        };
        wrong_fields(world.client.update_shop(request).await)
    };
    let place = |field: &str| vec![format!("shop.settings.accounting.{field}")];
    assert_eq!(wrong(|one| one.integration = "tripletex".to_owned()).await, place("integration"));
    assert_eq!(wrong(|one| one.automatic_form = 7).await, place("automatic_form"));
    assert_eq!(
        wrong(|one| {
            one.integration = String::new();
            one.automatic_form = 1;
        })
        .await,
        place("automatic_form")
    );
    assert_eq!(
        wrong(|one| drop(one.vat_types.insert(10_001, "3".to_owned()))).await,
        place("vat_types[0].key")
    );
    assert_eq!(
        wrong(|one| drop(one.vat_types.insert(0, "x".to_owned()))).await,
        place("vat_types[0].value")
    );
    assert_eq!(
        wrong(|one| drop(one.payment_types.insert("klarna".to_owned(), String::new()))).await,
        place("payment_types[0].value")
    );
    // Once orders went there it stays the same company.
    stage.transfer(&sale, TransferForm::Order).await;
    let moved = tripletex(&fake.url(), |one| one.order_number_prefix = "N-".to_owned());
    let moved = world.reintegrate("tripletex", &["tripletex.order_number_prefix"], moved).await;
    refused(moved, Code::IntegrationInUse);
    // A number that the books have for something else.
    let other = stage.sell().await;
    fake.with(|tripletex, _| tripletex.take_number(&other.number().to_string()));
    let order = stage.transfer(&other, TransferForm::Invoice).await;
    assert_eq!(reason(&order).0, "BOOKS_DIFFER", "{order:?}");
    assert_eq!(stage.done("invoice", &other), [0; 0]);
    assert_eq!(number_of(&order), other.number());
}

async fn what_waits_says_why_and_has_a_way_out(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, .. } = &stage;
    let sale = stage.sell().await;
    let waits = async |code: &str| {
        eventually("the order says why it waits", async || {
            let order = world.get(&sale).await;
            (problems(&order) == [code]).then_some(order)
        })
        .await
    };
    world.disable("tripletex", true).await;
    world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    waits("INTEGRATION_DISABLED").await;
    refused(world.client.transfer(&sale, TransferForm::Invoice).send().await, Code::EffectPending);
    let set = async |token: &str| {
        let token = token.to_owned();
        let integration = tripletex("", |one| one.employee_token = token);
        world.reintegrate("tripletex", &["tripletex.employee_token"], integration).await.unwrap();
    };
    set("trukket-tilbake").await;
    world.disable("tripletex", false).await;
    assert_eq!(world.connection("tripletex").await.state(), ConnectionState::CredentialsRefused);
    let order = waits("INTEGRATION_UNAUTHORIZED").await;
    assert_eq!(order.problems[0].details["provider"], "tripletex");
    // Nobody is erased while their voucher is not made.
    let erase = proto::EraseCustomerRequest {
        parent: (&world.shop).into(),
        person: Some(proto::Person {
            identity: Some(proto::person::Identity::Email(
                crate::harness::world::CUSTOMER.1.to_owned(),
            )),
        }),
        ..proto::EraseCustomerRequest::default()
    };
    refused(world.client.erase_customer(erase.clone()).await, Code::MoneyOpen);
    // Given up by a person, it is nobody's any more; and can be asked for again.
    let dismiss = proto::DismissProblemRequest {
        name: (&sale).into(),
        problem_id: order.problems[0].id,
        reason: "ført for hånd".to_owned(),
        ..proto::DismissProblemRequest::default()
    };
    let order = world.client.dismiss_problem(dismiss).await.unwrap().order.unwrap();
    assert_eq!((last(&order).state(), problems(&order).len()), (TransferState::Withdrawn, 0));
    world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    waits("INTEGRATION_UNAUTHORIZED").await;
    // Nothing is restarted: the next call has the right one.
    set(EMPLOYEE_TOKEN).await;
    let order = stage.booked(&sale).await;
    assert_eq!((last(&order).state(), problems(&order).len()), (TransferState::Succeeded, 0));
    assert_eq!(stage.done("invoice", &sale), [TOTAL]);
    // Erased, a sale that is handed over later is still invoiced to whom the voucher names.
    let late = stage.sell().await;
    world.client.erase_customer(erase).await.unwrap();
    let order = stage.transfer(&late, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    let customers = stage.fake.with(|tripletex, _| tripletex.customers());
    assert_eq!(customers.last().unwrap()["name"], crate::harness::world::CUSTOMER.0);
    stage.check().await;
}

async fn many_callers_make_one_invoice(backend: Backend) {
    const ORDERS: usize = 10;
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let mut sales = Vec::new();
    for _ in 0..ORDERS {
        sales.push(stage.sell().await);
    }
    fake.trouble(Trouble::of("order", Effect::Slow { millis: 20 }).always());
    let mut running = Vec::new();
    for sale in &sales {
        for _ in 0..3 {
            let (client, sale) = (world.client.clone(), sale.clone());
            running.push(tokio::spawn(async move {
                client.transfer(&sale, TransferForm::Invoice).wait(WAIT).send().await.is_ok()
            }));
        }
    }
    let mut taken = 0;
    for one in running {
        taken += usize::from(one.await.unwrap());
    }
    assert_eq!(taken, ORDERS, "one of three each");
    for sale in &sales {
        let order = stage.booked(sale).await;
        assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
        assert_eq!(stage.done("invoice", sale), [TOTAL]);
        assert_eq!(stage.done("payment", sale), [TOTAL]);
    }
    assert_eq!(fake.book().done.iter().filter(|done| done.operation == "session").count(), 0);
    let sessions = fake.book().calls("session", "");
    assert_eq!(sessions, 1, "one session serves all");
    stage.check().await;
}

async fn without_accounting_nothing_is_transferred(world: World) {
    let order = world.place(world.draft(0)).await;
    let name: OrderName = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let request = proto::TransferOrderToAccountingRequest {
        name: (&name).into(),
        form: TransferForm::Invoice.into(),
        ..proto::TransferOrderToAccountingRequest::default()
    };
    let answer = world.client.transfer_order_to_accounting(request).await;
    refused(answer, Code::AccountingNotSetUp);
}
