//! What goes wrong on the way to the books: refusals, dead sessions and used-up calls.

use std::time::Duration;

use order_sdk::OrderName;
use order_sdk::proto::{TransferForm, TransferState};
use order_tests::fakes::{Effect, Trouble};

use super::{PARTS, Stage, TOTAL, last, reason};
use crate::harness::{Backend, eventually, problems};

trials! {
    own: [
        every_documented_error_is_told_with_its_page,
        sessions_die_and_calls_are_used_up,
        who_shares_an_employee_waits_with_it,
        what_is_mended_in_the_set_up_is_seen_at_once,
    ];
}

const CREDIT_NOTE: &str = "credit-note";
/// An answer of this machine's, and a call that nothing keeps back; less than Tripletex's period.
const HEARD_BY_THEN: Duration = Duration::from_secs(2);

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
        ("payment", 400, "12000", "Path param", "REJECTED_BY_ACCOUNTING"),
        ("payment", 422, "15000", "Value validation", "REJECTED_BY_ACCOUNTING"),
        ("payment", 422, "18000", "Ugyldig betalingstype.", "PAYMENT_TYPE_MISSING"),
        ("payment", 418, "1", "Teapot", "UNKNOWN_PROVIDER_ERROR"),
        ("credit-note", 400, "4000", "Bad request", "REJECTED_BY_ACCOUNTING"),
        ("credit-note", 422, "15000", "Value validation", "REJECTED_BY_ACCOUNTING"),
        ("credit-note", 422, "18000", "Summen av kreditnotaene er for høy.", "CREDITED_IN_BOOKS"),
        ("credit-note", 418, "1", "Teapot", "UNKNOWN_PROVIDER_ERROR"),
    ];
    for (number, (operation, status, code, text, page)) in finals.into_iter().enumerate() {
        let sale = stage.sell_to(&format!("feil-{number}@kunde.example")).await;
        let (sale, document, total) = match operation {
            CREDIT_NOTE => (credit_of(stage, &sale).await, CREDIT_NOTE, -TOTAL),
            _ => (sale, "invoice", TOTAL),
        };
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
        assert_eq!(stage.done("order", &sale), [total], "{text}");
        assert_eq!(stage.done(document, &sale), [total], "{text}");
        let paid = if operation == CREDIT_NOTE { vec![] } else { PARTS.to_vec() };
        assert_eq!(stage.done("payment", &sale), paid, "{text}");
    }
}

/// The credit order of a sale that is put into the books, ready to be handed over.
async fn credit_of(stage: &Stage, sale: &OrderName) -> OrderName {
    stage.transfer(sale, TransferForm::Invoice).await;
    credit(stage, sale).await
}

async fn credit(stage: &Stage, sale: &OrderName) -> OrderName {
    let credit = stage.world.client.credit(sale).units(1, 1).refund(false).send().await.unwrap();
    let credit = credit.credit_order.unwrap().name.parse().unwrap();
    stage.world.change(&credit, "sent").send().await.unwrap();
    credit
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
    let credit = credit(stage, &sale).await;
    let order = stage.transfer(&credit, TransferForm::Invoice).await;
    assert_eq!(reason(&order).0, "CREDITED_IN_BOOKS", "{order:?}");
}

async fn what_passes_is_tried_on(stage: &Stage) {
    let Stage { world, fake, .. } = stage;
    let refuse = |operation: &str, sale: &OrderName, status, code| {
        let later = Effect::answer(status, code, "Later");
        Trouble::of(operation, later).about(&stage.number(sale))
    };
    // What only a change of the integration ends.
    let held = stage.sell().await;
    fake.trouble(refuse("order", &held, 403, "9000").always());
    world.client.transfer(&held, TransferForm::Invoice).send().await.unwrap();
    eventually("it is held", async || {
        let order = world.get(&held).await;
        (problems(&order) == ["INTEGRATION_UNAUTHORIZED"]).then_some(())
    })
    .await;
    fake.recover();
    world.disable("tripletex", true).await;
    world.disable("tripletex", false).await;
    let mut sales = vec![(held, "9000", TOTAL)];
    for (operation, status, code) in [
        ("order", 401, "3000"),
        ("order", 404, "6000"),
        ("order", 409, "7000"),
        ("order", 409, "8000"),
        ("order", 409, "10000"),
        ("order", 409, "14000"),
        ("order", 429, "0"),
        ("payment", 401, "3000"),
        ("payment", 404, "6000"),
        ("payment", 409, "10000"),
        (CREDIT_NOTE, 401, "3000"),
        (CREDIT_NOTE, 409, "8000"),
        (CREDIT_NOTE, 429, "0"),
    ] {
        let sale = stage.sell().await;
        let (sale, total) = match operation {
            CREDIT_NOTE => (credit_of(stage, &sale).await, -TOTAL),
            _ => (sale, TOTAL),
        };
        fake.trouble(refuse(operation, &sale, status, code));
        world.client.transfer(&sale, TransferForm::Invoice).send().await.unwrap();
        sales.push((sale, code, total));
    }
    for (sale, code, total) in sales {
        let order = stage.booked(&sale).await;
        let found = (last(&order).state(), problems(&order).len());
        assert_eq!(found, (TransferState::Succeeded, 0), "{code}");
        assert_eq!(stage.done("order", &sale), [total], "{code}");
    }
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

/// Calls are counted by employee, whichever of the integrations makes them.
async fn who_shares_an_employee_waits_with_it(backend: Backend) {
    let stage = Stage::set(backend).await;
    let other = stage.beside("B-").await;
    let (ours, theirs) = (stage.sell().await, other.sell().await);
    let refused = || {
        let arrivals = stage.fake.book().arrivals.clone();
        arrivals.iter().filter(|arrival| arrival.status == 429).count()
    };
    stage.fake.with(|tripletex, _| tripletex.limit(1));
    stage.world.client.transfer(&ours, TransferForm::Invoice).send().await.unwrap();
    eventually("its calls are used up", async || {
        stage.fake.book().arrivals.iter().any(|arrival| arrival.status != 0).then_some(())
    })
    .await;
    tokio::time::sleep(HEARD_BY_THEN).await;
    let before = refused();
    other.world.client.transfer(&theirs, TransferForm::Invoice).send().await.unwrap();
    tokio::time::sleep(HEARD_BY_THEN).await;
    assert_eq!(refused(), before, "nothing is sent meanwhile");
    stage.fake.with(|tripletex, _| tripletex.limit(100_000));
    assert_eq!(last(&stage.booked(&ours).await).state(), TransferState::Succeeded);
    assert_eq!(last(&other.booked(&theirs).await).state(), TransferState::Succeeded);
    stage.check().await;
}
