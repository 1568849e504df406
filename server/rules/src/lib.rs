//! The business rules of handling orders, section by section.
//!
//! A rule is a pure function of facts, a command and the time given to it. Nothing here does I/O,
//! asks for the time, draws a random number or names another crate.

pub mod decision;
pub mod order;
pub mod payments;
pub mod refusals;
pub mod shop;
pub mod stock;

pub mod accounting;
pub mod attention;
pub mod audit;
pub mod changing;
pub mod clocks;
pub mod contact;
pub mod crediting;
pub mod deleting;
pub mod delivering;
pub mod duplicates;
pub mod editing;
pub mod effects;
pub mod expiring;
pub mod labels;
pub mod mail;
pub mod money;
pub mod placing;
pub mod privacy;
pub mod reconciling;
pub mod resolving;
pub mod statuses;

mod days;
mod draft;
#[cfg(test)]
mod fixtures;
