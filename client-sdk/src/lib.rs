//! Rust SDK of the order service: places, reads, changes and follows orders.
//!
//! ```no_run
//! # async fn example() -> Result<(), order_sdk::Error> {
//! use futures_util::StreamExt;
//! use order_sdk::{OrderClient, ShopName, Start, WatchItem};
//!
//! let client = OrderClient::builder()
//!     .endpoint("http://127.0.0.1:7070")
//!     .actor("warehouse")
//!     .connect()
//!     .await?;
//! let shop = ShopName::new("default")?;
//!
//! // Say that an order is sent: captures the money first, and waits up to 10 s for that.
//! let changed = client
//!     .change_status(&shop.order(1001)?, &shop.status("sent")?)
//!     .wait(std::time::Duration::from_secs(10))
//!     .send()
//!     .await?;
//! println!("{:?}", changed.order.map(|order| order.payment_state));
//!
//! // Follow everything that happens from now on; store the cursor with your own work.
//! let mut watch = client.watch(&shop).from(Start::Now).open();
//! while let Some(item) = watch.next().await {
//!     let item = item?;
//!     if let WatchItem::Batch { events, .. } = &item {
//!         println!("{} events, cursor {}", events.len(), item.cursor());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every mutation gets a `request_id` (UUID v7) when it has none and keeps it over retries, so that a
//! command is carried out once however often it is sent. Refusals are [`Error::Refused`] with the
//! code, cause and remedy of the catalogue; they are never retried unless the server says so.

#![warn(missing_docs)]

mod batches;
mod calls;
mod checkpoints;
mod client;
mod connection;
mod crediting;
mod deliveries;
mod editing;
mod error;
mod labels;
mod money;
mod names;
mod notes;
mod orders;
mod pages;
mod placing;
mod refusal;
mod resolving;
mod retry;
#[cfg(test)]
mod scripted;
mod services;
mod tokens;
mod transferring;
mod watch;

pub use order_proto::{placeholders, systems, v1 as proto};

pub use batches::{StatusBatch, StatusBatchOutcomes};
pub use checkpoints::{CheckpointStore, FileCheckpoints};
pub use client::OrderClient;
pub use connection::ClientBuilder;
pub use crediting::Credit;
pub use deliveries::DeliveryDraft;
pub use editing::OrderEdit;
pub use error::Error;
pub use labels::LabelDraft;
pub use money::{Amount, Currency, Money, OrderMoney};
pub use names::{IntegrationName, InvalidName, OrderName, ShopName, StatusName, StockItemName};
pub use notes::NoteDraft;
pub use orders::{OrderQuery, StatusChange};
pub use pages::{Items, Page, Pages};
pub use placing::OrderDraft;
pub use refusal::{FieldViolation, HelpLink, Refusal};
pub use resolving::Resolution;
pub use retry::RetryPolicy;
pub use tokens::{Cursor, Etag, PageToken};
pub use tonic::Code;
pub use transferring::Transfer;
pub use watch::{Place, Start, Watch, WatchBuilder, WatchItem};
