//! Stand-ins of the providers: each does as the real one does, also what its description does not
//! say, goes wrong when told to, and keeps a book of what it has really done.
//!
//! In a test: `Fake::start(Klarna::default())`. For a server that is to be killed, or by hand:
//! `cargo run -p order-tests --bin fakes`. Both are steered alike: by methods of [`Fake`], or by
//! HTTP below `/control/` of the stand-in's own address:
//!
//! | call | does |
//! |---|---|
//! | `GET /control/book` | tells the [`Book`] |
//! | `POST /control/troubles` | adds a [`Trouble`] |
//! | `DELETE /control/troubles` | ends all troubles |
//! | `POST /control/clock` | puts its clock forward: `{"seconds": 86400}` |
//! | `PUT /control/notices` | tells how its notices travel: a [`Travel`] |
//!
//! The rest of `/control/` is each stand-in's own. The [`MailServer`] speaks SMTP alone: what it does to a
//! mail is in the recipient's address.

pub mod adyen;
mod book;
mod call;
mod caller;
pub mod cargonizer;
mod host;
#[cfg(test)]
mod inbox;
mod keys;
pub mod klarna;
mod lags;
mod manual;
mod notices;
mod provider;
mod recipes;
pub mod smtp;
mod state;
pub mod tripletex;
mod trouble;
pub mod vipps;

pub use adyen::Adyen;
pub use book::{Arrival, Book, Done};
pub use call::{Answer, Call};
pub use caller::{Reply, send};
pub use cargonizer::Cargonizer;
pub use host::Fake;
pub use klarna::Klarna;
pub use manual::{Manual, manual};
pub use notices::{Notice, Sent, Travel};
pub use provider::{Asked, Desk, Provider};
pub use recipes::{Service, recipe};
pub use smtp::MailServer;
pub use tripletex::Tripletex;
pub use trouble::{Effect, Refusal, Trouble};
pub use vipps::Vipps;

/// Asks until it is so.
#[cfg(test)]
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), asking).await.unwrap();
}
