//! Starting and stopping the server: what it says, what it refuses in one clear line, and its end.

pub(crate) mod on_postgres;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use order_sdk::ShopName;

use crate::harness::folder::Folder;
use crate::harness::process::Process;
use crate::harness::server::free_port;
use crate::harness::{Backend, PATIENCE, World, audit::audit, binaries, eventually, health};

trials! {
    own: [
        a_restart_keeps_everything,
        a_stop_finishes_what_was_taken,
        a_second_signal_ends_it_at_once,
    ];
    once: [
        the_first_start_says_where_things_are_and_what_to_try,
        a_second_process_on_the_same_file_is_refused,
        what_keeps_it_from_starting_is_told_in_one_line,
        a_file_that_is_no_order_database_is_left_alone,
        a_first_start_that_was_broken_off_is_taken_up_again,
        settings_come_from_flags_environment_and_file,
    ];
}

/// The server with nothing but these flags, in a folder of its own.
struct Bare {
    folder: Folder,
    process: Process,
}

impl Bare {
    fn start(flags: &[&str]) -> Self {
        let folder = Folder::new();
        let process = Self::run(&folder, flags);
        Self { folder, process }
    }

    fn run(folder: &Folder, flags: &[&str]) -> Process {
        Process::start(&binaries::server(), flags, &folder.file("log"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.file("log")).unwrap()
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.file("log.out")).unwrap_or_default()
    }

    /// The one line it ended with.
    async fn complaint(&self, code: i32) -> String {
        assert_eq!(self.process.ended(PATIENCE).await, code, "{}", self.log());
        let log = self.log();
        assert!(!log.contains("panicked") && !log.contains("stack backtrace"), "{log}");
        let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with('{')).collect();
        assert_eq!(lines.len(), 1, "one clear line: {log}");
        assert!(lines[0].starts_with("order-server: "), "{log}");
        lines[0].to_owned()
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

async fn the_first_start_says_where_things_are_and_what_to_try() {
    let (folder, port) = (Folder::new(), free_port());
    let (listen, data) = (format!("127.0.0.1:{port}"), text(&folder.file("data")));
    let bare = Bare::start(&["--listen", &listen, "--data-dir", &data]);
    eventually("it serves", async || {
        (health::status(port, "").await == Some(health::SERVING)).then_some(())
    })
    .await;
    let printed = eventually("it says so", async || {
        let printed = bare.printed();
        printed.contains("watch").then_some(printed)
    })
    .await;
    assert!(printed.contains(&format!("http://{listen}")), "{printed}");
    assert!(printed.contains(&data), "{printed}");
    let commands: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split_once("orderctl ").map(|(_, command)| command))
        .collect();
    assert_eq!(commands.len(), 3, "three commands to try: {printed}");
    for command in commands.iter().filter(|command| !command.contains("watch")) {
        let mut run = tokio::process::Command::new(binaries::orderctl());
        let output = run.args(command.split_whitespace()).output().await.unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
    assert!(folder.file("data/orders.db").exists());
    let mode = std::fs::metadata(folder.file("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "nobody else looks into it");
    // Not on a terminal: JSON, one record a line.
    for line in bare.log().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(record["level"].is_string() && record["timestamp"].is_string(), "{line}");
    }
    bare.process.signal("INT");
    assert_eq!(bare.process.ended(PATIENCE).await, 0);
}

async fn a_second_process_on_the_same_file_is_refused() {
    let world = World::own(Backend::Sqlite, &[]).await;
    let data = text(&world.server.store.data_folder());
    let listen = format!("127.0.0.1:{}", free_port());
    let second = Bare::start(&["--listen", &listen, "--data-dir", &data]);
    let line = second.complaint(1).await;
    assert!(line.contains("another process") && line.contains(&data), "{line}");
    world.buy(900, "").await;
}

async fn what_keeps_it_from_starting_is_told_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let in_use = listener.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let data = text(&folder.file("data"));
    let file = text(&folder.file("file"));
    std::fs::write(&file, "not a folder").unwrap();
    std::fs::create_dir(folder.file("damaged")).unwrap();
    std::fs::write(folder.file("damaged/orders.db"), vec![7_u8; 10_000]).unwrap();
    let damaged = text(&folder.file("damaged"));
    std::fs::create_dir(folder.file("scribbled")).unwrap();
    std::fs::write(folder.file("scribbled/sandbox.db"), vec![7_u8; 10_000]).unwrap();
    let scribbled = text(&folder.file("scribbled"));
    let free = format!("127.0.0.1:{}", free_port());
    let nobody = format!("127.0.0.1:{}", free_port());
    let unreachable = format!("postgres://nobody:hunter2@{nobody}/orders");
    let missing = format!("{}_missing", crate::postgres::server().await.url);
    let cases: [(&[&str], i32, &[&str]); 16] = [
        (&["--listen", &in_use, "--data-dir", &data], 1, &["in use", &in_use]),
        (&["--listen", "0.0.0.0:7070", "--data-dir", &data], 2, &["loopback", "--listen"]),
        (&["--listen", "[::]:7070", "--data-dir", &data], 2, &["loopback"]),
        (&["--listen", "192.0.2.1:7070", "--data-dir", &data], 2, &["loopback"]),
        (&["--listen", "somewhere"], 2, &["--listen"]),
        (
            &["--listen", &free, "--database-url", &unreachable],
            1,
            &["database", &nobody, "Connection refused"],
        ),
        (
            &["--listen", &free, "--database-url", &missing],
            1,
            &["database", "_missing", "does not exist"],
        ),
        (&["--database-url", "mysql://x"], 2, &["postgres://"]),
        (&["--listen", &free, "--data-dir", &file], 1, &["file"]),
        (&["--listen", &free, "--data-dir", &damaged], 1, &["database"]),
        (
            &["--listen", &free, "--data-dir", &data, "--sandbox-book", &damaged],
            1,
            &["the sandbox's book", &damaged],
        ),
        (
            &["--listen", &free, "--data-dir", &data, "--sandbox-book", &file],
            1,
            &["the sandbox's book", "not a database"],
        ),
        (
            &["--listen", &free, "--data-dir", &scribbled],
            1,
            &["the sandbox's book", "scribbled/sandbox.db", "not a database"],
        ),
        (&["--data-dir", ""], 2, &["--data-dir", "value"]),
        (&["--drain-timeout", "soon"], 2, &["--drain-timeout"]),
        (&["--no-such-setting"], 2, &["--no-such-setting"]),
    ];
    for (flags, code, parts) in cases {
        let line = Bare::start(flags).complaint(code).await;
        for part in parts {
            assert!(line.contains(part), "{flags:?}: {part:?} is not in {line:?}");
        }
        assert!(!line.contains("hunter2"), "no password is told: {line}");
        assert!(!line.ends_with(' '), "{line:?} breaks off");
    }
}

/// What somebody else keeps in SQLite; two of the tables are called as ours are.
const OTHERS: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY);
    CREATE TABLE shops (id INTEGER PRIMARY KEY);
    CREATE TABLE __diesel_schema_migrations (version TEXT PRIMARY KEY);
    INSERT INTO orders VALUES (1001);";
/// What a first start leaves that is broken off before its tables are made.
const BEGUN: &str = "
    CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    );";

fn execute(path: &Path, statements: &str) {
    SqliteConnection::establish(&text(path)).unwrap().batch_execute(statements).unwrap();
}

async fn a_file_that_is_no_order_database_is_left_alone() {
    let folder = Folder::new();
    let (data, path) = (text(folder.path()), folder.file("orders.db"));
    execute(&path, OTHERS);
    let whole = std::fs::read(&path).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    let scribbled = vec![7_u8; 10_000];
    for (bytes, found) in [(whole, "tables"), (cut, "SQLite"), (scribbled, "SQLite")] {
        std::fs::write(&path, &bytes).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let bare = Bare::start(&["--listen", &listen, "--data-dir", &data]);
        let line = bare.complaint(1).await;
        for part in ["no order database", "orders.db", &data, found, "--data-dir"] {
            assert!(line.contains(part), "{part:?} is not in {line:?}");
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{found}: something was written into it");
    }
}

async fn a_first_start_that_was_broken_off_is_taken_up_again() {
    let folder = Folder::new();
    execute(&folder.file("orders.db"), BEGUN);
    let (data, port) = (text(folder.path()), free_port());
    let listen = format!("127.0.0.1:{port}");
    let bare = Bare::start(&["--listen", &listen, "--data-dir", &data]);
    eventually("it serves", async || {
        (health::status(port, "").await == Some(health::SERVING)).then_some(())
    })
    .await;
    bare.process.signal("TERM");
    assert_eq!(bare.process.ended(PATIENCE).await, 0);
}

async fn settings_come_from_flags_environment_and_file() {
    let (folder, port) = (Folder::new(), free_port());
    let config = folder.file("orders.toml");
    let data = text(&folder.file("from-file"));
    std::fs::write(
        &config,
        format!("listen = \"127.0.0.1:{port}\"\ndata-dir = {data:?}\nlog-filter = \"debug\"\n"),
    )
    .unwrap();
    // The environment reaches the server through env(1), since tests clear it for the others.
    let path = text(&config);
    let server = text(&binaries::server());
    let set = [format!("ORDER_CONFIG={path}"), "ORDER_LOG_FILTER=warn".to_owned()];
    let arguments = [set[0].as_str(), set[1].as_str(), server.as_str(), "--drain-timeout", "1s"];
    let log = folder.file("log");
    let process = Process::start(Path::new("/usr/bin/env"), &arguments, &log);
    eventually("it serves where the file says", async || {
        (health::status(port, "").await == Some(health::SERVING)).then_some(())
    })
    .await;
    assert!(folder.file("from-file/orders.db").exists());
    process.signal("TERM");
    assert_eq!(process.ended(PATIENCE).await, 0);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        !log.contains("INFO") && !log.contains("DEBUG"),
        "the environment beats the file: {log}"
    );
}

async fn a_second_signal_ends_it_at_once(backend: Backend) {
    let world = World::own(backend, &["--drain-timeout", "60s"]).await;
    let bought = world.buy(900, "capture=slow:3m").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    world.server.signal("TERM");
    eventually("it drains", async || {
        (health::status(world.server.port, "").await != Some(health::SERVING)).then_some(())
    })
    .await;
    // The first may have been enough already.
    let _sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.server.signal("TERM");
    }));
    let code = world.server.gone().await;
    assert!(code == 1 || code == 0, "{code}");
}

async fn a_restart_keeps_everything(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.stock("CUP", 5).await;
    let mut before = Vec::new();
    for trouble in ["", "capture=decline"] {
        let bought = world.buy(900, trouble).await;
        world.complete(&bought.name).await.unwrap();
        before.push(world.settled(&bought.name).await);
    }
    let (shop, head) = (world.shop().await, world.revision().await);
    assert_eq!(world.server.stop().await, 0);
    world.server.start().await;
    assert_eq!((world.shop().await, world.revision().await), (shop, head));
    for order in before {
        assert_eq!(world.get(&order.name.parse().unwrap()).await, order);
    }
    assert_eq!(world.place(world.draft(0)).await.number, 1003);
    let default = World { shop: ShopName::new("default").unwrap(), ..world.clone() };
    assert_eq!(default.revision().await, 1, "the first shop is made once");
    audit(&world).await;
}

async fn a_stop_finishes_what_was_taken(backend: Backend) {
    let world = World::own(backend, &["--drain-timeout", "10s"]).await;
    let mut running = Vec::new();
    for _ in 0..24 {
        let world = world.clone();
        running.push(tokio::spawn(async move {
            let client = world.client.with_retry(order_sdk::RetryPolicy::off());
            let mut placed = 0;
            loop {
                let request = world.draft(0).into_request();
                match client.create_order(request).await {
                    Ok(_) => placed += 1,
                    Err(error) => {
                        if error.code() == Some("UNAVAILABLE") {
                            crate::harness::refused::note(order_rules::refusals::Code::Unavailable);
                        }
                        assert!(error.is_unavailable() || error.is_retryable(), "{error:?}");
                        return placed;
                    }
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.server.stop().await, 0);
    let mut answered = 0;
    for one in running {
        answered += one.await.unwrap();
    }
    world.server.start().await;
    let orders = audit(&world).await;
    assert!(orders.len() >= answered, "{} of {answered}", orders.len());
}
