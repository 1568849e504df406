//! The listener for webhooks: what it takes and what it turns away, whoever knocks.

pub(crate) mod vipps;

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{AdyenEndpoint, KlarnaEndpoint, OperationState};
use order_tests::fakes::klarna::{FraudStatus, NewOrder, PASSWORD, USER};
use order_tests::fakes::{Fake, Klarna, Reply, send};
use sha2::Sha256;

use crate::adyen::integration as adyen;
use crate::harness::server::free_port;
use crate::harness::{Backend, World, eventually, health, problems, refused};
use crate::integrations::{klarna, world_with_key};

trials! {
    own: [
        forged_and_foreign_webhooks_are_refused_and_store_nothing,
        what_is_no_webhook_is_turned_away,
        without_the_listener_there_is_no_adyen,
        a_hint_of_klarna_has_the_order_read,
        what_cannot_be_stored_is_not_accepted,
    ];
}

const KEYS: [&str; 2] = [
    "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
];
const ACCOUNT: &str = "FjordShopECOM";

/// A server that takes webhooks.
struct Stage {
    world: World,
    url: String,
}

impl Stage {
    async fn set(backend: Backend) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let flags = ["--stand-ins", "true", "--webhook-listen", &address];
        let world = world_with_key(backend, &flags).await;
        Self { world, url: format!("http://{address}/webhooks") }
    }

    /// A shop with the integration `card-no`, whose webhooks this key proves.
    async fn shop(&self, hmac_key: &str) -> World {
        let world = World::new(self.world.server.clone()).await;
        let integration = adyen(|adyen| {
            adyen.set_endpoint(AdyenEndpoint::StandIn);
            adyen.stand_in_url = "http://127.0.0.1:1".to_owned();
            hmac_key.clone_into(&mut adyen.hmac_key);
            adyen.webhook_username.clear();
            adyen.webhook_password.clear();
        });
        world.integrate("card-no", integration).await.unwrap();
        world
    }

    async fn post(&self, world: &World, body: &str) -> Reply {
        let url = format!("{}/{}/card-no", self.url, world.shop.id());
        send("POST", &url, &[], body.to_owned()).await.unwrap()
    }

    async fn stored(&self) -> Vec<String> {
        let store = &self.world.server.store;
        store.texts("SELECT payment_reference AS a FROM webhooks ORDER BY 1").await
    }
}

/// An authorization, signed with a key.
fn authorization(psp: &str, account: &str, key: &str) -> String {
    let signed = format!("{psp}::{account}:cart-1:900:NOK:AUTHORISATION:true");
    let key: Vec<u8> = key
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    serde_json::json!({ "live": "false", "notificationItems": [{ "NotificationRequestItem": {
        "additionalData": { "hmacSignature": signature },
        "amount": { "value": 900, "currency": "NOK" },
        "eventCode": "AUTHORISATION", "eventDate": "2026-11-28T12:00:00+01:00",
        "merchantAccountCode": account, "merchantReference": "cart-1",
        "paymentMethod": "visa", "pspReference": psp, "reason": "", "success": "true",
    } }] })
    .to_string()
}

async fn forged_and_foreign_webhooks_are_refused_and_store_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let [one, other] = [stage.shop(KEYS[0]).await, stage.shop(KEYS[1]).await];
    let right = authorization("AAAAAAAAAAAAAAA1", ACCOUNT, KEYS[0]);
    let forged = [
        (&one, authorization("AAAAAAAAAAAAAAA1", ACCOUNT, KEYS[1]), 401),
        (&one, right.replace("900", "901"), 401),
        (&one, right.replace("AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2"), 401),
        (&one, right.replace("\"true\"", "\"false\""), 401),
        (&one, right.replace("hmacSignature", "signature"), 401),
        (&one, right.replace("notificationItems", "items"), 400),
        (&one, "{".to_owned(), 400),
        (&one, String::new(), 400),
        // Signed by another shop's key, which is right for that shop alone.
        (&other, right.clone(), 401),
    ];
    for (world, body, status) in forged {
        let reply = stage.post(world, &body).await;
        assert_eq!((reply.status, reply.body.len()), (status, 0), "{body}");
    }
    // Rightly signed for another merchant account: answered, or it would come for ever; not kept.
    let elsewhere = authorization("AAAAAAAAAAAAAAA3", "SomebodyElse", KEYS[0]);
    assert_eq!(stage.post(&one, &elsewhere).await.status, 200);
    assert_eq!(stage.stored().await, [""; 0]);

    for _ in 0..2 {
        let reply = stage.post(&one, &right).await;
        assert_eq!((reply.status, &reply.body[..]), (200, &b"[accepted]"[..]));
    }
    assert_eq!(stage.stored().await, ["AAAAAAAAAAAAAAA1"]);
    let log = stage.world.server.log();
    let told = log.lines().find(|line| line.contains("webhooks were refused")).unwrap_or_default();
    assert!(told.contains(one.shop.id()) && told.contains("card-no"), "{log}");
    assert!(!log.contains("AAAAAAAAAAAAAAA"), "nothing of a webhook is in the log");
}

async fn what_is_no_webhook_is_turned_away(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = stage.shop(KEYS[0]).await;
    let shop = world.shop.id();
    let body = authorization("AAAAAAAAAAAAAAA1", ACCOUNT, KEYS[0]);
    let long = "x".repeat(300 * 1024);
    for (method, path, body, status) in [
        ("GET", format!("/{shop}/card-no"), "", 405),
        ("PUT", format!("/{shop}/card-no"), body.as_str(), 405),
        ("POST", String::new(), body.as_str(), 404),
        ("POST", format!("/{shop}"), body.as_str(), 404),
        ("POST", format!("/{shop}/card-no/more"), body.as_str(), 404),
        ("POST", format!("/{shop}/..%2F"), body.as_str(), 404),
        ("POST", format!("/{shop}/nobody"), body.as_str(), 404),
        ("POST", "/nowhere/card-no".to_owned(), body.as_str(), 404),
        // The sandbox tells nothing.
        ("POST", format!("/{shop}/klarna"), body.as_str(), 404),
        ("POST", format!("/{shop}/card-no"), long.as_str(), 413),
    ] {
        let reply = send(method, &format!("{}{path}", stage.url), &[], body.to_owned()).await;
        let reply = reply.unwrap();
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.header("allow"), if status == 405 { "POST" } else { "" });
    }
    assert_eq!(stage.stored().await, [""; 0]);

    // Who begins and does not go on keeps nobody else from anything.
    let address = stage.url.strip_prefix("http://").unwrap().split_once('/').unwrap().0;
    let mut silent = Vec::new();
    for beginning in ["", "POST /web", "POST /webhooks/a/b HTTP/1.1\r\ncontent-length: 9\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        silent.push(stream);
    }
    let mut unread = TcpStream::connect(address).unwrap();
    unread.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    unread.read_to_end(&mut answer).unwrap();
    assert_eq!(stage.post(&world, &body).await.status, 200);
    assert_eq!(health::status(stage.world.server.port, "").await, Some(health::SERVING));
    drop(silent);
    assert_eq!(stage.world.server.stop().await, 0, "and nobody from stopping it");
}

async fn without_the_listener_there_is_no_adyen(backend: Backend) {
    let world = world_with_key(backend, &["--stand-ins", "true"]).await;
    refused(world.integrate("card-no", adyen(|_| {})).await, Code::WebhooksOff);

    // It was made while there was one: nothing more is sent, and it is said why.
    let stage = Stage::set(backend).await;
    let world = stage.shop(KEYS[0]).await;
    let body = authorization("AAAAAAAAAAAAAAA1", ACCOUNT, KEYS[0]);
    assert_eq!(stage.post(&world, &body).await.status, 200);
    world.server.stop().await;
    let key = world.server.store.folder.file("credentials.key").display().to_string();
    let flags = ["--credentials-key-file", key.as_str(), "--stand-ins", "true"];
    let store = std::sync::Arc::clone(&world.server.store);
    let world = world.through(&crate::harness::Server::on(backend, store, &flags).await);
    let draft = world.draft(900).payment("card-no", "AAAAAAAAAAAAAAA1", 900);
    let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    eventually("the order says so", async || {
        (problems(&world.get(&name).await) == ["INTEGRATION_UNUSABLE"]).then_some(())
    })
    .await;
    world.disable("card-no", true).await;
    let enabling = order_sdk::proto::UpdateIntegrationRequest {
        integration: Some(order_sdk::proto::Integration {
            name: world.shop.integration("card-no").unwrap().into(),
            ..order_sdk::proto::Integration::default()
        }),
        update_mask: Some(crate::harness::mask(&["disabled"])),
        ..order_sdk::proto::UpdateIntegrationRequest::default()
    };
    refused(world.client.update_integration(enabling).await, Code::WebhooksOff);
}

async fn a_hint_of_klarna_has_the_order_read(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    let fake = Fake::start(Klarna::default()).await.unwrap();
    let integration = klarna(|klarna| {
        klarna.set_endpoint(KlarnaEndpoint::StandIn);
        klarna.stand_in_url = fake.url();
        USER.clone_into(&mut klarna.username);
        PASSWORD.clone_into(&mut klarna.password);
    });
    world.integrate("kco", integration).await.unwrap();
    let examined = NewOrder { fraud_status: FraudStatus::Pending, ..NewOrder::of(900) };
    let id = fake.with(|klarna, desk| klarna.place(examined, desk));
    let draft = world.draft(900).payment("kco", &id, 900);
    let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    eventually("Klarna examines it", async || {
        let operation = world.get(&name).await.payments[0].operations[0].clone();
        (operation.state() == OperationState::Accepted).then_some(())
    })
    .await;
    let fraud = format!("{}/control/orders/{id}/fraud", fake.url());
    send("POST", &fraud, &[], r#"{"status": "ACCEPTED"}"#).await.unwrap();
    let push = |order: &str| {
        let url = format!("{}/{}/kco?order_id={order}", stage.url, world.shop.id());
        async move { send("POST", &url, &[], "").await.unwrap().status }
    };
    // Nobody proves who he is: what is about no payment of the shop is not kept.
    assert_eq!((push("somebody-elses").await, push(&id).await), (200, 200));
    assert_eq!(stage.stored().await, std::slice::from_ref(&id));
    let order = world.settled(&name).await;
    assert_eq!((order.payments[0].authorized_minor, problems(&order).len()), (900, 0));
    // Once more it is known already; another minute, another row.
    assert_eq!(push(&id).await, 200);
    assert!(stage.stored().await.iter().all(|kept| *kept == id));
    let (breaches, _) = world.breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
}

async fn what_cannot_be_stored_is_not_accepted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = stage.shop(KEYS[0]).await;
    let store = &stage.world.server.store;
    let first = authorization("AAAAAAAAAAAAAAA1", ACCOUNT, KEYS[0]);
    assert_eq!(stage.post(&world, &first).await.status, 200);
    let Some(database) = &store.database else {
        // An embedded database is never away.
        return;
    };
    let later = authorization("AAAAAAAAAAAAAAA2", ACCOUNT, KEYS[0]);
    database.allow_connections(false).await;
    let reply = stage.post(&world, &later).await;
    database.allow_connections(true).await;
    stage.world.server.serving().await;
    assert_eq!((reply.status, reply.body.len()), (503, 0));
    assert_eq!(stage.stored().await, ["AAAAAAAAAAAAAAA1"]);
    // It comes again, as Adyen does with what was not accepted; so does a copy of the first.
    for body in [&later, &first] {
        // Not every connection of the server's knows at once that the database is back.
        eventually("it is accepted", async || {
            let reply = stage.post(&world, body).await;
            (reply.status == 200).then(|| assert_eq!(&reply.body[..], b"[accepted]"))
        })
        .await;
    }
    assert_eq!(stage.stored().await, ["AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2"]);
}
