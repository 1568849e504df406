//! Child processes: the server that is measured, and whatever else must not share our process.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use order_proto::v1::{
    ListShopsRequest, order_service_client::OrderServiceClient,
    shop_service_client::ShopServiceClient,
};
use tonic::transport::{Channel, Endpoint};

use crate::Result;

/// A process that ends when it is dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    started: Instant,
    pub(crate) url: String,
}

pub(crate) type Orders = OrderServiceClient<Channel>;

const START_WITHIN: Duration = Duration::from_secs(60);
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// Pages of a thousand orders are larger than tonic's default of 4 MiB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

impl Running {
    /// Starts a program that listens on the port. Its words go to a file in the folder.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(command: &mut Command, port: u16, log: PathBuf) -> Result<Self> {
        let words = File::create(&log)?;
        let started = Instant::now();
        let child =
            command
                .stdin(Stdio::null())
                .stdout(words.try_clone()?)
                .stderr(words)
                .spawn()
                .map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
        Ok(Self { child, log, started, url: format!("http://127.0.0.1:{port}") })
    }

    /// Waits until the server answers a read of its shops, and tells how long that took from its start.
    ///
    /// # Errors
    /// It ended, or took too long; with the end of its log.
    pub(crate) async fn serving(&mut self) -> Result<Duration> {
        loop {
            let answered = match Endpoint::from_shared(self.url.clone())?.connect().await {
                Ok(channel) => ShopServiceClient::new(channel)
                    .list_shops(ListShopsRequest::default())
                    .await
                    .is_ok(),
                Err(_) => false,
            };
            if answered {
                return Ok(self.started.elapsed());
            }
            self.check_alive()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until something listens.
    ///
    /// # Errors
    /// The process ended, or took too long.
    pub(crate) async fn listening(&mut self) -> Result<()> {
        while Endpoint::from_shared(self.url.clone())?.connect().await.is_err() {
            self.check_alive()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!("the process ended ({status}): {}", self.last_words()).into());
        }
        if self.started.elapsed() > START_WITHIN {
            return Err(format!("it does not serve: {}", self.last_words()).into());
        }
        Ok(())
    }

    /// The end of what the process wrote.
    fn last_words(&self) -> String {
        let words = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = words.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<&str>>().join(" / ")
    }

    /// Clients, each with a connection of its own.
    ///
    /// # Errors
    /// No connection.
    pub(crate) async fn clients(&self, connections: u16) -> Result<Vec<Orders>> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let channel = self.channel().await?;
            clients.push(Orders::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX));
        }
        Ok(clients)
    }

    /// A connection.
    ///
    /// # Errors
    /// None can be made.
    pub(crate) async fn channel(&self) -> Result<Channel> {
        Ok(Endpoint::from_shared(self.url.clone())?.timeout(CALL_WITHIN).connect().await?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; what it leaves behind is thrown away.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that is free now.
///
/// # Errors
/// There is none.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The server's program: as told, or beside this one.
///
/// # Errors
/// It is not there.
pub(crate) fn program(told: Option<&Path>) -> Result<PathBuf> {
    let program = match told {
        Some(program) => program.to_owned(),
        None => std::env::current_exe()?.with_file_name("order-server"),
    };
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "no server at {}: build it with `cargo build --release -p order-server` or name it with --server-bin",
            program.display()
        )
        .into())
    }
}
