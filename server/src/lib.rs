//! The order service: takes orders from placed to settled without losing or doubling money, stock
//! or events.
//!
//! # One way through the house
//!
//! ```text
//! grpc ─► command ─► queue of its shop ─► turn { lock · load · decide (pure) · save · commit } ─► answer
//!                         ▲                                      │
//!      effects ── outcome ┘   ◄────────── effects planned ───────┤
//!         └─► provider, mail                                     └──► feed ─► listeners
//! ```
//!
//! A shop is a serial log. [`turns`] lets the commands of a shop queue up and carries out all that
//! wait in one transaction; [`commands`] names the facts each needs and the rule it asks; the rules
//! themselves are `order_rules`, which knows nothing but `std`. What the outside world must do is
//! stored with the turn and carried out by [`effects`]; its outcome comes back as a command.
//! [`reading`] answers queries and [`feed`] tells listeners, both with the very bytes that the turn
//! stored.
//!
//! # What is never so
//!
//! - No system outside is called inside a transaction, and none of them knows the store.
//! - The store knows neither the contract nor the rules: rows in, rows out.
//! - Only [`clock`] asks what time it is, only [`config`] reads the environment, only [`grpc`] says
//!   `Status`, only `store/postgres.rs` and `store/sqlite.rs` know a dialect.
//! - No event is appended and no number taken outside a turn.

pub mod app;
pub mod config;
pub mod telemetry;

mod grpc;

mod catalogue;
mod commands;
mod shops;
mod turns;

mod accounting;
mod connecting;
mod effects;
mod feed;
mod labels;
mod links;
mod mail;
mod outside;
mod providers;
mod reading;
mod reconciling;
mod resealing;
mod search;
mod verifying;
mod webhooks;

mod clock;
mod escapes;
mod folders;
mod store;
mod systems;
mod terms;
mod vault;
mod wire;
