//! The query set, written once: both databases compile these files as modules of their own.

mod attention;
mod audits;
mod effects;
mod erasing;
mod integrations;
mod labels;
mod listing;
mod load;
mod mails;
mod readings;
mod reads;
mod save;
mod search;
mod shops;
mod sole_makers;
mod stream;
mod transfers;
mod turn;
mod underway;
mod webhooks;

pub(super) use super::{Backend, Connection, Database, Run, newest_purchases};
