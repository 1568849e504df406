//! Letters of Vipps: proved, kept once, and only a reason to read the payment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::fmt::strtime;
use order_sdk::OrderName;
use order_sdk::proto::OperationState;
use order_tests::fakes::vipps::{
    CLIENT_ID, CLIENT_SECRET, Currency, MSN, NewPayment, SUBSCRIPTION_KEY,
};
use order_tests::fakes::{Fake, Travel, Vipps, send};
use sha2::{Digest, Sha256};

use super::Stage;
use crate::harness::{Backend, World, eventually, problems};
use crate::vipps::vipps;

trials! {
    own: [
        vipps_tells_and_the_payment_is_read,
        forged_and_foreign_letters_are_refused_and_store_nothing,
        copies_and_disorder_change_nothing,
    ];
}

/// A payment that its customer has not approved yet, and the order that waits for it.
async fn waiting(world: &World, fake: &Fake<Vipps>) -> (String, OrderName) {
    let reference = format!("acme-{}", uuid::Uuid::new_v4());
    let new = NewPayment {
        reference: reference.clone(),
        value: 900,
        currency: Currency::Nok,
        is_open: true,
        is_indivisible: false,
    };
    fake.with(|vipps, desk| vipps.place(&new, desk));
    let draft = world.draft(900).payment("mobilepay", &reference, 900);
    let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    eventually("it waits for the customer", async || {
        let operation = world.get(&name).await.payments[0].operations[0].clone();
        (operation.state() == OperationState::Accepted).then_some(())
    })
    .await;
    (reference, name)
}

async fn by_hand(fake: &Fake<Vipps>, reference: &str, deed: &str, body: &'static str) {
    let url = format!("{}/control/payments/{reference}/{deed}", fake.url());
    assert_eq!(send("POST", &url, &[], body).await.unwrap().status, 204);
}

/// A shop that takes letters of Vipps' at this address, which this secret proves.
async fn taking(stage: &Stage, fake: &Fake<Vipps>) -> (String, String) {
    let url = format!("{}/{}/mobilepay", stage.url, stage.world.shop.id());
    let secret = register(fake, &url).await;
    let integration = vipps(|vipps| {
        vipps.stand_in_url = fake.url();
        vipps.webhook_secret.clone_from(&secret);
    });
    stage.world.integrate("mobilepay", integration).await.unwrap();
    (url, secret)
}

/// What a letter says, of a sales unit.
fn letter(msn: &str, reference: &str) -> String {
    serde_json::json!({
        "msn": msn, "reference": reference, "pspReference": "9876543210", "name": "AUTHORIZED",
        "amount": { "currency": "NOK", "value": 900 }, "timestamp": Timestamp::now().to_string(),
        "idempotencyKey": null, "success": true,
    })
    .to_string()
}

/// The headers that prove a body to who knows the secret.
fn proof(url: &str, secret: &str, body: &str) -> [(&'static str, String); 3] {
    let date = strtime::format("%a, %d %b %Y %H:%M:%S GMT", Timestamp::now()).unwrap();
    let content = BASE64.encode(Sha256::digest(body));
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("POST\n/{path}\n{date};{host};{content}").as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    let authorization = format!(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    );
    [("x-ms-date", date), ("x-ms-content-sha256", content), ("authorization", authorization)]
}

async fn status(url: &str, proof: &[(&'static str, String)], body: &str) -> u16 {
    let headers: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send("POST", url, &headers, body.to_owned()).await.unwrap().status
}

/// Registers a webhook at the stand-in for all that it tells of; its secret.
async fn register(fake: &Fake<Vipps>, url: &str) -> String {
    let login = [
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY),
    ];
    let token = send("POST", &format!("{}/accesstoken/get", fake.url()), &login, "").await.unwrap();
    let bearer = format!("Bearer {}", token.json()["access_token"].as_str().unwrap());
    let headers = [
        ("authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", SUBSCRIPTION_KEY),
        ("Merchant-Serial-Number", MSN),
    ];
    let events = ["authorized", "captured", "cancelled", "refunded", "aborted", "expired"];
    let events = events.map(|event| format!("epayments.payment.{event}.v1"));
    let body = serde_json::json!({ "url": url, "events": events }).to_string();
    let at = format!("{}/webhooks/v1/webhooks", fake.url());
    let registered = send("POST", &at, &headers, body).await.unwrap().json();
    registered["secret"].as_str().unwrap().to_owned()
}

async fn vipps_tells_and_the_payment_is_read(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (world, fake) = (&stage.world, Fake::start(Vipps::default()).await.unwrap());
    let url = format!("{}/{}/mobilepay", stage.url, world.shop.id());
    let secret = register(&fake, &url).await;
    let without = vipps(|vipps| vipps.stand_in_url = fake.url());
    world.integrate("mobilepay", without).await.unwrap();
    assert_eq!(send("POST", &url, &[], "").await.unwrap().status, 404, "nobody could prove it");
    let with = vipps(|vipps| vipps.webhook_secret.clone_from(&secret));
    world.reintegrate("mobilepay", &["vipps.webhook_secret"], with).await.unwrap();
    assert_eq!(send("POST", &url, &[], "").await.unwrap().status, 401);

    let place = async || waiting(world, &fake).await;
    let by_hand = async |reference: &str, deed: &str, body| {
        by_hand(&fake, reference, deed, body).await;
    };
    // Approved: what waits for the customer is read, and what is read counts.
    let (reference, name) = place().await;
    by_hand(&reference, "approve", "").await;
    let order = world.settled(&name).await;
    assert_eq!((order.payments[0].authorized_minor, problems(&order).len()), (900, 0));
    assert_eq!(stage.stored().await, std::slice::from_ref(&reference));
    // Captured in the portal: nobody here has asked for it, and Vipps' account says all of it.
    by_hand(&reference, "capture", r#"{"value": 900}"#).await;
    eventually("it is read and adopted", async || {
        let order = world.get(&name).await;
        assert_eq!(problems(&order), [""; 0]);
        (order.payments[0].captured_minor == 900).then_some(())
    })
    .await;
    // Given back there: that, too.
    let (reference, name) = place().await;
    by_hand(&reference, "approve", "").await;
    world.settled(&name).await;
    by_hand(&reference, "cancel", "").await;
    eventually("it is read and told", async || {
        (problems(&world.get(&name).await) == ["RESERVATION_GONE"]).then_some(())
    })
    .await;

    // A letter that was signed too long ago, or ahead of its time, is not taken.
    fake.advance(std::time::Duration::from_mins(10));
    let (late, _) = place().await;
    by_hand(&late, "approve", "").await;
    eventually("it is refused", async || {
        fake.book().sent.iter().any(|sent| (&sent.about, sent.status) == (&late, 401)).then_some(())
    })
    .await;
    assert!(!stage.stored().await.contains(&late));
    let (breaches, _) = world.breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
}

async fn forged_and_foreign_letters_are_refused_and_store_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fake = Fake::start(Vipps::default()).await.unwrap();
    let (url, secret) = taking(&stage, &fake).await;
    let (reference, name) = waiting(&stage.world, &fake).await;
    let body = letter(MSN, &reference);
    let right = proof(&url, &secret, &body);
    let changed = |place: usize, value: &str| {
        let mut proof = right.clone();
        proof[place].1 = value.to_owned();
        proof
    };
    let other_shop = url.replace("/mobilepay", "/mobilepay-2");
    let forged = [
        (proof(&url, "somebody's", &body), body.clone()),
        (proof(&other_shop, &secret, &body), body.clone()),
        (proof(&url, &secret, "{}"), body.clone()),
        // Every byte of the body counts, also where the sum of the bytes is told rightly.
        (right.clone(), body.replace("900", "901")),
        (right.clone(), format!("{body} ")),
        (
            changed(1, &BASE64.encode(Sha256::digest(body.replace("900", "901")))),
            body.replace("900", "901"),
        ),
        (changed(0, "Thu, 30 Mar 2023 08:38:32 GMT"), body.clone()),
        (changed(2, "Bearer x"), body.clone()),
    ];
    for (number, (proof, body)) in forged.iter().enumerate() {
        assert_eq!(status(&url, proof, body).await, 401, "{number}");
    }
    // Rightly signed, and no event, or of another sales unit: that one is answered, or it would come
    // for ever.
    assert_eq!(status(&url, &proof(&url, &secret, "{}"), "{}").await, 400);
    let foreign = letter("654321", &reference);
    assert_eq!(status(&url, &proof(&url, &secret, &foreign), &foreign).await, 200);
    assert_eq!(stage.stored().await, [""; 0]);
    for _ in 0..2 {
        assert_eq!(status(&url, &right, &body).await, 200, "a copy is taken, and kept once");
    }
    assert_eq!(stage.stored().await, std::slice::from_ref(&reference));
    // It is not believed: Vipps knows of no approval.
    let operation = stage.world.get(&name).await.payments[0].operations[0].clone();
    assert_eq!(operation.state(), OperationState::Accepted);
}

async fn copies_and_disorder_change_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (world, fake) = (&stage.world, Fake::start(Vipps::default()).await.unwrap());
    taking(&stage, &fake).await;
    let (reference, name) = waiting(world, &fake).await;
    fake.travel(Travel { is_held: true, copies: 3, ..Travel::default() });
    for (deed, body) in
        [("approve", ""), ("capture", r#"{"value": 900}"#), ("refund", r#"{"value": 250}"#)]
    {
        by_hand(&fake, &reference, deed, body).await;
    }
    fake.travel(Travel { is_reversed: true, copies: 3, ..Travel::default() });
    eventually("all have arrived", async || (fake.untold() == 0).then_some(())).await;
    let order = eventually("it is as Vipps says", async || {
        let order = world.get(&name).await;
        (order.payments[0].refunded_minor == 250).then_some(order)
    })
    .await;
    let payment = &order.payments[0];
    assert_eq!((payment.authorized_minor, payment.captured_minor), (900, 900), "{order:?}");
    assert_eq!(problems(&order), ["REFUNDED_AT_PROVIDER"], "{order:?}");
    let sent = fake.book().sent.clone();
    assert!(sent.iter().all(|sent| sent.status == 200) && sent.len() >= 9, "{sent:?}");
    assert_eq!(stage.stored().await, [&*reference; 3], "each once");
    let (breaches, _) = world.breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
}
