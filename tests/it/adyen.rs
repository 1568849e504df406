//! Adyen through the whole server, with a stand-in's book as witness: none lost, none doubled, and
//! every outcome told by webhook.

pub(crate) mod aftermath;
pub(crate) mod doubts;
pub(crate) mod parts;
pub(crate) mod portal;
pub(crate) mod stage;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, AdyenEndpoint, ConnectionState};
use order_tests::fakes::adyen::{NewPayment, Verdict};
use order_tests::fakes::{Effect, Travel, Trouble};

use self::stage::{Stage, TOTAL, adyen, reason, travel};
use crate::harness::till::counts_what_is_held;
use crate::harness::{Backend, WAIT, eventually, problems, refused, status_id, wrong_fields};
use crate::integrations::are_nowhere;

pub(crate) use self::stage::adyen as integration;

trials! {
    own: [
        every_operation_reaches_adyen_once,
        a_payment_is_told_and_not_believed,
        every_documented_error_is_told_with_its_page,
        every_error_that_passes_is_tried_on,
        every_operation_waits_for_credentials,
        what_was_received_may_still_fail,
        copies_and_disorder_change_nothing,
        refused_credentials_hold_everything_until_they_are_right,
        wrong_fields_are_told_at_once,
        what_proves_webhooks_is_set_whole,
    ];
}

async fn every_operation_reaches_adyen_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    assert_eq!(world.connection("card-no").await.state(), ConnectionState::Works);

    // Capture; what is left of the reservation ends with it, and nothing is asked for.
    let sale = stage.buy(1_000).await;
    assert!(sale.order.payments[0].expire_time.is_none(), "Adyen does not say");
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(stage.done("capture", &sale.psp), [900]);
    let capture =
        order.payments[0].operations.iter().find(|one| one.kind() == proto::OperationKind::Capture);
    let known = fake.book().done_to("capture", &sale.psp).next().unwrap().id.clone();
    assert_eq!(capture.unwrap().provider_reference, known, "the modification's own");

    // A refund; a fee makes it smaller.
    let credit = world.client.credit(&sale.name).units(1, 1).fee("Returfrakt", 100, 2_500);
    credit.refund(true).wait(WAIT).send().await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!(problems(&order), [""; 0], "{order:?}");
    assert_eq!(stage.done("refund", &sale.psp), [800]);

    // Cancel.
    let sale = stage.buy(TOTAL).await;
    world.cancel(&sale.name, false).await.unwrap();
    assert_eq!(stage.done("cancel", &sale.psp), [TOTAL]);

    // A lower amount.
    let sale = stage.buy(TOTAL).await;
    world.client.edit(&sale.name).unit_price(1, 700).wait(WAIT).send().await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!(order.payments[0].authorized_minor, 700);
    assert_eq!(stage.done("update", &sale.psp), [700]);

    // Every call had the key of its effect, each was made once, and each webhook was taken once.
    let book = fake.book();
    for done in &book.done {
        assert!(uuid::Uuid::try_parse(&done.key).is_ok(), "{done:?}");
        assert_eq!(book.calls(&done.operation, &done.about), 1, "{done:?}");
    }
    assert!(book.sent.iter().all(|sent| (sent.attempt, sent.status) == (1, 200)), "{book:?}");
    stage.check().await;
}

async fn a_payment_is_told_and_not_believed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let lost = async |deed: &str, body: &'static str| {
        let psp = stage.checkout(NewPayment::of("cart", TOTAL));
        stage.by_hand(&psp, deed, body).await;
        psp
    };
    let refused = NewPayment { refusal: "Refused".to_owned(), ..NewPayment::of("cart", TOTAL) };
    let euros = NewPayment { currency: "EUR".to_owned(), ..NewPayment::of("cart", TOTAL) };
    let cases = [
        (lost("cancel", "{}").await, "RESERVATION_GONE", "RESERVATION_GONE"),
        (lost("capture", r#"{"value": 900}"#).await, "RESERVATION_GONE", "RESERVATION_GONE"),
        (stage.checkout(euros), "AUTHORIZATION_DECLINED", "PAYMENT_MISMATCH"),
        (stage.checkout(refused), "AUTHORIZATION_DECLINED", "REJECTED_BY_PROVIDER"),
    ];
    stage.all_told().await;
    for (psp, problem, page) in cases {
        let order = stage.place(&psp, TOTAL).await;
        assert_eq!(problems(&order), [problem], "{psp}: {order:?}");
        assert_eq!(reason(&order).0, page, "{psp}: {order:?}");
        assert_eq!(order.payments[0].authorized_minor, 0);
    }
    let small = stage.checkout(NewPayment::of("cart", 500));
    let order = stage.place(&small, TOTAL).await;
    assert_eq!(order.payments[0].authorized_minor, 500, "what Adyen holds, not what was stated");
    assert_eq!(problems(&order), ["PAYMENT_INSUFFICIENT"]);
    attaches_what_is_held(&stage, &order.name.parse().unwrap()).await;

    // Placed before Adyen has told: it waits, and goes on when the webhook comes.
    let name = stage.unconfirmed().await;
    world.change(&name, "sent").send().await.unwrap();
    fake.travel(travel());
    let order = world.settled(&name).await;
    assert_eq!((status_id(&order), order.payments[0].captured_minor), ("sent", TOTAL));
    stage.check().await;
}

/// Attaches payments to an order that lacks 400: each counts for what Adyen holds of it.
async fn attaches_what_is_held(stage: &Stage, order: &OrderName) {
    let world = &stage.world;
    let [small, gone, rest] =
        [300, TOTAL, 100].map(|held| stage.checkout(NewPayment::of("cart", held)));
    stage.by_hand(&gone, "cancel", "{}").await;
    stage.all_told().await;
    counts_what_is_held(world, order, "card-no", [&small, &gone, &rest]).await;
}

/// What an order says of each operation that was declined.
const DECLINED: [(&str, &str); 4] = [
    ("capture", "CAPTURE_DECLINED"),
    ("cancel", "VOID_DECLINED"),
    ("update", "AMOUNT_UPDATE_DECLINED"),
    ("refund", "REFUND_DECLINED"),
];

async fn every_documented_error_is_told_with_its_page(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let finals = [
        (422, "101", "REJECTED_BY_PROVIDER"),
        (422, "137", "REJECTED_BY_PROVIDER"),
        (400, "702", "REJECTED_BY_PROVIDER"),
        (422, "167", "NOT_FOUND_AT_PROVIDER"),
        (404, "000", "NOT_FOUND_AT_PROVIDER"),
        (418, "29_418", "UNKNOWN_PROVIDER_ERROR"),
    ];
    for (operation, problem) in DECLINED {
        for (status, code, page) in finals {
            let told = format!("{operation} {code}");
            let sale = stage.buy_for(operation).await;
            let before = status_id(&world.get(&sale.name).await).to_owned();
            let effect = Effect::answer(status, code, "In Adyen's words");
            fake.trouble(Trouble::of(operation, effect).about(&sale.psp));
            stage.begin(operation, &sale.name).await;
            let order = world.settled(&sale.name).await;
            assert_eq!((status_id(&order), problems(&order)), (&*before, vec![problem]), "{told}");
            let (found, words) = reason(&order);
            assert_eq!(found, page, "{told}");
            assert!(words.contains(code) && words.contains("In Adyen's words"), "{words}");
            assert!(words.contains("pspReference"), "{words}");
            assert_eq!(stage.done(operation, &sale.psp), [0; 0]);
        }
    }
    stage.check().await;
}

/// What passes is tried on under the same key.
async fn every_error_that_passes_is_tried_on(backend: Backend) {
    let stage = Stage::set(backend).await;
    let mut passing = Vec::new();
    for (operation, _) in DECLINED {
        let answer = |status, code| Effect::answer(status, code, "Later");
        for (effect, times) in [
            (answer(408, ""), 1),
            (answer(429, ""), 2),
            (answer(500, "905"), 1),
            (answer(502, ""), 1),
            (answer(503, ""), 2),
            (answer(504, ""), 1),
            // An error like one for good, of which Adyen says that it passes.
            (answer(422, "10_422"), 2),
            // Another call under the key is at work, says Adyen; and one really is when it is made again.
            (answer(422, "704"), 2),
            (answer(409, "704"), 1),
            (Effect::Late { millis: 8_000 }, 1),
        ] {
            let sale = stage.buy_for(operation).await;
            let told = format!("{operation}: {effect:?}");
            stage.fake.trouble(Trouble::of(operation, effect).about(&sale.psp).times(times));
            stage.begin(operation, &sale.name).await;
            passing.push((operation, sale, told));
        }
    }
    for (operation, sale, told) in &passing {
        stage.check_done(operation, sale, told).await;
    }
    stage.check().await;
}

/// Credentials that are refused at whatever is asked: the order says so, and it is done once somebody
/// has put them right.
async fn every_operation_waits_for_credentials(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    for (status, code) in [(401, "000"), (403, "010"), (403, "901")] {
        let mut begun = Vec::new();
        for (operation, _) in DECLINED {
            let sale = stage.buy_for(operation).await;
            let effect = Effect::answer(status, code, "Who are you?");
            fake.trouble(Trouble::of(operation, effect).about(&sale.psp));
            stage.begin(operation, &sale.name).await;
            begun.push((operation, sale, format!("{operation} {code}")));
        }
        for (operation, sale, told) in &begun {
            let order = eventually(told, async || {
                let order = world.get(&sale.name).await;
                (!order.problems.is_empty()).then_some(order)
            })
            .await;
            assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"], "{told}");
            let words = &order.problems[0].details["provider_reason"];
            assert!(words.contains(code) && words.contains("Who are you?"), "{told}: {words}");
            assert_eq!(stage.done(operation, &sale.psp), [0; 0], "{told}");
        }
        world.disable("card-no", true).await;
        world.disable("card-no", false).await;
        for (operation, sale, told) in &begun {
            stage.check_done(operation, sale, told).await;
        }
    }
    stage.check().await;
}

/// Adyen receives it and tells later that it failed, in words alone.
async fn what_was_received_may_still_fail(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let fail = |operation: &str, psp: &str, words: &str| {
        let (operation, about) = (operation.to_owned(), psp.to_owned());
        let verdict = Verdict { operation, about, reason: words.to_owned() };
        fake.with(|adyen, _| adyen.judge(verdict));
    };
    for (words, problem, page) in [
        ("Capture expired", "RESERVATION_EXPIRED", "RESERVATION_EXPIRED"),
        ("Transaction has been cancelled", "RESERVATION_GONE", "RESERVATION_GONE"),
        ("Insufficient balance on payment", "CAPTURE_DECLINED", "NOT_ALLOWED_AT_PROVIDER"),
        ("Acquirer fault 77", "CAPTURE_DECLINED", "UNKNOWN_PROVIDER_ERROR"),
    ] {
        let sale = stage.buy(TOTAL).await;
        fail("capture", &sale.psp, words);
        world.complete(&sale.name).await.unwrap();
        let order = world.settled(&sale.name).await;
        assert_eq!((status_id(&order), problems(&order)), ("not-processed", vec![problem]));
        assert_eq!(reason(&order), (page, words));
    }
    let sale = stage.buy(TOTAL).await;
    fail("cancel", &sale.psp, "Transaction has been captured");
    world.cancel(&sale.name, false).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order)), ("not-processed", vec!["VOID_DECLINED"]));

    let sale = stage.buy(TOTAL).await;
    fail("update", &sale.psp, "Not supported by the issuer");
    world.client.edit(&sale.name).unit_price(1, 700).wait(WAIT).send().await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!(problems(&order), ["AMOUNT_UPDATE_DECLINED"]);
    // The new total is captured anyway, and the rest ends with that.
    world.complete(&sale.name).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(stage.done("capture", &sale.psp), [700]);

    fail("refund", &sale.psp, "Not enough balance");
    let credit = world.client.credit(&sale.name).units(1, 1).refund(true).wait(WAIT);
    credit.send().await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!(problems(&order), ["REFUND_DECLINED"]);
    stage.check().await;
}

async fn copies_and_disorder_change_nothing(backend: Backend) {
    use proto::OperationKind::{Authorize, Capture, CaptureReversal};
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let sales = [stage.buy(TOTAL).await, stage.buy(TOTAL).await, stage.buy(TOTAL).await];
    fake.travel(Travel { is_held: true, ..travel() });
    for sale in &sales {
        stage.begin("capture", &sale.name).await;
        eventually("it is captured", async || {
            (!stage.done("capture", &sale.psp).is_empty()).then_some(())
        })
        .await;
        // It fails before anybody has told that it had succeeded.
        let id = fake.book().done_to("capture", &sale.psp).next().unwrap().id.clone();
        let body = format!(r#"{{"psp_reference": "{id}"}}"#);
        stage.by_hand(&sale.psp, "capture-failed", body).await;
    }
    fake.travel(Travel { copies: 3, is_reversed: true, ..travel() });
    stage.all_told().await;
    for sale in &sales {
        let order = eventually("the reversal is written down", async || {
            let order = world.settled(&sale.name).await;
            (!problems(&order).is_empty()).then_some(order)
        })
        .await;
        assert_eq!((status_id(&order), problems(&order)), ("sent", vec!["CAPTURE_REVERSED"]));
        let kinds: Vec<_> =
            order.payments[0].operations.iter().map(proto::Operation::kind).collect();
        assert_eq!(kinds, [Authorize, Capture, CaptureReversal]);
    }
    let kept = world.server.store.texts("SELECT COUNT(*) || '' AS a FROM webhooks").await;
    assert_eq!(kept, ["9"], "an authorization, a capture and its failure each, once");
    stage.check().await;
}

async fn refused_credentials_hold_everything_until_they_are_right(backend: Backend) {
    use order_tests::fakes::adyen::{API_KEY, HMAC_KEY};
    let stage = Stage::set(backend).await;
    let Stage { world, .. } = &stage;
    let sale = stage.buy(TOTAL).await;
    let set = async |api_key: &str| {
        let integration = adyen(|adyen| api_key.clone_into(&mut adyen.api_key));
        world.reintegrate("card-no", &["adyen.api_key"], integration).await.unwrap();
    };
    set("trukket-tilbake").await;
    assert_eq!(world.connection("card-no").await.state(), ConnectionState::CredentialsRefused);
    world.change(&sale.name, "sent").send().await.unwrap();
    let order = eventually("the order says why it waits", async || {
        let order = world.get(&sale.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"]);
    set(API_KEY).await;
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    assert_eq!(stage.done("capture", &sale.psp), [TOTAL]);
    stage.check().await;
    are_nowhere(world, &[API_KEY, HMAC_KEY, stage::LOGIN.1]).await;
}

async fn wrong_fields_are_told_at_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, .. } = &stage;
    let wrong = adyen(|adyen| {
        adyen.endpoint = 77;
        adyen.live_url_prefix = "a/b".to_owned();
        adyen.merchant_account.clear();
        adyen.api_key.clear();
        adyen.hmac_key = "no hexadecimal".to_owned();
        adyen.webhook_username = "a:b".to_owned();
        adyen.webhook_password = "x".repeat(201);
        adyen.stand_in_url = "http://example.com".to_owned();
    });
    let fields = wrong_fields(world.integrate("wrong", wrong).await);
    let named = [
        "endpoint",
        "live_url_prefix",
        "merchant_account",
        "webhook_username",
        "stand_in_url",
        "api_key",
        "hmac_key",
        "webhook_password",
    ];
    assert_eq!(fields, named.map(|field| format!("integration.adyen.{field}")));
    // The live endpoint is at an address of the company's own, and no other is.
    for (endpoint, prefix) in [(AdyenEndpoint::Live, ""), (AdyenEndpoint::Test, "1797-FjordShop")] {
        let integration = adyen(|adyen| {
            adyen.set_endpoint(endpoint);
            prefix.clone_into(&mut adyen.live_url_prefix);
        });
        let fields = wrong_fields(world.integrate("wrong", integration).await);
        assert_eq!(fields, ["integration.adyen.live_url_prefix"]);
    }
    let live = adyen(|adyen| {
        adyen.set_endpoint(AdyenEndpoint::Live);
        adyen.live_url_prefix = "1797-FjordShop".to_owned();
        adyen.webhook_username.clear();
        adyen.webhook_password.clear();
    });
    let told = world.integrate("live", live).await.unwrap();
    let Some(proto::integration::System::Adyen(told)) = told.system else { panic!("{told:?}") };
    assert_eq!((told.api_key, told.hmac_key), (String::new(), String::new()));
    // Payments keep it the account it is.
    stage.buy(TOTAL).await;
    let other = adyen(|adyen| adyen.merchant_account = "Another".to_owned());
    let moved = world.reintegrate("card-no", &["adyen.merchant_account"], other).await;
    refused(moved, Code::IntegrationInUse);
}

/// What would only show when every webhook fails is told when it is entered.
async fn what_proves_webhooks_is_set_whole(backend: Backend) {
    use order_tests::fakes::adyen::HMAC_KEY;

    let stage = Stage::set(backend).await;
    let Stage { world, .. } = &stage;
    let field = |name: &str| format!("integration.adyen.{name}");
    for (integration, wrong) in [
        (adyen(|adyen| adyen.hmac_key = "4478".to_owned()), "hmac_key"),
        (adyen(|adyen| adyen.hmac_key = format!("{HMAC_KEY}4")), "hmac_key"),
        (adyen(|adyen| adyen.hmac_key.insert(0, '\u{feff}')), "hmac_key"),
        (adyen(|adyen| adyen.api_key.insert(0, '\u{feff}')), "api_key"),
        (adyen(|adyen| adyen.api_key.push('\u{a0}')), "api_key"),
        (adyen(|adyen| adyen.webhook_password.clear()), "webhook_password"),
        (adyen(|adyen| adyen.webhook_username.clear()), "webhook_username"),
    ] {
        let fields = wrong_fields(world.integrate("wrong", integration).await);
        assert!(fields.contains(&field(wrong)), "{wrong}: {fields:?}");
        assert!(fields.iter().all(|one| *one == field(wrong)), "{wrong}: {fields:?}");
    }

    let login = ["adyen.webhook_username", "adyen.webhook_password"];
    let without = || {
        adyen(|adyen| {
            adyen.webhook_username.clear();
            adyen.webhook_password.clear();
        })
    };
    world.reintegrate("card-no", &login, without()).await.unwrap();
    for (path, missing) in [(login[0], "webhook_password"), (login[1], "webhook_username")] {
        let half = world.reintegrate("card-no", &[path], adyen(|_| {})).await;
        assert_eq!(wrong_fields(half), [field(missing)]);
    }
    world.reintegrate("card-no", &login, adyen(|_| {})).await.unwrap();
    // A login that is given up may leave its password behind.
    world.reintegrate("card-no", &login[..1], without()).await.unwrap();
}
