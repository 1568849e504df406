//! Starting on a PostgreSQL that speaks TLS, and on one that could lose orders.

use super::{Bare, text};
use crate::harness::folder::Folder;
use crate::harness::server::free_port;
use crate::harness::{PATIENCE, eventually, health};
use crate::postgres;

trials! {
    once: [
        it_speaks_tls_where_the_address_asks_for_it,
        one_that_could_lose_orders_is_refused,
    ];
}

/// Connections of others, and how many of them by TLS.
const CONNECTIONS: &str = "SELECT count(*) || ' ' || count(*) FILTER (WHERE ssl) \
    FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// Starts on the database, and ends once it serves and has listened; answers its connections.
async fn serves(postgres: &postgres::Server, url: &str) -> String {
    let port = free_port();
    let folder = Folder::new();
    let (listen, data) = (format!("127.0.0.1:{port}"), text(&folder.file("data")));
    let process =
        Bare::run(&folder, &["--listen", &listen, "--data-dir", &data, "--database-url", url]);
    eventually("it serves", async || {
        (health::status(port, "").await == Some(health::SERVING)).then_some(())
    })
    .await;
    let connections = eventually("it listens too", async || {
        let connections = postgres.text(CONNECTIONS).await;
        let (all, _) = connections.split_once(' ').unwrap();
        (all.parse::<u32>().unwrap() >= 2).then_some(connections)
    })
    .await;
    let printed = eventually("it says where its data are", async || {
        let printed = std::fs::read_to_string(folder.file("log.out")).unwrap_or_default();
        printed.contains("watch").then_some(printed)
    })
    .await;
    let (_, place) = url.rsplit_once('@').unwrap();
    let (host, _) = place.split_once('/').unwrap();
    assert!(printed.contains(&format!("PostgreSQL at {host}, database postgres")), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains('@'), "{printed}");
    process.signal("TERM");
    assert_eq!(process.ended(PATIENCE).await, 0);
    connections
}

async fn refuses(url: &str, parts: &[&str]) {
    let listen = format!("127.0.0.1:{}", free_port());
    let line = Bare::start(&["--listen", &listen, "--database-url", url]).complaint(1).await;
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in {line:?}");
    }
    assert!(!line.contains("hunter2"), "no password is told: {line}");
}

async fn it_speaks_tls_where_the_address_asks_for_it() {
    let folder = Folder::new();
    let localhost = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (own, other) = (localhost(), localhost());
    for (name, pair) in [("own", &own), ("other", &other)] {
        std::fs::write(folder.file(name), pair.cert.pem()).unwrap();
    }
    let postgres = postgres::own_server((&own.cert.pem(), &own.signing_key.serialize_pem())).await;
    let (_, port) = postgres.url.trim_end_matches("/postgres").rsplit_once(':').unwrap();
    let url = |host: &str, more: &str| {
        format!("postgres://postgres:hunter2@{host}:{port}/postgres?{more}")
    };
    let trusting = |name: &str| format!("sslmode=require&sslrootcert={}", text(&folder.file(name)));

    let connections = serves(&postgres, &url("localhost", &trusting("own"))).await;
    let (all, by_tls) = connections.split_once(' ').unwrap();
    assert_eq!(all, by_tls, "every connection is by TLS");
    let connections = serves(&postgres, &url("localhost", "")).await;
    assert!(connections.ends_with(" 0"), "on this machine nobody is on the way: {connections}");

    let place = format!("localhost:{port}");
    refuses(&url("localhost", &trusting("other")), &[&place, "invalid peer certificate"]).await;
    refuses(&url("localhost", "sslmode=verify-full"), &[&place, "invalid peer certificate"]).await;
    refuses(&url("127.0.0.1", &trusting("own")), &["127.0.0.1", "not valid for name"]).await;
    refuses(&url("localhost", &trusting("missing")), &["sslrootcert", "missing"]).await;

    postgres.set("ssl", "off").await;
    refuses(&url("localhost", &trusting("own")), &[&place, "does not support TLS"]).await;
    let connections = serves(&postgres, &url("localhost", "sslmode=prefer")).await;
    assert!(connections.ends_with(" 0"), "there is none to prefer: {connections}");
}

async fn one_that_could_lose_orders_is_refused() {
    let postgres = postgres::own_server(postgres::IN_THE_CLEAR).await;
    for setting in ["fsync", "full_page_writes"] {
        postgres.set(setting, "off").await;
        refuses(&postgres.url, &[&format!("{setting} = off"), "turn it on"]).await;
        postgres.set(setting, "on").await;
    }
    serves(&postgres, &postgres.url).await;
}
