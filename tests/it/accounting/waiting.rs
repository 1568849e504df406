//! Transfers that wait, are given up, and are asked for again: each says why, and the order is booked
//! once all the same.

use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, ConnectionState, Order, TransferForm, TransferState};
use order_tests::fakes::tripletex::EMPLOYEE_TOKEN;
use order_tests::fakes::{Effect, Trouble};

use super::{Stage, TOTAL, last, reason, tripletex};
use crate::harness::{Backend, eventually, problems, refused};

trials! {
    own: [
        what_waits_says_why_and_has_a_way_out,
        what_waits_for_long_is_told,
        what_the_books_refuse_for_long_is_told_with_its_page,
        a_call_that_was_given_up_is_over_before_the_next,
    ];
}

/// More than what waits does unseen.
const LONG_MICROS: i64 = 60 * 60 * 1_000_000;
/// Enough to give up a call and ask for another.
const SLOW_MILLIS: u64 = 1_500;

impl Stage {
    async fn told(&self, name: &OrderName, code: &str) -> Order {
        eventually(&format!("{name} says {code}"), async || {
            let order = self.world.get(name).await;
            (problems(&order) == [code]).then_some(order)
        })
        .await
    }

    /// Dismisses the first problem of the order, and with it its transfer.
    async fn give_up(&self, order: &Order) -> Order {
        let dismiss = proto::DismissProblemRequest {
            name: order.name.clone(),
            problem_id: order.problems[0].id,
            reason: "ført for hånd".to_owned(),
            ..proto::DismissProblemRequest::default()
        };
        let order = self.world.client.dismiss_problem(dismiss).await.unwrap().order.unwrap();
        assert_eq!((last(&order).state(), problems(&order).len()), (TransferState::Withdrawn, 0));
        order
    }

    /// Another employee token.
    async fn set_token(&self, token: &str) {
        let token = token.to_owned();
        let integration = tripletex("", |one| one.employee_token = token);
        let fields = ["tripletex.employee_token"];
        self.world.reintegrate("tripletex", &fields, integration).await.unwrap();
    }
}

async fn what_waits_says_why_and_has_a_way_out(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, .. } = &stage;
    let sale = stage.sell().await;
    world.disable("tripletex", true).await;
    world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    stage.told(&sale, "INTEGRATION_DISABLED").await;
    refused(world.client.transfer(&sale, TransferForm::Invoice).send().await, Code::EffectPending);
    stage.set_token("trukket-tilbake").await;
    world.disable("tripletex", false).await;
    assert_eq!(world.connection("tripletex").await.state(), ConnectionState::CredentialsRefused);
    let order = stage.told(&sale, "INTEGRATION_UNAUTHORIZED").await;
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
    stage.give_up(&order).await;
    world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    stage.told(&sale, "INTEGRATION_UNAUTHORIZED").await;
    // Nothing is restarted: the next call has the right one.
    stage.set_token(EMPLOYEE_TOKEN).await;
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

async fn what_waits_for_long_is_told(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    // The buyer is known there: none of the others waits for one of them to make it.
    stage.transfer(&stage.sell().await, TransferForm::Invoice).await;
    let (silent, garbled) = (stage.sell().await, stage.sell().await);
    let (ordered, invoiced) = (stage.sell().await, stage.sell().await);
    let garble = |sale: &OrderName, status| {
        let effect = Effect::answer(status, "1", "Velkommen");
        Trouble::of("read", effect).about(&stage.number(sale))
    };
    let befall = |sale: &OrderName, status| fake.trouble(garble(sale, status).always());
    befall(&silent, 503);
    for sale in [&garbled, &ordered, &invoiced] {
        befall(sale, 200);
    }
    for sale in [&silent, &garbled, &ordered, &invoiced] {
        world.client.transfer(sale, TransferForm::Invoice).send().await.unwrap();
        let number = stage.number(sale);
        eventually("it is tried", async || (fake.book().calls("read", &number) > 0).then_some(()))
            .await;
        assert_eq!(last(&world.get(sale).await).state(), TransferState::Pending);
    }
    // Not killed: what was not stored yet would be in doubt.
    assert_eq!(world.server.stop().await, 0);
    let earlier = format!(
        "UPDATE effects SET first_sent_at = first_sent_at - {LONG_MICROS} \
         WHERE first_sent_at IS NOT NULL AND payment_key IS NULL"
    );
    world.server.store.damage(&earlier).await;
    fake.recover();
    befall(&silent, 503);
    befall(&garbled, 200);
    // First it is looked for; what was made is read then, and that is no refusal however late it is.
    fake.trouble(garble(&ordered, 200).after(1));
    fake.trouble(garble(&invoiced, 200).after(2));
    world.server.start().await;
    for sale in [&ordered, &invoiced] {
        let order = stage.booked(sale).await;
        let found =
            (last(&order).state(), order.accounting_transfers.len(), problems(&order).len());
        assert_eq!(found, (TransferState::Succeeded, 1, 0), "{order:?}");
        assert_eq!(stage.done("invoice", sale), [TOTAL]);
    }
    // What Tripletex never said is told in words; where it says nothing a person may give it up.
    let order = stage.told(&garbled, "TRANSFER_DECLINED").await;
    assert_eq!(reason(&order).0, "UNKNOWN_PROVIDER_ERROR");
    assert!(reason(&order).1.contains("cannot be understood"), "{:?}", reason(&order));
    let order = stage.told(&silent, "TRANSFER_UNKNOWN").await;
    assert_eq!(last(&order).state(), TransferState::Unknown);
    let words = &order.problems[0].details["provider_reason"];
    assert!(words.starts_with("503/1 Velkommen"), "{words}");
    stage.give_up(&order).await;
    fake.recover();
    for sale in [&garbled, &silent] {
        let order = stage.transfer(sale, TransferForm::Invoice).await;
        assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
        assert_eq!(
            (stage.done("order", sale), stage.done("invoice", sale)),
            (vec![TOTAL], vec![TOTAL])
        );
    }
    stage.check().await;
}

/// What mostly passes: the books are closed, somebody else is at it, what was there is gone.
async fn what_the_books_refuse_for_long_is_told_with_its_page(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let mut sales = Vec::new();
    for (status, code, page) in [
        (409, "10000", "BOOKS_LOCKED"),
        (409, "7000", "BOOKS_DIFFER"),
        (409, "8000", "BOOKS_DIFFER"),
        (409, "14000", "BOOKS_DIFFER"),
        (404, "6000", "BOOKS_DIFFER"),
    ] {
        let sale = stage.sell().await;
        let number = stage.number(&sale);
        let refusal = Effect::answer(status, code, "I Tripletex' ord");
        fake.trouble(Trouble::of("order", refusal).about(&number).always());
        world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
        eventually("it is tried", async || (fake.book().calls("order", &number) > 0).then_some(()))
            .await;
        assert_eq!(last(&world.get(&sale).await).state(), TransferState::Pending, "{code}");
        sales.push((sale, code, page));
    }
    assert_eq!(world.server.stop().await, 0);
    let earlier = format!(
        "UPDATE effects SET first_sent_at = first_sent_at - {LONG_MICROS} \
         WHERE first_sent_at IS NOT NULL AND payment_key IS NULL"
    );
    world.server.store.damage(&earlier).await;
    world.server.start().await;
    for (sale, code, page) in &sales {
        let order = stage.told(sale, "TRANSFER_DECLINED").await;
        let (found, words) = reason(&order);
        assert_eq!(found, *page, "{code}");
        assert!(words.contains(&format!("/{code} I Tripletex' ord")), "{words}");
    }
    fake.recover();
    for (sale, code, _) in &sales {
        let order = stage.transfer(sale, TransferForm::Invoice).await;
        assert_eq!((last(&order).state(), problems(&order).len()), (TransferState::Succeeded, 0));
        assert_eq!(stage.done("order", sale), [TOTAL], "{code}");
    }
    stage.check().await;
}

async fn a_call_that_was_given_up_is_over_before_the_next(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let sale = stage.sell().await;
    let number = stage.number(&sale);
    stage.set_token("trukket-tilbake").await;
    world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    let order = stage.told(&sale, "INTEGRATION_UNAUTHORIZED").await;
    // Given up while a call is under way that has seen nothing there, and makes it all.
    let slow = Trouble::of("read", Effect::Slow { millis: SLOW_MILLIS });
    fake.trouble(slow.about(&number).once_done());
    stage.set_token(EMPLOYEE_TOKEN).await;
    eventually("it has looked", async || (fake.book().calls("read", &number) > 0).then_some(()))
        .await;
    stage.give_up(&order).await;
    world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    // Whoever has it taken up at once does not make it early.
    let retry = proto::RetryEffectRequest {
        name: (&sale).into(),
        operation_id: last(&world.get(&sale).await).id,
        ..proto::RetryEffectRequest::default()
    };
    world.client.retry_effect(retry).await.unwrap();
    stage.booked(&sale).await;
    // Whatever the first call does, it has done by then.
    tokio::time::sleep(Duration::from_millis(2 * SLOW_MILLIS)).await;
    let order = world.get(&sale).await;
    // By the first, if nobody stopped it, and then the second is not needed any more; else by that.
    let states = order.accounting_transfers.iter().map(proto::AccountingTransfer::state);
    let made = states.filter(|state| *state == TransferState::Succeeded).count();
    assert_eq!((made, problems(&order).len()), (1, 0), "{order:?}");
    assert_eq!(stage.done("order", &sale), [TOTAL], "found, and not made again");
    assert_eq!(stage.done("invoice", &sale), [TOTAL]);
    assert_eq!(stage.done("payment", &sale), [TOTAL]);
    stage.check().await;
}
