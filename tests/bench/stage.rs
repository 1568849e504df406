//! The stage: a fresh server on a fresh database, with shops to sell in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use order_proto::v1::{
    CreateShopRequest, ListOrderStatusesRequest, ListOrdersRequest, Shop, StatusTag,
    order_status_service_client::OrderStatusServiceClient, shop_service_client::ShopServiceClient,
};

use crate::ceilings::pgbench::Postgres;
use crate::load::{self, Pressure};
use crate::purchases::Purchases;
use crate::server::{self, Orders, Running};
use crate::{Arguments, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// Everything a row needs.
pub(crate) struct Stage {
    /// Ends before its database is dropped.
    server: Running,
    pub(crate) arguments: Arguments,
    pub(crate) backend: Backend,
    pub(crate) clients: Vec<Orders>,
    /// From the start of the process to its first answer.
    pub(crate) start_took: Duration,
    /// Where the ceilings put their databases and files: the same disk as the server's.
    pub(crate) folder: PathBuf,
    /// With PostgreSQL.
    pub(crate) postgres: Option<Postgres>,
}

/// The DEFAULT status of a shop and one without a tag.
pub(crate) struct Labels {
    pub(crate) default: String,
    pub(crate) untagged: String,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Stage {
    /// Starts the server on an empty database.
    ///
    /// # Errors
    /// No program, no PostgreSQL, or it does not serve.
    pub(crate) async fn build(arguments: &Arguments, backend: Backend) -> Result<Self> {
        let program = server::program(arguments.server_bin.as_deref())?;
        let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
        let folder = parent.join(format!("order-bench-{}-{}", std::process::id(), backend.name()));
        fs::create_dir_all(&folder)?;
        let postgres = match (backend, &arguments.postgres_url) {
            (Backend::Sqlite, _) => None,
            (Backend::Postgres, Some(url)) => Some(Postgres::prepare(url, &folder)?),
            (Backend::Postgres, None) => return Err("--postgres-url is missing".into()),
        };
        let port = server::free_port()?;
        let mut command = Command::new(program);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--log-filter", "warn"]);
        command.arg("--data-dir").arg(folder.join("server"));
        if let Some(postgres) = &postgres {
            command.args(["--database-url", &postgres.server_url]);
        }
        let mut server = Running::start(&mut command, port, folder.join("server.log"))?;
        let start_took = server.serving().await?;
        let clients = server.clients(arguments.connections).await?;
        let arguments = arguments.clone();
        Ok(Self { arguments, backend, clients, start_took, folder, postgres, server })
    }

    /// A new shop: its name, `shops/{id}`. The provider `klarna` is the server's sandbox.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) async fn open_shop(&self, id: &str) -> Result<String> {
        let shop = Shop { display_name: "Fjelltoppen".to_owned(), ..Shop::default() };
        let request = CreateShopRequest {
            shop_id: id.to_owned(),
            shop: Some(shop),
            ..CreateShopRequest::default()
        };
        ShopServiceClient::new(self.server.channel().await?).create_shop(request).await?;
        Ok(format!("shops/{id}"))
    }

    /// Two labels of a shop between which an order can go to and fro without effects.
    ///
    /// # Errors
    /// The shop has no such statuses.
    pub(crate) async fn labels(&self, shop: &str) -> Result<Labels> {
        let request = ListOrderStatusesRequest { parent: shop.to_owned() };
        let statuses = OrderStatusServiceClient::new(self.server.channel().await?)
            .list_order_statuses(request)
            .await?
            .into_inner()
            .order_statuses;
        let of = |tag: StatusTag| {
            statuses.iter().find(|status| status.tag() == tag).map(|status| status.name.clone())
        };
        let default = of(StatusTag::Default).ok_or("the shop has no DEFAULT status")?;
        let untagged = of(StatusTag::Unspecified).ok_or("the shop has no untagged status")?;
        Ok(Labels { default, untagged })
    }

    /// Places orders until the shop has so many more, with no clock running.
    ///
    /// # Errors
    /// A call fails.
    pub(crate) async fn fill(&self, shop: &str, count: u64) -> Result<()> {
        let mut rest = usize::try_from(count)?;
        while rest > 0 {
            let batch = rest.min(20_000);
            let purchases = Purchases::new(batch, &[shop.to_owned()], "manual");
            self.place_all(purchases).await?;
            rest -= batch;
        }
        Ok(())
    }

    async fn place_all(&self, purchases: Purchases) -> Result<()> {
        let purchases = std::sync::Arc::new(purchases);
        let mut lanes = tokio::task::JoinSet::new();
        for (_, client) in (0..self.arguments.in_flight).zip(self.clients.iter().cycle()) {
            let (purchases, mut client) = (purchases.clone(), client.clone());
            lanes.spawn(async move {
                while let Some(request) = purchases.next() {
                    client.create_order(request).await?;
                }
                Ok::<(), tonic::Status>(())
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane??;
        }
        Ok(())
    }

    /// Names of all orders of a shop: numbers have no gaps.
    ///
    /// # Errors
    /// A call fails or the shop is empty.
    pub(crate) async fn order_names(&self, shop: &str) -> Result<Vec<String>> {
        let mut client = self.client(0)?;
        let mut ends = Vec::new();
        for order_by in ["number", "number desc"] {
            let request = ListOrdersRequest {
                parent: shop.to_owned(),
                page_size: 1,
                order_by: order_by.to_owned(),
                ..ListOrdersRequest::default()
            };
            let page = client.list_orders(request).await?.into_inner();
            ends.extend(page.orders.first().map(|order| order.number));
        }
        let [first, last] = ends.as_slice() else { return Err("the shop has no orders".into()) };
        Ok((*first..=*last).map(|number| format!("{shop}/orders/{number}")).collect())
    }

    /// The client of a lane.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn client(&self, lane: usize) -> Result<Orders> {
        let place = lane.checked_rem(self.clients.len()).ok_or("no connections")?;
        Ok(self.clients.get(place).ok_or("no connections")?.clone())
    }

    /// How hard the rows press.
    pub(crate) fn pressure(&self) -> Pressure {
        self.arguments.pressure()
    }

    /// The numbers of the runs.
    pub(crate) fn runs(&self) -> std::ops::Range<u16> {
        0..self.arguments.runs
    }

    /// Times one call in flight: the median of so many calls, microseconds.
    ///
    /// # Errors
    /// A call fails.
    pub(crate) async fn time_page(&self, request: &ListOrdersRequest, calls: usize) -> Result<u64> {
        let mut client = self.client(0)?;
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let request = request.clone();
            let sent = std::time::Instant::now();
            let page = client.list_orders(request).await?.into_inner();
            times.push(load::micros(sent.elapsed()));
            if page.orders.is_empty() {
                return Err("a page without orders".into());
            }
        }
        Ok(load::median(times))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

fn remove(folder: &Path) {
    // What cannot be removed is left; it is in a folder of our own.
    drop(fs::remove_dir_all(folder));
}
