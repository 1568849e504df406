//! What stands in the books: invoices and credit notes, orders that are changed there, and amounts that
//! never are.

use order_rules::refusals::Code;
use order_sdk::proto::{
    self, AccountingTransfer, ConnectionState, EventKind, TransferForm, TransferState,
};
use order_sdk::{OrderDraft, OrderName};
use order_tests::fakes::tripletex::{CONSUMER_TOKEN, EMPLOYEE_TOKEN};
use serde_json::json;

use super::{PARTS, Stage, TOTAL, last, reason};
use crate::harness::{Backend, WAIT, World, problems, refused, request_id};
use crate::integrations::are_nowhere;

trials! {
    own: [
        a_sale_is_an_invoice_that_is_paid_and_its_credit_a_note,
        an_order_is_changed_there_and_invoiced_later,
        a_sale_in_euro_is_paid_at_the_rate_of_its_invoice,
        rule_10_6_the_charge_is_never_altered,
    ];
}

/// Goods and freight, paid by Klarna and then by Vipps.
fn with_freight(world: &World, references: &[String; 2]) -> OrderDraft {
    world
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
        .payment("vipps", &references[1], 49_900)
}

async fn a_sale_is_an_invoice_that_is_paid_and_its_credit_a_note(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    assert_eq!(world.connection("tripletex").await.state(), ConnectionState::Works);
    let references = [world.reference(""), world.reference("")];
    let draft = with_freight(world, &references);
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
    let sessions = fake.with(|tripletex, _| tripletex.session_tokens());
    assert!(!sessions.is_empty());
    let sessions = sessions.iter().map(String::as_str);
    let secrets: Vec<&str> = sessions.chain([EMPLOYEE_TOKEN, CONSUMER_TOKEN]).collect();
    are_nowhere(world, &secrets).await;
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

    // Money is booked on invoices: an order needs no payment type.
    let draft = stage.world.draft(TOTAL).payment("card", stage.world.reference(""), TOTAL);
    let sale = stage.complete(draft).await;
    let order = stage.transfer(&sale, TransferForm::Order).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(reason(&order).0, "PAYMENT_TYPE_MISSING");

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

/// The stand-in's rate is 11.725 kroner for a euro.
async fn a_sale_in_euro_is_paid_at_the_rate_of_its_invoice(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let sell = async || {
        let draft = world.draft(TOTAL).with(|order| "EUR".clone_into(&mut order.currency_code));
        let draft = draft.payment("klarna", world.reference(""), PARTS[0]);
        stage.complete(draft.payment("vipps", world.reference(""), PARTS[1])).await
    };
    let booked = async |paper: &OrderName, sign: i64| {
        let order = stage.transfer(paper, TransferForm::Invoice).await;
        let found = (last(&order).state(), problems(&order).len());
        assert_eq!(found, (TransferState::Succeeded, 0), "{order:?}");
        assert_eq!(stage.done("payment", paper), PARTS.map(|part| sign * part));
        let invoice = fake.with(|tripletex, _| tripletex.invoices()).pop().unwrap();
        let found = (&invoice["currency"]["id"], &invoice["amountOutstanding"]);
        assert_eq!(found, (&json!(5), &json!(0)), "{invoice}");
    };
    // Accounts in kroner.
    let sale = sell().await;
    booked(&sale, 1).await;
    assert_eq!(stage.done("account", &sale), [586_250, 469_000]);
    let credit = stage.credit(&sale).await;
    booked(&credit, -1).await;
    assert_eq!(stage.done("account", &credit), [-586_250, -469_000]);
    // An account in euro beside one in kroner.
    stage
        .account(|accounting| {
            accounting.payment_types.insert("klarna".to_owned(), "Klarna euro".to_owned());
        })
        .await;
    let sale = sell().await;
    booked(&sale, 1).await;
    assert_eq!(stage.done("account", &sale), [469_000]);
    stage.check().await;
}

async fn rule_10_6_the_charge_is_never_altered(backend: Backend) {
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
    assert_eq!(rows[2]["amountIncludingVatCurrency"], json!(-0.01));
    stage.check().await;
}
