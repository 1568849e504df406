//! The query set, written once: both databases compile these files as modules of their own.

mod audits;
mod effects;
mod listing;
mod load;
mod reads;
mod save;
mod shops;
mod stream;
mod turn;

pub(super) use super::{Backend, Connection, Database, Run};
