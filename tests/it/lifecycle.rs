//! A server's life: PostgreSQL named in each way, wrong settings told with their place, an orderly
//! stop, a log without people.

use std::path::Path;
use std::time::Duration;

use order_sdk::proto;
use order_sdk::proto::watch_orders_response::Message;
use tokio::time::Instant;

use crate::harness::folder::Folder;
use crate::harness::process::Process;
use crate::harness::server::free_port;
use crate::harness::{
    Backend, PATIENCE, World, binaries, eventually, health, mask, number_of, raw, request_id,
};
use crate::postgres;

trials! {
    own: [
        a_stop_tells_listeners_and_probers_and_answers_what_is_under_way,
        a_stop_is_bounded_though_a_provider_hangs,
        the_log_is_json_and_knows_nobody,
    ];
    once: [
        postgres_is_named_by_flag_environment_or_file,
        a_wrong_setting_is_told_with_its_place,
    ];
}

/// A server that was given these flags and variables, in a folder of its own.
struct Started {
    process: Process,
    folder: Folder,
}

impl Started {
    /// `env(1)` brings the variables, as the harness keeps those of the tests away.
    fn new(folder: Folder, variables: &[String], flags: &[String]) -> Self {
        let server = binaries::server().display().to_string();
        let arguments = [variables, &[server], flags].concat();
        let log = folder.file("log");
        let process = Process::start(Path::new("/usr/bin/env"), &arguments, &log);
        Self { process, folder }
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.file(name)).unwrap_or_default()
    }
}

async fn postgres_is_named_by_flag_environment_or_file() {
    for way in ["flag", "environment", "file"] {
        let (folder, port) = (Folder::new(), free_port());
        let database = postgres::fresh_database().await;
        let url = &database.url;
        let (mut variables, mut flags) = (Vec::new(), Vec::new());
        flags.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
        flags.extend(["--data-dir".to_owned(), folder.file("data").display().to_string()]);
        match way {
            "flag" => flags.extend(["--database-url".to_owned(), url.clone()]),
            "environment" => variables.push(format!("ORDER_DATABASE_URL={url}")),
            _ => {
                let file = folder.file("orders.toml");
                std::fs::write(&file, format!("database-url = {url:?}\n")).unwrap();
                flags.extend(["--config".to_owned(), file.display().to_string()]);
            }
        }
        let started = Started::new(folder, &variables, &flags);
        let banner = eventually(&format!("it serves, named by {way}"), async || {
            let ended = started.process.exit_code();
            assert!(ended.is_none(), "{way}: {ended:?}: {}", started.said("log"));
            let banner = started.said("log.out");
            banner.contains("watch").then_some(banner)
        })
        .await;
        assert!(banner.contains("PostgreSQL") && !banner.contains(url.as_str()), "{banner}");
        assert_eq!(health::status(port, "").await, Some(health::SERVING));
        assert!(!started.folder.file("data/orders.db").exists(), "no file is made beside it");
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let shops = client.query("SELECT slug FROM shops", &[]).await.unwrap();
        assert_eq!(shops.len(), 1, "{way}");
        started.process.signal("TERM");
        assert_eq!(started.process.ended(PATIENCE).await, 0, "{}", started.said("log"));
    }
}

async fn a_wrong_setting_is_told_with_its_place() {
    let cases: [(&str, &str, &[&str], &[&str]); 9] = [
        ("", "colour = \"red\"", &[], &["colour", "orders.toml"]),
        ("", "listen = \"0.0.0.0:1\"", &[], &["loopback", "listen", "orders.toml"]),
        ("", "listen = true", &[], &["listen", "orders.toml"]),
        ("", "listen = ", &[], &["TOML", "orders.toml"]),
        ("", "database-url = \"mysql://u:hunter2@h/d\"", &[], &["postgres://", "orders.toml"]),
        ("ORDER_DRAIN_TIMEOUT=soon", "", &[], &["soon", "ORDER_DRAIN_TIMEOUT"]),
        ("ORDER_DATABASE_URL=u:hunter2@h", "", &[], &["postgres://", "ORDER_DATABASE_URL"]),
        ("", "", &["--turn-workers", "0"], &["--turn-workers", "1", "256"]),
        ("", "", &["--colour", "red"], &["--colour"]),
    ];
    for (variable, file, flags, parts) in cases {
        let folder = Folder::new();
        let path = folder.file("orders.toml");
        std::fs::write(&path, file).unwrap();
        let variables: Vec<String> =
            [variable].iter().filter(|one| !one.is_empty()).map(|one| (*one).to_owned()).collect();
        let mut all = vec!["--data-dir".to_owned(), folder.file("data").display().to_string()];
        all.extend(["--config".to_owned(), path.display().to_string()]);
        all.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let started = Started::new(folder, &variables, &all);
        let code = started.process.ended(PATIENCE).await;
        let said = started.said("log");
        assert_eq!((code, said.lines().count()), (2, 1), "{parts:?}: {said}");
        assert!(said.starts_with("order-server: "), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in {said:?}");
        }
        assert!(!said.contains("hunter2") && !said.contains("panicked"), "{said}");
        assert_eq!(started.said("log.out"), "", "nothing is greeted");
        assert!(!started.folder.file("data").exists(), "nothing is made");
    }
}

async fn a_stop_tells_listeners_and_probers_and_answers_what_is_under_way(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let bought = world.buy(900, "capture=slow:2s").await;
    let port = world.server.port;
    let connect = async || health::connect(port).connect().await.unwrap();
    let request = proto::WatchOrdersRequest {
        parent: (&world.shop).into(),
        ..proto::WatchOrdersRequest::default()
    };
    let path = "/orders.v1.OrderService/WatchOrders";
    let mut stream =
        raw::streaming::<_, proto::WatchOrdersResponse>(connect().await, path, request)
            .await
            .unwrap();
    let created = stream.message().await.unwrap().unwrap();
    assert!(matches!(created.message, Some(Message::Created(_))), "{created:?}");
    let request = health::HealthCheckRequest { service: String::new() };
    let path = "/grpc.health.v1.Health/Watch";
    let mut probe =
        raw::streaming::<_, health::HealthCheckResponse>(connect().await, path, request)
            .await
            .unwrap();
    assert_eq!(probe.message().await.unwrap().unwrap().status, health::SERVING);

    let waiting = world.change(&bought.name, "sent").wait(Duration::from_secs(20)).send();
    let client = tokio::spawn(waiting);
    eventually("the capture is under way", async || {
        (world.book().calls(&bought.reference, "capture") > 0).then_some(())
    })
    .await;
    let stopped = Instant::now();
    world.server.signal("TERM");
    let reason = loop {
        match stream.message().await.unwrap().expect("a stream ends with `reconnect`").message {
            Some(Message::Reconnect(reconnect)) => break reconnect.reason(),
            _other => {}
        }
    };
    assert_eq!(reason, proto::ReconnectReason::Drain);
    let told = stream.message().await.expect("what was told to go is no error");
    assert!(told.is_none(), "after `reconnect` nothing comes: {told:?}");
    let mut last = health::SERVING;
    while let Ok(Some(answer)) = probe.message().await {
        last = answer.status;
    }
    assert_eq!(last, health::NOT_SERVING);
    assert_eq!(world.server.gone().await, 0);
    assert!(stopped.elapsed() < PATIENCE / 2, "{:?}", stopped.elapsed());
    let answer = client.await.unwrap().expect("a call that was taken is answered");
    assert_eq!(answer.order.unwrap().name, bought.order.name);

    world.server.start().await;
    let order = world.settled(&bought.name).await;
    assert!(order.complete_time.is_some(), "{order:?}");
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
}

async fn a_stop_is_bounded_though_a_provider_hangs(backend: Backend) {
    let world = World::own(backend, &["--drain-timeout", "2s"]).await;
    let bought = world.buy(900, "capture=slow:3m").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    eventually("the capture is under way", async || {
        (world.book().calls(&bought.reference, "capture") > 0).then_some(())
    })
    .await;
    let _idle = health::connect(world.server.port).connect().await.unwrap();
    let stopped = Instant::now();
    assert_eq!(world.server.stop().await, 0, "{}", world.server.log());
    assert!(stopped.elapsed() < PATIENCE / 3, "{:?}", stopped.elapsed());
}

/// Words of nobody real that must never be logged.
const CANARIES: [&str; 6] =
    ["Kanarifugl", "kanarimail", "Kanariveien", "Kanarinotat", "99887766", "kanarimetadata"];

/// Fills in somebody who does not exist.
fn canary(order: &mut proto::NewOrder) {
    let address = proto::Address {
        lines: vec!["Kanariveien 7".to_owned()],
        postal_code: "0150".to_owned(),
        city: "Oslo".to_owned(),
        region_code: "NO".to_owned(),
        ..proto::Address::default()
    };
    order.billing_address = Some(address.clone());
    order.shipping_address = Some(address);
    order.metadata.insert("hilsen".to_owned(), "kanarimetadata".to_owned());
    order.customer = Some(proto::Customer {
        full_name: "Kari Kanarifugl".to_owned(),
        email: "kanarimail@example.com".to_owned(),
        phone: "+47 99887766".to_owned(),
        ..proto::Customer::default()
    });
}

async fn the_log_is_json_and_knows_nobody(backend: Backend) {
    let world = World::own(backend, &["--log-filter", "info,order_server=trace"]).await;
    let draft = |total: i64, orders: &str| {
        let draft = world.draft(total).payment("klarna", world.reference(orders), total);
        draft.with(canary).wait(PATIENCE / 3)
    };
    for orders in ["", "capture=decline", "capture=timeout-after", "authorize=decline"] {
        let order = world.place(draft(900, orders)).await;
        let name = world.shop.order(number_of(&order)).unwrap();
        // Whether it can be sent is not what is looked at here.
        drop(
            world
                .change(&name, "sent")
                .note(proto::NoteAudience::Internal, "Kanarinotat")
                .send()
                .await,
        );
        let update = proto::UpdateOrderRequest {
            order: Some(proto::Order {
                customer: Some(proto::Customer {
                    email: "kanarimail@example.org".to_owned(),
                    ..order.customer.clone().unwrap()
                }),
                ..order
            }),
            update_mask: Some(mask(&["customer.email"])),
            request_id: request_id(),
            ..proto::UpdateOrderRequest::default()
        };
        drop(world.client.update_order(update).await);
    }
    let wrong = draft(-1, "").with(|order| {
        let customer = order.customer.get_or_insert_default();
        customer.full_name = "Kari\nKanarifugl".to_owned();
        customer.email = "kanarimail\r\n@example.com".to_owned();
    });
    wrong.send().await.unwrap_err();
    assert_eq!(world.server.stop().await, 0);

    let log = world.server.log();
    assert!(log.lines().count() > 5, "there is nothing to judge: {log}");
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in ["timestamp", "level", "message", "target"] {
            assert!(record[field].is_string(), "no {field}: {line}");
        }
        for canary in CANARIES {
            assert!(!line.contains(canary), "{canary} is told: {line}");
        }
    }
}
