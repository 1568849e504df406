//! What goes wrong on the way to the books: refusals, doubts, kills, dead sessions and used-up calls.

use std::sync::Arc;

use order_sdk::OrderName;
use order_sdk::proto::{TransferForm, TransferState};
use order_tests::fakes::{Effect, Trouble};

use super::{Stage, TOTAL, last, reason};
use crate::harness::{Backend, eventually, problems};

trials! {
    own: [
        every_documented_error_is_told_with_its_page,
        every_doubt_is_ended_by_a_look,
        a_kill_at_any_step_loses_and_doubles_nothing,
        sessions_die_and_calls_are_used_up,
        what_is_mended_in_the_set_up_is_seen_at_once,
    ];
}

async fn every_documented_error_is_told_with_its_page(backend: Backend) {
    let stage = Stage::set(backend).await;
    what_is_final_is_told(&stage).await;
    what_the_company_lacks_is_told_first(&stage).await;
    what_passes_is_tried_on(&stage).await;
    stage.check().await;
}

async fn what_is_final_is_told(stage: &Stage) {
    let fake = &stage.fake;
    let finals = [
        ("order", 400, "4000", "Bad request", "REJECTED_BY_ACCOUNTING"),
        ("order", 400, "11000", "Illegal filter", "REJECTED_BY_ACCOUNTING"),
        ("order", 400, "12000", "Path param", "REJECTED_BY_ACCOUNTING"),
        ("order", 400, "24000", "Cryptography", "REJECTED_BY_ACCOUNTING"),
        ("order", 422, "15000", "Value validation", "REJECTED_BY_ACCOUNTING"),
        ("order", 422, "16000", "Feltet eksisterer ikke i objektet.", "REJECTED_BY_ACCOUNTING"),
        ("read", 422, "17000", "Sorting", "REJECTED_BY_ACCOUNTING"),
        ("customer", 422, "18000", "Kari Testesen-Hemmelig: Ugyldig.", "REJECTED_BY_ACCOUNTING"),
        ("order", 422, "21000", "Param", "REJECTED_BY_ACCOUNTING"),
        ("order", 422, "22000", "Invalid JSON", "REJECTED_BY_ACCOUNTING"),
        ("order", 422, "23000", "Result set too large", "REJECTED_BY_ACCOUNTING"),
        ("order", 422, "18000", "Ugyldig mva-kode.", "VAT_NOT_ENABLED"),
        (
            "invoice",
            422,
            "18000",
            "Kunden kan ikke motta EHF-dokumenter",
            "CUSTOMER_CANNOT_RECEIVE",
        ),
        ("invoice", 422, "18000", "Ugyldig betalingstype.", "PAYMENT_TYPE_MISSING"),
        ("invoice", 418, "1", "Teapot", "UNKNOWN_PROVIDER_ERROR"),
    ];
    for (number, (operation, status, code, text, page)) in finals.into_iter().enumerate() {
        let sale = sell_to(stage, &format!("feil-{number}@kunde.example")).await;
        fake.trouble(Trouble::of(operation, Effect::answer(status, code, text)));
        let order = stage.transfer(&sale, TransferForm::Invoice).await;
        assert_eq!(problems(&order), ["TRANSFER_DECLINED"], "{text}");
        let (found, words) = reason(&order);
        assert_eq!(found, page, "{text}");
        assert!(words.starts_with(&format!("{status}/{code} ")), "{words}");
        assert!(!words.contains("Kari") && words.contains("request id"), "{words}");
        assert_eq!(last(&order).provider_reason, words);
        fake.recover();
        // Put right and handed over again, what was there is taken further.
        let order = stage.transfer(&sale, TransferForm::Invoice).await;
        assert_eq!((last(&order).state(), problems(&order).len()), (TransferState::Succeeded, 0));
        assert_eq!(stage.done("order", &sale), [TOTAL], "{text}");
        assert_eq!(stage.done("invoice", &sale), [TOTAL], "{text}");
    }
}

/// What the company is set up for is known before anything is made.
async fn what_the_company_lacks_is_told_first(stage: &Stage) {
    let Stage { world, fake, .. } = stage;
    let cases = [
        ("NOK", 2_450, "klarna", "VAT_NOT_ENABLED"),
        ("NOK", 2_500, "card", "PAYMENT_TYPE_MISSING"),
        ("GBP", 2_500, "klarna", "CURRENCY_NOT_ENABLED"),
    ];
    for (currency, rate_bp, provider, page) in cases {
        let draft = world.draft(0).goods("", "Kopp", 1, TOTAL, rate_bp);
        let draft = draft.with(|order| order.currency_code = currency.to_owned());
        let sale = stage.complete(draft.payment(provider, world.reference(""), TOTAL)).await;
        let order = stage.transfer(&sale, TransferForm::Invoice).await;
        assert_eq!(reason(&order).0, page, "{order:?}");
        assert_eq!(stage.done("order", &sale), [0; 0]);
        if provider == "card" {
            // The shop says what it is called there.
            stage
                .account(|accounting| {
                    let name = "betalt til bank".to_owned();
                    accounting.payment_types.insert(provider.to_owned(), name);
                })
                .await;
            let order = stage.transfer(&sale, TransferForm::Invoice).await;
            assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
        }
    }
    // Credited there by hand: this credit has no room any more.
    let sale = stage.sell().await;
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    let invoice = last(&order).external_invoice_id.parse().unwrap();
    fake.with(|tripletex, _| tripletex.credit_invoice(invoice));
    let credit = world.client.credit(&sale).units(1, 1).refund(false).send().await.unwrap();
    let credit: OrderName = credit.credit_order.unwrap().name.parse().unwrap();
    world.change(&credit, "sent").send().await.unwrap();
    let order = stage.transfer(&credit, TransferForm::Invoice).await;
    assert_eq!(reason(&order).0, "CREDITED_IN_BOOKS", "{order:?}");
}

async fn what_passes_is_tried_on(stage: &Stage) {
    let Stage { world, fake, .. } = stage;
    for (status, code) in [(409, "10000"), (409, "8000"), (429, "0"), (403, "9000"), (401, "3000")]
    {
        let sale = stage.sell().await;
        let times = if status == 403 { 0 } else { 1 };
        fake.trouble(Trouble::of("order", Effect::answer(status, code, "Later")).times(times));
        world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
        if status == 403 {
            eventually("it is held", async || {
                let order = world.get(&sale).await;
                (problems(&order) == ["INTEGRATION_UNAUTHORIZED"]).then_some(())
            })
            .await;
            fake.recover();
            world.disable("tripletex", true).await;
            world.disable("tripletex", false).await;
        }
        let order = stage.booked(&sale).await;
        assert_eq!(
            (last(&order).state(), problems(&order).len()),
            (TransferState::Succeeded, 0),
            "{code}"
        );
        assert_eq!(stage.done("order", &sale), [TOTAL], "{code}");
    }
}

/// A sale of an own customer, paid by two providers, so that it takes every step there is.
async fn sell_to(stage: &Stage, email: &str) -> OrderName {
    let world = &stage.world;
    let draft = world
        .draft(TOTAL)
        .with(|order| {
            email.clone_into(&mut order.customer.get_or_insert_default().email);
        })
        .payment("klarna", world.reference(""), 50_000)
        .payment("vipps", world.reference(""), TOTAL - 50_000);
    stage.complete(draft).await
}

fn about(stage: &Stage, operation: &str, sale: &OrderName, email: &str) -> String {
    if operation == "customer" { email.to_owned() } else { stage.number(sale) }
}

const STEPS: [&str; 4] = ["customer", "order", "invoice", "payment"];

/// Silence, a line that breaks and a late error, each before it is done and after.
fn doubts(operation: &str, about: &str) -> Vec<Trouble> {
    let effects = [Effect::Silence, Effect::HangUp, Effect::answer(500, "1000", "Oops")];
    let befall = |effect| Trouble::of(operation, effect).about(about);
    let before = effects.clone().map(befall);
    let after = effects.map(|effect| befall(effect).once_done());
    [before, after].concat()
}

/// Every step in every kind of doubt, all at once.
async fn every_doubt_is_ended_by_a_look(backend: Backend) {
    let company = Stage::set(backend).await;
    let mut running = Vec::new();
    for operation in STEPS {
        // A shop each: a system that is silent five times in a row is left alone for a while.
        let stage = Arc::new(company.beside(&format!("{operation}-")).await);
        for number in 0..doubts(operation, "").len() {
            let stage = Arc::clone(&stage);
            running.push(tokio::spawn(async move { in_doubt(&stage, operation, number).await }));
        }
    }
    for one in running {
        one.await.unwrap();
    }
    company.check().await;
}

async fn in_doubt(stage: &Stage, operation: &'static str, number: usize) {
    let email = format!("{operation}-{number}@kunde.example");
    let sale = sell_to(stage, &email).await;
    let trouble = doubts(operation, &about(stage, operation, &sale, &email)).swap_remove(number);
    let told = format!("{trouble:?}");
    stage.fake.trouble(trouble);
    stage.world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
    is_booked_once(stage, &sale, &email, &told).await;
}

async fn is_booked_once(stage: &Stage, sale: &OrderName, email: &str, told: &str) {
    let order = stage.booked(sale).await;
    let found = (last(&order).state(), problems(&order).len());
    assert_eq!(found, (TransferState::Succeeded, 0), "{told}: {order:?}");
    assert_eq!(stage.fake.book().amounts("customer", email), [0], "{told}");
    assert_eq!(stage.done("order", sale), [TOTAL], "{told}");
    assert_eq!(stage.done("invoice", sale), [TOTAL], "{told}");
    assert_eq!(stage.done("payment", sale), [50_000, TOTAL - 50_000], "{told}");
}

async fn a_kill_at_any_step_loses_and_doubles_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    // Called and not done, done and not heard of; and durable, maybe called.
    let mut sales = Vec::new();
    for operation in STEPS {
        for is_done in [false, true] {
            let email = format!("{operation}-{is_done}@kunde.example");
            let sale = sell_to(&stage, &email).await;
            let trouble = Trouble::of(operation, Effect::Silence)
                .about(&about(&stage, operation, &sale, &email));
            fake.trouble(if is_done { trouble.once_done() } else { trouble });
            sales.push((operation, sale, email));
        }
    }
    sales.push((
        "read",
        sell_to(&stage, "ingen@kunde.example").await,
        "ingen@kunde.example".to_owned(),
    ));
    for (_, sale, _) in &sales {
        world.client.transfer(sale, TransferForm::Invoice).send().await.unwrap();
    }
    eventually("each has come to its step", async || {
        let book = fake.book();
        let called = sales.iter().filter(|(operation, sale, email)| {
            book.calls(operation, &about(&stage, operation, sale, email)) > 0
        });
        (called.count() == sales.len()).then_some(())
    })
    .await;
    world.server.kill().await;
    world.server.start().await;
    for (operation, sale, email) in &sales {
        is_booked_once(&stage, sale, email, operation).await;
    }
    stage.check().await;
}

async fn what_is_mended_in_the_set_up_is_seen_at_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fake = &stage.fake;
    // Reads of the set-up are about no order.
    let reads = || fake.book().calls("read", "");
    stage.transfer(&stage.sell().await, TransferForm::Invoice).await;
    let known = reads();
    let sale = stage.sell().await;
    fake.trouble(Trouble::of("order", Effect::answer(422, "18000", "Ugyldig mva-kode.")));
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(reason(&order).0, "VAT_NOT_ENABLED");
    assert_eq!(reads(), known, "remembered");
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    assert!(reads() > known, "read again after the refusal");
}

async fn sessions_die_and_calls_are_used_up(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { fake, .. } = &stage;
    let sessions = || fake.book().calls("session", "");
    stage.transfer(&stage.sell().await, TransferForm::Invoice).await;
    assert_eq!(sessions(), 1);
    fake.with(|tripletex, _| tripletex.forget_sessions());
    let sale = stage.sell().await;
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!((last(&order).state(), sessions()), (TransferState::Succeeded, 2));
    // It dies between two steps.
    fake.trouble(Trouble::of("invoice", Effect::answer(401, "3000", "Unauthorized")));
    let sale = stage.sell().await;
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!((last(&order).state(), sessions()), (TransferState::Succeeded, 3), "{order:?}");
    assert_eq!(stage.done("invoice", &sale), [TOTAL]);
    // So few calls a period that one is not enough: the rest waits for the next, and nothing is sent
    // while Tripletex wants to be left alone.
    let sale = stage.sell().await;
    fake.with(|tripletex, _| {
        tripletex.forget_sessions();
        tripletex.limit(4);
    });
    let order = stage.transfer(&sale, TransferForm::Invoice).await;
    assert_eq!(last(&order).state(), TransferState::Succeeded, "{order:?}");
    assert_eq!(stage.done("invoice", &sale), [TOTAL]);
    let book = fake.book();
    let refused = book.arrivals.iter().filter(|arrival| arrival.status == 429).count();
    assert!(refused <= 1, "only what nobody could know of: {refused}");
    stage.check().await;
}
