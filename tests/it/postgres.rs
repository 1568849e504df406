//! Gives every test that needs PostgreSQL a fresh database, wherever a server can be had.

use std::collections::hash_map::RandomState;
use std::error::Error;
use std::fs;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// Names the server to use, as a URL. Everything else is looked for only without it.
const SETTING: &str = "ORDER_TEST_POSTGRES";

const OLDEST_MAJOR_VERSION: u32 = 14;

const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// Makes a cluster, says `ready`, and removes the cluster when its input ends.
///
/// The input is a pipe that this process holds open, so it ends with the process, however that
/// ends. The signals are ignored because a terminal and a closed pipe send them to this shell too.
const KEEPER: &str = r#"
trap '' HUP INT TERM PIPE
bin=$1 folder=$2 port=$3 certificate=$4 key=$5
mkdir -m 700 "$folder" || exit 1
if "$bin/initdb" -D "$folder/data" --username=postgres --auth=trust --encoding=UTF8 \
     --locale=C.UTF-8 --no-sync >"$folder/log" 2>&1 &&
   { [ -z "$key" ] || {
     printf %s "$certificate" >"$folder/data/server.crt" &&
     ( umask 077; printf %s "$key" >"$folder/data/server.key" ) &&
     echo "ssl = on" >>"$folder/data/postgresql.conf"
   }; } &&
   "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 \
     -o "-h 127.0.0.1 -p $port -c unix_socket_directories= -c max_connections=200" \
     start >>"$folder/log" 2>&1
then
  echo ready
  read -r _
else
  tail -n 20 "$folder/log"
fi
"$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1
rm -rf "$folder"
"#;

const INSTALL: &str = "export DEBIAN_FRONTEND=noninteractive; apt-get update && \
    apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 postgresql";

static SERVER: OnceCell<Result<Server, String>> = OnceCell::const_new();

/// The PostgreSQL of this test process.
pub(crate) struct Server {
    /// Connects to the maintenance database, as a role that may create databases.
    pub(crate) url: String,
    /// Where the server comes from, for people.
    pub(crate) how: String,
    /// Holds the pipe that keeps a private cluster alive.
    _keeper: Option<Child>,
}

/// A certificate and its key, as PEM, of a server that speaks TLS; empty for one that does not.
type Pair<'a> = (&'a str, &'a str);
pub(crate) const IN_THE_CLEAR: Pair<'static> = ("", "");

/// An empty database of one test. Dropping the value drops the database, connections and all.
pub(crate) struct Database {
    /// `postgres://user@host:port/database`
    pub(crate) url: String,
    name: String,
    server_url: String,
}

impl Database {
    /// Lets connections in, or cuts them all off and lets none in.
    pub(crate) async fn allow_connections(&self, is_allowed: bool) {
        self.told(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {is_allowed}", self.name)).await;
        if !is_allowed {
            self.cut().await;
        }
    }

    /// Cuts off all who are connected; they may come back at once.
    pub(crate) async fn cut(&self) {
        let of_it = format!("FROM pg_stat_activity WHERE datname = '{}'", self.name);
        self.told(&format!("SELECT pg_terminate_backend(pid) {of_it}")).await;
    }

    /// Has the server do something to it from outside.
    async fn told(&self, statement: &str) {
        if let Err(reason) = execute(&self.server_url, statement).await {
            fail(&format!("{statement}: {reason}"));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server_url = self.server_url.clone();
        // A runtime of its own, because that of the test is busy with this very drop.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| chain(&error))?.block_on(execute(&server_url, &statement))
        });
        if let Ok(Err(reason)) = dropping.join() {
            say(&format!("the database {} stays behind: {reason}", self.name));
        }
    }
}

/// An empty database with a name of its own.
pub(crate) async fn fresh_database() -> Database {
    server().await.database().await
}

/// The PostgreSQL of this test process, found or started by the first who asks.
///
/// A test that needs one and cannot have one fails: it does not pass for want of a database.
pub(crate) async fn server() -> &'static Server {
    match SERVER.get_or_init(find).await {
        Ok(server) => server,
        Err(reason) => fail(&format!("no PostgreSQL to test with: {reason}")),
    }
}

/// A cluster of a test's own, gone with the value; it speaks TLS with this certificate.
pub(crate) async fn own_server((certificate, key): Pair<'_>) -> Server {
    // There may have to be an installation first, and only one.
    server().await;
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    let making =
        tokio::task::spawn_blocking(move || private_or_installed((certificate.as_str(), &key)));
    match making.await {
        Ok(Ok(server)) => server,
        Ok(Err(reason)) => fail(&reason),
        Err(error) => fail(&chain(&error)),
    }
}

impl Server {
    /// An empty database of it with a name of its own.
    pub(crate) async fn database(&self) -> Database {
        let name = format!("order_test_{}", unique());
        // template0, because template1 may hold what somebody put there, in another encoding.
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        if let Err(reason) = execute(&self.url, &statement).await {
            fail(&format!("{statement}: {reason}"));
        }
        Database { url: with_database(&self.url, &name), name, server_url: self.url.clone() }
    }

    /// Changes a setting of the whole server, and waits until it is in force.
    pub(crate) async fn set(&self, name: &str, value: &str) {
        let changes =
            [format!("ALTER SYSTEM SET {name} = {value}"), "SELECT pg_reload_conf()".to_owned()];
        for statement in changes {
            if let Err(reason) = execute(&self.url, &statement).await {
                fail(&format!("{statement}: {reason}"));
            }
        }
        while self.text(&format!("SHOW {name}")).await != value {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The one value that a query finds, as text, on a new connection.
    pub(crate) async fn text(&self, query: &str) -> String {
        let rows = async {
            let client = connect(&self.url).await?;
            client.simple_query(query).await.map_err(|error| chain(&error))
        };
        let rows = rows.await.unwrap_or_else(|reason| fail(&format!("{query}: {reason}")));
        let row = rows.iter().find_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        row.unwrap_or_default().to_owned()
    }
}

async fn find() -> Result<Server, String> {
    let server = match setting() {
        Some(url) => named(url).await?,
        None => match running().await {
            Ok(server) => server,
            Err(none_running) => tokio::task::spawn_blocking(|| private_or_installed(IN_THE_CLEAR))
                .await
                .map_err(|error| chain(&error))?
                .map_err(|none_private| format!("{none_running}; {none_private}"))?,
        },
    };
    say(&format!("testing with {}", server.how));
    Ok(server)
}

#[expect(clippy::disallowed_methods, reason = "where to test is a setting of the tests alone")]
fn setting() -> Option<String> {
    std::env::var(SETTING).ok().filter(|url| !url.is_empty())
}

async fn named(url: String) -> Result<Server, String> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(format!("{SETTING} is not a postgres:// URL"));
    }
    check(&url).await.map_err(|reason| format!("the server of {SETTING}: {reason}"))?;
    Ok(Server { url, how: format!("the server of {SETTING}"), _keeper: None })
}

/// The server that runs here already, if it lets us in without a password.
async fn running() -> Result<Server, String> {
    let mut users = vec![whoami()?];
    for user in ["postgres", "root"].map(String::from) {
        if !users.contains(&user) {
            users.push(user);
        }
    }
    let mut reasons = Vec::new();
    for (host, place) in
        [("127.0.0.1:5432", "127.0.0.1:5432"), ("%2Fvar%2Frun%2Fpostgresql", "/var/run/postgresql")]
    {
        for user in &users {
            let url = format!("postgres://{user}@{host}/postgres");
            match check(&url).await {
                Ok(()) => {
                    let how = format!("the server running on {place}, as {user}");
                    return Ok(Server { url, how, _keeper: None });
                }
                Err(reason) => reasons.push(format!("{place} as {user}: {reason}")),
            }
        }
    }
    Err(reasons.join("; "))
}

/// Whether a server answers, is new enough, and lets this role create databases.
async fn check(url: &str) -> Result<(), String> {
    let client = connect(url).await?;
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::int / 10000, rolcreatedb OR rolsuper
             FROM pg_roles WHERE rolname = current_user",
            &[],
        )
        .await
        .map_err(|error| chain(&error))?;
    let major: i32 = row.try_get(0).map_err(|error| chain(&error))?;
    let may_create: bool = row.try_get(1).map_err(|error| chain(&error))?;
    if u32::try_from(major).is_ok_and(|major| major < OLDEST_MAJOR_VERSION) {
        return Err(format!("PostgreSQL {major} is older than {OLDEST_MAJOR_VERSION}"));
    }
    if !may_create {
        return Err("the role may not create databases".to_owned());
    }
    Ok(())
}

fn private_or_installed(pair: Pair<'_>) -> Result<Server, String> {
    if let Ok(bin) = programs() {
        return private(&bin, &format!("a private cluster of {}", bin.display()), pair);
    }
    install()?;
    let bin = programs()?;
    private(&bin, &format!("a private cluster of {}, installed for it", bin.display()), pair)
}

/// The folder with `initdb` and `pg_ctl`: one in the PATH, else the newest of Debian's.
fn programs() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort_by_key(|folder| std::cmp::Reverse(major_version(folder)));
    folders.extend(debian);
    folders
        .into_iter()
        .find(|folder| {
            folder.join("pg_ctl").is_file()
                && major_version(folder).is_some_and(|major| major >= OLDEST_MAJOR_VERSION)
        })
        .ok_or_else(|| format!("no initdb and pg_ctl of version {OLDEST_MAJOR_VERSION} or later"))
}

/// 15 for `initdb (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`.
fn major_version(folder: &Path) -> Option<u32> {
    let output = Command::new(folder.join("initdb")).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    said.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A cluster in a folder of its own, gone with this process.
fn private(bin: &Path, how: &str, pair: Pair<'_>) -> Result<Server, String> {
    let mut reasons = String::new();
    // Between choosing a port and listening on it, somebody else may have taken it.
    for _ in 0..3 {
        let port = free_port().map_err(|error| chain(&error))?;
        match start(bin, port, pair) {
            Ok(keeper) => {
                let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
                let how = format!("{how}, on 127.0.0.1:{port}");
                return Ok(Server { url, how, _keeper: Some(keeper) });
            }
            Err(reason) => reasons = reason,
        }
    }
    Err(format!("{how} does not start: {reasons}"))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn start(bin: &Path, port: u16, (certificate, key): Pair<'_>) -> Result<Child, String> {
    let mut keeper = Command::new("sh");
    let mut parent = std::env::temp_dir();
    if is_root()? {
        // PostgreSQL refuses to run as root, and another user may not reach root's own folders.
        let (user, group) = unprivileged_user()?;
        keeper.uid(user).gid(group);
        parent = PathBuf::from("/tmp");
    }
    keeper.args(["-c", KEEPER, "order-test-postgres"]).arg(bin);
    keeper.arg(parent.join(format!("order-test-postgres-{}", unique()))).arg(port.to_string());
    keeper.args([certificate, key]);
    keeper.current_dir("/").process_group(0);
    keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = keeper.spawn().map_err(|error| chain(&error))?;

    let mut output = BufReader::new(child.stdout.take().ok_or("the shell has no output")?);
    let mut answer = String::new();
    output.read_line(&mut answer).map_err(|error| chain(&error))?;
    if answer.trim_end() == "ready" {
        return Ok(child);
    }
    output.read_to_string(&mut answer).map_err(|error| chain(&error))?;
    child.wait().map_err(|error| chain(&error))?;
    Err(answer)
}

/// User and group number of `postgres`, else of `nobody`.
fn unprivileged_user() -> Result<(u32, u32), String> {
    let accounts = fs::read_to_string("/etc/passwd").map_err(|error| chain(&error))?;
    let find = |name: &str| {
        let account = accounts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let mut fields = account?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).ok_or_else(|| "no user to run it as".to_owned())
}

fn install() -> Result<(), String> {
    say("no PostgreSQL here: installing it with apt-get");
    let mut shell = if is_root()? { Command::new("sh") } else { Command::new("sudo") };
    if !is_root()? {
        shell.args(["-n", "sh"]);
    }
    let output = shell.args(["-c", INSTALL]).stdin(Stdio::null()).output();
    said(output).map(drop).map_err(|reason| format!("apt-get: {reason}"))
}

fn is_root() -> Result<bool, String> {
    Ok(said(Command::new("id").arg("-u").output())? == "0")
}

fn whoami() -> Result<String, String> {
    said(Command::new("id").arg("-un").output())
}

/// What a program printed, or what it complained about.
fn said(output: std::io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| chain(&error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

async fn execute(url: &str, statement: &str) -> Result<(), String> {
    connect(url).await?.batch_execute(statement).await.map_err(|error| chain(&error))
}

async fn connect(url: &str) -> Result<Client, String> {
    let (client, connection) =
        tokio::time::timeout(LONGEST_ANSWER, tokio_postgres::connect(url, NoTls))
            .await
            .map_err(|_elapsed| format!("no answer within {} s", LONGEST_ANSWER.as_secs()))?
            .map_err(|error| chain(&error))?;
    tokio::spawn(connection);
    Ok(client)
}

/// The same server and role, another database.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = url.split_at(url.find('?').unwrap_or(url.len()));
    // `postgres:`, nothing, `user@host:port`, and then the database.
    let server: Vec<&str> = address.splitn(4, '/').take(3).collect();
    format!("{}/{database}{parameters}", server.join("/"))
}

fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// An error with all its causes: the outermost alone says only `db error`.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// To the real stderr: what goes through `eprintln!` is shown of failed tests only.
fn say(line: &str) {
    // Whoever closed stderr does not want to know.
    drop(writeln!(std::io::stderr(), "postgres: {line}"));
}

fn fail(reason: &str) -> ! {
    panic!("{reason}")
}
